/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/release_keys.h"

#include "core/own.h"
#include "core/text.h"

unsigned keyring_uses(enum keyring keyring)
{
	switch (keyring) {
	case KEYRING_IMA:
		return IMA_KEY_FILES | IMA_KEY_MODULES;
	case KEYRING_EVM:
		return IMA_KEY_METADATA;
	case KEYRING_BUILTIN:
	case KEYRING_SECONDARY:
	case KEYRING_MACHINE:
	case KEYRING_PLATFORM:
		return IMA_KEY_MODULES;
	case KEYRING_VERITY:
	case KEYRING_BLACKLIST:
	case KEYRING_IMA_BLACKLIST:
	case KEYRING_COUNT:
		break;
	}
	return 0;
}

bool keyring_revokes(enum keyring keyring)
{
	return keyring == KEYRING_BLACKLIST || keyring == KEYRING_IMA_BLACKLIST;
}

const struct golden_key *golden_key_find(const struct golden_key_list *list, enum keyring keyring,
					 struct bytes der)
{
	for (size_t i = 0; i < list->n_keys; i++)
		if (list->keys[i].keyring == keyring && bytes_equal(list->keys[i].der, der))
			return &list->keys[i];
	return NULL;
}

/* How often the list has a key before, in the same keyring: it is told once, with the first release. */
static size_t n_before(const struct golden_key_list *list, size_t index)
{
	const struct golden_key *key = &list->keys[index];
	size_t n = 0;

	for (size_t i = 0; i < index; i++)
		n += list->keys[i].keyring == key->keyring &&
		     bytes_equal(list->keys[i].der, key->der);
	return n;
}

static int add(struct ima_keyring *ring, const struct golden_key *key, const char *source,
	       struct error *err)
{
	AUTO(buf_clear) struct buf from = BUF_INIT;
	unsigned uses = keyring_revokes(key->keyring) ? IMA_KEY_ALL : keyring_uses(key->keyring);

	if (!uses)
		return 0;
	buf_printf(&from, "%s of release %s", keyring_name(key->keyring), key->release);
	return buf_finish(&from, err) < 0
		       ? -1
		       : ima_keyring_add(ring, key->der, source, (const char *)from.data, uses,
					 UINT64_MAX, err);
}

int release_keys_read(struct db *db, const char *const *releases, size_t n_releases,
		      struct release_keys *out, struct error *err)
{
	const struct golden_key_list *lists[2] = { &out->list, &out->all };

	if (db_keys_read(db, releases, n_releases, &out->list, err) < 0 ||
	    (n_releases && db_keys_read(db, NULL, 0, &out->all, err) < 0))
		return -1;
	for (size_t which = 0; which < ARRAY_SIZE(lists); which++)
		for (size_t i = 0; i < lists[which]->n_keys; i++) {
			const struct golden_key *key = &lists[which]->keys[i];
			bool revokes = keyring_revokes(key->keyring);

			/* Of releases that do not count nothing is revoked, and nothing trusted. */
			if (n_before(lists[which], i) ||
			    (which == 1 &&
			     (revokes || golden_key_find(&out->list, key->keyring, key->der))))
				continue;
			if (add(which     ? &out->others
				: revokes ? &out->revoked
					  : &out->counted,
				key, "golden database", err) < 0)
				return -1;
		}
	return 0;
}

void release_keys_clear(struct release_keys *keys)
{
	golden_key_list_clear(&keys->list);
	golden_key_list_clear(&keys->all);
	ima_keyring_clear(&keys->counted);
	ima_keyring_clear(&keys->revoked);
	ima_keyring_clear(&keys->others);
}
