/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk: a disk image, its GPT as firmware measures it, and the file systems in it: FAT, ext2 to
 * ext4, ISO 9660 with its El Torito boot image, or a directory of this machine laid out like one.
 *
 * All of it is read by code of ours: libtsk, which could, recurses and allocates as an image says
 * (its extent trees without a limit), and is used for containers of images only (EWF, VMDK, VHD,
 * AFF; qcow2 is read here), loaded when one is met. Nothing is ever written. Journals are not replayed, as GRUB and
 * firmware do not replay them either.
 *
 * Sources: UEFI 2.10, 5.3 (GPT) and 13.3 (FAT); Microsoft FAT specification 1.03; the kernel's
 *          Documentation/filesystems/ext4; ECMA-119 and IEEE P1282 (Rock Ridge); El Torito 1.0.
 * Threads: distinct disks may be used from distinct threads; a disk and its volumes by one at a time.
 */
#ifndef CORE_DISK_DISK_H
#define CORE_DISK_DISK_H

#include "core/bytes.h"

struct disk;
struct volume;

#define DISK_GPT_TABLE_MAX   (4u << 20) /* bytes of partition entries; usual are 16 KiB */
#define VOLUME_PATH_MAX      4096       /* bytes of a path, links in it spelled out: PATH_MAX */
#define VOLUME_DEPTH_MAX     64         /* directories below each other */
#define VOLUME_LINKS_MAX     40    /* symbolic links followed for one path, as the kernel has it */
#define VOLUME_DIRECTORY_MAX 65536 /* entries of one directory: the most FAT can have */
#define VOLUME_FILE_MAX      (4ull << 30) /* bytes of one file: the most FAT can have */
#define VOLUME_WALK_MAX      (1u << 20)   /* directories of one walk */

/* --- disk -------------------------------------------------------------------------------- */

/* One used entry of the GPT. GUIDs as they lie on disk, which is how device paths hold them. */
struct partition {
	size_t number; /* from 1: the place in the table */
	uint8_t type[16];
	uint8_t guid[16];
	uint64_t first_lba,
		last_lba; /* both inclusive, in sectors of the disk; not yet checked against it */
	char *name;       /* UTF-8, "" for none; the disk's */
};

/* A raw image, a qcow2, or a container libtsk opens. A damaged GPT is an error, none is not. */
int disk_open(const char *path, struct disk **out, struct error *err);

/* The same, raw or qcow2, over bytes that must outlive the disk; name is what errors call it. */
int disk_open_bytes(struct bytes image, const char *name, struct disk **out, struct error *err);

void disk_free(struct disk *disk);
void disk_freep(struct disk **disk);

/*
 * From here on at most max bytes are read of the disk; then every reading is ERROR_LIMIT. For walks over
 * what strangers made: directories may share blocks, so that an image of a megabyte asks for terabytes.
 */
void disk_limit(struct disk *disk, uint64_t max);
bool disk_is_exhausted(const struct disk *disk);

/* Bytes that the image takes where it is: of a sparse file, what is not a hole. */
uint64_t disk_stored(const struct disk *disk);

const char *disk_name(const struct disk *disk);
uint64_t disk_size(const struct disk *disk);
uint32_t disk_sector_size(const struct disk *disk);
bool disk_has_gpt(const struct disk *disk);

/* In table order; borrowed from the disk. */
const struct partition *disk_partitions(const struct disk *disk, size_t *n);

/*
 * Appends what EV_EFI_GPT_EVENT is over (UEFI_GPT_DATA): the header's 92 bytes, a u64 count, and the
 * used entries as they are on disk. ERROR_UNSUPPORTED for a disk without GPT: firmware measures none.
 */
int disk_gpt_event(const struct disk *disk, struct buf *out, struct error *err);

/* A partition of an MBR, logical ones too. */
struct mbr_partition {
	unsigned number;      /* as Linux counts: logical ones from 5 */
	uint64_t start, size; /* bytes; not yet checked against the disk */
};

#define MBR_PARTITIONS_MAX 64

struct mbr {
	struct mbr_partition partitions[MBR_PARTITIONS_MAX];
	size_t n;
};

/* For looking into file systems: firmware measures GPTs only. 1, 0 for no MBR with partitions, -1. */
int disk_mbr(const struct disk *disk, struct mbr *out, struct error *err);

/* --- volume ------------------------------------------------------------------------------ */

enum volume_kind { VOLUME_FAT, VOLUME_EXT, VOLUME_ISO9660, VOLUME_DIRECTORY };

struct volume_info {
	enum volume_kind kind;
	const char *name;        /* what errors call it: "disk.img, partition 1" */
	char uuid[40];           /* as GRUB's search and blkid spell it; "" where there is none */
	char label[64];          /* UTF-8; "" for none */
	bool case_insensitive;   /* names are found whatever their case (ASCII letters) */
	bool ordered;            /* volume_list gives the order on disk, not one of names */
	const struct disk *disk; /* NULL for a directory */
	const struct partition *partition; /* NULL where the volume is no partition */
	bool is_dirty; /* its journal has what was not yet written in place, and is not replayed */
};

enum volume_entry_type {
	VOLUME_ENTRY_FILE,
	VOLUME_ENTRY_DIRECTORY,
	VOLUME_ENTRY_SYMLINK,
	VOLUME_ENTRY_OTHER, /* device, FIFO, socket */
};

struct volume_entry {
	struct bytes name; /* as stored, UTF-8 where the file system knows; borrowed */
	enum volume_entry_type type;
	uint64_t size; /* bytes; of a directory: as stored, 0 in FAT */
};

/* partition counts from 0 in disk_partitions. The disk must outlive its volumes. ERROR_UNSUPPORTED:
 * neither FAT, ext nor ISO 9660 (the message says what it is, where that can be told). */
int volume_of_partition(const struct disk *disk, size_t partition, struct volume **out,
			struct error *err);

int volume_of_mbr_partition(const struct disk *disk, const struct mbr_partition *partition,
			    struct volume **out, struct error *err);

/* The whole disk as one FAT, ext or ISO 9660: an image of a partition, or a CD. */
int volume_of_disk(const struct disk *disk, struct volume **out, struct error *err);

/* *name is what the disk as a whole is, if it is known and not read ("XFS"), else NULL. 0, or -1. */
int disk_foreign(const struct disk *disk, const char **name, struct error *err);

/* The FAT image that El Torito names for UEFI (platform 0xEF). 1, or 0 if the disk has none. */
int volume_of_el_torito(const struct disk *disk, struct volume **out, struct error *err);

/*
 * A directory of this machine, laid out as an ESP, /boot or a root. Links never lead out of it, and
 * the order of its entries is by name. It stands for a FAT, so case does not matter, if it has a
 * directory EFI.
 */
int volume_of_directory(const char *dir, struct volume **out, struct error *err);

void volume_free(struct volume *volume);
void volume_freep(struct volume **volume);

const struct volume_info *volume_info(const struct volume *volume);

/*
 * Paths start at the volume's root, with or without '/'; in FAT '\' separates too. Symbolic links are
 * followed inside the volume, ".." at its root stays there.
 *
 * All: 1 found, 0 no such file (for read and stream: or not a regular file), -1 and *err.
 */
int volume_stat(struct volume *volume, const char *path, struct volume_entry *out,
		struct error *err);

/* Appends the whole file to out; ERROR_LIMIT for one of more than max bytes. */
int volume_read(struct volume *volume, const char *path, uint64_t max, struct buf *out,
		struct error *err);

/* Hands block after block to a function, which returns 0, or -1 to end it. Memory does not depend
 * on the size of the file. */
int volume_stream(struct volume *volume, const char *path,
		  int (*block)(void *ctx, struct bytes block, struct error *err), void *ctx,
		  struct error *err);

/* Every entry of a directory but "." and "..", links as links, deleted ones left out, in the order
 * in which they lie on disk: GRUB's blscfg reads in that order. */
int volume_list(struct volume *volume, const char *dir,
		int (*entry)(void *ctx, const struct volume_entry *entry, struct error *err),
		void *ctx, struct error *err);

/* --- walking a tree ------------------------------------------------------------------------ */

/* What a walk gives; id means something to volume_read_member only. */
struct volume_member {
	struct bytes
		path; /* from where the walk began, parts joined by '/'; valid until the call returns */
	enum volume_entry_type type;
	uint64_t size, id;
};

struct volume_walk {
	unsigned depth_max; /* 1: only what is in the directory itself; 0: VOLUME_DEPTH_MAX */
	/* Every entry, a directory before what is in it. 0, or -1 to end the walk. */
	int (*member)(void *ctx, const struct volume_member *member, struct error *err);
	/*
	 * A directory that cannot be read to its end, is met twice or lies too deep, or an entry without a
	 * name that can be used: the walk goes on with what is beside it. 0, or -1 to end the walk.
	 */
	int (*trouble)(void *ctx, struct bytes path, const struct error *problem,
		       struct error *err);
	void *ctx;
};

/*
 * Walks all that is in a directory, once however directories are linked, without following symbolic
 * links. 1; 0 for no such directory; -1 where a function ended it, or the machine failed us.
 */
int volume_walk(struct volume *volume, const char *dir, const struct volume_walk *walk,
		struct error *err);

/* Appends the first max bytes of a file that a walk gave, or all it has. */
int volume_read_member(struct volume *volume, const struct volume_member *member, uint64_t max,
		       struct buf *out, struct error *err);

#endif
