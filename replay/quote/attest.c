/* SPDX-License-Identifier: BSD-2-Clause */
/* Part 2, 10.12.12 (TPMS_ATTEST), 10.12.1 (TPMS_QUOTE_INFO), 10.11.1 (TPMS_CLOCK_INFO). */
#include "replay/quote/internal.h"

#include <inttypes.h>

int unmarshal_error(const struct reader *in, uint64_t at, TSS2_RC rc, const char *what,
		    struct error *err)
{
	if (rc == TSS2_MU_RC_INSUFFICIENT_BUFFER || rc == TSS2_MU_RC_BAD_REFERENCE)
		return error_set(err, ERROR_TRUNCATED, in->source, at,
				 "%s: cut short, %zu bytes left", what,
				 in->size - (size_t)(at - in->base));
	return error_set(err, ERROR_MALFORMED, in->source, at,
			 "%s: not a value TPM 2.0 allows (tss2 error 0x%" PRIx32 ")", what, rc);
}

int read_tpm2b(struct reader *in, size_t max, const char *what, struct bytes *out,
	       struct error *err)
{
	uint64_t at = reader_offset(in);
	size_t size = reader_be16(in);

	if (reader_check(in, NULL) == 0 && size > max)
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "%s: %zu bytes, at most %zu fit", what, size, max);
	*out = reader_bytes(in, size);
	if (reader_check(in, NULL) < 0)
		return error_set(err, ERROR_TRUNCATED, in->source, at, "%s: cut short", what);
	return 0;
}

enum alg bank_alg_of_id(uint16_t id)
{
	enum alg alg = alg_of_tpm_id(id);

	return alg < ALG_BANKS ? alg : ALG_NONE;
}

static pcr_set pcrs_of_select(const TPMS_PCR_SELECTION *bank)
{
	pcr_set pcrs = 0;

	for (size_t i = 0; i < bank->sizeofSelect && i < sizeof(bank->pcrSelect); i++)
		pcrs |= (pcr_set)bank->pcrSelect[i] << 8 * i;
	return pcrs;
}

int read_selection(struct reader *in, struct quote_selection *out, struct error *err)
{
	uint64_t at = reader_offset(in);
	uint32_t n;

	if (UNMARSHAL(in, UINT32, &n, "pcrSelect", err) < 0)
		return -1;
	if (n > QUOTE_BANKS_MAX)
		return error_set(err, ERROR_LIMIT, in->source, at,
				 "pcrSelect: %" PRIu32 " banks, at most %d", n, QUOTE_BANKS_MAX);
	out->n_banks = n;
	for (size_t i = 0; i < n; i++) {
		TPMS_PCR_SELECTION bank;

		if (UNMARSHAL(in, TPMS_PCR_SELECTION, &bank, "pcrSelect: bank", err) < 0)
			return -1;
		out->banks[i] = (struct quote_bank){ .alg = bank_alg_of_id(bank.hash),
						     .alg_id = bank.hash,
						     .pcrs = pcrs_of_select(&bank) };
	}
	return 0;
}

/* qualifiedSigner .. firmwareVersion: what every attestation has. */
static int read_common(struct reader *in, struct quote *out, struct error *err)
{
	TPMS_CLOCK_INFO clock;
	uint64_t at;

	/* TPM2B_NAME and TPM2B_DATA both hold a TPMT_HA at most. */
	if (read_tpm2b(in, QUOTE_NONCE_MAX, "qualifiedSigner", &out->signer, err) < 0 ||
	    read_tpm2b(in, QUOTE_NONCE_MAX, "extraData", &out->nonce, err) < 0)
		return -1;
	at = reader_offset(in);
	if (UNMARSHAL(in, TPMS_CLOCK_INFO, &clock, "clockInfo", err) < 0)
		return -1;
	if (clock.safe > 1)
		return error_set(err, ERROR_MALFORMED, in->source, at + 16,
				 "clockInfo.safe: %u, neither no (0) nor yes (1)", clock.safe);
	out->clock = clock.clock;
	out->reset_count = clock.resetCount;
	out->restart_count = clock.restartCount;
	out->safe = clock.safe == 1;
	return UNMARSHAL(in, UINT64, &out->firmware_version, "firmwareVersion", err);
}

static bool is_tpm2b_attest(struct bytes message)
{
	struct reader in = reader_of(message, 0, NULL);
	size_t size = reader_be16(&in);
	uint32_t magic = reader_be32(&in);

	return size == message.size - 2 && magic == TPM2_GENERATED_VALUE;
}

int quote_parse(struct bytes message, const char *source, struct quote *out, struct error *err)
{
	struct quote quote = { .message = message };
	struct reader in = reader_of(message, 0, source);

	if (UNMARSHAL(&in, UINT32, &quote.magic, "magic", err) < 0)
		return -1;
	if (quote.magic != TPM2_GENERATED_VALUE) {
		quote.structure =
			is_tpm2b_attest(message) ? QUOTE_BYTES_BEFORE : QUOTE_NOT_GENERATED;
		*out = quote;
		return 0;
	}
	if (UNMARSHAL(&in, UINT16, &quote.type, "type", err) < 0 ||
	    read_common(&in, &quote, err) < 0)
		return -1;
	if (quote.type != TPM2_ST_ATTEST_QUOTE) {
		quote.structure = QUOTE_NOT_A_QUOTE;
		*out = quote;
		return 0;
	}
	if (read_selection(&in, &quote.selection, err) < 0 ||
	    read_tpm2b(&in, DIGEST_SIZE_MAX, "pcrDigest", &quote.pcr_digest, err) < 0)
		return -1;
	quote.structure = reader_left(&in) ? QUOTE_BYTES_AFTER : QUOTE_IS_QUOTE;
	*out = quote;
	return 0;
}

const char *quote_structure_text(enum quote_structure structure)
{
	static const char *const texts[] = {
		[QUOTE_IS_QUOTE] = "a quote made by a TPM",
		[QUOTE_NOT_GENERATED] = "magic is not TPM_GENERATED: no TPM attests this",
		[QUOTE_BYTES_BEFORE] = "bytes before the structure: a TPM2B_ATTEST with its size",
		[QUOTE_NOT_A_QUOTE] = "an attestation, but not a quote",
		[QUOTE_BYTES_AFTER] = "bytes after the structure",
	};

	return texts[structure];
}

pcr_set quote_selection_pcrs(const struct quote_selection *selection, enum alg alg)
{
	pcr_set pcrs = 0;

	for (size_t i = 0; i < selection->n_banks; i++)
		if (selection->banks[i].alg == alg)
			pcrs |= selection->banks[i].pcrs;
	return pcrs & ((UINT32_C(1) << PCR_COUNT) - 1);
}

bool quote_selection_beyond(const struct quote_selection *selection)
{
	for (size_t i = 0; i < selection->n_banks; i++)
		if (selection->banks[i].pcrs >> PCR_COUNT)
			return true;
	return false;
}

alg_set quote_selection_algs(const struct quote_selection *selection)
{
	alg_set algs = 0;

	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (quote_selection_pcrs(selection, alg))
			algs |= 1u << alg;
	return algs;
}
