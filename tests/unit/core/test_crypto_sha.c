/* SPDX-License-Identifier: BSD-2-Clause */
/* What hasher does with the processor's own instructions, at each level of them, against libcrypto. */
#include "core/crypto_sha.h"

#include "core/own.h"
#include "tests/unit/test.h"

/* hasher_use_kernels */
#define LEVELS 3

static const struct alg_case {
	const char *name;
	enum alg alg;
} alg_cases[] = {
	{"sha1",    ALG_SHA1  },
	{ "sha256", ALG_SHA256},
	{ "sha384", ALG_SHA384}, /* no kernel of it: libcrypto by the same way */
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

/* Two hashers: one as it is, one that uses libcrypto only. */
struct fixture {
	struct hasher *hasher, *libcrypto;
	uint64_t random;
};

static struct fixture fixture_new(uint64_t seed)
{
	struct fixture f = { .random = seed };

	assert_int_equal(hasher_new(&f.hasher, NULL), 0);
	assert_int_equal(hasher_new(&f.libcrypto, NULL), 0);
	hasher_use_kernels(f.libcrypto, 0);
	return f;
}

static void fixture_free(struct fixture *f)
{
	hasher_free(f->hasher);
	hasher_free(f->libcrypto);
}

static void expect(struct fixture *f, enum alg alg, struct bytes message,
		   const struct digest *actual)
{
	struct digest expected;

	assert_int_equal(hasher_digest_bytes(f->libcrypto, alg, message, &expected, NULL), 0);
	assert_int_equal(actual->alg, alg);
	test_bytes(digest_bytes(actual), digest_bytes(&expected));
}

/* Every length to 300, cut in three parts at every place of the first block and some after it. */
static void lengths(void **state)
{
	const struct alg_case *row = *state;
	struct fixture f = fixture_new(1);

	for (size_t size = 0; size <= 300; size++) {
		struct bytes message = random_bytes(&f.random, size);

		for (size_t cut = 0; cut <= size; cut += cut < 70 ? 1 : 13) {
			size_t second = (size - cut) / 2;
			struct bytes parts[] = {
				bytes_of(message.data, cut),
				bytes_of(message.data + cut, second),
				bytes_of(message.data + cut + second, size - cut - second),
			};
			struct digest digest;

			assert_int_equal(hasher_digest(f.hasher, row->alg, parts, 3, &digest, NULL),
					 0);
			expect(&f, row->alg, message, &digest);
		}
		test_drop(message);
	}
	fixture_free(&f);
}

static void long_messages(void **state)
{
	const struct alg_case *row = *state;
	struct fixture f = fixture_new(2);

	for (int i = 0; i < 50; i++) {
		struct bytes message = random_bytes(&f.random, next_random(&f.random) % 70000);
		struct digest digest;

		assert_int_equal(hasher_digest_bytes(f.hasher, row->alg, message, &digest, NULL),
				 0);
		expect(&f, row->alg, message, &digest);
		test_drop(message);
	}
	fixture_free(&f);
}

#define BATCH_MAX 150

/* n messages of these sizes, at each level: with one algorithm, then with several. */
static void expect_batch(struct fixture *f, enum alg alg, const size_t *sizes, size_t n)
{
	static struct digest digests[ALG_BANKS][BATCH_MAX];
	const alg_set several = 1u << ALG_SHA1 | 1u << ALG_SHA256 | 1u << ALG_SHA384;
	struct digest *out[ALG_BANKS];
	struct bytes messages[BATCH_MAX];

	for (size_t i = 0; i < n; i++)
		messages[i] = random_bytes(&f->random, sizes[i]);
	for (enum alg each = 0; each < ALG_BANKS; each++)
		out[each] = digests[each];
	for (int run = 0; run < 2 * LEVELS; run++) {
		hasher_use_kernels(f->hasher, run / 2);
		memset(digests, 0xa5, sizeof(digests));
		assert_int_equal(hasher_digest_batch(f->hasher, run % 2 ? several : 1u << alg,
						     messages, n, out, NULL),
				 0);
		for (size_t i = 0; i < n; i++)
			expect(f, alg, messages[i], &digests[alg][i]);
		for (enum alg each = 0; each < ALG_BANKS; each++) /* nothing is written of others */
			if (!(run % 2) && each != alg)
				assert_true(
					bytes_all(bytes_of(digests[each], sizeof(digests[each])),
						  0xa5));
	}
	for (size_t i = 0; i < n; i++)
		test_drop(messages[i]);
}

/* Every length to 300, in each place of a batch, among others of the same length and of any. */
static void batch_lengths(void **state)
{
	const struct alg_case *row = *state;
	struct fixture f = fixture_new(3);
	size_t sizes[20];

	for (size_t size = 0; size <= 300; size++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			sizes[i] = size;
		expect_batch(&f, row->alg, sizes, 17);
		for (size_t place = size % 3; place < ARRAY_SIZE(sizes); place += 3) {
			for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
				sizes[i] = i == place ? size : next_random(&f.random) % 300;
			expect_batch(&f, row->alg, sizes, ARRAY_SIZE(sizes));
		}
	}
	fixture_free(&f);
}

/* Batches of every number of messages to 40, and some that are more than are looked at at a time. */
static void batch_numbers(void **state)
{
	const struct alg_case *row = *state;
	struct fixture f = fixture_new(4);
	size_t sizes[BATCH_MAX] = { 0 };

	for (size_t n = 0; n <= BATCH_MAX; n += n < 40 ? 1 : 22) {
		for (size_t i = 0; i < n; i++)
			sizes[i] = next_random(&f.random) % 260;
		expect_batch(&f, row->alg, sizes, n);
		for (size_t i = 0; i < n; i++) /* all of them of distinct numbers of blocks */
			sizes[i] = i * 64;
		expect_batch(&f, row->alg, sizes, n);
	}
	fixture_free(&f);
}

/* One long message, in each place among short ones. */
static void batch_one_long(void **state)
{
	const struct alg_case *row = *state;
	struct fixture f = fixture_new(5);
	size_t sizes[40];

	for (size_t place = 0; place < ARRAY_SIZE(sizes); place++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			sizes[i] = i == place ? 5000 + place : 100 + i;
		expect_batch(&f, row->alg, sizes, ARRAY_SIZE(sizes));
	}
	fixture_free(&f);
}

#define REGISTERS_MAX 7

static const struct extend_case {
	const char *name;
	size_t n;
	enum alg algs[REGISTERS_MAX];
} extend_cases[] = {
	{"none",		  0, { 0 }									       },
	{ "sha1",                 1, { ALG_SHA1 }									},
	{ "sha256",               1, { ALG_SHA256 }								      },
	{ "sha384",               1, { ALG_SHA384 }								      },
	{ "two sha1",             2, { ALG_SHA1, ALG_SHA1 }							      },
	{ "two sha256",           2, { ALG_SHA256, ALG_SHA256 }							  },
	{ "sha256, sha1",         2, { ALG_SHA256, ALG_SHA1 }							    },
	{ "a list in two banks",  3, { ALG_SHA1, ALG_SHA256, ALG_SHA256 }                                                },
	{ "sha1 last",            3, { ALG_SHA256, ALG_SHA256, ALG_SHA1 }                                                },
	{ "three sha256",         3, { ALG_SHA256, ALG_SHA256, ALG_SHA256 }                                              },
	{ "four banks",           4, { ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512 }                                    },
	{ "a list in four banks",
         7,			  { ALG_SHA1, ALG_SHA256, ALG_SHA256, ALG_SHA384, ALG_SHA384, ALG_SHA512, ALG_SHA512 }},
	{ "two of each",          4, { ALG_SHA1, ALG_SHA1, ALG_SHA256, ALG_SHA256 }                                      },
};

/* Each value is the hash of the one before and the digest: at each level, over and over. */
static void extend(void **state)
{
	const struct extend_case *row = *state;
	struct fixture f = fixture_new(6);
	uint8_t value[REGISTERS_MAX][DIGEST_SIZE_MAX];

	memset(value, 7, sizeof(value));
	for (int round = 0; round < 100 * LEVELS; round++) {
		struct extension extensions[REGISTERS_MAX];
		struct bytes digests[REGISTERS_MAX];
		uint8_t message[REGISTERS_MAX][2 * DIGEST_SIZE_MAX];

		hasher_use_kernels(f.hasher, round % LEVELS);
		for (size_t i = 0; i < row->n; i++) {
			size_t size = alg_size(row->algs[i]);

			digests[i] = random_bytes(&f.random, size);
			memcpy(message[i], value[i], size);
			memcpy(message[i] + size, digests[i].data, size);
			extensions[i] =
				(struct extension){ row->algs[i], value[i], digests[i].data };
		}
		assert_int_equal(hasher_extend(f.hasher, extensions, row->n, NULL), 0);
		for (size_t i = 0; i < row->n; i++) {
			size_t size = alg_size(row->algs[i]);
			struct digest actual;

			digest_init(&actual, row->algs[i], bytes_of(value[i], size));
			expect(&f, row->algs[i], bytes_of(message[i], 2 * size), &actual);
			/* Nothing is written beyond the value. */
			assert_true(
				bytes_all(bytes_of(value[i] + size, DIGEST_SIZE_MAX - size), 7));
			test_drop(digests[i]);
		}
	}
	fixture_free(&f);
}

static void extend_unsupported(void **state)
{
	struct fixture f = fixture_new(7);
	uint8_t value[DIGEST_SIZE_MAX] = { 0 }, digest[DIGEST_SIZE_MAX] = { 0 };
	struct extension extension = { ALG_NONE, value, digest };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(hasher_extend(f.hasher, &extension, 1, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	fixture_free(&f);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, lengths, alg_cases);
	TEST_ROWS(&tests, long_messages, alg_cases);
	TEST_ROWS(&tests, batch_lengths, alg_cases);
	TEST_ROWS(&tests, batch_numbers, alg_cases);
	TEST_ROWS(&tests, batch_one_long, alg_cases);
	TEST_ROWS(&tests, extend, extend_cases);
	TEST(&tests, extend_unsupported);
	return test_run(&tests, "core/crypto_sha");
}
