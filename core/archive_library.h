/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * archive_library: what core/archive uses of libarchive, which is loaded when something is unpacked: it
 * brings a dozen libraries with it, and most commands unpack nothing.
 */
#ifndef CORE_ARCHIVE_LIBRARY_H
#define CORE_ARCHIVE_LIBRARY_H

#include <archive.h>
#include <archive_entry.h>

#include "core/error.h"

#define LIBARCHIVE_FUNCTIONS(X)                                                                    \
	X(archive_entry_filetype)                                                                  \
	X(archive_entry_hardlink)                                                                  \
	X(archive_entry_mtime)                                                                     \
	X(archive_entry_mtime_is_set)                                                              \
	X(archive_entry_pathname)                                                                  \
	X(archive_entry_size)                                                                      \
	X(archive_entry_size_is_set)                                                               \
	X(archive_entry_symlink)                                                                   \
	X(archive_errno)                                                                           \
	X(archive_error_string)                                                                    \
	X(archive_filter_bytes)                                                                    \
	X(archive_filter_code)                                                                     \
	X(archive_filter_count)                                                                    \
	X(archive_format)                                                                          \
	X(archive_format_name)                                                                     \
	X(archive_read_append_filter)                                                              \
	X(archive_read_data_block)                                                                 \
	X(archive_read_free)                                                                       \
	X(archive_read_new)                                                                        \
	X(archive_read_next_header)                                                                \
	X(archive_read_open)                                                                       \
	X(archive_read_open_memory)                                                                \
	X(archive_read_support_filter_bzip2)                                                       \
	X(archive_read_support_filter_compress)                                                    \
	X(archive_read_support_filter_lz4)                                                         \
	X(archive_read_support_filter_lzip)                                                        \
	X(archive_read_support_filter_lzma)                                                        \
	X(archive_read_support_filter_xz)                                                          \
	X(archive_read_support_filter_zstd)                                                        \
	X(archive_read_support_format_empty)                                                       \
	X(archive_read_support_format_raw)                                                         \
	X(archive_read_support_format_tar)                                                         \
	X(archive_read_support_format_zip)                                                         \
	X(archive_set_error)

struct libarchive {
#define X(name) __typeof__(name) *name;
	LIBARCHIVE_FUNCTIONS(X)
#undef X
};

/* All NULL until libarchive_load gave 0. */
extern struct libarchive la;

int libarchive_load(struct error *err);

#endif
