/* SPDX-License-Identifier: BSD-2-Clause */
/* A cpio stream, given in blocks of a size that the first byte says. */
#include "refgen/files/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct blocks {
	struct bytes bytes;
	size_t step;
};

static int blocks_next(void *ctx, struct bytes *block, struct error *err)
{
	struct blocks *blocks = ctx;
	size_t n = blocks->bytes.size < blocks->step ? blocks->bytes.size : blocks->step;

	(void)err;
	if (n == 0)
		return 0;
	*block = bytes_of(blocks->bytes.data, n);
	blocks->bytes = bytes_of(blocks->bytes.data + n, blocks->bytes.size - n);
	return 1;
}

static int stripped_size(void *ctx, uint32_t index, uint64_t *size, struct error *err)
{
	(void)ctx;
	if (index > 1000)
		return error_set(err, ERROR_MALFORMED, "header", index, "no such file");
	*size = index;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpio_options options = { .source = "fuzz",
					.stripped_size = stripped_size,
					.entries_max = 1000 };
	struct blocks blocks = { .step = size ? 1 + (size_t)data[0] * 3 : 1 };
	AUTO(cpio_freep) struct cpio *cpio = NULL;
	const struct cpio_entry *entry;
	struct bytes block;
	struct error err;

	if (size == 0)
		return 0;
	blocks.bytes = bytes_of(data + 1, size - 1);
	if (cpio_open(&options, (struct byte_source){ blocks_next, &blocks }, &cpio, &err) < 0)
		return 0;
	do {
		while (cpio_next(cpio, &entry, &err) > 0)
			if (entry->offset % 3)
				while (cpio_data(cpio, &block, &err) > 0)
					;
	} while (cpio_again(cpio, &err) > 0);
	return 0;
}
