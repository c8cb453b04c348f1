/* SPDX-License-Identifier: BSD-2-Clause */
/* systemd-boot: its configuration, its menu, and how it starts an entry. */
#include "core/disk/disk.h"
#include "refgen/pe/pe.h"
#include "refgen/systemd/internal.h"

static const struct guid guid_loader =
	GUID(0x4a67b082, 0x0a4c, 0x41cf, 0xb6, 0xc7, 0x44, 0x0b, 0x29, 0xbb, 0x8c, 0x4f);
static const struct guid guid_xbootldr =
	GUID(0xbc13c2ff, 0x59e6, 0x4262, 0xa3, 0x52, 0xb2, 0x75, 0xfd, 0x6f, 0x71, 0x72);

struct config {
	const char *entry_default; /* pattern, in small letters; NULL: none */
};

struct menu {
	struct machine *machine;
	struct machine_image *image;
	unsigned release;
	struct config config;
	struct entry_list entries;
};

/* --- loader.conf ------------------------------------------------------------------------------- */

static int config_read(struct menu *menu, struct error *err)
{
	struct machine *machine = menu->machine;
	struct bytes text, key, value;
	size_t at = 0;
	int found = machine_read(machine, menu->image->volume, "/loader/loader.conf", &text, err);

	if (found <= 0)
		return found;
	if (menu->release >= 255 && measure_tag(machine, 5, "loader.conf",
						machine_text(machine, "/loader/loader.conf of %s",
							     menu->image->volume->name),
						"the whole file", text, err) < 0)
		return -1;
	while (config_next(text, ' ', &at, &key, &value))
		if (bytes_equal_string(key, "default"))
			menu->config.entry_default =
				lower_case(machine,
					   machine_text(machine, "%.*s", (int)(value.size & 0xffff),
							(const char *)value.data));
	return 0;
}

/* --- entries ----------------------------------------------------------------------------------- */

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int add_type1_of(struct menu *menu, const struct machine_volume *volume, struct error *err)
{
	struct machine *machine = menu->machine;
	struct names names;

	if (names_of(machine, volume, "/loader/entries", ".conf", NULL, false, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		const char *path = machine_text(machine, "/loader/entries/%s", names.names[i]);
		struct bytes text;
		int found;

		if (has_prefix(lower_case(machine, names.names[i]), "auto-"))
			continue;
		found = machine_read(machine, volume, path, &text, err);
		if (found < 0)
			return -1;
		if (found && text.size <= CONFIG_SIZE_MAX &&
		    entry_add_type1(machine, volume, names.names[i], text, menu->image->path,
				    &menu->entries, err) < 0)
			return -1;
	}
	return 0;
}

static int add_type2_of(struct menu *menu, const struct machine_volume *volume, struct error *err)
{
	struct machine *machine = menu->machine;
	struct names names;

	if (names_of(machine, volume, "/EFI/Linux", ".efi", NULL, false, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (!has_prefix(lower_case(machine, names.names[i]), "auto-") &&
		    entry_add_type2(machine, volume, names.names[i], menu->release, &menu->entries,
				    err) < 0)
			return -1;
	return 0;
}

/* The extended boot partition of the disk that systemd-boot is on. */
static const struct machine_volume *xbootldr(const struct menu *menu)
{
	const struct machine_volume *own = menu->image->volume;

	for (size_t i = 0; own->disk && i < menu->machine->n_volumes; i++) {
		const struct machine_volume *volume = &menu->machine->volumes[i];
		const struct partition *partition = volume_info(volume->volume)->partition;

		if (volume != own && volume->disk == own->disk && partition &&
		    memcmp(partition->type, guid_xbootldr.bytes, 16) == 0)
			return volume;
	}
	return NULL;
}

/* In a stable order: those that compare equal stay as they were found. */
static void sort_entries(struct entry_list *list)
{
	for (size_t i = 1; i < list->n; i++) {
		struct entry entry = list->entries[i];
		size_t at = i;

		for (; at > 0 && entry_compare(&list->entries[at - 1], &entry) > 0; at--)
			list->entries[at] = list->entries[at - 1];
		list->entries[at] = entry;
	}
}

static int entries_read(struct menu *menu, struct error *err)
{
	const struct machine_volume *own = menu->image->volume, *more = xbootldr(menu);

	if (add_type2_of(menu, own, err) < 0 || add_type1_of(menu, own, err) < 0)
		return -1;
	if (more && (add_type2_of(menu, more, err) < 0 || add_type1_of(menu, more, err) < 0))
		return -1;
	sort_entries(&menu->entries);
	return 0;
}

/* --- the default ------------------------------------------------------------------------------- */

static size_t find_entry(const struct menu *menu, const char *pattern)
{
	for (size_t i = 0; pattern && i < menu->entries.n; i++)
		if (pattern_matches(pattern, menu->entries.entries[i].id))
			return i;
	return SIZE_MAX;
}

static const char *variable_text(struct menu *menu, const char *name)
{
	const struct machine_variable *variable =
		machine_variable(menu->machine, &guid_loader, name);
	const char *text;
	bool with_nul, exact;

	if (!variable || utf8_of(menu->machine, variable->data, &text, &with_nul, &exact, NULL) < 0)
		return NULL;
	return lower_case(menu->machine, text);
}

static const char *saved_or(struct menu *menu, const char *pattern)
{
	return pattern && strcmp(pattern, "@saved") == 0
		       ? variable_text(menu, "LoaderEntryLastBooted")
		       : pattern;
}

static size_t default_entry(struct menu *menu)
{
	const char *const patterns[] = {
		variable_text(menu, "LoaderEntryOneShot"),
		saved_or(menu, variable_text(menu, "LoaderEntryDefault")),
		saved_or(menu, menu->config.entry_default),
	};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		size_t found = find_entry(menu, patterns[i]);

		if (found != SIZE_MAX)
			return found;
	}
	return 0; /* all of ours may be selected by themselves */
}

/* --- starting one ------------------------------------------------------------------------------ */

/*
 * Empty files are left out. Releases before 256 put initrds behind each other as they are; later ones
 * fill up to a multiple of 4 between them (256 and 257.0 for a while behind the last, too).
 */
static int initrd_prepare(struct menu *menu, const struct entry *entry, struct linux_initrd *out,
			  const char **options, struct error *err)
{
	struct machine *machine = menu->machine;
	struct linux_initrd_part *parts;
	bool odd = false;

	parts = machine_take(machine, (entry->n_initrds + 1) * sizeof(*parts), err);
	if (!parts)
		return -1;
	for (size_t i = 0; i < entry->n_initrds; i++) {
		struct volume_entry there;
		AUTO(buf_clear) struct buf path = BUF_INIT;
		int found = volume_stat(entry->volume->volume, entry->initrds[i], &there, err);

		if (found < 0)
			return -1;
		if (found == 0 || there.type != VOLUME_ENTRY_FILE)
			return 0;
		if (there.size == 0)
			continue;
		odd = odd || there.size % 4 != 0;
		buf_append_string(&path, entry->initrds[i]);
		if (buf_finish(&path, err) < 0)
			return -1;
		for (size_t j = 0; j < path.size; j++)
			path.data[j] = path.data[j] == '/' ? '\\' : path.data[j];
		*options = machine_text(machine, "%s%sinitrd=%s", *options ? *options : "",
					*options ? " " : "", (const char *)path.data);
		parts[out->n_parts++] = (struct linux_initrd_part){ .volume = entry->volume,
								    .path = entry->initrds[i] };
	}
	if (*options && entry->options)
		*options = machine_text(machine, "%s %s", *options, entry->options);
	out->parts = parts;
	out->padding = menu->release < 256 ? INITRD_PAD_NONE : INITRD_PAD_BETWEEN;
	out->source =
		machine_text(machine, "the initrds of %s on %s", entry->id, entry->volume->name);
	if (odd && (menu->release == 256 || menu->release == 257))
		out->assumption =
			machine_assume(machine, "systemd-boot",
				       "a release of %u that adds no zeros behind the last initrd",
				       menu->release);
	return 1;
}

static int start_image(struct machine *machine, struct machine_image *image, const char *options,
		       const struct linux_initrd *initrd, struct error *err)
{
	struct bytes load_options = { 0 };

	if (options && utf16_of(machine, options, &load_options, err) < 0)
		return -1;
	switch (pe_kind(image->pe)) {
	case PE_KERNEL:
		return linux_stub_run(machine, image, load_options, initrd->n_parts ? initrd : NULL,
				      err);
	case PE_UKI:
		return systemd_stub_run(machine, image, load_options,
					initrd->n_parts ? initrd : NULL, err);
	default:
		return machine_start(machine, image, load_options, err);
	}
}

static const char *options_of(struct machine *machine, const struct entry *entry,
			      const char *with_initrds)
{
	const char *options = with_initrds             ? with_initrds
			      : entry->options_implied ? NULL
						       : entry->options;

	if (entry->profile == 0)
		return options;
	return options && *options ? machine_text(machine, "@%u %s", entry->profile, options)
				   : machine_text(machine, "@%u", entry->profile);
}

static int entry_start(struct menu *menu, const struct entry *entry, struct error *err)
{
	struct machine *machine = menu->machine;
	const char *with_initrds = NULL, *options;
	struct linux_initrd initrd = { 0 };
	struct machine_image *image;
	int found = machine_image(machine, entry->volume, entry->loader, &image, err);

	if (found <= 0)
		return found;
	/* 257 verifies the image before it reads initrds; that one is missing costs the image's event. */
	if (menu->release < 257 && entry->n_initrds > 0 && entry->type == ENTRY_LINUX) {
		found = initrd_prepare(menu, entry, &initrd, &with_initrds, err);
		if (found <= 0)
			return found;
	}
	found = load_image(machine, image, err);
	if (found <= 0)
		return found;
	if (menu->release >= 257 && entry->n_initrds > 0 && entry->type == ENTRY_LINUX) {
		found = initrd_prepare(menu, entry, &initrd, &with_initrds, err);
		if (found <= 0)
			return found;
	}
	options = options_of(machine, entry, with_initrds);
	if (options &&
	    measure_cmdline(machine, options,
			    machine_text(machine, "entry %s of %s", entry->id, entry->volume->name),
			    err) < 0)
		return -1;
	return start_image(machine, image, options, &initrd, err);
}

/* --- all of it --------------------------------------------------------------------------------- */

/* Drivers beside it, in the order of the directory. */
static int drivers_load(struct menu *menu, struct error *err)
{
	struct machine *machine = menu->machine;
	struct names names;

	if (names_of(machine, menu->image->volume, "/EFI/systemd/drivers", "x64.efi", NULL, false,
		     &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		const char *path = machine_text(machine, "/EFI/systemd/drivers/%s", names.names[i]);
		struct machine_image *image;
		struct error ignored;

		if (machine_image(machine, menu->image->volume, path, &image, &ignored) == 1 &&
		    load_image(machine, image, err) < 0)
			return -1;
	}
	return 0;
}

/* Releases that measure SMBIOS tables know the name of the variable that says so. */
static int measure_smbios(struct machine *machine, const struct machine_image *image,
			  struct error *err)
{
	static const char name[] = "L\0o\0a\0d\0e\0r\0P\0c\0r\0S\0M\0B\0I\0O\0S";
	const struct measurement what = {
		.pcr = 1,
		.type = EV_EVENT_TAG,
		.component = "SMBIOS",
		.source = image->name,
		.over = "SMBIOS tables of type 1, 2 and 11, which are the machine's",
	};

	if (!bytes_contain(image->contents, bytes_of(name, sizeof(name) - 1)))
		return 0;
	return machine_measure_unknown(machine, &what, err);
}

int systemd_boot_run(struct machine *machine, struct machine_image *image,
		     struct bytes load_options, struct error *err)
{
	struct menu menu = { .machine = machine, .image = image };
	const char **names;

	(void)load_options; /* older releases take an entry's name from them; nobody passes one */
	menu.release = release_of(pe_version(image->pe));
	if (menu.release == 0) {
		menu.release = 257;
		machine_assume(machine, "systemd-boot release", "257 (%s does not say)",
			       image->name);
	}
	if (!image->volume) {
		machine_halt(machine, "%s is on no known volume", image->name);
		return 0;
	}
	if (measure_smbios(machine, image, err) < 0 || drivers_load(&menu, err) < 0 ||
	    config_read(&menu, err) < 0 || entries_read(&menu, err) < 0)
		return -1;
	if (menu.entries.n == 0) {
		machine_halt(machine, "systemd-boot finds no entries on %s", image->volume->name);
		return 0;
	}
	names = machine_take(machine, menu.entries.n * sizeof(*names), err);
	if (!names)
		return -1;
	for (size_t i = 0; i < menu.entries.n; i++)
		names[i] = menu.entries.entries[i].id;
	return entry_start(
		&menu,
		&menu.entries.entries[machine_choose(machine, "systemd-boot entry", names,
						     menu.entries.n, default_entry(&menu))],
		err);
}
