/* SPDX-License-Identifier: BSD-2-Clause */
/* Event logs made in memory, for the tests of replay/eventlog. */
#ifndef TESTS_UNIT_REPLAY_EVENTLOG_MAKE_LOG_H
#define TESTS_UNIT_REPLAY_EVENTLOG_MAKE_LOG_H

#include "replay/eventlog/eventlog.h"
#include "tests/unit/test.h"

/* TCG_PCClientPCREvent (PFP 10.2.1). */
static inline void make_event1(struct buf *log, uint32_t pcr, uint32_t type, const uint8_t *digest,
			       struct bytes data)
{
	static const uint8_t zeros[20];

	buf_append_le32(log, pcr);
	buf_append_le32(log, type);
	buf_append(log, bytes_of(digest ? digest : zeros, 20));
	buf_append_le32(log, (uint32_t)data.size);
	buf_append(log, data);
}

/* A Spec ID Event03 (PFP 10.4.5.1) of register pcr, announcing algs. */
static inline void make_spec_id(struct buf *log, uint32_t pcr, const enum alg *algs, size_t n_algs)
{
	AUTO(buf_clear) struct buf data = BUF_INIT;

	buf_append(&data, bytes_of("Spec ID Event03", 16));
	buf_append_le32(&data, 0);
	buf_append(&data, bytes_of("\0\2\0\2", 4));
	buf_append_le32(&data, (uint32_t)n_algs);
	for (size_t i = 0; i < n_algs; i++) {
		buf_append_le16(&data, alg_tpm_id(algs[i]));
		buf_append_le16(&data, (uint16_t)alg_size(algs[i]));
	}
	buf_append_u8(&data, 0);
	make_event1(log, pcr, EV_NO_ACTION, NULL, buf_bytes(&data));
}

/* TCG_PCR_EVENT2 (PFP 10.2.2) whose digests are all of the byte fill; 0 for EV_NO_ACTION. */
static inline void make_event2(struct buf *log, uint32_t pcr, uint32_t type, const enum alg *algs,
			       size_t n_algs, uint8_t fill, struct bytes data)
{
	uint8_t digest[DIGEST_SIZE_MAX];

	memset(digest, fill, sizeof(digest));
	buf_append_le32(log, pcr);
	buf_append_le32(log, type);
	buf_append_le32(log, (uint32_t)n_algs);
	for (size_t i = 0; i < n_algs; i++) {
		buf_append_le16(log, alg_tpm_id(algs[i]));
		buf_append(log, bytes_of(digest, alg_size(algs[i])));
	}
	buf_append_le32(log, (uint32_t)data.size);
	buf_append(log, data);
}

static inline struct hasher *make_hasher(void)
{
	struct hasher *hasher = NULL;

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	return hasher;
}

#endif
