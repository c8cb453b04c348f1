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
	struct pcr_bank values[IMA_WAYS][ALG_BANKS]; /* after the step handed out last */
	pcr_set unknown[IMA_WAYS][ALG_BANKS];        /* PCRs whose value cannot be known any more */
	pcr_set extended;
	struct ima_counts counts;

	/*
	 * The batch: steps read ahead, the template hashes of each (what is extended in their place, once
	 * they are checked), what is extended as padded, and the values after each step.
	 */
	struct ima_step steps[BATCH];
	struct digest hashes[ALG_BANKS][BATCH];
	struct digest padded[BATCH];
	struct digest after[IMA_WAYS][ALG_BANKS][BATCH];
	struct pcr_bank ahead[IMA_WAYS][ALG_BANKS]; /* after the whole batch */
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
		for (enum ima_way way = 0; way < IMA_WAYS; way++)
			pcr_bank_init(&replay->ahead[way][alg], alg);
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

/* --- extends ----------------------------------------------------------------------------------- */

/* SHA-1 has one way: its own template hash is the padded one. */
static enum ima_way first_way(enum alg bank, enum ima_way way)
{
	return bank == ALG_SHA1 ? IMA_OWN : way;
}

/*
 * What kernels extended, in place of the template hashes. The digest as logged counts where the list
 * has it; a violation is all ones.
 */
static void put_extended(struct ima_replay *replay)
{
	for (size_t i = 0; i < replay->n_steps; i++) {
		const struct ima_step *step = &replay->steps[i];
		struct digest *padded = &replay->padded[i];

		if (step->check == IMA_CHECK_VIOLATION) {
			for (enum alg alg = 0; alg < ALG_BANKS; alg++)
				memset(replay->hashes[alg][i].value, 0xff, DIGEST_SIZE_MAX);
			memset(padded->value, 0xff, DIGEST_SIZE_MAX);
			continue;
		}
		if (step->check != IMA_CHECK_MATCH)
			replay->hashes[replay->list->alg][i] = step->record.digests[0];
		memset(padded->value, 0, DIGEST_SIZE_MAX);
		memcpy(padded->value, replay->hashes[ALG_SHA1][i].value, alg_size(ALG_SHA1));
	}
}

/* Extends steps begin to end, all of one PCR, into every bank in both ways, side by side. */
static int extend_run(struct ima_replay *replay, size_t begin, size_t end, struct error *err)
{
	struct extend_chain chains[ALG_BANKS * IMA_WAYS];
	uint32_t pcr = replay->steps[begin].record.pcr;
	size_t n = 0;

	for (enum alg bank = 0; bank < ALG_BANKS; bank++) {
		if (!(replay->banks & 1u << bank))
			continue;
		for (enum ima_way way = 0; way < IMA_WAYS; way++)
			if (first_way(bank, way) == way)
				chains[n++] = (struct extend_chain){
					bank, replay->ahead[way][bank].value[pcr],
					way == IMA_OWN ? &replay->hashes[bank][begin]
						       : &replay->padded[begin],
					&replay->after[way][bank][begin]
				};
	}
	return hasher_extend(replay->hasher, chains, n, end - begin, err);
}

static int extend_batch(struct ima_replay *replay, struct error *err)
{
	size_t begin = 0;

	put_extended(replay);
	for (size_t i = 1; i <= replay->n_steps; i++) {
		if (i < replay->n_steps &&
		    replay->steps[i].record.pcr == replay->steps[begin].record.pcr)
			continue;
		if (extend_run(replay, begin, i, err) < 0)
			return -1;
		begin = i;
	}
	return 0;
}

static int batch_next(struct ima_replay *replay, struct error *err)
{
	if (batch_read(replay, err) < 0 || hash_batch(replay, err) < 0)
		return -1;
	for (size_t i = 0; i < replay->n_steps; i++)
		replay->steps[i].check = check(replay, i);
	return extend_batch(replay, err);
}

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

/* Makes the values those after step i. */
static void step_publish(struct ima_replay *replay, size_t i)
{
	const struct ima_step *step = &replay->steps[i];
	uint32_t pcr = step->record.pcr;

	replay->extended |= 1u << pcr;
	for (enum alg bank = 0; bank < ALG_BANKS; bank++) {
		if (!(replay->banks & 1u << bank))
			continue;
		for (enum ima_way way = 0; way < IMA_WAYS; way++) {
			if (first_way(bank, way) != way)
				continue;
			memcpy(replay->values[way][bank].value[pcr],
			       replay->after[way][bank][i].value, DIGEST_SIZE_MAX);
			if (!is_told(replay, step, bank, way))
				replay->unknown[way][bank] |= 1u << pcr;
		}
	}
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
	step_publish(replay, replay->next_step);
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
	way = first_way(alg, way);
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
