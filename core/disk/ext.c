/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2, ext3 and ext4 (Documentation/filesystems/ext4 of the kernel), as GRUB reads them: the journal
 * is not replayed and directories are read block by block, whatever index they have.
 */
#include <inttypes.h>
#include <stdio.h>

#include "core/reader.h"
#include "core/disk/internal.h"

#define SUPERBLOCK_AT    1024
#define SUPERBLOCK_SIZE  1024
#define ROOT_INODE       2
#define INLINE_LINK      60 /* a shorter link's target lies in the inode */
#define EXTENT_MAGIC     0xf30a
#define EXTENT_DEPTH_MAX 5 /* what the kernel allows */
#define EXTENT_NODES_MAX                                                                           \
	(1u << 16)           /* blocks of one extent tree: of 340 extents each, with 4 KiB blocks */
#define EXTENT_LEN_MAX 32768 /* above: allocated but not written, read as zeros */

enum {
	INCOMPAT_FILETYPE = 0x2,
	INCOMPAT_RECOVER = 0x4,
	INCOMPAT_EXTENTS = 0x40,
	INCOMPAT_64BIT = 0x80,
	INCOMPAT_MMP = 0x100,
	INCOMPAT_FLEX_BG = 0x200,
	INCOMPAT_EA_INODE = 0x400,
	INCOMPAT_CSUM_SEED = 0x2000,
	INCOMPAT_LARGEDIR = 0x4000
};
#define INCOMPAT_KNOWN                                                                             \
	(INCOMPAT_FILETYPE | INCOMPAT_RECOVER | INCOMPAT_EXTENTS | INCOMPAT_64BIT | INCOMPAT_MMP | \
	 INCOMPAT_FLEX_BG | INCOMPAT_EA_INODE | INCOMPAT_CSUM_SEED | INCOMPAT_LARGEDIR)

enum {
	INODE_EXTENTS = 0x80000,
	INODE_ENCRYPTED = 0x800,
	INODE_COMPRESSED = 0x4,
	INODE_INLINE = 0x10000000
};

struct ext {
	uint32_t block_size;
	uint64_t n_blocks;
	uint32_t n_inodes, inodes_per_group, inode_size;
	uint32_t first_block, descriptor_size;
};

struct inode {
	uint16_t mode;
	uint64_t size;
	uint32_t flags;
	uint8_t block[60];
};

/* --- inodes ------------------------------------------------------------------------------ */

static int inode_read(struct volume *volume, uint64_t number, struct inode *out, struct error *err)
{
	const struct ext *ext = volume->fs;
	uint64_t group, at, table;
	uint8_t raw[128], descriptor[64] = { 0 };
	struct reader in;

	if (number == 0 || number > ext->n_inodes)
		return region_error(&volume->region, ERROR_MALFORMED, ERROR_NO_OFFSET, err,
				    "ext4: inode %" PRIu64 " of %" PRIu32, number, ext->n_inodes);
	group = (number - 1) / ext->inodes_per_group;
	at = (uint64_t)(ext->first_block + 1) * ext->block_size + group * ext->descriptor_size;
	if (region_read(&volume->region, at, descriptor, ext->descriptor_size < 64 ? 32 : 64, err) <
	    0)
		return -1;
	in = reader_of(bytes_of(descriptor, sizeof(descriptor)), 0, volume->name);
	reader_skip(&in, 8);
	table = reader_le32(&in);
	reader_skip(&in, 28);
	table |= (uint64_t)reader_le32(&in) << 32; /* zero in short descriptors */
	if (table >= ext->n_blocks)
		return region_error(&volume->region, ERROR_MALFORMED, at, err,
				    "ext4: a table of inodes at block %" PRIu64 " of %" PRIu64,
				    table, ext->n_blocks);
	at = table * ext->block_size + (number - 1) % ext->inodes_per_group * ext->inode_size;
	if (region_read(&volume->region, at, raw, sizeof(raw), err) < 0)
		return -1;
	in = reader_of(bytes_of(raw, sizeof(raw)), at, volume->name);
	out->mode = reader_le16(&in);
	reader_skip(&in, 2);
	out->size = reader_le32(&in);
	reader_skip(&in, 24);
	out->flags = reader_le32(&in);
	reader_skip(&in, 4);
	memcpy(out->block, reader_take(&in, sizeof(out->block)), sizeof(out->block));
	reader_skip(&in, 8);
	out->size |= (uint64_t)reader_le32(&in) << 32;
	return 0;
}

static enum volume_entry_type type_of_mode(uint16_t mode)
{
	switch (mode & 0xf000) {
	case 0x4000:
		return VOLUME_ENTRY_DIRECTORY;
	case 0x8000:
		return VOLUME_ENTRY_FILE;
	case 0xa000:
		return VOLUME_ENTRY_SYMLINK;
	default:
		return VOLUME_ENTRY_OTHER;
	}
}

/* --- data: runs of blocks in the file's order -------------------------------------------- */

struct run_reader {
	struct volume *volume;
	block_fn *block;
	void *ctx;
	uint64_t position; /* block of the file that comes next */
	uint64_t left;     /* bytes of the file still to come */
	/* Blocks that lie beside each other, not yet handed out. */
	uint64_t start, n_pending;
	unsigned n_nodes; /* of the extent tree, read so far */
};

static int run_flush(struct run_reader *run, struct error *err)
{
	const struct ext *ext = run->volume->fs;
	uint64_t size = run->n_pending * ext->block_size;

	size = size < run->left ? size : run->left;
	run->left -= size;
	run->n_pending = 0;
	return region_stream(&run->volume->region, run->start * ext->block_size, size, run->block,
			     run->ctx, err);
}

/* A hole, or blocks that were never written. */
static int run_zeros(struct run_reader *run, uint64_t n, struct error *err)
{
	const struct ext *ext = run->volume->fs;
	uint64_t most = (run->left + ext->block_size - 1) / ext->block_size, size;

	if (run_flush(run, err) < 0)
		return -1;
	run->position += n;
	size = (n < most ? n : most) * ext->block_size;
	size = size < run->left ? size : run->left;
	run->left -= size;
	return stream_zeros(size, run->block, run->ctx, err);
}

static int run_blocks(struct run_reader *run, uint64_t start, uint64_t n, struct error *err)
{
	const struct ext *ext = run->volume->fs;

	if (start == 0 || start >= ext->n_blocks || n > ext->n_blocks - start)
		return region_error(&run->volume->region, ERROR_MALFORMED, ERROR_NO_OFFSET, err,
				    "ext4: data at block %" PRIu64 " to %" PRIu64 " of %" PRIu64,
				    start, start + n - 1, ext->n_blocks);
	if (run->n_pending && run->start + run->n_pending != start && run_flush(run, err) < 0)
		return -1;
	if (run->n_pending == 0)
		run->start = start;
	run->n_pending += n;
	run->position += n;
	return 0;
}

static bool run_done(const struct run_reader *run)
{
	const struct ext *ext = run->volume->fs;

	return run->n_pending * ext->block_size >= run->left;
}

static int node_error(struct run_reader *run, uint64_t at, struct error *err, const char *text)
{
	return region_error(&run->volume->region, ERROR_MALFORMED, at, err, "ext4: extents: %s",
			    text);
}

static int read_block(struct run_reader *run, uint64_t block, uint8_t **out, struct error *err)
{
	const struct ext *ext = run->volume->fs;
	AUTO(own_free) uint8_t *data = malloc(ext->block_size);

	if (!data)
		return error_memory(err, run->volume->name);
	if (block == 0 || block >= ext->n_blocks)
		return region_error(&run->volume->region, ERROR_MALFORMED, ERROR_NO_OFFSET, err,
				    "ext4: a map of blocks at block %" PRIu64 " of %" PRIu64, block,
				    ext->n_blocks);
	if (region_read(&run->volume->region, block * ext->block_size, data, ext->block_size, err) <
	    0)
		return -1;
	*out = TAKE(data);
	return 0;
}

static int leaf_extent(struct run_reader *run, struct reader *in, struct error *err)
{
	uint64_t at = reader_offset(in), first, start;
	uint32_t n;
	bool written;

	first = reader_le32(in);
	n = reader_le16(in);
	start = (uint64_t)reader_le16(in) << 32;
	start |= reader_le32(in);
	written = n <= EXTENT_LEN_MAX;
	n = written ? n : n - EXTENT_LEN_MAX;
	if (n == 0 || first < run->position)
		return node_error(
			run, at, err,
			"an extent that is empty or begins before the one before it ends");
	if (first > run->position && run_zeros(run, first - run->position, err) < 0)
		return -1;
	return written ? run_blocks(run, start, n, err) : run_zeros(run, n, err);
}

/* depth is this node's; each level below has one less, so this ends. */
static int extent_node(struct run_reader *run, struct bytes node, uint64_t at, unsigned depth,
		       struct error *err)
{
	struct reader in = reader_of(node, at, run->volume->name);
	unsigned magic = reader_le16(&in), n = reader_le16(&in), stated;

	reader_skip(&in, 2);
	stated = reader_le16(&in);
	reader_skip(&in, 4);
	if (magic != EXTENT_MAGIC)
		return node_error(run, at, err, "a node without its magic number");
	if (stated != depth || n > (node.size - 12) / 12)
		return node_error(run, at + 2, err,
				  "a node of the wrong depth, or with more entries than fit");
	for (unsigned i = 0; i < n && !run_done(run); i++) {
		AUTO(own_free) uint8_t *child = NULL;
		const struct ext *ext = run->volume->fs;
		uint64_t block;

		if (depth == 0) {
			if (leaf_extent(run, &in, err) < 0)
				return -1;
			continue;
		}
		reader_skip(&in, 4); /* the first block below: the leaves say it again */
		block = reader_le32(&in);
		block |= (uint64_t)reader_le16(&in) << 32;
		reader_skip(&in, 2);
		if (++run->n_nodes > EXTENT_NODES_MAX)
			return region_error(&run->volume->region, ERROR_LIMIT, at, err,
					    "ext4: an extent tree of more than %u blocks",
					    EXTENT_NODES_MAX);
		if (read_block(run, block, &child, err) < 0 ||
		    extent_node(run, bytes_of(child, ext->block_size),
				run->volume->region.start + block * ext->block_size, depth - 1,
				err) < 0)
			return -1;
	}
	return 0;
}

/* A block, or a block of level such levels below it; block 0 is a hole. */
static int indirect(struct run_reader *run, uint64_t block, unsigned level, struct error *err)
{
	const struct ext *ext = run->volume->fs;
	AUTO(own_free) uint8_t *map = NULL;
	uint64_t per_block = ext->block_size / 4, span = 1;

	if (block == 0) {
		for (unsigned i = 0; i < level; i++)
			span *= per_block;
		return run_zeros(run, span, err);
	}
	if (level == 0)
		return run_blocks(run, block, 1, err);
	if (read_block(run, block, &map, err) < 0)
		return -1;
	for (uint64_t i = 0; i < per_block && !run_done(run); i++) {
		struct reader in = reader_of(bytes_of(map + 4 * i, 4), 0, NULL);

		if (indirect(run, reader_le32(&in), level - 1, err) < 0)
			return -1;
	}
	return 0;
}

static int inode_stream(struct volume *volume, const struct inode *inode, block_fn *block,
			void *ctx, struct error *err)
{
	struct run_reader run = {
		.volume = volume, .block = block, .ctx = ctx, .left = inode->size
	};
	struct reader in = reader_of(bytes_of(inode->block, sizeof(inode->block)), 0, volume->name);

	if (inode->flags & (INODE_ENCRYPTED | INODE_COMPRESSED | INODE_INLINE))
		return region_error(&volume->region, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, err,
				    "ext4: a file that is encrypted, compressed or held in its "
				    "inode (flags 0x%" PRIx32 ")",
				    inode->flags);
	if (inode->size > VOLUME_FILE_MAX)
		return region_error(&volume->region, ERROR_LIMIT, ERROR_NO_OFFSET, err,
				    "ext4: a file of %" PRIu64 " bytes, at most %" PRIu64,
				    inode->size, (uint64_t)VOLUME_FILE_MAX);
	if (inode->flags & INODE_EXTENTS) {
		unsigned depth = inode->block[6] | inode->block[7] << 8;

		if (depth > EXTENT_DEPTH_MAX)
			return region_error(&volume->region, ERROR_MALFORMED, ERROR_NO_OFFSET, err,
					    "ext4: an extent tree of depth %u, at most %d", depth,
					    EXTENT_DEPTH_MAX);
		if (extent_node(&run, bytes_of(inode->block, sizeof(inode->block)), 0, depth, err) <
		    0)
			return -1;
	} else {
		for (unsigned i = 0; i < 15 && !run_done(&run); i++)
			if (indirect(&run, reader_le32(&in), i < 12 ? 0 : i - 11, err) < 0)
				return -1;
	}
	if (run_flush(&run, err) < 0)
		return -1;
	return run.left ? run_zeros(&run, UINT32_MAX, err) : 0; /* a hole at the end */
}

static int ext_stream(struct volume *volume, const struct node *node, block_fn *block, void *ctx,
		      struct error *err)
{
	struct inode inode;

	if (inode_read(volume, node->id, &inode, err) < 0)
		return -1;
	if (inode.size > node->size)
		inode.size = node->size;
	return inode_stream(volume, &inode, block, ctx, err);
}

/* --- directories and links --------------------------------------------------------------- */

struct dir_reader {
	struct volume *volume;
	found_fn *found;
	void *ctx;
	uint8_t *block; /* of block_size: entries do not cross it */
	size_t filled;
	uint64_t size; /* read so far */
	int status;
};

static int dir_entry(struct dir_reader *dir, uint32_t number, struct bytes name, struct error *err)
{
	struct found found = { .name = name };
	struct inode inode;

	if (bytes_equal_string(name, ".") || bytes_equal_string(name, ".."))
		return 0;
	if (inode_read(dir->volume, number, &inode, err) < 0)
		return -1;
	found.node = (struct node){ number, type_of_mode(inode.mode), inode.size };
	return dir->found(dir->ctx, &found, err);
}

static int dir_entries(struct dir_reader *dir, struct error *err)
{
	const struct ext *ext = dir->volume->fs;
	struct reader in = reader_of(bytes_of(dir->block, ext->block_size), 0, dir->volume->name);

	while (reader_left(&in) >= 8) {
		size_t at = in.pos;
		uint32_t number = reader_le32(&in);
		size_t length = reader_le16(&in), name_size = reader_u8(&in);

		reader_skip(&in, 1); /* type: the inode says it again */
		if (ext->block_size == 65536 && (length == 0 || length == 65535))
			length = 65536; /* which 16 bits cannot hold */
		if (length < 8 || length % 4 != 0 || length > ext->block_size - at ||
		    name_size > length - 8)
			return region_error(&dir->volume->region, ERROR_MALFORMED, ERROR_NO_OFFSET,
					    err,
					    "ext4: a directory entry of %zu bytes with a name of "
					    "%zu, %zu bytes into its block",
					    length, name_size, at);
		if (number != 0) { /* else deleted, or a checksum */
			int status = dir_entry(dir, number,
					       bytes_of(dir->block + at + 8, name_size), err);

			if (status != 0)
				return status;
		}
		in.pos = at + length;
	}
	return 0;
}

static int dir_block(void *ctx, struct bytes block, struct error *err)
{
	struct dir_reader *dir = ctx;
	const struct ext *ext = dir->volume->fs;

	while (block.size > 0) {
		size_t n = ext->block_size - dir->filled;

		n = n < block.size ? n : block.size;
		memcpy(dir->block + dir->filled, block.data, n);
		block = bytes_of(block.data + n, block.size - n);
		dir->filled += n;
		if (dir->filled < ext->block_size)
			break;
		dir->filled = 0;
		dir->status = dir_entries(dir, err);
		if (dir->status != 0)
			return -1; /* ends the stream */
	}
	return 0;
}

static int ext_list(struct volume *volume, const struct node *node, found_fn *found, void *ctx,
		    struct error *err)
{
	const struct ext *ext = volume->fs;
	AUTO(own_free) uint8_t *block = malloc(ext->block_size);
	struct dir_reader dir = { .volume = volume, .found = found, .ctx = ctx, .block = block };
	struct inode inode;

	if (!block)
		return error_memory(err, volume->name);
	if (inode_read(volume, node->id, &inode, err) < 0)
		return -1;
	if (inode.size % ext->block_size != 0 || inode.size > (uint64_t)VOLUME_DIRECTORY_MAX * 4096)
		return region_error(&volume->region, ERROR_MALFORMED, ERROR_NO_OFFSET, err,
				    "ext4: a directory of %" PRIu64
				    " bytes, not of whole blocks or too large",
				    inode.size);
	if (inode_stream(volume, &inode, dir_block, &dir, err) < 0 && dir.status == 0)
		return -1;
	return dir.status;
}

static int link_block(void *ctx, struct bytes block, struct error *err)
{
	struct buf *target = ctx;

	buf_append(target, block);
	return target->failed ? error_memory(err, NULL) : 0;
}

static int ext_link(struct volume *volume, const struct node *node, struct buf *target,
		    struct error *err)
{
	struct inode inode;

	if (inode_read(volume, node->id, &inode, err) < 0)
		return -1;
	if (inode.size >= VOLUME_PATH_MAX || inode.size == 0)
		return region_error(&volume->region, ERROR_LIMIT, ERROR_NO_OFFSET, err,
				    "ext4: a symbolic link of %" PRIu64
				    " bytes, 1 to %d are possible",
				    inode.size, VOLUME_PATH_MAX - 1);
	if (inode.size < INLINE_LINK)
		buf_append(target, bytes_of(inode.block, (size_t)inode.size));
	else if (inode_stream(volume, &inode, link_block, target, err) < 0)
		return -1;
	if (buf_finish(target, err) < 0)
		return -1;
	if (memchr(target->data, 0, target->size))
		return region_error(&volume->region, ERROR_MALFORMED, ERROR_NO_OFFSET, err,
				    "ext4: a symbolic link with a NUL");
	return 0;
}

/* --- opening ----------------------------------------------------------------------------- */

static void ext_free(struct volume *volume)
{
	free(volume->fs);
}

static const struct volume_ops ext_ops = {
	.list = ext_list,
	.link = ext_link,
	.stream = ext_stream,
	.free = ext_free,
};

struct superblock {
	uint64_t n_blocks;
	uint32_t log_block_size, blocks_per_group, inodes_per_group, n_inodes, first_block,
		revision;
	uint32_t inode_size, incompat, descriptor_size;
	uint8_t uuid[16];
	char label[17];
};

static void superblock_parse(struct bytes raw, struct superblock *out)
{
	struct reader in = reader_of(raw, 0, NULL);

	out->n_inodes = reader_le32(&in);
	out->n_blocks = reader_le32(&in);
	reader_skip(&in, 12);
	out->first_block = reader_le32(&in);
	out->log_block_size = reader_le32(&in);
	reader_skip(&in, 4);
	out->blocks_per_group = reader_le32(&in);
	reader_skip(&in, 4);
	out->inodes_per_group = reader_le32(&in);
	reader_skip(&in, 32); /* to the revision, 0x4c */
	out->revision = reader_le32(&in);
	reader_skip(&in, 8);
	out->inode_size = reader_le16(&in);
	reader_skip(&in, 6);
	out->incompat = reader_le32(&in);
	reader_skip(&in, 4);
	memcpy(out->uuid, reader_take(&in, 16), 16);
	memcpy(out->label, reader_take(&in, 16), 16);
	reader_skip(&in, 0xfe - 0x88);
	out->descriptor_size = reader_le16(&in);
	reader_skip(&in, 0x150 - 0x100);
	if (out->incompat & INCOMPAT_64BIT)
		out->n_blocks |= (uint64_t)reader_le32(&in) << 32;
	else
		out->descriptor_size = 32;
	if (out->revision == 0) {
		out->inode_size = 128;
		out->incompat = 0;
		out->descriptor_size = 32;
	}
}

static int layout(struct volume *volume, const struct superblock *sb, struct error *err)
{
	const struct region *region = &volume->region;
	struct ext *ext = volume->fs;

	if (sb->incompat & ~(uint32_t)INCOMPAT_KNOWN)
		return region_error(region, ERROR_UNSUPPORTED, SUPERBLOCK_AT + 0x60, err,
				    "ext4: features 0x%" PRIx32 " are not read",
				    sb->incompat & ~(uint32_t)INCOMPAT_KNOWN);
	if (sb->log_block_size > 6)
		return region_error(region, ERROR_MALFORMED, SUPERBLOCK_AT + 0x18, err,
				    "ext4: blocks of 2^%" PRIu32 " KiB", sb->log_block_size);
	ext->block_size = 1024u << sb->log_block_size;
	ext->n_blocks = sb->n_blocks;
	ext->n_inodes = sb->n_inodes;
	ext->inodes_per_group = sb->inodes_per_group;
	ext->inode_size = sb->inode_size;
	ext->first_block = sb->first_block;
	ext->descriptor_size = sb->descriptor_size;
	if (sb->n_blocks == 0 || sb->n_blocks > region->size / ext->block_size)
		return region_error(region, ERROR_TRUNCATED, SUPERBLOCK_AT + 4, err,
				    "ext4: %" PRIu64 " blocks of %" PRIu32 " bytes, 0x%" PRIx64
				    " bytes are there",
				    sb->n_blocks, ext->block_size, region->size);
	if (sb->first_block > 1 || sb->inodes_per_group == 0 || sb->inode_size < 128 ||
	    sb->inode_size > ext->block_size || (sb->inode_size & (sb->inode_size - 1)) != 0)
		return region_error(region, ERROR_MALFORMED, SUPERBLOCK_AT, err,
				    "ext4: first block %" PRIu32 ", %" PRIu32
				    " inodes a group of %" PRIu32 " bytes",
				    sb->first_block, sb->inodes_per_group, sb->inode_size);
	if (sb->descriptor_size < 32 || sb->descriptor_size > 1024 ||
	    (sb->descriptor_size & (sb->descriptor_size - 1)) != 0)
		return region_error(region, ERROR_MALFORMED, SUPERBLOCK_AT + 0xfe, err,
				    "ext4: group descriptors of %" PRIu32 " bytes",
				    sb->descriptor_size);
	return 0;
}

int ext_open(struct volume *volume, struct error *err)
{
	uint8_t raw[SUPERBLOCK_SIZE];
	struct superblock sb = { 0 };
	struct inode root;
	char *uuid = volume->info.uuid;

	if (volume->region.size < SUPERBLOCK_AT + SUPERBLOCK_SIZE)
		return 0;
	if (region_read(&volume->region, SUPERBLOCK_AT, raw, sizeof(raw), err) < 0)
		return -1;
	if (raw[0x38] != 0x53 || raw[0x39] != 0xef)
		return 0;
	superblock_parse(bytes_of(raw, sizeof(raw)), &sb);
	volume->fs = calloc(1, sizeof(struct ext));
	if (!volume->fs)
		return error_memory(err, volume->name);
	volume->ops = &ext_ops;
	volume->info.kind = VOLUME_EXT;
	volume->info.is_dirty = sb.incompat & INCOMPAT_RECOVER;
	if (layout(volume, &sb, err) < 0)
		return -1;
	for (size_t i = 0; i < 16; i++)
		uuid += snprintf(uuid, sizeof("-ff"), "%s%02x",
				 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", sb.uuid[i]);
	snprintf(volume->info.label, sizeof(volume->info.label), "%s", sb.label);
	if (inode_read(volume, ROOT_INODE, &root, err) < 0)
		return -1;
	if (type_of_mode(root.mode) != VOLUME_ENTRY_DIRECTORY)
		return region_error(&volume->region, ERROR_MALFORMED, ERROR_NO_OFFSET, err,
				    "ext4: the root inode is no directory");
	volume->root = (struct node){ ROOT_INODE, VOLUME_ENTRY_DIRECTORY, root.size };
	return 1;
}
