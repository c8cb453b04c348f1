/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's EFI stub: what drivers/firmware/efi/libstub/efi-stub-helper.c measures into PCR 9
 * between its PE entry point and ExitBootServices.
 */
#include "core/disk/disk.h"
#include "refgen/pe/pe.h"
#include "refgen/systemd/internal.h"

#define INITRD_FILES_MAX 64

/* --- initrds ----------------------------------------------------------------------------------- */

static int hash_block(void *ctx, struct bytes block, struct error *err)
{
	struct machine *machine = ctx;

	return hasher_update(machine->hasher, block, err);
}

/* Adds a part to the hash; *size its bytes. */
static int hash_part(struct machine *machine, const struct linux_initrd_part *part, uint64_t *size,
		     struct error *err)
{
	struct volume_entry entry;
	int found;

	if (!part->volume) {
		*size = part->bytes.size;
		return hasher_update(machine->hasher, part->bytes, err);
	}
	found = volume_stat(part->volume->volume, part->path, &entry, err);
	if (found == 1)
		found = volume_stream(part->volume->volume, part->path, hash_block, machine, err);
	if (found == 0)
		error_set(err, ERROR_INPUT, part->volume->name, ERROR_NO_OFFSET,
			  "%s: there is no such initrd", part->path);
	*size = found == 1 ? entry.size : 0;
	return found == 1 ? 0 : -1;
}

static int hash_parts(struct machine *machine, const struct linux_initrd *initrd, uint64_t *total,
		      struct error *err)
{
	static const uint8_t zeros[4];
	bool always = initrd->padding == INITRD_PAD_ALL;

	*total = 0;
	for (size_t i = 0; i < initrd->n_parts; i++) {
		bool pads =
			initrd->padding != INITRD_PAD_NONE && (always || i + 1 < initrd->n_parts);
		uint64_t size, pad;

		if (hash_part(machine, &initrd->parts[i], &size, err) < 0)
			return -1;
		pad = pads ? (4 - size % 4) % 4 : 0;
		if (pad && hasher_update(machine->hasher, bytes_of(zeros, (size_t)pad), err) < 0)
			return -1;
		*total += size + pad;
	}
	return 0;
}

int initrd_digests(struct machine *machine, const struct linux_initrd *initrd,
		   struct digest out[ALG_BANKS], uint64_t *size, struct error *err)
{
	const struct linux_initrd_part *only = initrd->n_parts == 1 ? initrd->parts : NULL;
	struct digest digests[ALG_COUNT];
	int status;

	/* One file as it is: the machine may have hashed it already, and keeps what it hashes. */
	if (only && only->volume && initrd->padding != INITRD_PAD_ALL) {
		int found = machine_file_digests(machine, only->volume, only->path, out, size, err);

		if (found == 0)
			error_set(err, ERROR_INPUT, only->volume->name, ERROR_NO_OFFSET,
				  "%s: there is no such initrd", only->path);
		return found == 1 ? 0 : -1;
	}
	if (hasher_begin(machine->hasher, machine->banks, err) < 0)
		return -1;
	status = hash_parts(machine, initrd, size, err);
	if (hasher_finish(machine->hasher, digests, status < 0 ? NULL : err) < 0 || status < 0)
		return -1;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (machine->banks & 1u << alg)
			out[alg] = digests[alg];
	return 0;
}

static int measure_initrd(struct machine *machine, const struct linux_initrd *initrd,
			  struct error *err)
{
	struct measurement what = {
		.pcr = 9,
		.type = EV_EVENT_TAG,
		.component = "initrd",
		.source = initrd->source,
		.over = "the initrd as the kernel gets it",
		.assumption = initrd->assumption,
	};
	struct digest digests[ALG_BANKS];
	uint64_t size = 0;

	if (initrd->unknown) {
		what.over = initrd->unknown;
		return machine_measure_unknown(machine, &what, err);
	}
	if (initrd_digests(machine, initrd, digests, &size, err) < 0)
		return -1;
	return size ? machine_measure_digests(machine, &what, digests, err) : 0;
}

/* --- load options ------------------------------------------------------------------------------ */

/* All bytes, whatever they are; as text where they are one, so that its holes are found. */
static int measure_load_options(struct machine *machine, const struct machine_image *image,
				struct bytes load_options, struct error *err)
{
	struct measurement what = {
		.pcr = 9,
		.type = EV_EVENT_TAG,
		.component = "command line",
		.source = machine_text(machine, "the load options of %s", image->name),
		.over = "the load options, all their bytes",
	};
	const char *text;
	bool exact;

	if (load_options.size == 0)
		return 0;
	if (utf8_of(machine, load_options, &text, &what.with_nul, &exact, err) < 0)
		return -1;
	if (!exact)
		return machine_measure(machine, &what, load_options, err);
	what.encoding = TEXT_UTF16LE;
	return machine_measure_text(machine, &what, bytes_of_string(text), err);
}

/* The next word of a command line; quotes keep blanks, as in the kernel's own parser. */
static struct bytes next_word(const char **at)
{
	const char *start;
	bool quoted = false;

	while (**at == ' ' || **at == '\n' || **at == '\t')
		(*at)++;
	start = *at;
	for (; **at && (quoted || (**at != ' ' && **at != '\n' && **at != '\t')); (*at)++)
		quoted ^= **at == '"';
	return bytes_of(start, (size_t)(*at - start));
}

/* Files of initrd= with slashes, on the image's volume. */
static int files_of_cmdline(struct machine *machine, const struct machine_image *image,
			    const char *cmdline, struct linux_initrd *out, struct error *err)
{
	const struct bytes option = bytes_of_string("initrd=");
	struct linux_initrd_part *parts;
	struct bytes word;

	parts = machine_take(machine, INITRD_FILES_MAX * sizeof(*parts), err);
	if (!parts)
		return -1;
	while ((word = next_word(&cmdline)).size > 0) {
		struct bytes path;
		char *name;

		if (!bytes_start_with(word, option))
			continue;
		if (out->n_parts == INITRD_FILES_MAX)
			return error_set(err, ERROR_LIMIT, image->name, ERROR_NO_OFFSET,
					 "more than %d files of initrd=", INITRD_FILES_MAX);
		path = bytes_of(word.data + option.size, word.size - option.size);
		name = machine_take(machine, path.size + 1, err);
		if (!name)
			return -1;
		for (size_t i = 0; i < path.size; i++)
			name[i] = path.data[i] == '\\' ? '/' : (char)path.data[i];
		parts[out->n_parts++] =
			(struct linux_initrd_part){ .volume = image->volume, .path = name };
	}
	out->parts = parts;
	return 0;
}

static bool has_word(const char *cmdline, const char *wanted)
{
	struct bytes word;

	while ((word = next_word(&cmdline)).size > 0)
		if (bytes_equal_string(word, wanted))
			return true;
	return false;
}

/* --- the stub ---------------------------------------------------------------------------------- */

/* What a release measures. Sources: the commits that added each to libstub. */
struct kernel_release {
	bool initrd;       /* 5.18 */
	bool load_options; /* 6.1 */
	bool files;        /* 6.13: initrd= as well as LoadFile2 */
};

static struct kernel_release kernel_release(struct machine *machine,
					    const struct machine_image *image)
{
	struct bytes version = pe_version(image->pe);

	if (version.size == 0) {
		machine_assume(machine, "kernel release", "6.1 or newer (%s does not say)",
			       image->name);
		return (struct kernel_release){ true, true, false };
	}
	return (struct kernel_release){
		.initrd = pe_version_compare(version, "5.18") >= 0,
		.load_options = pe_version_compare(version, "6.1") >= 0,
		.files = pe_version_compare(version, "6.13") >= 0,
	};
}

int linux_stub_run(struct machine *machine, struct machine_image *image, struct bytes load_options,
		   const struct linux_initrd *initrd, struct error *err)
{
	struct kernel_release release = kernel_release(machine, image);
	struct linux_initrd files = {
		.source = machine_text(machine, "initrd= on the command line of %s", image->name)
	};
	const char *cmdline;
	bool with_nul, exact;

	if (release.load_options && measure_load_options(machine, image, load_options, err) < 0)
		return -1;
	if (utf8_of(machine, load_options, &cmdline, &with_nul, &exact, err) < 0)
		return -1;
	if (release.initrd && !has_word(cmdline, "noinitrd")) {
		if (!initrd && release.files) {
			if (files_of_cmdline(machine, image, cmdline, &files, err) < 0)
				return -1;
			initrd = files.n_parts ? &files : NULL;
			if (initrd && !image->volume)
				files.unknown = "files of a volume that is not known";
		}
		if (initrd && measure_initrd(machine, initrd, err) < 0)
			return -1;
	}
	return machine_exit_boot_services(machine, err);
}
