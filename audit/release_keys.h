/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * release_keys: the keys that releases have in the kernel's keyrings, as the database says, made into what
 * signatures are checked with.
 *
 * Source:  Linux security/integrity/digsig.c (which keyring is asked for what).
 * Threads: made by one, then read by any.
 */
#ifndef AUDIT_RELEASE_KEYS_H
#define AUDIT_RELEASE_KEYS_H

#include "db/keyring.h"
#include "replay/ima/keyring.h"

struct release_keys {
	struct golden_key_list list; /* of releases that count */
	struct golden_key_list all;  /* of all, to explain what is not among them */
	struct ima_keyring counted, revoked;
	struct ima_keyring others; /* of releases that do not count, and of none that does */
};

/* What a key in a keyring may have signed of what IMA logs: IMA_KEY_*; 0: nothing. */
unsigned keyring_uses(enum keyring keyring);

/* True if keys in it are revoked. */
bool keyring_revokes(enum keyring keyring);

/* releases: NULL and 0 for all. */
int release_keys_read(struct db *db, const char *const *releases, size_t n_releases,
		      struct release_keys *out, struct error *err);
void release_keys_clear(struct release_keys *keys);

/* The first of a list in this keyring with these bytes; NULL if there is none. */
const struct golden_key *golden_key_find(const struct golden_key_list *list, enum keyring keyring,
					 struct bytes der);

#endif
