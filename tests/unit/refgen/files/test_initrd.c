/* SPDX-License-Identifier: BSD-2-Clause */
#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "refgen/files/files.h"
#include "tests/unit/test.h"

/* --- making images --------------------------------------------------------------------------------- */

static void pad(struct buf *out, size_t to)
{
	while (out->size % to)
		buf_append_u8(out, 0);
}

static void add_link_of(struct buf *out, uint32_t ino, uint32_t nlink, uint32_t mode,
			const char *name, const char *data)
{
	buf_printf(out, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", ino, mode,
		   0u, 0u, nlink, 0u, strlen(data), 0u, 0u, 0u, 0u, strlen(name) + 1, 0u);
	buf_append(out, bytes_of(name, strlen(name) + 1));
	pad(out, 4);
	buf_append_string(out, data);
	pad(out, 4);
}

static void add(struct buf *out, uint32_t mode, const char *name, const char *data)
{
	add_link_of(out, 1, 1, mode, name, data);
}

static void add_file(struct buf *out, const char *name, const char *data)
{
	add(out, S_IFREG | 0644, name, data);
}

static void trailer(struct buf *out)
{
	add(out, 0, "TRAILER!!!", "");
}

/* Compresses with libarchive, whose readers are not under test here. */
static void append_packed(struct buf *out, enum compression compression, const struct buf *in)
{
	static int (*const filters[COMPRESSION_COUNT])(struct archive *) = {
		[COMPRESSION_GZIP] = archive_write_add_filter_gzip,
		[COMPRESSION_BZIP2] = archive_write_add_filter_bzip2,
		[COMPRESSION_XZ] = archive_write_add_filter_xz,
		[COMPRESSION_LZMA] = archive_write_add_filter_lzma,
		[COMPRESSION_ZSTD] = archive_write_add_filter_zstd,
		[COMPRESSION_LZ4] = archive_write_add_filter_lz4,
	};
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	size_t room = in->size + 65536, used = 0;
	uint8_t *packed = malloc(room);

	assert_non_null(packed);
	archive_write_set_format_raw(archive);
	assert_int_equal(filters[compression](archive), ARCHIVE_OK);
	archive_write_set_bytes_in_last_block(archive, 1);
	assert_int_equal(archive_write_open_memory(archive, packed, room, &used), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(archive, in->data, in->size), in->size);
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	buf_append(out, bytes_of(packed, used));
	archive_entry_free(entry);
	archive_write_free(archive);
	free(packed);
}

/* --- what is in them --------------------------------------------------------------------------------- */

/* The files and links found, one line each: path, and of a file the first digits of its SHA-256. */
static int list(struct bytes image, struct buf *out, struct error *err)
{
	AUTO(content_freep) struct content *content = NULL;
	AUTO(file_set_freep) struct file_set *set = NULL;
	char hex[DIGEST_HEX_SIZE];

	if (content_new(&content, err) < 0 ||
	    initrd_artifact(image, "dir/initrd.img", 1u << ALG_SHA256, &set, err) < 0 ||
	    initrd_read(image, "dir/initrd.img", content, set, err) < 0)
		return -1;
	for (size_t i = 0; i < set->n_files; i++) {
		assert_int_equal(set->files[i].n_digests, 1);
		buf_append(out, set->files[i].path);
		buf_printf(out, " %o %.8s\n", set->files[i].mode & 07777,
			   digest_hex(&set->files[i].digests[0], hex));
	}
	for (size_t i = 0; i < set->n_links; i++) {
		buf_append(out, set->links[i].path);
		buf_append_string(out, " -> ");
		buf_append(out, set->links[i].target);
		buf_append_string(out, "\n");
	}
	return buf_finish(out, err);
}

/* printf %s NAME | sha256sum */
#define NOTHING "e3b0c442"
#define ONE     "7692c3ad" /* one */
#define TWO     "3fc4ccfe" /* two */
#define THREE   "8b5b9db0" /* three */

static void check(const struct buf *image, const char *expected)
{
	struct bytes exact = test_copy(buf_bytes(image));
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };
	char line[2048];

	if (list(exact, &out, &err) < 0) {
		error_format(&err, line, sizeof(line));
		fail_msg("%s", line);
	}
	assert_string_equal((char *)out.data, expected);
	test_drop(exact);
}

static const struct packing_case {
	const char *name;
	enum compression compression;
} packings[] = {
	{"none",   COMPRESSION_NONE },
        { "gzip",  COMPRESSION_GZIP },
        { "bzip2", COMPRESSION_BZIP2},
	{ "xz",    COMPRESSION_XZ   },
        { "lzma",  COMPRESSION_LZMA },
        { "zstd",  COMPRESSION_ZSTD },
	{ "lz4",   COMPRESSION_LZ4  },
};

/* Microcode first, as dracut and initramfs-tools put it; then an archive in one compression and a
 * further one in another; zeros between and after them. */
static void segments(void **state)
{
	const struct packing_case *row = *state;

	for (enum compression second = 0; second < COMPRESSION_COUNT; second++) {
		AUTO(buf_clear)
		struct buf early = BUF_INIT, main = BUF_INIT, extra = BUF_INIT, image = BUF_INIT;

		add(&early, S_IFDIR | 0755, "kernel", "");
		add_file(&early, "kernel/x86/microcode/GenuineIntel.bin", "one");
		trailer(&early);
		add(&main, S_IFREG | 0755, "init", "two");
		trailer(&main);
		add_file(&extra, "extra", "three");
		trailer(&extra);
		buf_append(&image, buf_bytes(&early));
		pad(&image, 512);
		if (row->compression == COMPRESSION_NONE)
			buf_append(&image, buf_bytes(&main));
		else
			append_packed(&image, row->compression, &main);
		pad(&image, second % 2 ? 4 : 512);
		if (second == COMPRESSION_NONE)
			buf_append(&image, buf_bytes(&extra));
		else
			append_packed(&image, second, &extra);
		buf_append(&image, bytes_of("\0\0\0\0\0\0", second));
		check(&image, "/extra 644 " THREE "\n"
			      "/init 755 " TWO "\n"
			      "/kernel/x86/microcode/GenuineIntel.bin 644 " ONE "\n");
	}
}

/* Several archives in one stream, as concatenated archives compressed together are. */
static void archives_in_a_stream(void **state)
{
	const struct packing_case *row = *state;
	AUTO(buf_clear) struct buf in = BUF_INIT, image = BUF_INIT;

	add_file(&in, "1", "one");
	trailer(&in);
	pad(&in, 512);
	add_file(&in, "2", "two");
	trailer(&in);
	pad(&in, 512);
	append_packed(&image, row->compression, &in);
	append_packed(&image, row->compression, &in);
	check(&image, "/1 644 " ONE "\n/2 644 " TWO "\n");
}

static void names(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT;

	(void)state;
	add(&image, S_IFDIR | 0755, ".", "");
	add(&image, S_IFDIR | 0755, "/", "");
	add_file(&image, "./a", "one");
	add_file(&image, "/b", "one");
	add_file(&image, "c//d", "one");
	add_file(&image, "e/./f", "one");
	add_file(&image, "..g", "one");
	add(&image, S_IFCHR | 0600, "dev/console", "");
	add(&image, S_IFIFO | 0600, "fifo", "");
	trailer(&image);
	check(&image, "/..g 644 " ONE "\n/a 644 " ONE "\n/b 644 " ONE "\n/c/d 644 " ONE
		      "\n/e/f 644 " ONE "\n");
}

/* What is there in the end, as the kernel's do_name() and maybe_link() leave it. */
static void later_entries_replace(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT;

	(void)state;
	add_file(&image, "file", "one");
	add_file(&image, "now-a-link", "one");
	add_file(&image, "now-a-directory", "one");
	add_file(&image, "now-a-device", "one");
	add(&image, S_IFLNK | 0777, "now-a-file", "file");
	add(&image, S_IFLNK | 0777, "link", "old");
	trailer(&image);
	add(&image, S_IFREG | 0755, "file", "two");
	add(&image, S_IFLNK | 0777, "now-a-link", "file");
	add(&image, S_IFDIR | 0755, "now-a-directory", "");
	add(&image, S_IFCHR | 0600, "now-a-device", "");
	add_file(&image, "now-a-file", "three");
	add(&image, S_IFLNK | 0777, "link", "new");
	trailer(&image);
	check(&image, "/file 755 " TWO "\n/now-a-file 644 " THREE "\n"
		      "/link -> new\n/now-a-link -> file\n");
}

static void hard_links(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT;

	(void)state;
	/* GNU cpio: data with the last. */
	add_link_of(&image, 7, 3, S_IFREG | 0644, "a1", "");
	add_link_of(&image, 7, 3, S_IFREG | 0644, "a2", "");
	add_link_of(&image, 7, 3, S_IFREG | 0755, "a3", "one");
	/* Others: with the first. */
	add_link_of(&image, 8, 2, S_IFREG | 0644, "b1", "two");
	add_link_of(&image, 8, 2, S_IFREG | 0644, "b2", "");
	/* None at all. */
	add_link_of(&image, 9, 2, S_IFREG | 0644, "c1", "");
	add_link_of(&image, 9, 2, S_IFREG | 0644, "c2", "");
	/* One name only: no link, whatever the number. */
	add_link_of(&image, 7, 1, S_IFREG | 0644, "d", "three");
	trailer(&image);
	/* The trailer ends their being links ... */
	add_link_of(&image, 7, 2, S_IFREG | 0644, "e", "two");
	/* ... but a file written anew is written under all its names. */
	add_file(&image, "b1", "three");
	trailer(&image);
	check(&image,
	      "/a1 755 " ONE "\n/a2 755 " ONE "\n/a3 755 " ONE "\n/b1 644 " THREE "\n/b2 644 " THREE
	      "\n/c1 644 " NOTHING "\n/c2 644 " NOTHING "\n/d 644 " THREE "\n/e 644 " TWO "\n");
}

/* IMA names a file by where it is, not by the links on the way to it. */
static void links_on_the_way(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT;

	(void)state;
	add(&image, S_IFLNK | 0777, "lib", "usr/lib");
	add(&image, S_IFLNK | 0777, "bin", "/usr/bin");
	add(&image, S_IFLNK | 0777, "var/run", "../run");
	add(&image, S_IFLNK | 0777, "up", "../../..");
	add_file(&image, "lib/a", "one");
	add_file(&image, "bin/b", "one");
	add_file(&image, "var/run/c", "one");
	add_file(&image, "up/d", "one");
	add_file(&image, "lib/deeper/e", "one");
	trailer(&image);
	check(&image, "/d 644 " ONE "\n/run/c 644 " ONE "\n/usr/bin/b 644 " ONE
		      "\n/usr/lib/a 644 " ONE "\n/usr/lib/deeper/e 644 " ONE
		      "\n/bin -> /usr/bin\n/lib -> usr/lib\n/up -> ../../..\n/var/run -> ../run\n");
}

static void the_artifact(void **state)
{
	AUTO(file_set_freep) struct file_set *set = NULL;
	char hex[DIGEST_HEX_SIZE];

	(void)state;
	assert_int_equal(initrd_artifact(bytes_of_string("one"), "dir/initrd.img", 1u << ALG_SHA1,
					 &set, NULL),
			 0);
	assert_int_equal(set->artifact.kind, ARTIFACT_INITRD);
	assert_int_equal(set->artifact.size, 3);
	assert_true(bytes_equal_string(set->artifact.name, "initrd.img"));
	digest_hex(&set->artifact.digest, hex);
	assert_memory_equal(hex, ONE, 8);
	assert_int_equal(set->algs, 1u << ALG_SHA1);
}

/* --- what is refused ------------------------------------------------------------------------------- */

static void refuse(const struct buf *image, enum error_code code, uint64_t offset)
{
	struct bytes exact = test_copy(buf_bytes(image));
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };

	assert_int_equal(list(exact, &out, &err), -1);
	test_error(&err, code, offset);
	test_drop(exact);
}

static const struct rest_case {
	const char *name, *rest; /* after an archive of 368 bytes; a dot stands for a NUL */
	enum error_code code;
	uint64_t offset;
} bad_rests[] = {
	{"junk",			"....junk",           ERROR_MALFORMED,   368 + 4},
	{ "junk at once",               "junk",               ERROR_MALFORMED,   368    },
	{ "an archive at an odd place", ".070701",            ERROR_MALFORMED,   368 + 1},
	{ "half an archive",            "070701",             ERROR_TRUNCATED,   368 + 6},
	{ "the old form of cpio",       "070707",             ERROR_UNSUPPORTED, 368    },
	{ "a broken xz",
         "\xfd"
	  "7zXZ.......",				      ERROR_MALFORMED,   368    },
	{ "a gzip cut short",           "\x1f\x8b\x08......", ERROR_TRUNCATED,   368 + 9},
};

static void bad_rest(void **state)
{
	const struct rest_case *row = *state;
	AUTO(buf_clear) struct buf image = BUF_INIT;

	add_file(&image, "./init", "one");
	add_file(&image, "./a", "one");
	trailer(&image);
	assert_int_equal(image.size, 368);
	for (const char *c = row->rest; *c; c++)
		buf_append_u8(&image, *c == '.' ? 0 : (uint8_t)*c);
	refuse(&image, row->code, row->offset);
}

static void nothing_in_it(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT;

	(void)state;
	refuse(&image, ERROR_TRUNCATED, 0);
	buf_append(&image, bytes_of("\0\0\0\0\0", 5));
	refuse(&image, ERROR_TRUNCATED, 5);
}

static void no_trailer(void **state)
{
	const struct packing_case *row = *state;
	AUTO(buf_clear) struct buf in = BUF_INIT, image = BUF_INIT;
	struct error err = { 0 };
	AUTO(buf_clear) struct buf out = BUF_INIT;

	add_file(&in, "a", "one");
	if (row->compression == COMPRESSION_NONE)
		buf_append(&image, buf_bytes(&in));
	else
		append_packed(&image, row->compression, &in);
	assert_int_equal(list(buf_bytes(&image), &out, &err), -1);
	test_error(&err, ERROR_TRUNCATED, in.size);
	if (row->compression != COMPRESSION_NONE)
		assert_non_null(strstr(err.source, row->name));
}

static void junk_in_a_stream(void **state)
{
	const struct packing_case *row = *state;
	AUTO(buf_clear) struct buf in = BUF_INIT, image = BUF_INIT;

	add_file(&in, "a", "one");
	trailer(&in);
	buf_append_string(&in, "junk");
	append_packed(&image, row->compression, &in);
	refuse(&image, ERROR_MALFORMED, in.size - 4);
}

static const struct name_case {
	const char *name, *path;
} bad_names[] = {
	{"up",		".."           },
	{ "up and away",      "../etc/passwd"},
	{ "up in the middle", "usr/../init"  },
	{ "up at the end",    "usr/.."       },
	{ "absolute and up",  "/../init"     },
};

static void bad_name(void **state)
{
	const struct name_case *row = *state;
	AUTO(buf_clear) struct buf image = BUF_INIT;

	add_file(&image, row->path, "one");
	trailer(&image);
	refuse(&image, ERROR_MALFORMED, 0);
}

static void links_in_a_circle(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT;
	uint64_t at;

	(void)state;
	add(&image, S_IFLNK | 0777, "a", "b");
	add(&image, S_IFLNK | 0777, "b", "a");
	at = image.size;
	add_file(&image, "a/x", "one");
	trailer(&image);
	refuse(&image, ERROR_LIMIT, at);
}

static void a_link_to_nothing(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT;

	(void)state;
	add(&image, S_IFLNK | 0777, "a", "");
	trailer(&image);
	refuse(&image, ERROR_LIMIT, 0);
}

static void sample(struct buf *image)
{
	AUTO(buf_clear) struct buf main = BUF_INIT;

	add(image, S_IFLNK | 0777, "lib", "usr/lib");
	add_link_of(image, 7, 2, S_IFREG | 0644, "a1", "");
	add_link_of(image, 7, 2, S_IFREG | 0644, "a2", "one");
	trailer(image);
	pad(image, 16);
	add_file(&main, "lib/x.ko", "two");
	trailer(&main);
	append_packed(image, COMPRESSION_ZSTD, &main);
}

static void cut_and_flipped(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT;
	size_t first_end;

	(void)state;
	sample(&image);
	first_end = 4 * 112 + 16; /* there the first archive is whole */
	for (size_t size = 0; size < image.size; size++) {
		struct bytes part = test_copy(bytes_of(image.data, size));
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct error err = { 0 };

		if (list(part, &out, &err) == 0) {
			assert_true(size >= first_end);
			assert_true(image.data[size] == 0 ||
				    bytes_all(bytes_of(part.data + size - 4, 4), 0) ||
				    compression_detect(
					    bytes_of(image.data + size, image.size - size)) ==
					    COMPRESSION_ZSTD);
		}
		test_drop(part);
	}
	for (size_t i = 0; i < 8 * image.size; i++) {
		struct bytes bad = test_copy(buf_bytes(&image));
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct error err = { 0 };

		((uint8_t *)(uintptr_t)bad.data)[i / 8] ^= (uint8_t)(1 << i % 8);
		(void)list(bad, &out, &err);
		test_drop(bad);
	}
}

static void allocations(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT;

	(void)state;
	sample(&image);
	for (unsigned n = 1;; n++) {
		AUTO(content_freep) struct content *content = NULL;
		AUTO(file_set_freep) struct file_set *set = NULL;
		struct error err = { 0 };
		int got;

		test_alloc_fail(n);
		if (content_new(&content, &err) < 0 ||
		    initrd_artifact(buf_bytes(&image), "i", 1u << ALG_SHA1, &set, &err) < 0)
			got = -1;
		else
			got = initrd_read(buf_bytes(&image), "i", content, set, &err);
		test_alloc_fail(0);
		if (got == 0) {
			assert_int_equal(set->n_files, 3);
			break;
		}
		assert_int_equal(err.code, ERROR_SYSTEM);
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, segments, packings);
	for (size_t i = 1; i < ARRAY_SIZE(packings); i++) /* those that are streams */
		test_add(&tests, "archives_in_a_stream", packings[i].name, archives_in_a_stream,
			 &packings[i]);
	TEST(&tests, names);
	TEST(&tests, later_entries_replace);
	TEST(&tests, hard_links);
	TEST(&tests, links_on_the_way);
	TEST(&tests, the_artifact);
	TEST_ROWS(&tests, bad_rest, bad_rests);
	TEST(&tests, nothing_in_it);
	TEST_ROWS(&tests, no_trailer, packings);
	for (size_t i = 1; i < ARRAY_SIZE(packings); i++)
		test_add(&tests, "junk_in_a_stream", packings[i].name, junk_in_a_stream,
			 &packings[i]);
	TEST_ROWS(&tests, bad_name, bad_names);
	TEST(&tests, links_in_a_circle);
	TEST(&tests, a_link_to_nothing);
	TEST(&tests, cut_and_flipped);
	TEST(&tests, allocations);
	return test_run(&tests, "refgen/files/initrd");
}
