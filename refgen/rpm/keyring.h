/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keyring: the operator's OpenPGP keys, and whether a signature is by one of them. The only door
 * to librnp.
 *
 * librnp here reads keys and signatures of version 3 and 4 (RSA, DSA, ECDSA, EdDSA). Whatever it
 * cannot check is called unverifiable, never good and never bad.
 *
 * Threads: a keyring is shared by all once it is filled; a verifier belongs to one thread.
 */
#ifndef REFGEN_RPM_KEYRING_H
#define REFGEN_RPM_KEYRING_H

#include "core/crypto.h"
#include "db/db.h"

struct rpm_keyring;

int rpm_keyring_new(struct rpm_keyring **out, struct error *err);
void rpm_keyring_free(struct rpm_keyring *keyring);
void rpm_keyring_freep(struct rpm_keyring **keyring);

/*
 * Adds the public keys of one file, armoured or binary, any number of them. *n_unusable counts
 * those that librnp cannot use (such as version 6). ERROR_MALFORMED when the file is damaged or
 * holds no public key, ERROR_UNSUPPORTED when it holds none that can be used.
 */
int rpm_keyring_add(struct rpm_keyring *keyring, struct bytes contents, const char *source,
		    size_t *n_unusable, struct error *err);
size_t rpm_keyring_n_keys(const struct rpm_keyring *keyring);

/* What a signature was made over: bytes in memory, or else a range of an open file. */
struct rpm_signed {
	struct bytes memory; /* data NULL: the file */
	int fd;
	uint64_t offset, size;
};

#define RPM_SIGNER_SIZE 320
#define RPM_DETAIL_SIZE 128

struct rpm_verdict {
	enum signature_state state; /* never SIGNATURE_NONE */
	bool bad;                   /* the signature does not hold; state means nothing then */
	/* Fingerprint in hex, then " user id", where it was verified; else who the signature says,
	 * fingerprint or key id. */
	char signer[RPM_SIGNER_SIZE];
	char detail[RPM_DETAIL_SIZE]; /* why it could not be verified, or why it is bad; or empty */
};

struct rpm_verifier;

/* keyring may be NULL (no keys) and must outlive the verifier. */
int rpm_verifier_new(const struct rpm_keyring *keyring, struct rpm_verifier **out,
		     struct error *err);
void rpm_verifier_free(struct rpm_verifier *verifier);
void rpm_verifier_freep(struct rpm_verifier **verifier);

/*
 * Judges one signature packet, found at offset of source. ERROR_MALFORMED when it is none,
 * ERROR_INPUT when the file cannot be read. hasher must not be streaming.
 */
int rpm_verifier_judge(struct rpm_verifier *verifier, struct hasher *hasher, struct bytes packet,
		       uint64_t offset, const char *source, const struct rpm_signed *over,
		       struct rpm_verdict *out, struct error *err);

#endif
