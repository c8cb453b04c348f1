/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of refgen/machine share. */
#ifndef REFGEN_MACHINE_INTERNAL_H
#define REFGEN_MACHINE_INTERNAL_H

#include "core/arena.h"
#include "refgen/machine/machine.h"

/* More events than any boot measures: a component that runs away is stopped. */
#define MACHINE_EVENTS_MAX  100000
/* More choices in one run than any boot has. */
#define MACHINE_CHOICES_MAX 64

/* A value in a hole of this run: the same value has the same name in all events. */
struct hole_value {
	struct bytes value;
	const char *name;
};

/* Images that one boot starts: a chain of loaders, and failed attempts. */
#define MACHINE_IMAGES_MAX 64

struct machine_file;

struct machine_private {
	struct arena arena;
	struct machine_file *files; /* owned; read in any run */

	/* The run. */
	struct profile_event *events; /* owned until machine_end gives them to the arena */
	size_t n_events, events_capacity;
	size_t variables_capacity;
	struct machine_choice choices[MACHINE_CHOICES_MAX];
	size_t n_choices;
	bool too_many; /* choices */
	const size_t *ways;
	size_t n_ways;
	const char **assumptions; /* owned likewise */
	size_t n_assumptions, assumptions_capacity;
	struct hole_value *hole_values; /* owned */
	size_t n_hole_values, hole_values_capacity;
	struct bytes *authorities; /* owned; entries of db that were measured */
	size_t n_authorities, authorities_capacity;
	size_t n_started; /* images */
};

/* files.c: forgets what was read. */
void machine_files_clear(struct machine *machine);

#endif
