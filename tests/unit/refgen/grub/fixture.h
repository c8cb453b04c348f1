/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A GRUB image made of the names of its modules, and a host made of a table of files: what a run
 * measures becomes lines of text.
 *
 *     command TEXT      PCR 8, grub_cmd
 *     kernel TEXT       PCR 8, kernel_cmdline
 *     file NAME         PCR 9
 *     verify NAME       shim is asked
 *     start CMDLINE [INITRD...]
 *     assume TEXT, halt TEXT
 *
 * " ?" ends a line whose text is not known for sure. Backslash, newline and tab are \\, \n and \t.
 */
#ifndef TESTS_UNIT_REFGEN_GRUB_FIXTURE_H
#define TESTS_UNIT_REFGEN_GRUB_FIXTURE_H

#include "refgen/grub/grub.h"

/* --- image -------------------------------------------------------------------------------- */

struct fake_module {
	const char *name, *words; /* words: what its text holds, '|' between them */
};

struct fake_image {
	const struct fake_module *modules;
	size_t n_modules;
	const char *config, *prefix, *sbat; /* NULL: none */
};

/* A relocatable ELF object with .modname, .rodata and, if needs is not NULL, .moddeps. */
static inline void fake_elf(struct buf *out, const char *name, const char *words, const char *needs)
{
	static const char names[] = "\0.modname\0.rodata\0.moddeps\0.shstrtab";
	const struct {
		uint32_t name;
		struct bytes text;
	} sections[] = {
		{0,			    { NULL, 0 }                   },
		{  1,               bytes_of(name,              strlen(name) + 1) },
		{ 10,              bytes_of(words,             strlen(words) + 1) },
		{ 18, bytes_of(needs ? needs : "", needs ? strlen(needs) + 1 : 0) },
		{ 27,              bytes_of(names,                 sizeof(names)) },
	};
	size_t start = out->size, at = 64;

	buf_append(out, bytes_of("\x7f"
				 "ELF\2\1\1\0\0\0\0\0\0\0\0\0",
				 16));
	buf_append_le16(out, 1);
	buf_append_le16(out, 62);
	buf_append_le32(out, 1);
	for (size_t i = 0; i < 4; i++)
		buf_append_le32(out, 0);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		at += sections[i].text.size;
	buf_append_le32(out, (uint32_t)at);
	buf_append_le32(out, 0);
	buf_append_le32(out, 0);
	buf_append_le16(out, 64);
	buf_append_le16(out, 0);
	buf_append_le16(out, 0);
	buf_append_le16(out, 64);
	buf_append_le16(out, ARRAY_SIZE(sections));
	buf_append_le16(out, ARRAY_SIZE(sections) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		buf_append(out, sections[i].text);
	for (size_t i = start; i < out->size; i++)
		if (out->data[i] == '|')
			out->data[i] = '\0';
	at = 64;
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		buf_append_le32(out, sections[i].name);
		buf_append_le32(out, i ? 1 : 0);
		for (size_t k = 0; k < 4; k++)
			buf_append_le32(out, 0);
		buf_append_le32(out, (uint32_t)at);
		buf_append_le32(out, 0);
		buf_append_le32(out, (uint32_t)sections[i].text.size);
		for (size_t k = 0; k < 7; k++)
			buf_append_le32(out, 0);
		at += sections[i].text.size;
	}
}

static inline void fake_object(struct buf *out, uint32_t type, struct bytes body)
{
	size_t padding = (8 - body.size % 8) % 8;

	buf_append_le32(out, type);
	buf_append_le32(out, (uint32_t)(8 + body.size + padding));
	buf_append(out, body);
	while (padding--)
		buf_append_u8(out, 0);
}

static inline void fake_section(struct buf *out, const char *name, size_t size, size_t at)
{
	char title[8] = { 0 };

	memcpy(title, name, strlen(name));
	buf_append(out, bytes_of(title, 8));
	buf_append_le32(out, (uint32_t)size);
	buf_append_le32(out, 0x1000);
	buf_append_le32(out, (uint32_t)size);
	buf_append_le32(out, (uint32_t)at);
	for (size_t i = 0; i < 4; i++)
		buf_append_le32(out, 0);
}

/* A PE file with mods and .sbat, which is all that is looked at. */
static inline void fake_image_make(const struct fake_image *image, struct buf *out)
{
	struct buf objects = BUF_INIT, elf = BUF_INIT;
	const char *sbat = image->sbat ? image->sbat : "";
	size_t at = 64 + 24 + 80;

	for (size_t i = 0; i < image->n_modules; i++) {
		elf.size = 0;
		fake_elf(&elf, image->modules[i].name,
			 image->modules[i].words ? image->modules[i].words : "", NULL);
		fake_object(&objects, 0, buf_bytes(&elf));
	}
	if (image->config)
		fake_object(&objects, 2, bytes_of(image->config, strlen(image->config) + 1));
	if (image->prefix)
		fake_object(&objects, 3, bytes_of(image->prefix, strlen(image->prefix) + 1));
	buf_append_string(out, "MZ");
	while (out->size < 0x3c)
		buf_append_u8(out, 0);
	buf_append_le32(out, 64);
	buf_append(out, bytes_of("PE\0\0", 4));
	buf_append_le16(out, 0x8664);
	buf_append_le16(out, 2);
	for (size_t i = 0; i < 3; i++)
		buf_append_le32(out, 0);
	buf_append_le16(out, 0);
	buf_append_le16(out, 0);
	fake_section(out, "mods", 24 + objects.size, at);
	fake_section(out, ".sbat", strlen(sbat), at + 24 + objects.size);
	buf_append(out, bytes_of("mimg\0\0\0\0", 8));
	buf_append_le32(out, 24);
	buf_append_le32(out, 0);
	buf_append_le32(out, (uint32_t)(24 + objects.size));
	buf_append_le32(out, 0);
	buf_append(out, buf_bytes(&objects));
	buf_append_string(out, sbat);
	buf_clear(&objects);
	buf_clear(&elf);
}

/* --- host --------------------------------------------------------------------------------- */

struct fake_file {
	const char *device, *path;
	struct bytes contents;
};

struct fake_host {
	const struct fake_file *files;
	size_t n_files;
	const char *const
		*choose; /* titles taken, one menu after the other; then what is preferred */
	bool refuse;     /* shim says no */
	struct buf log;
	struct grub_host host;
	struct grub_device devices[4];
};

static inline int fake_stat(void *ctx, const struct grub_device *device, const char *path,
			    struct grub_stat *out, struct error *err)
{
	struct fake_host *fake = ctx;
	size_t n = strlen(path);

	(void)err;
	while (n > 0 && path[n - 1] == '/')
		n--;
	for (size_t i = 0; i < fake->n_files; i++) {
		const struct fake_file *file = &fake->files[i];

		if (strcmp(file->device, device->name) != 0 || strncmp(file->path, path, n) != 0)
			continue;
		if (file->path[n] == '\0') {
			*out = (struct grub_stat){ GRUB_FILE, file->contents.size };
			return 1;
		}
		if (file->path[n] == '/') {
			*out = (struct grub_stat){ GRUB_DIRECTORY, 0 };
			return 1;
		}
	}
	return 0;
}

static inline int fake_read(void *ctx, const struct grub_device *device, const char *path,
			    size_t max, struct bytes *out, struct error *err)
{
	struct fake_host *fake = ctx;

	for (size_t i = 0; i < fake->n_files; i++)
		if (strcmp(fake->files[i].device, device->name) == 0 &&
		    strcmp(fake->files[i].path, path) == 0) {
			if (fake->files[i].contents.size > max)
				return error_set(err, ERROR_LIMIT, path, 0, "more than %zu bytes",
						 max);
			*out = fake->files[i].contents;
			return 0;
		}
	return error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET, "no such file");
}

/* In the order of the table; each directory as often as it has files, less repeats in a row. */
static inline int fake_list(void *ctx, const struct grub_device *device, const char *path,
			    int (*name)(void *walk, struct bytes name, enum grub_file_type type,
					struct error *err),
			    void *walk, struct error *err)
{
	struct fake_host *fake = ctx;
	struct bytes last = { NULL, 0 };
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	for (size_t i = 0; i < fake->n_files; i++) {
		const struct fake_file *file = &fake->files[i];
		const char *rest = file->path + n + 1, *slash;
		struct bytes entry;

		if (strcmp(file->device, device->name) != 0 || strncmp(file->path, path, n) != 0 ||
		    file->path[n] != '/')
			continue;
		slash = strchr(rest, '/');
		entry = bytes_of(rest, slash ? (size_t)(slash - rest) : strlen(rest));
		if (bytes_equal(entry, last))
			continue;
		last = entry;
		if (name(walk, entry, slash ? GRUB_DIRECTORY : GRUB_FILE, err) < 0)
			return -1;
	}
	return 0;
}

static inline void fake_line(struct fake_host *fake, const char *kind, const char *text,
			     const char *unknown)
{
	buf_append_string(&fake->log, kind);
	buf_append_u8(&fake->log, ' ');
	for (; *text; text++) {
		if (*text == '\\' || *text == '\n' || *text == '\t') {
			buf_append_u8(&fake->log, '\\');
			buf_append_u8(&fake->log, *text == '\n' ? 'n' : *text == '\t' ? 't' : '\\');
		} else {
			buf_append_u8(&fake->log, (uint8_t)*text);
		}
	}
	buf_append_string(&fake->log, unknown ? " ?\n" : "\n");
}

static inline int fake_measure(void *ctx, const struct grub_event *event, struct error *err)
{
	static const char *const kinds[] = { "command", "kernel", "module", "file" };

	(void)err;
	fake_line(ctx, kinds[event->kind], event->text, event->unknown);
	return 0;
}

static inline int fake_verify(void *ctx, const struct grub_file *kernel, struct error *err)
{
	(void)err;
	fake_line(ctx, "verify", kernel->name, NULL);
	return ((struct fake_host *)ctx)->refuse ? 0 : 1;
}

static inline int fake_start(void *ctx, const struct grub_start *start, struct error *err)
{
	struct buf text = BUF_INIT;

	buf_append_string(&text, start->cmdline);
	for (size_t i = 0; i < start->n_initrds; i++)
		buf_printf(&text, " [%s %s]", start->initrds[i].device->name,
			   start->initrds[i].path);
	if (start->efi_stub)
		buf_append_string(&text, " stub");
	if (start->firmware_loads)
		buf_append_string(&text, " firmware");
	if (buf_finish(&text, err) < 0) {
		buf_clear(&text);
		return -1;
	}
	fake_line(ctx, start->chainloaded ? "chain" : "start", (char *)text.data, start->unknown);
	buf_clear(&text);
	return 0;
}

static inline size_t fake_choose(void *ctx, const char *const *titles, size_t n, size_t preferred)
{
	struct fake_host *fake = ctx;

	if (!fake->choose || !*fake->choose)
		return preferred;
	for (size_t i = 0; i < n; i++)
		if (strcmp(titles[i], *fake->choose) == 0) {
			fake->choose++;
			return i;
		}
	return preferred;
}

static inline void fake_assume(void *ctx, const char *what)
{
	fake_line(ctx, "assume", what, NULL);
}

static inline void fake_halt(void *ctx, const char *why)
{
	fake_line(ctx, "halt", why, NULL);
}

/* A disk with an ESP, from which GRUB comes, and an ext2; in GRUB's order. */
static inline void fake_host_init(struct fake_host *fake, const struct fake_file *files,
				  size_t n_files)
{
	*fake = (struct fake_host){ .files = files, .n_files = n_files };
	fake->devices[0] = (struct grub_device){ "memdisk", "", "", "", &fake->devices[0] };
	fake->devices[1] = (struct grub_device){ "hd0", "", "", "", NULL };
	fake->devices[3] =
		(struct grub_device){ "hd0,gpt1", "1234-ABCD", "MBESP", "fat", &fake->devices[3] };
	fake->devices[2] = (struct grub_device){ "hd0,gpt2", "6d656173-7572-6564-2d62-6f6f740000f5",
						 "mbroot", "ext2", &fake->devices[2] };

	fake->host = (struct grub_host){
		.ctx = fake,
		.devices = fake->devices,
		.n_devices = 4,
		.device = "hd0,gpt1",
		.path = "/EFI/BOOT/grubx64.efi",
		.secure_boot = true,
		.stat = fake_stat,
		.read = fake_read,
		.list = fake_list,
		.measure = fake_measure,
		.verify = fake_verify,
		.start = fake_start,
		.choose = fake_choose,
		.assume = fake_assume,
		.halt = fake_halt,
	};
}

#endif
