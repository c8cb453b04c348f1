/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/json_read.h"

#include <jansson.h>

/* A value is a json_t under another name, so that no other file sees the library's. */
static const json_t *of(const struct json_value *value)
{
	return (const json_t *)(const void *)value;
}

static const struct json_value *as_value(const json_t *json)
{
	return (const struct json_value *)(const void *)json;
}

/* The offset of the first bracket nested too deep, or text.size. */
static size_t too_deep(struct bytes text)
{
	size_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > JSON_READ_DEPTH_MAX)
				return i;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return text.size;
}

int json_read(struct bytes text, const char *source, struct json_value **out, struct error *err)
{
	json_error_t problem = { 0 };
	json_t *json;
	size_t deep;

	if (text.size > JSON_READ_SIZE_MAX)
		return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
				 "%zu bytes of JSON, at most %zu", text.size, JSON_READ_SIZE_MAX);
	deep = too_deep(text);
	if (deep < text.size)
		return error_set(err, ERROR_LIMIT, source, deep,
				 "JSON nested deeper than %d levels", JSON_READ_DEPTH_MAX);
	json = json_loadb(text.size ? (const char *)text.data : "", text.size,
			  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
	if (!json && json_error_code(&problem) == json_error_out_of_memory)
		return error_memory(err, source);
	if (!json)
		return error_set(err, ERROR_MALFORMED, source,
				 problem.position < 0 ? 0 : (uint64_t)problem.position,
				 "RFC 8259: %s", problem.text);
	*out = (struct json_value *)(void *)json;
	return 0;
}

void json_value_free(struct json_value *document)
{
	json_decref((json_t *)(void *)document);
}

void json_value_freep(struct json_value **document)
{
	json_value_free(*document);
}

const struct json_value *json_value_member(const struct json_value *value, const char *key)
{
	return as_value(json_object_get(of(value), key));
}

bool json_value_is_object(const struct json_value *value)
{
	return json_is_object(of(value));
}

bool json_value_is_null(const struct json_value *value)
{
	return json_is_null(of(value));
}

bool json_value_text(const struct json_value *value, struct bytes *out)
{
	if (!json_is_string(of(value)))
		return false;
	*out = bytes_of(json_string_value(of(value)), json_string_length(of(value)));
	return true;
}

bool json_value_uint(const struct json_value *value, uint64_t *out)
{
	if (!json_is_integer(of(value)) || json_integer_value(of(value)) < 0)
		return false;
	*out = (uint64_t)json_integer_value(of(value));
	return true;
}

bool json_value_bool(const struct json_value *value, bool *out)
{
	if (!json_is_boolean(of(value)))
		return false;
	*out = json_is_true(of(value));
	return true;
}

long json_value_count(const struct json_value *array)
{
	return json_is_array(of(array)) ? (long)json_array_size(of(array)) : -1;
}

const struct json_value *json_value_item(const struct json_value *array, size_t i)
{
	return as_value(json_array_get(of(array), i));
}

int json_value_each(const struct json_value *object,
		    int (*fn)(void *ctx, struct bytes key, const struct json_value *value,
			      struct error *err),
		    void *ctx, struct error *err)
{
	/* The library's iteration takes a pointer that is not const, and changes nothing. */
	json_t *json = (json_t *)(uintptr_t)object;
	const char *key;
	json_t *value;

	json_object_foreach(json, key, value)
	{
		int status = fn(ctx, bytes_of_string(key), as_value(value), err);

		if (status != 0)
			return status;
	}
	return 0;
}
