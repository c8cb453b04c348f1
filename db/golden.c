/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * golden: what db.h says of it. Loading reads the prints of the chosen releases' files into a set
 * (golden_set.h), which tells the files that are what they should be. The table (golden_table.h) that
 * tells more of the others is loaded when the first of them is asked about.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "db/golden_set.h"
#include "db/golden_table.h"
#include "db/internal.h"

/* Files that wait for the memory that they will touch. */
#define BATCH 32

/* Artifacts whose prints are read, then checked side by side; bytes that are enough of them. */
#define STAGE_ROWS 16
#define STAGE_SIZE ((size_t)256 << 10)

/* A manifest that is to be loaded. */
struct source {
	int64_t id; /* of the content */
	uint8_t marks;
	uint32_t n_files;
};

struct golden {
	struct db *db; /* borrowed */
	size_t n_files;
	struct golden_set *known; /* owned */
	char **names;             /* owned; the chosen releases; none: all */
	size_t n_names;
	pthread_mutex_t lock;                 /* held by who loads the table */
	_Atomic(struct golden_table *) table; /* owned; NULL until then */
};

static bool is_chosen(const struct golden *golden, const char *release)
{
	for (size_t i = 0; i < golden->n_names; i++)
		if (strcmp(release, golden->names[i]) == 0)
			return true;
	return golden->n_names == 0;
}

/* --- the set ------------------------------------------------------------------------------------- */

/* An artifact of the chosen releases. */
struct wanted {
	int64_t id;
	uint32_t n; /* how many of them hold it */
};

struct wanted_list {
	struct wanted *items; /* owned */
	size_t n_items;
};

static void wanted_clear(struct wanted_list *list)
{
	free(list->items);
}

static int wanted_compare(const void *a, const void *b)
{
	int64_t left = ((const struct wanted *)a)->id, right = ((const struct wanted *)b)->id;

	return left < right ? -1 : left > right;
}

static int wanted_add(struct wanted_list *list, struct db *db, const struct release *release,
		      struct error *err)
{
	AUTO(own_free) int64_t *numbers = NULL;
	size_t size;
	struct wanted *larger;

	if (release_numbers(db, release, &numbers, err) < 0)
		return -1;
	if (!size_add(list->n_items, release->n_artifacts + 1, &size) ||
	    !size_mul(size, sizeof(*larger), &size) || !(larger = realloc(list->items, size)))
		return error_memory(err, db->path);
	list->items = larger;
	for (size_t i = 0; i < release->n_artifacts; i++)
		list->items[list->n_items++] = (struct wanted){ numbers[i], 1 };
	return 0;
}

/* The artifacts of the chosen releases, each once, in the order of their numbers. */
static int wanted_read(const struct golden *golden, struct wanted_list *out, struct error *err)
{
	AUTO(release_list_clear) struct release_list releases = { .text = BUF_INIT };
	struct db *db = golden->db;
	size_t n = 0, n_chosen = 0;

	if (release_names_read(db, &releases, err) < 0)
		return -1;
	for (size_t i = 0; i < golden->n_names; i++)
		if (!release_list_find(db, &releases, golden->names[i], err))
			return -1;
	for (size_t i = 0; i < releases.n_items; i++) {
		if (!is_chosen(golden, releases.items[i].name))
			continue;
		n_chosen++;
		if (wanted_add(out, db, &releases.items[i], err) < 0)
			return -1;
	}
	if (n_chosen < 2) /* in order already, and none twice */
		return 0;
	qsort(out->items, out->n_items, sizeof(*out->items), wanted_compare);
	for (size_t i = 0; i < out->n_items; i++) {
		if (n && out->items[n - 1].id == out->items[i].id)
			out->items[n - 1].n++;
		else
			out->items[n++] = out->items[i];
	}
	out->n_items = n;
	return 0;
}

/* Rows of prints that were read and not checked yet. */
struct stage {
	struct golden *golden;
	size_t n_wanted; /* rows in all */
	size_t n_done;
	size_t n_prints;   /* in those */
	size_t n_possible; /* that a file of this size can have */
	const struct wanted *rows[STAGE_ROWS];
	size_t sizes[STAGE_ROWS];
	struct digest digests[STAGE_ROWS]; /* as the rows state them */
	size_t n;
	struct buf bytes;
};

static void stage_clear(struct stage *stage)
{
	buf_clear(&stage->bytes);
}

/* Room for the prints of a row, and then for as many as all rows will have by those so far. */
static int make_room(struct stage *stage, size_t n, struct error *err)
{
	size_t so_far = stage->n_prints + n, expected;

	expected = (size_t)((double)so_far / (double)(stage->n_done + 1) * 1.1 *
			    (double)stage->n_wanted);
	if (expected > stage->n_possible)
		expected = stage->n_possible;
	return golden_set_reserve(stage->golden->known, n, expected, err);
}

static int row_load(struct stage *stage, const struct wanted *row, struct bytes blob,
		    struct error *err)
{
	struct db *db = stage->golden->db;
	struct prints prints;
	size_t n;

	if (prints_decode(blob, db->path, &prints, err) < 0)
		return -1;
	n = prints.prints.size / PRINT_SIZE;
	if (prints.artifact != (uint64_t)row->id)
		return db_damaged(db, err, "artifact %" PRId64 " has the prints of another",
				  row->id);
	if (make_room(stage, n, err) < 0)
		return -1;
	golden_set_add(stage->golden->known, prints.prints.data, n);
	stage->golden->n_files += (size_t)prints.n_files * row->n;
	stage->n_prints += n;
	stage->n_done++;
	return 0;
}

/* Checks the rows at hand and takes their prints. */
static int stage_flush(struct stage *stage, struct error *err)
{
	struct digest digests[STAGE_ROWS], *const out[] = {
		[ALG_SHA1] = NULL, [ALG_SHA256] = digests
	};
	struct bytes messages[STAGE_ROWS];
	struct db *db = stage->golden->db;
	size_t at = 0;

	for (size_t i = 0; i < stage->n; at += stage->sizes[i++])
		messages[i] = bytes_of(stage->bytes.data + at, stage->sizes[i]);
	if (hasher_digest_batch(db->hasher, 1u << ALG_SHA256, messages, stage->n, out, err) < 0)
		return -1;
	for (size_t i = 0; i < stage->n; i++) {
		if (!digest_equal(&digests[i], &stage->digests[i]))
			return db_damaged(db, err,
					  "the prints of artifact %" PRId64
					  " do not match their digest",
					  stage->rows[i]->id);
		if (row_load(stage, stage->rows[i], messages[i], err) < 0)
			return -1;
	}
	stage->n = stage->bytes.size = 0;
	return 0;
}

static int stage_add(struct stage *stage, const struct wanted *row, sqlite3_stmt *stmt,
		     struct error *err)
{
	struct db *db = stage->golden->db;
	struct bytes blob = column_bytes(stmt, 2);

	if (!digest_init(&stage->digests[stage->n], ALG_SHA256, column_bytes(stmt, 1)))
		return db_damaged(db, err, "the prints of artifact %" PRId64 " have no digest",
				  row->id);
	buf_append(&stage->bytes, blob);
	if (buf_finish(&stage->bytes, err) < 0)
		return -1;
	stage->sizes[stage->n] = blob.size;
	stage->rows[stage->n++] = row;
	return stage->n == STAGE_ROWS || stage->bytes.size >= STAGE_SIZE ? stage_flush(stage, err)
									 : 0;
}

static int set_load(struct golden *golden, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(golden->db, SQL_PRINTS, err);
	AUTO(wanted_clear) struct wanted_list wanted = { NULL, 0 };
	AUTO(stage_clear) struct stage stage = { .golden = golden, .bytes = BUF_INIT };

	struct stat st;

	if (!stmt || wanted_read(golden, &wanted, err) < 0)
		return -1;
	if (fstat(golden->db->lock_fd, &st) < 0)
		return error_errno(err, ERROR_INPUT, golden->db->path, errno, "cannot inspect");
	stage.n_wanted = wanted.n_items;
	stage.n_possible = (size_t)st.st_size / PRINT_SIZE;
	for (size_t i = 0; i < wanted.n_items; i++) {
		const struct wanted *row = &wanted.items[i];
		int64_t id;

		do {
			int found = db_step(golden->db, stmt, err);

			if (found < 0)
				return -1;
			id = found ? sqlite3_column_int64(stmt, 0) : INT64_MAX;
		} while (id < row->id);
		if (id != row->id)
			return db_damaged(golden->db, err,
					  "the prints of artifact %" PRId64 " are missing",
					  row->id);
		if (stage_add(&stage, row, stmt, err) < 0)
			return -1;
	}
	return stage_flush(&stage, err);
}

static int names_copy(struct golden *golden, const char *const *releases, size_t n,
		      struct error *err)
{
	golden->names = calloc(n + 1, sizeof(*golden->names));
	for (; golden->names && golden->n_names < n; golden->n_names++) {
		golden->names[golden->n_names] = strdup(releases[golden->n_names]);
		if (!golden->names[golden->n_names])
			break;
	}
	return golden->names && golden->n_names == n ? 0 : error_memory(err, golden->db->path);
}

int golden_load(struct db *db, const char *const *releases, size_t n_releases, struct golden **out,
		struct error *err)
{
	AUTO(golden_freep) struct golden *golden = calloc(1, sizeof(*golden));

	if (!golden)
		return error_memory(err, db->path);
	pthread_mutex_init(&golden->lock, NULL);
	golden->db = db;
	if (names_copy(golden, releases, n_releases, err) < 0 ||
	    golden_set_new(&golden->known, err) < 0 || set_load(golden, err) < 0)
		return -1;
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
	for (size_t i = 0; i < golden->n_names; i++)
		free(golden->names[i]);
	free(golden->names);
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

void golden_expect(const struct golden *golden, const uint8_t *const *sha256, size_t n,
		   struct golden_fingerprint *out)
{
	golden_set_expect(golden->known, sha256, n, out);
}

bool golden_has(const struct golden *golden, const struct golden_fingerprint *fingerprint)
{
	return golden_set_has(golden->known, fingerprint);
}

/* Looks up what is in the batch: of the queries with these numbers. */
static int ask(const struct golden *golden, struct print_batch *batch, const size_t *numbers,
	       struct hasher *hasher, bool *known, struct error *err)
{
	struct golden_fingerprint fingerprints[PRINTS_BATCH];
	const uint8_t *prints[PRINTS_BATCH];

	if (prints_compute(batch, hasher, err) < 0)
		return -1;
	for (size_t i = 0; i < batch->n; i++)
		prints[i] = batch->digests[i].value;
	golden_set_expect(golden->known, prints, batch->n, fingerprints);
	for (size_t i = 0; i < batch->n; i++)
		known[numbers[i]] = golden_set_has(golden->known, &fingerprints[i]);
	prints_clear(batch);
	return 0;
}

int golden_known(const struct golden *golden, struct hasher *hasher,
		 const struct golden_query *queries, size_t n, bool *known, struct error *err)
{
	uint8_t room[GOLDEN_PATH_MAX];
	struct print_batch batch;
	size_t numbers[PRINTS_BATCH];

	prints_clear(&batch);
	for (size_t i = 0; i < n; i++) {
		const struct digest *digest = &queries[i].digest;
		struct bytes path = path_canonical(queries[i].path, room);

		known[i] = false;
		if (digest->alg >= ALG_COUNT || digest->size != alg_size(digest->alg) ||
		    path.size >= GOLDEN_PATH_MAX)
			continue;
		if (!prints_add(&batch, path, digest->alg, digest->value)) {
			if (ask(golden, &batch, numbers, hasher, known, err) < 0)
				return -1;
			prints_add(&batch, path, digest->alg, digest->value);
		}
		numbers[batch.n - 1] = i;
	}
	return ask(golden, &batch, numbers, hasher, known, err);
}

/* --- sources ------------------------------------------------------------------------------------- */

static int source_compare(const void *a, const void *b)
{
	int64_t left = ((const struct source *)a)->id, right = ((const struct source *)b)->id;

	return left < right ? -1 : left > right;
}

struct source_list {
	struct source *items; /* owned; in the order of their numbers */
	size_t n_items;
};

static void sources_clear(struct source_list *list)
{
	free(list->items);
}

/* Each manifest of any release once. */
static int sources_read(const struct golden *golden, struct source_list *out, struct error *err)
{
	struct db *db = golden->db;
	AUTO(artifact_list_clear) struct artifact_list artifacts = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list releases = { .text = BUF_INIT };
	struct source *sources;
	size_t n = 0;

	if (artifacts_read(db, &artifacts, err) < 0 ||
	    releases_read(db, &artifacts, &releases, err) < 0)
		return -1;
	sources = out->items = calloc(artifacts.n_items + 1, sizeof(*sources));
	if (!sources)
		return error_memory(err, db->path);
	for (size_t i = 0; i < artifacts.n_items; i++) {
		sources[i].id = artifacts.items[i].manifest;
		sources[i].n_files = (uint32_t)artifacts.items[i].n_files;
	}
	for (size_t i = 0; i < releases.n_items; i++) {
		const struct release *release = &releases.items[i];
		uint8_t mark = is_chosen(golden, release->name) ? MARK_CHOSEN : MARK_OTHER;

		for (size_t k = 0; k < release->n_artifacts; k++)
			sources[release->artifacts[k]].marks |= mark;
	}
	qsort(sources, artifacts.n_items, sizeof(*sources), source_compare);
	for (size_t i = 0; i < artifacts.n_items; i++) {
		if (n && sources[n - 1].id == sources[i].id)
			sources[n - 1].marks |= sources[i].marks;
		else
			sources[n++] = sources[i];
	}
	out->n_items = n;
	return 0;
}

/* Files that the sources of chosen releases have. */
static size_t sources_n_files(const struct source_list *sources)
{
	size_t n = 0;

	for (size_t i = 0; i < sources->n_items; i++)
		if (sources->items[i].marks & MARK_CHOSEN)
			n += sources->items[i].n_files;
	return n;
}

/* --- the table ----------------------------------------------------------------------------------- */

/* Files on their way into the table. */
struct table_taker {
	struct golden_table *table; /* borrowed */
	struct golden_candidate files[BATCH];
	size_t n;
	uint8_t paths[BATCH * GOLDEN_PATH_MAX];
	size_t paths_size;
};

static int table_flush(struct table_taker *taker, struct error *err)
{
	size_t n = taker->n;

	taker->n = taker->paths_size = 0;
	return golden_table_add(taker->table, taker->files, n, err);
}

static int table_take(struct table_taker *taker, const struct source *source,
		      const struct manifest_file *file, struct bytes path, struct error *err)
{
	struct golden_candidate *candidate;

	if (taker->n == BATCH && table_flush(taker, err) < 0)
		return -1;
	candidate = &taker->files[taker->n++];
	candidate->path = bytes_of(taker->paths + taker->paths_size, path.size);
	memcpy(taker->paths + taker->paths_size, path.data, path.size);
	taker->paths_size += path.size;
	candidate->algs = file->algs;
	candidate->digests = file->algs ? file->digests[__builtin_ctz(file->algs)] : NULL;
	candidate->marks = source->marks;
	if (file->flags & MANIFEST_EXECUTABLE)
		candidate->marks |= MARK_EXECUTABLE;
	candidate->flags = (uint8_t)(file->flags & (FILE_CONFIG | FILE_DOC | FILE_GHOST));
	candidate->tag = golden_table_tag(taker->table, candidate->path);
	golden_table_expect(taker->table, candidate->tag);
	return 0;
}

static int manifest_load(struct table_taker *taker, const struct source *source, struct bytes blob,
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
		    table_take(taker, source, &file, path_canonical(file.path, room), err) < 0)
			return -1;
	/* The manifest goes, and with it the digests. */
	return found < 0 ? -1 : table_flush(taker, err);
}

static int table_load(const struct golden *golden, struct golden_table **out, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(golden->db, SQL_CONTENTS, err);
	AUTO(own_free) struct table_taker *taker = calloc(1, sizeof(*taker));
	AUTO(golden_table_freep) struct golden_table *table = NULL;
	AUTO(sources_clear) struct source_list sources = { NULL, 0 };

	if (!taker)
		return error_memory(err, golden->db->path);
	if (!stmt || sources_read(golden, &sources, err) < 0 ||
	    golden_table_new(sources_n_files(&sources), &table, err) < 0)
		return -1;
	taker->table = table;
	for (size_t i = 0; i < sources.n_items; i++) {
		const struct source *source = &sources.items[i];
		struct bytes blob;

		if (source->marks &&
		    (content_next(golden->db, stmt, source->id, &blob, err) < 0 ||
		     manifest_load(taker, source, blob, golden->db->path, err) < 0))
			return -1;
	}
	if (golden_table_finish(table, err) < 0)
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
