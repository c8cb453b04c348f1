/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/refgen.h"

#include <inttypes.h>

#include "core/file.h"
#include "core/pool.h"
#include "core/text.h"
#include "refgen/files/files.h"
#include "refgen/rpm/inputs.h"
#include "refgen/rpm/rpm.h"
#include "refgen/rpm/verity.h"

/* Results that may wait for an earlier one, for each thread: so many that it seldom has fewer packages at
 * work than can be hashed side by side. */
#define AHEAD_HEADER_ONLY 32

struct run {
	struct refgen_options options;
	struct rpm_options reading;
	struct rpm_inputs inputs;
	struct sink *sink;
	struct progress *progress;
	size_t n_sources;           /* source packages passed over */
	size_t n_lacking;           /* packages without digests of every algorithm asked for */
	struct verity_ring *verity; /* owned: the release's keys of .fs-verity */
	bool has_verity;            /* it has some */
	struct hasher *hasher;      /* owned */
};

/* What came of one input. */
struct result {
	struct rpm_package package;
	bool failed;
	struct error why;
};

static int thread_begin(void *ctx, void **state, struct error *err)
{
	const struct run *run = ctx;
	struct rpm_reader *reader;

	if (rpm_reader_new(&run->reading, &reader, err) < 0)
		return -1;
	*state = reader;
	return 0;
}

static void thread_end(void *ctx, void *state)
{
	(void)ctx;
	rpm_reader_free(state);
}

/* The packages that one thread of the pool reads. */
struct share {
	const struct run *run;
	struct pool_turn *turn;
};

static const char *take(void *ctx, bool wait, size_t *item)
{
	const struct share *share = ctx;

	return pool_take(share->turn, wait, item) ? rpm_inputs_path(&share->run->inputs, *item)
						  : NULL;
}

static void give(void *ctx, size_t item, const struct rpm_package *package, const struct error *why)
{
	const struct share *share = ctx;
	struct result *result = calloc(1, sizeof(*result));

	if (result && package) {
		result->package = *package;
	} else if (result) {
		result->failed = true;
		result->why = *why;
	} else if (package) {
		struct rpm_package lost = *package;

		rpm_package_clear(&lost);
	}
	pool_give(share->turn, item, result);
}

static void work_on(void *ctx, void *state, struct pool_turn *turn)
{
	struct share share = { ctx, turn };

	rpm_read_all(state, &(struct rpm_queue){ &share, take, give });
}

static void note_all(struct run *run, const char *path, const struct rpm_package *package)
{
	const char *at = (const char *)package->notes.data;
	const char *end = at + package->notes.size;

	for (; at && at < end; at += strlen(at) + 1)
		sink_note(run->sink, path, "%s", at);
}

/* With --header-only the header's digests may be of another algorithm than was asked for. */
static void note_lacking(struct run *run, const char *path, const struct rpm_package *package)
{
	char names[128] = "";

	if (!package->lacking)
		return;
	run->n_lacking++;
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (package->lacking & 1u << alg)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
				 names[0] ? ", " : "", alg_name(alg));
	sink_note(run->sink, path, "its header has no %s digests: read it without --header-only",
		  names);
}

/* The digest that the package's fs-verity signatures are over; NULL: it was not computed. */
static const struct digest *verity_digest(const struct golden_file *file, enum alg alg)
{
	for (size_t i = 0; i < file->n_digests; i++)
		if (alg != ALG_NONE && file->digests[i].alg == alg)
			return &file->digests[i];
	return NULL;
}

/*
 * fs-verity signatures of the package's files, with the keys that the release has for them. 1, 0 and *why if
 * one does not hold, -1.
 */
static int check_verity(struct run *run, const char *path, const struct rpm_package *package,
			struct error *why, struct error *err)
{
	size_t n[4] = { 0 }, n_without = 0;

	for (size_t i = 0; i < package->set->n_files; i++) {
		const struct golden_file *file = &package->set->files[i];
		const struct digest *digest = verity_digest(file, package->verity_alg);
		enum verity_answer answer;

		if (!file->verity_signature.size)
			continue;
		n_without += !digest;
		if (!digest)
			continue;
		if (verity_signature_check(run->verity, run->hasher, file->verity_signature, digest,
					   &answer, err) < 0)
			return -1;
		n[answer]++;
		if (answer == VERITY_WRONG) {
			char shown[160];

			error_set(why, ERROR_MISMATCH, path, ERROR_NO_OFFSET,
				  "fsverity.rst, built-in signatures: that of '%s' is not over its "
				  "fs-verity digest",
				  text_escape(shown, sizeof(shown), file->path));
			return 0;
		}
	}
	if (n_without)
		sink_note(run->sink, path,
			  "%zu fs-verity signatures are not checked: ask for --algorithms "
			  "sha256,%s",
			  n_without,
			  package->verity_alg == ALG_NONE ? "verity-sha256"
							  : alg_name(package->verity_alg));
	if (n[VERITY_HOLDS])
		sink_note(run->sink, path, "%zu fs-verity signatures hold", n[VERITY_HOLDS]);
	if (n[VERITY_NO_KEY])
		sink_note(run->sink, path,
			  "%zu fs-verity signatures are by no key that the release has in "
			  ".fs-verity%s",
			  n[VERITY_NO_KEY], run->has_verity ? "" : ": it has none (refgen keys)");
	if (n[VERITY_UNCHECKED])
		sink_note(run->sink, path, "%zu fs-verity signatures cannot be checked",
			  n[VERITY_UNCHECKED]);
	return 1;
}

static int take_package(struct run *run, const char *path, const struct rpm_package *package,
			struct error *err)
{
	struct error why = { 0 };
	int fine = check_verity(run, path, package, &why, err);

	if (fine > 0)
		return sink_artifact(run->sink, path, package->set, err) < 0 ? -1 : 0;
	if (fine == 0)
		sink_refuse(run->sink, path, &why);
	return fine;
}

static int done(void *ctx, size_t item, void *item_result, int aborted, struct error *err)
{
	struct run *run = ctx;
	struct result *result = item_result;
	const char *path;
	int status = 0;

	if (!result)
		return aborted ? 0 : error_memory(err, NULL);
	if (aborted)
		goto out;
	path = rpm_inputs_path(&run->inputs, item);
	if (result->failed && result->why.code == ERROR_SYSTEM) {
		*err = result->why;
		status = -1;
	} else if (result->failed) {
		sink_refuse(run->sink, path, &result->why);
	} else if (result->package.outcome == RPM_SOURCE) {
		run->n_sources++;
		sink_skip(run->sink, path, "a source package: its files are not installed");
	} else {
		note_all(run, path, &result->package);
		note_lacking(run, path, &result->package);
		status = take_package(run, path, &result->package, err);
	}
	progress_step(run->progress, 1);
out:
	rpm_package_clear(&result->package);
	free(result);
	return status;
}

static bool known(void *ctx, const struct digest *artifact)
{
	const struct run *run = ctx;

	return sink_has(run->sink, ARTIFACT_RPM, artifact, run->options.algs);
}

static void refuse_input(void *ctx, const char *path, const struct error *why)
{
	struct run *run = ctx;

	sink_refuse(run->sink, path, why);
}

/* Every --keyring file; a key that cannot be used is worth a word, a file without any an error. */
static int load_keyring(const struct option_list *files, struct rpm_keyring *keyring,
			struct error *err)
{
	for (size_t i = 0; i < files->n_items; i++) {
		AUTO(file_freep) struct file *file = NULL;
		size_t n_unusable;

		if (file_open(files->items[i], &file, err) < 0 ||
		    rpm_keyring_add(keyring, file_bytes(file), file_name(file), &n_unusable, err) <
			    0)
			return -1;
		if (n_unusable)
			fprintf(stderr,
				"assay: %s: %zu of its keys cannot be used here (version 6, or an "
				"algorithm librnp lacks): their signatures stay unverified\n",
				file_name(file), n_unusable);
	}
	return 0;
}

static void say_what_was_passed_over(const struct run *run)
{
	if (run->options.quiet)
		return;
	if (run->n_sources)
		fprintf(stderr,
			"assay: %zu source package%s passed over: their files are not installed\n",
			run->n_sources, run->n_sources == 1 ? "" : "s");
	if (run->n_lacking)
		fprintf(stderr,
			"assay: %zu package%s with header digests of another algorithm than asked "
			"for: read them without --header-only (-v names them)\n",
			run->n_lacking, run->n_lacking == 1 ? "" : "s");
}

/* The keys that the release has for fs-verity signatures. */
static int load_verity(struct run *run, struct error *err)
{
	AUTO(golden_key_list_clear) struct golden_key_list keys = { 0 };
	const char *release = run->options.release ? run->options.release : "";

	if (sink_keys(run->sink, &keys, err) < 0 ||
	    verity_ring_new(&keys, release, &run->verity, err) < 0)
		return -1;
	run->has_verity = verity_ring_size(run->verity) > 0;
	return hasher_new(&run->hasher, err);
}

static enum exit_status import(struct run *run, const struct command_args *args)
{
	AUTO(sink_freep) struct sink *sink = NULL;
	struct pool_job job = { .n_threads = run->options.n_jobs,
				.ctx = run,
				.thread_begin = thread_begin,
				.thread_end = thread_end,
				.work_on = work_on,
				.done = done };
	struct error err = { 0 };
	int status = 0;

	if (sink_open(&run->options, &sink, &err) < 0)
		return command_fail(&err);
	run->sink = sink;
	if (load_verity(run, &err) < 0)
		return sink_finish(sink, &err);
	for (size_t i = 0; status == 0 && i < args->n_items; i++)
		status = rpm_inputs_add(&run->inputs, args->items[i], refuse_input, run, &err);
	if (status == 0) {
		rpm_inputs_sort(&run->inputs);
		job.n_items = run->inputs.n_items;
		job.ahead = run->reading.header_only ? AHEAD_HEADER_ONLY : 0;
		run->progress = sink_progress(sink, "packages", job.n_items);
		run->reading.known = known;
		run->reading.known_ctx = run;
		status = pool_run(&job, &err);
	}
	say_what_was_passed_over(run);
	return sink_finish(sink, status < 0 ? &err : NULL);
}

enum exit_status cmd_refgen_rpm(const struct command *self, int argc, char **argv)
{
	struct run run = { .options = { .algorithms = NULL } };
	AUTO(option_list_clear) struct option_list keyrings = { 0 };
	AUTO(rpm_keyring_freep) struct rpm_keyring *keyring = NULL;
	const struct command_option options[] = {
		OPTIONS_REFGEN(run.options),
		{"header-only",     0,   OPTION_FLAG, &run.reading.header_only,    NULL,
			       "take the digests the headers state, unpack nothing:\n"
		  "much faster, but only the digests of one algorithm"                              },
		{ "keyring",        'k', OPTION_LIST, &keyrings,                   "FILE",
			       "OpenPGP public keys that signatures are verified with\n(repeatable)"},
		{ "require-signed", 0,   OPTION_FLAG, &run.reading.require_signed, NULL,
			       "refuse packages that no key of the keyring signed"                  },
	};
	struct error err = { 0 };
	struct command_args args;
	enum exit_status status;

	if (!command_parse(self, options, ARRAY_SIZE(options), argc, argv, &args, &status))
		return status;
	status = refgen_options_check(self, &run.options);
	if (status != EXIT_DONE)
		return status;
	if (args.n_items == 0)
		return command_usage(self, "no packages: name files or folders");
	if (run.reading.require_signed && keyrings.n_items == 0)
		return command_usage(self, "--require-signed needs a --keyring to verify with");
	run.reading.algs = run.options.algs;
	if (keyrings.n_items) {
		if (rpm_keyring_new(&keyring, &err) < 0 ||
		    load_keyring(&keyrings, keyring, &err) < 0)
			return command_fail(&err);
		run.reading.keyring = keyring;
	}
	status = import(&run, &args);
	rpm_inputs_clear(&run.inputs);
	verity_ring_free(run.verity);
	hasher_free(run.hasher);
	return status;
}
