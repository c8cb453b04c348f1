/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/prints.h"

#include "tests/unit/test.h"

static struct hasher *hasher;

static int setup(void)
{
	return hasher_new(&hasher, NULL);
}

/* Of Python's hashlib over the fields as ima_template_lib.c has them. */
static const struct print_case {
	const char *name, *path;
	enum alg alg;
	uint8_t byte; /* of the digest, over and over */
	const char *print;
} print_cases[] = {
	{"sha256",           "/usr/bin/bash", ALG_SHA256,  0x11,
         "17fd76f9eca79fa5d32c5df9c92d8e5cbe9d093bb9aac7e527761ac140daa71b"},
	{ "sha1",            "/usr/bin/bash", ALG_SHA1,    0x22,
         "dbc97b0433aa4667db893179ddd0eb0c4d25ff9bb70a16469d24e72318c6f97a"},
	{ "sha512, a blank", "/etc/a b",      ALG_SHA512,  0x33,
         "0ddc5056d344703041b210f7eb805977b9850b95ef0f1030c73f6a9d72b37e69"},
	{ "sm3_256",         "/x",            ALG_SM3_256, 0x44,
         "9758b1bece425fa3b9d874b4ad1ee0bc096165df5fbdcf6d57c19d6f454d672e"},
};

static void print(void **state)
{
	const struct print_case *row = *state;
	static struct print_batch batch;
	uint8_t value[DIGEST_SIZE_MAX];

	memset(value, row->byte, sizeof(value));
	prints_clear(&batch);
	assert_true(prints_add(&batch, bytes_of_string(row->path), row->alg, value));
	assert_int_equal(prints_compute(&batch, hasher, NULL), 0);
	test_bytes_hex(digest_bytes(&batch.digests[0]), row->print);
}

/* An entry as a kernel logged it (captures/efistub): its template hash, SHA-1, is over the same bytes. */
static void as_a_kernel_hashed_it(void **state)
{
	struct bytes value =
		test_hex("f1e127926d1cd8d9fb4fc0cb327c106aa9c733c2b8ec34610e9efc43009d2be5");
	static struct print_batch batch;
	struct digest digest;

	(void)state;
	prints_clear(&batch);
	assert_true(prints_add(&batch, bytes_of_string("/init"), ALG_SHA256, value.data));
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA1, batch.messages[0], &digest, NULL),
			 0);
	test_bytes_hex(digest_bytes(&digest), "1cb0e376f99743ce2c9aca99474713715c325b2c");
	test_drop(value);
}

/* As many as there is room for, the longest paths too; each as it is by itself. */
static void many_at_once(void **state)
{
	static struct print_batch many, one;
	static char path[GOLDEN_PATH_MAX];
	uint8_t value[32] = { 0 };

	(void)state;
	for (size_t size = 2; size < GOLDEN_PATH_MAX; size += 97) {
		size_t n = 0;

		prints_clear(&many);
		memset(path, 'a', size);
		while (value[0] = (uint8_t)n,
		       prints_add(&many, bytes_of(path, size), ALG_SHA256, value))
			n++;
		assert_int_equal(n, many.n);
		assert_true(n == PRINTS_BATCH || many.used + 45 + size + 4 > sizeof(many.room));
		assert_int_equal(prints_compute(&many, hasher, NULL), 0);
		for (size_t i = 0; i < n; i++) {
			value[0] = (uint8_t)i;
			prints_clear(&one);
			assert_true(prints_add(&one, bytes_of(path, size), ALG_SHA256, value));
			assert_int_equal(prints_compute(&one, hasher, NULL), 0);
			assert_true(digest_equal(&one.digests[0], &many.digests[i]));
		}
	}
}

#define D(byte)      byte byte byte byte byte byte byte byte
#define DIGEST(byte) D(byte) D(byte) D(byte) D(byte)

/* Two files: /usr/bin/bash with MD5 and SHA-256, and one of a path that no log can name. */
static const char manifest[] = "01 00 02000000"
			       "0000 0300 2f2f61 00 00 a481 0500000000000000 0200" DIGEST(
				       "11") "0100 0900 62696e2f6261736820"
					     "00 00 a481 0500000000000000 2200" DIGEST(
						     "11") "3333333333333333" D("33") "00000000";
static const char good[] = "01 00 0500000000000000 02000000 01000000";

static void encode(void **state)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct bytes blob = test_hex(manifest), head = test_hex(good);
	static struct print_batch batch;
	uint8_t value[32];
	struct prints prints;

	(void)state;
	assert_int_equal(prints_encode(5, blob, hasher, "x", &out, NULL), 0);
	assert_int_equal(out.size, head.size + PRINT_SIZE);
	test_bytes(bytes_of(out.data, head.size), head);
	/* Its usual name, usr-merge applied, and its SHA-256 alone. */
	memset(value, 0x11, sizeof(value));
	prints_clear(&batch);
	prints_add(&batch, bytes_of_string("/usr/bin/bash "), ALG_SHA256, value);
	assert_int_equal(prints_compute(&batch, hasher, NULL), 0);
	assert_int_equal(prints_decode(buf_bytes(&out), "x", &prints, NULL), 0);
	assert_int_equal(prints.artifact, 5);
	assert_int_equal(prints.n_files, 2);
	test_bytes(prints.prints, digest_bytes(&batch.digests[0]));
	test_drop(blob);
	test_drop(head);
}

static const struct bad_case {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"version",   "02 00 0500000000000000 02000000 00000000",              ERROR_UNSUPPORTED, 0 },
	{ "padding",  "01 01 0500000000000000 02000000 00000000",              ERROR_UNSUPPORTED, 0 },
	{ "too many", "01 00 0500000000000000 02000000 ffffffff" DIGEST("11"), ERROR_LIMIT,       14},
	{ "one more", "01 00 0500000000000000 02000000 02000000" DIGEST("11"), ERROR_LIMIT,       14},
	{ "one less", "01 00 0500000000000000 02000000 00000000" DIGEST("11"), ERROR_MALFORMED,
         18											 },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes blob = test_hex(row->hex);
	struct error err = { 0 };
	struct prints prints;

	assert_int_equal(prints_decode(blob, "x", &prints, &err), -1);
	test_error(&err, row->code, row->offset);
	test_drop(blob);
}

static void cut_anywhere(void **state)
{
	struct bytes whole =
		test_hex("01 00 0500000000000000 02000000 02000000" DIGEST("11") DIGEST("22"));

	(void)state;
	for (size_t size = 0; size <= whole.size; size++) {
		struct bytes part = test_copy(bytes_of(whole.data, size));
		struct error err = { 0 };
		struct prints prints;

		if (size == whole.size) {
			assert_int_equal(prints_decode(part, "x", &prints, &err), 0);
			assert_int_equal(prints.prints.size, 2 * PRINT_SIZE);
		} else {
			assert_int_equal(prints_decode(part, "x", &prints, &err), -1);
			assert_true(err.code == ERROR_TRUNCATED || err.code == ERROR_LIMIT);
		}
		test_drop(part);
	}
	test_drop(whole);
}

int main(void)
{
	struct test_list tests = { 0 };
	int failed;

	if (setup() < 0)
		return 1;
	TEST_ROWS(&tests, print, print_cases);
	TEST(&tests, as_a_kernel_hashed_it);
	TEST(&tests, many_at_once);
	TEST(&tests, encode);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_anywhere);
	failed = test_run(&tests, "db/prints");
	hasher_free(hasher);
	return failed;
}
