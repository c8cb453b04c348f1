/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "core/array.h"
#include "core/file.h"
#include "refgen/boot/boot.h"
#include "replay/eventlog/eventlog.h"

/* More events than any firmware logs. */
#define BASELINE_EVENTS_MAX 100000

struct baseline {
	char *path; /* owned */
	struct file *file;
	struct record *records; /* owned; those that extend a PCR, in log order */
	size_t n_records, capacity;
	alg_set algs; /* that every record has a digest of */
};

void baseline_free(struct baseline *baseline)
{
	if (!baseline)
		return;
	file_free(baseline->file);
	free(baseline->records);
	free(baseline->path);
	free(baseline);
}

void baseline_freep(struct baseline **baseline)
{
	baseline_free(*baseline);
}

static int add_record(struct baseline *baseline, const struct record *record, struct error *err)
{
	alg_set algs = 0;

	if (array_room(&baseline->records, baseline->n_records, &baseline->capacity,
		       sizeof(*baseline->records), baseline->path, err) < 0)
		return -1;
	for (size_t i = 0; i < record->n_digests; i++)
		if (record->digests[i].alg < ALG_BANKS)
			algs |= 1u << record->digests[i].alg;
	baseline->algs &= algs;
	baseline->records[baseline->n_records++] = *record;
	return 0;
}

int baseline_open(const char *path, struct machine *machine, struct baseline **out,
		  struct error *err)
{
	AUTO(baseline_freep) struct baseline *baseline = calloc(1, sizeof(*baseline));
	struct eventlog log;
	struct record record;
	int more;

	if (!baseline || !(baseline->path = strdup(path)))
		return error_memory(err, path);
	baseline->algs = machine->banks;
	if (file_open(path, &baseline->file, err) < 0 ||
	    eventlog_open(&log, file_bytes(baseline->file), baseline->path, err) < 0)
		return -1;
	while ((more = eventlog_next(&log, &record, err)) > 0) {
		if (!event_extends(&record) || record.pcr >= PCR_COUNT)
			continue;
		if (baseline->n_records >= BASELINE_EVENTS_MAX)
			return error_set(err, ERROR_LIMIT, path, record.offset,
					 "a baseline of more than %d events", BASELINE_EVENTS_MAX);
		if (add_record(baseline, &record, err) < 0)
			return -1;
	}
	if (more < 0)
		return -1;
	if (!(baseline->algs & machine->banks))
		return error_set(err, ERROR_MALFORMED, path, ERROR_NO_OFFSET,
				 "the baseline has no bank that is predicted");
	*out = TAKE(baseline);
	return 0;
}

/* --- filling ------------------------------------------------------------------------------------ */

static const struct digest *digest_of(const struct record *record, enum alg alg)
{
	for (size_t i = 0; i < record->n_digests; i++)
		if (record->digests[i].alg == alg)
			return &record->digests[i];
	return NULL;
}

/* Known in the same banks, and the same in all of them. */
static bool is_same(const struct baseline *baseline, const struct profile_event *event,
		    const struct record *record)
{
	alg_set both = baseline->algs & event->algs;

	for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
		const struct digest *digest = digest_of(record, alg);

		if (both & 1u << alg && (!digest || !digest_equal(digest, &event->digests[alg])))
			return false;
	}
	return both != 0 && event->type == record->type;
}

/* The place of the next record of the PCR from on that is the event; n_records if there is none. */
static size_t find_record(const struct baseline *baseline, const struct profile_event *event,
			  size_t from)
{
	while (from < baseline->n_records && (baseline->records[from].pcr != event->pcr ||
					      !is_same(baseline, event, &baseline->records[from])))
		from++;
	return from;
}

/* Whether the record's data is the variable that its digests are over, in every bank: 1, 0, -1. */
static int is_variable(const struct baseline *baseline, const struct record *record,
		       struct hasher *hasher, struct error *err)
{
	if ((record->type != EV_EFI_VARIABLE_DRIVER_CONFIG &&
	     record->type != EV_EFI_VARIABLE_AUTHORITY) ||
	    record->data.size > PROFILE_TEXT_MAX)
		return 0;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
		struct digest digest;

		if (!(baseline->algs & 1u << alg))
			continue;
		if (hasher_digest_bytes(hasher, alg, record->data, &digest, err) < 0)
			return -1;
		if (!digest_equal(&digest, digest_of(record, alg)))
			return 0;
	}
	return 1;
}

/* The event that a record of the log becomes in the place of an unknown one. */
static int carry(const struct baseline *baseline, struct machine *machine,
		 const struct profile_event *unknown, const struct record *record,
		 struct profile_event *out, struct error *err)
{
	struct profile_event event = *unknown;
	int variable = is_variable(baseline, record, machine->hasher, err);

	event.type = record->type;
	event.origin = ORIGIN_BASELINE;
	event.source = machine_text(machine, "%s, event %" PRIu64, baseline->path, record->index);
	event.over = machine_text(machine, "carried over, instead of %s", unknown->over);
	event.algs = baseline->algs;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (baseline->algs & 1u << alg)
			event.digests[alg] = *digest_of(record, alg);
	if (variable > 0) {
		event.encoding = TEXT_VARIABLE;
		variable = machine_copy(machine, record->data, &event.text, err);
	}
	*out = event;
	return variable;
}

/* What fills a run of unknown events: the log's records of the PCR from first up to, not with, end. */
struct filling {
	bool is_filled; /* else the unknown events stay */
	size_t first, end;
	size_t n;
};

/*
 * The run of unknown events of a PCR that begins at event i. after: the place behind the log's record
 * of the known event before, *place, if that was found.
 */
static struct filling find_filling(const struct baseline *baseline, const struct profile *profile,
				   size_t i, bool is_anchored, size_t place)
{
	struct filling filling = { .first = place };
	uint32_t pcr = profile->events[i].pcr;
	size_t next = i;

	while (next < profile->n_events &&
	       (profile->events[next].pcr != pcr || profile->events[next].origin == ORIGIN_UNKNOWN))
		next++;
	filling.end = baseline->n_records;
	if (next < profile->n_events) {
		filling.end = find_record(baseline, &profile->events[next], place);
		if (filling.end == baseline->n_records)
			return filling;
	}
	for (size_t k = filling.first; k < filling.end; k++)
		filling.n += baseline->records[k].pcr == pcr;
	filling.is_filled = is_anchored;
	return filling;
}

/* Where the log stands for one PCR while its events are gone through. */
struct place {
	size_t at;        /* the first record not yet gone past */
	bool is_anchored; /* the known event before was found right there, or there was none */
	bool is_unknown;  /* inside a run of unknown events that was dealt with */
};

int baseline_fill(const struct baseline *baseline, struct machine *machine, struct profile *profile,
		  size_t *n_unlike, struct error *err)
{
	struct place places[PCR_COUNT];
	struct profile_event *events;
	size_t n = 0, room = profile->n_events + baseline->n_records;

	events = machine_take(machine, room * sizeof(*events) + 1, err);
	if (!events)
		return -1;
	*n_unlike = 0;
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++)
		places[pcr] = (struct place){ .is_anchored = true };
	for (size_t i = 0; i < profile->n_events; i++) {
		const struct profile_event *event = &profile->events[i];
		struct place *place = &places[event->pcr];
		size_t found;

		if (event->origin != ORIGIN_UNKNOWN) {
			found = find_record(baseline, event, place->at);
			place->is_anchored = found < baseline->n_records;
			place->is_unknown = false;
			if (place->is_anchored)
				place->at = found + 1;
			else
				++*n_unlike;
			events[n++] = *event;
			continue;
		}
		if (!place->is_unknown) {
			struct filling filling =
				find_filling(baseline, profile, i, place->is_anchored, place->at);

			place->is_unknown = filling.is_filled;
			for (size_t k = filling.first; filling.is_filled && k < filling.end; k++)
				if (baseline->records[k].pcr == event->pcr &&
				    carry(baseline, machine, event, &baseline->records[k],
					  &events[n++], err) < 0)
					return -1;
			place->at = filling.is_filled ? filling.end : place->at;
		}
		if (!place->is_unknown)
			events[n++] = *event;
	}
	profile->events = events;
	profile->n_events = n;
	return 0;
}
