/* SPDX-License-Identifier: BSD-2-Clause */
/* assay replay ima: print an IMA measurement list and the PCR values it ends in. */
#include "replay/replay.h"

#include <inttypes.h>

#include "core/json.h"
#include "core/own.h"
#include "core/text.h"
#include "replay/ima/buffer.h"
#include "replay/ima/ima.h"
#include "replay/ima/signature.h"

/* Bytes of a buffer shown in the table; JSON has all of them. */
#define BUFFER_SHOWN 160

/* Mismatches told one by one; the count is always whole. */
#define MISMATCHES_PRINTED 20
#define MISMATCHES_MAX     1000

struct mismatch {
	uint64_t index;
	uint64_t offset;
};

/* One run of the command. */
struct run {
	struct pieces *pieces;
	struct hasher *hasher;
	struct ima_list *list;
	struct ima_replay *replay;
	alg_set banks;
	bool events;
	bool quiet;
	struct mismatch mismatches[MISMATCHES_MAX]; /* the first ones */
	size_t n_mismatches;
	bool is_broken;
	struct error broken; /* where the list ended before its end */
};

static void run_clear(struct run *run)
{
	ima_replay_free(run->replay);
	ima_list_free(run->list);
	hasher_free(run->hasher);
	pieces_free(run->pieces);
}

static const char *form_name(enum ima_form form)
{
	return form == IMA_FORM_TEXT ? "ascii" : "binary";
}

static const char *check_name(enum ima_check check)
{
	switch (check) {
	case IMA_CHECK_MATCH:
		return "match";
	case IMA_CHECK_MISMATCH:
		return "mismatch";
	case IMA_CHECK_VIOLATION:
		return "violation";
	case IMA_CHECK_UNKNOWN:
		return "unknown";
	}
	return "unknown";
}

static void note_mismatch(struct run *run, const struct ima_step *step)
{
	if (step->check == IMA_CHECK_MISMATCH && run->n_mismatches < MISMATCHES_MAX)
		run->mismatches[run->n_mismatches++] =
			(struct mismatch){ step->record.index, step->record.offset };
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_ima_digest(struct json *json, const char *key, const struct ima_digest *digest)
{
	json_object_begin_compact(json, key);
	if (digest->alg != ALG_NONE)
		json_string(json, "algorithm", alg_name(digest->alg));
	else
		json_bytes(json, "algorithm", digest->alg_name);
	if (digest->type_name.size)
		json_bytes(json, "type", digest->type_name);
	json_hex(json, "digest", digest->value);
	json_object_end(json);
}

/* A field that the entry does not decode further: numbers as numbers, names as text. */
static void json_field(struct json *json, const struct run *run, const struct ima_field *field)
{
	bool big_endian = ima_list_form(run->list) == IMA_FORM_BINARY_BE;
	uint64_t value = 0;

	switch (field->id) {
	case IMA_FIELD_IUID:
	case IMA_FIELD_IGID:
	case IMA_FIELD_IMODE:
		if (field->value.size == 0 || field->value.size > 4)
			break;
		for (size_t i = 0; i < field->value.size; i++) {
			size_t at = big_endian ? i : field->value.size - 1 - i;

			value = value << 8 | field->value.data[at];
		}
		json_uint(json, ima_field_name(field->id), value);
		break;
	case IMA_FIELD_XATTRNAMES:
		if (field->value.size)
			json_bytes(json, ima_field_name(field->id),
				   bytes_of(field->value.data, field->value.size - 1));
		break;
	case IMA_FIELD_XATTRLENGTHS:
	case IMA_FIELD_XATTRVALUES:
		json_hex(json, ima_field_name(field->id), field->value);
		break;
	default:
		break;
	}
}

/* Groups of a buffer's fields, each a list of pairs: a key may come twice. */
static void json_buffer_fields(struct json *json, struct bytes buffer)
{
	struct bytes rest = buffer;
	struct ima_buffer_field field;
	bool open = false;

	json_array_begin(json, "buffer_fields");
	while (ima_buffer_field_next(buffer, &rest, &field)) {
		if (field.begins_group) {
			if (open)
				json_array_end(json);
			json_array_begin_compact(json, NULL);
			open = true;
		}
		json_array_begin_compact(json, NULL);
		json_bytes(json, NULL, field.key);
		json_bytes(json, NULL, field.value);
		json_array_end(json);
	}
	if (open)
		json_array_end(json);
	json_array_end(json);
}

static void json_buffer(struct json *json, const struct ima_entry *entry)
{
	enum ima_buffer_kind kind = ima_buffer_kind(entry->path, entry->buf);
	AUTO(buf_clear) struct buf text = BUF_INIT;

	json_hex(json, "buffer", entry->buf);
	json_string(json, "buffer_kind", ima_buffer_kind_name(kind));
	ima_buffer_describe(entry->path, entry->buf, &text);
	if (kind != IMA_BUFFER_BYTES && !text.failed)
		json_bytes(json, "buffer_text", buf_bytes(&text));
	if (kind == IMA_BUFFER_FIELDS)
		json_buffer_fields(json, entry->buf);
}

/* What the header of a signature says; a bad one says nothing but its bytes. */
static void json_signature(struct json *json, const char *key, struct bytes xattr)
{
	struct ima_signature signature;

	if (ima_signature_parse(xattr, NULL, 0, &signature, NULL) < 0)
		return;
	json_object_begin_compact(json, key);
	json_string(json, "covers",
		    signature.type == IMA_XATTR_METADATA ? "metadata"
		    : signature.type == IMA_XATTR_VERITY ? "fs-verity"
							 : "contents");
	json_uint(json, "version", signature.version);
	if (signature.alg != ALG_NONE)
		json_string(json, "algorithm", alg_name(signature.alg));
	else
		json_uint(json, "algorithm", signature.alg_id);
	json_hex(json, "key_id",
		 bytes_of((const uint8_t[]){ (uint8_t)(signature.key_id >> 24),
					     (uint8_t)(signature.key_id >> 16),
					     (uint8_t)(signature.key_id >> 8),
					     (uint8_t)signature.key_id },
			  4));
	json_object_end(json);
}

static void json_event(struct json *json, const struct run *run, const struct ima_step *step)
{
	const struct record *record = &step->record;
	struct ima_entry entry;

	ima_entry_parse(run->list, record, &entry);
	json_object_begin_compact(json, NULL);
	json_uint(json, "index", record->index);
	json_uint(json, "offset", record->offset);
	json_uint(json, "pcr", record->pcr);
	json_bytes(json, "template", record->name);
	json_digest(json, "template_hash", &record->digests[0]);
	json_string(json, "template_hash_check", check_name(step->check));
	if (entry.digest.value.data)
		json_ima_digest(json, "digest", &entry.digest);
	if (entry.path.data)
		json_bytes(json, "path", entry.path);
	if (entry.sig.size)
		json_hex(json, "signature", entry.sig);
	json_signature(json, "signature_header", entry.sig);
	if (entry.buf.size)
		json_buffer(json, &entry);
	if (entry.modsig_digest.value.data)
		json_ima_digest(json, "modsig_digest", &entry.modsig_digest);
	if (entry.modsig.size)
		json_hex(json, "modsig", entry.modsig);
	if (entry.evmsig.size)
		json_hex(json, "evm_signature", entry.evmsig);
	json_signature(json, "evm_signature_header", entry.evmsig);
	for (size_t i = 0; i < entry.n_fields; i++)
		json_field(json, run, &entry.fields[i]);
	if (!entry.is_whole) {
		json_string(json, "fields", entry.is_known ? "malformed" : "unknown");
		json_hex(json, "data", record->data);
	}
	json_object_end(json);
}

static void json_pcrs(struct json *json, const char *key, const struct run *run, enum ima_way way)
{
	json_object_begin(json, key);
	for (enum alg alg = way == IMA_OWN ? ALG_SHA1 : ALG_SHA256; alg < ALG_BANKS; alg++) {
		if (!(run->banks & 1u << alg))
			continue;
		json_object_begin(json, alg_name(alg));
		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			struct bytes value = ima_replay_value(run->replay, alg, way, pcr);
			char number[8];

			if (!(ima_replay_extended(run->replay) & 1u << pcr) || !value.size)
				continue;
			snprintf(number, sizeof(number), "%" PRIu32, pcr);
			json_hex(json, number, value);
		}
		json_object_end(json);
	}
	json_object_end(json);
}

static int print_json(struct run *run, struct error *err)
{
	struct json json = json_to_stream(stdout);
	const struct ima_step *step;
	struct ima_counts counts;
	int status;

	json_object_begin(&json, NULL);
	json_string(&json, "format", form_name(ima_list_form(run->list)));
	if (run->events)
		json_array_begin(&json, "events");
	while ((status = ima_replay_next(run->replay, &step, &run->broken)) == 1) {
		note_mismatch(run, step);
		if (run->events)
			json_event(&json, run, step);
	}
	run->is_broken = status < 0;
	if (run->events)
		json_array_end(&json);
	counts = ima_replay_counts(run->replay);
	json_string(&json, "byte_order",
		    ima_list_form(run->list) == IMA_FORM_BINARY_BE ? "big" : "little");
	json_string(&json, "template_hash_algorithm", alg_name(ima_list_alg(run->list)));
	json_uint(&json, "entry_count", counts.n_entries);
	json_uint(&json, "violation_count", counts.n_violations);
	json_uint(&json, "template_hash_mismatches", counts.n_mismatches);
	json_uint(&json, "template_hashes_unknown", counts.n_unknown);
	json_array_begin(&json, "mismatches");
	for (size_t i = 0; i < run->n_mismatches; i++) {
		json_object_begin_compact(&json, NULL);
		json_uint(&json, "index", run->mismatches[i].index);
		json_uint(&json, "offset", run->mismatches[i].offset);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_pcrs(&json, "pcrs", run, IMA_OWN);
	json_pcrs(&json, "pcrs_padded", run, IMA_PADDED);
	if (run->is_broken) {
		json_object_begin(&json, "error");
		if (run->broken.offset != ERROR_NO_OFFSET)
			json_uint(&json, "offset", run->broken.offset);
		json_string(&json, "message", run->broken.message);
		json_object_end(&json);
	}
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- for people --------------------------------------------------------------------------------- */

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* "sha256:0123456789abcdef", enough of a digest to find it by. */
static void print_digest(const struct ima_digest *digest)
{
	size_t size = digest->value.size < 8 ? digest->value.size : 8;
	char name[16], hex[17] = "", text[40] = "-";

	if (digest->alg != ALG_NONE)
		snprintf(name, sizeof(name), "%s", alg_name(digest->alg));
	else
		text_escape(name, sizeof(name), digest->alg_name);
	if (size) {
		hex_write(hex, bytes_of(digest->value.data, size));
		snprintf(text, sizeof(text), "%s:%s", name, hex);
	}
	printf("%-24s", text);
}

static void print_buffer(const struct ima_entry *entry)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	printf("  %s: ", ima_buffer_kind_name(ima_buffer_kind(entry->path, entry->buf)));
	ima_buffer_describe(entry->path, entry->buf, &text);
	text_write(stdout,
		   bytes_of(text.data, text.size > BUFFER_SHOWN ? BUFFER_SHOWN : text.size));
	if (text.size > BUFFER_SHOWN)
		fputs("...", stdout);
}

static void print_event(const struct run *run, const struct ima_step *step)
{
	const struct record *record = &step->record;
	struct ima_entry entry;
	char template[64];

	ima_entry_parse(run->list, record, &entry);
	text_escape(template, sizeof(template), record->name);
	printf("%7" PRIu64 "  %2" PRIu32 "  %-10s  ", record->index, record->pcr, template);
	print_digest(&entry.digest);
	fputs("  ", stdout);
	text_write(stdout, entry.path);
	if (entry.digest.type == IMA_DIGEST_VERITY)
		fputs("  fs-verity", stdout);
	if (entry.sig.size)
		fputs("  signed", stdout);
	if (entry.modsig.size)
		fputs("  appended-signature", stdout);
	if (entry.evmsig.size)
		fputs("  evm-signed", stdout);
	if (entry.buf.size)
		print_buffer(&entry);
	if (!entry.is_known)
		fputs("  UNKNOWN TEMPLATE", stdout);
	else if (!entry.is_whole && step->check != IMA_CHECK_VIOLATION)
		fputs("  MALFORMED", stdout);
	if (step->check == IMA_CHECK_VIOLATION)
		fputs("  VIOLATION", stdout);
	if (step->check == IMA_CHECK_MISMATCH)
		fputs("  TEMPLATE HASH MISMATCH", stdout);
	fputc('\n', stdout);
}

static void print_value(const struct run *run, enum alg alg, const char *label, enum ima_way way,
			uint32_t pcr)
{
	struct bytes value = ima_replay_value(run->replay, alg, way, pcr);
	char hex[2 * DIGEST_SIZE_MAX + 1] = "";

	if (value.size)
		hex_write(hex, value);
	printf("  %-8s%-8s%s\n", way == IMA_OWN ? alg_name(alg) : "", label,
	       value.size ? hex
			  : "not known: the text of an entry does not give its template hash");
}

static void print_pcrs(const struct run *run)
{
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		if (!(ima_replay_extended(run->replay) & 1u << pcr))
			continue;
		printf("\nPCR %" PRIu32 "\n", pcr);
		for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
			if (!(run->banks & 1u << alg))
				continue;
			print_value(run, alg, alg == ALG_SHA1 ? "" : "own", IMA_OWN, pcr);
			if (alg != ALG_SHA1)
				print_value(run, alg, "padded", IMA_PADDED, pcr);
		}
	}
}

static void print_summary(const struct run *run)
{
	struct ima_counts counts = ima_replay_counts(run->replay);

	if (run->events)
		fputc('\n', stdout);
	text_write(stdout, bytes_of_string(pieces_name(run->pieces)));
	printf(": %s list%s, %" PRIu64 " entr%s, template hashes %s\n",
	       form_name(ima_list_form(run->list)),
	       ima_list_form(run->list) == IMA_FORM_BINARY_BE ? " (big endian)" : "",
	       counts.n_entries, counts.n_entries == 1 ? "y" : "ies",
	       alg_name(ima_list_alg(run->list)));
	if (counts.n_violations)
		printf("%" PRIu64 " violation%s: a file was written while it was measured or run\n",
		       counts.n_violations, plural(counts.n_violations));
	for (size_t i = 0; i < run->n_mismatches && i < MISMATCHES_PRINTED; i++)
		printf("entry %" PRIu64 " at offset 0x%" PRIx64
		       ": its template hash is not the hash of its fields\n",
		       run->mismatches[i].index, run->mismatches[i].offset);
	if (counts.n_mismatches > MISMATCHES_PRINTED)
		printf("... and %" PRIu64 " more\n", counts.n_mismatches - MISMATCHES_PRINTED);
	if (counts.n_unknown)
		printf("%" PRIu64 " template hash%s not checked: text of an unknown template\n",
		       counts.n_unknown, counts.n_unknown == 1 ? "" : "es");
	if (!counts.n_mismatches && counts.n_entries > counts.n_violations + counts.n_unknown)
		printf("every template hash %sis the hash of its entry\n",
		       counts.n_unknown ? "that can be checked " : "");
}

static int print_text(struct run *run)
{
	const struct ima_step *step;
	int status;

	if (run->events)
		printf("%7s %3s  %-10s  %-24s  %s\n", "entry", "PCR", "template", "digest", "path");
	while ((status = ima_replay_next(run->replay, &step, &run->broken)) == 1) {
		note_mismatch(run, step);
		if (run->events)
			print_event(run, step);
	}
	run->is_broken = status < 0;
	print_summary(run);
	print_pcrs(run);
	return 0;
}

/* --- the command ---------------------------------------------------------------------------------- */

static int run_open(struct run *run, const char *path, const char *banks, struct error *err)
{
	alg_set chosen = 1u << ALG_SHA1 | 1u << ALG_SHA256;

	if (banks && alg_set_parse(banks, &chosen, err) < 0)
		return -1;
	if (chosen >> ALG_BANKS)
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
				 "no TPM has a bank for one of '%s'", banks);
	if (pieces_open(path, &run->pieces, err) < 0 || hasher_new(&run->hasher, err) < 0 ||
	    ima_list_open_pieces(run->pieces, run->hasher, &run->list, err) < 0)
		return -1;
	run->banks = banks ? chosen : chosen | 1u << ima_list_alg(run->list);
	return ima_replay_new(run->list, run->banks, run->hasher, &run->replay, err);
}

enum exit_status cmd_replay_ima(const struct command *self, int argc, char **argv)
{
	AUTO(run_clear) struct run run = { 0 };
	const char *banks = NULL;
	bool json = false;
	const struct command_option options[] = {
		{"bank",    0, OPTION_STRING, &banks,      "LIST",
                 "banks to extend, such as sha1,sha384 (default: sha1, sha256 and\nthat of the "
		  "list's template hashes)"						       },
		{ "events", 0, OPTION_FLAG,   &run.events, NULL,   "every entry, not only the sum"},
		OPTION_JSON(&json),
	};
	struct command_args args;
	enum exit_status status;
	struct error err = { 0 };
	int printed;

	if (!command_parse(self, options, ARRAY_SIZE(options), argc, argv, &args, &status))
		return status;
	if (args.n_items != 1)
		return command_usage(self, args.n_items ? "takes one list" : "which list?");
	if (run_open(&run, args.items[0], banks, &err) < 0) {
		if (err.code == ERROR_USAGE)
			return command_usage(self, "%s", err.message);
		return command_fail(&err);
	}
	printed = json ? print_json(&run, &err) : print_text(&run);
	if (printed < 0)
		return command_fail(&err);
	status = ima_replay_counts(run.replay).n_mismatches ? EXIT_NO : EXIT_DONE;
	status = command_finish(status);
	if (status != EXIT_SYSTEM && run.is_broken)
		return command_fail(&run.broken);
	return status;
}
