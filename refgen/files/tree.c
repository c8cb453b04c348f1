/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mounted or unpacked root. Nothing below it is reached through a symbolic
 * link: directories are opened one component at a time, none of which may be
 * a link, so a tree that changes meanwhile cannot lead out of it either.
 */
#define _GNU_SOURCE /* O_NOATIME, O_PATH */
#include "refgen/files/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/pool.h"

#define TREE_PATH_MAX  PATH_MAX     /* bytes of a path below the root, with its NUL */
#define TREE_DEPTH_MAX 128          /* directories inside each other, each held open */
#define TREE_BATCH     64           /* files that a thread takes at a time */
#define READ_SIZE      (128u << 10) /* stays in the processor's cache between reading and hashing */
#define XATTR_MAX      65536        /* XATTR_SIZE_MAX */

/* A path below the root: starts with a slash; the C string is borrowed from the arena of found. */
struct tree {
	const char *dir; /* as the user named it */
	const struct tree_options *options;
	int root; /* descriptor of dir */
	alg_set algs;
	struct file_set *found; /* files not yet read, and links */
	struct file_set *files; /* read */
};

static void tree_clear(struct tree *tree)
{
	if (tree->root >= 0)
		close(tree->root);
	file_set_free(tree->found);
	file_set_free(tree->files);
}

/* The name of something in the tree for messages, such as "/mnt/root/etc/passwd". */
struct named {
	char text[2 * PATH_MAX];
};

static const char *name_of(const struct tree *tree, const char *path, struct named *out)
{
	size_t size = strlen(tree->dir);

	while (size && tree->dir[size - 1] == '/')
		size--;
	snprintf(out->text, sizeof(out->text), "%.*s%s", (int)(size < PATH_MAX ? size : PATH_MAX),
		 tree->dir, path);
	return out->text;
}

static int tree_errno(const struct tree *tree, const char *path, const char *what,
		      struct error *err)
{
	int reason = errno;
	struct named named;

	return error_errno(err, reason == ENOMEM || reason == EMFILE ? ERROR_SYSTEM : ERROR_INPUT,
			   name_of(tree, path, &named), reason, "%s", what);
}

/* --- finding ------------------------------------------------------------------------------------ */

/* A pattern with a slash is matched against the whole path, one without against the last component. */
static bool excluded(const struct tree *tree, const char *path)
{
	const char *base = strrchr(path, '/') + 1;

	for (size_t i = 0; i < tree->options->n_excludes; i++) {
		const char *pattern = tree->options->excludes[i];

		if (strchr(pattern, '/') ? fnmatch(pattern, path, FNM_PATHNAME) == 0
					 : fnmatch(pattern, base, 0) == 0)
			return true;
	}
	return false;
}

/* File systems that hold no files of their own, only views of the kernel: statfs f_type, from Linux
 * include/uapi/linux/magic.h. */
static const uint32_t views[] = {
	0x9fa0,     /* proc */
	0x62656572, /* sysfs */
	0x1cd1,     /* devpts */
	0x27e0eb,   /* cgroup */
	0x63677270, /* cgroup2 */
	0x64626720, /* debugfs */
	0x74726163, /* tracefs */
	0x73636673, /* securityfs */
	0xf97cff8c, /* selinuxfs */
	0x43415d53, /* smackfs */
	0x5a3c69f0, /* apparmorfs */
	0xcafe4a11, /* bpf */
	0x6165676c, /* pstore */
	0xde5e81e4, /* efivarfs */
	0x62656570, /* configfs */
	0x19800202, /* mqueue */
	0x42494e4d, /* binfmt_misc */
	0x65735543, /* fusectl */
	0x187,      /* autofs */
	0x6e736673, /* nsfs */
	0x67596969, /* rpc_pipefs */
};

/* Whether a directory on another device than its parent is passed over. */
static bool mount_passed(const struct tree *tree, int fd)
{
	struct statfs fs;

	if (tree->options->one_file_system)
		return true;
	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(views); i++)
		if ((uint32_t)fs.f_type == views[i])
			return true;
	return false;
}

/* A directory being listed. */
struct level {
	DIR *stream;
	dev_t device;
	size_t path_size; /* of its own path */
};

struct walk {
	struct tree *tree;
	struct level levels[TREE_DEPTH_MAX];
	size_t n_levels;
	char path[TREE_PATH_MAX]; /* of the directory, "" for the root; then of its entry */
};

static void walk_clear(struct walk *walk)
{
	while (walk->n_levels)
		closedir(walk->levels[--walk->n_levels].stream);
}

/* Goes into the directory that walk->path names, of which fd is open; takes fd. */
static int walk_enter(struct walk *walk, int fd, struct error *err)
{
	struct level *level = &walk->levels[walk->n_levels];
	struct stat st;

	if (fstat(fd, &st) < 0 || !(level->stream = fdopendir(fd))) {
		tree_errno(walk->tree, walk->path, "cannot list", err);
		close(fd);
		return -1;
	}
	level->device = st.st_dev;
	level->path_size = strlen(walk->path);
	walk->n_levels++;
	return 0;
}

static int found_directory(struct walk *walk, const char *base, struct error *err)
{
	const struct level *parent = &walk->levels[walk->n_levels - 1];
	struct named named;
	struct stat st;
	int fd;

	if (walk->n_levels == TREE_DEPTH_MAX)
		return error_set(err, ERROR_LIMIT, name_of(walk->tree, walk->path, &named),
				 ERROR_NO_OFFSET, "more than %d directories inside each other",
				 TREE_DEPTH_MAX);
	fd = openat(dirfd(parent->stream), base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return tree_errno(walk->tree, walk->path, "cannot open", err);
	if (fstat(fd, &st) < 0) {
		tree_errno(walk->tree, walk->path, "cannot inspect", err);
		close(fd);
		return -1;
	}
	if (st.st_dev != parent->device && mount_passed(walk->tree, fd)) {
		close(fd);
		return 0;
	}
	return walk_enter(walk, fd, err);
}

static int found_link(struct walk *walk, const char *base, struct error *err)
{
	const struct level *parent = &walk->levels[walk->n_levels - 1];
	char target[PATH_MAX + 1];
	ssize_t size = readlinkat(dirfd(parent->stream), base, target, sizeof(target));

	if (size < 0)
		return tree_errno(walk->tree, walk->path, "cannot read the link", err);
	return file_set_add_link(walk->tree->found, bytes_of_string(walk->path),
				 bytes_of(target, (size_t)size), err);
}

static mode_t type_of(const struct level *level, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return DTTOIF(entry->d_type);
	return fstatat(dirfd(level->stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0
		       ? 0
		       : st.st_mode & S_IFMT;
}

static int found_entry(struct walk *walk, const struct dirent *entry, struct error *err)
{
	const struct level *level = &walk->levels[walk->n_levels - 1];
	size_t size = strlen(entry->d_name);
	/* With its NUL, so that the path can be opened where it stands in the arena. */
	struct golden_file file = { 0 };
	struct named named;

	if (size + 2 > sizeof(walk->path) - level->path_size)
		return error_set(err, ERROR_LIMIT, name_of(walk->tree, walk->path, &named),
				 ERROR_NO_OFFSET, "a path of more than %d bytes", TREE_PATH_MAX);
	walk->path[level->path_size] = '/';
	memcpy(walk->path + level->path_size + 1, entry->d_name, size + 1);
	if (excluded(walk->tree, walk->path))
		return 0;
	switch (type_of(level, entry)) {
	case S_IFREG:
		file.path = bytes_of(walk->path, level->path_size + 1 + size + 1);
		return file_set_add(walk->tree->found, &file, err);
	case S_IFDIR:
		return found_directory(walk, entry->d_name, err);
	case S_IFLNK:
		return found_link(walk, entry->d_name, err);
	default:
		return 0; /* devices, FIFOs, sockets */
	}
}

static int tree_find(struct tree *tree, struct error *err)
{
	AUTO(own_free) struct walk *walk = calloc(1, sizeof(*walk));
	int fd = openat(tree->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status;

	if (!walk || fd < 0) {
		status = fd < 0 ? tree_errno(tree, "", "cannot open", err)
				: error_memory(err, tree->dir);
		if (fd >= 0)
			close(fd);
		return status;
	}
	walk->tree = tree;
	status = walk_enter(walk, fd, err);
	while (status == 0 && walk->n_levels) {
		struct level *level = &walk->levels[walk->n_levels - 1];
		const struct dirent *entry;

		walk->path[level->path_size] = 0;
		errno = 0;
		entry = readdir(level->stream);
		if (!entry && errno) {
			status = tree_errno(tree, walk->path, "cannot list", err);
		} else if (!entry) {
			closedir(level->stream);
			walk->n_levels--;
		} else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			status = found_entry(walk, entry, err);
		}
	}
	walk_clear(walk);
	return status;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* One thread's means. */
struct reading {
	struct content *content;
	int parent; /* descriptor of the directory last opened, or -1 */
	char parent_path[TREE_PATH_MAX];
	uint8_t block[READ_SIZE];
	uint8_t xattr[XATTR_MAX];
	uint8_t ima[XATTR_MAX];
};

static void reading_end(void *ctx, void *state)
{
	struct reading *reading = state;

	(void)ctx;
	if (!reading)
		return;
	content_free(reading->content);
	if (reading->parent >= 0)
		close(reading->parent);
	free(reading);
}

static int reading_begin(void *ctx, void **state, struct error *err)
{
	const struct tree *tree = ctx;
	struct reading *reading = malloc(sizeof(*reading));

	if (!reading)
		return error_memory(err, NULL);
	reading->parent = -1;
	reading->content = NULL;
	if (content_new(&reading->content, err) < 0 ||
	    !content_has(reading->content, tree->algs, err)) {
		reading_end(NULL, reading);
		return -1;
	}
	*state = reading;
	return 0;
}

/* Makes reading->parent the directory of path, going down from the root. */
static int open_parent(const struct tree *tree, struct reading *reading, const char *path,
		       struct error *err)
{
	size_t size = (size_t)(strrchr(path, '/') - path);
	char *component, *next;
	int fd;

	if (reading->parent >= 0 && strlen(reading->parent_path) == size &&
	    memcmp(reading->parent_path, path, size) == 0)
		return 0;
	if (reading->parent >= 0)
		close(reading->parent);
	reading->parent = -1;
	memcpy(reading->parent_path, path, size);
	reading->parent_path[size] = 0;
	fd = openat(tree->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (component = reading->parent_path; fd >= 0 && *component; component = next) {
		int below;

		component++; /* the slash before it */
		next = component + strcspn(component, "/");
		if (*next) {
			*next = 0;
			below = openat(fd, component,
				       O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			*next = '/';
		} else {
			below = openat(fd, component,
				       O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		}
		close(fd);
		fd = below;
	}
	if (fd < 0)
		return tree_errno(tree, reading->parent_path, "cannot open", err);
	reading->parent = fd;
	return 0;
}

static int open_file(const struct tree *tree, struct reading *reading, const char *path,
		     struct error *err)
{
	const char *base = strrchr(path, '/') + 1;
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd;

	if (open_parent(tree, reading, path, err) < 0)
		return -1;
	/* Leaves no trace where it may; only the owner may. */
	fd = openat(reading->parent, base, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(reading->parent, base, flags);
	return fd < 0 ? tree_errno(tree, path, "cannot open", err) : fd;
}

static int read_data(const struct tree *tree, struct reading *reading, int fd, const char *path,
		     struct error *err)
{
	for (;;) {
		ssize_t n = read(fd, reading->block, sizeof(reading->block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return tree_errno(tree, path, "cannot read", err);
		if (n == 0)
			return 0;
		if (content_feed(reading->content, bytes_of(reading->block, (size_t)n), err) < 0)
			return -1;
	}
}

/* An extended attribute; no data where there is none or it cannot be read. */
static struct bytes read_xattr(int fd, const char *name, uint8_t *into)
{
	ssize_t size = fgetxattr(fd, name, into, XATTR_MAX);

	return size > 0 ? bytes_of(into, (size_t)size) : (struct bytes){ NULL, 0 };
}

/* The first byte of security.ima (enum evm_ima_xattr_type of the kernel): the others are hashes, which
 * say no more than ours. */
enum { IMA_XATTR_SIGNATURE = 3, IMA_XATTR_VERITY_SIGNATURE = 6 };

static bool times_equal(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int read_open_file(const struct tree *tree, struct reading *reading, int fd,
			  const char *path, struct file_set *set, struct error *err)
{
	AUTO(buf_clear) struct buf capabilities = BUF_INIT;
	struct golden_file file = { .path = bytes_of_string(path) };
	struct named named;
	struct stat st, after;

	if (fstat(fd, &st) < 0)
		return tree_errno(tree, path, "cannot inspect", err);
	file.mode = st.st_mode;
	if (content_begin(reading->content, file.path, st.st_mode, tree->algs, err) < 0 ||
	    read_data(tree, reading, fd, path, err) < 0 ||
	    content_finish(reading->content, &file, err) < 0)
		return -1;
	if (fstat(fd, &after) < 0)
		return tree_errno(tree, path, "cannot inspect", err);
	if (!S_ISREG(st.st_mode) || file.size != (uint64_t)st.st_size ||
	    st.st_size != after.st_size || !times_equal(&st.st_mtim, &after.st_mtim) ||
	    !times_equal(&st.st_ctim, &after.st_ctim))
		return error_set(err, ERROR_INPUT, name_of(tree, path, &named), ERROR_NO_OFFSET,
				 "changed while it was read");
	file.ima_signature = read_xattr(fd, "security.ima", reading->ima);
	if (file.ima_signature.size && file.ima_signature.data[0] != IMA_XATTR_SIGNATURE &&
	    file.ima_signature.data[0] != IMA_XATTR_VERITY_SIGNATURE)
		file.ima_signature.size = 0;
	capabilities_append(&capabilities, read_xattr(fd, "security.capability", reading->xattr));
	if (capabilities.failed)
		return error_memory(err, NULL);
	file.capabilities = buf_bytes(&capabilities);
	return file_set_add(set, &file, err);
}

static int read_file(const struct tree *tree, struct reading *reading, const char *path,
		     struct file_set *set, struct error *err)
{
	int fd = open_file(tree, reading, path, err);
	int status;

	if (fd < 0)
		return -1;
	status = read_open_file(tree, reading, fd, path, set, err);
	close(fd);
	return status;
}

/* What became of one batch. */
struct batch {
	struct file_set *set;
	bool failed;
	struct error why;
};

static size_t batch_end(const struct tree *tree, size_t item)
{
	size_t left = tree->found->n_files - item * TREE_BATCH;

	return item * TREE_BATCH + (left < TREE_BATCH ? left : TREE_BATCH);
}

static void *batch_work(void *ctx, void *state, size_t item)
{
	const struct tree *tree = ctx;
	struct batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	if (file_set_new(tree->algs, &batch->set, &batch->why) < 0)
		batch->failed = true;
	for (size_t i = item * TREE_BATCH; !batch->failed && i < batch_end(tree, item); i++)
		if (read_file(tree, state, (const char *)tree->found->files[i].path.data,
			      batch->set, &batch->why) < 0)
			batch->failed = true;
	return batch;
}

static int batch_done(void *ctx, size_t item, void *result, int aborted, struct error *err)
{
	struct tree *tree = ctx;
	AUTO(own_free) struct batch *batch = result;
	int status = 0;

	if (!batch)
		return error_memory(err, tree->dir);
	if (!aborted && batch->failed) {
		*err = batch->why;
		status = -1;
	} else if (!aborted) {
		status = file_set_join(tree->files, batch->set, err);
		if (tree->options->progress)
			progress_step(tree->options->progress,
				      batch_end(tree, item) - item * TREE_BATCH);
	}
	file_set_free(batch->set);
	return status;
}

/* --- the artifact ------------------------------------------------------------------------------ */

static void append_field(struct buf *out, struct bytes text)
{
	buf_append(out, text);
	buf_append_u8(out, 0);
}

/*
 * The listing whose SHA-256 is the artifact's digest (assay-refgen(1) has it): one record for each
 * regular file and symbolic link, in byte order of their paths. Fields end with a NUL: path; then
 * "file", mode in octal, size in decimal, SHA-256 in hex, IMA signature in hex, capabilities; or
 * "link" and the target.
 */
static void append_file(struct buf *out, const struct golden_file *file)
{
	append_field(out, file->path);
	append_field(out, bytes_of_string("file"));
	buf_printf(out, "%" PRIo32, file->mode);
	buf_append_u8(out, 0);
	buf_printf(out, "%" PRIu64, file->size);
	buf_append_u8(out, 0);
	for (size_t i = 0; i < file->n_digests; i++)
		if (file->digests[i].alg == ALG_SHA256)
			buf_append_hex(out, digest_bytes(&file->digests[i]));
	buf_append_u8(out, 0);
	buf_append_hex(out, file->ima_signature);
	buf_append_u8(out, 0);
	append_field(out, file->capabilities);
}

static void append_link(struct buf *out, const struct golden_link *link)
{
	append_field(out, link->path);
	append_field(out, bytes_of_string("link"));
	append_field(out, link->target);
}

static int listing_digest(const struct file_set *set, struct hasher *hasher, struct digest *out,
			  struct error *err)
{
	AUTO(buf_clear) struct buf record = BUF_INIT;
	struct digest digests[ALG_COUNT];
	size_t i = 0, j = 0;

	if (hasher_begin(hasher, 1u << ALG_SHA256, err) < 0)
		return -1;
	while (i < set->n_files || j < set->n_links) {
		bool is_file = j == set->n_links ||
			       (i < set->n_files &&
				bytes_compare(set->files[i].path, set->links[j].path) <= 0);

		record.size = 0;
		if (is_file)
			append_file(&record, &set->files[i++]);
		else
			append_link(&record, &set->links[j++]);
		if (record.failed)
			return error_memory(err, NULL);
		if (hasher_update(hasher, buf_bytes(&record), err) < 0)
			return -1;
	}
	if (hasher_finish(hasher, digests, err) < 0)
		return -1;
	*out = digests[ALG_SHA256];
	return 0;
}

/* The last component of dir; of what it stands for where it is "." or "..". */
static int artifact_name(const struct tree *tree, struct buf *out, struct error *err)
{
	AUTO(own_free) char *real = NULL;
	const char *name = tree->dir;
	size_t end = strlen(name), start;

	if (tree->options->name) {
		buf_append_string(out, tree->options->name);
		return buf_finish(out, err);
	}
	while (end > 1 && name[end - 1] == '/')
		end--;
	for (start = end; start && name[start - 1] != '/';)
		start--;
	if (bytes_equal_string(bytes_of(name + start, end - start), ".") ||
	    bytes_equal_string(bytes_of(name + start, end - start), "..")) {
		real = realpath(name, NULL);
		if (!real)
			return tree_errno(tree, "", "cannot resolve", err);
		name = real;
		end = strlen(name);
		for (start = end; start && name[start - 1] != '/';)
			start--;
	}
	buf_append(out, start == end ? bytes_of_string("/") : bytes_of(name + start, end - start));
	return buf_finish(out, err);
}

static int tree_artifact(struct tree *tree, struct error *err)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	struct artifact artifact = { .kind = ARTIFACT_TREE };

	file_set_sort(tree->files);
	if (artifact_name(tree, &name, err) < 0 || hasher_new(&hasher, err) < 0 ||
	    listing_digest(tree->files, hasher, &artifact.digest, err) < 0)
		return -1;
	for (size_t i = 0; i < tree->files->n_files; i++)
		artifact.size += tree->files->files[i].size;
	artifact.name = buf_bytes(&name);
	file_set_only(tree->files, tree->options->algs);
	tree->files->algs = tree->options->algs;
	return file_set_artifact(tree->files, &artifact, err);
}

static int tree_open(struct tree *tree, struct error *err)
{
	tree->root = open(tree->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree->root < 0)
		return tree_errno(tree, "", "cannot open", err);
	if (file_set_new(tree->algs, &tree->files, err) < 0)
		return -1;
	return file_set_new(tree->algs, &tree->found, err);
}

int tree_read(const char *dir, const struct tree_options *options, struct file_set **out,
	      struct error *err)
{
	/* The listing has SHA-256, whatever the algorithms asked for. */
	AUTO(tree_clear)
	struct tree tree = {
		.dir = dir, .options = options, .root = -1, .algs = options->algs | 1u << ALG_SHA256
	};
	struct pool_job job = { .n_threads = options->n_jobs,
				.ctx = &tree,
				.ahead = SIZE_MAX, /* the whole artifact is held anyway */
				.thread_begin = reading_begin,
				.thread_end = reading_end,
				.work = batch_work,
				.done = batch_done };

	if (tree_open(&tree, err) < 0 || tree_find(&tree, err) < 0)
		return -1;
	/* Neighbours together, so that a directory is opened once; and in the same order every time. */
	file_set_sort(tree.found);
	if (options->progress)
		options->progress->n_total += tree.found->n_files;
	job.n_items = (tree.found->n_files + TREE_BATCH - 1) / TREE_BATCH;
	if (pool_run(&job, err) < 0)
		return -1;
	tree.found->n_files = 0; /* leaves the links */
	if (file_set_join(tree.files, tree.found, err) < 0 || tree_artifact(&tree, err) < 0)
		return -1;
	*out = TAKE(tree.files);
	return 0;
}
