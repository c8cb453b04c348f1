/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* qsort_r */
#include "db/diff.h"

#include "core/array.h"
#include "db/internal.h"

enum side { SIDE_FROM, SIDE_TO, SIDES };

/* A file of an artifact that only one of the releases holds. */
struct item {
	size_t path, path_size; /* in the text */
	size_t digests;         /* likewise */
	uint64_t size;
	uint32_t artifact; /* index */
	uint32_t mode;
	alg_set algs;
};

struct items {
	struct item *items; /* owned */
	size_t n_items, size;
};

struct diff_store {
	struct artifact_list artifacts;
	struct release_list releases;
	struct buf text;
	struct items sides[SIDES];
	size_t *package_of; /* owned; of each artifact that only one release holds */
};

const char *change_name(enum change change)
{
	static const char *const names[CHANGE_COUNT] = {
		[CHANGE_ADDED] = "added",          [CHANGE_REMOVED] = "removed",
		[CHANGE_CONTENT] = "changed",      [CHANGE_MODE] = "mode",
		[CHANGE_UNKNOWN] = "incomparable",
	};

	return names[change];
}

static struct bytes item_path(const struct diff_store *store, const struct item *item)
{
	return bytes_of(store->text.data + item->path, item->path_size);
}

/* --- packages -------------------------------------------------------------------------------------- */

static const char *artifact_label(const struct artifact_row *row)
{
	const struct artifact *a = &row->artifact;

	return (const char *)(a->package.size ? a->package : a->name).data;
}

static int label_compare(const void *a, const void *b, void *ctx)
{
	const struct diff_store *store = ctx;
	const struct artifact_row *left = &store->artifacts.items[*(const size_t *)a];
	const struct artifact_row *right = &store->artifacts.items[*(const size_t *)b];
	int order = strcmp(artifact_label(left), artifact_label(right));

	if (order == 0)
		order = bytes_compare(left->artifact.arch, right->artifact.arch);
	if (order == 0)
		order = bytes_compare(left->artifact.evr, right->artifact.evr);
	return order ? order : left->id < right->id ? -1 : left->id > right->id;
}

static void append_evr(struct buf *out, const struct artifact_row *row)
{
	if (out->size)
		buf_append_string(out, ", ");
	if (row->artifact.evr.size)
		buf_append(out, row->artifact.evr);
	else /* no version to tell two apart: the beginning of the digest */
		buf_append_hex(out, bytes_of(row->artifact.digest.value, 6));
}

/*
 * Groups the artifacts that one release alone holds by name and architecture; an artifact is one
 * package's old or new version.
 */
static int packages_make(struct diff *diff, const struct release *const sides[SIDES],
			 struct error *err)
{
	struct diff_store *store = diff->store;
	AUTO(own_free) size_t *order = calloc(store->artifacts.n_items + 1, sizeof(*order));
	const struct artifact_row *last = NULL;
	size_t n = 0;

	store->package_of = calloc(store->artifacts.n_items + 1, sizeof(*store->package_of));
	diff->packages = calloc(store->artifacts.n_items + 1, sizeof(*diff->packages));
	if (!order || !store->package_of || !diff->packages)
		return error_memory(err, NULL);
	/* Keys are compared one by one, by whoever shows the difference. */
	for (size_t i = 0; i < store->artifacts.n_items; i++)
		if (store->artifacts.items[i].artifact.kind != ARTIFACT_KEYS &&
		    release_holds(sides[SIDE_FROM], (uint32_t)i) !=
			    release_holds(sides[SIDE_TO], (uint32_t)i))
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), label_compare, store);
	for (size_t i = 0; i < n; i++) {
		const struct artifact_row *row = &store->artifacts.items[order[i]];
		struct diff_package *package;

		if (!last || strcmp(artifact_label(row), artifact_label(last)) != 0 ||
		    !bytes_equal(row->artifact.arch, last->artifact.arch))
			diff->packages[diff->n_packages++] = (struct diff_package){
				.name = artifact_label(row),
				.arch = (const char *)row->artifact.arch.data
			};
		last = row;
		store->package_of[order[i]] = diff->n_packages - 1;
		package = &diff->packages[diff->n_packages - 1];
		append_evr(release_holds(sides[SIDE_FROM], (uint32_t)order[i]) ? &package->from
									       : &package->to,
			   row);
	}
	for (size_t i = 0; i < diff->n_packages; i++)
		if (buf_finish(&diff->packages[i].from, err) < 0 ||
		    buf_finish(&diff->packages[i].to, err) < 0)
			return -1;
	return 0;
}

/* --- files ------------------------------------------------------------------------------------------ */

static int item_add(struct diff_store *store, enum side side, uint32_t artifact,
		    const struct manifest_file *file, struct error *err)
{
	struct items *items = &store->sides[side];
	struct item *item;

	if (array_room(&items->items, items->n_items, &items->size, sizeof(*items->items), NULL,
		       err) < 0)
		return -1;
	item = &items->items[items->n_items++];
	*item = (struct item){ .path = store->text.size,
			       .path_size = file->path.size,
			       .digests = store->text.size + file->path.size,
			       .size = file->size,
			       .artifact = artifact,
			       .mode = file->mode,
			       .algs = file->algs };
	buf_append(&store->text, file->path);
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (file->algs & 1u << alg)
			buf_append(&store->text, bytes_of(file->digests[alg], alg_size(alg)));
	return store->text.failed ? error_memory(err, NULL) : 0;
}

static int items_read(struct db *db, struct diff_store *store, enum side side,
		      const struct release *held, const struct release *other, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_CONTENT, err);
	struct manifest_file file;
	struct manifest manifest;
	struct bytes blob;
	int found;

	if (!stmt)
		return -1;
	for (size_t i = 0; i < held->n_artifacts; i++) {
		uint32_t artifact = held->artifacts[i];

		if (release_holds(other, artifact))
			continue;
		if (content_read(db, stmt, store->artifacts.items[artifact].manifest, &blob, err) <
			    0 ||
		    manifest_open(&manifest, blob, db->path, err) < 0)
			return -1;
		while ((found = manifest_next(&manifest, &file, err)) > 0)
			if (item_add(store, side, artifact, &file, err) < 0)
				return -1;
		if (found < 0)
			return -1;
	}
	return 0;
}

/* By path; of one path in several artifacts, by the artifacts' names. */
static int item_compare(const void *a, const void *b, void *ctx)
{
	const struct diff_store *store = ctx;
	const struct item *left = a, *right = b;
	int order = bytes_compare(item_path(store, left), item_path(store, right));

	if (order == 0 && left->artifact != right->artifact)
		order = label_compare(&(size_t){ left->artifact }, &(size_t){ right->artifact },
				      ctx);
	return order;
}

static const uint8_t *item_digest(const struct diff_store *store, const struct item *item,
				  enum alg wanted)
{
	size_t at = item->digests;

	for (enum alg alg = 0; alg < wanted; alg++)
		if (item->algs & 1u << alg)
			at += alg_size(alg);
	return store->text.data + at;
}

/* What to compare two files by, or to show of one: the strongest first. */
static enum alg strongest(alg_set algs)
{
	static const enum alg order[] = { ALG_SHA512,        ALG_SHA384,       ALG_SHA256,
					  ALG_SHA3_512,      ALG_SHA3_256,     ALG_SM3_256,
					  ALG_SHA224,        ALG_SHA1,         ALG_MD5,
					  ALG_VERITY_SHA512, ALG_VERITY_SHA256 };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (algs & 1u << order[i])
			return order[i];
	return ALG_NONE;
}

static struct diff_side side_of(const struct diff_store *store, const struct item *item,
				enum alg alg)
{
	struct diff_side side = { .digest = { .alg = ALG_NONE } };

	if (!item)
		return side;
	if (alg == ALG_NONE)
		alg = item->algs & 1u << ALG_SHA256 ? ALG_SHA256 : strongest(item->algs);
	if (alg != ALG_NONE)
		digest_init(&side.digest, alg,
			    bytes_of(item_digest(store, item, alg), alg_size(alg)));
	side.mode = item->mode;
	side.size = item->size;
	side.package = artifact_label(&store->artifacts.items[item->artifact]);
	return side;
}

/* How two files of one path differ; CHANGE_COUNT if they do not. */
static enum change compare(const struct diff_store *store, const struct item *from,
			   const struct item *to, enum alg *alg)
{
	*alg = strongest(from->algs & to->algs);
	if (*alg == ALG_NONE) /* two without contents, such as %ghost, do not differ by them */
		return from->algs || to->algs   ? CHANGE_UNKNOWN
		       : from->mode != to->mode ? CHANGE_MODE
						: CHANGE_COUNT;
	if (memcmp(item_digest(store, from, *alg), item_digest(store, to, *alg), alg_size(*alg)) !=
	    0)
		return CHANGE_CONTENT;
	return from->mode != to->mode ? CHANGE_MODE : CHANGE_COUNT;
}

static void file_add(struct diff *diff, const struct item *from, const struct item *to)
{
	const struct diff_store *store = diff->store;
	const struct item *item = to ? to : from;
	struct diff_file file = { .path = item_path(store, item),
				  .package = store->package_of[item->artifact] };
	enum alg alg = ALG_NONE;

	file.change = !from ? CHANGE_ADDED : !to ? CHANGE_REMOVED : compare(store, from, to, &alg);
	if (file.change == CHANGE_COUNT)
		return;
	file.from = side_of(store, from, alg);
	file.to = side_of(store, to, alg);
	diff->files[diff->n_files++] = file;
	diff->n_changes[file.change]++;
	diff->packages[file.package].n_changes[file.change]++;
}

/* Pairs both sides by path; a path that several artifacts of a side have is paired one by one. */
static int files_pair(struct diff *diff, struct error *err)
{
	struct diff_store *store = diff->store;
	const struct items *from = &store->sides[SIDE_FROM], *to = &store->sides[SIDE_TO];
	size_t i = 0, k = 0;

	diff->files = calloc(from->n_items + to->n_items + 1, sizeof(*diff->files));
	if (!diff->files)
		return error_memory(err, NULL);
	while (i < from->n_items || k < to->n_items) {
		int order = i == from->n_items ? 1
			    : k == to->n_items ? -1
					       : bytes_compare(item_path(store, &from->items[i]),
							       item_path(store, &to->items[k]));

		file_add(diff, order <= 0 ? &from->items[i] : NULL,
			 order >= 0 ? &to->items[k] : NULL);
		i += order <= 0;
		k += order >= 0;
	}
	return 0;
}

static int file_compare(const void *a, const void *b)
{
	const struct diff_file *left = a, *right = b;

	if (left->package != right->package)
		return left->package < right->package ? -1 : 1;
	return bytes_compare(left->path, right->path);
}

int diff_make(struct db *db, const char *from, const char *to, struct diff **out, struct error *err)
{
	AUTO(diff_freep) struct diff *diff = calloc(1, sizeof(*diff));
	const struct release *sides[SIDES];
	struct diff_store *store;

	if (!diff || !(diff->store = store = calloc(1, sizeof(*store))))
		return error_memory(err, db->path);
	if (artifacts_read(db, &store->artifacts, err) < 0 ||
	    releases_read(db, &store->artifacts, &store->releases, err) < 0 ||
	    !(sides[SIDE_FROM] = release_list_find(db, &store->releases, from, err)) ||
	    !(sides[SIDE_TO] = release_list_find(db, &store->releases, to, err)))
		return -1;
	if (packages_make(diff, sides, err) < 0 ||
	    items_read(db, store, SIDE_FROM, sides[SIDE_FROM], sides[SIDE_TO], err) < 0 ||
	    items_read(db, store, SIDE_TO, sides[SIDE_TO], sides[SIDE_FROM], err) < 0)
		return -1;
	for (enum side side = 0; side < SIDES; side++)
		if (store->sides[side].n_items)
			qsort_r(store->sides[side].items, store->sides[side].n_items,
				sizeof(struct item), item_compare, store);
	if (files_pair(diff, err) < 0)
		return -1;
	qsort(diff->files, diff->n_files, sizeof(*diff->files), file_compare);
	for (size_t i = diff->n_files; i-- > 0;) {
		diff->packages[diff->files[i].package].first = i;
		diff->packages[diff->files[i].package].n_files++;
	}
	*out = TAKE(diff);
	return 0;
}

void diff_free(struct diff *diff)
{
	struct diff_store *store;

	if (!diff)
		return;
	for (size_t i = 0; i < diff->n_packages; i++) {
		buf_clear(&diff->packages[i].from);
		buf_clear(&diff->packages[i].to);
	}
	store = diff->store;
	if (store) {
		artifact_list_clear(&store->artifacts);
		release_list_clear(&store->releases);
		buf_clear(&store->text);
		for (enum side side = 0; side < SIDES; side++)
			free(store->sides[side].items);
		free(store->package_of);
		free(store);
	}
	free(diff->packages);
	free(diff->files);
	free(diff);
}

void diff_freep(struct diff **diff)
{
	diff_free(*diff);
}
