/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build: RPM headers and packages put together value by value, for tests and benchmarks. Nothing of
 * refgen/rpm is used. Running out of memory is remembered by the buffers.
 */
#ifndef TESTS_UNIT_REFGEN_RPM_BUILD_H
#define TESTS_UNIT_REFGEN_RPM_BUILD_H

#include <stdio.h>

#include "core/bytes.h"
#include "core/crypto.h"

enum {
	BUILD_INT16 = 3,
	BUILD_INT32 = 4,
	BUILD_INT64 = 5,
	BUILD_STRING = 6,
	BUILD_BIN = 7,
	BUILD_STRINGS = 8,
	BUILD_I18N = 9
};

/* Tags are added in rising order, as rpm sorts them. */
struct build_header {
	struct buf index, data;
	uint32_t n_entries;
};

/* Begins a value: aligned, with its index entry. Its bytes follow in header->data. */
static inline void build_entry(struct build_header *header, uint32_t tag, uint32_t type,
			       uint32_t count)
{
	static const uint8_t aligns[] = {
		[BUILD_INT16] = 2, [BUILD_INT32] = 4, [BUILD_INT64] = 8, [BUILD_I18N] = 0
	};
	size_t align = aligns[type] ? aligns[type] : 1;

	while (header->data.size % align)
		buf_append_u8(&header->data, 0);
	buf_append_be32(&header->index, tag);
	buf_append_be32(&header->index, type);
	buf_append_be32(&header->index, (uint32_t)header->data.size);
	buf_append_be32(&header->index, count);
	header->n_entries++;
}

static inline void build_string(struct build_header *header, uint32_t tag, const char *text)
{
	build_entry(header, tag, BUILD_STRING, 1);
	buf_append(&header->data, bytes_of(text, strlen(text) + 1));
}

static inline void build_i18n(struct build_header *header, uint32_t tag, const char *text)
{
	build_entry(header, tag, BUILD_I18N, 1);
	buf_append(&header->data, bytes_of(text, strlen(text) + 1));
}

static inline void build_strings(struct build_header *header, uint32_t tag,
				 const char *const *texts, uint32_t n)
{
	build_entry(header, tag, BUILD_STRINGS, n);
	for (uint32_t i = 0; i < n; i++)
		buf_append(&header->data, bytes_of(texts[i], strlen(texts[i]) + 1));
}

static inline void build_int32s(struct build_header *header, uint32_t tag, const uint32_t *values,
				uint32_t n)
{
	build_entry(header, tag, BUILD_INT32, n);
	for (uint32_t i = 0; i < n; i++)
		buf_append_be32(&header->data, values[i]);
}

static inline void build_int32(struct build_header *header, uint32_t tag, uint32_t value)
{
	build_int32s(header, tag, &value, 1);
}

static inline void build_int64(struct build_header *header, uint32_t tag, uint64_t value)
{
	build_entry(header, tag, BUILD_INT64, 1);
	buf_append_be32(&header->data, (uint32_t)(value >> 32));
	buf_append_be32(&header->data, (uint32_t)value);
}

static inline void build_int16s(struct build_header *header, uint32_t tag, const uint16_t *values,
				uint32_t n)
{
	build_entry(header, tag, BUILD_INT16, n);
	for (uint32_t i = 0; i < n; i++)
		buf_append_be16(&header->data, values[i]);
}

static inline void build_binary(struct build_header *header, uint32_t tag, struct bytes value)
{
	build_entry(header, tag, BUILD_BIN, (uint32_t)value.size);
	buf_append(&header->data, value);
}

/* Appends the header, with a region of this tag or, for 0, without one, and begins anew. */
static inline void build_finish(struct build_header *header, uint32_t region, struct buf *out)
{
	static const uint8_t magic[8] = { 0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0 };
	uint32_t n_entries = header->n_entries + (region ? 1 : 0);

	buf_append(out, bytes_of(magic, sizeof(magic)));
	buf_append_be32(out, n_entries);
	buf_append_be32(out, (uint32_t)header->data.size + (region ? 16 : 0));
	if (region) {
		buf_append_be32(out, region);
		buf_append_be32(out, BUILD_BIN);
		buf_append_be32(out, (uint32_t)header->data.size);
		buf_append_be32(out, 16);
	}
	buf_append(out, buf_bytes(&header->index));
	buf_append(out, buf_bytes(&header->data));
	if (region) {
		buf_append_be32(out, region);
		buf_append_be32(out, BUILD_BIN);
		buf_append_be32(out, (uint32_t) - (int32_t)(n_entries * 16));
		buf_append_be32(out, 16);
	}
	buf_clear(&header->index);
	buf_clear(&header->data);
	*header = (struct build_header){ 0 };
}

/* The lead of a binary package. */
static inline void build_lead(struct buf *out, const char *name)
{
	static const uint8_t begin[10] = { 0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 1 };
	char padded[66] = "";
	uint8_t zeros[16] = { 0 };

	snprintf(padded, sizeof(padded), "%s", name);
	buf_append(out, bytes_of(begin, sizeof(begin)));
	buf_append(out, bytes_of(padded, sizeof(padded)));
	buf_append_be16(out, 1); /* Linux */
	buf_append_be16(out, 5); /* a signature header follows */
	buf_append(out, bytes_of(zeros, sizeof(zeros)));
}

static inline void build_digest(struct build_header *header, struct hasher *hasher, uint32_t tag,
				enum alg alg, const struct bytes *parts, size_t n_parts)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	if (hasher_digest(hasher, alg, parts, n_parts, &digest, NULL) < 0)
		abort();
	if (alg == ALG_MD5)
		build_binary(header, tag, digest_bytes(&digest));
	else
		build_string(header, tag, digest_hex(&digest, hex));
}

/* A whole package of a main header, as bytes, and a payload, with the digests rpm 4.14 gives it. */
static inline void build_package(struct buf *out, const char *name, struct bytes main,
				 struct bytes payload, struct hasher *hasher)
{
	const struct bytes parts[] = { main, payload };
	struct build_header signature = { 0 };

	build_lead(out, name);
	build_digest(&signature, hasher, 269, ALG_SHA1, parts, 1);
	build_digest(&signature, hasher, 273, ALG_SHA256, parts, 1);
	build_int32(&signature, 1000, (uint32_t)(main.size + payload.size));
	build_digest(&signature, hasher, 1004, ALG_MD5, parts, 2);
	build_finish(&signature, 62, out);
	while (out->size % 8)
		buf_append_u8(out, 0);
	buf_append(out, main);
	buf_append(out, payload);
}

/* One entry of a newc archive. */
static inline void build_cpio(struct buf *out, const char *name, uint32_t ino, uint32_t mode,
			      uint32_t nlink, struct bytes data)
{
	buf_printf(out, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", ino, mode,
		   0, 0, nlink, 0, data.size, 0, 0, 0, 0, strlen(name) + 1, 0);
	buf_append(out, bytes_of(name, strlen(name) + 1));
	while (out->size % 4)
		buf_append_u8(out, 0);
	buf_append(out, data);
	while (out->size % 4)
		buf_append_u8(out, 0);
}

/* One entry of a stripped archive. */
static inline void build_stripped(struct buf *out, uint32_t index, struct bytes data)
{
	buf_printf(out, "07070X%08x", index);
	while (out->size % 4)
		buf_append_u8(out, 0);
	buf_append(out, data);
	while (out->size % 4)
		buf_append_u8(out, 0);
}

#define build_trailer(out) build_cpio((out), "TRAILER!!!", 0, 0, 1, bytes_of(NULL, 0))

#endif
