/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON of design.md, and what was added to it; assay-audit(1) documents all of it. */
#include "audit/render.h"

#include "core/json.h"
#include "replay/ima/buffer.h"
#include "core/text.h"

/* A bundle stands at this depth of the document: in the array of the object. */
#define BUNDLE_DEPTH 2

static struct json json_at_bundles(struct buf *out)
{
	struct json json = json_to_buf(out);

	json.depth = BUNDLE_DEPTH;
	json.in_array[BUNDLE_DEPTH - 1] = true;
	return json;
}

static void write_check(struct json *json, const struct check *check)
{
	json_object_begin_compact(json, NULL);
	json_string(json, "check", check->name);
	json_string(json, "result", check_result_name(check->result));
	if (check->result == CHECK_SKIP)
		json_bool(json, "required", check->is_required);
	if (check->subject.size)
		json_bytes(json, "subject", check->subject);
	json_string(json, "detail", check->detail);
	json_object_end(json);
}

static void write_reference(struct json *json, const char *key, const struct reference *reference,
			    const char *digest_key)
{
	json_object_begin_compact(json, key);
	if (*reference->release)
		json_string(json, "release", reference->release);
	if (*reference->artifact)
		json_string(json, "artifact", reference->artifact);
	if (reference->path.size)
		json_bytes(json, "path", reference->path);
	if (*reference->digest)
		json_string(json, digest_key, reference->digest);
	json_object_end(json);
}

static void write_source(struct json *json, const struct finding *finding)
{
	if (!*finding->file && finding->offset == REPORT_NOWHERE)
		return;
	json_object_begin_compact(json, "source");
	if (*finding->file)
		json_string(json, "file", finding->file);
	if (finding->index != REPORT_NOWHERE)
		json_uint(json, "index", finding->index);
	if (finding->offset != REPORT_NOWHERE)
		json_uint(json, "offset", finding->offset);
	json_object_end(json);
}

static void write_finding(struct json *json, const struct finding *finding)
{
	json_object_begin(json, NULL);
	json_string(json, "code", finding_kind(finding->code)->code);
	json_string(json, "severity", severity_name(finding->severity));
	json_bytes(json, "subject", finding->subject);
	json_string(json, "message", finding->message);
	if (finding->is_incomplete)
		json_bool(json, "incomplete", true);
	if (!finding->is_attested)
		json_bool(json, "attested", false);
	write_source(json, finding);
	if (*finding->found)
		json_string(json, "found", finding->found);
	if (finding->n_expected)
		write_reference(json, "reference", &finding->expected[0], "expected");
	if (finding->n_expected > 1) {
		json_array_begin(json, "references");
		for (size_t i = 0; i < finding->n_expected; i++)
			write_reference(json, NULL, &finding->expected[i], "expected");
		json_array_end(json);
	}
	if (finding->n_elsewhere) {
		json_array_begin(json, "elsewhere");
		for (size_t i = 0; i < finding->n_elsewhere; i++)
			write_reference(json, NULL, &finding->elsewhere[i], "digest");
		json_array_end(json);
	}
	if (finding->n_more)
		json_uint(json, "places_not_listed", finding->n_more);
	json_object_end(json);
}

static void write_pcrs(struct json *json, const char *key, pcr_set pcrs)
{
	json_array_begin_compact(json, key);
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++)
		if (pcrs >> pcr & 1)
			json_uint(json, NULL, pcr);
	json_array_end(json);
}

static void write_coverage(struct json *json, const struct coverage *coverage)
{
	json_object_begin(json, "coverage");
	json_array_begin_compact(json, "quoted_banks");
	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		if (coverage->quoted_banks >> alg & 1)
			json_string(json, NULL, alg_name((enum alg)alg));
	json_array_end(json);
	write_pcrs(json, "quoted_pcrs", coverage->quoted_pcrs);
	write_pcrs(json, "matched_pcrs", coverage->matched_pcrs);
	if (coverage->has_boot_log) {
		json_uint(json, "boot_events", coverage->n_events);
		json_uint(json, "boot_events_appended", coverage->n_events_appended);
	}
	if (coverage->has_ima_log) {
		json_uint(json, "ima_entries", coverage->n_entries);
		json_uint(json, "ima_entries_attested", coverage->n_attested);
		json_uint(json, "ima_files", coverage->n_files);
		json_uint(json, "ima_files_known", coverage->n_known);
		json_uint(json, "ima_violations", coverage->n_violations);
		json_uint(json, "ima_buffers", coverage->n_buffers);
	}
	json_object_end(json);
}

/* Findings beyond FINDINGS_MAX, by code. */
static void write_not_listed(struct json *json, const struct report *report)
{
	bool any = false;

	for (size_t code = 0; code < FINDING_COUNT; code++)
		any |= report->n_by_code[code] > FINDINGS_MAX;
	if (!any)
		return;
	json_object_begin(json, "findings_not_listed");
	for (size_t code = 0; code < FINDING_COUNT; code++)
		if (report->n_by_code[code] > FINDINGS_MAX)
			json_uint(json, finding_kind((enum finding_code)code)->code,
				  report->n_by_code[code] - FINDINGS_MAX);
	json_object_end(json);
}

/* Groups of key and value: a key may come twice. */
static void write_fields(struct json *json, struct bytes buffer)
{
	struct bytes rest = buffer;
	struct ima_buffer_field field;
	bool open = false;

	json_array_begin(json, "fields");
	while (ima_buffer_field_next(buffer, &rest, &field)) {
		if (field.begins_group && open)
			json_array_end(json);
		if (field.begins_group)
			json_array_begin_compact(json, NULL);
		open = true;
		json_array_begin_compact(json, NULL);
		json_bytes(json, NULL, field.key);
		json_bytes(json, NULL, field.value);
		json_array_end(json);
	}
	if (open)
		json_array_end(json);
	json_array_end(json);
}

/* What the kernel measured that is no file. */
static void write_buffers(struct json *json, const struct report *report)
{
	json_array_begin(json, "buffers");
	for (size_t i = 0; i < report->n_buffers; i++) {
		const struct report_buffer *buffer = &report->buffers[i];

		json_object_begin(json, NULL);
		json_bytes(json, "name", buffer->name);
		json_uint(json, "index", buffer->index);
		json_string(json, "kind", buffer->kind);
		json_uint(json, "size", buffer->size);
		if (buffer->text.size)
			json_bytes(json, "text", buffer->text);
		if (buffer->fields.size)
			write_fields(json, buffer->fields);
		json_bool(json, "attested",
			  buffer->holds && buffer->index < report->coverage.n_attested);
		json_object_end(json);
	}
	json_array_end(json);
}

void render_bundle_json(const struct report *report, const struct render_options *options,
			struct buf *out)
{
	struct json json = json_at_bundles(out);

	(void)options;
	json_object_begin(&json, NULL);
	json_string(&json, "name", report->name);
	json_string(&json, "verdict", verdict_name(report->verdict));
	json_array_begin(&json, "checks");
	for (size_t i = 0; i < report->n_checks; i++)
		write_check(&json, &report->checks[i]);
	json_array_end(&json);
	json_array_begin(&json, "findings");
	for (size_t i = 0; i < report->n_findings; i++)
		write_finding(&json, &report->findings[i]);
	json_array_end(&json);
	write_not_listed(&json, report);
	write_coverage(&json, &report->coverage);
	if (report->n_buffers)
		write_buffers(&json, report);
	if (report->n_exclusions) {
		json_array_begin(&json, "exclusions");
		for (size_t i = 0; i < report->n_exclusions; i++) {
			json_object_begin_compact(&json, NULL);
			json_string(&json, "pattern", report->exclusions[i].pattern);
			json_uint(&json, "silenced", report->exclusions[i].n_silenced);
			json_object_end(&json);
		}
		json_array_end(&json);
	}
	json_array_begin_compact(&json, "unused_files");
	for (size_t i = 0; i < report->n_unused; i++)
		json_bytes(&json, NULL, report->unused[i]);
	json_array_end(&json);
	json_object_end(&json);
}

void render_json_next(struct buf *part, const struct buf *bundle)
{
	if (part->size)
		buf_append_string(part, ",");
	buf_append(part, buf_bytes(bundle));
}

void render_run_json(const struct run *run, const struct buf *part, struct buf *out)
{
	struct json json = json_to_buf(out);

	json_object_begin(&json, NULL);
	json_string(&json, "verdict", verdict_name(run->verdict));
	if (run->db_error) {
		const struct finding_kind *kind = finding_kind(FINDING_DB_INVALID);

		json_array_begin(&json, "findings");
		json_object_begin(&json, NULL);
		json_string(&json, "code", kind->code);
		json_string(&json, "severity", severity_name(kind->severity));
		json_string(&json, "subject", run->db_path);
		json_string(&json, "message", run->db_error->message);
		if (run->db_error->offset != ERROR_NO_OFFSET) {
			json_object_begin_compact(&json, "source");
			json_string(&json, "file", run->db_path);
			json_uint(&json, "offset", run->db_error->offset);
			json_object_end(&json);
		}
		json_object_end(&json);
		json_array_end(&json);
	}
	json_object_begin_compact(&json, "counts");
	json_uint(&json, "pass", run->n_by_verdict[VERDICT_PASS]);
	json_uint(&json, "fail", run->n_by_verdict[VERDICT_FAIL]);
	json_uint(&json, "incomplete", run->n_by_verdict[VERDICT_INCOMPLETE]);
	json_uint(&json, "unreadable", run->n_unreadable);
	json_object_end(&json);
	if (run->db_path && !run->db_error) {
		json_object_begin_compact(&json, "database");
		json_string(&json, "path", run->db_path);
		json_uint(&json, "files", run->n_files);
		json_bool(&json, "signed", false);
		json_object_end(&json);
	}
	json_array_begin(&json, "enforced");
	for (size_t i = 0; i < run->n_enforced; i++) {
		json_object_begin_compact(&json, NULL);
		json_string(&json, "what", run->enforced[i].what);
		json_string(&json, "by", run->enforced[i].by);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_array_begin(&json, "bundles");
	buf_append(out, buf_bytes(part));
	json.any[json.depth - 1] = part->size > 0;
	json_array_end(&json);
	json_object_end(&json);
	buf_append_string(out, "\n");
}
