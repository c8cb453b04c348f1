/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bundles in a disk image. Its file systems are walked once for what is evidence by name or by content;
 * what lies beside that is listed when its bundle is opened, and read only where it has a role.
 */
#include "replay/evidence/internal.h"

#include <inttypes.h>
#include <pthread.h>

#include "core/array.h"
#include "core/disk/disk.h"
#include "core/json_read.h"
#include "core/text.h"

/* Folders below a bundle that evidence.json may lead to: as in a folder of this machine. */
#define DEPTH_MAX 16

/* Partitions looked into; a GPT has 128 entries, and few use ten. */
#define VOLUMES_MAX 128

/* Faults of the file systems told one by one: a damaged disk has thousands. */
#define TROUBLES_MAX 32

/*
 * What may be read of the image: so many times what it takes, which may be compressed, and some more.
 * Directories and inodes are read once, the beginning of each file, evidence two or three times.
 */
#define READ_TIMES 16
#define READ_FREE  ((uint64_t)256 << 20)
#define READ_MAX   ((uint64_t)256 << 30)

/* Smaller than any evidence that its content tells. */
#define EVIDENCE_MIN 16

struct image_volume {
	struct volume *volume; /* owned */
	const char
		*prefix; /* of its paths in the image: "partition-2", "" for a bare file system */
};

/* Where the contents of an item are. */
struct place {
	size_t volume;
	uint64_t size, id;
};

struct place_list {
	struct place *places; /* owned */
	size_t n, capacity;
};

struct image {
	char *path; /* owned */
	struct disk *disk;
	struct image_volume volumes[VOLUMES_MAX];
	size_t n_volumes;
	struct draft draft;     /* paths, and the problems of all bundles */
	struct item_list items; /* evidence, and what has its name; index is into places */
	struct place_list places;
	struct roots roots;
	pthread_mutex_t lock; /* a disk is read by one thread at a time */
};

void image_free(struct image *image)
{
	if (!image)
		return;
	for (size_t i = 0; i < image->n_volumes; i++)
		volume_free(image->volumes[i].volume);
	disk_free(image->disk);
	roots_clear(&image->roots);
	free(image->items.items);
	free(image->places.places);
	draft_clear(&image->draft);
	pthread_mutex_destroy(&image->lock);
	free(image->path);
	free(image);
}

static void image_freep(struct image **image)
{
	image_free(*image);
}

static enum item_type item_type_of(enum volume_entry_type type)
{
	switch (type) {
	case VOLUME_ENTRY_FILE:
		return ITEM_FILE;
	case VOLUME_ENTRY_DIRECTORY:
		return ITEM_FOLDER;
	case VOLUME_ENTRY_SYMLINK:
		return ITEM_LINK;
	case VOLUME_ENTRY_OTHER:
		break;
	}
	return ITEM_OTHER;
}

static int add_place(struct place_list *list, struct item *item, struct place place,
		     struct error *err)
{
	if (array_room(&list->places, list->n, &list->capacity, sizeof(*list->places), NULL, err) <
	    0)
		return -1;
	item->index = list->n;
	list->places[list->n++] = place;
	return 0;
}

/* --- what is evidence ----------------------------------------------------------------------- */

/* A walk over one volume, or over one folder of it. */
struct gathering {
	struct image *image;
	size_t volume;
	struct draft *draft; /* where paths and problems go */
	struct item_list *items;
	struct place_list *places;
	const char *below; /* in front of each path: "partition-2/" */
	unsigned n_troubles;
	bool everything; /* else only evidence */
	bool with_guesses;
};

static struct volume *volume_of(const struct gathering *gathering)
{
	return gathering->image->volumes[gathering->volume].volume;
}

/* The first max bytes of a file: 1, 0 if they cannot be had, -1. */
static int read_start(const struct gathering *gathering, const struct volume_member *member,
		      uint64_t max, struct buf *out, struct error *err)
{
	struct error problem = { 0 };

	if (volume_read_member(volume_of(gathering), member, max, out, &problem) == 0)
		return buf_finish(out, err) < 0 ? -1 : 1;
	if (problem.code != ERROR_SYSTEM)
		return 0;
	if (err)
		*err = problem;
	return -1;
}

static int guess(const struct gathering *gathering, const struct volume_member *member,
		 struct item *item, struct error *err)
{
	AUTO(buf_clear) struct buf start = BUF_INIT;
	int status;

	if (member->size < EVIDENCE_MIN)
		return 0;
	status = read_start(gathering, member, FORM_START_SIZE, &start, err);
	if (status > 0)
		item->guess = form_guess(buf_bytes(&start), &item->guessed);
	return status < 0 ? -1 : 0;
}

/* A disk has thousands of JSON files: true of those that are in a form of ours. */
static int is_in_form(const struct gathering *gathering, const struct volume_member *member,
		      bool *out, struct error *err)
{
	AUTO(arena_clear) struct arena arena = { 0 };
	AUTO(form_result_clear) struct form_result result = { .arena = &arena };
	AUTO(buf_clear) struct buf contents = BUF_INIT;
	struct error problem = { 0 };
	int status;

	*out = false;
	if (member->size > FORM_SIZE_MAX)
		return 0;
	status = read_start(gathering, member, FORM_SIZE_MAX, &contents, err);
	if (status <= 0)
		return status;
	status = form_read(buf_bytes(&contents), "", &result, &problem);
	if (status < 0) {
		if (err)
			*err = problem;
		return -1;
	}
	/* One that breaks before its form is known is nobody's. */
	*out = status > 0;
	return 0;
}

/* An evidence.json with what makes it one; other programs have files of that name. */
static int is_mapping(const struct gathering *gathering, const struct volume_member *member,
		      bool *out, struct error *err)
{
	AUTO(json_value_freep) struct json_value *document = NULL;
	AUTO(buf_clear) struct buf contents = BUF_INIT;
	struct error ignored = { 0 };
	int status;

	*out = false;
	if (member->size > role_size_max(ROLE_MAPPING))
		return 0;
	status = read_start(gathering, member, member->size, &contents, err);
	if (status <= 0)
		return status;
	if (json_read(buf_bytes(&contents), "", &document, &ignored) < 0) {
		if (ignored.code != ERROR_SYSTEM)
			return 0;
		if (err)
			*err = ignored;
		return -1;
	}
	*out = json_value_is_object(json_value_member(document, "files"));
	return 0;
}

static int is_evidence(const struct gathering *gathering, const struct volume_member *member,
		       struct item *item, bool *out, struct error *err)
{
	struct bytes no_name;

	*out = role_by_last_part(item->path, &no_name) != ROLE_NONE;
	if (*out || item->type != ITEM_FILE)
		return 0;
	if (bytes_equal_string(path_last_part(item->path), "evidence.json"))
		return is_mapping(gathering, member, out, err);
	if (guess(gathering, member, item, err) < 0)
		return -1;
	*out = item->guess == FORM_GUESS_PLAIN;
	return item->guess == FORM_GUESS_WRAPPED ? is_in_form(gathering, member, out, err) : 0;
}

static int gather_member(void *ctx, const struct volume_member *member, struct error *err)
{
	struct gathering *gathering = ctx;
	struct item item = { .type = item_type_of(member->type) };
	struct bytes no_name;
	char path[VOLUME_PATH_MAX + 64];
	bool wanted = gathering->everything;
	int size = snprintf(path, sizeof(path), "%s%.*s", gathering->below, (int)member->path.size,
			    (const char *)member->path.data);

	if (size < 0 || (size_t)size >= sizeof(path) ||
	    (item.type == ITEM_FOLDER && !gathering->everything))
		return 0; /* what is in a folder so deep is trouble already */
	item.path = bytes_of(path, (size_t)size);
	if (!wanted && is_evidence(gathering, member, &item, &wanted, err) < 0)
		return -1;
	if (!wanted)
		return 0;
	if (gathering->with_guesses && item.type == ITEM_FILE &&
	    bundle_role_of(item.path, &no_name) == ROLE_NONE &&
	    guess(gathering, member, &item, err) < 0)
		return -1;
	if (gathering->items->n_items >= BUNDLE_ITEMS_MAX)
		return error_set(err, ERROR_LIMIT, gathering->image->path, ERROR_NO_OFFSET,
				 "more than %d files that may be evidence", BUNDLE_ITEMS_MAX);
	item.path = arena_copy(&gathering->draft->arena, item.path);
	if (gathering->draft->arena.failed)
		return error_memory(err, gathering->image->path);
	if (add_place(gathering->places, &item,
		      (struct place){ gathering->volume, member->size, member->id }, err) < 0)
		return -1;
	return item_list_add(gathering->items, item, err);
}

static int gather_trouble(void *ctx, struct bytes path, const struct error *problem,
			  struct error *err)
{
	struct gathering *gathering = ctx;
	AUTO(buf_clear) struct buf where = BUF_INIT;

	if (gathering->n_troubles++ >= TROUBLES_MAX)
		return 0;
	buf_append_string(&where, gathering->below);
	buf_append(&where, path);
	if (buf_finish(&where, err) < 0)
		return -1;
	if (gathering->n_troubles == TROUBLES_MAX)
		return draft_problem(gathering->draft, BUNDLE_UNREAD, buf_bytes(&where), err,
				     "and more that cannot be read");
	return problem->offset == ERROR_NO_OFFSET
		       ? draft_problem(gathering->draft, BUNDLE_UNREAD, buf_bytes(&where), err,
				       "%s", problem->message)
		       : draft_problem(gathering->draft, BUNDLE_UNREAD, buf_bytes(&where), err,
				       "offset 0x%" PRIx64 ": %s", problem->offset,
				       problem->message);
}

/* All of one volume, for evidence. */
static int gather(struct image *image, size_t volume, struct error *err)
{
	const struct image_volume *at = &image->volumes[volume];
	struct gathering gathering = { .image = image,
				       .volume = volume,
				       .draft = &image->draft,
				       .items = &image->items,
				       .places = &image->places };
	struct volume_walk walk = { .member = gather_member,
				    .trouble = gather_trouble,
				    .ctx = &gathering };

	gathering.below = *at->prefix ? arena_printf(&image->draft.arena, "%s/", at->prefix) : "";
	if (volume_info(at->volume)->is_dirty &&
	    draft_problem(&image->draft, BUNDLE_NOTE, bytes_of_string(at->prefix), err,
			  "the file system was in use: what its journal still has is not read") < 0)
		return -1;
	return volume_walk(at->volume, "", &walk, err) < 0 ? -1 : 0;
}

/* --- volumes -------------------------------------------------------------------------------- */

static int add_volume(struct image *image, struct volume *volume, const char *prefix,
		      struct error *err)
{
	image->volumes[image->n_volumes++] = (struct image_volume){ volume, prefix };
	return image->draft.arena.failed ? error_memory(err, image->path) : 0;
}

/* A partition that was opened, or why it was not: one that is damaged, or unknown, is told. */
static int add_partition(struct image *image, size_t number, int status, struct volume *volume,
			 const struct error *problem, struct error *err)
{
	const char *prefix = arena_printf(&image->draft.arena, "partition-%zu", number);

	if (status == 0)
		return add_volume(image, volume, prefix, err);
	if (problem->code == ERROR_SYSTEM) {
		if (err)
			*err = *problem;
		return -1;
	}
	return draft_problem(&image->draft,
			     problem->code == ERROR_UNSUPPORTED ? BUNDLE_NOTE : BUNDLE_UNREAD,
			     bytes_of_string(prefix), err, "%s", problem->message);
}

static int open_partitions(struct image *image, struct error *err)
{
	const struct partition *partitions;
	size_t n;

	partitions = disk_partitions(image->disk, &n);
	for (size_t i = 0; i < n; i++) {
		struct error problem = { 0 };
		struct volume *volume = NULL;
		int status;

		if (image->n_volumes == VOLUMES_MAX)
			return draft_problem(&image->draft, BUNDLE_LIMIT, bytes_of("", 0), err,
					     "more than %d partitions; those from number %zu on "
					     "are not read",
					     VOLUMES_MAX, partitions[i].number);
		status = volume_of_partition(image->disk, i, &volume, &problem);
		if (add_partition(image, partitions[i].number, status, volume, &problem, err) < 0)
			return -1;
	}
	return 0;
}

static int open_mbr(struct image *image, const struct mbr *mbr, struct error *err)
{
	for (size_t i = 0; i < mbr->n; i++) {
		const struct mbr_partition *partition = &mbr->partitions[i];
		struct error problem = { 0 };
		struct volume *volume = NULL;
		int status = volume_of_mbr_partition(image->disk, partition, &volume, &problem);

		if (add_partition(image, partition->number, status, volume, &problem, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * A file system as a whole (a CD has a partition table beside that), else partitions. 1, 0 if it is
 * nothing that is known.
 */
static int open_volumes(struct image *image, struct error *err)
{
	struct error problem = { 0 };
	const char *foreign = NULL;
	struct volume *volume;
	struct mbr mbr;
	int found;

	if (volume_of_disk(image->disk, &volume, &problem) == 0)
		return add_volume(image, volume, "", err) < 0 ? -1 : 1;
	if (disk_has_gpt(image->disk))
		return open_partitions(image, err) < 0 ? -1 : 1;
	if (problem.code == ERROR_UNSUPPORTED) {
		if (disk_foreign(image->disk, &foreign, err) < 0)
			return -1;
		if (!foreign) {
			found = disk_mbr(image->disk, &mbr, err);
			return found <= 0 ? found : open_mbr(image, &mbr, err) < 0 ? -1 : 1;
		}
	}
	if (err)
		*err = problem;
	return -1;
}

/* What was said of each partition, as one error. */
static int nothing_read(const struct image *image, struct error *err)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	for (size_t i = 0; i < image->draft.n_problems; i++)
		buf_printf(&text, "%s%.*s: %s", i ? "; " : "",
			   (int)image->draft.problems[i].path.size,
			   (const char *)image->draft.problems[i].path.data,
			   image->draft.problems[i].message);
	if (buf_finish(&text, err) < 0)
		return -1;
	return error_set(err, ERROR_UNSUPPORTED, image->path, ERROR_NO_OFFSET,
			 "no file system in this disk image is read: %s",
			 text.size ? (char *)text.data : "it has no partitions");
}

/* Evidence beside the folders that are bundles is in none of them: that is said. */
static int tell_of_others(struct image *image, struct error *err)
{
	unsigned n = 0;

	for (size_t i = 0; i < image->items.n_items && n < TROUBLES_MAX; i++) {
		const struct item *item = &image->items.items[i];
		bool is_in = item->type != ITEM_FILE;
		struct bytes rest;

		for (size_t r = 0; r < image->roots.n && !is_in; r++)
			is_in = path_below(item->path, image->roots.folders[r], &rest);
		if (is_in)
			continue;
		n++;
		if (draft_problem(&image->draft, BUNDLE_NOTE, item->path, err,
				  "what may be evidence, outside of the folders with evidence: "
				  "not used") < 0)
			return -1;
	}
	return 0;
}

static uint64_t read_max(const struct disk *disk)
{
	uint64_t size = disk_stored(disk);

	return size > READ_MAX / READ_TIMES ? READ_MAX : size * READ_TIMES + READ_FREE;
}

int image_open(const char *path, struct image **out, struct error *err)
{
	AUTO(image_freep) struct image *image = calloc(1, sizeof(*image));
	int status;

	if (!image)
		return error_memory(err, path);
	if (pthread_mutex_init(&image->lock, NULL) != 0) {
		free(TAKE(image));
		return error_memory(err, path);
	}
	if (!(image->path = strdup(path)))
		return error_memory(err, path);
	if (disk_open(path, &image->disk, err) < 0)
		return -1;
	disk_limit(image->disk, read_max(image->disk));
	status = open_volumes(image, err);
	if (status <= 0)
		return status;
	if (image->n_volumes == 0)
		return nothing_read(image, err);
	for (size_t i = 0; i < image->n_volumes; i++)
		if (gather(image, i, err) < 0)
			return -1;
	items_sort(&image->items);
	if (roots_find(&image->roots, path, &image->items, err) < 0)
		return -1;
	if (image->roots.n == 0 && disk_is_exhausted(image->disk))
		return error_set(err, ERROR_LIMIT, path, ERROR_NO_OFFSET,
				 "its file systems ask for more reading than an image of %" PRIu64
				 " bytes can need, and no evidence was found so far",
				 disk_size(image->disk));
	if (image->roots.n == 0)
		return error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET,
				 "no evidence in this disk image: no quote, boot log or IMA log by "
				 "name or by content");
	if (tell_of_others(image, err) < 0)
		return -1;
	*out = TAKE(image);
	return 1;
}

/* --- one bundle ----------------------------------------------------------------------------- */

size_t image_n_bundles(const struct image *image)
{
	return image->roots.n;
}

/* What one bundle is read from while it is put together. */
struct reading {
	struct image *image;
	struct draft *draft;
	struct item_list items; /* of the draft */
	struct item_list all;   /* what evidence.json may name; sorted */
	struct place_list places;
};

static void reading_clear(struct reading *reading)
{
	free(reading->items.items);
	free(reading->all.items);
	free(reading->places.places);
}

static int load(void *ctx, const struct item *item, size_t size_max, struct bundle_file *out,
		enum bundle_problem_kind *kind, const char **why, struct error *err)
{
	struct reading *reading = ctx;
	const struct item *known = items_find(&reading->all, item->path);
	AUTO(buf_clear) struct buf contents = BUF_INIT;
	const struct place *place;
	struct error problem = { 0 };

	*kind = BUNDLE_UNREAD;
	*why = "not there";
	if (!known)
		return 0;
	place = &reading->places.places[known->index];
	if (place->size > size_max || place->size > disk_size(reading->image->disk)) {
		*kind = BUNDLE_LIMIT;
		*why = place->size > size_max ? "larger than such evidence ever is, not read"
					      : "larger than the disk, so mostly holes, not read";
		return 0;
	}
	if (volume_read_member(reading->image->volumes[place->volume].volume,
			       &(struct volume_member){ .type = VOLUME_ENTRY_FILE,
							.size = place->size,
							.id = place->id },
			       place->size, &contents, &problem) < 0) {
		if (problem.code == ERROR_SYSTEM) {
			if (err)
				*err = problem;
			return -1;
		}
		*why = arena_printf(&reading->draft->arena, "%s", problem.message);
		return 0;
	}
	if (buf_finish(&contents, err) < 0)
		return -1;
	out->contents = arena_copy(&reading->draft->arena, buf_bytes(&contents));
	return reading->draft->arena.failed ? error_memory(err, NULL) : 1;
}

static enum item_type find_item(void *ctx, struct bytes path)
{
	const struct reading *reading = ctx;
	const struct item *item = items_find(&reading->all, path);

	return item && item->type == ITEM_FILE ? ITEM_FILE : ITEM_OTHER;
}

/* The volume a folder of the image is in, and the folder's path there. */
static size_t volume_of_folder(const struct image *image, struct bytes folder, struct bytes *inside)
{
	for (size_t i = 0; i < image->n_volumes; i++) {
		struct bytes prefix = bytes_of_string(image->volumes[i].prefix);

		if (bytes_equal(folder, prefix)) {
			*inside = bytes_of("", 0);
			return i;
		}
		if (path_below(folder, prefix, inside))
			return i;
	}
	return image->n_volumes;
}

static int list_folder(struct reading *reading, size_t volume, const char *folder,
		       const char *below, unsigned depth_max, struct item_list *items,
		       bool with_guesses, struct error *err)
{
	struct gathering gathering = { .image = reading->image,
				       .volume = volume,
				       .draft = reading->draft,
				       .items = items,
				       .places = &reading->places,
				       .below = below,
				       .everything = true,
				       .with_guesses = with_guesses,
				       /* told when the image was opened */
				       .n_troubles = TROUBLES_MAX };
	struct volume_walk walk = { .depth_max = depth_max,
				    .member = gather_member,
				    .trouble = gather_trouble,
				    .ctx = &gathering };

	return volume_walk(reading->image->volumes[volume].volume, folder, &walk, err) < 0 ? -1 : 0;
}

static int copy_items(const struct item_list *from, struct item_list *to, struct error *err)
{
	for (size_t i = 0; i < from->n_items; i++)
		if (item_list_add(to, from->items[i], err) < 0)
			return -1;
	items_sort(to);
	return 0;
}

/* A folder with evidence in it: what is right in it, certificates in ca, and what evidence.json names. */
static int list_bundle(struct reading *reading, struct bytes folder, struct error *err)
{
	struct arena *arena = &reading->draft->arena;
	const struct item *mapping;
	struct bytes inside;
	size_t volume = volume_of_folder(reading->image, folder, &inside);
	const char *path = (const char *)arena_copy(arena, inside).data;
	const char *ca =
		arena_printf(arena, "%.*s/ca", (int)inside.size, (const char *)inside.data);

	if (arena->failed)
		return error_memory(err, reading->image->path);
	if (volume == reading->image->n_volumes)
		return error_set(err, ERROR_INPUT, reading->image->path, ERROR_NO_OFFSET,
				 "a folder of no file system");
	if (list_folder(reading, volume, path, "", 1, &reading->items, true, err) < 0 ||
	    list_folder(reading, volume, ca, "ca/", 1, &reading->items, false, err) < 0)
		return -1;
	items_sort(&reading->items);
	mapping = items_find(&reading->items, bytes_of_string("evidence.json"));
	if (!mapping || mapping->type != ITEM_FILE)
		return copy_items(&reading->items, &reading->all, err);
	if (list_folder(reading, volume, path, "", DEPTH_MAX, &reading->all, false, err) < 0)
		return -1;
	items_sort(&reading->all);
	return 0;
}

/* Evidence anywhere below a folder, as it was found. */
static int list_deep(struct reading *reading, struct bytes folder, struct error *err)
{
	const struct image *image = reading->image;

	for (size_t i = 0; i < image->items.n_items; i++) {
		struct item item = image->items.items[i];
		struct place place = image->places.places[item.index];

		if (path_below(item.path, folder, &item.path) &&
		    (add_place(&reading->places, &item, place, err) < 0 ||
		     item_list_add(&reading->items, item, err) < 0))
			return -1;
	}
	items_sort(&reading->items);
	return copy_items(&reading->items, &reading->all, err);
}

/* evidence.json's bytes, or none: what cannot be read is a problem. */
static int read_mapping(struct reading *reading, struct bytes *out, struct error *err)
{
	const struct item *item = items_find(&reading->items, bytes_of_string("evidence.json"));
	enum bundle_problem_kind kind = BUNDLE_UNREAD;
	struct bundle_file mapping = { 0 };
	const char *why = "";
	int status;

	*out = bytes_of("", 0);
	if (!item || item->type != ITEM_FILE)
		return 0;
	status = load(reading, item, role_size_max(ROLE_MAPPING), &mapping, &kind, &why, err);
	if (status > 0)
		*out = mapping.contents;
	return status == 0 ? draft_problem(reading->draft, kind, item->path, err, "%s", why)
			   : status;
}

static int read_bundle(struct reading *reading, size_t i, struct bundle **out, struct error *err)
{
	AUTO(bundle_freep) struct bundle *bundle = calloc(1, sizeof(struct bundle_body));
	const struct image *image = reading->image;
	struct bytes folder = image->roots.folders[i], last = path_last_part(folder), mapping;
	struct draft *draft = reading->draft;
	AUTO(buf_clear) struct buf name = BUF_INIT;
	int status;

	buf_append_string(&name, image->path);
	if (image->roots.n > 1) {
		buf_append_u8(&name, '/');
		buf_append(&name, last);
	}
	if (!bundle || buf_finish(&name, err) < 0)
		return error_memory(err, image->path);
	draft->is_deep = image->roots.is_deep;
	draft->find = find_item;
	draft->find_ctx = reading;
	for (size_t p = 0; p < image->draft.n_problems; p++)
		if (draft_problem(draft, image->draft.problems[p].kind,
				  image->draft.problems[p].path, err, "%s",
				  image->draft.problems[p].message) < 0)
			return -1;
	status = draft->is_deep ? list_deep(reading, folder, err)
				: list_bundle(reading, folder, err);
	if (status < 0 || read_mapping(reading, &mapping, err) < 0 ||
	    draft_inspect(draft, &reading->items, err) < 0 ||
	    draft_assign(draft, &reading->items, mapping.size ? &mapping : NULL, err) < 0 ||
	    draft_finish(draft, (const char *)name.data, &reading->items, load, reading, &bundle,
			 err) < 0)
		return -1;
	*out = TAKE(bundle);
	return 0;
}

int image_bundle(struct image *image, size_t i, struct bundle **out, struct error *err)
{
	AUTO(draft_clear) struct draft draft = { 0 };
	AUTO(reading_clear) struct reading reading = { .image = image, .draft = &draft };
	int status;

	pthread_mutex_lock(&image->lock);
	status = read_bundle(&reading, i, out, err);
	pthread_mutex_unlock(&image->lock);
	return status;
}
