/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/report.h"

#include "audit/policy/policy.h"
#include "core/array.h"
#include "core/own.h"
#include "core/text.h"

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = { "pass", "incomplete", "fail" };

	return names[verdict];
}

const char *check_result_name(enum check_result result)
{
	static const char *const names[] = { "pass", "fail", "skip" };

	return names[result];
}

/* What report_finding hands out beyond FINDINGS_MAX, or out of memory, lies behind the report. */
struct report_body {
	struct report report; /* first: a struct report * is one of these */
	struct finding scrap;
};

int report_new(const char *name, const struct policy *policy, struct report **out,
	       struct error *err)
{
	struct report_body *body = calloc(1, sizeof(*body));
	struct report *report;

	if (!body)
		return error_memory(err, name);
	report = &body->report;
	report->policy = policy;
	report->name = (const char *)arena_copy(&report->arena, bytes_of_string(name)).data;
	report->n_exclusions = policy->excludes.n_items;
	report->exclusions =
		arena_take(&report->arena, (report->n_exclusions + 1) * sizeof(struct exclusion));
	if (report->arena.failed) {
		report_free(report);
		return error_memory(err, name);
	}
	for (size_t i = 0; i < report->n_exclusions; i++) {
		report->exclusions[i].pattern = policy->excludes.items[i].text;
		report->exclusions[i].line = policy->excludes.items[i].line;
	}
	*out = report;
	return 0;
}

void report_free(struct report *report)
{
	if (!report)
		return;
	free(report->checks);
	free(report->findings);
	free(report->buffers);
	arena_clear(&report->arena);
	free(report);
}

void report_freep(struct report **report)
{
	report_free(*report);
}

static bool make_room(struct report *report, void *items, size_t n, size_t *capacity, size_t size)
{
	if (array_room(items, n, capacity, size, NULL, NULL) == 0)
		return true;
	report->arena.failed = true;
	return false;
}

static void add_check(struct report *report, struct check check, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static void add_check(struct report *report, struct check check, const char *format, va_list args)
{
	if (!make_room(report, &report->checks, report->n_checks, &report->checks_capacity,
		       sizeof(check)))
		return;
	check.subject = arena_copy(&report->arena, check.subject);
	check.detail = arena_vprintf(&report->arena, format, args);
	for (size_t i = 0; report->is_series && i < report->n_checks; i++) {
		const struct check *other = &report->checks[i];

		if (strcmp(other->name, check.name) == 0 && other->result == check.result &&
		    other->is_required == check.is_required &&
		    bytes_equal(other->subject, check.subject) &&
		    strcmp(other->detail, check.detail) == 0)
			return;
	}
	report->checks[report->n_checks++] = check;
}

void report_check(struct report *report, const char *name, enum check_result result,
		  struct bytes subject, const char *format, ...)
{
	struct check check = { .name = name, .result = result, .subject = subject };
	va_list args;

	va_start(args, format);
	add_check(report, check, format, args);
	va_end(args);
}

void report_missing(struct report *report, const char *name, struct bytes subject,
		    const char *format, ...)
{
	struct check check = {
		.name = name, .result = CHECK_SKIP, .is_required = true, .subject = subject
	};
	va_list args;

	va_start(args, format);
	add_check(report, check, format, args);
	va_end(args);
}

bool report_keeps(const struct report *report, enum finding_code code)
{
	return report->n_by_code[code] < FINDINGS_MAX && !report->arena.failed;
}

/* The same of another boot, as of a key that both have; what is at a place in a log is another one each time. */
static struct finding *find_again(struct report *report, const struct finding *finding,
				  struct bytes subject)
{
	for (size_t i = 0; i < report->n_findings; i++) {
		struct finding *other = &report->findings[i];

		if (other->code == finding->code && other->index == REPORT_NOWHERE &&
		    other->severity == finding->severity && bytes_equal(other->subject, subject) &&
		    strcmp(other->message, finding->message) == 0)
			return other;
	}
	return NULL;
}

struct finding *report_finding(struct report *report, enum finding_code code,
			       enum finding_weight weight, struct bytes subject, const char *format,
			       ...)
{
	const struct finding_kind *kind = finding_kind(code);
	struct finding finding = { .code = code,
				   .sequence = report->n_findings,
				   .severity =
					   weight == FINDING_MILDER ? kind->milder : kind->severity,
				   .is_incomplete = kind->incomplete,
				   .is_attested = weight != FINDING_UNATTESTED,
				   .message = "",
				   .file = "",
				   .index = REPORT_NOWHERE,
				   .offset = REPORT_NOWHERE,
				   .found = "" };
	struct finding *kept = &((struct report_body *)report)->scrap;
	va_list args;

	if (report->policy->severities[code].line) {
		finding.severity = report->policy->severities[code].severity;
		finding.policy_line = report->policy->severities[code].line;
	}
	if (weight == FINDING_UNATTESTED) {
		finding.is_incomplete = true;
		if (finding.severity > SEVERITY_MEDIUM)
			finding.severity = SEVERITY_MEDIUM;
	}
	if (report->is_series) {
		va_start(args, format);
		finding.message = arena_vprintf(&report->arena, format, args);
		va_end(args);
		kept = find_again(report, &finding, subject);
		if (kept)
			return kept;
		kept = &((struct report_body *)report)->scrap;
	}
	report->n_by_severity[finding.severity]++;
	report->has_incomplete_finding |= finding.is_incomplete;
	if (report_keeps(report, code) && make_room(report, &report->findings, report->n_findings,
						    &report->findings_capacity, sizeof(finding))) {
		finding.subject = arena_copy(&report->arena, subject);
		va_start(args, format);
		finding.message = arena_vprintf(&report->arena, format, args);
		va_end(args);
		kept = &report->findings[report->n_findings++];
	}
	report->n_by_code[code]++;
	*kept = finding;
	return kept;
}

void finding_at(struct report *report, struct finding *finding, const char *file, uint64_t index,
		uint64_t offset)
{
	if (finding != &((struct report_body *)report)->scrap)
		finding->file =
			(const char *)arena_copy(&report->arena, bytes_of_string(file)).data;
	finding->index = index;
	finding->offset = offset;
}

void report_weaken(struct report *report, const char *file, uint64_t index)
{
	for (size_t i = 0; i < report->n_findings; i++) {
		struct finding *finding = &report->findings[i];

		/* What a TPM signed stays so, wherever in the log its explanation is. */
		if (finding->code == FINDING_PCR_MISMATCH || finding->index == REPORT_NOWHERE ||
		    finding->index < index || strcmp(finding->file, file) != 0)
			continue;
		report->n_by_severity[finding->severity]--;
		if (finding->severity > SEVERITY_MEDIUM)
			finding->severity = SEVERITY_MEDIUM;
		report->n_by_severity[finding->severity]++;
		finding->is_attested = false;
		finding->is_incomplete = true;
		report->has_incomplete_finding = true;
	}
}

static struct bytes first_bytes(struct report *report, struct bytes bytes)
{
	if (bytes.size > REPORT_BUFFER_SIZE_MAX)
		bytes.size = REPORT_BUFFER_SIZE_MAX;
	return bytes.size ? arena_copy(&report->arena, bytes) : bytes;
}

void report_buffer(struct report *report, const struct report_buffer *buffer)
{
	struct report_buffer kept = *buffer;

	if (report->n_buffers >= REPORT_BUFFERS_MAX ||
	    !make_room(report, &report->buffers, report->n_buffers, &report->buffers_capacity,
		       sizeof(kept)))
		return;
	kept.name = first_bytes(report, buffer->name);
	kept.text = first_bytes(report, buffer->text);
	kept.fields = first_bytes(report, buffer->fields);
	report->buffers[report->n_buffers++] = kept;
}

const char *report_digest(struct report *report, const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE];

	return arena_printf(&report->arena, "%s:%s", alg_name(digest->alg),
			    digest_hex(digest, hex));
}

const char *report_text(struct report *report, struct bytes text)
{
	AUTO(buf_clear) struct buf escaped = BUF_INIT;

	text_append(&escaped, text);
	if (escaped.failed)
		report->arena.failed = true;
	return (const char *)arena_copy(&report->arena, buf_bytes(&escaped)).data;
}

/* Names of the members of a set between commas; runs of three and more become ranges. */
static const char *set_text(struct report *report, uint32_t set, unsigned n_members,
			    const char *(*name)(unsigned member), bool ranges)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	for (unsigned i = 0; i < n_members; i++) {
		unsigned last = i;

		if (!(set >> i & 1))
			continue;
		while (ranges && last + 1 < n_members && (set >> (last + 1) & 1))
			last++;
		if (text.size)
			buf_append_string(&text, ", ");
		if (!ranges)
			buf_append_string(&text, name(i));
		else if (last > i + 1)
			buf_printf(&text, "%u-%u", i, last);
		else
			buf_printf(&text, "%u", last = i);
		i = last;
	}
	if (text.failed)
		report->arena.failed = true;
	return text.size ? (const char *)arena_copy(&report->arena, buf_bytes(&text)).data : "none";
}

const char *report_pcrs(struct report *report, pcr_set pcrs)
{
	return set_text(report, pcrs, 32, NULL, true);
}

static const char *name_of_alg(unsigned alg)
{
	return alg_name((enum alg)alg);
}

const char *report_algs(struct report *report, alg_set algs)
{
	return set_text(report, algs, ALG_COUNT, name_of_alg, false);
}

/* The worst first, then in the order of codes, then as they were made. */
static int by_severity(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int order = (x->severity < y->severity) - (x->severity > y->severity);

	if (!order)
		order = (x->code > y->code) - (x->code < y->code);
	return order ? order : (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

int report_finish(struct report *report, struct error *err)
{
	bool incomplete = report->has_incomplete_finding;

	if (report->arena.failed)
		return error_memory(err, report->name);
	if (report->n_findings > 1)
		qsort(report->findings, report->n_findings, sizeof(*report->findings), by_severity);
	for (size_t i = 0; i < report->n_checks; i++)
		incomplete |=
			report->checks[i].result == CHECK_SKIP && report->checks[i].is_required;
	if (report->n_by_severity[SEVERITY_CRITICAL] || report->n_by_severity[SEVERITY_HIGH])
		report->verdict = VERDICT_FAIL;
	else
		report->verdict = incomplete ? VERDICT_INCOMPLETE : VERDICT_PASS;
	return 0;
}
