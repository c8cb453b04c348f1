/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_key.h"
#include "tests/unit/replay/quote/load.h"

#define RSA "good-rsassa-sha256.pub"
#define ECC "good-ecdsa-p256-sha256.pub"
#define ATTRIBUTES_OF_AK                                                                           \
	0x00050072u /* fixedTPM fixedParent sensitiveDataOrigin userWithAuth restricted sign */

static struct quote_key *parse(struct bytes input, const char *name)
{
	struct hasher *hasher = NULL;
	struct quote_key *key = NULL;
	struct error err = { 0 };

	assert_int_equal(hasher_new(&hasher, &err), 0);
	if (quote_key_parse(input, name, hasher, &key, &err) < 0)
		fail_msg("%s: %s", err.source, err.message);
	hasher_free(hasher);
	return key;
}

static struct quote_key *parse_file(const char *name)
{
	struct bytes input = load_file(VECTORS, name);
	struct quote_key *key = parse(input, name);

	test_drop(input);
	return key;
}

static const struct form_case {
	const char *name, *file;
	enum quote_key_form form;
	const char *description;
	enum quote_scheme scheme;
	enum alg hash;
	uint32_t faults;
} form_cases[] = {
	{"RSA",               RSA,			    QUOTE_KEY_TPM2B_PUBLIC, "RSA 2048",  QUOTE_SCHEME_RSASSA, ALG_SHA256, 0                                                               },
	{ "RSA TPMT",         "good-rsassa-sha256.tpmt",      QUOTE_KEY_TPMT_PUBLIC,  "RSA 2048",
         QUOTE_SCHEME_RSASSA,											   ALG_SHA256, 0							       },
	{ "RSA PEM",          "good-rsassa-sha256.pem",       QUOTE_KEY_PEM,          "RSA 2048",  QUOTE_SCHEME_NULL,
         ALG_NONE,														  0							       },
	{ "RSA PKCS 1",       "good-rsassa-sha256.pkcs1.pem", QUOTE_KEY_PEM,          "RSA 2048",
         QUOTE_SCHEME_NULL,											     ALG_NONE,   0							       },
	{ "RSA DER",          "good-rsassa-sha256.der",       QUOTE_KEY_DER,          "RSA 2048",  QUOTE_SCHEME_NULL,
         ALG_NONE,														  0							       },
	{ "certificate PEM",  "good-rsapss-max-salt.crt.pem", QUOTE_KEY_PEM,          "RSA 2048",
         QUOTE_SCHEME_NULL,											     ALG_NONE,   0							       },
	{ "certificate DER",  "good-rsapss-max-salt.crt",     QUOTE_KEY_DER,          "RSA 2048",
         QUOTE_SCHEME_NULL,											     ALG_NONE,   0							       },
	{ "RSAPSS",           "good-rsapss-sha256.pub",       QUOTE_KEY_TPM2B_PUBLIC, "RSA 2048",
         QUOTE_SCHEME_RSAPSS,											   ALG_SHA256, 0							       },
	{ "P-256",            ECC,			    QUOTE_KEY_TPM2B_PUBLIC, "ECC P-256", QUOTE_SCHEME_ECDSA,  ALG_SHA256, 0                                                               },
	{ "P-256 TPMT",       "good-ecdsa-p256-sha256.tpmt",  QUOTE_KEY_TPMT_PUBLIC,  "ECC P-256",
         QUOTE_SCHEME_ECDSA,											    ALG_SHA256, 0							       },
	{ "P-256 PEM",        "good-ecdsa-p256-sha256.pem",   QUOTE_KEY_PEM,          "ECC P-256", QUOTE_SCHEME_NULL,
         ALG_NONE,														  0							       },
	{ "P-256 DER",        "good-ecdsa-p256-sha256.der",   QUOTE_KEY_DER,          "ECC P-256", QUOTE_SCHEME_NULL,
         ALG_NONE,														  0							       },
	{ "P-384",            "good-ecdsa-p384-sha384.pub",   QUOTE_KEY_TPM2B_PUBLIC, "ECC P-384",
         QUOTE_SCHEME_ECDSA,											    ALG_SHA384, 0							       },
	{ "P-521",            "good-ecdsa-p521-sha512.pub",   QUOTE_KEY_TPM2B_PUBLIC, "ECC P-521",
         QUOTE_SCHEME_ECDSA,											    ALG_SHA512, 0							       },
	{ "unrestricted",     "bad-unrestricted.pub",         QUOTE_KEY_TPM2B_PUBLIC, "RSA 2048",
         QUOTE_SCHEME_RSASSA,											   ALG_SHA256, 1u << QUOTE_KEY_NOT_RESTRICTED                                  },
	{ "movable",          "bad-movable.pub",              QUOTE_KEY_TPM2B_PUBLIC, "ECC P-256", QUOTE_SCHEME_ECDSA,
         ALG_SHA256,														1u << QUOTE_KEY_NOT_FIXED_TPM | 1u << QUOTE_KEY_NOT_FIXED_PARENT},
	{ "sign and decrypt", "bad-open-scheme.pub",          QUOTE_KEY_TPM2B_PUBLIC, "RSA 2048",
         QUOTE_SCHEME_NULL,											     ALG_NONE,   1u << QUOTE_KEY_NOT_RESTRICTED | 1u << QUOTE_KEY_DECRYPT        },
	{ "EK",               "bad-ek.pub",                   QUOTE_KEY_TPM2B_PUBLIC, "RSA 2048",  QUOTE_SCHEME_NULL,   ALG_NONE,
         1u << QUOTE_KEY_NOT_SIGN | 1u << QUOTE_KEY_DECRYPT																	 },
	{ "RSA 1024",         "bad-rsa1024.pub",              QUOTE_KEY_TPM2B_PUBLIC, "RSA 1024",  QUOTE_SCHEME_RSASSA,
         ALG_SHA256,														1u << QUOTE_KEY_SIZE					    },
	{ "P-224",            "unsupported-p224.pub",         QUOTE_KEY_TPM2B_PUBLIC, "ECC P-224", QUOTE_SCHEME_ECDSA,
         ALG_SHA256,														1u << QUOTE_KEY_SIZE					    },
};

static void form(void **state)
{
	const struct form_case *row = *state;
	struct quote_key *key = parse_file(row->file);

	assert_int_equal(key->form, row->form);
	assert_int_equal(key->has_attributes,
			 row->form == QUOTE_KEY_TPM2B_PUBLIC || row->form == QUOTE_KEY_TPMT_PUBLIC);
	assert_string_equal(key->description, row->description);
	assert_int_equal(key->scheme, row->scheme);
	assert_int_equal(key->hash, row->hash);
	assert_int_equal(key->faults, row->faults);
	quote_key_free(key);
}

static const struct name_case {
	const char *name, *file, *name_file;
} name_cases[] = {
	{"RSA",       RSA,			   "good-rsassa-sha256.name"    },
	{ "RSA TPMT", "good-rsassa-sha256.tpmt",     "good-rsassa-sha256.name"    },
	{ "ECC",      ECC,			   "good-ecdsa-p256-sha256.name"},
	{ "ECC TPMT", "good-ecdsa-p256-sha256.tpmt", "good-ecdsa-p256-sha256.name"},
};

/* What the TPM said the key's name is. */
static void key_name(void **state)
{
	const struct name_case *row = *state;
	struct quote_key *key = parse_file(row->file);
	struct bytes expected = load_file(VECTORS, row->name_file);

	test_bytes(bytes_of(key->name, key->name_size), expected);
	assert_int_equal(key->attributes, ATTRIBUTES_OF_AK);
	assert_int_equal(key->name_alg, ALG_SHA256);
	test_drop(expected);
	quote_key_free(key);
}

/* Places in RSA: size 0, type 2, nameAlg 4, objectAttributes 6, authPolicy 10, symmetric 12,
 * scheme 14, its hash 16, keyBits 18, exponent 20, unique 24, end 282. */
static const struct fault_case {
	const char *name;
	struct change change;
	uint32_t faults;
} fault_cases[] = {
	{"none",		      { 0 },                 0			       },
	{ "exponent written out",     { 20, "00010001", 0 }, 0                               },
	{ "exponent 3",               { 20, "00000003", 0 }, 1u << QUOTE_KEY_EXPONENT        },
	{ "exponent 1",               { 20, "00000001", 0 }, 1u << QUOTE_KEY_EXPONENT        },
	{ "exponent 65539",           { 20, "00010003", 0 }, 1u << QUOTE_KEY_EXPONENT        },
	{ "not fixedTPM",             { 6, "00050070", 0 },  1u << QUOTE_KEY_NOT_FIXED_TPM   },
	{ "not fixedParent",          { 6, "00050062", 0 },  1u << QUOTE_KEY_NOT_FIXED_PARENT},
	{ "not sensitiveDataOrigin",
         { 6, "00050052", 0 },
         1u << QUOTE_KEY_NOT_SENSITIVE_DATA_ORIGIN                                           },
	{ "not restricted",           { 6, "00040072", 0 },  1u << QUOTE_KEY_NOT_RESTRICTED  },
	{ "not sign",                 { 6, "00010072", 0 },  1u << QUOTE_KEY_NOT_SIGN        },
	{ "decrypt, too",             { 6, "00070072", 0 },  1u << QUOTE_KEY_DECRYPT         },
	{ "not userWithAuth is fine", { 6, "00050032", 0 },  0                               },
	{ "no attributes at all",
         { 6, "00000000", 0 },
         1u << QUOTE_KEY_NOT_FIXED_TPM | 1u << QUOTE_KEY_NOT_FIXED_PARENT |
		  1u << QUOTE_KEY_NOT_SENSITIVE_DATA_ORIGIN | 1u << QUOTE_KEY_NOT_RESTRICTED |
		  1u << QUOTE_KEY_NOT_SIGN						   },
	{ "nameAlg SHA-1",            { 4, "0004", 0 },      1u << QUOTE_KEY_NAME_ALG        },
	{ "nameAlg none",             { 4, "0010", 0 },      1u << QUOTE_KEY_NAME_ALG        },
	{ "nameAlg unknown",          { 4, "4444", 0 },      1u << QUOTE_KEY_NAME_ALG        },
	{ "nameAlg SHA-384",          { 4, "000c", 0 },      0                               },
};

static void fault(void **state)
{
	const struct fault_case *row = *state;
	struct bytes input = load_changed(RSA, row->change);
	struct quote_key *key = parse(input, RSA);
	char text[512];

	assert_int_equal(key->faults, row->faults);
	quote_key_faults_text(key->faults, text, sizeof(text));
	for (enum quote_key_fault i = 0; i < QUOTE_KEY_FAULT_COUNT; i++)
		if (row->faults & 1u << i)
			assert_non_null(strstr(text, quote_key_fault_text(i)));
	assert_int_equal(text[0] == 0, row->faults == 0);
	if (key->name_alg == ALG_NONE)
		assert_int_equal(key->name_size, 0);
	quote_key_free(key);
	test_drop(input);
}

static void secret_keys(void **state)
{
	/* TPM2B_PUBLIC of a keyed hash (HMAC with SHA-256) and of a symmetric cipher (AES 128 CFB). */
	static const char *const keys[] = {
		"0014 0008 000b 00050072 0000 0005 000b 0004 aabbccdd",
		"001a 0025 000b 00050072 0000 0006 0080 0043 0008 aabbccddaabbccdd",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct bytes input = test_hex(keys[i]);
		struct quote_key *key = parse(input, "input");

		assert_null(key->public_key);
		assert_int_equal(key->faults, 1u << QUOTE_KEY_NOT_ASYMMETRIC);
		quote_key_free(key);
		test_drop(input);
	}
}

static const struct bad_case {
	const char *name, *file;
	struct change change;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",		      RSA,			{ 0, NULL, CHANGE_EMPTY }, ERROR_MALFORMED, 0  },
	{ "a byte",		    RSA,                        { 0, NULL, 1 },            ERROR_MALFORMED, 0  },
	{ "cut",		       RSA,			{ 0, NULL, 281 },          ERROR_TRUNCATED, 0  },
	{ "a byte more",               RSA,                        { 0, NULL, 283 },          ERROR_MALFORMED, 0  },
	{ "a byte more inside",        RSA,                        { 0, "0119", 283 },        ERROR_MALFORMED, 282},
	{ "cut inside the modulus",    RSA,                        { 0, "0116", 280 },        ERROR_TRUNCATED, 24 },
	{ "cut inside the parameters", RSA,                        { 0, "000a", 12 },         ERROR_TRUNCATED, 12 },
	{ "cut inside the attributes", RSA,                        { 0, "0006", 8 },          ERROR_TRUNCATED, 6  },
	{ "no type of key",            RSA,                        { 2, "0002", 0 },          ERROR_MALFORMED, 0  },
	{ "policy too long",           RSA,                        { 10, "0041", 0 },         ERROR_MALFORMED, 10 },
	{ "symmetric of no kind",      RSA,                        { 12, "7777", 0 },         ERROR_MALFORMED, 12 },
	{ "fewer bits than it has",    RSA,                        { 18, "0400", 0 },         ERROR_MALFORMED, 24 },
	{ "modulus too long",          RSA,                        { 24, "0201", 0 },         ERROR_MALFORMED, 24 },
	{ "modulus with a zero",       RSA,                        { 26, "00", 0 },           ERROR_MALFORMED, 24 },
	{ "template without a key",    RSA,                        { 0, "001800010000", 26 }, ERROR_TRUNCATED, 24 },
	{ "a quote",                   "good-rsassa-sha256.msg",   { 0 },                     ERROR_MALFORMED, 0  },
	{ "a signature",               "good-rsassa-sha256.plain", { 0 },                     ERROR_MALFORMED, 0  },
 /* y begins at 58 */
	{ "point off the curve",       ECC,                        { 60, "0000000000", 0 },   ERROR_MALFORMED, 22 },
	{ "coordinate too long",       ECC,                        { 22, "0081", 0 },         ERROR_MALFORMED, 22 },
	{ "point of another curve",    ECC,                        { 18, "0004", 0 },         ERROR_MALFORMED, 22 },
	{ "DER cut",                   "good-rsassa-sha256.der",   { 0, NULL, 293 },          ERROR_MALFORMED, 0  },
	{ "DER and a byte more",       "good-rsassa-sha256.der",   { 0, NULL, 295 },          ERROR_MALFORMED, 0  },
	{ "PEM cut",                   "good-rsassa-sha256.pem",   { 0, NULL, 440 },          ERROR_MALFORMED, 0  },
	{ "PEM of nonsense",           "good-rsassa-sha256.pem",   { 30, "41414141", 0 },     ERROR_MALFORMED, 0  },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes input = load_changed(row->file, row->change);
	struct hasher *hasher = NULL;
	struct quote_key *key = NULL;
	struct error err = { 0 };

	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(quote_key_parse(input, row->file, hasher, &key, &err), -1);
	test_error(&err, row->code, row->offset);
	assert_string_equal(err.source, row->file);
	assert_null(key);
	hasher_free(hasher);
	test_drop(input);
}

static void cut_everywhere(void **state)
{
	static const char *const files[] = { RSA, ECC, "good-ecdsa-p256-sha256.tpmt" };
	struct hasher *hasher = NULL;
	struct quote_key *key = NULL;

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct bytes whole = load_file(VECTORS, files[i]);

		for (size_t size = 0; size < whole.size; size++) {
			struct bytes input = test_copy(bytes_of(whole.data, size));

			assert_int_equal(quote_key_parse(input, "cut", hasher, &key, NULL), -1);
			test_drop(input);
		}
		test_drop(whole);
	}
	hasher_free(hasher);
}

/* Any change to a key changes its name, or makes it no key. */
static void flip_everywhere(void **state)
{
	struct bytes whole = load_file(VECTORS, ECC);
	struct quote_key *original = parse(whole, ECC);
	struct hasher *hasher = NULL;

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	for (size_t at = 0; at < whole.size; at++) {
		struct bytes input = test_copy(whole);
		struct quote_key *key = NULL;

		((uint8_t *)(uintptr_t)input.data)[at] ^= 0x01;
		if (quote_key_parse(input, "flipped", hasher, &key, NULL) == 0)
			assert_false(bytes_equal(bytes_of(key->name, key->name_size),
						 bytes_of(original->name, original->name_size)));
		quote_key_free(key);
		test_drop(input);
	}
	hasher_free(hasher);
	quote_key_free(original);
	test_drop(whole);
}

static const struct equal_case {
	const char *name, *a, *b;
	bool equal;
} equal_cases[] = {
	{"itself",			 RSA,                        RSA,                          true },
	{ "TPM2B and TPMT",                RSA,                        "good-rsassa-sha256.tpmt",    true },
	{ "TPM2B and PEM",                 RSA,                        "good-rsassa-sha256.pem",     true },
	{ "DER and PEM",                   "good-rsassa-sha256.der",   "good-rsassa-sha256.pem",     true },
	{ "key and certificate",           "good-rsapss-max-salt.pem", "good-rsapss-max-salt.crt",   true },
	{ "ECC and PEM",                   ECC,                        "good-ecdsa-p256-sha256.pem", true },
	{ "ECC and DER",                   ECC,                        "good-ecdsa-p256-sha256.der", true },
	{ "a curve we do not verify with", "unsupported-p224.pub",     "unsupported-p224.pub",       true },
	{ "RSA and ECC",                   RSA,                        ECC,                          false},
	{ "two RSA keys",                  RSA,                        "good-rsapss-sha256.pub",     false},
	{ "two ECC keys",                  ECC,                        "bad-movable.pub",            false},
	{ "two curves",                    ECC,                        "good-ecdsa-p384-sha384.pub", false},
	{ "two PEM keys",                  "good-rsassa-sha256.pem",   "good-rsapss-max-salt.pem",   false},
	{ "P-224 and another",             "unsupported-p224.pub",     ECC,                          false},
};

static void equal(void **state)
{
	const struct equal_case *row = *state;
	struct quote_key *a = parse_file(row->a), *b = parse_file(row->b);

	assert_int_equal(quote_key_equal(a, b), row->equal);
	assert_int_equal(quote_key_equal(b, a), row->equal);
	quote_key_free(a);
	quote_key_free(b);
}

static void allocations_fail(void **state)
{
	struct bytes input = load_file(VECTORS, RSA);
	struct hasher *hasher = NULL;
	struct quote_key *key = NULL;
	unsigned n = 0;
	int result;

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	do {
		struct error err = { 0 };

		test_alloc_fail(++n);
		result = quote_key_parse(input, RSA, hasher, &key, &err);
		test_alloc_fail(0);
		if (result < 0)
			assert_int_equal(err.code, ERROR_SYSTEM);
	} while (result < 0 && n < 100);
	assert_int_equal(result, 0);
	assert_true(n > 1);
	quote_key_free(key);
	hasher_free(hasher);
	test_drop(input);
}

static void faults_text_is_cut(void **state)
{
	char text[16];

	(void)state;
	quote_key_faults_text(1u << QUOTE_KEY_DECRYPT | 1u << QUOTE_KEY_EXPONENT, text,
			      sizeof(text));
	assert_int_equal(strlen(text) < sizeof(text), 1);
	assert_int_equal(strncmp(text, "decrypt", 7), 0);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, form, form_cases);
	TEST_ROWS(&tests, key_name, name_cases);
	TEST_ROWS(&tests, fault, fault_cases);
	TEST(&tests, secret_keys);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_everywhere);
	TEST(&tests, flip_everywhere);
	TEST_ROWS(&tests, equal, equal_cases);
	TEST(&tests, allocations_fail);
	TEST(&tests, faults_text_is_cut);
	return test_run(&tests, "replay/quote/key");
}
