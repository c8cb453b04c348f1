/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the firmware's LoadImage measures.
 *
 * Source: EDK II SecurityPkg, DxeImageVerificationLib and DxeTpm2MeasureBootLib; confirmed on OVMF
 *         2022.11 and 2025.02 (docs/boot-prediction.md).
 */
#include "core/array.h"
#include "core/disk/disk.h"
#include "refgen/machine/internal.h"
#include "refgen/secureboot/secureboot.h"

static struct bytes variable_data(const struct machine *machine, const struct guid *guid,
				  const char *name)
{
	const struct machine_variable *variable = machine_variable(machine, guid, name);

	return variable ? variable->data : (struct bytes){ 0 };
}

/* Each entry of the databases is measured once in a boot. */
static int measure_authority(struct machine *machine, const struct machine_image *image,
			     const struct secureboot_authority *authority, struct error *err)
{
	AUTO(buf_clear) struct buf over = BUF_INIT;
	struct machine_private *private = machine->private;
	const struct measurement what = {
		.pcr = 7,
		.type = EV_EFI_VARIABLE_AUTHORITY,
		.component = "secure boot authority",
		.source = machine_text(machine, "%s, which decides on %s", authority->database,
				       image->name),
		.over = machine_text(machine, "UEFI_VARIABLE_DATA of the entry of %s",
				     authority->database),
	};

	for (size_t i = 0; i < private->n_authorities; i++)
		if (bytes_equal(private->authorities[i], authority->entry))
			return 0;
	if (array_room(&private->authorities, private->n_authorities,
		       &private->authorities_capacity, sizeof(*private->authorities), NULL,
		       err) < 0 ||
	    machine_copy(machine, authority->entry, &private->authorities[private->n_authorities],
			 err) < 0)
		return -1;
	private->n_authorities++;
	secureboot_authority_append(&over, authority);
	if (buf_finish(&over, err) < 0)
		return -1;
	return machine_measure(machine, &what, buf_bytes(&over), err);
}

/* Whether db lets it run is not known, and by which of its entries: any signature may be one of those. */
static int authorize_by_unknown(struct machine *machine, const struct machine_image *image,
				struct error *err)
{
	const struct measurement what = {
		.pcr = 7,
		.type = EV_EFI_VARIABLE_AUTHORITY,
		.component = "secure boot authority",
		.source = "the firmware, whose variable store was not given",
		.over = machine_text(machine, "the entry of db that authorises %s", image->name),
	};

	if (!pe_has_certificates(image->pe)) {
		machine->refusal =
			machine_text(machine,
				     "Secure Boot refuses %s: it is not signed, unless db "
				     "has its digest",
				     image->name);
		return 0;
	}
	return machine_measure_unknown(machine, &what, err) < 0 ? -1 : 1;
}

/* 1 the firmware lets the image run, 0 it does not, -1. */
static int authorize(struct machine *machine, const struct machine_image *image, struct error *err)
{
	struct secureboot_verdict verdict;

	if (!machine->secure_boot)
		return 1;
	if (machine->keys_assumption)
		return authorize_by_unknown(machine, image, err);
	if (secureboot_authorize(image->pe, variable_data(machine, &guid_image_security, "db"),
				 variable_data(machine, &guid_image_security, "dbx"),
				 machine->hasher, &verdict, err) < 0)
		return -1;
	for (size_t i = 0; i < verdict.n_authorities; i++)
		if (measure_authority(machine, image, &verdict.authorities[i], err) < 0)
			return -1;
	if (!verdict.allowed)
		machine->refusal = machine_text(machine, "Secure Boot refuses %s: %s", image->name,
						verdict.reason);
	return verdict.allowed;
}

/* The partition table of the disk that the first image comes from. */
static int measure_gpt(struct machine *machine, const struct machine_image *image,
		       struct error *err)
{
	AUTO(buf_clear) struct buf over = BUF_INIT;
	const struct machine_volume *volume = image->volume;
	const struct measurement what = {
		.pcr = 5,
		.type = EV_EFI_GPT_EVENT,
		.component = "partition table",
		.source = volume ? volume->name : "",
		.over = "UEFI_GPT_DATA: header, count and used entries",
	};
	const struct measurement unknown = {
		.pcr = 5,
		.type = EV_EFI_GPT_EVENT,
		.component = "partition table",
		.source = volume ? volume->name : "",
		.over = "a partition table that is not among the inputs",
	};

	if (machine->gpt_measured || !volume)
		return 0;
	if (!volume->disk) {
		machine->gpt_measured = true;
		return machine_measure_unknown(machine, &unknown, err);
	}
	/* Only a path with a GPT partition node has one measured. */
	if (volume->partition == 0 || !disk_has_gpt(volume->disk))
		return 0;
	machine->gpt_measured = true;
	if (disk_gpt_event(volume->disk, &over, err) < 0)
		return -1;
	return machine_measure(machine, &what, buf_bytes(&over), err);
}

int machine_measure_image(struct machine *machine, const struct machine_image *image,
			  struct error *err)
{
	const char *kind = pe_kind_name(pe_kind(image->pe));
	struct measurement what = {
		.pcr = 4,
		.type = EV_EFI_BOOT_SERVICES_APPLICATION,
		.component = kind,
		.source = image->name,
		.over = "Authenticode of the image",
	};

	if (pe_subsystem(image->pe) == PE_SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER) {
		what.pcr = 2;
		what.type = EV_EFI_BOOT_SERVICES_DRIVER;
	} else if (pe_subsystem(image->pe) == PE_SUBSYSTEM_EFI_RUNTIME_DRIVER) {
		what.pcr = 2;
		what.type = EV_EFI_RUNTIME_SERVICES_DRIVER;
	}
	return machine_measure_digests(machine, &what, image->authenticode, err);
}

int machine_load(struct machine *machine, struct machine_image *image, struct error *err)
{
	int allowed;

	if (machine->load_image)
		return machine->load_image(machine, image, err);
	machine->refusal = "";
	allowed = authorize(machine, image, err);
	if (allowed <= 0)
		return allowed;
	if (measure_gpt(machine, image, err) < 0 || machine_measure_image(machine, image, err) < 0)
		return -1;
	return 1;
}

int machine_start(struct machine *machine, struct machine_image *image, struct bytes load_options,
		  struct error *err)
{
	int status;

	if (machine->private->n_started >= MACHINE_IMAGES_MAX) {
		machine_halt(machine, "more than %d images started one by the other",
			     MACHINE_IMAGES_MAX);
		return 0;
	}
	machine->private->n_started++;
	status = machine->start(machine, image, load_options, err);
	return status;
}
