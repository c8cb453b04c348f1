/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rpm: an RPM package becomes the reference values of its files.
 *
 * A package is read twice, block by block: once to check its own digests and signatures, then,
 * sound, to unpack it and hash each file. Nothing is written to disk, and beside the headers no
 * more than a few blocks are in memory. Where nothing is to be unpacked, eight packages at a time are
 * read and hashed side by side.
 *
 * Source:  rpm docs/manual/format_v3.md, format_v4.md, format_v6.md, signatures_digests.md.
 * Threads: a reader belongs to one thread; options and the keyring are shared.
 */
#ifndef REFGEN_RPM_RPM_H
#define REFGEN_RPM_RPM_H

#include "refgen/files/files.h"
#include "refgen/rpm/keyring.h"

struct rpm_options {
	alg_set algs;                      /* digests every file shall have */
	bool header_only;                  /* take the header's digests, unpack nothing */
	bool require_signed;               /* refuse what no key of the keyring verifies */
	const struct rpm_keyring *keyring; /* NULL: none */
	/* True if nothing is to be gained from the package of this digest: it is not unpacked. May be
	 * NULL; called from the readers' threads. */
	bool (*known)(void *ctx, const struct digest *artifact);
	void *known_ctx;
};

enum rpm_outcome {
	RPM_READ,   /* set holds its files */
	RPM_KNOWN,  /* known said so; set holds the artifact, without files */
	RPM_SOURCE, /* a source package: its files are never installed; set is NULL */
};

struct rpm_package {
	enum rpm_outcome outcome;
	struct file_set *set;
	/* What is worth knowing though it was read: one line each, NUL-terminated, one after the
	 * other. Owned. */
	struct buf notes;
	/* Algorithms asked for that not every file has a digest of (header_only). */
	alg_set lacking;
	/* Of the files' fs-verity signatures: ALG_NONE where the package says one that nobody knows. */
	enum alg verity_alg;
};

struct rpm_reader;

int rpm_reader_new(const struct rpm_options *options, struct rpm_reader **out, struct error *err);
void rpm_reader_free(struct rpm_reader *reader);
void rpm_reader_freep(struct rpm_reader **reader);

/*
 * Reads one package; path names it in errors. ERROR_MISMATCH: a digest or a signature does not
 * hold, or it is not signed as required. Other codes: it is damaged, not a package, or cannot be
 * read.
 */
int rpm_read(struct rpm_reader *reader, const char *path, struct rpm_package *out,
	     struct error *err);
void rpm_package_clear(struct rpm_package *package);

/* Where rpm_read_all gets packages, and what becomes of them. */
struct rpm_queue {
	void *ctx;
	/* The next path, which must stay, and what it is called; NULL when there is none. With wait
	 * false, some are at work: there may be another later. */
	const char *(*take)(void *ctx, bool wait, size_t *item);
	/* package is the queue's from here; NULL: it failed, and why. */
	void (*give)(void *ctx, size_t item, const struct rpm_package *package,
		     const struct error *why);
};

/* Reads packages as rpm_read does until there are none, several at a time where that is faster. They are
 * given in any order. */
void rpm_read_all(struct rpm_reader *reader, const struct rpm_queue *queue);

#endif
