/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of db/ share: databases in a folder of their own, artifacts in few words. */
#ifndef TESTS_UNIT_DB_FIXTURE_H
#define TESTS_UNIT_DB_FIXTURE_H

#include <sqlite3.h>
#include <unistd.h>

#include "core/crypto.h"
#include "db/db.h"
#include "tests/unit/test.h"

/* A path in a new folder; remove_scratch takes both and what SQLite left beside it away. */
static inline char *scratch_path(void)
{
	char *path = malloc(TEST_FOLDER_SIZE + 16);

	if (!path)
		abort();
	test_folder_make(path);
	memcpy(path + strlen(path), "/golden.db", sizeof("/golden.db"));
	return path;
}

static inline void remove_scratch(char *path)
{
	*strrchr(path, '/') = 0;
	test_folder_drop(path);
	free(path);
}

/* A digest that is n over and over. */
static inline struct digest digest_of(enum alg alg, unsigned n)
{
	struct digest digest = { .alg = alg, .size = (uint8_t)alg_size(alg) };

	for (size_t i = 0; i < digest.size; i++)
		digest.value[i] = (uint8_t)(n >> (i % 2 ? 8 : 0));
	return digest;
}

/* A file in few words; sha256 0: it has no digest. */
struct file_case {
	const char *path;
	unsigned sha256, sha1;
	enum file_kind kind;
	bool executable;
	uint32_t flags;
};

static inline int add_file(struct db *db, const struct file_case *file, struct error *err)
{
	struct digest digests[2];
	struct golden_file row = { .path = bytes_of_string(file->path),
				   .mode = file->executable ? 0100755 : 0100644,
				   .flags = file->flags,
				   .size = 10,
				   .kind = file->kind,
				   .executable = file->executable,
				   .digests = digests };

	if (file->sha256)
		digests[row.n_digests++] = digest_of(ALG_SHA256, file->sha256);
	if (file->sha1)
		digests[row.n_digests++] = digest_of(ALG_SHA1, file->sha1);
	return db_import_file(db, &row, err);
}

/* An artifact whose digest is n over and over; 1, 0 or -1 as db_import_begin. */
static inline int add_artifact(struct db *db, const char *release, const char *name, unsigned n,
			       alg_set algs, const struct file_case *files, size_t n_files,
			       struct error *err)
{
	struct artifact artifact = { .kind = ARTIFACT_RPM,
				     .digest = digest_of(ALG_SHA256, n),
				     .size = 1000,
				     .name = bytes_of_string(name),
				     .package = bytes_of(name, strcspn(name, "-")),
				     .evr = bytes_of_string(name + strcspn(name, "-")),
				     .arch = bytes_of_string("x86_64") };
	int status = db_import_begin(db, release, &artifact, algs, err);

	if (status <= 0)
		return status;
	for (size_t i = 0; i < n_files; i++)
		if (add_file(db, &files[i], err) < 0) {
			db_import_abort(db);
			return -1;
		}
	return db_import_commit(db, err) < 0 ? -1 : 1;
}

/* Fails the test with the message, unless status is at least 0. */
static inline int fine(int status, const struct error *err)
{
	char line[1024];

	if (status < 0) {
		error_format(err, line, sizeof(line));
		fail_msg("%s", line);
	}
	return status;
}

/* golden_lookup, which golden_known has to agree with. */
static inline struct golden_result look_up(struct golden *golden, struct bytes path,
					   const struct digest *digest)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	const struct golden_query query = { path, *digest };
	struct golden_result result;
	struct error err = { 0 };
	bool known;

	fine(golden_lookup(golden, path, digest, &result, &err), &err);
	fine(hasher_new(&hasher, &err), &err);
	fine(golden_known(golden, hasher, &query, 1, &known, &err), &err);
	assert_int_equal(known, result.answer == GOLDEN_KNOWN);
	return result;
}

/* Runs SQL on a database as any program might, past all that db/ guards. */
static inline void sqlite(const char *path, const char *sql)
{
	sqlite3 *raw = NULL;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
	sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	if (sqlite3_exec(raw, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(raw);
}

#endif
