/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of the boot menu: files of /loader/entries (Type #1) and UKIs of /EFI/Linux (Type #2), in
 * systemd-boot's order (UAPI.1 and UAPI.10; src/boot/boot.c).
 */
#include <strings.h>

#include "core/disk/disk.h"
#include "refgen/pe/pe.h"
#include "refgen/systemd/internal.h"

#define INITRDS_MAX 64

static const char *text_of(struct machine *machine, struct bytes bytes)
{
	return machine_text(machine, "%.*s", (int)(bytes.size < 65536 ? bytes.size : 65536),
			    bytes.size ? (const char *)bytes.data : "");
}

/* A path with single slashes, as systemd-boot makes backslashes of all of them. */
static const char *path_of(struct machine *machine, struct bytes bytes, struct error *err)
{
	char *out = machine_take(machine, bytes.size + 1, err);
	size_t size = 0;

	for (size_t i = 0; out && i < bytes.size; i++) {
		char c = bytes.data[i] == '\\' ? '/' : (char)bytes.data[i];

		if (c != '/' || size == 0 || out[size - 1] != '/')
			out[size++] = c;
	}
	return out;
}

static int list_add(struct machine *machine, struct entry_list *list, const struct entry *entry,
		    struct error *err)
{
	if (list->n == ENTRIES_MAX)
		return error_set(err, ERROR_LIMIT, entry->volume->name, ERROR_NO_OFFSET,
				 "more than %d entries in the boot menu", ENTRIES_MAX);
	if (list->n == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		struct entry *larger = machine_take(machine, capacity * sizeof(*larger), err);

		if (!larger)
			return -1;
		if (list->n)
			memcpy(larger, list->entries, list->n * sizeof(*larger));
		list->entries = larger;
		list->capacity = capacity;
	}
	list->entries[list->n++] = *entry;
	return 0;
}

/* --- boot counting ----------------------------------------------------------------------------- */

static bool number_at(const char **at, int *out)
{
	const char *start = *at;
	int value = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (value > 100000000)
			return false;
		value = value * 10 + (**at - '0');
	}
	*out = value;
	return *at != start;
}

/* NAME+LEFT[-DONE].SUFFIX: the id is NAME.SUFFIX, in small letters. */
static void parse_tries(struct machine *machine, const char *file, const char *suffix,
			struct entry *entry)
{
	size_t size = strlen(file), stem = size - strlen(suffix);

	entry->tries_left = entry->tries_done = -1;
	entry->id = lower_case(machine, file);
	for (size_t plus = stem; plus-- > 0;) {
		const char *at = file + plus + 1;
		int left, done = 0;

		if (file[plus] != '+')
			continue;
		if (!number_at(&at, &left))
			return;
		if (*at == '-') {
			at++;
			if (!number_at(&at, &done))
				return;
		}
		if (at != file + stem)
			return;
		entry->tries_left = left;
		entry->tries_done = done;
		entry->id = lower_case(machine, machine_text(machine, "%.*s%s", (int)plus, file,
							     file + stem));
		return;
	}
}

/* --- Type #1 ----------------------------------------------------------------------------------- */

enum entry_state { ENTRY_WITHOUT, ENTRY_FOUND, ENTRY_BAD };

struct type1 {
	struct machine *machine;
	struct entry *entry;
	const char *self;
	enum entry_state state;
};

static int set_loader(struct type1 *type1, enum entry_type type, struct bytes value,
		      struct error *err)
{
	struct entry *entry = type1->entry;

	if (type1->state == ENTRY_FOUND && entry->type != type)
		type1->state = ENTRY_BAD;
	if (type1->state == ENTRY_BAD)
		return 0;
	entry->type = type;
	entry->loader = path_of(type1->machine, value, err);
	if (!entry->loader)
		return -1;
	type1->state = type == ENTRY_EFI && strcasecmp(entry->loader, type1->self) == 0
			       ? ENTRY_BAD
			       : ENTRY_FOUND;
	return 0;
}

static int add_initrd(struct type1 *type1, struct bytes value, struct error *err)
{
	struct entry *entry = type1->entry;

	if (!entry->initrds)
		entry->initrds =
			machine_take(type1->machine, INITRDS_MAX * sizeof(*entry->initrds), err);
	if (!entry->initrds)
		return -1;
	if (entry->n_initrds == INITRDS_MAX)
		return error_set(err, ERROR_LIMIT, entry->volume->name, ERROR_NO_OFFSET,
				 "more than %d initrds in a boot entry", INITRDS_MAX);
	entry->initrds[entry->n_initrds] = path_of(type1->machine, value, err);
	return entry->initrds[entry->n_initrds++] ? 0 : -1;
}

static int set_key(struct type1 *type1, struct bytes key, struct bytes value, struct error *err)
{
	struct machine *machine = type1->machine;
	struct entry *entry = type1->entry;

	if (bytes_equal_string(key, "title")) {
		entry->title = text_of(machine, value);
	} else if (bytes_equal_string(key, "sort-key")) {
		if (value.size)
			entry->sort_key = text_of(machine, value);
	} else if (bytes_equal_string(key, "version")) {
		entry->version = text_of(machine, value);
	} else if (bytes_equal_string(key, "machine-id")) {
		entry->machine_id = text_of(machine, value);
	} else if (bytes_equal_string(key, "linux")) {
		return set_loader(type1, ENTRY_LINUX, value, err);
	} else if (bytes_equal_string(key, "uki")) {
		return set_loader(type1, ENTRY_UKI, value, err);
	} else if (bytes_equal_string(key, "efi")) {
		return set_loader(type1, ENTRY_EFI, value, err);
	} else if (bytes_equal_string(key, "architecture")) {
		if (strcasecmp(text_of(machine, value), "x64") != 0)
			type1->state = ENTRY_BAD;
	} else if (bytes_equal_string(key, "devicetree")) {
		entry->has_devicetree = true;
	} else if (bytes_equal_string(key, "initrd")) {
		return add_initrd(type1, value, err);
	} else if (bytes_equal_string(key, "options")) {
		entry->options = entry->options ? machine_text(machine, "%s %s", entry->options,
							       text_of(machine, value))
						: text_of(machine, value);
	}
	return 0;
}

int entry_add_type1(struct machine *machine, const struct machine_volume *volume, const char *file,
		    struct bytes text, const char *self, struct entry_list *list, struct error *err)
{
	struct entry entry = { .volume = volume };
	struct type1 type1 = { machine, &entry, self, ENTRY_WITHOUT };
	struct volume_entry there;
	struct bytes key, value;
	size_t at = 0;
	int found;

	while (type1.state != ENTRY_BAD && config_next(text, ' ', &at, &key, &value))
		if (set_key(&type1, key, value, err) < 0)
			return -1;
	if (type1.state != ENTRY_FOUND)
		return 0;
	found = volume_stat(volume->volume, entry.loader, &there, err);
	if (found <= 0)
		return found;
	parse_tries(machine, file, ".conf", &entry);
	return list_add(machine, list, &entry, err);
}

/* --- Type #2 ----------------------------------------------------------------------------------- */

/* The section of a profile, else the one all share. */
static struct bytes section_of(const struct pe *pe, size_t profile, const char *name)
{
	const struct pe_section *section = NULL;

	if (profile < pe_n_profiles(pe))
		section = pe_find_in(pe, profile, name);
	if (!section)
		section = pe_find_in(pe, PE_PROFILE_BASE, name);
	return section ? pe_section_bytes(pe, section) : (struct bytes){ 0 };
}

/* The first of the keys that os-release has. */
static const char *os_release(struct machine *machine, struct bytes text, const char *const *keys)
{
	for (; *keys; keys++) {
		const char *found = NULL;
		struct bytes key, value;
		size_t at = 0;

		while (config_next(text, '=', &at, &key, &value))
			if (bytes_equal_string(key, *keys))
				found = text_of(machine, value); /* the last one counts */
		if (found)
			return found;
	}
	return NULL;
}

static int add_profile(struct machine *machine, const struct machine_volume *volume,
		       const char *file, const struct pe *pe, unsigned profile, unsigned release,
		       struct entry_list *list, struct error *err)
{
	static const char *const names[] = { "PRETTY_NAME", "IMAGE_ID", "NAME", "ID", NULL };
	static const char *const sort_keys[] = { "IMAGE_ID", "ID", NULL };
	static const char *const versions[] = { "IMAGE_VERSION", "VERSION", "VERSION_ID",
						"BUILD_ID", NULL };
	static const char *const ids[] = { "ID", NULL };
	struct bytes os = section_of(pe, profile, ".osrel"),
		     cmdline = section_of(pe, profile, ".cmdline");
	struct entry entry = {
		.type = ENTRY_UKI,
		.volume = volume,
		.title = os_release(machine, os, names),
		.sort_key = os_release(machine, os, sort_keys),
		.version = os_release(machine, os, versions),
		.loader = machine_text(machine, "/EFI/Linux/%s", file),
		.profile = profile,
	};

	if (!entry.title)
		return 0; /* systemd-boot shows no UKI without a name */
	parse_tries(machine, file, ".efi", &entry);
	if (profile > 0) {
		const char *id = os_release(machine, section_of(pe, profile, ".profile"), ids);

		entry.id_without_profile = entry.id;
		entry.id = id ? machine_text(machine, "%s@%s", entry.id, id)
			      : machine_text(machine, "%s@%u", entry.id, profile);
	}
	if (cmdline.size > 0) {
		entry.options = cmdline_clean(machine, cmdline, release >= 255, err);
		entry.options_implied = release >= 255;
		if (!entry.options)
			return -1;
	}
	return list_add(machine, list, &entry, err);
}

int entry_add_type2(struct machine *machine, const struct machine_volume *volume, const char *file,
		    unsigned release, struct entry_list *list, struct error *err)
{
	const char *path = machine_text(machine, "/EFI/Linux/%s", file);
	struct machine_image *image;
	struct error ignored;
	size_t n;

	/* What is no PE file has no entry, and stops nothing. */
	if (machine_image(machine, volume, path, &image, &ignored) <= 0)
		return ignored.code == ERROR_SYSTEM
			       ? error_set(err, ERROR_SYSTEM, volume->name, ERROR_NO_OFFSET,
					   "%s: %s", path, ignored.message)
			       : 0;
	n = release >= 257 ? pe_n_profiles(image->pe) : 0;
	for (size_t i = 0; i < (n ? n : 1); i++)
		if (add_profile(machine, volume, file, image->pe, (unsigned)i, release, list, err) <
		    0)
			return -1;
	return 0;
}

/* --- order ------------------------------------------------------------------------------------- */

static int compare_int(int a, int b)
{
	return a < b ? -1 : a > b;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

int entry_compare(const struct entry *a, const struct entry *b)
{
	int r = compare_int(a->tries_left == 0, b->tries_left == 0); /* used up: last */

	if (r == 0)
		r = compare_int(!a->sort_key, !b->sort_key);
	if (r == 0 && a->sort_key) {
		r = compare_text(a->sort_key, b->sort_key);
		if (r == 0)
			r = compare_text(a->machine_id, b->machine_id);
		if (r == 0)
			r = -version_compare(a->version, b->version);
	}
	if (r == 0)
		r = -version_compare(a->id_without_profile ? a->id_without_profile : a->id,
				     b->id_without_profile ? b->id_without_profile : b->id);
	if (r == 0)
		r = compare_int((int)a->profile, (int)b->profile);
	if (r == 0 && a->tries_left >= 0 && b->tries_left >= 0) {
		r = compare_int(b->tries_left, a->tries_left);
		if (r == 0)
			r = compare_int(a->tries_done, b->tries_done);
	}
	return r;
}
