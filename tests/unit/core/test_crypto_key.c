/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_key.h"

#include "core/crypto.h"
#include "tests/unit/test.h"

#define VECTORS "tests/vectors/quote/"

/*
 * RFC 6979, A.2.5 and A.2.6: ECDSA over "sample" with SHA-256 on P-256, with SHA-384 on P-384, and on
 * P-521 with SHA-512 (A.2.7).
 */
#define P256_X "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
#define P256_Y "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
#define P256_R "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
#define P256_S "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"

#define P384_X                                                                                     \
	"EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64"                         \
	"DEF8F0EA9055866064A254515480BC13"
#define P384_Y                                                                                     \
	"8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1"                         \
	"288B231C3AE0D4FE7344FD2533264720"
#define P384_R                                                                                     \
	"94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C"                         \
	"81A648152E44ACF96E36DD1E80FABE46"
#define P384_S                                                                                     \
	"99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94F"                         \
	"A329C145786E679E7B82C71A38628AC8"

#define P521_X                                                                                     \
	"01894550D0785932E00EAA23B694F213F8C3121F86DC97A04E5A7167DB4E5BCD"                         \
	"371123D46E45DB6B5D5370A7F20FB633155D38FFA16D2BD761DCAC474B9A2F50"                         \
	"23A4"
#define P521_Y                                                                                     \
	"00493101C962CD4D2FDDF782285E64584139C2F91B47F87FF82354D6630F746A"                         \
	"28A0DB25741B5B34A828008B22ACC23F924FAAFBD4D33F81EA66956DFEAA2BFD"                         \
	"FCF5"
#define P521_R                                                                                     \
	"00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F"                         \
	"174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E3"                         \
	"77FA"
#define P521_S                                                                                     \
	"00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF"                         \
	"282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4"                         \
	"A67A"

static const struct ecdsa_case {
	const char *name;
	enum key_curve curve;
	enum alg alg;
	const char *x, *y, *r, *s;
} ecdsa_cases[] = {
	{"P-256",  CURVE_P256, ALG_SHA256, P256_X, P256_Y, P256_R, P256_S},
	{ "P-384", CURVE_P384, ALG_SHA384, P384_X, P384_Y, P384_R, P384_S},
	{ "P-521", CURVE_P521, ALG_SHA512, P521_X, P521_Y, P521_R, P521_S},
};

static struct digest digest_of(const char *text, enum alg alg)
{
	struct hasher *hasher = NULL;
	struct digest digest;

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(hasher_digest_bytes(hasher, alg, bytes_of_string(text), &digest, NULL), 0);
	hasher_free(hasher);
	return digest;
}

static void ecdsa(void **state)
{
	const struct ecdsa_case *row = *state;
	struct bytes x = test_hex(row->x), y = test_hex(row->y);
	struct bytes r = test_hex(row->r), s = test_hex(row->s);
	struct digest digest = digest_of("sample", row->alg);
	struct public_key *key = NULL;
	struct error err = { 0 };

	assert_int_equal(public_key_new_ec(row->curve, x, y, &key, &err), 0);
	assert_int_equal(public_key_type(key), KEY_EC);
	assert_int_equal(public_key_curve(key), row->curve);
	assert_int_equal(public_key_exponent(key), 0);
	assert_string_equal(public_key_name(key) + 4, row->name);
	assert_int_equal(public_key_verify_rs(key, &digest, r, s, &err), 1);
	assert_int_equal(public_key_verify_rs(key, &digest, s, r, &err), 0);
	assert_int_equal(public_key_verify_rs(key, &digest, bytes_of(NULL, 0), s, &err), 0);
	digest.value[0] ^= 1;
	assert_int_equal(public_key_verify_rs(key, &digest, r, s, &err), 0);
	public_key_free(key);
	test_drop(x);
	test_drop(y);
	test_drop(r);
	test_drop(s);
}

/* Numbers may come with leading zeros more, or without those they need. */
static void leading_zeros(void **state)
{
	const struct ecdsa_case *row = &ecdsa_cases[2];
	struct bytes x = test_hex(row->x), y = test_hex(row->y);
	struct bytes r = test_hex(row->r), s = test_hex(row->s);
	struct digest digest = digest_of("sample", row->alg);
	struct public_key *key = NULL, *other = NULL;

	(void)state;
	assert_int_equal(x.data[0] + y.data[0] + r.data[0] + s.data[0], 1);
	assert_int_equal(public_key_new_ec(row->curve, x, y, &key, NULL), 0);
	assert_int_equal(public_key_new_ec(row->curve, x, bytes_of(y.data + 1, y.size - 1), &other,
					   NULL),
			 0);
	assert_true(public_key_equal(key, other));
	assert_int_equal(public_key_verify_rs(other, &digest, bytes_of(r.data + 1, r.size - 1), s,
					      NULL),
			 1);
	public_key_free(key);
	public_key_free(other);
	test_drop(x);
	test_drop(y);
	test_drop(r);
	test_drop(s);
}

static void off_the_curve(void **state)
{
	struct bytes x = test_hex(ecdsa_cases[0].x), y = test_hex(ecdsa_cases[0].y);
	struct bytes long_x = test_hex(ecdsa_cases[1].x);
	struct public_key *key = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(public_key_new_ec(CURVE_P256, y, x, &key, &err), -1);
	test_error(&err, ERROR_MALFORMED, ERROR_NO_OFFSET);
	assert_int_equal(public_key_new_ec(CURVE_P256, bytes_of(NULL, 0), bytes_of(NULL, 0), &key,
					   &err),
			 -1);
	test_error(&err, ERROR_MALFORMED, ERROR_NO_OFFSET);
	assert_int_equal(public_key_new_ec(CURVE_P256, long_x, y, &key, &err), -1);
	test_error(&err, ERROR_MALFORMED, ERROR_NO_OFFSET);
	assert_int_equal(public_key_new_ec(CURVE_OTHER, x, y, &key, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	assert_null(key);
	test_drop(x);
	test_drop(y);
	test_drop(long_x);
}

static struct public_key *key_of_file(const char *name)
{
	struct public_key *key = NULL;
	struct bytes input;
	char path[256];
	struct error err = { 0 };
	int result;

	snprintf(path, sizeof(path), VECTORS "%s", name);
	input = test_file(path);
	result = input.data[0] == 0x30 ? public_key_parse_der(input, name, &key, &err)
				       : public_key_parse_pem(input, name, &key, &err);
	if (result < 0)
		fail_msg("%s: %s", name, err.message);
	test_drop(input);
	return key;
}

static void rsa(void **state)
{
	struct public_key *key = key_of_file("good-rsassa-sha256.pem");
	struct bytes message = test_file(VECTORS "good-rsassa-sha256.msg");
	struct bytes signature = test_file(VECTORS "good-rsassa-sha256.plain");
	struct hasher *hasher = NULL;
	struct digest digest;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, message, &digest, NULL), 0);
	assert_int_equal(public_key_type(key), KEY_RSA);
	assert_int_equal(public_key_bits(key), 2048);
	assert_int_equal(public_key_exponent(key), 65537);
	assert_string_equal(public_key_name(key), "RSA 2048");
	assert_int_equal(public_key_verify(key, SIGNATURE_RSASSA, &digest, signature, &err), 1);
	assert_int_equal(public_key_verify(key, SIGNATURE_RSAPSS, &digest, signature, &err), 0);
	assert_int_equal(public_key_verify(key, SIGNATURE_ECDSA, &digest, signature, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	assert_int_equal(public_key_verify(key, SIGNATURE_RSASSA, &digest,
					   bytes_of(signature.data, 255), &err),
			 0);
	assert_int_equal(public_key_verify(key, SIGNATURE_RSASSA, &digest, bytes_of(NULL, 0), &err),
			 0);
	digest.alg = ALG_SHA384; /* of another size than it says */
	assert_int_equal(public_key_verify(key, SIGNATURE_RSASSA, &digest, signature, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	public_key_free(key);
	hasher_free(hasher);
	test_drop(message);
	test_drop(signature);
}

/* Same key by numbers, with the exponent and zeros before the modulus. */
static void rsa_from_numbers(void **state)
{
	struct public_key *key = key_of_file("good-rsassa-sha256.pem"), *built = NULL;
	struct bytes area = test_file(VECTORS "good-rsassa-sha256.pub");
	struct bytes modulus = bytes_of(area.data + 26, 256);
	uint8_t padded[257] = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(public_key_new_rsa(modulus, 65537, &built, &err), 0);
	assert_true(public_key_equal(key, built));
	public_key_free(built);
	memcpy(padded + 1, modulus.data, 256);
	assert_int_equal(public_key_new_rsa(bytes_of(padded, 257), 65537, &built, &err), 0);
	assert_true(public_key_equal(key, built));
	public_key_free(built);
	assert_int_equal(public_key_new_rsa(modulus, 3, &built, &err), 0);
	assert_false(public_key_equal(key, built));
	assert_int_equal(public_key_exponent(built), 3);
	public_key_free(built);
	built = NULL;
	assert_int_equal(public_key_new_rsa(bytes_of(NULL, 0), 65537, &built, &err), -1);
	test_error(&err, ERROR_MALFORMED, ERROR_NO_OFFSET);
	assert_null(built);
	public_key_free(key);
	test_drop(area);
}

static const struct form_case {
	const char *name, *a, *b;
} form_cases[] = {
	{"SPKI and PKCS 1",      "good-rsassa-sha256.pem",     "good-rsassa-sha256.pkcs1.pem"},
	{ "PEM and DER",         "good-rsassa-sha256.pem",     "good-rsassa-sha256.der"      },
	{ "ECC PEM and DER",     "good-ecdsa-p256-sha256.pem", "good-ecdsa-p256-sha256.der"  },
	{ "key and certificate", "good-rsapss-max-salt.pem",   "good-rsapss-max-salt.crt.pem"},
	{ "certificates",        "good-rsapss-max-salt.crt",   "good-rsapss-max-salt.crt.pem"},
};

static void form(void **state)
{
	const struct form_case *row = *state;
	struct public_key *a = key_of_file(row->a), *b = key_of_file(row->b);

	assert_true(public_key_equal(a, b));
	public_key_free(a);
	public_key_free(b);
}

#define ED25519                                                                                    \
	"-----BEGIN PUBLIC KEY-----\n"                                                             \
	"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"                           \
	"-----END PUBLIC KEY-----\n"

/* RFC 8410, 10.1: a key of a kind that verifies nothing here is described all the same. */
static void other_kind(void **state)
{
	struct bytes input = test_copy(bytes_of_string("Ed25519, RFC 8410\n" ED25519 "\n"));
	struct digest digest = digest_of("sample", ALG_SHA256);
	struct public_key *key = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(public_key_parse_pem(input, "input", &key, &err), 0);
	assert_int_equal(public_key_type(key), KEY_OTHER);
	assert_string_equal(public_key_name(key), "ED25519");
	assert_int_equal(public_key_verify(key, SIGNATURE_RSASSA, &digest, input, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	assert_int_equal(public_key_verify_rs(key, &digest, input, input, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	public_key_free(key);
	test_drop(input);
}

#define TWO_KEYS ED25519 ED25519

static const struct bad_case {
	const char *name, *text, *says;
} bad_pem[] = {
	{"empty",            "",							       "no whole PEM block"     },
	{ "no end",          "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n",                 "no whole PEM block"     },
	{ "no base64",       "-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----\n",
         "no whole PEM"												 },
	{ "nonsense inside", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
         "its contents are not one"										     },
	{ "a private key",   "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
         "PEM block PRIVATE KEY"											},
	{ "two keys",        TWO_KEYS,							 "more than one PEM block"},
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes input = test_copy(bytes_of_string(row->text));
	struct public_key *key = NULL;
	struct error err = { 0 };

	assert_int_equal(public_key_parse_pem(input, "input", &key, &err), -1);
	assert_int_equal(err.code, ERROR_MALFORMED);
	if (!strstr(err.message, row->says))
		fail_msg("says: %s", err.message);
	assert_null(key);
	test_drop(input);
}

static void too_large(void **state)
{
	size_t size = (1 << 20) + 1;
	uint8_t *data = calloc(1, size);
	struct public_key *key = NULL;
	struct error err = { 0 };

	(void)state;
	assert_non_null(data);
	assert_int_equal(public_key_parse_pem(bytes_of(data, size), "input", &key, &err), -1);
	test_error(&err, ERROR_LIMIT, ERROR_NO_OFFSET);
	assert_int_equal(public_key_parse_der(bytes_of(data, size), "input", &key, &err), -1);
	test_error(&err, ERROR_LIMIT, ERROR_NO_OFFSET);
	free(data);
}

static void cut_der(void **state)
{
	struct bytes whole = test_file(VECTORS "good-rsapss-max-salt.crt");
	struct public_key *key = NULL;

	(void)state;
	for (size_t size = 0; size < whole.size; size++) {
		struct bytes input = test_copy(bytes_of(whole.data, size));

		assert_int_equal(public_key_parse_der(input, "cut", &key, NULL), -1);
		test_drop(input);
	}
	test_drop(whole);
}

static void allocations_fail(void **state)
{
	struct bytes x = test_hex(ecdsa_cases[0].x), y = test_hex(ecdsa_cases[0].y);
	struct public_key *key = NULL;
	struct error err = { 0 };

	(void)state;
	test_alloc_fail(1);
	assert_int_equal(public_key_new_ec(CURVE_P256, x, y, &key, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_true(test_alloc_failed());
	test_alloc_fail(2);
	assert_int_equal(public_key_new_ec(CURVE_P256, x, y, &key, &err), 0);
	test_alloc_fail(0);
	public_key_free(key);
	test_drop(x);
	test_drop(y);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, ecdsa, ecdsa_cases);
	TEST(&tests, leading_zeros);
	TEST(&tests, off_the_curve);
	TEST(&tests, rsa);
	TEST(&tests, rsa_from_numbers);
	TEST_ROWS(&tests, form, form_cases);
	TEST(&tests, other_kind);
	TEST_ROWS(&tests, bad, bad_pem);
	TEST(&tests, too_large);
	TEST(&tests, cut_der);
	TEST(&tests, allocations_fail);
	return test_run(&tests, "core/crypto_key");
}
