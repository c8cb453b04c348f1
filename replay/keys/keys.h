/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keys: read what binds an attestation key to a TPM: the credential a challenger made for it, and
 * attestations that a key of the same TPM signed about it. Whether the challenger or that key is
 * anybody's to trust is for audit/ to say. Certificates are read by core/crypto_certificate.
 *
 * Sources: TPM 2.0 Library 1.59 part 1, 24 (credential protection); part 2, 10.12.12 (TPMS_ATTEST),
 *          10.12.3 (TPMS_CERTIFY_INFO), 10.12.7 (TPMS_CREATION_INFO), 12.4.3 (TPM2B_ID_OBJECT), 11.4.33
 *          (TPM2B_ENCRYPTED_SECRET); tpm2-tools 5.4 for its file of a credential.
 * Threads: every struct may be read from several threads at once; a hasher is one thread's.
 */
#ifndef REPLAY_KEYS_KEYS_H
#define REPLAY_KEYS_KEYS_H

#include "replay/quote/quote.h"

/* --- credentials -------------------------------------------------------------------------------- */

/*
 * What TPM2_MakeCredential gives. A seed is encrypted to the EK; keys derived from the seed and the AK's
 * name encrypt the secret, and an HMAC covers that and the name. So only the TPM with that EK and
 * an object of that name in it recovers the secret, but nobody else can see from these bytes for
 * which EK and which name they were made: sizes are all there is to check.
 */
struct credential {
	bool has_header;        /* tpm2-tools' magic and version come first */
	struct bytes integrity; /* outer HMAC, of the EK's nameAlg */
	struct bytes identity;  /* the secret with its size, encrypted */
	struct bytes seed; /* encrypted to the EK: as long as an RSA modulus, or a TPMS_ECC_POINT */
	struct bytes x, y; /* that point, big endian; empty if seed is none */
};

/* tpm2_makecredential's file, or TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET one behind the other. */
int credential_parse(struct bytes input, const char *source, struct credential *out,
		     struct error *err);

/* Bytes of the secret in it. */
size_t credential_secret_size(const struct credential *credential);

/*
 * NULL if the credential may have been made for this EK; else why not, in one clause. name_alg is the
 * EK's, ALG_NONE if only its certificate is known.
 */
const char *credential_misfit(const struct credential *credential, const struct public_key *ek,
			      enum alg name_alg);

/* --- attestations about a key ------------------------------------------------------------------- */

enum certify_kind {
	CERTIFY_LOADED,        /* TPM2_Certify: an object of this name is in the signer's TPM */
	CERTIFY_CREATED,       /* TPM2_CertifyCreation: the signer's TPM made it */
	CERTIFY_NOT_GENERATED, /* magic is not TPM_GENERATED_VALUE: no TPM made it as an attestation */
	CERTIFY_OTHER,         /* an attestation of another type: quote, time, ... */
};

/* TPMS_ATTEST; of the last two kinds only message. All bytes are borrowed from the message. */
struct certify {
	struct bytes message; /* what the signature covers */
	enum certify_kind kind;
	struct bytes signer; /* qualified name of the signing key */
	struct bytes nonce;
	struct bytes name; /* of the object: nameAlg, then H(TPMT_PUBLIC) */
};

/* Another magic or type is a result; -1 with the offset for one cut short, or with bytes left over. */
int certify_parse(struct bytes message, const char *source, struct certify *out, struct error *err);

enum certify_answer {
	CERTIFY_HOLDS,
	CERTIFY_FORGED,  /* the signature is not this key's over this attestation */
	CERTIFY_WEAK,    /* it is, but over SHA-1, or not in the key's own scheme */
	CERTIFY_UNKNOWN, /* of a kind that is not verified here */
};

/* Checks its signature with a key; detail becomes one clause of why. -1 when the machine failed us. */
int certify_check(struct hasher *hasher, const struct certify *certify,
		  const struct quote_signature *signature, const struct quote_key *key,
		  enum certify_answer *answer, char detail[160], struct error *err);

#endif
