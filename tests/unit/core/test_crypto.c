/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto.h"

#include "core/own.h"
#include "tests/unit/test.h"

/* The digests of "abc", as FIPS 180-4, FIPS 202, RFC 1321 and GB/T 32905 give them. */
/* clang-format off */
static const struct abc_case {
	const char *name;
	enum alg alg;
	const char *hex;
} abc_cases[] = {
	{ "md5", ALG_MD5, "900150983cd24fb0d6963f7d28e17f72" },
	{ "sha1", ALG_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ "sha224", ALG_SHA224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
	{ "sha256", ALG_SHA256,
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "sha384", ALG_SHA384,
	  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
	  "8086072ba1e7cc2358baeca134c825a7" },
	{ "sha512", ALG_SHA512,
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	{ "sha3_256", ALG_SHA3_256,
	  "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532" },
	{ "sha3_512", ALG_SHA3_512,
	  "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
	  "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0" },
	{ "sm3_256", ALG_SM3_256,
	  "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0" },
};
/* clang-format on */

static struct hasher *new_hasher(void)
{
	struct hasher *hasher = NULL;
	struct error err;

	assert_int_equal(hasher_new(&hasher, &err), 0);
	return hasher;
}

static void abc(void **state)
{
	const struct abc_case *row = *state;
	struct hasher *hasher = new_hasher();
	struct bytes parts[] = { bytes_of("a", 1), bytes_of(NULL, 0), bytes_of("bc", 2) };
	struct digest digest, streamed[ALG_COUNT];
	struct error err;

	if (!hasher_has(hasher, row->alg)) {
		hasher_free(hasher);
		skip();
	}
	for (int level = 0; level <= 2; level++) {
		hasher_use_kernels(hasher, level);
		assert_int_equal(hasher_digest(hasher, row->alg, parts, 3, &digest, &err), 0);
		assert_int_equal(digest.alg, row->alg);
		test_bytes_hex(digest_bytes(&digest), row->hex);
	}
	assert_int_equal(hasher_begin(hasher, 1u << row->alg, &err), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hasher_update(hasher, parts[i], &err), 0);
	assert_int_equal(hasher_finish(hasher, streamed, &err), 0);
	assert_int_equal(streamed[row->alg].alg, row->alg);
	test_bytes_hex(digest_bytes(&streamed[row->alg]), row->hex);
	hasher_free(hasher);
}

static void unknown_algorithm(void **state)
{
	struct hasher *hasher = new_hasher();
	struct bytes none = { NULL, 0 };
	struct digest digest;
	struct error err;

	(void)state;
	assert_false(hasher_has(hasher, ALG_NONE));
	assert_int_equal(hasher_digest_bytes(hasher, ALG_NONE, none, &digest, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	assert_int_equal(hasher_digest_batch(hasher, 1u << ALG_NONE, &none, 1, NULL, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	hasher_free(hasher);
}

static void allocation_failing(void **state)
{
	struct hasher *hasher = NULL;
	struct error err = { 0 };

	(void)state;
	for (unsigned n = 1;; n++) {
		int status;

		test_alloc_fail(n);
		status = hasher_new(&hasher, &err);
		test_alloc_fail(0);
		if (status == 0)
			break;
		test_error(&err, ERROR_SYSTEM, ERROR_NO_OFFSET);
	}
	hasher_free(hasher);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, abc, abc_cases);
	TEST(&tests, unknown_algorithm);
	TEST(&tests, allocation_failing);
	return test_run(&tests, "core/crypto");
}
