/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * golden_set: the prints (prints.h) of the files that chosen releases have, as a set that only says
 * whether a print is in it. That is all that is asked about a file which is what it should be, and for a
 * million files it takes a sixth of the memory of the table with the paths themselves: touching memory is
 * what loading and asking cost most.
 *
 * A print is kept as a fingerprint of 128 bits. Its hash is keyed with secret random bits and strongly
 * universal: two distinct prints, chosen by whoever does not know the key, have one fingerprint with a
 * probability of at most 2^-127. (The key is drawn anew for each set, and nothing said of it tells anything
 * of the key.) So a log of a million entries made up by an attacker and a database of a million files agree
 * where they should not with a probability below 2^-86, however long he has computed before: a collision of
 * SHA-256 that is found by chance is no worse.
 *
 * Source:  D. Lemire, O. Kaser: Strongly universal string hashing is fast (2014), theorem 3.1, on
 *          multilinear hashing.
 * Threads: made by one, then immutable.
 */
#ifndef DB_GOLDEN_SET_H
#define DB_GOLDEN_SET_H

#include "db/prints.h"

struct golden_set;

int golden_set_new(struct golden_set **out, struct error *err);
void golden_set_free(struct golden_set *set);

/* Makes room for n more prints, and, if there is not enough, for n_expected in all at once. */
int golden_set_reserve(struct golden_set *set, size_t n, size_t n_expected, struct error *err);

/* Adds n prints, one behind the other; there is room for them. */
void golden_set_add(struct golden_set *set, const uint8_t *prints, size_t n);

/* The fingerprints of n prints; asks for the memory that golden_set_has will touch. */
void golden_set_expect(const struct golden_set *set, const uint8_t *const *prints, size_t n,
		       struct golden_fingerprint *out);
bool golden_set_has(const struct golden_set *set, const struct golden_fingerprint *fingerprint);

#endif
