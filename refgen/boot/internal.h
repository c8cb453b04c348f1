/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of refgen/boot share. */
#ifndef REFGEN_BOOT_INTERNAL_H
#define REFGEN_BOOT_INTERNAL_H

#include "refgen/boot/boot.h"
#include "refgen/pe/pe.h"

struct file;
struct way;

/* A file that was given by itself. */
struct single {
	const char *path; /* as the user named it */
	struct bytes contents;
	struct digest digests[ALG_BANKS];
};

struct boot {
	struct hasher *hasher;
	struct machine *machine;
	struct baseline *baseline; /* NULL: none */
	struct file **files;       /* owned, kept open */
	size_t n_files, files_capacity;
	struct disk **disks; /* owned */
	size_t n_disks, disks_capacity;
	struct machine_volume *volumes; /* owned, with their volumes */
	size_t n_volumes, volumes_capacity;
	struct single *singles; /* owned */
	size_t n_singles, singles_capacity;
	size_t single_run;             /* which of them this run starts */
	struct boot_profile *profiles; /* owned */
	size_t n_profiles, profiles_capacity;
	const char **notes; /* owned */
	size_t n_notes, notes_capacity;
	struct way *ways[BOOT_RUNS_MAX]; /* that runs are still to be made for */
	size_t n_ways;
};

/* chain.c: one boot, from the firmware (if it was given) to the operating system. */
int boot_run(struct boot *boot, struct error *err);

/* chain.c: what an image does, by its kind: machine.start. */
int boot_start(struct machine *machine, struct machine_image *image, struct bytes load_options,
	       struct error *err);

#endif
