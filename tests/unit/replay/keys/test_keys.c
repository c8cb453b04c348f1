/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors: our captures (tests/vectors/README.md); what is forged is made of them. */
#include "replay/keys/keys.h"

#include "core/crypto_key.h"
#include "core/own.h"
#include "tests/unit/test.h"

#define CAPTURES "tests/vectors/captures/"
#define CAPTURE  CAPTURES "sb-grub/"

static struct quote_key *key_of(const char *path)
{
	struct hasher *hasher = NULL;
	struct quote_key *key = NULL;
	struct bytes file = test_file(path);

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(quote_key_parse(file, path, hasher, &key, NULL), 0);
	hasher_free(hasher);
	test_drop(file);
	return key;
}

/* --- credentials ------------------------------------------------------------------------------------- */

static const struct real_case {
	const char *name, *blob, *secret;
} real_cases[] = {
	{"sb-grub",          CAPTURE "credential.blob",             CAPTURE "credential.secret"         },
	{ "sb-grub, ECC AK", CAPTURE "credential-ecc.blob",         CAPTURE "credential-ecc.secret"     },
	{ "uki-sdboot",      CAPTURES "uki-sdboot/credential.blob",
         CAPTURES "uki-sdboot/credential.secret"							},
	{ "efistub",         CAPTURES "efistub/credential.blob",    CAPTURES "efistub/credential.secret"},
};

/* The size of the secret that was recovered, the EK's size and hash. */
static void real(void **state)
{
	const struct real_case *row = *state;
	struct bytes blob = test_file(row->blob), secret = test_file(row->secret);
	struct quote_key *ek = key_of(CAPTURE "ek.pub");
	struct credential credential, bare;

	assert_int_equal(credential_parse(blob, row->blob, &credential, NULL), 0);
	assert_true(credential.has_header);
	assert_int_equal(credential_secret_size(&credential), secret.size);
	assert_int_equal(credential.integrity.size, 32);
	assert_int_equal(credential.seed.size, 256);
	assert_int_equal(credential.x.size, 0);
	assert_null(credential_misfit(&credential, ek->public_key, ek->name_alg));
	assert_null(credential_misfit(&credential, ek->public_key, ALG_NONE));
	assert_non_null(credential_misfit(&credential, ek->public_key, ALG_SHA384));
	/* Without tpm2-tools' header it is the same. */
	assert_int_equal(credential_parse(bytes_of(blob.data + 8, blob.size - 8), row->blob, &bare,
					  NULL),
			 0);
	assert_false(bare.has_header);
	test_bytes(bare.seed, credential.seed);
	quote_key_free(ek);
	test_drop(blob);
	test_drop(secret);
}

/* Another key than an RSA 2048 EK. */
static void misfits(void **state)
{
	struct bytes blob = test_file(CAPTURE "credential.blob");
	struct quote_key *ecc = key_of(CAPTURE "ak-ecc.pub");
	struct credential credential;

	(void)state;
	assert_int_equal(credential_parse(blob, "blob", &credential, NULL), 0);
	assert_non_null(
		strstr(credential_misfit(&credential, ecc->public_key, ALG_SHA256), "no point"));
	quote_key_free(ecc);
	test_drop(blob);
}

/* RFC 6979 A.2.5's point is on P-256; moved by one it is not. */
#define P256_X "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define P256_Y "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define HEAD                                                                                       \
	"badcc0de 00000001 0026 0020"                                                              \
	"1111111111111111111111111111111111111111111111111111111111111111"                         \
	"aaaaaaaa"

static void points(void **state)
{
	struct bytes good = test_hex(HEAD "0044 0020" P256_X "0020" P256_Y);
	struct bytes off = test_hex(HEAD "0044 0020" P256_Y "0020" P256_X);
	struct quote_key *ecc = key_of(CAPTURE "ak-ecc.pub"), *rsa = key_of(CAPTURE "ek.pub");
	struct credential credential;

	(void)state;
	assert_int_equal(credential_parse(good, "good", &credential, NULL), 0);
	assert_int_equal(credential_secret_size(&credential), 2);
	assert_null(credential_misfit(&credential, ecc->public_key, ALG_SHA256));
	assert_non_null(strstr(credential_misfit(&credential, rsa->public_key, ALG_SHA256), "RSA"));
	assert_int_equal(credential_parse(off, "off", &credential, NULL), 0);
	assert_non_null(
		strstr(credential_misfit(&credential, ecc->public_key, ALG_SHA256), "curve"));
	quote_key_free(ecc);
	quote_key_free(rsa);
	test_drop(good);
	test_drop(off);
}

static const struct bad_case {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",				"",			     ERROR_TRUNCATED,   0 },
	{ "only a header",                       "badcc0de 00000001",            ERROR_TRUNCATED,   8 },
	{ "cut in the header",                   "badcc0de 0000",                ERROR_TRUNCATED,   4 },
	{ "another version",                     "badcc0de 00000002 0000",       ERROR_UNSUPPORTED, 4 },
	{ "an object cut short",                 "0004 0001 aa",                 ERROR_TRUNCATED,   2 },
	{ "no HMAC",			     "0004 0000 aaaa 0001 bb",       ERROR_MALFORMED,   2 },
	{ "an HMAC longer than its object",      "0004 0003 aaaa 0001 bb",       ERROR_TRUNCATED,   4 },
	{ "no identity",			 "0003 0001 aa 0001 bb",         ERROR_MALFORMED,   5 },
	{ "an identity without a secret's size", "0004 0001 aa aa 0001 bb",      ERROR_MALFORMED,   5 },
	{ "no seed",			     "0005 0001 aa aaaa 0000",       ERROR_MALFORMED,   7 },
	{ "a seed cut short",                    "0005 0001 aa aaaa 0002 bb",    ERROR_TRUNCATED,   9 },
	{ "a seed longer than any",              "0005 0001 aa aaaa 0201 bb",    ERROR_MALFORMED,   7 },
	{ "bytes after it",                      "0005 0001 aa aaaa 0001 bb cc", ERROR_MALFORMED,   10},
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes input = test_hex(row->hex);
	struct credential credential;
	struct error err = { 0 };

	assert_int_equal(credential_parse(input, row->name, &credential, &err), -1);
	test_error(&err, row->code, row->offset);
	test_drop(input);
}

static void credential_cut(void **state)
{
	struct bytes blob = test_file(CAPTURE "credential.blob");
	struct credential credential;

	(void)state;
	for (size_t n = 0; n < blob.size; n++) {
		struct bytes cut = test_copy(bytes_of(blob.data, n));

		assert_int_equal(credential_parse(cut, "cut", &credential, NULL), -1);
		test_drop(cut);
	}
	for (size_t i = 0; i < blob.size; i++) {
		struct bytes copy = test_copy(blob);

		((uint8_t *)(uintptr_t)copy.data)[i] ^= 0xff;
		/* Sizes and magic decide whether it is one; what is encrypted may be anything. */
		(void)credential_parse(copy, "flipped", &credential, NULL);
		test_drop(copy);
	}
	test_drop(blob);
}

/* --- attestations ------------------------------------------------------------------------------------ */

static const struct certify_case {
	const char *name, *folder;
} certify_cases[] = {
	{"sb-grub",             CAPTURE                       },
	{ "uki-sdboot",         CAPTURES "uki-sdboot/"        },
	{ "efistub",            CAPTURES "efistub/"           },
	{ "sb-grub-ima-attack", CAPTURES "sb-grub-ima-attack/"},
};

static struct bytes file_of(const char *folder, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", folder, name);
	return test_file(path);
}

static struct quote_key *key_in(const char *folder, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", folder, name);
	return key_of(path);
}

/* tpm2_certify: the AK says that ak-ecc is in its TPM. Its name is the one tpm2_createak gave. */
static void certified(void **state)
{
	const struct certify_case *row = *state;
	struct bytes message = file_of(row->folder, "ak-ecc.certify.msg");
	struct bytes signature_file = file_of(row->folder, "ak-ecc.certify.sig");
	struct bytes name = file_of(row->folder, "ak-ecc.name");
	struct quote_key *ak = key_in(row->folder, "ak.pub");
	struct quote_key *other = key_in(row->folder, "ak-ecc.pub");
	struct quote_signature signature;
	enum certify_answer answer;
	struct hasher *hasher = NULL;
	struct certify certify;
	char detail[160];

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(certify_parse(message, "msg", &certify, NULL), 0);
	assert_int_equal(certify.kind, CERTIFY_LOADED);
	test_bytes(certify.name, name);
	assert_int_equal(certify.signer.size, 34);
	assert_int_equal(quote_signature_parse(signature_file, "sig", &signature, NULL), 0);
	assert_int_equal(certify_check(hasher, &certify, &signature, ak, &answer, detail, NULL), 0);
	assert_int_equal(answer, CERTIFY_HOLDS);
	assert_int_equal(certify_check(hasher, &certify, &signature, other, &answer, detail, NULL),
			 0);
	assert_int_equal(answer, CERTIFY_FORGED);
	for (size_t i = 0; i < message.size; i++) {
		struct bytes copy = test_copy(message);

		((uint8_t *)(uintptr_t)copy.data)[i] ^= 1;
		if (certify_parse(copy, "flipped", &certify, NULL) == 0) {
			assert_int_equal(certify_check(hasher, &certify, &signature, ak, &answer,
						       detail, NULL),
					 0);
			assert_int_equal(answer, CERTIFY_FORGED);
		}
		test_drop(copy);
		copy = test_copy(bytes_of(message.data, i));
		assert_int_equal(certify_parse(copy, "cut", &certify, NULL), -1);
		test_drop(copy);
	}
	hasher_free(hasher);
	quote_key_free(ak);
	quote_key_free(other);
	test_drop(message);
	test_drop(signature_file);
	test_drop(name);
}

/* Part 2, 10.12.12: header up to firmwareVersion. */
#define ATTEST(magic, type)                                                                        \
	magic type "0002 000b"                                                                     \
		   "0001 77"                                                                       \
		   "0000000000000001 00000002 00000003 01"                                         \
		   "0000000000000004"

static const struct kind_case {
	const char *name, *hex;
	enum certify_kind kind;
	const char *about;
} kind_cases[] = {
	{"certify",           ATTEST("ff544347", "8017") "0003 000baa 0002 bbbb", CERTIFY_LOADED,  "000baa"},
	{ "certify creation", ATTEST("ff544347", "801a") "0003 000baa 0002 bbbb", CERTIFY_CREATED,
         "000baa"											  },
	{ "another magic",    ATTEST("ff544346", "8017") "0003 000baa 0002 bbbb",
         CERTIFY_NOT_GENERATED,								    ""      },
	{ "a quote",          ATTEST("ff544347", "8018") "0003 000baa 0002 bbbb", CERTIFY_OTHER,   ""      },
	{ "certify NV",       ATTEST("ff544347", "8014") "0003 000baa 0002 bbbb", CERTIFY_OTHER,   ""      },
	{ "no name",          ATTEST("ff544347", "8017") "0000 0000",             CERTIFY_LOADED,  ""      },
};

static void kinds(void **state)
{
	const struct kind_case *row = *state;
	struct bytes input = test_hex(row->hex);
	struct certify certify;

	assert_int_equal(certify_parse(input, row->name, &certify, NULL), 0);
	assert_int_equal(certify.kind, row->kind);
	test_bytes_hex(certify.name, row->about);
	test_drop(input);
}

static const struct bad_case bad_certify_cases[] = {
	{"empty",			"",                ERROR_TRUNCATED,               0                                  },
	{ "only a magic",                "ff544347",        ERROR_TRUNCATED,               4                                  },
	{ "a name cut short",            ATTEST("ff544347", "8017") "0003 000b",           ERROR_TRUNCATED,                     40 },
	{ "a name longer than any",                             ATTEST("ff544347",                      "8017") "0043 000b",      ERROR_MALFORMED, 38 },
	{ "no qualified name",                            ATTEST("ff544347",                                            "8017") "0003 000baa",                                                      ERROR_TRUNCATED,                                             43 },
	{ "bytes after it",               ATTEST("ff544347",                              "8017") "0003 000baa 0000 cc",     ERROR_MALFORMED,45 },
	{ "neither safe nor not",
         "ff544347 8017 0000 0000 0000000000000001 00000002 00000003 02 0000000000000004 0000 "
	  "0000",ERROR_MALFORMED,26						   },
};

static void bad_certify(void **state)
{
	const struct bad_case *row = *state;
	struct bytes input = test_hex(row->hex);
	struct certify certify;
	struct error err = { 0 };

	assert_int_equal(certify_parse(input, row->name, &certify, &err), -1);
	test_error(&err, row->code, row->offset);
	test_drop(input);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, real, real_cases);
	TEST(&tests, misfits);
	TEST(&tests, points);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, credential_cut);
	TEST_ROWS(&tests, certified, certify_cases);
	TEST_ROWS(&tests, kinds, kind_cases);
	TEST_ROWS(&tests, bad_certify, bad_certify_cases);
	return test_run(&tests, "replay/keys");
}
