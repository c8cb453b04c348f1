/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ISO 9660 (ECMA-119) with Rock Ridge names and links (IEEE P1282), and where El Torito has an image
 * for UEFI. Without Rock Ridge names are the plain ones, found in any case, as GRUB does.
 */
#include <inttypes.h>
#include <stdio.h>

#include "core/reader.h"
#include "core/disk/internal.h"

#define SECTOR            2048
#define FIRST_DESCRIPTOR  16
#define DESCRIPTORS_MAX   64 /* volume descriptors looked through; usual are 2 to 4 */
#define CONTINUATIONS_MAX 16 /* of one record's system use area */
#define RECORD_MIN        34

enum { FLAG_DIRECTORY = 0x02, FLAG_MULTI_EXTENT = 0x80 };

struct iso {
	bool rock_ridge;
	uint8_t skip; /* bytes before each system use area */
};

/* A directory record with what Rock Ridge adds. */
struct record {
	uint64_t extent, size;
	uint8_t flags;
	uint32_t mode; /* 0: not said */
	struct buf name, link;
	bool link_open; /* the last component goes on */
};

static void record_clear(struct record *record)
{
	buf_clear(&record->name);
	buf_clear(&record->link);
}

/* --- system use areas -------------------------------------------------------------------- */

static void link_component(struct record *record, uint8_t flags, struct bytes text)
{
	if (flags & 8) { /* the root */
		record->link.size = 0;
		buf_append_string(&record->link, "/");
		record->link_open = true;
		return;
	}
	if (!record->link_open && record->link.size > 0)
		buf_append_string(&record->link, "/");
	buf_append(&record->link, flags & 2   ? bytes_of_string(".")
				  : flags & 4 ? bytes_of_string("..")
					      : text);
	record->link_open = flags & 1;
}

static void link_parse(struct record *record, struct reader *in)
{
	reader_skip(in, 1);
	while (reader_left(in) >= 2) {
		uint8_t flags = reader_u8(in);
		struct bytes text = reader_bytes(in, reader_u8(in));

		if (!in->ran_out && record->link.size + text.size < VOLUME_PATH_MAX)
			link_component(record, flags, text);
	}
}

struct continuation {
	uint64_t at;
	uint32_t size; /* 0: none */
};

/* One area; entries Assay has no use for are passed over, as SUSP demands. */
static void area_parse(struct iso *iso, struct record *record, struct reader *in,
		       struct continuation *next)
{
	while (reader_left(in) >= 4) {
		struct bytes name = reader_bytes(in, 2);
		size_t size = reader_u8(in);
		struct reader entry;

		reader_skip(in, 1);
		if (size < 4)
			return; /* padding */
		entry = reader_part(in, size - 4);
		if (in->ran_out)
			return;
		if (bytes_equal_string(name, "SP") && size >= 7) {
			reader_skip(&entry, 2);
			iso->skip = reader_u8(&entry);
			iso->rock_ridge = true;
		} else if (bytes_equal_string(name, "NM") && size > 5) {
			reader_skip(&entry, 1);
			if (record->name.size < 256)
				buf_append(&record->name,
					   reader_bytes(&entry, reader_left(&entry)));
		} else if (bytes_equal_string(name, "PX")) {
			record->mode = reader_le32(&entry);
		} else if (bytes_equal_string(name, "SL")) {
			link_parse(record, &entry);
		} else if (bytes_equal_string(name, "CE")) {
			next->at = (uint64_t)reader_le32(&entry) * SECTOR;
			reader_skip(&entry, 4);
			next->at += reader_le32(&entry);
			reader_skip(&entry, 4);
			next->size = entry.ran_out ? 0 : reader_le32(&entry);
		} else if (bytes_equal_string(name, "ST")) {
			return;
		}
	}
}

static int areas_parse(struct volume *volume, struct record *record, struct reader *in,
		       struct error *err)
{
	struct continuation next = { 0 };
	uint8_t area[SECTOR];

	area_parse(volume->fs, record, in, &next);
	for (unsigned i = 0; next.size > 0; i++) {
		struct continuation here = next;
		struct reader more;

		next.size = 0;
		if (i == CONTINUATIONS_MAX || here.size > SECTOR)
			return region_error(&volume->region, ERROR_LIMIT, here.at, err,
					    "SUSP 5.1: more than %d continuations, or one of more "
					    "than %d bytes",
					    CONTINUATIONS_MAX, SECTOR);
		if (region_read(&volume->region, here.at, area, here.size, err) < 0)
			return -1;
		more = reader_of(bytes_of(area, here.size), here.at, volume->name);
		area_parse(volume->fs, record, &more, &next);
	}
	return 0;
}

/* --- records ----------------------------------------------------------------------------- */

/* The plain name without its version and an empty extension. */
static struct bytes plain_name(struct bytes name)
{
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] == ';')
			name.size = i;
	if (name.size > 0 && name.data[name.size - 1] == '.')
		name.size--;
	return name;
}

/* raw is one record, as long as it says. *own: "." or "..". */
static int record_parse(struct volume *volume, struct bytes raw, uint64_t at, struct record *out,
			bool *own, struct error *err)
{
	struct reader in = reader_of(raw, at, volume->name), area;
	struct iso *iso = volume->fs;
	struct bytes name;

	reader_skip(&in, 2);
	out->extent = reader_le32(&in);
	reader_skip(&in, 4);
	out->size = reader_le32(&in);
	reader_skip(&in, 11);
	out->flags = reader_u8(&in);
	reader_skip(&in, 6);
	name = reader_bytes(&in, reader_u8(&in));
	if (name.size % 2 == 0)
		reader_skip(&in, 1);
	if (reader_check(&in, err) < 0)
		return -1;
	*own = name.size == 1 && name.data[0] <= 1;
	if (reader_left(&in) > iso->skip) {
		reader_skip(&in, iso->skip);
		area = reader_part(&in, reader_left(&in));
		if (areas_parse(volume, out, &area, err) < 0)
			return -1;
	}
	if (!iso->rock_ridge || out->name.size == 0) {
		out->name.size = 0;
		buf_append(&out->name, plain_name(name));
	}
	if (out->name.failed || out->link.failed)
		return error_memory(err, volume->name);
	return 0;
}

static struct node record_node(const struct record *record, uint64_t at)
{
	struct node node = { at, VOLUME_ENTRY_FILE, record->size };

	if (record->flags & FLAG_DIRECTORY)
		node.type = VOLUME_ENTRY_DIRECTORY;
	else if ((record->mode & 0xf000) == 0xa000)
		node.type = VOLUME_ENTRY_SYMLINK;
	else if (record->mode && (record->mode & 0xf000) != 0x8000)
		node.type = VOLUME_ENTRY_OTHER;
	return node;
}

static int record_read(struct volume *volume, uint64_t at, struct record *out, struct error *err)
{
	uint8_t raw[255], size;
	bool own;

	if (region_read(&volume->region, at, &size, 1, err) < 0)
		return -1;
	if (size < RECORD_MIN)
		return region_error(&volume->region, ERROR_MALFORMED, at, err,
				    "ECMA-119 9.1: a directory record of %u bytes", size);
	if (region_read(&volume->region, at, raw, size, err) < 0)
		return -1;
	return record_parse(volume, bytes_of(raw, size), at, out, &own, err);
}

static int sector_list(struct volume *volume, uint64_t at, found_fn *found, void *ctx,
		       struct error *err)
{
	uint8_t sector[SECTOR];
	size_t pos = 0;

	if (region_read(&volume->region, at, sector, SECTOR, err) < 0)
		return -1;
	while (pos < SECTOR && sector[pos] != 0) { /* records do not cross sectors */
		AUTO(record_clear) struct record record = { 0 };
		size_t size = sector[pos];
		bool own = false;

		if (size < RECORD_MIN || size > SECTOR - pos)
			return region_error(&volume->region, ERROR_MALFORMED, at + pos, err,
					    "ECMA-119 9.1: a directory record of %zu bytes", size);
		if (record_parse(volume, bytes_of(sector + pos, size), at + pos, &record, &own,
				 err) < 0)
			return -1;
		if (!own) {
			struct found one = { .name = buf_bytes(&record.name),
					     .node = record_node(&record, at + pos) };
			int status = found(ctx, &one, err);

			if (status != 0)
				return status;
		}
		pos += size;
	}
	return 0;
}

static int iso_list(struct volume *volume, const struct node *node, found_fn *found, void *ctx,
		    struct error *err)
{
	AUTO(record_clear) struct record dir = { 0 };
	uint64_t size;

	if (record_read(volume, node->id, &dir, err) < 0)
		return -1;
	size = dir.size;
	if (size > (uint64_t)VOLUME_DIRECTORY_MAX * 256)
		return region_error(&volume->region, ERROR_LIMIT, node->id, err,
				    "ECMA-119: a directory of %" PRIu64 " bytes", size);
	for (uint64_t at = 0; at < size; at += SECTOR) {
		int status = sector_list(volume, dir.extent * SECTOR + at, found, ctx, err);

		if (status != 0)
			return status;
	}
	return 0;
}

static int iso_link(struct volume *volume, const struct node *node, struct buf *target,
		    struct error *err)
{
	AUTO(record_clear) struct record record = { 0 };

	if (record_read(volume, node->id, &record, err) < 0)
		return -1;
	if (record.link.size == 0 || memchr(record.link.data, 0, record.link.size))
		return region_error(
			&volume->region, ERROR_MALFORMED, node->id, err,
			"Rock Ridge 4.1.3: a symbolic link without a target, or a NUL in it");
	buf_append(target, buf_bytes(&record.link));
	return 0;
}

static int iso_stream(struct volume *volume, const struct node *node, block_fn *block, void *ctx,
		      struct error *err)
{
	AUTO(record_clear) struct record record = { 0 };

	if (record_read(volume, node->id, &record, err) < 0)
		return -1;
	if (record.flags & FLAG_MULTI_EXTENT)
		return region_error(&volume->region, ERROR_UNSUPPORTED, node->id + 25, err,
				    "ECMA-119 9.1.6: a file of several extents");
	return region_stream(&volume->region, record.extent * SECTOR,
			     record.size < node->size ? record.size : node->size, block, ctx, err);
}

/* --- opening ----------------------------------------------------------------------------- */

static void iso_free(struct volume *volume)
{
	free(volume->fs);
}

static const struct volume_ops iso_ops = {
	.list = iso_list,
	.link = iso_link,
	.stream = iso_stream,
	.free = iso_free,
};

/* The first descriptor of a type: 1, 0 for none. */
static int descriptor_find(const struct region *region, uint8_t type, uint8_t sector[SECTOR],
			   struct error *err)
{
	for (uint64_t i = FIRST_DESCRIPTOR; i < FIRST_DESCRIPTOR + DESCRIPTORS_MAX; i++) {
		if ((i + 1) * SECTOR > region->size)
			return 0;
		if (region_read(region, i * SECTOR, sector, SECTOR, err) < 0)
			return -1;
		if (memcmp(sector + 1, "CD001", 5) != 0 || sector[0] == 255)
			return 0;
		if (sector[0] == type)
			return 1;
	}
	return 0;
}

/* YYYY-MM-DD-hh-mm-ss-cc of the modification, else of the creation. */
static void read_uuid(const uint8_t *primary, char uuid[40])
{
	const uint8_t *when = primary + 830;
	bool digits = true;

	if (bytes_all(bytes_of(when, 16), '0'))
		when = primary + 813;
	for (size_t i = 0; i < 16; i++)
		digits = digits && when[i] >= '0' && when[i] <= '9';
	if (digits)
		snprintf(uuid, 40, "%.4s-%.2s-%.2s-%.2s-%.2s-%.2s-%.2s", (const char *)when,
			 (const char *)when + 4, (const char *)when + 6, (const char *)when + 8,
			 (const char *)when + 10, (const char *)when + 12, (const char *)when + 14);
}

/* Whether records have a system use area: the root's own record says so. */
static int detect_rock_ridge(struct volume *volume, struct error *err)
{
	AUTO(record_clear) struct record root = { 0 }, own = { 0 };

	if (record_read(volume, volume->root.id, &root, err) < 0)
		return -1;
	if (root.size == 0)
		return 0;
	return record_read(volume, root.extent * SECTOR, &own, err);
}

int iso_open(struct volume *volume, struct error *err)
{
	uint8_t primary[SECTOR];
	struct iso *iso;
	size_t size = 32;
	int found = descriptor_find(&volume->region, 1, primary, err);

	if (found <= 0)
		return found;
	volume->fs = iso = calloc(1, sizeof(*iso));
	if (!iso)
		return error_memory(err, volume->name);
	volume->ops = &iso_ops;
	volume->info.kind = VOLUME_ISO9660;
	volume->root = (struct node){ FIRST_DESCRIPTOR * SECTOR + 156, VOLUME_ENTRY_DIRECTORY, 0 };
	if ((primary[128] | primary[129] << 8) != SECTOR)
		return region_error(&volume->region, ERROR_UNSUPPORTED,
				    FIRST_DESCRIPTOR * SECTOR + 128, err,
				    "ECMA-119 8.4.12: logical blocks that are not of 2048 bytes");
	if (detect_rock_ridge(volume, err) < 0)
		return -1;
	volume->info.case_insensitive = !iso->rock_ridge;
	read_uuid(primary, volume->info.uuid);
	while (size > 0 && primary[40 + size - 1] == ' ')
		size--;
	snprintf(volume->info.label, sizeof(volume->info.label), "%.*s", (int)size,
		 (const char *)primary + 40);
	return 1;
}

/* --- El Torito --------------------------------------------------------------------------- */

/* Firmware gives an image of less than two sectors the rest of the CD (EDK II, PartitionDxe). */
static void boot_entry(struct bytes entry, uint32_t volume_sectors, uint64_t *start, uint64_t *size)
{
	struct reader in = reader_of(entry, 0, NULL);
	uint64_t lba, count;

	reader_skip(&in, 6);
	count = reader_le16(&in);
	lba = reader_le32(&in);
	*start = lba * SECTOR;
	*size = count >= 2             ? count * 512
		: volume_sectors > lba ? (volume_sectors - lba) * SECTOR
				       : 0;
}

int el_torito_find(const struct disk *disk, uint64_t *start, uint64_t *size, struct error *err)
{
	struct region region = { disk, 0, disk_size(disk), disk_name(disk) };
	uint8_t sector[SECTOR], catalog[SECTOR];
	struct reader in;
	uint32_t volume_sectors;
	uint64_t at;
	bool uefi;
	int found = descriptor_find(&region, 1, sector, err);

	if (found <= 0)
		return found;
	in = reader_of(bytes_of(sector + 80, 4), 0, NULL);
	volume_sectors = reader_le32(&in);
	found = descriptor_find(&region, 0, sector, err);
	if (found <= 0 || memcmp(sector + 7, "EL TORITO SPECIFICATION", 23) != 0)
		return found < 0 ? -1 : 0;
	in = reader_of(bytes_of(sector + 0x47, 4), 0, NULL);
	at = (uint64_t)reader_le32(&in) * SECTOR;
	if (region_read(&region, at, catalog, sizeof(catalog), err) < 0)
		return -1;
	if (catalog[0] != 1 || catalog[30] != 0x55 || catalog[31] != 0xaa)
		return region_error(&region, ERROR_MALFORMED, at, err,
				    "El Torito 2.1: no validation entry");
	uefi = catalog[1] == 0xef;
	for (size_t i = 32; i < SECTOR; i += 32) {
		uint8_t kind = catalog[i];

		if (kind == 0x90 || kind == 0x91) {
			uefi = catalog[i + 1] == 0xef;
		} else if (kind == 0x88 && uefi) {
			boot_entry(bytes_of(catalog + i, 32), volume_sectors, start, size);
			if (*start > region.size || *size > region.size - *start)
				return region_error(&region, ERROR_TRUNCATED, at + i, err,
						    "El Torito 2.2: an image of 0x%" PRIx64
						    " bytes at 0x%" PRIx64 ", beyond the end",
						    *size, *start);
			return 1;
		}
	}
	return 0;
}
