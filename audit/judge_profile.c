/* SPDX-License-Identifier: BSD-2-Clause */
/* What booted: the boot log against the boot profiles of the releases that count. */
#include <inttypes.h>

#include "audit/judge.h"
#include "audit/profile_fit.h"
#include "core/own.h"
#include "core/text.h"

/* More differences of one log than this are counted, not told one by one. */
#define TOLD_MAX 200

/* Words of a kernel's command line that take a protection away. */
static const struct danger {
	const char *word; /* or its beginning, if it ends in '=' */
	const char *why;
} dangers[] = {
	{"init=",                 "starts another first program"         },
	{ "rdinit=",              "starts another first program"         },
	{ "ima=off",              "switches IMA off"                     },
	{ "ima_appraise=",        "changes what IMA enforces"            },
	{ "ima_policy=",          "changes what IMA measures"            },
	{ "ima_hash=",            "changes what IMA hashes with"         },
	{ "ima_template=",        "changes what IMA logs"                },
	{ "evm=",                 "changes what EVM enforces"            },
	{ "module.sig_enforce=0", "lets unsigned kernel modules in"      },
	{ "lockdown=",            "changes the kernel's lockdown"        },
	{ "selinux=0",            "switches SELinux off"                 },
	{ "enforcing=0",          "SELinux only warns"                   },
	{ "apparmor=0",           "switches AppArmor off"                },
	{ "security=",            "chooses another security module"      },
	{ "lsm=",                 "chooses other security modules"       },
	{ "audit=0",              "switches auditing off"                },
	{ "mitigations=off",      "switches mitigations of CPU flaws off"},
	{ "rd.break",             "stops in the initrd with a shell"     },
	{ "systemd.debug-shell",  "opens a shell without a password"     },
	{ "systemd.unit=",        "starts another target"                },
	{ "systemd.verity=0",     "switches dm-verity off"               },
	{ "systemd.volatile=",    "replaces the root file system"        },
	{ "single",               "starts a single-user shell"           },
	{ "emergency",            "starts a single-user shell"           },
};

struct profile_judge {
	struct judge *judge;
	struct report *report;
	struct fit_event *events; /* owned */
	size_t n_events, capacity;
	enum alg alg;
	size_t n_told, n_differ;
};

/* --- the log ---------------------------------------------------------------------------------------- */

static int add_event(struct profile_judge *p, const struct record *record, struct error *err)
{
	struct fit_event event = { .pcr = record->pcr,
				   .type = record->type,
				   .index = record->index,
				   .offset = record->offset,
				   .data = record->data };

	if (p->n_events == p->capacity) {
		size_t capacity = p->capacity ? 2 * p->capacity : 128;
		struct fit_event *larger = realloc(p->events, capacity * sizeof(*larger));

		if (!larger)
			return error_memory(err, NULL);
		p->events = larger;
		p->capacity = capacity;
	}
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

/* The events of the log, as far as it could be read: where it breaks, judge_boot has said so. */
static int read_events(struct profile_judge *p, struct error *err)
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

/* Events of a PCR whose quoted value the log does not give prove nothing. */
static enum finding_weight weight_of(const struct profile_judge *p, uint32_t pcr)
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

static void set_reference(const struct profile_judge *p, struct finding *finding,
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

static void place(const struct profile_judge *p, struct finding *finding,
		  const struct fit_event *found)
{
	finding_at(p->report, finding, p->judge->boot_file->path, found->index, found->offset);
	if (found->has_digest)
		finding->found = report_digest(p->report, &found->digest);
}

static struct bytes subject_of(const struct profile_judge *p, uint32_t pcr, const char *component)
{
	return bytes_of_string(
		arena_printf(&p->report->arena, "PCR %" PRIu32 ", %s", pcr, component));
}

/* --- command lines ---------------------------------------------------------------------------------- */

/* The next word from *at on; quotes keep blanks in it. */
static bool next_word(struct bytes text, size_t *at, struct bytes *word)
{
	bool quoted = false;
	size_t start;

	while (*at < text.size && text.data[*at] <= ' ')
		++*at;
	start = *at;
	while (*at < text.size && (quoted || text.data[*at] > ' '))
		quoted ^= text.data[(*at)++] == '"';
	*word = bytes_of(text.data + start, *at - start);
	return *at > start;
}

static bool has_word(struct bytes text, struct bytes wanted)
{
	struct bytes word;
	size_t at = 0;

	while (next_word(text, &at, &word))
		if (bytes_equal(word, wanted))
			return true;
	return false;
}

static const char *danger_of(struct bytes word)
{
	for (size_t i = 0; i < ARRAY_SIZE(dangers); i++) {
		struct bytes rule = bytes_of_string(dangers[i].word);

		if (bytes_equal(word, rule) ||
		    (rule.data[rule.size - 1] == '=' && bytes_start_with(word, rule)))
			return dangers[i].why;
	}
	return NULL;
}

/* Words of text that other lacks, each with what is bad about it; "" if there are none. */
static const char *words_beyond(const struct profile_judge *p, struct bytes text,
				struct bytes other, bool judged)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct bytes word;
	size_t at = 0;

	while (next_word(text, &at, &word)) {
		const char *why = judged ? danger_of(word) : NULL;

		if (has_word(other, word))
			continue;
		if (out.size > 2000) {
			buf_append_string(&out, " ...");
			break;
		}
		buf_append_string(&out, out.size ? ", " : "");
		text_append(&out, word);
		if (why)
			buf_printf(&out, " (%s)", why);
	}
	return out.failed || !out.size
		       ? ""
		       : (const char *)arena_copy(&p->report->arena, buf_bytes(&out)).data;
}

/* --- one difference --------------------------------------------------------------------------------- */

static void tell_text(struct profile_judge *p, const struct profile *profile,
		      const struct fit_step *step)
{
	const char *more = words_beyond(p, step->found->text, step->expected->text, true);
	const char *less = words_beyond(p, step->expected->text, step->found->text, false);
	bool same = bytes_equal(step->found->text, step->expected->text);
	struct finding *finding =
		report_finding(p->report, FINDING_BOOT_COMMAND_LINE, weight_of(p, step->found->pcr),
			       subject_of(p, step->found->pcr, component_of(step->expected)),
			       "the text is not the release's: %s%s%s%s%s", *more ? "it has " : "",
			       *more ? more : "", *more && *less ? "; " : "",
			       *less ? "it lacks " : "",
			       *less   ? less
			       : *more ? ""
			       : same  ? "the same, with or without a NUL, or in another encoding"
				       : "the same words in another order");

	place(p, finding, step->found);
	set_reference(p, finding, profile, step->expected);
}

/* The variable SecureBoot, off where the profile has it on. */
static bool tell_secure_boot(struct profile_judge *p, const struct profile *profile,
			     const struct fit_step *step)
{
	static const char name[] = "S\0e\0c\0u\0r\0e\0B\0o\0o\0t\0";
	struct record record = { .type = step->found->type,
				 .pcr = step->found->pcr,
				 .data = step->found->data };
	struct finding *finding;
	struct event event;

	if (step->found->type != EV_EFI_VARIABLE_DRIVER_CONFIG)
		return false;
	event_decode(&record, &event);
	if (event.kind != EVENT_VARIABLE ||
	    !bytes_equal(event.variable.name, bytes_of(name, sizeof(name) - 1)))
		return false;
	finding = report_finding(
		p->report, FINDING_BOOT_SECURE_BOOT, weight_of(p, step->found->pcr),
		subject_of(p, step->found->pcr, "SecureBoot"),
		event.variable.data.size == 1 && event.variable.data.data[0] == 1
			? "Secure Boot is on, the release expects it off"
			: "Secure Boot is off (or in setup mode), the release expects "
			  "it on");
	place(p, finding, step->found);
	set_reference(p, finding, profile, step->expected);
	return true;
}

static void tell_other(struct profile_judge *p, const struct profile *profile,
		       const struct fit_step *step)
{
	const struct profile *from;
	const struct profile_event *known = search(p, step->found, &from);
	bool other = known && !counts(p, from);
	struct finding *finding;

	if (step->expected->text.size && step->found->has_text) {
		tell_text(p, profile, step);
		return;
	}
	if (tell_secure_boot(p, profile, step))
		return;
	finding = report_finding(
		p->report, other ? FINDING_BOOT_OTHER_RELEASE : FINDING_BOOT_COMPONENT,
		weight_of(p, step->found->pcr),
		subject_of(p, step->found->pcr, component_of(step->expected)),
		known ? "is not the release's (%s), but %s of release %s (%s)"
		      : "is not the release's (%s), and no release in the database has what it is",
		step->expected->over, known ? component_of(known) : "", known ? from->release : "",
		known ? known->source : "");
	place(p, finding, step->found);
	set_reference(p, finding, profile, step->expected);
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
			weight_of(p, step->expected->pcr),
			subject_of(p, step->expected->pcr, component_of(step->expected)),
			step->is_moved ? "was measured in another place than here: %s of %s"
				       : "was not measured: %s of %s",
			step->expected->over, step->expected->source);
		set_reference(p, finding, profile, step->expected);
		return;
	case FIT_EXTRA:
		if (step->is_moved)
			return; /* said where it is missing */
		known = search(p, step->found, &from);
		finding = report_finding(p->report, FINDING_BOOT_EXTRA,
					 weight_of(p, step->found->pcr),
					 subject_of(p, step->found->pcr,
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
					 known ? component_of(known) : "",
					 known ? from->release : "", known ? known->source : "");
		place(p, finding, step->found);
		return;
	}
}

static void tell_values(struct profile_judge *p, const struct fit *fit)
{
	AUTO(buf_clear) struct buf list = BUF_INIT;
	struct finding *finding;

	for (size_t i = 0; i < fit->n_values; i++) {
		buf_printf(&list, "%s%s = ", i ? ", " : "", fit->values[i].name);
		text_append(&list, fit->values[i].value);
	}
	if (!fit->n_values || list.failed)
		return;
	finding = report_finding(p->report, FINDING_BOOT_TEMPLATE, FINDING_AS_LISTED,
				 file_subject(p->judge->boot_file),
				 "fits the profile with this installation's own values: %s",
				 (const char *)list.data);
	finding_at(p->report, finding, p->judge->boot_file->path, REPORT_NOWHERE, REPORT_NOWHERE);
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
		report_finding(p->report, FINDING_BOOT_EXTRA, weight_of(p, pcr),
			       bytes_of_string(subject),
			       "%zu events were measured where the profile has %zu: too many to "
			       "compare them one by one",
			       n_found, n_expected);
	p->n_differ += !open;
}

static void tell_fit(struct profile_judge *p, const struct fit *fit)
{
	size_t n_same = 0, n_unknown = 0;

	for (size_t i = 0; i < fit->n_steps; i++) {
		const struct fit_step *step = &fit->steps[i];

		n_same += step->kind == FIT_SAME || step->kind == FIT_HOLES;
		n_unknown += step->kind == FIT_UNPREDICTED;
		if (step->kind == FIT_SAME || step->kind == FIT_HOLES ||
		    step->kind == FIT_UNPREDICTED)
			continue;
		p->n_differ++;
		if (p->n_told++ < TOLD_MAX)
			tell(p, fit->profile, step);
	}
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++)
		if (fit->cut >> pcr & 1)
			tell_cut(p, fit, pcr);
	tell_values(p, fit);
	if (fit->cut && !p->n_differ)
		return;
	report_check(p->report, "boot.profile", p->n_differ ? CHECK_FAIL : CHECK_PASS,
		     file_subject(p->judge->boot_file),
		     "%s '%s' of release %s: %zu events as predicted, %zu not predicted by digest, "
		     "%zu otherwise (%s bank)%s%s",
		     p->n_differ ? "nearest to the profile" : "the profile",
		     report_text(p->report, bytes_of_string(fit->profile->name)),
		     report_text(p->report, bytes_of_string(fit->profile->release)), n_same,
		     n_unknown, p->n_differ, alg_name(p->alg), *fit->profile->ending ? "; " : "",
		     report_text(p->report, bytes_of_string(fit->profile->ending)));
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

static int judge_log(struct profile_judge *p, const struct profile_list *profiles,
		     struct error *err)
{
	struct arena arenas[2] = { { 0 }, { 0 } };
	struct fit best = { 0 };
	int status = -1;

	if (read_events(p, err) == 0 && find_nearest(p, profiles, arenas, &best, err) == 0) {
		tell_fit(p, &best);
		status = 0;
	}
	arena_clear(&arenas[0]);
	arena_clear(&arenas[1]);
	return status;
}

int judge_profile(struct judge *judge, struct error *err)
{
	const struct profile_list *profiles = judge->setup->profiles;
	struct profile_judge p = { .judge = judge, .report = judge->report };
	int status = 0;

	if (!judge->has_boot)
		return profiles && profiles->n_profiles ? judge_profile_values(judge, err) : 0;
	if (!profiles || !profiles->n_profiles) {
		report_check(judge->report, "boot.profile", CHECK_SKIP, bytes_of("", 0),
			     "%s: what booted is not compared with reference values",
			     profiles ? "no boot profiles of the releases that count"
				      : "no golden database");
		return 0;
	}
	p.alg = choose_bank(judge, profiles);
	if (p.alg == ALG_NONE)
		report_missing(judge->report, "boot.profile", file_subject(judge->boot_file),
			       "no bank is quoted, logged and predicted all at once");
	else
		status = judge_log(&p, profiles, err);
	free(p.events);
	return status;
}
