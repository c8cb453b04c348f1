/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print: a prediction for people, and as the JSON of design.md ("assay refgen boot").
 */
#ifndef REFGEN_BOOT_PRINT_H
#define REFGEN_BOOT_PRINT_H

#include <stdio.h>

#include "refgen/boot/boot.h"

/* Profiles with their PCR values; with explain every event, what its digest is over and from where. */
int boot_print_text(const struct boot *boot, bool explain, FILE *out, struct error *err);

/* Everything. Digests of sections are computed for it. */
int boot_print_json(const struct boot *boot, FILE *out, struct error *err);

#endif
