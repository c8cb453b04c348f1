/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_key.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

struct public_key {
	EVP_PKEY *pkey;
	enum key_type type;
	enum key_curve curve;
	unsigned bits;
	uint64_t exponent;
	char name[40];
};

static const struct curve_row {
	const char *name;  /* as reports say it */
	const char *group; /* as libcrypto says it */
	size_t size;
} curves[] = {
	[CURVE_P256] = {"P-256",  "prime256v1", 32},
	[CURVE_P384] = { "P-384", "secp384r1",  48},
	[CURVE_P521] = { "P-521", "secp521r1",  66},
};

/* Larger keys cost time and no TPM has them; libcrypto's own limit for verification is this too. */
#define RSA_BITS_MAX  16384
/* Far above any key or certificate with one; libcrypto wants an int. */
#define KEY_INPUT_MAX (1u << 20)

size_t key_curve_size(enum key_curve curve)
{
	return curve < CURVE_OTHER ? curves[curve].size : 0;
}

static int libcrypto_error(struct error *err, enum error_code code, const char *what)
{
	unsigned long number = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(number);

	if (ERR_GET_REASON(number) == ERR_R_MALLOC_FAILURE)
		code = ERROR_SYSTEM;
	ERR_clear_error();
	return error_set(err, code, NULL, ERROR_NO_OFFSET, "libcrypto: %s: %s", what,
			 reason ? reason : "no reason given");
}

static void pkey_freep(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void pkey_ctx_freep(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void bn_freep(BIGNUM **bn)
{
	BN_free(*bn);
}

static void describe_rsa(struct public_key *key)
{
	AUTO(bn_freep) BIGNUM *exponent = NULL;

	key->type = KEY_RSA;
	key->exponent = UINT64_MAX;
	if (EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
	    BN_num_bits(exponent) <= 63)
		key->exponent = BN_get_word(exponent);
	snprintf(key->name, sizeof(key->name), "RSA %u", key->bits);
}

static void describe_ec(struct public_key *key)
{
	char group[64] = "";

	key->type = KEY_EC;
	/* Explicit parameters have no group name, whatever they are equal to. */
	(void)EVP_PKEY_get_group_name(key->pkey, group, sizeof(group), NULL);
	for (enum key_curve curve = 0; curve < CURVE_OTHER; curve++)
		if (strcmp(group, curves[curve].group) == 0)
			key->curve = curve;
	snprintf(key->name, sizeof(key->name), "ECC %.32s",
		 key->curve != CURVE_OTHER ? curves[key->curve].name
		 : group[0]                ? group
					   : "of an unnamed curve");
}

/* Takes ownership of pkey, also on failure. */
static int key_of_pkey(EVP_PKEY *pkey, struct public_key **out, struct error *err)
{
	AUTO(public_key_freep) struct public_key *key = calloc(1, sizeof(*key));
	int bits = EVP_PKEY_get_bits(pkey);

	if (!key) {
		EVP_PKEY_free(pkey);
		return error_memory(err, NULL);
	}
	key->pkey = pkey;
	key->bits = bits > 0 ? (unsigned)bits : 0;
	key->curve = CURVE_OTHER;
	key->type = KEY_OTHER;
	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_RSA:
		describe_rsa(key);
		break;
	case EVP_PKEY_EC:
		describe_ec(key);
		break;
	default:
		snprintf(key->name, sizeof(key->name), "%.39s",
			 EVP_PKEY_get0_type_name(pkey) ? EVP_PKEY_get0_type_name(pkey)
						       : "of an unknown kind");
	}
	ERR_clear_error();
	*out = TAKE(key);
	return 0;
}

/* A key of libcrypto's type from parameters. */
static int key_of_params(const char *type, OSSL_PARAM *params, const char *what,
			 struct public_key **out, struct error *err)
{
	AUTO(pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1)
		return libcrypto_error(err, ERROR_SYSTEM, type);
	if (EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return libcrypto_error(err, ERROR_MALFORMED, what);
	return key_of_pkey(pkey, out, err);
}

static struct bytes without_leading_zeros(struct bytes number)
{
	while (number.size && number.data[0] == 0) {
		number.data++;
		number.size--;
	}
	return number;
}

/* OSSL_PARAM holds integers in the machine's byte order. */
static void native_of_big_endian(uint8_t *out, struct bytes number)
{
	for (size_t i = 0; i < number.size; i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		out[i] = number.data[number.size - 1 - i];
#else
		out[i] = number.data[i];
#endif
}

int public_key_new_rsa(struct bytes modulus, uint32_t exponent, struct public_key **out,
		       struct error *err)
{
	uint8_t native[RSA_BITS_MAX / 8];
	OSSL_PARAM params[3];

	modulus = without_leading_zeros(modulus);
	if (modulus.size == 0 || modulus.size > sizeof(native))
		return error_set(err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
				 "an RSA modulus of %zu bytes, from 1 to %zu are possible",
				 modulus.size, sizeof(native));
	native_of_big_endian(native, modulus);
	params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, native, modulus.size);
	params[1] = OSSL_PARAM_construct_uint32(OSSL_PKEY_PARAM_RSA_E, &exponent);
	params[2] = OSSL_PARAM_construct_end();
	return key_of_params("RSA", params, "RSA public key", out, err);
}

int public_key_new_ec(enum key_curve curve, struct bytes x, struct bytes y, struct public_key **out,
		      struct error *err)
{
	size_t size = key_curve_size(curve);
	uint8_t point[1 + 2 * 66] = { POINT_CONVERSION_UNCOMPRESSED };
	char group[16];
	OSSL_PARAM params[3];

	if (size == 0)
		return error_set(err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
				 "a curve that is none of P-256, P-384, P-521");
	x = without_leading_zeros(x);
	y = without_leading_zeros(y);
	if (x.size > size || y.size > size)
		return error_set(err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
				 "a coordinate of %zu bytes, at most %zu on %s",
				 x.size > size ? x.size : y.size, size, curves[curve].name);
	if (x.size)
		memcpy(point + 1 + size - x.size, x.data, x.size);
	if (y.size)
		memcpy(point + 1 + 2 * size - y.size, y.data, y.size);
	snprintf(group, sizeof(group), "%s", curves[curve].group);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size);
	params[2] = OSSL_PARAM_construct_end();
	return key_of_params("EC", params, "point of an elliptic curve", out, err);
}

static EVP_PKEY *spki_of_der(struct bytes der)
{
	const unsigned char *at = der.data;
	AUTO(pkey_freep) EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)der.size);

	return at == der.data + der.size ? TAKE(pkey) : NULL;
}

static EVP_PKEY *rsa_of_der(struct bytes der)
{
	const unsigned char *at = der.data;
	AUTO(pkey_freep) EVP_PKEY *pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)der.size);

	return at == der.data + der.size ? TAKE(pkey) : NULL;
}

static EVP_PKEY *certificate_key_of_der(struct bytes der)
{
	const unsigned char *at = der.data;
	X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
	EVP_PKEY *pkey = NULL;

	if (certificate && at == der.data + der.size)
		pkey = X509_get_pubkey(certificate);
	X509_free(certificate);
	return pkey;
}

static int too_large(size_t size, const char *source, struct error *err)
{
	return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
			 "%zu bytes, a public key or certificate has at most %u", size,
			 KEY_INPUT_MAX);
}

int public_key_parse_der(struct bytes der, const char *source, struct public_key **out,
			 struct error *err)
{
	EVP_PKEY *pkey;

	if (der.size > KEY_INPUT_MAX)
		return too_large(der.size, source, err);
	pkey = spki_of_der(der);
	if (!pkey)
		pkey = certificate_key_of_der(der);
	ERR_clear_error();
	if (!pkey)
		return error_set(err, ERROR_MALFORMED, source, 0,
				 "neither the DER of a SubjectPublicKeyInfo nor of a certificate");
	return key_of_pkey(pkey, out, err);
}

static const struct pem_row {
	const char *name;
	EVP_PKEY *(*key_of_der)(struct bytes der);
} pem_rows[] = {
	{"PUBLIC KEY",        spki_of_der           },
	{ "RSA PUBLIC KEY",   rsa_of_der            },
	{ "CERTIFICATE",      certificate_key_of_der},
	{ "X509 CERTIFICATE", certificate_key_of_der},
};

/* What PEM_read_bio gives for one block. */
struct pem_block {
	char *name;
	char *header;
	unsigned char *data;
	long size;
};

static void pem_block_clear(struct pem_block *block)
{
	OPENSSL_free(block->name);
	OPENSSL_free(block->header);
	OPENSSL_free(block->data);
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static int pem_second_block(BIO *bio, const char *source, struct error *err)
{
	AUTO(pem_block_clear) struct pem_block block = { 0 };
	bool more = PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.size) == 1;

	ERR_clear_error();
	if (more)
		return error_set(err, ERROR_MALFORMED, source, ERROR_NO_OFFSET,
				 "holds more than one PEM block; which key is meant?");
	return 0;
}

int public_key_parse_pem(struct bytes text, const char *source, struct public_key **out,
			 struct error *err)
{
	AUTO(bio_freep) BIO *bio = NULL;
	AUTO(pem_block_clear) struct pem_block block = { 0 };
	EVP_PKEY *pkey = NULL;
	const struct pem_row *row = NULL;

	if (text.size > KEY_INPUT_MAX)
		return too_large(text.size, source, err);
	bio = BIO_new_mem_buf(text.data, (int)text.size);
	if (!bio)
		return libcrypto_error(err, ERROR_SYSTEM, "PEM");
	if (PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.size) != 1) {
		ERR_clear_error();
		return error_set(err, ERROR_MALFORMED, source, 0, "no whole PEM block in it");
	}
	for (size_t i = 0; i < ARRAY_SIZE(pem_rows); i++)
		if (strcmp(block.name, pem_rows[i].name) == 0)
			row = &pem_rows[i];
	if (!row)
		return error_set(err, ERROR_MALFORMED, source, 0,
				 "PEM block %.40s: a public key or a certificate is wanted",
				 block.name);
	pkey = row->key_of_der(bytes_of(block.data, (size_t)block.size));
	ERR_clear_error();
	if (!pkey)
		return error_set(err, ERROR_MALFORMED, source, 0,
				 "PEM block %s: its contents are not one", row->name);
	if (pem_second_block(bio, source, err) < 0) {
		EVP_PKEY_free(pkey);
		return -1;
	}
	return key_of_pkey(pkey, out, err);
}

/* Where needle begins in text; NULL if nowhere. */
static const uint8_t *find(struct bytes text, const char *needle)
{
	size_t size = strlen(needle);

	for (size_t at = 0; at + size <= text.size; at++) {
		const uint8_t *first = memchr(text.data + at, needle[0], text.size - at - size + 1);

		if (!first)
			return NULL;
		if (memcmp(first, needle, size) == 0)
			return first;
		at = (size_t)(first - text.data);
	}
	return NULL;
}

int pem_next(struct bytes *text, const char *source, struct bytes *block, char *label,
	     struct buf *der, struct error *err)
{
	AUTO(bio_freep) BIO *bio = NULL;
	AUTO(pem_block_clear) struct pem_block pem = { 0 };
	const uint8_t *begin = find(*text, "-----BEGIN "), *end;
	struct bytes rest;

	if (!begin)
		return 0;
	rest = bytes_of(begin, text->size - (size_t)(begin - text->data));
	end = find(rest, "-----END ");
	if (end)
		end = memchr(end, '\n', rest.size - (size_t)(end - begin));
	*block = end ? bytes_of(begin, (size_t)(end - begin) + 1) : rest;
	if (block->size > KEY_INPUT_MAX)
		return too_large(block->size, source, err);
	bio = BIO_new_mem_buf(block->data, (int)block->size);
	if (!bio)
		return libcrypto_error(err, ERROR_SYSTEM, "PEM");
	if (PEM_read_bio(bio, &pem.name, &pem.header, &pem.data, &pem.size) != 1) {
		ERR_clear_error();
		return error_set(err, ERROR_MALFORMED, source, (uint64_t)(begin - text->data),
				 "a PEM block that is not whole");
	}
	snprintf(label, PEM_LABEL_SIZE, "%s", pem.name);
	buf_append(der, bytes_of(pem.data, (size_t)pem.size));
	*text = bytes_of(block->data + block->size, rest.size - block->size);
	return 1;
}

void public_key_free(struct public_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

void public_key_freep(struct public_key **key)
{
	public_key_free(*key);
}

enum key_type public_key_type(const struct public_key *key)
{
	return key->type;
}

unsigned public_key_bits(const struct public_key *key)
{
	return key->bits;
}

enum key_curve public_key_curve(const struct public_key *key)
{
	return key->curve;
}

uint64_t public_key_exponent(const struct public_key *key)
{
	return key->exponent;
}

const char *public_key_name(const struct public_key *key)
{
	return key->name;
}

int public_key_id(const struct public_key *key, uint8_t out[KEY_ID_SIZE], struct error *err)
{
	X509_PUBKEY *info = NULL;
	const unsigned char *bits;
	int size;
	bool done = X509_PUBKEY_set(&info, key->pkey) == 1 &&
		    X509_PUBKEY_get0_param(NULL, &bits, &size, NULL, info) == 1 && size >= 0 &&
		    EVP_Q_digest(NULL, "SHA1", NULL, bits, (size_t)size, out, NULL) == 1;

	X509_PUBKEY_free(info);
	return done ? 0 : libcrypto_error(err, ERROR_UNSUPPORTED, key->name);
}

int public_key_append(const struct public_key *key, struct buf *out, struct error *err)
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key->pkey, &der);

	if (size > 0)
		buf_append(out, bytes_of(der, (size_t)size));
	OPENSSL_free(der);
	if (size <= 0)
		return libcrypto_error(err, ERROR_UNSUPPORTED, key->name);
	return out->failed ? error_memory(err, NULL) : 0;
}

bool public_key_equal(const struct public_key *a, const struct public_key *b)
{
	bool equal = a->type == b->type && EVP_PKEY_eq(a->pkey, b->pkey) == 1;

	ERR_clear_error();
	return equal;
}

/* libcrypto's names, in the order of enum alg; NULL for what no signature of ours uses. */
static const char *const md_names[ALG_COUNT] = {
	[ALG_SHA1] = "SHA1",         [ALG_SHA224] = "SHA2-224",   [ALG_SHA256] = "SHA2-256",
	[ALG_SHA384] = "SHA2-384",   [ALG_SHA512] = "SHA2-512",   [ALG_SM3_256] = "SM3",
	[ALG_SHA3_256] = "SHA3-256", [ALG_SHA3_512] = "SHA3-512",
};

static int verify_params(const struct digest *digest, enum signature_scheme scheme,
			 OSSL_PARAM params[5], char pad[8], char salt[8], char md[16])
{
	size_t n = 0;

	if (digest->alg >= ALG_COUNT || !md_names[digest->alg] ||
	    digest->size != alg_size(digest->alg))
		return -1;
	snprintf(md, 16, "%s", md_names[digest->alg]);
	params[n++] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, md, 0);
	if (scheme != SIGNATURE_ECDSA) {
		snprintf(pad, 8, "%s",
			 scheme == SIGNATURE_RSAPSS ? OSSL_PKEY_RSA_PAD_MODE_PSS
						    : OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
		params[n++] =
			OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, pad, 0);
	}
	if (scheme == SIGNATURE_RSAPSS) {
		/* The salt's length is the signer's choice and part of what is recovered. */
		snprintf(salt, 8, "%s", OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO);
		params[n++] =
			OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, salt, 0);
		params[n++] =
			OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, md, 0);
	}
	params[n] = OSSL_PARAM_construct_end();
	return 0;
}

static bool can_verify(const struct public_key *key, enum signature_scheme scheme)
{
	if (scheme == SIGNATURE_ECDSA)
		return key->type == KEY_EC && key->curve != CURVE_OTHER;
	return key->type == KEY_RSA && key->bits <= RSA_BITS_MAX;
}

int public_key_verify(const struct public_key *key, enum signature_scheme scheme,
		      const struct digest *digest, struct bytes signature, struct error *err)
{
	AUTO(pkey_ctx_freep) EVP_PKEY_CTX *ctx = NULL;
	char pad[8], salt[8], md[16];
	OSSL_PARAM params[5];
	int result;

	if (!can_verify(key, scheme))
		return error_set(err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
				 "a key %s does not verify such a signature", key->name);
	if (verify_params(digest, scheme, params, pad, salt, md) < 0)
		return error_set(err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
				 "no signatures with %s are verified", alg_name(digest->alg));
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	if (!ctx)
		return libcrypto_error(err, ERROR_SYSTEM, key->name);
	if (EVP_PKEY_verify_init_ex(ctx, params) != 1)
		return libcrypto_error(err, ERROR_UNSUPPORTED, alg_name(digest->alg));
	result = EVP_PKEY_verify(ctx, signature.data, signature.size, digest->value, digest->size);
	if (result == 1)
		return 1;
	/* Below zero is a signature that cannot be decoded, unless memory ran out. */
	if (ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE)
		return libcrypto_error(err, ERROR_SYSTEM, "verification");
	ERR_clear_error();
	return 0;
}

int public_key_verify_rs(const struct public_key *key, const struct digest *digest, struct bytes r,
			 struct bytes s, struct error *err)
{
	ECDSA_SIG *pair;
	BIGNUM *r_number, *s_number;
	uint8_t der[2 * (66 + 8)], *at = der;
	int size;

	if (!can_verify(key, SIGNATURE_ECDSA))
		return error_set(err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
				 "a key %s does not verify such a signature", key->name);
	r = without_leading_zeros(r);
	s = without_leading_zeros(s);
	if (r.size > key_curve_size(key->curve) || s.size > key_curve_size(key->curve))
		return 0;
	pair = ECDSA_SIG_new();
	r_number = BN_bin2bn(r.data, (int)r.size, NULL);
	s_number = BN_bin2bn(s.data, (int)s.size, NULL);
	if (!pair || !r_number || !s_number) {
		BN_free(r_number);
		BN_free(s_number);
		ECDSA_SIG_free(pair);
		return libcrypto_error(err, ERROR_SYSTEM, "ECDSA signature");
	}
	ECDSA_SIG_set0(pair, r_number, s_number);
	size = i2d_ECDSA_SIG(pair, &at);
	ECDSA_SIG_free(pair);
	if (size <= 0)
		return libcrypto_error(err, ERROR_SYSTEM, "ECDSA signature");
	return public_key_verify(key, SIGNATURE_ECDSA, digest, bytes_of(der, (size_t)size), err);
}
