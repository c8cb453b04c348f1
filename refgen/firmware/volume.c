/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/firmware/internal.h"

#include <inttypes.h>

#define FV_HEADER_SIZE_MIN 56 /* up to the block map (PI volume 3, 3.2.1) */
#define FV_ERASE_POLARITY  0x800
#define FFS_HEADER_SIZE    24
#define FFS_LARGE_SIZE     32
#define FFS_ATTRIB_LARGE   0x01
#define FFS_DATA_VALID     0x04
#define FFS_DELETED        0x10
#define FFS_HEADER_BAD     0x20

/* EFI_FIRMWARE_FILE_SYSTEM2_GUID and 3. */
static const struct guid file_systems[] = {
	GUID(0x8c8ce578, 0x8a3d, 0x4f1c, 0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3),
	GUID(0x5473c07a, 0x3dcb, 0x4dca, 0xbd, 0x6f, 0x1e, 0x96, 0x89, 0xe7, 0x34, 0x9a),
};

bool ffs_detect(struct bytes at)
{
	return at.size >= FV_HEADER_SIZE_MIN && memcmp(at.data + 40, "_FVH", 4) == 0;
}

static bool sums_to_zero16(struct bytes header)
{
	uint16_t sum = 0;

	for (size_t i = 0; i + 1 < header.size; i += 2)
		sum = (uint16_t)(sum + (header.data[i] | header.data[i + 1] << 8));
	return sum == 0;
}

/* Where the files begin: after the header, or after the extended header, which names the volume. */
static int read_extended(struct ffs_volume *volume, size_t header_size, size_t ext_at,
			 struct error *err)
{
	struct reader in = reader_of(volume->bytes, volume->offset, volume->source);
	struct bytes name;
	uint32_t ext_size;

	volume->files_at = header_size;
	if (ext_at != 0) {
		reader_skip(&in, ext_at);
		name = reader_bytes(&in, sizeof(volume->name.bytes));
		ext_size = reader_le32(&in);
		if (reader_check(&in, err) < 0)
			return -1;
		if (ext_at < header_size || ext_size < 20 || ext_size > volume->bytes.size - ext_at)
			return error_set(err, ERROR_MALFORMED, volume->source,
					 volume->offset + ext_at,
					 "PI 3.2.1: extended header of %" PRIu32
					 " bytes in a volume of %zu",
					 ext_size, volume->bytes.size);
		memcpy(volume->name.bytes, name.data, name.size);
		volume->has_name = true;
		volume->files_at = ext_at + ext_size;
	}
	volume->files_at = (volume->files_at + 7) & ~(size_t)7;
	return 0;
}

int ffs_open(struct bytes bytes, uint64_t offset, const char *source, struct ffs_volume *out,
	     struct error *err)
{
	struct reader in = reader_of(bytes, offset, source);
	struct ffs_volume volume = { .offset = offset, .source = source };
	struct bytes file_system, signature;
	uint64_t size;
	uint32_t attributes;
	uint16_t header_size, ext_at;

	reader_skip(&in, 16); /* ZeroVector */
	file_system = reader_bytes(&in, 16);
	size = reader_le64(&in);
	signature = reader_bytes(&in, 4);
	attributes = reader_le32(&in);
	header_size = reader_le16(&in);
	reader_skip(&in, 2); /* Checksum: the sum of all */
	ext_at = reader_le16(&in);
	reader_skip(&in, 2); /* Reserved, Revision */
	if (reader_check(&in, err) < 0)
		return -1;
	if (!bytes_equal_string(signature, "_FVH"))
		return error_set(err, ERROR_MALFORMED, source, offset + 40,
				 "PI 3.2.1: no firmware volume: its signature is missing");
	if (size > bytes.size)
		return error_set(err, ERROR_TRUNCATED, source, offset + 32,
				 "PI 3.2.1: a firmware volume of %" PRIu64 " bytes, %zu left", size,
				 bytes.size);
	if (header_size < FV_HEADER_SIZE_MIN || header_size > size)
		return error_set(err, ERROR_MALFORMED, source, offset + 48,
				 "PI 3.2.1: a header of %" PRIu16 " bytes in a volume of %" PRIu64,
				 header_size, size);
	volume.bytes = bytes_of(bytes.data, (size_t)size);
	if (!sums_to_zero16(bytes_of(bytes.data, header_size)))
		return error_set(err, ERROR_MALFORMED, source, offset + 50,
				 "PI 3.2.1: the checksum of the volume's header does not hold");
	volume.inverted = attributes & FV_ERASE_POLARITY;
	for (size_t i = 0; i < ARRAY_SIZE(file_systems); i++)
		if (memcmp(file_system.data, file_systems[i].bytes, 16) == 0)
			volume.has_files = true;
	if (read_extended(&volume, header_size, ext_at, err) < 0)
		return -1;
	*out = volume;
	return 0;
}

/* The header's own checksum: without the state and the checksum of the contents. */
static bool file_header_holds(const uint8_t *header, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		if (i != 17 && i != 23)
			sum = (uint8_t)(sum + header[i]);
	return sum == 0;
}

/* One file at *at, whatever it is: 1 and *state, 0 where free space begins. */
static int read_file(const struct ffs_volume *volume, size_t *at, struct ffs_file *out,
		     uint8_t *state, struct error *err)
{
	uint64_t offset = volume->offset + *at;
	struct reader in = reader_of(bytes_of(volume->bytes.data + *at, volume->bytes.size - *at),
				     offset, volume->source);
	size_t header_size = FFS_HEADER_SIZE;
	const uint8_t *header;
	uint64_t size;

	header = reader_take(&in, FFS_HEADER_SIZE);
	if (!header)
		return 0; /* too little is left for a file */
	if (bytes_all(bytes_of(header, FFS_HEADER_SIZE), volume->inverted ? 0xff : 0))
		return 0;
	size = header[20] | (uint32_t)header[21] << 8 | (uint32_t)header[22] << 16;
	if (header[19] & FFS_ATTRIB_LARGE) {
		size = reader_le64(&in);
		header_size = FFS_LARGE_SIZE;
		if (reader_check(&in, err) < 0)
			return -1;
	}
	if (!file_header_holds(header, header_size))
		return error_set(err, ERROR_MALFORMED, volume->source, offset + 16,
				 "PI 2.1.4: the checksum of a file's header does not hold");
	if (size < header_size || size > volume->bytes.size - *at)
		return error_set(err, ERROR_MALFORMED, volume->source, offset + 20,
				 "PI 2.1.4: a file of %" PRIu64 " bytes, %zu left", size,
				 volume->bytes.size - *at);
	*state = volume->inverted ? (uint8_t)~header[23] : header[23];
	memcpy(out->name.bytes, header, 16);
	out->type = header[18];
	out->at = *at + header_size;
	out->offset = volume->offset + out->at;
	out->bytes = bytes_of(header + header_size, (size_t)size - header_size);
	/* The next file is aligned to 8; the last may end with the volume. */
	*at += (size_t)size;
	*at = *at > volume->bytes.size - (volume->bytes.size & 7) ? volume->bytes.size
								  : (*at + 7) & ~(size_t)7;
	return 1;
}

int ffs_next(const struct ffs_volume *volume, size_t *at, struct ffs_file *out, struct error *err)
{
	struct ffs_file file;
	uint8_t state = 0;
	int got;

	if (!volume->has_files)
		return 0;
	while (*at < volume->bytes.size) {
		got = read_file(volume, at, &file, &state, err);
		if (got <= 0)
			return got;
		if (file.type != FFS_PAD && (state & FFS_DATA_VALID) &&
		    !(state & (FFS_DELETED | FFS_HEADER_BAD))) {
			*out = file;
			return 1;
		}
	}
	return 0;
}

int ffs_find(const struct ffs_volume *volume, const struct guid *name, struct ffs_file *out,
	     struct error *err)
{
	size_t at = volume->files_at;
	struct ffs_file file;
	int got;

	while ((got = ffs_next(volume, &at, &file, err)) > 0)
		if (guid_equal(&file.name, name)) {
			*out = file;
			return 1;
		}
	return got;
}

int section_next(struct bytes run, uint64_t offset, const char *source, size_t *at,
		 struct section *out, struct error *err)
{
	struct section section = { 0 };
	struct reader in;
	struct bytes guid;
	size_t begin = *at, data_at;
	uint32_t size;

	if (run.size - begin < 4)
		return 0; /* nothing, or padding of the last section */
	in = reader_of(bytes_of(run.data + begin, run.size - begin), offset + begin, source);
	size = reader_le32(&in);
	section.type = (uint8_t)(size >> 24);
	size &= 0xffffff;
	if (size == 0xffffff)
		size = reader_le32(&in);
	if (section.type == SECTION_GUID_DEFINED) {
		guid = reader_bytes(&in, 16);
		data_at = reader_le16(&in);
		reader_skip(&in, 2); /* Attributes */
		if (guid.data)
			memcpy(section.guid.bytes, guid.data, 16);
		if (!in.ran_out && data_at < in.pos)
			return error_set(err, ERROR_MALFORMED, source, offset + begin,
					 "PI 2.1.5: a section's data at %zu, inside its header",
					 data_at);
	} else {
		data_at = in.pos;
	}
	if (reader_check(&in, err) < 0)
		return -1;
	if (size < data_at || size > run.size - begin)
		return error_set(err, ERROR_MALFORMED, source, offset + begin,
				 "PI 2.1.5: a section of %" PRIu32 " bytes, %zu left", size,
				 run.size - begin);
	section.at = begin + data_at;
	section.offset = offset + section.at;
	section.bytes = bytes_of(run.data + section.at, size - data_at);
	*at = begin + size;
	*at = run.size - *at < 4 ? run.size : (*at + 3) & ~(size_t)3;
	*out = section;
	return 1;
}

int section_find(const struct ffs_volume *volume, const struct ffs_file *file, uint8_t type,
		 struct section *out, struct error *err)
{
	size_t at = 0;
	struct section section;
	int got;

	while ((got = section_next(file->bytes, file->offset, volume->source, &at, &section, err)) >
	       0)
		if (section.type == type) {
			*out = section;
			return 1;
		}
	return got;
}
