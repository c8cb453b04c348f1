/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the bundle module share. */
#ifndef REPLAY_EVIDENCE_INTERNAL_H
#define REPLAY_EVIDENCE_INTERNAL_H

#include "core/arena.h"
#include "replay/evidence/bundle.h"
#include "core/file.h"
#include "core/own.h"
#include "replay/forms/forms.h"

/* Entries of one bundle's folders: evidence is a few dozen files. */
#define BUNDLE_ITEMS_MAX 100000

/* Files of evidence in one bundle: a handful of quotes of a few keys. */
#define BUNDLE_FILES_MAX 256

/* The same with what is in files of other forms: an agent's replies of some days. */
#define BUNDLE_PIECES_MAX 4096

/* Bundles in one folder or archive: more machines than one report can be read for. */
#define CONTAINER_BUNDLES_MAX 100000

enum item_type {
	ITEM_FILE,
	ITEM_FOLDER,
	ITEM_LINK,
	ITEM_HARDLINK,
	ITEM_DEVICE,
	ITEM_FIFO,
	ITEM_SOCKET,
	ITEM_OTHER
};

/* A member of a bundle. */
struct item {
	struct bytes path; /* in the bundle, normalised; owned by the arena */
	enum item_type type;
	bool is_duplicate;
	bool is_wanted;    /* a role was given to it */
	bool is_loaded;    /* contents are there (an archive's; a folder's are read at the end) */
	bool is_too_large; /* not kept */
	enum form_guess guess;    /* by its beginning, of a file that has no name of evidence */
	enum bundle_role guessed; /* FORM_GUESS_PLAIN: the role */
	struct bytes contents;    /* if loaded; owned by the container */
	size_t index;             /* in its archive */
};

struct item_list {
	struct item *items; /* owned */
	size_t n_items;
	size_t n_sorted; /* the first so many are in the order of their paths */
	size_t capacity;
};

int item_list_add(struct item_list *list, struct item item, struct error *err);

/* One role that an item has. */
struct assignment {
	enum bundle_role role;
	struct bytes name;
	size_t item;
	unsigned form; /* of an IMA log: the lower is taken */
	bool is_found; /* not by its name in the bundle's folder: it may have rivals */
	bool by_content;
};

/* A file or piece of evidence before the bundle is settled. */
struct found {
	struct bundle_file file;
	unsigned group; /* of a piece: of one quote or key; 0: none */
	size_t order;   /* in which it was found */
	bool is_found;  /* by content, deep in a tree, or a piece; else by name */
	bool is_part;
	uint64_t first_entry; /* if is_part */
	bool is_dropped;
};

/* A bundle while it is put together. */
struct draft {
	struct arena arena;
	/* Looks for a path that the list lacks, since folders are not listed to their depth; may be NULL. */
	enum item_type (*find)(void *ctx, struct bytes path); /* ITEM_OTHER: not there */
	void *find_ctx;
	struct bundle_problem *problems; /* owned, as are the following */
	size_t n_problems, problems_capacity;
	struct assignment *roles;
	size_t n_roles, roles_capacity;
	struct found *found;
	size_t n_found, found_capacity;
	unsigned n_groups;
	bool is_deep; /* nothing has its name where it should: files are sought in the whole tree */
};

void draft_clear(struct draft *draft);

int draft_problem(struct draft *draft, enum bundle_problem_kind kind, struct bytes path,
		  struct error *err, const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * Gives roles to the items of one bundle: by evidence.json (mapping: its bytes, or NULL), then by
 * name. Items are sorted by path. Marks what has to be loaded.
 */
int draft_assign(struct draft *draft, struct item_list *items, const struct bytes *mapping,
		 struct error *err);

/* What is unlike a file or folder is a problem; so are duplicates. */
int draft_inspect(struct draft *draft, struct item_list *items, struct error *err);

/*
 * The bundle of a draft; takes its arena. load sets what a file holds (borrowed by
 * the bundle): 1, 0 with *why set when it cannot be had, or -1.
 */
typedef int draft_load_fn(void *ctx, const struct item *item, size_t size_max,
			  struct bundle_file *file, enum bundle_problem_kind *kind,
			  const char **why, struct error *err);
int draft_finish(struct draft *draft, const char *name, struct item_list *items,
		 draft_load_fn *load, void *ctx, struct bundle **out, struct error *err);

int draft_found(struct draft *draft, struct found found, struct error *err);

/* What was found, settled, as the bundle's files. */
int draft_publish(struct draft *draft, struct bundle *bundle, struct error *err);

/* boots.c: takes the logs of earlier boots out of a series, and makes them bundles of their own. */
int draft_split(struct draft *draft, struct bundle *bundle, struct error *err);

/* expand.c: a file that has the name of a form: what it is not is a problem. */
int draft_expand_named(struct draft *draft, struct bytes path, struct bytes contents,
		       struct error *err);

/* expand.c: reads the files in forms of ours, and gives the draft the pieces in them. */
int draft_expand(struct draft *draft, struct item_list *items, draft_load_fn *load, void *ctx,
		 struct error *err);

/*
 * settle.c: one file for each role and NAME: quotes of pieces get their NAMEs by time, IMA lists that go on
 * where others end are joined, what is there twice is taken once, what differs is a problem.
 */
int draft_settle(struct draft *draft, struct error *err);

/*
 * roots.c: the folders of a sorted list that are bundles: those with evidence in them, or else what all is
 * in, when there is evidence somewhere deeper in it. None where there is no evidence at all.
 */
struct roots {
	struct bytes *folders; /* owned; paths are the items', empty for the top */
	size_t n, capacity;
	bool is_deep;
};
int roots_find(struct roots *out, const char *source, const struct item_list *items,
	       struct error *err);
void roots_clear(struct roots *roots);

/* True when path is below folder; *rest is the part of it there. */
bool path_below(struct bytes path, struct bytes folder, struct bytes *rest);

/* True where a folder or archive without names of evidence may hold evidence by this one. */
bool item_is_candidate(const struct item *item);

/* The role of a file somewhere in a tree, by the last part of its path. */
enum bundle_role role_by_last_part(struct bytes path, struct bytes *name);

/* The part of a path behind its last slash. */
struct bytes path_last_part(struct bytes path);

/* More than a file of this role ever holds. */
size_t role_size_max(enum bundle_role role);

/* The order in which forms of an IMA log are preferred, from the file's name. */
unsigned role_ima_form(struct bytes path);

/* True if a folder with a file of this name in it is a bundle. */
bool role_is_evidence(enum bundle_role role);

/*
 * A path without "." and doubled slashes; owned by the arena. False for an absolute one, one with
 * "..", or none at all.
 */
bool path_normalise(struct arena *arena, struct bytes path, struct bytes *out);

void items_sort(struct item_list *items);

/* The item of a path in a sorted list, or NULL. */
struct item *items_find(const struct item_list *items, struct bytes path);

/* What a struct bundle is behind its public face. */
struct bundle_body {
	struct bundle bundle; /* first: a struct bundle * is one of these */
	struct arena arena;
	struct mapped {
		struct file *file; /* owned */
		int fd;            /* owned */
	} * mapped;                /* owned: a folder's large files */
	size_t n_mapped;
};

/* The kinds of container: folders, archives (named apart from libarchive's own names), disk images. */
struct folder;
struct packed;
struct image;

int folder_open(const char *path, struct folder **out, struct error *err);
void folder_free(struct folder *folder);
size_t folder_n_bundles(const struct folder *folder);
int folder_bundle(const struct folder *folder, size_t i, struct bundle **out, struct error *err);

int packed_open(const char *path, struct packed **out, struct error *err);
void packed_free(struct packed *packed);
size_t packed_n_bundles(const struct packed *packed);
int packed_bundle(const struct packed *packed, size_t i, struct bundle **out, struct error *err);

/* 1, 0 if the file is no disk image that is known, -1. */
int image_open(const char *path, struct image **out, struct error *err);
void image_free(struct image *image);
size_t image_n_bundles(const struct image *image);
int image_bundle(struct image *image, size_t i, struct bundle **out, struct error *err);

#endif
