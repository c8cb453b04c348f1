/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/refgen.h"

#include "refgen/files/files.h"

enum exit_status cmd_refgen_tree(const struct command *self, int argc, char **argv)
{
	struct refgen_options options = { 0 };
	struct tree_options tree = { 0 };
	AUTO(option_list_clear) struct option_list excludes = { 0 };
	const struct command_option table[] = {
		OPTIONS_REFGEN(options),
		{"name",             0,   OPTION_STRING, &tree.name,            "NAME",
			   "name of the artifact (default: the folder's)" },
		{ "exclude",         'x', OPTION_LIST,   &excludes,             "GLOB",
			   "leave out paths that match, and what is below them;\n"
		  "without a slash: any path whose last component matches"},
		{ "one-file-system", 0,   OPTION_FLAG,   &tree.one_file_system, NULL,
			   "leave out what is mounted below DIR\n"
		  "(proc, sysfs and the like are always left out)"        },
	};
	struct command_args args;
	AUTO(sink_freep) struct sink *sink = NULL;
	enum exit_status status;
	struct error err = { 0 };

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		return status;
	status = refgen_options_check(self, &options);
	if (status != EXIT_DONE)
		return status;
	if (args.n_items == 0)
		return command_usage(self, "needs a directory");
	if (tree.name && (args.n_items > 1 || !*tree.name))
		return command_usage(self, "--name takes a name for one directory");
	if (sink_open(&options, &sink, &err) < 0)
		return command_fail(&err);
	tree.algs = options.algs;
	tree.n_jobs = options.n_jobs;
	tree.excludes = excludes.items;
	tree.n_excludes = excludes.n_items;
	tree.progress = sink_progress(sink, "files", 0);
	for (size_t i = 0; i < args.n_items; i++) {
		AUTO(file_set_freep) struct file_set *set = NULL;

		if (tree_read(args.items[i], &tree, &set, &err) < 0)
			sink_refuse(sink, args.items[i], &err);
		else if (sink_artifact(sink, args.items[i], set, &err) < 0)
			return sink_finish(sink, &err);
	}
	return sink_finish(sink, NULL);
}
