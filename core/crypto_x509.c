/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_x509.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/own.h"

/* NULL if der is no certificate, or more than one. */
static X509 *certificate_read(struct bytes der)
{
	const unsigned char *at = der.data;
	X509 *certificate;

	if (der.size == 0 || der.size > LONG_MAX)
		return NULL;
	certificate = d2i_X509(NULL, &at, (long)der.size);
	ERR_clear_error();
	if (certificate && at != der.data + der.size) {
		X509_free(certificate);
		return NULL;
	}
	return certificate;
}

static bool subject_append(struct buf *out, const X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long size;
	bool done = false;

	if (bio &&
	    X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
			       XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
		size = BIO_get_mem_data(bio, &text);
		done = size >= 0;
		if (size > 0)
			buf_append(out, bytes_of(text, (size_t)size));
	}
	BIO_free(bio);
	ERR_clear_error();
	return done;
}

bool x509_subject_append(struct buf *out, struct bytes der)
{
	X509 *certificate = certificate_read(der);
	bool done = certificate && subject_append(out, certificate);

	X509_free(certificate);
	return done;
}

/* The last common name as UTF-8; false if there is none. */
static bool common_name_append(struct buf *out, const X509 *certificate)
{
	const X509_NAME *name = X509_get_subject_name(certificate);
	int last = -1, next;
	unsigned char *text = NULL;
	int size;

	while ((next = X509_NAME_get_index_by_NID(name, NID_commonName, last)) >= 0)
		last = next;
	if (last < 0)
		return false;
	size = ASN1_STRING_to_UTF8(&text,
				   X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
	if (size > 0)
		buf_append(out, bytes_of(text, (size_t)size));
	OPENSSL_free(text);
	ERR_clear_error();
	return size > 0;
}

bool x509_common_name_append(struct buf *out, struct bytes der)
{
	X509 *certificate = certificate_read(der);
	bool done = certificate &&
		    (common_name_append(out, certificate) || subject_append(out, certificate));

	X509_free(certificate);
	return done;
}

bool x509_tbs_append(struct buf *out, struct bytes der)
{
	X509 *certificate = certificate_read(der);
	unsigned char *tbs = NULL;
	int size = certificate ? i2d_re_X509_tbs(certificate, &tbs) : -1;

	if (size > 0)
		buf_append(out, bytes_of(tbs, (size_t)size));
	OPENSSL_free(tbs);
	X509_free(certificate);
	ERR_clear_error();
	return size > 0;
}

bool x509_has_key_usage(struct bytes der, const char *oid)
{
	X509 *certificate = certificate_read(der);
	EXTENDED_KEY_USAGE *usages = NULL;
	char text[128];
	bool has = false;

	if (certificate)
		usages = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
	for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++)
		has = has ||
		      (OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(usages, i), 1) > 0 &&
		       strcmp(text, oid) == 0);
	EXTENDED_KEY_USAGE_free(usages);
	X509_free(certificate);
	ERR_clear_error();
	return has;
}

bool x509_key_id_append(struct buf *out, struct bytes der)
{
	X509 *certificate = certificate_read(der);
	const ASN1_OCTET_STRING *id = certificate ? X509_get0_subject_key_id(certificate) : NULL;

	if (id)
		buf_append(out,
			   bytes_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)));
	X509_free(certificate);
	ERR_clear_error();
	return id != NULL;
}

static struct bytes without_zeros(struct bytes number)
{
	while (number.size && number.data[0] == 0)
		number = bytes_of(number.data + 1, number.size - 1);
	return number;
}

bool x509_is_numbered(struct bytes der, struct bytes issuer, struct bytes serial)
{
	X509 *certificate = certificate_read(der);
	unsigned char *name = NULL;
	int size = certificate ? i2d_X509_NAME(X509_get_issuer_name(certificate), &name) : 0;
	bool same = false;

	if (size > 0) {
		const ASN1_INTEGER *number = X509_get0_serialNumber(certificate);
		struct bytes bytes =
			bytes_of(ASN1_STRING_get0_data(number), (size_t)ASN1_STRING_length(number));

		same = bytes_equal(bytes_of(name, (size_t)size), issuer) &&
		       bytes_equal(without_zeros(bytes), without_zeros(serial)) &&
		       ASN1_STRING_type(number) == V_ASN1_INTEGER;
	}
	OPENSSL_free(name);
	X509_free(certificate);
	ERR_clear_error();
	return same;
}

static bool name_append(struct buf *out, const X509_NAME *name)
{
	unsigned char *der = NULL;
	int size = i2d_X509_NAME(name, &der);

	if (size > 0)
		buf_append(out, bytes_of(der, (size_t)size));
	OPENSSL_free(der);
	return size > 0 && !out->failed;
}

static bool string_append(struct buf *out, const ASN1_STRING *string)
{
	buf_append(out,
		   bytes_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)));
	return !out->failed;
}

bool x509_number_append(struct buf *issuer, struct buf *serial, struct bytes der)
{
	X509 *certificate = certificate_read(der);
	bool done = certificate && name_append(issuer, X509_get_issuer_name(certificate)) &&
		    string_append(serial, X509_get0_serialNumber(certificate));

	X509_free(certificate);
	ERR_clear_error();
	return done;
}

void x509_authority_clear(struct x509_authority *authority)
{
	buf_clear(&authority->key_id);
	buf_clear(&authority->issuer);
	buf_clear(&authority->serial);
}

/* Issuer and number, where it has both and the issuer is a Name. */
static bool authority_number(X509 *certificate, struct x509_authority *out)
{
	const GENERAL_NAMES *names = X509_get0_authority_issuer(certificate);
	const ASN1_INTEGER *serial = X509_get0_authority_serial(certificate);

	for (int i = 0; serial && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DIRNAME)
			return name_append(&out->issuer, name->d.directoryName) &&
			       string_append(&out->serial, serial);
	}
	return true;
}

bool x509_authority_read(struct bytes der, struct x509_authority *out)
{
	X509 *certificate = certificate_read(der);
	const ASN1_OCTET_STRING *id = certificate ? X509_get0_authority_key_id(certificate) : NULL;
	bool done = certificate && (!id || string_append(&out->key_id, id)) &&
		    authority_number(certificate, out);

	X509_free(certificate);
	ERR_clear_error();
	return done;
}

bool x509_is_self_issued(struct bytes der)
{
	AUTO(buf_clear) struct buf subject = BUF_INIT;
	AUTO(buf_clear) struct buf issuer = BUF_INIT;
	X509 *certificate = certificate_read(der);
	bool same = certificate && name_append(&subject, X509_get_subject_name(certificate)) &&
		    name_append(&issuer, X509_get_issuer_name(certificate)) &&
		    bytes_equal(buf_bytes(&subject), buf_bytes(&issuer));

	X509_free(certificate);
	ERR_clear_error();
	return same;
}

/* The hash of what is signed, as the certificate's algorithm says. False if that is none of those. */
static bool signed_digest(X509 *certificate, struct digest *out)
{
	/* clang-format off */
	static const struct {
		int nid;
		enum alg alg;
	} table[] = {
		{ NID_sha1, ALG_SHA1 },     { NID_sha224, ALG_SHA224 }, { NID_sha256, ALG_SHA256 },
		{ NID_sha384, ALG_SHA384 }, { NID_sha512, ALG_SHA512 },
	};
	/* clang-format on */
	unsigned char *tbs = NULL;
	int md = NID_undef, size;
	bool done = false;

	if (!OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &md, NULL))
		return false;
	size = i2d_re_X509_tbs(certificate, &tbs);
	for (size_t i = 0; i < ARRAY_SIZE(table) && size > 0; i++)
		if (table[i].nid == md) {
			out->alg = table[i].alg;
			out->size = (uint8_t)alg_size(out->alg);
			done = EVP_Q_digest(NULL, OBJ_nid2sn(md), NULL, tbs, (size_t)size,
					    out->value, NULL) == 1;
		}
	OPENSSL_free(tbs);
	return done;
}

int x509_is_signed_by(struct bytes der, const struct public_key *key, struct error *err)
{
	X509 *certificate = certificate_read(der);
	const ASN1_BIT_STRING *signature = NULL;
	struct digest digest = { 0 };
	int holds = -1;

	if (!certificate || !signed_digest(certificate, &digest)) {
		error_set(err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
			  "RFC 5280, 4.1.1.2: a certificate signed in a way that is not checked");
	} else {
		X509_get0_signature(&signature, NULL, certificate);
		holds = public_key_verify(key,
					  public_key_type(key) == KEY_EC ? SIGNATURE_ECDSA
									 : SIGNATURE_RSASSA,
					  &digest,
					  bytes_of(ASN1_STRING_get0_data(signature),
						   (size_t)ASN1_STRING_length(signature)),
					  err);
	}
	X509_free(certificate);
	ERR_clear_error();
	return holds;
}
