/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/manifest.h"

#include <limits.h>

#include "tests/unit/test.h"

#define D(byte)      byte byte byte byte byte byte byte byte
#define DIGEST(byte) D(byte) D(byte) D(byte) D(byte)
#define MD5(byte)    D(byte) D(byte)

/* kind, flags, mode 0100644, size 5, {sha256} */
#define DATA "00 00 a481 0500000000000000 0200"

/* A manifest written out by hand from the description in manifest.h. */
static const char good[] =
	"01 00 02000000"
	"0000 0600 2f612f666f6f" /* /a/foo */
	"01 19 ed81 0102000000000000 0200" DIGEST(
		"11") "0500 0200 782e" /* /a/fox. */
		      "00 02 a481 0500000000000000 2200" DIGEST("22")
			      MD5("33") "01000000"
					"0000 0200 2f6c 0300 612f62"; /* /l -> a/b */

static struct golden_file files[] = {
	{.path = { (const uint8_t *)"/a/foo", 6 },
         .mode = 0100755,
         .size = 0x201,
         .kind = KIND_EXECUTABLE,
         .flags = FILE_CONFIG,
         .executable = true,
         .module_signed = true },
	{ .path = { (const uint8_t *)"/a/fox.", 7 },
         .mode = 0100644,
         .size = 5,
         .kind = KIND_OTHER,
         .flags = FILE_DOC           },
};

static struct digest digest_of(enum alg alg, uint8_t byte)
{
	struct digest digest = { .alg = alg, .size = (uint8_t)alg_size(alg) };

	memset(digest.value, byte, digest.size);
	return digest;
}

static struct manifest_writer *writer_new(void)
{
	struct manifest_writer *writer = NULL;

	assert_int_equal(manifest_writer_new(&writer, NULL), 0);
	return writer;
}

static void add(struct manifest_writer *writer, struct golden_file file,
		const struct digest *digests, size_t n_digests)
{
	file.digests = digests;
	file.n_digests = n_digests;
	assert_int_equal(manifest_writer_file(writer, &file, NULL), 0);
}

static void write_by_the_letter(void **state)
{
	struct digest first = digest_of(ALG_SHA256, 0x11);
	struct digest second[] = { digest_of(ALG_MD5, 0x33), digest_of(ALG_SHA256, 0x22) };
	struct golden_link link = { bytes_of_string("/l"), bytes_of_string("a/b") };
	struct manifest_writer *writer = writer_new();
	struct manifest_blobs blobs;

	(void)state;
	/* Out of order, digests too: there is one encoding. */
	assert_int_equal(manifest_writer_link(writer, &link, NULL), 0);
	add(writer, files[1], second, 2);
	add(writer, files[0], &first, 1);
	assert_int_equal(manifest_writer_finish(writer, (struct bytes){ 0 }, "x", &blobs, NULL), 0);
	test_bytes_hex(blobs.manifest, good);
	assert_int_equal(blobs.extras.size, 0);
	assert_int_equal(blobs.n_files, 2);
	assert_int_equal(blobs.n_links, 1);
	assert_int_equal(blobs.algs, 1u << ALG_SHA256); /* MD5 is not there for every file */
	manifest_writer_free(writer);
}

static void read_by_the_letter(void **state)
{
	struct bytes blob = test_hex(good);
	struct manifest_file file;
	struct manifest_link link;
	struct manifest manifest;

	(void)state;
	assert_int_equal(manifest_open(&manifest, blob, "x", NULL), 0);
	assert_int_equal(manifest_next(&manifest, &file, NULL), 1);
	test_bytes(file.path, bytes_of_string("/a/foo"));
	assert_int_equal(file.shared, 0);
	assert_int_equal(file.kind, KIND_EXECUTABLE);
	assert_int_equal(file.flags, FILE_CONFIG | MANIFEST_EXECUTABLE | MANIFEST_MODULE_SIGNED);
	assert_int_equal(file.mode, 0100755);
	assert_int_equal(file.size, 0x201);
	assert_int_equal(file.algs, 1u << ALG_SHA256);
	test_bytes_hex(bytes_of(file.digests[ALG_SHA256], 32), DIGEST("11"));
	assert_int_equal(manifest_next(&manifest, &file, NULL), 1);
	test_bytes(file.path, bytes_of_string("/a/fox."));
	assert_int_equal(file.shared, 5);
	assert_int_equal(file.algs, 1u << ALG_SHA256 | 1u << ALG_MD5);
	test_bytes_hex(bytes_of(file.digests[ALG_MD5], 16), MD5("33"));
	assert_int_equal(manifest_next(&manifest, &file, NULL), 0);
	assert_int_equal(manifest_next_link(&manifest, &link, NULL), 1);
	test_bytes(link.path, bytes_of_string("/l"));
	test_bytes(link.target, bytes_of_string("a/b"));
	assert_int_equal(manifest_next_link(&manifest, &link, NULL), 0);
	test_drop(blob);
}

/* --- what must be refused ------------------------------------------------------------------------ */

static const struct bad_case {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",		      "",									ERROR_TRUNCATED,   0 },
	{ "version",                   "02 00 00000000 00000000",						 ERROR_UNSUPPORTED, 0 },
	{ "padding",                   "01 01 00000000 00000000",						 ERROR_UNSUPPORTED, 0 },
	{ "count cut short",           "01 00 0000",							      ERROR_TRUNCATED,   2 },
	{ "more files than bytes",     "01 00 ffffffff 00000000",                                                 ERROR_LIMIT,       2 },
	{ "no links",                  "01 00 00000000",							  ERROR_TRUNCATED,   6 },
	{ "more links than bytes",     "01 00 00000000 02000000 0000 0200 2f6c 0000",                             ERROR_LIMIT,       6 },
	{ "bytes left over",           "01 00 00000000 00000000 00",                                              ERROR_MALFORMED,   10},
	{ "relative path",             "01 00 01000000 0000 0100 61" DATA DIGEST("11") "00000000",
         ERROR_MALFORMED,													    6 },
	{ "empty path",                "01 00 01000000 0000 0000" DATA DIGEST("11") "00000000",                   ERROR_MALFORMED,
         6															     },
	{ "shares what is not there",  "01 00 01000000 0100 0100 2f" DATA DIGEST("11") "00000000",
         ERROR_MALFORMED,													    6 },
	{ "NUL in a path",             "01 00 01000000 0000 0300 2f6100" DATA DIGEST("11") "00000000",
         ERROR_MALFORMED,													    6 },
	{ "path beyond the blob",      "01 00 01000000 0000 ff0f 2f61" DATA DIGEST("11") "00000000",
         ERROR_TRUNCATED,													    10},
	{ "twice the same path",
         "01 00 02000000 0000 0200 2f61" DATA DIGEST("11") "0200 0000" DATA DIGEST(
		  "11") "00000000",
         ERROR_MALFORMED,													    58},
	{ "descending paths",
         "01 00 02000000 0000 0200 2f62" DATA DIGEST("11") "0100 0100 61" DATA DIGEST(
		  "11") "00000000",
         ERROR_MALFORMED,													    58},
	{ "shares less than there is",
         "01 00 02000000 0000 0200 2f61" DATA DIGEST("11") "0100 0200 6162" DATA DIGEST(
		  "11") "00000000",
         ERROR_MALFORMED,													    58},
	{ "kind",		      "01 00 01000000 0000 0200 2f61 07 00 a481 0500000000000000 0000 00000000",
         ERROR_MALFORMED,													    6 },
	{ "flags",		     "01 00 01000000 0000 0200 2f61 00 20 a481 0500000000000000 0000 00000000",
         ERROR_MALFORMED,													    6 },
	{ "size",		      "01 00 01000000 0000 0200 2f61 00 00 a481 0500000000000080 0000 00000000",
         ERROR_MALFORMED,													    6 },
	{ "algorithm",                 "01 00 01000000 0000 0200 2f61 00 00 a481 0500000000000000 0008 00000000",
         ERROR_UNSUPPORTED,													  6 },
	{ "digest cut short",          "01 00 01000000 0000 0200 2f61 00 00 a481 0500000000000000 0200 1111",
         ERROR_TRUNCATED,													    26},
	{ "NUL in a target",           "01 00 00000000 01000000 0000 0200 2f6c 0300 610062",                      ERROR_MALFORMED,
         16															    },
	{ "target too long",           "01 00 00000000 01000000 0000 0200 2f6c ffff 6161",                        ERROR_TRUNCATED,
         18															    },
};

/* Reads all of it: 0, or -1 and *err. */
static int read_whole(struct bytes blob, struct error *err)
{
	struct manifest_file file;
	struct manifest_link link;
	struct manifest manifest;
	int found;

	if (manifest_open(&manifest, blob, "x", err) < 0)
		return -1;
	do
		found = manifest_next(&manifest, &file, err);
	while (found > 0);
	if (found < 0)
		return -1;
	do
		found = manifest_next_link(&manifest, &link, err);
	while (found > 0);
	return found;
}

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes blob = test_hex(row->hex);
	struct error err = { 0 };

	assert_int_equal(read_whole(blob, &err), -1);
	test_error(&err, row->code, row->offset);
	test_drop(blob);
}

static void cut_at_every_length(void **state)
{
	struct bytes whole = test_hex(good);

	(void)state;
	assert_int_equal(read_whole(whole, NULL), 0);
	for (size_t size = 0; size < whole.size; size++) {
		struct bytes cut = test_copy(bytes_of(whole.data, size));

		assert_int_equal(read_whole(cut, NULL), -1);
		test_drop(cut);
	}
	test_drop(whole);
}

static void flipped_at_every_byte(void **state)
{
	struct bytes whole = test_hex(good);

	(void)state;
	for (size_t i = 0; i < whole.size; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct bytes flipped = test_copy(whole);

			((uint8_t *)(uintptr_t)flipped.data)[i] ^= (uint8_t)(1u << bit);
			read_whole(flipped, NULL);
			test_drop(flipped);
		}
	test_drop(whole);
}

/* --- extras ---------------------------------------------------------------------------------------- */

static const char good_extras[] = "01 00 02000000"
				  "00000000 03000000 613d65 00000000 02000000 0302 00000000"
				  "05000000 00000000 01000000 ab 00000000 01000000 cd";

static void extras_by_the_letter(void **state)
{
	struct manifest_writer *writer = writer_new();
	struct golden_file file = files[0];
	struct manifest_blobs blobs;
	char path[8];

	(void)state;
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		file.path = bytes_of_string(path);
		file.capabilities = bytes_of_string(i == 0 ? "a=e" : "");
		file.ima_signature = bytes_of("\x03\x02", i == 0 ? 2 : 0);
		file.build_id = bytes_of("\xab", i == 5);
		file.verity_signature = bytes_of("\xcd", i == 5);
		assert_int_equal(manifest_writer_file(writer, &file, NULL), 0);
	}
	assert_int_equal(manifest_writer_finish(writer, (struct bytes){ 0 }, "x", &blobs, NULL), 0);
	test_bytes_hex(blobs.extras, good_extras);
	assert_int_equal(blobs.algs, (1u << ALG_COUNT) - 1); /* nothing lacks any */
	manifest_writer_free(writer);
}

static const struct bad_case bad_extras_cases[] = {
	{"empty",            "",							       ERROR_TRUNCATED,   0 },
	{ "version",         "03 00 00000000",						 ERROR_UNSUPPORTED, 0 },
	{ "count",           "01 00 02000000 00000000 00000000 01000000 ab 00000000 00000000", ERROR_LIMIT,
         2													  },
	{ "nothing in it",   "01 00 01000000 00000000 00000000 00000000 00000000 00000000",
         ERROR_MALFORMED,											 6 },
	{ "out of order",
         "01 00 02000000 01000000 00000000 01000000 ab 00000000 00000000"
	  "01000000 00000000 01000000 ab 00000000 00000000",				   ERROR_MALFORMED,   27},
	{ "beyond the blob", "01 00 01000000 00000000 00000000 ffffffff ab 00000000 00000000",
         ERROR_TRUNCATED,											 18},
	{ "left over",       "01 00 00000000 00",					      ERROR_MALFORMED,   6 },
};

static int read_extras(struct bytes blob, struct error *err)
{
	struct manifest_extra extra;
	struct extras extras;
	int found;

	if (extras_open(&extras, blob, "x", err) < 0)
		return -1;
	do
		found = extras_next(&extras, &extra, err);
	while (found > 0);
	return found;
}

static void bad_extras(void **state)
{
	const struct bad_case *row = *state;
	struct bytes blob = test_hex(row->hex);
	struct error err = { 0 };

	assert_int_equal(read_extras(blob, &err), -1);
	test_error(&err, row->code, row->offset);
	test_drop(blob);
}

static void extras_cut_at_every_length(void **state)
{
	struct bytes whole = test_hex(good_extras);

	(void)state;
	assert_int_equal(read_extras(whole, NULL), 0);
	for (size_t size = 0; size < whole.size; size++) {
		struct bytes cut = test_copy(bytes_of(whole.data, size));

		assert_int_equal(read_extras(cut, NULL), -1);
		test_drop(cut);
	}
	test_drop(whole);
}

/* --- the writer ------------------------------------------------------------------------------------- */

static char long_path[PATH_SIZE_MAX + 1];

static const struct refused_case {
	const char *name;
	struct bytes path;
	uint32_t mode;
	uint64_t size;
	enum file_kind kind;
} refused_cases[] = {
	{"empty path", { (const uint8_t *)"", 0 },                    0100644, 1,          KIND_OTHER},
	{ "root",      { (const uint8_t *)"/", 1 },                   0100644, 1,          KIND_OTHER},
	{ "relative",  { (const uint8_t *)"a/b", 3 },                 0100644, 1,          KIND_OTHER},
	{ "NUL",       { (const uint8_t *)"/a\0b", 4 },               0100644, 1,          KIND_OTHER},
	{ "too long",  { (const uint8_t *)long_path, PATH_SIZE_MAX }, 0100644, 1,          KIND_OTHER},
	{ "mode",      { (const uint8_t *)"/a", 2 },                  0x10000, 1,          KIND_OTHER},
	{ "size",      { (const uint8_t *)"/a", 2 },                  0100644, UINT64_MAX, KIND_OTHER},
	{ "kind",      { (const uint8_t *)"/a", 2 },                  0100644, 1,          KIND_COUNT},
};

static void refused(void **state)
{
	const struct refused_case *row = *state;
	struct golden_file file = {
		.path = row->path, .mode = row->mode, .size = row->size, .kind = row->kind
	};
	struct manifest_writer *writer = writer_new();
	struct error err = { 0 };

	memset(long_path, '/', sizeof(long_path));
	assert_int_equal(manifest_writer_file(writer, &file, &err), -1);
	test_error(&err, ERROR_MALFORMED, ERROR_NO_OFFSET);
	manifest_writer_free(writer);
}

static void longest_path(void **state)
{
	struct manifest_writer *writer = writer_new();
	struct golden_file file = {
		.path = {(const uint8_t *)long_path, PATH_SIZE_MAX - 1},
                  .kind = KIND_OTHER
	};
	struct manifest_blobs blobs;

	(void)state;
	memset(long_path, '/', sizeof(long_path));
	assert_int_equal(manifest_writer_file(writer, &file, NULL), 0);
	assert_int_equal(manifest_writer_finish(writer, (struct bytes){ 0 }, "x", &blobs, NULL), 0);
	assert_int_equal(read_whole(blobs.manifest, NULL), 0);
	manifest_writer_free(writer);
}

static void unknown_digest(void **state)
{
	struct digest digest = { .alg = ALG_NONE, .size = 20 };
	struct manifest_writer *writer = writer_new();
	struct golden_file file = files[0];
	struct error err = { 0 };

	(void)state;
	file.digests = &digest;
	file.n_digests = 1;
	assert_int_equal(manifest_writer_file(writer, &file, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	manifest_writer_free(writer);
}

/* An initrd's later archives replace files of earlier ones. */
static void the_later_of_two_counts(void **state)
{
	struct digest first = digest_of(ALG_SHA256, 1), last = digest_of(ALG_SHA256, 2);
	struct manifest_writer *writer = writer_new();
	struct manifest_blobs blobs;
	struct manifest_file file;
	struct manifest manifest;

	(void)state;
	add(writer, files[1], &first, 1);
	add(writer, files[0], &first, 1);
	add(writer, files[1], &last, 1);
	assert_int_equal(manifest_writer_finish(writer, (struct bytes){ 0 }, "x", &blobs, NULL), 0);
	assert_int_equal(blobs.n_files, 2);
	assert_int_equal(manifest_open(&manifest, blobs.manifest, "x", NULL), 0);
	assert_int_equal(manifest_next(&manifest, &file, NULL), 1);
	assert_int_equal(file.digests[ALG_SHA256][0], 1);
	assert_int_equal(manifest_next(&manifest, &file, NULL), 1);
	assert_int_equal(file.digests[ALG_SHA256][0], 2);
	manifest_writer_free(writer);
}

static void digests_from_before_are_kept(void **state)
{
	struct digest sha256 = digest_of(ALG_SHA256, 0x44), sha1 = digest_of(ALG_SHA1, 0x55);
	struct bytes before = test_hex(good);
	struct manifest_writer *writer = writer_new();
	struct golden_file other = files[0];
	struct manifest_blobs blobs;
	struct manifest_file file;
	struct manifest manifest;

	(void)state;
	other.path = bytes_of_string("/a/fop");
	add(writer, files[0], &sha1, 1);
	add(writer, other, &sha1, 1);
	add(writer, files[1], &sha256, 1);
	assert_int_equal(manifest_writer_finish(writer, before, "x", &blobs, NULL), 0);
	assert_int_equal(manifest_open(&manifest, blobs.manifest, "x", NULL), 0);
	assert_int_equal(manifest_next(&manifest, &file, NULL), 1); /* /a/foo: one from before */
	assert_int_equal(file.algs, 1u << ALG_SHA1 | 1u << ALG_SHA256);
	assert_int_equal(file.digests[ALG_SHA256][0], 0x11);
	assert_int_equal(manifest_next(&manifest, &file, NULL), 1); /* /a/fop: new */
	assert_int_equal(file.algs, 1u << ALG_SHA1);
	assert_int_equal(manifest_next(&manifest, &file, NULL), 1); /* /a/fox.: the new one wins */
	assert_int_equal(file.algs, 1u << ALG_SHA256 | 1u << ALG_MD5);
	assert_int_equal(file.digests[ALG_SHA256][0], 0x44);
	assert_int_equal(file.digests[ALG_MD5][0], 0x33);
	assert_int_equal(blobs.algs, 0);
	manifest_writer_free(writer);
	test_drop(before);
}

static void cleared_is_empty(void **state)
{
	struct digest digest = digest_of(ALG_SHA256, 1);
	struct manifest_writer *writer = writer_new();
	struct manifest_blobs blobs;

	(void)state;
	add(writer, files[1], &digest, 1);
	add(writer, files[0], &digest, 1);
	manifest_writer_clear(writer);
	assert_int_equal(manifest_writer_finish(writer, (struct bytes){ 0 }, "x", &blobs, NULL), 0);
	test_bytes_hex(blobs.manifest, "01 00 00000000 00000000");
	manifest_writer_free(writer);
}

static int write_good(struct manifest_writer *writer, struct error *err)
{
	struct digest digest = digest_of(ALG_SHA256, 0x11);
	struct golden_file file = files[1];
	struct golden_link link = { bytes_of_string("/l"), bytes_of_string("a/b") };
	struct manifest_blobs blobs;

	file.digests = &digest;
	file.n_digests = 1;
	file.ima_signature = bytes_of_string("signature");
	for (int i = 0; i < 200; i++) {
		char path[16];

		snprintf(path, sizeof(path), "/%d", i);
		file.path = link.path = bytes_of_string(path);
		if (manifest_writer_file(writer, &file, err) < 0 ||
		    manifest_writer_link(writer, &link, err) < 0)
			return -1;
	}
	return manifest_writer_finish(writer, (struct bytes){ 0 }, "x", &blobs, err);
}

static void allocation_failures(void **state)
{
	struct manifest_writer *writer = writer_new();
	unsigned n = 0;
	int status;

	(void)state;
	do {
		struct error err = { 0 };

		test_alloc_fail(++n);
		status = write_good(writer, &err);
		if (status < 0)
			test_error(&err, ERROR_SYSTEM, ERROR_NO_OFFSET);
		/* The writer keeps what memory it has, so the next round asks for less. */
		manifest_writer_clear(writer);
		if (status < 0) {
			manifest_writer_free(writer);
			test_alloc_fail(0);
			writer = writer_new();
		}
	} while (test_alloc_failed() || status < 0);
	assert_true(n > 5);
	test_alloc_fail(0);
	manifest_writer_free(writer);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, write_by_the_letter);
	TEST(&tests, read_by_the_letter);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_at_every_length);
	TEST(&tests, flipped_at_every_byte);
	TEST(&tests, extras_by_the_letter);
	TEST_ROWS(&tests, bad_extras, bad_extras_cases);
	TEST(&tests, extras_cut_at_every_length);
	TEST_ROWS(&tests, refused, refused_cases);
	TEST(&tests, longest_path);
	TEST(&tests, unknown_digest);
	TEST(&tests, the_later_of_two_counts);
	TEST(&tests, digests_from_before_are_kept);
	TEST(&tests, cleared_is_empty);
	TEST(&tests, allocation_failures);
	return test_run(&tests, "db/manifest");
}
