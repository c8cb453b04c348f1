/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The code image: which volumes it unpacks into memory, and what can be told from the modules in them.
 *
 * OVMF's flash holds one volume with the real ones inside an LZMA section: the PEI volume, and the DXE
 * volume right behind it in memory. The third, with the reset vector, stays in flash unmeasured.
 */
#include "core/archive.h"
#include "refgen/firmware/internal.h"

#include <inttypes.h>

/* LZMA_CUSTOM_DECOMPRESS_GUID: a stream in the .lzma form. */
static const struct guid guid_lzma =
	GUID(0xee4e5898, 0x3914, 0x4259, 0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf);
static const struct guid guid_tcg2_pei =
	GUID(0xa0c98b77, 0xcba5, 0x4bb8, 0x99, 0x3b, 0x4a, 0xf6, 0xce, 0x33, 0xec, 0xe4);
static const struct guid guid_ui_app =
	GUID(0x462caa21, 0x7614, 0x4503, 0x83, 0x6e, 0x8a, 0xb6, 0xf4, 0x66, 0x23, 0x31);
static const struct guid guid_shell =
	GUID(0x7c04a583, 0x9e3e, 0x4f1c, 0xad, 0x65, 0xe0, 0x52, 0x68, 0xd0, 0xb4, 0xd1);
static const struct guid guid_secure_boot_config =
	GUID(0xf0e6a44f, 0x7195, 0x41c3, 0xac, 0x64, 0x54, 0xf2, 0x02, 0xcd, 0x0a, 0x21);
static const struct guid guid_smbios_measurement =
	GUID(0xd27fed59, 0xabb4, 0x4fed, 0xbe, 0xad, 0x2a, 0x87, 0x8c, 0x7e, 0x4a, 0x7e);
/* OVMF's AcpiPlatformDxe, called QemuFwCfgAcpiPlatform. */
static const struct guid guid_acpi_platform =
	GUID(0x17985e6f, 0xe778, 0x4d94, 0xae, 0xfa, 0xc5, 0xdd, 0x2b, 0x77, 0xe1, 0x86);

bool bytes_have_text(struct bytes in, const char *text)
{
	size_t size = strlen(text);

	for (size_t i = 0; i + size <= in.size; i++)
		if (memcmp(in.data + i, text, size) == 0)
			return true;
	return false;
}

/* --- finding the two volumes ----------------------------------------------------------------- */

/* Each part of the image that may hold the volumes; filled as they are found. */
struct search {
	struct firmware *firmware;
	bool has_pei, has_dxe;
	struct ffs_volume pei, dxe;
};

static int search_volume(struct search *search, const struct ffs_volume *volume, unsigned depth,
			 struct error *err);

static int unpack_lzma(struct search *search, const struct section *section, const char *source,
		       struct error *err)
{
	const struct decompressor_options options = { .compression = COMPRESSION_LZMA,
						      .source = source,
						      .base = section->offset,
						      .output_max = FIRMWARE_SIZE_MAX,
						      .first_stream_only = true };
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
	struct buf *out = &search->firmware->unpacked;
	struct bytes block;
	int got;

	if (decompressor_open_bytes(&options, section->bytes, &decompressor, err) < 0)
		return -1;
	while ((got = decompressor_next(decompressor, &block, err)) > 0)
		buf_append(out, block);
	if (got < 0)
		return -1;
	return buf_finish(out, err);
}

/* Sections of a volume image file: volumes as they are, or packed once with LZMA. Offsets in what was
 * unpacked are offsets in the unpacked stream, and its source says so. */
static int search_sections(struct search *search, struct bytes run, uint64_t offset,
			   const char *source, unsigned depth, struct error *err)
{
	size_t at = 0;
	struct section section;
	struct ffs_volume volume;
	int got;

	while ((got = section_next(run, offset, source, &at, &section, err)) > 0) {
		if (section.type == SECTION_FIRMWARE_VOLUME_IMAGE) {
			if (ffs_open(section.bytes, section.offset, source, &volume, err) < 0 ||
			    search_volume(search, &volume, depth + 1, err) < 0)
				return -1;
		} else if (section.type == SECTION_GUID_DEFINED &&
			   guid_equal(&section.guid, &guid_lzma) &&
			   search->firmware->unpacked.size == 0) {
			if (unpack_lzma(search, &section, source, err) < 0 ||
			    search_sections(search, buf_bytes(&search->firmware->unpacked), 0,
					    source, depth + 1, err) < 0)
				return -1;
		}
	}
	return got;
}

static int search_volume(struct search *search, const struct ffs_volume *volume, unsigned depth,
			 struct error *err)
{
	size_t at = volume->files_at;
	struct ffs_file file;
	int got;

	if (depth > FIRMWARE_DEPTH_MAX)
		return error_set(err, ERROR_LIMIT, volume->source, volume->offset,
				 "firmware volumes nested deeper than %d", FIRMWARE_DEPTH_MAX);
	while ((got = ffs_next(volume, &at, &file, err)) > 0) {
		if (file.type == FFS_PEI_CORE && !search->has_pei) {
			search->has_pei = true;
			search->pei = *volume;
		} else if (file.type == FFS_DXE_CORE && !search->has_dxe) {
			search->has_dxe = true;
			search->dxe = *volume;
		} else if (file.type == FFS_FIRMWARE_VOLUME_IMAGE) {
			if (search_sections(search, file.bytes, file.offset, volume->source, depth,
					    err) < 0)
				return -1;
		}
	}
	return got;
}

/* Volumes begin on 4 KiB boundaries, one behind the other; gaps are free space. */
static int search_image(struct search *search, struct bytes image, const char *source,
			struct error *err)
{
	struct ffs_volume volume;
	size_t at = 0;

	while (at < image.size) {
		struct bytes rest = bytes_of(image.data + at, image.size - at);

		if (!ffs_detect(rest)) {
			at += 4096;
			continue;
		}
		if (ffs_open(rest, at, source, &volume, err) < 0 ||
		    search_volume(search, &volume, 0, err) < 0)
			return -1;
		at += (volume.bytes.size + 4095) & ~(size_t)4095;
	}
	if (!search->has_pei || !search->has_dxe)
		return error_set(err, ERROR_UNSUPPORTED, source, ERROR_NO_OFFSET,
				 "no %s volume: this is no code image of OVMF",
				 search->has_pei ? "DXE" : "PEI");
	return 0;
}

/* --- what the modules say -------------------------------------------------------------------- */

/* Address the PEI volume is linked for: the image base of the PEI core, less its place. */
static int read_base(const struct ffs_volume *pei, uint64_t *base, struct error *err)
{
	struct section section = { 0 };
	struct ffs_file file;
	struct pei_image image;
	size_t at = pei->files_at;
	int got;

	while ((got = ffs_next(pei, &at, &file, err)) > 0)
		if (file.type == FFS_PEI_CORE)
			break;
	if (got > 0)
		got = section_find(pei, &file, SECTION_PE32, &section, err);
	if (got < 0)
		return -1;
	if (got == 0)
		return error_set(err, ERROR_UNSUPPORTED, pei->source, pei->offset,
				 "the PEI core is no PE32 image");
	if (pei_image_parse(section.bytes, section.offset, pei->source, &image, err) < 0)
		return -1;
	if (image.base < file.at + section.at)
		return error_set(err, ERROR_MALFORMED, pei->source, section.offset,
				 "the PEI core is linked for 0x%" PRIx64 ", before its own volume",
				 image.base);
	*base = image.base - file.at - section.at;
	return 0;
}

static bool utf16_printable(const uint8_t *at)
{
	return at[1] == 0 && at[0] >= 0x20 && at[0] < 0x7f;
}

/*
 * PcdFirmwareVersionString is a constant of Tcg2Pei, and the only text in UTF-16 there, of four
 * characters or more; without one it is the empty string. Two are ambiguous.
 */
static void find_version(struct bytes code, struct firmware *firmware)
{
	size_t found = 0;

	for (size_t at = 0; at + 2 <= code.size;) {
		size_t end = at;

		while (end + 2 <= code.size && utf16_printable(code.data + end))
			end += 2;
		if (end - at >= 8 && end + 2 <= code.size && code.data[end] == 0 &&
		    code.data[end + 1] == 0 && end - at <= sizeof(firmware->version.utf16)) {
			if (found == 0) {
				firmware->version.size = end - at;
				memcpy(firmware->version.utf16, code.data + at, end - at);
			}
			found++;
		}
		at = end > at ? end : at + 1;
	}
	firmware->version_known = found <= 1;
}

static int read_version(const struct ffs_volume *pei, struct firmware *firmware, struct error *err)
{
	struct ffs_file file;
	struct section section;
	int got = ffs_find(pei, &guid_tcg2_pei, &file, err);

	if (got > 0)
		got = section_find(pei, &file, SECTION_PE32, &section, err);
	if (got > 0)
		find_version(section.bytes, firmware);
	else if (got == 0)
		return error_set(err, ERROR_UNSUPPORTED, pei->source, pei->offset,
				 "no Tcg2Pei in the PEI volume: this firmware measures nothing");
	return got < 0 ? -1 : 0;
}

static int read_app(const struct ffs_volume *dxe, const struct ffs_file *file,
		    struct firmware_app *app, struct error *err)
{
	struct section section;
	int got = section_find(dxe, file, SECTION_USER_INTERFACE, &section, err);

	app->present = true;
	app->file = file->name;
	if (got <= 0)
		return got;
	for (size_t at = 0; at + 2 <= section.bytes.size; at += 2) {
		if (section.bytes.data[at] == 0 && section.bytes.data[at + 1] == 0)
			break;
		if (at + 2 > sizeof(app->name.utf16))
			return error_set(err, ERROR_LIMIT, dxe->source, section.offset,
					 "a module's name of more than %d characters",
					 FIRMWARE_TEXT_MAX);
		memcpy(app->name.utf16 + at, section.bytes.data + at, 2);
		app->name.size = at + 2;
	}
	return 0;
}

static int read_dxe(const struct ffs_volume *dxe, struct firmware *firmware, struct error *err)
{
	size_t at = dxe->files_at;
	struct ffs_file file;
	int got;

	while ((got = ffs_next(dxe, &at, &file, err)) > 0) {
		firmware->smm |= file.type == FFS_SMM_CORE;
		firmware->secure_boot |= guid_equal(&file.name, &guid_secure_boot_config);
		firmware->measures_smbios |= guid_equal(&file.name, &guid_smbios_measurement);
		/* The text of its events, a constant of the driver that makes them. */
		firmware->measures_acpi |= guid_equal(&file.name, &guid_acpi_platform) &&
					   bytes_have_text(file.bytes, "ACPI DATA");
		if (guid_equal(&file.name, &guid_ui_app) &&
		    read_app(dxe, &file, &firmware->ui, err) < 0)
			return -1;
		if (guid_equal(&file.name, &guid_shell) &&
		    read_app(dxe, &file, &firmware->shell, err) < 0)
			return -1;
	}
	return got;
}

static struct firmware_volume measured(const struct ffs_volume *volume, uint64_t base)
{
	return (struct firmware_volume){ .bytes = volume->bytes,
					 .base = base,
					 .has_name = volume->has_name,
					 .name = volume->name };
}

int firmware_open(struct bytes image, const char *source, struct firmware *out, struct error *err)
{
	AUTO(firmware_clear) struct firmware firmware = { .source = source };
	struct search search = { .firmware = &firmware };
	uint64_t base = 0;

	if (image.size > FIRMWARE_SIZE_MAX)
		return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
				 "a firmware image of %zu bytes, at most %u", image.size,
				 FIRMWARE_SIZE_MAX);
	if (search_image(&search, image, source, err) < 0 ||
	    read_base(&search.pei, &base, err) < 0 ||
	    read_version(&search.pei, &firmware, err) < 0 ||
	    read_dxe(&search.dxe, &firmware, err) < 0)
		return -1;
	firmware.pei = measured(&search.pei, base);
	/* OVMF's memory map puts the DXE volume right behind the PEI volume. */
	firmware.dxe = measured(&search.dxe, base + search.pei.bytes.size);
	*out = firmware;
	firmware = (struct firmware){ 0 };
	return 0;
}

void firmware_clear(struct firmware *firmware)
{
	buf_clear(&firmware->unpacked);
	*firmware = (struct firmware){ 0 };
}
