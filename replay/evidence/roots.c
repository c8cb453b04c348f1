/* SPDX-License-Identifier: BSD-2-Clause */
/* Which folders of an archive or a disk image are bundles. */
#include "replay/evidence/internal.h"

#include "core/array.h"

/* Folders around the bundles, as in a tar of /srv/cases/17. */
#define WRAPPING_MAX 16

/* How the folders of bundles are found: what no name tells, contents may. */
enum search { BY_NAME, BY_CONTENT, SEARCHES };

void roots_clear(struct roots *roots)
{
	free(roots->folders);
	*roots = (struct roots){ 0 };
}

bool path_below(struct bytes path, struct bytes folder, struct bytes *rest)
{
	if (folder.size == 0) {
		*rest = path;
		return true;
	}
	if (path.size <= folder.size + 1 || !bytes_start_with(path, folder) ||
	    path.data[folder.size] != '/')
		return false;
	*rest = bytes_of(path.data + folder.size + 1, path.size - folder.size - 1);
	return true;
}

static struct bytes first_part(struct bytes path)
{
	const uint8_t *slash = path.size ? memchr(path.data, '/', path.size) : NULL;

	return slash ? bytes_of(path.data, (size_t)(slash - path.data)) : bytes_of(path.data, 0);
}

static bool has_evidence(const struct item *item, struct bytes rest, enum search search)
{
	struct bytes no_name;

	if (item->type != ITEM_FILE)
		return false;
	if (search == BY_CONTENT)
		return item_is_candidate(item) && !memchr(rest.data, '/', rest.size);
	return role_is_evidence(bundle_role_of(rest, &no_name));
}

static int add_root(struct roots *roots, const char *source, struct bytes folder, struct error *err)
{
	if (roots->n >= CONTAINER_BUNDLES_MAX)
		return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
				 "more than %d folders with evidence", CONTAINER_BUNDLES_MAX);
	if (array_room(&roots->folders, roots->n, &roots->capacity, sizeof(*roots->folders), source,
		       err) < 0)
		return -1;
	roots->folders[roots->n++] = folder;
	return 0;
}

/* What is known of the members below one folder. */
struct level {
	struct bytes only; /* the one folder that everything is in; empty: none */
	bool several;      /* no: several folders, or a file beside them */
};

static void level_add(struct level *level, const struct item *item, struct bytes rest)
{
	struct bytes part = first_part(rest);

	if (part.size == 0 && item->type == ITEM_FOLDER)
		part = rest;
	if (part.size == 0 || (level->only.size && !bytes_equal(level->only, part)))
		level->several = true;
	else
		level->only = part;
}

/* True when the member is evidence of a folder right below; *folder its path in the archive. */
static bool evidence_of_folder(const struct item *item, struct bytes rest, enum search search,
			       struct bytes *folder)
{
	struct bytes part = first_part(rest);

	if (part.size == 0 ||
	    !has_evidence(item, bytes_of(rest.data + part.size + 1, rest.size - part.size - 1),
			  search))
		return false;
	*folder = bytes_of(item->path.data, item->path.size - rest.size + part.size);
	return true;
}

/*
 * The folder with evidence in it, or else the folders with evidence one level down; a folder that
 * everything else is in is passed through. Items are sorted, so those of one folder are together.
 */
static int find_folders(struct roots *roots, const char *source, const struct item_list *items,
			enum search search, struct bytes *shared, struct error *err)
{
	struct bytes top = bytes_of("", 0);

	for (unsigned wrapping = 0; wrapping < WRAPPING_MAX; wrapping++) {
		struct level level = { 0 };

		for (size_t i = 0; i < items->n_items; i++) {
			const struct item *item = &items->items[i];
			struct bytes rest;

			if (path_below(item->path, top, &rest) && has_evidence(item, rest, search))
				return add_root(roots, source, top, err);
		}
		for (size_t i = 0; i < items->n_items; i++) {
			const struct item *item = &items->items[i];
			const struct bytes *last = roots->n ? &roots->folders[roots->n - 1] : NULL;
			struct bytes rest, folder;

			if (!path_below(item->path, top, &rest))
				continue;
			level_add(&level, item, rest);
			if (evidence_of_folder(item, rest, search, &folder) &&
			    !(last && bytes_equal(*last, folder)) &&
			    add_root(roots, source, folder, err) < 0)
				return -1;
		}
		if (roots->n > 0)
			return 0;
		*shared = top;
		if (level.several || level.only.size == 0)
			break;
		top = top.size ? bytes_of(level.only.data - top.size - 1,
					  level.only.size + top.size + 1)
			       : level.only;
	}
	return 0;
}

int roots_find(struct roots *out, const char *source, const struct item_list *items,
	       struct error *err)
{
	struct bytes shared = bytes_of("", 0);

	for (unsigned search = 0; search < SEARCHES; search++) {
		if (find_folders(out, source, items, search, &shared, err) < 0)
			return -1;
		if (out->n > 0)
			return 0;
	}
	for (size_t i = 0; i < items->n_items; i++) {
		const struct item *item = &items->items[i];
		struct bytes no_name;

		if (item->type != ITEM_FILE ||
		    (!item_is_candidate(item) &&
		     !role_is_evidence(role_by_last_part(item->path, &no_name))))
			continue;
		out->is_deep = true;
		return add_root(out, source, shared, err);
	}
	return 0;
}
