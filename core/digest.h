/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * digest: hash algorithms by every name the field gives them, and the bytes they give.
 *
 * Sources: TCG Algorithm Registry 1.32 (TPM_ALG_ID), RFC 9580 9.5 (OpenPGP ids,
 * which RPM's FILEDIGESTALGO uses), Linux crypto/hash_info.c (IMA's names).
 */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include "core/bytes.h"

enum alg {
	ALG_SHA1,
	ALG_SHA256,
	ALG_SHA384,
	ALG_SHA512,
	ALG_SM3_256,
	ALG_BANKS, /* the ones before are banks a TPM may have */
	ALG_MD5 = ALG_BANKS,
	ALG_SHA224,
	ALG_SHA3_256,
	ALG_SHA3_512,
	ALG_VERITY_SHA256, /* fs-verity digests: of a tree of such hashes over a file's blocks */
	ALG_VERITY_SHA512,
	ALG_COUNT,
	ALG_NONE = ALG_COUNT, /* an algorithm Assay does not know */
};

#define DIGEST_SIZE_MAX 64

/* size is alg_size(alg) unless alg is ALG_NONE, when the source of the digest says it. */
struct digest {
	enum alg alg;
	uint8_t size; /* bytes, at most DIGEST_SIZE_MAX */
	uint8_t value[DIGEST_SIZE_MAX];
};

/* A set of algorithms: bit 1 << alg. */
typedef uint32_t alg_set;

const char *alg_name(enum alg alg);   /* "sha256", "sm3_256": the names of reports; "unknown" */
size_t alg_size(enum alg alg);        /* digest size in bytes; 0 for ALG_NONE */
uint16_t alg_tpm_id(enum alg alg);    /* TPM_ALG_ID; 0 if it has none */
uint8_t alg_openpgp_id(enum alg alg); /* OpenPGP hash id; 0 if it has none */

/* The hash that an fs-verity digest is made with; ALG_NONE: alg is none. */
enum alg alg_verity_base(enum alg alg);

/* The fs-verity digest made with this hash; ALG_NONE: there is none. */
enum alg alg_verity_of(enum alg base);

/* ALG_NONE when nothing fits. Names: ours, OpenSSL's and the kernel's ("sm3", "sm3-256", "sha3-256"). */
enum alg alg_of_name(struct bytes name);
enum alg alg_of_tpm_id(uint16_t id);
enum alg alg_of_openpgp_id(uint32_t id);

/* A comma-separated list of names, as --algorithms takes; -1 and ERROR_USAGE names the unknown one. */
int alg_set_parse(const char *list, alg_set *out, struct error *err);

static inline struct bytes digest_bytes(const struct digest *digest)
{
	return (struct bytes){ digest->value, digest->size };
}

static inline bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->alg == b->alg && bytes_equal(digest_bytes(a), digest_bytes(b));
}

/* value.size must be alg_size(alg) (at most DIGEST_SIZE_MAX for ALG_NONE): false, and *out untouched, otherwise. */
bool digest_init(struct digest *out, enum alg alg, struct bytes value);

/* Hex of a digest with its NUL: out has room for 2 * DIGEST_SIZE_MAX + 1. Returns out. */
char *digest_hex(const struct digest *digest, char *out);
#define DIGEST_HEX_SIZE (2 * DIGEST_SIZE_MAX + 1)

#endif
