/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GPT (UEFI 2.10, 5.3): read as EDK II reads it before it believes it (PartitionDxe), measured as
 * its DxeTpm2MeasureBootLib does, checks of its later releases included.
 */
#include <inttypes.h>

#include "core/reader.h"
#include "core/text.h"
#include "core/disk/internal.h"

#define GPT_HEADER_SIZE 92
#define GPT_ENTRY_SIZE  128 /* the least; larger ones are powers of two */
#define GPT_NAME_SIZE   72
#define PROTECTIVE      0xee /* MBR partition type */

struct header {
	uint64_t at;
	uint64_t entries_lba;
	uint32_t n_entries, entry_size, entries_crc;
	size_t table_size;
	uint8_t raw[GPT_HEADER_SIZE];
};

/* CRC-32 of IEEE 802.3, four bits at a time. */
static uint32_t crc32_update(uint32_t crc, struct bytes bytes)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};

	crc = ~crc;
	for (size_t i = 0; i < bytes.size; i++) {
		crc = table[(crc ^ bytes.data[i]) & 15] ^ crc >> 4;
		crc = table[(crc ^ (uint32_t)(bytes.data[i] >> 4)) & 15] ^ crc >> 4;
	}
	return ~crc;
}

static bool protective_mbr(const uint8_t sector[512])
{
	if (sector[510] != 0x55 || sector[511] != 0xaa)
		return false;
	for (size_t i = 0; i < 4; i++)
		if (sector[446 + 16 * i + 4] == PROTECTIVE)
			return true;
	return false;
}

static int gpt_error(const struct disk *disk, enum error_code code, uint64_t offset,
		     struct error *err, const char *text)
{
	return error_set(err, code, disk_name(disk), offset, "UEFI 5.3.2: GPT header: %s", text);
}

/* What EDK II demands of a header before it uses and measures it. */
static int header_parse(const struct disk *disk, const uint8_t *sector, uint32_t sector_size,
			struct header *out, struct error *err)
{
	struct reader in = reader_of(bytes_of(sector, sector_size), sector_size, disk_name(disk));
	uint32_t revision, size, crc;
	uint64_t my_lba;
	uint8_t copy[4096];

	out->at = sector_size;
	reader_skip(&in, 8);
	revision = reader_le32(&in);
	size = reader_le32(&in);
	crc = reader_le32(&in);
	reader_skip(&in, 4);
	my_lba = reader_le64(&in);
	reader_skip(&in, 8 + 8 + 8 + 16); /* backup's LBA, usable range, disk GUID */
	out->entries_lba = reader_le64(&in);
	out->n_entries = reader_le32(&in);
	out->entry_size = reader_le32(&in);
	out->entries_crc = reader_le32(&in);
	if (reader_check(&in, err) < 0)
		return -1;
	if (revision != 0x00010000)
		return gpt_error(disk, ERROR_UNSUPPORTED, out->at + 8, err,
				 "its revision is not 1.0");
	if (size < GPT_HEADER_SIZE || size > sector_size)
		return gpt_error(disk, ERROR_MALFORMED, out->at + 12, err,
				 "its size is below 92 or over a sector");
	if (my_lba != 1)
		return gpt_error(disk, ERROR_MALFORMED, out->at + 24, err,
				 "it says that it is not at LBA 1");
	memcpy(copy, sector, size);
	memset(copy + 16, 0, 4);
	if (crc32_update(0, bytes_of(copy, size)) != crc)
		return gpt_error(
			disk, ERROR_MALFORMED, out->at + 16, err,
			"its CRC-32 does not hold (firmware would restore it from the backup)");
	if (out->n_entries == 0)
		return gpt_error(disk, ERROR_MALFORMED, out->at + 80, err, "no entries");
	if (out->entry_size < GPT_ENTRY_SIZE || (out->entry_size & (out->entry_size - 1)) != 0)
		return gpt_error(disk, ERROR_MALFORMED, out->at + 84, err,
				 "the size of an entry is no power of two from 128");
	if (!size_mul(out->n_entries, out->entry_size, &out->table_size) ||
	    out->table_size > DISK_GPT_TABLE_MAX)
		return error_set(err, ERROR_LIMIT, disk_name(disk), out->at + 80,
				 "UEFI 5.3.2: GPT header: %" PRIu32 " entries of %" PRIu32
				 " bytes, at most %u bytes",
				 out->n_entries, out->entry_size, DISK_GPT_TABLE_MAX);
	if (out->entries_lba > UINT64_MAX / sector_size)
		return gpt_error(disk, ERROR_MALFORMED, out->at + 72, err,
				 "its entries lie beyond any disk");
	memcpy(out->raw, sector, GPT_HEADER_SIZE);
	return 0;
}

static int entry_name(struct bytes utf16, char **out, struct error *err)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;
	size_t size = 0;

	while (size + 1 < utf16.size && (utf16.data[size] || utf16.data[size + 1]))
		size += 2;
	text_append_utf16le(&name, bytes_of(utf16.data, size));
	if (buf_finish(&name, err) < 0)
		return -1;
	*out = (char *)TAKE(name.data);
	return 0;
}

static int entries_parse(const struct disk *disk, const struct header *header, struct bytes table,
			 uint64_t at, struct gpt *gpt, struct error *err)
{
	static const uint8_t unused[16];
	uint64_t n_used = 0;

	for (size_t i = 0; i < header->n_entries; i++)
		n_used += memcmp(table.data + i * header->entry_size, unused, 16) != 0;
	gpt->partitions = calloc((size_t)n_used + 1, sizeof(*gpt->partitions));
	if (!gpt->partitions)
		return error_memory(err, disk_name(disk));
	buf_append(&gpt->event, bytes_of(header->raw, GPT_HEADER_SIZE));
	buf_append_le32(&gpt->event, (uint32_t)n_used);
	buf_append_le32(&gpt->event, 0);
	for (size_t i = 0; i < header->n_entries; i++) {
		struct bytes entry = { table.data + i * header->entry_size, header->entry_size };
		struct reader in = reader_of(entry, at + i * header->entry_size, disk_name(disk));
		struct partition *partition = &gpt->partitions[gpt->n_partitions];

		if (memcmp(entry.data, unused, 16) == 0)
			continue;
		buf_append(&gpt->event, entry);
		partition->number = i + 1;
		memcpy(partition->type, reader_take(&in, 16), 16);
		memcpy(partition->guid, reader_take(&in, 16), 16);
		partition->first_lba = reader_le64(&in);
		partition->last_lba = reader_le64(&in);
		reader_skip(&in, 8); /* attributes */
		gpt->n_partitions++;
		if (entry_name(reader_bytes(&in, GPT_NAME_SIZE), &partition->name, err) < 0)
			return -1;
	}
	return buf_finish(&gpt->event, err);
}

static int table_parse(const struct disk *disk, const uint8_t *sector, uint32_t sector_size,
		       struct gpt *out, struct error *err)
{
	AUTO(gpt_clear) struct gpt gpt = { .sector_size = sector_size, .event = BUF_INIT };
	AUTO(own_free) uint8_t *table = NULL;
	struct header header = { 0 };
	uint64_t at;

	if (header_parse(disk, sector, sector_size, &header, err) < 0)
		return -1;
	at = header.entries_lba * sector_size;
	if (at > disk_size(disk) || header.table_size > disk_size(disk) - at)
		return error_set(err, ERROR_TRUNCATED, disk_name(disk), header.at + 72,
				 "UEFI 5.3.2: the partition entries at 0x%" PRIx64
				 " lie beyond the image",
				 at);
	table = malloc(header.table_size);
	if (!table)
		return error_memory(err, disk_name(disk));
	if (disk_read(disk, at, table, header.table_size, err) < 0)
		return -1;
	if (crc32_update(0, bytes_of(table, header.table_size)) != header.entries_crc)
		return error_set(err, ERROR_MALFORMED, disk_name(disk), header.at + 88,
				 "UEFI 5.3.2: the CRC-32 of the partition entries does not hold");
	if (entries_parse(disk, &header, bytes_of(table, header.table_size), at, &gpt, err) < 0)
		return -1;
	*out = gpt;
	gpt = (struct gpt){ .event = BUF_INIT };
	return 1;
}

int gpt_parse(const struct disk *disk, struct gpt *out, struct error *err)
{
	static const uint32_t sector_sizes[] = { 512, 4096 };
	uint8_t mbr[512], sector[4096];

	if (disk_size(disk) < sizeof(mbr))
		return 0;
	if (disk_read(disk, 0, mbr, sizeof(mbr), err) < 0)
		return -1;
	if (!protective_mbr(mbr))
		return 0; /* firmware then looks for no GPT */
	for (size_t i = 0; i < ARRAY_SIZE(sector_sizes); i++) {
		uint32_t size = sector_sizes[i];

		if (disk_size(disk) < 2 * (uint64_t)size)
			break;
		if (disk_read(disk, size, sector, size, err) < 0)
			return -1;
		if (memcmp(sector, "EFI PART", 8) == 0)
			return table_parse(disk, sector, size, out, err);
	}
	return error_set(err, ERROR_MALFORMED, disk_name(disk), 512,
			 "UEFI 5.3.2: a protective MBR, but no GPT header at LBA 1");
}

void gpt_clear(struct gpt *gpt)
{
	for (size_t i = 0; i < gpt->n_partitions; i++)
		free(gpt->partitions[i].name);
	free(gpt->partitions);
	buf_clear(&gpt->event);
	*gpt = (struct gpt){ .event = BUF_INIT };
}
