/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * allowlist: lists of good files that other verifiers use, read as artifacts:
 * Keylime's runtime policies (version 1, signed ones too), its reference states of measured boots,
 * and flat allowlists.
 *
 * What they hold besides digests of paths is no reference value: exclusions
 * are given as Assay's own globs (exclude.c), the rest is counted and named.
 *
 * Source:  Keylime docs/user_guide/runtime_ima.rst and keylime/ima/ima.py (runtime policy),
 *          DSSE 1.0 protocol.md (signed policies), sha256sum(1) (flat lists).
 * Threads: a list belongs to one thread.
 */
#ifndef REFGEN_ALLOWLIST_ALLOWLIST_H
#define REFGEN_ALLOWLIST_ALLOWLIST_H

#include "core/arena.h"
#include "core/crypto_key.h"
#include "db/profile.h"
#include "refgen/files/files.h"

/* Digests of one policy: a file's path is in it once for each kernel, library or package version. */
#define ALLOWLIST_DIGESTS_MAX 20000000

/* One digest that a path may have. */
struct allowlist_digest {
	struct bytes path; /* as the policy has it; absolute */
	struct digest digest;
};

struct allowlist_options {
	struct public_key *const *keys; /* that signed policies are verified by; borrowed */
	const char *const *key_names;   /* of each, as the operator named its file; borrowed */
	size_t n_keys;
	bool sm3; /* digests of 64 digits without a name are SM3's, not SHA-256's */
};

/* What one file holds. Everything is owned by its arena but the digests. */
struct allowlist {
	struct arena arena;
	const char *format;               /* "Keylime runtime policy", "flat allowlist", ... */
	struct allowlist_digest *digests; /* owned; by path, algorithm, value; none twice */
	size_t n_digests, capacity;
	struct bytes *excludes; /* regular expressions, in the policy's order */
	size_t n_excludes;
	size_t n_relative; /* names that are no absolute paths (boot_aggregate): no file's */
	struct allowlist_digest *buffers; /* of "keyrings" and "ima-buf", by name; in the arena */
	size_t n_buffers;
	struct bytes *ignored; /* names of "ignored_keyrings"; may be "*" */
	size_t n_ignored;
	struct bytes *keys; /* of "verification-keys": DER */
	size_t n_keys;
	bool is_policy;     /* a runtime policy: buffers that it lacks are refused */
	bool has_dm_policy; /* "dm_policy" */
	enum signature_state signature;
	struct bytes signer; /* what kind of key signed it, and its file's name */
	const struct reference_state
		*state;  /* of a reference state, which has no digests; or NULL */
	size_t n_unused; /* members of a reference state that no rule looks at */
};

/*
 * Reads a policy of any of the forms, which its first bytes tell. ERROR_MALFORMED with the offset
 * where the text is wrong (in the payload of a signed one); ERROR_MISMATCH when a signature does not
 * hold that a key of the options should have made; ERROR_UNSUPPORTED names other forms of policies.
 */
int allowlist_read(struct bytes text, const char *source, const struct allowlist_options *options,
		   struct allowlist *out, struct error *err);
void allowlist_clear(struct allowlist *list);

/*
 * The list as artifacts: of a path with several digests of one algorithm the first is in the first,
 * the second in the second. digest is the SHA-256 of the policy's bytes, name what the first is
 * called; the k-th is "NAME#k", its digest the SHA-256 of the first's and a big-endian u32 k.
 * A policy does not say what a file is: each is stored as executable, the stricter case.
 */
int allowlist_artifact(const struct allowlist *list, const struct artifact *base, size_t k,
		       struct hasher *hasher, struct file_set **out, struct error *err);

/* How many that are: the most digests of one algorithm that a path has; at least 1. */
size_t allowlist_n_artifacts(const struct allowlist *list);

/*
 * Appends the buffers as lines of an Assay policy that lists all that are known; the number of those that
 * no line can name.
 */
size_t allowlist_buffer_lines(const struct allowlist *list, struct buf *out);

/*
 * Appends what a Python regular expression excludes as globs of an Assay policy, a line each with
 * "exclude = " before. False, and nothing appended, when globs cannot say it. What they say is never
 * more than the expression does: a "." outside of ".*" matches no slash.
 */
bool allowlist_exclude_globs(struct bytes regex, struct buf *out);

#endif
