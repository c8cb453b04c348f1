/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of db/ share: the connection and its statements, the schema,
 * rows as they are read and checked, seals.
 */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "core/crypto.h"
#include "db/db.h"

/* --- paths (path.c) ------------------------------------------------------------------------- */

/* A path is shorter than Linux's PATH_MAX, which counts the NUL. */
#define PATH_SIZE_MAX 4096

/* True if the path begins with a folder that usr-merge moved below /usr. */
bool path_is_merged(struct bytes path);

/* True if golden_path accepts the path (given room for it). */
bool path_is_plain(struct bytes path);

/* --- schema (schema.c) ------------------------------------------------------------------------ */

#define DB_APPLICATION_ID 0x41535359 /* "ASSY" */
#define DB_SCHEMA_VERSION 1

/* Makes the tables in an empty database, and sets the application id and the version. */
int schema_create(struct db *db, struct error *err);

/* Every entry of sqlite_schema must be one of ours, word for word; every table must be there. */
int schema_check(struct db *db, struct error *err);

/* Makes those indices that are missing: over paths, and over each of algs. */
int schema_index(struct db *db, alg_set algs, struct error *err);

/* Drops all indices: rows are then inserted several times faster. */
int schema_unindex(struct db *db, struct error *err);

/* Whether all of these indices are there. */
int schema_indexed(struct db *db, alg_set algs, bool *out, struct error *err);

/* --- seals (seal.c) --------------------------------------------------------------------------- */

/*
 * SHA-256 over rows, each written as its columns in order: integers as 8 bytes,
 * little endian; text and blobs as their size (4 bytes, little endian) and bytes,
 * the digests of a file as their alg_set and the digests of that set in its order.
 */
struct seal {
	struct hasher *hasher; /* owned; one stream */
	uint8_t *buffer;       /* owned, SEAL_BUFFER bytes */
	size_t used;
	bool failed;
	struct error error; /* of the first failure, if failed */
};

/* What is sealed on its own, so that each table can be read without the others. */
enum seal_part { SEAL_FILES, SEAL_EXTRAS, SEAL_LINKS, SEAL_PARTS };

int seal_init(struct seal *seal, struct error *err);
void seal_clear(struct seal *seal);
int seal_begin(struct seal *seal, struct error *err);
void seal_uint(struct seal *seal, uint64_t value);
void seal_bytes(struct seal *seal, struct bytes bytes);
/* -1 also for what failed since seal_begin. */
int seal_finish(struct seal *seal, uint8_t out[32], struct error *err);

/* --- rows (rows.c) ---------------------------------------------------------------------------- */

/* Bits of file.flags; the first three are FILE_* of db.h. */
enum { ROW_EXECUTABLE = 1 << 3, ROW_MODULE_SIGNED = 1 << 4, ROW_FLAGS = (1 << 5) - 1 };

/* A row of the table artifact. Borrowed from its statement until the next step. */
struct artifact_row {
	int64_t id;
	struct artifact artifact;
	alg_set algs;     /* every file with contents has these digests */
	alg_set any_algs; /* some file has these */
	uint64_t n_files, n_links;
	uint8_t digests[SEAL_PARTS][32]; /* of its rows in file, file_extra and link */
	uint8_t seal[32];                /* of this row without it */
};

/* A row of the table file. Borrowed likewise. */
struct file_row {
	int64_t artifact, number;
	struct bytes path;   /* canonical; empty if it has no canonical form */
	struct bytes stated; /* empty if it is the same */
	enum file_kind kind;
	uint32_t mode, flags; /* ROW_* and FILE_* */
	uint64_t size;
	alg_set algs;                    /* that it has, of those asked for */
	struct bytes digests[ALG_COUNT]; /* of those in algs, of the right size */
};

/* A row of the table file_extra, or of link. */
struct extra_row {
	int64_t artifact, number;
	struct bytes capabilities, build_id, ima_signature, verity_signature;
};
struct link_row {
	int64_t artifact, number;
	struct bytes path, target;
};

static inline struct bytes file_row_path(const struct file_row *row)
{
	return row->stated.size ? row->stated : row->path;
}

/* The columns of artifact, in the order row_artifact reads them. */
#define ARTIFACT_COLUMNS                                                                           \
	"artifact.id, artifact.kind, artifact.digest, artifact.size, artifact.name, "              \
	"artifact.package, artifact.evr, artifact.arch, artifact.vendor, artifact.build_host, "    \
	"artifact.source_rpm, artifact.build_time, artifact.signature, artifact.signer, "          \
	"artifact.header_only, artifact.algorithms, artifact.any_algorithms, artifact.n_files, "   \
	"artifact.n_links, artifact.files_digest, artifact.extras_digest, "                        \
	"artifact.links_digest, artifact.seal"
#define ARTIFACT_N_COLUMNS 23

/* Reads and checks a row whose columns begin at first: values in range, the seal right. */
int row_artifact(struct db *db, sqlite3_stmt *stmt, int first, struct artifact_row *out,
		 struct error *err);
/* SELECT list for the columns of file that row_file reads, with the digests of algs. */
void row_file_columns(struct buf *out, alg_set algs);
int row_file(struct db *db, sqlite3_stmt *stmt, int first, alg_set algs, struct file_row *out,
	     struct error *err);

/* Ends the seal of a part of an artifact: it must be the one its row has. */
int row_part_finish(struct db *db, int64_t artifact, enum seal_part part, const uint8_t digest[32],
		    struct error *err);

void seal_artifact_row(struct seal *seal, const struct artifact_row *row);
void seal_file_row(struct seal *seal, const struct file_row *row);
void seal_extra_row(struct seal *seal, const struct extra_row *row);
void seal_link_row(struct seal *seal, const struct link_row *row);

/*
 * The rows of one artifact in one table, in order, each checked as it is read and all of them
 * against the artifact's seal, which is known at their end only: what is made of rows before is to
 * be thrown away if the end is an error. fn may be NULL.
 */
typedef int file_row_fn(void *ctx, const struct file_row *row, struct error *err);
typedef int extra_row_fn(void *ctx, const struct extra_row *row, struct error *err);
typedef int link_row_fn(void *ctx, const struct link_row *row, struct error *err);
int rows_files(struct db *db, const struct artifact_row *artifact, file_row_fn *fn, void *ctx,
	       struct error *err);
int rows_extras(struct db *db, const struct artifact_row *artifact, extra_row_fn *fn, void *ctx,
		struct error *err);
int rows_links(struct db *db, const struct artifact_row *artifact, link_row_fn *fn, void *ctx,
	       struct error *err);

/* --- the connection (db.c) --------------------------------------------------------------------- */

/* Statements that are made once and kept; db.c has their text. */
enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_RELEASES,
	SQL_RELEASE_INSERT,
	SQL_RELEASE_COUNT,
	SQL_MEMBERS,
	SQL_MEMBER_FIND,
	SQL_MEMBER_INSERT,
	SQL_ARTIFACTS,
	SQL_ARTIFACT_SELECT,
	SQL_ARTIFACT_INSERT,
	SQL_ARTIFACT_REPLACE,
	SQL_FILES,
	SQL_FILE_INSERT,
	SQL_FILE_DELETE,
	SQL_EXTRAS,
	SQL_EXTRA_INSERT,
	SQL_EXTRA_DELETE,
	SQL_LINKS,
	SQL_LINK_INSERT,
	SQL_LINK_DELETE,
	SQL_COUNT
};

struct import;

struct db {
	sqlite3 *sql;
	char *path; /* as the user named it; what errors call it */
	enum db_mode mode;
	int lock_fd; /* a reader's lock; -1 if none */
	sqlite3_stmt *statements[SQL_COUNT];
	struct seal seals[SEAL_PARTS];
	struct import *import; /* owned; NULL when reading */
	int64_t *checked;      /* owned; sorted ids of artifacts whose files were found whole */
	size_t n_checked;
};

/* The statement, reset and without bindings; NULL and *err on failure. Kept by db. */
sqlite3_stmt *db_statement(struct db *db, enum statement which, struct error *err);

/* A statement of the caller's own, to be finalized (AUTO(statement_finalize)). */
sqlite3_stmt *db_prepare(struct db *db, const char *text, struct error *err);
void statement_finalize(sqlite3_stmt **stmt);

/* A kept statement given back at the end of its scope, so that it holds no lock and no page. */
void statement_reset(sqlite3_stmt **stmt);

/* 1 a row, 0 done, -1 and *err. */
int db_step(struct db *db, sqlite3_stmt *stmt, struct error *err);

/* Steps a statement that gives no rows, then resets it. */
int db_run(struct db *db, sqlite3_stmt *stmt, struct error *err);

/* Runs one statement of fixed text, passing over rows. */
int db_execute(struct db *db, const char *text, struct error *err);

/* What SQLite's last failure means here: -1 and *err. */
int db_fail(struct db *db, int result, struct error *err);

/* ERROR_MALFORMED: the database is damaged, and how that shows. */
int db_damaged(struct db *db, struct error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void bind_bytes(sqlite3_stmt *stmt, int parameter, struct bytes text);
void bind_blob(sqlite3_stmt *stmt, int parameter, struct bytes blob);
struct bytes column_bytes(sqlite3_stmt *stmt, int column);

/* 0 if the database has the release, else -1 and ERROR_USAGE naming it (lookup.c). */
int release_check(struct db *db, const char *release, struct error *err);

/* import.c: what db_open and db_close do for an import. */
int import_open(struct db *db, struct error *err);
void import_close(struct db *db);

#endif
