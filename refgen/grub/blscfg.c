/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blscfg: menu entries from Boot Loader Specification files, as Fedora's GRUB makes them. Each file is
 * opened (and measured) in the order of its directory; the menu is sorted afterwards.
 * Source: rhboot/grub2 grub-core/commands/blscfg.c; GNU GRUB 2.14's blsuki.c differs (see behaviour).
 */
#include "refgen/grub/internal.h"

#define BLS_ENTRIES_MAX 1024
#define BLS_KEYS_MAX    1000
#define BLS_FILE_MAX    (1u << 20) /* GRUB's own limit */

struct bls_key {
	const char *key, *value;
	struct bls_key *next;
};

struct bls_entry {
	const char *name; /* of the file, without ".conf" */
	struct bls_key *keys;
};

struct bls {
	struct grub *grub;
	const char *device, *dir;
	const char *names[BLS_ENTRIES_MAX]; /* of files, in the order of the directory */
	size_t n_names;
	struct bls_entry *entries[BLS_ENTRIES_MAX];
	size_t n;
	bool use_version;
};

static const char *key_get(const struct bls_entry *entry, const char *name)
{
	for (const struct bls_key *key = entry->keys; key; key = key->next)
		if (strcmp(key->key, name) == 0)
			return key->value;
	return NULL;
}

static bool is_alnum(char c)
{
	return is_alpha(c) || is_digit(c);
}

/* rpm's order of versions: digits by number, letters by text, '~' before everything. */
static int version_compare(const char *a, const char *b)
{
	if (strcmp(a, b) == 0)
		return 0;
	while (*a || *b) {
		const char *start_a, *start_b;
		size_t n, m;
		int order;

		while (*a && !is_alnum(*a) && *a != '~')
			a++;
		while (*b && !is_alnum(*b) && *b != '~')
			b++;
		if (*a == '~' || *b == '~') {
			if (*a != '~')
				return 1;
			if (*b != '~')
				return -1;
			a++;
			b++;
			continue;
		}
		if (!*a || !*b)
			break;
		start_a = a;
		start_b = b;
		if (is_digit(*a)) {
			while (is_digit(*a))
				a++;
			while (is_digit(*b))
				b++;
			if (b == start_b)
				return 1;
			while (*start_a == '0')
				start_a++;
			while (*start_b == '0')
				start_b++;
		} else {
			while (is_alpha(*a))
				a++;
			while (is_alpha(*b))
				b++;
			if (b == start_b)
				return -1;
		}
		n = (size_t)(a - start_a);
		m = (size_t)(b - start_b);
		if (is_digit(a[-1]) && n != m)
			return n > m ? 1 : -1;
		order = bytes_compare(bytes_of(start_a, n), bytes_of(start_b, m));
		if (order)
			return order < 0 ? -1 : 1;
	}
	if (!*a && !*b)
		return 0;
	return *a ? 1 : -1;
}

static int entry_compare(const struct bls *bls, const struct bls_entry *a,
			 const struct bls_entry *b)
{
	int order;

	if (bls->use_version) {
		order = version_compare(key_get(a, "version"), key_get(b, "version"));
		if (order)
			return order;
	}
	return version_compare(a->name, b->name);
}

/* One line: a key, blanks, a value. 1, 0 where GRUB reads no further. */
static int key_parse(struct grub *grub, const char *line, struct bls_key ***end)
{
	const char *blank;
	struct bls_key *key;

	while (*line == ' ' || *line == '\t')
		line++;
	if (*line == '#')
		return 1;
	blank = strchr(line, ' ');
	if (!blank)
		blank = strchr(line, '\t');
	if (!blank || blank[1] == '\0')
		return 0;
	key = memory_take(grub, sizeof(*key));
	if (!key || !(key->key = memory_copy(grub, line, (size_t)(blank - line))))
		return RUN_ERROR;
	while (*blank == ' ' || *blank == '\t')
		blank++;
	key->value = blank;
	**end = key;
	*end = &key->next;
	return 1;
}

static int entry_parse(struct grub *grub, struct bytes text, struct bls_entry *entry)
{
	/* Lines as GRUB takes them, comments in column 0 included. */
	struct lines lines = { .text = text };
	struct bls_key **end = &entry->keys;

	for (size_t n = 0;; n++) {
		struct buf buf = BUF_INIT;
		char *line, *cr;
		int r = lines_next(grub, &lines, &buf);

		if (r <= 0) {
			buf_clear(&buf);
			return r;
		}
		buf.size--; /* the newline */
		line = memory_buf(grub, &buf);
		if (!line)
			return RUN_ERROR;
		for (char *at = cr = line;; at++) {
			if (*at != '\r')
				*cr++ = *at;
			if (!*at)
				break;
		}
		if (n >= BLS_KEYS_MAX)
			return grub_fail(grub, ERROR_LIMIT, "a loader entry of more than %d lines",
					 BLS_KEYS_MAX);
		r = key_parse(grub, line, &end);
		if (r <= 0)
			return r;
	}
}

static int name_keep(void *walk, struct bytes name, enum grub_file_type type, struct error *err)
{
	struct bls *bls = walk;

	(void)type;
	if (name.size <= 5 || name.data[0] == '.' ||
	    memcmp(name.data + name.size - 5, ".conf", 5) != 0)
		return 0;
	if (bls->n_names == BLS_ENTRIES_MAX)
		return error_set(err, ERROR_LIMIT, bls->dir, ERROR_NO_OFFSET,
				 "GRUB: more than %d loader entries", BLS_ENTRIES_MAX);
	bls->names[bls->n_names] = memory_copy(bls->grub, (const char *)name.data, name.size);
	return bls->names[bls->n_names++] ? 0 : -1;
}

static int entry_read(struct bls *bls, const char *name)
{
	struct grub *grub = bls->grub;
	char *full = memory_text(grub, "(%s)%s/%s", bls->device, bls->dir, name);
	struct bls_entry *entry;
	struct grub_file file;
	struct grub_stat stat;
	struct bytes text;
	int r = full ? file_open_measured(grub, full, NULL, &file) : RUN_ERROR;

	if (r <= 0)
		return r;
	r = file_stat(grub, &file, &stat);
	if (r <= 0 || stat.size > BLS_FILE_MAX)
		return r < 0 ? r : 0;
	entry = memory_take(grub, sizeof(*entry));
	if (!entry || !(entry->name = memory_copy(grub, name, strlen(name) - 5)) ||
	    file_read(grub, &file, BLS_FILE_MAX, &text) < 0 || entry_parse(grub, text, entry) < 0)
		return RUN_ERROR;
	bls->entries[bls->n++] = entry;
	return 0;
}

/* The directory's entries; a directory that is not there has none. */
static int directory_read(struct bls *bls, const char *dir)
{
	struct grub *grub = bls->grub;
	char *name = memory_text(grub, "(%s)%s", bls->device, dir);
	struct grub_file file;
	struct grub_stat stat;
	int r;

	if (!name)
		return RUN_ERROR;
	bls->dir = dir;
	bls->n_names = 0;
	file = file_of_name(grub, name);
	if (!file.name || !file.device)
		return file.name ? 0 : RUN_ERROR;
	r = file_stat(grub, &file, &stat);
	if (r <= 0 || stat.type != GRUB_DIRECTORY)
		return r < 0 ? r : 0;
	if (grub->host->list(grub->host->ctx, file.device, file.path, name_keep, bls, grub->err) <
	    0)
		return RUN_ERROR;
	for (size_t i = 0; i < bls->n_names; i++)
		if (entry_read(bls, bls->names[i]) < 0)
			return RUN_ERROR;
	return 0;
}

/* What one piece of options adds: a variable's value (unknown with it), or the text itself. */
static int option_append(struct grub *grub, struct buf *out, struct bytes piece, bool is_variable,
			 bool *any, const char **unknown)
{
	const struct variable *variable;
	char *name;

	if (!is_variable) {
		buf_append(out, piece);
		*any = true;
		return 0;
	}
	name = memory_copy(grub, (const char *)piece.data, piece.size);
	if (!name)
		return RUN_ERROR;
	variable = variable_get(grub, name);
	if (variable) {
		buf_append_string(out, variable->value.text);
		*any = true;
		if (variable->value.unknown)
			*unknown = variable->value.unknown;
	}
	return 0;
}

/*
 * Variables in options. As GRUB's own code does it, a piece of one character before a variable or at
 * the end is lost: "$a $b" has no blank between the two. *out is NULL where GRUB ends without options.
 */
static int options_expand(struct grub *grub, const char *text, const char **out,
			  const char **unknown)
{
	AUTO(buf_clear) struct buf options = BUF_INIT;
	size_t start = 0, end = 0, i;
	bool is_variable = false, any = false;

	*out = NULL;
	for (i = 0; text[i]; end = i++) {
		bool name_ends = is_variable && !is_alnum(text[i]) && text[i] != '_';

		if (text[i] != '$' && !name_ends)
			continue;
		if ((text[i] != '$' || start != end) && end + 1 > start) {
			if (option_append(grub, &options, bytes_of(text + start, end + 1 - start),
					  is_variable, &any, unknown) < 0)
				return RUN_ERROR;
			if (text[i] == '$' && !any)
				return 0;
		}
		is_variable = text[i] == '$';
		start = is_variable ? i + 1 : i;
	}
	if (start != end && end + 1 > start &&
	    option_append(grub, &options, bytes_of(text + start, end + 1 - start), is_variable,
			  &any, unknown) < 0)
		return RUN_ERROR;
	if (any && !(*out = memory_buf(grub, &options)))
		return RUN_ERROR;
	return 0;
}

static int entry_add(struct bls *bls, const struct bls_entry *entry)
{
	struct grub *grub = bls->grub;
	const char *linux_file = key_get(entry, "linux"), *title = key_get(entry, "title");
	const char *options = key_get(entry, "options"), *unknown = NULL;
	struct value arguments[64];
	struct buf source = BUF_INIT;
	bool has_initrd = false;
	size_t n = 1;
	char *text;

	if (!linux_file)
		return 0;
	if (options && options_expand(grub, options, &options, &unknown) < 0)
		return RUN_ERROR;
	arguments[0] = (struct value){ title ? title : linux_file, unknown };
	buf_printf(&source, "load_video\nset gfx_payload=keep\ninsmod gzio\nlinux ($root)%s%s%s\n",
		   linux_file, options ? " " : "", options ? options : "");
	for (const struct bls_key *key = entry->keys; key; key = key->next) {
		if (strcmp(key->key, "grub_arg") == 0 && n < ARRAY_SIZE(arguments))
			arguments[n++] = (struct value){ .text = key->value };
		if (strcmp(key->key, "initrd") != 0)
			continue;
		buf_printf(&source, "%s ($root)%s", has_initrd ? "" : "initrd", key->value);
		has_initrd = true;
	}
	if (has_initrd)
		buf_append_u8(&source, '\n');
	text = memory_buf(grub, &source);
	if (!text)
		return RUN_ERROR;
	return menu_add(grub, arguments, n, entry->name, text, false) < 0 ? RUN_ERROR : 0;
}

/* Insertion: stable, and what GRUB's quicksort gives where no two are equal. */
static void entries_sort(struct bls *bls)
{
	bls->use_version = true;
	for (size_t i = 0; i < bls->n; i++)
		if (!key_get(bls->entries[i], "version"))
			bls->use_version = false;
	for (size_t i = 1; i < bls->n; i++) {
		struct bls_entry *entry = bls->entries[i];
		size_t k = i;

		for (; k > 0 && entry_compare(bls, bls->entries[k - 1], entry) > 0; k--)
			bls->entries[k] = bls->entries[k - 1];
		bls->entries[k] = entry;
	}
}

int run_blscfg(struct grub *grub, struct arguments *arguments)
{
	const char *root = variable_text(grub, "root"), *dir = variable_text(grub, "blsdir");
	struct bls *bls;

	(void)arguments;
	if (grub->behaviour.blscfg_upstream)
		return grub_fail(grub, ERROR_UNSUPPORTED,
				 "this GRUB's blscfg (of 2.14) is not interpreted");
	if (!root || !*root)
		return STATUS_FILE_NOT_FOUND;
	if (!device_find(grub, root))
		return STATUS_UNKNOWN_DEVICE;
	bls = memory_take(grub, sizeof(*bls));
	if (!bls)
		return RUN_ERROR;
	bls->grub = grub;
	bls->device = root;
	if (directory_read(bls, dir ? dir : "/loader/entries/") < 0)
		return RUN_ERROR;
	if (bls->n == 0 && directory_read(bls, "/boot/loader/entries/") < 0)
		return RUN_ERROR;
	entries_sort(bls);
	for (size_t i = bls->n; i-- > 0;)
		if (entry_add(bls, bls->entries[i]) < 0)
			return RUN_ERROR;
	return STATUS_NONE;
}
