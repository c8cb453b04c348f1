/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_sha.h"

#include <assert.h>

#include "core/crypto_sha_internal.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Messages that sha_digest_pairs keeps in mind at a time. */
#define PAIRS_MAX 64

const uint32_t sha_initial[2][SHA_WORDS] = {
	[ALG_SHA1] = {0x67452301,  0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0},
	[ALG_SHA256] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,                                      0x510e527f,                                      0x9b05688c,
                      0x1f83d9ab, 0x5be0cd19 },
};

const uint32_t sha256_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

#if defined(__x86_64__)

static bool has_sha_instructions(void)
{
	const unsigned ssse3_sse41 = 1u << 9 | 1u << 19, sha = 1u << 29;
	unsigned a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & ssse3_sse41) != ssse3_sse41)
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & sha;
}

enum sha_kernels sha_kernels_available(void)
{
	if (!has_sha_instructions())
		return SHA_KERNELS_NONE;
	__builtin_cpu_init();
	/* These ask, too, whether the system keeps the registers. */
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
		return SHA_KERNELS_WIDE;
	return SHA_KERNELS_NI;
}

#else

enum sha_kernels sha_kernels_available(void)
{
	return SHA_KERNELS_NONE;
}

#endif

bool sha_kernels_have(enum alg alg)
{
	return alg == ALG_SHA1 || alg == ALG_SHA256;
}

/* --- messages ------------------------------------------------------------------------------------ */

struct sha {
	enum alg alg;
	uint32_t h[SHA_WORDS];       /* 5 of them for SHA-1 */
	uint64_t size;               /* bytes so far */
	uint8_t tail[2 * SHA_BLOCK]; /* what no block could be made of yet, later the padding */
	size_t tail_size;
};

static void sha_init(struct sha *sha, enum alg alg)
{
	assert(sha_kernels_have(alg));
	sha->alg = alg;
	sha->size = 0;
	sha->tail_size = 0;
	memcpy(sha->h, sha_initial[alg], sizeof(sha->h));
}

static void sha_update(struct sha *sha, struct bytes bytes)
{
	sha->size += bytes.size;
	if (bytes.size == 0)
		return;
	if (sha->tail_size) {
		size_t n = SHA_BLOCK - sha->tail_size < bytes.size ? SHA_BLOCK - sha->tail_size
								   : bytes.size;

		memcpy(sha->tail + sha->tail_size, bytes.data, n);
		sha->tail_size += n;
		bytes = bytes_of(bytes.data + n, bytes.size - n);
		if (sha->tail_size < SHA_BLOCK)
			return;
		sha_ni_one(sha->alg, sha->h, sha->tail, 1);
		sha->tail_size = 0;
	}
	if (bytes.size >= SHA_BLOCK) {
		size_t n = bytes.size / SHA_BLOCK;

		sha_ni_one(sha->alg, sha->h, bytes.data, n);
		bytes = bytes_of(bytes.data + n * SHA_BLOCK, bytes.size - n * SHA_BLOCK);
	}
	if (bytes.size)
		memcpy(sha->tail, bytes.data, bytes.size);
	sha->tail_size = bytes.size;
}

static void put_be32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

/* One bit, zeros, the length in bits fill n_blocks of tail (FIPS 180-4, 5.1.1). */
static void sha_pad(struct sha *sha, size_t n_blocks)
{
	uint8_t *end = sha->tail + n_blocks * SHA_BLOCK;

	memset(sha->tail + sha->tail_size, 0, n_blocks * SHA_BLOCK - sha->tail_size);
	sha->tail[sha->tail_size] = 0x80;
	put_be32(end - 8, (uint32_t)(sha->size >> 29));
	put_be32(end - 4, (uint32_t)(sha->size << 3));
}

static void sha_write(const struct sha *sha, uint8_t *out)
{
	for (size_t i = 0; i < sha_n_words(sha->alg); i++)
		put_be32(out + 4 * i, sha->h[i]);
}

void sha_digest(enum alg alg, const struct bytes *parts, size_t n_parts, uint8_t *out)
{
	struct sha sha;
	size_t n_blocks;

	sha_init(&sha, alg);
	for (size_t i = 0; i < n_parts; i++)
		sha_update(&sha, parts[i]);
	n_blocks = sha_n_blocks(sha.tail_size);
	sha_pad(&sha, n_blocks);
	sha_ni_one(alg, sha.h, sha.tail, n_blocks);
	sha_write(&sha, out);
}

/* Of two messages of the same number of blocks. */
static void digest_pair(enum alg alg, struct bytes a, struct bytes b, uint8_t *out_a,
			uint8_t *out_b)
{
	const struct bytes messages[2] = { a, b };
	const uint8_t *at[2] = { a.data, b.data };
	size_t whole = (a.size < b.size ? a.size : b.size) / SHA_BLOCK,
	       n_blocks = sha_n_blocks(a.size);
	struct sha sha[2];
	uint32_t *const h[2] = { sha[0].h, sha[1].h };

	assert(n_blocks == sha_n_blocks(b.size));
	sha_init(&sha[0], alg);
	sha_init(&sha[1], alg);
	sha_ni_two(alg, h, at, whole);
	/* What is left of each, at most 119 bytes, becomes the same one or two blocks. */
	for (int i = 0; i < 2; i++) {
		sha[i].size = messages[i].size;
		sha[i].tail_size = messages[i].size - whole * SHA_BLOCK;
		if (sha[i].tail_size)
			memcpy(sha[i].tail, at[i] + whole * SHA_BLOCK, sha[i].tail_size);
		sha_pad(&sha[i], n_blocks - whole);
		at[i] = sha[i].tail;
	}
	sha_ni_two(alg, h, at, n_blocks - whole);
	sha_write(&sha[0], out_a);
	sha_write(&sha[1], out_b);
}

void sha_digest_pairs(enum alg alg, const struct bytes *messages, size_t n, struct digest *out)
{
	/* Messages without a partner yet, of distinct numbers of blocks. */
	size_t waiting[PAIRS_MAX], n_waiting = 0;

	for (size_t i = 0; i < n; i++) {
		size_t n_blocks = sha_n_blocks(messages[i].size), j = 0;

		while (j < n_waiting && sha_n_blocks(messages[waiting[j]].size) != n_blocks)
			j++;
		if (j < n_waiting) {
			digest_pair(alg, messages[waiting[j]], messages[i], out[waiting[j]].value,
				    out[i].value);
			waiting[j] = waiting[--n_waiting];
		} else if (n_waiting < PAIRS_MAX) {
			waiting[n_waiting++] = i;
		} else {
			sha_digest(alg, &messages[i], 1, out[i].value);
		}
	}
	for (size_t j = 0; j < n_waiting; j++)
		sha_digest(alg, &messages[waiting[j]], 1, out[waiting[j]].value);
}

void sha_extend(const struct extension *extensions, size_t n)
{
	const struct extension *sha256[2], *sha1 = NULL;
	size_t n_sha256 = 0;

	/* Two registers of SHA-256 keep the processor busy; one of SHA-1 goes beside them. */
	for (size_t i = 0; i < n; i++) {
		bool is_sha1 = extensions[i].alg == ALG_SHA1;

		if (!sha_kernels_have(extensions[i].alg))
			continue;
		if (is_sha1 ? sha1 != NULL : n_sha256 == ARRAY_SIZE(sha256)) {
			sha_ni_extend(sha256, n_sha256, sha1);
			sha1 = NULL;
			n_sha256 = 0;
		}
		if (is_sha1)
			sha1 = &extensions[i];
		else
			sha256[n_sha256++] = &extensions[i];
	}
	if (sha1 || n_sha256)
		sha_ni_extend(sha256, n_sha256, sha1);
}
