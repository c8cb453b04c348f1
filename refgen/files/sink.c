/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/files/files.h"

#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "core/json.h"
#include "core/text.h"
#include "db/keyring.h"

#define RELEASE_NAME_MAX 255

enum exit_status refgen_options_check(const struct command *self, struct refgen_options *options)
{
	struct error err = { 0 };

	if (!options->release && !options->dry_run)
		return command_usage(self, "needs --release NAME (or --dry-run)");
	if (options->release) {
		struct bytes name = bytes_of_string(options->release);
		char shown[4 * RELEASE_NAME_MAX + 1];

		if (name.size == 0 || name.size > RELEASE_NAME_MAX)
			return command_usage(self, "a release's name has 1 to %d bytes",
					     RELEASE_NAME_MAX);
		for (size_t i = 0; i < name.size; i++)
			if (name.data[i] < ' ' || name.data[i] == 0x7f)
				return command_usage(
					self, "the release's name '%s' has a control character",
					text_escape(shown, sizeof(shown), name));
	}
	if (alg_set_parse(options->algorithms ? options->algorithms : "sha256", &options->algs,
			  &err) < 0)
		return command_usage(self, "--algorithms: %s", err.message);
	if (options->algs & 1u << ALG_MD5)
		return command_usage(self, "--algorithms: md5 is no reference for anything");
	return EXIT_DONE;
}

struct sink {
	struct refgen_options options;
	struct db *db;    /* NULL in a dry run */
	struct json json; /* used with --json */
	struct buf notes; /* on the next artifact, each ended by a NUL */
	struct progress progress;
	uint64_t n_added, n_linked, n_present, n_skipped, n_refused, n_files;
	enum exit_status worst;
};

void sink_free(struct sink *sink)
{
	if (!sink)
		return;
	db_close(sink->db);
	buf_clear(&sink->notes);
	free(sink);
}

void sink_freep(struct sink **sink)
{
	sink_free(*sink);
}

int sink_open(const struct refgen_options *options, struct sink **out, struct error *err)
{
	AUTO(sink_freep) struct sink *sink = calloc(1, sizeof(*sink));
	bool given;

	if (!sink)
		return error_memory(err, NULL);
	sink->options = *options;
	if (!options->dry_run &&
	    db_open(command_db(options->db, &given), DB_IMPORT, &sink->db, err) < 0)
		return -1;
	sink->json = json_to_stream(stdout);
	if (options->json) {
		json_object_begin(&sink->json, NULL);
		if (options->release)
			json_string(&sink->json, "release", options->release);
		else
			json_null(&sink->json, "release");
		json_bool(&sink->json, "dry_run", options->dry_run);
		json_array_begin(&sink->json, "artifacts");
	}
	*out = TAKE(sink);
	return 0;
}

struct progress *sink_progress(struct sink *sink, const char *label, uint64_t n_total)
{
	progress_end(&sink->progress);
	sink->progress = progress_begin(label, n_total, sink->options.quiet);
	return &sink->progress;
}

/* --- names ----------------------------------------------------------------------------------- */

static const struct {
	uint32_t flag;
	const char *name;
} file_flags[] = {
	{FILE_CONFIG, "config"},
	{ FILE_DOC,   "doc"   },
	{ FILE_GHOST, "ghost" },
};

/* --- JSON ------------------------------------------------------------------------------------ */

static void json_bytes_if_any(struct json *json, const char *key, struct bytes text)
{
	if (text.size)
		json_bytes(json, key, text);
}

static void json_hex_if_any(struct json *json, const char *key, struct bytes value)
{
	if (value.size)
		json_hex(json, key, value);
}

static void json_file(struct json *json, const struct golden_file *file)
{
	char mode[16];

	snprintf(mode, sizeof(mode), "%06" PRIo32, file->mode);
	json_object_begin(json, NULL);
	json_bytes(json, "path", file->path);
	json_string(json, "kind", file_kind_name(file->kind));
	json_string(json, "mode", mode);
	json_uint(json, "size", file->size);
	json_bool(json, "executable", file->executable);
	if (file->kind == KIND_KERNEL_MODULE)
		json_bool(json, "module_signed", file->module_signed);
	json_hex_if_any(json, "build_id", file->build_id);
	json_bytes_if_any(json, "capabilities", file->capabilities);
	json_hex_if_any(json, "ima_signature", file->ima_signature);
	json_hex_if_any(json, "verity_signature", file->verity_signature);
	if (file->flags) {
		json_array_begin_compact(json, "flags");
		for (size_t i = 0; i < ARRAY_SIZE(file_flags); i++)
			if (file->flags & file_flags[i].flag)
				json_string(json, NULL, file_flags[i].name);
		json_array_end(json);
	}
	json_object_begin(json, "digests");
	for (size_t i = 0; i < file->n_digests; i++)
		json_digest(json, alg_name(file->digests[i].alg), &file->digests[i]);
	json_object_end(json);
	json_object_end(json);
}

static void json_keys(struct json *json, const struct file_set *set)
{
	json_array_begin(json, "keys");
	for (size_t i = 0; i < set->n_keys; i++) {
		const struct golden_key *key = &set->keys[i];

		json_object_begin(json, NULL);
		json_string(json, "keyring", keyring_name(key->keyring));
		key_facts_write(json, key->form, &key->facts);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_notes(struct sink *sink)
{
	struct json *json = &sink->json;
	size_t at = 0;

	if (sink->notes.size == 0)
		return;
	json_array_begin(json, "notes");
	while (at < sink->notes.size) {
		const char *note = (const char *)sink->notes.data + at;

		json_string(json, NULL, note);
		at += strlen(note) + 1;
	}
	json_array_end(json);
}

static void json_error(struct json *json, const char *key, const struct error *why)
{
	json_object_begin(json, key);
	json_string(json, "source", why->source);
	if (why->offset != ERROR_NO_OFFSET)
		json_uint(json, "offset", why->offset);
	json_string(json, "message", why->message);
	json_object_end(json);
}

static void json_artifact(struct sink *sink, const char *source, const struct file_set *set,
			  const char *status)
{
	const struct artifact *artifact = &set->artifact;
	struct json *json = &sink->json;

	json_object_begin(json, NULL);
	json_string(json, "source", source);
	json_string(json, "status", status);
	json_bytes(json, "name", artifact->name);
	json_string(json, "kind", artifact_kind_name(artifact->kind));
	json_object_begin_compact(json, "digest");
	json_digest(json, alg_name(artifact->digest.alg), &artifact->digest);
	json_object_end(json);
	json_uint(json, "size", artifact->size);
	json_bytes_if_any(json, "package", artifact->package);
	json_bytes_if_any(json, "evr", artifact->evr);
	json_bytes_if_any(json, "arch", artifact->arch);
	json_bytes_if_any(json, "vendor", artifact->vendor);
	json_bytes_if_any(json, "build_host", artifact->build_host);
	json_bytes_if_any(json, "source_rpm", artifact->source_rpm);
	if (artifact->build_time)
		json_int(json, "build_time", artifact->build_time);
	if (artifact->kind == ARTIFACT_RPM || artifact->kind == ARTIFACT_ALLOWLIST) {
		json_string(json, "signature", signature_state_name(artifact->signature));
		json_bytes_if_any(json, "signer", artifact->signer);
		json_bool(json, "header_only", artifact->header_only);
	}
	json_uint(json, "file_count", set->n_files);
	json_uint(json, "link_count", set->n_links);
	if (artifact->kind == ARTIFACT_KEYS)
		json_keys(json, set);
	json_notes(sink);
	if (sink->options.dry_run) {
		json_array_begin(json, "files");
		for (size_t i = 0; i < set->n_files; i++)
			json_file(json, &set->files[i]);
		json_array_end(json);
		json_array_begin(json, "links");
		for (size_t i = 0; i < set->n_links; i++) {
			json_object_begin_compact(json, NULL);
			json_bytes(json, "path", set->links[i].path);
			json_bytes(json, "target", set->links[i].target);
			json_object_end(json);
		}
		json_array_end(json);
	}
	json_object_end(json);
}

/* --- the table of a dry run -------------------------------------------------------------------- */

/* One line for each digest of each file, so that any of them can be searched for. */
static void print_file(const struct golden_file *file, int digest_width)
{
	for (size_t i = 0; i < file->n_digests || i == 0; i++) {
		char column[16 + DIGEST_HEX_SIZE] = "-";
		char hex[DIGEST_HEX_SIZE];

		if (i < file->n_digests)
			snprintf(column, sizeof(column), "%s:%s", alg_name(file->digests[i].alg),
				 digest_hex(&file->digests[i], hex));
		printf("%-*s  %-13s  %04" PRIo32 "  %10" PRIu64 "  ", digest_width, column,
		       file_kind_name(file->kind), file->mode & 07777, file->size);
		text_write(stdout, file->path);
		putchar('\n');
	}
}

/* Who vouches for a package. */
static void print_signature(const struct artifact *artifact)
{
	if (artifact->kind != ARTIFACT_RPM && artifact->kind != ARTIFACT_ALLOWLIST)
		return;
	printf("  %s", signature_state_name(artifact->signature));
	if (artifact->signer.size) {
		putchar(' ');
		text_write(stdout, artifact->signer);
	}
}

static void print_keys(const struct file_set *set)
{
	char hex[DIGEST_HEX_SIZE];

	for (size_t i = 0; i < set->n_keys; i++) {
		const struct golden_key *key = &set->keys[i];

		printf("%08" PRIx32 "  %-11s  sha256:%s  ", key->facts.short_ids[0],
		       key_form_name(key->form), digest_hex(&key->facts.fingerprint, hex));
		printf("%s\n", key->facts.name);
	}
}

static void print_set(const struct file_set *set)
{
	char hex[DIGEST_HEX_SIZE];
	int width = 0;

	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		int size = (int)(strlen(alg_name(alg)) + 1 + 2 * alg_size(alg));

		if (set->algs & 1u << alg && size > width)
			width = size;
	}
	printf("# %s ", artifact_kind_name(set->artifact.kind));
	text_write(stdout, set->artifact.name);
	printf("  %s:%s  %zu file%s, %zu link%s", alg_name(set->artifact.digest.alg),
	       digest_hex(&set->artifact.digest, hex), set->n_files, set->n_files == 1 ? "" : "s",
	       set->n_links, set->n_links == 1 ? "" : "s");
	if (set->n_keys)
		printf("  %zu key%s of %s", set->n_keys, set->n_keys == 1 ? "" : "s",
		       keyring_name(set->keys[0].keyring));
	print_signature(&set->artifact);
	putchar('\n');
	print_keys(set);
	for (size_t i = 0; i < set->n_files; i++)
		print_file(&set->files[i], width);
	for (size_t i = 0; i < set->n_links; i++) {
		printf("%-*s  %-13s  %-4s  %10s  ", width, "-", "link", "-", "-");
		text_write(stdout, set->links[i].path);
		fputs(" -> ", stdout);
		text_write(stdout, set->links[i].target);
		putchar('\n');
	}
}

/* --- taking artifacts ---------------------------------------------------------------------------- */

static int import(struct sink *sink, const struct file_set *set, struct error *err)
{
	int status =
		db_import_begin(sink->db, sink->options.release, &set->artifact, set->algs, err);

	if (status <= 0)
		return status;
	for (size_t i = 0; status > 0 && i < set->n_files; i++)
		if (db_import_file(sink->db, &set->files[i], err) < 0)
			status = -1;
	for (size_t i = 0; status > 0 && i < set->n_links; i++)
		if (db_import_link(sink->db, &set->links[i], err) < 0)
			status = -1;
	if (status > 0 && set->keys_blob.size && db_import_keys(sink->db, set->keys_blob, err) < 0)
		status = -1;
	if (status > 0 && set->profiles.size &&
	    db_import_profiles(sink->db, set->profiles, err) < 0)
		status = -1;
	if (status > 0 && db_import_commit(sink->db, err) < 0)
		status = -1;
	if (status < 0)
		db_import_abort(sink->db);
	return status;
}

/* A line of a verbose run, with the notes. */
static void say(struct sink *sink, const char *what, const struct file_set *set)
{
	size_t at = 0;

	if (!sink->options.verbose)
		return;
	progress_hide(&sink->progress);
	fprintf(stderr, "%-7s  ", what);
	text_write(stderr, set->artifact.name);
	if (set->n_files || set->n_links)
		fprintf(stderr, "  (%zu file%s)", set->n_files, set->n_files == 1 ? "" : "s");
	putc('\n', stderr);
	while (at < sink->notes.size) {
		const char *note = (const char *)sink->notes.data + at;

		fputs("         ", stderr);
		text_write(stderr, bytes_of_string(note));
		putc('\n', stderr);
		at += strlen(note) + 1;
	}
}

/* What a run exits with when several things went wrong: the first of these. */
static enum exit_status worse(enum exit_status a, enum exit_status b)
{
	static const enum exit_status order[] = { EXIT_SYSTEM, EXIT_NO, EXIT_INPUT, EXIT_USAGE };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return EXIT_DONE;
}

void sink_refuse(struct sink *sink, const char *source, const struct error *why)
{
	struct error named = *why;

	if (!named.source[0])
		snprintf(named.source, sizeof(named.source), "%s", source);
	progress_hide(&sink->progress);
	sink->worst = worse(sink->worst, command_fail(&named));
	sink->n_refused++;
	if (sink->options.json) {
		json_object_begin(&sink->json, NULL);
		json_string(&sink->json, "source", source);
		json_string(&sink->json, "status", "refused");
		json_error(&sink->json, "error", &named);
		json_notes(sink);
		json_object_end(&sink->json);
	}
	sink->notes.size = 0;
}

void sink_skip(struct sink *sink, const char *source, const char *why)
{
	sink->n_skipped++;
	if (sink->options.verbose) {
		progress_hide(&sink->progress);
		fputs("skipped  ", stderr);
		text_write(stderr, bytes_of_string(source));
		fprintf(stderr, ": %s\n", why);
	}
	if (sink->options.json) {
		json_object_begin(&sink->json, NULL);
		json_string(&sink->json, "source", source);
		json_string(&sink->json, "status", "skipped");
		json_string(&sink->json, "reason", why);
		json_object_end(&sink->json);
	}
	sink->notes.size = 0;
}

int sink_artifact(struct sink *sink, const char *source, const struct file_set *set,
		  struct error *err)
{
	const char *status = "read";
	bool linked = false;
	int added = 1;

	if (sink->notes.failed)
		return error_memory(err, NULL);
	if (sink->db) {
		struct error why = { 0 };

		added = import(sink, set, &why);
		if (added < 0 && why.code != ERROR_SYSTEM) {
			sink_refuse(sink, source, &why);
			return 0;
		}
		if (added < 0) {
			*err = why;
			return -1;
		}
		linked = !added && db_import_linked(sink->db);
		status = added ? "added" : linked ? "linked" : "present";
	}
	if (added) {
		sink->n_added++;
		sink->n_files += set->n_files;
	} else if (linked) {
		sink->n_linked++;
	} else {
		sink->n_present++;
	}
	say(sink, status, set);
	if (sink->options.json)
		json_artifact(sink, source, set, status);
	else if (sink->options.dry_run)
		print_set(set);
	sink->notes.size = 0;
	return added;
}

int sink_keys(struct sink *sink, struct golden_key_list *out, struct error *err)
{
	return sink->db ? db_keys_read(sink->db, NULL, 0, out, err) : 0;
}

bool sink_has(struct sink *sink, enum artifact_kind kind, const struct digest *digest, alg_set algs)
{
	return sink->db && db_has_artifact(sink->db, kind, digest, algs);
}

void sink_note(struct sink *sink, const char *source, const char *format, ...)
{
	char note[1024];
	va_list args;
	int size = snprintf(note, sizeof(note), "%s: ", source);

	if (size < 0 || (size_t)size >= sizeof(note))
		size = 0;
	va_start(args, format);
	vsnprintf(note + size, sizeof(note) - (size_t)size, format, args);
	va_end(args);
	buf_append(&sink->notes, bytes_of(note, strlen(note) + 1));
}

enum exit_status sink_finish(struct sink *sink, const struct error *failed)
{
	struct error err = { 0 }, finish = { 0 };
	FILE *out = sink->options.dry_run ? stderr : stdout;

	progress_end(&sink->progress);
	if (!failed && sink->db && db_import_finish(sink->db, &finish) < 0)
		failed = &finish;
	if (failed)
		sink->worst = worse(sink->worst, command_fail(failed));
	if (sink->options.json) {
		struct json *json = &sink->json;

		json_array_end(json);
		json_uint(json, "added", sink->n_added);
		json_uint(json, "linked", sink->n_linked);
		json_uint(json, "present", sink->n_present);
		json_uint(json, "skipped", sink->n_skipped);
		json_uint(json, "refused", sink->n_refused);
		json_uint(json, "file_count", sink->n_files);
		if (failed)
			json_error(json, "error", failed);
		json_object_end(json);
		if (json_finish(json, &err) < 0)
			return worse(sink->worst, command_fail(&err));
	} else if (!sink->options.quiet) {
		if (sink->options.release) {
			text_write(out, bytes_of_string(sink->options.release));
			fputs(": ", out);
		}
		fprintf(out, "%" PRIu64 " artifact%s %s (%" PRIu64 " file%s), ", sink->n_added,
			sink->n_added == 1 ? "" : "s", sink->options.dry_run ? "read" : "added",
			sink->n_files, sink->n_files == 1 ? "" : "s");
		if (sink->n_linked)
			fprintf(out, "%" PRIu64 " linked from other releases, ", sink->n_linked);
		fprintf(out, "%" PRIu64 " already there, ", sink->n_present);
		if (sink->n_skipped)
			fprintf(out, "%" PRIu64 " skipped, ", sink->n_skipped);
		fprintf(out, "%" PRIu64 " refused\n", sink->n_refused);
	}
	return command_finish(sink->worst);
}
