/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CEL 5.2 in CBOR (RFC 8949). libcbor tells one item after the other and allocates nothing; sizes
 * are definite, as deterministic encoding (RFC 8949, 4.2) has them.
 */
#include <cbor.h>

#include "replay/cel/internal.h"

/* Items that may be passed over in what nobody here reads. */
#define SKIP_MAX 100000

enum kind {
	ITEM_UINT,
	ITEM_BYTES,
	ITEM_TEXT,
	ITEM_ARRAY,
	ITEM_MAP,
	ITEM_TAG,
	ITEM_PLAIN,
	ITEM_BAD
};

/* One item: a number, a string, or the head of an array or map. */
struct item {
	enum kind kind;
	uint64_t at;
	uint64_t number; /* or how many items, or pairs, follow */
	struct bytes bytes;
};

static void set_number(void *ctx, enum kind kind, uint64_t number)
{
	struct item *item = ctx;

	item->kind = kind;
	item->number = number;
}

static void on_u8(void *ctx, uint8_t value)
{
	set_number(ctx, ITEM_UINT, value);
}

static void on_u16(void *ctx, uint16_t value)
{
	set_number(ctx, ITEM_UINT, value);
}

static void on_u32(void *ctx, uint32_t value)
{
	set_number(ctx, ITEM_UINT, value);
}

static void on_u64(void *ctx, uint64_t value)
{
	set_number(ctx, ITEM_UINT, value);
}

static void on_bytes(void *ctx, cbor_data data, size_t size)
{
	set_number(ctx, ITEM_BYTES, 0);
	((struct item *)ctx)->bytes = bytes_of(data, size);
}

static void on_text(void *ctx, cbor_data data, size_t size)
{
	set_number(ctx, ITEM_TEXT, 0);
	((struct item *)ctx)->bytes = bytes_of(data, size);
}

static void on_array(void *ctx, size_t size)
{
	set_number(ctx, ITEM_ARRAY, size);
}

static void on_map(void *ctx, size_t size)
{
	set_number(ctx, ITEM_MAP, size);
}

static void on_tag(void *ctx, uint64_t value)
{
	set_number(ctx, ITEM_TAG, value);
}

static void on_n8(void *ctx, uint8_t value)
{
	set_number(ctx, ITEM_PLAIN, value);
}

static void on_n16(void *ctx, uint16_t value)
{
	set_number(ctx, ITEM_PLAIN, value);
}

static void on_n32(void *ctx, uint32_t value)
{
	set_number(ctx, ITEM_PLAIN, value);
}

static void on_n64(void *ctx, uint64_t value)
{
	set_number(ctx, ITEM_PLAIN, value);
}

static void on_float(void *ctx, float value)
{
	(void)value;
	set_number(ctx, ITEM_PLAIN, 0);
}

static void on_double(void *ctx, double value)
{
	(void)value;
	set_number(ctx, ITEM_PLAIN, 0);
}

static void on_bool(void *ctx, bool value)
{
	set_number(ctx, ITEM_PLAIN, value);
}

static void on_plain(void *ctx)
{
	set_number(ctx, ITEM_PLAIN, 0);
}

static void on_bad(void *ctx)
{
	set_number(ctx, ITEM_BAD, 0);
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_u8,
	.uint16 = on_u16,
	.uint32 = on_u32,
	.uint64 = on_u64,
	.negint8 = on_n8,
	.negint16 = on_n16,
	.negint32 = on_n32,
	.negint64 = on_n64,
	.byte_string_start = on_bad,
	.byte_string = on_bytes,
	.string = on_text,
	.string_start = on_bad,
	.indef_array_start = on_bad,
	.array_start = on_array,
	.indef_map_start = on_bad,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_plain,
	.null = on_plain,
	.boolean = on_bool,
	.indef_break = on_bad,
};

static int item_next(struct reader *in, struct item *out, struct error *err)
{
	struct cbor_decoder_result result;

	*out = (struct item){ .kind = ITEM_BAD, .at = reader_offset(in) };
	if (in->pos == in->size)
		return error_set(err, ERROR_TRUNCATED, in->source, out->at,
				 "the log ends in a record");
	result = cbor_stream_decode(in->data + in->pos, in->size - in->pos, &callbacks, out);
	if (result.status == CBOR_DECODER_NEDATA)
		return error_set(err, ERROR_TRUNCATED, in->source, out->at,
				 "RFC 8949: an item of more bytes than are left");
	if (result.status != CBOR_DECODER_FINISHED || out->kind == ITEM_BAD)
		return error_set(err, ERROR_MALFORMED, in->source, out->at,
				 "RFC 8949: not well-formed, or of indefinite length: 0x%02x",
				 in->data[in->pos]);
	in->pos += result.read;
	return 0;
}

static const char *const kind_names[] = { "a number", "bytes", "text", "an array", "a map" };

static int want(struct cel_parse *parse, enum kind kind, const char *what, struct item *out,
		struct error *err)
{
	if (item_next(&parse->log->in, out, err) < 0)
		return -1;
	if (out->kind != kind)
		return cel_malformed(parse, out->at, err, "CEL 5.2: %s is not %s", what,
				     kind_names[kind]);
	return 0;
}

static int want_u32(struct cel_parse *parse, const char *what, uint32_t *out, struct error *err)
{
	struct item item;

	if (want(parse, ITEM_UINT, what, &item, err) < 0)
		return -1;
	if (item.number > UINT32_MAX)
		return cel_malformed(parse, item.at, err, "%s of more than 32 bits", what);
	*out = (uint32_t)item.number;
	return 0;
}

/* Passes one item over, with all that is in it. */
static int skip(struct cel_parse *parse, struct error *err)
{
	uint64_t left = 1;

	for (unsigned n = 0; left > 0; n++) {
		struct item item;

		if (n == SKIP_MAX)
			return error_set(err, ERROR_LIMIT, parse->log->source,
					 reader_offset(&parse->log->in),
					 "content of more than %d items", SKIP_MAX);
		if (item_next(&parse->log->in, &item, err) < 0)
			return -1;
		left--;
		if (item.kind == ITEM_TAG)
			left++;
		else if (item.kind == ITEM_ARRAY || item.kind == ITEM_MAP) {
			if (item.number > SKIP_MAX)
				return error_set(err, ERROR_LIMIT, parse->log->source, item.at,
						 "content of more than %d items", SKIP_MAX);
			left += item.kind == ITEM_MAP ? 2 * item.number : item.number;
		}
	}
	return 0;
}

static int read_digests(struct cel_parse *parse, struct error *err)
{
	struct item list;

	if (want(parse, ITEM_ARRAY, "digests", &list, err) < 0)
		return -1;
	if (list.number > CEL_DIGESTS_MAX)
		return error_set(err, ERROR_LIMIT, parse->log->source, list.at,
				 "more than %d digests in a record", CEL_DIGESTS_MAX);
	for (uint64_t i = 0; i < list.number; i++) {
		struct item map, value;
		uint32_t keys[2], alg;

		if (want(parse, ITEM_MAP, "a digest", &map, err) < 0 ||
		    want_u32(parse, "a key", &keys[0], err) < 0 ||
		    want_u32(parse, "hashAlg", &alg, err) < 0 ||
		    want_u32(parse, "a key", &keys[1], err) < 0 ||
		    want(parse, ITEM_BYTES, "a digest's value", &value, err) < 0)
			return -1;
		if (map.number != 2 || keys[0] != 0 || keys[1] != 1)
			return cel_malformed(parse, map.at, err,
					     "CEL 5.2: a digest is hashAlg (0) and digest (1)");
		if (cel_add_digest(parse,
				   alg <= UINT16_MAX ? alg_of_tpm_id((uint16_t)alg) : ALG_NONE,
				   value.bytes, value.at, err) < 0)
			return -1;
	}
	return 0;
}

/* The head of a content of two members and its first key. */
static int want_pair(struct cel_parse *parse, struct error *err)
{
	struct item map;
	uint32_t key;

	if (want(parse, ITEM_MAP, "its content", &map, err) < 0 ||
	    want_u32(parse, "a key", &key, err) < 0)
		return -1;
	if (map.number != 2 || key != 0)
		return cel_malformed(parse, map.at, err,
				     "CEL 5.2: its content has the keys 0 and 1");
	return 0;
}

static int want_second(struct cel_parse *parse, struct error *err)
{
	uint64_t at = reader_offset(&parse->log->in);
	uint32_t key;

	if (want_u32(parse, "a key", &key, err) < 0)
		return -1;
	return key == 1
		       ? 0
		       : cel_malformed(parse, at, err, "CEL 5.2: its content has the keys 0 and 1");
}

static int read_data(struct cel_parse *parse, struct error *err)
{
	struct record *record = &parse->out->record;
	struct item item;

	if (want_second(parse, err) < 0 || want(parse, ITEM_BYTES, "its data", &item, err) < 0)
		return -1;
	if (item.bytes.size > CEL_DATA_MAX)
		return error_set(err, ERROR_LIMIT, parse->log->source, item.at,
				 "data of %zu bytes, at most %zu", item.bytes.size, CEL_DATA_MAX);
	record->data = item.bytes;
	record->data_offset = (uint64_t)(item.bytes.data - parse->log->in.data);
	return 0;
}

static int read_event(struct cel_parse *parse, struct error *err)
{
	struct record *record = &parse->out->record;
	struct item type;

	if (want_pair(parse, err) < 0 || item_next(&parse->log->in, &type, err) < 0)
		return -1;
	record->content = RECORD_TCG_EVENT;
	record->type = (uint32_t)type.number;
	if (!(type.kind == ITEM_UINT && type.number <= UINT32_MAX) &&
	    !(type.kind == ITEM_TEXT && event_type_of_name(type.bytes, &record->type)))
		return cel_malformed(parse, type.at, err,
				     "no event_type, or one that nobody defined");
	return read_data(parse, err);
}

static int read_template(struct cel_parse *parse, struct error *err)
{
	struct item name;

	if (want_pair(parse, err) < 0 || want(parse, ITEM_TEXT, "template_name", &name, err) < 0)
		return -1;
	parse->out->record.content = RECORD_IMA_TEMPLATE;
	parse->out->record.name = name.bytes;
	return read_data(parse, err);
}

/* {0: major, 1: minor}; anything else says no version. */
static int read_version(struct cel_parse *parse, struct error *err)
{
	struct reader *in = &parse->log->in;
	size_t from = in->pos;
	struct item item[5] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(item); i++)
		if (item_next(in, &item[i], NULL) < 0 ||
		    item[i].kind != (i == 0 ? ITEM_MAP : ITEM_UINT))
			break;
	parse->out->has_version = item[0].number == 2 && item[4].kind == ITEM_UINT &&
				  item[1].number == 0 && item[3].number == 1 &&
				  item[2].number <= UINT32_MAX && item[4].number <= UINT32_MAX;
	if (parse->out->has_version) {
		parse->out->major = (uint32_t)item[2].number;
		parse->out->minor = (uint32_t)item[4].number;
	}
	in->pos = from;
	return skip(parse, err);
}

/* {0: type} or {0: type, 1: data}. */
static int read_management(struct cel_parse *parse, struct error *err)
{
	struct item map;
	uint32_t key;

	if (want(parse, ITEM_MAP, "its content", &map, err) < 0 ||
	    want_u32(parse, "a key", &key, err) < 0 ||
	    want_u32(parse, "its type", &parse->out->management, err) < 0)
		return -1;
	if (map.number < 1 || map.number > 2 || key != 0)
		return cel_malformed(parse, map.at, err,
				     "CEL 4.3.1: management is a type (0) and data (1)");
	if (map.number == 1)
		return 0;
	if (want_second(parse, err) < 0)
		return -1;
	return parse->out->management == CEL_VERSION ? read_version(parse, err) : skip(parse, err);
}

static int read_content(struct cel_parse *parse, struct error *err)
{
	const struct reader *in = &parse->log->in;
	size_t from = in->pos;
	int status;

	switch (parse->out->content) {
	case CEL_CONTENT_PCCLIENT_STD:
		return read_event(parse, err);
	case CEL_CONTENT_IMA_TEMPLATE:
		return read_template(parse, err);
	case CEL_CONTENT_CEL:
		status = read_management(parse, err);
		break;
	default:
		status = skip(parse, err);
		break;
	}
	parse->out->record.data = bytes_of(in->data + from, in->pos - from);
	parse->out->record.data_offset = from;
	return status;
}

enum { KEY_RECNUM = 0, KEY_PCR = 1, KEY_NV = 2, KEY_DIGESTS = 3, KEY_TYPE = 9, KEY_CONTENT = 10 };

static int read_member(struct cel_parse *parse, uint32_t key, struct error *err)
{
	struct cel_record *out = parse->out;
	struct item item;

	switch (key) {
	case KEY_RECNUM:
		if (want(parse, ITEM_UINT, "recnum", &item, err) < 0)
			return -1;
		out->recnum = item.number;
		out->has_recnum = true;
		return 0;
	case KEY_PCR:
		return want_u32(parse, "pcr", &out->record.pcr, err);
	case KEY_NV:
		return want_u32(parse, "nv_index", &out->nv_index, err);
	case KEY_DIGESTS:
		return read_digests(parse, err);
	case KEY_TYPE:
		return want_u32(parse, "content_type", &out->content, err);
	default:
		return read_content(parse, err);
	}
}

static int read_record(struct cel_parse *parse, struct error *err)
{
	const unsigned all =
		1u << KEY_RECNUM | 1u << KEY_DIGESTS | 1u << KEY_TYPE | 1u << KEY_CONTENT;
	struct item map;
	unsigned seen = 0;

	if (want(parse, ITEM_MAP, "a record", &map, err) < 0)
		return -1;
	if (map.number != 5)
		return cel_malformed(parse, map.at, err, "CEL 5.2: a record has five members");
	for (int i = 0; i < 5; i++) {
		uint64_t at = reader_offset(&parse->log->in);
		uint32_t key;

		if (want_u32(parse, "a key", &key, err) < 0)
			return -1;
		if ((key > KEY_DIGESTS && key != KEY_TYPE && key != KEY_CONTENT) ||
		    (seen & 1u << key) || (key == KEY_CONTENT && !(seen & 1u << KEY_TYPE)))
			return cel_malformed(parse, at, err,
					     "CEL 5.2: the key %u is none of a record's, there "
					     "already, or before content_type",
					     key);
		seen |= 1u << key;
		if (read_member(parse, key, err) < 0)
			return -1;
	}
	parse->out->is_nv = seen & 1u << KEY_NV;
	if ((seen & all) != all || parse->out->is_nv == !!(seen & 1u << KEY_PCR))
		return cel_malformed(parse, map.at, err,
				     "CEL 4.2: lacks a member, or has both a PCR and an NV index");
	return 0;
}

/* An array of records has its number first; a sequence just begins. */
int cel_cbor_open(struct cel_log *log, struct error *err)
{
	struct item item;

	if (log->in.data[0] >> 5 != 4)
		return 0;
	if (item_next(&log->in, &item, err) < 0)
		return -1;
	log->is_array = true;
	log->n_items = item.number;
	return 0;
}

int cel_cbor_next(struct cel_parse *parse, struct error *err)
{
	struct cel_log *log = parse->log;

	parse->at = parse->out->record.offset = reader_offset(&log->in);
	if (log->is_array && log->item == log->n_items) {
		if (log->in.pos < log->in.size)
			return cel_malformed(parse, parse->at, err, "bytes after the array");
		return 0;
	}
	if (!log->is_array && log->in.pos == log->in.size)
		return 0;
	log->item++;
	return read_record(parse, err) < 0 ? -1 : 1;
}
