/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/files/internal.h"

/* Chunks of an arena double up to this. */
#define CHUNK_MIN (size_t)(16 << 10)
#define CHUNK_MAX (size_t)(1 << 20)

struct chunk {
	struct chunk *next;
	size_t size, used; /* of data */
	uint8_t data[];
};

struct set_arena {
	struct chunk *chunks; /* the first is being filled */
};

static void arena_free(struct set_arena *arena)
{
	while (arena && arena->chunks) {
		struct chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	free(arena);
}

/* size bytes, aligned for anything; NULL when out of memory. */
static void *arena_take(struct set_arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	size_t used = chunk ? (chunk->used + 7) & ~(size_t)7 : 0;

	if (!chunk || used > chunk->size || size > chunk->size - used) {
		size_t chunk_size = chunk ? 2 * chunk->size : CHUNK_MIN;
		size_t total;

		if (chunk_size > CHUNK_MAX)
			chunk_size = CHUNK_MAX;
		if (chunk_size < size)
			chunk_size = size;
		if (!size_add(chunk_size, sizeof(*chunk), &total))
			return NULL;
		chunk = malloc(total);
		if (!chunk)
			return NULL;
		*chunk = (struct chunk){ .next = arena->chunks, .size = chunk_size };
		arena->chunks = chunk;
		used = 0;
	}
	chunk->used = used + size;
	return chunk->data + used;
}

struct bytes artifact_name_of(const char *source)
{
	const char *slash = strrchr(source, '/');

	return bytes_of_string(slash && slash[1] ? slash + 1 : source);
}

int file_set_new(alg_set algs, struct file_set **out, struct error *err)
{
	AUTO(file_set_freep) struct file_set *set = calloc(1, sizeof(*set));

	if (!set)
		return error_memory(err, NULL);
	set->algs = algs;
	set->arena = calloc(1, sizeof(*set->arena));
	if (!set->arena)
		return error_memory(err, NULL);
	*out = TAKE(set);
	return 0;
}

void file_set_free(struct file_set *set)
{
	if (!set)
		return;
	arena_free(set->arena);
	free(set->files);
	free(set->links);
	free(set);
}

void file_set_freep(struct file_set **set)
{
	file_set_free(*set);
}

struct bytes file_set_copy(struct file_set *set, struct bytes bytes)
{
	uint8_t *data;

	if (bytes.size == 0)
		return (struct bytes){ NULL, 0 };
	data = arena_take(set->arena, bytes.size);
	if (!data)
		return (struct bytes){ NULL, 0 };
	memcpy(data, bytes.data, bytes.size);
	return bytes_of(data, bytes.size);
}

/* Replaces *field by a copy in the arena. */
static bool keep(struct file_set *set, struct bytes *field)
{
	size_t size = field->size;

	*field = file_set_copy(set, *field);
	return field->size == size;
}

int file_set_artifact(struct file_set *set, const struct artifact *artifact, struct error *err)
{
	struct artifact copy = *artifact;

	if (!keep(set, &copy.name) || !keep(set, &copy.package) || !keep(set, &copy.evr) ||
	    !keep(set, &copy.arch) || !keep(set, &copy.vendor) || !keep(set, &copy.build_host) ||
	    !keep(set, &copy.source_rpm) || !keep(set, &copy.signer))
		return error_memory(err, NULL);
	set->artifact = copy;
	return 0;
}

/* Room for more items of an array. */
static int reserve(void **array, size_t item_size, size_t n, size_t more, size_t *capacity,
		   struct error *err)
{
	size_t wanted = *capacity ? *capacity : 64, bytes;
	void *grown;

	if (more > FILE_SET_FILES_MAX || n > FILE_SET_FILES_MAX - more)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "more than %d files or links in one artifact", FILE_SET_FILES_MAX);
	while (wanted < n + more)
		wanted *= 2;
	if (wanted == *capacity)
		return 0;
	grown = size_mul(wanted, item_size, &bytes) ? realloc(*array, bytes) : NULL;
	if (!grown)
		return error_memory(err, NULL);
	*array = grown;
	*capacity = wanted;
	return 0;
}

static int reserve_files(struct file_set *set, size_t more, struct error *err)
{
	void *files = set->files;
	int status =
		reserve(&files, sizeof(*set->files), set->n_files, more, &set->files_capacity, err);

	set->files = files;
	return status;
}

static int reserve_links(struct file_set *set, size_t more, struct error *err)
{
	void *links = set->links;
	int status =
		reserve(&links, sizeof(*set->links), set->n_links, more, &set->links_capacity, err);

	set->links = links;
	return status;
}

/* Copies of what content_finish gave. */
static bool keep_content(struct file_set *set, struct golden_file *file)
{
	struct digest *digests;

	if (!keep(set, &file->build_id))
		return false;
	if (file->n_digests == 0) {
		file->digests = NULL;
		return true;
	}
	digests = arena_take(set->arena, file->n_digests * sizeof(*digests));
	if (!digests)
		return false;
	memcpy(digests, file->digests, file->n_digests * sizeof(*digests));
	file->digests = digests;
	return true;
}

int file_set_expect(struct file_set *set, size_t n_files, struct error *err)
{
	return reserve_files(set, n_files, err);
}

int file_set_add(struct file_set *set, const struct golden_file *file, struct error *err)
{
	struct golden_file copy = *file;

	if (reserve_files(set, 1, err) < 0)
		return -1;
	if (!keep(set, &copy.path) || !keep(set, &copy.capabilities) ||
	    !keep(set, &copy.ima_signature) || !keep(set, &copy.verity_signature) ||
	    !keep_content(set, &copy))
		return error_memory(err, NULL);
	set->files[set->n_files++] = copy;
	return 0;
}

int file_set_add_link(struct file_set *set, struct bytes path, struct bytes target,
		      struct error *err)
{
	struct golden_link link = { path, target };

	if (reserve_links(set, 1, err) < 0)
		return -1;
	if (!keep(set, &link.path) || !keep(set, &link.target))
		return error_memory(err, NULL);
	set->links[set->n_links++] = link;
	return 0;
}

int file_set_content(struct file_set *set, size_t index, const struct golden_file *content,
		     struct error *err)
{
	struct golden_file copy = *content;
	struct golden_file *file = &set->files[index];

	if (!keep_content(set, &copy))
		return error_memory(err, NULL);
	file->size = copy.size;
	file->kind = copy.kind;
	file->executable = copy.executable;
	file->module_signed = copy.module_signed;
	file->build_id = copy.build_id;
	file->digests = copy.digests;
	file->n_digests = copy.n_digests;
	return 0;
}

int file_set_join(struct file_set *set, struct file_set *from, struct error *err)
{
	struct chunk *last = from->arena->chunks;

	if (reserve_files(set, from->n_files, err) < 0 ||
	    reserve_links(set, from->n_links, err) < 0)
		return -1;
	if (from->n_files)
		memcpy(set->files + set->n_files, from->files,
		       from->n_files * sizeof(*from->files));
	if (from->n_links)
		memcpy(set->links + set->n_links, from->links,
		       from->n_links * sizeof(*from->links));
	set->n_files += from->n_files;
	set->n_links += from->n_links;
	from->n_files = from->n_links = 0;
	if (!last)
		return 0;
	/* Behind the chunk that set is filling. */
	while (last->next)
		last = last->next;
	if (set->arena->chunks) {
		last->next = set->arena->chunks->next;
		set->arena->chunks->next = from->arena->chunks;
	} else {
		set->arena->chunks = from->arena->chunks;
	}
	from->arena->chunks = NULL;
	return 0;
}

void file_set_only(struct file_set *set, alg_set algs)
{
	for (size_t i = 0; i < set->n_files; i++) {
		struct golden_file *file = &set->files[i];
		/* The set's own, from keep_content. */
		struct digest *digests = (struct digest *)(uintptr_t)file->digests;
		size_t n = 0;

		for (size_t j = 0; j < file->n_digests; j++)
			if (algs & 1u << digests[j].alg)
				digests[n++] = digests[j];
		file->n_digests = n;
	}
}

static int compare_files(const void *a, const void *b)
{
	const struct golden_file *left = a, *right = b;

	return bytes_compare(left->path, right->path);
}

static int compare_links(const void *a, const void *b)
{
	const struct golden_link *left = a, *right = b;
	int order = bytes_compare(left->path, right->path);

	return order ? order : bytes_compare(left->target, right->target);
}

void file_set_sort(struct file_set *set)
{
	if (set->n_files)
		qsort(set->files, set->n_files, sizeof(*set->files), compare_files);
	if (set->n_links)
		qsort(set->links, set->n_links, sizeof(*set->links), compare_links);
}
