/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto_chain: the certificates that come with a CMS signature, as Linux follows them: from the signer's
 * upwards, each named by the one below as its authority, and having signed it. Times, purposes and CA bits
 * play no part there, and so none here; what is believed is the caller's to say, who asks each
 * certificate of the chain whether it is one that he trusts.
 *
 * Source:  Linux crypto/asymmetric_keys/pkcs7_verify.c (pkcs7_find_key, pkcs7_verify_sig_chain),
 *          pkcs7_trust.c (pkcs7_validate_trust_one), x509_public_key.c, asymmetric_type.c.
 * Threads: no shared state.
 */
#ifndef CORE_CRYPTO_CHAIN_H
#define CORE_CRYPTO_CHAIN_H

#include "core/crypto_signed.h"

enum chain_state {
	CHAIN_NONE, /* the signer's certificate is not there, or named by its key, which Linux does not follow */
	CHAIN_INTACT, /* each is signed by the next, the signature by the first */
	CHAIN_BROKEN, /* one is not: Linux refuses the signature, whatever it trusts */
};

/* Certificates that come with one signature: more are ERROR_LIMIT. */
#define CHAIN_MAX 32

struct signed_chain {
	enum chain_state state;
	struct buf items[CHAIN_MAX]; /* DER, the signer's first; owned */
	size_t n;
	bool is_rooted;  /* the last is signed by itself */
	const char *why; /* of CHAIN_BROKEN: one clause */
};

/* digest: of what is signed. -1 when memory ran out, or with ERROR_LIMIT. */
int signed_chain_read(const struct signed_data *data, const struct digest *digest,
		      struct signed_chain *out, struct error *err);
void signed_chain_clear(struct signed_chain *chain);

/* Whether a certificate that is trusted is the i-th: of the same issuer and number, and of the same key
 * identifier where the i-th has one. */
bool signed_chain_is(const struct signed_chain *chain, size_t i, struct bytes certificate);

/* Whether it is the authority that the last one names, which is not there itself. */
bool signed_chain_issues(const struct signed_chain *chain, struct bytes certificate);

/*
 * Whether the trusted key made the signature below the i-th: the message's, or the certificate's below; of
 * i = n that of the last one. As public_key_verify.
 */
int signed_chain_verify(const struct signed_chain *chain, const struct signed_data *data, size_t i,
			const struct public_key *key, const struct digest *digest,
			struct error *err);

#endif
