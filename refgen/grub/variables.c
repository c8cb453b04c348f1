/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Variables, in contexts: configfile and submenus see only what was exported. Source:
 * grub-core/kern/env.c, normal/context.c; write hooks from kern/main.c, normal/main.c, gettext.c.
 */
#include "refgen/grub/internal.h"

static struct variable *find(const struct grub *grub, const char *name)
{
	struct variable *variable = grub->context->variables;

	while (variable && strcmp(variable->name, name) != 0)
		variable = variable->next;
	return variable;
}

const struct variable *variable_get(const struct grub *grub, const char *name)
{
	return find(grub, name);
}

const char *variable_text(const struct grub *grub, const char *name)
{
	const struct variable *variable = find(grub, name);

	return variable ? variable->value.text : NULL;
}

static int store(struct grub *grub, const char *name, struct value value)
{
	struct variable *variable = find(grub, name);

	if (!variable) {
		variable = memory_take(grub, sizeof(*variable));
		if (!variable)
			return RUN_ERROR;
		variable->name = memory_copy(grub, name, strlen(name));
		if (!variable->name)
			return RUN_ERROR;
		variable->next = grub->context->variables;
		grub->context->variables = variable;
	}
	variable->value.unknown = value.unknown;
	if (!variable->value.text || strcmp(variable->value.text, value.text) != 0)
		variable->value.text = memory_copy(grub, value.text, strlen(value.text));
	return variable->value.text ? 0 : RUN_ERROR;
}

/* What happens when these are written, before the value is kept. */
static int hook(struct grub *grub, const char *name, struct value *value)
{
	size_t size = strlen(value->text);

	if (strcmp(name, "root") == 0 && size >= 2 && value->text[0] == '(' &&
	    value->text[size - 1] == ')') {
		value->text = memory_copy(grub, value->text + 1, size - 2);
		return value->text ? 0 : RUN_ERROR;
	}
	if (!grub->hooks)
		return 0;
	if (strcmp(name, "prefix") == 0)
		return lists_read(grub, value->text);
	return 0;
}

int variable_set(struct grub *grub, const char *name, struct value value)
{
	bool language = strcmp(name, "lang") == 0 || strcmp(name, "locale_dir") == 0 ||
			strcmp(name, "secondary_locale_dir") == 0;
	int r = hook(grub, name, &value);

	if (r < 0 || store(grub, name, value) < 0)
		return RUN_ERROR;
	if (language && grub->hooks)
		return catalogue_read(grub, variable_text(grub, "prefix"));
	return 0;
}

int variable_unset(struct grub *grub, const char *name)
{
	struct variable **at = &grub->context->variables;

	/* Variables with a hook are emptied instead. */
	if (strcmp(name, "root") == 0 || strcmp(name, "prefix") == 0 || strcmp(name, "lang") == 0)
		return find(grub, name) ? variable_set(grub, name, (struct value){ .text = "" })
					: 0;
	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at)
		*at = (*at)->next;
	return 0;
}

int variable_export(struct grub *grub, const char *name)
{
	struct variable *variable = find(grub, name);

	if (!variable) {
		if (store(grub, name, (struct value){ .text = "" }) < 0)
			return RUN_ERROR;
		variable = find(grub, name);
	}
	variable->exported = true;
	return 0;
}

int context_open(struct grub *grub)
{
	struct context *context = memory_take(grub, sizeof(*context));
	struct context *outer = grub->context;

	if (!context)
		return RUN_ERROR;
	context->outer = outer;
	for (const struct variable *variable = outer->variables; variable;
	     variable = variable->next) {
		struct variable *copy;

		if (!variable->exported)
			continue;
		copy = memory_take(grub, sizeof(*copy));
		if (!copy)
			return RUN_ERROR;
		*copy = *variable;
		copy->next = context->variables;
		context->variables = copy;
	}
	grub->context = context;
	return 0;
}

void context_close(struct grub *grub)
{
	grub->context = grub->context->outer;
}
