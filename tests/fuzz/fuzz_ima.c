/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An IMA measurement list of any form: iterated, its entries parsed, replayed in three banks. What
 * the two readers say must agree.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/own.h"
#include "replay/ima/ima.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hasher *hasher;

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void within(struct bytes part, struct bytes whole)
{
	REQUIRE(part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
				   part.data - whole.data <= (ptrdiff_t)(whole.size - part.size)));
}

static void entry_check(const struct ima_list *list, const struct record *record)
{
	struct ima_entry entry;
	size_t size = 0;

	ima_entry_parse(list, record, &entry);
	REQUIRE(entry.is_known || !entry.is_whole);
	REQUIRE(entry.n_fields <= IMA_FIELDS_MAX);
	for (size_t i = 0; i < entry.n_fields; i++) {
		within(entry.fields[i].value, record->data);
		size += entry.fields[i].value.size;
	}
	REQUIRE(size <= record->data.size);
	within(entry.digest.value, record->data);
	within(entry.digest.alg_name, record->data);
	within(entry.digest.type_name, record->data);
	within(entry.path, record->data);
	within(entry.modsig_digest.value, record->data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = bytes_of(data, size);
	AUTO(ima_list_freep) struct ima_list *list = NULL;
	AUTO(ima_list_freep) struct ima_list *again = NULL;
	AUTO(ima_replay_freep) struct ima_replay *replay = NULL;
	const struct ima_step *step;
	struct record record;
	struct error err;
	int status, other;

	if (!hasher)
		REQUIRE(hasher_new(&hasher, &err) == 0);
	if (ima_list_open(bytes, "fuzz", hasher, &list, &err) < 0)
		return 0;
	REQUIRE(ima_list_open(bytes, "fuzz", hasher, &again, &err) == 0);
	REQUIRE(ima_replay_new(again, 1u << ALG_SHA1 | 1u << ALG_SHA256 | 1u << ALG_SHA384, hasher,
			       &replay, &err) == 0);
	do {
		status = ima_list_next(list, &record, &err);
		other = ima_replay_next(replay, &step, &err);
		REQUIRE(status == other);
		if (status != 1)
			break;
		REQUIRE(record.pcr < PCR_COUNT && record.offset < size);
		REQUIRE(record.index == step->record.index && record.offset == step->record.offset);
		within(record.name, bytes);
		if (ima_list_form(list) != IMA_FORM_TEXT)
			within(record.data, bytes);
		REQUIRE(bytes_equal(record.data, step->record.data));
		entry_check(list, &record);
		entry_check(again, &step->record);
	} while (status == 1);
	if (status < 0)
		REQUIRE(err.offset <= size);
	return 0;
}
