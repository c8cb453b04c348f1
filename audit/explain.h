/* SPDX-License-Identifier: BSD-2-Clause */
/* What explain.c tries, and explain_events.c collects for it. */
#ifndef AUDIT_EXPLAIN_H
#define AUDIT_EXPLAIN_H

#include "audit/judge.h"

/* Events of one PCR that are tried: GRUB's scripts make about a hundred, IMA more. */
#define EXPLAIN_EVENTS 2048

/* Known constants. */
#define EXPLAIN_CONSTANTS 17

/* An event of the boot log, a record of user space's or an entry of IMA's. */
struct trial_event {
	uint8_t digest[DIGEST_SIZE_MAX];
	const struct bundle_file *file;
	uint64_t index, offset;
	uint32_t type;                         /* of an event */
	const struct userspace_extend *record; /* a record; else NULL */
	bool is_entry, is_violation;
	struct bytes path;    /* of an entry; in the report's arena */
	bool has_data_digest; /* it is to be over the data, and is not */
	uint8_t data_digest[DIGEST_SIZE_MAX];
};

struct trial {
	struct judge *judge;
	enum alg alg;
	uint32_t pcr;
	size_t size; /* of a digest */
	uint8_t wanted[DIGEST_SIZE_MAX];
	struct trial_event *events;
	size_t n_events;
	size_t n_whole;   /* the first ones, that are extended before a quote can be made */
	bool has_entries; /* of IMA's log, which there are two ways to extend */
	uint8_t (*states)[DIGEST_SIZE_MAX]; /* after 0, 1, 2 ... events */
	uint8_t constants[EXPLAIN_CONSTANTS][DIGEST_SIZE_MAX];
	uint64_t n_extends;
	struct explanation *out;
	struct error *err;
	bool failed;
};

/* The events of trial's PCR, of all logs: 1, 0 when there are too many to try, -1. */
int explain_collect(struct trial *trial, enum ima_way way);

#endif
