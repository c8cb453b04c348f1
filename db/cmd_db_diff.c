/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "core/json.h"
#include "core/text.h"
#include "db/key_print.h"
#include "db/profile_diff.h"
#include "db/table.h"

struct options {
	const char *db;
	bool summary, json;
};

/* The boot profiles of both releases. */
struct profiles {
	struct profile_list from, to;
};

static void profiles_clear(struct profiles *profiles)
{
	profile_list_clear(&profiles->from);
	profile_list_clear(&profiles->to);
}

/* The keys of both. */
struct keys {
	struct golden_key_list from, to;
};

static void keys_clear(struct keys *keys)
{
	golden_key_list_clear(&keys->from);
	golden_key_list_clear(&keys->to);
}

static int by_keyring(const struct golden_key *a, const struct golden_key *b)
{
	if (a->keyring != b->keyring)
		return a->keyring < b->keyring ? -1 : 1;
	return bytes_compare(digest_bytes(&a->facts.fingerprint),
			     digest_bytes(&b->facts.fingerprint));
}

/* Behind i, passing over the same key of further artifacts. */
static size_t next_key(const struct golden_key_list *list, size_t i)
{
	size_t next = i + 1;

	while (next < list->n_keys && by_keyring(&list->keys[i], &list->keys[next]) == 0)
		next++;
	return next;
}

/* Calls fn with each key that only one release has in that keyring; both lists are sorted. */
static void key_changes(const struct keys *keys,
			void (*fn)(void *ctx, enum change change, const struct golden_key *key),
			void *ctx)
{
	size_t i = 0, k = 0;

	while (i < keys->from.n_keys || k < keys->to.n_keys) {
		int order = i == keys->from.n_keys ? 1
			    : k == keys->to.n_keys
				    ? -1
				    : by_keyring(&keys->from.keys[i], &keys->to.keys[k]);

		if (order < 0)
			fn(ctx, CHANGE_REMOVED, &keys->from.keys[i]);
		if (order > 0)
			fn(ctx, CHANGE_ADDED, &keys->to.keys[k]);
		if (order <= 0)
			i = next_key(&keys->from, i);
		if (order >= 0)
			k = next_key(&keys->to, k);
	}
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void counts_json(struct json *json, const char *key, const size_t n_changes[CHANGE_COUNT])
{
	json_object_begin_compact(json, key);
	for (enum change change = 0; change < CHANGE_COUNT; change++)
		json_uint(json, change_name(change), n_changes[change]);
	json_object_end(json);
}

static void evr_json(struct json *json, const char *key, const struct buf *evr)
{
	if (evr->size)
		json_bytes(json, key, buf_bytes(evr));
	else
		json_null(json, key);
}

static void side_json(struct json *json, const char *key, const struct diff_side *side,
		      const char *package)
{
	char mode[16];

	json_object_begin_compact(json, key);
	if (side->digest.alg != ALG_NONE)
		json_digest(json, alg_name(side->digest.alg), &side->digest);
	snprintf(mode, sizeof(mode), "%07" PRIo32, side->mode);
	json_string(json, "mode", mode);
	json_uint(json, "size", side->size);
	if (strcmp(side->package, package) != 0)
		json_string(json, "package", side->package);
	json_object_end(json);
}

static void file_json(struct json *json, const struct diff_file *file, const char *package)
{
	json_object_begin(json, NULL);
	json_bytes(json, "path", file->path);
	json_string(json, "change", change_name(file->change));
	if (file->change != CHANGE_ADDED)
		side_json(json, "from", &file->from, package);
	if (file->change != CHANGE_REMOVED)
		side_json(json, "to", &file->to, package);
	json_object_end(json);
}

static void name_json(struct json *json, const char *key, const struct profile *profile)
{
	if (profile)
		json_string(json, key, profile->name);
	else
		json_null(json, key);
}

static int change_json(void *ctx, const struct profile_change *change, struct error *err)
{
	struct json *json = ctx;

	(void)err;
	json_object_begin_compact(json, NULL);
	json_uint(json, "pcr", change->pcr);
	json_string(json, "component", change->component);
	json_string(json, "change", change_name(change->change));
	json_object_end(json);
	return 0;
}

static int pair_json(void *ctx, const struct profile *from, const struct profile *to,
		     struct error *err)
{
	struct json *json = ctx;

	json_object_begin(json, NULL);
	name_json(json, "from", from);
	name_json(json, "to", to);
	json_array_begin(json, "changes");
	if (from && to && profile_diff(from, to, change_json, json, err) < 0)
		return -1;
	json_array_end(json);
	json_object_end(json);
	return 0;
}

static void key_change_json(void *ctx, enum change change, const struct golden_key *key)
{
	struct json *json = ctx;

	json_object_begin(json, NULL);
	json_string(json, "change", change_name(change));
	json_string(json, "keyring", keyring_name(key->keyring));
	json_string(json, "artifact", key->artifact);
	key_facts_write(json, key->form, &key->facts);
	json_object_end(json);
}

static int diff_json(const struct diff *diff, const struct profiles *profiles,
		     const struct keys *keys, const char *from, const char *to,
		     const struct options *options, struct error *err)
{
	struct json json = json_to_stream(stdout);

	json_object_begin(&json, NULL);
	json_string(&json, "from", from);
	json_string(&json, "to", to);
	counts_json(&json, "file_counts", diff->n_changes);
	json_array_begin(&json, "packages");
	for (size_t i = 0; i < diff->n_packages; i++) {
		const struct diff_package *package = &diff->packages[i];

		json_object_begin(&json, NULL);
		json_string(&json, "package", package->name);
		if (*package->arch)
			json_string(&json, "arch", package->arch);
		evr_json(&json, "from", &package->from);
		evr_json(&json, "to", &package->to);
		counts_json(&json, "file_counts", package->n_changes);
		if (!options->summary) {
			json_array_begin(&json, "files");
			for (size_t k = 0; k < package->n_files; k++)
				file_json(&json, &diff->files[package->first + k], package->name);
			json_array_end(&json);
		}
		json_object_end(&json);
	}
	json_array_end(&json);
	json_array_begin(&json, "profiles");
	if (profile_pairs(&profiles->from, &profiles->to, pair_json, &json, err) < 0)
		return -1;
	json_array_end(&json);
	json_array_begin(&json, "keys");
	key_changes(keys, key_change_json, &json);
	json_array_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- text -------------------------------------------------------------------------------------- */

static void print_versions(const struct diff_package *package)
{
	text_write(stdout, bytes_of_string(package->name));
	if (*package->arch) {
		putchar('.');
		text_write(stdout, bytes_of_string(package->arch));
	}
	printf("  ");
	if (!package->from.size) {
		printf("new: ");
		text_write(stdout, buf_bytes(&package->to));
	} else if (!package->to.size) {
		printf("gone: ");
		text_write(stdout, buf_bytes(&package->from));
	} else if (bytes_equal(buf_bytes(&package->from), buf_bytes(&package->to))) {
		text_write(stdout, buf_bytes(&package->from));
		printf(" built anew");
	} else {
		text_write(stdout, buf_bytes(&package->from));
		printf(" -> ");
		text_write(stdout, buf_bytes(&package->to));
	}
	putchar('\n');
}

/* What moved between packages is told with the file; everything else is in the package's line. */
static void print_file(const struct diff_file *file, const char *package)
{
	printf("  %-12s  ", change_name(file->change));
	text_write(stdout, file->path);
	if (file->change == CHANGE_MODE)
		printf("  (%07" PRIo32 " -> %07" PRIo32 ")", file->from.mode, file->to.mode);
	if (file->from.package && file->to.package && strcmp(file->from.package, package) != 0) {
		printf("  (from ");
		text_write(stdout, bytes_of_string(file->from.package));
		putchar(')');
	}
	putchar('\n');
}

static void print_files(const struct diff *diff)
{
	for (size_t i = 0; i < diff->n_packages; i++) {
		const struct diff_package *package = &diff->packages[i];

		if (i)
			putchar('\n');
		print_versions(package);
		for (size_t k = 0; k < package->n_files; k++)
			print_file(&diff->files[package->first + k], package->name);
		if (!package->n_files)
			puts("  no file differs");
	}
}

static int print_summary(const struct diff *diff, struct error *err)
{
	static const struct column columns[] = {
		{"PACKAGE",  false},
                { "ARCH",    false},
                { "FROM",    false},
                { "TO",      false},
		{ "ADDED",   true },
                { "REMOVED", true },
                { "CHANGED", true },
	};
	AUTO(table_clear)
	struct table table = { .columns = columns, .n_columns = ARRAY_SIZE(columns) };

	for (size_t i = 0; i < diff->n_packages; i++) {
		const struct diff_package *package = &diff->packages[i];

		table_string(&table, package->name);
		table_string(&table, package->arch);
		table_bytes(&table, buf_bytes(&package->from));
		table_bytes(&table, buf_bytes(&package->to));
		table_uint(&table, package->n_changes[CHANGE_ADDED]);
		table_uint(&table, package->n_changes[CHANGE_REMOVED]);
		table_uint(&table, package->n_changes[CHANGE_CONTENT] +
					   package->n_changes[CHANGE_MODE] +
					   package->n_changes[CHANGE_UNKNOWN]);
	}
	return table_print(&table, stdout, err);
}

static int change_text(void *ctx, const struct profile_change *change, struct error *err)
{
	bool *any = ctx;

	(void)err;
	*any = true;
	printf("  PCR %-2" PRIu32 "  %-12s  ", change->pcr, change_name(change->change));
	text_write(stdout, bytes_of_string(change->component));
	putchar('\n');
	return 0;
}

/* What a machine that boots the other release measures otherwise. */
static int pair_text(void *ctx, const struct profile *from, const struct profile *to,
		     struct error *err)
{
	bool any = false;

	(void)ctx;
	printf("boot profile ");
	text_write(stdout, bytes_of_string(from ? from->name : to->name));
	if (from && to && strcmp(from->name, to->name) != 0) {
		printf(" -> ");
		text_write(stdout, bytes_of_string(to->name));
	}
	puts(!from ? ": new" : !to ? ": gone" : "");
	if (from && to && profile_diff(from, to, change_text, &any, err) < 0)
		return -1;
	if (from && to && !any)
		puts("  no PCR differs");
	return 0;
}

static void key_change_text(void *ctx, enum change change, const struct golden_key *key)
{
	size_t *n_changes = ctx;
	char before[32];

	n_changes[change]++;
	snprintf(before, sizeof(before), "%-12s  ", change_name(change));
	key_line(before, key);
}

static int diff_text(const struct diff *diff, const struct profiles *profiles,
		     const struct keys *keys, const char *from, const char *to,
		     const struct options *options, struct error *err)
{
	size_t n_new = 0, n_gone = 0, n_keys[CHANGE_COUNT] = { 0 };

	for (size_t i = 0; i < diff->n_packages; i++) {
		n_new += !diff->packages[i].from.size;
		n_gone += !diff->packages[i].to.size;
	}
	if (options->summary) {
		if (print_summary(diff, err) < 0)
			return -1;
	} else {
		print_files(diff);
	}
	if (diff->n_packages)
		putchar('\n');
	if (profile_pairs(&profiles->from, &profiles->to, pair_text, NULL, err) < 0)
		return -1;
	if (profiles->from.n_profiles || profiles->to.n_profiles)
		putchar('\n');
	key_changes(keys, key_change_text, n_keys);
	if (n_keys[CHANGE_ADDED] || n_keys[CHANGE_REMOVED])
		putchar('\n');
	text_write(stdout, bytes_of_string(from));
	printf(" -> ");
	text_write(stdout, bytes_of_string(to));
	printf(": packages: %zu new, %zu gone, %zu other; files: %zu added, %zu removed, %zu "
	       "changed",
	       n_new, n_gone, diff->n_packages - n_new - n_gone, diff->n_changes[CHANGE_ADDED],
	       diff->n_changes[CHANGE_REMOVED], diff->n_changes[CHANGE_CONTENT]);
	if (diff->n_changes[CHANGE_MODE])
		printf(", %zu of another mode", diff->n_changes[CHANGE_MODE]);
	if (diff->n_changes[CHANGE_UNKNOWN])
		printf(", %zu without a common algorithm to compare them by",
		       diff->n_changes[CHANGE_UNKNOWN]);
	if (n_keys[CHANGE_ADDED] || n_keys[CHANGE_REMOVED])
		printf("; keys: %zu added, %zu removed", n_keys[CHANGE_ADDED],
		       n_keys[CHANGE_REMOVED]);
	putchar('\n');
	return 0;
}

enum exit_status cmd_db_diff(const struct command *self, int argc, char **argv)
{
	struct options options = { 0 };
	const struct command_option table[] = {
		OPTION_DB(&options.db),
		{"summary", 's', OPTION_FLAG, &options.summary, NULL,
			       "one line for each package, without its files"},
		OPTION_JSON(&options.json),
	};
	AUTO(profiles_clear) struct profiles profiles = { 0 };
	AUTO(keys_clear) struct keys keys = { 0 };
	AUTO(diff_freep) struct diff *diff = NULL;
	AUTO(db_closep) struct db *db = NULL;
	struct error err = { 0 };
	struct command_args args;
	enum exit_status status;
	bool given;

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		return status;
	if (args.n_items != 2)
		return command_usage(self, "compares two releases");
	if (db_open(command_db(options.db, &given), DB_READ, &db, &err) < 0 ||
	    diff_make(db, args.items[0], args.items[1], &diff, &err) < 0 ||
	    db_profiles_read(db, (const char *const *)&args.items[0], 1, &profiles.from, &err) <
		    0 ||
	    db_profiles_read(db, (const char *const *)&args.items[1], 1, &profiles.to, &err) < 0 ||
	    db_keys_read(db, (const char *const *)&args.items[0], 1, &keys.from, &err) < 0 ||
	    db_keys_read(db, (const char *const *)&args.items[1], 1, &keys.to, &err) < 0 ||
	    (options.json ? diff_json : diff_text)(diff, &profiles, &keys, args.items[0],
						   args.items[1], &options, &err) < 0)
		return command_fail(&err);
	return command_finish(EXIT_DONE);
}
