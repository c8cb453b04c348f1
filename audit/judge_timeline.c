/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One timeline: the quotes of a TPM in the order of its clock, each with how far the logs had grown; the
 * kernels that kexec started, one behind the other in one IMA log.
 */
#include "audit/judge.h"

#include <inttypes.h>

#include "core/own.h"

/* Quotes and kernels that a report lists. */
#define SHOWN_MAX 16

static int by_clock(const void *a, const void *b)
{
	const struct judged_quote *x = *(const struct judged_quote *const *)a;
	const struct judged_quote *y = *(const struct judged_quote *const *)b;
	int order;

	order = (x->quote.reset_count > y->quote.reset_count) -
		(x->quote.reset_count < y->quote.reset_count);
	if (order == 0)
		order = (x->quote.clock > y->quote.clock) - (x->quote.clock < y->quote.clock);
	return order ? order : (x > y) - (x < y);
}

/* Logs only grow while a machine runs: a later quote cannot cover less of one. */
static void judge_growth(struct judge *judge, const struct judged_quote *earlier,
			 const struct judged_quote *later)
{
	struct report *report = judge->report;
	const char *what = NULL;

	if (earlier->quote.reset_count != later->quote.reset_count ||
	    earlier->quote.clock == later->quote.clock || !earlier->is_compared ||
	    !later->is_compared)
		return;
	if (later->n_attested && later->n_attested < earlier->n_attested)
		what = "fewer entries of the IMA log";
	else if (later->n_userspace && later->n_userspace < earlier->least_userspace)
		what = "fewer records of user space's log";
	if (what)
		report_finding(report, FINDING_QUOTE_ROLLBACK, FINDING_AS_LISTED,
			       file_subject(later->message),
			       "its clock is after that of %s, but it covers %s",
			       report_text(report, file_subject(earlier->message)), what);
}

static const char *shown(struct judge *judge, const struct judged_quote *quote)
{
	struct report *report = judge->report;

	return arena_printf(&report->arena,
			    "%s: resetCount %" PRIu32 ", restartCount %" PRIu32 ", clock %" PRIu64
			    " ms, %" PRIu64 " entries",
			    report_text(report, file_subject(quote->message)),
			    quote->quote.reset_count, quote->quote.restart_count,
			    quote->quote.clock, quote->n_attested);
}

/* Quotes by one key, which shows them one TPM's clock. */
static int judge_key_quotes(struct judge *judge, const struct judged_key *key, struct error *err)
{
	AUTO(own_free)
	const struct judged_quote **quotes = calloc(judge->n_quotes, sizeof(*quotes));
	AUTO(buf_clear) struct buf text = BUF_INIT;
	size_t n = 0;

	if (!quotes)
		return error_memory(err, judge->bundle->name);
	for (size_t i = 0; i < judge->n_quotes; i++)
		if (judge->quotes[i].is_verified &&
		    quote_key_equal(judge->quotes[i].key->key, key->key))
			quotes[n++] = &judge->quotes[i];
	if (n < 2)
		return 0;
	qsort(quotes, n, sizeof(struct judged_quote *), by_clock);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			judge_growth(judge, quotes[i - 1], quotes[i]);
		if (i < SHOWN_MAX)
			buf_printf(&text, "%s%s", i ? "; " : "", shown(judge, quotes[i]));
	}
	if (n > SHOWN_MAX)
		buf_printf(&text, "; and %zu more", n - SHOWN_MAX);
	if (buf_finish(&text, err) < 0)
		return -1;
	report_check(judge->report, "quote.timeline", CHECK_PASS, bytes_of("", 0), "%s",
		     (char *)text.data);
	return 0;
}

static int judge_quote_times(struct judge *judge, struct error *err)
{
	for (size_t i = 0; i < judge->n_keys; i++) {
		bool is_first = judge->keys[i].is_used;

		for (size_t j = 0; j < i && is_first; j++)
			is_first = !quote_key_equal(judge->keys[i].key, judge->keys[j].key);
		if (is_first && judge->n_quotes > 1 &&
		    judge_key_quotes(judge, &judge->keys[i], err) < 0)
			return -1;
	}
	return 0;
}

/* Each boot_aggregate is the first entry of a kernel. */
static int judge_kernels(struct judge *judge, struct error *err)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	size_t n = 0;

	for (const struct ima_aggregate *kernel = judge->aggregates; kernel;
	     kernel = kernel->next) {
		uint64_t end = kernel->next ? kernel->next->index : judge->n_entries;

		if (n++ < SHOWN_MAX)
			buf_printf(&text, "%s%" PRIu64 " to %" PRIu64, n > 1 ? ", " : "",
				   kernel->index, end ? end - 1 : 0);
	}
	if (n < 2)
		return 0;
	if (buf_finish(&text, err) < 0)
		return -1;
	report_check(judge->report, "ima.kernels", CHECK_PASS, file_subject(judge->ima_file),
		     "%zu kernels, each started by kexec but the first: entries %s%s", n,
		     (char *)text.data, n > SHOWN_MAX ? ", and more" : "");
	return 0;
}

int judge_timeline(struct judge *judge, struct error *err)
{
	return judge_quote_times(judge, err) < 0 ? -1 : judge_kernels(judge, err);
}
