/* SPDX-License-Identifier: BSD-2-Clause */
/* What crypto_certificate.c and crypto_trust.c share. Private to core/crypto. */
#ifndef CORE_CRYPTO_CERTIFICATE_INTERNAL_H
#define CORE_CRYPTO_CERTIFICATE_INTERNAL_H

#include <openssl/x509.h>

#include "core/crypto_certificate.h"

struct certificate {
	X509 *x509;             /* owned */
	struct public_key *key; /* owned; NULL: of a kind nobody here reads */
};

/* What is in a file, or in several. */
struct pile {
	STACK_OF(X509) * certificates; /* owned, and what is in them */
	STACK_OF(X509_CRL) * lists;
	size_t max; /* of each */
};

int pile_init(struct pile *pile, struct error *err);
int pile_add(struct pile *pile, struct bytes input, const char *source, struct error *err);
void pile_clear(struct pile *pile);

/* certificate_name of libcrypto's own. */
char *x509_name(const X509 *x509, char out[CERTIFICATE_NAME_SIZE]);

#endif
