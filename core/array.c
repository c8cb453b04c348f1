/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/array.h"

#include <string.h>

#include "core/own.h"

int array_room(void *items, size_t n, size_t *capacity, size_t item_size, const char *source,
	       struct error *err)
{
	size_t wanted = *capacity ? *capacity : 8, size;
	void *at, *larger;

	if (n < *capacity)
		return 0;
	/* A copy of the pointer's bytes: it is a pointer to whatever the items are. */
	memcpy(&at, items, sizeof(at));
	if (!size_mul(wanted, 2, &wanted) || !size_mul(wanted, item_size, &size) ||
	    !(larger = realloc(at, size)))
		return error_memory(err, source);
	memcpy(items, &larger, sizeof(larger));
	*capacity = wanted;
	return 0;
}
