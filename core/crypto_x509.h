/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto_x509: what an X.509 certificate from evidence says of itself. Checks no signature: the
 * names are claims until something else binds them.
 *
 * Source:  RFC 5280.
 * Threads: no shared state.
 */
#ifndef CORE_CRYPTO_X509_H
#define CORE_CRYPTO_X509_H

#include "core/crypto_key.h"

/*
 * Appends the subject of a DER certificate as one line of UTF-8, most specific last ("C = US, O =
 * Example, CN = Example CA"), not escaped. False, and nothing appended, if der is no certificate
 * or memory runs out.
 */
bool x509_subject_append(struct buf *out, struct bytes der);

/* The same with the last common name alone; the whole subject where there is none. */
bool x509_common_name_append(struct buf *out, struct bytes der);

/* The TBSCertificate, DER, appended: what a revocation list's certificate hashes are over. */
bool x509_tbs_append(struct buf *out, struct bytes der);

/* The subject key identifier, appended. False, too, if the certificate has none. */
bool x509_key_id_append(struct buf *out, struct bytes der);

/* True if the certificate has this issuer, a DER Name, and this serial number, big endian. */
bool x509_is_numbered(struct bytes der, struct bytes issuer, struct bytes serial);

/* The certificate's issuer, a DER Name, and serial number, appended. */
bool x509_number_append(struct buf *issuer, struct buf *serial, struct bytes der);

/* What its authority key identifier says (RFC 5280, 4.2.1.1); empty: nothing. Owned. */
struct x509_authority {
	struct buf key_id;         /* of the authority's key */
	struct buf issuer, serial; /* of its certificate; both or none */
};

/* False if der is no certificate or memory ran out; *out is to be cleared all the same. */
bool x509_authority_read(struct bytes der, struct x509_authority *out);
void x509_authority_clear(struct x509_authority *authority);

/* True if subject and issuer are the same. */
bool x509_is_self_issued(struct bytes der);

/* Whether the key made the certificate's signature, over SHA-1 or SHA-2: as public_key_verify. */
int x509_is_signed_by(struct bytes der, const struct public_key *key, struct error *err);

/* True if the certificate's extended key usages include the one of this dotted OID. */
bool x509_has_key_usage(struct bytes der, const char *oid);

#endif
