/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bundles in a tar or zip. What evidence looks like by its name is kept in
 * memory on the first walk; what only evidence.json calls evidence on a second.
 */
#include "replay/evidence/internal.h"

#include "core/archive.h"
#include "core/array.h"
#include "core/text.h"

/* All members of an archive together, unpacked: a fleet's evidence, not a bomb. */
#define UNPACKED_MAX ((uint64_t)16 << 30)

/* What is kept of it. */
#define KEPT_MAX ((size_t)4 << 30)

/* An archive in the archive is unpacked as a whole. */
#define NESTED_MAX ((size_t)1 << 30)

struct packed_bundle {
	struct bytes folder; /* path of its folder in the archive; empty: the archive's top */
	struct item_list items;
	struct draft draft; /* problems and roles, worked out when the archive is opened */
	bool is_deep;       /* nothing has a name of evidence where one should be */
};

struct packed {
	char *path; /* owned */
	struct file *file;
	struct arena arena;
	struct buf *kept; /* owned array: the contents of loaded items */
	size_t n_kept, kept_capacity, kept_size;
	struct item_list items; /* all members */
	struct bytes
		inside; /* path of the archive in the archive that is walked; empty: the outer one */
	bool is_nested; /* what is in archives inside this one was added */
	struct packed_bundle *bundles;
	size_t n_bundles;
};

void packed_free(struct packed *packed)
{
	if (!packed)
		return;
	for (size_t i = 0; i < packed->n_bundles; i++) {
		free(packed->bundles[i].items.items);
		draft_clear(&packed->bundles[i].draft);
	}
	free(packed->bundles);
	for (size_t i = 0; i < packed->n_kept; i++)
		buf_clear(&packed->kept[i]);
	free(packed->kept);
	free(packed->items.items);
	arena_clear(&packed->arena);
	file_free(packed->file);
	free(packed->path);
	free(packed);
}

static void packed_freep(struct packed **packed)
{
	packed_free(*packed);
}

/* --- walking the archive ------------------------------------------------------------------ */

static enum bundle_role role_of_path(struct bytes path)
{
	struct bytes no_name;

	return bundle_role_of(path_last_part(path), &no_name);
}

static enum item_type item_type_of(enum member_type type)
{
	switch (type) {
	case MEMBER_REGULAR:
		return ITEM_FILE;
	case MEMBER_DIRECTORY:
		return ITEM_FOLDER;
	case MEMBER_SYMLINK:
		return ITEM_LINK;
	case MEMBER_HARDLINK:
		return ITEM_HARDLINK;
	case MEMBER_OTHER:
		break;
	}
	return ITEM_OTHER;
}

static struct buf *new_kept(struct packed *packed, struct error *err)
{
	if (array_room(&packed->kept, packed->n_kept, &packed->kept_capacity, sizeof(*packed->kept),
		       packed->path, err) < 0)
		return NULL;
	packed->kept[packed->n_kept] = (struct buf)BUF_INIT;
	return &packed->kept[packed->n_kept++];
}

/* Reads on into contents, to the end of the member or to enough bytes: 1, 0 at the end or over size_max, -1. */
static int read_on(struct packed *packed, struct archive_walk *walk,
		   const struct archive_member *member, struct item *item, struct buf *contents,
		   size_t enough, size_t size_max, struct error *err)
{
	struct bytes block;
	int status = 1;

	while (contents->size < enough && (status = archive_walk_data(walk, &block, err)) > 0) {
		if (block.size > size_max - contents->size) {
			item->is_too_large = true;
			packed->kept_size -= contents->size;
			buf_clear(contents);
			return 0; /* the walk passes over the rest */
		}
		if (block.size > KEPT_MAX - packed->kept_size)
			return error_set(err, ERROR_LIMIT, packed->path, member->offset,
					 "more than %zu bytes of evidence", KEPT_MAX);
		packed->kept_size += block.size;
		buf_append(contents, block);
	}
	return contents->failed ? error_memory(err, packed->path) : status;
}

/* Keeps the member the walk stands at, unless it is too large for its role. */
static int keep(struct packed *packed, struct archive_walk *walk,
		const struct archive_member *member, struct item *item, size_t size_max,
		struct error *err)
{
	struct buf *contents = new_kept(packed, err);

	if (!contents)
		return -1;
	if (member->size_known && member->size > size_max) {
		item->is_too_large = true;
		return 0;
	}
	if (read_on(packed, walk, member, item, contents, SIZE_MAX, size_max, err) < 0)
		return -1;
	if (item->is_too_large)
		return 0;
	if (buf_finish(contents, err) < 0)
		return -1;
	item->contents = buf_bytes(contents);
	item->is_loaded = true;
	return 0;
}

/* Looks at the beginning of a member without a name of evidence; keeps it if that is evidence. */
static int keep_by_content(struct packed *packed, struct archive_walk *walk,
			   const struct archive_member *member, struct item *item,
			   struct error *err)
{
	struct buf *contents = new_kept(packed, err);
	size_t size_max;
	int status;

	if (!contents)
		return -1;
	status = read_on(packed, walk, member, item, contents, FORM_START_SIZE, FORM_SIZE_MAX, err);
	if (status < 0)
		return -1;
	item->is_too_large = false;
	item->guess = form_guess(bytes_of(contents->data, contents->size < FORM_START_SIZE
								  ? contents->size
								  : FORM_START_SIZE),
				 &item->guessed);
	if (item->guess == FORM_GUESS_NONE) {
		packed->kept_size -= contents->size;
		buf_clear(contents);
		packed->n_kept--;
		return 0;
	}
	size_max = item->guess == FORM_GUESS_PLAIN ? role_size_max(item->guessed) : FORM_SIZE_MAX;
	if (status > 0)
		status = read_on(packed, walk, member, item, contents, SIZE_MAX, size_max, err);
	if (status < 0)
		return -1;
	if (item->is_too_large)
		return 0;
	if (buf_finish(contents, err) < 0)
		return -1;
	item->contents = buf_bytes(contents);
	item->is_loaded = true;
	return 0;
}

static int add_member(struct packed *packed, struct archive_walk *walk,
		      const struct archive_member *member, struct draft *everywhere,
		      struct error *err)
{
	struct item item = { .type = item_type_of(member->type), .index = member->index };
	enum bundle_role role;

	if (!path_normalise(&packed->arena, member->path, &item.path)) {
		if (packed->arena.failed)
			return error_memory(err, packed->path);
		return draft_problem(everywhere, BUNDLE_PATH, member->path, err,
				     "a name that leads out of the archive, not used");
	}
	if (item.path.size == 0)
		return 0; /* "./" */
	if (packed->inside.size) {
		item.path = bytes_of_string(
			arena_printf(&packed->arena, "%.*s/%.*s", (int)packed->inside.size,
				     (const char *)packed->inside.data, (int)item.path.size,
				     (const char *)item.path.data));
		if (packed->arena.failed)
			return error_memory(err, packed->path);
	}
	role = role_of_path(item.path);
	if (item.type == ITEM_FILE && role != ROLE_NONE) {
		if (keep(packed, walk, member, &item, role_size_max(role), err) < 0)
			return -1;
	} else if (item.type == ITEM_FILE &&
		   keep_by_content(packed, walk, member, &item, err) < 0) {
		return -1;
	}
	return item_list_add(&packed->items, item, err);
}

/* An archive in the archive, looked into where nothing else is evidence: one level, no more. */
static int add_nested(struct packed *packed, struct archive_walk *walk,
		      const struct archive_member *member, struct draft *everywhere,
		      struct error *err)
{
	struct archive_walk_options options = { .source = packed->path, .total_max = UNPACKED_MAX };
	AUTO(archive_walk_freep) struct archive_walk *inner = NULL;
	AUTO(buf_clear) struct buf contents = BUF_INIT;
	const struct archive_member *one;
	struct error problem = { 0 };
	struct bytes block;
	int status;

	if (item_type_of(member->type) != ITEM_FILE ||
	    (status = archive_walk_data(walk, &block, err)) == 0)
		return 0;
	if (status < 0)
		return -1;
	if (!archive_walk_detect(block))
		return 0;
	do {
		if (block.size > NESTED_MAX - contents.size)
			return draft_problem(
				everywhere, BUNDLE_LIMIT, member->path, err,
				"an archive in the archive larger than is looked into");
		buf_append(&contents, block);
	} while ((status = archive_walk_data(walk, &block, err)) > 0);
	if (status < 0 || buf_finish(&contents, err) < 0)
		return -1;
	if (!path_normalise(&packed->arena, member->path, &packed->inside))
		return packed->arena.failed ? error_memory(err, packed->path) : 0;
	if (archive_walk_open(&options, buf_bytes(&contents), &inner, &problem) == 0)
		while ((status = archive_walk_next(inner, &one, &problem)) > 0)
			if (add_member(packed, inner, one, everywhere, &problem) < 0)
				break;
	packed->inside = bytes_of("", 0);
	/* One that breaks off, or is none after all, has what it has. */
	if (problem.code == ERROR_SYSTEM) {
		if (err)
			*err = problem;
		return -1;
	}
	return 0;
}

/* The walk over all members; each gets to fn, with what fn needs in ctx. */
static int walk_all(struct packed *packed,
		    int (*fn)(struct packed *packed, struct archive_walk *walk,
			      const struct archive_member *member, struct draft *everywhere,
			      struct error *err),
		    struct draft *everywhere, struct error *err)
{
	struct archive_walk_options options = { .source = packed->path, .total_max = UNPACKED_MAX };
	AUTO(archive_walk_freep) struct archive_walk *walk = NULL;
	const struct archive_member *member;
	int status;

	if (archive_walk_open(&options, file_bytes(packed->file), &walk, err) < 0)
		return -1;
	while ((status = archive_walk_next(walk, &member, err)) > 0)
		if (fn(packed, walk, member, everywhere, err) < 0)
			return -1;
	return status;
}

static int by_index(const void *a, const void *b)
{
	size_t x = (*(struct item *const *)a)->index, y = (*(struct item *const *)b)->index;

	return (x > y) - (x < y);
}

/* Items that evidence.json wants and the first walk did not keep, by index. */
static int wanted_items(struct packed *packed, struct item ***out, size_t *n_out, struct error *err)
{
	struct item **wanted = NULL;
	size_t n = 0, capacity = 0;

	for (size_t i = 0; i < packed->n_bundles; i++)
		for (size_t j = 0; j < packed->bundles[i].items.n_items; j++) {
			struct item *item = &packed->bundles[i].items.items[j];

			if (!item->is_wanted || item->is_loaded || item->is_too_large)
				continue;
			if (array_room(&wanted, n, &capacity, sizeof(struct item *), packed->path,
				       err) < 0) {
				free(wanted);
				return -1;
			}
			wanted[n++] = item;
		}
	if (n > 1)
		qsort(wanted, n, sizeof(struct item *), by_index);
	*out = wanted;
	*n_out = n;
	return 0;
}

static enum bundle_role role_of_item(const struct packed_bundle *bundle, const struct item *item)
{
	size_t at = (size_t)(item - bundle->items.items);

	for (size_t i = 0; i < bundle->draft.n_roles; i++)
		if (bundle->draft.roles[i].item == at)
			return bundle->draft.roles[i].role;
	return ROLE_NONE;
}

/* The role of a wanted item: whose it is among all bundles. */
static enum bundle_role role_of_wanted(const struct packed *packed, const struct item *item)
{
	for (size_t i = 0; i < packed->n_bundles; i++) {
		const struct packed_bundle *bundle = &packed->bundles[i];

		if (item >= bundle->items.items &&
		    item < bundle->items.items + bundle->items.n_items)
			return role_of_item(bundle, item);
	}
	return ROLE_NONE;
}

/* The second walk: what evidence.json wants and was not kept by its name. */
static int load_wanted(struct packed *packed, struct error *err)
{
	struct archive_walk_options options = { .source = packed->path, .total_max = UNPACKED_MAX };
	AUTO(archive_walk_freep) struct archive_walk *walk = NULL;
	AUTO(own_free) struct item **wanted = NULL;
	const struct archive_member *member;
	size_t n_wanted = 0, next = 0;
	int status = 1;

	if (wanted_items(packed, &wanted, &n_wanted, err) < 0)
		return -1;
	if (n_wanted == 0)
		return 0;
	if (archive_walk_open(&options, file_bytes(packed->file), &walk, err) < 0)
		return -1;
	while (next < n_wanted && (status = archive_walk_next(walk, &member, err)) > 0) {
		enum bundle_role role;

		if (member->index != wanted[next]->index)
			continue;
		role = role_of_wanted(packed, wanted[next]);
		if (keep(packed, walk, member, wanted[next], role_size_max(role), err) < 0)
			return -1;
		next++;
	}
	return status < 0 ? -1 : 0;
}

/* --- bundles ------------------------------------------------------------------------------ */

static int find_bundles(struct packed *packed, struct error *err)
{
	AUTO(roots_clear) struct roots roots = { 0 };

	if (roots_find(&roots, packed->path, &packed->items, err) < 0)
		return -1;
	if (roots.n == 0)
		return error_set(err, ERROR_INPUT, packed->path, ERROR_NO_OFFSET,
				 "no evidence in this archive: no quote, boot log or IMA log by "
				 "name or by content");
	packed->bundles = calloc(roots.n, sizeof(*packed->bundles));
	if (!packed->bundles)
		return error_memory(err, packed->path);
	for (size_t i = 0; i < roots.n; i++)
		packed->bundles[i] = (struct packed_bundle){ .folder = roots.folders[i],
							     .is_deep = roots.is_deep };
	packed->n_bundles = roots.n;
	return 0;
}

/*
 * Distributes the items to their bundles, and works out roles and problems. *next is where the
 * items of this bundle begin at the earliest: bundles and items have one order.
 */
static int draft_bundle(struct packed *packed, struct packed_bundle *bundle, size_t *next,
			const struct draft *everywhere, struct error *err)
{
	const struct item *mapping;

	for (; *next < packed->items.n_items; ++*next) {
		struct item item = packed->items.items[*next];

		if (!path_below(item.path, bundle->folder, &item.path)) {
			if (bundle->items.n_items > 0)
				break;
			continue;
		}
		if (item_list_add(&bundle->items, item, err) < 0)
			return -1;
	}
	items_sort(&bundle->items);
	bundle->draft.is_deep = bundle->is_deep;
	for (size_t i = 0; i < everywhere->n_problems; i++)
		if (draft_problem(&bundle->draft, everywhere->problems[i].kind,
				  everywhere->problems[i].path, err, "%s",
				  everywhere->problems[i].message) < 0)
			return -1;
	if (draft_inspect(&bundle->draft, &bundle->items, err) < 0)
		return -1;
	/* What a mapping names is read on a second walk, which does not look into archives. */
	mapping = packed->is_nested ? NULL
				    : items_find(&bundle->items, bytes_of_string("evidence.json"));
	return draft_assign(&bundle->draft, &bundle->items,
			    mapping && mapping->is_loaded && !mapping->is_duplicate
				    ? &mapping->contents
				    : NULL,
			    err);
}

/* A file that is no archive but evidence itself: an archive of one member, so to say. */
static int add_single(struct packed *packed, struct error *err)
{
	struct bytes contents = file_bytes(packed->file);
	struct item item = { .type = ITEM_FILE, .contents = contents, .is_loaded = true };
	struct bytes name = path_last_part(bytes_of_string(packed->path)), no_name;

	item.guess = form_guess(bytes_of(contents.data, contents.size < FORM_START_SIZE
								? contents.size
								: FORM_START_SIZE),
				&item.guessed);
	if (item.guess == FORM_GUESS_NONE && (!role_is_evidence(bundle_role_of(name, &no_name)) ||
					      bundle_role_of(name, &no_name) == ROLE_MAPPING))
		return error_set(err, ERROR_UNSUPPORTED, packed->path, 0,
				 "neither a folder nor a tar or zip, nor a disk image, nor "
				 "evidence in a form that Assay reads");
	item.path = arena_copy(&packed->arena, name);
	if (packed->arena.failed)
		return error_memory(err, packed->path);
	packed->bundles = calloc(1, sizeof(*packed->bundles));
	if (!packed->bundles)
		return error_memory(err, packed->path);
	packed->bundles[packed->n_bundles++].folder = bytes_of("", 0);
	return item_list_add(&packed->items, item, err);
}

/* Nothing was found, for that reason: archives in the archive may have it. */
static int open_nested(struct packed *packed, struct draft *everywhere, const struct error *problem,
		       struct error *err)
{
	size_t before = packed->items.n_items;

	if (problem->code != ERROR_INPUT) {
		if (err)
			*err = *problem;
		return -1;
	}
	if (walk_all(packed, add_nested, everywhere, err) < 0)
		return -1;
	packed->is_nested = true;
	if (packed->items.n_items > before) {
		items_sort(&packed->items);
		return find_bundles(packed, err);
	}
	if (err)
		*err = *problem;
	return -1;
}

int packed_open(const char *path, struct packed **out, struct error *err)
{
	AUTO(packed_freep) struct packed *packed = calloc(1, sizeof(*packed));
	AUTO(draft_clear) struct draft everywhere = { 0 };
	struct error problem = { 0 };
	size_t next = 0;

	if (!packed || !(packed->path = strdup(strcmp(path, "-") == 0 ? "<stdin>" : path)))
		return error_memory(err, path);
	if (file_open(path, &packed->file, err) < 0)
		return -1;
	if (!archive_walk_detect(file_bytes(packed->file))) {
		if (add_single(packed, err) < 0)
			return -1;
	} else {
		if (walk_all(packed, add_member, &everywhere, err) < 0)
			return -1;
		items_sort(&packed->items);
		if (find_bundles(packed, &problem) < 0 &&
		    open_nested(packed, &everywhere, &problem, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < packed->n_bundles; i++)
		if (draft_bundle(packed, &packed->bundles[i], &next, &everywhere, err) < 0)
			return -1;
	if (load_wanted(packed, err) < 0)
		return -1;
	*out = TAKE(packed);
	return 0;
}

size_t packed_n_bundles(const struct packed *packed)
{
	return packed->n_bundles;
}

static int load_kept(void *ctx, const struct item *item, size_t size_max, struct bundle_file *out,
		     enum bundle_problem_kind *kind, const char **why, struct error *err)
{
	(void)ctx;
	(void)size_max;
	(void)err;
	if (item->is_too_large) {
		*kind = BUNDLE_LIMIT;
		*why = "larger than such evidence ever is, not read";
		return 0;
	}
	out->contents = item->contents;
	return 1;
}

int packed_bundle(const struct packed *packed, size_t i, struct bundle **out, struct error *err)
{
	const struct packed_bundle *source = &packed->bundles[i];
	AUTO(bundle_freep) struct bundle *bundle = calloc(1, sizeof(struct bundle_body));
	AUTO(draft_clear) struct draft draft = { .is_deep = source->is_deep };
	AUTO(own_free) char *name = NULL;
	/* Reading the bundle marks its items; the archive's are everybody's. */
	AUTO(own_free) struct item *items = calloc(source->items.n_items + 1, sizeof(*items));
	struct item_list list = { .items = items,
				  .n_items = source->items.n_items,
				  .n_sorted = source->items.n_sorted };
	struct bytes folder = path_last_part(source->folder);
	size_t size = strlen(packed->path) + folder.size + 2;

	name = malloc(size);
	if (!bundle || !name || !items)
		return error_memory(err, packed->path);
	if (list.n_items)
		memcpy(items, source->items.items, list.n_items * sizeof(*items));
	snprintf(name, size, "%s%s%.*s", packed->path, packed->n_bundles > 1 ? "/" : "",
		 packed->n_bundles > 1 ? (int)folder.size : 0,
		 folder.size ? (const char *)folder.data : "");
	for (size_t j = 0; j < source->draft.n_problems; j++)
		if (draft_problem(&draft, source->draft.problems[j].kind,
				  source->draft.problems[j].path, err, "%s",
				  source->draft.problems[j].message) < 0)
			return -1;
	draft.roles = calloc(source->draft.n_roles + 1, sizeof(*draft.roles));
	if (!draft.roles)
		return error_memory(err, name);
	if (source->draft.n_roles)
		memcpy(draft.roles, source->draft.roles,
		       source->draft.n_roles * sizeof(*draft.roles));
	draft.n_roles = source->draft.n_roles;
	if (draft_finish(&draft, name, &list, load_kept, NULL, &bundle, err) < 0)
		return -1;
	*out = TAKE(bundle);
	return 0;
}
