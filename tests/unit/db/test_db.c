/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/db.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "db/internal.h"
#include "tests/unit/db/fixture.h"

#define SHA256 (1u << ALG_SHA256)
#define SHA1   (1u << ALG_SHA1)

static const struct file_case bash_files[] = {
	{"/bin/bash",          11, 0, KIND_EXECUTABLE, true,  0          },
	{ "/etc/bash.bashrc",  12, 0, KIND_OTHER,      false, FILE_CONFIG},
	{ "/var/log/bash.log", 0,  0, KIND_OTHER,      false, FILE_GHOST },
};
static const struct file_case glibc_files[] = {
	{"/lib64/libc.so.6",  21, 0, KIND_SHARED_OBJECT, true,  0},
	{ "/usr/share/empty", 12, 0, KIND_OTHER,         false, 0},
};

/* Two releases that share one artifact. */
static void make(const char *path)
{
	struct error err = { 0 };
	struct db *db = NULL;

	fine(db_open(path, DB_IMPORT, &db, &err), &err);
	fine(add_artifact(db, "one", "bash-5.2", 1, SHA256, bash_files, 3, &err), &err);
	fine(add_artifact(db, "one", "glibc-2.40", 2, SHA256, glibc_files, 2, &err), &err);
	fine(add_artifact(db, "two", "glibc-2.40", 2, SHA256, glibc_files, 2, &err), &err);
	fine(db_import_finish(db, &err), &err);
	db_close(db);
}

static size_t count_files(const char *path, struct error *err)
{
	AUTO(golden_freep) struct golden *golden = NULL;
	AUTO(db_closep) struct db *db = NULL;

	const struct digest none = { .alg = ALG_SHA256, .size = 32 };
	struct golden_result result;

	/* The first file that is not known has all rows read. */
	if (db_open(path, DB_READ, &db, err) < 0 || golden_load(db, NULL, 0, &golden, err) < 0 ||
	    golden_lookup(golden, bytes_of_string("/none"), &none, &result, err) < 0)
		return SIZE_MAX;
	assert_int_equal(result.answer, GOLDEN_UNKNOWN);
	return golden_n_files(golden);
}

/* All rows of all tables as text, to compare databases by. */
static struct buf dump(const char *path)
{
	static const char *const tables[] = { "release", "content", "artifact", "prints",
					      "release_artifact" };
	struct buf out = BUF_INIT;
	sqlite3 *raw = NULL;

	assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		sqlite3_stmt *stmt = NULL;
		char sql[64];

		snprintf(sql, sizeof(sql), "SELECT * FROM %s", tables[i]);
		assert_int_equal(sqlite3_prepare_v2(raw, sql, -1, &stmt, NULL), SQLITE_OK);
		while (sqlite3_step(stmt) == SQLITE_ROW)
			for (int k = 0; k < sqlite3_column_count(stmt); k++) {
				const void *at = sqlite3_column_blob(stmt, k);
				int size = sqlite3_column_bytes(stmt, k);

				buf_append_hex(&out, bytes_of(at, (size_t)size));
				buf_append_string(&out, k ? "," : "\n");
			}
		sqlite3_finalize(stmt);
	}
	sqlite3_close(raw);
	assert_int_equal(buf_finish(&out, NULL), 0);
	return out;
}

/* --- a good database ------------------------------------------------------------------------------- */

static int list_release(void *ctx, const char *release, struct error *err)
{
	(void)err;
	buf_append_string(ctx, release);
	buf_append_string(ctx, " ");
	return 0;
}

static void made(void **state)
{
	AUTO(buf_clear) struct buf releases = BUF_INIT;
	char *path = scratch_path();
	char beside[300];
	struct error err = { 0 };
	struct db *db = NULL;

	(void)state;
	make(path);
	snprintf(beside, sizeof(beside), "%s-wal", path);
	assert_int_not_equal(access(beside, F_OK), 0);
	snprintf(beside, sizeof(beside), "%s-journal", path);
	assert_int_not_equal(access(beside, F_OK), 0);
	fine(db_open(path, DB_READ, &db, &err), &err);
	fine(db_check(db, &err), &err);
	fine(db_releases(db, list_release, &releases, &err), &err);
	assert_string_equal((char *)releases.data, "one two ");
	db_close(db);
	assert_int_equal(count_files(path, &err), 3 + 2 + 2);
	remove_scratch(path);
}

/* A name that means something in a URI. */
static void odd_name(void **state)
{
	char *path = scratch_path();
	char odd[300];
	struct error err = { 0 };

	(void)state;
	snprintf(odd, sizeof(odd), "%s?mode=memory#%%41", path);
	make(odd);
	assert_int_equal(access(odd, F_OK), 0);
	assert_int_equal(count_files(odd, &err), 7);
	unlink(odd);
	remove_scratch(path);
}

static void relative_name(void **state)
{
	char *path = scratch_path();
	char before[4096];
	struct error err = { 0 };

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	*strrchr(path, '/') = 0;
	assert_int_equal(chdir(path), 0);
	make("golden.db");
	assert_int_equal(count_files("golden.db", &err), 7);
	assert_int_equal(chdir(before), 0);
	path[strlen(path)] = '/';
	remove_scratch(path);
}

static void readers_share_and_keep_imports_away(void **state)
{
	char *path = scratch_path();
	struct db *one = NULL, *two = NULL, *importing = NULL;
	struct error err = { 0 };

	(void)state;
	make(path);
	fine(db_open(path, DB_READ, &one, &err), &err);
	fine(db_open(path, DB_READ, &two, &err), &err);
	db_close(one);
	assert_int_equal(db_open(path, DB_IMPORT, &importing, &err), -1);
	test_error(&err, ERROR_SYSTEM, ERROR_NO_OFFSET);
	assert_string_equal(err.message, "is in use by another process");
	db_close(two);
	fine(db_open(path, DB_IMPORT, &importing, &err), &err);
	assert_int_equal(db_open(path, DB_READ, &two, &err), -1);
	test_error(&err, ERROR_INPUT, ERROR_NO_OFFSET);
	assert_string_equal(err.message, "an import into it is under way");
	db_close(importing);
	assert_int_equal(count_files(path, &err), 7);
	remove_scratch(path);
}

/* --- imports ------------------------------------------------------------------------------------------ */

static void imported_once(void **state)
{
	char *path = scratch_path();
	struct digest digest = digest_of(ALG_SHA256, 1);
	struct error err = { 0 };
	struct db *db = NULL;
	struct buf before, after;

	(void)state;
	make(path);
	before = dump(path);
	fine(db_open(path, DB_IMPORT, &db, &err), &err);
	assert_true(db_has_artifact(db, ARTIFACT_RPM, &digest, SHA256));
	assert_true(db_has_artifact(db, ARTIFACT_RPM, &digest, 0));
	assert_false(db_has_artifact(db, ARTIFACT_RPM, &digest, SHA256 | SHA1));
	assert_false(db_has_artifact(db, ARTIFACT_TREE, &digest, SHA256));
	assert_int_equal(add_artifact(db, "one", "bash-5.2", 1, SHA256, bash_files, 3, &err), 0);
	fine(db_import_finish(db, &err), &err);
	db_close(db);
	after = dump(path);
	test_bytes(buf_bytes(&after), buf_bytes(&before));
	buf_clear(&before);
	buf_clear(&after);
	remove_scratch(path);
}

static void order_does_not_matter(void **state)
{
	char *one = scratch_path(), *two = scratch_path();
	struct error err = { 0 };
	struct db *db = NULL;
	struct buf first, second;

	(void)state;
	make(one);
	fine(db_open(two, DB_IMPORT, &db, &err), &err);
	fine(add_artifact(db, "two", "glibc-2.40", 2, SHA256, glibc_files, 2, &err), &err);
	db_close(db); /* without db_import_finish, as when a command fails */
	fine(db_open(two, DB_IMPORT, &db, &err), &err);
	fine(add_artifact(db, "one", "bash-5.2", 1, SHA256, bash_files, 3, &err), &err);
	assert_int_equal(add_artifact(db, "one", "glibc-2.40", 2, SHA256, glibc_files, 2, &err), 0);
	fine(db_import_finish(db, &err), &err);
	db_close(db);
	first = dump(one);
	second = dump(two);
	test_bytes(buf_bytes(&first), buf_bytes(&second));
	buf_clear(&first);
	buf_clear(&second);
	remove_scratch(one);
	remove_scratch(two);
}

static void aborted_leaves_nothing(void **state)
{
	struct artifact artifact = { .digest = digest_of(ALG_SHA256, 3),
				     .name = bytes_of_string("c") };
	char *path = scratch_path();
	struct error err = { 0 };
	struct db *db = NULL;
	struct buf before, after;

	(void)state;
	make(path);
	before = dump(path);
	fine(db_open(path, DB_IMPORT, &db, &err), &err);
	assert_int_equal(db_import_begin(db, "three", &artifact, SHA256, &err), 1);
	fine(add_file(db, &bash_files[0], &err), &err);
	db_import_abort(db);
	assert_int_equal(db_import_commit(db, &err), -1);
	/* Begun and left when the database is closed. */
	assert_int_equal(db_import_begin(db, "three", &artifact, SHA256, &err), 1);
	fine(add_file(db, &bash_files[0], &err), &err);
	db_close(db);
	after = dump(path);
	test_bytes(buf_bytes(&after), buf_bytes(&before));
	buf_clear(&before);
	buf_clear(&after);
	remove_scratch(path);
}

static int keep_match(void *ctx, const struct golden_match *match, struct error *err)
{
	struct buf *out = ctx;
	char hex[DIGEST_HEX_SIZE];

	(void)err;
	buf_printf(out, "%s|%s|%.*s|%s:%.4s|%zu|%s|%s\n", match->release, match->artifact,
		   (int)match->path.size, (const char *)match->path.data,
		   alg_name(match->digest.alg),
		   match->digest.alg == ALG_NONE ? "" : digest_hex(&match->digest, hex),
		   match->n_digests, file_kind_name(match->kind),
		   signature_state_name(match->signature));
	return 0;
}

static void expect_path(const char *db_path, const char *path, const char *expected)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	AUTO(db_closep) struct db *db = NULL;
	struct error err = { 0 };

	fine(db_open(db_path, DB_READ, &db, &err), &err);
	fine(db_lookup_path(db, bytes_of_string(path), keep_match, &out, &err), &err);
	assert_int_equal(buf_finish(&out, NULL), 0);
	assert_string_equal((char *)out.data, expected);
}

static void more_algorithms(void **state)
{
	static const struct file_case again[] = {
		{"/bin/bash",          0, 31, KIND_EXECUTABLE, true,  0          },
		{ "/etc/bash.bashrc",  0, 32, KIND_OTHER,      false, FILE_CONFIG},
		{ "/var/log/bash.log", 0, 0,  KIND_OTHER,      false, FILE_GHOST },
	};
	struct digest digest = digest_of(ALG_SHA256, 1);
	char *path = scratch_path();
	struct error err = { 0 };
	struct db *db = NULL;

	(void)state;
	make(path);
	fine(db_open(path, DB_IMPORT, &db, &err), &err);
	assert_int_equal(add_artifact(db, "one", "bash-5.2", 1, SHA1, again, 3, &err), 1);
	assert_true(db_has_artifact(db, ARTIFACT_RPM, &digest, SHA256 | SHA1));
	assert_int_equal(add_artifact(db, "one", "bash-5.2", 1, SHA1 | SHA256, again, 3, &err), 0);
	fine(db_import_finish(db, &err), &err);
	db_close(db);
	expect_path(path, "/usr/bin/bash",
		    "one|bash-5.2|/bin/bash|sha256:0b00|2|executable|unsigned\n");
	fine(db_open(path, DB_READ, &db, &err), &err);
	fine(db_check(db, &err), &err); /* no content is left without a use */
	db_close(db);
	remove_scratch(path);
}

static void better_signature_stays(void **state)
{
	struct artifact artifact = { .digest = digest_of(ALG_SHA256, 2),
				     .name = bytes_of_string("glibc-2.40"),
				     .signature = SIGNATURE_VERIFIED,
				     .signer = bytes_of_string("abcd me") };
	char *path = scratch_path();
	struct error err = { 0 };
	struct db *db = NULL;

	(void)state;
	make(path);
	fine(db_open(path, DB_IMPORT, &db, &err), &err);
	assert_int_equal(db_import_begin(db, "one", &artifact, SHA256, &err), 0);
	artifact.signature = SIGNATURE_NO_KEY;
	assert_int_equal(db_import_begin(db, "two", &artifact, SHA256, &err), 0);
	fine(db_import_finish(db, &err), &err);
	db_close(db);
	expect_path(path, "/lib64/libc.so.6",
		    "one|glibc-2.40|/lib64/libc.so.6|sha256:1500|1|shared-object|verified\n"
		    "two|glibc-2.40|/lib64/libc.so.6|sha256:1500|1|shared-object|verified\n");
	remove_scratch(path);
}

/* Two artifacts whose digests begin alike get two numbers, and both are found again. */
static void numbers_that_meet(void **state)
{
	struct artifact artifact = { .digest = digest_of(ALG_SHA256, 9),
				     .name = bytes_of_string("a") };
	struct digest other;
	char *path = scratch_path();
	struct error err = { 0 };
	struct db *db = NULL;

	(void)state;
	fine(db_open(path, DB_IMPORT, &db, &err), &err);
	for (int round = 0; round < 2; round++) {
		for (uint8_t i = 0; i < 3; i++) {
			artifact.digest.value[31] = i;
			assert_int_equal(db_import_begin(db, "r", &artifact, SHA256, &err),
					 round == 0);
			if (round == 0) {
				struct file_case file = { "/x", 100u + i, 0, KIND_OTHER, false, 0 };

				fine(add_file(db, &file, &err), &err);
				fine(db_import_commit(db, &err), &err);
			}
			assert_true(db_has_artifact(db, ARTIFACT_RPM, &artifact.digest, SHA256));
		}
		fine(db_import_finish(db, &err), &err);
		db_close(db);
		fine(db_open(path, DB_IMPORT, &db, &err), &err);
	}
	other = artifact.digest;
	other.value[31] = 77;
	assert_false(db_has_artifact(db, ARTIFACT_RPM, &other, SHA256));
	db_close(db);
	assert_int_equal(count_files(path, &err), 3);
	remove_scratch(path);
}

static const struct bad_artifact_case {
	const char *name;
	const char *release, *label;
	enum alg alg;
} bad_artifact_cases[] = {
	{"no release",                   "",  "a", ALG_SHA256},
	{ "no name",		     "r", "",  ALG_SHA256},
	{ "digest of another algorithm", "r", "a", ALG_SHA1  },
};

static void bad_artifact(void **state)
{
	const struct bad_artifact_case *row = *state;
	struct artifact artifact = { .digest = digest_of(row->alg, 1),
				     .name = bytes_of_string(row->label) };
	char *path = scratch_path();
	struct error err = { 0 };
	struct db *db = NULL;

	fine(db_open(path, DB_IMPORT, &db, &err), &err);
	assert_int_equal(db_import_begin(db, row->release, &artifact, SHA256, &err), -1);
	test_error(&err, ERROR_MALFORMED, ERROR_NO_OFFSET);
	db_close(db);
	remove_scratch(path);
}

/* --- what is not ours, or damaged -------------------------------------------------------------------- */

#define WRITE_SCHEMA "PRAGMA writable_schema = ON; "

static const struct foreign_case {
	const char *name, *sql;
	uint64_t offset;
	const char *says; /* begins the message */
} foreign_cases[] = {
	{"application id",               "PRAGMA application_id = 1",                                    68,
         "is not a golden database: application id 0x00000001"													    },
	{ "schema version",              "PRAGMA user_version = 4",                                      60,
         "schema version 4; this Assay reads version 3"														   },
	{ "schema version 0",            "PRAGMA user_version = 0",                                      60,              "schema version 0"                              },
	{ "text encoding",               "",							     56,              "the database is damaged: text encoding 2"      },
	{ "view",			"CREATE VIEW v AS SELECT 1",                                    ERROR_NO_OFFSET, "holds a view 'v'"                              },
	{ "trigger",		     "CREATE TRIGGER t AFTER INSERT ON release BEGIN SELECT 1; END",
         ERROR_NO_OFFSET,												 "holds a trigger 't'"                           },
	{ "trigger with a table's name",
         "CREATE TRIGGER release AFTER INSERT ON content BEGIN SELECT 1; END",                           ERROR_NO_OFFSET,
         "holds a trigger 'release'"																      },
	{ "table",		       "CREATE TABLE x (y)",					   ERROR_NO_OFFSET, "holds a table 'x'"                             },
	{ "index",		       "CREATE INDEX x ON artifact (name)",                            ERROR_NO_OFFSET, "holds a index 'x'"                             },
	{ "virtual table",               "CREATE VIRTUAL TABLE x USING fts5(y)",                         ERROR_NO_OFFSET,
         "holds a table 'x'"																	      },
	{ "statistics",                  "ANALYZE",						      ERROR_NO_OFFSET, "holds a table 'sqlite_stat1'"                  },
	{ "column more",                 "ALTER TABLE release ADD COLUMN x TEXT",                        ERROR_NO_OFFSET,
         "the table 'release' is not as Assay defines it"														 },
	{ "column less",                 "ALTER TABLE artifact DROP COLUMN vendor",                      ERROR_NO_OFFSET,
         "the table 'artifact' is not as Assay defines it"														},
	{ "table renamed",               "ALTER TABLE release_artifact RENAME TO pcr",                   ERROR_NO_OFFSET,
         "holds a table 'pcr'"																	    },
	{ "table dropped",               "DROP TABLE release_artifact",                                  ERROR_NO_OFFSET,
         "the table 'release_artifact' is missing"															},
	{ "blank in a definition",
         WRITE_SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'n_artifacts', ' n_artifacts')",
         ERROR_NO_OFFSET,												 "the table 'release' is not as Assay defines it"},
	{ "view in a table's place",
         WRITE_SCHEMA
	  "UPDATE sqlite_schema SET type = 'view', rootpage = 0, "
	  "sql = 'CREATE VIEW release_artifact AS SELECT 1' WHERE name = 'release_artifact'",	    ERROR_NO_OFFSET, "holds a view 'release_artifact'"               },
	{ "log mode",                    "PRAGMA journal_mode = WAL",                                    18,              "an import into it was interrupted"             },
};

static void patch(const char *path, long offset, uint8_t value)
{
	FILE *file = fopen(path, "r+b");

	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	assert_int_equal(putc(value, file), value);
	assert_int_equal(fclose(file), 0);
}

static void foreign(void **state)
{
	const struct foreign_case *row = *state;
	char *path = scratch_path();
	struct error err = { 0 };
	struct db *db = NULL;

	make(path);
	if (*row->sql)
		sqlite(path, row->sql);
	else
		patch(path, 59, 2);
	assert_int_equal(db_open(path, DB_READ, &db, &err), -1);
	test_error(&err, ERROR_MALFORMED, row->offset);
	if (strncmp(err.message, row->says, strlen(row->says)) != 0)
		fail_msg("%s", err.message);
	/* An import leaves it alone, too; only the log is nothing foreign to it. */
	if (row->offset != 18) {
		assert_int_equal(db_open(path, DB_IMPORT, &db, &err), -1);
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
	remove_scratch(path);
}

/* Rows that SQLite finds well-formed, but that are not what was imported. */
static const struct changed_case {
	const char *name, *sql, *says;
} changed_cases[] = {
	{"artifact renamed",              "UPDATE artifact SET name = 'x' WHERE name = 'bash-5.2'",
         "the row of artifact"												     },
	{ "signature forged",             "UPDATE artifact SET signature = 1",                       "the row of artifact"         },
	{ "signature out of range",       "UPDATE artifact SET signature = 4",                       "artifact "                   },
	{ "kind out of range",            "UPDATE artifact SET kind = -1",                           "artifact "                   },
	{ "digest cut",                   "UPDATE artifact SET digest = x'00'",                      "artifact "                   },
	{ "name gone",                    "UPDATE artifact SET name = ''",                           "artifact "                   },
	{ "content changed",              "UPDATE content SET bytes = CAST(bytes || x'00' AS BLOB)",
         "content "														},
	{ "content zeroed",               "UPDATE content SET bytes = zeroblob(length(bytes))",      "content "                    },
	{ "content's digest changed",     "UPDATE content SET digest = zeroblob(32)",                "content "                    },
	{ "content gone",                 "DELETE FROM content",                                     "content "                    },
	{ "contents swapped",
         "UPDATE artifact SET manifest = (SELECT max(id) + min(id) FROM content) - manifest",        "the row of artifact"         },
	{ "content under another number",
         "UPDATE content SET id = id + 5000; UPDATE artifact SET manifest = manifest + 5000",        "the row of artifact"         },
	{ "artifact gone",                "DELETE FROM artifact WHERE name = 'bash-5.2'",
         "a release holds artifact"												},
	{ "link gone",                    "DELETE FROM release_artifact WHERE release = 'two'",      "a release holds 0"           },
	{ "release gone",                 "DELETE FROM release WHERE name = 'two'",                  ""                            },
	{ "release without a name",       "UPDATE release SET name = '' WHERE name = 'two'",
         "a release has no proper name"											    },
	{ "prints changed",
         "UPDATE prints SET bytes = CAST(substr(bytes, 1, 20) || zeroblob(length(bytes) - 20) AS "
	  "BLOB)",										   "the prints of artifact"      },
	{ "prints' digest changed",       "UPDATE prints SET digest = zeroblob(32)",
         "the prints of artifact"												  },
	{ "prints' digest cut",           "UPDATE prints SET digest = x'00'",                        "the prints of artifact"      },
	{ "prints gone",                  "DELETE FROM prints",                                      "the prints of artifact"      },
	{ "prints of another artifact",
         "UPDATE prints SET artifact = artifact - (SELECT min(artifact) + max(artifact) FROM "
	  "prints); "
	  "UPDATE prints SET artifact = -artifact",						  "artifact "                   },
	{ "boots miscounted",             "UPDATE release SET n_boots = 1 WHERE name = 'two'",
         "a release holds 0 boots"												 },
	{ "release with a NUL",
         "UPDATE release SET name = 'a' || char(0) || 'b' WHERE name = 'two'",		       "a release has no proper name"},
};

static void changed(void **state)
{
	const struct changed_case *row = *state;
	char *path = scratch_path();
	struct error err = { 0 };
	char expected[128];
	size_t n;

	make(path);
	sqlite(path, row->sql);
	n = count_files(path, &err);
	if (!*row->says) {
		/* A release that is gone as a whole can be told by its links only. */
		struct db *db = NULL;

		assert_int_equal(n, 5);
		fine(db_open(path, DB_READ, &db, &err), &err);
		assert_int_equal(db_check(db, &err), -1);
		db_close(db);
	} else {
		assert_int_equal(n, SIZE_MAX);
		snprintf(expected, sizeof(expected), "the database is damaged: %s", row->says);
		if (strncmp(err.message, expected, strlen(expected)) != 0)
			fail_msg("%s", err.message);
	}
	test_error(&err, ERROR_MALFORMED, ERROR_NO_OFFSET);
	remove_scratch(path);
}

static void write_file(const char *path, struct bytes contents)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(contents.data, 1, contents.size, file), contents.size);
	assert_int_equal(fclose(file), 0);
}

static const struct no_database_case {
	const char *name, *contents;
	enum error_code code;
} no_database_cases[] = {
	{"missing", NULL,						  ERROR_INPUT    },
	{ "empty",  "",						    ERROR_MALFORMED},
	{ "short",  "SQLite format 3",                                     ERROR_MALFORMED},
	{ "text",
         "# a file of some length that is no database at all, however long one looks at it; it\n"
	  "# goes on for more than the hundred bytes that a header has\n", ERROR_MALFORMED},
};

static void no_database(void **state)
{
	const struct no_database_case *row = *state;
	char *path = scratch_path();
	struct error err = { 0 };
	struct db *db = NULL;

	if (row->contents)
		write_file(path, bytes_of_string(row->contents));
	assert_int_equal(db_open(path, DB_READ, &db, &err), -1);
	test_error(&err, row->code, ERROR_NO_OFFSET);
	/* An empty file is what an import leaves that was killed in its first moments. */
	if (row->contents && !*row->contents) {
		fine(db_open(path, DB_RECOVER, &db, &err), &err);
		fine(db_import_finish(db, &err), &err);
		db_close(db);
		assert_int_equal(count_files(path, &err), 0);
	} else {
		assert_int_equal(db_open(path, DB_RECOVER, &db, &err), -1);
		assert_int_equal(err.code, row->code);
	}
	/* Nothing was made where nothing was. */
	assert_int_equal(access(path, F_OK) == 0, row->contents != NULL);
	if (row->contents && *row->contents) {
		struct bytes after;

		assert_int_equal(db_open(path, DB_IMPORT, &db, &err), -1);
		assert_int_equal(err.code, ERROR_MALFORMED);
		after = test_file(path);
		test_bytes(after, bytes_of_string(row->contents));
		test_drop(after);
	}
	remove_scratch(path);
}

static void directory(void **state)
{
	struct error err = { 0 };
	struct db *db = NULL;

	(void)state;
	assert_int_equal(db_open("/", DB_READ, &db, &err), -1);
	test_error(&err, ERROR_INPUT, ERROR_NO_OFFSET);
	assert_int_equal(db_open("/dev/null", DB_READ, &db, &err), -1);
	test_error(&err, ERROR_INPUT, ERROR_NO_OFFSET);
}

static void interrupted(void **state)
{
	char *path = scratch_path();
	char beside[300];
	struct error err = { 0 };
	struct db *db = NULL;

	(void)state;
	make(path);
	for (int i = 0; i < 2; i++) {
		snprintf(beside, sizeof(beside), "%s%s", path, i ? "-wal" : "-journal");
		write_file(beside, bytes_of_string("x"));
		assert_int_equal(db_open(path, DB_READ, &db, &err), -1);
		test_error(&err, ERROR_MALFORMED, ERROR_NO_OFFSET);
		assert_non_null(strstr(err.message, "interrupted"));
		fine(db_open(path, DB_RECOVER, &db, &err), &err);
		fine(db_import_finish(db, &err), &err);
		db_close(db);
		assert_int_equal(count_files(path, &err), 7);
	}
	sqlite(path, "PRAGMA journal_mode = WAL");
	fine(db_open(path, DB_RECOVER, &db, &err), &err);
	fine(db_import_finish(db, &err), &err);
	db_close(db);
	assert_int_equal(count_files(path, &err), 7);
	remove_scratch(path);
}

static void cut_anywhere(void **state)
{
	char *path = scratch_path();
	struct bytes whole;
	struct error err = { 0 };

	(void)state;
	make(path);
	whole = test_file(path);
	for (size_t size = 0; size < whole.size; size += 509) {
		assert_int_equal(truncate(path, (off_t)size), 0);
		assert_int_equal(count_files(path, &err), SIZE_MAX);
		assert_int_equal(err.code, ERROR_MALFORMED);
		write_file(path, whole);
	}
	assert_int_equal(truncate(path, (off_t)whole.size + 4096), 0);
	assert_int_equal(count_files(path, &err), SIZE_MAX);
	test_error(&err, ERROR_MALFORMED, 28);
	test_drop(whole);
	remove_scratch(path);
}

/* What a database says of things that it has and has not; false when it says that it is damaged. */
static bool says_the_truth(const char *path, bool *damaged)
{
	AUTO(golden_freep) struct golden *golden = NULL;
	AUTO(db_closep) struct db *db = NULL;
	const char *const release = "one";
	struct digest known = digest_of(ALG_SHA256, 11), unknown = digest_of(ALG_SHA256, 99);
	struct error err = { 0 };
	struct golden_result result;

	*damaged = true;
	if (db_open(path, DB_READ, &db, &err) < 0 ||
	    golden_load(db, &release, 1, &golden, &err) < 0) {
		/* A release that is called otherwise is not there. */
		if (err.code != ERROR_USAGE)
			assert_true(err.code == ERROR_MALFORMED || err.code == ERROR_INPUT ||
				    err.code == ERROR_UNSUPPORTED);
		return true;
	}
	*damaged = false;
	/* What only other releases have is read when the first file is looked up. */
	if (golden_lookup(golden, bytes_of_string("/usr/bin/bash"), &known, &result, &err) < 0) {
		assert_true(err.code == ERROR_MALFORMED || err.code == ERROR_INPUT ||
			    err.code == ERROR_UNSUPPORTED);
		*damaged = true;
		return true;
	}
	if (golden_n_files(golden) != 5 || result.answer != GOLDEN_KNOWN || !result.executable)
		return false;
	result = look_up(golden, bytes_of_string("/usr/bin/bash"), &unknown);
	return result.answer == GOLDEN_OTHER_BYTES;
}

/* Where a page is free it is zeros, which nobody reads: of those a few will do. */
static size_t step_from(struct bytes whole, size_t at)
{
	static const uint8_t zeros[64];

	return whole.size - at > sizeof(zeros) && memcmp(whole.data + at, zeros, sizeof(zeros)) == 0
		       ? 61
		       : 17;
}

static void flipped_anywhere(void **state)
{
	char *path = scratch_path();
	size_t n_damaged = 0, n = 0;
	struct bytes whole;
	bool damaged;
	int fd;

	(void)state;
	make(path);
	whole = test_file(path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t i = 0; i < whole.size; i += step_from(whole, i)) {
		uint8_t byte = whole.data[i] ^ (uint8_t)(1u << i % 8);

		assert_int_equal(pwrite(fd, &byte, 1, (off_t)i), 1);
		if (!says_the_truth(path, &damaged))
			fail_msg("byte %zu: a damaged database was believed", i);
		n_damaged += damaged;
		n++;
		assert_int_equal(pwrite(fd, &whole.data[i], 1, (off_t)i), 1);
	}
	/* The rest hit what nobody reads: free space, the header's counters. */
	assert_true(n_damaged > n / 20);
	close(fd);
	test_drop(whole);
	remove_scratch(path);
}

/* --- memory that runs out ----------------------------------------------------------------------------- */

static int import_all(const char *path, struct error *err)
{
	AUTO(db_closep) struct db *db = NULL;

	if (db_open(path, DB_IMPORT, &db, err) < 0 ||
	    add_artifact(db, "one", "bash-5.2", 1, SHA256, bash_files, 3, err) < 0 ||
	    add_artifact(db, "one", "glibc-2.40", 2, SHA256, glibc_files, 2, err) < 0 ||
	    add_artifact(db, "two", "glibc-2.40", 2, SHA256, glibc_files, 2, err) < 0)
		return -1;
	return db_import_finish(db, err);
}

static int count_match(void *ctx, const struct golden_match *match, struct error *err)
{
	(void)match;
	(void)err;
	++*(size_t *)ctx;
	return 0;
}

static int read_all(const char *path, struct error *err)
{
	AUTO(golden_freep) struct golden *golden = NULL;
	AUTO(db_closep) struct db *db = NULL;
	struct digest digest = digest_of(ALG_SHA256, 12);
	size_t n = 0;

	if (db_open(path, DB_READ, &db, err) < 0 || golden_load(db, NULL, 0, &golden, err) < 0 ||
	    db_lookup_digest(db, &digest, count_match, &n, err) < 0 ||
	    db_lookup_path(db, bytes_of_string("/bin/bash"), count_match, &n, err) < 0)
		return -1;
	assert_int_equal(n, 4);
	return 0;
}

static void allocation_failures(void **state)
{
	static int (*const runs[])(const char *path, struct error *err) = { import_all, read_all };
	char *path = scratch_path();
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		unsigned n = 0;
		int status;

		do {
			test_alloc_fail(++n);
			status = runs[i](path, &err);
			if (status < 0)
				test_error(&err, ERROR_SYSTEM, ERROR_NO_OFFSET);
		} while (test_alloc_failed());
		assert_int_equal(status, 0);
		assert_true(n > 10);
		test_alloc_fail(0);
	}
	assert_int_equal(count_files(path, &err), 7);
	remove_scratch(path);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, made);
	TEST(&tests, odd_name);
	TEST(&tests, relative_name);
	TEST(&tests, readers_share_and_keep_imports_away);
	TEST(&tests, imported_once);
	TEST(&tests, order_does_not_matter);
	TEST(&tests, aborted_leaves_nothing);
	TEST(&tests, more_algorithms);
	TEST(&tests, better_signature_stays);
	TEST(&tests, numbers_that_meet);
	TEST_ROWS(&tests, bad_artifact, bad_artifact_cases);
	TEST_ROWS(&tests, foreign, foreign_cases);
	TEST_ROWS(&tests, changed, changed_cases);
	TEST_ROWS(&tests, no_database, no_database_cases);
	TEST(&tests, directory);
	TEST(&tests, interrupted);
	TEST(&tests, cut_anywhere);
	TEST(&tests, flipped_anywhere);
	TEST(&tests, allocation_failures);
	return test_run(&tests, "db/db");
}
