/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GRUB's names of devices and files, and its file layer, where the TPM verifier sits: each file that
 * is opened is measured whole, before anybody else may refuse it. Source: grub-core/kern/file.c,
 * device.c, verifiers.c, commands/tpm.c.
 */
#include <stdarg.h>

#include "refgen/grub/internal.h"

int grub_fail(struct grub *grub, enum error_code code, const char *format, ...)
{
	char message[320];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (grub->line)
		error_set(grub->err, code, grub->source, ERROR_NO_OFFSET,
			  "GRUB script, line %zu: %s", grub->line, message);
	else
		error_set(grub->err, code, grub->source, ERROR_NO_OFFSET, "GRUB: %s", message);
	return RUN_ERROR;
}

/* "hd0,gpt2" and "hd0,2" are one; so would be "hd0,msdos2". */
static bool device_names_equal(const char *known, const char *name)
{
	const char *comma = strchr(known, ','), *given = strchr(name, ',');

	if (strcmp(known, name) == 0)
		return true;
	if (!comma || !given || comma - known != given - name ||
	    strncmp(known, name, (size_t)(comma - known)) != 0 || !is_digit(given[1]))
		return false;
	for (comma++; is_alpha(*comma); comma++)
		;
	return strcmp(comma, given + 1) == 0;
}

const struct grub_device *device_find(const struct grub *grub, const char *name)
{
	for (size_t i = 0; i < grub->host->n_devices; i++)
		if (device_names_equal(grub->host->devices[i].name, name))
			return &grub->host->devices[i];
	return NULL;
}

/* The device's name in parentheses, else that of $root; and the path, with single slashes. */
struct grub_file file_of_name(struct grub *grub, const char *name)
{
	const char *path = name, *device = variable_text(grub, "root");
	struct grub_file file = { .name = name };
	struct buf clean = BUF_INIT;

	if (name[0] == '(') {
		const char *close = strchr(name, ')');
		char *copy;

		if (!close)
			return file;
		if (close > name + 1) {
			copy = memory_copy(grub, name + 1, (size_t)(close - name - 1));
			if (!copy) {
				file.name = NULL;
				return file;
			}
			device = copy;
		}
		path = close + 1;
	}
	if (!device || !*device)
		return file;
	file.device = device_find(grub, device);
	buf_append_u8(&clean, '/');
	for (char last = '/'; *path; last = *path++)
		if (*path != '/' || last != '/')
			buf_append_u8(&clean, (uint8_t)*path);
	file.path = memory_buf(grub, &clean);
	return file.path ? file : (struct grub_file){ 0 };
}

int grub_halt(struct grub *grub, const char *why)
{
	if (!why)
		return RUN_ERROR;
	grub->host->halt(grub->host->ctx, why);
	return RUN_ENDED;
}

static const struct written *written_find(const struct grub *grub, const struct grub_file *file)
{
	const struct written *written = grub->written;

	while (written &&
	       (written->device != file->device || strcmp(written->path, file->path) != 0))
		written = written->next;
	return written;
}

int file_stat(struct grub *grub, const struct grub_file *file, struct grub_stat *out)
{
	int r;

	if (!file->device || !file->device->volume)
		return 0;
	r = grub->host->stat(grub->host->ctx, file->device, file->path, out, grub->err);
	return r < 0 ? RUN_ERROR : r;
}

int file_is_exempt(const struct grub_file *file)
{
	return strcmp(file->device->name, "memdisk") == 0 ||
	       strcmp(file->device->name, "proc") == 0;
}

/* Without its module tpm GRUB measures nothing. */
int event_hand(struct grub *grub, const struct grub_event *event)
{
	if (!module_is_loaded(grub, "tpm"))
		return 0;
	return grub->host->measure(grub->host->ctx, event, grub->err) < 0 ? RUN_ERROR : 0;
}

int event_measure(struct grub *grub, enum grub_event_kind kind, const char *text,
		  const char *unknown)
{
	struct grub_event event = { .kind = kind,
				    .text = text,
				    .unknown = unknown,
				    .source = grub->source,
				    .line = grub->line };

	return event_hand(grub, &event);
}

int file_open_measured(struct grub *grub, const char *name, const char *unknown,
		       struct grub_file *out)
{
	struct grub_event event = { .kind = GRUB_EVENT_FILE,
				    .text = name,
				    .unknown = unknown,
				    .source = grub->source,
				    .line = grub->line };
	struct grub_stat stat;
	int r;

	*out = file_of_name(grub, name);
	if (!out->name)
		return RUN_ERROR;
	r = file_stat(grub, out, &stat);
	if (r <= 0 || stat.type != GRUB_FILE)
		return r < 0 ? r : 0;
	if (file_is_exempt(out))
		return 1;
	event.device = out->device;
	event.path = out->path;
	if (!unknown && written_find(grub, out))
		event.unknown = "GRUB has written to this file by then";
	return event_hand(grub, &event) < 0 ? RUN_ERROR : 1;
}

int file_read(struct grub *grub, const struct grub_file *file, size_t max, struct bytes *out)
{
	const struct written *written = written_find(grub, file);

	if (written) {
		*out = written->contents;
		return 1;
	}
	return grub->host->read(grub->host->ctx, file->device, file->path, max, out, grub->err) < 0
		       ? RUN_ERROR
		       : 1;
}
