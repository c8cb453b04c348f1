/* SPDX-License-Identifier: BSD-2-Clause */
/* An initrd: concatenated archives, compressed or not. */
#include "refgen/files/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(content_freep) struct content *content = NULL;
	AUTO(file_set_freep) struct file_set *set = NULL;
	struct error err;

	if (content_new(&content, &err) < 0 ||
	    initrd_artifact(bytes_of(data, size), "fuzz", 1u << ALG_SHA1, &set, &err) < 0 ||
	    initrd_read(bytes_of(data, size), "fuzz", content, set, &err) < 0)
		return 0;
	for (size_t i = 0; i < set->n_files; i++)
		if (set->files[i].path.size < 2 || set->files[i].path.data[0] != '/')
			abort();
	return 0;
}
