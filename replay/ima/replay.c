/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/internal.h"

/* Entries read and hashed at a time: enough to keep the hash kernels busy, few enough for the
 * processor's cache. */
#define BATCH 64

/* Room for the data of a batch of a text list, at first. */
#define ROOM_SIZE (64 * 1024)

struct ima_replay {
	struct ima_list *list; /* borrowed */
	struct hasher *hasher; /* borrowed */
	alg_set banks;
	alg_set hashed; /* template hashes to compute: banks, the list's own, SHA-1 for padding */
	struct pcr_bank values[IMA_WAYS][ALG_BANKS];
	pcr_set unknown[IMA_WAYS][ALG_BANKS]; /* PCRs whose value cannot be known any more */
	pcr_set extended;
	struct ima_counts counts;

	/* The batch: steps read ahead, the template hashes of each, and what reading said then. */
	struct ima_step steps[BATCH];
	struct digest hashes[ALG_BANKS][BATCH];
	size_t n_steps, next_step;
	int read_status;
	struct error read_error;
	struct ima_room room; /* room.data is owned */
};

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
	for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
		if (replay->hashed & 1u << alg && !hasher_has(hasher, alg))
			return error_set(err, ERROR_UNSUPPORTED, list->in.source, ERROR_NO_OFFSET,
					 "libcrypto offers no %s here", alg_name(alg));
		for (enum ima_way way = 0; way < IMA_WAYS; way++)
			pcr_bank_init(&replay->values[way][alg], alg);
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
static int hash_batch(struct ima_replay *replay, struct error *err)
{
	struct bytes messages[BATCH];
	struct bytes parts[IMA_HASHED_PARTS];

	for (size_t i = 0; i < replay->n_steps; i++)
		messages[i] = replay->steps[i].record.data;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
		if (!(replay->hashed & 1u << alg))
			continue;
		if (hasher_digest_batch(replay->hasher, alg, messages, replay->n_steps,
					replay->hashes[alg], err) < 0)
			return -1;
		for (size_t i = 0; i < replay->n_steps; i++) {
			size_t n_parts = ima_hashed(replay->list, &replay->steps[i].record, parts);

			if (n_parts > 1 && hasher_digest(replay->hasher, alg, parts, n_parts,
							 &replay->hashes[alg][i], err) < 0)
				return -1;
		}
	}
	return 0;
}

static enum ima_check check(const struct ima_replay *replay, size_t i)
{
	const struct record *record = &replay->steps[i].record;
	struct ima_template scratch;

	if (bytes_all(digest_bytes(&record->digests[0]), 0))
		return IMA_CHECK_VIOLATION;
	if (!record->data.data && ima_template_lookup(record->name, &scratch)->n_fields == 0)
		return IMA_CHECK_UNKNOWN;
	if (!record->data.data) /* text that no kernel writes for this template */
		return IMA_CHECK_MISMATCH;
	return digest_equal(&replay->hashes[replay->list->alg][i], &record->digests[0])
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

/* Reads the next entries; an end or a break is kept until they were handed out. */
static int batch_read(struct ima_replay *replay, struct error *err)
{
	replay->n_steps = replay->next_step = 0;
	replay->room.used = 0;
	while (replay->n_steps < BATCH && replay->read_status == 1) {
		int status =
			ima_list_read(replay->list, &replay->room,
				      &replay->steps[replay->n_steps].record, &replay->read_error);

		if (status == IMA_READ_ROOM || status == IMA_READ_WINDOW) {
			if (replay->n_steps > 0)
				break; /* those before stand in the room and the window */
			if (status == IMA_READ_ROOM && room_grow(replay, err) < 0)
				return -1;
			if (status == IMA_READ_WINDOW &&
			    ima_list_move(replay->list, &replay->read_error) < 0)
				replay->read_status = -1;
			continue;
		}
		replay->read_status = status;
		replay->n_steps += status == 1;
	}
	return 0;
}

static int batch_next(struct ima_replay *replay, struct error *err)
{
	if (batch_read(replay, err) < 0 || hash_batch(replay, err) < 0)
		return -1;
	for (size_t i = 0; i < replay->n_steps; i++)
		replay->steps[i].check = check(replay, i);
	return 0;
}

/* --- extends ----------------------------------------------------------------------------------- */

/*
 * What a kernel extended into a bank for a step: false if that cannot be told. The digest as logged
 * counts where the list has it; the others are hashes over the data, which a text list only
 * has if its template hash came out.
 */
static bool extended_digest(const struct ima_replay *replay, size_t i, enum alg bank,
			    enum ima_way way, struct digest *out)
{
	const struct ima_step *step = &replay->steps[i];
	enum alg alg = way == IMA_OWN ? bank : ALG_SHA1;
	const struct digest *digest = &replay->hashes[alg][i];

	memset(out->value, step->check == IMA_CHECK_VIOLATION ? 0xff : 0, sizeof(out->value));
	out->alg = bank;
	out->size = (uint8_t)alg_size(bank);
	if (step->check == IMA_CHECK_VIOLATION)
		return true;
	if (alg == replay->list->alg)
		digest = &step->record.digests[0];
	else if (replay->list->form == IMA_FORM_TEXT && step->check != IMA_CHECK_MATCH)
		return false;
	memcpy(out->value, digest->value, alg_size(alg));
	return true;
}

/* Extends one bank in each way that can be told. */
static int bank_extend(struct ima_replay *replay, size_t i, enum alg bank, struct error *err)
{
	uint32_t pcr = replay->steps[i].record.pcr;
	struct pcr_bank *values[IMA_WAYS];
	struct digest digests[IMA_WAYS];
	size_t n = 0;

	for (enum ima_way way = 0; way < IMA_WAYS; way++) {
		if (bank == ALG_SHA1 && way == IMA_PADDED)
			continue; /* the same as its own */
		values[n] = &replay->values[way][bank];
		if (extended_digest(replay, i, bank, way, &digests[n]))
			n++;
		else
			replay->unknown[way][bank] |= 1u << pcr;
	}
	if (n == 2)
		return pcr_bank_extend_pair(values, replay->hasher, pcr, digests, err);
	return n ? pcr_bank_extend(values[0], replay->hasher, pcr, &digests[0], err) : 0;
}

static int step_extend(struct ima_replay *replay, size_t i, struct error *err)
{
	replay->extended |= 1u << replay->steps[i].record.pcr;
	for (enum alg bank = 0; bank < ALG_BANKS; bank++)
		if (replay->banks & 1u << bank && bank_extend(replay, i, bank, err) < 0)
			return -1;
	return 0;
}

int ima_replay_next(struct ima_replay *replay, const struct ima_step **out, struct error *err)
{
	const struct ima_step *step;

	if (replay->next_step == replay->n_steps && replay->read_status == 1 &&
	    batch_next(replay, err) < 0)
		return -1;
	if (replay->next_step == replay->n_steps) {
		if (replay->read_status < 0 && err)
			*err = replay->read_error;
		return replay->read_status;
	}
	if (step_extend(replay, replay->next_step, err) < 0)
		return -1;
	step = &replay->steps[replay->next_step++];
	replay->counts.n_entries++;
	replay->counts.n_violations += step->check == IMA_CHECK_VIOLATION;
	replay->counts.n_mismatches += step->check == IMA_CHECK_MISMATCH;
	replay->counts.n_unknown += step->check == IMA_CHECK_UNKNOWN;
	*out = step;
	return 1;
}

/* --- what came out ----------------------------------------------------------------------------- */

struct bytes ima_replay_value(const struct ima_replay *replay, enum alg alg, enum ima_way way,
			      uint32_t pcr)
{
	if (alg >= ALG_BANKS || !(replay->banks & 1u << alg) || pcr >= PCR_COUNT)
		return (struct bytes){ NULL, 0 };
	if (alg == ALG_SHA1)
		way = IMA_OWN;
	if (replay->unknown[way][alg] & 1u << pcr)
		return (struct bytes){ NULL, 0 };
	return bytes_of(replay->values[way][alg].value[pcr], alg_size(alg));
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
