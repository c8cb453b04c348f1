/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdicts.md, "Boot log", what it says of user space's log: systemd extends PCRs after the boot, and
 * logs that. The log may run past the quote, as IMA's does.
 */
#include "audit/judge.h"

#include <inttypes.h>

#include "core/array.h"
#include "core/own.h"
#include "replay/userspace/userspace.h"

/* Records of a log: a boot makes some tens. Each costs extends of every bank, and evidence is hostile. */
#define RECORDS_MAX 4096

/* Of a string, what a report shows. */
#define SHOWN_MAX 128

struct userspace_walk {
	struct judge *judge;
	const struct bundle_file *file;
	struct userspace_log log;
	size_t capacity;
	uint64_t n_records, n_bad_data, n_unchecked, n_nv, n_registers, n_odd;
	struct bytes boot_id; /* of the first record that says one; in the report's arena */
};

static int keep(struct userspace_walk *walk, const struct userspace_record *record,
		struct error *err)
{
	struct judge *judge = walk->judge;
	struct arena *arena = &judge->report->arena;
	struct bytes text = record->record.data;
	struct userspace_extend *extend;

	if (array_room(&judge->userspace, judge->n_userspace, &walk->capacity,
		       sizeof(*judge->userspace), judge->bundle->name, err) < 0)
		return -1;
	if (text.size > SHOWN_MAX)
		text.size = SHOWN_MAX;
	extend = &judge->userspace[judge->n_userspace++];
	*extend = (struct userspace_extend){ .index = record->record.index,
					     .offset = record->record.offset,
					     .pcr = record->record.pcr,
					     .text = arena_copy(arena, text),
					     .event = record->record.type,
					     .n_digests = record->record.n_digests };
	extend->digests = arena_take(arena, (extend->n_digests + 1) * sizeof(*extend->digests));
	if (!extend->digests)
		return error_memory(err, judge->bundle->name);
	memcpy(extend->digests, record->record.digests,
	       extend->n_digests * sizeof(*extend->digests));
	judge->userspace_extended |= (pcr_set)1 << extend->pcr;
	return 0;
}

static void odd_record(struct userspace_walk *walk, const struct userspace_record *record,
		       const char *what)
{
	struct report *report = walk->judge->report;
	struct finding *finding = report_finding(report, FINDING_LOG_STRUCTURE, FINDING_AS_LISTED,
						 file_subject(walk->file), "%s", what);

	finding_at(report, finding, walk->file->path, record->record.index, record->record.offset);
	walk->n_odd++;
}

static void judge_boot_id(struct userspace_walk *walk, const struct userspace_record *record)
{
	if (record->boot_id.size == 0)
		return;
	if (walk->boot_id.size == 0)
		walk->boot_id = arena_copy(&walk->judge->report->arena, record->boot_id);
	else if (!bytes_equal(walk->boot_id, record->boot_id))
		odd_record(walk, record, "a record of another boot than those before it");
}

static int judge_string(struct userspace_walk *walk, const struct userspace_record *record,
			struct error *err)
{
	struct judge *judge = walk->judge;
	struct report *report = judge->report;
	struct event_check check;
	struct finding *finding;

	if (userspace_check(record, judge->hasher, &check, err) < 0)
		return -1;
	walk->n_unchecked += check.result == DATA_UNCHECKED;
	if (check.result != DATA_MISMATCH)
		return 0;
	walk->n_bad_data++;
	finding = report_finding(report, FINDING_LOG_DATA_MISMATCH, FINDING_AS_LISTED,
				 file_subject(walk->file),
				 "%s \"%s\": the digest is not the hash of this string (%s)",
				 userspace_event_name(record->record.type),
				 report_text(report, record->record.data),
				 report_algs(report, check.mismatched));
	finding_at(report, finding, walk->file->path, record->record.index, record->record.offset);
	return 0;
}

static int judge_record(struct userspace_walk *walk, const struct userspace_record *record,
			struct error *err)
{
	walk->n_records++;
	if (record->record.oddities & RECORD_DIGEST_TWICE)
		odd_record(walk, record, "two digests of one algorithm");
	judge_boot_id(walk, record);
	switch (record->target) {
	case USERSPACE_PCR:
		if (keep(walk, record, err) < 0)
			return -1;
		break;
	case USERSPACE_NV_INDEX:
		walk->n_nv++;
		break;
	case USERSPACE_RTMR:
		walk->n_registers++;
		break;
	}
	return judge_string(walk, record, err);
}

static void broken(struct userspace_walk *walk, const struct error *problem)
{
	struct report *report = walk->judge->report;
	struct finding *finding =
		report_finding(report, FINDING_LOG_MALFORMED, FINDING_AS_LISTED,
			       file_subject(walk->file), "breaks off after %" PRIu64 " records: %s",
			       walk->n_records, problem->message);

	finding_at(report, finding, walk->file->path, REPORT_NOWHERE, problem->offset);
}

static void report_log(const struct userspace_walk *walk, bool is_whole)
{
	struct report *report = walk->judge->report;
	struct bytes subject = file_subject(walk->file);
	const char *nv = walk->n_nv ? arena_printf(&report->arena,
						   "; %" PRIu64 " extend NV indexes, which no "
						   "quote covers",
						   walk->n_nv)
				    : "";

	report_check(report, "log.userspace",
		     is_whole && !walk->n_odd && !walk->n_bad_data ? CHECK_PASS : CHECK_FAIL,
		     subject,
		     "%" PRIu64 " records%s; of %" PRIu64
		     " the string only describes what was measured%s",
		     walk->n_records, is_whole ? "" : ", and not readable to its end",
		     walk->n_unchecked, nv ? nv : "");
}

static int walk_log(struct userspace_walk *walk, struct error *err)
{
	struct judge *judge = walk->judge;
	struct userspace_record record;
	struct error problem = { 0 };
	int more;

	while ((more = userspace_next(&walk->log, &record, &problem)) > 0) {
		if (walk->n_records == RECORDS_MAX) {
			more = error_set(&problem, ERROR_LIMIT, walk->file->path,
					 record.record.offset, "more than %d records", RECORDS_MAX);
			break;
		}
		if (judge_record(walk, &record, err) < 0)
			return -1;
	}
	if (more < 0 && problem.code == ERROR_SYSTEM) {
		*err = problem;
		return -1;
	}
	if (more < 0)
		broken(walk, &problem);
	judge->userspace_file = walk->file;
	judge->userspace_boot_id = walk->boot_id;
	report_log(walk, more == 0);
	return 0;
}

/* A log of registers of a confidential machine: no TPM's quote covers them. */
static bool is_of_registers(const struct bundle_file *file)
{
	struct userspace_log log;
	struct userspace_record record;
	bool result;

	if (userspace_open(&log, file->contents, file->path, NULL) < 0)
		return false;
	result = userspace_next(&log, &record, NULL) > 0 && record.target == USERSPACE_RTMR;
	userspace_close(&log);
	return result;
}

static int judge_log(struct judge *judge, const struct bundle_file *file, struct error *err)
{
	struct userspace_walk walk = { .judge = judge, .file = file };
	struct error problem = { 0 };
	int status;

	if (is_of_registers(file)) {
		report_check(judge->report, "log.userspace", CHECK_SKIP, file_subject(file),
			     "a log of measurement registers, which no TPM's quote covers");
		return 0;
	}
	if (judge->userspace_file) {
		report_missing(judge->report, "log.userspace", file_subject(file),
			       "a second log of user space: what it extends is not replayed");
		return 0;
	}
	if (userspace_open(&walk.log, file->contents, file->path, &problem) < 0) {
		broken(&walk, &problem);
		report_missing(judge->report, "log.userspace", file_subject(file),
			       "cannot be read");
		return 0;
	}
	status = walk_log(&walk, err);
	userspace_close(&walk.log);
	return status;
}

int judge_userspace(struct judge *judge, struct error *err)
{
	for (size_t i = 0; i < judge->bundle->n_files; i++)
		if (judge->bundle->files[i].role == ROLE_USERSPACE_LOG &&
		    judge_log(judge, &judge->bundle->files[i], err) < 0)
			return -1;
	return 0;
}

/* --- replay ------------------------------------------------------------------------------------- */

const struct digest *userspace_digest(const struct userspace_extend *extend, enum alg alg)
{
	for (size_t i = 0; i < extend->n_digests; i++)
		if (extend->digests[i].alg == alg)
			return &extend->digests[i];
	return NULL;
}

int userspace_replay(const struct judge *judge, struct pcr_bank *bank, size_t first, size_t n,
		     struct error *err)
{
	for (size_t i = first; i < n; i++) {
		const struct userspace_extend *extend = &judge->userspace[i];
		const struct digest *digest = userspace_digest(extend, bank->alg);

		if (digest && pcr_bank_extend(bank, judge->hasher, extend->pcr, digest, err) < 0)
			return -1;
	}
	return 0;
}

int userspace_fits(const struct judge *judge, const struct pcr_bank *from, uint32_t pcr,
		   const uint8_t *wanted, bool *fits, struct error *err)
{
	struct pcr_bank bank = *from;
	size_t size = alg_size(bank.alg), n = 0;

	for (size_t i = 0; i <= judge->n_userspace; i++) {
		fits[i] = memcmp(bank.value[pcr], wanted, size) == 0;
		n += fits[i];
		if (i < judge->n_userspace && judge->userspace[i].pcr == pcr &&
		    userspace_replay(judge, &bank, i, i + 1, err) < 0)
			return -1;
	}
	return n > 0;
}

/* How a report calls a record: record 3 (phase "enter-initrd"). */
const char *userspace_shown(struct judge *judge, const struct userspace_extend *extend)
{
	struct report *report = judge->report;

	return arena_printf(&report->arena, "record %" PRIu64 " of %s (%s \"%s\")", extend->index,
			    report_text(report, file_subject(judge->userspace_file)),
			    userspace_event_name(extend->event), report_text(report, extend->text));
}
