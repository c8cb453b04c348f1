/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto_streams: SHA-256 of several streams side by side. Steps of one hash wait for each other, so on
 * SHA instructions two streams cost little more than one, and in the lanes of AVX-512 sixteen cost
 * what five would. Where the processor has neither, libcrypto hashes one after the other: the digests are
 * the same.
 *
 * Sources: FIPS 180-4, 5.1.1 and 6.2.
 * Threads: distinct ones may be used from distinct threads.
 */
#ifndef CORE_CRYPTO_STREAMS_H
#define CORE_CRYPTO_STREAMS_H

#include "core/digest.h"

#define STREAMS_MAX 16

struct streams;

/* n of them, at most STREAMS_MAX, none begun. */
int streams_new(size_t n, struct streams **out, struct error *err);
void streams_free(struct streams *streams);
void streams_freep(struct streams **streams);

/* As hasher_use_kernels. Not while a stream is begun. */
void streams_use_kernels(struct streams *streams, int level);

/* Begins stream i, or begins it anew. */
int streams_begin(struct streams *streams, size_t i, struct error *err);

/* Each stream i takes next[i], which may be empty; of one that is not begun it must be. The more they
 * are alike in size, the more is gained. */
int streams_update(struct streams *streams, const struct bytes next[], struct error *err);

/* Ends stream i. */
int streams_finish(struct streams *streams, size_t i, struct digest *out, struct error *err);

#endif
