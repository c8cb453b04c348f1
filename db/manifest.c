/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* qsort_r */
#include "db/manifest.h"

#include <inttypes.h>

#define MANIFEST_VERSION 1

/* Smallest encodings, so that a count is known to be impossible before it is believed. */
#define FILE_SIZE_MIN  (2 + 2 + 1 + 1 + 1 + 2 + 8 + 2)
#define LINK_SIZE_MIN  (2 + 2 + 1 + 2)
#define EXTRA_SIZE_MIN (4 + 4 * 4)

static int malformed(const struct reader *in, uint64_t offset, struct error *err, const char *what)
{
	return error_set(err, ERROR_MALFORMED, in->source, offset, "manifest: %s", what);
}

/* The version and the padding of either blob. */
static int version_parse(struct reader *in, struct error *err)
{
	uint64_t at = reader_offset(in);
	uint8_t version = reader_u8(in), zero = reader_u8(in);

	if (reader_check(in, err) < 0)
		return -1;
	if (version != MANIFEST_VERSION || zero)
		return error_set(err, ERROR_UNSUPPORTED, in->source, at,
				 "manifest: version %u.%u, this Assay reads %d.0", version, zero,
				 MANIFEST_VERSION);
	return 0;
}

static int count_parse(struct reader *in, size_t size_min, uint32_t *out, struct error *err)
{
	uint64_t at = reader_offset(in);
	uint32_t n = reader_le32(in);

	if (reader_check(in, err) < 0)
		return -1;
	if (n > reader_left(in) / size_min)
		return error_set(err, ERROR_LIMIT, in->source, at,
				 "manifest: %" PRIu32
				 " entries of at least %zu bytes, %zu bytes left",
				 n, size_min, reader_left(in));
	*out = n;
	return 0;
}

int manifest_open(struct manifest *manifest, struct bytes blob, const char *source,
		  struct error *err)
{
	manifest->in = reader_of(blob, 0, source);
	manifest->n_links = 0;
	manifest->links_begun = false;
	manifest->path_size = 0;
	return version_parse(&manifest->in, err) < 0
		       ? -1
		       : count_parse(&manifest->in, FILE_SIZE_MIN, &manifest->n_files, err);
}

/* How many bytes two runs begin with in common. */
static size_t common_size(const uint8_t *a, const uint8_t *b, size_t size)
{
	size_t n = 0;

	while (n < size && a[n] == b[n])
		n++;
	return n;
}

/*
 * The next path of a list in ascending order. It must share just as many bytes as there are to
 * share, and be greater at the first that differs: one order, one encoding.
 */
static int path_parse(struct manifest *manifest, size_t *shared_out, struct error *err)
{
	struct reader *in = &manifest->in;
	uint64_t at = reader_offset(in);
	size_t shared = reader_le16(in), size = reader_le16(in);
	const uint8_t *tail = reader_take(in, size);

	if (!tail)
		return reader_check(in, err);
	if (shared > manifest->path_size || size == 0 || shared + size >= PATH_SIZE_MAX)
		return malformed(in, at, err, "a path of impossible size");
	if (shared < manifest->path_size && tail[0] <= manifest->path[shared])
		return malformed(in, at, err, "a path out of order");
	memcpy(manifest->path + shared, tail, size);
	manifest->path_size = shared + size;
	if (manifest->path[0] != '/' || memchr(tail, 0, size))
		return malformed(in, at, err, "a path that no file can have");
	*shared_out = shared;
	return 0;
}

int manifest_next(struct manifest *manifest, struct manifest_file *out, struct error *err)
{
	struct reader *in = &manifest->in;
	uint64_t at = reader_offset(in);

	if (manifest->n_files == 0)
		return 0;
	if (path_parse(manifest, &out->shared, err) < 0)
		return -1;
	out->path = bytes_of(manifest->path, manifest->path_size);
	out->kind = (enum file_kind)reader_u8(in);
	out->flags = reader_u8(in);
	out->mode = reader_le16(in);
	out->size = reader_le64(in);
	out->algs = reader_le16(in);
	if (out->algs >> ALG_COUNT)
		return error_set(err, ERROR_UNSUPPORTED, in->source, at,
				 "manifest: digests of unknown algorithms (set 0x%" PRIx32 ")",
				 out->algs);
	for (alg_set algs = out->algs; algs; algs &= algs - 1) {
		unsigned alg = (unsigned)__builtin_ctz(algs);

		out->digests[alg] = reader_take(in, alg_size((enum alg)alg));
	}
	if (reader_check(in, err) < 0)
		return -1;
	if (out->kind >= KIND_COUNT || out->flags & ~(uint32_t)MANIFEST_FLAGS ||
	    out->size > INT64_MAX)
		return malformed(in, at, err, "a file's kind, flags or size out of range");
	manifest->n_files--;
	return 1;
}

int manifest_next_link(struct manifest *manifest, struct manifest_link *out, struct error *err)
{
	struct reader *in = &manifest->in;
	uint64_t at;
	size_t shared;

	if (!manifest->links_begun) {
		if (count_parse(in, LINK_SIZE_MIN, &manifest->n_links, err) < 0)
			return -1;
		manifest->links_begun = true;
		manifest->path_size = 0;
	}
	if (manifest->n_links == 0)
		return reader_finish(in, err);
	if (path_parse(manifest, &shared, err) < 0)
		return -1;
	at = reader_offset(in);
	out->path = bytes_of(manifest->path, manifest->path_size);
	out->target = reader_bytes(in, reader_le16(in));
	if (reader_check(in, err) < 0)
		return -1;
	if (out->target.size >= PATH_SIZE_MAX || memchr(out->target.data, 0, out->target.size))
		return malformed(in, at, err, "a link's target that no link can have");
	manifest->n_links--;
	return 1;
}

int extras_open(struct extras *extras, struct bytes blob, const char *source, struct error *err)
{
	extras->in = reader_of(blob, 0, source);
	extras->last = -1;
	return version_parse(&extras->in, err) < 0
		       ? -1
		       : count_parse(&extras->in, EXTRA_SIZE_MIN, &extras->n_left, err);
}

int extras_next(struct extras *extras, struct manifest_extra *out, struct error *err)
{
	struct reader *in = &extras->in;
	uint64_t at = reader_offset(in);

	if (extras->n_left == 0)
		return reader_finish(in, err);
	out->number = reader_le32(in);
	out->capabilities = reader_bytes(in, reader_le32(in));
	out->build_id = reader_bytes(in, reader_le32(in));
	out->ima_signature = reader_bytes(in, reader_le32(in));
	out->verity_signature = reader_bytes(in, reader_le32(in));
	if (reader_check(in, err) < 0)
		return -1;
	if (out->number <= extras->last)
		return malformed(in, at, err, "extras out of order");
	if (!out->capabilities.size && !out->build_id.size && !out->ima_signature.size &&
	    !out->verity_signature.size)
		return malformed(in, at, err, "extras with nothing in them");
	extras->last = out->number;
	extras->n_left--;
	return 1;
}

/* --- writing ----------------------------------------------------------------------------------- */

/* Where a file's parts are in the writer's text, its extras among them. */
struct pending {
	size_t at; /* path; then the digests; then the extras */
	size_t order;
	uint32_t extras[4]; /* sizes */
	uint64_t size;
	uint32_t path_size;
	uint32_t mode;
	uint16_t algs;
	uint8_t kind, flags;
	bool dropped; /* another one of that path came later */
};

struct manifest_writer {
	struct buf text;
	struct pending *files, *links; /* owned; a link's target is its first extra */
	size_t n_files, files_size, n_links, links_size;
	bool files_sorted, links_sorted;
	struct buf manifest, extras; /* what was made */
};

int manifest_writer_new(struct manifest_writer **out, struct error *err)
{
	struct manifest_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return error_memory(err, NULL);
	manifest_writer_clear(writer);
	*out = writer;
	return 0;
}

void manifest_writer_free(struct manifest_writer *writer)
{
	if (!writer)
		return;
	buf_clear(&writer->text);
	buf_clear(&writer->manifest);
	buf_clear(&writer->extras);
	free(writer->files);
	free(writer->links);
	free(writer);
}

/* Keeps its memory for the next manifest, unless it ran out of it. */
static void reuse(struct buf *buf)
{
	if (buf->failed)
		buf_clear(buf);
	buf->size = 0;
}

void manifest_writer_clear(struct manifest_writer *writer)
{
	reuse(&writer->text);
	reuse(&writer->manifest);
	reuse(&writer->extras);
	writer->n_files = writer->n_links = 0;
	writer->files_sorted = writer->links_sorted = true;
}

static struct bytes pending_path(const struct manifest_writer *writer, const struct pending *item)
{
	return bytes_of(writer->text.data + item->at, item->path_size);
}

/* One more item at the end of a list, its path copied; NULL when out of memory. */
static struct pending *pending_add(struct manifest_writer *writer, struct pending **items,
				   size_t *n_items, size_t *size, bool *sorted, struct bytes path)
{
	struct pending *item;

	if (*n_items == *size) {
		size_t larger_size = *size ? 2 * *size : 128;
		struct pending *larger = realloc(*items, larger_size * sizeof(*larger));

		if (!larger)
			return NULL;
		*items = larger;
		*size = larger_size;
	}
	item = &(*items)[*n_items];
	*item = (struct pending){ .at = writer->text.size,
				  .order = *n_items,
				  .path_size = (uint32_t)path.size };
	buf_append(&writer->text, path);
	if (writer->text.failed)
		return NULL;
	if (*n_items && bytes_compare(pending_path(writer, item - 1), path) >= 0)
		*sorted = false;
	++*n_items;
	return item;
}

/* A path that a file can have: absolute, of bounded length, without a NUL. */
static bool path_is_possible(struct bytes path)
{
	return path.size > 1 && path.size < PATH_SIZE_MAX && path.data[0] == '/' &&
	       !memchr(path.data, 0, path.size);
}

static int digests_add(struct manifest_writer *writer, struct pending *item,
		       const struct golden_file *file, struct error *err)
{
	const struct digest *by_alg[ALG_COUNT] = { NULL };

	for (size_t i = 0; i < file->n_digests; i++) {
		const struct digest *digest = &file->digests[i];

		if (digest->alg >= ALG_COUNT || digest->size != alg_size(digest->alg))
			return error_set(
				err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
				"a file's digest of an algorithm that Assay does not know");
		by_alg[digest->alg] = digest;
	}
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (by_alg[alg]) {
			item->algs |= (uint16_t)(1u << alg);
			buf_append(&writer->text, digest_bytes(by_alg[alg]));
		}
	return 0;
}

int manifest_writer_file(struct manifest_writer *writer, const struct golden_file *file,
			 struct error *err)
{
	const struct bytes extras[] = { file->capabilities, file->build_id, file->ima_signature,
					file->verity_signature };
	struct pending *item;

	if (!path_is_possible(file->path))
		return error_set(err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
				 "a path of %zu bytes that no file can have", file->path.size);
	if (file->kind >= KIND_COUNT || file->size > INT64_MAX || file->mode > UINT16_MAX)
		return error_set(err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
				 "a file of kind %d, mode 0%" PRIo32 " and %" PRIu64 " bytes",
				 file->kind, file->mode, file->size);
	item = pending_add(writer, &writer->files, &writer->n_files, &writer->files_size,
			   &writer->files_sorted, file->path);
	if (!item)
		return error_memory(err, NULL);
	item->kind = (uint8_t)file->kind;
	item->flags = (uint8_t)((file->flags & (FILE_CONFIG | FILE_DOC | FILE_GHOST)) |
				(file->executable ? MANIFEST_EXECUTABLE : 0) |
				(file->module_signed ? MANIFEST_MODULE_SIGNED : 0));
	item->mode = file->mode;
	item->size = file->size;
	if (digests_add(writer, item, file, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++) {
		if (extras[i].size > UINT32_MAX)
			return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
					 "a signature of %zu bytes", extras[i].size);
		item->extras[i] = (uint32_t)extras[i].size;
		buf_append(&writer->text, extras[i]);
	}
	return writer->text.failed ? error_memory(err, NULL) : 0;
}

int manifest_writer_link(struct manifest_writer *writer, const struct golden_link *link,
			 struct error *err)
{
	struct pending *item;

	if (!path_is_possible(link->path) || link->target.size >= PATH_SIZE_MAX ||
	    (link->target.size && memchr(link->target.data, 0, link->target.size)))
		return error_set(
			err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
			"a link from a path of %zu bytes to one of %zu that no link can have",
			link->path.size, link->target.size);
	item = pending_add(writer, &writer->links, &writer->n_links, &writer->links_size,
			   &writer->links_sorted, link->path);
	if (!item)
		return error_memory(err, NULL);
	item->extras[0] = (uint32_t)link->target.size;
	buf_append(&writer->text, link->target);
	return writer->text.failed ? error_memory(err, NULL) : 0;
}

static int pending_compare(const void *a, const void *b, void *ctx)
{
	const struct pending *left = a, *right = b;
	int order = bytes_compare(pending_path(ctx, left), pending_path(ctx, right));

	if (order != 0)
		return order;
	return left->order < right->order ? -1 : left->order > right->order;
}

/* Into the order of paths, the last of each path kept; the number that is left. */
static size_t pending_sort(struct manifest_writer *writer, struct pending *items, size_t n_items)
{
	size_t n = 0;

	qsort_r(items, n_items, sizeof(*items), pending_compare, writer);
	for (size_t i = 0; i < n_items; i++) {
		if (n && bytes_equal(pending_path(writer, &items[n - 1]),
				     pending_path(writer, &items[i])))
			n--;
		items[n++] = items[i];
	}
	return n;
}

static size_t digests_size(alg_set algs)
{
	size_t size = 0;

	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (algs & 1u << alg)
			size += alg_size(alg);
	return size;
}

static void write_le64(uint8_t *out, uint64_t value)
{
	for (size_t i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

/* The path as what it does not share with the one before. */
static void append_path(struct buf *out, struct bytes before, struct bytes path)
{
	size_t size = before.size < path.size ? before.size : path.size;
	size_t shared = common_size(before.data, path.data, size);

	buf_append_le16(out, (uint16_t)shared);
	buf_append_le16(out, (uint16_t)(path.size - shared));
	buf_append(out, bytes_of(path.data + shared, path.size - shared));
}

/* The digests of an item with those that the file had before; the set that it has now. */
static alg_set append_digests(struct buf *out, const struct manifest_writer *writer,
			      const struct pending *item, const struct manifest_file *before)
{
	const uint8_t *at = writer->text.data + item->at + item->path_size;
	alg_set algs = item->algs | (before ? before->algs : 0);

	buf_append_le16(out, (uint16_t)algs);
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		size_t size = alg_size(alg);

		if (item->algs & 1u << alg) {
			buf_append(out, bytes_of(at, size));
			at += size;
		} else if (algs & 1u << alg) {
			buf_append(out, bytes_of(before->digests[alg], size));
		}
	}
	return algs;
}

static void append_extras(struct manifest_writer *writer, const struct pending *item, size_t number,
			  uint32_t *n_extras)
{
	const uint8_t *at =
		writer->text.data + item->at + item->path_size + digests_size(item->algs);

	if (!item->extras[0] && !item->extras[1] && !item->extras[2] && !item->extras[3])
		return;
	++*n_extras;
	buf_append_le32(&writer->extras, (uint32_t)number);
	for (size_t i = 0; i < ARRAY_SIZE(item->extras); i++) {
		buf_append_le32(&writer->extras, item->extras[i]);
		buf_append(&writer->extras, bytes_of(at, item->extras[i]));
		at += item->extras[i];
	}
}

/* The file of that path in the manifest from before, both being in order; NULL if it had none. */
static int before_find(struct manifest *manifest, struct manifest_file *at, bool *more,
		       struct bytes path, const struct manifest_file **out, struct error *err)
{
	*out = NULL;
	while (*more) {
		int order = bytes_compare(at->path, path);
		int found;

		if (order == 0)
			*out = at;
		if (order >= 0)
			return 0;
		found = manifest_next(manifest, at, err);
		if (found < 0)
			return -1;
		*more = found;
	}
	return 0;
}

static int write_files(struct manifest_writer *writer, struct bytes before, const char *source,
		       alg_set *algs, struct error *err)
{
	struct buf *out = &writer->manifest;
	struct bytes last = { 0 };
	struct manifest manifest;
	struct manifest_file old = { 0 };
	uint32_t n_extras = 0;
	bool more = false;
	int found = 0;

	if (before.size && (manifest_open(&manifest, before, source, err) < 0 ||
			    (found = manifest_next(&manifest, &old, err)) < 0))
		return -1;
	more = found;
	buf_append_u8(&writer->extras, MANIFEST_VERSION);
	buf_append_u8(&writer->extras, 0);
	buf_append_le32(&writer->extras, 0);
	buf_append_le32(out, (uint32_t)writer->n_files);
	for (size_t i = 0; i < writer->n_files; i++) {
		const struct pending *item = &writer->files[i];
		struct bytes path = pending_path(writer, item);
		const struct manifest_file *had = NULL;
		uint8_t fields[12] = { item->kind, item->flags, (uint8_t)item->mode,
				       (uint8_t)(item->mode >> 8) };
		alg_set has;

		if (before.size && before_find(&manifest, &old, &more, path, &had, err) < 0)
			return -1;
		append_path(out, last, path);
		write_le64(fields + 4, item->size);
		buf_append(out, bytes_of(fields, sizeof(fields)));
		has = append_digests(out, writer, item, had);
		if (has)
			*algs &= has;
		append_extras(writer, item, i, &n_extras);
		last = path;
	}
	if (!writer->extras.failed)
		for (size_t i = 0; i < 4; i++)
			writer->extras.data[2 + i] = (uint8_t)(n_extras >> 8 * i);
	if (!n_extras)
		writer->extras.size = 0;
	return 0;
}

static void write_links(struct manifest_writer *writer)
{
	struct buf *out = &writer->manifest;
	struct bytes last = { 0 };

	buf_append_le32(out, (uint32_t)writer->n_links);
	for (size_t i = 0; i < writer->n_links; i++) {
		const struct pending *item = &writer->links[i];
		struct bytes path = pending_path(writer, item);

		append_path(out, last, path);
		buf_append_le16(out, (uint16_t)item->extras[0]);
		buf_append(out, bytes_of(path.data + path.size, item->extras[0]));
		last = path;
	}
}

int manifest_writer_finish(struct manifest_writer *writer, struct bytes before, const char *source,
			   struct manifest_blobs *out, struct error *err)
{
	if (!writer->files_sorted)
		writer->n_files = pending_sort(writer, writer->files, writer->n_files);
	if (!writer->links_sorted)
		writer->n_links = pending_sort(writer, writer->links, writer->n_links);
	if (writer->n_files > UINT32_MAX || writer->n_links > UINT32_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "more than %" PRIu32 " files", UINT32_MAX);
	writer->files_sorted = writer->links_sorted = true;
	writer->manifest.size = writer->extras.size = 0;
	*out = (struct manifest_blobs){ .algs = (1u << ALG_COUNT) - 1 };
	buf_append_u8(&writer->manifest, MANIFEST_VERSION);
	buf_append_u8(&writer->manifest, 0);
	if (write_files(writer, before, source, &out->algs, err) < 0)
		return -1;
	write_links(writer);
	if (writer->manifest.failed || writer->extras.failed)
		return error_memory(err, NULL);
	out->manifest = buf_bytes(&writer->manifest);
	out->extras = buf_bytes(&writer->extras);
	out->n_files = writer->n_files;
	out->n_links = writer->n_links;
	return 0;
}
