/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "db/internal.h"

/*
 * Indices cost more per row than the row itself, since digests fall all over
 * them; making them anew from sorted rows is several times cheaper. So they are
 * dropped when an import has added this many files and this part of all, and
 * made by db_import_finish.
 */
#define UNINDEX_FILES_MIN 20000
#define UNINDEX_PART      8

/* An artifact that is in the database. */
struct known_artifact {
	bool used;
	int64_t id;
	enum artifact_kind kind;
	uint8_t digest[32];
	alg_set algs;
};

/* The digests that a file had before its artifact is read again with other algorithms. */
struct old_file {
	struct buf path; /* as stated */
	alg_set algs;
	struct digest digests[ALG_COUNT];
};

struct import {
	/* Shared with db_has_artifact; open addressing by id, at most half full. */
	pthread_mutex_t lock;
	struct known_artifact *known;
	size_t n_known, n_slots;

	bool indexed;         /* there are indices, to be kept up with every row */
	uint64_t n_files;     /* in the database when it was opened */
	uint64_t n_new_files; /* added since */
	alg_set any_algs;     /* of all artifacts */

	/* The artifact whose transaction is open. */
	bool open;
	alg_set asked;
	struct artifact_row row; /* as it will be */
	struct buf text;         /* its strings */
	struct old_file *old;    /* sorted by path */
	size_t n_old, old_size;
};

/* --- artifacts that are there ------------------------------------------------------------------ */

/*
 * An artifact's number: the first 47 bits of its digest, so that rows are the same in whatever
 * order artifacts came, or the next free one. Numbers of 48 bits take 6 bytes in SQLite.
 */
static int64_t artifact_id(const uint8_t digest[32])
{
	uint64_t id = 0;

	for (size_t i = 0; i < 6; i++)
		id = id << 8 | digest[i];
	return (int64_t)(id >> 1);
}

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
	int64_t next = artifact_id(digest);

	for (;; next++) {
		struct known_artifact *slot = slot_of(import->known, import->n_slots, next);

		*id = next;
		if (!slot->used)
			return NULL;
		if (slot->kind == kind && memcmp(slot->digest, digest, 32) == 0)
			return slot;
	}
}

/* Called before a row is inserted, so that noting it cannot fail. */
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

int import_open(struct db *db, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = NULL;
	struct artifact_row row;
	int found;

	db->import = calloc(1, sizeof(*db->import));
	if (!db->import)
		return error_memory(err, db->path);
	pthread_mutex_init(&db->import->lock, NULL);
	if (known_reserve(db, err) < 0)
		return -1;
	stmt = db_statement(db, SQL_ARTIFACTS, err);
	if (!stmt)
		return -1;
	while ((found = db_step(db, stmt, err)) > 0) {
		if (row_artifact(db, stmt, 0, &row, err) < 0 || known_reserve(db, err) < 0)
			return -1;
		known_set(db->import, &row);
		db->import->n_files += row.n_files;
		db->import->any_algs |= row.any_algs;
	}
	if (found < 0)
		return -1;
	return schema_indexed(db, db->import->any_algs, &db->import->indexed, err);
}

/* --- digests kept from before ------------------------------------------------------------------ */

static void old_clear(struct import *import)
{
	for (size_t i = 0; i < import->n_old; i++)
		buf_clear(&import->old[i].path);
	free(import->old);
	import->old = NULL;
	import->n_old = import->old_size = 0;
}

static int old_add(void *ctx, const struct file_row *row, struct error *err)
{
	struct import *import = ctx;
	struct old_file *file;

	if (!row->algs)
		return 0;
	if (import->n_old == import->old_size) {
		size_t size = import->old_size ? 2 * import->old_size : 64;
		struct old_file *old = realloc(import->old, size * sizeof(*old));

		if (!old)
			return error_memory(err, NULL);
		import->old = old;
		import->old_size = size;
	}
	file = &import->old[import->n_old];
	*file = (struct old_file){ .algs = row->algs };
	buf_append(&file->path, file_row_path(row));
	if (buf_finish(&file->path, err) < 0)
		return -1;
	import->n_old++;
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (row->algs & 1u << alg)
			digest_init(&file->digests[alg], alg, row->digests[alg]);
	return 0;
}

static int old_compare(const void *a, const void *b)
{
	return bytes_compare(buf_bytes(&((const struct old_file *)a)->path),
			     buf_bytes(&((const struct old_file *)b)->path));
}

static const struct old_file *old_find(const struct import *import, struct bytes path)
{
	size_t low = 0, high = import->n_old;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = bytes_compare(path, buf_bytes(&import->old[middle].path));

		if (order == 0)
			return &import->old[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* --- the transaction of one artifact ----------------------------------------------------------- */

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

/* Keeps a copy of an artifact whose strings are borrowed. */
static int artifact_copy(struct import *import, const struct artifact *artifact, struct error *err)
{
	struct artifact *copy = &import->row.artifact;
	struct bytes *strings[] = { &copy->name,   &copy->package,   &copy->evr,
				    &copy->arch,   &copy->vendor,    &copy->build_host,
				    &copy->signer, &copy->source_rpm };
	size_t at = 0;

	*copy = *artifact;
	import->text.size = 0;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		buf_append(&import->text, *strings[i]);
	if (buf_finish(&import->text, err) < 0)
		return -1;
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
static int artifact_merge(struct db *db, const struct artifact *artifact, bool *better,
			  struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_ARTIFACT_SELECT, err);
	struct import *import = db->import;
	struct artifact_row row;
	int found;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, import->row.id);
	found = db_step(db, stmt, err);
	if (found < 0 || (found > 0 && row_artifact(db, stmt, 0, &row, err) < 0))
		return -1;
	if (!found)
		return db_damaged(db, err, "artifact %" PRId64 " is gone", import->row.id);
	*better = signature_rank(artifact->signature) > signature_rank(row.artifact.signature);
	if (*better) {
		row.artifact.signature = artifact->signature;
		row.artifact.signer = artifact->signer;
	}
	import->row = row;
	return artifact_copy(import, &row.artifact, err);
}

/* A new row; what is known at the end only is left empty for artifact_replace. */
static int artifact_insert(struct db *db, const struct artifact_row *row, struct error *err)
{
	static const uint8_t later[32];
	const struct artifact *a = &row->artifact;
	sqlite3_stmt *stmt = db_statement(db, SQL_ARTIFACT_INSERT, err);

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, row->id);
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
	sqlite3_bind_int64(stmt, 13, a->signature);
	bind_bytes(stmt, 14, a->signer);
	for (int column = 15; column <= 19; column++)
		sqlite3_bind_int64(stmt, column, 0);
	for (int column = 20; column <= 23; column++)
		bind_blob(stmt, column, bytes_of(later, sizeof(later)));
	return db_run(db, stmt, err);
}

/* Writes the columns that may change of a row that is there, and its seal. */
static int artifact_replace(struct db *db, const struct artifact_row *row, struct error *err)
{
	struct seal *seal = &db->seals[SEAL_FILES];
	sqlite3_stmt *stmt;
	uint8_t digest[32];

	if (seal_begin(seal, err) < 0)
		return -1;
	seal_artifact_row(seal, row);
	if (seal_finish(seal, digest, err) < 0)
		return -1;
	stmt = db_statement(db, SQL_ARTIFACT_REPLACE, err);
	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, row->id);
	sqlite3_bind_int64(stmt, 2, row->artifact.signature);
	bind_bytes(stmt, 3, row->artifact.signer);
	sqlite3_bind_int64(stmt, 4, row->artifact.header_only);
	sqlite3_bind_int64(stmt, 5, row->algs);
	sqlite3_bind_int64(stmt, 6, row->any_algs);
	sqlite3_bind_int64(stmt, 7, (sqlite3_int64)row->n_files);
	sqlite3_bind_int64(stmt, 8, (sqlite3_int64)row->n_links);
	for (int part = 0; part < SEAL_PARTS; part++)
		bind_blob(stmt, 9 + part, bytes_of(row->digests[part], sizeof(row->digests[part])));
	bind_blob(stmt, 9 + SEAL_PARTS, bytes_of(digest, sizeof(digest)));
	return db_run(db, stmt, err);
}

static int member_find(struct db *db, const char *release, int64_t id, bool *out, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_MEMBER_FIND, err);
	int found;

	if (!stmt)
		return -1;
	bind_bytes(stmt, 1, bytes_of_string(release));
	sqlite3_bind_int64(stmt, 2, id);
	found = db_step(db, stmt, err);
	*out = found > 0;
	return found < 0 ? -1 : 0;
}

/* Links the release, made if it is new, to the artifact. */
static int member_insert(struct db *db, const char *release, int64_t id, struct error *err)
{
	static const enum statement statements[] = { SQL_RELEASE_INSERT, SQL_MEMBER_INSERT,
						     SQL_RELEASE_COUNT };

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		sqlite3_stmt *stmt = db_statement(db, statements[i], err);

		if (!stmt)
			return -1;
		bind_bytes(stmt, 1, bytes_of_string(release));
		if (statements[i] == SQL_MEMBER_INSERT)
			sqlite3_bind_int64(stmt, 2, id);
		if (db_run(db, stmt, err) < 0)
			return -1;
	}
	return 0;
}

static int begin(struct db *db, struct error *err)
{
	sqlite3_stmt *stmt = db_statement(db, SQL_BEGIN, err);

	return stmt ? db_run(db, stmt, err) : -1;
}

static int commit(struct db *db, struct error *err)
{
	sqlite3_stmt *stmt = db_statement(db, SQL_COMMIT, err);

	return stmt ? db_run(db, stmt, err) : -1;
}

/* Takes an open transaction back; after a full disk and the like SQLite has done so itself. */
static void rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->sql))
		db_execute(db, "ROLLBACK", NULL);
}

/* Inserts go faster without indices once there are many (see UNINDEX_PART). */
static int unindex_if_worth(struct db *db, struct error *err)
{
	struct import *import = db->import;

	if (!import->indexed || import->n_new_files < UNINDEX_FILES_MIN ||
	    import->n_new_files < import->n_files / UNINDEX_PART)
		return 0;
	if (begin(db, err) < 0)
		return -1;
	if (schema_unindex(db, err) < 0 || commit(db, err) < 0) {
		rollback(db);
		return -1;
	}
	import->indexed = false;
	return 0;
}

/* Takes the rows of an artifact away, keeping the digests of its files in import->old. */
static int rows_take(struct db *db, struct error *err)
{
	static const enum statement statements[] = { SQL_EXTRA_DELETE, SQL_FILE_DELETE,
						     SQL_LINK_DELETE };
	struct import *import = db->import;

	if (rows_files(db, &import->row, old_add, import, err) < 0)
		return -1;
	if (import->n_old)
		qsort(import->old, import->n_old, sizeof(*import->old), old_compare);
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		sqlite3_stmt *stmt = db_statement(db, statements[i], err);

		if (!stmt)
			return -1;
		sqlite3_bind_int64(stmt, 1, import->row.id);
		if (db_run(db, stmt, err) < 0)
			return -1;
	}
	return 0;
}

/* What happens inside the transaction before files come: 0 if none need to, else 1. */
static int begin_rows(struct db *db, const char *release, bool known, bool member, bool enough,
		      bool better, struct error *err)
{
	struct import *import = db->import;

	if (!known && artifact_insert(db, &import->row, err) < 0)
		return -1;
	if (!member && member_insert(db, release, import->row.id, err) < 0)
		return -1;
	if (enough)
		return better ? artifact_replace(db, &import->row, err) : 0;
	if (known && rows_take(db, err) < 0)
		return -1;
	for (enum seal_part part = 0; part < SEAL_PARTS; part++)
		if (seal_begin(&db->seals[part], err) < 0)
			return -1;
	import->row.algs = (1u << ALG_COUNT) - 1;
	import->row.any_algs = 0;
	import->row.n_files = import->row.n_links = 0;
	return 1;
}

int db_import_begin(struct db *db, const char *release, const struct artifact *artifact,
		    alg_set algs, struct error *err)
{
	bool member = false, enough = false, better = false;
	struct import *import = db->import;
	struct known_artifact *known;
	int status;

	if (artifact->digest.alg != ALG_SHA256 || artifact->digest.size != 32 ||
	    artifact->size > INT64_MAX || artifact->name.size == 0 || !*release)
		return error_set(
			err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
			"an artifact needs a name, a release, a SHA-256 digest and a size");
	db_import_abort(db);
	if (known_reserve(db, err) < 0 || unindex_if_worth(db, err) < 0)
		return -1;
	import->row = (struct artifact_row){ 0 };
	known = known_find(import, artifact->kind, artifact->digest.value, &import->row.id);
	import->asked = algs;
	if (known) {
		enough = (known->algs & algs) == algs;
		if (artifact_merge(db, artifact, &better, err) < 0 ||
		    member_find(db, release, known->id, &member, err) < 0)
			return -1;
		if (!enough)
			import->row.artifact.header_only &= artifact->header_only;
	} else if (artifact_copy(import, artifact, err) < 0) {
		return -1;
	}
	if (enough && member && !better)
		return 0;

	if (begin(db, err) < 0)
		return -1;
	import->open = true;
	status = begin_rows(db, release, known, member, enough, better, err);
	if (status == 0) {
		status = commit(db, err);
		import->open = status < 0;
	}
	if (status < 0)
		db_import_abort(db);
	return status;
}

/* A path that a file can have: absolute, of bounded length, without a NUL. */
static bool path_is_possible(struct bytes path)
{
	return path.size > 1 && path.size < PATH_SIZE_MAX && path.data[0] == '/' &&
	       !memchr(path.data, 0, path.size);
}

/* The digests of a file by algorithm, with those that it had before. */
static int file_digests(const struct import *import, const struct golden_file *file,
			struct file_row *row, struct error *err)
{
	const struct old_file *old = import->n_old ? old_find(import, file->path) : NULL;

	row->algs = 0;
	for (enum alg alg = 0; old && alg < ALG_COUNT; alg++)
		if (old->algs & 1u << alg) {
			row->digests[alg] = digest_bytes(&old->digests[alg]);
			row->algs |= 1u << alg;
		}
	for (size_t i = 0; i < file->n_digests; i++) {
		const struct digest *digest = &file->digests[i];

		if (digest->alg >= ALG_COUNT || digest->size != alg_size(digest->alg))
			return error_set(
				err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
				"a file's digest is of an algorithm that Assay does not know");
		row->digests[digest->alg] = digest_bytes(digest);
		row->algs |= 1u << digest->alg;
	}
	return 0;
}

static int file_insert(struct db *db, const struct file_row *row, struct error *err)
{
	sqlite3_stmt *stmt = db_statement(db, SQL_FILE_INSERT, err);

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, row->artifact);
	sqlite3_bind_int64(stmt, 2, row->number);
	if (row->path.size)
		bind_bytes(stmt, 3, row->path);
	if (row->stated.size)
		bind_bytes(stmt, 4, row->stated);
	sqlite3_bind_int64(stmt, 5, row->kind);
	sqlite3_bind_int64(stmt, 6, row->mode);
	sqlite3_bind_int64(stmt, 7, row->flags);
	sqlite3_bind_int64(stmt, 8, (sqlite3_int64)row->size);
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (row->algs & 1u << alg)
			bind_blob(stmt, 9 + (int)alg, row->digests[alg]);
	return db_run(db, stmt, err);
}

static int extra_insert(struct db *db, const struct extra_row *row, struct error *err)
{
	sqlite3_stmt *stmt = db_statement(db, SQL_EXTRA_INSERT, err);

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, row->artifact);
	sqlite3_bind_int64(stmt, 2, row->number);
	if (row->capabilities.size)
		bind_bytes(stmt, 3, row->capabilities);
	if (row->build_id.size)
		bind_blob(stmt, 4, row->build_id);
	if (row->ima_signature.size)
		bind_blob(stmt, 5, row->ima_signature);
	if (row->verity_signature.size)
		bind_blob(stmt, 6, row->verity_signature);
	return db_run(db, stmt, err);
}

int db_import_file(struct db *db, const struct golden_file *file, struct error *err)
{
	struct import *import = db->import;
	char canonical[GOLDEN_PATH_MAX];
	struct file_row row;
	struct extra_row extra;

	if (!path_is_possible(file->path))
		return error_set(err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
				 "a path of %zu bytes that no file can have", file->path.size);
	if (file->kind >= KIND_COUNT || file->size > INT64_MAX)
		return error_set(err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
				 "a file of %" PRIu64 " bytes and kind %d", file->size, file->kind);
	row.artifact = import->row.id;
	row.number = (int64_t)import->row.n_files;
	row.stated = row.path = (struct bytes){ 0 };
	if (!golden_path(file->path, canonical, sizeof(canonical)))
		row.stated = file->path;
	else
		row.path = bytes_of_string(canonical);
	if (row.path.size && !bytes_equal(row.path, file->path))
		row.stated = file->path;
	row.kind = file->kind;
	row.mode = file->mode;
	row.flags = (file->flags & (FILE_CONFIG | FILE_DOC | FILE_GHOST)) |
		    (file->executable ? ROW_EXECUTABLE : 0) |
		    (file->module_signed ? ROW_MODULE_SIGNED : 0);
	row.size = file->size;
	if (file_digests(import, file, &row, err) < 0 || file_insert(db, &row, err) < 0)
		return -1;
	seal_file_row(&db->seals[SEAL_FILES], &row);
	import->row.n_files++;
	if (row.algs)
		import->row.algs &= row.algs;
	import->row.any_algs |= row.algs;

	extra = (struct extra_row){ .artifact = row.artifact,
				    .number = row.number,
				    .capabilities = file->capabilities,
				    .build_id = file->build_id,
				    .ima_signature = file->ima_signature,
				    .verity_signature = file->verity_signature };
	if (!extra.capabilities.size && !extra.build_id.size && !extra.ima_signature.size &&
	    !extra.verity_signature.size)
		return 0;
	seal_extra_row(&db->seals[SEAL_EXTRAS], &extra);
	return extra_insert(db, &extra, err);
}

int db_import_link(struct db *db, const struct golden_link *link, struct error *err)
{
	struct import *import = db->import;
	struct link_row row = { .artifact = import->row.id,
				.number = (int64_t)import->row.n_links,
				.path = link->path,
				.target = link->target };
	sqlite3_stmt *stmt;

	if (!path_is_possible(link->path) || link->target.size >= PATH_SIZE_MAX ||
	    (link->target.size && memchr(link->target.data, 0, link->target.size)))
		return error_set(
			err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
			"a link from a path of %zu bytes to one of %zu that no link can have",
			link->path.size, link->target.size);
	stmt = db_statement(db, SQL_LINK_INSERT, err);
	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, row.artifact);
	sqlite3_bind_int64(stmt, 2, row.number);
	bind_bytes(stmt, 3, row.path);
	bind_bytes(stmt, 4, row.target);
	if (db_run(db, stmt, err) < 0)
		return -1;
	seal_link_row(&db->seals[SEAL_LINKS], &row);
	import->row.n_links++;
	return 0;
}

int db_import_commit(struct db *db, struct error *err)
{
	struct import *import = db->import;
	struct artifact_row *row = &import->row;

	if (!import->open)
		return error_set(err, ERROR_SYSTEM, db->path, ERROR_NO_OFFSET,
				 "no artifact is being imported");
	if (!row->any_algs) /* nothing in it has contents, so nothing is missing */
		row->algs = import->asked;
	for (enum seal_part part = 0; part < SEAL_PARTS; part++)
		if (seal_finish(&db->seals[part], row->digests[part], err) < 0)
			goto failed;
	if (artifact_replace(db, row, err) < 0 || commit(db, err) < 0)
		goto failed;
	known_set(import, row);
	import->n_new_files += row->n_files;
	import->any_algs |= row->any_algs;
	import->open = false;
	old_clear(import);
	return 0;
failed:
	db_import_abort(db);
	return -1;
}

void db_import_abort(struct db *db)
{
	if (!db->import || !db->import->open)
		return;
	rollback(db);
	db->import->open = false;
	old_clear(db->import);
}

/* Moves the log into the database, and makes that a plain file that readers may open. */
static int settle(struct db *db, struct error *err)
{
	for (size_t i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(db->statements[i]);
		db->statements[i] = NULL;
	}
	return db_execute(db, "PRAGMA synchronous = FULL", err) < 0 ||
			       db_execute(db, "PRAGMA journal_mode = DELETE", err) < 0
		       ? -1
		       : 0;
}

int db_import_finish(struct db *db, struct error *err)
{
	struct import *import = db->import;

	db_import_abort(db);
	if (!import->indexed) {
		if (begin(db, err) < 0)
			return -1;
		if (schema_index(db, import->any_algs, err) < 0 || commit(db, err) < 0) {
			rollback(db);
			return -1;
		}
		import->indexed = true;
	}
	return settle(db, err);
}

void import_close(struct db *db)
{
	struct import *import = db->import;

	if (!import)
		return;
	db_import_abort(db);
	settle(db, NULL);
	free(import->known);
	buf_clear(&import->text);
	pthread_mutex_destroy(&import->lock);
	free(import);
	db->import = NULL;
}
