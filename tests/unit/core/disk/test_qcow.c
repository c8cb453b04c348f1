/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * qcow2 images that qemu-img 7.2 made of the file system beside them (tests/fuzz/corpus/image): every byte is the
 * raw image's, and each rule of the header and the tables broken once.
 */
#include "core/disk/disk.h"

#include "core/disk/internal.h"
#include "core/own.h"
#include "tests/unit/test.h"

#define CORPUS   "tests/fuzz/corpus/image/"
#define RAW_SIZE 61440

static const char *const images[] = { "qcow2", "qcow2-deflate", "qcow2-zstd" };

static int read_all(struct bytes image, uint8_t *out, size_t step, struct error *err)
{
	AUTO(disk_freep) struct disk *disk = NULL;

	if (disk_open_bytes(image, "image", &disk, err) < 0)
		return -1;
	for (size_t at = 0; at < RAW_SIZE; at += step)
		if (disk_read(disk, at, out + at, step < RAW_SIZE - at ? step : RAW_SIZE - at,
			      err) < 0)
			return -1;
	return disk_size(disk) == RAW_SIZE ? 0 : -1;
}

static struct bytes open_corpus(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), CORPUS "%s", name);
	return test_file(path);
}

static const struct good_case {
	const char *name, *image;
	size_t step; /* bytes of one reading: within clusters, over several */
} good_cases[] = {
	{"a cluster at a time",        "qcow2",         512  },
	{ "odd pieces",                "qcow2",         1000 },
	{ "all at once",               "qcow2",         61440},
	{ "compressed, version 2",     "qcow2-deflate", 700  },
	{ "compressed, all at once",   "qcow2-deflate", 61440},
	{ "compressed with Zstandard", "qcow2-zstd",    4096 },
	{ "Zstandard, all at once",    "qcow2-zstd",    61440},
};

static void good(void **state)
{
	const struct good_case *row = *state;
	struct bytes raw = open_corpus("ext4"), image = open_corpus(row->image);
	AUTO(own_free) uint8_t *out = malloc(RAW_SIZE);
	struct error err;

	assert_non_null(out);
	assert_int_equal(raw.size, RAW_SIZE);
	assert_int_equal(read_all(image, out, row->step, &err), 0);
	test_bytes(bytes_of(out, RAW_SIZE), raw);
	test_drop(image);
	test_drop(raw);
}

static const struct bad_case {
	const char *name, *image;
	size_t at, size;
	uint64_t value;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"version 4",		       "qcow2",         4,      4, 4,                  ERROR_UNSUPPORTED, 4         },
	{ "a backing file",                 "qcow2",         8,      8, 0x100,              ERROR_UNSUPPORTED, 8         },
	{ "clusters too small",             "qcow2",         20,     4, 8,                  ERROR_MALFORMED,   20        },
	{ "clusters too large",             "qcow2",         20,     4, 22,                 ERROR_MALFORMED,   20        },
	{ "encrypted",                      "qcow2",         32,     4, 1,                  ERROR_UNSUPPORTED, 32        },
	{ "no first table",                 "qcow2",         36,     4, 0,                  ERROR_MALFORMED,   36        },
	{ "a first table too short",        "qcow2",         24,     8, UINT64_C(1) << 60,  ERROR_MALFORMED,   36        },
	{ "a first table too long",         "qcow2",         36,     4, 0x80000000,         ERROR_LIMIT,       36        },
	{ "a first table beside a cluster", "qcow2",         40,     8, 0x601,              ERROR_MALFORMED,   40        },
	{ "a first table behind the end",   "qcow2",         40,     8, UINT64_MAX - 511,   ERROR_MALFORMED,   40        },
	{ "data in another file",           "qcow2",         72,     8, 4,                  ERROR_UNSUPPORTED, 72        },
	{ "extended tables",                "qcow2",         72,     8, 16,                 ERROR_UNSUPPORTED, 72        },
	{ "a header too short",             "qcow2",         100,    4, 96,                 ERROR_MALFORMED,   100       },
	{ "an unknown compression",         "qcow2-zstd",    104,    1, 2,                  ERROR_UNSUPPORTED, 104       },
	{ "a table beside a cluster",       "qcow2-deflate", 0x3000, 8, 0x4200,             ERROR_MALFORMED,   0x3000    },
	{ "a table behind the end",         "qcow2",         0x600,  8, 0x40000000,         ERROR_TRUNCATED,   0x40000000},
	{ "a cluster behind the end",       "qcow2",         0x800,  8, 0x40000000,         ERROR_TRUNCATED,   0x40000000},
	{ "a compressed cluster there",     "qcow2-deflate", 0x4000, 8, 0x4000000000050000,
         ERROR_TRUNCATED,										      0x50000   },
	{ "a compressed cluster cut short", "qcow2-deflate", 0x4000, 8, 0x40000000000050f0,
         ERROR_MALFORMED,										      0x50f0    },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes file = open_corpus(row->image);
	uint8_t *image = malloc(file.size), out[RAW_SIZE];
	struct error err;

	assert_non_null(image);
	memcpy(image, file.data, file.size);
	for (size_t i = 0; i < row->size; i++)
		image[row->at + i] = (uint8_t)(row->value >> 8 * (row->size - 1 - i));
	assert_int_equal(read_all(bytes_of(image, file.size), out, 4096, &err), -1);
	test_error(&err, row->code, row->offset);
	free(image);
	test_drop(file);
}

/* Nothing but errors, wherever the file is cut or a byte of its header and tables is another. */
static void cut_and_flip(void **state)
{
	uint8_t out[RAW_SIZE];
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct bytes file = open_corpus(images[i]);

		for (size_t size = 0; size < file.size; size += size < 0x700 ? 1 : 509) {
			uint8_t *image = malloc(size + 1);

			assert_non_null(image);
			memcpy(image, file.data, size);
			assert_int_equal(read_all(bytes_of(image, size), out, 4096, &err), -1);
			free(image);
		}
		for (size_t at = 0; at < file.size; at += at < 0xa00 ? 1 : 127) {
			uint8_t *image = malloc(file.size);

			assert_non_null(image);
			memcpy(image, file.data, file.size);
			image[at] ^= 0x41;
			(void)read_all(bytes_of(image, file.size), out, 4096, &err);
			free(image);
		}
		test_drop(file);
	}
}

/* What unpacking gives counts as read, so that no small image asks for much. */
static void limited(void **state)
{
	struct bytes file = open_corpus("qcow2-deflate");
	AUTO(disk_freep) struct disk *disk = NULL;
	uint8_t out[512];
	struct error err;

	(void)state;
	assert_int_equal(disk_open_bytes(file, "image", &disk, &err), 0);
	disk_limit(disk, 8192);
	assert_int_equal(disk_read(disk, 8192, out, sizeof(out), &err), 0);
	assert_int_equal(disk_read(disk, 12288, out, sizeof(out), &err), -1);
	test_error(&err, ERROR_LIMIT, 0x51cd);
	assert_true(disk_is_exhausted(disk));
	test_drop(file);
}

static void out_of_memory(void **state)
{
	uint8_t out[RAW_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct bytes file = open_corpus(images[i]);
		unsigned n = 0;
		int status;

		do {
			struct error err;

			test_alloc_fail(++n);
			status = read_all(file, out, 4096, &err);
			if (status < 0)
				assert_int_equal(err.code, ERROR_SYSTEM);
		} while (test_alloc_failed() && n < 1000);
		test_alloc_fail(0);
		assert_int_equal(status, 0);
		assert_true(n > 4);
		test_drop(file);
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, good, good_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_and_flip);
	TEST(&tests, limited);
	TEST(&tests, out_of_memory);
	return test_run(&tests, "core/disk/qcow");
}
