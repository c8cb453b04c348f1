/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The certificate table (PE, "The Attribute Certificate Table"), walked as EDK II's
 * DxeImageVerificationLib does, and the digest that its signatures are over.
 */
#include <inttypes.h>

#include "refgen/pe/internal.h"

#define CERTIFICATE_HEADER_SIZE 8
#define TYPE_PKCS_SIGNED_DATA   2
#define TYPE_EFI_GUID           0x0ef1
/* More signatures than this are not read: real images have one to four. */
#define SIGNATURES_MAX          64
/* What is hashed may be so many times the file: sections may overlap, but not without end. */
#define OVERLAP_MAX             8

static const uint8_t pkcs7_guid[16] = { 0x9d, 0xd2, 0xaf, 0x4a, 0xdf, 0x68, 0xee, 0x49,
					0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7 };

/*
 * One entry: *signature is its PKCS #7 data, empty if it is of another kind. False where EDK II
 * stops walking.
 */
static bool read_entry(struct reader *in, struct bytes *signature)
{
	size_t left = reader_left(in), size, padding;
	struct reader entry;
	uint16_t type;

	*signature = bytes_of(NULL, 0);
	if (left <= CERTIFICATE_HEADER_SIZE)
		return false;
	entry = *in;
	size = reader_le32(&entry);
	reader_skip(&entry, 2); /* wRevision: EDK II does not look at it */
	type = reader_le16(&entry);
	if (size > left || size < CERTIFICATE_HEADER_SIZE)
		return false;
	entry.size = in->pos + size;
	if (type == TYPE_PKCS_SIGNED_DATA) {
		if (size == CERTIFICATE_HEADER_SIZE)
			return false;
		*signature = reader_bytes(&entry, reader_left(&entry));
	} else if (type == TYPE_EFI_GUID) {
		struct bytes guid;

		if (size <= CERTIFICATE_HEADER_SIZE + sizeof(pkcs7_guid))
			return false;
		guid = reader_bytes(&entry, sizeof(pkcs7_guid));
		if (bytes_equal(guid, bytes_of(pkcs7_guid, sizeof(pkcs7_guid))))
			*signature = reader_bytes(&entry, reader_left(&entry));
	}
	padding = (8 - size % 8) % 8;
	in->pos += size;
	/* Padding that runs past the end is an end that is not where the table says. */
	if (padding > in->size - in->pos)
		in->ran_out = true;
	else
		in->pos += padding;
	return true;
}

int pe_read_certificates(struct pe *pe, struct error *err)
{
	struct reader in = reader_of(pe->file, 0, pe->source);
	struct bytes found[SIGNATURES_MAX];

	if (pe->layout.certificates_size) {
		in.pos = pe->layout.certificates_offset;
		in.size = in.pos + pe->layout.certificates_size;
		while (!in.ran_out && in.pos < in.size) {
			struct bytes signature;
			uint64_t at = reader_offset(&in);

			if (!read_entry(&in, &signature)) {
				in.ran_out = true;
				break;
			}
			if (signature.size == 0)
				continue;
			if (pe->n_signatures == SIGNATURES_MAX)
				return error_set(err, ERROR_LIMIT, pe->source, at,
						 "PE: more than %d signatures", SIGNATURES_MAX);
			found[pe->n_signatures++] = signature;
		}
	}
	pe->certificates_sound = !in.ran_out;
	if (pe->n_signatures == 0)
		return 0;
	pe->signatures = malloc(pe->n_signatures * sizeof(*pe->signatures));
	if (!pe->signatures)
		return error_memory(err, pe->source);
	memcpy(pe->signatures, found, pe->n_signatures * sizeof(*found));
	return 0;
}

size_t pe_n_signatures(const struct pe *pe)
{
	return pe->n_signatures;
}

struct bytes pe_signature(const struct pe *pe, size_t i)
{
	return i < pe->n_signatures ? pe->signatures[i] : bytes_of(NULL, 0);
}

bool pe_has_certificates(const struct pe *pe)
{
	return pe->layout.certificates_size != 0;
}

bool pe_certificates_sound(const struct pe *pe)
{
	return pe->certificates_sound;
}

/* --- the digest -------------------------------------------------------------------------------- */

/* By offset in the file; sections of one offset in table order, as EDK II's insertion sort leaves them. */
static int by_offset(const void *a, const void *b)
{
	const struct pe_section *const *x = a, *const *y = b;

	if ((*x)->raw_offset != (*y)->raw_offset)
		return (*x)->raw_offset < (*y)->raw_offset ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

static int update_range(const struct pe *pe, struct hasher *hasher, uint64_t begin, uint64_t end,
			struct error *err)
{
	if (begin >= end)
		return 0;
	return hasher_update(hasher, bytes_of(pe->file.data + begin, (size_t)(end - begin)), err);
}

/* Headers without CheckSum and certificate directory entry, then the sections in file order. */
static int hash_loaded(const struct pe *pe, struct hasher *hasher,
		       const struct pe_section *const *sorted, struct error *err)
{
	const struct pe_layout *layout = &pe->layout;
	size_t after = layout->checksum + 4;

	if (update_range(pe, hasher, 0, layout->checksum, err) < 0)
		return -1;
	if (layout->security) {
		if (update_range(pe, hasher, after, layout->security, err) < 0)
			return -1;
		after = layout->security + 8;
	}
	if (update_range(pe, hasher, after, layout->header_size, err) < 0)
		return -1;
	for (size_t i = 0; i < pe->n_sections; i++)
		if (update_range(pe, hasher, sorted[i]->raw_offset,
				 (uint64_t)sorted[i]->raw_offset + sorted[i]->raw_size, err) < 0)
			return -1;
	return 0;
}

int pe_authenticode(const struct pe *pe, struct hasher *hasher, alg_set algs,
		    struct digest out[ALG_COUNT], struct error *err)
{
	AUTO(own_free) const struct pe_section **sorted = NULL;
	uint64_t sum = pe->layout.header_size, size = pe->file.size;

	sorted = malloc((pe->n_sections ? pe->n_sections : 1) * sizeof(*sorted));
	if (!sorted)
		return error_memory(err, pe->source);
	for (size_t i = 0; i < pe->n_sections; i++) {
		sorted[i] = &pe->sections[i];
		sum += sorted[i]->raw_size;
	}
	if (sum > OVERLAP_MAX * size)
		return error_set(err, ERROR_LIMIT, pe->source, pe->layout.header_size,
				 "PE: overlapping sections make %" PRIu64
				 " bytes to hash, over %d times the file's %" PRIu64,
				 sum, OVERLAP_MAX, size);
	/* MeasureBootPeCoff.c: what follows the sum of sizes counts, but for the certificates' size. */
	if (size > sum && size < sum + pe->layout.certificates_size)
		return error_set(err, ERROR_MALFORMED, pe->source, pe->layout.security,
				 "PE: %" PRIu64 " bytes of headers and sections and %" PRIu32
				 " of certificates in a file of %" PRIu64,
				 sum, pe->layout.certificates_size, size);
	qsort(sorted, pe->n_sections, sizeof(*sorted), by_offset);
	if (hasher_begin(hasher, algs, err) < 0 || hash_loaded(pe, hasher, sorted, err) < 0)
		return -1;
	if (size > sum &&
	    update_range(pe, hasher, sum, size - pe->layout.certificates_size, err) < 0)
		return -1;
	return hasher_finish(hasher, out, err);
}
