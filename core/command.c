/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/command.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "core/own.h"

/* getopt_long's codes for options without a letter begin here, above every character. */
#define CODE_BASE 256
enum { CODE_HELP = CODE_BASE, CODE_VERSION, CODE_FIRST };

static void print_option(FILE *out, char letter, const char *name, const char *argument,
			 const char *help)
{
	char left[64];
	int width;

	width = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s", letter ? '-' : ' ',
			 letter ? letter : ' ', letter ? "," : " ", name, argument ? " " : "",
			 argument ? argument : "");
	fprintf(out, "%s%*s", left, width < 27 ? 28 - width : 2, "");
	for (;;) {
		size_t line = strcspn(help, "\n");

		fprintf(out, "%.*s\n", (int)line, help);
		if (!help[line])
			break;
		help += line + 1;
		fprintf(out, "%28s", "");
	}
}

static void print_help(const struct command *self, const struct command_option *options,
		       size_t n_options)
{
	printf("Usage: assay %s %s\n\n%c%s.\n\nOptions:\n", self->name, self->synopsis,
	       self->help[0] >= 'a' && self->help[0] <= 'z' ? self->help[0] - 'a' + 'A'
							    : self->help[0],
	       self->help + 1);
	for (size_t i = 0; i < n_options; i++)
		print_option(stdout, options[i].letter, options[i].name, options[i].argument,
			     options[i].help);
	print_option(stdout, 'h', "help", NULL, "show this help");
	print_option(stdout, 0, "version", NULL, "show the version");
	printf("\nSee also: man assay-%.*s\n", (int)strcspn(self->name, " "), self->name);
}

static bool list_append(struct option_list *list, const char *item)
{
	const char **items = realloc(list->items, (list->n_items + 1) * sizeof(*items));

	if (!items)
		return false;
	items[list->n_items++] = item;
	list->items = items;
	return true;
}

void option_list_clear(struct option_list *list)
{
	free(list->items);
	*list = (struct option_list){ 0 };
}

static bool parse_uint(const char *text, unsigned *out)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || value > UINT_MAX)
		return false;
	*out = (unsigned)value;
	return true;
}

/* Stores one option; EXIT_DONE, or the status of the message it printed. */
static enum exit_status store(const struct command *self, const struct command_option *option,
			      const char *argument)
{
	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)option->value = true;
		return EXIT_DONE;
	case OPTION_STRING:
		*(const char **)option->value = argument;
		return EXIT_DONE;
	case OPTION_LIST:
		if (!list_append(option->value, argument)) {
			fputs("assay: out of memory\n", stderr);
			return EXIT_SYSTEM;
		}
		return EXIT_DONE;
	case OPTION_UINT:
		if (!parse_uint(argument, option->value))
			return command_usage(self, "--%s takes a number, not '%s'", option->name,
					     argument);
		return EXIT_DONE;
	}
	return EXIT_USAGE;
}

bool command_parse(const struct command *self, const struct command_option *options,
		   size_t n_options, int argc, char **argv, struct command_args *args,
		   enum exit_status *status)
{
	AUTO(own_free) struct option *longs = calloc(n_options + 3, sizeof(*longs));
	AUTO(own_free) char *shorts = calloc(2 * n_options + 4, 1);
	size_t n = 0;
	int code;

	if (!longs || !shorts) {
		fputs("assay: out of memory\n", stderr);
		*status = EXIT_SYSTEM;
		return false;
	}
	shorts[n++] = ':';
	shorts[n++] = 'h';
	for (size_t i = 0; i < n_options; i++) {
		int has = options[i].kind == OPTION_FLAG ? no_argument : required_argument;

		longs[i] = (struct option){ options[i].name, has, NULL, CODE_FIRST + (int)i };
		if (options[i].letter) {
			shorts[n++] = options[i].letter;
			if (has == required_argument)
				shorts[n++] = ':';
		}
	}
	longs[n_options] = (struct option){ "help", no_argument, NULL, CODE_HELP };
	longs[n_options + 1] = (struct option){ "version", no_argument, NULL, CODE_VERSION };

	opterr = 0;
	optind = 0; /* glibc: start afresh */
	while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct command_option *option = NULL;

		if (code == 'h' || code == CODE_HELP) {
			print_help(self, options, n_options);
			*status = command_finish(EXIT_DONE);
			return false;
		}
		if (code == CODE_VERSION) {
			printf("assay %s\n", ASSAY_VERSION);
			*status = command_finish(EXIT_DONE);
			return false;
		}
		if (code == ':') {
			*status = command_usage(self, "%s needs an argument", argv[optind - 1]);
			return false;
		}
		if (code == '?') {
			if (optopt > 0 && optopt < CODE_BASE)
				*status = command_usage(self, "unknown option -%c", optopt);
			else if (optopt >= CODE_BASE)
				*status = command_usage(self, "%s takes no argument",
							argv[optind - 1]);
			else
				*status =
					command_usage(self, "unknown option %s", argv[optind - 1]);
			return false;
		}
		for (size_t i = 0; i < n_options && !option; i++)
			if (code == CODE_FIRST + (int)i || code == options[i].letter)
				option = &options[i];
		*status = store(self, option, optarg);
		if (*status != EXIT_DONE)
			return false;
	}
	args->items = argv + optind;
	args->n_items = (size_t)(argc - optind);
	return true;
}

const char *command_db(const char *option, bool *given)
{
	const char *env = getenv("ASSAY_DB");

	*given = option || (env && *env);
	if (option)
		return option;
	return env && *env ? env : "golden.db";
}

enum exit_status command_fail(const struct error *err)
{
	char line[4096];

	error_format(err, line, sizeof(line));
	fprintf(stderr, "assay: %s\n", line);
	return error_exit_status(err);
}

enum exit_status command_usage(const struct command *self, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "assay %s: ", self->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry 'assay %s --help'.\n", self->name);
	return EXIT_USAGE;
}

enum exit_status command_finish(enum exit_status status)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "assay: <stdout>: cannot write: %s\n", strerror(errno));
		return EXIT_SYSTEM;
	}
	return status;
}
