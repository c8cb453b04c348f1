/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto_certificate: X.509 certificates from evidence, and whether they chain to what an operator
 * trusts. With crypto, the door to libcrypto.
 *
 * A chain holds if each signature does, to an anchor of the operator's; every certificate of it is valid
 * at the given time; every issuer is a CA, may sign certificates, and keeps the path length, the names
 * and the extended key usages its own issuers allow; no signature but an anchor's own is over SHA-1, MD5
 * or another digest of less than 112 bits, and no key weaker than RSA 2048; no revocation list of the
 * operator's names one of them, whatever the date of the revocation; and the first certificate is no CA
 * and may be used for what it is used for. A revocation list that is missing or out of date is no fault.
 *
 * Sources: RFC 5280, 6.1; TCG EK Credential Profile 2.5, 3; TCG PC Client Specific Implementation
 *          Specification for Conventional BIOS 1.21, 7.3.2 (the header of stored certificates).
 * Threads: certificates, and a trust once it is finished, may be read from several threads at once.
 */
#ifndef CORE_CRYPTO_CERTIFICATE_H
#define CORE_CRYPTO_CERTIFICATE_H

#include "core/bytes.h"

struct certificate;
struct public_key; /* core/crypto_key.h */

struct certificate_list {
	struct certificate **items; /* owned, and so is each */
	size_t n;
	size_t n_lists; /* revocation lists that were passed over */
};

/*
 * All certificates of one file, at least one and at most max: PEM blocks with text around them, or DER,
 * one after the other, which padding (0x00, 0xff) may follow, as in a TPM's NV indexes, and the header
 * of a TPM 1.2 come before. ERROR_MALFORMED with the offset, ERROR_LIMIT.
 */
int certificates_parse(struct bytes input, const char *source, size_t max,
		       struct certificate_list *out, struct error *err);
void certificate_list_clear(struct certificate_list *list);

/* Its public key; NULL where that is of a kind nobody here reads, as id-RSAES-OAEP of TPM 1.2. */
const struct public_key *certificate_key(const struct certificate *certificate);

/* Its subject in one escaped line; where that is empty, "serial 1f of ISSUER". Returns out. */
#define CERTIFICATE_NAME_SIZE 256
char *certificate_name(const struct certificate *certificate, char out[CERTIFICATE_NAME_SIZE]);

/* --- what the operator trusts ------------------------------------------------------------------- */

struct trust;

int trust_new(struct trust **out, struct error *err);
void trust_free(struct trust *trust);
void trust_freep(struct trust **trust);

/* Certificates and revocation lists of one file, in the forms of certificates_parse. */
int trust_add(struct trust *trust, struct bytes file, const char *source, struct error *err);

/*
 * After the last file, once. Anchors are the certificates that are self-signed or whose issuer is not
 * among those given; the others are intermediates, which revocation lists apply to.
 */
int trust_finish(struct trust *trust, struct error *err);

size_t trust_n_certificates(const struct trust *trust);
size_t trust_n_anchors(const struct trust *trust);
size_t trust_n_lists(const struct trust *trust);

/* What a certificate is to be used for. */
enum certificate_use {
	CERTIFICATE_OF_EK, /* key usage, if any: encipherment or agreement; extended, if any: 2.23.133.8.1 */
	CERTIFICATE_OF_AK,  /* digitalSignature; 2.23.133.8.3, or .1 as Google's AKs have */
	CERTIFICATE_OF_PCK, /* digitalSignature, and Intel's extension with the processor's TCB */
};

/* Plain data; what comes from certificates is escaped. */
struct chain {
	bool holds;
	char reason[256];                   /* why it does not: one clause */
	char name[CERTIFICATE_NAME_SIZE];   /* of the certificate that the reason is about */
	char dates[64];                     /* "from 2012-01-01 to 2032-01-01" of that one */
	char anchor[CERTIFICATE_NAME_SIZE]; /* the chain ends in; "" if it does not hold */
	size_t n_between;                   /* certificates between the first and the anchor */
};

/*
 * between: certificates that may serve as intermediates, and as nothing else. at: seconds since 1970. -1
 * only when memory ran out.
 */
int trust_verify(const struct trust *trust, const struct certificate *certificate,
		 const struct certificate *const *between, size_t n_between,
		 enum certificate_use use, int64_t at, struct chain *out, struct error *err);

#endif
