/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How releases differ, found by the words their modules know rather than by their names: a distributor's
 * patch brings its messages with it. Which releases were compared with real boots, event by event, is
 * a table of names; others are the same code run on an assumption.
 */
#include "refgen/grub/internal.h"

static const struct grub_module *module_of(const struct grub_image *image, const char *name)
{
	for (size_t i = 0; i < image->n_modules; i++)
		if (strcmp(image->modules[i].name, name) == 0)
			return &image->modules[i];
	return NULL;
}

static bool bytes_hold(struct bytes text, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= text.size; i++) {
		const uint8_t *at = memchr(text.data + i, word[0], text.size - n + 1 - i);

		if (!at)
			return false;
		if (memcmp(at, word, n) == 0)
			return true;
		i = (size_t)(at - text.data);
	}
	return false;
}

static const struct sign {
	size_t flag; /* of struct behaviour */
	const char *module, *word;
} signs[] = {
  /* rhboot's normal: also in Debian's 2.12 */
	{offsetof(struct behaviour,  tries_config_first), "normal",   "fw_path"                 },
	{ offsetof(struct behaviour, fw_path),            "normal",   "fw_path"                 },
	{ offsetof(struct behaviour, fonts_in_memdisk),   "font",     "(memdisk)"               },
	{ offsetof(struct behaviour, linux_hands_over),   "linux",    "trying linuxefi"         },
	{ offsetof(struct behaviour, asks_shim_again),    "linuxefi", "Asking shim to verify"   },
	{ offsetof(struct behaviour, efi_stub),           "linux",    "LoadFile2 initrd loading"},
	{ offsetof(struct behaviour, own_pe_loader),      "peimage",  ""                        },
	{ offsetof(struct behaviour, blscfg_upstream),    "blsuki",   ""                        },
};

static const struct release {
	const char *vendor, *version; /* that the version begins with */
} compared[] = {
	{"debian",  "2.06-13+deb12"},
	{ "debian", "2.12-9+deb13" },
};

void behaviour_find(struct grub *grub)
{
	const struct grub_image *image = grub->image;
	unsigned char *flags = (unsigned char *)&grub->behaviour;

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		const struct grub_module *module = module_of(image, signs[i].module);
		bool holds = module && bytes_hold(module->text, signs[i].word);

		memcpy(flags + signs[i].flag, &holds, sizeof(holds));
	}
	for (size_t i = 0; i < ARRAY_SIZE(compared); i++)
		if (strcmp(image->vendor, compared[i].vendor) == 0 &&
		    strncmp(image->version, compared[i].version, strlen(compared[i].version)) == 0)
			return;
	grub->behaviour.assumption =
		memory_text(grub,
			    "GRUB %s%s%s measures what the words in its modules say: it was never "
			    "compared with a boot",
			    image->vendor, image->vendor[0] ? " " : "",
			    image->version[0] ? image->version : "of an unknown release");
}
