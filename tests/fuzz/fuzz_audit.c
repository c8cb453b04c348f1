/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole audit of a bundle in memory, rendered as text and as JSON. The input is files one after the
 * other: u8 which (names below), u24 size, bytes. The bundle's own keys count as the operator's.
 */
#include "audit/judge.h"
#include "audit/render.h"
#include "core/own.h"
#include "tests/fuzz/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
	"binary_bios_measurements",
	"binary_runtime_measurements",
	"ascii_runtime_measurements",
	"binary_runtime_measurements_sha256",
	"quote.msg",
	"quote.sig",
	"quote.pcrs",
	"ak.pub",
	"ak.pem",
	"ak.name",
	"nonce",
	"cmdline",
	"quote-b.msg",
	"quote-b.sig",
	"quote-b.pcrs",
	"ak-b.pub",
	"tpm2-measure.log",
	"policy",
};

#define FILES_MAX 24

struct evidence {
	struct bundle bundle;
	struct bundle_file files[FILES_MAX];
	struct policy *policy;
	struct anchor anchors[FILES_MAX];
	size_t n_anchors;
};

static int by_role(const void *a, const void *b)
{
	const struct bundle_file *x = a, *y = b;
	int order = (x->role > y->role) - (x->role < y->role);

	return order ? order : bytes_compare(x->name, y->name);
}

static void read_files(struct evidence *out, struct reader *in)
{
	struct bundle *bundle = &out->bundle;
	struct error err;

	bundle->name = "fuzz";
	bundle->files = out->files;
	while (reader_left(in) >= 4 && bundle->n_files < FILES_MAX) {
		struct bundle_file *file = &out->files[bundle->n_files];
		uint8_t which = reader_u8(in);
		size_t size = reader_le16(in);

		size |= (size_t)reader_u8(in) << 16;
		size = size < reader_left(in) ? size : reader_left(in);
		file->path = names[which % ARRAY_SIZE(names)];
		file->contents = reader_bytes(in, size);
		if (strcmp(file->path, "policy") == 0) {
			if (!out->policy)
				(void)policy_parse(file->contents, "policy", &out->policy, &err);
			continue;
		}
		file->role = bundle_role_of(bytes_of_string(file->path), &file->name);
		if (!bundle_find(bundle, file->role, file->name))
			bundle->n_files++;
	}
	qsort(out->files, bundle->n_files, sizeof(*out->files), by_role);
}

static void read_anchors(struct evidence *evidence, struct hasher *hasher)
{
	struct error err;

	for (size_t i = 0; i < evidence->bundle.n_files; i++) {
		const struct bundle_file *file = &evidence->files[i];
		struct anchor *anchor = &evidence->anchors[evidence->n_anchors];

		if (file->role != ROLE_AK_PUB ||
		    quote_key_parse(file->contents, file->path, hasher, &anchor->key, &err) < 0)
			continue;
		anchor->path = file->path;
		anchor->by = "--ak";
		evidence->n_anchors++;
	}
}

static struct db *golden_db;
static struct golden *golden;
static char golden_file_path[128];

static void forget_golden(void)
{
	golden_free(golden);
	db_close(golden_db);
	scratch_remove(golden_file_path);
}

/* Golden values of one file; made once. */
static struct golden *golden_values(void)
{
	const char *kept = golden_file_path;
	const char *content = "a tool\n";
	struct digest digest[2];
	struct artifact artifact = {
		.kind = ARTIFACT_TREE,
		.digest = {.alg = ALG_SHA256, .size = 32},
		.name = bytes_of_string("tools")
	};
	struct golden_file file = { .path = bytes_of_string("/usr/bin/tool"),
				    .mode = 0100755,
				    .size = 7,
				    .kind = KIND_EXECUTABLE,
				    .executable = true,
				    .digests = digest,
				    .n_digests = 2 };
	struct hasher *hasher = NULL;
	struct db *db = NULL;
	struct error err;

	if (!golden) {
		snprintf(golden_file_path, sizeof(golden_file_path), "%s",
			 scratch_write("golden", bytes_of("", 0)));
		atexit(forget_golden);
		if (hasher_new(&hasher, &err) < 0 ||
		    hasher_digest_bytes(hasher, ALG_SHA1, bytes_of_string(content), &digest[0],
					&err) < 0 ||
		    hasher_digest_bytes(hasher, ALG_SHA256, bytes_of_string(content), &digest[1],
					&err) < 0 ||
		    db_open(kept, DB_IMPORT, &db, &err) < 0 ||
		    db_import_begin(db, "r", &artifact, 1u << ALG_SHA1 | 1u << ALG_SHA256, &err) !=
			    1 ||
		    db_import_file(db, &file, &err) < 0 || db_import_commit(db, &err) < 0 ||
		    db_import_finish(db, &err) < 0)
			abort();
		db_close(db);
		if (db_open(kept, DB_READ, &golden_db, &err) < 0 ||
		    golden_load(golden_db, NULL, 0, &golden, &err) < 0)
			abort();
		hasher_free(hasher);
	}
	return golden;
}

static void render(const struct report *report)
{
	const struct render_options options = { .verbose = true, .single = true };
	struct buf text = BUF_INIT;

	render_bundle_text(report, &options, &text);
	for (size_t i = 0; i < text.size; i++)
		/* No terminal obeys a report. */
		if (text.data[i] < ' ' && text.data[i] != '\n')
			abort();
	buf_clear(&text);
	render_bundle_json(report, &options, &text);
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader in = reader_of(bytes_of(data, size), 0, "fuzz");
	struct audit_setup setup = { 0 };
	struct evidence evidence = { 0 };
	struct worker *worker = NULL;
	struct report *report = NULL;
	struct error err;

	setup.golden = golden_values();
	setup.db_path = golden_file_path;
	if (worker_new(&setup, &worker, &err) < 0)
		abort();
	read_files(&evidence, &in);
	read_anchors(&evidence, worker->hasher);
	if (!evidence.policy && policy_new(&evidence.policy, &err) < 0)
		abort();
	setup.policy = evidence.policy;
	setup.anchors = evidence.anchors;
	setup.n_anchors = evidence.n_anchors;
	if (audit_bundle(worker, &evidence.bundle, &report, &err) < 0)
		abort();
	render(report);
	/* Nothing passes without a quote that some key verifies. */
	if (report->verdict == VERDICT_PASS && report->coverage.quoted_banks == 0)
		abort();
	report_free(report);
	for (size_t i = 0; i < evidence.n_anchors; i++)
		quote_key_free(evidence.anchors[i].key);
	policy_free(evidence.policy);
	worker_free(worker);
	return 0;
}
