/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "core/json.h"
#include "core/pcr.h"
#include "core/text.h"
#include "db/internal.h"
#include "db/table.h"

struct options {
	const char *db, *profile;
	struct option_list releases;
	bool json;
};

/* Values of profile_coverage.coverage. */
static const char *const coverages[] = { "predicted", "baseline", "partial" };

/* One PCR value, or how far one PCR is covered. */
struct value {
	uint32_t pcr;
	enum alg alg;
	struct digest digest;
	uint32_t coverage;
};

struct values {
	struct value *items; /* owned */
	size_t n_items;
};

static void values_clear(struct values *values)
{
	free(values->items);
}

static int value_add(struct values *values, const struct value *value, struct error *err)
{
	struct value *larger = realloc(values->items, (values->n_items + 1) * sizeof(*larger));

	if (!larger)
		return error_memory(err, NULL);
	values->items = larger;
	values->items[values->n_items++] = *value;
	return 0;
}

static int out_of_range(struct db *db, struct error *err)
{
	return db_damaged(db, err, "a boot profile has a value out of range");
}

/* The rows of one profile that a statement with its release and its name selects. */
static sqlite3_stmt *profile_rows(struct db *db, const char *text, struct bytes release,
				  struct bytes profile, struct error *err)
{
	sqlite3_stmt *stmt = db_prepare(db, text, err);

	if (stmt) {
		bind_bytes(stmt, 1, release);
		bind_bytes(stmt, 2, profile);
	}
	return stmt;
}

static int banks_read(struct db *db, struct bytes release, struct bytes profile, struct values *out,
		      struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	int found = -1;

	stmt = profile_rows(db,
			    "SELECT algorithm, pcr, digest FROM profile_pcr "
			    "WHERE release = ?1 AND profile = ?2 ORDER BY algorithm, pcr",
			    release, profile, err);
	while (stmt && (found = db_step(db, stmt, err)) > 0) {
		int64_t alg = sqlite3_column_int64(stmt, 0), pcr = sqlite3_column_int64(stmt, 1);
		struct value value = { .pcr = (uint32_t)pcr, .alg = (enum alg)alg };

		if (alg < 0 || alg >= ALG_BANKS || pcr < 0 || pcr >= PCR_COUNT ||
		    !digest_init(&value.digest, value.alg, column_bytes(stmt, 2)))
			return out_of_range(db, err);
		if (value_add(out, &value, err) < 0)
			return -1;
	}
	return found;
}

static int coverage_read(struct db *db, struct bytes release, struct bytes profile,
			 struct values *out, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	int found = -1;

	stmt = profile_rows(db,
			    "SELECT pcr, coverage FROM profile_coverage "
			    "WHERE release = ?1 AND profile = ?2 ORDER BY pcr",
			    release, profile, err);
	while (stmt && (found = db_step(db, stmt, err)) > 0) {
		int64_t pcr = sqlite3_column_int64(stmt, 0),
			coverage = sqlite3_column_int64(stmt, 1);
		struct value value = { .pcr = (uint32_t)pcr, .coverage = (uint32_t)coverage };

		if (pcr < 0 || pcr >= PCR_COUNT || coverage < 0 ||
		    coverage >= (int64_t)ARRAY_SIZE(coverages))
			return out_of_range(db, err);
		if (value_add(out, &value, err) < 0)
			return -1;
	}
	return found;
}

static const char *pcr_key(uint32_t pcr, char out[12])
{
	snprintf(out, 12, "%" PRIu32, pcr);
	return out;
}

static void profile_json(struct json *json, struct bytes release, struct bytes profile,
			 const struct values *banks, const struct values *coverage)
{
	char key[12];

	json_object_begin(json, NULL);
	json_bytes(json, "release", release);
	json_bytes(json, "profile", profile);
	json_object_begin(json, "banks");
	for (size_t i = 0; i < banks->n_items; i++) {
		const struct value *value = &banks->items[i];
		enum alg before = i ? banks->items[i - 1].alg : ALG_NONE;
		enum alg next = i + 1 < banks->n_items ? banks->items[i + 1].alg : ALG_NONE;

		if (value->alg != before)
			json_object_begin(json, alg_name(value->alg));
		json_digest(json, pcr_key(value->pcr, key), &value->digest);
		if (value->alg != next)
			json_object_end(json);
	}
	json_object_end(json);
	json_object_begin_compact(json, "coverage");
	for (size_t i = 0; i < coverage->n_items; i++)
		json_string(json, pcr_key(coverage->items[i].pcr, key),
			    coverages[coverage->items[i].coverage]);
	json_object_end(json);
	json_object_end(json);
}

static int profile_text(struct bytes release, struct bytes profile, const struct values *banks,
			const struct values *coverage, struct error *err)
{
	static const struct column columns[] = {
		{"PCR",       true },
                { "BANK",     false},
                { "COVERAGE", false},
                { "VALUE",    false}
	};
	AUTO(table_clear)
	struct table table = { .columns = columns, .n_columns = ARRAY_SIZE(columns), .indent = 2 };

	text_write(stdout, release);
	printf(" / ");
	text_write(stdout, profile);
	putchar('\n');
	for (size_t i = 0; i < banks->n_items; i++) {
		const struct value *value = &banks->items[i];
		const char *covered = "";
		char hex[DIGEST_HEX_SIZE];

		for (size_t k = 0; k < coverage->n_items; k++)
			if (coverage->items[k].pcr == value->pcr)
				covered = coverages[coverage->items[k].coverage];
		table_uint(&table, value->pcr);
		table_string(&table, alg_name(value->alg));
		table_string(&table, covered);
		table_string(&table, digest_hex(&value->digest, hex));
	}
	return table_print(&table, stdout, err);
}

static bool is_wanted(const struct options *options, struct bytes release, struct bytes profile)
{
	bool wanted = options->releases.n_items == 0;

	for (size_t i = 0; i < options->releases.n_items; i++)
		wanted |= bytes_equal_string(release, options->releases.items[i]);
	return wanted && (!options->profile || bytes_equal_string(profile, options->profile));
}

static int show_profiles(struct db *db, const struct options *options, struct json *json,
			 size_t *n_shown, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	int found = -1;

	*n_shown = 0;
	stmt = db_prepare(db, "SELECT release, name FROM profile ORDER BY release, name", err);
	while (stmt && (found = db_step(db, stmt, err)) > 0) {
		AUTO(values_clear) struct values banks = { 0 };
		AUTO(values_clear) struct values coverage = { 0 };
		struct bytes release = column_bytes(stmt, 0), profile = column_bytes(stmt, 1);

		if (!is_wanted(options, release, profile))
			continue;
		if (banks_read(db, release, profile, &banks, err) < 0 ||
		    coverage_read(db, release, profile, &coverage, err) < 0)
			return -1;
		if (json)
			profile_json(json, release, profile, &banks, &coverage);
		else if (profile_text(release, profile, &banks, &coverage, err) < 0)
			return -1;
		++*n_shown;
	}
	return found;
}

static int show(const struct options *options, struct error *err)
{
	AUTO(artifact_list_clear) struct artifact_list artifacts = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list releases = { .text = BUF_INIT };
	AUTO(db_closep) struct db *db = NULL;
	struct json json = json_to_stream(stdout);
	size_t n_shown;
	bool given;

	if (db_open(command_db(options->db, &given), DB_READ, &db, err) < 0 ||
	    artifacts_read(db, &artifacts, err) < 0 ||
	    releases_read(db, &artifacts, &releases, err) < 0)
		return -1;
	for (size_t i = 0; i < options->releases.n_items; i++)
		if (!release_list_find(db, &releases, options->releases.items[i], err))
			return -1;
	if (options->json) {
		json_object_begin(&json, NULL);
		json_array_begin(&json, "profiles");
	}
	if (show_profiles(db, options, options->json ? &json : NULL, &n_shown, err) < 0)
		return -1;
	if (!options->json) {
		if (!n_shown)
			fputs("assay: no boot profiles here\n", stderr);
		return 0;
	}
	json_array_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

enum exit_status cmd_db_pcrs(const struct command *self, int argc, char **argv)
{
	struct options options = { 0 };
	const struct command_option table[] = {
		OPTION_DB(&options.db),
		{"release",  'r', OPTION_LIST,   &options.releases, "NAME",
			       "only this release's profiles (may be repeated)"},
		{ "profile", 'p', OPTION_STRING, &options.profile,  "NAME",
			       "only the profile of this name"                 },
		OPTION_JSON(&options.json),
	};
	struct error err = { 0 };
	struct command_args args;
	enum exit_status status;

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		goto out;
	if (args.n_items)
		status = command_usage(self, "takes no arguments");
	else if (show(&options, &err) < 0)
		status = command_fail(&err);
	else
		status = command_finish(EXIT_DONE);
out:
	option_list_clear(&options.releases);
	return status;
}
