/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of whatever kind, given in blocks; the first byte says their size and the file's name. */
#include "refgen/files/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { "/x", "/x.ko.xz", "/x.ko.gz", "/x.ko.zst" };
	AUTO(content_freep) struct content *content = NULL;
	struct golden_file file = { 0 };
	struct error err;
	size_t step;

	if (size == 0 || content_new(&content, &err) < 0)
		return 0;
	step = 1 + (size_t)(data[0] >> 2) * 64;
	if (content_begin(content, bytes_of_string(paths[data[0] & 3]), 0100644, 1u << ALG_SHA1,
			  &err) < 0)
		abort();
	for (size_t at = 1; at < size; at += step)
		if (content_feed(content, bytes_of(data + at, size - at < step ? size - at : step),
				 &err) < 0)
			abort();
	if (content_finish(content, &file, &err) < 0 || file.size != size - 1 ||
	    file.kind >= KIND_COUNT)
		abort();
	return 0;
}
