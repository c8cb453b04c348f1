/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/golden_table.h"

#include <assert.h>

#include "db/large.h"

/* Places count words of 4 bytes: 32 bits reach 16 GiB. Place 0 is nowhere. */
#define WORD         4
#define CHUNK_SIZE   ((size_t)8 << 20)
#define CHUNK_WORDS  (CHUNK_SIZE / WORD)
#define N_CHUNKS_MAX (((uint64_t)1 << 32) / CHUNK_WORDS)

struct slot {
	uint32_t tag;   /* upper half of the hash; also says where the search begins */
	uint32_t place; /* 0: free */
};

struct slots {
	struct large memory;
	struct slot *at;
	size_t n, n_used;
};

struct chunk {
	struct large memory;
	size_t used;
};

struct golden_table {
	struct hash_key key;
	struct slots paths;
	struct chunk *chunks; /* owned */
	size_t n_chunks, n_entries;
	struct slots digests;  /* to the first entry that has it */
	uint8_t *digest_marks; /* of each of these slots, over all paths; owned */
};

/* --- memory ------------------------------------------------------------------------------------- */

static void *place_at(const struct golden_table *table, uint32_t place)
{
	return (uint8_t *)table->chunks[place / CHUNK_WORDS].memory.at +
	       (size_t)(place % CHUNK_WORDS) * WORD;
}

static struct golden_record *record_at(const struct golden_table *table, uint32_t place)
{
	return place_at(table, place);
}

static struct golden_entry *entry_at(const struct golden_table *table, uint32_t place)
{
	return place_at(table, place);
}

static size_t in_words(size_t size)
{
	return (size + WORD - 1) / WORD * WORD;
}

static size_t record_size(size_t path_size)
{
	return in_words(offsetof(struct golden_record, path) + path_size);
}

static size_t entry_size(enum alg alg)
{
	return in_words(offsetof(struct golden_entry, value) + alg_size(alg));
}

static int chunk_add(struct golden_table *table, struct error *err)
{
	struct chunk *chunks;

	if (table->n_chunks == N_CHUNKS_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "more than 16 GiB of paths and digests to load");
	chunks = realloc(table->chunks, (table->n_chunks + 1) * sizeof(*chunks));
	if (!chunks)
		return error_memory(err, NULL);
	table->chunks = chunks;
	chunks[table->n_chunks] = (struct chunk){ .used = table->n_chunks ? 0 : WORD };
	if (large_take(&chunks[table->n_chunks].memory, CHUNK_SIZE, err) < 0)
		return -1;
	table->n_chunks++;
	return 0;
}

/* size more bytes of the arena, a multiple of words; *place says where. */
static int arena_take(struct golden_table *table, size_t size, uint32_t *place, struct error *err)
{
	struct chunk *chunk;

	assert(size <= CHUNK_SIZE - WORD);
	if ((!table->n_chunks || size > CHUNK_SIZE - table->chunks[table->n_chunks - 1].used) &&
	    chunk_add(table, err) < 0)
		return -1;
	chunk = &table->chunks[table->n_chunks - 1];
	*place = (uint32_t)((table->n_chunks - 1) * CHUNK_WORDS + chunk->used / WORD);
	chunk->used += size;
	return 0;
}

/* --- slots -------------------------------------------------------------------------------------- */

/* Where the search for a tag begins: tags are spread evenly, so this keeps their order. */
static inline size_t slot_first(const struct slots *slots, uint32_t tag)
{
	return (size_t)((uint64_t)tag * slots->n >> 32);
}

static inline size_t slot_next(const struct slots *slots, size_t at)
{
	return at + 1 == slots->n ? 0 : at + 1;
}

static int slots_resize(struct slots *slots, size_t n, struct error *err)
{
	struct slots larger = { .n = n, .n_used = slots->n_used };

	if (n > UINT32_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "more than %u paths or digests to load", UINT32_MAX);
	if (large_take(&larger.memory, n * sizeof(*larger.at), err) < 0)
		return -1;
	larger.at = larger.memory.at;
	for (size_t i = 0; i < slots->n; i++) {
		size_t at;

		if (!slots->at[i].place)
			continue;
		at = slot_first(&larger, slots->at[i].tag);
		while (larger.at[at].place)
			at = slot_next(&larger, at);
		larger.at[at] = slots->at[i];
	}
	large_free(&slots->memory);
	*slots = larger;
	return 0;
}

/* Room for n more, at most three quarters full. */
static int slots_reserve(struct slots *slots, size_t n, struct error *err)
{
	if (4 * (slots->n_used + n) <= 3 * slots->n)
		return 0;
	return slots_resize(slots, slots->n + slots->n / 2 + 2 * n + 1024, err);
}

static void slots_set(struct slots *slots, size_t at, uint32_t tag, uint32_t place)
{
	slots->at[at] = (struct slot){ tag, place };
	slots->n_used++;
}

/* --- paths -------------------------------------------------------------------------------------- */

int golden_table_new(size_t n_files, struct golden_table **out, struct error *err)
{
	AUTO(golden_table_freep) struct golden_table *table = calloc(1, sizeof(*table));
	/* What a database says of itself sizes nothing large at once. */
	size_t n = n_files < 16 << 20 ? n_files : 16 << 20;

	if (!table)
		return error_memory(err, NULL);
	if (hash_key_init(&table->key, err) < 0 ||
	    slots_resize(&table->paths, n + n * 3 / 8 + 16, err) < 0)
		return -1;
	*out = TAKE(table);
	return 0;
}

void golden_table_free(struct golden_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->n_chunks; i++)
		large_free(&table->chunks[i].memory);
	free(table->chunks);
	large_free(&table->paths.memory);
	large_free(&table->digests.memory);
	free(table->digest_marks);
	free(table);
}

void golden_table_freep(struct golden_table **table)
{
	golden_table_free(*table);
}

uint32_t golden_table_tag(const struct golden_table *table, struct bytes path)
{
	return (uint32_t)(hash_bytes(&table->key, path) >> 32);
}

void golden_table_expect(const struct golden_table *table, uint32_t tag)
{
	__builtin_prefetch(&table->paths.at[slot_first(&table->paths, tag)]);
}

/* The record of a path, or NULL; *at is its slot, or the free one that it would have. */
static struct golden_record *find(const struct golden_table *table, struct bytes path, uint32_t tag,
				  size_t *at)
{
	const struct slots *slots = &table->paths;

	for (*at = slot_first(slots, tag);; *at = slot_next(slots, *at)) {
		const struct slot *slot = &slots->at[*at];
		struct golden_record *record;

		if (!slot->place)
			return NULL;
		if (slot->tag != tag)
			continue;
		record = record_at(table, slot->place);
		if (record->size == path.size && memcmp(record->path, path.data, path.size) == 0)
			return record;
	}
}

const struct golden_record *golden_table_find(const struct golden_table *table, struct bytes path,
					      uint32_t tag)
{
	size_t at;

	return find(table, path, tag, &at);
}

static struct golden_entry *find_entry(const struct golden_table *table,
				       const struct golden_record *record, enum alg alg,
				       const uint8_t *value)
{
	for (uint32_t next = record->first; next;) {
		struct golden_entry *entry = entry_at(table, next);

		if (entry->alg == alg && memcmp(entry->value, value, alg_size(alg)) == 0)
			return entry;
		next = entry->next;
	}
	return NULL;
}

const struct golden_entry *golden_table_entry(const struct golden_table *table,
					      const struct golden_record *record,
					      const struct digest *digest)
{
	return find_entry(table, record, digest->alg, digest->value);
}

static void entry_write(struct golden_table *table, uint32_t place, enum alg alg,
			const uint8_t *value, uint8_t marks)
{
	struct golden_entry *entry = entry_at(table, place);

	*entry = (struct golden_entry){ .alg = (uint8_t)alg, .marks = marks };
	memcpy(entry->value, value, alg_size(alg));
	table->n_entries++;
}

/* A file's digest that the record may have already. */
static int entry_add(struct golden_table *table, struct golden_record *record, enum alg alg,
		     const uint8_t *value, uint8_t marks, struct error *err)
{
	struct golden_entry *entry = find_entry(table, record, alg, value);
	uint32_t place;

	if (entry) {
		entry->marks |= marks;
		return 0;
	}
	if (arena_take(table, entry_size(alg), &place, err) < 0)
		return -1;
	entry_write(table, place, alg, value, marks);
	/* Behind the first, which stays beside its record. */
	if (record->first) {
		entry_at(table, place)->next = entry_at(table, record->first)->next;
		entry_at(table, record->first)->next = place;
	} else {
		record->first = place;
	}
	return 0;
}

/* The path's first file: record and entries in one run. */
static int record_add(struct golden_table *table, const struct golden_candidate *file, size_t at,
		      struct golden_record **out, struct error *err)
{
	alg_set algs = file->algs & ~(alg_set)(1u << ALG_MD5);
	size_t size = record_size(file->path.size);
	struct golden_record *record;
	uint32_t place;

	if (algs)
		size += entry_size((enum alg)__builtin_ctz(algs));
	if (arena_take(table, size, &place, err) < 0)
		return -1;
	record = record_at(table, place);
	*record = (struct golden_record){ .is_record = GOLDEN_RECORD,
					  .size = (uint16_t)file->path.size };
	memcpy(record->path, file->path.data, file->path.size);
	if (algs)
		record->first = place + (uint32_t)(record_size(file->path.size) / WORD);
	slots_set(&table->paths, at, file->tag, place);
	*out = record;
	return 0;
}

static int file_add(struct golden_table *table, const struct golden_candidate *file,
		    struct error *err)
{
	const alg_set md5 = 1u << ALG_MD5;
	const uint8_t *value = file->digests;
	size_t at;
	struct golden_record *record = find(table, file->path, file->tag, &at);
	uint32_t first = 0; /* reserved beside the record */

	if (!record) {
		if (record_add(table, file, at, &record, err) < 0)
			return -1;
		first = record->first;
	}
	record->marks |= file->marks;
	if (file->marks & MARK_CHOSEN) {
		record->flags |= file->flags;
		record->algs |= (uint16_t)(file->algs & ~md5);
	}
	for (alg_set algs = file->algs; algs; algs &= algs - 1) {
		enum alg alg = (enum alg)__builtin_ctz(algs);

		if (alg != ALG_MD5) {
			if (first)
				entry_write(table, first, alg, value, file->marks);
			else if (entry_add(table, record, alg, value, file->marks, err) < 0)
				return -1;
			first = 0;
		}
		value += alg_size(alg);
	}
	return 0;
}

int golden_table_add(struct golden_table *table, const struct golden_candidate *files, size_t n,
		     struct error *err)
{
	if (slots_reserve(&table->paths, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (file_add(table, &files[i], err) < 0)
			return -1;
	return 0;
}

/* --- digests ------------------------------------------------------------------------------------ */

static uint32_t digest_tag(const struct golden_table *table, enum alg alg, const uint8_t *value)
{
	return (uint32_t)(hash_digest(&table->key, alg, value) >> 32);
}

/* The slot of a digest, or the free one that it would have. */
static size_t digest_slot(const struct golden_table *table, enum alg alg, const uint8_t *value,
			  uint32_t tag)
{
	const struct slots *slots = &table->digests;
	size_t at = slot_first(slots, tag);

	for (; slots->at[at].place; at = slot_next(slots, at)) {
		const struct golden_entry *entry;

		if (slots->at[at].tag != tag)
			continue;
		entry = entry_at(table, slots->at[at].place);
		if (entry->alg == alg && memcmp(entry->value, value, alg_size(alg)) == 0)
			break;
	}
	return at;
}

/* Entries that wait for their slots to come from memory. */
#define EXPECTED 32

struct waiting {
	uint32_t tags[EXPECTED], places[EXPECTED];
	size_t n;
};

static void index_entries(struct golden_table *table, struct waiting *waiting)
{
	for (size_t i = 0; i < waiting->n; i++) {
		const struct golden_entry *entry = entry_at(table, waiting->places[i]);
		size_t at =
			digest_slot(table, (enum alg)entry->alg, entry->value, waiting->tags[i]);

		if (!table->digests.at[at].place)
			slots_set(&table->digests, at, waiting->tags[i], waiting->places[i]);
		table->digest_marks[at] |= entry->marks;
	}
	waiting->n = 0;
}

static void index_entry(struct golden_table *table, struct waiting *waiting, uint32_t place)
{
	const struct golden_entry *entry = entry_at(table, place);
	uint32_t tag = digest_tag(table, (enum alg)entry->alg, entry->value);
	size_t first = slot_first(&table->digests, tag);

	__builtin_prefetch(&table->digests.at[first]);
	__builtin_prefetch(&table->digest_marks[first]);
	waiting->tags[waiting->n] = tag;
	waiting->places[waiting->n++] = place;
	if (waiting->n == EXPECTED)
		index_entries(table, waiting);
}

int golden_table_finish(struct golden_table *table, struct error *err)
{
	struct waiting waiting = { .n = 0 };
	size_t n = table->n_entries + table->n_entries * 3 / 8 + 16;

	if (slots_resize(&table->digests, n, err) < 0)
		return -1;
	table->digest_marks = calloc(n, 1);
	if (!table->digest_marks)
		return error_memory(err, NULL);
	/* All entries in the order in which they lie. */
	for (size_t i = 0; i < table->n_chunks; i++) {
		size_t at = i ? 0 : WORD;

		while (at < table->chunks[i].used) {
			uint32_t place = (uint32_t)(i * CHUNK_WORDS + at / WORD);
			const struct golden_record *record = record_at(table, place);

			if (record->is_record == GOLDEN_RECORD) {
				at += record_size(record->size);
				continue;
			}
			index_entry(table, &waiting, place);
			at += entry_size((enum alg)entry_at(table, place)->alg);
		}
	}
	index_entries(table, &waiting);
	return 0;
}

uint8_t golden_table_digest(const struct golden_table *table, const struct digest *digest)
{
	size_t at = digest_slot(table, digest->alg, digest->value,
				digest_tag(table, digest->alg, digest->value));

	return table->digests.at[at].place ? table->digest_marks[at] : 0;
}
