/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <time.h>

#include "db/internal.h"
#include "db/prints.h"

/*
 * A transaction is closed after so much time. What it writes goes to the write-ahead log and from there into
 * the database: its commit synchronises nothing, a kill loses nothing that was committed, a power failure
 * at most what came after the last checkpoint.
 *
 * It holds as many artifacts as the run committed before it, at least so many. Each commit writes anew the
 * pages that all artifacts share: of transactions of a few artifacts two thirds of the time went there. An
 * import that is killed does half of its work again, or what it did in that time.
 *
 * The first transaction of a new database also makes its tables: there are all of them or no database. There is
 * nothing yet that a log would have to keep, so pages are written once, to their places. It is closed
 * by its time alone.
 */
#define TRANSACTION_ARTIFACTS    16
#define TRANSACTION_MILLISECONDS 2000

/* An artifact that is in the database, or in the open transaction. */
struct known_artifact {
	bool used;
	int64_t id;
	enum artifact_kind kind;
	uint8_t digest[32];
	alg_set algs;
};

struct import {
	/* Shared with db_has_artifact; open addressing by number, at most half full. */
	pthread_mutex_t lock;
	struct known_artifact *known; /* owned */
	size_t n_known, n_slots;

	bool is_new;        /* nothing was ever committed to the database, not even its tables */
	bool logged;        /* there is a write-ahead log */
	bool begun;         /* a transaction is open */
	int64_t begun_time; /* its first artifact was written then; milliseconds of CLOCK_MONOTONIC */
	uint64_t n_uncommitted; /* whole artifacts in it */
	uint64_t n_committed;   /* by this run */

	/* The artifact that is being imported. */
	bool open;
	const char *release;  /* borrowed by db_import_begin's promise */
	bool exists;          /* its row is there */
	bool member;          /* the release holds it */
	int64_t old_manifest; /* to go if nothing else has them; -1: none */
	int64_t old_extras;
	struct artifact_row row; /* as it will be */
	struct bytes profiles;   /* borrowed; or keys, as the kind says; empty: none */
	struct buf text;         /* its strings, and the release's name */
	struct manifest_writer *writer;
	struct buf prints; /* room for those of one artifact */
};

/* --- artifacts that are there ------------------------------------------------------------------ */

static struct known_artifact *slot_of(struct known_artifact *slots, size_t n_slots, int64_t id)
{
	size_t at = (size_t)id & (n_slots - 1);

	while (slots[at].used && slots[at].id != id)
		at = (at + 1) & (n_slots - 1);
	return &slots[at];
}

/* The artifact, or NULL and the number it is to have. The caller holds the lock or is the writer. */
static struct known_artifact *known_find(struct import *import, enum artifact_kind kind,
					 const uint8_t digest[32], int64_t *id)
{
	for (*id = row_number(digest);; ++*id) {
		struct known_artifact *slot = slot_of(import->known, import->n_slots, *id);

		if (!slot->used)
			return NULL;
		if (slot->kind == kind && memcmp(slot->digest, digest, 32) == 0)
			return slot;
	}
}

/* Called before a row is written, so that noting it afterwards cannot fail. */
static int known_reserve(struct db *db, struct error *err)
{
	struct import *import = db->import;
	struct known_artifact *slots;
	size_t n_slots = import->n_slots ? 2 * import->n_slots : 1024;

	if (2 * (import->n_known + 1) <= import->n_slots)
		return 0;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return error_memory(err, db->path);
	for (size_t i = 0; i < import->n_slots; i++)
		if (import->known[i].used)
			*slot_of(slots, n_slots, import->known[i].id) = import->known[i];
	pthread_mutex_lock(&import->lock);
	free(import->known);
	import->known = slots;
	import->n_slots = n_slots;
	pthread_mutex_unlock(&import->lock);
	return 0;
}

static void known_set(struct import *import, const struct artifact_row *row)
{
	struct known_artifact *slot;

	pthread_mutex_lock(&import->lock);
	slot = slot_of(import->known, import->n_slots, row->id);
	import->n_known += !slot->used;
	slot->used = true;
	slot->id = row->id;
	slot->kind = row->artifact.kind;
	slot->algs = row->algs;
	memcpy(slot->digest, row->artifact.digest.value, 32);
	pthread_mutex_unlock(&import->lock);
}

bool db_has_artifact(struct db *db, enum artifact_kind kind, const struct digest *digest,
		     alg_set algs)
{
	struct known_artifact *known;
	bool has;
	int64_t id;

	if (!db->import || digest->alg != ALG_SHA256)
		return false;
	pthread_mutex_lock(&db->import->lock);
	known = known_find(db->import, kind, digest->value, &id);
	has = known && (known->algs & algs) == algs;
	pthread_mutex_unlock(&db->import->lock);
	return has;
}

/* Every artifact that the database has. */
static int known_load(struct db *db, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_ARTIFACTS, err);
	struct artifact_row row;
	int found;

	if (!stmt)
		return -1;
	while ((found = artifact_next(db, stmt, &row, err)) > 0) {
		if (known_reserve(db, err) < 0)
			return -1;
		known_set(db->import, &row);
	}
	return found;
}

/* --- rows that are written ------------------------------------------------------------------------ */

/* The number of a content, which is stored unless it is there. */
static int content_put(struct db *db, struct bytes bytes, int64_t *id, struct error *err)
{
	struct digest digest;
	sqlite3_stmt *stmt;
	int found;

	if (hasher_digest_bytes(db->hasher, ALG_SHA256, bytes, &digest, err) < 0)
		return -1;
	for (*id = row_number(digest.value);; ++*id) {
		bool same;

		stmt = db_statement(db, SQL_CONTENT, err);
		if (!stmt)
			return -1;
		sqlite3_bind_int64(stmt, 1, *id);
		found = db_step(db, stmt, err);
		same = found > 0 && bytes_equal(column_bytes(stmt, 0), digest_bytes(&digest));
		sqlite3_reset(stmt);
		if (found < 0)
			return -1;
		if (same)
			return 0;
		if (!found)
			break;
	}
	stmt = db_statement(db, SQL_CONTENT_INSERT, err);
	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, *id);
	bind_blob(stmt, 2, digest_bytes(&digest));
	bind_blob(stmt, 3, bytes);
	return db_run(db, stmt, err);
}

/* Takes a content away that no artifact has any more. */
static int content_drop(struct db *db, int64_t id, struct error *err)
{
	sqlite3_stmt *stmt = db_statement(db, SQL_CONTENT_USED, err);
	int used;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, id);
	used = db_step(db, stmt, err);
	sqlite3_reset(stmt);
	if (used)
		return used < 0 ? -1 : 0;
	stmt = db_statement(db, SQL_CONTENT_DELETE, err);
	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, id);
	return db_run(db, stmt, err);
}

static int artifact_put(struct db *db, const struct artifact_row *row, bool exists,
			struct error *err)
{
	sqlite3_stmt *stmt =
		db_statement(db, exists ? SQL_ARTIFACT_UPDATE : SQL_ARTIFACT_INSERT, err);
	const struct artifact *a = &row->artifact;
	struct digest seal;

	if (!stmt || row_seal(db, row, &seal, err) < 0)
		return -1;
	/* The update has no parameters for what cannot change. */
	sqlite3_bind_int64(stmt, 1, row->id);
	if (!exists) {
		sqlite3_bind_int64(stmt, 2, a->kind);
		bind_blob(stmt, 3, digest_bytes(&a->digest));
		sqlite3_bind_int64(stmt, 4, (sqlite3_int64)a->size);
		bind_bytes(stmt, 5, a->name);
		bind_bytes(stmt, 6, a->package);
		bind_bytes(stmt, 7, a->evr);
		bind_bytes(stmt, 8, a->arch);
		bind_bytes(stmt, 9, a->vendor);
		bind_bytes(stmt, 10, a->build_host);
		bind_bytes(stmt, 11, a->source_rpm);
		sqlite3_bind_int64(stmt, 12, a->build_time);
	}
	sqlite3_bind_int64(stmt, 13, a->signature);
	bind_bytes(stmt, 14, a->signer);
	sqlite3_bind_int64(stmt, 15, a->header_only);
	sqlite3_bind_int64(stmt, 16, row->algs);
	sqlite3_bind_int64(stmt, 17, (sqlite3_int64)row->n_files);
	sqlite3_bind_int64(stmt, 18, (sqlite3_int64)row->n_links);
	sqlite3_bind_int64(stmt, 19, row->manifest);
	if (row->extras >= 0)
		sqlite3_bind_int64(stmt, 20, row->extras);
	if (row->profiles >= 0)
		sqlite3_bind_int64(stmt, 21, row->profiles);
	bind_blob(stmt, 22, digest_bytes(&seal));
	return db_run(db, stmt, err);
}

/* The prints of the files in a manifest. */
static int prints_put(struct db *db, int64_t id, struct bytes manifest, struct error *err)
{
	struct buf *blob = &db->import->prints;
	struct digest digest;
	sqlite3_stmt *stmt;

	if (prints_encode(id, manifest, db->hasher, db->path, blob, err) < 0) {
		buf_clear(blob);
		return -1;
	}
	if (hasher_digest_bytes(db->hasher, ALG_SHA256, buf_bytes(blob), &digest, err) < 0 ||
	    !(stmt = db_statement(db, SQL_PRINTS_PUT, err)))
		return -1;
	sqlite3_bind_int64(stmt, 1, id);
	bind_blob(stmt, 2, digest_bytes(&digest));
	bind_blob(stmt, 3, buf_bytes(blob));
	return db_run(db, stmt, err);
}

/* Links the release, made if it is new, to the artifact. */
static int member_put(struct db *db, const char *release, const struct artifact_row *row,
		      struct error *err)
{
	static const enum statement statements[] = { SQL_RELEASE_INSERT, SQL_MEMBER_INSERT,
						     SQL_RELEASE_COUNT };

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		sqlite3_stmt *stmt = db_statement(db, statements[i], err);

		if (!stmt)
			return -1;
		bind_bytes(stmt, 1, bytes_of_string(release));
		if (statements[i] == SQL_MEMBER_INSERT)
			sqlite3_bind_int64(stmt, 2, row->id);
		if (statements[i] == SQL_RELEASE_COUNT)
			sqlite3_bind_int64(stmt, 2, row->artifact.kind == ARTIFACT_BOOT);
		if (db_run(db, stmt, err) < 0)
			return -1;
	}
	return 0;
}

/* --- transactions -------------------------------------------------------------------------------- */

static int run(struct db *db, enum statement which, struct error *err)
{
	sqlite3_stmt *stmt = db_statement(db, which, err);

	return stmt ? db_run(db, stmt, err) : -1;
}

/*
 * Takes an open transaction back; after a full disk and the like SQLite has done so itself. What was
 * in it is no longer known.
 */
static void rollback(struct db *db)
{
	struct import *import = db->import;

	if (!sqlite3_get_autocommit(db->sql))
		db_execute(db, "ROLLBACK", NULL);
	import->begun = false;
	import->n_uncommitted = 0;
	pthread_mutex_lock(&import->lock);
	memset(import->known, 0, import->n_slots * sizeof(*import->known));
	import->n_known = 0;
	pthread_mutex_unlock(&import->lock);
	if (!import->is_new)
		known_load(db, NULL); /* whoever rolls back has an error to tell already */
}

static int use_log(struct db *db, struct error *err)
{
	if (db->import->logged)
		return 0;
	db->import->logged = true;
	return db_execute(db, "PRAGMA journal_mode = WAL", err);
}

/* Opens a transaction unless one is open. */
static int begin(struct db *db, struct error *err)
{
	struct import *import = db->import;

	if (import->begun)
		return 0;
	if ((!import->is_new && use_log(db, err) < 0) || run(db, SQL_BEGIN, err) < 0)
		return -1;
	import->begun = true;
	if (import->is_new && schema_create(db, err) < 0) {
		rollback(db);
		return -1;
	}
	return 0;
}

static int commit(struct db *db, struct error *err)
{
	struct import *import = db->import;

	if (!import->begun)
		return 0;
	if (run(db, SQL_COMMIT, err) < 0) {
		rollback(db);
		return -1;
	}
	import->n_committed += import->n_uncommitted;
	import->n_uncommitted = 0;
	import->begun = import->is_new = false;
	return 0;
}

static int64_t now(void)
{
	struct timespec time = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Whether the open transaction has gone on for long enough. */
static bool is_due(const struct import *import)
{
	return (!import->is_new && import->n_uncommitted >= TRANSACTION_ARTIFACTS &&
		import->n_uncommitted >= import->n_committed) ||
	       now() - import->begun_time >= TRANSACTION_MILLISECONDS;
}

/* --- whole artifacts ------------------------------------------------------------------------------ */

/* The better a state says who vouches, the higher. */
static int signature_rank(enum signature_state state)
{
	switch (state) {
	case SIGNATURE_NONE:
		return 0;
	case SIGNATURE_NO_KEY:
		return 1;
	case SIGNATURE_UNVERIFIABLE:
		return 2;
	case SIGNATURE_VERIFIED:
		return 3;
	}
	return 0;
}

/* Keeps copies of the release's name and of the artifact, whose strings are borrowed. */
static int artifact_copy(struct import *import, const char *release,
			 const struct artifact *artifact, struct error *err)
{
	struct artifact *copy = &import->row.artifact;
	struct bytes *strings[] = { &copy->name,   &copy->package,   &copy->evr,
				    &copy->arch,   &copy->vendor,    &copy->build_host,
				    &copy->signer, &copy->source_rpm };
	size_t at = strlen(release) + 1;

	*copy = *artifact;
	import->text.size = 0;
	buf_append(&import->text, bytes_of(release, at));
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		buf_append(&import->text, *strings[i]);
	if (buf_finish(&import->text, err) < 0) {
		buf_clear(&import->text);
		return -1;
	}
	import->release = (const char *)import->text.data;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		strings[i]->data = import->text.data + at;
		at += strings[i]->size;
	}
	return 0;
}

/*
 * import->row of an artifact that is there, with the better of both signature states; *better says
 * that it is the new one.
 */
static int artifact_merge(struct db *db, const char *release, const struct artifact *artifact,
			  bool *better, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_ARTIFACT, err);
	struct import *import = db->import;
	struct artifact_row row;
	int found;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, import->row.id);
	found = artifact_next(db, stmt, &row, err);
	if (found < 0)
		return -1;
	if (!found)
		return db_damaged(db, err, "artifact %" PRId64 " is gone", import->row.id);
	*better = signature_rank(artifact->signature) > signature_rank(row.artifact.signature);
	if (*better) {
		row.artifact.signature = artifact->signature;
		row.artifact.signer = artifact->signer;
	}
	import->row = row;
	return artifact_copy(import, release, &row.artifact, err);
}

static int write_rows(struct db *db, struct error *err)
{
	struct import *import = db->import;

	if (artifact_put(db, &import->row, import->exists, err) < 0 ||
	    (!import->member && member_put(db, import->release, &import->row, err) < 0))
		return -1;
	if (import->old_manifest >= 0 && import->old_manifest != import->row.manifest &&
	    content_drop(db, import->old_manifest, err) < 0)
		return -1;
	if (import->old_extras >= 0 && import->old_extras != import->row.extras &&
	    content_drop(db, import->old_extras, err) < 0)
		return -1;
	return 0;
}

/* In one transaction: the contents of the artifact if blobs is given, its row, and the release's
 * link. */
static int write_artifact(struct db *db, const struct manifest_blobs *blobs, struct error *err)
{
	struct artifact_row *row = &db->import->row;

	row->extras = blobs ? -1 : row->extras;
	if (begin(db, err) < 0 ||
	    (blobs && content_put(db, blobs->manifest, &row->manifest, err) < 0) ||
	    (blobs && blobs->extras.size &&
	     content_put(db, blobs->extras, &row->extras, err) < 0) ||
	    (blobs && db->import->profiles.size &&
	     content_put(db, db->import->profiles, &row->profiles, err) < 0) ||
	    write_rows(db, err) < 0 ||
	    (blobs && prints_put(db, row->id, blobs->manifest, err) < 0)) {
		rollback(db);
		return -1;
	}
	known_set(db->import, row);
	if (db->import->n_uncommitted++ == 0)
		db->import->begun_time = now();
	return is_due(db->import) ? commit(db, err) : 0;
}

int db_import_begin(struct db *db, const char *release, const struct artifact *artifact,
		    alg_set algs, struct error *err)
{
	struct import *import = db->import;
	struct known_artifact *known;
	bool better = false, enough = false;

	if (artifact->digest.alg != ALG_SHA256 || artifact->digest.size != 32 ||
	    artifact->size > INT64_MAX || artifact->name.size == 0 || !*release)
		return error_set(
			err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
			"an artifact needs a name, a release, a SHA-256 digest and a size");
	db_import_abort(db);
	if (known_reserve(db, err) < 0)
		return -1;
	import->row = (struct artifact_row){ .extras = -1, .profiles = -1 };
	import->member = false;
	import->old_manifest = import->old_extras = -1;
	known = known_find(import, artifact->kind, artifact->digest.value, &import->row.id);
	import->exists = known;
	if (known) {
		enough = (known->algs & algs) == algs;
		if (artifact_merge(db, release, artifact, &better, err) < 0 ||
		    release_has(db, release, known->id, &import->member, err) < 0)
			return -1;
	} else if (artifact_copy(import, release, artifact, err) < 0) {
		return -1;
	}
	if (enough && import->member && !better)
		return 0;
	if (enough)
		return write_artifact(db, NULL, err);
	if (known) {
		import->row.artifact.header_only &= artifact->header_only;
		import->old_manifest = import->row.manifest;
		import->old_extras = import->row.extras;
	}
	import->open = true;
	return 1;
}

bool db_import_linked(const struct db *db)
{
	return !db->import->member;
}

int db_import_file(struct db *db, const struct golden_file *file, struct error *err)
{
	return manifest_writer_file(db->import->writer, file, err);
}

int db_import_link(struct db *db, const struct golden_link *link, struct error *err)
{
	return manifest_writer_link(db->import->writer, link, err);
}

int db_import_profiles(struct db *db, struct bytes profiles, struct error *err)
{
	if (!db->import->open || db->import->row.artifact.kind != ARTIFACT_BOOT)
		return error_set(err, ERROR_SYSTEM, db->path, ERROR_NO_OFFSET,
				 "only what a boot is predicted from has profiles");
	db->import->profiles = profiles;
	return 0;
}

int db_import_keys(struct db *db, struct bytes keys, struct error *err)
{
	if (!db->import->open || db->import->row.artifact.kind != ARTIFACT_KEYS)
		return error_set(err, ERROR_SYSTEM, db->path, ERROR_NO_OFFSET,
				 "only an artifact of keys has keys");
	db->import->profiles = keys;
	return 0;
}

static int finish_manifest(struct db *db, struct manifest_blobs *out, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = NULL;
	struct import *import = db->import;
	struct bytes before = { 0 };

	if (import->old_manifest >= 0) {
		stmt = db_statement(db, SQL_CONTENT, err);
		if (!stmt || content_read(db, stmt, import->old_manifest, &before, err) < 0)
			return -1;
	}
	return manifest_writer_finish(import->writer, before, db->path, out, err);
}

int db_import_commit(struct db *db, struct error *err)
{
	struct import *import = db->import;
	struct manifest_blobs blobs;
	int status = -1;

	if (!import->open)
		return error_set(err, ERROR_SYSTEM, db->path, ERROR_NO_OFFSET,
				 "no artifact is being imported");
	if (finish_manifest(db, &blobs, err) == 0) {
		import->row.algs = blobs.algs;
		import->row.n_files = blobs.n_files;
		import->row.n_links = blobs.n_links;
		status = write_artifact(db, &blobs, err);
	}
	db_import_abort(db);
	return status;
}

void db_import_abort(struct db *db)
{
	if (!db->import)
		return;
	manifest_writer_clear(db->import->writer);
	db->import->profiles = (struct bytes){ 0 };
	db->import->open = false;
}

int db_import_finish(struct db *db, struct error *err)
{
	static const char *const pragmas[] = { "PRAGMA journal_mode = DELETE",
					       "PRAGMA locking_mode = NORMAL",
					       "PRAGMA user_version" };
	int status = commit(db, err);

	db_import_abort(db);
	for (size_t i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(db->statements[i]);
		db->statements[i] = NULL;
	}
	/* Moves the log into the database and takes it away, then the lock and the rollback journal, which
	 * go with the first access: readers want a plain file. */
	for (size_t i = 0; i < ARRAY_SIZE(pragmas); i++)
		if (db_execute(db, pragmas[i], status < 0 ? NULL : err) < 0)
			return -1;
	db->import->logged = false;
	return status;
}

int import_open(struct db *db, bool is_new, struct error *err)
{
	struct import *import = db->import = calloc(1, sizeof(*import));

	if (!import)
		return error_memory(err, db->path);
	import->is_new = is_new;
	pthread_mutex_init(&import->lock, NULL);
	if (manifest_writer_new(&import->writer, err) < 0 || known_reserve(db, err) < 0)
		return -1;
	if (is_new)
		return begin(db, err);
	return use_log(db, err) < 0 || known_load(db, err) < 0 ? -1 : 0;
}

void import_close(struct db *db)
{
	struct import *import = db->import;

	if (!import)
		return;
	if (import->writer)
		db_import_finish(db, NULL);
	manifest_writer_free(import->writer);
	free(import->known);
	buf_clear(&import->text);
	buf_clear(&import->prints);
	pthread_mutex_destroy(&import->lock);
	free(import);
	db->import = NULL;
}
