/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inputs: the packages that files, folders and repository trees on the command line stand for, in
 * an order that does not depend on how they were named: by base name, then by path.
 */
#ifndef REFGEN_RPM_INPUTS_H
#define REFGEN_RPM_INPUTS_H

#include "core/error.h"

#include <stddef.h>

struct rpm_input;

struct rpm_inputs {
	struct rpm_input *items; /* owned */
	size_t n_items;
	size_t capacity; /* private */
};

/* An input that cannot be looked into; why names it. */
typedef void rpm_inputs_failed(void *ctx, const char *path, const struct error *why);

/*
 * Adds a file, or every *.rpm below a folder. Links to folders are not followed, so no tree is
 * endless. What cannot be read, and a folder without packages, is told to failed and passed over.
 * -1: out of memory.
 */
int rpm_inputs_add(struct rpm_inputs *inputs, const char *path, rpm_inputs_failed *failed,
		   void *ctx, struct error *err);

/* Sorts, and leaves out what is there twice: the same file by whatever name. */
void rpm_inputs_sort(struct rpm_inputs *inputs);

/* Valid as long as the inputs. */
const char *rpm_inputs_path(const struct rpm_inputs *inputs, size_t index);

void rpm_inputs_clear(struct rpm_inputs *inputs);

#endif
