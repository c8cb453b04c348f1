/* SPDX-License-Identifier: BSD-2-Clause */
/* An honest bundle whose files are cut and changed everywhere, and that runs out of memory anywhere. */
#include "tests/unit/audit/fixture.h"

/* Every file cut short here and there: never a pass but for what nothing needs. */
static void cut_everywhere(void **state)
{
	static const char *const paths[] = { BOOT, IMA, "quote.msg", "quote.sig", "ak.pub" };
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture, "sb-grub", "");
	fixture_anchor(&fixture, "sb-grub", "ak.pub");
	fixture_golden(&fixture, NULL, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct bytes whole = test_copy(fixture_file(&fixture, paths[i])->contents);
		size_t step = whole.size / 60 + 1;

		for (size_t size = 0; size < whole.size; size += step) {
			struct report *report;

			fixture_put(&fixture, paths[i], bytes_of(whole.data, size));
			report = fixture_audit(&fixture);
			if (report->verdict == VERDICT_PASS)
				fail_msg("%s cut to %zu bytes passes", paths[i], size);
			report_free(report);
		}
		fixture_put(&fixture, paths[i], whole);
		test_drop(whole);
	}
	fixture_clear(&fixture);
}

static void flipped_everywhere(void **state)
{
	static const char *const paths[] = { BOOT, IMA, "quote.msg", "quote.sig", "quote.pcrs" };
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture, "sb-grub", "");
	fixture_anchor(&fixture, "sb-grub", "ak.pub");
	fixture_golden(&fixture, NULL, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		size_t size = fixture_file(&fixture, paths[i])->contents.size;

		for (size_t at = 0; at < size; at += size / 150 + 1) {
			struct report *report;

			flip(&fixture, paths[i], (long)at);
			report = fixture_audit(&fixture);
			/* Event types and descriptions, and digests of banks nobody quoted, may
			 * change unseen; an IMA entry and what a quote covers may not. */
			if (report->verdict == VERDICT_PASS &&
			    (strcmp(paths[i], IMA) == 0 || strcmp(paths[i], "quote.msg") == 0))
				fail_msg("%s flipped at %zu passes", paths[i], at);
			report_free(report);
			flip(&fixture, paths[i], (long)at);
		}
	}
	fixture_clear(&fixture);
}

static void allocations_fail(void **state)
{
	struct fixture fixture;
	struct error err = { 0 };
	struct worker *worker;

	(void)state;
	fixture_init(&fixture, "sb-grub-ima-attack", "");
	fixture_anchor(&fixture, "sb-grub-ima-attack", "ak.pub");
	fixture_golden(&fixture, &(struct golden_plan){ .other_bytes = FILE_PATH }, NULL, 0);
	assert_int_equal(worker_new(&fixture.setup, &worker, &err), 0);
	for (unsigned n = 1;; n++) {
		struct report *report = NULL;
		int status;

		memset(&err, 0, sizeof(err));
		test_alloc_fail(n);
		status = audit_bundle(worker, &fixture.bundle, &report, &err);
		if (!test_alloc_failed()) {
			test_alloc_fail(0);
			assert_int_equal(status, 0);
			assert_int_equal(report->verdict, VERDICT_FAIL);
			report_free(report);
			break;
		}
		test_alloc_fail(0);
		if (status == 0)
			report_free(report); /* a library of ours got along without */
		else
			assert_int_equal(err.code, ERROR_SYSTEM);
	}
	worker_free(worker);
	fixture_clear(&fixture);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, cut_everywhere);
	TEST(&tests, flipped_everywhere);
	TEST(&tests, allocations_fail);
	return test_run(&tests, "audit/judge hostile");
}
