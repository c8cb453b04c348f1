/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "core/reader.h"
#include "refgen/secureboot/secureboot.h"

#define LIST_HEADER_SIZE 28
#define OWNER_SIZE       16

const struct guid guid_cert_x509 =
	GUID(0xa5c059a1, 0x94e4, 0x4aa7, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72);
const struct guid guid_cert_sha1 =
	GUID(0x826ca512, 0xcf10, 0x4ac9, 0xb1, 0x87, 0xbe, 0x01, 0x49, 0x66, 0x31, 0xbd);
const struct guid guid_cert_sha256 =
	GUID(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28);
const struct guid guid_cert_sha384 =
	GUID(0xff3e5307, 0x9fd0, 0x48c9, 0x85, 0xf1, 0x8a, 0xd5, 0x6c, 0x70, 0x1e, 0x01);
const struct guid guid_cert_sha512 =
	GUID(0x093e0fae, 0xa6c4, 0x4f50, 0x9f, 0x1b, 0xd4, 0x1e, 0x2b, 0x89, 0xc1, 0x9a);
const struct guid guid_cert_x509_sha256 =
	GUID(0x3bd2a492, 0x96c0, 0x4079, 0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03, 0xed);
const struct guid guid_cert_x509_sha384 =
	GUID(0x7076876e, 0x80c2, 0x4ee6, 0xaa, 0xd2, 0x28, 0xb3, 0x49, 0xa6, 0x86, 0x5b);
const struct guid guid_cert_x509_sha512 =
	GUID(0x446dbf63, 0x2502, 0x4cda, 0xbc, 0xfa, 0x24, 0x65, 0xd2, 0xb0, 0xfe, 0x9d);

struct signature_reader signature_reader_of(struct bytes database, const char *source)
{
	return (struct signature_reader){ .database = database, .source = source };
}

/* The next list's header: 1, 0 at the end, -1. */
static int next_list(struct signature_reader *reader, struct error *err)
{
	size_t at = reader->next_list;
	struct reader in = reader_of(reader->database, 0, reader->source);
	struct bytes type;
	uint32_t list_size, header_size, size;

	if (at == reader->database.size)
		return 0;
	in.pos = at;
	type = reader_bytes(&in, sizeof(reader->current.type.bytes));
	list_size = reader_le32(&in);
	header_size = reader_le32(&in);
	size = reader_le32(&in);
	if (reader_check(&in, err) < 0)
		return -1;
	if (list_size < LIST_HEADER_SIZE || list_size > reader->database.size - at)
		return error_set(err, ERROR_MALFORMED, reader->source, at + 16,
				 "UEFI 32.4.1: a signature list of %" PRIu32
				 " bytes where %zu are left",
				 list_size, reader->database.size - at);
	if (header_size > list_size - LIST_HEADER_SIZE)
		return error_set(err, ERROR_MALFORMED, reader->source, at + 20,
				 "UEFI 32.4.1: a signature header of %" PRIu32
				 " bytes in a list of %" PRIu32,
				 header_size, list_size);
	if (size < OWNER_SIZE || (list_size - LIST_HEADER_SIZE - header_size) % size)
		return error_set(err, ERROR_MALFORMED, reader->source, at + 24,
				 "UEFI 32.4.1: signatures of %" PRIu32
				 " bytes do not fill %" PRIu32,
				 size, list_size - LIST_HEADER_SIZE - header_size);
	memcpy(reader->current.type.bytes, type.data, type.size);
	reader->current.list += reader->began;
	reader->current.index = 0;
	reader->began = true;
	reader->next = at + LIST_HEADER_SIZE + header_size;
	reader->end = reader->next_list = at + list_size;
	reader->size = size;
	return 1;
}

int signature_next(struct signature_reader *reader, struct signature_entry *out, struct error *err)
{
	const uint8_t *at;

	while (reader->next == reader->end) {
		int result = next_list(reader, err);

		if (result <= 0)
			return result;
	}
	at = reader->database.data + reader->next;
	*out = reader->current;
	out->offset = reader->next;
	out->whole = bytes_of(at, reader->size);
	out->owner = bytes_of(at, OWNER_SIZE);
	out->data = bytes_of(at + OWNER_SIZE, reader->size - OWNER_SIZE);
	reader->next += reader->size;
	reader->current.index++;
	return 1;
}

void signature_list_append(struct buf *out, const struct guid *type, const struct guid *owner,
			   struct bytes data)
{
	uint32_t size = (uint32_t)(OWNER_SIZE + data.size);

	buf_append(out, bytes_of(type->bytes, sizeof(type->bytes)));
	buf_append_le32(out, LIST_HEADER_SIZE + size);
	buf_append_le32(out, 0);
	buf_append_le32(out, size);
	buf_append(out, bytes_of(owner->bytes, sizeof(owner->bytes)));
	buf_append(out, data);
}

/* The list type of an image digest; NULL: there is none. */
static const struct guid *digest_type(enum alg alg)
{
	switch ((int)alg) {
	case ALG_SHA1:
		return &guid_cert_sha1;
	case ALG_SHA256:
		return &guid_cert_sha256;
	case ALG_SHA384:
		return &guid_cert_sha384;
	case ALG_SHA512:
		return &guid_cert_sha512;
	}
	return NULL;
}

int secureboot_find_digest(struct bytes database, const char *source, const struct digest *digest,
			   struct signature_entry *out, struct error *err)
{
	struct signature_reader reader = signature_reader_of(database, source);
	const struct guid *type = digest_type(digest->alg);
	struct signature_entry entry;
	int result;

	while ((result = signature_next(&reader, &entry, err)) > 0)
		if (type && guid_equal(&entry.type, type) &&
		    bytes_equal(entry.data, digest_bytes(digest))) {
			*out = entry;
			return 1;
		}
	return result;
}
