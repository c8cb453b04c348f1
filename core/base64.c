/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a character, or -1. */
static int value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static long fail(size_t *bad, size_t at)
{
	if (bad)
		*bad = at;
	return -1;
}

/* A last group of n characters before its padding: the bytes in it, or -1 if bits are lost. */
static int tail_bytes(uint32_t bits, int n, uint8_t *out)
{
	if (n < 2 || (n == 2 ? bits & 0xffff : bits & 0xff))
		return -1;
	for (int i = 0; i < n - 1; i++)
		out[i] = (uint8_t)(bits >> (16 - 8 * i));
	return n - 1;
}

long base64_decode(struct bytes text, uint8_t *out, size_t *bad)
{
	size_t size = 0;

	for (size_t at = 0; at < text.size; at += 4) {
		uint32_t bits = 0;
		int n = 0, value;

		while (n < 4 && at + (size_t)n < text.size &&
		       (value = value_of(text.data[at + (size_t)n])) >= 0)
			bits |= (uint32_t)value << (18 - 6 * n++);
		if (n == 4) {
			out[size++] = (uint8_t)(bits >> 16);
			out[size++] = (uint8_t)(bits >> 8);
			out[size++] = (uint8_t)bits;
			continue;
		}
		/* The padding ends the text. */
		for (size_t i = at + (size_t)n; i < at + 4; i++)
			if (i >= text.size || text.data[i] != '=')
				return fail(bad, i < text.size ? i : text.size);
		if (at + 4 != text.size)
			return fail(bad, at + 4);
		n = tail_bytes(bits, n, out + size);
		if (n < 0)
			return fail(bad, at);
		size += (size_t)n;
	}
	return (long)size;
}

void base64_append(struct buf *out, struct bytes data)
{
	for (size_t at = 0; at < data.size; at += 3) {
		size_t n = data.size - at < 3 ? data.size - at : 3;
		uint32_t bits = 0;

		for (size_t i = 0; i < n; i++)
			bits |= (uint32_t)data.data[at + i] << (16 - 8 * i);
		for (size_t i = 0; i < 4; i++)
			buf_append_u8(out, i <= n ? (uint8_t)alphabet[bits >> (18 - 6 * i) & 63]
						  : (uint8_t)'=');
	}
}
