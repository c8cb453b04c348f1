/* SPDX-License-Identifier: BSD-2-Clause */
/* Bundles that are folders. Every name is opened relative to its folder, without following links. */
#define _GNU_SOURCE /* O_PATH */
#include "replay/evidence/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files up to here are read, larger ones mapped: a read costs less than the faults of a mapping. */
#define READ_MAX ((size_t)1 << 20)

/* Folders below a bundle that evidence.json may lead to. */
#define DEPTH_MAX 16

struct folder {
	char *path;      /* owned */
	char **children; /* owned: the folders with a bundle each; NULL: the folder is the bundle */
	size_t n_children;
	bool is_deep; /* nothing in it has a name of evidence where one should be: the tree is searched */
};

void folder_free(struct folder *folder)
{
	if (!folder)
		return;
	for (size_t i = 0; i < folder->n_children; i++)
		free(folder->children[i]);
	free(folder->children);
	free(folder->path);
	free(folder);
}

static void folder_freep(struct folder **folder)
{
	folder_free(*folder);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static enum item_type item_type_of(int fd, const struct dirent *entry)
{
	struct stat st;

	switch (entry->d_type) {
	case DT_REG:
		return ITEM_FILE;
	case DT_DIR:
		return ITEM_FOLDER;
	case DT_LNK:
		return ITEM_LINK;
	case DT_BLK:
	case DT_CHR:
		return ITEM_DEVICE;
	case DT_FIFO:
		return ITEM_FIFO;
	case DT_SOCK:
		return ITEM_SOCKET;
	default:
		break;
	}
	if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ITEM_OTHER;
	if (S_ISREG(st.st_mode))
		return ITEM_FILE;
	if (S_ISDIR(st.st_mode))
		return ITEM_FOLDER;
	if (S_ISLNK(st.st_mode))
		return ITEM_LINK;
	if (S_ISFIFO(st.st_mode))
		return ITEM_FIFO;
	if (S_ISSOCK(st.st_mode))
		return ITEM_SOCKET;
	return S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode) ? ITEM_DEVICE : ITEM_OTHER;
}

/* Calls fn for each entry of the folder of fd, in the order the system gives them. */
static int each_entry(int fd, const char *shown,
		      int (*fn)(void *ctx, int fd, const struct dirent *entry, struct error *err),
		      void *ctx, struct error *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(close_dir) DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	if (!dir) {
		int saved = errno;

		if (copy >= 0)
			close(copy);
		return error_errno(err, ERROR_INPUT, shown, saved, "cannot read the folder");
	}
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (fn(ctx, fd, entry, err) < 0)
			return -1;
	}
	return errno ? error_errno(err, ERROR_INPUT, shown, errno, "cannot read the folder") : 0;
}

/* The first bytes of a file, at most FORM_START_SIZE; -1 when it is no file or cannot be read. */
static ssize_t read_start(int fd, const char *name, uint8_t start[FORM_START_SIZE])
{
	/* A FIFO put in place of the file must not make us wait. */
	AUTO(close_fd)
	int file = openat(fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	size_t n = 0;

	if (file < 0 || fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	while (n < FORM_START_SIZE) {
		ssize_t got = read(file, start + n, FORM_START_SIZE - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -1 : (ssize_t)n;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static void guess_item(int fd, const char *name, struct item *item)
{
	uint8_t start[FORM_START_SIZE];
	ssize_t n = read_start(fd, name, start);

	if (n > 0)
		item->guess = form_guess(bytes_of(start, (size_t)n), &item->guessed);
}

/* --- which folders are bundles ------------------------------------------------------------ */

struct probe {
	struct folder *folder; /* where children are collected; NULL when only asking */
	bool is_bundle;
	bool by_content; /* else by name */
};

static int probe_entry(void *ctx, int fd, const struct dirent *entry, struct error *err);

/* True when the folder of that name has evidence in it itself. */
static bool child_is_bundle(int fd, const char *name, bool by_content)
{
	AUTO(close_fd)
	int child = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct probe probe = { .by_content = by_content };
	struct error ignored;

	/* A folder that cannot be read is none that has evidence. */
	return child >= 0 && each_entry(child, name, probe_entry, &probe, &ignored) == 0 &&
	       probe.is_bundle;
}

static int probe_entry(void *ctx, int fd, const struct dirent *entry, struct error *err)
{
	struct probe *probe = ctx;
	struct folder *folder = probe->folder;
	enum item_type type = item_type_of(fd, entry);
	struct bytes no_name;
	char **children;

	if (type == ITEM_FILE && !probe->is_bundle) {
		struct item item = { .type = type };

		if (probe->by_content)
			guess_item(fd, entry->d_name, &item);
		probe->is_bundle =
			item_is_candidate(&item) ||
			role_is_evidence(bundle_role_of(bytes_of_string(entry->d_name), &no_name));
	}
	if (!folder || probe->is_bundle || type != ITEM_FOLDER ||
	    !child_is_bundle(fd, entry->d_name, probe->by_content))
		return 0;
	if (folder->n_children >= CONTAINER_BUNDLES_MAX)
		return error_set(err, ERROR_LIMIT, folder->path, ERROR_NO_OFFSET,
				 "more than %d folders with evidence", CONTAINER_BUNDLES_MAX);
	children = realloc(folder->children, (folder->n_children + 1) * sizeof(*children));
	if (!children)
		return error_memory(err, folder->path);
	folder->children = children;
	children[folder->n_children] = strdup(entry->d_name);
	if (!children[folder->n_children])
		return error_memory(err, folder->path);
	folder->n_children++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void drop_children(struct folder *folder)
{
	for (size_t i = 0; i < folder->n_children; i++)
		free(folder->children[i]);
	free(folder->children);
	folder->children = NULL;
	folder->n_children = 0;
}

/* Names first; what no name tells, contents may. 1 when there is a bundle here or one level down. */
static int find_bundles(struct folder *folder, int fd, struct error *err)
{
	for (unsigned by_content = 0; by_content < 2; by_content++) {
		struct probe probe = { .folder = folder, .by_content = by_content };

		if (each_entry(fd, folder->path, probe_entry, &probe, err) < 0)
			return -1;
		if (probe.is_bundle)
			drop_children(folder);
		if (probe.is_bundle || folder->n_children > 0)
			return 1;
	}
	return 0;
}

static bool tree_has_evidence(int fd, const char *path);

int folder_open(const char *path, struct folder **out, struct error *err)
{
	AUTO(folder_freep) struct folder *folder = calloc(1, sizeof(*folder));
	AUTO(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status;

	if (!folder || !(folder->path = strdup(path)))
		return error_memory(err, path);
	if (fd < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot open");
	/* "case-17/" is the same bundle as "case-17" */
	for (size_t n = strlen(folder->path); n > 1 && folder->path[n - 1] == '/'; n--)
		folder->path[n - 1] = '\0';
	status = find_bundles(folder, fd, err);
	if (status < 0)
		return -1;
	folder->is_deep = status == 0 && tree_has_evidence(fd, path);
	if (status == 0 && !folder->is_deep)
		return error_set(
			err, ERROR_INPUT, path, ERROR_NO_OFFSET,
			"no evidence in this folder: no quote, boot log or IMA log by name "
			"or by content");
	if (folder->n_children > 1)
		qsort(folder->children, folder->n_children, sizeof(*folder->children), by_name);
	*out = TAKE(folder);
	return 0;
}

size_t folder_n_bundles(const struct folder *folder)
{
	return folder->n_children ? folder->n_children : 1;
}

/* --- one bundle --------------------------------------------------------------------------- */

struct listing {
	struct draft *draft;
	struct item_list *items;
	const char *below; /* the folder listed: "" or "ca", or any in a tree */
	bool with_guesses; /* files that have no name of evidence are looked into */
	unsigned depth;    /* of below; 0 unless the tree is listed */
	bool is_tree;
};

static int list_tree(struct listing *listing, int fd, const char *name, const char *path,
		     struct error *err);

static int list_entry(void *ctx, int fd, const struct dirent *entry, struct error *err)
{
	struct listing *listing = ctx;
	const char *path = arena_printf(&listing->draft->arena, "%s%s%s", listing->below,
					*listing->below ? "/" : "", entry->d_name);
	struct item item = { .path = bytes_of_string(path), .type = item_type_of(fd, entry) };
	struct bytes no_name;

	if (listing->draft->arena.failed)
		return error_memory(err, NULL);
	if (listing->items->n_items >= BUNDLE_ITEMS_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "more than %d files in the bundle", BUNDLE_ITEMS_MAX);
	if (listing->with_guesses && item.type == ITEM_FILE &&
	    bundle_role_of(item.path, &no_name) == ROLE_NONE)
		guess_item(fd, entry->d_name, &item);
	if (item_list_add(listing->items, item, err) < 0)
		return -1;
	if (listing->is_tree && item.type == ITEM_FOLDER)
		return list_tree(listing, fd, entry->d_name, path, err);
	return 0;
}

/* A folder in the tree and what is in it; one that cannot be read, or lies deeper than any, has nothing. */
static int list_tree(struct listing *listing, int fd, const char *name, const char *path,
		     struct error *err)
{
	AUTO(close_fd)
	int child = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct listing below = *listing;

	if (child < 0 || listing->depth + 1 >= DEPTH_MAX)
		return draft_problem(listing->draft, BUNDLE_UNREAD, bytes_of_string(path), err,
				     child < 0 ? "a folder that cannot be read"
					       : "folders deeper than are searched");
	below.below = path;
	below.depth++;
	return each_entry(child, path, list_entry, &below, err);
}

static void items_free(struct item_list *items)
{
	free(items->items);
}

/* Anything in the tree that is evidence by name or by content. */
static bool tree_has_evidence(int fd, const char *path)
{
	AUTO(draft_clear) struct draft draft = { 0 };
	AUTO(items_free) struct item_list items = { 0 };
	struct listing listing = {
		.draft = &draft, .items = &items, .below = "", .with_guesses = true, .is_tree = true
	};
	struct error ignored;

	/* What cannot be listed is said when the bundle is read. */
	(void)each_entry(fd, path, list_entry, &listing, &ignored);
	for (size_t i = 0; i < items.n_items; i++) {
		struct bytes no_name;

		if (items.items[i].type == ITEM_FILE &&
		    (item_is_candidate(&items.items[i]) ||
		     role_is_evidence(role_by_last_part(items.items[i].path, &no_name))))
			return true;
	}
	return false;
}

/* A member below fd, each folder on the way without following links; -1 and errno. */
static int open_below(int fd, struct bytes path)
{
	char name[NAME_MAX + 1];
	int at = -1;

	for (size_t depth = 0; depth < DEPTH_MAX; depth++) {
		const uint8_t *slash = memchr(path.data, '/', path.size);
		size_t size = slash ? (size_t)(slash - path.data) : path.size;
		int next, saved;

		if (size > NAME_MAX) {
			saved = ENAMETOOLONG;
			next = -1;
		} else {
			memcpy(name, path.data, size);
			name[size] = '\0';
			/* A FIFO put in place of the file must not make us wait. */
			next = openat(at < 0 ? fd : at, name,
				      (slash ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK) |
					      O_NOFOLLOW | O_CLOEXEC);
			saved = errno;
		}
		if (at >= 0)
			close(at);
		if (next < 0 || !slash) {
			errno = saved;
			return next;
		}
		at = next;
		path = bytes_of(slash + 1, path.size - size - 1);
	}
	close(at);
	errno = ELOOP;
	return -1;
}

struct loading {
	struct bundle_body *body;
	struct draft *draft;
	int fd;
};

/* Reads to the end, whatever size the file says it has: securityfs says 0. */
static int read_small(struct loading *loading, int fd, size_t size, size_t size_max,
		      struct bytes *contents, enum bundle_problem_kind *kind, const char **why)
{
	size_t room = size ? size + 1 : 1 << 16, n = 0;
	uint8_t *data = arena_take(&loading->draft->arena, room);

	while (data) {
		ssize_t got = read(fd, data + n, room - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			*why = strerror(errno);
			return 0;
		}
		n += (size_t)got;
		if (n > size_max) {
			*kind = BUNDLE_LIMIT;
			*why = "larger than such evidence ever is, not read";
			return 0;
		}
		if (got == 0)
			break;
		if (n == room) {
			uint8_t *larger = arena_take(&loading->draft->arena, room * 2);

			if (!larger)
				return -1;
			memcpy(larger, data, n);
			data = larger;
			room *= 2;
		}
	}
	if (!data)
		return -1;
	*contents = bytes_of(data, n);
	return 1;
}

static int map_large(struct loading *loading, int fd, const struct item *item,
		     struct bundle_file *out, struct error *err)
{
	struct bundle_body *body = loading->body;
	struct mapped *mapped = realloc(body->mapped, (body->n_mapped + 1) * sizeof(*mapped));

	if (!mapped)
		return error_memory(err, NULL);
	body->mapped = mapped;
	mapped += body->n_mapped;
	mapped->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (mapped->fd < 0)
		return error_errno(err, ERROR_SYSTEM, (const char *)item->path.data, errno,
				   "cannot keep it open");
	if (file_open_fd(fd, (const char *)item->path.data, &mapped->file, err) < 0) {
		close(mapped->fd);
		return -1;
	}
	body->n_mapped++;
	out->contents = file_bytes(mapped->file);
	out->is_large = true;
	out->fd = mapped->fd;
	return 1;
}

static int load_file(void *ctx, const struct item *item, size_t size_max, struct bundle_file *out,
		     enum bundle_problem_kind *kind, const char **why, struct error *err)
{
	struct loading *loading = ctx;
	AUTO(close_fd) int fd = open_below(loading->fd, item->path);
	struct stat st;
	int status;

	*kind = BUNDLE_UNREAD;
	if (fd < 0 || fstat(fd, &st) < 0) {
		*why = strerror(errno);
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		*kind = BUNDLE_MEMBER;
		*why = "became something else than a file";
		return 0;
	}
	if ((uintmax_t)st.st_size > size_max) {
		*kind = BUNDLE_LIMIT;
		*why = "larger than such evidence ever is, not read";
		return 0;
	}
	if ((uintmax_t)st.st_size > READ_MAX)
		return map_large(loading, fd, item, out, err);
	status = read_small(loading, fd, (size_t)st.st_size, size_max, &out->contents, kind, why);
	return status < 0 ? error_memory(err, NULL) : status;
}

static enum item_type find_below(void *ctx, struct bytes path)
{
	const struct loading *loading = ctx;
	AUTO(close_fd) int fd = open_below(loading->fd, path);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? ITEM_FILE : ITEM_OTHER;
}

int folder_bundle(const struct folder *folder, size_t i, struct bundle **out, struct error *err)
{
	AUTO(draft_clear) struct draft draft = { 0 };
	AUTO(items_free) struct item_list items = { 0 };
	AUTO(bundle_freep) struct bundle *bundle = calloc(1, sizeof(struct bundle_body));
	AUTO(own_free) char *name = NULL;
	struct listing listing = { .draft = &draft,
				   .items = &items,
				   .below = "",
				   .with_guesses = true,
				   .is_tree = folder->is_deep };
	struct loading loading = { .body = (struct bundle_body *)bundle, .draft = &draft };
	struct bundle_file mapping = { 0 };
	const struct item *item;
	AUTO(close_fd) int fd = -1;
	size_t size;

	size = strlen(folder->path) + (folder->n_children ? strlen(folder->children[i]) : 0) + 2;
	name = malloc(size);
	if (!bundle || !name)
		return error_memory(err, folder->path);
	snprintf(name, size, "%s%s%s", folder->path, folder->n_children ? "/" : "",
		 folder->n_children ? folder->children[i] : "");
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (folder->n_children ? O_NOFOLLOW : 0));
	if (fd < 0)
		return error_errno(err, ERROR_INPUT, name, errno, "cannot open");
	loading.fd = fd;
	draft.find = find_below;
	draft.find_ctx = &loading;
	draft.is_deep = folder->is_deep;
	if (each_entry(fd, name, list_entry, &listing, err) < 0)
		return -1;
	items_sort(&items);
	item = folder->is_deep ? NULL : items_find(&items, bytes_of_string("ca"));
	if (item && item->type == ITEM_FOLDER) {
		AUTO(close_fd)
		int ca = openat(fd, "ca", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		listing.below = "ca";
		listing.with_guesses = false;
		if (ca >= 0 && each_entry(ca, "ca", list_entry, &listing, err) < 0)
			return -1;
		items_sort(&items);
	}
	item = items_find(&items, bytes_of_string("evidence.json"));
	if (item && item->type == ITEM_FILE) {
		enum bundle_problem_kind kind = BUNDLE_UNREAD;
		const char *why = "";
		int status = load_file(&loading, item, role_size_max(ROLE_MAPPING), &mapping, &kind,
				       &why, err);

		if (status < 0 ||
		    (status == 0 && draft_problem(&draft, kind, item->path, err, "%s", why) < 0))
			return -1;
	}
	if (draft_inspect(&draft, &items, err) < 0 ||
	    draft_assign(&draft, &items, mapping.contents.data ? &mapping.contents : NULL, err) <
		    0 ||
	    draft_finish(&draft, name, &items, load_file, &loading, &bundle, err) < 0)
		return -1;
	*out = TAKE(bundle);
	return 0;
}
