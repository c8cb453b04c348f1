/* SPDX-License-Identifier: BSD-2-Clause */
/* A signature as it is appended to kernel modules, read and checked with keys of the test vectors. */
#include <stdint.h>
#include <stdlib.h>

#include "core/crypto_chain.h"
#include "core/file.h"
#include "core/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { "tests/vectors/ima/rsa.der",
					     "tests/vectors/ima/p256.der" };
	static struct public_key *keys[ARRAY_SIZE(paths)];
	AUTO(signed_data_freep) struct signed_data *signed_data = NULL;
	AUTO(signed_chain_clear) struct signed_chain chain = { .state = CHAIN_NONE };
	struct digest digest = { 0 };
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		AUTO(file_freep) struct file *file = NULL;

		if (!keys[i] && file_open(paths[i], &file, &err) == 0)
			REQUIRE(public_key_parse_der(file_bytes(file), paths[i], &keys[i], &err) ==
				0);
	}
	if (signed_data_parse(bytes_of(data, size), "fuzz", 0, &signed_data, &err) < 0) {
		REQUIRE(err.code == ERROR_MALFORMED || err.code == ERROR_UNSUPPORTED ||
			err.code == ERROR_LIMIT);
		REQUIRE(err.offset <= size);
		return 0;
	}
	REQUIRE(signed_data_key_id(signed_data).size == 0 ||
		signed_data_issuer(signed_data).size == 0);
	digest.alg = signed_data_alg(signed_data);
	digest.size = (uint8_t)alg_size(digest.alg);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i])
			REQUIRE(signed_data_verify(signed_data, keys[i], &digest, &err) != 1);
	if (digest.alg != ALG_NONE && signed_chain_read(signed_data, &digest, &chain, &err) == 0)
		for (size_t i = 0; i < chain.n; i++)
			REQUIRE(signed_chain_is(&chain, i, buf_bytes(&chain.items[i])));
	return 0;
}
