/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An IMA list's signatures, of contents, of metadata and appended, checked with keys of the test vectors;
 * or, after "key\n", a file of keys.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/file.h"
#include "core/own.h"
#include "replay/ima/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static struct hasher *hasher;
static struct ima_keyring known, revoked;

static void load(struct ima_keyring *ring, const char *path)
{
	AUTO(file_freep) struct file *file = NULL;
	struct error err;

	if (file_open(path, &file, &err) == 0)
		REQUIRE(ima_keyring_add(ring, file_bytes(file), path, path, IMA_KEY_ALL, 0, &err) ==
			0);
}

static void result_check(const struct ima_signed_result *result)
{
	REQUIRE(result->state != IMA_SIGNED_GOOD || result->key);
	REQUIRE(result->state != IMA_SIGNED_WRONG || result->why[0]);
}

static void keys_check(struct bytes bytes)
{
	struct ima_keyring ring = { 0 };
	struct error err;

	if (ima_keyring_add(&ring, bytes, "fuzz", "fuzz", IMA_KEY_ALL, 0, &err) < 0) {
		REQUIRE(ring.n_keys == 0);
	} else {
		REQUIRE(ring.n_keys > 0 && ring.n_keys <= IMA_KEYS_MAX);
		for (size_t i = 0; i < ring.n_keys; i++)
			REQUIRE(ring.keys[i].n_ids > 0 && ring.keys[i].name && ring.keys[i].from);
	}
	ima_keyring_clear(&ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = bytes_of(data, size), head = bytes_of_string("key\n");
	const struct ima_keys keys = {
		.rings = {NULL, &known },
                  .revoked = { &revoked  }
	};
	AUTO(ima_list_freep) struct ima_list *list = NULL;
	struct record record;
	struct error err;

	if (!hasher) {
		REQUIRE(hasher_new(&hasher, &err) == 0);
		load(&known, "tests/vectors/ima/rsa.der");
		load(&known, "tests/vectors/ima/p256.der");
		load(&revoked, "tests/vectors/ima/revoked.der");
	}
	if (bytes_start_with(bytes, head)) {
		keys_check(bytes_of(data + head.size, size - head.size));
		return 0;
	}
	if (ima_list_open(bytes, "fuzz", hasher, &list, &err) < 0)
		return 0;
	while (ima_list_next(list, &record, &err) > 0) {
		struct ima_signed_result result;
		struct ima_entry entry;

		ima_entry_parse(list, &record, &entry);
		REQUIRE(ima_contents_verify(&entry, &keys, hasher, &result, &err) == 0);
		result_check(&result);
		for (int big_endian = 0; big_endian < 2; big_endian++) {
			REQUIRE(ima_metadata_verify(&entry, big_endian, &keys, hasher, &result,
						    &err) == 0);
			result_check(&result);
		}
		REQUIRE(ima_appended_verify(&entry, &keys, hasher, &result, &err) == 0);
		result_check(&result);
	}
	return 0;
}
