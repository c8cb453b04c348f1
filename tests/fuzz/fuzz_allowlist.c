/* SPDX-License-Identifier: BSD-2-Clause */
/* Another verifier's list of good files, of any form; and its bytes as an exclusion. */
#include "refgen/allowlist/allowlist.h"

#include "core/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct allowlist_options options = { 0 };
	AUTO(allowlist_clear) struct allowlist list = { 0 };
	AUTO(buf_clear) struct buf globs = BUF_INIT;
	struct error err = { 0 };

	if (!allowlist_exclude_globs(bytes_of(data, size), &globs) && globs.size)
		abort();
	if (allowlist_read(bytes_of(data, size), "fuzz", &options, &list, &err) < 0) {
		if (!err.message[0])
			abort();
		return 0;
	}
	/* In order, no digest twice, each of an absolute path. */
	for (size_t i = 0; i < list.n_digests; i++) {
		const struct allowlist_digest *at = &list.digests[i];

		if (at->path.size == 0 || at->path.data[0] != '/')
			abort();
		if (i && bytes_compare(at[-1].path, at->path) > 0)
			abort();
	}
	if (allowlist_n_artifacts(&list) > list.n_digests + 1)
		abort();
	return 0;
}
