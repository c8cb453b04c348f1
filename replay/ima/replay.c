/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/internal.h"

/* Entries read and hashed at a time: enough to keep the hash kernels busy, few enough for the
 * processor's cache. */
#define BATCH 64

/* Room for the data of a batch of a text list, at first. */
#define ROOM_SIZE (64 * 1024)

/* One of the values that are replayed of each PCR. */
struct course {
	enum alg bank;
	enum ima_way way;
};

/* Entries read ahead. */
struct batch {
	struct ima_step steps[BATCH];
	struct digest hashes[ALG_BANKS]
			    [BATCH]; /* of the template; once checked, what is extended */
	struct digest padded[BATCH]; /* what is extended where SHA-1 is padded */
	size_t n_steps, next_step;
};

struct ima_replay {
	struct ima_list *list; /* borrowed */
	struct hasher *hasher; /* borrowed */
	alg_set banks;
	alg_set hashed; /* template hashes to compute: banks, the list's own, SHA-1 for padding */
	struct course courses[ALG_BANKS * IMA_WAYS]; /* of the banks */
	size_t n_courses;
	struct pcr_bank values[IMA_WAYS][ALG_BANKS]; /* after the step handed out last */
	pcr_set unknown[IMA_WAYS][ALG_BANKS];        /* PCRs whose value cannot be known any more */
	pcr_set extended;
	struct ima_counts counts;

	struct batch batches[2];
	struct batch *now;  /* what is handed out */
	struct batch *next; /* what is read meanwhile */
	int read_status;
	struct error read_error;
	struct ima_room room; /* room.data is owned */
};

/* SHA-1 has one way: its own template hash is the padded one. */
static enum ima_way first_way(enum alg bank, enum ima_way way)
{
	return bank == ALG_SHA1 ? IMA_OWN : way;
}

int ima_replay_new(struct ima_list *list, alg_set banks, struct hasher *hasher,
		   struct ima_replay **out, struct error *err)
{
	AUTO(ima_replay_freep) struct ima_replay *replay = calloc(1, sizeof(*replay));

	if (!replay)
		return error_memory(err, list->in.source);
	replay->list = list;
	replay->hasher = hasher;
	replay->banks = banks & ((1u << ALG_BANKS) - 1);
	replay->hashed = replay->banks | 1u << ALG_SHA1 | 1u << list->alg;
	replay->read_status = 1;
	replay->now = &replay->batches[0];
	replay->next = &replay->batches[1];
	for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
		if (replay->hashed & 1u << alg && !hasher_has(hasher, alg))
			return error_set(err, ERROR_UNSUPPORTED, list->in.source, ERROR_NO_OFFSET,
					 "libcrypto offers no %s here", alg_name(alg));
		for (enum ima_way way = 0; way < IMA_WAYS; way++) {
			pcr_bank_init(&replay->values[way][alg], alg);
			if (replay->banks & 1u << alg && first_way(alg, way) == way)
				replay->courses[replay->n_courses++] = (struct course){ alg, way };
		}
	}
	if (list->form == IMA_FORM_TEXT) {
		replay->room.data = malloc(ROOM_SIZE);
		replay->room.size = ROOM_SIZE;
		if (!replay->room.data)
			return error_memory(err, list->in.source);
	}
	*out = TAKE(replay);
	return 0;
}

void ima_replay_free(struct ima_replay *replay)
{
	if (!replay)
		return;
	free(replay->room.data);
	free(replay);
}

void ima_replay_freep(struct ima_replay **replay)
{
	ima_replay_free(*replay);
}

/* --- template hashes --------------------------------------------------------------------------- */

size_t ima_hashed(const struct ima_list *list, const struct record *record,
		  struct bytes parts[IMA_HASHED_PARTS])
{
	static const uint8_t zeros[IMA_NAME_PADDED];
	size_t digest_size, name_size;

	parts[0] = record->data;
	if (!bytes_equal_string(record->name, "ima"))
		return 1;
	digest_size = ima_digest_size(record->data, list->big_endian);
	if (digest_size == 0)
		return 1;
	name_size = record->data.size - digest_size - 4;
	parts[0].size = digest_size;
	parts[1] = bytes_of(record->data.data + digest_size + 4, name_size);
	if (name_size >= IMA_NAME_PADDED)
		return 2;
	parts[2] = bytes_of(zeros, IMA_NAME_PADDED - name_size);
	return 3;
}

/* The template "ima" is hashed by itself, as it is not one run of bytes; all others together. */
static int hash_batch(struct ima_replay *replay, struct batch *batch, struct error *err)
{
	struct digest *hashes[ALG_BANKS];
	struct bytes messages[BATCH];
	struct bytes parts[IMA_HASHED_PARTS];

	for (size_t i = 0; i < batch->n_steps; i++)
		messages[i] = batch->steps[i].record.data;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		hashes[alg] = batch->hashes[alg];
	if (hasher_digest_batch(replay->hasher, replay->hashed, messages, batch->n_steps, hashes,
				err) < 0)
		return -1;
	for (size_t i = 0; i < batch->n_steps; i++) {
		size_t n_parts = ima_hashed(replay->list, &batch->steps[i].record, parts);

		for (enum alg alg = 0; n_parts > 1 && alg < ALG_BANKS; alg++)
			if (replay->hashed & 1u << alg &&
			    hasher_digest(replay->hasher, alg, parts, n_parts, &hashes[alg][i],
					  err) < 0)
				return -1;
	}
	return 0;
}

static enum ima_check check(const struct ima_replay *replay, const struct batch *batch, size_t i)
{
	const struct record *record = &batch->steps[i].record;
	struct ima_template scratch;

	if (bytes_all(digest_bytes(&record->digests[0]), 0))
		return IMA_CHECK_VIOLATION;
	if (!record->data.data && ima_template_lookup(record->name, &scratch)->n_fields == 0)
		return IMA_CHECK_UNKNOWN;
	if (!record->data.data) /* text that no kernel writes for this template */
		return IMA_CHECK_MISMATCH;
	return digest_equal(&batch->hashes[replay->list->alg][i], &record->digests[0])
		       ? IMA_CHECK_MATCH
		       : IMA_CHECK_MISMATCH;
}

/* More room for a text entry that has not enough of it even when all is free. */
static int room_grow(struct ima_replay *replay, struct error *err)
{
	uint8_t *data = realloc(replay->room.data, replay->room.needed);

	if (!data)
		return error_memory(err, replay->list->in.source);
	replay->room.data = data;
	replay->room.size = replay->room.needed;
	return 0;
}

/* Reads an entry into a batch that has room for it: whether it did. An end or a break is kept until what
 * was read before is handed out. */
static bool read_one(struct ima_replay *replay, struct batch *batch, int *status)
{
	*status = ima_list_read(replay->list, &replay->room, &batch->steps[batch->n_steps].record,
				&replay->read_error);
	if (*status == IMA_READ_ROOM || *status == IMA_READ_WINDOW)
		return false;
	replay->read_status = *status;
	batch->n_steps += *status == 1;
	return *status == 1;
}

/* Fills a batch. What is no longer handed out may go: the room and the window move on. */
static int batch_read(struct ima_replay *replay, struct batch *batch, struct error *err)
{
	int status;

	if (batch->n_steps == 0)
		replay->room.used = 0;
	while (batch->n_steps < BATCH && replay->read_status == 1) {
		if (read_one(replay, batch, &status) || replay->read_status != 1)
			continue;
		if (batch->n_steps > 0)
			break; /* those before stand in the room and the window */
		if (status == IMA_READ_ROOM && room_grow(replay, err) < 0)
			return -1;
		if (status == IMA_READ_WINDOW &&
		    ima_list_move(replay->list, &replay->read_error) < 0)
			replay->read_status = -1;
	}
	return 0;
}

/*
 * An entry of the batch after this one, if it stands in the window already. Done between extends, which
 * keep one unit of the processor busy, this costs next to nothing. The room of a text list is for one
 * batch.
 */
static void read_ahead(struct ima_replay *replay)
{
	int status;

	if (replay->list->form != IMA_FORM_TEXT && replay->read_status == 1 &&
	    replay->next->n_steps < BATCH)
		read_one(replay, replay->next, &status);
}

/*
 * What kernels extended, in place of the template hashes. The digest as logged counts where the list
 * has it; a violation is all ones.
 */
static void put_extended(struct ima_replay *replay, struct batch *batch, size_t i)
{
	const struct ima_step *step = &batch->steps[i];
	struct digest *padded = &batch->padded[i];

	if (step->check == IMA_CHECK_VIOLATION) {
		for (enum alg alg = 0; alg < ALG_BANKS; alg++)
			memset(batch->hashes[alg][i].value, 0xff, DIGEST_SIZE_MAX);
		memset(padded->value, 0xff, DIGEST_SIZE_MAX);
		return;
	}
	if (step->check != IMA_CHECK_MATCH)
		batch->hashes[replay->list->alg][i] = step->record.digests[0];
	memset(padded->value, 0, DIGEST_SIZE_MAX);
	memcpy(padded->value, batch->hashes[ALG_SHA1][i].value, alg_size(ALG_SHA1));
}

/* Makes the batch that was read ahead the one that is handed out. */
static int batch_next(struct ima_replay *replay, struct error *err)
{
	struct batch *batch = replay->next;

	if (batch_read(replay, batch, err) < 0 || hash_batch(replay, batch, err) < 0)
		return -1;
	for (size_t i = 0; i < batch->n_steps; i++) {
		struct ima_step *step = &batch->steps[i];

		step->check = check(replay, batch, i);
		step->sha256 = step->check == IMA_CHECK_MATCH &&
					       replay->hashed & 1u << ALG_SHA256 &&
					       !bytes_equal_string(step->record.name, "ima")
				       ? batch->hashes[ALG_SHA256][i].value
				       : NULL;
		put_extended(replay, batch, i);
	}
	replay->next = replay->now;
	replay->now = batch;
	replay->next->n_steps = replay->next->next_step = 0;
	return 0;
}

/* --- extends ----------------------------------------------------------------------------------- */

/*
 * Whether a step's value of a bank can be told: the digest as logged is known; the others are hashes over
 * the data, which a text list only has if its template hash came out.
 */
static bool is_told(const struct ima_replay *replay, const struct ima_step *step, enum alg bank,
		    enum ima_way way)
{
	enum alg alg = way == IMA_OWN ? bank : ALG_SHA1;

	return replay->list->form != IMA_FORM_TEXT || alg == replay->list->alg ||
	       step->check == IMA_CHECK_VIOLATION || step->check == IMA_CHECK_MATCH;
}

/* Extends a step into every bank in both ways, side by side. */
static int step_extend(struct ima_replay *replay, size_t i, struct error *err)
{
	const struct batch *batch = replay->now;
	const struct ima_step *step = &batch->steps[i];
	uint32_t pcr = step->record.pcr;
	struct extension extensions[ALG_BANKS * IMA_WAYS];

	for (size_t j = 0; j < replay->n_courses; j++) {
		enum alg bank = replay->courses[j].bank;
		enum ima_way way = replay->courses[j].way;

		extensions[j].alg = bank;
		extensions[j].value = replay->values[way][bank].value[pcr];
		extensions[j].digest =
			way == IMA_OWN ? batch->hashes[bank][i].value : batch->padded[i].value;
		if (!is_told(replay, step, bank, way))
			replay->unknown[way][bank] |= 1u << pcr;
	}
	replay->extended |= 1u << pcr;
	return hasher_extend(replay->hasher, extensions, replay->n_courses, err);
}

int ima_replay_next(struct ima_replay *replay, const struct ima_step **out, struct error *err)
{
	const struct ima_step *step;
	struct batch *now = replay->now;

	if (now->next_step == now->n_steps) {
		if ((replay->read_status == 1 || replay->next->n_steps) &&
		    batch_next(replay, err) < 0)
			return -1;
		now = replay->now;
	}
	if (now->next_step == now->n_steps) {
		if (replay->read_status < 0 && err)
			*err = replay->read_error;
		return replay->read_status;
	}
	if (step_extend(replay, now->next_step, err) < 0)
		return -1;
	read_ahead(replay);
	step = &now->steps[now->next_step++];
	replay->counts.n_entries++;
	replay->counts.n_violations += step->check == IMA_CHECK_VIOLATION;
	replay->counts.n_mismatches += step->check == IMA_CHECK_MISMATCH;
	replay->counts.n_unknown += step->check == IMA_CHECK_UNKNOWN;
	*out = step;
	return 1;
}

size_t ima_replay_ahead(const struct ima_replay *replay, const struct ima_step **out)
{
	*out = replay->now->steps + replay->now->next_step;
	return replay->now->n_steps - replay->now->next_step;
}

/* --- what came out ----------------------------------------------------------------------------- */

struct bytes ima_replay_value(const struct ima_replay *replay, enum alg alg, enum ima_way way,
			      uint32_t pcr)
{
	if (alg >= ALG_BANKS || !(replay->banks & 1u << alg) || pcr >= PCR_COUNT)
		return (struct bytes){ NULL, 0 };
	way = first_way(alg, way);
	if (replay->unknown[way][alg] & 1u << pcr)
		return (struct bytes){ NULL, 0 };
	return bytes_of(replay->values[way][alg].value[pcr], alg_size(alg));
}

void ima_replay_set(struct ima_replay *replay, enum alg alg, enum ima_way way, uint32_t pcr,
		    struct bytes value)
{
	if (alg < ALG_BANKS && pcr < PCR_COUNT && value.size == alg_size(alg))
		memcpy(replay->values[first_way(alg, way)][alg].value[pcr], value.data, value.size);
}

void ima_replay_continue(struct ima_replay *replay, uint64_t n_entries)
{
	replay->list->n_entries = n_entries;
	replay->counts.n_entries = n_entries;
}

struct bytes ima_replay_digest(const struct ima_replay *replay, enum alg alg, enum ima_way way)
{
	const struct batch *now = replay->now;
	size_t i = now->next_step - 1;

	if (alg >= ALG_BANKS || !(replay->banks & 1u << alg) || now->next_step == 0)
		return (struct bytes){ NULL, 0 };
	way = first_way(alg, way);
	if (!is_told(replay, &now->steps[i], alg, way))
		return (struct bytes){ NULL, 0 };
	return bytes_of(way == IMA_OWN ? now->hashes[alg][i].value : now->padded[i].value,
			alg_size(alg));
}

pcr_set ima_replay_extended(const struct ima_replay *replay)
{
	return replay->extended;
}

struct ima_counts ima_replay_counts(const struct ima_replay *replay)
{
	return replay->counts;
}

void ima_prefix_step(struct ima_prefix *prefix, const struct ima_replay *replay)
{
	for (enum ima_way way = 0; way < IMA_WAYS; way++) {
		if (!bytes_equal(ima_replay_value(replay, prefix->wanted.alg, way, prefix->pcr),
				 digest_bytes(&prefix->wanted)))
			continue;
		if (!prefix->found[way])
			prefix->first[way] = replay->counts.n_entries;
		prefix->found[way] = true;
		prefix->n_entries[way] = replay->counts.n_entries;
	}
}
