/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "db/db.h"
#include "refgen/boot/boot.h"
#include "refgen/boot/print.h"
#include "refgen/files/files.h"
#include "refgen/refgen.h"

struct options {
	struct boot_inputs inputs;
	struct option_list images;
	const char *release, *db, *name;
	bool dry_run, json, explain, quiet;
};

/* --- into the database ---------------------------------------------------------------------------- */

static int add_file(void *ctx, const struct machine_seen *seen, struct error *err)
{
	struct file_set *set = ctx;
	AUTO(buf_clear) struct buf path = BUF_INIT;
	struct digest digests[ALG_BANKS];
	struct golden_file file = { .mode = 0100644, .size = seen->size, .digests = digests };

	if (!seen->volume || !seen->digests)
		return 0;
	if (*seen->path != '/')
		buf_append_string(&path, "/");
	buf_append_string(&path, seen->path);
	if (buf_finish(&path, err) < 0)
		return -1;
	file.path = buf_bytes(&path);
	/* Two volumes may have files of one name: the first that was used stands for both. */
	for (size_t i = 0; i < set->n_files; i++)
		if (bytes_equal(set->files[i].path, file.path))
			return 0;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (set->algs & 1u << alg)
			digests[file.n_digests++] = seen->digests[alg];
	return file_set_add(set, &file, err);
}

/* One artifact, named after what was given first, of the SHA-256 of its profiles and its files. */
static int make_artifact(const struct boot *boot, const struct options *options,
			 struct bytes profiles, struct file_set *set, struct error *err)
{
	const char *name = options->name;
	struct artifact artifact = { .kind = ARTIFACT_BOOT, .size = profiles.size };

	if (!name && options->inputs.n_images)
		name = options->inputs.images[0];
	if (!name && options->inputs.n_paths)
		name = options->inputs.paths[0];
	if (!name)
		name = options->inputs.firmware;
	if (strrchr(name, '/') && strrchr(name, '/')[1])
		name = strrchr(name, '/') + 1;
	artifact.name = bytes_of_string(name);
	if (hasher_digest_bytes(boot_machine(boot)->hasher, ALG_SHA256, profiles, &artifact.digest,
				err) < 0)
		return -1;
	return file_set_artifact(set, &artifact, err);
}

static int import(struct db *db, const char *release, const struct file_set *set,
		  struct bytes profiles, struct error *err)
{
	int wanted = db_import_begin(db, release, &set->artifact, set->algs, err);

	if (wanted <= 0)
		return wanted;
	for (size_t i = 0; i < set->n_files; i++)
		if (db_import_file(db, &set->files[i], err) < 0)
			return -1;
	if (db_import_profiles(db, profiles, err) < 0 || db_import_commit(db, err) < 0)
		return -1;
	return 1;
}

static int store(const struct boot *boot, const struct options *options, struct error *err)
{
	AUTO(buf_clear) struct buf blob = BUF_INIT;
	AUTO(file_set_freep) struct file_set *set = NULL;
	AUTO(db_closep) struct db *db = NULL;
	AUTO(own_free) struct profile *profiles = NULL;
	AUTO(arena_clear) struct arena arena = { 0 };
	struct boot_image *images = NULL;
	size_t n, n_images;
	const struct boot_profile *predicted = boot_profiles(boot, &n);
	int added;
	bool given;

	profiles = calloc(n + 1, sizeof(*profiles));
	if (!profiles)
		return error_memory(err, NULL);
	for (size_t i = 0; i < n; i++)
		profiles[i] = predicted[i].profile;
	if (boot_images(boot, &arena, &images, &n_images, err) < 0 ||
	    profiles_encode(profiles, n, images, n_images, &blob, err) < 0 ||
	    file_set_new(boot_machine(boot)->banks, &set, err) < 0 ||
	    machine_each_file(boot_machine(boot), add_file, set, err) < 0 ||
	    make_artifact(boot, options, buf_bytes(&blob), set, err) < 0)
		return -1;
	file_set_sort(set);
	if (db_open(command_db(options->db, &given), DB_IMPORT, &db, err) < 0)
		return -1;
	added = import(db, options->release, set, buf_bytes(&blob), err);
	if (added < 0 || db_import_finish(db, err) < 0)
		return -1;
	if (!options->quiet)
		fprintf(stderr, "assay: %zu boot profiles, %zu files: %s\n", n, set->n_files,
			added ? "added" : "there already");
	return 0;
}

/* --- the command ---------------------------------------------------------------------------------- */

static int predict(const struct options *options, struct error *err)
{
	AUTO(boot_freep) struct boot *boot = NULL;
	const char *const *notes;
	size_t n;

	if (boot_predict(&options->inputs, &boot, err) < 0)
		return -1;
	notes = boot_notes(boot, &n);
	for (size_t i = 0; !options->quiet && i < n; i++)
		fprintf(stderr, "assay: %s\n", notes[i]);
	if (!options->dry_run && store(boot, options, err) < 0)
		return -1;
	if (options->json)
		return boot_print_json(boot, stdout, err);
	if (options->dry_run || options->explain)
		return boot_print_text(boot, options->explain, stdout, err);
	return 0;
}

enum exit_status cmd_refgen_boot(const struct command *self, int argc, char **argv)
{
	struct options options = { 0 };
	const struct command_option table[] = {
		{"release",   'r', OPTION_STRING, &options.release,         "NAME",
                 "release the profiles belong to"                                 },
		{ "firmware", 0,   OPTION_STRING, &options.inputs.firmware, "FILE",
                 "firmware code image of an OVMF guest (OVMF_CODE.fd)"            },
		{ "varstore", 0,   OPTION_STRING, &options.inputs.varstore, "FILE",
                 "its variable store, as it is before the boot (OVMF_VARS.fd)"    },
		{ "machine",  'm', OPTION_STRING, &options.inputs.facts,    "FILE",
                 "machine facts, JSON: see assay-refgen(1)"                       },
		{ "baseline", 0,   OPTION_STRING, &options.inputs.baseline, "LOG",
                 "boot log of an earlier, trusted boot of the same hardware model"},
		{ "image",    'i', OPTION_LIST,   &options.images,          "DISK",
                 "disk image or ISO (may be repeated: in the order of the disks)" },
		{ "name",     0,   OPTION_STRING, &options.name,            "NAME",
                 "name of the artifact (default: the first image's or file's)"    },
		{ "explain",  'e', OPTION_FLAG,   &options.explain,         NULL,
                 "print every event: what its digest is over, where that comes from,\n"
		  "and whether it is computed, assumed, carried over or unknown"  },
		{ "dry-run",  'n', OPTION_FLAG,   &options.dry_run,         NULL,
                 "print the profiles, touch no database"                          },
		OPTION_DB(&options.db),
		OPTION_JSON(&options.json),
		OPTION_QUIET(&options.quiet),
	};
	struct command_args args;
	enum exit_status status;
	struct error err = { 0 };

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		goto out;
	options.inputs.images = options.images.items;
	options.inputs.n_images = options.images.n_items;
	options.inputs.paths = (const char *const *)args.items;
	options.inputs.n_paths = args.n_items;
	if (!options.release && !options.dry_run)
		status = command_usage(self, "needs --release NAME (or --dry-run)");
	else if (options.release && !*options.release)
		status = command_usage(self, "a release needs a name");
	else if (!options.inputs.firmware && !options.images.n_items && !args.n_items)
		status = command_usage(self, "needs a firmware, a disk image, or boot files");
	else if (options.inputs.varstore && !options.inputs.firmware)
		status = command_usage(self, "--varstore needs --firmware");
	else if (options.json && options.explain)
		status = command_usage(self, "--json says all that --explain says: give one");
	else if (predict(&options, &err) < 0)
		status = command_fail(&err);
	else
		status = command_finish(EXIT_DONE);
out:
	option_list_clear(&options.images);
	return status;
}
