/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/replay/quote/load.h"

#define GOOD "good-rsassa-sha256.msg"

static void fields(void **state)
{
	struct bytes input = load_file(VECTORS, GOOD);
	struct quote quote;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(quote_parse(input, GOOD, &quote, &err), 0);
	assert_int_equal(quote.structure, QUOTE_IS_QUOTE);
	assert_true(quote.message.data == input.data && quote.message.size == input.size);
	assert_int_equal(quote.magic, 0xff544347);
	assert_int_equal(quote.type, 0x8018);
	assert_int_equal(quote.signer.size, 34);
	assert_int_equal(quote.signer.data[1], 0x0b);
	test_bytes_hex(quote.nonce, "a55a0123456789abcdef");
	assert_int_equal(quote.reset_count, 1);
	assert_int_equal(quote.restart_count, 0);
	assert_true(quote.safe);
	assert_true(quote.clock > 0 && quote.clock < 3600000);
	assert_int_equal(quote.selection.n_banks, 1);
	assert_int_equal(quote.selection.banks[0].alg, ALG_SHA256);
	assert_int_equal(quote.selection.banks[0].alg_id, 0x000b);
	assert_int_equal(quote.selection.banks[0].pcrs, 0x469f); /* 0 1 2 3 4 7 9 10 14 */
	assert_int_equal(quote_selection_pcrs(&quote.selection, ALG_SHA256), 0x469f);
	assert_int_equal(quote_selection_pcrs(&quote.selection, ALG_SHA1), 0);
	assert_int_equal(quote_selection_algs(&quote.selection), 1u << ALG_SHA256);
	assert_false(quote_selection_beyond(&quote.selection));
	assert_int_equal(quote.pcr_digest.size, 32);
	test_drop(input);
}

/* A message written by hand, so that every number is known. */
static void every_number(void **state)
{
	struct bytes input = test_hex("ff544347 8018"
				      "0004 40000001" /* qualifiedSigner: a handle */
				      "0003 010203"
				      "0102030405060708 11121314 21222324 00" /* clockInfo */
				      "3132333435363738"                      /* firmwareVersion */
				      "00000003"
				      "0004 03 010080"   /* sha1: 0, 23 */
				      "0027 01 02"       /* SHA3-256, no bank of ours: 1 */
				      "000c 04 00000080" /* sha384: 31 */
				      "0004 deadbeef");
	struct quote quote;

	(void)state;
	assert_int_equal(quote_parse(input, "input", &quote, NULL), 0);
	assert_int_equal(quote.structure, QUOTE_IS_QUOTE);
	test_bytes_hex(quote.signer, "40000001");
	test_bytes_hex(quote.nonce, "010203");
	assert_true(quote.clock == UINT64_C(0x0102030405060708));
	assert_int_equal(quote.reset_count, 0x11121314);
	assert_int_equal(quote.restart_count, 0x21222324);
	assert_false(quote.safe);
	assert_true(quote.firmware_version == UINT64_C(0x3132333435363738));
	assert_int_equal(quote.selection.n_banks, 3);
	assert_int_equal(quote.selection.banks[0].pcrs, 0x800001);
	assert_int_equal(quote.selection.banks[1].alg, ALG_NONE);
	assert_int_equal(quote.selection.banks[1].alg_id, 0x27);
	assert_int_equal(quote.selection.banks[1].pcrs, 2);
	assert_int_equal(quote.selection.banks[2].alg, ALG_SHA384);
	assert_true(quote.selection.banks[2].pcrs == UINT32_C(0x80000000));
	assert_true(quote_selection_beyond(&quote.selection));
	assert_int_equal(quote_selection_pcrs(&quote.selection, ALG_SHA384), 0);
	assert_int_equal(quote_selection_algs(&quote.selection), 1u << ALG_SHA1);
	test_bytes_hex(quote.pcr_digest, "deadbeef");
	test_drop(input);
}

static const struct structure_case {
	const char *name, *file;
	struct change change;
	enum quote_structure structure;
} structure_cases[] = {
	{"a quote",              GOOD,                      { 0 },                QUOTE_IS_QUOTE     },
	{ "bank twice",          "good-bank-twice.msg",     { 0 },                QUOTE_IS_QUOTE     },
	{ "nothing chosen",      "bad-empty-selection.msg", { 0 },                QUOTE_IS_QUOTE     },
	{ "another magic",       GOOD,                      { 0, "ff544346", 0 }, QUOTE_NOT_GENERATED},
	{ "little endian",       GOOD,                      { 0, "474354ff", 0 }, QUOTE_NOT_GENERATED},
	{ "zeros",               GOOD,                      { 0, "00000000", 0 }, QUOTE_NOT_GENERATED},
	{ "another magic alone", GOOD,                      { 0, "01020304", 4 }, QUOTE_NOT_GENERATED},
	{ "a certify",           "bad-certify.msg",         { 0 },                QUOTE_NOT_A_QUOTE  },
	{ "type time",           GOOD,                      { 4, "8019", 0 },     QUOTE_NOT_A_QUOTE  },
	{ "type of none",        GOOD,                      { 4, "0000", 0 },     QUOTE_NOT_A_QUOTE  },
	{ "a byte more",         GOOD,                      { 0, NULL, 124 },     QUOTE_BYTES_AFTER  },
	{ "a page more",         GOOD,                      { 0, NULL, 4096 },    QUOTE_BYTES_AFTER  },
};

static void structure(void **state)
{
	const struct structure_case *row = *state;
	struct bytes input = load_changed(row->file, row->change);
	struct error err = { 0 };
	struct quote quote;

	assert_int_equal(quote_parse(input, row->file, &quote, &err), 0);
	assert_string_equal(quote_structure_text(quote.structure),
			    quote_structure_text(row->structure));
	assert_true(bytes_equal(quote.message, input));
	test_drop(input);
}

static void sized_form(void **state)
{
	struct bytes message = load_file(VECTORS, GOOD);
	AUTO(buf_clear) struct buf sized = BUF_INIT;
	struct bytes input;
	struct quote quote;

	(void)state;
	buf_append_be16(&sized, (uint16_t)message.size);
	buf_append(&sized, message);
	input = test_copy(buf_bytes(&sized));
	assert_int_equal(quote_parse(input, "input", &quote, NULL), 0);
	assert_int_equal(quote.structure, QUOTE_BYTES_BEFORE);
	test_drop(input);
	test_drop(message);
}

/* Places in GOOD: signer 6, extraData 42, clockInfo 54, firmwareVersion 71, pcrSelect 79, its bank 83,
 * pcrDigest 89, end 123. */
static const struct bad_case {
	const char *name;
	struct change change;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",                  { 0, NULL, CHANGE_EMPTY }, ERROR_TRUNCATED, 0 },
	{ "cut in the magic",      { 0, NULL, 3 },            ERROR_TRUNCATED, 0 },
	{ "cut in the type",       { 0, NULL, 5 },            ERROR_TRUNCATED, 4 },
	{ "cut before the signer", { 0, NULL, 7 },            ERROR_TRUNCATED, 6 },
	{ "cut in the signer",     { 0, NULL, 41 },           ERROR_TRUNCATED, 6 },
	{ "signer too long",       { 6, "0045", 0 },          ERROR_MALFORMED, 6 },
	{ "signer past the end",   { 6, "0042", 60 },         ERROR_TRUNCATED, 6 },
	{ "nonce too long",        { 42, "0043", 0 },         ERROR_MALFORMED, 42},
	{ "nonce past the end",    { 42, "0042", 80 },        ERROR_TRUNCATED, 42},
	{ "cut in the clock",      { 0, NULL, 70 },           ERROR_TRUNCATED, 54},
	{ "safe neither",          { 70, "02", 0 },           ERROR_MALFORMED, 70},
	{ "cut in the firmware",   { 0, NULL, 78 },           ERROR_TRUNCATED, 71},
	{ "cut before the banks",  { 0, NULL, 82 },           ERROR_TRUNCATED, 79},
	{ "17 banks",              { 79, "00000011", 0 },     ERROR_LIMIT,     79},
	{ "4 billion banks",       { 79, "ffffffff", 0 },     ERROR_LIMIT,     79},
	{ "cut in a bank",         { 0, NULL, 88 },           ERROR_TRUNCATED, 83},
	{ "bitmap of 5 bytes",     { 85, "05", 0 },           ERROR_MALFORMED, 83},
	{ "digest too long",       { 89, "0041", 0 },         ERROR_MALFORMED, 89},
	{ "cut in the digest",     { 0, NULL, 122 },          ERROR_TRUNCATED, 89},
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes input = load_changed(GOOD, row->change);
	struct quote quote = { .type = 0x1234 };
	struct error err = { 0 };

	assert_int_equal(quote_parse(input, GOOD, &quote, &err), -1);
	test_error(&err, row->code, row->offset);
	assert_string_equal(err.source, GOOD);
	assert_int_equal(quote.type, 0x1234); /* untouched */
	test_drop(input);
}

static void cut_everywhere(void **state)
{
	struct bytes whole = load_file(VECTORS, "good-all-banks.msg");
	struct error err = { 0 };
	struct quote quote;

	(void)state;
	for (size_t size = 0; size < whole.size; size++) {
		struct bytes input = test_copy(bytes_of(whole.data, size));

		assert_int_equal(quote_parse(input, "cut", &quote, &err), -1);
		assert_true(err.offset <= size);
		test_drop(input);
	}
	test_drop(whole);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, fields);
	TEST(&tests, every_number);
	TEST_ROWS(&tests, structure, structure_cases);
	TEST(&tests, sized_form);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_everywhere);
	return test_run(&tests, "replay/quote/attest");
}
