/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/disk/internal.h"

#define STREAM_BLOCK (256u << 10)

/* Of a file (fd), a container, memory or a qcow2 in another disk: one of the four. */
struct disk {
	char *name;
	int fd; /* -1 for none */
	struct image_container *container;
	struct bytes memory;
	struct disk *file; /* owned: the bytes of ... */
	struct qcow *qcow; /* ... owned */
	uint64_t size;
	uint64_t stored; /* bytes that the image takes where it is */
	uint64_t *
		left; /* owned, so that a disk that is only read may count: bytes that may still be read */
	bool has_gpt;
	struct gpt gpt;
};

int disk_spend(const struct disk *disk, uint64_t size, uint64_t offset, struct error *err)
{
	if (size > *disk->left) {
		*disk->left = 0;
		return error_set(err, ERROR_LIMIT, disk->name, offset,
				 "more is to be read of the image than is allowed");
	}
	*disk->left -= size;
	return 0;
}

int disk_read(const struct disk *disk, uint64_t offset, void *out, size_t size, struct error *err)
{
	uint8_t *at = out;

	if (offset > disk->size || size > disk->size - offset)
		return error_set(err, ERROR_TRUNCATED, disk->name, offset,
				 "the image ends at 0x%" PRIx64 ", %zu bytes wanted here",
				 disk->size, size);
	if (disk_spend(disk, size, offset, err) < 0)
		return -1;
	if (disk->memory.data) {
		memcpy(out, disk->memory.data + offset, size);
		return 0;
	}
	if (disk->qcow)
		return qcow_read(disk->qcow, offset, out, size, err);
	if (disk->container)
		return image_container_read(disk->container, disk->name, offset, out, size, err);
	while (size > 0) {
		ssize_t got = pread(disk->fd, at, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(err, ERROR_INPUT, disk->name, errno, "cannot read");
		if (got == 0)
			return error_set(err, ERROR_INPUT, disk->name, offset,
					 "the image shrank while it was read");
		at += got;
		offset += (uint64_t)got;
		size -= (size_t)got;
	}
	return 0;
}

static int disk_new(const char *name, struct disk **out, struct error *err)
{
	AUTO(disk_freep) struct disk *disk = calloc(1, sizeof(*disk));

	if (!disk)
		return error_memory(err, name);
	disk->fd = -1;
	disk->gpt.sector_size = 512;
	disk->name = strdup(name);
	disk->left = malloc(sizeof(*disk->left));
	if (!disk->name || !disk->left)
		return error_memory(err, name);
	*disk->left = UINT64_MAX;
	*out = TAKE(disk);
	return 0;
}

/* If the bytes are a qcow2, they become those of a disk below this one. */
static int open_qcow(struct disk *disk, struct error *err)
{
	static const char magic[4] = "QFI\xfb";
	uint8_t start[sizeof(magic)];

	if (disk->container || disk->size < sizeof(start))
		return 0;
	if (disk_read(disk, 0, start, sizeof(start), err) < 0)
		return -1;
	if (memcmp(start, magic, sizeof(magic)) != 0)
		return 0;
	if (disk_new(disk->name, &disk->file, err) < 0)
		return -1;
	disk->file->fd = disk->fd;
	disk->fd = -1;
	disk->file->memory = disk->memory;
	disk->memory = (struct bytes){ 0 };
	disk->file->size = disk->size;
	return qcow_open(disk->file, &disk->qcow, &disk->size, err);
}

static int disk_finish(struct disk *disk, struct error *err)
{
	int found;

	if (open_qcow(disk, err) < 0)
		return -1;
	found = gpt_parse(disk, &disk->gpt, err);

	disk->has_gpt = found == 1;
	return found < 0 ? -1 : 0;
}

/* A container by the bytes at its start or end, else raw. */
static int open_contents(struct disk *disk, struct error *err)
{
	uint8_t start[512], end[512];
	size_t size = disk->size < sizeof(start) ? (size_t)disk->size : sizeof(start);

	if (disk_read(disk, 0, start, size, err) < 0 ||
	    disk_read(disk, disk->size - size, end, size, err) < 0)
		return -1;
	return image_container_open(disk->name, bytes_of(start, size), bytes_of(end, size),
				    &disk->container, &disk->size, err) < 0
		       ? -1
		       : 0;
}

int disk_open(const char *path, struct disk **out, struct error *err)
{
	AUTO(disk_freep) struct disk *disk = NULL;
	struct stat st;
	off_t end;

	if (disk_new(path, &disk, err) < 0)
		return -1;
	disk->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (disk->fd < 0 || fstat(disk->fd, &st) < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot open");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET,
				 "neither a regular file nor a block device");
	end = lseek(disk->fd, 0, SEEK_END); /* of devices, too */
	if (end < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot find its end");
	disk->size = (uint64_t)end;
	disk->stored = S_ISREG(st.st_mode) ? (uint64_t)st.st_blocks * 512 : disk->size;
	if (open_contents(disk, err) < 0 || disk_finish(disk, err) < 0)
		return -1;
	*out = TAKE(disk);
	return 0;
}

int disk_open_bytes(struct bytes image, const char *name, struct disk **out, struct error *err)
{
	AUTO(disk_freep) struct disk *disk = NULL;

	if (disk_new(name, &disk, err) < 0)
		return -1;
	disk->memory = image.data ? image : bytes_of("", 0);
	disk->size = disk->stored = image.size;
	if (disk_finish(disk, err) < 0)
		return -1;
	*out = TAKE(disk);
	return 0;
}

void disk_free(struct disk *disk)
{
	if (!disk)
		return;
	if (disk->fd >= 0)
		close(disk->fd);
	image_container_free(disk->container);
	qcow_free(disk->qcow);
	disk_free(disk->file);
	gpt_clear(&disk->gpt);
	free(disk->left);
	free(disk->name);
	free(disk);
}

void disk_freep(struct disk **disk)
{
	disk_free(*disk);
}

void disk_limit(struct disk *disk, uint64_t max)
{
	*disk->left = max;
	if (disk->file)
		disk_limit(disk->file, max);
}

bool disk_is_exhausted(const struct disk *disk)
{
	return *disk->left == 0 || (disk->file && disk_is_exhausted(disk->file));
}

uint64_t disk_stored(const struct disk *disk)
{
	return disk->stored;
}

const char *disk_name(const struct disk *disk)
{
	return disk->name;
}

uint64_t disk_size(const struct disk *disk)
{
	return disk->size;
}

uint32_t disk_sector_size(const struct disk *disk)
{
	return disk->gpt.sector_size;
}

bool disk_has_gpt(const struct disk *disk)
{
	return disk->has_gpt;
}

const struct partition *disk_partitions(const struct disk *disk, size_t *n)
{
	*n = disk->gpt.n_partitions;
	return disk->gpt.partitions;
}

int disk_gpt_event(const struct disk *disk, struct buf *out, struct error *err)
{
	if (!disk->has_gpt)
		return error_set(err, ERROR_UNSUPPORTED, disk->name, ERROR_NO_OFFSET,
				 "no GPT: firmware measures no partition table of this disk");
	buf_append(out, buf_bytes(&disk->gpt.event));
	return buf_finish(out, err);
}

/* --- regions ----------------------------------------------------------------------------- */

int region_error(const struct region *region, enum error_code code, uint64_t offset,
		 struct error *err, const char *format, ...)
{
	char message[256];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return error_set(err, code, region->name,
			 offset == ERROR_NO_OFFSET ? offset : region->start + offset, "%s",
			 message);
}

int region_read(const struct region *region, uint64_t offset, void *out, size_t size,
		struct error *err)
{
	if (offset > region->size || size > region->size - offset)
		return region_error(region, ERROR_TRUNCATED, offset, err,
				    "outside of the file system, which has 0x%" PRIx64
				    " bytes: %zu bytes wanted here",
				    region->size, size);
	return disk_read(region->disk, region->start + offset, out, size, err);
}

int region_stream(const struct region *region, uint64_t offset, uint64_t size, block_fn *block,
		  void *ctx, struct error *err)
{
	AUTO(own_free)
	uint8_t *buffer = malloc(size < STREAM_BLOCK ? (size_t)size + 1 : STREAM_BLOCK);

	if (!buffer)
		return error_memory(err, region->name);
	while (size > 0) {
		size_t n = size < STREAM_BLOCK ? (size_t)size : STREAM_BLOCK;

		if (region_read(region, offset, buffer, n, err) < 0 ||
		    block(ctx, bytes_of(buffer, n), err) < 0)
			return -1;
		offset += n;
		size -= n;
	}
	return 0;
}

int stream_zeros(uint64_t size, block_fn *block, void *ctx, struct error *err)
{
	static const uint8_t zeros[16384];

	while (size > 0) {
		size_t n = size < sizeof(zeros) ? (size_t)size : sizeof(zeros);

		if (block(ctx, bytes_of(zeros, n), err) < 0)
			return -1;
		size -= n;
	}
	return 0;
}
