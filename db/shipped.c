/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/shipped.h"

#include <inttypes.h>

#include "core/array.h"
#include "db/internal.h"

/* A file: what it is named by, and the SHA-256 of what was shipped for it. */
struct shipped_file {
	uint8_t name[32]; /* SHA-256 of algorithm, digest and canonical path */
	uint8_t signature[32];
};

struct shipped {
	struct shipped_file *files; /* owned; sorted */
	size_t n_files, capacity;
	size_t n_signed; /* files, each counted once */
};

void shipped_free(struct shipped *shipped)
{
	if (!shipped)
		return;
	free(shipped->files);
	free(shipped);
}

void shipped_freep(struct shipped **shipped)
{
	shipped_free(*shipped);
}

size_t shipped_n_files(const struct shipped *shipped)
{
	return shipped->n_signed;
}

static int name_of(struct hasher *hasher, enum alg alg, struct bytes value, struct bytes path,
		   uint8_t out[32], struct error *err)
{
	const uint8_t number = (uint8_t)alg;
	const struct bytes parts[] = {
		{&number, 1},
                value, path
	};
	struct digest digest;

	if (hasher_digest(hasher, ALG_SHA256, parts, ARRAY_SIZE(parts), &digest, err) < 0)
		return -1;
	memcpy(out, digest.value, 32);
	return 0;
}

static int add(struct shipped *shipped, const struct shipped_file *file, struct error *err)
{
	if (array_room(&shipped->files, shipped->n_files, &shipped->capacity,
		       sizeof(*shipped->files), NULL, err) < 0)
		return -1;
	shipped->files[shipped->n_files++] = *file;
	return 0;
}

/* One entry for each digest of a file: a log has one of them. */
static int add_file(struct shipped *shipped, struct hasher *hasher,
		    const struct manifest_file *file, struct bytes signature, struct error *err)
{
	uint8_t room[GOLDEN_PATH_MAX];
	struct shipped_file one;
	struct digest digest;
	struct bytes path;

	if (signature.size == 0 || !path_is_plain(file->path, 0))
		return 0;
	path = path_canonical(file->path, room);
	if (hasher_digest_bytes(hasher, ALG_SHA256, signature, &digest, err) < 0)
		return -1;
	memcpy(one.signature, digest.value, 32);
	for (alg_set algs = file->algs; algs; algs &= algs - 1) {
		enum alg alg = (enum alg)__builtin_ctz(algs);

		if (name_of(hasher, alg, bytes_of(file->digests[alg], alg_size(alg)), path,
			    one.name, err) < 0 ||
		    add(shipped, &one, err) < 0)
			return -1;
	}
	shipped->n_signed++;
	return 0;
}

/* Manifest and extras in step: extras are in the order of their files' numbers. */
static int read_files(struct shipped *shipped, struct hasher *hasher, struct bytes manifest_blob,
		      struct bytes extras_blob, const char *source, struct error *err)
{
	struct manifest manifest;
	struct manifest_file file;
	struct manifest_extra extra;
	struct extras extras;
	uint32_t number = 0;
	int found;

	if (manifest_open(&manifest, manifest_blob, source, err) < 0 ||
	    extras_open(&extras, extras_blob, source, err) < 0)
		return -1;
	while ((found = extras_next(&extras, &extra, err)) > 0) {
		int more = 1;

		while (number <= extra.number && (more = manifest_next(&manifest, &file, err)) > 0)
			number++;
		if (more < 0)
			return -1;
		if (!more)
			return error_set(err, ERROR_MALFORMED, source, ERROR_NO_OFFSET,
					 "has a signature of a file that its artifact has not");
		if (add_file(shipped, hasher, &file, extra.ima_signature, err) < 0)
			return -1;
	}
	return found;
}

/* Extras hold build ids, too: most artifacts ship no signature. */
static int has_signatures(struct bytes blob, const char *source, bool *out, struct error *err)
{
	struct manifest_extra extra;
	struct extras extras;
	int found;

	*out = false;
	if (extras_open(&extras, blob, source, err) < 0)
		return -1;
	while (!*out && (found = extras_next(&extras, &extra, err)) != 0) {
		if (found < 0)
			return -1;
		*out = extra.ima_signature.size > 0;
	}
	return 0;
}

static int read_artifact(struct shipped *shipped, struct db *db, const struct artifact_row *row,
			 struct error *err)
{
	AUTO(statement_reset) sqlite3_stmt *stmt = NULL;
	AUTO(buf_clear) struct buf extras = BUF_INIT;
	struct bytes blob;
	bool any;

	stmt = db_statement(db, SQL_CONTENT, err);
	if (!stmt || content_read(db, stmt, row->extras, &blob, err) < 0 ||
	    has_signatures(blob, db->path, &any, err) < 0)
		return -1;
	if (!any)
		return 0;
	buf_append(&extras, blob); /* it is valid until the next one is read */
	if (buf_finish(&extras, err) < 0 || content_read(db, stmt, row->manifest, &blob, err) < 0)
		return -1;
	return read_files(shipped, db->hasher, blob, buf_bytes(&extras), db->path, err);
}

static int by_name(const void *one, const void *other)
{
	return memcmp(one, other, sizeof(struct shipped_file));
}

static bool is_chosen(const struct release_list *all, uint32_t artifact,
		      const char *const *releases, size_t n_releases)
{
	for (size_t i = 0; i < all->n_items; i++) {
		bool chosen = n_releases == 0;

		for (size_t j = 0; j < n_releases && !chosen; j++)
			chosen = strcmp(all->items[i].name, releases[j]) == 0;
		if (chosen && release_holds(&all->items[i], artifact))
			return true;
	}
	return false;
}

int shipped_read(struct db *db, const char *const *releases, size_t n_releases,
		 struct shipped **out, struct error *err)
{
	AUTO(artifact_list_clear) struct artifact_list artifacts = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list all = { .text = BUF_INIT };
	AUTO(shipped_freep) struct shipped *shipped = calloc(1, sizeof(*shipped));

	if (!shipped)
		return error_memory(err, db->path);
	if (artifacts_read(db, &artifacts, err) < 0 || releases_read(db, &artifacts, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < artifacts.n_items; i++)
		if (artifacts.items[i].extras >= 0 &&
		    is_chosen(&all, (uint32_t)i, releases, n_releases) &&
		    read_artifact(shipped, db, &artifacts.items[i], err) < 0)
			return -1;
	if (shipped->n_files)
		qsort(shipped->files, shipped->n_files, sizeof(*shipped->files), by_name);
	*out = TAKE(shipped);
	return 0;
}

int shipped_compare(const struct shipped *shipped, struct hasher *hasher, struct bytes path,
		    const struct digest *digest, struct bytes signature, enum shipped_answer *out,
		    struct error *err)
{
	struct shipped_file wanted = { { 0 }, { 0 } };
	char canonical[GOLDEN_PATH_MAX];
	size_t low = 0, high = shipped->n_files;
	struct digest own;

	*out = SHIPPED_NONE;
	if (high == 0 || !golden_path(path, canonical, sizeof(canonical)))
		return 0;
	if (name_of(hasher, digest->alg, digest_bytes(digest), bytes_of_string(canonical),
		    wanted.name, err) < 0 ||
	    hasher_digest_bytes(hasher, ALG_SHA256, signature, &own, err) < 0)
		return -1;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(&shipped->files[middle], &wanted, sizeof(wanted)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < shipped->n_files &&
	       memcmp(shipped->files[low].name, wanted.name, sizeof(wanted.name)) == 0;
	     low++) {
		if (memcmp(shipped->files[low].signature, own.value, 32) == 0) {
			*out = SHIPPED_SAME;
			return 0;
		}
		*out = SHIPPED_OTHER;
	}
	return 0;
}
