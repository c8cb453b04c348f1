/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence in an archive, and evidence.json alone (what begins with a brace or bracket). */
#include "replay/evidence/internal.h"

#include "tests/fuzz/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_container(const char *path)
{
	AUTO(container_freep) struct container *container = NULL;
	struct error err;

	if (container_open(path, &container, &err) < 0)
		return;
	if (container_n_bundles(container) == 0)
		abort();
	for (size_t i = 0; i < container_n_bundles(container) && i < 16; i++) {
		AUTO(bundle_freep) struct bundle *bundle = NULL;

		if (container_bundle(container, i, &bundle, &err) < 0)
			continue;
		for (size_t f = 0; f < bundle->n_files; f++) {
			const char *name = bundle->files[f].path;

			/* Nothing leads out of the bundle. */
			if (name[0] == '/' || strcmp(name, "..") == 0 ||
			    strncmp(name, "../", 3) == 0 || strstr(name, "/../"))
				abort();
		}
	}
}

static void read_mapping(struct bytes mapping)
{
	static const char *const paths[] = {
		"a/b",         "ak.pub",    "binary_runtime_measurements",
		"quote-x.msg", "quote.msg", "tpm/q1.msg"
	};
	struct item_list list = { 0 };
	struct draft draft = { 0 };
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (item_list_add(&list,
				  (struct item){ .path = bytes_of_string(paths[i]),
						 .type = ITEM_FILE,
						 .index = i },
				  &err) < 0)
			abort();
	items_sort(&list);
	(void)draft_assign(&draft, &list, &mapping, &err);
	for (size_t i = 0; i < draft.n_roles; i++)
		if (draft.roles[i].item >= list.n_items)
			abort();
	draft_clear(&draft);
	free(list.items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	const char *path;

	if (size && (*data == '{' || *data == '[')) {
		read_mapping(in);
		return 0;
	}
	path = scratch_write("bundle", in);
	read_container(path);
	scratch_remove(path);
	return 0;
}
