/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BootOrder and Boot#### as the boot manager has made them by the first ready-to-boot event.
 *
 * Source: EDK II, MdeModulePkg/Library/UefiBootManagerLib/BmBoot.c and BmLoadOption.c, and OVMF's
 * OvmfPkg/Library/PlatformBootManagerLib/BdsPlatform.c and QemuBootOrderLib. Their order: the menu, the
 * devices, the shell, what the volume no longer has, the machine's order.
 */
#include <inttypes.h>

#include "core/array.h"
#include "core/text.h"
#include "refgen/firmware/internal.h"

#define UI_ATTRIBUTES 0x109u /* category application, hidden, active */

/* mBmAutoCreateBootOptionGuid, the mark of options made for devices. */
static const struct guid guid_automatic =
	GUID(0x8108ac4e, 0x9f11, 0x4d59, 0x85, 0x0e, 0xe2, 0x1a, 0x52, 0x2c, 0x59, 0xb2);

bool boot_option_is_automatic(const struct boot_option *option)
{
	return bytes_equal(option->optional, bytes_of(guid_automatic.bytes, 16));
}

void boot_list_clear(struct boot_list *list)
{
	for (size_t i = 0; i < list->n_entries; i++)
		buf_clear(&list->entries[i].data);
	free(list->entries);
	*list = (struct boot_list){ 0 };
}

/* --- the list -------------------------------------------------------------------------------- */

static struct boot_entry *list_grow(struct boot_list *list, struct error *err)
{
	if (list->n_entries == BOOT_ENTRIES_MAX) {
		error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET, "more than %d boot options",
			  BOOT_ENTRIES_MAX);
		return NULL;
	}
	if (array_room(&list->entries, list->n_entries, &list->capacity, sizeof(*list->entries),
		       NULL, err) < 0)
		return NULL;
	list->entries[list->n_entries] = (struct boot_entry){ 0 };
	return &list->entries[list->n_entries++];
}

static void list_remove(struct boot_list *list, size_t at)
{
	buf_clear(&list->entries[at].data);
	list->n_entries--;
	memmove(&list->entries[at], &list->entries[at + 1],
		(list->n_entries - at) * sizeof(*list->entries));
}

/* The lowest number BootOrder does not name. */
static uint16_t free_number(const struct boot_list *list)
{
	for (uint32_t number = 0; number <= UINT16_MAX; number++) {
		size_t i = 0;

		while (i < list->n_entries && list->entries[i].number != number)
			i++;
		if (i == list->n_entries)
			return (uint16_t)number;
	}
	return UINT16_MAX;
}

/* Adds an option at the end. */
static int list_add(struct boot_list *list, const struct boot_option *option, const char *unknown,
		    struct error *err)
{
	uint16_t number = free_number(list);
	struct boot_entry *entry = list_grow(list, err);

	if (!entry)
		return -1;
	entry->number = number;
	entry->unknown = unknown;
	boot_option_append(&entry->data, option);
	if (buf_finish(&entry->data, err) < 0)
		return -1;
	return boot_option_parse(buf_bytes(&entry->data), 0, NULL, &entry->option, err);
}

static bool same_option(const struct boot_option *a, const struct boot_option *b)
{
	return a->attributes == b->attributes && bytes_equal(a->description, b->description) &&
	       bytes_equal(a->path, b->path) && bytes_equal(a->optional, b->optional);
}

static bool list_has(const struct boot_list *list, const struct boot_option *option)
{
	for (size_t i = 0; i < list->n_entries; i++)
		if (!list->entries[i].missing && same_option(&list->entries[i].option, option))
			return true;
	return false;
}

/* --- what the store holds -------------------------------------------------------------------- */

static int read_entry(const struct boot_input *input, struct boot_list *list, uint16_t number,
		      struct error *err)
{
	struct boot_entry *entry = list_grow(list, err);
	const struct variable *variable;
	char name[16];

	if (!entry)
		return -1;
	entry->number = number;
	snprintf(name, sizeof(name), "Boot%04" PRIX16, number);
	variable = varstore_find(input->store, &guid_global_variable, name);
	entry->missing = true;
	if (!variable)
		return 0;
	buf_append(&entry->data, variable->data);
	if (buf_finish(&entry->data, err) < 0)
		return -1;
	/* What is no load option is no option to the firmware either. */
	entry->missing =
		boot_option_parse(buf_bytes(&entry->data), 0, NULL, &entry->option, NULL) < 0;
	return 0;
}

static int read_order(const struct boot_input *input, struct boot_list *list, struct error *err)
{
	const struct variable *order =
		input->store ? varstore_find(input->store, &guid_global_variable, "BootOrder")
			     : NULL;

	for (size_t at = 0; order && at + 2 <= order->data.size; at += 2)
		if (read_entry(input, list,
			       (uint16_t)(order->data.data[at] | order->data.data[at + 1] << 8),
			       err) < 0)
			return -1;
	return 0;
}

/* --- the firmware's own applications --------------------------------------------------------- */

static int add_firmware_file(const struct firmware *firmware, struct boot_list *list,
			     const struct guid *file, struct bytes description, uint32_t attributes,
			     struct error *err)
{
	struct boot_option option = { .attributes = attributes, .description = description };
	AUTO(buf_clear) struct buf path = BUF_INIT;

	devpath_append_volume_file(&path, &firmware->dxe.name, file);
	devpath_append_end(&path);
	if (buf_finish(&path, err) < 0)
		return -1;
	option.path = buf_bytes(&path);
	return list_has(list, &option) ? 0 : list_add(list, &option, NULL, err);
}

/* The boot manager's menu: not added where an option leads to this file in whatever volume. */
static int add_menu(const struct firmware *firmware, struct boot_list *list, struct error *err)
{
	struct boot_target target;

	for (size_t i = 0; i < list->n_entries; i++) {
		if (list->entries[i].missing)
			continue;
		boot_target_parse(devpath_first(list->entries[i].option.path), &target);
		if (target.kind == TARGET_FIRMWARE_FILE &&
		    guid_equal(&target.file, &firmware->ui.file))
			return 0;
	}
	return add_firmware_file(firmware, list, &firmware->ui.file,
				 bytes_of(firmware->ui.name.utf16, firmware->ui.name.size),
				 UI_ATTRIBUTES, err);
}

static int add_shell(const struct firmware *firmware, struct boot_list *list, struct error *err)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;

	text_to_utf16le(&name, bytes_of_string("EFI Internal Shell"));
	if (buf_finish(&name, err) < 0)
		return -1;
	return add_firmware_file(firmware, list, &firmware->shell.file, buf_bytes(&name),
				 LOAD_OPTION_ACTIVE, err);
}

/* RemoveStaleFvFileOptions: options that lead to files which this firmware does not have. */
static int remove_stale(const struct firmware *firmware, struct boot_list *list, struct error *err)
{
	struct boot_target target;
	struct ffs_volume dxe;
	struct ffs_file file;

	if (ffs_open(firmware->dxe.bytes, 0, firmware->source, &dxe, err) < 0)
		return -1;
	for (size_t i = list->n_entries; i-- > 0;) {
		int found = 0;

		if (list->entries[i].missing)
			continue;
		boot_target_parse(devpath_first(list->entries[i].option.path), &target);
		if (target.kind != TARGET_FIRMWARE_FILE)
			continue;
		if (firmware->dxe.has_name && guid_equal(&target.volume, &firmware->dxe.name))
			found = ffs_find(&dxe, &target.file, &file, err);
		if (found < 0)
			return -1;
		if (found == 0)
			list_remove(list, i);
	}
	return 0;
}

/* --- devices --------------------------------------------------------------------------------- */

/*
 * The port of a disk on q35's AHCI controller, which QEMU's own serial numbers tell: two for each port,
 * from QM00001 on.
 */
static bool sata_port(const struct boot_device *device, uint16_t *port)
{
	static const char *const names[] = { "UEFI QEMU HARDDISK QM", "UEFI QEMU DVD-ROM QM" };
	unsigned serial = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *digits = device->description + strlen(names[i]);
		size_t n = 0;

		if (strncmp(device->description, names[i], strlen(names[i])) != 0)
			continue;
		for (; n < 5 && digits[n] >= '0' && digits[n] <= '9'; n++)
			serial = serial * 10 + (unsigned)(digits[n] - '0');
		if (n != 5 || (digits[n] != 0 && strcmp(digits + n, " ") != 0) || serial % 2 == 0)
			return false;
		*port = (uint16_t)(serial / 2);
		return device->pci_device == 31 && device->pci_function == 2;
	}
	return false;
}

/* The path of a device, as far as it is known, without its end. */
static void append_device(struct buf *path, const struct boot_device *device)
{
	uint16_t port;

	devpath_append_pci(path, device->pci_device, device->pci_function);
	if (device->path.size > 0)
		buf_append(path, device->path);
	else if (sata_port(device, &port))
		devpath_append_sata(path, port, 0xffff, 0);
}

/* A device's option; description and path have the storage it borrows. */
static int make_device_option(const struct boot_input *input, size_t index, struct buf *description,
			      struct buf *path, struct boot_option *out, struct error *err)
{
	const struct boot_device *device = &input->devices[index];
	unsigned nth = 1;

	/* The second of a name is called "... 2". */
	for (size_t i = 0; i < index; i++)
		nth += strcmp(input->devices[i].description, device->description) == 0;
	text_to_utf16le(description, bytes_of_string(device->description));
	if (nth > 1) {
		char suffix[16];

		snprintf(suffix, sizeof(suffix), " %u", nth);
		text_to_utf16le(description, bytes_of_string(suffix));
	}
	append_device(path, device);
	devpath_append_end(path);
	if (buf_finish(description, err) < 0 || buf_finish(path, err) < 0)
		return -1;
	*out = (struct boot_option){ .attributes = LOAD_OPTION_ACTIVE,
				     .description = buf_bytes(description),
				     .path = buf_bytes(path),
				     .optional = bytes_of(guid_automatic.bytes, 16) };
	return 0;
}

/* virtio-blk needs no more than its PCI address. Other devices' paths go on: with what the facts say, or
 * with what nobody told, a target, an identifier, a MAC address. */
static const char *why_unknown(const struct boot_device *device)
{
	uint16_t port;

	return device->path.size > 0 || strcmp(device->description, "UEFI Misc Device") == 0 ||
			       sata_port(device, &port)
		       ? NULL
		       : "the rest of the device's path is not known";
}

/* The device that an automatic option was made for: 1 if it is still there, 0, -1. */
static int still_there(const struct boot_input *input, const struct boot_option *option,
		       struct error *err)
{
	for (size_t d = 0; d < input->n_devices; d++) {
		AUTO(buf_clear) struct buf description = BUF_INIT;
		AUTO(buf_clear) struct buf path = BUF_INIT;
		struct boot_option made;

		if (make_device_option(input, d, &description, &path, &made, err) < 0)
			return -1;
		if (same_option(option, &made))
			return 1;
	}
	return 0;
}

/* EfiBootManagerRefreshAllBootOption: options of devices that are gone go, new ones come. */
static int refresh_devices(const struct boot_input *input, struct boot_list *list,
			   struct error *err)
{
	for (size_t i = list->n_entries; i-- > 0;) {
		const struct boot_entry *entry = &list->entries[i];
		int there = 1;

		if (!entry->missing && boot_option_is_automatic(&entry->option))
			there = still_there(input, &entry->option, err);
		if (there < 0)
			return -1;
		if (!there)
			list_remove(list, i);
	}
	for (size_t d = 0; d < input->n_devices; d++) {
		AUTO(buf_clear) struct buf description = BUF_INIT;
		AUTO(buf_clear) struct buf path = BUF_INIT;
		struct boot_option option;

		if (make_device_option(input, d, &description, &path, &option, err) < 0)
			return -1;
		if (!list_has(list, &option) &&
		    list_add(list, &option, why_unknown(&input->devices[d]), err) < 0)
			return -1;
	}
	return 0;
}

/* --- the machine's order --------------------------------------------------------------------- */

bool devpath_is_on(struct bytes path, const struct boot_device *device)
{
	AUTO(buf_clear) struct buf prefix = BUF_INIT;

	append_device(&prefix, device);
	return !prefix.failed && bytes_start_with(path, buf_bytes(&prefix));
}

/* Whether an option leads to the device: by its path, or by the partition it names, whose file must
 * be there for the firmware to find it. */
static int leads_to(const struct boot_input *input, const struct boot_option *option, size_t device,
		    struct error *err)
{
	struct bytes path = devpath_first(option->path);
	struct boot_target target;
	size_t on = SIZE_MAX;
	int found;

	boot_target_parse(path, &target);
	if (target.kind != TARGET_PARTITION)
		return devpath_is_on(path, &input->devices[device]);
	found = input->find_file ? input->find_file(input->ctx, &target, &on, err) : 0;
	return found <= 0 ? found : on == device;
}

static void place(struct boot_list *list, struct boot_entry *ordered, size_t *n, size_t at)
{
	list->entries[at].placed = true;
	ordered[(*n)++] = list->entries[at];
}

/* Puts the active options that match into order, one device after the other. */
static int place_matches(const struct boot_input *input, struct boot_list *list,
			 struct boot_entry *ordered, size_t *n, struct error *err)
{
	for (size_t d = 0; d < input->n_devices; d++)
		for (size_t i = 0; i < list->n_entries; i++) {
			const struct boot_entry *entry = &list->entries[i];
			int on;

			if (entry->missing || entry->placed ||
			    !(entry->option.attributes & LOAD_OPTION_ACTIVE))
				continue;
			on = leads_to(input, &entry->option, d, err);
			if (on < 0)
				return -1;
			if (on)
				place(list, ordered, n, i);
		}
	return 0;
}

/*
 * SetBootOrderFromQemu: where no option matches, the order stays. Else options that match come
 * first, then the active ones whose paths begin with neither a partition nor the PCI bus; the others
 * leave BootOrder.
 */
static int order_by_devices(const struct boot_input *input, struct boot_list *list,
			    struct error *err)
{
	struct boot_entry *ordered = calloc(list->n_entries + 1, sizeof(*ordered));
	size_t n = 0;
	int status;

	if (!ordered)
		return error_memory(err, NULL);
	status = place_matches(input, list, ordered, &n, err);
	if (status < 0 || n == 0) {
		free(ordered);
		return status;
	}
	for (size_t i = 0; i < list->n_entries; i++)
		if (!list->entries[i].missing && !list->entries[i].placed &&
		    list->entries[i].option.attributes & LOAD_OPTION_ACTIVE &&
		    !devpath_begins_on_disk(list->entries[i].option.path))
			place(list, ordered, &n, i);
	for (size_t i = 0; i < list->n_entries; i++)
		if (!list->entries[i].placed)
			buf_clear(&list->entries[i].data);
	free(list->entries);
	list->entries = ordered;
	list->n_entries = n;
	list->capacity = n;
	return 0;
}

int boot_list_make(const struct boot_input *input, struct boot_list *out, struct error *err)
{
	AUTO(boot_list_clear) struct boot_list list = { 0 };
	const struct firmware *firmware = input->firmware;

	if (read_order(input, &list, err) < 0)
		return -1;
	/* Without the firmware nobody knows what it adds: the store's options are as good as any. */
	if (firmware &&
	    ((firmware->ui.present && add_menu(firmware, &list, err) < 0) ||
	     refresh_devices(input, &list, err) < 0 ||
	     (firmware->shell.present && add_shell(firmware, &list, err) < 0) ||
	     remove_stale(firmware, &list, err) < 0 || order_by_devices(input, &list, err) < 0))
		return -1;
	if (!firmware && refresh_devices(input, &list, err) < 0)
		return -1;
	*out = list;
	list = (struct boot_list){ 0 };
	return 0;
}
