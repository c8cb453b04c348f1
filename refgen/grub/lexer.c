/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/grub/lexer.h"

#include <stdarg.h>

/* --- lines -------------------------------------------------------------------------------- */

int lines_next(struct grub *grub, struct lines *lines, struct buf *out)
{
	for (;;) {
		size_t start = lines->pos, end, begin = out->size;
		bool cut = false;

		if (start >= lines->text.size)
			return 0;
		for (end = start; end < lines->text.size && lines->text.data[end] != '\n'; end++)
			;
		lines->pos = end + 1;
		lines->line++;
		for (size_t i = start; i < end; i++) {
			uint8_t c = lines->text.data[i];

			if (c == '\0')
				cut = true; /* a C string to GRUB */
			if (!cut && !(lines->is_file && c == '\r'))
				buf_append_u8(out, c);
		}
		if (out->size > begin && lines->is_file && out->data[begin] == '#') {
			out->size = begin;
			continue;
		}
		buf_append_u8(out, '\n');
		if (buf_finish(out, grub->err) < 0)
			return RUN_ERROR;
		return 1;
	}
}

int lexer_begin(struct lexer *lexer, struct grub *grub, struct lines *lines)
{
	*lexer = (struct lexer){ .grub = grub, .lines = lines };
	lexer->line = lines->line + 1;
	return lines_next(grub, lines, &lexer->text);
}

void lexer_clear(struct lexer *lexer)
{
	buf_clear(&lexer->text);
}

int lexer_fail(struct lexer *lexer, size_t line, const char *format, ...)
{
	struct lines *lines = lexer->lines;
	char message[256];
	va_list arguments;
	size_t at = 0;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	for (size_t n = 1; n < line && at < lines->text.size; at++)
		n += lines->text.data[at] == '\n';
	error_set(lexer->grub->err, ERROR_MALFORMED, lines->source, lines->offset + at,
		  "GRUB script, line %zu: %s", line, message);
	return RUN_ERROR;
}

/* --- tokens ------------------------------------------------------------------------------- */

static bool is_word_char(char c)
{
	return c != '\0' && !strchr("{}|&$;<> \t\n'\"\\", c);
}

static bool is_name_start(char c)
{
	return is_alpha(c) || c == '_';
}

static bool is_name_char(char c)
{
	return is_alpha(c) || is_digit(c) || c == '_';
}

/* Length of the variable's name at text, behind '$' (and '{'): 0 if it is none. */
static size_t name_size(const char *text)
{
	size_t n = 0;

	if (*text == '?' || *text == '#' || *text == '*' || *text == '@')
		return 1;
	if (is_digit(*text)) {
		while (is_digit(text[n]))
			n++;
	} else if (is_name_start(*text)) {
		while (is_name_char(text[n]))
			n++;
	}
	return n;
}

/* The end of a quoted text that begins behind `at`, or 0 when it goes on in the next line. */
static size_t quote_end(const char *text, size_t at, size_t size, char quote)
{
	for (; at < size; at++) {
		if (text[at] == '\\' && quote == '"') {
			if (at + 1 >= size)
				return 0;
			at++;
		} else if (text[at] == quote) {
			return at + 1;
		}
	}
	return 0;
}

enum { SCAN_MORE = 0, SCAN_BAD = -1 };

/* The end of the word at start; SCAN_MORE when the next line belongs to it; SCAN_BAD at *bad. */
static ptrdiff_t word_end(const char *text, size_t start, size_t size, size_t *bad)
{
	size_t at = start;

	while (at < size) {
		char c = text[at];
		size_t end;

		if (is_word_char(c)) {
			at++;
		} else if (c == '\'' || c == '"' || (c == '$' && text[at + 1] == '"')) {
			size_t from = at + (c == '$' ? 2 : 1);

			end = quote_end(text, from, size, c == '\'' ? '\'' : '"');
			if (end == 0)
				return SCAN_MORE;
			at = end;
		} else if (c == '\\') {
			if (at + 1 >= size)
				return SCAN_MORE;
			if (text[at + 1] == '\n' && at + 2 == size)
				return SCAN_MORE; /* goes on in the next line */
			at += 2;
		} else if (c == '$') {
			bool braces = text[at + 1] == '{';
			size_t from = at + (braces ? 2 : 1), n = name_size(text + from);

			if (n == 0 || (braces && text[from + n] != '}')) {
				*bad = at;
				return SCAN_BAD;
			}
			at = from + n + (braces ? 1 : 0);
		} else {
			break;
		}
	}
	return (ptrdiff_t)at;
}

static const struct keyword {
	const char *text;
	enum token_type type;
} keywords[] = {
	{"if",        TOKEN_IF      },
        { "then",     TOKEN_THEN    },
        { "elif",     TOKEN_ELIF    },
	{ "else",     TOKEN_ELSE    },
        { "fi",       TOKEN_FI      },
        { "for",      TOKEN_FOR     },
	{ "in",       TOKEN_IN      },
        { "do",       TOKEN_DO      },
        { "done",     TOKEN_DONE    },
	{ "while",    TOKEN_WHILE   },
        { "until",    TOKEN_UNTIL   },
        { "function", TOKEN_FUNCTION},
	{ "case",     TOKEN_RESERVED},
        { "esac",     TOKEN_RESERVED},
        { "select",   TOKEN_RESERVED},
	{ "[[",       TOKEN_SIGN    },
        { "]]",       TOKEN_SIGN    },
};

static enum token_type word_type(struct bytes word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keywords); i++)
		if (bytes_equal_string(word, keywords[i].text))
			return keywords[i].type;
	if (!is_name_start((char)word.data[0]))
		return TOKEN_WORD;
	for (i = 1; i < word.size; i++)
		if (!is_name_char((char)word.data[i]))
			return TOKEN_WORD;
	return TOKEN_NAME;
}

/* One more line: 0, or RUN_ERROR; `what` still waits for its end. */
static int lexer_more(struct lexer *lexer, const char *what)
{
	int r = lines_next(lexer->grub, lexer->lines, &lexer->text);

	if (r == 0)
		return lexer_fail(lexer, lexer->line, "the script ends inside %s", what);
	if (r > 0 && lexer->text.size > GRUB_CONFIG_MAX)
		return grub_fail(lexer->grub, ERROR_LIMIT, "a statement of more than %u bytes",
				 GRUB_CONFIG_MAX);
	return r < 0 ? r : 0;
}

static const struct sign {
	const char *text;
	enum token_type type;
} signs[] = {
	{"\n",  TOKEN_NEWLINE  },
        { "||", TOKEN_SIGN     },
        { "&&", TOKEN_SIGN     },
	{ ";;", TOKEN_SIGN     },
        { "|",  TOKEN_SIGN     },
        { "&",  TOKEN_SIGN     },
	{ ";",  TOKEN_SEMICOLON},
        { "<",  TOKEN_SIGN     },
        { ">",  TOKEN_SIGN     },
	{ "{",  TOKEN_LEFT     },
        { "}",  TOKEN_RIGHT    },
};

static int lexer_scan_word(struct lexer *lexer, struct token *out)
{
	for (;;) {
		const char *text = (const char *)lexer->text.data;
		size_t bad = 0;
		ptrdiff_t end = word_end(text, lexer->pos, lexer->text.size, &bad);

		if (end == SCAN_BAD)
			return lexer_fail(lexer, lexer->line, "'$' without a variable's name");
		if (end == SCAN_MORE) {
			if (lexer_more(lexer, "a quoted text or a continued line") < 0)
				return RUN_ERROR;
			continue;
		}
		*out = (struct token){ .start = lexer->pos,
				       .end = (size_t)end,
				       .line = lexer->line };
		out->type = word_type(bytes_of(text + out->start, out->end - out->start));
		return 0;
	}
}

static int lexer_scan(struct lexer *lexer, struct token *out)
{
	for (;;) {
		const char *text = (const char *)lexer->text.data;
		size_t i, size = lexer->text.size;

		while (lexer->pos < size && (text[lexer->pos] == ' ' || text[lexer->pos] == '\t'))
			lexer->pos++;
		if (lexer->pos < size && text[lexer->pos] == '#')
			while (lexer->pos < size && text[lexer->pos] != '\n')
				lexer->pos++;
		if (lexer->pos >= size) {
			if (lexer->open == 0) {
				*out = (struct token){ TOKEN_END, size, size, lexer->line };
				return 0;
			}
			if (lexer_more(lexer, "a block, an if or a loop") < 0)
				return RUN_ERROR;
			continue;
		}
		for (i = 0; i < ARRAY_SIZE(signs); i++)
			if (strncmp(text + lexer->pos, signs[i].text, strlen(signs[i].text)) == 0)
				break;
		if (i == ARRAY_SIZE(signs))
			return lexer_scan_word(lexer, out);
		*out = (struct token){ signs[i].type, lexer->pos,
				       lexer->pos + strlen(signs[i].text), lexer->line };
		return 0;
	}
}

int lexer_peek(struct lexer *lexer, struct token *out)
{
	if (!lexer->has_next) {
		if (lexer_scan(lexer, &lexer->next) < 0)
			return RUN_ERROR;
		lexer->has_next = true;
	}
	*out = lexer->next;
	return 0;
}

void lexer_take(struct lexer *lexer)
{
	for (size_t i = lexer->pos; i < lexer->next.end; i++)
		lexer->line += lexer->text.data[i] == '\n';
	lexer->pos = lexer->next.end;
	lexer->has_next = false;
}

/* --- words -------------------------------------------------------------------------------- */

struct splitter {
	struct lexer *lexer;
	struct part **end;
	struct buf text;
};

static int part_add(struct splitter *splitter, enum part_type type, struct bytes text)
{
	struct grub *grub = splitter->lexer->grub;
	struct part *part = memory_take(grub, sizeof(*part));

	if (!part)
		return RUN_ERROR;
	part->type = type;
	part->text = memory_copy(grub, (const char *)text.data, text.size);
	if (!part->text)
		return RUN_ERROR;
	*splitter->end = part;
	splitter->end = &part->next;
	return 0;
}

/* The text gathered so far becomes a part; of an unquoted text only when it is not empty. */
static int part_flush(struct splitter *splitter, enum part_type type)
{
	int r = 0;

	if (buf_finish(&splitter->text, splitter->lexer->grub->err) < 0)
		return RUN_ERROR;
	if (splitter->text.size || type != PART_TEXT)
		r = part_add(splitter, type, buf_bytes(&splitter->text));
	splitter->text.size = 0;
	return r;
}

/* The variable at text, which begins with '$'; its size. */
static ptrdiff_t part_variable(struct splitter *splitter, const char *text, enum part_type type)
{
	bool braces = text[1] == '{';
	const char *name = text + (braces ? 2 : 1);
	size_t n = name_size(name);

	if (n == 0 || (braces && name[n] != '}'))
		return lexer_fail(splitter->lexer, splitter->lexer->line,
				  "'$' without a variable's name");
	if (part_add(splitter, type, bytes_of(name, n)) < 0)
		return RUN_ERROR;
	return (ptrdiff_t)(n + (braces ? 3 : 1));
}

/* "...", its first character at text; what it takes. Empty pieces count: they make an argument. */
static ptrdiff_t split_double(struct splitter *splitter, const char *text)
{
	const char *at = text + 1;

	while (*at != '"') {
		if (*at == '\\' && (at[1] == '$' || at[1] == '\\' || at[1] == '"')) {
			buf_append_u8(&splitter->text, (uint8_t)at[1]);
			at += 2;
		} else if (*at == '\\' && at[1] == '\n') {
			at += 2;
		} else if (*at == '$') {
			ptrdiff_t n;

			if (part_flush(splitter, PART_QUOTED) < 0)
				return RUN_ERROR;
			n = part_variable(splitter, at, PART_QUOTED_VARIABLE);
			if (n < 0)
				return n;
			at += n;
		} else {
			buf_append_u8(&splitter->text, (uint8_t)*at++);
		}
	}
	if (part_flush(splitter, PART_QUOTED) < 0)
		return RUN_ERROR;
	return at + 1 - text;
}

/* $"...": variables stay for the translated text. */
static ptrdiff_t split_gettext(struct splitter *splitter, const char *text)
{
	const char *at = text + 2;

	while (*at != '"') {
		if (*at == '\\' && at[1] == '\\') {
			buf_append_string(&splitter->text, "\\\\");
			at += 2;
		} else if (*at == '\\' && at[1] == '"') {
			buf_append_u8(&splitter->text, '"');
			at += 2;
		} else if (*at == '\\' && at[1] == '\n') {
			at += 2;
		} else {
			buf_append_u8(&splitter->text, (uint8_t)*at++);
		}
	}
	if (part_flush(splitter, PART_GETTEXT) < 0)
		return RUN_ERROR;
	return at + 1 - text;
}

static int split_word(struct splitter *splitter, const char *text, const char *end)
{
	while (text < end) {
		ptrdiff_t n;

		if (*text == '\\' && text[1] == '\n') {
			text += 2;
			continue;
		}
		if (*text == '\\' && text + 1 < end) {
			buf_append(&splitter->text, bytes_of(text, 2));
			text += 2;
			continue;
		}
		if (*text != '\'' && *text != '"' && *text != '$') {
			buf_append_u8(&splitter->text, (uint8_t)*text++);
			continue;
		}
		if (part_flush(splitter, PART_TEXT) < 0)
			return RUN_ERROR;
		if (*text == '\'') {
			const char *close = strchr(text + 1, '\'');

			if (part_add(splitter, PART_QUOTED,
				     bytes_of(text + 1, (size_t)(close - text - 1))) < 0)
				return RUN_ERROR;
			n = close + 1 - text;
		} else if (*text == '"') {
			n = split_double(splitter, text);
		} else if (text[1] == '"') {
			n = split_gettext(splitter, text);
		} else {
			n = part_variable(splitter, text, PART_VARIABLE);
		}
		if (n < 0)
			return (int)n;
		text += n;
	}
	return part_flush(splitter, PART_TEXT);
}

int lexer_split(struct lexer *lexer, const struct token *token, struct word **out)
{
	struct word *word = memory_take(lexer->grub, sizeof(*word));
	struct splitter splitter = { .lexer = lexer };
	const char *text = (const char *)lexer->text.data;
	int r;

	if (!word)
		return RUN_ERROR;
	splitter.end = &word->parts;
	r = split_word(&splitter, text + token->start, text + token->end);
	buf_clear(&splitter.text);
	*out = word;
	return r;
}
