/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/db.h"

#include <limits.h>

#include "tests/unit/test.h"

static const struct path_case {
	const char *name, *path, *canonical; /* canonical NULL: refused */
} path_cases[] = {
	{"plain",			   "/usr/bin/bash",                "/usr/bin/bash"                   },
	{ "bin",			    "/bin/sh",                      "/usr/bin/sh"                     },
	{ "sbin",			   "/sbin/init",                   "/usr/sbin/init"                  },
	{ "lib",			    "/lib/modules/6.4/kernel/a.ko", "/usr/lib/modules/6.4/kernel/a.ko"},
	{ "lib64",			  "/lib64/ld-linux-x86-64.so.2",  "/usr/lib64/ld-linux-x86-64.so.2" },
	{ "lib32",			  "/lib32/libc.so.6",             "/usr/lib32/libc.so.6"            },
	{ "libx32",			 "/libx32/libc.so.6",            "/usr/libx32/libc.so.6"           },
	{ "usr/sbin stays",                 "/usr/sbin/init",               "/usr/sbin/init"                  },
	{ "a folder that only begins so",   "/library/x",                   "/library/x"                      },
	{ "the folder itself",              "/bin",                         "/bin"                            },
	{ "lib below another",              "/opt/lib/x",                   "/opt/lib/x"                      },
	{ "shortest",		       "/a",                           "/a"                              },
	{ "shortest merged",                "/bin/[",                       "/usr/bin/["                      },
	{ "hidden names",                   "/etc/.a/..b/...",              "/etc/.a/..b/..."                 },
	{ "space",			  "/usr/share/a b",               "/usr/share/a b"                  },
	{ "bytes that are not UTF-8",       "/usr/\xff\xfe",                "/usr/\xff\xfe"                   },
	{ "deleted within",                 "/usr/x (deleted)/y",           "/usr/x (deleted)/y"              },
	{ "deleted without the blank",      "/usr/x(deleted)",              "/usr/x(deleted)"                 },
	{ "empty",			  "",			     NULL			      },
	{ "root",			   "/",			    NULL			      },
	{ "relative",		       "usr/bin/bash",                 NULL                              },
	{ "dot",			    "/usr/./bin/bash",              NULL                              },
	{ "dot at the end",                 "/usr/bin/.",                   NULL                              },
	{ "dot-dot",			"/usr/bin/../bin/bash",         NULL                              },
	{ "dot-dot at the beginning",       "/../bin/bash",                 NULL                              },
	{ "dot-dot at the end",             "/usr/bin/..",                  NULL                              },
	{ "doubled slash",                  "/usr//bin/bash",               NULL                              },
	{ "doubled slash at the beginning", "//usr/bin/bash",               NULL                              },
	{ "slash at the end",               "/usr/bin/",                    NULL                              },
	{ "newline",			"/usr/bin/a\nb",                NULL                              },
	{ "escape",			 "/usr/bin/\x1b[2J",             NULL                              },
	{ "delete character",               "/usr/bin/a\x7f",               NULL                              },
	{ "deleted",			"/usr/bin/bash (deleted)",      NULL                              },
	{ "memfd",			  "/memfd:x (deleted)",           NULL                              },
	{ "memfd without a slash",          "memfd:x",                      NULL                              },
};

static void path(void **state)
{
	const struct path_case *row = *state;
	struct bytes input = test_copy(bytes_of_string(row->path));
	char out[GOLDEN_PATH_MAX];

	memset(out, 'x', sizeof(out));
	assert_int_equal(golden_path(input, out, sizeof(out)), row->canonical != NULL);
	if (row->canonical) {
		assert_string_equal(out, row->canonical);
		/* In just enough room, and not in less. */
		assert_true(golden_path(input, out, strlen(row->canonical) + 1));
		assert_false(golden_path(input, out, strlen(row->canonical)));
		/* What is canonical stays so. */
		assert_true(golden_path(bytes_of_string(row->canonical), out, sizeof(out)));
		assert_string_equal(out, row->canonical);
	}
	test_drop(input);
}

static void nul_is_a_control_character(void **state)
{
	char out[GOLDEN_PATH_MAX];

	(void)state;
	assert_false(golden_path(bytes_of("/usr/a\0b", 8), out, sizeof(out)));
}

static void longest(void **state)
{
	char text[PATH_MAX + 1], out[GOLDEN_PATH_MAX];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "/bin/", 5);
	assert_true(golden_path(bytes_of(text, PATH_MAX - 1), out, sizeof(out)));
	assert_int_equal(strlen(out), PATH_MAX - 1 + 4);
	assert_false(golden_path(bytes_of(text, PATH_MAX), out, sizeof(out)));
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, path, path_cases);
	TEST(&tests, nul_is_a_control_character);
	TEST(&tests, longest);
	return test_run(&tests, "db/path");
}
