/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/pcr.h"

void pcr_bank_init(struct pcr_bank *bank, enum alg alg)
{
	memset(bank, 0, sizeof(*bank));
	bank->alg = alg;
	for (size_t pcr = 17; pcr <= 22; pcr++)
		memset(bank->value[pcr], 0xff, alg_size(alg));
}

void pcr_bank_set_locality(struct pcr_bank *bank, uint8_t locality)
{
	memset(bank->value[0], 0, sizeof(bank->value[0]));
	bank->value[0][alg_size(bank->alg) - 1] = locality;
}

static int extend_check(const struct pcr_bank *bank, uint32_t pcr, const struct digest *digest,
			struct error *err)
{
	if (pcr < PCR_COUNT && digest->alg == bank->alg)
		return 0;
	return error_set(err, ERROR_MALFORMED, NULL, ERROR_NO_OFFSET,
			 "a %s digest for PCR %u cannot extend the %s bank", alg_name(digest->alg),
			 (unsigned)pcr, alg_name(bank->alg));
}

int pcr_bank_extend(struct pcr_bank *bank, struct hasher *hasher, uint32_t pcr,
		    const struct digest *digest, struct error *err)
{
	const struct extension extension = { bank->alg, bank->value[pcr < PCR_COUNT ? pcr : 0],
					     digest->value };

	if (extend_check(bank, pcr, digest, err) < 0 ||
	    hasher_extend(hasher, &extension, 1, err) < 0)
		return -1;
	bank->extended |= 1u << pcr;
	return 0;
}

struct digest pcr_bank_value(const struct pcr_bank *bank, uint32_t pcr)
{
	struct digest out = { 0 };

	digest_init(&out, bank->alg, bytes_of(bank->value[pcr], alg_size(bank->alg)));
	return out;
}
