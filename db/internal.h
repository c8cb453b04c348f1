/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of db/ share: the connection and its statements, the schema,
 * rows as they are read and checked.
 */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "core/crypto.h"
#include "db/db.h"
#include "db/manifest.h"

/* --- paths (path.c) --------------------------------------------------------------------------- */

/* True if the path begins with a folder that usr-merge moved below /usr. */
bool path_is_merged(struct bytes path);

/* True if golden_path accepts the path (given room for it). The part before from, which ends in a
 * slash or is empty, is known to be fine. */
bool path_is_plain(struct bytes path, size_t from);

/* The canonical form of a plain path, in room if it differs. */
struct bytes path_canonical(struct bytes path, uint8_t room[GOLDEN_PATH_MAX]);

/* The same as path_is_plain for the paths of a manifest one after the other, looking only at what is new in each. */
struct plain_path {
	bool plain; /* the path before was */
};
bool plain_path_next(struct plain_path *last, const struct manifest_file *file);

/* --- schema (schema.c) -------------------------------------------------------------------------- */

#define DB_APPLICATION_ID 0x41535359 /* "ASSY" */
#define DB_SCHEMA_VERSION 3

/* Makes the tables in an empty database, and sets the application id and the version. */
int schema_create(struct db *db, struct error *err);

/* sqlite_schema must hold our tables, word for word, and nothing else. */
int schema_check(struct db *db, struct error *err);

/* --- the connection (db.c) ------------------------------------------------------------------------ */

/* Statements that are made once and kept; db.c has their text. */
enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_RELEASES,
	SQL_RELEASE_INSERT,
	SQL_RELEASE_COUNT,
	SQL_MEMBERS,
	SQL_MEMBER_FIND,
	SQL_MEMBER_INSERT,
	SQL_ARTIFACTS,
	SQL_BOOTS,
	SQL_KEYS,
	SQL_ARTIFACT,
	SQL_ARTIFACT_INSERT,
	SQL_ARTIFACT_UPDATE,
	SQL_CONTENT,
	SQL_CONTENTS,
	SQL_CONTENT_INSERT,
	SQL_CONTENT_USED,
	SQL_CONTENT_DELETE,
	SQL_PRINTS,
	SQL_PRINTS_OF,
	SQL_PRINTS_PUT,
	SQL_COUNT
};

struct import;
struct finder;

struct db {
	sqlite3 *sql;
	char *path; /* as the user named it; what errors call it */
	enum db_mode mode;
	int lock_fd;            /* a reader's lock; -1 if none */
	pthread_mutex_t serial; /* held by db_lookup_*, which any thread may call */
	struct hasher *hasher;
	sqlite3_stmt *statements[SQL_COUNT];
	struct import *import; /* owned; NULL when reading */
	struct finder *finder; /* owned; made by the first db_lookup_* */
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

/* --- rows (rows.c) ---------------------------------------------------------------------------------- */

/* A row of the table artifact. Strings are borrowed from its statement until the next step. */
struct artifact_row {
	int64_t id;
	struct artifact artifact;
	alg_set algs; /* every file with digests has these */
	uint64_t n_files, n_links;
	int64_t manifest; /* number of the content */
	int64_t extras;   /* likewise; -1 if there are none */
	int64_t profiles; /* likewise: boot profiles, or keys, as the kind says */
};

/* The columns of artifact in the order row_artifact reads them. */
#define ARTIFACT_COLUMNS                                                                           \
	"id, kind, digest, size, name, package, evr, arch, vendor, build_host, source_rpm, "       \
	"build_time, signature, signer, header_only, algorithms, n_files, n_links, manifest, "     \
	"extras, profiles, seal"

/* Reads and checks a row: values in range, the seal right. */
int row_artifact(struct db *db, sqlite3_stmt *stmt, struct artifact_row *out, struct error *err);

/* SHA-256 of what an artifact's row says, as assay-database(5) defines it. */
int row_seal(struct db *db, const struct artifact_row *row, struct digest *out, struct error *err);

/* Steps a statement over artifact rows: 1 and *out, 0, -1. */
int artifact_next(struct db *db, sqlite3_stmt *stmt, struct artifact_row *out, struct error *err);

/* The number that a digest gives a row of content or artifact: its first 47 bits, so that rows are the
 * same in whatever order they came. Where another has that number, the next free one is taken. */
int64_t row_number(const uint8_t digest[32]);

/* Reads one content and checks it against its digest. Valid until the statement is reset. */
int content_read(struct db *db, sqlite3_stmt *stmt, int64_t id, struct bytes *out,
		 struct error *err);

/* The same when many are read in the order of their numbers: stmt is SQL_CONTENTS, which is stepped on
 * to that content and not reset in between. */
int content_next(struct db *db, sqlite3_stmt *stmt, int64_t id, struct bytes *out,
		 struct error *err);

/* All artifacts in the order of their numbers. */
struct artifact_list {
	struct artifact_row *items; /* owned */
	size_t n_items;
	struct buf text; /* their strings */
};
int artifacts_read(struct db *db, struct artifact_list *out, struct error *err);
/* Those of ARTIFACT_BOOT alone. */
int boots_read(struct db *db, struct artifact_list *out, struct error *err);
/* Those of ARTIFACT_KEYS alone. */
int key_artifacts_read(struct db *db, struct artifact_list *out, struct error *err);
void artifact_list_clear(struct artifact_list *list);
struct artifact_row *artifact_list_find(const struct artifact_list *list, int64_t id);

/* All releases in the order of their names, with the artifacts each holds, in the list's order. */
struct release {
	const char *name;
	size_t n_artifacts;
	size_t n_boots;      /* of ARTIFACT_BOOT among them */
	uint32_t *artifacts; /* owned; indices into the list, ascending */
};
struct release_list {
	struct release *items; /* owned */
	size_t n_items;
	struct buf text; /* their names */
};
/* ERROR_MALFORMED if a release lacks artifacts it has counted, or holds some that are not there. */
int releases_read(struct db *db, const struct artifact_list *artifacts, struct release_list *out,
		  struct error *err);
/* The same without their artifacts. */
int release_names_read(struct db *db, struct release_list *out, struct error *err);
/* The numbers of a release's n_artifacts artifacts, ascending; *out is the caller's. */
int release_numbers(struct db *db, const struct release *release, int64_t **out, struct error *err);
/* Whether a release holds an artifact. */
int release_has(struct db *db, const char *release, int64_t artifact, bool *out, struct error *err);
void release_list_clear(struct release_list *list);
/* NULL and ERROR_USAGE if there is none of that name. */
const struct release *release_list_find(struct db *db, const struct release_list *list,
					const char *name, struct error *err);

/* Reads everything: SQLite's pages, references between rows, every blob (check.c). */
int db_check(struct db *db, struct error *err);

/* True if the artifact of that index in the list is among the release's. */
bool release_holds(const struct release *release, uint32_t artifact);

/* --- import.c, lookup.c: what db_open and db_close do for them ---------------------------------------- */

/* is_new: it has no tables yet; they are made. */
int import_open(struct db *db, bool is_new, struct error *err);
void import_close(struct db *db);
void finder_free(struct finder *finder);

#endif
