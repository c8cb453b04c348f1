/* SPDX-License-Identifier: BSD-2-Clause */
/* Part 2, 12.2.4 (TPMT_PUBLIC), 8.3 (TPMA_OBJECT); part 1, 16 (names). */
#include "replay/quote/internal.h"

#include <inttypes.h>

#include "core/crypto_key.h"

/* The default exponent, which TPMS_RSA_PARMS writes as 0. */
#define RSA_F4 65537

static const struct attribute_row {
	TPMA_OBJECT attribute;
	bool wanted;
	enum quote_key_fault fault;
} attribute_rows[] = {
	{TPMA_OBJECT_FIXEDTPM,             true,  QUOTE_KEY_NOT_FIXED_TPM            },
	{ TPMA_OBJECT_FIXEDPARENT,         true,  QUOTE_KEY_NOT_FIXED_PARENT         },
	{ TPMA_OBJECT_SENSITIVEDATAORIGIN, true,  QUOTE_KEY_NOT_SENSITIVE_DATA_ORIGIN},
	{ TPMA_OBJECT_RESTRICTED,          true,  QUOTE_KEY_NOT_RESTRICTED           },
	{ TPMA_OBJECT_SIGN_ENCRYPT,        true,  QUOTE_KEY_NOT_SIGN                 },
	{ TPMA_OBJECT_DECRYPT,             false, QUOTE_KEY_DECRYPT                  },
};

static void add_fault(struct quote_key *key, enum quote_key_fault fault)
{
	key->faults |= 1u << fault;
}

static void check_attributes(struct quote_key *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(attribute_rows); i++) {
		bool set = (key->attributes & attribute_rows[i].attribute) != 0;

		if (set != attribute_rows[i].wanted)
			add_fault(key, attribute_rows[i].fault);
	}
	/* 256 bits, all of SHA-2, SHA-3 and SM3; SHA-1 is weaker, ALG_NONE is nothing. */
	if (alg_size(key->name_alg) < 32)
		add_fault(key, QUOTE_KEY_NAME_ALG);
}

/* What every form of a key shows. */
static void check_numbers(struct quote_key *key)
{
	const struct public_key *numbers = key->public_key;

	snprintf(key->description, sizeof(key->description), "%s", public_key_name(numbers));
	switch (public_key_type(numbers)) {
	case KEY_RSA:
		if (public_key_bits(numbers) < 2048)
			add_fault(key, QUOTE_KEY_SIZE);
		if (public_key_exponent(numbers) != RSA_F4)
			add_fault(key, QUOTE_KEY_EXPONENT);
		break;
	case KEY_EC:
		if (public_key_curve(numbers) == CURVE_OTHER)
			add_fault(key, public_key_bits(numbers) < 256 ? QUOTE_KEY_SIZE
								      : QUOTE_KEY_CURVE);
		break;
	case KEY_OTHER:
		add_fault(key, QUOTE_KEY_CURVE);
		break;
	}
}

static int at_offset(struct error *err, const struct reader *in, uint64_t at, const char *what)
{
	struct error inner = *err;

	return error_set(err, inner.code, in->source, at, "%s: %s", what, inner.message);
}

static void set_scheme(struct quote_key *key, uint16_t scheme, uint16_t hash)
{
	key->scheme = scheme_of_id(scheme);
	key->hash = key->scheme == QUOTE_SCHEME_NULL ? ALG_NONE : alg_of_tpm_id(hash);
}

static int read_rsa_key(struct reader *in, const TPMS_RSA_PARMS *parms, struct quote_key *key,
			struct error *err)
{
	uint64_t at = reader_offset(in);
	struct bytes modulus;

	if (read_tpm2b(in, sizeof(((TPM2B_PUBLIC_KEY_RSA *)NULL)->buffer), "unique", &modulus,
		       err) < 0)
		return -1;
	if (modulus.size * 8 != parms->keyBits || modulus.size == 0 || modulus.data[0] < 0x80)
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "unique: not a modulus of %u bits (%zu bytes)", parms->keyBits,
				 modulus.size);
	set_scheme(key, parms->scheme.scheme, parms->scheme.details.anySig.hashAlg);
	if (public_key_new_rsa(modulus, parms->exponent ? parms->exponent : RSA_F4,
			       &key->public_key, err) < 0)
		return at_offset(err, in, at, "unique");
	check_numbers(key);
	return 0;
}

static const struct curve_row {
	TPM2_ECC_CURVE id;
	enum key_curve curve;
	const char *name;
	enum quote_key_fault fault; /* for CURVE_OTHER */
} curve_rows[] = {
	{TPM2_ECC_NIST_P256,  CURVE_P256,  NULL,      0              },
	{ TPM2_ECC_NIST_P384, CURVE_P384,  NULL,      0              },
	{ TPM2_ECC_NIST_P521, CURVE_P521,  NULL,      0              },
	{ TPM2_ECC_NIST_P192, CURVE_OTHER, "P-192",   QUOTE_KEY_SIZE },
	{ TPM2_ECC_NIST_P224, CURVE_OTHER, "P-224",   QUOTE_KEY_SIZE },
	{ TPM2_ECC_BN_P256,   CURVE_OTHER, "BN P256", QUOTE_KEY_CURVE},
	{ TPM2_ECC_BN_P638,   CURVE_OTHER, "BN P638", QUOTE_KEY_CURVE},
	{ TPM2_ECC_SM2_P256,  CURVE_OTHER, "SM2",     QUOTE_KEY_CURVE},
};

static void describe_other_curve(struct quote_key *key, TPM2_ECC_CURVE id)
{
	for (size_t i = 0; i < ARRAY_SIZE(curve_rows); i++) {
		if (curve_rows[i].id != id)
			continue;
		snprintf(key->description, sizeof(key->description), "ECC %s", curve_rows[i].name);
		add_fault(key, curve_rows[i].fault);
		return;
	}
	snprintf(key->description, sizeof(key->description), "ECC curve 0x%04x", id);
	add_fault(key, QUOTE_KEY_CURVE);
}

static int read_ecc_key(struct reader *in, const TPMS_ECC_PARMS *parms, struct quote_key *key,
			struct error *err)
{
	size_t max = sizeof(((TPM2B_ECC_PARAMETER *)NULL)->buffer);
	enum key_curve curve = CURVE_OTHER;
	uint64_t at = reader_offset(in);
	struct bytes x, y;

	if (read_tpm2b(in, max, "unique.x", &x, err) < 0 ||
	    read_tpm2b(in, max, "unique.y", &y, err) < 0)
		return -1;
	set_scheme(key, parms->scheme.scheme, parms->scheme.details.anySig.hashAlg);
	for (size_t i = 0; i < ARRAY_SIZE(curve_rows); i++)
		if (curve_rows[i].id == parms->curveID)
			curve = curve_rows[i].curve;
	if (curve == CURVE_OTHER) {
		describe_other_curve(key, parms->curveID);
		return 0;
	}
	if (public_key_new_ec(curve, x, y, &key->public_key, err) < 0)
		return at_offset(err, in, at, "unique");
	check_numbers(key);
	return 0;
}

/* Keyed hashes and symmetric ciphers: a digest, nothing public. */
static int read_secret_key(struct reader *in, uint16_t type, struct quote_key *key,
			   struct error *err)
{
	struct bytes unique;

	if (read_tpm2b(in, DIGEST_SIZE_MAX, "unique", &unique, err) < 0)
		return -1;
	snprintf(key->description, sizeof(key->description), "%s",
		 type == TPM2_ALG_KEYEDHASH ? "keyed hash" : "symmetric cipher");
	add_fault(key, QUOTE_KEY_NOT_ASYMMETRIC);
	return 0;
}

/* Name = nameAlg || H(TPMT_PUBLIC). An object without nameAlg has no name. */
static int set_name(struct quote_key *key, uint16_t name_alg_id, struct bytes area,
		    struct hasher *hasher, struct error *err)
{
	struct digest digest;

	if (key->name_alg == ALG_NONE || !hasher_has(hasher, key->name_alg))
		return 0;
	if (hasher_digest_bytes(hasher, key->name_alg, area, &digest, err) < 0)
		return -1;
	key->name[0] = (uint8_t)(name_alg_id >> 8);
	key->name[1] = (uint8_t)name_alg_id;
	memcpy(key->name + 2, digest.value, digest.size);
	key->name_size = 2u + digest.size;
	return 0;
}

static bool is_public_type(uint16_t type)
{
	return type == TPM2_ALG_RSA || type == TPM2_ALG_ECC || type == TPM2_ALG_KEYEDHASH ||
	       type == TPM2_ALG_SYMCIPHER;
}

/* TPMT_PUBLIC, all of what is left of in. */
static int read_public(struct reader *in, struct quote_key *key, struct hasher *hasher,
		       struct error *err)
{
	struct bytes area = bytes_of(in->data + in->pos, reader_left(in));
	uint64_t at = reader_offset(in);
	uint16_t type = reader_be16(in), name_alg = reader_be16(in);
	TPMU_PUBLIC_PARMS parms;
	struct bytes policy;
	int result;

	key->attributes = reader_be32(in);
	if (reader_check(in, err) < 0)
		return -1;
	if (!is_public_type(type))
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "TPMT_PUBLIC.type: 0x%04x is no kind of key", type);
	key->has_attributes = true;
	key->name_alg = alg_of_tpm_id(name_alg);
	if (read_tpm2b(in, DIGEST_SIZE_MAX, "authPolicy", &policy, err) < 0)
		return -1;
	at = reader_offset(in);
	memset(&parms, 0, sizeof(parms));
	{
		TSS2_RC rc = Tss2_MU_TPMU_PUBLIC_PARMS_Unmarshal(in->data, in->size, &in->pos, type,
								 &parms);

		if (rc)
			return unmarshal_error(in, at, rc, "TPMT_PUBLIC.parameters", err);
	}
	if (type == TPM2_ALG_RSA)
		result = read_rsa_key(in, &parms.rsaDetail, key, err);
	else if (type == TPM2_ALG_ECC)
		result = read_ecc_key(in, &parms.eccDetail, key, err);
	else
		result = read_secret_key(in, type, key, err);
	if (result < 0 || reader_finish(in, err) < 0)
		return -1;
	check_attributes(key);
	return set_name(key, name_alg, area, hasher, err);
}

static int read_tpm2b_public(struct bytes input, const char *source, struct quote_key *key,
			     struct hasher *hasher, struct error *err)
{
	struct reader in = reader_of(input, 0, source);
	size_t size = reader_be16(&in);

	if (size != input.size - 2)
		return error_set(err, size > input.size - 2 ? ERROR_TRUNCATED : ERROR_MALFORMED,
				 source, 0, "TPM2B_PUBLIC: says %zu bytes follow, %zu do", size,
				 input.size - 2);
	key->form = QUOTE_KEY_TPM2B_PUBLIC;
	return read_public(&in, key, hasher, err);
}

static bool contains(struct bytes haystack, const char *needle)
{
	size_t n = strlen(needle);

	for (size_t i = 0; n <= haystack.size && i <= haystack.size - n; i++)
		if (memcmp(haystack.data + i, needle, n) == 0)
			return true;
	return false;
}

static int key_read(struct bytes input, const char *source, struct quote_key *key,
		    struct hasher *hasher, struct error *err)
{
	struct reader in = reader_of(input, 0, source);
	uint16_t first = reader_be16(&in), second = reader_be16(&in);

	key->hash = key->name_alg = ALG_NONE;
	if (is_public_type(
		    second)) /* no nameAlg, with which a TPMT_PUBLIC goes on, has such a number */
		return read_tpm2b_public(input, source, key, hasher, err);
	if (is_public_type(first)) {
		in = reader_of(input, 0, source);
		key->form = QUOTE_KEY_TPMT_PUBLIC;
		return read_public(&in, key, hasher, err);
	}
	if (input.size > 0 && input.data[0] == 0x30) { /* SEQUENCE */
		key->form = QUOTE_KEY_DER;
		if (public_key_parse_der(input, source, &key->public_key, err) < 0)
			return -1;
	} else if (contains(input, "-----BEGIN ")) {
		key->form = QUOTE_KEY_PEM;
		if (public_key_parse_pem(input, source, &key->public_key, err) < 0)
			return -1;
	} else {
		return error_set(err, ERROR_MALFORMED, source, 0,
				 "no public key: neither TPM2B_PUBLIC, TPMT_PUBLIC, PEM nor DER");
	}
	check_numbers(key);
	return 0;
}

int quote_key_parse(struct bytes input, const char *source, struct hasher *hasher,
		    struct quote_key **out, struct error *err)
{
	AUTO(quote_key_freep) struct quote_key *key = calloc(1, sizeof(*key));
	struct error inner = { 0 };

	if (!key)
		return error_memory(err, source);
	if (key_read(input, source, key, hasher, &inner) < 0) {
		if (err)
			*err = inner;
		return -1;
	}
	*out = TAKE(key);
	return 0;
}

void quote_key_free(struct quote_key *key)
{
	if (!key)
		return;
	public_key_free(key->public_key);
	free(key);
}

void quote_key_freep(struct quote_key **key)
{
	quote_key_free(*key);
}

bool quote_key_equal(const struct quote_key *a, const struct quote_key *b)
{
	if (a->public_key && b->public_key)
		return public_key_equal(a->public_key, b->public_key);
	/* Curves without a public_key exist in TPM forms only, which have names. */
	return a->name_size > 0 &&
	       bytes_equal(bytes_of(a->name, a->name_size), bytes_of(b->name, b->name_size));
}

const char *quote_key_fault_text(enum quote_key_fault fault)
{
	static const char *const texts[QUOTE_KEY_FAULT_COUNT] = {
		[QUOTE_KEY_NOT_FIXED_TPM] = "not fixedTPM",
		[QUOTE_KEY_NOT_FIXED_PARENT] = "not fixedParent",
		[QUOTE_KEY_NOT_SENSITIVE_DATA_ORIGIN] = "not sensitiveDataOrigin",
		[QUOTE_KEY_NOT_RESTRICTED] = "not restricted",
		[QUOTE_KEY_NOT_SIGN] = "not sign",
		[QUOTE_KEY_DECRYPT] = "decrypt",
		[QUOTE_KEY_NOT_ASYMMETRIC] = "not an asymmetric key",
		[QUOTE_KEY_EXPONENT] = "RSA exponent is not 65537",
		[QUOTE_KEY_CURVE] = "none of RSA, P-256, P-384, P-521",
		[QUOTE_KEY_NAME_ALG] = "nameAlg weaker than SHA-256",
		[QUOTE_KEY_SIZE] = "too short",
	};

	return texts[fault];
}

char *quote_key_faults_text(uint32_t faults, char *out, size_t out_size)
{
	size_t used = 0;

	if (out_size)
		out[0] = 0;
	for (enum quote_key_fault fault = 0; fault < QUOTE_KEY_FAULT_COUNT; fault++) {
		int n;

		if (!(faults & 1u << fault))
			continue;
		n = snprintf(out + used, out_size - used, "%s%s", used ? ", " : "",
			     quote_key_fault_text(fault));
		if (n < 0 || (size_t)n >= out_size - used)
			break;
		used += (size_t)n;
	}
	return out;
}
