/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crypto_cms: Authenticode signatures: PKCS #7 SignedData over a SpcIndirectDataContent, which states
 * the digest of an image. With crypto, the door to libcrypto.
 *
 * Says whether a signature is over an image's digest, and whether a given certificate is an anchor of
 * its signers, by the rules of EDK II's AuthenticodeVerify and shim's copy of it: any certificate of
 * the signer's chain may be the anchor, the signer's own too; times, revocation and purposes play no
 * part. Counter-signatures and nested signatures in unsigned attributes are not looked at.
 *
 * Sources: Microsoft "Windows Authenticode Portable Executable Signature Format" (2008); RFC 2315;
 *          EDK II CryptoPkg/Library/BaseCryptLib/Pk/CryptAuthenticode.c and CryptPkcs7VerifyCommon.c.
 * Threads: one signature belongs to one thread at a time; distinct ones are independent.
 */
#ifndef CORE_CRYPTO_CMS_H
#define CORE_CRYPTO_CMS_H

#include "core/digest.h"

struct authenticode;

/*
 * der is the PKCS #7 data of a WIN_CERTIFICATE; what follows its end is padding and not looked at.
 * ERROR_MALFORMED where it is no such signature; offset is that of der in source.
 */
int authenticode_parse(struct bytes der, const char *source, uint64_t offset,
		       struct authenticode **out, struct error *err);
void authenticode_free(struct authenticode *signature);
void authenticode_freep(struct authenticode **signature);

/* What SpcIndirectDataContent states. ALG_NONE and size 0 where it cannot be read. */
const struct digest *authenticode_digest(const struct authenticode *signature);

/* True if what is stated ends with this digest: the comparison firmware and shim make. */
bool authenticode_covers(const struct authenticode *signature, const struct digest *image);

/* Certificates in the signature, in its order, DER; the signers' own, in the signers' order (empty
 * where the signature does not include it). Live as long as the signature. */
size_t authenticode_n_certificates(const struct authenticode *signature);
struct bytes authenticode_certificate(const struct authenticode *signature, size_t i);
size_t authenticode_n_signers(const struct authenticode *signature);
struct bytes authenticode_signer(const struct authenticode *signature, size_t i);

/* 1 if every signer's signature over the content holds with its included certificate, 0 if not. */
int authenticode_verify(const struct authenticode *signature, struct error *err);

/*
 * 1 if the signatures hold and the certificate (DER) is an anchor of every signer, 0 if not (or if it is
 * no certificate), -1 when memory ran out. The digest is not compared: authenticode_covers.
 */
int authenticode_anchored(struct authenticode *signature, struct bytes anchor, struct error *err);

#endif
