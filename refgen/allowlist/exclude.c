/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Python's regular expressions, as far as exclusions use them, as globs that match whole paths.
 * Keylime matches an expression at a path's start, so what follows is free unless "$" ends it.
 */
#include "refgen/allowlist/allowlist.h"

#include "core/own.h"

#define GLOBS_MAX 64   /* alternatives of one expression, multiplied out */
#define DEPTH_MAX 8    /* groups in groups */
#define GLOB_MAX  1024 /* bytes of one glob: a line of a policy */

struct globs {
	const char *items[GLOBS_MAX]; /* in the arena */
	size_t n;
};

struct parser {
	struct arena arena;
	struct bytes text;
	size_t at;
	bool failed; /* globs cannot say it */
};

static int peek(const struct parser *parser)
{
	return parser->at < parser->text.size ? parser->text.data[parser->at] : -1;
}

static void fail(struct parser *parser)
{
	parser->failed = true;
	parser->at = parser->text.size;
}

static void globs_add(struct parser *parser, struct globs *globs, const char *before,
		      const char *after)
{
	if (globs->n == GLOBS_MAX || strlen(before) + strlen(after) > GLOB_MAX) {
		fail(parser);
		return;
	}
	globs->items[globs->n++] = arena_printf(&parser->arena, "%s%s", before, after);
}

/* Each of globs followed by each of tails. */
static void multiply(struct parser *parser, struct globs *globs, const struct globs *tails)
{
	struct globs before = *globs;

	globs->n = 0;
	for (size_t i = 0; i < before.n; i++)
		for (size_t j = 0; j < tails->n && !parser->failed; j++)
			globs_add(parser, globs, before.items[i], tails->items[j]);
}

/* What may follow an atom. */
enum repeat { ONCE, OPTIONAL, ANY_NUMBER, ONE_OR_MORE };

static enum repeat parse_repeat(struct parser *parser)
{
	enum repeat repeat = ONCE;

	switch (peek(parser)) {
	case '?':
		repeat = OPTIONAL;
		break;
	case '*':
		repeat = ANY_NUMBER;
		break;
	case '+':
		repeat = ONE_OR_MORE;
		break;
	case '{':
		fail(parser);
		return ONCE;
	default:
		return ONCE;
	}
	parser->at++;
	/* "*?" takes as little as it can: whether it matches is the same. */
	if (peek(parser) == '?')
		parser->at++;
	else if (peek(parser) == '*' || peek(parser) == '+' || peek(parser) == '{')
		fail(parser);
	return repeat;
}

/* Something that matches one byte: once, or any run of them, or neither way (NULL). */
static void parse_byte(struct parser *parser, const char *one, const char *run, struct globs *out)
{
	enum repeat repeat = parse_repeat(parser);

	if (repeat == OPTIONAL)
		globs_add(parser, out, "", "");
	if (repeat == ONCE || repeat == OPTIONAL)
		globs_add(parser, out, one, "");
	else if (!run)
		fail(parser);
	else
		globs_add(parser, out, repeat == ONE_OR_MORE ? one : "", run);
}

/* "[...]" behind its bracket: the same as a glob writes it. */
static void parse_set(struct parser *parser, struct globs *out)
{
	char glob[GLOB_MAX + 4] = "[";
	size_t n = 1, first;

	if (peek(parser) == '^') {
		parser->at++;
		glob[n++] = '!';
	}
	first = parser->at;
	if (peek(parser) == '!' && n == 1)
		fail(parser); /* would turn the set round */
	for (; peek(parser) >= 0 && (peek(parser) != ']' || parser->at == first); parser->at++) {
		int c = peek(parser);

		if (c == '\\' || c == '[' || c < ' ' || n > GLOB_MAX)
			fail(parser);
		else
			glob[n++] = (char)c;
	}
	if (peek(parser) != ']') {
		fail(parser);
		return;
	}
	parser->at++;
	glob[n++] = ']';
	glob[n] = '\0';
	if (strcmp(glob, "[!/]") == 0)
		parse_byte(parser, "?", "*", out);
	else
		parse_byte(parser, glob, NULL, out);
}

static void parse_literal(struct parser *parser, int c, struct globs *out)
{
	char glob[3] = { (char)c, '\0', '\0' };

	/* A policy's lines hold no control characters, and a semicolon begins a comment there. */
	if (c < ' ' || c == 0x7f || c == ';') {
		fail(parser);
		return;
	}
	if (strchr("*?[\\", c)) {
		glob[0] = '\\';
		glob[1] = (char)c;
	}
	parse_byte(parser, glob, NULL, out);
}

static bool is_word(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void parse_alternatives(struct parser *parser, unsigned depth, struct globs *out);

/* A group behind its parenthesis: "(a|b)", "(?:a|b)", perhaps optional. */
static void parse_group(struct parser *parser, unsigned depth, struct globs *out)
{
	enum repeat repeat;

	if (peek(parser) == '?') {
		parser->at++;
		if (peek(parser) != ':')
			fail(parser);
		parser->at++;
	}
	if (depth == DEPTH_MAX) {
		fail(parser);
		return;
	}
	parse_alternatives(parser, depth + 1, out);
	if (peek(parser) != ')') {
		fail(parser);
		return;
	}
	parser->at++;
	repeat = parse_repeat(parser);
	if (repeat == OPTIONAL)
		globs_add(parser, out, "", "");
	else if (repeat != ONCE)
		fail(parser);
}

/* Up to a "|", a parenthesis or the end; *closed: "$" was at its end. */
static void parse_sequence(struct parser *parser, unsigned depth, struct globs *out, bool *closed)
{
	globs_add(parser, out, "", "");
	*closed = false;
	if (depth == 0 && peek(parser) == '^')
		parser->at++;
	for (int c; (c = peek(parser)) >= 0 && c != '|' && c != ')';) {
		struct globs atom = { .n = 0 };

		parser->at++;
		if (c == '$') {
			*closed = true;
			if (depth > 0 || (peek(parser) >= 0 && peek(parser) != '|'))
				fail(parser);
			return;
		}
		if (c == '.')
			parse_byte(parser, "?", "**", &atom);
		else if (c == '[')
			parse_set(parser, &atom);
		else if (c == '(')
			parse_group(parser, depth, &atom);
		else if (c == '\\' && peek(parser) >= 0 && !is_word(peek(parser)))
			parse_literal(parser, parser->text.data[parser->at++], &atom);
		else if (strchr("\\^*+?{", c))
			fail(parser);
		else
			parse_literal(parser, c, &atom);
		multiply(parser, out, &atom);
	}
}

/* Anything may follow what it matches already. */
static bool is_open(const char *glob)
{
	size_t size = strlen(glob);

	return size >= 2 && strcmp(glob + size - 2, "**") == 0;
}

static void parse_alternatives(struct parser *parser, unsigned depth, struct globs *out)
{
	for (;;) {
		struct globs sequence = { .n = 0 };
		bool closed;

		parse_sequence(parser, depth, &sequence, &closed);
		for (size_t i = 0; i < sequence.n; i++)
			globs_add(parser, out, sequence.items[i],
				  depth == 0 && !closed && !is_open(sequence.items[i]) ? "**" : "");
		if (peek(parser) != '|')
			return;
		parser->at++;
	}
}

bool allowlist_exclude_globs(struct bytes regex, struct buf *out)
{
	AUTO(arena_clear) struct arena arena = { 0 };
	struct parser parser = { .text = regex };
	struct globs globs = { .n = 0 };

	parse_alternatives(&parser, 0, &globs);
	/* A parenthesis that nothing opened. */
	if (peek(&parser) >= 0)
		fail(&parser);
	arena = parser.arena;
	if (parser.failed || arena.failed)
		return false;
	for (size_t i = 0; i < globs.n; i++)
		buf_printf(out, "exclude = %s\n", globs.items[i]);
	return true;
}
