/* SPDX-License-Identifier: BSD-2-Clause */
/* A revocation list or an SBAT level; what it has is found again. */
#include <stdlib.h>

#include "audit/revocations.h"
#include "core/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(revocations_clear) struct revocations list = { 0 };
	struct error err = { 0 };

	if (revocations_parse(bytes_of(data, size), "fuzz", &list, &err) < 0) {
		if (!err.message[0] || (err.offset != ERROR_NO_OFFSET && err.offset > size))
			abort();
		return 0;
	}
	for (size_t i = 0; i < list.n_digests; i++)
		if (!revocations_find(&list, &list.digests[i].digest))
			abort();
	for (size_t i = 0; i < list.n_minimums; i++)
		if (revocations_minimum(&list, list.minimums[i].component) != &list.minimums[i])
			abort();
	return 0;
}
