/* SPDX-License-Identifier: BSD-2-Clause */
/* The events that explain.c tries: what the logs say was extended into one PCR, in one bank. */
#include "audit/explain.h"

#include "core/own.h"
#include "replay/userspace/userspace.h"

static struct trial_event *add(struct trial *trial, const struct bundle_file *file, uint64_t index,
			       uint64_t offset, struct bytes digest)
{
	struct trial_event *event = &trial->events[trial->n_events++];

	*event = (struct trial_event){ .file = file, .index = index, .offset = offset };
	memcpy(event->digest, digest.data, digest.size);
	return event;
}

static int set_data_digest(struct trial *trial, struct trial_event *event, struct bytes data)
{
	struct digest digest;

	if (hasher_digest_bytes(trial->judge->hasher, trial->alg, data, &digest, trial->err) < 0)
		return -1;
	event->has_data_digest = memcmp(event->digest, digest.value, trial->size) != 0;
	memcpy(event->data_digest, digest.value, trial->size);
	return 0;
}

static int add_event(struct trial *trial, const struct record *record, const struct digest *digest)
{
	struct trial_event *event = add(trial, trial->judge->boot_file, record->index,
					record->offset, bytes_of(digest->value, trial->size));
	struct event decoded;
	struct event_check check;

	event->type = record->type;
	event_decode(record, &decoded);
	if (event_check(record, &decoded, trial->judge->hasher, &check, trial->err) < 0)
		return -1;
	if (check.result != DATA_MISMATCH || !(check.mismatched >> trial->alg & 1))
		return 0;
	return set_data_digest(trial, event, record->data);
}

static int collect_boot(struct trial *trial)
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
			if (trial->n_events == EXPLAIN_EVENTS)
				return 0;
			if (add_event(trial, &record, &record.digests[i]) < 0)
				return -1;
			break;
		}
	}
	return 1;
}

static int collect_userspace(struct trial *trial)
{
	const struct judge *judge = trial->judge;

	for (size_t i = 0; i < judge->n_userspace; i++) {
		const struct userspace_extend *record = &judge->userspace[i];
		const struct digest *digest = userspace_digest(record, trial->alg);
		struct trial_event *event;

		if (record->pcr != trial->pcr || !digest)
			continue;
		if (trial->n_events == EXPLAIN_EVENTS)
			return 0;
		event = add(trial, judge->userspace_file, record->index, record->offset,
			    bytes_of(digest->value, trial->size));
		event->record = record;
		if (record->event != USERSPACE_VOLUME_KEY &&
		    set_data_digest(trial, event, record->text) < 0)
			return -1;
	}
	return 1;
}

static int add_entry(struct trial *trial, struct ima_list *list, const struct ima_step *step,
		     struct bytes digest)
{
	struct judge *judge = trial->judge;
	struct trial_event *event =
		add(trial, judge->ima_file, step->record.index, step->record.offset, digest);
	struct ima_entry entry;

	ima_entry_parse(list, &step->record, &entry);
	event->is_entry = true;
	event->is_violation = step->check == IMA_CHECK_VIOLATION;
	event->path = arena_copy(&judge->report->arena, entry.path);
	if ((event->is_violation || step->check == IMA_CHECK_MISMATCH) && step->record.data.size)
		return set_data_digest(trial, event, step->record.data);
	return 0;
}

static int collect_ima(struct trial *trial, enum ima_way way)
{
	struct judge *judge = trial->judge;
	AUTO(ima_list_freep) struct ima_list *list = NULL;
	AUTO(ima_replay_freep) struct ima_replay *replay = NULL;
	const struct ima_step *step;
	struct error end = { 0 };
	int more;

	if (!judge->has_ima || !(judge->ima_extended >> trial->pcr & 1) ||
	    judge->userspace_extended >> trial->pcr & 1)
		return 1;
	trial->has_entries = trial->alg != ALG_SHA1;
	if (ima_list_open(judge->ima_file->contents, judge->ima_file->path, judge->hasher, &list,
			  trial->err) < 0 ||
	    ima_replay_new(list, (alg_set)1 << trial->alg, judge->hasher, &replay, trial->err) < 0)
		return -1;
	while ((more = ima_replay_next(replay, &step, &end)) > 0) {
		struct bytes digest = ima_replay_digest(replay, trial->alg, way);

		if (step->record.pcr != trial->pcr)
			continue;
		if (trial->n_events == EXPLAIN_EVENTS || digest.size == 0)
			return 0;
		if (add_entry(trial, list, step, digest) < 0)
			return -1;
	}
	if (more < 0 && end.code == ERROR_SYSTEM) {
		*trial->err = end;
		return -1;
	}
	return 1;
}

int explain_collect(struct trial *trial, enum ima_way way)
{
	int status;

	trial->n_events = 0;
	status = collect_boot(trial);
	trial->n_whole = trial->n_events;
	if (status > 0)
		status = collect_userspace(trial);
	return status > 0 ? collect_ima(trial, way) : status;
}
