/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk_view: what core/disk sees of an image, to be held against what other programs see.
 *
 *   disk_view gpt IMAGE               the bytes of its GPT event in hex, then a line for each partition
 *   disk_view list IMAGE WHERE        every file, directories first visited where they are listed:
 *                                     type, size, SHA-256, path; before them kind, UUID, label
 *   disk_view cat IMAGE WHERE PATH    a file
 *   disk_view damage IMAGE WHERE N    N times: some bytes of the image changed or its end cut off, then
 *                                     all of the above; fails only if that crashes or runs on
 *
 * WHERE: partition=N, disk, el-torito, or directory (then IMAGE is one).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "core/file.h"
#include "core/text.h"
#include "core/disk/disk.h"

#define DEPTH_MAX 12

struct view {
	struct disk *disk;
	struct volume *volume;
	struct hasher *hasher;
	FILE *out; /* NULL: nothing is printed */
	size_t n_files;
};

static int complain(const struct error *err)
{
	char text[1024];

	error_format(err, text, sizeof(text));
	fprintf(stderr, "disk_view: %s\n", text);
	return EXIT_INPUT;
}

static int open_volume(struct view *view, const char *image, const char *where, struct error *err)
{
	int found = 1;

	if (strcmp(where, "directory") == 0)
		return volume_of_directory(image, &view->volume, err);
	if (strncmp(where, "partition=", 10) == 0)
		return volume_of_partition(view->disk, strtoul(where + 10, NULL, 10) - 1,
					   &view->volume, err);
	if (strcmp(where, "el-torito") == 0)
		found = volume_of_el_torito(view->disk, &view->volume, err);
	else
		found = volume_of_disk(view->disk, &view->volume, err);
	if (found == 0)
		error_set(err, ERROR_INPUT, image, ERROR_NO_OFFSET, "no El Torito image");
	return strcmp(where, "el-torito") == 0 && found != 1 ? -1 : found;
}

static int hash_block(void *ctx, struct bytes block, struct error *err)
{
	return hasher_update(ctx, block, err);
}

struct listing {
	struct view *view;
	const char *dir;
	unsigned depth;
};

static int list_dir(struct view *view, const char *dir, unsigned depth, struct error *err);

static int list_file(struct view *view, const char *path, char hex[65], struct error *err)
{
	struct digest digests[ALG_COUNT];

	if (hasher_begin(view->hasher, 1u << ALG_SHA256, err) < 0)
		return -1;
	if (volume_stream(view->volume, path, hash_block, view->hasher, err) != 1) {
		hasher_finish(view->hasher, digests, NULL);
		return -1;
	}
	if (hasher_finish(view->hasher, digests, err) < 0)
		return -1;
	hex_write(hex, bytes_of(digests[ALG_SHA256].value, 32));
	return 0;
}

static int list_entry(void *ctx, const struct volume_entry *entry, struct error *err)
{
	static const char types[] = "fdlo";
	const struct listing *listing = ctx;
	struct view *view = listing->view;
	struct volume_entry again;
	char path[VOLUME_PATH_MAX], hex[65] = "-";
	int status = 0;

	snprintf(path, sizeof(path), "%s/%.*s", listing->dir, (int)entry->name.size,
		 (const char *)entry->name.data);
	if (++view->n_files > 20000)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "more files than this tool lists");
	if (entry->type == VOLUME_ENTRY_FILE)
		status = list_file(view, path, hex, err);
	else if (entry->type == VOLUME_ENTRY_SYMLINK && view->out)
		status = volume_stat(view->volume, path, &again, err) < 0 ? -1 : 0;
	if (status < 0 && view->out)
		return -1;
	if (view->out) {
		fprintf(view->out, "%c %" PRIu64 " %s ", types[entry->type],
			entry->type == VOLUME_ENTRY_FILE ? entry->size : 0, hex);
		text_write(view->out, bytes_of_string(path));
		fputc('\n', view->out);
	}
	if (entry->type != VOLUME_ENTRY_DIRECTORY || listing->depth == DEPTH_MAX)
		return 0;
	status = list_dir(view, path, listing->depth + 1, err);
	return status < 0 && view->out ? -1 : 0; /* damaged: look at all the rest, too */
}

static int list_dir(struct view *view, const char *dir, unsigned depth, struct error *err)
{
	struct listing listing = { view, dir, depth };

	return volume_list(view->volume, dir, list_entry, &listing, err) == 1 ? 0 : -1;
}

static int view_list(struct view *view, struct error *err)
{
	static const char *const kinds[] = { "fat", "ext", "iso9660", "directory" };
	const struct volume_info *info = volume_info(view->volume);

	if (view->out)
		fprintf(view->out, "%s uuid=%s label=%s\n", kinds[info->kind], info->uuid,
			info->label);
	return list_dir(view, "", 0, err);
}

static int view_gpt(struct view *view, struct error *err)
{
	AUTO(buf_clear) struct buf event = BUF_INIT, hex = BUF_INIT;
	const struct partition *partitions;
	size_t n;

	if (disk_gpt_event(view->disk, &event, err) < 0)
		return -1;
	buf_append_hex(&hex, buf_bytes(&event));
	if (buf_finish(&hex, err) < 0)
		return -1;
	printf("%s\n", (const char *)hex.data);
	partitions = disk_partitions(view->disk, &n);
	for (size_t i = 0; i < n; i++)
		printf("%zu %" PRIu64 " %" PRIu64 " %s\n", partitions[i].number,
		       partitions[i].first_lba, partitions[i].last_lba, partitions[i].name);
	return 0;
}

/* --- damage ------------------------------------------------------------------------------ */

/* xorshift64: the same damage in each run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Bytes that matter: not one of a long run of zeros. */
static size_t pick(const uint8_t *image, size_t size, uint64_t *state)
{
	size_t at = 0;

	for (unsigned i = 0; i < 64; i++) {
		at = next_random(state) % size;
		for (size_t j = at & ~(size_t)63; j < (at | 63) && j < size; j++)
			if (image[j])
				return at;
	}
	return at;
}

static int damage(const char *image, const char *where, unsigned long rounds, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;
	AUTO(own_free) uint8_t *copy = NULL;
	uint64_t state = 0x9e3779b97f4a7c15;
	size_t opened = 0;

	if (file_open(image, &file, err) < 0)
		return -1;
	for (unsigned long i = 0; i < rounds; i++) {
		struct bytes whole = file_bytes(file);
		struct view view = { 0 };
		struct error ignored;
		size_t size = i % 8 == 7 ? next_random(&state) % whole.size : whole.size;

		free(copy);
		copy = malloc(size + 1);
		if (!copy || hasher_new(&view.hasher, err) < 0)
			return error_memory(err, image);
		memcpy(copy, whole.data, size);
		for (unsigned j = 0; size > 0 && j < 1 + i % 6; j++)
			copy[pick(copy, size, &state)] ^=
				(uint8_t)(1u << next_random(&state) % 8 |
					  (i % 3 == 0 ? next_random(&state) & 255 : 0));
		if (disk_open_bytes(bytes_of(copy, size), "damaged", &view.disk, &ignored) == 0 &&
		    open_volume(&view, image, where, &ignored) >= 0) {
			opened++;
			view_list(&view, &ignored);
		}
		volume_free(view.volume);
		disk_free(view.disk);
		hasher_free(view.hasher);
	}
	printf("%zu of %lu could be opened\n", opened, rounds);
	return 0;
}

static int write_block(void *ctx, struct bytes block, struct error *err)
{
	(void)ctx;
	return fwrite(block.data, 1, block.size, stdout) == block.size
		       ? 0
		       : error_set(err, ERROR_SYSTEM, "<stdout>", ERROR_NO_OFFSET, "cannot write");
}

static int view_all(struct view *view, int argc, char **argv, struct error *err)
{
	const char *what = argv[1], *image = argv[2], *where = argc > 3 ? argv[3] : "";
	int found;

	if (hasher_new(&view->hasher, err) < 0)
		return -1;
	if (strcmp(what, "damage") == 0)
		return damage(image, where, argc > 4 ? strtoul(argv[4], NULL, 10) : 100, err);
	if (strcmp(where, "directory") != 0 && disk_open(image, &view->disk, err) < 0)
		return -1;
	if (strcmp(what, "gpt") == 0)
		return view_gpt(view, err);
	if (open_volume(view, image, where, err) < 0)
		return -1;
	view->out = stdout;
	if (strcmp(what, "list") == 0)
		return view_list(view, err);
	found = volume_stream(view->volume, argc > 4 ? argv[4] : "", write_block, NULL, err);
	if (found == 0)
		error_set(err, ERROR_INPUT, image, ERROR_NO_OFFSET, "no such file");
	return found == 1 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct view view = { 0 };
	struct error err;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: disk_view gpt|list|cat|damage IMAGE [WHERE] [PATH|N]\n");
		return EXIT_USAGE;
	}
	status = view_all(&view, argc, argv, &err);
	volume_free(view.volume);
	disk_free(view.disk);
	hasher_free(view.hasher);
	return status < 0 ? complain(&err) : EXIT_DONE;
}
