/* SPDX-License-Identifier: BSD-2-Clause */
/* internal: what the readers of a package share among themselves. */
#ifndef REFGEN_RPM_INTERNAL_H
#define REFGEN_RPM_INTERNAL_H

#include <time.h>

#include "core/crypto_streams.h"
#include "refgen/rpm/filelist.h"
#include "refgen/rpm/rpm.h"

#define RPM_BLOCK_SIZE   (256u << 10) /* bytes read from a package at a time to unpack them */
#define RPM_HASHING_SIZE (64u << 10)  /* to hash them: those of several packages fit in a cache */

struct rpm_reader {
	struct rpm_options options;
	struct hasher *hasher; /* of the header, of the payload uncompressed; at times idle */
	struct content *content;
	struct rpm_verifier *verifier;
	uint8_t *block; /* RPM_BLOCK_SIZE bytes; owned */
	/* Packages at work at a time; each has two of the streams. */
	size_t n_slots;
	struct rpm_slot *slots; /* owned */
	struct streams *streams;
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

/* Into one that is RPM_OPENED_INIT or closed; cleared on failure. */
int rpm_open(const char *path, struct rpm_opened *out, struct error *err);
/* Clears all but the room for headers, for the next package. */
void rpm_opened_close(struct rpm_opened *opened);
void rpm_opened_clear(struct rpm_opened *opened);

/* Reads the payload block by block, through a block of the reader's. */
struct rpm_payload_source {
	const struct rpm_opened *opened;
	uint8_t *block;
	uint64_t at; /* offset in the package of the next block */
};
struct byte_source rpm_payload_source(struct rpm_payload_source *state);

/* size bytes of the package from offset on, which the file had when it was opened. */
int rpm_read_at(const struct rpm_opened *opened, uint8_t *out, size_t size, uint64_t offset,
		struct error *err);

/* A binary package says whose sources it is made of; its lead must agree. */
int rpm_check_source(const struct rpm_opened *opened, bool *source, struct error *err);

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

/*
 * Every byte of a package on its way through the digests: SHA-256 of the whole and of the payload, as
 * two of several streams side by side, others by themselves.
 */
struct rpm_hashing {
	const struct rpm_opened *opened;
	uint64_t at;                                       /* offset of what comes next */
	alg_set over_both, payload_algs, alternative_algs; /* that the package states digests in */
	struct hasher
		*sealed; /* header and payload; made at first use, kept; owned, as the next two */
	struct hasher *payload; /* by what is not SHA-256 */
	uint8_t *block;         /* RPM_HASHING_SIZE bytes */
};

/* Checks the sizes a package states and begins. first and first + 1 are the streams of whole and payload. */
int rpm_hashing_begin(struct rpm_reader *reader, struct rpm_hashing *hashing, size_t first,
		      const struct rpm_opened *opened, struct buf *notes, struct error *err);
/* What the two streams shall take next, valid until the next call: 1, 0 at the end, -1 and *err. */
int rpm_hashing_next(struct rpm_hashing *hashing, struct bytes next[2], struct error *err);
/* Compares all digests with what the package states. */
int rpm_hashing_finish(struct rpm_reader *reader, struct rpm_hashing *hashing, size_t first,
		       struct rpm_seal *out, struct error *err);
void rpm_hashing_clear(struct rpm_hashing *hashing);

/* Judges the signatures of a package; seal has its digest already. */
int rpm_verify_signatures(struct rpm_reader *reader, const struct rpm_opened *opened,
			  struct rpm_seal *seal, struct buf *notes, struct error *err);

/* The digests of the uncompressed payload: the algorithms the header has one in ... */
int rpm_alternative_algs(struct rpm_reader *reader, const struct rpm_opened *opened, alg_set *out,
			 struct error *err);
/* ... and whether they are these. */
int rpm_alternative_check(const struct rpm_opened *opened, alg_set algs,
			  const struct digest digests[ALG_COUNT], struct error *err);

/* --- package.c ------------------------------------------------------------------------------ */

/* The artifact and the files of a package that was verified. */
int rpm_package_read(struct rpm_reader *reader, const struct rpm_opened *opened,
		     const struct rpm_seal *seal, struct rpm_package *package, struct error *err);

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
