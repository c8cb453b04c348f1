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
 * Digests of n messages with each algorithm of a set: out[alg][i] is that of messages[i], as
 * hasher_digest_bytes gives it, but messages that do not depend on each other are hashed side by side.
 */
int hasher_digest_batch(struct hasher *hasher, alg_set algs, const struct bytes *messages, size_t n,
			struct digest *const out[], struct error *err);

/* A register and what is extended into it: both of alg_size(alg) bytes. */
struct extension {
	enum alg alg;
	uint8_t *value; /* becomes H(value || digest) */
	const uint8_t *digest;
};

/*
 * Extends n registers, which lie apart from each other: they are hashed side by side. On failure some of
 * them may have been extended.
 */
int hasher_extend(struct hasher *hasher, const struct extension *extensions, size_t n,
		  struct error *err);

/*
 * How far core/crypto_sha may use what the processor has: 0 not at all, 1 its SHA instructions, 2 wide
 * registers too (as it does of itself). For tests and benchmarks: the digests are the same.
 */
void hasher_use_kernels(struct hasher *hasher, int level);

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
