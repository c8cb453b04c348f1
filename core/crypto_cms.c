/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_cms.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/reader.h"

/* Certificates in a signature; real ones have one to four, and chains are built among them. */
#define CERTIFICATES_MAX 64
#define SIGNERS_MAX      16

struct authenticode {
	PKCS7 *pkcs7;
	struct bytes content; /* of SpcIndirectDataContent, without tag and length; in pkcs7 */
	struct digest digest;
	struct bytes certificates[CERTIFICATES_MAX]; /* owned */
	size_t n_certificates;
	X509 *signer_certificates[SIGNERS_MAX]; /* in pkcs7; NULL: not included */
	struct bytes signers[SIGNERS_MAX];      /* owned */
	size_t n_signers;
	int holds; /* as authenticode_verify; -1: not asked yet */
};

/* szOID "SPC_INDIRECT_DATA", 1.3.6.1.4.1.311.2.1.4 */
static const uint8_t indirect_data_oid[] = { 0x2b, 0x06, 0x01, 0x04, 0x01,
					     0x82, 0x37, 0x02, 0x01, 0x04 };

void authenticode_free(struct authenticode *signature)
{
	if (!signature)
		return;
	for (size_t i = 0; i < signature->n_certificates; i++)
		OPENSSL_free((void *)(uintptr_t)signature->certificates[i].data);
	for (size_t i = 0; i < signature->n_signers; i++)
		OPENSSL_free((void *)(uintptr_t)signature->signers[i].data);
	PKCS7_free(signature->pkcs7);
	free(signature);
}

void authenticode_freep(struct authenticode **signature)
{
	authenticode_free(*signature);
}

/* Whether libcrypto failed for want of memory; drains its errors. */
static bool out_of_memory(void)
{
	bool memory = false;
	unsigned long code;

	while ((code = ERR_get_error()))
		memory = memory || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
	return memory;
}

/* The header of a DER value: its contents, which *in passes over. False if it is not of the tag. */
static bool der_take(struct reader *in, uint8_t tag, struct bytes *contents)
{
	size_t size;

	if (reader_u8(in) != tag || in->ran_out)
		return false;
	size = reader_u8(in);
	if (size >= 0x80) {
		size_t n = size - 0x80;

		if (n == 0 || n > 4)
			return false;
		for (size = 0; n; n--)
			size = size << 8 | reader_u8(in);
	}
	*contents = reader_bytes(in, size);
	return !in->ran_out;
}

/* Algorithms by their OID's contents. */
static enum alg alg_of_oid(struct bytes oid)
{
	static const struct {
		enum alg alg;
		const char *oid;
	} table[] = {
		{ALG_SHA1,    "\x2b\x0e\x03\x02\x1a"                },
		{ ALG_SHA256, "\x60\x86\x48\x01\x65\x03\x04\x02\x01"},
		{ ALG_SHA384, "\x60\x86\x48\x01\x65\x03\x04\x02\x02"},
		{ ALG_SHA512, "\x60\x86\x48\x01\x65\x03\x04\x02\x03"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (bytes_equal_string(oid, table[i].oid))
			return table[i].alg;
	return ALG_NONE;
}

/* SpcIndirectDataContent: SEQUENCE { data, messageDigest SEQUENCE { SEQUENCE { oid, .. }, OCTET STRING } } */
static void read_digest(struct authenticode *signature)
{
	struct reader in = reader_of(signature->content, 0, NULL);
	struct bytes data, info, algorithm, oid, value;

	signature->digest = (struct digest){ .alg = ALG_NONE };
	if (!der_take(&in, 0x30, &data) || !der_take(&in, 0x30, &info))
		return;
	in = reader_of(info, 0, NULL);
	if (!der_take(&in, 0x30, &algorithm) || !der_take(&in, 0x04, &value))
		return;
	in = reader_of(algorithm, 0, NULL);
	if (!der_take(&in, 0x06, &oid))
		return;
	(void)digest_init(&signature->digest, alg_of_oid(oid), value);
}

/* The content, if it is of the right type and has the length it says. */
static bool read_content(struct authenticode *signature)
{
	const PKCS7 *contents = signature->pkcs7->d.sign->contents;
	const ASN1_TYPE *other;
	struct reader in;

	if (!contents || !contents->type ||
	    !bytes_equal(bytes_of(OBJ_get0_data(contents->type), OBJ_length(contents->type)),
			 bytes_of(indirect_data_oid, sizeof(indirect_data_oid))))
		return false;
	other = contents->d.other;
	if (!other || other->type != V_ASN1_SEQUENCE || !other->value.sequence)
		return false;
	in = reader_of(bytes_of(other->value.sequence->data, (size_t)other->value.sequence->length),
		       0, NULL);
	return der_take(&in, 0x30, &signature->content);
}

/* The DER of a certificate, owned by the caller; empty, and false, when it cannot be made. */
static bool certificate_der(X509 *certificate, struct bytes *out)
{
	unsigned char *der = NULL;
	int size = i2d_X509(certificate, &der);

	*out = bytes_of(der, size > 0 ? (size_t)size : 0);
	return size > 0;
}

static int read_certificates(struct authenticode *signature, const char *source, uint64_t offset,
			     struct error *err)
{
	STACK_OF(X509) *certificates = signature->pkcs7->d.sign->cert;
	STACK_OF(PKCS7_SIGNER_INFO) *infos = PKCS7_get_signer_info(signature->pkcs7);
	int n = sk_X509_num(certificates), n_infos = sk_PKCS7_SIGNER_INFO_num(infos);

	if (n > CERTIFICATES_MAX || n_infos > SIGNERS_MAX)
		return error_set(err, ERROR_LIMIT, source, offset,
				 "PKCS #7: %d certificates and %d signers, at most %d and %d", n,
				 n_infos, CERTIFICATES_MAX, SIGNERS_MAX);
	for (int i = 0; i < n; i++)
		if (certificate_der(sk_X509_value(certificates, i),
				    &signature->certificates[signature->n_certificates]))
			signature->n_certificates++;
	for (int i = 0; i < n_infos; i++) {
		PKCS7_ISSUER_AND_SERIAL *id =
			sk_PKCS7_SIGNER_INFO_value(infos, i)->issuer_and_serial;
		X509 *signer = X509_find_by_issuer_and_serial(certificates, id->issuer, id->serial);

		signature->signer_certificates[i] = signer;
		if (signer && !certificate_der(signer, &signature->signers[i]))
			return error_memory(err, source);
		signature->n_signers++;
	}
	if (out_of_memory())
		return error_memory(err, source);
	return 0;
}

int authenticode_parse(struct bytes der, const char *source, uint64_t offset,
		       struct authenticode **out, struct error *err)
{
	AUTO(authenticode_freep) struct authenticode *signature = calloc(1, sizeof(*signature));
	const unsigned char *at = der.data;

	if (!signature)
		return error_memory(err, source);
	signature->holds = -1;
	if (der.size <= LONG_MAX)
		signature->pkcs7 = d2i_PKCS7(NULL, &at, (long)der.size);
	if (!signature->pkcs7 || !PKCS7_type_is_signed(signature->pkcs7) ||
	    !signature->pkcs7->d.sign) {
		if (out_of_memory())
			return error_memory(err, source);
		return error_set(err, ERROR_MALFORMED, source, offset,
				 "Authenticode: no PKCS #7 SignedData");
	}
	if (!read_content(signature))
		return error_set(err, ERROR_MALFORMED, source, offset,
				 "Authenticode: the signed content is no SpcIndirectDataContent");
	read_digest(signature);
	if (read_certificates(signature, source, offset, err) < 0)
		return -1;
	*out = TAKE(signature);
	return 0;
}

const struct digest *authenticode_digest(const struct authenticode *signature)
{
	return &signature->digest;
}

bool authenticode_covers(const struct authenticode *signature, const struct digest *image)
{
	struct bytes content = signature->content, digest = digest_bytes(image);

	return digest.size > 0 && content.size >= digest.size &&
	       memcmp(content.data + content.size - digest.size, digest.data, digest.size) == 0;
}

size_t authenticode_n_certificates(const struct authenticode *signature)
{
	return signature->n_certificates;
}

struct bytes authenticode_certificate(const struct authenticode *signature, size_t i)
{
	return i < signature->n_certificates ? signature->certificates[i] : bytes_of(NULL, 0);
}

size_t authenticode_n_signers(const struct authenticode *signature)
{
	return signature->n_signers;
}

struct bytes authenticode_signer(const struct authenticode *signature, size_t i)
{
	return i < signature->n_signers ? signature->signers[i] : bytes_of(NULL, 0);
}

/* Whether each signer's signature holds over what was read through the BIO, which hashed it. */
static bool signatures_hold(const struct authenticode *signature, BIO *hashed)
{
	STACK_OF(PKCS7_SIGNER_INFO) *infos = PKCS7_get_signer_info(signature->pkcs7);
	uint8_t block[4096];

	while (BIO_read(hashed, block, sizeof(block)) > 0)
		;
	for (size_t i = 0; i < signature->n_signers; i++)
		if (!signature->signer_certificates[i] ||
		    PKCS7_signatureVerify(hashed, signature->pkcs7,
					  sk_PKCS7_SIGNER_INFO_value(infos, (int)i),
					  signature->signer_certificates[i]) != 1)
			return false;
	return signature->n_signers > 0;
}

/* What PKCS7_verify does, which leaks its copy of the content where an algorithm is not known. */
int authenticode_verify(const struct authenticode *signature, struct error *err)
{
	BIO *content, *hashed;
	int holds;

	if (signature->content.size > INT_MAX)
		return 0;
	content = BIO_new_mem_buf(signature->content.data, (int)signature->content.size);
	if (!content)
		return error_memory(err, NULL);
	hashed = PKCS7_dataInit(signature->pkcs7, content);
	holds = hashed && signatures_hold(signature, hashed);
	BIO_free_all(hashed ? hashed : content); /* content is at the end of hashed */
	if (out_of_memory() && !holds)
		return error_memory(err, NULL);
	return holds;
}

/* 1 if a chain leads from the signer to what is in the store. */
static int chain_leads(const struct authenticode *signature, X509 *signer, X509_STORE *store,
		       struct error *err)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int leads = 0;

	if (!context ||
	    X509_STORE_CTX_init(context, store, signer, signature->pkcs7->d.sign->cert) != 1) {
		X509_STORE_CTX_free(context);
		return error_memory(err, NULL);
	}
	leads = X509_verify_cert(context) == 1;
	X509_STORE_CTX_free(context);
	if (out_of_memory() && !leads)
		return error_memory(err, NULL);
	return leads;
}

/* A store of one certificate, with EDK II's settings. NULL when memory ran out. */
static X509_STORE *store_of(X509 *anchor)
{
	X509_STORE *store = X509_STORE_new();

	if (store && X509_STORE_add_cert(store, anchor) == 1 &&
	    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME) ==
		    1 &&
	    X509_STORE_set_purpose(store, X509_PURPOSE_ANY) == 1)
		return store;
	X509_STORE_free(store);
	return NULL;
}

int authenticode_anchored(struct authenticode *signature, struct bytes anchor, struct error *err)
{
	const unsigned char *at = anchor.data;
	X509 *certificate;
	X509_STORE *store;
	int anchored = 1;

	if (signature->holds < 0)
		signature->holds = authenticode_verify(signature, err);
	if (signature->holds <= 0)
		return signature->holds;
	if (signature->n_signers == 0 || anchor.size == 0 || anchor.size > LONG_MAX)
		return 0;
	certificate = d2i_X509(NULL, &at, (long)anchor.size);
	if (!certificate)
		return out_of_memory() ? error_memory(err, NULL) : 0;
	store = store_of(certificate);
	if (!store)
		anchored = error_memory(err, NULL);
	for (size_t i = 0; i < signature->n_signers && anchored > 0; i++)
		anchored = signature->signer_certificates[i]
				   ? chain_leads(signature, signature->signer_certificates[i],
						 store, err)
				   : 0;
	X509_STORE_free(store);
	X509_free(certificate);
	return anchored;
}
