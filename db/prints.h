/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prints: fingerprints of files, a path and a digest together: what an audit asks about a file which is
 * what it should be.
 *
 * The print of a file is the SHA-256 of the template data that the kernel logs for it in the template
 * "ima-ng": so the template hash of an entry, which is computed to check the entry, is the print of what it
 * says, and asking costs nothing more. Those data begin each part with its length: two files have the same
 * data only if path, algorithm and digest are the same.
 *
 * The prints of an artifact are a blob of the database, made when the artifact is imported. Integers are
 * little endian.
 *
 *     prints     u8 version (1), u8 zero, u64 number of the artifact, u32 n_files, u32 n_prints,
 *                n_prints prints of 32 bytes: of each file that has a plain path, in the order of the
 *                manifest, one for each digest that is not MD5, in the order of enum alg
 *
 * Source:  Linux security/integrity/ima/ima_template_lib.c (d-ng, n-ng).
 * Threads: no shared state.
 */
#ifndef DB_PRINTS_H
#define DB_PRINTS_H

#include "core/crypto.h"
#include "core/reader.h"
#include "db/db.h"

#define PRINT_SIZE 32

/* Prints that are computed side by side. */
#define PRINTS_BATCH 64

/* Some prints to compute. Plain data; not to be cleared but by prints_clear. */
struct print_batch {
	size_t n;
	size_t used; /* of room */
	struct bytes messages[PRINTS_BATCH];
	struct digest
		digests[PRINTS_BATCH]; /* what came out; the first PRINT_SIZE bytes of each count */
	uint8_t room[32 * 1024];
};

void prints_clear(struct print_batch *batch);

/*
 * Adds a file: path is canonical (golden_path) and copied, value has alg_size(alg) bytes. False if there
 * is no room: then compute what is there, clear it, and add it again. path has less than
 * GOLDEN_PATH_MAX bytes.
 */
bool prints_add(struct print_batch *batch, struct bytes path, enum alg alg, const uint8_t *value);
int prints_compute(struct print_batch *batch, struct hasher *hasher, struct error *err);

/* The blob of an artifact of that number with that manifest, which source names in errors. */
int prints_encode(int64_t artifact, struct bytes manifest, struct hasher *hasher,
		  const char *source, struct buf *out, struct error *err);

struct prints {
	uint64_t artifact;
	uint32_t n_files;
	struct bytes prints; /* n * PRINT_SIZE; borrowed from the blob */
};

int prints_decode(struct bytes blob, const char *source, struct prints *out, struct error *err);

#endif
