/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boot: from firmware, disk images and boot files to boot profiles: the events that a machine which
 * boots them must log, and the PCR values it ends in.
 *
 * Composes the components (refgen/firmware, shim, grub, systemd) on a simulated machine and runs it
 * once for each way the boot may go. An earlier boot's log of the same hardware (the baseline) fills
 * in what only the firmware knows.
 *
 * Threads: one prediction belongs to one thread.
 */
#ifndef REFGEN_BOOT_BOOT_H
#define REFGEN_BOOT_BOOT_H

#include "refgen/machine/machine.h"

struct boot_inputs {
	const char *firmware, *varstore; /* file names; NULL: not given */
	const char *facts;               /* likewise */
	const char *baseline;            /* likewise: a boot log */
	const char *const *images;       /* disk images and ISOs */
	size_t n_images;
	const char *const *paths; /* files and directories */
	size_t n_paths;
};

/* More ways of booting than this are an error, not a list. */
#define BOOT_RUNS_MAX 1024

struct boot_profile {
	struct profile profile;         /* named after what was chosen on the way */
	const char *const *assumptions; /* "cpus = 1" */
	size_t n_assumptions;
	size_t n_unlike; /* events of the baseline that the prediction says are otherwise: not used */
};

struct boot;

/* Reads the inputs and predicts. What cannot be predicted is in the profiles as unknown events; -1 is
 * for inputs that cannot be read. */
int boot_predict(const struct boot_inputs *inputs, struct boot **out, struct error *err);
void boot_free(struct boot *boot);
void boot_freep(struct boot **boot);

/* In the order found: each way's default first. All of it is the boot's. */
const struct boot_profile *boot_profiles(const struct boot *boot, size_t *n);

/* What was worth saying on the way: file systems that cannot be read, files passed over. */
const char *const *boot_notes(const struct boot *boot, size_t *n);

const struct machine *boot_machine(const struct boot *boot);

/* Every PE image that some run loaded, or looked at, in the order of first use; in the arena. */
int boot_images(const struct boot *boot, struct arena *arena, struct boot_image **out, size_t *n,
		struct error *err);

/* --- machine facts (facts.c) -------------------------------------------------------------------- */

/* Parses a facts file (design.md). Strings are copied into the machine; file names in it are
 * relative to path's folder. Unknown members and values of the wrong type are ERROR_MALFORMED. */
int facts_parse(struct bytes text, const char *path, struct machine *machine, struct error *err);

/* --- baseline (baseline.c) ---------------------------------------------------------------------- */

/* Events of an earlier boot's log, by PCR. */
struct baseline;

int baseline_open(const char *path, struct machine *machine, struct baseline **out,
		  struct error *err);
void baseline_free(struct baseline *baseline);
void baseline_freep(struct baseline **baseline);

/*
 * Fills unknown events of the profile from the log: within a PCR, the events before and after an
 * unknown one must be those of the log. Events that the log has and the profile has not stay out.
 * *n_unlike: known events of the profile that are not in the log.
 */
int baseline_fill(const struct baseline *baseline, struct machine *machine, struct profile *profile,
		  size_t *n_unlike, struct error *err);

#endif
