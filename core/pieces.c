/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/pieces.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is read is still in the processor's second cache when it is parsed and hashed. */
#define WINDOW_SIZE (256 * 1024)

struct pieces {
	int fd;
	bool is_ours;
	char *name;
	uint8_t *window;
	size_t capacity;
	size_t size; /* bytes in the window */
};

static struct pieces *pieces_new(const char *name, struct error *err)
{
	AUTO(pieces_freep) struct pieces *pieces = calloc(1, sizeof(*pieces));

	if (!pieces || !(pieces->name = strdup(name)) || !(pieces->window = malloc(WINDOW_SIZE))) {
		error_memory(err, name);
		return NULL;
	}
	pieces->capacity = WINDOW_SIZE;
	return TAKE(pieces);
}

int pieces_open(const char *path, struct pieces **out, struct error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	AUTO(pieces_freep) struct pieces *pieces = pieces_new(is_stdin ? "<stdin>" : path, err);
	struct stat st;

	if (!pieces)
		return -1;
	pieces->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (pieces->fd < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot open");
	pieces->is_ours = !is_stdin;
	if (fstat(pieces->fd, &st) < 0)
		return error_errno(err, ERROR_INPUT, pieces->name, errno, "cannot inspect");
	if (S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
		return error_set(err, ERROR_INPUT, pieces->name, ERROR_NO_OFFSET, "is a %s",
				 S_ISDIR(st.st_mode) ? "directory" : "block device");
	*out = TAKE(pieces);
	return 0;
}

int pieces_open_fd(int fd, const char *name, struct pieces **out, struct error *err)
{
	AUTO(pieces_freep) struct pieces *pieces = pieces_new(name, err);

	if (!pieces)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(err, ERROR_INPUT, name, errno, "cannot go to its beginning");
	pieces->fd = fd;
	*out = TAKE(pieces);
	return 0;
}

void pieces_free(struct pieces *pieces)
{
	if (!pieces)
		return;
	if (pieces->is_ours)
		close(pieces->fd);
	free(pieces->name);
	free(pieces->window);
	free(pieces);
}

void pieces_freep(struct pieces **pieces)
{
	pieces_free(*pieces);
}

const char *pieces_name(const struct pieces *pieces)
{
	return pieces->name;
}

/* Room in the window after the kept bytes, at least half of it. */
static bool window_grow(struct pieces *pieces)
{
	size_t capacity;
	uint8_t *window;

	if (pieces->size <= pieces->capacity / 2)
		return true;
	if (!size_mul(pieces->capacity, 2, &capacity) ||
	    !(window = realloc(pieces->window, capacity)))
		return false;
	pieces->window = window;
	pieces->capacity = capacity;
	return true;
}

int pieces_next(struct pieces *pieces, size_t keep, struct bytes *out, struct error *err)
{
	ssize_t n;

	assert(keep <= pieces->size);
	memmove(pieces->window, pieces->window + (pieces->size - keep), keep);
	pieces->size = keep;
	if (!window_grow(pieces))
		return error_memory(err, pieces->name);
	do
		n = read(pieces->fd, pieces->window + pieces->size,
			 pieces->capacity - pieces->size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, ERROR_INPUT, pieces->name, errno, "cannot read");
	pieces->size += (size_t)n;
	*out = bytes_of(pieces->window, pieces->size);
	return n > 0;
}
