/* SPDX-License-Identifier: BSD-2-Clause */
/* The images that runs used, for the database: what an audit asks of them later. */
#include "refgen/boot/boot.h"
#include "refgen/pe/pe.h"

struct image_list {
	const struct machine *machine;
	struct arena *arena;
	struct boot_image *items;
	size_t n, room;
};

static void copy_sbat(const struct pe *pe, struct arena *arena, struct boot_image *out)
{
	size_t n = pe_n_sbat(pe);

	out->sbat_state = !pe_find(pe, ".sbat")     ? SBAT_NONE
			  : pe_sbat_well_formed(pe) ? SBAT_READ
						    : SBAT_MALFORMED;
	out->sbat = arena_take(arena, n * sizeof(*out->sbat) + 1);
	for (size_t i = 0; out->sbat && i < n; i++) {
		const struct pe_sbat_entry *entry = pe_sbat(pe, i);

		out->sbat[out->n_sbat++] =
			(struct boot_sbat){ .component = arena_copy(arena, entry->component),
					    .generation = entry->generation,
					    .version = arena_copy(arena, entry->version) };
	}
}

static void copy_signatures(const struct pe *pe, struct arena *arena, struct boot_image *out)
{
	size_t n = pe_n_signatures(pe);

	out->signatures = arena_take(arena, n * sizeof(*out->signatures) + 1);
	for (size_t i = 0; out->signatures && i < n; i++)
		out->signatures[out->n_signatures++] = arena_copy(arena, pe_signature(pe, i));
}

static int count_image(void *ctx, const struct machine_seen *seen, struct error *err)
{
	struct image_list *list = ctx;

	(void)err;
	list->room += seen->image != NULL;
	return 0;
}

static int add_image(void *ctx, const struct machine_seen *seen, struct error *err)
{
	struct image_list *list = ctx;
	const struct machine_image *image = seen->image;
	struct boot_image *out = &list->items[list->n];
	struct bytes version;

	(void)err;
	if (!image)
		return 0;
	version = pe_version(image->pe);
	out->release = out->artifact = "";
	out->source = arena_printf(list->arena, "%s", image->name);
	out->kind = pe_kind_name(pe_kind(image->pe));
	out->version = (const char *)arena_copy(list->arena, version).data;
	out->algs = list->machine->banks;
	memcpy(out->authenticode, image->authenticode, sizeof(out->authenticode));
	copy_sbat(image->pe, list->arena, out);
	copy_signatures(image->pe, list->arena, out);
	list->n++;
	return 0;
}

int boot_images(const struct boot *boot, struct arena *arena, struct boot_image **out, size_t *n,
		struct error *err)
{
	struct image_list list = { .machine = boot_machine(boot), .arena = arena };

	if (machine_each_file(list.machine, count_image, &list, err) < 0)
		return -1;
	list.items = arena_take(arena, list.room * sizeof(*list.items) + 1);
	if (!list.items)
		return error_memory(err, NULL);
	if (machine_each_file(list.machine, add_image, &list, err) < 0)
		return -1;
	if (arena->failed)
		return error_memory(err, NULL);
	*out = list.items;
	*n = list.n;
	return 0;
}
