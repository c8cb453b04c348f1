/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/rpm/inputs.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "core/array.h"
#include "core/own.h"

struct rpm_input {
	char *path; /* owned */
	dev_t device;
	ino_t inode;
};

static int append(struct rpm_inputs *inputs, const char *path, const struct stat *st,
		  struct error *err)
{
	char *copy;

	if (array_room(&inputs->items, inputs->n_items, &inputs->capacity, sizeof(*inputs->items),
		       path, err) < 0)
		return -1;
	copy = strdup(path);
	if (!copy)
		return error_memory(err, path);
	inputs->items[inputs->n_items++] = (struct rpm_input){ copy, st->st_dev, st->st_ino };
	return 0;
}

static bool is_package_name(const char *name)
{
	size_t size = strlen(name);

	return size > 4 && strcmp(name + size - 4, ".rpm") == 0;
}

static void fail(rpm_inputs_failed *failed, void *ctx, const char *path, int errno_value,
		 const char *what)
{
	struct error why = { 0 };

	if (errno_value)
		error_errno(&why, ERROR_INPUT, path, errno_value, "%s", what);
	else
		error_set(&why, ERROR_INPUT, path, ERROR_NO_OFFSET, "%s", what);
	failed(ctx, path, &why);
}

static void fts_closep(FTS **tree)
{
	if (*tree)
		fts_close(*tree);
}

static int add_tree(struct rpm_inputs *inputs, const char *path, rpm_inputs_failed *failed,
		    void *ctx, struct error *err)
{
	const size_t n_before = inputs->n_items;
	AUTO(own_free) char *root = strdup(path);
	char *roots[] = { root, NULL };
	AUTO(fts_closep) FTS *tree = NULL;
	bool any_failed = false;
	FTSENT *entry;

	if (!root)
		return error_memory(err, path);
	tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	if (!tree)
		return error_memory(err, path);
	for (errno = 0; (entry = fts_read(tree)); errno = 0) {
		struct stat target;

		switch (entry->fts_info) {
		case FTS_F:
			if (is_package_name(entry->fts_name) &&
			    append(inputs, entry->fts_path, entry->fts_statp, err) < 0)
				return -1;
			break;
		case FTS_SL:
			if (!is_package_name(entry->fts_name))
				break;
			/* A link to nothing is a package that is missing. */
			if (stat(entry->fts_path, &target) < 0) {
				fail(failed, ctx, entry->fts_path, errno, "cannot open");
				any_failed = true;
			} else if (S_ISREG(target.st_mode) &&
				   append(inputs, entry->fts_path, &target, err) < 0) {
				return -1;
			}
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			fail(failed, ctx, entry->fts_path, entry->fts_errno, "cannot look into it");
			any_failed = true;
			break;
		default:
			break;
		}
	}
	if (errno == ENOMEM)
		return error_memory(err, path);
	if (errno) {
		fail(failed, ctx, path, errno, "cannot look into it");
		any_failed = true;
	}
	if (inputs->n_items == n_before && !any_failed)
		fail(failed, ctx, path, 0, "no *.rpm in this folder or below it");
	return 0;
}

int rpm_inputs_add(struct rpm_inputs *inputs, const char *path, rpm_inputs_failed *failed,
		   void *ctx, struct error *err)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		fail(failed, ctx, path, errno, "cannot open");
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return add_tree(inputs, path, failed, ctx, err);
	return append(inputs, path, &st, err);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int by_name(const void *a, const void *b)
{
	const struct rpm_input *left = a, *right = b;
	int order = strcmp(base_name(left->path), base_name(right->path));

	return order ? order : strcmp(left->path, right->path);
}

static int by_file(const void *a, const void *b)
{
	const struct rpm_input *left = a, *right = b;

	if (left->device != right->device)
		return left->device < right->device ? -1 : 1;
	if (left->inode != right->inode)
		return left->inode < right->inode ? -1 : 1;
	return by_name(a, b);
}

void rpm_inputs_sort(struct rpm_inputs *inputs)
{
	size_t n = 0;

	if (!inputs->n_items)
		return;
	qsort(inputs->items, inputs->n_items, sizeof(*inputs->items), by_file);
	for (size_t i = 0; i < inputs->n_items; i++) {
		const struct rpm_input *item = &inputs->items[i];

		if (n && item->device == inputs->items[n - 1].device &&
		    item->inode == inputs->items[n - 1].inode)
			free(item->path);
		else
			inputs->items[n++] = *item;
	}
	inputs->n_items = n;
	qsort(inputs->items, n, sizeof(*inputs->items), by_name);
}

const char *rpm_inputs_path(const struct rpm_inputs *inputs, size_t index)
{
	return inputs->items[index].path;
}

void rpm_inputs_clear(struct rpm_inputs *inputs)
{
	for (size_t i = 0; i < inputs->n_items; i++)
		free(inputs->items[i].path);
	free(inputs->items);
	*inputs = (struct rpm_inputs){ 0 };
}
