/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/userspace/userspace.h"

#include <inttypes.h>

#include "core/own.h"

/* RFC 7464, 2.2. */
#define RECORD_SEPARATOR 0x1e

/* RTMR0 to RTMR3. */
#define REGISTERS 4

static const struct {
	const char *name;
	bool is_string; /* the digest is over the string */
} events[USERSPACE_EVENT_COUNT] = {
	[USERSPACE_OTHER] = {"other",            false},
	[USERSPACE_PHASE] = { "phase",           true },
	[USERSPACE_FILESYSTEM] = { "filesystem",      true },
	[USERSPACE_VOLUME_KEY] = { "volume-key",      false},
	[USERSPACE_MACHINE_ID] = { "machine-id",      true },
	[USERSPACE_PRODUCT_ID] = { "product-id",      true },
	[USERSPACE_KEYSLOT] = { "keyslot",         false},
	[USERSPACE_NVPCR_INIT] = { "nvpcr-init",      true },
	[USERSPACE_NVPCR_SEPARATOR] = { "nvpcr-separator", true },
	[USERSPACE_DM_VERITY] = { "dm-verity",       false},
	[USERSPACE_IMDS_USERDATA] = { "imds-userdata",   false},
	[USERSPACE_OS_SEPARATOR] = { "os-separator",    true },
	[USERSPACE_LOGIN] = { "login",           false},
};

const char *userspace_event_name(enum userspace_event event)
{
	return events[event].name;
}

static enum userspace_event event_of_name(struct bytes name)
{
	for (enum userspace_event event = USERSPACE_OTHER + 1; event < USERSPACE_EVENT_COUNT;
	     event++)
		if (bytes_equal_string(name, events[event].name))
			return event;
	return USERSPACE_OTHER;
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

int userspace_open(struct userspace_log *out, struct bytes bytes, const char *source,
		   struct error *err)
{
	struct userspace_log log = { .source = source, .bytes = bytes };

	while (log.pos < bytes.size && is_blank(bytes.data[log.pos]))
		log.pos++;
	if (log.pos < bytes.size) {
		uint8_t first = bytes.data[log.pos];

		if (first != RECORD_SEPARATOR && first != '{')
			return error_set(err, ERROR_MALFORMED, source, log.pos,
					 "RFC 7464, 2.2: a record begins with 0x1e, not 0x%02x",
					 first);
		log.by_line = first == '{';
	}
	*out = log;
	return 0;
}

void userspace_close(struct userspace_log *log)
{
	json_value_free(log->document);
	log->document = NULL;
}

/* --- one record --------------------------------------------------------------------------------- */

/* A record on its way, and where errors point to. */
struct parse {
	const char *source;
	uint64_t offset;
	struct userspace_record *out;
};

static int malformed(const struct parse *parse, struct error *err, const char *what)
{
	return error_set(err, ERROR_MALFORMED, parse->source, parse->offset, "CEL 5.1: %s", what);
}

static int parse_digest(struct parse *parse, const struct json_value *item, struct error *err)
{
	struct record *record = &parse->out->record;
	struct bytes name, hex;
	struct digest digest;
	uint8_t value[DIGEST_SIZE_MAX];
	long size;

	if (!json_value_text(json_value_member(item, "hashAlg"), &name))
		return malformed(parse, err, "a digest whose hashAlg is no string");
	if (!json_value_text(json_value_member(item, "digest"), &hex))
		return malformed(parse, err, "a digest whose digest is no string");
	digest.alg = alg_of_name(name);
	if (digest.alg >= ALG_BANKS) {
		record->oddities |= RECORD_DIGEST_UNKNOWN;
		return 0;
	}
	size = hex_parse(hex, value, sizeof(value));
	if (size < 0 || !digest_init(&digest, digest.alg, bytes_of(value, (size_t)size)))
		return malformed(parse, err,
				 "a digest that is not of its algorithm's size, in hex");
	for (size_t i = 0; i < record->n_digests; i++)
		if (record->digests[i].alg == digest.alg) {
			record->oddities |= RECORD_DIGEST_TWICE;
			return 0;
		}
	record->digests[record->n_digests++] = digest;
	return 0;
}

static int parse_digests(struct parse *parse, const struct json_value *digests, struct error *err)
{
	long n = json_value_count(digests);

	if (n < 0)
		return malformed(parse, err, "digests is no array");
	if (n > USERSPACE_DIGESTS_MAX)
		return error_set(err, ERROR_LIMIT, parse->source, parse->offset,
				 "CEL 5.1: %ld digests, at most %d", n, USERSPACE_DIGESTS_MAX);
	for (long i = 0; i < n; i++)
		if (parse_digest(parse, json_value_item(digests, (size_t)i), err) < 0)
			return -1;
	return 0;
}

/* What the record extends: one of pcr, nv_index and rtmr. */
static int parse_target(struct parse *parse, const struct json_value *json, struct error *err)
{
	const struct json_value *pcr = json_value_member(json, "pcr");
	const struct json_value *nv_index = json_value_member(json, "nv_index");
	const struct json_value *rtmr = json_value_member(json, "rtmr");
	const struct json_value *mapped = json_value_member(json, "mapped_pcr");
	struct userspace_record *out = parse->out;
	uint64_t number;

	out->record.pcr = out->mapped_pcr = UINT32_MAX;
	if ((pcr != NULL) + (nv_index != NULL) + (rtmr != NULL) != 1)
		return malformed(parse, err, "a record extends one of pcr, nv_index and rtmr");
	if (pcr) {
		out->target = USERSPACE_PCR;
		if (!json_value_uint(pcr, &number) || number >= PCR_COUNT)
			return malformed(parse, err, "pcr is no number from 0 to 23");
		out->record.pcr = (uint32_t)number;
	} else if (nv_index) {
		out->target = USERSPACE_NV_INDEX;
		if (!json_value_uint(nv_index, &out->nv_index) || out->nv_index > UINT32_MAX)
			return malformed(parse, err, "nv_index is no handle");
	} else {
		out->target = USERSPACE_RTMR;
		if (!json_value_uint(rtmr, &number) || number >= REGISTERS)
			return malformed(parse, err, "rtmr is no number from 0 to 3");
		out->record.pcr = (uint32_t)number + 1;
		if (!mapped)
			return 0;
		if (!json_value_uint(mapped, &number) || number >= PCR_COUNT)
			return malformed(parse, err, "mapped_pcr is no number from 0 to 23");
		out->mapped_pcr = (uint32_t)number;
	}
	return 0;
}

/* A member of content that may be missing, and is text if it is not. */
static int parse_text(struct parse *parse, const struct json_value *content, const char *key,
		      struct bytes *out, struct error *err)
{
	const struct json_value *value = json_value_member(content, key);

	if (!value || json_value_text(value, out))
		return 0;
	return error_set(err, ERROR_MALFORMED, parse->source, parse->offset,
			 "systemd's records: %s is no string", key);
}

static int parse_content(struct parse *parse, const struct json_value *json, struct error *err)
{
	const struct json_value *kind = json_value_member(json, "content_type");
	const struct json_value *content = json_value_member(json, "content");
	struct userspace_record *out = parse->out;
	struct bytes text = bytes_of_string("systemd");

	if (kind && !json_value_text(kind, &text))
		return malformed(parse, err, "content_type is no string");
	if (!bytes_equal_string(text, "systemd")) {
		/* As replay/forms writes what others logged. */
		out->record.name = text;
		json_value_text(json_value_member(content, "string"), &out->record.data);
		return 0;
	}
	if (content ? !json_value_is_object(content) : kind != NULL)
		return malformed(parse, err, "content is no object");
	if (parse_text(parse, content, "string", &out->record.data, err) < 0 ||
	    parse_text(parse, content, "eventType", &out->record.name, err) < 0 ||
	    parse_text(parse, content, "bootId", &out->boot_id, err) < 0 ||
	    parse_text(parse, content, "nvIndexName", &out->nv_name, err) < 0)
		return -1;
	out->record.type = event_of_name(out->record.name);
	out->has_timestamp =
		json_value_uint(json_value_member(content, "timestamp"), &out->timestamp);
	return 0;
}

static int parse_record(struct userspace_log *log, struct bytes text, uint64_t offset,
			struct userspace_record *out, struct error *err)
{
	struct userspace_record record = {
		.record = {.content = RECORD_SYSTEMD,
                           .index = log->n_given,
                           .offset = offset,
                           .data_offset = ERROR_NO_OFFSET}
	};
	struct parse parse = { log->source, offset, &record };

	userspace_close(log);
	if (text.size > USERSPACE_RECORD_MAX)
		return error_set(err, ERROR_LIMIT, log->source, offset,
				 "a record of %zu bytes, at most %zu", text.size,
				 USERSPACE_RECORD_MAX);
	if (json_read(text, log->source, &log->document, err) < 0) {
		if (err && err->offset != ERROR_NO_OFFSET)
			err->offset += offset;
		return -1;
	}
	if (!json_value_is_object(log->document))
		return malformed(&parse, err, "a record is an object");
	if (parse_target(&parse, log->document, err) < 0 ||
	    parse_digests(&parse, json_value_member(log->document, "digests"), err) < 0 ||
	    parse_content(&parse, log->document, err) < 0)
		return -1;
	*out = record;
	return 0;
}

int userspace_next(struct userspace_log *log, struct userspace_record *out, struct error *err)
{
	struct bytes bytes = log->bytes;
	uint8_t between = log->by_line ? '\n' : RECORD_SEPARATOR;
	size_t pos = log->pos;
	const uint8_t *end;
	struct bytes text;

	/* Separators may follow each other (RFC 7464, 2.1), and blanks may stand between. */
	while (pos < bytes.size && (is_blank(bytes.data[pos]) || bytes.data[pos] == between))
		pos++;
	if (pos == bytes.size)
		return 0;
	end = memchr(bytes.data + pos, between, bytes.size - pos);
	text = bytes_of(bytes.data + pos,
			end ? (size_t)(end - bytes.data) - pos : bytes.size - pos);
	if (parse_record(log, text, pos, out, err) < 0)
		return -1;
	log->pos = pos + text.size;
	log->n_given++;
	return 1;
}

/* --- is the digest over the string? ------------------------------------------------------------- */

/* Where systemd cuts what it shows (escape_and_truncate_data), less the mark that it then adds. */
#define SHOWN_MAX 1000

static int hex_digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes cescape(): the bytes that were measured, not longer than the text. False: no such escape. */
static bool unescape(struct bytes text, uint8_t *out, size_t *size)
{
	static const char letters[] = "abfnrtv\\\"'", values[] = "\a\b\f\n\r\t\v\\\"'";

	*size = 0;
	for (size_t i = 0; i < text.size; i++) {
		const char *letter;

		if (text.data[i] != '\\') {
			out[(*size)++] = text.data[i];
			continue;
		}
		if (++i == text.size)
			return false;
		letter = text.data[i] ? strchr(letters, text.data[i]) : NULL;
		if (letter) {
			out[(*size)++] = (uint8_t)values[letter - letters];
		} else if (text.data[i] == 'x' && text.size - i > 2 &&
			   hex_digit(text.data[i + 1]) >= 0 && hex_digit(text.data[i + 2]) >= 0) {
			out[(*size)++] = (uint8_t)(hex_digit(text.data[i + 1]) << 4 |
						   hex_digit(text.data[i + 2]));
			i += 2;
		} else if (text.size - i > 2 && text.data[i] >= '0' && text.data[i] <= '3' &&
			   text.data[i + 1] >= '0' && text.data[i + 1] <= '7' &&
			   text.data[i + 2] >= '0' && text.data[i + 2] <= '7') {
			out[(*size)++] =
				(uint8_t)((text.data[i] - '0') << 6 |
					  (text.data[i + 1] - '0') << 3 | (text.data[i + 2] - '0'));
			i += 2;
		} else {
			return false;
		}
	}
	return true;
}

/* -1, or how many digests could be compared. */
static int compare_digests(const struct record *record, struct bytes data, struct hasher *hasher,
			   alg_set *mismatched, struct error *err)
{
	int n = 0;

	*mismatched = 0;
	for (size_t i = 0; i < record->n_digests; i++) {
		struct digest digest;

		if (!hasher_has(hasher, record->digests[i].alg))
			continue;
		if (hasher_digest_bytes(hasher, record->digests[i].alg, data, &digest, err) < 0)
			return -1;
		if (!digest_equal(&digest, &record->digests[i]))
			*mismatched |= (alg_set)1 << record->digests[i].alg;
		n++;
	}
	return n;
}

int userspace_check(const struct userspace_record *record, struct hasher *hasher,
		    struct event_check *out, struct error *err)
{
	struct bytes text = record->record.data;
	AUTO(own_free) uint8_t *plain = malloc(text.size + 1);
	alg_set mismatched, of_plain;
	size_t size;
	int n;

	if (!plain)
		return error_memory(err, NULL);
	*out = (struct event_check){ .result = DATA_UNCHECKED };
	n = compare_digests(&record->record, text, hasher, &mismatched, err);
	if (n <= 0)
		return n;
	if (mismatched && text.size && memchr(text.data, '\\', text.size) &&
	    unescape(text, plain, &size)) {
		if (compare_digests(&record->record, bytes_of(plain, size), hasher, &of_plain,
				    err) < 0)
			return -1;
		if (!of_plain)
			mismatched = 0;
	}
	if (!mismatched) {
		out->result = DATA_MATCH;
		out->over = "string";
	} else if (events[record->record.type].is_string && text.size < SHOWN_MAX) {
		out->result = DATA_MISMATCH;
		out->over = "string";
		out->mismatched = mismatched;
	}
	return 0;
}
