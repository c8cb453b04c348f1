/* SPDX-License-Identifier: BSD-2-Clause */
/* Chains of certificates (RFC 5280, 6.1). */
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "core/crypto_certificate.h"
#include "core/crypto_certificate_internal.h"

/* All manufacturers' certificates together are some hundreds. */
#define TRUST_MAX 65536

/* Real chains have three certificates between the first and the root at most. */
#define DEPTH_MAX 16

/* Bits that signatures and keys have to be worth: no SHA-1, no RSA below 2048 (libcrypto's level 2). */
#define AUTH_LEVEL 2

#define OID_EK  "2.23.133.8.1" /* tcg-kp-EKCertificate */
/* Intel SGX PCK Certificate and CRL Specification, 1.3.5. */
#define OID_SGX "1.2.840.113741.1.13.1"
#define OID_AIK "2.23.133.8.3" /* tcg-kp-AIKCertificate */
#define OID_ANY "2.5.29.37.0"  /* anyExtendedKeyUsage */

struct trust {
	struct pile pile;
	X509_STORE *store;              /* owned; anchors and revocation lists */
	STACK_OF(X509) * intermediates; /* of the pile's, which owns them */
	size_t n_anchors;
};

int trust_new(struct trust **out, struct error *err)
{
	struct trust *trust = calloc(1, sizeof(*trust));

	if (!trust)
		return error_memory(err, NULL);
	trust->pile.max = TRUST_MAX;
	trust->store = X509_STORE_new();
	trust->intermediates = sk_X509_new_null();
	if (!trust->store || !trust->intermediates || pile_init(&trust->pile, NULL) < 0) {
		trust_free(trust);
		return error_memory(err, NULL);
	}
	*out = trust;
	return 0;
}

void trust_free(struct trust *trust)
{
	if (!trust)
		return;
	X509_STORE_free(trust->store);
	sk_X509_free(trust->intermediates);
	pile_clear(&trust->pile);
	free(trust);
}

void trust_freep(struct trust **trust)
{
	trust_free(*trust);
}

int trust_add(struct trust *trust, struct bytes file, const char *source, struct error *err)
{
	return pile_add(&trust->pile, file, source, err);
}

/* True if another of the given certificates issued this one. */
static bool has_issuer(const struct trust *trust, X509 *certificate)
{
	for (int i = 0; i < sk_X509_num(trust->pile.certificates); i++) {
		X509 *issuer = sk_X509_value(trust->pile.certificates, i);

		if (X509_cmp(issuer, certificate) != 0 &&
		    X509_check_issued(issuer, certificate) == X509_V_OK &&
		    X509_verify(certificate, X509_get0_pubkey(issuer)) == 1)
			return true;
	}
	return false;
}

int trust_finish(struct trust *trust, struct error *err)
{
	bool failed = false;

	for (int i = 0; i < sk_X509_num(trust->pile.certificates); i++) {
		X509 *certificate = sk_X509_value(trust->pile.certificates, i);

		if (!X509_self_signed(certificate, 0) && has_issuer(trust, certificate)) {
			failed |= sk_X509_push(trust->intermediates, certificate) <= 0;
			continue;
		}
		failed |= X509_STORE_add_cert(trust->store, certificate) != 1;
		trust->n_anchors++;
	}
	for (int i = 0; i < sk_X509_CRL_num(trust->pile.lists); i++)
		failed |= X509_STORE_add_crl(trust->store,
					     sk_X509_CRL_value(trust->pile.lists, i)) != 1;
	ERR_clear_error();
	return failed ? error_memory(err, NULL) : 0;
}

size_t trust_n_certificates(const struct trust *trust)
{
	return (size_t)sk_X509_num(trust->pile.certificates);
}

size_t trust_n_anchors(const struct trust *trust)
{
	return trust->n_anchors;
}

size_t trust_n_lists(const struct trust *trust)
{
	return (size_t)sk_X509_CRL_num(trust->pile.lists);
}

/* --- what a chain is for --------------------------------------------------------------------------- */

static const struct use_row {
	uint32_t key_usage; /* any of these, if the certificate says what its key is for */
	const char *key_usage_text;
	const char
		*extended[2]; /* any of these, if it says more; the second only if it says both */
	const char *extended_text;
	const char *extension; /* that it has to have; NULL: none */
} use_rows[] = {
	[CERTIFICATE_OF_EK] = {KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT,
                               "keyEncipherment or keyAgreement", { OID_EK },
                               OID_EK " (tcg-kp-EKCertificate)",
                               NULL },
 /* Google's EK and AK certificates have the same extended key usage, the EK's. */
	[CERTIFICATE_OF_AK] = { KU_DIGITAL_SIGNATURE,
                               "digitalSignature",          { OID_AIK, OID_EK },
                               OID_AIK " (tcg-kp-AIKCertificate)",
                               NULL },
	[CERTIFICATE_OF_PCK] = { .key_usage = KU_DIGITAL_SIGNATURE,
                               .key_usage_text = "digitalSignature",
                               .extended_text = "processors",
                               .extension = OID_SGX            },
};

static bool has_usage(const EXTENDED_KEY_USAGE *usages, const char *oid)
{
	char text[128];

	for (int i = 0; oid && i < sk_ASN1_OBJECT_num(usages); i++)
		if (OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(usages, i), 1) > 0 &&
		    strcmp(text, oid) == 0)
			return true;
	return false;
}

/*
 * True if the certificate has no extended key usage, or one that fits: the first of the row, the second if
 * is_sure, or anyExtendedKeyUsage of an issuer's.
 */
static bool extended_usage_fits(const X509 *x509, const struct use_row *row, bool is_sure,
				bool is_issuer)
{
	int critical = 0;
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x509, NID_ext_key_usage, &critical, NULL);
	bool fits = critical == -1 /* there is none */ || has_usage(usages, row->extended[0]) ||
		    (is_sure && has_usage(usages, row->extended[1])) ||
		    (is_issuer && has_usage(usages, OID_ANY));

	EXTENDED_KEY_USAGE_free(usages);
	ERR_clear_error();
	return fits;
}

static bool has_extension(const X509 *x509, const char *oid)
{
	ASN1_OBJECT *wanted = OBJ_txt2obj(oid, 1);
	bool has = wanted && X509_get_ext_by_OBJ(x509, wanted, -1) >= 0;

	ASN1_OBJECT_free(wanted);
	ERR_clear_error();
	return has;
}

/* --- verification ---------------------------------------------------------------------------------- */

static void dates_write(const X509 *x509, char out[64])
{
	struct tm from, to;

	out[0] = 0;
	if (ASN1_TIME_to_tm(X509_get0_notBefore(x509), &from) == 1 &&
	    ASN1_TIME_to_tm(X509_get0_notAfter(x509), &to) == 1)
		snprintf(out, 64, "from %04d-%02d-%02d to %04d-%02d-%02d", from.tm_year + 1900,
			 from.tm_mon + 1, from.tm_mday, to.tm_year + 1900, to.tm_mon + 1,
			 to.tm_mday);
	ERR_clear_error();
}

static void refuse(struct chain *out, const X509 *x509, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void refuse(struct chain *out, const X509 *x509, const char *format, ...)
{
	va_list args;

	out->holds = false;
	va_start(args, format);
	vsnprintf(out->reason, sizeof(out->reason), format, args);
	va_end(args);
	x509_name(x509, out->name);
	dates_write(x509, out->dates);
}

/* Revocation lists count where there are some: a missing or old one revokes nothing. */
static int excuse(int ok, X509_STORE_CTX *ctx)
{
	int error = X509_STORE_CTX_get_error(ctx);

	return ok || error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_CRL_HAS_EXPIRED ||
	       error == X509_V_ERR_CRL_NOT_YET_VALID;
}

/* What libcrypto leaves open: that issuers say they are CAs, and what keys are for. */
static void judge_chain(STACK_OF(X509) * chain, enum certificate_use use, struct chain *out)
{
	const struct use_row *row = &use_rows[use];
	X509 *first = sk_X509_value(chain, 0);
	int n = sk_X509_num(chain);
	uint32_t usage = X509_get_key_usage(first); /* all ones: it does not say */

	out->holds = true;
	for (int i = n - 1; i > 0 && out->holds; i--) {
		X509 *issuer = sk_X509_value(chain, i);

		if (i < n - 1 && X509_check_ca(issuer) != 1)
			refuse(out, issuer, "does not say that it is a CA");
		else if (!extended_usage_fits(issuer, row, true, true))
			refuse(out, issuer, "may issue certificates, but none for %s",
			       row->extended_text);
	}
	if (!out->holds)
		return;
	if (X509_check_ca(first) != 0)
		refuse(out, first, "is a CA's, not a key of a TPM");
	else if (!(usage & row->key_usage))
		refuse(out, first, "its key usage is not %s", row->key_usage_text);
	else if (!extended_usage_fits(first, row, usage != UINT32_MAX, false))
		refuse(out, first, "its extended key usage is not %s", row->extended_text);
	else if (row->extension && !has_extension(first, row->extension))
		refuse(out, first, "lacks the extension %s: not of a processor", row->extension);
	if (!out->holds)
		return;
	x509_name(sk_X509_value(chain, n - 1), out->anchor);
	out->n_between = n > 2 ? (size_t)n - 2 : 0;
}

static int prepare(const struct trust *trust, X509_STORE_CTX *ctx, int64_t at)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;

	if (sk_X509_CRL_num(trust->pile.lists) > 0)
		flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_time(param, (time_t)at);
	X509_STORE_CTX_set_verify_cb(ctx, excuse);
	return X509_VERIFY_PARAM_set_flags(param, flags);
}

int trust_verify(const struct trust *trust, const struct certificate *certificate,
		 const struct certificate *const *between, size_t n_between,
		 enum certificate_use use, int64_t at, struct chain *out, struct error *err)
{
	STACK_OF(X509) *others = sk_X509_dup(trust->intermediates);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool failed = !others || !ctx;
	struct chain chain = { 0 };
	int error;

	for (size_t i = 0; i < n_between && !failed; i++)
		failed = sk_X509_push(others, between[i]->x509) <= 0;
	failed = failed || X509_STORE_CTX_init(ctx, trust->store, certificate->x509, others) != 1 ||
		 prepare(trust, ctx, at) != 1;
	if (!failed) {
		int verified = X509_verify_cert(ctx);
		X509 *current = X509_STORE_CTX_get_current_cert(ctx);

		error = X509_STORE_CTX_get_error(ctx);
		failed = error == X509_V_ERR_OUT_OF_MEM;
		if (verified == 1)
			judge_chain(X509_STORE_CTX_get0_chain(ctx), use, &chain);
		else
			refuse(&chain, current ? current : certificate->x509, "%s",
			       X509_verify_cert_error_string(error));
	}
	X509_STORE_CTX_free(ctx);
	sk_X509_free(others);
	ERR_clear_error();
	if (failed)
		return error_memory(err, NULL);
	*out = chain;
	return 0;
}
