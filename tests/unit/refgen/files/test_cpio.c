/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <sys/stat.h>

#include "refgen/files/files.h"
#include "tests/unit/test.h"

/* --- making archives ------------------------------------------------------------------------- */

static void pad(struct buf *out)
{
	while (out->size % 4)
		buf_append_u8(out, 0);
}

static uint32_t sum_of(const char *data)
{
	uint32_t sum = 0;

	for (; *data; data++)
		sum += (uint8_t)*data;
	return sum;
}

static void add(struct buf *out, const char *magic, uint32_t mode, const char *name,
		const char *data)
{
	size_t size = strlen(data);
	uint32_t sum = strcmp(magic, "070702") == 0 ? sum_of(data) : 0;

	buf_printf(out, "%s%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", magic, 0x721,
		   mode, 1000u, 100u, 1u, 0x6ba91100u, size, 8u, 1u, 0u, 0u, strlen(name) + 1, sum);
	buf_append(out, bytes_of(name, strlen(name) + 1));
	pad(out);
	buf_append_string(out, data);
	pad(out);
}

static void add_stripped(struct buf *out, uint32_t index, const char *data)
{
	buf_printf(out, "07070X%08x", index);
	pad(out);
	buf_append_string(out, data);
	pad(out);
}

static void trailer(struct buf *out)
{
	add(out, "070701", 0, "TRAILER!!!", "");
}

/* Gives step bytes at a time, from buffers of their exact size. */
struct drip {
	struct bytes bytes;
	size_t step;
	uint8_t *last;
};

static int drip_next(void *ctx, struct bytes *block, struct error *err)
{
	struct drip *drip = ctx;
	size_t n = drip->bytes.size < drip->step ? drip->bytes.size : drip->step;

	(void)err;
	free(drip->last);
	drip->last = NULL;
	if (n == 0)
		return 0;
	drip->last = malloc(n);
	assert_non_null(drip->last);
	memcpy(drip->last, drip->bytes.data, n);
	drip->bytes = bytes_of(drip->bytes.data + n, drip->bytes.size - n);
	*block = bytes_of(drip->last, n);
	return 1;
}

static int sizes(void *ctx, uint32_t index, uint64_t *size, struct error *err)
{
	(void)ctx;
	if (index > 2)
		return error_set(err, ERROR_MALFORMED, "header", index, "no such file");
	*size = index; /* file 1 has one byte, file 2 two */
	return 0;
}

/* All entries, one line each; all archives of the stream with again. */
static int list(struct bytes in, size_t step, bool again, struct buf *out, struct error *err)
{
	struct cpio_options options = {
		.source = "in", .base = 0x1000, .stripped_size = sizes, .entries_max = 8
	};
	struct drip drip = { .bytes = in, .step = step };
	AUTO(cpio_freep) struct cpio *cpio = NULL;
	const struct cpio_entry *entry;
	struct bytes block;
	int got;

	assert_int_equal(cpio_open(&options, (struct byte_source){ drip_next, &drip }, &cpio, err),
			 0);
	do {
		while ((got = cpio_next(cpio, &entry, err)) > 0) {
			buf_printf(out, "%" PRIx64 " ", entry->offset);
			if (entry->format == CPIO_STRIPPED)
				buf_printf(out, "#%u", entry->index);
			buf_append(out, entry->name);
			buf_append_string(out, " = ");
			while ((got = cpio_data(cpio, &block, err)) > 0)
				buf_append(out, block);
			if (got < 0)
				break;
			buf_append_string(out, "\n");
		}
		if (got == 0 && again)
			got = cpio_again(cpio, err);
	} while (got > 0);
	free(drip.last);
	return got;
}

static void sample(struct buf *out)
{
	add(out, "070701", S_IFDIR | 0755, ".", "");
	add(out, "070701", S_IFREG | 0644, "./a", "abc");
	add(out, "070702", S_IFREG | 0644, "/usr/bin/sum", "checked data");
	add(out, "070702", S_IFLNK | 0777, "link", "");
	add_stripped(out, 1, "x");
	add_stripped(out, 2, "yz");
	trailer(out);
}

static const char sample_list[] = "1000 . = \n"
				  "1070 ./a = abc\n"
				  "10e8 /usr/bin/sum = checked data\n"
				  "1170 link = \n"
				  "11e4 #1 = x\n"
				  "11f8 #2 = yz\n";

static const struct step_case {
	const char *name;
	size_t step;
} steps[] = {
	{"1 byte at a time",     1      },
	{ "3 bytes at a time",   3      },
	{ "110 bytes at a time", 110    },
	{ "all at once",         1 << 20},
};

static void entries(void **state)
{
	const struct step_case *row = *state;
	AUTO(buf_clear) struct buf in = BUF_INIT, out = BUF_INIT;
	struct error err = { 0 };

	sample(&in);
	assert_int_equal(list(buf_bytes(&in), row->step, false, &out, &err), 0);
	assert_string_equal((char *)out.data, sample_list);
}

static void header_fields(void **state)
{
	struct cpio_options options = { .source = "in" };
	AUTO(buf_clear) struct buf in = BUF_INIT;
	AUTO(cpio_freep) struct cpio *cpio = NULL;
	const struct cpio_entry *entry;
	struct bytes_source memory;
	struct error err = { 0 };

	(void)state;
	add(&in, "070701", S_IFREG | 0640, "f", "12345");
	trailer(&in);
	assert_int_equal(cpio_open(&options, byte_source_of(&memory, buf_bytes(&in)), &cpio, &err),
			 0);
	assert_int_equal(cpio_next(cpio, &entry, &err), 1);
	assert_int_equal(entry->format, CPIO_NEWC);
	assert_int_equal(entry->ino, 0x721);
	assert_int_equal(entry->mode, S_IFREG | 0640);
	assert_int_equal(entry->uid, 1000);
	assert_int_equal(entry->gid, 100);
	assert_int_equal(entry->nlink, 1);
	assert_int_equal(entry->mtime, 0x6ba91100);
	assert_int_equal(entry->size, 5);
	assert_int_equal(entry->dev_major, 8);
	assert_int_equal(entry->dev_minor, 1);
	assert_int_equal(cpio_consumed(cpio), 112);
	/* Data that nobody read is passed over. */
	assert_int_equal(cpio_next(cpio, &entry, &err), 0);
	assert_int_equal(cpio_next(cpio, &entry, &err), 0);
	assert_int_equal(cpio_consumed(cpio), 120 + 110 + 11);
}

/* Data is handed on where it is. */
static void no_copy(void **state)
{
	struct cpio_options options = { .source = "in" };
	AUTO(buf_clear) struct buf in = BUF_INIT;
	AUTO(cpio_freep) struct cpio *cpio = NULL;
	const struct cpio_entry *entry;
	struct bytes_source memory;
	struct bytes block;

	(void)state;
	add(&in, "070701", S_IFREG, "f", "12345");
	trailer(&in);
	assert_int_equal(cpio_open(&options, byte_source_of(&memory, buf_bytes(&in)), &cpio, NULL),
			 0);
	assert_int_equal(cpio_next(cpio, &entry, NULL), 1);
	assert_int_equal(cpio_data(cpio, &block, NULL), 1);
	assert_ptr_equal(block.data, in.data + 112);
	assert_int_equal(block.size, 5);
	assert_int_equal(cpio_data(cpio, &block, NULL), 0);
	assert_int_equal(cpio_data(cpio, &block, NULL), 0);
}

static void several_archives(void **state)
{
	AUTO(buf_clear) struct buf in = BUF_INIT, out = BUF_INIT;
	struct error err = { 0 };

	(void)state;
	add(&in, "070701", S_IFREG, "1", "one");
	trailer(&in);
	while (in.size % 512)
		buf_append_u8(&in, 0);
	add(&in, "070701", S_IFREG, "2", "two");
	trailer(&in);
	for (int i = 0; i < 77; i++)
		buf_append_u8(&in, 0);
	assert_int_equal(list(buf_bytes(&in), 100, true, &out, &err), 0);
	assert_string_equal((char *)out.data, "1000 1 = one\n1200 2 = two\n");
}

/* dracut-cpio and others lengthen names so that data begins at a page. */
static void a_lengthened_name(void **state)
{
	static const char name[] = "name\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	AUTO(buf_clear) struct buf in = BUF_INIT, out = BUF_INIT;
	struct error err = { 0 };

	(void)state;
	buf_printf(&in, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08zx%08x", 1, S_IFREG,
		   0, 0, 1, 0, 4, 0, 0, 0, 0, sizeof(name), 0);
	buf_append(&in, bytes_of(name, sizeof(name)));
	pad(&in);
	buf_append_string(&in, "data");
	trailer(&in);
	assert_int_equal(list(buf_bytes(&in), 7, false, &out, &err), 0);
	assert_string_equal((char *)out.data, "1000 name = data\n");
}

/* --- what is refused -------------------------------------------------------------------------- */

#define NUMBERS                                                                                    \
	"0000000100008000000000000000000000000001000000000000000300000000000000000000000000000000"

static const struct bad_case {
	const char *name, *text; /* a space stands for a NUL */
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"nothing",                  "",						ERROR_TRUNCATED,   0x1000      },
	{ "no magic",                "070709",					  ERROR_MALFORMED,   0x1000      },
	{ "the old form",            "0707070000000000000000000000000",                 ERROR_UNSUPPORTED, 0x1000      },
	{ "a header cut short",      "070701" NUMBERS,                                  ERROR_TRUNCATED,   0x1006      },
	{ "a digit that is none",    "070701" NUMBERS "0000000g00000000a ",             ERROR_MALFORMED,
         0x1006 + 88												   },
	{ "a sign for a digit",      "070701+0000001" NUMBERS "0000000000000000",       ERROR_MALFORMED,
         0x1006													},
	{ "no name",                 "070701" NUMBERS "0000000000000000",               ERROR_MALFORMED,   0x1000 + 110},
	{ "a name too long",         "070701" NUMBERS "0000100100000000",               ERROR_LIMIT,       0x1000 + 110},
	{ "a name of 4 GiB",         "070701" NUMBERS "ffffffff00000000",               ERROR_LIMIT,       0x1000 + 110},
	{ "a name without NUL",      "070701" NUMBERS "0000000200000000aa",             ERROR_MALFORMED,
         0x1000 + 110												  },
	{ "a name with a NUL in it", "070701" NUMBERS "0000000500000000aa a ",          ERROR_MALFORMED,
         0x1000 + 110												  },
	{ "a name cut short",        "070701" NUMBERS "0000000500000000aa",             ERROR_TRUNCATED,
         0x1000 + 110												  },
	{ "data cut short",          "070701" NUMBERS "0000000200000000a xy",           ERROR_TRUNCATED,
         0x1000 + 114												  },
	{ "no trailer",              "070701" NUMBERS "0000000200000000a xyz ",         ERROR_TRUNCATED,   0x1000 + 116},
	{ "a trailer with data",     "070701" NUMBERS "0000000b00000000TRAILER!!! abc", ERROR_MALFORMED,
         0x1000													},
	{ "a wrong sum",             "070702" NUMBERS "0000000200000001a xyz ",         ERROR_MALFORMED,   0x1000      },
	{ "an index that is none",   "07070X0000000x",                                  ERROR_MALFORMED,   0x1006      },
	{ "an index of no file",     "07070X00000003  ",                                ERROR_MALFORMED,   3           },
	{ "an index cut short",      "07070X00000",                                     ERROR_TRUNCATED,   0x1006      },
	{ "stripped data cut short", "07070X00000002  a",                               ERROR_TRUNCATED,   0x1011      },
};

static void refused(void **state)
{
	const struct bad_case *row = *state;
	AUTO(buf_clear) struct buf in = BUF_INIT, out = BUF_INIT;
	struct error err = { 0 };

	for (const char *c = row->text; *c; c++)
		buf_append_u8(&in, *c == ' ' ? 0 : (uint8_t)*c);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		assert_int_equal(list(buf_bytes(&in), steps[i].step, false, &out, &err), -1);
		test_error(&err, row->code, row->offset);
	}
}

static const struct rest_case {
	const char *name, *rest; /* a space stands for a NUL */
	uint64_t offset;
} rests[] = {
	{"junk",			"junk",       0},
	{ "zeros and junk",             "       j",   7},
	{ "an archive at an odd place", "    070701", 4},
};

static void bad_rest(void **state)
{
	const struct rest_case *row = *state;
	AUTO(buf_clear) struct buf in = BUF_INIT, out = BUF_INIT;
	struct error err = { 0 };

	add(&in, "070701", S_IFREG, "1", "one");
	trailer(&in);
	in.size -= 3; /* the padding after the trailer's name */
	for (const char *c = row->rest; *c; c++)
		buf_append_u8(&in, *c == ' ' ? 0 : (uint8_t)*c);
	assert_int_equal(list(buf_bytes(&in), 50, true, &out, &err), -1);
	test_error(&err, ERROR_MALFORMED, 0x1000 + 116 + 110 + 11 + row->offset);
}

static void too_many_entries(void **state)
{
	AUTO(buf_clear) struct buf in = BUF_INIT, out = BUF_INIT;
	struct error err = { 0 };

	(void)state;
	for (int i = 0; i < 9; i++)
		add(&in, "070701", S_IFREG, "1", "");
	trailer(&in);
	assert_int_equal(list(buf_bytes(&in), 50, false, &out, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
}

static void stripped_outside_a_package(void **state)
{
	struct cpio_options options = { .source = "in" };
	AUTO(buf_clear) struct buf in = BUF_INIT;
	AUTO(cpio_freep) struct cpio *cpio = NULL;
	const struct cpio_entry *entry;
	struct bytes_source memory;
	struct error err = { 0 };

	(void)state;
	add_stripped(&in, 1, "x");
	assert_int_equal(cpio_open(&options, byte_source_of(&memory, buf_bytes(&in)), &cpio, &err),
			 0);
	assert_int_equal(cpio_next(cpio, &entry, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, 0);
}

static void cut(void **state)
{
	AUTO(buf_clear) struct buf in = BUF_INIT;

	(void)state;
	sample(&in);
	/* The padding after the trailer is no part of it. */
	for (size_t size = 0; size < in.size - 3; size++) {
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct error err = { 0 };

		if (list(bytes_of(in.data, size), 1 << 20, false, &out, &err) != -1)
			fail_msg("cut to %zu bytes: taken", size);
		assert_int_equal(err.code, ERROR_TRUNCATED);
		assert_true(err.offset <= 0x1000 + size);
	}
}

static void flipped(void **state)
{
	AUTO(buf_clear) struct buf in = BUF_INIT;

	(void)state;
	sample(&in);
	for (size_t i = 0; i < 8 * in.size; i++) {
		struct bytes bad = test_copy(buf_bytes(&in));
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct error err = { 0 };

		((uint8_t *)(uintptr_t)bad.data)[i / 8] ^= (uint8_t)(1 << i % 8);
		(void)list(bad, i % 2 ? 5 : 1 << 20, true, &out, &err);
		test_drop(bad);
	}
}

static void a_source_that_fails(void **state)
{
	struct decompressor_options unpack = { .compression = COMPRESSION_XZ, .source = "file" };
	struct bytes broken = test_hex("fd377a585a000004e6d6b44600000000ffffffff");
	struct cpio_options options = { .source = "in" };
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
	AUTO(cpio_freep) struct cpio *cpio = NULL;
	const struct cpio_entry *entry;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(decompressor_open_bytes(&unpack, broken, &decompressor, &err), 0);
	assert_int_equal(cpio_open(&options, decompressor_source(decompressor), &cpio, &err), 0);
	assert_int_equal(cpio_next(cpio, &entry, &err), -1);
	assert_string_equal(err.source, "file");
	test_drop(broken);
}

static void allocations(void **state)
{
	struct cpio_options options = { .source = "in" };
	struct bytes_source memory;
	struct byte_source source = byte_source_of(&memory, bytes_of("", 0));

	(void)state;
	for (unsigned n = 1;; n++) {
		AUTO(cpio_freep) struct cpio *cpio = NULL;
		struct error err = { 0 };
		int got;

		test_alloc_fail(n);
		got = cpio_open(&options, source, &cpio, &err);
		test_alloc_fail(0);
		if (got == 0)
			break;
		assert_int_equal(err.code, ERROR_SYSTEM);
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, entries, steps);
	TEST(&tests, header_fields);
	TEST(&tests, no_copy);
	TEST(&tests, several_archives);
	TEST(&tests, a_lengthened_name);
	TEST_ROWS(&tests, refused, bad_cases);
	TEST_ROWS(&tests, bad_rest, rests);
	TEST(&tests, too_many_entries);
	TEST(&tests, stripped_outside_a_package);
	TEST(&tests, cut);
	TEST(&tests, flipped);
	TEST(&tests, a_source_that_fails);
	TEST(&tests, allocations);
	return test_run(&tests, "refgen/files/cpio");
}
