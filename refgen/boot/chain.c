/* SPDX-License-Identifier: BSD-2-Clause */
/* One boot: who starts whom. */
#include "refgen/boot/internal.h"
#include "refgen/disk/disk.h"
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

/* What every firmware measures before it starts the first boot option, as far as that is one thing. */
static int measure_firmware(struct machine *machine, struct error *err)
{
	static const struct {
		uint32_t pcr, type;
		const char *over;
	} events[] = {
		{0,  EV_EFI_PLATFORM_FIRMWARE_BLOB, "the firmware's version and code"               },
		{ 7, EV_EFI_VARIABLE_DRIVER_CONFIG, "SecureBoot, PK, KEK, db and dbx"               },
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
		if (unknown(machine, events[i].pcr, events[i].type, events[i].over, err) < 0 ||
		    (events[i].pcr == 7 && separator(machine, 7, err) < 0))
			return -1;
	if (machine_measure(machine, &calling,
			    bytes_of_string("Calling EFI Application from Boot Option"), err) < 0)
		return -1;
	for (uint32_t pcr = 0; pcr < 7; pcr++)
		if (separator(machine, pcr, err) < 0)
			return -1;
	return 0;
}

/* A program that firmware would start: on a volume, or given by itself. */
struct candidate {
	const char *name;
	struct machine_image *image;
};

static const char default_path[] = "/EFI/BOOT/BOOTX64.EFI";

/* Everything that may be started first: what removable media start, and programs given alone. */
static int find_candidates(struct boot *boot, struct candidate *out, size_t *n, struct error *err)
{
	struct machine *machine = boot->machine;

	*n = 0;
	for (size_t i = 0; i < machine->n_volumes; i++) {
		struct machine_image *image;
		int found = machine_image(machine, &machine->volumes[i], default_path, &image, err);

		if (found < 0)
			return -1;
		if (found)
			out[(*n)++] = (struct candidate){ image->name, image };
	}
	for (size_t i = 0; i < boot->n_singles; i++) {
		struct machine_image *image;

		if (!pe_detect(boot->singles[i].contents))
			continue;
		if (machine_image_of_bytes(machine, boot->singles[i].path,
					   boot->singles[i].contents, &image, err) < 0)
			return -1;
		if (pe_kind(image->pe) != PE_ADDON)
			out[(*n)++] = (struct candidate){ image->name, image };
	}
	return 0;
}

static int run_without_firmware(struct boot *boot, struct error *err)
{
	struct machine *machine = boot->machine;
	AUTO(own_free) struct candidate *candidates = NULL;
	AUTO(own_free) const char **names = NULL;
	size_t n, room = machine->n_volumes + boot->n_singles + 1, taken;
	int loaded;

	candidates = calloc(room, sizeof(*candidates));
	names = calloc(room, sizeof(*names));
	if (!candidates || !names)
		return error_memory(err, NULL);
	if (find_candidates(boot, candidates, &n, err) < 0)
		return -1;
	if (n == 0) {
		machine_halt(machine, "nothing that was given can be started");
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		names[i] = candidates[i].name;
	taken = machine_choose(machine, "program", names, n, 0);
	machine_assume(machine, "secure_boot", "off");
	if (measure_firmware(machine, err) < 0)
		return -1;
	loaded = machine_load(machine, candidates[taken].image, err);
	return loaded <= 0
		       ? loaded
		       : machine_start(machine, candidates[taken].image, (struct bytes){ 0 }, err);
}

int boot_run(struct boot *boot, struct error *err)
{
	if (boot->machine->firmware.size)
		return firmware_run(boot->machine, err);
	return run_without_firmware(boot, err);
}
