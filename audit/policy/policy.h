/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy: what an operator requires beyond, or instead of, the defaults: an INI
 * file whose every key is known, and whose every line can be named in a report.
 *
 * Source:  verdicts.md; assay-policy(5).
 * Threads: a policy is read-only once made.
 */
#ifndef AUDIT_POLICY_POLICY_H
#define AUDIT_POLICY_POLICY_H

#include "audit/finding.h"
#include "core/digest.h"
#include "core/pcr.h"

/* Longest line; the library's own limit, so that no line is silently cut in two. */
#define POLICY_LINE_MAX 198

/* Lines of a policy: a fleet's exclusions, not its file list. */
#define POLICY_LINES_MAX 100000

/* One value with the line that gave it; line 0: the default. */
struct policy_flag {
	bool value;
	unsigned line;
};

struct policy_text {
	const char *text; /* owned by the policy */
	unsigned line;
};

struct policy_texts {
	struct policy_text *items; /* owned */
	size_t n_items;
};

struct policy_pcrs {
	pcr_set value;
	unsigned line;
};

struct policy_algs {
	alg_set value;
	unsigned line;
};

struct policy {
	const char *path; /* as the operator named it; NULL: all defaults */

	/* [trust] */
	struct policy_texts
		aks; /* ak = FILE: as if --ak; relative to the policy's folder, made whole */
	struct policy_texts ima_keys; /* ima-key = FILE|DIR: as if --ima-key; likewise */
	struct bytes nonce;           /* nonce = HEX: as if --nonce; empty: none. Owned */
	unsigned nonce_line;
	struct policy_texts cas;     /* ca = FILE|DIR: as if --ca; paths made whole */
	int64_t at;                  /* at = TIME: as if --at */
	unsigned at_line;            /* 0: not set */
	struct policy_texts secrets; /* credential-secret = [NAME=]FILE; paths made whole */

	/* [evidence] */
	struct policy_flag own_records;   /* own-records: nonces and secrets are the challenger's */
	struct policy_flag require_nonce; /* require-nonce: unknown freshness is incomplete */
	struct policy_flag require_boot_log; /* require-boot-log */
	struct policy_flag require_ima_log;  /* require-ima-log */

	/* [releases] */
	struct policy_texts releases; /* allow = NAME: only these count; none: all */

	/* [pcrs] */
	struct policy_pcrs required; /* required = 0-5,7: to be quoted */
	struct policy_algs banks;    /* banks = sha256: each to be quoted; none: whatever is */

	/* [boot] */
	struct policy_pcrs separators;  /* separators = 0-7: PCRs to have exactly one */
	struct policy_pcrs predicted;   /* predicted = 4,7-9: nothing in them may be unpredicted */
	struct policy_flag secure_boot; /* secure-boot = yes: whatever the profile says */

	/* [ima] */
	struct policy_texts excludes; /* exclude = GLOB: paths not looked up */
	enum alg ima_hash;            /* hash = sha256: what weaker digests are told from */
	unsigned ima_hash_line;
	struct policy_texts
		require_signed; /* require-signed = GLOB: paths whose signature must hold */
	struct policy_flag
		accept_signed; /* accept-signed: a file of no package is good if it is signed */
	/* known-buffer = DIGEST NAME, or any NAME; "any *": keys of every keyring */
	struct policy_texts known_buffers;
	struct policy_flag require_known_buffers; /* require-known-buffers: others are findings */
	struct policy_flag learn_keys;            /* learn-keys: keys that the log brings count */

	/* [database] */
	struct policy_flag require_signature; /* require-signature */

	/* [severity] */
	struct {
		enum severity severity;
		unsigned line; /* 0: not set */
	} severities[FINDING_COUNT];
};

/* All defaults. */
int policy_new(struct policy **out, struct error *err);

/* A policy file. ERROR_MALFORMED names the line in its message, and its offset. */
int policy_read(const char *path, struct policy **out, struct error *err);

/* The same from bytes; path is what errors and reports call it. */
int policy_parse(struct bytes text, const char *path, struct policy **out, struct error *err);

void policy_free(struct policy *policy);
void policy_freep(struct policy **policy);

/*
 * True if the whole path fits the pattern: '?' is one byte but '/', '*' any run without '/', "**"
 * any run, [a-z] and [!a-z] one byte of a set but '/', a backslash takes away the next one's meaning.
 */
bool glob_match(struct bytes pattern, struct bytes path);

/* "0-5,7" into a set: false if it is not one, or names a PCR no TPM has. */
bool pcr_set_parse(struct bytes text, pcr_set *out);

#endif
