/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * large: memory for tables of many megabytes. In large pages where the system has
 * them: else each page costs a fault when it is first touched, and each search
 * waits for the page tables as long as for what it looks for.
 */
#ifndef DB_LARGE_H
#define DB_LARGE_H

#include <stdint.h>
#include <sys/mman.h>

#include "core/error.h"
#include "core/own.h"

#define LARGE_PAGE ((size_t)2 << 20)

struct large {
	void *at;      /* zeros at first */
	void *to_free; /* owned */
};

static inline int large_take(struct large *memory, size_t size, struct error *err)
{
	bool large = size >= LARGE_PAGE;
	uint8_t *at;

	if (size > SIZE_MAX - 2 * LARGE_PAGE)
		return error_memory(err, NULL);
	/* The last page may be large, too. */
	if (large)
		size = (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	at = calloc(1, size + (large ? LARGE_PAGE : 0));
	if (!at)
		return error_memory(err, NULL);
	memory->to_free = at;
	if (large) {
		at += -(uintptr_t)at % LARGE_PAGE;
		madvise(at, size, MADV_HUGEPAGE); /* if not, then not */
	}
	memory->at = at;
	return 0;
}

static inline void large_free(struct large *memory)
{
	free(memory->to_free);
	*memory = (struct large){ NULL, NULL };
}

#endif
