/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCR values as tpm2-tools writes them (tpm2_quote -o and tpm2_pcrread -o with
 * -F serialized, values or marshaled), and the digest TPM2_Quote makes of them
 * (TPM 2.0 part 3, 18.4.1; part 1, 17.5: order of selection).
 */
#include "replay/quote/internal.h"

#include <inttypes.h>

/*
 * The structs of tpm2-tss in memory, fields little endian, padding included:
 *
 *     UINT32 count; 16 x { UINT16 hash; BYTE sizeofSelect; BYTE pcrSelect[4]; BYTE pad; }
 *     UINT32 n;      n x { UINT32 count; 8 x { UINT16 size; BYTE buffer[64]; } }
 */
#define SERIALIZED_SELECTION_SIZE (4 + QUOTE_BANKS_MAX * 8)
#define DIGESTS_MAX               8
/* Of a TPML_DIGEST. */
#define DIGESTS_MAX               8
#define SERIALIZED_LIST_SIZE      (4 + DIGESTS_MAX * (2 + DIGEST_SIZE_MAX))
/* TPM2_PCR_Read gives at most 8 digests at a time, tpm2-tools keeps as many lists as there are PCRs. */
#define DIGEST_LISTS_MAX          32

/* Gives each digest of a file to the next selected PCR, in the order of the selection. */
struct assigner {
	const struct quote_selection *selection;
	struct quote_pcrs *out;
	size_t bank;
	unsigned pcr;
};

/* Moves to the next selected PCR, this one included; false after the last. */
static bool assigner_seek(struct assigner *to)
{
	for (; to->bank < to->selection->n_banks; to->bank++, to->pcr = 0)
		for (; to->pcr < QUOTE_PCRS_MAX; to->pcr++)
			if (to->selection->banks[to->bank].pcrs >> to->pcr & 1)
				return true;
	return false;
}

static int assign(struct assigner *to, struct bytes value, const struct reader *in, uint64_t at,
		  struct error *err)
{
	const struct quote_bank *bank;
	uint8_t *place;

	if (!assigner_seek(to))
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "PCR file: more digests than PCRs in its selection");
	bank = &to->selection->banks[to->bank];
	if (bank->alg != ALG_NONE) {
		if (value.size != alg_size(bank->alg))
			return error_set(err, ERROR_MALFORMED, in->source, at,
					 "PCR file: a value of %zu bytes for %s PCR %u", value.size,
					 alg_name(bank->alg), to->pcr);
		place = to->out->value[bank->alg][to->pcr];
		if (to->out->present[bank->alg] >> to->pcr & 1 &&
		    memcmp(place, value.data, value.size) != 0)
			return error_set(err, ERROR_MALFORMED, in->source, at,
					 "PCR file: %s PCR %u twice, with different values",
					 alg_name(bank->alg), to->pcr);
		memcpy(place, value.data, value.size);
		to->out->present[bank->alg] |= (pcr_set)1 << to->pcr;
	}
	to->pcr++;
	return 0;
}

static int assigner_finish(struct assigner *to, const struct reader *in, struct error *err)
{
	if (!assigner_seek(to))
		return 0;
	return error_set(err, ERROR_TRUNCATED, in->source, reader_offset(in),
			 "PCR file: no value for %s PCR %u, which its selection names",
			 alg_name(to->selection->banks[to->bank].alg), to->pcr);
}

static int lists_limit(const struct reader *in, uint64_t at, uint32_t n, struct error *err)
{
	return error_set(err, ERROR_LIMIT, in->source, at,
			 "PCR file: %" PRIu32 " lists of digests, at most %d", n, DIGEST_LISTS_MAX);
}

static int digests_limit(const struct reader *in, uint64_t at, uint32_t n, struct error *err)
{
	return error_set(err, ERROR_LIMIT, in->source, at,
			 "PCR file: %" PRIu32 " digests in a list, at most %d", n, DIGESTS_MAX);
}

static void drop_beyond(struct quote_selection *selection)
{
	for (size_t i = 0; i < selection->n_banks; i++)
		selection->banks[i].pcrs &= ((pcr_set)1 << PCR_COUNT) - 1;
}

static int read_serialized_selection(struct reader *in, struct quote_selection *out,
				     struct error *err)
{
	uint64_t at = reader_offset(in);
	uint32_t n = reader_le32(in);

	for (size_t i = 0; i < QUOTE_BANKS_MAX; i++) {
		uint16_t id = reader_le16(in);
		uint64_t size_at = reader_offset(in);
		uint8_t size = reader_u8(in);
		pcr_set pcrs = reader_le32(in);

		reader_skip(in, 1); /* padding, of any value */
		if (i >= n)
			continue;
		if (size > 4)
			return error_set(err, ERROR_MALFORMED, in->source, size_at,
					 "PCR file: sizeofSelect %u, at most 4", size);
		if (size < 4) /* what lies behind sizeofSelect says nothing */
			pcrs &= ((pcr_set)1 << 8 * size) - 1;
		out->banks[i] = (struct quote_bank){ .alg = bank_alg_of_id(id),
						     .alg_id = id,
						     .pcrs = pcrs };
	}
	if (reader_check(in, err) < 0)
		return -1;
	if (n > QUOTE_BANKS_MAX)
		return error_set(err, ERROR_LIMIT, in->source, at,
				 "PCR file: %" PRIu32 " banks, at most %d", n, QUOTE_BANKS_MAX);
	out->n_banks = n;
	return 0;
}

static int read_serialized_list(struct reader *in, struct assigner *to, struct error *err)
{
	uint64_t at = reader_offset(in);
	struct reader list = reader_part(in, SERIALIZED_LIST_SIZE);
	uint32_t n = reader_le32(&list);

	if (reader_check(&list, err) < 0)
		return -1;
	if (n > DIGESTS_MAX)
		return digests_limit(in, at, n, err);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t size_at = reader_offset(&list);
		uint16_t size = reader_le16(&list);
		struct bytes buffer = reader_bytes(&list, DIGEST_SIZE_MAX);

		if (size > DIGEST_SIZE_MAX)
			return error_set(err, ERROR_MALFORMED, in->source, size_at,
					 "PCR file: a digest of %u bytes, at most %d", size,
					 DIGEST_SIZE_MAX);
		if (assign(to, bytes_of(buffer.data, size), in, size_at, err) < 0)
			return -1;
	}
	return 0;
}

static int read_serialized(struct reader *in, bool with_beyond, struct quote_pcrs *out,
			   struct error *err)
{
	struct quote_selection own = { 0 };
	struct assigner to = { .selection = &own, .out = out };
	uint64_t at;
	uint32_t n;

	if (read_serialized_selection(in, &own, err) < 0)
		return -1;
	if (!with_beyond)
		drop_beyond(&own);
	at = reader_offset(in);
	n = reader_le32(in);
	if (n > DIGEST_LISTS_MAX)
		return lists_limit(in, at, n, err);
	for (uint32_t i = 0; i < n; i++)
		if (read_serialized_list(in, &to, err) < 0)
			return -1;
	return reader_finish(in, err) < 0 || assigner_finish(&to, in, err) < 0 ? -1 : 0;
}

/* TPML_DIGEST (part 2, 10.9.5), digest by digest, so that an error has its offset. */
static int read_digest_list(struct reader *in, struct assigner *to, struct error *err)
{
	uint64_t at = reader_offset(in);
	uint32_t n;

	if (UNMARSHAL(in, UINT32, &n, "PCR file: list of digests", err) < 0)
		return -1;
	if (n > DIGESTS_MAX)
		return digests_limit(in, at, n, err);
	for (uint32_t i = 0; i < n; i++) {
		struct bytes digest;

		at = reader_offset(in);
		if (read_tpm2b(in, DIGEST_SIZE_MAX, "PCR file: digest", &digest, err) < 0 ||
		    assign(to, digest, in, at, err) < 0)
			return -1;
	}
	return 0;
}

static int read_marshaled(struct reader *in, bool with_beyond, struct quote_pcrs *out,
			  struct error *err)
{
	struct quote_selection own = { 0 };
	struct assigner to = { .selection = &own, .out = out };
	uint64_t at;
	uint32_t n;

	if (read_selection(in, &own, err) < 0)
		return -1;
	if (!with_beyond)
		drop_beyond(&own);
	at = reader_offset(in);
	if (UNMARSHAL(in, UINT32, &n, "PCR file: number of lists", err) < 0)
		return -1;
	if (n > DIGEST_LISTS_MAX)
		return lists_limit(in, at, n, err);
	for (uint32_t i = 0; i < n; i++)
		if (read_digest_list(in, &to, err) < 0)
			return -1;
	return reader_finish(in, err) < 0 || assigner_finish(&to, in, err) < 0 ? -1 : 0;
}

/* Bytes of the selected PCRs' values without those PC Client TPMs lack, or with; false if not known. */
static bool values_size(const struct quote_selection *selection, bool with_beyond, size_t *out)
{
	size_t size = 0;

	for (size_t i = 0; i < selection->n_banks; i++) {
		pcr_set pcrs = selection->banks[i].pcrs;

		if (!with_beyond)
			pcrs &= ((pcr_set)1 << PCR_COUNT) - 1;
		if (pcrs && selection->banks[i].alg == ALG_NONE)
			return false;
		size += (size_t)__builtin_popcount(pcrs) * alg_size(selection->banks[i].alg);
	}
	*out = size;
	return true;
}

static int read_values(struct reader *in, const struct quote_selection *selection,
		       struct quote_pcrs *out, struct error *err)
{
	struct quote_selection own = *selection;
	struct assigner to = { .selection = &own, .out = out };
	size_t without, with;

	if (!values_size(selection, false, &without) || !values_size(selection, true, &with))
		return error_set(err, ERROR_UNSUPPORTED, in->source, 0,
				 "PCR file: plain values, and the quote selects a bank whose "
				 "digest size Assay does not know");
	if (in->size != with && in->size != without)
		return error_set(err, in->size < without ? ERROR_TRUNCATED : ERROR_MALFORMED,
				 in->source, in->size < without ? in->size : without,
				 "PCR file: neither serialized nor marshaled, and for plain values "
				 "%zu bytes where the quote's selection has %zu",
				 in->size, without);
	if (in->size != with)
		drop_beyond(&own);
	while (assigner_seek(&to)) {
		uint64_t at = reader_offset(in);
		struct bytes value = reader_bytes(in, alg_size(own.banks[to.bank].alg));

		if (assign(&to, value, in, at, err) < 0)
			return -1;
	}
	return reader_finish(in, err);
}

/* Count of banks, hash and sizeofSelect of the first: what the two structured forms begin with. */
static bool starts_as_selection(uint32_t count, uint16_t id, uint8_t select_size)
{
	return count > 0 && count <= QUOTE_BANKS_MAX && alg_of_tpm_id(id) != ALG_NONE &&
	       select_size <= 4;
}

static enum quote_pcrs_form form_of(struct bytes input)
{
	struct reader little = reader_of(input, 0, NULL), big = little;
	uint32_t count;
	uint16_t id;

	count = reader_le32(&little);
	id = reader_le16(&little);
	if (starts_as_selection(count, id, reader_u8(&little)))
		return QUOTE_PCRS_SERIALIZED;
	count = reader_be32(&big);
	id = reader_be16(&big);
	if (starts_as_selection(count, id, reader_u8(&big)))
		return QUOTE_PCRS_MARSHALED;
	return QUOTE_PCRS_VALUES;
}

static int read_pcrs(struct bytes input, const char *source, enum quote_pcrs_form form,
		     bool with_beyond, const struct quote_selection *selection,
		     struct quote_pcrs *out, struct error *err)
{
	struct reader in = reader_of(input, 0, source);

	memset(out, 0, sizeof(*out));
	switch (form) {
	case QUOTE_PCRS_SERIALIZED:
		return read_serialized(&in, with_beyond, out, err);
	case QUOTE_PCRS_MARSHALED:
		return read_marshaled(&in, with_beyond, out, err);
	case QUOTE_PCRS_VALUES:
		return read_values(&in, selection, out, err);
	}
	return -1;
}

int quote_pcrs_parse(struct bytes input, const char *source,
		     const struct quote_selection *selection, struct quote_pcrs *out,
		     enum quote_pcrs_form *form, struct error *err)
{
	enum quote_pcrs_form found = form_of(input);
	struct quote_pcrs pcrs;

	/* A selection may name PCRs that the TPM lacks, and has no values of then. */
	if (read_pcrs(input, source, found, true, selection, &pcrs, err) < 0 &&
	    read_pcrs(input, source, found, false, selection, &pcrs, NULL) < 0)
		return -1;
	*out = pcrs;
	if (form)
		*form = found;
	return 0;
}

const char *quote_pcrs_form_text(enum quote_pcrs_form form)
{
	static const char *const texts[] = {
		[QUOTE_PCRS_SERIALIZED] = "serialized",
		[QUOTE_PCRS_VALUES] = "values",
		[QUOTE_PCRS_MARSHALED] = "marshaled",
	};

	return texts[form];
}

void quote_pcrs_set_bank(struct quote_pcrs *out, const struct pcr_bank *bank, pcr_set pcrs)
{
	for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
		if (!(pcrs >> pcr & 1))
			continue;
		memcpy(out->value[bank->alg][pcr], bank->value[pcr], alg_size(bank->alg));
		out->present[bank->alg] |= (pcr_set)1 << pcr;
	}
}

static int no_value(struct quote_bank *missing, const struct quote_bank *bank, pcr_set pcrs)
{
	if (missing)
		*missing = (struct quote_bank){ .alg = bank->alg,
						.alg_id = bank->alg_id,
						.pcrs = pcrs & (~pcrs + 1) };
	return 0;
}

int quote_pcr_digest(struct hasher *hasher, enum alg alg, const struct quote_selection *selection,
		     const struct quote_pcrs *values, struct digest *out,
		     struct quote_bank *missing, struct error *err)
{
	const pcr_set has = ((pcr_set)1 << PCR_COUNT) - 1;
	struct bytes parts[QUOTE_BANKS_MAX * QUOTE_PCRS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < selection->n_banks; i++) {
		const struct quote_bank *bank = &selection->banks[i];
		pcr_set present = bank->alg < ALG_BANKS ? values->present[bank->alg] : 0;
		pcr_set lacking = bank->pcrs & has & ~present;

		if (lacking)
			return no_value(missing, bank, lacking);
		for (unsigned pcr = 0; pcr < QUOTE_PCRS_MAX; pcr++)
			if (bank->pcrs & present & (pcr_set)1 << pcr)
				parts[n++] = bytes_of(values->value[bank->alg][pcr],
						      alg_size(bank->alg));
	}
	return hasher_digest(hasher, alg, parts, n, out, err) < 0 ? -1 : 1;
}
