/* SPDX-License-Identifier: BSD-2-Clause */
/* An attestation key in any form. */
#include <assert.h>
#include <stdlib.h>

#include "replay/quote/quote.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return setenv("TSS2_LOG", "all+none", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hasher *hasher = NULL;
	struct quote_key *key = NULL;
	struct error err = { 0 };
	char text[256];

	if (hasher_new(&hasher, &err) < 0)
		abort();
	if (quote_key_parse(bytes_of(data, size), "key", hasher, &key, &err) == 0) {
		assert(key->public_key || key->faults);
		assert(quote_key_equal(key, key) || !key->name_size);
		quote_key_faults_text(key->faults, text, sizeof(text));
	} else {
		assert(err.message[0]);
	}
	quote_key_free(key);
	hasher_free(hasher);
	return 0;
}
