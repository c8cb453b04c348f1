/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first byte says what the rest is: a script that GRUB runs (with itself as
 * every other file), an environment block, or a GRUB image.
 */
#include "refgen/grub/grub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What every file holds; empty once many were read, or a script that reads
 * itself runs to the limits. */
struct input {
	struct bytes text;
	unsigned reads;
};
#define READS_MAX 6

static int fuzz_stat(void *ctx, const struct grub_device *device, const char *path,
		     struct grub_stat *out, struct error *err)
{
	const struct input *input = ctx;
	size_t n = strlen(path);

	(void)device;
	(void)err;
	*out = (struct grub_stat){ n == 0 || path[n - 1] == '/' ? GRUB_DIRECTORY : GRUB_FILE,
				   input->text.size };
	return n % 7 != 3;
}

static int fuzz_read(void *ctx, const struct grub_device *device, const char *path, size_t max,
		     struct bytes *out, struct error *err)
{
	struct input *input = ctx;

	(void)device;
	if (input->text.size > max)
		return error_set(err, ERROR_LIMIT, path, 0, "more than %zu bytes", max);
	*out = input->reads++ < READS_MAX ? input->text : bytes_of(NULL, 0);
	return 0;
}

static int fuzz_list(void *ctx, const struct grub_device *device, const char *path,
		     int (*name)(void *walk, struct bytes name, enum grub_file_type type,
				 struct error *err),
		     void *walk, struct error *err)
{
	(void)ctx;
	(void)device;
	(void)path;
	if (name(walk, bytes_of_string("a.conf"), GRUB_FILE, err) < 0)
		return -1;
	return name(walk, bytes_of_string("dir"), GRUB_DIRECTORY, err);
}

static int fuzz_measure(void *ctx, const struct grub_event *event, struct error *err)
{
	(void)ctx;
	(void)err;
	return strlen(event->text) > GRUB_TEXT_MAX ? -1 : 0;
}

static int fuzz_verify(void *ctx, const struct grub_file *kernel, struct error *err)
{
	(void)ctx;
	(void)err;
	return strlen(kernel->name) % 5 != 0;
}

static int fuzz_start(void *ctx, const struct grub_start *start, struct error *err)
{
	(void)ctx;
	(void)err;
	return start->cmdline ? 0 : -1;
}

static size_t fuzz_choose(void *ctx, const char *const *titles, size_t n, size_t preferred)
{
	const struct input *input = ctx;

	(void)titles;
	return input->text.size % 2 ? preferred : input->text.size % n;
}

static void fuzz_say(void *ctx, const char *what)
{
	(void)ctx;
	(void)what;
}

static void run(const struct grub_image *image, struct bytes text)
{
	static char volume;
	static const struct grub_device devices[] = {
		{"memdisk",   "",				     "",     "",     NULL   },
		{ "hd0",      "",				     "",     "",     NULL   },
		{ "hd0,gpt2", "6d656173-7572-6564-2d62-6f6f740000f5", "root", "ext2", &volume},
		{ "hd0,gpt1", "1234-ABCD",                            "ESP",  "fat",  &volume},
	};
	struct input input = { text, 0 };
	struct grub_host host = { .ctx = &input,
				  .devices = devices,
				  .n_devices = ARRAY_SIZE(devices),
				  .device = "hd0,gpt1",
				  .path = "/EFI/BOOT/grubx64.efi",
				  .secure_boot = text.size % 3 != 0,
				  .has_graphics = true,
				  .stat = fuzz_stat,
				  .read = fuzz_read,
				  .list = fuzz_list,
				  .measure = fuzz_measure,
				  .verify = fuzz_verify,
				  .start = fuzz_start,
				  .choose = fuzz_choose,
				  .assume = fuzz_say,
				  .halt = fuzz_say };
	struct error err;

	(void)grub_image_run(image, &host, &err);
}

static int envblk_variable(void *ctx, struct bytes name, struct bytes value)
{
	size_t *sum = ctx;

	*sum += name.size + value.size;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char feature[] = "\0feature_200_final";
	static struct grub_module modules[] = {
		{"tpm",                 { NULL, 0 }                                  },
		{ "normal",             { (const uint8_t *)feature, sizeof(feature) }},
		{ "configfile",         { NULL, 0 }                                  },
		{ "test",               { NULL, 0 }                                  },
		{ "true",               { NULL, 0 }                                  },
		{ "echo",               { NULL, 0 }                                  },
		{ "eval",               { NULL, 0 }                                  },
		{ "loadenv",            { NULL, 0 }                                  },
		{ "search",             { NULL, 0 }                                  },
		{ "search_fs_file",     { NULL, 0 }                                  },
		{ "probe",              { NULL, 0 }                                  },
		{ "regexp",             { NULL, 0 }                                  },
		{ "increment",          { NULL, 0 }                                  },
		{ "blscfg",             { NULL, 0 }                                  },
		{ "linux",              { NULL, 0 }                                  },
		{ "chain",              { NULL, 0 }                                  },
		{ "boot",               { NULL, 0 }                                  },
		{ "font",               { NULL, 0 }                                  },
		{ "smbios",             { NULL, 0 }                                  },
		{ "terminal",           { NULL, 0 }                                  },
		{ "gfxterm_background", { NULL, 0 }                                  },
	};
	struct grub_image image = { .modules = modules,
				    .n_modules = ARRAY_SIZE(modules),
				    .prefix = "/EFI/debian" };
	struct bytes text;
	struct error err;
	size_t sum = 0;

	if (size == 0)
		return 0;
	text = bytes_of(data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		run(&image, text);
		break;
	case 1:
		image.config = text; /* for the rescue parser */
		run(&image, text);
		break;
	case 2:
		(void)grub_envblk_parse(text, "fuzz", envblk_variable, &sum, &err);
		break;
	default:
		image = (struct grub_image){ 0 };
		if (grub_image_parse(text, "fuzz", &image, &err) == 0) {
			run(&image, text);
			grub_image_clear(&image);
		}
	}
	return 0;
}
