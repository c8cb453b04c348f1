/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A signature, and a database: the first two bytes say how long the signature is. Each is read by
 * itself, and then the one authorised by the other.
 */
#include "core/crypto_cms.h"
#include "refgen/secureboot/secureboot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void authorize(struct authenticode *signature, struct bytes database)
{
	struct signature_reader reader = signature_reader_of(database, "db");
	struct signature_entry entry;
	struct error err = { 0 };
	int result;

	for (size_t n = 0; (result = signature_next(&reader, &entry, &err)) > 0; n++) {
		if (entry.whole.size != entry.data.size + entry.owner.size)
			abort();
		if (signature && n < 4 && authenticode_anchored(signature, entry.data, NULL) < 0)
			abort();
	}
	if (result < 0 && err.code == ERROR_NONE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(authenticode_freep) struct authenticode *signature = NULL;
	struct digest digest = { .alg = ALG_SHA256, .size = 32 };
	struct error err = { 0 };
	size_t n;

	if (size < 2)
		return 0;
	n = (size_t)(data[0] | data[1] << 8);
	if (n > size - 2)
		n = size - 2;
	if (authenticode_parse(bytes_of(data + 2, n), "signature", 0, &signature, &err) < 0) {
		if (err.code == ERROR_NONE)
			abort();
	} else {
		(void)authenticode_covers(signature, &digest);
		if (authenticode_verify(signature, NULL) < 0)
			abort();
		for (size_t i = 0; i < authenticode_n_signers(signature); i++)
			(void)authenticode_signer(signature, i);
	}
	authorize(signature, bytes_of(data + 2 + n, size - 2 - n));
	return 0;
}
