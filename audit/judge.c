/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/judge.h"

#include "core/own.h"

int worker_new(const struct audit_setup *setup, struct worker **out, struct error *err)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return error_memory(err, NULL);
	worker->setup = setup;
	if (hasher_new(&worker->hasher, err) < 0) {
		free(worker);
		return -1;
	}
	*out = worker;
	return 0;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	hasher_free(worker->hasher);
	db_close(worker->db);
	free(worker);
}

/* What no part of the evidence can make up for. */
static int judge_database(struct judge *judge, struct error *err)
{
	struct report *report = judge->report;
	const struct policy *policy = judge->policy;

	(void)err;
	report->coverage.has_golden = judge->setup->golden != NULL;
	if (!judge->setup->golden)
		report_missing(
			report, "db.lookup", bytes_of("", 0),
			"no golden database: what was measured is not compared with anything "
			"(--db)");
	else if (policy->require_signature.value)
		report_missing(report, "db.signature", bytes_of("", 0),
			       "the policy requires a signed database (line %u), and signatures of "
			       "databases are not checked here",
			       policy->require_signature.line);
	return 0;
}

static void judge_clear(struct judge *judge)
{
	for (size_t i = 0; i < judge->n_keys; i++)
		quote_key_free(judge->keys[i].owned);
	free(judge->keys);
	free(judge->quotes);
	free(judge->userspace);
	free(judge->shared);
	ima_replay_free(judge->ima_replay);
	ima_list_free(judge->ima_list);
	pieces_free(judge->ima_pieces);
	ima_keyring_clear(&judge->learned_keys);
	ima_keyring_clear(&judge->revoked_keys);
	buf_clear(&judge->joined);
}

typedef int judge_fn(struct judge *judge, struct error *err);

/* One boot, into the report. */
static int judge_boot_of(struct worker *worker, const struct bundle *bundle,
			 const struct bundle *series, judge_fn *const *judges, size_t n,
			 struct report *report, struct error *err)
{
	AUTO(judge_clear)
	struct judge judge = { .setup = worker->setup,
			       .policy = worker->setup->policy,
			       .worker = worker,
			       .hasher = worker->hasher,
			       .bundle = bundle,
			       .series = series,
			       .report = report };

	for (size_t i = 0; i < n; i++)
		if (judges[i](&judge, err) < 0)
			return -1;
	return 0;
}

/* Each earlier boot of a series with its own logs: what they are, and what booted then. */
static int judge_earlier_boots(struct worker *worker, const struct bundle *bundle,
			       struct report *report, struct error *err)
{
	static judge_fn *const judges[] = {
		judge_keys,     judge_bonds,        judge_quotes,   judge_bindings,
		judge_boot,     judge_userspace,    judge_locality, judge_ima,
		judge_pcrs,     judge_learned_keys, judge_profile,  judge_revocations,
		judge_database,
	};

	report->is_series = bundle->n_earlier > 0;
	for (size_t i = 0; i < bundle->n_earlier; i++)
		if (judge_boot_of(worker, &bundle->earlier[i], NULL, judges, ARRAY_SIZE(judges),
				  report, err) < 0)
			return -1;
	/* How much the verdict rests on is said of the latest boot. */
	report->coverage = (struct coverage){ 0 };
	return 0;
}

int audit_bundle(struct worker *worker, const struct bundle *bundle, struct report **out,
		 struct error *err)
{
	static judge_fn *const judges[] = {
		judge_container,    judge_keys,     judge_bonds,     judge_quotes,
		judge_bindings,     judge_boot,     judge_userspace, judge_tdx,
		judge_history,      judge_locality, judge_ima,       judge_pcrs,
		judge_learned_keys, judge_timeline, judge_profile,   judge_revocations,
		judge_database,     judge_claims,   judge_remember,
	};
	AUTO(report_freep) struct report *report = NULL;

	if (report_new(bundle->name, worker->setup->policy, &report, err) < 0)
		return -1;
	if (judge_earlier_boots(worker, bundle, report, err) < 0 ||
	    judge_boot_of(worker, bundle, bundle, judges, ARRAY_SIZE(judges), report, err) < 0 ||
	    report_finish(report, err) < 0)
		return -1;
	*out = TAKE(report);
	return 0;
}

int audit_unreadable(const struct audit_setup *setup, const char *name, const struct error *why,
		     struct report **out, struct error *err)
{
	AUTO(report_freep) struct report *report = NULL;
	struct finding *finding;

	if (report_new(name, setup->policy, &report, err) < 0)
		return -1;
	report->is_unreadable = true;
	report_missing(report, "bundle.read", bytes_of("", 0), "%s", why->message);
	finding = report_finding(report, FINDING_BUNDLE_UNREADABLE, FINDING_AS_LISTED,
				 bytes_of_string(name), "%s", why->message);
	if (why->offset != ERROR_NO_OFFSET)
		finding_at(report, finding, "", REPORT_NOWHERE, why->offset);
	if (report_finish(report, err) < 0)
		return -1;
	*out = TAKE(report);
	return 0;
}
