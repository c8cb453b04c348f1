/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/json.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "core/text.h"

static void put_pending(struct json *json)
{
	fwrite(json->pending, 1, json->n_pending, json->out);
	json->n_pending = 0;
}

static void put(struct json *json, const char *text, size_t size)
{
	if (!json->out) {
		buf_append(json->buf, bytes_of(text, size));
		return;
	}
	if (size > sizeof(json->pending) - json->n_pending)
		put_pending(json);
	if (size > sizeof(json->pending)) {
		fwrite(text, 1, size, json->out);
		return;
	}
	memcpy(json->pending + json->n_pending, text, size);
	json->n_pending += size;
}

static void put_string(struct json *json, const char *text)
{
	put(json, text, strlen(text));
}

static void put_quoted(struct json *json, struct bytes text)
{
	size_t pos = 0, plain = 0;

	put_string(json, "\"");
	while (pos < text.size) {
		uint32_t code = 0;
		size_t length;
		char shown[16];

		/* Plain ASCII, as most text is. */
		if (text.data[pos] >= 0x20 && text.data[pos] < 0x7f && text.data[pos] != '"' &&
		    text.data[pos] != '\\') {
			pos++;
			continue;
		}
		length = utf8_next(text.data + pos, text.size - pos, &code);
		if (length && code != '"' && code != '\\' && text_printable(code)) {
			pos += length;
			continue;
		}
		put(json, (const char *)text.data + plain, pos - plain);
		if (length == 0) {
			snprintf(shown, sizeof(shown), "\\\\x%02x", text.data[pos]);
			length = 1;
		} else if (code == '"' || code == '\\') {
			snprintf(shown, sizeof(shown), "\\%c", (char)code);
		} else if (code < 0x10000) {
			snprintf(shown, sizeof(shown), "\\u%04" PRIx32, code);
		} else {
			snprintf(shown, sizeof(shown), "\\u%04" PRIx32 "\\u%04" PRIx32,
				 0xd800 + ((code - 0x10000) >> 10),
				 0xdc00 + ((code - 0x10000) & 0x3ff));
		}
		put_string(json, shown);
		pos += length;
		plain = pos;
	}
	if (plain < text.size)
		put(json, (const char *)text.data + plain, text.size - plain);
	put_string(json, "\"");
}

/* What comes before a value: comma, line break and indent, key. */
static void lead(struct json *json, const char *key)
{
	assert(json->depth == 0 || !json->in_array[json->depth - 1] == (key != NULL));
	if (json->depth > 0) {
		bool compact = json->compact[json->depth - 1];

		if (json->any[json->depth - 1])
			put_string(json, compact ? ", " : ",");
		json->any[json->depth - 1] = true;
		if (!compact) {
			put_string(json, "\n");
			for (unsigned i = 0; i < json->depth; i++)
				put_string(json, "  ");
		}
	}
	if (key) {
		put_quoted(json, bytes_of_string(key));
		put_string(json, ": ");
	}
}

static void begin(struct json *json, const char *key, bool array, bool compact)
{
	lead(json, key);
	put_string(json, array ? "[" : "{");
	assert(json->depth < JSON_DEPTH_MAX);
	json->in_array[json->depth] = array;
	json->any[json->depth] = false;
	json->compact[json->depth] = compact || (json->depth > 0 && json->compact[json->depth - 1]);
	json->depth++;
}

static void end(struct json *json, bool array)
{
	assert(json->depth > 0 && json->in_array[json->depth - 1] == array);
	json->depth--;
	if (json->any[json->depth] && !json->compact[json->depth]) {
		put_string(json, "\n");
		for (unsigned i = 0; i < json->depth; i++)
			put_string(json, "  ");
	}
	put_string(json, array ? "]" : "}");
}

void json_object_begin(struct json *json, const char *key)
{
	begin(json, key, false, false);
}

void json_object_begin_compact(struct json *json, const char *key)
{
	begin(json, key, false, true);
}

void json_object_end(struct json *json)
{
	end(json, false);
}

void json_array_begin(struct json *json, const char *key)
{
	begin(json, key, true, false);
}

void json_array_begin_compact(struct json *json, const char *key)
{
	begin(json, key, true, true);
}

void json_array_end(struct json *json)
{
	end(json, true);
}

void json_string(struct json *json, const char *key, const char *value)
{
	json_bytes(json, key, bytes_of_string(value));
}

void json_bytes(struct json *json, const char *key, struct bytes text)
{
	lead(json, key);
	put_quoted(json, text);
}

void json_hex(struct json *json, const char *key, struct bytes value)
{
	char hex[129];

	lead(json, key);
	put_string(json, "\"");
	while (value.size) {
		size_t n = value.size < 64 ? value.size : 64;

		hex_write(hex, bytes_of(value.data, n));
		put(json, hex, 2 * n);
		value = bytes_of(value.data + n, value.size - n);
	}
	put_string(json, "\"");
}

void json_digest(struct json *json, const char *key, const struct digest *digest)
{
	json_hex(json, key, digest_bytes(digest));
}

void json_uint(struct json *json, const char *key, uint64_t value)
{
	char text[24];

	lead(json, key);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	put_string(json, text);
}

void json_int(struct json *json, const char *key, int64_t value)
{
	char text[24];

	lead(json, key);
	snprintf(text, sizeof(text), "%" PRId64, value);
	put_string(json, text);
}

void json_bool(struct json *json, const char *key, bool value)
{
	lead(json, key);
	put_string(json, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	lead(json, key);
	put_string(json, "null");
}

int json_finish(struct json *json, struct error *err)
{
	assert(json->depth == 0);
	put_string(json, "\n");
	if (json->failed)
		return error_memory(err, NULL);
	if (!json->out)
		return buf_finish(json->buf, err);
	put_pending(json);
	if (fflush(json->out) != 0 || ferror(json->out))
		return error_errno(err, ERROR_SYSTEM, NULL, errno, "cannot write the output");
	return 0;
}
