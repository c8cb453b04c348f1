/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keylime: what its agents answer (GET /quotes/integrity, pull), what they send (evidence collected,
 * push), what its registrar keeps of their keys.
 *
 * Sources: Keylime REST API 2.5 ("quotes/integrity") and 3.0 (attestations); the quote string as
 *          keylime/tpm/tpm_main.py takes it apart; agents before 6.5 compressed its parts (zlib).
 */
#include "replay/forms/internal.h"

#include <inttypes.h>

#include "core/gunzip.h"

/* Parts of a quote string: a TPMS_ATTEST, a TPMT_SIGNATURE, a PCR file. None is larger than this. */
#define PART_SIZE_MAX ((size_t)1 << 16)

/* --- the quote string ------------------------------------------------------------------------- */

static bool is_base64(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/' || c == '=';
}

bool keylime_string_fits(struct bytes start)
{
	size_t i = 1;

	/* 93 bytes are the least a TPMS_ATTEST of a quote has with a SHA-1 name and digest. */
	if (start.size < 100 || start.data[0] != 'r')
		return false;
	while (i < start.size && is_base64(start.data[i]))
		i++;
	return i > 80 && i < start.size && start.data[i] == ':';
}

/* A part that older agents compressed. 1, 0 with a note, -1. */
static int unpack(struct sink *sink, struct bytes *part, const char *where, struct error *err)
{
	AUTO(buf_clear) struct buf plain = BUF_INIT;
	int status;

	/* A zlib header: deflate, a window of 32 KiB, and a checksum that fits. */
	if (part->size < 8 || part->data[0] != 0x78 || (part->data[0] * 256 + part->data[1]) % 31)
		return 1;
	status = zlib_unpack(*part, PART_SIZE_MAX, &plain);
	if (status < 0 || buf_finish(&plain, err) < 0)
		return error_memory(err, NULL);
	if (status == 0)
		return form_remark(sink, true, where, err,
				   "begins like a compressed part and is none") < 0
			       ? -1
			       : 0;
	*part = arena_copy(sink->result->arena, buf_bytes(&plain));
	return sink->result->arena->failed ? error_memory(err, NULL) : 1;
}

static int read_part(struct sink *sink, enum bundle_role role, unsigned group, struct bytes text,
		     const char *where, struct error *err)
{
	struct form_piece piece = { .role = role, .group = group };
	size_t at = 0;
	int status = form_base64(sink->result->arena, false, text, &piece.contents, &at);

	if (status < 0)
		return error_memory(err, NULL);
	if (status == 0)
		return form_remark(sink, true, where, err, "not base64, at its character %zu", at);
	status = unpack(sink, &piece.contents, where, err);
	if (status <= 0)
		return status;
	return form_add(sink, piece, err, "%s", where);
}

int keylime_string_read(struct sink *sink, struct bytes text, struct error *err, const char *where)
{
	static const enum bundle_role roles[] = { ROLE_QUOTE_MSG, ROLE_QUOTE_SIG, ROLE_QUOTE_PCRS };
	unsigned group = form_group(sink);

	while (text.size && text.data[text.size - 1] <= ' ')
		text.size--;
	if (text.size == 0 || text.data[0] != 'r')
		return form_remark(
			sink, true, where, err,
			"a quote string begins with 'r'; this one is of another TPM or form");
	text = bytes_of(text.data + 1, text.size - 1);
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		const uint8_t *colon = text.size ? memchr(text.data, ':', text.size) : NULL;
		size_t size = colon ? (size_t)(colon - text.data) : text.size;
		const char *place = arena_printf(sink->result->arena, "%s%s[%zu]", where,
						 *where ? "" : "part", i);

		if (!colon && i + 1 < ARRAY_SIZE(roles))
			return form_remark(sink, true, where, err, "ends after %zu of its 3 parts",
					   i + 1);
		if (colon && i + 1 == ARRAY_SIZE(roles))
			return form_remark(sink, true, where, err, "has more than 3 parts");
		if (read_part(sink, roles[i], group, bytes_of(text.data, size), place, err) < 0)
			return -1;
		text = colon ? bytes_of(colon + 1, text.size - size - 1) : bytes_of("", 0);
	}
	return 0;
}

/* --- replies ---------------------------------------------------------------------------------- */

/* Where the answer is: in "results", or the document itself, as some keep it. */
static const struct json_value *results_of(const struct json_value *document, const char **where)
{
	const struct json_value *results = json_value_member(document, "results");

	*where = json_value_is_object(results) ? "results." : "";
	return json_value_is_object(results) ? results : document;
}

static const char *place_of(struct sink *sink, const char *in, const char *member)
{
	return arena_printf(sink->result->arena, "%s%s", in, member);
}

static bool reply_fits(const struct json_value *document)
{
	const char *where;
	const struct json_value *results = results_of(document, &where);
	struct bytes quote;

	return member_text(results, "quote", &quote) &&
	       (quote.size == 0 || *quote.data == 'r' || *quote.data == 'd' ||
		json_value_member(results, "hash_alg"));
}

static int read_ima(struct sink *sink, const struct json_value *list,
		    const struct json_value *entry, const char *where, struct error *err)
{
	struct form_piece piece = { .role = ROLE_IMA_LOG, .is_part = true };
	struct bytes text;

	if (!list || json_value_is_null(list))
		return 0;
	if (!json_value_text(list, &text))
		return form_remark(sink, true, where, err, "not a text");
	if (entry && !json_value_is_null(entry) && !json_value_uint(entry, &piece.first_entry))
		return form_remark(sink, true, where, err,
				   "not used: the number of its first entry is no number");
	if (text.size == 0)
		return 0; /* nothing new since the last reply */
	piece.contents = arena_copy(sink->result->arena, text);
	return form_add(sink, piece, err, "%s", where);
}

/*
 * Unless the quote was asked for without it, the agent first extends PCR 16, which it resets, with the digest
 * of its public key (as PEM): the bank's own, in the quote's bank. That extend is what a log of user space
 * has for others.
 */
static int read_pubkey(struct sink *sink, struct bytes pem, const char *where, struct error *err)
{
	static const enum alg algs[] = { ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512 };
	struct form_piece piece = { .role = ROLE_USERSPACE_LOG };
	struct hasher *hasher = form_hasher(sink, err);
	AUTO(buf_clear) struct buf log = BUF_INIT;
	const char *comma = "";

	if (!hasher)
		return -1;
	buf_append_string(&log, "\x1e{\"pcr\":16,\"digests\":[");
	for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
		struct digest digest;

		if (!hasher_has(hasher, algs[i]))
			continue;
		if (hasher_digest_bytes(hasher, algs[i], pem, &digest, err) < 0)
			return -1;
		buf_printf(&log, "%s{\"hashAlg\":\"%s\",\"digest\":\"", comma, alg_name(algs[i]));
		buf_append_hex(&log, digest_bytes(&digest));
		buf_append_string(&log, "\"}");
		comma = ",";
	}
	buf_append_string(&log, "],\"content_type\":\"keylime\",\"content\":{\"string\":"
				"\"public key of the Keylime agent\"}}\n");
	if (buf_finish(&log, err) < 0)
		return -1;
	piece.contents = arena_copy(sink->result->arena, buf_bytes(&log));
	return form_add(sink, piece, err, "%s", where);
}

static int reply_read(struct sink *sink, const struct json_value *document, struct error *err)
{
	const char *in;
	const struct json_value *results = results_of(document, &in);
	struct form_piece log = { .role = ROLE_BOOT_LOG };
	struct bytes text;

	if (member_text(results, "quote", &text) &&
	    keylime_string_read(sink, text, err, place_of(sink, in, "quote")) < 0)
		return -1;
	if (read_ima(sink, json_value_member(results, "ima_measurement_list"),
		     json_value_member(results, "ima_measurement_list_entry"),
		     place_of(sink, in, "ima_measurement_list"), err) < 0)
		return -1;
	if (member_text(results, "mb_measurement_list", &text) && text.size &&
	    form_add_base64_text(sink, log, text, err, place_of(sink, in, "mb_measurement_list")) <
		    0)
		return -1;
	if (member_text(results, "pubkey", &text) && text.size &&
	    read_pubkey(sink, text, place_of(sink, in, "pubkey"), err) < 0)
		return -1;
	return 0;
}

const struct json_form keylime_reply_form = { "Keylime quote reply", reply_fits, reply_read };

/* --- evidence that agents send ------------------------------------------------------------------ */

static const struct json_value *collected(const struct json_value *document)
{
	const struct json_value *data = json_value_member(document, "data");

	return json_value_member(json_value_member(data, "attributes"), "evidence_collected");
}

static bool push_fits(const struct json_value *document)
{
	return json_value_count(collected(document)) >= 0;
}

static int push_quote(struct sink *sink, const struct json_value *data, const char *in,
		      struct error *err)
{
	static const struct {
		const char *member;
		enum bundle_role role;
	} parts[] = {
		{"message",       ROLE_QUOTE_MSG },
		{ "signature",    ROLE_QUOTE_SIG },
		{ "subject_data", ROLE_QUOTE_PCRS},
	};
	unsigned group = form_group(sink);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct form_piece piece = { .role = parts[i].role, .group = group };

		if (form_add_base64(sink, piece, json_value_member(data, parts[i].member), err,
				    place_of(sink, in, parts[i].member)) < 0)
			return -1;
	}
	return 0;
}

static int push_ima(struct sink *sink, const struct json_value *data, const char *in,
		    struct error *err)
{
	struct form_piece piece = { .role = ROLE_IMA_LOG,
				    .is_part = true,
				    .first_entry = FORM_ENTRY_UNKNOWN };
	const struct json_value *entries = json_value_member(data, "entries");
	const struct json_value *start = json_value_member(data, "starting_offset");
	const char *where = place_of(sink, in, "entries");
	struct bytes text;

	if (start)
		return read_ima(sink, entries, start, where, err);
	if (!json_value_text(entries, &text))
		return entries ? form_remark(sink, true, where, err, "not a text") : 0;
	if (text.size == 0)
		return 0;
	piece.contents = arena_copy(sink->result->arena, text);
	return form_add(sink, piece, err, "%s", where);
}

static int push_read(struct sink *sink, const struct json_value *document, struct error *err)
{
	const struct json_value *items = collected(document);
	struct form_piece log = { .role = ROLE_BOOT_LOG };

	for (long i = 0; i < json_value_count(items); i++) {
		const struct json_value *item = json_value_item(items, (size_t)i);
		const struct json_value *data = json_value_member(item, "data");
		const char *in = arena_printf(sink->result->arena,
					      "data.attributes.evidence_collected[%ld].data.", i);
		struct bytes type = bytes_of("", 0);
		int status;

		member_text(item, "evidence_type", &type);
		if (bytes_equal_string(type, "tpm_quote"))
			status = push_quote(sink, data, in, err);
		else if (bytes_equal_string(type, "ima_log"))
			status = push_ima(sink, data, in, err);
		else if (bytes_equal_string(type, "uefi_log"))
			status = form_add_base64(sink, log, json_value_member(data, "entries"), err,
						 place_of(sink, in, "entries"));
		else
			status = form_remark(sink, false, in, err,
					     "evidence of a type that Assay does not read");
		if (status < 0)
			return -1;
	}
	return 0;
}

const struct json_form keylime_push_form = { "Keylime push attestation", push_fits, push_read };

/* --- what the registrar knows -------------------------------------------------------------------- */

static const struct key_member {
	const char *member;
	enum bundle_role role;
} key_members[] = {
	{"aik_tpm",     ROLE_AK_PUB        },
	{ "ak_tpm",     ROLE_AK_PUB        },
	{ "ek_tpm",     ROLE_EK_PUB        },
	{ "ekcert",     ROLE_EK_CRT        },
	{ "iak_tpm",    ROLE_IAK_PUB       },
	{ "iak_cert",   ROLE_IAK_CRT       },
	{ "iak_attest", ROLE_AK_CERTIFY_MSG},
	{ "iak_sign",   ROLE_AK_CERTIFY_SIG},
};

static bool registrar_fits(const struct json_value *document)
{
	const char *where;
	const struct json_value *results = results_of(document, &where);

	return json_value_member(results, "aik_tpm") || json_value_member(results, "ak_tpm");
}

/* A certificate as PEM stays what it is: keys and certificates are read in either form. */
static bool is_pem(struct bytes text)
{
	return bytes_start_with(text, bytes_of_string("-----BEGIN "));
}

static int registrar_read(struct sink *sink, const struct json_value *document, struct error *err)
{
	const char *in;
	const struct json_value *results = results_of(document, &in);
	unsigned group = form_group(sink);

	for (size_t i = 0; i < ARRAY_SIZE(key_members); i++) {
		const struct json_value *value = json_value_member(results, key_members[i].member);
		const char *where = place_of(sink, in, key_members[i].member);
		struct form_piece piece = { .role = key_members[i].role, .group = group };
		struct bytes text;

		/* "emulator": a software TPM, which has no certificate */
		if (json_value_text(value, &text) &&
		    (text.size == 0 || bytes_equal_string(text, "emulator")))
			continue;
		if (json_value_text(value, &text) && is_pem(text)) {
			piece.contents = arena_copy(sink->result->arena, text);
			if (form_add(sink, piece, err, "%s", where) < 0)
				return -1;
		} else if (form_add_base64(sink, piece, value, err, where) < 0) {
			return -1;
		}
	}
	return 0;
}

const struct json_form keylime_registrar_form = { "Keylime registrar's record", registrar_fits,
						  registrar_read };
