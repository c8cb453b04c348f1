/* SPDX-License-Identifier: BSD-2-Clause */
/* What systemd-boot and systemd-stub share: directories, loading images, tagged events. */
#include "core/disk/disk.h"
#include "refgen/pe/pe.h"
#include "refgen/systemd/internal.h"

/* --- bytes ------------------------------------------------------------------------------------ */

bool bytes_contain(struct bytes bytes, struct bytes wanted)
{
	const uint8_t *at = bytes.data;
	size_t left = bytes.size;

	while (left >= wanted.size) {
		const uint8_t *found = memchr(at, wanted.data[0], left - wanted.size + 1);

		if (!found)
			return false;
		if (memcmp(found, wanted.data, wanted.size) == 0)
			return true;
		left -= (size_t)(found - at) + 1;
		at = found + 1;
	}
	return false;
}

/* --- directories ------------------------------------------------------------------------------- */

struct collect {
	struct machine *machine;
	const char *suffix, *without;
	struct names *names;
	size_t capacity;
};

static bool is_ascii(struct bytes name)
{
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] == 0 || name.data[i] > 0x7f)
			return false;
	return true;
}

static int collect_entry(void *ctx, const struct volume_entry *entry, struct error *err)
{
	struct collect *collect = ctx;
	struct names *names = collect->names;
	struct bytes copy;
	const char *name;

	if (entry->type == VOLUME_ENTRY_DIRECTORY || entry->name.size == 0 ||
	    entry->name.size > 255 || entry->name.data[0] == '.' || !is_ascii(entry->name))
		return 0;
	if (machine_copy(collect->machine, entry->name, &copy, err) < 0)
		return -1;
	name = (const char *)copy.data;
	if (!ends_with(name, collect->suffix) ||
	    (collect->without && ends_with(name, collect->without)))
		return 0;
	if (names->n == collect->capacity) {
		size_t capacity = collect->capacity ? 2 * collect->capacity : 16;
		const char **larger =
			machine_take(collect->machine, capacity * sizeof(*larger), err);

		if (!larger)
			return -1;
		if (names->n)
			memcpy(larger, names->names, names->n * sizeof(*larger));
		names->names = larger;
		collect->capacity = capacity;
	}
	names->names[names->n++] = name;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int names_of(struct machine *machine, const struct machine_volume *volume, const char *dir,
	     const char *suffix, const char *without, bool sorted, struct names *out,
	     struct error *err)
{
	struct collect collect = { machine, suffix, without, out, 0 };

	*out = (struct names){ 0 };
	if (!volume)
		return 0;
	if (volume_list(volume->volume, dir, collect_entry, &collect, err) < 0)
		return -1;
	if (sorted && out->n > 1)
		qsort(out->names, out->n, sizeof(*out->names), by_name);
	return 0;
}

/* --- images ------------------------------------------------------------------------------------ */

/*
 * With Secure Boot on and a shim before 16 present, systemd asks shim to verify what it loads, and the
 * firmware neither verifies nor measures what shim allows (its security protocol is overridden): shim
 * measured it. A newer shim has a LoadImage of its own, which machine_load calls.
 */
int load_image(struct machine *machine, struct machine_image *image, struct error *err)
{
	if (machine->secure_boot && machine->shim_verify && !machine->load_image) {
		int allowed = machine->shim_verify(machine, image, err);

		if (allowed != 0)
			return allowed;
	}
	return machine_load(machine, image, err);
}

int measure_tag(struct machine *machine, uint32_t pcr, const char *component, const char *source,
		const char *over, struct bytes bytes, struct error *err)
{
	const struct measurement what = { .pcr = pcr,
					  .type = EV_EVENT_TAG,
					  .component = component,
					  .source = source,
					  .over = over };

	return machine_measure(machine, &what, bytes, err);
}

int measure_cmdline(struct machine *machine, const char *text, const char *source,
		    struct error *err)
{
	const struct measurement what = {
		.pcr = 12,
		.type = EV_IPL,
		.component = "command line",
		.source = source,
		.over = "the command line in UTF-16 with its NUL",
		.encoding = TEXT_UTF16LE,
		.with_nul = true,
	};

	return machine_measure_text(machine, &what, bytes_of_string(text), err);
}
