/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * key_print: keys of a database as the commands of this folder show them.
 */
#ifndef DB_KEY_PRINT_H
#define DB_KEY_PRINT_H

#include "core/json.h"
#include "db/keyring.h"
#include "db/table.h"

#define KEY_COLUMNS 7
extern const struct column key_columns[KEY_COLUMNS];

/* One row of key_columns. */
void key_cells(struct table *table, const struct golden_key *key);

/* One object. */
void key_json(struct json *json, const struct golden_key *key);

/* "keyring .ima, certificate 38740d2e sha256:fc4a... (IMA signing key 1)" on a line of its own, behind before. */
void key_line(const char *before, const struct golden_key *key);

/* Whether a value names the key: 4 bytes as signatures do, a subject key identifier, the SHA-1 of its bits,
 * or its fingerprint. */
bool key_is_named(const struct golden_key *key, struct bytes value);

#endif
