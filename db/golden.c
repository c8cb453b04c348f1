/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * golden: what db.h says of it. Loading makes the set of pairs of path and digest (golden_set.h), which
 * tells the files that are what they should be. The table (golden_table.h) that tells more of
 * the others is loaded when the first of them is asked about.
 */
#include <stdatomic.h>

#include "db/golden_set.h"
#include "db/golden_table.h"
#include "db/internal.h"

/* Files that wait for the memory that they will touch. */
#define BATCH 32

/* A manifest that is to be loaded. */
struct source {
	int64_t id; /* of the content */
	uint8_t marks;
	uint32_t n_chosen; /* chosen releases and artifacts that hold it */
	uint32_t n_files;
};

struct golden {
	struct db *db;          /* borrowed */
	struct source *sources; /* owned; in the order of their numbers */
	size_t n_sources, n_files;
	struct golden_set *known;             /* owned */
	pthread_mutex_t lock;                 /* held by who loads the table */
	_Atomic(struct golden_table *) table; /* owned; NULL until then */
};

/* --- sources ------------------------------------------------------------------------------------- */

static int source_compare(const void *a, const void *b)
{
	int64_t left = ((const struct source *)a)->id, right = ((const struct source *)b)->id;

	return left < right ? -1 : left > right;
}

static bool is_chosen(const char *release, const char *const *releases, size_t n_releases)
{
	for (size_t i = 0; i < n_releases; i++)
		if (strcmp(release, releases[i]) == 0)
			return true;
	return n_releases == 0;
}

/* Each manifest of any release once, in the order of their numbers. */
static int sources_make(struct golden *golden, const char *const *names, size_t n_names,
			struct error *err)
{
	struct db *db = golden->db;
	AUTO(artifact_list_clear) struct artifact_list artifacts = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list releases = { .text = BUF_INIT };
	AUTO(own_free) struct source *sources = NULL;
	size_t n = 0;

	if (artifacts_read(db, &artifacts, err) < 0 ||
	    releases_read(db, &artifacts, &releases, err) < 0)
		return -1;
	for (size_t i = 0; i < n_names; i++)
		if (!release_list_find(db, &releases, names[i], err))
			return -1;
	sources = calloc(artifacts.n_items + 1, sizeof(*sources));
	if (!sources)
		return error_memory(err, db->path);
	for (size_t i = 0; i < artifacts.n_items; i++) {
		sources[i].id = artifacts.items[i].manifest;
		sources[i].n_files = (uint32_t)artifacts.items[i].n_files;
	}
	for (size_t i = 0; i < releases.n_items; i++) {
		const struct release *release = &releases.items[i];
		bool chosen = is_chosen(release->name, names, n_names);

		for (size_t k = 0; k < release->n_artifacts; k++) {
			struct source *source = &sources[release->artifacts[k]];

			source->marks |= chosen ? MARK_CHOSEN : MARK_OTHER;
			source->n_chosen += chosen;
		}
	}
	qsort(sources, artifacts.n_items, sizeof(*sources), source_compare);
	for (size_t i = 0; i < artifacts.n_items; i++) {
		if (n && sources[n - 1].id == sources[i].id) {
			sources[n - 1].marks |= sources[i].marks;
			sources[n - 1].n_chosen += sources[i].n_chosen;
		} else {
			sources[n++] = sources[i];
		}
	}
	golden->sources = TAKE(sources);
	golden->n_sources = n;
	return 0;
}

/* Files that some of the sources have, those with one of these marks. */
static size_t sources_n_files(const struct golden *golden, uint8_t marks)
{
	size_t n = 0;

	for (size_t i = 0; i < golden->n_sources; i++)
		if (golden->sources[i].marks & marks)
			n += golden->sources[i].n_files;
	return n;
}

/* Takes one file; its path is canonical and plain. Borrowed; digests live until flush. */
struct taker {
	int (*take)(struct taker *taker, const struct source *source,
		    const struct manifest_file *file, struct bytes path, struct error *err);
	int (*flush)(struct taker *taker, struct error *err); /* the manifest goes */
};

static int manifest_load(struct taker *taker, const struct source *source, struct bytes blob,
			 const char *name, struct error *err)
{
	uint8_t room[GOLDEN_PATH_MAX];
	struct plain_path plain = { 0 };
	struct manifest_file file;
	struct manifest manifest;
	int found;

	if (manifest_open(&manifest, blob, name, err) < 0)
		return -1;
	while ((found = manifest_next(&manifest, &file, err)) > 0)
		/* No log can name a path that is not plain. */
		if (plain_path_next(&plain, &file) &&
		    taker->take(taker, source, &file, path_canonical(file.path, room), err) < 0)
			return -1;
	return found < 0 ? -1 : taker->flush(taker, err);
}

/* Hands on the files of all sources with one of these marks. */
static int sources_load(struct golden *golden, uint8_t marks, struct taker *taker,
			struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(golden->db, SQL_CONTENTS, err);

	if (!stmt)
		return -1;
	for (size_t i = 0; i < golden->n_sources; i++) {
		const struct source *source = &golden->sources[i];
		struct bytes blob;

		if (source->marks & marks &&
		    (content_next(golden->db, stmt, source->id, &blob, err) < 0 ||
		     manifest_load(taker, source, blob, golden->db->path, err) < 0))
			return -1;
	}
	return 0;
}

/* --- the set ------------------------------------------------------------------------------------- */

struct set_taker {
	struct taker taker;
	struct golden_set *set; /* borrowed */
	struct fingerprint waiting[BATCH];
	size_t n;
};

static int set_flush(struct taker *taker, struct error *err)
{
	struct set_taker *self = (struct set_taker *)taker;

	for (size_t i = 0; i < self->n; i++)
		if (golden_set_add(self->set, &self->waiting[i], err) < 0)
			return -1;
	self->n = 0;
	return 0;
}

static int set_take(struct taker *taker, const struct source *source,
		    const struct manifest_file *file, struct bytes path, struct error *err)
{
	struct set_taker *self = (struct set_taker *)taker;
	alg_set algs = file->algs & ~(alg_set)(1u << ALG_MD5);

	(void)source;
	for (; algs; algs &= algs - 1) {
		enum alg alg = (enum alg)__builtin_ctz(algs);

		if (self->n == BATCH && set_flush(taker, err) < 0)
			return -1;
		self->waiting[self->n] =
			golden_set_fingerprint(self->set, path, alg, file->digests[alg]);
		golden_set_expect(self->set, &self->waiting[self->n++]);
	}
	return 0;
}

int golden_load(struct db *db, const char *const *releases, size_t n_releases, struct golden **out,
		struct error *err)
{
	AUTO(golden_freep) struct golden *golden = calloc(1, sizeof(*golden));
	struct set_taker taker = {
		.taker = {set_take, set_flush}
	};

	if (!golden)
		return error_memory(err, db->path);
	pthread_mutex_init(&golden->lock, NULL);
	golden->db = db;
	if (sources_make(golden, releases, n_releases, err) < 0 ||
	    golden_set_new(sources_n_files(golden, MARK_CHOSEN), &golden->known, err) < 0)
		return -1;
	taker.set = golden->known;
	if (sources_load(golden, MARK_CHOSEN, &taker.taker, err) < 0)
		return -1;
	for (size_t i = 0; i < golden->n_sources; i++)
		golden->n_files += (size_t)golden->sources[i].n_chosen * golden->sources[i].n_files;
	*out = TAKE(golden);
	return 0;
}

void golden_free(struct golden *golden)
{
	if (!golden)
		return;
	golden_set_free(golden->known);
	golden_table_free(atomic_load(&golden->table));
	pthread_mutex_destroy(&golden->lock);
	free(golden->sources);
	free(golden);
}

void golden_freep(struct golden **golden)
{
	golden_free(*golden);
}

size_t golden_n_files(const struct golden *golden)
{
	return golden->n_files;
}

void golden_known(const struct golden *golden, const struct golden_query *queries, size_t n,
		  bool *known)
{
	uint8_t room[GOLDEN_PATH_MAX];
	struct fingerprint fingerprints[BATCH];

	for (size_t done = 0; done < n; done += BATCH) {
		size_t batch = n - done < BATCH ? n - done : BATCH;

		for (size_t i = 0; i < batch; i++) {
			const struct digest *digest = &queries[done + i].digest;
			struct bytes path = path_canonical(queries[done + i].path, room);

			known[done + i] = digest->alg < ALG_COUNT &&
					  digest->size == alg_size(digest->alg) &&
					  path.size < GOLDEN_PATH_MAX;
			if (!known[done + i])
				continue;
			fingerprints[i] = golden_set_fingerprint(golden->known, path, digest->alg,
								 digest->value);
			golden_set_expect(golden->known, &fingerprints[i]);
		}
		for (size_t i = 0; i < batch; i++)
			if (known[done + i])
				known[done + i] = golden_set_has(golden->known, &fingerprints[i]);
	}
}

/* --- the table ----------------------------------------------------------------------------------- */

struct table_taker {
	struct taker taker;
	struct golden_table *table; /* borrowed */
	struct golden_candidate files[BATCH];
	size_t n;
	uint8_t paths[BATCH * GOLDEN_PATH_MAX];
	size_t paths_size;
};

static int table_flush(struct taker *taker, struct error *err)
{
	struct table_taker *self = (struct table_taker *)taker;
	size_t n = self->n;

	self->n = self->paths_size = 0;
	return golden_table_add(self->table, self->files, n, err);
}

static int table_take(struct taker *taker, const struct source *source,
		      const struct manifest_file *file, struct bytes path, struct error *err)
{
	struct table_taker *self = (struct table_taker *)taker;
	struct golden_candidate *candidate;

	if (self->n == BATCH && table_flush(taker, err) < 0)
		return -1;
	candidate = &self->files[self->n++];
	candidate->path = bytes_of(self->paths + self->paths_size, path.size);
	memcpy(self->paths + self->paths_size, path.data, path.size);
	self->paths_size += path.size;
	candidate->algs = file->algs;
	candidate->digests = file->algs ? file->digests[__builtin_ctz(file->algs)] : NULL;
	candidate->marks = source->marks;
	if (file->flags & MANIFEST_EXECUTABLE)
		candidate->marks |= MARK_EXECUTABLE;
	candidate->flags = (uint8_t)(file->flags & (FILE_CONFIG | FILE_DOC | FILE_GHOST));
	candidate->tag = golden_table_tag(self->table, candidate->path);
	golden_table_expect(self->table, candidate->tag);
	return 0;
}

static int table_load(struct golden *golden, struct golden_table **out, struct error *err)
{
	AUTO(own_free) struct table_taker *taker = calloc(1, sizeof(*taker));
	AUTO(golden_table_freep) struct golden_table *table = NULL;
	size_t n_files = sources_n_files(golden, MARK_CHOSEN);

	if (!taker)
		return error_memory(err, golden->db->path);
	taker->taker = (struct taker){ table_take, table_flush };
	if (golden_table_new(n_files, &table, err) < 0)
		return -1;
	taker->table = table;
	if (sources_load(golden, MARK_CHOSEN | MARK_OTHER, &taker->taker, err) < 0 ||
	    golden_table_finish(table, err) < 0)
		return -1;
	*out = TAKE(table);
	return 0;
}

/* Whoever needs it first loads it; the others wait. NULL and *err if that fails. */
static const struct golden_table *table_of(struct golden *golden, struct error *err)
{
	struct golden_table *table = atomic_load_explicit(&golden->table, memory_order_acquire);

	if (table)
		return table;
	pthread_mutex_lock(&golden->lock);
	table = atomic_load_explicit(&golden->table, memory_order_relaxed);
	if (!table && table_load(golden, &table, err) == 0)
		atomic_store_explicit(&golden->table, table, memory_order_release);
	pthread_mutex_unlock(&golden->lock);
	return table;
}

static struct golden_result lookup(const struct golden_table *table, struct bytes path,
				   uint32_t tag, const struct digest *digest)
{
	struct golden_result result = { .answer = GOLDEN_UNKNOWN };
	bool comparable = digest->alg < ALG_COUNT && digest->size == alg_size(digest->alg);
	const struct golden_record *record = golden_table_find(table, path, tag);
	const struct golden_entry *own = NULL;
	uint8_t marks;

	if (record) {
		result.path_known = record->marks & MARK_CHOSEN;
		result.path_elsewhere = record->marks & MARK_OTHER;
		result.path_executable = result.executable = record->marks & MARK_EXECUTABLE;
		result.no_digest_of_alg =
			result.path_known && !(comparable && record->algs & 1u << digest->alg);
		result.flags = record->flags;
		if (comparable)
			own = golden_table_entry(table, record, digest);
	}
	if (own && own->marks & MARK_CHOSEN) {
		result.answer = GOLDEN_KNOWN;
		result.digest_known = true;
		result.executable = own->marks & MARK_EXECUTABLE;
		return result;
	}
	marks = comparable ? golden_table_digest(table, digest) : 0;
	if (marks) {
		result.digest_known = marks & MARK_CHOSEN;
		result.digest_elsewhere = marks & MARK_OTHER;
		result.executable = marks & MARK_EXECUTABLE;
	}
	if (own)
		result.answer = GOLDEN_OTHER_RELEASE;
	else if (result.path_known && !result.no_digest_of_alg)
		result.answer = GOLDEN_OTHER_BYTES;
	else if (result.digest_known)
		result.answer = GOLDEN_OTHER_PATH;
	return result;
}

int golden_lookup(struct golden *golden, struct bytes path, const struct digest *digest,
		  struct golden_result *out, struct error *err)
{
	const struct golden_table *table = table_of(golden, err);
	uint8_t room[GOLDEN_PATH_MAX];

	if (!table)
		return -1;
	/* A path that golden_path refuses needs no telling apart: no record has it. */
	path = path_canonical(path, room);
	*out = lookup(table, path, golden_table_tag(table, path), digest);
	return 0;
}
