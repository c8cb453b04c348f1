/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/regex.h"

#include "core/own.h"

#include "tests/unit/test.h"

/* Python 3.11: re.fullmatch(regex, text) for each of yes, a line each, is a match, of no is not. */
static const struct match_case {
	const char *name, *regex, *yes, *no;
} match_cases[] = {
	{"literal",				 "abc",				      "abc",								 "ab\nabcd\n"      },
	{ "empty",				  "",					 "",								    "a"               },
	{ "any",				    "a.c",
         "abc\na\xc3\xa9"
	  "c",																			 "ac"              },
	{ "a byte that is no UTF-8 is a character", "a.c",
         "a\xff"
	  "c",																			 "a\xff\xff"
	  "c"																			      },
	{ "star",				   "ab*",				      "a\nab\nabbb",							 "b\nac"           },
	{ "plus",				   "(ab)+",				    "ab\nabab",							    "a\naba"          },
	{ "optional",			       "ab?c",				     "ac\nabc",							     "abbc"            },
	{ "lazy",				   "a.*?c",				    "ac\nabcbc",							   "acb"             },
	{ "a star of what may be empty",            "(a*)*b",                                   "b\naab",							      "aac"             },
	{ "alternatives",			   "ab|cd|",                                   "ab\ncd\n",							    "abcd"            },
	{ "alternatives in groups",                 "x(?:ab|cd)y",                              "xaby\nxcdy",                                                          "xaycd\nxab"      },
	{ "a named group",                          "(?P<root>/dev/.*) ro",                     "/dev/vda2 ro",                                                        "/dev/vda2 rw"    },
	{ "counted",				"a{2,3}",				   "aa\naaa",							     "a\naaaa"         },
	{ "counted just so",                        "(?:ab){2}",                                "abab",								"ab\nababab"      },
	{ "at least",			       "a{2,}b",				   "aab\naaaab",							  "ab"              },
	{ "at most",				"a{,2}b",				   "b\naab",							      "aaab"            },
	{ "none",				   "a{0}b",				    "b",								   "ab"              },
	{ "braces that count nothing",              "a{x}{",                                    "a{x}{",							       "ax"              },
	{ "a set",				  "[a-c_]+",				  "abc_",								"abd"             },
	{ "a set's opposite",                       "[^/]*",                                    "vmlinuz",							     "a/b"             },
	{ "a bracket first in a set",               "[]a]+",                                    "]a]",								 "b"               },
	{ "a set with escapes",                     "[\\]\\-\\d]+",                             "]-7",								 "a"               },
	{ "an opposite with a class",               "[^\\d]",                                   "a",								   "7"               },
	{ "a minus last in a set",                  "[a-]+",                                    "a-a",								 "b"               },
	{ "classes",				"\\w+\\s\\d+",                              "UUID 12",							     "UUID12\nUU-ID 12"},
	{ "their opposites",                        "\\W\\S\\D",                                "-aa",								 "aaa\n-a7"        },
	{ "escapes",				"a\\.b\\ c\\t",                             "a.b c\t",							     "axb c\t"         },
	{ "anchors",				"^ab$",				     "ab",								  "b"               },
	{ "an end before the last newline",         "a$\\n",                                    NULL,								  "a"               },
	{ "anchors of the whole",                   "\\Aab\\Z",                                 "ab",								  "b"               },
	{ "a beginning in the middle",              "a^b",                                      NULL,								  "ab"              },
	{ "as re.escape writes it",
         "/boot/vmlinuz\\-6\\.1\\.0\\-56\\-amd64\\ root=/dev/vda2\\ rw\\ console=ttyS0,115200", "/boot/vmlinuz-6.1.0-56-amd64 root=/dev/vda2 rw console=ttyS0,115200",
         "/boot/vmlinuz-6.1.0-56-amd64 root=/dev/vda2 rw console=ttyS0,115200 init=/bin/sh"											      },
	{ "the prefix is of the first alternative", "kernel_cmdline: a|b",                      "kernel_cmdline: a\nb",
         "kernel_cmdline: b"																			     },
	{ "what takes others forever",              "(a|a)*(a|a)*(a|a)*b",                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"														 },
};

/* Each line of texts against the expression. */
static void all_match(const struct regex *regex, const char *texts, int wanted)
{
	for (const char *at = texts; at;) {
		size_t size = strcspn(at, "\n");
		struct bytes copy = test_copy(bytes_of(at, size));

		assert_int_equal(regex_match(regex, copy, NULL), wanted);
		test_drop(copy);
		at = at[size] ? at + size + 1 : NULL;
	}
}

static void match(void **state)
{
	const struct match_case *row = *state;
	AUTO(regex_freep) struct regex *regex = NULL;
	struct error err = { 0 };

	assert_int_equal(regex_compile(bytes_of_string(row->regex), "regex", &regex, &err), 0);
	all_match(regex, row->yes, 1);
	all_match(regex, row->no, 0);
}

#define D16 "(((((((((((((((("

static const struct bad_case {
	const char *name, *regex;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"a group that is open",         "ab(c",                          ERROR_MALFORMED,   2                  },
	{ "a group that was not opened", "ab)c",                          ERROR_MALFORMED,   2                  },
	{ "a set that is open",          "a[b",                           ERROR_MALFORMED,   1                  },
	{ "an empty set",                "a[]",                           ERROR_MALFORMED,   1                  },
	{ "a range backwards",           "[c-a]",                         ERROR_MALFORMED,   2                  },
	{ "a range to a class",          "[a-\\d]",                       ERROR_MALFORMED,   2                  },
	{ "a repeat of nothing",         "*a",                            ERROR_MALFORMED,   0                  },
	{ "a count of nothing",          "{2}",                           ERROR_MALFORMED,   0                  },
	{ "a repeat of a repeat",        "a**",                           ERROR_MALFORMED,   2                  },
	{ "a count of a repeat",         "a*{2}",                         ERROR_MALFORMED,   2                  },
	{ "more than its most",          "a{3,2}",                        ERROR_MALFORMED,   1                  },
	{ "a backslash at the end",      "ab\\",                          ERROR_MALFORMED,   3                  },
	{ "a group without its name",    "(?P<>a)",                       ERROR_MALFORMED,   0                  },
	{ "a reference",                 "(a)\\1",                        ERROR_UNSUPPORTED, 3                  },
	{ "a boundary",                  "\\ba",                          ERROR_UNSUPPORTED, 0                  },
	{ "what follows",                "a(?=b)",                        ERROR_UNSUPPORTED, 1                  },
	{ "flags",		       "(?i)a",                         ERROR_UNSUPPORTED, 0                  },
	{ "a possessive repeat",         "a*+",                           ERROR_UNSUPPORTED, 2                  },
	{ "too many steps",              "(((a{100}){100}){100}){100}",   ERROR_LIMIT,       ERROR_NO_OFFSET - 1},
	{ "groups too deep",
         D16 D16 D16 D16 "(a"
			  "))))))))))))))))))))))))))))))))))))))))))))", ERROR_LIMIT,       64                 },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	AUTO(regex_freep) struct regex *regex = NULL;
	struct error err = { 0 };

	assert_int_equal(regex_compile(bytes_of_string(row->regex), "regex", &regex, &err), -1);
	assert_int_equal(err.code, row->code);
	if (row->offset != ERROR_NO_OFFSET - 1)
		assert_int_equal(err.offset, row->offset);
	assert_null(regex);
}

/* Any text, escaped, matches itself and nothing that is a byte longer or another. */
static void escape(void **state)
{
	struct buf text = BUF_INIT, out = BUF_INIT;
	AUTO(regex_freep) struct regex *regex = NULL;

	(void)state;
	for (unsigned c = 1; c < 256; c++)
		buf_append_u8(&text, (uint8_t)c);
	regex_escape(&out, buf_bytes(&text));
	assert_int_equal(regex_compile(buf_bytes(&out), "regex", &regex, NULL), 0);
	assert_int_equal(regex_match(regex, buf_bytes(&text), NULL), 1);
	text.data[50] ^= 1;
	assert_int_equal(regex_match(regex, buf_bytes(&text), NULL), 0);
	text.data[50] ^= 1;
	buf_append_u8(&text, 'a');
	assert_int_equal(regex_match(regex, buf_bytes(&text), NULL), 0);
	buf_clear(&text);
	buf_clear(&out);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, match, match_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, escape);
	return test_run(&tests, "core/regex");
}
