/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the words of a script to the arguments of a command: variables, splitting, wildcards.
 * Source: grub-core/script/execute.c and argv.c, commands/wildcard.c.
 *
 * Until wildcards are expanded, a quoted '*', '?' or '\' is kept with a backslash before it.
 */
#include "refgen/grub/internal.h"

#define ARGUMENTS_MAX 8192 /* of one command */

/* Arguments being made. The last is open: more text may come; NULL until it has any, even none. */
struct maker {
	struct grub *grub;
	struct value *values;
	size_t n, capacity;
	struct buf text; /* of the open argument */
	bool has_text;
	const char *unknown;
	const char *block;
};

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_hex_escape(const char *text)
{
	return text[0] == '\\' && text[1] == 'x' && is_hex(text[2]) && is_hex(text[3]);
}

static void append_escaped(struct buf *out, const char *text)
{
	while (*text) {
		if (is_hex_escape(text)) {
			buf_append(out, bytes_of(text, 4));
			text += 4;
			continue;
		}
		if (*text == '*' || *text == '\\' || *text == '?')
			buf_append_u8(out, '\\');
		buf_append_u8(out, (uint8_t)*text++);
	}
}

static void append_unescaped(struct buf *out, const char *text)
{
	while (*text) {
		if (is_hex_escape(text)) {
			buf_append(out, bytes_of(text, 4));
			text += 4;
			continue;
		}
		if (*text == '\\' && *++text == '\0')
			break;
		buf_append_u8(out, (uint8_t)*text++);
	}
}

static int values_add(struct maker *maker, struct value value)
{
	if (maker->n == maker->capacity) {
		size_t capacity = maker->capacity ? 2 * maker->capacity : 8;
		struct value *values;

		if (capacity > ARGUMENTS_MAX)
			return grub_fail(maker->grub, ERROR_LIMIT,
					 "a command of more than %d arguments", ARGUMENTS_MAX);
		values = memory_take(maker->grub, capacity * sizeof(*values));
		if (!values)
			return RUN_ERROR;
		if (maker->n)
			memcpy(values, maker->values, maker->n * sizeof(*values));
		maker->values = values;
		maker->capacity = capacity;
	}
	maker->values[maker->n++] = value;
	return 0;
}

/* Begins another argument, unless the open one has nothing, not even an empty text. */
static int argument_next(struct maker *maker)
{
	struct value value = { .unknown = maker->unknown };

	if (!maker->has_text)
		return 0;
	value.text = memory_buf(maker->grub, &maker->text);
	maker->has_text = false;
	maker->unknown = NULL;
	return value.text ? values_add(maker, value) : RUN_ERROR;
}

static int text_limit(struct maker *maker)
{
	if (maker->text.size > GRUB_TEXT_MAX)
		return grub_fail(maker->grub, ERROR_LIMIT, "an argument of more than %u bytes",
				 GRUB_TEXT_MAX);
	return 0;
}

/* What is not known is taken for something, were it empty, so that it stays in sight. */
static void value_unknown(struct maker *maker, const struct value *value)
{
	if (!value->unknown)
		return;
	maker->unknown = value->unknown;
	maker->has_text = true;
}

/* The words of an unquoted variable's value: blanks at its ends separate nothing. */
static int append_split(struct maker *maker, struct value value)
{
	const char *text = value.text;

	value_unknown(maker, &value);
	while (is_space(*text))
		text++;
	while (*text) {
		for (; *text && !is_space(*text); text++) {
			/* A backslash stays one; wildcards in a variable count. */
			if (*text == '\\') {
				buf_append_u8(&maker->text, '\\');
				if (text[1] == '?' || text[1] == '*')
					buf_append_u8(&maker->text, '\\');
			}
			buf_append_u8(&maker->text, (uint8_t)*text);
			maker->has_text = true;
		}
		while (is_space(*text))
			text++;
		if (*text && argument_next(maker) < 0)
			return RUN_ERROR;
	}
	return text_limit(maker);
}

static int append_value(struct maker *maker, struct value value, bool quoted)
{
	if (!quoted)
		return append_split(maker, value);
	value_unknown(maker, &value);
	append_escaped(&maker->text, value.text);
	if (*value.text)
		maker->has_text = true;
	return text_limit(maker);
}

bool text_is_special(const char *name)
{
	return is_digit(name[0]) || strcmp(name, "#") == 0 || strcmp(name, "*") == 0 ||
	       strcmp(name, "@") == 0;
}

/* $1, $#, $@ and $*. */
static int append_special(struct maker *maker, const char *name, bool quoted)
{
	struct scope *scope = maker->grub->scope;
	unsigned long number;
	char digits[24];

	if (!scope)
		return 0;
	if (name[0] == '#') {
		snprintf(digits, sizeof(digits), "%zu", scope->n);
		return append_value(maker, (struct value){ .text = digits }, quoted);
	}
	if (name[0] == '*' || name[0] == '@') {
		for (size_t i = 0; i < scope->n; i++) {
			if (i != 0 && name[0] == '*' && quoted)
				buf_append_u8(&maker->text, ' ');
			else if (i != 0 && argument_next(maker) < 0)
				return RUN_ERROR;
			/* An empty parameter in "$@" is an argument, too. */
			if (quoted)
				maker->has_text = true;
			if (append_value(maker, scope->arguments[i], quoted) < 0)
				return RUN_ERROR;
		}
		return 0;
	}
	if (!number_parse(name, NULL, 10, &number) || number == 0 || number > scope->n)
		return 0;
	return append_value(maker, scope->arguments[number - 1], quoted);
}

static int append_variable(struct maker *maker, const char *name, bool quoted)
{
	const struct variable *variable;

	if (text_is_special(name))
		return append_special(maker, name, quoted);
	if (strcmp(name, "?") == 0)
		status_used(maker->grub);
	variable = variable_get(maker->grub, name);
	if (variable)
		return append_value(maker, variable->value, quoted);
	return 0;
}

/* $"...": untranslated, with its variables put in. */
static int append_gettext(struct maker *maker, const char *text)
{
	if (maker->grub->catalogue)
		maker->unknown = "a text in the language that GRUB has loaded";
	maker->has_text = true;
	while (*text) {
		const char *name = text + 1;
		bool braces = *name == '{';
		size_t n = 0;

		if (text[0] == '\\' && (text[1] == '\\' || text[1] == '$')) {
			const char plain[2] = { text[1], '\0' };

			append_escaped(&maker->text, plain);
			text += 2;
			continue;
		}
		name += braces;
		if (*text == '$') {
			if (*name == '?' || *name == '#')
				n = 1;
			while (n == 0 || (n && name[0] != '?' && name[0] != '#')) {
				if (!is_alpha(name[n]) && !is_digit(name[n]) && name[n] != '_')
					break;
				n++;
			}
		}
		if (n && (!braces || name[n] == '}')) {
			char *copy = memory_copy(maker->grub, name, n);

			if (!copy || append_variable(maker, copy, true) < 0)
				return RUN_ERROR;
			text = name + n + braces;
		} else {
			const char plain[2] = { *text, '\0' };

			append_escaped(&maker->text, plain);
			text++;
		}
	}
	return text_limit(maker);
}

static int append_part(struct maker *maker, const struct part *part)
{
	switch (part->type) {
	case PART_TEXT:
		buf_append_string(&maker->text, part->text);
		maker->has_text = true;
		return text_limit(maker);
	case PART_QUOTED:
		append_escaped(&maker->text, part->text);
		maker->has_text = true;
		return text_limit(maker);
	case PART_VARIABLE:
		return append_variable(maker, part->text, false);
	case PART_QUOTED_VARIABLE:
		return append_variable(maker, part->text, true);
	case PART_GETTEXT:
		return append_gettext(maker, part->text);
	case PART_BLOCK:
		maker->block = part->text;
		return 0;
	}
	return 0;
}

/* An argument of the form that wildcards are expanded in, or its text without escapes. */
static int argument_finish(struct maker *maker, struct value value)
{
	const char *const *names = NULL;
	struct buf text = BUF_INIT;
	size_t n = 0;

	if (strchr("/(*", value.text[0]) && value.text[0] &&
	    module_is_loaded(maker->grub, "regexp") &&
	    glob_expand(maker->grub, value.text, &names, &n) < 0)
		return RUN_ERROR;
	for (size_t i = 0; i < n; i++)
		if (values_add(maker, (struct value){ names[i], value.unknown }) < 0)
			return RUN_ERROR;
	if (n)
		return 0;
	append_unescaped(&text, value.text);
	value.text = memory_buf(maker->grub, &text);
	return value.text ? values_add(maker, value) : RUN_ERROR;
}

static int words_make(struct maker *maker, const struct word *words)
{
	for (; words; words = words->next) {
		if (argument_next(maker) < 0)
			return RUN_ERROR;
		for (const struct part *part = words->parts; part; part = part->next)
			if (append_part(maker, part) < 0)
				return RUN_ERROR;
	}
	return argument_next(maker);
}

int words_expand(struct grub *grub, const struct word *words, struct arguments *out)
{
	struct maker raw = { .grub = grub }, done = { .grub = grub };
	int r = words_make(&raw, words);

	buf_clear(&raw.text);
	for (size_t i = 0; r == 0 && i < raw.n; i++)
		r = argument_finish(&done, raw.values[i]);
	if (r == 0 && raw.block) {
		struct value block = { .text = memory_text(grub, "{%s}", raw.block) };

		r = block.text ? values_add(&done, block) : RUN_ERROR;
	}
	*out = (struct arguments){ done.values, done.n, raw.block };
	return r;
}

/* --- wildcards ---------------------------------------------------------------------------- */

#define GLOB_MAX 4096 /* names that one pattern may become */

struct names {
	const char **names;
	size_t n, capacity;
};

static int names_add(struct grub *grub, struct names *names, const char *name)
{
	if (!name)
		return RUN_ERROR;
	if (names->n == names->capacity) {
		size_t capacity = names->capacity ? 2 * names->capacity : 8;
		const char **grown;

		if (capacity > GLOB_MAX)
			return grub_fail(grub, ERROR_LIMIT,
					 "a wildcard that becomes more than %d names", GLOB_MAX);
		grown = memory_take(grub, capacity * sizeof(*grown));
		if (!grown)
			return RUN_ERROR;
		if (names->n)
			memcpy(grown, names->names, names->n * sizeof(*grown));
		names->names = grown;
		names->capacity = capacity;
	}
	names->names[names->n++] = name;
	return 0;
}

/* '*' and '?', a backslash escapes; iterative, with one place to go back to. */
static bool glob_match(const char *pattern, const char *end, struct bytes name)
{
	const char *star = NULL;
	size_t i = 0, from = 0;

	while (i < name.size) {
		bool escaped = pattern < end && *pattern == '\\' && pattern + 1 < end;

		if (!escaped && pattern < end && *pattern == '*') {
			star = pattern++;
			from = i;
		} else if (!escaped && pattern < end && *pattern == '?') {
			pattern++;
			i++;
		} else if (pattern < end && pattern[escaped] == (char)name.data[i]) {
			pattern += 1 + escaped;
			i++;
		} else if (star) {
			pattern = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

struct glob {
	struct grub *grub;
	struct names *out;
	const char *dir; /* what the names found are put behind */
	const char *pattern, *end;
};

static int glob_name(void *walk, struct bytes name, enum grub_file_type type, struct error *err)
{
	struct glob *glob = walk;

	(void)type;
	(void)err; /* grub_fail fills the run's, which it is */
	if (bytes_equal_string(name, ".") || bytes_equal_string(name, "..") ||
	    !glob_match(glob->pattern, glob->end, name))
		return 0;
	return names_add(glob->grub, glob->out,
			 memory_text(glob->grub, "%s%.*s", glob->dir, (int)name.size,
				     (const char *)name.data));
}

static int glob_directory(struct grub *grub, struct glob *glob)
{
	struct grub_file dir = file_of_name(grub, glob->dir);
	struct grub_stat stat;
	int r;

	if (!dir.device || !dir.device->volume)
		return dir.name ? 0 : RUN_ERROR;
	r = file_stat(grub, &dir, &stat);
	if (r <= 0 || stat.type != GRUB_DIRECTORY)
		return r < 0 ? r : 0;
	return grub->host->list(grub->host->ctx, dir.device, dir.path, glob_name, glob, grub->err) <
			       0
		       ? RUN_ERROR
		       : 0;
}

static int glob_devices(struct grub *grub, struct glob *glob, bool partitions)
{
	for (size_t i = 0; i < grub->host->n_devices; i++) {
		const char *name = grub->host->devices[i].name;
		char *quoted;

		if (!partitions && strchr(name, ','))
			continue;
		quoted = memory_text(grub, "(%s)", name);
		if (!quoted)
			return RUN_ERROR;
		if (glob_match(glob->pattern, glob->end, bytes_of_string(quoted)) &&
		    names_add(grub, glob->out, quoted) < 0)
			return RUN_ERROR;
	}
	return 0;
}

static char *unescaped(struct grub *grub, const char *prefix, const char *text, const char *end)
{
	struct buf out = BUF_INIT;

	buf_append_string(&out, prefix);
	for (; text < end; text++) {
		if (*text == '\\' && text + 1 < end && !is_hex_escape(text))
			text++;
		buf_append_u8(&out, (uint8_t)*text);
	}
	return memory_buf(grub, &out);
}

/* A name without wildcards behind one with them is kept only where there is such a file. */
static int glob_exists(struct grub *grub, const char *name)
{
	struct grub_file file = file_of_name(grub, name);
	struct grub_stat stat;

	if (!file.device || !file.device->volume)
		return file.name ? 0 : RUN_ERROR;
	return file_stat(grub, &file, &stat);
}

/* One step: text up to the next '/' behind a wildcard is put behind each name so far. */
static int glob_step(struct grub *grub, const char *start, const char *split, const char *end,
		     bool first, bool had_wildcard, struct names *names)
{
	struct names next = { 0 };
	size_t n = first ? 1 : names->n;

	for (size_t i = 0; i < n; i++) {
		const char *prefix = first ? "" : names->names[i];
		struct glob glob = { grub, &next, NULL, split, end };

		if (split == end) { /* no wildcard in this step */
			char *name = unescaped(grub, prefix, start, end);
			int r = name && had_wildcard ? glob_exists(grub, name) : 1;

			if (!name || r < 0 || (r > 0 && names_add(grub, &next, name) < 0))
				return RUN_ERROR;
			continue;
		}
		if (first && split == start) {
			if (glob_devices(grub, &glob, *start == '(') < 0)
				return RUN_ERROR;
			continue;
		}
		glob.dir = unescaped(grub, prefix, start, split);
		if (!glob.dir || glob_directory(grub, &glob) < 0)
			return RUN_ERROR;
	}
	*names = next;
	return 0;
}

/* The names a pattern stands for, in the order in which directories have them; none: it stays. */
int glob_expand(struct grub *grub, const char *pattern, const char *const **out, size_t *n)
{
	struct names names = { 0 };
	const char *start = pattern;
	bool first = true, had_wildcard = false;

	while (*start) {
		const char *split = start, *end = start;
		bool wildcard = false;

		for (; *end; end++) {
			if (*end == '\\' && end[1])
				end++;
			else if (*end == '*' || *end == '?')
				wildcard = true;
			else if (*end == '/' && wildcard)
				break;
			else if (*end == '/')
				split = end + 1;
		}
		if (!wildcard)
			split = end;
		if (glob_step(grub, start, split, end, first, had_wildcard, &names) < 0)
			return RUN_ERROR;
		had_wildcard |= wildcard;
		if (names.n == 0)
			break;
		first = false;
		start = end;
	}
	*out = names.names;
	*n = names.n;
	return 0;
}
