/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCR values that a form lists one by one, as the PCR file tpm2-tools calls marshaled:
 * TPML_PCR_SELECTION, UINT32 n, n times TPML_DIGEST of at most 8 (TPM 2.0 part 2, 10.9.7, 10.9.5).
 */
#include "replay/forms/internal.h"

#define DIGESTS_MAX 8

bool pcr_values_set(struct pcr_values *values, enum alg alg, uint64_t pcr, struct bytes value)
{
	uint8_t *place;

	if (alg >= ALG_BANKS || pcr >= 32 || value.size != alg_size(alg))
		return false;
	place = values->value[alg][pcr];
	if (values->present[alg] >> pcr & 1)
		return memcmp(place, value.data, value.size) == 0;
	memcpy(place, value.data, value.size);
	values->present[alg] |= (uint32_t)1 << pcr;
	return true;
}

int pcr_values_write(struct arena *arena, const struct pcr_values *values, struct bytes *out,
		     struct error *err)
{
	AUTO(buf_clear) struct buf file = BUF_INIT;
	uint32_t n_banks = 0, n = 0, written = 0;

	*out = bytes_of("", 0);
	for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
		n_banks += values->present[alg] != 0;
		n += (uint32_t)__builtin_popcount(values->present[alg]);
	}
	if (n == 0)
		return 0;
	buf_append_be32(&file, n_banks);
	for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
		if (!values->present[alg])
			continue;
		buf_append_be16(&file, alg_tpm_id(alg));
		buf_append_u8(&file, 4);
		buf_append_le32(&file, values->present[alg]); /* an octet for each 8 PCRs */
	}
	buf_append_be32(&file, (n + DIGESTS_MAX - 1) / DIGESTS_MAX);
	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		for (unsigned pcr = 0; pcr < 32; pcr++) {
			if (!(values->present[alg] >> pcr & 1))
				continue;
			if (written % DIGESTS_MAX == 0)
				buf_append_be32(&file, n - written < DIGESTS_MAX ? n - written
										 : DIGESTS_MAX);
			written++;
			buf_append_be16(&file, (uint16_t)alg_size(alg));
			buf_append(&file, bytes_of(values->value[alg][pcr], alg_size(alg)));
		}
	if (buf_finish(&file, err) < 0)
		return -1;
	*out = arena_copy(arena, buf_bytes(&file));
	return arena->failed ? error_memory(err, NULL) : 0;
}
