/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A series of an agent's replies over several boots: each reply says with its quote which boot its logs are
 * of. The bundle's own files are the latest boot's, with the quotes of all; what belongs to an earlier boot makes
 * a bundle of that one. Nothing is believed by that: every quote still has to be reproduced by the logs beside it.
 */
#include "replay/evidence/internal.h"

#include "replay/quote/quote.h"

/* Boots that are judged by their own logs; of more, the oldest are not. */
#define BOOTS_MAX 64

/* Of a piece without a quote beside it. */
#define BOOT_UNKNOWN UINT64_MAX

static bool is_log(enum bundle_role role)
{
	return role == ROLE_BOOT_LOG || role == ROLE_IMA_LOG || role == ROLE_USERSPACE_LOG;
}

static bool is_quote(enum bundle_role role)
{
	return role == ROLE_QUOTE_MSG || role == ROLE_QUOTE_SIG || role == ROLE_QUOTE_PCRS;
}

/* The document that a piece is from: "9.json#", "replies.json#[3]", "replies.jsonl#line 4". Empty: no piece. */
static struct bytes document_of(const struct found *found)
{
	const char *path = found->file.path, *where = strrchr(path, '#'), *end;

	if (!found->file.form || !where)
		return bytes_of("", 0);
	where++;
	end = *where == '['                     ? strchr(where, ']')
	      : strncmp(where, "line ", 5) == 0 ? strchr(where, ':')
						: where;
	return bytes_of(path, (size_t)((end ? end : where) - path));
}

/* The documents with a quote, and the boot it names: two quotes of different boots in one say nothing. */
struct documents {
	struct document {
		struct bytes name;
		uint64_t boot;
		bool has_log;
	} * documents; /* owned */
	size_t n;
};

static void documents_clear(struct documents *documents)
{
	free(documents->documents);
}

static int by_name(const void *a, const void *b)
{
	const struct document *x = a, *y = b;

	return bytes_compare(x->name, y->name);
}

static struct document *document_find(const struct documents *documents, struct bytes name)
{
	struct document key = { .name = name };

	return documents->n && name.size
		       ? bsearch(&key, documents->documents, documents->n, sizeof(key), by_name)
		       : NULL;
}

static int read_documents(const struct draft *draft, struct documents *out, struct error *err)
{
	size_t n = 0;

	out->documents = calloc(draft->n_found + 1, sizeof(*out->documents));
	if (!out->documents)
		return error_memory(err, NULL);
	for (size_t i = 0; i < draft->n_found; i++) {
		const struct found *found = &draft->found[i];
		struct bytes name = document_of(found);
		struct quote quote;
		struct error ignored;

		if (found->file.role == ROLE_QUOTE_MSG && name.size &&
		    quote_parse(found->file.contents, found->file.path, &quote, &ignored) == 0)
			out->documents[n++] =
				(struct document){ .name = name, .boot = quote.reset_count };
	}
	if (n > 1)
		qsort(out->documents, n, sizeof(*out->documents), by_name);
	for (size_t i = 0; i < n; i++) {
		struct document *last = out->n ? &out->documents[out->n - 1] : NULL;

		if (!last || !bytes_equal(last->name, out->documents[i].name))
			out->documents[out->n++] = out->documents[i];
		else if (last->boot != out->documents[i].boot)
			last->boot = BOOT_UNKNOWN;
	}
	for (size_t i = 0; i < draft->n_found; i++) {
		struct document *document =
			is_log(draft->found[i].file.role)
				? document_find(out, document_of(&draft->found[i]))
				: NULL;

		if (document)
			document->has_log = true;
	}
	return 0;
}

static uint64_t boot_of(const struct documents *documents, const struct found *found)
{
	const struct document *document = document_find(documents, document_of(found));

	return document ? document->boot : BOOT_UNKNOWN;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The boots that logs are of, in their order; boots has room for one of each document. */
static size_t boots_of(const struct documents *documents, uint64_t *boots)
{
	size_t n = 0, n_different = 0;

	for (size_t i = 0; i < documents->n; i++)
		if (documents->documents[i].has_log && documents->documents[i].boot != BOOT_UNKNOWN)
			boots[n++] = documents->documents[i].boot;
	if (n > 1)
		qsort(boots, n, sizeof(*boots), by_number);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || boots[i] != boots[i - 1])
			boots[n_different++] = boots[i];
	return n_different;
}

/* What is of one boot, and what is of none but no log and no quote: keys and what binds them. */
static int copy_boot(const struct draft *draft, const struct documents *documents, uint64_t boot,
		     struct draft *out, struct error *err)
{
	for (size_t i = 0; i < draft->n_found; i++) {
		const struct found *found = &draft->found[i];
		uint64_t of = boot_of(documents, found);

		if (of == boot || (of == BOOT_UNKNOWN && !is_log(found->file.role) &&
				   !is_quote(found->file.role)))
			if (draft_found(out, *found, err) < 0)
				return -1;
	}
	return 0;
}

/* A bundle of one earlier boot. Everything it has lives in the draft's arena. */
static int make_boot(struct draft *draft, const struct documents *documents, uint64_t boot,
		     struct bundle *bundle, struct error *err)
{
	struct draft part = { .arena = draft->arena, .n_groups = draft->n_groups };
	int status = copy_boot(draft, documents, boot, &part, err);

	if (status == 0)
		status = draft_settle(&part, err);
	if (status == 0)
		status = draft_publish(&part, bundle, err);
	draft->arena = part.arena;
	part.arena = (struct arena){ 0 };
	for (size_t i = 0; i < part.n_problems && status == 0; i++)
		status = draft_problem(draft, part.problems[i].kind, part.problems[i].path, err,
				       "%s", part.problems[i].message);
	draft_clear(&part);
	return status;
}

/* Leaves the logs of one boot, and those that are of none. */
static int keep_logs(struct draft *draft, const struct documents *documents, uint64_t latest,
		     uint64_t oldest, struct error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < draft->n_found; i++) {
		const struct found *found = &draft->found[i];
		uint64_t boot = is_log(found->file.role) ? boot_of(documents, found) : latest;

		if (boot == latest || boot == BOOT_UNKNOWN)
			draft->found[n++] = *found;
		else if (boot < oldest &&
			 draft_problem(draft, BUNDLE_LIMIT, bytes_of_string(found->file.path), err,
				       "of a boot before the latest %d: not read", BOOTS_MAX) < 0)
			return -1;
	}
	draft->n_found = n;
	return 0;
}

int draft_split(struct draft *draft, struct bundle *bundle, struct error *err)
{
	AUTO(documents_clear) struct documents documents = { 0 };
	AUTO(own_free) uint64_t *boots = NULL;
	size_t n_boots, first;

	if (read_documents(draft, &documents, err) < 0)
		return -1;
	boots = calloc(documents.n + 1, sizeof(*boots));
	if (!boots)
		return error_memory(err, bundle->name);
	n_boots = boots_of(&documents, boots);
	if (n_boots < 2)
		return 0;
	first = n_boots > BOOTS_MAX ? n_boots - BOOTS_MAX : 0;
	bundle->earlier = arena_take(&draft->arena, n_boots * sizeof(*bundle->earlier));
	if (!bundle->earlier)
		return error_memory(err, bundle->name);
	for (size_t i = first; i < n_boots - 1; i++) {
		struct bundle *earlier = &bundle->earlier[bundle->n_earlier++];

		earlier->name = bundle->name;
		if (make_boot(draft, &documents, boots[i], earlier, err) < 0)
			return -1;
	}
	return keep_logs(draft, &documents, boots[n_boots - 1], boots[first], err);
}
