/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/bytes.h"

#include <stdarg.h>
#include <stdio.h>

int bytes_compare(struct bytes a, struct bytes b)
{
	size_t shorter = a.size < b.size ? a.size : b.size;
	int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

	if (order != 0)
		return order;
	return a.size < b.size ? -1 : a.size > b.size;
}

bool bytes_all(struct bytes a, uint8_t value)
{
	for (size_t i = 0; i < a.size; i++)
		if (a.data[i] != value)
			return false;
	return true;
}

bool bytes_start_with(struct bytes a, struct bytes prefix)
{
	return a.size >= prefix.size && bytes_equal(bytes_of(a.data, prefix.size), prefix);
}

/* Room for size more bytes and a NUL. */
static bool buf_reserve(struct buf *buf, size_t size)
{
	size_t wanted, capacity = buf->capacity ? buf->capacity : 64;
	uint8_t *data;

	if (buf->failed)
		return false;
	if (!size_add(buf->size, size, &wanted) || !size_add(wanted, 1, &wanted)) {
		buf->failed = true;
		return false;
	}
	if (wanted <= buf->capacity)
		return true;
	while (capacity < wanted)
		if (!size_mul(capacity, 2, &capacity))
			capacity = wanted;
	data = realloc(buf->data, capacity);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

uint8_t *buf_extend(struct buf *buf, size_t size)
{
	uint8_t *at;

	if (!buf_reserve(buf, size))
		return NULL;
	at = buf->data + buf->size;
	buf->size += size;
	buf->data[buf->size] = 0;
	return at;
}

void buf_append(struct buf *buf, struct bytes bytes)
{
	uint8_t *at = buf_extend(buf, bytes.size);

	if (at && bytes.size)
		memcpy(at, bytes.data, bytes.size);
}

void buf_append_string(struct buf *buf, const char *text)
{
	buf_append(buf, bytes_of_string(text));
}

void buf_append_u8(struct buf *buf, uint8_t value)
{
	buf_append(buf, bytes_of(&value, 1));
}

void buf_append_le16(struct buf *buf, uint16_t value)
{
	const uint8_t wire[] = { (uint8_t)value, (uint8_t)(value >> 8) };

	buf_append(buf, bytes_of(wire, sizeof(wire)));
}

void buf_append_le32(struct buf *buf, uint32_t value)
{
	buf_append_le16(buf, (uint16_t)value);
	buf_append_le16(buf, (uint16_t)(value >> 16));
}

void buf_append_be16(struct buf *buf, uint16_t value)
{
	const uint8_t wire[] = { (uint8_t)(value >> 8), (uint8_t)value };

	buf_append(buf, bytes_of(wire, sizeof(wire)));
}

void buf_append_be32(struct buf *buf, uint32_t value)
{
	buf_append_be16(buf, (uint16_t)(value >> 16));
	buf_append_be16(buf, (uint16_t)value);
}

void buf_append_hex(struct buf *buf, struct bytes bytes)
{
	size_t size;
	uint8_t *at;

	if (!size_mul(bytes.size, 2, &size)) {
		buf->failed = true;
		return;
	}
	at = buf_extend(buf, size);
	if (at)
		hex_write((char *)at, bytes);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (size < 0 || !buf_reserve(buf, (size_t)size)) {
		buf->failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf((char *)buf->data + buf->size, (size_t)size + 1, format, args);
	va_end(args);
	buf->size += (size_t)size;
}

int buf_finish(struct buf *buf, struct error *err)
{
	if (!buf_extend(buf, 0))
		return error_memory(err, NULL);
	return 0;
}

void buf_clear(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf)BUF_INIT;
}

void hex_write(char *out, struct bytes bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.size; i++) {
		*out++ = digits[bytes.data[i] >> 4];
		*out++ = digits[bytes.data[i] & 15];
	}
	*out = 0;
}

/* The value of each hex digit plus one, so that all other characters are 0. */
static const uint8_t hex_value[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

long hex_parse(struct bytes text, uint8_t *out, size_t out_size)
{
	if (text.size % 2 || text.size / 2 > out_size)
		return -1;
	for (size_t i = 0; i < text.size; i += 2) {
		unsigned high = hex_value[text.data[i]], low = hex_value[text.data[i + 1]];

		if (!high || !low)
			return -1;
		out[i / 2] = (uint8_t)((high - 1) << 4 | (low - 1));
	}
	return (long)(text.size / 2);
}
