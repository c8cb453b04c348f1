/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk image: its GPT, and every file of every file system in it that is not large. */
#include "core/disk/disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH_MAX  4
#define VISITS_MAX 200 /* what an image may ask of one run: a loop of directories has no end */

struct visit {
	struct volume *volume;
	const char *dir;
	unsigned depth;
	unsigned *n;
};

static int visit_dir(struct volume *volume, const char *dir, unsigned depth, unsigned *n);

static int visit_block(void *ctx, struct bytes block, struct error *err)
{
	size_t *left = ctx;

	if (block.size > *left)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET, "enough");
	*left -= block.size;
	return 0;
}

static int visit_entry(void *ctx, const struct volume_entry *entry, struct error *err)
{
	const struct visit *visit = ctx;
	struct volume_entry again;
	struct error ignored;
	char path[1024];
	size_t left = 1u << 20;

	if (++*visit->n > VISITS_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET, "enough");
	snprintf(path, sizeof(path), "%s/%.*s", visit->dir, (int)entry->name.size,
		 (const char *)entry->name.data);
	volume_stat(visit->volume, path, &again, &ignored);
	if (entry->type == VOLUME_ENTRY_DIRECTORY && visit->depth < DEPTH_MAX)
		visit_dir(visit->volume, path, visit->depth + 1, visit->n);
	else
		volume_stream(visit->volume, path, visit_block, &left, &ignored);
	return 0;
}

static int visit_dir(struct volume *volume, const char *dir, unsigned depth, unsigned *n)
{
	struct visit visit = { volume, dir, depth, n };
	struct error err;

	return volume_list(volume, dir, visit_entry, &visit, &err);
}

static void visit_volume(struct volume *volume)
{
	unsigned n = 0;

	visit_dir(volume, "/", 0, &n);
	volume_free(volume);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(disk_freep) struct disk *disk = NULL;
	AUTO(buf_clear) struct buf event = BUF_INIT;
	struct volume *volume;
	struct error err;
	struct mbr mbr;
	size_t n;

	if (disk_open_bytes(bytes_of(data, size), "fuzz", &disk, &err) < 0)
		return 0;
	disk_gpt_event(disk, &event, &err);
	disk_partitions(disk, &n);
	for (size_t i = 0; i < n && i < 4; i++)
		if (volume_of_partition(disk, i, &volume, &err) == 0)
			visit_volume(volume);
	if (volume_of_disk(disk, &volume, &err) == 0)
		visit_volume(volume);
	if (disk_mbr(disk, &mbr, &err) == 1)
		for (size_t i = 0; i < mbr.n && i < 4; i++)
			if (volume_of_mbr_partition(disk, &mbr.partitions[i], &volume, &err) == 0)
				visit_volume(volume);
	if (volume_of_el_torito(disk, &volume, &err) == 1)
		visit_volume(volume);
	return 0;
}
