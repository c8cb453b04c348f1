/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test: what the unit tests share. Cases are rows of a table; each row runs as
 * a cmocka test with its own name.
 *
 *     static const struct bad_case { const char *name; ... } bad_cases[] = { ... };
 *     static void bad(void **state) { const struct bad_case *row = *state; ... }
 *
 *     int main(void)
 *     {
 *             struct test_list tests = { 0 };
 *
 *             TEST(&tests, something);              a test without rows
 *             TEST_ROWS(&tests, bad, bad_cases);    one test for each row, by its name
 *             return test_run(&tests, "core/reader");
 *     }
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/bytes.h"
#include "core/error.h"

struct test_list {
	struct CMUnitTest *tests;
	size_t n_tests;
};

/* row_name may be NULL. Names are copied; row is borrowed and becomes *state. */
void test_add(struct test_list *list, const char *name, const char *row_name, CMUnitTestFunction fn,
	      const void *row);

#define TEST(list, fn) test_add(list, #fn, NULL, fn, NULL)
#define TEST_ROWS(list, fn, rows)                                                                  \
	do {                                                                                       \
		for (size_t row_ = 0; row_ < sizeof(rows) / sizeof((rows)[0]); row_++)             \
			test_add(list, #fn, (rows)[row_].name, fn, &(rows)[row_]);                 \
	} while (0)

/* Runs all, prints cmocka's report, frees the list; the number of failures. */
int test_run(struct test_list *list, const char *group);

/* Bytes of hex (blanks are passed over) in a heap buffer of their exact size, so that a sanitizer
 * sees a read of one byte too far. Freed by test_drop. */
struct bytes test_hex(const char *hex);

/* A copy in a buffer of its exact size. Freed by test_drop. */
struct bytes test_copy(struct bytes bytes);

/* A whole file; fails the test if it cannot be read. Freed by test_drop. */
struct bytes test_file(const char *path);

void test_drop(struct bytes bytes);

/* A new, empty folder below $TMPDIR or /tmp, its path into out. */
#define TEST_FOLDER_SIZE 256
void test_folder_make(char out[TEST_FOLDER_SIZE]);

/* Takes it away with all that is in it; fails the test if something stays. */
void test_folder_drop(const char *folder);

/* Asserts what an error says: its code and offset; on a difference the message is shown. */
void test_error(const struct error *err, enum error_code code, uint64_t offset);

/* Asserts that two runs of bytes are the same; shows both in hex if not. */
void test_bytes(struct bytes actual, struct bytes expected);

/* Asserts that bytes are what hex says. */
void test_bytes_hex(struct bytes actual, const char *hex);

/* The folder of real evidence ($ASSAY_CORPUS, else ../shared/corpus), or NULL where there is none:
 * then the caller calls skip(). */
const char *test_corpus(void);

/*
 * Makes the n-th allocation from now (malloc, calloc, realloc, strdup of our own code) fail, n from
 * 1; 0 turns it off. test_alloc_failed says whether one failed. For loops that run a function with
 * the first, second, third ... allocation failing until it succeeds.
 */
void test_alloc_fail(unsigned n);
bool test_alloc_failed(void);

#endif
