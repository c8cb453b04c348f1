/* SPDX-License-Identifier: BSD-2-Clause */
/* Files and images of the machine: each is read and hashed once, however many runs need it. */
#include "core/disk/disk.h"
#include "refgen/machine/internal.h"
#include "refgen/pe/pe.h"

struct machine_file {
	struct machine_file *next;
	const struct machine_volume *volume; /* NULL: bytes in memory */
	const char *path;                    /* as looked up: see same_path */
	struct buf contents;
	bool is_read, has_digests;
	struct bytes bytes; /* of contents, or the ones in memory */
	struct digest digests[ALG_BANKS];
	uint64_t size;
	struct pe *pe;
	struct machine_image *image; /* of the arena */
};

void machine_files_clear(struct machine *machine)
{
	struct machine_file *file = machine->private->files;

	while (file) {
		struct machine_file *next = file->next;

		pe_free(file->pe);
		buf_clear(&file->contents);
		free(file);
		file = next;
	}
	machine->private->files = NULL;
}

static int lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Paths are the same however many slashes begin them, on FAT also whatever the case. */
static bool same_path(const struct machine_volume *volume, const char *a, const char *b)
{
	bool fold = volume && volume_info(volume->volume)->case_insensitive;

	while (*a == '/')
		a++;
	while (*b == '/')
		b++;
	while (*a && (*a == *b || (fold && lower(*a) == lower(*b))))
		a++, b++;
	return *a == *b;
}

static struct machine_file *find_file(const struct machine *machine,
				      const struct machine_volume *volume, const char *path)
{
	struct machine_file *file = machine->private->files;

	while (file && (file->volume != volume || !same_path(volume, file->path, path)))
		file = file->next;
	return file;
}

/* A file that is not known yet, added at the end: results come in the order of first use. */
static struct machine_file *add_file(struct machine *machine, const struct machine_volume *volume,
				     const char *path, struct error *err)
{
	struct machine_file **end = &machine->private->files, *file = calloc(1, sizeof(*file));

	if (!file) {
		error_memory(err, path);
		return NULL;
	}
	file->volume = volume;
	file->path = machine_text(machine, "%s", path);
	while (*end)
		end = &(*end)->next;
	*end = file;
	return file;
}

static int read_file(struct machine *machine, const struct machine_volume *volume, const char *path,
		     struct machine_file **out, struct error *err)
{
	struct machine_file *file = find_file(machine, volume, path);
	AUTO(buf_clear) struct buf contents = BUF_INIT;
	int found;

	*out = file;
	if (!volume)
		return 0; /* an image from memory has nothing beside it */
	if (file && file->is_read)
		return 1;
	found = volume_read(volume->volume, path, MACHINE_READ_MAX, &contents, err);
	if (found <= 0)
		return found;
	if (!file && !(file = add_file(machine, volume, path, err)))
		return -1;
	file->contents = contents;
	contents = (struct buf)BUF_INIT;
	file->bytes = buf_bytes(&file->contents);
	file->size = file->bytes.size;
	file->is_read = true;
	*out = file;
	return 1;
}

int machine_read(struct machine *machine, const struct machine_volume *volume, const char *path,
		 struct bytes *out, struct error *err)
{
	struct machine_file *file;
	int found = read_file(machine, volume, path, &file, err);

	if (found > 0)
		*out = file->bytes;
	return found;
}

/* --- digests -------------------------------------------------------------------------------------- */

struct stream {
	struct hasher *hasher;
	uint64_t size;
};

static int stream_block(void *ctx, struct bytes block, struct error *err)
{
	struct stream *stream = ctx;

	stream->size += block.size;
	return hasher_update(stream->hasher, block, err);
}

static void keep_digests(const struct machine *machine, const struct digest *from,
			 struct digest to[ALG_BANKS])
{
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (machine->banks & 1u << alg)
			to[alg] = from[alg];
}

/* Hashes what was read, or reads it for that alone. 1, 0 there is no such file, -1. */
static int hash_file(struct machine *machine, const struct machine_volume *volume, const char *path,
		     struct machine_file *file, struct digest digests[ALG_COUNT], uint64_t *size,
		     struct error *err)
{
	struct stream stream = { .hasher = machine->hasher };
	int found = 1;

	if (hasher_begin(machine->hasher, machine->banks, err) < 0)
		return -1;
	if (file)
		found = stream_block(&stream, file->bytes, err) < 0 ? -1 : 1;
	else
		found = volume_stream(volume->volume, path, stream_block, &stream, err);
	if (found > 0 && hasher_finish(machine->hasher, digests, err) < 0)
		return -1;
	*size = stream.size;
	return found;
}

int machine_file_digests(struct machine *machine, const struct machine_volume *volume,
			 const char *path, struct digest out[ALG_BANKS], uint64_t *size,
			 struct error *err)
{
	struct machine_file *file = find_file(machine, volume, path);
	struct digest digests[ALG_COUNT];
	uint64_t file_size;

	if (!volume)
		return 0;
	if (!file || !file->has_digests) {
		int found = hash_file(machine, volume, path, file, digests, &file_size, err);

		if (found <= 0)
			return found;
		if (!file && !(file = add_file(machine, volume, path, err)))
			return -1;
		keep_digests(machine, digests, file->digests);
		file->size = file_size;
		file->has_digests = true;
	}
	keep_digests(machine, file->digests, out);
	*size = file->size;
	return 1;
}

/* --- images --------------------------------------------------------------------------------------- */

static int open_image(struct machine *machine, struct machine_file *file, const char *path,
		      struct error *err)
{
	struct digest digests[ALG_COUNT];
	struct machine_image *image;
	const char *name = path;

	if (file->image)
		return 0;
	if (file->volume)
		name = machine_text(machine, "%s%s of %s", *path == '/' ? "" : "/", path,
				    file->volume->name);
	image = machine_take(machine, sizeof(*image), err);
	if (!image || pe_open(file->bytes, name, &file->pe, err) < 0)
		return -1;
	if (pe_authenticode(file->pe, machine->hasher, machine->banks, digests, err) < 0)
		return -1;
	keep_digests(machine, digests, image->authenticode);
	for (enum alg alg = 0; !file->has_digests && alg < ALG_BANKS; alg++)
		if (machine->banks & 1u << alg &&
		    hasher_digest_bytes(machine->hasher, alg, file->bytes, &file->digests[alg],
					err) < 0)
			return -1;
	file->has_digests = true;
	keep_digests(machine, file->digests, image->digests);
	image->path = machine_text(machine, "%s", path);
	image->name = name;
	image->volume = file->volume;
	image->contents = file->bytes;
	image->pe = file->pe;
	file->image = image;
	return 0;
}

int machine_image(struct machine *machine, const struct machine_volume *volume, const char *path,
		  struct machine_image **out, struct error *err)
{
	struct machine_file *file;
	int found = read_file(machine, volume, path, &file, err);

	if (found <= 0)
		return found;
	if (open_image(machine, file, path, err) < 0)
		return -1;
	*out = file->image;
	return 1;
}

int machine_image_of_bytes(struct machine *machine, const char *path, struct bytes contents,
			   struct machine_image **out, struct error *err)
{
	struct machine_file *file = machine->private->files;

	while (file && (file->volume || file->bytes.data != contents.data ||
			file->bytes.size != contents.size))
		file = file->next;
	if (!file) {
		file = add_file(machine, NULL, path, err);
		if (!file)
			return -1;
		file->bytes = contents;
		file->size = contents.size;
		file->is_read = true;
	}
	if (open_image(machine, file, path, err) < 0)
		return -1;
	*out = file->image;
	return 1;
}

int machine_each_file(const struct machine *machine,
		      int (*fn)(void *ctx, const struct machine_seen *seen, struct error *err),
		      void *ctx, struct error *err)
{
	for (const struct machine_file *file = machine->private->files; file; file = file->next) {
		const struct machine_seen seen = {
			.volume = file->volume,
			.path = file->path,
			.size = file->size,
			.digests = file->has_digests ? file->digests : NULL,
			.image = file->image,
		};
		int status = fn(ctx, &seen, err);

		if (status)
			return status;
	}
	return 0;
}
