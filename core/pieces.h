/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pieces: read a file once, from its beginning to its end, in a window that moves along: memory
 * does not grow with the file. For what is read that way this is cheaper than a mapping (core/file),
 * whose every page is a fault of its own.
 */
#ifndef CORE_PIECES_H
#define CORE_PIECES_H

#include "core/bytes.h"

struct pieces;

/* "-" is standard input. Directories and block devices are refused. */
int pieces_open(const char *path, struct pieces **out, struct error *err);
/* The same from the beginning of a file that is open; the descriptor stays the caller's. */
int pieces_open_fd(int fd, const char *name, struct pieces **out, struct error *err);
void pieces_free(struct pieces *pieces);
void pieces_freep(struct pieces **pieces);

/* As the user named it; "<stdin>" for "-". */
const char *pieces_name(const struct pieces *pieces);

/*
 * Moves the window on: the last keep bytes of the one before, then what comes next in the file.
 * 1 and *out, valid until the next call; 0 at the end of the file, *out are then the kept bytes.
 * The window grows when more than half of it is kept: the caller limits what it keeps.
 */
int pieces_next(struct pieces *pieces, size_t keep, struct bytes *out, struct error *err);

#endif
