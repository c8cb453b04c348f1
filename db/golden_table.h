/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * golden_table: paths and digests of chosen releases in memory, for golden.c.
 *
 * One arena holds a record per canonical path: its bytes, and right behind them
 * the digests of the first file that had it, so that a look-up that ends well
 * touches one slot and one record. Further digests of the path (other versions,
 * other algorithms) are entries further on, in a list. A table of slots leads from
 * the hash of a path to its record. A slot has 32 bits of the hash, to pass over
 * others untouched; what it leads to is compared whole, since neither hashes nor
 * digests (MD5, SHA-1) keep an attacker from making two alike.
 *
 * Whoever asks for a million things in turn waits a million times for memory. So
 * files are added in batches: first what each will touch is asked for
 * (prefetched), then it is touched.
 *
 * Threads: made by one, then immutable.
 */
#ifndef DB_GOLDEN_TABLE_H
#define DB_GOLDEN_TABLE_H

#include "db/db.h"
#include "db/hash.h"

/* What is known of a path, of a digest, or of both together, over all files. */
enum {
	MARK_CHOSEN = 1 << 0,     /* in a chosen release */
	MARK_OTHER = 1 << 1,      /* in another one */
	MARK_EXECUTABLE = 1 << 2, /* some of the files is */
};

/* A digest that a path may have; its bytes follow. */
struct golden_entry {
	uint32_t next; /* place of the path's next entry; 0 if none */
	uint8_t alg;
	uint8_t marks; /* of this digest under this path */
	uint8_t value[];
};

struct golden_record {
	uint32_t first;    /* place of its first entry; 0 if none */
	uint8_t is_record; /* GOLDEN_RECORD, where entries have their algorithm */
	uint8_t marks;
	uint8_t flags; /* FILE_* of its files in chosen releases */
	uint8_t unused;
	uint16_t size; /* of the path */
	uint16_t algs; /* alg_set of its entries in chosen releases */
	uint8_t path[];
};
#define GOLDEN_RECORD 0xff

/* A file that is to be added. Borrowed until golden_table_add has returned. */
struct golden_candidate {
	struct bytes path;      /* canonical */
	const uint8_t *digests; /* of algs, one after the other in the order of enum alg */
	alg_set algs;           /* MD5 is passed over */
	uint8_t marks, flags;
	uint32_t tag; /* golden_table_expect's */
};

struct golden_table;

/* Room for some n_files paths at first; it grows. */
int golden_table_new(size_t n_files, struct golden_table **out, struct error *err);
void golden_table_free(struct golden_table *table);
void golden_table_freep(struct golden_table **table);

/* The upper half of a path's hash: it says where a search begins, and passes over most others. */
uint32_t golden_table_tag(const struct golden_table *table, struct bytes path);
/* Asks for the slots where a search for the tag begins. */
void golden_table_expect(const struct golden_table *table, uint32_t tag);

/* Adds files, in this order. */
int golden_table_add(struct golden_table *table, const struct golden_candidate *files, size_t n,
		     struct error *err);
/* After the last of them: makes the table of digests. */
int golden_table_finish(struct golden_table *table, struct error *err);

/* The record of a canonical path, or NULL. */
const struct golden_record *golden_table_find(const struct golden_table *table, struct bytes path,
					      uint32_t tag);
/* The entry of a digest under a path, or NULL. */
const struct golden_entry *golden_table_entry(const struct golden_table *table,
					      const struct golden_record *record,
					      const struct digest *digest);
/* The marks of a digest under whatever path; 0 if there is none such. */
uint8_t golden_table_digest(const struct golden_table *table, const struct digest *digest);

#endif
