/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena: many small pieces of memory, freed all at once.
 *
 * Running out of memory is remembered; whoever finishes asks once.
 * Threads: one at a time.
 */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include <stdarg.h>

#include "core/bytes.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* owned, the newest first */
	size_t left;                /* bytes free at the end of the newest */
	bool failed;
};

/* Zeroed, aligned for any object; NULL when out of memory. */
void *arena_take(struct arena *arena, size_t size);

/* A copy with a NUL behind it; out of memory it has no bytes. */
struct bytes arena_copy(struct arena *arena, struct bytes bytes);

/* Text as printf makes it; "" when out of memory. */
const char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
const char *arena_vprintf(struct arena *arena, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

void arena_clear(struct arena *arena);

#endif
