/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rpm: an RPM package becomes the reference values of its files.
 *
 * A package is read twice, block by block: once to check its own digests and signatures, then,
 * sound, to unpack it and hash each file. Nothing is written to disk, and beside the headers no
 * more than a few blocks are in memory.
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

#endif
