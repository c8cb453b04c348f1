/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/json.h"
#include "core/text.h"
#include "db/internal.h"
#include "db/key_print.h"
#include "db/table.h"

struct options {
	const char *db;
	struct option_list releases;
	bool json;
};

/* What one argument asks for. */
struct query {
	const char *text;
	bool is_path;
	struct digest digests[ALG_COUNT]; /* several when only the length of a digest is known */
	size_t n_digests;
	uint8_t id[KEY_SUBJECT_MAX]; /* that a key may be named by */
	size_t id_size;              /* 0: none */
};

/* Where matches go: rows of a table or elements of an array. */
struct output {
	const struct options *options;
	struct json *json; /* NULL: text */
	struct table *table;
	bool by_path;      /* the digest is news, the path is not */
	const char *other; /* passed over: files of this canonical path */
	size_t n;
	struct digest *digests; /* owned; distinct ones that were seen, if wanted */
	size_t n_digests;
};

/* --- queries ------------------------------------------------------------------------------------ */

/* "alg:hex", hex of a length that some algorithm has or keys are named by, or an absolute path. */
static int query_parse(const char *text, struct query *out)
{
	const char *colon = strchr(text, ':');
	struct bytes hex = bytes_of_string(text);
	uint8_t value[DIGEST_SIZE_MAX];
	enum alg only = ALG_NONE;
	long size;

	*out = (struct query){ .text = text, .is_path = text[0] == '/' };
	if (out->is_path)
		return 0;
	if (colon) {
		only = alg_of_name(bytes_of(text, (size_t)(colon - text)));
		if (only == ALG_NONE)
			return -1;
		hex = bytes_of_string(colon + 1);
	}
	size = hex_parse(hex, value, sizeof(value));
	for (enum alg alg = 0; size > 0 && alg < ALG_COUNT; alg++)
		if ((only == ALG_NONE || only == alg) &&
		    digest_init(&out->digests[out->n_digests], alg, bytes_of(value, (size_t)size)))
			out->n_digests++;
	if ((only == ALG_NONE || only == ALG_SHA256) && size >= 4 && size <= KEY_SUBJECT_MAX &&
	    (size == 4 || out->n_digests)) {
		memcpy(out->id, value, (size_t)size);
		out->id_size = (size_t)size;
	}
	return out->n_digests || out->id_size ? 0 : -1;
}

/* --- matches ------------------------------------------------------------------------------------ */

static bool is_chosen(const struct options *options, const char *release)
{
	for (size_t i = 0; i < options->releases.n_items; i++)
		if (strcmp(options->releases.items[i], release) == 0)
			return true;
	return options->releases.n_items == 0;
}

static void match_json(struct json *json, const struct golden_match *match)
{
	json_object_begin(json, NULL);
	json_string(json, "release", match->release);
	json_string(json, "artifact", match->artifact);
	json_bytes(json, "path", match->path);
	if (match->digest.alg == ALG_NONE)
		json_null(json, "algorithm");
	else
		json_string(json, "algorithm", alg_name(match->digest.alg));
	json_string(json, "kind", file_kind_name(match->kind));
	json_object_begin_compact(json, "digests");
	for (size_t i = 0; i < match->n_digests; i++)
		json_digest(json, alg_name(match->digests[i].alg), &match->digests[i]);
	json_object_end(json);
	if (*match->package) {
		json_string(json, "package", match->package);
		json_string(json, "evr", match->evr);
	}
	json_uint(json, "size", match->size);
	json_bool(json, "executable", match->executable);
	json_bool(json, "config", match->flags & FILE_CONFIG);
	json_bool(json, "ghost", match->flags & FILE_GHOST);
	json_string(json, "signature", signature_state_name(match->signature));
	if (*match->signer)
		json_string(json, "signer", match->signer);
	json_object_end(json);
}

static void match_cells(const struct output *output, const struct golden_match *match)
{
	char digest[16 + DIGEST_HEX_SIZE] = "";

	if (match->digest.alg != ALG_NONE) {
		int size = snprintf(digest, 16, "%s:", alg_name(match->digest.alg));

		digest_hex(&match->digest, digest + size);
	}
	table_string(output->table, match->release);
	table_string(output->table, match->artifact);
	table_string(output->table, file_kind_name(match->kind));
	table_string(output->table, signature_state_name(match->signature));
	if (output->by_path)
		table_string(output->table, digest);
	table_bytes(output->table, match->path);
}

/* Keeps a digest that is new. */
static int digest_keep(struct output *output, const struct digest *digest, struct error *err)
{
	struct digest *larger;

	if (digest->alg == ALG_NONE)
		return 0;
	for (size_t i = 0; i < output->n_digests; i++)
		if (digest_equal(&output->digests[i], digest))
			return 0;
	larger = realloc(output->digests, (output->n_digests + 1) * sizeof(*larger));
	if (!larger)
		return error_memory(err, NULL);
	output->digests = larger;
	output->digests[output->n_digests++] = *digest;
	return 0;
}

static int on_match(void *ctx, const struct golden_match *match, struct error *err)
{
	struct output *output = ctx;
	char canonical[GOLDEN_PATH_MAX];

	if (!is_chosen(output->options, match->release))
		return 0;
	if (output->other && golden_path(match->path, canonical, sizeof(canonical)) &&
	    strcmp(canonical, output->other) == 0)
		return 0;
	output->n++;
	if (output->json)
		match_json(output->json, match);
	else
		match_cells(output, match);
	return output->by_path && !output->other ? digest_keep(output, &match->digest, err) : 0;
}

static void output_clear(struct output *output)
{
	free(output->digests);
}

/* --- answers ------------------------------------------------------------------------------------- */

static const struct column digest_columns[] = {
	{"RELEASE",    false},
        { "ARTIFACT",  false},
        { "KIND",      false},
	{ "SIGNATURE", false},
        { "PATH",      false},
};
static const struct column path_columns[] = {
	{"RELEASE",    false},
        { "ARTIFACT",  false},
        { "KIND",      false},
	{ "SIGNATURE", false},
        { "DIGEST",    false},
        { "PATH",      false},
};

/* Everything with one of the digests, the path passed over if there is one. */
static int find_digests(struct db *db, struct output *output, const struct digest *digests,
			size_t n_digests, struct error *err)
{
	for (size_t i = 0; i < n_digests; i++)
		if (db_lookup_digest(db, &digests[i], on_match, output, err) < 0)
			return -1;
	return 0;
}

/* Keys that the query names: a table of their own, or the member "keys". */
static int find_keys(struct db *db, const struct query *query, struct output *output,
		     struct error *err)
{
	AUTO(table_clear)
	struct table table = { .columns = key_columns, .n_columns = KEY_COLUMNS };
	AUTO(golden_key_list_clear) struct golden_key_list keys = { 0 };
	const struct option_list *releases = &output->options->releases;
	bool any = false;

	if (query->id_size == 0)
		return 0;
	if (db_keys_read(db, releases->items, releases->n_items, &keys, err) < 0)
		return -1;
	for (size_t i = 0; i < keys.n_keys; i++) {
		if (!key_is_named(&keys.keys[i], bytes_of(query->id, query->id_size)))
			continue;
		if (output->json && !any)
			json_array_begin(output->json, "keys");
		if (output->json)
			key_json(output->json, &keys.keys[i]);
		else
			key_cells(&table, &keys.keys[i]);
		output->n++;
		any = true;
	}
	if (output->json && any)
		json_array_end(output->json);
	return output->json ? 0 : table_print(&table, stdout, err);
}

/* A digest: where it is. A path: what it may be, and where else the same bytes are. */
static int answer_json(struct db *db, const struct query *query, struct output *output,
		       struct error *err)
{
	struct json *json = output->json;
	char canonical[GOLDEN_PATH_MAX] = "";
	char hex[DIGEST_HEX_SIZE];
	int status;

	json_object_begin(json, NULL);
	if (query->is_path)
		json_string(json, "path", query->text);
	else if (query->n_digests)
		json_string(json, "digest", digest_hex(&query->digests[0], hex));
	else
		json_hex(json, "key_id", bytes_of(query->id, query->id_size));
	json_array_begin(json, "matches");
	if (query->is_path)
		status = db_lookup_path(db, bytes_of_string(query->text), on_match, output, err);
	else
		status = find_digests(db, output, query->digests, query->n_digests, err);
	json_array_end(json);
	if (status == 0 && query->is_path) {
		golden_path(bytes_of_string(query->text), canonical, sizeof(canonical));
		output->other = canonical;
		json_array_begin(json, "same_bytes");
		status = find_digests(db, output, output->digests, output->n_digests, err);
		json_array_end(json);
	}
	if (status == 0)
		status = find_keys(db, query, output, err);
	json_object_end(json);
	return status;
}

static int answer_text(struct db *db, const struct query *query, struct output *output,
		       struct error *err)
{
	AUTO(table_clear)
	struct table table = {
		.columns = query->is_path ? path_columns : digest_columns,
		.n_columns = query->is_path ? ARRAY_SIZE(path_columns) : ARRAY_SIZE(digest_columns),
	};
	char canonical[GOLDEN_PATH_MAX] = "";
	size_t n_known;

	output->table = &table;
	if ((query->is_path
		     ? db_lookup_path(db, bytes_of_string(query->text), on_match, output, err)
		     : find_digests(db, output, query->digests, query->n_digests, err)) < 0 ||
	    table_print(&table, stdout, err) < 0)
		return -1;
	if (find_keys(db, query, output, err) < 0)
		return -1;
	n_known = output->n;
	if (!query->is_path || !n_known)
		return 0;
	golden_path(bytes_of_string(query->text), canonical, sizeof(canonical));
	table_clear(&table);
	output->other = canonical;
	if (find_digests(db, output, output->digests, output->n_digests, err) < 0)
		return -1;
	if (output->n > n_known) {
		puts("\nThe same bytes elsewhere:");
		return table_print(&table, stdout, err);
	}
	return 0;
}

static int answer(struct db *db, const struct query *query, const struct options *options,
		  struct json *json, bool heading, bool *found, struct error *err)
{
	AUTO(output_clear)
	struct output output = { .options = options, .json = json, .by_path = query->is_path };

	if (heading && !json) {
		text_write(stdout, bytes_of_string(query->text));
		putchar('\n');
	}
	if ((json ? answer_json : answer_text)(db, query, &output, err) < 0)
		return -1;
	*found = output.n > 0;
	if (!*found && !json) {
		fflush(stdout);
		fputs("assay: ", stderr);
		text_write(stderr, bytes_of_string(query->text));
		fputs(": not known here\n", stderr);
	}
	return 0;
}

static int has_release(struct db *db, const char *name, struct error *err)
{
	AUTO(artifact_list_clear) struct artifact_list artifacts = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list releases = { .text = BUF_INIT };

	if (artifacts_read(db, &artifacts, err) < 0 ||
	    releases_read(db, &artifacts, &releases, err) < 0)
		return -1;
	return release_list_find(db, &releases, name, err) ? 0 : -1;
}

static int answer_all(const struct command_args *args, const struct options *options,
		      struct query *queries, bool *all, struct error *err)
{
	AUTO(db_closep) struct db *db = NULL;
	struct json json = json_to_stream(stdout);
	bool given, several = args->n_items > 1;

	*all = true;
	if (db_open(command_db(options->db, &given), DB_READ, &db, err) < 0)
		return -1;
	for (size_t i = 0; i < options->releases.n_items; i++)
		if (has_release(db, options->releases.items[i], err) < 0)
			return -1;
	if (options->json && several) {
		json_object_begin(&json, NULL);
		json_array_begin(&json, "lookups");
	}
	for (size_t i = 0; i < args->n_items; i++) {
		bool found;

		if (several && !options->json && i)
			putchar('\n');
		if (answer(db, &queries[i], options, options->json ? &json : NULL, several, &found,
			   err) < 0)
			return -1;
		*all &= found;
	}
	if (options->json && several) {
		json_array_end(&json);
		json_object_end(&json);
	}
	return options->json ? json_finish(&json, err) : 0;
}

enum exit_status cmd_db_lookup(const struct command *self, int argc, char **argv)
{
	struct options options = { 0 };
	const struct command_option table[] = {
		OPTION_DB(&options.db),
		{"release", 'r', OPTION_LIST, &options.releases, "NAME",
			       "only in this release (may be repeated)"},
		OPTION_JSON(&options.json),
	};
	AUTO(own_free) struct query *queries = NULL;
	struct error err = { 0 };
	struct command_args args;
	enum exit_status status;
	bool all;

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		goto out;
	if (args.n_items == 0) {
		status = command_usage(self, "needs a digest, a path or a key's identifier");
		goto out;
	}
	queries = calloc(args.n_items, sizeof(*queries));
	if (!queries) {
		error_memory(&err, NULL);
		status = command_fail(&err);
		goto out;
	}
	for (size_t i = 0; i < args.n_items; i++)
		if (query_parse(args.items[i], &queries[i]) < 0) {
			status = command_usage(self,
					       "'%s' is neither a digest (hex, or algorithm:hex), "
					       "nor an absolute path, nor a key's identifier",
					       args.items[i]);
			goto out;
		}
	if (answer_all(&args, &options, queries, &all, &err) < 0)
		status = command_fail(&err);
	else
		status = command_finish(all ? EXIT_DONE : EXIT_NO);
out:
	option_list_clear(&options.releases);
	return status;
}
