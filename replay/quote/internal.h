/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of quote share: TPM structures through libtss2-mu, at the
 * place of a reader, so that errors point into the evidence.
 */
#ifndef REPLAY_QUOTE_INTERNAL_H
#define REPLAY_QUOTE_INTERNAL_H

#include <tss2/tss2_mu.h>

#include "core/reader.h"
#include "replay/quote/quote.h"

/* An enum alg for the TPM_ALG_ID of a bank: below ALG_BANKS, or ALG_NONE. */
enum alg bank_alg_of_id(uint16_t id);

enum quote_scheme scheme_of_id(uint16_t id);

/* As ERROR_TRUNCATED, or ERROR_MALFORMED when enough bytes were there: what was read from at on. */
int unmarshal_error(const struct reader *in, uint64_t at, TSS2_RC rc, const char *what,
		    struct error *err);

/*
 * One structure of libtss2-mu's. 0, or -1 with the offset at which the structure
 * begins. mu wants a buffer even when nothing is left to read.
 */
#define UNMARSHAL(in, type, dest, what, err)                                                       \
	__extension__({                                                                            \
		struct reader *in_ = (in);                                                         \
		uint64_t at_ = reader_offset(in_);                                                 \
		static const uint8_t none_[1];                                                     \
		TSS2_RC rc_ = Tss2_MU_##type##_Unmarshal(in_->data ? in_->data : none_, in_->size, \
							 &in_->pos, (dest));                       \
		rc_ ? unmarshal_error(in_, at_, rc_, (what), (err)) : 0;                           \
	})

/* UINT16 size and as many bytes, at most max of them: a TPM2B. */
int read_tpm2b(struct reader *in, size_t max, const char *what, struct bytes *out,
	       struct error *err);

/* TPML_PCR_SELECTION (part 2, 10.9.7). */
int read_selection(struct reader *in, struct quote_selection *out, struct error *err);

#endif
