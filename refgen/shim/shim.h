/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim: what rhboot/shim does between being started and starting the next stage: the SBAT level it
 * sets, the variables it mirrors and measures (PCR 14 and 7), whom it lets run by which certificate
 * (PCR 7), and the images it measures (PCR 4).
 *
 * Version by version from 15 on, as the image says which it is; behaviour that a distribution's build
 * options change is taken from the image where it shows (vendor certificate or database, second
 * stage, SBAT levels). Certificates that shim was built with for its own companions
 * (ENABLE_SHIM_CERT) are not known. Network boots are not covered.
 *
 * Source:  rhboot/shim 15 to 16.1: shim.c, mok.c, sbat.c, verify.c, pe.c, tpm.c, loader-proto.c;
 *          16.1 confirmed on real boots (docs/boot-prediction.md).
 * Threads: as the machine's.
 */
#ifndef REFGEN_SHIM_SHIM_H
#define REFGEN_SHIM_SHIM_H

#include "refgen/machine/machine.h"

/* What shim does once firmware started it; load_options as firmware passed them. Sets
 * machine->shim_verify, and machine->load_image where this shim replaces LoadImage. */
int shim_run(struct machine *machine, struct machine_image *self, struct bytes load_options,
	     struct error *err);

/* --- the SBAT level, by itself ------------------------------------------------------------------ */

/* What SbatLevel this shim leaves behind, and how. */
struct shim_sbat_level {
	struct bytes text;   /* in force afterwards, without a NUL; empty: this shim knows none */
	bool written;        /* it replaced what was stored, or nothing was */
	bool policy_removed; /* the variable SbatPolicy */
	const char *failure; /* why the level could not be set; "" */
};

struct shim_sbat_candidates {
	struct bytes automatic, latest; /* texts without NUL */
	bool guessed; /* not from a .sbatlevel section: from the texts in the image, by their dates */
};

/* The levels an image carries. Without any, both are that of 2021-03-02. */
void shim_sbat_candidates(const struct pe *pe, struct shim_sbat_candidates *out);

/* stored and policy are the variables SbatLevel and SbatPolicy, or NULL. */
void shim_sbat_decide(const struct pe *pe, const struct shim_sbat_candidates *candidates,
		      bool secure, const struct machine_variable *stored,
		      const struct machine_variable *policy, struct shim_sbat_level *out);

/*
 * Whether an image's SBAT entries meet a level: NULL, or the first component whose generation is
 * below it, or "" if the entries are malformed. Empty bytes as component: none.
 */
bool shim_sbat_meets(const struct pe *pe, struct bytes level, struct bytes *component);

#endif
