/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/quote/internal.h"

#include <inttypes.h>
#include <stdarg.h>

#include "core/crypto_key.h"

static const char *const check_names[QUOTE_CHECK_COUNT] = {
	[QUOTE_CHECK_STRUCTURE] = "structure",
	[QUOTE_CHECK_SIGNATURE] = "signature",
	[QUOTE_CHECK_SCHEME] = "scheme",
	[QUOTE_CHECK_HASH] = "signature-hash",
	[QUOTE_CHECK_KEY] = "key",
	[QUOTE_CHECK_NONCE] = "nonce",
	[QUOTE_CHECK_SELECTION] = "selection",
	[QUOTE_CHECK_PCR_DIGEST] = "pcr-digest",
};

const char *quote_check_name(enum quote_check_id id)
{
	return check_names[id];
}

const char *quote_answer_name(enum quote_answer answer)
{
	static const char *const names[] = {
		[QUOTE_PASS] = "pass",
		[QUOTE_FAIL] = "fail",
		[QUOTE_SKIP] = "skip",
	};

	return names[answer];
}

static void answer(struct quote_result *out, enum quote_check_id id, enum quote_answer value,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

static void answer(struct quote_result *out, enum quote_check_id id, enum quote_answer value,
		   const char *format, ...)
{
	va_list args;

	out->checks[id].answer = value;
	va_start(args, format);
	vsnprintf(out->checks[id].detail, sizeof(out->checks[id].detail), format, args);
	va_end(args);
}

static void check_structure(const struct quote *quote, struct quote_result *out)
{
	const char *text = quote_structure_text(quote->structure);

	switch (quote->structure) {
	case QUOTE_IS_QUOTE:
		answer(out, QUOTE_CHECK_STRUCTURE, QUOTE_PASS, "%s", text);
		break;
	case QUOTE_NOT_GENERATED:
		answer(out, QUOTE_CHECK_STRUCTURE, QUOTE_FAIL, "%s (0x%08" PRIx32 ")", text,
		       quote->magic);
		break;
	case QUOTE_NOT_A_QUOTE:
		answer(out, QUOTE_CHECK_STRUCTURE, QUOTE_FAIL, "%s (type 0x%04x)", text,
		       quote->type);
		break;
	case QUOTE_BYTES_BEFORE:
	case QUOTE_BYTES_AFTER:
		answer(out, QUOTE_CHECK_STRUCTURE, QUOTE_FAIL, "%s", text);
		break;
	}
}

/* By what the signature is judged: its own word, or the key's for a plain one. */
static void choose_scheme(const struct quote_signature *signature, const struct quote_key *key,
			  struct quote_result *out)
{
	out->scheme = signature->plain ? key->scheme : signature->scheme;
	out->hash = signature->plain ? key->hash : signature->hash;
}

static void check_scheme(const struct quote_signature *signature, const struct quote_key *key,
			 struct quote_result *out)
{
	char own[QUOTE_SCHEME_SIZE], of_key[QUOTE_SCHEME_SIZE];

	quote_scheme_text(out->scheme, out->hash, own);
	quote_scheme_text(key->scheme, key->hash, of_key);
	if (!key->has_attributes)
		answer(out, QUOTE_CHECK_SCHEME, QUOTE_SKIP,
		       "PEM and DER do not say what scheme the key has");
	else if (signature->plain && key->scheme == QUOTE_SCHEME_NULL)
		answer(out, QUOTE_CHECK_SCHEME, QUOTE_SKIP,
		       "neither the plain signature nor the key names a scheme");
	else if (signature->plain)
		answer(out, QUOTE_CHECK_SCHEME, QUOTE_PASS, "plain signature, %s of the key", own);
	else if (key->scheme == QUOTE_SCHEME_NULL)
		answer(out, QUOTE_CHECK_SCHEME, QUOTE_PASS, "%s; the key has none of its own", own);
	else if (key->scheme != signature->scheme || key->hash != signature->hash)
		answer(out, QUOTE_CHECK_SCHEME, QUOTE_FAIL, "%s, but the key is for %s", own,
		       of_key);
	else
		answer(out, QUOTE_CHECK_SCHEME, QUOTE_PASS, "%s, the key's own", own);
}

static void check_hash(struct quote_result *out)
{
	if (out->hash == ALG_NONE)
		answer(out, QUOTE_CHECK_HASH, QUOTE_SKIP, "the hash of the signature is not known");
	else if (alg_size(out->hash) < 32)
		answer(out, QUOTE_CHECK_HASH, QUOTE_FAIL, "%s is weak", alg_name(out->hash));
	else
		answer(out, QUOTE_CHECK_HASH, QUOTE_PASS, "%s", alg_name(out->hash));
}

static void check_key(const struct quote_key *key, struct quote_result *out)
{
	char faults[128];

	if (key->faults)
		answer(out, QUOTE_CHECK_KEY, QUOTE_FAIL, "%s: %s", key->description,
		       quote_key_faults_text(key->faults, faults, sizeof(faults)));
	else if (!key->has_attributes)
		answer(out, QUOTE_CHECK_KEY, QUOTE_SKIP,
		       "%s; PEM and DER do not say how its TPM uses it", key->description);
	else
		answer(out, QUOTE_CHECK_KEY, QUOTE_PASS,
		       "%s, restricted to signing, fixed to its TPM", key->description);
}

/* A plain ECDSA signature: r and s side by side, each as long as a coordinate, or DER. */
static int verify_plain_ecdsa(const struct quote_key *key, const struct digest *digest,
			      struct bytes raw, struct error *err)
{
	size_t size = key_curve_size(public_key_curve(key->public_key));

	if (size && raw.size == 2 * size)
		return public_key_verify_rs(key->public_key, digest, bytes_of(raw.data, size),
					    bytes_of(raw.data + size, size), err);
	return public_key_verify(key->public_key, SIGNATURE_ECDSA, digest, raw, err);
}

static int verify(const struct quote_signature *signature, const struct quote_key *key,
		  enum quote_scheme scheme, const struct digest *digest, struct error *err)
{
	enum key_type type = public_key_type(key->public_key);

	switch (scheme) {
	case QUOTE_SCHEME_RSASSA:
	case QUOTE_SCHEME_RSAPSS:
		if (type != KEY_RSA)
			return 0;
		return public_key_verify(key->public_key,
					 scheme == QUOTE_SCHEME_RSASSA ? SIGNATURE_RSASSA
								       : SIGNATURE_RSAPSS,
					 digest, signature->raw, err);
	case QUOTE_SCHEME_ECDSA:
		if (type != KEY_EC)
			return 0;
		if (signature->plain)
			return verify_plain_ecdsa(key, digest, signature->raw, err);
		return public_key_verify_rs(key->public_key, digest, signature->r, signature->s,
					    err);
	case QUOTE_SCHEME_NULL:
	case QUOTE_SCHEME_OTHER:
		break;
	}
	return error_set(err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
			 "no signature of this scheme is verified");
}

/* Why the signature cannot be judged, or NULL. */
static const char *unjudged(const struct quote_signature *signature, const struct quote_key *key,
			    const struct quote_result *result)
{
	if (signature->plain && !key->has_attributes)
		return "a plain signature, and PEM and DER keys do not say its scheme";
	if (signature->plain && result->scheme == QUOTE_SCHEME_NULL)
		return "a plain signature, and the key names no scheme";
	if (result->scheme == QUOTE_SCHEME_OTHER)
		return "a scheme Assay does not verify";
	if (result->hash == ALG_NONE)
		return "a hash Assay does not know";
	if (!key->public_key)
		return "a kind of key with which Assay does not verify";
	return NULL;
}

static int check_signature(struct hasher *hasher, const struct quote *quote,
			   const struct quote_signature *signature, const struct quote_key *key,
			   struct quote_result *out, struct error *err)
{
	char scheme[QUOTE_SCHEME_SIZE];
	struct error inner = { 0 };
	const char *why;
	struct digest digest;
	int result;

	if (!signature->plain && signature->scheme == QUOTE_SCHEME_NULL) {
		answer(out, QUOTE_CHECK_SIGNATURE, QUOTE_FAIL, "not signed (TPM_ALG_NULL)");
		return 0;
	}
	why = unjudged(signature, key, out);
	if (why) {
		answer(out, QUOTE_CHECK_SIGNATURE, QUOTE_SKIP, "%s", why);
		return 0;
	}
	result = hasher_digest_bytes(hasher, out->hash, quote->message, &digest, &inner);
	if (result == 0)
		result = verify(signature, key, out->scheme, &digest, &inner);
	if (result < 0 && inner.code != ERROR_UNSUPPORTED) {
		if (err)
			*err = inner;
		return -1;
	}
	quote_scheme_text(out->scheme, out->hash, scheme);
	if (result < 0)
		answer(out, QUOTE_CHECK_SIGNATURE, QUOTE_SKIP, "%.120s", inner.message);
	else if (result == 1)
		answer(out, QUOTE_CHECK_SIGNATURE, QUOTE_PASS, "%s by %s", scheme,
		       key->description);
	else
		answer(out, QUOTE_CHECK_SIGNATURE, QUOTE_FAIL,
		       "does not hold over this message with this key (%s, %s)", scheme,
		       key->description);
	return 0;
}

static void check_nonce(const struct quote *quote, const struct bytes *nonce,
			struct quote_result *out)
{
	if (!nonce)
		answer(out, QUOTE_CHECK_NONCE, QUOTE_SKIP,
		       "none given to compare with: freshness is not checked");
	else if (bytes_equal(quote->nonce, *nonce))
		answer(out, QUOTE_CHECK_NONCE, QUOTE_PASS, "equals the one given");
	else if (quote->nonce.size == 0)
		answer(out, QUOTE_CHECK_NONCE, QUOTE_FAIL, "the quote has none");
	else
		answer(out, QUOTE_CHECK_NONCE, QUOTE_FAIL, "differs from the one given");
}

static void check_selection(const struct quote *quote, struct quote_result *out)
{
	const pcr_set has = ((pcr_set)1 << PCR_COUNT) - 1;
	bool any = false;

	for (size_t i = 0; i < quote->selection.n_banks; i++)
		any |= (quote->selection.banks[i].pcrs & has) != 0;
	if (!any)
		answer(out, QUOTE_CHECK_SELECTION, QUOTE_FAIL, "selects no PCR that a TPM has");
	else if (quote_selection_beyond(&quote->selection))
		answer(out, QUOTE_CHECK_SELECTION, QUOTE_PASS,
		       "selects PCRs from %d on, too, which PC Client TPMs lack", PCR_COUNT);
	else if (quote_selection_algs(&quote->selection) == 1u << ALG_SHA1)
		answer(out, QUOTE_CHECK_SELECTION, QUOTE_PASS,
		       "selects PCRs of the sha1 bank only");
	else
		answer(out, QUOTE_CHECK_SELECTION, QUOTE_PASS, "selects PCRs that TPMs have");
}

static int check_pcr_digest(struct hasher *hasher, const struct quote *quote,
			    const struct quote_pcrs *pcrs, struct quote_result *out,
			    struct error *err)
{
	struct quote_bank missing;
	struct digest digest;
	int result;

	if (!pcrs) {
		answer(out, QUOTE_CHECK_PCR_DIGEST, QUOTE_SKIP, "no PCR values given");
		return 0;
	}
	if (!hasher_has(hasher, out->hash)) {
		answer(out, QUOTE_CHECK_PCR_DIGEST, QUOTE_SKIP,
		       "the hash of the signature, which it is made with, is not known");
		return 0;
	}
	result = quote_pcr_digest(hasher, out->hash, &quote->selection, pcrs, &digest, &missing,
				  err);
	if (result < 0)
		return -1;
	if (result == 0 && missing.alg == ALG_NONE)
		answer(out, QUOTE_CHECK_PCR_DIGEST, QUOTE_SKIP,
		       "a bank of an algorithm Assay does not know (0x%04x) is selected",
		       missing.alg_id);
	else if (result == 0)
		answer(out, QUOTE_CHECK_PCR_DIGEST, QUOTE_FAIL,
		       "no value given for %s PCR %d, which is quoted", alg_name(missing.alg),
		       __builtin_ctz(missing.pcrs));
	else if (bytes_equal(digest_bytes(&digest), quote->pcr_digest))
		answer(out, QUOTE_CHECK_PCR_DIGEST, QUOTE_PASS,
		       "the PCR values hash to the signed digest");
	else
		answer(out, QUOTE_CHECK_PCR_DIGEST, QUOTE_FAIL,
		       "the PCR values do not hash to the signed digest");
	return 0;
}

static bool is_valid(const struct quote_result *result)
{
	for (size_t i = 0; i < QUOTE_CHECK_COUNT; i++)
		if (result->checks[i].answer == QUOTE_FAIL)
			return false;
	return result->checks[QUOTE_CHECK_STRUCTURE].answer == QUOTE_PASS &&
	       result->checks[QUOTE_CHECK_SIGNATURE].answer == QUOTE_PASS;
}

int quote_check(struct hasher *hasher, const struct quote *quote,
		const struct quote_signature *signature, const struct quote_key *key,
		const struct bytes *nonce, const struct quote_pcrs *pcrs, struct quote_result *out,
		struct error *err)
{
	struct quote_result result;

	memset(&result, 0, sizeof(result));
	choose_scheme(signature, key, &result);
	check_structure(quote, &result);
	if (check_signature(hasher, quote, signature, key, &result, err) < 0)
		return -1;
	check_scheme(signature, key, &result);
	check_hash(&result);
	check_key(key, &result);
	if (quote->structure == QUOTE_IS_QUOTE || quote->structure == QUOTE_BYTES_AFTER) {
		check_nonce(quote, nonce, &result);
		check_selection(quote, &result);
		if (check_pcr_digest(hasher, quote, pcrs, &result, err) < 0)
			return -1;
	} else {
		answer(&result, QUOTE_CHECK_NONCE, QUOTE_SKIP, "not a quote");
		answer(&result, QUOTE_CHECK_SELECTION, QUOTE_SKIP, "not a quote");
		answer(&result, QUOTE_CHECK_PCR_DIGEST, QUOTE_SKIP, "not a quote");
	}
	result.valid = is_valid(&result);
	*out = result;
	return 0;
}
