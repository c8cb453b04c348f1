/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdict rules, and what the renderers make of a report. */
#include "audit/render.h"

#include "audit/policy/policy.h"
#include "core/file.h"
#include "core/json_read.h"
#include "core/own.h"
#include "tests/unit/test.h"

#define EXPECTED "tests/unit/audit/expected/"

static struct policy *policy_of(const char *text)
{
	struct policy *policy = NULL;
	struct error err = { 0 };

	if (policy_parse(bytes_of_string(text), "policy.ini", &policy, &err) < 0)
		fail_msg("%s", err.message);
	return policy;
}

static struct report *report_of(const struct policy *policy)
{
	struct report *report = NULL;
	struct error err = { 0 };

	assert_int_equal(report_new("case-17", policy, &report, &err), 0);
	return report;
}

/* --- verdicts ------------------------------------------------------------------------------------- */

static const struct verdict_case {
	const char *name;
	const char *policy;
	enum finding_code codes[3]; /* FINDING_COUNT ends them */
	enum finding_weight weight;
	enum check_result check;
	bool required;
	enum verdict verdict;
} verdict_cases[] = {
	{"nothing",				"", { FINDING_COUNT },						FINDING_AS_LISTED, CHECK_PASS, false, VERDICT_PASS      },
	{ "a check failed, but nothing was found",
         "",					   { FINDING_COUNT },
         FINDING_AS_LISTED,														 CHECK_FAIL,
         false,																		VERDICT_PASS      },
	{ "skipped",			       "", { FINDING_COUNT },						FINDING_AS_LISTED, CHECK_SKIP, false, VERDICT_PASS      },
	{ "skipped and required",
         "",					   { FINDING_COUNT },
         FINDING_AS_LISTED,														 CHECK_SKIP,
         true,																		 VERDICT_INCOMPLETE},
	{ "critical",
         "",					   { FINDING_PCR_MISMATCH, FINDING_COUNT },
         FINDING_AS_LISTED,														 CHECK_PASS,
         false,																		VERDICT_FAIL      },
	{ "high",
         "",					   { FINDING_IMA_UNKNOWN_FILE, FINDING_COUNT },
         FINDING_AS_LISTED,														 CHECK_PASS,
         false,																		VERDICT_FAIL      },
	{ "medium",
         "",					   { FINDING_BUNDLE_CLAIM, FINDING_COUNT },
         FINDING_AS_LISTED,														 CHECK_PASS,
         false,																		VERDICT_PASS      },
	{ "medium and incomplete",
         "",					   { FINDING_KEY_UNBOUND, FINDING_COUNT },
         FINDING_AS_LISTED,														 CHECK_PASS,
         false,																		VERDICT_INCOMPLETE},
	{ "high wins over incomplete",
         "",					   { FINDING_KEY_UNBOUND, FINDING_IMA_UNKNOWN_FILE, FINDING_COUNT },
         FINDING_AS_LISTED,														 CHECK_SKIP,
         true,																		 VERDICT_FAIL      },
	{ "the milder of two",
         "",					   { FINDING_IMA_OTHER_PATH, FINDING_COUNT },
         FINDING_MILDER,														    CHECK_PASS,
         false,																		VERDICT_PASS      },
	{ "unattested",
         "",					   { FINDING_IMA_UNKNOWN_FILE, FINDING_COUNT },
         FINDING_UNATTESTED,														CHECK_PASS,
         false,																		VERDICT_INCOMPLETE},
	{ "lowered",
         "[severity]\nima.unknown-file = low\n",       { FINDING_IMA_UNKNOWN_FILE, FINDING_COUNT },
         FINDING_AS_LISTED,														 CHECK_PASS,
         false,																		VERDICT_PASS      },
	{ "raised",
         "[severity]\nbundle.claim = high\n",	  { FINDING_BUNDLE_CLAIM, FINDING_COUNT },
         FINDING_AS_LISTED,														 CHECK_PASS,
         false,																		VERDICT_FAIL      },
	{ "the milder raised",
         "[severity]\nima.other-path = high\n",        { FINDING_IMA_OTHER_PATH, FINDING_COUNT },
         FINDING_MILDER,														    CHECK_PASS,
         false,																		VERDICT_FAIL      },
	{ "lowered, still incomplete",
         "[severity]\npcr.unquoted = info\n",	  { FINDING_PCR_UNQUOTED, FINDING_COUNT },
         FINDING_AS_LISTED,														 CHECK_PASS,
         false,																		VERDICT_INCOMPLETE},
	{ "raised, unattested",
         "[severity]\nima.unknown-file = critical\n",  { FINDING_IMA_UNKNOWN_FILE, FINDING_COUNT },
         FINDING_UNATTESTED,														CHECK_PASS,
         false,																		VERDICT_INCOMPLETE},
};

static void verdict(void **state)
{
	const struct verdict_case *row = *state;
	AUTO(policy_freep) struct policy *policy = policy_of(row->policy);
	AUTO(report_freep) struct report *report = report_of(policy);
	struct error err = { 0 };

	for (size_t i = 0; row->codes[i] != FINDING_COUNT; i++)
		report_finding(report, row->codes[i], row->weight, bytes_of_string("x"), "m");
	if (row->required)
		report_missing(report, "a.check", bytes_of("", 0), "why");
	else
		report_check(report, "a.check", row->check, bytes_of("", 0), "why");
	assert_int_equal(report_finish(report, &err), 0);
	assert_string_equal(verdict_name(report->verdict), verdict_name(row->verdict));
}

static void weakened(void **state)
{
	AUTO(policy_freep) struct policy *policy = policy_of("");
	AUTO(report_freep) struct report *report = report_of(policy);
	struct error err = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		finding_at(report,
			   report_finding(report, FINDING_IMA_UNKNOWN_FILE, FINDING_AS_LISTED,
					  bytes_of_string("x"), "m"),
			   i < 3 ? "ima" : "boot", i, i);
	report_weaken(report, "ima", 1);
	assert_int_equal(report->n_by_severity[SEVERITY_HIGH], 2);
	assert_int_equal(report->n_by_severity[SEVERITY_MEDIUM], 2);
	assert_int_equal(report_finish(report, &err), 0);
	assert_int_equal(report->verdict, VERDICT_FAIL);
	assert_true(report->findings[0].is_attested && report->findings[1].is_attested);
	assert_false(report->findings[2].is_attested || report->findings[3].is_attested);
}

static void more_than_are_kept(void **state)
{
	AUTO(policy_freep) struct policy *policy = policy_of("");
	AUTO(report_freep) struct report *report = report_of(policy);
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < FINDINGS_MAX + 5; i++)
		report_finding(report, FINDING_IMA_UNKNOWN_FILE, FINDING_AS_LISTED,
			       bytes_of_string("x"), "m")
			->found = "f";
	assert_int_equal(report_finish(report, &err), 0);
	assert_int_equal(report->n_findings, FINDINGS_MAX);
	assert_int_equal(report->n_by_code[FINDING_IMA_UNKNOWN_FILE], FINDINGS_MAX + 5);
	assert_int_equal(report->verdict, VERDICT_FAIL);
}

/* --- docs ----------------------------------------------------------------------------------------- */

/* The table for people has each code with its default severity, and no other. */
static void findings_are_documented(void **state)
{
	struct bytes page = test_file("docs/findings.md");
	AUTO(buf_clear) struct buf text = BUF_INIT;
	size_t n_rows = 0;

	(void)state;
	buf_append(&text, page);
	buf_append_u8(&text, 0);
	for (size_t i = 0; i < FINDING_COUNT; i++) {
		const struct finding_kind *kind = finding_kind((enum finding_code)i);
		char row[256];

		if (kind->milder == kind->severity)
			snprintf(row, sizeof(row), "| `%s` | %s%s | %s |", kind->code,
				 severity_name(kind->severity),
				 kind->incomplete ? ", incomplete" : "", kind->meaning);
		else
			snprintf(row, sizeof(row), "| `%s` | %s or %s%s | %s |", kind->code,
				 severity_name(kind->severity), severity_name(kind->milder),
				 kind->incomplete ? ", incomplete" : "", kind->meaning);
		if (!strstr((const char *)text.data, row))
			fail_msg("docs/findings.md lacks:\n%s", row);
		assert_int_equal(finding_of_name(bytes_of_string(kind->code)), i);
	}
	for (const char *at = (const char *)text.data; (at = strstr(at, "\n| `")); at++)
		n_rows++;
	assert_int_equal(n_rows, FINDING_COUNT);
	test_drop(page);
}

/* --- renderers ------------------------------------------------------------------------------------ */

static struct reference place(struct report *report, const char *release, const char *artifact,
			      const char *path, uint8_t fill)
{
	struct digest digest = { .alg = ALG_SHA256, .size = 32 };

	memset(digest.value, fill, 32);
	return (struct reference){ release, artifact, bytes_of_string(path),
				   report_digest(report, &digest) };
}

static struct report *bad_report(const struct policy *policy)
{
	struct report *report = report_of(policy);
	struct error err = { 0 };
	struct finding *finding;

	for (unsigned i = 0; i < 25; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/srv/x%u", i);
		finding = report_finding(report, FINDING_IMA_UNKNOWN_FILE, FINDING_AS_LISTED,
					 bytes_of_string(path), "of no package in the database");
		finding->found = "sha256:00";
		finding_at(report, finding, "binary_runtime_measurements", 40 + i, 5000 + i);
	}
	finding = report_finding(report, FINDING_IMA_DIGEST_MISMATCH, FINDING_AS_LISTED,
				 bytes_of_string("/usr/bin/\x1b[31mssh\xe2\x80\xae"),
				 "not the bytes that openssh has here");
	finding->expected = arena_take(&report->arena, 2 * sizeof(struct reference));
	finding->expected[0] = place(report, "R1", "openssh-9.2-1.x86_64", "/usr/bin/ssh", 1);
	finding->expected[1] = place(report, "R2", "openssh-9.3-1.x86_64", "/usr/bin/ssh", 2);
	finding->n_expected = 2;
	finding->elsewhere = arena_take(&report->arena, 5 * sizeof(struct reference));
	for (size_t i = 0; i < 5; i++)
		finding->elsewhere[i] =
			place(report, "R0", "openssh-9.1-1.x86_64", "/usr/bin/ssh", 3);
	finding->n_elsewhere = 5;
	finding->found = "sha256:ff";
	finding_at(report, finding, "binary_runtime_measurements", 41, 0x1400);
	report_finding(report, FINDING_KEY_UNBOUND, FINDING_AS_LISTED, bytes_of_string("ak.pub"),
		       "nothing says whose key this is");
	finding = report_finding(report, FINDING_IMA_OTHER_PATH, FINDING_MILDER,
				 bytes_of_string("/opt/a"), "these bytes are /opt/b of b-1");
	finding_at(report, finding, "binary_runtime_measurements", 90, 9000);
	report_weaken(report, "binary_runtime_measurements", 90);
	finding = report_finding(report, FINDING_IMA_VIOLATION, FINDING_AS_LISTED,
				 bytes_of_string("/var/log/x"), "opened for writing");
	(void)finding;
	report_check(report, "quote.signature", CHECK_PASS, bytes_of_string("quote.msg"),
		     "rsassa-sha256 by RSA 2048");
	report_check(report, "quote.signature", CHECK_PASS, bytes_of_string("quote-\n.msg"),
		     "rsassa-sha256 by RSA 2048");
	report_check(report, "quote.nonce", CHECK_SKIP, bytes_of_string("quote.msg"),
		     "freshness is not checked");
	report_missing(report, "db.lookup", bytes_of("", 0), "no golden database: %s",
		       "what was measured is not compared with anything, which takes more than one "
		       "line to say");
	report_check(report, "ima.lookup", CHECK_FAIL,
		     bytes_of_string("binary_runtime_measurements"), "26 of 90 files");
	report->unused = arena_take(&report->arena, 2 * sizeof(struct bytes));
	report->unused[0] = bytes_of_string("a\tb");
	report->unused[1] = bytes_of_string("pcrs.yaml");
	report->n_unused = 2;
	report->exclusions[0].n_silenced = 1234567;
	report->coverage = (struct coverage){ .quoted_banks = 1u << ALG_SHA1 | 1u << ALG_SHA256,
					      .quoted_pcrs = 0x4ff,
					      .matched_pcrs = 0x47f,
					      .has_boot_log = true,
					      .has_ima_log = true,
					      .has_golden = true,
					      .n_events = 58,
					      .n_entries = 1091,
					      .n_attested = 90,
					      .n_files = 90,
					      .n_known = 64,
					      .n_violations = 1 };
	assert_int_equal(report_finish(report, &err), 0);
	return report;
}

static struct report *good_report(const struct policy *policy)
{
	struct report *report = report_of(policy);
	struct error err = { 0 };

	report_check(report, "quote.signature", CHECK_PASS, bytes_of_string("quote.msg"), "fine");
	assert_int_equal(report_finish(report, &err), 0);
	return report;
}

static const struct render_case {
	const char *name;
	bool bad, good, json, single, verbose, no_db;
	const char *file;
} render_cases[] = {
	{"text of one",              true,  false, false, true,  false, false, EXPECTED "one.txt"     },
	{ "text of one, verbose",    true,  false, false, true,  true,  false, EXPECTED "verbose.txt" },
	{ "text of one that passes", false, true,  false, true,  false, false, EXPECTED "pass.txt"    },
	{ "text of several",         true,  true,  false, false, false, false, EXPECTED "several.txt" },
	{ "text without a database", false, false, false, true,  false, true,
         EXPECTED "invalid.txt"								       },
	{ "json",		    true,  true,  true,  false, false, false, EXPECTED "several.json"},
	{ "json without a database", false, false, true,  true,  false, true,
         EXPECTED "invalid.json"								      },
};

static void render(void **state)
{
	static struct enforced enforced[] = {
		{"nonce of each quote: 00ff",           "--nonce"          },
		{ "severity of x: low instead of high", "policy.ini line 3"}
	};
	static const char policy_text[] = "[ima]\nexclude = /var/**\n[severity]\n"
					  "ima.violation = medium\n";
	const struct render_case *row = *state;
	AUTO(policy_freep) struct policy *policy = policy_of(policy_text);
	struct render_options options = { .verbose = row->verbose, .single = row->single };
	render_bundle_fn *part = row->json ? render_bundle_json : render_bundle_text;
	struct buf parts[3] = { BUF_INIT, BUF_INIT, BUF_INIT }, out = BUF_INIT;
	struct error db_error = { 0 }, err = { 0 };
	struct run run = { .enforced = enforced, .n_enforced = 2, .db_path = "golden.db" };
	struct report *reports[2] = { NULL, NULL };

	if (row->bad)
		reports[0] = bad_report(policy);
	if (row->good)
		reports[1] = good_report(policy);
	for (size_t i = 0; i < 2; i++) {
		struct buf bundle = BUF_INIT;

		if (!reports[i])
			continue;
		part(reports[i], &options, &bundle);
		if (row->json)
			render_json_next(&parts[0], &bundle);
		else
			buf_append(&parts[i ? 2 : 0], buf_bytes(&bundle));
		buf_clear(&bundle);
		run.n_by_verdict[reports[i]->verdict]++;
		report_free(reports[i]);
	}
	run.n_files = 246000;
	run.verdict = row->bad ? VERDICT_FAIL : row->good ? VERDICT_PASS : VERDICT_INCOMPLETE;
	if (row->no_db) {
		error_set(&db_error, ERROR_MALFORMED, "golden.db", 4096, "page 2 is damaged");
		run.db_error = &db_error;
	}
	if (row->json)
		render_run_json(&run, &parts[0], &out);
	else
		render_run_text(&run, &options, parts, &out);
	assert_int_equal(buf_finish(&out, &err), 0);
	if (row->json) {
		struct json_value *document = NULL;

		if (json_read(buf_bytes(&out), "out", &document, &err) < 0)
			fail_msg("%s at %llu", err.message, (unsigned long long)err.offset);
		json_value_free(document);
	}
	for (size_t i = 0; i < out.size; i++)
		assert_true(out.data[i] == '\n' || out.data[i] >= ' ');
	if (getenv("UPDATE_GOLDEN")) {
		assert_int_equal(file_write(row->file, buf_bytes(&out), &err), 0);
	} else {
		struct bytes stored = test_file(row->file);

		if (!bytes_equal(buf_bytes(&out), stored))
			fail_msg("not as %s has it (UPDATE_GOLDEN=1 rewrites it):\n%s", row->file,
				 (const char *)out.data);
		test_drop(stored);
	}
	for (size_t i = 0; i < 3; i++)
		buf_clear(&parts[i]);
	buf_clear(&out);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, verdict, verdict_cases);
	TEST(&tests, weakened);
	TEST(&tests, more_than_are_kept);
	TEST(&tests, findings_are_documented);
	TEST_ROWS(&tests, render, render_cases);
	return test_run(&tests, "audit/report");
}
