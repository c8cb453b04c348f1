/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/rpm/filelist.h"

#include <inttypes.h>
#include <sys/stat.h>

#define FILES_RULE "RPM tags, per-file information"

/* The arrays that have one value for each file. */
struct arrays {
	struct rpm_strings basenames, dirnames, links, digests, capabilities, ima, verity, classes;
	struct rpm_numbers dirindexes, modes, sizes, flags, devices, inodes, class_indexes;
};

static int count_wrong(const struct rpm_header *header, uint32_t tag, uint32_t count,
		       uint32_t n_files, struct error *err)
{
	const struct rpm_entry *entry = rpm_header_find(header, tag);

	return error_set(err, ERROR_MALFORMED, header->source,
			 entry ? rpm_entry_offset(header, entry) : header->offset,
			 FILES_RULE ": tag %" PRIu32 " has %" PRIu32 " values for %" PRIu32
				    " files",
			 tag, count, n_files);
}

/* A tag with one string for each file, or none. */
static int file_strings(const struct rpm_header *header, uint32_t tag, uint32_t n_files,
			struct rpm_strings *out, struct error *err)
{
	int status = rpm_header_strings(header, tag, out, err);

	if (status > 0 && out->count != n_files)
		return count_wrong(header, tag, out->count, n_files, err);
	return status;
}

static int file_numbers(const struct rpm_header *header, uint32_t tag, uint32_t n_files,
			struct rpm_numbers *out, struct error *err)
{
	int status = rpm_header_numbers(header, tag, out, err);

	if (status > 0 && out->count != n_files)
		return count_wrong(header, tag, out->count, n_files, err);
	return status;
}

static int missing(const struct rpm_header *header, const char *what, struct error *err)
{
	return error_set(err, ERROR_MALFORMED, header->source, header->offset,
			 FILES_RULE ": files without %s", what);
}

/* How many files there are, and the tags that name them. */
static int open_names(const struct rpm_header *main, struct arrays *arrays, uint32_t *n_files,
		      struct error *err)
{
	int status = rpm_header_strings(main, RPMTAG_BASENAMES, &arrays->basenames, err);

	if (status < 0)
		return -1;
	if (status == 0) { /* before rpm 4, or no files */
		status = rpm_header_strings(main, RPMTAG_OLDFILENAMES, &arrays->basenames, err);
		if (status < 0)
			return -1;
		*n_files = status ? arrays->basenames.count : 0;
		return 0;
	}
	*n_files = arrays->basenames.count;
	status = rpm_header_strings(main, RPMTAG_DIRNAMES, &arrays->dirnames, err);
	if (status > 0)
		status = file_numbers(main, RPMTAG_DIRINDEXES, *n_files, &arrays->dirindexes, err);
	if (status == 0)
		return missing(main, "DIRNAMES and DIRINDEXES", err);
	return status < 0 ? -1 : 0;
}

/* IMA and fs-verity signatures are in the signature header; where the main header has them too,
 * rpm takes those. */
static int open_signatures(const struct rpm_header *signature, const struct rpm_header *main,
			   uint32_t n_files, struct arrays *arrays, struct error *err)
{
	int status = file_strings(main, RPMTAG_FILESIGNATURES, n_files, &arrays->ima, err);

	if (status == 0)
		status = file_strings(signature, RPMSIGTAG_FILESIGNATURES, n_files, &arrays->ima,
				      err);
	if (status < 0)
		return -1;
	status = file_strings(main, RPMSIGTAG_VERITYSIGNATURES, n_files, &arrays->verity, err);
	if (status == 0)
		status = file_strings(signature, RPMSIGTAG_VERITYSIGNATURES, n_files,
				      &arrays->verity, err);
	return status < 0 ? -1 : 0;
}

/* What libmagic said of each file, as indexes into a dictionary: texts to v4, MIME types since v6. */
static int open_classes(const struct rpm_header *main, uint32_t n_files, struct arrays *arrays,
			struct error *err)
{
	int status = rpm_header_strings(main, RPMTAG_CLASSDICT, &arrays->classes, err);
	uint32_t indexes = RPMTAG_FILECLASS;

	if (status == 0) {
		status = rpm_header_strings(main, RPMTAG_MIMEDICT, &arrays->classes, err);
		indexes = RPMTAG_FILEMIMEINDEX;
	}
	if (status > 0)
		status = file_numbers(main, indexes, n_files, &arrays->class_indexes, err);
	return status < 0 ? -1 : 0;
}

static int open_arrays(const struct rpm_header *signature, const struct rpm_header *main,
		       uint32_t n_files, struct arrays *arrays, struct error *err)
{
	int status = file_numbers(main, RPMTAG_LONGFILESIZES, n_files, &arrays->sizes, err);

	if (status == 0)
		status = file_numbers(main, RPMTAG_FILESIZES, n_files, &arrays->sizes, err);
	if (status == 0)
		return missing(main, "FILESIZES or LONGFILESIZES", err);
	if (status > 0)
		status = file_numbers(main, RPMTAG_FILEMODES, n_files, &arrays->modes, err);
	if (status == 0)
		return missing(main, "FILEMODES", err);
	if (status < 0 || file_numbers(main, RPMTAG_FILEFLAGS, n_files, &arrays->flags, err) < 0 ||
	    file_numbers(main, RPMTAG_FILEDEVICES, n_files, &arrays->devices, err) < 0 ||
	    file_numbers(main, RPMTAG_FILEINODES, n_files, &arrays->inodes, err) < 0 ||
	    file_strings(main, RPMTAG_FILELINKTOS, n_files, &arrays->links, err) < 0 ||
	    file_strings(main, RPMTAG_FILEDIGESTS, n_files, &arrays->digests, err) < 0 ||
	    file_strings(main, RPMTAG_FILECAPS, n_files, &arrays->capabilities, err) < 0 ||
	    open_signatures(signature, main, n_files, arrays, err) < 0 ||
	    open_classes(main, n_files, arrays, err) < 0)
		return -1;
	return 0;
}

/* All strings of an array by their index, and an empty one; owned by the caller, NULL when out of
 * memory. */
static struct bytes *strings_by_index(struct rpm_strings strings)
{
	struct bytes *out = calloc((size_t)strings.count + 1, sizeof(*out));

	for (uint32_t i = 0; out && i < strings.count; i++)
		out[i] = rpm_strings_next(&strings);
	return out;
}

static uint32_t number_or_zero(const struct rpm_numbers *numbers, uint32_t index)
{
	return numbers->count ? (uint32_t)rpm_number(numbers, index) : 0;
}

/* The next file of all arrays; index is its place. */
static int read_file(const struct rpm_header *main, struct arrays *arrays, const struct bytes *dirs,
		     uint32_t index, struct rpm_file *file, struct error *err)
{
	file->base = rpm_strings_next(&arrays->basenames);
	if (arrays->dirindexes.count) {
		uint64_t dir = rpm_number(&arrays->dirindexes, index);

		if (dir >= arrays->dirnames.count)
			return error_set(err, ERROR_MALFORMED, main->source,
					 rpm_entry_offset(main,
							  rpm_header_find(main, RPMTAG_DIRINDEXES)),
					 FILES_RULE ": file %" PRIu32 " is in directory %" PRIu64
						    " of %" PRIu32,
					 index, dir, arrays->dirnames.count);
		file->dir = dirs[dir];
	}
	if (file->dir.size + file->base.size >= RPM_PATH_MAX)
		return error_set(err, ERROR_LIMIT, main->source, main->offset,
				 FILES_RULE ": path of file %" PRIu32 " has %zu bytes, at most %u",
				 index, file->dir.size + file->base.size, RPM_PATH_MAX - 1);
	file->mode = (uint32_t)rpm_number(&arrays->modes, index) & 0xffff;
	file->size = rpm_number(&arrays->sizes, index);
	file->flags = number_or_zero(&arrays->flags, index);
	file->device = number_or_zero(&arrays->devices, index);
	file->inode = number_or_zero(&arrays->inodes, index);
	file->link = rpm_strings_next(&arrays->links);
	file->digest = rpm_strings_next(&arrays->digests);
	file->capabilities = rpm_strings_next(&arrays->capabilities);
	file->ima_signature = rpm_strings_next(&arrays->ima);
	file->verity_signature = rpm_strings_next(&arrays->verity);
	file->class_index = arrays->classes.count;
	if (arrays->class_indexes.count) {
		uint64_t stated = rpm_number(&arrays->class_indexes, index);

		/* rpm shows nothing for an index past the dictionary's end, which it writes for
		 * what it did not look at. */
		if (stated < arrays->classes.count)
			file->class_index = (uint32_t)stated;
	}
	return 0;
}

static bool may_be_linked(const struct rpm_file *file)
{
	return S_ISREG(file->mode) && !(file->flags & RPMFILE_GHOST) && file->inode != 0;
}

/* A file by what makes it a hard link of another. */
struct link_key {
	uint32_t device, inode, index;
};

static int link_key_compare(const void *a, const void *b)
{
	const struct link_key *left = a, *right = b;

	if (left->device != right->device)
		return left->device < right->device ? -1 : 1;
	if (left->inode != right->inode)
		return left->inode < right->inode ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

static int find_groups(struct rpm_filelist *list, struct error *err)
{
	AUTO(own_free) struct link_key *keys = NULL;
	uint32_t n = 0, last = 0;
	bool rising = true;

	/* rpmbuild numbers files upwards and repeats a number for a hard link only. */
	for (uint32_t i = 0; i < list->n_files && rising; i++)
		if (may_be_linked(&list->files[i])) {
			rising = list->files[i].inode > last &&
				 list->files[i].device == list->files[0].device;
			last = list->files[i].inode;
		}
	if (rising)
		return 0;
	keys = calloc(list->n_files, sizeof(*keys));
	list->groups = calloc(list->n_files, sizeof(*list->groups));
	if (!keys || !list->groups)
		return error_memory(err, list->source);
	for (uint32_t i = 0; i < list->n_files; i++)
		if (may_be_linked(&list->files[i]))
			keys[n++] =
				(struct link_key){ list->files[i].device, list->files[i].inode, i };
	qsort(keys, n, sizeof(*keys), link_key_compare);
	for (uint32_t begin = 0, end; begin < n; begin = end) {
		for (end = begin; end < n && keys[end].device == keys[begin].device &&
				  keys[end].inode == keys[begin].inode;
		     end++)
			list->groups[end] = keys[end].index;
		for (uint32_t i = begin; end - begin > 1 && i < end; i++) {
			list->files[keys[i].index].group_at = begin;
			list->files[keys[i].index].group_size = end - begin;
		}
	}
	return 0;
}

static int read_files(const struct rpm_header *main, struct arrays *arrays,
		      struct rpm_filelist *list, struct error *err)
{
	AUTO(own_free) struct bytes *dirs = strings_by_index(arrays->dirnames);
	size_t paths_size = 0;

	list->classes = strings_by_index(arrays->classes);
	list->n_classes = arrays->classes.count + 1;
	list->files = calloc(list->n_files, sizeof(*list->files));
	if (!dirs || !list->classes || !list->files)
		return error_memory(err, main->source);
	for (uint32_t i = 0; i < list->n_files; i++) {
		struct rpm_file *file = &list->files[i];

		if (read_file(main, arrays, dirs, i, file, err) < 0)
			return -1;
		paths_size += file->dir.size + file->base.size;
		if (paths_size > RPM_PATHS_MAX)
			return error_set(err, ERROR_LIMIT, main->source, main->offset,
					 FILES_RULE ": paths of more than %u bytes in all",
					 RPM_PATHS_MAX);
	}
	return find_groups(list, err);
}

/* FILEDIGESTALGO is an OpenPGP id; packages without it, and those that say 0, have MD5. */
static int read_digest_alg(const struct rpm_header *main, struct rpm_filelist *list,
			   struct error *err)
{
	uint64_t id = 0;

	if (rpm_header_number(main, RPMTAG_FILEDIGESTALGO, &id, err) < 0)
		return -1;
	list->digest_alg_id = id == 0 ? 1 : id > UINT32_MAX ? UINT32_MAX : (uint32_t)id;
	list->digest_alg = alg_of_openpgp_id(list->digest_alg_id);
	return 0;
}

int rpm_filelist_parse(const struct rpm_header *signature, const struct rpm_header *main,
		       struct rpm_filelist *out, struct error *err)
{
	AUTO(rpm_filelist_clear)
	struct rpm_filelist list = { .source = main->source, .offset = main->offset };
	struct arrays arrays = { 0 };

	if (open_names(main, &arrays, &list.n_files, err) < 0 ||
	    read_digest_alg(main, &list, err) < 0)
		return -1;
	if (list.n_files > RPM_FILES_MAX)
		return error_set(err, ERROR_LIMIT, main->source, main->offset,
				 FILES_RULE ": %" PRIu32 " files, at most %u", list.n_files,
				 RPM_FILES_MAX);
	if (list.n_files > 0 && (open_arrays(signature, main, list.n_files, &arrays, err) < 0 ||
				 read_files(main, &arrays, &list, err) < 0))
		return -1;
	*out = list;
	list = (struct rpm_filelist){ 0 }; /* the caller's from here */
	return 0;
}

void rpm_filelist_clear(struct rpm_filelist *list)
{
	free(list->files);
	free(list->classes);
	free(list->groups);
	free(list->by_path);
	*list = (struct rpm_filelist){ 0 };
}

struct bytes rpm_file_path(const struct rpm_file *file, char *out)
{
	if (file->dir.size)
		memcpy(out, file->dir.data, file->dir.size);
	if (file->base.size)
		memcpy(out + file->dir.size, file->base.data, file->base.size);
	return bytes_of(out, file->dir.size + file->base.size);
}

/* A path without what payloads put before it or leave away. */
static struct bytes strip_root(struct bytes path)
{
	if (path.size && path.data[0] == '.' && (path.size == 1 || path.data[1] == '/'))
		path = bytes_of(path.data + 1, path.size - 1);
	if (path.size && path.data[0] == '/')
		path = bytes_of(path.data + 1, path.size - 1);
	return path;
}

/* A path in its two parts, without what payloads leave away. */
struct split {
	struct bytes dir, base;
};

static struct split split_of(const struct rpm_file *file)
{
	return file->dir.size ? (struct split){ strip_root(file->dir), file->base }
			      : (struct split){ bytes_of(NULL, 0), strip_root(file->base) };
}

/* Byte order of the joined paths; where the parts meet may differ. */
static int split_compare(struct split a, struct split b)
{
	for (;;) {
		struct bytes *left = a.dir.size ? &a.dir : &a.base;
		struct bytes *right = b.dir.size ? &b.dir : &b.base;
		size_t n = left->size < right->size ? left->size : right->size;
		int order;

		if (n == 0)
			return (left->size > 0) - (right->size > 0);
		order = memcmp(left->data, right->data, n);
		if (order)
			return order;
		*left = bytes_of(left->data + n, left->size - n);
		*right = bytes_of(right->data + n, right->size - n);
	}
}

static int by_path(const void *a, const void *b)
{
	const struct rpm_file *left = *(const struct rpm_file *const *)a;
	const struct rpm_file *right = *(const struct rpm_file *const *)b;

	return split_compare(split_of(left), split_of(right));
}

/* Sorted rather than hashed: no choice of names makes it slow. */
static int sort_paths(struct rpm_filelist *list, struct error *err)
{
	list->by_path = calloc(list->n_files ? list->n_files : 1, sizeof(*list->by_path));
	if (!list->by_path)
		return error_memory(err, list->source);
	for (uint32_t i = 0; i < list->n_files; i++)
		list->by_path[i] = &list->files[i];
	qsort(list->by_path, list->n_files, sizeof(*list->by_path), by_path);
	return 0;
}

int rpm_filelist_find(struct rpm_filelist *list, struct bytes name, uint32_t *hint, uint32_t *index,
		      struct error *err)
{
	const struct split wanted = { bytes_of(NULL, 0), strip_root(name) };
	uint32_t at = *hint, begin = 0, end = list->n_files;

	/* Directories and ghosts are often passed over: look a little ahead. */
	for (unsigned tries = 0; at < list->n_files && tries < 8; at++, tries++)
		if (split_compare(split_of(&list->files[at]), wanted) == 0)
			goto found;
	if (!list->by_path && sort_paths(list, err) < 0)
		return -1;
	while (begin < end) {
		uint32_t middle = begin + (end - begin) / 2;
		int order = split_compare(wanted, split_of(list->by_path[middle]));

		if (order == 0) {
			at = (uint32_t)(list->by_path[middle] - list->files);
			goto found;
		}
		if (order < 0)
			end = middle;
		else
			begin = middle + 1;
	}
	return 0;
found:
	*index = at;
	*hint = at + 1;
	return 1;
}

bool rpm_filelist_has_content(const struct rpm_filelist *list, uint32_t index)
{
	const struct rpm_file *file = &list->files[index];

	if (!S_ISREG(file->mode))
		return false;
	return !file->group_size || list->groups[file->group_at + file->group_size - 1] == index;
}

int rpm_filelist_digest(const struct rpm_filelist *list, uint32_t index, struct digest *out,
			struct error *err)
{
	struct bytes hex = list->files[index].digest;
	uint8_t value[DIGEST_SIZE_MAX];
	long size;

	if (!hex.size)
		return 0;
	size = hex_parse(hex, value, sizeof(value));
	if (list->digest_alg == ALG_NONE && size > 0)
		return 0;
	if (size < 0 || !digest_init(out, list->digest_alg, bytes_of(value, (size_t)size)))
		return error_set(err, ERROR_MALFORMED, list->source, list->offset,
				 FILES_RULE ": digest of file %" PRIu32 " is no %s", index,
				 alg_name(list->digest_alg));
	return 1;
}
