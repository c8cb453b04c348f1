/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * go-tpm-tools' attest.Attestation, in protobuf's wire format: an attestation key, a quote a bank, the
 * firmware's log, what the launcher of containers logged (a Canonical Event Log), the key's certificate and
 * its intermediates.
 *
 * Sources: go-tpm-tools proto/attest.proto, proto/tpm.proto (Quote, PCRs); Protocol Buffers,
 *          "Encoding": varints and length-delimited fields, the last of a field that may not repeat counts.
 */
#include "replay/forms/internal.h"

#include <inttypes.h>

#include "core/reader.h"
#include "replay/forms/cel.h"

/* Fields of one message: 24 PCRs, a few quotes, a chain of certificates. */
#define FIELDS_MAX 256

/* attest.Attestation */
enum { AK_PUB = 1, QUOTES = 2, EVENT_LOG = 3, CANONICAL_LOG = 5, AK_CERT = 6, INTERMEDIATES = 7 };
/* tpm.Quote; tpm.PCRs and the entries of its map */
enum { QUOTE = 1, RAW_SIG = 2, PCRS = 3 };
enum { PCRS_HASH = 1, PCRS_MAP = 2, MAP_KEY = 1, MAP_VALUE = 2 };

struct field {
	uint32_t number;
	uint64_t value;     /* a varint */
	struct bytes bytes; /* of a length-delimited field; data is NULL for a varint */
	uint64_t offset;
};

static uint64_t read_varint(struct reader *in, bool *is_bad)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = reader_u8(in);

		/* The tenth byte has one bit of 64. */
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	*is_bad = true;
	return 0;
}

/* The next field of a message: 1, 0 at its end, -1 where it is none (the reader then stands behind it). */
static int next_field(struct reader *in, struct field *out)
{
	bool is_bad = false;
	uint64_t key, size;

	*out = (struct field){ .offset = reader_offset(in) };
	if (reader_left(in) == 0)
		return in->ran_out ? -1 : 0;
	key = read_varint(in, &is_bad);
	if (is_bad || in->ran_out || key >> 3 == 0 || key >> 3 > 0x1fffffff)
		return -1;
	out->number = (uint32_t)(key >> 3);
	switch (key & 7) {
	case 0:
		out->value = read_varint(in, &is_bad);
		break;
	case 1:
		reader_skip(in, 8);
		break;
	case 2:
		size = read_varint(in, &is_bad);
		if (size > SIZE_MAX)
			return -1;
		out->bytes = reader_bytes(in, (size_t)size);
		if (!out->bytes.data)
			out->bytes.data = (const uint8_t *)"";
		break;
	case 5:
		reader_skip(in, 4);
		break;
	default: /* groups went out of use before this message was there */
		return -1;
	}
	return is_bad || in->ran_out ? -1 : 1;
}

static bool is_tpm_public(struct bytes key)
{
	struct reader in = reader_of(key, 0, NULL);
	uint16_t type = reader_be16(&in);

	return (type == 0x0001 || type == 0x0023) && alg_of_tpm_id(reader_be16(&in)) < ALG_BANKS &&
	       !in.ran_out && key.size >= 50;
}

/* The first field is the attestation key, as every writer of protobuf sorts them. */
bool attestation_fits(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	struct field field;

	return start.size > 3 && *start.data == 0x0a && next_field(&in, &field) == 1 &&
	       field.number == AK_PUB && field.bytes.data && is_tpm_public(field.bytes);
}

static int broken(struct sink *sink, const char *where, uint64_t offset, struct error *err)
{
	return form_remark(sink, true, where, err,
			   "breaks off or is no protobuf at offset 0x%" PRIx64, offset);
}

static int read_pcr(struct bytes entry, enum alg alg, struct pcr_values *values, bool *is_bad)
{
	struct reader in = reader_of(entry, 0, NULL);
	struct bytes value = { 0 };
	struct field field;
	uint64_t pcr = 0;
	int status;

	while ((status = next_field(&in, &field)) > 0)
		if (field.number == MAP_KEY && !field.bytes.data)
			pcr = field.value;
		else if (field.number == MAP_VALUE && field.bytes.data)
			value = field.bytes;
	if (status < 0 || !pcr_values_set(values, alg, pcr, value))
		*is_bad = true;
	return status;
}

static int read_pcrs(struct sink *sink, struct bytes message, struct form_piece piece,
		     const char *where, struct error *err)
{
	struct reader in = reader_of(message, 0, NULL);
	struct pcr_values *values = arena_take(sink->result->arena, sizeof(*values));
	enum alg alg = ALG_NONE;
	struct field field;
	bool is_bad = false;
	int status;

	if (!values)
		return error_memory(err, NULL);
	/* The bank first: fields may come in any order. tpm.HashAlgo has the numbers of TPM_ALG_ID. */
	while ((status = next_field(&in, &field)) > 0)
		if (field.number == PCRS_HASH && !field.bytes.data && field.value <= UINT16_MAX)
			alg = alg_of_tpm_id((uint16_t)field.value);
	if (status < 0)
		return broken(sink, where, field.offset, err);
	if (alg >= ALG_BANKS)
		return form_remark(sink, false, where, err,
				   "PCR values of a bank that Assay does not know");
	in = reader_of(message, 0, NULL);
	for (size_t n = 0; next_field(&in, &field) > 0; n++) {
		if (n >= FIELDS_MAX)
			return form_remark(sink, true, where, err, "more than %d fields",
					   FIELDS_MAX);
		if (field.number == PCRS_MAP && field.bytes.data)
			read_pcr(field.bytes, alg, values, &is_bad);
	}
	if (is_bad)
		return form_remark(
			sink, true, where, err,
			"a PCR above 31, twice, or with a value that is not of its bank");
	if (pcr_values_write(sink->result->arena, values, &piece.contents, err) < 0)
		return -1;
	piece.name = bytes_of_string(alg_name(alg));
	return piece.contents.size ? form_add(sink, piece, err, "%s", where) : 0;
}

static int read_quote(struct sink *sink, struct bytes message, size_t i, struct error *err)
{
	struct form_piece piece = { .group = form_group(sink) };
	struct reader in = reader_of(message, 0, NULL);
	const char *where = arena_printf(sink->result->arena, "quotes[%zu]", i);
	struct field fields[PCRS + 1] = { 0 }, field;
	int status;

	while ((status = next_field(&in, &field)) > 0)
		if (field.number <= PCRS && field.bytes.data)
			fields[field.number] = field;
	if (status < 0)
		return broken(sink, where, field.offset, err);
	if (fields[PCRS].bytes.data) {
		piece.role = ROLE_QUOTE_PCRS;
		if (read_pcrs(sink, fields[PCRS].bytes, piece,
			      arena_printf(sink->result->arena, "%s.pcrs", where), err) < 0)
			return -1;
	}
	if (fields[QUOTE].bytes.data) {
		piece.role = ROLE_QUOTE_MSG;
		piece.contents = arena_copy(sink->result->arena, fields[QUOTE].bytes);
		if (form_add(sink, piece, err, "%s.quote", where) < 0)
			return -1;
	}
	if (fields[RAW_SIG].bytes.data) {
		piece.role = ROLE_QUOTE_SIG;
		piece.contents = arena_copy(sink->result->arena, fields[RAW_SIG].bytes);
		if (form_add(sink, piece, err, "%s.raw_sig", where) < 0)
			return -1;
	}
	return 0;
}

static int add_field(struct sink *sink, enum bundle_role role, unsigned group,
		     const struct field *field, const char *where, struct error *err)
{
	struct form_piece piece = { .role = role, .group = group };

	if (!field->bytes.data || field->bytes.size == 0)
		return 0;
	piece.contents = arena_copy(sink->result->arena, field->bytes);
	return form_add(sink, piece, err, "%s", where);
}

/* What Google's launcher of containers measured, and nothing else so far. */
static int read_canonical_log(struct sink *sink, struct bytes log, struct error *err)
{
	static const char where[] = "canonical_event_log";
	struct error problem = { 0 };
	int status = cel_form_read(sink, log, where, where, &problem);

	if (status < 0 && err)
		*err = problem;
	return status != 0 ? status : form_remark(sink, true, where, err, "%s", problem.message);
}

int attestation_read(struct sink *sink, struct bytes input, struct error *err)
{
	struct reader in = reader_of(input, 0, NULL);
	unsigned key = form_group(sink);
	struct field field, log = { 0 };
	size_t n_quotes = 0, n_certificates = 0, n = 0;
	int status;

	while ((status = next_field(&in, &field)) > 0) {
		if (++n > FIELDS_MAX)
			return form_remark(sink, true, "", err, "more than %d fields", FIELDS_MAX);
		if (field.number == AK_PUB)
			status = add_field(sink, ROLE_AK_PUB, key, &field, "ak_pub", err);
		else if (field.number == AK_CERT)
			status = add_field(sink, ROLE_AK_CRT, key, &field, "ak_cert", err);
		else if (field.number == INTERMEDIATES)
			status =
				add_field(sink, ROLE_CA_CRT, 0, &field,
					  arena_printf(sink->result->arena,
						       "intermediate_certs[%zu]", n_certificates++),
					  err);
		else if (field.number == QUOTES && field.bytes.data)
			status = read_quote(sink, field.bytes, n_quotes++, err);
		else if (field.number == CANONICAL_LOG && field.bytes.size)
			status = read_canonical_log(sink, field.bytes, err);
		else if (field.number == EVENT_LOG && field.bytes.data)
			log = field;
		if (status < 0)
			return -1;
	}
	if (status < 0 && broken(sink, "", field.offset, err) < 0)
		return -1;
	return add_field(sink, ROLE_BOOT_LOG, 0, &log, "event_log", err);
}
