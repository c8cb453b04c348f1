/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers that firmware takes from the option ROMs of devices, loaded like any image: measured into
 * PCR 2, and only if Secure Boot lets them run.
 */
#include "core/file.h"
#include "refgen/firmware/run.h"

/* The driver, unpacked, in the machine's memory. */
static int take_driver(struct boot *boot, const struct rom_image *image, const char *path,
		       struct bytes *out, struct error *err)
{
	AUTO(buf_clear) struct buf unpacked = BUF_INIT;

	if (!image->compressed)
		return machine_copy(boot->machine, image->bytes, out, err);
	if (efi_decompress(image->bytes, image->offset, path, &unpacked, err) < 0)
		return -1;
	return machine_copy(boot->machine, buf_bytes(&unpacked), out, err);
}

/* Adds the drivers of a ROM to those of the state. */
static int read_rom(struct boot *boot, const char *path, struct error *err)
{
	struct firmware_state *state = boot->state;
	AUTO(file_freep) struct file *file = NULL;
	struct rom_image image;
	size_t at = 0;
	int got;

	if (file_open(path, &file, err) < 0)
		return -1;
	while ((got = rom_next(file_bytes(file), path, &at, &image, err)) > 0) {
		struct rom_driver *driver = machine_take(boot->machine, sizeof(*driver), err);

		if (!driver || take_driver(boot, &image, path, &driver->bytes, err) < 0)
			return -1;
		driver->source = path;
		*state->last_driver = driver;
		state->last_driver = &driver->next;
	}
	return got;
}

int boot_read_roms(struct boot *boot, struct error *err)
{
	const struct machine_facts *facts = &boot->machine->facts;

	for (size_t i = 0; i < facts->n_option_roms; i++)
		if (read_rom(boot, facts->option_roms[i].file, err) < 0)
			return -1;
	return 0;
}

int boot_load_drivers(struct boot *boot, struct error *err)
{
	struct machine *machine = boot->machine;

	for (const struct rom_driver *driver = boot->state->drivers; driver;
	     driver = driver->next) {
		struct machine_image *image;

		if (machine_image_of_bytes(machine,
					   machine_text(machine, "driver of %s", driver->source),
					   driver->bytes, &image, err) < 0 ||
		    machine_load(machine, image, err) < 0)
			return -1;
	}
	return 0;
}
