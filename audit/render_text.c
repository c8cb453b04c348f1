/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for a tired person: the verdict, what is wrong and what it should have
 * been, what could not be checked, what was enforced.
 */
#include "audit/render.h"

#include <inttypes.h>

#include "core/own.h"
#include "core/text.h"

/* Findings of one code that are shown: the one critical must not drown in a thousand unknown files. */
static const size_t shown_of_severity[SEVERITY_COUNT] = {
	[SEVERITY_INFO] = 3,  [SEVERITY_LOW] = 3,       [SEVERITY_MEDIUM] = 5,
	[SEVERITY_HIGH] = 10, [SEVERITY_CRITICAL] = 20,
};

/* Files nobody read that are shown. */
#define UNUSED_SHOWN 5

/* Where text is broken; what comes from evidence is never broken. */
#define WIDTH 100

static void put(struct buf *out, const char *text)
{
	buf_append_string(out, text);
}

static void put_evidence(struct buf *out, struct bytes text)
{
	text_append(out, text);
}

/* 12345678 as "12,345,678". */
static void put_count(struct buf *out, uint64_t n)
{
	char digits[24];
	int size = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < size; i++) {
		if (i > 0 && (size - i) % 3 == 0)
			buf_append_u8(out, ',');
		buf_append_u8(out, (uint8_t)digits[i]);
	}
}

/* Words of ours, broken at WIDTH; further lines begin with as many blanks as indent says. */
static void put_wrapped(struct buf *out, size_t indent, size_t column, const char *text)
{
	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > indent && column + word + 1 > WIDTH) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			put(out, " ");
			column++;
		}
		buf_append(out, bytes_of(text, word));
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	put(out, "\n");
}

static void put_line(struct buf *out, size_t indent, const char *text)
{
	buf_printf(out, "%*s", (int)indent, "");
	put_wrapped(out, indent, indent, text);
}

static const char *verdict_word(enum verdict verdict)
{
	static const char *const words[] = { "PASS", "INCOMPLETE", "FAIL" };

	return words[verdict];
}

/* --- findings ---------------------------------------------------------------------------------- */

/* Where a golden value is from, then the value; a path only where it is not the finding's. */
static void put_place(struct buf *out, const char *label, const struct finding *finding,
		      const struct reference *place)
{
	bool any = false;

	buf_printf(out, "        %-9s", label);
	if (place->path.size && !bytes_equal(place->path, finding->subject)) {
		put(out, " ");
		put_evidence(out, place->path);
		any = true;
	}
	if (*place->artifact) {
		put(out, any ? " of " : " ");
		put_evidence(out, bytes_of_string(place->artifact));
		any = true;
	}
	if (*place->release) {
		put(out, ", release ");
		put_evidence(out, bytes_of_string(place->release));
	}
	if (*place->digest)
		buf_printf(out, "%s%s", any ? "\n                  " : " ", place->digest);
	put(out, "\n");
}

/* "at FILE, record 41, offset 0x1400". */
static void put_source(struct buf *out, const struct finding *finding)
{
	if (!*finding->file && finding->offset == REPORT_NOWHERE)
		return;
	put(out, "        at        ");
	put_evidence(out, bytes_of_string(finding->file));
	if (finding->index != REPORT_NOWHERE)
		buf_printf(out, "%srecord %" PRIu64, *finding->file ? ", " : "", finding->index);
	if (finding->offset != REPORT_NOWHERE)
		buf_printf(out, "%soffset 0x%" PRIx64, *finding->file ? ", " : "", finding->offset);
	put(out, "\n");
}

/* The same in one line, for one of many. */
static void put_short_source(struct buf *out, const struct finding *finding)
{
	buf_printf(out, "        %s", finding->found);
	if (finding->index != REPORT_NOWHERE)
		buf_printf(out, "%srecord %" PRIu64, *finding->found ? ", " : "", finding->index);
	put(out, "\n");
}

/* One finding; its message only where it is not that of the one before. */
static void put_finding(struct buf *out, const struct finding *finding,
			const struct finding *before, bool verbose)
{
	size_t n_places = verbose ? REFERENCES_MAX : 3;
	size_t n_hidden = finding->n_more;
	bool again = before && strcmp(before->message, finding->message) == 0;

	put(out, "      ");
	put_evidence(out, finding->subject);
	if (!finding->is_attested)
		put(out, "   (unattested)");
	put(out, "\n");
	if (!again)
		put_line(out, 8, finding->message);
	if (again && !verbose && !finding->n_expected && !finding->n_elsewhere) {
		if (*finding->found || finding->index != REPORT_NOWHERE)
			put_short_source(out, finding);
		return;
	}
	if (*finding->found)
		buf_printf(out, "        found     %s\n", finding->found);
	for (size_t i = 0; i < finding->n_expected; i++)
		if (i < n_places)
			put_place(out, i ? "or" : "expected", finding, &finding->expected[i]);
		else
			n_hidden++;
	for (size_t i = 0; i < finding->n_elsewhere; i++)
		if (i < n_places)
			put_place(out, i ? "and" : "known as", finding, &finding->elsewhere[i]);
		else
			n_hidden++;
	if (n_hidden)
		buf_printf(out, "        ... and %zu more places\n", n_hidden);
	put_source(out, finding);
}

static bool is_wrong(const struct finding *finding)
{
	return finding->severity >= SEVERITY_HIGH;
}

static bool is_gap(const struct finding *finding)
{
	return !is_wrong(finding) && finding->is_incomplete;
}

static bool is_note(const struct finding *finding)
{
	return !is_wrong(finding) && !finding->is_incomplete;
}

/* The findings of a kind, grouped by severity and code, under a heading. Findings are sorted. */
static bool put_group(struct buf *out, const struct report *report, const char *heading,
		      bool (*wanted)(const struct finding *), const struct render_options *options)
{
	bool any = false;

	for (size_t i = 0; i < report->n_findings;) {
		const struct finding *first = &report->findings[i], *before = NULL;
		const struct finding_kind *kind = finding_kind(first->code);
		size_t n = 0, n_wanted = 0, n_shown = 0;

		for (; i + n < report->n_findings && report->findings[i + n].code == first->code &&
		       report->findings[i + n].severity == first->severity;
		     n++)
			n_wanted += wanted(&report->findings[i + n]);
		if (n_wanted) {
			uint64_t n_lost = report->n_by_code[first->code] > FINDINGS_MAX
						  ? report->n_by_code[first->code] - FINDINGS_MAX
						  : 0;

			if (!any)
				buf_printf(out, "\n  %s\n", heading);
			any = true;
			buf_printf(out, "    %-8s  %s: %s", severity_name(first->severity),
				   kind->code, kind->title);
			if (n_wanted + n_lost > 1) {
				put(out, " (");
				put_count(out, n_wanted + n_lost);
				put(out, ")");
			}
			if (first->policy_line)
				buf_printf(out, "  [severity by line %u of the policy]",
					   first->policy_line);
			put(out, "\n");
			for (size_t j = 0; j < n; j++) {
				const struct finding *finding = &report->findings[i + j];

				if (!wanted(finding))
					continue;
				if (!options->verbose &&
				    n_shown >= shown_of_severity[first->severity])
					break;
				put_finding(out, finding, before, options->verbose);
				before = finding;
				n_shown++;
			}
			if (n_wanted + n_lost > n_shown) {
				put(out, "      ... and ");
				put_count(out, n_wanted + n_lost - n_shown);
				put(out, options->verbose ? " more\n" : " more (-v shows them)\n");
			}
		}
		i += n;
	}
	return any;
}

/* --- checks ------------------------------------------------------------------------------------ */

static bool same_check(const struct check *a, const struct check *b)
{
	return a->result == b->result && a->is_required == b->is_required &&
	       a->has_finding == b->has_finding && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->detail, b->detail) == 0;
}

/* One line for all checks that say the same of different files; nothing if one before did. */
static void put_check(struct buf *out, const char *mark, const struct report *report, size_t at)
{
	const struct check *check = &report->checks[at];
	size_t indent = 24 + strlen(mark), start = out->size;
	bool any = false;

	for (size_t i = 0; i < at; i++)
		if (same_check(&report->checks[i], check))
			return;
	buf_printf(out, "    %s%-18s  ", mark, check->name);
	for (size_t i = at; i < report->n_checks; i++) {
		const struct check *same = &report->checks[i];

		if (!same_check(same, check) || !same->subject.size)
			continue;
		put(out, any ? ", " : "");
		put_evidence(out, same->subject);
		any = true;
	}
	if (any)
		put(out, ":");
	put_wrapped(out, indent, any ? out->size - start : indent, check->detail);
}

static void put_checks(struct buf *out, const struct report *report)
{
	bool any = false;

	for (size_t i = 0; i < report->n_checks; i++) {
		const struct check *check = &report->checks[i];

		if (check->result == CHECK_SKIP)
			continue;
		if (!any)
			put(out, "\n  What was checked\n");
		any = true;
		put_check(out, check->result == CHECK_PASS ? "ok    " : "WRONG ", report, i);
	}
}

static void put_unused(struct buf *out, const struct report *report,
		       const struct render_options *options)
{
	if (report->n_unused == 0)
		return;
	buf_printf(out, "            %-18s  %zu file%s that nothing was made of:", "bundle.unused",
		   report->n_unused, report->n_unused == 1 ? "" : "s");
	for (size_t i = 0; i < report->n_unused; i++) {
		if (i == UNUSED_SHOWN && !options->verbose) {
			put(out, " ...");
			break;
		}
		put(out, i ? ", " : " ");
		put_evidence(out, report->unused[i]);
	}
	put(out, "\n");
}

static void put_gaps(struct buf *out, const struct report *report,
		     const struct render_options *options)
{
	const char *heading = "What was not checked";
	bool any = put_group(out, report, heading, is_gap, options);

	for (int required = 1; required >= 0; required--)
		for (size_t i = 0; i < report->n_checks; i++) {
			const struct check *check = &report->checks[i];

			if (check->result != CHECK_SKIP || check->is_required != required ||
			    check->has_finding)
				continue;
			if (!any)
				buf_printf(out, "\n  %s\n", heading);
			any = true;
			put_check(out, required ? "needed  " : "        ", report, i);
		}
	if (report->n_unused && !any)
		buf_printf(out, "\n  %s\n", heading);
	put_unused(out, report, options);
}

/* Buffers are told whatever the verdict: nothing but a reader can judge them. */
#define BUFFERS_SHOWN 12

static void put_buffers(struct buf *out, const struct report *report,
			const struct render_options *options)
{
	for (size_t i = 0; i < report->n_buffers; i++) {
		const struct report_buffer *buffer = &report->buffers[i];

		if (i == 0)
			put(out, "\n  What the kernel measured besides files\n");
		if (i == BUFFERS_SHOWN && !options->verbose) {
			put(out, "    and ");
			put_count(out, report->coverage.n_buffers - i);
			put(out, " more\n");
			return;
		}
		put(out, "    ");
		put_evidence(out, buffer->name);
		buf_printf(out, "  entry %" PRIu64 ", %s%s%s\n", buffer->index, buffer->kind,
			   buffer->index < report->coverage.n_attested ? "" : ", not attested",
			   buffer->holds ? "" : ", of another digest");
		if (buffer->text.size) {
			AUTO(buf_clear) struct buf text = BUF_INIT;

			text_append(&text, buffer->text);
			if (buf_finish(&text, NULL) == 0)
				put_line(out, 6, (const char *)text.data);
		}
	}
}

static void put_exclusions(struct buf *out, const struct report *report)
{
	for (size_t i = 0; i < report->n_exclusions; i++) {
		const struct exclusion *exclusion = &report->exclusions[i];

		if (i == 0)
			put(out, "\n  What the policy excluded\n");
		put(out, "    ");
		put_count(out, exclusion->n_silenced);
		buf_printf(out,
			   " entr%s not looked up: ", exclusion->n_silenced == 1 ? "y" : "ies");
		put_evidence(out, bytes_of_string(exclusion->pattern));
		buf_printf(out, "  [line %u]\n", exclusion->line);
	}
}

/* --- bundles ----------------------------------------------------------------------------------- */

static void put_severities(struct buf *out, const struct report *report)
{
	bool any = false;

	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_HIGH; severity--) {
		if (!report->n_by_severity[severity])
			continue;
		put(out, any ? ", " : "");
		any = true;
		put_count(out, report->n_by_severity[severity]);
		buf_printf(out, " %s", severity_name((enum severity)severity));
	}
}

/* What the verdict rests on, in one line. */
static void put_basis(struct buf *out, const struct report *report)
{
	const struct coverage *coverage = &report->coverage;

	if (!coverage->has_boot_log && !coverage->has_ima_log)
		return;
	put(out, "  ");
	if (coverage->has_boot_log) {
		put_count(out, coverage->n_events);
		put(out, " boot events");
	}
	if (coverage->has_ima_log) {
		put(out, coverage->has_boot_log ? ", " : "");
		put_count(out, coverage->n_entries);
		put(out, " IMA entries, ");
		put_count(out, coverage->n_attested);
		put(out, " of them attested, ");
		if (coverage->has_golden) {
			put_count(out, coverage->n_known);
			put(out, " of ");
		}
		put_count(out, coverage->n_files);
		put(out, coverage->has_golden ? " files known" : " files");
	}
	put(out, "\n");
}

static void put_reason(struct buf *out, const struct report *report)
{
	switch (report->verdict) {
	case VERDICT_PASS:
		break;
	case VERDICT_FAIL:
		put(out, "  ");
		put_severities(out, report);
		put(out, "\n");
		break;
	case VERDICT_INCOMPLETE:
		put(out,
		    "  nothing is wrong, but not everything that is needed could be checked\n");
		break;
	}
}

void render_bundle_text(const struct report *report, const struct render_options *options,
			struct buf *out)
{
	bool brief = report->verdict == VERDICT_PASS && !options->single && !options->verbose;

	buf_printf(out, "%-10s  ", verdict_word(report->verdict));
	put_evidence(out, bytes_of_string(report->name));
	put(out, "\n");
	put_reason(out, report);
	if (brief)
		return;
	put_basis(out, report);
	put_group(out, report, "What is wrong", is_wrong, options);
	put_gaps(out, report, options);
	put_group(out, report, "Also noted", is_note, options);
	if (options->single || options->verbose) {
		put_exclusions(out, report);
		put_buffers(out, report, options);
		put_checks(out, report);
	}
	put(out, "\n");
}

/* --- the run ----------------------------------------------------------------------------------- */

static void put_summary(struct buf *out, const struct run *run)
{
	static const enum verdict order[] = { VERDICT_FAIL, VERDICT_INCOMPLETE, VERDICT_PASS };
	static const char *const words[] = { "failed", "incomplete", "passed" };
	uint64_t n = 0;
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		n += run->n_by_verdict[order[i]];
	buf_printf(out, "%-10s  ", verdict_word(run->verdict));
	put_count(out, n);
	put(out, " bundles: ");
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (!run->n_by_verdict[order[i]])
			continue;
		put(out, any ? ", " : "");
		any = true;
		put_count(out, run->n_by_verdict[order[i]]);
		buf_printf(out, " %s", words[i]);
	}
	if (run->n_unreadable) {
		put(out, " (");
		put_count(out, run->n_unreadable);
		put(out, " of them unreadable)");
	}
	put(out, "\n\n");
}

void render_run_text(const struct run *run, const struct render_options *options,
		     const struct buf parts[3], struct buf *out)
{
	if (run->db_error) {
		const struct finding_kind *kind = finding_kind(FINDING_DB_INVALID);

		buf_printf(out, "%-10s  nothing was judged\n\n  What is wrong\n    %-8s  %s: %s\n",
			   verdict_word(run->verdict), severity_name(kind->severity), kind->code,
			   kind->title);
		put(out, "      ");
		put_evidence(out, bytes_of_string(run->db_path));
		put(out, "\n");
		put_line(out, 8, run->db_error->message);
		put(out, "\n");
	} else if (!options->single) {
		put_summary(out, run);
	}
	for (size_t i = 0; i < 3; i++)
		buf_append(out, buf_bytes(&parts[i]));
	if (!options->single && parts[2].size)
		put(out, "\n");
	put(out, "What was enforced\n");
	for (size_t i = 0; i < run->n_enforced; i++) {
		put(out, "  ");
		put_evidence(out, bytes_of_string(run->enforced[i].what));
		put(out, "  [");
		put_evidence(out, bytes_of_string(run->enforced[i].by));
		put(out, "]\n");
	}
}
