/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * revocations: digests of images that must not boot any more, from a dbx: EFI_SIGNATURE_LISTs as they
 * are in the variable, or with the descriptor of an authenticated update in front.
 *
 * Certificates in it are counted, not applied: a boot log does not say who signed an image.
 *
 * Source:  UEFI 2.10, 8.2.2 (EFI_VARIABLE_AUTHENTICATION_2), 32.4.1 (EFI_SIGNATURE_LIST).
 * Threads: immutable once read.
 */
#ifndef AUDIT_REVOCATIONS_H
#define AUDIT_REVOCATIONS_H

#include "core/digest.h"

struct revocations {
	struct digest *digests; /* owned; sorted */
	size_t n_digests;
	size_t n_others; /* certificates, and entries of types that are not known */
};

int revocations_read(const char *path, struct revocations *out, struct error *err);
bool revocations_have(const struct revocations *revocations, const struct digest *digest);
void revocations_clear(struct revocations *revocations);

#endif
