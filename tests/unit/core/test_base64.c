/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base64.h"

#include <openssl/evp.h>

#include "tests/unit/test.h"

/* RFC 4648, 10. */
static const struct good_case {
	const char *name, *bytes, *text;
} good_cases[] = {
	{"empty",  "",       ""        },
	{ "one",   "f",      "Zg=="    },
	{ "two",   "fo",     "Zm8="    },
	{ "three", "foo",    "Zm9v"    },
	{ "four",  "foob",   "Zm9vYg=="},
	{ "five",  "fooba",  "Zm9vYmE="},
	{ "six",   "foobar", "Zm9vYmFy"},
};

static void good(void **state)
{
	const struct good_case *row = *state;
	struct buf text = BUF_INIT;
	uint8_t out[16];
	long n = base64_decode(bytes_of_string(row->text), out, NULL);

	assert_true(n >= 0);
	test_bytes(bytes_of(out, (size_t)n), bytes_of_string(row->bytes));
	base64_append(&text, bytes_of_string(row->bytes));
	test_bytes(buf_bytes(&text), bytes_of_string(row->text));
	buf_clear(&text);
}

static const struct bad_case {
	const char *name, *text;
	size_t at;
} bad_cases[] = {
	{"cut after one",         "Zm9vY",    5},
        { "cut in the padding",   "Zm9vYg=",  7},
	{ "no padding",           "Zm9vYg",   6},
        { "one character",        "Z===",     0},
	{ "only padding",         "====",     0},
        { "padding, then more",   "Zg==Zm9v", 4},
	{ "padding in between",   "Zm=v",     3},
        { "bits that are lost",   "Zh==",     0},
	{ "bits of two lost",     "Zm9=",     0},
        { "a space",              "Zm 9v",    2},
	{ "a newline at the end", "Zm9v\n",   4},
        { "of the URL alphabet",  "Zm-_",     2},
	{ "not ASCII",            "Zm\xc3v",  2},
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes text = bytes_of_string(row->text);
	uint8_t out[16];
	size_t at = 99;

	assert_int_equal(base64_decode(text, out, &at), -1);
	assert_int_equal(at, row->at);
}

/* libcrypto writes the same, of every length and value of a byte. */
static void as_libcrypto_writes(void **state)
{
	uint8_t data[256], back[258];
	char theirs[400];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 167);
	for (size_t size = 0; size <= sizeof(data); size++) {
		struct buf text = BUF_INIT;
		int n = EVP_EncodeBlock((unsigned char *)theirs, data, (int)size);

		base64_append(&text, bytes_of(data, size));
		test_bytes(buf_bytes(&text), bytes_of(theirs, (size_t)n));
		assert_int_equal(base64_decode(buf_bytes(&text), back, NULL), size);
		assert_memory_equal(back, data, size);
		buf_clear(&text);
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, good, good_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, as_libcrypto_writes);
	return test_run(&tests, "core/base64");
}
