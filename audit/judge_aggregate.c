/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdicts.md, "IMA", boot_aggregate: the hash of the PCRs that the kernel found when it started,
 * which ties the IMA log to a boot. It is believed as far as the values are quoted, too: the boot
 * log's digests in a bank that no quote covers are anybody's.
 */
#include "audit/judge.h"

#include <inttypes.h>

#include "core/own.h"

/* The kernel hashes PCR 0-7, since Linux 5.8 PCR 0-9 where the bank is not SHA-1 (ima_crypto.c). */
static const pcr_set short_set = 0xff, long_set = 0x3ff;

/* Of user space's extends, those after which a kexec'd kernel's aggregate is computed: a boot makes ten. */
#define LATER_MAX 64

/* Aggregates for which that is done: a machine that is kexec'd daily makes some hundreds. */
#define KEXECS_MAX 1024

/* PCR 0 to 9 in one bank. */
struct early_pcrs {
	struct pcr_bank bank; /* what a quote says of them, else what the boot log replays to */
	pcr_set quoted;       /* a quote says it, by its values or by the log that it confirms */
	pcr_set known;
};

static int find_early_pcrs(struct judge *judge, enum alg alg, struct early_pcrs *out,
			   struct error *err)
{
	pcr_set since = judge->userspace_extended | judge->ima_extended;
	const struct pcr_bank *bank;

	pcr_bank_init(&out->bank, alg);
	out->quoted = out->known = 0;
	if (judge_boot_bank(judge, alg, &bank, err) < 0)
		return -1;
	if (bank) {
		out->bank = *bank;
		out->known = long_set;
	}
	for (size_t i = 0; i < judge->n_quotes; i++) {
		const struct judged_quote *quote = &judge->quotes[i];
		pcr_set quoted;

		if (!quote_speaks(judge, quote) || !(quote->has_values || quote->is_explained))
			continue;
		quoted = quote_selection_pcrs(&quote->quote.selection, alg) & long_set;
		/* What user space and IMA extended since is not in what the kernel found: there the
		 * boot log's value stands, if the quote confirms it. */
		if (quote->has_values)
			quoted &= ~since | quote->matched[alg];
		for (uint32_t pcr = 0; pcr < 10 && quote->has_values; pcr++)
			if (quoted >> pcr & ~since >> pcr & 1)
				memcpy(out->bank.value[pcr], quote->pcrs->value[alg][pcr],
				       alg_size(alg));
		out->quoted |= quoted;
	}
	out->known |= out->quoted;
	return 0;
}

/* H(PCR 0 .. n - 1), as ima_calc_boot_aggregate_tfm makes it (ima_crypto.c). */
static int aggregate_of(struct judge *judge, const struct pcr_bank *bank, size_t n,
			struct digest *out, struct error *err)
{
	struct bytes parts[10];

	for (size_t i = 0; i < n; i++)
		parts[i] = bytes_of(bank->value[i], alg_size(bank->alg));
	return hasher_digest(judge->hasher, bank->alg, parts, n, out, err);
}

/* It does not fit; expected is NULL where nothing could. */
static void report_foreign(struct judge *judge, const struct ima_aggregate *aggregate,
			   const char *why, const struct digest *expected)
{
	struct report *report = judge->report;
	struct finding *finding;

	report_check(report, "ima.boot-aggregate", CHECK_FAIL, file_subject(judge->ima_file),
		     "entry %" PRIu64 " does not fit this boot", aggregate->index);
	finding = report_finding(report, FINDING_IMA_BOOT_AGGREGATE, FINDING_AS_LISTED,
				 bytes_of_string("boot_aggregate"), "%s", why);
	finding->found = report_digest(report, &aggregate->digest);
	if (expected) {
		finding->expected = arena_take(&report->arena, sizeof(*finding->expected));
		if (finding->expected) {
			*finding->expected = (struct reference){ "", "", bytes_of("", 0),
								 report_digest(report, expected) };
			finding->n_expected = 1;
		}
	}
	finding_at(report, finding, judge->ima_file->path, aggregate->index, aggregate->offset);
}

/* It is the hash of the PCRs of set: that proves something as far as they are quoted. */
static void report_own(struct judge *judge, const struct ima_aggregate *aggregate,
		       const struct early_pcrs *pcrs, pcr_set set)
{
	struct report *report = judge->report;
	struct bytes subject = file_subject(judge->ima_file);
	const char *bank = alg_name(aggregate->digest.alg);

	if (set & ~pcrs->quoted)
		report_missing(report, "ima.boot-aggregate", subject,
			       "entry %" PRIu64 " is the hash of PCR %s of the boot log, %s, but "
			       "no quote covers PCR %s of this bank",
			       aggregate->index, report_pcrs(report, set), bank,
			       report_pcrs(report, set & ~pcrs->quoted));
	else
		report_check(report, "ima.boot-aggregate", CHECK_PASS, subject,
			     "entry %" PRIu64 " is the hash of PCR %s, %s", aggregate->index,
			     report_pcrs(report, set), bank);
}

/*
 * A kernel that was started by kexec finds the PCRs as user space left them: is the digest the hash of
 * PCR 0-7 or 0-9 after some of its extends? 1 and *set, 0, -1.
 */
static int fits_later(struct judge *judge, const struct digest *digest, struct early_pcrs *pcrs,
		      pcr_set *set, struct error *err)
{
	struct digest found;
	size_t n_tries = 0;

	if (long_set & ~pcrs->known)
		return 0;
	for (size_t i = 0; i < judge->n_userspace; i++) {
		if (userspace_replay(judge, &pcrs->bank, i, i + 1, err) < 0)
			return -1;
		if (!(long_set >> judge->userspace[i].pcr & 1) || n_tries++ == LATER_MAX)
			continue;
		*set = short_set;
		if (aggregate_of(judge, &pcrs->bank, 8, &found, err) < 0)
			return -1;
		if (digest_equal(digest, &found))
			return 1;
		*set = long_set;
		if (aggregate_of(judge, &pcrs->bank, 10, &found, err) < 0)
			return -1;
		if (digest_equal(digest, &found))
			return 1;
	}
	return 0;
}

static int judge_aggregate(struct judge *judge, const struct ima_aggregate *aggregate, size_t n,
			   struct error *err)
{
	struct report *report = judge->report;
	const struct digest *digest = &aggregate->digest;
	struct digest short_one, long_one;
	struct early_pcrs pcrs;
	bool fits_short, fits_long;
	pcr_set later;
	int status = 0;

	if (digest->alg == ALG_NONE) {
		report_missing(report, "ima.boot-aggregate", file_subject(judge->ima_file),
			       "entry %" PRIu64 ": of no bank that Assay knows", aggregate->index);
		return 0;
	}
	if (bytes_all(digest_bytes(digest), 0)) {
		report_foreign(judge, aggregate,
			       "all zeros: that kernel saw no TPM, and measured into none", NULL);
		return 0;
	}
	if (!hasher_has(judge->hasher, digest->alg)) {
		report_missing(report, "ima.boot-aggregate", file_subject(judge->ima_file),
			       "entry %" PRIu64 ": a hash that Assay cannot compute",
			       aggregate->index);
		return 0;
	}
	if (find_early_pcrs(judge, digest->alg, &pcrs, err) < 0 ||
	    aggregate_of(judge, &pcrs.bank, 8, &short_one, err) < 0 ||
	    aggregate_of(judge, &pcrs.bank, 10, &long_one, err) < 0)
		return -1;
	fits_short = !(short_set & ~pcrs.known) && digest_equal(digest, &short_one);
	fits_long = !(long_set & ~pcrs.known) && digest_equal(digest, &long_one);
	if (!fits_short && !fits_long && aggregate != judge->aggregates && n < KEXECS_MAX)
		status = fits_later(judge, digest, &pcrs, &later, err);
	if (status < 0)
		return -1;
	if (status > 0) {
		report_own(judge, aggregate, &pcrs, later);
	} else if (fits_short || fits_long) {
		report_own(judge, aggregate, &pcrs, fits_short ? short_set : long_set);
	} else if (long_set & ~pcrs.known) {
		report_missing(report, "ima.boot-aggregate", file_subject(judge->ima_file),
			       "entry %" PRIu64 ": PCR %s of the %s bank are not known",
			       aggregate->index, report_pcrs(report, long_set & ~pcrs.known),
			       alg_name(digest->alg));
	} else {
		report_foreign(judge, aggregate,
			       "neither the hash of PCR 0-7 nor of PCR 0-9 of this boot: the IMA "
			       "log is of another boot",
			       &long_one);
	}
	return 0;
}

int judge_aggregates(struct judge *judge, struct error *err)
{
	size_t n = 0;

	for (const struct ima_aggregate *aggregate = judge->aggregates; aggregate;
	     aggregate = aggregate->next)
		if (judge_aggregate(judge, aggregate, n++, err) < 0)
			return -1;
	return 0;
}
