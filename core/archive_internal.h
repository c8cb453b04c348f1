/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * internal: what the files of core/archive share.
 *
 *     archive_compression.c   which compression, where a stream ends, how much memory it asks for
 *     archive.c               decompressor
 *     archive_walk.c          members of a tar or zip
 */
#ifndef CORE_ARCHIVE_INTERNAL_H
#define CORE_ARCHIVE_INTERNAL_H

#include "core/archive.h"
#include "core/archive_library.h"

/* The size of the first compressed stream; false where only the decoder can tell. */
bool compression_stream_extent(enum compression compression, struct bytes in, size_t *size);

/* Whether anything but streams of this compression, one after the other, is in the input: *size is
 * where it begins. False where only the decoder can tell. */
bool compression_streams_extent(enum compression compression, struct bytes in, size_t *size);

/* ERROR_LIMIT where the stream asks for a larger dictionary than there is memory for. start: what is
 * at hand of it. */
int compression_dictionary_check(enum compression compression, struct bytes start,
				 const char *source, uint64_t base, struct error *err);

/* Registers one filter, unless this libarchive would start a program for it: false then. */
bool archive_filter_support(struct archive *archive, int (*support)(struct archive *));

/* What it failed with, or NULL. */
const struct error *decompressor_failure(const struct decompressor *decompressor);

#endif
