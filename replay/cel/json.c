/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CEL 5.2 in JSON. Bytes are hex, as the specification's example and tpm2-tss write them; in base64
 * where the record's digests are, for then its writer has it so everywhere. tpm2-tss before 4.0 has "type"
 * and "sub_event" for "content_type" and "content", and names of algorithms in capitals.
 */
#include "core/base64.h"
#include "core/text.h"
#include "replay/cel/internal.h"

/* RFC 7464, 2.2. */
#define RECORD_SEPARATOR 0x1e

/* RTMR0 to RTMR3. */
#define REGISTER_MAX 3

/* Longest record of a sequence: its data in hex, and what is around it. */
#define RECORD_TEXT_MAX (3 * CEL_DATA_MAX)

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct reader *in)
{
	while (in->pos < in->size && is_blank(in->data[in->pos]))
		in->pos++;
}

int cel_json_open(struct cel_log *log, struct error *err)
{
	long n;

	skip_blanks(&log->in);
	if (log->in.data[log->in.pos] != '[')
		return 0;
	if (json_read(bytes_of(log->in.data, log->in.size), log->source, &log->document, err) < 0)
		return -1;
	n = json_value_count(log->document);
	log->array = log->document;
	log->n_items = n < 0 ? 0 : (size_t)n;
	log->is_array = true;
	return 0;
}

/* --- bytes ---------------------------------------------------------------------------------------- */

/* The text of bytes, decoded into the log's arena: -1 with what is wrong. */
static int decode(const struct cel_parse *parse, struct bytes text, bool is_base64,
		  const char *what, struct bytes *out, struct error *err)
{
	size_t room = is_base64 ? BASE64_DECODED_MAX(text.size) : text.size / 2;
	uint8_t *to;
	long size;

	if (room > CEL_DATA_MAX)
		return error_set(err, ERROR_LIMIT, parse->log->source, parse->at,
				 "%s of %zu bytes, at most %zu", what, room, CEL_DATA_MAX);
	to = arena_take(&parse->log->arena, room + 1);
	if (!to)
		return error_memory(err, parse->log->source);
	size = is_base64 ? base64_decode(text, to, NULL) : hex_parse(text, to, room);
	if (size < 0)
		return cel_malformed(parse, parse->at, err, "%s is no %s", what,
				     is_base64 ? "base64" : "hex");
	*out = bytes_of(to, (size_t)size);
	return 0;
}

static enum alg alg_of_json(const struct json_value *value)
{
	struct bytes text;
	char name[16];
	uint64_t id;

	if (json_value_uint(value, &id))
		return id <= UINT16_MAX ? alg_of_tpm_id((uint16_t)id) : ALG_NONE;
	if (!json_value_text(value, &text) || text.size > sizeof(name))
		return ALG_NONE;
	for (size_t i = 0; i < text.size; i++)
		name[i] = (char)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] + 32
									    : text.data[i]);
	return alg_of_name(bytes_of(name, text.size));
}

static int read_digests(struct cel_parse *parse, const struct json_value *list, bool *is_base64,
			struct error *err)
{
	long n = json_value_count(list);

	if (n < 0)
		return cel_malformed(parse, parse->at, err,
				     "CEL 4.2.3: lacks an array \"digests\"");
	if (n > CEL_DIGESTS_MAX)
		return error_set(err, ERROR_LIMIT, parse->log->source, parse->at,
				 "more than %d digests in a record", CEL_DIGESTS_MAX);
	for (long i = 0; i < n; i++) {
		const struct json_value *item = json_value_item(list, (size_t)i);
		enum alg alg = alg_of_json(json_value_member(item, "hashAlg"));
		struct bytes text, value;

		if (!json_value_text(json_value_member(item, "digest"), &text))
			return cel_malformed(parse, parse->at, err, "a digest that is no text");
		if (alg < ALG_BANKS)
			*is_base64 = text.size != 2 * alg_size(alg);
		if (decode(parse, text, *is_base64, "a digest", &value, err) < 0 ||
		    cel_add_digest(parse, alg, value, parse->at, err) < 0)
			return -1;
	}
	return 0;
}

/* --- contents --------------------------------------------------------------------------------------- */

static int read_event(struct cel_parse *parse, const struct json_value *content, bool is_base64,
		      struct error *err)
{
	const struct json_value *type = json_value_member(content, "event_type");
	struct record *record = &parse->out->record;
	uint64_t number;
	struct bytes text;

	if (json_value_uint(type, &number)) {
		if (number > UINT32_MAX)
			return cel_malformed(parse, parse->at, err,
					     "an event_type of more than 32 bits");
		record->type = (uint32_t)number;
	} else if (!json_value_text(type, &text) || !event_type_of_name(text, &record->type)) {
		return cel_malformed(parse, parse->at, err,
				     "no event_type, or one that nobody defined");
	}
	if (!json_value_text(json_value_member(content, "event_data"), &text))
		return cel_malformed(parse, parse->at, err, "its event_data is no text");
	record->content = RECORD_TCG_EVENT;
	return decode(parse, text, is_base64, "event_data", &record->data, err);
}

static int read_template(struct cel_parse *parse, const struct json_value *content, bool is_base64,
			 struct error *err)
{
	struct record *record = &parse->out->record;
	struct bytes text;

	record->content = RECORD_IMA_TEMPLATE;
	/* tpm2-tss does not say which template it was. */
	if (!json_value_member(content, "template_name") &&
	    !json_value_member(content, "template_data"))
		return 0;
	if (!json_value_text(json_value_member(content, "template_name"), &record->name) ||
	    !json_value_text(json_value_member(content, "template_data"), &text))
		return cel_malformed(parse, parse->at, err,
				     "its template_name or template_data is no text");
	return decode(parse, text, is_base64, "template_data", &record->data, err);
}

static void read_management(struct cel_record *out, const struct json_value *content)
{
	const struct json_value *data = json_value_member(content, "data");
	static const struct {
		const char *name;
		uint32_t value;
	} names[] = {
		{"cel_version",    CEL_VERSION     },
		{ "firmware_end",  CEL_FIRMWARE_END},
		{ "cel_timestamp", CEL_TIMESTAMP   },
		{ "state_trans",   CEL_STATE_TRANS },
	};
	uint64_t major, minor;
	struct bytes text;

	if (json_value_text(json_value_member(content, "type"), &text))
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (bytes_equal_string(text, names[i].name))
				out->management = names[i].value;
	if (out->management == CEL_VERSION &&
	    json_value_uint(json_value_member(data, "major"), &major) && major <= UINT32_MAX &&
	    json_value_uint(json_value_member(data, "minor"), &minor) && minor <= UINT32_MAX) {
		out->has_version = true;
		out->major = (uint32_t)major;
		out->minor = (uint32_t)minor;
	}
}

static uint32_t content_of(const struct json_value *type)
{
	struct bytes name;
	uint64_t number;

	if (json_value_uint(type, &number))
		return number <= UINT32_MAX ? (uint32_t)number : CEL_CONTENT_OTHER;
	if (json_value_text(type, &name) && bytes_equal_string(name, "LINUX_IMA"))
		return CEL_CONTENT_IMA_TEMPLATE; /* tpm2-tss */
	if (json_value_text(type, &name))
		for (uint32_t i = 0; i < CEL_CONTENT_OTHER; i++)
			if (cel_content_name(i) && bytes_equal_string(name, cel_content_name(i)))
				return i;
	return CEL_CONTENT_OTHER;
}

static int read_content(struct cel_parse *parse, const struct json_value *record, bool is_base64,
			struct error *err)
{
	const struct json_value *content = json_value_member(record, "content");
	const struct json_value *type = json_value_member(record, "content_type");

	if (!content)
		content = json_value_member(record, "sub_event");
	if (!type)
		type = json_value_member(record, "type");
	if (!type)
		return cel_malformed(parse, parse->at, err, "CEL 4.2: lacks its content_type");
	parse->out->content = content_of(type);
	switch (parse->out->content) {
	case CEL_CONTENT_CEL:
		read_management(parse->out, content);
		return 0;
	case CEL_CONTENT_PCCLIENT_STD:
		return read_event(parse, content, is_base64, err);
	case CEL_CONTENT_IMA_TEMPLATE:
		return read_template(parse, content, is_base64, err);
	case CEL_CONTENT_SYSTEMD:
		parse->out->record.content = RECORD_SYSTEMD;
		json_value_text(json_value_member(content, "string"), &parse->out->record.data);
		json_value_text(json_value_member(content, "eventType"), &parse->out->record.name);
		return 0;
	case CEL_CONTENT_OTHER:
		json_value_text(type, &parse->out->record.name);
		return 0;
	default:
		return 0;
	}
}

/* --- records ---------------------------------------------------------------------------------------- */

static int read_record(struct cel_parse *parse, const struct json_value *value, struct error *err)
{
	const struct json_value *pcr = json_value_member(value, "pcr");
	const struct json_value *nv = json_value_member(value, "nv_index");
	const struct json_value *rtmr = json_value_member(value, "rtmr");
	struct cel_record *out = parse->out;
	bool is_base64 = false;
	uint64_t number;

	if (!json_value_is_object(value))
		return cel_malformed(parse, parse->at, err, "no object");
	if ((pcr != NULL) + (nv != NULL) + (rtmr != NULL) != 1)
		return cel_malformed(parse, parse->at, err,
				     "CEL 4.2.2: has both a PCR and an NV index, or neither");
	if (!json_value_uint(pcr  ? pcr
			     : nv ? nv
				  : rtmr,
			     &number) ||
	    number > (rtmr ? REGISTER_MAX : UINT32_MAX))
		return cel_malformed(parse, parse->at, err, "its PCR or NV index is no number");
	out->json = value;
	out->is_nv = nv != NULL;
	out->is_register = rtmr != NULL;
	if (nv)
		out->nv_index = (uint32_t)number;
	else
		out->record.pcr = (uint32_t)number + (rtmr ? 1 : 0);
	/* systemd and its like leave the number out. */
	out->recnum = out->record.index;
	out->has_recnum = json_value_uint(json_value_member(value, "recnum"), &out->recnum);
	if (read_digests(parse, json_value_member(value, "digests"), &is_base64, err) < 0)
		return -1;
	return read_content(parse, value, is_base64, err);
}

/* The text of the next record of a sequence: 1, 0 at the end, -1. */
static int next_text(struct cel_log *log, struct bytes *out, uint64_t *at, struct error *err)
{
	struct reader *in = &log->in;
	const uint8_t *end;
	size_t size;
	int separator;

	skip_blanks(in);
	if (in->pos == in->size)
		return 0;
	separator = in->data[in->pos] == RECORD_SEPARATOR ? RECORD_SEPARATOR : '\n';
	in->pos += separator == RECORD_SEPARATOR;
	*at = reader_offset(in);
	end = memchr(in->data + in->pos, separator, in->size - in->pos);
	size = end ? (size_t)(end - in->data) - in->pos : in->size - in->pos;
	if (size > RECORD_TEXT_MAX)
		return error_set(err, ERROR_LIMIT, log->source, *at,
				 "a record of %zu bytes, at most %zu", size, RECORD_TEXT_MAX);
	*out = bytes_of(in->data + in->pos, size);
	in->pos += size;
	return 1;
}

int cel_json_next(struct cel_parse *parse, struct error *err)
{
	struct cel_log *log = parse->log;
	struct bytes text;
	int more;

	parse->at = parse->out->record.offset = ERROR_NO_OFFSET;
	if (log->is_array) {
		if (log->item == log->n_items)
			return 0;
		return read_record(parse, json_value_item(log->array, log->item++), err) < 0 ? -1
											     : 1;
	}
	more = next_text(log, &text, &parse->at, err);
	if (more <= 0)
		return more;
	parse->out->record.offset = parse->at;
	json_value_free(log->document);
	log->document = NULL;
	if (json_read(text, log->source, &log->document, err) < 0) {
		if (err && err->offset != ERROR_NO_OFFSET)
			err->offset += parse->at;
		return -1;
	}
	return read_record(parse, log->document, err) < 0 ? -1 : 1;
}
