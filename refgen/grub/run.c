/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GRUB from its start on: kern/main.c. Embedded scripts are run by the rescue parser, whose commands
 * nobody measures.
 */
#include "refgen/grub/internal.h"

/* --- rescue parser (kern/parser.c, rescue_parser.c) ---------------------------------------- */

struct splitting {
	struct grub *grub;
	struct value words[64];
	size_t n;
	struct buf text;
	bool has_text;
};

static int split_end(struct splitting *splitting)
{
	struct value *word = &splitting->words[splitting->n];

	if (!splitting->has_text)
		return 0;
	if (splitting->n == ARRAY_SIZE(splitting->words))
		return grub_fail(splitting->grub, ERROR_LIMIT,
				 "a line of the embedded script has more than %zu words",
				 ARRAY_SIZE(splitting->words));
	*word = (struct value){ .text = memory_buf(splitting->grub, &splitting->text) };
	splitting->has_text = false;
	splitting->n++;
	return word->text ? 0 : RUN_ERROR;
}

static void split_char(struct splitting *splitting, char c)
{
	buf_append_u8(&splitting->text, (uint8_t)c);
	splitting->has_text = true;
}

/* $NAME or ${NAME} at text; what it takes, or RUN_ERROR. Values are not split. */
static ptrdiff_t split_variable(struct splitting *splitting, const char *text)
{
	bool braces = text[1] == '{';
	const char *name = text + (braces ? 2 : 1), *value;
	size_t n = braces ? strcspn(name, "}") : 0;
	char *copy;

	while (!braces && (is_alpha(name[n]) || is_digit(name[n]) || name[n] == '_' ||
			   (n == 0 && name[0] == '?')))
		n++;
	copy = memory_copy(splitting->grub, name, n);
	if (!copy)
		return RUN_ERROR;
	value = variable_text(splitting->grub, copy);
	for (; value && *value; value++)
		split_char(splitting, *value);
	return (ptrdiff_t)(name + n + (braces && name[n] == '}') - text);
}

static int split_line(struct splitting *splitting, const char *line)
{
	char quote = '\0';

	while (*line) {
		if (*line == '$' && quote != '\'') {
			ptrdiff_t n = split_variable(splitting, line);

			if (n < 0)
				return RUN_ERROR;
			line += n;
			continue;
		}
		if (quote ? *line == quote : (*line == '\'' || *line == '"'))
			quote = quote ? '\0' : *line;
		else if (*line == '\\' && !quote && line[1])
			split_char(splitting, *++line);
		else if (!quote && is_space(*line) && split_end(splitting) < 0)
			return RUN_ERROR;
		else if (quote || !is_space(*line))
			split_char(splitting, *line);
		line++;
	}
	return split_end(splitting);
}

static int rescue_line(struct grub *grub, const char *line)
{
	struct splitting splitting = { .grub = grub };
	struct arguments arguments;
	const char *equals;
	int r = split_line(&splitting, line);

	buf_clear(&splitting.text);
	if (r < 0 || splitting.n == 0)
		return r;
	arguments = (struct arguments){ .values = splitting.words, .n = splitting.n };
	equals = strchr(splitting.words[0].text, '=');
	if (splitting.n == 1 && equals) {
		char *name = memory_copy(grub, splitting.words[0].text,
					 (size_t)(equals - splitting.words[0].text));

		return name ? variable_set(grub, name, (struct value){ .text = equals + 1 })
			    : RUN_ERROR;
	}
	r = command_find(splitting.words[0].text) ? command_run(grub, &arguments) : STATUS_NONE;
	return r < 0 ? r : 0;
}

int rescue_run(struct grub *grub, struct bytes config)
{
	struct lines lines = { .text = config, .source = "the embedded script of GRUB" };
	const char *source = grub->source;
	int r;

	grub->source = lines.source;
	for (;;) {
		struct buf line = BUF_INIT;
		char *text;

		r = lines_next(grub, &lines, &line);
		if (r <= 0) {
			buf_clear(&line);
			break;
		}
		grub->line = lines.line;
		text = memory_buf(grub, &line);
		r = text ? rescue_line(grub, text) : RUN_ERROR;
		if (r < 0)
			break;
	}
	grub->source = source;
	grub->line = 0;
	return r;
}

/* --- modules ------------------------------------------------------------------------------- */

static int module_add(struct grub *grub, const char *name, bool built_in)
{
	struct loaded_module *module = memory_take(grub, sizeof(*module));

	if (!module)
		return RUN_ERROR;
	*module = (struct loaded_module){ name, built_in, grub->modules };
	grub->modules = module;
	return 0;
}

/* A module's file: measured, then refused under Secure Boot; else what it needs is loaded after it. */
int module_load_file(struct grub *grub, const char *path)
{
	struct bytes module, name, needs;
	struct grub_file file;
	char *copy;
	int r = file_open_measured(grub, path, NULL, &file);

	if (r <= 0)
		return r < 0 ? r : STATUS_FILE_NOT_FOUND;
	if (grub->host->secure_boot)
		return STATUS_ACCESS_DENIED;
	if (file_read(grub, &file, GRUB_FILE_MAX, &module) < 0)
		return RUN_ERROR;
	name = module_section(module, ".modname");
	needs = module_section(module, ".moddeps");
	if (name.size == 0)
		return STATUS_BAD_OS;
	copy = memory_copy(grub, (const char *)name.data, name.size);
	if (!copy)
		return RUN_ERROR;
	if (module_is_loaded(grub, copy))
		return STATUS_BAD_OS;
	if (grub->depth >= GRUB_DEPTH_MAX)
		return grub_fail(grub, ERROR_LIMIT, "modules need each other %u deep",
				 GRUB_DEPTH_MAX);
	grub->depth++;
	for (size_t at = 0; at < needs.size; at += strlen((const char *)needs.data + at) + 1) {
		char *needed;

		if (!memchr(needs.data + at, 0, needs.size - at))
			break;
		needed = memory_copy(grub, (const char *)needs.data + at,
				     strlen((const char *)needs.data + at));
		r = needed ? module_load(grub, needed) : RUN_ERROR;
		if (r != STATUS_NONE) {
			grub->depth--;
			return r;
		}
	}
	grub->depth--;
	return module_add(grub, copy, false);
}

/* --- the start ----------------------------------------------------------------------------- */

static int set_text(struct grub *grub, const char *name, const char *text, bool exported)
{
	if (!text || variable_set(grub, name, (struct value){ .text = text }) < 0)
		return RUN_ERROR;
	return exported ? variable_export(grub, name) : 0;
}

/* feature_* are set to y by normal, which knows their names; one it only reads. */
static int features_set(struct grub *grub, const struct grub_module *normal)
{
	static const char start[] = "feature_";
	struct bytes text = normal->text;

	for (size_t i = 0; i + sizeof(start) <= text.size; i++) {
		size_t n = 0;
		char *name;

		if (memcmp(text.data + i, start, sizeof(start) - 1) != 0 ||
		    (i > 0 && text.data[i - 1] != 0))
			continue;
		while (i + n < text.size && text.data[i + n] && n < 64)
			n++;
		name = memory_copy(grub, (const char *)text.data + i, n);
		if (!name)
			return RUN_ERROR;
		i += n;
		if (strcmp(name, "feature_net_search_cfg") == 0)
			continue;
		if (set_text(grub, name, "y", true) < 0)
			return RUN_ERROR;
	}
	return 0;
}

static int modules_start(struct grub *grub)
{
	const struct grub_image *image = grub->image;
	static const char *const exported[] = { "pager", "lang", "locale_dir",
						"secondary_locale_dir" };

	for (size_t i = 0; i < image->n_modules; i++) {
		const char *name = image->modules[i].name;

		if (module_add(grub, name, true) < 0)
			return RUN_ERROR;
		if (strcmp(name, "blsuki") == 0 && module_add(grub, "blscfg", true) < 0)
			return RUN_ERROR;
		if (strcmp(name, "normal") == 0 && features_set(grub, &image->modules[i]) < 0)
			return RUN_ERROR;
	}
	for (size_t i = 0; i < ARRAY_SIZE(exported); i++)
		if (variable_export(grub, exported[i]) < 0)
			return RUN_ERROR;
	if (grub->host->secure_boot && (set_text(grub, "shim_lock", "y", true) < 0 ||
					set_text(grub, "lockdown", "y", true) < 0))
		return RUN_ERROR;
	if (set_text(grub, "grub_cpu", "x86_64", true) < 0 ||
	    set_text(grub, "grub_platform", "efi", true) < 0 ||
	    set_text(grub, "color_normal", "light-gray/black", true) < 0)
		return RUN_ERROR;
	return set_text(grub, "color_highlight", "black/light-gray", true);
}

/* prefix, root and cmdpath, from the prefix in the image and where the image lies. */
static int place_set(struct grub *grub)
{
	const char *prefix = grub->image->prefix, *device = grub->host->device, *path = prefix;
	const char *slash = strrchr(grub->host->path, '/');
	char *dir =
		memory_copy(grub, grub->host->path, slash ? (size_t)(slash - grub->host->path) : 0);

	/* rhboot's patch renames cmdpath. */
	if (!dir || set_text(grub, grub->behaviour.fw_path ? "fw_path" : "cmdpath",
			     memory_text(grub, "(%s)%s", device, dir), true) < 0)
		return RUN_ERROR;
	if (prefix[0] == '(') {
		const char *close = strrchr(prefix, ')');

		if (close) {
			path = close + 1;
			if (close > prefix + 1 && prefix[1] != ',')
				device =
					memory_copy(grub, prefix + 1, (size_t)(close - prefix - 1));
			else if (close > prefix + 1) /* a partition of the disk we are on */
				device = memory_text(grub, "%.*s%.*s", (int)strcspn(device, ","),
						     device, (int)(close - prefix - 1), prefix + 1);
			if (!device)
				return RUN_ERROR;
		}
	}
	if (!*path)
		path = dir;
	if (set_text(grub, "prefix", memory_text(grub, "(%s)%s", device, path), true) < 0)
		return RUN_ERROR;
	return set_text(grub, "root", device, true);
}

static int start(struct grub *grub)
{
	int r;

	grub->context = memory_take(grub, sizeof(*grub->context));
	if (!grub->context)
		return RUN_ERROR;
	behaviour_find(grub);
	if (modules_start(grub) < 0 || place_set(grub) < 0)
		return RUN_ERROR;
	if (grub->behaviour.assumption)
		grub->host->assume(grub->host->ctx, grub->behaviour.assumption);
	r = rescue_run(grub, grub->image->config);
	if (r < 0)
		return r;
	r = module_load(grub, "normal");
	if (r < 0)
		return r;
	if (r != STATUS_NONE)
		return grub_halt(grub, "GRUB finds no module normal and waits at its prompt");
	return run_normal(grub, NULL);
}

int grub_image_run(const struct grub_image *image, const struct grub_host *host, struct error *err)
{
	struct grub *grub = calloc(1, sizeof(*grub));
	struct error own;
	int r;

	if (!grub)
		return error_memory(err, "GRUB");
	grub->image = image;
	grub->host = host;
	grub->err = err ? err : &own;
	grub->source = "GRUB";
	r = start(grub);
	memory_clear(&grub->memory);
	free(grub);
	return r == RUN_ERROR ? -1 : 0;
}
