/* SPDX-License-Identifier: BSD-2-Clause */
/* What the judges of the IMA log share. */
#ifndef AUDIT_JUDGE_IMA_H
#define AUDIT_JUDGE_IMA_H

#include "audit/judge.h"

/* Entries hashed with one algorithm that is weaker than it should be. */
struct weak_digests {
	uint64_t n;
	uint64_t first_index, first_offset;
};

/* What is known of the next entries, which are looked up together. */
#define LOOKUPS_MAX 64
struct ima_lookups {
	uint64_t first; /* index of the first of them */
	size_t n;
	bool answered[LOOKUPS_MAX];
	bool known[LOOKUPS_MAX];    /* an entry of a file that is as the database has it */
	uint8_t print[LOOKUPS_MAX]; /* which of prints; UINT8_MAX: its template hash is none */
	struct golden_fingerprint prints[LOOKUPS_MAX];
};

/* A key that signatures hold with: how many. */
struct signer_count {
	struct signer_count *next;
	const struct public_key *key; /* never looked into: which one it is */
	const char *shown;
	uint64_t n;
};

/* Keys that entries of the log put into keyrings. */
struct keyring_walk {
	uint64_t n_known, n_foreign, n_unknown; /* unknown: of keyrings that releases do not say */
};

/* Signatures of files so far. */
struct signature_walk {
	uint64_t n_entries; /* with a signature, checked or not */
	uint64_t n_signed, n_good, n_wrong, n_no_key, n_unsupported;
	uint64_t n_other_release;                    /* by a key of a release that does not count */
	struct signer_count *signers, **last_signer; /* in the report's arena */
	size_t n_signers;
	uint64_t n_accepted;   /* files of no package that the policy takes for their signature */
	uint64_t n_as_shipped; /* the signature is the package's own */
	uint64_t n_unread_keys;
	const char *signer; /* of this entry, if what is signed of it holds; else NULL */
};

/* The log on its way. */
struct ima_walk {
	struct judge *judge;
	const struct bundle_file *file;

	uint64_t n_aggregates; /* boot_aggregate entries so far */
	bool kexec_measured;   /* since the last of them something measured a kernel to start */
	bool violation_open;   /* the entry before was a violation whose kind is not told yet */
	size_t violation;      /* the finding, if violation_open */
	uint64_t n_violations_explained;
	struct weak_digests weak[ALG_COUNT];
	uint64_t n_odd; /* findings about entries' form */
	struct ima_lookups lookups;
	struct signature_walk signatures;
	struct keyring_walk keyrings;
	uint64_t n_unlisted_buffers;
};

/* judge_buffer.c: a buffer that its digest is over, against those that the policy lists; and the check. */
void judge_listed_buffer(struct ima_walk *walk, const struct ima_step *step,
			 const struct ima_entry *entry, const struct digest *digest);
void judge_report_buffers(const struct ima_walk *walk);

/*
 * judge_file.c: looks up the file of this step, and what is best looked up with it of those ahead. by_hash:
 * it is as the database has it, and the template hash says so: the entry is of "ima-ng", and whole.
 */
int judge_lookup(struct ima_walk *walk, const struct ima_step *step, bool *by_hash,
		 struct error *err);

/* judge_file.c: judges one entry of a file. */
int judge_file(struct ima_walk *walk, const struct ima_step *step, const struct ima_entry *entry,
	       struct error *err);

/* judge_kexec.c: what a kernel says of its list before it starts another; of other buffers nothing. */
void judge_kexec(struct ima_walk *walk, const struct ima_step *step, const struct ima_entry *entry);

/* judge_signature.c: what is signed of a file's entry. */
int judge_signatures(struct ima_walk *walk, const struct ima_step *step,
		     const struct ima_entry *entry, struct error *err);

/*
 * judge_keyring.c: a buffer that may be a key put into a keyring: the release's or not, learned if the
 * policy says so, or revoked; or a hash on the kernel's blacklist.
 */
int judge_keyring_entry(struct ima_walk *walk, const struct ima_step *step,
			const struct ima_entry *entry, struct error *err);

/* After the last entry. */
void report_signatures(const struct ima_walk *walk);
void report_keyrings(const struct ima_walk *walk);

#endif
