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

#include "core/bytes.h"

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

/* True if the certificate's extended key usages include the one of this dotted OID. */
bool x509_has_key_usage(struct bytes der, const char *oid);

#endif
