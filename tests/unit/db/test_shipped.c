/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/shipped.h"

#include "core/own.h"
#include "tests/unit/db/fixture.h"

static int add_signed(struct db *db, const char *path, unsigned sha256, const char *signature,
		      struct error *err)
{
	struct digest digest = digest_of(ALG_SHA256, sha256);
	const struct golden_file file = { .path = bytes_of_string(path),
					  .mode = 0100755,
					  .size = 10,
					  .build_id = bytes_of_string("id"),
					  .ima_signature = bytes_of_string(signature),
					  .digests = &digest,
					  .n_digests = 1 };

	return db_import_file(db, &file, err);
}

static void add_package(struct db *db, const char *release, unsigned n, const char *suffix,
			struct error *err)
{
	const struct artifact artifact = { .kind = ARTIFACT_RPM,
					   .digest = digest_of(ALG_SHA256, n),
					   .size = 1000,
					   .name = bytes_of_string("tool-1.x86_64"),
					   .package = bytes_of_string("tool"),
					   .evr = bytes_of_string("1"),
					   .arch = bytes_of_string("x86_64") };
	char signature[32];

	fine(db_import_begin(db, release, &artifact, 1u << ALG_SHA256, err), err);
	snprintf(signature, sizeof(signature), "\3\2%s", suffix);
	fine(add_signed(db, "/bin/tool", n, signature, err), err);
	fine(add_signed(db, "/usr/bin/other", 7, "", err), err);
	fine(db_import_commit(db, err), err);
}

/* What is asked of two packages of two releases: /bin/tool, signed "\3\2a" and "\3\2b". */
static const struct ask_case {
	const char *name, *path;
	unsigned sha256;
	const char *signature, *release; /* NULL: all */
	enum shipped_answer answer;
} ask_cases[] = {
	{"the same",            "/usr/bin/tool",  1, "\3\2a", NULL, SHIPPED_SAME },
	{ "by its own path",    "/bin/tool",      1, "\3\2a", NULL, SHIPPED_SAME },
	{ "another",            "/usr/bin/tool",  1, "\3\2x", NULL, SHIPPED_OTHER},
	{ "of the other bytes", "/usr/bin/tool",  1, "\3\2b", NULL, SHIPPED_OTHER},
	{ "none at all",        "/usr/bin/tool",  1, "",      NULL, SHIPPED_OTHER},
	{ "other bytes",        "/usr/bin/tool",  9, "\3\2a", NULL, SHIPPED_NONE },
	{ "not signed",         "/usr/bin/other", 7, "\3\2a", NULL, SHIPPED_NONE },
	{ "elsewhere",          "/usr/bin/t",     1, "\3\2a", NULL, SHIPPED_NONE },
	{ "no path",            "tool",           1, "\3\2a", NULL, SHIPPED_NONE },
	{ "its release",        "/usr/bin/tool",  2, "\3\2b", "b",  SHIPPED_SAME },
	{ "another release",    "/usr/bin/tool",  1, "\3\2a", "b",  SHIPPED_NONE },
};

static void ask(void **state)
{
	const struct ask_case *row = *state;
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	struct digest digest = digest_of(ALG_SHA256, row->sha256);
	enum shipped_answer answer;
	char *path = scratch_path();
	struct shipped *shipped;
	struct error err = { 0 };
	struct db *db;

	fine(hasher_new(&hasher, &err), &err);
	fine(db_open(path, DB_IMPORT, &db, &err), &err);
	add_package(db, "a", 1, "a", &err);
	add_package(db, "b", 2, "b", &err);
	fine(db_import_finish(db, &err), &err);
	db_close(db);
	fine(db_open(path, DB_READ, &db, &err), &err);
	fine(shipped_read(db, &row->release, row->release ? 1 : 0, &shipped, &err), &err);
	assert_int_equal(shipped_n_files(shipped), row->release ? 1 : 2);
	fine(shipped_compare(shipped, hasher, bytes_of_string(row->path), &digest,
			     bytes_of_string(row->signature), &answer, &err),
	     &err);
	assert_int_equal(answer, row->answer);
	shipped_free(shipped);
	db_close(db);
	remove_scratch(path);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, ask, ask_cases);
	return test_run(&tests, "db/shipped");
}
