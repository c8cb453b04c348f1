/* SPDX-License-Identifier: BSD-2-Clause */
/* Keylime's runtime policy, version 1 (keylime/ima/ima.py, keylime/ima/types.py). */
#include "refgen/allowlist/internal.h"

#include "core/base64.h"
#include "core/text.h"

#define VERSION           1
/* Before there were runtime policies: "hashes" instead of "digests", exclusions in a file of their own. */
#define ALLOWLIST_VERSION 5

static int malformed(const struct allowlist_reading *reading, struct error *err, const char *what,
		     struct bytes key)
{
	char shown[160];

	return error_set(err, ERROR_MALFORMED, reading->source, ERROR_NO_OFFSET, "'%s': %s",
			 text_escape(shown, sizeof(shown), key), what);
}

/* One path of "digests". */
static int add_path(void *ctx, struct bytes key, const struct json_value *value, struct error *err)
{
	struct allowlist_reading *reading = ctx;
	struct bytes path = arena_copy(&reading->list->arena, key), text;
	long n = json_value_count(value);

	if (n < 0)
		return malformed(reading, err, "its digests are no array", key);
	if (memchr(key.data, 0, key.size))
		return malformed(reading, err, "a NUL in a path", key);
	for (long i = 0; i < n; i++) {
		if (!json_value_text(json_value_item(value, (size_t)i), &text))
			return malformed(reading, err, "a digest that is no string", key);
		if (allowlist_add(reading, path, text, ERROR_NO_OFFSET, err) < 0)
			return -1;
	}
	return 0;
}

/* One name of "keyrings" or "ima-buf". */
static int add_buffers(void *ctx, struct bytes key, const struct json_value *value,
		       struct error *err)
{
	struct allowlist_reading *reading = ctx;
	struct bytes name = arena_copy(&reading->list->arena, key), text;
	long n = json_value_count(value);

	if (n < 0)
		return malformed(reading, err, "its digests are no array", key);
	for (long i = 0; i < n; i++) {
		if (!json_value_text(json_value_item(value, (size_t)i), &text))
			return malformed(reading, err, "a digest that is no string", key);
		if (allowlist_add_buffer(reading, name, text, err) < 0)
			return -1;
	}
	return 0;
}

static int read_ignored(struct allowlist_reading *reading, const struct json_value *array,
			struct error *err)
{
	struct allowlist *list = reading->list;
	struct bytes key = bytes_of_string("ignored_keyrings"), text;
	long n = json_value_count(array);

	if (n < 0)
		return malformed(reading, err, "no array", key);
	list->ignored = arena_take(&list->arena, ((size_t)n + 1) * sizeof(*list->ignored));
	if (!list->ignored)
		return error_memory(err, reading->source);
	for (long i = 0; i < n; i++) {
		if (!json_value_text(json_value_item(array, (size_t)i), &text))
			return malformed(reading, err, "a name that is no string", key);
		list->ignored[list->n_ignored++] = arena_copy(&list->arena, text);
	}
	return 0;
}

static int read_excludes(struct allowlist_reading *reading, const struct json_value *array,
			 struct error *err)
{
	struct allowlist *list = reading->list;
	struct bytes key = bytes_of_string("excludes"), text;
	long n = json_value_count(array);

	if (n < 0)
		return malformed(reading, err, "no array", key);
	list->excludes = arena_take(&list->arena, ((size_t)n + 1) * sizeof(*list->excludes));
	if (!list->excludes)
		return error_memory(err, reading->source);
	for (long i = 0; i < n; i++) {
		if (!json_value_text(json_value_item(array, (size_t)i), &text))
			return malformed(reading, err, "an expression that is no string", key);
		list->excludes[list->n_excludes++] = arena_copy(&list->arena, text);
	}
	return 0;
}

/*
 * "verification-keys": a keyring as JSON in a string, or that in a string once more
 * (keylime/ima/file_signatures.py, ImaKeyring). Its key identifiers are those of the keys, or of
 * certificates they came from: what signatures name keys by is found out anew.
 */
static int read_keys(struct allowlist_reading *reading, struct bytes text, bool again,
		     struct error *err)
{
	AUTO(json_value_freep) struct json_value *document = NULL;
	struct bytes key = bytes_of_string("verification-keys"), inner;
	struct allowlist *list = reading->list;
	const struct json_value *array;
	long n;

	if (json_read(text, reading->source, &document, err) < 0)
		return malformed(reading, err, "no JSON", key);
	if (!again && json_value_text(document, &inner))
		return inner.size ? read_keys(reading, inner, true, err) : 0;
	if (json_value_count(document) == 0) /* "[]": what Keylime's database has for none */
		return 0;
	array = json_value_member(document, "pubkeys");
	n = json_value_count(array);
	if (n < 0)
		return malformed(reading, err, "has no array \"pubkeys\"", key);
	list->keys = arena_take(&list->arena, ((size_t)n + 1) * sizeof(*list->keys));
	if (!list->keys)
		return error_memory(err, reading->source);
	for (long i = 0; i < n; i++) {
		uint8_t *der;
		long size;

		if (!json_value_text(json_value_item(array, (size_t)i), &inner))
			return malformed(reading, err, "a key that is no string", key);
		der = arena_take(&list->arena, BASE64_DECODED_MAX(inner.size) + 1);
		if (!der)
			return error_memory(err, reading->source);
		size = base64_decode(inner, der, NULL);
		if (size <= 0)
			return malformed(reading, err, "a key that is no base64", key);
		list->keys[list->n_keys++] = bytes_of(der, (size_t)size);
	}
	return 0;
}

int keylime_read(struct allowlist_reading *reading, const struct json_value *document,
		 struct error *err)
{
	const struct json_value *hashes = json_value_member(document, "hashes");
	const struct json_value *digests = json_value_member(document, "digests");
	bool is_old = hashes && !digests;
	const struct json_value *meta = json_value_member(document, "meta");
	const struct json_value *ima = json_value_member(document, "ima"), *excludes, *ignored;
	struct allowlist *list = reading->list;
	uint64_t version;
	struct bytes keys;

	if (is_old)
		digests = hashes;
	if (!digests && reference_state_is_one(document))
		return reference_state_read(reading, document, err);
	if (!digests)
		return error_set(err, ERROR_MALFORMED, reading->source, ERROR_NO_OFFSET,
				 "JSON, but neither a runtime policy nor a reference state: it has "
				 "no \"digests\" and no \"kernels\"");
	if (!json_value_is_object(digests))
		return malformed(reading, err, "no object", bytes_of_string("digests"));
	if (!json_value_uint(json_value_member(meta, "version"), &version))
		return malformed(reading, err, "lacks a \"version\"", bytes_of_string("meta"));
	if (is_old ? version < 1 || version > ALLOWLIST_VERSION : version != VERSION)
		return error_set(err, ERROR_UNSUPPORTED, reading->source, ERROR_NO_OFFSET,
				 "%s of version %llu; version %d is read",
				 is_old ? "an allowlist" : "a runtime policy",
				 (unsigned long long)version, is_old ? ALLOWLIST_VERSION : VERSION);
	list->format = is_old ? "Keylime allowlist" : "Keylime runtime policy";
	list->is_policy = true;
	if (json_value_each(digests, add_path, reading, err) < 0 ||
	    json_value_each(json_value_member(document, "keyrings"), add_buffers, reading, err) <
		    0 ||
	    json_value_each(json_value_member(document, "ima-buf"), add_buffers, reading, err) < 0)
		return -1;
	excludes = json_value_member(document, "excludes");
	if (excludes && read_excludes(reading, excludes, err) < 0)
		return -1;
	if (json_value_text(json_value_member(document, "verification-keys"), &keys) && keys.size &&
	    read_keys(reading, keys, false, err) < 0)
		return -1;
	ignored = json_value_member(ima, "ignored_keyrings");
	if (ignored && read_ignored(reading, ignored, err) < 0)
		return -1;
	list->has_dm_policy = json_value_is_object(json_value_member(ima, "dm_policy"));
	return 0;
}
