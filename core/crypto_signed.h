/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto_signed: a CMS (PKCS #7) SignedData over content that is kept apart from it, of one signer:
 * what is appended to kernel modules. With crypto, the door to libcrypto.
 *
 * Reads what the signature says; whose key is meant, and whether it is believed, is the caller's.
 *
 * Sources: RFC 5652, 5; Linux crypto/asymmetric_keys/pkcs7_parser.c, pkcs7_verify.c (pkcs7_digest),
 *          which takes the same digests and key identifiers.
 * Threads: no shared state.
 */
#ifndef CORE_CRYPTO_SIGNED_H
#define CORE_CRYPTO_SIGNED_H

#include "core/crypto_key.h"

struct signed_data;

/*
 * der is a SignedData, nothing before or after. ERROR_MALFORMED where it is none, or holds its content;
 * ERROR_UNSUPPORTED with no or several signers: the kernel reads the digest of none of these. offset is
 * that of der in source.
 */
int signed_data_parse(struct bytes der, const char *source, uint64_t offset,
		      struct signed_data **out, struct error *err);
void signed_data_free(struct signed_data *data);
void signed_data_freep(struct signed_data **data);

/* The signer's hash; ALG_NONE: one that Assay does not know. */
enum alg signed_data_alg(const struct signed_data *data);

/* How the signer's certificate is named: by its subject key identifier (else empty), or by its issuer, a
 * DER Name, and its serial number, big endian. */
struct bytes signed_data_key_id(const struct signed_data *data);
struct bytes signed_data_issuer(const struct signed_data *data);
struct bytes signed_data_serial(const struct signed_data *data);

/* Certificates that come with it: how many, and one of them, DER, appended. */
size_t signed_data_n_certificates(const struct signed_data *data);
int signed_data_certificate(const struct signed_data *data, size_t i, struct buf *out,
			    struct error *err);

/* The attributes that are signed in the content's place, as they are hashed; empty: the content is. */
struct bytes signed_data_attributes(const struct signed_data *data);

/* Whether the signature over what has this digest holds: as public_key_verify. */
int signed_data_verify(const struct signed_data *data, const struct public_key *key,
		       const struct digest *digest, struct error *err);

#endif
