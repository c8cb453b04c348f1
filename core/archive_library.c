/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/archive_library.h"

#include "core/library.h"

struct libarchive la;

int libarchive_load(struct error *err)
{
	static const char *const names[] = { "libarchive.so.13" };
	static const struct library_symbol symbols[] = {
#define X(name) { #name, &la.name },
		LIBARCHIVE_FUNCTIONS(X)
#undef X
	};

	return library_load(names, ARRAY_SIZE(names), symbols, ARRAY_SIZE(symbols), err);
}
