/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/grub/boot.h"

#include "core/text.h"
#include "core/disk/disk.h"
#include "refgen/grub/grub.h"
#include "refgen/systemd/systemd.h"

#define DEVICES_MAX 256

/* One machine as a host of GRUB. */
struct bridge {
	struct machine *machine;
	struct machine_image *self;
	struct grub_device *devices;
	size_t n_devices;
	struct disk *memdisk; /* owned */
	struct volume *memdisk_volume;
	struct grub_host host;
};

static void bridge_clear(struct bridge *bridge)
{
	volume_free(bridge->memdisk_volume);
	disk_free(bridge->memdisk);
}

/* --- files -------------------------------------------------------------------------------- */

/* The machine's volume behind a device, or NULL for the RAM disk. */
static const struct machine_volume *machine_volume_of(const struct bridge *bridge,
						      const struct grub_device *device)
{
	return device->volume == bridge->memdisk_volume ? NULL : device->volume;
}

static struct volume *volume_of(const struct bridge *bridge, const struct grub_device *device)
{
	const struct machine_volume *volume = machine_volume_of(bridge, device);

	return volume ? volume->volume : bridge->memdisk_volume;
}

static int bridge_stat(void *ctx, const struct grub_device *device, const char *path,
		       struct grub_stat *out, struct error *err)
{
	struct volume_entry entry;
	int r = volume_stat(volume_of(ctx, device), path, &entry, err);

	if (r <= 0)
		return r;
	*out = (struct grub_stat){ entry.type == VOLUME_ENTRY_DIRECTORY ? GRUB_DIRECTORY
									: GRUB_FILE,
				   entry.size };
	return entry.type == VOLUME_ENTRY_DIRECTORY || entry.type == VOLUME_ENTRY_FILE;
}

static int bridge_read(void *ctx, const struct grub_device *device, const char *path, size_t max,
		       struct bytes *out, struct error *err)
{
	struct bridge *bridge = ctx;
	const struct machine_volume *volume = machine_volume_of(bridge, device);
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct grub_stat stat;
	int r = bridge_stat(ctx, device, path, &stat, err);

	if (r > 0 && stat.size > max)
		return error_set(err, ERROR_LIMIT, path, ERROR_NO_OFFSET,
				 "GRUB: a file of %llu bytes, at most %zu are read",
				 (unsigned long long)stat.size, max);
	if (r > 0 && volume)
		r = machine_read(bridge->machine, volume, path, out, err);
	else if (r > 0)
		r = volume_read(bridge->memdisk_volume, path, max, &text, err);
	if (r == 0)
		return error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET, "GRUB: the file is gone");
	if (r < 0 || volume)
		return r < 0 ? -1 : 0;
	return machine_copy(bridge->machine, buf_bytes(&text), out, err);
}

struct listing {
	int (*name)(void *walk, struct bytes name, enum grub_file_type type, struct error *err);
	void *walk;
};

static int bridge_entry(void *ctx, const struct volume_entry *entry, struct error *err)
{
	struct listing *listing = ctx;

	return listing->name(listing->walk, entry->name,
			     entry->type == VOLUME_ENTRY_DIRECTORY ? GRUB_DIRECTORY : GRUB_FILE,
			     err);
}

static int bridge_list(void *ctx, const struct grub_device *device, const char *path,
		       int (*name)(void *walk, struct bytes name, enum grub_file_type type,
				   struct error *err),
		       void *walk, struct error *err)
{
	struct bridge *bridge = ctx;
	struct listing listing = { name, walk };
	struct volume *volume = volume_of(bridge, device);

	if (!volume_info(volume)->ordered)
		machine_assume(bridge->machine, "order of files",
			       "GRUB finds the files of %s in the order of their names", path);
	return volume_list(volume, path, bridge_entry, &listing, err) < 0 ? -1 : 0;
}

/* --- measuring ---------------------------------------------------------------------------- */

static bool starts(const char *name, const char *start)
{
	return strncmp(name, start, strlen(start)) == 0;
}

static bool ends(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

/* What a file is to people who compare releases. */
static const char *component_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (ends(name, ".cfg"))
		return "grub.cfg";
	if (ends(name, ".conf"))
		return "loader entry";
	if (starts(name, "initr") || ends(name, ".img"))
		return "initrd";
	if (starts(name, "vmlinu") || starts(name, "linux"))
		return "kernel";
	if (starts(name, "grubenv"))
		return "grubenv";
	return "grub file";
}

/* Configuration, which is text that may hold what only an installation knows. */
#define CONFIG_TEXT_MAX (256u << 10)

/* 1 and *text if the file is text of a configuration, 0 if it is not, -1. */
static int config_text(struct bridge *bridge, const struct machine_volume *volume, const char *path,
		       const char *component, struct bytes *text, struct error *err)
{
	int found;

	if (strcmp(component, "grub.cfg") != 0 && strcmp(component, "loader entry") != 0)
		return 0;
	found = machine_read(bridge->machine, volume, path, text, err);
	if (found <= 0)
		return found;
	return text->size > 0 && text->size <= CONFIG_TEXT_MAX &&
	       !memchr(text->data, 0, text->size);
}

static int measure_file(struct bridge *bridge, const struct grub_event *event,
			struct measurement *what, struct error *err)
{
	const struct machine_volume *volume = machine_volume_of(bridge, event->device);
	struct digest digests[ALG_BANKS];
	struct bytes text;
	uint64_t size;
	int r;

	what->pcr = 9;
	what->component = component_of(event->path);
	what->source = machine_text(bridge->machine, "%s of %s", event->path,
				    volume ? volume->name : event->device->name);
	what->over = "the whole file";
	if (!volume)
		return error_set(err, ERROR_INPUT, event->path, ERROR_NO_OFFSET,
				 "GRUB: a file of the RAM disk is not measured");
	r = machine_file_digests(bridge->machine, volume, event->path, digests, &size, err);
	if (r == 0)
		return error_set(err, ERROR_INPUT, event->path, ERROR_NO_OFFSET,
				 "GRUB: the file is gone");
	if (r > 0)
		r = config_text(bridge, volume, event->path, what->component, &text, err);
	if (r < 0)
		return -1;
	if (r > 0) {
		what->encoding = TEXT_BYTES;
		return machine_measure_text(bridge->machine, what, text, err);
	}
	return machine_measure_digests(bridge->machine, what, digests, err);
}

static int bridge_measure(void *ctx, const struct grub_event *event, struct error *err)
{
	struct bridge *bridge = ctx;
	struct machine *machine = bridge->machine;
	struct measurement what = { .pcr = event->kind == GRUB_EVENT_FILE ? 9 : 8, .type = EV_IPL };

	what.component = event->kind == GRUB_EVENT_COMMAND          ? "grub.cfg"
			 : event->kind == GRUB_EVENT_FILE           ? "grub file"
			 : event->kind == GRUB_EVENT_KERNEL_CMDLINE ? "command line"
								    : "module command line";
	what.source = event->line
			      ? machine_text(machine, "%s, line %zu", event->source, event->line)
			      : event->source;
	if (event->unknown) {
		what.over = machine_text(machine, "%s: %s", event->text, event->unknown);
		return machine_measure_unknown(machine, &what, err);
	}
	if (event->kind == GRUB_EVENT_FILE)
		return measure_file(bridge, event, &what, err);
	what.over = event->kind == GRUB_EVENT_COMMAND ? "the command" : "the command line";
	what.encoding = TEXT_BYTES;
	return machine_measure_text(machine, &what, bytes_of_string(event->text), err);
}

/* --- kernels ------------------------------------------------------------------------------ */

static int image_of(struct bridge *bridge, const struct grub_file *file, struct machine_image **out,
		    struct error *err)
{
	const struct machine_volume *volume = machine_volume_of(bridge, file->device);
	int r;

	if (!volume)
		return error_set(err, ERROR_UNSUPPORTED, file->name, ERROR_NO_OFFSET,
				 "GRUB: a kernel in the image's RAM disk");
	r = machine_image(bridge->machine, volume, file->path, out, err);
	if (r == 0)
		return error_set(err, ERROR_INPUT, file->name, ERROR_NO_OFFSET,
				 "GRUB: the kernel is gone");
	return r < 0 ? -1 : 0;
}

static int bridge_verify(void *ctx, const struct grub_file *kernel, struct error *err)
{
	struct bridge *bridge = ctx;
	struct machine_image *image;

	if (image_of(bridge, kernel, &image, err) < 0)
		return -1;
	return bridge->machine->shim_verify(bridge->machine, image, err);
}

/* The command line as the kernel's EFI entry gets it: UTF-16 without NUL. */
static int load_options_of(struct machine *machine, const char *cmdline, struct bytes *out,
			   struct error *err)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	for (size_t at = 0, size = strlen(cmdline), n; at < size; at += n) {
		uint32_t code;

		n = utf8_next((const uint8_t *)cmdline + at, size - at, &code);
		if (n == 0) {
			n = 1;
			code = 0xfffd;
		}
		if (code > 0xffff) {
			buf_append_le16(&text, (uint16_t)(0xd800 + ((code - 0x10000) >> 10)));
			code = 0xdc00 + ((code - 0x10000) & 0x3ff);
		}
		buf_append_le16(&text, (uint16_t)code);
	}
	if (buf_finish(&text, err) < 0)
		return -1;
	return machine_copy(machine, buf_bytes(&text), out, err);
}

/* What the kernel's EFI entry finds: the command line, and the initrds one after the other. */
static int stub_start(struct bridge *bridge, const struct grub_start *start,
		      struct machine_image *kernel, struct error *err)
{
	struct machine *machine = bridge->machine;
	struct measurement what = { .pcr = 9,
				    .type = EV_EVENT_TAG,
				    .component = "command line",
				    .source = kernel->name,
				    .over = start->unknown };
	struct linux_initrd initrd = { .n_parts = start->n_initrds,
				       .padding = INITRD_PAD_BETWEEN,
				       .source = "GRUB" };
	struct bytes options = { NULL, 0 };
	struct linux_initrd_part *parts;

	parts = machine_take(machine, (start->n_initrds + 1) * sizeof(*parts), err);
	if (!parts)
		return -1;
	for (size_t i = 0; i < start->n_initrds; i++) {
		parts[i].volume = machine_volume_of(bridge, start->initrds[i].device);
		parts[i].path = machine_text(machine, "%s", start->initrds[i].path);
		if (!parts[i].volume)
			initrd.unknown = "an initrd in GRUB's RAM disk";
	}
	initrd.parts = parts;
	if (start->initrds_composed)
		initrd.unknown = "an initrd that GRUB puts together";
	if (start->n_initrds == 1)
		initrd.source = parts[0].path;
	if (start->unknown) {
		if (machine_measure_unknown(machine, &what, err) < 0)
			return -1;
	} else if (load_options_of(machine, start->cmdline, &options, err) < 0) {
		return -1;
	}
	return linux_stub_run(machine, kernel, options, start->n_initrds ? &initrd : NULL, err);
}

static int bridge_start(void *ctx, const struct grub_start *start, struct error *err)
{
	struct bridge *bridge = ctx;
	struct machine *machine = bridge->machine;
	struct machine_image *image;
	struct bytes options;
	int r;

	if (!start->efi_stub && !start->chainloaded) /* handover, or a loader of GRUB's own */
		return machine_exit_boot_services(machine, err);
	if (image_of(bridge, &start->kernel, &image, err) < 0)
		return -1;
	if (start->firmware_loads) {
		r = machine_load(machine, image, err);
		if (r == 0)
			machine_halt(machine, "%s is refused", start->kernel.name);
		if (r <= 0)
			return r;
	}
	if (start->chainloaded) {
		if (load_options_of(machine, start->cmdline, &options, err) < 0)
			return -1;
		return machine_start(machine, image, options, err);
	}
	return stub_start(bridge, start, image, err);
}

/* --- the machine's decisions --------------------------------------------------------------- */

static size_t bridge_choose(void *ctx, const char *const *titles, size_t n, size_t preferred)
{
	return machine_choose(((struct bridge *)ctx)->machine, "grub entry", titles, n, preferred);
}

static void bridge_assume(void *ctx, const char *what)
{
	machine_assume(((struct bridge *)ctx)->machine, "GRUB", "%s", what);
}

static void bridge_halt(void *ctx, const char *why)
{
	machine_halt(((struct bridge *)ctx)->machine, "%s", why ? why : "GRUB stops");
}

/* --- devices ------------------------------------------------------------------------------ */

static const char *fs_name(enum volume_kind kind)
{
	switch (kind) {
	case VOLUME_FAT:
		return "fat";
	case VOLUME_EXT:
		return "ext2";
	case VOLUME_ISO9660:
		return "iso9660";
	case VOLUME_DIRECTORY:
		return "";
	}
	return "";
}

static void device_add(struct bridge *bridge, const char *name, const struct volume *volume,
		       void *own)
{
	const struct volume_info *info = volume ? volume_info(volume) : NULL;

	bridge->devices[bridge->n_devices++] = (struct grub_device){
		.name = name,
		.uuid = info ? info->uuid : "",
		.label = info ? info->label : "",
		.fs = info ? fs_name(info->kind) : "",
		.volume = own,
	};
}

/* "hd0" for the first disk; a fact says another number for the disk that GRUB comes from. */
static const char *disk_name_of(struct bridge *bridge, size_t disk)
{
	struct machine *machine = bridge->machine;
	const struct machine_volume *own = bridge->self->volume;
	size_t first = 0;

	if (machine->facts.grub_disk) {
		const char *name = machine->facts.grub_disk;

		if (own && own->disk_index == disk)
			return name;
		if (starts(name, "hd"))
			first = (size_t)strtoul(name + 2, NULL, 10);
		return machine_text(machine, "hd%zu",
				    disk + (disk >= first && own && disk < own->disk_index ? 1
											   : 0));
	}
	machine_assume(machine, "grub_disk",
		       "GRUB's disks are numbered as the machine's are given");
	return machine_text(machine, "hd%zu", disk);
}

/* A directory stands for a partition of a disk that nobody has. */
static const char *volume_name_of(struct bridge *bridge, size_t index)
{
	const struct machine_volume *volume = &bridge->machine->volumes[index];
	const char *disk;

	if (!volume->disk) {
		machine_assume(bridge->machine, "grub_disk",
			       "hd0, whose partitions are the directories");
		return machine_text(bridge->machine, "%s,gpt%zu",
				    bridge->machine->facts.grub_disk
					    ? bridge->machine->facts.grub_disk
					    : "hd0",
				    index + 1);
	}
	disk = disk_name_of(bridge, volume->disk_index);
	if (volume->partition == 0)
		return disk;
	return machine_text(bridge->machine, "%s,gpt%u", disk, volume->partition);
}

static int memdisk_add(struct bridge *bridge, struct bytes image, struct error *err)
{
	struct error ignored;

	if (image.size == 0)
		return 0;
	/* What cannot be read (a squashfs) is a device without files; loadfont knows of it. */
	if (disk_open_bytes(image, "GRUB's RAM disk", &bridge->memdisk, &ignored) == 0 &&
	    volume_of_disk(bridge->memdisk, &bridge->memdisk_volume, &ignored) < 0)
		bridge->memdisk_volume = NULL;
	(void)err;
	device_add(bridge, "memdisk", bridge->memdisk_volume, bridge->memdisk_volume);
	return 0;
}

/* In GRUB's order: RAM disk, then each disk, its partitions from the last to the first. */
static int devices_make(struct bridge *bridge, const struct grub_image *image, struct error *err)
{
	struct machine *machine = bridge->machine;
	size_t n = machine->n_volumes, i = 0;

	if (n > DEVICES_MAX)
		return error_set(err, ERROR_LIMIT, bridge->self->name, ERROR_NO_OFFSET,
				 "GRUB: %zu volumes, at most %d", n, DEVICES_MAX);
	bridge->devices = machine_take(machine, (2 * n + 1) * sizeof(*bridge->devices), err);
	if (!bridge->devices || memdisk_add(bridge, image->memdisk, err) < 0)
		return -1;
	while (i < n) {
		const struct machine_volume *first = &machine->volumes[i];
		size_t end = i + 1;

		while (end < n && machine->volumes[end].disk == first->disk)
			end++;
		if (first->disk && first->partition != 0)
			device_add(bridge, disk_name_of(bridge, first->disk_index), NULL, NULL);
		for (size_t k = end; k-- > i;) {
			struct machine_volume *volume = &machine->volumes[k];
			const char *name = volume_name_of(bridge, k);

			if (volume == bridge->self->volume)
				bridge->host.device = name;
			device_add(bridge, name, volume->volume, volume);
		}
		i = end;
	}
	bridge->host.devices = bridge->devices;
	bridge->host.n_devices = bridge->n_devices;
	if (!bridge->host.device)
		return error_set(err, ERROR_UNSUPPORTED, bridge->self->name, ERROR_NO_OFFSET,
				 "GRUB: an image that is on no volume of the machine");
	return 0;
}

/* shim's own switch: GRUB then takes Secure Boot for off. */
static bool shim_is_insecure(const struct machine *machine)
{
	const struct machine_variable *state = machine_variable(machine, &guid_shim, "MokSBState");

	return state && state->data.size && state->data.data[0] == 1;
}

int grub_run(struct machine *machine, struct machine_image *self, struct error *err)
{
	AUTO(bridge_clear) struct bridge bridge = { .machine = machine, .self = self };
	AUTO(grub_image_clear) struct grub_image image = { 0 };

	bridge.host = (struct grub_host){
		.ctx = &bridge,
		.path = self->path,
		.secure_boot =
			machine->secure_boot && machine->shim_verify && !shim_is_insecure(machine),
		.has_graphics = true,
		.stat = bridge_stat,
		.read = bridge_read,
		.list = bridge_list,
		.measure = bridge_measure,
		.verify = bridge_verify,
		.start = bridge_start,
		.choose = bridge_choose,
		.assume = bridge_assume,
		.halt = bridge_halt,
	};
	if (grub_image_parse(self->contents, self->name, &image, err) < 0 ||
	    devices_make(&bridge, &image, err) < 0)
		return -1;
	return grub_image_run(&image, &bridge.host, err);
}
