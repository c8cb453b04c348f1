/* SPDX-License-Identifier: BSD-2-Clause */
/* A quote's message with its PCR file: size of the message (big endian, two bytes), message, file. */
#include <assert.h>
#include <stdlib.h>

#include "core/reader.h"
#include "replay/quote/quote.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return setenv("TSS2_LOG", "all+none", 1);
}

/* A buffer of the exact size, so that a sanitizer sees a read of one byte too far. */
static struct bytes exact(struct bytes bytes)
{
	uint8_t *data = malloc(bytes.size ? bytes.size : 1);

	if (!data)
		abort();
	if (bytes.size)
		memcpy(data, bytes.data, bytes.size);
	return bytes_of(data, bytes.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader in = reader_of(bytes_of(data, size), 0, "input");
	size_t wanted = reader_be16(&in);
	size_t left = reader_left(&in);
	struct bytes message = exact(reader_bytes(&in, wanted < left ? wanted : left));
	struct bytes file = exact(reader_bytes(&in, reader_left(&in)));
	struct hasher *hasher = NULL;
	struct error err = { 0 };
	struct quote_pcrs pcrs;
	struct digest digest;
	struct quote quote;

	if (hasher_new(&hasher, &err) < 0)
		abort();
	if (quote_parse(message, "message", &quote, &err) == 0) {
		assert(quote.selection.n_banks <= QUOTE_BANKS_MAX);
		(void)quote_selection_algs(&quote.selection);
		if (quote_pcrs_parse(file, "pcrs", &quote.selection, &pcrs, NULL, &err) == 0)
			(void)quote_pcr_digest(hasher, ALG_SHA256, &quote.selection, &pcrs, &digest,
					       NULL, &err);
		else
			assert(err.message[0] && err.offset <= file.size);
	} else {
		assert(err.message[0] && err.offset <= message.size);
	}
	hasher_free(hasher);
	free((void *)(uintptr_t)message.data);
	free((void *)(uintptr_t)file.data);
	return 0;
}
