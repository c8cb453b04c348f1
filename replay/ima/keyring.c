/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/keyring.h"

#include "core/array.h"
#include "core/crypto_x509.h"
#include "core/key_file.h"
#include "core/own.h"
#include "core/text.h"

static void key_clear(struct ima_key *key)
{
	public_key_free(key->key);
	free((uint8_t *)(uintptr_t)key->der.data);
	free((char *)(uintptr_t)key->name);
	free((char *)(uintptr_t)key->from);
	memset(key, 0, sizeof(*key));
}

static void keyring_truncate(struct ima_keyring *keyring, size_t n)
{
	while (keyring->n_keys > n)
		key_clear(&keyring->keys[--keyring->n_keys]);
}

void ima_keyring_clear(struct ima_keyring *keyring)
{
	keyring_truncate(keyring, 0);
	free(keyring->keys);
	keyring->keys = NULL;
	keyring->capacity = 0;
}

static void add_id(struct ima_key *key, struct bytes id)
{
	uint32_t last = 0;

	if (id.size < 4)
		return;
	for (size_t i = id.size - 4; i < id.size; i++)
		last = last << 8 | id.data[i];
	for (size_t i = 0; i < key->n_ids; i++)
		if (key->ids[i] == last)
			return;
	key->ids[key->n_ids++] = last;
}

/* A certificate's own identifier counts for the kernel; evmctl's own choice is the key's hash. */
static int find_ids(struct ima_key *key, struct error *err)
{
	AUTO(buf_clear) struct buf id = BUF_INIT;
	uint8_t hash[KEY_ID_SIZE];

	if (key->der.size)
		x509_key_id_append(&id, key->der);
	add_id(key, buf_bytes(&id));
	if (id.failed || public_key_id(key->key, hash, err) < 0)
		return id.failed ? error_memory(err, NULL) : -1;
	add_id(key, bytes_of(hash, sizeof(hash)));
	return 0;
}

static int find_name(struct ima_key *key, struct error *err)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;
	char shown[200];

	if (!key->der.size || !x509_common_name_append(&name, key->der))
		buf_append_string(&name, public_key_name(key->key));
	if (buf_finish(&name, err) < 0)
		return -1;
	text_escape(shown, sizeof(shown), buf_bytes(&name));
	key->name = strdup(shown);
	return key->name ? 0 : error_memory(err, NULL);
}

/* Where keys are added, and what they have in common. */
struct adding {
	struct ima_keyring *keyring;
	const struct ima_key *like;
	const char *source;
};

/* One key, from the DER that holds it. */
static int add_key(struct adding *adding, struct bytes der, struct error *err)
{
	struct ima_keyring *keyring = adding->keyring;
	const struct ima_key *like = adding->like;
	struct public_key *public_key;
	enum key_form form;
	struct ima_key *key;

	if (keyring->n_keys >= IMA_KEYS_MAX)
		return error_set(err, ERROR_LIMIT, adding->source, ERROR_NO_OFFSET,
				 "more than %d keys", IMA_KEYS_MAX);
	if (array_room(&keyring->keys, keyring->n_keys, &keyring->capacity, sizeof(*keyring->keys),
		       adding->source, err) < 0 ||
	    key_parse(der, adding->source, &form, &public_key, err) < 0)
		return -1;
	key = &keyring->keys[keyring->n_keys++];
	*key = (struct ima_key){ .key = public_key, .index = like->index, .uses = like->uses };
	key->from = strdup(like->from);
	if (!key->from)
		return error_memory(err, adding->source);
	if (form == KEY_FORM_CERTIFICATE) {
		uint8_t *copy = malloc(der.size);

		if (!copy)
			return error_memory(err, adding->source);
		memcpy(copy, der.data, der.size);
		key->der = bytes_of(copy, der.size);
	}
	return find_ids(key, err) < 0 ? -1 : find_name(key, err);
}

static int take_key(void *ctx, const struct key_item *item, struct error *err)
{
	return add_key(ctx, item->der, err);
}

int ima_keyring_add(struct ima_keyring *keyring, struct bytes bytes, const char *source,
		    const char *from, unsigned uses, uint64_t index, struct error *err)
{
	const struct ima_key like = { .from = from, .uses = uses, .index = index };
	struct adding adding = { keyring, &like, source };
	size_t n_before = keyring->n_keys;
	/* The DER of either is a SEQUENCE. The kernel takes one of them, and so do we. */
	bool is_der = bytes.size && bytes.data[0] == 0x30;
	int status = is_der ? add_key(&adding, bytes, err)
			    : key_file_read(bytes, source, take_key, &adding, err);

	if (status < 0)
		keyring_truncate(keyring, n_before);
	return status;
}

const struct ima_key *ima_keyring_find(const struct ima_keyring *keyring, uint32_t id, unsigned use,
				       size_t *at)
{
	while (*at < keyring->n_keys) {
		const struct ima_key *key = &keyring->keys[(*at)++];

		for (size_t i = 0; i < key->n_ids; i++)
			if (key->ids[i] == id && key->uses & use)
				return key;
	}
	return NULL;
}
