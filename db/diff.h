/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff: what changed from one release to another, package by package.
 *
 * Artifacts that both hold are the same and passed over. Files of the others are
 * paired by path, wherever packages may have moved them, and compared by their
 * contents (strongest digest that both have) and their mode.
 */
#ifndef DB_DIFF_H
#define DB_DIFF_H

#include "db/db.h"

enum change {
	CHANGE_ADDED,
	CHANGE_REMOVED,
	CHANGE_CONTENT,
	CHANGE_MODE,    /* the same contents */
	CHANGE_UNKNOWN, /* no digest of one algorithm in both */
	CHANGE_COUNT
};

/* "added", "removed", "changed", "mode", "incomparable" */
const char *change_name(enum change change);

/* One side of a file. */
struct diff_side {
	struct digest digest; /* the one compared, or the SHA-256, else first; ALG_NONE: none */
	uint32_t mode;
	uint64_t size;
	const char *package; /* its package's name, or its artifact's */
};

struct diff_file {
	enum change change;
	struct bytes path;
	struct diff_side from, to; /* from is empty for what was added, to for what was removed */
	size_t package;            /* index, of to unless it was removed */
};

struct diff_package {
	const char *name; /* RPM NAME, or the artifact's name */
	const char *arch; /* empty unless an RPM */
	struct buf from,
		to; /* [epoch:]version-release of each that is held, ", " between; empty: none */
	size_t first, n_files; /* in files */
	size_t n_changes[CHANGE_COUNT];
};

struct diff {
	struct diff_package *packages; /* by name, then architecture */
	size_t n_packages;
	struct diff_file *files; /* by package, then path */
	size_t n_files;
	size_t n_changes[CHANGE_COUNT];
	struct diff_store *store; /* what all of it is borrowed from */
};

/* ERROR_USAGE names a release that the database lacks. */
int diff_make(struct db *db, const char *from, const char *to, struct diff **out,
	      struct error *err);
void diff_free(struct diff *diff);
void diff_freep(struct diff **diff);

#endif
