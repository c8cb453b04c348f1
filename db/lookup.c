/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* qsort_r */
#include "db/hash.h"

#include "core/array.h"
#include "db/internal.h"

/*
 * Which artifacts have a path or a digest. Made by the first look-up from all
 * manifests, each checked against its digest, so that "nowhere" is certain too.
 * A reference says which artifact; its manifest is then read again for the rest.
 */
struct reference {
	uint32_t tag;
	uint32_t artifact; /* index */
};

/* References in groups by the upper bits of their tags. */
struct reference_table {
	struct reference *items; /* owned */
	size_t n_items, size;
	uint32_t *groups; /* owned; where each begins, and where the last ends */
	unsigned shift;   /* of a tag, to get its group */
};

struct finder {
	struct hash_key key;
	struct artifact_list artifacts;
	struct release_list releases;
	struct reference_table paths, digests;
};

/* A file that was found. Its bytes are in struct findings' text. */
struct finding {
	uint32_t release, artifact;
	size_t path, path_size, digests;
	uint64_t size;
	enum file_kind kind;
	uint32_t flags;
	alg_set algs;
};

struct findings {
	const struct finder *finder;
	struct finding *items; /* owned */
	size_t n_items, size;
	struct buf text;
};

/* --- making the finder ------------------------------------------------------------------------- */

static int reference_add(struct reference_table *table, uint64_t hash, size_t artifact,
			 struct error *err)
{
	if (table->n_items == table->size) {
		size_t size = table->size ? table->size + table->size / 2 : 4096;
		struct reference *larger = realloc(table->items, size * sizeof(*larger));

		if (!larger)
			return error_memory(err, NULL);
		table->items = larger;
		table->size = size;
	}
	table->items[table->n_items++] =
		(struct reference){ (uint32_t)(hash >> 32), (uint32_t)artifact };
	return 0;
}

/* Sorts by counting: groups of some four references each. */
static int reference_group(struct reference_table *table, struct error *err)
{
	size_t n_groups = 1;
	struct reference *sorted;

	if (table->n_items > UINT32_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "more than %u paths or digests to find", UINT32_MAX);
	table->shift = 32;
	while (n_groups * 4 < table->n_items) {
		n_groups *= 2;
		table->shift--;
	}
	table->groups = calloc(n_groups + 2, sizeof(*table->groups));
	sorted = malloc((table->n_items + 1) * sizeof(*sorted));
	if (!table->groups || !sorted) {
		free(sorted);
		return error_memory(err, NULL);
	}
	/* Two places further on, so that filling a group leaves its beginning one place further on. */
	for (size_t i = 0; i < table->n_items; i++)
		table->groups[((uint64_t)table->items[i].tag >> table->shift) + 2]++;
	for (size_t i = 2; i < n_groups + 2; i++)
		table->groups[i] += table->groups[i - 1];
	for (size_t i = 0; i < table->n_items; i++)
		sorted[table->groups[((uint64_t)table->items[i].tag >> table->shift) + 1]++] =
			table->items[i];
	free(table->items);
	table->items = sorted;
	return 0;
}

static int finder_add(struct finder *finder, size_t artifact, struct bytes blob, const char *name,
		      struct error *err)
{
	uint8_t room[GOLDEN_PATH_MAX];
	struct plain_path plain = { 0 };
	struct manifest_file file;
	struct manifest manifest;
	int found;

	if (manifest_open(&manifest, blob, name, err) < 0)
		return -1;
	while ((found = manifest_next(&manifest, &file, err)) > 0) {
		if (plain_path_next(&plain, &file) &&
		    reference_add(&finder->paths,
				  hash_bytes(&finder->key, path_canonical(file.path, room)),
				  artifact, err) < 0)
			return -1;
		for (enum alg alg = 0; alg < ALG_COUNT; alg++)
			if (file.algs & 1u << alg &&
			    reference_add(&finder->digests,
					  hash_digest(&finder->key, alg, file.digests[alg]),
					  artifact, err) < 0)
				return -1;
	}
	return found;
}

static void finder_freep(struct finder **finder)
{
	finder_free(*finder);
}

static int finder_make(struct db *db, struct finder **out, struct error *err)
{
	AUTO(finder_freep) struct finder *finder = calloc(1, sizeof(*finder));
	AUTO(statement_reset) sqlite3_stmt *stmt = NULL;
	struct bytes blob;

	if (!finder)
		return error_memory(err, db->path);
	if (hash_key_init(&finder->key, err) < 0 ||
	    artifacts_read(db, &finder->artifacts, err) < 0 ||
	    releases_read(db, &finder->artifacts, &finder->releases, err) < 0 ||
	    !(stmt = db_statement(db, SQL_CONTENT, err)))
		return -1;
	for (size_t i = 0; i < finder->artifacts.n_items; i++)
		if (content_read(db, stmt, finder->artifacts.items[i].manifest, &blob, err) < 0 ||
		    finder_add(finder, i, blob, db->path, err) < 0)
			return -1;
	if (reference_group(&finder->paths, err) < 0 || reference_group(&finder->digests, err) < 0)
		return -1;
	*out = TAKE(finder);
	return 0;
}

void finder_free(struct finder *finder)
{
	if (!finder)
		return;
	artifact_list_clear(&finder->artifacts);
	release_list_clear(&finder->releases);
	free(finder->paths.items);
	free(finder->paths.groups);
	free(finder->digests.items);
	free(finder->digests.groups);
	free(finder);
}

/* --- finding ------------------------------------------------------------------------------------ */

static void findings_clear(struct findings *findings)
{
	free(findings->items);
	buf_clear(&findings->text);
}

/* Notes a file once for each release that holds its artifact. */
static int finding_add(struct findings *findings, size_t artifact, const struct manifest_file *file,
		       struct error *err)
{
	const struct release_list *releases = &findings->finder->releases;
	struct finding finding = { .artifact = (uint32_t)artifact,
				   .path = findings->text.size,
				   .path_size = file->path.size,
				   .digests = findings->text.size + file->path.size,
				   .size = file->size,
				   .kind = file->kind,
				   .flags = file->flags,
				   .algs = file->algs };

	buf_append(&findings->text, file->path);
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (file->algs & 1u << alg)
			buf_append(&findings->text, bytes_of(file->digests[alg], alg_size(alg)));
	if (findings->text.failed)
		return error_memory(err, NULL);
	for (size_t i = 0; i < releases->n_items; i++) {
		if (!release_holds(&releases->items[i], (uint32_t)artifact))
			continue;
		if (array_room(&findings->items, findings->n_items, &findings->size,
			       sizeof(*findings->items), NULL, err) < 0)
			return -1;
		finding.release = (uint32_t)i; /* in the order of their names */
		findings->items[findings->n_items++] = finding;
	}
	return 0;
}

/* What is looked for: a canonical path, or a digest. */
struct wanted {
	struct bytes path;
	const struct digest *digest; /* NULL for a path */
};

static bool is_wanted(const struct wanted *wanted, bool plain, const struct manifest_file *file)
{
	uint8_t room[GOLDEN_PATH_MAX];
	const struct digest *digest = wanted->digest;

	if (!digest)
		return plain && bytes_equal(path_canonical(file->path, room), wanted->path);
	return file->algs & 1u << digest->alg &&
	       memcmp(file->digests[digest->alg], digest->value, digest->size) == 0;
}

/* The files of one artifact that are wanted. */
static int find_in(struct db *db, size_t artifact, const struct wanted *wanted,
		   struct findings *findings, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_CONTENT, err);
	struct plain_path plain = { 0 };
	struct manifest_file file;
	struct manifest manifest;
	struct bytes blob;
	int found;

	if (!stmt ||
	    content_read(db, stmt, findings->finder->artifacts.items[artifact].manifest, &blob,
			 err) < 0 ||
	    manifest_open(&manifest, blob, db->path, err) < 0)
		return -1;
	while ((found = manifest_next(&manifest, &file, err)) > 0)
		if (is_wanted(wanted, plain_path_next(&plain, &file), &file) &&
		    finding_add(findings, artifact, &file, err) < 0)
			return -1;
	return found;
}

static int finding_compare(const void *a, const void *b, void *ctx)
{
	const struct finding *left = a, *right = b;
	const struct findings *findings = ctx;
	const struct artifact_row *artifacts = findings->finder->artifacts.items;
	int order;

	if (left->release != right->release)
		return left->release < right->release ? -1 : 1;
	order = bytes_compare(artifacts[left->artifact].artifact.name,
			      artifacts[right->artifact].artifact.name);
	if (order != 0)
		return order;
	if (left->artifact != right->artifact)
		return left->artifact < right->artifact ? -1 : 1;
	return bytes_compare(bytes_of(findings->text.data + left->path, left->path_size),
			     bytes_of(findings->text.data + right->path, right->path_size));
}

static int find_all(struct db *db, const struct wanted *wanted, struct findings *findings,
		    struct error *err)
{
	const struct reference_table *table;
	uint64_t hash;
	size_t group;
	int64_t last = -1;

	/* What an import has added since is not in the finder. */
	if (db->import && db->finder) {
		finder_free(db->finder);
		db->finder = NULL;
	}
	if (!db->finder && finder_make(db, &db->finder, err) < 0)
		return -1;
	findings->finder = db->finder;
	table = wanted->digest ? &db->finder->digests : &db->finder->paths;
	hash = wanted->digest
		       ? hash_digest(&db->finder->key, wanted->digest->alg, wanted->digest->value)
		       : hash_bytes(&db->finder->key, wanted->path);
	group = (size_t)((hash >> 32) >> table->shift);
	/* Counting kept the order of artifacts, so those that have it twice come twice in a row. */
	for (uint32_t i = table->groups[group]; i < table->groups[group + 1]; i++) {
		const struct reference *reference = &table->items[i];

		if (reference->tag != (uint32_t)(hash >> 32) || reference->artifact == last)
			continue;
		last = reference->artifact;
		if (find_in(db, reference->artifact, wanted, findings, err) < 0)
			return -1;
	}
	if (findings->n_items)
		qsort_r(findings->items, findings->n_items, sizeof(*findings->items),
			finding_compare, findings);
	return 0;
}

/* --- telling ------------------------------------------------------------------------------------- */

static int tell(const struct findings *findings, const struct finding *finding, enum alg asked,
		golden_match_fn *fn, void *ctx, struct error *err)
{
	const struct artifact_row *row = &findings->finder->artifacts.items[finding->artifact];
	const uint8_t *at = findings->text.data + finding->digests;
	struct digest digests[ALG_COUNT];
	struct golden_match match = {
		.release = findings->finder->releases.items[finding->release].name,
		.artifact = (const char *)row->artifact.name.data,
		.package = (const char *)row->artifact.package.data,
		.evr = (const char *)row->artifact.evr.data,
		.signer = (const char *)row->artifact.signer.data,
		.signature = row->artifact.signature,
		.path = bytes_of(findings->text.data + finding->path, finding->path_size),
		.digest = { .alg = ALG_NONE },
		.digests = digests,
		.size = finding->size,
		.kind = finding->kind,
		.executable = finding->flags & MANIFEST_EXECUTABLE,
		.flags = finding->flags & (FILE_CONFIG | FILE_DOC | FILE_GHOST),
	};

	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		if (!(finding->algs & 1u << alg))
			continue;
		digest_init(&digests[match.n_digests++], alg, bytes_of(at, alg_size(alg)));
		at += alg_size(alg);
		if (alg == asked || match.digest.alg == ALG_NONE)
			match.digest = digests[match.n_digests - 1];
	}
	return fn(ctx, &match, err);
}

/* Finding is serial, telling is not: fn may look up again. */
static int look_up(struct db *db, const struct wanted *wanted, enum alg asked, golden_match_fn *fn,
		   void *ctx, struct error *err)
{
	AUTO(findings_clear) struct findings findings = { .text = BUF_INIT };
	int status;

	pthread_mutex_lock(&db->serial);
	status = find_all(db, wanted, &findings, err);
	pthread_mutex_unlock(&db->serial);
	for (size_t i = 0; i < findings.n_items && status == 0; i++)
		status = tell(&findings, &findings.items[i], asked, fn, ctx, err);
	return status;
}

int db_lookup_digest(struct db *db, const struct digest *digest, golden_match_fn *fn, void *ctx,
		     struct error *err)
{
	struct wanted wanted = { .digest = digest };

	if (digest->alg >= ALG_COUNT || digest->size != alg_size(digest->alg))
		return 0;
	return look_up(db, &wanted, digest->alg, fn, ctx, err);
}

int db_lookup_path(struct db *db, struct bytes path, golden_match_fn *fn, void *ctx,
		   struct error *err)
{
	char room[GOLDEN_PATH_MAX];
	struct wanted wanted = { 0 };

	if (!golden_path(path, room, sizeof(room)))
		return 0;
	wanted.path = bytes_of_string(room);
	return look_up(db, &wanted, ALG_SHA256, fn, ctx, err);
}

int db_releases(struct db *db, int (*fn)(void *ctx, const char *release, struct error *err),
		void *ctx, struct error *err)
{
	AUTO(artifact_list_clear) struct artifact_list artifacts = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list releases = { .text = BUF_INIT };

	if (artifacts_read(db, &artifacts, err) < 0 ||
	    releases_read(db, &artifacts, &releases, err) < 0)
		return -1;
	for (size_t i = 0; i < releases.n_items; i++)
		if (fn(ctx, releases.items[i].name, err) < 0)
			return -1;
	return 0;
}
