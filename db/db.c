/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/reader.h"
#include "db/internal.h"
#include "db/page_cache.h"

/* How long an import waits for another to end. */
#define BUSY_MILLISECONDS 5000

/* Manifests of trees are the longest values: some 80 bytes for each file. */
#define VALUE_SIZE_MAX (1 << 29)

#define RECOVER_HINT "'assay db info --recover' or the next import brings it in order"

static const char *const statement_text[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_RELEASES] = "SELECT name, n_artifacts, n_boots FROM release ORDER BY name",
	[SQL_RELEASE_INSERT] = "INSERT INTO release (name, n_artifacts, n_boots) VALUES (?1, 0, 0) "
			       "ON CONFLICT DO NOTHING",
	[SQL_RELEASE_COUNT] = "UPDATE release SET n_artifacts = n_artifacts + 1, "
			      "n_boots = n_boots + ?2 WHERE name = ?1",
	[SQL_MEMBERS] = "SELECT artifact FROM release_artifact WHERE release = ?1 "
			"ORDER BY artifact",
	[SQL_MEMBER_FIND] = "SELECT 1 FROM release_artifact WHERE release = ?1 AND artifact = ?2",
	[SQL_MEMBER_INSERT] = "INSERT INTO release_artifact (release, artifact) VALUES (?1, ?2)",
	[SQL_ARTIFACTS] = "SELECT " ARTIFACT_COLUMNS " FROM artifact ORDER BY id",
	[SQL_BOOTS] = "SELECT " ARTIFACT_COLUMNS " FROM artifact WHERE kind = 3 ORDER BY id",
	[SQL_KEYS] = "SELECT " ARTIFACT_COLUMNS " FROM artifact WHERE kind = 5 ORDER BY id",
	[SQL_ARTIFACT] = "SELECT " ARTIFACT_COLUMNS " FROM artifact WHERE id = ?1",
	[SQL_ARTIFACT_INSERT] = "INSERT INTO artifact (" ARTIFACT_COLUMNS ") VALUES (?1, ?2, ?3, "
				"?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, "
				"?18, ?19, ?20, ?21, ?22)",
	[SQL_ARTIFACT_UPDATE] =
		"UPDATE artifact SET signature = ?13, signer = ?14, "
		"header_only = ?15, algorithms = ?16, n_files = ?17, n_links = ?18, "
		"manifest = ?19, extras = ?20, profiles = ?21, seal = ?22 WHERE id = ?1",
	[SQL_CONTENT] = "SELECT digest, bytes FROM content WHERE id = ?1",
	[SQL_CONTENTS] = "SELECT digest, bytes, id FROM content ORDER BY id",
	[SQL_CONTENT_INSERT] = "INSERT INTO content (id, digest, bytes) VALUES (?1, ?2, ?3)",
	[SQL_CONTENT_USED] = "SELECT 1 FROM artifact WHERE manifest = ?1 OR extras = ?1 "
			     "OR profiles = ?1",
	[SQL_CONTENT_DELETE] = "DELETE FROM content WHERE id = ?1",
	[SQL_PRINTS] = "SELECT artifact, digest, bytes FROM prints ORDER BY artifact",
	[SQL_PRINTS_OF] = "SELECT digest, bytes FROM prints WHERE artifact = ?1",
	[SQL_PRINTS_PUT] = "INSERT OR REPLACE INTO prints (artifact, digest, bytes) "
			   "VALUES (?1, ?2, ?3)",
};

/* --- statements ----------------------------------------------------------------------------- */

int db_damaged(struct db *db, struct error *err, const char *format, ...)
{
	char how[256];
	va_list args;

	va_start(args, format);
	vsnprintf(how, sizeof(how), format, args);
	va_end(args);
	return error_set(err, ERROR_MALFORMED, db->path, ERROR_NO_OFFSET,
			 "the database is damaged: %s", how);
}

int db_fail(struct db *db, int result, struct error *err)
{
	const char *reason = db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(result);
	int reason_errno = db->sql ? sqlite3_system_errno(db->sql) : 0;

	switch (result & 0xff) {
	case SQLITE_NOMEM:
		return error_memory(err, db->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return db_damaged(db, err, "%s", reason);
	case SQLITE_FULL:
		return error_set(err, ERROR_SYSTEM, db->path, ERROR_NO_OFFSET,
				 "the disk is full; what was imported before is safe");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(err, ERROR_SYSTEM, db->path, ERROR_NO_OFFSET,
				 "is in use by another process");
	case SQLITE_CANTOPEN:
		return error_errno(err, db->mode == DB_READ ? ERROR_INPUT : ERROR_SYSTEM, db->path,
				   reason_errno ? reason_errno : EIO, "cannot open");
	case SQLITE_READONLY:
		return error_set(err, ERROR_SYSTEM, db->path, ERROR_NO_OFFSET,
				 "cannot be written: %s", reason);
	case SQLITE_TOOBIG:
		return error_set(err, ERROR_LIMIT, db->path, ERROR_NO_OFFSET,
				 "a value is longer than %d bytes", VALUE_SIZE_MAX);
	case SQLITE_IOERR:
		if (db->mode == DB_READ && result == SQLITE_IOERR_SHORT_READ)
			return db_damaged(db, err, "cut short");
		if (reason_errno)
			return error_errno(err, db->mode == DB_READ ? ERROR_INPUT : ERROR_SYSTEM,
					   db->path, reason_errno, "%s", reason);
		return error_set(err, db->mode == DB_READ ? ERROR_INPUT : ERROR_SYSTEM, db->path,
				 ERROR_NO_OFFSET, "%s", reason);
	default:
		/* Constraints, types: rows that SQLite itself would not have let in. */
		return db->mode == DB_READ ? db_damaged(db, err, "%s", reason)
					   : error_set(err, ERROR_SYSTEM, db->path, ERROR_NO_OFFSET,
						       "SQLite: %s", reason);
	}
}

void statement_finalize(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}

void statement_reset(sqlite3_stmt **stmt)
{
	if (*stmt)
		sqlite3_reset(*stmt);
}

sqlite3_stmt *db_prepare(struct db *db, const char *text, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int result = sqlite3_prepare_v3(db->sql, text, -1, 0, &stmt, NULL);

	if (result != SQLITE_OK)
		db_fail(db, result, err);
	return stmt;
}

sqlite3_stmt *db_statement(struct db *db, enum statement which, struct error *err)
{
	int result;

	if (db->statements[which]) {
		sqlite3_reset(db->statements[which]);
		sqlite3_clear_bindings(db->statements[which]);
		return db->statements[which];
	}
	result = sqlite3_prepare_v3(db->sql, statement_text[which], -1, SQLITE_PREPARE_PERSISTENT,
				    &db->statements[which], NULL);
	if (result != SQLITE_OK)
		db_fail(db, result, err);
	return db->statements[which];
}

int db_step(struct db *db, sqlite3_stmt *stmt, struct error *err)
{
	int result = sqlite3_step(stmt);

	if (result == SQLITE_ROW)
		return 1;
	if (result == SQLITE_DONE)
		return 0;
	return db_fail(db, result, err);
}

int db_run(struct db *db, sqlite3_stmt *stmt, struct error *err)
{
	int status = db_step(db, stmt, err);

	sqlite3_reset(stmt);
	return status < 0 ? -1 : 0;
}

int db_execute(struct db *db, const char *text, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = db_prepare(db, text, err);
	int row = -1;

	while (stmt && (row = db_step(db, stmt, err)) > 0)
		;
	return row;
}

void bind_bytes(sqlite3_stmt *stmt, int parameter, struct bytes text)
{
	/* SQLite takes a NULL pointer for NULL. */
	sqlite3_bind_text64(stmt, parameter, text.size ? (const char *)text.data : "", text.size,
			    SQLITE_STATIC, SQLITE_UTF8);
}

void bind_blob(sqlite3_stmt *stmt, int parameter, struct bytes blob)
{
	sqlite3_bind_blob64(stmt, parameter, blob.size ? blob.data : (const void *)"", blob.size,
			    SQLITE_STATIC);
}

struct bytes column_bytes(sqlite3_stmt *stmt, int column)
{
	/* As a blob, so that SQLite neither converts nor copies; the pointer before the size. */
	const void *data = sqlite3_column_blob(stmt, column);

	return bytes_of(data, data ? (size_t)sqlite3_column_bytes(stmt, column) : 0);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int not_ours(const char *path, struct error *err, const char *what)
{
	return error_set(err, ERROR_MALFORMED, path, ERROR_NO_OFFSET, "%s", what);
}

/*
 * The database header (SQLite's "Database File Format", 1.3), read before SQLite sees the file.
 * whole: the file must be complete, with no import open.
 */
static int header_check(const char *path, struct bytes header, uint64_t file_size, bool whole,
			struct error *err)
{
	struct reader in = reader_of(header, 0, path);
	uint32_t page_size, n_pages, encoding, version, application;
	uint8_t write_version;
	const uint8_t *magic;

	if (header.size < 100)
		return not_ours(path, err,
				header.size ? "is not a golden database: too short"
					    : "is not a golden database: empty");
	magic = reader_take(&in, 16);
	if (memcmp(magic, "SQLite format 3", 16) != 0)
		return not_ours(path, err, "is not a golden database: not an SQLite file");
	page_size = reader_be16(&in);
	page_size = page_size == 1 ? 65536 : page_size;
	write_version = reader_u8(&in);
	reader_skip(&in, 9);
	n_pages = reader_be32(&in);
	reader_skip(&in, 24);
	encoding = reader_be32(&in);
	version = reader_be32(&in);
	reader_skip(&in, 4);
	application = reader_be32(&in);
	if (application != DB_APPLICATION_ID)
		return error_set(err, ERROR_MALFORMED, path, 68,
				 "is not a golden database: application id 0x%08" PRIx32
				 ", Assay's is 0x%08x",
				 application, DB_APPLICATION_ID);
	if (version != DB_SCHEMA_VERSION)
		return error_set(err, ERROR_MALFORMED, path, 60,
				 "schema version %" PRIu32 "; this Assay reads version %d", version,
				 DB_SCHEMA_VERSION);
	if (encoding != SQLITE_UTF8)
		return error_set(err, ERROR_MALFORMED, path, 56,
				 "the database is damaged: text encoding %" PRIu32
				 ", not 1 (UTF-8)",
				 encoding);
	if (!whole)
		return 0;
	if (write_version != 1)
		return error_set(err, ERROR_MALFORMED, path, 18,
				 "an import into it was interrupted: " RECOVER_HINT);
	if (page_size < 512 || (page_size & (page_size - 1)) || n_pages == 0)
		return error_set(err, ERROR_MALFORMED, path, 16,
				 "the database is damaged: page size %" PRIu32 ", %" PRIu32
				 " pages",
				 page_size, n_pages);
	if (file_size != (uint64_t)page_size * n_pages)
		return error_set(err, ERROR_MALFORMED, path, 28,
				 "the database is damaged: %" PRIu32 " pages of %" PRIu32
				 " bytes, but the file has %" PRIu64 " bytes",
				 n_pages, page_size, file_size);
	return 0;
}

/*
 * Keeps imports away while we read: a read lock on the bytes that SQLite's writers lock
 * (PENDING_BYTE + 2, 510 bytes; "File Locking And Concurrency", 3), held by this open file and not
 * by the process, so that closing another handle does not drop it. File systems that have no locks
 * are read without.
 */
static int lock_shared(int fd, const char *path, struct error *err)
{
	struct flock lock = {
		.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0x40000002, .l_len = 510
	};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET,
				 "an import into it is under way");
	return 0;
}

/* True if an SQLite journal of that suffix lies beside the database and is not empty. */
static int journal_there(const char *path, const char *suffix, bool *out, struct error *err)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;
	struct stat st;

	buf_printf(&name, "%s%s", path, suffix);
	if (buf_finish(&name, err) < 0)
		return -1;
	*out = stat((const char *)name.data, &st) == 0 && st.st_size > 0;
	return 0;
}

/* Reads as much of the header as there is. */
static int header_read(int fd, const char *path, uint8_t out[100], size_t *size,
		       uint64_t *file_size, struct error *err)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot inspect");
	if (S_ISDIR(st.st_mode))
		return error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET, "is a directory");
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET, "is not a regular file");
	do
		n = pread(fd, out, 100, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot read");
	*size = (size_t)n;
	*file_size = (uint64_t)st.st_size;
	return 0;
}

/* The file as SQLite must find it before a reader may look: whole, ours, at rest. */
static int read_check(struct db *db, struct error *err)
{
	bool journal = false, wal = false;
	uint64_t file_size;
	uint8_t header[100];
	size_t size;

	db->lock_fd = open(db->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (db->lock_fd < 0)
		return error_errno(err, ERROR_INPUT, db->path, errno, "cannot open");
	if (header_read(db->lock_fd, db->path, header, &size, &file_size, err) < 0 ||
	    lock_shared(db->lock_fd, db->path, err) < 0)
		return -1;
	/* Immutable means that SQLite would pass over both. */
	if (journal_there(db->path, "-journal", &journal, err) < 0 ||
	    journal_there(db->path, "-wal", &wal, err) < 0)
		return -1;
	if (journal || wal)
		return error_set(err, ERROR_MALFORMED, db->path, ERROR_NO_OFFSET,
				 "an import into it was interrupted: " RECOVER_HINT);
	return header_check(db->path, bytes_of(header, size), file_size, true, err);
}

/*
 * Before an import or a recovery: nothing of a file that is not ours is touched. An empty file is a
 * new database; so is one that was being made when its import was killed, which its journal tells.
 */
static int import_check(struct db *db, struct error *err)
{
	bool journal = false;
	uint64_t file_size;
	uint8_t header[100];
	size_t size = 0;
	int fd, status;

	fd = open(db->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT && db->mode == DB_IMPORT)
		return 0;
	if (fd < 0)
		return error_errno(err, ERROR_INPUT, db->path, errno, "cannot open");
	status = header_read(fd, db->path, header, &size, &file_size, err);
	close(fd);
	if (status < 0 || journal_there(db->path, "-journal", &journal, err) < 0)
		return -1;
	if (journal || size == 0)
		return 0;
	return header_check(db->path, bytes_of(header, size), file_size, false, err);
}

/* The name as a URI (SQLite's "Uniform Resource Identifiers", 3.1). */
static void append_uri(struct buf *out, const char *path)
{
	buf_append_string(out, path[0] == '/' ? "file://" : "file:");
	for (; *path; path++) {
		if (*path == '%' || *path == '?' || *path == '#')
			buf_printf(out, "%%%02x", (unsigned char)*path);
		else
			buf_append_u8(out, (uint8_t)*path);
	}
}

static int configure(struct db *db, struct error *err)
{
	static const struct {
		int limit, value;
	} limits[] = {
		{SQLITE_LIMIT_LENGTH,           VALUE_SIZE_MAX},
		{ SQLITE_LIMIT_SQL_LENGTH,      1 << 16       },
		{ SQLITE_LIMIT_ATTACHED,        0             },
		{ SQLITE_LIMIT_COLUMN,          64            },
		{ SQLITE_LIMIT_EXPR_DEPTH,      64            },
		{ SQLITE_LIMIT_COMPOUND_SELECT, 8             },
		{ SQLITE_LIMIT_VARIABLE_NUMBER, 64            },
		{ SQLITE_LIMIT_TRIGGER_DEPTH,   1             },
	};
	static const struct {
		int option, value;
	} options[] = {
		{SQLITE_DBCONFIG_DEFENSIVE,              1},
                { SQLITE_DBCONFIG_TRUSTED_SCHEMA,        0},
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER,        0},
                { SQLITE_DBCONFIG_ENABLE_VIEW,           0},
		{ SQLITE_DBCONFIG_ENABLE_FKEY,           1},
                { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	};

	sqlite3_extended_result_codes(db->sql, 1);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		sqlite3_limit(db->sql, limits[i].limit, limits[i].value);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int result = sqlite3_db_config(db->sql, options[i].option, options[i].value, NULL);

		if (result != SQLITE_OK)
			return db_fail(db, result, err);
	}
	/* No mapping: a file that shrinks or a bad disk must be an error and not a signal. */
	return db_execute(db, "PRAGMA mmap_size = 0", err) < 0 ||
			       db_execute(db, "PRAGMA cell_size_check = ON", err) < 0
		       ? -1
		       : 0;
}

static int open_reading(struct db *db, struct error *err)
{
	AUTO(buf_clear) struct buf uri = BUF_INIT;
	int result;

	if (read_check(db, err) < 0)
		return -1;
	append_uri(&uri, db->path);
	buf_append_string(&uri, "?immutable=1");
	if (buf_finish(&uri, err) < 0)
		return -1;
	result =
		sqlite3_open_v2((const char *)uri.data, &db->sql,
				SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (result != SQLITE_OK)
		return db_fail(db, result, err);
	if (configure(db, err) < 0 || schema_check(db, err) < 0)
		return -1;
	return 0;
}

static int pragma_value(struct db *db, const char *text, int64_t *out, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = db_prepare(db, text, err);
	int row = stmt ? db_step(db, stmt, err) : -1;

	if (row < 0)
		return -1;
	*out = row ? sqlite3_column_int64(stmt, 0) : 0;
	return 0;
}

/*
 * Takes the lock, which is kept, and plays back the journal of an import that was killed. *is_new: there
 * is nothing in it, not even tables.
 */
static int open_checked(struct db *db, bool *is_new, struct error *err)
{
	int64_t n_entries, application, version;

	if (db_execute(db, "BEGIN EXCLUSIVE", err) < 0 ||
	    pragma_value(db, "SELECT count(*) FROM sqlite_schema", &n_entries, err) < 0 ||
	    pragma_value(db, "PRAGMA application_id", &application, err) < 0 ||
	    pragma_value(db, "PRAGMA user_version", &version, err) < 0)
		return -1;
	*is_new = n_entries == 0 && application == 0 && version == 0;
	if (*is_new) /* a commit would write the header of a database that is not ours */
		return db_execute(db, "ROLLBACK", err);
	if (application != DB_APPLICATION_ID || version != DB_SCHEMA_VERSION)
		return error_set(err, ERROR_MALFORMED, db->path, ERROR_NO_OFFSET,
				 "is not a golden database of schema version %d",
				 DB_SCHEMA_VERSION);
	return schema_check(db, err) < 0 || db_execute(db, "COMMIT", err) < 0 ? -1 : 0;
}

static int open_importing(struct db *db, struct error *err)
{
	static const char *const pragmas[] = {
		"PRAGMA synchronous = NORMAL",
		"PRAGMA wal_autocheckpoint = 2048", /* pages: 32 MiB */
		"PRAGMA cache_size = -16384",       /* KiB */
		"PRAGMA secure_delete = OFF",
	};
	_Static_assert(PAGE_CACHE_KIB == 16384 && PAGE_SIZE_NEW == 16384,
		       "as cache_size and page_size say");
	bool is_new;
	int result;

	if (import_check(db, err) < 0)
		return -1;
	page_cache_begin();
	result = sqlite3_open_v2(db->path, &db->sql,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
					 (db->mode == DB_IMPORT ? SQLITE_OPEN_CREATE : 0),
				 NULL);
	if (result != SQLITE_OK)
		return db_fail(db, result, err);
	sqlite3_busy_timeout(db->sql, BUSY_MILLISECONDS);
	if (configure(db, err) < 0 || db_execute(db, "PRAGMA page_size = 16384", err) < 0 ||
	    db_execute(db, "PRAGMA locking_mode = EXCLUSIVE", err) < 0)
		return -1;
	if (open_checked(db, &is_new, err) < 0) {
		if (!sqlite3_get_autocommit(db->sql))
			db_execute(db, "ROLLBACK", NULL);
		return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(pragmas); i++)
		if (db_execute(db, pragmas[i], err) < 0)
			return -1;
	return import_open(db, is_new, err);
}

int db_open(const char *path, enum db_mode mode, struct db **out, struct error *err)
{
	AUTO(db_closep) struct db *db = calloc(1, sizeof(*db));

	if (!db)
		return error_memory(err, path);
	pthread_mutex_init(&db->serial, NULL);
	db->lock_fd = -1;
	db->mode = mode;
	db->path = strdup(path);
	if (!db->path)
		return error_memory(err, path);
	if (hasher_new(&db->hasher, err) < 0)
		return -1;
	if ((mode == DB_READ ? open_reading(db, err) : open_importing(db, err)) < 0)
		return -1;
	*out = TAKE(db);
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	import_close(db);
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->sql);
	hasher_free(db->hasher);
	finder_free(db->finder);
	pthread_mutex_destroy(&db->serial);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	free(db->path);
	free(db);
}

void db_closep(struct db **db)
{
	db_close(*db);
}

/* --- names --------------------------------------------------------------------------------------- */

const char *file_kind_name(enum file_kind kind)
{
	static const char *const names[KIND_COUNT] = {
		[KIND_OTHER] = "other",
		[KIND_EXECUTABLE] = "executable",
		[KIND_SHARED_OBJECT] = "shared-object",
		[KIND_KERNEL_MODULE] = "kernel-module",
		[KIND_FIRMWARE] = "firmware",
		[KIND_SCRIPT] = "script",
		[KIND_OBJECT] = "object",
	};

	return kind < KIND_COUNT ? names[kind] : "unknown";
}

const char *artifact_kind_name(enum artifact_kind kind)
{
	switch (kind) {
	case ARTIFACT_RPM:
		return "rpm";
	case ARTIFACT_TREE:
		return "tree";
	case ARTIFACT_INITRD:
		return "initrd";
	case ARTIFACT_BOOT:
		return "boot";
	case ARTIFACT_ALLOWLIST:
		return "allowlist";
	case ARTIFACT_KEYS:
		return "keys";
	case ARTIFACT_KIND_COUNT:
		break;
	}
	return "unknown";
}

const char *signature_state_name(enum signature_state state)
{
	switch (state) {
	case SIGNATURE_NONE:
		return "unsigned";
	case SIGNATURE_VERIFIED:
		return "verified";
	case SIGNATURE_NO_KEY:
		return "no-key";
	case SIGNATURE_UNVERIFIABLE:
		return "unverifiable";
	}
	return "unknown";
}
