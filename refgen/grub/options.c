/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of commands, as GRUB takes them. Source: grub-core/lib/arg.c. */
#include "refgen/grub/internal.h"

static const struct option_spec *long_find(const struct option_spec *specs, size_t n,
					   const char *name, size_t size)
{
	for (size_t i = 0; i < n; i++)
		if (specs[i].name && strlen(specs[i].name) == size &&
		    strncmp(specs[i].name, name, size) == 0)
			return &specs[i];
	return NULL;
}

static const struct option_spec *letter_find(const struct option_spec *specs, size_t n, char letter)
{
	for (size_t i = 0; i < n; i++)
		if (specs[i].letter == letter)
			return &specs[i];
	return NULL;
}

static int option_add(struct grub *grub, struct option *option, const char *text,
		      const char *unknown)
{
	struct value *value = memory_take(grub, sizeof(*value));

	if (!value)
		return RUN_ERROR;
	*value = (struct value){ text, unknown };
	option->set = true;
	if (option->n == OPTION_VALUES_MAX)
		return grub_fail(grub, ERROR_LIMIT, "an option given more than %d times",
				 OPTION_VALUES_MAX);
	option->values[option->n++] = value;
	return 0;
}

struct option_parser {
	struct grub *grub;
	struct arguments *arguments;
	const struct option_spec *specs;
	size_t n;
	struct option *out;
	size_t at;
};

static bool takes_argument(const struct option_spec *spec)
{
	return spec->kind == OPTION_ARGUMENT || spec->kind == OPTION_REPEATED;
}

/* The value of an option that has it in the next word. */
static int next_word(struct option_parser *parser, struct option *option)
{
	struct value *value;

	if (parser->at + 1 >= parser->arguments->n)
		return STATUS_BAD_ARGUMENT;
	value = &parser->arguments->values[++parser->at];
	return option_add(parser->grub, option, value->text, value->unknown);
}

static int parse_long(struct option_parser *parser, const struct value *word, bool *is_word,
		      bool accept_dash)
{
	const char *text = word->text + 2, *equals = strchr(text, '=');
	size_t size = equals ? (size_t)(equals - text) : strlen(text);
	const struct option_spec *spec = long_find(parser->specs, parser->n, text, size);
	struct option *option;

	if (!spec) {
		*is_word = accept_dash;
		return accept_dash ? STATUS_NONE : STATUS_BAD_ARGUMENT;
	}
	option = &parser->out[spec - parser->specs];
	if (equals && spec->kind != OPTION_FLAG)
		return option_add(parser->grub, option, equals + 1, word->unknown);
	if (takes_argument(spec))
		return next_word(parser, option);
	option->set = true;
	return STATUS_NONE;
}

static int parse_letters(struct option_parser *parser, const struct value *word, bool *is_word,
			 bool accept_dash)
{
	for (const char *letter = word->text + 1; *letter; letter++) {
		const struct option_spec *spec = letter_find(parser->specs, parser->n, *letter);

		if (!spec) {
			*is_word = accept_dash;
			return accept_dash ? STATUS_NONE : STATUS_BAD_ARGUMENT;
		}
		if (takes_argument(spec) && !letter[1])
			return next_word(parser, &parser->out[spec - parser->specs]);
		if (takes_argument(spec))
			return option_add(parser->grub, &parser->out[spec - parser->specs],
					  letter + 1, word->unknown);
		parser->out[spec - parser->specs].set = true;
	}
	return STATUS_NONE;
}

int options_parse(struct grub *grub, struct arguments *arguments, const struct option_spec *specs,
		  size_t n, bool accept_dash, struct option *out)
{
	struct option_parser parser = { grub, arguments, specs, n, out, 1 };
	size_t kept = 1;
	bool ended = false;

	for (; parser.at < arguments->n; parser.at++) {
		struct value word = arguments->values[parser.at];
		bool is_word = false;
		int r = STATUS_NONE;

		if (ended || word.text[0] != '-' || word.text[1] == '\0')
			is_word = true;
		else if (strcmp(word.text, "--") == 0)
			ended = true;
		else if (word.text[1] == '-')
			r = parse_long(&parser, &word, &is_word, accept_dash);
		else
			r = parse_letters(&parser, &word, &is_word, accept_dash);
		if (r != STATUS_NONE)
			return r;
		if (is_word)
			arguments->values[kept++] = word;
	}
	arguments->n = kept;
	return STATUS_NONE;
}
