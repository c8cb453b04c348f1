/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the statements of scripts. Source: grub-core/script/execute.c.
 */
#include "refgen/grub/internal.h"

/* The value of $?, which decides ifs: a doubt of the command at hand goes with it. */
static int status_keep(struct grub *grub, int status)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%d", status);
	grub->status_doubt = grub->doubt;
	return variable_set(grub, "?", (struct value){ .text = digits });
}

void status_used(struct grub *grub)
{
	char *text;

	if (!grub->status_doubt)
		return;
	text = memory_text(grub, "%s, line %zu: %s", grub->source, grub->line, grub->status_doubt);
	grub->host->assume(grub->host->ctx, text ? text : grub->status_doubt);
}

static bool status_is_success(struct grub *grub)
{
	const char *status = variable_text(grub, "?");

	status_used(grub);
	return status && strcmp(status, "0") == 0;
}

static int steps_count(struct grub *grub)
{
	if (++grub->steps > GRUB_STEPS_MAX)
		return grub_fail(grub, ERROR_LIMIT, "more than %u commands: it may never end",
				 GRUB_STEPS_MAX);
	return 0;
}

/* --- commands ----------------------------------------------------------------------------- */

static int measure_command(struct grub *grub, const struct arguments *arguments)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	const char *unknown = NULL;
	char *joined;

	for (size_t i = 0; i < arguments->n; i++) {
		if (i)
			buf_append_u8(&text, ' ');
		buf_append_string(&text, arguments->values[i].text);
		if (!unknown)
			unknown = arguments->values[i].unknown;
	}
	if (grub->scope && strcmp(arguments->values[0].text, "setparams") == 0)
		for (size_t i = 0; i < grub->scope->n && !unknown; i++)
			unknown = grub->scope->arguments[i].unknown;
	joined = memory_buf(grub, &text);
	return joined ? event_measure(grub, GRUB_EVENT_COMMAND, joined, unknown) : RUN_ERROR;
}

static int function_call(struct grub *grub, const struct function *function,
			 const struct arguments *arguments)
{
	struct scope scope = { arguments->values + 1, arguments->n - 1, 0 };
	struct scope *outer = grub->scope;
	const char *source = grub->source;
	size_t loops = grub->active_loops;
	int r;

	grub->active_loops = 0;
	grub->scope = &scope;
	grub->source = function->source;
	r = statements_run(grub, function->body);
	grub->source = source;
	grub->scope = outer;
	grub->active_loops = loops;
	grub->is_return = false;
	return r;
}

/* What is no command and no function: NAME=VALUE, or nothing; success in both cases. */
static int assignment_run(struct grub *grub, const struct value *word)
{
	const char *equals = strchr(word->text, '=');
	char *name;

	if (!equals)
		return STATUS_NONE;
	name = memory_copy(grub, word->text, (size_t)(equals - word->text));
	if (!name)
		return RUN_ERROR;
	if (text_is_special(name))
		return STATUS_NONE;
	return variable_set(grub, name, (struct value){ equals + 1, word->unknown });
}

static const struct autoload *autoload_find(const struct grub *grub, const char *name)
{
	const struct autoload *autoload = grub->autoloads;

	while (autoload && strcmp(autoload->command, name) != 0)
		autoload = autoload->next;
	return autoload;
}

static int spec_run(struct grub *grub, const struct command_spec *spec, struct arguments *arguments)
{
	grub->doubt = spec->doubt;
	return spec->run ? spec->run(grub, arguments) : STATUS_NONE;
}

int command_run(struct grub *grub, struct arguments *arguments)
{
	const char *name = arguments->values[0].text;
	const struct command_spec *spec = command_find(name);
	const struct autoload *autoload;
	const struct function *function;
	int r;

	grub->doubt = arguments->values[0].unknown;
	if (spec && module_is_loaded(grub, spec->module))
		return spec_run(grub, spec, arguments);
	autoload = autoload_find(grub, name);
	if (autoload && !module_is_loaded(grub, autoload->module)) {
		r = module_load(grub, autoload->module);
		if (r != STATUS_NONE)
			return r;
		if (spec && module_is_loaded(grub, spec->module))
			return spec_run(grub, spec, arguments);
	}
	if (autoload) {
		grub->doubt =
			memory_text(grub, "what the command %s of the module %s says is not known",
				    name, autoload->module);
		return grub->doubt ? STATUS_NONE : RUN_ERROR;
	}
	for (function = grub->functions; function; function = function->next)
		if (strcmp(function->name, name) == 0)
			return function_call(grub, function, arguments);
	return assignment_run(grub, &arguments->values[0]);
}

static int command_execute(struct grub *grub, const struct statement *statement)
{
	struct arguments arguments;
	bool invert;
	int r;

	grub->line = statement->line;
	if (steps_count(grub) < 0 || words_expand(grub, statement->words, &arguments) < 0)
		return RUN_ERROR;
	if (arguments.n == 0)
		return STATUS_NONE;
	r = measure_command(grub, &arguments);
	if (r < 0)
		return r;
	invert = strcmp(arguments.values[0].text, "!") == 0;
	if (invert) {
		if (arguments.n < 2)
			return STATUS_BAD_ARGUMENT;
		arguments.values++;
		arguments.n--;
	}
	r = command_run(grub, &arguments);
	if (r < 0)
		return r;
	/* Unknown commands are successes that '!' does not reach. */
	if (invert && (command_find(arguments.values[0].text) ||
		       autoload_find(grub, arguments.values[0].text))) {
		r = r == STATUS_NONE ? STATUS_TEST_FAILURE : STATUS_NONE;
	} else if (invert) {
		for (const struct function *f = grub->functions; f; f = f->next)
			if (strcmp(f->name, arguments.values[0].text) == 0) {
				r = r == STATUS_NONE ? STATUS_TEST_FAILURE : STATUS_NONE;
				break;
			}
	}
	return r;
}

/* --- flow --------------------------------------------------------------------------------- */

static int if_run(struct grub *grub, const struct statement *statement)
{
	int r = statements_run(grub, statement->condition);

	if (r < 0 || grub->is_return)
		return r;
	return statements_run(grub,
			      status_is_success(grub) ? statement->body : statement->alternative);
}

static int for_run(struct grub *grub, const struct statement *statement)
{
	struct arguments words;
	int r = STATUS_NONE;

	if (words_expand(grub, statement->words, &words) < 0)
		return RUN_ERROR;
	grub->active_loops++;
	for (size_t i = 0; i < words.n; i++) {
		if (steps_count(grub) < 0)
			return RUN_ERROR;
		if (grub->is_continue && grub->active_breaks == 1)
			grub->active_breaks = 0;
		if (grub->active_breaks)
			continue;
		if (variable_set(grub, statement->name, words.values[i]) < 0)
			return RUN_ERROR;
		r = statements_run(grub, statement->body);
		if (r < 0)
			return r;
		if (grub->is_return)
			break;
	}
	if (grub->active_breaks)
		grub->active_breaks--;
	grub->active_loops--;
	return r;
}

static int while_run(struct grub *grub, const struct statement *statement)
{
	int r;

	grub->active_loops++;
	for (;;) {
		if (steps_count(grub) < 0)
			return RUN_ERROR;
		r = statements_run(grub, statement->condition);
		if (r < 0)
			return r;
		if (grub->is_return)
			break;
		status_used(grub);
		if (statement->type == STATEMENT_UNTIL ? !r : r)
			break;
		r = statements_run(grub, statement->body);
		if (r < 0)
			return r;
		if (grub->is_return)
			break;
		if (grub->active_breaks == 1 && grub->is_continue)
			grub->active_breaks = 0;
		if (grub->active_breaks)
			break;
	}
	if (grub->active_breaks)
		grub->active_breaks--;
	grub->active_loops--;
	return r;
}

static int statement_run(struct grub *grub, const struct statement *statement)
{
	switch (statement->type) {
	case STATEMENT_COMMAND:
		return command_execute(grub, statement);
	case STATEMENT_IF:
		return if_run(grub, statement);
	case STATEMENT_FOR:
		return for_run(grub, statement);
	case STATEMENT_WHILE:
	case STATEMENT_UNTIL:
		return while_run(grub, statement);
	}
	return STATUS_NONE;
}

int statements_run(struct grub *grub, const struct statement *list)
{
	int r = STATUS_NONE;

	if (grub->depth >= GRUB_DEPTH_MAX)
		return grub_fail(grub, ERROR_LIMIT,
				 "scripts, functions and blocks more than %u deep", GRUB_DEPTH_MAX);
	grub->depth++;
	for (; list; list = list->next) {
		if (grub->active_breaks)
			break;
		grub->doubt = NULL;
		r = statement_run(grub, list);
		if (r < 0 || status_keep(grub, r) < 0)
			return r < 0 ? r : RUN_ERROR;
		if (grub->is_return)
			break;
	}
	grub->depth--;
	return r;
}

int script_run(struct grub *grub, struct lines *lines)
{
	const char *source = grub->source;
	struct statement *statements;
	int status = STATUS_NONE, r;

	for (;;) {
		grub->source = lines->source;
		r = script_next(grub, lines, &statements);
		if (r <= 0)
			break;
		r = statements_run(grub, statements);
		if (r < 0)
			break;
		status = r;
	}
	grub->source = source;
	return r < 0 ? r : status;
}

int script_run_source(struct grub *grub, const char *source, const char *name, size_t line)
{
	struct lines lines = { .text = bytes_of_string(source), .line = line, .source = name };

	return script_run(grub, &lines);
}
