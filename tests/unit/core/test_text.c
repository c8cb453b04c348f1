/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/json.h"
#include "core/text.h"

#include "tests/unit/test.h"

static const struct escape_case {
	const char *name, *hex, *text, *json;
} escape_cases[] = {
	{"plain",		   "2f7573722f62696e", "/usr/bin",             "/usr/bin"             },
	{ "umlaut",                 "c3a4",             "\xc3\xa4",             "\xc3\xa4"             },
	{ "newline and escape",     "0a1b5b326a",       "\\x0a\\x1b[2j",        "\\u000a\\u001b[2j"    },
	{ "backslash",              "5c",               "\\\\",                 "\\\\"                 },
	{ "quote",                  "22",               "\"",                   "\\\""                 },
	{ "C1 control",             "c29b",             "\\xc2\\x9b",           "\\u009b"              },
	{ "right-to-left override", "e280ae",           "\\xe2\\x80\\xae",      "\\u202e"              },
	{ "tag character",          "f3a08081",         "\\xf3\\xa0\\x80\\x81", "\\udb40\\udc01"       },
	{ "not UTF-8",              "61ff62",           "a\\xffb",              "a\\\\xffb"            },
	{ "overlong slash",         "c0af",             "\\xc0\\xaf",           "\\\\xc0\\\\xaf"       },
	{ "surrogate",              "eda080",           "\\xed\\xa0\\x80",      "\\\\xed\\\\xa0\\\\x80"},
	{ "cut short",              "e282",             "\\xe2\\x82",           "\\\\xe2\\\\x82"       },
	{ "NUL",		    "6100",             "a\\x00",               "a\\u0000"             },
};

static void escape(void **state)
{
	const struct escape_case *row = *state;
	struct bytes input = test_hex(row->hex);
	struct buf text = BUF_INIT, document = BUF_INIT;
	struct json json = json_to_buf(&document);
	char fixed[64], expected[64];

	text_append(&text, input);
	test_bytes(buf_bytes(&text), bytes_of_string(row->text));
	assert_string_equal(text_escape(fixed, sizeof(fixed), input), row->text);
	json_bytes(&json, NULL, input);
	assert_int_equal(json_finish(&json, NULL), 0);
	snprintf(expected, sizeof(expected), "\"%s\"\n", row->json);
	assert_string_equal((char *)document.data, expected);
	buf_clear(&text);
	buf_clear(&document);
	test_drop(input);
}

static void escape_is_cut_at_a_character(void **state)
{
	char out[6];

	(void)state;
	assert_string_equal(text_escape(out, sizeof(out), bytes_of_string("ab\n\n")), "ab");
	assert_string_equal(text_escape(out, sizeof(out), bytes_of_string("a\nb")), "a\\x0a");
	assert_string_equal(text_escape(out, 1, bytes_of_string("a")), "");
}

static void utf16(void **state)
{
	struct bytes input = test_hex("6100 e400 ac20 3dd800de 00d8 6200");
	struct buf text = BUF_INIT;

	(void)state;
	text_append_utf16le(&text, input);
	test_bytes_hex(buf_bytes(&text), "61 c3a4 e282ac f09f9880 efbfbd 62");
	buf_clear(&text);
	test_drop(input);
}

static void json_document(void **state)
{
	struct buf document = BUF_INIT;
	struct json json = json_to_buf(&document);

	(void)state;
	json_object_begin(&json, NULL);
	json_uint(&json, "n", UINT64_MAX);
	json_int(&json, "i", -1);
	json_bool(&json, "yes", true);
	json_null(&json, "none");
	json_hex(&json, "hex", bytes_of("\x00\xff", 2));
	json_array_begin(&json, "empty");
	json_array_end(&json);
	json_array_begin_compact(&json, "list");
	json_uint(&json, NULL, 1);
	json_object_begin(&json, NULL);
	json_string(&json, "k", "v");
	json_object_end(&json);
	json_array_end(&json);
	json_object_end(&json);
	assert_int_equal(json_finish(&json, NULL), 0);
	assert_string_equal((char *)document.data, "{\n"
						   "  \"n\": 18446744073709551615,\n"
						   "  \"i\": -1,\n"
						   "  \"yes\": true,\n"
						   "  \"none\": null,\n"
						   "  \"hex\": \"00ff\",\n"
						   "  \"empty\": [],\n"
						   "  \"list\": [1, {\"k\": \"v\"}]\n"
						   "}\n");
	buf_clear(&document);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, escape, escape_cases);
	TEST(&tests, escape_is_cut_at_a_character);
	TEST(&tests, utf16);
	TEST(&tests, json_document);
	return test_run(&tests, "core/text");
}
