/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions of libm, which every C program can have, and libraries and functions nobody has. */
#include "core/library.h"

#include <math.h>
#include <pthread.h>

#include "tests/unit/test.h"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__ })

static const struct load_case {
	const char *name;
	const char *names[2];
	size_t n_names;
	const char *second_symbol;
	const char *message; /* a part of it; NULL: loads */
} load_cases[] = {
	{"there",		     { "libm.so.6" },                      1, "fabs",          NULL               },
	{ "the second name is there", { "libnobodyhas.so.1", "libm.so.6" }, 2, "fabs",          NULL               },
	{ "no such library",
         { "libnobodyhas.so.1" },
         1,								    "fabs",
         "needs the library libnobodyhas.so.1, which cannot be loaded: libnobodyhas.so.1: "                        },
	{ "none of the names",
         { "libnobodyhas.so.2", "libnobodyhas.so.1" },
         2,								    "fabs",
         "needs the library libnobodyhas.so.2, which"							      },
	{ "not a library",            { "/proc/self/status" },              1, "fabs",          "/proc/self/status"},
	{ "no such function",
         { "libm.so.6" },
         1,								    "nobody_has_it",
         "the library libm.so.6 here has no nobody_has_it"                                                         },
};

static void load(void **state)
{
	const struct load_case *row = *state;
	struct {
		double (*floor)(double);
		double (*second)(double);
	} libm = { 0 };
	const struct library_symbol symbols[] = {
		{"floor",             &libm.floor },
                { row->second_symbol, &libm.second}
	};
	struct error err = { 0 };
	int status = library_load(row->names, row->n_names, symbols, ARRAY_SIZE(symbols), &err);

	if (!row->message) {
		assert_int_equal(status, 0);
		assert_true(libm.floor(3.5) == 3.0);
		assert_true(libm.second(-2.5) == 2.5);
		return;
	}
	assert_int_equal(status, -1);
	test_error(&err, ERROR_SYSTEM, ERROR_NO_OFFSET);
	if (!strstr(err.message, row->message))
		fail_msg("\"%s\" has no \"%s\"", err.message, row->message);
	assert_null(libm.floor); /* all or none */
	assert_null(libm.second);
}

/* Once filled, the library's name does not matter any more: it is not looked for again. */
static void twice(void **state)
{
	double (*floor_)(double) = NULL;
	const struct library_symbol symbol = { "floor", &floor_ };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(library_load(NAMES("libnobodyhas.so.1"), 1, &symbol, 1, &err), -1);
	assert_int_equal(library_load(NAMES("libm.so.6"), 1, &symbol, 1, &err), 0);
	assert_int_equal(library_load(NAMES("libnobodyhas.so.1"), 1, &symbol, 1, &err), 0);
	assert_true(floor_(2.5) == 2.0);
}

static void out_of_memory(void **state)
{
	double (*floor_)(double) = NULL;
	const struct library_symbol symbol = { "floor", &floor_ };
	struct error err = { 0 };

	(void)state;
	test_alloc_fail(1);
	assert_int_equal(library_load(NAMES("libm.so.6"), 1, &symbol, 1, &err), -1);
	assert_true(test_alloc_failed());
	test_alloc_fail(0);
	test_error(&err, ERROR_SYSTEM, ERROR_NO_OFFSET);
	assert_null(floor_);
	assert_int_equal(library_load(NAMES("libm.so.6"), 1, &symbol, 1, &err), 0);
}

struct race {
	double (*floor)(double);
	double (*fabs)(double);
};

static void *race_thread(void *arg)
{
	struct race *race = arg;
	const struct library_symbol symbols[] = {
		{"floor", &race->floor},
                { "fabs", &race->fabs }
	};
	struct error err = { 0 };

	if (library_load(NAMES("libm.so.6"), 1, symbols, ARRAY_SIZE(symbols), &err) < 0)
		return NULL;
	return race->floor(4.5) == 4.0 && race->fabs(-1.0) == 1.0 ? race : NULL;
}

static void many_threads(void **state)
{
	struct race race = { 0 };
	pthread_t threads[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race_thread, &race), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *result = NULL;

		pthread_join(threads[i], &result);
		assert_ptr_equal(result, &race);
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, load, load_cases);
	TEST(&tests, twice);
	TEST(&tests, out_of_memory);
	TEST(&tests, many_threads);
	return test_run(&tests, "core/library");
}
