/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build: small PE images for tests, laid out as linkers do: headers, sections, COFF string table,
 * certificate table. What a case wants wrong it patches afterwards.
 */
#ifndef TESTS_UNIT_REFGEN_PE_BUILD_H
#define TESTS_UNIT_REFGEN_PE_BUILD_H

#include "core/bytes.h"

#define BUILD_SECTIONS_MAX 16

struct build_section {
	const char *name; /* over 8 characters: goes to the string table. NULL ends the list */
	struct bytes data;
	uint32_t virtual_size; /* 0: the data's size */
};

struct build {
	bool pe32;              /* else PE32+ */
	uint16_t machine;       /* 0: x86-64 */
	uint32_t n_directories; /* 0: 16; UINT32_MAX: none */
	struct build_section sections[BUILD_SECTIONS_MAX];
	struct bytes signatures[4]; /* PKCS #7 data */
	struct bytes trailing;      /* between sections and certificates */
};

/* Where the fields that cases patch are. */
#define BUILD_PE_AT            0x80
#define BUILD_OPTIONAL_AT      (BUILD_PE_AT + 24)
#define BUILD_IMAGE_SIZE_AT    (BUILD_OPTIONAL_AT + 56)
#define BUILD_HEADER_SIZE_AT   (BUILD_OPTIONAL_AT + 60)
#define BUILD_CHECKSUM_AT      (BUILD_OPTIONAL_AT + 64)
#define BUILD_N_DIRECTORIES_AT (BUILD_OPTIONAL_AT + 108)          /* PE32+ */
#define BUILD_SECURITY_AT      (BUILD_OPTIONAL_AT + 112 + 32)     /* PE32+ */
#define BUILD_SECTIONS_AT      (BUILD_OPTIONAL_AT + 112 + 16 * 8) /* PE32+, 16 directories */
#define BUILD_HEADER_SIZE      0x400

static inline void build_put(struct buf *out, size_t at, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out->data[at + i] = (uint8_t)(value >> 8 * i);
}

static inline void build_align(struct buf *out, size_t to)
{
	while (out->size % to)
		buf_append_u8(out, 0);
}

static inline size_t build_string(struct buf *strings, const char *name)
{
	size_t at = strings->size + 4;

	buf_append(strings, bytes_of(name, strlen(name) + 1));
	return at;
}

/* The caller clears *out. */
static inline void build_pe(const struct build *build, struct buf *out)
{
	AUTO(buf_clear) struct buf strings = BUF_INIT;
	size_t n = 0, fixed = build->pe32 ? 96 : 112, table, certificates;
	uint32_t n_directories = build->n_directories == UINT32_MAX ? 0
				 : build->n_directories             ? build->n_directories
								    : 16;
	uint32_t address = 0x1000;

	memset(buf_extend(out, BUILD_HEADER_SIZE), 0, BUILD_HEADER_SIZE);
	while (build->sections[n].name)
		n++;
	table = BUILD_OPTIONAL_AT + fixed + n_directories * 8;
	memcpy(out->data, "MZ", 2);
	build_put(out, 60, BUILD_PE_AT, 4);
	memcpy(out->data + BUILD_PE_AT, "PE\0\0", 4);
	build_put(out, BUILD_PE_AT + 4, build->machine ? build->machine : 0x8664, 2);
	build_put(out, BUILD_PE_AT + 6, n, 2);
	build_put(out, BUILD_PE_AT + 20, fixed + n_directories * 8, 2);
	build_put(out, BUILD_OPTIONAL_AT, build->pe32 ? 0x10b : 0x20b, 2);
	build_put(out, BUILD_HEADER_SIZE_AT, BUILD_HEADER_SIZE, 4);
	build_put(out, BUILD_CHECKSUM_AT, 0x12345678, 4);
	build_put(out, BUILD_OPTIONAL_AT + 68, 10, 2);
	build_put(out, BUILD_OPTIONAL_AT + fixed - 4, n_directories, 4);
	for (size_t i = 0; i < n; i++) {
		const struct build_section *section = &build->sections[i];
		size_t at = table + i * 40, raw = out->size;
		uint32_t size = section->virtual_size ? section->virtual_size
						      : (uint32_t)section->data.size;
		char name[16] = "";

		if (strlen(section->name) > 8)
			snprintf(name, sizeof(name), "/%zu", build_string(&strings, section->name));
		else
			memcpy(name, section->name, strlen(section->name));
		buf_append(out, section->data);
		build_align(out, 0x200);
		memcpy(out->data + at, name, 8);
		build_put(out, at + 8, size, 4);
		build_put(out, at + 12, address, 4);
		build_put(out, at + 16, out->size - raw, 4);
		build_put(out, at + 20, out->size > raw ? raw : 0, 4);
		address += (size + 0xfff) / 0x1000 * 0x1000;
	}
	build_put(out, BUILD_IMAGE_SIZE_AT, address, 4);
	if (strings.size) {
		build_put(out, BUILD_PE_AT + 12, out->size, 4);
		buf_append_le32(out, (uint32_t)strings.size + 4);
		buf_append(out, buf_bytes(&strings));
	}
	buf_append(out, build->trailing);
	if (!build->signatures[0].size)
		return;
	build_align(out, 8);
	certificates = out->size;
	for (size_t i = 0; i < 4 && build->signatures[i].size; i++) {
		buf_append_le32(out, (uint32_t)build->signatures[i].size + 8);
		buf_append_le16(out, 0x200);
		buf_append_le16(out, 2);
		buf_append(out, build->signatures[i]);
		build_align(out, 8);
	}
	build_put(out, BUILD_OPTIONAL_AT + fixed + 32, certificates, 4);
	build_put(out, BUILD_OPTIONAL_AT + fixed + 36, out->size - certificates, 4);
}

#endif
