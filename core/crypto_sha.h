/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto_sha: SHA-1 and SHA-256 on the processor's own instructions, for many short messages:
 * there libcrypto's cost per call is several times that of the hash. Private to core/crypto.
 *
 *     crypto_sha.c        messages into blocks
 *     crypto_sha_ni.c     blocks on SHA instructions: one or two messages, and extends
 *     crypto_sha_wide.c   sixteen messages at once in the lanes of AVX-512
 *
 * Sources: FIPS 180-4, 5 and 6.1 to 6.2; Intel SDM volume 2, SHA1RNDS4 to SHA256RNDS2.
 */
#ifndef CORE_CRYPTO_SHA_H
#define CORE_CRYPTO_SHA_H

#include "core/crypto.h"

/* What this processor has. Asks it each time: keep the answer. */
enum sha_kernels {
	SHA_KERNELS_NONE,
	SHA_KERNELS_NI,   /* SHA instructions: all below but sha_digest_wide */
	SHA_KERNELS_WIDE, /* AVX-512, too: all */
};

enum sha_kernels sha_kernels_available(void);

/* True for what the functions below compute: SHA-1 and SHA-256. */
bool sha_kernels_have(enum alg alg);

/* Digest of the parts, one after the other: alg_size(alg) bytes to out. */
void sha_digest(enum alg alg, const struct bytes *parts, size_t n_parts, uint8_t *out);

/* Digests of messages: two of the same number of blocks at a time are hashed side by side. */
void sha_digest_pairs(enum alg alg, const struct bytes *messages, size_t n, struct digest *out);

/* The same, sixteen at a time, with one algorithm or both: out[alg][i] is of messages[i]. For fewer than
 * SHA_WIDE_WORTH messages it is no gain. */
#define SHA_WIDE_WORTH 6
void sha_digest_wide(alg_set algs, const struct bytes *messages, size_t n,
		     struct digest *const out[]);

/* Extends the registers of an algorithm that there are kernels of; the others are passed over. */
void sha_extend(const struct extension *extensions, size_t n);

#endif
