/* SPDX-License-Identifier: BSD-2-Clause */
/* The partition table of BIOS machines: four entries in the first sector, and a chain of tables in an extended one. */
#include "core/disk/internal.h"
#include "core/reader.h"

#define SECTOR        512
#define ENTRIES_AT    446
#define ENTRIES       4
#define FIRST_LOGICAL 5

struct entry {
	uint8_t status, type;
	uint64_t first, n; /* sectors */
};

/* 1; 0 if the sector has no table. */
static int table_read(const struct disk *disk, uint64_t sector, struct entry out[ENTRIES],
		      struct error *err)
{
	uint8_t raw[SECTOR];
	struct reader in = reader_of(bytes_of(raw, sizeof(raw)), sector * SECTOR, disk_name(disk));

	if (disk_read(disk, sector * SECTOR, raw, sizeof(raw), err) < 0)
		return -1;
	if (raw[510] != 0x55 || raw[511] != 0xaa)
		return 0;
	reader_skip(&in, ENTRIES_AT);
	for (unsigned i = 0; i < ENTRIES; i++) {
		out[i].status = reader_u8(&in);
		reader_skip(&in, 3);
		out[i].type = reader_u8(&in);
		reader_skip(&in, 3);
		out[i].first = reader_le32(&in);
		out[i].n = reader_le32(&in);
		if (out[i].status & 0x7f)
			return 0; /* code or text where a table would be */
	}
	return 1;
}

static bool is_extended(const struct entry *entry)
{
	return entry->type == 0x05 || entry->type == 0x0f || entry->type == 0x85;
}

static int add(const struct disk *disk, struct mbr *mbr, unsigned number, const struct entry *entry,
	       uint64_t base, struct error *err)
{
	if (entry->type == 0 || entry->n == 0 || entry->type == 0xee)
		return 0;
	if (mbr->n == MBR_PARTITIONS_MAX)
		return error_set(err, ERROR_LIMIT, disk_name(disk), ERROR_NO_OFFSET,
				 "MBR: more than %d partitions", MBR_PARTITIONS_MAX);
	mbr->partitions[mbr->n++] = (struct mbr_partition){ .number = number,
							    .start = (base + entry->first) * SECTOR,
							    .size = entry->n * SECTOR };
	return 0;
}

/* Each table of the chain has one partition and the place of the next table; a circle ends at the limit. */
static int chain(const struct disk *disk, uint64_t extended, struct mbr *mbr, struct error *err)
{
	struct entry entries[ENTRIES];
	uint64_t at = extended;

	for (unsigned i = 0; i < MBR_PARTITIONS_MAX; i++) {
		int found = table_read(disk, at, entries, err);

		if (found <= 0)
			return found;
		if (add(disk, mbr, FIRST_LOGICAL + i, &entries[0], at, err) < 0)
			return -1;
		if (!is_extended(&entries[1]) || entries[1].n == 0)
			return 0;
		at = extended + entries[1].first;
	}
	return error_set(err, ERROR_LIMIT, disk_name(disk), at * SECTOR,
			 "MBR: a chain of more than %d tables", MBR_PARTITIONS_MAX);
}

int disk_mbr(const struct disk *disk, struct mbr *out, struct error *err)
{
	struct entry entries[ENTRIES];
	struct mbr mbr = { 0 };
	int found;

	if (disk_size(disk) < SECTOR)
		return 0;
	found = table_read(disk, 0, entries, err);
	if (found <= 0)
		return found;
	for (unsigned i = 0; i < ENTRIES; i++)
		if (!is_extended(&entries[i]) && add(disk, &mbr, i + 1, &entries[i], 0, err) < 0)
			return -1;
	for (unsigned i = 0; i < ENTRIES; i++)
		if (is_extended(&entries[i]) && chain(disk, entries[i].first, &mbr, err) < 0)
			return -1;
	if (mbr.n == 0)
		return 0;
	*out = mbr;
	return 1;
}
