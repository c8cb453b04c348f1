/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates out of files. Chains are in crypto_trust.c. */
#include "core/crypto_certificate.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "core/crypto_certificate_internal.h"
#include "core/crypto_key.h"
#include "core/reader.h"
#include "core/text.h"

/* Libcrypto counts in int; a system's whole CA bundle is a quarter of a MiB. */
#define INPUT_MAX ((size_t)64 << 20)

/* TCG_PCCLIENT_STORED_CERT and TCG_FULL_CERT, certType 0: a full certificate. */
#define STORED_CERT 0x1001
#define FULL_CERT   0x1002

void pile_clear(struct pile *pile)
{
	sk_X509_pop_free(pile->certificates, X509_free);
	sk_X509_CRL_pop_free(pile->lists, X509_CRL_free);
	memset(pile, 0, sizeof(*pile));
}

int pile_init(struct pile *pile, struct error *err)
{
	pile->certificates = sk_X509_new_null();
	pile->lists = sk_X509_CRL_new_null();
	if (pile->certificates && pile->lists)
		return 0;
	pile_clear(pile);
	return error_memory(err, NULL);
}

/* Both take ownership, also when they fail. NULL: there was none. */
static int keep_certificate(struct pile *pile, X509 *certificate, const char *source,
			    struct error *err)
{
	if ((size_t)sk_X509_num(pile->certificates) == pile->max) {
		X509_free(certificate);
		return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
				 "more than %zu certificates", pile->max);
	}
	if (sk_X509_push(pile->certificates, certificate) > 0)
		return 0;
	X509_free(certificate);
	return error_memory(err, source);
}

static int keep_list(struct pile *pile, X509_CRL *list, const char *source, struct error *err)
{
	if ((size_t)sk_X509_CRL_num(pile->lists) == pile->max) {
		X509_CRL_free(list);
		return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
				 "more than %zu revocation lists", pile->max);
	}
	if (sk_X509_CRL_push(pile->lists, list) > 0)
		return 0;
	X509_CRL_free(list);
	return error_memory(err, source);
}

/* One certificate or revocation list at *at, which moves behind it. */
static int add_der(struct pile *pile, const uint8_t **at, size_t size, const char *source,
		   uint64_t offset, struct error *err)
{
	const unsigned char *p = *at;
	X509 *certificate = d2i_X509(NULL, &p, (long)size);
	X509_CRL *list = NULL;

	if (!certificate) {
		p = *at;
		list = d2i_X509_CRL(NULL, &p, (long)size);
	}
	ERR_clear_error();
	if (!certificate && !list)
		return error_set(err, ERROR_MALFORMED, source, offset,
				 "not the DER of an X.509 certificate");
	*at = p;
	return certificate ? keep_certificate(pile, certificate, source, err)
			   : keep_list(pile, list, source, err);
}

/* What NV indexes are filled up with, and the newline behind certificates that AMD publishes. */
static bool is_padding(struct bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		if (bytes.data[i] != 0x00 && bytes.data[i] != 0xff && bytes.data[i] != '\n' &&
		    bytes.data[i] != '\r')
			return false;
	return true;
}

static int add_ders(struct pile *pile, struct bytes der, const char *source, uint64_t base,
		    struct error *err)
{
	const uint8_t *at = der.data, *end = der.data + der.size;

	do {
		if (add_der(pile, &at, (size_t)(end - at), source, base + (uint64_t)(at - der.data),
			    err) < 0)
			return -1;
	} while (at < end && *at == 0x30);
	if (!is_padding(bytes_of(at, (size_t)(end - at))))
		return error_set(err, ERROR_MALFORMED, source, base + (uint64_t)(at - der.data),
				 "%zu bytes after the certificate, which are no padding",
				 (size_t)(end - at));
	return 0;
}

/* A TPM 1.2 stores: tag 0x1001, type, size, and in so many bytes tag 0x1002 and the certificate. */
static int add_stored(struct pile *pile, struct bytes input, const char *source, struct error *err)
{
	struct reader in = reader_of(input, 0, source), inner;
	struct bytes der;
	uint8_t type;
	size_t size;

	reader_be16(&in);
	type = reader_u8(&in);
	size = reader_be16(&in);
	inner = reader_part(&in, size);
	if (reader_check(&in, err) < 0)
		return -1;
	if (type != 0)
		return error_set(err, ERROR_UNSUPPORTED, source, 2,
				 "certType %u: not a full certificate", type);
	if (size > 2 && inner.data[0] == FULL_CERT >> 8 && inner.data[1] == (FULL_CERT & 0xff))
		reader_skip(&inner, 2);
	der = bytes_of(inner.data + inner.pos, reader_left(&inner));
	if (!is_padding(bytes_of(in.data + in.pos, reader_left(&in))))
		return error_set(err, ERROR_MALFORMED, source, reader_offset(&in),
				 "%zu bytes after the stored certificate, which are no padding",
				 reader_left(&in));
	return add_ders(pile, der, source, reader_offset(&inner), err);
}

/* One PEM block's contents: all of one certificate or list. */
static int add_block(struct pile *pile, const char *name, struct bytes der, const char *source,
		     struct error *err)
{
	const uint8_t *at = der.data;

	if (strcmp(name, PEM_STRING_X509) != 0 && strcmp(name, PEM_STRING_X509_OLD) != 0 &&
	    strcmp(name, PEM_STRING_X509_CRL) != 0)
		return error_set(err, ERROR_MALFORMED, source, ERROR_NO_OFFSET,
				 "PEM block %.40s: certificates are wanted", name);
	if (der.size == 0 || add_der(pile, &at, der.size, source, ERROR_NO_OFFSET, err) < 0 ||
	    at != der.data + der.size)
		return error_set(err, err && err->code ? err->code : ERROR_MALFORMED, source,
				 ERROR_NO_OFFSET, "PEM block %s: its contents are not one", name);
	return 0;
}

static int add_pem(struct pile *pile, struct bytes text, const char *source, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
	int status = bio ? 0 : error_memory(err, source);
	bool any = false;

	while (status == 0) {
		char *name = NULL, *header = NULL;
		unsigned char *data = NULL;
		long size = 0;

		if (PEM_read_bio(bio, &name, &header, &data, &size) != 1) {
			int reason = ERR_GET_REASON(ERR_peek_last_error());

			ERR_clear_error();
			if (!any || reason != PEM_R_NO_START_LINE)
				status = error_set(err, ERROR_MALFORMED, source, ERROR_NO_OFFSET,
						   "a PEM block that is not whole");
			break;
		}
		any = true;
		status = add_block(pile, name, bytes_of(data, (size_t)size), source, err);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(data);
	}
	BIO_free(bio);
	return status;
}

static bool contains(struct bytes haystack, const char *needle)
{
	size_t n = strlen(needle);

	for (size_t i = 0; n <= haystack.size && i <= haystack.size - n; i++)
		if (memcmp(haystack.data + i, needle, n) == 0)
			return true;
	return false;
}

int pile_add(struct pile *pile, struct bytes input, const char *source, struct error *err)
{
	if (input.size > INPUT_MAX)
		return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
				 "%zu bytes of certificates, at most %zu", input.size, INPUT_MAX);
	if (input.size > 5 && input.data[0] == STORED_CERT >> 8 &&
	    input.data[1] == (STORED_CERT & 0xff))
		return add_stored(pile, input, source, err);
	if (input.size && input.data[0] == 0x30)
		return add_ders(pile, input, source, 0, err);
	if (contains(input, "-----BEGIN "))
		return add_pem(pile, input, source, err);
	return error_set(err, ERROR_MALFORMED, source, 0, "no certificate: neither DER nor PEM");
}

/* --- certificates --------------------------------------------------------------------------------- */

static void certificate_free(struct certificate *certificate)
{
	if (!certificate)
		return;
	X509_free(certificate->x509);
	public_key_free(certificate->key);
	free(certificate);
}

/* The key, if it is one that we know; only memory that ran out is an error. */
static int read_key(struct certificate *certificate, struct error *err)
{
	unsigned char *der = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate->x509), &der);
	struct error problem = { 0 };
	int status = 0;

	ERR_clear_error();
	if (size > 0 &&
	    public_key_parse_der(bytes_of(der, (size_t)size), NULL, &certificate->key, &problem) <
		    0 &&
	    problem.code == ERROR_SYSTEM) {
		if (err)
			*err = problem;
		status = -1;
	}
	OPENSSL_free(der);
	return status;
}

static int certificate_of(X509 *x509, struct certificate **out, struct error *err)
{
	struct certificate *certificate = calloc(1, sizeof(*certificate));

	if (!certificate || X509_up_ref(x509) != 1) {
		free(certificate);
		return error_memory(err, NULL);
	}
	certificate->x509 = x509;
	if (read_key(certificate, err) < 0) {
		certificate_free(certificate);
		return -1;
	}
	*out = certificate;
	return 0;
}

void certificate_list_clear(struct certificate_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		certificate_free(list->items[i]);
	free(list->items);
	memset(list, 0, sizeof(*list));
}

int certificates_parse(struct bytes input, const char *source, size_t max,
		       struct certificate_list *out, struct error *err)
{
	AUTO(pile_clear) struct pile pile = { .max = max };
	AUTO(certificate_list_clear) struct certificate_list list = { 0 };
	struct error problem = { 0 };
	size_t n;

	if (pile_init(&pile, &problem) < 0 || pile_add(&pile, input, source, &problem) < 0) {
		if (err)
			*err = problem;
		return -1;
	}
	n = (size_t)sk_X509_num(pile.certificates);
	list.n_lists = (size_t)sk_X509_CRL_num(pile.lists);
	list.items = calloc(n + 1, sizeof(*list.items));
	if (!list.items)
		return error_memory(err, source);
	for (; list.n < n; list.n++)
		if (certificate_of(sk_X509_value(pile.certificates, (int)list.n),
				   &list.items[list.n], err) < 0)
			return -1;
	if (list.n == 0)
		return error_set(err, ERROR_MALFORMED, source, 0,
				 "no certificate, only revocation lists");
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

const struct public_key *certificate_key(const struct certificate *certificate)
{
	return certificate->key;
}

/* One line of UTF-8, not escaped, cut at CERTIFICATE_NAME_SIZE bytes. */
static void name_append(struct buf *out, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long size;

	if (bio &&
	    X509_NAME_print_ex(bio, name, 0,
			       XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
		size = BIO_get_mem_data(bio, &text);
		if (size > 0)
			buf_append(out, bytes_of(text, size < CERTIFICATE_NAME_SIZE
							       ? (size_t)size
							       : CERTIFICATE_NAME_SIZE));
	}
	BIO_free(bio);
	ERR_clear_error();
}

char *x509_name(const X509 *x509, char out[CERTIFICATE_NAME_SIZE])
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	if (X509_NAME_entry_count(X509_get_subject_name(x509)) > 0) {
		name_append(&text, X509_get_subject_name(x509));
	} else {
		const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);

		buf_append_string(&text, "serial ");
		buf_append_hex(&text, bytes_of(ASN1_STRING_get0_data(serial),
					       (size_t)ASN1_STRING_length(serial)));
		buf_append_string(&text, " of ");
		name_append(&text, X509_get_issuer_name(x509));
	}
	return text_escape(out, CERTIFICATE_NAME_SIZE, buf_bytes(&text));
}

char *certificate_name(const struct certificate *certificate, char out[CERTIFICATE_NAME_SIZE])
{
	return x509_name(certificate->x509, out);
}
