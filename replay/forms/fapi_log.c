/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FAPI's log of the PCRs that it quoted: events of the firmware (pcclient_std), of IMA (ima_template) and its
 * own (tss2), each with its digests:
 *
 *     [{"recnum", "pcr", "digests": [{"hashAlg", "digest"}], "content_type": ..., "content": {...}}]
 *
 * and "type", "sub_event" in versions before 4. What the firmware logged becomes a crypto-agile log again, the
 * others a log of user space. IMA's events lack the name of their template, and are not read.
 *
 * Sources: tpm2-tss src/tss2-fapi/ifapi_json_serialize.c, ifapi_eventlog.c; TCG Canonical Event Log Format
 *          1.0, 5.1; PFP 1.05, 10.2.2 and 10.4.5.1 for the log that is made.
 */
#include "replay/forms/fapi.h"

#include <inttypes.h>

#include "core/event_type.h"

#define EVENTS_MAX 100000

struct event_digests {
	size_t n;
	struct digest digests[ALG_BANKS];
};

/* False when a digest is not of its algorithm, or there are two of one. Unknown algorithms are left out. */
static bool read_digests(const struct json_value *list, struct event_digests *out)
{
	out->n = 0;
	for (long i = 0; i < json_value_count(list); i++) {
		const struct json_value *one = json_value_item(list, (size_t)i);
		enum alg alg = fapi_alg(json_value_member(one, "hashAlg"));
		struct digest *digest = &out->digests[out->n];
		struct bytes text;

		if (alg >= ALG_BANKS)
			continue;
		for (size_t j = 0; j < out->n; j++)
			if (out->digests[j].alg == alg)
				return false;
		if (!member_text(one, "digest", &text) ||
		    hex_parse(text, digest->value, sizeof(digest->value)) != (long)alg_size(alg))
			return false;
		digest->alg = alg;
		digest->size = (uint8_t)alg_size(alg);
		out->n++;
	}
	return true;
}

/* --- a crypto-agile log ---------------------------------------------------------------------------- */

/* The Spec ID event, with the algorithms of the first event of the firmware. */
static void append_spec_id(struct buf *out, const struct event_digests *digests)
{
	buf_append_le32(out, 0);
	buf_append_le32(out, EV_NO_ACTION);
	for (unsigned i = 0; i < 20; i++)
		buf_append_u8(out, 0);
	buf_append_le32(out, (uint32_t)(29 + 4 * digests->n));
	buf_append(out, bytes_of("Spec ID Event03", 16));
	buf_append_le32(out, 0); /* platformClass: client */
	buf_append_u8(out, 0);   /* specVersionMinor, Major, errata: 2.0 */
	buf_append_u8(out, 2);
	buf_append_u8(out, 0);
	buf_append_u8(out, 2); /* uintnSize: 64 bits */
	buf_append_le32(out, (uint32_t)digests->n);
	for (size_t i = 0; i < digests->n; i++) {
		buf_append_le16(out, alg_tpm_id(digests->digests[i].alg));
		buf_append_le16(out, digests->digests[i].size);
	}
	buf_append_u8(out, 0); /* vendorInfo */
}

/* A number, or the name as specifications have it, in either case. */
static bool event_type_of(const struct json_value *value, uint32_t *out)
{
	struct bytes text;
	uint64_t number;

	if (json_value_text(value, &text))
		return event_type_of_name(text, out);
	if (!json_value_uint(value, &number) || number > UINT32_MAX)
		return false;
	*out = (uint32_t)number;
	return true;
}

static bool append_firmware(struct buf *out, uint32_t pcr, const struct event_digests *digests,
			    const struct json_value *content)
{
	struct bytes text;
	uint8_t *data;
	uint32_t type;

	if (!event_type_of(json_value_member(content, "event_type"), &type) ||
	    !member_text(content, "event_data", &text) || text.size / 2 > UINT32_MAX)
		return false;
	if (out->size == 0)
		append_spec_id(out, digests);
	buf_append_le32(out, pcr);
	buf_append_le32(out, type);
	buf_append_le32(out, (uint32_t)digests->n);
	for (size_t i = 0; i < digests->n; i++) {
		buf_append_le16(out, alg_tpm_id(digests->digests[i].alg));
		buf_append(out, digest_bytes(&digests->digests[i]));
	}
	buf_append_le32(out, (uint32_t)(text.size / 2));
	data = buf_extend(out, text.size / 2);
	return !data || hex_parse(text, data, text.size / 2) == (long)(text.size / 2);
}

/* --- a log of user space ----------------------------------------------------------------------------- */

static void append_userspace(struct buf *out, uint32_t pcr, const struct event_digests *digests)
{
	buf_printf(out, "\x1e{\"pcr\":%" PRIu32 ",\"digests\":[", pcr);
	for (size_t i = 0; i < digests->n; i++) {
		buf_printf(out, "%s{\"hashAlg\":\"%s\",\"digest\":\"", i ? "," : "",
			   alg_name(digests->digests[i].alg));
		buf_append_hex(out, digest_bytes(&digests->digests[i]));
		buf_append_string(out, "\"}");
	}
	buf_append_string(out, "],\"content_type\":\"tss2\"}\n");
}

/* --- events -------------------------------------------------------------------------------------------- */

struct logs {
	struct buf firmware, userspace;
	size_t n_ima;
};

/* False where the event is not as FAPI writes it. */
static bool read_event(struct logs *logs, const struct json_value *event)
{
	const struct json_value *content = json_value_member(event, "content");
	struct event_digests digests;
	struct bytes type;
	uint64_t pcr;

	if (!content)
		content = json_value_member(event, "sub_event");
	if (!member_text(event, "content_type", &type) && !member_text(event, "type", &type))
		return false;
	if (bytes_equal_string(type, "cel"))
		return true; /* the log's own matters: nothing is extended */
	if (!json_value_uint(json_value_member(event, "pcr"), &pcr) || pcr > 31 ||
	    !read_digests(json_value_member(event, "digests"), &digests) || digests.n == 0)
		return false;
	if (bytes_equal_string(type, "ima_template") || bytes_equal_string(type, "LINUX_IMA")) {
		logs->n_ima++;
		return true;
	}
	if (bytes_equal_string(type, "pcclient_std"))
		return append_firmware(&logs->firmware, (uint32_t)pcr, &digests, content);
	append_userspace(&logs->userspace, (uint32_t)pcr, &digests);
	return true;
}

static int add_log(struct sink *sink, enum bundle_role role, const struct buf *log,
		   const char *where, struct error *err)
{
	struct form_piece piece = { .role = role };

	if (log->size == 0)
		return 0;
	piece.contents = arena_copy(sink->result->arena, buf_bytes(log));
	return form_add(sink, piece, err, "%s", where);
}

static int read_events(struct sink *sink, const struct json_value *events, struct logs *logs,
		       const char *where, struct error *err)
{
	long n = json_value_count(events);

	for (long i = 0; i < n; i++) {
		if (i < EVENTS_MAX && read_event(logs, json_value_item(events, (size_t)i)))
			continue;
		/* What comes behind it cannot be in its place. */
		if (form_remark(sink, true, arena_printf(sink->result->arena, "%s[%ld]", where, i),
				err,
				i < EVENTS_MAX
					? "an event that is not as FAPI writes it; the log is "
					  "read up to it"
					: "more events than any log has") < 0)
			return -1;
		break;
	}
	if (logs->firmware.failed || logs->userspace.failed)
		return error_memory(err, NULL);
	if (logs->n_ima &&
	    form_remark(sink, false, where, err,
			"IMA's events are not read: their template is not named") < 0)
		return -1;
	return add_log(sink, ROLE_BOOT_LOG, &logs->firmware,
		       arena_printf(sink->result->arena, "%s(pcclient_std)", where), err) < 0 ||
			       add_log(sink, ROLE_USERSPACE_LOG, &logs->userspace, where, err) < 0
		       ? -1
		       : 0;
}

int fapi_read_log(struct sink *sink, const struct json_value *events, const char *where,
		  struct error *err)
{
	struct logs logs = { .firmware = BUF_INIT, .userspace = BUF_INIT };
	int status = read_events(sink, events, &logs, where, err);

	buf_clear(&logs.firmware);
	buf_clear(&logs.userspace);
	return status;
}

static bool log_fits(const struct json_value *document)
{
	const struct json_value *first =
		json_value_count(document) > 0 ? json_value_item(document, 0) : NULL;

	return json_value_member(first, "recnum") && json_value_member(first, "pcr") &&
	       json_value_count(json_value_member(first, "digests")) >= 0;
}

static int log_read(struct sink *sink, const struct json_value *document, struct error *err)
{
	return fapi_read_log(sink, document, "", err);
}

const struct json_form fapi_log_form = { "FAPI event log", log_fits, log_read };
