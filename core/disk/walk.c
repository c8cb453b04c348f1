/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything in a directory and below it, each directory once. */
#include <inttypes.h>

#include "core/disk/internal.h"

#include "core/array.h"

/* Bytes of the paths of directories that wait to be listed: far more than any file system of an OS has. */
#define WAITING_MAX ((size_t)64 << 20)

struct waiting {
	struct node node;
	char *path; /* owned; "" for where the walk begins */
	unsigned depth;
};

struct walker {
	struct volume *volume;
	const struct volume_walk *walk;
	struct waiting *waiting; /* owned: a stack */
	size_t n_waiting, waiting_capacity, waiting_size;
	uint64_t *seen; /* owned: nodes of directories, hashed; 0 is an empty place */
	size_t n_seen, seen_capacity;
	const struct waiting *at; /* what is listed */
	struct buf path;          /* of the entry at hand */
	int ended;                /* a function of the caller's ended the walk */
};

static void walker_clear(struct walker *walker)
{
	for (size_t i = 0; i < walker->n_waiting; i++)
		free(walker->waiting[i].path);
	free(walker->waiting);
	free(walker->seen);
	buf_clear(&walker->path);
}

static int trouble(struct walker *walker, struct bytes path, const struct error *problem,
		   struct error *err)
{
	if (problem->code == ERROR_SYSTEM) {
		if (err)
			*err = *problem;
		return -1;
	}
	return walker->walk->trouble(walker->walk->ctx, path, problem, err);
}

static size_t place_of(const uint64_t *seen, size_t capacity, uint64_t key)
{
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (capacity - 1);

	while (seen[at] != 0 && seen[at] != key)
		at = (at + 1) & (capacity - 1);
	return at;
}

/* 1 if the directory is met for the first time, 0, -1. */
static int first_time(struct walker *walker, uint64_t id, struct error *err)
{
	uint64_t key = id + 1; /* FAT's root may be 0 */
	size_t at;

	if (walker->n_seen * 2 >= walker->seen_capacity) {
		size_t wanted = walker->seen_capacity ? walker->seen_capacity * 2 : 1024;
		uint64_t *larger = calloc(wanted, sizeof(*larger));

		if (!larger)
			return error_memory(err, walker->volume->name);
		for (size_t i = 0; i < walker->seen_capacity; i++)
			if (walker->seen[i])
				larger[place_of(larger, wanted, walker->seen[i])] = walker->seen[i];
		free(walker->seen);
		walker->seen = larger;
		walker->seen_capacity = wanted;
	}
	at = place_of(walker->seen, walker->seen_capacity, key);
	if (walker->seen[at] == key)
		return 0;
	walker->seen[at] = key;
	walker->n_seen++;
	return 1;
}

static int push(struct walker *walker, const struct node *node, struct bytes path, unsigned depth,
		struct error *err)
{
	const char *name = walker->volume->name;
	struct error problem = { 0 };
	int is_new;

	if (depth > VOLUME_DEPTH_MAX || path.size >= VOLUME_PATH_MAX) {
		error_set(&problem, ERROR_LIMIT, name, ERROR_NO_OFFSET,
			  "more than %d directories below each other, or a path of %d bytes",
			  VOLUME_DEPTH_MAX, VOLUME_PATH_MAX);
		return trouble(walker, path, &problem, err);
	}
	if (walker->n_seen == VOLUME_WALK_MAX || walker->waiting_size + path.size > WAITING_MAX) {
		error_set(&problem, ERROR_LIMIT, name, ERROR_NO_OFFSET,
			  "more than %u directories, or %zu bytes of their paths", VOLUME_WALK_MAX,
			  WAITING_MAX);
		return trouble(walker, path, &problem, err);
	}
	is_new = first_time(walker, node->id, err);
	if (is_new < 0)
		return -1;
	if (!is_new) {
		error_set(&problem, ERROR_MALFORMED, name, ERROR_NO_OFFSET,
			  "a directory that is elsewhere, too");
		return trouble(walker, path, &problem, err);
	}
	if (array_room(&walker->waiting, walker->n_waiting, &walker->waiting_capacity,
		       sizeof(*walker->waiting), name, err) < 0)
		return -1;
	walker->waiting[walker->n_waiting] =
		(struct waiting){ *node, strndup((const char *)path.data, path.size), depth };
	if (!walker->waiting[walker->n_waiting].path)
		return error_memory(err, name);
	walker->waiting_size += path.size;
	walker->n_waiting++;
	return 0;
}

static int entry(struct walker *walker, const struct found *found, struct error *err)
{
	const struct waiting *at = walker->at;
	struct volume_member member = { .type = found->node.type,
					.size = found->node.size,
					.id = found->node.id };
	struct error problem = { 0 };

	walker->path.size = 0;
	if (*at->path) {
		buf_append_string(&walker->path, at->path);
		buf_append_u8(&walker->path, '/');
	}
	buf_append(&walker->path, found->name);
	if (walker->path.failed)
		return error_memory(err, walker->volume->name);
	member.path = buf_bytes(&walker->path);
	if (found->name.size == 0 || memchr(found->name.data, '/', found->name.size) ||
	    memchr(found->name.data, 0, found->name.size) || bytes_equal_string(found->name, ".") ||
	    bytes_equal_string(found->name, "..")) {
		error_set(&problem, ERROR_MALFORMED, walker->volume->name, ERROR_NO_OFFSET,
			  "a name that is empty, \"..\" or \".\", or has a slash or a NUL in it");
		return trouble(walker, bytes_of_string(at->path), &problem, err);
	}
	if (walker->walk->member(walker->walk->ctx, &member, err) < 0)
		return -1;
	if (member.type == VOLUME_ENTRY_DIRECTORY &&
	    (walker->walk->depth_max == 0 || at->depth < walker->walk->depth_max))
		return push(walker, &found->node, member.path, at->depth + 1, err);
	return 0;
}

static int entry_found(void *ctx, const struct found *found, struct error *err)
{
	struct walker *walker = ctx;

	walker->ended = entry(walker, found, err) < 0;
	return walker->ended ? -1 : 0;
}

/* What the directory of last comes first: its place in the stack is free while it is listed. */
static int walk_on(struct walker *walker, struct error *err)
{
	while (walker->n_waiting > 0) {
		struct waiting at = walker->waiting[--walker->n_waiting];
		struct error problem = { 0 };
		int status = 0;

		walker->waiting_size -= strlen(at.path);
		walker->at = &at;
		if (volume_list_node(walker->volume, &at.node, entry_found, walker, &problem) < 0) {
			if (walker->ended) {
				if (err)
					*err = problem;
				status = -1;
			} else {
				status = trouble(walker, bytes_of_string(at.path), &problem, err);
			}
		}
		free(at.path);
		if (status < 0)
			return -1;
	}
	return 1;
}

int volume_walk(struct volume *volume, const char *dir, const struct volume_walk *walk,
		struct error *err)
{
	AUTO(walker_clear)
	struct walker walker = { .volume = volume, .walk = walk, .path = BUF_INIT };
	struct node node;
	int found = volume_find_directory(volume, dir, &node, err);

	if (found <= 0)
		return found;
	if (push(&walker, &node, bytes_of("", 0), 1, err) < 0)
		return -1;
	return walk_on(&walker, err);
}

struct start {
	struct buf *out;
	uint64_t left;
	bool is_enough;
};

static int start_block(void *ctx, struct bytes block, struct error *err)
{
	struct start *start = ctx;
	size_t size = block.size < start->left ? block.size : (size_t)start->left;

	buf_append(start->out, bytes_of(block.data, size));
	start->left -= size;
	if (start->out->failed)
		return error_memory(err, NULL);
	start->is_enough = start->left == 0;
	return start->is_enough ? -1 : 0;
}

int volume_read_member(struct volume *volume, const struct volume_member *member, uint64_t max,
		       struct buf *out, struct error *err)
{
	struct node node = { member->id, member->type, member->size < max ? member->size : max };
	struct start start = { .out = out, .left = node.size };

	if (member->type != VOLUME_ENTRY_FILE)
		return error_set(err, ERROR_INPUT, volume->name, ERROR_NO_OFFSET,
				 "not a regular file");
	if (node.size == 0)
		return 0;
	if (volume->ops->stream(volume, &node, start_block, &start, err) < 0)
		return start.is_enough ? 0 : -1;
	if (start.left > 0)
		return error_set(err, ERROR_MALFORMED, volume->name, ERROR_NO_OFFSET,
				 "a file whose last %" PRIu64 " bytes are missing", start.left);
	return 0;
}
