/* SPDX-License-Identifier: BSD-2-Clause */
/* assay replay evidence: what is recognised in a bundle, a file or a tree, and what is not. */
#include <inttypes.h>

#include "core/json.h"
#include "core/text.h"
#include "replay/evidence/bundle.h"
#include "replay/replay.h"

/* The path of a file without the place in it, and that place ("" for a whole file). */
static void split_path(const struct bundle_file *file, struct bytes *path, const char **inside)
{
	const char *mark = file->form ? strrchr(file->path, '#') : NULL;

	*path = bytes_of(file->path, mark ? (size_t)(mark - file->path) : strlen(file->path));
	*inside = mark ? mark + 1 : "";
}

/* --- JSON --------------------------------------------------------------------------------------- */

static void json_files(struct json *json, const struct bundle *bundle)
{
	json_array_begin(json, "files");
	for (size_t i = 0; i < bundle->n_files; i++) {
		const struct bundle_file *file = &bundle->files[i];
		struct bytes path;
		const char *inside;

		split_path(file, &path, &inside);
		json_object_begin_compact(json, NULL);
		json_string(json, "role", bundle_role_name(file->role));
		if (file->name.size)
			json_bytes(json, "name", file->name);
		json_bytes(json, "path", path);
		if (*inside)
			json_string(json, "inside", inside);
		json_string(json, "form", file->form ? file->form : "name");
		json_uint(json, "size", file->contents.size);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_bundle(struct json *json, const struct bundle *bundle)
{
	json_object_begin(json, NULL);
	json_bytes(json, "name", bytes_of_string(bundle->name));
	json_files(json, bundle);
	if (bundle->n_earlier) {
		json_array_begin(json, "earlier_boots");
		for (size_t i = 0; i < bundle->n_earlier; i++) {
			json_object_begin(json, NULL);
			json_files(json, &bundle->earlier[i]);
			json_object_end(json);
		}
		json_array_end(json);
	}
	json_array_begin(json, "problems");
	for (size_t i = 0; i < bundle->n_problems; i++) {
		json_object_begin_compact(json, NULL);
		json_string(json, "kind", bundle_problem_name(bundle->problems[i].kind));
		json_bytes(json, "path", bundle->problems[i].path);
		json_string(json, "message", bundle->problems[i].message);
		json_object_end(json);
	}
	json_array_end(json);
	json_array_begin(json, "unused");
	for (size_t i = 0; i < bundle->n_unused; i++) {
		json_object_begin_compact(json, NULL);
		json_bytes(json, "path", bundle->unused[i]);
		json_string(json, "reason", bundle->unused_why[i]);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}

static int print_json(const struct container *container, struct error *err)
{
	struct json json = json_to_stream(stdout);

	json_object_begin(&json, NULL);
	json_array_begin(&json, "bundles");
	for (size_t i = 0; i < container_n_bundles(container); i++) {
		AUTO(bundle_freep) struct bundle *bundle = NULL;

		if (container_bundle(container, i, &bundle, err) < 0)
			return -1;
		json_bundle(&json, bundle);
	}
	json_array_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- text ----------------------------------------------------------------------------------------- */

static void print_files(const struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->n_files; i++) {
		const struct bundle_file *file = &bundle->files[i];

		printf("  %-28s", bundle_role_name(file->role));
		if (file->name.size) {
			fputs(" (", stdout);
			text_write(stdout, file->name);
			putchar(')');
		}
		printf(" %zu bytes: ", file->contents.size);
		text_write(stdout, bytes_of_string(file->path));
		if (file->form)
			printf(strcmp(file->form, "content") == 0 ? "  (by its %s)" : "  (%s)",
			       file->form);
		putchar('\n');
	}
}

static void print_bundle(const struct bundle *bundle)
{
	text_write(stdout, bytes_of_string(bundle->name));
	printf(": %zu file%s of evidence\n", bundle->n_files, bundle->n_files == 1 ? "" : "s");
	print_files(bundle);
	for (size_t i = 0; i < bundle->n_earlier; i++) {
		printf("  of an earlier boot: %zu files\n", bundle->earlier[i].n_files);
		print_files(&bundle->earlier[i]);
	}
	for (size_t i = 0; i < bundle->n_problems; i++) {
		printf("  %s: ", bundle_problem_name(bundle->problems[i].kind));
		text_write(stdout, bundle->problems[i].path);
		printf(": %s\n", bundle->problems[i].message);
	}
	for (size_t i = 0; i < bundle->n_unused; i++) {
		fputs("  not used: ", stdout);
		text_write(stdout, bundle->unused[i]);
		printf(": %s\n", bundle->unused_why[i]);
	}
}

static int print_text(const struct container *container, struct error *err)
{
	for (size_t i = 0; i < container_n_bundles(container); i++) {
		AUTO(bundle_freep) struct bundle *bundle = NULL;

		if (container_bundle(container, i, &bundle, err) < 0)
			return -1;
		print_bundle(bundle);
	}
	return 0;
}

enum exit_status cmd_replay_evidence(const struct command *self, int argc, char **argv)
{
	bool json = false;
	const struct command_option options[] = { OPTION_JSON(&json) };
	AUTO(container_freep) struct container *container = NULL;
	struct command_args args;
	struct error err = { 0 };
	enum exit_status status;

	if (!command_parse(self, options, ARRAY_SIZE(options), argc, argv, &args, &status))
		return status;
	if (args.n_items != 1)
		return command_usage(self, "one bundle, file or folder is wanted");
	if (container_open(args.items[0], &container, &err) < 0 ||
	    (json ? print_json(container, &err) : print_text(container, &err)) < 0)
		return command_fail(&err);
	return command_finish(EXIT_DONE);
}
