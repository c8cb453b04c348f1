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
	RECORD_CEL,          /* of a Canonical Event Log, and none of these: data as encoded */
	RECORD_SYSTEMD,      /* type is an enum userspace_event, name its name, data the string */
};

/*
 * What is odd about a record that could be read all the same: bits of record.oddities. The iterator
 * of the log's format sets them; audit/ says what they mean.
 */
enum record_oddity {
	RECORD_DIGEST_TWICE = 1u << 0,   /* two digests of one algorithm: the first one counts */
	RECORD_DIGEST_MISSING = 1u << 1, /* none for a bank that the log announced */
	RECORD_DIGEST_UNANNOUNCED = 1u << 2, /* one of an algorithm that the log did not announce */
	RECORD_DIGEST_UNKNOWN = 1u << 3, /* one of an algorithm that is no bank of ours: not kept */
	RECORD_SPEC_ID_AGAIN = 1u << 4,  /* a Spec ID event that is not the first event */
	RECORD_PCR_RANGE = 1u << 5,      /* extends a PCR no TPM has (over 23): not replayed */
	RECORD_NO_ACTION_DIGEST = 1u << 6, /* EV_NO_ACTION with a digest that is not zero */
	RECORD_APPENDED = 1u << 7,         /* EV_NO_ACTION for PCR 0xffffffff, as Windows appends */
	RECORD_LOCALITY_LATE = 1u << 8,   /* StartupLocality after PCR 0's first extend: not used */
	RECORD_LOCALITY_AGAIN = 1u << 9,  /* a further StartupLocality: not used */
	RECORD_LOCALITY_VALUE = 1u << 10, /* StartupLocality of a locality but 0, 3 and 4 */
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
	uint32_t oddities;                /* RECORD_* bits; 0: nothing odd */
};

#endif
