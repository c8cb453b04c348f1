/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records of a kernel that goes into kexec: how many entries its list had, and how much memory they may
 * take on their way to the next kernel. What the list has less was lost, or was removed.
 *
 * Source: Linux security/integrity/ima/ima_kexec.c (ima_measure_kexec_event): critical data of the names
 *         kexec_load and kexec_execute, "kexec_segment_size=N;ima_binary_runtime_size=N;
 *         ima_runtime_measurements_count=N;". The count is that of the entries before this one.
 */
#include "audit/judge_ima.h"

#include <inttypes.h>

/* The number behind "KEY="; false if there is none. */
static bool number_of(struct bytes text, const char *key, uint64_t *out)
{
	size_t size = strlen(key);

	for (size_t i = 0; i + size < text.size; i++) {
		uint64_t number = 0;
		size_t at = i + size + 1;

		if ((i > 0 && text.data[i - 1] != ';') || memcmp(text.data + i, key, size) != 0 ||
		    text.data[i + size] != '=')
			continue;
		for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
			if (number > UINT64_MAX / 10 - 1)
				return false;
			number = number * 10 + (uint64_t)(text.data[at] - '0');
		}
		*out = number;
		return at > i + size + 1 && at < text.size && text.data[at] == ';';
	}
	return false;
}

void judge_kexec(struct ima_walk *walk, const struct ima_step *step, const struct ima_entry *entry)
{
	struct report *report = walk->judge->report;
	bool is_execute = bytes_equal_string(entry->path, "kexec_execute");
	uint64_t segment, needed, count, index = step->record.index;
	struct finding *finding = NULL;

	if (!is_execute && !bytes_equal_string(entry->path, "kexec_load"))
		return;
	if (number_of(entry->buf, "ima_runtime_measurements_count", &count) && count > index)
		finding = report_finding(report, FINDING_IMA_LOST, FINDING_AS_LISTED, entry->path,
					 "the kernel had %" PRIu64 " entries before this one, the "
					 "list has %" PRIu64 ": %" PRIu64 " are missing",
					 count, index, count - index);
	else if (is_execute && number_of(entry->buf, "kexec_segment_size", &segment) &&
		 number_of(entry->buf, "ima_binary_runtime_size", &needed) && needed > segment)
		finding = report_finding(report, FINDING_IMA_LOST, FINDING_MILDER, entry->path,
					 "the list took %" PRIu64 " bytes, and the next kernel was "
					 "given %" PRIu64 " for it: what did not fit is lost",
					 needed, segment);
	if (finding)
		finding_at(report, finding, walk->file->path, index, step->record.offset);
}
