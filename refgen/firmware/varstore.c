/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The variable store. Nobody but EDK II specifies it: MdeModulePkg/Include/Guid/VariableFormat.h for
 * records, FaultTolerantWrite.h and SystemNvDataGuid.h for the blocks behind it that make rewriting it
 * safe: a working block with a log of writes, and spare blocks, as large as the rest together.
 */
#include "core/array.h"
#include "core/text.h"
#include "refgen/firmware/internal.h"

#include <inttypes.h>

#define STORE_HEADER_SIZE 28
#define STORE_FORMATTED   0x5a
#define STORE_HEALTHY     0xfe
#define RECORD_START      0x55aa

/* States are bits cleared one by one. */
#define STATE_ADDED           0x3f
#define STATE_BEING_DELETED   0x3e /* counts until a successor is there */
#define STATE_NOTHING_WRITTEN 0xff

#define FTW_HEADER_SIZE 40 /* flags, caller, number of writes, private data size */
#define FTW_RECORD_SIZE 40 /* flags, block, offset, length, relative offset */

static const struct guid guid_nv_data =
	GUID(0xfff12b8d, 0x7696, 0x4c8b, 0xa9, 0x85, 0x27, 0x47, 0x07, 0x5b, 0x4f, 0x50);
static const struct guid guid_variables =
	GUID(0xddcf3616, 0x3275, 0x4164, 0x98, 0xb6, 0xfe, 0x85, 0x70, 0x7f, 0xfe, 0x7d);
static const struct guid guid_authenticated_variables =
	GUID(0xaaf32c78, 0x947b, 0x439a, 0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92);
static const struct guid guid_working_block =
	GUID(0x9e58292b, 0x7c68, 0x497d, 0xa0, 0xce, 0x65, 0x00, 0xfd, 0x9f, 0x1b, 0x95);

static bool starts_with_guid(struct bytes at, const struct guid *guid)
{
	return bytes_start_with(at, bytes_of(guid->bytes, sizeof(guid->bytes)));
}

/* --- records --------------------------------------------------------------------------------- */

struct record {
	struct variable variable;
	uint8_t state;
	size_t text_at; /* of the name in the store's text */
};

struct records {
	struct record *records; /* owned */
	size_t n_records, capacity;
};

static void records_clear(struct records *list)
{
	free(list->records);
}

static int records_add(struct records *list, const struct record *record, const char *source,
		       struct error *err)
{
	if (list->n_records == VARSTORE_VARIABLES_MAX)
		return error_set(err, ERROR_LIMIT, source, record->variable.offset,
				 "more than %d variables", VARSTORE_VARIABLES_MAX);
	if (array_room(&list->records, list->n_records, &list->capacity, sizeof(*list->records),
		       source, err) < 0)
		return -1;
	list->records[list->n_records++] = *record;
	return 0;
}

/* A live variable's name: UTF-16 with its terminator. */
static int check_name(struct bytes *name, const char *source, uint64_t offset, struct error *err)
{
	if (name->size < 4 || name->size % 2 != 0 || name->data[name->size - 1] != 0 ||
	    name->data[name->size - 2] != 0)
		return error_set(err, ERROR_MALFORMED, source, offset,
				 "a variable's name of %zu bytes is no terminated UTF-16",
				 name->size);
	name->size -= 2;
	for (size_t i = 0; i < name->size; i += 2)
		if (name->data[i] == 0 && name->data[i + 1] == 0)
			return error_set(err, ERROR_MALFORMED, source, offset + i,
					 "a variable's name ends before its size");
	return 0;
}

/* One record: 1, or 0 where the records end. Only states that count are checked further. */
static int read_record(struct reader *in, bool authenticated, struct record *out, struct error *err)
{
	struct record record = { .variable = { .offset = reader_offset(in) } };
	struct bytes guid;
	uint32_t name_size, data_size;
	uint64_t name_at;

	if (reader_left(in) < 2 || reader_le16(in) != RECORD_START)
		return 0;
	record.state = reader_u8(in);
	reader_skip(in, 1);
	record.variable.attributes = reader_le32(in);
	if (authenticated)
		reader_skip(in, 8 + 16 + 4); /* count, time stamp, key index */
	name_size = reader_le32(in);
	data_size = reader_le32(in);
	guid = reader_bytes(in, 16);
	/* A header that was never written out has no sizes. */
	if (record.state == STATE_NOTHING_WRITTEN || name_size == UINT32_MAX ||
	    data_size == UINT32_MAX || record.variable.attributes == UINT32_MAX)
		name_size = data_size = 0;
	name_at = reader_offset(in);
	record.variable.name = reader_bytes(in, name_size);
	record.variable.data = reader_bytes(in, data_size);
	if (reader_check(in, err) < 0)
		return -1;
	reader_skip(in, -in->pos & 3 & -(size_t)(reader_left(in) >= 4));
	memcpy(record.variable.guid.bytes, guid.data, 16);
	if ((record.state == STATE_ADDED || record.state == STATE_BEING_DELETED) &&
	    check_name(&record.variable.name, in->source, name_at, err) < 0)
		return -1;
	*out = record;
	return 1;
}

static bool same_variable(const struct record *a, const struct record *b)
{
	return guid_equal(&a->variable.guid, &b->variable.guid) &&
	       bytes_equal(a->variable.name, b->variable.name);
}

/* One that is being deleted counts only as long as its successor is not there. */
static bool is_live(const struct records *list, const struct record *record)
{
	if (record->state == STATE_ADDED)
		return true;
	for (size_t i = 0; i < list->n_records; i++)
		if (list->records[i].state == STATE_ADDED &&
		    same_variable(&list->records[i], record))
			return false;
	return true;
}

static int publish(struct records *list, const char *source, struct varstore *out,
		   struct error *err)
{
	AUTO(varstore_clear) struct varstore store = { .source = source };

	store.variables = calloc(list->n_records + 1, sizeof(*store.variables));
	if (!store.variables)
		return error_memory(err, source);
	for (size_t i = 0; i < list->n_records; i++) {
		list->records[i].text_at = store.text.size;
		text_append_utf16le(&store.text, list->records[i].variable.name);
		buf_append_u8(&store.text, 0);
	}
	if (buf_finish(&store.text, err) < 0)
		return -1;
	for (size_t i = 0; i < list->n_records; i++) {
		if (!is_live(list, &list->records[i]))
			continue;
		list->records[i].variable.text =
			(const char *)store.text.data + list->records[i].text_at;
		store.variables[store.n_variables++] = list->records[i].variable;
	}
	*out = store;
	store = (struct varstore){ 0 };
	return 0;
}

/* The store behind the header of its volume. */
static int read_store(struct bytes store, uint64_t offset, const char *source, struct varstore *out,
		      struct error *err)
{
	AUTO(records_clear) struct records list = { 0 };
	struct reader in = reader_of(store, offset, source);
	bool authenticated = starts_with_guid(store, &guid_authenticated_variables);
	struct record record;
	uint32_t size;
	uint8_t format, state;
	int got;

	reader_skip(&in, 16);
	size = reader_le32(&in);
	format = reader_u8(&in);
	state = reader_u8(&in);
	if (reader_check(&in, err) < 0)
		return -1;
	if (!authenticated && !starts_with_guid(store, &guid_variables))
		return error_set(err, ERROR_UNSUPPORTED, source, offset,
				 "a variable store of a kind that is not known");
	if (format != STORE_FORMATTED || state != STORE_HEALTHY)
		return error_set(err, ERROR_MALFORMED, source, offset + 20,
				 "a variable store that is not formatted: 0x%02x 0x%02x", format,
				 state);
	if (size < STORE_HEADER_SIZE || size > store.size)
		return error_set(err, ERROR_MALFORMED, source, offset + 16,
				 "a variable store of %" PRIu32 " bytes, %zu left", size,
				 store.size);
	in = reader_of(bytes_of(store.data + STORE_HEADER_SIZE, size - STORE_HEADER_SIZE),
		       offset + STORE_HEADER_SIZE, source);
	while ((got = read_record(&in, authenticated, &record, err)) > 0)
		if ((record.state == STATE_ADDED || record.state == STATE_BEING_DELETED) &&
		    records_add(&list, &record, source, err) < 0)
			return -1;
	return got < 0 ? -1 : publish(&list, source, out, err);
}

/* --- a rewrite that was cut off -------------------------------------------------------------- */

/* Flags are bits cleared one by one. */
static bool flag_set(uint8_t flags, unsigned bit)
{
	return !(flags & 1u << bit);
}

/*
 * True if the working block's last write has all its data in the spare blocks and did not get it to
 * its place: the firmware will copy the spare blocks over the store when it starts.
 */
static bool write_is_pending(struct bytes block)
{
	struct reader in = reader_of(block, 0, NULL);
	bool pending = false;

	reader_skip(&in, 16 + 4 + 4); /* signature, CRC, state */
	reader_skip(&in, 8);          /* queue size */
	while (reader_left(&in) >= FTW_HEADER_SIZE) {
		uint8_t flags = reader_u8(&in);
		uint64_t n_writes, private_size;
		bool allocated = flag_set(flags, 0) && flag_set(flags, 1);

		reader_skip(&in, 7 + 16); /* padding, caller */
		n_writes = reader_le64(&in);
		private_size = reader_le64(&in);
		if (flags == 0xff || !allocated)
			break;
		for (uint64_t i = 0; i < n_writes && !in.ran_out; i++) {
			uint8_t write = reader_u8(&in);

			reader_skip(&in, FTW_RECORD_SIZE - 1);
			if (private_size > reader_left(&in))
				return false;
			reader_skip(&in, (size_t)private_size);
			pending = !flag_set(flags, 2) && flag_set(write, 1) && !flag_set(write, 2);
		}
	}
	return pending;
}

/* The spare half of a volume whose firmware will restore it from there; else the whole. */
static struct bytes take_spare(const struct ffs_volume *volume, uint64_t *offset)
{
	size_t half = volume->bytes.size / 2;

	for (size_t at = 0; at + 4096 <= half; at += 4096) {
		struct bytes block = bytes_of(volume->bytes.data + at, half - at);

		if (starts_with_guid(block, &guid_working_block) && write_is_pending(block)) {
			*offset += half;
			return bytes_of(volume->bytes.data + half, half);
		}
	}
	return volume->bytes;
}

/* --- the image ------------------------------------------------------------------------------- */

int varstore_parse(struct bytes image, const char *source, struct varstore *out, struct error *err)
{
	struct ffs_volume volume;

	if (image.size > FIRMWARE_SIZE_MAX)
		return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
				 "a variable store of %zu bytes, at most %u", image.size,
				 FIRMWARE_SIZE_MAX);
	for (size_t at = 0; at < image.size; at += 4096) {
		struct bytes rest = bytes_of(image.data + at, image.size - at);
		struct bytes blocks;
		uint64_t offset = at;
		size_t header_size;

		if (!ffs_detect(rest) ||
		    !starts_with_guid(bytes_of(rest.data + 16, rest.size - 16), &guid_nv_data))
			continue;
		if (ffs_open(rest, at, source, &volume, err) < 0)
			return -1;
		header_size = volume.bytes.data[48] | (size_t)volume.bytes.data[49] << 8;
		blocks = take_spare(&volume, &offset);
		if (header_size > blocks.size)
			return error_set(err, ERROR_TRUNCATED, source, offset,
					 "a variable store without room for its header");
		return read_store(bytes_of(blocks.data + header_size, blocks.size - header_size),
				  offset + header_size, source, out, err);
	}
	return error_set(err, ERROR_UNSUPPORTED, source, ERROR_NO_OFFSET,
			 "no EDK II variable store in it");
}

void varstore_clear(struct varstore *store)
{
	free(store->variables);
	buf_clear(&store->text);
	*store = (struct varstore){ 0 };
}

const struct variable *varstore_find(const struct varstore *store, const struct guid *guid,
				     const char *name)
{
	for (size_t i = 0; i < store->n_variables; i++)
		if (guid_equal(&store->variables[i].guid, guid) &&
		    strcmp(store->variables[i].text, name) == 0)
			return &store->variables[i];
	return NULL;
}
