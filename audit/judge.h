/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * judge: one bundle against the operator's anchors, his policy and the golden
 * values. Judges fill the report and print nothing.
 *
 *     judge_bundle  the container and what is not read
 *     judge_key     attestation keys: attributes, what binds them
 *     judge_binding, judge_credential, judge_certify
 *                   certificates, credentials and attestations that bind them
 *     judge_quote   quotes: structure, signature, nonce, PCR values
 *     judge_boot    the boot log: structure, data, separators; replayed
 *     judge_userspace   what systemd logged of its own extends
 *     judge_tdx     a TDX machine's quote, and its registers against its logs
 *     judge_ima     the IMA log: replayed, each entry looked up
 *     judge_signature   its signatures of files
 *     judge_keyring     keys that it brings
 *     judge_aggregate   its boot_aggregate, once the PCRs are judged
 *     judge_profile what booted, against the boot profiles of releases
 *     judge_reference   the same against reference states: sets of digests
 *     judge_revocations  booted images against the operator's revocation lists
 *     judge_state   the evidence against what earlier audits verified
 *     judge_timeline   kernels and quotes in order of time
 *     judge_pcr     quoted PCRs against what the logs replay to
 *     judge_composite   the same for quotes without their values
 *     judge_merge   PCRs that two logs extend in an order that nobody says
 *     explain       why they do not fit
 *
 * Source:  verdicts.md; each judge names its section.
 * Threads: a worker belongs to one thread; the setup is shared and read-only.
 */
#ifndef AUDIT_JUDGE_H
#define AUDIT_JUDGE_H

#include <pthread.h>

#include "replay/evidence/bundle.h"
#include "audit/policy/policy.h"
#include "audit/release_keys.h"
#include "audit/report.h"
#include "audit/revocations.h"
#include "audit/state.h"
#include "audit/trust_files.h"
#include "db/db.h"
#include "db/profile.h"
#include "db/shipped.h"
#include "replay/eventlog/eventlog.h"
#include "replay/ima/ima.h"
#include "replay/ima/keyring.h"
#include "replay/quote/quote.h"

/* An attestation key that the operator knows to be good. */
struct anchor {
	const char *path; /* of its file; borrowed */
	const char *by;   /* "--ak", or the policy's file and line; owned by the setup's arena */
	struct quote_key *key; /* owned */
};

/* Signatures that packages ship: read when the first log has one, by whoever judges it. */
struct shipped_once {
	pthread_mutex_t lock;
	struct shipped *shipped; /* owned */
};

/* What all bundles of a run are judged by. */
struct audit_setup {
	const struct policy *policy;
	struct anchor *anchors;
	size_t n_anchors;
	struct bytes nonce;           /* that quotes must answer; empty: none was given */
	const struct trust *trust;    /* authorities of certificates; NULL: none were given */
	int64_t at;                   /* that certificates are judged at */
	const struct secret *secrets; /* of credentials */
	size_t n_secrets;
	const char *db_path; /* of the database behind golden */
	struct golden *golden;
	const struct profile_list *profiles;     /* of the releases that count; NULL: no database */
	const struct profile_list *all_profiles; /* of all releases, to explain differences */
	const struct state *state;               /* --state; NULL: none was given */
	const struct revocations *revocations;   /* --dbx; NULL: none was given */
	struct shipped_once *shipped;            /* NULL: no database */
	const struct ima_keyring *ima_keys;      /* --ima-key; NULL or empty: none */
	const struct release_keys *release_keys; /* of the database; NULL: none */
	const char *const *releases;             /* that count; none: all */
	size_t n_releases;
};

/* What one thread needs. */
struct worker {
	const struct audit_setup *setup;
	struct hasher *hasher; /* owned */
	struct db *db;         /* owned; opened when an entry has to be explained */
};

int worker_new(const struct audit_setup *setup, struct worker **out, struct error *err);
void worker_free(struct worker *worker);

/* Judges one bundle. -1 only when the machine failed us. */
int audit_bundle(struct worker *worker, const struct bundle *bundle, struct report **out,
		 struct error *err);

/* The report of a bundle that could not be read, for that reason. */
int audit_unreadable(const struct audit_setup *setup, const char *name, const struct error *why,
		     struct report **out, struct error *err);

/* --- what the judges hand on to each other ---------------------------------------------------- */

/* A key that quotes may be verified by. */
struct judged_key {
	const struct bundle_file *file; /* NULL: the operator's own */
	const char *shown;              /* what the report calls it; raw bytes of a path */
	const struct quote_key *key;
	struct quote_key *owned;     /* the same, if it is ours to free */
	const struct anchor *anchor; /* that names this key; NULL: the operator does not */
	const char *bound_by; /* what else binds it, in the report's arena; NULL: nothing does */
	bool is_used;         /* a quote was verified by it */
};

struct ima_tracker;

struct judged_quote {
	const struct bundle_file *message, *signature_file, *pcrs_file; /* the last may be NULL */
	struct quote quote;
	struct quote_signature signature;
	struct judged_key *key;  /* that it was checked with; NULL: none */
	struct quote_pcrs *pcrs; /* beside it, as far as they could be read; NULL: none */
	struct quote_result result;
	bool is_verified;           /* structure and signature hold, and it is of the latest boot */
	bool is_earlier;            /* both hold, but it is of an earlier boot than another quote */
	bool has_values;            /* pcrs hash to the signed digest */
	bool is_explained;          /* without values: the logs give the signed digest */
	bool is_compared;           /* there was enough to compare the logs with it */
	uint64_t n_attested;        /* IMA entries that it covers */
	size_t n_userspace;         /* of judge.userspace, the first so many that it covers */
	size_t least_userspace;     /* so many it covers at least */
	pcr_set matched[ALG_BANKS]; /* the logs give these signed values */
	/* What user space had extended: the first n later events of a profile, as far as those PCRs go. */
	struct {
		const struct profile *profile; /* NULL: nothing, as far as profiles say */
		size_t n;
		pcr_set pcrs;
	} later;
	/* Of values that are not the reset ones; in the report's arena, NULL: none. */
	const struct ima_tracker *trackers[ALG_BANKS][PCR_COUNT];
};

/* A quoted value that some prefix of the IMA log should give. */
struct ima_tracker {
	struct ima_prefix prefix;
};

/* A boot_aggregate entry of the IMA log; it is judged when the quoted PCRs are. */
struct ima_aggregate {
	struct ima_aggregate *next;
	struct digest digest; /* ALG_NONE: of no bank that Assay knows */
	uint64_t index, offset;
};

/* What user space extended into a PCR, as its log says. */
struct userspace_extend {
	uint64_t index, offset; /* of the record */
	uint32_t pcr;
	unsigned event;         /* enum userspace_event */
	struct bytes text;      /* its string, cut to what a report shows; in the report's arena */
	struct digest *digests; /* in the report's arena */
	size_t n_digests;
};

struct shared_entry;

struct judge {
	const struct audit_setup *setup;
	const struct policy *policy;
	struct worker *worker;
	struct hasher *hasher;
	const struct bundle *bundle;
	const struct bundle
		*series; /* with the boots that were judged before; NULL: this is one of them */
	struct report *report;

	struct judged_key *keys;
	size_t n_keys;
	struct judged_quote *quotes;
	size_t n_quotes;

	/* The boot log, replayed as far as it could be read. */
	const struct bundle_file *boot_file;
	bool has_boot;
	struct eventlog boot;
	struct eventlog_replay boot_replay;
	pcr_set boot_extended;
	int locality; /* that PCR 0 is replayed from: EVENTLOG_LOCALITY_STATED, or what fits the quote */
	struct eventlog_replay *extra[ALG_BANKS]; /* in the report's arena */

	/* User space's log: what extends PCRs. */
	const struct bundle_file *userspace_file; /* NULL: none */
	struct userspace_extend *userspace;       /* owned */
	size_t n_userspace;
	pcr_set userspace_extended;
	struct bytes userspace_boot_id; /* that its records name; in the report's arena */

	/* An IMA list of new entries only, behind those that an earlier audit attested. */
	bool has_joined;
	struct bundle_file joined_file;
	struct buf joined; /* owned */

	/* The IMA log, replayed to its end. */
	const struct bundle_file *ima_file;
	bool has_ima;
	struct pieces *ima_pieces;     /* owned; of a large log, else NULL */
	struct ima_list *ima_list;     /* owned */
	struct ima_replay *ima_replay; /* owned */
	pcr_set ima_extended;
	uint64_t n_entries;
	struct shared_entry *shared; /* owned: entries of PCRs that user space's log extends, too */
	size_t n_shared, shared_capacity;
	bool has_more_shared;         /* they are too many to be kept */
	uint64_t n_merge_extends;     /* that searches for their order took */
	struct ima_tracker *trackers; /* in the report's arena */
	size_t n_trackers;
	uint64_t ima_begins[PCR_COUNT]; /* entries before the first one that extends the PCR */
	struct ima_keyring learned_keys, revoked_keys; /* owned; of the log */
	uint64_t learned_use; /* entries up to the last that brought a key that was used; 0: none */
	struct ima_aggregate *aggregates, *last_aggregate; /* in log order, in the report's arena */
};

/* Each returns -1 only when the machine failed us. */
int judge_container(struct judge *judge, struct error *err);
int judge_keys(struct judge *judge, struct error *err);
int judge_bonds(struct judge *judge, struct error *err);
int judge_quotes(struct judge *judge, struct error *err);
int judge_bindings(struct judge *judge, struct error *err);
int judge_boot(struct judge *judge, struct error *err);
int judge_userspace(struct judge *judge, struct error *err);
int judge_tdx(struct judge *judge, struct error *err);
int judge_ima(struct judge *judge, struct error *err);
int judge_pcrs(struct judge *judge, struct error *err);
int judge_aggregates(struct judge *judge, struct error *err); /* judge_pcrs calls it */
int judge_learned_keys(struct judge *judge, struct error *err);
int judge_profile(struct judge *judge, struct error *err);
int judge_revocations(struct judge *judge, struct error *err);
int judge_claims(struct judge *judge, struct error *err);
int judge_history(struct judge *judge, struct error *err);
int judge_timeline(struct judge *judge, struct error *err);
int judge_remember(struct judge *judge, struct error *err);

/* judge_profile without a boot log: the quoted PCRs against the values that profiles end in. */
int judge_profile_values(struct judge *judge, struct error *err);

/* After judge_boot: finds the locality that PCR 0 was started from, if the log's own does not fit. */
int judge_locality(struct judge *judge, struct error *err);

/* Replays the boot log from the i-th locality besides the log's own: 1, 0 if there is none, -1. */
int judge_restart(struct judge *judge, size_t i, struct eventlog_replay *out, struct error *err);

/* That replay fits a quote, and the log's own did not: it is taken from here on, with a finding. */
void judge_restarted(struct judge *judge, const struct eventlog_replay *replay);

/* The boot log replayed in one bank it announces; NULL if libcrypto lacks the algorithm. */
int judge_boot_bank(struct judge *judge, enum alg alg, const struct pcr_bank **out,
		    struct error *err);

/* What is measured before user space and IMA, in one bank: the boot log's values, or those of reset PCRs. */
int judge_base_bank(struct judge *judge, enum alg alg, struct pcr_bank *out, struct error *err);

/* judge_userspace.c: the digest that a record has in a bank; NULL if it did not extend that. */
const struct digest *userspace_digest(const struct userspace_extend *extend, enum alg alg);

/* Extends judge.userspace[first .. n - 1] into a bank. */
int userspace_replay(const struct judge *judge, struct pcr_bank *bank, size_t first, size_t n,
		     struct error *err);

/*
 * fits[i] for i from 0 to n_userspace: whether a PCR, beginning as it is in from, has the wanted value
 * after the first i extends. 1 if any fits, 0, -1.
 */
int userspace_fits(const struct judge *judge, const struct pcr_bank *from, uint32_t pcr,
		   const uint8_t *wanted, bool *fits, struct error *err);

/* "record 3 of tpm2-measure.log (phase \"ready\")". */
const char *userspace_shown(struct judge *judge, const struct userspace_extend *extend);

/* judge_merge.c: a PCR that user space's log and IMA's extend both: in an order that nobody says. */
enum merge_result {
	MERGE_FITS, /* some order of a prefix of each gives the value: taken over into the quote */
	MERGE_NONE,
	MERGE_LIMIT, /* not found in so many extends */
};
int judge_merge(struct judge *judge, struct judged_quote *quote, const struct pcr_bank *base,
		uint32_t pcr, const struct digest *wanted, enum merge_result *out,
		struct error *err);

/* Keeps what an entry extended, if it is of such a PCR; called for each entry in log order. */
int judge_merge_note(struct judge *judge, const struct ima_step *step, struct error *err);

/* judge_composite.c: a quote without its values, against what the logs give. */
int judge_composite(struct judge *judge, struct judged_quote *quote, struct error *err);

/* judge_pcr.c: the PCR that IMA is configured for: a kernel may have another than 10 built in. */
uint32_t judge_ima_pcr(const struct judge *judge);

/* judge_ima.c: begins a replay of the IMA log where the boot log ends. */
int judge_ima_begin(struct judge *judge, struct ima_replay *replay, alg_set banks,
		    struct error *err);

/* Finds what a quote was taken after: the first of a profile's later events (judge_later.c). */
int judge_later(struct judge *judge, struct judged_quote *quote, struct error *err);

/* The value that a PCR has then: 1, 0 if user space did not extend it, -1. */
int judge_later_value(struct judge *judge, const struct judged_quote *quote, enum alg alg,
		      uint32_t pcr, struct digest *value, struct error *err);

/* The subject of what is about a file of the bundle. */
static inline struct bytes file_subject(const struct bundle_file *file)
{
	return bytes_of_string(file->path);
}

/*
 * explain.c: why does the boot log not give a quoted value? Simple changes of its events are tried:
 * one left out, doubled, exchanged, a known constant extended. What fits is an explanation, never an
 * excuse.
 */
struct explanation {
	const char *text; /* in the report's arena; "" when nothing that was tried fits */
	const struct bundle_file *file; /* the log that it is in */
	uint64_t index, offset;         /* of the event to look at, or REPORT_NOWHERE */
};
int explain_pcr(struct judge *judge, enum alg alg, uint32_t pcr, const struct digest *wanted,
		struct explanation *out, struct error *err);

/*
 * Whether a quote speaks for the machine: its signature holds, and its key is bound, or no quote's
 * key is.
 */
bool quote_speaks(const struct judge *judge, const struct judged_quote *quote);

/* Banks that quotes whose signature holds select: those that are replayed. */
alg_set verified_banks(const struct judge *judge);

/* Banks that quotes which speak select, and the PCRs they select in one of them. */
alg_set quoted_banks(const struct judge *judge);
pcr_set quoted_pcrs(const struct judge *judge, enum alg alg);

#endif
