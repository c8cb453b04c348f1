/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/internal.h"

/* Large enough that a call into libcrypto is rare, small enough to stay in the cache. */
#define SEAL_BUFFER ((size_t)1 << 15)

int seal_init(struct seal *seal, struct error *err)
{
	*seal = (struct seal){ 0 };
	if (hasher_new(&seal->hasher, err) < 0)
		return -1;
	seal->buffer = malloc(SEAL_BUFFER);
	return seal->buffer ? 0 : error_memory(err, NULL);
}

void seal_clear(struct seal *seal)
{
	hasher_free(seal->hasher);
	free(seal->buffer);
	*seal = (struct seal){ 0 };
}

int seal_begin(struct seal *seal, struct error *err)
{
	seal->used = 0;
	seal->failed = false;
	return hasher_begin(seal->hasher, 1u << ALG_SHA256, err);
}

static void flush(struct seal *seal)
{
	if (!seal->failed &&
	    hasher_update(seal->hasher, bytes_of(seal->buffer, seal->used), &seal->error) < 0)
		seal->failed = true;
	seal->used = 0;
}

static void put(struct seal *seal, struct bytes bytes)
{
	while (bytes.size) {
		size_t n = SEAL_BUFFER - seal->used;

		if (n > bytes.size)
			n = bytes.size;
		memcpy(seal->buffer + seal->used, bytes.data, n);
		seal->used += n;
		bytes = bytes_of(bytes.data + n, bytes.size - n);
		if (seal->used == SEAL_BUFFER)
			flush(seal);
	}
}

void seal_uint(struct seal *seal, uint64_t value)
{
	uint8_t wire[8];

	for (size_t i = 0; i < sizeof(wire); i++)
		wire[i] = (uint8_t)(value >> 8 * i);
	put(seal, bytes_of(wire, sizeof(wire)));
}

void seal_bytes(struct seal *seal, struct bytes bytes)
{
	uint8_t wire[4];

	for (size_t i = 0; i < sizeof(wire); i++)
		wire[i] = (uint8_t)(bytes.size >> 8 * i);
	put(seal, bytes_of(wire, sizeof(wire)));
	put(seal, bytes);
}

int seal_finish(struct seal *seal, uint8_t out[32], struct error *err)
{
	struct digest digests[ALG_COUNT];

	flush(seal);
	if (seal->failed) {
		*err = seal->error;
		return -1;
	}
	if (hasher_finish(seal->hasher, digests, err) < 0)
		return -1;
	memcpy(out, digests[ALG_SHA256].value, 32);
	return 0;
}
