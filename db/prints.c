/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/prints.h"

#include <assert.h>
#include <inttypes.h>

#include "db/internal.h"

#define PRINTS_VERSION 1

/* The name of an algorithm, its colon and NUL, a digest, a path and its NUL, two lengths. */
#define MESSAGE_MAX (4 + 16 + DIGEST_SIZE_MAX + 4 + GOLDEN_PATH_MAX + 1)

/* The field d-ng up to its digest: the length, "sha256:" and a NUL (ima_template_lib.c). */
struct head {
	uint8_t size;
	uint8_t bytes[4 + 16];
};

static struct head head_of(enum alg alg)
{
	const char *name = alg_name(alg);
	size_t size = strlen(name);
	struct head head = { .size = (uint8_t)(4 + size + 2) };

	assert(head.size <= sizeof(head.bytes));
	head.bytes[0] = (uint8_t)(size + 2 + alg_size(alg));
	memcpy(head.bytes + 4, name, size);
	head.bytes[4 + size] = ':';
	return head;
}

void prints_clear(struct print_batch *batch)
{
	batch->n = batch->used = 0;
}

bool prints_add(struct print_batch *batch, struct bytes path, enum alg alg, const uint8_t *value)
{
	const struct head head = head_of(alg);
	const uint32_t path_size = (uint32_t)path.size + 1;
	uint8_t *at = batch->room + batch->used;
	size_t value_size = alg_size(alg);

	assert(path.size < GOLDEN_PATH_MAX);
	if (batch->n == PRINTS_BATCH ||
	    sizeof(batch->room) - batch->used < head.size + value_size + 4 + path_size)
		return false;
	batch->messages[batch->n++] = bytes_of(at, head.size + value_size + 4 + path_size);
	memcpy(at, head.bytes, head.size);
	at += head.size;
	memcpy(at, value, value_size);
	at += value_size;
	for (size_t i = 0; i < 4; i++)
		*at++ = (uint8_t)(path_size >> 8 * i);
	if (path.size)
		memcpy(at, path.data, path.size);
	at[path.size] = 0;
	batch->used = (size_t)(at - batch->room) + path_size;
	return true;
}

_Static_assert(sizeof(((struct print_batch *)NULL)->room) >= MESSAGE_MAX, "room for any file");

int prints_compute(struct print_batch *batch, struct hasher *hasher, struct error *err)
{
	struct digest *const digests[] = { [ALG_SHA1] = NULL, [ALG_SHA256] = batch->digests };

	return hasher_digest_batch(hasher, 1u << ALG_SHA256, batch->messages, batch->n, digests,
				   err);
}

/* --- of an artifact ------------------------------------------------------------------------------ */

/* Computes what is in the batch and appends it. */
static int flush(struct print_batch *batch, struct hasher *hasher, struct buf *out,
		 struct error *err)
{
	uint8_t *at = buf_extend(out, batch->n * PRINT_SIZE);

	if (!at)
		return error_memory(err, NULL);
	if (prints_compute(batch, hasher, err) < 0)
		return -1;
	for (size_t i = 0; i < batch->n; i++)
		memcpy(at + i * PRINT_SIZE, batch->digests[i].value, PRINT_SIZE);
	prints_clear(batch);
	return 0;
}

static int file_add(struct print_batch *batch, const struct manifest_file *file,
		    struct hasher *hasher, struct buf *out, struct error *err)
{
	uint8_t room[GOLDEN_PATH_MAX];
	struct bytes path = path_canonical(file->path, room);
	alg_set algs = file->algs & ~(alg_set)(1u << ALG_MD5);

	for (; algs; algs &= algs - 1) {
		enum alg alg = (enum alg)__builtin_ctz(algs);

		if (prints_add(batch, path, alg, file->digests[alg]))
			continue;
		if (flush(batch, hasher, out, err) < 0)
			return -1;
		prints_add(batch, path, alg, file->digests[alg]);
	}
	return 0;
}

static void append_le64(struct buf *out, uint64_t value)
{
	buf_append_le32(out, (uint32_t)value);
	buf_append_le32(out, (uint32_t)(value >> 32));
}

int prints_encode(int64_t artifact, struct bytes blob, struct hasher *hasher, const char *source,
		  struct buf *out, struct error *err)
{
	struct plain_path plain = { 0 };
	struct print_batch batch;
	struct manifest_file file;
	struct manifest manifest;
	uint32_t n_prints;
	size_t n_at;
	int found;

	if (manifest_open(&manifest, blob, source, err) < 0)
		return -1;
	out->size = 0;
	buf_append_u8(out, PRINTS_VERSION);
	buf_append_u8(out, 0);
	append_le64(out, (uint64_t)artifact);
	buf_append_le32(out, manifest.n_files);
	n_at = out->size;
	buf_append_le32(out, 0);
	prints_clear(&batch);
	while ((found = manifest_next(&manifest, &file, err)) > 0)
		/* No log can name a path that is not plain. */
		if (plain_path_next(&plain, &file) && file_add(&batch, &file, hasher, out, err) < 0)
			return -1;
	if (found < 0 || flush(&batch, hasher, out, err) < 0)
		return -1;
	n_prints = (uint32_t)((out->size - n_at - 4) / PRINT_SIZE);
	for (size_t i = 0; i < 4; i++)
		out->data[n_at + i] = (uint8_t)(n_prints >> 8 * i);
	return buf_finish(out, err);
}

int prints_decode(struct bytes blob, const char *source, struct prints *out, struct error *err)
{
	struct reader in = reader_of(blob, 0, source);
	uint8_t version = reader_u8(&in), zero = reader_u8(&in);
	uint64_t at;
	uint32_t n;

	out->artifact = reader_le64(&in);
	out->n_files = reader_le32(&in);
	at = reader_offset(&in);
	n = reader_le32(&in);
	if (!in.ran_out && (version != PRINTS_VERSION || zero))
		return error_set(err, ERROR_UNSUPPORTED, source, 0,
				 "prints: version %u.%u, this Assay reads %d.0", version, zero,
				 PRINTS_VERSION);
	if (!in.ran_out && n > reader_left(&in) / PRINT_SIZE)
		return error_set(err, ERROR_LIMIT, source, at,
				 "prints: %" PRIu32 " of %d bytes, %zu bytes left", n, PRINT_SIZE,
				 reader_left(&in));
	out->prints = reader_bytes(&in, (size_t)n * PRINT_SIZE);
	return reader_finish(&in, err);
}
