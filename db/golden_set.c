/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/golden_set.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>

#include "db/large.h"

/* Slots side by side in one line of the processor's cache: most searches end where they begin. */
#define BUCKET 4

#define N_BUCKETS_FIRST 1024

/* Prints that are added together. */
#define BLOCK ((size_t)64)

#define WORDS (PRINT_SIZE / 8)

__extension__ typedef unsigned __int128 uint128_t;

struct bucket {
	struct golden_fingerprint slots[BUCKET]; /* from the first on; all zeros: free */
};

struct golden_set {
	uint128_t key[2][WORDS + 1];
	struct large memory;
	struct bucket *buckets;
	size_t n_buckets, n_used;
};

/* --- fingerprints ----------------------------------------------------------------------------- */

static int key_draw(struct golden_set *set, struct error *err)
{
	uint8_t *at = (uint8_t *)set->key;

	for (size_t left = sizeof(set->key); left;) {
		ssize_t n = getrandom(at, left, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, ERROR_SYSTEM, NULL, errno, "no random numbers");
		at += n;
		left -= (size_t)n;
	}
	return 0;
}

/*
 * Twice the upper half of a sum of products with words of 128 bits: strongly universal. Written out: loops
 * took twice the time.
 */
static inline struct golden_fingerprint fingerprint_of(const struct golden_set *set,
						       const uint8_t print[PRINT_SIZE])
{
	const uint128_t *a = set->key[0], *b = set->key[1];
	struct golden_fingerprint out;
	uint64_t w[WORDS];

	memcpy(w, print, sizeof(w));
	out.words[0] =
		(uint64_t)((a[0] * w[0] + a[1] * w[1] + a[2] * w[2] + a[3] * w[3] + a[4]) >> 64);
	out.words[1] =
		(uint64_t)((b[0] * w[0] + b[1] * w[1] + b[2] * w[2] + b[3] * w[3] + b[4]) >> 64);
	if (!out.words[0] && !out.words[1]) /* a free slot's */
		out.words[0] = 1;
	return out;
}

/* --- the set ----------------------------------------------------------------------------------- */

/* Where the search begins: fingerprints are spread evenly. */
static inline size_t first(const struct golden_set *set,
			   const struct golden_fingerprint *fingerprint)
{
	return (size_t)((uint128_t)fingerprint->words[0] * set->n_buckets >> 64);
}

static inline bool is_free(const struct golden_fingerprint *slot)
{
	return !(slot->words[0] | slot->words[1]);
}

/* Whether one of a bucket's slots has it: no branches, of which every second would be guessed wrong. */
static inline bool bucket_has(const struct bucket *bucket, const struct golden_fingerprint *wanted)
{
	unsigned has = 0;

	for (size_t i = 0; i < BUCKET; i++)
		has |= !((bucket->slots[i].words[0] ^ wanted->words[0]) |
			 (bucket->slots[i].words[1] ^ wanted->words[1]));
	return has;
}

static inline bool is_full(const struct bucket *bucket)
{
	return !is_free(&bucket->slots[BUCKET - 1]);
}

/* The bucket that has the fingerprint, or the one that has room for it. */
static inline struct bucket *search(const struct golden_set *set,
				    const struct golden_fingerprint *wanted, bool *has)
{
	size_t at = first(set, wanted);

	for (;;) {
		struct bucket *bucket = &set->buckets[at];

		*has = bucket_has(bucket, wanted);
		if (*has || !is_full(bucket))
			return bucket;
		at = at + 1 == set->n_buckets ? 0 : at + 1;
	}
}

static inline void put(struct golden_set *set, const struct golden_fingerprint *fingerprint)
{
	struct bucket *bucket;
	size_t n_used = 0;
	bool has;

	bucket = search(set, fingerprint, &has);
	if (has)
		return;
	for (size_t i = 0; i < BUCKET; i++)
		n_used += !is_free(&bucket->slots[i]);
	bucket->slots[n_used] = *fingerprint;
	set->n_used++;
}

static int resize(struct golden_set *set, size_t n_buckets, struct error *err)
{
	struct bucket *old = set->buckets;
	size_t n_old = set->n_buckets;
	struct large memory, old_memory = set->memory;

	if (n_buckets > SIZE_MAX / sizeof(*old) - 1)
		return error_memory(err, NULL);
	if (large_take(&memory, (n_buckets + 1) * sizeof(*old), err) < 0)
		return -1;
	set->memory = memory;
	set->buckets = memory.at;
	set->n_buckets = n_buckets;
	set->n_used = 0;
	for (size_t i = 0; i < n_old; i++)
		for (size_t k = 0; k < BUCKET && !is_free(&old[i].slots[k]); k++)
			put(set, &old[i].slots[k]);
	large_free(&old_memory);
	return 0;
}

int golden_set_new(struct golden_set **out, struct error *err)
{
	struct golden_set *set = calloc(1, sizeof(*set));

	if (!set)
		return error_memory(err, NULL);
	if (key_draw(set, err) < 0 || resize(set, N_BUCKETS_FIRST, err) < 0) {
		golden_set_free(set);
		return -1;
	}
	*out = set;
	return 0;
}

void golden_set_free(struct golden_set *set)
{
	if (!set)
		return;
	large_free(&set->memory);
	free(set);
}

/* At most three quarters full. */
static bool has_room(const struct golden_set *set, size_t n)
{
	return n <= set->n_buckets * 3 - set->n_used;
}

int golden_set_reserve(struct golden_set *set, size_t n, size_t n_expected, struct error *err)
{
	size_t needed = set->n_used + n;

	if (has_room(set, n))
		return 0;
	if (needed < n_expected)
		needed = n_expected;
	if (needed < set->n_buckets * BUCKET)
		needed = set->n_buckets * BUCKET;
	return resize(set, needed / 14 * 5 + 16, err);
}

/*
 * Reads from each bucket that will be searched. In a loop by itself, and read, not prefetched: so the
 * processor waits for many at once. Among the products above it finds few, and of many prefetches it drops
 * most.
 */
static void expect(const struct golden_set *set, const struct golden_fingerprint *fingerprints,
		   size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all |= set->buckets[first(set, &fingerprints[i])].slots[0].words[0];
	__asm__ volatile("" : : "r"(all)); /* or it would not be read at all */
}

void golden_set_add(struct golden_set *set, const uint8_t *prints, size_t n)
{
	struct golden_fingerprint waiting[BLOCK];

	assert(has_room(set, n));
	for (size_t done = 0; done < n; done += BLOCK) {
		size_t n_block = n - done < BLOCK ? n - done : BLOCK;

		for (size_t i = 0; i < n_block; i++)
			waiting[i] = fingerprint_of(set, prints + (done + i) * PRINT_SIZE);
		expect(set, waiting, n_block);
		for (size_t i = 0; i < n_block; i++)
			put(set, &waiting[i]);
	}
}

void golden_set_expect(const struct golden_set *set, const uint8_t *const *prints, size_t n,
		       struct golden_fingerprint *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = fingerprint_of(set, prints[i]);
	expect(set, out, n);
}

bool golden_set_has(const struct golden_set *set, const struct golden_fingerprint *fingerprint)
{
	bool has;

	search(set, fingerprint, &has);
	return has;
}
