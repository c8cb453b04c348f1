/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Canonical Event Log, taken apart into the logs that it was put together from: events of the firmware
 * (pcclient_std) become a crypto-agile log again, IMA's entries (ima_template) a binary list, and all that
 * else was extended, systemd's records among it, a log of user space. So whoever judges a log finds what
 * its own writer would have left.
 *
 * What the log itself promises is checked here: its version, numbers without gaps, digests of IMA entries
 * in every bank, and of Google's container events, over their content. The order of records of one PCR is
 * kept, as long as the firmware's come first.
 *
 * Sources: TCG Canonical Event Log Format 1.0 r0.41, 4; PFP 1.05, 10.2.2 and 10.4.5.1, ima_fs.c
 *          (ima_measurements_show) and RFC 7464 for the logs that are made; go-tpm-tools cel/cos_tlv.go.
 */
#include "replay/forms/cel.h"

#include <inttypes.h>

#include "core/event_type.h"
#include "core/json.h"
#include "core/own.h"
#include "core/pcr.h"

/* Google's container events: one TLV in the content, the digest over the whole of it. */
#define CONTENT_COS 80

/* Names of what a container event holds, by its type (cos_tlv.go). */
static const char *const cos_names[] = {
	"image-reference",  "image-digest",   "restart-policy",    "image-id",
	"argument",         "environment",    "override-argument", "override-environment",
	"launch-separator", "memory-monitor",
};

/* Numbers that count through the whole log, or through each PCR: writers do either. */
struct numbers {
	bool by_log_broken, by_pcr_broken;
	uint64_t by_log; /* the next one; 0: none was seen */
	uint64_t by_pcr[PCR_COUNT];
};

struct logs {
	struct sink *sink;
	const char *where; /* of the log in the file; "" for a whole file */
	struct buf firmware, ima, others;
	struct numbers numbers;
	enum alg ima_alg;   /* of the list's template digests */
	pcr_set later;      /* PCRs that something else than the firmware extended */
	bool is_unordered;  /* a firmware's event came behind that */
	uint64_t n_unnamed; /* IMA entries without their template's name */
	const char *why;    /* reading stopped at a record that is in no log of ours; else NULL */
};

static int fault(struct logs *logs, const struct cel_record *cel, struct error *err,
		 const char *what)
{
	return form_remark(logs->sink, true, logs->where, err, "record %" PRIu64 ": %s",
			   cel->record.index, what);
}

/* --- the firmware's log -------------------------------------------------------------------------- */

static bool is_spec_id(const struct record *record)
{
	return record->type == EV_NO_ACTION &&
	       bytes_start_with(record->data, bytes_of("Spec ID Event03", 16));
}

/* The Spec ID event, in the form of TPM 1.2: the log's own, or one with the algorithms of the first event. */
static void append_spec_id(struct buf *out, const struct cel_record *cel)
{
	const struct record *record = &cel->record;

	buf_append_le32(out, is_spec_id(record) ? record->pcr : cel->is_register ? 1 : 0);
	buf_append_le32(out, EV_NO_ACTION);
	for (unsigned i = 0; i < 20; i++)
		buf_append_u8(out, 0);
	if (is_spec_id(record)) {
		buf_append_le32(out, (uint32_t)record->data.size);
		buf_append(out, record->data);
		return;
	}
	buf_append_le32(out, (uint32_t)(29 + 4 * record->n_digests));
	buf_append(out, bytes_of("Spec ID Event03", 16));
	buf_append_le32(out, 0); /* platformClass: client */
	buf_append_u8(out, 0);   /* specVersionMinor, Major, errata: 2.0 */
	buf_append_u8(out, 2);
	buf_append_u8(out, 0);
	buf_append_u8(out, 2); /* uintnSize: 64 bits */
	buf_append_le32(out, (uint32_t)record->n_digests);
	for (size_t i = 0; i < record->n_digests; i++) {
		buf_append_le16(out, alg_tpm_id(record->digests[i].alg));
		buf_append_le16(out, record->digests[i].size);
	}
	buf_append_u8(out, 0); /* vendorInfo */
}

static void append_event(struct logs *logs, const struct cel_record *cel)
{
	const struct record *record = &cel->record;
	struct buf *out = &logs->firmware;

	if (out->size == 0) {
		append_spec_id(out, cel);
		if (is_spec_id(record))
			return;
	}
	if (record->type != EV_NO_ACTION && record->pcr < PCR_COUNT &&
	    logs->later & (pcr_set)1 << record->pcr)
		logs->is_unordered = true;
	buf_append_le32(out, record->pcr);
	buf_append_le32(out, record->type);
	buf_append_le32(out, (uint32_t)record->n_digests);
	for (size_t i = 0; i < record->n_digests; i++) {
		buf_append_le16(out, alg_tpm_id(record->digests[i].alg));
		buf_append(out, digest_bytes(&record->digests[i]));
	}
	buf_append_le32(out, (uint32_t)record->data.size);
	buf_append(out, record->data);
}

/* --- IMA's list ------------------------------------------------------------------------------------ */

static const struct digest *digest_of(const struct record *record, enum alg alg)
{
	for (size_t i = 0; i < record->n_digests; i++)
		if (record->digests[i].alg == alg)
			return &record->digests[i];
	return NULL;
}

static bool all_digests(const struct record *record, uint8_t byte)
{
	for (size_t i = 0; i < record->n_digests; i++)
		if (!bytes_all(digest_bytes(&record->digests[i]), byte))
			return false;
	return true;
}

/* A list has one algorithm: that of the kernel's first list, or the first that its first entry has. */
static enum alg list_alg(const struct record *record)
{
	static const enum alg algs[] = { ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512 };

	for (size_t i = 0; i < ARRAY_SIZE(algs); i++)
		if (digest_of(record, algs[i]))
			return algs[i];
	return ALG_NONE;
}

/* Each bank has its own hash of the template data, or SHA-1 and zeros; the list's own is judged with it. */
static int check_entry(struct logs *logs, const struct cel_record *cel, struct error *err)
{
	const struct record *record = &cel->record;
	struct hasher *hasher = form_hasher(logs->sink, err);
	struct digest sha1, own;

	if (!hasher || hasher_digest_bytes(hasher, ALG_SHA1, record->data, &sha1, err) < 0)
		return -1;
	for (size_t i = 0; i < record->n_digests; i++) {
		const struct digest *digest = &record->digests[i];
		struct bytes value = digest_bytes(digest);

		if (digest->alg == logs->ima_alg || !hasher_has(hasher, digest->alg))
			continue;
		if (hasher_digest_bytes(hasher, digest->alg, record->data, &own, err) < 0)
			return -1;
		if (digest_equal(digest, &own) ||
		    (value.size > sha1.size && memcmp(value.data, sha1.value, sha1.size) == 0 &&
		     bytes_all(bytes_of(value.data + sha1.size, value.size - sha1.size), 0)))
			continue;
		return form_remark(logs->sink, true, logs->where, err,
				   "record %" PRIu64
				   ": its %s digest is not over its template data",
				   record->index, alg_name(digest->alg));
	}
	return 0;
}

static int append_entry(struct logs *logs, const struct cel_record *cel, struct error *err)
{
	const struct record *record = &cel->record;
	bool is_violation = all_digests(record, 0) || all_digests(record, 0xff);
	struct buf *out = &logs->ima;
	const struct digest *digest;

	if (record->name.size == 0) {
		logs->n_unnamed++;
		return 0;
	}
	if (out->size == 0)
		logs->ima_alg = list_alg(record);
	digest = digest_of(record, logs->ima_alg);
	if (!digest || cel->is_register) {
		logs->why = "an IMA entry of no bank that the entries before it have";
		return 0;
	}
	/* A violation has zeros in a list; here it may have what was extended. The template "ima" is hashed
	 * otherwise than it is stored. */
	if (!is_violation && !bytes_equal_string(record->name, "ima") &&
	    check_entry(logs, cel, err) < 0)
		return -1;
	buf_append_le32(out, record->pcr);
	for (size_t i = 0; i < digest->size; i++)
		buf_append_u8(out, is_violation ? 0 : digest->value[i]);
	buf_append_le32(out, (uint32_t)record->name.size);
	buf_append(out, record->name);
	if (!bytes_equal_string(record->name, "ima"))
		buf_append_le32(out, (uint32_t)record->data.size);
	buf_append(out, record->data);
	return 0;
}

/* --- what else was extended ------------------------------------------------------------------------- */

static bool is_plain(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	return text.size > 0;
}

static int check_container(struct logs *logs, const struct cel_record *cel, struct error *err)
{
	struct hasher *hasher = form_hasher(logs->sink, err);

	if (!hasher)
		return -1;
	for (size_t i = 0; i < cel->record.n_digests; i++) {
		const struct digest *digest = &cel->record.digests[i];
		struct digest whole;

		if (!hasher_has(hasher, digest->alg))
			continue;
		if (hasher_digest_bytes(hasher, digest->alg, cel->encoded, &whole, err) < 0)
			return -1;
		if (!digest_equal(&whole, digest))
			return form_remark(logs->sink, true, logs->where, err,
					   "record %" PRIu64
					   ": a container event whose %s digest is not over it",
					   cel->record.index, alg_name(digest->alg));
	}
	return 0;
}

/* A container event's name and text, if it is in its form. */
static bool container_event(struct bytes content, const char **name, struct bytes *text)
{
	struct reader in = reader_of(content, 0, NULL);
	uint8_t type = reader_u8(&in);
	uint32_t size = reader_be32(&in);

	*text = reader_bytes(&in, size);
	*name = type < ARRAY_SIZE(cos_names) ? cos_names[type] : "of an unknown kind";
	return !in.ran_out && reader_left(&in) == 0;
}

static void write_text(struct json *json, const char *key, struct bytes text)
{
	if (is_plain(text))
		json_bytes(json, key, text);
	else
		json_hex(json, key, text);
}

/* systemd's members of a record, as its reader wants them. */
static int copy_member(void *ctx, struct bytes key, const struct json_value *value,
		       struct error *err)
{
	static const char *const texts[] = { "string", "eventType", "bootId", "nvIndexName" };
	struct json *json = ctx;
	struct bytes text;
	uint64_t number;

	(void)err;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (bytes_equal_string(key, texts[i]) && json_value_text(value, &text))
			json_bytes(json, texts[i], text);
	if (bytes_equal_string(key, "timestamp") && json_value_uint(value, &number))
		json_uint(json, "timestamp", number);
	return 0;
}

static int write_content(struct logs *logs, const struct cel_record *cel, struct json *json,
			 struct error *err)
{
	const struct json_value *content = json_value_member(cel->json, "content");
	struct arena *arena = logs->sink->result->arena;
	const char *name;
	struct bytes text;

	if (!content)
		content = json_value_member(cel->json, "sub_event");
	if (cel->content == CEL_CONTENT_SYSTEMD && cel->json)
		return json_value_each(content, copy_member, json, err);
	if (cel->content == CONTENT_COS && container_event(cel->record.data, &name, &text)) {
		json_string(json, "eventType", name);
		write_text(json, "string", text);
	} else if (member_text(content, "data", &text) && hex_decode(arena, text, &text) == 1) {
		write_text(json, "string", text); /* tpm2-tss: what was extended */
	} else if (!cel->json) {
		write_text(json, "string", cel->record.data);
	}
	return 0;
}

static int append_other(struct logs *logs, const struct cel_record *cel, struct error *err)
{
	const struct record *record = &cel->record;
	const char *type = cel_content_name(cel->content);
	struct json json = json_to_buf(&logs->others);
	char number[16];

	if (!cel->is_nv && record->pcr >= PCR_COUNT) {
		logs->why = "it extends a PCR that no TPM has";
		return 0;
	}
	if (cel->content == CONTENT_COS && cel->encoded.size && check_container(logs, cel, err) < 0)
		return -1;
	buf_append_u8(&logs->others, 0x1e);
	json_object_begin_compact(&json, NULL);
	if (cel->is_nv)
		json_uint(&json, "nv_index", cel->nv_index);
	else if (cel->is_register)
		json_uint(&json, "rtmr", record->pcr - 1);
	else
		json_uint(&json, "pcr", record->pcr);
	json_array_begin_compact(&json, "digests");
	for (size_t i = 0; i < record->n_digests; i++) {
		json_object_begin_compact(&json, NULL);
		json_string(&json, "hashAlg", alg_name(record->digests[i].alg));
		json_hex(&json, "digest", digest_bytes(&record->digests[i]));
		json_object_end(&json);
	}
	json_array_end(&json);
	snprintf(number, sizeof(number), "%" PRIu32, cel->content);
	if (cel->content == CEL_CONTENT_OTHER && record->name.size)
		json_bytes(&json, "content_type", record->name);
	else
		json_string(&json, "content_type",
			    cel->content == CONTENT_COS ? "cos"
			    : type                      ? type
							: number);
	json_object_begin_compact(&json, "content");
	if (write_content(logs, cel, &json, err) < 0)
		return -1;
	json_object_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- records ------------------------------------------------------------------------------------------ */

static void count(struct numbers *numbers, const struct cel_record *cel)
{
	uint64_t *by_pcr = !cel->is_nv && cel->record.pcr < PCR_COUNT
				   ? &numbers->by_pcr[cel->record.pcr]
				   : NULL;

	if (!cel->has_recnum)
		return;
	if (numbers->by_log ? cel->recnum != numbers->by_log : cel->recnum > 1)
		numbers->by_log_broken = true;
	if (by_pcr && (*by_pcr ? cel->recnum != *by_pcr : cel->recnum > 1))
		numbers->by_pcr_broken = true;
	numbers->by_log = cel->recnum + 1;
	if (by_pcr)
		*by_pcr = cel->recnum + 1;
}

static int check_numbers(struct logs *logs, const struct cel_record *cel, struct error *err)
{
	bool was_broken = logs->numbers.by_log_broken && logs->numbers.by_pcr_broken;

	count(&logs->numbers, cel);
	if (was_broken || !logs->numbers.by_log_broken || !logs->numbers.by_pcr_broken)
		return 0;
	return form_remark(logs->sink, true, logs->where, err,
			   "record %" PRIu64 " has the number %" PRIu64
			   ", which is next neither in the log nor in its PCR: records are missing",
			   cel->record.index, cel->recnum);
}

static int read_management(struct logs *logs, const struct cel_record *cel, struct error *err)
{
	if (cel->has_version && cel->major != 1 &&
	    form_remark(logs->sink, true, logs->where, err,
			"record %" PRIu64 ": a log of version %" PRIu32 ".%" PRIu32
			", Assay knows 1.0",
			cel->record.index, cel->major, cel->minor) < 0)
		return -1;
	/* What has no digest, or zeros, was measured nowhere. */
	return all_digests(&cel->record, 0) ? 0 : append_other(logs, cel, err);
}

static int read_record(struct logs *logs, const struct cel_record *cel, struct error *err)
{
	if (check_numbers(logs, cel, err) < 0)
		return -1;
	if (cel->record.oddities & RECORD_DIGEST_TWICE &&
	    fault(logs, cel, err, "two digests of one algorithm: the first one counts") < 0)
		return -1;
	if (cel->content == CEL_CONTENT_CEL)
		return read_management(logs, cel, err);
	if (cel->record.n_digests == 0) {
		logs->why = "it has no digest of a bank that Assay knows";
		return 0;
	}
	if (cel->record.content == RECORD_TCG_EVENT && !cel->is_nv) {
		append_event(logs, cel);
		return 0;
	}
	if (!cel->is_nv && cel->record.pcr < PCR_COUNT)
		logs->later |= (pcr_set)1 << cel->record.pcr;
	return cel->record.content == RECORD_IMA_TEMPLATE && !cel->is_nv
		       ? append_entry(logs, cel, err)
		       : append_other(logs, cel, err);
}

/* 1 at the log's end, 0 with *problem where it breaks, -1. */
static int read_records(struct logs *logs, struct cel_log *log, struct error *problem,
			struct error *err)
{
	struct cel_record cel;
	int more;

	while (!logs->why && (more = cel_next(log, &cel, problem)) > 0) {
		if (read_record(logs, &cel, err) < 0)
			return -1;
		if (logs->firmware.failed || logs->ima.failed || logs->others.failed)
			return error_memory(err, NULL);
		if (logs->why)
			error_set(problem, ERROR_UNSUPPORTED, NULL, cel.record.offset,
				  "record %" PRIu64 ": %s", cel.record.index, logs->why);
	}
	if (!logs->why && more < 0 && problem->code == ERROR_SYSTEM) {
		if (err)
			*err = *problem;
		return -1;
	}
	return !logs->why && more == 0;
}

/* --- the pieces --------------------------------------------------------------------------------------- */

static int add_log(struct logs *logs, enum bundle_role role, const struct buf *log,
		   const char *kind, struct error *err)
{
	struct form_piece piece = { .role = role };

	if (log->size == 0)
		return 0;
	piece.contents = arena_copy(logs->sink->result->arena, buf_bytes(log));
	return form_add(logs->sink, piece, err, "%s%s", logs->where, kind);
}

static int finish(struct logs *logs, struct error *err)
{
	if (logs->n_unnamed &&
	    form_remark(logs->sink, false, logs->where, err,
			"IMA's events are not read: their template is not named") < 0)
		return -1;
	if (logs->is_unordered &&
	    form_remark(logs->sink, true, logs->where, err,
			"the firmware extends a PCR behind others: such an order is not replayed") <
		    0)
		return -1;
	return add_log(logs, ROLE_BOOT_LOG, &logs->firmware, "(pcclient_std)", err) < 0 ||
			       add_log(logs, ROLE_IMA_LOG, &logs->ima, "(ima_template)", err) < 0 ||
			       add_log(logs, ROLE_USERSPACE_LOG, &logs->others, "", err) < 0
		       ? -1
		       : 0;
}

static int read_opened(struct sink *sink, struct cel_log *log, const char *where, struct error *err)
{
	struct logs logs = { .sink = sink,
			     .where = where,
			     .firmware = BUF_INIT,
			     .ima = BUF_INIT,
			     .others = BUF_INIT,
			     .ima_alg = ALG_NONE };
	struct error problem = { 0 };
	int status = read_records(&logs, log, &problem, err), is_whole = status;

	/* What comes behind it cannot be in its place. */
	if (status == 0)
		status = problem.offset == ERROR_NO_OFFSET
				 ? form_remark(sink, true, where, err,
					       "%s; the log is read up to it", problem.message)
				 : form_remark(sink, true, where, err,
					       "offset 0x%" PRIx64 ": %s; the log is read up to it",
					       problem.offset, problem.message);
	if (status >= 0)
		status = finish(&logs, err);
	buf_clear(&logs.firmware);
	buf_clear(&logs.ima);
	buf_clear(&logs.others);
	return status < 0 ? -1 : is_whole;
}

int cel_form_read_array(struct sink *sink, const struct json_value *records, const char *where,
			struct error *err)
{
	struct error problem = { 0 };
	struct cel_log log;
	int status;

	if (cel_open_array(&log, records, NULL, &problem) < 0)
		return form_remark(sink, true, where, err, "%s", problem.message);
	status = read_opened(sink, &log, where, err);
	cel_close(&log);
	return status < 0 ? -1 : 0;
}

int cel_form_read(struct sink *sink, struct bytes input, const char *source, const char *where,
		  struct error *err)
{
	static const char *const names[] = {
		[CEL_TLV] = "Canonical Event Log, TLV",
		[CEL_JSON] = "Canonical Event Log, JSON",
		[CEL_CBOR] = "Canonical Event Log, CBOR",
	};
	struct error problem = { 0 };
	struct cel_log log;
	int status;

	if (cel_open(&log, input, source, &problem) < 0) {
		if (err)
			*err = problem;
		return problem.code == ERROR_SYSTEM ? -1 : 0;
	}
	if (!sink->result->form)
		sink->result->form = names[log.encoding];
	status = read_opened(sink, &log, where, err);
	cel_close(&log);
	return status < 0 ? -1 : 1;
}

/* --- in JSON ------------------------------------------------------------------------------------------- */

bool cel_form_is_record(const struct json_value *value)
{
	return json_value_count(json_value_member(value, "digests")) >= 0 &&
	       (json_value_member(value, "pcr") || json_value_member(value, "nv_index") ||
		json_value_member(value, "rtmr")) &&
	       (json_value_member(value, "recnum") || json_value_member(value, "content_type"));
}

/* Leading white space, and the 0x1e of a record (RFC 7464), passed over. */
static struct bytes first_text(struct bytes text)
{
	while (text.size && (*text.data == ' ' || *text.data == '\n' || *text.data == '\r' ||
			     *text.data == '\t' || *text.data == 0x1e))
		text = bytes_of(text.data + 1, text.size - 1);
	return text;
}

bool cel_form_is_json(struct bytes start)
{
	struct bytes text = first_text(start);

	return text.size && (*text.data == '{' || *text.data == '[') &&
	       form_has_word(text, "\"digests\"") && form_has_word(text, "\"hashAlg\"") &&
	       (form_has_word(text, "\"content_type\"") || form_has_word(text, "\"recnum\""));
}

int cel_form_is_sequence(struct bytes input, struct error *err)
{
	struct bytes text = first_text(input);
	AUTO(json_value_freep) struct json_value *first = NULL;
	struct error problem = { 0 };
	size_t size = 0;

	if (text.size == 0 || *text.data != '{' || !cel_form_is_json(text))
		return 0;
	while (size < text.size && text.data[size] != '\n' && text.data[size] != 0x1e)
		size++;
	if (json_read(bytes_of(text.data, size), NULL, &first, &problem) == 0)
		return cel_form_is_record(first);
	if (problem.code == ERROR_SYSTEM && err)
		*err = problem;
	return problem.code == ERROR_SYSTEM ? -1 : 0;
}

static bool array_fits(const struct json_value *document)
{
	return json_value_count(document) > 0 && cel_form_is_record(json_value_item(document, 0));
}

static int array_read(struct sink *sink, const struct json_value *document, struct error *err)
{
	return cel_form_read_array(sink, document, "", err);
}

const struct json_form cel_array_form = { "Canonical Event Log, JSON", array_fits, array_read };
