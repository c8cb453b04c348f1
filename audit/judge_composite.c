/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quotes without their PCR values: the signed digest is over all of them, so what the logs give has to
 * be put together, prefix by prefix, and hashed.
 */
#include "audit/judge.h"

#include "core/own.h"

/* Digests over all values, and extends, that shorter prefixes of user space's log may take: a second. */
#define TRIES_MAX 1000000

/* The values that the logs give, put together for one quote; of the IMA log at one point. */
struct composite {
	struct judge *judge;
	const struct judged_quote *quote;
	struct quote_pcrs *values;
	alg_set banks;      /* that the quote selects */
	pcr_set ima;        /* PCRs that the IMA log gives */
	size_t n_userspace; /* extends of user space's log that are in the values */
	struct ima_replay *replay;
};

/* boot is the boot log's replay; it has all banks that verified quotes select. */
static int composite_begin(struct composite *composite, const struct eventlog_replay *boot,
			   struct error *err)
{
	struct judge *judge = composite->judge;

	composite->banks = quote_selection_algs(&composite->quote->quote.selection);
	composite->ima = judge->ima_extended & ~judge->userspace_extended;
	for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
		const struct pcr_bank *logged = eventlog_bank(boot, (enum alg)alg);
		struct pcr_bank bank;

		if (!(composite->banks >> alg & 1))
			continue;
		pcr_bank_init(&bank, (enum alg)alg);
		if (logged)
			bank = *logged;
		if (userspace_replay(judge, &bank, 0, composite->n_userspace, err) < 0)
			return -1;
		quote_pcrs_set_bank(composite->values, &bank, ((pcr_set)1 << PCR_COUNT) - 1);
	}
	return 0;
}

/* Does the IMA log, where its replay stands, complete the values? Each bank may go either way. */
static int composite_fits(struct composite *composite, struct error *err)
{
	const struct judged_quote *quote = composite->quote;

	for (unsigned ways = 0; ways < 1u << ALG_BANKS; ways++) {
		struct digest digest;
		bool known = true;
		int status;

		/* A bit for each bank that is padded: only banks that are quoted have one. */
		if (ways & ~composite->banks || ways >> ALG_SHA1 & 1)
			continue;
		for (unsigned alg = 0; alg < ALG_BANKS; alg++)
			for (uint32_t pcr = 0; pcr < PCR_COUNT && composite->replay; pcr++) {
				struct bytes value;

				if (!(composite->banks >> alg & 1) || !(composite->ima >> pcr & 1))
					continue;
				value = ima_replay_value(composite->replay, (enum alg)alg,
							 ways >> alg & 1 ? IMA_PADDED : IMA_OWN,
							 pcr);
				known &= value.size > 0;
				if (value.size)
					memcpy(composite->values->value[alg][pcr], value.data,
					       value.size);
			}
		if (!known)
			continue;
		status = quote_pcr_digest(composite->judge->hasher, quote->result.hash,
					  &quote->quote.selection, composite->values, &digest, NULL,
					  err);
		if (status < 0)
			return -1;
		if (status > 0 && bytes_equal(digest_bytes(&digest), quote->quote.pcr_digest))
			return 1;
		if (!composite->replay)
			break; /* there is one way only */
	}
	return 0;
}

/* Goes through the IMA log again, a digest of all values at each entry: 1 where it fits. */
static int composite_search(struct composite *composite, uint64_t *n_entries, struct error *err)
{
	struct judge *judge = composite->judge;
	AUTO(ima_list_freep) struct ima_list *list = NULL;
	AUTO(ima_replay_freep) struct ima_replay *replay = NULL;
	const struct ima_step *step;
	int status;

	if (ima_list_open(judge->ima_file->contents, judge->ima_file->path, judge->hasher, &list,
			  err) < 0 ||
	    ima_replay_new(list, composite->banks, judge->hasher, &replay, err) < 0 ||
	    judge_ima_begin(judge, replay, composite->banks, err) < 0)
		return -1;
	composite->replay = replay;
	*n_entries = 0;
	for (;;) {
		struct error end = { 0 };

		status = composite_fits(composite, err);
		if (status != 0)
			return status;
		status = ima_replay_next(replay, &step, &end);
		if (status < 0 && end.code == ERROR_SYSTEM) {
			*err = end;
			return -1;
		}
		if (status <= 0)
			return 0;
		++*n_entries;
	}
}

/* Do the logs, the boot log replayed so and this prefix of user space's, give the signed digest? */
static int composite_prefix(struct composite *composite, const struct eventlog_replay *boot,
			    size_t n_userspace, bool search, uint64_t *n_entries, struct error *err)
{
	int status;

	composite->n_userspace = n_userspace;
	if (composite_begin(composite, boot, err) < 0)
		return -1;
	composite->replay = composite->judge->ima_replay;
	*n_entries = composite->judge->n_entries;
	status = composite_fits(composite, err);
	if (status == 0 && search && composite->replay)
		status = composite_search(composite, n_entries, err);
	return status;
}

/* 1 and *n_entries of the IMA log. The logs' ends are tried first, then where either is shorter. */
static int composite_try(struct composite *composite, const struct eventlog_replay *boot,
			 uint64_t *n_entries, struct error *err)
{
	const struct judge *judge = composite->judge;
	uint64_t n_tries = 0;
	size_t n = judge->n_userspace;
	int status = composite_prefix(composite, boot, n, true, n_entries, err);

	for (size_t i = n; i > 0 && status == 0 && n_tries < TRIES_MAX; i--) {
		status = composite_prefix(composite, boot, i - 1, false, n_entries, err);
		n_tries += i;
	}
	for (size_t i = n; i > 0 && status == 0 && n_tries < TRIES_MAX; i--) {
		status = composite_prefix(composite, boot, i - 1, true, n_entries, err);
		n_tries += judge->n_entries;
	}
	return status;
}

/* The TPM may have been started from another locality than the boot log says or leaves open. */
static int composite_restart(struct composite *composite, uint64_t *n_entries, struct error *err)
{
	struct judge *judge = composite->judge;
	struct eventlog_replay boot;
	int status = 0;

	for (size_t i = 0; status == 0; i++) {
		int more = judge_restart(judge, i, &boot, err);

		if (more <= 0)
			return more;
		status = composite_try(composite, &boot, n_entries, err);
	}
	if (status > 0)
		judge_restarted(judge, &boot);
	return status;
}

/* Why the digest cannot be computed from the logs, or NULL. */
static const char *composite_lacks(const struct judge *judge, const struct judged_quote *quote)
{
	const struct quote_selection *selection = &quote->quote.selection;

	for (size_t i = 0; i < selection->n_banks; i++) {
		enum alg alg = selection->banks[i].alg;

		if (!selection->banks[i].pcrs)
			continue;
		if (alg >= ALG_BANKS)
			return "no PCR values beside the quote that could be read, and a bank of "
			       "an algorithm that Assay does not know";
		if (!hasher_has(judge->hasher, alg))
			return "a bank that Assay cannot compute, and no PCR values beside";
		if (!judge->has_boot || !judge->has_ima || !(judge->boot.algs >> alg & 1))
			return "no PCR values beside the quote, and not every log or bank to "
			       "compute them from";
	}
	if (!hasher_has(judge->hasher, quote->result.hash))
		return "a hash that Assay cannot compute, and no PCR values beside";
	return NULL;
}

int judge_composite(struct judge *judge, struct judged_quote *quote, struct error *err)
{
	struct composite composite = { .judge = judge, .quote = quote };
	struct report *report = judge->report;
	struct bytes subject = file_subject(quote->message);
	const char *lacks = composite_lacks(judge, quote);
	uint64_t n_entries;
	int status;

	if (lacks) {
		report_missing(report, "pcr.replay", subject, "%s", lacks);
		return 0;
	}
	quote->is_compared = true;
	composite.values = arena_take(&report->arena, sizeof(*composite.values));
	if (!composite.values)
		return error_memory(err, judge->bundle->name);
	status = composite_try(&composite, &judge->boot_replay, &n_entries, err);
	if (status == 0)
		status = composite_restart(&composite, &n_entries, err);
	if (status < 0)
		return -1;
	if (status == 1) {
		quote->is_explained = true;
		quote->n_attested = n_entries;
		quote->n_userspace = composite.n_userspace;
		report_check(report, "pcr.replay", CHECK_PASS, subject,
			     "the logs give the signed digest over PCR values");
		return 0;
	}
	report_check(report, "pcr.replay", CHECK_FAIL, subject,
		     "the logs do not give the signed digest over PCR values");
	report_finding(report, FINDING_PCR_MISMATCH, FINDING_AS_LISTED, subject,
		       "no part of the logs gives the digest that the TPM signed; without "
		       "quote.pcrs nobody can say which PCR differs");
	return 0;
}
