/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * render: reports as text for people and as JSON for programs. Renderers print
 * what the report says, escaped for where it goes, and decide nothing.
 *
 * A run's document is put together from its bundles' parts, so that a thousand
 * reports need not be kept.
 */
#ifndef AUDIT_RENDER_H
#define AUDIT_RENDER_H

#include "audit/report.h"

/* One thing that was required or believed, and on whose word. */
struct enforced {
	const char *what; /* "PCRs to be quoted: 0-5, 7"; text of ours and of the operator */
	const char *by;   /* "--nonce", "policy.ini line 7", "default" */
};

/* What a run has to say beside its bundles. */
struct run {
	enum verdict verdict;
	uint64_t n_by_verdict[3];
	uint64_t n_unreadable;
	struct enforced *enforced;
	size_t n_enforced;
	const char *db_path; /* NULL: no database */
	uint64_t n_files;    /* golden files that count */
	/* db.invalid: why the database cannot be used, so that nothing was judged; NULL: it can. */
	const struct error *db_error;
};

/* What the operator asked for. */
struct render_options {
	bool verbose; /* every finding and every check */
	bool single;  /* the run has one bundle: its checks are shown, too */
};

/* A bundle's part: appended to out, which starts empty. */
typedef void render_bundle_fn(const struct report *report, const struct render_options *options,
			      struct buf *out);
void render_bundle_text(const struct report *report, const struct render_options *options,
			struct buf *out);
void render_bundle_json(const struct report *report, const struct render_options *options,
			struct buf *out);

/*
 * The whole document, parts and all. Text takes the parts of failed, incomplete and passed bundles
 * in this order; JSON takes one part of all bundles in the order of the command line, which
 * render_json_next separates.
 */
void render_run_text(const struct run *run, const struct render_options *options,
		     const struct buf parts[3], struct buf *out);
void render_run_json(const struct run *run, const struct buf *part, struct buf *out);
void render_json_next(struct buf *part, const struct buf *bundle);

#endif
