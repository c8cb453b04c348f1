/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * profile_diff: which PCRs will change from one boot profile to another, and through which component.
 */
#ifndef DB_PROFILE_DIFF_H
#define DB_PROFILE_DIFF_H

#include "db/diff.h"
#include "db/profile.h"

/* One component's events in one PCR. CHANGE_ADDED, CHANGE_REMOVED, CHANGE_CONTENT, or CHANGE_UNKNOWN:
 * a digest is not known on one side. */
struct profile_change {
	uint32_t pcr;
	const char *component;
	enum change change;
};

/* Calls fn with each, by PCR, then in the order of the events; the first result that is not 0 ends it. */
int profile_diff(const struct profile *from, const struct profile *to,
		 int (*fn)(void *ctx, const struct profile_change *change, struct error *err),
		 void *ctx, struct error *err);

/*
 * Calls fn with the profiles of two releases that belong together: those of one name; then, in their
 * order, those that are left, since a name may hold a version. NULL: the other side has none left.
 */
int profile_pairs(const struct profile_list *from, const struct profile_list *to,
		  int (*fn)(void *ctx, const struct profile *from, const struct profile *to,
			    struct error *err),
		  void *ctx, struct error *err);

#endif
