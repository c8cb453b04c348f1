/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams side by side, at each level of what the processor has, against libcrypto. */
#include "core/crypto_streams.h"

#include "core/crypto.h"
#include "core/own.h"
#include "tests/unit/test.h"

#define LEVELS 3 /* streams_use_kernels */

static const struct number_case {
	const char *name;
	size_t n;
} number_cases[] = {
	{"one",      1 },
        { "two",     2 },
        { "three",   3 },
        { "eight",   8 },
	{ "nine",    9 },
        { "fifteen", 15},
        { "sixteen", 16},
};

/* The same at every run (Knuth's MMIX generator). */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* What each stream is made of, and how far it is. */
struct message {
	struct bytes all;
	size_t done;
};

struct fixture {
	struct hasher *libcrypto;
	struct streams *streams;
	struct message messages[STREAMS_MAX];
	size_t n;
	uint64_t random;
};

static struct fixture fixture_new(size_t n, int level)
{
	struct fixture f = { .n = n, .random = n };

	assert_int_equal(hasher_new(&f.libcrypto, NULL), 0);
	hasher_use_kernels(f.libcrypto, 0);
	assert_int_equal(streams_new(n, &f.streams, NULL), 0);
	streams_use_kernels(f.streams, level);
	return f;
}

static void fixture_free(struct fixture *f)
{
	for (size_t i = 0; i < f->n; i++)
		test_drop(f->messages[i].all);
	hasher_free(f->libcrypto);
	streams_free(f->streams);
}

static void begin(struct fixture *f, size_t i, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);

	assert_non_null(data);
	for (size_t j = 0; j < size; j++)
		data[j] = (uint8_t)next_random(&f->random);
	test_drop(f->messages[i].all);
	f->messages[i] = (struct message){ bytes_of(data, size), 0 };
	assert_int_equal(streams_begin(f->streams, i, NULL), 0);
}

/* The next bytes of each, at most sizes[i], each in a buffer of exactly its size. */
static void update(struct fixture *f, const size_t sizes[])
{
	struct bytes next[STREAMS_MAX];

	for (size_t i = 0; i < f->n; i++) {
		struct message *message = &f->messages[i];
		size_t left = message->all.size - message->done;
		size_t size = sizes[i] < left ? sizes[i] : left;
		uint8_t *copy = malloc(size ? size : 1);

		assert_non_null(copy);
		if (size)
			memcpy(copy, message->all.data + message->done, size);
		next[i] = bytes_of(copy, size);
		message->done += size;
	}
	assert_int_equal(streams_update(f->streams, next, NULL), 0);
	for (size_t i = 0; i < f->n; i++)
		test_drop(next[i]);
}

static void finish(struct fixture *f, size_t i)
{
	struct digest actual, expected;

	assert_int_equal(f->messages[i].done, f->messages[i].all.size);
	assert_int_equal(streams_finish(f->streams, i, &actual, NULL), 0);
	assert_int_equal(hasher_digest_bytes(f->libcrypto, ALG_SHA256, f->messages[i].all,
					     &expected, NULL),
			 0);
	assert_int_equal(actual.alg, ALG_SHA256);
	test_bytes(digest_bytes(&actual), digest_bytes(&expected));
}

/* Every length to 300, of each stream another one, cut in two at every place. */
static void lengths(void **state)
{
	const struct number_case *row = *state;

	for (int level = 0; level < LEVELS; level++) {
		struct fixture f = fixture_new(row->n, level);

		for (size_t size = 0; size <= 300; size++) {
			size_t cut[STREAMS_MAX], rest[STREAMS_MAX];

			for (size_t i = 0; i < row->n; i++) {
				begin(&f, i, i % 2 ? 300 - size : size);
				cut[i] = i < 2 ? size / 2 : next_random(&f.random) % 301;
				rest[i] = SIZE_MAX;
			}
			update(&f, cut);
			update(&f, rest);
			for (size_t i = 0; i < row->n; i++)
				finish(&f, i);
		}
		fixture_free(&f);
	}
}

/* The bytes of one stream are those of another after a beginning of every length to 130: the same
 * blocks at another place, as a package and its payload are. */
static void offsets(void **state)
{
	const struct number_case *row = *state;

	for (int level = 0; level < LEVELS; level++) {
		struct fixture f = fixture_new(row->n, level);

		for (size_t before = 0; before <= 130; before++) {
			size_t heads[STREAMS_MAX], same[STREAMS_MAX];

			for (size_t i = 0; i < row->n; i++) {
				begin(&f, i, 3000 + (i % 2 ? 0 : before));
				heads[i] = i % 2 ? 0 : before;
				same[i] = 777;
			}
			update(&f, heads);
			for (int round = 0; round < 4; round++)
				update(&f, same);
			for (size_t i = 0; i < row->n; i++)
				finish(&f, i);
		}
		fixture_free(&f);
	}
}

/* Streams that begin, grow and end each for itself, over and over; one may stand still. */
static void each_for_itself(void **state)
{
	const struct number_case *row = *state;

	for (int level = 0; level < LEVELS; level++) {
		struct fixture f = fixture_new(row->n, level);
		bool busy[STREAMS_MAX] = { false };
		size_t rest[STREAMS_MAX];
		size_t n_finished = 0;

		while (n_finished < 20 * row->n) {
			size_t sizes[STREAMS_MAX] = { 0 };

			for (size_t i = 0; i < row->n; i++) {
				if (busy[i] && f.messages[i].done == f.messages[i].all.size) {
					finish(&f, i);
					n_finished++;
					busy[i] = false;
				}
				if (!busy[i] && next_random(&f.random) % 4) {
					begin(&f, i, next_random(&f.random) % 9000);
					busy[i] = true;
				}
				if (busy[i] && next_random(&f.random) % 8)
					sizes[i] = next_random(&f.random) % 2000;
			}
			update(&f, sizes);
		}
		/* What is left is given up, and begun anew. */
		for (size_t i = 0; i < row->n; i++)
			begin(&f, i, 100 + i);
		for (size_t i = 0; i < row->n; i++)
			rest[i] = SIZE_MAX;
		update(&f, rest);
		for (size_t i = 0; i < row->n; i++)
			finish(&f, i);
		fixture_free(&f);
	}
}

static void no_memory(void **state)
{
	struct streams *streams = NULL;
	struct error err = { 0 };

	(void)state;
	test_alloc_fail(1);
	assert_int_equal(streams_new(2, &streams, &err), -1);
	test_alloc_fail(0);
	test_error(&err, ERROR_SYSTEM, ERROR_NO_OFFSET);
	assert_null(streams);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, lengths, number_cases);
	TEST_ROWS(&tests, offsets, number_cases);
	TEST_ROWS(&tests, each_for_itself, number_cases);
	TEST(&tests, no_memory);
	return test_run(&tests, "core/crypto_streams");
}
