/* SPDX-License-Identifier: BSD-2-Clause */
/* A variable store, its header's checksum made right; and every value in it as a load option. */
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

static void read_option(struct bytes data)
{
	AUTO(buf_clear) struct buf again = BUF_INIT;
	struct boot_option option;
	struct boot_target target;
	struct error err;

	if (boot_option_parse(data, 0, "fuzz", &option, &err) < 0)
		return;
	boot_target_parse(devpath_first(option.path), &target);
	if (target.file_path.size % 2 != 0)
		abort();
	boot_option_append(&again, &option);
	if (!bytes_equal(buf_bytes(&again), data))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct varstore store = { 0 };
	struct error err;
	uint8_t *image = malloc(size + 1);

	if (!image)
		return 0;
	memcpy(image, data, size);
	seal(image, size);
	if (varstore_parse(bytes_of(image, size), "fuzz", &store, &err) == 0) {
		for (size_t i = 0; i < store.n_variables; i++) {
			const struct variable *variable = &store.variables[i];

			if (!varstore_find(&store, &variable->guid, variable->text))
				abort();
			read_option(variable->data);
		}
		varstore_clear(&store);
	}
	free(image);
	read_option(bytes_of(data, size));
	return 0;
}
