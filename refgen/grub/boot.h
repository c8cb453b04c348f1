/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GRUB on the simulated machine (refgen/machine): its names for the machine's disks, what it measures
 * as events of the run, the kernel it starts.
 */
#ifndef REFGEN_GRUB_BOOT_H
#define REFGEN_GRUB_BOOT_H

#include "refgen/machine/machine.h"

/* What self, a GRUB image that has just been loaded, does: reads its configuration, takes the menu
 * entry that this run is for, starts it, or halts the machine. */
int grub_run(struct machine *machine, struct machine_image *self, struct error *err);

#endif
