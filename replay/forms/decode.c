/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes as JSON holds them: base64 (RFC 4648) and hex. */
#include "replay/forms/internal.h"

#include "core/base64.h"

static bool is_space(uint8_t c)
{
	return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

/* The text as core/base64 wants it: without line breaks, in the standard alphabet, padded. */
static struct bytes plain_base64(struct arena *arena, bool is_url, struct bytes text)
{
	uint8_t *to = arena_take(arena, text.size + 4);
	size_t n = 0;

	if (!to)
		return bytes_of(NULL, 0);
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];

		if (is_space(c))
			continue;
		if (is_url && (c == '-' || c == '_'))
			c = c == '-' ? '+' : '/';
		else if (is_url && (c == '+' || c == '/'))
			c = '?'; /* of the other alphabet */
		to[n++] = c;
	}
	while (is_url && n % 4 >= 2)
		to[n++] = '=';
	return bytes_of(to, n);
}

int form_base64(struct arena *arena, bool is_url, struct bytes text, struct bytes *out, size_t *at)
{
	struct bytes plain = plain_base64(arena, is_url, text);
	uint8_t *to = plain.data ? arena_take(arena, BASE64_DECODED_MAX(plain.size) + 1) : NULL;
	long n;

	if (!to)
		return -1;
	n = base64_decode(plain, to, at);
	if (n < 0)
		return 0;
	*out = bytes_of(to, (size_t)n);
	return 1;
}

int hex_decode(struct arena *arena, struct bytes text, struct bytes *out)
{
	uint8_t *to = arena_take(arena, text.size / 2 + 1);
	long n;

	if (!to)
		return -1;
	n = hex_parse(text, to, text.size / 2);
	if (n < 0)
		return 0;
	*out = bytes_of(to, (size_t)n);
	return 1;
}

bool member_text(const struct json_value *object, const char *key, struct bytes *out)
{
	return json_value_text(json_value_member(object, key), out);
}

int form_add_base64_text(struct sink *sink, struct form_piece piece, struct bytes text,
			 struct error *err, const char *where)
{
	size_t at = 0;
	int status = form_base64(sink->result->arena, false, text, &piece.contents, &at);

	if (status < 0)
		return error_memory(err, NULL);
	if (status == 0) {
		if (form_remark(sink, true, where, err, "not base64, at its character %zu", at) < 0)
			return -1;
		return 0;
	}
	return form_add(sink, piece, err, "%s", where) < 0 ? -1 : 1;
}

/* 1 and *text; 0 when it is not there, or no text (with a note); -1. */
static int text_of(struct sink *sink, const struct json_value *value, const char *where,
		   struct bytes *text, struct error *err)
{
	if (!value)
		return 0;
	if (json_value_text(value, text))
		return 1;
	if (json_value_is_null(value))
		return 0;
	return form_remark(sink, true, where, err, "not a text") < 0 ? -1 : 0;
}

int form_add_base64(struct sink *sink, struct form_piece piece, const struct json_value *value,
		    struct error *err, const char *where)
{
	struct bytes text;
	int status = text_of(sink, value, where, &text, err);

	return status <= 0 ? status : form_add_base64_text(sink, piece, text, err, where);
}

int form_add_hex(struct sink *sink, struct form_piece piece, const struct json_value *value,
		 struct error *err, const char *where)
{
	struct bytes text;
	int status = text_of(sink, value, where, &text, err);

	if (status <= 0)
		return status;
	status = hex_decode(sink->result->arena, text, &piece.contents);
	if (status < 0)
		return error_memory(err, NULL);
	if (status == 0)
		return form_remark(sink, true, where, err, "not hex") < 0 ? -1 : 0;
	return form_add(sink, piece, err, "%s", where) < 0 ? -1 : 1;
}
