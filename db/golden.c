/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/hash.h"
#include "db/internal.h"

/*
 * The table in memory.
 *
 * One arena holds a record per canonical path: its bytes, and right behind them
 * the path's first digest, so that a look-up that ends well touches one slot
 * and one record. Further digests of the path (other versions, other
 * algorithms) are entries further on, in a list. Two tables of slots, by path
 * and by digest, lead into the arena. A slot has 32 bits of a hash, to pass over
 * others untouched; what it leads to is compared whole, since neither hashes
 * nor digests (MD5, SHA-1) keep an attacker from making two alike.
 */

/* Places count words of 4 bytes: 32 bits reach 16 GiB. Place 0 is nowhere. */
#define WORD 4

struct slot {
	uint32_t tag;   /* upper half of the hash; also says where the search begins */
	uint32_t place; /* 0: free */
};

struct table {
	struct slot *slots; /* owned */
	size_t n_slots, n_used;
};

/* What is known of a path, of a digest, or of both together, over all files. */
enum {
	MARK_CHOSEN = 1 << 0,     /* in a chosen release */
	MARK_OTHER = 1 << 1,      /* in another one */
	MARK_EXECUTABLE = 1 << 2, /* some of the files is */
};

/* A digest that a path may have; its bytes follow. */
struct entry {
	uint32_t next; /* place of the path's next entry; 0 if none */
	uint8_t alg;
	uint8_t marks;        /* of this digest under this path */
	uint8_t digest_marks; /* of this digest anywhere; kept on the first entry that has it */
	uint8_t value[];
};

struct record {
	uint32_t first; /* place of its first entry; 0 if none */
	uint16_t size;  /* of the path */
	uint16_t algs;  /* alg_set of its entries in chosen releases */
	uint8_t marks;
	uint8_t flags; /* FILE_* of its files in chosen releases */
	uint8_t path[];
};

struct golden {
	struct hash_key key;
	uint8_t *arena; /* owned */
	size_t used, size;
	struct table paths, digests;
	size_t n_files;
};

/* A manifest that is to be loaded. */
struct source {
	int64_t id; /* of the content */
	uint8_t marks;
	uint32_t n_chosen; /* chosen releases and artifacts that hold it */
};

/* --- hashes --------------------------------------------------------------------------------- */

/* The upper half of a hash: it says where a search begins, and passes over most others. */
static uint32_t path_tag(const struct golden *golden, struct bytes path)
{
	return (uint32_t)(hash_bytes(&golden->key, path) >> 32);
}

static uint32_t digest_tag(const struct golden *golden, enum alg alg, const uint8_t *value)
{
	return (uint32_t)(hash_digest(&golden->key, alg, value) >> 32);
}

/* --- the arena and the tables -------------------------------------------------------------------- */

static struct record *record_at(const struct golden *golden, uint32_t place)
{
	return (struct record *)(void *)(golden->arena + (size_t)place * WORD);
}

static struct entry *entry_at(const struct golden *golden, uint32_t place)
{
	return (struct entry *)(void *)(golden->arena + (size_t)place * WORD);
}

/* Where the search for a tag begins: tags are spread evenly, so this keeps their order. */
static inline size_t slot_first(const struct table *table, uint32_t tag)
{
	return (size_t)((uint64_t)tag * table->n_slots >> 32);
}

static inline size_t slot_next(const struct table *table, size_t at)
{
	return at + 1 == table->n_slots ? 0 : at + 1;
}

/* The record of a path, or NULL; *at is its slot, or the free one that it would have. */
static struct record *record_find(const struct golden *golden, struct bytes path, uint32_t tag,
				  size_t *at)
{
	const struct table *table = &golden->paths;

	for (*at = slot_first(table, tag);; *at = slot_next(table, *at)) {
		const struct slot *slot = &table->slots[*at];
		struct record *record;

		if (!slot->place)
			return NULL;
		if (slot->tag != tag)
			continue;
		record = record_at(golden, slot->place);
		if (record->size == path.size && memcmp(record->path, path.data, path.size) == 0)
			return record;
	}
}

/* Likewise the first entry of a digest. */
static struct entry *digest_find(const struct golden *golden, enum alg alg, const uint8_t *value,
				 uint32_t tag, size_t *at)
{
	const struct table *table = &golden->digests;

	for (*at = slot_first(table, tag);; *at = slot_next(table, *at)) {
		const struct slot *slot = &table->slots[*at];
		struct entry *entry;

		if (!slot->place)
			return NULL;
		if (slot->tag != tag)
			continue;
		entry = entry_at(golden, slot->place);
		if (entry->alg == alg && memcmp(entry->value, value, alg_size(alg)) == 0)
			return entry;
	}
}

static int table_resize(struct table *table, size_t n_slots, struct error *err)
{
	struct table larger = { .n_slots = n_slots, .n_used = table->n_used };

	if (n_slots > UINT32_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "more than %u paths or digests to load", UINT32_MAX);
	larger.slots = calloc(n_slots, sizeof(*larger.slots));
	if (!larger.slots)
		return error_memory(err, NULL);
	for (size_t i = 0; i < table->n_slots; i++) {
		size_t at;

		if (!table->slots[i].place)
			continue;
		at = slot_first(&larger, table->slots[i].tag);
		while (larger.slots[at].place)
			at = slot_next(&larger, at);
		larger.slots[at] = table->slots[i];
	}
	free(table->slots);
	*table = larger;
	return 0;
}

/* Room for one more, at most three quarters full. */
static int table_reserve(struct table *table, struct error *err)
{
	if (4 * (table->n_used + 1) <= 3 * table->n_slots)
		return 0;
	return table_resize(table, table->n_slots + table->n_slots / 2 + 1024, err);
}

/* size more bytes of the arena, aligned to a word; *place says where. */
static int arena_take(struct golden *golden, size_t size, uint32_t *place, struct error *err)
{
	size_t rounded = (size + WORD - 1) / WORD * WORD;

	if (rounded > golden->size - golden->used) {
		size_t wanted = golden->size + golden->size / 2 + ((size_t)1 << 20);
		uint8_t *arena;

		if (wanted / WORD > UINT32_MAX)
			return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
					 "more than 16 GiB of paths and digests to load");
		arena = realloc(golden->arena, wanted);
		if (!arena)
			return error_memory(err, NULL);
		golden->arena = arena;
		golden->size = wanted;
	}
	*place = (uint32_t)(golden->used / WORD);
	golden->used += rounded;
	return 0;
}

/* --- loading --------------------------------------------------------------------------------------- */

static int record_add(struct golden *golden, struct bytes path, uint32_t *place, struct error *err)
{
	uint32_t tag = path_tag(golden, path);
	struct record *record;
	size_t at;

	if (table_reserve(&golden->paths, err) < 0)
		return -1;
	record = record_find(golden, path, tag, &at);
	if (record) {
		*place = golden->paths.slots[at].place;
		return 0;
	}
	if (arena_take(golden, offsetof(struct record, path) + path.size, place, err) < 0)
		return -1;
	record = record_at(golden, *place);
	*record = (struct record){ .size = (uint16_t)path.size };
	memcpy(record->path, path.data, path.size);
	golden->paths.slots[at] = (struct slot){ tag, *place };
	golden->paths.n_used++;
	return 0;
}

/* The record may move: it is named by its place. */
static int entry_add(struct golden *golden, uint32_t place, enum alg alg, struct bytes value,
		     uint8_t marks, struct error *err)
{
	uint32_t tag = digest_tag(golden, alg, value.data), next;
	uint32_t first = record_at(golden, place)->first;
	struct entry *entry, *known;
	size_t at;

	for (next = first; next; next = entry->next) {
		entry = entry_at(golden, next);
		if (entry->alg == alg && memcmp(entry->value, value.data, value.size) == 0)
			break;
	}
	if (!next) {
		if (arena_take(golden, offsetof(struct entry, value) + value.size, &next, err) < 0)
			return -1;
		entry = entry_at(golden, next);
		*entry = (struct entry){ .alg = (uint8_t)alg };
		memcpy(entry->value, value.data, value.size);
		/* Behind the first, which stays beside its record. */
		if (first) {
			entry->next = entry_at(golden, first)->next;
			entry_at(golden, first)->next = next;
		} else {
			record_at(golden, place)->first = next;
		}
	}
	entry = entry_at(golden, next);
	entry->marks |= marks;
	if (table_reserve(&golden->digests, err) < 0)
		return -1;
	known = digest_find(golden, alg, value.data, tag, &at);
	if (!known) {
		golden->digests.slots[at] = (struct slot){ tag, next };
		golden->digests.n_used++;
		known = entry;
	}
	known->digest_marks |= marks;
	return 0;
}

static int file_add(struct golden *golden, uint8_t marks, struct bytes path,
		    const struct manifest_file *file, struct error *err)
{
	alg_set algs = file->algs & ~(alg_set)(1u << ALG_MD5);
	struct record *record;
	uint32_t place;

	if (file->flags & MANIFEST_EXECUTABLE)
		marks |= MARK_EXECUTABLE;
	if (record_add(golden, path, &place, err) < 0)
		return -1;
	record = record_at(golden, place);
	record->marks |= marks;
	if (marks & MARK_CHOSEN) {
		record->flags |= (uint8_t)(file->flags & (FILE_CONFIG | FILE_DOC | FILE_GHOST));
		record->algs |= (uint16_t)algs;
	}
	for (; algs; algs &= algs - 1) {
		enum alg alg = (enum alg)__builtin_ctz(algs);

		if (entry_add(golden, place, alg, bytes_of(file->digests[alg], alg_size(alg)),
			      marks, err) < 0)
			return -1;
	}
	return 0;
}

static int manifest_load(struct golden *golden, const struct source *source, struct bytes blob,
			 const char *name, struct error *err)
{
	uint8_t room[GOLDEN_PATH_MAX];
	struct plain_path plain = { 0 };
	struct manifest_file file;
	struct manifest manifest;
	int found;

	if (manifest_open(&manifest, blob, name, err) < 0)
		return -1;
	golden->n_files += (size_t)source->n_chosen * manifest.n_files;
	while ((found = manifest_next(&manifest, &file, err)) > 0) {
		/* No log can name a path that is not plain. */
		if (plain_path_next(&plain, &file) &&
		    file_add(golden, source->marks, path_canonical(file.path, room), &file, err) <
			    0)
			return -1;
	}
	return found;
}

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

/* Each manifest of any release once; *n_files is the largest release's, to size the tables by. */
static int sources_make(struct db *db, const char *const *names, size_t n_names,
			struct source **out, size_t *n_out, size_t *n_files, struct error *err)
{
	AUTO(artifact_list_clear) struct artifact_list artifacts = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list releases = { .text = BUF_INIT };
	AUTO(own_free) struct source *sources = NULL;
	size_t n = 0;

	*n_files = 0;
	if (artifacts_read(db, &artifacts, err) < 0 ||
	    releases_read(db, &artifacts, &releases, err) < 0)
		return -1;
	for (size_t i = 0; i < n_names; i++)
		if (!release_list_find(db, &releases, names[i], err))
			return -1;
	sources = calloc(artifacts.n_items + 1, sizeof(*sources));
	if (!sources)
		return error_memory(err, db->path);
	for (size_t i = 0; i < artifacts.n_items; i++)
		sources[i].id = artifacts.items[i].manifest;
	for (size_t i = 0; i < releases.n_items; i++) {
		const struct release *release = &releases.items[i];
		bool chosen = is_chosen(release->name, names, n_names);
		size_t files = 0;

		for (size_t k = 0; k < release->n_artifacts; k++) {
			struct source *source = &sources[release->artifacts[k]];

			source->marks |= chosen ? MARK_CHOSEN : MARK_OTHER;
			source->n_chosen += chosen;
			files += artifacts.items[release->artifacts[k]].n_files;
		}
		if (files > *n_files)
			*n_files = files;
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
	*out = TAKE(sources);
	*n_out = n;
	return 0;
}

int golden_load(struct db *db, const char *const *releases, size_t n_releases, struct golden **out,
		struct error *err)
{
	AUTO(golden_freep) struct golden *golden = calloc(1, sizeof(*golden));
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_CONTENT, err);
	AUTO(own_free) struct source *sources = NULL;
	size_t n_sources = 0, n_files = 0, n_slots;
	uint32_t nowhere;
	uint8_t *arena;

	if (!golden)
		return error_memory(err, db->path);
	if (!stmt || hash_key_init(&golden->key, err) < 0 ||
	    sources_make(db, releases, n_releases, &sources, &n_sources, &n_files, err) < 0)
		return -1;
	/* What a database says of itself sizes nothing large at once. */
	n_slots = n_files < 16 << 20 ? n_files : 16 << 20;
	n_slots = n_slots + n_slots * 3 / 8 + 16;
	if (table_resize(&golden->paths, n_slots, err) < 0 ||
	    table_resize(&golden->digests, n_slots, err) < 0 ||
	    arena_take(golden, WORD, &nowhere, err) < 0)
		return -1;
	for (size_t i = 0; i < n_sources; i++) {
		struct bytes blob;

		if (!sources[i].marks) /* of an artifact that no release holds */
			continue;
		if (content_read(db, stmt, sources[i].id, &blob, err) < 0 ||
		    manifest_load(golden, &sources[i], blob, db->path, err) < 0)
			return -1;
	}
	arena = realloc(golden->arena, golden->used);
	if (arena)
		golden->arena = arena;
	*out = TAKE(golden);
	return 0;
}

void golden_free(struct golden *golden)
{
	if (!golden)
		return;
	free(golden->arena);
	free(golden->paths.slots);
	free(golden->digests.slots);
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

/* --- looking up -------------------------------------------------------------------------------------- */

/* The entry of a digest under a path, or NULL. */
static const struct entry *own_entry(const struct golden *golden, const struct record *record,
				     const struct digest *digest)
{
	for (uint32_t next = record->first; next;) {
		const struct entry *entry = entry_at(golden, next);

		if (entry->alg == digest->alg &&
		    memcmp(entry->value, digest->value, digest->size) == 0)
			return entry;
		next = entry->next;
	}
	return NULL;
}

struct golden_result golden_lookup(const struct golden *golden, struct bytes path,
				   const struct digest *digest)
{
	struct golden_result result = { .answer = GOLDEN_UNKNOWN };
	bool comparable = digest->alg < ALG_COUNT && digest->size == alg_size(digest->alg);
	const struct entry *own = NULL, *known = NULL;
	const struct record *record;
	uint8_t room[GOLDEN_PATH_MAX];
	size_t at;

	/* A path that golden_path refuses needs no telling apart: no record has it. */
	path = path_canonical(path, room);
	record = record_find(golden, path, path_tag(golden, path), &at);
	if (record) {
		result.path_known = record->marks & MARK_CHOSEN;
		result.path_elsewhere = record->marks & MARK_OTHER;
		result.path_executable = result.executable = record->marks & MARK_EXECUTABLE;
		result.no_digest_of_alg =
			result.path_known && !(comparable && record->algs & 1u << digest->alg);
		result.flags = record->flags;
		if (comparable)
			own = own_entry(golden, record, digest);
	}
	if (own && own->marks & MARK_CHOSEN) {
		result.answer = GOLDEN_KNOWN;
		result.digest_known = true;
		result.executable = own->marks & MARK_EXECUTABLE;
		return result;
	}
	if (comparable)
		known = digest_find(golden, digest->alg, digest->value,
				    digest_tag(golden, digest->alg, digest->value), &at);
	if (known) {
		result.digest_known = known->digest_marks & MARK_CHOSEN;
		result.digest_elsewhere = known->digest_marks & MARK_OTHER;
		result.executable = known->digest_marks & MARK_EXECUTABLE;
	}
	if (own)
		result.answer = GOLDEN_OTHER_RELEASE;
	else if (result.path_known && !result.no_digest_of_alg)
		result.answer = GOLDEN_OTHER_BYTES;
	else if (result.digest_known)
		result.answer = GOLDEN_OTHER_PATH;
	return result;
}
