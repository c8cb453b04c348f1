/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * openpgp: what a signature packet says of itself, and the signatures of an armoured text.
 * Verifies nothing (keyring.h).
 *
 * Source: RFC 9580 4.2 (packet headers), 5.2 (signature packets, versions 3, 4 and 6), 9.1 and 9.5
 *         (algorithms); RFC 4648 4 (base64).
 */
#ifndef REFGEN_RPM_OPENPGP_H
#define REFGEN_RPM_OPENPGP_H

#include "core/reader.h"

#define OPENPGP_ISSUER_SIZE_MAX 32

/* Claims of whoever made the packet: even the issuer is only a hint at whose key to try. */
struct openpgp_signature {
	uint8_t version; /* 3, 4, 6; of others nothing below is known */
	uint8_t type;    /* 0: of a document, the only one in use here */
	uint8_t key_alg; /* 1 RSA, 17 DSA, 19 ECDSA, 22 EdDSA (old), 27 Ed25519, 30 ML-DSA-65, ... */
	uint8_t hash_alg;                        /* OpenPGP hash id */
	int64_t created_time;                    /* Unix seconds; 0: not said */
	uint8_t issuer[OPENPGP_ISSUER_SIZE_MAX]; /* key id (8 bytes) or fingerprint (20 or 32) */
	size_t issuer_size;                      /* 0: not said */
	struct bytes hashed; /* what is hashed after the document; borrowed from the packet */
	uint8_t left[2];     /* first bytes of the digest that was signed */
};

/* The next packet of a series: *type, *body, and *whole, its bytes with its header. */
int openpgp_packet_next(struct reader *in, unsigned *type, struct bytes *body, struct bytes *whole,
			struct error *err);

/* packet is one signature packet and nothing else. */
int openpgp_signature_parse(struct bytes packet, uint64_t offset, const char *source,
			    struct openpgp_signature *out, struct error *err);

/*
 * What a version 3 or 4 signature adds to the document before the digest is taken (RFC 9580 5.2.4),
 * appended to out.
 */
void openpgp_signature_trailer(const struct openpgp_signature *signature, struct buf *out);

/* The binary of an armoured public key (RFC 9580 6.2), every block of a text that holds several,
 * appended to out. What stands around the blocks is passed over. */
int openpgp_dearmor(struct bytes text, const char *source, struct buf *out, struct error *err);

/* True if the text has the beginning of an armoured block in it. */
bool openpgp_is_armored(struct bytes text);

/* "RSA", "Ed25519"; "algorithm" where the number means nothing to us. */
const char *openpgp_key_alg_name(uint8_t key_alg);

/* Base64 with or without line ends and padding, appended to out. False for anything else. */
bool base64_parse(struct bytes text, struct buf *out);

#endif
