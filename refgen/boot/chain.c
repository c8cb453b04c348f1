/* SPDX-License-Identifier: BSD-2-Clause */
/* One boot: who starts whom. */
#include <strings.h>

#include "core/array.h"
#include "core/own.h"
#include "refgen/boot/internal.h"
#include "core/disk/disk.h"
#include "refgen/firmware/firmware.h"
#include "refgen/grub/boot.h"
#include "refgen/shim/shim.h"
#include "refgen/systemd/systemd.h"

/* A program whose doings nobody predicts: it, or what it starts, may measure anything. */
static int start_unknown(struct machine *machine, const struct machine_image *image,
			 struct error *err)
{
	static const uint32_t pcrs[] = { 4, 5, 8, 9, 11, 12, 13 };

	for (size_t i = 0; i < ARRAY_SIZE(pcrs); i++) {
		const struct measurement what = { .pcr = pcrs[i],
						  .type = EV_IPL,
						  .component = "unknown program",
						  .source = image->name,
						  .over = "what it and what it starts measure" };

		if (machine_measure_unknown(machine, &what, err) < 0)
			return -1;
	}
	machine_halt(machine, "%s is started (%s): what it does next is not known", image->name,
		     pe_kind_name(pe_kind(image->pe)));
	return 0;
}

int boot_start(struct machine *machine, struct machine_image *image, struct bytes load_options,
	       struct error *err)
{
	enum pe_kind kind = pe_kind(image->pe);

	switch (kind) {
	case PE_SHIM:
		return shim_run(machine, image, load_options, err);
	case PE_GRUB:
		if (!image->volume) /* a file by itself: where GRUB looks for its configuration is no disk */
			break;
		return grub_run(machine, image, err);
	case PE_SYSTEMD_BOOT:
		return systemd_boot_run(machine, image, load_options, err);
	case PE_UKI:
		return systemd_stub_run(machine, image, load_options, NULL, err);
	case PE_KERNEL:
		return linux_stub_run(machine, image, load_options, NULL, err);
	case PE_MOK_MANAGER:
	case PE_FALLBACK:
	case PE_SYSTEMD_STUB:
	case PE_ADDON:
	case PE_OTHER:
	case PE_KIND_COUNT:
		break;
	}
	return start_unknown(machine, image, err);
}

/* --- without the firmware ----------------------------------------------------------------------- */

static const char not_given[] = "the firmware, which was not given";

static int unknown(struct machine *machine, uint32_t pcr, uint32_t type, const char *over,
		   struct error *err)
{
	const struct measurement what = {
		.pcr = pcr, .type = type, .component = "firmware", .source = not_given, .over = over
	};

	return machine_measure_unknown(machine, &what, err);
}

static int separator(struct machine *machine, uint32_t pcr, struct error *err)
{
	const struct measurement what = { .pcr = pcr,
					  .type = EV_SEPARATOR,
					  .component = "firmware",
					  .source = not_given,
					  .over = "four zero bytes" };

	return machine_measure(machine, &what, bytes_of("\0\0\0\0", 4), err);
}

/* SecureBoot, which is on or not, and the keys, which nobody knows. */
static int measure_keys(struct machine *machine, const char *assumption, struct error *err)
{
	const struct measurement what = { .pcr = 7,
					  .type = EV_EFI_VARIABLE_DRIVER_CONFIG,
					  .component = "SecureBoot",
					  .source = not_given,
					  .over = "the variable SecureBoot with its name",
					  .assumption = assumption };
	AUTO(buf_clear) struct buf over = BUF_INIT;

	/* Switched off it holds 0, without keys it does not exist. */
	if (!machine->secure_boot)
		return unknown(machine, 7, EV_EFI_VARIABLE_DRIVER_CONFIG,
			       "SecureBoot, which is off, PK, KEK, db and dbx", err);
	guid_append_variable_data(&over, &guid_global_variable, "SecureBoot", bytes_of("\1", 1));
	if (buf_finish(&over, err) < 0 ||
	    machine_measure(machine, &what, buf_bytes(&over), err) < 0)
		return -1;
	return unknown(machine, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, "PK, KEK, db and dbx", err);
}

/* What every firmware measures before it starts the first boot option, as far as that is one thing. */
static int measure_firmware(struct machine *machine, const char *secure, struct error *err)
{
	static const struct {
		uint32_t pcr, type;
		const char *over;
	} events[] = {
		{0,  EV_EFI_PLATFORM_FIRMWARE_BLOB, "the firmware's version and code"               },
		{ 1, EV_PLATFORM_CONFIG_FLAGS,      "the machine's configuration and boot variables"},
		{ 2, EV_EFI_BOOT_SERVICES_DRIVER,   "option ROMs and other drivers, or nothing"     },
		{ 3, EV_PLATFORM_CONFIG_FLAGS,      "configuration of drivers, or nothing"          },
		{ 6, EV_COMPACT_HASH,               "what the machine's maker wants, or nothing"    },
	};
	const struct measurement calling = {
		.pcr = 4,
		.type = EV_EFI_ACTION,
		.component = "firmware",
		.source = not_given,
		.over = "the text \"Calling EFI Application from Boot Option\"",
		.assumption = machine_assume(machine, "boot_attempts", "1"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (unknown(machine, events[i].pcr, events[i].type, events[i].over, err) < 0)
			return -1;
	if (measure_keys(machine, secure, err) < 0 || separator(machine, 7, err) < 0 ||
	    machine_measure(machine, &calling,
			    bytes_of_string("Calling EFI Application from Boot Option"), err) < 0)
		return -1;
	for (uint32_t pcr = 0; pcr < 7; pcr++)
		if (separator(machine, pcr, err) < 0)
			return -1;
	return 0;
}

/* --- what may be started first --------------------------------------------------------------------- */

/* A program that firmware would start: on a volume, or given by itself. */
struct candidate {
	const char *name;
	struct machine_image *image;
};

struct candidates {
	struct boot *boot;
	struct candidate *items; /* owned */
	size_t n, capacity;
	const struct machine_volume *volume;   /* whose folders are gone through */
	const struct machine_image *removable; /* what it starts as a removable medium; NULL */
};

static const char default_path[] = "/EFI/BOOT/BOOTX64.EFI";

/* More folders of vendors than any ESP has. */
#define VENDORS_MAX 64

static void candidates_clear(struct candidates *list)
{
	free(list->items);
}

static int add_candidate(struct candidates *list, struct machine_image *image, struct error *err)
{
	if (array_room(&list->items, list->n, &list->capacity, sizeof(*list->items), NULL, err) < 0)
		return -1;
	list->items[list->n++] = (struct candidate){ image->name, image };
	return 0;
}

/* 1 and the image, 0 if there is none, or nothing that firmware loads. */
static int find_image(struct candidates *list, const char *folder, const char *name,
		      struct machine_image **out, struct error *err)
{
	struct machine *machine = list->boot->machine;
	const char *path = machine_text(machine, "/EFI/%s/%s", folder, name);
	struct error problem = { 0 };
	int found = machine_image(machine, list->volume, path, out, &problem);

	if (found >= 0 || (problem.code != ERROR_SYSTEM && problem.code != ERROR_INPUT))
		return found > 0;
	if (err)
		*err = problem;
	return -1;
}

static bool same_file(const struct machine_image *a, const struct machine_image *b)
{
	return a && b && bytes_equal(a->contents, b->contents);
}

/* Whether a vendor's shim would do just what the one of the removable medium does: the same shim, which
 * starts the same, and no fallback that would come first. 1, 0, -1. */
static int is_same_boot(struct candidates *list, const char *folder,
			const struct machine_image *shim, struct error *err)
{
	struct machine_image *mine = NULL, *theirs = NULL, *fallback = NULL;

	if (!same_file(shim, list->removable))
		return 0;
	if (find_image(list, folder, "grubx64.efi", &mine, err) < 0 ||
	    find_image(list, "BOOT", "grubx64.efi", &theirs, err) < 0 ||
	    find_image(list, "BOOT", "fbx64.efi", &fallback, err) < 0)
		return -1;
	return same_file(mine, theirs) && !fallback;
}

/* A vendor's folder: what its boot entry starts is its shim, or without one its boot loader. */
static int add_vendor(void *ctx, const struct volume_entry *entry, struct error *err)
{
	static const char *const names[] = { "shimx64.efi", "grubx64.efi", "systemd-bootx64.efi" };
	struct candidates *list = ctx;
	struct machine_image *image;
	const char *folder;

	if (entry->type != VOLUME_ENTRY_DIRECTORY || list->n >= VENDORS_MAX ||
	    (entry->name.size == 4 && strncasecmp((const char *)entry->name.data, "BOOT", 4) == 0))
		return 0;
	folder = machine_text(list->boot->machine, "%.*s", (int)entry->name.size,
			      (const char *)entry->name.data);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int found = find_image(list, folder, names[i], &image, err), same;

		if (found < 0)
			return -1;
		if (!found)
			continue;
		same = i == 0 ? is_same_boot(list, folder, image, err)
			      : same_file(image, list->removable);
		return same < 0 ? -1 : same ? 0 : add_candidate(list, image, err);
	}
	return 0;
}

/* Everything that may be started first: what removable media start, vendors' programs, those given
 * alone. */
static int find_candidates(struct candidates *list, struct error *err)
{
	struct boot *boot = list->boot;
	struct machine *machine = boot->machine;

	for (size_t i = 0; i < machine->n_volumes; i++) {
		struct machine_image *image = NULL;
		int found = machine_image(machine, &machine->volumes[i], default_path, &image, err);

		list->volume = &machine->volumes[i];
		list->removable = image;
		if (found < 0 || (found && add_candidate(list, image, err) < 0) ||
		    volume_list(list->volume->volume, "/EFI", add_vendor, list, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < boot->n_singles; i++) {
		struct machine_image *image;

		if (!pe_detect(boot->singles[i].contents))
			continue;
		if (machine_image_of_bytes(machine, boot->singles[i].path,
					   boot->singles[i].contents, &image, err) < 0)
			return -1;
		if (pe_kind(image->pe) != PE_ADDON && add_candidate(list, image, err) < 0)
			return -1;
	}
	return 0;
}

/* On or off; what is not signed runs where it is off only. Returns the assumption's text. */
static const char *choose_secure_boot(struct machine *machine, const struct machine_image *image)
{
	static const char *const states[] = { "Secure Boot on", "Secure Boot off" };

	machine->secure_boot =
		pe_has_certificates(image->pe) &&
		machine_choose(machine, "secure boot", states, ARRAY_SIZE(states), 0) == 0;
	machine->keys_assumption =
		machine_assume(machine, "variables",
			       "none of shim's, and none of db for what it starts");
	return machine_assume(machine, "secure_boot", "%s", machine->secure_boot ? "on" : "off");
}

static int run_without_firmware(struct boot *boot, struct error *err)
{
	struct machine *machine = boot->machine;
	AUTO(candidates_clear) struct candidates list = { .boot = boot };
	AUTO(own_free) const char **names = NULL;
	struct machine_image *image;
	const char *secure;
	int loaded;

	if (find_candidates(&list, err) < 0)
		return -1;
	if (list.n == 0) {
		machine_halt(machine, "nothing that was given can be started");
		return 0;
	}
	names = calloc(list.n, sizeof(*names));
	if (!names)
		return error_memory(err, NULL);
	for (size_t i = 0; i < list.n; i++)
		names[i] = list.items[i].name;
	image = list.items[machine_choose(machine, "program", names, list.n, 0)].image;
	secure = choose_secure_boot(machine, image);
	if (measure_firmware(machine, secure, err) < 0)
		return -1;
	loaded = machine_load(machine, image, err);
	if (loaded == 0)
		machine_halt(machine, "%s", machine->refusal);
	return loaded <= 0 ? loaded : machine_start(machine, image, (struct bytes){ 0 }, err);
}

int boot_run(struct boot *boot, struct error *err)
{
	if (boot->machine->firmware.size)
		return firmware_run(boot->machine, err);
	return run_without_firmware(boot, err);
}
