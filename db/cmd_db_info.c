/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <sys/stat.h>

#include "core/json.h"
#include "core/text.h"
#include "db/internal.h"
#include "db/keyring.h"
#include "db/profile.h"
#include "db/table.h"

struct options {
	const char *db;
	bool check, recover, json;
};

struct info {
	const char *path;
	uint64_t size;
	uint64_t n_files, n_links, n_unheld; /* unheld: artifacts of no release */
	uint64_t n_by_kind[ARTIFACT_KIND_COUNT], n_by_signature[SIGNATURE_UNVERIFIABLE + 1];
	uint64_t n_header_only;
	uint64_t n_profiles, n_states;
	uint64_t n_keys, n_by_keyring[KEYRING_COUNT]; /* one of two releases counts for each */
	struct artifact_list artifacts;
	struct release_list releases;
};

static void info_clear(struct info *info)
{
	artifact_list_clear(&info->artifacts);
	release_list_clear(&info->releases);
}

static int info_read(struct db *db, struct info *out, struct error *err)
{
	AUTO(profile_list_clear) struct profile_list profiles = { 0 };
	AUTO(golden_key_list_clear) struct golden_key_list keys = { 0 };
	struct stat st;

	out->path = db->path;
	if (stat(db->path, &st) == 0)
		out->size = (uint64_t)st.st_size;
	if (artifacts_read(db, &out->artifacts, err) < 0 ||
	    releases_read(db, &out->artifacts, &out->releases, err) < 0)
		return -1;
	for (size_t i = 0; i < out->artifacts.n_items; i++) {
		const struct artifact_row *row = &out->artifacts.items[i];

		out->n_files += row->n_files;
		out->n_links += row->n_links;
		out->n_by_kind[row->artifact.kind]++;
		out->n_by_signature[row->artifact.signature]++;
		out->n_header_only += row->artifact.header_only;
	}
	if (db_profiles_read(db, NULL, 0, &profiles, err) < 0 ||
	    db_keys_read(db, NULL, 0, &keys, err) < 0)
		return -1;
	out->n_profiles = profiles.n_profiles;
	out->n_keys = keys.n_keys;
	for (size_t i = 0; i < keys.n_keys; i++)
		out->n_by_keyring[keys.keys[i].keyring]++;
	out->n_states = profiles.n_states;
	return 0;
}

static uint64_t release_files(const struct info *info, const struct release *release)
{
	uint64_t n = 0;

	for (size_t i = 0; i < release->n_artifacts; i++)
		n += info->artifacts.items[release->artifacts[i]].n_files;
	return n;
}

static int info_json(const struct info *info, const struct options *options, struct error *err)
{
	struct json json = json_to_stream(stdout);

	json_object_begin(&json, NULL);
	json_string(&json, "database", info->path);
	json_uint(&json, "schema_version", DB_SCHEMA_VERSION);
	json_uint(&json, "size", info->size);
	json_bool(&json, "signed", false);
	if (options->check)
		json_string(&json, "check", "pass");
	json_array_begin(&json, "releases");
	for (size_t i = 0; i < info->releases.n_items; i++) {
		const struct release *release = &info->releases.items[i];

		json_object_begin_compact(&json, NULL);
		json_string(&json, "release", release->name);
		json_uint(&json, "artifact_count", release->n_artifacts);
		json_uint(&json, "file_count", release_files(info, release));
		json_object_end(&json);
	}
	json_array_end(&json);
	json_uint(&json, "artifact_count", info->artifacts.n_items);
	json_object_begin_compact(&json, "kinds");
	for (int kind = 0; kind < ARTIFACT_KIND_COUNT; kind++)
		json_uint(&json, artifact_kind_name((enum artifact_kind)kind),
			  info->n_by_kind[kind]);
	json_object_end(&json);
	json_object_begin_compact(&json, "signatures");
	for (int state = 0; state <= SIGNATURE_UNVERIFIABLE; state++)
		json_uint(&json, signature_state_name((enum signature_state)state),
			  info->n_by_signature[state]);
	json_object_end(&json);
	json_uint(&json, "header_only_count", info->n_header_only);
	json_uint(&json, "file_count", info->n_files);
	json_uint(&json, "link_count", info->n_links);
	json_uint(&json, "profile_count", info->n_profiles);
	json_uint(&json, "key_count", info->n_keys);
	json_uint(&json, "reference_state_count", info->n_states);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* "3 rpm, 1 tree": the counts that are not zero. */
static void print_counts(const uint64_t *counts, int n, const char *(*name)(int))
{
	bool any = false;

	for (int i = 0; i < n; i++)
		if (counts[i]) {
			printf("%s%" PRIu64 " %s", any ? ", " : "", counts[i], name(i));
			any = true;
		}
	puts(any ? "" : "none");
}

static const char *kind_name(int kind)
{
	return artifact_kind_name((enum artifact_kind)kind);
}

static const char *ring_name(int keyring)
{
	return keyring_name((enum keyring)keyring);
}

static const char *signature_name(int state)
{
	return signature_state_name((enum signature_state)state);
}

static int info_text(const struct info *info, const struct options *options, struct error *err)
{
	static const struct column columns[] = {
		{"RELEASE",    false},
                { "ARTIFACTS", true },
                { "",          false},
		{ "FILES",     true },
                { "",          false},
	};
	AUTO(table_clear)
	struct table table = { .columns = columns, .n_columns = ARRAY_SIZE(columns), .indent = 2 };

	printf("Database    ");
	text_write(stdout, bytes_of_string(info->path));
	printf("\nSchema      version %d\nSize        %" PRIu64 " KiB\n", DB_SCHEMA_VERSION,
	       (info->size + 1023) / 1024);
	printf("Signed      no\nArtifacts   ");
	print_counts(info->n_by_kind, ARTIFACT_KIND_COUNT, kind_name);
	printf("Signatures  ");
	print_counts(info->n_by_signature, SIGNATURE_UNVERIFIABLE + 1, signature_name);
	if (info->n_header_only)
		printf("Header only %" PRIu64 " artifacts: their digests were not computed here\n",
		       info->n_header_only);
	printf("Files       %" PRIu64 ", and %" PRIu64 " links\n", info->n_files, info->n_links);
	printf("Profiles    %" PRIu64 "\n", info->n_profiles);
	if (info->n_keys) {
		printf("Keys        ");
		print_counts(info->n_by_keyring, KEYRING_COUNT, ring_name);
	}
	if (info->n_states)
		printf("States      %" PRIu64 " reference state%s of boots\n", info->n_states,
		       info->n_states == 1 ? "" : "s");
	if (options->check)
		puts("Check       every page and every row is whole");
	printf("Releases    %zu\n", info->releases.n_items);
	for (size_t i = 0; i < info->releases.n_items; i++) {
		const struct release *release = &info->releases.items[i];

		table_string(&table, release->name);
		table_uint(&table, release->n_artifacts);
		table_string(&table, release->n_artifacts == 1 ? "artifact" : "artifacts");
		table_uint(&table, release_files(info, release));
		table_string(&table, "files");
	}
	return table_print(&table, stdout, err);
}

enum exit_status cmd_db_info(const struct command *self, int argc, char **argv)
{
	struct options options = { 0 };
	const struct command_option table[] = {
		OPTION_DB(&options.db),
		{"check",    0, OPTION_FLAG, &options.check,   NULL,
			       "read every page and every row, and compare all digests"},
		{ "recover", 0, OPTION_FLAG, &options.recover, NULL,
			       "first bring in order what an interrupted import left"  },
		OPTION_JSON(&options.json),
	};
	AUTO(info_clear) struct info info = { .artifacts.text = BUF_INIT };
	AUTO(db_closep) struct db *db = NULL;
	struct error err = { 0 };
	struct command_args args;
	enum exit_status status;
	const char *path;
	bool given;

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		return status;
	if (args.n_items)
		return command_usage(self, "takes no arguments");
	path = command_db(options.db, &given);
	if (options.recover) {
		if (db_open(path, DB_RECOVER, &db, &err) < 0 || db_import_finish(db, &err) < 0)
			return command_fail(&err);
		db_close(db);
		db = NULL;
	}
	if (db_open(path, DB_READ, &db, &err) < 0 || info_read(db, &info, &err) < 0 ||
	    (options.check && db_check(db, &err) < 0) ||
	    (options.json ? info_json : info_text)(&info, &options, &err) < 0)
		return command_fail(&err);
	return command_finish(EXIT_DONE);
}
