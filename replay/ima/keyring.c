/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/keyring.h"

#include "core/crypto_x509.h"
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
}

static bool is_certificate(struct bytes der)
{
	AUTO(buf_clear) struct buf tbs = BUF_INIT;

	return x509_tbs_append(&tbs, der);
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

/* One key, which is taken. */
static int add_key(struct ima_keyring *keyring, struct public_key *public_key, struct bytes der,
		   const struct ima_key *like, const char *source, struct error *err)
{
	struct ima_key *larger =
		realloc(keyring->keys, (keyring->n_keys + 1) * sizeof(*keyring->keys));
	struct ima_key *key;
	uint8_t *copy;

	if (!larger) {
		public_key_free(public_key);
		return error_memory(err, source);
	}
	keyring->keys = larger;
	key = &larger[keyring->n_keys++];
	*key = (struct ima_key){ .key = public_key, .index = like->index, .uses = like->uses };
	key->from = strdup(like->from);
	if (is_certificate(der)) {
		copy = malloc(der.size);
		if (!copy)
			return error_memory(err, source);
		memcpy(copy, der.data, der.size);
		key->der = bytes_of(copy, der.size);
	}
	if (!key->from)
		return error_memory(err, source);
	return find_ids(key, err) < 0 ? -1 : find_name(key, err);
}

static int add_pem(struct ima_keyring *keyring, struct bytes text, const struct ima_key *like,
		   const char *source, struct error *err)
{
	size_t n_before = keyring->n_keys;
	char label[PEM_LABEL_SIZE];
	struct bytes block;

	for (;;) {
		AUTO(buf_clear) struct buf der = BUF_INIT;
		struct public_key *key;
		int found = pem_next(&text, source, &block, label, &der, err);

		if (found < 0 || (found > 0 && buf_finish(&der, err) < 0))
			return -1;
		if (!found)
			break;
		if (keyring->n_keys >= IMA_KEYS_MAX)
			return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
					 "more than %d keys", IMA_KEYS_MAX);
		if (public_key_parse_pem(block, source, &key, err) < 0 ||
		    add_key(keyring, key, buf_bytes(&der), like, source, err) < 0)
			return -1;
	}
	if (keyring->n_keys == n_before)
		return error_set(err, ERROR_MALFORMED, source, 0,
				 "neither PEM nor DER of a public key or certificate");
	return 0;
}

static int add_der(struct ima_keyring *keyring, struct bytes der, const struct ima_key *like,
		   const char *source, struct error *err)
{
	struct public_key *key;

	if (keyring->n_keys >= IMA_KEYS_MAX)
		return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET, "more than %d keys",
				 IMA_KEYS_MAX);
	if (public_key_parse_der(der, source, &key, err) < 0)
		return -1;
	return add_key(keyring, key, der, like, source, err);
}

int ima_keyring_add(struct ima_keyring *keyring, struct bytes bytes, const char *source,
		    const char *from, unsigned uses, uint64_t index, struct error *err)
{
	const struct ima_key like = { .from = from, .uses = uses, .index = index };
	size_t n_before = keyring->n_keys;
	/* The DER of either is a SEQUENCE. */
	bool is_der = bytes.size && bytes.data[0] == 0x30;
	int status = is_der ? add_der(keyring, bytes, &like, source, err)
			    : add_pem(keyring, bytes, &like, source, err);

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
