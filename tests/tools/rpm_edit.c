/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rpm_edit: changes the signature header of a package, which no digest covers, as rpmsign does and
 * as an attacker could. rpmsign of Debian has no --signfiles; this adds what it would.
 *
 * usage: rpm_edit PACKAGE header              the main header, which signatures are made of
 *        rpm_edit PACKAGE print TAG           a binary tag's bytes, to standard output
 *        rpm_edit PACKAGE drop TAG            changes the package in place, as the others do
 *        rpm_edit PACKAGE binary TAG FILE
 *        rpm_edit PACKAGE strings TAG FILE    one string for each line
 *        rpm_edit PACKAGE int32 TAG NUMBER
 */
#include "core/file.h"
#include "refgen/rpm/header.h"
#include "tests/unit/refgen/rpm/build.h"

static int fail(const struct error *err)
{
	char line[2048];

	error_format(err, line, sizeof(line));
	fprintf(stderr, "rpm_edit: %s\n", line);
	return 3;
}

/* The lines of a text as a value of strings. */
static void build_lines(struct build_header *header, uint32_t tag, struct bytes text)
{
	uint32_t n = 0;

	for (size_t i = 0; i < text.size; i++)
		n += text.data[i] == '\n';
	build_entry(header, tag, BUILD_STRINGS, n);
	for (size_t i = 0; i < text.size; i++)
		buf_append_u8(&header->data, text.data[i] == '\n' ? 0 : text.data[i]);
}

struct change {
	const char *how;
	uint32_t tag;
	struct bytes value;
	uint32_t number;
};

static void build_change(struct build_header *header, const struct change *change)
{
	if (strcmp(change->how, "binary") == 0)
		build_binary(header, change->tag, change->value);
	else if (strcmp(change->how, "strings") == 0)
		build_lines(header, change->tag, change->value);
	else if (strcmp(change->how, "int32") == 0)
		build_int32(header, change->tag, change->number);
}

/* The signature header anew, with one value more, less or another. */
static void rebuild(const struct rpm_header *old, const struct change *change, struct buf *out)
{
	struct build_header header = { 0 };
	bool done = false;

	for (size_t i = 0; i <= old->n_entries; i++) {
		const struct rpm_entry *entry = i < old->n_entries ? &old->entries[i] : NULL;

		if (!done && (!entry || entry->tag >= change->tag)) {
			build_change(&header, change);
			done = true;
		}
		if (!entry || entry->tag == change->tag)
			continue;
		build_entry(&header, entry->tag, entry->type, entry->count);
		buf_append(&header.data, bytes_of(old->data.data + entry->place, entry->size));
	}
	build_finish(&header, RPMTAG_HEADERSIGNATURES, out);
	while (out->size % 8)
		buf_append_u8(out, 0);
}

static int print_header(const char *path, struct bytes package, size_t at)
{
	struct error err = { 0 };
	size_t size = 0;

	if (at > package.size || package.size - at < RPM_HEADER_INTRO_SIZE ||
	    rpm_header_size(bytes_of(package.data + at, RPM_HEADER_INTRO_SIZE), RPM_HEADER_MAIN, at,
			    path, &size, &err) < 0 ||
	    size > package.size - at)
		return fail(&err);
	return fwrite(package.data + at, 1, size, stdout) == size ? 0 : 4;
}

static int edit(const char *path, const struct change *change)
{
	AUTO(file_freep) struct file *file = NULL;
	AUTO(rpm_header_clear) struct rpm_header header = { 0 };
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };
	struct bytes package, value;
	size_t size = 0;

	if (file_open(path, &file, &err) < 0)
		return fail(&err);
	package = file_bytes(file);
	if (package.size < RPM_LEAD_SIZE + RPM_HEADER_INTRO_SIZE ||
	    rpm_header_size(bytes_of(package.data + RPM_LEAD_SIZE, RPM_HEADER_INTRO_SIZE),
			    RPM_HEADER_SIGNATURE, RPM_LEAD_SIZE, path, &size, &err) < 0 ||
	    size > package.size - RPM_LEAD_SIZE ||
	    rpm_header_parse(bytes_of(package.data + RPM_LEAD_SIZE, size), RPM_HEADER_SIGNATURE,
			     RPM_LEAD_SIZE, path, &header, &err) < 0)
		return fail(&err);
	if (strcmp(change->how, "header") == 0)
		return print_header(path, package, (RPM_LEAD_SIZE + size + 7) / 8 * 8);
	if (strcmp(change->how, "print") == 0) {
		if (rpm_header_binary(&header, change->tag, &value, &err) <= 0)
			return fail(&err);
		return fwrite(value.data, 1, value.size, stdout) == value.size ? 0 : 4;
	}
	buf_append(&out, bytes_of(package.data, RPM_LEAD_SIZE));
	rebuild(&header, change, &out);
	size = (RPM_LEAD_SIZE + size + 7) / 8 * 8;
	buf_append(&out, bytes_of(package.data + size, package.size - size));
	if (buf_finish(&out, &err) < 0 || file_write(path, buf_bytes(&out), &err) < 0)
		return fail(&err);
	return 0;
}

int main(int argc, char **argv)
{
	AUTO(file_freep) struct file *value = NULL;
	struct change change;
	struct error err = { 0 };

	int n_wanted = argc < 3                                                        ? 0
		       : strcmp(argv[2], "header") == 0                                ? 3
		       : strcmp(argv[2], "print") == 0 || strcmp(argv[2], "drop") == 0 ? 4
										       : 5;

	if (argc != n_wanted) {
		fputs("usage: rpm_edit PACKAGE header\n"
		      "       rpm_edit PACKAGE print|drop TAG\n"
		      "       rpm_edit PACKAGE binary|strings TAG FILE\n"
		      "       rpm_edit PACKAGE int32 TAG NUMBER\n",
		      stderr);
		return 2;
	}
	change = (struct change){ .how = argv[2] };
	if (argc > 3)
		change.tag = (uint32_t)strtoul(argv[3], NULL, 10);
	if (strcmp(argv[2], "int32") == 0) {
		change.number = (uint32_t)strtoul(argv[4], NULL, 10);
	} else if (argc == 5) {
		if (file_open(argv[4], &value, &err) < 0)
			return fail(&err);
		change.value = file_bytes(value);
	}
	return edit(argv[1], &change);
}
