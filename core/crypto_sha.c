/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_sha.h"

#include <assert.h>

#define BLOCK 64

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define KERNEL      __attribute__((target("sha,ssse3,sse4.1")))
#define KERNEL_PART KERNEL __attribute__((always_inline)) static inline

bool sha_kernels_available(void)
{
	const unsigned ssse3_sse41 = 1u << 9 | 1u << 19, sha = 1u << 29;
	unsigned a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & ssse3_sse41) != ssse3_sse41)
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & sha;
}

/*
 * Compression of blocks. A lane is one message on its way through the rounds. Its instructions
 * wait for each other, so a second lane, whose steps take turns with those of the first, costs
 * little. Words of the schedule are taken four at a time: w[g % 4] are words 4g to 4g + 3, and once
 * group g has used them they become those of group g + 4.
 */
#define GROUPS_4(STEP, g) STEP(g) STEP((g) + 1) STEP((g) + 2) STEP((g) + 3)
#define GROUPS_16(STEP)   GROUPS_4(STEP, 0) GROUPS_4(STEP, 4) GROUPS_4(STEP, 8) GROUPS_4(STEP, 12)
#define GROUPS_20(STEP)   GROUPS_16(STEP) GROUPS_4(STEP, 16)

KERNEL_PART __m128i load(const void *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

KERNEL_PART void store(void *at, __m128i value)
{
	_mm_storeu_si128((__m128i *)at, value);
}

/* --- SHA-1 (FIPS 180-4, 6.1.2) ------------------------------------------------------------------ */

struct sha1_lane {
	__m128i abcd, e; /* a in the highest word; e likewise, before its rotation */
	__m128i w[4];
};

KERNEL_PART void sha1_load(struct sha1_lane *l, const uint8_t *block)
{
	const __m128i swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);

	for (int i = 0; i < 4; i++)
		l->w[i] = _mm_shuffle_epi8(load(block + 16 * i), swap);
}

/* Rounds 4g to 4g + 3. The function and constant of a round change every 20; they are immediates. */
KERNEL_PART void sha1_group(struct sha1_lane *l, int g)
{
	__m128i *w0 = &l->w[g % 4], *w1 = &l->w[(g + 1) % 4];
	__m128i *w2 = &l->w[(g + 2) % 4], *w3 = &l->w[(g + 3) % 4];
	__m128i e = g == 0 ? _mm_add_epi32(l->e, *w0) : _mm_sha1nexte_epu32(l->e, *w0);

	l->e = l->abcd;
	switch (g / 5) {
	case 0:
		l->abcd = _mm_sha1rnds4_epu32(l->abcd, e, 0);
		break;
	case 1:
		l->abcd = _mm_sha1rnds4_epu32(l->abcd, e, 1);
		break;
	case 2:
		l->abcd = _mm_sha1rnds4_epu32(l->abcd, e, 2);
		break;
	default:
		l->abcd = _mm_sha1rnds4_epu32(l->abcd, e, 3);
	}
	if (g < 16)
		*w0 = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(*w0, *w1), *w2), *w3);
}

KERNEL_PART void sha1_lanes(uint32_t *const h[2], const uint8_t *const at[2], size_t n_blocks,
			    const int n_lanes)
{
	struct sha1_lane lane[2], before[2];

	for (int i = 0; i < n_lanes; i++) {
		lane[i].abcd = _mm_shuffle_epi32(load(h[i]), 0x1b);
		lane[i].e = _mm_set_epi32((int)h[i][4], 0, 0, 0);
	}
	for (size_t block = 0; block < n_blocks; block++) {
		for (int i = 0; i < n_lanes; i++) {
			before[i] = lane[i];
			sha1_load(&lane[i], at[i] + block * BLOCK);
		}
#define STEP(g)                                                                                    \
	sha1_group(&lane[0], g);                                                                   \
	if (n_lanes == 2)                                                                          \
		sha1_group(&lane[1], g);
		GROUPS_20(STEP)
#undef STEP
		for (int i = 0; i < n_lanes; i++) {
			lane[i].e = _mm_sha1nexte_epu32(lane[i].e, before[i].e);
			lane[i].abcd = _mm_add_epi32(lane[i].abcd, before[i].abcd);
		}
	}
	for (int i = 0; i < n_lanes; i++) {
		store(h[i], _mm_shuffle_epi32(lane[i].abcd, 0x1b));
		h[i][4] = (uint32_t)_mm_extract_epi32(lane[i].e, 3);
	}
}

/* --- SHA-256 (FIPS 180-4, 6.2.2) ---------------------------------------------------------------- */

static const uint32_t sha256_k[64] = {
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

struct sha256_lane {
	__m128i abef, cdgh; /* a and c in the highest words */
	__m128i w[4];
};

KERNEL_PART void sha256_load(struct sha256_lane *l, const uint8_t *block)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

	for (int i = 0; i < 4; i++)
		l->w[i] = _mm_shuffle_epi8(load(block + 16 * i), swap);
}

/* Rounds 4g to 4g + 3, two by an instruction. */
KERNEL_PART void sha256_group(struct sha256_lane *l, int g)
{
	__m128i *w0 = &l->w[g % 4], *w1 = &l->w[(g + 1) % 4];
	__m128i *w2 = &l->w[(g + 2) % 4], *w3 = &l->w[(g + 3) % 4];
	__m128i k = _mm_add_epi32(*w0, load(&sha256_k[4 * g]));

	l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, k);
	l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(k, 0x0e));
	if (g < 12)
		*w0 = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(*w0, *w1),
							 _mm_alignr_epi8(*w3, *w2, 4)),
					   *w3);
}

KERNEL_PART void sha256_lanes(uint32_t *const h[2], const uint8_t *const at[2], size_t n_blocks,
			      const int n_lanes)
{
	struct sha256_lane lane[2], before[2];

	for (int i = 0; i < n_lanes; i++) {
		__m128i abcd = _mm_shuffle_epi32(load(h[i]), 0xb1);     /* b a d c */
		__m128i efgh = _mm_shuffle_epi32(load(h[i] + 4), 0x1b); /* h g f e */

		lane[i].abef = _mm_alignr_epi8(abcd, efgh, 8);
		lane[i].cdgh = _mm_blend_epi16(efgh, abcd, 0xf0);
	}
	for (size_t block = 0; block < n_blocks; block++) {
		for (int i = 0; i < n_lanes; i++) {
			before[i] = lane[i];
			sha256_load(&lane[i], at[i] + block * BLOCK);
		}
#define STEP(g)                                                                                    \
	sha256_group(&lane[0], g);                                                                 \
	if (n_lanes == 2)                                                                          \
		sha256_group(&lane[1], g);
		GROUPS_16(STEP)
#undef STEP
		for (int i = 0; i < n_lanes; i++) {
			lane[i].abef = _mm_add_epi32(lane[i].abef, before[i].abef);
			lane[i].cdgh = _mm_add_epi32(lane[i].cdgh, before[i].cdgh);
		}
	}
	for (int i = 0; i < n_lanes; i++) {
		__m128i feba = _mm_shuffle_epi32(lane[i].abef, 0x1b);
		__m128i dchg = _mm_shuffle_epi32(lane[i].cdgh, 0xb1);

		store(h[i], _mm_blend_epi16(feba, dchg, 0xf0));
		store(h[i] + 4, _mm_alignr_epi8(dchg, feba, 8));
	}
}

/* --- what the rest of this file calls ------------------------------------------------------------ */

KERNEL static void sha1_one(uint32_t *const h[2], const uint8_t *const at[2], size_t n_blocks)
{
	sha1_lanes(h, at, n_blocks, 1);
}

KERNEL static void sha1_two(uint32_t *const h[2], const uint8_t *const at[2], size_t n_blocks)
{
	sha1_lanes(h, at, n_blocks, 2);
}

KERNEL static void sha256_one(uint32_t *const h[2], const uint8_t *const at[2], size_t n_blocks)
{
	sha256_lanes(h, at, n_blocks, 1);
}

KERNEL static void sha256_two(uint32_t *const h[2], const uint8_t *const at[2], size_t n_blocks)
{
	sha256_lanes(h, at, n_blocks, 2);
}

#else

bool sha_kernels_available(void)
{
	return false;
}

static void sha1_one(uint32_t *const h[2], const uint8_t *const at[2], size_t n_blocks)
{
	(void)h, (void)at, (void)n_blocks;
	assert(!"sha_kernels_available said no");
}

#define sha1_two   sha1_one
#define sha256_one sha1_one
#define sha256_two sha1_one

#endif

bool sha_kernels_have(enum alg alg)
{
	return alg == ALG_SHA1 || alg == ALG_SHA256;
}

/* --- messages ------------------------------------------------------------------------------------ */

struct sha {
	enum alg alg;
	uint32_t h[8];           /* 5 of them for SHA-1 */
	uint64_t size;           /* bytes so far */
	uint8_t tail[2 * BLOCK]; /* what no block could be made of yet, later the padding */
	size_t tail_size;
};

static void sha_init(struct sha *sha, enum alg alg)
{
	static const uint32_t sha1_h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
					    0xc3d2e1f0 };
	static const uint32_t sha256_h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

	assert(sha_kernels_have(alg));
	sha->alg = alg;
	sha->size = 0;
	sha->tail_size = 0;
	if (alg == ALG_SHA1)
		memcpy(sha->h, sha1_h, sizeof(sha1_h));
	else
		memcpy(sha->h, sha256_h, sizeof(sha256_h));
}

static void sha_blocks(struct sha *sha, const uint8_t *at, size_t n_blocks)
{
	uint32_t *const h[2] = { sha->h, NULL };
	const uint8_t *const from[2] = { at, NULL };

	if (sha->alg == ALG_SHA1)
		sha1_one(h, from, n_blocks);
	else
		sha256_one(h, from, n_blocks);
}

static void sha_update(struct sha *sha, struct bytes bytes)
{
	sha->size += bytes.size;
	if (bytes.size == 0)
		return;
	if (sha->tail_size) {
		size_t n =
			BLOCK - sha->tail_size < bytes.size ? BLOCK - sha->tail_size : bytes.size;

		memcpy(sha->tail + sha->tail_size, bytes.data, n);
		sha->tail_size += n;
		bytes = bytes_of(bytes.data + n, bytes.size - n);
		if (sha->tail_size < BLOCK)
			return;
		sha_blocks(sha, sha->tail, 1);
		sha->tail_size = 0;
	}
	if (bytes.size >= BLOCK) {
		size_t n = bytes.size / BLOCK;

		sha_blocks(sha, bytes.data, n);
		bytes = bytes_of(bytes.data + n * BLOCK, bytes.size - n * BLOCK);
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

size_t sha_n_blocks(size_t size)
{
	return size / BLOCK + (size % BLOCK + 9 <= BLOCK ? 1 : 2);
}

/* One bit, zeros, the length in bits fill n_blocks of tail (FIPS 180-4, 5.1.1). */
static void sha_pad(struct sha *sha, size_t n_blocks)
{
	uint8_t *end = sha->tail + n_blocks * BLOCK;

	memset(sha->tail + sha->tail_size, 0, n_blocks * BLOCK - sha->tail_size);
	sha->tail[sha->tail_size] = 0x80;
	put_be32(end - 8, (uint32_t)(sha->size >> 29));
	put_be32(end - 4, (uint32_t)(sha->size << 3));
}

static void sha_write(const struct sha *sha, uint8_t *out)
{
	size_t n_words = sha->alg == ALG_SHA1 ? 5 : 8;

	for (size_t i = 0; i < n_words; i++)
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
	sha_blocks(&sha, sha.tail, n_blocks);
	sha_write(&sha, out);
}

void sha_digest_pair(enum alg alg, struct bytes a, struct bytes b, uint8_t *out_a, uint8_t *out_b)
{
	const struct bytes messages[2] = { a, b };
	const uint8_t *at[2] = { a.data, b.data };
	size_t whole = (a.size < b.size ? a.size : b.size) / BLOCK, n_blocks = sha_n_blocks(a.size);
	struct sha sha[2];
	uint32_t *const h[2] = { sha[0].h, sha[1].h };
	void (*lanes)(uint32_t *const h[2], const uint8_t *const at[2], size_t n_blocks) =
		alg == ALG_SHA1 ? sha1_two : sha256_two;

	assert(n_blocks == sha_n_blocks(b.size));
	sha_init(&sha[0], alg);
	sha_init(&sha[1], alg);
	lanes(h, at, whole);
	/* What is left of each, at most 119 bytes, becomes the same one or two blocks. */
	for (int i = 0; i < 2; i++) {
		sha[i].size = messages[i].size;
		sha[i].tail_size = messages[i].size - whole * BLOCK;
		if (sha[i].tail_size)
			memcpy(sha[i].tail, at[i] + whole * BLOCK, sha[i].tail_size);
		sha_pad(&sha[i], n_blocks - whole);
		at[i] = sha[i].tail;
	}
	lanes(h, at, n_blocks - whole);
	sha_write(&sha[0], out_a);
	sha_write(&sha[1], out_b);
}

void sha_extend(enum alg alg, size_t n, uint8_t *const values[], const uint8_t *const digests[])
{
	/* The padding of messages of 40 and 64 bytes: 320 and 512 bits. */
	static const uint8_t pad_40[24] = { 0x80, [22] = 0x01, [23] = 0x40 };
	static const uint8_t pad_64[64] = { 0x80, [62] = 0x02 };
	uint8_t blocks[2][2 * BLOCK];
	const uint8_t *const at[2] = { blocks[0], blocks[1] };
	struct sha sha[2];
	uint32_t *const h[2] = { sha[0].h, sha[1].h };

	assert(n == 1 || n == 2);
	for (size_t i = 0; i < n; i++) {
		sha_init(&sha[i], alg);
		if (alg == ALG_SHA1) {
			memcpy(blocks[i], values[i], 20);
			memcpy(blocks[i] + 20, digests[i], 20);
			memcpy(blocks[i] + 40, pad_40, sizeof(pad_40));
		} else {
			memcpy(blocks[i], values[i], 32);
			memcpy(blocks[i] + 32, digests[i], 32);
			memcpy(blocks[i] + 64, pad_64, sizeof(pad_64));
		}
	}
	if (alg == ALG_SHA1)
		(n == 2 ? sha1_two : sha1_one)(h, at, 1);
	else
		(n == 2 ? sha256_two : sha256_one)(h, at, 2);
	for (size_t i = 0; i < n; i++)
		sha_write(&sha[i], values[i]);
}
