/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quoted PCR values without any boot log, against what boot profiles end in. A value that is
 * otherwise is tried against small changes of the profile's events; the smallest that gives it is
 * named. It explains, and excuses nothing.
 */
#include <inttypes.h>

#include "audit/judge.h"
#include "core/array.h"
#include "core/own.h"

/* Replays of one PCR that are tried, at most: under a second. */
#define TRIALS_MAX 300000
#define EVENTS_MAX 512 /* of one PCR in a profile, to be tried */

/* One event that is extended in a trial. */
struct step {
	const struct profile_event *event; /* NULL: constant is what counts */
	struct digest digest;
	const char *constant; /* what it is, of an event no profile has */
};

struct search {
	struct judge *judge;
	enum alg alg;
	uint32_t pcr;
	const struct digest *wanted;
	struct step base[EVENTS_MAX];
	size_t n_base;
	struct step *pool; /* owned; what else may have been measured into this PCR */
	size_t n_pool, pool_capacity;
	size_t n_trials;
	const char *text; /* the explanation; NULL: none yet */
};

/* The signed value of a PCR: one that the quote selects. */
static bool value_of(const struct judge *judge, const struct judged_quote *quote, enum alg alg,
		     uint32_t pcr, struct digest *out)
{
	if (!quote->pcrs || !(quote->pcrs->present[alg] >> pcr & 1) ||
	    !(quoted_pcrs(judge, alg) >> pcr & 1))
		return false;
	return digest_init(out, alg, bytes_of(quote->pcrs->value[alg][pcr], alg_size(alg)));
}

/* --- trials ----------------------------------------------------------------------------------------- */

/* What takes the place of base events: at first[0] and first[1], each by another or by nothing. */
struct change {
	size_t at;
	const struct step *by; /* NULL: left out */
	bool is_inserted;      /* before at, instead of replacing it */
};

static bool gives(struct search *s, const struct change *changes, size_t n_changes,
		  uint8_t locality)
{
	struct pcr_bank bank;
	struct digest value;
	struct error err;

	if (s->n_trials++ >= TRIALS_MAX)
		return false;
	pcr_bank_init(&bank, s->alg);
	if (locality)
		pcr_bank_set_locality(&bank, locality);
	for (size_t i = 0; i <= s->n_base; i++) {
		const struct step *step = i < s->n_base ? &s->base[i] : NULL;

		for (size_t k = 0; k < n_changes; k++) {
			if (changes[k].at != i)
				continue;
			if (changes[k].is_inserted &&
			    pcr_bank_extend(&bank, s->judge->hasher, s->pcr, &changes[k].by->digest,
					    &err) < 0)
				return false;
			if (!changes[k].is_inserted)
				step = changes[k].by;
		}
		if (step &&
		    pcr_bank_extend(&bank, s->judge->hasher, s->pcr, &step->digest, &err) < 0)
			return false;
	}
	value = pcr_bank_value(&bank, s->pcr);
	return digest_equal(&value, s->wanted);
}

static const char *name_of(const struct search *s, const struct step *step)
{
	struct arena *arena = &s->judge->report->arena;

	if (!step->event)
		return step->constant;
	return arena_printf(arena, "%s (%s)",
			    *step->event->component ? step->event->component : "an event",
			    report_text(s->judge->report, bytes_of_string(step->event->source)));
}

static void explain(struct search *s, const struct change *changes, size_t n)
{
	struct arena *arena = &s->judge->report->arena;
	const char *text = "";

	for (size_t i = 0; i < n; i++) {
		const char *and = i ? ", and " : "";

		if (changes[i].is_inserted)
			text = arena_printf(arena, "%s%s%s measured besides", text, and,
					    name_of(s, changes[i].by));
		else if (!changes[i].by)
			text = arena_printf(arena, "%s%s%s not measured", text, and,
					    name_of(s, &s->base[changes[i].at]));
		else
			text = arena_printf(arena, "%s%s%s instead of %s", text, and,
					    name_of(s, changes[i].by),
					    name_of(s, &s->base[changes[i].at]));
	}
	s->text = text;
}

static bool try_single(struct search *s)
{
	for (size_t i = 0; i <= s->n_base; i++) {
		struct change change = { .at = i };

		if (i < s->n_base && gives(s, &change, 1, 0)) {
			explain(s, &change, 1);
			return true;
		}
		for (size_t k = 0; k < s->n_pool; k++) {
			change.by = &s->pool[k];
			for (int inserted = 0; inserted < 2; inserted++) {
				change.is_inserted = inserted;
				if ((inserted || i < s->n_base) && gives(s, &change, 1, 0)) {
					explain(s, &change, 1);
					return true;
				}
			}
		}
	}
	return false;
}

static bool try_locality(struct search *s)
{
	for (uint8_t locality = 1; s->pcr == 0 && locality <= 4; locality++)
		if (gives(s, NULL, 0, locality)) {
			s->text = arena_printf(&s->judge->report->arena,
					       "the TPM was started from locality %d", locality);
			return true;
		}
	return false;
}

static bool try_pairs(struct search *s)
{
	for (size_t i = 0; i < s->n_base; i++)
		for (size_t j = i + 1; j < s->n_base; j++)
			for (size_t k = 0; k <= s->n_pool; k++)
				for (size_t l = 0; l <= s->n_pool; l++) {
					const struct change changes[2] = {
						{.at = i,  .by = k ? &s->pool[k - 1] : NULL},
						{ .at = j, .by = l ? &s->pool[l - 1] : NULL},
					};

					if (s->n_trials >= TRIALS_MAX)
						return false;
					if (gives(s, changes, 2, 0)) {
						explain(s, changes, 2);
						return true;
					}
				}
	return false;
}

/* --- what may have been measured ------------------------------------------------------------------- */

static int add_to_pool(struct search *s, const struct step *step, struct error *err)
{
	for (size_t i = 0; i < s->n_pool; i++)
		if (digest_equal(&s->pool[i].digest, &step->digest))
			return 0;
	if (array_room(&s->pool, s->n_pool, &s->pool_capacity, sizeof(*s->pool), NULL, err) < 0)
		return -1;
	s->pool[s->n_pool++] = *step;
	return 0;
}

/* Events of the PCR in any profile, and constants that firmware and systemd are known to measure. */
static int fill_pool(struct search *s, struct error *err)
{
	static const struct {
		const char *name;
		uint8_t bytes[48];
		size_t size;
	} constants[] = {
		{"a separator",                  { 0 },					     4 },
		{ "an error separator",          { 1 },                                             4 },
		{ "a separator of ones",         { 0xff, 0xff, 0xff, 0xff },                        4 },
		{ "the os-separator of systemd", "os-separator",                                    12},
		{ "a failed boot attempt",       "Returning from EFI Application from Boot Option", 47},
		{ "a further boot attempt",      "Calling EFI Application from Boot Option",        40},
	};
	const struct profile_list *all = s->judge->setup->all_profiles;

	for (size_t i = 0; i < all->n_profiles; i++)
		for (size_t k = 0; k < all->profiles[i].n_events; k++) {
			const struct profile_event *event = &all->profiles[i].events[k];
			struct step step = { .event = event, .digest = event->digests[s->alg] };

			if (event->pcr == s->pcr && event->algs & 1u << s->alg &&
			    event->type != EV_NO_ACTION && add_to_pool(s, &step, err) < 0)
				return -1;
		}
	for (size_t i = 0; i < ARRAY_SIZE(constants); i++) {
		struct step step = { .constant = constants[i].name };

		if (hasher_digest_bytes(s->judge->hasher, s->alg,
					bytes_of(constants[i].bytes, constants[i].size),
					&step.digest, err) < 0 ||
		    add_to_pool(s, &step, err) < 0)
			return -1;
	}
	return 0;
}

static int explain_value(struct judge *judge, const struct profile *profile, enum alg alg,
			 uint32_t pcr, const struct digest *wanted, const char **out,
			 struct error *err)
{
	AUTO(own_free) struct search *s = calloc(1, sizeof(*s));

	if (!s)
		return error_memory(err, NULL);
	*s = (struct search){ .judge = judge, .alg = alg, .pcr = pcr, .wanted = wanted };
	*out = "";
	for (size_t i = 0; i < profile->n_events; i++) {
		const struct profile_event *event = &profile->events[i];

		if (event->pcr != pcr || event->type == EV_NO_ACTION)
			continue;
		if (s->n_base == EVENTS_MAX)
			return 0;
		s->base[s->n_base++] =
			(struct step){ .event = event, .digest = event->digests[alg] };
	}
	if (fill_pool(s, err) < 0) {
		free(s->pool);
		return -1;
	}
	if (try_locality(s) || try_single(s) || try_pairs(s))
		*out = s->text;
	free(s->pool);
	return 0;
}

/* --- the judge -------------------------------------------------------------------------------------- */

/* How a profile's values stand to the quoted ones. */
struct standing {
	const struct profile *profile;
	struct pcr_bank bank;
	pcr_set compared, equal;
};

/* Whether a value is what the profile says user space brings the PCR to, at some point. */
static int is_later_value(struct judge *judge, const struct profile *profile,
			  const struct pcr_bank *start, uint32_t pcr, const struct digest *quoted,
			  struct error *err)
{
	for (size_t n = 1; n <= profile->n_later; n++) {
		struct pcr_bank bank = *start;
		struct digest value;

		if (profile->later[n - 1].pcr != pcr)
			continue;
		if (profile_replay_later(profile, n, judge->hasher, &bank, err) < 0)
			return -1;
		value = pcr_bank_value(&bank, pcr);
		if (digest_equal(&value, quoted))
			return 1;
	}
	return 0;
}

static int compare(struct judge *judge, const struct judged_quote *quote,
		   const struct profile *profile, enum alg alg, struct standing *out,
		   struct error *err)
{
	out->profile = profile;
	out->compared = out->equal = 0;
	if (profile_replay(profile, alg, judge->hasher, &out->bank, err) < 0)
		return -1;
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		struct digest quoted, value = pcr_bank_value(&out->bank, pcr);
		int later;

		if (!profile_has_value(profile, alg, pcr) ||
		    !value_of(judge, quote, alg, pcr, &quoted))
			continue;
		out->compared |= (pcr_set)1 << pcr;
		later = digest_equal(&quoted, &value)
				? 1
				: is_later_value(judge, profile, &out->bank, pcr, &quoted, err);
		if (later < 0)
			return -1;
		if (later)
			out->equal |= (pcr_set)1 << pcr;
	}
	return 0;
}

static int tell_pcr(struct judge *judge, const struct judged_quote *quote,
		    const struct standing *best, enum alg alg, uint32_t pcr, struct error *err)
{
	struct report *report = judge->report;
	struct digest quoted, value = pcr_bank_value(&best->bank, pcr);
	struct reference *reference = arena_take(&report->arena, sizeof(*reference));
	struct finding *finding;
	const char *why;

	if (!value_of(judge, quote, alg, pcr, &quoted))
		return 0;
	if (explain_value(judge, best->profile, alg, pcr, &quoted, &why, err) < 0)
		return -1;
	finding = report_finding(report, FINDING_BOOT_PCR, FINDING_AS_LISTED,
				 bytes_of_string(arena_printf(&report->arena, "PCR %" PRIu32, pcr)),
				 "is not what profile '%s' ends in%s%s",
				 report_text(report, bytes_of_string(best->profile->name)),
				 *why ? "; it would be with "
				      : ", and no small change of it gives the quoted value",
				 why);
	finding->found = report_digest(report, &quoted);
	if (reference) {
		*reference = (struct reference){ .release = best->profile->release,
						 .artifact = best->profile->artifact,
						 .digest = report_digest(report, &value) };
		finding->expected = reference;
		finding->n_expected = 1;
	}
	return 0;
}

static unsigned count(pcr_set set)
{
	return (unsigned)__builtin_popcount(set);
}

/* Fewer values that are otherwise; of as many, more that are as predicted. A profile that predicts none
 * of the quoted values says nothing. */
static bool is_nearer(const struct standing *a, const struct standing *b)
{
	unsigned a_wrong = count(a->compared & ~a->equal), b_wrong = count(b->compared & ~b->equal);

	if (!a->compared || !b->compared)
		return a->compared != 0;
	return a_wrong < b_wrong || (a_wrong == b_wrong && count(a->equal) > count(b->equal));
}

/* The strongest bank that a quote which speaks has values of, and some profile too. */
static const struct judged_quote *choose_quote(const struct judge *judge, enum alg *alg)
{
	static const enum alg strongest[] = { ALG_SHA512, ALG_SHA384, ALG_SHA256, ALG_SM3_256,
					      ALG_SHA1 };
	const struct profile_list *profiles = judge->setup->profiles;
	alg_set predicted = 0;

	for (size_t i = 0; i < profiles->n_profiles; i++)
		predicted |= profiles->profiles[i].banks;
	for (size_t i = 0; i < ARRAY_SIZE(strongest); i++)
		for (size_t k = 0; k < judge->n_quotes; k++) {
			const struct judged_quote *quote = &judge->quotes[k];

			*alg = strongest[i];
			if (predicted & 1u << *alg && quote->has_values &&
			    quote_speaks(judge, quote) && quoted_pcrs(judge, *alg))
				return quote;
		}
	return NULL;
}

int judge_profile_values(struct judge *judge, struct error *err)
{
	const struct profile_list *profiles = judge->setup->profiles;
	struct report *report = judge->report;
	struct standing best = { 0 };
	enum alg alg;
	const struct judged_quote *quote = choose_quote(judge, &alg);

	if (!quote) {
		report_check(report, "boot.profile", CHECK_SKIP, bytes_of("", 0),
			     "neither a boot log nor quoted PCR values to compare with profiles");
		return 0;
	}
	for (size_t i = 0; i < profiles->n_profiles; i++) {
		struct standing standing;

		if (!(profiles->profiles[i].banks & 1u << alg))
			continue;
		if (compare(judge, quote, &profiles->profiles[i], alg, &standing, err) < 0)
			return -1;
		if (!best.profile || is_nearer(&standing, &best))
			best = standing;
	}
	report_check(
		report, "boot.profile",
		!best.compared                ? CHECK_SKIP
		: best.equal == best.compared ? CHECK_PASS
					      : CHECK_FAIL,
		bytes_of("", 0),
		"no boot log; profile '%s' of release %s predicts PCR %s of the %s bank, and PCR "
		"%s are quoted so",
		report_text(report, bytes_of_string(best.profile->name)),
		report_text(report, bytes_of_string(best.profile->release)),
		report_pcrs(report, best.compared), alg_name(alg), report_pcrs(report, best.equal));
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++)
		if ((best.compared & ~best.equal) >> pcr & 1 &&
		    tell_pcr(judge, quote, &best, alg, pcr, err) < 0)
			return -1;
	return 0;
}
