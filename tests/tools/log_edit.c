/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_edit: what somebody who owns a machine could do to its logs. Reads a crypto-agile TCG event
 * log or a binary IMA list (little endian), applies edits one after the other, and writes the log,
 * or what a TPM would have been extended with. Parses by itself: replay/ is tested with it.
 *
 * usage: log_edit tcg|ima [-x [-p ALG,...] | -a | -c] LOG [EDIT...]
 *   -x            instead of the log: what its records extend, one line each, as tpm2_pcrextend
 *                 takes it: "PCR:sha1=HEX,sha256=HEX,..."
 *   -p ALG,...    these banks were extended with the SHA-1 template hash padded with zeros (ima)
 *   -a            instead of the log: its ascii form (ima; templates ima-ng and ima-sig)
 *   -c            instead of the log: the number of records
 *
 * Records count from 0; in a TCG log record 0 is the Spec ID event. An EDIT is
 *   remove=N      record N is left out
 *   keep=N        only the first N records are kept
 *   copy=N        record N stands there twice
 *   swap=N,M      records N and M change places
 *   digest=N      the recorded digests of N change (tcg: in every bank; ima: the template hash)
 *   digest=N:ALG  only in this bank (tcg)
 *   data=N        the data of N changes (ima: the file digest), the recorded digests stay
 *   path=N:PATH   N names another file (ima), the recorded template hash stays
 *   rehash=N      the template hash of N is made right again (ima)
 *
 * Sources: TCG PC Client Platform Firmware Profile 1.05 r23, 10.2; Linux
 * security/integrity/ima/ima_fs.c, ima_template_lib.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "core/file.h"
#include "core/reader.h"

#define EV_NO_ACTION 3u
#define BANKS_MAX    8
#define RECORDS_MAX  (1u << 16) /* far more than any log kept here */
#define FIELDS_MAX   16

struct record {
	struct buf bytes; /* the whole record, as the log has it */
};

struct log {
	bool ima;
	const char *name;
	struct {
		enum alg alg;
		uint16_t id; /* TPM_ALG_ID */
		uint16_t size;
	} banks[BANKS_MAX]; /* tcg: as the Spec ID event announces them */
	size_t n_banks;
	struct record *records;
	size_t n_records;
};

/* Where things are inside one record. */
struct layout {
	uint32_t pcr;
	uint32_t type; /* tcg */
	struct {
		uint16_t id;
		struct bytes value;
	} digests[BANKS_MAX];
	size_t n_digests;
	struct bytes name; /* ima: the template's */
	struct bytes data; /* event data, or template data */
};

static int fail(struct error *err, const char *message)
{
	return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET, "%s", message);
}

static void read_tcg(const struct log *log, bool first, struct reader *in, struct layout *out)
{
	uint32_t n = 1;

	out->pcr = reader_le32(in);
	out->type = reader_le32(in);
	if (first) {
		out->digests[0].value = reader_bytes(in, 20);
	} else {
		n = reader_le32(in);
		for (uint32_t i = 0; i < n && i < BANKS_MAX; i++) {
			uint16_t id = reader_le16(in);
			size_t size = 0;

			for (size_t b = 0; b < log->n_banks; b++) {
				if (log->banks[b].id == id)
					size = log->banks[b].size;
			}
			out->digests[i].id = id;
			out->digests[i].value = reader_bytes(in, size);
		}
	}
	out->n_digests = n < BANKS_MAX ? n : BANKS_MAX;
	out->data = reader_bytes(in, reader_le32(in));
}

static void read_ima(struct reader *in, struct layout *out)
{
	out->pcr = reader_le32(in);
	out->digests[0].value = reader_bytes(in, 20);
	out->n_digests = 1;
	out->name = reader_bytes(in, reader_le32(in));
	out->data = reader_bytes(in, reader_le32(in));
}

static int read_record(const struct log *log, bool first, struct reader *in, struct layout *out,
		       struct error *err)
{
	struct layout layout = { 0 };

	if (log->ima)
		read_ima(in, &layout);
	else
		read_tcg(log, first, in, &layout);
	if (in->ran_out)
		return reader_check(in, err);
	*out = layout;
	return 0;
}

static int layout_of(const struct log *log, size_t i, struct layout *out, struct error *err)
{
	struct reader in = reader_of(buf_bytes(&log->records[i].bytes), 0, log->name);

	return read_record(log, i == 0, &in, out, err);
}

/* The algorithms of a Spec ID Event03 (PFP 10.4.5.1). */
static int read_banks(struct log *log, struct bytes data, struct error *err)
{
	struct reader in = reader_of(data, 0, log->name);
	uint32_t n;

	reader_skip(&in, 24);
	n = reader_le32(&in);
	if (n == 0 || n > BANKS_MAX)
		return fail(err, "not a crypto-agile log");
	for (; log->n_banks < n; log->n_banks++) {
		log->banks[log->n_banks].id = reader_le16(&in);
		log->banks[log->n_banks].size = reader_le16(&in);
		log->banks[log->n_banks].alg = alg_of_tpm_id(log->banks[log->n_banks].id);
	}
	return reader_check(&in, err);
}

static int log_read(struct log *log, struct bytes bytes, struct error *err)
{
	struct reader in = reader_of(bytes, 0, log->name);

	log->records = calloc(RECORDS_MAX, sizeof(*log->records));
	if (!log->records)
		return fail(err, "out of memory");
	while (reader_left(&in) > 0) {
		size_t at = (size_t)reader_offset(&in);
		struct layout layout;

		if (log->n_records == RECORDS_MAX)
			return fail(err, "too many records");
		if (read_record(log, log->n_records == 0, &in, &layout, err) < 0)
			return -1;
		if (!log->ima && log->n_records == 0 && read_banks(log, layout.data, err) < 0)
			return -1;
		buf_append(&log->records[log->n_records++].bytes,
			   bytes_of(bytes.data + at, (size_t)reader_offset(&in) - at));
	}
	return 0;
}

static void log_clear(struct log *log)
{
	for (size_t i = 0; i < log->n_records; i++)
		buf_clear(&log->records[i].bytes);
	free(log->records);
}

/* --- edits --------------------------------------------------------------------------------- */

static void flip(struct log *log, size_t i, struct bytes part)
{
	struct buf *bytes = &log->records[i].bytes;

	bytes->data[(size_t)(part.data - bytes->data) + part.size - 1] ^= 1;
}

static int edit_digest(struct log *log, size_t i, const char *alg, struct error *err)
{
	uint16_t id = alg ? alg_tpm_id(alg_of_name(bytes_of_string(alg))) : 0;
	struct layout layout;
	bool done = false;

	if (layout_of(log, i, &layout, err) < 0)
		return -1;
	for (size_t d = 0; d < layout.n_digests; d++) {
		if (alg && layout.digests[d].id != id)
			continue;
		flip(log, i, layout.digests[d].value);
		done = true;
	}
	return done ? 0 : fail(err, "the record has no such digest");
}

/* The fields of template data: each a length and bytes. */
static size_t split(struct bytes data, struct bytes fields[FIELDS_MAX])
{
	struct reader in = reader_of(data, 0, "template data");
	size_t n = 0;

	while (reader_left(&in) > 0 && n < FIELDS_MAX) {
		fields[n++] = reader_bytes(&in, reader_le32(&in));
		if (in.ran_out)
			return 0;
	}
	return n;
}

static int edit_data(struct log *log, size_t i, struct error *err)
{
	struct layout layout;
	struct bytes fields[FIELDS_MAX];

	if (layout_of(log, i, &layout, err) < 0)
		return -1;
	if (log->ima && split(layout.data, fields) < 2)
		return fail(err, "no fields");
	flip(log, i, log->ima ? fields[0] : layout.data);
	return 0;
}

static int edit_path(struct log *log, size_t i, const char *path, struct error *err)
{
	AUTO(buf_clear) struct buf data = BUF_INIT;
	AUTO(buf_clear) struct buf record = BUF_INIT;
	struct bytes fields[FIELDS_MAX];
	struct layout layout;
	size_t n;

	if (layout_of(log, i, &layout, err) < 0)
		return -1;
	n = split(layout.data, fields);
	if (!log->ima || n < 2)
		return fail(err, "no path to change");
	fields[1] = bytes_of(path, strlen(path) + 1);
	for (size_t f = 0; f < n; f++) {
		buf_append_le32(&data, (uint32_t)fields[f].size);
		buf_append(&data, fields[f]);
	}
	buf_append_le32(&record, layout.pcr);
	buf_append(&record, layout.digests[0].value);
	buf_append_le32(&record, (uint32_t)layout.name.size);
	buf_append(&record, layout.name);
	buf_append_le32(&record, (uint32_t)data.size);
	buf_append(&record, buf_bytes(&data));
	if (buf_finish(&data, err) < 0 || buf_finish(&record, err) < 0)
		return -1;
	buf_clear(&log->records[i].bytes);
	log->records[i].bytes = record;
	record = (struct buf)BUF_INIT;
	return 0;
}

static int edit_rehash(struct log *log, struct hasher *hasher, size_t i, struct error *err)
{
	struct buf *bytes = &log->records[i].bytes;
	struct layout layout;
	struct digest digest;

	if (!log->ima)
		return fail(err, "rehash is for IMA lists");
	if (layout_of(log, i, &layout, err) < 0 ||
	    hasher_digest_bytes(hasher, ALG_SHA1, layout.data, &digest, err) < 0)
		return -1;
	memcpy(bytes->data + (layout.digests[0].value.data - bytes->data), digest.value,
	       digest.size);
	return 0;
}

static void remove_record(struct log *log, size_t i)
{
	buf_clear(&log->records[i].bytes);
	log->n_records--;
	memmove(&log->records[i], &log->records[i + 1],
		(log->n_records - i) * sizeof(*log->records));
}

static int copy_record(struct log *log, size_t i, struct error *err)
{
	struct buf copy = BUF_INIT;

	if (log->n_records == RECORDS_MAX)
		return fail(err, "too many records");
	buf_append(&copy, buf_bytes(&log->records[i].bytes));
	memmove(&log->records[i + 1], &log->records[i],
		(log->n_records - i) * sizeof(*log->records));
	log->n_records++;
	log->records[i].bytes = copy;
	return buf_finish(&copy, err);
}

static int edit(struct log *log, struct hasher *hasher, const char *text, struct error *err)
{
	unsigned long n, m;
	char verb[16], rest[4096] = "";

	if (sscanf(text, "%15[a-z]=%lu%4095s", verb, &n, rest) < 2)
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET, "no edit: %s", text);
	if (n >= log->n_records && strcmp(verb, "keep") != 0)
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET, "no such record: %s",
				 text);
	if (strcmp(verb, "remove") == 0) {
		remove_record(log, n);
	} else if (strcmp(verb, "keep") == 0) {
		while (log->n_records > n)
			remove_record(log, log->n_records - 1);
	} else if (strcmp(verb, "copy") == 0) {
		return copy_record(log, n, err);
	} else if (strcmp(verb, "swap") == 0 && sscanf(rest, ",%lu", &m) == 1 &&
		   m < log->n_records) {
		struct record kept = log->records[n];

		log->records[n] = log->records[m];
		log->records[m] = kept;
	} else if (strcmp(verb, "digest") == 0) {
		return edit_digest(log, n, rest[0] == ':' ? rest + 1 : NULL, err);
	} else if (strcmp(verb, "data") == 0) {
		return edit_data(log, n, err);
	} else if (strcmp(verb, "path") == 0 && rest[0] == ':') {
		return edit_path(log, n, rest + 1, err);
	} else if (strcmp(verb, "rehash") == 0) {
		return edit_rehash(log, hasher, n, err);
	} else {
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET, "no edit: %s", text);
	}
	return 0;
}

/* --- outputs ------------------------------------------------------------------------------- */

static void print_extend(const char *separator, enum alg alg, struct bytes value)
{
	char hex[DIGEST_HEX_SIZE];

	hex_write(hex, value);
	printf("%s%s=%s", separator, alg_name(alg), hex);
}

static int print_tcg_extend(const struct log *log, const struct layout *layout)
{
	if (layout->type == EV_NO_ACTION)
		return 0;
	printf("%" PRIu32 ":", layout->pcr);
	for (size_t d = 0; d < layout->n_digests; d++) {
		for (size_t b = 0; b < log->n_banks; b++) {
			if (log->banks[b].id == layout->digests[d].id)
				print_extend(d ? "," : "", log->banks[b].alg,
					     layout->digests[d].value);
		}
	}
	putchar('\n');
	return 0;
}

static int print_ima_extend(struct hasher *hasher, const struct layout *layout, alg_set padded,
			    struct error *err)
{
	static const enum alg banks[] = { ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512 };
	bool violation = bytes_all(layout->digests[0].value, 0);

	printf("%" PRIu32 ":", layout->pcr);
	for (size_t b = 0; b < ARRAY_SIZE(banks); b++) {
		bool pad = padded & 1u << banks[b];
		uint8_t value[DIGEST_SIZE_MAX] = { 0 };
		struct digest digest;

		if (hasher_digest_bytes(hasher, pad ? ALG_SHA1 : banks[b], layout->data, &digest,
					err) < 0)
			return -1;
		memcpy(value, digest.value, digest.size);
		if (violation)
			memset(value, 0xff, sizeof(value));
		print_extend(b ? "," : "", banks[b], bytes_of(value, alg_size(banks[b])));
	}
	putchar('\n');
	return 0;
}

static void print_hex(struct bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		printf("%02x", bytes.data[i]);
}

/* As ima_ascii_measurements_show prints it; an empty signature leaves its space. */
static int print_ascii(const struct layout *layout, struct error *err)
{
	struct bytes fields[FIELDS_MAX];
	size_t n = split(layout->data, fields), alg_size_ = 0;

	if (n < 2 || fields[1].size == 0)
		return fail(err, "no ascii form of this template");
	while (alg_size_ < fields[0].size && fields[0].data[alg_size_])
		alg_size_++;
	if (alg_size_ == fields[0].size)
		return fail(err, "no algorithm in the digest field");
	printf("%" PRIu32 " ", layout->pcr);
	print_hex(layout->digests[0].value);
	printf(" %.*s %.*s", (int)layout->name.size, (const char *)layout->name.data,
	       (int)alg_size_, (const char *)fields[0].data);
	print_hex(bytes_of(fields[0].data + alg_size_ + 1, fields[0].size - alg_size_ - 1));
	printf(" %.*s", (int)(fields[1].size - 1), (const char *)fields[1].data);
	for (size_t f = 2; f < n; f++) {
		putchar(' ');
		print_hex(fields[f]);
	}
	putchar('\n');
	return 0;
}

enum form { FORM_LOG, FORM_EXTENDS, FORM_ASCII, FORM_COUNT };

static int print_log(const struct log *log, struct hasher *hasher, enum form form, alg_set padded,
		     struct error *err)
{
	int status = 0;

	if (form == FORM_COUNT)
		printf("%zu\n", log->n_records);
	for (size_t i = 0; i < log->n_records && status == 0 && form != FORM_COUNT; i++) {
		struct bytes bytes = buf_bytes(&log->records[i].bytes);
		struct layout layout;

		if (form == FORM_LOG) {
			fwrite(bytes.data, 1, bytes.size, stdout);
			continue;
		}
		status = layout_of(log, i, &layout, err);
		if (status == 0 && form == FORM_ASCII)
			status = print_ascii(&layout, err);
		else if (status == 0 && log->ima)
			status = print_ima_extend(hasher, &layout, padded, err);
		else if (status == 0)
			status = print_tcg_extend(log, &layout);
	}
	return status;
}

static int work(int argc, char **argv, struct error *err)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(file_freep) struct file *file = NULL;
	AUTO(log_clear) struct log log = { 0 };
	enum form form = FORM_LOG;
	alg_set padded = 0;
	int option;

	log.ima = argc > 1 && strcmp(argv[1], "ima") == 0;
	if (argc < 3 || (!log.ima && strcmp(argv[1], "tcg") != 0))
		return fail(err,
			    "usage: log_edit tcg|ima [-x [-p ALG,...] | -a | -c] LOG [EDIT...]");
	optind = 2;
	while ((option = getopt(argc, argv, "xp:ac")) != -1) {
		if (option == 'x')
			form = FORM_EXTENDS;
		else if (option == 'a')
			form = FORM_ASCII;
		else if (option == 'c')
			form = FORM_COUNT;
		else if (option != 'p')
			return fail(err, "no such option");
		else if (alg_set_parse(optarg, &padded, err) < 0)
			return -1;
	}
	if (optind == argc)
		return fail(err, "no log");
	log.name = argv[optind];
	if (hasher_new(&hasher, err) < 0 || file_open(argv[optind], &file, err) < 0 ||
	    log_read(&log, file_bytes(file), err) < 0)
		return -1;
	for (int i = optind + 1; i < argc; i++) {
		if (edit(&log, hasher, argv[i], err) < 0)
			return -1;
	}
	return print_log(&log, hasher, form, padded, err);
}

int main(int argc, char **argv)
{
	struct error err = { 0 };

	if (work(argc, argv, &err) < 0) {
		fprintf(stderr, "log_edit: %s %s\n", err.source, err.message);
		return 2;
	}
	return fflush(stdout) == 0 ? 0 : 4;
}
