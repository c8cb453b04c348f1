/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An initrd as the kernel unpacks it (init/initramfs.c): archives one after
 * the other, each compressed in its own way or not at all, zero bytes between
 * them. Later entries replace earlier ones, so what counts is the file system
 * that is there in the end, and the paths by which IMA will name its files.
 */
#define _GNU_SOURCE /* tdestroy, twalk_r */
#include "refgen/files/internal.h"

#include <inttypes.h>
#include <search.h>
#include <sys/stat.h>

#define INITRD_ENTRIES_MAX  4000000 /* entries of one archive */
#define INITRD_SEGMENTS_MAX 4096    /* archives and streams in one image */
#define INITRD_UNPACKED_MAX                                                                        \
	(64ull << 30)   /* bytes of one stream: no machine has as much memory for it */
#define SYMLINKS_MAX 40 /* links followed in one path: the kernel's MAXSYMLINKS */

/* A name in the file system that the kernel builds. */
struct node {
	struct bytes path;   /* absolute, no "." and no doubled slashes; in the arena of files */
	mode_t type;         /* S_IFREG, S_IFLNK, S_IFDIR, or another S_IFMT */
	size_t inode;        /* of a regular file: index in inodes */
	struct bytes target; /* of a symbolic link */
};

/* Which inode an entry with several links is; forgotten at the trailer. */
struct hardlink {
	uint32_t dev_major, dev_minor, ino;
	size_t inode;
};

struct initrd {
	const char *source;
	struct content *content;
	alg_set algs;
	void *nodes; /* tree of struct node, by path; a tree, since no choice of names makes it slow */
	void *hardlinks;         /* tree of struct hardlink */
	struct file_set *inodes; /* contents of regular files; their paths are in nodes */
	struct file_set *files;  /* the result; borrowed */
	struct error *err;       /* while walking the tree at the end */
	int status;
};

static int compare_nodes(const void *a, const void *b)
{
	return bytes_compare(((const struct node *)a)->path, ((const struct node *)b)->path);
}

static int compare_hardlinks(const void *a, const void *b)
{
	const struct hardlink *l = a, *r = b;

	if (l->dev_major != r->dev_major)
		return l->dev_major < r->dev_major ? -1 : 1;
	if (l->dev_minor != r->dev_minor)
		return l->dev_minor < r->dev_minor ? -1 : 1;
	return l->ino < r->ino ? -1 : l->ino > r->ino;
}

static void hardlinks_forget(struct initrd *initrd)
{
	tdestroy(initrd->hardlinks, free);
	initrd->hardlinks = NULL;
}

static void initrd_clear(struct initrd *initrd)
{
	hardlinks_forget(initrd);
	tdestroy(initrd->nodes, free);
	file_set_free(initrd->inodes);
}

static struct node *node_find(struct initrd *initrd, struct bytes path)
{
	struct node key = { .path = path };
	struct node **found = tfind(&key, &initrd->nodes, compare_nodes);

	return found ? *found : NULL;
}

/* --- paths ------------------------------------------------------------------------------------ */

/* A path being put together: "" or "/a/b", never ending in a slash. */
struct path {
	char text[CPIO_NAME_MAX];
	size_t size;
};

static struct bytes path_bytes(const struct path *path)
{
	return bytes_of(path->text, path->size);
}

static bool path_push(struct path *path, struct bytes name)
{
	if (name.size >= sizeof(path->text) - path->size)
		return false;
	path->text[path->size++] = '/';
	memcpy(path->text + path->size, name.data, name.size);
	path->size += name.size;
	return true;
}

static void path_pop(struct path *path)
{
	while (path->size && path->text[--path->size] != '/')
		;
}

/* Takes the next component off *rest: false when there is none. */
static bool path_component(struct bytes *rest, struct bytes *name)
{
	size_t n = 0;

	while (rest->size && rest->data[0] == '/')
		*rest = bytes_of(rest->data + 1, rest->size - 1);
	while (n < rest->size && rest->data[n] != '/')
		n++;
	*name = bytes_of(rest->data, n);
	*rest = bytes_of(rest->data + n, rest->size - n);
	return n > 0;
}

static bool path_more(struct bytes rest)
{
	return !bytes_all(rest, '/');
}

/*
 * The path that IMA will report for a name: absolute, through the links that
 * the image itself has on the way (/lib -> usr/lib). The last component is not
 * followed: the kernel replaces it. False when it is too long or a link leads
 * nowhere good; then no file is made.
 */
static bool path_resolve(struct initrd *initrd, struct bytes name, struct path *out)
{
	char pending[2 * CPIO_NAME_MAX];
	struct bytes rest = name, component;
	unsigned n_links = 0;

	out->size = 0;
	while (path_component(&rest, &component)) {
		const struct node *node;

		if (bytes_equal_string(component, "."))
			continue;
		if (bytes_equal_string(component, "..")) {
			path_pop(out); /* only from a link's target */
			continue;
		}
		if (!path_push(out, component))
			return false;
		if (!path_more(rest))
			continue;
		node = node_find(initrd, path_bytes(out));
		if (!node || node->type != S_IFLNK)
			continue;
		/* Go on with the link's target and what is left behind it. */
		if (++n_links > SYMLINKS_MAX || node->target.size + rest.size > sizeof(pending) / 2)
			return false;
		memmove(pending + node->target.size, rest.data, rest.size);
		memcpy(pending, node->target.data, node->target.size);
		rest = bytes_of(pending, node->target.size + rest.size);
		if (node->target.data[0] == '/')
			out->size = 0;
		else
			path_pop(out);
	}
	return true;
}

static bool has_dotdot(struct bytes name)
{
	struct bytes component;

	while (path_component(&name, &component))
		if (bytes_equal_string(component, ".."))
			return true;
	return false;
}

/* --- entries ------------------------------------------------------------------------------------ */

/* The node of a path, made if there is none. */
static struct node *node_at(struct initrd *initrd, struct bytes path, struct error *err)
{
	struct node *node = node_find(initrd, path);

	if (node)
		return node;
	node = calloc(1, sizeof(*node));
	if (node) {
		node->path = file_set_copy(initrd->files, path);
		if (node->path.data && tsearch(node, &initrd->nodes, compare_nodes))
			return node;
		free(node);
	}
	error_memory(err, initrd->source);
	return NULL;
}

/* The inode that an entry with several links already has: 1; or will have, from now on: 0. */
static int hardlink_inode(struct initrd *initrd, const struct cpio_entry *entry, size_t *inode,
			  struct error *err)
{
	struct hardlink *key = malloc(sizeof(*key));
	struct hardlink **found;

	if (!key)
		return error_memory(err, initrd->source);
	*key = (struct hardlink){ entry->dev_major, entry->dev_minor, entry->ino, *inode };
	found = tsearch(key, &initrd->hardlinks, compare_hardlinks);
	if (!found) {
		free(key);
		return error_memory(err, initrd->source);
	}
	if (*found == key)
		return 0;
	*inode = (*found)->inode;
	free(key);
	return 1;
}

/* Hashes the entry's data: what becomes of inode. */
static int take_data(struct initrd *initrd, struct cpio *cpio, const struct cpio_entry *entry,
		     struct bytes path, size_t inode, struct error *err)
{
	struct golden_file file = { 0 };
	struct bytes block;
	int got;

	if (content_begin(initrd->content, path, entry->mode, initrd->algs, err) < 0)
		return -1;
	while ((got = cpio_data(cpio, &block, err)) > 0)
		if (content_feed(initrd->content, block, err) < 0)
			return -1;
	if (got < 0 || content_finish(initrd->content, &file, err) < 0)
		return -1;
	return file_set_content(initrd->inodes, inode, &file, err);
}

/* do_name() and do_copy() of the kernel, for a regular file. */
static int take_file(struct initrd *initrd, struct cpio *cpio, const struct cpio_entry *entry,
		     struct bytes path, struct error *err)
{
	struct node *node = node_at(initrd, path, err);
	struct golden_file none = { .mode = entry->mode };
	bool is_file = node && node->type == S_IFREG;
	/* Opened for writing anew, a file keeps its inode, and the other names that it has. */
	size_t inode = is_file ? node->inode : initrd->inodes->n_files;
	int linked = 0;

	if (!node)
		return -1;
	if (entry->nlink >= 2 && (linked = hardlink_inode(initrd, entry, &inode, err)) < 0)
		return -1;
	if (!linked && !is_file && file_set_add(initrd->inodes, &none, err) < 0)
		return -1;
	node->type = S_IFREG;
	node->inode = inode;
	initrd->inodes->files[inode].mode = entry->mode;
	/* A further link without data of its own leaves the file as it is. */
	if (linked && entry->size == 0)
		return 0;
	return take_data(initrd, cpio, entry, path, inode, err);
}

static int take_symlink(struct initrd *initrd, struct cpio *cpio, const struct cpio_entry *entry,
			struct bytes path, const char *source, struct error *err)
{
	AUTO(buf_clear) struct buf target = BUF_INIT;
	struct bytes block;
	struct node *node;
	int got;

	if (entry->size == 0 || entry->size >= CPIO_NAME_MAX)
		return error_set(err, ERROR_LIMIT, source, entry->offset,
				 "cpio: a symbolic link with a target of %" PRIu64
				 " bytes, at least 1, below %d",
				 entry->size, CPIO_NAME_MAX);
	while ((got = cpio_data(cpio, &block, err)) > 0)
		buf_append(&target, block);
	if (got < 0)
		return -1;
	node = node_at(initrd, path, err);
	if (!node)
		return -1;
	node->type = S_IFLNK;
	node->target = file_set_copy(initrd->files, buf_bytes(&target));
	return node->target.data ? 0 : error_memory(err, initrd->source);
}

static int take_entry(struct initrd *initrd, struct cpio *cpio, const struct cpio_entry *entry,
		      const char *source, struct error *err)
{
	struct path path;
	struct node *node;

	if (has_dotdot(entry->name))
		return error_set(err, ERROR_MALFORMED, source, entry->offset,
				 "cpio: a name with '..' in it");
	if (!path_resolve(initrd, entry->name, &path))
		return error_set(err, ERROR_LIMIT, source, entry->offset,
				 "cpio: a name through more than %d links, or longer than %d bytes",
				 SYMLINKS_MAX, CPIO_NAME_MAX);
	if (path.size == 0)
		return 0; /* the root itself */
	if (S_ISREG(entry->mode))
		return take_file(initrd, cpio, entry, path_bytes(&path), err);
	if (S_ISLNK(entry->mode))
		return take_symlink(initrd, cpio, entry, path_bytes(&path), source, err);
	/* Directories, devices and the like are only remembered for what they replace. The kernel
	 * makes none with data, nor of a type it does not know. */
	if (entry->size || !(S_ISDIR(entry->mode) || S_ISCHR(entry->mode) || S_ISBLK(entry->mode) ||
			     S_ISFIFO(entry->mode) || S_ISSOCK(entry->mode)))
		return 0;
	node = node_at(initrd, path_bytes(&path), err);
	if (!node)
		return -1;
	node->type = entry->mode & S_IFMT;
	return 0;
}

/* One archive up to its trailer. */
static int take_archive(struct initrd *initrd, struct cpio *cpio, const char *source,
			struct error *err)
{
	const struct cpio_entry *entry;
	int got;

	while ((got = cpio_next(cpio, &entry, err)) > 0)
		if (take_entry(initrd, cpio, entry, source, err) < 0)
			return -1;
	hardlinks_forget(initrd);
	return got;
}

/* --- segments -------------------------------------------------------------------------------------- */

/* An archive that is not compressed begins at *pos. */
static int take_plain(struct initrd *initrd, struct bytes image, size_t *pos, struct error *err)
{
	struct cpio_options options = { .source = initrd->source,
					.base = *pos,
					.entries_max = INITRD_ENTRIES_MAX };
	struct bytes_source memory;
	AUTO(cpio_freep) struct cpio *cpio = NULL;
	struct byte_source input =
		byte_source_of(&memory, bytes_of(image.data + *pos, image.size - *pos));

	if (cpio_open(&options, input, &cpio, err) < 0 ||
	    take_archive(initrd, cpio, initrd->source, err) < 0)
		return -1;
	*pos += (size_t)cpio_consumed(cpio);
	return 0;
}

/* A compressed stream with one or more archives begins at *pos. */
static int take_stream(struct initrd *initrd, struct bytes image, size_t *pos,
		       enum compression compression, struct error *err)
{
	char source[256];
	struct decompressor_options unpack = { .compression = compression,
					       .source = initrd->source,
					       .base = *pos,
					       .output_max = INITRD_UNPACKED_MAX,
					       .first_stream_only = true };
	struct cpio_options options = { .source = source, .entries_max = INITRD_ENTRIES_MAX };
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
	AUTO(cpio_freep) struct cpio *cpio = NULL;
	int more;

	snprintf(source, sizeof(source), "%.200s (unpacked %s at 0x%zx)", initrd->source,
		 compression_name(compression), *pos);
	if (decompressor_open_bytes(&unpack, bytes_of(image.data + *pos, image.size - *pos),
				    &decompressor, err) < 0 ||
	    cpio_open(&options, decompressor_source(decompressor), &cpio, err) < 0)
		return -1;
	do {
		if (take_archive(initrd, cpio, source, err) < 0)
			return -1;
		more = cpio_again(cpio, err);
	} while (more > 0);
	if (more < 0)
		return -1;
	*pos += (size_t)decompressor_consumed(decompressor);
	return 0;
}

static int take_segments(struct initrd *initrd, struct bytes image, struct error *err)
{
	size_t pos = 0, n_segments = 0;

	for (;;) {
		enum compression compression;

		while (pos < image.size && image.data[pos] == 0)
			pos++;
		if (pos == image.size)
			break;
		if (++n_segments > INITRD_SEGMENTS_MAX)
			return error_set(err, ERROR_LIMIT, initrd->source, pos,
					 "initrd: more than %d archives", INITRD_SEGMENTS_MAX);
		if (image.data[pos] == '0' && pos % 4 == 0) {
			if (take_plain(initrd, image, &pos, err) < 0)
				return -1;
			continue;
		}
		compression = compression_detect(bytes_of(image.data + pos, image.size - pos));
		if (compression == COMPRESSION_NONE)
			return error_set(
				err, ERROR_MALFORMED, initrd->source, pos,
				n_segments > 1 ? "initrd: bytes after the last archive that begin "
						 "no further one"
					       : "initrd: neither a cpio archive nor a compressed "
						 "stream begins here");
		if (take_stream(initrd, image, &pos, compression, err) < 0)
			return -1;
	}
	if (n_segments == 0)
		return error_set(err, ERROR_TRUNCATED, initrd->source, pos,
				 "initrd: no archive in it");
	return 0;
}

/* --- the result --------------------------------------------------------------------------------------- */

static void emit_node(const void *at, VISIT visit, void *ctx)
{
	const struct node *node = *(const struct node *const *)at;
	struct initrd *initrd = ctx;
	struct golden_file file;

	if (initrd->status < 0 || (visit != postorder && visit != leaf))
		return;
	if (node->type == S_IFREG) {
		file = initrd->inodes->files[node->inode];
		file.path = node->path;
		initrd->status = file_set_add(initrd->files, &file, initrd->err);
	} else if (node->type == S_IFLNK) {
		initrd->status =
			file_set_add_link(initrd->files, node->path, node->target, initrd->err);
	}
}

int initrd_artifact(struct bytes image, const char *source, alg_set algs, struct file_set **out,
		    struct error *err)
{
	struct artifact artifact = { .kind = ARTIFACT_INITRD,
				     .size = image.size,
				     .name = artifact_name_of(source) };
	AUTO(file_set_freep) struct file_set *set = NULL;
	AUTO(hasher_freep) struct hasher *hasher = NULL;

	if (file_set_new(algs, &set, err) < 0 || hasher_new(&hasher, err) < 0 ||
	    hasher_digest_bytes(hasher, ALG_SHA256, image, &artifact.digest, err) < 0 ||
	    file_set_artifact(set, &artifact, err) < 0)
		return -1;
	*out = TAKE(set);
	return 0;
}

int initrd_read(struct bytes image, const char *source, struct content *content,
		struct file_set *set, struct error *err)
{
	AUTO(initrd_clear)
	struct initrd initrd = {
		.source = source, .content = content, .algs = set->algs, .files = set, .err = err
	};

	if (file_set_new(set->algs, &initrd.inodes, err) < 0 ||
	    take_segments(&initrd, image, err) < 0)
		return -1;
	twalk_r(initrd.nodes, emit_node, &initrd);
	return initrd.status;
}
