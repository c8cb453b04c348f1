/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/pool.h"

#include <stdatomic.h>
#include <time.h>

#include "tests/unit/test.h"

struct totals {
	atomic_uint n_worked;
	size_t n_done, n_freed;
	size_t expected_next;
	size_t fail_at;
	bool out_of_order;
};

static void *work(void *ctx, void *thread_state, size_t item)
{
	struct totals *totals = ctx;
	size_t *result = malloc(sizeof(*result));

	(void)thread_state;
	if (item % 7 == 0) { /* some items are slow, so that others overtake them */
		struct timespec pause = { 0, 300000 };

		nanosleep(&pause, NULL);
	}
	atomic_fetch_add(&totals->n_worked, 1);
	if (result)
		*result = item;
	return result;
}

/* Three items at a time, the last taken given first. */
static void work_on(void *ctx, void *thread_state, struct pool_turn *turn)
{
	size_t items[3];

	while (pool_take(turn, true, &items[0])) {
		size_t n = 1;

		while (n < ARRAY_SIZE(items) && pool_take(turn, false, &items[n]))
			n++;
		while (n--)
			pool_give(turn, items[n], work(ctx, thread_state, items[n]));
	}
}

static int done(void *ctx, size_t item, void *result, int aborted, struct error *err)
{
	struct totals *totals = ctx;
	size_t value = *(size_t *)result;

	free(result);
	totals->n_freed++;
	if (aborted)
		return 0;
	if (value != item || item != totals->expected_next++)
		totals->out_of_order = true;
	if (item == totals->fail_at)
		return error_set(err, ERROR_MALFORMED, "item", item, "as asked");
	totals->n_done++;
	return 0;
}

static const struct run_case {
	const char *name;
	size_t n_items;
	unsigned n_threads;
	size_t fail_at;
} run_cases[] = {
	{"nothing to do",            0,   4,  SIZE_MAX},
	{ "one item",                1,   4,  SIZE_MAX},
	{ "one thread",              100, 1,  SIZE_MAX},
	{ "four threads",            500, 4,  SIZE_MAX},
	{ "more threads than items", 3,   16, SIZE_MAX},
	{ "as many as processors",   200, 0,  SIZE_MAX},
	{ "stops at a failure",      500, 4,  123     },
	{ "the first fails",         500, 4,  0       },
	{ "the last fails",          50,  3,  49      },
};

static void run_with(const struct run_case *row,
		     void (*several)(void *, void *, struct pool_turn *))
{
	struct totals totals = { .fail_at = row->fail_at };
	struct pool_job job = { .n_items = row->n_items,
				.n_threads = row->n_threads,
				.ctx = &totals,
				.work = several ? NULL : work,
				.work_on = several,
				.done = done };
	struct error err = { 0 };
	int status = pool_run(&job, &err);

	assert_false(totals.out_of_order);
	assert_int_equal(totals.n_freed, atomic_load(&totals.n_worked));
	if (row->fail_at == SIZE_MAX) {
		assert_int_equal(status, 0);
		assert_int_equal(totals.n_done, row->n_items);
	} else {
		assert_int_equal(status, -1);
		test_error(&err, ERROR_MALFORMED, row->fail_at);
		assert_int_equal(totals.n_done, row->fail_at);
	}
}

static void run(void **state)
{
	run_with(*state, NULL);
}

static void run_several(void **state)
{
	run_with(*state, work_on);
}

static int cannot_begin(void *ctx, void **thread_state, struct error *err)
{
	(void)ctx;
	(void)thread_state;
	return error_memory(err, "thread");
}

static void thread_cannot_begin(void **state)
{
	struct totals totals = { .fail_at = SIZE_MAX };
	struct pool_job job = { .n_items = 10,
				.n_threads = 3,
				.ctx = &totals,
				.work = work,
				.done = done,
				.thread_begin = cannot_begin };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(pool_run(&job, &err), -1);
	test_error(&err, ERROR_SYSTEM, ERROR_NO_OFFSET);
	assert_int_equal(totals.n_done, 0);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, run, run_cases);
	TEST_ROWS(&tests, run_several, run_cases);
	TEST(&tests, thread_cannot_begin);
	return test_run(&tests, "core/pool");
}
