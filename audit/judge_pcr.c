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
	pcr_set undecided;   /* two logs extend them, and the order was not found within limits */
};

/* How much a bank's digests are worth: by their size, and SM3 as much as SHA-256. */
static unsigned strength(enum alg alg)
{
	return (unsigned)alg_size(alg) * 8 + (alg == ALG_SHA256);
}

int judge_base_bank(struct judge *judge, enum alg alg, struct pcr_bank *out, struct error *err)
{
	const struct pcr_bank *bank;

	if (judge_boot_bank(judge, alg, &bank, err) < 0)
		return -1;
	if (bank)
		*out = *bank;
	else
		pcr_bank_init(out, alg);
	return 0;
}

static bool is_reset(struct bytes value, uint32_t pcr)
{
	return bytes_all(value, pcr >= 17 && pcr <= 22 ? 0xff : 0);
}

/* The PCR that IMA is configured for: a kernel may have another than 10 built in. */
uint32_t judge_ima_pcr(const struct judge *judge)
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
		return pcr != judge_ima_pcr(judge) && n_entries <= judge->ima_begins[pcr];
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
	       judge->ima_extended & ~judge->userspace_extended;
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
		return pcr == judge_ima_pcr(judge) ? 0 : judge->ima_begins[pcr];
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
			if (pcr == judge_ima_pcr(judge) && strength((enum alg)alg) > worth) {
				worth = strength((enum alg)alg);
				strongest = n_entries;
			}
		}
	}
	if (worth)
		judge->quotes[quote].n_attested = best ? best : strongest;
}

/* --- the attested part of user space's log ---------------------------------------------------------- */

/* PCRs that only user space's log extends after the boot. */
static pcr_set userspace_pcrs(const struct judge *judge)
{
	return judge->userspace_extended & ~judge->ima_extended;
}

/*
 * systemd extends and logs under one lock: a quote is one moment of the log, for all PCRs and banks.
 * The one that explains most of them, by the banks' worth, and of several the latest.
 */
static int find_userspace(struct judge *judge, struct judged_quote *quote, struct error *err)
{
	AUTO(own_free) uint64_t *scores = calloc(judge->n_userspace + 1, sizeof(*scores));
	AUTO(own_free) bool *fits = calloc(judge->n_userspace + 1, sizeof(*fits));

	if (!scores || !fits)
		return error_memory(err, judge->bundle->name);
	for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
		pcr_set pcrs = quote_selection_pcrs(&quote->quote.selection, (enum alg)alg) &
			       userspace_pcrs(judge);
		struct pcr_bank base;

		if (!pcrs || !hasher_has(judge->hasher, (enum alg)alg))
			continue;
		if (judge_base_bank(judge, (enum alg)alg, &base, err) < 0)
			return -1;
		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			if (!(pcrs >> pcr & 1))
				continue;
			if (userspace_fits(judge, &base, pcr, quote->pcrs->value[alg][pcr], fits,
					   err) < 0)
				return -1;
			for (size_t i = 0; i <= judge->n_userspace; i++)
				scores[i] += fits[i] ? strength((enum alg)alg) : 0;
		}
	}
	quote->n_userspace = quote->least_userspace = 0;
	for (size_t i = 0; i <= judge->n_userspace; i++)
		if (scores[i] && scores[i] >= scores[quote->n_userspace])
			quote->n_userspace = i;
	while (scores[quote->least_userspace] != scores[quote->n_userspace])
		quote->least_userspace++;
	return 0;
}

/* --- quotes with their values -------------------------------------------------------------------- */

static void note(struct pcr_walk *walk, uint32_t pcr, struct judged_quote *quote,
		 const struct digest *wanted, const struct digest *given, bool fits)
{
	struct pcr_state *state = &walk->pcrs[pcr];
	alg_set bit = (alg_set)1 << wanted->alg;

	if (fits) {
		state->matched |= bit;
		quote->matched[wanted->alg] |= (pcr_set)1 << pcr;
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
	struct judged_quote *quote = &judge->quotes[quote_index];
	struct digest given = { .alg = ALG_NONE };
	/* Where no prefix fits the strongest bank, the others are compared with one of their own. */
	uint64_t n_entries = quote->n_attested ? quote->n_attested
					       : longest(judge, quote_index, wanted->alg, pcr);

	if ((n_entries || pcr != judge_ima_pcr(judge)) &&
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

/* A PCR that user space's log and IMA's extend both. */
static int compare_merged(struct pcr_walk *walk, size_t quote_index, const struct pcr_bank *base,
			  uint32_t pcr, const struct digest *wanted, struct error *err)
{
	struct judge *judge = walk->judge;
	struct judged_quote *quote = &judge->quotes[quote_index];
	enum merge_result result;

	if (judge_merge(judge, quote, base, pcr, wanted, &result, err) < 0)
		return -1;
	switch (result) {
	case MERGE_FITS:
		note(walk, pcr, quote, wanted, NULL, true);
		break;
	case MERGE_LIMIT:
		/* systemd extends IMA's own PCR with nothing: nobody owes a search to who says so. */
		if (pcr != IMA_PCR) {
			walk->undecided |= (pcr_set)1 << pcr;
			break;
		}
		note(walk, pcr, quote, wanted, NULL, false);
		break;
	case MERGE_NONE:
		note(walk, pcr, quote, wanted, NULL, false);
		break;
	}
	return 0;
}

static int compare_bank(struct pcr_walk *walk, size_t quote_index, enum alg alg, struct error *err)
{
	struct judge *judge = walk->judge;
	struct judged_quote *quote = &judge->quotes[quote_index];
	pcr_set pcrs = quote_selection_pcrs(&quote->quote.selection, alg);
	pcr_set logged = judge->boot_extended | judge->userspace_extended;
	const struct pcr_bank *bank;
	struct pcr_bank base, after;

	if (judge_boot_bank(judge, alg, &bank, err) < 0 ||
	    judge_base_bank(judge, alg, &base, err) < 0)
		return -1;
	after = base; /* the boot log, and as much of user space's as the quote covers */
	if (hasher_has(judge->hasher, alg) &&
	    userspace_replay(judge, &after, 0, quote->n_userspace, err) < 0)
		return -1;
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		struct digest wanted, given;
		int status = 0, later;

		if (!(pcrs >> pcr & 1))
			continue;
		digest_init(&wanted, alg, bytes_of(quote->pcrs->value[alg][pcr], alg_size(alg)));
		later = judge_later_value(judge, quote, alg, pcr, &given, err);
		if (later < 0)
			return -1;
		if (later) {
			note(walk, pcr, quote, &wanted, &given, digest_equal(&wanted, &given));
			continue;
		}
		if (judge->boot_extended >> pcr & 1 && !bank)
			continue; /* pcr.bank */
		if (!hasher_has(judge->hasher, alg) && judge->userspace_extended >> pcr & 1)
			continue; /* pcr.bank */
		if (judge->ima_extended & judge->userspace_extended & (pcr_set)1 << pcr)
			status = compare_merged(walk, quote_index, &base, pcr, &wanted, err);
		else if (pcr == judge_ima_pcr(judge) && judge->ima_extended >> pcr & 1 &&
			 is_reset_in_all_banks(quote, pcr))
			continue; /* a quote from before the first entry: ima.unattested */
		else if (judge->ima_extended >> pcr & 1)
			compare_ima(walk, quote_index, pcr, &wanted);
		else if (logged >> pcr & 1) {
			given = pcr_bank_value(&after, pcr);
			note(walk, pcr, quote, &wanted, &given, digest_equal(&wanted, &given));
		} else if (is_reset(digest_bytes(&wanted), pcr))
			note(walk, pcr, quote, &wanted, NULL, true);
		else if (log_is_missing(judge, pcr))
			walk->unexplained |= (pcr_set)1 << pcr;
		else if (judge->has_ima)
			compare_ima(walk, quote_index, pcr, &wanted);
		else
			note(walk, pcr, quote, &wanted, NULL, false); /* no log has it */
		if (status < 0)
			return -1;
	}
	return 0;
}

static int compare_quote(struct pcr_walk *walk, size_t quote_index, struct error *err)
{
	struct judged_quote *quote = &walk->judge->quotes[quote_index];

	/* Where user space has a log, that has to say it. */
	if (!walk->judge->userspace_file && judge_later(walk->judge, quote, err) < 0)
		return -1;
	find_prefix(walk->judge, quote_index);
	if (find_userspace(walk->judge, quote, err) < 0)
		return -1;
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
	bool by_ima = judge->ima_extended >> pcr & 1;
	bool by_userspace = judge->userspace_extended >> pcr & 1;
	struct explanation why = { .text = "", .index = REPORT_NOWHERE, .offset = REPORT_NOWHERE };
	const char *what = "the boot log does not give the signed value";
	struct finding *finding;
	char subject[16];

	snprintf(subject, sizeof(subject), "PCR %" PRIu32, pcr);
	if (by_ima && by_userspace)
		what = "user space's log and the IMA log extend it both, and in no order that was "
		       "tried do they give the signed value";
	else if (by_userspace)
		what = "the boot log and user space's, up to where other PCRs say the quote was "
		       "made, do not give the signed value";
	else if (by_ima)
		what = "no part of the IMA log, from its first entry on, gives the signed value";
	else if (!(judge->boot_extended >> pcr & 1))
		what = "it was extended, and no log says with what: it does not have its reset "
		       "value";
	if (explain_pcr(judge, state->strongest, pcr, &state->wanted, &why, err) < 0)
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
		finding_at(report, finding, why.file->path, why.index, why.offset);
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
	if (walk->undecided)
		report_missing(report, "pcr.replay", bytes_of("", 0),
			       "PCR %s: user space's log and the IMA log extend them both, and the "
			       "order that gives the signed value was not found within the limits",
			       report_pcrs(report, walk->undecided));
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
static void judge_attested(struct judge *judge, pcr_set undecided)
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
	if (!(covered >> judge_ima_pcr(judge) & 1)) {
		report_missing(report, "ima.attested", subject,
			       "no quote covers PCR %s: nothing vouches for this log",
			       report_pcrs(report, judge->ima_extended));
	} else if (!is_compared) {
		report_missing(report, "ima.attested", subject,
			       "a quote covers PCR %s, but what it should be cannot be computed",
			       report_pcrs(report, covered & judge->ima_extended));
	} else if (coverage->n_attested == 0 && undecided >> judge_ima_pcr(judge) & 1) {
		report_missing(report, "ima.attested", subject,
			       "how much of the log a quote covers was not found: user space "
			       "extends its PCR, too");
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

/* Which records of user space's log a quote covers. */
static void judge_attested_userspace(struct judge *judge)
{
	struct report *report = judge->report;
	bool is_compared = false;
	struct bytes subject;
	pcr_set covered = 0;
	size_t n = 0;

	if (judge->n_userspace == 0)
		return;
	subject = file_subject(judge->userspace_file);
	for (size_t i = 0; i < judge->n_quotes; i++) {
		const struct judged_quote *quote = &judge->quotes[i];

		if (!quote_speaks(judge, quote) || !quote->is_compared)
			continue;
		is_compared = true;
		for (unsigned alg = 0; alg < ALG_BANKS; alg++)
			covered |= quote_selection_pcrs(&quote->quote.selection, (enum alg)alg);
		if (quote->n_userspace > n)
			n = quote->n_userspace;
	}
	covered &= judge->userspace_extended;
	report->coverage.n_userspace = judge->n_userspace;
	report->coverage.n_userspace_attested = n;
	if (!is_compared || !covered)
		report_missing(report, "userspace.attested", subject,
			       "no quote that covers the PCRs of this log can be compared with it");
	else if (n < judge->n_userspace)
		report_check(report, "userspace.attested", n ? CHECK_PASS : CHECK_SKIP, subject,
			     "the first %zu of %zu extends are covered by a quote, %zu came after "
			     "it",
			     n, judge->n_userspace, judge->n_userspace - n);
	else
		report_check(report, "userspace.attested", CHECK_PASS, subject,
			     "all %zu extends are covered by a quote", n);
	if (n < judge->n_userspace)
		report_weaken(report, judge->userspace_file->path, judge->userspace[n].index);
}

/* What a report calls the log that extends a PCR first. */
static const char *log_name(const struct judge *judge, uint32_t pcr)
{
	if (judge->boot_extended >> pcr & 1)
		return "boot log";
	return judge->userspace_extended >> pcr & 1 ? "log of user space" : "IMA log";
}

/* PCRs that must be quoted and are not: what logs extend, and what the policy requires. */
static void judge_unquoted(struct judge *judge)
{
	struct report *report = judge->report;
	pcr_set logged = judge->boot_extended | judge->userspace_extended | judge->ima_extended;
	pcr_set quoted = 0, weak, missing;

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
				       log_name(judge, pcr));
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
	judge_attested(judge, walk.undecided);
	judge_attested_userspace(judge);
	judge_unquoted(judge);
	judge_missing_banks(judge);
	return 0;
}
