/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * firmware: what OVMF, EDK II's firmware of virtual machines, measures before it starts a boot
 * loader: predicted from its code image, its variable store and a few facts about the machine.
 * Knows the formats (firmware volumes, variable stores, load options, device paths, option ROMs,
 * EFI compression) and what each release does with them; runs nothing.
 *
 * Source:  PI 1.7 volume 3; UEFI 2.10; EDK II 2022.05 to 2025.02; what real boots were seen to do.
 * Threads: distinct objects may be used from distinct threads.
 */
#ifndef REFGEN_FIRMWARE_FIRMWARE_H
#define REFGEN_FIRMWARE_FIRMWARE_H

#include "core/bytes.h"
#include "core/digest.h"
#include "refgen/machine/guid.h"

/* --- the code image -------------------------------------------------------------------------- */

#define FIRMWARE_TEXT_MAX 64 /* characters of a version or a description */

/* UTF-16LE, as firmware keeps text. */
struct firmware_text {
	size_t size; /* bytes, without a terminator */
	uint8_t utf16[2 * FIRMWARE_TEXT_MAX];
};

/* A firmware volume that Tcg2Pei measures. */
struct firmware_volume {
	struct bytes bytes; /* as the image holds it; of the firmware */
	uint64_t base;      /* address it is measured at */
	bool has_name;
	struct guid name;
};

/* An application in the DXE volume that gets a boot option. */
struct firmware_app {
	bool present;
	struct guid file;
	struct firmware_text name; /* of its user interface section */
};

/* What a code image says about itself. */
struct firmware {
	const char *source; /* borrowed */
	/* PcdFirmwareVersionString. False when the image leaves several possibilities. */
	bool version_known;
	struct firmware_text version;
	struct firmware_volume pei, dxe;
	bool secure_boot;       /* built with it: SecureBoot and its variables exist */
	bool smm;               /* built for System Management Mode */
	bool measures_acpi;     /* the tables it fetches from the machine (since 2023.02) */
	bool measures_smbios;   /* (since 202505) */
	struct firmware_app ui; /* UiApp, the boot manager's menu */
	struct firmware_app shell;
	struct buf unpacked; /* owned: what the volumes lie in */
};

/* Reads an OVMF_CODE image, or one with the variable store in front. The image must outlive *out. */
int firmware_open(struct bytes image, const char *source, struct firmware *out, struct error *err);
void firmware_clear(struct firmware *firmware);

/* --- the variable store ---------------------------------------------------------------------- */

#define VARSTORE_VARIABLES_MAX 8192 /* OVMF's store of 256 KiB holds half as many at most */

/* Attributes (UEFI 2.10, 8.2). */
#define VARIABLE_NON_VOLATILE       0x01u
#define VARIABLE_BOOTSERVICE_ACCESS 0x02u
#define VARIABLE_RUNTIME_ACCESS     0x04u

/* A variable the firmware will find. */
struct variable {
	struct guid guid;
	struct bytes name; /* UTF-16LE without its terminator; of the image */
	const char *text;  /* the name in UTF-8, not escaped; of the store */
	uint32_t attributes;
	struct bytes data; /* without the record's authentication fields; of the image */
	uint64_t offset;   /* of the record in the source */
};

struct varstore {
	const char *source;         /* borrowed */
	struct variable *variables; /* owned; in the order of the store */
	size_t n_variables;
	struct buf text; /* owned */
};

/*
 * Reads an OVMF_VARS image, or one with the code behind. The image must outlive *out. Deleted
 * variables are left out. A store whose last rewrite was cut off is read from the spare blocks the
 * firmware will take it from.
 */
int varstore_parse(struct bytes image, const char *source, struct varstore *out, struct error *err);
void varstore_clear(struct varstore *store);

/* NULL if there is none. name in ASCII. */
const struct variable *varstore_find(const struct varstore *store, const struct guid *guid,
				     const char *name);

/* --- the PEI volume as it is measured -------------------------------------------------------- */

/* What the PEI modules ask the machine for. */
struct firmware_facts {
	bool i440fx; /* QEMU's "pc"; false: "q35" */
	uint32_t cpus, max_cpus;
	uint32_t memory_mib;
	bool s3;           /* suspend to RAM is offered */
	uint32_t tseg_mib; /* SMRAM at the top of low memory, in builds for SMM */
};

/* Which of them a prediction used: bits 1 << FACT_*. */
enum firmware_fact {
	FACT_MACHINE,
	FACT_CPUS,
	FACT_MAX_CPUS,
	FACT_MEMORY,
	FACT_S3,
	FACT_TSEG,
	FACT_COUNT,
};

/*
 * PEI modules run in place, so their variables have changed when the volume is hashed. 1 and the
 * volume as it is then in out; 0 and *reason when that cannot be computed for this volume; -1 and
 * *err. store may be NULL: then the firmware starts without variables.
 */
int firmware_pei_volume(const struct firmware *firmware, const struct firmware_facts *facts,
			const struct varstore *store, struct buf *out, uint32_t *used,
			const char **reason, struct error *err);

/* --- load options and device paths (UEFI 2.10, 3.1.3 and 10.3) ------------------------------- */

#define LOAD_OPTION_ACTIVE   0x00000001u
#define LOAD_OPTION_HIDDEN   0x00000008u
#define LOAD_OPTION_CATEGORY 0x00001f00u /* 0: boot; 0x100: application */

/* The value of a Boot#### variable. Everything is borrowed. */
struct boot_option {
	uint32_t attributes;
	struct bytes description; /* UTF-16LE without its terminator */
	struct bytes path;        /* one or more device paths, their ends included */
	struct bytes optional;    /* OptionalData: what the image gets as load options */
};

int boot_option_parse(struct bytes data, uint64_t offset, const char *source,
		      struct boot_option *out, struct error *err);
void boot_option_append(struct buf *out, const struct boot_option *option);

struct devpath_node {
	uint8_t type, subtype;
	struct bytes bytes; /* the whole node */
	struct bytes data;  /* behind its header */
};

/* The next node of a device path: 1, 0 at its end (or where it is cut short), *at starts as 0. */
int devpath_next(struct bytes path, size_t *at, struct devpath_node *out);

/* The first device path of a run of them, its end node included; empty if it is malformed. */
struct bytes devpath_first(struct bytes paths);

/* True when the first node is a partition or the PCI root: what OVMF takes for a disk's. */
bool devpath_begins_on_disk(struct bytes path);

void devpath_append_pci(struct buf *out, uint8_t device, uint8_t function); /* PciRoot(0x0) first */
void devpath_append_pci_node(struct buf *out, uint8_t device, uint8_t function);
void devpath_append_scsi(struct buf *out, uint16_t target, uint16_t unit);
/* multiplier: the port multiplier's port, 0xffff for none */
void devpath_append_sata(struct buf *out, uint16_t port, uint16_t multiplier, uint16_t unit);
void devpath_append_nvme(struct buf *out, uint32_t id, const uint8_t eui64[8]);
void devpath_append_mac(struct buf *out, const uint8_t address[6], uint8_t type);
/* As network boot options have them: no address yet, DHCP; a prefix of 64 bits; an empty address. */
void devpath_append_ipv4(struct buf *out);
void devpath_append_ipv6(struct buf *out);
void devpath_append_uri(struct buf *out);

/* Nodes from their text, with "/" between them: "Scsi(0x0,0x0)", "NVMe(0x1,00-00-00-00-00-00-00-00)",
 * "Sata(0x0,0xFFFF,0x0)", "MAC(525400123456,0x1)/IPv4(0.0.0.0)/Uri()". 0, or -1 for anything else. */
int devpath_append_text(struct buf *out, const char *text);
void devpath_append_volume_file(struct buf *out, const struct guid *volume,
				const struct guid *file);
void devpath_append_file(struct buf *out, struct bytes utf16); /* adds the terminator */
void devpath_append_end(struct buf *out);

/* Where a boot option leads, as far as a boot from disk needs it. */
enum boot_target_kind {
	TARGET_FIRMWARE_FILE, /* Fv()/FvFile() */
	TARGET_PARTITION,     /* short form: HD()[/File()] */
	TARGET_DEVICE,        /* PciRoot()/...[/HD()[/File()]] */
	TARGET_OTHER,         /* anything else: network addresses, vendor paths, ... */
};

struct boot_target {
	enum boot_target_kind kind;
	struct guid volume, file; /* of a firmware file; volume is zero if the path does not say */
	struct bytes device;      /* nodes before HD(), of a device */
	bool has_partition;
	uint32_t partition;                       /* number, from 1 */
	uint64_t partition_start, partition_size; /* blocks */
	struct bytes signature;                   /* 16 bytes: of a GPT partition its GUID */
	uint8_t signature_type;                   /* 1: MBR, 2: GPT */
	struct bytes file_path; /* UTF-16LE without terminator; empty: the default path */
};

/* path is one device path; what it says is borrowed. */
void boot_target_parse(struct bytes path, struct boot_target *out);

/* --- option ROMs ------------------------------------------------------------------------------ */

#define EFI_DECOMPRESS_MAX                                                                         \
	(16u << 20) /* bytes of an option ROM's image: PCI's ROMs are at most as large */

/*
 * EFI compression, version 1.1 (UEFI 2.10, 19): appends what in unpacks to. ERROR_LIMIT when it says
 * that it unpacks to more than EFI_DECOMPRESS_MAX bytes.
 */
int efi_decompress(struct bytes in, uint64_t offset, const char *source, struct buf *out,
		   struct error *err);

/* One EFI image for x86-64 of an option ROM. */
struct rom_image {
	uint16_t subsystem; /* 11: boot services driver, 12: runtime driver */
	bool compressed;
	struct bytes bytes; /* as stored; of the ROM */
	uint64_t offset;    /* of bytes in the ROM */
};

/* The next image that the firmware would load: 1, 0 at the end, -1 and *err. *at starts as 0. */
int rom_next(struct bytes rom, const char *source, size_t *at, struct rom_image *out,
	     struct error *err);

/* --- the boot --------------------------------------------------------------------------------- */

struct machine;

/* Runs the firmware on a machine (refgen/machine/machine.h): emits its events in their order, then
 * starts the image of the boot option that is tried first, and so on until none is left. */
int firmware_run(struct machine *machine, struct error *err);

#endif
