/* SPDX-License-Identifier: BSD-2-Clause */
/* Which member of a bundle is which evidence, whatever the container. */
#include "replay/evidence/internal.h"

#include "core/array.h"
#include "core/json_read.h"
#include "core/text.h"

int item_list_add(struct item_list *list, struct item item, struct error *err)
{
	if (array_room(&list->items, list->n_items, &list->capacity, sizeof(item), NULL, err) < 0)
		return -1;
	list->items[list->n_items++] = item;
	return 0;
}

void draft_clear(struct draft *draft)
{
	arena_clear(&draft->arena);
	free(draft->problems);
	free(draft->roles);
	free(draft->found);
	*draft = (struct draft){ 0 };
}

int draft_found(struct draft *draft, struct found found, struct error *err)
{
	if (array_room(&draft->found, draft->n_found, &draft->found_capacity, sizeof(found), NULL,
		       err) < 0)
		return -1;
	found.order = draft->n_found;
	draft->found[draft->n_found++] = found;
	return 0;
}

int draft_problem(struct draft *draft, enum bundle_problem_kind kind, struct bytes path,
		  struct error *err, const char *format, ...)
{
	struct bundle_problem *problem;
	va_list args;

	if (array_room(&draft->problems, draft->n_problems, &draft->problems_capacity,
		       sizeof(*draft->problems), NULL, err) < 0)
		return -1;
	problem = &draft->problems[draft->n_problems++];
	problem->kind = kind;
	problem->path = arena_copy(&draft->arena, path);
	va_start(args, format);
	problem->message = arena_vprintf(&draft->arena, format, args);
	va_end(args);
	return draft->arena.failed ? error_memory(err, NULL) : 0;
}

static int by_path(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = bytes_compare(x->path, y->path);

	/* Members of one name stay in the archive's order. */
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

void items_sort(struct item_list *list)
{
	if (list->n_items > 1)
		qsort(list->items, list->n_items, sizeof(*list->items), by_path);
	list->n_sorted = list->n_items;
}

struct item *items_find(const struct item_list *list, struct bytes path)
{
	size_t low = 0, high = list->n_sorted;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (bytes_compare(list->items[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < list->n_sorted && bytes_equal(list->items[low].path, path))
		return &list->items[low];
	return NULL;
}

static const char *item_type_text(enum item_type type)
{
	switch (type) {
	case ITEM_LINK:
		return "a symbolic link";
	case ITEM_HARDLINK:
		return "a hard link";
	case ITEM_DEVICE:
		return "a device";
	case ITEM_FIFO:
		return "a FIFO";
	case ITEM_SOCKET:
		return "a socket";
	case ITEM_FILE:
	case ITEM_FOLDER:
	case ITEM_OTHER:
		break;
	}
	return "neither file nor folder";
}

int draft_inspect(struct draft *draft, struct item_list *list, struct error *err)
{
	for (size_t i = 0; i < list->n_items; i++) {
		struct item *item = &list->items[i];
		size_t n = 1;

		if (item->type != ITEM_FILE && item->type != ITEM_FOLDER &&
		    draft_problem(draft, BUNDLE_MEMBER, item->path, err, "%s, passed over",
				  item_type_text(item->type)) < 0)
			return -1;
		while (i + n < list->n_items && bytes_equal(list->items[i + n].path, item->path)) {
			/* Folders are often stored once for each file in them. */
			if (item->type != ITEM_FOLDER || list->items[i + n].type != ITEM_FOLDER)
				item->is_duplicate = true;
			n++;
		}
		if (!item->is_duplicate)
			continue;
		for (size_t j = 1; j < n; j++)
			list->items[i + j].is_duplicate = true;
		if (draft_problem(draft, BUNDLE_DUPLICATE, item->path, err,
				  "%zu members have this name, none is used", n) < 0)
			return -1;
		i += n - 1;
	}
	return 0;
}

static int assign(struct draft *draft, enum bundle_role role, struct bytes name, unsigned form,
		  struct item_list *list, size_t item, struct error *err)
{
	if (array_room(&draft->roles, draft->n_roles, &draft->roles_capacity, sizeof(*draft->roles),
		       NULL, err) < 0)
		return -1;
	draft->roles[draft->n_roles++] =
		(struct assignment){ .role = role, .name = name, .item = item, .form = form };
	list->items[item].is_wanted = true;
	return 0;
}

/* The assignment of a role, or NULL. An IMA log has one, whatever its form; of some there are many. */
static struct assignment *assigned(const struct draft *draft, enum bundle_role role,
				   struct bytes name)
{
	if (role == ROLE_CA_CRT || role == ROLE_USERSPACE_LOG)
		return NULL;
	for (size_t i = 0; i < draft->n_roles; i++)
		if (draft->roles[i].role == role && bytes_equal(draft->roles[i].name, name))
			return &draft->roles[i];
	return NULL;
}

/* True if the item of a list is in the folder that path is in. */
static bool same_folder(const struct item_list *list, size_t item, struct bytes path)
{
	struct bytes other = list->items[item].path;
	size_t size = path.size - path_last_part(path).size;

	return other.size - path_last_part(other).size == size &&
	       bytes_start_with(other, bytes_of(path.data, size));
}

struct mapping_walk {
	struct draft *draft;
	struct item_list *items;
};

static int map_one(void *ctx, struct bytes key, const struct json_value *value, struct error *err)
{
	struct mapping_walk *walk = ctx;
	struct draft *draft = walk->draft;
	struct bytes file = bytes_of_string("evidence.json"), path, name, role_name;
	enum bundle_role role;
	struct item *item;
	char shown[128];

	role_name = arena_copy(&draft->arena, key);
	role = bundle_role_of(role_name, &name);
	text_escape(shown, sizeof(shown), key);
	if (role == ROLE_NONE || role == ROLE_MAPPING)
		return draft_problem(draft, BUNDLE_MAPPING, file, err, "no such role: '%s'", shown);
	if (!json_value_text(value, &path))
		return draft_problem(draft, BUNDLE_MAPPING, file, err,
				     "the path of '%s' is not a string", shown);
	if (!path_normalise(&draft->arena, path, &path) || path.size == 0) {
		if (draft->arena.failed)
			return error_memory(err, NULL);
		return draft_problem(draft, BUNDLE_PATH, path, err,
				     "evidence.json leads '%s' out of the bundle", shown);
	}
	item = items_find(walk->items, path);
	if (!item && draft->find && draft->find(draft->find_ctx, path) == ITEM_FILE) {
		struct item found = { .path = path, .type = ITEM_FILE };

		if (item_list_add(walk->items, found, err) < 0)
			return -1;
		item = &walk->items->items[walk->items->n_items - 1];
	}
	if (!item || item->type != ITEM_FILE)
		return draft_problem(draft, BUNDLE_MISSING, path, err,
				     "evidence.json says this is '%s', but there is no such file",
				     shown);
	if (item->is_duplicate)
		return 0; /* a problem already */
	if (draft->n_roles >= BUNDLE_FILES_MAX || assigned(draft, role, name))
		return draft_problem(draft, BUNDLE_MAPPING, file, err,
				     "'%s' is there twice, or one file too many", shown);
	return assign(draft, role, name, 0, walk->items, (size_t)(item - walk->items->items), err);
}

static int assign_by_mapping(struct draft *draft, struct item_list *items, struct bytes mapping,
			     struct error *err)
{
	AUTO(json_value_freep) struct json_value *document = NULL;
	struct mapping_walk walk = { draft, items };
	struct bytes file = bytes_of_string("evidence.json");
	const struct json_value *files;
	struct error problem = { 0 };

	if (json_read(mapping, "evidence.json", &document, &problem) < 0) {
		if (problem.code == ERROR_SYSTEM) {
			if (err)
				*err = problem;
			return -1;
		}
		return draft_problem(draft, BUNDLE_MAPPING, file, err,
				     "not JSON: offset 0x%llx: %s",
				     (unsigned long long)problem.offset, problem.message);
	}
	files = json_value_member(document, "files");
	if (!json_value_is_object(files))
		return draft_problem(draft, BUNDLE_MAPPING, file, err,
				     "has no object \"files\" of roles and paths");
	return json_value_each(files, map_one, &walk, err);
}

/* By name: in the bundle's folder, or anywhere in a tree that has nothing there. */
static int assign_by_name(struct draft *draft, struct item_list *list, size_t n_mapped,
			  struct error *err)
{
	for (size_t i = 0; i < list->n_items; i++) {
		struct item *item = &list->items[i];
		struct assignment *rival;
		enum bundle_role role;
		struct bytes name;
		unsigned form;

		/* What evidence.json gave a role has no other by its name. */
		if (item->type != ITEM_FILE || item->is_duplicate || item->is_wanted)
			continue;
		role = draft->is_deep ? role_by_last_part(item->path, &name)
				      : bundle_role_of(item->path, &name);
		if (role == ROLE_NONE || role == ROLE_MAPPING)
			continue;
		if (draft->n_roles >= BUNDLE_FILES_MAX)
			return draft_problem(draft, BUNDLE_LIMIT, item->path, err,
					     "more than %d files of evidence; this one and those "
					     "behind it are not read",
					     BUNDLE_FILES_MAX);
		form = role == ROLE_IMA_LOG ? role_ima_form(path_last_part(item->path)) : 0;
		rival = assigned(draft, role, name);
		if (rival && draft->is_deep &&
		    (role != ROLE_IMA_LOG || !same_folder(list, rival->item, item->path)))
			rival = NULL;
		if (!rival) {
			if (assign(draft, role, name, form, list, i, err) < 0)
				return -1;
			draft->roles[draft->n_roles - 1].is_found = draft->is_deep;
		} else if ((size_t)(rival - draft->roles) >= n_mapped && form < rival->form) {
			list->items[rival->item].is_wanted = false;
			item->is_wanted = true;
			rival->item = i;
			rival->form = form;
		}
	}
	return 0;
}

static bool has_role(const struct draft *draft, enum bundle_role role)
{
	for (size_t i = 0; i < draft->n_roles; i++)
		if (draft->roles[i].role == role)
			return true;
	return false;
}

/* By content: plain evidence of the roles that no file has by its name. */
static int assign_by_content(struct draft *draft, struct item_list *list, struct error *err)
{
	size_t n_named = draft->n_roles;
	bool named[ROLE_COUNT];

	for (unsigned role = 0; role < ROLE_COUNT; role++)
		named[role] = has_role(draft, role);
	/* A signature or values without their quote are of the quote that has its name. */
	if (named[ROLE_QUOTE_MSG])
		named[ROLE_QUOTE_SIG] = named[ROLE_QUOTE_PCRS] = true;
	if (named[ROLE_AK_PEM])
		named[ROLE_AK_PUB] = true;
	for (size_t i = 0; i < list->n_items; i++) {
		struct item *item = &list->items[i];

		if (item->type != ITEM_FILE || item->is_duplicate || item->is_wanted ||
		    item->guess != FORM_GUESS_PLAIN || named[item->guessed])
			continue;
		/* "ak.pub.old" and the like lie beside what has its name: not even looked at. */
		if (draft->n_roles - n_named >= BUNDLE_FILES_MAX)
			return draft_problem(
				draft, BUNDLE_LIMIT, item->path, err,
				"more than %d files of evidence by content; this one and "
				"those behind it are not read",
				BUNDLE_FILES_MAX);
		if (assign(draft, item->guessed, bytes_of("", 0), 0, list, i, err) < 0)
			return -1;
		draft->roles[draft->n_roles - 1].is_found = true;
		draft->roles[draft->n_roles - 1].by_content = true;
	}
	return 0;
}

int draft_assign(struct draft *draft, struct item_list *list, const struct bytes *mapping,
		 struct error *err)
{
	if (mapping && assign_by_mapping(draft, list, *mapping, err) < 0)
		return -1;
	if (assign_by_name(draft, list, draft->n_roles, err) < 0)
		return -1;
	return assign_by_content(draft, list, err);
}

static int by_role(const void *a, const void *b)
{
	const struct bundle_file *x = a, *y = b;
	int order = (x->role > y->role) - (x->role < y->role);

	if (!order)
		order = bytes_compare(x->name, y->name);
	return order ? order : strcmp(x->path, y->path);
}

static int by_problem(const void *a, const void *b)
{
	const struct bundle_problem *x = a, *y = b;
	int order = bytes_compare(x->path, y->path);

	if (!order)
		order = (x->kind > y->kind) - (x->kind < y->kind);
	return order ? order : strcmp(x->message, y->message);
}

/* Loads what has a role; what cannot be had becomes a problem. */
static int load_files(struct draft *draft, const struct item_list *list, draft_load_fn *load,
		      void *ctx, struct error *err)
{
	for (size_t i = 0; i < draft->n_roles; i++) {
		const struct assignment *role = &draft->roles[i];
		const struct item *item = &list->items[role->item];
		struct found found = { .file = { .role = role->role }, .is_found = role->is_found };
		enum bundle_problem_kind kind = BUNDLE_UNREAD;
		const char *why = "";
		int status =
			load(ctx, item, role_size_max(role->role), &found.file, &kind, &why, err);

		if (status < 0)
			return -1;
		if (status == 0) {
			if (draft_problem(draft, kind, item->path, err, "%s", why) < 0)
				return -1;
			continue;
		}
		if (role->role == ROLE_CANONICAL_LOG) {
			if (draft_expand_named(draft, item->path, found.file.contents, err) < 0)
				return -1;
			continue;
		}
		found.file.form = role->by_content ? "content" : NULL;
		found.file.name = arena_copy(&draft->arena, role->name);
		found.file.path = (const char *)arena_copy(&draft->arena, item->path).data;
		if (draft_found(draft, found, err) < 0)
			return -1;
	}
	return 0;
}

/* Files of the bundle in their order. */
int draft_publish(struct draft *draft, struct bundle *bundle, struct error *err)
{
	bundle->files = arena_take(&draft->arena, (draft->n_found + 1) * sizeof(*bundle->files));
	if (!bundle->files)
		return error_memory(err, bundle->name);
	for (size_t i = 0; i < draft->n_found; i++)
		if (!draft->found[i].is_dropped)
			bundle->files[bundle->n_files++] = draft->found[i].file;
	if (bundle->n_files > 1)
		qsort(bundle->files, bundle->n_files, sizeof(*bundle->files), by_role);
	return 0;
}

/* Why nothing was made of a file. */
static const char *why_unused(const struct draft *draft, const struct item *item)
{
	struct bytes name;
	enum bundle_role role = draft->is_deep ? role_by_last_part(item->path, &name)
					       : bundle_role_of(item->path, &name);

	if (role != ROLE_NONE)
		return "another form of the same evidence is used";
	switch (item->guess) {
	case FORM_GUESS_WRAPPED:
		return "in no form that Assay reads";
	case FORM_GUESS_PLAIN:
		return "a file that has its purpose by its name is used";
	case FORM_GUESS_NONE:
		break;
	}
	return "no name of evidence, and no content that tells what it is";
}

/* What is wrong with a key is found once for each boot of a series. */
static void drop_repeated(struct bundle *bundle)
{
	size_t n = 0;

	if (bundle->n_earlier == 0)
		return;
	for (size_t i = 0; i < bundle->n_problems; i++)
		if (n == 0 || by_problem(&bundle->problems[n - 1], &bundle->problems[i]) != 0)
			bundle->problems[n++] = bundle->problems[i];
	bundle->n_problems = n;
}

int draft_finish(struct draft *draft, const char *name, struct item_list *list, draft_load_fn *load,
		 void *ctx, struct bundle **out, struct error *err)
{
	struct bundle_body *body = (struct bundle_body *)*out;
	struct bundle *bundle = *out;
	size_t n_unused = 0;

	bundle->name = arena_printf(&draft->arena, "%s", name);
	if (load_files(draft, list, load, ctx, err) < 0 ||
	    draft_expand(draft, list, load, ctx, err) < 0 || draft_split(draft, bundle, err) < 0 ||
	    draft_settle(draft, err) < 0 || draft_publish(draft, bundle, err) < 0)
		return -1;
	for (size_t i = 0; i < list->n_items; i++)
		n_unused += !list->items[i].is_wanted;
	bundle->unused = arena_take(&draft->arena, (n_unused + 1) * sizeof(*bundle->unused));
	bundle->unused_why =
		arena_take(&draft->arena, (n_unused + 1) * sizeof(*bundle->unused_why));
	for (size_t i = 0; bundle->unused && bundle->unused_why && i < list->n_items; i++) {
		const struct item *item = &list->items[i];
		struct bytes no_name;

		if (item->is_wanted || item->is_duplicate || item->type != ITEM_FILE ||
		    bundle_role_of(item->path, &no_name) == ROLE_MAPPING)
			continue;
		bundle->unused_why[bundle->n_unused] = why_unused(draft, item);
		bundle->unused[bundle->n_unused++] = arena_copy(&draft->arena, item->path);
	}
	bundle->problems =
		arena_take(&draft->arena, (draft->n_problems + 1) * sizeof(*bundle->problems));
	if (draft->arena.failed)
		return error_memory(err, name);
	if (draft->n_problems)
		memcpy(bundle->problems, draft->problems,
		       draft->n_problems * sizeof(*bundle->problems));
	bundle->n_problems = draft->n_problems;
	qsort(bundle->problems, bundle->n_problems, sizeof(*bundle->problems), by_problem);
	drop_repeated(bundle);
	body->arena = draft->arena;
	draft->arena = (struct arena){ 0 };
	return 0;
}
