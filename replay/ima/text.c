/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of a line of a text list, made into the bytes that the kernel wrote it from
 * (ima_show_template_data_ascii in ima_template_lib.c). A blank in a name became '_' before the
 * kernel hashed it, so the bytes come out whole.
 */
#include "replay/ima/internal.h"

struct writer {
	uint8_t *at;
	bool big_endian;
};

static void put(struct writer *out, struct bytes bytes)
{
	if (bytes.size)
		memcpy(out->at, bytes.data, bytes.size);
	out->at += bytes.size;
}

static void put_uint(struct writer *out, uint32_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out->at[out->big_endian ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
	out->at += size;
}

static bool put_hex(struct writer *out, struct bytes text)
{
	long n = hex_parse(text, out->at, text.size / 2);

	if (n < 0)
		return false;
	out->at += n;
	return true;
}

static bool put_decimal(struct writer *out, struct bytes text, size_t size)
{
	uint64_t value = 0;

	if (text.size > 10)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.data[i] - '0');
	}
	if (value >> 8 * size)
		return false;
	put_uint(out, (uint32_t)value, size);
	return true;
}

/* "sha256:" or "verity:sha256:", a NUL, the digest; a ":" alone would not be shown. */
static bool put_alg_digest(struct writer *out, struct bytes text)
{
	size_t names = text.size;

	while (names && text.data[names - 1] != ':')
		names--;
	if (names)
		put(out, bytes_of(text.data, names));
	else
		put(out, bytes_of(":", 1));
	put(out, bytes_of("", 1));
	return put_hex(out, bytes_of(text.data + names, text.size - names));
}

static bool put_field(struct writer *out, enum ima_field_kind kind, struct bytes text)
{
	switch (kind) {
	case IMA_KIND_DIGEST:
		return text.size && put_hex(out, text);
	case IMA_KIND_NAME:
		put(out, text);
		put(out, bytes_of("", 1));
		return true;
	case IMA_KIND_ALG_DIGEST:
		return text.size == 0 || put_alg_digest(out, text);
	case IMA_KIND_STRING:
		put(out, text);
		put(out, bytes_of("", text.size ? 1 : 0));
		return true;
	case IMA_KIND_HEX:
		return put_hex(out, text);
	case IMA_KIND_U32:
		return text.size == 0 || put_decimal(out, text, 4);
	case IMA_KIND_U16:
		return text.size == 0 || put_decimal(out, text, 2);
	}
	return false;
}

/* Takes the text of one field from the front: up to the blank after it. */
static struct bytes take_token(struct bytes *rest)
{
	const uint8_t *blank = rest->size ? memchr(rest->data, ' ', rest->size) : NULL;
	struct bytes token = *rest;

	if (!blank) {
		*rest = bytes_of(rest->data + rest->size, 0);
		return token;
	}
	token.size = (size_t)(blank - rest->data);
	*rest = bytes_of(blank + 1, rest->size - token.size - 1);
	return token;
}

/* A name with n blanks in it: only kernels before templates (3.13) wrote, and hashed, such names. */
static struct bytes take_name(struct bytes *rest, size_t n_blanks)
{
	struct bytes name = take_token(rest);

	while (n_blanks--)
		name.size += 1 + take_token(rest).size;
	return name;
}

static size_t blanks(struct bytes text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.size; i++)
		n += text.data[i] == ' ';
	return n;
}

bool ima_text_encode(const struct ima_template *template, struct bytes fields, bool big_endian,
		     uint8_t *out, size_t *out_size)
{
	struct writer writer = { out, big_endian };
	size_t n_tokens = fields.size ? blanks(fields) + 1 : 0;
	size_t n_excess = n_tokens > template->n_fields ? n_tokens - template->n_fields : 0;

	for (size_t i = 0; i < template->n_fields; i++) {
		enum ima_field_kind kind = ima_field_kind(template->fields[i]);
		bool has_length = !template->is_ima || kind == IMA_KIND_NAME;
		uint8_t *length = writer.at, *end;
		struct bytes text;

		if (kind == IMA_KIND_NAME) {
			text = take_name(&fields, n_excess);
			n_excess = 0;
		} else {
			text = take_token(&fields);
		}
		writer.at += has_length ? 4 : 0;
		if (!put_field(&writer, kind, text))
			return false;
		/* "ima" logs its name without the NUL (IMA_SHOW_BINARY_OLD_STRING_FMT). */
		if (template->is_ima && kind == IMA_KIND_NAME)
			writer.at--;
		if (!has_length)
			continue;
		end = writer.at;
		writer.at = length;
		put_uint(&writer, (uint32_t)(end - length - 4), 4);
		writer.at = end;
	}
	*out_size = (size_t)(writer.at - out);
	return n_excess == 0;
}
