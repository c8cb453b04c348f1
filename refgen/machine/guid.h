/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guid: GUIDs as UEFI stores and writes them: the first three fields little endian, the rest bytes.
 *
 * Source: UEFI Specification 2.10, appendix A.
 */
#ifndef REFGEN_MACHINE_GUID_H
#define REFGEN_MACHINE_GUID_H

#include "core/bytes.h"

/* The 16 bytes as they are stored. */
struct guid {
	uint8_t bytes[16];
};

/* GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c) */
#define GUID(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                              \
	{                                                                                          \
		{                                                                                  \
			(uint8_t)((a)&0xff), (uint8_t)((a) >> 8 & 0xff),                           \
				(uint8_t)((a) >> 16 & 0xff), (uint8_t)((a) >> 24 & 0xff),          \
				(uint8_t)((b)&0xff), (uint8_t)((b) >> 8 & 0xff),                   \
				(uint8_t)((c)&0xff), (uint8_t)((c) >> 8 & 0xff), (d0), (d1), (d2), \
				(d3), (d4), (d5), (d6), (d7)                                       \
		}                                                                                  \
	}

extern const struct guid guid_global_variable; /* 8be4df61-...: SecureBoot, PK, KEK, Boot#### */
extern const struct guid guid_image_security;  /* d719b2cb-...: db, dbx, dbt */
extern const struct guid guid_shim;            /* 605dab50-...: MokList, SbatLevel */

static inline bool guid_equal(const struct guid *a, const struct guid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* "8be4df61-93ca-11d2-aa0d-00e098032b8c" with its NUL. Returns out. */
#define GUID_TEXT_SIZE 37
char *guid_text(const struct guid *guid, char out[GUID_TEXT_SIZE]);

/* Hex of either case, with dashes; false, and *out untouched, for anything else. */
bool guid_parse(struct bytes text, struct guid *out);

/* UEFI_VARIABLE_DATA (PFP 1.05, 10.4.2.3), appended: GUID, number of characters of the name, size of
 * the data, name in UTF-16LE without NUL, data. name is UTF-8. */
void guid_append_variable_data(struct buf *out, const struct guid *guid, const char *name,
			       struct bytes data);

#endif
