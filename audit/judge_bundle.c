/* SPDX-License-Identifier: BSD-2-Clause */
/* verdicts.md, "Bundle": what is odd about the container, and what in it nobody read. */
#include "audit/judge.h"

#include "core/own.h"

static enum finding_code code_of(enum bundle_problem_kind kind)
{
	switch (kind) {
	case BUNDLE_MEMBER:
		return FINDING_BUNDLE_MEMBER;
	case BUNDLE_PATH:
		return FINDING_BUNDLE_PATH;
	case BUNDLE_DUPLICATE:
		return FINDING_BUNDLE_DUPLICATE;
	case BUNDLE_MAPPING:
		return FINDING_BUNDLE_MAPPING;
	case BUNDLE_MISSING:
	case BUNDLE_UNREAD:
		return FINDING_BUNDLE_MISSING;
	case BUNDLE_LIMIT:
		return FINDING_BUNDLE_LIMIT;
	case BUNDLE_FORM:
		return FINDING_BUNDLE_FORM;
	case BUNDLE_AMBIGUOUS:
		return FINDING_BUNDLE_AMBIGUOUS;
	case BUNDLE_NOTE:
		break; /* no finding */
	}
	return FINDING_BUNDLE_MEMBER;
}

/* Which files in the form of an agent the evidence is from: "reply.json (Keylime quote reply)". */
static void list_forms(const struct bundle *bundle, struct report *report, struct buf *out)
{
	struct bytes last = bytes_of("", 0);
	size_t n = 0;

	for (size_t i = 0; i < bundle->n_files && n <= 4; i++) {
		struct bytes path = file_subject(&bundle->files[i]);
		const uint8_t *end;

		if (!bundle->files[i].form)
			continue;
		end = memchr(path.data, '#', path.size);
		if (end)
			path.size = (size_t)(end - path.data);
		if (n > 0 && bytes_equal(path, last))
			continue;
		last = path;
		if (n++ == 4)
			buf_append_string(out, " and more");
		else
			buf_printf(out, "%s%s (%s)", n == 1 ? ", from " : ", ",
				   report_text(report, path), bundle->files[i].form);
	}
}

int judge_container(struct judge *judge, struct error *err)
{
	struct report *report = judge->report;
	const struct bundle *bundle = judge->bundle;
	AUTO(buf_clear) struct buf forms = BUF_INIT;
	size_t n_faults = 0;

	list_forms(bundle, report, &forms);
	if (buf_finish(&forms, err) < 0)
		return -1;
	for (size_t i = 0; i < bundle->n_problems; i++) {
		const struct bundle_problem *problem = &bundle->problems[i];
		enum finding_code code = code_of(problem->kind);

		if (problem->kind == BUNDLE_NOTE) {
			report_check(report, "bundle.form", CHECK_SKIP, problem->path, "%s",
				     problem->message);
			continue;
		}
		n_faults++;
		if (report_keeps(report, code))
			report_finding(report, code, FINDING_AS_LISTED, problem->path, "%s",
				       problem->message);
	}
	if (n_faults == 0)
		report_check(report, "bundle.members", CHECK_PASS, bytes_of("", 0),
			     "%zu files of evidence%s", bundle->n_files, (char *)forms.data);
	else
		report_check(report, "bundle.members", CHECK_FAIL, bytes_of("", 0),
			     "%zu members are not as they should be", n_faults);
	report->unused = arena_take(&report->arena, (bundle->n_unused + 1) * sizeof(struct bytes));
	for (size_t i = 0; report->unused && i < bundle->n_unused; i++)
		report->unused[report->n_unused++] = arena_copy(&report->arena, bundle->unused[i]);
	return 0;
}

/* --- claims ----------------------------------------------------------------------------------- */

/* Command lines of the boot log, one after the other. */
struct cmdlines {
	struct buf text;
	size_t starts[16];
	size_t n;
};

static int collect_cmdlines(struct judge *judge, struct cmdlines *out, struct error *err)
{
	struct record record;
	struct event event;

	eventlog_rewind(&judge->boot);
	while (out->n < ARRAY_SIZE(out->starts) && eventlog_next(&judge->boot, &record, NULL) > 0) {
		size_t before = out->text.size;

		event_decode(&record, &event);
		if (event_kernel_cmdline(&event, &out->text) && out->text.size > before)
			out->starts[out->n++] = before;
		else
			out->text.size = before;
	}
	return out->text.failed ? error_memory(err, judge->bundle->name) : 0;
}

static struct bytes trim(struct bytes text)
{
	while (text.size && (text.data[text.size - 1] <= ' '))
		text.size--;
	while (text.size && *text.data <= ' ')
		text = bytes_of(text.data + 1, text.size - 1);
	return text;
}

/* GRUB logs the file first; the kernel shows it as BOOT_IMAGE=. */
static struct bytes without_boot_image(struct bytes text)
{
	struct bytes prefix = bytes_of_string("BOOT_IMAGE=");

	return bytes_start_with(text, prefix)
		       ? bytes_of(text.data + prefix.size, text.size - prefix.size)
		       : text;
}

/* The claim is one of the logged lines, or several of them joined by blanks (addons of a UKI). */
static bool is_logged(const struct cmdlines *lines, struct bytes claim)
{
	while (claim.size) {
		struct bytes best = { 0 };

		for (size_t i = 0; i < lines->n; i++) {
			size_t end = i + 1 < lines->n ? lines->starts[i + 1] : lines->text.size;
			struct bytes line = without_boot_image(
				trim(bytes_of(lines->text.data + lines->starts[i],
					      end - lines->starts[i])));

			if (line.size > best.size && bytes_start_with(claim, line) &&
			    (line.size == claim.size || claim.data[line.size] == ' '))
				best = line;
		}
		if (best.size == 0)
			return false;
		claim = trim(bytes_of(claim.data + best.size, claim.size - best.size));
	}
	return true;
}

static int judge_cmdline(struct judge *judge, struct error *err)
{
	const struct bundle_file *file = bundle_find(judge->bundle, ROLE_CMDLINE, bytes_of("", 0));
	struct report *report = judge->report;
	struct cmdlines lines = { .text = BUF_INIT };
	int status = 0;

	if (!file)
		return 0;
	if (judge->has_boot)
		status = collect_cmdlines(judge, &lines, err);
	if (status == 0 && lines.n == 0) {
		report_check(report, "bundle.cmdline", CHECK_SKIP, file_subject(file),
			     "an unattested claim: the boot log has no kernel command line");
	} else if (status == 0 && is_logged(&lines, without_boot_image(trim(file->contents)))) {
		report_check(report, "bundle.cmdline", CHECK_PASS, file_subject(file),
			     "agrees with the boot log");
	} else if (status == 0) {
		report_check(report, "bundle.cmdline", CHECK_FAIL, file_subject(file),
			     "disagrees with the boot log");
		report_finding(report, FINDING_BUNDLE_CLAIM, FINDING_AS_LISTED, file_subject(file),
			       "says \"%s\", but the boot log has \"%s\"; the log's is believed",
			       report_text(report, trim(file->contents)),
			       report_text(report, bytes_of(lines.text.data,
							    lines.n > 1 ? lines.starts[1]
									: lines.text.size)));
	}
	buf_clear(&lines.text);
	return status;
}

int judge_claims(struct judge *judge, struct error *err)
{
	return judge_cmdline(judge, err);
}
