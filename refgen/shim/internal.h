/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of refgen/shim/ share. */
#ifndef REFGEN_SHIM_INTERNAL_H
#define REFGEN_SHIM_INTERNAL_H

#include "refgen/pe/pe.h"
#include "refgen/secureboot/secureboot.h"
#include "refgen/shim/shim.h"

/* Entries that one boot makes shim measure: a handful. */
#define SHIM_MEASURED_MAX 64
/* Images that shim loads in one boot. */
#define SHIM_IMAGES_MAX   64

struct shim_measured {
	const char *name;
	struct guid guid;
	struct bytes data;
};

/* One shim that runs; in the machine's memory. */
struct shim {
	struct machine_image *self;
	struct bytes version;   /* empty: the image does not say; taken for the newest */
	const char *assumption; /* for measurement.assumption; NULL */
	const char *suffix;     /* of file names: "x64" */

	/* Section .vendor_cert: a certificate or signature lists, and signature lists that revoke. */
	struct bytes vendor_certificate, vendor_db, vendor_dbx;

	struct bytes user_certificates; /* signature lists from shim_certificate*.efi */
	struct bytes mok_list;          /* as mirrored: MokListRT */
	struct bytes sbat_level;        /* in force; empty: none */
	bool insecure;                  /* MokSBState */
	bool ignore_db;                 /* MokDBState */

	struct shim_measured measured[SHIM_MEASURED_MAX];
	size_t n_measured;
	const struct machine_image *loaded[SHIM_IMAGES_MAX]; /* verified and measured by shim */
	size_t n_loaded;
	const char *refusal; /* why the last image was refused */
};

/* True if this shim is at least so new; one whose version is not known is. */
bool shim_since(const struct shim *shim, const char *version);

/* Secure Boot is on and MokSBState did not turn verification off. */
bool shim_secure(const struct machine *machine, const struct shim *shim);

/* A variable or database entry in PCR 7, once. name is static or the machine's. */
int shim_measure_variable(struct machine *machine, struct shim *shim, const char *name,
			  const struct guid *guid, struct bytes data, const char *why,
			  struct error *err);

/* The image in PCR 4. */
int shim_measure_image(struct machine *machine, struct shim *shim,
		       const struct machine_image *image, struct error *err);

/* The vendor's section of self. ERROR_MALFORMED where its sizes do not fit. */
int shim_read_vendor(struct shim *shim, const struct pe *pe, struct error *err);

/* Mirrors and measures MokList and its companions, in their order. */
int shim_mirror(struct machine *machine, struct shim *shim, struct error *err);

/*
 * Whether shim lets an image run; measures what authorises it, or what forbids it. in_protocol: asked
 * by another program (shim_lock, LoadImage), when an SBAT section is not asked for. 1, 0 and
 * shim->refusal, -1.
 */
int shim_check(struct machine *machine, struct shim *shim, const struct machine_image *image,
	       bool in_protocol, struct error *err);

/* Certificates and revocations that lie beside shim as signed images (15.6 on). */
int shim_load_trust(struct machine *machine, struct shim *shim, struct error *err);

/* A file beside shim: path of the machine. */
const char *shim_beside(struct machine *machine, const struct shim *shim, const char *name);

#endif
