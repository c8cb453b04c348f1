/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration files, menus and their entries. Source: grub-core/normal/main.c, menu.c,
 * commands/menuentry.c, configfile.c, normal/{dyncmd,autofs,crypto,term}.c, gettext/gettext.c.
 */
#include "refgen/grub/internal.h"

#define ENTRIES_MAX 4096 /* of one menu */

/* --- lists of modules, translations ------------------------------------------------------- */

/* "command: module", a '*' before commands with options. */
static int autoloads_read(struct grub *grub, const struct grub_file *file)
{
	struct bytes text;

	if (file_read(grub, file, GRUB_CONFIG_MAX, &text) < 0)
		return RUN_ERROR;
	grub->autoloads = NULL;
	for (size_t at = 0; at < text.size;) {
		const char *line = (const char *)text.data + at, *end, *colon;
		size_t left = text.size - at;
		struct autoload *autoload;

		end = memchr(line, '\n', left);
		if (!end)
			end = line + left;
		at += (size_t)(end - line) + 1;
		while (line < end && (is_space(*line) || *line == '*'))
			line++;
		colon = memchr(line, ':', (size_t)(end - line));
		if (!colon)
			continue;
		autoload = memory_take(grub, sizeof(*autoload));
		if (!autoload)
			return RUN_ERROR;
		autoload->command = memory_copy(grub, line, (size_t)(colon - line));
		for (colon++; colon < end && is_space(*colon); colon++)
			;
		autoload->module = memory_copy(grub, colon, (size_t)(end - colon));
		if (!autoload->command || !autoload->module)
			return RUN_ERROR;
		autoload->next = grub->autoloads;
		grub->autoloads = autoload;
	}
	return 0;
}

int lists_read(struct grub *grub, const char *prefix)
{
	static const char *const names[] = { "command.lst", "fs.lst", "crypto.lst",
					     "terminal.lst" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *name = memory_text(grub, "%s/x86_64-efi/%s", prefix, names[i]);
		struct grub_file file;
		int r = name ? file_open_measured(grub, name, NULL, &file) : RUN_ERROR;

		if (r < 0 || (r > 0 && i == 0 && autoloads_read(grub, &file) < 0))
			return RUN_ERROR;
	}
	return catalogue_read(grub, prefix);
}

/* One name after the other until one is a file: 1, 0 or it ends. */
static int catalogue_open(struct grub *grub, const char *dir, const char *below,
			  const char *language)
{
	static const char *const suffixes[] = { ".mo", ".mo.gz", ".gmo" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char *name = memory_text(grub, "%s%s/%s%s", dir, below, language, suffixes[i]);
		struct grub_file file;
		int r = name ? file_open_measured(grub, name, NULL, &file) : RUN_ERROR;

		if (r != 0)
			return r;
	}
	return 0;
}

static int catalogue_find(struct grub *grub, const char *dir, const char *below)
{
	const char *language = variable_text(grub, "lang"), *underscore;
	int r;

	if (!language || !*language || !dir || !*dir)
		return 0;
	r = catalogue_open(grub, dir, below, language);
	underscore = strchr(language, '_');
	if (r == 0 && underscore) {
		char *plain = memory_copy(grub, language, (size_t)(underscore - language));

		r = plain ? catalogue_open(grub, dir, below, plain) : RUN_ERROR;
	}
	return r;
}

int catalogue_read(struct grub *grub, const char *prefix)
{
	const char *dir = variable_text(grub, "locale_dir");
	bool own = dir && *dir;
	int r = catalogue_find(grub, own ? dir : prefix, own ? "" : "/locale");

	if (r < 0)
		return r;
	grub->catalogue = r > 0;
	return 0;
}

/* --- configuration files ------------------------------------------------------------------ */

static int directory_keep(struct grub *grub, const char *name)
{
	const char *root = variable_text(grub, "root"), *slash;
	char *full, *dir;

	full = name[0] == '(' ? memory_copy(grub, name, strlen(name))
			      : memory_text(grub, "(%s)%s", root ? root : "", name);
	if (!full)
		return RUN_ERROR;
	slash = strrchr(full, '/');
	dir = memory_copy(grub, full, slash ? (size_t)(slash - full) : strlen(full));
	if (!dir || variable_set(grub, "config_file", (struct value){ .text = full }) < 0 ||
	    variable_set(grub, "config_directory", (struct value){ .text = dir }) < 0)
		return RUN_ERROR;
	return variable_export(grub, "config_file") < 0 ||
			       variable_export(grub, "config_directory") < 0
		       ? RUN_ERROR
		       : 0;
}

static int variable_restore(struct grub *grub, const char *name, const struct value *old)
{
	return old->text ? variable_set(grub, name, *old) : variable_unset(grub, name);
}

static struct value variable_value(const struct grub *grub, const char *name)
{
	const struct variable *variable = variable_get(grub, name);

	return variable ? variable->value : (struct value){ 0 };
}

/* Runs a script, without another context: 1, 0 when there is none, or it ends. */
int config_read(struct grub *grub, const char *name, const char *unknown)
{
	struct value old_file = variable_value(grub, "config_file");
	struct value old_dir = variable_value(grub, "config_directory");
	struct lines lines = { .source = name, .is_file = true };
	struct grub_file file;
	int r;

	if (!grub->context->menu) {
		grub->context->menu = memory_take(grub, sizeof(*grub->context->menu));
		if (!grub->context->menu)
			return RUN_ERROR;
		grub->context->menu->end = &grub->context->menu->entries;
	}
	r = file_open_measured(grub, name, unknown, &file);
	if (r <= 0)
		return r;
	if (file_read(grub, &file, GRUB_CONFIG_MAX, &lines.text) < 0 ||
	    directory_keep(grub, name) < 0)
		return RUN_ERROR;
	if (grub->depth >= GRUB_DEPTH_MAX)
		return grub_fail(grub, ERROR_LIMIT, "scripts more than %u deep", GRUB_DEPTH_MAX);
	grub->depth++;
	r = script_run(grub, &lines);
	grub->depth--;
	if (r < 0)
		return r;
	if (variable_restore(grub, "config_file", &old_file) < 0 ||
	    variable_restore(grub, "config_directory", &old_dir) < 0)
		return RUN_ERROR;
	return 1;
}

/* source and . run a script in place; configfile with variables of its own, and shows its menu. */
int run_source(struct grub *grub, struct arguments *arguments)
{
	bool own = strcmp(arguments->values[0].text, "configfile") == 0;
	int r;

	if (arguments->n != 2)
		return STATUS_BAD_ARGUMENT;
	if (own && context_open(grub) < 0)
		return RUN_ERROR;
	r = config_read(grub, arguments->values[1].text, arguments->values[1].unknown);
	if (r >= 0 && own && grub->context->menu && grub->context->menu->n)
		r = menu_show(grub, false);
	if (r < 0)
		return r;
	if (own)
		context_close(grub);
	return STATUS_NONE;
}

/* extract_entries_source and _configfile: only some commands may run, entries join the menu at hand. */
int run_extract(struct grub *grub, struct arguments *arguments)
{
	(void)arguments;
	return grub_fail(grub, ERROR_UNSUPPORTED, "extract_entries is not interpreted");
}

/* --- entries ------------------------------------------------------------------------------ */

int menu_add(struct grub *grub, const struct value *arguments, size_t n, const char *id,
	     const char *source, bool is_submenu)
{
	struct menu *menu = grub->context->menu;
	struct entry *entry;

	if (!menu)
		return STATUS_MENU;
	if (n == 0)
		return STATUS_MENU;
	if (menu->n >= ENTRIES_MAX)
		return grub_fail(grub, ERROR_LIMIT, "a menu of more than %d entries", ENTRIES_MAX);
	entry = memory_take(grub, sizeof(*entry));
	if (!entry || !(entry->arguments = memory_take(grub, n * sizeof(*arguments))))
		return RUN_ERROR;
	memcpy(entry->arguments, arguments, n * sizeof(*arguments));
	entry->n_arguments = n;
	entry->title = arguments[0].text;
	entry->id = id ? id : entry->title;
	entry->source = source;
	entry->is_submenu = is_submenu;
	entry->file = grub->source;
	entry->line = grub->line;
	for (size_t i = 0; i < n; i++)
		if (arguments[i].unknown)
			entry->setparams.unknown = arguments[i].unknown;
	*menu->end = entry;
	menu->end = &entry->next;
	menu->n++;
	return STATUS_NONE;
}

/* The line before an entry's own: setparams with its title and arguments, quoted. */
static char *setparams_line(struct grub *grub, const struct value *arguments, size_t n)
{
	struct buf line = BUF_INIT;

	buf_append_string(&line, "setparams");
	for (size_t i = 0; i < n; i++) {
		buf_append_string(&line, " '");
		for (const char *at = arguments[i].text; *at; at++) {
			if (*at == '\'')
				buf_append_string(&line, "'\\''");
			else
				buf_append_u8(&line, (uint8_t)*at);
		}
		buf_append_u8(&line, '\'');
	}
	buf_append_u8(&line, '\n');
	return memory_buf(grub, &line);
}

int run_menuentry(struct grub *grub, struct arguments *arguments)
{
	static const struct option_spec specs[] = {
		{"class",         1, OPTION_REPEATED},
                { "users",        2, OPTION_ARGUMENT},
		{ "hotkey",       3, OPTION_ARGUMENT},
                { "source",       4, OPTION_ARGUMENT},
		{ "id",           0, OPTION_ARGUMENT},
                { "unrestricted", 0, OPTION_FLAG    },
	};
	enum { CLASS, USERS, HOTKEY, SOURCE, ID };
	bool is_submenu = arguments->values[0].text[0] == 's';
	struct option options[ARRAY_SIZE(specs)] = { 0 };
	const char *block = arguments->block, *id, *source;
	char *line;
	int r;

	if (block)
		arguments->n--; /* the block is the last word */
	r = options_parse(grub, arguments, specs, ARRAY_SIZE(specs), true, options);
	if (r != STATUS_NONE)
		return r;
	if (arguments->n < 2 && !block)
		return STATUS_BAD_ARGUMENT;
	if ((options[SOURCE].n != 0) == (block != NULL))
		return STATUS_BAD_ARGUMENT;
	id = options[ID].n ? options[ID].values[options[ID].n - 1]->text : NULL;
	if (!block)
		return menu_add(grub, arguments->values + 1, arguments->n - 1, id,
				options[SOURCE].values[0]->text, is_submenu);
	line = setparams_line(grub, arguments->values + 1, arguments->n - 1);
	source = line ? memory_text(grub, "%s%s", line, block) : NULL;
	if (!source)
		return RUN_ERROR;
	return menu_add(grub, arguments->values + 1, arguments->n - 1, id, source, is_submenu);
}

/* --- menus -------------------------------------------------------------------------------- */

/* Whether name is what spec begins with, up to a '>' that is not doubled; *rest is behind it. */
static bool spec_names(const char *name, const char *spec, const char **rest)
{
	for (;; name++, spec++) {
		if (*spec == '>' && spec[1] != '>') {
			*rest = spec;
			return *name == '\0';
		}
		if (*spec == '>')
			spec++;
		if (*name != *spec)
			return false;
		if (*name == '\0') {
			*rest = spec;
			return true;
		}
	}
}

/* The number of the entry that a default names by its title, id or number; -1: none. */
static long entry_find(const struct menu *menu, const char *spec)
{
	const struct entry *entry = menu->entries;
	const char *rest;
	unsigned long number;

	for (long i = 0; entry; entry = entry->next, i++)
		if (spec_names(entry->title, spec, &rest) || spec_names(entry->id, spec, &rest))
			return i;
	if (!number_parse(spec, &rest, 0, &number) || number > ENTRIES_MAX)
		return -1;
	return *rest == '\0' || is_space(*rest) || *rest == '>' ? (long)number : -1;
}

static const struct entry *entry_at(const struct menu *menu, size_t n)
{
	const struct entry *entry = menu->entries;

	while (entry && n--)
		entry = entry->next;
	return entry;
}

/* $chosen as entries see it: the ids on the way to them. */
static int chosen_set(struct grub *grub, const struct entry *entry, const char *outer)
{
	struct buf text = BUF_INIT;
	char *chosen;

	if (outer) {
		buf_append_string(&text, outer);
		buf_append_u8(&text, '>');
	}
	for (const char *at = entry->id; *at; at++) {
		if (*at == '>')
			buf_append_u8(&text, '>');
		buf_append_u8(&text, (uint8_t)*at);
	}
	chosen = memory_buf(grub, &text);
	if (!chosen ||
	    variable_set(grub, "chosen", (struct value){ chosen, entry->setparams.unknown }) < 0)
		return RUN_ERROR;
	return variable_export(grub, "chosen");
}

/* What of $default is for the submenu: behind the first single '>'. */
static int default_descend(struct grub *grub, const struct value *value)
{
	const char *at = value->text;

	if (!at)
		return 0;
	for (; *at; at++) {
		if (at[0] == '>' && at[1] == '>')
			at++;
		else if (at[0] == '>')
			break;
	}
	if (at[0] == '\0' || at[1] == '\0')
		return 0;
	return variable_set(grub, "default", (struct value){ at + 1, value->unknown });
}

static int entry_commands(struct grub *grub, const struct entry *entry)
{
	struct scope scope = { entry->arguments, entry->n_arguments, 0 }, *outer = grub->scope;
	char *name = memory_text(grub, "entry '%s' of %s", entry->title, entry->file);
	int r;

	if (!name)
		return RUN_ERROR;
	grub->scope = &scope;
	r = script_run_source(grub, entry->source, name, 0);
	grub->scope = outer;
	return r;
}

static int entry_execute(struct grub *grub, const struct entry *entry, bool automatic)
{
	struct value old_chosen = variable_value(grub, "chosen");
	struct value old_default = variable_value(grub, "default");
	int r;

	if (entry->is_submenu) {
		if (context_open(grub) < 0)
			return RUN_ERROR;
		grub->context->menu = memory_take(grub, sizeof(*grub->context->menu));
		if (!grub->context->menu)
			return RUN_ERROR;
		grub->context->menu->end = &grub->context->menu->entries;
		if (automatic && variable_set(grub, "timeout", (struct value){ .text = "0" }) < 0)
			return RUN_ERROR;
	}
	if (chosen_set(grub, entry, old_chosen.text) < 0 || default_descend(grub, &old_default) < 0)
		return RUN_ERROR;
	r = entry_commands(grub, entry);
	if (r < 0)
		return r;
	if (grub->loader.loaded)
		return run_boot(grub, NULL);
	if (entry->is_submenu) {
		if (grub->context->menu->n) {
			r = menu_show(grub, automatic);
			if (r < 0)
				return r;
		}
		context_close(grub);
	}
	if (variable_restore(grub, "chosen", &old_chosen) < 0 ||
	    variable_restore(grub, "default", &old_default) < 0)
		return RUN_ERROR;
	return variable_unset(grub, "timeout") < 0 ? RUN_ERROR : STATUS_NONE;
}

/* Whether GRUB waits at the menu at all. */
static bool menu_is_drawn(const struct grub *grub)
{
	const char *timeout = variable_text(grub, "timeout"), *style;
	unsigned long seconds;

	if (!timeout || !number_parse(timeout, NULL, 0, &seconds))
		return true;
	style = variable_text(grub, "timeout_style");
	return seconds != 0 &&
	       !(style && (strcmp(style, "hidden") == 0 || strcmp(style, "countdown") == 0));
}

/* A theme's file is read when the menu is drawn; what it names is read, too, and is not followed. */
static int theme_read(struct grub *grub)
{
	const struct variable *theme = variable_get(grub, "theme");
	struct grub_event event = { .kind = GRUB_EVENT_FILE,
				    .unknown = "fonts and images that the menu's theme names",
				    .source = grub->source };
	struct grub_file file;
	char *name;
	int r;

	if (!theme || !*theme->value.text || !grub->graphics || !menu_is_drawn(grub))
		return 0;
	name = strchr("/(", theme->value.text[0])
		       ? memory_copy(grub, theme->value.text, strlen(theme->value.text))
		       : memory_text(grub, "%s/themes/%s", variable_text(grub, "prefix"),
				     theme->value.text);
	r = name ? file_open_measured(grub, name, theme->value.unknown, &file) : RUN_ERROR;
	if (r <= 0)
		return r;
	grub->host->assume(grub->host->ctx, "GRUB can draw on the display");
	event.text = name;
	return event_hand(grub, &event);
}

int menu_show(struct grub *grub, bool automatic)
{
	const struct menu *menu = grub->context->menu;
	const struct variable *preset = variable_get(grub, "default");
	const struct entry *entry;
	const char **titles;
	size_t chosen, i = 0;
	long preferred = preset ? entry_find(menu, preset->value.text) : 0;
	int r;

	if (++grub->menus > GRUB_DEPTH_MAX)
		return grub_fail(grub, ERROR_LIMIT, "more than %u menus shown", GRUB_DEPTH_MAX);
	if (preferred < 0 || (size_t)preferred >= menu->n)
		preferred = 0;
	if (preset && preset->value.unknown)
		grub->host->assume(grub->host->ctx, preset->value.unknown);
	titles = memory_take(grub, menu->n * sizeof(*titles));
	if (!titles || theme_read(grub) < 0)
		return RUN_ERROR;
	for (entry = menu->entries; entry; entry = entry->next)
		titles[i++] = entry->title;
	chosen = grub->host->choose(grub->host->ctx, titles, menu->n, (size_t)preferred);
	entry = entry_at(menu, chosen < menu->n ? chosen : (size_t)preferred);
	r = entry_execute(grub, entry, automatic || chosen == (size_t)preferred);
	if (r < 0)
		return r;
	/* The menu again, and nobody there to choose. */
	return grub_halt(grub,
			 memory_text(grub, "the menu entry '%s' starts nothing", entry->title));
}

/* --- normal ------------------------------------------------------------------------------- */

/* What the command normal does, without a script or with the one named. */
int normal_enter(struct grub *grub, const char *config)
{
	const char *prefix = variable_text(grub, "prefix");
	int r;

	if (prefix && lists_read(grub, prefix) < 0)
		return RUN_ERROR;
	grub->hooks = true;
	if (config) {
		r = config_read(grub, config, NULL);
		if (r < 0)
			return r;
		if (grub->context->menu && grub->context->menu->n) {
			r = menu_show(grub, false);
			if (r < 0)
				return r;
		}
	}
	return grub_halt(grub, "GRUB waits at its prompt");
}

/* Without a name: grub.cfg beside the image or in $prefix. */
static int normal_guess(struct grub *grub)
{
	static const char *const variables[] = { "fw_path", "prefix" };

	for (size_t i = grub->behaviour.fw_path ? 0 : 1; i < ARRAY_SIZE(variables); i++) {
		const char *dir = variable_text(grub, variables[i]);
		struct grub_file file;
		char *name;
		int r;

		if (!dir)
			continue;
		name = memory_text(grub, "%s/grub.cfg", dir);
		if (!name)
			return RUN_ERROR;
		if (!grub->behaviour.tries_config_first)
			return normal_enter(grub, name);
		r = file_open_measured(grub, name, NULL, &file);
		if (r != 0)
			return r < 0 ? r : normal_enter(grub, name);
	}
	return normal_enter(grub, NULL);
}

int run_normal(struct grub *grub, struct arguments *arguments)
{
	if (arguments && arguments->n > 1)
		return normal_enter(grub, arguments->values[1].text);
	return normal_guess(grub);
}
