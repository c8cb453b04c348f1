/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcr: banks of platform configuration registers, and how they are extended.
 *
 * Source: TPM 2.0 Library part 1, 17; PC Client Platform TPM Profile 1.05, 4.6 (reset values).
 */
#ifndef CORE_PCR_H
#define CORE_PCR_H

#include "core/crypto.h"

#define PCR_COUNT 24

/* A set of PCRs: bit 1 << index. */
typedef uint32_t pcr_set;

struct pcr_bank {
	enum alg alg;
	uint8_t value[PCR_COUNT][DIGEST_SIZE_MAX]; /* alg_size(alg) bytes of each count */
	pcr_set extended;                          /* PCRs that something was extended into */
};

/* Reset values after TPM2_Startup: zeros; PCRs 17 to 22 all ones. Nothing extended. */
void pcr_bank_init(struct pcr_bank *bank, enum alg alg);

/* PCR 0 starts as zeros ending in the locality of TPM2_Startup (PFP 1.05, 10.4.5.3). */
void pcr_bank_set_locality(struct pcr_bank *bank, uint8_t locality);

/* new = H(old || digest). digest must be of the bank's algorithm and pcr below PCR_COUNT. */
int pcr_bank_extend(struct pcr_bank *bank, struct hasher *hasher, uint32_t pcr,
		    const struct digest *digest, struct error *err);

/* The value of a PCR as a digest. */
struct digest pcr_bank_value(const struct pcr_bank *bank, uint32_t pcr);

#endif
