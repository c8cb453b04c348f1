/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * userspace: read the log of what systemd extended after the boot: tpm2-measure.log (PCRs and NV
 * indexes used as such), cc-measure.log (registers of a confidential machine). Extends nothing and
 * judges nothing.
 *
 * Records are JSON texts, each behind a 0x1e (RFC 7464), or one a line as programs pass them on:
 *
 *     {"pcr":11,"digests":[{"hashAlg":"sha256","digest":"51e6..."}],"content_type":"systemd",
 *      "content":{"string":"enter-initrd","bootId":"...","timestamp":1515761,"eventType":"phase"}}
 *
 * systemd writes a record under a lock that it holds while it extends: the log's order is the TPM's.
 *
 * Sources: TCG Canonical Event Log Format 1.0, 5.1 (JSON); systemd src/shared/tpm2-util.c
 *          (tpm2_pcr_extend_bytes), src/pcrlock/pcrlock.c (event_log_record_parse_json),
 *          src/pcrextend/pcrextend.c; docs/TPM2_PCR_MEASUREMENTS.md.
 * Threads: distinct logs may be used from distinct threads.
 */
#ifndef REPLAY_USERSPACE_USERSPACE_H
#define REPLAY_USERSPACE_USERSPACE_H

#include "core/json_read.h"
#include "replay/eventlog/eventlog.h"

/* Longest text of a record that is read; systemd cuts what it describes at a kilobyte. */
#define USERSPACE_RECORD_MAX ((size_t)1 << 20)

/* Digests of one record; TPMs have at most 16 banks. */
#define USERSPACE_DIGESTS_MAX 16

/* What was measured, by systemd's name of it (tpm2_userspace_event_type). */
enum userspace_event {
	USERSPACE_OTHER, /* none of these, or not said: record.name is what the log says */
	USERSPACE_PHASE, /* of the boot: "enter-initrd", ... */
	USERSPACE_FILESYSTEM,
	USERSPACE_VOLUME_KEY, /* an HMAC by the key, which nobody else can compute */
	USERSPACE_MACHINE_ID,
	USERSPACE_PRODUCT_ID,
	USERSPACE_KEYSLOT,
	USERSPACE_NVPCR_INIT,
	USERSPACE_NVPCR_SEPARATOR,
	USERSPACE_DM_VERITY,
	USERSPACE_IMDS_USERDATA,
	USERSPACE_OS_SEPARATOR,
	USERSPACE_LOGIN,
	USERSPACE_EVENT_COUNT,
};

/* "phase"; "other". */
const char *userspace_event_name(enum userspace_event event);

enum userspace_target {
	USERSPACE_PCR,      /* record.pcr */
	USERSPACE_NV_INDEX, /* an NV index that is extended: no PCR; record.pcr is UINT32_MAX */
	USERSPACE_RTMR, /* record.pcr is a register as in CCEL logs: 1 to 4 for RTMR0 to RTMR3 */
};

struct userspace_record {
	/*
	 * content is RECORD_SYSTEMD, type an enum userspace_event, name the event type as logged,
	 * data the string: what was measured, or describes it. Views are valid until the next
	 * userspace_next. Digests of algorithms that are no bank of ours are passed over.
	 */
	struct record record;
	enum userspace_target target;
	uint64_t nv_index;    /* USERSPACE_NV_INDEX */
	uint32_t mapped_pcr;  /* USERSPACE_RTMR: the PCR it stands for; UINT32_MAX: not said */
	struct bytes nv_name; /* of the NV index; may be empty */
	struct bytes boot_id; /* may be empty */
	uint64_t timestamp;   /* microseconds since the machine was started */
	bool has_timestamp;
};

/* An open log; fields are private. */
struct userspace_log {
	const char *source;          /* borrowed */
	struct bytes bytes;          /* borrowed: the whole file */
	size_t pos;                  /* of the next record */
	uint64_t n_given;            /* records given so far */
	bool by_line;                /* no 0x1e: one record a line */
	struct json_value *document; /* the record given last; owned */
};

/* -1 with ERROR_MALFORMED for bytes that begin as no log of this form. No bytes are an empty log. */
int userspace_open(struct userspace_log *out, struct bytes bytes, const char *source,
		   struct error *err);
void userspace_close(struct userspace_log *log);

/*
 * The next record in log order: 1 and *out, 0 at the end, -1 and *err where the log breaks:
 * ERROR_MALFORMED, ERROR_LIMIT, with the offset of the record. After -1 it gives -1 again.
 */
int userspace_next(struct userspace_log *log, struct userspace_record *out, struct error *err);

/*
 * Is the digest over the string? It has to be for the events whose string is what is measured, as
 * systemd shows it: escaped as in C, and cut at a kilobyte. Of the others the string describes what
 * was measured: unchecked unless it fits. Errors: libcrypto's only.
 */
int userspace_check(const struct userspace_record *record, struct hasher *hasher,
		    struct event_check *out, struct error *err);

#endif
