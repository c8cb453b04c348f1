/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * revocations: images that must not boot any more: by their digest, by a certificate of their
 * signature's chain, or by the generation of an SBAT component.
 *
 * A file is a dbx (EFI_SIGNATURE_LISTs as they are in the variable, with an efivarfs file's attributes
 * or the descriptor of an authenticated update in front), or an SBAT level (text of lines
 * "component,generation", the first "sbat,1,DATE"; with an efivarfs file's attributes in front, or not).
 *
 * Source:  UEFI 2.10, 8.2.2 (EFI_VARIABLE_AUTHENTICATION_2), 32.4.1 (EFI_SIGNATURE_LIST,
 *          EFI_CERT_X509_SHA256 and its like); rhboot/shim SBAT.md, sbat.c.
 * Threads: immutable once read.
 */
#ifndef AUDIT_REVOCATIONS_H
#define AUDIT_REVOCATIONS_H

#include "core/arena.h"
#include "core/crypto.h"

/* One entry of a list, and where it is. */
struct revocation {
	const char *path;     /* of the file, as the operator named it; borrowed */
	uint64_t offset;      /* in it */
	struct digest digest; /* of an image; of a certificate's TBSCertificate; else ALG_NONE */
	struct bytes certificate; /* DER; else empty */
	bool has_time; /* revoked only from a time on: for images that a trusted timestamp does not save */
	char time[24]; /* that time: "2020-07-29 00:00:00" */
};

/* A component's generation, below which images are revoked. */
struct sbat_minimum {
	const char *path;
	uint64_t offset;
	struct bytes component;
	uint16_t generation;
};

struct revocations {
	struct revocation *digests; /* owned; sorted */
	size_t n_digests, digests_capacity;
	struct revocation
		*certificates; /* owned; whole ones and digests of such, in the lists' order */
	size_t n_certificates, certificates_capacity;
	struct sbat_minimum *minimums; /* owned; one for each component, the highest */
	size_t n_minimums, minimums_capacity;
	struct bytes sbat_date; /* of the newest level; empty: none */
	size_t n_others;        /* entries of types that are not known */
	struct arena arena;     /* what entries point to */
};

/* Adds what a file revokes. path is borrowed. On an error out holds what it held, and perhaps more. */
int revocations_read(const char *path, struct revocations *out, struct error *err);

/* The same of bytes. */
int revocations_parse(struct bytes file, const char *path, struct revocations *out,
		      struct error *err);

/* The entry with an image's digest, or NULL. */
const struct revocation *revocations_find(const struct revocations *revocations,
					  const struct digest *digest);

/* The first entry that is this certificate (DER), or has the digest of its TBSCertificate; NULL: none,
 * or der is no certificate. -1 only when memory ran out or libcrypto failed. */
int revocations_find_certificate(const struct revocations *revocations, struct bytes der,
				 struct hasher *hasher, const struct revocation **out,
				 struct error *err);

/* What is asked of a component; NULL: nothing. */
const struct sbat_minimum *revocations_minimum(const struct revocations *revocations,
					       struct bytes component);

void revocations_clear(struct revocations *revocations);

#endif
