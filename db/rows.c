/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "db/internal.h"

#include "core/array.h"

/* How far a number may be from its digest's: 47 bits do not meet often enough for more. */
#define NUMBER_DISTANCE 1000

int64_t row_number(const uint8_t digest[32])
{
	uint64_t number = 0;

	/* 48 bits, which SQLite stores in 6 bytes, less one for the sign. */
	for (size_t i = 0; i < 6; i++)
		number = number << 8 | digest[i];
	return (int64_t)(number >> 1);
}

/* An integer column; one outside 0 .. max makes *fine false. */
static uint64_t column_uint(sqlite3_stmt *stmt, int column, uint64_t max, bool *fine)
{
	int64_t value = sqlite3_column_int64(stmt, column);

	if (value < 0 || (uint64_t)value > max)
		*fine = false;
	return (uint64_t)value;
}

/* The number of a content, -1 for NULL. */
static int64_t column_reference(sqlite3_stmt *stmt, int column, bool *fine)
{
	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return -1;
	return (int64_t)column_uint(stmt, column, INT64_MAX, fine);
}

/* --- artifacts ------------------------------------------------------------------------------ */

static void append_le64(struct buf *out, uint64_t value)
{
	buf_append_le32(out, (uint32_t)value);
	buf_append_le32(out, (uint32_t)(value >> 32));
}

static void append_text(struct buf *out, struct bytes text)
{
	append_le64(out, text.size);
	buf_append(out, text);
}

int row_seal(struct db *db, const struct artifact_row *row, struct digest *out, struct error *err)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	const struct artifact *a = &row->artifact;

	append_le64(&text, a->kind);
	append_text(&text, digest_bytes(&a->digest));
	append_le64(&text, a->size);
	append_text(&text, a->name);
	append_text(&text, a->package);
	append_text(&text, a->evr);
	append_text(&text, a->arch);
	append_text(&text, a->vendor);
	append_text(&text, a->build_host);
	append_text(&text, a->source_rpm);
	append_le64(&text, (uint64_t)a->build_time);
	append_le64(&text, a->signature);
	append_text(&text, a->signer);
	append_le64(&text, a->header_only);
	append_le64(&text, row->algs);
	append_le64(&text, row->n_files);
	append_le64(&text, row->n_links);
	append_le64(&text, (uint64_t)row->manifest);
	append_le64(&text, (uint64_t)row->extras);
	append_le64(&text, (uint64_t)row->profiles);
	if (buf_finish(&text, err) < 0)
		return -1;
	return hasher_digest_bytes(db->hasher, ALG_SHA256, buf_bytes(&text), out, err);
}

int row_artifact(struct db *db, sqlite3_stmt *stmt, struct artifact_row *out, struct error *err)
{
	struct artifact_row row = { .id = sqlite3_column_int64(stmt, 0) };
	struct artifact *a = &row.artifact;
	struct digest seal;
	bool fine = true;

	a->kind = (enum artifact_kind)column_uint(stmt, 1, ARTIFACT_KIND_COUNT - 1, &fine);
	if (!digest_init(&a->digest, ALG_SHA256, column_bytes(stmt, 2)))
		fine = false;
	a->size = column_uint(stmt, 3, INT64_MAX, &fine);
	a->name = column_bytes(stmt, 4);
	a->package = column_bytes(stmt, 5);
	a->evr = column_bytes(stmt, 6);
	a->arch = column_bytes(stmt, 7);
	a->vendor = column_bytes(stmt, 8);
	a->build_host = column_bytes(stmt, 9);
	a->source_rpm = column_bytes(stmt, 10);
	a->build_time = sqlite3_column_int64(stmt, 11);
	a->signature = (enum signature_state)column_uint(stmt, 12, SIGNATURE_UNVERIFIABLE, &fine);
	a->signer = column_bytes(stmt, 13);
	a->header_only = column_uint(stmt, 14, 1, &fine);
	row.algs = (alg_set)column_uint(stmt, 15, (1u << ALG_COUNT) - 1, &fine);
	row.n_files = column_uint(stmt, 16, UINT32_MAX, &fine);
	row.n_links = column_uint(stmt, 17, UINT32_MAX, &fine);
	row.manifest = (int64_t)column_uint(stmt, 18, INT64_MAX, &fine);
	row.extras = column_reference(stmt, 19, &fine);
	row.profiles = column_reference(stmt, 20, &fine);
	if (!fine || a->name.size == 0)
		return db_damaged(db, err, "artifact %" PRId64 " has a value out of range", row.id);
	if (row_seal(db, &row, &seal, err) < 0)
		return -1;
	if (!bytes_equal(digest_bytes(&seal), column_bytes(stmt, 21)))
		return db_damaged(db, err,
				  "the row of artifact %" PRId64 " does not match its seal",
				  row.id);
	*out = row;
	return 0;
}

int artifact_next(struct db *db, sqlite3_stmt *stmt, struct artifact_row *out, struct error *err)
{
	int found = db_step(db, stmt, err);

	return found > 0 && row_artifact(db, stmt, out, err) < 0 ? -1 : found;
}

static int artifact_list_add(struct artifact_list *list, size_t *size,
			     const struct artifact_row *row, struct error *err)
{
	const struct artifact *a = &row->artifact;
	const struct bytes strings[] = { a->name,   a->package,    a->evr,        a->arch,
					 a->vendor, a->build_host, a->source_rpm, a->signer };

	if (array_room(&list->items, list->n_items, size, sizeof(*list->items), NULL, err) < 0)
		return -1;
	list->items[list->n_items++] = *row;
	/* Each is ended by a NUL, so that it may serve as a C string. */
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		buf_append(&list->text, strings[i]);
		buf_append_u8(&list->text, 0);
	}
	return list->text.failed ? error_memory(err, NULL) : 0;
}

static int artifacts_of(struct db *db, enum statement which, struct artifact_list *out,
			struct error *err)
{
	AUTO(artifact_list_clear) struct artifact_list list = { .text = BUF_INIT };
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, which, err);
	size_t size = 0, at = 0;
	struct artifact_row row;
	int found = -1;

	while (stmt && (found = artifact_next(db, stmt, &row, err)) > 0)
		if (artifact_list_add(&list, &size, &row, err) < 0)
			return -1;
	if (found < 0)
		return -1;
	for (size_t i = 0; i < list.n_items; i++) {
		struct artifact *a = &list.items[i].artifact;
		struct bytes *strings[] = {
			&a->name,   &a->package,    &a->evr,        &a->arch,
			&a->vendor, &a->build_host, &a->source_rpm, &a->signer
		};

		for (size_t k = 0; k < ARRAY_SIZE(strings); k++) {
			strings[k]->data = list.text.data + at;
			at += strings[k]->size + 1;
		}
	}
	*out = list;
	list = (struct artifact_list){ .text = BUF_INIT };
	return 0;
}

int artifacts_read(struct db *db, struct artifact_list *out, struct error *err)
{
	return artifacts_of(db, SQL_ARTIFACTS, out, err);
}

int boots_read(struct db *db, struct artifact_list *out, struct error *err)
{
	return artifacts_of(db, SQL_BOOTS, out, err);
}

int key_artifacts_read(struct db *db, struct artifact_list *out, struct error *err)
{
	return artifacts_of(db, SQL_KEYS, out, err);
}

void artifact_list_clear(struct artifact_list *list)
{
	free(list->items);
	buf_clear(&list->text);
	*list = (struct artifact_list){ .text = BUF_INIT };
}

struct artifact_row *artifact_list_find(const struct artifact_list *list, int64_t id)
{
	size_t low = 0, high = list->n_items;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->items[middle].id == id)
			return &list->items[middle];
		if (list->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* --- contents ------------------------------------------------------------------------------------ */

static int content_missing(struct db *db, int64_t id, struct error *err)
{
	return db_damaged(db, err, "content %" PRId64 " is missing", id);
}

/* The content of the row at hand, checked against its digest. */
static int content_take(struct db *db, sqlite3_stmt *stmt, int64_t id, struct bytes *out,
			struct error *err)
{
	struct digest digest;

	*out = column_bytes(stmt, 1);
	if (hasher_digest_bytes(db->hasher, ALG_SHA256, *out, &digest, err) < 0)
		return -1;
	if (!bytes_equal(digest_bytes(&digest), column_bytes(stmt, 0)) ||
	    id < row_number(digest.value) || id - row_number(digest.value) > NUMBER_DISTANCE)
		return db_damaged(db, err, "content %" PRId64 " does not match its digest", id);
	return 0;
}

int content_read(struct db *db, sqlite3_stmt *stmt, int64_t id, struct bytes *out,
		 struct error *err)
{
	int found;

	sqlite3_reset(stmt);
	sqlite3_bind_int64(stmt, 1, id);
	found = db_step(db, stmt, err);
	if (found < 0)
		return -1;
	return found ? content_take(db, stmt, id, out, err) : content_missing(db, id, err);
}

int content_next(struct db *db, sqlite3_stmt *stmt, int64_t id, struct bytes *out,
		 struct error *err)
{
	for (;;) {
		int found = db_step(db, stmt, err);

		if (found < 0)
			return -1;
		if (!found || sqlite3_column_int64(stmt, 2) > id)
			return content_missing(db, id, err);
		if (sqlite3_column_int64(stmt, 2) == id)
			return content_take(db, stmt, id, out, err);
	}
}

/* --- releases -------------------------------------------------------------------------------------- */

int release_numbers(struct db *db, const struct release *release, int64_t **out, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_MEMBERS, err);
	AUTO(own_free) int64_t *numbers = NULL;
	size_t n = 0, size = 0;
	int found;

	if (!stmt)
		return -1;
	bind_bytes(stmt, 1, bytes_of_string(release->name));
	while ((found = db_step(db, stmt, err)) > 0) {
		if (array_room(&numbers, n, &size, sizeof(*numbers), db->path, err) < 0)
			return -1;
		numbers[n++] = sqlite3_column_int64(stmt, 0);
	}
	if (found < 0)
		return -1;
	if (n != release->n_artifacts)
		return db_damaged(db, err, "a release holds %zu artifacts, not %zu", n,
				  release->n_artifacts);
	*out = TAKE(numbers);
	return 0;
}

int release_has(struct db *db, const char *release, int64_t artifact, bool *out, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_MEMBER_FIND, err);
	int found;

	if (!stmt)
		return -1;
	bind_bytes(stmt, 1, bytes_of_string(release));
	sqlite3_bind_int64(stmt, 2, artifact);
	found = db_step(db, stmt, err);
	*out = found > 0;
	return found < 0 ? -1 : 0;
}

/* The artifacts of one release, in the list. */
static int members_read(struct db *db, const struct artifact_list *artifacts, struct release *out,
			struct error *err)
{
	AUTO(own_free) int64_t *numbers = NULL;
	AUTO(own_free) uint32_t *members = NULL;
	size_t n_boots = 0;

	if (release_numbers(db, out, &numbers, err) < 0)
		return -1;
	members = calloc(out->n_artifacts + 1, sizeof(*members));
	if (!members)
		return error_memory(err, db->path);
	for (size_t i = 0; i < out->n_artifacts; i++) {
		const struct artifact_row *row = artifact_list_find(artifacts, numbers[i]);

		if (!row)
			return db_damaged(db, err,
					  "a release holds artifact %" PRId64 ", which is missing",
					  numbers[i]);
		members[i] = (uint32_t)(row - artifacts->items);
		n_boots += row->artifact.kind == ARTIFACT_BOOT;
	}
	if (n_boots != out->n_boots)
		return db_damaged(db, err, "a release holds %zu boots, not %zu", n_boots,
				  out->n_boots);
	out->artifacts = TAKE(members);
	return 0;
}

/* The releases without their artifacts; each one's name is its offset in the text so far. */
static int names_read(struct db *db, struct release_list *list, struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = db_statement(db, SQL_RELEASES, err);
	size_t size = 0, at = 0;
	int found = -1;

	while (stmt && (found = db_step(db, stmt, err)) > 0) {
		struct bytes name = column_bytes(stmt, 0);

		if (name.size == 0 || memchr(name.data, 0, name.size))
			return db_damaged(db, err, "a release has no proper name");
		if (array_room(&list->items, list->n_items, &size, sizeof(*list->items), db->path,
			       err) < 0)
			return -1;
		list->items[list->n_items++] =
			(struct release){ .n_artifacts = (size_t)sqlite3_column_int64(stmt, 1),
					  .n_boots = (size_t)sqlite3_column_int64(stmt, 2) };
		buf_append(&list->text, name);
		buf_append_u8(&list->text, 0);
	}
	if (found < 0)
		return -1;
	if (list->text.failed)
		return error_memory(err, db->path);
	for (size_t i = 0; i < list->n_items; i++) {
		list->items[i].name = (const char *)list->text.data + at;
		at += strlen(list->items[i].name) + 1;
	}
	return 0;
}

int release_names_read(struct db *db, struct release_list *out, struct error *err)
{
	AUTO(release_list_clear) struct release_list list = { .text = BUF_INIT };

	if (names_read(db, &list, err) < 0)
		return -1;
	*out = list;
	list = (struct release_list){ .text = BUF_INIT };
	return 0;
}

int releases_read(struct db *db, const struct artifact_list *artifacts, struct release_list *out,
		  struct error *err)
{
	AUTO(release_list_clear) struct release_list list = { .text = BUF_INIT };

	if (names_read(db, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n_items; i++)
		if (members_read(db, artifacts, &list.items[i], err) < 0)
			return -1;
	*out = list;
	list = (struct release_list){ .text = BUF_INIT };
	return 0;
}

void release_list_clear(struct release_list *list)
{
	for (size_t i = 0; i < list->n_items; i++)
		free(list->items[i].artifacts);
	free(list->items);
	buf_clear(&list->text);
	*list = (struct release_list){ .text = BUF_INIT };
}

const struct release *release_list_find(struct db *db, const struct release_list *list,
					const char *name, struct error *err)
{
	for (size_t i = 0; i < list->n_items; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	error_set(err, ERROR_USAGE, db->path, ERROR_NO_OFFSET, "holds no release '%s'", name);
	return NULL;
}

bool release_holds(const struct release *release, uint32_t artifact)
{
	size_t low = 0, high = release->n_artifacts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (release->artifacts[middle] == artifact)
			return true;
		if (release->artifacts[middle] < artifact)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
