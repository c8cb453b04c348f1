/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * setup: what the operator names, on the command line and in the policy, read and made into what all
 * bundles of a run are judged by; with the list of what is enforced, and by which option or line.
 *
 * Source:  verdicts.md "Operator's options".
 */
#ifndef AUDIT_SETUP_H
#define AUDIT_SETUP_H

#include "audit/ima_keys.h"
#include "audit/judge.h"
#include "audit/render.h"
#include "core/command.h"

/* Challengers' nonces fit a TPM2B_DATA: 2 + 64 bytes. */
#define NONCE_MAX 66

struct audit_options {
	struct option_list aks, ima_keys, releases, cas, secrets, dbxs;
	const char *nonce, *policy, *state, *db, *format, *output, *at;
	bool json, quiet, verbose;
	unsigned jobs;
};

/* What was named, and what it was made into. */
struct named {
	const struct audit_options *options; /* borrowed */
	struct run *run; /* borrowed: its database and what is enforced are noted there */
	struct arena arena;
	struct policy *policy; /* owned */
	struct db *db;         /* owned; golden's */
	struct golden *golden; /* owned */
	struct profile_list profiles, all_profiles;
	struct revocations revocations;
	struct ima_keyring ima_keys;
	struct release_keys release_keys;
	struct state *state; /* owned; NULL: none was given */
	struct shipped_once shipped;
	struct trust *trust;    /* owned; setup's */
	struct secret *secrets; /* owned; setup's */
	uint8_t nonce[NONCE_MAX];
	const char **releases; /* owned: those that count */
	size_t enforced_capacity;
	struct error db_error;
	struct audit_setup setup; /* what it all comes to */
};

/*
 * Reads it all. A database that is no good is no failure: run->db_error says why. -1 with ERROR_USAGE,
 * or the error of the file that cannot be read.
 */
int setup_read(struct named *named, struct error *err);
void setup_init(struct named *named, const struct audit_options *options, struct run *run);
void setup_clear(struct named *named);

#endif
