/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ima: read an IMA measurement list, binary or text, entry by entry, and replay
 * it into PCR banks. Says what the list says and whether its template hashes
 * hold; whether a file was expected is for audit/ to say.
 *
 * A list is written by the kernel of the machine (securityfs, ima/binary_runtime_measurements,
 * ima/ascii_runtime_measurements and their per-bank forms). Its byte order, the size of its
 * template digests and its form are found out from its first entries. One list has one form.
 *
 * Source:  Linux security/integrity/ima/ima_fs.c, ima_template.c, ima_template_lib.c,
 *          ima_crypto.c (6.x; what older kernels did otherwise is said where it matters).
 * Threads: distinct lists and replays may be used from distinct threads.
 */
#ifndef REPLAY_IMA_IMA_H
#define REPLAY_IMA_IMA_H

#include "core/pcr.h"
#include "core/pieces.h"
#include "replay/record.h"

/* The PCR that kernels use unless their policy says pcr= (CONFIG_IMA_MEASURE_PCR_IDX). */
#define IMA_PCR 10

/* Longest template name or format string: 15 fields of 16 characters (ima_template.c). */
#define IMA_TEMPLATE_NAME_MAX 255
#define IMA_FIELDS_MAX        15

/* --- the list ------------------------------------------------------------------------------- */

enum ima_form {
	IMA_FORM_BINARY_LE,
	IMA_FORM_BINARY_BE,
	IMA_FORM_TEXT,
};

struct ima_list;

/* Most template data of one entry that is read, and most text of a line: kernels measure buffers
 * and signatures of some kilobytes. More is ERROR_LIMIT. */
#define IMA_DATA_MAX (16 * 1024 * 1024)
#define IMA_LINE_MAX (2 * IMA_DATA_MAX)

/*
 * Begins to read a list; bytes and source (what errors call it) are borrowed until the list is
 * freed, the hasher for this call: the first entries are hashed to tell sha256 from sm3_256, and
 * the byte order a text list was written from. No bytes are a list without entries. -1 with
 * ERROR_MALFORMED when it is no IMA list.
 */
int ima_list_open(struct bytes bytes, const char *source, struct hasher *hasher,
		  struct ima_list **out, struct error *err);

/*
 * The same for a list that is read piece by piece, pieces being borrowed until the list is freed.
 * What a record borrows is valid until the next call of ima_list_next, or of ima_replay_next.
 */
int ima_list_open_pieces(struct pieces *pieces, struct hasher *hasher, struct ima_list **out,
			 struct error *err);

void ima_list_free(struct ima_list *list);
void ima_list_freep(struct ima_list **list);

enum ima_form ima_list_form(const struct ima_list *list);

/* Whether integers of the list, or of the bytes that a text list was written from, are big endian. */
bool ima_list_big_endian(const struct ima_list *list);

/* The algorithm of the list's template digests: sha1 unless it is a per-bank list. */
enum alg ima_list_alg(const struct ima_list *list);

/*
 * The next record: 1 and *out, 0 at the end, -1 and *err where the list breaks (and again then).
 * name is the template's name or format as logged; digests[0] the template digest as logged;
 * data the template data as it is in the file. In a text list data are the bytes that the kernel
 * wrote the text from, put together again (data_offset is ERROR_NO_OFFSET), valid until the next
 * call; NULL if the template is unknown, for then nothing says what they were.
 */
int ima_list_next(struct ima_list *list, struct record *out, struct error *err);

/* --- one entry ------------------------------------------------------------------------------ */

/* What a field of a template holds (supported_fields in ima_template.c). */
enum ima_field_id {
	IMA_FIELD_D,            /* "d": digest, SHA-1 or MD5, no algorithm */
	IMA_FIELD_N,            /* "n": name, at most 255 bytes */
	IMA_FIELD_D_NG,         /* "d-ng": "alg:" NUL digest */
	IMA_FIELD_D_NGV2,       /* "d-ngv2": "type:alg:" NUL digest */
	IMA_FIELD_N_NG,         /* "n-ng": name with its NUL */
	IMA_FIELD_SIG,          /* "sig": security.ima as it was on the file */
	IMA_FIELD_BUF,          /* "buf": the measured buffer */
	IMA_FIELD_D_MODSIG,     /* "d-modsig": d-ng of what the appended signature signs */
	IMA_FIELD_MODSIG,       /* "modsig": appended signature, PKCS #7 DER */
	IMA_FIELD_EVMSIG,       /* "evmsig": portable security.evm */
	IMA_FIELD_IUID,         /* "iuid": owner, u32 */
	IMA_FIELD_IGID,         /* "igid": group, u32 */
	IMA_FIELD_IMODE,        /* "imode": st_mode, u16 */
	IMA_FIELD_XATTRNAMES,   /* "xattrnames": names between '|', with a NUL */
	IMA_FIELD_XATTRLENGTHS, /* "xattrlengths": u32 each */
	IMA_FIELD_XATTRVALUES,  /* "xattrvalues": one after the other */
	IMA_FIELD_COUNT,
};

/* "d-ng" and so on. */
const char *ima_field_name(enum ima_field_id id);

struct ima_field {
	enum ima_field_id id;
	struct bytes value; /* without its length prefix; in the list's byte order */
};

enum ima_digest_type {
	IMA_DIGEST_FILE,   /* of the file's (or buffer's) bytes: "ima", or no type stated */
	IMA_DIGEST_VERITY, /* of the file's fs-verity descriptor */
	IMA_DIGEST_OTHER,  /* a type of a newer kernel: type_name */
};

/* A digest field, decoded. Everything is a view into the field. */
struct ima_digest {
	enum ima_digest_type type;
	struct bytes type_name; /* empty where the template states none */
	enum alg alg;           /* ALG_NONE: an algorithm Assay does not know */
	struct bytes alg_name;  /* as logged; empty for "d" */
	struct bytes value;     /* not of alg's size in a violation of some kernels */
};

/*
 * What an entry says. Fields that its template lacks are empty. Views into record.data. A violation
 * was extended as all ones: nothing covers what its entry says, and its digest should be zeros. Of
 * other entries the template hash covers the fields, but not the template's name: a list may call
 * "ima-buf" what was "ima-sig".
 */
struct ima_entry {
	bool is_known; /* the template is: a name of the kernel, or a format of known fields */
	bool is_whole; /* known, each field of its form, and they fill the data to the last byte */
	bool is_violation; /* template digest all zeros: open writers or time of measure, time of use */
	struct ima_digest digest; /* the first of d, d-ng, d-ngv2 */
	struct bytes path; /* n or n-ng without its NUL; the kernel wrote each blank as '_' */
	struct bytes sig;  /* sig: 03 IMA signature, 05 portable EVM, 06 IMA signature on verity */
	struct bytes buf;  /* buf */
	struct ima_digest modsig_digest; /* d-modsig */
	struct bytes modsig;             /* modsig */
	struct bytes evmsig;             /* evmsig */
	size_t n_fields;                 /* the whole ones, in template order */
	struct ima_field fields[IMA_FIELDS_MAX];
};

/*
 * The fields of a record of this list. Never fails: what cannot be told apart is left empty and
 * said by is_known and is_whole; audit judges such an entry by its path and digest only if is_whole.
 */
void ima_entry_parse(const struct ima_list *list, const struct record *record,
		     struct ima_entry *out);

/* --- replay --------------------------------------------------------------------------------- */

/* The two things kernels extend into a bank (each does one of them for a bank, whole list long). */
enum ima_way {
	IMA_OWN,    /* the bank's own hash of the template data (since Linux 5.8) */
	IMA_PADDED, /* the SHA-1 template hash, zeros after it to the bank's size */
	IMA_WAYS,
};

/* What the recomputed template hash says about an entry. */
enum ima_check {
	IMA_CHECK_MATCH,
	IMA_CHECK_MISMATCH,  /* the digest is not the hash of the fields: one of them was changed */
	IMA_CHECK_VIOLATION, /* nothing to compare: zeros are logged, ones extended */
	IMA_CHECK_UNKNOWN, /* text list, unknown template: the bytes that were hashed are not known */
};

/* One entry, after it was extended. Views are valid until the next ima_replay_next. */
struct ima_step {
	struct record record;
	enum ima_check check;
	/* SHA-256 of record.data as computed here, 32 bytes. NULL unless check is IMA_CHECK_MATCH, SHA-256 is
	 * a bank that is replayed or the list's own, and the template hashes its data as they are: not "ima". */
	const uint8_t *sha256;
};

struct ima_replay;

/*
 * A replay of the rest of a list into banks, from reset PCRs. The list is borrowed and read by the
 * replay alone from here on; so is the hasher. ERROR_UNSUPPORTED when libcrypto lacks a bank.
 */
int ima_replay_new(struct ima_list *list, alg_set banks, struct hasher *hasher,
		   struct ima_replay **out, struct error *err);
void ima_replay_free(struct ima_replay *replay);
void ima_replay_freep(struct ima_replay **replay);

/*
 * Extends the next entry: 1 and *out, 0 at the end, -1 and *err where the list breaks; what was
 * replayed before the break stays. Entries are read and hashed some ahead, never handed out early.
 */
int ima_replay_next(struct ima_replay *replay, const struct ima_step **out, struct error *err);

/*
 * The steps that were read ahead of the one handed out last, right behind it: *out is the first of n. For
 * who wants to look at several together; valid until the next ima_replay_next.
 */
size_t ima_replay_ahead(const struct ima_replay *replay, const struct ima_step **out);

/*
 * The value of a PCR now, in one bank and one way: alg_size(alg) bytes, valid until the next step.
 * Empty when it cannot be known: the bank is not replayed, or a text list had an entry whose
 * template hash did not come out, so that this bank's own hash of it is unknown.
 */
struct bytes ima_replay_value(const struct ima_replay *replay, enum alg alg, enum ima_way way,
			      uint32_t pcr);

/*
 * Before the first step: what a PCR holds when the list's first entry is extended, alg_size(alg) bytes.
 * Firmware and boot loaders may have extended it; or the list goes on where another ended.
 */
void ima_replay_set(struct ima_replay *replay, enum alg alg, enum ima_way way, uint32_t pcr,
		    struct bytes value);

/* Before the first step: the list goes on after so many entries: indexes and counts do, too. */
void ima_replay_continue(struct ima_replay *replay, uint64_t n_entries);

/* What the step handed out last extended into a bank, in one way. Empty as for ima_replay_value. */
struct bytes ima_replay_digest(const struct ima_replay *replay, enum alg alg, enum ima_way way);

/* The PCRs that entries so far were extended into. */
pcr_set ima_replay_extended(const struct ima_replay *replay);

/* What was counted so far. */
struct ima_counts {
	uint64_t n_entries;
	uint64_t n_violations;
	uint64_t n_mismatches; /* IMA_CHECK_MISMATCH */
	uint64_t n_unknown;    /* IMA_CHECK_UNKNOWN */
};

struct ima_counts ima_replay_counts(const struct ima_replay *replay);

/*
 * Finds the longest prefix that gives a quoted value, as the replay goes on: set wanted before the
 * first step, call ima_prefix_step after each. A prefix of no entries is no prefix.
 */
struct ima_prefix {
	uint32_t pcr;
	struct digest wanted;         /* alg is the bank */
	bool found[IMA_WAYS];         /* some prefix fits */
	uint64_t first[IMA_WAYS];     /* entries of the shortest that does */
	uint64_t n_entries[IMA_WAYS]; /* of the longest that does; all between the two do, too */
};

void ima_prefix_step(struct ima_prefix *prefix, const struct ima_replay *replay);

#endif
