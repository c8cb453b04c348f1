/* SPDX-License-Identifier: BSD-2-Clause */
/* Signed policies: DSSE 1.0 envelopes, ECDSA or RSA PKCS #1 v1.5 with SHA-256. */
#include "refgen/allowlist/internal.h"

#include "core/base64.h"
#include "core/crypto.h"

/* Signatures of one policy: those who release it. */
#define SIGNATURES_MAX 64

/* A member of base64, decoded into the list's arena. */
static int decoded(const struct allowlist_reading *reading, const struct json_value *object,
		   const char *key, struct bytes *out, struct error *err)
{
	struct bytes text;
	uint8_t *to;
	size_t bad;
	long size;

	if (!json_value_text(json_value_member(object, key), &text))
		return error_set(err, ERROR_MALFORMED, reading->source, ERROR_NO_OFFSET,
				 "a signed policy has a string \"%s\"", key);
	to = arena_take(&reading->list->arena, BASE64_DECODED_MAX(text.size) + 1);
	if (!to)
		return error_memory(err, reading->source);
	size = base64_decode(text, to, &bad);
	if (size < 0)
		return error_set(err, ERROR_MALFORMED, reading->source, ERROR_NO_OFFSET,
				 "\"%s\" of a signed policy is no base64, character %zu", key, bad);
	*out = bytes_of(to, (size_t)size);
	return 0;
}

/* What is signed: the pre-authentication encoding of type and payload. */
static int signed_digest(const struct allowlist_reading *reading, struct bytes type,
			 struct bytes payload, struct digest *out, struct error *err)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(buf_clear) struct buf text = BUF_INIT;

	buf_printf(&text, "DSSEv1 %zu ", type.size);
	buf_append(&text, type);
	buf_printf(&text, " %zu ", payload.size);
	buf_append(&text, payload);
	if (text.failed)
		return error_memory(err, reading->source);
	if (hasher_new(&hasher, err) < 0)
		return -1;
	return hasher_digest_bytes(hasher, ALG_SHA256, buf_bytes(&text), out, err);
}

/* Whether one of the operator's keys made the signature: 1, 0, or -1 when memory ran out. */
static int find_signer(struct allowlist_reading *reading, const struct digest *digest,
		       struct bytes signature, struct error *err)
{
	const struct allowlist_options *options = reading->options;

	for (size_t i = 0; i < options->n_keys; i++) {
		const struct public_key *key = options->keys[i];
		enum signature_scheme scheme =
			public_key_type(key) == KEY_RSA ? SIGNATURE_RSASSA : SIGNATURE_ECDSA;
		struct error problem = { 0 };
		int holds = public_key_verify(key, scheme, digest, signature, &problem);

		if (holds < 0 && problem.code == ERROR_SYSTEM) {
			if (err)
				*err = problem;
			return -1;
		}
		if (holds > 0)
			return (int)i + 1;
	}
	return 0;
}

int dsse_open(struct allowlist_reading *reading, const struct json_value *envelope,
	      struct bytes *payload, struct error *err)
{
	const struct json_value *signatures = json_value_member(envelope, "signatures");
	struct allowlist *list = reading->list;
	long n = json_value_count(signatures);
	struct bytes type, signature;
	struct digest digest;

	if (!json_value_text(json_value_member(envelope, "payloadType"), &type))
		return error_set(err, ERROR_MALFORMED, reading->source, ERROR_NO_OFFSET,
				 "a signed policy has a string \"payloadType\"");
	if (n < 1 || n > SIGNATURES_MAX)
		return error_set(err, ERROR_MALFORMED, reading->source, ERROR_NO_OFFSET,
				 "a signed policy has 1 to %d signatures, this has %ld",
				 SIGNATURES_MAX, n < 0 ? 0 : n);
	if (decoded(reading, envelope, "payload", payload, err) < 0 ||
	    signed_digest(reading, type, *payload, &digest, err) < 0)
		return -1;
	list->signature = SIGNATURE_NO_KEY;
	for (long i = 0; i < n && list->signature != SIGNATURE_VERIFIED; i++) {
		int signer;

		if (decoded(reading, json_value_item(signatures, (size_t)i), "sig", &signature,
			    err) < 0)
			return -1;
		signer = find_signer(reading, &digest, signature, err);
		if (signer < 0)
			return -1;
		if (signer == 0)
			continue;
		list->signature = SIGNATURE_VERIFIED;
		list->signer = bytes_of_string(arena_printf(
			&list->arena, "%s %s", public_key_name(reading->options->keys[signer - 1]),
			(const char *)artifact_name_of(reading->options->key_names[signer - 1])
				.data));
	}
	if (reading->options->n_keys && list->signature != SIGNATURE_VERIFIED)
		return error_set(err, ERROR_MISMATCH, reading->source, ERROR_NO_OFFSET,
				 "none of its %ld signatures is by a key that was given", n);
	return 0;
}
