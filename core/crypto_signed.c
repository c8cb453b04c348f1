/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_signed.h"

#include <limits.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

/* Signed attributes: real signatures have three or four. */
#define ATTRIBUTES_MAX 64

struct signed_data {
	CMS_ContentInfo *cms;
	CMS_SignerInfo *signer; /* in cms */
	STACK_OF(X509) * certificates;
	enum alg alg;
	struct bytes key_id; /* in cms */
	struct bytes serial; /* in cms */
	struct buf issuer, attributes;
};

void signed_data_free(struct signed_data *data)
{
	if (!data)
		return;
	sk_X509_pop_free(data->certificates, X509_free);
	CMS_ContentInfo_free(data->cms);
	buf_clear(&data->issuer);
	buf_clear(&data->attributes);
	free(data);
}

void signed_data_freep(struct signed_data **data)
{
	signed_data_free(*data);
}

static enum alg alg_of_identifier(const X509_ALGOR *identifier)
{
	/* clang-format off */
	static const struct {
		int nid;
		enum alg alg;
	} table[] = {
		{ NID_sha1, ALG_SHA1 },         { NID_sha224, ALG_SHA224 },     { NID_sha256, ALG_SHA256 },
		{ NID_sha384, ALG_SHA384 },     { NID_sha512, ALG_SHA512 },     { NID_sm3, ALG_SM3_256 },
		{ NID_sha3_256, ALG_SHA3_256 }, { NID_sha3_512, ALG_SHA3_512 }, { NID_md5, ALG_MD5 },
	};
	/* clang-format on */
	const ASN1_OBJECT *oid = NULL;
	int nid;

	X509_ALGOR_get0(&oid, NULL, NULL, identifier);
	nid = OBJ_obj2nid(oid);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].nid == nid)
			return table[i].alg;
	return ALG_NONE;
}

static struct bytes bytes_of_asn1(const ASN1_STRING *string)
{
	return string ? bytes_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string))
		      : bytes_of(NULL, 0);
}

/* The header of a SET OF so many bytes. */
static void append_set(struct buf *out, size_t size)
{
	buf_append_u8(out, 0x31);
	if (size < 0x80) {
		buf_append_u8(out, (uint8_t)size);
	} else if (size <= 0xff) {
		buf_append_u8(out, 0x81);
		buf_append_u8(out, (uint8_t)size);
	} else if (size <= 0xffff) {
		buf_append_u8(out, 0x82);
		buf_append_be16(out, (uint16_t)size);
	} else {
		buf_append_u8(out, 0x84);
		buf_append_be32(out, (uint32_t)size);
	}
}

/* The attributes in the order they stand in, as a SET OF (RFC 5652, 5.4). */
static int read_attributes(struct signed_data *data, const char *source, uint64_t offset,
			   struct error *err)
{
	AUTO(buf_clear) struct buf all = BUF_INIT;
	int n = CMS_signed_get_attr_count(data->signer);

	if (n <= 0)
		return 0;
	if (n > ATTRIBUTES_MAX)
		return error_set(err, ERROR_LIMIT, source, offset,
				 "RFC 5652, 5.3: %d signed attributes, at most %d", n,
				 ATTRIBUTES_MAX);
	for (int i = 0; i < n; i++) {
		X509_ATTRIBUTE *attribute = CMS_signed_get_attr(data->signer, i);
		unsigned char *der = NULL;
		int size = i2d_X509_ATTRIBUTE(attribute, &der);

		if (size > 0)
			buf_append(&all, bytes_of(der, (size_t)size));
		OPENSSL_free(der);
		if (size <= 0)
			return error_memory(err, source);
	}
	append_set(&data->attributes, all.size);
	buf_append(&data->attributes, buf_bytes(&all));
	return buf_finish(&all, err) < 0 || buf_finish(&data->attributes, err) < 0 ? -1 : 0;
}

static int read_signer(struct signed_data *data, const char *source, uint64_t offset,
		       struct error *err)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(data->cms);
	ASN1_OCTET_STRING *key_id = NULL;
	ASN1_INTEGER *serial = NULL;
	X509_NAME *issuer = NULL;
	X509_ALGOR *digest_alg = NULL;
	int n = sk_CMS_SignerInfo_num(signers);

	if (n != 1)
		return error_set(err, ERROR_UNSUPPORTED, source, offset,
				 "RFC 5652, 5.1: %d signers; the kernel reads the digest of one",
				 n > 0 ? n : 0);
	data->signer = sk_CMS_SignerInfo_value(signers, 0);
	CMS_SignerInfo_get0_algs(data->signer, NULL, NULL, &digest_alg, NULL);
	data->alg = digest_alg ? alg_of_identifier(digest_alg) : ALG_NONE;
	if (CMS_SignerInfo_get0_signer_id(data->signer, &key_id, &issuer, &serial) != 1)
		return error_set(err, ERROR_MALFORMED, source, offset,
				 "RFC 5652, 5.3: a signer without an identifier");
	data->key_id = bytes_of_asn1(key_id);
	data->serial = bytes_of_asn1(serial);
	if (issuer) {
		unsigned char *der = NULL;
		int size = i2d_X509_NAME(issuer, &der);

		if (size > 0)
			buf_append(&data->issuer, bytes_of(der, (size_t)size));
		OPENSSL_free(der);
		if (size <= 0 || buf_finish(&data->issuer, err) < 0)
			return error_memory(err, source);
	}
	return read_attributes(data, source, offset, err);
}

int signed_data_parse(struct bytes der, const char *source, uint64_t offset,
		      struct signed_data **out, struct error *err)
{
	AUTO(signed_data_freep) struct signed_data *data = calloc(1, sizeof(*data));
	const unsigned char *at = der.data;
	ASN1_OCTET_STRING **content;
	int status;

	if (!data)
		return error_memory(err, source);
	if (der.size && der.size <= LONG_MAX)
		data->cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.size);
	ERR_clear_error();
	if (!data->cms || OBJ_obj2nid(CMS_get0_type(data->cms)) != NID_pkcs7_signed)
		return error_set(err, ERROR_MALFORMED, source, offset,
				 "RFC 5652, 5.1: no SignedData in a PKCS #7 ContentInfo");
	if (at != der.data + der.size)
		return error_set(err, ERROR_MALFORMED, source, offset + (uint64_t)(at - der.data),
				 "RFC 5652, 5.1: %zu bytes after the SignedData",
				 der.size - (size_t)(at - der.data));
	content = CMS_get0_content(data->cms);
	if (content && *content)
		return error_set(err, ERROR_MALFORMED, source, offset,
				 "RFC 5652, 5.2: content in a signature over content kept apart");
	data->certificates = CMS_get1_certs(data->cms); /* NULL: none */
	status = read_signer(data, source, offset, err);
	ERR_clear_error();
	if (status < 0)
		return -1;
	*out = TAKE(data);
	return 0;
}

enum alg signed_data_alg(const struct signed_data *data)
{
	return data->alg;
}

struct bytes signed_data_key_id(const struct signed_data *data)
{
	return data->key_id;
}

struct bytes signed_data_issuer(const struct signed_data *data)
{
	return buf_bytes(&data->issuer);
}

struct bytes signed_data_serial(const struct signed_data *data)
{
	return data->serial;
}

size_t signed_data_n_certificates(const struct signed_data *data)
{
	int n = sk_X509_num(data->certificates);

	return n > 0 ? (size_t)n : 0;
}

int signed_data_certificate(const struct signed_data *data, size_t i, struct buf *out,
			    struct error *err)
{
	unsigned char *der = NULL;
	int size = i2d_X509(sk_X509_value(data->certificates, (int)i), &der);

	if (size > 0)
		buf_append(out, bytes_of(der, (size_t)size));
	OPENSSL_free(der);
	return size <= 0 || out->failed ? error_memory(err, NULL) : 0;
}

struct bytes signed_data_attributes(const struct signed_data *data)
{
	return buf_bytes(&data->attributes);
}

int signed_data_verify(const struct signed_data *data, const struct public_key *key,
		       const struct digest *digest, struct error *err)
{
	struct bytes signature = bytes_of_asn1(CMS_SignerInfo_get0_signature(data->signer));

	return public_key_verify(key,
				 public_key_type(key) == KEY_EC ? SIGNATURE_ECDSA
								: SIGNATURE_RSASSA,
				 digest, signature, err);
}
