/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/userspace/userspace.h"

#include "core/own.h"
#include "tests/unit/test.h"

/* Of a record that systemd wrote in a virtual machine; PCR 7 was read there before and after. */
#define SEPARATOR                                                                                  \
	"{\"pcr\":7,\"digests\":[{\"hashAlg\":\"sha256\",\"digest\":\"ff5b9d73dad709633ae76adf44"  \
	"4012b57e913a12ed7403c3931145862f35f841\"}],\"content_type\":\"systemd\",\"content\":{"    \
	"\"string\":\"os-separator\",\"bootId\":\"189c18dd7ba245f38cf49d9ac154b525\","             \
	"\"timestamp\":"                                                                           \
	"1515761,\"eventType\":\"os-separator\"}}"

#define RS "\x1e"

static void separator(void **state)
{
	struct userspace_log log;
	struct userspace_record record;
	struct event_check check;
	struct hasher *hasher;
	struct pcr_bank bank;
	struct bytes input = test_copy(bytes_of_string(RS SEPARATOR "\n"));
	uint8_t before[32];

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(userspace_open(&log, input, "log", NULL), 0);
	assert_int_equal(userspace_next(&log, &record, NULL), 1);
	assert_int_equal(record.record.content, RECORD_SYSTEMD);
	assert_int_equal(record.record.index, 0);
	assert_int_equal(record.record.offset, 1);
	assert_int_equal(record.record.type, USERSPACE_OS_SEPARATOR);
	assert_int_equal(record.target, USERSPACE_PCR);
	assert_int_equal(record.record.pcr, 7);
	assert_true(bytes_equal_string(record.record.name, "os-separator"));
	assert_true(bytes_equal_string(record.record.data, "os-separator"));
	assert_true(bytes_equal_string(record.boot_id, "189c18dd7ba245f38cf49d9ac154b525"));
	assert_true(record.has_timestamp);
	assert_int_equal(record.timestamp, 1515761);
	assert_int_equal(userspace_check(&record, hasher, &check, NULL), 0);
	assert_int_equal(check.result, DATA_MATCH);
	pcr_bank_init(&bank, ALG_SHA256);
	hex_parse(bytes_of_string("b5710bf57d25623e4019027da116821fa99f5c81e9e38b87671cc574f92814"
				  "39"),
		  before, sizeof(before));
	memcpy(bank.value[7], before, sizeof(before));
	assert_int_equal(pcr_bank_extend(&bank, hasher, 7, &record.record.digests[0], NULL), 0);
	test_bytes_hex(bytes_of(bank.value[7], 32),
		       "03f359c6155efb9c42dd82c470c66f3579ea5721690787e6b1d3b0ac199ff501");
	assert_int_equal(userspace_next(&log, &record, NULL), 0);
	assert_int_equal(userspace_next(&log, &record, NULL), 0);
	userspace_close(&log);
	hasher_free(hasher);
	test_drop(input);
}

/* Digests are Python's hashlib's. */
#define SHA1_INITRD      "b1b01d5f73f321eb70e76f8a0e241ac0a3fa4a6e"
#define SHA256_INITRD    "51e6b92f405d1f98d96e3de343d61d420ad6923b25de21d766f9298192f14fed"
#define SHA256_FS        "f42222b9ee5a685464989627f8a96c956aeae4c5a1246689a5521842c6a57191"
#define DIGEST(alg, hex) "{\"hashAlg\":\"" alg "\",\"digest\":\"" hex "\"}"
#define RECORD(digests, type, string)                                                              \
	"{\"pcr\":11,\"digests\":[" digests "],\"content_type\":\"systemd\",\"content\":{"         \
	"\"string\":\"" string "\",\"eventType\":\"" type "\"}}"
#define ZEROS "0000000000000000000000000000000000000000"

/* clang-format off */
static const struct check_case {
	const char *name, *text;
	enum data_check result;
	alg_set mismatched;
} check_cases[] = {
	{ "two banks",
	  RECORD(DIGEST("sha1", SHA1_INITRD) "," DIGEST("sha256", SHA256_INITRD), "phase",
		 "enter-initrd"),
	  DATA_MATCH, 0 },
	{ "one of two banks is of something else",
	  RECORD(DIGEST("sha1", ZEROS) "," DIGEST("sha256", SHA256_INITRD), "phase",
		 "enter-initrd"),
	  DATA_MISMATCH, 1u << ALG_SHA1 },
	{ "another string", RECORD(DIGEST("sha256", SHA256_INITRD), "phase", "leave-initrd"),
	  DATA_MISMATCH, 1u << ALG_SHA256 },
	{ "no string",
	  "{\"pcr\":11,\"digests\":[" DIGEST("sha256", SHA256_INITRD) "],\"content\":{"
	  "\"eventType\":\"phase\"}}",
	  DATA_MISMATCH, 1u << ALG_SHA256 },
	{ "escaped as in C, tab", RECORD(DIGEST("sha256", SHA256_FS), "filesystem",
					 "file-system:/a\\\\tb:x:ext4"),
	  DATA_MATCH, 0 },
	{ "escaped as in C, hex", RECORD(DIGEST("sha256", SHA256_FS), "filesystem",
					 "file-system:/a\\\\x09b:x:ext4"),
	  DATA_MATCH, 0 },
	{ "escaped as in C, octal", RECORD(DIGEST("sha256", SHA256_FS), "filesystem",
					   "file-system:/a\\\\011b:x:ext4"),
	  DATA_MATCH, 0 },
	{ "no escape", RECORD(DIGEST("sha256", SHA256_FS), "filesystem",
			      "file-system:/a\\\\qb:x:ext4"),
	  DATA_MISMATCH, 1u << ALG_SHA256 },
	{ "an escape cut", RECORD(DIGEST("sha256", SHA256_FS), "filesystem", "file-system:/a\\\\"),
	  DATA_MISMATCH, 1u << ALG_SHA256 },
	{ "a volume key is an HMAC",
	  RECORD(DIGEST("sha256", SHA256_INITRD), "volume-key", "cryptsetup:root:1234"),
	  DATA_UNCHECKED, 0 },
	{ "an event nobody knows", RECORD(DIGEST("sha256", SHA256_INITRD), "what", "x"),
	  DATA_UNCHECKED, 0 },
	{ "an event nobody knows over its string",
	  RECORD(DIGEST("sha256", SHA256_INITRD), "what", "enter-initrd"), DATA_MATCH, 0 },
	{ "no digest of a bank", RECORD(DIGEST("crc32", "00"), "phase", "enter-initrd"),
	  DATA_UNCHECKED, 0 },
};
/* clang-format on */

static void check(void **state)
{
	const struct check_case *row = *state;
	struct userspace_log log;
	struct userspace_record record;
	struct event_check result;
	struct hasher *hasher;
	struct bytes input = test_copy(bytes_of_string(row->text));

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(userspace_open(&log, input, "log", NULL), 0);
	assert_int_equal(userspace_next(&log, &record, NULL), 1);
	assert_int_equal(userspace_check(&record, hasher, &result, NULL), 0);
	assert_int_equal(result.result, row->result);
	assert_int_equal(result.mismatched, row->mismatched);
	userspace_close(&log);
	hasher_free(hasher);
	test_drop(input);
}

/* clang-format off */
static const struct good_case {
	const char *name, *text;
	size_t n;
	enum userspace_target target; /* of the last record */
	uint32_t pcr;
	uint32_t oddities;
} good_cases[] = {
	{ "no bytes", "", 0, 0, 0, 0 },
	{ "blanks", " \n\n", 0, 0, 0, 0 },
	{ "separators only", RS RS RS, 0, 0, 0, 0 },
	{ "one", RS SEPARATOR "\n", 1, USERSPACE_PCR, 7, 0 },
	{ "two", RS SEPARATOR "\n" RS SEPARATOR "\n", 2, USERSPACE_PCR, 7, 0 },
	{ "doubled separators, no line ends", RS RS SEPARATOR RS RS SEPARATOR, 2, USERSPACE_PCR, 7,
	  0 },
	{ "by line", SEPARATOR "\n" SEPARATOR "\n\n", 2, USERSPACE_PCR, 7, 0 },
	{ "over several lines", RS "{\n\"pcr\" : 1,\n\"digests\" : []\n}\n", 1, USERSPACE_PCR, 1, 0 },
	{ "no content_type", RS "{\"pcr\":1,\"digests\":[]}", 1, USERSPACE_PCR, 1, 0 },
	{ "another content type", RS "{\"pcr\":1,\"digests\":[],\"content_type\":\"pcclient_std\","
				  "\"content\":[]}",
	  1, USERSPACE_PCR, 1, 0 },
	{ "an NV index",
	  RS "{\"nv_index\":30474756,\"digests\":[],\"content_type\":\"systemd\",\"content\":{"
	     "\"nvIndexName\":\"cryptsetup\",\"string\":\"x\",\"eventType\":\"keyslot\"}}",
	  1, USERSPACE_NV_INDEX, UINT32_MAX, 0 },
	{ "a register",
	  RS "{\"rtmr\":2,\"mapped_pcr\":11,\"digests\":[" DIGEST("sha1", ZEROS) "]}", 1,
	  USERSPACE_RTMR, 3, 0 },
	{ "an unknown algorithm", RS "{\"pcr\":1,\"digests\":[" DIGEST("sha9", "00") "]}", 1,
	  USERSPACE_PCR, 1, RECORD_DIGEST_UNKNOWN },
	{ "one algorithm twice",
	  RS "{\"pcr\":1,\"digests\":[" DIGEST("sha1", ZEROS) "," DIGEST("sha1", ZEROS) "]}", 1,
	  USERSPACE_PCR, 1, RECORD_DIGEST_TWICE },
};
/* clang-format on */

static void good(void **state)
{
	const struct good_case *row = *state;
	struct userspace_log log;
	struct userspace_record record = { 0 };
	struct bytes input = test_copy(bytes_of_string(row->text));
	struct error err = { 0 };
	size_t n = 0;
	int more;

	assert_int_equal(userspace_open(&log, input, "log", &err), 0);
	while ((more = userspace_next(&log, &record, &err)) > 0)
		assert_int_equal(record.record.index, n++);
	assert_int_equal(more, 0);
	assert_int_equal(n, row->n);
	if (n) {
		assert_int_equal(record.target, row->target);
		assert_int_equal(record.record.pcr, row->pcr);
		assert_int_equal(record.record.oddities, row->oddities);
	}
	if (record.target == USERSPACE_RTMR)
		assert_int_equal(record.mapped_pcr, 11);
	if (record.target == USERSPACE_NV_INDEX) {
		assert_int_equal(record.nv_index, 30474756);
		assert_true(bytes_equal_string(record.nv_name, "cryptsetup"));
	}
	userspace_close(&log);
	test_drop(input);
}

/* clang-format off */
static const struct bad_case {
	const char *name, *text;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{ "no log", "TCG", ERROR_MALFORMED, 0 },
	{ "an array", "  []", ERROR_MALFORMED, 2 },
	{ "bytes that are no JSON", RS "{\"pcr\":1,!", ERROR_MALFORMED, 11 },
	{ "an array as record", RS "[]", ERROR_MALFORMED, 1 },
	{ "nothing extended", RS "{\"digests\":[]}", ERROR_MALFORMED, 1 },
	{ "two things extended", RS "{\"pcr\":1,\"nv_index\":1,\"digests\":[]}", ERROR_MALFORMED, 1 },
	{ "PCR 24", RS "{\"pcr\":24,\"digests\":[]}", ERROR_MALFORMED, 1 },
	{ "PCR -1", RS "{\"pcr\":-1,\"digests\":[]}", ERROR_MALFORMED, 1 },
	{ "PCR as text", RS "{\"pcr\":\"11\",\"digests\":[]}", ERROR_MALFORMED, 1 },
	{ "a key twice", RS "{\"pcr\":1,\"pcr\":2,\"digests\":[]}", ERROR_MALFORMED, 15 },
	{ "RTMR 4", RS "{\"rtmr\":4,\"digests\":[]}", ERROR_MALFORMED, 1 },
	{ "a mapped PCR that no TPM has", RS "{\"rtmr\":1,\"mapped_pcr\":24,\"digests\":[]}",
	  ERROR_MALFORMED, 1 },
	{ "an NV index that is no handle", RS "{\"nv_index\":4294967296,\"digests\":[]}",
	  ERROR_MALFORMED, 1 },
	{ "no digests", RS "{\"pcr\":1}", ERROR_MALFORMED, 1 },
	{ "a digest without its algorithm", RS "{\"pcr\":1,\"digests\":[{\"digest\":\"00\"}]}",
	  ERROR_MALFORMED, 1 },
	{ "an algorithm without its digest", RS "{\"pcr\":1,\"digests\":[{\"hashAlg\":\"sha1\"}]}",
	  ERROR_MALFORMED, 1 },
	{ "a digest too short", RS "{\"pcr\":1,\"digests\":[" DIGEST("sha256", ZEROS) "]}",
	  ERROR_MALFORMED, 1 },
	{ "a digest that is no hex", RS "{\"pcr\":1,\"digests\":[" DIGEST("sha1", "zz") "]}",
	  ERROR_MALFORMED, 1 },
	{ "too many digests",
	  RS "{\"pcr\":1,\"digests\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}", ERROR_LIMIT, 1 },
	{ "content that is text",
	  RS "{\"pcr\":1,\"digests\":[],\"content_type\":\"systemd\",\"content\":\"x\"}",
	  ERROR_MALFORMED, 1 },
	{ "content missing", RS "{\"pcr\":1,\"digests\":[],\"content_type\":\"systemd\"}",
	  ERROR_MALFORMED, 1 },
	{ "a string that is a number", RS "{\"pcr\":1,\"digests\":[],\"content\":{\"string\":1}}",
	  ERROR_MALFORMED, 1 },
	{ "the second is bad", RS "{\"pcr\":1,\"digests\":[]}\n" RS "{}", ERROR_MALFORMED, 25 },
	{ "cut in its middle", RS "{\"pcr\":1,\"dig", ERROR_MALFORMED, 14 },
};
/* clang-format on */

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct userspace_log log = { 0 };
	struct userspace_record record;
	struct bytes input = test_copy(bytes_of_string(row->text));
	struct error err = { 0 };
	int status = userspace_open(&log, input, "log", &err);

	while (status >= 0 && (status = userspace_next(&log, &record, &err)) > 0)
		;
	assert_int_equal(status, -1);
	assert_int_equal(err.code, row->code);
	assert_int_equal(err.offset, row->offset);
	if (log.source)
		assert_int_equal(userspace_next(&log, &record, NULL), -1);
	userspace_close(&log);
	test_drop(input);
}

static const char whole[] =
	RS SEPARATOR "\n" RS RECORD(DIGEST("sha1", SHA1_INITRD) "," DIGEST("sha256", SHA256_INITRD),
				    "phase", "enter-initrd") "\n";

/* Reads all, checks all: how many of the strings fit their digests. */
static size_t read_all(struct bytes input, struct hasher *hasher, uint64_t *offset)
{
	struct userspace_log log;
	struct userspace_record record;
	struct event_check result;
	struct error err = { 0 };
	size_t n = 0;

	if (userspace_open(&log, input, "log", &err) < 0)
		return 0;
	*offset = 0;
	while (userspace_next(&log, &record, &err) > 0) {
		assert_int_equal(userspace_check(&record, hasher, &result, NULL), 0);
		n += result.result == DATA_MATCH;
		assert_true(record.record.offset >= *offset && record.record.offset < input.size);
		*offset = record.record.offset;
	}
	userspace_close(&log);
	return n;
}

static void cut_and_flipped(void **state)
{
	struct bytes input = bytes_of(whole, sizeof(whole) - 1);
	struct hasher *hasher;
	uint64_t offset;

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(read_all(input, hasher, &offset), 2);
	for (size_t size = 0; size < input.size; size++) {
		struct bytes cut = test_copy(bytes_of(input.data, size));

		assert_true(read_all(cut, hasher, &offset) <= (size == input.size - 1 ? 2 : 1));
		test_drop(cut);
	}
	for (size_t i = 0; i < input.size; i++) {
		struct bytes flipped = test_copy(input);
		uint8_t *data = (uint8_t *)(uintptr_t)flipped.data;

		data[i] ^= 1;
		(void)read_all(flipped, hasher, &offset);
		test_drop(flipped);
	}
	hasher_free(hasher);
}

/* A digest's letter changed: never still a match. */
static void digest_changed(void **state)
{
	struct bytes input = bytes_of(whole, sizeof(whole) - 1);
	const char *found = strstr(whole, SHA256_INITRD);
	struct hasher *hasher;
	uint64_t offset;

	(void)state;
	assert_non_null(found);
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	for (size_t i = 0; i < 64; i++) {
		struct bytes changed = test_copy(input);
		uint8_t *at = (uint8_t *)(uintptr_t)changed.data + (found - whole) + i;

		*at = *at == '0' ? '1' : '0';
		assert_int_equal(read_all(changed, hasher, &offset), 1);
		test_drop(changed);
	}
	hasher_free(hasher);
}

static void long_record(void **state)
{
	struct buf text = BUF_INIT;
	struct userspace_log log;
	struct userspace_record record;
	struct error err = { 0 };

	(void)state;
	buf_append_string(&text, RS "{\"pcr\":1,\"digests\":[],\"content\":{\"string\":\"");
	for (size_t i = 0; i < USERSPACE_RECORD_MAX; i++)
		buf_append_u8(&text, 'x');
	buf_append_string(&text, "\"}}");
	assert_int_equal(userspace_open(&log, buf_bytes(&text), "log", NULL), 0);
	assert_int_equal(userspace_next(&log, &record, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	userspace_close(&log);
	buf_clear(&text);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, separator);
	TEST_ROWS(&tests, check, check_cases);
	TEST_ROWS(&tests, good, good_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_and_flipped);
	TEST(&tests, digest_changed);
	TEST(&tests, long_record);
	return test_run(&tests, "replay/userspace");
}
