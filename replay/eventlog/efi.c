/* SPDX-License-Identifier: BSD-2-Clause */
/* What UEFI variables hold: GUIDs, signature lists, load options, and its UTF-16. */
#include <inttypes.h>

#include "replay/eventlog/internal.h"

bool utf16_equal(struct bytes utf16, const char *ascii)
{
	size_t n = strlen(ascii);

	if (utf16.size != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (utf16.data[2 * i] != (uint8_t)ascii[i] || utf16.data[2 * i + 1] != 0)
			return false;
	return true;
}

struct bytes utf16_trim(struct bytes utf16)
{
	utf16.size &= ~(size_t)1;
	while (utf16.size && !utf16.data[utf16.size - 1] && !utf16.data[utf16.size - 2])
		utf16.size -= 2;
	return utf16;
}

struct bytes utf16_until_nul(struct bytes utf16)
{
	utf16.size &= ~(size_t)1;
	for (size_t i = 0; i < utf16.size; i += 2)
		if (!utf16.data[i] && !utf16.data[i + 1])
			return bytes_of(utf16.data, i);
	return utf16;
}

struct bytes nul_trim(struct bytes bytes)
{
	while (bytes.size && !bytes.data[bytes.size - 1])
		bytes.size--;
	return bytes;
}

/* --- GUIDs -------------------------------------------------------------------------------------- */

struct efi_guid efi_guid_read(struct reader *in)
{
	const uint8_t *at = reader_take(in, sizeof(struct efi_guid));
	struct efi_guid guid = { { 0 } };

	if (at)
		memcpy(guid.bytes, at, sizeof(guid.bytes));
	return guid;
}

char *efi_guid_text(const struct efi_guid *guid, char out[EFI_GUID_TEXT])
{
	/* The first three fields are little-endian (UEFI, appendix A). */
	static const uint8_t order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	char *at = out;

	for (size_t i = 0; i < sizeof(order); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		hex_write(at, bytes_of(&guid->bytes[order[i]], 1));
		at += 2;
	}
	return out;
}

static const struct guid_name {
	const char *guid, *name;
} guid_names[] = {
  /* Vendors of variables */
	{"8be4df61-93ca-11d2-aa0d-00e098032b8c",  "EFI_GLOBAL_VARIABLE"        },
	{ "d719b2cb-3d3a-4596-a3bc-dad00e67656f", "EFI_IMAGE_SECURITY_DATABASE"},
	{ "605dab50-e046-4300-abb6-3dd810dd8b23", "shim"                       },
	{ "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "systemd"                    },
 /* Types of signatures (UEFI 32.4.1) */
	{ "c1c41626-504c-4092-aca9-41f936934328", "sha256"                     },
	{ "3c5766e8-269c-4e34-aa14-ed776e85b3b6", "rsa2048"                    },
	{ "e2b36190-879b-4a3d-ad8d-f2e7bba32784", "rsa2048_sha256"             },
	{ "826ca512-cf10-4ac9-b187-be01496631bd", "sha1"                       },
	{ "67f8444f-8743-48f1-a328-1eaab8736080", "rsa2048_sha1"               },
	{ "a5c059a1-94e4-4aa7-87b5-ab155c2bf072", "x509"                       },
	{ "0b6e5233-a65c-44c9-9407-d9ab83bfc8bd", "sha224"                     },
	{ "ff3e5307-9fd0-48c9-85f1-8ad56c701e01", "sha384"                     },
	{ "093e0fae-a6c4-4f50-9f1b-d41e2b89c19a", "sha512"                     },
	{ "3bd2a492-96c0-4079-b420-fcf98ef103ed", "x509_sha256"                },
	{ "7076876e-80c2-4ee6-aad2-28b349a6865b", "x509_sha384"                },
	{ "446dbf63-2502-4cda-bcfa-2465d2b0fe9d", "x509_sha512"                },
 /* Owners of signatures */
	{ "77fa9abd-0359-4d32-bd60-28f4e78f784b", "Microsoft"                  },
 /* Partition types */
	{ "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI system partition"       },
	{ "21686148-6449-6e6f-744e-656564454649", "BIOS boot"                  },
	{ "bc13c2ff-59e6-4262-a352-b275fd6f7172", "extended boot loader"       },
	{ "0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux data"                 },
	{ "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux root (x86-64)"        },
	{ "b921b045-1df0-41c3-af44-4c6f280d3fae", "Linux root (ARM64)"         },
	{ "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap"                 },
	{ "e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux LVM"                  },
	{ "a19d880f-05fc-4d3b-a006-743f0f84911e", "Linux RAID"                 },
	{ "e3c9e316-0b5c-4db8-817d-f92df00215ae", "Microsoft reserved"         },
	{ "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Microsoft basic data"       },
	{ "de94bba4-06d1-4d40-a16a-bfd50179d6ac", "Windows recovery"           },
 /* Configuration tables */
	{ "8868e871-e4f1-11d3-bc22-0080c73c8881", "ACPI 2.0"                   },
	{ "eb9d2d30-2d88-11d3-9a16-0090273fc14d", "ACPI 1.0"                   },
	{ "eb9d2d31-2d88-11d3-9a16-0090273fc14d", "SMBIOS"                     },
	{ "f2fd1544-9794-4a2c-992e-e5bbcf20e394", "SMBIOS 3"                   },
};

const char *efi_guid_name(const struct efi_guid *guid)
{
	char text[EFI_GUID_TEXT];

	efi_guid_text(guid, text);
	for (size_t i = 0; i < ARRAY_SIZE(guid_names); i++)
		if (strcmp(guid_names[i].guid, text) == 0)
			return guid_names[i].name;
	return NULL;
}

/* --- signature lists ---------------------------------------------------------------------------- */

/* SignatureType, SignatureListSize, SignatureHeaderSize, SignatureSize. */
#define SIGNATURE_LIST_HEADER 28

struct efi_signature_cursor efi_signatures(struct bytes data, uint64_t data_offset,
					   const char *source)
{
	return (struct efi_signature_cursor){ .in = reader_of(data, data_offset, source) };
}

/* The header of the next list, whose signatures become cursor->list. */
static int list_open(struct efi_signature_cursor *cursor, struct error *err)
{
	struct reader *in = &cursor->in;
	uint64_t at = reader_offset(in);
	struct efi_guid type = efi_guid_read(in);
	uint32_t list_size = reader_le32(in), header_size = reader_le32(in),
		 signature_size = reader_le32(in);

	if (reader_check(in, err) < 0)
		return -1;
	if (list_size < SIGNATURE_LIST_HEADER || list_size - SIGNATURE_LIST_HEADER < header_size ||
	    list_size - SIGNATURE_LIST_HEADER > reader_left(in))
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "UEFI 32.4.1: a signature list of %" PRIu32
				 " bytes with a header of %" PRIu32 ", %zu left",
				 list_size, header_size, reader_left(in) + SIGNATURE_LIST_HEADER);
	if (signature_size <= sizeof(struct efi_guid))
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "UEFI 32.4.1: signatures of %" PRIu32 " bytes, at least 17",
				 signature_size);
	if ((list_size - SIGNATURE_LIST_HEADER - header_size) % signature_size)
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "UEFI 32.4.1: a list of %" PRIu32
				 " bytes holds no whole signatures of %" PRIu32,
				 list_size, signature_size);
	reader_skip(in, header_size);
	cursor->type = type;
	cursor->signature_size = signature_size;
	cursor->list = reader_part(in, list_size - SIGNATURE_LIST_HEADER - header_size);
	return 0;
}

int efi_signature_next(struct efi_signature_cursor *cursor, struct efi_signature *out,
		       struct error *err)
{
	while (reader_left(&cursor->list) == 0) {
		if (cursor->in.pos == cursor->in.size)
			return 0;
		if (list_open(cursor, err) < 0)
			return -1;
	}
	out->type = cursor->type;
	out->owner = efi_guid_read(&cursor->list);
	out->data_offset = reader_offset(&cursor->list);
	out->data = reader_bytes(&cursor->list, cursor->signature_size - sizeof(struct efi_guid));
	return 1;
}

/* --- load options ------------------------------------------------------------------------------- */

int load_option_parse(struct bytes data, uint64_t data_offset, const char *source,
		      struct load_option *out, struct error *err)
{
	struct reader in = reader_of(data, data_offset, source);
	struct load_option option = { 0 };
	uint16_t path_size;
	struct bytes rest;
	uint64_t at;

	option.attributes = reader_le32(&in);
	path_size = reader_le16(&in);
	if (reader_check(&in, err) < 0)
		return -1;
	at = reader_offset(&in);
	rest = bytes_of(in.data + in.pos, reader_left(&in));
	option.description = utf16_until_nul(rest);
	if (option.description.size + 2 > rest.size)
		return error_set(err, ERROR_MALFORMED, source, at,
				 "UEFI 3.1.3: a description without its NUL");
	reader_skip(&in, option.description.size + 2);
	option.device_path = reader_bytes(&in, path_size);
	option.optional = reader_bytes(&in, reader_left(&in));
	if (reader_check(&in, err) < 0)
		return -1;
	*out = option;
	return 0;
}
