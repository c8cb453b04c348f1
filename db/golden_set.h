/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * golden_set: the pairs of path and digest that chosen releases have, as a set that
 * only says whether a pair is in it. That is all that is asked about a file which is
 * what it should be, and for a million files it takes a sixth of the memory of the
 * table with the paths themselves: touching memory is what loading costs most.
 *
 * A pair is kept as a fingerprint of 128 bits. Its hash is keyed with secret
 * random bits and proven to be universal: two distinct pairs, chosen by whoever
 * does not know the key, have one fingerprint with a probability of at most 2^-127. (The key
 * is drawn anew for each set, and nothing said of it tells anything of the key.) So a
 * log of a million entries made up by an attacker and a database of a million files
 * agree where they should not with a probability below 2^-80; a collision of SHA-256 that
 * is found by chance is no worse.
 *
 * Sources: J. Black, S. Halevi, H. Krawczyk, T. Krovetz, P. Rogaway: UMAC, Fast and Secure
 *          Message Authentication (CRYPTO '99), theorems 1 and 2, on NH and its Toeplitz form;
 *          D. Lemire, O. Kaser: Strongly universal string hashing is fast (2014), theorem 3.1, on
 *          multilinear hashing.
 * Threads: made by one, then immutable.
 */
#ifndef DB_GOLDEN_SET_H
#define DB_GOLDEN_SET_H

#include "db/db.h"

struct fingerprint {
	uint64_t words[2]; /* not both 0 */
};

struct golden_set;

/* Room for some n_pairs at first; it grows. */
int golden_set_new(size_t n_pairs, struct golden_set **out, struct error *err);
void golden_set_free(struct golden_set *set);

/* path has less than GOLDEN_PATH_MAX bytes; value has alg_size(alg). */
struct fingerprint golden_set_fingerprint(const struct golden_set *set, struct bytes path,
					  enum alg alg, const uint8_t *value);

/* Asks for the memory that the next two will touch. */
void golden_set_expect(const struct golden_set *set, const struct fingerprint *fingerprint);

int golden_set_add(struct golden_set *set, const struct fingerprint *fingerprint,
		   struct error *err);
bool golden_set_has(const struct golden_set *set, const struct fingerprint *fingerprint);

#endif
