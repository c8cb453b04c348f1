/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* nftw */
#include "tests/unit/test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

void test_add(struct test_list *list, const char *name, const char *row_name, CMUnitTestFunction fn,
	      const void *row)
{
	struct CMUnitTest *tests = realloc(list->tests, (list->n_tests + 1) * sizeof(*list->tests));
	size_t size = strlen(name) + (row_name ? strlen(row_name) + 2 : 0) + 1;
	char *full = malloc(size);

	if (!tests || !full)
		abort();
	snprintf(full, size, row_name ? "%s: %s" : "%s", name, row_name);
	list->tests = tests;
	list->tests[list->n_tests++] = (struct CMUnitTest){
		.name = full, .test_func = fn, .initial_state = (void *)(uintptr_t)row
	};
}

int test_run(struct test_list *list, const char *group)
{
	int failed = _cmocka_run_group_tests(group, list->tests, list->n_tests, NULL, NULL);

	for (size_t i = 0; i < list->n_tests; i++)
		free((void *)(uintptr_t)list->tests[i].name);
	free(list->tests);
	*list = (struct test_list){ 0 };
	return failed;
}

struct bytes test_copy(struct bytes bytes)
{
	uint8_t *data = malloc(bytes.size ? bytes.size : 1);

	if (!data)
		abort();
	if (bytes.size)
		memcpy(data, bytes.data, bytes.size);
	return bytes_of(data, bytes.size);
}

struct bytes test_hex(const char *hex)
{
	AUTO(buf_clear) struct buf digits = BUF_INIT;
	AUTO(own_free) uint8_t *data = NULL;
	long size;

	for (; *hex; hex++)
		if (*hex != ' ' && *hex != '\n' && *hex != '\t')
			buf_append_u8(&digits, (uint8_t)*hex);
	data = malloc(digits.size + 1);
	if (!data)
		abort();
	size = hex_parse(buf_bytes(&digits), data, digits.size);
	assert_true(size >= 0);
	return test_copy(bytes_of(data, (size_t)size));
}

struct bytes test_file(const char *path)
{
	AUTO(buf_clear) struct buf contents = BUF_INIT;
	FILE *in = fopen(path, "rb");
	size_t n;

	if (!in)
		fail_msg("cannot open %s", path);
	do {
		uint8_t *at = buf_extend(&contents, 1 << 16);

		if (!at)
			abort();
		n = fread(at, 1, 1 << 16, in);
		contents.size -= (1 << 16) - n;
	} while (n > 0);
	assert_int_equal(ferror(in), 0);
	fclose(in);
	return test_copy(buf_bytes(&contents));
}

void test_drop(struct bytes bytes)
{
	free((void *)(uintptr_t)bytes.data);
}

void test_error(const struct error *err, enum error_code code, uint64_t offset)
{
	char line[2048];

	if (err->code == code && err->offset == offset)
		return;
	error_format(err, line, sizeof(line));
	fail_msg("expected error code %d at %lld, got code %d at %lld: %s", code, (long long)offset,
		 err->code, (long long)err->offset, line);
}

void test_bytes(struct bytes actual, struct bytes expected)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	if (bytes_equal(actual, expected))
		return;
	buf_append_hex(&text, actual);
	buf_append_string(&text, "\nexpected\n");
	buf_append_hex(&text, expected);
	fail_msg("bytes differ:\n%s", (const char *)text.data);
}

void test_bytes_hex(struct bytes actual, const char *hex)
{
	struct bytes expected = test_hex(hex);

	test_bytes(actual, expected);
	test_drop(expected);
}

const char *test_corpus(void)
{
	const char *named = getenv("ASSAY_CORPUS");
	const char *path = named && *named ? named : "../shared/corpus";
	char manifest[4096];

	snprintf(manifest, sizeof(manifest), "%s/MANIFEST.tsv", path);
	return access(manifest, R_OK) == 0 ? path : NULL;
}

/* --- allocation failure: the linker sends our code's allocations here (--wrap) ------------- */

static unsigned allocations_left; /* 0: none is made to fail */
static bool allocation_failed;

void test_alloc_fail(unsigned n)
{
	allocations_left = n;
	allocation_failed = false;
}

bool test_alloc_failed(void)
{
	return allocation_failed;
}

static bool fail_now(void)
{
	if (allocations_left == 0 || --allocations_left > 0)
		return false;
	allocation_failed = true;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	return fail_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fail_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *at, size_t size)
{
	return fail_now() ? NULL : __real_realloc(at, size);
}

char *__wrap_strdup(const char *text)
{
	return fail_now() ? NULL : __real_strdup(text);
}

void test_folder_make(char out[TEST_FOLDER_SIZE])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(out, TEST_FOLDER_SIZE, "%s/assay-unit.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(out));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void test_folder_drop(const char *folder)
{
	assert_int_equal(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}
