/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/digest.h"

#include "tests/unit/test.h"

static const struct name_case {
	const char *name; /* as something writes it */
	enum alg alg;
	const char *ours;
	size_t size;
	uint16_t tpm_id;
} name_cases[] = {
	{"sha1",      ALG_SHA1,     "sha1",     20, 0x0004},
	{ "sha256",   ALG_SHA256,   "sha256",   32, 0x000b},
	{ "sha384",   ALG_SHA384,   "sha384",   48, 0x000c},
	{ "sha512",   ALG_SHA512,   "sha512",   64, 0x000d},
	{ "sm3_256",  ALG_SM3_256,  "sm3_256",  32, 0x0012},
	{ "sm3",      ALG_SM3_256,  "sm3_256",  32, 0x0012},
	{ "sm3-256",  ALG_SM3_256,  "sm3_256",  32, 0x0012},
	{ "sha3-256", ALG_SHA3_256, "sha3_256", 32, 0x0027},
	{ "md5",      ALG_MD5,      "md5",      16, 0     },
	{ "wp512",    ALG_NONE,     "unknown",  0,  0     },
	{ "sha25",    ALG_NONE,     "unknown",  0,  0     },
	{ "",         ALG_NONE,     "unknown",  0,  0     },
};

static void names(void **state)
{
	const struct name_case *row = *state;
	enum alg alg = alg_of_name(bytes_of_string(row->name));

	assert_int_equal(alg, row->alg);
	assert_string_equal(alg_name(alg), row->ours);
	assert_int_equal(alg_size(alg), row->size);
	assert_int_equal(alg_tpm_id(alg), row->tpm_id);
	if (row->tpm_id)
		assert_int_equal(alg_of_tpm_id(row->tpm_id), alg);
}

static void ids_that_name_nothing(void **state)
{
	(void)state;
	assert_int_equal(alg_of_tpm_id(0), ALG_NONE);
	assert_int_equal(alg_of_tpm_id(0x0010), ALG_NONE); /* TPM_ALG_NULL */
	assert_int_equal(alg_of_openpgp_id(0), ALG_NONE);
	assert_int_equal(alg_of_openpgp_id(3), ALG_NONE); /* RIPEMD-160 */
	assert_int_equal(alg_of_openpgp_id(8), ALG_SHA256);
	assert_int_equal(alg_of_openpgp_id(1), ALG_MD5);
}

static void sets(void **state)
{
	alg_set set = 0;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(alg_set_parse("sha256,sha1", &set, &err), 0);
	assert_int_equal(set, 1u << ALG_SHA256 | 1u << ALG_SHA1);
	assert_int_equal(alg_set_parse("sha256,,sha1", &set, &err), -1);
	test_error(&err, ERROR_USAGE, ERROR_NO_OFFSET);
	assert_int_equal(alg_set_parse("crc32", &set, &err), -1);
	assert_string_equal(err.message, "unknown algorithm 'crc32'");
	assert_int_equal(set, 1u << ALG_SHA256 | 1u << ALG_SHA1);
}

static void sizes_are_checked(void **state)
{
	uint8_t value[65] = { 0 };
	struct digest digest = { .alg = ALG_MD5 };

	(void)state;
	assert_false(digest_init(&digest, ALG_SHA256, bytes_of(value, 20)));
	assert_false(digest_init(&digest, ALG_NONE, bytes_of(value, 65)));
	assert_int_equal(digest.alg, ALG_MD5);
	assert_true(digest_init(&digest, ALG_NONE, bytes_of(value, 64)));
	assert_true(digest_init(&digest, ALG_SHA256, bytes_of(value, 32)));
}

static const struct hex_case {
	const char *name, *text;
	long size;
} hex_cases[] = {
	{"empty",       "",           0 },
        { "both cases", "aBCd",       2 },
        { "odd",        "abc",        -1},
	{ "not hex",    "0g",         -1},
        { "sign",       "-1",         -1},
        { "too many",   "0011223344", -1},
	{ "as many",    "00112233",   4 },
};

static void hex(void **state)
{
	const struct hex_case *row = *state;
	uint8_t out[4];
	char again[9];

	assert_int_equal(hex_parse(bytes_of_string(row->text), out, sizeof(out)), row->size);
	if (row->size < 0)
		return;
	hex_write(again, bytes_of(out, (size_t)row->size));
	assert_int_equal(strcasecmp(again, row->text), 0);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, names, name_cases);
	TEST(&tests, ids_that_name_nothing);
	TEST(&tests, sets);
	TEST(&tests, sizes_are_checked);
	TEST_ROWS(&tests, hex, hex_cases);
	return test_run(&tests, "core/digest");
}
