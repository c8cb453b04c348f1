/* SPDX-License-Identifier: BSD-2-Clause */
/* assay replay tcg: print a firmware event log and the PCR values it ends in. */
#include "replay/replay.h"

#include <inttypes.h>

#include "core/file.h"
#include "core/text.h"
#include "replay/eventlog/eventlog.h"

/* A description for people is cut here, or one GRUB menu would fill the screen; -v shows all. */
#define DESCRIPTION_MAX 150

/* The longest type, EV_EFI_BOOT_SERVICES_APPLICATION, which hardly a log is without. */
#define TYPE_WIDTH 32

/* Bytes of a digest in the list: enough to tell events apart, all are in -v. */
#define SHOWN_DIGEST 6

/* One run of the command. */
struct run {
	struct file *file;
	struct hasher *hasher;
	struct eventlog log;
	struct eventlog_replay replay;
	alg_set banks; /* to show */
	pcr_set pcrs;  /* to show */
	bool events;
	bool verbose;
	struct buf line; /* used again for every event */
	enum alg listed; /* its digests are listed; ALG_NONE: no bank is shown */
	uint64_t n_checked[DATA_UNCHECKED + 1];
	bool is_broken;
	struct error broken; /* where the log ended before its end */
};

/* An event with everything the listing says of it. */
struct step {
	struct record record;
	struct event event;
	struct event_check check;
};

static void run_clear(struct run *run)
{
	buf_clear(&run->line);
	hasher_free(run->hasher);
	file_free(run->file);
}

static bool is_shown(const struct run *run, const struct record *record)
{
	return record->pcr >= PCR_COUNT ? run->pcrs == UINT32_MAX : run->pcrs >> record->pcr & 1;
}

/*
 * The next event, replayed, decoded and checked: 1 and *out, 0 at the end or where the log breaks
 * (run->is_broken), -1 and *err when the machine failed us.
 */
static int run_step(struct run *run, struct step *out, struct error *err)
{
	int more = eventlog_next(&run->log, &out->record, &run->broken);

	if (more <= 0) {
		run->is_broken = more < 0;
		return 0;
	}
	event_decode(&out->record, &out->event);
	if (eventlog_extend(&run->replay, &out->record, err) < 0 ||
	    event_check(&out->record, &out->event, run->hasher, &out->check, err) < 0)
		return -1;
	run->n_checked[out->check.result]++;
	return 1;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_oddities(struct json *json, uint32_t oddities, uint32_t last,
			  const char *(*name)(uint32_t bit))
{
	if (!oddities)
		return;
	json_array_begin_compact(json, "oddities");
	for (uint32_t bit = 1; bit <= last; bit <<= 1)
		if (oddities & bit)
			json_string(json, NULL, name(bit));
	json_array_end(json);
}

static void json_algs(struct json *json, const char *key, alg_set algs)
{
	json_array_begin_compact(json, key);
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (algs & 1u << alg)
			json_string(json, NULL, alg_name(alg));
	json_array_end(json);
}

static void json_spec_id(struct json *json, const struct spec_id *id)
{
	char text[16];

	json_object_begin(json, "spec_id");
	snprintf(text, sizeof(text), "%u.%u", id->major, id->minor);
	json_string(json, "version", text);
	json_uint(json, "errata", id->errata);
	json_uint(json, "platform_class", id->platform_class);
	json_uint(json, "uintn_size", id->uintn_size);
	json_array_begin(json, "algorithms");
	for (size_t i = 0; i < id->n_algs; i++) {
		json_object_begin_compact(json, NULL);
		json_string(json, "algorithm", alg_name(id->algs[i].alg));
		json_uint(json, "id", id->algs[i].tpm_id);
		json_uint(json, "digest_size", id->algs[i].digest_size);
		json_object_end(json);
	}
	json_array_end(json);
	json_hex(json, "vendor_info", id->vendor_info);
	json_oddities(json, id->oddities, SPEC_ID_ODDITY_LAST, spec_id_oddity_name);
	json_object_end(json);
}

static void json_event(struct json *json, const struct run *run, const struct step *step)
{
	const struct record *record = &step->record;
	char type[EVENT_TYPE_TEXT];

	json_object_begin(json, NULL);
	json_uint(json, "index", record->index);
	json_uint(json, "offset", record->offset);
	json_uint(json, "pcr", record->pcr);
	json_string(json, "type", event_type_text(record->type, type));
	json_uint(json, "type_id", record->type);
	json_object_begin(json, "digests");
	for (size_t i = 0; i < record->n_digests; i++)
		if (run->banks & 1u << record->digests[i].alg)
			json_digest(json, alg_name(record->digests[i].alg), &record->digests[i]);
	json_object_end(json);
	json_string(json, "data_check", data_check_name(step->check.result));
	if (step->check.over)
		json_string(json, "digest_over", step->check.over);
	if (step->check.result == DATA_MISMATCH) {
		json_algs(json, "mismatched", step->check.mismatched);
		if (step->check.known)
			json_string(json, "known_firmware", step->check.known);
	}
	json_oddities(json, record->oddities, RECORD_ODDITY_LAST, record_oddity_name);
	json_uint(json, "data_size", record->data.size);
	json_object_begin(json, "data");
	event_write_json(record, &step->event, json);
	json_object_end(json);
	json_object_end(json);
}

static void json_locality(struct json *json, const struct eventlog_locality *locality)
{
	json_object_begin(json, "startup_locality");
	json_uint(json, "used", locality->used);
	if (locality->stated || locality->late) {
		json_uint(json, "stated", locality->value);
		json_uint(json, "event", locality->index);
	}
	if (locality->late)
		json_bool(json, "late", true);
	if (locality->again)
		json_bool(json, "again", true);
	if (locality->hcrtm)
		json_bool(json, "h_crtm", true);
	json_object_end(json);
}

static void json_pcrs(struct json *json, const struct run *run)
{
	json_object_begin(json, "pcrs");
	for (size_t i = 0; i < run->replay.n_banks; i++) {
		const struct pcr_bank *bank = &run->replay.banks[i];

		if (!(run->banks & 1u << bank->alg) || !(bank->extended & run->pcrs))
			continue;
		json_object_begin(json, alg_name(bank->alg));
		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			struct digest value = pcr_bank_value(bank, pcr);
			char number[8];

			if (!(bank->extended & run->pcrs & 1u << pcr))
				continue;
			snprintf(number, sizeof(number), "%" PRIu32, pcr);
			json_digest(json, number, &value);
		}
		json_object_end(json);
	}
	json_object_end(json);
}

static void json_end(struct json *json, const struct run *run)
{
	json_uint(json, "event_count", run->replay.n_records);
	json_object_begin(json, "data_checks");
	for (enum data_check check = DATA_MATCH; check <= DATA_UNCHECKED; check++)
		json_uint(json, data_check_name(check), run->n_checked[check]);
	json_object_end(json);
	if (run->replay.n_appended)
		json_uint(json, "appended_count", run->replay.n_appended);
	json_oddities(json, run->replay.oddities, RECORD_ODDITY_LAST, record_oddity_name);
	if (run->log.format != EVENTLOG_CC)
		json_locality(json, &run->replay.locality);
	json_pcrs(json, run);
	if (run->replay.missing)
		json_algs(json, "banks_not_replayed", run->replay.missing);
	if (!run->is_broken)
		json_uint(json, "padding", run->log.bytes.size - run->log.padding_offset);
	if (run->is_broken) {
		json_object_begin(json, "error");
		json_uint(json, "offset", run->broken.offset);
		json_string(json, "message", run->broken.message);
		json_object_end(json);
	}
}

static int print_json(struct run *run, struct error *err)
{
	struct json json = json_to_stream(stdout);
	struct step step;
	int more;

	json_object_begin(&json, NULL);
	json_string(&json, "format", eventlog_format_name(run->log.format));
	json_algs(&json, "algorithms", run->log.algs);
	if (run->log.format != EVENTLOG_TCG1)
		json_spec_id(&json, &run->log.spec_id);
	if (run->events)
		json_array_begin(&json, "events");
	while ((more = run_step(run, &step, err)) > 0)
		if (run->events && is_shown(run, &step.record))
			json_event(&json, run, &step);
	if (more < 0)
		return -1;
	if (run->events)
		json_array_end(&json);
	json_end(&json, run);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- for people --------------------------------------------------------------------------------- */

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static const char *format_words(enum eventlog_format format)
{
	switch (format) {
	case EVENTLOG_TCG2:
		return "TPM 2.0 log (crypto-agile)";
	case EVENTLOG_TCG1:
		return "TPM 1.2 log (SHA-1)";
	case EVENTLOG_CC:
		return "confidential computing log (registers instead of PCRs)";
	}
	return "log";
}

static void print_head(const struct run *run)
{
	const struct spec_id *id = &run->log.spec_id;

	text_write(stdout, bytes_of_string(file_name(run->file)));
	printf(": %s, banks", format_words(run->log.format));
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (run->log.algs & 1u << alg)
			printf(" %s", alg_name(alg));
	fputc('\n', stdout);
	if (run->log.format == EVENTLOG_TCG1)
		return;
	printf("Spec ID %u.%u errata %u", id->major, id->minor, id->errata);
	if (id->vendor_info.size) {
		fputs(", vendor data \"", stdout);
		text_write(stdout, id->vendor_info);
		fputc('"', stdout);
	}
	fputc('\n', stdout);
	for (size_t i = 0; i < id->n_algs; i++)
		if (id->algs[i].alg == ALG_NONE)
			printf("  ! algorithm 0x%04x (digests of %u bytes) is not known: not "
			       "replayed\n",
			       id->algs[i].tpm_id, id->algs[i].digest_size);
	for (uint32_t bit = 1; bit <= SPEC_ID_ODDITY_LAST; bit <<= 1)
		if (id->oddities & bit)
			printf("  ! Spec ID event: %s\n", spec_id_oddity_text(bit));
}

static const char *check_word(enum data_check check)
{
	switch (check) {
	case DATA_MATCH:
		return "ok";
	case DATA_MISMATCH:
		return "DIFFERS";
	case DATA_UNCHECKED:
		return "-";
	}
	return "-";
}

/* The bank whose digests are listed: the one that references are in, else the strongest there is. */
static enum alg listed_bank(const struct run *run)
{
	static const enum alg order[] = { ALG_SHA256, ALG_SHA384, ALG_SHA512, ALG_SM3_256,
					  ALG_SHA1 };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (run->log.algs & run->banks & 1u << order[i])
			return order[i];
	return ALG_NONE;
}

static void append_blanks(struct buf *line, size_t n)
{
	uint8_t *at = buf_extend(line, n);

	if (at)
		memset(at, ' ', n);
}

/* text, then blanks up to width. */
static void append_left(struct buf *line, const char *text, size_t width)
{
	size_t size = strlen(text);

	buf_append(line, bytes_of(text, size));
	append_blanks(line, size < width ? width - size : 0);
}

/* A number behind blanks up to width. */
static void append_right(struct buf *line, uint64_t number, size_t width)
{
	char digits[24], *at = digits + sizeof(digits);
	size_t size;

	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	size = (size_t)(digits + sizeof(digits) - at);
	append_blanks(line, size < width ? width - size : 0);
	buf_append(line, bytes_of(at, size));
}

static void append_details(const struct run *run, const struct step *step, struct buf *line)
{
	const struct record *record = &step->record;
	char hex[DIGEST_HEX_SIZE];

	buf_printf(line, "%13sat offset 0x%" PRIx64 ", %zu byte%s of data", "", record->offset,
		   record->data.size, plural(record->data.size));
	if (step->check.result == DATA_MATCH)
		buf_printf(line, "; the digest is over the %s", step->check.over);
	buf_append_u8(line, '\n');
	for (size_t i = 0; i < record->n_digests; i++)
		if (run->banks & 1u << record->digests[i].alg)
			buf_printf(line, "%13s%-7s %s\n", "", alg_name(record->digests[i].alg),
				   digest_hex(&record->digests[i], hex));
}

/* What is wrong with an event, one line for each thing. */
static void append_remarks(const struct step *step, struct buf *line)
{
	const struct event_check *check = &step->check;

	if (check->result == DATA_MISMATCH) {
		buf_printf(line, "%13s! its digest is not over its %s in bank", "", check->over);
		for (enum alg alg = 0; alg < ALG_BANKS; alg++)
			if (check->mismatched & 1u << alg)
				buf_printf(line, " %s", alg_name(alg));
		if (check->known)
			buf_printf(line, ": %s", check->known);
		buf_append_u8(line, '\n');
	}
	for (uint32_t bit = 1; step->record.oddities && bit <= RECORD_ODDITY_LAST; bit <<= 1)
		if (step->record.oddities & bit)
			buf_printf(line, "%13s! %s\n", "", record_oddity_text(bit));
}

/* Cuts what was appended from start on to DESCRIPTION_MAX bytes, not inside a character. */
static void cut_description(struct buf *line, size_t start)
{
	size_t size = start + DESCRIPTION_MAX;

	if (line->failed || line->size <= size)
		return;
	while (size > start && (line->data[size] & 0xc0) == 0x80)
		size--;
	line->size = size;
	buf_append_string(line, "...");
}

static void print_event(struct run *run, const struct step *step)
{
	const struct record *record = &step->record;
	struct buf *line = &run->line;
	char type[EVENT_TYPE_TEXT], hex[2 * SHOWN_DIGEST + 1] = "-";
	size_t start;

	for (size_t i = 0; i < record->n_digests; i++)
		if (record->digests[i].alg == run->listed)
			hex_write(hex, bytes_of(record->digests[i].value, SHOWN_DIGEST));
	line->size = 0;
	append_right(line, record->index, 5);
	if (record->pcr == UINT32_MAX)
		buf_append_string(line, "    -");
	else
		append_right(line, record->pcr, 5);
	buf_append_string(line, "  ");
	append_left(line, event_type_text(record->type, type), TYPE_WIDTH + 2);
	append_left(line, hex, 2 * SHOWN_DIGEST + 2);
	append_left(line, check_word(step->check.result), 9);
	start = line->size;
	event_describe(record, &step->event, line);
	if (!run->verbose)
		cut_description(line, start);
	buf_append_u8(line, '\n');
	if (run->verbose)
		append_details(run, step, line);
	append_remarks(step, line);
	fwrite(line->data, 1, line->size, stdout);
}

static void print_locality(const struct eventlog_locality *locality, bool forced)
{
	if (forced)
		printf("PCR 0 starts at locality %u, as asked for\n", locality->used);
	else if (locality->hcrtm)
		puts("PCR 0 starts at 4: its first event is the H-CRTM's");
	else if (locality->stated)
		printf("PCR 0 starts at locality %u, as event %" PRIu64 " states\n", locality->used,
		       locality->index);
}

static const char *register_name(uint32_t number)
{
	static const char *const names[] = { "MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3" };

	return number < ARRAY_SIZE(names) ? names[number] : "";
}

static void print_pcrs(const struct run *run)
{
	bool cc = run->log.format == EVENTLOG_CC;
	char hex[DIGEST_HEX_SIZE];

	for (size_t i = 0; i < run->replay.n_banks; i++) {
		const struct pcr_bank *bank = &run->replay.banks[i];

		if (!(run->banks & 1u << bank->alg) || !(bank->extended & run->pcrs))
			continue;
		printf("\n%s\n", alg_name(bank->alg));
		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			struct digest value = pcr_bank_value(bank, pcr);

			if (!(bank->extended & run->pcrs & 1u << pcr))
				continue;
			if (cc)
				printf("  %2" PRIu32 " %-6s %s\n", pcr, register_name(pcr),
				       digest_hex(&value, hex));
			else
				printf("  %2" PRIu32 "  %s\n", pcr, digest_hex(&value, hex));
		}
	}
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (run->replay.missing & run->banks & 1u << alg)
			printf("\n%s: not replayed, libcrypto offers no such hash here\n",
			       alg_name(alg));
}

static void print_summary(const struct run *run)
{
	uint64_t n = run->replay.n_records;

	printf("%" PRIu64 " event%s, %" PRIu64 " extended; digests over their data: %" PRIu64
	       ", of something not in the log: %" PRIu64,
	       n, plural(n), run->replay.n_extends, run->n_checked[DATA_MATCH],
	       run->n_checked[DATA_UNCHECKED]);
	if (run->n_checked[DATA_MISMATCH])
		printf(", NOT over their data: %" PRIu64, run->n_checked[DATA_MISMATCH]);
	fputc('\n', stdout);
	if (!run->is_broken && run->log.padding_offset < run->log.bytes.size)
		printf("%" PRIu64 " bytes of padding after the last event\n",
		       run->log.bytes.size - run->log.padding_offset);
	if (run->is_broken)
		printf("THE LOG BREAKS OFF at offset 0x%" PRIx64
		       ": what follows is of the events before\n",
		       run->broken.offset);
	if (run->log.format != EVENTLOG_CC)
		print_locality(&run->replay.locality, run->replay.forced_locality >= 0);
}

static int print_text(struct run *run, struct error *err)
{
	struct step step;
	int more;

	print_head(run);
	if (run->events) {
		run->listed = listed_bank(run);
		printf("\n%5s  %3s  %-*s  %-12s  %-7s  %s\n", "event",
		       run->log.format == EVENTLOG_CC ? "reg" : "PCR", TYPE_WIDTH, "type",
		       run->listed == ALG_NONE ? "" : alg_name(run->listed), "data", "description");
	}
	while ((more = run_step(run, &step, err)) > 0)
		if (run->events && is_shown(run, &step.record))
			print_event(run, &step);
	if (more < 0)
		return -1;
	if (run->line.failed)
		return error_memory(err, file_name(run->file));
	if (run->events)
		fputc('\n', stdout);
	print_summary(run);
	print_pcrs(run);
	return 0;
}

/* --- the command ---------------------------------------------------------------------------------- */

/* "0-7,14" */
static int pcrs_parse(const char *list, pcr_set *out, struct error *err)
{
	const char *at = list;
	pcr_set pcrs = 0;

	for (;;) {
		char *end;
		unsigned long first, last;

		first = last = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : PCR_COUNT;
		if (first < PCR_COUNT && *end == '-' && end[1] >= '0' && end[1] <= '9')
			last = strtoul(end + 1, &end, 10);
		if (first >= PCR_COUNT || last >= PCR_COUNT || last < first ||
		    (*end && *end != ','))
			return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
					 "--pcr takes PCRs from 0 to %d, such as 0-7,14, not '%s'",
					 PCR_COUNT - 1, list);
		for (; first <= last; first++)
			pcrs |= 1u << first;
		if (!*end)
			break;
		at = end + 1;
	}
	*out = pcrs;
	return 0;
}

static int locality_parse(const char *text, int *out, struct error *err)
{
	if (text[0] < '0' || text[0] > '4' || text[1])
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
				 "--locality takes a locality from 0 to 4, not '%s'", text);
	*out = text[0] - '0';
	return 0;
}

static int run_open(struct run *run, const char *path, int locality, struct error *err)
{
	if (file_open(path, &run->file, err) < 0 || hasher_new(&run->hasher, err) < 0 ||
	    eventlog_open(&run->log, file_bytes(run->file), file_name(run->file), err) < 0)
		return -1;
	if (!run->banks)
		run->banks = UINT32_MAX;
	eventlog_replay_init(&run->replay, &run->log, run->hasher, locality);
	return 0;
}

enum exit_status cmd_replay_tcg(const struct command *self, int argc, char **argv)
{
	AUTO(run_clear) struct run run = { .pcrs = UINT32_MAX };
	const char *banks = NULL, *pcrs = NULL, *locality_text = NULL;
	bool json = false, quiet = false, events = false;
	int locality = EVENTLOG_LOCALITY_STATED;
	const struct command_option options[] = {
		{"events",    0,   OPTION_FLAG,   &events,        NULL,
                 "list every event (the default unless --json)"                                                 },
		{ "bank",     0,   OPTION_STRING, &banks,         "LIST",
                 "show these banks only, such as sha1,sha256"                                                   },
		{ "pcr",      0,   OPTION_STRING, &pcrs,          "LIST", "show these PCRs only, such as 0-7,14"},
		{ "locality", 0,   OPTION_STRING, &locality_text, "N",
                 "start PCR 0 at this locality, whatever the log states"                                        },
		OPTION_JSON(&json),
		{ "quiet",    'q', OPTION_FLAG,   &quiet,         NULL,   "no list of events"                   },
		{ "verbose",  'v', OPTION_FLAG,   &run.verbose,   NULL,
                 "descriptions whole, and the digests of every event"                                           },
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
	if ((banks && alg_set_parse(banks, &run.banks, &err) < 0) ||
	    (pcrs && pcrs_parse(pcrs, &run.pcrs, &err) < 0) ||
	    (locality_text && locality_parse(locality_text, &locality, &err) < 0))
		return command_usage(self, "%s", err.message);
	run.events = json ? events : !quiet;
	if (run_open(&run, args.items[0], locality, &err) < 0)
		return command_fail(&err);
	if ((json ? print_json(&run, &err) : print_text(&run, &err)) < 0)
		return command_fail(&err);
	status = command_finish(EXIT_DONE);
	if (status == EXIT_DONE && run.is_broken)
		return command_fail(&run.broken);
	return status;
}
