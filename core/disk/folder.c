/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of this machine as a volume: never left through a link, listed by name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/disk/internal.h"

#include "core/array.h"

#define FOLDER_NODES_MAX (1u << 20) /* names seen in one volume */

/* A path below the root ("" is the root's), and for a directory that was listed where its entries are
 * in the table: it is read once, since what is examined does not change. */
struct folder_node {
	char *path; /* owned */
	bool listed;
	size_t first, n; /* entries, sorted by name */
};

struct folder {
	int fd;
	struct folder_node *nodes;
	size_t n_nodes, capacity;
};

static int folder_error(const struct volume *volume, const char *path, int errno_value,
			struct error *err, const char *what)
{
	return error_errno(err, ERROR_INPUT, volume->name, errno_value, "%s: %s", path, what);
}

/* Opens a path step by step, so that none of its directories may have become a link. */
static int folder_open(const struct volume *volume, const char *path, int flags, struct error *err)
{
	const struct folder *folder = volume->fs;
	int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *rest = path;

	while (fd >= 0 && *rest) {
		size_t size = strcspn(rest, "/");
		char name[256];
		int next;

		snprintf(name, sizeof(name), "%.*s", (int)(size < 255 ? size : 255), rest);
		rest += size + (rest[size] == '/');
		next = openat(fd, name,
			      (*rest ? O_RDONLY | O_DIRECTORY : flags) | O_NOFOLLOW | O_CLOEXEC |
				      O_NONBLOCK);
		close(fd);
		fd = next;
	}
	if (fd < 0)
		return folder_error(volume, path, errno, err, "cannot open");
	return fd;
}

static int node_add(struct volume *volume, const char *dir, const char *name, struct error *err)
{
	struct folder *folder = volume->fs;
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path;

	if (folder->n_nodes == FOLDER_NODES_MAX)
		return error_set(err, ERROR_LIMIT, volume->name, ERROR_NO_OFFSET,
				 "more than %u names looked at", FOLDER_NODES_MAX);
	if (array_room(&folder->nodes, folder->n_nodes, &folder->capacity, sizeof(*folder->nodes),
		       volume->name, err) < 0)
		return -1;
	path = malloc(size);
	if (!path)
		return error_memory(err, volume->name);
	snprintf(path, size, "%s%s%s", dir, *dir ? "/" : "", name);
	folder->nodes[folder->n_nodes++] = (struct folder_node){ .path = path };
	return 0;
}

static enum volume_entry_type type_of(mode_t mode)
{
	return S_ISREG(mode)   ? VOLUME_ENTRY_FILE
	       : S_ISDIR(mode) ? VOLUME_ENTRY_DIRECTORY
	       : S_ISLNK(mode) ? VOLUME_ENTRY_SYMLINK
			       : VOLUME_ENTRY_OTHER;
}

struct names {
	char **names;
	size_t n;
};

static void names_clear(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->names[i]);
	free(names->names);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_read(struct volume *volume, DIR *dir, struct names *out, struct error *err)
{
	struct dirent *entry;

	out->names = calloc(VOLUME_DIRECTORY_MAX, sizeof(*out->names));
	if (!out->names)
		return error_memory(err, volume->name);
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (out->n == VOLUME_DIRECTORY_MAX)
			return error_set(err, ERROR_LIMIT, volume->name, ERROR_NO_OFFSET,
					 "a directory of more than %d entries",
					 VOLUME_DIRECTORY_MAX);
		out->names[out->n] = strdup(entry->d_name);
		if (!out->names[out->n])
			return error_memory(err, volume->name);
		out->n++;
	}
	if (errno)
		return folder_error(volume, ".", errno, err, "cannot read the directory");
	qsort(out->names, out->n, sizeof(*out->names), by_name);
	return 0;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Puts the names of a directory into the table, all or none. */
static int nodes_read(struct volume *volume, size_t id, struct error *err)
{
	struct folder *folder = volume->fs;
	AUTO(names_clear) struct names names = { 0 };
	AUTO(close_dir) DIR *dir = NULL;
	size_t first = folder->n_nodes;
	int fd = folder_open(volume, folder->nodes[id].path, O_RDONLY | O_DIRECTORY, err);

	if (fd < 0)
		return -1;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return error_memory(err, volume->name);
	}
	if (names_read(volume, dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (node_add(volume, folder->nodes[id].path, names.names[i], err) == 0)
			continue;
		while (folder->n_nodes > first)
			free(folder->nodes[--folder->n_nodes].path);
		return -1;
	}
	folder->nodes[id].first = first;
	folder->nodes[id].n = names.n;
	folder->nodes[id].listed = true;
	return 0;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int folder_list(struct volume *volume, const struct node *node, found_fn *found, void *ctx,
		       struct error *err)
{
	const struct folder *folder = volume->fs;
	size_t first, n;
	int fd, status = 0;

	if (!folder->nodes[node->id].listed && nodes_read(volume, node->id, err) < 0)
		return -1;
	first = folder->nodes[node->id].first;
	n = folder->nodes[node->id].n;
	fd = folder_open(volume, folder->nodes[node->id].path, O_RDONLY | O_DIRECTORY, err);
	if (fd < 0)
		return -1;
	for (size_t i = first; i < first + n && status == 0; i++) {
		const char *name = last_name(folder->nodes[i].path);
		struct stat st;

		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			status = folder_error(volume, folder->nodes[i].path, errno, err,
					      "cannot look at it");
		} else {
			struct found one = { .name = bytes_of_string(name) };

			one.node = (struct node){ i, type_of(st.st_mode), (uint64_t)st.st_size };
			status = found(ctx, &one, err);
		}
	}
	close(fd);
	return status;
}

static int folder_link(struct volume *volume, const struct node *node, struct buf *target,
		       struct error *err)
{
	const struct folder *folder = volume->fs;
	const char *path = folder->nodes[node->id].path, *slash = strrchr(path, '/');
	char dir[VOLUME_PATH_MAX], text[VOLUME_PATH_MAX];
	ssize_t size;
	int fd;

	if (slash && (size_t)(slash - path) >= sizeof(dir))
		return folder_error(volume, path, ENAMETOOLONG, err, "cannot read the link");
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 0, path);
	fd = folder_open(volume, dir, O_RDONLY | O_DIRECTORY, err);
	if (fd < 0)
		return -1;
	size = readlinkat(fd, last_name(path), text, sizeof(text));
	close(fd);
	if (size < 0)
		return folder_error(volume, path, errno, err, "cannot read the link");
	buf_append(target, bytes_of(text, (size_t)size));
	return 0;
}

static int folder_stream(struct volume *volume, const struct node *node, block_fn *block, void *ctx,
			 struct error *err)
{
	const struct folder *folder = volume->fs;
	const char *path = folder->nodes[node->id].path;
	AUTO(own_free) uint8_t *buffer = malloc(256u << 10);
	int fd, status = 0;
	ssize_t got = 0;

	if (!buffer)
		return error_memory(err, volume->name);
	fd = folder_open(volume, path, O_RDONLY, err);
	if (fd < 0)
		return -1;
	while (status == 0 && (got = read(fd, buffer, 256u << 10)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		status = got < 0 ? folder_error(volume, path, errno, err, "cannot read")
				 : block(ctx, bytes_of(buffer, (size_t)got), err);
	}
	close(fd);
	return status;
}

static void folder_free(struct volume *volume)
{
	struct folder *folder = volume->fs;

	if (!folder)
		return;
	if (folder->fd >= 0)
		close(folder->fd);
	for (size_t i = 0; i < folder->n_nodes; i++)
		free(folder->nodes[i].path);
	free(folder->nodes);
	free(folder);
}

static const struct volume_ops folder_ops = {
	.list = folder_list,
	.link = folder_link,
	.stream = folder_stream,
	.free = folder_free,
};

int volume_of_directory(const char *dir, struct volume **out, struct error *err)
{
	AUTO(volume_freep) struct volume *volume = calloc(1, sizeof(*volume));
	struct folder *folder;
	struct stat st;

	if (!volume)
		return error_memory(err, dir);
	volume->ops = &folder_ops;
	volume->info.kind = VOLUME_DIRECTORY;
	volume->name = strdup(dir);
	volume->region.name = volume->info.name = volume->name;
	volume->fs = folder = calloc(1, sizeof(*folder));
	if (folder)
		folder->fd = -1;
	if (!volume->name || !folder)
		return error_memory(err, dir);
	folder->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd < 0)
		return error_errno(err, ERROR_INPUT, dir, errno, "cannot open the directory");
	if (node_add(volume, "", "", err) < 0)
		return -1;
	volume->root = (struct node){ 0, VOLUME_ENTRY_DIRECTORY, 0 };
	volume->info.case_insensitive =
		fstatat(folder->fd, "EFI", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
	*out = TAKE(volume);
	return 0;
}
