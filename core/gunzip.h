/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gunzip: the only door to zlib: one gzip member at a time, its checksum and its size compared with
 * what was unpacked. (libarchive passes over both.) Reads and allocates nothing as the input says.
 *
 * Source:  RFC 1952; RFC 1950 for zlib_unpack, RFC 1951 for deflate_unpack.
 * Threads: distinct ones may be used from distinct threads.
 */
#ifndef CORE_GUNZIP_H
#define CORE_GUNZIP_H

#include "core/bytes.h"

struct gunzip;

enum gunzip_result {
	GUNZIP_OUTPUT, /* a block of output */
	GUNZIP_INPUT,  /* all input was taken, the member goes on */
	GUNZIP_END,    /* the member ended, and was sound; the next step begins another */
	GUNZIP_BAD,    /* no gzip, or damaged: gunzip_reason says how */
	GUNZIP_MEMORY,
};

int gunzip_new(struct gunzip **out, struct error *err);
void gunzip_free(struct gunzip *gunzip);

/* Takes what it can from the start of *in. *block is valid until the next step; at GUNZIP_END it may
 * hold the last of the output, or nothing. */
enum gunzip_result gunzip_step(struct gunzip *gunzip, struct bytes *in, struct bytes *block);

/* One zlib stream (RFC 1950) as a whole, appended to out: 1; 0 for what is none, is damaged, goes on
 * behind its end or is larger than size_max; -1 out of memory. */
int zlib_unpack(struct bytes in, size_t size_max, struct buf *out);

/* The same for a bare deflate stream (RFC 1951) with a window of 2^window_bits bytes; what is behind
 * its end is passed over. */
int deflate_unpack(struct bytes in, int window_bits, size_t size_max, struct buf *out);

/* Of GUNZIP_BAD; static text. */
const char *gunzip_reason(const struct gunzip *gunzip);

#endif
