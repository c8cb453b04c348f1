/* SPDX-License-Identifier: BSD-2-Clause */
/* verdicts.md, "IMA". */
#include "audit/judge_ima.h"

#include <inttypes.h>

#include "core/own.h"
#include "core/reader.h"
#include "replay/ima/buffer.h"

/* Violations whose kind is searched for in the entries before them: each search reads them all. */
#define VIOLATIONS_EXPLAINED_MAX 32

/* --- boot_aggregate ----------------------------------------------------------------------------- */

/* What the aggregate should be is known when the quotes were compared: kept for judge_aggregates. */
static int note_aggregate(struct ima_walk *walk, const struct ima_step *step,
			  const struct ima_entry *entry, struct error *err)
{
	struct judge *judge = walk->judge;
	struct ima_aggregate *aggregate = arena_take(&judge->report->arena, sizeof(*aggregate));

	if (!aggregate)
		return error_memory(err, judge->bundle->name);
	*aggregate = (struct ima_aggregate){ .digest.alg = ALG_NONE,
					     .index = step->record.index,
					     .offset = step->record.offset };
	if (entry->digest.type != IMA_DIGEST_FILE || entry->digest.alg >= ALG_BANKS ||
	    !digest_init(&aggregate->digest, entry->digest.alg, entry->digest.value))
		aggregate->digest.alg = ALG_NONE;
	if (judge->last_aggregate)
		judge->last_aggregate->next = aggregate;
	else
		judge->aggregates = aggregate;
	judge->last_aggregate = aggregate;
	return 0;
}

static int judge_kernel(struct ima_walk *walk, const struct ima_step *step,
			const struct ima_entry *entry, struct error *err)
{
	struct report *report = walk->judge->report;
	struct finding *finding;

	if (walk->n_aggregates++ > 0) {
		finding = report_finding(
			report, FINDING_IMA_KEXEC,
			walk->kexec_measured ? FINDING_MILDER : FINDING_AS_LISTED,
			bytes_of_string("boot_aggregate"), "%s",
			walk->kexec_measured
				? "another kernel was started by kexec, and measured before"
				: "another kernel was started by kexec, and no entry before says "
				  "which: neither a command line nor a kernel was measured");
		finding_at(report, finding, walk->file->path, step->record.index,
			   step->record.offset);
		walk->kexec_measured = false;
	}
	return note_aggregate(walk, step, entry, err);
}

/* --- single entries ------------------------------------------------------------------------------ */

static struct finding *entry_finding(struct ima_walk *walk, const struct ima_step *step,
				     enum finding_code code, struct bytes subject,
				     const char *message)
{
	struct finding *finding = report_finding(walk->judge->report, code, FINDING_AS_LISTED,
						 subject, "%s", message);

	finding_at(walk->judge->report, finding, walk->file->path, step->record.index,
		   step->record.offset);
	return finding;
}

static struct bytes subject_of(struct ima_walk *walk, const struct ima_step *step,
			       const struct ima_entry *entry)
{
	if (entry->path.size)
		return entry->path;
	return bytes_of_string(
		arena_printf(&walk->judge->report->arena, "entry %" PRIu64, step->record.index));
}

/* An earlier entry measured this path: then somebody opened it for writing (ToMToU). */
static bool was_measured(struct ima_walk *walk, const struct ima_step *step, struct bytes path)
{
	AUTO(ima_list_freep) struct ima_list *list = NULL;
	struct record record;
	struct ima_entry entry;

	if (ima_list_open(walk->file->contents, walk->file->path, walk->judge->hasher, &list,
			  NULL) < 0)
		return false;
	while (ima_list_next(list, &record, NULL) > 0 && record.index < step->record.index) {
		ima_entry_parse(list, &record, &entry);
		if (!entry.is_violation && bytes_equal(entry.path, path))
			return true;
	}
	return false;
}

static const char violation_unknown[] =
	"changed while it was measured, or measured while open for writing";
static const char violation_writers[] = "measured while open for writing (open writers): what was "
					"read need not be what was measured";
static const char violation_tomtou[] = "opened for writing after it was measured, while in use "
				       "(time of measure, time of use): what "
				       "was read need not be what was measured";

/*
 * The kernel tells the kinds apart in its audit log only. But where writers had the file open, the
 * measurement of it follows right behind; and where the file was measured before, it was opened for
 * writing then (ima_rdwr_violation_check).
 */
static void judge_violation(struct ima_walk *walk, const struct ima_step *step,
			    const struct ima_entry *entry)
{
	struct report *report = walk->judge->report;
	const char *kind = violation_unknown;

	report->coverage.n_violations++;
	if (!bytes_all(entry->digest.value, 0))
		entry_finding(walk, step, FINDING_IMA_STRUCTURE, subject_of(walk, step, entry),
			      "a violation whose digest is not zero");
	if (!report_keeps(report, FINDING_IMA_VIOLATION)) {
		entry_finding(walk, step, FINDING_IMA_VIOLATION, entry->path, "");
		return;
	}
	if (walk->n_violations_explained < VIOLATIONS_EXPLAINED_MAX) {
		walk->n_violations_explained++;
		if (was_measured(walk, step, entry->path))
			kind = violation_tomtou;
	}
	entry_finding(walk, step, FINDING_IMA_VIOLATION, subject_of(walk, step, entry), kind);
	if (report->arena.failed)
		return;
	walk->violation_open = true;
	walk->violation = report->n_findings - 1;
}

/* The entry behind a violation may tell its kind. */
static void settle_violation(struct ima_walk *walk, const struct ima_entry *entry)
{
	struct report *report = walk->judge->report;
	struct finding *finding = &report->findings[walk->violation];

	walk->violation_open = false;
	if (!entry->is_violation && bytes_equal(finding->subject, entry->path))
		finding->message = violation_writers;
}

/* What a buffer says, for the reader: there are no reference values for it. */
static const char *note_buffer(struct ima_walk *walk, const struct ima_step *step,
			       const struct ima_entry *entry, bool holds)
{
	struct report *report = walk->judge->report;
	enum ima_buffer_kind kind = ima_buffer_kind(entry->path, entry->buf);
	struct report_buffer buffer = { .name = entry->path,
					.kind = ima_buffer_kind_name(kind),
					.index = step->record.index,
					.size = entry->buf.size,
					.holds = holds };
	AUTO(buf_clear) struct buf text = BUF_INIT;

	if (holds && report->n_buffers >= REPORT_BUFFERS_MAX)
		return "";
	ima_buffer_describe(entry->path, entry->buf, &text);
	if (text.failed)
		report->arena.failed = true;
	if (kind != IMA_BUFFER_BYTES)
		buffer.text = buf_bytes(&text);
	if (kind == IMA_BUFFER_FIELDS)
		buffer.fields = entry->buf;
	report_buffer(report, &buffer);
	return holds ? ""
		     : report_text(report, bytes_of(text.data, text.size < 256 ? text.size : 256));
}

/* A kernel's buffer: its digest is over the buffer that the entry holds. */
static int judge_buffer(struct ima_walk *walk, const struct ima_step *step,
			const struct ima_entry *entry, struct error *err)
{
	struct judge *judge = walk->judge;
	struct digest logged, digest;
	struct finding *finding;
	const char *shown;

	judge->report->coverage.n_buffers++;
	if (bytes_equal_string(entry->path, "kexec-cmdline") ||
	    bytes_equal_string(entry->path, "kexec_execute"))
		walk->kexec_measured = true;
	if (!digest_init(&logged, entry->digest.alg, entry->digest.value) ||
	    !hasher_has(judge->hasher, logged.alg)) {
		entry_finding(walk, step, FINDING_IMA_NO_REFERENCE, entry->path,
			      "a buffer measured with a hash that Assay does not know");
		return 0;
	}
	if (hasher_digest_bytes(judge->hasher, logged.alg, entry->buf, &digest, err) < 0)
		return -1;
	shown = note_buffer(walk, step, entry, digest_equal(&digest, &logged));
	if (digest_equal(&digest, &logged)) {
		judge_kexec(walk, step, entry);
		judge_listed_buffer(walk, step, entry, &logged);
		return judge_keyring_entry(walk, step, entry, err);
	}
	finding = entry_finding(
		walk, step, FINDING_IMA_BUFFER, entry->path,
		arena_printf(&judge->report->arena,
			     "its digest is not the hash of the buffer that the entry holds: %s",
			     shown));
	finding->found = report_digest(judge->report, &logged);
	return 0;
}

/* Weaker: a shorter digest, or one whose collisions are known. */
static bool is_weaker(enum alg alg, enum alg wanted)
{
	return alg != ALG_NONE && alg_size(alg) < alg_size(wanted);
}

static void note_digest(struct ima_walk *walk, const struct ima_step *step, enum alg alg)
{
	struct weak_digests *weak;

	if (!is_weaker(alg, walk->judge->policy->ima_hash))
		return;
	weak = &walk->weak[alg];
	if (weak->n++ == 0) {
		weak->first_index = step->record.index;
		weak->first_offset = step->record.offset;
	}
}

static bool ends_with(struct bytes text, const char *end)
{
	size_t size = strlen(end);

	return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

/* Where kernels to start are: KEXEC_KERNEL_CHECK measures them like other files. */
static bool looks_like_kernel(struct bytes path)
{
	return bytes_start_with(path, bytes_of_string("/boot/")) || ends_with(path, "/vmlinuz") ||
	       ends_with(path, "/Image") || ends_with(path, "/bzImage");
}

/*
 * A template's name is in no hash: whoever holds the log may relabel an entry, so that what the
 * file's owner put into an attribute is read as its digest or its path. Every template of a kernel
 * begins with these two, and read so they are what was measured.
 */
static bool begins_with_digest_and_path(const struct ima_entry *entry)
{
	static const uint32_t digests =
		1u << IMA_FIELD_D | 1u << IMA_FIELD_D_NG | 1u << IMA_FIELD_D_NGV2;
	static const uint32_t paths = 1u << IMA_FIELD_N | 1u << IMA_FIELD_N_NG;

	return entry->n_fields >= 2 && digests >> entry->fields[0].id & 1 &&
	       paths >> entry->fields[1].id & 1;
}

/* Files are logged by an absolute path, or as memfd:NAME; the kernel names no buffer of its own so. */
static bool names_a_file(struct bytes path)
{
	return path.size == 0 || path.data[0] == '/' ||
	       bytes_start_with(path, bytes_of_string("memfd:"));
}

static bool has_field(const struct ima_entry *entry, enum ima_field_id id)
{
	for (size_t i = 0; i < entry->n_fields; i++)
		if (entry->fields[i].id == id)
			return true;
	return false;
}

static int judge_entry(struct ima_walk *walk, const struct ima_step *step, struct error *err)
{
	struct report *report = walk->judge->report;
	struct ima_entry entry;
	bool is_aggregate;

	ima_entry_parse(walk->judge->ima_list, &step->record, &entry);
	if (walk->violation_open)
		settle_violation(walk, &entry);
	is_aggregate = entry.is_whole && !entry.is_violation &&
		       bytes_equal_string(entry.path, "boot_aggregate");
	if (step->record.index == 0 && !is_aggregate) {
		walk->n_odd++;
		entry_finding(walk, step, FINDING_IMA_STRUCTURE, subject_of(walk, step, &entry),
			      "the first entry is not boot_aggregate: the log does not begin where "
			      "the kernel began it");
	}
	if (step->check == IMA_CHECK_MISMATCH) {
		struct finding *finding = entry_finding(
			walk, step, FINDING_IMA_TEMPLATE_HASH, subject_of(walk, step, &entry),
			"the template hash is not the hash of the entry's fields: one "
			"of them was changed after it was measured");

		walk->n_odd++;
		finding->found = report_digest(report, &step->record.digests[0]);
	}
	if (!entry.is_known) {
		entry_finding(walk, step, FINDING_IMA_UNKNOWN_TEMPLATE,
			      bytes_of_string(report_text(report, step->record.name)),
			      "a template of no kernel known: what it measured is not looked up");
		return 0;
	}
	if (!begins_with_digest_and_path(&entry)) {
		entry_finding(
			walk, step, FINDING_IMA_UNKNOWN_TEMPLATE,
			bytes_of_string(report_text(report, step->record.name)),
			"a template that does not begin with digest and path, as those of "
			"kernels do: its name is in no hash, so what it measured is not looked up");
		return 0;
	}
	if (!entry.is_whole) {
		walk->n_odd++;
		entry_finding(walk, step, FINDING_IMA_STRUCTURE, subject_of(walk, step, &entry),
			      "its fields do not fill its data as its template says");
		return 0;
	}
	if (entry.is_violation) {
		judge_violation(walk, step, &entry);
		return 0;
	}
	if (is_aggregate)
		return judge_kernel(walk, step, &entry, err);
	if (has_field(&entry, IMA_FIELD_BUF) && !names_a_file(entry.path))
		return judge_buffer(walk, step, &entry, err);
	note_digest(walk, step, entry.digest.alg);
	if (looks_like_kernel(entry.path))
		walk->kexec_measured = true;
	if (judge_signatures(walk, step, &entry, err) < 0)
		return -1;
	return judge_file(walk, step, &entry, err);
}

/*
 * An entry whose template hash says that it is a whole one of "ima-ng", of a file that is as the database
 * has it: nothing more is to be said about it, but for what hangs on the entries around it. False if
 * something does: then judge_entry has to look.
 */
static bool judge_known(struct ima_walk *walk, const struct ima_step *step)
{
	const struct bytes sha256 = bytes_of("sha256:", 8);
	struct coverage *coverage = &walk->judge->report->coverage;
	struct reader in = reader_of(step->record.data, 0, NULL);
	struct bytes digest, path;

	if (walk->violation_open || step->record.index == 0 ||
	    walk->judge->policy->require_signed.n_items)
		return false;
	digest = reader_bytes(&in, reader_le32(&in));
	path = reader_bytes(&in, reader_le32(&in));
	if (in.ran_out || path.size == 0 || !bytes_start_with(digest, sha256))
		return false; /* of a weaker algorithm, or no answer that we know of */
	path.size--;          /* its NUL */
	note_digest(walk, step, ALG_SHA256);
	if (looks_like_kernel(path))
		walk->kexec_measured = true;
	coverage->n_files++;
	coverage->n_known++;
	return true;
}

/* --- the whole log ------------------------------------------------------------------------------- */

/* Every quoted value that a PCR does not have when the kernel starts is for the IMA log to give. */
static int set_trackers(struct ima_walk *walk, struct error *err)
{
	struct judge *judge = walk->judge;

	judge->trackers =
		arena_take(&judge->report->arena, (judge->n_quotes * ALG_BANKS * PCR_COUNT + 1) *
							  sizeof(*judge->trackers));
	if (!judge->trackers)
		return error_memory(err, judge->bundle->name);
	for (size_t i = 0; i < judge->n_quotes; i++) {
		struct judged_quote *quote = &judge->quotes[i];

		if (!quote->is_verified || !quote->has_values)
			continue;
		for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
			pcr_set pcrs = quote_selection_pcrs(&quote->quote.selection, (enum alg)alg);
			struct pcr_bank base;

			if (!pcrs)
				continue;
			if (judge_base_bank(judge, (enum alg)alg, &base, err) < 0)
				return -1;
			for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
				struct ima_tracker *tracker = &judge->trackers[judge->n_trackers];
				struct bytes value = bytes_of(quote->pcrs->value[alg][pcr],
							      alg_size((enum alg)alg));

				if (!(pcrs >> pcr & 1) ||
				    memcmp(value.data, base.value[pcr], value.size) == 0)
					continue;
				quote->trackers[alg][pcr] = tracker;
				tracker->prefix.pcr = pcr;
				digest_init(&tracker->prefix.wanted, (enum alg)alg, value);
				judge->n_trackers++;
			}
		}
	}
	return 0;
}

int judge_ima_begin(struct judge *judge, struct ima_replay *replay, alg_set banks,
		    struct error *err)
{
	for (unsigned alg = 0; alg < ALG_BANKS; alg++) {
		const struct pcr_bank *bank;

		if (!(banks >> alg & 1))
			continue;
		if (judge_boot_bank(judge, (enum alg)alg, &bank, err) < 0)
			return -1;
		for (uint32_t pcr = 0; bank && pcr < PCR_COUNT; pcr++)
			for (enum ima_way way = 0; way < IMA_WAYS; way++)
				ima_replay_set(replay, (enum alg)alg, way, pcr,
					       bytes_of(bank->value[pcr], alg_size((enum alg)alg)));
	}
	return 0;
}

/* Banks to replay: the quoted ones; libcrypto may lack one. */
static alg_set banks_to_replay(const struct judge *judge)
{
	alg_set banks = verified_banks(judge);

	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		if (!hasher_has(judge->hasher, (enum alg)alg))
			banks &= ~((alg_set)1 << alg);
	return banks;
}

static int walk_entries(struct ima_walk *walk, bool *is_whole, struct error *err)
{
	struct judge *judge = walk->judge;
	struct error problem = { 0 };
	const struct ima_step *step;
	bool by_hash;
	int more;

	while ((more = ima_replay_next(walk->judge->ima_replay, &step, &problem)) > 0) {
		for (size_t i = 0; i < walk->judge->n_trackers; i++)
			ima_prefix_step(&walk->judge->trackers[i].prefix, walk->judge->ima_replay);
		if (step->record.pcr < PCR_COUNT &&
		    !(judge->ima_extended >> step->record.pcr & 1)) {
			judge->ima_extended |= (pcr_set)1 << step->record.pcr;
			judge->ima_begins[step->record.pcr] = step->record.index;
		}
		if (judge_merge_note(judge, step, err) < 0 ||
		    judge_lookup(walk, step, &by_hash, err) < 0)
			return -1;
		if (by_hash && judge_known(walk, step))
			continue;
		if (judge_entry(walk, step, err) < 0)
			return -1;
	}
	if (more < 0 && problem.code == ERROR_SYSTEM) {
		*err = problem;
		return -1;
	}
	judge->n_entries = judge->report->coverage.n_entries =
		ima_replay_counts(walk->judge->ima_replay).n_entries;
	*is_whole = more == 0;
	if (more < 0) {
		struct finding *finding =
			report_finding(judge->report, FINDING_LOG_MALFORMED, FINDING_AS_LISTED,
				       file_subject(walk->file),
				       "breaks off after %" PRIu64 " entries: %s", judge->n_entries,
				       problem.message);

		finding_at(judge->report, finding, walk->file->path, REPORT_NOWHERE,
			   problem.offset);
	}
	return 0;
}

static void report_weak(struct ima_walk *walk)
{
	struct report *report = walk->judge->report;

	for (unsigned alg = 0; alg < ALG_COUNT; alg++) {
		const struct weak_digests *weak = &walk->weak[alg];
		struct finding *finding;

		if (weak->n == 0)
			continue;
		finding = report_finding(report, FINDING_IMA_WEAK_DIGEST, FINDING_AS_LISTED,
					 bytes_of_string(alg_name((enum alg)alg)),
					 "%" PRIu64 " entries, this the first, are hashed with %s; "
					 "%s is wanted",
					 weak->n, alg_name((enum alg)alg),
					 alg_name(walk->judge->policy->ima_hash));
		finding_at(report, finding, walk->file->path, weak->first_index,
			   weak->first_offset);
	}
}

static void report_lookup(const struct ima_walk *walk)
{
	struct report *report = walk->judge->report;
	const struct coverage *coverage = &report->coverage;
	struct bytes subject = file_subject(walk->file);
	uint64_t n_silenced = 0;

	for (size_t i = 0; i < report->n_exclusions; i++)
		n_silenced += report->exclusions[i].n_silenced;
	if (!walk->judge->setup->golden)
		return; /* said for the bundle */
	n_silenced += walk->signatures.n_accepted;
	if (coverage->n_known == coverage->n_files)
		report_check(report, "ima.lookup", CHECK_PASS, subject,
			     "all %" PRIu64 " files are as the database has them",
			     coverage->n_files);
	else if (coverage->n_known + n_silenced == coverage->n_files)
		report_check(report, "ima.lookup", CHECK_PASS, subject,
			     "%" PRIu64 " of %" PRIu64 " files are as the database has them, "
			     "%" PRIu64 " are excluded or accepted by the policy",
			     coverage->n_known, coverage->n_files, n_silenced);
	else
		report_check(report, "ima.lookup", CHECK_FAIL, subject,
			     "%" PRIu64 " of %" PRIu64 " files are not as the database has them",
			     coverage->n_files - coverage->n_known - n_silenced, coverage->n_files);
	judge_report_buffers(walk);
}

static int judge_list(struct ima_walk *walk, struct error *err)
{
	struct judge *judge = walk->judge;
	struct report *report = judge->report;
	struct bytes subject = file_subject(walk->file);
	bool is_whole = false;

	report->coverage.has_ima_log = judge->has_ima = true;
	if (set_trackers(walk, err) < 0 ||
	    ima_replay_new(walk->judge->ima_list, banks_to_replay(judge), judge->hasher,
			   &walk->judge->ima_replay, err) < 0 ||
	    judge_ima_begin(judge, judge->ima_replay, banks_to_replay(judge), err) < 0 ||
	    walk_entries(walk, &is_whole, err) < 0)
		return -1;
	if (judge->n_entries == 0)
		report_missing(report, "ima.log", subject, "an IMA log without entries");
	else
		report_check(report, "ima.log",
			     is_whole && walk->n_odd == 0 ? CHECK_PASS : CHECK_FAIL, subject,
			     "%" PRIu64 " entries%s", judge->n_entries,
			     !is_whole     ? ", and not readable to its end"
			     : walk->n_odd ? ", not all as a kernel writes them"
					   : ", each template hash recomputed");
	report_weak(walk);
	report_lookup(walk);
	report_signatures(walk);
	report_keyrings(walk);
	return 0;
}

static int open_list(struct ima_walk *walk, struct error *problem)
{
	const struct bundle_file *file = walk->file;
	struct judge *judge = walk->judge;

	if (!file->is_large)
		return ima_list_open(file->contents, file->path, judge->hasher, &judge->ima_list,
				     problem);
	if (pieces_open_fd(file->fd, file->path, &judge->ima_pieces, problem) < 0)
		return -1;
	return ima_list_open_pieces(judge->ima_pieces, judge->hasher, &judge->ima_list, problem);
}

int judge_ima(struct judge *judge, struct error *err)
{
	struct ima_walk walk = { .judge = judge };
	struct report *report = judge->report;
	struct error problem = { 0 };
	struct finding *finding;

	for (size_t i = 0; i < judge->bundle->n_files && !walk.file; i++)
		if (judge->bundle->files[i].role == ROLE_IMA_LOG)
			walk.file = &judge->bundle->files[i];
	if (walk.file && judge->has_joined)
		walk.file = &judge->joined_file;
	judge->ima_file = walk.file;
	if (!walk.file) {
		if (judge->policy->require_ima_log.value)
			report_missing(report, "ima.log", bytes_of("", 0),
				       "no IMA log (binary_runtime_measurements) in the bundle");
		else
			report_check(report, "ima.log", CHECK_SKIP, bytes_of("", 0),
				     "no IMA log in the bundle, which the policy allows");
		return 0;
	}
	if (open_list(&walk, &problem) == 0)
		return judge_list(&walk, err);
	if (problem.code == ERROR_SYSTEM) {
		*err = problem;
		return -1;
	}
	finding = report_finding(report, FINDING_LOG_MALFORMED, FINDING_AS_LISTED,
				 file_subject(walk.file), "%s", problem.message);
	finding_at(report, finding, walk.file->path, REPORT_NOWHERE, problem.offset);
	report_missing(report, "ima.log", file_subject(walk.file), "cannot be read");
	return 0;
}
