/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Releases as lists that other verifiers read: Keylime's runtime policy, version 1, and flat
 * allowlists. Each file under the path it was shipped with and, where that differs, under the one
 * that a kernel measures it by on a machine with a merged /usr.
 */
#include <inttypes.h>

#include "core/arena.h"
#include "core/array.h"
#include "core/base64.h"
#include "core/file.h"
#include "core/json.h"
#include "core/own.h"
#include "core/text.h"
#include "db/export_state.h"
#include "db/internal.h"
#include "db/keyring.h"

struct options {
	const char *db, *format, *output;
	struct option_list releases;
	bool quiet;
};

static void options_clear(struct options *options)
{
	option_list_clear(&options->releases);
}

/* One digest under one path. Both are in the list's arena. */
struct line {
	struct bytes path;
	struct digest digest;
};

struct lines {
	struct arena arena;
	struct line *items; /* owned */
	size_t n, capacity;
	struct golden_key_list keys; /* of the releases' .ima */
	size_t n_unsayable; /* files whose paths are no UTF-8 text, or hold control characters */
};

static void lines_clear(struct lines *lines)
{
	arena_clear(&lines->arena);
	golden_key_list_clear(&lines->keys);
	free(lines->items);
}

/* --- what is in the releases -------------------------------------------------------------------- */

static int add_line(struct lines *lines, struct bytes path, const struct digest *digest,
		    struct error *err)
{
	if (array_room(&lines->items, lines->n, &lines->capacity, sizeof(*lines->items), NULL,
		       err) < 0)
		return -1;
	lines->items[lines->n++] = (struct line){ path, *digest };
	return 0;
}

/* Every digest of a file that IMA may report. */
static int add_path(struct lines *lines, const struct manifest_file *file, struct bytes path,
		    struct error *err)
{
	struct bytes copy = arena_copy(&lines->arena, path);

	if (lines->arena.failed)
		return error_memory(err, NULL);
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		struct digest digest;

		if (alg == ALG_MD5 || !(file->algs & 1u << alg))
			continue;
		digest_init(&digest, alg, bytes_of(file->digests[alg], alg_size(alg)));
		if (add_line(lines, copy, &digest, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_utf8(struct bytes text)
{
	uint32_t code;
	size_t n;

	for (size_t at = 0; at < text.size; at += n)
		if ((n = utf8_next(text.data + at, text.size - at, &code)) == 0)
			return false;
	return true;
}

/* The kernel's ascii lists, which Keylime reads, have '_' for each blank. */
static bool without_blanks(struct bytes path, uint8_t out[GOLDEN_PATH_MAX])
{
	if (!memchr(path.data, ' ', path.size) || path.size >= GOLDEN_PATH_MAX)
		return false;
	for (size_t i = 0; i < path.size; i++)
		out[i] = path.data[i] == ' ' ? '_' : path.data[i];
	return true;
}

static int add_file(struct lines *lines, const struct manifest_file *file, struct error *err)
{
	uint8_t room[GOLDEN_PATH_MAX], blanks[GOLDEN_PATH_MAX];
	struct bytes canonical;

	if (!(file->algs & ~(1u << ALG_MD5)))
		return 0;
	if (!path_is_plain(file->path, 0) || !is_utf8(file->path)) {
		lines->n_unsayable++;
		return 0;
	}
	canonical = path_canonical(file->path, room);
	if (add_path(lines, file, canonical, err) < 0 ||
	    (!bytes_equal(canonical, file->path) && add_path(lines, file, file->path, err) < 0))
		return -1;
	return without_blanks(canonical, blanks)
		       ? add_path(lines, file, bytes_of(blanks, canonical.size), err)
		       : 0;
}

static int add_artifact(struct db *db, sqlite3_stmt *stmt, const struct artifact_row *row,
			struct lines *lines, struct error *err)
{
	struct manifest_file file;
	struct manifest manifest;
	struct bytes blob;
	int found;

	if (content_read(db, stmt, row->manifest, &blob, err) < 0 ||
	    manifest_open(&manifest, blob, db->path, err) < 0)
		return -1;
	while ((found = manifest_next(&manifest, &file, err)) > 0)
		if (add_file(lines, &file, err) < 0)
			return -1;
	return found;
}

static int by_line(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = bytes_compare(x->path, y->path);

	if (!order)
		order = (x->digest.alg > y->digest.alg) - (x->digest.alg < y->digest.alg);
	return order ? order : bytes_compare(digest_bytes(&x->digest), digest_bytes(&y->digest));
}

static void lines_sort(struct lines *lines)
{
	size_t n = 0;

	if (lines->n > 1)
		qsort(lines->items, lines->n, sizeof(*lines->items), by_line);
	for (size_t i = 0; i < lines->n; i++)
		if (i == 0 || by_line(&lines->items[n - 1], &lines->items[i]) != 0)
			lines->items[n++] = lines->items[i];
	lines->n = n;
}

static int lines_read(struct db *db, const struct options *options, struct lines *lines,
		      struct error *err)
{
	AUTO(artifact_list_clear) struct artifact_list artifacts = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list releases = { .text = BUF_INIT };
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	AUTO(own_free) bool *wanted = NULL;

	if (artifacts_read(db, &artifacts, err) < 0 ||
	    releases_read(db, &artifacts, &releases, err) < 0)
		return -1;
	wanted = calloc(artifacts.n_items + 1, sizeof(*wanted));
	if (!wanted)
		return error_memory(err, NULL);
	for (size_t i = 0; i < artifacts.n_items; i++)
		wanted[i] = options->releases.n_items == 0;
	for (size_t i = 0; i < options->releases.n_items; i++) {
		const struct release *release =
			release_list_find(db, &releases, options->releases.items[i], err);

		if (!release)
			return -1;
		for (size_t j = 0; j < release->n_artifacts; j++)
			wanted[release->artifacts[j]] = true;
	}
	stmt = db_prepare(db, "SELECT digest, bytes FROM content WHERE id = ?1", err);
	if (!stmt)
		return -1;
	for (size_t i = 0; i < artifacts.n_items; i++)
		if (wanted[i] && add_artifact(db, stmt, &artifacts.items[i], lines, err) < 0)
			return -1;
	lines_sort(lines);
	if (db_keys_read(db, (const char *const *)options->releases.items,
			 options->releases.n_items, &lines->keys, err) < 0)
		return -1;
	return 0;
}

/* --- the forms ------------------------------------------------------------------------------------ */

static int write_flat(const struct lines *lines, struct buf *out, struct error *err)
{
	char hex[DIGEST_HEX_SIZE];

	for (size_t i = 0; i < lines->n; i++) {
		const struct digest *digest = &lines->items[i].digest;

		/* SHA-256's have the same length, and no name stands before those. */
		buf_printf(out, "%s%s  ",
			   digest->alg == ALG_SM3_256    ? "sm3_256:"
			   : digest->alg == ALG_SHA3_256 ? "sha3_256:"
			   : digest->alg == ALG_SHA3_512 ? "sha3_512:"
							 : "",
			   digest_hex(digest, hex));
		buf_append(out, lines->items[i].path);
		buf_append_u8(out, '\n');
	}
	return buf_finish(out, err);
}

/* A keyring as Keylime has it: JSON in a string (keylime/ima/file_signatures.py, ImaKeyring). */
static int write_keys(struct json *json, const struct golden_key_list *list, struct error *err)
{
	AUTO(buf_clear) struct buf keys = BUF_INIT, ids = BUF_INIT, text = BUF_INIT;

	for (size_t i = 0; i < list->n_keys; i++) {
		AUTO(public_key_freep) struct public_key *key = NULL;
		AUTO(buf_clear) struct buf der = BUF_INIT;
		const struct golden_key *at = &list->keys[i];
		enum key_form form;

		if (at->keyring != KEYRING_IMA)
			continue;
		if (key_parse(at->der, at->artifact, &form, &key, err) < 0 ||
		    public_key_append(key, &der, err) < 0)
			return -1;
		buf_append_string(&keys, keys.size ? ", \"" : "\"");
		base64_append(&keys, buf_bytes(&der));
		buf_append_string(&keys, "\"");
		buf_printf(&ids, "%s%" PRIu32, ids.size ? ", " : "", at->facts.short_ids[0]);
	}
	if (keys.size) {
		buf_append_string(&text, "{\"pubkeys\": [");
		buf_append(&text, buf_bytes(&keys));
		buf_append_string(&text, "], \"keyids\": [");
		buf_append(&text, buf_bytes(&ids));
		buf_append_string(&text, "]}");
	}
	buf_append_u8(&text, 0);
	if (keys.failed || ids.failed || text.failed)
		return error_memory(err, NULL);
	json_string(json, "verification-keys", (const char *)text.data);
	return 0;
}

static int write_keylime(const struct lines *lines, struct buf *out, struct error *err)
{
	struct json json = json_to_buf(out);

	json_object_begin(&json, NULL);
	json_object_begin_compact(&json, "meta");
	json_uint(&json, "version", 1);
	json_uint(&json, "generator", 0);
	json_object_end(&json);
	json_uint(&json, "release", 0);
	json_object_begin(&json, "digests");
	for (size_t i = 0; i < lines->n; i++) {
		struct bytes path = lines->items[i].path;

		if (i == 0 || !bytes_equal(path, lines->items[i - 1].path))
			json_array_begin_compact(
				&json, (const char *)path.data); /* the arena's, with a NUL */
		json_hex(&json, NULL, digest_bytes(&lines->items[i].digest));
		if (i + 1 == lines->n || !bytes_equal(path, lines->items[i + 1].path))
			json_array_end(&json);
	}
	json_object_end(&json);
	json_array_begin(&json, "excludes");
	json_array_end(&json);
	json_object_begin(&json, "keyrings");
	json_object_end(&json);
	json_object_begin(&json, "ima");
	json_array_begin(&json, "ignored_keyrings");
	json_array_end(&json);
	json_string(&json, "log_hash_alg", "sha1");
	json_null(&json, "dm_policy");
	json_object_end(&json);
	json_object_begin(&json, "ima-buf");
	json_object_end(&json);
	if (write_keys(&json, &lines->keys, err) < 0)
		return -1;
	json_object_end(&json);
	return json_finish(&json, err);
}

static const struct format {
	const char *name;
	int (*write)(const struct lines *lines, struct buf *out, struct error *err);
} formats[] = {
	{"keylime",    write_keylime},
	{ "allowlist", write_flat   },
};

/* --- the command ---------------------------------------------------------------------------------- */

static int export(const struct options *options, const struct format *format, struct error *err)
{
	AUTO(lines_clear) struct lines lines = { .n = 0 };
	AUTO(buf_clear) struct buf out = BUF_INIT;
	AUTO(db_closep) struct db *db = NULL;
	bool given;

	if (db_open(command_db(options->db, &given), DB_READ, &db, err) < 0 ||
	    lines_read(db, options, &lines, err) < 0 || format->write(&lines, &out, err) < 0 ||
	    file_write(options->output ? options->output : "-", buf_bytes(&out), err) < 0)
		return -1;
	if (lines.n_unsayable)
		fprintf(stderr,
			"assay: %zu files are left out: their paths are no UTF-8 text, or hold "
			"control characters\n",
			lines.n_unsayable);
	if (!options->quiet)
		fprintf(stderr, "%zu digests\n", lines.n);
	return 0;
}

/* Boot profiles instead of files. */
static int export_state(const struct options *options, struct error *err)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	AUTO(db_closep) struct db *db = NULL;
	struct state_export_left left;
	bool given;

	if (db_open(command_db(options->db, &given), DB_READ, &db, err) < 0 ||
	    state_export(db, options->releases.items, options->releases.n_items, &out, &left, err) <
		    0 ||
	    file_write(options->output ? options->output : "-", buf_bytes(&out), err) < 0)
		return -1;
	if (left.n)
		fprintf(stderr, "assay: %zu boots are left out, the first is %s\n", left.n,
			left.why);
	return 0;
}

enum exit_status cmd_db_export(const struct command *self, int argc, char **argv)
{
	AUTO(options_clear) struct options options = { .format = "keylime" };
	const struct command_option table[] = {
		OPTION_DB(&options.db),
		{"release", 'r', OPTION_LIST,   &options.releases, "NAME",
			       "only what this release holds (may be repeated)"},
		{ "format", 'f', OPTION_STRING, &options.format,   "FORMAT",
			       "keylime (a runtime policy, the default), allowlist (digest and path, a line "
		  "each) or reference-state (Keylime's, of the boot profiles)" },
		{ "output", 'o', OPTION_STRING, &options.output,   "FILE",
			       "write to FILE instead of standard output"      },
		OPTION_QUIET(&options.quiet),
	};
	const struct format *format = NULL;
	struct error err = { 0 };
	struct command_args args;
	enum exit_status status;

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		return status;
	if (args.n_items)
		return command_usage(self, "takes no arguments");
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (strcmp(formats[i].name, options.format) == 0)
			format = &formats[i];
	if (!format && strcmp(options.format, "reference-state") != 0)
		return command_usage(
			self, "--format: '%s' is none of keylime, allowlist, reference-state",
			options.format);
	if ((format ? export(&options, format, &err) : export_state(&options, &err)) < 0)
		return command_fail(&err);
	return command_finish(EXIT_DONE);
}
