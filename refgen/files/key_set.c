/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/files/key_set.h"

#include "core/array.h"
#include "core/own.h"

void key_set_clear(struct key_set *set)
{
	arena_clear(&set->arena);
	free(set->keys);
}

static int take_key(void *ctx, const struct key_item *item, struct error *err)
{
	struct key_set *set = ctx;
	struct golden_key key = { .keyring = set->keyring, .form = item->form };

	if (array_room(&set->keys, set->n_keys, &set->capacity, sizeof(*set->keys), NULL, err) < 0)
		return -1;
	if (key_describe(item, set->hasher, &key.facts, err) < 0)
		return -1;
	key.der = arena_copy(&set->arena, item->der);
	if (set->arena.failed)
		return error_memory(err, NULL);
	set->keys[set->n_keys++] = key;
	return 0;
}

int key_set_read(struct key_set *set, struct bytes file, const char *source, struct error *err)
{
	return key_file_read(file, source, take_key, set, err);
}

int key_set_artifact(struct key_set *set, struct bytes name, struct file_set **out,
		     struct error *err)
{
	AUTO(buf_clear) struct buf blob = BUF_INIT;
	AUTO(file_set_freep) struct file_set *files = NULL;
	struct artifact artifact = { .kind = ARTIFACT_KEYS, .name = name };

	if (keyring_encode(set->keyring, set->keys, &set->n_keys, &blob, err) < 0 ||
	    hasher_digest_bytes(set->hasher, ALG_SHA256, buf_bytes(&blob), &artifact.digest, err) <
		    0 ||
	    file_set_new(0, &files, err) < 0)
		return -1;
	artifact.size = blob.size;
	if (file_set_artifact(files, &artifact, err) < 0)
		return -1;
	files->keys_blob = file_set_copy(files, buf_bytes(&blob));
	if (!files->keys_blob.data)
		return error_memory(err, NULL);
	files->keys = set->keys;
	files->n_keys = set->n_keys;
	*out = TAKE(files);
	return 0;
}
