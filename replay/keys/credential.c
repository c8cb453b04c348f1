/* SPDX-License-Identifier: BSD-2-Clause */
/* Part 1, 24; part 2, 12.4.3, 11.4.33; tpm2-tools, lib/files.c. */
#include "core/crypto_key.h"
#include "core/own.h"
#include "core/reader.h"
#include "replay/keys/keys.h"

#define MAGIC   0xbadcc0deu
#define VERSION 1

/* TPM2B_ENCRYPTED_SECRET holds an RSA ciphertext or a TPMS_ECC_POINT: RSA 4096 is the longest. */
#define SEED_MAX   512
/* TPM2B_DIGEST: the secret is at most a digest. */
#define SECRET_MAX DIGEST_SIZE_MAX

/* UINT16 size and as many bytes; zero and more than max are no such field. */
static int read_sized(struct reader *in, size_t max, const char *what, struct bytes *out,
		      struct error *err)
{
	uint64_t at = reader_offset(in);
	size_t size = reader_be16(in);

	if (!in->ran_out && (size == 0 || size > max))
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "%s: %zu bytes, from 1 to %zu are possible", what, size, max);
	*out = reader_bytes(in, size);
	return reader_check(in, err);
}

/* TPM2B_ID_OBJECT of TPMS_ID_OBJECT { integrityHMAC, encIdentity }: the latter has no size of its own. */
static int read_id_object(struct reader *in, struct credential *out, struct error *err)
{
	struct reader inner = reader_part(in, reader_be16(in));
	uint64_t at;

	if (reader_check(in, err) < 0 ||
	    read_sized(&inner, DIGEST_SIZE_MAX, "integrityHMAC", &out->integrity, err) < 0)
		return -1;
	at = reader_offset(&inner);
	out->identity = reader_bytes(&inner, reader_left(&inner));
	if (out->identity.size < 2 || out->identity.size > 2 + SECRET_MAX)
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "encIdentity: %zu bytes, from 2 to %d are possible",
				 out->identity.size, 2 + SECRET_MAX);
	return 0;
}

/* What ECDH has left for the EK: the other point. */
static bool read_point(struct bytes seed, struct bytes *x, struct bytes *y)
{
	struct reader in = reader_of(seed, 0, NULL);
	struct bytes a, b;

	if (read_sized(&in, 66, "x", &a, NULL) < 0 || read_sized(&in, 66, "y", &b, NULL) < 0 ||
	    reader_finish(&in, NULL) < 0)
		return false;
	*x = a;
	*y = b;
	return true;
}

int credential_parse(struct bytes input, const char *source, struct credential *out,
		     struct error *err)
{
	struct credential credential = { 0 };
	struct reader in = reader_of(input, 0, source);
	struct reader head = in;

	if (reader_be32(&head) == MAGIC) {
		uint32_t version = reader_be32(&head);

		if (reader_check(&head, err) < 0)
			return -1;
		if (version != VERSION)
			return error_set(err, ERROR_UNSUPPORTED, source, 4,
					 "a credential file of version %u, not %d", version,
					 VERSION);
		credential.has_header = true;
		in = head;
	}
	if (read_id_object(&in, &credential, err) < 0 ||
	    read_sized(&in, SEED_MAX, "TPM2B_ENCRYPTED_SECRET", &credential.seed, err) < 0 ||
	    reader_finish(&in, err) < 0)
		return -1;
	if (!read_point(credential.seed, &credential.x, &credential.y))
		credential.x = credential.y = bytes_of(NULL, 0);
	*out = credential;
	return 0;
}

size_t credential_secret_size(const struct credential *credential)
{
	return credential->identity.size - 2;
}

const char *credential_misfit(const struct credential *credential, const struct public_key *ek,
			      enum alg name_alg)
{
	AUTO(public_key_freep) struct public_key *point = NULL;

	if (name_alg != ALG_NONE && credential->integrity.size != alg_size(name_alg))
		return "its HMAC is not of the EK's hash";
	switch (public_key_type(ek)) {
	case KEY_RSA:
		if (credential->seed.size * 8 != public_key_bits(ek))
			return "its seed is not encrypted to an RSA key of the EK's size";
		break;
	case KEY_EC:
		if (credential->x.size == 0)
			return "its seed is no point of an elliptic curve, as the EK's are";
		if (public_key_curve(ek) != CURVE_OTHER &&
		    public_key_new_ec(public_key_curve(ek), credential->x, credential->y, &point,
				      NULL) < 0)
			return "its seed is no point of the EK's curve";
		break;
	case KEY_OTHER:
		break;
	}
	return NULL;
}
