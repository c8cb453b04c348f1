/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char folder[TEST_FOLDER_SIZE];

static const char *in_folder(const char *name)
{
	static char path[TEST_FOLDER_SIZE + 64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void maps_what_it_wrote(void **state)
{
	struct file *file = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(file_write(in_folder("a"), bytes_of_string("first"), &err), 0);
	assert_int_equal(file_write(in_folder("a"), bytes_of_string("second"), &err), 0);
	assert_int_equal(file_open(in_folder("a"), &file, &err), 0);
	test_bytes(file_bytes(file), bytes_of_string("second"));
	assert_string_equal(file_name(file), in_folder("a"));
	file_free(file);
	assert_int_equal(unlink(in_folder("a")), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing was left beside it */
	assert_int_equal(mkdir(folder, 0700), 0);
}

/* securityfs files report size 0 and have contents all the same; so do pipes and /proc. */
static void streams_what_has_no_size(void **state)
{
	struct file *file = NULL;
	struct error err = { 0 };
	int ends[2];

	(void)state;
	assert_int_equal(file_open("/proc/self/status", &file, &err), 0);
	assert_true(file_bytes(file).size > 0);
	file_free(file);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "piped", 5), 5);
	close(ends[1]);
	assert_int_equal(file_open_fd(ends[0], "pipe", &file, &err), 0);
	test_bytes(file_bytes(file), bytes_of_string("piped"));
	file_free(file);
	close(ends[0]);
}

static void empty(void **state)
{
	struct file *file = NULL;

	(void)state;
	assert_int_equal(file_open("/dev/null", &file, NULL), 0);
	assert_int_equal(file_bytes(file).size, 0);
	file_free(file);
}

static const struct refused_case {
	const char *name, *path, *message;
	enum error_code code;
	bool writing;
} refused_cases[] = {
	{"a folder",          "/tmp",           "is a directory",                         ERROR_INPUT,  false},
	{ "absent",           "/nonexistent/x", "cannot open: No such file or directory", ERROR_INPUT,
         false											       },
	{ "no folder for it", "/nonexistent/x",
         "cannot create a file beside it: No such file or directory",                     ERROR_SYSTEM, true },
	{ "a full device",    "/dev/full",      "cannot write: No space left on device",  ERROR_SYSTEM,
         true												},
};

static void refused(void **state)
{
	const struct refused_case *row = *state;
	struct file *file = NULL;
	struct error err = { 0 };

	if (row->writing)
		assert_int_equal(file_write(row->path, bytes_of_string("x"), &err), -1);
	else
		assert_int_equal(file_open(row->path, &file, &err), -1);
	test_error(&err, row->code, ERROR_NO_OFFSET);
	assert_string_equal(err.message, row->message);
	assert_string_equal(err.source, row->path);
}

static void allocation_failures(void **state)
{
	struct file *file = NULL;
	struct error err = { 0 };
	unsigned n = 0;

	(void)state;
	do {
		test_alloc_fail(++n);
		err.code = ERROR_NONE;
		if (file_open("/proc/self/status", &file, &err) < 0)
			assert_int_equal(err.code, ERROR_SYSTEM);
	} while (test_alloc_failed());
	test_alloc_fail(0);
	assert_true(n > 2);
	file_free(file);
}

int main(void)
{
	struct test_list tests = { 0 };
	int failed;

	test_folder_make(folder);
	TEST(&tests, maps_what_it_wrote);
	TEST(&tests, streams_what_has_no_size);
	TEST(&tests, empty);
	TEST_ROWS(&tests, refused, refused_cases);
	TEST(&tests, allocation_failures);
	failed = test_run(&tests, "core/file");
	test_folder_drop(folder);
	return failed;
}
