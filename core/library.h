/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * library: a shared library loaded when it is first needed. For those that few commands use and
 * that cost every start of the program, or that may be absent where it is installed.
 *
 * The one door to a library declares its functions with the types of the library's own header:
 *
 *     #define FUNCTIONS(X) X(ffi_create) X(ffi_destroy)
 *     static struct {
 *     #define X(name) __typeof__(rnp_##name) *name;
 *             FUNCTIONS(X)
 *     #undef X
 *     } rnp;
 *     static const struct library_symbol symbols[] = {
 *     #define X(name) { "rnp_" #name, &rnp.name },
 *             FUNCTIONS(X)
 *     #undef X
 *     };
 *
 * Threads: any.
 */
#ifndef CORE_LIBRARY_H
#define CORE_LIBRARY_H

#include "core/error.h"
#include "core/own.h"

struct library_symbol {
	const char *name;
	void *slot; /* the pointer to a function that is filled */
};

/*
 * Loads the first of n_names shared objects ("librnp.so.0") that is there and fills the slots of
 * symbols, all or none. Later calls with the same symbols do nothing, so it is called before each
 * use; it is never unloaded. ERROR_SYSTEM names the library where it is missing, cannot be loaded or
 * lacks a symbol.
 */
int library_load(const char *const *names, size_t n_names, const struct library_symbol *symbols,
		 size_t n_symbols, struct error *err);

#endif
