/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/pieces.h"

#include <unistd.h>

#include "tests/unit/test.h"

/* A file of n bytes that count; its name in path. */
static void make_file(char *path, size_t n)
{
	uint32_t *words = malloc(n + 4);
	int fd = mkstemp(path);

	assert_non_null(words);
	assert_true(fd >= 0);
	for (size_t i = 0; i < n / 4; i++)
		words[i] = (uint32_t)i;
	assert_int_equal(write(fd, words, n), n);
	close(fd);
	free(words);
}

static const struct keep_case {
	const char *name;
	size_t size; /* of the file */
	size_t keep; /* of each window: at most so much */
} keep_cases[] = {
	{"empty",          0,       0      },
	{ "short",         4,       0      },
	{ "nothing kept",  1000000, 0      },
	{ "a little kept", 1000000, 100    },
	{ "most kept",     1000000, 300000 },
	{ "all kept",      1000000, 1000000},
};

static void keep(void **state)
{
	const struct keep_case *row = *state;
	char path[] = "/tmp/assay-pieces.XXXXXX";
	struct pieces *pieces = NULL;
	struct bytes window = { NULL, 0 };
	size_t kept = 0, offset = 0; /* of the window in the file */
	struct error err;
	int status;

	make_file(path, row->size);
	assert_int_equal(pieces_open(path, &pieces, &err), 0);
	assert_string_equal(pieces_name(pieces), path);
	while ((status = pieces_next(pieces, kept, &window, &err)) == 1) {
		size_t n_wrong = 0;

		assert_true(window.size > kept);
		for (size_t i = 0; i + 4 <= window.size; i += 4) {
			uint32_t word;

			memcpy(&word, window.data + i, 4);
			n_wrong += word != (offset + i) / 4;
		}
		assert_int_equal(n_wrong, 0);
		kept = (row->keep < window.size ? row->keep : window.size) & ~(size_t)3;
		offset += window.size - kept;
	}
	assert_int_equal(status, 0);
	assert_int_equal(window.size, kept);
	assert_int_equal(offset + kept, row->size);
	assert_int_equal(pieces_next(pieces, kept, &window, &err), 0); /* and stays there */
	pieces_free(pieces);
	assert_int_equal(unlink(path), 0);
}

static const struct refused_case {
	const char *name, *path, *message;
} refused_cases[] = {
	{"a folder", "/tmp",           "is a directory"                        },
	{ "absent",  "/nonexistent/x", "cannot open: No such file or directory"},
};

static void refused(void **state)
{
	const struct refused_case *row = *state;
	struct pieces *pieces = NULL;
	struct error err;

	assert_int_equal(pieces_open(row->path, &pieces, &err), -1);
	test_error(&err, ERROR_INPUT, ERROR_NO_OFFSET);
	assert_string_equal(err.message, row->message);
	assert_string_equal(err.source, row->path);
}

static void allocation_failing(void **state)
{
	char path[] = "/tmp/assay-pieces.XXXXXX";

	(void)state;
	make_file(path, 600000);
	for (unsigned n = 1;; n++) {
		struct pieces *pieces = NULL;
		struct bytes window = { NULL, 0 };
		struct error err = { 0 };
		int status;

		test_alloc_fail(n);
		status = pieces_open(path, &pieces, &err);
		while (status >= 0 && (status = pieces_next(pieces, window.size, &window, &err)))
			if (status < 0)
				break;
		test_alloc_fail(0);
		pieces_free(pieces);
		if (status == 0)
			break;
		test_error(&err, ERROR_SYSTEM, ERROR_NO_OFFSET);
	}
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, keep, keep_cases);
	TEST_ROWS(&tests, refused, refused_cases);
	TEST(&tests, allocation_failing);
	return test_run(&tests, "core/pieces");
}
