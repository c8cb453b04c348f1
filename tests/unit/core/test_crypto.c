/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto.h"

#include "core/crypto_sha.h"
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
	for (int kernels = 0; kernels < 2; kernels++) {
		hasher_use_kernels(hasher, kernels);
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
	assert_int_equal(hasher_digest_batch(hasher, ALG_NONE, &none, 1, &digest, &err), -1);
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

/* --- core/crypto_sha against libcrypto ---------------------------------------------------------- */

static const struct kernel_case {
	const char *name;
	enum alg alg;
} kernel_cases[] = {
	{"sha1",    ALG_SHA1  },
	{ "sha256", ALG_SHA256},
};

/* The same bytes at every run (Knuth's MMIX generator). */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static struct bytes random_bytes(uint64_t *state, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)next_random(state);
	return bytes_of(data, size);
}

static struct digest by_libcrypto(struct hasher *hasher, enum alg alg, struct bytes message)
{
	struct digest digest;

	hasher_use_kernels(hasher, false);
	assert_int_equal(hasher_digest_bytes(hasher, alg, message, &digest, NULL), 0);
	hasher_use_kernels(hasher, true);
	return digest;
}

/* Every length to 300, cut in three parts at every place of the first block and some after it. */
static void kernel_lengths(void **state)
{
	const struct kernel_case *row = *state;
	struct hasher *hasher = new_hasher();
	uint64_t random = 1;

	if (!sha_kernels_available()) {
		hasher_free(hasher);
		skip();
	}
	for (size_t size = 0; size <= 300; size++) {
		struct bytes message = random_bytes(&random, size);
		struct digest expected = by_libcrypto(hasher, row->alg, message);

		for (size_t cut = 0; cut <= size; cut += cut < 70 ? 1 : 13) {
			size_t second = (size - cut) / 2;
			struct bytes parts[] = {
				bytes_of(message.data, cut),
				bytes_of(message.data + cut, second),
				bytes_of(message.data + cut + second, size - cut - second),
			};
			struct digest digest;

			assert_int_equal(hasher_digest(hasher, row->alg, parts, 3, &digest, NULL),
					 0);
			test_bytes(digest_bytes(&digest), digest_bytes(&expected));
		}
		test_drop(message);
	}
	hasher_free(hasher);
}

static void kernel_long(void **state)
{
	const struct kernel_case *row = *state;
	struct hasher *hasher = new_hasher();
	uint64_t random = 2;

	for (int i = 0; i < 50; i++) {
		struct bytes message = random_bytes(&random, next_random(&random) % 70000);
		struct digest expected = by_libcrypto(hasher, row->alg, message), digest;

		assert_int_equal(hasher_digest_bytes(hasher, row->alg, message, &digest, NULL), 0);
		test_bytes(digest_bytes(&digest), digest_bytes(&expected));
		test_drop(message);
	}
	hasher_free(hasher);
}

/* Batches of any size and mix of lengths, more than are paired at a time among them. */
static void batch(void **state)
{
	const struct abc_case *row = *state;
	static const size_t sizes[] = { 0, 1, 2, 3, 63, 64, 65, 150 };
	struct hasher *hasher = new_hasher();
	struct bytes messages[150];
	struct digest digests[150];
	uint64_t random = 3;

	if (!hasher_has(hasher, row->alg)) {
		hasher_free(hasher);
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t j = 0; j < sizes[i]; j++)
			messages[j] = random_bytes(&random, next_random(&random) % 260);
		assert_int_equal(hasher_digest_batch(hasher, row->alg, messages, sizes[i], digests,
						     NULL),
				 0);
		for (size_t j = 0; j < sizes[i]; j++) {
			struct digest expected = by_libcrypto(hasher, row->alg, messages[j]);

			assert_true(digest_equal(&digests[j], &expected));
			test_drop(messages[j]);
		}
	}
	hasher_free(hasher);
}

/* value || digest hashed, one alone and two side by side, by the kernels and by libcrypto. */
static void extend(void **state)
{
	const struct abc_case *row = *state;
	struct hasher *hasher = new_hasher();
	size_t size = alg_size(row->alg);
	uint64_t random = 4;

	if (!hasher_has(hasher, row->alg)) {
		hasher_free(hasher);
		skip();
	}
	for (int round = 0; round < 20; round++) {
		size_t n = 1 + (size_t)round % 2;

		for (int kernels = 0; kernels < 2; kernels++) {
			struct bytes messages[2] = { random_bytes(&random, 2 * size),
						     random_bytes(&random, 2 * size) };
			uint8_t values[2][DIGEST_SIZE_MAX];
			uint8_t *const to[2] = { values[0], values[1] };
			const uint8_t *const digests[2] = { messages[0].data + size,
							    messages[1].data + size };

			memcpy(values[0], messages[0].data, size);
			memcpy(values[1], messages[1].data, size);
			hasher_use_kernels(hasher, kernels);
			assert_int_equal(hasher_extend(hasher, row->alg, n, to, digests, NULL), 0);
			for (size_t i = 0; i < n; i++) {
				struct digest expected =
					by_libcrypto(hasher, row->alg, messages[i]);

				test_bytes(bytes_of(values[i], size), digest_bytes(&expected));
			}
			test_drop(messages[0]);
			test_drop(messages[1]);
		}
	}
	hasher_free(hasher);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, abc, abc_cases);
	TEST(&tests, unknown_algorithm);
	TEST(&tests, allocation_failing);
	TEST_ROWS(&tests, kernel_lengths, kernel_cases);
	TEST_ROWS(&tests, kernel_long, kernel_cases);
	TEST_ROWS(&tests, batch, abc_cases);
	TEST_ROWS(&tests, extend, abc_cases);
	return test_run(&tests, "core/crypto");
}
