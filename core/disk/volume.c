/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths in a volume, whatever its file system: names to nodes, symbolic links, limits. */
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "core/disk/internal.h"

/* --- making one -------------------------------------------------------------------------- */

/* What is known by its magic bytes, and not read. */
static const struct foreign {
	const char *name, *magic;
	size_t size;
	uint64_t at;
} foreign[] = {
	{"XFS",			     "XFSB",             4,  0      },
	{ "btrfs",			  "_BHRfS_M",         8,  0x10040},
	{ "a LUKS volume (encrypted)",      "LUKS\xba\xbe",     6,  0      },
	{ "a BitLocker volume (encrypted)", "-FVE-FS-",         8,  3      },
	{ "an LVM physical volume",         "LABELONE",         8,  512    },
	{ "a Linux RAID member",            "\xfc\x4e\x2b\xa9", 4,  4096   },
	{ "NTFS",			   "NTFS    ",         8,  3      },
	{ "exFAT",			  "EXFAT   ",         8,  3      },
	{ "F2FS",			   "\x10\x20\xf5\xf2", 4,  1024   },
	{ "EROFS",			  "\xe2\xe1\xf5\xe0", 4,  1024   },
	{ "SquashFS",		       "hsqs",             4,  0      },
	{ "APFS",			   "NXSB",             4,  32     },
	{ "swap space",                     "SWAPSPACE2",       10, 4086   },
};

static int foreign_find(const struct region *region, const struct foreign **out, struct error *err)
{
	uint8_t seen[16];

	*out = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		const struct foreign *row = &foreign[i];

		if (region->size < row->at + row->size)
			continue;
		if (region_read(region, row->at, seen, row->size, err) < 0)
			return -1;
		if (memcmp(seen, row->magic, row->size) != 0)
			continue;
		*out = row;
		break;
	}
	return 0;
}

int disk_foreign(const struct disk *disk, const char **name, struct error *err)
{
	struct region whole = { disk, 0, disk_size(disk), disk_name(disk) };
	const struct foreign *row;

	if (foreign_find(&whole, &row, err) < 0)
		return -1;
	*name = row ? row->name : NULL;
	return 0;
}

static int unread(const struct volume *volume, struct error *err)
{
	const struct foreign *row;

	if (foreign_find(&volume->region, &row, err) < 0)
		return -1;
	if (row)
		return region_error(&volume->region, ERROR_UNSUPPORTED, row->at, err,
				    "%s, which is not read: only FAT, ext2 to ext4 and ISO 9660 "
				    "are",
				    row->name);
	return region_error(&volume->region, ERROR_UNSUPPORTED, 0, err,
			    "neither FAT, ext2 to ext4 nor ISO 9660, nor anything else that is "
			    "known");
}

static int volume_open(const struct disk *disk, uint64_t start, uint64_t size,
		       const struct partition *partition, const char *name, struct volume **out,
		       struct error *err)
{
	static int (*const openers[])(struct volume *, struct error *) = { iso_open, ext_open,
									   fat_open };
	AUTO(volume_freep) struct volume *volume = calloc(1, sizeof(*volume));

	if (!volume)
		return error_memory(err, name);
	volume->name = strdup(name);
	if (!volume->name)
		return error_memory(err, name);
	volume->region = (struct region){ disk, start, size, volume->name };
	volume->info.name = volume->name;
	volume->info.disk = disk;
	volume->info.partition = partition;
	volume->info.ordered = true;
	for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
		int found = openers[i](volume, err);

		if (found < 0)
			return -1;
		if (found) {
			*out = TAKE(volume);
			return 0;
		}
	}
	return unread(volume, err);
}

int volume_of_partition(const struct disk *disk, size_t partition, struct volume **out,
			struct error *err)
{
	uint64_t sector_size = disk_sector_size(disk), sectors = disk_size(disk) / sector_size;
	const struct partition *p;
	char name[256];
	size_t n;

	p = disk_partitions(disk, &n);
	if (partition >= n)
		return error_set(err, ERROR_INPUT, disk_name(disk), ERROR_NO_OFFSET,
				 "no partition at place %zu of %zu", partition + 1, n);
	p += partition;
	snprintf(name, sizeof(name), "%s, partition %zu", disk_name(disk), p->number);
	if (p->first_lba > p->last_lba || p->last_lba >= sectors)
		return error_set(err, ERROR_MALFORMED, name, ERROR_NO_OFFSET,
				 "UEFI 5.3.3: LBA %" PRIu64 " to %" PRIu64
				 ", the image has %" PRIu64 " sectors",
				 p->first_lba, p->last_lba, sectors);
	return volume_open(disk, p->first_lba * sector_size,
			   (p->last_lba - p->first_lba + 1) * sector_size, p, name, out, err);
}

int volume_of_mbr_partition(const struct disk *disk, const struct mbr_partition *partition,
			    struct volume **out, struct error *err)
{
	char name[256];

	snprintf(name, sizeof(name), "%s, partition %u", disk_name(disk), partition->number);
	if (partition->start >= disk_size(disk) ||
	    partition->size > disk_size(disk) - partition->start)
		return error_set(err, ERROR_MALFORMED, name, ERROR_NO_OFFSET,
				 "MBR: 0x%" PRIx64 " bytes from 0x%" PRIx64
				 ", the image has 0x%" PRIx64,
				 partition->size, partition->start, disk_size(disk));
	return volume_open(disk, partition->start, partition->size, NULL, name, out, err);
}

int volume_of_disk(const struct disk *disk, struct volume **out, struct error *err)
{
	return volume_open(disk, 0, disk_size(disk), NULL, disk_name(disk), out, err);
}

int volume_of_el_torito(const struct disk *disk, struct volume **out, struct error *err)
{
	uint64_t start, size;
	char name[256];
	int found = el_torito_find(disk, &start, &size, err);

	if (found <= 0)
		return found;
	snprintf(name, sizeof(name), "%s, El Torito image", disk_name(disk));
	return volume_open(disk, start, size, NULL, name, out, err) < 0 ? -1 : 1;
}

void volume_free(struct volume *volume)
{
	if (!volume)
		return;
	if (volume->ops && volume->ops->free)
		volume->ops->free(volume);
	free(volume->name);
	free(volume);
}

void volume_freep(struct volume **volume)
{
	volume_free(*volume);
}

const struct volume_info *volume_info(const struct volume *volume)
{
	return &volume->info;
}

/* --- listing ----------------------------------------------------------------------------- */

struct counted {
	const struct volume *volume;
	found_fn *found;
	void *ctx;
	size_t n;
};

static int counted_found(void *ctx, const struct found *found, struct error *err)
{
	struct counted *counted = ctx;

	if (counted->n++ == VOLUME_DIRECTORY_MAX)
		return error_set(err, ERROR_LIMIT, counted->volume->name, ERROR_NO_OFFSET,
				 "a directory of more than %d entries", VOLUME_DIRECTORY_MAX);
	return counted->found(counted->ctx, found, err);
}

int volume_list_node(struct volume *volume, const struct node *dir, found_fn *found, void *ctx,
		     struct error *err)
{
	struct counted counted = { volume, found, ctx, 0 };

	return volume->ops->list(volume, dir, counted_found, &counted, err);
}

/* --- paths ------------------------------------------------------------------------------- */

/* Where a walk stands: the directories from the root down, and what is still to come. */
struct walk {
	struct node nodes[VOLUME_DEPTH_MAX];
	size_t depth;
	struct buf rest; /* of the path; NUL-terminated */
	size_t pos;
	unsigned n_links;
	char last[256]; /* the name that was found, as stored */
};

static void walk_clear(struct walk *walk)
{
	buf_clear(&walk->rest);
}

static bool separates(const struct volume *volume, char c)
{
	return c == '/' || (c == '\\' && volume->info.kind == VOLUME_FAT);
}

static struct bytes next_name(const struct volume *volume, struct walk *walk)
{
	const char *text = (const char *)walk->rest.data;
	size_t start;

	while (separates(volume, text[walk->pos]))
		walk->pos++;
	start = walk->pos;
	while (text[walk->pos] && !separates(volume, text[walk->pos]))
		walk->pos++;
	return bytes_of(text + start, walk->pos - start);
}

struct lookup {
	struct bytes name;
	bool any_case; /* take a name that differs in case only */
	bool exact;    /* found as it is spelt */
	bool is_there;
	struct node node;
	char stored[256];
};

static bool same_name(struct bytes a, struct bytes b, bool any_case)
{
	return bytes_equal(a, b) ||
	       (any_case && a.size == b.size && a.size > 0 &&
		strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0);
}

static int lookup_found(void *ctx, const struct found *found, struct error *err)
{
	struct lookup *lookup = ctx;
	bool exact = bytes_equal(found->name, lookup->name);
	size_t size = found->name.size < 255 ? found->name.size : 255;

	(void)err;
	if (!exact &&
	    (lookup->is_there || !(same_name(found->name, lookup->name, lookup->any_case) ||
				   same_name(found->alias, lookup->name, lookup->any_case))))
		return 0;
	lookup->is_there = true;
	lookup->node = found->node;
	memcpy(lookup->stored, found->name.data, size);
	lookup->stored[size] = '\0';
	return exact; /* else one that is spelt just so may still come */
}

/* Puts a link's target in front of what is still to come. */
static int follow(struct volume *volume, struct walk *walk, const struct node *link,
		  struct error *err)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;

	if (!volume->ops->link)
		return region_error(&volume->region, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, err,
				    "a symbolic link");
	if (++walk->n_links > VOLUME_LINKS_MAX)
		return error_set(err, ERROR_LIMIT, volume->name, ERROR_NO_OFFSET,
				 "%s: more than %d symbolic links", walk->last, VOLUME_LINKS_MAX);
	if (volume->ops->link(volume, link, &path, err) < 0)
		return -1;
	if (path.size > 0 && path.data[0] == '/')
		walk->depth = 1;
	buf_append_string(&path, "/");
	buf_append_string(&path, (const char *)walk->rest.data + walk->pos);
	if (buf_finish(&path, err) < 0)
		return -1;
	if (path.size >= VOLUME_PATH_MAX)
		return error_set(err, ERROR_LIMIT, volume->name, ERROR_NO_OFFSET,
				 "%s: a path of %d bytes or more through symbolic links",
				 walk->last, VOLUME_PATH_MAX);
	buf_clear(&walk->rest);
	walk->rest = path;
	walk->pos = 0;
	path = (struct buf)BUF_INIT;
	return 0;
}

/* One name below where the walk stands: 1, 0 for none, -1. */
static int step(struct volume *volume, struct walk *walk, struct bytes name, struct error *err)
{
	const struct node *here = &walk->nodes[walk->depth - 1];
	struct lookup lookup = { .name = name, .any_case = volume->info.case_insensitive };

	if (here->type != VOLUME_ENTRY_DIRECTORY)
		return 0;
	if (bytes_equal_string(name, "."))
		return 1;
	if (bytes_equal_string(name, "..")) {
		walk->depth -= walk->depth > 1;
		return 1;
	}
	if (volume_list_node(volume, here, lookup_found, &lookup, err) < 0)
		return -1;
	if (!lookup.is_there)
		return 0;
	memcpy(walk->last, lookup.stored, sizeof(walk->last));
	if (lookup.node.type == VOLUME_ENTRY_SYMLINK)
		return follow(volume, walk, &lookup.node, err) < 0 ? -1 : 1;
	if (walk->depth == VOLUME_DEPTH_MAX)
		return error_set(err, ERROR_LIMIT, volume->name, ERROR_NO_OFFSET,
				 "%s: more than %d directories below each other", walk->last,
				 VOLUME_DEPTH_MAX);
	walk->nodes[walk->depth++] = lookup.node;
	return 1;
}

/* 1 and the node with its stored name (255 bytes at most), 0, -1. */
static int find(struct volume *volume, const char *path, struct node *out, char stored[256],
		struct error *err)
{
	AUTO(walk_clear) struct walk walk = { .depth = 1, .rest = BUF_INIT };
	struct bytes name;

	if (strlen(path) >= VOLUME_PATH_MAX)
		return error_set(err, ERROR_LIMIT, volume->name, ERROR_NO_OFFSET,
				 "a path of %zu bytes, fewer than %d are possible", strlen(path),
				 VOLUME_PATH_MAX);
	walk.nodes[0] = volume->root;
	buf_append_string(&walk.rest, path);
	if (buf_finish(&walk.rest, err) < 0)
		return -1;
	while ((name = next_name(volume, &walk)).size > 0) {
		int found = step(volume, &walk, name, err);

		if (found <= 0)
			return found;
	}
	*out = walk.nodes[walk.depth - 1];
	memcpy(stored, walk.depth > 1 ? walk.last : "", walk.depth > 1 ? sizeof(walk.last) : 1);
	return 1;
}

/* --- what others ask --------------------------------------------------------------------- */

int volume_stat(struct volume *volume, const char *path, struct volume_entry *out,
		struct error *err)
{
	struct node node;
	int found = find(volume, path, &node, volume->stored, err);

	if (found == 1)
		*out = (struct volume_entry){ bytes_of_string(volume->stored), node.type,
					      node.size };
	return found;
}

struct limited {
	const struct volume *volume;
	const char *path;
	block_fn *block;
	void *ctx;
	uint64_t left;
};

/* A file system may hold fewer bytes than a file's size says, never more: what comes is counted. */
static int limited_block(void *ctx, struct bytes block, struct error *err)
{
	struct limited *limited = ctx;

	if (block.size > limited->left)
		return error_set(err, ERROR_MALFORMED, limited->volume->name, ERROR_NO_OFFSET,
				 "%s: more bytes than its size", limited->path);
	limited->left -= block.size;
	return limited->block(limited->ctx, block, err);
}

static int stream(struct volume *volume, const char *path, uint64_t max, block_fn *block, void *ctx,
		  struct error *err)
{
	char stored[256];
	struct node node;
	struct limited limited = { volume, path, block, ctx, 0 };
	int found = find(volume, path, &node, stored, err);

	if (found <= 0 || node.type != VOLUME_ENTRY_FILE)
		return found < 0 ? -1 : 0;
	if (node.size > max)
		return error_set(err, ERROR_LIMIT, volume->name, ERROR_NO_OFFSET,
				 "%s: %" PRIu64 " bytes, at most %" PRIu64, path, node.size, max);
	limited.left = node.size;
	if (volume->ops->stream(volume, &node, limited_block, &limited, err) < 0)
		return -1;
	if (limited.left > 0)
		return error_set(err, ERROR_MALFORMED, volume->name, ERROR_NO_OFFSET,
				 "%s: %" PRIu64 " of its %" PRIu64 " bytes are missing", path,
				 limited.left, node.size);
	return 1;
}

int volume_stream(struct volume *volume, const char *path,
		  int (*block)(void *ctx, struct bytes block, struct error *err), void *ctx,
		  struct error *err)
{
	return stream(volume, path, VOLUME_FILE_MAX, block, ctx, err);
}

static int append_block(void *ctx, struct bytes block, struct error *err)
{
	struct buf *out = ctx;

	buf_append(out, block);
	return out->failed ? error_memory(err, NULL) : 0;
}

int volume_read(struct volume *volume, const char *path, uint64_t max, struct buf *out,
		struct error *err)
{
	int found = stream(volume, path, max, append_block, out, err);

	return found == 1 && buf_finish(out, err) < 0 ? -1 : found;
}

int volume_find_directory(struct volume *volume, const char *path, struct node *out,
			  struct error *err)
{
	char stored[256];
	int found = find(volume, path, out, stored, err);

	return found > 0 && out->type != VOLUME_ENTRY_DIRECTORY ? 0 : found;
}

struct listing {
	int (*entry)(void *ctx, const struct volume_entry *entry, struct error *err);
	void *ctx;
};

static int listing_found(void *ctx, const struct found *found, struct error *err)
{
	struct listing *listing = ctx;
	struct volume_entry entry = { found->name, found->node.type, found->node.size };

	return listing->entry(listing->ctx, &entry, err) < 0 ? -1 : 0;
}

int volume_list(struct volume *volume, const char *dir,
		int (*entry)(void *ctx, const struct volume_entry *entry, struct error *err),
		void *ctx, struct error *err)
{
	struct listing listing = { entry, ctx };
	struct node node;
	int found = volume_find_directory(volume, dir, &node, err);

	if (found <= 0)
		return found;
	return volume_list_node(volume, &node, listing_found, &listing, err) < 0 ? -1 : 1;
}
