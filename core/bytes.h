/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes: a borrowed run of bytes, a growing buffer that owns its bytes, and hex.
 * Text from evidence is bytes, not a C string.
 */
#ifndef CORE_BYTES_H
#define CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/error.h"
#include "core/own.h"

/* Borrowed; valid as long as its owner says. data may be NULL when size is 0. */
struct bytes {
	const uint8_t *data;
	size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
	return (struct bytes){ data, size };
}

static inline struct bytes bytes_of_string(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_equal_string(struct bytes a, const char *text)
{
	return bytes_equal(a, bytes_of_string(text));
}

/* Byte order, the shorter first when one begins the other: the order of every sorted output. */
int bytes_compare(struct bytes a, struct bytes b);

/* True when every byte is value; true for no bytes. */
bool bytes_all(struct bytes a, uint8_t value);

bool bytes_start_with(struct bytes a, struct bytes prefix);

/*
 * A growing buffer. Running out of memory is remembered: from then on appends
 * do nothing, and buf_finish says so once. Always NUL-terminated after data[size]
 * when not empty or finished, so a finished buffer may serve as a C string.
 */
struct buf {
	uint8_t *data; /* owned; NULL until the first append */
	size_t size;
	size_t capacity;
	bool failed;
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		NULL, 0, 0, false                                                                  \
	}

void buf_append(struct buf *buf, struct bytes bytes);
void buf_append_string(struct buf *buf, const char *text);
void buf_append_u8(struct buf *buf, uint8_t value);
void buf_append_le16(struct buf *buf, uint16_t value);
void buf_append_le32(struct buf *buf, uint32_t value);
void buf_append_be16(struct buf *buf, uint16_t value);
void buf_append_be32(struct buf *buf, uint32_t value);
void buf_append_hex(struct buf *buf, struct bytes bytes);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for size more bytes to be written by the caller, counted as appended; NULL when out of memory. */
uint8_t *buf_extend(struct buf *buf, size_t size);
/* 0, or -1 and "out of memory" if any append failed. */
int buf_finish(struct buf *buf, struct error *err);
void buf_clear(struct buf *buf);

static inline struct bytes buf_bytes(const struct buf *buf)
{
	return (struct bytes){ buf->data, buf->size };
}

/* Lower-case hex of bytes into out, with a NUL: out has room for 2 * size + 1. */
void hex_write(char *out, struct bytes bytes);

/*
 * Hex of either case into out, at most out_size bytes. Returns the number of
 * bytes, or -1 for an odd count, a character that is not hex, or too many.
 */
long hex_parse(struct bytes text, uint8_t *out, size_t out_size);

#endif
