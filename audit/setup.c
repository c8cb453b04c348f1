/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/setup.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "core/array.h"
#include "core/crypto_certificate.h"
#include "core/file.h"
#include "core/own.h"
#include "core/text.h"

void setup_init(struct named *named, const struct audit_options *options, struct run *run)
{
	*named = (struct named){ .options = options, .run = run };
	pthread_mutex_init(&named->shipped.lock, NULL);
}

void setup_clear(struct named *named)
{
	struct audit_setup *setup = &named->setup;

	for (size_t i = 0; i < setup->n_anchors; i++)
		quote_key_free(setup->anchors[i].key);
	free(setup->anchors);
	trust_free(named->trust);
	for (size_t i = 0; i < setup->n_secrets; i++)
		secret_clear(&named->secrets[i]);
	free(named->secrets);
	free(named->releases);
	free(named->run->enforced);
	golden_free(named->golden);
	db_close(named->db);
	profile_list_clear(&named->profiles);
	profile_list_clear(&named->all_profiles);
	revocations_clear(&named->revocations);
	ima_keyring_clear(&named->ima_keys);
	release_keys_clear(&named->release_keys);
	state_free(named->state);
	shipped_free(named->shipped.shipped);
	pthread_mutex_destroy(&named->shipped.lock);
	policy_free(named->policy);
	arena_clear(&named->arena);
}

/* --- what is enforced ------------------------------------------------------------------------------ */

static int enforce(struct named *named, const char *by, struct error *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int enforce(struct named *named, const char *by, struct error *err, const char *format, ...)
{
	struct run *run = named->run;
	va_list args;

	if (array_room(&run->enforced, run->n_enforced, &named->enforced_capacity,
		       sizeof(*run->enforced), NULL, err) < 0)
		return -1;
	va_start(args, format);
	run->enforced[run->n_enforced].what = arena_vprintf(&named->arena, format, args);
	va_end(args);
	run->enforced[run->n_enforced++].by = by;
	return named->arena.failed ? error_memory(err, NULL) : 0;
}

/* "policy.ini line 7", or "default". */
static const char *policy_by(struct named *named, unsigned line)
{
	if (line == 0)
		return "default";
	return arena_printf(&named->arena, "%s line %u", named->policy->path, line);
}

static const char *pcrs_text(struct named *named, pcr_set pcrs)
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
	return text.size ? arena_printf(&named->arena, "%s", (char *)text.data) : "none";
}

/* The policy's lines that were not said where they were used. */
static int enforce_policy(struct named *named, struct error *err)
{
	const struct policy *policy = named->policy;
	const struct {
		const struct policy_flag *flag;
		const char *yes, *no;
	} flags[] = {
		{&policy->own_records,
                 "nonces and credential secrets in the bundles are the challenger's own records",            NULL},
		{ &policy->require_nonce,         "each quote has to answer a challenge",                    NULL},
		{ &policy->require_boot_log,      "each bundle has to have a boot log",
                 "bundles may lack a boot log"								   },
		{ &policy->require_ima_log,       "each bundle has to have an IMA log",
                 "bundles may lack an IMA log"								   },
		{ &policy->require_signature,     "the database has to be signed",                           NULL},
		{ &policy->accept_signed,
                 "files of no package are accepted if their signature holds",                                NULL},
		{ &policy->require_known_buffers,
                 "buffers in IMA logs have to be among those listed",                                        NULL},
		{ &policy->learn_keys,            "keys that an IMA log brings count for its later entries",
                 NULL											    },
		{ &policy->secure_boot,           "Secure Boot has to be on",                                NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const char *text = flags[i].flag->value ? flags[i].yes : flags[i].no;

		if (text &&
		    enforce(named, policy_by(named, flags[i].flag->line), err, "%s", text) < 0)
			return -1;
	}
	if (enforce(named, policy_by(named, policy->required.line), err,
		    "PCRs to be quoted: %s, and all that the logs extend",
		    pcrs_text(named, policy->required.value)) < 0 ||
	    enforce(named, policy_by(named, policy->separators.line), err,
		    "PCRs to have one separator: %s",
		    pcrs_text(named, policy->separators.value)) < 0 ||
	    (policy->predicted.value &&
	     enforce(named, policy_by(named, policy->predicted.line), err,
		     "PCRs in which every event has to be predicted: %s",
		     pcrs_text(named, policy->predicted.value)) < 0) ||
	    enforce(named, policy_by(named, policy->ima_hash_line), err, "IMA's hash: %s or longer",
		    alg_name(policy->ima_hash)) < 0)
		return -1;
	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		if (policy->banks.value >> alg & 1 &&
		    enforce(named, policy_by(named, policy->banks.line), err,
			    "bank to be quoted: %s", alg_name((enum alg)alg)) < 0)
			return -1;
	for (size_t i = 0; i < policy->excludes.n_items; i++)
		if (enforce(named, policy_by(named, policy->excludes.items[i].line), err,
			    "paths not looked up: %s", policy->excludes.items[i].text) < 0)
			return -1;
	for (size_t i = 0; i < policy->known_buffers.n_items; i++)
		if (enforce(named, policy_by(named, policy->known_buffers.items[i].line), err,
			    "known buffer: %s", policy->known_buffers.items[i].text) < 0)
			return -1;
	for (size_t i = 0; i < policy->require_signed.n_items; i++)
		if (enforce(named, policy_by(named, policy->require_signed.items[i].line), err,
			    "paths that have to be signed: %s",
			    policy->require_signed.items[i].text) < 0)
			return -1;
	for (size_t i = 0; i < FINDING_COUNT; i++) {
		const struct finding_kind *kind = finding_kind((enum finding_code)i);

		if (policy->severities[i].line &&
		    enforce(named, policy_by(named, policy->severities[i].line), err,
			    "severity of %s: %s instead of %s", kind->code,
			    severity_name(policy->severities[i].severity),
			    severity_name(kind->severity)) < 0)
			return -1;
	}
	return 0;
}

/* --- anchors --------------------------------------------------------------------------------------- */

static int add_anchor(struct named *named, const char *path, const char *by, struct hasher *hasher,
		      struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;
	struct audit_setup *setup = &named->setup;
	struct anchor *larger = realloc(setup->anchors, (setup->n_anchors + 1) * sizeof(*larger));
	struct quote_key *key = NULL;

	if (!larger)
		return error_memory(err, path);
	setup->anchors = larger;
	if (file_open(path, &file, err) < 0 ||
	    quote_key_parse(file_bytes(file), file_name(file), hasher, &key, err) < 0)
		return -1;
	larger[setup->n_anchors++] = (struct anchor){ path, by, key };
	return enforce(named, by, err, "attestation key known to be good: %s", path);
}

static int load_anchors(struct named *named, struct error *err)
{
	const struct policy_texts *more = &named->policy->aks;
	struct hasher *hasher = NULL;
	int status = hasher_new(&hasher, err);

	for (size_t i = 0; i < named->options->aks.n_items && status == 0; i++)
		status = add_anchor(named, named->options->aks.items[i], "--ak", hasher, err);
	for (size_t i = 0; i < more->n_items && status == 0; i++)
		status = add_anchor(named, more->items[i].text,
				    policy_by(named, more->items[i].line), hasher, err);
	hasher_free(hasher);
	return status;
}

static int add_ima_keys(struct named *named, const char *path, const char *by, struct error *err)
{
	size_t n_before = named->ima_keys.n_keys;

	if (ima_keys_read(path, &named->ima_keys, err) < 0)
		return -1;
	return enforce(named, by, err, "keys that sign files: %s, %zu", path,
		       named->ima_keys.n_keys - n_before);
}

static int load_ima_keys(struct named *named, struct error *err)
{
	const struct option_list *given = &named->options->ima_keys;
	const struct policy_texts *more = &named->policy->ima_keys;

	named->setup.ima_keys = &named->ima_keys;
	for (size_t i = 0; i < given->n_items; i++)
		if (add_ima_keys(named, given->items[i], "--ima-key", err) < 0)
			return -1;
	for (size_t i = 0; i < more->n_items; i++)
		if (add_ima_keys(named, more->items[i].text, policy_by(named, more->items[i].line),
				 err) < 0)
			return -1;
	return 0;
}

/* Authorities of the command line and of the policy, and when their certificates are judged. */
static int load_trust(struct named *named, struct error *err)
{
	const struct option_list *given = &named->options->cas;
	const struct policy *policy = named->policy;
	const char *at = named->options->at;
	char text[TIME_TEXT_SIZE];
	int status = 0;

	if (at && !time_parse(at, &named->setup.at))
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
				 "--at takes a time such as 2026-11-27T21:00:00Z or seconds since "
				 "1970, not '%s'",
				 at);
	if (!at)
		named->setup.at = policy->at_line ? policy->at : (int64_t)time(NULL);
	if (given->n_items + policy->cas.n_items == 0)
		return 0;
	if (trust_new(&named->trust, err) < 0)
		return -1;
	for (size_t i = 0; i < given->n_items && status == 0; i++)
		if ((status = trust_read(named->trust, given->items[i], err)) == 0)
			status = enforce(named, "--ca", err, "authority of certificates: %s",
					 given->items[i]);
	for (size_t i = 0; i < policy->cas.n_items && status == 0; i++)
		if ((status = trust_read(named->trust, policy->cas.items[i].text, err)) == 0)
			status =
				enforce(named, policy_by(named, policy->cas.items[i].line), err,
					"authority of certificates: %s", policy->cas.items[i].text);
	if (status < 0 || trust_finish(named->trust, err) < 0)
		return -1;
	named->setup.trust = named->trust;
	return enforce(named,
		       at                ? "--at"
		       : policy->at_line ? policy_by(named, policy->at_line)
					 : "default",
		       err,
		       "certificates are judged at %s: %zu anchors, %zu intermediates, %zu "
		       "revocation lists",
		       time_text(named->setup.at, text), trust_n_anchors(named->trust),
		       trust_n_certificates(named->trust) - trust_n_anchors(named->trust),
		       trust_n_lists(named->trust));
}

static int load_secret(struct named *named, const char *option, const char *by, struct error *err)
{
	struct audit_setup *setup = &named->setup;
	struct secret *secret = &named->secrets[setup->n_secrets];

	if (secret_read(option, secret, err) < 0)
		return -1;
	setup->n_secrets++;
	secret->by = by;
	for (size_t i = 0; i + 1 < setup->n_secrets; i++)
		if (bytes_equal(named->secrets[i].name, secret->name))
			return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
					 "two secrets of one credential: %s; others are given as "
					 "NAME=FILE",
					 option);
	return enforce(named, by, err, "secret of %s: %s",
		       secret->name.size ? "the credential named in front" : "the credential",
		       option);
}

static int load_secrets(struct named *named, struct error *err)
{
	const struct option_list *given = &named->options->secrets;
	const struct policy_texts *more = &named->policy->secrets;

	named->secrets = calloc(given->n_items + more->n_items + 1, sizeof(*named->secrets));
	if (!named->secrets)
		return error_memory(err, NULL);
	named->setup.secrets = named->secrets;
	for (size_t i = 0; i < given->n_items; i++)
		if (load_secret(named, given->items[i], "--credential-secret", err) < 0)
			return -1;
	for (size_t i = 0; i < more->n_items; i++)
		if (load_secret(named, more->items[i].text, policy_by(named, more->items[i].line),
				err) < 0)
			return -1;
	return 0;
}

/* The nonce of the command line or of the policy; both, if they say the same. */
static int load_nonce(struct named *named, struct error *err)
{
	const char *text = named->options->nonce;
	const struct policy *policy = named->policy;
	struct audit_setup *setup = &named->setup;
	long size;

	if (text) {
		size = hex_parse(bytes_of_string(text), named->nonce, sizeof(named->nonce));
		if (size <= 0)
			return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
					 "--nonce takes up to %d bytes in hex, not '%s'", NONCE_MAX,
					 text);
		setup->nonce = bytes_of(named->nonce, (size_t)size);
	}
	if (policy->nonce.size && text && !bytes_equal(policy->nonce, setup->nonce))
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
				 "--nonce differs from the nonce of %s line %u", policy->path,
				 policy->nonce_line);
	if (policy->nonce.size && !text)
		setup->nonce = policy->nonce;
	if (!setup->nonce.size)
		return 0;
	return enforce(named, text ? "--nonce" : policy_by(named, policy->nonce_line), err,
		       "nonce of each quote: %s", text ? text : "the policy's");
}

/* Releases that count: those of the command line, which the policy has to allow, or the policy's. */
static int load_releases(struct named *named, struct error *err)
{
	const struct option_list *given = &named->options->releases;
	const struct policy_texts *allowed = &named->policy->releases;
	size_t n = given->n_items ? given->n_items : allowed->n_items;

	named->releases = calloc(n + 1, sizeof(*named->releases));
	if (!named->releases)
		return error_memory(err, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *release = given->n_items ? given->items[i] : allowed->items[i].text;
		bool is_allowed = allowed->n_items == 0;

		for (size_t j = 0; j < allowed->n_items && !is_allowed; j++)
			is_allowed = strcmp(allowed->items[j].text, release) == 0;
		if (!is_allowed)
			return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
					 "--release %s is none of the releases that %s allows",
					 release, named->policy->path);
		named->releases[i] = release;
		if (enforce(named,
			    given->n_items ? "--release" : policy_by(named, allowed->items[i].line),
			    err, "release that counts: %s", release) < 0)
			return -1;
	}
	named->setup.releases = named->releases;
	named->setup.n_releases = n;
	return n ? 0 : enforce(named, "default", err, "releases that count: all in the database");
}

/* The table of golden values. A database that is no good is kept as db_error, and is no failure. */
static int load_golden(struct named *named, struct error *err)
{
	struct error problem = { 0 };
	bool given;
	const char *path = command_db(named->options->db, &given), *by;

	if (!given && access(path, F_OK) < 0)
		return enforce(named, "default", err,
			       "no golden database: what was measured is compared with nothing");
	named->run->db_path = named->setup.db_path = path;
	if (db_open(path, DB_READ, &named->db, &problem) < 0 ||
	    golden_load(named->db, named->setup.releases, named->setup.n_releases, &named->golden,
			&problem) < 0 ||
	    db_profiles_read(named->db, named->setup.releases, named->setup.n_releases,
			     &named->profiles, &problem) < 0 ||
	    release_keys_read(named->db, named->setup.releases, named->setup.n_releases,
			      &named->release_keys, &problem) < 0 ||
	    (named->setup.n_releases &&
	     db_profiles_read(named->db, NULL, 0, &named->all_profiles, &problem) < 0)) {
		if (problem.code == ERROR_SYSTEM || problem.code == ERROR_USAGE) {
			*err = problem;
			return -1;
		}
		named->db_error = problem;
		named->run->db_error = &named->db_error;
		return 0;
	}
	named->setup.golden = named->golden;
	named->setup.shipped = &named->shipped;
	named->setup.release_keys = &named->release_keys;
	named->setup.profiles = &named->profiles;
	named->setup.all_profiles =
		named->setup.n_releases ? &named->all_profiles : &named->profiles;
	named->run->n_files = golden_n_files(named->golden);
	by = named->options->db ? "--db" : given ? "ASSAY_DB" : "default";
	if (named->release_keys.list.n_keys &&
	    enforce(named, by, err, "keys that sign files: %zu of the releases' keyrings",
		    named->release_keys.list.n_keys) < 0)
		return -1;
	return enforce(named, by, err,
		       "golden values: %s, %" PRIu64 " files, %zu boot profiles, not signed", path,
		       named->run->n_files, named->profiles.n_profiles);
}

/* Images that must not boot any more. */
static int load_revocations(struct named *named, struct error *err)
{
	const struct option_list *paths = &named->options->dbxs;
	struct revocations *list = &named->revocations;

	for (size_t i = 0; i < paths->n_items; i++) {
		size_t n_digests = list->n_digests, n_certificates = list->n_certificates,
		       n_others = list->n_others;

		if (revocations_read(paths->items[i], list, err) < 0)
			return -1;
		if (n_digests + n_certificates + n_others ==
				    list->n_digests + list->n_certificates + list->n_others
			    ? enforce(named, "--dbx", err, "revocations: %s, an SBAT level",
				      paths->items[i]) < 0
			    : enforce(named, "--dbx", err,
				      "revocations: %s, %zu digests, %zu certificates, %zu entries "
				      "of "
				      "unknown types",
				      paths->items[i], list->n_digests - n_digests,
				      list->n_certificates - n_certificates,
				      list->n_others - n_others) < 0)
			return -1;
		named->setup.revocations = list;
	}
	return 0;
}

/* What earlier audits of the machines verified. */
static int load_state(struct named *named, struct error *err)
{
	const char *path = named->options->state;

	if (!path)
		return 0;
	if (state_read(path, &named->state, err) < 0)
		return -1;
	named->setup.state = named->state;
	return enforce(named, "--state", err,
		       "machines are held against what was verified before: %s, %zu machines", path,
		       state_n_machines(named->state));
}

int setup_read(struct named *named, struct error *err)
{
	const char *path = named->options->policy;
	int status =
		path ? policy_read(path, &named->policy, err) : policy_new(&named->policy, err);

	if (status < 0)
		return -1;
	named->setup.policy = named->policy;
	if (path && enforce(named, "--policy", err, "policy: %s", path) < 0)
		return -1;
	return load_anchors(named, err) < 0 || load_ima_keys(named, err) < 0 ||
			       load_trust(named, err) < 0 || load_secrets(named, err) < 0 ||
			       load_nonce(named, err) < 0 || load_releases(named, err) < 0 ||
			       load_golden(named, err) < 0 || load_revocations(named, err) < 0 ||
			       load_state(named, err) < 0 || enforce_policy(named, err) < 0
		       ? -1
		       : 0;
}
