/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto_verity: fs-verity digests of files that come piece by piece: the hash of a descriptor that holds the
 * root of a Merkle tree over blocks of 4096 bytes, without salt, as libfsverity and RPM make them. Private to
 * core/crypto: a hasher computes them as ALG_VERITY_*.
 *
 * Source:  Linux Documentation/filesystems/fsverity.rst (Merkle tree, fs-verity descriptor).
 * Threads: distinct ones may be used from distinct threads, if their hashers are.
 */
#ifndef CORE_CRYPTO_VERITY_H
#define CORE_CRYPTO_VERITY_H

#include "core/crypto.h"

struct verity;

/* alg is ALG_VERITY_*. */
int verity_new(enum alg alg, struct verity **out, struct error *err);
void verity_free(struct verity *verity);

/* Begins a file, or begins anew. */
void verity_begin(struct verity *verity);

/* hasher computes the hashes; it is not kept. */
int verity_update(struct verity *verity, struct hasher *hasher, struct bytes bytes,
		  struct error *err);
int verity_finish(struct verity *verity, struct hasher *hasher, struct digest *out,
		  struct error *err);

#endif
