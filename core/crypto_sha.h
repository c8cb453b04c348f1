/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto_sha: SHA-1 and SHA-256 on the processor's SHA instructions, for many short messages:
 * there libcrypto's cost per call is several times that of the hash. Private to core/crypto.
 *
 * Sources: FIPS 180-4, 6.1 and 6.2; Intel SDM volume 2, SHA1RNDS4 to SHA256RNDS2.
 */
#ifndef CORE_CRYPTO_SHA_H
#define CORE_CRYPTO_SHA_H

#include "core/digest.h"

/* True where this processor has the instructions. Asks it each time: keep the answer. */
bool sha_kernels_available(void);

/* True for what the functions below compute: SHA-1 and SHA-256. */
bool sha_kernels_have(enum alg alg);

/* Digest of the parts, one after the other: alg_size(alg) bytes to out. */
void sha_digest(enum alg alg, const struct bytes *parts, size_t n_parts, uint8_t *out);

/* Blocks that a message of so many bytes is hashed in, its padding among them. */
size_t sha_n_blocks(size_t size);

/* Digests of two messages of the same number of blocks: hashed side by side, little slower than one. */
void sha_digest_pair(enum alg alg, struct bytes a, struct bytes b, uint8_t *out_a, uint8_t *out_b);

/*
 * What extends do: each of n values (1 or 2) becomes H(value || digest), both of alg_size(alg)
 * bytes; two are hashed side by side.
 */
void sha_extend(enum alg alg, size_t n, uint8_t *const values[], const uint8_t *const digests[]);

#endif
