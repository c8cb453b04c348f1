/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_x509.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

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
