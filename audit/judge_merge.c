/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two logs extend one PCR after the boot: systemd, and an IMA that is configured for another PCR than
 * its own. Each log has its order, but none says how they mix; so orders are tried, up to a limit.
 *
 * The kernel measures boot_aggregate before user space runs: the IMA log's first entry comes first.
 */
#include "audit/judge.h"

#include "core/array.h"
#include "core/own.h"

/* Entries that are kept, and extends of user space that are tried: systemd makes four into PCR 11. */
#define SHARED_MAX    4096
#define USERSPACE_MAX 16

/* Extends that one search may take, half a second, and all of a bundle together. */
#define EXTENDS_MAX       2000000
#define EXTENDS_TOTAL_MAX 8000000

struct shared_entry {
	uint64_t index; /* in the IMA log */
	uint32_t pcr;
	alg_set known[IMA_WAYS];
	uint8_t digest[IMA_WAYS][ALG_BANKS][DIGEST_SIZE_MAX];
};

int judge_merge_note(struct judge *judge, const struct ima_step *step, struct error *err)
{
	struct shared_entry *entry;

	if (step->record.pcr >= PCR_COUNT || !(judge->userspace_extended >> step->record.pcr & 1))
		return 0;
	if (judge->n_shared == SHARED_MAX) {
		judge->has_more_shared = true;
		return 0;
	}
	if (array_room(&judge->shared, judge->n_shared, &judge->shared_capacity,
		       sizeof(*judge->shared), judge->bundle->name, err) < 0)
		return -1;
	entry = &judge->shared[judge->n_shared++];
	memset(entry, 0, sizeof(*entry));
	entry->index = step->record.index;
	entry->pcr = step->record.pcr;
	for (enum ima_way way = 0; way < IMA_WAYS; way++)
		for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
			struct bytes digest = ima_replay_digest(judge->ima_replay, alg, way);

			if (digest.size == 0)
				continue;
			entry->known[way] |= (alg_set)1 << alg;
			memcpy(entry->digest[way][alg], digest.data, digest.size);
		}
	return 0;
}

struct merge {
	struct judge *judge;
	enum alg alg;
	size_t size; /* of a digest */
	const uint8_t *wanted;
	const uint8_t *first[USERSPACE_MAX]; /* digests of user space's, NULL: not in this bank */
	const uint8_t *second[SHARED_MAX];
	size_t n_first, n_second;
	size_t before; /* of second, that come before any of first: boot_aggregate */
	size_t least_first, least_second; /* that the quote is known to cover */
	size_t most_userspace;            /* of the whole log, and */
	uint64_t most_entries;            /* of the IMA log: the most that it may cover */
	size_t found_first, found_second;
	uint64_t n_extends;
	struct error *err;
};

enum { NO = 0, YES = 1, STOP = -1, FAILED = -2 };

static int extend(struct merge *merge, uint8_t *state, const uint8_t *digest)
{
	struct bytes parts[2] = { bytes_of(state, merge->size), bytes_of(digest, merge->size) };
	struct digest out;

	if (!digest)
		return NO;
	if (merge->n_extends++ >= EXTENDS_MAX ||
	    merge->judge->n_merge_extends++ >= EXTENDS_TOTAL_MAX)
		return STOP;
	if (hasher_digest(merge->judge->hasher, merge->alg, parts, 2, &out, merge->err) < 0)
		return FAILED;
	memcpy(state, out.value, merge->size);
	return NO;
}

/* From a state with so many of each extended; the depth is at most USERSPACE_MAX. */
static int mix(struct merge *merge, const uint8_t *from, size_t first, size_t second)
{
	uint8_t state[DIGEST_SIZE_MAX], other[DIGEST_SIZE_MAX];
	int status;

	memcpy(state, from, merge->size);
	for (;;) {
		if (first >= merge->least_first && second >= merge->least_second &&
		    memcmp(state, merge->wanted, merge->size) == 0) {
			merge->found_first = first;
			merge->found_second = second;
			return YES;
		}
		if (first < merge->n_first && second >= merge->before) {
			memcpy(other, state, merge->size);
			status = extend(merge, other, merge->first[first]);
			if (status == NO)
				status = mix(merge, other, first + 1, second);
			if (status != NO)
				return status;
		}
		if (second == merge->n_second)
			return NO;
		status = extend(merge, state, merge->second[second]);
		if (status != NO)
			return status;
		second++;
	}
}

/* Another PCR tells how far the logs went when the quote was made. */
static bool is_told(const struct judged_quote *quote, pcr_set pcrs)
{
	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		if (quote_selection_pcrs(&quote->quote.selection, (enum alg)alg) & pcrs)
			return true;
	return false;
}

/* The least of the IMA log that a quote covers, by the PCRs that IMA alone extends. */
static uint64_t least_entries(const struct judge *judge, const struct judged_quote *quote)
{
	pcr_set pcrs = judge->ima_extended & ~judge->userspace_extended;
	uint64_t least = 0;

	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			const struct ima_tracker *tracker = quote->trackers[alg][pcr];
			uint64_t first = UINT64_MAX;

			for (enum ima_way way = 0; tracker && way < IMA_WAYS; way++)
				if (tracker->prefix.found[way] &&
				    tracker->prefix.first[way] < first)
					first = tracker->prefix.first[way];
			if (pcrs >> pcr & 1 && first != UINT64_MAX && first > least)
				least = first;
		}
	return least;
}

/* False when there are too many. */
static bool collect(struct merge *merge, const struct judged_quote *quote, uint32_t pcr,
		    enum ima_way way)
{
	const struct judge *judge = merge->judge;
	bool first_told = is_told(quote, judge->userspace_extended & ~judge->ima_extended);
	bool second_told = is_told(quote, judge->ima_extended & ~judge->userspace_extended);
	uint64_t least = second_told ? least_entries(judge, quote) : 0;

	merge->n_first = merge->n_second = merge->before = 0;
	merge->least_first = merge->least_second = 0;
	merge->most_userspace = first_told ? quote->n_userspace : judge->n_userspace;
	merge->most_entries = second_told ? quote->n_attested : judge->n_entries;
	for (size_t i = 0; i < merge->most_userspace; i++) {
		const struct userspace_extend *record = &judge->userspace[i];
		const struct digest *digest = userspace_digest(record, merge->alg);

		if (record->pcr != pcr)
			continue;
		if (merge->n_first == USERSPACE_MAX)
			return false;
		merge->least_first += first_told && i < quote->least_userspace;
		merge->first[merge->n_first++] = digest ? digest->value : NULL;
	}
	for (size_t i = 0; i < judge->n_shared; i++) {
		const struct shared_entry *entry = &judge->shared[i];

		if (entry->pcr != pcr || entry->index >= merge->most_entries)
			continue;
		if (!(entry->known[way] >> merge->alg & 1))
			return false;
		merge->before += entry->index == 0;
		merge->least_second += entry->index < least;
		merge->second[merge->n_second++] = entry->digest[way][merge->alg];
	}
	return second_told || !judge->has_more_shared;
}

/* How far the logs went: the most that this merge and the other PCRs leave open. */
static void take_over(const struct merge *merge, struct judged_quote *quote, uint32_t pcr)
{
	const struct judge *judge = merge->judge;
	size_t n = 0;

	quote->n_userspace = merge->most_userspace;
	for (size_t i = 0; i < merge->most_userspace; i++)
		if (judge->userspace[i].pcr == pcr && n++ == merge->found_first) {
			quote->n_userspace = i;
			break;
		}
	n = 0;
	quote->n_attested = merge->most_entries;
	for (size_t i = 0; i < judge->n_shared; i++)
		if (judge->shared[i].pcr == pcr && judge->shared[i].index < merge->most_entries &&
		    n++ == merge->found_second) {
			quote->n_attested = judge->shared[i].index;
			break;
		}
}

int judge_merge(struct judge *judge, struct judged_quote *quote, const struct pcr_bank *base,
		uint32_t pcr, const struct digest *wanted, enum merge_result *out,
		struct error *err)
{
	AUTO(own_free) struct merge *merge = calloc(1, sizeof(*merge));

	if (!merge)
		return error_memory(err, judge->bundle->name);
	merge->judge = judge;
	merge->alg = wanted->alg;
	merge->size = alg_size(wanted->alg);
	merge->wanted = wanted->value;
	merge->err = err;
	*out = MERGE_NONE;
	for (enum ima_way way = 0; way < IMA_WAYS; way++) {
		int status = STOP;

		if (way == IMA_PADDED && wanted->alg == ALG_SHA1)
			continue;
		merge->n_extends = 0;
		if (collect(merge, quote, pcr, way))
			status = mix(merge, base->value[pcr], 0, 0);
		if (status == FAILED)
			return -1;
		if (status == YES) {
			take_over(merge, quote, pcr);
			*out = MERGE_FITS;
			return 0;
		}
		if (status == STOP)
			*out = MERGE_LIMIT;
	}
	return 0;
}
