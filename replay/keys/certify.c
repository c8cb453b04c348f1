/* SPDX-License-Identifier: BSD-2-Clause */
/* Part 2, 10.12.12, 10.12.3, 10.12.7; part 3, 18.2 (TPM2_Certify), 18.3 (TPM2_CertifyCreation). */
#include "core/reader.h"
#include "replay/keys/keys.h"

#define GENERATED       0xff544347u /* TPM_GENERATED_VALUE */
#define ATTEST_CERTIFY  0x8017
#define ATTEST_CREATION 0x801a

#define NAME_MAX_SIZE (2 + DIGEST_SIZE_MAX)

/* A TPM2B of at most max bytes. */
static int read_2b(struct reader *in, size_t max, const char *what, struct bytes *out,
		   struct error *err)
{
	uint64_t at = reader_offset(in);
	size_t size = reader_be16(in);

	if (!in->ran_out && size > max)
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "%s: %zu bytes, at most %zu fit", what, size, max);
	*out = reader_bytes(in, size);
	return reader_check(in, err);
}

/* qualifiedSigner, extraData, clockInfo, firmwareVersion. */
static int read_common(struct reader *in, struct certify *out, struct error *err)
{
	uint64_t at;
	uint8_t safe;

	if (read_2b(in, NAME_MAX_SIZE, "qualifiedSigner", &out->signer, err) < 0 ||
	    read_2b(in, QUOTE_NONCE_MAX, "extraData", &out->nonce, err) < 0)
		return -1;
	reader_skip(in, 8 + 4 + 4); /* clock, resetCount, restartCount */
	at = reader_offset(in);
	safe = reader_u8(in);
	reader_skip(in, 8); /* firmwareVersion */
	if (reader_check(in, err) < 0)
		return -1;
	if (safe > 1)
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "clockInfo.safe: %u, neither no (0) nor yes (1)", safe);
	return 0;
}

int certify_parse(struct bytes message, const char *source, struct certify *out, struct error *err)
{
	struct certify certify = { .message = message };
	struct reader in = reader_of(message, 0, source);
	uint32_t magic = reader_be32(&in);
	uint16_t type = reader_be16(&in);
	struct bytes more;

	if (reader_check(&in, err) < 0)
		return -1;
	certify.kind = magic != GENERATED        ? CERTIFY_NOT_GENERATED
		       : type == ATTEST_CERTIFY  ? CERTIFY_LOADED
		       : type == ATTEST_CREATION ? CERTIFY_CREATED
						 : CERTIFY_OTHER;
	if (certify.kind == CERTIFY_NOT_GENERATED || certify.kind == CERTIFY_OTHER) {
		*out = certify;
		return 0;
	}
	if (read_common(&in, &certify, err) < 0 ||
	    read_2b(&in, NAME_MAX_SIZE, "name", &certify.name, err) < 0 ||
	    (type == ATTEST_CERTIFY
		     ? read_2b(&in, NAME_MAX_SIZE, "qualifiedName", &more, err)
		     : read_2b(&in, DIGEST_SIZE_MAX, "creationHash", &more, err)) < 0)
		return -1;
	if (reader_finish(&in, err) < 0)
		return -1;
	*out = certify;
	return 0;
}

int certify_check(struct hasher *hasher, const struct certify *certify,
		  const struct quote_signature *signature, const struct quote_key *key,
		  enum certify_answer *answer, char detail[160], struct error *err)
{
	/* To the signature all attestations are the same. */
	const struct quote as_quote = { .message = certify->message,
					.structure = QUOTE_NOT_A_QUOTE,
					.magic = GENERATED };
	const enum quote_check_id more[] = { QUOTE_CHECK_SCHEME, QUOTE_CHECK_HASH };
	const struct quote_check *check;
	struct quote_result result;

	if (quote_check(hasher, &as_quote, signature, key, NULL, NULL, &result, err) < 0)
		return -1;
	check = &result.checks[QUOTE_CHECK_SIGNATURE];
	*answer = check->answer == QUOTE_PASS   ? CERTIFY_HOLDS
		  : check->answer == QUOTE_FAIL ? CERTIFY_FORGED
						: CERTIFY_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(more) && *answer == CERTIFY_HOLDS; i++)
		if (result.checks[more[i]].answer == QUOTE_FAIL) {
			check = &result.checks[more[i]];
			*answer = CERTIFY_WEAK;
		}
	snprintf(detail, 160, "%s", check->detail);
	return 0;
}
