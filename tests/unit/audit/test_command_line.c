/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/command_line.h"

#include "core/own.h"
#include "tests/unit/test.h"

static const struct beyond_case {
	const char *name, *text, *other;
	enum command_line_words words;
	const char *beyond;
} beyond_cases[] = {
	{"the same",                    "ro quiet",             "ro quiet",       WORDS_ADDED,           ""                                           },
	{ "another order",              "quiet ro",             "ro quiet",       WORDS_ADDED,           ""                                           },
	{ "a word more",                "ro quiet",             "ro",             WORDS_ADDED,           "quiet"                                      },
	{ "blanks and tabs",            " \tro \n quiet ",      "ro",             WORDS_ADDED,           "quiet"                                      },
	{ "quotes keep blanks",         "a=\"b c\" d",          "d",              WORDS_ADDED,           "a=\"b c\""                                  },
	{ "a quote that never ends",    "a=\"b c d",            "d",              WORDS_ADDED,           "a=\"b c d"                                  },
	{ "escaped",                    "a\x7f",                "",               WORDS_ADDED,           "a\\x7f"                                     },
	{ "init",		       "init=/bin/sh",         "",               WORDS_ADDED,           "init=/bin/sh (starts another first program)"},
	{ "rdinit is no init",          "rdinit=/x",            "",               WORDS_ADDED,
         "rdinit=/x (starts another first program)"												   },
	{ "what begins like init",      "init_on_alloc=1",      "",               WORDS_ADDED,           "init_on_alloc=1"                            },
	{ "another value",              "ima_policy=x",         "ima_policy=tcb", WORDS_ADDED,
         "ima_policy=x (changes what IMA measures)"												   },
	{ "a dash for an underscore",   "systemd.debug-shell",  "",               WORDS_ADDED,
         "systemd.debug-shell (opens a shell without a password)"										     },
	{ "module.sig-enforce",         "module.sig-enforce=0", "",               WORDS_ADDED,
         "module.sig-enforce=0 (lets unsigned kernel modules in)"										     },
	{ "sig_enforce on",             "module.sig_enforce=1", "",               WORDS_ADDED,           "module.sig_enforce=1"                       },
	{ "a runlevel",                 "1",                    "",               WORDS_ADDED,           "1 (starts a single-user shell)"             },
	{ "a number in a script",       "1",                    "",               WORDS_ADDED_TO_SCRIPT, "1"                                          },
	{ "single in a script",         "single",               "",               WORDS_ADDED_TO_SCRIPT,
         "single (starts a single-user shell)"													},
	{ "lost",		       "lockdown=integrity x", "",               WORDS_LOST,
         "lockdown=integrity (the kernel may not be locked down), x"										  },
	{ "lost, and no loss",          "init=/bin/sh",         "",               WORDS_LOST,            "init=/bin/sh"                               },
	{ "lost protection of modules", "module.sig_enforce=1", "",               WORDS_LOST,
         "module.sig_enforce=1 (unsigned kernel modules may be let in)"									       },
};

static void beyond(void **state)
{
	const struct beyond_case *row = *state;
	AUTO(buf_clear) struct buf out = BUF_INIT;

	command_line_beyond(&out, bytes_of_string(row->text), bytes_of_string(row->other),
			    row->words);
	test_bytes(buf_bytes(&out), bytes_of_string(row->beyond));
}

/* What an attacker would add first. */
static void named(void **state)
{
	static const char *const words[] = { "init=x",
					     "ima=off",
					     "ima_policy=x",
					     "ima_appraise=off",
					     "module.sig_enforce=0",
					     "lockdown=none",
					     "selinux=0",
					     "enforcing=0",
					     "apparmor=0",
					     "systemd.unit=x",
					     "rd.break",
					     "single",
					     "efi=x",
					     "mitigations=off" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_non_null(command_line_meaning(bytes_of_string(words[i]), WORDS_ADDED));
}

/* Words in so many that nobody reads them are cut short. */
static void many(void **state)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(buf_clear) struct buf out = BUF_INIT;

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_printf(&text, "w%d ", i);
	command_line_beyond(&out, buf_bytes(&text), bytes_of("", 0), WORDS_ADDED);
	assert_true(out.size < 2100);
	assert_memory_equal(out.data + out.size - 4, " ...", 4);
}

static const struct included_case {
	const char *name, *a, *b, *c, *d;
	bool included;
} included_cases[] = {
	{"the same words", "x y",   "x", "linux x y", "linux x", true },
	{ "fewer words",   "x",     "x", "y",         "",        true },
	{ "a word more",   "x y z", "x", "x y",       "x",       false},
	{ "there before",  "x y",   "x", "x y",       "x y",     false},
};

static void included(void **state)
{
	const struct included_case *row = *state;

	assert_int_equal(command_line_beyond_is_in(bytes_of_string(row->a), bytes_of_string(row->b),
						   bytes_of_string(row->c),
						   bytes_of_string(row->d)),
			 row->included);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, beyond, beyond_cases);
	TEST(&tests, named);
	TEST(&tests, many);
	TEST_ROWS(&tests, included, included_cases);
	return test_run(&tests, "audit/command_line");
}
