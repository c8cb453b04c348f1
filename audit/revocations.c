/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/revocations.h"

#include <stdio.h>

#include "core/array.h"
#include "core/crypto_x509.h"
#include "core/file.h"
#include "replay/eventlog/eventlog.h"

/* The UEFI Forum's list has some hundred digests. */
#define REVOCATIONS_MAX  1000000
/* Each is tried on each signature: lists have a handful. */
#define CERTIFICATES_MAX 1000
/* shim's own level names seven components. */
#define MINIMUMS_MAX     1000

/* EFI_TIME, then a WIN_CERTIFICATE of type WIN_CERT_TYPE_EFI_GUID and revision 2.0. */
#define TIME_SIZE      16
#define CERT_REVISION  0x0200
#define CERT_TYPE_GUID 0x0ef1

/* Of an efivarfs file: non-volatile, boot services, runtime; with authentication, appending. */
#define ATTRIBUTES_SIZE 4
#define ATTRIBUTES_MAX  0xff

static int by_digest(const void *one, const void *other)
{
	const struct digest *a = &((const struct revocation *)one)->digest;
	const struct digest *b = &((const struct revocation *)other)->digest;

	if (a->alg != b->alg)
		return a->alg < b->alg ? -1 : 1;
	return bytes_compare(digest_bytes(a), digest_bytes(b));
}

/* --- a dbx ------------------------------------------------------------------------------------------ */

/* How many bytes come before the lists: attributes, a descriptor, or none. */
static uint64_t lists_offset(struct bytes file)
{
	struct reader in = reader_of(file, 0, "");
	uint16_t revision, type;
	uint32_t size;

	if (file.size >= ATTRIBUTES_SIZE + sizeof(struct efi_guid) && file.data[0] &&
	    bytes_all(bytes_of(file.data + 1, ATTRIBUTES_SIZE - 1), 0)) {
		struct efi_guid guid;

		memcpy(guid.bytes, file.data + ATTRIBUTES_SIZE, sizeof(guid.bytes));
		if (efi_guid_name(&guid))
			return ATTRIBUTES_SIZE;
	}
	reader_skip(&in, TIME_SIZE);
	size = reader_le32(&in);
	revision = reader_le16(&in);
	type = reader_le16(&in);
	if (in.ran_out || revision != CERT_REVISION || type != CERT_TYPE_GUID ||
	    size > file.size - TIME_SIZE)
		return 0;
	return (uint64_t)TIME_SIZE + size;
}

/* The EFI_TIME behind a certificate's digest. All zeros: revoked whenever it signed. */
static void read_time(struct bytes bytes, struct revocation *out)
{
	struct reader in = reader_of(bytes, 0, "");
	unsigned year = reader_le16(&in), part[5];

	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		part[i] = reader_u8(&in);
	out->has_time = !bytes_all(bytes, 0);
	if (out->has_time)
		snprintf(out->time, sizeof(out->time), "%04u-%02u-%02u %02u:%02u:%02u", year,
			 part[0], part[1], part[2], part[3], part[4]);
}

/* What an entry revokes: false for what nobody knows. */
static bool read_entry(const struct efi_signature *entry, struct revocation *out,
		       bool *is_certificate)
{
	static const char of_certificate[] = "x509_";
	const char *name = efi_guid_name(&entry->type);
	enum alg alg;

	*is_certificate = false;
	if (!name)
		return false;
	if (strcmp(name, "x509") == 0) {
		*is_certificate = true;
		out->certificate = entry->data;
		return true;
	}
	if (strncmp(name, of_certificate, sizeof(of_certificate) - 1) == 0) {
		*is_certificate = true;
		alg = alg_of_name(bytes_of_string(name + sizeof(of_certificate) - 1));
		if (alg == ALG_NONE || entry->data.size != alg_size(alg) + TIME_SIZE)
			return false;
		read_time(bytes_of(entry->data.data + alg_size(alg), TIME_SIZE), out);
		return digest_init(&out->digest, alg, bytes_of(entry->data.data, alg_size(alg)));
	}
	alg = alg_of_name(bytes_of_string(name));
	return alg != ALG_NONE && digest_init(&out->digest, alg, entry->data);
}

static int add_certificate(struct revocations *list, struct revocation *made, struct error *err)
{
	if (list->n_certificates == CERTIFICATES_MAX)
		return error_set(err, ERROR_LIMIT, made->path, made->offset,
				 "more than %d revoked certificates", CERTIFICATES_MAX);
	if (array_room(&list->certificates, list->n_certificates, &list->certificates_capacity,
		       sizeof(*list->certificates), made->path, err) < 0)
		return -1;
	made->certificate = arena_copy(&list->arena, made->certificate);
	if (list->arena.failed)
		return error_memory(err, made->path);
	list->certificates[list->n_certificates++] = *made;
	return 0;
}

static int add_digest(struct revocations *list, const struct revocation *made, struct error *err)
{
	if (list->n_digests == REVOCATIONS_MAX)
		return error_set(err, ERROR_LIMIT, made->path, made->offset,
				 "more than %d revoked digests", REVOCATIONS_MAX);
	if (array_room(&list->digests, list->n_digests, &list->digests_capacity,
		       sizeof(*list->digests), made->path, err) < 0)
		return -1;
	list->digests[list->n_digests++] = *made;
	return 0;
}

static int add(struct revocations *list, const struct efi_signature *entry, const char *path,
	       struct error *err)
{
	struct revocation made = { .path = path, .offset = entry->data_offset };
	bool is_certificate;

	made.digest.alg = ALG_NONE;
	if (!read_entry(entry, &made, &is_certificate)) {
		list->n_others++;
		return 0;
	}
	return is_certificate ? add_certificate(list, &made, err) : add_digest(list, &made, err);
}

static int parse_lists(struct bytes file, const char *path, struct revocations *list,
		       struct error *err)
{
	size_t n_before = list->n_digests + list->n_certificates + list->n_others;
	uint64_t offset = lists_offset(file);
	struct efi_signature_cursor cursor =
		efi_signatures(bytes_of(file.data + offset, file.size - (size_t)offset), offset,
			       path);
	struct efi_signature entry;
	int more;

	while ((more = efi_signature_next(&cursor, &entry, err)) > 0)
		if (add(list, &entry, path, err) < 0)
			return -1;
	if (more < 0)
		return -1;
	if (list->n_digests + list->n_certificates + list->n_others == n_before)
		return error_set(err, ERROR_MALFORMED, path, 0,
				 "UEFI 32.4.1: no signature list in a revocation list");
	if (list->n_digests)
		qsort(list->digests, list->n_digests, sizeof(*list->digests), by_digest);
	return 0;
}

/* --- an SBAT level ---------------------------------------------------------------------------------- */

static const char level_start[] = "sbat,";

/* Where the text begins, or SIZE_MAX: it is no level. */
static size_t level_offset(struct bytes file)
{
	struct bytes start = bytes_of_string(level_start);

	if (bytes_start_with(file, start))
		return 0;
	if (file.size > ATTRIBUTES_SIZE && file.data[0] &&
	    bytes_all(bytes_of(file.data + 1, ATTRIBUTES_SIZE - 1), 0) &&
	    bytes_start_with(bytes_of(file.data + ATTRIBUTES_SIZE, file.size - ATTRIBUTES_SIZE),
			     start))
		return ATTRIBUTES_SIZE;
	return SIZE_MAX;
}

/* The next field of a line, which goes on after its comma. */
static struct bytes next_field(struct bytes *line)
{
	const uint8_t *comma = line->size ? memchr(line->data, ',', line->size) : NULL;
	struct bytes field =
		bytes_of(line->data, comma ? (size_t)(comma - line->data) : line->size);
	size_t used = field.size + (comma != NULL);

	*line = bytes_of(line->data + used, line->size - used);
	return field;
}

static bool generation_of(struct bytes field, uint16_t *out)
{
	uint32_t value = 0;

	if (field.size == 0 || field.size > 5)
		return false;
	for (size_t i = 0; i < field.size; i++) {
		if (field.data[i] < '0' || field.data[i] > '9')
			return false;
		value = value * 10 + (field.data[i] - '0');
	}
	*out = (uint16_t)value;
	return value > 0 && value <= UINT16_MAX;
}

static int add_minimum(struct revocations *list, const struct sbat_minimum *made, struct error *err)
{
	for (size_t i = 0; i < list->n_minimums; i++)
		if (bytes_equal(list->minimums[i].component, made->component)) {
			struct bytes component = list->minimums[i].component;

			if (made->generation > list->minimums[i].generation) {
				list->minimums[i] = *made;
				list->minimums[i].component = component;
			}
			return 0;
		}
	if (list->n_minimums == MINIMUMS_MAX)
		return error_set(err, ERROR_LIMIT, made->path, made->offset,
				 "more than %d SBAT components", MINIMUMS_MAX);
	if (array_room(&list->minimums, list->n_minimums, &list->minimums_capacity,
		       sizeof(*list->minimums), made->path, err) < 0)
		return -1;
	list->minimums[list->n_minimums] = *made;
	list->minimums[list->n_minimums].component = arena_copy(&list->arena, made->component);
	if (list->arena.failed)
		return error_memory(err, made->path);
	list->n_minimums++;
	return 0;
}

/* The newest date is what the levels are called by. */
static int note_date(struct revocations *list, struct bytes date, const char *path,
		     struct error *err)
{
	if (bytes_compare(date, list->sbat_date) <= 0)
		return 0;
	list->sbat_date = arena_copy(&list->arena, date);
	return list->arena.failed ? error_memory(err, path) : 0;
}

static int parse_level(struct bytes file, size_t at, const char *path, struct revocations *list,
		       struct error *err)
{
	bool is_first = true;

	while (file.size > at && file.data[file.size - 1] == 0) /* as shim keeps it */
		file.size--;
	while (at < file.size) {
		const uint8_t *end = memchr(file.data + at, '\n', file.size - at);
		size_t size = end ? (size_t)(end - file.data) - at : file.size - at;
		struct bytes line = bytes_of(file.data + at, size);
		struct sbat_minimum made = { .path = path, .offset = at };

		at += size + (end != NULL);
		if (line.size && line.data[line.size - 1] == '\r')
			line.size--;
		if (line.size == 0)
			continue;
		made.component = next_field(&line);
		if (made.component.size == 0 || !generation_of(next_field(&line), &made.generation))
			return error_set(err, ERROR_MALFORMED, path, made.offset,
					 "SBAT level: a line that is not \"component,generation\", "
					 "the generation from 1 to %d",
					 UINT16_MAX);
		if ((is_first && note_date(list, next_field(&line), path, err) < 0) ||
		    add_minimum(list, &made, err) < 0)
			return -1;
		is_first = false;
	}
	return 0;
}

/* --- both ------------------------------------------------------------------------------------------- */

int revocations_parse(struct bytes file, const char *path, struct revocations *out,
		      struct error *err)
{
	size_t level = level_offset(file);

	return level == SIZE_MAX ? parse_lists(file, path, out, err)
				 : parse_level(file, level, path, out, err);
}

int revocations_read(const char *path, struct revocations *out, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;

	if (file_open(path, &file, err) < 0)
		return -1;
	return revocations_parse(file_bytes(file), path, out, err);
}

const struct revocation *revocations_find(const struct revocations *revocations,
					  const struct digest *digest)
{
	const struct revocation wanted = { .digest = *digest };

	if (!revocations->n_digests)
		return NULL;
	return bsearch(&wanted, revocations->digests, revocations->n_digests,
		       sizeof(*revocations->digests), by_digest);
}

int revocations_find_certificate(const struct revocations *revocations, struct bytes der,
				 struct hasher *hasher, const struct revocation **out,
				 struct error *err)
{
	AUTO(buf_clear) struct buf tbs = BUF_INIT;
	bool is_certificate = x509_tbs_append(&tbs, der);

	*out = NULL;
	if (tbs.failed)
		return error_memory(err, NULL);
	for (size_t i = 0; i < revocations->n_certificates && is_certificate; i++) {
		const struct revocation *entry = &revocations->certificates[i];
		struct digest digest;

		if (entry->certificate.size && bytes_equal(entry->certificate, der)) {
			*out = entry;
			return 0;
		}
		if (entry->certificate.size)
			continue;
		if (hasher_digest_bytes(hasher, entry->digest.alg, buf_bytes(&tbs), &digest, err) <
		    0)
			return -1;
		if (digest_equal(&digest, &entry->digest)) {
			*out = entry;
			return 0;
		}
	}
	return 0;
}

const struct sbat_minimum *revocations_minimum(const struct revocations *revocations,
					       struct bytes component)
{
	for (size_t i = 0; i < revocations->n_minimums; i++)
		if (bytes_equal(revocations->minimums[i].component, component))
			return &revocations->minimums[i];
	return NULL;
}

void revocations_clear(struct revocations *revocations)
{
	free(revocations->digests);
	free(revocations->certificates);
	free(revocations->minimums);
	arena_clear(&revocations->arena);
	*revocations = (struct revocations){ 0 };
}
