/* SPDX-License-Identifier: BSD-2-Clause */
/* What booted, against the reference states of the releases that count (docs/keylime.md). */
#include <inttypes.h>

#include "audit/profile_judge.h"
#include "audit/reference_fit.h"
#include "core/own.h"
#include "core/text.h"

/* More differences of one log than this are counted, not told one by one. */
#define TOLD_MAX 200

/* --- what is said --------------------------------------------------------------------------------- */

static enum finding_code code_of(const struct reference_step *step)
{
	if (step->kind == REFERENCE_EXTRA)
		return FINDING_BOOT_EXTRA;
	if (step->kind == REFERENCE_MISSING)
		return FINDING_BOOT_MISSING;
	switch (step->subject) {
	case REFERENCE_SECURE_BOOT:
		return FINDING_BOOT_SECURE_BOOT;
	case REFERENCE_KEYS:
		return FINDING_BOOT_KEYS;
	case REFERENCE_REVOKED:
		return FINDING_BOOT_DBX;
	case REFERENCE_COMMAND_LINE:
		return FINDING_BOOT_COMMAND_LINE;
	case REFERENCE_COMPONENT:
	case REFERENCE_EVENT:
		return FINDING_BOOT_COMPONENT;
	}
	return FINDING_BOOT_COMPONENT;
}

static void tell(const struct profile_judge *p, const struct reference_state *state,
		 const struct reference_step *step)
{
	struct finding *finding;

	finding = report_finding(p->report, code_of(step), profile_weight(p, step->pcr),
				 profile_subject(p, step->pcr, step->component),
				 "a reference state does not accept it: %s", step->why);
	if (step->found)
		profile_place(p, finding, step->found);
	if (step->expected) {
		struct reference *reference = arena_take(&p->report->arena, sizeof(*reference));

		if (!reference)
			return;
		*reference = (struct reference){
			.release = state->release,
			.artifact = state->artifact,
			.path = bytes_of_string(step->component),
			.digest = report_digest(p->report, step->expected),
		};
		finding->expected = reference;
		finding->n_expected = 1;
	}
}

/* Off, as the state has it, is not what the policy may want. */
static void tell_secure_boot(const struct profile_judge *p, const struct reference_step *step,
			     const struct reference_state *state)
{
	if (step->subject != REFERENCE_SECURE_BOOT || step->kind != REFERENCE_SAME ||
	    state->secure_boot || !p->judge->policy->secure_boot.value)
		return;
	profile_place(p,
		      report_finding(p->report, FINDING_BOOT_SECURE_BOOT,
				     profile_weight(p, step->pcr),
				     profile_subject(p, step->pcr, "SecureBoot"),
				     "Secure Boot is off, which the policy does not allow"),
		      step->found);
}

/* Events that pass unseen: a line for those of one type and reason in a PCR. */
static void tell_unseen(const struct profile_judge *p, const struct reference_fit *fit, size_t i)
{
	const struct reference_step *step = &fit->steps[i];
	bool is_required = p->judge->policy->predicted.value >> step->pcr & 1;
	uint64_t n = 0;
	const char *subject;

	for (size_t k = 0; k < fit->n_steps; k++) {
		const struct reference_step *other = &fit->steps[k];

		if (other->kind != REFERENCE_UNSEEN || other->pcr != step->pcr ||
		    other->found->type != step->found->type || strcmp(other->why, step->why) != 0)
			continue;
		if (k < i)
			return;
		n++;
	}
	subject =
		arena_printf(&p->report->arena, "PCR %" PRIu32 ", %s", step->pcr, step->component);
	if (is_required)
		report_missing(
			p->report, "boot.event", bytes_of_string(subject),
			"%" PRIu64 " events (the first is %" PRIu64 ") pass by %s, which the "
			"reference state says nothing of, and the policy requires prediction "
			"(line %u)",
			n, step->found->index, step->why, p->judge->policy->predicted.line);
	else
		report_check(p->report, "boot.event", CHECK_SKIP, bytes_of_string(subject),
			     "events that pass by %s: %" PRIu64 ", the first is %" PRIu64 ". The "
			     "reference state does not say what they measure",
			     step->why, n, step->found->index);
}

static void tell_fit(const struct profile_judge *p, const struct reference_fit *fit)
{
	size_t n = 0;

	for (size_t i = 0; i < fit->n_steps; i++) {
		const struct reference_step *step = &fit->steps[i];

		if (step->kind == REFERENCE_UNSEEN)
			tell_unseen(p, fit, i);
		else if (step->kind == REFERENCE_SAME)
			tell_secure_boot(p, step, fit->state);
		else if (n++ < TOLD_MAX)
			tell(p, fit->state, step);
	}
}

static void report_fit(const struct profile_judge *p, const struct reference_fit *fit)
{
	report_check(p->report, "boot.reference-state", fit->cost ? CHECK_FAIL : CHECK_PASS,
		     file_subject(p->judge->boot_file),
		     "%s '%s' of release %s: %zu events as it has them, %zu by their type or name "
		     "alone, %zu otherwise (sha256 bank)",
		     fit->cost ? "nearest to the reference state" : "the reference state",
		     report_text(p->report, bytes_of_string(fit->state->artifact)),
		     report_text(p->report, bytes_of_string(fit->state->release)), fit->n_same,
		     fit->n_unseen, fit->cost);
}

/* --- the judge ------------------------------------------------------------------------------------ */

/* The state with the fewest differences; what the fit points to is in one of the two arenas. */
static int find_nearest(const struct profile_judge *p, struct arena arenas[2],
			struct reference_fit *best, struct error *err)
{
	const struct profile_list *list = p->judge->setup->profiles;
	size_t at = 0;

	for (size_t i = 0; i < list->n_states && !(best->state && best->cost == 0); i++) {
		struct reference_fit fit;

		arena_clear(&arenas[at]);
		if (reference_fit(&list->states[i], p->events, p->n_events, p->judge->hasher,
				  &arenas[at], &fit, err) < 0)
			return -1;
		if (best->state && fit.cost >= best->cost)
			continue;
		*best = fit;
		at = !at;
	}
	return 0;
}

/* Reference states have SHA-256 digests: nothing else can be compared with them. */
static bool has_bank(const struct judge *judge)
{
	alg_set quoted = quoted_banks(judge), bit = 1u << ALG_SHA256;

	return judge->boot.algs & bit && (!quoted || quoted & bit);
}

int judge_reference(struct judge *judge, enum reference_use use, bool *accepted, struct error *err)
{
	struct profile_judge p = { .judge = judge, .report = judge->report, .alg = ALG_SHA256 };
	struct arena arenas[2] = { { 0 }, { 0 } };
	struct reference_fit best = { 0 };
	int status = -1;

	*accepted = false;
	if (!has_bank(judge)) {
		if (use == REFERENCE_ALONE)
			report_missing(judge->report, "boot.reference-state",
				       file_subject(judge->boot_file),
				       "reference states have SHA-256 digests, which are not both "
				       "logged and quoted");
		return 0;
	}
	if (profile_read_events(&p, err) == 0 && find_nearest(&p, arenas, &best, err) == 0) {
		*accepted = best.cost == 0;
		if (use == REFERENCE_ALONE || *accepted)
			tell_fit(&p, &best);
		report_fit(&p, &best);
		status = 0;
	}
	arena_clear(&arenas[0]);
	arena_clear(&arenas[1]);
	free(p.events);
	return status;
}
