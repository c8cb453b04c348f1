/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What user space extends after the boot log has ended, where there is no log of that, and a boot
 * profile of the releases that count says so: systemd's boot phases in PCR 11 above all. A machine may
 * be at any point of it, and no log of the firmware tells which; the quoted values do.
 *
 * Only what the profile has counts, byte for byte: a PCR into which another machine's id went, or any
 * other value that the installation alone knows, stays unexplained here.
 */
#include "audit/judge.h"

#include <inttypes.h>

#include "core/own.h"
#include "core/text.h"

/* Profiles times points in them that are tried for one quote. */
#define TRIALS_MAX 100000

/*
 * PCRs that the profile extends later with digests it knows. Without holes: not those into which
 * something goes that may be otherwise on each installation.
 */
static pcr_set later_pcrs(const struct profile *profile, bool holes)
{
	pcr_set extended = 0, open = 0;

	for (size_t i = 0; i < profile->n_later; i++) {
		const struct profile_event *event = &profile->later[i];

		extended |= (pcr_set)1 << event->pcr;
		if ((event->n_holes && !holes) || event->algs != profile->banks)
			open |= (pcr_set)1 << event->pcr;
	}
	return extended & ~open;
}

/* The boot log's values of a bank, and the first n later events on top. */
static int later_bank(struct judge *judge, const struct profile *profile, size_t n, enum alg alg,
		      struct pcr_bank *out, struct error *err)
{
	const struct pcr_bank *bank;

	if (judge_boot_bank(judge, alg, &bank, err) < 0)
		return -1;
	if (!bank || !(profile->banks & 1u << alg))
		return 0;
	*out = *bank;
	return profile_replay_later(profile, n, judge->hasher, out, err) < 0 ? -1 : 1;
}

/* Does a quote have the values of so many later events, in each of its banks? */
static int fits(struct judge *judge, const struct judged_quote *quote,
		const struct profile *profile, size_t n, pcr_set pcrs, struct error *err)
{
	bool compared = false;

	for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
		pcr_set quoted = quote_selection_pcrs(&quote->quote.selection, alg) & pcrs;
		struct pcr_bank bank;
		int status;

		if (!quoted)
			continue;
		status = later_bank(judge, profile, n, alg, &bank, err);
		if (status <= 0)
			return status;
		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++)
			if (quoted >> pcr & 1 &&
			    memcmp(bank.value[pcr], quote->pcrs->value[alg][pcr], alg_size(alg)) !=
				    0)
				return 0;
		compared = true;
	}
	return compared;
}

/* The text of the last of the first n later events that goes into a PCR. */
static struct bytes last_text(const struct profile *profile, size_t n, uint32_t pcr)
{
	while (n-- > 0)
		if (profile->later[n].pcr == pcr)
			return profile->later[n].text;
	return bytes_of("", 0);
}

static void tell(struct judge *judge, const struct judged_quote *quote)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	const struct profile *profile = quote->later.profile;
	const char *comma = "";

	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		struct bytes last = last_text(profile, quote->later.n, pcr);

		if (!(quote->later.pcrs >> pcr & 1) || !last.size)
			continue;
		buf_printf(&text, "%sPCR %" PRIu32 " up to \"", comma, pcr);
		text_append(&text, last);
		buf_append_string(&text, "\"");
		comma = ", ";
	}
	if (buf_finish(&text, NULL) < 0) {
		judge->report->arena.failed = true;
		return;
	}
	report_check(
		judge->report, "boot.phase", CHECK_PASS, file_subject(quote->message),
		"quoted when user space had extended %s, as the profile '%s' of release %s has it",
		(const char *)text.data, report_text(judge->report, bytes_of_string(profile->name)),
		report_text(judge->report, bytes_of_string(profile->release)));
}

/* The furthest point of a profile that fits: 1, 0 there is none, -1. */
static int find_point(struct judge *judge, struct judged_quote *quote,
		      const struct profile *profile, pcr_set pcrs, size_t *n_trials,
		      struct error *err)
{
	/* From the end back to nothing at all, which is what a quote of an early initrd shows. */
	for (size_t n = profile->n_later + 1; pcrs && n-- > 0;) {
		int status;

		if (++*n_trials > TRIALS_MAX)
			return 0;
		status = fits(judge, quote, profile, n, pcrs, err);
		if (status < 0)
			return -1;
		if (status == 0)
			continue;
		if (n > 0) {
			quote->later.profile = profile;
			quote->later.n = n;
			quote->later.pcrs = pcrs;
			tell(judge, quote);
		}
		return 1;
	}
	return 0;
}

int judge_later(struct judge *judge, struct judged_quote *quote, struct error *err)
{
	const struct profile_list *profiles = judge->setup->profiles;
	size_t n_trials = 0;

	/* What a log says of it counts. */
	if (!judge->has_boot || !profiles ||
	    bundle_find(judge->bundle, ROLE_USERSPACE_LOG, bytes_of("", 0)))
		return 0;
	for (int holes = 1; holes >= 0; holes--)
		for (size_t i = 0; i < profiles->n_profiles; i++) {
			const struct profile *profile = &profiles->profiles[i];
			int status = find_point(judge, quote, profile, later_pcrs(profile, holes),
						&n_trials, err);

			if (status != 0)
				return status < 0 ? -1 : 0;
		}
	return 0;
}

int judge_later_value(struct judge *judge, const struct judged_quote *quote, enum alg alg,
		      uint32_t pcr, struct digest *value, struct error *err)
{
	struct pcr_bank bank;
	int status;

	if (!(quote->later.pcrs >> pcr & 1))
		return 0;
	status = later_bank(judge, quote->later.profile, quote->later.n, alg, &bank, err);
	if (status > 0)
		*value = pcr_bank_value(&bank, pcr);
	return status;
}
