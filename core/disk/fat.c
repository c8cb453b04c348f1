/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FAT12, FAT16 and FAT32 (Microsoft FAT specification 1.03) with long names. Clusters of a file are
 * followed as far as its size says, of a directory as far as a directory can be: no loop in the
 * table lasts.
 */
#include <inttypes.h>
#include <stdio.h>

#include "core/reader.h"
#include "core/text.h"
#include "core/disk/internal.h"

#define ENTRY_SIZE      32
#define DIRECTORY_BYTES ((uint64_t)VOLUME_DIRECTORY_MAX * ENTRY_SIZE)
#define WINDOW          65536 /* bytes of the table kept */
#define LONG_PARTS_MAX  20
#define PART_CHARS      13

enum { ATTR_LABEL = 0x08, ATTR_DIRECTORY = 0x10, ATTR_LONG = 0x0f, ATTR_MASK = 0x3f };
enum { LOWER_BASE = 0x08, LOWER_EXTENSION = 0x10 };

struct fat {
	unsigned bits; /* 12, 16 or 32 */
	uint32_t sector_size, cluster_size;
	uint64_t table_at, table_size;
	uint64_t root_at, root_size; /* of FAT12 and FAT16, whose root has a place of its own */
	uint64_t data_at;
	uint32_t n_clusters; /* numbered from 2 */
	uint64_t window_at;  /* in the table */
	size_t window_size;
	uint8_t window[WINDOW];
};

/* --- the table --------------------------------------------------------------------------- */

static int table_byte(struct volume *volume, uint64_t at, uint8_t *out, struct error *err)
{
	struct fat *fat = volume->fs;

	if (at >= fat->table_size)
		return region_error(&volume->region, ERROR_MALFORMED, fat->table_at + at, err,
				    "FAT: an entry beyond the end of the table");
	if (at < fat->window_at || at >= fat->window_at + fat->window_size) {
		uint64_t start = at - at % WINDOW, left = fat->table_size - start;

		fat->window_size = 0;
		if (region_read(&volume->region, fat->table_at + start, fat->window,
				left < WINDOW ? (size_t)left : WINDOW, err) < 0)
			return -1;
		fat->window_at = start;
		fat->window_size = left < WINDOW ? (size_t)left : WINDOW;
	}
	*out = fat->window[at - fat->window_at];
	return 0;
}

/* The cluster after this one: 1; 0 at the end of the chain. */
static int next_cluster(struct volume *volume, uint32_t *cluster, struct error *err)
{
	const struct fat *fat = volume->fs;
	uint64_t at =
		fat->bits == 12 ? *cluster + *cluster / 2 : (uint64_t)*cluster * (fat->bits / 8);
	size_t n = fat->bits == 32 ? 4 : 2;
	uint32_t value = 0, end;

	for (size_t i = 0; i < n; i++) {
		uint8_t byte = 0;

		if (table_byte(volume, at + i, &byte, err) < 0)
			return -1;
		value |= (uint32_t)byte << 8 * i;
	}
	if (fat->bits == 12)
		value = *cluster & 1 ? value >> 4 : value & 0xfff;
	value &= 0x0fffffff;
	end = fat->bits == 12 ? 0xff8 : fat->bits == 16 ? 0xfff8 : 0x0ffffff8;
	if (value >= end)
		return 0;
	if (value < 2 || value - 2 >= fat->n_clusters)
		return region_error(&volume->region, ERROR_MALFORMED, fat->table_at + at, err,
				    "FAT: after cluster %" PRIu32 " comes %" PRIu32
				    ", there are 2 to %" PRIu32,
				    *cluster, value, fat->n_clusters + 1);
	*cluster = value;
	return 1;
}

/* Up to size bytes of a chain, runs of clusters together; the chain may end earlier. */
static int chain_stream(struct volume *volume, uint64_t first, uint64_t size, block_fn *block,
			void *ctx, struct error *err)
{
	const struct fat *fat = volume->fs;
	uint32_t cluster = (uint32_t)first;
	int more = 1;

	if (size > 0 && (first < 2 || first - 2 >= fat->n_clusters))
		return region_error(&volume->region, ERROR_MALFORMED, ERROR_NO_OFFSET, err,
				    "FAT: a file that starts at cluster %" PRIu64
				    ", there are 2 to %" PRIu32,
				    first, fat->n_clusters + 1);
	while (size > 0 && more) {
		uint64_t at = fat->data_at + (uint64_t)(cluster - 2) * fat->cluster_size, run = 0;

		do {
			uint32_t before = cluster;

			run += fat->cluster_size;
			if (run >= size)
				break;
			more = next_cluster(volume, &cluster, err);
			if (more < 0)
				return -1;
			if (!more || cluster != before + 1)
				break;
		} while (true);
		run = run < size ? run : size;
		if (region_stream(&volume->region, at, run, block, ctx, err) < 0)
			return -1;
		size -= run;
	}
	return 0;
}

static int fat_stream(struct volume *volume, const struct node *node, block_fn *block, void *ctx,
		      struct error *err)
{
	const struct fat *fat = volume->fs;

	if (node->size > (uint64_t)fat->n_clusters * fat->cluster_size)
		return region_error(&volume->region, ERROR_MALFORMED, ERROR_NO_OFFSET, err,
				    "FAT: a file of %" PRIu64 " bytes, more than all clusters hold",
				    node->size);
	return chain_stream(volume, node->id, node->size, block, ctx, err);
}

/* --- directories ------------------------------------------------------------------------- */

/* The parts of a long name, which come last part first, before the entry they belong to. */
struct long_name {
	uint8_t utf16[LONG_PARTS_MAX * PART_CHARS * 2];
	size_t n_parts;
	size_t next; /* the part that must come next, 0 when complete */
	uint8_t checksum;
	bool valid;
};

static void long_part(struct long_name *name, const uint8_t *entry)
{
	static const uint8_t places[PART_CHARS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
	size_t part = entry[0] & 0x3f;

	if (entry[0] & 0x40)
		*name = (struct long_name){ .n_parts = part,
					    .next = part,
					    .checksum = entry[13],
					    .valid = part >= 1 && part <= LONG_PARTS_MAX };
	if (!name->valid || part != name->next || part == 0 || entry[13] != name->checksum) {
		name->valid = false;
		return;
	}
	name->next--;
	for (size_t i = 0; i < PART_CHARS; i++)
		memcpy(name->utf16 + ((part - 1) * PART_CHARS + i) * 2, entry + places[i], 2);
}

static uint8_t short_checksum(const uint8_t *entry)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < 11; i++)
		sum = (uint8_t)((sum >> 1 | sum << 7) + entry[i]);
	return sum;
}

static void short_part(struct buf *out, const uint8_t *text, size_t size, bool lower)
{
	while (size > 0 && text[size - 1] == ' ')
		size--;
	for (size_t i = 0; i < size; i++)
		buf_append_u8(out,
			      lower && text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
}

/* NAME.EXT with the case its flags give; bytes over 0x7f stay, their code page is not known. */
static void short_name(struct buf *out, const uint8_t *entry)
{
	uint8_t base[8];

	memcpy(base, entry, 8);
	if (base[0] == 0x05)
		base[0] = 0xe5; /* which would mean deleted */
	short_part(out, base, 8, entry[12] & LOWER_BASE);
	if (memcmp(entry + 8, "   ", 3) != 0) {
		buf_append_u8(out, '.');
		short_part(out, entry + 8, 3, entry[12] & LOWER_EXTENSION);
	}
}

static void long_text(struct buf *out, const struct long_name *name)
{
	size_t size = 0, max = name->n_parts * PART_CHARS * 2;

	while (size < max && (name->utf16[size] || name->utf16[size + 1]))
		size += 2;
	text_append_utf16le(out, bytes_of(name->utf16, size));
}

struct dir_reader {
	struct volume *volume;
	found_fn *found;
	void *ctx;
	struct long_name name;
	struct buf text, alias; /* of the entry at hand */
	char *label;            /* where the volume label goes, or NULL */
	int status;             /* of found: 1 or -1 end it; 2: the directory's end mark */
};

static void dir_clear(struct dir_reader *dir)
{
	buf_clear(&dir->text);
	buf_clear(&dir->alias);
}

static int dir_entry(struct dir_reader *dir, const uint8_t *entry, struct error *err)
{
	struct reader in = reader_of(bytes_of(entry, ENTRY_SIZE), 0, dir->volume->name);
	const struct fat *fat = dir->volume->fs;
	struct long_name name = dir->name;
	struct found found = { 0 };
	uint32_t low, high;

	if (entry[0] != 0xe5 && (entry[11] & ATTR_MASK) == ATTR_LONG) {
		long_part(&dir->name, entry);
		return 0;
	}
	dir->name.valid = false;
	if (entry[0] == 0xe5)
		return 0; /* deleted */
	if (entry[11] & ATTR_LABEL) {
		if (dir->label && !*dir->label)
			snprintf(dir->label, 12, "%.11s", (const char *)entry);
		return 0;
	}
	if (entry[0] == '.')
		return 0; /* "." and "..": no other short name starts so */
	dir->text.size = dir->alias.size = 0;
	short_name(&dir->alias, entry);
	if (name.valid && name.next == 0 && name.checksum == short_checksum(entry))
		long_text(&dir->text, &name);
	if (buf_finish(&dir->text, err) < 0 || buf_finish(&dir->alias, err) < 0)
		return -1;
	found.name = dir->text.size ? buf_bytes(&dir->text) : buf_bytes(&dir->alias);
	found.alias = buf_bytes(&dir->alias);
	reader_skip(&in, 20);
	high = reader_le16(&in);
	reader_skip(&in, 4);
	low = reader_le16(&in);
	found.node.id = fat->bits == 32 ? high << 16 | low : low;
	found.node.type = entry[11] & ATTR_DIRECTORY ? VOLUME_ENTRY_DIRECTORY : VOLUME_ENTRY_FILE;
	found.node.size = found.node.type == VOLUME_ENTRY_FILE ? reader_le32(&in) : 0;
	return dir->found ? dir->found(dir->ctx, &found, err) : 0;
}

/* Blocks are whole clusters or the whole root, so of whole entries. */
static int dir_block(void *ctx, struct bytes block, struct error *err)
{
	struct dir_reader *dir = ctx;

	for (size_t at = 0; at + ENTRY_SIZE <= block.size; at += ENTRY_SIZE) {
		dir->status = block.data[at] == 0 ? 2 : dir_entry(dir, block.data + at, err);
		if (dir->status != 0)
			return -1; /* ends the stream */
	}
	return 0;
}

static int dir_read(struct volume *volume, const struct node *node, struct dir_reader *dir,
		    struct error *err)
{
	const struct fat *fat = volume->fs;
	int status;

	if (node->id == 0 && fat->bits != 32) /* the root, which ".." entries call 0 too */
		status = region_stream(&volume->region, fat->root_at, fat->root_size, dir_block,
				       dir, err);
	else
		status = chain_stream(volume, node->id, DIRECTORY_BYTES, dir_block, dir, err);
	if (dir->status == 0 && status < 0)
		return -1;
	return dir->status == 2 ? 0 : dir->status;
}

static int fat_list(struct volume *volume, const struct node *node, found_fn *found, void *ctx,
		    struct error *err)
{
	AUTO(dir_clear) struct dir_reader dir = { .volume = volume, .found = found, .ctx = ctx };

	return dir_read(volume, node, &dir, err);
}

/* --- opening ----------------------------------------------------------------------------- */

static void fat_free(struct volume *volume)
{
	free(volume->fs);
}

static const struct volume_ops fat_ops = {
	.list = fat_list,
	.stream = fat_stream,
	.free = fat_free,
};

static void trimmed(char *text)
{
	size_t size = strlen(text);

	while (size > 0 && text[size - 1] == ' ')
		text[--size] = '\0';
}

/* The label in the root directory, as blkid has it, else the one in the boot sector. */
static int read_label(struct volume *volume, const uint8_t *boot, struct error *err)
{
	const struct fat *fat = volume->fs;
	char *label = volume->info.label;
	AUTO(dir_clear) struct dir_reader dir = { .volume = volume, .label = label };

	if (dir_read(volume, &volume->root, &dir, err) < 0)
		return -1;
	if (!*label && boot[fat->bits == 32 ? 66 : 38] == 0x29) {
		snprintf(label, 12, "%.11s", (const char *)boot + (fat->bits == 32 ? 71 : 43));
		if (memcmp(label, "NO NAME    ", 11) == 0)
			*label = '\0';
	}
	trimmed(label);
	return 0;
}

struct boot_sector {
	uint32_t sector_size, sectors_per_cluster, reserved, n_tables, n_root, n_sectors,
		table_sectors;
	uint32_t root_cluster;
	bool is_32;
};

/* False: no FAT at all. The jump, as Microsoft demands it, tells one from other boot sectors. */
static bool boot_parse(struct bytes sector, struct boot_sector *out)
{
	struct reader in = reader_of(sector, 0, NULL);
	uint8_t media;

	if (!(sector.data[0] == 0xeb && sector.data[2] == 0x90) && sector.data[0] != 0xe9)
		return false;
	reader_skip(&in, 11);
	out->sector_size = reader_le16(&in);
	out->sectors_per_cluster = reader_u8(&in);
	out->reserved = reader_le16(&in);
	out->n_tables = reader_u8(&in);
	out->n_root = reader_le16(&in);
	out->n_sectors = reader_le16(&in);
	media = reader_u8(&in);
	out->table_sectors = reader_le16(&in);
	reader_skip(&in, 8);
	if (out->n_sectors == 0)
		out->n_sectors = reader_le32(&in);
	else
		reader_skip(&in, 4);
	out->is_32 = out->table_sectors == 0;
	if (out->is_32) {
		out->table_sectors = reader_le32(&in);
		reader_skip(&in, 4);
		out->root_cluster = reader_le32(&in);
	}
	return out->sector_size >= 512 && out->sector_size <= 4096 &&
	       (out->sector_size & (out->sector_size - 1)) == 0 && out->sectors_per_cluster &&
	       (out->sectors_per_cluster & (out->sectors_per_cluster - 1)) == 0 && out->reserved &&
	       out->n_tables && (media >= 0xf8 || media == 0xf0);
}

static int layout(struct volume *volume, const struct boot_sector *boot, struct error *err)
{
	struct fat *fat = volume->fs;
	uint64_t size = (uint64_t)boot->n_sectors * boot->sector_size, n;

	fat->sector_size = boot->sector_size;
	fat->cluster_size = boot->sector_size * boot->sectors_per_cluster;
	fat->table_at = (uint64_t)boot->reserved * boot->sector_size;
	fat->table_size = (uint64_t)boot->table_sectors * boot->sector_size;
	fat->root_at = fat->table_at + fat->table_size * boot->n_tables;
	fat->root_size = ((uint64_t)boot->n_root * ENTRY_SIZE + boot->sector_size - 1) /
			 boot->sector_size * boot->sector_size;
	fat->data_at = fat->root_at + fat->root_size;
	if (size > volume->region.size)
		return region_error(&volume->region, ERROR_TRUNCATED, 19, err,
				    "FAT: 0x%" PRIx64 " bytes, 0x%" PRIx64 " are there", size,
				    volume->region.size);
	if (fat->data_at >= size)
		return region_error(&volume->region, ERROR_MALFORMED, 14, err,
				    "FAT: no room for clusters");
	n = (size - fat->data_at) / fat->cluster_size;
	fat->bits = boot->is_32 ? 32
		    : n < 4085  ? 12
				: 16; /* as the kernel and firmware tell them apart */
	if (n > (fat->bits == 32 ? 0x0ffffff5 : 65524))
		return region_error(&volume->region, ERROR_MALFORMED, 13, err,
				    "FAT: %" PRIu64 " clusters are too many for FAT%u", n,
				    fat->bits);
	fat->n_clusters = (uint32_t)n;
	volume->root =
		(struct node){ boot->is_32 ? boot->root_cluster : 0, VOLUME_ENTRY_DIRECTORY, 0 };
	return 0;
}

int fat_open(struct volume *volume, struct error *err)
{
	struct boot_sector boot = { 0 };
	uint8_t sector[512];
	const uint8_t *serial;

	if (volume->region.size < sizeof(sector))
		return 0;
	if (region_read(&volume->region, 0, sector, sizeof(sector), err) < 0)
		return -1;
	if (sector[510] != 0x55 || sector[511] != 0xaa || !boot_parse(bytes_of(sector, 512), &boot))
		return 0;
	volume->fs = calloc(1, sizeof(struct fat));
	if (!volume->fs)
		return error_memory(err, volume->name);
	volume->ops = &fat_ops;
	volume->info.kind = VOLUME_FAT;
	volume->info.case_insensitive = true;
	if (layout(volume, &boot, err) < 0)
		return -1;
	serial = sector + (boot.is_32 ? 67 : 39);
	snprintf(volume->info.uuid, sizeof(volume->info.uuid), "%02X%02X-%02X%02X", serial[3],
		 serial[2], serial[1], serial[0]);
	return read_label(volume, sector, err) < 0 ? -1 : 1;
}
