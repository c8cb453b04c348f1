/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record: one entry of any captured log, the shape that replay, decoding and
 * audit consume; formats stop at the iterators that yield it.
 *
 * Source: TCG Canonical Event Log Format 1.0, 4 (recnum, PCR, digests, content).
 */
#ifndef REPLAY_RECORD_H
#define REPLAY_RECORD_H

#include "core/digest.h"

enum record_content {
	RECORD_TCG_EVENT,    /* type is EV_*, data the event data */
	RECORD_IMA_TEMPLATE, /* name is the template, data the template data */
};

/* Lives on the caller's stack; what it borrows lives as long as the log's bytes. */
struct record {
	enum record_content content;
	uint64_t index;       /* from 0, in log order */
	uint64_t offset;      /* of the record, bytes from the start of the file */
	uint64_t data_offset; /* of data in the file; ERROR_NO_OFFSET for text forms */
	uint32_t pcr;         /* as logged; may name a PCR no TPM has */
	uint32_t type;        /* EV_*; 0 for IMA */
	struct bytes name;    /* IMA template name or format as logged; empty for TCG */
	size_t n_digests;
	struct digest digests[ALG_BANKS]; /* as logged, one per bank, known algorithms only */
	struct bytes data;                /* as logged */
};

#endif
