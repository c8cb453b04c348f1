/* SPDX-License-Identifier: BSD-2-Clause */
/* A code image; the checksum of its first header is made right, for no fuzzer guesses one. */
#include "refgen/firmware/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint8_t *image, size_t size)
{
	size_t header = size > 50 ? image[48] | (size_t)image[49] << 8 : 0;
	uint16_t sum = 0;

	if (header < 56 || header > size)
		return;
	image[50] = image[51] = 0;
	for (size_t i = 0; i + 1 < header; i += 2)
		sum = (uint16_t)(sum + (image[i] | image[i + 1] << 8));
	sum = (uint16_t)-sum;
	image[50] = (uint8_t)sum;
	image[51] = (uint8_t)(sum >> 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct firmware_facts facts = { .cpus = 1, .max_cpus = 1, .memory_mib = 512 };
	AUTO(buf_clear) struct buf volume = BUF_INIT;
	struct firmware firmware = { 0 };
	const char *reason;
	struct error err;
	uint32_t used = 0;
	uint8_t *image = malloc(size + 1);

	if (!image)
		return 0;
	memcpy(image, data, size);
	seal(image, size);
	if (firmware_open(bytes_of(image, size), "fuzz", &firmware, &err) == 0) {
		if (firmware.pei.bytes.size == 0 || firmware.dxe.bytes.size == 0)
			abort();
		(void)firmware_pei_volume(&firmware, &facts, NULL, &volume, &used, &reason, &err);
		firmware_clear(&firmware);
	}
	free(image);
	return 0;
}
