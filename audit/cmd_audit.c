/* SPDX-License-Identifier: BSD-2-Clause */
/* assay audit: bundles in, one report out. */
#include "audit/audit.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "audit/ima_keys.h"
#include "audit/judge.h"
#include "audit/render.h"
#include "core/crypto_certificate.h"
#include "core/file.h"
#include "core/own.h"
#include "core/pool.h"
#include "core/progress.h"
#include "core/text.h"

/* Challengers' nonces fit a TPM2B_DATA: 2 + 64 bytes. */
#define NONCE_MAX 66

struct audit_options {
	struct option_list aks, ima_keys, releases, cas, secrets, dbxs;
	const char *nonce, *policy, *state, *db, *format, *output, *at;
	bool json, quiet, verbose;
	unsigned jobs;
};

static void options_clear(struct audit_options *options)
{
	option_list_clear(&options->aks);
	option_list_clear(&options->ima_keys);
	option_list_clear(&options->releases);
	option_list_clear(&options->cas);
	option_list_clear(&options->secrets);
	option_list_clear(&options->dbxs);
}

/* Everything of one run. */
struct audit {
	struct audit_options options;
	struct command_args args;
	struct arena arena;
	struct policy *policy; /* owned */
	struct db *db;         /* owned; golden's */
	struct golden *golden; /* owned */
	struct profile_list profiles, all_profiles;
	struct revocations revocations;
	struct ima_keyring ima_keys;
	struct state *state;            /* owned; NULL: none was given */
	struct machine_state *machines; /* owned: verified in this run */
	size_t n_machines;
	struct shipped_once shipped;
	struct audit_setup setup;
	struct trust *trust;    /* owned; setup's */
	struct secret *secrets; /* owned; setup's */
	uint8_t nonce[NONCE_MAX];
	const char **releases; /* owned: those that count */
	size_t enforced_capacity;
	struct run run;
	struct error db_error;
	struct render_options render;
	render_bundle_fn *render_bundle;
	struct buf
		parts[3]; /* text: of failed, incomplete, passed bundles; JSON: the first for all */
	struct progress progress;
};

static void audit_clear(struct audit *audit)
{
	options_clear(&audit->options);
	for (size_t i = 0; i < audit->setup.n_anchors; i++)
		quote_key_free(audit->setup.anchors[i].key);
	free(audit->setup.anchors);
	trust_free(audit->trust);
	for (size_t i = 0; i < audit->setup.n_secrets; i++)
		secret_clear(&audit->secrets[i]);
	free(audit->secrets);
	free(audit->releases);
	free(audit->run.enforced);
	for (size_t i = 0; i < ARRAY_SIZE(audit->parts); i++)
		buf_clear(&audit->parts[i]);
	golden_free(audit->golden);
	db_close(audit->db);
	profile_list_clear(&audit->profiles);
	revocations_clear(&audit->revocations);
	ima_keyring_clear(&audit->ima_keys);
	state_free(audit->state);
	free(audit->machines);
	shipped_free(audit->shipped.shipped);
	pthread_mutex_destroy(&audit->shipped.lock);
	profile_list_clear(&audit->all_profiles);
	policy_free(audit->policy);
	arena_clear(&audit->arena);
}

/* --- what is enforced ------------------------------------------------------------------------------ */

static int enforce(struct audit *audit, const char *by, struct error *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int enforce(struct audit *audit, const char *by, struct error *err, const char *format, ...)
{
	struct run *run = &audit->run;
	va_list args;

	if (run->n_enforced == audit->enforced_capacity) {
		size_t capacity = audit->enforced_capacity ? audit->enforced_capacity * 2 : 16;
		struct enforced *larger = realloc(run->enforced, capacity * sizeof(*larger));

		if (!larger)
			return error_memory(err, NULL);
		run->enforced = larger;
		audit->enforced_capacity = capacity;
	}
	va_start(args, format);
	run->enforced[run->n_enforced].what = arena_vprintf(&audit->arena, format, args);
	va_end(args);
	run->enforced[run->n_enforced++].by = by;
	return audit->arena.failed ? error_memory(err, NULL) : 0;
}

/* "policy.ini line 7", or "default". */
static const char *policy_by(struct audit *audit, unsigned line)
{
	if (line == 0)
		return "default";
	return arena_printf(&audit->arena, "%s line %u", audit->policy->path, line);
}

static const char *pcrs_text(struct audit *audit, pcr_set pcrs)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		uint32_t last = pcr;

		if (!(pcrs >> pcr & 1))
			continue;
		while (last + 1 < PCR_COUNT && (pcrs >> (last + 1) & 1))
			last++;
		buf_printf(&text, "%s%" PRIu32, text.size ? ", " : "", pcr);
		if (last > pcr)
			buf_printf(&text, "-%" PRIu32, last);
		pcr = last;
	}
	return text.size ? arena_printf(&audit->arena, "%s", (char *)text.data) : "none";
}

/* The policy's lines that were not said where they were used. */
static int enforce_policy(struct audit *audit, struct error *err)
{
	const struct policy *policy = audit->policy;
	const struct {
		const struct policy_flag *flag;
		const char *yes, *no;
	} flags[] = {
		{&policy->own_records,
                 "nonces and credential secrets in the bundles are the challenger's own records",        NULL},
		{ &policy->require_nonce,     "each quote has to answer a challenge",                    NULL},
		{ &policy->require_boot_log,  "each bundle has to have a boot log",
                 "bundles may lack a boot log"							       },
		{ &policy->require_ima_log,   "each bundle has to have an IMA log",
                 "bundles may lack an IMA log"							       },
		{ &policy->require_signature, "the database has to be signed",                           NULL},
		{ &policy->accept_signed,
                 "files of no package are accepted if their signature holds",                            NULL},
		{ &policy->learn_keys,        "keys that an IMA log brings count for its later entries",
                 NULL											},
		{ &policy->secure_boot,       "Secure Boot has to be on",                                NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const char *text = flags[i].flag->value ? flags[i].yes : flags[i].no;

		if (text &&
		    enforce(audit, policy_by(audit, flags[i].flag->line), err, "%s", text) < 0)
			return -1;
	}
	if (enforce(audit, policy_by(audit, policy->required.line), err,
		    "PCRs to be quoted: %s, and all that the logs extend",
		    pcrs_text(audit, policy->required.value)) < 0 ||
	    enforce(audit, policy_by(audit, policy->separators.line), err,
		    "PCRs to have one separator: %s",
		    pcrs_text(audit, policy->separators.value)) < 0 ||
	    (policy->predicted.value &&
	     enforce(audit, policy_by(audit, policy->predicted.line), err,
		     "PCRs in which every event has to be predicted: %s",
		     pcrs_text(audit, policy->predicted.value)) < 0) ||
	    enforce(audit, policy_by(audit, policy->ima_hash_line), err, "IMA's hash: %s or longer",
		    alg_name(policy->ima_hash)) < 0)
		return -1;
	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		if (policy->banks.value >> alg & 1 &&
		    enforce(audit, policy_by(audit, policy->banks.line), err,
			    "bank to be quoted: %s", alg_name((enum alg)alg)) < 0)
			return -1;
	for (size_t i = 0; i < policy->excludes.n_items; i++)
		if (enforce(audit, policy_by(audit, policy->excludes.items[i].line), err,
			    "paths not looked up: %s", policy->excludes.items[i].text) < 0)
			return -1;
	for (size_t i = 0; i < policy->require_signed.n_items; i++)
		if (enforce(audit, policy_by(audit, policy->require_signed.items[i].line), err,
			    "paths that have to be signed: %s",
			    policy->require_signed.items[i].text) < 0)
			return -1;
	for (size_t i = 0; i < FINDING_COUNT; i++) {
		const struct finding_kind *kind = finding_kind((enum finding_code)i);

		if (policy->severities[i].line &&
		    enforce(audit, policy_by(audit, policy->severities[i].line), err,
			    "severity of %s: %s instead of %s", kind->code,
			    severity_name(policy->severities[i].severity),
			    severity_name(kind->severity)) < 0)
			return -1;
	}
	return 0;
}

/* --- anchors --------------------------------------------------------------------------------------- */

static int add_anchor(struct audit *audit, const char *path, const char *by, struct hasher *hasher,
		      struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;
	struct audit_setup *setup = &audit->setup;
	struct anchor *larger = realloc(setup->anchors, (setup->n_anchors + 1) * sizeof(*larger));
	struct quote_key *key = NULL;

	if (!larger)
		return error_memory(err, path);
	setup->anchors = larger;
	if (file_open(path, &file, err) < 0 ||
	    quote_key_parse(file_bytes(file), file_name(file), hasher, &key, err) < 0)
		return -1;
	larger[setup->n_anchors++] = (struct anchor){ path, by, key };
	return enforce(audit, by, err, "attestation key known to be good: %s", path);
}

static int load_anchors(struct audit *audit, struct error *err)
{
	const struct policy_texts *more = &audit->policy->aks;
	struct hasher *hasher = NULL;
	int status = hasher_new(&hasher, err);

	for (size_t i = 0; i < audit->options.aks.n_items && status == 0; i++)
		status = add_anchor(audit, audit->options.aks.items[i], "--ak", hasher, err);
	for (size_t i = 0; i < more->n_items && status == 0; i++)
		status = add_anchor(audit, more->items[i].text,
				    policy_by(audit, more->items[i].line), hasher, err);
	hasher_free(hasher);
	return status;
}

static int add_ima_keys(struct audit *audit, const char *path, const char *by, struct error *err)
{
	size_t n_before = audit->ima_keys.n_keys;

	if (ima_keys_read(path, &audit->ima_keys, err) < 0)
		return -1;
	return enforce(audit, by, err, "keys that sign files: %s, %zu", path,
		       audit->ima_keys.n_keys - n_before);
}

static int load_ima_keys(struct audit *audit, struct error *err)
{
	const struct option_list *given = &audit->options.ima_keys;
	const struct policy_texts *more = &audit->policy->ima_keys;

	audit->setup.ima_keys = &audit->ima_keys;
	for (size_t i = 0; i < given->n_items; i++)
		if (add_ima_keys(audit, given->items[i], "--ima-key", err) < 0)
			return -1;
	for (size_t i = 0; i < more->n_items; i++)
		if (add_ima_keys(audit, more->items[i].text, policy_by(audit, more->items[i].line),
				 err) < 0)
			return -1;
	return 0;
}

/* Authorities of the command line and of the policy, and when their certificates are judged. */
static int load_trust(struct audit *audit, struct error *err)
{
	const struct option_list *given = &audit->options.cas;
	const struct policy *policy = audit->policy;
	const char *at = audit->options.at;
	char text[TIME_TEXT_SIZE];
	int status = 0;

	if (at && !time_parse(at, &audit->setup.at))
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
				 "--at takes a time such as 2026-11-27T21:00:00Z or seconds since "
				 "1970, not '%s'",
				 at);
	if (!at)
		audit->setup.at = policy->at_line ? policy->at : (int64_t)time(NULL);
	if (given->n_items + policy->cas.n_items == 0)
		return 0;
	if (trust_new(&audit->trust, err) < 0)
		return -1;
	for (size_t i = 0; i < given->n_items && status == 0; i++)
		if ((status = trust_read(audit->trust, given->items[i], err)) == 0)
			status = enforce(audit, "--ca", err, "authority of certificates: %s",
					 given->items[i]);
	for (size_t i = 0; i < policy->cas.n_items && status == 0; i++)
		if ((status = trust_read(audit->trust, policy->cas.items[i].text, err)) == 0)
			status =
				enforce(audit, policy_by(audit, policy->cas.items[i].line), err,
					"authority of certificates: %s", policy->cas.items[i].text);
	if (status < 0 || trust_finish(audit->trust, err) < 0)
		return -1;
	audit->setup.trust = audit->trust;
	return enforce(audit,
		       at                ? "--at"
		       : policy->at_line ? policy_by(audit, policy->at_line)
					 : "default",
		       err,
		       "certificates are judged at %s: %zu anchors, %zu intermediates, %zu "
		       "revocation lists",
		       time_text(audit->setup.at, text), trust_n_anchors(audit->trust),
		       trust_n_certificates(audit->trust) - trust_n_anchors(audit->trust),
		       trust_n_lists(audit->trust));
}

static int load_secret(struct audit *audit, const char *option, const char *by, struct error *err)
{
	struct audit_setup *setup = &audit->setup;
	struct secret *secret = &audit->secrets[setup->n_secrets];

	if (secret_read(option, secret, err) < 0)
		return -1;
	setup->n_secrets++;
	secret->by = by;
	for (size_t i = 0; i + 1 < setup->n_secrets; i++)
		if (bytes_equal(audit->secrets[i].name, secret->name))
			return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
					 "two secrets of one credential: %s; others are given as "
					 "NAME=FILE",
					 option);
	return enforce(audit, by, err, "secret of %s: %s",
		       secret->name.size ? "the credential named in front" : "the credential",
		       option);
}

static int load_secrets(struct audit *audit, struct error *err)
{
	const struct option_list *given = &audit->options.secrets;
	const struct policy_texts *more = &audit->policy->secrets;

	audit->secrets = calloc(given->n_items + more->n_items + 1, sizeof(*audit->secrets));
	if (!audit->secrets)
		return error_memory(err, NULL);
	audit->setup.secrets = audit->secrets;
	for (size_t i = 0; i < given->n_items; i++)
		if (load_secret(audit, given->items[i], "--credential-secret", err) < 0)
			return -1;
	for (size_t i = 0; i < more->n_items; i++)
		if (load_secret(audit, more->items[i].text, policy_by(audit, more->items[i].line),
				err) < 0)
			return -1;
	return 0;
}

/* The nonce of the command line or of the policy; both, if they say the same. */
static int load_nonce(struct audit *audit, struct error *err)
{
	const char *text = audit->options.nonce;
	const struct policy *policy = audit->policy;
	struct audit_setup *setup = &audit->setup;
	long size;

	if (text) {
		size = hex_parse(bytes_of_string(text), audit->nonce, sizeof(audit->nonce));
		if (size <= 0)
			return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
					 "--nonce takes up to %d bytes in hex, not '%s'", NONCE_MAX,
					 text);
		setup->nonce = bytes_of(audit->nonce, (size_t)size);
	}
	if (policy->nonce.size && text && !bytes_equal(policy->nonce, setup->nonce))
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
				 "--nonce differs from the nonce of %s line %u", policy->path,
				 policy->nonce_line);
	if (policy->nonce.size && !text)
		setup->nonce = policy->nonce;
	if (!setup->nonce.size)
		return 0;
	return enforce(audit, text ? "--nonce" : policy_by(audit, policy->nonce_line), err,
		       "nonce of each quote: %s", text ? text : "the policy's");
}

/* Releases that count: those of the command line, which the policy has to allow, or the policy's. */
static int load_releases(struct audit *audit, struct error *err)
{
	const struct option_list *given = &audit->options.releases;
	const struct policy_texts *allowed = &audit->policy->releases;
	size_t n = given->n_items ? given->n_items : allowed->n_items;

	audit->releases = calloc(n + 1, sizeof(*audit->releases));
	if (!audit->releases)
		return error_memory(err, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *release = given->n_items ? given->items[i] : allowed->items[i].text;
		bool is_allowed = allowed->n_items == 0;

		for (size_t j = 0; j < allowed->n_items && !is_allowed; j++)
			is_allowed = strcmp(allowed->items[j].text, release) == 0;
		if (!is_allowed)
			return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
					 "--release %s is none of the releases that %s allows",
					 release, audit->policy->path);
		audit->releases[i] = release;
		if (enforce(audit,
			    given->n_items ? "--release" : policy_by(audit, allowed->items[i].line),
			    err, "release that counts: %s", release) < 0)
			return -1;
	}
	audit->setup.releases = audit->releases;
	audit->setup.n_releases = n;
	return n ? 0 : enforce(audit, "default", err, "releases that count: all in the database");
}

/* The table of golden values. A database that is no good is kept as db_error, and is no failure. */
static int load_golden(struct audit *audit, struct error *err)
{
	struct error problem = { 0 };
	bool given;
	const char *path = command_db(audit->options.db, &given);

	if (!given && access(path, F_OK) < 0)
		return enforce(audit, "default", err,
			       "no golden database: what was measured is compared with nothing");
	audit->run.db_path = audit->setup.db_path = path;
	if (db_open(path, DB_READ, &audit->db, &problem) < 0 ||
	    golden_load(audit->db, audit->setup.releases, audit->setup.n_releases, &audit->golden,
			&problem) < 0 ||
	    db_profiles_read(audit->db, audit->setup.releases, audit->setup.n_releases,
			     &audit->profiles, &problem) < 0 ||
	    (audit->setup.n_releases &&
	     db_profiles_read(audit->db, NULL, 0, &audit->all_profiles, &problem) < 0)) {
		if (problem.code == ERROR_SYSTEM || problem.code == ERROR_USAGE) {
			*err = problem;
			return -1;
		}
		audit->db_error = problem;
		audit->run.db_error = &audit->db_error;
		return 0;
	}
	audit->setup.golden = audit->golden;
	audit->setup.shipped = &audit->shipped;
	audit->setup.profiles = &audit->profiles;
	audit->setup.all_profiles =
		audit->setup.n_releases ? &audit->all_profiles : &audit->profiles;
	audit->run.n_files = golden_n_files(audit->golden);
	return enforce(audit,
		       audit->options.db ? "--db"
		       : given           ? "ASSAY_DB"
					 : "default",
		       err, "golden values: %s, %" PRIu64 " files, %zu boot profiles, not signed",
		       path, audit->run.n_files, audit->profiles.n_profiles);
}

/* Images that must not boot any more. */
static int load_revocations(struct audit *audit, struct error *err)
{
	const struct option_list *paths = &audit->options.dbxs;
	struct revocations *list = &audit->revocations;

	for (size_t i = 0; i < paths->n_items; i++) {
		size_t n_digests = list->n_digests, n_certificates = list->n_certificates,
		       n_others = list->n_others;

		if (revocations_read(paths->items[i], list, err) < 0)
			return -1;
		if (n_digests + n_certificates + n_others ==
				    list->n_digests + list->n_certificates + list->n_others
			    ? enforce(audit, "--dbx", err, "revocations: %s, an SBAT level",
				      paths->items[i]) < 0
			    : enforce(audit, "--dbx", err,
				      "revocations: %s, %zu digests, %zu certificates, %zu entries "
				      "of "
				      "unknown types",
				      paths->items[i], list->n_digests - n_digests,
				      list->n_certificates - n_certificates,
				      list->n_others - n_others) < 0)
			return -1;
		audit->setup.revocations = list;
	}
	return 0;
}

/* What earlier audits of the machines verified. */
static int load_state(struct audit *audit, struct error *err)
{
	const char *path = audit->options.state;

	if (!path)
		return 0;
	if (state_read(path, &audit->state, err) < 0)
		return -1;
	audit->setup.state = audit->state;
	return enforce(audit, "--state", err,
		       "machines are held against what was verified before: %s, %zu machines", path,
		       state_n_machines(audit->state));
}

static int prepare(struct audit *audit, struct error *err)
{
	const char *path = audit->options.policy;
	int status =
		path ? policy_read(path, &audit->policy, err) : policy_new(&audit->policy, err);

	if (status < 0)
		return -1;
	audit->setup.policy = audit->policy;
	if (path && enforce(audit, "--policy", err, "policy: %s", path) < 0)
		return -1;
	return load_anchors(audit, err) < 0 || load_ima_keys(audit, err) < 0 ||
			       load_trust(audit, err) < 0 || load_secrets(audit, err) < 0 ||
			       load_nonce(audit, err) < 0 || load_releases(audit, err) < 0 ||
			       load_golden(audit, err) < 0 || load_revocations(audit, err) < 0 ||
			       load_state(audit, err) < 0 || enforce_policy(audit, err) < 0
		       ? -1
		       : 0;
}

/* --- bundles --------------------------------------------------------------------------------------- */

/* What became of one bundle, or of one argument that holds several. */
struct outcome {
	enum verdict verdict;
	bool is_unreadable;
	struct buf text;
	struct machine_state machine; /* what the next audit begins with, if has_machine */
	bool has_machine;
	struct container *container; /* several bundles: still to be judged; owned */
	bool failed;                 /* the machine did */
	struct error err;
};

static void outcome_free(struct outcome *outcome)
{
	if (!outcome)
		return;
	buf_clear(&outcome->text);
	container_free(outcome->container);
	free(outcome);
}

/* Renders a report, and frees it. */
static void render(const struct audit *audit, struct report *report, struct outcome *outcome)
{
	outcome->verdict = report->verdict;
	outcome->is_unreadable = report->is_unreadable;
	audit->render_bundle(report, &audit->render, &outcome->text);
	if (report->machine) {
		outcome->machine = *report->machine;
		outcome->has_machine = true;
	}
	report_free(report);
	outcome->failed = buf_finish(&outcome->text, &outcome->err) < 0;
}

/* Judges a bundle, or says why it could not be read. */
static void judge_one(const struct audit *audit, struct worker *worker,
		      const struct container *container, size_t i, const char *name,
		      const struct error *why, struct outcome *outcome)
{
	AUTO(bundle_freep) struct bundle *bundle = NULL;
	struct report *report = NULL;
	struct error problem = { 0 };

	if (!why && container_bundle(container, i, &bundle, &problem) < 0)
		why = &problem;
	if (why && why->code == ERROR_SYSTEM) {
		outcome->failed = true;
		outcome->err = *why;
		return;
	}
	outcome->failed =
		why ? audit_unreadable(&audit->setup, name, why, &report, &outcome->err) < 0
		    : audit_bundle(worker, bundle, &report, &outcome->err) < 0;
	if (!outcome->failed)
		render(audit, report, outcome);
}

static int thread_begin(void *ctx, void **state, struct error *err)
{
	const struct audit *audit = ctx;
	struct worker *worker;

	if (worker_new(&audit->setup, &worker, err) < 0)
		return -1;
	*state = worker;
	return 0;
}

static void thread_end(void *ctx, void *state)
{
	(void)ctx;
	worker_free(state);
}

/* One argument: its bundle, or its container if there are several in it. */
static void *work_argument(void *ctx, void *state, size_t item)
{
	const struct audit *audit = ctx;
	const char *path = audit->args.items[item];
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	struct container *container = NULL;
	struct error problem = { 0 };

	if (!outcome)
		return NULL;
	if (container_open(path, &container, &problem) < 0) {
		judge_one(audit, state, NULL, 0, path, &problem, outcome);
	} else if (container_n_bundles(container) > 1) {
		outcome->container = container;
		return outcome;
	} else {
		judge_one(audit, state, container, 0, path, NULL, outcome);
	}
	container_free(container);
	return outcome;
}

/* Adds what became of one bundle to the document. */
static void collect(struct audit *audit, const struct outcome *outcome)
{
	static const size_t part_of[] = {
		[VERDICT_FAIL] = 0, [VERDICT_INCOMPLETE] = 1, [VERDICT_PASS] = 2
	};

	audit->run.n_by_verdict[outcome->verdict]++;
	audit->run.n_unreadable += outcome->is_unreadable;
	if (audit->render_bundle == render_bundle_json)
		render_json_next(&audit->parts[0], &outcome->text);
	else
		buf_append(&audit->parts[part_of[outcome->verdict]], buf_bytes(&outcome->text));
	progress_step(&audit->progress, 1);
}

/* Workers read the state: what is new is put into it when they are done. */
static int keep_machine(struct audit *audit, const struct outcome *outcome, struct error *err)
{
	struct machine_state *larger;

	if (!outcome->has_machine)
		return 0;
	larger = realloc(audit->machines, (audit->n_machines + 1) * sizeof(*larger));
	if (!larger)
		return error_memory(err, NULL);
	audit->machines = larger;
	audit->machines[audit->n_machines++] = outcome->machine;
	return 0;
}

static int save_state(struct audit *audit, struct error *err)
{
	for (size_t i = 0; i < audit->n_machines; i++)
		if (state_put(audit->state, &audit->machines[i], err) < 0)
			return -1;
	return audit->state ? state_write(audit->state, err) : 0;
}

static int done_outcome(struct audit *audit, struct outcome *outcome, struct error *err)
{
	int status = 0;

	if (!outcome)
		return error_memory(err, NULL);
	if (outcome->failed) {
		*err = outcome->err;
		status = -1;
	} else {
		collect(audit, outcome);
		status = keep_machine(audit, outcome, err);
	}
	outcome_free(outcome);
	return status;
}

/* The bundles of one argument, in parallel, too. */
struct folder_job {
	struct audit *audit;
	const struct container *container;
	const char *path;
};

static int folder_thread_begin(void *ctx, void **state, struct error *err)
{
	return thread_begin(((struct folder_job *)ctx)->audit, state, err);
}

static void *work_folder(void *ctx, void *state, size_t item)
{
	struct folder_job *job = ctx;
	struct outcome *outcome = calloc(1, sizeof(*outcome));

	if (outcome)
		judge_one(job->audit, state, job->container, item, job->path, NULL, outcome);
	return outcome;
}

static int done_folder(void *ctx, size_t item, void *result, int aborted, struct error *err)
{
	(void)item;
	if (!aborted)
		return done_outcome(((struct folder_job *)ctx)->audit, result, err);
	outcome_free(result);
	return 0;
}

static int done_argument(void *ctx, size_t item, void *result, int aborted, struct error *err)
{
	struct audit *audit = ctx;
	struct outcome *outcome = result;
	struct folder_job folders = { .audit = audit };
	struct pool_job job = { .n_threads = audit->options.jobs,
				.ctx = &folders,
				.thread_begin = folder_thread_begin,
				.thread_end = thread_end,
				.work = work_folder,
				.done = done_folder };
	int status;

	if (aborted) {
		outcome_free(outcome);
		return 0;
	}
	if (!outcome || !outcome->container)
		return done_outcome(audit, outcome, err);
	/* Not a run of one bundle after all; with one argument nobody else is rendering now. */
	audit->render.single = false;
	folders.container = outcome->container;
	folders.path = audit->args.items[item];
	job.n_items = container_n_bundles(outcome->container);
	audit->progress.n_total += job.n_items - 1;
	status = pool_run(&job, err);
	outcome_free(outcome);
	return status;
}

/* --- the whole ------------------------------------------------------------------------------------- */

static int write_report(struct audit *audit, struct error *err)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(audit->parts); i++)
		if (audit->parts[i].failed)
			return error_memory(err, NULL);
	if (audit->render_bundle == render_bundle_json)
		render_run_json(&audit->run, &audit->parts[0], &out);
	else
		render_run_text(&audit->run, &audit->render, audit->parts, &out);
	if (buf_finish(&out, err) < 0)
		return -1;
	return file_write(audit->options.output ? audit->options.output : "-", buf_bytes(&out),
			  err);
}

static enum exit_status exit_of(const struct audit *audit)
{
	const struct run *run = &audit->run;

	if (run->db_error)
		return EXIT_INPUT;
	if (run->n_by_verdict[VERDICT_FAIL])
		return EXIT_NO;
	if (run->n_unreadable)
		return EXIT_INPUT;
	return run->n_by_verdict[VERDICT_INCOMPLETE] ? EXIT_INCOMPLETE : EXIT_DONE;
}

static enum exit_status run_audit(struct audit *audit)
{
	struct pool_job job = { .n_items = audit->args.n_items,
				.n_threads = audit->options.jobs,
				.ctx = audit,
				.thread_begin = thread_begin,
				.thread_end = thread_end,
				.work = work_argument,
				.done = done_argument };
	struct run *run = &audit->run;
	struct error err = { 0 };
	int status;

	if (prepare(audit, &err) < 0)
		return command_fail(&err);
	if (run->db_error) {
		run->verdict = VERDICT_INCOMPLETE;
		command_fail(run->db_error);
	} else {
		audit->progress = progress_begin("bundles", job.n_items, audit->options.quiet);
		status = pool_run(&job, &err);
		progress_end(&audit->progress);
		if (status < 0)
			return command_fail(&err);
		run->verdict = run->n_by_verdict[VERDICT_FAIL]         ? VERDICT_FAIL
			       : run->n_by_verdict[VERDICT_INCOMPLETE] ? VERDICT_INCOMPLETE
								       : VERDICT_PASS;
	}
	if (write_report(audit, &err) < 0 || save_state(audit, &err) < 0)
		return command_fail(&err);
	return exit_of(audit);
}

enum exit_status cmd_audit(const struct command *self, int argc, char **argv)
{
	AUTO(audit_clear) struct audit audit = { .render_bundle = render_bundle_text };
	struct audit_options *options = &audit.options;
	const struct command_option table[] = {
		{"ak",                 0,   OPTION_LIST,   &options->aks,      "FILE",
                 "attestation key known to be good (repeatable)"                               },
		{ "ima-key",           0,   OPTION_LIST,   &options->ima_keys, "FILE",
                 "key that signs files, or a folder of such keys (repeatable)"                 },
		{ "nonce",             0,   OPTION_STRING, &options->nonce,    "HEX",
                 "what each quote has to answer"                                               },
		{ "ca",                0,   OPTION_LIST,   &options->cas,      "FILE|DIR",
                 "authorities that keys' certificates chain to (repeatable)"                   },
		{ "at",                0,   OPTION_STRING, &options->at,       "TIME",
                 "when certificates are judged (default: now)"                                 },
		{ "credential-secret", 0,   OPTION_LIST,   &options->secrets,  "FILE",
                 "what a credential was made with: [NAME=]FILE (repeatable)"                   },
		OPTION_DB(&options->db),
		{ "release",           0,   OPTION_LIST,   &options->releases, "NAME",
                 "only this release's values count (repeatable;\ndefault: all in the database)"},
		{ "dbx",               0,   OPTION_LIST,   &options->dbxs,     "FILE",
                 "revocation list (dbx) or SBAT level: images that must not boot any\nmore "
		  "(repeatable)"							       },
		{ "state",             0,   OPTION_STRING, &options->state,    "FILE",
                 "what was verified of these machines before, and now"                         },
		{ "policy",            0,   OPTION_STRING, &options->policy,   "FILE",
                 "what is required, excluded, and how bad: assay-policy(5)"                    },
		{ "format",            0,   OPTION_STRING, &options->format,   "FORMAT",
                 "text (default) or json"						      },
		OPTION_JSON(&options->json),
		{ "output",            'o', OPTION_STRING, &options->output,   "FILE",
                 "write the report there instead of standard output"                           },
		OPTION_JOBS(&options->jobs),
		OPTION_QUIET(&options->quiet),
		OPTION_VERBOSE(&options->verbose),
	};
	enum exit_status status;

	pthread_mutex_init(&audit.shipped.lock, NULL);
	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &audit.args, &status))
		return status;
	if (audit.args.n_items == 0)
		return command_usage(self, "needs a bundle of evidence");
	if (options->format && strcmp(options->format, "json") != 0 &&
	    strcmp(options->format, "text") != 0)
		return command_usage(self, "--format is text or json, not '%s'", options->format);
	if (options->json && options->format && strcmp(options->format, "json") != 0)
		return command_usage(self, "--json and --format %s contradict each other",
				     options->format);
	if (options->json || (options->format && strcmp(options->format, "json") == 0))
		audit.render_bundle = render_bundle_json;
	audit.render = (struct render_options){ .verbose = options->verbose,
						.single = audit.args.n_items == 1 };
	return run_audit(&audit);
}
