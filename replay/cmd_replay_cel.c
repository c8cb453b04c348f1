/* SPDX-License-Identifier: BSD-2-Clause */
/* assay replay cel: print a Canonical Event Log, or systemd's, and the PCR values it ends in. */
#include "replay/replay.h"

#include <inttypes.h>

#include "core/file.h"
#include "core/own.h"
#include "core/pcr.h"
#include "core/text.h"
#include "replay/cel/cel.h"
#include "replay/eventlog/eventlog.h"

/* Bytes of a digest in the list: enough to tell events apart. */
#define SHOWN_DIGEST 6

/* One run of the command. */
struct run {
	struct file *file;
	struct hasher *hasher;
	struct cel_log log;
	struct eventlog_replay replay; /* of every bank there is */
	alg_set algs;                  /* that some record has a digest of */
	uint64_t n_records, n_extends;
	uint64_t n_checked[DATA_UNCHECKED + 1];
	bool events;
	bool is_broken;
	struct error broken;
};

static void run_clear(struct run *run)
{
	cel_close(&run->log);
	hasher_free(run->hasher);
	file_free(run->file);
}

/* --- replay ------------------------------------------------------------------------------------ */

static bool all_zeros(const struct record *record)
{
	for (size_t i = 0; i < record->n_digests; i++)
		if (!bytes_all(digest_bytes(&record->digests[i]), 0))
			return false;
	return true;
}

/* What the log says of itself is measured only where it has a digest. */
static bool extends(const struct cel_record *cel)
{
	const struct record *record = &cel->record;

	if (cel->is_nv || record->pcr >= PCR_COUNT)
		return false;
	if (record->content == RECORD_TCG_EVENT)
		return event_extends(record);
	return record->content != RECORD_CEL || cel->content != CEL_CONTENT_CEL ||
	       !all_zeros(record);
}

static int extend(struct run *run, const struct cel_record *cel, struct error *err)
{
	struct record record = cel->record;

	for (size_t i = 0; i < record.n_digests; i++)
		run->algs |= 1u << record.digests[i].alg;
	if (!extends(cel)) /* an EV_NO_ACTION may say where PCR 0 starts */
		return record.content == RECORD_TCG_EVENT && !cel->is_nv
			       ? eventlog_extend(&run->replay, &record, err)
			       : 0;
	run->n_extends++;
	/* An IMA violation has zeros in the log, and all ones in the TPM. */
	for (size_t i = 0; record.content == RECORD_IMA_TEMPLATE && i < record.n_digests; i++)
		if (bytes_all(digest_bytes(&record.digests[i]), 0))
			memset(record.digests[i].value, 0xff, record.digests[i].size);
	return eventlog_extend(&run->replay, &record, err);
}

/* Kernels without an algorithm extend its bank with the SHA-1 hash of an IMA entry, and zeros behind it. */
static bool is_padded_sha1(const struct record *record, const struct digest *digest,
			   const struct digest *sha1)
{
	struct bytes value = digest_bytes(digest);

	return record->content == RECORD_IMA_TEMPLATE && value.size > sha1->size &&
	       memcmp(value.data, sha1->value, sha1->size) == 0 &&
	       bytes_all(bytes_of(value.data + sha1->size, value.size - sha1->size), 0);
}

/* Is each digest over the data? */
static int check_bytes(const struct run *run, const struct record *record, struct event_check *out,
		       struct error *err)
{
	*out = (struct event_check){ .result = record->n_digests ? DATA_MATCH : DATA_UNCHECKED,
				     .over = "data" };
	for (size_t i = 0; i < record->n_digests; i++) {
		const struct digest *digest = &record->digests[i];
		struct digest whole, sha1;

		if (!hasher_has(run->hasher, digest->alg))
			continue;
		if (hasher_digest_bytes(run->hasher, digest->alg, record->data, &whole, err) < 0)
			return -1;
		if (digest_equal(&whole, digest))
			continue;
		if (hasher_digest_bytes(run->hasher, ALG_SHA1, record->data, &sha1, err) < 0)
			return -1;
		if (is_padded_sha1(record, digest, &sha1))
			continue;
		out->result = DATA_MISMATCH;
		out->mismatched |= 1u << digest->alg;
	}
	return 0;
}

/* An event, an entry, or a string: what its digest is over. */
static int check(struct run *run, const struct cel_record *cel, struct event *event,
		 struct event_check *out, struct error *err)
{
	const struct record *record = &cel->record;

	*out = (struct event_check){ .result = DATA_UNCHECKED };
	if (record->content == RECORD_TCG_EVENT) {
		event_decode(record, event);
		return event_check(record, event, run->hasher, out, err);
	}
	/* The string is what was measured, or describes it. */
	if (record->content == RECORD_SYSTEMD) {
		if (check_bytes(run, record, out, err) < 0)
			return -1;
		if (out->result == DATA_MISMATCH)
			*out = (struct event_check){ .result = DATA_UNCHECKED };
		return 0;
	}
	/* The template "ima" is hashed otherwise than it is stored. */
	if (record->content == RECORD_IMA_TEMPLATE && record->name.size &&
	    !bytes_equal_string(record->name, "ima") && !all_zeros(record))
		return check_bytes(run, record, out, err);
	return 0;
}

/* 1, 0 at the end or where the log breaks, -1 when the machine failed us. */
static int step(struct run *run, struct cel_record *cel, struct event *event,
		struct event_check *checked, struct error *err)
{
	int more = cel_next(&run->log, cel, &run->broken);

	if (more < 0 && run->broken.code == ERROR_SYSTEM) {
		*err = run->broken;
		return -1;
	}
	if (more <= 0) {
		run->is_broken = more < 0;
		return 0;
	}
	run->n_records++;
	if (check(run, cel, event, checked, err) < 0 || extend(run, cel, err) < 0)
		return -1;
	run->n_checked[checked->result]++;
	return 1;
}

/* --- JSON -------------------------------------------------------------------------------------- */

static void json_content_type(struct json *json, const struct cel_record *cel)
{
	const char *name = cel_content_name(cel->content);
	char number[16];

	if (!name)
		snprintf(number, sizeof(number), "%" PRIu32, cel->content);
	json_string(json, "content_type",
		    cel->content == CEL_CONTENT_OTHER ? "other"
		    : name                            ? name
						      : number);
}

static void json_event(struct json *json, const struct cel_record *cel, const struct event *event,
		       const struct event_check *checked)
{
	const struct record *record = &cel->record;
	char type[EVENT_TYPE_TEXT];

	json_object_begin(json, NULL);
	json_uint(json, "index", record->index);
	if (record->offset != ERROR_NO_OFFSET)
		json_uint(json, "offset", record->offset);
	json_uint(json, "recnum", cel->recnum);
	if (cel->is_nv)
		json_uint(json, "nv_index", cel->nv_index);
	else if (cel->is_register)
		json_uint(json, "register", record->pcr);
	else
		json_uint(json, "pcr", record->pcr);
	json_content_type(json, cel);
	json_object_begin(json, "digests");
	for (size_t i = 0; i < record->n_digests; i++)
		json_digest(json, alg_name(record->digests[i].alg), &record->digests[i]);
	json_object_end(json);
	json_string(json, "data_check", data_check_name(checked->result));
	switch (record->content) {
	case RECORD_TCG_EVENT:
		json_string(json, "type", event_type_text(record->type, type));
		json_uint(json, "type_id", record->type);
		json_object_begin(json, "data");
		event_write_json(record, event, json);
		json_object_end(json);
		break;
	case RECORD_IMA_TEMPLATE:
		json_bytes(json, "template", record->name);
		json_hex(json, "template_data", record->data);
		break;
	case RECORD_SYSTEMD:
		json_bytes(json, "event_type", record->name);
		json_bytes(json, "string", record->data);
		break;
	case RECORD_CEL:
		json_hex(json, "content", record->data);
		break;
	}
	json_object_end(json);
}

static void json_pcrs(struct json *json, const struct run *run)
{
	json_object_begin(json, "pcrs");
	for (size_t i = 0; i < run->replay.n_banks; i++) {
		const struct pcr_bank *bank = &run->replay.banks[i];

		if (!bank->extended)
			continue;
		json_object_begin(json, alg_name(bank->alg));
		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			struct digest value = pcr_bank_value(bank, pcr);
			char key[8];

			snprintf(key, sizeof(key), "%" PRIu32, pcr);
			if (bank->extended & 1u << pcr)
				json_digest(json, key, &value);
		}
		json_object_end(json);
	}
	json_object_end(json);
}

static int print_json(struct run *run, struct error *err)
{
	struct json json = json_to_stream(stdout);
	struct event_check checked;
	struct cel_record cel;
	struct event event;
	int more;

	json_object_begin(&json, NULL);
	json_string(&json, "format", cel_encoding_name(run->log.encoding));
	if (run->events)
		json_array_begin(&json, "events");
	while ((more = step(run, &cel, &event, &checked, err)) > 0)
		if (run->events)
			json_event(&json, &cel, &event, &checked);
	if (more < 0)
		return -1;
	if (run->events)
		json_array_end(&json);
	json_uint(&json, "event_count", run->n_records);
	json_array_begin_compact(&json, "algorithms");
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (run->algs & 1u << alg)
			json_string(&json, NULL, alg_name(alg));
	json_array_end(&json);
	json_pcrs(&json, run);
	if (run->is_broken) {
		json_object_begin(&json, "broken");
		if (run->broken.offset != ERROR_NO_OFFSET)
			json_uint(&json, "offset", run->broken.offset);
		json_string(&json, "message", run->broken.message);
		json_object_end(&json);
	}
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- text -------------------------------------------------------------------------------------- */

/* The strongest digest's first bytes. */
static void short_digest(const struct record *record, char out[2 * SHOWN_DIGEST + 1])
{
	const struct digest *best = NULL;

	snprintf(out, 2 * SHOWN_DIGEST + 1, "-");
	for (size_t i = 0; i < record->n_digests; i++)
		if (!best || record->digests[i].size > best->size)
			best = &record->digests[i];
	if (best)
		hex_write(out, bytes_of(best->value, SHOWN_DIGEST));
}

static void describe(const struct cel_record *cel, const struct event *event, struct buf *out)
{
	const struct record *record = &cel->record;
	char type[EVENT_TYPE_TEXT];

	switch (record->content) {
	case RECORD_TCG_EVENT:
		buf_printf(out, "%s  ", event_type_text(record->type, type));
		event_describe(record, event, out);
		break;
	case RECORD_IMA_TEMPLATE:
		text_append(out, record->name);
		buf_printf(out, ", %zu bytes", record->data.size);
		break;
	case RECORD_SYSTEMD:
		text_append(out, record->name);
		buf_append_string(out, "  ");
		text_append(out, record->data);
		break;
	case RECORD_CEL:
		if (cel->content == CEL_CONTENT_CEL)
			buf_printf(out, "of the log itself: %s",
				   cel->management == CEL_VERSION        ? "its version"
				   : cel->management == CEL_FIRMWARE_END ? "end of the firmware's"
				   : cel->management == CEL_TIMESTAMP    ? "a time"
				   : cel->management == CEL_STATE_TRANS  ? "a change of state"
									 : "unknown");
		else
			buf_printf(out, "%zu bytes", record->data.size);
		break;
	}
}

static int print_event(const struct cel_record *cel, const struct event *event,
		       const struct event_check *checked, struct error *err)
{
	static const char *const words[] = {
		[DATA_MATCH] = "match", [DATA_MISMATCH] = "DIFFERS", [DATA_UNCHECKED] = "-"
	};
	AUTO(buf_clear) struct buf line = BUF_INIT;
	const char *name = cel_content_name(cel->content);
	char digest[2 * SHOWN_DIGEST + 1], place[16];

	short_digest(&cel->record, digest);
	if (cel->is_nv)
		snprintf(place, sizeof(place), "0x%08" PRIx32, cel->nv_index);
	else
		snprintf(place, sizeof(place), "%" PRIu32, cel->record.pcr);
	buf_printf(&line, "%5" PRIu64 "  %10s  %-13s  %-12s  %-7s  ", cel->record.index, place,
		   name ? name : "other", digest, words[checked->result]);
	describe(cel, event, &line);
	buf_append_u8(&line, '\n');
	if (buf_finish(&line, err) < 0)
		return -1;
	fwrite(line.data, 1, line.size, stdout);
	return 0;
}

static void print_pcrs(const struct run *run)
{
	char hex[DIGEST_HEX_SIZE];

	for (size_t i = 0; i < run->replay.n_banks; i++) {
		const struct pcr_bank *bank = &run->replay.banks[i];

		if (!bank->extended)
			continue;
		printf("\n%s\n", alg_name(bank->alg));
		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			struct digest value = pcr_bank_value(bank, pcr);

			if (bank->extended & 1u << pcr)
				printf("  %2" PRIu32 "  %s\n", pcr, digest_hex(&value, hex));
		}
	}
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (run->replay.missing & run->algs & 1u << alg)
			printf("\n%s: not replayed, libcrypto offers no such hash here\n",
			       alg_name(alg));
}

static int print_text(struct run *run, struct error *err)
{
	struct event_check checked;
	struct cel_record cel;
	struct event event;
	int more;

	printf("%s, a Canonical Event Log\n", cel_encoding_name(run->log.encoding));
	if (run->events)
		printf("\n%5s  %10s  %-13s  %-12s  %-7s  %s\n", "event", "PCR or NV", "content",
		       "digest", "data", "description");
	while ((more = step(run, &cel, &event, &checked, err)) > 0)
		if (run->events && print_event(&cel, &event, &checked, err) < 0)
			return -1;
	if (more < 0)
		return -1;
	printf("\n%" PRIu64 " events, %" PRIu64 " extended; digests over their data: %" PRIu64
	       ", of something not in the log: %" PRIu64,
	       run->n_records, run->n_extends, run->n_checked[DATA_MATCH],
	       run->n_checked[DATA_UNCHECKED]);
	if (run->n_checked[DATA_MISMATCH])
		printf(", NOT over their data: %" PRIu64, run->n_checked[DATA_MISMATCH]);
	putchar('\n');
	if (run->is_broken)
		puts("THE LOG BREAKS OFF: what follows is of the events before");
	print_pcrs(run);
	return 0;
}

/* --- the command ------------------------------------------------------------------------------- */

/* The log announces no banks: all are replayed, and those shown that something extended. */
static int run_open(struct run *run, const char *path, struct error *err)
{
	struct eventlog all = { .format = EVENTLOG_TCG2 };

	if (file_open(path, &run->file, err) < 0 || hasher_new(&run->hasher, err) < 0 ||
	    cel_open(&run->log, file_bytes(run->file), file_name(run->file), err) < 0)
		return -1;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		all.spec_id.algs[all.spec_id.n_algs++].alg = alg;
	eventlog_replay_init(&run->replay, &all, run->hasher, EVENTLOG_LOCALITY_STATED);
	return 0;
}

enum exit_status cmd_replay_cel(const struct command *self, int argc, char **argv)
{
	AUTO(run_clear) struct run run = { .n_records = 0 };
	bool json = false, quiet = false, events = false;
	const struct command_option options[] = {
		{"events", 0,   OPTION_FLAG, &events, NULL,
                 "list every event (the default unless --json)"                },
		OPTION_JSON(&json),
		{ "quiet", 'q', OPTION_FLAG, &quiet,  NULL, "no list of events"},
	};
	struct command_args args;
	enum exit_status status;
	struct error err = { 0 };

	if (!command_parse(self, options, ARRAY_SIZE(options), argc, argv, &args, &status))
		return status;
	if (args.n_items != 1)
		return command_usage(self, args.n_items ? "takes one log" : "which log?");
	if (events && quiet)
		return command_usage(self, "--events and --quiet contradict each other");
	run.events = json ? events : !quiet;
	if (run_open(&run, args.items[0], &err) < 0 ||
	    (json ? print_json(&run, &err) : print_text(&run, &err)) < 0)
		return command_fail(&err);
	status = command_finish(EXIT_DONE);
	if (status == EXIT_DONE && run.is_broken)
		return command_fail(&run.broken);
	return status;
}
