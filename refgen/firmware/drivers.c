/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers that firmware takes from the option ROMs of devices: measured when loaded (PCR 2), and only
 * if Secure Boot lets them run.
 */
#include "core/file.h"
#include "refgen/firmware/run.h"
#include "refgen/pe/pe.h"
#include "refgen/secureboot/secureboot.h"

/* Measures what decided, and tells whether the driver runs. */
static int authorize(struct boot *boot, const struct pe *pe, const char *source, struct error *err)
{
	struct machine *machine = boot->machine;
	const struct machine_variable *db = machine_variable(machine, &guid_image_security, "db");
	const struct machine_variable *dbx = machine_variable(machine, &guid_image_security, "dbx");
	struct secureboot_verdict verdict;

	if (!machine->secure_boot)
		return 1;
	if (secureboot_authorize(pe, db ? db->data : bytes_of(NULL, 0),
				 dbx ? dbx->data : bytes_of(NULL, 0), machine->hasher, &verdict,
				 err) < 0)
		return -1;
	for (size_t i = 0; i < verdict.n_authorities; i++) {
		const struct measurement what = { .pcr = 7,
						  .type = EV_EFI_VARIABLE_AUTHORITY,
						  .component = "option ROM",
						  .source = source,
						  .over = "the entry that decides on the driver" };
		AUTO(buf_clear) struct buf over = BUF_INIT;

		secureboot_authority_append(&over, &verdict.authorities[i]);
		if (buf_finish(&over, err) < 0 ||
		    machine_measure(machine, &what, buf_bytes(&over), err) < 0)
			return -1;
	}
	return verdict.allowed;
}

static int measure_driver(struct boot *boot, const struct rom_image *image, struct bytes file,
			  const char *source, struct error *err)
{
	const struct measurement what = {
		.pcr = 2,
		.type = image->subsystem == PE_SUBSYSTEM_EFI_RUNTIME_DRIVER
				? EV_EFI_RUNTIME_SERVICES_DRIVER
				: EV_EFI_BOOT_SERVICES_DRIVER,
		.component = "option ROM",
		.source = source,
		.over = "Authenticode of the driver",
	};
	struct digest digests[ALG_COUNT];
	AUTO(pe_freep) struct pe *pe = NULL;
	int allowed;

	if (pe_open(file, source, &pe, err) < 0)
		return -1;
	allowed = authorize(boot, pe, source, err);
	if (allowed <= 0)
		return allowed;
	if (pe_authenticode(pe, boot->machine->hasher, boot->machine->banks, digests, err) < 0)
		return -1;
	return machine_measure_digests(boot->machine, &what, digests, err);
}

static int measure_rom(struct boot *boot, const char *path, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;
	struct rom_image image;
	size_t at = 0;
	int got;

	if (file_open(path, &file, err) < 0)
		return -1;
	while ((got = rom_next(file_bytes(file), path, &at, &image, err)) > 0) {
		AUTO(buf_clear) struct buf unpacked = BUF_INIT;
		struct bytes driver = image.bytes;

		if (image.compressed) {
			if (efi_decompress(image.bytes, image.offset, path, &unpacked, err) < 0)
				return -1;
			driver = buf_bytes(&unpacked);
		}
		if (measure_driver(boot, &image, driver, path, err) < 0)
			return -1;
	}
	return got;
}

int boot_measure_roms(struct boot *boot, struct error *err)
{
	const struct machine_facts *facts = &boot->machine->facts;

	for (size_t i = 0; i < facts->n_option_roms; i++)
		if (measure_rom(boot, facts->option_roms[i].file, err) < 0)
			return -1;
	return 0;
}
