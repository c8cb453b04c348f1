/* SPDX-License-Identifier: BSD-2-Clause */
/* Keylime's runtime policy, version 1 (keylime/ima/ima.py, keylime/ima/types.py). */
#include "refgen/allowlist/internal.h"

#include "core/text.h"

#define VERSION 1

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

static int count_entry(void *ctx, struct bytes key, const struct json_value *value,
		       struct error *err)
{
	(void)key;
	(void)value;
	(void)err;
	++*(size_t *)ctx;
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

int keylime_read(struct allowlist_reading *reading, const struct json_value *document,
		 struct error *err)
{
	const struct json_value *digests = json_value_member(document, "digests");
	const struct json_value *meta = json_value_member(document, "meta");
	const struct json_value *ima = json_value_member(document, "ima"), *excludes;
	struct allowlist *list = reading->list;
	uint64_t version;
	struct bytes keys;

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
	if (version != VERSION)
		return error_set(err, ERROR_UNSUPPORTED, reading->source, ERROR_NO_OFFSET,
				 "a runtime policy of version %llu; version %d is read",
				 (unsigned long long)version, VERSION);
	list->format = "Keylime runtime policy";
	if (json_value_each(digests, add_path, reading, err) < 0 ||
	    json_value_each(json_value_member(document, "keyrings"), count_entry, &list->n_keyrings,
			    err) < 0 ||
	    json_value_each(json_value_member(document, "ima-buf"), count_entry, &list->n_buffers,
			    err) < 0)
		return -1;
	excludes = json_value_member(document, "excludes");
	if (excludes && read_excludes(reading, excludes, err) < 0)
		return -1;
	list->has_keys = json_value_text(json_value_member(document, "verification-keys"), &keys) &&
			 keys.size > 0;
	list->has_dm_policy = json_value_is_object(json_value_member(ima, "dm_policy"));
	return 0;
}
