/* SPDX-License-Identifier: BSD-2-Clause */
/* internal: what the readers of a package share among themselves. */
#ifndef REFGEN_RPM_INTERNAL_H
#define REFGEN_RPM_INTERNAL_H

#include <time.h>

#include "refgen/rpm/filelist.h"
#include "refgen/rpm/rpm.h"

#define RPM_BLOCK_SIZE (256u << 10) /* bytes read from a package at a time */

struct rpm_reader {
	struct rpm_options options;
	struct hasher *whole;   /* the package's bytes */
	struct hasher *sealed;  /* header and payload */
	struct hasher *payload; /* the payload, compressed, later uncompressed */
	struct content *content;
	struct rpm_verifier *verifier;
	uint8_t *block; /* RPM_BLOCK_SIZE bytes; owned */
};

/* A package opened, with its headers in memory and parsed. */
struct rpm_opened {
	const char *source;      /* its name; borrowed */
	int fd;                  /* owned */
	uint64_t size;           /* bytes of the file */
	struct timespec changed; /* its st_ctim */
	uint64_t header_at;      /* offset of the main header */
	uint64_t payload_at;
	struct buf head; /* lead and both headers, and perhaps the beginning of the payload */
	struct rpm_lead lead;
	struct rpm_header signature, main;
};

#define RPM_OPENED_INIT                                                                            \
	{                                                                                          \
		.fd = -1                                                                           \
	}

int rpm_open(const char *path, struct rpm_opened *out, struct error *err);
void rpm_opened_clear(struct rpm_opened *opened);

/* Reads the payload block by block, through a block of the reader's. */
struct rpm_payload_source {
	const struct rpm_opened *opened;
	uint8_t *block;
	uint64_t at; /* offset in the package of the next block */
};
struct byte_source rpm_payload_source(struct rpm_payload_source *state);

/* A line for rpm_package.notes. */
void rpm_note(struct buf *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- verify.c ------------------------------------------------------------------------------- */

struct rpm_seal {
	struct digest artifact; /* SHA-256 of the whole package */
	enum signature_state signature;
	char signer[RPM_SIGNER_SIZE];
};

/* Checks the digests of the header alone: from then on what it says is what its builder said,
 * bar malice. */
int rpm_verify_header(struct rpm_reader *reader, const struct rpm_opened *opened, struct buf *notes,
		      struct error *err);

/* Checks sizes, all other digests and the signatures of a package, reading all of it once. */
int rpm_verify(struct rpm_reader *reader, const struct rpm_opened *opened, struct rpm_seal *out,
	       struct buf *notes, struct error *err);

/* The digests of the uncompressed payload: the algorithms the header has one in ... */
int rpm_alternative_algs(struct rpm_reader *reader, const struct rpm_opened *opened, alg_set *out,
			 struct error *err);
/* ... and whether they are these. */
int rpm_alternative_check(const struct rpm_opened *opened, alg_set algs,
			  const struct digest digests[ALG_COUNT], struct error *err);

/* --- payload.c ------------------------------------------------------------------------------ */

/*
 * Unpacks the payload and sets the contents of set's files; slots[i] is the place in set of the
 * list's file i. Refuses (ERROR_MISMATCH) contents that the header says otherwise, files the header
 * does not name, and files it names that are not there.
 */
int rpm_payload_read(struct rpm_reader *reader, const struct rpm_opened *opened,
		     struct rpm_filelist *list, const size_t *slots, struct file_set *set,
		     struct error *err);

#endif
