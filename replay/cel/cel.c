/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cel/cel.h"

#include <stdarg.h>

#include "replay/cel/internal.h"

/* Records of one log: an IMA list of that many is a gigabyte. */
#define RECORDS_MAX UINT64_C(20000000)

static const struct {
	const char *name;
	int (*open)(struct cel_log *log, struct error *err); /* NULL: nothing comes before */
	int (*next)(struct cel_parse *parse, struct error *err);
} encodings[] = {
	[CEL_TLV] = {"cel-tlv",   NULL,          cel_tlv_next },
	[CEL_JSON] = { "cel-json", cel_json_open, cel_json_next},
	[CEL_CBOR] = { "cel-cbor", cel_cbor_open, cel_cbor_next},
};

const char *cel_encoding_name(enum cel_encoding encoding)
{
	return encodings[encoding].name;
}

const char *cel_content_name(uint32_t content)
{
	switch (content) {
	case CEL_CONTENT_CEL:
		return "cel";
	case CEL_CONTENT_PCCLIENT_STD:
		return "pcclient_std";
	case CEL_CONTENT_IMA_TEMPLATE:
		return "ima_template";
	case CEL_CONTENT_IMA_TLV:
		return "ima_tlv";
	case CEL_CONTENT_SYSTEMD:
		return "systemd";
	default:
		return NULL;
	}
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A record number of at most eight bytes, then a PCR or an NV index. */
static bool begins_as_tlv(struct bytes start)
{
	size_t size;

	if (start.size < 6 || start.data[0] != 0 || start.data[1] || start.data[2] || start.data[3])
		return false;
	size = start.data[4];
	if (size < 1 || size > 8)
		return false;
	return start.size <= 5 + size || start.data[5 + size] == 1 || start.data[5 + size] == 2 ||
	       start.data[5 + size] == 108;
}

bool cel_guess(struct bytes start, enum cel_encoding *out)
{
	size_t at = 0;

	if (begins_as_tlv(start)) {
		*out = CEL_TLV;
		return true;
	}
	/* An array (major type 4) or a map of five members with a key 0. */
	if (start.size && (start.data[0] >> 5 == 4 ||
			   (start.data[0] == 0xa5 && (start.size < 2 || start.data[1] == 0)))) {
		*out = CEL_CBOR;
		return true;
	}
	while (at < start.size && is_blank(start.data[at]))
		at++;
	if (at == start.size || !strchr("[{\x1e", start.data[at]) || start.data[at] == 0)
		return false;
	*out = CEL_JSON;
	return true;
}

bool cel_is_binary(struct bytes start)
{
	struct cel_record record = { 0 };
	enum cel_encoding encoding;
	struct error ignored;
	struct cel_log log;
	int status;

	if (!cel_guess(start, &encoding) || encoding == CEL_JSON ||
	    cel_open(&log, start, NULL, &ignored) < 0)
		return false;
	status = cel_next(&log, &record, &ignored);
	cel_close(&log);
	return record.record.n_digests > 0 && (status > 0 || ignored.code == ERROR_TRUNCATED);
}

int cel_open(struct cel_log *out, struct bytes bytes, const char *source, struct error *err)
{
	struct cel_log log = { .source = source, .in = reader_of(bytes, 0, source) };

	if (bytes.size == 0)
		return error_set(err, ERROR_TRUNCATED, source, 0, "an empty log");
	if (!cel_guess(bytes, &log.encoding))
		return error_set(err, ERROR_MALFORMED, source, 0,
				 "CEL 5: begins as none of TLV, JSON, CBOR");
	if (encodings[log.encoding].open && encodings[log.encoding].open(&log, err) < 0) {
		cel_close(&log);
		return -1;
	}
	*out = log;
	return 0;
}

int cel_open_array(struct cel_log *out, const struct json_value *array, const char *source,
		   struct error *err)
{
	long n = json_value_count(array);

	if (n < 0)
		return error_set(err, ERROR_MALFORMED, source, ERROR_NO_OFFSET,
				 "CEL 5.2: a log is an array of records");
	*out = (struct cel_log){ .source = source,
				 .encoding = CEL_JSON,
				 .array = array,
				 .n_items = (size_t)n,
				 .is_array = true };
	return 0;
}

void cel_close(struct cel_log *log)
{
	json_value_free(log->document);
	log->document = NULL;
	arena_clear(&log->arena);
}

int cel_next(struct cel_log *log, struct cel_record *out, struct error *err)
{
	struct cel_parse parse = { .log = log, .out = out };
	int status;

	arena_clear(&log->arena);
	*out = (struct cel_record){
		.record = {.index = log->n_given,
                           .content = RECORD_CEL,
                           .pcr = UINT32_MAX,
                           .data_offset = ERROR_NO_OFFSET}
	};
	if (log->is_broken)
		return error_set(err, ERROR_MALFORMED, log->source, ERROR_NO_OFFSET,
				 "the log is broken before");
	if (log->n_given == RECORDS_MAX)
		status = error_set(err, ERROR_LIMIT, log->source, reader_offset(&log->in),
				   "more than %llu records", (unsigned long long)RECORDS_MAX);
	else
		status = encodings[log->encoding].next(&parse, err);
	if (status >= 0 && log->arena.failed)
		status = error_memory(err, log->source);
	log->is_broken = status < 0;
	log->n_given += status > 0;
	return status;
}

int cel_malformed(const struct cel_parse *parse, uint64_t at, struct error *err, const char *format,
		  ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_set(err, ERROR_MALFORMED, parse->log->source, at, "record %llu: %s",
			 (unsigned long long)parse->log->n_given, text);
}

int cel_add_digest(struct cel_parse *parse, enum alg alg, struct bytes value, uint64_t at,
		   struct error *err)
{
	struct record *record = &parse->out->record;

	if (alg >= ALG_BANKS) {
		record->oddities |= RECORD_DIGEST_UNKNOWN;
		return 0;
	}
	for (size_t i = 0; i < record->n_digests; i++)
		if (record->digests[i].alg == alg) {
			record->oddities |= RECORD_DIGEST_TWICE;
			return 0;
		}
	if (!digest_init(&record->digests[record->n_digests], alg, value))
		return cel_malformed(parse, at, err, "a %s digest of %zu bytes", alg_name(alg),
				     value.size);
	record->n_digests++;
	return 0;
}
