/* SPDX-License-Identifier: BSD-2-Clause */
/* MBRs as the de facto standard has them: four entries at 446, 55 aa at 510, logical partitions in a chain. */
#include "core/disk/disk.h"

#include "core/own.h"
#include "tests/unit/test.h"

#define SECTORS 64

/* Entries of a table: where, type, first sector, number of sectors. */
struct written {
	unsigned table, entry;
	uint8_t status, type;
	uint32_t first, n;
};

#define PRIMARY                                                                                    \
	{                                                                                          \
		0, 0, 0x80, 0x0c, 8, 4                                                             \
	}
#define EXTENDED                                                                                   \
	{                                                                                          \
		0, 3, 0, 0x0f, 16, 40                                                              \
	}
#define LOGICAL_1                                                                                  \
	{                                                                                          \
		16, 0, 0, 0x83, 2, 6                                                               \
	}
#define NEXT                                                                                       \
	{                                                                                          \
		16, 1, 0, 0x05, 20, 10                                                             \
	}
#define LOGICAL_2                                                                                  \
	{                                                                                          \
		36, 0, 0, 0x83, 3, 5                                                               \
	}

static const struct mbr_case {
	const char *name;
	struct written written[6];
	int status;
	enum error_code code;
	uint64_t offset;
	const char *expected; /* number, start and size in sectors */
} mbr_cases[] = {
	{"one",		     { PRIMARY },                             1,  ERROR_NONE,      0,        "1 8 4;"              },
	{ "primary and logical",
         { PRIMARY, EXTENDED, LOGICAL_1, NEXT, LOGICAL_2 },
         1,								      ERROR_NONE,
         0,												 "1 8 4;5 18 6;6 39 5;"},
	{ "an empty extended one",  { PRIMARY, EXTENDED },                   1,  ERROR_NONE,      0,        "1 8 4;"              },
	{ "no partitions",          { { 0, 0, 0, 0, 0, 0 } },                0,  ERROR_NONE,      0,        ""                    },
	{ "code in its place",      { PRIMARY, { 0, 1, 0x33, 0x83, 1, 1 } }, 0,  ERROR_NONE,      0,        ""                    },
	{ "a circle",
         { EXTENDED, LOGICAL_1, { 16, 1, 0, 5, 0, 9 } },
         -1,
         ERROR_LIMIT,									     16 * 512,
         ""														       },
	{ "a chain behind the end", { { 0, 3, 0, 5, 64, 1 } },               -1, ERROR_TRUNCATED, 64 * 512, ""                    },
	{ "a next one behind it",
         { EXTENDED, LOGICAL_1, { 16, 1, 0, 5, 60, 9 } },
         -1,
         ERROR_TRUNCATED,									 76 * 512,
         ""														       },
};

static void put(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void make(const struct mbr_case *row, uint8_t *image)
{
	memset(image, 0, SECTORS * 512);
	image[510] = 0x55;
	image[511] = 0xaa;
	for (size_t i = 0; i < ARRAY_SIZE(row->written) && row->written[i].n; i++) {
		const struct written *written = &row->written[i];
		uint8_t *table = image + (size_t)written->table * 512;
		uint8_t *at = table + 446 + 16 * written->entry;

		table[510] = 0x55;
		table[511] = 0xaa;
		at[0] = written->status;
		at[4] = written->type;
		put(at + 8, written->first);
		put(at + 12, written->n);
	}
}

static int read_mbr(const uint8_t *image, size_t size, struct buf *text, struct error *err)
{
	AUTO(disk_freep) struct disk *disk = NULL;
	struct mbr mbr;
	int status;

	if (disk_open_bytes(bytes_of(image, size), "image", &disk, err) < 0)
		return -1;
	status = disk_mbr(disk, &mbr, err);
	for (size_t i = 0; status > 0 && i < mbr.n; i++)
		buf_printf(text, "%u %u %u;", mbr.partitions[i].number,
			   (unsigned)(mbr.partitions[i].start / 512),
			   (unsigned)(mbr.partitions[i].size / 512));
	return status;
}

static void mbr(void **state)
{
	const struct mbr_case *row = *state;
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(own_free) uint8_t *image = malloc(SECTORS * 512);
	struct error err = { 0 };

	assert_non_null(image);
	make(row, image);
	assert_int_equal(read_mbr(image, SECTORS * 512, &text, &err), row->status);
	if (row->status < 0)
		test_error(&err, row->code, row->offset);
	assert_string_equal(text.size ? (char *)text.data : "", row->expected);
}

static void cut_and_flip(void **state)
{
	AUTO(own_free) uint8_t *image = malloc(SECTORS * 512);

	(void)state;
	assert_non_null(image);
	for (size_t i = 0; i < SECTORS * 512; i++) {
		AUTO(buf_clear) struct buf text = BUF_INIT;
		uint8_t *cut = malloc(i + 1);
		struct error err;

		make(&mbr_cases[1], image);
		assert_non_null(cut);
		memcpy(cut, image, i);
		(void)read_mbr(cut, i, &text, &err);
		image[i] ^= 0x81;
		(void)read_mbr(image, SECTORS * 512, &text, &err);
		free(cut);
	}
}

/* A partition has to lie in the image. */
static void outside(void **state)
{
	static const struct mbr_partition partitions[] = {
		{1,  64 * 512,   512       },
		{ 2, 63 * 512,   1024      },
		{ 3, UINT64_MAX, 1         },
		{ 4, 512,        UINT64_MAX},
	};
	static const uint8_t image[SECTORS * 512];
	AUTO(disk_freep) struct disk *disk = NULL;
	struct volume *volume = NULL;
	struct error err;

	(void)state;
	assert_int_equal(disk_open_bytes(bytes_of(image, sizeof(image)), "image", &disk, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(partitions); i++) {
		assert_int_equal(volume_of_mbr_partition(disk, &partitions[i], &volume, &err), -1);
		test_error(&err, ERROR_MALFORMED, ERROR_NO_OFFSET);
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, mbr, mbr_cases);
	TEST(&tests, cut_and_flip);
	TEST(&tests, outside);
	return test_run(&tests, "core/disk/mbr");
}
