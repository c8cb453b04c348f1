/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/rpm/filelist.h"

#include <sys/stat.h>

#include "tests/unit/refgen/rpm/build.h"
#include "tests/unit/test.h"

/* A list of n regular files: the arrays given, the rest made up. Everything is the caller's. */
struct made {
	struct buf bytes, signature_bytes;
	struct rpm_header main, signature;
	struct rpm_filelist list;
};

static void made_clear(struct made *made)
{
	rpm_filelist_clear(&made->list);
	rpm_header_clear(&made->main);
	rpm_header_clear(&made->signature);
	buf_clear(&made->bytes);
	buf_clear(&made->signature_bytes);
}

#define N_MAX 16

static void make_headers(struct made *made, struct build_header *main)
{
	struct build_header signature = { 0 };

	build_int32(&signature, RPMSIGTAG_SIZE, 0);
	build_finish(&signature, RPMTAG_HEADERSIGNATURES, &made->signature_bytes);
	build_finish(main, RPMTAG_HEADERIMMUTABLE, &made->bytes);
	assert_int_equal(rpm_header_parse(buf_bytes(&made->signature_bytes), RPM_HEADER_SIGNATURE,
					  0, "x", &made->signature, NULL),
			 0);
	assert_int_equal(rpm_header_parse(buf_bytes(&made->bytes), RPM_HEADER_MAIN, 0x100, "x",
					  &made->main, NULL),
			 0);
}

static int make(struct made *made, const char *const *dirs, uint32_t n_dirs,
		const char *const *bases, const uint32_t *indexes, const uint32_t *inodes,
		uint32_t n, struct error *err)
{
	struct build_header header = { 0 };
	uint32_t sizes[N_MAX] = { 0 }, devices[N_MAX] = { 0 };
	uint16_t modes[N_MAX];

	for (uint32_t i = 0; i < n; i++)
		modes[i] = S_IFREG | 0644;
	build_int32s(&header, RPMTAG_FILESIZES, sizes, n);
	build_int16s(&header, RPMTAG_FILEMODES, modes, n);
	if (inodes) {
		build_int32s(&header, RPMTAG_FILEDEVICES, devices, n);
		build_int32s(&header, RPMTAG_FILEINODES, inodes, n);
	}
	build_int32s(&header, RPMTAG_DIRINDEXES, indexes, n);
	build_strings(&header, RPMTAG_BASENAMES, bases, n);
	build_strings(&header, RPMTAG_DIRNAMES, dirs, n_dirs);
	make_headers(made, &header);
	return rpm_filelist_parse(&made->signature, &made->main, &made->list, err);
}

static const char *const some_dirs[] = { "/usr/bin/", "/", "/usr/" };
static const char *const some_bases[] = { "zz", "a", "bin", "", "a" };
static const uint32_t some_indexes[] = { 0, 0, 2, 1, 1 };
static const char *const some_paths[] = { "/usr/bin/zz", "/usr/bin/a", "/usr/bin", "/", "/a" };

static void paths_and_look_ups(void **state)
{
	AUTO(made_clear) struct made made = { 0 };
	static const char *const prefixes[] = { "", ".", "/.", NULL };
	char path[RPM_PATH_MAX];
	uint32_t hint, index;

	(void)state;
	assert_int_equal(make(&made, some_dirs, 3, some_bases, some_indexes, NULL, 5, NULL), 0);
	assert_int_equal(made.list.n_files, 5);
	assert_int_equal(made.list.digest_alg, ALG_MD5);
	for (uint32_t i = 0; i < 5; i++)
		assert_true(bytes_equal_string(rpm_file_path(&made.list.files[i], path),
					       some_paths[i]));
	/* whatever the hint: found ahead of it, or by the sorted paths */
	for (uint32_t start = 0; start < 6; start++)
		for (uint32_t i = 0; i < 5; i++)
			for (size_t k = 0; k < 2; k++) {
				snprintf(path, sizeof(path), "%s%s", prefixes[k], some_paths[i]);
				hint = start;
				assert_int_equal(rpm_filelist_find(&made.list,
								   bytes_of_string(path), &hint,
								   &index, NULL),
						 1);
				assert_int_equal(index, i);
				assert_int_equal(hint, i + 1);
			}
	hint = 0;
	assert_int_equal(rpm_filelist_find(&made.list, bytes_of_string("usr/bin/zz"), &hint, &index,
					   NULL),
			 1);
	assert_int_equal(index, 0);
	assert_int_equal(rpm_filelist_find(&made.list, bytes_of_string("./usr/bin/z"), &hint,
					   &index, NULL),
			 0);
	assert_int_equal(rpm_filelist_find(&made.list, bytes_of_string("./usr/bin/zzz"), &hint,
					   &index, NULL),
			 0);
	assert_int_equal(rpm_filelist_find(&made.list, bytes_of_string("./usr/bi"), &hint, &index,
					   NULL),
			 0);
}

static void hard_links(void **state)
{
	static const uint32_t rising[] = { 1, 2, 3, 4, 5 }, linked[] = { 1, 7, 7, 2, 7 },
			      zeros[] = { 0, 0, 0, 0, 0 };
	AUTO(made_clear) struct made made = { 0 };
	AUTO(made_clear) struct made none = { 0 };
	AUTO(made_clear) struct made unnumbered = { 0 };

	(void)state;
	assert_int_equal(make(&made, some_dirs, 3, some_bases, some_indexes, linked, 5, NULL), 0);
	assert_int_equal(made.list.files[0].group_size, 0);
	assert_int_equal(made.list.files[3].group_size, 0);
	for (uint32_t i = 1; i < 5; i++) {
		if (i == 3)
			continue;
		assert_int_equal(made.list.files[i].group_size, 3);
		assert_int_equal(made.list.groups[made.list.files[i].group_at], 1);
		assert_int_equal(made.list.groups[made.list.files[i].group_at + 1], 2);
		assert_int_equal(made.list.groups[made.list.files[i].group_at + 2], 4);
	}
	assert_true(rpm_filelist_has_content(&made.list, 0));
	assert_false(rpm_filelist_has_content(&made.list, 1));
	assert_false(rpm_filelist_has_content(&made.list, 2));
	assert_true(rpm_filelist_has_content(&made.list, 3));
	assert_true(rpm_filelist_has_content(&made.list, 4));

	assert_int_equal(make(&none, some_dirs, 3, some_bases, some_indexes, rising, 5, NULL), 0);
	assert_null(none.list.groups);
	assert_int_equal(make(&unnumbered, some_dirs, 3, some_bases, some_indexes, zeros, 5, NULL),
			 0);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(unnumbered.list.files[i].group_size, 0);
}

static void directory_out_of_range(void **state)
{
	static const uint32_t indexes[] = { 0, 3 };
	AUTO(made_clear) struct made made = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(make(&made, some_dirs, 3, some_bases, indexes, NULL, 2, &err), -1);
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_non_null(strstr(err.message, "file 1 is in directory 3 of 3"));
}

static void path_too_long(void **state)
{
	static char dir[3000], base[1200];
	const char *const dirs[] = { dir }, *const bases[] = { base };
	static const uint32_t indexes[] = { 0 };
	AUTO(made_clear) struct made fits = { 0 };
	AUTO(made_clear) struct made made = { 0 };
	struct error err = { 0 };

	(void)state;
	memset(dir, 'd', sizeof(dir) - 1);
	memset(base, 'b', 4095 - 2999);
	assert_int_equal(make(&fits, dirs, 1, bases, indexes, NULL, 1, NULL), 0);
	base[4095 - 2999] = 'b';
	assert_int_equal(make(&made, dirs, 1, bases, indexes, NULL, 1, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
}

static void paths_too_long_in_all(void **state)
{
	/* 70,000 files in one directory of 4,000 bytes: 280 MB of paths out of a small header. */
	static char dir[4001];
	const uint32_t n = 70000;
	struct build_header header = { 0 };
	AUTO(made_clear) struct made made = { 0 };
	struct error err = { 0 };

	(void)state;
	memset(dir, 'd', sizeof(dir) - 1);
	build_entry(&header, RPMTAG_FILESIZES, BUILD_INT32, n);
	memset(buf_extend(&header.data, 4 * n), 0, 4 * n);
	build_entry(&header, RPMTAG_FILEMODES, BUILD_INT16, n);
	memset(buf_extend(&header.data, 2 * n), 0, 2 * n);
	build_entry(&header, RPMTAG_DIRINDEXES, BUILD_INT32, n);
	memset(buf_extend(&header.data, 4 * n), 0, 4 * n);
	build_entry(&header, RPMTAG_BASENAMES, BUILD_STRINGS, n);
	memset(buf_extend(&header.data, n), 0, n);
	build_strings(&header, RPMTAG_DIRNAMES, (const char *const[]){ dir }, 1);
	make_headers(&made, &header);
	assert_int_equal(rpm_filelist_parse(&made.signature, &made.main, &made.list, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
}

static const struct count_case {
	const char *name;
	uint32_t tag, type;
} count_cases[] = {
	{"FILEDIGESTS",       RPMTAG_FILEDIGESTS,         BUILD_STRINGS},
	{ "FILELINKTOS",      RPMTAG_FILELINKTOS,         BUILD_STRINGS},
	{ "FILEFLAGS",        RPMTAG_FILEFLAGS,           BUILD_INT32  },
	{ "FILECAPS",         RPMTAG_FILECAPS,            BUILD_STRINGS},
	{ "FILESIGNATURES",   RPMTAG_FILESIGNATURES,      BUILD_STRINGS},
	{ "LONGFILESIZES",    RPMTAG_LONGFILESIZES,       BUILD_INT64  },
	{ "VERITYSIGNATURES", RPMSIGTAG_VERITYSIGNATURES, BUILD_STRINGS},
	{ "FILEINODES",       RPMTAG_FILEINODES,          BUILD_INT32  },
};

/* One value where there are two files. */
static void count_wrong(void **state)
{
	const struct count_case *row = *state;
	static const uint32_t sizes[] = { 0, 0 }, indexes[] = { 0, 0 };
	static const uint16_t modes[] = { 0100644, 0100644 };
	const uint32_t tags[] = { RPMTAG_FILESIZES, RPMTAG_FILEMODES, RPMTAG_DIRINDEXES,
				  RPMTAG_BASENAMES, RPMTAG_DIRNAMES };
	struct build_header header = { 0 };
	AUTO(made_clear) struct made made = { 0 };
	struct error err = { 0 };
	bool added = false;

	for (size_t i = 0; i <= ARRAY_SIZE(tags); i++) {
		if (!added && (i == ARRAY_SIZE(tags) || row->tag < tags[i])) {
			if (row->type == BUILD_STRINGS)
				build_strings(&header, row->tag, some_bases, 1);
			else if (row->type == BUILD_INT64)
				build_int64(&header, row->tag, 0);
			else
				build_int32(&header, row->tag, 0);
			added = true;
		}
		if (i == 0)
			build_int32s(&header, tags[i], sizes, 2);
		else if (i == 1)
			build_int16s(&header, tags[i], modes, 2);
		else if (i == 2)
			build_int32s(&header, tags[i], indexes, 2);
		else if (i < ARRAY_SIZE(tags))
			build_strings(&header, tags[i], some_bases, i == 3 ? 2 : 1);
	}
	make_headers(&made, &header);
	assert_int_equal(rpm_filelist_parse(&made.signature, &made.main, &made.list, &err), -1);
	test_error(&err, ERROR_MALFORMED,
		   rpm_entry_offset(&made.main, rpm_header_find(&made.main, row->tag)));
}

static void no_files(void **state)
{
	struct build_header header = { 0 };
	AUTO(made_clear) struct made made = { 0 };

	(void)state;
	build_string(&header, RPMTAG_NAME, "meta");
	make_headers(&made, &header);
	assert_int_equal(rpm_filelist_parse(&made.signature, &made.main, &made.list, NULL), 0);
	assert_int_equal(made.list.n_files, 0);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, paths_and_look_ups);
	TEST(&tests, hard_links);
	TEST(&tests, directory_out_of_range);
	TEST(&tests, path_too_long);
	TEST(&tests, paths_too_long_in_all);
	TEST_ROWS(&tests, count_wrong, count_cases);
	TEST(&tests, no_files);
	return test_run(&tests, "refgen/rpm/filelist");
}
