/* SPDX-License-Identifier: BSD-2-Clause */
/* Buffers of the kernel's that the policy lists: all others are none it expects. */
#include <inttypes.h>

#include "audit/judge_ima.h"
#include "core/text.h"
#include "replay/ima/buffer.h"

/* Whether a line "DIGEST NAME" or "any NAME" is about the buffer. */
static bool is_listed(const char *line, const char *digest, const struct ima_entry *entry)
{
	size_t size = strcspn(line, " ");
	bool is_any = size == 3 && memcmp(line, "any", 3) == 0;
	struct bytes name = bytes_of_string(line + size + (line[size] == ' '));

	if (!is_any && !bytes_equal_string(bytes_of(line, size), digest))
		return false;
	if (is_any && bytes_equal_string(name, "*"))
		return ima_buffer_kind(entry->path, entry->buf) == IMA_BUFFER_KEY;
	return bytes_equal(name, entry->path);
}

void judge_listed_buffer(struct ima_walk *walk, const struct ima_step *step,
			 const struct ima_entry *entry, const struct digest *digest)
{
	const struct policy *policy = walk->judge->policy;
	const struct policy_texts *known = &policy->known_buffers;
	struct report *report = walk->judge->report;
	const char *text = report_digest(report, digest);
	struct finding *finding;

	if (!policy->require_known_buffers.value)
		return;
	for (size_t i = 0; i < known->n_items; i++)
		if (is_listed(known->items[i].text, text, entry))
			return;
	walk->n_unlisted_buffers++;
	finding = report_finding(report, FINDING_IMA_UNKNOWN_BUFFER, FINDING_AS_LISTED, entry->path,
				 "a buffer that the policy does not list (line %u)",
				 policy->require_known_buffers.line);
	finding->found = text;
	finding_at(report, finding, walk->file->path, step->record.index, step->record.offset);
}

void judge_report_buffers(const struct ima_walk *walk)
{
	const struct policy_flag *required = &walk->judge->policy->require_known_buffers;
	struct report *report = walk->judge->report;
	struct bytes subject = file_subject(walk->file);
	uint64_t n = report->coverage.n_buffers;

	if (!n)
		return;
	if (required->value)
		report_check(report, "ima.buffers",
			     walk->n_unlisted_buffers ? CHECK_FAIL : CHECK_PASS, subject,
			     "%" PRIu64
			     " buffers, of which the policy (line %u) does not list %" PRIu64,
			     n, required->line, walk->n_unlisted_buffers);
	else
		report_check(report, "ima.buffers", CHECK_SKIP, subject,
			     "buffers that there are no reference values for: %" PRIu64, n);
}
