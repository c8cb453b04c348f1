/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/internal.h"

#include <inttypes.h>

/* The alg_set and the digests in its order (see struct seal). */
static void seal_digests(struct seal *seal, alg_set algs, const struct bytes digests[ALG_COUNT])
{
	seal_uint(seal, algs);
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (algs & 1u << alg)
			seal_bytes(seal, digests[alg]);
}

void seal_artifact_row(struct seal *seal, const struct artifact_row *row)
{
	const struct artifact *a = &row->artifact;

	seal_uint(seal, a->kind);
	seal_bytes(seal, digest_bytes(&a->digest));
	seal_uint(seal, a->size);
	seal_bytes(seal, a->name);
	seal_bytes(seal, a->package);
	seal_bytes(seal, a->evr);
	seal_bytes(seal, a->arch);
	seal_bytes(seal, a->vendor);
	seal_bytes(seal, a->build_host);
	seal_bytes(seal, a->source_rpm);
	seal_uint(seal, (uint64_t)a->build_time);
	seal_uint(seal, a->signature);
	seal_bytes(seal, a->signer);
	seal_uint(seal, a->header_only);
	seal_uint(seal, row->algs);
	seal_uint(seal, row->any_algs);
	seal_uint(seal, row->n_files);
	seal_uint(seal, row->n_links);
	for (enum seal_part part = 0; part < SEAL_PARTS; part++)
		seal_bytes(seal, bytes_of(row->digests[part], sizeof(row->digests[part])));
}

void seal_file_row(struct seal *seal, const struct file_row *row)
{
	seal_bytes(seal, row->path);
	seal_bytes(seal, row->stated);
	seal_uint(seal, row->kind);
	seal_uint(seal, (uint64_t)row->flags << 32 | row->mode);
	seal_uint(seal, row->size);
	seal_digests(seal, row->algs, row->digests);
}

void seal_extra_row(struct seal *seal, const struct extra_row *row)
{
	seal_uint(seal, (uint64_t)row->number);
	seal_bytes(seal, row->capabilities);
	seal_bytes(seal, row->build_id);
	seal_bytes(seal, row->ima_signature);
	seal_bytes(seal, row->verity_signature);
}

void seal_link_row(struct seal *seal, const struct link_row *row)
{
	seal_bytes(seal, row->path);
	seal_bytes(seal, row->target);
}

/* An integer column; one outside 0 .. max makes *fine false. */
static uint64_t column_uint(sqlite3_stmt *stmt, int column, uint64_t max, bool *fine)
{
	int64_t value = sqlite3_column_int64(stmt, column);

	if (value < 0 || (uint64_t)value > max)
		*fine = false;
	return (uint64_t)value;
}

static void column_sha256(sqlite3_stmt *stmt, int column, uint8_t out[32], bool *fine)
{
	struct bytes value = column_bytes(stmt, column);

	if (value.size == 32)
		memcpy(out, value.data, 32);
	else
		*fine = false;
}

int row_artifact(struct db *db, sqlite3_stmt *stmt, int first, struct artifact_row *out,
		 struct error *err)
{
	const uint64_t all_algs = (1u << ALG_COUNT) - 1;
	struct artifact_row row = { .id = sqlite3_column_int64(stmt, first) };
	struct artifact *a = &row.artifact;
	struct seal *seal = &db->seals[SEAL_EXTRAS]; /* free while files are read */
	uint8_t expected[32];
	bool fine = true;

	a->kind = (enum artifact_kind)column_uint(stmt, first + 1, ARTIFACT_INITRD, &fine);
	if (!digest_init(&a->digest, ALG_SHA256, column_bytes(stmt, first + 2)))
		fine = false;
	a->size = column_uint(stmt, first + 3, INT64_MAX, &fine);
	a->name = column_bytes(stmt, first + 4);
	a->package = column_bytes(stmt, first + 5);
	a->evr = column_bytes(stmt, first + 6);
	a->arch = column_bytes(stmt, first + 7);
	a->vendor = column_bytes(stmt, first + 8);
	a->build_host = column_bytes(stmt, first + 9);
	a->source_rpm = column_bytes(stmt, first + 10);
	a->build_time = sqlite3_column_int64(stmt, first + 11);
	a->signature =
		(enum signature_state)column_uint(stmt, first + 12, SIGNATURE_UNVERIFIABLE, &fine);
	a->signer = column_bytes(stmt, first + 13);
	a->header_only = column_uint(stmt, first + 14, 1, &fine);
	row.algs = (alg_set)column_uint(stmt, first + 15, all_algs, &fine);
	row.any_algs = (alg_set)column_uint(stmt, first + 16, all_algs, &fine);
	row.n_files = column_uint(stmt, first + 17, INT64_MAX, &fine);
	row.n_links = column_uint(stmt, first + 18, INT64_MAX, &fine);
	for (int part = 0; part < SEAL_PARTS; part++)
		column_sha256(stmt, first + 19 + part, row.digests[part], &fine);
	column_sha256(stmt, first + 19 + SEAL_PARTS, row.seal, &fine);
	if (!fine || row.artifact.name.size == 0)
		return db_damaged(db, err, "artifact %" PRId64 " has a value out of range", row.id);

	if (seal_begin(seal, err) < 0)
		return -1;
	seal_artifact_row(seal, &row);
	if (seal_finish(seal, expected, err) < 0)
		return -1;
	if (memcmp(row.seal, expected, sizeof(expected)) != 0)
		return db_damaged(db, err,
				  "the row of artifact %" PRId64 " does not match its seal",
				  row.id);
	*out = row;
	return 0;
}

void row_file_columns(struct buf *out, alg_set algs)
{
	buf_append_string(out, "file.artifact, file.number, file.path, file.stated, file.kind, "
			       "file.mode, file.flags, file.size");
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (algs & 1u << alg)
			buf_printf(out, ", file.%s", alg_name(alg));
}

/* The path is canonical; the stated one, if kept, is another and leads to it. */
static bool paths_are_fine(struct bytes path, struct bytes stated)
{
	char canonical[GOLDEN_PATH_MAX];

	if (path.size && (!path_is_plain(path) || path_is_merged(path)))
		return false;
	if (!stated.size)
		return path.size;
	if (!golden_path(stated, canonical, sizeof(canonical)))
		return !path.size;
	return !bytes_equal(path, stated) && bytes_equal_string(path, canonical);
}

int row_file(struct db *db, sqlite3_stmt *stmt, int first, alg_set algs, struct file_row *out,
	     struct error *err)
{
	int column = first + 8;
	bool fine = true;

	out->artifact = sqlite3_column_int64(stmt, first);
	out->number = sqlite3_column_int64(stmt, first + 1);
	out->path = column_bytes(stmt, first + 2);
	out->stated = column_bytes(stmt, first + 3);
	out->kind = (enum file_kind)column_uint(stmt, first + 4, KIND_COUNT - 1, &fine);
	out->mode = (uint32_t)column_uint(stmt, first + 5, UINT32_MAX, &fine);
	out->flags = (uint32_t)column_uint(stmt, first + 6, ROW_FLAGS, &fine);
	out->size = column_uint(stmt, first + 7, INT64_MAX, &fine);
	out->algs = 0;
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		if (!(algs & 1u << alg))
			continue;
		out->digests[alg] = column_bytes(stmt, column++);
		if (!out->digests[alg].size)
			continue;
		if (out->digests[alg].size != alg_size(alg))
			fine = false;
		out->algs |= 1u << alg;
	}
	if (!fine)
		return db_damaged(db, err,
				  "file %" PRId64 " of artifact %" PRId64
				  " has a value out of range",
				  out->number, out->artifact);
	if (!paths_are_fine(out->path, out->stated))
		return db_damaged(db, err,
				  "file %" PRId64 " of artifact %" PRId64
				  " has a path that is not canonical",
				  out->number, out->artifact);
	return 0;
}

int row_part_finish(struct db *db, int64_t artifact, enum seal_part part, const uint8_t digest[32],
		    struct error *err)
{
	static const char *const tables[SEAL_PARTS] = { "file", "file_extra", "link" };
	uint8_t found[32];

	if (seal_finish(&db->seals[part], found, err) < 0)
		return -1;
	if (memcmp(found, digest, sizeof(found)) != 0)
		return db_damaged(db, err,
				  "the rows of artifact %" PRId64
				  " in table '%s' do not match its seal",
				  artifact, tables[part]);
	return 0;
}

/* The statement over the rows of one artifact, and its seal begun. */
static sqlite3_stmt *part_begin(struct db *db, const struct artifact_row *artifact,
				enum seal_part part, struct error *err)
{
	static const enum statement statements[SEAL_PARTS] = { SQL_FILES, SQL_EXTRAS, SQL_LINKS };
	sqlite3_stmt *stmt = db_statement(db, statements[part], err);

	if (!stmt || seal_begin(&db->seals[part], err) < 0)
		return NULL;
	sqlite3_bind_int64(stmt, 1, artifact->id);
	return stmt;
}

int rows_files(struct db *db, const struct artifact_row *artifact, file_row_fn *fn, void *ctx,
	       struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = part_begin(db, artifact, SEAL_FILES, err);
	struct file_row row;
	int found = -1;

	while (stmt && (found = db_step(db, stmt, err)) > 0) {
		if (row_file(db, stmt, 0, (1u << ALG_COUNT) - 1, &row, err) < 0)
			return -1;
		seal_file_row(&db->seals[SEAL_FILES], &row);
		if (fn && fn(ctx, &row, err) < 0)
			return -1;
	}
	return found < 0 ? -1
			 : row_part_finish(db, artifact->id, SEAL_FILES,
					   artifact->digests[SEAL_FILES], err);
}

int rows_extras(struct db *db, const struct artifact_row *artifact, extra_row_fn *fn, void *ctx,
		struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = part_begin(db, artifact, SEAL_EXTRAS, err);
	int found = -1;

	while (stmt && (found = db_step(db, stmt, err)) > 0) {
		struct extra_row row = {
			.artifact = sqlite3_column_int64(stmt, 0),
			.number = sqlite3_column_int64(stmt, 1),
			.capabilities = column_bytes(stmt, 2),
			.build_id = column_bytes(stmt, 3),
			.ima_signature = column_bytes(stmt, 4),
			.verity_signature = column_bytes(stmt, 5),
		};

		seal_extra_row(&db->seals[SEAL_EXTRAS], &row);
		if (fn && fn(ctx, &row, err) < 0)
			return -1;
	}
	return found < 0 ? -1
			 : row_part_finish(db, artifact->id, SEAL_EXTRAS,
					   artifact->digests[SEAL_EXTRAS], err);
}

int rows_links(struct db *db, const struct artifact_row *artifact, link_row_fn *fn, void *ctx,
	       struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = part_begin(db, artifact, SEAL_LINKS, err);
	int found = -1;

	while (stmt && (found = db_step(db, stmt, err)) > 0) {
		struct link_row row = {
			.artifact = sqlite3_column_int64(stmt, 0),
			.number = sqlite3_column_int64(stmt, 1),
			.path = column_bytes(stmt, 2),
			.target = column_bytes(stmt, 3),
		};

		seal_link_row(&db->seals[SEAL_LINKS], &row);
		if (fn && fn(ctx, &row, err) < 0)
			return -1;
	}
	return found < 0 ? -1
			 : row_part_finish(db, artifact->id, SEAL_LINKS,
					   artifact->digests[SEAL_LINKS], err);
}
