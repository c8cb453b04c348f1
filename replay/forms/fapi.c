/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tpm2-tss's FAPI: what Fapi_Quote gives (tss2_quote): quoteInfo, a bare signature, the log of the quoted
 * PCRs; and a key as Fapi_ExportKey gives it. As files of their own, or in one document:
 *
 *     {"quoteInfo": {"sig_scheme", "attest"}, "signature": hex or base64, "pcrLog": [...], "certificate": PEM}
 *
 * FAPI takes the signed structure apart: it is put together again, byte for byte, or the signature over it
 * does not hold.
 *
 * Sources: tpm2-tss src/tss2-fapi/tpm_json_serialize.c, ifapi_json_serialize.c; TPM 2.0 part 2, 10.12.12
 *          (TPMS_ATTEST), 11.3.4 (TPMT_SIGNATURE), 12.2.4 (TPMT_PUBLIC).
 */
#include "replay/forms/fapi.h"

#include "replay/forms/cel.h"

#include <inttypes.h>

#define QUOTE_BANKS_MAX 16

static bool is_text(const struct json_value *object, const char *key, const char *wanted)
{
	struct bytes text;

	return member_text(object, key, &text) && bytes_equal_string(text, wanted);
}

/* --- values, as FAPI writes them --------------------------------------------------------------- */

enum alg fapi_alg(const struct json_value *value)
{
	struct bytes text;
	char name[16];

	if (!json_value_text(value, &text) || text.size >= sizeof(name))
		return ALG_NONE;
	for (size_t i = 0; i < text.size; i++)
		name[i] = (char)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] + 32
									    : text.data[i]);
	return alg_of_name(bytes_of(name, text.size));
}

/* A number, or from 2^48 on an array of its halves. */
static bool fapi_uint64(const struct json_value *value, uint64_t *out)
{
	uint64_t high, low;

	if (json_value_uint(value, out))
		return true;
	if (json_value_count(value) != 2 || !json_value_uint(json_value_item(value, 0), &high) ||
	    !json_value_uint(json_value_item(value, 1), &low) || high > UINT32_MAX ||
	    low > UINT32_MAX)
		return false;
	*out = high << 32 | low;
	return true;
}

static bool append_uint(struct buf *out, const struct json_value *value, unsigned size)
{
	uint64_t number;

	if (!fapi_uint64(value, &number) || (size < 8 && number >> 8 * size))
		return false;
	while (size-- > 0)
		buf_append_u8(out, (uint8_t)(number >> 8 * size));
	return true;
}

bool fapi_append_2b(struct buf *out, const struct json_value *value)
{
	uint8_t bytes[1024];
	struct bytes text;
	long size;

	if (!json_value_text(value, &text))
		return false;
	size = hex_parse(text, bytes, sizeof(bytes));
	if (size < 0)
		return false;
	buf_append_be16(out, (uint16_t)size);
	buf_append(out, bytes_of(bytes, (size_t)size));
	return true;
}

/* --- TPMS_ATTEST -------------------------------------------------------------------------------- */

/* TPMS_PCR_SELECTION: FAPI does not say how many octets the TPM wrote; three is what PC Clients have. */
static bool append_selection(struct buf *out, const struct json_value *list)
{
	long n = json_value_count(list);

	if (n < 0 || n > QUOTE_BANKS_MAX)
		return false;
	buf_append_be32(out, (uint32_t)n);
	for (long i = 0; i < n; i++) {
		const struct json_value *bank = json_value_item(list, (size_t)i);
		const struct json_value *pcrs = json_value_member(bank, "pcrSelect");
		enum alg alg = fapi_alg(json_value_member(bank, "hash"));
		uint32_t set = 0;

		if (alg_tpm_id(alg) == 0 || json_value_count(pcrs) < 0)
			return false;
		for (long j = 0; j < json_value_count(pcrs); j++) {
			uint64_t pcr;

			if (!json_value_uint(json_value_item(pcrs, (size_t)j), &pcr) || pcr >= 24)
				return false;
			set |= (uint32_t)1 << pcr;
		}
		buf_append_be16(out, alg_tpm_id(alg));
		buf_append_u8(out, 3);
		for (unsigned octet = 0; octet < 3; octet++)
			buf_append_u8(out, (uint8_t)(set >> 8 * octet));
	}
	return true;
}

/* The member that is not as it should be, or NULL. */
static const char *append_attest(struct buf *out, const struct json_value *attest)
{
	const struct json_value *clock = json_value_member(attest, "clockInfo");
	const struct json_value *attested = json_value_member(attest, "attested");

	buf_append_be32(out, 0xff544347);
	if (!is_text(attest, "magic", "VALUE"))
		return "attest.magic";
	buf_append_be16(out, 0x8018);
	if (!is_text(attest, "type", "ATTEST_QUOTE"))
		return "attest.type";
	if (!fapi_append_2b(out, json_value_member(attest, "qualifiedSigner")))
		return "attest.qualifiedSigner";
	if (!fapi_append_2b(out, json_value_member(attest, "extraData")))
		return "attest.extraData";
	if (!append_uint(out, json_value_member(clock, "clock"), 8) ||
	    !append_uint(out, json_value_member(clock, "resetCount"), 4) ||
	    !append_uint(out, json_value_member(clock, "restartCount"), 4))
		return "attest.clockInfo";
	if (!is_text(clock, "safe", "YES") && !is_text(clock, "safe", "NO"))
		return "attest.clockInfo.safe";
	buf_append_u8(out, is_text(clock, "safe", "YES"));
	if (!append_uint(out, json_value_member(attest, "firmwareVersion"), 8))
		return "attest.firmwareVersion";
	if (!append_selection(out, json_value_member(attested, "pcrSelect")))
		return "attest.attested.pcrSelect";
	if (!fapi_append_2b(out, json_value_member(attested, "pcrDigest")))
		return "attest.attested.pcrDigest";
	return NULL;
}

/* --- TPMT_SIGNATURE ------------------------------------------------------------------------------- */

/* An INTEGER of DER, without the zero that keeps it positive, as a TPM2B. */
static bool append_der_integer(struct buf *out, struct bytes *der)
{
	struct bytes value;

	if (der->size < 2 || der->data[0] != 0x02 || der->data[1] == 0 || der->data[1] > 0x7f ||
	    der->size - 2 < der->data[1])
		return false;
	value = bytes_of(der->data + 2, der->data[1]);
	*der = bytes_of(value.data + value.size, der->size - 2 - value.size);
	if (value.size > 1 && *value.data == 0)
		value = bytes_of(value.data + 1, value.size - 1);
	buf_append_be16(out, (uint16_t)value.size);
	buf_append(out, value);
	return true;
}

/* SEQUENCE { INTEGER r, INTEGER s } */
static bool append_ecdsa(struct buf *out, struct bytes der)
{
	size_t header = der.size > 2 && der.data[1] == 0x81 ? 3 : 2;
	size_t size;

	if (der.size <= header || *der.data != 0x30)
		return false;
	size = der.data[header - 1];
	if ((header == 2 && size > 0x7f) || der.size - header != size)
		return false;
	der = bytes_of(der.data + header, size);
	return append_der_integer(out, &der) && append_der_integer(out, &der) && der.size == 0;
}

/* FAPI's bare signature with what quoteInfo says of its scheme. */
static bool append_signature(struct buf *out, const struct json_value *scheme, struct bytes raw)
{
	enum alg alg = fapi_alg(json_value_member(json_value_member(scheme, "details"), "hashAlg"));
	bool is_pss = is_text(scheme, "scheme", "RSAPSS");

	if (alg_tpm_id(alg) == 0 || raw.size > UINT16_MAX)
		return false;
	if (is_text(scheme, "scheme", "ECDSA")) {
		buf_append_be16(out, 0x0018);
		buf_append_be16(out, alg_tpm_id(alg));
		return append_ecdsa(out, raw);
	}
	if (!is_pss && !is_text(scheme, "scheme", "RSASSA"))
		return false;
	buf_append_be16(out, is_pss ? 0x0016 : 0x0014);
	buf_append_be16(out, alg_tpm_id(alg));
	buf_append_be16(out, (uint16_t)raw.size);
	buf_append(out, raw);
	return true;
}

/* --- documents ------------------------------------------------------------------------------------- */

/* A member that is JSON itself, or the text of it: *owned is then to be freed. NULL if neither. */
static const struct json_value *inner(const struct json_value *document, const char *key,
				      struct json_value **owned)
{
	const struct json_value *value = json_value_member(document, key);
	struct error ignored;
	struct bytes text;

	if (!json_value_text(value, &text))
		return value;
	return json_read(text, key, owned, &ignored) < 0 ? NULL : *owned;
}

static bool is_info(const struct json_value *value)
{
	return json_value_member(value, "sig_scheme") && json_value_member(value, "attest");
}

/* The TPMS_ATTEST of a quoteInfo; *group becomes its number, 0 when it is none. */
static int read_info(struct sink *sink, const struct json_value *info, const char *in,
		     unsigned *group, struct error *err)
{
	struct form_piece piece = { .role = ROLE_QUOTE_MSG };
	AUTO(buf_clear) struct buf attest = BUF_INIT;
	const char *wrong = append_attest(&attest, json_value_member(info, "attest"));

	*group = 0;
	if (attest.failed)
		return error_memory(err, NULL);
	if (wrong)
		return form_remark(sink, true, arena_printf(sink->result->arena, "%s%s", in, wrong),
				   err, "not as FAPI writes it in a quote");
	piece.group = *group = form_group(sink);
	piece.contents = arena_copy(sink->result->arena, buf_bytes(&attest));
	return form_add(sink, piece, err, "%sattest", in);
}

static bool info_fits(const struct json_value *document)
{
	return is_info(document);
}

static int info_read(struct sink *sink, const struct json_value *document, struct error *err)
{
	unsigned group;

	return read_info(sink, document, "", &group, err);
}

const struct json_form fapi_info_form = { "FAPI quoteInfo", info_fits, info_read };

static bool quote_fits(const struct json_value *document)
{
	return json_value_member(document, "quoteInfo") && json_value_member(document, "signature");
}

static int read_signature(struct sink *sink, const struct json_value *info, struct bytes text,
			  unsigned group, struct error *err)
{
	struct form_piece piece = { .role = ROLE_QUOTE_SIG, .group = group };
	AUTO(buf_clear) struct buf signature = BUF_INIT;
	struct bytes raw;
	size_t at;
	int status = hex_decode(sink->result->arena, text, &raw);

	if (status == 0)
		status = form_base64(sink->result->arena, false, text, &raw, &at);
	if (status < 0)
		return error_memory(err, NULL);
	if (status == 0)
		return form_remark(sink, true, "signature", err, "neither hex nor base64");
	if (!append_signature(&signature, json_value_member(info, "sig_scheme"), raw))
		return form_remark(
			sink, true, "signature", err,
			"no signature of the scheme in quoteInfo (RSASSA, RSAPSS, ECDSA)");
	if (buf_finish(&signature, err) < 0)
		return -1;
	piece.contents = arena_copy(sink->result->arena, buf_bytes(&signature));
	return form_add(sink, piece, err, "signature");
}

static int quote_read(struct sink *sink, const struct json_value *document, struct error *err)
{
	AUTO(json_value_freep) struct json_value *own_info = NULL, *own_log = NULL;
	const struct json_value *info = inner(document, "quoteInfo", &own_info);
	const struct json_value *log = inner(document, "pcrLog", &own_log);
	struct form_piece certificate = { .role = ROLE_AK_CRT };
	struct bytes text;
	unsigned group;

	if (!is_info(info))
		return form_remark(sink, true, "quoteInfo", err, "not as FAPI writes it");
	if (read_info(sink, info, "quoteInfo.", &group, err) < 0)
		return -1;
	if (group && member_text(document, "signature", &text) &&
	    read_signature(sink, info, text, group, err) < 0)
		return -1;
	if (json_value_count(log) > 0 && cel_form_read_array(sink, log, "pcrLog", err) < 0)
		return -1;
	if (member_text(document, "certificate", &text) && text.size) {
		certificate.group = form_group(sink);
		certificate.contents = arena_copy(sink->result->arena, text);
		return form_add(sink, certificate, err, "certificate");
	}
	return 0;
}

const struct json_form fapi_quote_form = { "FAPI quote", quote_fits, quote_read };

/* --- keys ------------------------------------------------------------------------------------------- */

/* TPMA_OBJECT (part 2, 8.3.2) */
static const struct {
	const char *name;
	unsigned bit;
} attributes[] = {
	{"fixedTPM",              1 },
        { "stClear",              2 },
	{ "fixedParent",          4 },
        { "sensitiveDataOrigin",  5 },
	{ "userWithAuth",         6 },
        { "adminWithPolicy",      7 },
	{ "noDA",                 10},
        { "encryptedDuplication", 11},
	{ "restricted",           16},
        { "decrypt",              17},
	{ "sign",                 18},
};

static const struct {
	const char *name;
	uint16_t id;
} curves[] = {
	{"NIST_P256",  0x0003},
        { "NIST_P384", 0x0004},
        { "NIST_P521", 0x0005}
};

static bool append_scheme(struct buf *out, const struct json_value *scheme)
{
	static const struct {
		const char *name;
		uint16_t id;
	} schemes[] = {
		{"RSASSA",  0x0014},
                { "RSAPSS", 0x0016},
                { "ECDSA",  0x0018}
	};
	enum alg alg = fapi_alg(json_value_member(json_value_member(scheme, "details"), "hashAlg"));

	if (is_text(scheme, "scheme", "NULL")) {
		buf_append_be16(out, 0x0010);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (is_text(scheme, "scheme", schemes[i].name) && alg_tpm_id(alg)) {
			buf_append_be16(out, schemes[i].id);
			buf_append_be16(out, alg_tpm_id(alg));
			return true;
		}
	return false;
}

/* The TPMT_PUBLIC of a signing key; false for any that is none, or not as FAPI writes it. */
static bool append_public(struct buf *out, const struct json_value *area)
{
	const struct json_value *flags = json_value_member(area, "objectAttributes");
	const struct json_value *parameters = json_value_member(area, "parameters");
	const struct json_value *symmetric = json_value_member(parameters, "symmetric");
	const struct json_value *unique = json_value_member(area, "unique");
	enum alg name_alg = fapi_alg(json_value_member(area, "nameAlg"));
	bool is_ecc = is_text(area, "type", "ECC");
	uint32_t set = 0;

	if ((!is_ecc && !is_text(area, "type", "RSA")) || alg_tpm_id(name_alg) == 0 ||
	    !json_value_is_object(flags) || !is_text(symmetric, "algorithm", "NULL"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		uint64_t value = 0;

		if (!json_value_uint(json_value_member(flags, attributes[i].name), &value) ||
		    value > 1)
			return false;
		set |= (uint32_t)value << attributes[i].bit;
	}
	buf_append_be16(out, is_ecc ? 0x0023 : 0x0001);
	buf_append_be16(out, alg_tpm_id(name_alg));
	buf_append_be32(out, set);
	if (!fapi_append_2b(out, json_value_member(area, "authPolicy")))
		return false;
	buf_append_be16(out, 0x0010); /* symmetric: TPM_ALG_NULL */
	if (!append_scheme(out, json_value_member(parameters, "scheme")))
		return false;
	if (!is_ecc)
		return append_uint(out, json_value_member(parameters, "keyBits"), 2) &&
		       append_uint(out, json_value_member(parameters, "exponent"), 4) &&
		       fapi_append_2b(out, unique);
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
		if (is_text(parameters, "curveID", curves[i].name)) {
			buf_append_be16(out, curves[i].id);
			buf_append_be16(out, 0x0010); /* kdf: TPM_ALG_NULL */
			return is_text(json_value_member(parameters, "kdf"), "scheme", "NULL") &&
			       fapi_append_2b(out, json_value_member(unique, "x")) &&
			       fapi_append_2b(out, json_value_member(unique, "y"));
		}
	return false;
}

static bool key_fits(const struct json_value *document)
{
	return json_value_member(document, "pem_ext_public") &&
	       json_value_member(document, "objectType");
}

/* The TPM's form shows the attributes; where it cannot be had, PEM is there. */
static int key_read(struct sink *sink, const struct json_value *document, struct error *err)
{
	const struct json_value *area =
		json_value_member(json_value_member(document, "public"), "publicArea");
	struct form_piece piece = { .role = ROLE_AK_PUB, .group = form_group(sink) };
	AUTO(buf_clear) struct buf key = BUF_INIT;
	struct bytes text;

	if (append_public(&key, area)) {
		if (buf_finish(&key, err) < 0)
			return -1;
		piece.contents = arena_copy(sink->result->arena, buf_bytes(&key));
		if (form_add(sink, piece, err, "public.publicArea") < 0)
			return -1;
	} else if (area && form_remark(sink, false, "public.publicArea", err,
				       "no signing key in a form that Assay reads") < 0) {
		return -1;
	}
	if (member_text(document, "pem_ext_public", &text) && text.size) {
		piece.role = ROLE_AK_PEM;
		piece.contents = arena_copy(sink->result->arena, text);
		if (form_add(sink, piece, err, "pem_ext_public") < 0)
			return -1;
	}
	if (member_text(document, "certificate", &text) && text.size) {
		piece.role = ROLE_AK_CRT;
		piece.contents = arena_copy(sink->result->arena, text);
		return form_add(sink, piece, err, "certificate");
	}
	return 0;
}

const struct json_form fapi_key_form = { "FAPI exported key", key_fits, key_read };
