/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/reader.h"

#include "tests/unit/test.h"

static void integers(void **state)
{
	struct bytes input =
		test_hex("01 0203 0203 04050607 04050607 08090a0b0c0d0e0f 08090a0b0c0d0e0f");
	struct reader in = reader_of(input, 0, "input");

	(void)state;
	assert_int_equal(reader_u8(&in), 0x01);
	assert_int_equal(reader_le16(&in), 0x0302);
	assert_int_equal(reader_be16(&in), 0x0203);
	assert_int_equal(reader_le32(&in), 0x07060504);
	assert_int_equal(reader_be32(&in), 0x04050607);
	assert_true(reader_le64(&in) == UINT64_C(0x0f0e0d0c0b0a0908));
	assert_true(reader_be64(&in) == UINT64_C(0x08090a0b0c0d0e0f));
	assert_int_equal(reader_finish(&in, NULL), 0);
	test_drop(input);
}

static void runs_out_once(void **state)
{
	struct bytes input = test_hex("0102030405");
	struct reader in = reader_of(input, 0x100, "input");
	struct error err = { 0 };

	(void)state;
	reader_skip(&in, 2);
	assert_int_equal(reader_le32(&in), 0); /* three bytes are left */
	assert_int_equal(reader_u8(&in), 0);   /* it stays out, though a byte would fit */
	assert_null(reader_bytes(&in, 1).data);
	assert_int_equal(reader_left(&in), 0);
	assert_int_equal(reader_check(&in, &err), -1);
	test_error(&err, ERROR_TRUNCATED, 0x102);
	assert_string_equal(err.message, "cut short: 4 bytes wanted, 3 left");
	test_drop(input);
}

static void huge_length_does_not_wrap(void **state)
{
	struct bytes input = test_hex("01020304");
	struct reader in = reader_of(input, 0, "input");

	(void)state;
	reader_skip(&in, 1);
	assert_null(reader_take(&in, SIZE_MAX));
	assert_true(in.ran_out);
	test_drop(input);
}

static void left_over(void **state)
{
	struct bytes input = test_hex("010203");
	struct reader in = reader_of(input, 10, "input");
	struct error err = { 0 };

	(void)state;
	reader_skip(&in, 1);
	assert_int_equal(reader_finish(&in, &err), -1);
	test_error(&err, ERROR_MALFORMED, 11);
	test_drop(input);
}

static void part_keeps_offsets(void **state)
{
	struct bytes input = test_hex("00 0a0b0c 0d");
	struct reader in = reader_of(input, 0x40, "input");
	struct reader part;
	struct error err = { 0 };

	(void)state;
	reader_skip(&in, 1);
	part = reader_part(&in, 3);
	assert_int_equal(reader_u8(&in), 0x0d);
	reader_skip(&part, 2);
	assert_int_equal(reader_offset(&part), 0x43);
	reader_skip(&part, 2);
	assert_int_equal(reader_check(&part, &err), -1);
	test_error(&err, ERROR_TRUNCATED, 0x43);

	part = reader_part(&in, 9); /* more than there is: both are out, at the same place */
	assert_int_equal(reader_u8(&part), 0);
	assert_int_equal(reader_check(&part, &err), -1);
	test_error(&err, ERROR_TRUNCATED, 0x45);
	test_drop(input);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, integers);
	TEST(&tests, runs_out_once);
	TEST(&tests, huge_length_does_not_wrap);
	TEST(&tests, left_over);
	TEST(&tests, part_keeps_offsets);
	return test_run(&tests, "core/reader");
}
