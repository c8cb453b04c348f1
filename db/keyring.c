/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/keyring.h"

#include <inttypes.h>

#include "core/reader.h"
#include "db/internal.h"

#define KEYS_VERSION 1

_Static_assert(KEYRING_IMA == 0 && KEYRING_EVM == 1 && KEYRING_BUILTIN == 2 &&
		       KEYRING_SECONDARY == 3 && KEYRING_MACHINE == 4 && KEYRING_PLATFORM == 5 &&
		       KEYRING_VERITY == 6 && KEYRING_BLACKLIST == 7 && KEYRING_IMA_BLACKLIST == 8,
	       "keyrings in databases");
_Static_assert(KEY_FORM_CERTIFICATE == 0 && KEY_FORM_PUBLIC == 1, "forms of keys in databases");

/* --- names --------------------------------------------------------------------------------------- */

static const char *const names[KEYRING_COUNT] = {
	[KEYRING_IMA] = ".ima",
	[KEYRING_EVM] = ".evm",
	[KEYRING_BUILTIN] = ".builtin_trusted_keys",
	[KEYRING_SECONDARY] = ".secondary_trusted_keys",
	[KEYRING_MACHINE] = ".machine",
	[KEYRING_PLATFORM] = ".platform",
	[KEYRING_VERITY] = ".fs-verity",
	[KEYRING_BLACKLIST] = ".blacklist",
	[KEYRING_IMA_BLACKLIST] = ".ima_blacklist",
};

const char *keyring_name(enum keyring keyring)
{
	return names[keyring];
}

bool keyring_of_kernel_name(struct bytes name, enum keyring *out)
{
	for (enum keyring i = 0; i < KEYRING_COUNT; i++)
		if (bytes_equal_string(name, names[i])) {
			*out = i;
			return true;
		}
	return false;
}

bool keyring_of_name(struct bytes name, enum keyring *out)
{
	if (name.size && name.data[0] == '.')
		return keyring_of_kernel_name(name, out);
	if (bytes_equal_string(name, "_ima") || bytes_equal_string(name, "_evm"))
		name = bytes_of(name.data + 1, name.size - 1);
	for (enum keyring i = 0; i < KEYRING_COUNT; i++)
		if (bytes_equal_string(name, names[i] + 1)) {
			*out = i;
			return true;
		}
	return false;
}

/* --- blobs --------------------------------------------------------------------------------------- */

static int by_der(const void *a, const void *b)
{
	const struct golden_key *one = a, *other = b;

	return bytes_compare(one->der, other->der);
}

int keyring_encode(enum keyring keyring, struct golden_key *keys, size_t *n_keys, struct buf *out,
		   struct error *err)
{
	size_t n = 0;

	if (*n_keys == 0 || *n_keys > KEY_FILE_KEYS_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "%zu keys of one artifact, from 1 to %d are possible", *n_keys,
				 KEY_FILE_KEYS_MAX);
	qsort(keys, *n_keys, sizeof(*keys), by_der);
	for (size_t i = 0; i < *n_keys; i++)
		if (i == 0 || by_der(&keys[n - 1], &keys[i]) != 0)
			keys[n++] = keys[i];
	*n_keys = n;
	buf_append_u8(out, KEYS_VERSION);
	buf_append_u8(out, (uint8_t)keyring);
	buf_append_le32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		buf_append_u8(out, (uint8_t)keys[i].form);
		buf_append_le32(out, (uint32_t)keys[i].der.size);
		buf_append(out, keys[i].der);
	}
	return out->failed ? error_memory(err, NULL) : 0;
}

/* Room for one more, in the arena: lists are short, and what they leave behind is half of them. */
static struct golden_key *next_key(struct golden_key_list *list)
{
	if (list->n_keys == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		struct golden_key *larger =
			arena_take(&list->arena, capacity * sizeof(*list->keys));

		if (!larger)
			return NULL;
		if (list->n_keys)
			memcpy(larger, list->keys, list->n_keys * sizeof(*larger));
		list->keys = larger;
		list->capacity = capacity;
	}
	return &list->keys[list->n_keys++];
}

static int decode_key(struct reader *in, enum keyring keyring, struct hasher *hasher,
		      struct golden_key_list *list, struct error *err)
{
	AUTO(public_key_freep) struct public_key *public_key = NULL;
	uint64_t offset = reader_offset(in);
	uint8_t form = reader_u8(in);
	struct key_item item = { .der = reader_bytes(in, reader_le32(in)) };
	struct golden_key *key;

	if (reader_check(in, err) < 0 ||
	    key_parse(item.der, in->source, &item.form, &public_key, err) < 0)
		return -1;
	if (form != item.form)
		return error_set(err, ERROR_MALFORMED, in->source, offset,
				 "a key that is not of the form its artifact says");
	key = next_key(list);
	if (!key)
		return error_memory(err, in->source);
	item.key = public_key;
	*key = (struct golden_key){ .release = "",
				    .artifact = "",
				    .keyring = keyring,
				    .form = item.form,
				    .der = arena_copy(&list->arena, item.der) };
	if (key_describe(&item, hasher, &key->facts, err) < 0)
		return -1;
	return list->arena.failed ? error_memory(err, in->source) : 0;
}

int keyring_decode(struct bytes blob, const char *source, struct hasher *hasher,
		   struct golden_key_list *list, struct error *err)
{
	struct reader in = reader_of(blob, 0, source);
	uint8_t version = reader_u8(&in), keyring = reader_u8(&in);
	uint32_t n = reader_le32(&in);
	size_t n_before = list->n_keys;

	if (reader_check(&in, err) < 0)
		return -1;
	if (version != KEYS_VERSION || keyring >= KEYRING_COUNT || n == 0 || n > KEY_FILE_KEYS_MAX)
		return error_set(err, ERROR_MALFORMED, source, 0,
				 "keys of version %u, keyring %u, %" PRIu32
				 " of them: not as Assay writes them",
				 version, keyring, n);
	for (uint32_t i = 0; i < n; i++)
		if (decode_key(&in, (enum keyring)keyring, hasher, list, err) < 0)
			goto failed;
	if (reader_finish(&in, err) == 0)
		return 0;
failed:
	list->n_keys = n_before;
	return -1;
}

void golden_key_list_clear(struct golden_key_list *list)
{
	arena_clear(&list->arena);
	*list = (struct golden_key_list){ 0 };
}

/* --- the database -------------------------------------------------------------------------------- */

static int by_release(const void *a, const void *b)
{
	const struct golden_key *one = a, *other = b;
	int order = strcmp(one->release, other->release);

	if (!order)
		order = (one->keyring > other->keyring) - (one->keyring < other->keyring);
	if (!order)
		order = bytes_compare(digest_bytes(&one->facts.fingerprint),
				      digest_bytes(&other->facts.fingerprint));
	return order ? order : strcmp(one->artifact, other->artifact);
}

/* Adds the keys of one artifact, for a release that holds it. */
static int read_artifact(struct db *db, const struct artifact_row *row, const char *release,
			 struct golden_key_list *list, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_CONTENT, err);
	size_t first = list->n_keys;
	struct bytes blob, name;

	if (row->profiles < 0)
		return db_damaged(db, err, "the keys of artifact %" PRId64 " are missing", row->id);
	if (!stmt || content_read(db, stmt, row->profiles, &blob, err) < 0 ||
	    keyring_decode(blob, db->path, db->hasher, list, err) < 0)
		return -1;
	name = arena_copy(&list->arena, row->artifact.name);
	release = arena_printf(&list->arena, "%s", release);
	if (list->arena.failed)
		return error_memory(err, db->path);
	for (size_t i = first; i < list->n_keys; i++) {
		list->keys[i].artifact = (const char *)name.data;
		list->keys[i].release = release;
	}
	return 0;
}

static int read_release(struct db *db, const struct artifact_list *artifacts,
			const struct release *release, struct golden_key_list *list,
			struct error *err)
{
	for (size_t i = 0; i < artifacts->n_items; i++) {
		bool has;

		if (release_has(db, release->name, artifacts->items[i].id, &has, err) < 0 ||
		    (has && read_artifact(db, &artifacts->items[i], release->name, list, err) < 0))
			return -1;
	}
	return 0;
}

int db_keys_read(struct db *db, const char *const *releases, size_t n_releases,
		 struct golden_key_list *out, struct error *err)
{
	AUTO(artifact_list_clear) struct artifact_list artifacts = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list all = { .text = BUF_INIT };
	AUTO(golden_key_list_clear) struct golden_key_list list = { 0 };

	if (key_artifacts_read(db, &artifacts, err) < 0 || release_names_read(db, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < n_releases; i++)
		if (!release_list_find(db, &all, releases[i], err))
			return -1;
	for (size_t i = 0; i < all.n_items; i++) {
		bool wanted = n_releases == 0;

		for (size_t k = 0; k < n_releases; k++)
			wanted |= strcmp(all.items[i].name, releases[k]) == 0;
		if (wanted && read_release(db, &artifacts, &all.items[i], &list, err) < 0)
			return -1;
	}
	if (list.n_keys)
		qsort(list.keys, list.n_keys, sizeof(*list.keys), by_release);
	*out = list;
	list = (struct golden_key_list){ 0 };
	return 0;
}
