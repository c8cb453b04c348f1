/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Confidential Containers' evidence with a TPM quote in it: from Azure's confidential machines (az-snp-vtpm,
 * az-tdx-vtpm) and from plain TPMs:
 *
 *     {"tpm_quote": {"message", "signature", "pcrs": [...]}, "hcl_report", ...}     or the quote alone
 *     {"tpm_quote": ..., "ak_public"}
 *
 * Azure's quotes are hex with a bare RSA signature, made with RSASSA and SHA-256; its attestation key is in
 * the runtime claims of the HCL report (a JWK set). The hardware's own report is not verified here.
 *
 * and from TDX machines, in base64:
 *
 *     {"quote", "cc_eventlog"}
 *
 * Sources: guest-components attester (az_snp_vtpm, tpm, tdx), az-cvm-vtpm (vtpm/mod.rs, hcl/mod.rs).
 */
#include "replay/forms/internal.h"

#include <inttypes.h>

#include "core/reader.h"

/* Where an HCL report has the size of its runtime claims, and the claims (az-cvm-vtpm, hcl/mod.rs). */
#define HCL_CLAIMS_SIZE_AT 1232
#define HCL_CLAIMS_AT      1236

static const struct json_value *quote_of(const struct json_value *document)
{
	const struct json_value *quote = json_value_member(document, "tpm_quote");

	return quote ? quote : document;
}

static bool fits(const struct json_value *document)
{
	const struct json_value *quote = quote_of(document);
	struct bytes text;

	return member_text(quote, "message", &text) && member_text(quote, "signature", &text) &&
	       json_value_count(json_value_member(quote, "pcrs")) >= 0;
}

/* Bytes as hex or, in later versions, base64: 1, 0 with a remark, -1. */
static int decode(struct sink *sink, struct bytes text, struct bytes *out, const char *where,
		  struct error *err)
{
	int status = hex_decode(sink->result->arena, text, out);
	size_t at;

	if (status == 0)
		status = form_base64(sink->result->arena, false, text, out, &at);
	if (status < 0)
		return error_memory(err, NULL);
	if (status == 0)
		return form_remark(sink, true, where, err, "neither hex nor base64") < 0 ? -1 : 0;
	return 1;
}

/* A bare signature of 2048, 3072 or 4096 bits as the TPMT_SIGNATURE (RSASSA, SHA-256) that it stands for. */
static struct bytes with_scheme(struct arena *arena, struct bytes signature)
{
	uint8_t *to;

	if (signature.size != 256 && signature.size != 384 && signature.size != 512)
		return signature;
	to = arena_take(arena, signature.size + 6);
	if (!to)
		return signature;
	memcpy(to, "\x00\x14\x00\x0b", 4);
	to[4] = (uint8_t)(signature.size >> 8);
	to[5] = (uint8_t)signature.size;
	memcpy(to + 6, signature.data, signature.size);
	return bytes_of(to, signature.size + 6);
}

static enum alg alg_of_size(size_t size)
{
	return size == 20   ? ALG_SHA1
	       : size == 32 ? ALG_SHA256
	       : size == 48 ? ALG_SHA384
	       : size == 64 ? ALG_SHA512
			    : ALG_NONE;
}

/* All 24, or in the order in which the quote selects them. */
static int read_pcrs(struct sink *sink, const struct json_value *list, unsigned group,
		     const char *in, struct error *err)
{
	struct form_piece piece = { .role = ROLE_QUOTE_PCRS, .group = group };
	struct pcr_values *values = arena_take(sink->result->arena, sizeof(*values));
	AUTO(buf_clear) struct buf plain = BUF_INIT;
	long n = json_value_count(list);

	if (!values)
		return error_memory(err, NULL);
	for (long i = 0; i < n; i++) {
		const char *where = arena_printf(sink->result->arena, "%spcrs[%ld]", in, i);
		struct bytes text, value = { 0 };
		int status;

		if (!json_value_text(json_value_item(list, (size_t)i), &text))
			return form_remark(sink, true, where, err, "not a text");
		status = decode(sink, text, &value, where, err);
		if (status <= 0)
			return status;
		if (!pcr_values_set(values, alg_of_size(value.size), (uint64_t)i, value))
			return form_remark(sink, true, where, err,
					   "more than 32 values, or one that is no digest");
		buf_append(&plain, value);
	}
	if (n == 24) {
		if (pcr_values_write(sink->result->arena, values, &piece.contents, err) < 0)
			return -1;
	} else {
		if (buf_finish(&plain, err) < 0)
			return -1;
		piece.contents = arena_copy(sink->result->arena, buf_bytes(&plain));
	}
	return n > 0 ? form_add(sink, piece, err, "%spcrs", in) : 0;
}

/* --- the key ------------------------------------------------------------------------------------- */

static void der_header(struct buf *out, uint8_t tag, size_t size)
{
	buf_append_u8(out, tag);
	if (size < 0x80) {
		buf_append_u8(out, (uint8_t)size);
	} else if (size < 0x100) {
		buf_append_u8(out, 0x81);
		buf_append_u8(out, (uint8_t)size);
	} else {
		buf_append_u8(out, 0x82);
		buf_append_be16(out, (uint16_t)size);
	}
}

static void der_integer(struct buf *out, struct bytes value)
{
	while (value.size > 1 && *value.data == 0)
		value = bytes_of(value.data + 1, value.size - 1);
	der_header(out, 0x02, value.size + (*value.data >> 7));
	if (*value.data >> 7)
		buf_append_u8(out, 0);
	buf_append(out, value);
}

/* SubjectPublicKeyInfo of an RSA key (RFC 8017, A.1.1). */
static int rsa_der(struct arena *arena, struct bytes modulus, struct bytes exponent,
		   struct bytes *out, struct error *err)
{
	static const uint8_t algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
					     0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
	AUTO(buf_clear) struct buf numbers = BUF_INIT;
	AUTO(buf_clear) struct buf key = BUF_INIT;
	AUTO(buf_clear) struct buf info = BUF_INIT;
	AUTO(buf_clear) struct buf der = BUF_INIT;

	der_integer(&numbers, modulus);
	der_integer(&numbers, exponent);
	der_header(&key, 0x30, numbers.size);
	buf_append(&key, buf_bytes(&numbers));
	buf_append(&info, bytes_of(algorithm, sizeof(algorithm)));
	der_header(&info, 0x03, key.size + 1);
	buf_append_u8(&info, 0);
	buf_append(&info, buf_bytes(&key));
	der_header(&der, 0x30, info.size);
	buf_append(&der, buf_bytes(&info));
	if (numbers.failed || key.failed || info.failed || buf_finish(&der, err) < 0)
		return error_memory(err, NULL);
	*out = arena_copy(arena, buf_bytes(&der));
	return arena->failed ? error_memory(err, NULL) : 0;
}

/* The attestation key among the runtime claims. */
static int read_claims(struct sink *sink, struct bytes claims, struct error *err)
{
	struct form_piece piece = { .role = ROLE_AK_PEM, .group = form_group(sink) };
	AUTO(json_value_freep) struct json_value *document = NULL;
	const struct json_value *keys;
	struct error problem = { 0 };

	if (json_read(claims, "hcl_report", &document, &problem) < 0) {
		if (problem.code != ERROR_SYSTEM)
			return form_remark(sink, true, "hcl_report", err,
					   "its runtime claims are no JSON");
		if (err)
			*err = problem;
		return -1;
	}
	keys = json_value_member(document, "keys");
	for (long i = 0; i < json_value_count(keys); i++) {
		const struct json_value *key = json_value_item(keys, (size_t)i);
		struct bytes id, modulus, exponent;
		size_t at;

		if (!member_text(key, "kid", &id) || !bytes_equal_string(id, "HCLAkPub"))
			continue;
		if (!member_text(key, "n", &modulus) || !member_text(key, "e", &exponent) ||
		    form_base64(sink->result->arena, true, modulus, &modulus, &at) != 1 ||
		    form_base64(sink->result->arena, true, exponent, &exponent, &at) != 1 ||
		    modulus.size == 0 || modulus.size > 2048 || exponent.size == 0 ||
		    exponent.size > 8)
			return form_remark(sink, true, "hcl_report", err,
					   "its attestation key is no RSA key in base64url");
		if (rsa_der(sink->result->arena, modulus, exponent, &piece.contents, err) < 0)
			return -1;
		return form_add(sink, piece, err, "hcl_report.keys[%ld]", i);
	}
	return form_remark(sink, true, "hcl_report", err, "has no attestation key (HCLAkPub)");
}

static int read_hcl(struct sink *sink, struct bytes text, struct error *err)
{
	struct reader in;
	struct bytes report;
	uint32_t size;
	size_t at;
	int status = form_base64(sink->result->arena, true, text, &report, &at);

	if (status < 0)
		return error_memory(err, NULL);
	if (status == 0)
		return form_remark(sink, true, "hcl_report", err,
				   "not base64url, at its character %zu", at);
	in = reader_of(report, 0, NULL);
	reader_skip(&in, HCL_CLAIMS_SIZE_AT);
	size = reader_le32(&in);
	text = reader_bytes(&in, size);
	if (in.ran_out || !bytes_start_with(report, bytes_of_string("HCLA")))
		return form_remark(sink, true, "hcl_report", err,
				   "no report of Azure's, or cut before the end of its claims");
	if (form_remark(sink, false, "hcl_report", err,
			"the hardware's report in it is not verified: the key is a claim") < 0)
		return -1;
	return read_claims(sink, text, err);
}

static int read_evidence(struct sink *sink, const struct json_value *document, struct error *err)
{
	const struct json_value *quote = quote_of(document);
	const char *in = quote == document ? "" : "tpm_quote.";
	unsigned group = form_group(sink);
	struct form_piece message = { .role = ROLE_QUOTE_MSG, .group = group };
	struct form_piece signature = { .role = ROLE_QUOTE_SIG, .group = group };
	struct form_piece key = { .role = ROLE_AK_PEM };
	const char *where;
	struct bytes text;
	int status;

	member_text(quote, "message", &text);
	where = arena_printf(sink->result->arena, "%smessage", in);
	status = decode(sink, text, &message.contents, where, err);
	if (status < 0 || (status > 0 && form_add(sink, message, err, "%s", where) < 0))
		return -1;
	member_text(quote, "signature", &text);
	where = arena_printf(sink->result->arena, "%ssignature", in);
	status = decode(sink, text, &signature.contents, where, err);
	if (status < 0)
		return -1;
	if (status > 0) {
		signature.contents = with_scheme(sink->result->arena, signature.contents);
		if (form_add(sink, signature, err, "%s", where) < 0)
			return -1;
	}
	if (read_pcrs(sink, json_value_member(quote, "pcrs"), group, in, err) < 0)
		return -1;
	if (member_text(document, "hcl_report", &text) && read_hcl(sink, text, err) < 0)
		return -1;
	if (member_text(document, "ak_public", &text)) {
		key.group = form_group(sink);
		if (form_add_base64_text(sink, key, text, err, "ak_public") < 0)
			return -1;
	}
	return 0;
}

/* --- TDX machines ------------------------------------------------------------------------------------ */

static bool tdx_fits(const struct json_value *document)
{
	struct bytes text;

	return member_text(document, "quote", &text) && json_value_member(document, "cc_eventlog");
}

static int read_tdx(struct sink *sink, const struct json_value *document, struct error *err)
{
	struct form_piece quote = { .role = ROLE_TDX_QUOTE }, log = { .role = ROLE_CC_LOG };

	if (form_add_base64(sink, quote, json_value_member(document, "quote"), err, "quote") < 0)
		return -1;
	return form_add_base64(sink, log, json_value_member(document, "cc_eventlog"), err,
			       "cc_eventlog") < 0
		       ? -1
		       : 0;
}

const struct json_form trustee_tdx_form = { "Confidential Containers' TDX evidence", tdx_fits,
					    read_tdx };

const struct json_form trustee_form = { "Confidential Containers' TPM evidence", fits,
					read_evidence };
