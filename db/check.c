/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "db/internal.h"
#include "db/keyring.h"
#include "db/prints.h"
#include "db/profile.h"

/* SQLite's own view: every page is used once, every row is well-formed. */
static int check_pages(struct db *db, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	int found;

	stmt = db_prepare(db, "PRAGMA integrity_check(1)", err);
	if (!stmt)
		return -1;
	while ((found = db_step(db, stmt, err)) > 0) {
		struct bytes says = column_bytes(stmt, 0);

		if (!bytes_equal_string(says, "ok"))
			return db_damaged(db, err, "%.*s", (int)(says.size < 200 ? says.size : 200),
					  says.size ? (const char *)says.data : "");
	}
	return found;
}

static int check_references(struct db *db, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	int found;

	stmt = db_prepare(db, "PRAGMA foreign_key_check", err);
	if (!stmt)
		return -1;
	found = db_step(db, stmt, err);
	if (found > 0)
		return db_damaged(db, err, "a row of table '%s' refers to one that is missing",
				  (const char *)sqlite3_column_text(stmt, 0));
	return found;
}

/* The counts of an artifact's row, against its manifest. */
static int check_manifest(struct db *db, const struct artifact_row *row, struct bytes blob,
			  struct error *err)
{
	uint64_t n_files = 0, n_links = 0;
	struct manifest_file file;
	struct manifest_link link;
	struct manifest manifest;
	alg_set algs = (1u << ALG_COUNT) - 1;
	int found;

	if (manifest_open(&manifest, blob, db->path, err) < 0)
		return -1;
	while ((found = manifest_next(&manifest, &file, err)) > 0) {
		n_files++;
		if (file.algs)
			algs &= file.algs;
	}
	if (found < 0)
		return -1;
	while ((found = manifest_next_link(&manifest, &link, err)) > 0)
		n_links++;
	if (found < 0)
		return -1;
	if (n_files != row->n_files || n_links != row->n_links || algs != row->algs)
		return db_damaged(db, err, "artifact %" PRId64 " and its manifest disagree",
				  row->id);
	return 0;
}

static int check_extras(struct db *db, const struct artifact_row *row, struct bytes blob,
			struct error *err)
{
	struct extras extras;
	struct manifest_extra extra;
	int found;

	if (extras_open(&extras, blob, db->path, err) < 0)
		return -1;
	while ((found = extras_next(&extras, &extra, err)) > 0)
		if (extra.number >= row->n_files)
			return db_damaged(db, err,
					  "artifact %" PRId64
					  " has a signature of a file that it has not",
					  row->id);
	return found;
}

/* The prints of an artifact are those of its manifest. */
static int check_prints(struct db *db, const struct artifact_row *row, struct bytes manifest,
			struct buf *wanted, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_PRINTS_OF, err);
	struct digest digest;
	int found;

	if (!stmt || prints_encode(row->id, manifest, db->hasher, db->path, wanted, err) < 0)
		return -1;
	if (hasher_digest_bytes(db->hasher, ALG_SHA256, buf_bytes(wanted), &digest, err) < 0)
		return -1;
	sqlite3_bind_int64(stmt, 1, row->id);
	found = db_step(db, stmt, err);
	if (found < 0)
		return -1;
	if (!found || !bytes_equal(column_bytes(stmt, 0), digest_bytes(&digest)) ||
	    !bytes_equal(column_bytes(stmt, 1), buf_bytes(wanted)))
		return db_damaged(db, err,
				  "the prints of artifact %" PRId64
				  " are not those of its manifest",
				  row->id);
	return 0;
}

static int check_profiles(struct db *db, enum artifact_kind kind, struct bytes blob,
			  struct error *err)
{
	AUTO(profile_list_clear) struct profile_list profiles = { 0 };
	AUTO(golden_key_list_clear) struct golden_key_list keys = { 0 };

	if (kind == ARTIFACT_KEYS)
		return keyring_decode(blob, db->path, db->hasher, &keys, err);
	return profiles_decode(blob, db->path, &profiles, err);
}

int db_check(struct db *db, struct error *err)
{
	AUTO(artifact_list_clear) struct artifact_list artifacts = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list releases = { .text = BUF_INIT };
	AUTO(statement_reset) sqlite3_stmt *stmt = NULL;
	AUTO(buf_clear) struct buf prints = BUF_INIT;
	struct bytes blob;

	if (check_pages(db, err) < 0 || check_references(db, err) < 0 ||
	    artifacts_read(db, &artifacts, err) < 0 ||
	    releases_read(db, &artifacts, &releases, err) < 0 ||
	    !(stmt = db_statement(db, SQL_CONTENT, err)))
		return -1;
	for (size_t i = 0; i < artifacts.n_items; i++) {
		const struct artifact_row *row = &artifacts.items[i];

		if (content_read(db, stmt, row->manifest, &blob, err) < 0 ||
		    check_manifest(db, row, blob, err) < 0 ||
		    check_prints(db, row, blob, &prints, err) < 0)
			return -1;
		if (row->profiles >= 0 && (content_read(db, stmt, row->profiles, &blob, err) < 0 ||
					   check_profiles(db, row->artifact.kind, blob, err) < 0))
			return -1;
		if (row->extras >= 0 && (content_read(db, stmt, row->extras, &blob, err) < 0 ||
					 check_extras(db, row, blob, err) < 0))
			return -1;
	}
	return 0;
}
