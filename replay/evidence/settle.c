/* SPDX-License-Identifier: BSD-2-Clause */
/* What was found, made into a bundle: one file for each role and NAME. */
#include "replay/evidence/internal.h"

#include <inttypes.h>

#include "replay/quote/quote.h"

static bool is_quote_role(enum bundle_role role)
{
	return role == ROLE_QUOTE_MSG || role == ROLE_QUOTE_SIG || role == ROLE_QUOTE_PCRS;
}

static bool is_ak_role(enum bundle_role role)
{
	return role == ROLE_AK_PUB || role == ROLE_AK_PEM || role == ROLE_AK_NAME ||
	       role == ROLE_AK_CRT || role == ROLE_AK_CERTIFY_MSG || role == ROLE_AK_CERTIFY_SIG;
}

/* Roles of which there may be many without a NAME. */
static bool is_many_role(enum bundle_role role)
{
	return role == ROLE_CA_CRT || role == ROLE_USERSPACE_LOG;
}

static struct bytes path_of(const struct found *found)
{
	return bytes_of_string(found->file.path);
}

/* --- groups: quotes and keys ----------------------------------------------------------------- */

/* The pieces of one quote, or of one key. */
struct group {
	const struct found *parts[ROLE_COUNT];
	unsigned id;
	size_t order;
	bool is_quote, is_repeated;
	/* When its quote was made, as far as it can be read: nothing is believed by that. */
	uint32_t reset_count, restart_count;
	uint64_t clock;
	struct bytes name;
};

static bool same_group(const struct group *a, const struct group *b)
{
	for (unsigned role = 0; role < ROLE_COUNT; role++) {
		const struct found *x = a->parts[role], *y = b->parts[role];

		if (!is_quote_role(role) && !is_ak_role(role))
			continue;
		if (!x != !y || (x && !bytes_equal(x->file.contents, y->file.contents)))
			return false;
	}
	return a->is_quote == b->is_quote;
}

static int by_time(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->is_quote != y->is_quote)
		return x->is_quote ? -1 : 1;
	if (x->reset_count != y->reset_count)
		return x->reset_count < y->reset_count ? -1 : 1;
	if (x->restart_count != y->restart_count)
		return x->restart_count < y->restart_count ? -1 : 1;
	if (x->clock != y->clock)
		return x->clock < y->clock ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static void read_time(struct group *group)
{
	const struct found *message = group->parts[ROLE_QUOTE_MSG];
	struct quote quote;
	struct error ignored;

	if (!message ||
	    quote_parse(message->file.contents, message->file.path, &quote, &ignored) < 0)
		return;
	group->reset_count = quote.reset_count;
	group->restart_count = quote.restart_count;
	group->clock = quote.clock;
}

/* True when a file has that NAME by its own name, and a role that the group has too. */
static bool name_is_taken(const struct draft *draft, const struct group *group, struct bytes name)
{
	for (size_t i = 0; i < draft->n_found; i++) {
		const struct found *found = &draft->found[i];

		if (found->group == 0 && bytes_equal(found->file.name, name) &&
		    group->parts[found->file.role])
			return true;
	}
	return false;
}

/* The form's own names are taken when they tell the groups apart. */
static bool names_tell_apart(const struct draft *draft, const struct group *groups, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (groups[i].name.size == 0 || name_is_taken(draft, &groups[i], groups[i].name))
			return false;
		for (size_t j = 0; j < i; j++)
			if (bytes_equal(groups[i].name, groups[j].name))
				return false;
	}
	return true;
}

/* One has no NAME, where that is free; several have the form's, or numbers in the order of time. */
static int name_groups(struct draft *draft, struct group *groups, size_t n, struct error *err)
{
	const char *kind = n && groups[0].is_quote ? "" : "key-";
	unsigned next = 1;

	if (n == 1 && !name_is_taken(draft, &groups[0], bytes_of("", 0))) {
		groups[0].name = bytes_of("", 0);
		return 0;
	}
	if (n > 1 && names_tell_apart(draft, groups, n))
		return 0;
	for (size_t i = 0; i < n; i++)
		do
			groups[i].name = bytes_of_string(
				n > 999  ? arena_printf(&draft->arena, "%s%04u", kind, next++)
				: n > 99 ? arena_printf(&draft->arena, "%s%03u", kind, next++)
				: n > 9  ? arena_printf(&draft->arena, "%s%02u", kind, next++)
					 : arena_printf(&draft->arena, "%s%u", kind, next++));
		while (!draft->arena.failed && name_is_taken(draft, &groups[i], groups[i].name));
	return draft->arena.failed ? error_memory(err, NULL) : 0;
}

static void apply_group(struct draft *draft, const struct group *group)
{
	for (size_t i = 0; i < draft->n_found; i++) {
		struct found *found = &draft->found[i];

		if (found->group != group->id)
			continue;
		if (is_quote_role(found->file.role) || is_ak_role(found->file.role)) {
			found->file.name = group->name;
			found->is_dropped = found->is_dropped || group->is_repeated;
		}
	}
}

static int settle_groups(struct draft *draft, struct error *err)
{
	AUTO(own_free)
	struct group *groups = calloc(draft->n_groups + 1, sizeof(struct group));
	size_t n = 0, n_quotes = 0, n_total;

	if (!groups)
		return error_memory(err, NULL);
	for (size_t i = 0; i < draft->n_found; i++) {
		const struct found *found = &draft->found[i];
		struct group *group;

		if (found->group == 0 ||
		    (!is_quote_role(found->file.role) && !is_ak_role(found->file.role)))
			continue;
		group = &groups[found->group - 1];
		if (!group->id)
			*group = (struct group){ .id = found->group, .order = i };
		group->parts[found->file.role] = found;
		group->is_quote = group->is_quote || is_quote_role(found->file.role);
		if (found->file.name.size)
			group->name = found->file.name;
	}
	for (size_t i = 0; i < draft->n_groups; i++) {
		bool seen = false;

		if (!groups[i].id)
			continue;
		read_time(&groups[i]);
		for (size_t j = 0; j < n && !seen; j++)
			seen = same_group(&groups[i], &groups[j]);
		groups[i].is_repeated = seen;
		if (seen)
			apply_group(draft, &groups[i]);
		else
			groups[n++] = groups[i];
	}
	n_total = n;
	if (n > 1)
		qsort(groups, n, sizeof(*groups), by_time);
	while (n_quotes < n && groups[n_quotes].is_quote)
		n_quotes++;
	if (name_groups(draft, groups, n_quotes, err) < 0 ||
	    name_groups(draft, groups + n_quotes, n_total - n_quotes, err) < 0)
		return -1;
	for (size_t i = 0; i < n_total; i++)
		apply_group(draft, &groups[i]);
	return 0;
}

/* --- IMA lists in parts ------------------------------------------------------------------------- */

static int by_entry(const void *a, const void *b)
{
	const struct found *x = *(struct found *const *)a, *y = *(struct found *const *)b;

	/* Those that do not say where they begin stay behind, in their order. */
	if (x->first_entry != y->first_entry)
		return x->first_entry < y->first_entry ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static uint64_t count_lines(struct bytes text)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.size; n++) {
		const uint8_t *end = memchr(text.data + i, '\n', text.size - i);

		i = end ? (size_t)(end - text.data) + 1 : text.size;
	}
	return n;
}

/* Where the last n lines of a text begin. */
static size_t last_lines(struct bytes text, uint64_t n)
{
	size_t at = text.size;

	while (n > 0 && at > 0) {
		at--; /* the newline of the line before, or the last character */
		while (at > 0 && text.data[at - 1] != '\n')
			at--;
		n--;
	}
	return at;
}

/* A list as it is being joined. */
struct joined {
	struct buf text;
	uint64_t n_entries;
	const struct found *last; /* part that added to it */
};

static void append_list(struct joined *list, const struct found *part, struct bytes text)
{
	if (text.size == 0)
		return;
	if (list->text.size && list->text.data[list->text.size - 1] != '\n')
		buf_append_u8(&list->text, '\n');
	buf_append(&list->text, text);
	list->n_entries += count_lines(text);
	list->last = part;
}

/* 1; 0 when the part contradicts the list (*why). */
static int join_part(struct joined *list, const struct found *part, const char **why)
{
	struct bytes text = part->file.contents, tail;
	uint64_t first = part->first_entry;
	size_t common;

	if (first == FORM_ENTRY_UNKNOWN)
		first = list->n_entries && !bytes_start_with(text, buf_bytes(&list->text)) &&
					!bytes_start_with(buf_bytes(&list->text), text)
				? list->n_entries
				: 0;
	if (first > list->n_entries) {
		*why = "begins behind the end of the entries that are there: some are missing";
		return 0;
	}
	tail = buf_bytes(&list->text);
	if (first > 0) {
		size_t at = last_lines(tail, list->n_entries - first);

		tail = bytes_of(tail.data + at, tail.size - at);
	}
	common = tail.size < text.size ? tail.size : text.size;
	if (common && memcmp(tail.data, text.data, common) != 0) {
		*why = "has other entries than the list that it should go on with";
		return 0;
	}
	append_list(list, part, bytes_of(text.data + common, text.size - common));
	return 1;
}

/* All parts of IMA lists become one; one that does not fit is a problem, and none is used from there on. */
static int settle_ima(struct draft *draft, struct error *err)
{
	AUTO(own_free) struct found **parts = calloc(draft->n_found + 1, sizeof(struct found *));
	struct joined list = { .text = BUF_INIT };
	size_t n = 0, n_used = 0;
	const char *why = NULL;
	int status = 0;

	if (!parts)
		return error_memory(err, NULL);
	for (size_t i = 0; i < draft->n_found; i++)
		if (draft->found[i].is_part)
			parts[n++] = &draft->found[i];
	if (n == 0)
		return 0;
	qsort(parts, n, sizeof(*parts), by_entry);
	if (n == 1 && (parts[0]->first_entry == 0 || parts[0]->first_entry == FORM_ENTRY_UNKNOWN))
		return 0;
	for (; n_used < n && !why && !list.text.failed; n_used++)
		if (!join_part(&list, parts[n_used], &why))
			break;
	for (size_t i = 0; i < n; i++)
		parts[i]->is_dropped = true;
	if (why)
		status = draft_problem(draft,
				       parts[n_used]->first_entry > list.n_entries
					       ? BUNDLE_MISSING
					       : BUNDLE_AMBIGUOUS,
				       path_of(parts[n_used]), err, "an IMA list that %s; %s", why,
				       n_used ? "what comes before it is used" : "it is not used");
	if (status == 0 && list.text.failed)
		status = error_memory(err, NULL);
	if (status == 0 && n_used > 0) {
		struct found *whole = parts[0];

		whole->is_dropped = false;
		whole->file.contents = arena_copy(&draft->arena, buf_bytes(&list.text));
		whole->file.path = n_used == 1
					   ? whole->file.path
					   : arena_printf(&draft->arena, "%s (and %zu more, to %s)",
							  whole->file.path, n_used - 1,
							  parts[n_used - 1]->file.path);
		if (draft->arena.failed)
			status = error_memory(err, NULL);
	}
	buf_clear(&list.text);
	return status;
}

/* --- rivals -------------------------------------------------------------------------------------- */

static int by_role(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int order = (x->is_dropped > y->is_dropped) - (x->is_dropped < y->is_dropped);

	if (!order)
		order = (x->file.role > y->file.role) - (x->file.role < y->file.role);
	if (!order)
		order = bytes_compare(x->file.name, y->file.name);
	if (!order) /* what has its name comes first */
		order = (x->is_found > y->is_found) - (x->is_found < y->is_found);
	return order ? order : (x->order > y->order) - (x->order < y->order);
}

/* Of n files for one role and NAME, sorted: one is used, or none. */
static int settle_rivals(struct draft *draft, struct found *rivals, size_t n, struct error *err)
{
	bool differ = false;

	if (is_many_role(rivals->file.role)) {
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < i && rivals[i].is_found; j++)
				if (bytes_equal(rivals[i].file.contents, rivals[j].file.contents))
					rivals[i].is_dropped = true;
		return 0;
	}
	for (size_t i = 1; i < n; i++) {
		rivals[i].is_dropped = true;
		if (bytes_equal(rivals[i].file.contents, rivals[0].file.contents))
			continue;
		differ = true;
		if (draft_problem(draft, BUNDLE_AMBIGUOUS, path_of(&rivals[i]), err,
				  rivals[0].is_found
					  ? "one of several that differ for the same purpose; none "
					    "is used"
					  : "differs from the file that has this purpose by its "
					    "name, which is used") < 0)
			return -1;
	}
	if (!differ || !rivals[0].is_found)
		return 0;
	rivals[0].is_dropped = true;
	return draft_problem(draft, BUNDLE_AMBIGUOUS, path_of(&rivals[0]), err,
			     "one of several that differ for the same purpose; none is used");
}

int draft_settle(struct draft *draft, struct error *err)
{
	if (settle_groups(draft, err) < 0 || settle_ima(draft, err) < 0)
		return -1;
	if (draft->n_found > 1)
		qsort(draft->found, draft->n_found, sizeof(*draft->found), by_role);
	for (size_t i = 0, n; i < draft->n_found && !draft->found[i].is_dropped; i += n) {
		const struct bundle_file *file = &draft->found[i].file;

		for (n = 1; i + n < draft->n_found && !draft->found[i + n].is_dropped &&
			    draft->found[i + n].file.role == file->role &&
			    bytes_equal(draft->found[i + n].file.name, file->name);
		     n++)
			;
		if (n > 1 && settle_rivals(draft, &draft->found[i], n, err) < 0)
			return -1;
	}
	return 0;
}
