/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files share that run the firmware on the simulated machine: run.c, attempt.c, drivers.c. */
#ifndef REFGEN_FIRMWARE_RUN_H
#define REFGEN_FIRMWARE_RUN_H

#include "refgen/firmware/internal.h"
#include "refgen/machine/machine.h"

/* The firmware's state during one boot. */
struct boot {
	struct machine *machine;
	bool has_firmware, has_store;
	struct firmware firmware;
	struct varstore store;
	struct boot_device *devices; /* owned */
	size_t n_devices;
	struct boot_list list;
	const char *assumed_order; /* not NULL: the devices are assumed */
	const char *assumption;    /* what the event at hand depends on, or NULL */
	size_t n_attempts;
};

/* Drivers of option ROMs: PCR 2. */
int boot_measure_roms(struct boot *boot, struct error *err);

/* The devices and the list of options. */
int boot_make_list(struct boot *boot, struct error *err);

/* Measures that an option is tried: the first time with all that firmware measures at ready-to-boot. */
int boot_measure_attempt(struct boot *boot, struct error *err);

/* Tries the options until one starts something that does not return, or none is left. */
int boot_try_options(struct boot *boot, struct error *err);

#endif
