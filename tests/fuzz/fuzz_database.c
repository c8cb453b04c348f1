/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole database file from somebody else: opened, loaded, checked, asked. */
#include "db/internal.h"

#include "tests/fuzz/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGE_SIZE 512u

static int match(void *ctx, const struct golden_match *found, struct error *err)
{
	size_t *n = ctx;

	(void)err;
	if (found->path.size == 0 || !found->release || !found->artifact)
		abort();
	return ++*n > 1000 ? -1 : 0;
}

static void ask(struct db *db)
{
	static const char *const paths[] = { "/bin/sh", "/usr/bin/tool", "/etc/same", "x" };
	struct digest digest = { .alg = ALG_SHA256, .size = 32 };
	struct golden *golden = NULL;
	struct golden_result result;
	struct error err;

	if (golden_load(db, NULL, 0, &golden, &err) == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
			golden_lookup(golden, bytes_of_string(paths[i]), &digest, &result, &err);
		golden_free(golden);
	}
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		size_t n = 0;

		db_lookup_path(db, bytes_of_string(paths[i]), match, &n, &err);
	}
	for (unsigned first = 0; first < 256; first += 51) {
		size_t n = 0;

		digest.value[0] = (uint8_t)first;
		db_lookup_digest(db, &digest, match, &n, &err);
	}
	db_check(db, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct db *db = NULL;
	struct error err;
	uint8_t *file;
	const char *path;

	/* The magic and the size in pages are right, so that the rest is looked at. */
	size -= size % PAGE_SIZE;
	if (size < PAGE_SIZE)
		return 0;
	file = malloc(size);
	if (!file)
		return 0;
	memcpy(file, data, size);
	memcpy(file, "SQLite format 3\0\2\0\1\1", 20);
	for (unsigned i = 0; i < 4; i++)
		file[28 + i] = (uint8_t)(size / PAGE_SIZE >> (24 - 8 * i));
	memcpy(file + 92, file + 24, 4);
	path = scratch_write("database", bytes_of(file, size));
	free(file);
	if (db_open(path, DB_READ, &db, &err) == 0)
		ask(db);
	db_close(db);
	scratch_remove(path);
	return 0;
}
