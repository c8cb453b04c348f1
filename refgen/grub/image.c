/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a GRUB EFI program carries in its section "mods": modules (ELF objects), an embedded script, a
 * RAM disk, a prefix. Source: include/grub/kernel.h, util/mkimage.c; SBAT: rhboot/shim SBAT.md.
 */
#include "core/reader.h"
#include "refgen/grub/internal.h"

#define SECTIONS_MAX     96  /* of a PE image: GRUB's has 5 */
#define ELF_SECTIONS_MAX 512 /* of a module */

enum object_type { OBJECT_ELF, OBJECT_MEMDISK, OBJECT_CONFIG, OBJECT_PREFIX };

static struct bytes part_of(struct bytes whole, uint64_t offset, uint64_t size)
{
	if (offset > whole.size || size > whole.size - offset)
		return (struct bytes){ NULL, 0 };
	return bytes_of(whole.data + offset, (size_t)size);
}

/* --- PE ----------------------------------------------------------------------------------- */

/* A section by name: 1, 0 there is none, -1. Where a section is cut, what is there counts. */
static int pe_section(struct bytes image, const char *source, const char *name, struct bytes *out,
		      uint64_t *offset, struct error *err)
{
	struct reader in = reader_of(image, 0, source), header;
	uint16_t n, optional;
	uint32_t at;

	reader_skip(&in, 0x3c);
	at = reader_le32(&in);
	if (reader_check(&in, err) < 0)
		return -1;
	header = reader_of(part_of(image, at, image.size - (at < image.size ? at : image.size)), at,
			   source);
	if (reader_le32(&header) != 0x4550)
		return error_set(err, ERROR_MALFORMED, source, at, "PE: no signature 'PE'");
	reader_skip(&header, 2);
	n = reader_le16(&header);
	reader_skip(&header, 12);
	optional = reader_le16(&header);
	reader_skip(&header, 2 + (size_t)optional);
	if (n > SECTIONS_MAX)
		return error_set(err, ERROR_LIMIT, source, at + 6, "PE: %u sections, at most %d", n,
				 SECTIONS_MAX);
	while (n--) {
		struct bytes title = reader_bytes(&header, 8);
		uint32_t size, raw;

		reader_skip(&header, 8);
		size = reader_le32(&header);
		raw = reader_le32(&header);
		reader_skip(&header, 16);
		if (reader_check(&header, err) < 0)
			return -1;
		if (strncmp((const char *)title.data, name, 8) != 0)
			continue;
		*out = part_of(image, raw, size);
		*offset = raw;
		if (!out->data)
			return error_set(err, ERROR_TRUNCATED, source, raw,
					 "PE: section %s of %u bytes goes beyond the file", name,
					 size);
		return 1;
	}
	return 0;
}

/* --- ELF ---------------------------------------------------------------------------------- */

struct bytes module_section(struct bytes module, const char *name)
{
	struct reader header = reader_of(module, 0, "module"), table;
	uint64_t offset;
	uint16_t entry, n, names;
	struct bytes headers, strings = { NULL, 0 };

	if (reader_le32(&header) != 0x464c457f || reader_u8(&header) != 2)
		return (struct bytes){ NULL, 0 }; /* only 64-bit ones */
	reader_skip(&header, 0x28 - 5);
	offset = reader_le64(&header);
	reader_skip(&header, 10);
	entry = reader_le16(&header);
	n = reader_le16(&header);
	names = reader_le16(&header);
	if (header.ran_out || entry != 64 || n > ELF_SECTIONS_MAX || names >= n)
		return (struct bytes){ NULL, 0 };
	headers = part_of(module, offset, (uint64_t)n * entry);
	for (unsigned pass = 0; pass < 2; pass++) {
		table = reader_of(headers, 0, "module");
		for (unsigned i = 0; i < n; i++) {
			uint32_t title = reader_le32(&table), type = reader_le32(&table);
			uint64_t at, size;
			struct bytes text;

			reader_skip(&table, 16);
			at = reader_le64(&table);
			size = reader_le64(&table);
			reader_skip(&table, 24);
			if (table.ran_out)
				return (struct bytes){ NULL, 0 };
			if (pass == 0 && i == names)
				strings = part_of(module, at, size);
			if (pass == 0 || type == 8 || title >= strings.size)
				continue;
			text = bytes_of(strings.data + title, strings.size - title);
			if (text.size > strlen(name) &&
			    strncmp((const char *)text.data, name, strlen(name) + 1) == 0)
				return part_of(module, at, size);
		}
	}
	return (struct bytes){ NULL, 0 };
}

/* --- objects ------------------------------------------------------------------------------ */

struct parsing {
	struct grub_image *image;
	const char *source;
	size_t prefix; /* offset in names */
	size_t names[GRUB_MODULES_MAX];
};

static size_t name_add(struct grub_image *image, struct bytes text)
{
	size_t at = image->names.size, n = 0;

	while (n < text.size && text.data[n])
		n++;
	buf_append(&image->names, bytes_of(text.data, n));
	buf_append_u8(&image->names, 0);
	return at;
}

/* Text up to its padding. */
static struct bytes unpadded(struct bytes text)
{
	const uint8_t *end = text.size ? memchr(text.data, 0, text.size) : NULL;

	return end ? bytes_of(text.data, (size_t)(end - text.data)) : text;
}

static int object_parse(struct parsing *parsing, uint32_t type, struct bytes body, uint64_t offset,
			struct error *err)
{
	struct grub_image *image = parsing->image;
	struct bytes name;

	switch (type) {
	case OBJECT_ELF:
		name = module_section(body, ".modname");
		if (name.size == 0)
			return 0; /* not one for this machine */
		if (image->n_modules == GRUB_MODULES_MAX)
			return error_set(err, ERROR_LIMIT, parsing->source, offset,
					 "GRUB: more than %u modules in the image",
					 GRUB_MODULES_MAX);
		image->modules[image->n_modules].text = body;
		parsing->names[image->n_modules++] = name_add(image, name);
		return 0;
	case OBJECT_MEMDISK:
		image->memdisk = body;
		return 0;
	case OBJECT_CONFIG:
		if (!image->config.data)
			image->config = unpadded(body);
		return 0;
	case OBJECT_PREFIX:
		parsing->prefix = name_add(image, body);
		return 0;
	default:
		return 0; /* keys, device trees: nothing that is measured */
	}
}

static int objects_parse(struct parsing *parsing, struct bytes mods, uint64_t base,
			 struct error *err)
{
	struct reader in = reader_of(mods, base, parsing->source);
	uint64_t offset, size;

	if (reader_le32(&in) != 0x676d696d)
		return error_set(err, ERROR_MALFORMED, parsing->source, base,
				 "GRUB: the section mods does not begin with 'mimg'");
	reader_skip(&in, 4);
	offset = reader_le64(&in);
	size = reader_le64(&in);
	if (reader_check(&in, err) < 0)
		return -1;
	if (offset > mods.size || size > mods.size || size < offset)
		return error_set(err, ERROR_MALFORMED, parsing->source, base + 8,
				 "GRUB: modules from %llu to %llu of %zu bytes",
				 (unsigned long long)offset, (unsigned long long)size, mods.size);
	in = reader_of(bytes_of(mods.data + offset, (size_t)(size - offset)), base + offset,
		       parsing->source);
	while (reader_left(&in) > 0) {
		uint64_t at = reader_offset(&in);
		uint32_t type = reader_le32(&in), n = reader_le32(&in);
		struct bytes body;

		if (n < 8 && !in.ran_out)
			return error_set(err, ERROR_MALFORMED, parsing->source, at + 4,
					 "GRUB: an object of %u bytes, less than its header", n);
		body = reader_bytes(&in, n - 8);
		if (reader_check(&in, err) < 0 || object_parse(parsing, type, body, at, err) < 0)
			return -1;
	}
	return 0;
}

/* --- SBAT --------------------------------------------------------------------------------- */

/* A line's comma-separated field, from 0. */
static struct bytes field_of(struct bytes line, unsigned field)
{
	size_t start = 0;

	for (size_t i = 0; i <= line.size; i++)
		if (i == line.size || line.data[i] == ',') {
			if (field-- == 0)
				return bytes_of(line.data + start, i - start);
			start = i + 1;
		}
	return (struct bytes){ NULL, 0 };
}

static void field_keep(char *out, size_t size, struct bytes field)
{
	if (field.size < size) {
		memcpy(out, field.data, field.size);
		out[field.size] = '\0';
	}
}

/* Upstream's line "grub", then the first distributor's, "grub.debian". */
static void sbat_parse(struct grub_image *image, struct bytes text)
{
	text = unpadded(text);
	while (text.size) {
		const uint8_t *end = memchr(text.data, '\n', text.size);
		size_t n = end ? (size_t)(end - text.data) : text.size;
		struct bytes line = bytes_of(text.data, n), name = field_of(line, 0);

		if (bytes_equal_string(name, "grub") && !image->version[0])
			field_keep(image->version, sizeof(image->version), field_of(line, 4));
		if (bytes_start_with(name, bytes_of_string("grub.")) && !image->vendor[0]) {
			field_keep(image->vendor, sizeof(image->vendor),
				   bytes_of(name.data + 5, name.size - 5));
			field_keep(image->version, sizeof(image->version), field_of(line, 4));
		}
		text = bytes_of(text.data + n + (end != NULL), text.size - n - (end != NULL));
	}
}

int grub_image_parse(struct bytes bytes, const char *source, struct grub_image *out,
		     struct error *err)
{
	struct parsing *parsing = calloc(1, sizeof(*parsing));
	struct grub_image image = { 0 };
	struct bytes mods, sbat;
	uint64_t offset;
	int r;

	image.modules = calloc(GRUB_MODULES_MAX, sizeof(*image.modules));
	if (!parsing || !image.modules) {
		free(parsing);
		free(image.modules);
		return error_memory(err, source);
	}
	*parsing = (struct parsing){ .image = &image, .source = source };
	r = pe_section(bytes, source, "mods", &mods, &offset, err);
	if (r == 0)
		r = error_set(err, ERROR_UNSUPPORTED, source, ERROR_NO_OFFSET,
			      "GRUB: no section mods: no GRUB image");
	if (r > 0) {
		buf_append_u8(&image.names, 0); /* offset 0: no prefix */
		r = objects_parse(parsing, mods, offset, err);
	}
	if (r == 0) {
		r = pe_section(bytes, source, ".sbat", &sbat, &offset, err);
		if (r > 0)
			sbat_parse(&image, sbat);
	}
	if (r >= 0)
		r = buf_finish(&image.names, err);
	if (r == 0) {
		const char *names = (const char *)image.names.data;

		for (size_t i = 0; i < image.n_modules; i++)
			image.modules[i].name = names + parsing->names[i];
		image.prefix = names + parsing->prefix;
		*out = image;
	} else {
		grub_image_clear(&image);
	}
	free(parsing);
	return r < 0 ? -1 : 0;
}

void grub_image_clear(struct grub_image *image)
{
	free(image->modules);
	buf_clear(&image->names);
	*image = (struct grub_image){ 0 };
}
