/* SPDX-License-Identifier: BSD-2-Clause */
/* array: room for one more item in an owned array that grows. */
#ifndef CORE_ARRAY_H
#define CORE_ARRAY_H

#include "core/error.h"

/*
 * items: the address of the pointer to n items of item_size bytes, of which *capacity have room; NULL, 0
 * and 0 at first. 0, or -1 when out of memory (source as in error_memory): nothing has changed then.
 */
int array_room(void *items, size_t n, size_t *capacity, size_t item_size, const char *source,
	       struct error *err);

#endif
