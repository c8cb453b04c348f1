/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The grammar of GRUB's scripts. Source: grub-core/script/parser.y. What GRUB calls a syntax error ends
 * the run: GRUB itself goes on somewhere behind it, where nobody can say what it understands.
 */
#include "refgen/grub/lexer.h"

static int parse_list(struct lexer *lexer, struct statement **out);

static int unexpected(struct lexer *lexer, const struct token *token, const char *wanted)
{
	char text[48];
	size_t n = token->end - token->start;

	if (token->type == TOKEN_NEWLINE || token->type == TOKEN_END)
		return lexer_fail(lexer, token->line, "the line ends where %s is wanted", wanted);
	if (n >= sizeof(text))
		n = sizeof(text) - 1;
	memcpy(text, lexer->text.data + token->start, n);
	text[n] = '\0';
	return lexer_fail(lexer, token->line, "'%s' where %s is wanted", text, wanted);
}

static int expect(struct lexer *lexer, enum token_type type, const char *wanted)
{
	struct token token;

	if (lexer_peek(lexer, &token) < 0)
		return RUN_ERROR;
	if (token.type != type)
		return unexpected(lexer, &token, wanted);
	lexer_take(lexer);
	return 0;
}

static int skip_newlines(struct lexer *lexer)
{
	struct token token;

	for (;;) {
		if (lexer_peek(lexer, &token) < 0)
			return RUN_ERROR;
		if (token.type != TOKEN_NEWLINE)
			return 0;
		lexer_take(lexer);
	}
}

/* ';' or newline, then any newlines: 1; 0 when there is none. */
static int delimiters(struct lexer *lexer)
{
	struct token token;

	if (lexer_peek(lexer, &token) < 0)
		return RUN_ERROR;
	if (token.type != TOKEN_SEMICOLON && token.type != TOKEN_NEWLINE)
		return 0;
	lexer_take(lexer);
	return skip_newlines(lexer) < 0 ? RUN_ERROR : 1;
}

static int expect_delimiters(struct lexer *lexer)
{
	struct token token;
	int r = delimiters(lexer);

	if (r != 0)
		return r < 0 ? r : 0;
	if (lexer_peek(lexer, &token) < 0)
		return RUN_ERROR;
	return unexpected(lexer, &token, "';' or a new line");
}

static struct statement *statement_new(struct lexer *lexer, enum statement_type type, size_t line)
{
	struct statement *statement = memory_take(lexer->grub, sizeof(*statement));

	if (statement) {
		statement->type = type;
		statement->line = line;
	}
	return statement;
}

static bool is_argument(enum token_type type)
{
	return type >= TOKEN_WORD;
}

/* Words up to what is none; *end is where the next would go. */
static int parse_words(struct lexer *lexer, struct word ***end)
{
	struct token token;

	for (;;) {
		if (lexer_peek(lexer, &token) < 0)
			return RUN_ERROR;
		if (!is_argument(token.type))
			return 0;
		if (lexer_split(lexer, &token, *end) < 0)
			return RUN_ERROR;
		*end = &(**end)->next;
		lexer_take(lexer);
	}
}

/* { ... } of a menuentry: checked, and kept as text. */
static int parse_block(struct lexer *lexer, struct word **out)
{
	struct grub *grub = lexer->grub;
	struct statement *body;
	struct word *word;
	struct token token;
	size_t start;

	lexer->open++;
	lexer_take(lexer);
	start = lexer->pos;
	if (parse_list(lexer, &body) < 0 || delimiters(lexer) < 0 || lexer_peek(lexer, &token) < 0)
		return RUN_ERROR;
	if (token.type != TOKEN_RIGHT)
		return unexpected(lexer, &token, "'}'");
	word = memory_take(grub, sizeof(*word));
	if (!word || !(word->parts = memory_take(grub, sizeof(*word->parts))))
		return RUN_ERROR;
	word->parts->type = PART_BLOCK;
	word->parts->text =
		memory_copy(grub, (const char *)lexer->text.data + start, token.start - start);
	if (!word->parts->text)
		return RUN_ERROR;
	lexer_take(lexer);
	lexer->open--;
	*out = word;
	return 0;
}

static int parse_simple(struct lexer *lexer, struct statement *statement)
{
	struct word **end = &statement->words;
	struct token token;

	if (parse_words(lexer, &end) < 0 || lexer_peek(lexer, &token) < 0)
		return RUN_ERROR;
	if (token.type != TOKEN_LEFT)
		return 0;
	statement->has_block = true;
	return parse_block(lexer, end);
}

/* What follows "if" or "elif", up to the "fi", which is taken. */
static int parse_if(struct lexer *lexer, struct statement *statement)
{
	struct token token;

	for (;;) {
		if (parse_list(lexer, &statement->condition) < 0 || expect_delimiters(lexer) < 0 ||
		    expect(lexer, TOKEN_THEN, "'then'") < 0 ||
		    parse_list(lexer, &statement->body) < 0 || expect_delimiters(lexer) < 0 ||
		    lexer_peek(lexer, &token) < 0)
			return RUN_ERROR;
		if (token.type != TOKEN_ELIF)
			break;
		lexer_take(lexer);
		statement->alternative = statement_new(lexer, STATEMENT_IF, token.line);
		if (!statement->alternative)
			return RUN_ERROR;
		statement = statement->alternative;
	}
	if (token.type == TOKEN_ELSE) {
		lexer_take(lexer);
		if (parse_list(lexer, &statement->alternative) < 0 || expect_delimiters(lexer) < 0)
			return RUN_ERROR;
	}
	return expect(lexer, TOKEN_FI, "'fi', 'else' or 'elif'");
}

static int parse_do(struct lexer *lexer, struct statement *statement)
{
	if (expect_delimiters(lexer) < 0 || expect(lexer, TOKEN_DO, "'do'") < 0 ||
	    parse_list(lexer, &statement->body) < 0 || expect_delimiters(lexer) < 0)
		return RUN_ERROR;
	return expect(lexer, TOKEN_DONE, "'done'");
}

static int parse_for(struct lexer *lexer, struct statement *statement)
{
	struct word **end = &statement->words;
	struct token token;

	if (lexer_peek(lexer, &token) < 0)
		return RUN_ERROR;
	if (token.type != TOKEN_NAME)
		return unexpected(lexer, &token, "a variable's name");
	statement->name = memory_copy(lexer->grub, (const char *)lexer->text.data + token.start,
				      token.end - token.start);
	if (!statement->name)
		return RUN_ERROR;
	lexer_take(lexer);
	if (expect(lexer, TOKEN_IN, "'in'") < 0 || parse_words(lexer, &end) < 0)
		return RUN_ERROR;
	return parse_do(lexer, statement);
}

static int parse_while(struct lexer *lexer, struct statement *statement)
{
	if (parse_list(lexer, &statement->condition) < 0)
		return RUN_ERROR;
	return parse_do(lexer, statement);
}

/* A command, if or loop. */
static int parse_command(struct lexer *lexer, struct statement **out)
{
	static const struct {
		enum token_type token;
		enum statement_type type;
		int (*parse)(struct lexer *lexer, struct statement *statement);
	} compounds[] = {
		{TOKEN_IF,     STATEMENT_IF,    parse_if   },
		{ TOKEN_FOR,   STATEMENT_FOR,   parse_for  },
		{ TOKEN_WHILE, STATEMENT_WHILE, parse_while},
		{ TOKEN_UNTIL, STATEMENT_UNTIL, parse_while},
	};
	struct grub *grub = lexer->grub;
	struct token token;
	size_t i;
	int r;

	if (lexer_peek(lexer, &token) < 0)
		return RUN_ERROR;
	if (token.type == TOKEN_WORD || token.type == TOKEN_NAME) {
		*out = statement_new(lexer, STATEMENT_COMMAND, token.line);
		return *out ? parse_simple(lexer, *out) : RUN_ERROR;
	}
	for (i = 0; i < ARRAY_SIZE(compounds) && compounds[i].token != token.type; i++)
		;
	if (i == ARRAY_SIZE(compounds))
		return unexpected(lexer, &token, "a command");
	*out = statement_new(lexer, compounds[i].type, token.line);
	if (!*out)
		return RUN_ERROR;
	if (grub->depth >= GRUB_DEPTH_MAX)
		return grub_fail(grub, ERROR_LIMIT, "more than %u blocks inside each other",
				 GRUB_DEPTH_MAX);
	grub->depth++;
	lexer->open++;
	lexer_take(lexer);
	r = compounds[i].parse(lexer, *out);
	lexer->open--;
	grub->depth--;
	return r;
}

/* At least one command, with delimiters between them; what follows the last is not taken, but the
 * delimiters before something that is no command are put to account of the caller. */
static int parse_list(struct lexer *lexer, struct statement **out)
{
	struct statement **end = out;
	struct grub *grub = lexer->grub;
	int r = RUN_ERROR;

	if (grub->depth >= GRUB_DEPTH_MAX)
		return grub_fail(grub, ERROR_LIMIT, "more than %u blocks inside each other",
				 GRUB_DEPTH_MAX);
	grub->depth++;
	if (skip_newlines(lexer) < 0)
		goto out;
	for (;;) {
		struct token token, delimiter;

		if (parse_command(lexer, end) < 0 || lexer_peek(lexer, &delimiter) < 0)
			goto out;
		end = &(*end)->next;
		if (delimiter.type != TOKEN_SEMICOLON && delimiter.type != TOKEN_NEWLINE)
			break;
		if (delimiters(lexer) < 0 || lexer_peek(lexer, &token) < 0)
			goto out;
		if (token.type == TOKEN_WORD || token.type == TOKEN_NAME ||
		    token.type == TOKEN_IF || token.type == TOKEN_FOR ||
		    token.type == TOKEN_WHILE || token.type == TOKEN_UNTIL)
			continue;
		/* The caller wants to see that there was a delimiter. */
		lexer->pos = delimiter.start;
		lexer->line = delimiter.line;
		lexer->has_next = false;
		break;
	}
	r = 0;
out:
	grub->depth--;
	return r;
}

/* "function" NAME { ... }: defined while it is read, as GRUB does. */
static int parse_function(struct lexer *lexer)
{
	struct grub *grub = lexer->grub;
	struct function *function;
	struct statement *body;
	struct token token;
	const char *name;

	lexer_take(lexer);
	if (lexer_peek(lexer, &token) < 0)
		return RUN_ERROR;
	if (token.type != TOKEN_NAME)
		return unexpected(lexer, &token, "a function's name");
	name = memory_copy(grub, (const char *)lexer->text.data + token.start,
			   token.end - token.start);
	if (!name)
		return RUN_ERROR;
	lexer->open++;
	lexer_take(lexer);
	if (skip_newlines(lexer) < 0 || expect(lexer, TOKEN_LEFT, "'{'") < 0 ||
	    parse_list(lexer, &body) < 0 || expect_delimiters(lexer) < 0 ||
	    expect(lexer, TOKEN_RIGHT, "'}'") < 0)
		return RUN_ERROR;
	lexer->open--;
	function = memory_take(grub, sizeof(*function));
	if (!function)
		return RUN_ERROR;
	*function = (struct function){ name, body, lexer->lines->source, grub->functions };
	grub->functions = function;
	return 0;
}

/* The statements of one unit, with their delimiters. */
static int parse_unit(struct lexer *lexer, struct statement **out)
{
	struct statement **end = out;
	struct token token;

	*out = NULL;
	if (skip_newlines(lexer) < 0)
		return RUN_ERROR;
	for (;;) {
		if (lexer_peek(lexer, &token) < 0)
			return RUN_ERROR;
		if (token.type == TOKEN_END)
			return 0;
		if (token.type == TOKEN_FUNCTION) {
			if (parse_function(lexer) < 0)
				return RUN_ERROR;
		} else {
			if (parse_command(lexer, end) < 0)
				return RUN_ERROR;
			end = &(*end)->next;
		}
		if (expect_delimiters(lexer) < 0)
			return RUN_ERROR;
	}
}

int script_next(struct grub *grub, struct lines *lines, struct statement **out)
{
	struct lexer lexer;
	int r = lexer_begin(&lexer, grub, lines);

	if (r > 0 && parse_unit(&lexer, out) < 0)
		r = RUN_ERROR;
	lexer_clear(&lexer);
	return r;
}
