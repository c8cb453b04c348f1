/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of lists share: replays of bytes to their end, and the lists that were captured. */
#ifndef TESTS_UNIT_REPLAY_IMA_FIXTURE_H
#define TESTS_UNIT_REPLAY_IMA_FIXTURE_H

#include "core/own.h"
#include "replay/ima/ima.h"
#include "tests/unit/test.h"

#define FOUR_BANKS (1u << ALG_SHA1 | 1u << ALG_SHA256 | 1u << ALG_SHA384 | 1u << ALG_SHA512)

/* One for all tests: making one costs more than most replays here. */
static struct hasher *hasher;

static inline void need_hasher(void)
{
	if (!hasher)
		assert_int_equal(hasher_new(&hasher, NULL), 0);
}

struct run {
	struct ima_list *list;
	struct ima_replay *replay;
};

static inline void run_clear(struct run *run)
{
	ima_replay_free(run->replay);
	ima_list_free(run->list);
	*run = (struct run){ 0 };
}

static inline int run_begin(struct run *run, struct bytes bytes, alg_set banks, struct error *err)
{
	need_hasher();
	*run = (struct run){ 0 };
	if (ima_list_open(bytes, "list", hasher, &run->list, err) < 0 ||
	    ima_replay_new(run->list, banks, hasher, &run->replay, err) < 0)
		return -1;
	return 0;
}

/* The SHA-256 that a step hands out is of its data, and was computed. */
static inline void check_sha256(const struct ima_step *step)
{
	struct digest digest;

	if (!step->sha256)
		return;
	assert_int_equal(step->check, IMA_CHECK_MATCH);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, step->record.data, &digest, NULL),
			 0);
	test_bytes(bytes_of(step->sha256, 32), digest_bytes(&digest));
}

/* To the end, 0, or to the break, -1. */
static inline int run_all(struct run *run, struct error *err)
{
	const struct ima_step *step;
	uint64_t n = 0;
	int status;

	while ((status = ima_replay_next(run->replay, &step, err)) == 1) {
		assert_int_equal(step->record.index, n++);
		check_sha256(step);
	}
	assert_int_equal(ima_replay_counts(run->replay).n_entries, n);
	return status;
}

static inline void begin(struct run *run, struct bytes bytes, alg_set banks)
{
	struct error err;

	if (run_begin(run, bytes, banks, &err) < 0)
		fail_msg("%s", err.message);
}

#define CAPTURES "tests/vectors/captures/"

static inline struct bytes capture_list(const char *folder, const char *list_name)
{
	char path[256];

	snprintf(path, sizeof(path), CAPTURES "%s/%s_runtime_measurements", folder, list_name);
	return test_file(path);
}

#endif
