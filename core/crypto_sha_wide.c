/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_sha_internal.h"

#include <assert.h>

#define LANES SHA_LANES

#if defined(__x86_64__)

#include <immintrin.h>

#define WIDE      __attribute__((target("avx512f,avx512bw")))
#define WIDE_PART WIDE __attribute__((always_inline)) static inline

/* Steps written out, so that what they index is kept in registers. */
#define STEPS_4(STEP, i)  STEP(i) STEP((i) + 1) STEP((i) + 2) STEP((i) + 3)
#define STEPS_8(STEP, i)  STEPS_4(STEP, i) STEPS_4(STEP, (i) + 4)
#define STEPS_16(STEP, i) STEPS_8(STEP, i) STEPS_8(STEP, (i) + 8)

/* The next block of each lane: words[i] becomes word i of all. A square of 16 by 16 words is turned over,
 * by squares of 2, 4, 8 and 16. */
WIDE static void load_words(__m512i words[16], const uint8_t *const at[LANES])
{
	const __m512i swap =
		_mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
	__m512i w[16], t[16];

#define LOAD(i) w[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(at[i]), swap);
#define TURN_2(i)                                                                                  \
	t[2 * (i)] = _mm512_unpacklo_epi32(w[2 * (i)], w[2 * (i) + 1]);                            \
	t[2 * (i) + 1] = _mm512_unpackhi_epi32(w[2 * (i)], w[2 * (i) + 1]);
#define TURN_4(i)                                                                                  \
	w[4 * (i)] = _mm512_unpacklo_epi64(t[4 * (i)], t[4 * (i) + 2]);                            \
	w[4 * (i) + 1] = _mm512_unpackhi_epi64(t[4 * (i)], t[4 * (i) + 2]);                        \
	w[4 * (i) + 2] = _mm512_unpacklo_epi64(t[4 * (i) + 1], t[4 * (i) + 3]);                    \
	w[4 * (i) + 3] = _mm512_unpackhi_epi64(t[4 * (i) + 1], t[4 * (i) + 3]);
#define TURN_8(i)                                                                                  \
	t[i] = _mm512_shuffle_i32x4(w[i], w[(i) + 4], 0x88);                                       \
	t[(i) + 4] = _mm512_shuffle_i32x4(w[i], w[(i) + 4], 0xdd);                                 \
	t[(i) + 8] = _mm512_shuffle_i32x4(w[(i) + 8], w[(i) + 12], 0x88);                          \
	t[(i) + 12] = _mm512_shuffle_i32x4(w[(i) + 8], w[(i) + 12], 0xdd);
#define TURN_16(i)                                                                                 \
	words[i] = _mm512_shuffle_i32x4(t[i], t[(i) + 8], 0x88);                                   \
	words[(i) + 8] = _mm512_shuffle_i32x4(t[i], t[(i) + 8], 0xdd);                             \
	words[(i) + 4] = _mm512_shuffle_i32x4(t[(i) + 4], t[(i) + 12], 0x88);                      \
	words[(i) + 12] = _mm512_shuffle_i32x4(t[(i) + 4], t[(i) + 12], 0xdd);
	STEPS_16(LOAD, 0)
	STEPS_8(TURN_2, 0)
	STEPS_4(TURN_4, 0)
	STEPS_4(TURN_8, 0)
	STEPS_4(TURN_16, 0)
}

/* In this order: compilers would sum in one where each round waits longer for the one before. */
WIDE_PART __m512i add(__m512i a, __m512i b)
{
	__m512i sum = _mm512_add_epi32(a, b);

	__asm__("" : "+v"(sum));
	return sum;
}

/* Of three words: their sum without carry; b where a has ones and else c; what most have. */
#define XOR3(a, b, c)     _mm512_ternarylogic_epi32(a, b, c, 0x96)
#define CHOOSE(a, b, c)   _mm512_ternarylogic_epi32(a, b, c, 0xca)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0xe8)

/* Word i (a, b, c ... of FIPS 180-4) of all lanes in a round. They move on by a place each round: here
 * their names do. */
#define STATE(i, round, n) s[((i) + 80 * (n) - (round)) % (n)]

/* --- SHA-1 (FIPS 180-4, 6.1.2) ------------------------------------------------------------------ */

WIDE_PART void sha1_round(__m512i s[5], __m512i w[16], const int i)
{
	static const uint32_t k[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
	__m512i *a = &STATE(0, i, 5), *b = &STATE(1, i, 5), *c = &STATE(2, i, 5);
	__m512i *d = &STATE(3, i, 5), *e = &STATE(4, i, 5);
	__m512i f = i / 20 == 0   ? CHOOSE(*b, *c, *d)
		    : i / 20 == 2 ? MAJORITY(*b, *c, *d)
				  : XOR3(*b, *c, *d);

	if (i >= 16)
		w[i % 16] =
			_mm512_rol_epi32(_mm512_xor_si512(XOR3(w[(i + 13) % 16], w[(i + 8) % 16],
							       w[(i + 2) % 16]),
							  w[i % 16]),
					 1);
	*e = add(add(add(*e, add(w[i % 16], _mm512_set1_epi32((int)k[i / 20]))), f),
		 _mm512_rol_epi32(*a, 5));
	*b = _mm512_rol_epi32(*b, 30);
}

WIDE static void sha1_wide(uint32_t h[SHA_WORDS][LANES], const __m512i words[16])
{
	__m512i s[5], w[16];

#define WORD(i)  w[i] = words[i];
#define BEGIN(i) s[i] = _mm512_loadu_si512(h[i]);
#define ROUND(i) sha1_round(s, w, i);
#define END(i)   _mm512_storeu_si512(h[i], add(s[i], _mm512_loadu_si512(h[i])));
	STEPS_16(WORD, 0)
	STEPS_4(BEGIN, 0)
	BEGIN(4)
	STEPS_16(ROUND, 0)
	STEPS_16(ROUND, 16)
	STEPS_16(ROUND, 32)
	STEPS_16(ROUND, 48)
	STEPS_16(ROUND, 64)
	STEPS_4(END, 0)
	END(4)
#undef ROUND
}

/* --- SHA-256 (FIPS 180-4, 6.2.2) ---------------------------------------------------------------- */

#define ROR3(a, i, j, k)                                                                           \
	XOR3(_mm512_ror_epi32(a, i), _mm512_ror_epi32(a, j), _mm512_ror_epi32(a, k))
#define ROR2_SHR(a, i, j, k)                                                                       \
	XOR3(_mm512_ror_epi32(a, i), _mm512_ror_epi32(a, j), _mm512_srli_epi32(a, k))

WIDE_PART void sha256_round(__m512i s[8], __m512i w[16], const int i)
{
	__m512i *a = &STATE(0, i, 8), *b = &STATE(1, i, 8), *c = &STATE(2, i, 8);
	__m512i *d = &STATE(3, i, 8), *e = &STATE(4, i, 8), *f = &STATE(5, i, 8);
	__m512i *g = &STATE(6, i, 8), *h = &STATE(7, i, 8);

	if (i >= 16)
		w[i % 16] = add(add(w[i % 16], w[(i + 9) % 16]),
				add(ROR2_SHR(w[(i + 1) % 16], 7, 18, 3),
				    ROR2_SHR(w[(i + 14) % 16], 17, 19, 10)));
	*h = add(add(add(*h, add(w[i % 16], _mm512_set1_epi32((int)sha256_constants[i]))),
		     CHOOSE(*e, *f, *g)),
		 ROR3(*e, 6, 11, 25));
	*d = add(*d, *h);
	*h = add(*h, add(MAJORITY(*a, *b, *c), ROR3(*a, 2, 13, 22)));
}

WIDE static void sha256_wide(uint32_t h[SHA_WORDS][LANES], const __m512i words[16])
{
	__m512i s[8], w[16];

#define ROUND(i) sha256_round(s, w, i);
	STEPS_16(WORD, 0)
	STEPS_8(BEGIN, 0)
	STEPS_16(ROUND, 0)
	STEPS_16(ROUND, 16)
	STEPS_16(ROUND, 32)
	STEPS_16(ROUND, 48)
	STEPS_8(END, 0)
#undef ROUND
}

WIDE void sha256_wide_blocks(uint32_t *const h[], const uint8_t *const at[], size_t n,
			     size_t n_blocks)
{
	/* A lane without a message hashes the first one's bytes into a state that nobody asks for. */
	const uint8_t *from[LANES];
	uint32_t states[SHA_WORDS][LANES];
	__m512i words[16];

	assert(n > 0 && n <= LANES);
	for (size_t i = 0; i < LANES; i++) {
		const size_t of = i < n ? i : 0;

		from[i] = at[of];
		for (size_t j = 0; j < SHA_WORDS; j++)
			states[j][i] = h[of][j];
	}
	for (size_t block = 0; block < n_blocks; block++) {
		load_words(words, from);
		sha256_wide(states, words);
		for (size_t i = 0; i < LANES; i++)
			from[i] += SHA_BLOCK;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < SHA_WORDS; j++)
			h[i][j] = states[j][i];
}

/* --- messages ------------------------------------------------------------------------------------ */

/* A message on its way: its whole blocks where they are, then in tail what is left and the padding. */
struct lane {
	size_t message;  /* which one; n when there was none left */
	size_t n_blocks; /* left at at[lane] */
	bool in_tail;
	uint8_t tail[2 * SHA_BLOCK];
};

struct batch {
	alg_set algs; /* SHA-1, SHA-256 or both: their blocks are the same */
	const struct bytes *messages;
	size_t n;
	size_t next;     /* not yet begun */
	size_t n_active; /* lanes that have a message */
	struct lane lanes[LANES];
	const uint8_t
		*at[LANES]; /* the next block of each; some block for a lane without a message */
	uint32_t h[2][SHA_WORDS][LANES]; /* by algorithm */
};

/* What follows the whole blocks: what is left, one bit, zeros, the length in bits (FIPS 180-4, 5.1.1). */
WIDE static void lane_pad(struct batch *batch, int i)
{
	struct lane *lane = &batch->lanes[i];
	struct bytes message = batch->messages[lane->message];
	size_t n_left = message.size % SHA_BLOCK;
	uint64_t n_bits = __builtin_bswap64((uint64_t)message.size << 3);
	/* An empty message may have no address. */
	const uint8_t *from = n_left ? message.data + (message.size - n_left) : lane->tail;
	/* Reads no byte whose bit is not set. */
	__m512i left = _mm512_maskz_loadu_epi8(((__mmask64)1 << n_left) - 1, from);

	lane->in_tail = true;
	lane->n_blocks = sha_n_blocks(n_left);
	_mm512_storeu_si512(lane->tail, left);
	_mm512_storeu_si512(lane->tail + SHA_BLOCK, _mm512_setzero_si512());
	lane->tail[n_left] = 0x80;
	memcpy(lane->tail + lane->n_blocks * SHA_BLOCK - sizeof(n_bits), &n_bits, sizeof(n_bits));
	batch->at[i] = lane->tail;
}

/* Gives a lane the next message, or none. */
WIDE static void lane_begin(struct batch *batch, int i)
{
	struct lane *lane = &batch->lanes[i];
	struct bytes message;

	lane->message = batch->next;
	if (batch->next == batch->n) {
		batch->n_active--;
		batch->at[i] = lane->tail;
		return;
	}
	message = batch->messages[batch->next++];
	for (enum alg alg = ALG_SHA1; alg <= ALG_SHA256; alg++)
		for (size_t j = 0; j < SHA_WORDS; j++)
			batch->h[alg][j][i] = sha_initial[alg][j];
	lane->in_tail = false;
	lane->n_blocks = message.size / SHA_BLOCK;
	batch->at[i] = message.data;
	if (lane->n_blocks == 0)
		lane_pad(batch, i);
}

static void lane_write(const struct batch *batch, int i, struct digest *const out[])
{
	for (enum alg alg = ALG_SHA1; alg <= ALG_SHA256; alg++) {
		if (!(batch->algs & 1u << alg))
			continue;
		for (size_t j = 0; j < sha_n_words(alg); j++) {
			uint32_t word = __builtin_bswap32(batch->h[alg][j][i]);

			memcpy(out[alg][batch->lanes[i].message].value + sizeof(word) * j, &word,
			       sizeof(word));
		}
	}
}

/* A block of each lane. */
WIDE static void step(struct batch *batch, struct digest *const out[])
{
	__m512i words[16];

	load_words(words, batch->at);
	if (batch->algs & 1u << ALG_SHA1)
		sha1_wide(batch->h[ALG_SHA1], words);
	if (batch->algs & 1u << ALG_SHA256)
		sha256_wide(batch->h[ALG_SHA256], words);
	for (int i = 0; i < LANES; i++) {
		struct lane *lane = &batch->lanes[i];

		if (lane->message == batch->n)
			continue;
		batch->at[i] += SHA_BLOCK;
		if (--lane->n_blocks)
			continue;
		if (!lane->in_tail) {
			lane_pad(batch, i);
			continue;
		}
		lane_write(batch, i, out);
		lane_begin(batch, i);
	}
}

/* The next n_blocks of one lane, by itself. */
static void lane_blocks(struct batch *batch, int i)
{
	for (enum alg alg = ALG_SHA1; alg <= ALG_SHA256; alg++) {
		uint32_t h[SHA_WORDS];

		if (!(batch->algs & 1u << alg))
			continue;
		for (size_t j = 0; j < SHA_WORDS; j++)
			h[j] = batch->h[alg][j][i];
		sha_ni_one(alg, h, batch->at[i], batch->lanes[i].n_blocks);
		for (size_t j = 0; j < SHA_WORDS; j++)
			batch->h[alg][j][i] = h[j];
	}
}

/* The rest of one message. */
static void finish(struct batch *batch, int i, struct digest *const out[])
{
	lane_blocks(batch, i);
	if (!batch->lanes[i].in_tail) {
		lane_pad(batch, i);
		lane_blocks(batch, i);
	}
	lane_write(batch, i, out);
}

void sha_digest_wide(alg_set algs, const struct bytes *messages, size_t n,
		     struct digest *const out[])
{
	struct batch batch;

	batch.algs = algs;
	batch.messages = messages;
	batch.n = n;
	batch.next = 0;
	batch.n_active = LANES;
	for (int i = 0; i < LANES; i++)
		lane_begin(&batch, i);
	while (batch.n_active >= SHA_WIDE_WORTH)
		step(&batch, out);
	for (int i = 0; i < LANES; i++)
		if (batch.lanes[i].message != n)
			finish(&batch, i, out);
}

#else

void sha_digest_wide(alg_set algs, const struct bytes *messages, size_t n,
		     struct digest *const out[])
{
	(void)algs, (void)messages, (void)n, (void)out;
	assert(!"sha_kernels_available said none");
}

void sha256_wide_blocks(uint32_t *const h[], const uint8_t *const at[], size_t n, size_t n_blocks)
{
	(void)h, (void)at, (void)n, (void)n_blocks;
	assert(!"sha_kernels_available said none");
}

#endif
