/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/replay/quote/load.h"

static const struct good_case {
	const char *name, *file;
	bool plain;
	enum quote_scheme scheme;
	enum alg hash;
	size_t raw, r, s; /* sizes */
} good_cases[] = {
	{"RSASSA",      "good-rsassa-sha256.sig",     false, QUOTE_SCHEME_RSASSA, ALG_SHA256, 256, 0,  0 },
	{ "RSAPSS",     "good-rsapss-sha256.sig",     false, QUOTE_SCHEME_RSAPSS, ALG_SHA256, 256, 0,  0 },
	{ "SHA-1",      "bad-sha1-signature.sig",     false, QUOTE_SCHEME_RSASSA, ALG_SHA1,   256, 0,  0 },
	{ "P-256",      "good-ecdsa-p256-sha256.sig", false, QUOTE_SCHEME_ECDSA,  ALG_SHA256, 0,   32, 32},
	{ "P-384",      "good-ecdsa-p384-sha384.sig", false, QUOTE_SCHEME_ECDSA,  ALG_SHA384, 0,   48, 48},
	{ "P-521",      "good-ecdsa-p521-sha512.sig", false, QUOTE_SCHEME_ECDSA,  ALG_SHA512, 0,   66, 66},
 /* 64 bytes, as long as a plain one of P-256 */
	{ "P-224",      "unsupported-p224.sig",       false, QUOTE_SCHEME_ECDSA,  ALG_SHA256, 0,   28, 28},
	{ "plain RSA",  "good-rsassa-sha256.plain",   true,  QUOTE_SCHEME_NULL,   ALG_NONE,   256, 0,  0 },
	{ "plain r, s", "good-ecdsa-p256-sha256.rs",  true,  QUOTE_SCHEME_NULL,   ALG_NONE,   64,  0,  0 },
};

static void good(void **state)
{
	const struct good_case *row = *state;
	struct bytes input = load_file(VECTORS, row->file);
	struct quote_signature signature;
	struct error err = { 0 };

	assert_int_equal(quote_signature_parse(input, row->file, &signature, &err), 0);
	assert_int_equal(signature.plain, row->plain);
	assert_int_equal(signature.scheme, row->scheme);
	assert_int_equal(signature.hash, row->hash);
	assert_int_equal(signature.raw.size, row->raw);
	assert_int_equal(signature.r.size, row->r);
	assert_int_equal(signature.s.size, row->s);
	test_drop(input);
}

static const struct hex_case {
	const char *name, *hex;
	bool plain;
	enum quote_scheme scheme;
	uint16_t scheme_id, hash_id;
} hex_cases[] = {
	{"no scheme",        "0010",					       false, QUOTE_SCHEME_NULL,   0x10, 0     },
	{ "HMAC",            "0005 0004 0102030405060708090a0b0c0d0e0f1011121314", false, QUOTE_SCHEME_OTHER,
         0x05,												       0x04  },
	{ "SM2",             "001b 0012 0001 aa 0001 bb",                          false, QUOTE_SCHEME_OTHER,  0x1b, 0x12  },
	{ "unknown hash",    "0014 7777 0002 aabb",                                false, QUOTE_SCHEME_RSASSA, 0x14, 0x7777},
	{ "empty signature", "0014 000b 0000",                                     false, QUOTE_SCHEME_RSASSA, 0x14, 0x0b  },
	{ "DER",             "3006020101020101",                                   true,  QUOTE_SCHEME_NULL,   0,    0     },
	{ "anything",        "ff",						 true,  QUOTE_SCHEME_NULL,   0,    0     },
};

static void by_hand(void **state)
{
	const struct hex_case *row = *state;
	struct bytes input = test_hex(row->hex);
	struct quote_signature signature;
	struct error err = { 0 };

	assert_int_equal(quote_signature_parse(input, "input", &signature, &err), 0);
	assert_int_equal(signature.plain, row->plain);
	assert_int_equal(signature.scheme, row->scheme);
	assert_int_equal(signature.scheme_id, row->scheme_id);
	assert_int_equal(signature.hash_id, row->hash_id);
	test_drop(input);
}

/* Random bytes of a plain signature may start with a scheme's number. */
static void plain_that_starts_like_tpmt(void **state)
{
	uint8_t bytes[256] = { 0x00, 0x14, 0x00, 0x0b, 0x01, 0x00 };
	struct bytes input = test_copy(bytes_of(bytes, sizeof(bytes)));
	struct quote_signature signature;

	(void)state;
	assert_int_equal(quote_signature_parse(input, "input", &signature, NULL), 0);
	assert_true(signature.plain);
	assert_int_equal(signature.raw.size, 256);
	test_drop(input);
}

static const struct bad_case {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",               "",			   ERROR_TRUNCATED, 0 },
	{ "scheme alone",       "0014",                       ERROR_TRUNCATED, 0 },
	{ "no signature",       "0014 000b",                  ERROR_TRUNCATED, 0 },
	{ "signature cut",      "0014 000b 0003 aabb",        ERROR_TRUNCATED, 0 },
	{ "byte left over",     "0014 000b 0001 aabb",        ERROR_MALFORMED, 7 },
	{ "RSA past 4096 bits", "0014 000b 0201",             ERROR_TRUNCATED, 0 },
	{ "no s",               "0018 000b 0001 aa",          ERROR_TRUNCATED, 0 },
	{ "after s",            "0018 000b 0001aa 0001bb cc", ERROR_MALFORMED, 10},
	{ "after no scheme",    "0010 00",                    ERROR_MALFORMED, 2 },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes input = test_hex(row->hex);
	struct quote_signature signature = { .scheme_id = 0x1234 };
	struct error err = { 0 };

	assert_int_equal(quote_signature_parse(input, "input", &signature, &err), -1);
	test_error(&err, row->code, row->offset);
	assert_int_equal(signature.scheme_id, 0x1234);
	test_drop(input);
}

static void scheme_text(void **state)
{
	char text[QUOTE_SCHEME_SIZE];

	(void)state;
	assert_string_equal(quote_scheme_text(QUOTE_SCHEME_RSASSA, ALG_SHA256, text),
			    "rsassa-sha256");
	assert_string_equal(quote_scheme_text(QUOTE_SCHEME_RSAPSS, ALG_SHA512, text),
			    "rsapss-sha512");
	assert_string_equal(quote_scheme_text(QUOTE_SCHEME_ECDSA, ALG_SHA384, text),
			    "ecdsa-sha384");
	assert_string_equal(quote_scheme_text(QUOTE_SCHEME_NULL, ALG_NONE, text), "none");
	assert_string_equal(quote_scheme_text(QUOTE_SCHEME_RSASSA, ALG_NONE, text),
			    "rsassa-unknown");
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, good, good_cases);
	TEST_ROWS(&tests, by_hand, hex_cases);
	TEST(&tests, plain_that_starts_like_tpmt);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, scheme_text);
	return test_run(&tests, "replay/quote/signature");
}
