/* SPDX-License-Identifier: BSD-2-Clause */
/* assay audit: bundles in, one report out. */
#include "audit/audit.h"

#include "audit/judge.h"
#include "audit/render.h"
#include "audit/setup.h"
#include "core/file.h"
#include "core/own.h"
#include "core/pool.h"
#include "core/progress.h"

static void options_clear(struct audit_options *options)
{
	option_list_clear(&options->aks);
	option_list_clear(&options->ima_keys);
	option_list_clear(&options->releases);
	option_list_clear(&options->cas);
	option_list_clear(&options->secrets);
	option_list_clear(&options->dbxs);
}

/* Everything of one run. */
struct audit {
	struct audit_options options;
	struct command_args args;
	struct named named;
	struct machine_state *machines; /* owned: verified in this run */
	size_t n_machines;
	struct run run;
	struct render_options render;
	render_bundle_fn *render_bundle;
	struct buf
		parts[3]; /* text: of failed, incomplete, passed bundles; JSON: the first for all */
	struct progress progress;
};

static void audit_clear(struct audit *audit)
{
	setup_clear(&audit->named);
	options_clear(&audit->options);
	free(audit->machines);
	for (size_t i = 0; i < ARRAY_SIZE(audit->parts); i++)
		buf_clear(&audit->parts[i]);
}

/* --- bundles --------------------------------------------------------------------------------------- */

/* What became of one bundle, or of one argument that holds several. */
struct outcome {
	enum verdict verdict;
	bool is_unreadable;
	struct buf text;
	struct machine_state machine; /* what the next audit begins with, if has_machine */
	bool has_machine;
	struct container *container; /* several bundles: still to be judged; owned */
	bool failed;                 /* the machine did */
	struct error err;
};

static void outcome_free(struct outcome *outcome)
{
	if (!outcome)
		return;
	buf_clear(&outcome->text);
	container_free(outcome->container);
	free(outcome);
}

/* Renders a report, and frees it. */
static void render(const struct audit *audit, struct report *report, struct outcome *outcome)
{
	outcome->verdict = report->verdict;
	outcome->is_unreadable = report->is_unreadable;
	audit->render_bundle(report, &audit->render, &outcome->text);
	if (report->machine) {
		outcome->machine = *report->machine;
		outcome->has_machine = true;
	}
	report_free(report);
	outcome->failed = buf_finish(&outcome->text, &outcome->err) < 0;
}

/* Judges a bundle, or says why it could not be read. */
static void judge_one(const struct audit *audit, struct worker *worker,
		      const struct container *container, size_t i, const char *name,
		      const struct error *why, struct outcome *outcome)
{
	AUTO(bundle_freep) struct bundle *bundle = NULL;
	struct report *report = NULL;
	struct error problem = { 0 };

	if (!why && container_bundle(container, i, &bundle, &problem) < 0)
		why = &problem;
	if (why && why->code == ERROR_SYSTEM) {
		outcome->failed = true;
		outcome->err = *why;
		return;
	}
	outcome->failed =
		why ? audit_unreadable(&audit->named.setup, name, why, &report, &outcome->err) < 0
		    : audit_bundle(worker, bundle, &report, &outcome->err) < 0;
	if (!outcome->failed)
		render(audit, report, outcome);
}

static int thread_begin(void *ctx, void **state, struct error *err)
{
	const struct audit *audit = ctx;
	struct worker *worker;

	if (worker_new(&audit->named.setup, &worker, err) < 0)
		return -1;
	*state = worker;
	return 0;
}

static void thread_end(void *ctx, void *state)
{
	(void)ctx;
	worker_free(state);
}

/* One argument: its bundle, or its container if there are several in it. */
static void *work_argument(void *ctx, void *state, size_t item)
{
	const struct audit *audit = ctx;
	const char *path = audit->args.items[item];
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	struct container *container = NULL;
	struct error problem = { 0 };

	if (!outcome)
		return NULL;
	if (container_open(path, &container, &problem) < 0) {
		judge_one(audit, state, NULL, 0, path, &problem, outcome);
	} else if (container_n_bundles(container) > 1) {
		outcome->container = container;
		return outcome;
	} else {
		judge_one(audit, state, container, 0, path, NULL, outcome);
	}
	container_free(container);
	return outcome;
}

/* Adds what became of one bundle to the document. */
static void collect(struct audit *audit, const struct outcome *outcome)
{
	static const size_t part_of[] = {
		[VERDICT_FAIL] = 0, [VERDICT_INCOMPLETE] = 1, [VERDICT_PASS] = 2
	};

	audit->run.n_by_verdict[outcome->verdict]++;
	audit->run.n_unreadable += outcome->is_unreadable;
	if (audit->render_bundle == render_bundle_json)
		render_json_next(&audit->parts[0], &outcome->text);
	else
		buf_append(&audit->parts[part_of[outcome->verdict]], buf_bytes(&outcome->text));
	progress_step(&audit->progress, 1);
}

/* Workers read the state: what is new is put into it when they are done. */
static int keep_machine(struct audit *audit, const struct outcome *outcome, struct error *err)
{
	struct machine_state *larger;

	if (!outcome->has_machine)
		return 0;
	larger = realloc(audit->machines, (audit->n_machines + 1) * sizeof(*larger));
	if (!larger)
		return error_memory(err, NULL);
	audit->machines = larger;
	audit->machines[audit->n_machines++] = outcome->machine;
	return 0;
}

static int save_state(struct audit *audit, struct error *err)
{
	for (size_t i = 0; i < audit->n_machines; i++)
		if (state_put(audit->named.state, &audit->machines[i], err) < 0)
			return -1;
	return audit->named.state ? state_write(audit->named.state, err) : 0;
}

static int done_outcome(struct audit *audit, struct outcome *outcome, struct error *err)
{
	int status = 0;

	if (!outcome)
		return error_memory(err, NULL);
	if (outcome->failed) {
		*err = outcome->err;
		status = -1;
	} else {
		collect(audit, outcome);
		status = keep_machine(audit, outcome, err);
	}
	outcome_free(outcome);
	return status;
}

/* The bundles of one argument, in parallel, too. */
struct folder_job {
	struct audit *audit;
	const struct container *container;
	const char *path;
};

static int folder_thread_begin(void *ctx, void **state, struct error *err)
{
	return thread_begin(((struct folder_job *)ctx)->audit, state, err);
}

static void *work_folder(void *ctx, void *state, size_t item)
{
	struct folder_job *job = ctx;
	struct outcome *outcome = calloc(1, sizeof(*outcome));

	if (outcome)
		judge_one(job->audit, state, job->container, item, job->path, NULL, outcome);
	return outcome;
}

static int done_folder(void *ctx, size_t item, void *result, int aborted, struct error *err)
{
	(void)item;
	if (!aborted)
		return done_outcome(((struct folder_job *)ctx)->audit, result, err);
	outcome_free(result);
	return 0;
}

static int done_argument(void *ctx, size_t item, void *result, int aborted, struct error *err)
{
	struct audit *audit = ctx;
	struct outcome *outcome = result;
	struct folder_job folders = { .audit = audit };
	struct pool_job job = { .n_threads = audit->options.jobs,
				.ctx = &folders,
				.thread_begin = folder_thread_begin,
				.thread_end = thread_end,
				.work = work_folder,
				.done = done_folder };
	int status;

	if (aborted) {
		outcome_free(outcome);
		return 0;
	}
	if (!outcome || !outcome->container)
		return done_outcome(audit, outcome, err);
	/* Not a run of one bundle after all; with one argument nobody else is rendering now. */
	audit->render.single = false;
	folders.container = outcome->container;
	folders.path = audit->args.items[item];
	job.n_items = container_n_bundles(outcome->container);
	audit->progress.n_total += job.n_items - 1;
	status = pool_run(&job, err);
	outcome_free(outcome);
	return status;
}

/* --- the whole ------------------------------------------------------------------------------------- */

static int write_report(struct audit *audit, struct error *err)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(audit->parts); i++)
		if (audit->parts[i].failed)
			return error_memory(err, NULL);
	if (audit->render_bundle == render_bundle_json)
		render_run_json(&audit->run, &audit->parts[0], &out);
	else
		render_run_text(&audit->run, &audit->render, audit->parts, &out);
	if (buf_finish(&out, err) < 0)
		return -1;
	return file_write(audit->options.output ? audit->options.output : "-", buf_bytes(&out),
			  err);
}

static enum exit_status exit_of(const struct audit *audit)
{
	const struct run *run = &audit->run;

	if (run->db_error)
		return EXIT_INPUT;
	if (run->n_by_verdict[VERDICT_FAIL])
		return EXIT_NO;
	if (run->n_unreadable)
		return EXIT_INPUT;
	return run->n_by_verdict[VERDICT_INCOMPLETE] ? EXIT_INCOMPLETE : EXIT_DONE;
}

static enum exit_status run_audit(struct audit *audit)
{
	struct pool_job job = { .n_items = audit->args.n_items,
				.n_threads = audit->options.jobs,
				.ctx = audit,
				.thread_begin = thread_begin,
				.thread_end = thread_end,
				.work = work_argument,
				.done = done_argument };
	struct run *run = &audit->run;
	struct error err = { 0 };
	int status;

	if (setup_read(&audit->named, &err) < 0)
		return command_fail(&err);
	if (run->db_error) {
		run->verdict = VERDICT_INCOMPLETE;
		command_fail(run->db_error);
	} else {
		audit->progress = progress_begin("bundles", job.n_items, audit->options.quiet);
		status = pool_run(&job, &err);
		progress_end(&audit->progress);
		if (status < 0)
			return command_fail(&err);
		run->verdict = run->n_by_verdict[VERDICT_FAIL]         ? VERDICT_FAIL
			       : run->n_by_verdict[VERDICT_INCOMPLETE] ? VERDICT_INCOMPLETE
								       : VERDICT_PASS;
	}
	if (write_report(audit, &err) < 0 || save_state(audit, &err) < 0)
		return command_fail(&err);
	return exit_of(audit);
}

enum exit_status cmd_audit(const struct command *self, int argc, char **argv)
{
	AUTO(audit_clear) struct audit audit = { .render_bundle = render_bundle_text };
	struct audit_options *options = &audit.options;
	const struct command_option table[] = {
		{"ak",                 0,   OPTION_LIST,   &options->aks,      "FILE",
                 "attestation key known to be good (repeatable)"                               },
		{ "ima-key",           0,   OPTION_LIST,   &options->ima_keys, "FILE",
                 "key that signs files, or a folder of such keys (repeatable)"                 },
		{ "nonce",             0,   OPTION_STRING, &options->nonce,    "HEX",
                 "what each quote has to answer"                                               },
		{ "ca",                0,   OPTION_LIST,   &options->cas,      "FILE|DIR",
                 "authorities that keys' certificates chain to (repeatable)"                   },
		{ "at",                0,   OPTION_STRING, &options->at,       "TIME",
                 "when certificates are judged (default: now)"                                 },
		{ "credential-secret", 0,   OPTION_LIST,   &options->secrets,  "FILE",
                 "what a credential was made with: [NAME=]FILE (repeatable)"                   },
		OPTION_DB(&options->db),
		{ "release",           0,   OPTION_LIST,   &options->releases, "NAME",
                 "only this release's values count (repeatable;\ndefault: all in the database)"},
		{ "dbx",               0,   OPTION_LIST,   &options->dbxs,     "FILE",
                 "revocation list (dbx) or SBAT level: images that must not boot any\nmore "
		  "(repeatable)"							       },
		{ "state",             0,   OPTION_STRING, &options->state,    "FILE",
                 "what was verified of these machines before, and now"                         },
		{ "policy",            0,   OPTION_STRING, &options->policy,   "FILE",
                 "what is required, excluded, and how bad: assay-policy(5)"                    },
		{ "format",            0,   OPTION_STRING, &options->format,   "FORMAT",
                 "text (default) or json"						      },
		OPTION_JSON(&options->json),
		{ "output",            'o', OPTION_STRING, &options->output,   "FILE",
                 "write the report there instead of standard output"                           },
		OPTION_JOBS(&options->jobs),
		OPTION_QUIET(&options->quiet),
		OPTION_VERBOSE(&options->verbose),
	};
	enum exit_status status;

	setup_init(&audit.named, options, &audit.run);
	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &audit.args, &status))
		return status;
	if (audit.args.n_items == 0)
		return command_usage(self, "needs a bundle of evidence");
	if (options->format && strcmp(options->format, "json") != 0 &&
	    strcmp(options->format, "text") != 0)
		return command_usage(self, "--format is text or json, not '%s'", options->format);
	if (options->json && options->format && strcmp(options->format, "json") != 0)
		return command_usage(self, "--json and --format %s contradict each other",
				     options->format);
	if (options->json || (options->format && strcmp(options->format, "json") == 0))
		audit.render_bundle = render_bundle_json;
	audit.render = (struct render_options){ .verbose = options->verbose,
						.single = audit.args.n_items == 1 };
	return run_audit(&audit);
}
