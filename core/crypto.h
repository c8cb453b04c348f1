/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto: the only door to libcrypto: digests and public keys. SHA-1 and SHA-256 of messages at
 * hand use the processor's SHA instructions where there are some (crypto_sha).
 *
 * A hasher fetches each algorithm once, when it is made (an implicit fetch
 * costs three times a short hash), and is used by one thread. Distinct hashers
 * may be used from distinct threads.
 */
#ifndef CORE_CRYPTO_H
#define CORE_CRYPTO_H

#include "core/digest.h"

struct hasher;

int hasher_new(struct hasher **out, struct error *err);
void hasher_free(struct hasher *hasher);
void hasher_freep(struct hasher **hasher);

/* False where libcrypto lacks the algorithm (SM3 or MD5 in restricted builds) or alg is ALG_NONE. */
bool hasher_has(const struct hasher *hasher, enum alg alg);

/* Digest of the parts, one after the other. ERROR_UNSUPPORTED where hasher_has says no. */
int hasher_digest(struct hasher *hasher, enum alg alg, const struct bytes *parts, size_t n_parts,
		  struct digest *out, struct error *err);

/* Digest of one run of bytes. */
int hasher_digest_bytes(struct hasher *hasher, enum alg alg, struct bytes bytes, struct digest *out,
			struct error *err);

/*
 * Digests of n messages, out[i] that of messages[i]: as hasher_digest_bytes, but messages that do
 * not depend on each other are hashed side by side.
 */
int hasher_digest_batch(struct hasher *hasher, enum alg alg, const struct bytes *messages, size_t n,
			struct digest *out, struct error *err);

/*
 * What extends do: each of n values (1 or 2, apart from each other) becomes H(value || digest), both
 * of alg_size(alg) bytes. Two are hashed side by side. On failure the values are as before.
 */
int hasher_extend(struct hasher *hasher, enum alg alg, size_t n, uint8_t *const values[],
		  const uint8_t *const digests[], struct error *err);

/* Whether short messages may be hashed by core/crypto_sha, as they are where the processor can. For
 * tests and benchmarks: the digests are the same. */
void hasher_use_kernels(struct hasher *hasher, bool use);

/*
 * A stream hashed in several algorithms at once. Begin, update any number of
 * times, finish; then it may begin again. One stream per hasher at a time;
 * hasher_digest may be called meanwhile.
 */
int hasher_begin(struct hasher *hasher, alg_set algs, struct error *err);
int hasher_update(struct hasher *hasher, struct bytes bytes, struct error *err);
/* out[alg] for each algorithm of the set; the others are untouched. */
int hasher_finish(struct hasher *hasher, struct digest out[ALG_COUNT], struct error *err);

#endif
