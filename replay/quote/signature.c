/* SPDX-License-Identifier: BSD-2-Clause */
/* Part 2, 11.3.4 (TPMT_SIGNATURE), 11.2.1 (TPMI_ALG_SIG_SCHEME). */
#include "replay/quote/internal.h"

enum quote_scheme scheme_of_id(uint16_t id)
{
	switch (id) {
	case TPM2_ALG_NULL:
		return QUOTE_SCHEME_NULL;
	case TPM2_ALG_RSASSA:
		return QUOTE_SCHEME_RSASSA;
	case TPM2_ALG_RSAPSS:
		return QUOTE_SCHEME_RSAPSS;
	case TPM2_ALG_ECDSA:
		return QUOTE_SCHEME_ECDSA;
	}
	return QUOTE_SCHEME_OTHER;
}

static bool is_sig_scheme(uint16_t id)
{
	return id == TPM2_ALG_NULL || id == TPM2_ALG_RSASSA || id == TPM2_ALG_RSAPSS ||
	       id == TPM2_ALG_ECDSA || id == TPM2_ALG_ECDAA || id == TPM2_ALG_SM2 ||
	       id == TPM2_ALG_ECSCHNORR || id == TPM2_ALG_HMAC;
}

/* A plain RSA signature or r may begin with any bytes; DER begins with 0x30, which is no scheme. */
static bool starts_as_tpmt(struct bytes signature)
{
	struct reader in = reader_of(signature, 0, NULL);

	return is_sig_scheme(reader_be16(&in));
}

/* The sizes plain signatures have: an RSA modulus, r and s of one of our curves. */
static bool has_plain_size(size_t size)
{
	static const size_t sizes[] = { 64, 96, 132, 128, 256, 384, 512 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (size == sizes[i])
			return true;
	return false;
}

static int read_rsa(struct reader *in, struct quote_signature *out, struct error *err)
{
	return read_tpm2b(in, sizeof(((TPM2B_PUBLIC_KEY_RSA *)NULL)->buffer), "signature.sig",
			  &out->raw, err);
}

static int read_ecc(struct reader *in, struct quote_signature *out, struct error *err)
{
	size_t max = sizeof(((TPM2B_ECC_PARAMETER *)NULL)->buffer);

	return read_tpm2b(in, max, "signatureR", &out->r, err) < 0 ||
			       read_tpm2b(in, max, "signatureS", &out->s, err) < 0
		       ? -1
		       : 0;
}

static int read_tpmt(struct reader *in, struct quote_signature *out, struct error *err)
{
	TPMT_SIGNATURE checked;
	struct reader whole = *in;

	/* libtss2-mu says whether it is one; where its parts lie, which are borrowed, is read here. */
	if (UNMARSHAL(&whole, TPMT_SIGNATURE, &checked, "TPMT_SIGNATURE", err) < 0)
		return -1;
	out->scheme_id = reader_be16(in);
	out->scheme = scheme_of_id(out->scheme_id);
	if (out->scheme != QUOTE_SCHEME_NULL) {
		out->hash_id = reader_be16(in);
		out->hash = alg_of_tpm_id(out->hash_id);
	}
	switch (out->scheme) {
	case QUOTE_SCHEME_RSASSA:
	case QUOTE_SCHEME_RSAPSS:
		if (read_rsa(in, out, err) < 0)
			return -1;
		break;
	case QUOTE_SCHEME_ECDSA:
		if (read_ecc(in, out, err) < 0)
			return -1;
		break;
	case QUOTE_SCHEME_NULL:
	case QUOTE_SCHEME_OTHER:
		in->pos = whole.pos;
		break;
	}
	return reader_finish(in, err);
}

int quote_signature_parse(struct bytes signature, const char *source, struct quote_signature *out,
			  struct error *err)
{
	struct quote_signature parsed = { .hash = ALG_NONE };
	struct reader in = reader_of(signature, 0, source);

	if (signature.size == 0)
		return error_set(err, ERROR_TRUNCATED, source, 0, "TPMT_SIGNATURE: empty");
	if (starts_as_tpmt(signature)) {
		if (read_tpmt(&in, &parsed, err) == 0) {
			*out = parsed;
			return 0;
		}
		if (!has_plain_size(signature.size))
			return -1;
	}
	*out = (struct quote_signature){ .plain = true, .hash = ALG_NONE, .raw = signature };
	return 0;
}

char *quote_scheme_text(enum quote_scheme scheme, enum alg hash, char *out)
{
	static const char *const names[] = {
		[QUOTE_SCHEME_NULL] = "none",     [QUOTE_SCHEME_RSASSA] = "rsassa",
		[QUOTE_SCHEME_RSAPSS] = "rsapss", [QUOTE_SCHEME_ECDSA] = "ecdsa",
		[QUOTE_SCHEME_OTHER] = "other",
	};

	if (scheme == QUOTE_SCHEME_NULL)
		snprintf(out, QUOTE_SCHEME_SIZE, "none");
	else
		snprintf(out, QUOTE_SCHEME_SIZE, "%s-%s", names[scheme], alg_name(hash));
	return out;
}
