/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/archive.h"

#include "tests/unit/test.h"

/* Eight lines, made smaller by other programs. */

static const struct stream_case {
	const char *name;
	enum compression compression;
	const char *hex;
} streams[] = {
	{"gzip",			    COMPRESSION_GZIP,  /* gzip -n -9 lines */
	  "1f8b080000000000020333303030b05228cf482c51c82c56c84d4d2c2e2d4a4d01b1f3f24b142a53"
	  "4b144a8a4a8b4b5253b8800a0d89566944b44a63a2559a10add29468956644ab34274e25003e9997"
	  "d050010000"								 },
	{ "bzip2",			  COMPRESSION_BZIP2, /* bzip2 lines */
	  "425a68393141592653594bf29ce70000225980401040007f9026639ea020007050000064c80aa9a4"
	  "8c8da9e503353ca69517102e1316103a4b5112496dbbef4f15b7a1ec407d151719191c03f0c8d460"
	  "26301b8c8c0ec20504c3f8bb9229c284825f94e738"                                },
	{ "xz",			     COMPRESSION_XZ,    /* xz -0 lines */
	  "fd377a585a000004e6d6b446020021010c0000008f98419ce0014f003f5d0018688a8407b364c4e2"
	  "49c854f4fe407d13b95a0753a68d6b3c75e44da910cf70f66c57b3fff0a50ecfc15107459c3c60b3"
	  "31c93e5ec5a5b2962649dd3ba4000000bfea21e3e3a43b3c00015bd0020000003b9be086b1c467fb"
	  "020000000004595a"							     },
	{ "xz of blocks",                   COMPRESSION_XZ,    /* xz -0 --block-size=100 -T2 --check=crc32 lines */
	  "fd377a585a0000016922de3602c0396421010c00172d2411e0006300315d0018688a8407b364c4e2"
	  "49c854f4fe407d13b95a0753a68d6b3c75e44da910cf70f66c57b3fff0a50ecfc15107458528d600"
	  "000000004f7d02f802c0396421010c00172d2411e0006300315d00309ccb036814ee46f348a91bd4"
	  "316546698d12841644fd14126ce97373edb72c506ef20a82df2f33cfdbecddfebb1c100000000000"
	  "77c7297f02c03a6421010c00b95fb097e0006300325d003a080a87643615e8fecde8ccffa02247ad"
	  "04bd9e90140a7733b43e4604da91a1612407a5269bd603d17ccf5a2911dbabe0000000009b5195d0"
	  "02c0282421010c0060a45d8101002377686174206973206d65617375726564206973206e6f742079"
	  "657420747275737465640a00ffe7befd0004496449644a6438240000ea3ead299be3514003000000"
	  "0001595a"								     },
	{ "lzma",			   COMPRESSION_LZMA,  /* lzma -0 lines */
	  "5d00000400ffffffffffffffff0018688a8407b364c4e249c854f4fe407d13b95a0753a68d6b3c75"
	  "e44da910cf70f66c57b3fff0a50ecfc15107459c3c60b331c93e5ec5a5b2962649f023ba4efef5d5"
	  "9500"								       },
	{ "zstd",			   COMPRESSION_ZSTD,  /* zstd -19 lines */
	  "28b52ffd6450001d020012430b11a0eda02f64b8c588ff053bfcc6837e7747c71432445055a0b639"
	  "c27eef7c3f7766570b23a76d67f64e4b1e690820c033071f011d880909e8083169210d0821f509e9"
	  "2a"									 },
	{ "zstd of unknown size, no check", COMPRESSION_ZSTD,  /* zstd --no-check < lines */
	  "28b52ffd00584502004403303030303a2077686174206973206d65617375726564206973206e6f74"
	  "2079657420747275737465640a303030313233343536370700c123007400c4004800e80088598394"
	  "1e"									 },
	{ "lz4",			    COMPRESSION_LZ4,   /* lz4 -9 lines */
	  "04224d186440a757000000f007303030303a2077686174206973206d656173757265640c00ff056e"
	  "6f742079657420747275737465640a303030312a00161f322a00161f332a00161f342a00161f352a"
	  "00161f362a00161f372a000e50737465640a0000000065a9e2fa"                        },
	{ "lz4 with checks and size",       COMPRESSION_LZ4,   /* lz4 -BX --content-size lines */
	  "04224d187c4050010000000000004357000000f007303030303a2077686174206973206d65617375"
	  "7265640c00ff056e6f742079657420747275737465640a303030312a00161f322a00161f332a0016"
	  "1f342a00161f352a00161f362a00161f372a000e50737465640aeacca7890000000065a9e2fa"},
	{ "lz4 legacy",                     COMPRESSION_LZ4,   /* lz4 -9 -l lines */
	  "02214c1857000000f007303030303a2077686174206973206d656173757265640c00ff056e6f7420"
	  "79657420747275737465640a303030312a00161f322a00161f332a00161f342a00161f352a00161f"
	  "362a00161f372a000e50737465640a"					      },
};

static struct bytes lines(void)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	for (int i = 0; i < 8; i++)
		buf_printf(&text, "%04d: what is measured is not yet trusted\n", i);
	return test_copy(buf_bytes(&text));
}

static struct bytes join(struct bytes a, struct bytes b)
{
	AUTO(buf_clear) struct buf both = BUF_INIT;

	buf_append(&both, a);
	buf_append(&both, b);
	return test_copy(buf_bytes(&both));
}

/* Unpacks everything into out: the status of the last call. */
static int drain(struct decompressor *decompressor, struct buf *out, struct error *err)
{
	struct bytes block;
	int got;

	while ((got = decompressor_next(decompressor, &block, err)) > 0)
		buf_append(out, block);
	return got;
}

static int unpack(const struct decompressor_options *options, struct bytes in, struct buf *out,
		  uint64_t *consumed, struct error *err)
{
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
	int got;

	if (decompressor_open_bytes(options, in, &decompressor, err) < 0)
		return -1;
	got = drain(decompressor, out, err);
	*consumed = decompressor_consumed(decompressor);
	assert_int_equal(decompressor_produced(decompressor), out->size);
	/* It says the same again. */
	assert_int_equal(drain(decompressor, out, NULL), got);
	return got;
}

static void unpacks(void **state)
{
	const struct stream_case *row = *state;
	struct decompressor_options options = { .compression = row->compression, .source = "in" };
	struct bytes in = test_hex(row->hex), expected = lines();
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };
	uint64_t consumed;

	assert_int_equal(compression_detect(in), row->compression);
	assert_int_equal(unpack(&options, in, &out, &consumed, &err), 0);
	test_bytes(buf_bytes(&out), expected);
	assert_int_equal(consumed, in.size);
	test_drop(in);
	test_drop(expected);
}

/* Where an initrd goes on after a stream. */
static void first_stream(void **state)
{
	const struct stream_case *row = *state;
	static const char *const rests[] = { "00", "0000000000", "30373037303130", "4a554e4b",
					     "ff", "59 5a",      "1f8b0801" };

	for (size_t i = 0; i < ARRAY_SIZE(rests); i++) {
		struct decompressor_options options = { .compression = row->compression,
							.source = "in",
							.first_stream_only = true };
		struct bytes in = test_hex(row->hex), expected = lines(), rest = test_hex(rests[i]);
		struct bytes both = join(in, rest);
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct error err = { 0 };
		uint64_t consumed;

		/* The header of a further member, cut short. */
		if (row->compression == COMPRESSION_GZIP && i == ARRAY_SIZE(rests) - 1)
			rest.size = 0;
		assert_int_equal(unpack(&options, both, &out, &consumed, &err), 0);
		test_bytes(buf_bytes(&out), expected);
		assert_int_equal(consumed, in.size);
		test_drop(in);
		test_drop(expected);
		test_drop(rest);
		test_drop(both);
	}
}

static void what_follows_is_an_error(void **state)
{
	const struct stream_case *row = *state;
	struct decompressor_options options = { .compression = row->compression,
						.source = "in",
						.base = 1000 };
	struct bytes in = test_hex(row->hex), rest = test_hex("4a554e4b4a554e4b4a554e4b");
	struct bytes both = join(in, rest);
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };
	uint64_t consumed;

	assert_int_equal(unpack(&options, both, &out, &consumed, &err), -1);
	test_error(&err, ERROR_MALFORMED, 1000 + in.size);
	assert_string_equal(err.source, "in");
	test_drop(in);
	test_drop(rest);
	test_drop(both);
}

/* Where the format says that streams may follow each other, they are one. */
static void concatenated(void **state)
{
	const struct stream_case *row = *state;
	struct decompressor_options options = { .compression = row->compression, .source = "in" };
	struct bytes in = test_hex(row->hex), once = lines();
	struct bytes both = join(in, in), twice = join(once, once);
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };
	uint64_t consumed;

	if (row->compression == COMPRESSION_LZMA) {
		assert_int_equal(unpack(&options, both, &out, &consumed, &err), -1);
		test_error(&err, ERROR_MALFORMED, in.size);
	} else {
		assert_int_equal(unpack(&options, both, &out, &consumed, &err), 0);
		test_bytes(buf_bytes(&out), twice);
		assert_int_equal(consumed, both.size);
	}
	test_drop(in);
	test_drop(once);
	test_drop(both);
	test_drop(twice);
}

/* A source that gives one byte at a time, and at last an error if it is to. */
struct drip {
	struct bytes bytes;
	bool fails;
};

static int drip_next(void *ctx, struct bytes *block, struct error *err)
{
	struct drip *drip = ctx;

	if (drip->bytes.size == 0)
		return drip->fails ? error_set(err, ERROR_INPUT, "drip", 7, "no more") : 0;
	*block = bytes_of(drip->bytes.data, 1);
	drip->bytes = bytes_of(drip->bytes.data + 1, drip->bytes.size - 1);
	return 1;
}

static int unpack_dripping(enum compression compression, struct drip *drip, struct buf *out,
			   struct error *err)
{
	struct decompressor_options options = { .compression = compression, .source = "in" };
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;

	assert_int_equal(decompressor_open(&options, (struct byte_source){ drip_next, drip },
					   &decompressor, err),
			 0);
	return drain(decompressor, out, err);
}

static void dripping(void **state)
{
	const struct stream_case *row = *state;
	struct bytes in = test_hex(row->hex), expected = lines();
	struct drip drip = { .bytes = in };
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };

	assert_int_equal(unpack_dripping(row->compression, &drip, &out, &err), 0);
	test_bytes(buf_bytes(&out), expected);
	drip = (struct drip){ .bytes = bytes_of(in.data, in.size - 1), .fails = true };
	assert_int_equal(unpack_dripping(row->compression, &drip, &out, &err), -1);
	test_error(&err, ERROR_INPUT, 7);
	assert_string_equal(err.source, "drip");
	test_drop(in);
	test_drop(expected);
}

/* No beginning of a stream is taken for the whole. */
static void cut(void **state)
{
	const struct stream_case *row = *state;
	struct bytes in = test_hex(row->hex);

	for (size_t size = 0; size < in.size; size++) {
		struct decompressor_options options = { .compression = row->compression,
							.source = "in" };
		struct bytes part = test_copy(bytes_of(in.data, size));
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct drip drip = { .bytes = part };
		struct error err = { 0 };
		uint64_t consumed;

		/* A legacy stream has no end of its own: a cut between chunks goes unseen. */
		if (strcmp(row->name, "lz4 legacy") == 0 && size == 4) {
			test_drop(part);
			continue;
		}
		for (int first = 0; first < 2; first++) {
			options.first_stream_only = first;
			out.size = 0;
			if (unpack(&options, part, &out, &consumed, &err) != -1)
				fail_msg("cut to %zu bytes: taken", size);
			assert_true(err.code == ERROR_TRUNCATED || err.code == ERROR_MALFORMED);
			assert_true(err.offset <= size);
		}
		assert_int_equal(unpack_dripping(row->compression, &drip, &out, &err), -1);
		test_drop(part);
	}
	test_drop(in);
}

/* A changed byte is an error or changes nothing, where the form has a sum over its data. Lzma
 * and the legacy lz4 have none. */
static void flipped(void **state)
{
	const struct stream_case *row = *state;
	const bool summed = row->compression != COMPRESSION_LZMA && !strstr(row->name, "legacy") &&
			    !strstr(row->name, "no check");
	struct bytes in = test_hex(row->hex), expected = lines();

	for (size_t i = 0; i < in.size; i++) {
		struct decompressor_options options = { .compression = row->compression,
							.source = "in",
							.output_max = 1 << 20,
							.first_stream_only = i % 3 == 0 };
		struct bytes bad = test_copy(in);
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct error err = { 0 };
		uint64_t consumed;

		((uint8_t *)(uintptr_t)bad.data)[i] ^= (uint8_t)(1 << i % 8);
		if (unpack(&options, bad, &out, &consumed, &err) == 0 && summed && out.size)
			test_bytes(buf_bytes(&out), expected);
		test_drop(bad);
	}
	test_drop(in);
	test_drop(expected);
}

static void output_limit(void **state)
{
	const struct stream_case *row = *state;
	struct decompressor_options options = { .compression = row->compression,
						.source = "in",
						.output_max = 336 };
	struct bytes in = test_hex(row->hex);
	AUTO(buf_clear) struct buf out = BUF_INIT;
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
	struct error err = { 0 };
	uint64_t consumed;

	assert_int_equal(unpack(&options, in, &out, &consumed, &err), 0);
	options.output_max = 335;
	out.size = 0;
	assert_int_equal(decompressor_open_bytes(&options, in, &decompressor, &err), 0);
	assert_int_equal(drain(decompressor, &out, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	test_drop(in);
}

static const struct dictionary_case {
	const char *name, *hex;
	enum compression compression;
} dictionaries[] = {
	{"xz",
         "fd377a585a000004e6d6b44602002101220000008240acdce0014f003e5d0018688a8407b364c4e2"
	  "49c854f4fe407d13b95a0753a68d6b3c75e44da910cf70f66c608ac3fdf2a842ecbf5d7c06c5d115"
	  "7cacaeb23d3160d9418327d020000000bfea21e3e3a43b3c00015ad0020000009e48bc4db1c467fb"
	  "020000000004595a",						 COMPRESSION_XZ  },
	{ "xz, the second stream",
         "fd377a585a000004e6d6b446020021010c0000008f98419ce0014f003f5d0018688a8407b364c4e2"
	  "49c854f4fe407d13b95a0753a68d6b3c75e44da910cf70f66c57b3fff0a50ecfc15107459c3c60b3"
	  "31c93e5ec5a5b2962649dd3ba4000000bfea21e3e3a43b3c00015bd0020000003b9be086b1c467fb"
	  "020000000004595afd377a585a000004e6d6b44602002101220000008240acdce0014f003e5d0018"
	  "688a8407b364c4e249c854f4fe407d13b95a0753a68d6b3c75e44da910cf70f66c608ac3fdf2a842"
	  "ecbf5d7c06c5d1157cacaeb23d3160d9418327d020000000bfea21e3e3a43b3c00015ad002000000"
	  "9e48bc4db1c467fb020000000004595a",				 COMPRESSION_XZ  },
	{ "lzma",		  "5dffffffff ffffffffffffffff 00 00000000", COMPRESSION_LZMA},
};

/* More memory than any of the tools ask for. */
static void dictionary(void **state)
{
	const struct dictionary_case *row = *state;
	struct decompressor_options options = { .compression = row->compression, .base = 9 };
	struct archive_walk_options walk_options = { 0 };
	struct bytes in = test_hex(row->hex);
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct archive_walk *walk = NULL;
	struct error err = { 0 };
	uint64_t consumed;

	assert_int_equal(unpack(&options, in, &out, &consumed, &err), -1);
	test_error(&err, ERROR_LIMIT, 9);
	assert_int_equal(archive_walk_open(&walk_options, in, &walk, &err), -1);
	test_error(&err, ERROR_LIMIT, 0);
	test_drop(in);
}

static void other_formats_are_refused(void **state)
{
	const struct stream_case *row = *state;
	struct bytes in = test_hex(row->hex);

	for (enum compression i = COMPRESSION_GZIP; i < COMPRESSION_COUNT; i++) {
		struct decompressor_options options = { .compression = i, .source = "in" };
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct error err = { 0 };
		uint64_t consumed;

		if (i == row->compression)
			continue;
		for (int first = 0; first < 2; first++) {
			options.first_stream_only = first;
			if (unpack(&options, in, &out, &consumed, &err) != -1)
				fail_msg("%s read as %s", row->name, compression_name(i));
		}
	}
	test_drop(in);
}

static void without_compression(void **state)
{
	struct decompressor_options options = { .source = "in" };
	struct bytes in = lines();
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };
	uint64_t consumed;

	(void)state;
	assert_int_equal(unpack(&options, in, &out, &consumed, &err), 0);
	test_bytes(buf_bytes(&out), in);
	assert_int_equal(consumed, in.size);
	test_drop(in);
}

static const struct nothing_case {
	const char *name;
	enum compression compression;
	const char *hex;
} nothings[] = {
	{"gzip",   COMPRESSION_GZIP,  "1f8b080000000000000303000000000000000000"      },
	{ "bzip2", COMPRESSION_BZIP2, "425a683917724538509000000000"                  },
	{ "xz",    COMPRESSION_XZ,
         "fd377a585a000004e6d6b446000000001cdf44211fb6f37d010000000004595a"           },
	{ "lzma",  COMPRESSION_LZMA,  "5d00008000ffffffffffffffff0083fffbffffc0000000"},
	{ "zstd",  COMPRESSION_ZSTD,  "28b52ffd2400010000 99e9d851"                   },
	{ "lz4",   COMPRESSION_LZ4,   "04224d186440a700000000 055dcc02"               },
};

/* A stream of nothing is sound, no beginning of one is. */
static void nothing(void **state)
{
	const struct nothing_case *row = *state;
	struct decompressor_options options = { .compression = row->compression, .source = "in" };
	struct bytes in = test_hex(row->hex);

	for (size_t size = 0; size <= in.size; size++) {
		struct bytes part = test_copy(bytes_of(in.data, size));
		struct drip drip = { .bytes = part };
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct error err = { 0 };
		uint64_t consumed;
		int expected = size == in.size ? 0 : -1;

		for (int first = 0; first < 2; first++) {
			options.first_stream_only = first;
			assert_int_equal(unpack(&options, part, &out, &consumed, &err), expected);
		}
		assert_int_equal(unpack_dripping(row->compression, &drip, &out, &err), expected);
		assert_int_equal(out.size, 0);
		test_drop(part);
	}
	test_drop(in);
}

static void an_unknown_compression(void **state)
{
	struct decompressor_options options = { .compression = COMPRESSION_UNKNOWN, .base = 5 };
	struct decompressor *decompressor = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(decompressor_open_bytes(&options, bytes_of("", 0), &decompressor, &err),
			 -1);
	test_error(&err, ERROR_UNSUPPORTED, 5);
	assert_null(decompressor);
}

static const struct name_case {
	const char *name;
	enum compression compression;
} names[] = {
	{"gzip",      COMPRESSION_GZIP   },
        { "bzip2",    COMPRESSION_BZIP2  },
	{ "xz",       COMPRESSION_XZ     },
        { "lzma",     COMPRESSION_LZMA   },
	{ "zstd",     COMPRESSION_ZSTD   },
        { "lz4",      COMPRESSION_LZ4    },
	{ "none",     COMPRESSION_NONE   },
        { "identity", COMPRESSION_NONE   },
	{ "GZIP",     COMPRESSION_UNKNOWN},
        { "",         COMPRESSION_UNKNOWN},
	{ "gzipp",    COMPRESSION_UNKNOWN},
};

static void by_name(void **state)
{
	const struct name_case *row = *state;

	assert_int_equal(compression_of_name(bytes_of_string(row->name)), row->compression);
}

static const struct detect_case {
	const char *name, *hex;
	enum compression compression;
} detects[] = {
	{"empty",		      "",			     COMPRESSION_NONE},
	{ "cpio",		      "303730373031",                 COMPRESSION_NONE},
	{ "half a magic",              "fd377a58",                     COMPRESSION_NONE},
	{ "bzip2 of no level",         "425a6830",                     COMPRESSION_NONE},
	{ "lzma",		      "5d00008000ffffffffffffffff00", COMPRESSION_LZMA},
	{ "lzma cut short",            "5d00008000ffffffffffffff",     COMPRESSION_NONE},
	{ "lzma of an odd dictionary", "5d01008000ffffffffffffffff00", COMPRESSION_NONE},
	{ "lzma of too much",          "5d000080000000000000000100",   COMPRESSION_NONE},
	{ "lzma with 3 * 2^n",         "5d00000c00ffffffffffffffff00", COMPRESSION_LZMA},
};

static void detect(void **state)
{
	const struct detect_case *row = *state;
	struct bytes in = test_hex(row->hex);

	assert_int_equal(compression_detect(in), row->compression);
	test_drop(in);
}

static void stream_allocations(void **state)
{
	struct decompressor_options options = { .compression = COMPRESSION_XZ, .source = "in" };
	struct bytes in = test_hex(streams[2].hex);

	(void)state;
	for (unsigned n = 1;; n++) {
		AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
		struct error err = { 0 };
		int got;

		test_alloc_fail(n);
		got = decompressor_open_bytes(&options, in, &decompressor, &err);
		test_alloc_fail(0);
		if (got == 0)
			break;
		assert_int_equal(err.code, ERROR_SYSTEM);
	}
	test_drop(in);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, unpacks, streams);
	TEST_ROWS(&tests, first_stream, streams);
	TEST_ROWS(&tests, what_follows_is_an_error, streams);
	TEST_ROWS(&tests, concatenated, streams);
	TEST_ROWS(&tests, dripping, streams);
	TEST_ROWS(&tests, cut, streams);
	TEST_ROWS(&tests, flipped, streams);
	TEST_ROWS(&tests, output_limit, streams);
	TEST_ROWS(&tests, dictionary, dictionaries);
	TEST_ROWS(&tests, other_formats_are_refused, streams);
	TEST(&tests, without_compression);
	TEST_ROWS(&tests, nothing, nothings);
	TEST(&tests, an_unknown_compression);
	TEST_ROWS(&tests, by_name, names);
	TEST_ROWS(&tests, detect, detects);
	TEST(&tests, stream_allocations);
	return test_run(&tests, "core/archive");
}
