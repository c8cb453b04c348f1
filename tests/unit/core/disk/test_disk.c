/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GPT, field by field, and what all volumes share. Whether names, bytes and order are right,
 * tests/e2e/disk.sh asks other programs. The images are those of the fuzz target: made by sgdisk,
 * mkfs.vfat and mke2fs.
 */
#include "core/disk/disk.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/own.h"
#include "tests/unit/test.h"

#define CORPUS     "tests/fuzz/corpus/disk/"
#define HEADER_AT  512
#define ENTRIES_AT 1024

/* CRC-32 bit by bit, apart from the code under test. */
static uint32_t crc32(const uint8_t *data, size_t size)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void put(uint8_t *at, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void fix_header_crc(uint8_t *image)
{
	uint8_t *header = image + HEADER_AT;
	size_t size = (size_t)header[12] | (size_t)header[13] << 8;

	put(header + 16, 0, 4);
	put(header + 16, crc32(header, size > 512 ? 512 : size), 4);
}

/* --- the GPT -------------------------------------------------------------------------------- */

static const struct gpt_case {
	const char *name;
	size_t at, size; /* what is patched */
	uint64_t value;
	bool fix_crc;
	enum error_code code;
	uint64_t offset;
} gpt_cases[] = {
	{"no signature",                   512,              1, 'e',        false, ERROR_MALFORMED,   512},
	{ "another revision",              520,              4, 0x20000,    true,  ERROR_UNSUPPORTED, 520},
	{ "a header too small",            524,              4, 91,         true,  ERROR_MALFORMED,   524},
	{ "a header larger than a sector", 524,              4, 513,        true,  ERROR_MALFORMED,   524},
	{ "wrong checksum",                528,              4, 0x12345678, false, ERROR_MALFORMED,   528},
	{ "not at its own LBA",            536,              8, 2,          true,  ERROR_MALFORMED,   536},
	{ "entries beyond any disk",       584,              8, UINT64_MAX, true,  ERROR_MALFORMED,   584},
	{ "entries beyond the image",      584,              8, 90,         true,  ERROR_TRUNCATED,   584},
	{ "no entries",                    592,              4, 0,          true,  ERROR_MALFORMED,   592},
	{ "too many entries",              592,              4, 0x10000,    true,  ERROR_LIMIT,       592},
	{ "a product that wraps",          592,              4, UINT32_MAX, true,  ERROR_LIMIT,       592},
	{ "entries too small",             596,              4, 64,         true,  ERROR_MALFORMED,   596},
	{ "entries of an odd size",        596,              4, 192,        true,  ERROR_MALFORMED,   596},
	{ "wrong checksum of the entries", 600,              4, 1,          true,  ERROR_MALFORMED,   600},
	{ "another entry",                 ENTRIES_AT + 128, 1, 1,          false, ERROR_MALFORMED,   600},
};

static void gpt(void **state)
{
	const struct gpt_case *row = *state;
	struct bytes file = test_file(CORPUS "gpt");
	uint8_t *image = malloc(file.size);
	struct disk *disk = NULL;
	struct error err;

	assert_non_null(image);
	memcpy(image, file.data, file.size);
	put(image + row->at, row->value, row->size);
	if (row->fix_crc)
		fix_header_crc(image);
	assert_int_equal(disk_open_bytes(bytes_of(image, file.size), "gpt", &disk, &err), -1);
	assert_null(disk);
	test_error(&err, row->code, row->offset);
	free(image);
	test_drop(file);
}

static void gpt_event(void **state)
{
	struct bytes file = test_file(CORPUS "gpt");
	AUTO(disk_freep) struct disk *disk = NULL;
	AUTO(buf_clear) struct buf event = BUF_INIT;
	const struct partition *partitions;
	struct error err;
	size_t n;

	(void)state;
	assert_int_equal(disk_open_bytes(file, "gpt", &disk, &err), 0);
	assert_true(disk_has_gpt(disk));
	partitions = disk_partitions(disk, &n);
	assert_int_equal(n, 1);
	assert_int_equal(partitions[0].number, 1);
	assert_int_equal(partitions[0].first_lba, 34);
	assert_int_equal(partitions[0].last_lba, 60);
	assert_string_equal(partitions[0].name, "esp");
	assert_int_equal(disk_gpt_event(disk, &event, &err), 0);
	assert_int_equal(event.size, 92 + 8 + 128);
	test_bytes(bytes_of(event.data, 92), bytes_of(file.data + HEADER_AT, 92));
	test_bytes_hex(bytes_of(event.data + 92, 8), "0100000000000000");
	test_bytes(bytes_of(event.data + 100, 128), bytes_of(file.data + ENTRIES_AT, 128));
	test_drop(file);
}

/* A header without a protective MBR is none to firmware. */
static void no_mbr(void **state)
{
	struct bytes file = test_file(CORPUS "gpt");
	uint8_t *image = malloc(file.size);
	AUTO(disk_freep) struct disk *disk = NULL;
	AUTO(buf_clear) struct buf event = BUF_INIT;
	struct error err;

	(void)state;
	assert_non_null(image);
	memcpy(image, file.data, file.size);
	image[450] = 0x83;
	assert_int_equal(disk_open_bytes(bytes_of(image, file.size), "gpt", &disk, &err), 0);
	assert_false(disk_has_gpt(disk));
	assert_int_equal(disk_gpt_event(disk, &event, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	free(image);
	test_drop(file);
}

/* Cut at every length: what is left is no GPT, or an error. */
static void gpt_cut(void **state)
{
	struct bytes file = test_file(CORPUS "gpt");

	(void)state;
	for (size_t size = 0; size < ENTRIES_AT + 128 * 128; size += size < 1300 ? 1 : 61) {
		struct bytes cut = test_copy(bytes_of(file.data, size));
		struct disk *disk = NULL;
		struct error err;

		if (disk_open_bytes(cut, "gpt", &disk, &err) == 0)
			assert_false(disk_has_gpt(disk));
		disk_free(disk);
		test_drop(cut);
	}
	test_drop(file);
}

/* No byte of what is measured can change unseen: the checksums cover all of it. */
static void gpt_flip(void **state)
{
	struct bytes file = test_file(CORPUS "gpt");
	uint8_t *image = malloc(file.size);

	(void)state;
	assert_non_null(image);
	memcpy(image, file.data, file.size);
	for (size_t at = HEADER_AT; at < ENTRIES_AT + 256; at += at == HEADER_AT + 91 ? 421 : 1) {
		struct disk *disk = NULL;
		struct error err;

		image[at] ^= 0x10;
		assert_int_equal(disk_open_bytes(bytes_of(image, file.size), "gpt", &disk, &err),
				 -1);
		image[at] ^= 0x10;
	}
	free(image);
	test_drop(file);
}

/* --- volumes -------------------------------------------------------------------------------- */

static const struct volume_case {
	const char *name, *file, *path;
	int found;
	const char *contents;
} volume_cases[] = {
	{"a long name in FAT",       "fat",  "/EFI/a long name.efi",               1, "hello\n"},
	{ "its short name",          "fat",  "/EFI/ALONGN~1.EFI",                  1, "hello\n"},
	{ "any case, other slashes", "fat",  "efi\\A LONG NAME.EFI",               1, "hello\n"},
	{ "many slashes",            "fat",  "///EFI//a long name.efi",            1, "hello\n"},
	{ "above the root",          "fat",  "../EFI/../../EFI/./a long name.efi", 1, "hello\n"},
	{ "not there",               "fat",  "/EFI/none",                          0, NULL     },
	{ "a directory is no file",  "fat",  "/EFI",                               0, NULL     },
	{ "a file is no directory",  "fat",  "/EFI/a long name.efi/x",             0, NULL     },
	{ "the root is no file",     "fat",  "/",                                  0, NULL     },
	{ "ext4",		    "ext",  "/loader/x.conf",                     1, "hi\n"   },
	{ "ext4, case matters",      "ext",  "/LOADER/x.conf",                     0, NULL     },
	{ "a link in ext4",          "ext",  "/link",                              1, "hi\n"   },
	{ "ext2",		    "ext2", "/loader/x.conf",                     1, "hi\n"   },
	{ "a link in ext2",          "ext2", "/link",                              1, "hi\n"   },
};

static struct volume *open_image(const char *name, struct bytes *file, struct disk **disk)
{
	struct volume *volume;
	struct error err;
	char path[128];

	snprintf(path, sizeof(path), CORPUS "%s", name);
	*file = test_file(path);
	assert_int_equal(disk_open_bytes(*file, name, disk, &err), 0);
	assert_int_equal(volume_of_disk(*disk, &volume, &err), 0);
	return volume;
}

static void volume(void **state)
{
	const struct volume_case *row = *state;
	AUTO(buf_clear) struct buf contents = BUF_INIT;
	struct volume_entry entry;
	struct bytes file;
	struct disk *disk;
	struct volume *opened = open_image(row->file, &file, &disk);
	struct error err;

	assert_int_equal(volume_read(opened, row->path, 1000, &contents, &err), row->found);
	if (row->found) {
		assert_true(bytes_equal_string(buf_bytes(&contents), row->contents));
		assert_int_equal(volume_stat(opened, row->path, &entry, &err), 1);
		assert_int_equal(entry.size, strlen(row->contents));
		buf_clear(&contents);
		assert_int_equal(volume_read(opened, row->path, 2, &contents, &err), -1);
		test_error(&err, ERROR_LIMIT, ERROR_NO_OFFSET);
	}
	volume_free(opened);
	disk_free(disk);
	test_drop(file);
}

static void long_path(void **state)
{
	struct bytes file;
	struct disk *disk;
	struct volume *opened = open_image("ext", &file, &disk);
	struct volume_entry entry;
	struct error err;
	char path[VOLUME_PATH_MAX + 1];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(volume_stat(opened, path, &entry, &err), -1);
	test_error(&err, ERROR_LIMIT, ERROR_NO_OFFSET);
	volume_free(opened);
	disk_free(disk);
	test_drop(file);
}

static int stop(void *ctx, struct bytes block, struct error *err)
{
	(void)ctx;
	(void)block;
	return error_set(err, ERROR_SYSTEM, "stop", 7, "enough");
}

/* An error of who reads is handed on as it is. */
static void stopped(void **state)
{
	struct bytes file;
	struct disk *disk;
	struct volume *opened = open_image("fat", &file, &disk);
	struct error err;

	(void)state;
	assert_int_equal(volume_stream(opened, "/EFI/a long name.efi", stop, NULL, &err), -1);
	test_error(&err, ERROR_SYSTEM, 7);
	volume_free(opened);
	disk_free(disk);
	test_drop(file);
}

static int read_all(struct bytes image, struct buf *contents, struct error *err)
{
	AUTO(disk_freep) struct disk *disk = NULL;
	AUTO(volume_freep) struct volume *opened = NULL;

	if (disk_open_bytes(image, "image", &disk, err) < 0 ||
	    volume_of_disk(disk, &opened, err) < 0)
		return -1;
	return volume_read(opened, "/link", 100, contents, err) < 0 ? -1 : 0;
}

static void out_of_memory(void **state)
{
	struct bytes file = test_file(CORPUS "ext");
	unsigned n = 0;
	int status;

	(void)state;
	do {
		AUTO(buf_clear) struct buf contents = BUF_INIT;
		struct error err;

		test_alloc_fail(++n);
		status = read_all(file, &contents, &err);
		if (status < 0)
			assert_int_equal(err.code, ERROR_SYSTEM);
		else
			assert_true(bytes_equal_string(buf_bytes(&contents), "hi\n"));
	} while (test_alloc_failed() && n < 1000);
	test_alloc_fail(0);
	assert_int_equal(status, 0);
	assert_true(n > 5);
	test_drop(file);
}

/* --- walks ----------------------------------------------------------------------------------- */

struct walked {
	struct buf text; /* "path size;" of each member, "!path;" of each trouble */
	int stop_after;  /* 0: never */
};

static int walked_member(void *ctx, const struct volume_member *member, struct error *err)
{
	struct walked *walked = ctx;

	buf_append(&walked->text, member->path);
	if (member->type == VOLUME_ENTRY_FILE)
		buf_printf(&walked->text, " %u", (unsigned)member->size);
	buf_append_string(&walked->text, ";");
	if (walked->stop_after && --walked->stop_after == 0)
		return error_set(err, ERROR_SYSTEM, "stop", 7, "enough");
	return 0;
}

static int walked_trouble(void *ctx, struct bytes path, const struct error *problem,
			  struct error *err)
{
	struct walked *walked = ctx;

	(void)problem;
	(void)err;
	buf_append_string(&walked->text, "!");
	buf_append(&walked->text, path);
	buf_append_string(&walked->text, ";");
	return 0;
}

/* What mdir, debugfs and isoinfo list in the images of the fuzz target: tests/fuzz/corpus/image. */
static const struct walk_case {
	const char *name, *image, *dir;
	unsigned depth_max;
	const char *text;
	int status;
} walk_cases[] = {
	{"ext4",               "ext4", "/case/ca", 0, "root.pem 1468;", 1},
	{ "FAT, in any case",  "fat",  "case/CA",  0, "root.pem 1468;", 1},
	{ "ISO 9660",          "iso",  "/case/ca", 0, "root.pem 1468;", 1},
	{ "one level",         "ext4", "x",        1, "n 3;",           1},
	{ "the top of a CD",   "iso",  "/",        1, "case;x;",        1},
	{ "the top of a FAT",  "fat",  "",         1, "case;",          1},
	{ "no such directory", "fat",  "none",     0, "",               0},
	{ "a file",            "ext4", "x/n",      0, "",               0},
};

static int walk_image(struct bytes image, const struct walk_case *row, struct walked *walked,
		      uint64_t max, struct error *err)
{
	struct volume_walk walk = { .depth_max = row->depth_max,
				    .member = walked_member,
				    .trouble = walked_trouble,
				    .ctx = walked };
	AUTO(disk_freep) struct disk *disk = NULL;
	AUTO(volume_freep) struct volume *opened = NULL;

	if (disk_open_bytes(image, "image", &disk, err) < 0 ||
	    volume_of_disk(disk, &opened, err) < 0)
		return -1;
	disk_limit(disk, max);
	return volume_walk(opened, row->dir, &walk, err);
}

static void walk(void **state)
{
	const struct walk_case *row = *state;
	AUTO(buf_clear) struct buf path = BUF_INIT;
	struct walked walked = { .text = BUF_INIT };
	struct bytes file;
	struct error err;

	buf_printf(&path, "tests/fuzz/corpus/image/%s", row->image);
	file = test_file((char *)path.data);
	assert_int_equal(walk_image(file, row, &walked, UINT64_MAX, &err), row->status);
	if (*row->text)
		assert_string_equal((char *)walked.text.data, row->text);
	else
		assert_int_equal(walked.text.size, 0);
	buf_clear(&walked.text);
	test_drop(file);
}

/* A function that ends the walk, memory that runs out, and more reading than is allowed. */
static void walk_ends(void **state)
{
	static const struct walk_case all = { "all", "ext4", "", 0, "", 1 };
	struct bytes file = test_file("tests/fuzz/corpus/image/ext4");
	struct walked walked = { .text = BUF_INIT, .stop_after = 2 };
	struct error err;
	unsigned n = 0;
	int status;

	(void)state;
	assert_int_equal(walk_image(file, &all, &walked, UINT64_MAX, &err), -1);
	test_error(&err, ERROR_SYSTEM, 7);
	walked.text.size = 0;
	assert_int_equal(walk_image(file, &all, &walked, 0, &err), 1);
	assert_string_equal((char *)walked.text.data, "!;");
	walked.text.size = 0;
	assert_int_equal(walk_image(file, &all, &walked, 4096, &err), 1);
	assert_non_null(strchr((char *)walked.text.data, '!'));
	do {
		walked.text.size = 0;
		test_alloc_fail(++n);
		status = walk_image(file, &all, &walked, UINT64_MAX, &err);
		if (status < 0)
			assert_int_equal(err.code, ERROR_SYSTEM);
	} while (test_alloc_failed() && n < 1000);
	test_alloc_fail(0);
	assert_int_equal(status, 1);
	assert_true(n > 5);
	buf_clear(&walked.text);
	test_drop(file);
}

/* Each file system that is told by its magic bytes, in an image of 80 KiB of zeros. */
static const struct foreign_case {
	const char *name, *magic;
	size_t size, at;
} foreign_cases[] = {
	{"XFS",			"XFSB",         4,  0      },
	{ "btrfs",		     "_BHRfS_M",     8,  0x10040},
	{ "a LUKS volume (encrypted)", "LUKS\xba\xbe", 6,  0      },
	{ "an LVM physical volume",    "LABELONE",     8,  512    },
	{ "swap space",                "SWAPSPACE2",   10, 4086   },
	{ "SquashFS",                  "hsqs",         4,  0      },
};

static void foreign(void **state)
{
	const struct foreign_case *row = *state;
	AUTO(own_free) uint8_t *image = calloc(1, 80 << 10);
	AUTO(disk_freep) struct disk *disk = NULL;
	struct volume *opened = NULL;
	const char *name;
	struct error err;

	assert_non_null(image);
	memcpy(image + row->at, row->magic, row->size);
	assert_int_equal(disk_open_bytes(bytes_of(image, 80 << 10), "foreign", &disk, &err), 0);
	assert_int_equal(volume_of_disk(disk, &opened, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, row->at);
	assert_non_null(strstr(err.message, row->name));
	assert_int_equal(disk_foreign(disk, &name, &err), 0);
	assert_string_equal(name, row->name);
}

static void no_file_system(void **state)
{
	static uint8_t zeros[70000];
	AUTO(disk_freep) struct disk *disk = NULL;
	struct volume *opened = NULL;
	struct error err;

	(void)state;
	assert_int_equal(disk_open_bytes(bytes_of(zeros, sizeof(zeros)), "zeros", &disk, &err), 0);
	assert_int_equal(volume_of_disk(disk, &opened, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, 0);
	assert_int_equal(volume_of_el_torito(disk, &opened, &err), 0);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, gpt, gpt_cases);
	TEST(&tests, gpt_event);
	TEST(&tests, no_mbr);
	TEST(&tests, gpt_cut);
	TEST(&tests, gpt_flip);
	TEST_ROWS(&tests, volume, volume_cases);
	TEST(&tests, long_path);
	TEST(&tests, stopped);
	TEST(&tests, out_of_memory);
	TEST_ROWS(&tests, walk, walk_cases);
	TEST(&tests, walk_ends);
	TEST_ROWS(&tests, foreign, foreign_cases);
	TEST(&tests, no_file_system);
	return test_run(&tests, "core/disk");
}
