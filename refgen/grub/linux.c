/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading kernels. Source: grub-core/loader/linux.c, loader/efi/linux.c, loader/i386/linux.c,
 * loader/i386/efi/linux.c, lib/cmdline.c.
 */
#include "refgen/grub/internal.h"

/* x86's COMMAND_LINE_SIZE less the NUL. What does not fit GRUB leaves out, word by word. */
#define CMDLINE_MAX 2047
#define INITRDS_MAX 64

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static void append_argument(struct buf *out, const char *text)
{
	bool spaces = strchr(text, ' ') != NULL;

	if (spaces)
		buf_append_u8(out, '"');
	while (*text) {
		if (text[0] == '\\' && text[1] == 'x' && is_hex(text[2]) && is_hex(text[3])) {
			buf_append(out, bytes_of(text, 4));
			text += 4;
			continue;
		}
		if (*text == '\\' || *text == '\'' || *text == '"')
			buf_append_u8(out, '\\');
		buf_append_u8(out, (uint8_t)*text++);
	}
	if (spaces)
		buf_append_u8(out, '"');
}

/* The words behind the command, quoted for the kernel; unknown says why the text is not known. */
static char *cmdline_make(struct grub *grub, const struct arguments *arguments,
			  const char **unknown)
{
	struct buf text = BUF_INIT;

	*unknown = NULL;
	for (size_t i = 1; i < arguments->n; i++) {
		if (i > 1)
			buf_append_u8(&text, ' ');
		append_argument(&text, arguments->values[i].text);
		if (!*unknown)
			*unknown = arguments->values[i].unknown;
	}
	if (!*unknown && text.size + strlen("BOOT_IMAGE=") > CMDLINE_MAX)
		*unknown = "a command line longer than the kernel may take is cut";
	return memory_buf(grub, &text);
}

/* What the file layer and the loader let shim measure: 1, 0 refused, or it ends. */
static int kernel_verify(struct grub *grub, const struct grub_file *kernel, bool hands_over)
{
	int n = hands_over && grub->behaviour.asks_shim_again ? 2 : 1;

	if (!grub->host->secure_boot)
		return 1;
	while (n--) {
		int r = grub->host->verify(grub->host->ctx, kernel, grub->err);

		if (r <= 0)
			return r < 0 ? RUN_ERROR : 0;
	}
	return 1;
}

int run_linux(struct grub *grub, struct arguments *arguments)
{
	const struct behaviour *behaviour = &grub->behaviour;
	bool hands_over = strcmp(arguments->values[0].text, "linuxefi") == 0;
	struct grub_start start = { .efi_stub = behaviour->efi_stub };
	const char *unknown;
	char *text;
	int r;

	if (arguments->n < 2)
		return STATUS_BAD_ARGUMENT;
	if (behaviour->linux_hands_over && grub->host->secure_boot &&
	    strcmp(arguments->values[0].text, "linux") == 0)
		hands_over = true;
	if (strcmp(arguments->values[0].text, "linux16") == 0)
		start.efi_stub = false;
	r = file_open_measured(grub, arguments->values[1].text, arguments->values[1].unknown,
			       &start.kernel);
	if (r <= 0)
		return r < 0 ? r : STATUS_FILE_NOT_FOUND;
	r = kernel_verify(grub, &start.kernel, hands_over);
	if (r <= 0)
		return r < 0 ? r : STATUS_ACCESS_DENIED;
	text = cmdline_make(grub, arguments, &unknown);
	if (!text || event_measure(grub, GRUB_EVENT_KERNEL_CMDLINE, text, unknown) < 0)
		return RUN_ERROR;
	start.cmdline = memory_text(grub, "BOOT_IMAGE=%s", text);
	if (!start.cmdline)
		return RUN_ERROR;
	start.unknown = unknown;
	start.firmware_loads = start.efi_stub && !behaviour->own_pe_loader;
	grub->loader = (struct loader){ .loaded = true, .start = start };
	return STATUS_NONE;
}

/* "newc:PATH:FILE" puts FILE into a cpio as PATH. */
static const char *initrd_name(const char *word, bool *composed)
{
	const char *colon;

	if (strncmp(word, "newc:", 5) != 0)
		return word;
	colon = strchr(word + 5, ':');
	if (!colon)
		return word;
	*composed = true;
	return colon + 1;
}

int run_initrd(struct grub *grub, struct arguments *arguments)
{
	struct grub_file *files;
	bool composed = false;

	if (arguments->n < 2 || !grub->loader.loaded || grub->loader.start.chainloaded)
		return STATUS_BAD_ARGUMENT;
	if (arguments->n - 1 > INITRDS_MAX)
		return grub_fail(grub, ERROR_LIMIT, "more than %d initrds", INITRDS_MAX);
	files = memory_take(grub, arguments->n * sizeof(*files));
	if (!files)
		return RUN_ERROR;
	for (size_t i = 1; i < arguments->n; i++) {
		int r = file_open_measured(grub, initrd_name(arguments->values[i].text, &composed),
					   arguments->values[i].unknown, &files[i - 1]);

		if (r <= 0)
			return r < 0 ? r : STATUS_FILE_NOT_FOUND;
	}
	grub->loader.start.initrds = files;
	grub->loader.start.n_initrds = arguments->n - 1;
	grub->loader.start.initrds_composed = composed;
	return STATUS_NONE;
}

int run_chainloader(struct grub *grub, struct arguments *arguments)
{
	static const struct option_spec specs[] = {
		{"force", 'f', OPTION_FLAG}
	};
	struct option options[ARRAY_SIZE(specs)] = { 0 };
	struct grub_start start = { .chainloaded = true, .firmware_loads = true };
	struct buf text = BUF_INIT;
	int r = options_parse(grub, arguments, specs, ARRAY_SIZE(specs), true, options);

	if (r != STATUS_NONE)
		return r;
	if (arguments->n < 2)
		return STATUS_BAD_ARGUMENT;
	r = file_open_measured(grub, arguments->values[1].text, arguments->values[1].unknown,
			       &start.kernel);
	if (r <= 0)
		return r < 0 ? r : STATUS_FILE_NOT_FOUND;
	r = kernel_verify(grub, &start.kernel, false);
	if (r <= 0)
		return r < 0 ? r : STATUS_ACCESS_DENIED;
	for (size_t i = 2; i < arguments->n; i++) {
		if (i > 2)
			buf_append_u8(&text, ' ');
		buf_append_string(&text, arguments->values[i].text);
	}
	start.cmdline = memory_buf(grub, &text);
	if (!start.cmdline)
		return RUN_ERROR;
	grub->loader = (struct loader){ .loaded = true, .start = start };
	return STATUS_NONE;
}

int run_boot(struct grub *grub, struct arguments *arguments)
{
	(void)arguments;
	if (!grub->loader.loaded)
		return 22; /* GRUB_ERR_NO_KERNEL */
	if (grub->host->start(grub->host->ctx, &grub->loader.start, grub->err) < 0)
		return RUN_ERROR;
	return RUN_ENDED;
}
