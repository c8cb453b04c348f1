/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lexer: words and signs of GRUB's script language, fetched line by line as GRUB does.
 *
 * A line is a unit of its own unless something in it is still open: a quote, a backslash at its end,
 * or a block, if or loop, which the parser says by `open`. Only then is the next line fetched: what
 * is run between two lines may decide what the next one means.
 *
 * Source: grub-core/script/yylex.l and lexer.c.
 */
#ifndef REFGEN_GRUB_LEXER_H
#define REFGEN_GRUB_LEXER_H

#include "refgen/grub/internal.h"

enum token_type {
	TOKEN_END,
	TOKEN_NEWLINE,
	TOKEN_SEMICOLON,
	TOKEN_LEFT,  /* { */
	TOKEN_RIGHT, /* } */
	TOKEN_SIGN,  /* ||, &&, ;;, |, &, <, >, [[, ]]: in no rule of the grammar */
	TOKEN_WORD,
	TOKEN_NAME, /* a word that may name a variable */
	TOKEN_IF,
	TOKEN_THEN,
	TOKEN_ELIF,
	TOKEN_ELSE,
	TOKEN_FI,
	TOKEN_FOR,
	TOKEN_IN,
	TOKEN_DO,
	TOKEN_DONE,
	TOKEN_WHILE,
	TOKEN_UNTIL,
	TOKEN_FUNCTION,
	TOKEN_RESERVED, /* case, esac, select: words only among arguments */
};

struct token {
	enum token_type type;
	size_t start, end; /* in the lexer's text */
	size_t line;
};

struct lexer {
	struct grub *grub;
	struct lines *lines;
	struct buf text; /* of the unit so far; owned */
	size_t pos;
	size_t line;       /* at pos */
	unsigned open;     /* constructs that wait for their end */
	struct token next; /* looked at, not taken */
	bool has_next;
};

/* Begins a unit with the next line: 1, 0 at the end of the script, RUN_ERROR. */
int lexer_begin(struct lexer *lexer, struct grub *grub, struct lines *lines);
void lexer_clear(struct lexer *lexer);

/* The next token, without taking it: 0 or RUN_ERROR. */
int lexer_peek(struct lexer *lexer, struct token *out);
void lexer_take(struct lexer *lexer);

/* The parts of a word, which is the text of a token. */
int lexer_split(struct lexer *lexer, const struct token *token, struct word **out);

/* RUN_ERROR, and where in the script it is. */
int lexer_fail(struct lexer *lexer, size_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
