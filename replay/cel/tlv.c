/* SPDX-License-Identifier: BSD-2-Clause */
/* CEL 5.1: records as nested type, length, value; lengths are be32. */
#include "replay/cel/internal.h"

enum { TLV_RECNUM, TLV_PCR, TLV_NV_INDEX, TLV_DIGESTS };

/* go-eventlog's, in the place of the PCR: a register of a confidential machine. */
#define TLV_REGISTER  108
#define SEEN_REGISTER (1u << 4)

struct tlv {
	uint64_t at; /* of its type */
	uint8_t type;
	struct reader value;
};

/* 1, 0 at the end of in, -1. */
static int tlv_next(struct reader *in, struct tlv *out, struct error *err)
{
	struct bytes value;
	uint32_t size;

	if (in->pos == in->size)
		return 0;
	out->at = reader_offset(in);
	out->type = reader_u8(in);
	size = reader_be32(in);
	value = reader_bytes(in, size);
	if (in->ran_out)
		return error_set(err, ERROR_TRUNCATED, in->source, in->ran_out_at,
				 "CEL 5.1: a field of %zu bytes, %zu are left", in->ran_out_wanted,
				 in->size - (size_t)(in->ran_out_at - in->base));
	out->value = reader_of(value, out->at + 5, in->source);
	return 1;
}

static struct bytes tlv_bytes(const struct tlv *tlv)
{
	return bytes_of(tlv->value.data, tlv->value.size);
}

/* A number of one to eight bytes, as short as its writer liked. */
static int tlv_number(const struct cel_parse *parse, const struct tlv *tlv, uint64_t most,
		      const char *what, uint64_t *out, struct error *err)
{
	struct bytes bytes = tlv_bytes(tlv);
	uint64_t number = 0;

	if (bytes.size < 1 || bytes.size > 8)
		return cel_malformed(parse, tlv->at, err, "CEL 5.1: %s of %zu bytes", what,
				     bytes.size);
	for (size_t i = 0; i < bytes.size; i++)
		number = number << 8 | bytes.data[i];
	if (number > most)
		return cel_malformed(parse, tlv->at, err, "%s is 0x%llx, at most 0x%llx", what,
				     (unsigned long long)number, (unsigned long long)most);
	*out = number;
	return 0;
}

static int read_digests(struct cel_parse *parse, struct tlv *list, struct error *err)
{
	struct tlv tlv;
	size_t n = 0;
	int more;

	while ((more = tlv_next(&list->value, &tlv, err)) > 0) {
		if (++n > CEL_DIGESTS_MAX)
			return error_set(err, ERROR_LIMIT, parse->log->source, tlv.at,
					 "more than %d digests in a record", CEL_DIGESTS_MAX);
		if (cel_add_digest(parse, alg_of_tpm_id(tlv.type), tlv_bytes(&tlv), tlv.at, err) <
		    0)
			return -1;
	}
	return more;
}

/* The two fields of an event or an IMA entry, in either order; each once, and nothing else. */
static int read_pair(struct cel_parse *parse, struct tlv *content, struct tlv pair[2],
		     struct error *err)
{
	bool has[2] = { false, false };
	struct tlv tlv;
	int more;

	while ((more = tlv_next(&content->value, &tlv, err)) > 0) {
		if (tlv.type > 1 || has[tlv.type])
			return cel_malformed(parse, tlv.at, err,
					     "CEL 5.1: a field %u too many in its content",
					     tlv.type);
		has[tlv.type] = true;
		pair[tlv.type] = tlv;
	}
	if (more < 0)
		return -1;
	if (!has[0] || !has[1])
		return cel_malformed(parse, content->at, err, "CEL 4.3: its content lacks a field");
	return 0;
}

static int read_event(struct cel_parse *parse, struct tlv *content, struct error *err)
{
	struct record *record = &parse->out->record;
	struct tlv pair[2];
	uint64_t type;

	if (read_pair(parse, content, pair, err) < 0 ||
	    tlv_number(parse, &pair[0], UINT32_MAX, "event_type", &type, err) < 0)
		return -1;
	record->content = RECORD_TCG_EVENT;
	record->type = (uint32_t)type;
	record->data = tlv_bytes(&pair[1]);
	record->data_offset = pair[1].value.base;
	return 0;
}

static int read_template(struct cel_parse *parse, struct tlv *content, struct error *err)
{
	struct record *record = &parse->out->record;
	struct tlv pair[2];

	if (read_pair(parse, content, pair, err) < 0)
		return -1;
	record->content = RECORD_IMA_TEMPLATE;
	record->name = tlv_bytes(&pair[0]);
	record->data = tlv_bytes(&pair[1]);
	record->data_offset = pair[1].value.base;
	return 0;
}

/* A version is a major (0) and a minor (1) number; a zero may have no bytes. */
static int read_version(struct cel_parse *parse, struct tlv *version, struct error *err)
{
	uint32_t numbers[2] = { 0, 0 };
	unsigned seen = 0;
	struct tlv tlv;
	int more;

	while ((more = tlv_next(&version->value, &tlv, err)) > 0) {
		if (tlv.type > 1 || seen & 1u << tlv.type || tlv.value.size > 2)
			return cel_malformed(parse, tlv.at, err,
					     "CEL 4.3.1: a version has a major and a minor number");
		seen |= 1u << tlv.type;
		for (size_t i = 0; i < tlv.value.size; i++)
			numbers[tlv.type] = numbers[tlv.type] << 8 | tlv.value.data[i];
	}
	parse->out->has_version = more == 0 && seen;
	parse->out->major = numbers[0];
	parse->out->minor = numbers[1];
	return more;
}

static int read_management(struct cel_parse *parse, struct tlv *content, struct error *err)
{
	struct tlv tlv;
	int more = tlv_next(&content->value, &tlv, err);

	if (more < 0)
		return -1;
	if (more == 0 || content->value.pos != content->value.size)
		return cel_malformed(parse, content->at, err,
				     "CEL 4.3.1: management is one field, this has %s",
				     more ? "more" : "none");
	parse->out->management = tlv.type;
	return tlv.type == CEL_VERSION ? read_version(parse, &tlv, err) : 0;
}

static int read_content(struct cel_parse *parse, struct tlv *content, struct error *err)
{
	struct cel_record *out = parse->out;

	out->content = content->type;
	out->record.data = tlv_bytes(content);
	out->encoded = bytes_of(parse->log->in.data + (content->at - parse->log->in.base),
				content->value.size + 5);
	out->record.data_offset = content->value.base;
	if (content->value.size > CEL_DATA_MAX)
		return error_set(err, ERROR_LIMIT, parse->log->source, content->at,
				 "content of %zu bytes, at most %zu", content->value.size,
				 CEL_DATA_MAX);
	switch (content->type) {
	case CEL_CONTENT_CEL:
		return read_management(parse, content, err);
	case CEL_CONTENT_PCCLIENT_STD:
		return read_event(parse, content, err);
	case CEL_CONTENT_IMA_TEMPLATE:
		return read_template(parse, content, err);
	default:
		return 0;
	}
}

/* A field before the content: which, as a bit of seen; 0: it is the content. */
static unsigned field_of(uint8_t type)
{
	if (type == TLV_REGISTER)
		return SEEN_REGISTER;
	return type <= TLV_DIGESTS ? 1u << type : 0;
}

static int read_field(struct cel_parse *parse, struct tlv *tlv, struct error *err)
{
	struct cel_record *out = parse->out;
	uint64_t number;

	switch (tlv->type) {
	case TLV_DIGESTS:
		return read_digests(parse, tlv, err);
	case TLV_RECNUM:
		out->has_recnum = true;
		return tlv_number(parse, tlv, UINT64_MAX, "recnum", &out->recnum, err);
	case TLV_NV_INDEX:
		if (tlv_number(parse, tlv, UINT32_MAX, "nv_index", &number, err) < 0)
			return -1;
		out->nv_index = (uint32_t)number;
		return 0;
	default:
		if (tlv_number(parse, tlv, UINT32_MAX, tlv->type == TLV_PCR ? "pcr" : "a register",
			       &number, err) < 0)
			return -1;
		out->record.pcr = (uint32_t)number;
		return 0;
	}
}

/* The fields before the content: each once, content last. */
int cel_tlv_next(struct cel_parse *parse, struct error *err)
{
	struct reader *in = &parse->log->in;
	struct cel_record *out = parse->out;
	unsigned seen = 0, field;
	struct tlv tlv;

	out->record.offset = reader_offset(in);
	for (;;) {
		int more = tlv_next(in, &tlv, err);

		if (more < 0)
			return -1;
		if (more == 0 && seen == 0)
			return 0;
		if (more == 0)
			return error_set(err, ERROR_TRUNCATED, in->source, reader_offset(in),
					 "the log ends in a record");
		field = field_of(tlv.type);
		if (!field)
			break;
		if (seen & field)
			return cel_malformed(parse, tlv.at, err, "field %u is there twice",
					     tlv.type);
		seen |= field;
		if (read_field(parse, &tlv, err) < 0)
			return -1;
	}
	out->is_nv = seen & 1u << TLV_NV_INDEX;
	out->is_register = seen & SEEN_REGISTER;
	if (!(seen & 1u << TLV_RECNUM) || !(seen & 1u << TLV_DIGESTS))
		return cel_malformed(parse, out->record.offset, err,
				     "CEL 4.2: lacks its number or its digests");
	if (out->is_nv + out->is_register + !!(seen & 1u << TLV_PCR) != 1)
		return cel_malformed(parse, out->record.offset, err,
				     "CEL 4.2.2: has both a PCR and an NV index, or neither");
	return read_content(parse, &tlv, err) < 0 ? -1 : 1;
}
