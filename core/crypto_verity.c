/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_verity.h"

#define BLOCK_SIZE     4096
#define BLOCK_SIZE_LOG 12

/* A block holds 64 digests of SHA-512, or 128 of SHA-256: enough for 2^63 bytes. */
#define LEVELS_MAX 10

/* struct fsverity_descriptor: version, algorithm, log of the block size, salt size, four reserved bytes, size
 * of the data, root (64), salt (32), reserved (144). */
#define DESCRIPTOR_SIZE    256
#define DESCRIPTOR_VERSION 1
#define DESCRIPTOR_DATA    8
#define DESCRIPTOR_ROOT    16

struct verity {
	enum alg alg, base;
	uint64_t size;        /* bytes so far */
	size_t n_data;        /* bytes of data */
	size_t n[LEVELS_MAX]; /* bytes of level */
	uint8_t data[BLOCK_SIZE];
	uint8_t level[LEVELS_MAX][BLOCK_SIZE]; /* hashes of the blocks of the level below */
};

int verity_new(enum alg alg, struct verity **out, struct error *err)
{
	struct verity *verity = malloc(sizeof(*verity));

	if (!verity)
		return error_memory(err, NULL);
	verity->alg = alg;
	verity->base = alg_verity_base(alg);
	verity_begin(verity);
	*out = verity;
	return 0;
}

void verity_free(struct verity *verity)
{
	free(verity);
}

void verity_begin(struct verity *verity)
{
	verity->size = 0;
	verity->n_data = 0;
	memset(verity->n, 0, sizeof(verity->n));
}

/* The hash of a whole block goes into its level; a level that is full then is a block of the next. */
static int push(struct verity *verity, struct hasher *hasher, const uint8_t *block, size_t at,
		struct error *err)
{
	for (;; block = verity->level[at - 1]) {
		struct digest hash;

		if (at == LEVELS_MAX)
			return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
					 "fs-verity: a file of more levels than there can be");
		if (hasher_digest_bytes(hasher, verity->base, bytes_of(block, BLOCK_SIZE), &hash,
					err) < 0)
			return -1;
		memcpy(verity->level[at] + verity->n[at], hash.value, hash.size);
		verity->n[at] += hash.size;
		if (verity->n[at] < BLOCK_SIZE)
			return 0;
		verity->n[at++] = 0;
	}
}

int verity_update(struct verity *verity, struct hasher *hasher, struct bytes bytes,
		  struct error *err)
{
	verity->size += bytes.size;
	while (bytes.size) {
		size_t room = BLOCK_SIZE - verity->n_data;
		size_t n = bytes.size < room ? bytes.size : room;

		if (verity->n_data == 0 && n == BLOCK_SIZE) {
			if (push(verity, hasher, bytes.data, 0, err) < 0)
				return -1;
		} else {
			memcpy(verity->data + verity->n_data, bytes.data, n);
			verity->n_data += n;
			if (verity->n_data == BLOCK_SIZE) {
				verity->n_data = 0;
				if (push(verity, hasher, verity->data, 0, err) < 0)
					return -1;
			}
		}
		bytes = bytes_of(bytes.data + n, bytes.size - n);
	}
	return 0;
}

static int push_padded(struct verity *verity, struct hasher *hasher, uint8_t *block, size_t used,
		       size_t at, struct error *err)
{
	memset(block + used, 0, BLOCK_SIZE - used);
	return push(verity, hasher, block, at, err);
}

static bool is_top(const struct verity *verity, size_t at)
{
	for (size_t above = at + 1; above < LEVELS_MAX; above++)
		if (verity->n[above])
			return false;
	return verity->n[at] == alg_size(verity->base);
}

/* The single hash that the levels come down to; zeros for an empty file. */
static int find_root(struct verity *verity, struct hasher *hasher, uint8_t *root, struct error *err)
{
	if (verity->size == 0)
		return 0;
	if (verity->n_data && push_padded(verity, hasher, verity->data, verity->n_data, 0, err) < 0)
		return -1;
	for (size_t at = 0; at < LEVELS_MAX; at++) {
		size_t used = verity->n[at];

		if (is_top(verity, at)) {
			memcpy(root, verity->level[at], used);
			return 0;
		}
		verity->n[at] = 0;
		if (used && push_padded(verity, hasher, verity->level[at], used, at + 1, err) < 0)
			return -1;
	}
	return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
			 "fs-verity: a file of more levels than there can be");
}

int verity_finish(struct verity *verity, struct hasher *hasher, struct digest *out,
		  struct error *err)
{
	uint8_t descriptor[DESCRIPTOR_SIZE] = { DESCRIPTOR_VERSION,
						verity->base == ALG_SHA512 ? 2 : 1,
						BLOCK_SIZE_LOG };
	struct digest digest;

	for (size_t i = 0; i < 8; i++)
		descriptor[DESCRIPTOR_DATA + i] = (uint8_t)(verity->size >> (8 * i));
	if (find_root(verity, hasher, descriptor + DESCRIPTOR_ROOT, err) < 0 ||
	    hasher_digest_bytes(hasher, verity->base, bytes_of(descriptor, sizeof(descriptor)),
				&digest, err) < 0)
		return -1;
	*out = digest;
	out->alg = verity->alg;
	return 0;
}
