/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash: 64-bit hashes for tables in memory, keyed with random bits so that nobody can prepare paths
 * that all meet in one place. Only where things lie hangs on the key, nothing that is said. What a
 * hash leads to is always compared whole.
 */
#ifndef DB_HASH_H
#define DB_HASH_H

#include <sys/random.h>

#include "core/digest.h"

struct hash_key {
	uint64_t words[2];
};

static inline int hash_key_init(struct hash_key *key, struct error *err)
{
	if (getrandom(key->words, sizeof(key->words), 0) != (ssize_t)sizeof(key->words))
		return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET, "no random numbers");
	return 0;
}

static inline uint64_t hash_load(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* The product of two words folded into one: each bit of it hangs on all of them. */
static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_bytes(const struct hash_key *key, struct bytes bytes)
{
	uint64_t hash = key->words[0] ^ bytes.size, other = key->words[1];
	uint8_t tail[16] = { 0 };

	while (bytes.size > 16) {
		hash = hash_fold(hash_load(bytes.data) ^ other, hash_load(bytes.data + 8) ^ hash);
		bytes = bytes_of(bytes.data + 16, bytes.size - 16);
	}
	if (bytes.size)
		memcpy(tail, bytes.data, bytes.size);
	hash = hash_fold(hash_load(tail) ^ other, hash_load(tail + 8) ^ hash);
	return hash_fold(hash ^ other, UINT64_C(0x9e3779b97f4a7c15));
}

/* Digests are spread well: 16 bytes, which all have, are enough. */
static inline uint64_t hash_digest(const struct hash_key *key, enum alg alg, const uint8_t *value)
{
	return hash_fold(hash_load(value) ^ key->words[0],
			 hash_load(value + 8) ^ key->words[1] ^ (uint64_t)alg << 56);
}

#endif
