/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment block (grubenv): load_env, save_env, list_env. Source: grub-core/lib/envblk.c,
 * commands/loadenv.c.
 */
#include "refgen/grub/internal.h"

#define SIGNATURE "# GRUB Environment Block\n"
#define BLOCK_MAX (64u << 10) /* grub-editenv makes 1 KiB */

/* Ends of the value that begins at data: at its newline, or NULL. A backslash escapes what follows. */
static const char *value_end(const char *data, const char *end)
{
	while (data < end && *data != '\n') {
		if (*data == '\\')
			data++;
		data++;
	}
	return data < end ? data : NULL;
}

int grub_envblk_parse(struct bytes block, const char *source,
		      int (*variable)(void *ctx, struct bytes name, struct bytes value), void *ctx,
		      struct error *err)
{
	AUTO(buf_clear) struct buf value = BUF_INIT;
	const char *data, *end;

	if (!bytes_start_with(block, bytes_of_string(SIGNATURE)))
		return error_set(err, ERROR_MALFORMED, source, 0,
				 "GRUB: no environment block: it does not begin with '# GRUB "
				 "Environment Block'");
	data = (const char *)block.data + strlen(SIGNATURE);
	end = (const char *)block.data + block.size;
	while (data < end) {
		const char *equals, *stop;
		int r;

		if (*data == '#') { /* a comment, or the padding */
			while (data < end && *data != '\n')
				data++;
			data++;
			continue;
		}
		for (equals = data; equals < end && *equals != '='; equals++)
			;
		if (equals == end)
			return 0;
		stop = value_end(equals + 1, end);
		if (!stop)
			return 0; /* cut short: GRUB takes no notice of it */
		value.size = 0;
		for (const char *at = equals + 1; at < stop; at++) {
			if (*at == '\\' && at + 1 < stop)
				at++;
			buf_append_u8(&value, (uint8_t)*at);
		}
		if (buf_finish(&value, err) < 0)
			return -1;
		r = variable(ctx, bytes_of(data, (size_t)(equals - data)), buf_bytes(&value));
		if (r != 0)
			return r;
		data = stop + 1;
	}
	return 0;
}

struct block_file {
	struct grub_file file;
	struct bytes contents;
};

static const struct option_spec specs[] = {
	{"file",      'f', OPTION_ARGUMENT},
	{ "skip-sig", 's', OPTION_FLAG    },
};
enum { OPTION_FILE, OPTION_SKIP };

/* Opens the block: a status, or STATUS_NONE and its contents. Without signature nobody measures. */
static int block_open(struct grub *grub, const struct option *options, bool measured,
		      struct block_file *out)
{
	const char *prefix = variable_text(grub, "prefix"), *name;
	struct grub_stat stat;
	int r;

	if (options[OPTION_FILE].n)
		name = options[OPTION_FILE].values[options[OPTION_FILE].n - 1]->text;
	else if (prefix)
		name = memory_text(grub, "%s/grubenv", prefix);
	else
		return STATUS_FILE_NOT_FOUND;
	if (!name)
		return RUN_ERROR;
	if (measured && !options[OPTION_SKIP].set) {
		r = file_open_measured(grub, name, NULL, &out->file);
	} else {
		out->file = file_of_name(grub, name);
		r = out->file.name ? file_stat(grub, &out->file, &stat) : RUN_ERROR;
		if (r > 0 && stat.type != GRUB_FILE)
			r = 0;
	}
	if (r <= 0)
		return r < 0 ? r : STATUS_FILE_NOT_FOUND;
	r = file_stat(grub, &out->file, &stat);
	if (r < 0)
		return r;
	if (stat.size < strlen(SIGNATURE) || stat.size > BLOCK_MAX)
		return STATUS_BAD_FILE_TYPE;
	if (file_read(grub, &out->file, BLOCK_MAX, &out->contents) < 0)
		return RUN_ERROR;
	if (!bytes_start_with(out->contents, bytes_of_string(SIGNATURE)))
		return STATUS_BAD_FILE_TYPE;
	return STATUS_NONE;
}

struct loading {
	struct grub *grub;
	const struct arguments *wanted; /* behind the command; none: all */
};

static int load_variable(void *ctx, struct bytes name, struct bytes value)
{
	struct loading *loading = ctx;
	struct grub *grub = loading->grub;
	bool wanted = loading->wanted->n < 2;
	char *key, *text;

	for (size_t i = 1; i < loading->wanted->n; i++)
		wanted |= bytes_equal_string(name, loading->wanted->values[i].text);
	if (!wanted || memchr(name.data, '\0', name.size))
		return 0;
	key = memory_copy(grub, (const char *)name.data, name.size);
	text = memory_copy(grub, (const char *)value.data, value.size);
	return key && text ? variable_set(grub, key, (struct value){ .text = text }) : RUN_ERROR;
}

int run_load_env(struct grub *grub, struct arguments *arguments)
{
	struct option options[ARRAY_SIZE(specs)] = { 0 };
	struct loading loading = { grub, arguments };
	struct block_file block;
	int r = options_parse(grub, arguments, specs, ARRAY_SIZE(specs), false, options);

	if (r == STATUS_NONE)
		r = block_open(grub, options, true, &block);
	if (r == STATUS_NONE)
		r = grub_envblk_parse(block.contents, block.file.name, load_variable, &loading,
				      grub->err);
	return r;
}

int run_list_env(struct grub *grub, struct arguments *arguments)
{
	struct option options[ARRAY_SIZE(specs)] = { 0 };
	struct block_file block;
	int r = options_parse(grub, arguments, specs, ARRAY_SIZE(specs), false, options);

	return r == STATUS_NONE ? block_open(grub, options, true, &block) : r;
}

/* --- save_env ----------------------------------------------------------------------------- */

static void append_setting(struct buf *out, const char *name, const char *value)
{
	buf_append_string(out, name);
	buf_append_u8(out, '=');
	for (; *value; value++) {
		if (*value == '\\' || *value == '\n')
			buf_append_u8(out, '\\');
		buf_append_u8(out, (uint8_t)*value);
	}
	buf_append_u8(out, '\n');
}

struct rewriting {
	struct buf *out;
	const char *name;
};

static int keep_other(void *ctx, struct bytes name, struct bytes value)
{
	struct rewriting *rewriting = ctx;
	char key[256], text[4096];

	if (bytes_equal_string(name, rewriting->name) || name.size >= sizeof(key) ||
	    value.size >= sizeof(text))
		return 0;
	snprintf(key, sizeof(key), "%.*s", (int)name.size, (const char *)name.data);
	snprintf(text, sizeof(text), "%.*s", (int)value.size, (const char *)value.data);
	append_setting(rewriting->out, key, text);
	return 0;
}

/* The block with a variable as it is now. What order GRUB would keep does not matter: a file written
 * to is an unknown when it is measured, and variables are found by name. */
static int block_rewrite(struct grub *grub, struct block_file *block, const char *name)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct rewriting rewriting = { &out, name };
	const char *value = variable_text(grub, name);
	char *copy;

	buf_append_string(&out, SIGNATURE);
	if (grub_envblk_parse(block->contents, block->file.name, keep_other, &rewriting,
			      grub->err) < 0)
		return RUN_ERROR;
	if (value)
		append_setting(&out, name, value);
	if (out.size > block->contents.size)
		return STATUS_BAD_ARGUMENT;
	while (out.size < block->contents.size)
		buf_append_u8(&out, '#');
	if (buf_finish(&out, grub->err) < 0)
		return RUN_ERROR;
	copy = memory_copy(grub, (const char *)out.data, out.size);
	block->contents = bytes_of(copy, out.size);
	return copy ? STATUS_NONE : RUN_ERROR;
}

int run_save_env(struct grub *grub, struct arguments *arguments)
{
	struct option options[ARRAY_SIZE(specs)] = { 0 };
	struct block_file block;
	struct written *written;
	int r = options_parse(grub, arguments, specs, ARRAY_SIZE(specs), false, options);

	if (r != STATUS_NONE)
		return r;
	if (arguments->n < 2)
		return STATUS_BAD_ARGUMENT;
	r = block_open(grub, options, false, &block);
	for (size_t i = 1; i < arguments->n && r == STATUS_NONE; i++)
		r = block_rewrite(grub, &block, arguments->values[i].text);
	if (r != STATUS_NONE)
		return r;
	written = memory_take(grub, sizeof(*written));
	if (!written)
		return RUN_ERROR;
	*written = (struct written){ block.file.device, block.file.path, block.contents,
				     grub->written };
	grub->written = written;
	return STATUS_NONE;
}
