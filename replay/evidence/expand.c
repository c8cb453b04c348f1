/* SPDX-License-Identifier: BSD-2-Clause */
/* Files in forms of agents, taken apart into files of evidence (replay/forms). */
#include "replay/evidence/internal.h"

#include "core/text.h"

static struct bytes whole_path(struct draft *draft, struct bytes path, const char *where)
{
	char shown[256];

	if (!*where)
		return path;
	/* A place in the form is plain text of ours; the path keeps its bytes. */
	text_escape(shown, sizeof(shown), bytes_of_string(where));
	return bytes_of_string(arena_printf(&draft->arena, "%.*s#%s", (int)path.size,
					    (const char *)path.data, shown));
}

static int add_notes(struct draft *draft, const struct form_result *result, struct bytes path,
		     struct error *err)
{
	for (size_t i = 0; i < result->n_notes; i++) {
		const struct form_note *note = &result->notes[i];

		if (draft_problem(draft, note->is_fault ? BUNDLE_FORM : BUNDLE_NOTE,
				  whole_path(draft, path, note->where), err, "%s: %s",
				  result->form ? result->form : "a form", note->message) < 0)
			return -1;
	}
	return 0;
}

static int add_pieces(struct draft *draft, const struct form_result *result, struct bytes path,
		      struct error *err)
{
	unsigned first_group = draft->n_groups;

	for (size_t i = 0; i < result->n_pieces; i++) {
		const struct form_piece *piece = &result->pieces[i];
		struct found found = {
			.file = {.role = piece->role,
                                 .name = piece->name,
                                 .contents = piece->contents,
                                 .path = (const char *)whole_path(draft, path, piece->where).data,
                                 .form = result->form},
			.group = piece->group ? first_group + piece->group : 0,
			.is_found = true,
			.is_part = piece->is_part,
			.first_entry = piece->first_entry,
		};

		if (draft->n_found >= BUNDLE_PIECES_MAX)
			return draft_problem(
				draft, BUNDLE_LIMIT, path, err,
				"more than %d pieces of evidence; those from here on are "
				"not read",
				BUNDLE_PIECES_MAX);
		if (piece->contents.size > role_size_max(piece->role)) {
			if (draft_problem(draft, BUNDLE_LIMIT,
					  whole_path(draft, path, piece->where), err,
					  "larger than such evidence ever is, not read") < 0)
				return -1;
			continue;
		}
		if (draft_found(draft, found, err) < 0)
			return -1;
	}
	draft->n_groups = first_group + result->n_groups;
	return 0;
}

/* 1; 0 when the file is in no form of ours (a problem, if it has to be); -1. */
static int expand_file(struct draft *draft, struct bytes path, struct bytes contents,
		       bool has_to_be, struct error *err)
{
	AUTO(form_result_clear) struct form_result result = { .arena = &draft->arena };
	struct error problem = { 0 };
	int status;

	path = arena_copy(&draft->arena, path);

	if (draft->arena.failed)
		return error_memory(err, NULL);
	status = form_read(contents, (const char *)path.data, &result, &problem);
	if (status < 0) {
		if (err)
			*err = problem;
		return -1;
	}
	if (status == 0 && problem.code == ERROR_UNSUPPORTED && !has_to_be)
		return 0;
	if (status == 0 && problem.offset != ERROR_NO_OFFSET &&
	    draft_problem(draft, BUNDLE_FORM, path, err, "offset 0x%llx: %s",
			  (unsigned long long)problem.offset, problem.message) < 0)
		return -1;
	if (status == 0 && problem.offset == ERROR_NO_OFFSET &&
	    draft_problem(draft, BUNDLE_FORM, path, err, "%s", problem.message) < 0)
		return -1;
	return add_notes(draft, &result, path, err) < 0 || add_pieces(draft, &result, path, err) < 0
		       ? -1
		       : 1;
}

int draft_expand_named(struct draft *draft, struct bytes path, struct bytes contents,
		       struct error *err)
{
	return expand_file(draft, path, contents, true, err) < 0 ? -1 : 0;
}

/* Reads one file: what it is in no form of ours is nothing of evidence, and listed as unused. */
static int expand_item(struct draft *draft, struct item *item, struct bytes contents,
		       struct error *err)
{
	int status = expand_file(draft, item->path, contents, false, err);

	item->is_wanted = item->is_wanted || status > 0;
	return status < 0 ? -1 : 0;
}

int draft_expand(struct draft *draft, struct item_list *list, draft_load_fn *load, void *ctx,
		 struct error *err)
{
	for (size_t i = 0; i < list->n_items; i++) {
		struct item *item = &list->items[i];
		enum bundle_problem_kind kind = BUNDLE_UNREAD;
		struct bundle_file file = { 0 };
		const char *why = "";
		int status;

		if (item->type != ITEM_FILE || item->is_duplicate || item->is_wanted ||
		    item->guess != FORM_GUESS_WRAPPED)
			continue;
		status = load(ctx, item, FORM_SIZE_MAX, &file, &kind, &why, err);
		if (status == 0)
			status = draft_problem(draft, kind, item->path, err, "%s", why);
		else if (status > 0)
			status = expand_item(draft, item, file.contents, err);
		if (status < 0)
			return -1;
	}
	return 0;
}
