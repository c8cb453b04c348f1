/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence in a disk image: every file of its file systems looked at, what is evidence read. */
#include "replay/evidence/internal.h"

#include "tests/fuzz/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BUNDLES_MAX 8

static void read_bundle(struct image *image, size_t i)
{
	AUTO(bundle_freep) struct bundle *bundle = NULL;
	struct error err;
	size_t total = 0;

	if (image_bundle(image, i, &bundle, &err) < 0)
		return;
	for (size_t f = 0; f < bundle->n_files; f++) {
		const char *name = bundle->files[f].path;

		/* Nothing leads out of the bundle, and what is read is there. */
		if (name[0] == '/' || strcmp(name, "..") == 0 || strncmp(name, "../", 3) == 0 ||
		    strstr(name, "/../"))
			abort();
		for (size_t at = 0; at < bundle->files[f].contents.size; at++)
			total += bundle->files[f].contents.data[at];
	}
	if (total == SIZE_MAX)
		abort();
}

/* Containers but qcow2 are libtsk's to read, which is fuzzed elsewhere. */
static bool is_container(struct bytes image)
{
	static const char *const magics[] = { "EVF", "AFF10", "KDMV" };
	size_t tail = image.size < 512 ? image.size : 512;
	struct bytes end = bytes_of(image.data + image.size - tail, tail);

	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (bytes_start_with(image, bytes_of_string(magics[i])))
			return true;
	return bytes_start_with(end, bytes_of_string("conectix"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image *image = NULL;
	const char *path;
	struct error err;

	if (is_container(bytes_of(data, size)))
		return 0;
	path = scratch_write("image", bytes_of(data, size));
	if (image_open(path, &image, &err) > 0) {
		if (image_n_bundles(image) == 0)
			abort();
		for (size_t i = 0; i < image_n_bundles(image) && i < BUNDLES_MAX; i++)
			read_bundle(image, i);
	}
	image_free(image);
	scratch_remove(path);
	return 0;
}
