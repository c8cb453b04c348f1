/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shipped: the signatures that packages ship for their files, what rpm puts into security.ima: does a file
 * still have the one it came with?
 *
 * Threads: made by one, then immutable.
 */
#ifndef DB_SHIPPED_H
#define DB_SHIPPED_H

#include "core/crypto.h"
#include "db/db.h"

struct shipped;

/* Those of chosen releases; NULL and 0 for all. Few artifacts have any: only these are read. */
int shipped_read(struct db *db, const char *const *releases, size_t n_releases,
		 struct shipped **out, struct error *err);
void shipped_free(struct shipped *shipped);
void shipped_freep(struct shipped **shipped);

/* Files with a signature. */
size_t shipped_n_files(const struct shipped *shipped);

enum shipped_answer {
	SHIPPED_NONE,  /* no package ships one for these bytes under this path */
	SHIPPED_SAME,  /* this one */
	SHIPPED_OTHER, /* another one; for empty signature: one at all */
};

/* path as logged; digest is of the file's contents. */
int shipped_compare(const struct shipped *shipped, struct hasher *hasher, struct bytes path,
		    const struct digest *digest, struct bytes signature, enum shipped_answer *out,
		    struct error *err);

#endif
