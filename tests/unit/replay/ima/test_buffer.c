/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/buffer.h"

#include "core/own.h"
#include "tests/unit/test.h"

/* Texts as kernels write them: dm-ima.rst, security/selinux/ima.c, ima_kexec.c. */
/* clang-format off */
static const struct kind_case {
	const char *name, *buffer_name, *buffer;
	enum ima_buffer_kind kind;
} kind_cases[] = {
	{"command line",         "kexec-cmdline",       "root=/dev/sda1 quiet",                      IMA_BUFFER_COMMAND_LINE},
	{ "SELinux",             "selinux-state",       "initialized=1;enforcing=1;checkreqprot=0;",
         IMA_BUFFER_FIELDS												  },
	{ "policy hash",         "selinux-policy-hash", "\1\2",                                      IMA_BUFFER_DIGEST      },
	{ "blacklist",           "blacklisted-hash",    "\1\2",                                      IMA_BUFFER_DIGEST      },
	{ "version",             "kernel_version",      "6.1.0-40-amd64",                            IMA_BUFFER_TEXT        },
	{ "kexec",               "kexec_execute",       "kexec_segment_size=8;",                     IMA_BUFFER_FIELDS      },
	{ "mapper",              "dm_table_load",       "dm_version=4.45.0;name=a;",                 IMA_BUFFER_FIELDS      },
	{ "keyring",             ".ima",                "0",					 IMA_BUFFER_KEY         },
	{ "unknown text",        "news",                "text",                                      IMA_BUFFER_TEXT        },
	{ "unknown fields",      "news",                "a=b",                                       IMA_BUFFER_FIELDS      },
	{ "unknown bytes",       "news",                "\1\2",                                      IMA_BUFFER_BYTES       },
	{ "nothing",             "news",                "",					  IMA_BUFFER_BYTES       },
	{ "a name that goes on", ".ima2",               "text",                                      IMA_BUFFER_TEXT        },
};
/* clang-format on */

static void kind(void **state)
{
	const struct kind_case *row = *state;

	assert_int_equal(ima_buffer_kind(bytes_of_string(row->buffer_name),
					 bytes_of_string(row->buffer)),
			 row->kind);
	assert_non_null(ima_buffer_kind_name(row->kind));
}

/* Fields as "key>value", groups begun by '|'. */
/* clang-format off */
static const struct fields_case {
	const char *name, *buffer, *says;
} fields_cases[] = {
	{"one group",               "a=1,b=2;",             "|a>1 b>2 "            },
	{ "groups",                 "a=1;b=2,c=3;d=;",      "|a>1 |b>2 c>3 |d> "   },
	{ "no end",                 "a=1,b",                "|a>1 >b "             },
	{ "a value with '='",       "m=name=t,u=2;",        "|m>name=t u>2 "       },
	{ "escapes",                "n=a\\;b\\,c\\\\,m=1;", "|n>a\\;b\\,c\\\\ m>1 "},
	{ "a backslash at the end", "n=a\\",                "|n>a\\ "              },
	{ "empty fields",           ",;,",                  "|> > |> "             },
	{ "nothing",                "",                     ""                     },
};
/* clang-format on */

static void fields(void **state)
{
	const struct fields_case *row = *state;
	AUTO(buf_clear) struct buf says = BUF_INIT;
	struct bytes buffer = test_copy(bytes_of_string(row->buffer)), rest = buffer;
	struct ima_buffer_field field;

	while (ima_buffer_field_next(buffer, &rest, &field)) {
		if (field.begins_group)
			buf_append_string(&says, "|");
		buf_append(&says, field.key);
		buf_append_string(&says, ">");
		buf_append(&says, field.value);
		buf_append_string(&says, " ");
	}
	test_bytes(buf_bytes(&says), bytes_of_string(row->says));
	test_drop(buffer);
}

/* dm_table_clear of real kernels has a run of zeros before its last group. */
static void zeros(void **state)
{
	struct bytes buffer = bytes_of("a=1;\0\0\0b=2;", 11), rest = buffer;
	struct ima_buffer_field field;

	(void)state;
	assert_true(ima_buffer_field_next(buffer, &rest, &field));
	assert_true(ima_buffer_field_next(buffer, &rest, &field));
	assert_true(field.begins_group);
	test_bytes(field.key, bytes_of_string("b"));
	assert_false(ima_buffer_field_next(buffer, &rest, &field));
}

static void describe(void **state)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct bytes der = test_file("tests/vectors/ima/skid.der");

	(void)state;
	ima_buffer_describe(bytes_of_string(".ima"), der, &text);
	test_bytes(buf_bytes(&text), bytes_of_string("O = Assay's tests, CN = ima test skid, RSA "
						     "2048, key id 0102030405060708"));
	text.size = 0;
	ima_buffer_describe(bytes_of_string("blacklisted-hash"), bytes_of("\1\xff", 2), &text);
	test_bytes(buf_bytes(&text), bytes_of_string("01ff"));
	for (size_t size = 0; size < der.size; size += 11) {
		struct bytes cut = test_copy(bytes_of(der.data, size));

		text.size = 0;
		ima_buffer_describe(bytes_of_string(".ima"), cut, &text);
		assert_true(text.size > 0);
		test_drop(cut);
	}
	test_drop(der);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, kind, kind_cases);
	TEST_ROWS(&tests, fields, fields_cases);
	TEST(&tests, zeros);
	TEST(&tests, describe);
	return test_run(&tests, "replay/ima/buffer");
}
