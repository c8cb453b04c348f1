/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/golden_set.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>

#include "db/large.h"

/* Words of the longest path and the longest digest, in pairs. */
#define WORDS_MAX ((GOLDEN_PATH_MAX + DIGEST_SIZE_MAX + 15) / 16 * 2)

/* Words that the second hash takes: two sums of 128 bits, the size and the algorithm. */
#define SUMS 5

__extension__ typedef unsigned __int128 uint128_t;

struct key {
	uint64_t nh[WORDS_MAX + 2]; /* the second sum's begins two words further on */
	uint128_t last[2][SUMS + 1];
};

struct golden_set {
	struct key key;
	struct large memory;
	struct fingerprint *slots;
	size_t n_slots, n_used;
};

/* --- fingerprints ----------------------------------------------------------------------------- */

static int key_draw(struct key *key, struct error *err)
{
	uint8_t *at = (uint8_t *)key;

	for (size_t left = sizeof(*key); left;) {
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

/* NH, twice: sums of products of pairs of words, each word with a word of the key added. */
struct nh {
	const uint64_t *key; /* of the next pair */
	uint128_t sums[2];
};

static inline void nh_pair(struct nh *nh, uint64_t a, uint64_t b)
{
	nh->sums[0] += (uint128_t)(a + nh->key[0]) * (b + nh->key[1]);
	nh->sums[1] += (uint128_t)(a + nh->key[2]) * (b + nh->key[3]);
	nh->key += 2;
}

/* Whole pairs of words; zeros behind what is left. */
static inline void nh_bytes(struct nh *nh, const uint8_t *at, size_t size)
{
	uint64_t pair[2];

	for (; size >= sizeof(pair); at += sizeof(pair), size -= sizeof(pair)) {
		memcpy(pair, at, sizeof(pair));
		nh_pair(nh, pair[0], pair[1]);
	}
	if (size) {
		memset(pair, 0, sizeof(pair));
		memcpy(pair, at, size);
		nh_pair(nh, pair[0], pair[1]);
	}
}

/* The upper half of a sum of products with words of 128 bits: strongly universal. */
static inline uint64_t multilinear(const uint128_t key[SUMS + 1], const uint64_t words[SUMS])
{
	uint128_t sum = key[SUMS];

	for (size_t i = 0; i < SUMS; i++)
		sum += key[i] * words[i];
	return (uint64_t)(sum >> 64);
}

/*
 * NH tells messages of one length apart. Size and algorithm, which give the length, are hashed beside
 * its sums, so that others differ there.
 */
struct fingerprint golden_set_fingerprint(const struct golden_set *set, struct bytes path,
					  enum alg alg, const uint8_t *value)
{
	struct nh nh = { .key = set->key.nh };
	struct fingerprint out;
	uint64_t words[SUMS];

	assert(path.size < GOLDEN_PATH_MAX);
	nh_bytes(&nh, value, alg_size(alg));
	nh_bytes(&nh, path.data, path.size);
	words[0] = (uint64_t)nh.sums[0];
	words[1] = (uint64_t)(nh.sums[0] >> 64);
	words[2] = (uint64_t)nh.sums[1];
	words[3] = (uint64_t)(nh.sums[1] >> 64);
	words[4] = (uint64_t)alg << 32 | path.size;
	out.words[0] = multilinear(set->key.last[0], words);
	out.words[1] = multilinear(set->key.last[1], words);
	if (!out.words[0] && !out.words[1]) /* a free slot's */
		out.words[0] = 1;
	return out;
}

/* --- the set ----------------------------------------------------------------------------------- */

/* Where the search begins: fingerprints are spread evenly. */
static inline size_t slot_first(const struct golden_set *set, const struct fingerprint *fingerprint)
{
	return (size_t)((uint128_t)fingerprint->words[0] * set->n_slots >> 64);
}

/* The slot that has the fingerprint, or the free one that it would have. */
static struct fingerprint *slot_of(const struct golden_set *set,
				   const struct fingerprint *fingerprint)
{
	size_t at = slot_first(set, fingerprint);

	for (;;) {
		struct fingerprint *slot = &set->slots[at];

		if ((slot->words[0] == fingerprint->words[0] &&
		     slot->words[1] == fingerprint->words[1]) ||
		    (!slot->words[0] && !slot->words[1]))
			return slot;
		at = at + 1 == set->n_slots ? 0 : at + 1;
	}
}

static int resize(struct golden_set *set, size_t n_slots, struct error *err)
{
	struct fingerprint *old = set->slots;
	size_t n_old = set->n_slots;
	struct large memory, old_memory = set->memory;

	if (n_slots > SIZE_MAX / sizeof(*old))
		return error_memory(err, NULL);
	if (large_take(&memory, n_slots * sizeof(*old), err) < 0)
		return -1;
	set->memory = memory;
	set->slots = memory.at;
	set->n_slots = n_slots;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].words[0] || old[i].words[1])
			*slot_of(set, &old[i]) = old[i];
	large_free(&old_memory);
	return 0;
}

int golden_set_new(size_t n_pairs, struct golden_set **out, struct error *err)
{
	struct golden_set *set = calloc(1, sizeof(*set));
	/* What a database says of itself sizes nothing large at once. */
	size_t n = n_pairs < 16 << 20 ? n_pairs : 16 << 20;

	if (!set)
		return error_memory(err, NULL);
	if (key_draw(&set->key, err) < 0 || resize(set, n + n * 3 / 8 + 16, err) < 0) {
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

void golden_set_expect(const struct golden_set *set, const struct fingerprint *fingerprint)
{
	__builtin_prefetch(&set->slots[slot_first(set, fingerprint)]);
}

int golden_set_add(struct golden_set *set, const struct fingerprint *fingerprint, struct error *err)
{
	struct fingerprint *slot;

	/* At most three quarters full. */
	if (4 * (set->n_used + 1) > 3 * set->n_slots &&
	    resize(set, set->n_slots + set->n_slots / 2 + 1024, err) < 0)
		return -1;
	slot = slot_of(set, fingerprint);
	set->n_used += !slot->words[0] && !slot->words[1];
	*slot = *fingerprint;
	return 0;
}

bool golden_set_has(const struct golden_set *set, const struct fingerprint *fingerprint)
{
	const struct fingerprint *slot = slot_of(set, fingerprint);

	return slot->words[0] || slot->words[1];
}
