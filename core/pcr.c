/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/pcr.h"

#include <assert.h>

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
	struct bytes parts[2];
	struct digest value;

	if (extend_check(bank, pcr, digest, err) < 0)
		return -1;
	parts[0] = bytes_of(bank->value[pcr], alg_size(bank->alg));
	parts[1] = digest_bytes(digest);
	if (hasher_digest(hasher, bank->alg, parts, 2, &value, err) < 0)
		return -1;
	memcpy(bank->value[pcr], value.value, value.size);
	bank->extended |= 1u << pcr;
	return 0;
}

int pcr_bank_extend_pair(struct pcr_bank *const bank[2], struct hasher *hasher, uint32_t pcr,
			 const struct digest digest[2], struct error *err)
{
	uint8_t message[2][2 * DIGEST_SIZE_MAX];
	struct bytes messages[2];
	struct digest value[2];
	size_t size = alg_size(bank[0]->alg);

	assert(bank[0] != bank[1] && bank[0]->alg == bank[1]->alg);
	for (int i = 0; i < 2; i++) {
		if (extend_check(bank[i], pcr, &digest[i], err) < 0)
			return -1;
		memcpy(message[i], bank[i]->value[pcr], size);
		memcpy(message[i] + size, digest[i].value, size);
		messages[i] = bytes_of(message[i], 2 * size);
	}
	if (hasher_digest_batch(hasher, bank[0]->alg, messages, 2, value, err) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		memcpy(bank[i]->value[pcr], value[i].value, size);
		bank[i]->extended |= 1u << pcr;
	}
	return 0;
}

struct digest pcr_bank_value(const struct pcr_bank *bank, uint32_t pcr)
{
	struct digest out = { 0 };

	digest_init(&out, bank->alg, bytes_of(bank->value[pcr], alg_size(bank->alg)));
	return out;
}
