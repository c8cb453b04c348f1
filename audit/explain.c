/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain: which simple change of the logs gives the value that the TPM signed. Of user space's log and
 * IMA's, any prefix will do.
 *
 * Sources: docs of systemd (TPM2_PCR_MEASUREMENTS.md) and EDK II (Tcg2Dxe.c) for the constants.
 */
#include "audit/explain.h"

#include <inttypes.h>

#include "core/own.h"

/* Extends that may be spent on one PCR: some hundredths of a second, for evidence is hostile. */
#define EXTENDS_MAX 400000

/* What others than the log's writer extend: the hash of a text, or as many zero bytes as a digest. */
static const struct constant {
	const char *text;
	size_t size;
	const char *shown;
} constants[] = {
	{"\0\0\0\0",					 4,  "a separator of zeros (EV_SEPARATOR)"         },
	{ "\xff\xff\xff\xff",				4,  "a separator of ones (EV_SEPARATOR)"          },
	{ "\1\0\0\0",					4,  "an error separator (EV_SEPARATOR)"           },
	{ "os-separator",				    12, "systemd's os-separator"                      },
	{ "nvpcr-separator",				 15, "systemd's nvpcr-separator"                   },
	{ "enter-initrd",				    12, "systemd's phase enter-initrd"                },
	{ "leave-initrd",				    12, "systemd's phase leave-initrd"                },
	{ "sysinit",					 7,  "systemd's phase sysinit"                     },
	{ "ready",					   5,  "systemd's phase ready"                       },
	{ "shutdown",					8,  "systemd's phase shutdown"                    },
	{ "final",					   5,  "systemd's phase final"                       },
	{ "Calling EFI Application from Boot Option",        40,
         "the action \"Calling EFI Application from Boot Option\""                                             },
	{ "Returning from EFI Application from Boot Option", 47,
         "the action \"Returning from EFI Application from Boot Option\""                                      },
	{ "Exit Boot Services Invocation",                   29, "the action \"Exit Boot Services Invocation\""},
	{ "Exit Boot Services Returned with Success",        40,
         "the action \"Exit Boot Services Returned with Success\""                                             },
	{ "Exit Boot Services Returned with Failure",        40,
         "the action \"Exit Boot Services Returned with Failure\""                                             },
	{ NULL,					      0,  "a digest of zeros"                           },
};

_Static_assert(ARRAY_SIZE(constants) == EXPLAIN_CONSTANTS, "one digest for each");

/* The phases follow each other: several may have been extended since. */
#define PHASE_FIRST 5
#define PHASE_LAST  10

/* Each trial says: this is it, this is not, or (-1) we are out of extends or broken. */
enum { NO = 0, YES = 1, STOP = -1 };

static int extend(struct trial *trial, uint8_t state[DIGEST_SIZE_MAX], const uint8_t *digest)
{
	struct bytes parts[2] = { bytes_of(state, trial->size), bytes_of(digest, trial->size) };
	struct digest out;

	if (trial->failed || trial->n_extends++ >= EXTENDS_MAX)
		return STOP;
	if (hasher_digest(trial->judge->hasher, trial->alg, parts, 2, &out, trial->err) < 0) {
		trial->failed = true;
		return STOP;
	}
	memcpy(state, out.value, trial->size);
	return NO;
}

/*
 * Goes on from a state with the events from first on: does that give the wanted value? At the end, or
 * anywhere behind those of the boot log.
 */
static int rest_fits(struct trial *trial, uint8_t state[DIGEST_SIZE_MAX], size_t first)
{
	for (size_t i = first; i < trial->n_events; i++) {
		if (i >= trial->n_whole && memcmp(state, trial->wanted, trial->size) == 0)
			return YES;
		if (extend(trial, state, trial->events[i].digest) == STOP)
			return STOP;
	}
	return memcmp(state, trial->wanted, trial->size) == 0 ? YES : NO;
}

/* Does it fit if digest (NULL: nothing) was extended behind the first n events, and then those from next on? */
static int fits_with(struct trial *trial, size_t n, const uint8_t *digest, size_t next)
{
	uint8_t state[DIGEST_SIZE_MAX];

	memcpy(state, trial->states[n], trial->size);
	if (digest && extend(trial, state, digest) == STOP)
		return STOP;
	return rest_fits(trial, state, next);
}

static int found(struct trial *trial, const struct trial_event *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int found(struct trial *trial, const struct trial_event *event, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	trial->out->text = arena_vprintf(&trial->judge->report->arena, format, args);
	va_end(args);
	trial->out->file = event ? event->file : NULL;
	trial->out->index = event ? event->index : REPORT_NOWHERE;
	trial->out->offset = event ? event->offset : REPORT_NOWHERE;
	return YES;
}

/* "event 12 (EV_IPL)", "record 3 of tpm2-measure.log (phase \"ready\")", "entry 7 (/bin/sh)". */
static const char *shown(struct trial *trial, const struct trial_event *event)
{
	struct report *report = trial->judge->report;
	char name[EVENT_TYPE_TEXT];

	if (event->record)
		return userspace_shown(trial->judge, event->record);
	if (event->is_entry)
		return arena_printf(&report->arena, "entry %" PRIu64 " (%s)", event->index,
				    report_text(report, event->path));
	return arena_printf(&report->arena, "event %" PRIu64 " (%s)", event->index,
			    event_type_text(event->type, name));
}

/* What the log of an event calls several of them. */
static const char *plural(const struct trial_event *event)
{
	return event->record ? "records" : event->is_entry ? "entries" : "events";
}

/* The TPM has the first events only. */
static int try_prefix(struct trial *trial)
{
	if (trial->n_events && memcmp(trial->states[0], trial->wanted, trial->size) == 0)
		return found(trial, &trial->events[0],
			     "the TPM has its reset value: none of the log's %zu %s of this PCR "
			     "was ever measured",
			     trial->n_events, plural(&trial->events[0]));
	for (size_t i = 1; i < trial->n_events; i++)
		if (memcmp(trial->states[i], trial->wanted, trial->size) == 0)
			return found(trial, &trial->events[i],
				     i < trial->n_whole
					     ? "the TPM has only the first %zu of the log's %zu %s "
					       "of this PCR: those from %s on were never measured"
					     : "the TPM has the first %zu of the logs' %zu %s of "
					       "this PCR, up to before %s, which other PCRs of the "
					       "quote contradict",
				     i, trial->n_events, plural(&trial->events[i]),
				     shown(trial, &trial->events[i]));
	if (trial->n_events > trial->n_whole &&
	    memcmp(trial->states[trial->n_events], trial->wanted, trial->size) == 0)
		return found(
			trial, &trial->events[trial->n_events - 1],
			"the TPM has all of the logs' %zu events of this PCR, which other PCRs "
			"of the quote contradict",
			trial->n_events);
	return NO;
}

static int try_left_out(struct trial *trial)
{
	for (size_t i = 0; i < trial->n_events; i++) {
		int fits = fits_with(trial, i, NULL, i + 1);

		if (fits == STOP)
			return STOP;
		if (fits == YES)
			return found(trial, &trial->events[i],
				     "without %s it fits: that was never measured, the log has it "
				     "too much",
				     shown(trial, &trial->events[i]));
	}
	return NO;
}

/* The event's data is right, its digest is not. */
static int try_data_digest(struct trial *trial)
{
	for (size_t i = 0; i < trial->n_events; i++) {
		int fits;

		if (!trial->events[i].has_data_digest)
			continue;
		fits = fits_with(trial, i, trial->events[i].data_digest, i + 1);
		if (fits == STOP)
			return STOP;
		if (fits == YES)
			return found(trial, &trial->events[i],
				     "with the hash of its own data as the digest of %s it fits: "
				     "that digest was changed in the log",
				     shown(trial, &trial->events[i]));
	}
	return NO;
}

/* Constants behind the first so many events: where, for the message. */
static int found_behind(struct trial *trial, size_t n_events, const char *what)
{
	if (n_events == trial->n_events)
		return found(trial, NULL,
			     "it fits if after the log's events %s extended: a log that shows it "
			     "is missing",
			     what);
	return found(trial, &trial->events[n_events],
		     "it fits if before %s %s extended, and nothing after it: the log lacks it",
		     shown(trial, &trial->events[n_events]), what);
}

static int constants_behind(struct trial *trial, size_t n_events)
{
	struct arena *arena = &trial->judge->report->arena;

	for (size_t c = 0; c < EXPLAIN_CONSTANTS; c++) {
		uint8_t state[DIGEST_SIZE_MAX];

		memcpy(state, trial->states[n_events], trial->size);
		if (extend(trial, state, trial->constants[c]) == STOP)
			return STOP;
		if (memcmp(state, trial->wanted, trial->size) == 0)
			return found_behind(trial, n_events,
					    arena_printf(arena, "%s was", constants[c].shown));
		if (c < PHASE_FIRST || c > PHASE_LAST)
			continue;
		for (size_t next = c + 1; next <= PHASE_LAST; next++) {
			if (extend(trial, state, trial->constants[next]) == STOP)
				return STOP;
			if (memcmp(state, trial->wanted, trial->size) == 0)
				return found_behind(trial, n_events,
						    arena_printf(arena,
								 "systemd's phases from \"%s\" to "
								 "\"%s\" were",
								 constants[c].text,
								 constants[next].text));
		}
	}
	return NO;
}

static int try_constants_behind(struct trial *trial)
{
	return constants_behind(trial, trial->n_events);
}

static int try_constants_within(struct trial *trial)
{
	int status = NO;

	for (size_t n = trial->n_events; n > trial->n_whole && status == NO; n--)
		status = constants_behind(trial, n - 1);
	return status;
}

/* User space's log lacks its beginning: after a kexec it begins anew, and the PCRs do not. */
static int try_cut_in_front(struct trial *trial)
{
	if (trial->n_events == trial->n_whole)
		return NO;
	for (size_t first = PHASE_FIRST; first <= PHASE_LAST; first++) {
		uint8_t before[DIGEST_SIZE_MAX], state[DIGEST_SIZE_MAX];

		memcpy(before, trial->states[trial->n_whole], trial->size);
		for (size_t last = first; last <= PHASE_LAST; last++) {
			int fits;

			if (extend(trial, before, trial->constants[last]) == STOP)
				return STOP;
			memcpy(state, before, trial->size);
			if (extend(trial, state, trial->events[trial->n_whole].digest) == STOP)
				return STOP;
			fits = rest_fits(trial, state, trial->n_whole + 1);
			if (fits == STOP)
				return STOP;
			if (fits == YES)
				return found(trial, &trial->events[trial->n_whole],
					     "it fits if before %s systemd's phases from \"%s\" to "
					     "\"%s\" were extended: the log lacks its beginning",
					     shown(trial, &trial->events[trial->n_whole]),
					     constants[first].text, constants[last].text);
		}
	}
	return NO;
}

/* Kernels extend a violation as ones; a list's writer, or a TPM's, may have taken it as logged. */
static int try_violations(struct trial *trial)
{
	static const uint8_t zeros[DIGEST_SIZE_MAX];
	uint8_t state[DIGEST_SIZE_MAX];
	size_t n = 0;

	memcpy(state, trial->states[0], trial->size);
	for (size_t i = 0; i < trial->n_events; i++) {
		n += trial->events[i].is_violation;
		if (extend(trial, state,
			   trial->events[i].is_violation ? zeros : trial->events[i].digest) == STOP)
			return STOP;
		if (n && i + 1 >= trial->n_whole && memcmp(state, trial->wanted, trial->size) == 0)
			return found(trial, &trial->events[i],
				     "it fits if violations were extended as the zeros that are "
				     "logged, not as ones");
	}
	return NO;
}

/* The event at i again, or a constant, before the event at i. */
static int try_inserted(struct trial *trial)
{
	int fits;

	for (size_t i = 0; i < trial->n_events; i++) {
		fits = fits_with(trial, i, trial->events[i].digest, i);
		if (fits == STOP)
			return STOP;
		if (fits == YES)
			return found(trial, &trial->events[i],
				     "it fits if %s was measured twice: the log has it once",
				     shown(trial, &trial->events[i]));
	}
	for (size_t c = 0; c < EXPLAIN_CONSTANTS; c++)
		for (size_t i = 0; i < trial->n_events; i++) {
			fits = fits_with(trial, i, trial->constants[c], i);
			if (fits == STOP)
				return STOP;
			if (fits == YES)
				return found(trial, &trial->events[i],
					     "it fits if %s was measured before %s: the log lacks "
					     "it",
					     constants[c].shown, shown(trial, &trial->events[i]));
		}
	return NO;
}

/* A constant in place of an event. */
static int try_replaced(struct trial *trial)
{
	for (size_t c = 0; c < EXPLAIN_CONSTANTS; c++)
		for (size_t i = 0; i < trial->n_events; i++) {
			int fits = fits_with(trial, i, trial->constants[c], i + 1);

			if (fits == STOP)
				return STOP;
			if (fits == YES)
				return found(trial, &trial->events[i],
					     "it fits with %s in place of %s: the log says "
					     "something else than what was measured",
					     constants[c].shown, shown(trial, &trial->events[i]));
		}
	return NO;
}

/* The events first and second, exchanged. */
static int exchanged_fits(struct trial *trial, size_t first, size_t second)
{
	uint8_t state[DIGEST_SIZE_MAX];

	memcpy(state, trial->states[first], trial->size);
	for (size_t i = first; i <= second; i++) {
		size_t at = i == first ? second : i == second ? first : i;

		if (extend(trial, state, trial->events[at].digest) == STOP)
			return STOP;
	}
	return rest_fits(trial, state, second + 1);
}

/* The event at from, moved behind the event at to (or before it, if that comes earlier). */
static int moved_fits(struct trial *trial, size_t from, size_t to)
{
	size_t low = from < to ? from : to, high = from < to ? to : from;
	uint8_t state[DIGEST_SIZE_MAX];

	memcpy(state, trial->states[low], trial->size);
	if (from > to && extend(trial, state, trial->events[from].digest) == STOP)
		return STOP;
	for (size_t i = low; i <= high; i++)
		if (i != from && extend(trial, state, trial->events[i].digest) == STOP)
			return STOP;
	if (from < to && extend(trial, state, trial->events[from].digest) == STOP)
		return STOP;
	return rest_fits(trial, state, high + 1);
}

static int try_reordered(struct trial *trial)
{
	/* Neighbours first, then those further apart. */
	for (size_t distance = 1; distance < trial->n_events; distance++)
		for (size_t i = 0; i + distance < trial->n_events; i++) {
			const struct trial_event *a = &trial->events[i];
			const struct trial_event *b = &trial->events[i + distance];
			int fits = exchanged_fits(trial, i, i + distance);

			if (fits == YES)
				return found(
					trial, a,
					"with %s and %s exchanged it fits: the log has them in the "
					"wrong order",
					shown(trial, a), shown(trial, b));
			for (int back = 0; fits == NO && distance > 1 && back < 2; back++) {
				const struct trial_event *moved = back ? b : a;

				fits = back ? moved_fits(trial, i + distance, i)
					    : moved_fits(trial, i, i + distance);
				if (fits == YES)
					return found(trial, moved,
						     "with %s moved %s %s it fits: the log has it "
						     "in the wrong place",
						     shown(trial, moved),
						     back ? "before" : "behind",
						     shown(trial, back ? a : b));
			}
			if (fits == STOP)
				return STOP;
		}
	return NO;
}

static int prepare(struct trial *trial)
{
	struct judge *judge = trial->judge;
	struct pcr_bank reset;
	uint8_t state[DIGEST_SIZE_MAX];

	pcr_bank_init(&reset, trial->alg);
	if (trial->pcr == 0 && judge->has_boot)
		pcr_bank_set_locality(&reset, judge->boot_replay.locality.used);
	memcpy(state, reset.value[trial->pcr], trial->size);
	memcpy(trial->states[0], state, trial->size);
	trial->n_extends = 0;
	for (size_t i = 0; i < trial->n_events; i++) {
		if (extend(trial, state, trial->events[i].digest) == STOP)
			return -1;
		memcpy(trial->states[i + 1], state, trial->size);
	}
	for (size_t c = 0; c < EXPLAIN_CONSTANTS; c++) {
		struct digest digest = { 0 };

		if (constants[c].text &&
		    hasher_digest_bytes(judge->hasher, trial->alg,
					bytes_of(constants[c].text, constants[c].size), &digest,
					trial->err) < 0)
			return -1;
		memcpy(trial->constants[c], digest.value, trial->size);
	}
	return 0;
}

/* Each try that still has extends left. */
static int try_all(struct trial *trial)
{
	static int (*const tries[])(struct trial *) = {
		try_prefix,     try_constants_behind, try_left_out, try_data_digest,
		try_violations, try_cut_in_front,     try_inserted, try_reordered,
		try_replaced,   try_constants_within,
	};
	int status = NO;

	if (prepare(trial) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(tries) && status == NO; i++)
		status = tries[i](trial);
	return trial->failed ? -1 : status == YES;
}

int explain_pcr(struct judge *judge, enum alg alg, uint32_t pcr, const struct digest *wanted,
		struct explanation *out, struct error *err)
{
	AUTO(own_free) struct trial *trial = calloc(1, sizeof(*trial));
	AUTO(own_free) void *events = calloc(EXPLAIN_EVENTS, sizeof(struct trial_event));
	AUTO(own_free) void *states = calloc(EXPLAIN_EVENTS + 1, DIGEST_SIZE_MAX);

	*out = (struct explanation){ .text = "",
				     .index = REPORT_NOWHERE,
				     .offset = REPORT_NOWHERE };
	if (!trial || !events || !states)
		return error_memory(err, judge->bundle->name);
	trial->judge = judge;
	trial->alg = alg;
	trial->pcr = pcr;
	trial->size = alg_size(alg);
	trial->events = events;
	trial->states = states;
	trial->out = out;
	trial->err = err;
	memcpy(trial->wanted, wanted->value, trial->size);
	for (enum ima_way way = 0; way < IMA_WAYS; way++) {
		int status = explain_collect(trial, way);

		if (status > 0)
			status = try_all(trial);
		if (status != 0 || !trial->has_entries)
			return status < 0 ? -1 : 0;
	}
	return 0;
}
