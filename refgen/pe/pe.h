/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pe: a PE/COFF image as UEFI firmware and what it loads see it: headers, sections, certificate
 * table, Authenticode digest, SBAT entries, and what kind of program it is.
 *
 * pe_open accepts what EDK II's loader accepts, so an image it refuses is one that firmware does
 * not load. TE images (firmware modules) are not read. Verifies no signature (secureboot.h does).
 * All offsets in errors are in the bytes given.
 *
 * Sources: Microsoft PE/COFF specification (2024), cited as PE; EDK II, MdePkg BasePeCoffLib and
 *          SecurityPkg Tcg2Dxe/MeasureBootPeCoff.c; rhboot/shim sbat.c; systemd src/boot/pe.c.
 * Threads: no shared state; one image may be read by several threads.
 */
#ifndef REFGEN_PE_PE_H
#define REFGEN_PE_PE_H

#include "core/crypto.h"

struct pe;

/* One section header. */
struct pe_section {
	struct bytes name; /* long "/N" names resolved in the COFF string table; else as stored */
	uint32_t virtual_address;
	uint32_t virtual_size; /* as stored: 0 is read as raw_size by loaders */
	uint32_t raw_offset;   /* in the file */
	uint32_t raw_size;     /* all of it is in the file, or pe_open had refused */
	uint32_t characteristics;
};

/* One line of the .sbat section; text as stored. */
struct pe_sbat_entry {
	struct bytes component;
	struct bytes generation_text;
	uint16_t generation; /* as shim reads it: the digits at the start, low 16 bits */
	struct bytes vendor, package, version, url;
};

enum pe_kind {
	PE_OTHER,
	PE_SHIM,
	PE_MOK_MANAGER,
	PE_FALLBACK,
	PE_GRUB,
	PE_SYSTEMD_BOOT,
	PE_UKI,          /* a stub with a kernel in .linux */
	PE_SYSTEMD_STUB, /* a stub without one */
	PE_ADDON,        /* systemd's add-on for a UKI */
	PE_KERNEL,       /* Linux with its EFI stub */
	PE_KIND_COUNT,
};

enum pe_machine {
	PE_MACHINE_I386 = 0x14c,
	PE_MACHINE_ARM = 0x1c2,
	PE_MACHINE_RISCV64 = 0x5064,
	PE_MACHINE_X86_64 = 0x8664,
	PE_MACHINE_AARCH64 = 0xaa64,
};

enum pe_subsystem {
	PE_SUBSYSTEM_EFI_APPLICATION = 10,
	PE_SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER = 11,
	PE_SUBSYSTEM_EFI_RUNTIME_DRIVER = 12,
};

/* True if an image may begin like this (512 bytes are enough): a DOS header whose PE header, where
 * it is among the bytes given, has its signature. Nothing else is checked. */
bool pe_detect(struct bytes start);

/* The file's bytes must outlive *out. */
int pe_open(struct bytes file, const char *source, struct pe **out, struct error *err);
void pe_free(struct pe *pe);
void pe_freep(struct pe **pe);

struct bytes pe_file(const struct pe *pe);
const char *pe_source(const struct pe *pe);
uint16_t pe_machine(const struct pe *pe);
uint16_t pe_subsystem(const struct pe *pe);
uint32_t pe_image_size(const struct pe *pe); /* SizeOfImage: bytes it takes once loaded */

size_t pe_n_sections(const struct pe *pe);
const struct pe_section *pe_section(const struct pe *pe, size_t i);
/* The first of the name in the order of the table; NULL: none. */
const struct pe_section *pe_find(const struct pe *pe, const char *name);
/* What is stored: the lesser of virtual and raw size (raw size where virtual size is 0). */
struct bytes pe_section_bytes(const struct pe *pe, const struct pe_section *section);
/* Bytes the section has once loaded. */
size_t pe_section_size(const struct pe_section *section);

/*
 * Digests of a section as loaded: virtual_size bytes, zeros after the stored ones. out[alg] for each
 * of algs. ERROR_UNSUPPORTED where a later section overlaps it in memory.
 */
int pe_section_digests(const struct pe *pe, const struct pe_section *section, struct hasher *hasher,
		       alg_set algs, struct digest out[ALG_COUNT], struct error *err);

/*
 * UKI profiles. Each section named .profile begins one, which takes the sections up to the next; the
 * sections before the first belong to all. pe_find_in finds among those of one profile only, or of
 * PE_PROFILE_BASE: what all share (the whole table if there is no .profile).
 */
#define PE_PROFILE_BASE SIZE_MAX
size_t pe_n_profiles(const struct pe *pe);
const struct pe_section *pe_find_in(const struct pe *pe, size_t profile, const char *name);

/*
 * The image's Authenticode digest as EDK II computes it for the TPM and for Secure Boot: out[alg]
 * for each of algs. ERROR_MALFORMED where EDK II gives none: the certificates' size and what is
 * hashed are more than the file.
 */
int pe_authenticode(const struct pe *pe, struct hasher *hasher, alg_set algs,
		    struct digest out[ALG_COUNT], struct error *err);

/*
 * Certificate table: PKCS #7 signatures in table order, without their header: entries of type
 * PKCS_SIGNED_DATA, and of type EFI_GUID with the PKCS #7 GUID. Others are passed over. Where the table
 * is not what its sizes say, EDK II uses the entries before and then refuses the image.
 */
size_t pe_n_signatures(const struct pe *pe);
struct bytes pe_signature(const struct pe *pe, size_t i);
bool pe_has_certificates(const struct pe *pe); /* the directory entry's size is not 0 */
bool pe_certificates_sound(const struct pe *pe);

/*
 * The .sbat section's lines. Where it has none: 0 entries. *well_formed is false if a line lacks a
 * field that shim wants, which makes shim refuse the image; entries end before it.
 */
size_t pe_n_sbat(const struct pe *pe);
const struct pe_sbat_entry *pe_sbat(const struct pe *pe, size_t i);
const struct pe_sbat_entry *pe_sbat_find(const struct pe *pe, const char *component);
bool pe_sbat_well_formed(const struct pe *pe);

/* By what is in it, never by a file's name. */
enum pe_kind pe_kind(const struct pe *pe);
const char *pe_kind_name(enum pe_kind kind); /* "shim", "systemd-boot", ... */

/*
 * The program's own version: of shim "16.1", GRUB "2.06", systemd "252.39-1~deb12u1" (the stub's for a
 * UKI), Linux "6.1.0-56-amd64". Empty where the image does not say.
 */
struct bytes pe_version(const struct pe *pe);

/* Compares versions as far as their dotted numbers go: "15.7" before "15.10", "16.1-2" as "16.1". */
int pe_version_compare(struct bytes a, const char *b);

#endif
