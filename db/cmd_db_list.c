/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* qsort_r */
#include "core/json.h"
#include "core/text.h"
#include "db/internal.h"
#include "db/key_print.h"
#include "db/table.h"

struct options {
	const char *db;
	struct option_list releases, artifacts;
	bool json;
};

/* What the lists are made from. */
struct lists {
	struct artifact_list artifacts;
	struct release_list releases;
	bool *chosen; /* owned; of the releases, by --release or all */
};

static void lists_clear(struct lists *lists)
{
	artifact_list_clear(&lists->artifacts);
	release_list_clear(&lists->releases);
	free(lists->chosen);
}

static int lists_read(struct db *db, const struct options *options, struct lists *out,
		      struct error *err)
{
	if (artifacts_read(db, &out->artifacts, err) < 0 ||
	    releases_read(db, &out->artifacts, &out->releases, err) < 0)
		return -1;
	out->chosen = calloc(out->releases.n_items + 1, sizeof(*out->chosen));
	if (!out->chosen)
		return error_memory(err, NULL);
	for (size_t i = 0; i < out->releases.n_items; i++)
		out->chosen[i] = options->releases.n_items == 0;
	for (size_t i = 0; i < options->releases.n_items; i++) {
		const struct release *release =
			release_list_find(db, &out->releases, options->releases.items[i], err);

		if (!release)
			return -1;
		out->chosen[release - out->releases.items] = true;
	}
	return 0;
}

/* Whether an artifact is in a chosen release and among those named, if any are. */
static bool is_listed(const struct lists *lists, const struct options *options, size_t artifact)
{
	const struct artifact *a = &lists->artifacts.items[artifact].artifact;
	bool held = false, named = options->artifacts.n_items == 0;

	for (size_t i = 0; i < lists->releases.n_items; i++)
		held |= lists->chosen[i] &&
			release_holds(&lists->releases.items[i], (uint32_t)artifact);
	for (size_t i = 0; i < options->artifacts.n_items; i++)
		named |= bytes_equal_string(a->name, options->artifacts.items[i]) ||
			 (a->package.size &&
			  bytes_equal_string(a->package, options->artifacts.items[i]));
	return held && named;
}

static int by_name(const void *a, const void *b, void *ctx)
{
	const struct artifact_list *list = ctx;
	size_t left = *(const size_t *)a, right = *(const size_t *)b;
	int order =
		bytes_compare(list->items[left].artifact.name, list->items[right].artifact.name);

	return order ? order : left < right ? -1 : left > right;
}

/* The artifacts that are listed, by name. */
static int listed(const struct lists *lists, const struct options *options, size_t **out, size_t *n,
		  struct error *err)
{
	size_t *order = calloc(lists->artifacts.n_items + 1, sizeof(*order));

	if (!order)
		return error_memory(err, NULL);
	*n = 0;
	for (size_t i = 0; i < lists->artifacts.n_items; i++)
		if (is_listed(lists, options, i))
			order[(*n)++] = i;
	qsort_r(order, *n, sizeof(*order), by_name, (void *)(uintptr_t)&lists->artifacts);
	*out = order;
	return 0;
}

/* --- releases ---------------------------------------------------------------------------------- */

static uint64_t release_files(const struct lists *lists, const struct release *release)
{
	uint64_t n = 0;

	for (size_t i = 0; i < release->n_artifacts; i++)
		n += lists->artifacts.items[release->artifacts[i]].n_files;
	return n;
}

static int list_releases(struct db *db, const struct lists *lists, const struct options *options,
			 struct error *err)
{
	static const struct column columns[] = {
		{"RELEASE",    false},
                { "ARTIFACTS", true },
                { "FILES",     true }
	};
	AUTO(table_clear)
	struct table table = { .columns = columns, .n_columns = ARRAY_SIZE(columns) };
	struct json json = json_to_stream(stdout);

	(void)db;
	if (options->json) {
		json_object_begin(&json, NULL);
		json_array_begin(&json, "releases");
	}
	for (size_t i = 0; i < lists->releases.n_items; i++) {
		const struct release *release = &lists->releases.items[i];

		if (!lists->chosen[i])
			continue;
		if (options->json) {
			json_object_begin_compact(&json, NULL);
			json_string(&json, "release", release->name);
			json_uint(&json, "artifact_count", release->n_artifacts);
			json_uint(&json, "file_count", release_files(lists, release));
			json_object_end(&json);
		} else {
			table_string(&table, release->name);
			table_uint(&table, release->n_artifacts);
			table_uint(&table, release_files(lists, release));
		}
	}
	if (!options->json)
		return table_print(&table, stdout, err);
	json_array_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- artifacts --------------------------------------------------------------------------------- */

static void json_algs(struct json *json, alg_set algs)
{
	json_array_begin_compact(json, "algorithms");
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (algs & 1u << alg)
			json_string(json, NULL, alg_name(alg));
	json_array_end(json);
}

static void artifact_json(struct json *json, const struct lists *lists, size_t index)
{
	const struct artifact_row *row = &lists->artifacts.items[index];
	const struct artifact *a = &row->artifact;

	json_object_begin(json, NULL);
	json_bytes(json, "artifact", a->name);
	json_string(json, "kind", artifact_kind_name(a->kind));
	json_digest(json, "sha256", &a->digest);
	json_uint(json, "size", a->size);
	if (a->package.size) {
		json_bytes(json, "package", a->package);
		json_bytes(json, "evr", a->evr);
		json_bytes(json, "arch", a->arch);
		json_bytes(json, "vendor", a->vendor);
		json_bytes(json, "build_host", a->build_host);
		json_int(json, "build_time", a->build_time);
		json_bytes(json, "source_rpm", a->source_rpm);
	}
	json_string(json, "signature", signature_state_name(a->signature));
	if (a->signer.size)
		json_bytes(json, "signer", a->signer);
	json_bool(json, "header_only", a->header_only);
	json_algs(json, row->n_files ? row->algs : 0);
	json_uint(json, "file_count", row->n_files);
	json_uint(json, "link_count", row->n_links);
	json_array_begin_compact(json, "releases");
	for (size_t i = 0; i < lists->releases.n_items; i++)
		if (release_holds(&lists->releases.items[i], (uint32_t)index))
			json_string(json, NULL, lists->releases.items[i].name);
	json_array_end(json);
	json_object_end(json);
}

static void artifact_cells(struct table *table, const struct lists *lists, size_t index)
{
	const struct artifact_row *row = &lists->artifacts.items[index];
	struct buf releases = BUF_INIT;

	for (size_t i = 0; i < lists->releases.n_items; i++)
		if (release_holds(&lists->releases.items[i], (uint32_t)index)) {
			if (releases.size)
				buf_append_string(&releases, ",");
			buf_append_string(&releases, lists->releases.items[i].name);
		}
	table->text.failed |= releases.failed;
	table_bytes(table, row->artifact.name);
	table_string(table, artifact_kind_name(row->artifact.kind));
	table_uint(table, row->n_files);
	table_string(table, signature_state_name(row->artifact.signature));
	table_bytes(table, buf_bytes(&releases));
	table_bytes(table, row->artifact.signer);
	buf_clear(&releases);
}

static int list_artifacts(struct db *db, const struct lists *lists, const struct options *options,
			  struct error *err)
{
	static const struct column columns[] = {
		{"ARTIFACT",   false},
                { "KIND",      false},
                { "FILES",     true },
		{ "SIGNATURE", false},
                { "RELEASES",  false},
                { "SIGNER",    false},
	};
	AUTO(table_clear)
	struct table table = { .columns = columns, .n_columns = ARRAY_SIZE(columns) };
	AUTO(own_free) size_t *order = NULL;
	struct json json = json_to_stream(stdout);
	size_t n;

	(void)db;
	if (listed(lists, options, &order, &n, err) < 0)
		return -1;
	if (options->json) {
		json_object_begin(&json, NULL);
		json_array_begin(&json, "artifacts");
	}
	for (size_t i = 0; i < n; i++) {
		if (options->json)
			artifact_json(&json, lists, order[i]);
		else
			artifact_cells(&table, lists, order[i]);
	}
	if (!options->json)
		return table_print(&table, stdout, err);
	json_array_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- files -------------------------------------------------------------------------------------- */

/* One artifact's blobs at a time; two statements, so that both are there. */
struct files {
	sqlite3_stmt *manifest, *extras;
	struct json *json; /* NULL: text */
	int width;         /* of the longest artifact name */
};

static void digests_json(struct json *json, const struct manifest_file *file)
{
	json_object_begin_compact(json, "digests");
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (file->algs & 1u << alg)
			json_hex(json, alg_name(alg), bytes_of(file->digests[alg], alg_size(alg)));
	json_object_end(json);
}

static void file_json(struct json *json, const struct artifact *artifact,
		      const struct manifest_file *file, const struct manifest_extra *extra)
{
	char mode[8];

	snprintf(mode, sizeof(mode), "%07o", (unsigned)file->mode & 07777777);
	json_object_begin(json, NULL);
	json_bytes(json, "artifact", artifact->name);
	json_bytes(json, "path", file->path);
	json_string(json, "kind", file_kind_name(file->kind));
	json_string(json, "mode", mode);
	json_uint(json, "size", file->size);
	digests_json(json, file);
	json_bool(json, "executable", file->flags & MANIFEST_EXECUTABLE);
	json_bool(json, "config", file->flags & FILE_CONFIG);
	json_bool(json, "doc", file->flags & FILE_DOC);
	json_bool(json, "ghost", file->flags & FILE_GHOST);
	if (file->kind == KIND_KERNEL_MODULE)
		json_bool(json, "module_signed", file->flags & MANIFEST_MODULE_SIGNED);
	if (extra && extra->build_id.size)
		json_hex(json, "build_id", extra->build_id);
	if (extra && extra->capabilities.size)
		json_bytes(json, "capabilities", extra->capabilities);
	if (extra && extra->ima_signature.size)
		json_hex(json, "ima_signature", extra->ima_signature);
	if (extra && extra->verity_signature.size)
		json_hex(json, "verity_signature", extra->verity_signature);
	json_object_end(json);
}

/* The SHA-256, else the first digest, as "alg:hex". */
static void file_digest(const struct manifest_file *file, char out[16 + DIGEST_HEX_SIZE])
{
	enum alg alg = ALG_SHA256;
	int size;

	if (!file->algs) {
		memcpy(out, "-", 2);
		return;
	}
	if (!(file->algs & 1u << alg))
		alg = (enum alg)__builtin_ctz(file->algs);
	size = snprintf(out, 16, "%s:", alg_name(alg));
	hex_write(out + size, bytes_of(file->digests[alg], alg_size(alg)));
}

static void file_line(const struct files *files, const struct artifact *artifact,
		      const struct manifest_file *file)
{
	char digest[16 + DIGEST_HEX_SIZE];
	struct buf name = BUF_INIT;

	file_digest(file, digest);
	text_append(&name, artifact->name);
	buf_append_u8(&name, 0);
	printf("%-*s  %-13s  %-71s  ", files->width, name.failed ? "" : (const char *)name.data,
	       file_kind_name(file->kind), digest);
	text_write(stdout, file->path);
	putchar('\n');
	buf_clear(&name);
}

static int list_artifact_files(struct db *db, const struct files *files,
			       const struct artifact_row *row, struct error *err)
{
	struct manifest_extra extra = { .number = UINT32_MAX };
	struct manifest_file file;
	struct manifest manifest;
	struct extras extras;
	struct bytes blob;
	int found, more = 0;

	if (content_read(db, files->manifest, row->manifest, &blob, err) < 0 ||
	    manifest_open(&manifest, blob, db->path, err) < 0)
		return -1;
	if (files->json && row->extras >= 0 &&
	    (content_read(db, files->extras, row->extras, &blob, err) < 0 ||
	     extras_open(&extras, blob, db->path, err) < 0 ||
	     (more = extras_next(&extras, &extra, err)) < 0))
		return -1;
	for (uint32_t number = 0; (found = manifest_next(&manifest, &file, err)) > 0; number++) {
		bool has = more && extra.number == number;

		if (files->json)
			file_json(files->json, &row->artifact, &file, has ? &extra : NULL);
		else
			file_line(files, &row->artifact, &file);
		if (has && (more = extras_next(&extras, &extra, err)) < 0)
			return -1;
	}
	return found;
}

static int list_files(struct db *db, const struct lists *lists, const struct options *options,
		      struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *manifest = NULL;
	AUTO(statement_finalize) sqlite3_stmt *extras = NULL;
	AUTO(own_free) size_t *order = NULL;
	struct json json = json_to_stream(stdout);
	struct files files = { 0 };
	size_t n;

	manifest = db_prepare(db, "SELECT digest, bytes FROM content WHERE id = ?1", err);
	if (!manifest)
		return -1;
	extras = db_prepare(db, "SELECT digest, bytes FROM content WHERE id = ?1", err);
	if (!extras || listed(lists, options, &order, &n, err) < 0)
		return -1;
	files.manifest = manifest;
	files.extras = extras;
	for (size_t i = 0; i < n; i++) {
		struct buf name = BUF_INIT;

		text_append(&name, lists->artifacts.items[order[i]].artifact.name);
		if (name.size < 256 && (int)name.size > files.width)
			files.width = (int)name.size;
		buf_clear(&name);
	}
	if (options->json) {
		files.json = &json;
		json_object_begin(&json, NULL);
		json_array_begin(&json, "files");
	}
	for (size_t i = 0; i < n; i++)
		if (list_artifact_files(db, &files, &lists->artifacts.items[order[i]], err) < 0)
			return -1;
	if (!options->json)
		return 0;
	json_array_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- keys --------------------------------------------------------------------------------------- */

static bool is_named(const struct options *options, const struct golden_key *key)
{
	for (size_t i = 0; i < options->artifacts.n_items; i++)
		if (strcmp(key->artifact, options->artifacts.items[i]) == 0)
			return true;
	return options->artifacts.n_items == 0;
}

static int list_keys(struct db *db, const struct lists *lists, const struct options *options,
		     struct error *err)
{
	AUTO(table_clear)
	struct table table = { .columns = key_columns, .n_columns = KEY_COLUMNS };
	AUTO(golden_key_list_clear) struct golden_key_list keys = { 0 };
	struct json json = json_to_stream(stdout);

	(void)lists;
	if (db_keys_read(db, options->releases.items, options->releases.n_items, &keys, err) < 0)
		return -1;
	if (options->json) {
		json_object_begin(&json, NULL);
		json_array_begin(&json, "keys");
	}
	for (size_t i = 0; i < keys.n_keys; i++) {
		if (!is_named(options, &keys.keys[i]))
			continue;
		if (options->json)
			key_json(&json, &keys.keys[i]);
		else
			key_cells(&table, &keys.keys[i]);
	}
	if (!options->json)
		return table_print(&table, stdout, err);
	json_array_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- the command ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*run)(struct db *db, const struct lists *lists, const struct options *options,
		   struct error *err);
} kinds[] = {
	{"releases",   list_releases },
	{ "artifacts", list_artifacts},
	{ "files",     list_files    },
	{ "keys",      list_keys     },
};

enum exit_status cmd_db_list(const struct command *self, int argc, char **argv)
{
	struct options options = { 0 };
	const struct command_option table[] = {
		OPTION_DB(&options.db),
		{"release",   'r', OPTION_LIST, &options.releases,  "NAME",
			       "only what this release holds (may be repeated)"           },
		{ "artifact", 'a', OPTION_LIST, &options.artifacts, "NAME",
			       "only artifacts or packages of this name (may be repeated)"},
		OPTION_JSON(&options.json),
	};
	AUTO(lists_clear) struct lists lists = { .artifacts.text = BUF_INIT };
	AUTO(db_closep) struct db *db = NULL;
	struct error err = { 0 };
	struct command_args args;
	enum exit_status status;
	size_t kind = 0;
	bool given;

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		goto out;
	while (args.n_items && kind < ARRAY_SIZE(kinds) &&
	       strcmp(kinds[kind].name, args.items[0]) != 0)
		kind++;
	if (args.n_items > 1 || kind == ARRAY_SIZE(kinds)) {
		status = command_usage(self, "lists releases, artifacts, files or keys");
		goto out;
	}
	if (kind == 0 && options.artifacts.n_items) {
		status =
			command_usage(self, "--artifact is for lists of artifacts, files and keys");
		goto out;
	}
	if (db_open(command_db(options.db, &given), DB_READ, &db, &err) < 0 ||
	    lists_read(db, &options, &lists, &err) < 0 ||
	    kinds[kind].run(db, &lists, &options, &err) < 0)
		status = command_fail(&err);
	else
		status = command_finish(EXIT_DONE);
out:
	option_list_clear(&options.releases);
	option_list_clear(&options.artifacts);
	return status;
}
