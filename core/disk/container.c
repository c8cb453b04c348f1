/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers of disk images through libtsk (the only door to it), loaded when one is met: it brings
 * C++ and a network client along. It must be of the release whose headers we were built with, since
 * its structures change between releases.
 */
#include <inttypes.h>
#include <tsk/libtsk.h>

#include "core/library.h"
#include "core/disk/internal.h"

#define FUNCTIONS(X)                                                                               \
	X(tsk_img_open_utf8_sing)                                                                  \
	X(tsk_img_read) X(tsk_img_close) X(tsk_error_get) X(tsk_error_reset) X(tsk_version_get_str)

static struct {
#define X(name) __typeof__(name) *name;
	FUNCTIONS(X)
#undef X
} tsk;

static const struct library_symbol symbols[] = {
#define X(name) { #name, &tsk.name },
	FUNCTIONS(X)
#undef X
};

/* 4.11 and 4.12; 4.13; 4.14. */
static const char *const names[] = { "libtsk.so.19", "libtsk.so.20", "libtsk.so.21", "libtsk.so" };

struct image_container {
	TSK_IMG_INFO *image;
};

/* By magic bytes, so that libtsk guesses at nothing. */
static const struct magic {
	const char *name, *text;
	size_t size;
	TSK_IMG_TYPE_ENUM type;
	bool at_end; /* in the last 512 bytes */
} magics[] = {
	{"EWF",   "EVF\t\r\n\xff", 8, TSK_IMG_TYPE_EWF_EWF,   false},
	{ "AFF",  "AFF10\r\n",     8, TSK_IMG_TYPE_AFF_AFF,   false},
	{ "VMDK", "KDMV",          4, TSK_IMG_TYPE_VMDK_VMDK, false},
	{ "VHD",  "conectix",      8, TSK_IMG_TYPE_VHD_VHD,   true },
};

static const struct {
	const char *name, *text;
	size_t size;
} foreign[] = {
	{"VHDX",       "vhdxfile",         8},
	{ "gzip",      "\x1f\x8b",         2},
	{ "xz",
         "\xfd"
	  "7zXZ",			  6},
	{ "Zstandard", "\x28\xb5\x2f\xfd", 4},
};

static bool starts(struct bytes bytes, const char *text, size_t size)
{
	return bytes.size >= size && memcmp(bytes.data, text, size) == 0;
}

static const char *tsk_reason(void)
{
	const char *text = tsk.tsk_error_get();

	return text ? text : "no reason given";
}

static int open_as(const char *path, const struct magic *magic, struct image_container **out,
		   uint64_t *size, struct error *err)
{
	struct image_container *container;

	if (library_load(names, ARRAY_SIZE(names), symbols, ARRAY_SIZE(symbols), err) < 0)
		return -1;
	if (strcmp(tsk.tsk_version_get_str(), TSK_VERSION_STR) != 0)
		return error_set(err, ERROR_SYSTEM, path, ERROR_NO_OFFSET,
				 "a %s image needs libtsk " TSK_VERSION_STR ", here is %s",
				 magic->name, tsk.tsk_version_get_str());
	container = calloc(1, sizeof(*container));
	if (!container)
		return error_memory(err, path);
	tsk.tsk_error_reset();
	container->image = tsk.tsk_img_open_utf8_sing(path, magic->type, 0);
	if (!container->image || container->image->size < 0) {
		error_set(err, ERROR_MALFORMED, path, ERROR_NO_OFFSET, "%s image: %s", magic->name,
			  tsk_reason());
		image_container_free(container);
		return -1;
	}
	*size = (uint64_t)container->image->size;
	*out = container;
	return 1;
}

int image_container_open(const char *path, struct bytes start, struct bytes end,
			 struct image_container **out, uint64_t *size, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (starts(start, foreign[i].text, foreign[i].size))
			return error_set(err, ERROR_UNSUPPORTED, path, 0,
					 "a %s file, not a raw image: unpack or convert it first",
					 foreign[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (starts(magics[i].at_end ? end : start, magics[i].text, magics[i].size))
			return open_as(path, &magics[i], out, size, err);
	return 0;
}

int image_container_read(struct image_container *container, const char *name, uint64_t offset,
			 uint8_t *out, size_t size, struct error *err)
{
	ssize_t got;

	tsk.tsk_error_reset();
	got = tsk.tsk_img_read(container->image, (TSK_OFF_T)offset, (char *)out, size);
	if (got < 0 || (size_t)got != size)
		return error_set(err, ERROR_INPUT, name, offset, "libtsk: %s",
				 got < 0 ? tsk_reason() : "the container ends early");
	return 0;
}

void image_container_free(struct image_container *container)
{
	if (!container)
		return;
	if (container->image)
		tsk.tsk_img_close(container->image);
	free(container);
}
