/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* sched_getaffinity */
#include "core/pool.h"

#include <pthread.h>
#include <sched.h>

#include "core/own.h"

/* Items a thread may be ahead of the one that done waits for, unless the job says: enough to hide a
 * slow item. */
#define POOL_AHEAD 8

struct slot {
	void *result;
	bool ready;
};

struct pool {
	const struct pool_job *job;
	pthread_mutex_t lock;
	pthread_cond_t item_ready; /* a slot became ready, or a thread failed to begin */
	pthread_cond_t room;       /* next_done moved on, or the job is stopped */
	struct slot *slots;        /* a ring of window slots, item i in slot i % window */
	size_t window;
	size_t next_item; /* not yet taken by a thread */
	size_t next_done; /* not yet handed to done */
	unsigned n_running;
	bool stopped;
	bool begin_failed;
	struct error begin_error;
};

unsigned pool_processors(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}

/* A thread's place in the pool. */
struct pool_turn {
	struct pool *pool;
};

bool pool_take(struct pool_turn *turn, bool wait, size_t *item)
{
	struct pool *pool = turn->pool;
	const struct pool_job *job = pool->job;
	bool taken;

	pthread_mutex_lock(&pool->lock);
	while (wait && !pool->stopped && pool->next_item < job->n_items &&
	       pool->next_item >= pool->next_done + pool->window)
		pthread_cond_wait(&pool->room, &pool->lock);
	taken = !pool->stopped && pool->next_item < job->n_items &&
		pool->next_item < pool->next_done + pool->window;
	if (taken)
		*item = pool->next_item++;
	pthread_mutex_unlock(&pool->lock);
	return taken;
}

void pool_give(struct pool_turn *turn, size_t item, void *result)
{
	struct pool *pool = turn->pool;

	pthread_mutex_lock(&pool->lock);
	pool->slots[item % pool->window] = (struct slot){ result, true };
	pthread_cond_signal(&pool->item_ready);
	pthread_mutex_unlock(&pool->lock);
}

static void one_by_one(const struct pool_job *job, void *state, struct pool_turn *turn)
{
	size_t item;

	while (pool_take(turn, true, &item))
		pool_give(turn, item, job->work(job->ctx, state, item));
}

static void *pool_thread(void *arg)
{
	struct pool *pool = arg;
	const struct pool_job *job = pool->job;
	struct pool_turn turn = { pool };
	struct error err = { 0 };
	void *state = NULL;
	bool begun = !job->thread_begin || job->thread_begin(job->ctx, &state, &err) == 0;

	if (begun && job->work_on)
		job->work_on(job->ctx, state, &turn);
	else if (begun)
		one_by_one(job, state, &turn);
	pthread_mutex_lock(&pool->lock);
	if (!begun) {
		if (!pool->begin_failed)
			pool->begin_error = err;
		pool->begin_failed = true;
		pool->stopped = true;
		pthread_cond_broadcast(&pool->room);
	}
	pool->n_running--;
	pthread_cond_signal(&pool->item_ready);
	pthread_mutex_unlock(&pool->lock);
	if (begun && job->thread_end)
		job->thread_end(job->ctx, state);
	return NULL;
}

/* Hands results to done in order until all are done or something failed. Called with the lock held. */
static int pool_collect(struct pool *pool, struct error *err)
{
	const struct pool_job *job = pool->job;
	int status = 0;

	while (pool->next_done < job->n_items) {
		struct slot *slot = &pool->slots[pool->next_done % pool->window];
		size_t item = pool->next_done;
		void *result;

		while (!slot->ready && pool->n_running > 0 && !pool->begin_failed)
			pthread_cond_wait(&pool->item_ready, &pool->lock);
		if (pool->begin_failed || !slot->ready)
			break;
		result = slot->result;
		slot->ready = false;
		pthread_mutex_unlock(&pool->lock);
		status = job->done(job->ctx, item, result, 0, err);
		pthread_mutex_lock(&pool->lock);
		pool->next_done++;
		if (status < 0)
			break;
		pthread_cond_broadcast(&pool->room);
	}
	pool->stopped = true;
	pthread_cond_broadcast(&pool->room);
	return status;
}

int pool_run(const struct pool_job *job, struct error *err)
{
	unsigned n_threads = job->n_threads ? job->n_threads : pool_processors();
	struct pool pool = { .job = job };
	AUTO(own_free) pthread_t *threads = NULL;
	AUTO(own_free) struct slot *slots = NULL;
	unsigned n_started = 0;
	int status;

	if (job->n_items == 0)
		return 0;
	if (n_threads > job->n_items)
		n_threads = (unsigned)job->n_items;
	if (!size_mul(n_threads, job->ahead ? job->ahead : POOL_AHEAD, &pool.window) ||
	    pool.window > job->n_items)
		pool.window = job->n_items;
	threads = calloc(n_threads, sizeof(*threads));
	pool.slots = slots = calloc(pool.window, sizeof(*slots));
	if (!threads || !slots)
		return error_memory(err, NULL);
	pthread_mutex_init(&pool.lock, NULL);
	pthread_cond_init(&pool.item_ready, NULL);
	pthread_cond_init(&pool.room, NULL);

	pthread_mutex_lock(&pool.lock);
	for (; n_started < n_threads; n_started++) {
		pool.n_running++;
		if (pthread_create(&threads[n_started], NULL, pool_thread, &pool) != 0) {
			pool.n_running--;
			break;
		}
	}
	if (n_started == 0)
		status = error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET,
				   "cannot start a thread");
	else
		status = pool_collect(&pool, err);
	pthread_mutex_unlock(&pool.lock);
	for (unsigned i = 0; i < n_started; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < pool.window; i++)
		if (slots[i].ready)
			job->done(job->ctx, 0, slots[i].result, 1, NULL);
	if (status == 0 && pool.begin_failed) {
		if (err)
			*err = pool.begin_error;
		status = -1;
	}
	pthread_cond_destroy(&pool.room);
	pthread_cond_destroy(&pool.item_ready);
	pthread_mutex_destroy(&pool.lock);
	return status;
}
