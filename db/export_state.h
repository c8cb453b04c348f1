/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * export_state: boot profiles and reference states of releases as one reference state of Keylime's.
 *
 * What may be measured is what one of them says; what must be revoked, what all of them say. States of
 * Secure Boot cannot be mixed: where it is on in some, the others are left out.
 *
 * Source: Keylime keylime/policy/create_mb_policy.py.
 */
#ifndef DB_EXPORT_STATE_H
#define DB_EXPORT_STATE_H

#include "core/bytes.h"

struct db;

/* What was left out, and why the first of it. */
struct state_export_left {
	size_t n;
	char why[256];
};

/* ERROR_UNSUPPORTED when there is nothing that could be said so. */
int state_export(struct db *db, const char *const *releases, size_t n_releases, struct buf *out,
		 struct state_export_left *left, struct error *err);

#endif
