/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of keys, and keys as a database keeps them. What is read is written the same again. */
#include <stdlib.h>

#include "db/keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hasher *hasher;

static int take(void *ctx, const struct key_item *item, struct error *err)
{
	struct key_facts facts;
	enum key_form form;
	struct public_key *key;

	(void)ctx;
	if (key_describe(item, hasher, &facts, err) < 0)
		return -1;
	if (key_parse(item->der, "again", &form, &key, err) < 0 || form != item->form ||
	    !public_key_equal(key, item->key))
		abort();
	public_key_free(key);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct golden_key_list list = { 0 };
	struct buf out = BUF_INIT;
	struct error err;

	if (!hasher && hasher_new(&hasher, &err) < 0)
		abort();
	(void)key_file_read(bytes_of(data, size), "input", take, NULL, &err);
	if (keyring_decode(bytes_of(data, size), "input", hasher, &list, &err) == 0) {
		size_t n = list.n_keys;

		if (keyring_encode(list.keys[0].keyring, list.keys, &n, &out, &err) < 0 ||
		    n > list.n_keys || out.size > size)
			abort();
	}
	buf_clear(&out);
	golden_key_list_clear(&list);
	return 0;
}
