/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of core/disk share: reading a disk, and what a file system offers to volume.c,
 * which walks paths, follows links and counts.
 */
#ifndef CORE_DISK_INTERNAL_H
#define CORE_DISK_INTERNAL_H

#include "core/disk/disk.h"

/* A container opened by libtsk. */
struct image_container;
/* 1, or 0 if the bytes at the start (or the last 512) are of no container; -1 and *err. */
int image_container_open(const char *path, struct bytes start, struct bytes end,
			 struct image_container **out, uint64_t *size, struct error *err);
int image_container_read(struct image_container *container, const char *name, uint64_t offset,
			 uint8_t *out, size_t size, struct error *err);
void image_container_free(struct image_container *container);

/* A qcow2 over the bytes of file, which must outlive it. */
struct qcow;
int qcow_open(const struct disk *file, struct qcow **out, uint64_t *size, struct error *err);
int qcow_read(struct qcow *qcow, uint64_t offset, uint8_t *out, size_t size, struct error *err);
void qcow_free(struct qcow *qcow);

/* Takes from what may still be read (disk_limit); ERROR_LIMIT when that is not enough. */
int disk_spend(const struct disk *disk, uint64_t size, uint64_t offset, struct error *err);

/* Exactly size bytes; ERROR_TRUNCATED beyond the end of the disk. */
int disk_read(const struct disk *disk, uint64_t offset, void *out, size_t size, struct error *err);

/* The used entries and the event of a GPT. */
struct gpt {
	struct partition *partitions; /* owned, with their names */
	size_t n_partitions;
	uint32_t sector_size;
	struct buf event;
};
/* 1, or 0 if the disk has no GPT; *out is changed only on 1. */
int gpt_parse(const struct disk *disk, struct gpt *out, struct error *err);
void gpt_clear(struct gpt *gpt);

/* A run of bytes on a disk that holds a file system. */
struct region {
	const struct disk *disk;
	uint64_t start, size; /* bytes; within the disk */
	const char *name;     /* for errors */
};

/* As disk_read, within the region: offset counts from its start. */
int region_read(const struct region *region, uint64_t offset, void *out, size_t size,
		struct error *err);

/* A file as its file system knows it. */
struct node {
	uint64_t id; /* first cluster, inode, first block, place in a table */
	enum volume_entry_type type;
	uint64_t size;
};

struct found {
	struct bytes name;
	struct bytes alias; /* FAT's short name beside a long one; else empty */
	struct node node;
};

/* 0: go on, 1: enough, -1 and *err. */
typedef int found_fn(void *ctx, const struct found *found, struct error *err);
typedef int block_fn(void *ctx, struct bytes block, struct error *err);

struct volume_ops {
	/* Entries in their order but "." and "..": 0 at the end, else what the function returned. */
	int (*list)(struct volume *volume, const struct node *dir, found_fn *found, void *ctx,
		    struct error *err);
	/* Appends a symbolic link's target; NULL where there are no links. */
	int (*link)(struct volume *volume, const struct node *node, struct buf *target,
		    struct error *err);
	/* As many bytes as node->size says, which may be fewer than the file has. */
	int (*stream)(struct volume *volume, const struct node *node, block_fn *block, void *ctx,
		      struct error *err);
	void (*free)(struct volume *volume);
};

struct volume {
	struct volume_info info;
	const struct volume_ops *ops;
	struct region region;
	struct node root;
	void *fs; /* of the file system's own type; freed by ops->free */
	char *name;
	char stored[256]; /* the name volume_stat found last */
};

/* volume.c: the directory of a path, as volume_walk and volume_list begin with: 1, 0, -1. */
int volume_find_directory(struct volume *volume, const char *path, struct node *out,
			  struct error *err);

/* volume.c: ops->list, with a limit on the entries of one directory. */
int volume_list_node(struct volume *volume, const struct node *dir, found_fn *found, void *ctx,
		     struct error *err);

/* Each fills info, ops, root and fs: 1, or 0 if this is another file system, -1 and *err. */
int fat_open(struct volume *volume, struct error *err);
int ext_open(struct volume *volume, struct error *err);
int iso_open(struct volume *volume, struct error *err);

/* Where the El Torito boot catalog has an image for UEFI: 1, 0 for none, -1. */
int el_torito_find(const struct disk *disk, uint64_t *start, uint64_t *size, struct error *err);

/* Zeros for holes in files, handed out size bytes in all. */
int stream_zeros(uint64_t size, block_fn *block, void *ctx, struct error *err);

/* size bytes of the region from offset, handed out in blocks. */
int region_stream(const struct region *region, uint64_t offset, uint64_t size, block_fn *block,
		  void *ctx, struct error *err);

int region_error(const struct region *region, enum error_code code, uint64_t offset,
		 struct error *err, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
