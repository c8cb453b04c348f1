/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * go-attestation: the JSON of its attestation parameters, a quote and a log, as its attest-tool keeps them:
 *
 *     {"AK": {"Public": TPMT_PUBLIC, ...}, "Quote": {"Nonce", "Alg", "Quote", "Signature"},
 *      "Log": {"PCRs": [{"Index", "Digest", "DigestAlg"}], "Raw"}}
 *
 * with bytes in base64. What the key says of its own making (CreateData, CreateAttestation) is signed by
 * itself: it binds it to nothing, and is not taken over.
 *
 * Sources: go-attestation attest/attest.go, attest/attest-tool/internal/eventlog.go; Go crypto.Hash.
 */
#include "replay/forms/internal.h"

#include <inttypes.h>

/* Go's crypto.Hash. */
static enum alg alg_of_go(uint64_t hash)
{
	static const struct {
		uint64_t hash;
		enum alg alg;
	} algs[] = {
		{3,  ALG_SHA1  },
		{ 5, ALG_SHA256},
		{ 6, ALG_SHA384},
		{ 7, ALG_SHA512},
	};

	for (size_t i = 0; i < ARRAY_SIZE(algs); i++)
		if (algs[i].hash == hash)
			return algs[i].alg;
	return ALG_NONE;
}

static bool fits(const struct json_value *document)
{
	const struct json_value *key = json_value_member(document, "AK");

	return json_value_member(key, "Public") &&
	       (json_value_member(document, "Quote") || json_value_member(document, "Log"));
}

static int read_pcrs(struct sink *sink, const struct json_value *list, struct form_piece piece,
		     struct error *err)
{
	struct pcr_values *values = arena_take(sink->result->arena, sizeof(*values));

	if (!values)
		return error_memory(err, NULL);
	for (long i = 0; i < json_value_count(list); i++) {
		const struct json_value *one = json_value_item(list, (size_t)i);
		const char *where = arena_printf(sink->result->arena, "Log.PCRs[%ld]", i);
		uint64_t index = UINT64_MAX, hash = 0;
		struct bytes text, value;
		size_t at = 0;
		int status;

		if (!member_text(one, "Digest", &text) ||
		    !json_value_uint(json_value_member(one, "Index"), &index) ||
		    !json_value_uint(json_value_member(one, "DigestAlg"), &hash))
			return form_remark(sink, true, where, err,
					   "no PCR: Index, Digest and DigestAlg are wanted");
		status = form_base64(sink->result->arena, false, text, &value, &at);
		if (status < 0)
			return error_memory(err, NULL);
		if (status == 0 || !pcr_values_set(values, alg_of_go(hash), index, value))
			return form_remark(sink, true, where, err,
					   "a PCR above 31, twice, or with a value that is not of "
					   "its bank");
	}
	if (pcr_values_write(sink->result->arena, values, &piece.contents, err) < 0)
		return -1;
	return piece.contents.size ? form_add(sink, piece, err, "Log.PCRs") : 0;
}

static int read_nonce(struct sink *sink, const struct json_value *quote, struct error *err)
{
	struct form_piece piece = { .role = ROLE_NONCE };
	AUTO(buf_clear) struct buf hex = BUF_INIT;
	struct bytes text, nonce;
	size_t at;
	int status;

	if (!member_text(quote, "Nonce", &text) || text.size == 0)
		return 0;
	status = form_base64(sink->result->arena, false, text, &nonce, &at);
	if (status < 0)
		return error_memory(err, NULL);
	if (status == 0)
		return form_remark(sink, true, "Quote.Nonce", err,
				   "not base64, at its character %zu", at);
	buf_append_hex(&hex, nonce);
	if (buf_finish(&hex, err) < 0)
		return -1;
	piece.contents = arena_copy(sink->result->arena, buf_bytes(&hex));
	return form_add(sink, piece, err, "Quote.Nonce");
}

static int read_dump(struct sink *sink, const struct json_value *document, struct error *err)
{
	const struct json_value *key = json_value_member(document, "AK");
	const struct json_value *quote = json_value_member(document, "Quote");
	const struct json_value *log = json_value_member(document, "Log");
	struct form_piece ak = { .role = ROLE_AK_PUB, .group = form_group(sink) };
	struct form_piece message = { .role = ROLE_QUOTE_MSG, .group = form_group(sink) };
	struct form_piece signature = { .role = ROLE_QUOTE_SIG, .group = message.group };
	struct form_piece pcrs = { .role = ROLE_QUOTE_PCRS, .group = message.group };
	struct form_piece events = { .role = ROLE_BOOT_LOG };

	return form_add_base64(sink, ak, json_value_member(key, "Public"), err, "AK.Public") < 0 ||
			       form_add_base64(sink, message, json_value_member(quote, "Quote"),
					       err, "Quote.Quote") < 0 ||
			       form_add_base64(sink, signature,
					       json_value_member(quote, "Signature"), err,
					       "Quote.Signature") < 0 ||
			       read_nonce(sink, quote, err) < 0 ||
			       read_pcrs(sink, json_value_member(log, "PCRs"), pcrs, err) < 0 ||
			       form_add_base64(sink, events, json_value_member(log, "Raw"), err,
					       "Log.Raw") < 0
		       ? -1
		       : 0;
}

const struct json_form go_attestation_form = { "go-attestation dump", fits, read_dump };
