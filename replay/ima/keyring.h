/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keyring: the keys that signatures of files, of their metadata and of modules may be checked with, found
 * by the identifiers that the kernel finds them by. Who put a key in says what it is good for; nothing
 * of a certificate but its key and its names plays a part, as in the kernel's keyrings.
 *
 * Sources: Linux security/integrity/digsig_asymmetric.c, crypto/asymmetric_keys/x509_public_key.c;
 *          ima-evm-utils src/libimaevm.c (calc_keyid_v2).
 * Threads: read by any number of threads once it is made.
 */
#ifndef REPLAY_IMA_KEYRING_H
#define REPLAY_IMA_KEYRING_H

#include "core/crypto_key.h"

/* What a key may have signed. */
enum {
	IMA_KEY_FILES = 1 << 0,    /* contents: .ima */
	IMA_KEY_METADATA = 1 << 1, /* EVM portable signatures: .evm */
	IMA_KEY_MODULES =
		1 << 2, /* appended to modules and kernels: .ima, .builtin_trusted_keys, ... */
	IMA_KEY_ALL = (1 << 3) - 1
};

struct ima_key {
	struct public_key *key; /* owned */
	struct bytes der;       /* of its certificate; owned; empty: a bare public key */
	const char *name; /* the certificate's common name, escaped, or the kind of key; owned */
	const char *from; /* who brought it: a file, an entry of the log; owned */
	uint64_t index;   /* of that entry; UINT64_MAX: none */
	unsigned uses;    /* IMA_KEY_* */
	uint32_t
		ids[2]; /* the last 4 bytes of its identifiers: the certificate's, the key's hash */
	size_t n_ids;
};

struct ima_keyring {
	struct ima_key *keys; /* owned */
	size_t n_keys, capacity;
};

/* Keys in one keyring, and in one file: a distribution has a handful. */
#define IMA_KEYS_MAX 4096

void ima_keyring_clear(struct ima_keyring *keyring);

/*
 * Adds the keys of a file: PEM blocks (public keys, certificates), or the DER of one. ERROR_MALFORMED
 * where there is none, one cannot be read, or one is private (core/key_file.h); nothing is added then. source is what errors call it.
 */
int ima_keyring_add(struct ima_keyring *keyring, struct bytes bytes, const char *source,
		    const char *from, unsigned uses, uint64_t index, struct error *err);

/*
 * The next key with this identifier that is good for the use, after *at, which begins as 0; NULL when there
 * is no further one.
 */
const struct ima_key *ima_keyring_find(const struct ima_keyring *keyring, uint32_t id, unsigned use,
				       size_t *at);

#endif
