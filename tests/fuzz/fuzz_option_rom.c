/* SPDX-License-Identifier: BSD-2-Clause */
/* An option ROM: every image in it, unpacked where it says it is packed into little. */
#include "refgen/firmware/firmware.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rom_image image;
	struct error err;
	size_t at = 0;

	while (rom_next(bytes_of(data, size), "fuzz", &at, &image, &err) > 0) {
		AUTO(buf_clear) struct buf out = BUF_INIT;

		if (image.bytes.data < data || image.bytes.size > size ||
		    image.offset + image.bytes.size > size)
			abort();
		if (image.compressed && image.bytes.size > 8 && image.bytes.data[6] == 0 &&
		    image.bytes.data[7] == 0)
			(void)efi_decompress(image.bytes, image.offset, "fuzz", &out, &err);
	}
	return 0;
}
