/* SPDX-License-Identifier: BSD-2-Clause */
/* Compressed data behind its two sizes; little output is asked for. */
#include "refgen/firmware/firmware.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err;
	uint8_t *in = malloc(size + 8);

	if (!in)
		return 0;
	memset(in, 0, 8);
	for (size_t i = 0; i < 4; i++)
		in[i] = (uint8_t)(size >> 8 * i);
	if (size >= 2)
		memcpy(in + 4, data, 2);
	memcpy(in + 8, data, size);
	if (efi_decompress(bytes_of(in, size + 8), 0, "fuzz", &out, &err) == 0 &&
	    out.size != ((size_t)in[4] | (size_t)in[5] << 8))
		abort();
	free(in);
	return 0;
}
