/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/json_read.h"

#include "core/json.h"
#include "core/own.h"
#include "tests/unit/test.h"

static const struct good_case {
	const char *name, *text, *member, *value; /* value: NULL for no string there */
} good_cases[] = {
	{"string",           "{\"a\": \"x\"}",              "a", "x"         },
	{ "escapes",         "{\"a\": \"\\u00e4\\\"\"}",    "a", "\xc3\xa4\""},
	{ "absent",          "{\"a\": \"x\"}",              "b", NULL        },
	{ "null",            "{\"a\": null, \"b\": \"x\"}", "a", NULL        },
	{ "number",          "{\"a\": 1.5e3}",              "a", NULL        },
	{ "brackets inside", "{\"a\": \"[[[\\\"{{{\"}",     "a", "[[[\"{{{"  },
	{ "top is an array", "[1, true, false, null]",      "a", NULL        },
	{ "top is a string", "\"a\"",                       "a", NULL        },
};

static void good(void **state)
{
	const struct good_case *row = *state;
	struct bytes text = test_copy(bytes_of_string(row->text)), value = { 0 };
	AUTO(json_value_freep) struct json_value *document = NULL;
	struct error err = { 0 };

	assert_int_equal(json_read(text, "t", &document, &err), 0);
	assert_int_equal(json_value_text(json_value_member(document, row->member), &value),
			 row->value != NULL);
	if (row->value)
		test_bytes(value, bytes_of_string(row->value));
	test_drop(text);
}

static const struct bad_case {
	const char *name, *text;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",             "",								      ERROR_MALFORMED, 0 },
	{ "cut short",        "{\"a\": ",							      ERROR_MALFORMED, 6 },
	{ "key given twice",  "{\"a\": 1, \"a\": 2}",                                                  ERROR_MALFORMED, 12},
	{ "something behind", "{} x",								  ERROR_MALFORMED, 4 },
	{ "not UTF-8",        "\"\xff\"",							      ERROR_MALFORMED, 1 },
	{ "too deep",         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
         ERROR_LIMIT,												   64},
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes text = test_copy(bytes_of_string(row->text));
	struct json_value *document = NULL;
	struct error err = { 0 };

	assert_int_equal(json_read(text, "t", &document, &err), -1);
	test_error(&err, row->code, row->offset);
	assert_null(document);
	test_drop(text);
}

static int keep_keys(void *ctx, struct bytes key, const struct json_value *value, struct error *err)
{
	struct bytes text = { 0 };

	(void)err;
	if (!json_value_text(value, &text))
		return 1;
	buf_append(ctx, key);
	buf_append(ctx, text);
	return 0;
}

static void each_in_order(void **state)
{
	struct bytes text = bytes_of_string("{\"z\": \"1\", \"a\": \"2\", \"m\": 3, \"q\": \"4\"}");
	AUTO(json_value_freep) struct json_value *document = NULL;
	AUTO(buf_clear) struct buf keys = BUF_INIT;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(json_read(text, "t", &document, &err), 0);
	assert_true(json_value_is_object(document));
	assert_int_equal(json_value_each(document, keep_keys, &keys, &err), 1);
	test_bytes(buf_bytes(&keys), bytes_of_string("z1a2"));
	assert_int_equal(json_value_each(json_value_member(document, "z"), keep_keys, &keys, &err),
			 0);
}

/* The writer's functions bear names that the library uses for itself. */
static void what_is_written_is_read(void **state)
{
	AUTO(json_value_freep) struct json_value *document = NULL;
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct json json = json_to_buf(&text);
	struct bytes value = { 0 };
	struct error err = { 0 };

	(void)state;
	json_object_begin(&json, NULL);
	json_null(&json, "none");
	json_array_begin(&json, "list");
	json_null(&json, NULL);
	json_array_end(&json);
	json_bytes(&json, "text", bytes_of_string("a\x1b\n\"\\"));
	json_object_end(&json);
	assert_int_equal(json_finish(&json, &err), 0);
	assert_int_equal(json_read(buf_bytes(&text), "t", &document, &err), 0);
	assert_true(json_value_text(json_value_member(document, "text"), &value));
	test_bytes(value, bytes_of_string("a\x1b\n\"\\"));
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, good, good_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, each_in_order);
	TEST(&tests, what_is_written_is_read);
	return test_run(&tests, "core/json_read");
}
