/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bundle in memory, made from a capture and changed by a test, and golden
 * values made for it. Tests run in the source tree's top.
 */
#ifndef TESTS_UNIT_AUDIT_FIXTURE_H
#define TESTS_UNIT_AUDIT_FIXTURE_H

#include <unistd.h>

#include "audit/judge.h"
#include "core/own.h"
#include "tests/unit/test.h"

#define CAPTURES "tests/vectors/captures/"

#define FIXTURE_FILES 32

struct fixture {
	struct bundle bundle;
	struct bundle_file files[FIXTURE_FILES]; /* contents owned, of their exact size */
	struct policy *policy;
	struct db *db; /* golden's */
	struct golden *golden;
	struct anchor anchors[4];
	struct audit_setup setup;
	char db_path[64];
};

/* Not every test uses every function. */
#define FIXTURE __attribute__((unused)) static

FIXTURE struct bundle_file *fixture_file(struct fixture *fixture, const char *path)
{
	for (size_t i = 0; i < fixture->bundle.n_files; i++)
		if (strcmp(fixture->files[i].path, path) == 0)
			return &fixture->files[i];
	return NULL;
}

/* Files are in the order of their roles, as those of a bundle that was read. */
FIXTURE int fixture_order(const void *a, const void *b)
{
	const struct bundle_file *x = a, *y = b;
	int order = (x->role > y->role) - (x->role < y->role);

	return order ? order : bytes_compare(x->name, y->name);
}

FIXTURE void fixture_put(struct fixture *fixture, const char *path, struct bytes contents)
{
	struct bundle_file *file = fixture_file(fixture, path);
	struct bytes copy = test_copy(contents);

	if (file) {
		test_drop(file->contents);
		file->contents = copy;
		return;
	}
	assert_true(fixture->bundle.n_files < FIXTURE_FILES);
	file = &fixture->files[fixture->bundle.n_files++];
	file->path = path;
	file->role = bundle_role_of(bytes_of_string(path), &file->name);
	file->contents = copy;
	qsort(fixture->files, fixture->bundle.n_files, sizeof(*file), fixture_order);
}

FIXTURE void fixture_remove(struct fixture *fixture, const char *path)
{
	struct bundle_file *file = fixture_file(fixture, path);

	assert_non_null(file);
	test_drop(file->contents);
	memmove(file, file + 1,
		(size_t)(fixture->files + --fixture->bundle.n_files - file) * sizeof(*file));
}

FIXTURE void fixture_add(struct fixture *fixture, const char *capture, const char *path)
{
	char whole[256];
	struct bytes contents;

	snprintf(whole, sizeof(whole), "%s%s/%s", CAPTURES, capture, path);
	contents = test_file(whole);
	fixture_put(fixture, path, contents);
	test_drop(contents);
}

FIXTURE void fixture_anchor(struct fixture *fixture, const char *capture, const char *path)
{
	struct error err = { 0 };
	struct hasher *hasher;
	struct bytes contents;
	char whole[256];

	snprintf(whole, sizeof(whole), "%s%s/%s", CAPTURES, capture, path);
	contents = test_file(whole);
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(quote_key_parse(contents, whole, hasher,
					 &fixture->anchors[fixture->setup.n_anchors].key, &err),
			 0);
	hasher_free(hasher);
	test_drop(contents);
	fixture->anchors[fixture->setup.n_anchors].path = "operator.pub";
	fixture->anchors[fixture->setup.n_anchors].by = "--ak";
	fixture->setup.anchors = fixture->anchors;
	fixture->setup.n_anchors++;
}

/* --- golden values ------------------------------------------------------------------------------ */

/* Changes of the golden values, from "everything in the log is in package pkg-1 of release R". */
struct golden_plan {
	const char *leave_out;   /* this path is in no package */
	const char *other_bytes; /* this path is there with other bytes */
	const char *older;       /* this path's bytes are in release OLD, other ones in R */
	const char *moved_from;  /* the bytes of this path ... */
	const char *moved_to;    /* ... are there under this one only */
	bool moved_is_program;
	const char *sha512_only; /* this path has a digest of another algorithm only */
	const char *with_blank;  /* this path ... */
	const char *blank_name;  /* ... is called that in its package */
};

FIXTURE bool fixture_is(struct bytes path, const char *name)
{
	return name && bytes_equal_string(path, name);
}

FIXTURE void golden_add(struct db *db, struct bytes path, const struct digest *digest, bool program)
{
	struct golden_file file = { .path = path,
				    .mode = program ? 0100755 : 0100644,
				    .size = 1,
				    .kind = program ? KIND_EXECUTABLE : KIND_OTHER,
				    .executable = program,
				    .digests = digest,
				    .n_digests = 1 };
	struct error err = { 0 };

	if (db_import_file(db, &file, &err) < 0)
		fail_msg("%s", err.message);
}

/* All entries of an IMA log go into one artifact of a release. old: only what is in release OLD. */
FIXTURE void golden_fill(struct db *db, struct bytes log, const struct golden_plan *plan, bool old)
{
	struct artifact artifact = { .kind = ARTIFACT_RPM,
				     .name = bytes_of_string(old ? "pkg-0.x86_64" : "pkg-1.x86_64"),
				     .package = bytes_of_string("pkg"),
				     .evr = bytes_of_string(old ? "0" : "1"),
				     .arch = bytes_of_string("x86_64") };
	struct ima_list *list = NULL;
	struct error err = { 0 };
	struct hasher *hasher;
	struct record record;

	assert_int_equal(hasher_new(&hasher, &err), 0);
	digest_init(&artifact.digest, ALG_SHA256,
		    bytes_of(old ? "01234567890123456789012345678901"
				 : "abcdefghijabcdefghijabcdefghijab",
			     32));
	if (db_import_begin(db, old ? "OLD" : "R", &artifact, 1u << ALG_SHA256, &err) != 1)
		fail_msg("%s", err.message);
	assert_int_equal(ima_list_open(log, "log", hasher, &list, &err), 0);
	while (ima_list_next(list, &record, &err) > 0) {
		struct ima_entry entry;
		struct digest digest;
		struct bytes path;
		bool program;

		ima_entry_parse(list, &record, &entry);
		path = entry.path;
		program = bytes_start_with(path, bytes_of_string("/usr/bin/"));
		if (entry.is_violation || path.size == 0 || path.data[0] != '/' ||
		    !digest_init(&digest, entry.digest.alg, entry.digest.value) ||
		    fixture_is(path, plan->leave_out))
			continue;
		if (old != fixture_is(path, plan->older) && old)
			continue;
		if (fixture_is(path, plan->other_bytes) || (!old && fixture_is(path, plan->older)))
			digest.value[0] ^= 1;
		if (fixture_is(path, plan->moved_from)) {
			path = bytes_of_string(plan->moved_to);
			program = plan->moved_is_program;
		}
		if (fixture_is(path, plan->with_blank))
			path = bytes_of_string(plan->blank_name);
		if (fixture_is(path, plan->sha512_only))
			hasher_digest_bytes(hasher, ALG_SHA512, path, &digest, &err);
		golden_add(db, path, &digest, program);
	}
	ima_list_free(list);
	if (db_import_commit(db, &err) < 0)
		fail_msg("%s", err.message);
	hasher_free(hasher);
}

FIXTURE void fixture_golden(struct fixture *fixture, const struct golden_plan *plan,
			    const char *const *releases, size_t n_releases)
{
	static const struct golden_plan plain;
	struct bytes log = fixture_file(fixture, "binary_runtime_measurements")->contents;
	struct error err = { 0 };
	struct db *db = NULL;
	int fd;

	if (!plan)
		plan = &plain;
	snprintf(fixture->db_path, sizeof(fixture->db_path), "/tmp/assay-test-XXXXXX");
	fd = mkstemp(fixture->db_path);
	assert_true(fd >= 0);
	close(fd);
	unlink(fixture->db_path);
	if (db_open(fixture->db_path, DB_IMPORT, &db, &err) < 0)
		fail_msg("%s", err.message);
	golden_fill(db, log, plan, false);
	if (plan->older)
		golden_fill(db, log, plan, true);
	if (db_import_finish(db, &err) < 0)
		fail_msg("%s", err.message);
	db_close(db);
	if (db_open(fixture->db_path, DB_READ, &fixture->db, &err) < 0 ||
	    golden_load(fixture->db, releases, n_releases, &fixture->golden, &err) < 0)
		fail_msg("%s", err.message);
	fixture->setup.golden = fixture->golden;
	fixture->setup.db_path = fixture->db_path;
	fixture->setup.releases = releases;
	fixture->setup.n_releases = n_releases;
}

/* --- the bundle --------------------------------------------------------------------------------- */

/* One capture's logs, and the quote of that name ("", "-multi", "-ecc") with its key. */
FIXTURE void fixture_init(struct fixture *fixture, const char *capture, const char *quote)
{
	static const char *const logs[] = { "binary_bios_measurements",
					    "binary_runtime_measurements", "cmdline" };
	static const char *const names[3][4] = {
		{"quote.msg",        "quote.sig",       "quote.pcrs",       "ak.pub"      },
		{ "quote-multi.msg", "quote-multi.sig", "quote-multi.pcrs", "ak-multi.pub"},
		{ "quote-ecc.msg",   "quote-ecc.sig",   "quote-ecc.pcrs",   "ak-ecc.pub"  },
	};
	const char *const *row = names[*quote == 0 ? 0 : quote[1] == 'm' ? 1 : 2];
	struct error err = { 0 };

	memset(fixture, 0, sizeof(*fixture));
	fixture->bundle.name = "bundle";
	fixture->bundle.files = fixture->files;
	for (size_t i = 0; i < 3; i++)
		fixture_add(fixture, capture, logs[i]);
	for (size_t i = 0; i < 4; i++)
		fixture_add(fixture, capture, row[i]);
	assert_int_equal(policy_new(&fixture->policy, &err), 0);
	fixture->setup.policy = fixture->policy;
}

FIXTURE void fixture_clear(struct fixture *fixture)
{
	while (fixture->bundle.n_files)
		fixture_remove(fixture, fixture->files[0].path);
	for (size_t i = 0; i < fixture->setup.n_anchors; i++)
		quote_key_free(fixture->anchors[i].key);
	golden_free(fixture->golden);
	db_close(fixture->db);
	policy_free(fixture->policy);
	if (*fixture->db_path)
		unlink(fixture->db_path);
	memset(fixture, 0, sizeof(*fixture));
}

FIXTURE struct report *fixture_audit(struct fixture *fixture)
{
	struct report *report = NULL;
	struct error err = { 0 };
	struct worker *worker;

	assert_int_equal(worker_new(&fixture->setup, &worker, &err), 0);
	if (audit_bundle(worker, &fixture->bundle, &report, &err) < 0)
		fail_msg("%s: %s", err.source, err.message);
	worker_free(worker);
	return report;
}

/* Codes of the findings, each once, in the order of the report: "pcr.mismatch ima.unattested". */
FIXTURE void fixture_codes(const struct report *report, char *out, size_t out_size)
{
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; i < report->n_findings; i++) {
		const char *code = finding_kind(report->findings[i].code)->code;
		const char *known = strstr(out, code);

		if (known && (known[strlen(code)] == ' ' || known[strlen(code)] == '\0'))
			continue;
		n += (size_t)snprintf(out + n, out_size - n, "%s%s", n ? " " : "", code);
	}
}

#define BOOT "binary_bios_measurements"
#define IMA  "binary_runtime_measurements"

/* A program that every capture ran. */
#define FILE_PATH "/usr/bin/wc"

/* Changes the lowest bit of a byte of a file; a negative place counts from its end. */
static inline void flip(struct fixture *fixture, const char *path, long at)
{
	struct bundle_file *file = fixture_file(fixture, path);
	size_t offset = at < 0 ? file->contents.size - (size_t)-at : (size_t)at;

	((uint8_t *)(uintptr_t)file->contents.data)[offset] ^= 1;
}

#endif
