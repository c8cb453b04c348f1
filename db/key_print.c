/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/key_print.h"

#include <inttypes.h>

const struct column key_columns[KEY_COLUMNS] = {
	{"RELEASE",      false},
        { "KEYRING",     false},
        { "KEY",         false},
        { "FORM",        false},
	{ "FINGERPRINT", false},
        { "ARTIFACT",    false},
        { "NAME",        false},
};

static void short_id_write(uint32_t id, char out[16])
{
	snprintf(out, 16, "%08" PRIx32, id);
}

void key_cells(struct table *table, const struct golden_key *key)
{
	char id[16], fingerprint[16 + DIGEST_HEX_SIZE] = "sha256:";

	short_id_write(key->facts.short_ids[0], id);
	digest_hex(&key->facts.fingerprint, fingerprint + strlen(fingerprint));
	table_string(table, key->release);
	table_string(table, keyring_name(key->keyring));
	table_string(table, id);
	table_string(table, key_form_name(key->form));
	table_string(table, fingerprint);
	table_string(table, key->artifact);
	table_string(table, key->facts.name);
}

void key_json(struct json *json, const struct golden_key *key)
{
	json_object_begin(json, NULL);
	json_string(json, "release", key->release);
	json_string(json, "keyring", keyring_name(key->keyring));
	json_string(json, "artifact", key->artifact);
	key_facts_write(json, key->form, &key->facts);
	json_object_end(json);
}

void key_line(const char *before, const struct golden_key *key)
{
	char hex[DIGEST_HEX_SIZE];

	printf("%skeyring %s, %s %08" PRIx32 " sha256:%s (%s)\n", before,
	       keyring_name(key->keyring), key_form_name(key->form), key->facts.short_ids[0],
	       digest_hex(&key->facts.fingerprint, hex), key->facts.name);
}

bool key_is_named(const struct golden_key *key, struct bytes value)
{
	const struct key_facts *facts = &key->facts;

	if (value.size == 4) {
		uint32_t id = (uint32_t)value.data[0] << 24 | (uint32_t)value.data[1] << 16 |
			      (uint32_t)value.data[2] << 8 | value.data[3];

		for (size_t i = 0; i < facts->n_short_ids; i++)
			if (facts->short_ids[i] == id)
				return true;
	}
	return bytes_equal(value, bytes_of(facts->id, facts->id_size)) ||
	       bytes_equal(value, bytes_of(facts->hash, sizeof(facts->hash))) ||
	       bytes_equal(value, digest_bytes(&facts->fingerprint));
}
