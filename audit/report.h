/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report: what an audit found out about one bundle, as plain data between the
 * judges, who fill it, and the renderers, who print it and decide nothing.
 *
 * Everything in it lives in its arena. Text that comes from evidence is bytes,
 * not escaped: renderers escape it for where it goes. A message is text of
 * ours, with what it quotes from evidence escaped already.
 *
 * Threads: a report is filled and printed by one thread at a time.
 */
#ifndef AUDIT_REPORT_H
#define AUDIT_REPORT_H

#include "core/arena.h"
#include "audit/finding.h"
#include "core/digest.h"
#include "core/pcr.h"

struct policy;
struct machine_state;

enum verdict {
	VERDICT_PASS,
	VERDICT_INCOMPLETE,
	VERDICT_FAIL,
};

const char *verdict_name(enum verdict verdict); /* "pass", "incomplete", "fail" */

enum check_result { CHECK_PASS, CHECK_FAIL, CHECK_SKIP };

const char *check_result_name(enum check_result result); /* "pass", "fail", "skip" */

/* One thing that was checked, or was not. */
struct check {
	const char *name; /* "quote.signature"; static */
	enum check_result result;
	bool is_required;     /* skipped, it makes the bundle incomplete */
	bool has_finding;     /* a finding says the same */
	struct bytes subject; /* the file it is about; empty: the bundle */
	const char *detail;   /* one clause; "" if there is nothing to say */
};

/* A golden value that explains a finding. */
struct reference {
	const char *release;
	const char *artifact;
	struct bytes path;
	const char *digest; /* "sha256:..."; "" if it does not matter */
};

/* More places than this are counted, not listed. */
#define REFERENCES_MAX 32

struct finding {
	enum finding_code code;
	size_t sequence;        /* in the order they were made, which is that of the evidence */
	enum severity severity; /* after policy, and after what is not attested was weakened */
	bool is_incomplete;     /* the bundle cannot pass */
	bool is_attested;       /* no: nothing that a TPM signed covers what it is about */
	unsigned policy_line;   /* that set the severity; 0: none */
	struct bytes subject;   /* path, PCR, file name, ... */
	const char *message;    /* one sentence */
	const char *file;       /* of the bundle: where it is; "": nowhere. Not escaped */
	uint64_t index;         /* of the record, from 0; REPORT_NOWHERE: no record */
	uint64_t offset;        /* bytes from the start of the file; REPORT_NOWHERE: no offset */
	const char *found;      /* what was there: "sha256:..."; "" if that says nothing */
	struct reference *expected; /* what should have been there; n_expected of them */
	size_t n_expected;
	struct reference *elsewhere; /* where these bytes do belong */
	size_t n_elsewhere;
	size_t n_more; /* places beyond REFERENCES_MAX */
};

#define REPORT_NOWHERE UINT64_MAX

/* More findings of one code than this are counted, not kept: nobody reads them, and the evidence is
 * hostile. */
#define FINDINGS_MAX 10000

/* More buffers than this are counted, not kept, and of each no more bytes. */
#define REPORT_BUFFERS_MAX     1000
#define REPORT_BUFFER_SIZE_MAX 4096

/* A buffer that the kernel measured: not a file, and nothing that a package has. */
struct report_buffer {
	struct bytes name;   /* as logged */
	const char *kind;    /* "key", "command-line", ... */
	struct bytes text;   /* what it says; empty: nobody knows. Not escaped, nor are fields */
	struct bytes fields; /* empty, or what ima_buffer_field_next takes apart */
	uint64_t index;      /* of the entry */
	size_t size;         /* bytes of it, all of them */
	bool holds;          /* the entry's digest is the hash of it */
};

/* How an exclusion of the policy was used. */
struct exclusion {
	const char *pattern; /* borrowed from the policy */
	unsigned line;
	uint64_t n_silenced; /* entries whose look-up it silenced */
};

/* What was judged, for the reader to see how much the verdict rests on. */
struct coverage {
	alg_set quoted_banks; /* of quotes whose signature holds */
	pcr_set quoted_pcrs;  /* in any of them */
	pcr_set matched_pcrs; /* reproduced from the logs in every quoted bank */
	bool has_boot_log, has_ima_log, has_golden;
	uint64_t n_events;
	uint64_t n_events_appended;    /* trailing records that some systems add */
	uint64_t n_entries;            /* of the IMA log */
	uint64_t n_attested;           /* the first so many are covered by a quote */
	uint64_t n_userspace;          /* extends of user space's log */
	uint64_t n_userspace_attested; /* the first so many are covered by a quote */
	uint64_t n_files;              /* entries that name a file, looked up or not */
	uint64_t n_known;              /* looked up: these bytes belong to this path */
	uint64_t n_violations;
	uint64_t n_buffers;
};

struct report {
	struct arena arena;
	const char *name;            /* of the bundle; not escaped */
	const struct policy *policy; /* borrowed */
	bool is_unreadable;          /* exit status 3 */
	enum verdict verdict;        /* set by report_finish */
	struct check *checks;        /* in the order they were made */
	size_t n_checks, checks_capacity;
	struct finding *findings; /* report_finish: the worst first */
	size_t n_findings, findings_capacity;
	uint64_t n_by_code[FINDING_COUNT]; /* kept or not */
	uint64_t n_by_severity[SEVERITY_COUNT];
	bool has_incomplete_finding;
	struct report_buffer *buffers; /* in the order of the log */
	size_t n_buffers, buffers_capacity;
	struct exclusion *exclusions; /* one for each of the policy */
	size_t n_exclusions;
	struct bytes *unused; /* files of the bundle that nothing was made of */
	size_t n_unused;
	struct coverage coverage;
	/* A series of several boots is judged boot by boot: what is said of a key each time is kept once. */
	bool is_series;
	const struct machine_state
		*machine; /* to be kept for the next audit; in arena; NULL: nothing */
};

/* policy is borrowed. */
int report_new(const char *name, const struct policy *policy, struct report **out,
	       struct error *err);
void report_free(struct report *report);
void report_freep(struct report **report);

/* Adds a check. Out of memory is remembered by the arena. */
void report_check(struct report *report, const char *name, enum check_result result,
		  struct bytes subject, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* A check that could not be made, and without which no bundle passes. */
void report_missing(struct report *report, const char *name, struct bytes subject,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

enum finding_weight {
	FINDING_AS_LISTED, /* the severity of its code */
	FINDING_MILDER,    /* the milder of the two that its code has */
	FINDING_UNATTESTED, /* at most medium, and incomplete: nothing vouches for what it is about */
};

/*
 * Adds a finding. subject is copied. The result is valid until the next one is added, and never
 * NULL: what is not kept goes into a scrap, so that callers fill in what they know.
 */
struct finding *report_finding(struct report *report, enum finding_code code,
			       enum finding_weight weight, struct bytes subject, const char *format,
			       ...) __attribute__((format(printf, 5, 6)));

/* Adds a buffer of the IMA log, whose strings are copied; beyond REPORT_BUFFERS_MAX it is passed over. */
void report_buffer(struct report *report, const struct report_buffer *buffer);

/* Whether another finding of this code would be kept: else finding out details is lost labour. */
bool report_keeps(const struct report *report, enum finding_code code);

/* Where it is. file is borrowed until the report is freed: a path of the bundle is copied. */
void finding_at(struct report *report, struct finding *finding, const char *file, uint64_t index,
		uint64_t offset);

/* What is said of a log's records from index on: nothing that a TPM signed covers them. */
void report_weaken(struct report *report, const char *file, uint64_t index);

/* "sha256:<hex>" in the arena. */
const char *report_digest(struct report *report, const struct digest *digest);

/* Escaped bytes, in the arena, for use in a message. */
const char *report_text(struct report *report, struct bytes text);

/* "0-5, 7" in the arena; "none". */
const char *report_pcrs(struct report *report, pcr_set pcrs);

/* "sha1, sha256" in the arena; "none". */
const char *report_algs(struct report *report, alg_set algs);

/* Sorts, and gives the verdict. -1 when memory ran out on the way. */
int report_finish(struct report *report, struct error *err);

#endif
