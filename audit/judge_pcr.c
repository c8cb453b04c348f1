/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdicts.md, "Boot log" and "IMA", where they meet the quotes: the logs must give every quoted PCR,
 * in every bank, and a PCR that no log extends must have its reset value.
 */
#include "audit/judge.h"

#include <inttypes.h>

#include "core/own.h"

/* How the quoted values of one PCR compare, over all quotes and banks. */
struct pcr_state {
	alg_set matched, mismatched;
	enum alg strongest;   /* of the banks that mismatch */
	struct digest wanted; /* the signed value in it */
	struct digest given;  /* what the logs give in it; ALG_NONE: nothing to say */
	const struct judged_quote *quote;
};

struct pcr_walk {
	struct judge *judge;
	struct pcr_state pcrs[PCR_COUNT];
	pcr_set unexplained; /* extended, and the log that would say with what is not in the bundle */
};

/* How much a bank's digests are worth: by their size, and SM3 as much as SHA-256. */
static unsigned strength(enum alg alg)
{
	return (unsigned)alg_size(alg) * 8 + (alg == ALG_SHA256);
}

static bool is_reset(struct bytes value, uint32_t pcr)
{
	return bytes_all(value, pcr >= 17 && pcr <= 22 ? 0xff : 0);
}

/* The PCR that IMA is configured for: a kernel may have another than 10 built in. */
static uint32_t ima_pcr(const struct judge *judge)
{
	if (!judge->ima_extended || judge->ima_extended >> IMA_PCR & 1)
		return IMA_PCR;
	return (uint32_t)__builtin_ctz(judge->ima_extended);
}

/* --- the attested part of the IMA log -------------------------------------------------------------- */

/* Does a prefix of so many entries give a quoted value? Those of other PCRs do not change it. */
static bool prefix_fits(const struct judge *judge, size_t quote, enum alg alg, uint32_t pcr,
			uint64_t n_entries)
{
	const struct ima_tracker *tracker = judge->quotes[quote].trackers[alg][pcr];

	if (!tracker) /* the value is the reset one: until the first entry of this PCR */
		return pcr != ima_pcr(judge) && n_entries <= judge->ima_begins[pcr];
	for (enum ima_way way = 0; way < IMA_WAYS; way++)
		if (tracker->prefix.found[way] && tracker->prefix.first[way] <= n_entries &&
		    n_entries <= tracker->prefix.n_entries[way])
			return true;
	return false;
}

/* The IMA log's PCRs that a quote selects in a bank. */
static pcr_set ima_pcrs_of(const struct judge *judge, size_t quote, enum alg alg)
{
	if (!hasher_has(judge->hasher, alg))
		return 0;
	return quote_selection_pcrs(&judge->quotes[quote].quote.selection, alg) &
	       judge->ima_extended & ~judge->boot_extended;
}

static bool all_fit(const struct judge *judge, size_t quote, uint64_t n_entries)
{
	for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
		pcr_set pcrs = ima_pcrs_of(judge, quote, (enum alg)alg);

		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++)
			if (pcrs >> pcr & 1 &&
			    !prefix_fits(judge, quote, (enum alg)alg, pcr, n_entries))
				return false;
	}
	return true;
}

/* The longest prefix that gives a value, or of entries before the first of the PCR; 0: none. */
static uint64_t longest(const struct judge *judge, size_t quote, enum alg alg, uint32_t pcr)
{
	const struct ima_tracker *tracker = judge->quotes[quote].trackers[alg][pcr];
	uint64_t n_entries = 0;

	if (!tracker)
		return pcr == ima_pcr(judge) ? 0 : judge->ima_begins[pcr];
	for (enum ima_way way = 0; way < IMA_WAYS; way++)
		if (tracker->prefix.found[way] && tracker->prefix.n_entries[way] > n_entries)
			n_entries = tracker->prefix.n_entries[way];
	return n_entries;
}

/*
 * A quote is one moment: all its banks, and all PCRs that the IMA log extends, must be given by one
 * prefix. If there is none, the strongest bank's counts.
 */
static void find_prefix(struct judge *judge, size_t quote)
{
	uint64_t best = 0, strongest = 0;
	unsigned worth = 0;

	for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
		pcr_set pcrs = ima_pcrs_of(judge, quote, (enum alg)alg);

		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			uint64_t n_entries;

			if (!(pcrs >> pcr & 1))
				continue;
			n_entries = longest(judge, quote, (enum alg)alg, pcr);
			if (n_entries > best && all_fit(judge, quote, n_entries))
				best = n_entries;
			if (pcr == ima_pcr(judge) && strength((enum alg)alg) > worth) {
				worth = strength((enum alg)alg);
				strongest = n_entries;
			}
		}
	}
	if (worth)
		judge->quotes[quote].n_attested = best ? best : strongest;
}

/* --- quotes without their values -------------------------------------------------------------------- */

/* The values that the logs give, put together for one quote; of the IMA log at one point. */
struct composite {
	struct judge *judge;
	const struct judged_quote *quote;
	struct quote_pcrs *values;
	alg_set banks; /* that the quote selects */
	pcr_set ima;   /* PCRs that the IMA log gives */
	struct ima_replay *replay;
};

/* boot is the boot log's replay; it has all banks that verified quotes select. */
static void composite_begin(struct composite *composite, const struct eventlog_replay *boot)
{
	struct judge *judge = composite->judge;

	composite->banks = quote_selection_algs(&composite->quote->quote.selection);
	composite->ima = judge->ima_extended & ~judge->boot_extended;
	for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
		const struct pcr_bank *bank = eventlog_bank(boot, (enum alg)alg);
		struct pcr_bank reset;

		if (!(composite->banks >> alg & 1))
			continue;
		pcr_bank_init(&reset, (enum alg)alg);
		quote_pcrs_set_bank(composite->values, bank ? bank : &reset,
				    ((pcr_set)1 << PCR_COUNT) - 1);
	}
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
	    ima_replay_new(list, composite->banks, judge->hasher, &replay, err) < 0)
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

/* Do the logs, the boot log replayed so, give the signed digest? 1 and *n_entries of the IMA log. */
static int composite_try(struct composite *composite, const struct eventlog_replay *boot,
			 uint64_t *n_entries, struct error *err)
{
	int status;

	composite_begin(composite, boot);
	composite->replay = composite->judge->ima_replay;
	*n_entries = composite->judge->n_entries;
	status = composite_fits(composite, err);
	if (status == 0 && composite->replay)
		status = composite_search(composite, n_entries, err);
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

static int judge_composite(struct judge *judge, struct judged_quote *quote, struct error *err)
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

/* --- quotes with their values -------------------------------------------------------------------- */

static void note(struct pcr_walk *walk, uint32_t pcr, const struct judged_quote *quote,
		 const struct digest *wanted, const struct digest *given, bool fits)
{
	struct pcr_state *state = &walk->pcrs[pcr];
	alg_set bit = (alg_set)1 << wanted->alg;

	if (fits) {
		state->matched |= bit;
		return;
	}
	if (!state->mismatched || strength(wanted->alg) > strength(state->strongest)) {
		state->strongest = wanted->alg;
		state->wanted = *wanted;
		state->given = given ? *given : (struct digest){ .alg = ALG_NONE };
		state->quote = quote;
	}
	state->mismatched |= bit;
}

static void compare_ima(struct pcr_walk *walk, size_t quote_index, uint32_t pcr,
			const struct digest *wanted)
{
	const struct judge *judge = walk->judge;
	const struct judged_quote *quote = &judge->quotes[quote_index];
	struct digest given = { .alg = ALG_NONE };
	/* Where no prefix fits the strongest bank, the others are compared with one of their own. */
	uint64_t n_entries = quote->n_attested ? quote->n_attested
					       : longest(judge, quote_index, wanted->alg, pcr);

	if ((n_entries || pcr != ima_pcr(judge)) &&
	    prefix_fits(judge, quote_index, wanted->alg, pcr, n_entries)) {
		note(walk, pcr, quote, wanted, NULL, true);
		return;
	}
	if (judge->ima_replay)
		digest_init(&given, wanted->alg,
			    ima_replay_value(judge->ima_replay, wanted->alg, IMA_OWN, pcr));
	note(walk, pcr, quote, wanted, &given, false);
}

/* Evidence that is missing makes a bundle incomplete; a log that is there and does not fit fails it. */
static bool log_is_missing(const struct judge *judge, uint32_t pcr)
{
	if (pcr == IMA_PCR)
		return !judge->has_ima;
	return !judge->has_boot && !(judge->ima_extended >> pcr & 1);
}

/* A kernel extends every bank: a quote in which only some are reset is not from before it did. */
static bool is_reset_in_all_banks(const struct judged_quote *quote, uint32_t pcr)
{
	for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
		pcr_set pcrs = quote_selection_pcrs(&quote->quote.selection, (enum alg)alg);
		struct bytes value =
			bytes_of(quote->pcrs->value[alg][pcr], alg_size((enum alg)alg));

		if (pcrs >> pcr & 1 && !is_reset(value, pcr))
			return false;
	}
	return true;
}

static int compare_bank(struct pcr_walk *walk, size_t quote_index, enum alg alg, struct error *err)
{
	struct judge *judge = walk->judge;
	const struct judged_quote *quote = &judge->quotes[quote_index];
	pcr_set pcrs = quote_selection_pcrs(&quote->quote.selection, alg);
	const struct pcr_bank *bank;

	if (judge_boot_bank(judge, alg, &bank, err) < 0)
		return -1;
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		struct digest wanted, given;

		if (!(pcrs >> pcr & 1))
			continue;
		digest_init(&wanted, alg, bytes_of(quote->pcrs->value[alg][pcr], alg_size(alg)));
		if (judge->boot_extended >> pcr & 1) {
			if (!bank)
				continue; /* pcr.bank */
			given = pcr_bank_value(bank, pcr);
			note(walk, pcr, quote, &wanted, &given, digest_equal(&wanted, &given));
		} else if (pcr == ima_pcr(judge) && judge->ima_extended >> pcr & 1 &&
			   is_reset_in_all_banks(quote, pcr)) {
			continue; /* a quote from before the first entry: ima.unattested */
		} else if (judge->ima_extended >> pcr & 1) {
			compare_ima(walk, quote_index, pcr, &wanted);
		} else if (is_reset(digest_bytes(&wanted), pcr)) {
			note(walk, pcr, quote, &wanted, NULL, true);
		} else if (log_is_missing(judge, pcr)) {
			walk->unexplained |= (pcr_set)1 << pcr;
		} else {
			compare_ima(walk, quote_index, pcr, &wanted);
		}
	}
	return 0;
}

static int compare_quote(struct pcr_walk *walk, size_t quote_index, struct error *err)
{
	const struct judged_quote *quote = &walk->judge->quotes[quote_index];

	find_prefix(walk->judge, quote_index);
	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		if (quote_selection_pcrs(&quote->quote.selection, (enum alg)alg) &&
		    compare_bank(walk, quote_index, (enum alg)alg, err) < 0)
			return -1;
	return 0;
}

/* --- findings -------------------------------------------------------------------------------------- */

/* What the banks say together: "in sha256, though the logs agree in sha1: ...". */
static const char *banks_text(struct report *report, const struct pcr_state *state)
{
	alg_set agreeing = state->matched & ~state->mismatched;

	if (!agreeing)
		return arena_printf(&report->arena, "in %s",
				    report_algs(report, state->mismatched));
	return arena_printf(&report->arena,
			    "in %s, though they do in %s: only digests of %s were changed",
			    report_algs(report, state->mismatched), report_algs(report, agreeing),
			    report_algs(report, state->mismatched));
}

static int report_mismatch(struct pcr_walk *walk, uint32_t pcr, struct error *err)
{
	struct judge *judge = walk->judge;
	struct report *report = judge->report;
	const struct pcr_state *state = &walk->pcrs[pcr];
	bool by_ima = judge->ima_extended >> pcr & 1 && !(judge->boot_extended >> pcr & 1);
	struct explanation why = { "", REPORT_NOWHERE, REPORT_NOWHERE };
	const char *what = "the boot log does not give the signed value";
	struct finding *finding;
	char subject[16];

	snprintf(subject, sizeof(subject), "PCR %" PRIu32, pcr);
	if (by_ima)
		what = "no part of the IMA log, from its first entry on, gives the signed value";
	else if (!(judge->boot_extended >> pcr & 1))
		what = "it was extended, and no log says with what: it does not have its reset "
		       "value";
	if (!by_ima && explain_pcr(judge, state->strongest, pcr, &state->wanted, &why, err) < 0)
		return -1;
	finding = report_finding(report, FINDING_PCR_MISMATCH, FINDING_AS_LISTED,
				 bytes_of_string(subject), "%s %s%s%s", what,
				 banks_text(report, state), *why.text ? "; " : "", why.text);
	if (state->given.alg != ALG_NONE)
		finding->found = report_digest(report, &state->given);
	finding->expected = arena_take(&report->arena, sizeof(*finding->expected));
	if (finding->expected) {
		*finding->expected = (struct reference){ "", "", bytes_of("", 0),
							 report_digest(report, &state->wanted) };
		finding->n_expected = 1;
	}
	if (why.index != REPORT_NOWHERE)
		finding_at(report, finding, judge->boot_file->path, why.index, why.offset);
	else if (by_ima)
		finding_at(report, finding, judge->ima_file->path, REPORT_NOWHERE, REPORT_NOWHERE);
	return 0;
}

static int report_pcr_states(struct pcr_walk *walk, struct error *err)
{
	struct report *report = walk->judge->report;
	pcr_set bad = 0, good = 0;

	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		const struct pcr_state *state = &walk->pcrs[pcr];

		if (state->mismatched) {
			bad |= (pcr_set)1 << pcr;
			if (report_mismatch(walk, pcr, err) < 0)
				return -1;
		} else if (state->matched) {
			good |= (pcr_set)1 << pcr;
		}
	}
	report->coverage.matched_pcrs = good;
	/* A policy that lets a boot log be missing lets its PCRs be unexplained, which is said. */
	if (!walk->judge->has_boot && !walk->judge->policy->require_boot_log.value) {
		pcr_set allowed = walk->unexplained & ~((pcr_set)1 << IMA_PCR);

		walk->unexplained &= ~allowed;
		if (allowed)
			report_check(report, "pcr.replay", CHECK_SKIP, bytes_of("", 0),
				     "PCR %s were extended, and the boot log that says with what "
				     "is missing, which the policy allows",
				     report_pcrs(report, allowed));
	}
	if (walk->unexplained)
		report_missing(report, "pcr.replay", bytes_of("", 0),
			       "PCR %s were extended, and the log that says with what is missing",
			       report_pcrs(report, walk->unexplained));
	if (bad)
		report_check(report, "pcr.replay", CHECK_FAIL, bytes_of("", 0),
			     "the logs do not give the signed values of PCR %s; they give those of "
			     "PCR %s",
			     report_pcrs(report, bad), report_pcrs(report, good));
	else if (good)
		report_check(report, "pcr.replay", CHECK_PASS, bytes_of("", 0),
			     "the logs give the signed values of PCR %s, %s",
			     report_pcrs(report, good),
			     report_algs(report, report->coverage.quoted_banks));
	return 0;
}

/* Which entries of the IMA log a quote covers. */
static void judge_attested(struct judge *judge)
{
	struct report *report = judge->report;
	struct coverage *coverage = &report->coverage;
	pcr_set covered = 0;
	bool is_compared = false;
	struct bytes subject;

	if (!judge->has_ima || judge->n_entries == 0)
		return;
	subject = file_subject(judge->ima_file);
	for (size_t i = 0; i < judge->n_quotes; i++) {
		const struct judged_quote *quote = &judge->quotes[i];

		if (!quote_speaks(judge, quote))
			continue;
		for (unsigned alg = 0; alg < ALG_BANKS; alg++)
			covered |= quote_selection_pcrs(&quote->quote.selection, (enum alg)alg);
		is_compared |= quote->is_compared;
		if (quote->n_attested > coverage->n_attested)
			coverage->n_attested = quote->n_attested;
	}
	if (!(covered >> ima_pcr(judge) & 1)) {
		report_missing(report, "ima.attested", subject,
			       "no quote covers PCR %s: nothing vouches for this log",
			       report_pcrs(report, judge->ima_extended));
	} else if (!is_compared) {
		report_missing(report, "ima.attested", subject,
			       "a quote covers PCR %s, but what it should be cannot be computed",
			       report_pcrs(report, covered & judge->ima_extended));
	} else if (coverage->n_attested == 0) {
		report_check(report, "ima.attested", CHECK_FAIL, subject,
			     "no part of the log fits a quote");
		report_finding(
			report, FINDING_IMA_UNATTESTED, FINDING_AS_LISTED, subject,
			"no part of the log, from its first entry on, gives the quoted PCR %s: "
			"entries were changed, removed, added or reordered, or the log is of "
			"another boot than the quote",
			report_pcrs(report, judge->ima_extended & covered));
	} else if (coverage->n_attested < judge->n_entries) {
		report_check(report, "ima.attested", CHECK_PASS, subject,
			     "the first %" PRIu64 " of %" PRIu64
			     " entries are covered by a quote, %" PRIu64 " came after it",
			     coverage->n_attested, judge->n_entries,
			     judge->n_entries - coverage->n_attested);
		report_weaken(report, judge->ima_file->path, coverage->n_attested);
	} else {
		report_check(report, "ima.attested", CHECK_PASS, subject,
			     "all %" PRIu64 " entries are covered by a quote", judge->n_entries);
	}
}

/* PCRs that must be quoted and are not: what logs extend, and what the policy requires. */
static void judge_unquoted(struct judge *judge)
{
	struct report *report = judge->report;
	pcr_set logged = judge->boot_extended | judge->ima_extended, quoted = 0, weak, missing;

	if (quoted_banks(judge) == 0)
		return; /* no quote at all: said already */
	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		if (alg != ALG_SHA1)
			quoted |= quoted_pcrs(judge, (enum alg)alg);
	/* SHA-1 counts where there is nothing better; that it is weak has its own finding. */
	weak = quoted_pcrs(judge, ALG_SHA1);
	if (quoted == 0)
		quoted = weak;
	missing = (logged | judge->policy->required.value) & ~quoted;
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		char subject[16];
		const char *how;

		if (!(missing >> pcr & 1))
			continue;
		snprintf(subject, sizeof(subject), "PCR %" PRIu32, pcr);
		how = weak >> pcr & 1 ? "is quoted in SHA-1 only" : "is in no quote";
		if (logged >> pcr & 1)
			report_finding(report, FINDING_PCR_UNQUOTED, FINDING_AS_LISTED,
				       bytes_of_string(subject),
				       "%s: what the %s says of it is unattested", how,
				       judge->boot_extended >> pcr & 1 ? "boot log" : "IMA log");
		else
			report_finding(report, FINDING_PCR_UNQUOTED, FINDING_AS_LISTED,
				       bytes_of_string(subject), "%s, and it is required", how);
	}
}

static void judge_missing_banks(struct judge *judge)
{
	struct report *report = judge->report;
	alg_set quoted = quoted_banks(judge);

	for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
		struct bytes subject = bytes_of_string(alg_name((enum alg)alg));
		bool required = judge->policy->banks.value >> alg & 1;

		if (quoted >> alg & 1) {
			if (judge->has_boot && !(judge->boot.algs >> alg & 1))
				report_finding(report, FINDING_PCR_BANK, FINDING_AS_LISTED, subject,
					       "is quoted, but the boot log has no digests of it");
			else if (!hasher_has(judge->hasher, (enum alg)alg))
				report_finding(report, FINDING_PCR_BANK, FINDING_AS_LISTED, subject,
					       "is quoted, but cannot be computed here");
		} else if (required) {
			report_finding(report, FINDING_PCR_BANK, FINDING_AS_LISTED, subject,
				       "is required by the policy (line %u), but not quoted",
				       judge->policy->banks.line);
		}
	}
	for (size_t i = 0; i < judge->n_quotes; i++) {
		const struct judged_quote *quote = &judge->quotes[i];

		for (size_t b = 0; quote->is_verified && b < quote->quote.selection.n_banks; b++) {
			const struct quote_bank *bank = &quote->quote.selection.banks[b];

			if (bank->pcrs && (bank->alg == ALG_NONE || bank->alg >= ALG_BANKS))
				report_finding(report, FINDING_PCR_BANK, FINDING_AS_LISTED,
					       file_subject(quote->message),
					       "quotes a bank of an algorithm (0x%04x) that Assay "
					       "does not know",
					       (unsigned)bank->alg_id);
		}
	}
}

int judge_pcrs(struct judge *judge, struct error *err)
{
	struct pcr_walk walk = { .judge = judge };
	bool any_values = false;

	for (size_t i = 0; i < judge->n_quotes; i++) {
		struct judged_quote *quote = &judge->quotes[i];

		if (!quote->is_verified)
			continue;
		if (!quote->has_values) {
			if (judge_composite(judge, quote, err) < 0)
				return -1;
			continue;
		}
		any_values = quote->is_compared = true;
		if (compare_quote(&walk, i, err) < 0)
			return -1;
	}
	if ((any_values && report_pcr_states(&walk, err) < 0) || judge_aggregates(judge, err) < 0)
		return -1;
	judge_attested(judge);
	judge_unquoted(judge);
	judge_missing_banks(judge);
	return 0;
}
