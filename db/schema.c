/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/internal.h"

/* Numbers that are in databases out there: enumerations may grow at their end only. */
_Static_assert(ALG_SHA1 == 0 && ALG_SHA256 == 1 && ALG_SHA384 == 2 && ALG_SHA512 == 3 &&
		       ALG_SM3_256 == 4 && ALG_MD5 == 5 && ALG_SHA224 == 6 && ALG_SHA3_256 == 7 &&
		       ALG_SHA3_512 == 8 && ALG_COUNT == 9,
	       "bits of artifact.algorithms");
_Static_assert(KIND_OTHER == 0 && KIND_EXECUTABLE == 1 && KIND_SHARED_OBJECT == 2 &&
		       KIND_KERNEL_MODULE == 3 && KIND_FIRMWARE == 4 && KIND_SCRIPT == 5 &&
		       KIND_OBJECT == 6 && KIND_COUNT == 7,
	       "values of file.kind");
_Static_assert(SIGNATURE_NONE == 0 && SIGNATURE_VERIFIED == 1 && SIGNATURE_NO_KEY == 2 &&
		       SIGNATURE_UNVERIFIABLE == 3,
	       "values of artifact.signature");
_Static_assert(ARTIFACT_RPM == 0 && ARTIFACT_TREE == 1 && ARTIFACT_INITRD == 2,
	       "values of artifact.kind");
_Static_assert(FILE_CONFIG == 1 && FILE_DOC == 2 && FILE_GHOST == 4, "bits of file.flags");

/*
 * assay-database(5) explains every column. Strings that may hold any bytes are
 * TEXT all the same, so that the sqlite3 shell shows them.
 */
static const struct schema_entry {
	const char *type, *name, *table, *text;
	alg_set alg; /* of an index over digests; 0 otherwise */
} entries[] = {
	{"table",  "release",          "release",
         "CREATE TABLE release (\n"
	  "  name TEXT NOT NULL PRIMARY KEY,\n"
	  "  n_artifacts INTEGER NOT NULL\n"
	  ") STRICT, WITHOUT ROWID",								0},
	{ "table", "artifact",         "artifact",
         "CREATE TABLE artifact (\n"
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
	  "  any_algorithms INTEGER NOT NULL,\n"
	  "  n_files INTEGER NOT NULL,\n"
	  "  n_links INTEGER NOT NULL,\n"
	  "  files_digest BLOB NOT NULL,\n"
	  "  extras_digest BLOB NOT NULL,\n"
	  "  links_digest BLOB NOT NULL,\n"
	  "  seal BLOB NOT NULL\n"
	  ") STRICT",									       0},
	{ "table", "release_artifact", "release_artifact",
         "CREATE TABLE release_artifact (\n"
	  "  release TEXT NOT NULL REFERENCES release (name),\n"
	  "  artifact INTEGER NOT NULL REFERENCES artifact (id),\n"
	  "  PRIMARY KEY (release, artifact)\n"
	  ") STRICT, WITHOUT ROWID",								0},
	{ "table", "file",             "file",
         "CREATE TABLE file (\n"
	  "  artifact INTEGER NOT NULL REFERENCES artifact (id),\n"
	  "  number INTEGER NOT NULL,\n"
	  "  path TEXT,\n"
	  "  stated TEXT,\n"
	  "  kind INTEGER NOT NULL,\n"
	  "  mode INTEGER NOT NULL,\n"
	  "  flags INTEGER NOT NULL,\n"
	  "  size INTEGER NOT NULL,\n"
	  "  sha1 BLOB,\n"
	  "  sha256 BLOB,\n"
	  "  sha384 BLOB,\n"
	  "  sha512 BLOB,\n"
	  "  sm3_256 BLOB,\n"
	  "  md5 BLOB,\n"
	  "  sha224 BLOB,\n"
	  "  sha3_256 BLOB,\n"
	  "  sha3_512 BLOB,\n"
	  "  PRIMARY KEY (artifact, number)\n"
	  ") STRICT, WITHOUT ROWID",								0},
	{ "table", "file_extra",       "file_extra",
         "CREATE TABLE file_extra (\n"
	  "  artifact INTEGER NOT NULL,\n"
	  "  number INTEGER NOT NULL,\n"
	  "  capabilities TEXT,\n"
	  "  build_id BLOB,\n"
	  "  ima_signature BLOB,\n"
	  "  verity_signature BLOB,\n"
	  "  PRIMARY KEY (artifact, number),\n"
	  "  FOREIGN KEY (artifact, number) REFERENCES file (artifact, number)\n"
	  ") STRICT, WITHOUT ROWID",								0},
	{ "table", "link",             "link",
         "CREATE TABLE link (\n"
	  "  artifact INTEGER NOT NULL REFERENCES artifact (id),\n"
	  "  number INTEGER NOT NULL,\n"
	  "  path TEXT NOT NULL,\n"
	  "  target TEXT NOT NULL,\n"
	  "  PRIMARY KEY (artifact, number)\n"
	  ") STRICT, WITHOUT ROWID",								0},
	{ "table", "profile",          "profile",
         "CREATE TABLE profile (\n"
	  "  release TEXT NOT NULL REFERENCES release (name),\n"
	  "  name TEXT NOT NULL,\n"
	  "  PRIMARY KEY (release, name)\n"
	  ") STRICT, WITHOUT ROWID",								0},
	{ "table", "profile_event",    "profile_event",
         "CREATE TABLE profile_event (\n"
	  "  release TEXT NOT NULL,\n"
	  "  profile TEXT NOT NULL,\n"
	  "  number INTEGER NOT NULL,\n"
	  "  pcr INTEGER NOT NULL,\n"
	  "  type INTEGER NOT NULL,\n"
	  "  origin INTEGER NOT NULL,\n"
	  "  source TEXT NOT NULL,\n"
	  "  over TEXT NOT NULL,\n"
	  "  PRIMARY KEY (release, profile, number),\n"
	  "  FOREIGN KEY (release, profile) REFERENCES profile (release, name)\n"
	  ") STRICT, WITHOUT ROWID",								0},
	{ "table", "profile_digest",   "profile_digest",
         "CREATE TABLE profile_digest (\n"
	  "  release TEXT NOT NULL,\n"
	  "  profile TEXT NOT NULL,\n"
	  "  number INTEGER NOT NULL,\n"
	  "  algorithm INTEGER NOT NULL,\n"
	  "  digest BLOB NOT NULL,\n"
	  "  PRIMARY KEY (release, profile, number, algorithm),\n"
	  "  FOREIGN KEY (release, profile, number)\n"
	  "    REFERENCES profile_event (release, profile, number)\n"
	  ") STRICT, WITHOUT ROWID",								0},
	{ "table", "profile_pcr",      "profile_pcr",
         "CREATE TABLE profile_pcr (\n"
	  "  release TEXT NOT NULL,\n"
	  "  profile TEXT NOT NULL,\n"
	  "  algorithm INTEGER NOT NULL,\n"
	  "  pcr INTEGER NOT NULL,\n"
	  "  digest BLOB NOT NULL,\n"
	  "  PRIMARY KEY (release, profile, algorithm, pcr),\n"
	  "  FOREIGN KEY (release, profile) REFERENCES profile (release, name)\n"
	  ") STRICT, WITHOUT ROWID",								0},
	{ "table", "profile_coverage", "profile_coverage",
         "CREATE TABLE profile_coverage (\n"
	  "  release TEXT NOT NULL,\n"
	  "  profile TEXT NOT NULL,\n"
	  "  pcr INTEGER NOT NULL,\n"
	  "  coverage INTEGER NOT NULL,\n"
	  "  PRIMARY KEY (release, profile, pcr),\n"
	  "  FOREIGN KEY (release, profile) REFERENCES profile (release, name)\n"
	  ") STRICT, WITHOUT ROWID",								0},
	{ "index", "file_path",        "file",             "CREATE INDEX file_path ON file (path)", 0},
#define DIGEST_INDEX(name, alg)                                                                    \
	{                                                                                          \
		"index", "file_" #name, "file",                                                    \
			"CREATE INDEX file_" #name " ON file (" #name ") WHERE " #name             \
			" IS NOT NULL",                                                            \
			1u << (alg)                                                                \
	}
	DIGEST_INDEX(sha1, ALG_SHA1),
	DIGEST_INDEX(sha256, ALG_SHA256),
	DIGEST_INDEX(sha384, ALG_SHA384),
	DIGEST_INDEX(sha512, ALG_SHA512),
	DIGEST_INDEX(sm3_256, ALG_SM3_256),
	DIGEST_INDEX(md5, ALG_MD5),
	DIGEST_INDEX(sha224, ALG_SHA224),
	DIGEST_INDEX(sha3_256, ALG_SHA3_256),
	DIGEST_INDEX(sha3_512, ALG_SHA3_512),
#undef DIGEST_INDEX
};

static bool is_index(const struct schema_entry *entry)
{
	return entry->type[0] == 'i';
}

int schema_create(struct db *db, struct error *err)
{
	char pragma[64];

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (!is_index(&entries[i]) && db_execute(db, entries[i].text, err) < 0)
			return -1;
	snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d", DB_APPLICATION_ID);
	if (db_execute(db, pragma, err) < 0)
		return -1;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", DB_SCHEMA_VERSION);
	return db_execute(db, pragma, err);
}

/* Which entries the database has, a bit each; -1 and *err if it has others. */
static int schema_read(struct db *db, uint32_t *out, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	uint32_t there = 0;
	int row;

	_Static_assert(ARRAY_SIZE(entries) <= 32, "a bit for each entry");
	stmt = db_prepare(db, "SELECT type, name, tbl_name, sql FROM sqlite_schema", err);
	if (!stmt)
		return -1;
	while ((row = db_step(db, stmt, err)) > 0) {
		struct bytes type = column_bytes(stmt, 0), name = column_bytes(stmt, 1);
		size_t i = 0;

		while (i < ARRAY_SIZE(entries) && !(bytes_equal_string(type, entries[i].type) &&
						    bytes_equal_string(name, entries[i].name)))
			i++;
		if (i == ARRAY_SIZE(entries))
			return error_set(err, ERROR_MALFORMED, db->path, ERROR_NO_OFFSET,
					 "holds a %.*s '%.*s' that is not ours",
					 (int)(type.size < 32 ? type.size : 32),
					 type.size ? (const char *)type.data : "",
					 (int)(name.size < 128 ? name.size : 128),
					 name.size ? (const char *)name.data : "");
		if (!bytes_equal_string(column_bytes(stmt, 2), entries[i].table) ||
		    !bytes_equal_string(column_bytes(stmt, 3), entries[i].text))
			return error_set(err, ERROR_MALFORMED, db->path, ERROR_NO_OFFSET,
					 "the %s '%s' is not as Assay defines it", entries[i].type,
					 entries[i].name);
		if (there & 1u << i)
			return error_set(err, ERROR_MALFORMED, db->path, ERROR_NO_OFFSET,
					 "the %s '%s' is there twice", entries[i].type,
					 entries[i].name);
		there |= 1u << i;
	}
	*out = there;
	return row;
}

int schema_check(struct db *db, struct error *err)
{
	uint32_t there;

	if (schema_read(db, &there, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (!is_index(&entries[i]) && !(there & 1u << i))
			return error_set(err, ERROR_MALFORMED, db->path, ERROR_NO_OFFSET,
					 "the table '%s' is missing", entries[i].name);
	return 0;
}

/* An index over digests that no file has would cost a scan and hold nothing. */
static bool is_wanted(const struct schema_entry *entry, alg_set algs)
{
	return is_index(entry) && (!entry->alg || entry->alg & algs);
}

int schema_index(struct db *db, alg_set algs, struct error *err)
{
	uint32_t there;

	if (schema_read(db, &there, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (is_wanted(&entries[i], algs) && !(there & 1u << i) &&
		    db_execute(db, entries[i].text, err) < 0)
			return -1;
	return 0;
}

int schema_unindex(struct db *db, struct error *err)
{
	uint32_t there;

	if (schema_read(db, &there, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		char text[64];

		if (!is_index(&entries[i]) || !(there & 1u << i))
			continue;
		snprintf(text, sizeof(text), "DROP INDEX %s", entries[i].name);
		if (db_execute(db, text, err) < 0)
			return -1;
	}
	return 0;
}

int schema_indexed(struct db *db, alg_set algs, bool *out, struct error *err)
{
	uint32_t there;

	if (schema_read(db, &there, err) < 0)
		return -1;
	*out = true;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (is_wanted(&entries[i], algs) && !(there & 1u << i))
			*out = false;
	return 0;
}
