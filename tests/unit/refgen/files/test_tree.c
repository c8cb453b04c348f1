/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* O_DIRECTORY */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "refgen/files/files.h"
#include "tests/unit/test.h"

#define LISTING "29cae7e9d1f7e491630279eee2a243cafa0cb5a11b86875edc09eb11597ca56d"

/* --- trees on disk ----------------------------------------------------------------------------------- */

struct place {
	char path[TEST_FOLDER_SIZE];
	int fd;
};

static void place_init(struct place *place)
{
	test_folder_make(place->path);
	place->fd = open(place->path, O_RDONLY | O_DIRECTORY);
	assert_true(place->fd >= 0);
}

static void place_clear(struct place *place)
{
	close(place->fd);
	test_folder_drop(place->path);
}

static void put(const struct place *place, const char *path, mode_t mode, const char *text)
{
	int fd = openat(place->fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t size = strlen(text);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void make_sample(const struct place *place)
{
	assert_int_equal(mkdirat(place->fd, "usr", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "usr/bin", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "empty", 0755), 0);
	put(place, "usr/bin/x", 0755, "#!/bin/sh\n");
	put(place, "usr/data", 0644, "data");
	put(place, "zero", 0600, "");
	put(place, "b\xff\n", 0644, "odd name");
	assert_int_equal(symlinkat("usr/bin", place->fd, "bin"), 0);
	assert_int_equal(symlinkat("/etc/passwd", place->fd, "passwd"), 0);
	assert_int_equal(symlinkat("nowhere", place->fd, "dangling"), 0);
	assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
}

static int read_tree(const char *dir, struct tree_options options, struct file_set **set,
		     struct error *err)
{
	if (!options.algs)
		options.algs = 1u << ALG_SHA256;
	if (!options.n_jobs)
		options.n_jobs = 2;
	return tree_read(dir, &options, set, err);
}

static void expect_file(const struct file_set *set, size_t index, const char *path, mode_t mode,
			uint64_t size, enum file_kind kind)
{
	const struct golden_file *file = &set->files[index];

	assert_true(bytes_equal_string(file->path, path));
	assert_int_equal(file->mode, S_IFREG | mode);
	assert_int_equal(file->size, size);
	assert_int_equal(file->kind, kind);
	assert_int_equal(file->n_digests, 1);
}

static void sample(void **state)
{
	AUTO(place_clear) struct place place;
	AUTO(file_set_freep) struct file_set *set = NULL;
	char hex[DIGEST_HEX_SIZE];

	(void)state;
	place_init(&place);
	make_sample(&place);
	assert_int_equal(read_tree(place.path, (struct tree_options){ 0 }, &set, NULL), 0);
	assert_int_equal(set->n_files, 4);
	expect_file(set, 0, "/b\xff\n", 0644, 8, KIND_OTHER);
	expect_file(set, 1, "/usr/bin/x", 0755, 10, KIND_SCRIPT);
	expect_file(set, 2, "/usr/data", 0644, 4, KIND_OTHER);
	expect_file(set, 3, "/zero", 0600, 0, KIND_OTHER);
	assert_string_equal(digest_hex(&set->files[2].digests[0], hex),
			    "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7");
	assert_int_equal(set->n_links, 3);
	assert_true(bytes_equal_string(set->links[0].path, "/bin"));
	assert_true(bytes_equal_string(set->links[0].target, "usr/bin"));
	assert_true(bytes_equal_string(set->links[1].path, "/dangling"));
	assert_true(bytes_equal_string(set->links[2].path, "/passwd"));
	assert_true(bytes_equal_string(set->links[2].target, "/etc/passwd"));
	assert_int_equal(set->artifact.kind, ARTIFACT_TREE);
	assert_int_equal(set->artifact.size, 22);
	assert_true(bytes_equal_string(set->artifact.name, strrchr(place.path, '/') + 1));
	/* The listing that assay-refgen(1) defines, made with printf and sha256sum. */
	assert_string_equal(digest_hex(&set->artifact.digest, hex), LISTING);
}

/* The artifact's digest and the files' do not depend on what else is computed, nor on threads. */
static void algorithms(void **state)
{
	static const alg_set sets[] = { 1u << ALG_SHA1, 1u << ALG_SHA256,
					1u << ALG_SHA512 | 1u << ALG_SHA1 };
	AUTO(place_clear) struct place place;
	char hex[DIGEST_HEX_SIZE];

	(void)state;
	place_init(&place);
	make_sample(&place);
	for (unsigned i = 0; i < 12; i++) {
		AUTO(file_set_freep) struct file_set *set = NULL;
		const alg_set algs = sets[i % 3];

		assert_int_equal(read_tree(place.path,
					   (struct tree_options){ .algs = algs,
								  .n_jobs = 1 + i / 3 },
					   &set, NULL),
				 0);
		assert_string_equal(digest_hex(&set->artifact.digest, hex), LISTING);
		assert_int_equal(set->algs, algs);
		for (size_t j = 0; j < set->n_files; j++) {
			alg_set got = 0;

			for (size_t k = 0; k < set->files[j].n_digests; k++)
				got |= 1u << set->files[j].digests[k].alg;
			assert_int_equal(got, algs);
		}
	}
}

static void many_files(void **state)
{
	AUTO(place_clear) struct place place;
	struct digest first = { 0 };
	char path[64];

	(void)state;
	place_init(&place);
	for (int i = 0; i < 30; i++) {
		snprintf(path, sizeof(path), "d%02d", i);
		assert_int_equal(mkdirat(place.fd, path, 0755), 0);
		for (int j = 0; j < 30; j++) {
			snprintf(path, sizeof(path), "d%02d/f%02d", i, j);
			put(&place, path, 0644, path);
		}
	}
	for (unsigned jobs = 1; jobs < 5; jobs++) {
		AUTO(file_set_freep) struct file_set *set = NULL;

		assert_int_equal(read_tree(place.path, (struct tree_options){ .n_jobs = jobs },
					   &set, NULL),
				 0);
		assert_int_equal(set->n_files, 900);
		for (size_t i = 0; i < set->n_files; i++) {
			snprintf(path, sizeof(path), "/d%02zu/f%02zu", i / 30, i % 30);
			assert_true(bytes_equal_string(set->files[i].path, path));
		}
		if (jobs == 1)
			first = set->artifact.digest;
		assert_true(digest_equal(&first, &set->artifact.digest));
	}
}

static const struct name_case {
	const char *name, *suffix, *given; /* suffix: after the folder's path */
	const char *expected;              /* NULL: the folder's base name */
} names[] = {
	{"plain",           "",        NULL,      NULL     },
        { "slashes behind", "//",      NULL,      NULL     },
	{ "dot behind",     "/.",      NULL,      NULL     },
        { "dots behind",    "/usr/..", NULL,      NULL     },
	{ "below",          "/usr",    NULL,      "usr"    },
        { "given",          "/usr",    "image-7", "image-7"},
};

static void artifact_name(void **state)
{
	const struct name_case *row = *state;
	AUTO(place_clear) struct place place;
	AUTO(file_set_freep) struct file_set *set = NULL;
	char dir[TEST_FOLDER_SIZE + 64];

	place_init(&place);
	make_sample(&place);
	snprintf(dir, sizeof(dir), "%s%s", place.path, row->suffix);
	assert_int_equal(read_tree(dir, (struct tree_options){ .name = row->given }, &set, NULL),
			 0);
	assert_true(bytes_equal_string(set->artifact.name, row->expected
								   ? row->expected
								   : strrchr(place.path, '/') + 1));
}

static const struct exclude_case {
	const char *name, *globs[2];
	const char *left; /* the files left, by their last characters */
} excludes[] = {
	{"nothing",			{ NULL },               "\nxao"},
	{ "a file",			{ "/usr/data" },        "\nxo" },
	{ "a folder",		      { "/usr" },             "\no"  },
	{ "what is in a folder",           { "/usr/*" },           "\no"  },
	{ "a star does not cross a slash", { "/*data" },           "\nxao"},
	{ "a last component",              { "data" },             "\nxo" },
	{ "a last component by pattern",   { "?" },                "\nao" },
	{ "two",			   { "zero", "/usr/bin" }, "\na"  },
	{ "no match",		      { "data/" },            "\nxao"},
};

static void exclude(void **state)
{
	const struct exclude_case *row = *state;
	AUTO(place_clear) struct place place;
	AUTO(file_set_freep) struct file_set *set = NULL;
	char left[16] = "";

	place_init(&place);
	make_sample(&place);
	assert_int_equal(read_tree(place.path,
				   (struct tree_options){ .excludes = row->globs,
							  .n_excludes = !!row->globs[0] +
									!!row->globs[1] },
				   &set, NULL),
			 0);
	for (size_t i = 0; i < set->n_files; i++)
		left[i] = (char)set->files[i].path.data[set->files[i].path.size - 1];
	assert_string_equal(left, row->left);
}

static void an_empty_tree(void **state)
{
	AUTO(place_clear) struct place place;
	AUTO(file_set_freep) struct file_set *set = NULL;
	char hex[DIGEST_HEX_SIZE];

	(void)state;
	place_init(&place);
	assert_int_equal(read_tree(place.path, (struct tree_options){ 0 }, &set, NULL), 0);
	assert_int_equal(set->n_files, 0);
	assert_string_equal(digest_hex(&set->artifact.digest, hex),
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* --- what a tree may have, if the file system and the user can ----------------------------------------- */

static void attributes(void **state)
{
	static const uint8_t signature[] = { 3, 2, 4, 1, 2, 3, 4, 0, 1, 9 };
	static const uint8_t hash[] = { 4, 4, 1, 2, 3 };
	static const uint8_t raw[] = {
		1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	};
	AUTO(place_clear) struct place place;
	AUTO(file_set_freep) struct file_set *set = NULL;
	char path[TEST_FOLDER_SIZE + 64];

	(void)state;
	place_init(&place);
	put(&place, "a", 0755, "signed");
	put(&place, "b", 0755, "hashed");
	put(&place, "c", 0755, "capable");
	snprintf(path, sizeof(path), "%s/a", place.path);
	if (setxattr(path, "security.ima", signature, sizeof(signature), 0) < 0) {
		print_message("cannot set security.ima: %s\n", strerror(errno));
		skip();
	}
	snprintf(path, sizeof(path), "%s/b", place.path);
	assert_int_equal(setxattr(path, "security.ima", hash, sizeof(hash), 0), 0);
	snprintf(path, sizeof(path), "%s/c", place.path);
	assert_int_equal(setxattr(path, "security.capability", raw, sizeof(raw), 0), 0);
	assert_int_equal(read_tree(place.path, (struct tree_options){ 0 }, &set, NULL), 0);
	test_bytes(set->files[0].ima_signature, bytes_of(signature, sizeof(signature)));
	assert_int_equal(set->files[0].capabilities.size, 0);
	assert_int_equal(set->files[1].ima_signature.size, 0);
	assert_true(bytes_equal_string(set->files[2].capabilities, "cap_net_raw=ep"));
}

/* Whoever runs the test: root reads everything, so it steps down meanwhile. */
static void an_unreadable_file(void **state)
{
	const bool root = geteuid() == 0;
	AUTO(place_clear) struct place place;
	struct file_set *set = NULL;
	struct error err = { 0 };
	int status;

	(void)state;
	place_init(&place);
	make_sample(&place);
	put(&place, "usr/secret", 0, "secret");
	assert_int_equal(fchmod(place.fd, 0755), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	status = read_tree(place.path,
			   (struct tree_options){ .excludes = (const char *const[]){ "zero" },
						  .n_excludes = 1 },
			   &set, &err);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(status, -1);
	assert_int_equal(err.code, ERROR_INPUT);
	assert_non_null(strstr(err.source, "/usr/secret"));
	assert_non_null(strstr(err.message, strerror(EACCES)));
	assert_null(set);
}

/* --- errors ----------------------------------------------------------------------------------------------- */

static void not_a_folder(void **state)
{
	AUTO(place_clear) struct place place;
	struct file_set *set = NULL;
	struct error err = { 0 };
	char path[TEST_FOLDER_SIZE + 64];

	(void)state;
	place_init(&place);
	make_sample(&place);
	snprintf(path, sizeof(path), "%s/zero", place.path);
	assert_int_equal(read_tree(path, (struct tree_options){ 0 }, &set, &err), -1);
	assert_int_equal(err.code, ERROR_INPUT);
	assert_string_equal(err.source, path);
	snprintf(path, sizeof(path), "%s/missing", place.path);
	assert_int_equal(read_tree(path, (struct tree_options){ 0 }, &set, &err), -1);
	assert_int_equal(err.code, ERROR_INPUT);
	assert_null(set);
}

static void too_deep(void **state)
{
	AUTO(place_clear) struct place place;
	struct file_set *set = NULL;
	struct error err = { 0 };
	int fd;

	(void)state;
	place_init(&place);
	fd = dup(place.fd);
	for (int i = 0; i < 200; i++) {
		int below;

		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		below = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		assert_true(below >= 0);
		close(fd);
		fd = below;
	}
	close(fd);
	assert_int_equal(read_tree(place.path, (struct tree_options){ 0 }, &set, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	assert_null(set);
}

static void allocations(void **state)
{
	AUTO(place_clear) struct place place;

	(void)state;
	place_init(&place);
	make_sample(&place);
	for (unsigned n = 1;; n++) {
		AUTO(file_set_freep) struct file_set *set = NULL;
		struct error err = { 0 };
		int got;

		test_alloc_fail(n);
		got = read_tree(place.path, (struct tree_options){ .n_jobs = 1 }, &set, &err);
		test_alloc_fail(0);
		if (got == 0) {
			assert_int_equal(set->n_files, 4);
			break;
		}
		assert_int_equal(err.code, ERROR_SYSTEM);
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	umask(022);
	TEST(&tests, sample);
	TEST(&tests, algorithms);
	TEST(&tests, many_files);
	TEST_ROWS(&tests, artifact_name, names);
	TEST_ROWS(&tests, exclude, excludes);
	TEST(&tests, an_empty_tree);
	TEST(&tests, attributes);
	TEST(&tests, an_unreadable_file);
	TEST(&tests, not_a_folder);
	TEST(&tests, too_deep);
	TEST(&tests, allocations);
	return test_run(&tests, "refgen/files/tree");
}
