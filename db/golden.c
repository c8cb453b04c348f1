/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <sys/random.h>

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
	uint64_t key[2]; /* of the hashes, random */
	uint8_t *arena;  /* owned */
	size_t used, size;
	struct table paths, digests;
	size_t n_files;
};

/* An artifact whose files are being loaded. */
struct member {
	int64_t id;
	uint8_t digest[32]; /* of its rows in file */
	uint8_t marks;
	uint32_t n_chosen; /* chosen releases that hold it */
	uint64_t n_files;
};

/* --- hashes --------------------------------------------------------------------------------- */

static inline uint64_t load64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Keyed with random bits, so that nobody can prepare paths that all meet in one place. */
static uint64_t hash_bytes(const struct golden *golden, struct bytes bytes)
{
	uint64_t hash = golden->key[0] ^ bytes.size, key = golden->key[1];
	uint8_t tail[16] = { 0 };

	while (bytes.size > 16) {
		hash = fold(load64(bytes.data) ^ key, load64(bytes.data + 8) ^ hash);
		bytes = bytes_of(bytes.data + 16, bytes.size - 16);
	}
	if (bytes.size)
		memcpy(tail, bytes.data, bytes.size);
	hash = fold(load64(tail) ^ key, load64(tail + 8) ^ hash);
	return fold(hash ^ key, UINT64_C(0x9e3779b97f4a7c15));
}

static uint32_t path_tag(const struct golden *golden, struct bytes path)
{
	return (uint32_t)(hash_bytes(golden, path) >> 32);
}

/* Digests are spread well already; 16 of their bytes are enough. All are at least that long. */
static uint32_t digest_tag(const struct golden *golden, enum alg alg, const uint8_t *value)
{
	uint64_t hash = fold(load64(value) ^ golden->key[0],
			     load64(value + 8) ^ golden->key[1] ^ (uint64_t)alg << 56);

	return (uint32_t)(hash >> 32);
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

static int file_add(struct golden *golden, const struct member *member, const struct file_row *row,
		    struct error *err)
{
	uint8_t marks = member->marks;
	struct record *record;
	uint32_t place;

	golden->n_files += member->n_chosen;
	if (!row->path.size || !marks) /* no log can name it; no release holds it */
		return 0;
	if (row->flags & ROW_EXECUTABLE)
		marks |= MARK_EXECUTABLE;
	if (record_add(golden, row->path, &place, err) < 0)
		return -1;
	record = record_at(golden, place);
	record->marks |= marks;
	if (marks & MARK_CHOSEN) {
		record->flags |= row->flags & (FILE_CONFIG | FILE_DOC | FILE_GHOST);
		record->algs |= (uint16_t)row->algs;
	}
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (row->algs & 1u << alg &&
		    entry_add(golden, place, alg, row->digests[alg], marks, err) < 0)
			return -1;
	return 0;
}

/* The artifacts of the database, by id, and the algorithms that their files have. */
static int members_load(struct db *db, struct member **out, size_t *n_out, alg_set *algs,
			struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_ARTIFACTS, err);
	AUTO(own_free) struct member *members = NULL;
	size_t n = 0, size = 0;
	struct artifact_row row;
	int found = -1;

	*algs = 0;
	while (stmt && (found = db_step(db, stmt, err)) > 0) {
		if (row_artifact(db, stmt, 0, &row, err) < 0)
			return -1;
		if (n == size) {
			struct member *larger;

			size = size ? 2 * size : 256;
			larger = realloc(members, size * sizeof(*members));
			if (!larger)
				return error_memory(err, db->path);
			members = larger;
		}
		members[n] = (struct member){ .id = row.id, .n_files = row.n_files };
		memcpy(members[n++].digest, row.digests[SEAL_FILES], 32);
		*algs |= row.any_algs;
	}
	if (found < 0)
		return -1;
	*out = TAKE(members);
	*n_out = n;
	return 0;
}

static int member_compare(const void *a, const void *b)
{
	int64_t left = ((const struct member *)a)->id, right = ((const struct member *)b)->id;

	return left < right ? -1 : left > right;
}

/* Marks the artifacts of one release, every one of which must be there; *n_files counts files. */
static int release_mark(struct db *db, struct bytes release, int64_t n_artifacts, bool chosen,
			struct member *members, size_t n_members, uint64_t *n_files,
			struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_MEMBERS, err);
	int64_t n = 0;
	int found;

	if (!stmt)
		return -1;
	*n_files = 0;
	bind_bytes(stmt, 1, release);
	while ((found = db_step(db, stmt, err)) > 0) {
		struct member key = { .id = sqlite3_column_int64(stmt, 0) }, *member = NULL;

		if (n_members)
			member = bsearch(&key, members, n_members, sizeof(key), member_compare);
		if (!member)
			return db_damaged(db, err,
					  "a release holds artifact %" PRId64
					  ", which is not there",
					  key.id);
		member->marks |= chosen ? MARK_CHOSEN : MARK_OTHER;
		member->n_chosen += chosen;
		*n_files += member->n_files;
		n++;
	}
	if (found < 0)
		return -1;
	if (n != n_artifacts)
		return db_damaged(db, err, "a release holds %" PRId64 " artifacts, not %" PRId64, n,
				  n_artifacts);
	return 0;
}

static bool is_chosen(struct bytes release, const char *const *releases, size_t n_releases)
{
	for (size_t i = 0; i < n_releases; i++)
		if (bytes_equal_string(release, releases[i]))
			return true;
	return !releases;
}

/* Marks all artifacts; *n_files is the largest release's, to size the tables by. */
static int releases_mark(struct db *db, const char *const *releases, size_t n_releases,
			 struct member *members, size_t n_members, uint64_t *n_files,
			 struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_RELEASES, err);
	int found = -1;

	*n_files = 0;
	for (size_t i = 0; i < n_releases; i++)
		if (release_check(db, releases[i], err) < 0)
			return -1;
	while (stmt && (found = db_step(db, stmt, err)) > 0) {
		struct bytes release = column_bytes(stmt, 0);
		uint64_t n;

		if (release_mark(db, release, sqlite3_column_int64(stmt, 1),
				 is_chosen(release, releases, n_releases), members, n_members, &n,
				 err) < 0)
			return -1;
		if (n > *n_files)
			*n_files = n;
	}
	return found;
}

/* Ends the artifact whose rows were read, and each that has none up to the one called id. */
static int member_advance(struct db *db, const struct member *members, size_t n_members, size_t *at,
			  int64_t id, struct error *err)
{
	while (*at < n_members && members[*at].id < id) {
		if (row_part_finish(db, members[*at].id, SEAL_FILES, members[*at].digest, err) < 0)
			return -1;
		++*at;
		if (seal_begin(&db->seals[SEAL_FILES], err) < 0)
			return -1;
	}
	return 0;
}

static int files_load(struct db *db, const struct member *members, size_t n_members, alg_set algs,
		      struct golden *golden, struct error *err)
{
	AUTO(statement_finalize) sqlite3_stmt *stmt = NULL;
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct seal *seal = &db->seals[SEAL_FILES];
	int64_t number = 0;
	struct file_row row;
	size_t at = 0;
	int found;

	buf_append_string(&text, "SELECT ");
	row_file_columns(&text, algs);
	buf_append_string(&text, " FROM file ORDER BY artifact, number");
	if (buf_finish(&text, err) < 0 || !(stmt = db_prepare(db, (const char *)text.data, err)) ||
	    seal_begin(seal, err) < 0)
		return -1;
	while ((found = db_step(db, stmt, err)) > 0) {
		if (row_file(db, stmt, 0, algs, &row, err) < 0)
			return -1;
		if (at < n_members && row.artifact != members[at].id) {
			if (member_advance(db, members, n_members, &at, row.artifact, err) < 0)
				return -1;
			number = 0;
		}
		if (at == n_members || row.artifact != members[at].id || row.number != number++)
			return db_damaged(db, err,
					  "file %" PRId64 " of artifact %" PRId64
					  " is out of place",
					  row.number, row.artifact);
		seal_file_row(seal, &row);
		row.algs &= ~(alg_set)(1u << ALG_MD5);
		if (file_add(golden, &members[at], &row, err) < 0)
			return -1;
	}
	return found < 0 ? -1 : member_advance(db, members, n_members, &at, INT64_MAX, err);
}

int golden_load(struct db *db, const char *const *releases, size_t n_releases, struct golden **out,
		struct error *err)
{
	AUTO(golden_freep) struct golden *golden = calloc(1, sizeof(*golden));
	AUTO(own_free) struct member *members = NULL;
	size_t n_members, n_slots;
	uint64_t n_files;
	uint32_t nowhere;
	alg_set algs;
	uint8_t *arena;

	if (!golden)
		return error_memory(err, db->path);
	/* Only the place of things in memory hangs on these bits, nothing that is said. */
	if (getrandom(golden->key, sizeof(golden->key), 0) != sizeof(golden->key))
		return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET, "no random numbers");
	if (members_load(db, &members, &n_members, &algs, err) < 0 ||
	    releases_mark(db, n_releases ? releases : NULL, n_releases, members, n_members,
			  &n_files, err) < 0)
		return -1;
	/* The counts are sealed, but what a database says sizes nothing large at once. */
	n_slots = (size_t)(n_files < 16 << 20 ? n_files : 16 << 20);
	n_slots = n_slots + n_slots * 3 / 8 + 16;
	if (table_resize(&golden->paths, n_slots, err) < 0 ||
	    table_resize(&golden->digests, n_slots, err) < 0 ||
	    arena_take(golden, WORD, &nowhere, err) < 0 ||
	    files_load(db, members, n_members, algs, golden, err) < 0)
		return -1;
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

/*
 * The canonical form of a logged path, in room if it differs. Paths that golden_path refuses need
 * no telling apart: no record has such a path.
 */
static struct bytes canonical(struct bytes path, uint8_t room[GOLDEN_PATH_MAX])
{
	if (!path_is_merged(path) || path.size >= PATH_SIZE_MAX)
		return path;
	memcpy(room, "/usr", 4);
	memcpy(room + 4, path.data, path.size);
	return bytes_of(room, path.size + 4);
}

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

	path = canonical(path, room);
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
