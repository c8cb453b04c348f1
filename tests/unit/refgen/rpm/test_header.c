/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/rpm/header.h"

#include "tests/unit/refgen/rpm/build.h"
#include "tests/unit/test.h"

#define MAGIC "8eade801 00000000 "

static void lead_of_binary_and_source(void **state)
{
	AUTO(buf_clear) struct buf lead = BUF_INIT;
	struct rpm_lead out = { 0 };
	struct bytes exact;

	(void)state;
	build_lead(&lead, "name");
	assert_int_equal(lead.size, RPM_LEAD_SIZE);
	exact = test_copy(buf_bytes(&lead));
	assert_int_equal(rpm_lead_parse(exact, "x", &out, NULL), 0);
	assert_int_equal(out.major, 3);
	assert_false(out.source);
	test_drop(exact);
	lead.data[7] = 1;
	lead.data[4] = 4;
	assert_int_equal(rpm_lead_parse(buf_bytes(&lead), "x", &out, NULL), 0);
	assert_int_equal(out.major, 4);
	assert_true(out.source);
}

static const struct bad_lead {
	const char *name;
	size_t at;  /* byte that is set ... */
	uint8_t to; /* ... to this */
	enum error_code code;
	uint64_t offset;
} bad_leads[] = {
	{"no magic",             0,  0xec, ERROR_MALFORMED,   0 },
	{ "version 2",           4,  2,    ERROR_UNSUPPORTED, 4 },
	{ "version 5",           4,  5,    ERROR_UNSUPPORTED, 4 },
	{ "type 2",              7,  2,    ERROR_MALFORMED,   6 },
	{ "type 256",            6,  1,    ERROR_MALFORMED,   6 },
	{ "signature type none", 79, 0,    ERROR_UNSUPPORTED, 78},
};

static void bad_lead(void **state)
{
	const struct bad_lead *row = *state;
	AUTO(buf_clear) struct buf lead = BUF_INIT;
	struct rpm_lead out = { 0 };
	struct error err = { 0 };

	build_lead(&lead, "name");
	lead.data[row->at] = row->to;
	assert_int_equal(rpm_lead_parse(buf_bytes(&lead), "x", &out, &err), -1);
	test_error(&err, row->code, row->offset);
}

static void lead_cut_short(void **state)
{
	AUTO(buf_clear) struct buf lead = BUF_INIT;

	(void)state;
	build_lead(&lead, "name");
	for (size_t size = 0; size < RPM_LEAD_SIZE; size++) {
		struct bytes cut = test_copy(bytes_of(lead.data, size));
		struct rpm_lead out;
		struct error err = { 0 };

		assert_int_equal(rpm_lead_parse(cut, "x", &out, &err), -1);
		assert_int_equal(err.code, ERROR_TRUNCATED);
		test_drop(cut);
	}
}

/* One value of each type. */
static void build_all(struct build_header *header)
{
	static const char *const words[] = { "one", "", "three" };
	static const uint32_t numbers[] = { 1, 0xfffffffe };
	static const uint16_t shorts[] = { 0100644, 040755, 7 };

	build_string(header, 1000, "name");
	build_int32s(header, 1003, numbers, 2);
	build_i18n(header, 1004, "summary");
	build_int16s(header, 1030, shorts, 3);
	build_binary(header, 1040, bytes_of_string("\x01\x02\x03"));
	build_strings(header, 1117, words, 3);
	build_int64(header, 5008, UINT64_C(0x123456789abcdef0));
}

static void values_of_each_type(void **state)
{
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_header_clear) struct rpm_header header = { 0 };
	struct build_header build = { 0 };
	struct rpm_numbers numbers = { 0 };
	struct rpm_strings strings = { 0 };
	struct bytes text = { 0 }, exact;
	uint64_t number = 0;
	size_t size = 0;

	(void)state;
	build_all(&build);
	build_finish(&build, RPMTAG_HEADERIMMUTABLE, &built);
	exact = test_copy(buf_bytes(&built));
	assert_int_equal(rpm_header_size(bytes_of(exact.data, 16), RPM_HEADER_MAIN, 0x100, "x",
					 &size, NULL),
			 0);
	assert_int_equal(size, exact.size);
	assert_int_equal(rpm_header_parse(exact, RPM_HEADER_MAIN, 0x100, "x", &header, NULL), 0);
	assert_true(header.region);
	assert_int_equal(header.n_entries, 7);

	assert_int_equal(rpm_header_string(&header, 1000, &text, NULL), 1);
	assert_true(bytes_equal_string(text, "name"));
	assert_int_equal(rpm_header_string(&header, 1004, &text, NULL), 1);
	assert_true(bytes_equal_string(text, "summary"));
	assert_int_equal(rpm_header_numbers(&header, 1003, &numbers, NULL), 1);
	assert_int_equal(numbers.count, 2);
	assert_int_equal(rpm_number(&numbers, 0), 1);
	assert_int_equal(rpm_number(&numbers, 1), 0xfffffffe);
	assert_int_equal(rpm_header_numbers(&header, 1030, &numbers, NULL), 1);
	assert_int_equal(rpm_number(&numbers, 0), 0100644);
	assert_int_equal(rpm_number(&numbers, 2), 7);
	assert_int_equal(rpm_header_number(&header, 5008, &number, NULL), 1);
	assert_true(number == UINT64_C(0x123456789abcdef0));
	assert_int_equal(rpm_header_binary(&header, 1040, &text, NULL), 1);
	test_bytes_hex(text, "010203");
	assert_int_equal(rpm_header_strings(&header, 1117, &strings, NULL), 1);
	assert_int_equal(strings.count, 3);
	assert_true(bytes_equal_string(rpm_strings_next(&strings), "one"));
	assert_true(bytes_equal_string(rpm_strings_next(&strings), ""));
	assert_true(bytes_equal_string(rpm_strings_next(&strings), "three"));
	assert_int_equal(rpm_strings_next(&strings).size, 0);
	assert_null(rpm_header_find(&header, 1001));
	assert_int_equal(rpm_header_string(&header, 1001, &text, NULL), 0);
	test_drop(exact);
}

static void wrong_types_are_errors(void **state)
{
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_header_clear) struct rpm_header header = { 0 };
	struct build_header build = { 0 };
	struct rpm_numbers numbers;
	struct rpm_strings strings;
	struct error err = { 0 };
	struct bytes text;
	uint64_t number;
	uint64_t data_at;

	(void)state;
	build_all(&build);
	build_finish(&build, RPMTAG_HEADERIMMUTABLE, &built);
	assert_int_equal(rpm_header_parse(buf_bytes(&built), RPM_HEADER_MAIN, 0x100, "x", &header,
					  NULL),
			 0);
	data_at = 0x100 + 16 + 8 * 16;
	assert_int_equal(rpm_header_number(&header, 1000, &number, &err), -1);
	test_error(&err, ERROR_MALFORMED, data_at);
	assert_int_equal(rpm_header_number(&header, 1003, &number, &err), -1); /* two of them */
	test_error(&err, ERROR_MALFORMED, data_at + 8);
	assert_int_equal(rpm_header_string(&header, 1117, &text, &err), -1);
	assert_int_equal(rpm_header_strings(&header, 1040, &strings, &err), -1);
	assert_int_equal(rpm_header_numbers(&header, 1117, &numbers, &err), -1);
	assert_int_equal(rpm_header_binary(&header, 1000, &text, &err), -1);
}

static void v3_without_region(void **state)
{
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_header_clear) struct rpm_header header = { 0 };
	struct build_header build = { 0 };

	(void)state;
	build_all(&build);
	build_finish(&build, 0, &built);
	assert_int_equal(rpm_header_parse(buf_bytes(&built), RPM_HEADER_MAIN, 0, "x", &header,
					  NULL),
			 0);
	assert_false(header.region);
	assert_int_equal(header.n_entries, 7);
}

/* What rpm 4.0 left in signature headers (rpm lib/header.c). */
static void signature_trailer_of_rpm_4_0(void **state)
{
	AUTO(rpm_header_clear) struct rpm_header header = { 0 };
	struct bytes bytes = test_hex(MAGIC "00000002 00000014"
					    "0000003e 00000007 00000004 00000010"
					    "000003e8 00000004 00000000 00000001"
					    "00000123"
					    "0000003d 00000007 ffffffe0 00000010");

	(void)state;
	assert_int_equal(rpm_header_parse(bytes, RPM_HEADER_SIGNATURE, 96, "x", &header, NULL), 0);
	assert_true(header.region);
	test_drop(bytes);
}

static void unsorted_tags_are_found(void **state)
{
	AUTO(rpm_header_clear) struct rpm_header header = { 0 };
	struct bytes bytes = test_hex(MAGIC "00000002 00000008"
					    "000003ef 00000004 00000000 00000001"
					    "000003ee 00000004 00000004 00000001"
					    "00000001 00000002");
	uint64_t number = 0;

	(void)state;
	assert_int_equal(rpm_header_parse(bytes, RPM_HEADER_MAIN, 0, "x", &header, NULL), 0);
	assert_int_equal(rpm_header_number(&header, 1006, &number, NULL), 1);
	assert_int_equal(number, 2);
	test_drop(bytes);
}

#define REGION_63 "0000003f 00000007 00000004 00000010"
#define ENTRY     "000003ef 00000004 00000000 00000001"
#define DATA      "00000001"
#define TRAILER   "0000003f 00000007 ffffffe0 00000010"

static const struct bad_header {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset; /* from the header's begin */
} bad_headers[] = {
	{"empty",			"",						     ERROR_TRUNCATED, 0 },
	{ "no magic",                    "8eade802 00000000 00000001 00000000" ENTRY,            ERROR_MALFORMED, 0 },
	{ "intro cut short",             MAGIC "000000",                                         ERROR_TRUNCATED, 8 },
	{ "no entries",                  MAGIC "00000000 00000000",                              ERROR_MALFORMED, 8 },
	{ "65536 entries",               MAGIC "00010000 00000000",                              ERROR_LIMIT,     8 },
	{ "4294967295 entries",          MAGIC "ffffffff 00000000",                              ERROR_LIMIT,     8 },
	{ "256 MiB of data",             MAGIC "00000001 10000000",                              ERROR_LIMIT,     12},
	{ "index cut short",             MAGIC "00000002 00000014" REGION_63 "000003ef",         ERROR_TRUNCATED, 16},
	{ "data cut short",              MAGIC "00000002 00000014" REGION_63 ENTRY DATA,         ERROR_TRUNCATED, 48},
	{ "bytes left over",             MAGIC "00000001 00000004" ENTRY DATA "00",              ERROR_MALFORMED, 36},
	{ "region of type INT32",
         MAGIC "00000002 00000014"
		"0000003f 00000004 00000004 00000010" ENTRY DATA TRAILER,
         ERROR_MALFORMED,											 16},
	{ "region of 15 bytes",
         MAGIC "00000002 00000014"
		"0000003f 00000007 00000004 0000000f" ENTRY DATA TRAILER,
         ERROR_MALFORMED,											 16},
	{ "region before the end",
         MAGIC "00000002 00000014"
		"0000003f 00000007 00000003 00000010" ENTRY DATA TRAILER,
         ERROR_MALFORMED,											 24},
	{ "region past the end",
         MAGIC "00000002 00000014"
		"0000003f 00000007 7fffffff 00000010" ENTRY DATA TRAILER,
         ERROR_MALFORMED,											 24},
	{ "region without room",
         MAGIC "00000001 00000004"
		"0000003f 00000007 00000000 00000010" DATA,
         ERROR_MALFORMED,											 24},
	{ "trailer of another tag",
         MAGIC "00000002 00000014" REGION_63 ENTRY DATA "0000003e 00000007 ffffffe0 00000010",
         ERROR_MALFORMED,											 52},
	{ "trailer of another type",
         MAGIC "00000002 00000014" REGION_63 ENTRY DATA "0000003f 00000006 ffffffe0 00000010",
         ERROR_MALFORMED,											 52},
	{ "trailer of a smaller region",
         MAGIC "00000002 00000014" REGION_63 ENTRY DATA "0000003f 00000007 fffffff0 00000010",
         ERROR_MALFORMED,											 60},
	{ "trailer of a larger region",
         MAGIC "00000002 00000014" REGION_63 ENTRY DATA "0000003f 00000007 ffffffd0 00000010",
         ERROR_MALFORMED,											 60},
	{ "region of a signature",
         MAGIC "00000002 00000014"
		"0000003e 00000007 00000004 00000010" ENTRY DATA TRAILER,
         ERROR_MALFORMED,											 16},
	{ "region not first",            MAGIC "00000002 00000014" ENTRY REGION_63 DATA TRAILER,
         ERROR_MALFORMED,											 32},
	{ "tag below 100",
         MAGIC "00000001 00000004"
		"00000063 00000004 00000000 00000001" DATA,
         ERROR_MALFORMED,											 16},
	{ "tag negative",
         MAGIC "00000001 00000004"
		"800003ef 00000004 00000000 00000001" DATA,
         ERROR_MALFORMED,											 16},
	{ "type 0",
         MAGIC "00000001 00000004"
		"000003ef 00000000 00000000 00000001" DATA,
         ERROR_MALFORMED,											 20},
	{ "type 10",
         MAGIC "00000001 00000004"
		"000003ef 0000000a 00000000 00000001" DATA,
         ERROR_MALFORMED,											 20},
	{ "count 0",
         MAGIC "00000001 00000004"
		"000003ef 00000004 00000000 00000000" DATA,
         ERROR_MALFORMED,											 28},
	{ "two values of STRING",
         MAGIC "00000001 00000004"
		"000003ef 00000006 00000000 00000002"
		"61006200",								      ERROR_MALFORMED, 28},
	{ "place past the data",
         MAGIC "00000001 00000004"
		"000003ef 00000007 00000005 00000001" DATA,
         ERROR_MALFORMED,											 24},
	{ "place negative",
         MAGIC "00000001 00000004"
		"000003ef 00000007 ffffffff 00000001" DATA,
         ERROR_MALFORMED,											 24},
	{ "INT16 not aligned",
         MAGIC "00000001 00000004"
		"000003ef 00000003 00000001 00000001" DATA,
         ERROR_MALFORMED,											 24},
	{ "INT32 not aligned",
         MAGIC "00000001 00000008"
		"000003ef 00000004 00000002 00000001" DATA DATA,
         ERROR_MALFORMED,											 24},
	{ "INT64 not aligned",
         MAGIC "00000001 0000000c"
		"000003ef 00000005 00000004 00000001" DATA DATA DATA,
         ERROR_MALFORMED,											 24},
	{ "more values than data",
         MAGIC "00000001 00000004"
		"000003ef 00000004 00000000 00000002" DATA,
         ERROR_MALFORMED,											 28},
	{ "values whose size wraps",
         MAGIC "00000001 00000008"
		"000003ef 00000005 00000000 20000001" DATA DATA,
         ERROR_MALFORMED,											 28},
	{ "string without its NUL",
         MAGIC "00000001 00000004"
		"000003ef 00000006 00000000 00000001"
		"61626364",								      ERROR_MALFORMED, 28},
	{ "fewer strings than said",
         MAGIC "00000001 00000004"
		"000003ef 00000008 00000000 00000003"
		"61006200",								      ERROR_MALFORMED, 28},
	{ "values that overlap",
         MAGIC "00000002 00000008"
		"000003ee 00000007 00000000 00000005"
		"000003ef 00000004 00000004 00000001" DATA DATA,
         ERROR_MALFORMED,											 40},
	{ "value in the trailer",
         MAGIC "00000002 00000014" REGION_63 "000003ef 00000004 00000000 00000002" DATA TRAILER,
         ERROR_MALFORMED,											 44},
	{ "tag twice",
         MAGIC "00000002 00000008" ENTRY "000003ef 00000004 00000004 00000001" DATA DATA,
         ERROR_MALFORMED,											 0 },
};

static void bad_header(void **state)
{
	const struct bad_header *row = *state;
	struct bytes bytes = test_hex(row->hex);
	struct rpm_header header = { 0 };
	struct error err = { 0 };

	assert_int_equal(rpm_header_parse(bytes, RPM_HEADER_MAIN, 0x200, "x", &header, &err), -1);
	test_error(&err, row->code, 0x200 + row->offset);
	assert_null(header.entries);
	test_drop(bytes);
}

/* Signature headers have lower limits. */
static void signature_limits(void **state)
{
	struct bytes entries = test_hex(MAGIC "00000021 00000000");
	struct bytes data = test_hex(MAGIC "00000001 04000001");
	struct error err = { 0 };
	size_t size;

	(void)state;
	assert_int_equal(rpm_header_size(entries, RPM_HEADER_SIGNATURE, 96, "x", &size, &err), -1);
	test_error(&err, ERROR_LIMIT, 96 + 8);
	assert_int_equal(rpm_header_size(data, RPM_HEADER_SIGNATURE, 96, "x", &size, &err), -1);
	test_error(&err, ERROR_LIMIT, 96 + 12);
	assert_int_equal(rpm_header_size(data, RPM_HEADER_MAIN, 96, "x", &size, &err), 0);
	test_drop(entries);
	test_drop(data);
}

/* Takes every value of a header, in every way. */
static void take_all(const struct rpm_header *header)
{
	for (size_t i = 0; i < header->n_entries; i++) {
		uint32_t tag = header->entries[i].tag;
		struct rpm_numbers numbers;
		struct rpm_strings strings;
		struct bytes text;
		uint64_t number;

		(void)rpm_header_string(header, tag, &text, NULL);
		(void)rpm_header_number(header, tag, &number, NULL);
		(void)rpm_header_binary(header, tag, &text, NULL);
		if (rpm_header_numbers(header, tag, &numbers, NULL) > 0)
			(void)rpm_number(&numbers, numbers.count - 1);
		if (rpm_header_strings(header, tag, &strings, NULL) > 0)
			while (strings.left)
				(void)rpm_strings_next(&strings);
	}
}

static void cut_and_flipped(void **state)
{
	AUTO(buf_clear) struct buf built = BUF_INIT;
	struct build_header build = { 0 };

	(void)state;
	build_all(&build);
	build_finish(&build, RPMTAG_HEADERIMMUTABLE, &built);
	for (size_t size = 0; size < built.size; size++) {
		struct bytes cut = test_copy(bytes_of(built.data, size));
		struct rpm_header header;

		assert_int_equal(rpm_header_parse(cut, RPM_HEADER_MAIN, 0, "x", &header, NULL), -1);
		test_drop(cut);
	}
	for (size_t at = 0; at < built.size; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct bytes flipped = test_copy(buf_bytes(&built));
			struct rpm_header header;

			((uint8_t *)(uintptr_t)flipped.data)[at] ^= (uint8_t)(1u << bit);
			if (rpm_header_parse(flipped, RPM_HEADER_MAIN, 0, "x", &header, NULL) ==
			    0) {
				take_all(&header);
				rpm_header_clear(&header);
			}
			test_drop(flipped);
		}
}

static void out_of_memory(void **state)
{
	AUTO(buf_clear) struct buf built = BUF_INIT;
	struct build_header build = { 0 };
	struct rpm_header header = { 0 };
	struct error err = { 0 };
	int status;

	(void)state;
	build_all(&build);
	build_finish(&build, RPMTAG_HEADERIMMUTABLE, &built);
	for (unsigned n = 1;; n++) {
		test_alloc_fail(n);
		status =
			rpm_header_parse(buf_bytes(&built), RPM_HEADER_MAIN, 0, "x", &header, &err);
		test_alloc_fail(0);
		if (status == 0)
			break;
		assert_int_equal(err.code, ERROR_SYSTEM);
		assert_true(n < 10);
	}
	rpm_header_clear(&header);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, lead_of_binary_and_source);
	TEST_ROWS(&tests, bad_lead, bad_leads);
	TEST(&tests, lead_cut_short);
	TEST(&tests, values_of_each_type);
	TEST(&tests, wrong_types_are_errors);
	TEST(&tests, v3_without_region);
	TEST(&tests, signature_trailer_of_rpm_4_0);
	TEST(&tests, unsorted_tags_are_found);
	TEST_ROWS(&tests, bad_header, bad_headers);
	TEST(&tests, signature_limits);
	TEST(&tests, cut_and_flipped);
	TEST(&tests, out_of_memory);
	return test_run(&tests, "refgen/rpm/header");
}
