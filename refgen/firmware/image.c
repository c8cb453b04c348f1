/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/firmware/internal.h"

/* PE/COFF 8.3: the DOS header's e_lfanew, the signature, the machine, the optional header's base. */
int pei_image_parse(struct bytes bytes, uint64_t offset, const char *source, struct pei_image *out,
		    struct error *err)
{
	struct reader in = reader_of(bytes, offset, source);
	struct pei_image image = { 0 };
	uint32_t pe_at;
	uint16_t magic;

	if (reader_le16(&in) != 0x5a4d) /* "MZ" */
		return error_set(err, ERROR_UNSUPPORTED, source, offset,
				 "a module that does not begin as PE/COFF does");
	reader_skip(&in, 58);
	pe_at = reader_le32(&in);
	in = reader_of(bytes, offset, source);
	reader_skip(&in, pe_at);
	if (reader_le32(&in) != 0x4550) /* "PE" */
		return error_set(err, ERROR_MALFORMED, source, offset + pe_at,
				 "PE/COFF: no signature where the DOS header says");
	reader_skip(&in, 20); /* the COFF header */
	magic = reader_le16(&in);
	reader_skip(&in, magic == 0x20b ? 22 : 26);
	image.base = magic == 0x20b ? reader_le64(&in) : reader_le32(&in);
	if (reader_check(&in, err) < 0)
		return -1;
	if (magic != 0x10b && magic != 0x20b)
		return error_set(err, ERROR_MALFORMED, source, offset + pe_at + 24,
				 "PE/COFF: optional header of kind 0x%x", magic);
	*out = image;
	return 0;
}
