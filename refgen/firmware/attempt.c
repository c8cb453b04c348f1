/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which option is booted, and what its image is.
 *
 * Source: EDK II, MdeModulePkg/Universal/BdsDxe/BdsEntry.c and Library/UefiBootManagerLib/BmBoot.c.
 */
#include <inttypes.h>

#include "core/text.h"
#include "core/disk/disk.h"
#include "refgen/firmware/run.h"

#define DEFAULT_PATH  "/EFI/BOOT/BOOTX64.EFI" /* UEFI 3.5.1.1, on x86-64 */
#define SIGNATURE_GPT 2

/* --- files ----------------------------------------------------------------------------------- */

/* The file a target names, with slashes. */
static int target_path(const struct boot_target *target, struct buf *out, struct error *err)
{
	if (target->file_path.size == 0)
		buf_append_string(out, DEFAULT_PATH);
	else
		text_append_utf16le(out, target->file_path);
	if (buf_finish(out, err) < 0)
		return -1;
	for (size_t i = 0; i < out->size; i++)
		if (out->data[i] == '\\')
			out->data[i] = '/';
	return 0;
}

/* File systems the firmware reads; those of a directory stand for one. */
static bool is_readable(const struct machine_volume *volume)
{
	enum volume_kind kind = volume_info(volume->volume)->kind;

	return kind == VOLUME_FAT || kind == VOLUME_DIRECTORY;
}

/* Disks are the devices of the machine's boot order, in their order; a directory is on the first. */
static size_t device_of(const struct machine_volume *volume)
{
	return volume->disk_index == SIZE_MAX ? 0 : volume->disk_index;
}

/* True if the partition of a target is this one. A directory that stands for a partition is any. */
static bool is_partition(const struct machine_volume *volume, const struct boot_target *target)
{
	const struct partition *partition = volume_info(volume->volume)->partition;

	if (!volume->disk)
		return true;
	return partition && target->signature_type == SIGNATURE_GPT &&
	       bytes_equal(target->signature, bytes_of(partition->guid, sizeof(partition->guid)));
}

static bool is_on_device(const struct boot *boot, const struct machine_volume *volume,
			 const struct boot_target *target)
{
	size_t device = device_of(volume);

	return device < boot->n_devices && (target->kind != TARGET_DEVICE ||
					    devpath_is_on(target->device, &boot->devices[device]));
}

/* The first volume that has a target's file: 1 with *volume and its path, 0, -1. */
static int find_on_volumes(struct boot *boot, const struct boot_target *target,
			   struct machine_volume **volume, struct buf *path, struct error *err)
{
	struct machine *machine = boot->machine;
	struct volume_entry entry;

	if (target_path(target, path, err) < 0)
		return -1;
	for (size_t i = 0; i < machine->n_volumes; i++) {
		struct machine_volume *candidate = &machine->volumes[i];
		int found;

		if (!is_readable(candidate) || !is_on_device(boot, candidate, target) ||
		    (target->has_partition && !is_partition(candidate, target)))
			continue;
		found = volume_stat(candidate->volume, (const char *)path->data, &entry, err);
		if (found < 0)
			return -1;
		if (found && entry.type == VOLUME_ENTRY_FILE) {
			*volume = candidate;
			return 1;
		}
	}
	return 0;
}

static int find_file(void *ctx, const struct boot_target *target, size_t *device, struct error *err)
{
	struct machine_volume *volume;
	AUTO(buf_clear) struct buf path = BUF_INIT;
	int found = find_on_volumes(ctx, target, &volume, &path, err);

	if (found > 0)
		*device = device_of(volume);
	return found;
}

/* --- the list -------------------------------------------------------------------------------- */

static int take_devices(struct boot *boot, struct error *err)
{
	const struct machine_facts *facts = &boot->machine->facts;
	size_t n = facts->has_boot_order ? facts->n_boot_order : 1;

	boot->devices = calloc(n + 1, sizeof(*boot->devices));
	if (!boot->devices)
		return error_memory(err, NULL);
	boot->n_devices = n;
	for (size_t i = 0; facts->has_boot_order && i < n; i++)
		boot->devices[i] = (struct boot_device){
			.pci_device = facts->boot_order[i].pci_device,
			.pci_function = facts->boot_order[i].pci_function,
			.path = facts->boot_order[i].path,
			.description = facts->boot_order[i].description,
		};
	if (!facts->has_boot_order) {
		boot->devices[0] =
			(struct boot_device){ .pci_device = 1, .description = "UEFI Misc Device" };
		boot->assumed_order = machine_assume(boot->machine, "boot_order", "%s",
						     "a virtio disk at PCI 1.0");
	}
	return 0;
}

int boot_make_list(struct boot *boot, struct error *err)
{
	struct boot_input input = { .firmware = boot->state->has_firmware ? &boot->state->firmware
									  : NULL,
				    .store = boot->has_store ? &boot->store : NULL,
				    .find_file = find_file,
				    .ctx = boot };

	if (take_devices(boot, err) < 0)
		return -1;
	input.devices = boot->devices;
	input.n_devices = boot->n_devices;
	return boot_list_make(&input, &boot->list, err);
}

/* --- attempts -------------------------------------------------------------------------------- */

/* An application of the firmware itself ends the boot: nothing comes after it by itself. */
static int start_firmware_file(struct boot *boot, const struct boot_target *target,
			       struct error *err)
{
	struct machine_image *image;
	struct ffs_volume dxe;
	struct section section;
	struct ffs_file file;
	int got;

	if (!boot->state->has_firmware)
		return 0;
	if (ffs_open(boot->state->firmware.dxe.bytes, 0, boot->state->firmware.source, &dxe, err) <
	    0)
		return -1;
	got = ffs_find(&dxe, &target->file, &file, err);
	if (got > 0)
		got = section_find(&dxe, &file, SECTION_PE32, &section, err);
	if (got <= 0)
		return got;
	got = machine_image_of_bytes(boot->machine, "an application of the firmware", section.bytes,
				     &image, err);
	/* What lies in the firmware's own volume is measured, but not verified. */
	if (got < 0 || machine_measure_image(boot->machine, image, err) < 0)
		return -1;
	machine_halt(boot->machine, "an application of the firmware is started");
	return 0;
}

static int start_file(struct boot *boot, const struct boot_target *target,
		      const struct boot_option *option, struct error *err)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	struct machine_volume *volume;
	struct machine_image *image;
	struct bytes load_options = { NULL, 0 };
	int got;

	got = find_on_volumes(boot, target, &volume, &path, err);
	if (got > 0)
		got = machine_image(boot->machine, volume, (const char *)path.data, &image, err);
	if (got > 0)
		got = machine_load(boot->machine, image, err);
	if (got <= 0)
		return got;
	/* The mark of an automatic option is not handed on. */
	if (!boot_option_is_automatic(option) &&
	    machine_copy(boot->machine, option->optional, &load_options, err) < 0)
		return -1;
	return machine_start(boot->machine, image, load_options, err);
}

static int try_option(struct boot *boot, const struct boot_option *option, struct error *err)
{
	struct boot_target target;

	if (boot_measure_attempt(boot, err) < 0)
		return -1;
	boot_target_parse(devpath_first(option->path), &target);
	switch (target.kind) {
	case TARGET_FIRMWARE_FILE:
		return start_firmware_file(boot, &target, err);
	case TARGET_PARTITION:
	case TARGET_DEVICE:
		return start_file(boot, &target, option, err);
	case TARGET_OTHER:
		break;
	}
	return 0; /* a device that is not there */
}

/* BootNext's option is tried before all others, once. */
static int try_next(struct boot *boot, struct error *err)
{
	const struct machine_variable *next =
		machine_variable(boot->machine, &guid_global_variable, "BootNext");
	const struct machine_variable *variable;
	struct boot_option option;
	char name[16];

	if (!next)
		return 0;
	snprintf(name, sizeof(name), "Boot%04X",
		 next->data.size == 2 ? next->data.data[0] | next->data.data[1] << 8 : 0x10000);
	if (machine_variable_set(boot->machine, &guid_global_variable, "BootNext", 0,
				 bytes_of(NULL, 0), err) < 0)
		return -1;
	variable = machine_variable(boot->machine, &guid_global_variable, name);
	if (!variable || boot_option_parse(variable->data, 0, name, &option, NULL) < 0)
		return 0;
	return try_option(boot, &option, err);
}

int boot_try_options(struct boot *boot, struct error *err)
{
	struct machine *machine = boot->machine;

	if (try_next(boot, err) < 0)
		return -1;
	for (size_t i = 0; i < boot->list.n_entries && !machine->has_left; i++) {
		const struct boot_entry *entry = &boot->list.entries[i];

		if (!entry->missing && entry->option.attributes & LOAD_OPTION_ACTIVE &&
		    !(entry->option.attributes & LOAD_OPTION_CATEGORY) &&
		    try_option(boot, &entry->option, err) < 0)
			return -1;
	}
	if (!machine->has_left)
		machine_halt(machine, "no boot option starts an operating system");
	return 0;
}
