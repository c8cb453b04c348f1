/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/rpm/header.h"

#include <inttypes.h>

#define ENTRY_SIZE  16 /* of an index entry, and of a region's trailer */
#define LEAD_RULE   "RPM format, lead"
#define HEADER_RULE "RPM format, header"

static const uint8_t lead_magic[4] = { 0xed, 0xab, 0xee, 0xdb };
static const uint8_t header_magic[8] = { 0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0 };

/* Bytes of one value and its alignment; 0: strings, whose size is found by walking them. */
static const uint8_t type_sizes[RPM_I18NSTRING + 1] = {
	[RPM_CHAR] = 1,  [RPM_INT8] = 1,  [RPM_INT16] = 2,
	[RPM_INT32] = 4, [RPM_INT64] = 8, [RPM_BIN] = 1,
};

int rpm_lead_parse(struct bytes bytes, const char *source, struct rpm_lead *out, struct error *err)
{
	struct reader in = reader_of(bytes, 0, source);
	struct bytes magic = reader_bytes(&in, sizeof(lead_magic));
	struct rpm_lead lead;
	uint16_t type, signature_type;

	if (!bytes_equal(magic, bytes_of(lead_magic, sizeof(lead_magic))) && !in.ran_out)
		return error_set(err, ERROR_MALFORMED, source, 0,
				 LEAD_RULE ": not an RPM package: no magic ed ab ee db");
	lead.major = reader_u8(&in);
	reader_skip(&in, 1); /* minor */
	type = reader_be16(&in);
	reader_skip(&in, 2 + 66 + 2); /* architecture, name, system: history */
	signature_type = reader_be16(&in);
	reader_skip(&in, 16);
	if (reader_finish(&in, err) < 0)
		return -1;
	if (lead.major < 3 || lead.major > 4)
		return error_set(err, ERROR_UNSUPPORTED, source, 4,
				 LEAD_RULE ": version %u, Assay reads 3 and 4 (which v6 says too)",
				 lead.major);
	if (type > 1)
		return error_set(err, ERROR_MALFORMED, source, 6,
				 LEAD_RULE ": type %u is neither binary (0) nor source (1)", type);
	if (signature_type != 5)
		return error_set(err, ERROR_UNSUPPORTED, source, 78,
				 LEAD_RULE ": signature type %u, only 5 (header) is in use",
				 signature_type);
	lead.source = type == 1;
	*out = lead;
	return 0;
}

static const char *kind_name(enum rpm_header_kind kind)
{
	return kind == RPM_HEADER_SIGNATURE ? "signature header" : "header";
}

int rpm_header_size(struct bytes intro, enum rpm_header_kind kind, uint64_t offset,
		    const char *source, size_t *size, struct error *err)
{
	const uint32_t entries_max =
		kind == RPM_HEADER_SIGNATURE ? RPM_SIGNATURE_ENTRIES_MAX : RPM_HEADER_ENTRIES_MAX;
	const uint32_t data_max =
		kind == RPM_HEADER_SIGNATURE ? RPM_SIGNATURE_DATA_MAX : RPM_HEADER_DATA_MAX;
	struct reader in = reader_of(intro, offset, source);
	struct bytes magic = reader_bytes(&in, sizeof(header_magic));
	uint32_t n_entries = reader_be32(&in);
	uint32_t data_size = reader_be32(&in);

	if (!in.ran_out && !bytes_equal(magic, bytes_of(header_magic, sizeof(header_magic))))
		return error_set(err, ERROR_MALFORMED, source, offset,
				 HEADER_RULE ": no magic 8e ad e8 01 where the %s begins",
				 kind_name(kind));
	if (reader_check(&in, err) < 0)
		return -1;
	if (n_entries > entries_max)
		return error_set(err, ERROR_LIMIT, source, offset + 8,
				 HEADER_RULE ": %" PRIu32 " entries in the %s, at most %" PRIu32,
				 n_entries, kind_name(kind), entries_max);
	if (data_size > data_max)
		return error_set(err, ERROR_LIMIT, source, offset + 12,
				 HEADER_RULE ": %" PRIu32
					     " bytes of data in the %s, at most %" PRIu32,
				 data_size, kind_name(kind), data_max);
	if (n_entries == 0)
		return error_set(err, ERROR_MALFORMED, source, offset + 8,
				 HEADER_RULE ": no entries in the %s", kind_name(kind));
	*size = RPM_HEADER_INTRO_SIZE + (size_t)n_entries * ENTRY_SIZE + data_size;
	return 0;
}

/* Bytes of count strings at data[place], with their NULs; 0 if they do not end within the data. */
static size_t strings_size(struct bytes data, size_t place, uint32_t count)
{
	const uint8_t *begin = data.data + place, *at = begin, *end = data.data + data.size;

	while (count--) {
		const uint8_t *nul = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;

		if (!nul)
			return 0;
		at = nul + 1;
	}
	return (size_t)(at - begin);
}

/*
 * The region: its entry comes first in the index, its trailer last in the data, and in a package
 * file it spans the whole header (rpm lib/header.c, hdrblobVerifyRegion). *data shrinks to what
 * lies before the trailer.
 */
static int check_region(struct rpm_header *header, struct reader *index, uint32_t n_entries,
			struct error *err)
{
	const uint32_t region_tag = header->kind == RPM_HEADER_SIGNATURE ? RPMTAG_HEADERSIGNATURES
									 : RPMTAG_HEADERIMMUTABLE;
	uint64_t at = reader_offset(index);
	struct reader look = *index;
	uint32_t tag = reader_be32(&look);
	uint32_t type = reader_be32(&look);
	uint32_t place = reader_be32(&look);
	uint32_t count = reader_be32(&look);
	uint64_t trailer_at;
	struct reader trailer;

	if (tag != region_tag)
		return 0; /* v3; a tag below 100 that is not this region is refused with the others */
	reader_skip(index, ENTRY_SIZE);
	if (type != RPM_BIN || count != ENTRY_SIZE)
		return error_set(err, ERROR_MALFORMED, header->source, at,
				 HEADER_RULE ": region entry of type %" PRIu32 " and count %" PRIu32
					     ", must be %d and %d",
				 type, count, RPM_BIN, ENTRY_SIZE);
	if (header->data.size < ENTRY_SIZE || place != header->data.size - ENTRY_SIZE)
		return error_set(err, ERROR_MALFORMED, header->source, at + 8,
				 HEADER_RULE ": region ends at %" PRIu32 " of %zu bytes of data",
				 place, header->data.size);

	trailer_at = header->offset + (header->bytes.size - ENTRY_SIZE);
	trailer = reader_of(bytes_of(header->data.data + place, ENTRY_SIZE), trailer_at,
			    header->source);
	tag = reader_be32(&trailer);
	type = reader_be32(&trailer);
	place = reader_be32(&trailer);
	count = reader_be32(&trailer);
	if (header->kind == RPM_HEADER_SIGNATURE && tag == RPMTAG_HEADERIMAGE)
		tag = region_tag; /* what rpm 4.0 wrote there; rpm reads it so */
	if (tag != region_tag || type != RPM_BIN || count != ENTRY_SIZE)
		return error_set(err, ERROR_MALFORMED, header->source, trailer_at,
				 HEADER_RULE ": region trailer of tag %" PRIu32 ", type %" PRIu32
					     ", count %" PRIu32 ", must be %" PRIu32 ", %d, %d",
				 tag, type, count, region_tag, RPM_BIN, ENTRY_SIZE);
	/* The negated size of the region's index. */
	if (UINT32_C(0) - place != n_entries * ENTRY_SIZE)
		return error_set(err, ERROR_MALFORMED, header->source, trailer_at + 8,
				 HEADER_RULE ": region of %" PRIu32
					     " bytes of index, the header has "
					     "%" PRIu32,
				 UINT32_C(0) - place, n_entries * ENTRY_SIZE);
	header->region = true;
	header->data.size -= ENTRY_SIZE;
	return 0;
}

/* The next entry of the index; its data must lie at or after *used. */
static int parse_entry(const struct rpm_header *header, struct reader *index, size_t *used,
		       struct rpm_entry *out, struct error *err)
{
	uint64_t at = reader_offset(index);
	struct rpm_entry entry = { .tag = reader_be32(index) };
	size_t unit;

	entry.type = reader_be32(index);
	entry.place = reader_be32(index);
	entry.count = reader_be32(index);
	if (entry.tag < RPMTAG_HEADERI18NTABLE || entry.tag > INT32_MAX)
		return error_set(err, ERROR_MALFORMED, header->source, at,
				 HEADER_RULE ": tag %" PRIu32 " is no tag", entry.tag);
	if (entry.type < RPM_CHAR || entry.type > RPM_I18NSTRING)
		return error_set(err, ERROR_MALFORMED, header->source, at + 4,
				 HEADER_RULE ": tag %" PRIu32 " has unknown type %" PRIu32,
				 entry.tag, entry.type);
	unit = type_sizes[entry.type];
	if (entry.count == 0 || (entry.type == RPM_STRING && entry.count != 1))
		return error_set(err, ERROR_MALFORMED, header->source, at + 12,
				 HEADER_RULE ": tag %" PRIu32 " of type %" PRIu32
					     " has count %" PRIu32,
				 entry.tag, entry.type, entry.count);
	if (entry.place > header->data.size || (unit > 1 && entry.place % unit != 0))
		return error_set(err, ERROR_MALFORMED, header->source, at + 8,
				 HEADER_RULE ": tag %" PRIu32 " of type %" PRIu32
					     " has its data at %" PRIu32 " of %zu bytes",
				 entry.tag, entry.type, entry.place, header->data.size);
	if (entry.place < *used)
		return error_set(err, ERROR_MALFORMED, header->source, at + 8,
				 HEADER_RULE ": data of tag %" PRIu32 " at %" PRIu32
					     " overlaps what ends at %zu",
				 entry.tag, entry.place, *used);
	if (unit)
		entry.size = entry.count > (header->data.size - entry.place) / unit
				     ? 0
				     : entry.count * unit;
	else
		entry.size = strings_size(header->data, entry.place, entry.count);
	if (entry.size == 0)
		return error_set(err, ERROR_MALFORMED, header->source, at + 12,
				 HEADER_RULE ": %" PRIu32 " values of tag %" PRIu32
					     ", type %" PRIu32 ", do not fit into the data left",
				 entry.count, entry.tag, entry.type);
	*used = entry.place + entry.size;
	*out = entry;
	return 0;
}

static int entry_compare(const void *a, const void *b)
{
	const struct rpm_entry *left = a, *right = b;

	return left->tag < right->tag ? -1 : left->tag > right->tag;
}

/* Of a tag that is there twice, readers differ in which they take: neither is believed. */
static int sort_entries(struct rpm_header *header, struct error *err)
{
	bool sorted = true;

	for (size_t i = 1; i < header->n_entries && sorted; i++)
		sorted = header->entries[i - 1].tag <= header->entries[i].tag;
	if (!sorted)
		qsort(header->entries, header->n_entries, sizeof(*header->entries), entry_compare);
	for (size_t i = 1; i < header->n_entries; i++)
		if (header->entries[i - 1].tag == header->entries[i].tag)
			return error_set(err, ERROR_MALFORMED, header->source, header->offset,
					 HEADER_RULE ": tag %" PRIu32 " is in the %s twice",
					 header->entries[i].tag, kind_name(header->kind));
	return 0;
}

int rpm_header_parse(struct bytes bytes, enum rpm_header_kind kind, uint64_t offset,
		     const char *source, struct rpm_header *out, struct error *err)
{
	AUTO(rpm_header_clear)
	struct rpm_header header = {
		.kind = kind, .source = source, .offset = offset, .bytes = bytes
	};
	struct reader in = reader_of(bytes, offset, source), index;
	size_t size, used = 0;
	uint32_t n_entries;

	if (rpm_header_size(bytes_of(bytes.data, bytes.size < RPM_HEADER_INTRO_SIZE
							 ? bytes.size
							 : RPM_HEADER_INTRO_SIZE),
			    kind, offset, source, &size, err) < 0)
		return -1;
	reader_skip(&in, sizeof(header_magic));
	n_entries = reader_be32(&in);
	header.data.size = reader_be32(&in);
	index = reader_part(&in, (size_t)n_entries * ENTRY_SIZE);
	header.data = reader_bytes(&in, header.data.size);
	if (reader_finish(&in, err) < 0)
		return -1;
	if (check_region(&header, &index, n_entries, err) < 0)
		return -1;
	header.entries = calloc(n_entries, sizeof(*header.entries));
	if (!header.entries)
		return error_memory(err, source);
	for (; reader_left(&index); header.n_entries++)
		if (parse_entry(&header, &index, &used, &header.entries[header.n_entries], err) < 0)
			return -1;
	if (sort_entries(&header, err) < 0)
		return -1;
	*out = header;
	header.entries = NULL; /* the caller's from here */
	return 0;
}

void rpm_header_clear(struct rpm_header *header)
{
	free(header->entries);
	header->entries = NULL;
	header->n_entries = 0;
}

const struct rpm_entry *rpm_header_find(const struct rpm_header *header, uint32_t tag)
{
	const struct rpm_entry key = { .tag = tag };

	if (!header->n_entries)
		return NULL;
	return bsearch(&key, header->entries, header->n_entries, sizeof(key), entry_compare);
}

uint64_t rpm_entry_offset(const struct rpm_header *header, const struct rpm_entry *entry)
{
	return header->offset + (uint64_t)(header->data.data - header->bytes.data) + entry->place;
}

static int wrong_type(const struct rpm_header *header, const struct rpm_entry *entry,
		      const char *wanted, struct error *err)
{
	return error_set(err, ERROR_MALFORMED, header->source, rpm_entry_offset(header, entry),
			 HEADER_RULE ": tag %" PRIu32 " of the %s has type %" PRIu32
				     " and count %" PRIu32 ", must be %s",
			 entry->tag, kind_name(header->kind), entry->type, entry->count, wanted);
}

static struct bytes entry_bytes(const struct rpm_header *header, const struct rpm_entry *entry)
{
	return bytes_of(header->data.data + entry->place, entry->size);
}

int rpm_header_string(const struct rpm_header *header, uint32_t tag, struct bytes *out,
		      struct error *err)
{
	const struct rpm_entry *entry = rpm_header_find(header, tag);
	struct bytes data;

	if (!entry)
		return 0;
	if (entry->type != RPM_STRING && entry->type != RPM_I18NSTRING)
		return wrong_type(header, entry, "a string", err);
	data = entry_bytes(header, entry);
	*out = bytes_of(data.data, strlen((const char *)data.data)); /* its NUL was found before */
	return 1;
}

int rpm_header_number(const struct rpm_header *header, uint32_t tag, uint64_t *out,
		      struct error *err)
{
	const struct rpm_entry *entry = rpm_header_find(header, tag);
	struct rpm_numbers numbers;
	int status = rpm_header_numbers(header, tag, &numbers, err);

	if (status <= 0)
		return status;
	if (numbers.count != 1)
		return wrong_type(header, entry, "one integer", err);
	*out = rpm_number(&numbers, 0);
	return 1;
}

int rpm_header_binary(const struct rpm_header *header, uint32_t tag, struct bytes *out,
		      struct error *err)
{
	const struct rpm_entry *entry = rpm_header_find(header, tag);

	if (!entry)
		return 0;
	if (entry->type != RPM_BIN)
		return wrong_type(header, entry, "binary", err);
	*out = entry_bytes(header, entry);
	return 1;
}

int rpm_header_numbers(const struct rpm_header *header, uint32_t tag, struct rpm_numbers *out,
		       struct error *err)
{
	const struct rpm_entry *entry = rpm_header_find(header, tag);

	if (!entry)
		return 0;
	if (entry->type < RPM_INT8 || entry->type > RPM_INT64)
		return wrong_type(header, entry, "integers", err);
	*out = (struct rpm_numbers){ header->data.data + entry->place, type_sizes[entry->type],
				     entry->count };
	return 1;
}

uint64_t rpm_number(const struct rpm_numbers *numbers, uint32_t index)
{
	struct reader in =
		reader_of(bytes_of(numbers->data + (size_t)index * numbers->width, numbers->width),
			  0, NULL);

	switch (numbers->width) {
	case 1:
		return reader_u8(&in);
	case 2:
		return reader_be16(&in);
	case 4:
		return reader_be32(&in);
	default:
		return reader_be64(&in);
	}
}

int rpm_header_strings(const struct rpm_header *header, uint32_t tag, struct rpm_strings *out,
		       struct error *err)
{
	const struct rpm_entry *entry = rpm_header_find(header, tag);
	struct bytes data;

	if (!entry)
		return 0;
	if (entry->type != RPM_STRING_ARRAY && entry->type != RPM_STRING)
		return wrong_type(header, entry, "strings", err);
	data = entry_bytes(header, entry);
	*out = (struct rpm_strings){ data.data, data.data + data.size, entry->count, entry->count };
	return 1;
}

struct bytes rpm_strings_next(struct rpm_strings *strings)
{
	struct bytes out;

	if (!strings->left)
		return bytes_of(NULL, 0);
	/* Every string's NUL was found when the header was parsed. */
	out = bytes_of(strings->at, strlen((const char *)strings->at));
	strings->at += out.size + 1;
	strings->left--;
	return out;
}
