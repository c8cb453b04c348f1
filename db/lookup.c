/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "db/internal.h"

/* The joins are written in the order they are to be made: few files, then where they are from. */
#define LOOKUP_FROM                                                                                \
	" FROM file CROSS JOIN artifact ON artifact.id = file.artifact"                            \
	" CROSS JOIN release CROSS JOIN release_artifact"                                          \
	" ON release_artifact.release = release.name AND release_artifact.artifact = artifact.id"
#define LOOKUP_ORDER                                                                               \
	" ORDER BY release.name, artifact.name, artifact.id, coalesce(file.stated, file.path),"    \
	" file.number"

#define ALL_ALGS ((1u << ALG_COUNT) - 1)

int release_check(struct db *db, const char *release, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	int found;

	stmt = db_prepare(db, "SELECT 1 FROM release WHERE name = ?1", err);
	if (!stmt)
		return -1;
	bind_bytes(stmt, 1, bytes_of_string(release));
	found = db_step(db, stmt, err);
	if (found == 0)
		return error_set(err, ERROR_USAGE, db->path, ERROR_NO_OFFSET,
				 "holds no release '%s'", release);
	return found < 0 ? -1 : 0;
}

/* Reads all files of an artifact once, so that a row that is shown belongs to a whole one. */
static int artifact_check(struct db *db, const struct artifact_row *row, struct error *err)
{
	size_t low = 0, high = db->n_checked;
	int64_t *checked;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (db->checked[middle] == row->id)
			return 0;
		if (db->checked[middle] < row->id)
			low = middle + 1;
		else
			high = middle;
	}
	if (rows_files(db, row, NULL, NULL, err) < 0)
		return -1;
	checked = realloc(db->checked, (db->n_checked + 1) * sizeof(*checked));
	if (!checked)
		return error_memory(err, db->path);
	memmove(checked + low + 1, checked + low, (db->n_checked - low) * sizeof(*checked));
	checked[low] = row->id;
	db->checked = checked;
	db->n_checked++;
	return 0;
}

/* A string of the database as a C string: what follows a NUL, which none of ours has, is lost. */
static const char *text_at(struct buf *text, size_t at)
{
	return (const char *)text->data + at;
}

static int match(struct db *db, sqlite3_stmt *stmt, enum alg asked, struct buf *text,
		 golden_match_fn *fn, void *ctx, struct error *err)
{
	struct digest digests[ALG_COUNT];
	struct golden_match found = { .digest = { .alg = ALG_NONE }, .digests = digests };
	struct artifact_row artifact;
	struct file_row file;
	struct bytes strings[5];
	size_t at[ARRAY_SIZE(strings)];

	if (row_artifact(db, stmt, 1, &artifact, err) < 0 ||
	    row_file(db, stmt, 1 + ARTIFACT_N_COLUMNS, ALL_ALGS, &file, err) < 0 ||
	    artifact_check(db, &artifact, err) < 0)
		return -1;
	strings[0] = column_bytes(stmt, 0);
	strings[1] = artifact.artifact.name;
	strings[2] = artifact.artifact.package;
	strings[3] = artifact.artifact.evr;
	strings[4] = artifact.artifact.signer;
	text->size = 0;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		at[i] = text->size;
		buf_append(text, strings[i]);
		buf_append_u8(text, 0);
	}
	if (buf_finish(text, err) < 0)
		return -1;
	found.release = text_at(text, at[0]);
	found.artifact = text_at(text, at[1]);
	found.package = text_at(text, at[2]);
	found.evr = text_at(text, at[3]);
	found.signer = text_at(text, at[4]);
	found.signature = artifact.artifact.signature;
	found.path = file_row_path(&file);
	found.kind = file.kind;
	found.size = file.size;
	found.executable = file.flags & ROW_EXECUTABLE;
	found.flags = file.flags & (FILE_CONFIG | FILE_DOC | FILE_GHOST);
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		if (!(file.algs & 1u << alg))
			continue;
		digest_init(&digests[found.n_digests++], alg, file.digests[alg]);
		if (alg == asked || found.digest.alg == ALG_NONE)
			found.digest = digests[found.n_digests - 1];
	}
	return fn(ctx, &found, err);
}

/* All files for which the column, a name of ours, has the value. */
static int lookup(struct db *db, const char *column, struct bytes value, bool blob, enum alg asked,
		  golden_match_fn *fn, void *ctx, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	AUTO(buf_clear) struct buf sql = BUF_INIT;
	AUTO(buf_clear) struct buf text = BUF_INIT;
	int found;

	buf_append_string(&sql, "SELECT release.name, " ARTIFACT_COLUMNS ", ");
	row_file_columns(&sql, ALL_ALGS);
	buf_printf(&sql, LOOKUP_FROM " WHERE file.%s = ?1" LOOKUP_ORDER, column);
	if (buf_finish(&sql, err) < 0 || !(stmt = db_prepare(db, (const char *)sql.data, err)))
		return -1;
	if (blob)
		bind_blob(stmt, 1, value);
	else
		bind_bytes(stmt, 1, value);
	while ((found = db_step(db, stmt, err)) > 0)
		if (match(db, stmt, asked, &text, fn, ctx, err) < 0)
			return -1;
	return found;
}

int db_lookup_digest(struct db *db, const struct digest *digest, golden_match_fn *fn, void *ctx,
		     struct error *err)
{
	if (digest->alg >= ALG_COUNT || digest->size != alg_size(digest->alg))
		return 0;
	return lookup(db, alg_name(digest->alg), digest_bytes(digest), true, digest->alg, fn, ctx,
		      err);
}

int db_lookup_path(struct db *db, struct bytes path, golden_match_fn *fn, void *ctx,
		   struct error *err)
{
	char canonical[GOLDEN_PATH_MAX];

	if (!golden_path(path, canonical, sizeof(canonical)))
		return 0;
	return lookup(db, "path", bytes_of_string(canonical), false, ALG_SHA256, fn, ctx, err);
}

int db_releases(struct db *db, int (*fn)(void *ctx, const char *release, struct error *err),
		void *ctx, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	AUTO(buf_clear) struct buf name = BUF_INIT;
	int found = -1;

	stmt = db_prepare(db, "SELECT name FROM release ORDER BY name", err);

	while (stmt && (found = db_step(db, stmt, err)) > 0) {
		name.size = 0;
		buf_append(&name, column_bytes(stmt, 0));
		if (buf_finish(&name, err) < 0 || fn(ctx, (const char *)name.data, err) < 0)
			return -1;
	}
	return found;
}
