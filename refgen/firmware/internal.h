/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of refgen/firmware share: firmware volumes, the PE images inside them, and the
 * pieces that firmware.c puts together.
 *
 * Source: PI 1.7 volume 3 (firmware storage), 2 (firmware file sections), 3.2.
 */
#ifndef REFGEN_FIRMWARE_INTERNAL_H
#define REFGEN_FIRMWARE_INTERNAL_H

#include "core/reader.h"
#include "refgen/firmware/firmware.h"

/* --- volumes --------------------------------------------------------------------------------- */

#define FIRMWARE_SIZE_MAX                                                                          \
	(64u << 20)          /* of an image or a volume: QEMU's flash is at most 8 MiB, an
				       unpacked DXE volume 14.5 MiB */
#define FIRMWARE_DEPTH_MAX 4 /* volumes inside volumes; OVMF has two */

/* Types of firmware files (PI volume 3, 2.1.4.1). */
enum ffs_type {
	FFS_SECURITY_CORE = 0x03,
	FFS_PEI_CORE = 0x04,
	FFS_DXE_CORE = 0x05,
	FFS_FIRMWARE_VOLUME_IMAGE = 0x0b,
	FFS_SMM_CORE = 0x0d,
	FFS_PAD = 0xf0,
};

/* Types of sections (PI volume 3, 2.1.5.1). */
enum ffs_section {
	SECTION_GUID_DEFINED = 0x02,
	SECTION_PE32 = 0x10,
	SECTION_TE = 0x12,
	SECTION_USER_INTERFACE = 0x15,
	SECTION_FIRMWARE_VOLUME_IMAGE = 0x17,
};

/* A firmware volume, borrowed from the bytes it was opened in. */
struct ffs_volume {
	struct bytes bytes; /* the whole volume, its header first */
	uint64_t offset;    /* of the volume in its source */
	const char *source; /* borrowed */
	bool has_files;     /* false: not a file system we read, such as a variable store */
	bool inverted;      /* erased bits are ones, so states are stored inverted */
	bool has_name;
	struct guid name; /* of the extended header */
	size_t files_at;  /* offset of the first file in bytes */
};

/* True if a volume's header may begin here: its signature is in place. */
bool ffs_detect(struct bytes at);

/* The volume that begins at the start of bytes, which may go on after it. */
int ffs_open(struct bytes bytes, uint64_t offset, const char *source, struct ffs_volume *out,
	     struct error *err);

struct ffs_file {
	struct guid name;
	uint8_t type;       /* enum ffs_type, or another */
	struct bytes bytes; /* its sections */
	uint64_t offset;    /* of bytes in the source */
	size_t at;          /* of bytes in the volume */
};

/* The next file, pad files and deleted ones passed over: 1, 0 at the end, -1 and *err. *at starts
 * as volume->files_at. */
int ffs_next(const struct ffs_volume *volume, size_t *at, struct ffs_file *out, struct error *err);

/* The file of this name: 1, 0 if there is none, -1 and *err. */
int ffs_find(const struct ffs_volume *volume, const struct guid *name, struct ffs_file *out,
	     struct error *err);

struct section {
	uint8_t type;       /* enum ffs_section, or another */
	struct bytes bytes; /* without its header; of a GUID-defined one, from its data offset */
	uint64_t offset;    /* of bytes in the source */
	size_t at;          /* of bytes in the run of sections */
	struct guid guid;   /* of a GUID-defined section */
};

/* The next section of a run of them: 1, 0 at the end, -1 and *err. *at starts as 0. */
int section_next(struct bytes run, uint64_t offset, const char *source, size_t *at,
		 struct section *out, struct error *err);

/* The first section of this type: 1, 0, -1 and *err. */
int section_find(const struct ffs_volume *volume, const struct ffs_file *file, uint8_t type,
		 struct section *out, struct error *err);

bool bytes_have_text(struct bytes in, const char *text);

/* --- boot options as the boot manager makes them ---------------------------------------------- */

#define BOOT_ENTRIES_MAX 4096 /* as many as 8 KiB of BootOrder name */

struct boot_entry {
	uint16_t number;           /* of Boot#### */
	bool missing;              /* BootOrder names it, but there is no such option */
	const char *unknown;       /* not NULL: why its value cannot be said */
	struct buf data;           /* owned; the variable's value */
	struct boot_option option; /* in data */
	bool placed;               /* already in the order that is being made */
};

struct boot_list {
	struct boot_entry *entries; /* owned; in the order of BootOrder */
	size_t n_entries, capacity;
};

/* A device that the machine tells the firmware to boot from. */
struct boot_device {
	uint8_t pci_device, pci_function;
	const char *description; /* UTF-8, as the firmware calls the device */
	struct bytes path;       /* nodes behind the PCI address; empty: none, or not known */
};

/* True when the device path begins with this device's. */
bool devpath_is_on(struct bytes path, const struct boot_device *device);

struct boot_input {
	const struct firmware *firmware;
	const struct varstore *store;      /* NULL: no variables */
	const struct boot_device *devices; /* in the order the machine gives */
	size_t n_devices;
	/* Whether a short-form option's file is there, and on which of the devices: 1, 0, -1. */
	int (*find_file)(void *ctx, const struct boot_target *target, size_t *device,
			 struct error *err);
	void *ctx;
};

/* BootOrder and its options when the firmware is ready to boot. */
int boot_list_make(const struct boot_input *input, struct boot_list *out, struct error *err);
void boot_list_clear(struct boot_list *list);

/* True for an option the boot manager made by itself for a device: its load options are a mark. */
bool boot_option_is_automatic(const struct boot_option *option);

/* --- images of the PEI phase ----------------------------------------------------------------- */

/* What is needed of a PE32 or PE32+ image that runs in place. */
struct pei_image {
	uint64_t base; /* address it is linked for */
};

int pei_image_parse(struct bytes bytes, uint64_t offset, const char *source, struct pei_image *out,
		    struct error *err);

#endif
