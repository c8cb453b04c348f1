/* SPDX-License-Identifier: BSD-2-Clause */
/* What booted: the boot log against the boot profiles of the releases that count. */
#include <inttypes.h>

#include "audit/command_line.h"
#include "audit/profile_judge.h"
#include "core/array.h"
#include "core/own.h"
#include "core/text.h"

/* More differences of one log than this are counted, not told one by one. */
#define TOLD_MAX 200

/* Events that nobody predicts are told one by one up to here. */
#define UNPREDICTED_TOLD_MAX 100
/* Bytes times bytes of texts that are compared to tell which differ by the same words. */
#define GROUP_WORK_MAX       ((uint64_t)1 << 28)

/* --- the log ---------------------------------------------------------------------------------------- */

static int add_event(struct profile_judge *p, const struct record *record, struct error *err)
{
	struct fit_event event = { .pcr = record->pcr,
				   .type = record->type,
				   .index = record->index,
				   .offset = record->offset,
				   .data = record->data };

	if (array_room(&p->events, p->n_events, &p->capacity, sizeof(*p->events), NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < record->n_digests && !event.has_digest; i++) {
		event.has_digest = record->digests[i].alg == p->alg;
		if (event.has_digest)
			event.digest = record->digests[i];
	}
	if (record->type == EV_IPL || record->type == EV_EVENT_TAG)
		fit_event_text(&event, p->judge->hasher, &p->report->arena);
	p->events[p->n_events++] = event;
	return 0;
}

int profile_read_events(struct profile_judge *p, struct error *err)
{
	struct error problem;
	struct record record;

	eventlog_rewind(&p->judge->boot);
	while (eventlog_next(&p->judge->boot, &record, &problem) > 0)
		if (event_extends(&record) && record.pcr < PCR_COUNT &&
		    add_event(p, &record, err) < 0)
			return -1;
	return 0;
}

/* The strongest bank that is quoted, logged and predicted; without quotes, logged and predicted. */
static enum alg choose_bank(const struct judge *judge, const struct profile_list *profiles)
{
	static const enum alg strongest[] = { ALG_SHA512, ALG_SHA384, ALG_SHA256, ALG_SM3_256,
					      ALG_SHA1 };
	alg_set predicted = 0, quoted = quoted_banks(judge);

	for (size_t i = 0; i < profiles->n_profiles; i++)
		predicted |= profiles->profiles[i].banks;
	for (size_t i = 0; i < ARRAY_SIZE(strongest); i++) {
		alg_set bit = 1u << strongest[i];

		if (predicted & judge->boot_replay.algs & bit && (!quoted || quoted & bit))
			return strongest[i];
	}
	return ALG_NONE;
}

/* --- what is said ----------------------------------------------------------------------------------- */

enum finding_weight profile_weight(const struct profile_judge *p, uint32_t pcr)
{
	return p->report->coverage.matched_pcrs >> pcr & 1 ? FINDING_AS_LISTED : FINDING_UNATTESTED;
}

static const char *component_of(const struct profile_event *event)
{
	return *event->component ? event->component : "an event";
}

/* A profile of all releases that has this digest in this PCR; those that count come first. */
static const struct profile_event *search(const struct profile_judge *p,
					  const struct fit_event *found,
					  const struct profile **profile)
{
	const struct profile_list *lists[] = { p->judge->setup->profiles,
					       p->judge->setup->all_profiles };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (size_t k = 0; lists[i] && k < lists[i]->n_profiles; k++) {
			*profile = &lists[i]->profiles[k];
			for (size_t e = 0; e < (*profile)->n_events; e++) {
				const struct profile_event *event = &(*profile)->events[e];

				if (event->algs & 1u << p->alg && event->pcr == found->pcr &&
				    digest_equal(&event->digests[p->alg], &found->digest))
					return event;
			}
		}
	}
	*profile = NULL;
	return NULL;
}

static bool counts(const struct profile_judge *p, const struct profile *profile)
{
	const struct profile_list *chosen = p->judge->setup->profiles;

	return profile >= chosen->profiles && profile < chosen->profiles + chosen->n_profiles;
}

void profile_reference(const struct profile_judge *p, struct finding *finding,
		       const struct profile *profile, const struct profile_event *expected)
{
	struct reference *reference = arena_take(&p->report->arena, sizeof(*reference));

	if (!reference)
		return;
	*reference = (struct reference){
		.release = profile->release,
		.artifact = profile->artifact,
		.path = bytes_of_string(expected->source),
		.digest = expected->algs & 1u << p->alg
				  ? report_digest(p->report, &expected->digests[p->alg])
				  : "",
	};
	finding->expected = reference;
	finding->n_expected = 1;
}

void profile_place(const struct profile_judge *p, struct finding *finding,
		   const struct fit_event *found)
{
	finding_at(p->report, finding, p->judge->boot_file->path, found->index, found->offset);
	if (found->has_digest)
		finding->found = report_digest(p->report, &found->digest);
}

struct bytes profile_subject(const struct profile_judge *p, uint32_t pcr, const char *component)
{
	return bytes_of_string(
		arena_printf(&p->report->arena, "PCR %" PRIu32 ", %s", pcr, component));
}

/* --- one difference --------------------------------------------------------------------------------- */

/* A logged text that is not the expected one. */
static bool is_text(const struct fit_step *step)
{
	return step->kind == FIT_OTHER && step->expected->text.size &&
	       step->expected->encoding != TEXT_VARIABLE && step->found->has_text;
}

static bool is_command_line(const struct fit_step *step)
{
	return strcmp(step->expected->component, "command line") == 0;
}

static const char *words_beyond(const struct profile_judge *p, struct bytes text,
				struct bytes other, enum command_line_words words)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct bytes copy;

	command_line_beyond(&out, text, other, words);
	if (out.failed || !out.size)
		return "";
	copy = arena_copy(&p->report->arena, buf_bytes(&out));
	return copy.data ? (const char *)copy.data : "";
}

static void tell_text(struct profile_judge *p, const struct profile *profile,
		      const struct fit_step *step, const char *also)
{
	struct bytes found = step->found->text, expected = step->expected->text;
	const char *more =
		words_beyond(p, found, expected,
			     is_command_line(step) ? WORDS_ADDED : WORDS_ADDED_TO_SCRIPT);
	const char *less = words_beyond(p, expected, found, WORDS_LOST);
	struct finding *finding = report_finding(
		p->report, FINDING_BOOT_COMMAND_LINE, profile_weight(p, step->found->pcr),
		profile_subject(p, step->found->pcr, component_of(step->expected)),
		"the text is not the release's: %s%s%s%s%s%s%s", *more ? "it has " : "", more,
		*more && *less ? "; " : "", *less ? "it lacks " : "",
		*less                          ? less
		: *more                        ? ""
		: bytes_equal(found, expected) ? "the same, with or without a NUL, or in another "
						 "encoding"
					       : "the same words in another order",
		*also ? "; so do " : "", also);

	profile_place(p, finding, step->found);
	profile_reference(p, finding, profile, step->expected);
}

/* --- texts of one cause --------------------------------------------------------------------------- */

/* What b differs by, a differs by, too: a menu's entry has the words of the command in it. */
static bool includes(const struct fit_step *a, const struct fit_step *b, uint64_t *work)
{
	struct bytes found_a = a->found->text, expected_a = a->expected->text;
	struct bytes found_b = b->found->text, expected_b = b->expected->text;

	*work += (uint64_t)(found_a.size + expected_a.size) * (found_b.size + expected_b.size);
	return *work < GROUP_WORK_MAX &&
	       command_line_beyond_is_in(found_b, expected_b, found_a, expected_a) &&
	       command_line_beyond_is_in(expected_b, found_b, expected_a, found_a);
}

/* Texts with the same words in another order differ by none, which every other includes. */
static bool has_words(const struct fit_step *step)
{
	struct bytes none = bytes_of("", 0), found = step->found->text,
		     expected = step->expected->text;

	return !command_line_beyond_is_in(found, expected, none, none) ||
	       !command_line_beyond_is_in(expected, found, none, none);
}

/* The text that a text's difference is told with: a kernel's command line if there is one, else the
 * first that includes it. */
static const struct fit_step *leader_of(const struct fit *fit, const struct fit_step *step,
					uint64_t *work)
{
	const struct fit_step *best = NULL;
	bool words = has_words(step);

	for (size_t i = 0; i < fit->n_steps; i++) {
		const struct fit_step *other = &fit->steps[i];

		if (!is_text(other) || (best && is_command_line(best) >= is_command_line(other)))
			continue;
		if (other == step || (words ? includes(other, step, work) : !has_words(other)))
			best = other;
	}
	return best ? best : step;
}

/* Each text that differs is told, or named with the one that tells it. */
static int tell_texts(struct profile_judge *p, const struct fit *fit, struct error *err)
{
	AUTO(own_free) const struct fit_step **leaders = calloc(fit->n_steps + 1, sizeof(*leaders));
	uint64_t work = 0;

	if (!leaders)
		return error_memory(err, NULL);
	for (size_t i = 0; i < fit->n_steps; i++)
		if (is_text(&fit->steps[i]) && p->n_texts++ < TOLD_MAX)
			leaders[i] = leader_of(fit, &fit->steps[i], &work);
	for (size_t i = 0; i < fit->n_steps; i++) {
		AUTO(buf_clear) struct buf also = BUF_INIT;

		if (leaders[i] != &fit->steps[i])
			continue;
		for (size_t k = 0; k < fit->n_steps; k++)
			if (k != i && leaders[k] == leaders[i])
				buf_printf(&also, "%sPCR %" PRIu32 ", %s (event %" PRIu64 ")",
					   also.size ? ", " : "", fit->steps[k].found->pcr,
					   report_text(p->report, bytes_of_string(component_of(
									  fit->steps[k].expected))),
					   fit->steps[k].found->index);
		buf_append_u8(&also, 0);
		if (also.failed)
			return error_memory(err, NULL);
		tell_text(p, fit->profile, &fit->steps[i], (const char *)also.data);
	}
	return 0;
}

/* --- other differences ---------------------------------------------------------------------------- */

static void tell_other(struct profile_judge *p, const struct profile *profile,
		       const struct fit_step *step)
{
	const struct profile *from;
	const struct profile_event *known = search(p, step->found, &from);
	bool other = known && !counts(p, from);
	struct finding *finding;

	finding = report_finding(
		p->report, other ? FINDING_BOOT_OTHER_RELEASE : FINDING_BOOT_COMPONENT,
		profile_weight(p, step->found->pcr),
		profile_subject(p, step->found->pcr, component_of(step->expected)),
		known ? "is not the release's (%s), but %s of release %s (%s)"
		      : "is not the release's (%s), and no release in the database has what it is",
		step->expected->over, known ? component_of(known) : "", known ? from->release : "",
		known ? known->source : "");
	profile_place(p, finding, step->found);
	profile_reference(p, finding, profile, step->expected);
}

static void tell(struct profile_judge *p, const struct profile *profile,
		 const struct fit_step *step)
{
	struct finding *finding;
	const struct profile *from;
	const struct profile_event *known;

	switch (step->kind) {
	case FIT_SAME:
	case FIT_HOLES:
	case FIT_UNPREDICTED:
		return;
	case FIT_OTHER:
		tell_other(p, profile, step);
		return;
	case FIT_MISSING:
		finding = report_finding(
			p->report, step->is_moved ? FINDING_BOOT_ORDER : FINDING_BOOT_MISSING,
			profile_weight(p, step->expected->pcr),
			profile_subject(p, step->expected->pcr, component_of(step->expected)),
			step->is_moved ? "was measured in another place than here: %s of %s"
				       : "was not measured: %s of %s",
			step->expected->over, step->expected->source);
		profile_reference(p, finding, profile, step->expected);
		return;
	case FIT_EXTRA:
		if (step->is_moved)
			return; /* said where it is missing */
		known = search(p, step->found, &from);
		finding =
			report_finding(p->report, FINDING_BOOT_EXTRA,
				       profile_weight(p, step->found->pcr),
				       profile_subject(p, step->found->pcr,
						       known ? component_of(known)
						       : event_type_name(step->found->type)
							       ? event_type_name(step->found->type)
							       : "an event"),
				       known ? "was measured, and the profile has no such event "
					       "here: %s of release "
					       "%s (%s)"
					     : "was measured, and the profile has no such event "
					       "here; no release in "
					       "the database has it%s%s%s",
				       known ? component_of(known) : "", known ? from->release : "",
				       known ? known->source : "");
		profile_place(p, finding, step->found);
		return;
	}
}

/* Whether a PCR that a quote confirms has a text with this hole in it. */
static bool is_attested(const struct profile_judge *p, const struct fit *fit, const char *name)
{
	for (size_t i = 0; i < fit->n_steps; i++) {
		const struct fit_step *step = &fit->steps[i];

		if (step->kind != FIT_HOLES ||
		    profile_weight(p, step->found->pcr) != FINDING_AS_LISTED)
			continue;
		for (size_t k = 0; k < step->expected->n_holes; k++)
			if (strcmp(step->expected->holes[k].name, name) == 0)
				return true;
	}
	return false;
}

/* The installation's own values: those that are attested, or the others. */
static void tell_values(struct profile_judge *p, const struct fit *fit, bool attested)
{
	AUTO(buf_clear) struct buf list = BUF_INIT;
	struct finding *finding;

	for (size_t i = 0; i < fit->n_values; i++) {
		if (is_attested(p, fit, fit->values[i].name) != attested)
			continue;
		buf_printf(&list, "%s%s = ", list.size ? ", " : "", fit->values[i].name);
		text_append(&list, fit->values[i].value);
	}
	if (!list.size || list.failed)
		return;
	finding = report_finding(p->report, FINDING_BOOT_TEMPLATE,
				 attested ? FINDING_AS_LISTED : FINDING_UNATTESTED,
				 file_subject(p->judge->boot_file),
				 "fits the profile with this installation's own values: %s",
				 (const char *)list.data);
	finding_at(p->report, finding, p->judge->boot_file->path, REPORT_NOWHERE, REPORT_NOWHERE);
}

/* --- what nobody predicts ------------------------------------------------------------------------- */

/* Something stands where the profile knows only that something will. */
static void tell_unpredicted(struct profile_judge *p, const struct fit_step *step)
{
	AUTO(buf_clear) struct buf what = BUF_INIT;
	const struct fit_event *found = step->found;
	struct record record = { .type = found->type,
				 .pcr = found->pcr,
				 .index = found->index,
				 .offset = found->offset,
				 .data = found->data };
	bool is_required = p->judge->policy->predicted.value >> found->pcr & 1;
	char type[EVENT_TYPE_TEXT];
	const char *subject;
	struct event event;

	if (p->n_unpredicted++ >= UNPREDICTED_TOLD_MAX && !is_required)
		return;
	if (found->has_digest) {
		record.digests[0] = found->digest;
		record.n_digests = 1;
	}
	event_decode(&record, &event);
	event_describe(&record, &event, &what);
	buf_append_u8(&what, 0);
	if (what.failed)
		return;
	subject = arena_printf(&p->report->arena, "PCR %" PRIu32 ", event %" PRIu64, found->pcr,
			       found->index);
	if (is_required)
		report_missing(p->report, "boot.event", bytes_of_string(subject),
			       "is not predicted (%s), which the policy requires (line %u): %s %s",
			       report_text(p->report, bytes_of_string(step->expected->over)),
			       p->judge->policy->predicted.line, event_type_text(found->type, type),
			       (const char *)what.data);
	else
		report_check(p->report, "boot.event", CHECK_SKIP, bytes_of_string(subject),
			     "is not predicted (%s): %s %s",
			     report_text(p->report, bytes_of_string(step->expected->over)),
			     event_type_text(found->type, type), (const char *)what.data);
}

/* A PCR with far more events than the profile has. */
static void tell_cut(struct profile_judge *p, const struct fit *fit, uint32_t pcr)
{
	size_t n_expected = 0, n_found = 0;
	bool open = false;
	const char *subject = arena_printf(&p->report->arena, "PCR %" PRIu32, pcr);

	for (size_t i = 0; i < fit->profile->n_events; i++) {
		const struct profile_event *event = &fit->profile->events[i];

		if (event->pcr == pcr && event->type != EV_NO_ACTION) {
			n_expected++;
			open |= !(event->algs & 1u << p->alg);
		}
	}
	for (size_t i = 0; i < p->n_events; i++)
		n_found += p->events[i].pcr == pcr;
	if (open)
		report_missing(p->report, "boot.profile", bytes_of_string(subject),
			       "%zu events are too many to compare with a profile", n_found);
	else
		report_finding(p->report, FINDING_BOOT_EXTRA, profile_weight(p, pcr),
			       bytes_of_string(subject),
			       "%zu events were measured where the profile has %zu: too many to "
			       "compare them one by one",
			       n_found, n_expected);
	p->n_differ += !open;
}

/* One step; whether it counts as a difference. */
static int tell_step(struct profile_judge *p, const struct fit *fit, const struct fit_step *step,
		     bool *differs, struct error *err)
{
	enum secureboot_told told = SECUREBOOT_NOT_TOLD;

	*differs =
		step->kind != FIT_SAME && step->kind != FIT_HOLES && step->kind != FIT_UNPREDICTED;
	if (*differs && p->n_told >= TOLD_MAX)
		return 0;
	if (step->found && step->found->pcr == 7 &&
	    secureboot_tell(p, fit->profile, step, &told, err) < 0)
		return -1;
	if (step->kind == FIT_UNPREDICTED)
		tell_unpredicted(p, step);
	else if (*differs) {
		p->n_told++;
		if (told == SECUREBOOT_NOT_TOLD && !is_text(step))
			tell(p, fit->profile, step);
	}
	*differs &= told != SECUREBOOT_HARMLESS;
	return 0;
}

static int tell_fit(struct profile_judge *p, const struct fit *fit, struct error *err)
{
	size_t n_same = 0, n_newer = 0;

	for (size_t i = 0; i < fit->n_steps; i++) {
		const struct fit_step *step = &fit->steps[i];
		bool differs;

		if (tell_step(p, fit, step, &differs, err) < 0)
			return -1;
		p->n_differ += differs;
		n_same += step->kind == FIT_SAME || step->kind == FIT_HOLES;
		n_newer += !differs && step->kind == FIT_OTHER;
	}
	if (tell_texts(p, fit, err) < 0)
		return -1;
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++)
		if (fit->cut >> pcr & 1)
			tell_cut(p, fit, pcr);
	tell_values(p, fit, true);
	tell_values(p, fit, false);
	if (fit->cut && !p->n_differ)
		return 0;
	report_check(p->report, "boot.profile", p->n_differ ? CHECK_FAIL : CHECK_PASS,
		     file_subject(p->judge->boot_file),
		     "%s '%s' of release %s: %zu events as predicted, %zu not predicted by digest, "
		     "%zu otherwise (%s bank)%s%s%s",
		     p->n_differ ? "nearest to the profile" : "the profile",
		     report_text(p->report, bytes_of_string(fit->profile->name)),
		     report_text(p->report, bytes_of_string(fit->profile->release)), n_same,
		     p->n_unpredicted, p->n_differ, alg_name(p->alg),
		     n_newer ? "; what is revoked is newer" : "", *fit->profile->ending ? "; " : "",
		     report_text(p->report, bytes_of_string(fit->profile->ending)));
	return 0;
}

/* --- the judge -------------------------------------------------------------------------------------- */

/* The nearest profile; what the fit points to is in one of the two arenas. */
static int find_nearest(struct profile_judge *p, const struct profile_list *profiles,
			struct arena arenas[2], struct fit *best, struct error *err)
{
	size_t at = 0;

	for (size_t i = 0; i < profiles->n_profiles; i++) {
		size_t cost_max = best->profile ? best->cost : SIZE_MAX;
		struct fit fit;

		if (!(profiles->profiles[i].banks & 1u << p->alg))
			continue;
		arena_clear(&arenas[at]);
		if (profile_fit(&profiles->profiles[i], p->events, p->n_events, p->alg, cost_max,
				p->judge->hasher, &arenas[at], &fit, err) < 0)
			return -1;
		if (best->profile && fit.cost >= best->cost)
			continue;
		*best = fit;
		at = !at;
		if (fit.cost == 0)
			break;
	}
	return 0;
}

/* The profile's differences count, unless there are none, or a reference state accepts the boot. */
static int judge_fit(struct profile_judge *p, const struct fit *fit, bool has_states,
		     struct error *err)
{
	struct bytes subject = file_subject(p->judge->boot_file);
	bool accepted = false;

	if (has_states && fit->cost == 0)
		report_check(p->report, "boot.reference-state", CHECK_SKIP, subject,
			     "a boot profile fits, which says more than a reference state");
	else if (has_states && judge_reference(p->judge, REFERENCE_BESIDE, &accepted, err) < 0)
		return -1;
	if (!accepted)
		return tell_fit(p, fit, err);
	report_check(p->report, "boot.profile", CHECK_SKIP, subject,
		     "the nearest profile, '%s' of release %s, does not fit, but a reference state "
		     "accepts the boot",
		     report_text(p->report, bytes_of_string(fit->profile->name)),
		     report_text(p->report, bytes_of_string(fit->profile->release)));
	return 0;
}

static int judge_log(struct profile_judge *p, const struct profile_list *profiles,
		     struct error *err)
{
	struct arena arenas[2] = { { 0 }, { 0 } };
	struct fit best = { 0 };
	int status = -1;

	if (profile_read_events(p, err) == 0 && find_nearest(p, profiles, arenas, &best, err) == 0)
		status = judge_fit(p, &best, profiles->n_states > 0, err);
	arena_clear(&arenas[0]);
	arena_clear(&arenas[1]);
	return status;
}

int judge_profile(struct judge *judge, struct error *err)
{
	const struct profile_list *profiles = judge->setup->profiles;
	struct profile_judge p = { .judge = judge, .report = judge->report };
	bool accepted;
	int status = 0;

	if (!judge->has_boot)
		return profiles && profiles->n_profiles ? judge_profile_values(judge, err) : 0;
	if (!profiles || !profiles->n_profiles) {
		bool has_states = profiles && profiles->n_states;

		report_check(judge->report, "boot.profile", CHECK_SKIP, bytes_of("", 0), "%s: %s",
			     profiles ? "no boot profiles of the releases that count"
				      : "no golden database",
			     has_states ? "what booted is compared with their reference states"
					: "what booted is not compared with reference values");
		return has_states ? judge_reference(judge, REFERENCE_ALONE, &accepted, err) : 0;
	}
	p.alg = choose_bank(judge, profiles);
	if (p.alg == ALG_NONE && profiles->n_states)
		status = judge_reference(judge, REFERENCE_ALONE, &accepted, err);
	else if (p.alg == ALG_NONE)
		report_missing(judge->report, "boot.profile", file_subject(judge->boot_file),
			       "no bank is quoted, logged and predicted all at once");
	else
		status = judge_log(&p, profiles, err);
	free(p.events);
	return status;
}
