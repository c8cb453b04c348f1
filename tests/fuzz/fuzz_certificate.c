/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates of a file, the first with the others between it and an anchor: all of the file. */
#include <assert.h>
#include <stdlib.h>

#include "core/crypto_certificate.h"

#define CERTIFICATES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void verify(const struct trust *trust, const struct certificate_list *list)
{
	struct chain chain;

	for (int use = CERTIFICATE_OF_EK; use <= CERTIFICATE_OF_PCK; use++) {
		if (trust_verify(trust, list->items[0],
				 (const struct certificate *const *)(list->items + 1), list->n - 1,
				 (enum certificate_use)use, 1750000000, &chain, NULL) < 0)
			abort();
		assert(chain.holds ? chain.anchor[0] && !chain.reason[0] : chain.reason[0] != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	struct certificate_list list;
	struct trust *trust = NULL;
	struct error err = { 0 };

	if (certificates_parse(input, "input", CERTIFICATES, &list, &err) < 0) {
		assert(err.message[0]);
		return 0;
	}
	assert(list.n > 0 && list.n <= CERTIFICATES);
	if (trust_new(&trust, NULL) < 0 || trust_finish(trust, NULL) < 0)
		abort();
	verify(trust, &list);
	trust_free(trust);
	if (trust_new(&trust, NULL) < 0 || trust_add(trust, input, "input", NULL) < 0 ||
	    trust_finish(trust, NULL) < 0)
		abort();
	assert(trust_n_certificates(trust) == list.n && trust_n_lists(trust) == list.n_lists);
	verify(trust, &list);
	trust_free(trust);
	certificate_list_clear(&list);
	return 0;
}
