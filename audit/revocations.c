/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/revocations.h"

#include "core/file.h"
#include "replay/eventlog/eventlog.h"

/* The UEFI Forum's list has some hundred digests. */
#define REVOCATIONS_MAX 1000000

/* EFI_TIME, then a WIN_CERTIFICATE of type WIN_CERT_TYPE_EFI_GUID and revision 2.0. */
#define TIME_SIZE      16
#define CERT_REVISION  0x0200
#define CERT_TYPE_GUID 0x0ef1

static int by_digest(const void *one, const void *other)
{
	const struct digest *a = one, *b = other;

	if (a->alg != b->alg)
		return a->alg < b->alg ? -1 : 1;
	return bytes_compare(digest_bytes(a), digest_bytes(b));
}

/* How many bytes come before the lists. */
static uint64_t descriptor_size(struct bytes file)
{
	struct reader in = reader_of(file, 0, "");
	uint16_t revision, type;
	uint32_t size;

	reader_skip(&in, TIME_SIZE);
	size = reader_le32(&in);
	revision = reader_le16(&in);
	type = reader_le16(&in);
	if (in.ran_out || revision != CERT_REVISION || type != CERT_TYPE_GUID ||
	    size > file.size - TIME_SIZE)
		return 0;
	return (uint64_t)TIME_SIZE + size;
}

/* The algorithm of a list of digests, by its type's name. */
static enum alg alg_of_type(const struct efi_guid *type)
{
	const char *name = efi_guid_name(type);

	return name ? alg_of_name(bytes_of_string(name)) : ALG_NONE;
}

static int add(struct revocations *list, size_t *capacity, const struct efi_signature *entry,
	       const char *path, struct error *err)
{
	enum alg alg = alg_of_type(&entry->type);
	struct digest digest;

	if (alg == ALG_NONE || !digest_init(&digest, alg, entry->data)) {
		list->n_others++;
		return 0;
	}
	if (list->n_digests == REVOCATIONS_MAX)
		return error_set(err, ERROR_LIMIT, path, entry->data_offset,
				 "more than %d revoked digests", REVOCATIONS_MAX);
	if (list->n_digests == *capacity) {
		size_t larger_capacity = *capacity ? 2 * *capacity : 256;
		struct digest *larger = realloc(list->digests, larger_capacity * sizeof(*larger));

		if (!larger)
			return error_memory(err, path);
		list->digests = larger;
		*capacity = larger_capacity;
	}
	list->digests[list->n_digests++] = digest;
	return 0;
}

int revocations_read(const char *path, struct revocations *out, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;
	AUTO(revocations_clear) struct revocations list = { 0 };
	struct efi_signature_cursor cursor;
	struct efi_signature entry;
	size_t capacity = 0;
	struct bytes bytes;
	uint64_t offset;
	int more;

	if (file_open(path, &file, err) < 0)
		return -1;
	bytes = file_bytes(file);
	offset = descriptor_size(bytes);
	cursor = efi_signatures(bytes_of(bytes.data + offset, bytes.size - (size_t)offset), offset,
				file_name(file));
	while ((more = efi_signature_next(&cursor, &entry, err)) > 0)
		if (add(&list, &capacity, &entry, path, err) < 0)
			return -1;
	if (more < 0)
		return -1;
	if (!list.n_digests && !list.n_others)
		return error_set(err, ERROR_MALFORMED, path, 0,
				 "UEFI 32.4.1: no signature list in a revocation list");
	if (list.n_digests)
		qsort(list.digests, list.n_digests, sizeof(*list.digests), by_digest);
	*out = list;
	list = (struct revocations){ 0 };
	return 0;
}

bool revocations_have(const struct revocations *revocations, const struct digest *digest)
{
	return revocations->n_digests &&
	       bsearch(digest, revocations->digests, revocations->n_digests,
		       sizeof(*revocations->digests), by_digest);
}

void revocations_clear(struct revocations *revocations)
{
	free(revocations->digests);
	*revocations = (struct revocations){ 0 };
}
