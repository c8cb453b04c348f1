/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --state: the evidence against what an earlier audit of this machine verified. In one boot, logs only
 * grow: what was attested once has to be there still, byte for byte. An IMA list that holds new entries
 * only is joined to the attested ones, and judged as the whole that it is.
 */
#include "audit/judge.h"

#include <inttypes.h>

#include "core/own.h"
#include "replay/ima/ima.h"

/* The latest quote of a key that the operator knows; NULL: nothing here proves what machine it is. */
static const struct judged_quote *latest_quote(const struct judge *judge)
{
	const struct judged_quote *latest = NULL;

	for (size_t i = 0; i < judge->n_quotes; i++) {
		const struct judged_quote *quote = &judge->quotes[i];

		if (!quote->is_verified || (!quote->key->anchor && !quote->key->bound_by) ||
		    quote->key->key->name_size == 0)
			continue;
		if (!latest || quote->quote.clock > latest->quote.clock)
			latest = quote;
	}
	return latest;
}

static void key_of(const struct judged_quote *quote, char out[STATE_KEY_MAX + 1])
{
	hex_write(out, bytes_of(quote->key->key->name, quote->key->key->name_size));
}

static int log_digest(struct judge *judge, struct bytes log, uint8_t out[STATE_DIGEST],
		      struct error *err)
{
	struct digest digest;

	if (hasher_digest_bytes(judge->hasher, ALG_SHA256, log, &digest, err) < 0)
		return -1;
	memcpy(out, digest.value, STATE_DIGEST);
	return 0;
}

/* Does a log begin with what was attested? 1, 0, -1. */
static int begins_with(struct judge *judge, struct bytes log, const struct state_log *attested,
		       struct error *err)
{
	uint8_t digest[STATE_DIGEST];

	if (log.size < attested->size)
		return 0;
	if (log_digest(judge, bytes_of(log.data, (size_t)attested->size), digest, err) < 0)
		return -1;
	return memcmp(digest, attested->digest, STATE_DIGEST) == 0;
}

/* --- rollback ----------------------------------------------------------------------------------- */

static bool judge_counters(struct judge *judge, const struct judged_quote *quote,
			   const struct machine_state *before)
{
	const char *what = NULL;

	if (quote->quote.reset_count < before->reset_count)
		what = "resetCount";
	else if (quote->quote.clock < before->clock)
		what = "clock";
	else if (quote->quote.reset_count == before->reset_count &&
		 quote->quote.restart_count < before->restart_count)
		what = "restartCount";
	if (!what)
		return true;
	report_finding(judge->report, FINDING_QUOTE_ROLLBACK, FINDING_AS_LISTED,
		       file_subject(quote->message),
		       "its %s is before that of a quote of this machine that was verified earlier "
		       "(--state)",
		       what);
	return false;
}

static void other_log(struct judge *judge, const struct bundle_file *file, const char *what)
{
	report_finding(judge->report, FINDING_LOG_HISTORY, FINDING_AS_LISTED, file_subject(file),
		       "%s", what);
}

static int judge_boot_log(struct judge *judge, const struct machine_state *before,
			  struct error *err)
{
	int status;

	if (!judge->has_boot || before->boot.size == 0)
		return 0;
	status = begins_with(judge, judge->boot_file->contents, &before->boot, err);
	if (status == 0 || judge->boot_file->contents.size != before->boot.size)
		other_log(judge, judge->boot_file,
			  "is not the boot log that was attested earlier in this boot (--state)");
	return status < 0 ? -1 : 0;
}

/* After a kexec the log begins anew, and names another boot. */
static int judge_userspace_log(struct judge *judge, const struct machine_state *before,
			       struct error *err)
{
	int status;

	if (!judge->userspace_file || before->userspace.size == 0 ||
	    !bytes_equal_string(judge->userspace_boot_id, before->boot_id))
		return 0;
	status = begins_with(judge, judge->userspace_file->contents, &before->userspace, err);
	if (status == 0)
		other_log(judge, judge->userspace_file,
			  "does not begin with what was attested of it earlier in this boot "
			  "(--state)");
	return status < 0 ? -1 : 0;
}

/* --- the IMA list ------------------------------------------------------------------------------- */

static const struct bundle_file *ima_file(const struct judge *judge)
{
	for (size_t i = 0; i < judge->bundle->n_files; i++)
		if (judge->bundle->files[i].role == ROLE_IMA_LOG)
			return &judge->bundle->files[i];
	return NULL;
}

/* Lists of one form: their bytes may stand one behind the other. */
static bool same_form(struct judge *judge, struct bytes a, struct bytes b)
{
	AUTO(ima_list_freep) struct ima_list *first = NULL;
	AUTO(ima_list_freep) struct ima_list *second = NULL;

	return ima_list_open(a, "", judge->hasher, &first, NULL) == 0 &&
	       ima_list_open(b, "", judge->hasher, &second, NULL) == 0 &&
	       (b.size == 0 || (ima_list_form(first) == ima_list_form(second) &&
				ima_list_alg(first) == ima_list_alg(second)));
}

/* A list that begins as the attested one did, with the same record, says that it is whole. */
static bool begins_alike(struct judge *judge, struct bytes list, struct bytes attested)
{
	AUTO(ima_list_freep) struct ima_list *parsed = NULL;
	struct record record;
	size_t size = attested.size;

	if (ima_list_open(attested, "", judge->hasher, &parsed, NULL) < 0)
		return false;
	if (ima_list_next(parsed, &record, NULL) > 0 && ima_list_next(parsed, &record, NULL) > 0)
		size = (size_t)record.offset;
	return bytes_start_with(list, bytes_of(attested.data, size));
}

static int join(struct judge *judge, const struct bundle_file *file, struct bytes attested,
		uint64_t n_entries, struct error *err)
{
	struct report *report = judge->report;

	buf_append(&judge->joined, attested);
	buf_append(&judge->joined, file->contents);
	if (buf_finish(&judge->joined, err) < 0)
		return -1;
	judge->joined_file = *file;
	judge->joined_file.contents = buf_bytes(&judge->joined);
	judge->joined_file.is_large = false;
	judge->has_joined = true;
	report_check(report, "state.ima", CHECK_PASS, file_subject(file),
		     "holds new entries only: judged behind the %" PRIu64
		     " that were attested before (--state)",
		     n_entries);
	return 0;
}

static int judge_ima_log(struct judge *judge, const struct machine_state *before, struct error *err)
{
	const struct bundle_file *file = ima_file(judge);
	AUTO(file_freep) struct file *kept = NULL;
	struct bytes attested;
	int status;

	if (!file || before->ima.size == 0)
		return 0;
	status = begins_with(judge, file->contents, &before->ima, err);
	if (status != 0) {
		if (status > 0)
			report_check(judge->report, "state.ima", CHECK_PASS, file_subject(file),
				     "begins with the %" PRIu64
				     " entries that were attested before (--state)",
				     before->n_entries);
		return status < 0 ? -1 : 0;
	}
	if (state_open_list(judge->setup->state, before, judge->hasher, &kept, err) < 0)
		return -1;
	attested = file_bytes(kept);
	if (!same_form(judge, attested, file->contents)) {
		report_check(judge->report, "state.ima", CHECK_SKIP, file_subject(file),
			     "of another form than the list that was attested before: not held "
			     "against it");
		return 0;
	}
	if (!begins_alike(judge, file->contents, attested))
		return join(judge, file, attested, before->n_entries, err);
	other_log(judge, file,
		  "does not begin with the entries that were attested earlier in this boot "
		  "(--state)");
	return 0;
}

int judge_history(struct judge *judge, struct error *err)
{
	const struct judged_quote *quote = latest_quote(judge);
	const struct machine_state *before;
	char key[STATE_KEY_MAX + 1];

	if (!judge->setup->state)
		return 0;
	if (!quote) {
		report_check(judge->report, "state.machine", CHECK_SKIP, bytes_of("", 0),
			     "no verified quote by a key that is known by its TPM name: nothing "
			     "says which machine this is (--state)");
		return 0;
	}
	key_of(quote, key);
	before = state_find(judge->setup->state, key);
	if (!before) {
		report_check(judge->report, "state.machine", CHECK_SKIP, bytes_of("", 0),
			     "this machine was not seen before (--state)");
		return 0;
	}
	if (!judge_counters(judge, quote, before)) {
		report_check(judge->report, "state.machine", CHECK_FAIL, bytes_of("", 0),
			     "older than what was verified before (--state)");
		return 0;
	}
	if (quote->quote.reset_count != before->reset_count) {
		report_check(judge->report, "state.machine", CHECK_PASS, bytes_of("", 0),
			     "restarted since it was seen last: its logs begin anew (--state)");
		return 0;
	}
	report_check(judge->report, "state.machine", CHECK_PASS, bytes_of("", 0),
		     "seen before in this boot (--state)");
	return judge_boot_log(judge, before, err) < 0 ||
			       judge_userspace_log(judge, before, err) < 0 ||
			       judge_ima_log(judge, before, err) < 0
		       ? -1
		       : 0;
}

/* --- what is kept ------------------------------------------------------------------------------- */

/* Findings that say that something is not as a TPM signed it, or as it was. */
static bool is_trustworthy(const struct report *report)
{
	static const enum finding_code codes[] = {
		FINDING_QUOTE_SIGNATURE, FINDING_QUOTE_STRUCTURE,  FINDING_QUOTE_NONCE,
		FINDING_QUOTE_ROLLBACK,  FINDING_QUOTE_PCR_DIGEST, FINDING_KEY_ATTRIBUTES,
		FINDING_PCR_MISMATCH,    FINDING_LOG_HISTORY,      FINDING_IMA_UNATTESTED,
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (report->n_by_code[codes[i]])
			return false;
	return true;
}

/* Bytes of the first n entries. */
static int list_size(struct judge *judge, const struct bundle_file *file, uint64_t n_entries,
		     uint64_t *out, struct error *err)
{
	AUTO(ima_list_freep) struct ima_list *list = NULL;
	struct record record;

	*out = file->contents.size;
	if (ima_list_open(file->contents, file->path, judge->hasher, &list, err) < 0)
		return -1;
	while (ima_list_next(list, &record, NULL) > 0)
		if (record.index == n_entries) {
			*out = record.offset;
			break;
		}
	return 0;
}

static int remember_ima(struct judge *judge, const struct judged_quote *quote,
			struct machine_state *machine, struct error *err)
{
	struct bytes list;

	if (!judge->has_ima || quote->n_attested == 0)
		return 0;
	if (list_size(judge, judge->ima_file, quote->n_attested, &machine->ima.size, err) < 0)
		return -1;
	machine->n_entries = quote->n_attested;
	list = bytes_of(judge->ima_file->contents.data, (size_t)machine->ima.size);
	return log_digest(judge, list, machine->ima.digest, err) < 0
		       ? -1
		       : state_keep_list(judge->setup->state, list, machine->ima.digest, err);
}

static int remember_userspace(struct judge *judge, const struct judged_quote *quote,
			      struct machine_state *machine, struct error *err)
{
	struct bytes log;

	if (!judge->userspace_file || quote->n_userspace == 0 ||
	    judge->userspace_boot_id.size >= sizeof(machine->boot_id))
		return 0;
	log = judge->userspace_file->contents;
	if (quote->n_userspace < judge->n_userspace)
		log.size = (size_t)judge->userspace[quote->n_userspace].offset;
	machine->userspace.size = log.size;
	if (judge->userspace_boot_id.size)
		memcpy(machine->boot_id, judge->userspace_boot_id.data,
		       judge->userspace_boot_id.size);
	return log_digest(judge, log, machine->userspace.digest, err);
}

int judge_remember(struct judge *judge, struct error *err)
{
	const struct judged_quote *quote = latest_quote(judge);
	struct report *report = judge->report;
	struct machine_state *machine;

	if (!judge->setup->state || !quote || !quote->is_compared || !is_trustworthy(report) ||
	    quote->quote.clock > INT64_MAX) /* half a billion years: no TPM's, nor JSON's */
		return 0;
	machine = arena_take(&report->arena, sizeof(*machine));
	if (!machine)
		return error_memory(err, judge->bundle->name);
	memset(machine, 0, sizeof(*machine));
	key_of(quote, machine->key);
	machine->clock = quote->quote.clock;
	machine->reset_count = quote->quote.reset_count;
	machine->restart_count = quote->quote.restart_count;
	if (judge->has_boot) {
		machine->boot.size = judge->boot_file->contents.size;
		if (log_digest(judge, judge->boot_file->contents, machine->boot.digest, err) < 0)
			return -1;
	}
	if (remember_ima(judge, quote, machine, err) < 0 ||
	    remember_userspace(judge, quote, machine, err) < 0)
		return -1;
	report->machine = machine;
	return 0;
}
