/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/revocations.h"

#include "core/own.h"
#include "tests/unit/test.h"

/* Lists as UEFI 32.4.1 has them: type, list size, header size, signature size; owner, data. */
#define OWNER "bd9afa775903324dbd6028f4e78f784b"
#define DIGEST                                                                                     \
	"00112233445566778899aabbccddeeff"                                                         \
	"00112233445566778899aabbccddeeff"
#define SHA256_LIST                                                                                \
	"2616c4c14c509240aca941f936934328"                                                         \
	"4c000000"                                                                                 \
	"00000000"                                                                                 \
	"30000000" OWNER DIGEST
#define X509_LIST                                                                                  \
	"a159c0a5e494a74a87b5ab155c2bf072"                                                         \
	"30000000"                                                                                 \
	"00000000"                                                                                 \
	"14000000" OWNER "3082ffff"
#define TBS_LIST(time)                                                                             \
	"92a4d23bc0967940b420fcf98ef103ed"                                                         \
	"5c000000"                                                                                 \
	"00000000"                                                                                 \
	"40000000" OWNER DIGEST time
#define UNKNOWN_LIST                                                                               \
	"33221100554477668899aabbccddeeff"                                                         \
	"2e000000"                                                                                 \
	"00000000"                                                                                 \
	"12000000" OWNER "0011"
#define NO_TIME "00000000000000000000000000000000"
/* 2020-07-29 01:02:03 */
#define A_TIME  "e407071d010203000000000000000000"
/* A time, and a WIN_CERTIFICATE of 24 bytes: type EFI_GUID, revision 2.0. */
#define DESCRIPTOR                                                                                 \
	NO_TIME "18000000"                                                                         \
		"0002"                                                                             \
		"f10e"                                                                             \
		"9dd2af4adf68ee498aa9347d375665a7"

static const struct good_case {
	const char *name, *hex;
	size_t n_digests, n_certificates, n_others, n_minimums;
} good_cases[] = {
	{"a digest",                  SHA256_LIST,					    1, 0, 0, 0},
	{ "a certificate",            X509_LIST,					      0, 1, 0, 0},
	{ "a certificate's digest",   TBS_LIST(A_TIME),                                       0, 1, 0, 0},
	{ "a type that nobody knows", UNKNOWN_LIST,                                           0, 0, 1, 0},
	{ "all of them",              SHA256_LIST X509_LIST TBS_LIST(NO_TIME) UNKNOWN_LIST,   1, 2, 1, 0},
	{ "of efivarfs",              "27000000" SHA256_LIST,                                 1, 0, 0, 0},
	{ "an update",                DESCRIPTOR SHA256_LIST,                                 1, 0, 0, 0},
 /* "sbat,1,2024010900\nshim,4\n" */
	{ "a level",                  "736261742c312c323032343031303930300a7368696d2c340a",   0, 0, 0, 2},
	{ "a level of efivarfs",
         "06000000"
	  "736261742c312c323032343031303930300a7368696d2c340a",			       0, 0, 0, 2},
	{ "a level with a NUL",       "736261742c312c323032343031303930300a7368696d2c340a00", 0, 0, 0,
         2											      },
 /* "sbat,1\r\n\r\nshim,65535" */
	{ "a level without a date",   "736261742c310d0a0d0a7368696d2c3635353335",             0, 0, 0, 2},
};

static void good(void **state)
{
	const struct good_case *row = *state;
	AUTO(revocations_clear) struct revocations list = { 0 };
	struct bytes file = test_hex(row->hex);
	struct error err = { 0 };

	if (revocations_parse(file, "x", &list, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(list.n_digests, row->n_digests);
	assert_int_equal(list.n_certificates, row->n_certificates);
	assert_int_equal(list.n_others, row->n_others);
	assert_int_equal(list.n_minimums, row->n_minimums);
	test_drop(file);
}

static const struct bad_case {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",		   "",				     ERROR_MALFORMED, 0},
	{ "no list in an update",   DESCRIPTOR,                             ERROR_MALFORMED, 0},
	{ "a list cut short",
         "2616c4c14c509240aca941f936934328"
	  "4c000000"
	  "00000000"
	  "30000000" OWNER,
         ERROR_MALFORMED,								    0},
 /* "sbat,1\nshim\n" */
	{ "a component alone",      "736261742c310a7368696d0a",             ERROR_MALFORMED, 7},
 /* "sbat,1\n,4\n" */
	{ "no component",           "736261742c310a2c340a",                 ERROR_MALFORMED, 7},
 /* "sbat,1\nshim,0\n" */
	{ "generation 0",           "736261742c310a7368696d2c300a",         ERROR_MALFORMED, 7},
 /* "sbat,1\nshim,65536\n" */
	{ "a generation too large", "736261742c310a7368696d2c36353533360a", ERROR_MALFORMED, 7},
 /* "sbat,x\n" */
	{ "no number",              "736261742c780a",                       ERROR_MALFORMED, 0},
	{ "the same, of efivarfs",
         "06000000"
	  "736261742c780a",						 ERROR_MALFORMED, 4},
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	AUTO(revocations_clear) struct revocations list = { 0 };
	struct bytes file = test_hex(row->hex);
	struct error err = { 0 };

	assert_int_equal(revocations_parse(file, "x", &list, &err), -1);
	test_error(&err, row->code, row->offset);
	test_drop(file);
}

static void found(void **state)
{
	AUTO(revocations_clear) struct revocations list = { 0 };
	struct bytes one = test_hex("27000000" SHA256_LIST), other = test_hex(TBS_LIST(A_TIME));
	struct bytes value = test_hex(DIGEST);
	const struct revocation *entry;
	struct error err = { 0 };
	struct digest digest;

	(void)state;
	assert_int_equal(revocations_parse(one, "one", &list, &err), 0);
	assert_int_equal(revocations_parse(other, "other", &list, &err), 0);
	assert_true(digest_init(&digest, ALG_SHA256, value));
	entry = revocations_find(&list, &digest);
	assert_non_null(entry);
	assert_string_equal(entry->path, "one");
	assert_int_equal(entry->offset, 4 + 28 + 16);
	digest.value[31] ^= 1;
	assert_null(revocations_find(&list, &digest));
	digest.value[31] ^= 1;
	digest.alg = ALG_SM3_256;
	assert_null(revocations_find(&list, &digest));
	assert_true(list.certificates[0].has_time);
	assert_string_equal(list.certificates[0].time, "2020-07-29 01:02:03");
	test_drop(one);
	test_drop(other);
	test_drop(value);
}

/* Of several levels each component's highest generation counts, whoever says it. */
static void levels(void **state)
{
	static const char first[] = "sbat,1,2023012900\nshim,2\ngrub,3\ngrub.debian,4\n",
			  second[] = "sbat,1,2022052400\nshim,4\ngrub,2\n";
	AUTO(revocations_clear) struct revocations list = { 0 };
	const struct sbat_minimum *minimum;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(revocations_parse(bytes_of_string(first), "a", &list, &err), 0);
	assert_int_equal(revocations_parse(bytes_of_string(second), "b", &list, &err), 0);
	assert_true(bytes_equal_string(list.sbat_date, "2023012900"));
	assert_int_equal(list.n_minimums, 4);
	minimum = revocations_minimum(&list, bytes_of_string("shim"));
	assert_int_equal(minimum->generation, 4);
	assert_string_equal(minimum->path, "b");
	assert_int_equal(minimum->offset, 18);
	minimum = revocations_minimum(&list, bytes_of_string("grub"));
	assert_int_equal(minimum->generation, 3);
	assert_string_equal(minimum->path, "a");
	assert_int_equal(revocations_minimum(&list, bytes_of_string("grub.debian"))->generation, 4);
	assert_null(revocations_minimum(&list, bytes_of_string("grub.de")));
}

/* Cut anywhere and flipped anywhere: an error or another list, never a crash. */
static void mangled(void **state)
{
	struct bytes whole = test_hex(SHA256_LIST X509_LIST TBS_LIST(A_TIME) UNKNOWN_LIST);
	struct digest digest = { .alg = ALG_SHA256, .size = 32 };

	(void)state;
	for (size_t i = 0; i < whole.size * 9; i++) {
		AUTO(revocations_clear) struct revocations list = { 0 };
		size_t size = i < whole.size ? i : whole.size, bit = i - whole.size;
		struct bytes part = test_copy(bytes_of(whole.data, size));
		struct error err = { 0 };
		int status;

		if (i >= whole.size)
			((uint8_t *)(uintptr_t)part.data)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		status = revocations_parse(part, "x", &list, &err);
		assert_true(status == 0 || err.message[0]);
		assert_null(revocations_find(&list, &digest));
		test_drop(part);
	}
	test_drop(whole);
}

static void without_memory(void **state)
{
	struct bytes whole = test_hex(SHA256_LIST X509_LIST TBS_LIST(A_TIME));
	static const char level[] = "sbat,1,2023012900\nshim,2\n";
	bool done = false;

	(void)state;
	for (unsigned n = 1; !done; n++) {
		AUTO(revocations_clear) struct revocations list = { 0 };
		struct error err = { 0 };
		int status;

		test_alloc_fail(n);
		status = revocations_parse(whole, "x", &list, &err);
		if (status == 0)
			status = revocations_parse(bytes_of_string(level), "x", &list, &err);
		done = !test_alloc_failed();
		test_alloc_fail(0);
		assert_int_equal(status, done ? 0 : -1);
		if (!done)
			assert_int_equal(err.code, ERROR_SYSTEM);
	}
	test_drop(whole);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, good, good_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, found);
	TEST(&tests, levels);
	TEST(&tests, mangled);
	TEST(&tests, without_memory);
	return test_run(&tests, "audit/revocations");
}
