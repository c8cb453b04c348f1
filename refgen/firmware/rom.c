/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Option ROMs (PCI Firmware 3.2, 5.1; UEFI 2.10, 14.4.2), as EDK II's PciBusDxe walks them
 * (MdeModulePkg/Bus/Pci/PciBusDxe/PciOptionRomSupport.c).
 */
#include <inttypes.h>

#include "refgen/firmware/internal.h"

#define ROM_UNIT          512
#define CODE_TYPE_EFI     3
#define INDICATOR_LAST    0x80
#define EFI_ROM_SIGNATURE 0x0ef1
#define MACHINE_X86_64    0x8664
#define SUBSYSTEM_BOOT    11
#define SUBSYSTEM_RUNTIME 12

/* The image whose header is at the start of rom; false if none is. *last: no other follows. */
struct rom_header {
	bool is_efi; /* that this firmware loads */
	bool last;
	uint32_t image_size; /* bytes until the next image */
	uint32_t init_size;  /* of this image, as its own header says */
	uint16_t subsystem, compression, image_at;
};

static bool read_header(struct bytes rom, struct rom_header *out)
{
	struct reader in = reader_of(rom, 0, NULL), pcir = in;
	struct rom_header header = { 0 };
	uint32_t signature;
	uint16_t machine, pcir_at;
	uint8_t code_type;

	if (reader_le16(&in) != 0xaa55)
		return false;
	header.init_size = reader_le16(&in) * ROM_UNIT;
	signature = reader_le32(&in);
	header.subsystem = reader_le16(&in);
	machine = reader_le16(&in);
	header.compression = reader_le16(&in);
	reader_skip(&in, 8);
	header.image_at = reader_le16(&in);
	pcir_at = reader_le16(&in);

	reader_skip(&pcir, pcir_at);
	if (pcir_at == 0 || reader_le32(&pcir) != 0x52494350) /* "PCIR" */
		return false;
	reader_skip(&pcir, 12); /* vendor to class code */
	header.image_size = reader_le16(&pcir) * ROM_UNIT;
	reader_skip(&pcir, 2);
	code_type = reader_u8(&pcir);
	header.last = reader_u8(&pcir) & INDICATOR_LAST;
	if (in.ran_out || pcir.ran_out || header.image_size == 0)
		return false;
	header.is_efi =
		code_type == CODE_TYPE_EFI && signature == EFI_ROM_SIGNATURE &&
		machine == MACHINE_X86_64 &&
		(header.subsystem == SUBSYSTEM_BOOT || header.subsystem == SUBSYSTEM_RUNTIME);
	*out = header;
	return true;
}

int rom_next(struct bytes rom, const char *source, size_t *at, struct rom_image *out,
	     struct error *err)
{
	struct rom_header header;

	while (*at < rom.size) {
		size_t begin = *at;
		struct bytes rest = bytes_of(rom.data + begin, rom.size - begin);

		if (!read_header(rest, &header)) {
			*at = begin + ROM_UNIT;
			continue;
		}
		*at = header.last || header.image_size >= rest.size ? rom.size
								    : begin + header.image_size;
		if (!header.is_efi)
			continue;
		if (header.init_size > rest.size)
			return error_set(err, ERROR_TRUNCATED, source, begin + 2,
					 "PCI 5.1: a ROM image of %" PRIu32 " bytes, %zu left",
					 header.init_size, rest.size);
		if (header.image_at == 0 || header.image_at >= header.init_size)
			return error_set(err, ERROR_MALFORMED, source, begin + 22,
					 "UEFI 14.4.2: an EFI image at %u of %" PRIu32 " bytes",
					 header.image_at, header.init_size);
		if (header.compression > 1)
			return error_set(err, ERROR_UNSUPPORTED, source, begin + 12,
					 "UEFI 14.4.2: compression of kind %u", header.compression);
		out->subsystem = header.subsystem;
		out->compressed = header.compression == 1;
		out->offset = begin + header.image_at;
		out->bytes = bytes_of(rom.data + out->offset, header.init_size - header.image_at);
		return 1;
	}
	return 0;
}
