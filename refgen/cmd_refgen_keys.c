/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/refgen.h"

#include "core/file.h"
#include "core/own.h"
#include "refgen/files/key_set.h"

struct run {
	struct refgen_options options;
	enum keyring keyring;
	const char *name;
	struct hasher *hasher;
	struct sink *sink;
};

static void run_clear(struct run *run)
{
	hasher_free(run->hasher);
	sink_free(run->sink);
}

/* 0, also when the input was refused; -1 when the run must end. */
static int read_one(struct run *run, const char *path, struct error *err)
{
	AUTO(key_set_clear)
	struct key_set keys = { .keyring = run->keyring, .hasher = run->hasher };
	AUTO(file_set_freep) struct file_set *set = NULL;
	AUTO(file_freep) struct file *file = NULL;
	struct bytes name = run->name ? bytes_of_string(run->name) : artifact_name_of(path);
	struct error why = { 0 };

	if (file_open(path, &file, &why) < 0 ||
	    key_set_read(&keys, file_bytes(file), file_name(file), &why) < 0 ||
	    key_set_artifact(&keys, name, &set, &why) < 0) {
		if (why.code == ERROR_SYSTEM) {
			*err = why;
			return -1;
		}
		sink_refuse(run->sink, path, &why);
		return 0;
	}
	return sink_artifact(run->sink, path, set, err) < 0 ? -1 : 0;
}

enum exit_status cmd_refgen_keys(const struct command *self, int argc, char **argv)
{
	AUTO(run_clear) struct run run = { 0 };
	const char *keyring = NULL;
	const struct command_option table[] = {
		OPTIONS_REFGEN_COMMON(run.options),
		{"keyring", 'k', OPTION_STRING, &keyring,  "KEYRING",
			       "the kernel's keyring that the keys are in: .ima, .evm, ..."},
		{ "name",   0,   OPTION_STRING, &run.name, "NAME",
			       "name of the artifact (default: the file's)"                },
	};
	struct command_args args;
	enum exit_status status;
	struct error err = { 0 };

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		return status;
	status = refgen_options_check(self, &run.options);
	if (status != EXIT_DONE)
		return status;
	if (!keyring)
		return command_usage(self, "needs --keyring NAME: " KEYRING_NAMES);
	if (!keyring_of_name(bytes_of_string(keyring), &run.keyring))
		return command_usage(self, "--keyring %s is none of " KEYRING_NAMES, keyring);
	if (args.n_items == 0)
		return command_usage(self, "needs a file of keys or certificates");
	if (run.name && (args.n_items > 1 || !*run.name))
		return command_usage(self, "--name takes a name for one file");
	if (hasher_new(&run.hasher, &err) < 0 || sink_open(&run.options, &run.sink, &err) < 0)
		return command_fail(&err);
	for (size_t i = 0; i < args.n_items; i++)
		if (read_one(&run, args.items[i], &err) < 0)
			return sink_finish(run.sink, &err);
	return sink_finish(run.sink, NULL);
}
