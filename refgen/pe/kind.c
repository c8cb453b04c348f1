/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What program an image is, by what its makers put into it: SBAT components, the .sdmagic text of
 * systemd's programs, sections, the headers of Linux (Documentation/arch/x86/boot.rst,
 * Documentation/arch/arm64/booting.rst), and texts that only one program has.
 */
#define _GNU_SOURCE /* memmem */
#include "refgen/pe/internal.h"

size_t pe_search(struct bytes bytes, struct bytes what)
{
	const uint8_t *at =
		bytes.size ? memmem(bytes.data, bytes.size, what.data, what.size) : NULL;

	return at ? (size_t)(at - bytes.data) : SIZE_MAX;
}

/* What follows key in bytes up to the first character of ends, or empty. */
static struct bytes text_after(struct bytes bytes, const char *key, const char *ends)
{
	size_t at = pe_search(bytes, bytes_of_string(key)), n = 0;

	if (at == SIZE_MAX)
		return bytes_of(NULL, 0);
	at += strlen(key);
	bytes = bytes_of(bytes.data + at, bytes.size - at);
	while (n < bytes.size && bytes.data[n] && !strchr(ends, bytes.data[n]))
		n++;
	return bytes_of(bytes.data, n);
}

static struct bytes section_of(const struct pe *pe, const char *name)
{
	const struct pe_section *section = pe_find(pe, name);

	return section ? pe_section_bytes(pe, section) : bytes_of(NULL, 0);
}

/*
 * systemd's "#### LoaderInfo: systemd-stub 252.39-1~deb12u1 ####": in .sdmagic since 248, among the
 * data before. 1 and the word before the version, or 0.
 */
static bool systemd_info(const struct pe *pe, struct bytes *program, struct bytes *version)
{
	static const char key[] = "#### LoaderInfo: ";
	struct bytes magic = section_of(pe, ".sdmagic");

	if (magic.size == 0)
		magic = section_of(pe, ".data");
	*program = text_after(magic, key, " #");
	if (program->size == 0)
		return false;
	*version = bytes_of(NULL, 0);
	if (program->data + program->size < magic.data + magic.size &&
	    program->data[program->size] == ' ')
		*version = text_after(bytes_of(program->data,
					       (size_t)(magic.data + magic.size - program->data)),
				      " ", " #");
	return true;
}

static bool recognize_systemd(struct pe *pe)
{
	bool linux_section = pe_find(pe, ".linux");
	struct bytes program, version;

	if (!systemd_info(pe, &program, &version)) {
		/* Another's stub: what it measures is not ours to know, but a kernel is in it. */
		pe->kind = linux_section ? PE_UKI : PE_OTHER;
		return linux_section;
	}
	if (bytes_equal_string(program, "systemd-boot"))
		pe->kind = PE_SYSTEMD_BOOT;
	else if (bytes_equal_string(program, "systemd-addon"))
		pe->kind = PE_ADDON;
	else if (bytes_equal_string(program, "systemd-stub"))
		pe->kind = linux_section ? PE_UKI : PE_SYSTEMD_STUB;
	else
		return false;
	pe->version = version;
	return true;
}

/* Text in UTF-16, given in ASCII. */
static bool has_utf16(struct bytes bytes, const char *text)
{
	uint8_t wide[64];
	size_t n = strlen(text);

	if (n > sizeof(wide) / 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		wide[2 * i] = (uint8_t)text[i];
		wide[2 * i + 1] = 0;
	}
	return pe_search(bytes, bytes_of(wide, 2 * n)) != SIZE_MAX;
}

/* shim and its two companions come of one source and share one SBAT line. */
static bool recognize_shim(struct pe *pe)
{
	const struct pe_sbat_entry *entry = pe_sbat_find(pe, "shim");
	/* .data.ident holds it in all releases; its name is over 8 characters, so old strip may lose it. */
	struct bytes ident = text_after(pe->file, "UEFI SHIM\n$Version: ", " $\n");

	if (pe_find(pe, ".vendor_cert") || ident.size)
		pe->kind = PE_SHIM;
	else if (has_utf16(pe->file, "MokManager: internal error") ||
		 has_utf16(pe->file, "Could not retrieve MokNew"))
		pe->kind = PE_MOK_MANAGER;
	else if (has_utf16(pe->file, "FALLBACK_VERBOSE"))
		pe->kind = PE_FALLBACK;
	else
		return false;
	pe->version = ident;
	/* The vendor's line has the package's version; upstream's only counts. */
	for (size_t i = 0; ident.size == 0 && entry && i < pe->n_sbat; i++)
		if (bytes_start_with(pe->sbat[i].component, bytes_of_string("shim.")))
			pe->version = pe->sbat[i].version;
	return true;
}

static bool recognize_grub(struct pe *pe)
{
	const struct pe_sbat_entry *entry = pe_sbat_find(pe, "grub");

	if (!entry && !pe_find(pe, "mods"))
		return false;
	pe->kind = PE_GRUB;
	if (entry)
		pe->version = entry->version;
	return true;
}

/* x86: the setup header at 0x1f1; others: a magic in the header's first 64 bytes. */
static bool recognize_kernel(struct pe *pe)
{
	struct reader in = reader_of(pe->file, 0, pe->source);
	struct bytes start = bytes_of(pe->file.data, pe->file.size < 64 ? pe->file.size : 64), text;
	size_t at;

	if (start.size == 64 && (memcmp(start.data + 56, "ARM\x64", 4) == 0 ||
				 memcmp(start.data + 56, "RSC\x05", 4) == 0 ||
				 memcmp(start.data + 4, "zimg", 4) == 0)) {
		pe->kind = PE_KERNEL;
		return true;
	}
	reader_skip(&in, 0x1fe);
	if (reader_le16(&in) != 0xaa55)
		return false;
	reader_skip(&in, 2);
	if (reader_le32(&in) != 0x53726448) /* HdrS */
		return false;
	pe->kind = PE_KERNEL;
	reader_skip(&in, 0x20e - 0x206);
	at = reader_le16(&in); /* kernel_version, less 0x200; 0: none */
	if (in.ran_out || at == 0 || at + 0x200 >= pe->file.size)
		return true;
	at += 0x200;
	text = bytes_of(pe->file.data + at, pe->file.size - at > 256 ? 256 : pe->file.size - at);
	pe->version = text_after(text, "", " ");
	return true;
}

void pe_recognize(struct pe *pe)
{
	pe->kind = PE_OTHER;
	(void)(recognize_systemd(pe) || recognize_kernel(pe) || recognize_grub(pe) ||
	       recognize_shim(pe));
}

enum pe_kind pe_kind(const struct pe *pe)
{
	return pe->kind;
}

struct bytes pe_version(const struct pe *pe)
{
	return pe->version;
}

const char *pe_kind_name(enum pe_kind kind)
{
	static const char *const names[PE_KIND_COUNT] = {
		[PE_OTHER] = "other",
		[PE_SHIM] = "shim",
		[PE_MOK_MANAGER] = "mok-manager",
		[PE_FALLBACK] = "fallback",
		[PE_GRUB] = "grub",
		[PE_SYSTEMD_BOOT] = "systemd-boot",
		[PE_UKI] = "uki",
		[PE_SYSTEMD_STUB] = "systemd-stub",
		[PE_ADDON] = "addon",
		[PE_KERNEL] = "kernel",
	};

	return kind < PE_KIND_COUNT ? names[kind] : "other";
}

/* The number at the start of text, and text behind it and a dot that a digit follows. */
static unsigned long next_number(struct bytes *text)
{
	unsigned long value = 0;
	size_t n = 0;

	for (; n < text->size && text->data[n] >= '0' && text->data[n] <= '9'; n++)
		if (value < 100000000)
			value = value * 10 + (unsigned long)(text->data[n] - '0');
	if (n + 1 < text->size && text->data[n] == '.' && text->data[n + 1] >= '0' &&
	    text->data[n + 1] <= '9')
		*text = bytes_of(text->data + n + 1, text->size - n - 1);
	else
		*text = bytes_of(NULL, 0);
	return value;
}

int pe_version_compare(struct bytes a, const char *b)
{
	struct bytes other = bytes_of_string(b);

	while (a.size || other.size) {
		unsigned long x = next_number(&a), y = next_number(&other);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}
