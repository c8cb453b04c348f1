/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json_read: read one JSON document (RFC 8259) from untrusted bytes.
 *
 * The only door to the JSON library. Nesting, size and duplicate keys are
 * refused before or by the parser; what comes out is read-only.
 */
#ifndef CORE_JSON_READ_H
#define CORE_JSON_READ_H

#include "core/bytes.h"

/* No evidence nests deeper; the parser recurses once for each level. */
#define JSON_READ_DEPTH_MAX 64

/* The largest file that comes in JSON is a fleet's runtime policy, tens of MiB. */
#define JSON_READ_SIZE_MAX ((size_t)256 << 20)

/* A document, or a value in one. Values are borrowed from their document. */
struct json_value;

/* source names the document in errors. ERROR_MALFORMED with the offset of what is wrong; a key
 * given twice is wrong. */
int json_read(struct bytes text, const char *source, struct json_value **out, struct error *err);
void json_value_free(struct json_value *document);
void json_value_freep(struct json_value **document);

/* The member of an object; NULL if there is none, or value is NULL or no object. */
const struct json_value *json_value_member(const struct json_value *value, const char *key);

bool json_value_is_object(const struct json_value *value);
bool json_value_is_null(const struct json_value *value);

/* The text of a string (UTF-8, may hold NULs); false, and *out untouched, for any other value. */
bool json_value_text(const struct json_value *value, struct bytes *out);

/* A number without fraction, from 0 on; a truth value: false, and *out untouched, for any other value. */
bool json_value_uint(const struct json_value *value, uint64_t *out);
bool json_value_bool(const struct json_value *value, bool *out);

/* The items of an array; -1 for a value that is none. */
long json_value_count(const struct json_value *array);
const struct json_value *json_value_item(const struct json_value *array, size_t i);

/* Calls fn with each member of an object (none if it is no object), in the order of the document;
 * the first result that is not 0 ends it and is returned. */
int json_value_each(const struct json_value *object,
		    int (*fn)(void *ctx, struct bytes key, const struct json_value *value,
			      struct error *err),
		    void *ctx, struct error *err);

#endif
