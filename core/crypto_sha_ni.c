/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_sha_internal.h"

#include <assert.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define KERNEL      __attribute__((target("sha,ssse3,sse4.1")))
#define KERNEL_PART KERNEL __attribute__((always_inline)) static inline

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
			sha1_load(&lane[i], at[i] + block * SHA_BLOCK);
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

/* Words 4g to 4g + 3 with their constants added; those of group g + 4 are prepared. */
KERNEL_PART __m128i sha256_words(__m128i w[4], int g)
{
	__m128i *w0 = &w[g % 4], *w1 = &w[(g + 1) % 4], *w2 = &w[(g + 2) % 4],
		*w3 = &w[(g + 3) % 4];
	__m128i kw = _mm_add_epi32(*w0, load(&sha256_constants[4 * g]));

	if (g < 12)
		*w0 = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(*w0, *w1),
							 _mm_alignr_epi8(*w3, *w2, 4)),
					   *w3);
	return kw;
}

/* Four rounds, two by an instruction. */
KERNEL_PART void sha256_rounds(struct sha256_lane *l, __m128i kw)
{
	l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, kw);
	l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(kw, 0x0e));
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
			sha256_load(&lane[i], at[i] + block * SHA_BLOCK);
		}
#define STEP(g)                                                                                    \
	sha256_rounds(&lane[0], sha256_words(lane[0].w, g));                                       \
	if (n_lanes == 2)                                                                          \
		sha256_rounds(&lane[1], sha256_words(lane[1].w, g));
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

/* --- blocks ----------------------------------------------------------------------------------- */

KERNEL void sha_ni_one(enum alg alg, uint32_t *h, const uint8_t *at, size_t n_blocks)
{
	uint32_t *const states[2] = { h, NULL };
	const uint8_t *const from[2] = { at, NULL };

	if (alg == ALG_SHA1)
		sha1_lanes(states, from, n_blocks, 1);
	else
		sha256_lanes(states, from, n_blocks, 1);
}

KERNEL void sha_ni_two(enum alg alg, uint32_t *const h[2], const uint8_t *const at[2],
		       size_t n_blocks)
{
	if (alg == ALG_SHA1)
		sha1_lanes(h, at, n_blocks, 2);
	else
		sha256_lanes(h, at, n_blocks, 2);
}

/* --- extends -------------------------------------------------------------------------------------- */

/*
 * What is hashed is the value, the digest and padding: with SHA-1 in one block, with SHA-256 in two, of
 * which the second is all padding, always the same.
 */

KERNEL_PART __m128i swap_words(__m128i words) /* bytes of each word */
{
	return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

KERNEL_PART __m128i swap_all(__m128i words)
{
	return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
}

/* The value is 5 words, the digest 5, then come the end of the message and its 320 bits. */
KERNEL_PART void sha1_extend_begin(struct sha1_lane *l, const uint8_t *value, const uint8_t *digest)
{
	const __m128i to_567 = _mm_set_epi64x((int64_t)0x8080808000010203, 0x0405060708090a0b);
	const __m128i to_89 = _mm_set_epi64x(0x08090a0b0c0d0e0f, (int64_t)0x8080808080808080);

	uint32_t e;

	memcpy(&e, value + 16, sizeof(e));
	l->w[0] = swap_all(load(value));
	l->w[1] = _mm_or_si128(_mm_set_epi32((int)__builtin_bswap32(e), 0, 0, 0),
			       _mm_shuffle_epi8(load(digest), to_567));
	l->w[2] = _mm_or_si128(_mm_shuffle_epi8(load(digest + 4), to_89),
			       _mm_set_epi32(0, 0, INT32_MIN, 0));
	l->w[3] = _mm_set_epi32(0, 0, 0, 320);
	l->abcd = _mm_shuffle_epi32(load(sha_initial[ALG_SHA1]), 0x1b);
	l->e = _mm_set_epi32((int)sha_initial[ALG_SHA1][4], 0, 0, 0);
}

KERNEL_PART void sha1_extend_end(const struct sha1_lane *l, uint8_t *value)
{
	__m128i abcd = _mm_add_epi32(l->abcd, _mm_shuffle_epi32(load(sha_initial[ALG_SHA1]), 0x1b));
	__m128i e =
		_mm_sha1nexte_epu32(l->e, _mm_set_epi32((int)sha_initial[ALG_SHA1][4], 0, 0, 0));
	uint32_t word = __builtin_bswap32((uint32_t)_mm_extract_epi32(e, 3));

	store(value, swap_all(abcd));
	memcpy(value + 16, &word, sizeof(word));
}

KERNEL_PART struct sha256_lane sha256_initial(void)
{
	const uint32_t *h = sha_initial[ALG_SHA256];
	__m128i abcd = _mm_shuffle_epi32(load(h), 0xb1);
	__m128i efgh = _mm_shuffle_epi32(load(h + 4), 0x1b);

	return (struct sha256_lane){ .abef = _mm_alignr_epi8(abcd, efgh, 8),
				     .cdgh = _mm_blend_epi16(efgh, abcd, 0xf0) };
}

KERNEL_PART void sha256_extend_begin(struct sha256_lane *l, const uint8_t *value,
				     const uint8_t *digest)
{
	*l = sha256_initial();
	l->w[0] = swap_words(load(value));
	l->w[1] = swap_words(load(value + 16));
	l->w[2] = swap_words(load(digest));
	l->w[3] = swap_words(load(digest + 16));
}

/* Between the blocks; *before is the state that the second one begins with. */
KERNEL_PART void sha256_extend_middle(struct sha256_lane *l, struct sha256_lane *before)
{
	const struct sha256_lane initial = sha256_initial();

	before->abef = l->abef = _mm_add_epi32(l->abef, initial.abef);
	before->cdgh = l->cdgh = _mm_add_epi32(l->cdgh, initial.cdgh);
}

KERNEL_PART void sha256_extend_end(const struct sha256_lane *l, const struct sha256_lane *before,
				   uint8_t *value)
{
	__m128i abef = _mm_shuffle_epi32(_mm_add_epi32(l->abef, before->abef), 0x1b);
	__m128i cdgh = _mm_shuffle_epi32(_mm_add_epi32(l->cdgh, before->cdgh), 0x1b);

	store(value, swap_words(_mm_unpacklo_epi64(abef, cdgh)));
	store(value + 16, swap_words(_mm_unpackhi_epi64(abef, cdgh)));
}

/* The words of the block that pads a message of 64 bytes, with the constants of their rounds added. */
static const uint32_t sha256_padding[64] = {
	0xc28a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf374, 0x649b69c1, 0xf0fe4786, 0x0fe1edc6, 0x240cf254, 0x4fe9346f,
	0x6cc984be, 0x61b9411e, 0x16f988fa, 0xf2c65152, 0xa88e5a6d, 0xb019fc65, 0xb9d99ec7,
	0x9a1231c3, 0xe70eeaa0, 0xfdb1232b, 0xc7353eb0, 0x3069bad5, 0xcb976d5f, 0x5a0f118f,
	0xdc1eeefd, 0x0a35b689, 0xde0b7a04, 0x58f4ca9d, 0xe15d5b16, 0x007f3e86, 0x37088980,
	0xa507ea32, 0x6fab9537, 0x17406110, 0x0d8cd6f1, 0xcdaa3b6d, 0xc0bbbe37, 0x83613bda,
	0xdb48a363, 0x0b02e931, 0x6fd15ca7, 0x521afaca, 0x31338431, 0x6ed41a95, 0x6d437890,
	0xc39c91f2, 0x9eccabbd, 0xb5c9a0e6, 0x532fb63c, 0xd2c741c6, 0x07237ea3, 0xa4954b68,
	0x4c191d76,
};

KERNEL_PART void extend(const struct extension *const sha256[2], const int n_sha256,
			const struct extension *sha1, const int n_sha1)
{
	struct sha256_lane lane[2], before[2];
	struct sha1_lane l;

	for (int i = 0; i < n_sha256; i++)
		sha256_extend_begin(&lane[i], sha256[i]->value, sha256[i]->digest);
	if (n_sha1)
		sha1_extend_begin(&l, sha1->value, sha1->digest);
#define STEP(g)                                                                                    \
	if (n_sha256)                                                                              \
		sha256_rounds(&lane[0], sha256_words(lane[0].w, g));                               \
	if (n_sha256 == 2)                                                                         \
		sha256_rounds(&lane[1], sha256_words(lane[1].w, g));                               \
	if (n_sha1)                                                                                \
		sha1_group(&l, g);
	GROUPS_16(STEP)
#undef STEP
	for (int i = 0; i < n_sha256; i++)
		sha256_extend_middle(&lane[i], &before[i]);
#define STEP(g)                                                                                    \
	if (n_sha256)                                                                              \
		sha256_rounds(&lane[0], load(&sha256_padding[4 * (g)]));                           \
	if (n_sha256 == 2)                                                                         \
		sha256_rounds(&lane[1], load(&sha256_padding[4 * (g)]));                           \
	if (n_sha1 && (g) < 4)                                                                     \
		sha1_group(&l, 16 + (g));
	GROUPS_16(STEP)
#undef STEP
	for (int i = 0; i < n_sha256; i++)
		sha256_extend_end(&lane[i], &before[i], sha256[i]->value);
	if (n_sha1)
		sha1_extend_end(&l, sha1->value);
}

KERNEL void sha_ni_extend(const struct extension *const sha256[2], size_t n_sha256,
			  const struct extension *sha1)
{
	if (n_sha256 == 2 && sha1)
		extend(sha256, 2, sha1, 1);
	else if (n_sha256 == 2)
		extend(sha256, 2, NULL, 0);
	else if (n_sha256 == 1 && sha1)
		extend(sha256, 1, sha1, 1);
	else if (n_sha256 == 1)
		extend(sha256, 1, NULL, 0);
	else
		extend(sha256, 0, sha1, 1);
}

#else

void sha_ni_one(enum alg alg, uint32_t *h, const uint8_t *at, size_t n_blocks)
{
	(void)alg, (void)h, (void)at, (void)n_blocks;
	assert(!"sha_kernels_available said none");
}

void sha_ni_two(enum alg alg, uint32_t *const h[2], const uint8_t *const at[2], size_t n_blocks)
{
	(void)alg, (void)h, (void)at, (void)n_blocks;
	assert(!"sha_kernels_available said none");
}

void sha_ni_extend(const struct extension *const sha256[2], size_t n_sha256,
		   const struct extension *sha1)
{
	(void)sha256, (void)n_sha256, (void)sha1;
	assert(!"sha_kernels_available said none");
}

#endif
