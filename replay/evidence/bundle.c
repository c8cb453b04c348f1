/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/evidence/bundle.h"

#include <sys/stat.h>
#include <unistd.h>

#include "replay/evidence/internal.h"

struct container {
	struct folder *folder; /* one of the three; owned */
	struct packed *packed;
	struct image *image;
};

const struct bundle_file *bundle_find(const struct bundle *bundle, enum bundle_role role,
				      struct bytes name)
{
	for (size_t i = 0; i < bundle->n_files; i++)
		if (bundle->files[i].role == role && bytes_equal(bundle->files[i].name, name))
			return &bundle->files[i];
	return NULL;
}

void bundle_free(struct bundle *bundle)
{
	struct bundle_body *body = (struct bundle_body *)bundle;

	if (!body)
		return;
	for (size_t i = 0; i < body->n_mapped; i++) {
		file_free(body->mapped[i].file);
		close(body->mapped[i].fd);
	}
	free(body->mapped);
	arena_clear(&body->arena);
	free(body);
}

void bundle_freep(struct bundle **bundle)
{
	bundle_free(*bundle);
}

/* An archive or one file of evidence; what is neither may be a disk image. */
static int open_file(const char *path, struct container *container, struct error *err)
{
	struct error problem = { 0 };
	int status;

	if (packed_open(path, &container->packed, &problem) == 0)
		return 0;
	if (problem.code != ERROR_UNSUPPORTED || strcmp(path, "-") == 0) {
		if (err)
			*err = problem;
		return -1;
	}
	status = image_open(path, &container->image, err);
	if (status == 0 && err)
		*err = problem;
	return status > 0 ? 0 : -1;
}

int container_open(const char *path, struct container **out, struct error *err)
{
	AUTO(container_freep) struct container *container = calloc(1, sizeof(*container));
	struct stat st;
	int status;

	if (!container)
		return error_memory(err, path);
	if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		status = folder_open(path, &container->folder, err);
	else
		status = open_file(path, container, err);
	if (status < 0)
		return -1;
	*out = TAKE(container);
	return 0;
}

void container_free(struct container *container)
{
	if (!container)
		return;
	folder_free(container->folder);
	packed_free(container->packed);
	image_free(container->image);
	free(container);
}

void container_freep(struct container **container)
{
	container_free(*container);
}

size_t container_n_bundles(const struct container *container)
{
	if (container->folder)
		return folder_n_bundles(container->folder);
	return container->packed ? packed_n_bundles(container->packed)
				 : image_n_bundles(container->image);
}

int container_bundle(const struct container *container, size_t i, struct bundle **out,
		     struct error *err)
{
	if (container->folder)
		return folder_bundle(container->folder, i, out, err);
	return container->packed ? packed_bundle(container->packed, i, out, err)
				 : image_bundle(container->image, i, out, err);
}
