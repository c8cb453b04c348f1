/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/library.h"

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/* Of all libraries: loading is rare and short. Guards the slots, too. */
static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

/* A slot is a pointer to a function of some type, as large as one to an object (POSIX, dlsym). */
static bool slot_filled(const struct library_symbol *symbol)
{
	void *address;

	memcpy(&address, symbol->slot, sizeof(address));
	return address != NULL;
}

static int load(const char *const *names, size_t n_names, void **handle, const char **name,
		struct error *err)
{
	const char *reason = NULL;

	for (size_t i = 0; i < n_names; i++) {
		*name = names[i];
		/* All its symbols at once: one that is missing must not end the program later. */
		*handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
		if (*handle)
			return 0;
		reason = dlerror(); /* of the last name, the oldest: begins with that name */
	}
	return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET,
			 "this needs the library %s, which cannot be loaded: %s", names[0],
			 reason ? reason : "no reason given");
}

static int fill(const char *const *names, size_t n_names, const struct library_symbol *symbols,
		size_t n_symbols, struct error *err)
{
	AUTO(own_free) void **addresses = calloc(n_symbols, sizeof(*addresses));
	const char *name = NULL;
	void *handle = NULL;

	if (!addresses)
		return error_memory(err, NULL);
	if (load(names, n_names, &handle, &name, err) < 0)
		return -1;
	for (size_t i = 0; i < n_symbols; i++) {
		addresses[i] = dlsym(handle, symbols[i].name);
		if (!addresses[i]) {
			dlclose(handle);
			return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET,
					 "the library %s here has no %s", name, symbols[i].name);
		}
	}
	for (size_t i = 0; i < n_symbols; i++)
		memcpy(symbols[i].slot, &addresses[i], sizeof(addresses[i]));
	return 0;
}

int library_load(const char *const *names, size_t n_names, const struct library_symbol *symbols,
		 size_t n_symbols, struct error *err)
{
	int status = 0;

	assert(n_names && n_symbols);
	pthread_mutex_lock(&library_lock);
	if (!slot_filled(&symbols[0]))
		status = fill(names, n_names, symbols, n_symbols, err);
	pthread_mutex_unlock(&library_lock);
	return status;
}
