/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool: work on n items in threads, hand the results on in order.
 *
 * Items are worked on in any order, by any thread; done sees the results in
 * the order of the items, on the calling thread, so what it writes is the same
 * for every number of threads. At most a few items per thread are in flight.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>

struct pool_turn;

struct pool_job {
	size_t n_items;
	unsigned n_threads; /* 0: one per processor */
	void *ctx;          /* shared by all calls; borrowed */
	size_t ahead; /* results that may wait for an earlier one, for each thread; 0: a few. More keeps
		       * threads busy beside one long item, and costs the memory of the results. */

	/* State of one thread (its hasher, its buffers): -1 and *err ends the job. Both may be NULL. */
	int (*thread_begin)(void *ctx, void **state, struct error *err);
	void (*thread_end)(void *ctx, void *state);

	/* The result of one item; what goes wrong with the item is part of its result. */
	void *(*work)(void *ctx, void *state, size_t item);
	/* Or, instead of work, for a thread that works on several items at a time: takes items and gives
	 * their results, in any order, until there are none to take and each one taken was given. */
	void (*work_on)(void *ctx, void *state, struct pool_turn *turn);

	/* Takes ownership of result. -1 and *err ends the job. Called after a failure too, with
	 * aborted true, so that results in flight are freed: then it only frees. */
	int (*done)(void *ctx, size_t item, void *result, int aborted, struct error *err);
};

/* For work_on: the next item. False when there is none. With wait false, which it must be for a thread that
 * has items it did not give yet, there may be one later. */
bool pool_take(struct pool_turn *turn, bool wait, size_t *item);
void pool_give(struct pool_turn *turn, size_t item, void *result);

/* 0 when every item is done, or -1 and the first error in item order. */
int pool_run(const struct pool_job *job, struct error *err);

/* The number of processors this process may use, at least 1. */
unsigned pool_processors(void);

#endif
