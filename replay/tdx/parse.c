/* SPDX-License-Identifier: BSD-2-Clause */
/* The layout of a TDX quote: header, the machine's report, signature data. All numbers are little endian. */
#include "replay/tdx/tdx.h"

#include <inttypes.h>

#include "core/reader.h"

#define KEY_ECDSA_P256 2
#define TEE_TDX        0x81u

#define REPORT_10_SIZE 584
#define REPORT_15_SIZE 648
#define REGISTER_SIZE  48

/* Kinds of certification data: the quoting enclave's report, and what stands behind it. */
#define CERTIFICATION_QE_REPORT 6

/* Intel's quoting enclaves call themselves so (QE vendor ID). */
static const uint8_t intel[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
				   0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };

bool tdx_is_quote(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	uint16_t version = reader_le16(&in), key = reader_le16(&in);
	uint32_t tee = reader_le32(&in);

	reader_skip(&in, 4);
	return (version == 4 || version == 5) && key == KEY_ECDSA_P256 && tee == TEE_TDX &&
	       bytes_equal(reader_bytes(&in, 16), bytes_of(intel, 16)) && !in.ran_out;
}

/* 1.5 adds a second TCB_SVN and MR_SERVICETD, which nobody here reads. */
static void read_report(struct reader *in, struct tdx_quote *out)
{
	out->tcb_svn = reader_bytes(in, 16);
	out->mr_seam = reader_bytes(in, REGISTER_SIZE);
	out->mr_signer_seam = reader_bytes(in, REGISTER_SIZE);
	out->seam_attributes = reader_le64(in);
	out->attributes = reader_le64(in);
	out->xfam = reader_le64(in);
	out->mr_td = reader_bytes(in, REGISTER_SIZE);
	out->mr_config_id = reader_bytes(in, REGISTER_SIZE);
	out->mr_owner = reader_bytes(in, REGISTER_SIZE);
	out->mr_owner_config = reader_bytes(in, REGISTER_SIZE);
	for (unsigned i = 0; i < TDX_REGISTERS; i++)
		out->rtmr[i] = reader_bytes(in, REGISTER_SIZE);
	out->report_data = reader_bytes(in, TDX_REPORT_DATA_SIZE);
}

static int unsupported(const struct reader *in, uint64_t at, struct error *err, const char *what,
		       uint32_t found)
{
	return error_set(err, ERROR_UNSUPPORTED, in->source, at,
			 "a TDX quote of %s 0x%" PRIx32 ", which Assay does not read", what, found);
}

/* Header and report: what is signed. */
static int read_signed(struct reader *in, struct tdx_quote *out, struct error *err)
{
	uint16_t key;
	uint32_t tee, size = REPORT_10_SIZE;
	struct reader report;
	uint64_t at;

	out->version = reader_le16(in);
	key = reader_le16(in);
	tee = reader_le32(in);
	reader_skip(in, 40); /* QE and PCE versions, vendor ID, the platform's own data */
	out->body_type = 2;
	if (reader_check(in, err) < 0)
		return -1;
	if (out->version != 4 && out->version != 5)
		return unsupported(in, in->base, err, "version", out->version);
	if (key != KEY_ECDSA_P256)
		return unsupported(in, in->base + 2, err, "key type", key);
	if (tee != TEE_TDX)
		return unsupported(in, in->base + 4, err, "TEE type", tee);
	at = reader_offset(in);
	if (out->version == 5) {
		out->body_type = reader_le16(in);
		size = reader_le32(in);
		if (reader_check(in, err) < 0)
			return -1;
		if (out->body_type != 2 && out->body_type != 3)
			return unsupported(in, at, err, "body type", out->body_type);
		if (size != (out->body_type == 2 ? REPORT_10_SIZE : REPORT_15_SIZE))
			return error_set(err, ERROR_MALFORMED, in->source, at + 2,
					 "DCAP A.4: a body of %" PRIu32 " bytes for type %u", size,
					 out->body_type);
	}
	report = reader_part(in, size);
	read_report(&report, out);
	return reader_check(in, err);
}

static int size_is_wrong(const struct reader *in, uint64_t at, struct error *err, const char *what,
			 uint32_t size)
{
	return error_set(err, ERROR_MALFORMED, in->source, at,
			 "DCAP A.3: %s of %" PRIu32 " bytes, which end elsewhere", what, size);
}

/* The quoting enclave's report, its signature, and the certificates behind that. */
static int read_certification(struct reader *in, struct tdx_quote *out, struct error *err)
{
	uint64_t at;
	uint32_t size;

	out->qe_report = reader_bytes(in, 384);
	out->qe_signature = reader_bytes(in, 64);
	out->qe_auth = reader_bytes(in, reader_le16(in));
	out->certification_type = reader_le16(in);
	at = reader_offset(in);
	size = reader_le32(in);
	out->chain = reader_bytes(in, size);
	if (reader_check(in, err) < 0)
		return -1;
	return reader_left(in) ? size_is_wrong(in, at, err, "certificates", size) : 0;
}

static int read_signature(struct reader *in, struct tdx_quote *out, struct error *err)
{
	struct reader certification;
	uint16_t type;
	uint32_t size;
	uint64_t at;

	out->signature = reader_bytes(in, 64);
	out->key = reader_bytes(in, 64);
	at = reader_offset(in);
	type = reader_le16(in);
	size = reader_le32(in);
	certification = reader_part(in, size);
	if (reader_check(in, err) < 0)
		return -1;
	if (type != CERTIFICATION_QE_REPORT)
		return unsupported(in, at, err, "certification type", type);
	if (reader_left(in))
		return size_is_wrong(in, at + 2, err, "certification data", size);
	return read_certification(&certification, out, err);
}

int tdx_parse(struct bytes input, const char *source, struct tdx_quote *out, struct error *err)
{
	struct reader in = reader_of(input, 0, source), signature;
	struct tdx_quote quote = { 0 };
	uint64_t at;

	if (read_signed(&in, &quote, err) < 0)
		return -1;
	quote.signed_part = bytes_of(input.data, in.pos);
	signature = reader_part(&in, reader_le32(&in));
	if (reader_check(&in, err) < 0 || read_signature(&signature, &quote, err) < 0)
		return -1;
	at = reader_offset(&in);
	if (!bytes_all(reader_bytes(&in, reader_left(&in)), 0))
		return error_set(err, ERROR_MALFORMED, source, at, "bytes behind a TDX quote");
	*out = quote;
	return 0;
}
