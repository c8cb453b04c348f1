/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain: which simple change of a boot log gives the value that the TPM signed.
 *
 * Sources: docs of systemd (TPM2_PCR_MEASUREMENTS.md) and EDK II (Tcg2Dxe.c) for the constants.
 */
#include "audit/judge.h"

#include <inttypes.h>

#include "core/own.h"

/* Events of one PCR that are tried: GRUB's scripts make the most, about a hundred. */
#define EVENTS_MAX 512

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

#define N_CONSTANTS ARRAY_SIZE(constants)

/* The phases follow each other: several may have been extended since. */
#define PHASE_FIRST 5
#define PHASE_LAST  10

struct trial_event {
	uint8_t digest[DIGEST_SIZE_MAX];
	uint64_t index, offset;
	uint32_t type;
	bool has_data_digest; /* the specification says it is over the data, and it is not */
	uint8_t data_digest[DIGEST_SIZE_MAX];
};

struct trial {
	struct judge *judge;
	enum alg alg;
	uint32_t pcr;
	size_t size; /* of a digest */
	uint8_t wanted[DIGEST_SIZE_MAX];
	struct trial_event *events;
	size_t n_events;
	uint8_t (*states)[DIGEST_SIZE_MAX]; /* after 0, 1, 2 ... events */
	uint8_t constants[N_CONSTANTS][DIGEST_SIZE_MAX];
	uint64_t n_extends;
	struct explanation *out;
	struct error *err;
	bool failed;
};

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

/* Goes on from a state with the events from first on: does that give the wanted value? */
static int rest_fits(struct trial *trial, uint8_t state[DIGEST_SIZE_MAX], size_t first)
{
	for (size_t i = first; i < trial->n_events; i++)
		if (extend(trial, state, trial->events[i].digest) == STOP)
			return STOP;
	return memcmp(state, trial->wanted, trial->size) == 0 ? YES : NO;
}

static int found(struct trial *trial, const struct trial_event *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int found(struct trial *trial, const struct trial_event *event, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	trial->out->text = arena_vprintf(&trial->judge->report->arena, format, args);
	va_end(args);
	trial->out->index = event ? event->index : REPORT_NOWHERE;
	trial->out->offset = event ? event->offset : REPORT_NOWHERE;
	return YES;
}

static const char *type_text(struct trial *trial, const struct trial_event *event)
{
	char name[EVENT_TYPE_TEXT];

	return arena_printf(&trial->judge->report->arena, "%s", event_type_text(event->type, name));
}

/* The TPM has the first events only. */
static int try_prefix(struct trial *trial)
{
	if (trial->n_events && memcmp(trial->states[0], trial->wanted, trial->size) == 0)
		return found(
			trial, &trial->events[0],
			"the TPM has its reset value: none of the log's %zu events of this PCR "
			"was ever measured",
			trial->n_events);
	for (size_t i = 1; i < trial->n_events; i++)
		if (memcmp(trial->states[i], trial->wanted, trial->size) == 0)
			return found(
				trial, &trial->events[i],
				"the TPM has only the first %zu of the log's %zu events of this "
				"PCR: those from event %" PRIu64 " (%s) on were never measured",
				i, trial->n_events, trial->events[i].index,
				type_text(trial, &trial->events[i]));
	return NO;
}

static int try_left_out(struct trial *trial)
{
	uint8_t state[DIGEST_SIZE_MAX];

	for (size_t i = 0; i < trial->n_events; i++) {
		int fits;

		memcpy(state, trial->states[i], trial->size);
		fits = rest_fits(trial, state, i + 1);
		if (fits == STOP)
			return STOP;
		if (fits == YES)
			return found(trial, &trial->events[i],
				     "without event %" PRIu64 " (%s) it fits: that event was never "
				     "measured, the log has it too much",
				     trial->events[i].index, type_text(trial, &trial->events[i]));
	}
	return NO;
}

/* The event's data is right, its digest is not. */
static int try_data_digest(struct trial *trial)
{
	uint8_t state[DIGEST_SIZE_MAX];

	for (size_t i = 0; i < trial->n_events; i++) {
		int fits;

		if (!trial->events[i].has_data_digest)
			continue;
		memcpy(state, trial->states[i], trial->size);
		if (extend(trial, state, trial->events[i].data_digest) == STOP)
			return STOP;
		fits = rest_fits(trial, state, i + 1);
		if (fits == STOP)
			return STOP;
		if (fits == YES)
			return found(trial, &trial->events[i],
				     "with the hash of its own data as the digest of event %" PRIu64
				     " (%s) it fits: that digest was changed in the log",
				     trial->events[i].index, type_text(trial, &trial->events[i]));
	}
	return NO;
}

static int try_constants_behind(struct trial *trial)
{
	for (size_t c = 0; c < N_CONSTANTS; c++) {
		uint8_t state[DIGEST_SIZE_MAX];

		memcpy(state, trial->states[trial->n_events], trial->size);
		if (extend(trial, state, trial->constants[c]) == STOP)
			return STOP;
		if (memcmp(state, trial->wanted, trial->size) == 0)
			return found(
				trial, NULL,
				"it fits if after the log's events %s was extended: a log that "
				"shows it is missing",
				constants[c].shown);
		if (c < PHASE_FIRST || c > PHASE_LAST)
			continue;
		for (size_t next = c + 1; next <= PHASE_LAST; next++) {
			if (extend(trial, state, trial->constants[next]) == STOP)
				return STOP;
			if (memcmp(state, trial->wanted, trial->size) == 0)
				return found(
					trial, NULL,
					"it fits if after the log's events systemd's phases from "
					"\"%s\" to \"%s\" were extended: a log that shows them "
					"is missing",
					constants[c].text, constants[next].text);
		}
	}
	return NO;
}

/* The event at i again, or a constant, before the event at i. */
static int try_inserted(struct trial *trial)
{
	uint8_t state[DIGEST_SIZE_MAX];
	int fits;

	for (size_t i = 0; i < trial->n_events; i++) {
		memcpy(state, trial->states[i], trial->size);
		if (extend(trial, state, trial->events[i].digest) == STOP)
			return STOP;
		fits = rest_fits(trial, state, i);
		if (fits == STOP)
			return STOP;
		if (fits == YES)
			return found(trial, &trial->events[i],
				     "it fits if event %" PRIu64
				     " (%s) was measured twice: the log "
				     "has it once",
				     trial->events[i].index, type_text(trial, &trial->events[i]));
	}
	for (size_t c = 0; c < N_CONSTANTS; c++)
		for (size_t i = 0; i < trial->n_events; i++) {
			memcpy(state, trial->states[i], trial->size);
			if (extend(trial, state, trial->constants[c]) == STOP)
				return STOP;
			fits = rest_fits(trial, state, i);
			if (fits == STOP)
				return STOP;
			if (fits == YES)
				return found(trial, &trial->events[i],
					     "it fits if %s was measured before event %" PRIu64
					     " (%s): the log lacks it",
					     constants[c].shown, trial->events[i].index,
					     type_text(trial, &trial->events[i]));
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
					"with events %" PRIu64 " (%s) and %" PRIu64
					" (%s) exchanged it fits: the log has them in the wrong "
					"order",
					a->index, type_text(trial, a), b->index,
					type_text(trial, b));
			for (int back = 0; fits == NO && distance > 1 && back < 2; back++) {
				const struct trial_event *moved = back ? b : a;

				fits = back ? moved_fits(trial, i + distance, i)
					    : moved_fits(trial, i, i + distance);
				if (fits == YES)
					return found(trial, moved,
						     "with event %" PRIu64
						     " (%s) moved %s event %" PRIu64
						     " it fits: the log has it in the wrong place",
						     moved->index, type_text(trial, moved),
						     back ? "before" : "behind",
						     back ? a->index : b->index);
			}
			if (fits == STOP)
				return STOP;
		}
	return NO;
}

static int add_event(struct trial *trial, const struct record *record, const struct digest *digest)
{
	struct trial_event *event = &trial->events[trial->n_events++];
	struct event decoded;
	struct event_check check;
	struct digest of_data;

	*event = (struct trial_event){ .index = record->index,
				       .offset = record->offset,
				       .type = record->type };
	memcpy(event->digest, digest->value, trial->size);
	event_decode(record, &decoded);
	if (event_check(record, &decoded, trial->judge->hasher, &check, trial->err) < 0)
		return -1;
	if (check.result != DATA_MISMATCH || !(check.mismatched >> trial->alg & 1))
		return 0;
	if (hasher_digest_bytes(trial->judge->hasher, trial->alg, record->data, &of_data,
				trial->err) < 0)
		return -1;
	event->has_data_digest = true;
	memcpy(event->data_digest, of_data.value, trial->size);
	return 0;
}

/* The events of this PCR; 0 when there are too many. */
static int collect(struct trial *trial)
{
	struct judge *judge = trial->judge;
	struct record record;

	eventlog_rewind(&judge->boot);
	while (judge->has_boot && eventlog_next(&judge->boot, &record, NULL) > 0) {
		if (!event_extends(&record) || record.pcr != trial->pcr)
			continue;
		for (size_t i = 0; i < record.n_digests; i++) {
			if (record.digests[i].alg != trial->alg)
				continue;
			if (trial->n_events == EVENTS_MAX)
				return 0;
			if (add_event(trial, &record, &record.digests[i]) < 0)
				return -1;
			break;
		}
	}
	return 1;
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
	for (size_t i = 0; i < trial->n_events; i++) {
		if (extend(trial, state, trial->events[i].digest) == STOP)
			return -1;
		memcpy(trial->states[i + 1], state, trial->size);
	}
	for (size_t c = 0; c < N_CONSTANTS; c++) {
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

int explain_pcr(struct judge *judge, enum alg alg, uint32_t pcr, const struct digest *wanted,
		struct explanation *out, struct error *err)
{
	static int (*const tries[])(struct trial *) = { try_prefix,   try_constants_behind,
							try_left_out, try_data_digest,
							try_inserted, try_reordered };
	AUTO(own_free) struct trial *trial = calloc(1, sizeof(*trial));
	AUTO(own_free) void *events = calloc(EVENTS_MAX, sizeof(struct trial_event));
	AUTO(own_free) void *states = calloc(EVENTS_MAX + 1, DIGEST_SIZE_MAX);
	int status;

	*out = (struct explanation){ "", REPORT_NOWHERE, REPORT_NOWHERE };
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
	status = collect(trial);
	if (status <= 0)
		return status;
	if (prepare(trial) < 0)
		return -1;
	status = NO;
	for (size_t i = 0; i < ARRAY_SIZE(tries) && status == NO; i++)
		status = tries[i](trial);
	return trial->failed ? -1 : 0;
}
