/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/internal.h"

/* Numbers that are in databases out there: enumerations may grow at their end only. */
_Static_assert(ALG_SHA1 == 0 && ALG_SHA256 == 1 && ALG_SHA384 == 2 && ALG_SHA512 == 3 &&
		       ALG_SM3_256 == 4 && ALG_MD5 == 5 && ALG_SHA224 == 6 && ALG_SHA3_256 == 7 &&
		       ALG_SHA3_512 == 8 && ALG_VERITY_SHA256 == 9 && ALG_VERITY_SHA512 == 10 &&
		       ALG_COUNT == 11,
	       "bits of alg_set");
_Static_assert(KIND_OTHER == 0 && KIND_EXECUTABLE == 1 && KIND_SHARED_OBJECT == 2 &&
		       KIND_KERNEL_MODULE == 3 && KIND_FIRMWARE == 4 && KIND_SCRIPT == 5 &&
		       KIND_OBJECT == 6 && KIND_COUNT == 7,
	       "kinds of files");
_Static_assert(FILE_CONFIG == 1 && FILE_DOC == 2 && FILE_GHOST == 4, "flags of files");
_Static_assert(SIGNATURE_NONE == 0 && SIGNATURE_VERIFIED == 1 && SIGNATURE_NO_KEY == 2 &&
		       SIGNATURE_UNVERIFIABLE == 3,
	       "values of artifact.signature");
_Static_assert(ARTIFACT_RPM == 0 && ARTIFACT_TREE == 1 && ARTIFACT_INITRD == 2 &&
		       ARTIFACT_BOOT == 3 && ARTIFACT_ALLOWLIST == 4 && ARTIFACT_KEYS == 5,
	       "values of artifact.kind");

/*
 * assay-database(5) explains every column. Strings that may hold any bytes are
 * TEXT all the same, so that the sqlite3 shell shows them.
 */
static const struct schema_table {
	const char *name, *text;
} tables[] = {
	{"release",           "CREATE TABLE release (\n"
		     "  name TEXT NOT NULL PRIMARY KEY,\n"
		     "  n_artifacts INTEGER NOT NULL,\n"
		     "  n_boots INTEGER NOT NULL\n"
		     ") STRICT, WITHOUT ROWID"                   },
	{ "content",          "CREATE TABLE content (\n"
		     "  id INTEGER PRIMARY KEY,\n"
		     "  digest BLOB NOT NULL,\n"
		     "  bytes BLOB NOT NULL\n"
		     ") STRICT"				 },
	{ "artifact",         "CREATE TABLE artifact (\n"
		      "  id INTEGER PRIMARY KEY,\n"
		      "  kind INTEGER NOT NULL,\n"
		      "  digest BLOB NOT NULL,\n"
		      "  size INTEGER NOT NULL,\n"
		      "  name TEXT NOT NULL,\n"
		      "  package TEXT NOT NULL,\n"
		      "  evr TEXT NOT NULL,\n"
		      "  arch TEXT NOT NULL,\n"
		      "  vendor TEXT NOT NULL,\n"
		      "  build_host TEXT NOT NULL,\n"
		      "  source_rpm TEXT NOT NULL,\n"
		      "  build_time INTEGER NOT NULL,\n"
		      "  signature INTEGER NOT NULL,\n"
		      "  signer TEXT NOT NULL,\n"
		      "  header_only INTEGER NOT NULL,\n"
		      "  algorithms INTEGER NOT NULL,\n"
		      "  n_files INTEGER NOT NULL,\n"
		      "  n_links INTEGER NOT NULL,\n"
		      "  manifest INTEGER NOT NULL REFERENCES content (id),\n"
		      "  extras INTEGER REFERENCES content (id),\n"
		      "  profiles INTEGER REFERENCES content (id),\n"
		      "  seal BLOB NOT NULL\n"
		      ") STRICT"                               },
	{ "prints",           "CREATE TABLE prints (\n"
		    "  artifact INTEGER PRIMARY KEY REFERENCES artifact (id),\n"
		    "  digest BLOB NOT NULL,\n"
		    "  bytes BLOB NOT NULL\n"
		    ") STRICT"				   },
	{ "release_artifact", "CREATE TABLE release_artifact (\n"
			      "  release TEXT NOT NULL REFERENCES release (name),\n"
			      "  artifact INTEGER NOT NULL REFERENCES artifact (id),\n"
			      "  PRIMARY KEY (release, artifact)\n"
			      ") STRICT, WITHOUT ROWID"},
};

int schema_create(struct db *db, struct error *err)
{
	char pragma[64];

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (db_execute(db, tables[i].text, err) < 0)
			return -1;
	snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d", DB_APPLICATION_ID);
	if (db_execute(db, pragma, err) < 0)
		return -1;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", DB_SCHEMA_VERSION);
	return db_execute(db, pragma, err);
}

/* One entry of sqlite_schema: its bit in *there, or -1. */
static int entry_check(struct db *db, sqlite3_stmt *stmt, uint32_t *there, struct error *err)
{
	struct bytes type = column_bytes(stmt, 0), name = column_bytes(stmt, 1);
	size_t i = 0;

	while (i < ARRAY_SIZE(tables) && !bytes_equal_string(name, tables[i].name))
		i++;
	if (i == ARRAY_SIZE(tables) || !bytes_equal_string(type, "table"))
		return error_set(err, ERROR_MALFORMED, db->path, ERROR_NO_OFFSET,
				 "holds a %.*s '%.*s' that is not Assay's",
				 (int)(type.size < 32 ? type.size : 32),
				 type.size ? (const char *)type.data : "",
				 (int)(name.size < 128 ? name.size : 128),
				 name.size ? (const char *)name.data : "");
	if (!bytes_equal_string(column_bytes(stmt, 2), tables[i].name) ||
	    !bytes_equal_string(column_bytes(stmt, 3), tables[i].text) || *there & 1u << i)
		return error_set(err, ERROR_MALFORMED, db->path, ERROR_NO_OFFSET,
				 "the table '%s' is not as Assay defines it", tables[i].name);
	*there |= 1u << i;
	return 0;
}

int schema_check(struct db *db, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	uint32_t there = 0;
	int row;

	stmt = db_prepare(db, "SELECT type, name, tbl_name, sql FROM sqlite_schema", err);
	if (!stmt)
		return -1;
	while ((row = db_step(db, stmt, err)) > 0)
		if (entry_check(db, stmt, &there, err) < 0)
			return -1;
	if (row < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (!(there & 1u << i))
			return error_set(err, ERROR_MALFORMED, db->path, ERROR_NO_OFFSET,
					 "the table '%s' is missing", tables[i].name);
	return 0;
}
