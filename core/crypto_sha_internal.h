/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of core/crypto_sha share. A kernel is called only where the processor has it. */
#ifndef CORE_CRYPTO_SHA_INTERNAL_H
#define CORE_CRYPTO_SHA_INTERNAL_H

#include "core/crypto_sha.h"

#define SHA_BLOCK 64 /* bytes, of SHA-1 and of SHA-256 */
#define SHA_WORDS 8  /* of a state; SHA-1 has 5 */
#define SHA_LANES 16 /* messages at a time in wide registers: words of 32 bits in one of 512 */

/* The state that a message begins with (FIPS 180-4, 5.3.1, 5.3.3), and the constants of SHA-256's
 * rounds (4.2.2). */
extern const uint32_t sha_initial[2][SHA_WORDS]; /* by enum alg: ALG_SHA1, ALG_SHA256 */
extern const uint32_t sha256_constants[64];

/* The words of a state. */
static inline size_t sha_n_words(enum alg alg)
{
	return alg == ALG_SHA1 ? 5 : 8;
}

/* Blocks that a message of so many bytes is hashed in, its padding among them. */
static inline size_t sha_n_blocks(size_t size)
{
	return size / SHA_BLOCK + (size % SHA_BLOCK + 9 <= SHA_BLOCK ? 1 : 2);
}

/* crypto_sha_ni.c, on SHA instructions: n_blocks from at[i] into the state h[i], of one message or of
 * two side by side. */
void sha_ni_one(enum alg alg, uint32_t *h, const uint8_t *at, size_t n_blocks);
void sha_ni_two(enum alg alg, uint32_t *const h[2], const uint8_t *const at[2], size_t n_blocks);

/* crypto_sha_ni.c: extends up to two registers of SHA-256 and one of SHA-1 (or NULL), side by side; not
 * none at all. */
void sha_ni_extend(const struct extension *const sha256[2], size_t n_sha256,
		   const struct extension *sha1);

/* crypto_sha_wide.c: n_blocks of SHA-256 from at[i] into the state h[i], of up to SHA_LANES messages side by
 * side. It takes as long for one as for all. */
void sha256_wide_blocks(uint32_t *const h[], const uint8_t *const at[], size_t n, size_t n_blocks);

#endif
