/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * secureboot: signature databases (db, dbx, MokList, a vendor's) and whether firmware lets an image
 * run, by which of their entries.
 *
 * What firmware decides is what EDK II's DxeImageVerificationLib decides, in its order; shim's own
 * rules are in refgen/shim. Times of certificates play no part. Timestamps against dbt are not
 * verified: an image that only such a timestamp saves is refused, and the verdict says so.
 *
 * Sources: UEFI Specification 2.10, 32.4.1 (signature lists), 32.5.3.3 (authorisation); EDK II
 *          SecurityPkg/Library/DxeImageVerificationLib.
 * Threads: no shared state.
 */
#ifndef REFGEN_SECUREBOOT_SECUREBOOT_H
#define REFGEN_SECUREBOOT_SECUREBOOT_H

#include "core/crypto_cms.h"
#include "refgen/machine/guid.h"
#include "refgen/pe/pe.h"

/* --- signature lists --------------------------------------------------------------------------- */

extern const struct guid guid_cert_x509;
extern const struct guid guid_cert_sha1, guid_cert_sha256, guid_cert_sha384, guid_cert_sha512;
extern const struct guid guid_cert_x509_sha256, guid_cert_x509_sha384, guid_cert_x509_sha512;

/* One EFI_SIGNATURE_DATA, with the list it is in. Types nobody knows are given like all others. */
struct signature_entry {
	struct guid type;   /* of its list */
	size_t list, index; /* number of the list, and of the entry in it; from 0 */
	struct bytes whole; /* owner and data: what is measured */
	struct bytes owner; /* 16 bytes */
	struct bytes data;  /* a DER certificate, a digest, ... */
	uint64_t offset;    /* of whole in the database */
};

/* Reads entries in order. Opaque but for signature_reader_of. */
struct signature_reader {
	struct bytes database;
	const char *source;
	size_t next_list; /* offset of the list after this one */
	size_t next, end; /* of the entries that are left of this one */
	size_t size;      /* of an entry */
	struct signature_entry current;
	bool began;
};

/* source names the database in errors, e.g. "db". */
struct signature_reader signature_reader_of(struct bytes database, const char *source);
/* 1 and *out, 0 at the end, -1 with ERROR_MALFORMED where sizes do not fit. */
int signature_next(struct signature_reader *reader, struct signature_entry *out, struct error *err);

/* A list of one entry, appended: type, owner, data. */
void signature_list_append(struct buf *out, const struct guid *type, const struct guid *owner,
			   struct bytes data);

/* --- authorisation ----------------------------------------------------------------------------- */

/* An entry that decided something, which firmware measures (EV_EFI_VARIABLE_AUTHORITY, PCR 7). */
struct secureboot_authority {
	const char *database; /* "db" or "dbx"; static */
	struct bytes entry;   /* signature_entry.whole; in the database given */
	struct bytes data;
};

#define SECUREBOOT_AUTHORITIES_MAX 8

struct secureboot_verdict {
	bool allowed;
	const char *reason; /* why, or why not; static */
	/* In the order they are measured; also of an image that is refused in the end. */
	struct secureboot_authority authorities[SECUREBOOT_AUTHORITIES_MAX];
	size_t n_authorities;
};

/* db and dbx are the variables' data; empty where there are none. */
int secureboot_authorize(const struct pe *pe, struct bytes db, struct bytes dbx,
			 struct hasher *hasher, struct secureboot_verdict *out, struct error *err);

/* What the authority's event is over: UEFI_VARIABLE_DATA of the image security database's GUID, the
 * database's name, and the entry. Appended. */
void secureboot_authority_append(struct buf *out, const struct secureboot_authority *authority);

/* The first signature list entry of type type whose data begins with digest and is of its size, in
 * the order of the database: 1 and *out, 0, -1. */
int secureboot_find_digest(struct bytes database, const char *source, const struct digest *digest,
			   struct signature_entry *out, struct error *err);

#endif
