/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/refgen.h"

#include "core/file.h"
#include "core/own.h"
#include "core/text.h"
#include "refgen/allowlist/allowlist.h"
#include "refgen/files/key_set.h"

struct run {
	struct refgen_options options;
	struct allowlist_options reading;
	struct public_key **keys;                           /* owned, as are the keys */
	bool require_signed, lists_buffers, accepts_signed; /* the last: said in excludes */
	struct hasher *hasher;
	struct sink *sink;
	struct buf excludes; /* the policy that --write-excludes asks for */
};

static void run_clear(struct run *run)
{
	for (size_t i = 0; i < run->reading.n_keys; i++)
		public_key_free(run->keys[i]);
	free(run->keys);
	hasher_free(run->hasher);
	sink_free(run->sink);
	buf_clear(&run->excludes);
}

static int load_keys(struct run *run, const struct option_list *files, struct error *err)
{
	run->keys = calloc(files->n_items + 1, sizeof(*run->keys));
	if (!run->keys)
		return error_memory(err, NULL);
	for (size_t i = 0; i < files->n_items; i++) {
		AUTO(file_freep) struct file *file = NULL;

		if (file_open(files->items[i], &file, err) < 0 ||
		    public_key_parse_pem(file_bytes(file), file_name(file), &run->keys[i], err) < 0)
			return -1;
		run->reading.n_keys++;
	}
	run->reading.keys = run->keys;
	run->reading.key_names = files->items;
	return 0;
}

/* The exclusions of one policy, as lines; those that no glob can say as comments. */
static void take_excludes(struct run *run, const char *source, const struct allowlist *list)
{
	size_t n_left = 0;

	for (size_t i = 0; i < list->n_excludes; i++) {
		if (allowlist_exclude_globs(list->excludes[i], &run->excludes))
			continue;
		n_left++;
		buf_append_string(&run->excludes, "# no glob can say: ");
		text_append(&run->excludes, list->excludes[i]);
		buf_append_string(&run->excludes, "\n");
	}
	if (list->n_excludes)
		sink_note(run->sink, source,
			  "%zu exclusions are no reference values: --write-excludes writes them as "
			  "a policy",
			  list->n_excludes);
	if (list->is_policy) {
		size_t n_unsayable;

		if (!run->lists_buffers)
			buf_append_string(&run->excludes, "require-known-buffers = yes\n");
		run->lists_buffers = true;
		n_unsayable = allowlist_buffer_lines(list, &run->excludes);
		if (n_unsayable)
			sink_note(run->sink, source, "%zu buffers cannot be named in a policy",
				  n_unsayable);
	}
	if (n_left)
		sink_note(run->sink, source, "%zu exclusions cannot be said as globs", n_left);
}

static void note_rest(struct run *run, const char *source, const struct allowlist *list)
{
	struct sink *sink = run->sink;

	if (list->n_relative)
		sink_note(sink, source,
			  "names that are no absolute paths have %zu digests, which are left out "
			  "(boot_aggregate is computed anew by each audit)",
			  list->n_relative);
	if (list->n_buffers)
		sink_note(sink, source,
			  "%zu buffers (keyrings, ima-buf) are no files: --write-excludes writes "
			  "them as a policy",
			  list->n_buffers);
	if (list->has_dm_policy)
		sink_note(sink, source, "its device-mapper policy is not imported");
	if (list->signature == SIGNATURE_NO_KEY)
		sink_note(sink, source, "signed, but no --policy-key was given to verify it");
}

/* A reference state as the profiles of an artifact that has no files. */
static int store_state(struct run *run, const char *path, const struct allowlist *list,
		       struct artifact *artifact, struct error *err)
{
	AUTO(file_set_freep) struct file_set *set = NULL;
	AUTO(buf_clear) struct buf blob = BUF_INIT;
	const struct reference_state *state = list->state;

	artifact->kind = ARTIFACT_BOOT;
	if (reference_states_encode(state, 1, &blob, err) < 0 || file_set_new(0, &set, err) < 0 ||
	    file_set_artifact(set, artifact, err) < 0)
		return -1;
	set->profiles = buf_bytes(&blob);
	if (list->n_unused)
		sink_note(run->sink, path, "%zu of its members are not used, as by Keylime",
			  list->n_unused);
	sink_note(run->sink, path,
		  "a reference state of boots, Secure Boot %s: %zu firmware versions, %zu kernels",
		  state->secure_boot ? "on" : "off", state->n_firmware, state->n_kernels);
	return sink_artifact(run->sink, path, set, err);
}

/*
 * The verification keys as those of .ima. 1, 0 when the input was refused, -1 when the run must end.
 * The set borrows from keys.
 */
static int make_keys(struct run *run, const char *path, const struct allowlist *list,
		     struct key_set *keys, struct file_set **out, struct error *err)
{
	struct error why = { 0 };
	bool failed = false;

	for (size_t i = 0; i < list->n_keys && !failed; i++)
		failed = key_set_read(keys, list->keys[i], path, &why) < 0;
	if (!failed && list->n_keys)
		failed = key_set_artifact(keys, artifact_name_of(path), out, &why) < 0;
	if (!failed)
		return 1;
	if (why.code == ERROR_SYSTEM) {
		*err = why;
		return -1;
	}
	sink_refuse(run->sink, path, &why);
	return 0;
}

static int store_keys(struct run *run, const char *path, const struct allowlist *list,
		      const struct file_set *set, struct error *err)
{
	sink_note(run->sink, path,
		  "its %zu verification keys are the release's of .ima; files that they sign pass "
		  "where the audit's policy says accept-signed",
		  list->n_keys);
	return sink_artifact(run->sink, path, set, err);
}

/* 0, also when the input was refused; -1 when the run must end. */
static int read_one(struct run *run, const char *path, struct error *err)
{
	AUTO(key_set_clear)
	struct key_set keys = { .keyring = KEYRING_IMA, .hasher = run->hasher };
	AUTO(file_set_freep) struct file_set *key_files = NULL;
	AUTO(allowlist_clear) struct allowlist list = { 0 };
	AUTO(file_freep) struct file *file = NULL;
	struct artifact artifact = { .kind = ARTIFACT_ALLOWLIST };
	struct error why = { 0 };
	size_t n;
	int status;

	if (file_open(path, &file, &why) < 0 ||
	    allowlist_read(file_bytes(file), file_name(file), &run->reading, &list, &why) < 0) {
		if (why.code == ERROR_SYSTEM) {
			*err = why;
			return -1;
		}
		sink_refuse(run->sink, path, &why);
		return 0;
	}
	if (run->require_signed && list.signature != SIGNATURE_VERIFIED) {
		error_set(
			&why, ERROR_MISMATCH, path, ERROR_NO_OFFSET,
			"is not signed by a key that was given, and --require-signed asks for it");
		sink_refuse(run->sink, path, &why);
		return 0;
	}
	status = make_keys(run, path, &list, &keys, &key_files, err);
	if (status <= 0)
		return status;
	artifact.size = file_bytes(file).size;
	artifact.name = artifact_name_of(path);
	artifact.signature = list.signature;
	artifact.signer = list.signer;
	if (hasher_digest_bytes(run->hasher, ALG_SHA256, file_bytes(file), &artifact.digest, err) <
	    0)
		return -1;
	take_excludes(run, path, &list);
	if (key_files) {
		if (!run->accepts_signed)
			buf_append_string(&run->excludes, "accept-signed = yes\n");
		run->accepts_signed = true;
		if (store_keys(run, path, &list, key_files, err) < 0)
			return -1;
	}
	note_rest(run, path, &list);
	if (list.state)
		return store_state(run, path, &list, &artifact, err) < 0 ? -1 : 0;
	n = allowlist_n_artifacts(&list);
	for (size_t k = 0; k < n; k++) {
		AUTO(file_set_freep) struct file_set *set = NULL;

		if (allowlist_artifact(&list, &artifact, k, run->hasher, &set, err) < 0 ||
		    sink_artifact(run->sink, path, set, err) < 0)
			return -1;
	}
	return 0;
}

enum exit_status cmd_refgen_allowlist(const struct command *self, int argc, char **argv)
{
	AUTO(run_clear) struct run run = { .excludes = BUF_INIT };
	AUTO(option_list_clear) struct option_list keys = { 0 };
	const char *excludes = NULL;
	const struct command_option table[] = {
		OPTIONS_REFGEN_COMMON(run.options),
		{"policy-key",      'k', OPTION_LIST,   &keys,               "FILE",
			       "public key or certificate (PEM) that signed policies are verified by (may be "
		  "repeated)"						   },
		{ "require-signed", 0,   OPTION_FLAG,   &run.require_signed, NULL,
			       "refuse policies that none of the keys signed"   },
		{ "sm3",            0,   OPTION_FLAG,   &run.reading.sm3,    NULL,
			       "digests of 64 digits are SM3's, not SHA-256's"  },
		{ "write-excludes", 0,   OPTION_STRING, &excludes,           "FILE",
			       "write the exclusions as a policy of assay audit"},
	};
	struct command_args args;
	enum exit_status status;
	struct error err = { 0 };

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		return status;
	status = refgen_options_check(self, &run.options);
	if (status != EXIT_DONE)
		return status;
	if (args.n_items == 0)
		return command_usage(self, "needs a policy");
	if (run.require_signed && keys.n_items == 0)
		return command_usage(self, "--require-signed needs --policy-key");
	if (load_keys(&run, &keys, &err) < 0 || hasher_new(&run.hasher, &err) < 0 ||
	    sink_open(&run.options, &run.sink, &err) < 0)
		return command_fail(&err);
	buf_append_string(&run.excludes, "[ima]\n");
	for (size_t i = 0; i < args.n_items; i++)
		if (read_one(&run, args.items[i], &err) < 0)
			return sink_finish(run.sink, &err);
	if (excludes && (buf_finish(&run.excludes, &err) < 0 ||
			 file_write(excludes, buf_bytes(&run.excludes), &err) < 0))
		return sink_finish(run.sink, &err);
	return sink_finish(run.sink, NULL);
}
