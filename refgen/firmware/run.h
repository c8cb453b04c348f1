/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files share that run the firmware on the simulated machine: run.c, state.c, attempt.c, drivers.c. */
#ifndef REFGEN_FIRMWARE_RUN_H
#define REFGEN_FIRMWARE_RUN_H

#include "refgen/firmware/internal.h"
#include "refgen/machine/machine.h"

/* A driver of an option ROM, unpacked. */
struct rom_driver {
	struct rom_driver *next;
	struct bytes bytes;
	const char *source; /* the ROM */
};

/* What was read of the inputs; in the machine's memory, kept between its runs. */
struct firmware_state {
	bool has_firmware;
	struct firmware firmware;
	bool pei_known;
	const char *pei_reason; /* why not */
	uint32_t facts_used;    /* for the PEI volume: bits 1 << FACT_* */
	struct firmware_facts facts;
	struct digest pei[ALG_BANKS], dxe[ALG_BANKS]; /* of the volumes as measured */
	struct rom_driver *drivers, **last_driver;
};

/* The firmware during one boot. */
struct boot {
	struct machine *machine;
	struct firmware_state *state; /* the machine's */
	bool has_store;
	struct varstore store;
	struct boot_device *devices; /* owned */
	size_t n_devices;
	struct boot_list list;
	const char *assumed_order; /* not NULL: the devices are assumed */
	const char *assumption;    /* what the event at hand depends on, or NULL */
	size_t n_attempts;
};

/* Reads firmware image and option ROMs: what state.c does once for a machine. */
int boot_read_state(struct boot *boot, struct error *err);

/* Drivers of option ROMs: read once, and loaded (PCR 2) in each boot. */
int boot_read_roms(struct boot *boot, struct error *err);
int boot_load_drivers(struct boot *boot, struct error *err);

/* The devices and the list of options. */
int boot_make_list(struct boot *boot, struct error *err);

/* Measures that an option is tried: the first time with all that firmware measures at ready-to-boot. */
int boot_measure_attempt(struct boot *boot, struct error *err);

/* Tries the options until one starts something that does not return, or none is left. */
int boot_try_options(struct boot *boot, struct error *err);

#endif
