/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/refgen.h"

#include "core/file.h"
#include "core/pool.h"
#include "refgen/files/files.h"

struct initrd_job {
	const struct refgen_options *options;
	struct command_args args;
	const char *name; /* NULL: the files' own */
	struct sink *sink;
	struct progress *progress;
};

/* What became of one file. */
struct outcome {
	struct file_set *set; /* NULL: refused, for why */
	struct error why;
};

static int thread_begin(void *ctx, void **state, struct error *err)
{
	const struct initrd_job *job = ctx;
	struct content *content = NULL;

	if (content_new(&content, err) < 0)
		return -1;
	*state = content;
	if (content_has(content, job->options->algs, err))
		return 0;
	content_free(content);
	*state = NULL;
	return -1;
}

static void thread_end(void *ctx, void *state)
{
	(void)ctx;
	content_free(state);
}

static int read_one(const struct initrd_job *job, struct content *content, const char *path,
		    struct outcome *outcome)
{
	AUTO(file_freep) struct file *file = NULL;
	struct error *err = &outcome->why;
	const alg_set algs = job->options->algs;
	struct file_set *set;

	if (file_open(path, &file, err) < 0 ||
	    initrd_artifact(file_bytes(file), file_name(file), algs, &outcome->set, err) < 0)
		return -1;
	set = outcome->set;
	if (job->name) {
		set->artifact.name = file_set_copy(set, bytes_of_string(job->name));
		if (!set->artifact.name.data)
			return error_memory(err, path);
	}
	if (sink_has(job->sink, ARTIFACT_INITRD, &set->artifact.digest, algs))
		return 0;
	return initrd_read(file_bytes(file), file_name(file), content, set, err);
}

static void *work(void *ctx, void *state, size_t item)
{
	const struct initrd_job *job = ctx;
	struct outcome *outcome = calloc(1, sizeof(*outcome));

	if (outcome && read_one(job, state, job->args.items[item], outcome) < 0) {
		file_set_free(outcome->set);
		outcome->set = NULL;
	}
	return outcome; /* NULL: out of memory */
}

static int done(void *ctx, size_t item, void *result, int aborted, struct error *err)
{
	struct initrd_job *job = ctx;
	AUTO(own_free) struct outcome *outcome = result;
	const char *path = job->args.items[item];
	int status = 0;

	if (!outcome)
		return aborted ? 0 : error_memory(err, path);
	if (aborted) {
		file_set_free(outcome->set);
		return 0;
	}
	if (outcome->set)
		status = sink_artifact(job->sink, path, outcome->set, err);
	else
		sink_refuse(job->sink, path, &outcome->why);
	file_set_free(outcome->set);
	progress_step(job->progress, 1);
	return status < 0 ? -1 : 0;
}

enum exit_status cmd_refgen_initrd(const struct command *self, int argc, char **argv)
{
	struct refgen_options options = { 0 };
	struct initrd_job job = { .options = &options };
	const struct command_option table[] = {
		OPTIONS_REFGEN(options),
		{"name", 0, OPTION_STRING, &job.name, "NAME",
			   "name of the artifact (default: the file's)"},
	};
	AUTO(sink_freep) struct sink *sink = NULL;
	enum exit_status status;
	struct error err = { 0 };
	struct pool_job pool;

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &job.args, &status))
		return status;
	status = refgen_options_check(self, &options);
	if (status != EXIT_DONE)
		return status;
	if (job.args.n_items == 0)
		return command_usage(self, "needs an initrd");
	if (job.name && (job.args.n_items > 1 || !*job.name))
		return command_usage(self, "--name takes a name for one initrd");
	if (sink_open(&options, &sink, &err) < 0)
		return command_fail(&err);
	job.sink = sink;
	job.progress = sink_progress(sink, "initrds", job.args.n_items);
	pool = (struct pool_job){ .n_items = job.args.n_items,
				  .n_threads = options.n_jobs,
				  .ctx = &job,
				  .thread_begin = thread_begin,
				  .thread_end = thread_end,
				  .work = work,
				  .done = done };
	if (pool_run(&pool, &err) < 0)
		return sink_finish(sink, &err);
	return sink_finish(sink, NULL);
}
