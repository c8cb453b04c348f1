/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * progress: a line on a terminal's standard error that says how far long work
 * has come. Silent elsewhere. Called from one thread.
 */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *label; /* what is being done, such as "packages" */
	uint64_t n_total;  /* 0: not known */
	uint64_t n_done;
	int64_t shown_at; /* milliseconds of the monotonic clock */
	bool on;
	bool shown;
};

/* quiet: as -q asked. */
struct progress progress_begin(const char *label, uint64_t n_total, bool quiet);
/* Counts n more; draws at most ten times a second. */
void progress_step(struct progress *progress, uint64_t n);
/* Clears the line so that a message can be printed; the next step draws it again. */
void progress_hide(struct progress *progress);
void progress_end(struct progress *progress);

#endif
