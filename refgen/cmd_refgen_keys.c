/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/refgen.h"

#include "core/file.h"
#include "core/own.h"
#include "db/keyring.h"
#include "refgen/files/files.h"

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

/* What one file holds. */
struct reading {
	struct run *run;
	struct arena arena;
	struct golden_key *keys; /* owned */
	size_t n_keys, capacity;
};

static void reading_clear(struct reading *reading)
{
	arena_clear(&reading->arena);
	free(reading->keys);
}

static int take_key(void *ctx, const struct key_item *item, struct error *err)
{
	struct reading *reading = ctx;
	struct golden_key key = { .keyring = reading->run->keyring, .form = item->form };

	if (reading->n_keys == reading->capacity) {
		size_t capacity = reading->capacity ? 2 * reading->capacity : 16;
		struct golden_key *larger =
			realloc(reading->keys, capacity * sizeof(*reading->keys));

		if (!larger)
			return error_memory(err, NULL);
		reading->keys = larger;
		reading->capacity = capacity;
	}
	if (key_describe(item, reading->run->hasher, &key.facts, err) < 0)
		return -1;
	key.der = arena_copy(&reading->arena, item->der);
	if (reading->arena.failed)
		return error_memory(err, NULL);
	reading->keys[reading->n_keys++] = key;
	return 0;
}

static int make_set(struct reading *reading, struct bytes name, struct file_set **out,
		    struct error *err)
{
	AUTO(buf_clear) struct buf blob = BUF_INIT;
	AUTO(file_set_freep) struct file_set *set = NULL;
	struct artifact artifact = { .kind = ARTIFACT_KEYS, .name = name };

	if (keyring_encode(reading->run->keyring, reading->keys, &reading->n_keys, &blob, err) <
		    0 ||
	    hasher_digest_bytes(reading->run->hasher, ALG_SHA256, buf_bytes(&blob),
				&artifact.digest, err) < 0 ||
	    file_set_new(0, &set, err) < 0)
		return -1;
	artifact.size = blob.size;
	if (file_set_artifact(set, &artifact, err) < 0)
		return -1;
	set->keys_blob = file_set_copy(set, buf_bytes(&blob));
	if (!set->keys_blob.data)
		return error_memory(err, NULL);
	set->keys = reading->keys;
	set->n_keys = reading->n_keys;
	*out = TAKE(set);
	return 0;
}

/* 0, also when the input was refused; -1 when the run must end. */
static int read_one(struct run *run, const char *path, struct error *err)
{
	AUTO(reading_clear) struct reading reading = { .run = run };
	AUTO(file_set_freep) struct file_set *set = NULL;
	AUTO(file_freep) struct file *file = NULL;
	struct bytes name = run->name ? bytes_of_string(run->name) : artifact_name_of(path);
	struct error why = { 0 };

	if (file_open(path, &file, &why) < 0 ||
	    key_file_read(file_bytes(file), file_name(file), take_key, &reading, &why) < 0 ||
	    make_set(&reading, name, &set, &why) < 0) {
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
