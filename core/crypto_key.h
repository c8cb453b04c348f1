/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto_key: public keys and the signatures they verify. With crypto, the door to libcrypto.
 *
 * Only RSA and ECDSA over P-256, P-384 and P-521: a key of another kind is read
 * and described, but verifies nothing. A key may be used from several threads at once.
 */
#ifndef CORE_CRYPTO_KEY_H
#define CORE_CRYPTO_KEY_H

#include "core/digest.h"

struct public_key;

enum key_type {
	KEY_RSA,
	KEY_EC,
	KEY_OTHER, /* EdDSA, DSA, ...: kept for comparison and description */
};

enum key_curve {
	CURVE_P256,
	CURVE_P384,
	CURVE_P521,
	CURVE_OTHER, /* and where there is none */
};

/* Bytes of a coordinate, and of r and s at most; 0 for CURVE_OTHER. */
size_t key_curve_size(enum key_curve curve);

enum signature_scheme {
	SIGNATURE_RSASSA, /* RSASSA-PKCS1-v1_5 (RFC 8017, 8.2) */
	SIGNATURE_RSAPSS, /* RSASSA-PSS, MGF1 with the same hash, salt of any length */
	SIGNATURE_ECDSA,  /* DER Ecdsa-Sig-Value (RFC 3279, 2.2.3) */
};

/* Numbers are big endian, with or without leading zeros. ERROR_MALFORMED: no modulus, a point off the curve. */
int public_key_new_rsa(struct bytes modulus, uint32_t exponent, struct public_key **out,
		       struct error *err);
int public_key_new_ec(enum key_curve curve, struct bytes x, struct bytes y, struct public_key **out,
		      struct error *err);

/*
 * One PEM block: PUBLIC KEY, RSA PUBLIC KEY, or CERTIFICATE, of which only the
 * public key is taken. Text around it is passed over; a second block, or one of
 * another kind, is ERROR_MALFORMED.
 */
int public_key_parse_pem(struct bytes text, const char *source, struct public_key **out,
			 struct error *err);

/* DER of a SubjectPublicKeyInfo or of a certificate, nothing before or after. */
int public_key_parse_der(struct bytes der, const char *source, struct public_key **out,
			 struct error *err);

/*
 * The next block of a PEM text, wherever it begins: 1, *block is its text, label what it says it is, and
 * its DER is appended to der; *text is what follows. 0 when there is none, -1 when one is not whole.
 */
#define PEM_LABEL_SIZE 40
int pem_next(struct bytes *text, const char *source, struct bytes *block, char *label,
	     struct buf *der, struct error *err);

void public_key_free(struct public_key *key);
void public_key_freep(struct public_key **key);

enum key_type public_key_type(const struct public_key *key);
unsigned public_key_bits(const struct public_key *key); /* of the modulus, of the curve */
enum key_curve public_key_curve(const struct public_key *key);
uint64_t public_key_exponent(const struct public_key *key); /* RSA; UINT64_MAX if larger; else 0 */
const char *public_key_name(const struct public_key *key);  /* "RSA 2048", "ECC P-256" */

/* SHA-1 of the key's bits, as a SubjectPublicKeyInfo holds them: the usual key identifier (RFC 5280,
 * 4.2.1.2, method 1). */
#define KEY_ID_SIZE 20
int public_key_id(const struct public_key *key, uint8_t out[KEY_ID_SIZE], struct error *err);

/* Its SubjectPublicKeyInfo, DER, appended. */
int public_key_append(const struct public_key *key, struct buf *out, struct error *err);

/* Same type and same numbers. */
bool public_key_equal(const struct public_key *a, const struct public_key *b);

/*
 * Verifies a signature over a digest. 1 when it holds, 0 when it does not (or
 * cannot be one of this key); -1 with ERROR_UNSUPPORTED where the key or
 * libcrypto will not verify such a signature, ERROR_SYSTEM when memory ran out.
 */
int public_key_verify(const struct public_key *key, enum signature_scheme scheme,
		      const struct digest *digest, struct bytes signature, struct error *err);

/* The same for ECDSA with r and s as big-endian numbers. */
int public_key_verify_rs(const struct public_key *key, const struct digest *digest, struct bytes r,
			 struct bytes s, struct error *err);

#endif
