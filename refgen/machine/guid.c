/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/machine/guid.h"

#include <stdio.h>

#include "core/text.h"

const struct guid guid_global_variable =
	GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c);
const struct guid guid_image_security =
	GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f);
const struct guid guid_shim =
	GUID(0x605dab50, 0xe046, 0x4300, 0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23);

/* The bytes in the order their digits are written. */
static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

static bool dash_before(size_t i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

char *guid_text(const struct guid *guid, char out[GUID_TEXT_SIZE])
{
	char *at = out;

	for (size_t i = 0; i < 16; i++) {
		if (dash_before(i))
			*at++ = '-';
		hex_write(at, bytes_of(&guid->bytes[order[i]], 1));
		at += 2;
	}
	return out;
}

bool guid_parse(struct bytes text, struct guid *out)
{
	struct guid guid;
	size_t at = 0;

	if (text.size != GUID_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i < 16; i++) {
		if (dash_before(i) && text.data[at++] != '-')
			return false;
		if (hex_parse(bytes_of(text.data + at, 2), &guid.bytes[order[i]], 1) != 1)
			return false;
		at += 2;
	}
	*out = guid;
	return true;
}

void guid_append_variable_data(struct buf *out, const struct guid *guid, const char *name,
			       struct bytes data)
{
	size_t start, name_size;

	buf_append(out, bytes_of(guid->bytes, sizeof(guid->bytes)));
	start = out->size;
	/* The count of characters comes before them: they are counted once they are there. */
	for (size_t i = 0; i < 16; i++)
		buf_append_u8(out, 0);
	text_to_utf16le(out, bytes_of_string(name));
	if (out->failed)
		return;
	name_size = out->size - start - 16;
	for (size_t i = 0; i < 8; i++) {
		out->data[start + i] = (uint8_t)((uint64_t)(name_size / 2) >> (8 * i));
		out->data[start + 8 + i] = (uint8_t)((uint64_t)data.size >> (8 * i));
	}
	buf_append(out, data);
}
