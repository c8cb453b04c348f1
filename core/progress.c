/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct progress progress_begin(const char *label, uint64_t n_total, bool quiet)
{
	const char *term = getenv("TERM");

	return (struct progress){
		.label = label,
		.n_total = n_total,
		.on = !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0,
	};
}

void progress_step(struct progress *progress, uint64_t n)
{
	int64_t time;

	progress->n_done += n;
	if (!progress->on)
		return;
	time = now();
	if (progress->shown && time - progress->shown_at < 100 &&
	    progress->n_done != progress->n_total)
		return;
	progress->shown = true;
	progress->shown_at = time;
	if (progress->n_total)
		fprintf(stderr, "\r\033[K%s: %" PRIu64 " of %" PRIu64 " (%d%%)", progress->label,
			progress->n_done, progress->n_total,
			(int)((double)progress->n_done * 100 / (double)progress->n_total));
	else
		fprintf(stderr, "\r\033[K%s: %" PRIu64, progress->label, progress->n_done);
	fflush(stderr);
}

void progress_hide(struct progress *progress)
{
	if (!progress->shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->shown = false;
}

void progress_end(struct progress *progress)
{
	progress_hide(progress);
	progress->on = false;
}
