/* SPDX-License-Identifier: BSD-2-Clause */
/* From a machine's report to the certificate of its processor, link by link. */
#include "replay/tdx/tdx.h"

#include <stdarg.h>

#include "core/crypto_key.h"
#include "core/own.h"
#include "core/reader.h"

/* Who signed Intel's quoting enclaves, and which product the one for TDX is (Intel's TD QE identity). */
static const uint8_t intel_signer[32] = { 0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17,
					  0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03,
					  0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf,
					  0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5 };
#define QE_PRODUCT 2

/* SGX_FLAGS_DEBUG: whoever owns the host can look into the enclave, and change it. */
#define QE_DEBUG 2u

const char *tdx_check_name(enum tdx_check_id id)
{
	static const char *const names[TDX_CHECK_COUNT] = {
		[TDX_CHECK_SIGNATURE] = "signature",
		[TDX_CHECK_KEY] = "key",
		[TDX_CHECK_QE_SIGNATURE] = "qe-signature",
		[TDX_CHECK_QE] = "qe",
		[TDX_CHECK_CHAIN] = "chain",
		[TDX_CHECK_MODULE] = "module",
		[TDX_CHECK_DEBUG] = "debug",
		[TDX_CHECK_NONCE] = "nonce",
	};

	return names[id];
}

const char *tdx_answer_name(enum tdx_answer answer)
{
	return answer == TDX_PASS ? "pass" : answer == TDX_FAIL ? "fail" : "skip";
}

static void say(struct tdx_result *out, enum tdx_check_id id, enum tdx_answer answer,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

static void say(struct tdx_result *out, enum tdx_check_id id, enum tdx_answer answer,
		const char *format, ...)
{
	struct tdx_check *check = &out->checks[id];
	va_list args;

	check->answer = answer;
	va_start(args, format);
	vsnprintf(check->detail, sizeof(check->detail), format, args);
	va_end(args);
}

/* ECDSA with SHA-256, r and s side by side: 1, 0, -1. */
static int holds(const struct public_key *key, struct bytes message, struct bytes signature,
		 struct hasher *hasher, struct error *err)
{
	struct digest digest;
	struct error problem = { 0 };
	int status;

	if (hasher_digest_bytes(hasher, ALG_SHA256, message, &digest, err) < 0)
		return -1;
	status = public_key_verify_rs(key, &digest, bytes_of(signature.data, 32),
				      bytes_of(signature.data + 32, 32), &problem);
	if (status < 0 && problem.code == ERROR_SYSTEM && err)
		*err = problem;
	return status < 0 && problem.code != ERROR_SYSTEM ? 0 : status;
}

static int check_signature(const struct tdx_quote *quote, struct hasher *hasher,
			   struct tdx_result *out, struct error *err)
{
	AUTO(public_key_freep) struct public_key *key = NULL;
	struct error problem = { 0 };
	int status;

	if (public_key_new_ec(CURVE_P256, bytes_of(quote->key.data, 32),
			      bytes_of(quote->key.data + 32, 32), &key, &problem) < 0) {
		if (problem.code == ERROR_SYSTEM) {
			if (err)
				*err = problem;
			return -1;
		}
		say(out, TDX_CHECK_SIGNATURE, TDX_FAIL, "the attestation key is no point of P-256");
		return 0;
	}
	status = holds(key, quote->signed_part, quote->signature, hasher, err);
	if (status < 0)
		return -1;
	say(out, TDX_CHECK_SIGNATURE, status ? TDX_PASS : TDX_FAIL,
	    status ? "ecdsa-sha256 by the attestation key" : "does not hold over the report");
	return 0;
}

/* SHA-256 over key and authentication data, then zeros. */
static int check_key(const struct tdx_quote *quote, struct hasher *hasher, struct tdx_result *out,
		     struct error *err)
{
	struct bytes wanted = bytes_of(quote->qe_report.data + 320, 64);
	AUTO(buf_clear) struct buf both = BUF_INIT;
	struct digest digest;
	bool fits;

	buf_append(&both, quote->key);
	buf_append(&both, quote->qe_auth);
	if (buf_finish(&both, err) < 0 ||
	    hasher_digest_bytes(hasher, ALG_SHA256, buf_bytes(&both), &digest, err) < 0)
		return -1;
	fits = memcmp(wanted.data, digest.value, 32) == 0 &&
	       bytes_all(bytes_of(wanted.data + 32, 32), 0);
	say(out, TDX_CHECK_KEY, fits ? TDX_PASS : TDX_FAIL,
	    fits ? "the quoting enclave reports this attestation key"
		 : "the quoting enclave reports another key");
	return 0;
}

static void check_qe(const struct tdx_quote *quote, struct tdx_result *out)
{
	struct reader in = reader_of(quote->qe_report, 0, NULL);
	struct bytes signer;
	uint64_t flags;
	uint16_t product, version;

	reader_skip(&in, 48);
	flags = reader_le64(&in);
	reader_skip(&in, 72);
	signer = reader_bytes(&in, 32);
	reader_skip(&in, 96);
	product = reader_le16(&in);
	version = reader_le16(&in);
	if (!bytes_equal(signer, bytes_of(intel_signer, 32)))
		say(out, TDX_CHECK_QE, TDX_FAIL, "the quoting enclave is not signed by Intel");
	else if (product != QE_PRODUCT)
		say(out, TDX_CHECK_QE, TDX_FAIL,
		    "the quoting enclave is Intel's product %u, TDX has %d", product, QE_PRODUCT);
	else if (flags & QE_DEBUG)
		say(out, TDX_CHECK_QE, TDX_FAIL, "the quoting enclave runs in debug mode");
	else
		say(out, TDX_CHECK_QE, TDX_PASS,
		    "Intel's for TDX, version %u; whether that is up to date is not checked",
		    version);
}

/* --- certificates -------------------------------------------------------------------------------- */

static int check_chain(const struct certificate_list *list, const struct trust *trust, int64_t at,
		       struct tdx_result *out, struct error *err)
{
	const struct certificate *between[TDX_CERTIFICATES_MAX];
	struct chain chain;

	if (!trust) {
		say(out, TDX_CHECK_CHAIN, TDX_SKIP, "no authority was given (--ca)");
		return 0;
	}
	for (size_t i = 1; i < list->n; i++)
		between[i - 1] = list->items[i];
	if (trust_verify(trust, list->items[0], between, list->n - 1, CERTIFICATE_OF_PCK, at,
			 &chain, err) < 0)
		return -1;
	if (chain.holds)
		say(out, TDX_CHECK_CHAIN, TDX_PASS,
		    "the processor's certificate chains to %s; whether its TCB is up to date is "
		    "not "
		    "checked",
		    chain.anchor);
	else
		say(out, TDX_CHECK_CHAIN, TDX_FAIL, "%s: %s", chain.name, chain.reason);
	return 0;
}

static int check_certificates(const struct tdx_quote *quote, struct hasher *hasher,
			      const struct trust *trust, int64_t at, struct tdx_result *out,
			      struct error *err)
{
	struct certificate_list list = { 0 };
	const struct public_key *key;
	struct error problem = { 0 };
	struct bytes text = quote->chain;
	int status;

	if (quote->certification_type != 5) {
		say(out, TDX_CHECK_QE_SIGNATURE, TDX_SKIP,
		    "the processor's certificate is not in the quote (certification type %u)",
		    quote->certification_type);
		say(out, TDX_CHECK_CHAIN, TDX_SKIP, "the certificate is not in the quote");
		return 0;
	}
	while (text.size && text.data[text.size - 1] == 0)
		text.size--;
	if (certificates_parse(text, NULL, TDX_CERTIFICATES_MAX, &list, &problem) < 0) {
		if (problem.code == ERROR_SYSTEM) {
			if (err)
				*err = problem;
			return -1;
		}
		say(out, TDX_CHECK_QE_SIGNATURE, TDX_FAIL, "its certificates: %s", problem.message);
		say(out, TDX_CHECK_CHAIN, TDX_FAIL, "its certificates cannot be read");
		return 0;
	}
	key = certificate_key(list.items[0]);
	status = key ? holds(key, quote->qe_report, quote->qe_signature, hasher, err) : 0;
	if (status >= 0) {
		say(out, TDX_CHECK_QE_SIGNATURE, status ? TDX_PASS : TDX_FAIL,
		    status ? "ecdsa-sha256 by the processor's provisioning key"
			   : "does not hold over the quoting enclave's report");
		status = check_chain(&list, trust, at, out, err);
	}
	certificate_list_clear(&list);
	return status;
}

/* --- the machine ------------------------------------------------------------------------------------ */

static void check_machine(const struct tdx_quote *quote, struct tdx_result *out)
{
	bool is_intel = bytes_all(quote->mr_signer_seam, 0) && quote->seam_attributes == 0;

	say(out, TDX_CHECK_MODULE, is_intel ? TDX_PASS : TDX_FAIL,
	    is_intel ? "the TDX module is Intel's; whether it is up to date is not checked"
		     : "the TDX module is not Intel's, or has attributes of a test");
	if (quote->attributes & TDX_ATTRIBUTE_DEBUG)
		say(out, TDX_CHECK_DEBUG, TDX_FAIL,
		    "the machine can be debugged by its host: nothing in it is protected");
	else
		say(out, TDX_CHECK_DEBUG, TDX_PASS, "the machine cannot be debugged by its host");
}

static void check_nonce(const struct tdx_quote *quote, const struct bytes *nonce,
			struct tdx_result *out)
{
	struct bytes data = quote->report_data;
	bool fits;

	if (!nonce) {
		say(out, TDX_CHECK_NONCE, TDX_SKIP, "no nonce was given");
		return;
	}
	fits = nonce->size <= data.size && bytes_start_with(data, *nonce) &&
	       bytes_all(bytes_of(data.data + nonce->size, data.size - nonce->size), 0);
	say(out, TDX_CHECK_NONCE, fits ? TDX_PASS : TDX_FAIL,
	    fits ? "report data are the nonce" : "report data are not the nonce and zeros");
}

int tdx_check(const struct tdx_quote *quote, struct hasher *hasher, const struct trust *trust,
	      int64_t at, const struct bytes *nonce, struct tdx_result *out, struct error *err)
{
	struct tdx_result result = { .valid = true };

	if (check_signature(quote, hasher, &result, err) < 0 ||
	    check_key(quote, hasher, &result, err) < 0 ||
	    check_certificates(quote, hasher, trust, at, &result, err) < 0)
		return -1;
	check_qe(quote, &result);
	check_machine(quote, &result);
	check_nonce(quote, nonce, &result);
	for (unsigned i = 0; i < TDX_CHECK_COUNT; i++)
		if (result.checks[i].answer == TDX_FAIL)
			result.valid = false;
	if (result.checks[TDX_CHECK_QE_SIGNATURE].answer != TDX_PASS)
		result.valid = false;
	*out = result;
	return 0;
}
