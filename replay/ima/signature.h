/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signature: the signatures that IMA logs beside a file's digest: of its contents, of its metadata (EVM,
 * portable), appended to it. Says whether one holds and with which key; what follows is for audit/ to say.
 *
 * What is covered:
 *     contents, version 2   the digest of the entry itself
 *     contents, version 3   the hash of type, algorithm and digest (struct ima_file_id): what is a digest of
 *                           contents and what of fs-verity cannot be mistaken for each other
 *     metadata              the hash of the protected attributes' values, security.ima among them, and of
 *                           owner, group and mode; the path and the contents themselves it does not cover, so
 *                           security.ima has to state, or sign, the digest of the entry
 *     appended              the digest of the file without it. Certificates that come with it are followed to
 *                           one that is trusted, as Linux does (core/crypto_chain); attributes that are signed
 *                           instead it does not accept
 *
 * Sources: Linux security/integrity/{integrity.h,digsig_asymmetric.c}, ima/{ima_appraise.c,ima_modsig.c},
 *          evm/evm_crypto.c (hmac_add_misc); include/uapi/linux/hash_info.h; ima-evm-utils src/libimaevm.c.
 * Threads: no shared state.
 */
#ifndef REPLAY_IMA_SIGNATURE_H
#define REPLAY_IMA_SIGNATURE_H

#include "core/crypto.h"
#include "replay/ima/ima.h"
#include "replay/ima/keyring.h"

/* First byte of the extended attributes security.ima and security.evm (enum evm_ima_xattr_type). */
enum ima_xattr {
	IMA_XATTR_SHA1 = 1,     /* a digest, SHA-1 or MD5 */
	IMA_XATTR_HMAC = 2,     /* of EVM, with a key of the machine */
	IMA_XATTR_CONTENTS = 3, /* a signature over contents */
	IMA_XATTR_DIGEST = 4,   /* an algorithm and a digest */
	IMA_XATTR_METADATA = 5, /* a portable signature over metadata */
	IMA_XATTR_VERITY = 6,   /* a signature over an fs-verity digest */
};

/* A signature of one of the last three types (struct signature_v2_hdr). value is borrowed. */
struct ima_signature {
	enum ima_xattr type;
	uint8_t version;
	uint8_t alg_id; /* enum hash_algo of the kernel */
	enum alg alg;   /* ALG_NONE: one that Assay does not know */
	uint32_t key_id;
	struct bytes value;
};

/* "sha256" and so on: the kernel's number of an algorithm; ALG_NONE: one that Assay does not know. */
enum alg ima_alg_of_id(uint8_t id);
bool ima_alg_id(enum alg alg, uint8_t *out);

/*
 * ERROR_TRUNCATED, ERROR_MALFORMED (another type, bytes left over, no bytes at all in it), or
 * ERROR_UNSUPPORTED (a version that is neither 2 nor 3). offset is that of xattr in source.
 */
int ima_signature_parse(struct bytes xattr, const char *source, uint64_t offset,
			struct ima_signature *out, struct error *err);

enum ima_signed {
	IMA_SIGNED_NONE,  /* there is no signature */
	IMA_SIGNED_GOOD,  /* it holds, with key */
	IMA_SIGNED_WRONG, /* it does not hold with the key it names, or signs something else: why */
	IMA_SIGNED_REVOKED,     /* by a key that is revoked */
	IMA_SIGNED_NO_KEY,      /* no key of that identifier is known */
	IMA_SIGNED_UNSUPPORTED, /* it cannot be checked: why */
};

struct ima_signed_result {
	enum ima_signed state;
	const struct ima_key *key; /* of GOOD, REVOKED; of WRONG, if one was tried */
	char key_id[44]; /* as the signature names it, hex; "" if it names none in this way */
	/* One clause; "" if the state says all. */
	char why[sizeof(((struct error *)0)->message)];
};

/* The keys to check with: the first keyring that has one is asked. NULL: none. */
struct ima_keys {
	const struct ima_keyring *rings[3];
	const struct ima_keyring *revoked[2];
};

/* The signature over contents (field sig). Errors are ERROR_SYSTEM only. */
int ima_contents_verify(const struct ima_entry *entry, const struct ima_keys *keys,
			struct hasher *hasher, struct ima_signed_result *out, struct error *err);

/* The portable signature over metadata (field evmsig). */
int ima_metadata_verify(const struct ima_entry *entry, bool big_endian, const struct ima_keys *keys,
			struct hasher *hasher, struct ima_signed_result *out, struct error *err);

/* The appended signature (fields d-modsig and modsig). */
int ima_appended_verify(const struct ima_entry *entry, const struct ima_keys *keys,
			struct hasher *hasher, struct ima_signed_result *out, struct error *err);

/* Whether an entry has any of the three: costs nothing. */
bool ima_entry_is_signed(const struct ima_entry *entry);

#endif
