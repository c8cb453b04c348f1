/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdicts.md, "Quote", "Keys" and "Boot log", for a TDX machine: its quote, link by link, and the registers in
 * it (RTMR0 to RTMR3) against what the firmware's log (CCEL) and user space's (cc-measure.log) replay to.
 * No boot profile says what a TDX machine should have measured, and no evidence whether its processor is up
 * to date: a bundle of one is incomplete at best.
 */
#include "audit/judge.h"

#include <inttypes.h>

#include "core/array.h"
#include "core/own.h"
#include "replay/tdx/tdx.h"
#include "replay/userspace/userspace.h"

/* Extends of user space that are kept: a boot makes some tens. */
#define EXTENDS_MAX 4096

/* An extend of a register behind the firmware's. */
struct extend {
	unsigned rtmr;
	struct digest digest; /* SHA-384 */
};

struct tdx_walk {
	struct judge *judge;
	const struct bundle_file *file; /* the quote */
	struct tdx_quote quote;
	struct tdx_result result;

	bool has_logs;                      /* what follows was found out: once for all quotes */
	const struct bundle_file *log_file; /* NULL: none that can be read */
	bool is_whole;
	uint64_t n_events, n_bad_data;
	struct digest base[TDX_REGISTERS]; /* after the firmware's log */
	struct extend *extends;            /* owned */
	size_t n_extends, capacity;
};

/* What a failed check means. */
static const struct check_row {
	const char *name;
	enum finding_code code;
} check_rows[TDX_CHECK_COUNT] = {
	[TDX_CHECK_SIGNATURE] = {"tdx.signature",     FINDING_QUOTE_SIGNATURE  },
	[TDX_CHECK_KEY] = { "tdx.key",          FINDING_KEY_BINDING      },
	[TDX_CHECK_QE_SIGNATURE] = { "tdx.qe-signature", FINDING_KEY_BINDING      },
	[TDX_CHECK_QE] = { "tdx.qe",           FINDING_KEY_BINDING      },
	[TDX_CHECK_CHAIN] = { "tdx.chain",        FINDING_KEY_CERTIFICATE  },
	[TDX_CHECK_MODULE] = { "tdx.module",       FINDING_QUOTE_UNPROTECTED},
	[TDX_CHECK_DEBUG] = { "tdx.debug",        FINDING_QUOTE_UNPROTECTED},
	[TDX_CHECK_NONCE] = { "quote.nonce",      FINDING_QUOTE_NONCE      },
};

/* --- the quote ------------------------------------------------------------------------------------ */

static void report_skipped(struct tdx_walk *walk, enum tdx_check_id id)
{
	struct report *report = walk->judge->report;
	struct bytes subject = file_subject(walk->file);
	const char *detail = walk->result.checks[id].detail;

	if (id == TDX_CHECK_NONCE && !walk->judge->policy->require_nonce.value) {
		report_check(report, check_rows[id].name, CHECK_SKIP, subject,
			     "freshness is not checked: no nonce was given (--nonce)");
		return;
	}
	report_missing(report, check_rows[id].name, subject, "%s", detail);
	if (id == TDX_CHECK_CHAIN)
		report_finding(report, FINDING_KEY_UNBOUND, FINDING_AS_LISTED, subject,
			       "nothing says whose processor signed this quote: %s", detail);
}

static void report_checks(struct tdx_walk *walk)
{
	struct report *report = walk->judge->report;
	struct bytes subject = file_subject(walk->file);

	for (unsigned id = 0; id < TDX_CHECK_COUNT; id++) {
		const struct tdx_check *check = &walk->result.checks[id];

		if (check->answer == TDX_SKIP) {
			report_skipped(walk, id);
			continue;
		}
		report_check(report, check_rows[id].name,
			     check->answer == TDX_PASS ? CHECK_PASS : CHECK_FAIL, subject, "%s",
			     check->detail);
		if (check->answer == TDX_FAIL)
			report_finding(report, check_rows[id].code, FINDING_AS_LISTED, subject,
				       "%s", check->detail);
	}
	report_missing(report, "tdx.tcb", subject,
		       "whether processor, TDX module and quoting enclave are up to date is not "
		       "checked: that is in documents of Intel's which no evidence has");
}

/* --- the logs --------------------------------------------------------------------------------------- */

static const struct bundle_file *find_log(const struct judge *judge)
{
	const struct bundle_file *file = bundle_find(judge->bundle, ROLE_CC_LOG, bytes_of("", 0));
	struct eventlog log;

	if (file)
		return file;
	/* td-shim's looks like a TPM's to its first event. */
	file = bundle_find(judge->bundle, ROLE_BOOT_LOG, bytes_of("", 0));
	if (!file || eventlog_open(&log, file->contents, file->path, NULL) < 0)
		return NULL;
	return log.format == EVENTLOG_CC ? file : NULL;
}

static void broken(struct tdx_walk *walk, const struct error *problem)
{
	struct report *report = walk->judge->report;
	struct finding *finding =
		report_finding(report, FINDING_LOG_MALFORMED, FINDING_AS_LISTED,
			       file_subject(walk->log_file), "%s", problem->message);

	finding_at(report, finding, walk->log_file->path, REPORT_NOWHERE, problem->offset);
}

static int judge_event(struct tdx_walk *walk, const struct record *record, struct error *err)
{
	struct report *report = walk->judge->report;
	struct event_check check;
	struct finding *finding;
	char name[EVENT_TYPE_TEXT];
	struct event event;

	event_decode(record, &event);
	if (event_check(record, &event, walk->judge->hasher, &check, err) < 0)
		return -1;
	if (check.result != DATA_MISMATCH)
		return 0;
	walk->n_bad_data++;
	finding = report_finding(report, FINDING_LOG_DATA_MISMATCH,
				 check.known ? FINDING_MILDER : FINDING_AS_LISTED,
				 file_subject(walk->log_file),
				 "%s: the digest is not the hash of its data (%s)",
				 event_type_text(record->type, name),
				 report_algs(report, check.mismatched));
	finding_at(report, finding, walk->log_file->path, record->index, record->offset);
	return 0;
}

/* Replays the firmware's log; what comes before a break counts. */
static int replay_log(struct tdx_walk *walk, struct error *err)
{
	struct judge *judge = walk->judge;
	struct eventlog_replay replay;
	const struct pcr_bank *bank;
	struct error problem = { 0 };
	struct eventlog log;
	struct record record;
	int more;

	for (unsigned i = 0; i < TDX_REGISTERS; i++)
		walk->base[i] = (struct digest){ .alg = ALG_SHA384, .size = 48 };
	walk->log_file = find_log(judge);
	if (!walk->log_file)
		return 0;
	if (eventlog_open(&log, walk->log_file->contents, walk->log_file->path, &problem) < 0) {
		broken(walk, &problem);
		return 0;
	}
	log.format = EVENTLOG_CC;
	eventlog_replay_init(&replay, &log, judge->hasher, EVENTLOG_LOCALITY_STATED);
	while ((more = eventlog_next(&log, &record, &problem)) > 0) {
		walk->n_events++;
		if (judge_event(walk, &record, err) < 0 ||
		    eventlog_extend(&replay, &record, err) < 0)
			return -1;
	}
	if (more < 0)
		broken(walk, &problem);
	walk->is_whole = more == 0;
	bank = eventlog_bank(&replay, ALG_SHA384);
	for (unsigned i = 0; bank && i < TDX_REGISTERS; i++)
		walk->base[i] = pcr_bank_value(bank, i + 1);
	return 0;
}

static int keep_extend(struct tdx_walk *walk, const struct userspace_record *record,
		       struct error *err)
{
	const struct record *said = &record->record;

	for (size_t i = 0; i < said->n_digests; i++) {
		if (said->digests[i].alg != ALG_SHA384)
			continue;
		if (array_room(&walk->extends, walk->n_extends, &walk->capacity,
			       sizeof(*walk->extends), walk->judge->bundle->name, err) < 0)
			return -1;
		walk->extends[walk->n_extends++] =
			(struct extend){ .rtmr = said->pcr - 1, .digest = said->digests[i] };
	}
	return 0;
}

/* What user space logged of its extends of registers, in all its logs. */
static int read_userspace(struct tdx_walk *walk, struct error *err)
{
	const struct bundle *bundle = walk->judge->bundle;

	for (size_t i = 0; i < bundle->n_files; i++) {
		const struct bundle_file *file = &bundle->files[i];
		struct userspace_record record;
		struct userspace_log log;
		int status = 0;

		if (file->role != ROLE_USERSPACE_LOG ||
		    userspace_open(&log, file->contents, file->path, NULL) < 0)
			continue; /* judge_userspace says so */
		while (status == 0 && walk->n_extends < EXTENDS_MAX &&
		       userspace_next(&log, &record, NULL) > 0)
			if (record.target == USERSPACE_RTMR)
				status = keep_extend(walk, &record, err);
		userspace_close(&log);
		if (status < 0)
			return -1;
	}
	return 0;
}

/* --- registers ---------------------------------------------------------------------------------------- */

/* The value after the firmware's log and some prefix of user space's: 1, 0, -1. */
static int fits(const struct tdx_walk *walk, unsigned rtmr, struct error *err)
{
	struct bytes wanted = walk->quote.rtmr[rtmr];
	struct pcr_bank bank;

	pcr_bank_init(&bank, ALG_SHA384);
	memcpy(bank.value[rtmr + 1], walk->base[rtmr].value, 48);
	if (memcmp(bank.value[rtmr + 1], wanted.data, 48) == 0)
		return 1;
	for (size_t i = 0; i < walk->n_extends; i++) {
		if (walk->extends[i].rtmr != rtmr)
			continue;
		if (pcr_bank_extend(&bank, walk->judge->hasher, rtmr + 1, &walk->extends[i].digest,
				    err) < 0)
			return -1;
		if (memcmp(bank.value[rtmr + 1], wanted.data, 48) == 0)
			return 1;
	}
	return 0;
}

static void mismatch(struct tdx_walk *walk, unsigned rtmr)
{
	struct report *report = walk->judge->report;
	struct digest quoted = { .alg = ALG_SHA384, .size = 48 };
	char subject[] = "RTMR 0";
	struct finding *finding;

	memcpy(quoted.value, walk->quote.rtmr[rtmr].data, 48);
	subject[5] = (char)('0' + rtmr);
	finding = report_finding(report, FINDING_PCR_MISMATCH, FINDING_AS_LISTED,
				 bytes_of_string(subject), "the logs give %s, %s has another value",
				 report_digest(report, &walk->base[rtmr]),
				 report_text(report, file_subject(walk->file)));
	finding->found = report_digest(report, &quoted);
}

static int compare(struct tdx_walk *walk, struct error *err)
{
	struct report *report = walk->judge->report;
	struct bytes subject = file_subject(walk->file);
	unsigned n_fit = 0;

	if (!walk->log_file) {
		report_missing(report, "tdx.replay", subject,
			       "no log of the firmware (CCEL) to hold the registers against");
		return 0;
	}
	for (unsigned i = 0; i < TDX_REGISTERS; i++) {
		int status = fits(walk, i, err);

		if (status < 0)
			return -1;
		n_fit += (unsigned)status;
		if (!status)
			mismatch(walk, i);
	}
	report_check(report, "tdx.replay",
		     n_fit == TDX_REGISTERS && walk->is_whole ? CHECK_PASS : CHECK_FAIL, subject,
		     "%s, %" PRIu64 " events, and %zu extends of user space give %u of RTMR0 to "
		     "RTMR3%s",
		     report_text(report, file_subject(walk->log_file)), walk->n_events,
		     walk->n_extends, n_fit,
		     walk->is_whole ? "" : "; the log cannot be read to its end");
	report_missing(report, "tdx.profile", subject,
		       "what booted is compared with nothing: no boot profile is of registers");
	return 0;
}

static int judge_one(struct tdx_walk *walk, struct error *err)
{
	struct judge *judge = walk->judge;
	const struct audit_setup *setup = judge->setup;
	struct report *report = judge->report;
	struct error problem = { 0 };
	struct finding *finding;

	if (tdx_parse(walk->file->contents, walk->file->path, &walk->quote, &problem) < 0) {
		finding = report_finding(report, FINDING_QUOTE_MALFORMED, FINDING_AS_LISTED,
					 file_subject(walk->file), "%s", problem.message);
		finding_at(report, finding, walk->file->path, REPORT_NOWHERE, problem.offset);
		report_missing(report, "tdx.signature", file_subject(walk->file),
			       "the quote cannot be read");
		return 0;
	}
	if (tdx_check(&walk->quote, judge->hasher, setup->trust, setup->at,
		      setup->nonce.size ? &setup->nonce : NULL, &walk->result, err) < 0)
		return -1;
	report_checks(walk);
	if (walk->result.checks[TDX_CHECK_SIGNATURE].answer != TDX_PASS) {
		report_missing(report, "tdx.replay", file_subject(walk->file),
			       "a quote whose signature does not hold says nothing of the logs");
		return 0;
	}
	if (!walk->has_logs && (replay_log(walk, err) < 0 || read_userspace(walk, err) < 0))
		return -1;
	walk->has_logs = true;
	return compare(walk, err);
}

int judge_tdx(struct judge *judge, struct error *err)
{
	const struct bundle *bundle = judge->bundle;
	struct tdx_walk walk = { .judge = judge };
	int status = 0;

	for (size_t i = 0; i < bundle->n_files && status == 0; i++) {
		walk.file = &bundle->files[i];
		if (walk.file->role == ROLE_TDX_QUOTE)
			status = judge_one(&walk, err);
	}
	free(walk.extends);
	return status;
}
