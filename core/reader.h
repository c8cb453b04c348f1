/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reader: take integers and runs of bytes from untrusted input, in order.
 *
 * The reader remembers that it ran out: from then on it gives zeros and empty
 * bytes, so a parser reads a record straight down and asks once, at the end. A
 * reader of a part keeps offsets in the whole file, so that every error points
 * into the evidence. Its one test is n > size - pos, which cannot wrap.
 */
#ifndef CORE_READER_H
#define CORE_READER_H

#include "core/bytes.h"

struct reader {
	const uint8_t *data; /* borrowed */
	size_t size;
	size_t pos;
	uint64_t base;      /* offset of data[0] in the source */
	const char *source; /* for errors; borrowed */
	bool ran_out;
	uint64_t ran_out_at; /* offset of the field that did not fit */
	size_t ran_out_wanted;
};

static inline struct reader reader_of(struct bytes bytes, uint64_t base, const char *source)
{
	return (struct reader){
		.data = bytes.data, .size = bytes.size, .base = base, .source = source
	};
}

/* Next n bytes, or NULL once too few are left. */
static inline const uint8_t *reader_take(struct reader *in, size_t n)
{
	const uint8_t *at;

	if (in->ran_out || n > in->size - in->pos) {
		if (!in->ran_out) {
			in->ran_out = true;
			in->ran_out_at = in->base + in->pos;
			in->ran_out_wanted = n;
		}
		return NULL;
	}
	at = in->data + in->pos;
	in->pos += n;
	return at;
}

static inline uint64_t reader_offset(const struct reader *in)
{
	return in->base + in->pos;
}

static inline size_t reader_left(const struct reader *in)
{
	return in->ran_out ? 0 : in->size - in->pos;
}

static inline uint8_t reader_u8(struct reader *in)
{
	const uint8_t *p = reader_take(in, 1);

	return p ? p[0] : 0;
}

static inline uint16_t reader_le16(struct reader *in)
{
	const uint8_t *p = reader_take(in, 2);

	return (uint16_t)(p ? p[0] | p[1] << 8 : 0);
}

static inline uint16_t reader_be16(struct reader *in)
{
	const uint8_t *p = reader_take(in, 2);

	return (uint16_t)(p ? p[0] << 8 | p[1] : 0);
}

static inline uint32_t reader_le32(struct reader *in)
{
	const uint8_t *p = reader_take(in, 4);

	return p ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			       (uint32_t)p[3] << 24
		 : 0;
}

static inline uint32_t reader_be32(struct reader *in)
{
	const uint8_t *p = reader_take(in, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t reader_le64(struct reader *in)
{
	uint64_t low = reader_le32(in);

	return low | (uint64_t)reader_le32(in) << 32;
}

static inline uint64_t reader_be64(struct reader *in)
{
	uint64_t high = reader_be32(in);

	return high << 32 | reader_be32(in);
}

static inline struct bytes reader_bytes(struct reader *in, size_t n)
{
	const uint8_t *p = reader_take(in, n);

	return p ? (struct bytes){ p, n } : (struct bytes){ NULL, 0 };
}

static inline void reader_skip(struct reader *in, size_t n)
{
	(void)reader_take(in, n);
}

/* A reader of the next n bytes, which this one passes over. */
static inline struct reader reader_part(struct reader *in, size_t n)
{
	uint64_t base = reader_offset(in);
	struct bytes part = reader_bytes(in, n);
	struct reader out = reader_of(part, base, in->source);

	if (in->ran_out) {
		out.ran_out = true;
		out.ran_out_at = in->ran_out_at;
		out.ran_out_wanted = in->ran_out_wanted;
	}
	return out;
}

/* 0 if everything asked for was there, else -1 and ERROR_TRUNCATED at the field cut short. */
int reader_check(const struct reader *in, struct error *err);

/* As reader_check, and -1 with ERROR_MALFORMED if bytes are left over. */
int reader_finish(const struct reader *in, struct error *err);

#endif
