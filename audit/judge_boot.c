/* SPDX-License-Identifier: BSD-2-Clause */
/* verdicts.md, "Boot log": its records one by one. Whether its PCRs are the quoted ones says judge_pcr. */
#include "audit/judge.h"

#include <inttypes.h>

#include "core/own.h"

/* What was seen of one PCR's separators. */
struct separator_state {
	unsigned n;             /* separators so far */
	bool is_error;          /* one has the error value, or none that a separator has */
	uint64_t index, offset; /* of the event to point at */
	uint32_t type_after;    /* a type of the firmware's own that came after; 0: none */
	uint64_t n_after;       /* how many did */
};

struct boot_walk {
	struct judge *judge;
	struct separator_state separators[PCR_COUNT];
	bool is_ready;    /* EV_EFI_ACTION says that the firmware was ready to boot */
	bool has_started; /* an application was */
	bool went_on;     /* the firmware measured of its own after that */
	uint64_t n_checked, n_unchecked;
	uint64_t n_bad_data, n_odd;
};

/*
 * Types that only the firmware logs, and only before it hands over (PFP 3.3.2, 10.4.1): found after
 * a PCR's separator, somebody else logged them. Variables may be measured again later
 * (MdeModulePkg/Universal/Variable/RuntimeDxe/Measurement.c), SMBIOS tables when all is ready to
 * boot (EV_EFI_HANDOFF_TABLES in PCR 1: binary_bios_measurements of canonical/tcglog-parser and of
 * keylime, gdc-host.bin of google/go-tpm-tools), images and actions come then.
 */
static bool is_firmwares_own(uint32_t type)
{
	switch (type) {
	case EV_POST_CODE:
	case EV_POST_CODE2:
	case EV_S_CRTM_CONTENTS:
	case EV_S_CRTM_VERSION:
	case EV_CPU_MICROCODE:
	case EV_PLATFORM_CONFIG_FLAGS:
	case EV_TABLE_OF_DEVICES:
	case EV_NONHOST_CODE:
	case EV_NONHOST_CONFIG:
	case EV_NONHOST_INFO:
	case EV_EFI_PLATFORM_FIRMWARE_BLOB:
	case EV_EFI_PLATFORM_FIRMWARE_BLOB2:
	case EV_EFI_HCRTM_EVENT:
		return true;
	default:
		return false;
	}
}

static struct bytes pcr_subject(char text[16], uint32_t pcr)
{
	snprintf(text, 16, "PCR %" PRIu32, pcr);
	return bytes_of_string(text);
}

static void judge_oddities(struct boot_walk *walk, const struct record *record)
{
	static const struct {
		uint32_t bit;
		enum finding_code code;
		const char *text;
	} oddities[] = {
		{RECORD_DIGEST_TWICE,        FINDING_LOG_STRUCTURE, "two digests of one algorithm" },
		{ RECORD_DIGEST_MISSING,     FINDING_LOG_STRUCTURE,
                 "no digest for a bank that the log announces"                                     },
		{ RECORD_DIGEST_UNANNOUNCED, FINDING_LOG_STRUCTURE,
                 "a digest of an algorithm that the log does not announce"                         },
		{ RECORD_SPEC_ID_AGAIN,      FINDING_LOG_STRUCTURE, "a second Spec ID event"       },
		{ RECORD_PCR_RANGE,          FINDING_LOG_STRUCTURE, "extends a PCR that no TPM has"},
		{ RECORD_NO_ACTION_DIGEST,   FINDING_LOG_NO_ACTION,
                 "EV_NO_ACTION with a digest that is not zero"                                     },
		{ RECORD_LOCALITY_LATE,      FINDING_LOG_LOCALITY,
                 "the startup locality is stated after PCR 0 was extended"                         },
		{ RECORD_LOCALITY_AGAIN,     FINDING_LOG_LOCALITY,
                 "the startup locality is stated again"                                            },
		{ RECORD_LOCALITY_VALUE,     FINDING_LOG_LOCALITY,
                 "a startup locality that TPM2_Startup cannot have"                                },
	};
	struct report *report = walk->judge->report;
	char name[EVENT_TYPE_TEXT], pcr[16];

	for (size_t i = 0; i < ARRAY_SIZE(oddities); i++) {
		struct finding *finding;

		if (!(record->oddities & oddities[i].bit))
			continue;
		finding = report_finding(report, oddities[i].code, FINDING_AS_LISTED,
					 pcr_subject(pcr, record->pcr), "%s: %s",
					 event_type_text(record->type, name), oddities[i].text);
		finding_at(report, finding, walk->judge->boot_file->path, record->index,
			   record->offset);
		walk->n_odd++;
	}
}

static void judge_spec_id(struct boot_walk *walk)
{
	static const struct {
		uint32_t bit;
		enum finding_code code;
		const char *text;
	} oddities[] = {
		{SPEC_ID_DIGEST_SIZE, FINDING_LOG_STRUCTURE,
                 "announces an algorithm with another size than its own"                   },
		{ SPEC_ID_TWICE,      FINDING_LOG_STRUCTURE, "announces an algorithm twice"},
		{ SPEC_ID_DIGEST,     FINDING_LOG_NO_ACTION,
                 "EV_NO_ACTION with a digest that is not zero"                             },
	};
	const struct spec_id *spec_id = &walk->judge->boot.spec_id;
	struct report *report = walk->judge->report;

	for (size_t i = 0; i < ARRAY_SIZE(oddities); i++) {
		struct finding *finding;

		if (!(spec_id->oddities & oddities[i].bit))
			continue;
		finding = report_finding(report, oddities[i].code, FINDING_AS_LISTED,
					 bytes_of_string("Spec ID event"), "%s", oddities[i].text);
		finding_at(report, finding, walk->judge->boot_file->path, REPORT_NOWHERE,
			   spec_id->offset);
		walk->n_odd++;
	}
}

static int judge_data(struct boot_walk *walk, const struct record *record,
		      const struct event *event, struct error *err)
{
	struct judge *judge = walk->judge;
	struct report *report = judge->report;
	char name[EVENT_TYPE_TEXT], pcr[16];
	struct event_check check;
	struct finding *finding;

	if (event_check(record, event, judge->hasher, &check, err) < 0)
		return -1;
	if (check.result == DATA_UNCHECKED) {
		walk->n_unchecked++;
		return 0;
	}
	walk->n_checked++;
	if (check.result == DATA_MATCH)
		return 0;
	walk->n_bad_data++;
	finding = report_finding(report, FINDING_LOG_DATA_MISMATCH,
				 check.known ? FINDING_MILDER : FINDING_AS_LISTED,
				 pcr_subject(pcr, record->pcr),
				 "%s: the digest is not the hash of its data (%s)%s%s",
				 event_type_text(record->type, name),
				 report_algs(report, check.mismatched), check.known ? "; " : "",
				 check.known ? check.known : "");
	finding_at(report, finding, judge->boot_file->path, record->index, record->offset);
	return 0;
}

/* What firmware measures into PCR 4 together with its separators, when it is ready to boot (PFP 10.4.5). */
#define CALLING_APPLICATION "Calling EFI Application from Boot Option"

static void note_handover(struct boot_walk *walk, const struct record *record)
{
	if (record->type == EV_EFI_ACTION &&
	    bytes_start_with(record->data, bytes_of_string(CALLING_APPLICATION)))
		walk->is_ready = true;
	else if (record->type == EV_EFI_BOOT_SERVICES_APPLICATION && record->pcr == 4)
		walk->has_started = true;
	else if (is_firmwares_own(record->type))
		walk->went_on = walk->went_on || walk->has_started;
}

/*
 * Firmware that never says it is ready to boot measures no separator but that of PCR 7, which belongs
 * to Secure Boot's variables: Google's virtual machines of 2019 (windows_gcp_shielded_vm.json and
 * sb_cert_eventlog of google/go-attestation), whose quotes confirm it. Believed where a quote covers all
 * of PCR 0 to 7, and only of all of PCR 0 to 6 at once.
 */
static bool never_ready(const struct boot_walk *walk)
{
	const struct judge *judge = walk->judge;
	pcr_set wanted = 0xff, quoted = 0;

	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		if (verified_banks(judge) >> alg & 1)
			quoted |= quoted_pcrs(judge, alg);
	for (unsigned pcr = 0; pcr < 7; pcr++)
		if (walk->separators[pcr].n)
			return false;
	return walk->separators[7].n == 1 && !walk->separators[7].is_error && !walk->is_ready &&
	       !walk->went_on && (quoted & wanted) == wanted;
}

static void note_separator(struct boot_walk *walk, const struct record *record,
			   const struct event *event)
{
	struct separator_state *state;
	struct bytes value;

	if (record->pcr >= PCR_COUNT)
		return;
	state = &walk->separators[record->pcr];
	if (record->type != EV_SEPARATOR) {
		if (state->n == 0 || !is_firmwares_own(record->type))
			return;
		if (state->n_after++ == 0 && !state->is_error) {
			state->type_after = record->type;
			state->index = record->index;
			state->offset = record->offset;
		}
		return;
	}
	value = event->kind == EVENT_SEPARATOR ? event->separator : record->data;
	/* Zeros or ones, four of them; coreboot writes fifty (StarLabs firmware). */
	if (value.size < 4 || (!bytes_all(value, 0) && !bytes_all(value, 0xff)))
		state->is_error = true;
	if (state->n++ == 0 || state->is_error) {
		state->index = record->index;
		state->offset = record->offset;
	}
}

/* Exactly one separator in each PCR of the policy, and nothing of the firmware's own after it. */
static void judge_separators(struct boot_walk *walk)
{
	struct judge *judge = walk->judge;
	struct report *report = judge->report;
	pcr_set bad = 0, missing = judge->policy->separators.value & 0x7f;

	if (missing && never_ready(walk)) {
		report_finding(
			report, FINDING_BOOT_SEPARATOR, FINDING_MILDER, bytes_of_string("PCR 0-6"),
			"no separator in any of PCR 0 to 6, one in PCR 7: firmware that never "
			"says that it is ready to boot, as Google's cloud had");
		bad = missing;
	}
	for (uint32_t pcr = bad ? 7 : 0; pcr < PCR_COUNT; pcr++) {
		const struct separator_state *state = &walk->separators[pcr];
		char text[16], type[EVENT_TYPE_TEXT];
		struct bytes subject = pcr_subject(text, pcr);
		struct finding *finding = NULL;

		if (!(judge->policy->separators.value >> pcr & 1))
			continue;
		if (state->n == 0)
			report_finding(report, FINDING_BOOT_SEPARATOR, FINDING_AS_LISTED, subject,
				       "has no separator: firmware did not hand over as it should");
		else if (state->is_error)
			finding = report_finding(
				report, FINDING_BOOT_SEPARATOR, FINDING_AS_LISTED, subject,
				"an error separator: the firmware failed to measure");
		else if (state->n > 1)
			finding = report_finding(report, FINDING_BOOT_SEPARATOR, FINDING_AS_LISTED,
						 subject, "%u separators, there is to be one",
						 state->n);
		else if (state->n_after)
			finding = report_finding(
				report, FINDING_BOOT_SEPARATOR, FINDING_AS_LISTED, subject,
				"%" PRIu64
				" events after its separator of a type that firmware logs "
				"before it, the first %s",
				state->n_after, event_type_text(state->type_after, type));
		else
			continue;
		bad |= (pcr_set)1 << pcr;
		if (finding)
			finding_at(report, finding, judge->boot_file->path, state->index,
				   state->offset);
	}
	if (bad)
		report_check(report, "boot.separators", CHECK_FAIL, file_subject(judge->boot_file),
			     "not as they should be in PCR %s", report_pcrs(report, bad));
	else if (judge->policy->separators.value)
		report_check(report, "boot.separators", CHECK_PASS, file_subject(judge->boot_file),
			     "one in each of PCR %s",
			     report_pcrs(report, judge->policy->separators.value));
}

/* Keeps the banks of the set: what nobody compares is not replayed. */
static void keep_banks(struct eventlog_replay *replay, alg_set algs)
{
	size_t n = 0;

	for (size_t i = 0; i < replay->n_banks; i++)
		if (algs >> replay->banks[i].alg & 1) {
			if (n != i)
				replay->banks[n] = replay->banks[i];
			n++;
		}
	replay->n_banks = n;
	replay->algs &= algs;
}

/* 0 for a whole log, 1 for one that breaks off, -1. */
static int walk_records(struct boot_walk *walk, struct error *err)
{
	struct judge *judge = walk->judge;
	struct error problem = { 0 };
	struct record record;
	struct event event;
	int more;

	while ((more = eventlog_next(&judge->boot, &record, &problem)) > 0) {
		judge->report->coverage.n_events++;
		if (record.oddities)
			judge_oddities(walk, &record);
		if (eventlog_extend(&judge->boot_replay, &record, err) < 0)
			return -1;
		if (event_extends(&record))
			judge->boot_extended |= (pcr_set)1 << record.pcr;
		event_decode(&record, &event);
		note_handover(walk, &record);
		note_separator(walk, &record, &event);
		if (judge_data(walk, &record, &event, err) < 0)
			return -1;
	}
	judge->report->coverage.n_events_appended = judge->boot_replay.n_appended;
	if (more < 0) {
		struct finding *finding =
			report_finding(judge->report, FINDING_LOG_MALFORMED, FINDING_AS_LISTED,
				       file_subject(judge->boot_file),
				       "breaks off after %" PRIu64 " events: %s",
				       judge->report->coverage.n_events, problem.message);

		finding_at(judge->report, finding, judge->boot_file->path, REPORT_NOWHERE,
			   problem.offset);
		report_check(judge->report, "log.boot", CHECK_FAIL, file_subject(judge->boot_file),
			     "cannot be read to its end");
	}
	return more < 0;
}

static void report_walk(const struct boot_walk *walk, bool is_whole)
{
	struct report *report = walk->judge->report;
	struct bytes subject = file_subject(walk->judge->boot_file);

	if (is_whole && walk->n_odd == 0)
		report_check(report, "log.boot", CHECK_PASS, subject, "%" PRIu64 " events",
			     report->coverage.n_events);
	else if (is_whole)
		report_check(report, "log.boot", CHECK_FAIL, subject,
			     "%" PRIu64 " events, %" PRIu64 " of them no boot log should have",
			     report->coverage.n_events, walk->n_odd);
	report_check(report, "log.data", walk->n_bad_data ? CHECK_FAIL : CHECK_PASS, subject,
		     "the digests of %" PRIu64 " of %" PRIu64
		     " events are the hash of their data; of %" PRIu64
		     " the data only describes what was measured",
		     walk->n_checked - walk->n_bad_data, report->coverage.n_events,
		     walk->n_unchecked);
}

int judge_boot(struct judge *judge, struct error *err)
{
	const struct bundle_file *file = bundle_find(judge->bundle, ROLE_BOOT_LOG, bytes_of("", 0));
	struct report *report = judge->report;
	struct boot_walk walk = { .judge = judge };
	struct error problem = { 0 };
	struct finding *finding;
	int status;

	judge->boot_file = file;
	judge->locality = EVENTLOG_LOCALITY_STATED;
	if (!file) {
		if (judge->policy->require_boot_log.value)
			report_missing(report, "log.boot", bytes_of("", 0),
				       "no boot log (binary_bios_measurements) in the bundle");
		else
			report_check(report, "log.boot", CHECK_SKIP, bytes_of("", 0),
				     "no boot log in the bundle, which the policy allows");
		return 0;
	}
	if (eventlog_open(&judge->boot, file->contents, file->path, &problem) < 0) {
		finding = report_finding(report, FINDING_LOG_MALFORMED, FINDING_AS_LISTED,
					 file_subject(file), "%s", problem.message);
		finding_at(report, finding, file->path, REPORT_NOWHERE, problem.offset);
		report_missing(report, "log.boot", file_subject(file), "cannot be read");
		return 0;
	}
	if (judge->boot.format == EVENTLOG_CC) {
		report_missing(report, "log.boot", file_subject(file),
			       "a log of measurement registers (CCEL): held against a TDX quote's, "
			       "not a TPM's");
		return 0;
	}
	report->coverage.has_boot_log = judge->has_boot = true;
	eventlog_replay_init(&judge->boot_replay, &judge->boot, judge->hasher,
			     EVENTLOG_LOCALITY_STATED);
	if (verified_banks(judge))
		keep_banks(&judge->boot_replay, verified_banks(judge));
	judge_spec_id(&walk);
	status = walk_records(&walk, err);
	if (status < 0)
		return -1;
	report_walk(&walk, status == 0);
	judge_separators(&walk);
	return 0;
}

/* --- banks that are asked for later ------------------------------------------------------------ */

/* Replays the whole log once more: banks of algs, PCR 0 from a locality. */
static int replay_again(struct judge *judge, alg_set algs, int locality,
			struct eventlog_replay *out, struct error *err)
{
	struct record record;

	eventlog_rewind(&judge->boot);
	eventlog_replay_init(out, &judge->boot, judge->hasher, locality);
	keep_banks(out, algs);
	while (eventlog_next(&judge->boot, &record, NULL) > 0)
		if (eventlog_extend(out, &record, err) < 0)
			return -1;
	return 0;
}

int judge_boot_bank(struct judge *judge, enum alg alg, const struct pcr_bank **out,
		    struct error *err)
{
	*out = NULL;
	if (!judge->has_boot || alg >= ALG_BANKS)
		return 0;
	*out = eventlog_bank(&judge->boot_replay, alg);
	if (*out || !(judge->boot.algs >> alg & 1))
		return 0;
	if (!judge->extra[alg]) {
		judge->extra[alg] = arena_take(&judge->report->arena, sizeof(*judge->extra[alg]));
		if (!judge->extra[alg])
			return error_memory(err, judge->bundle->name);
		if (replay_again(judge, (alg_set)1 << alg, judge->locality, judge->extra[alg],
				 err) < 0)
			return -1;
	}
	*out = eventlog_bank(judge->extra[alg], alg);
	return 0;
}

/*
 * Does a replay give all quoted values of PCR 0, with as much of user space's log as may have been
 * extended since? 1, 0, -1.
 */
static int fits_quotes(const struct judge *judge, const struct eventlog_replay *replay,
		       struct error *err)
{
	AUTO(own_free) bool *fits = calloc(judge->n_userspace + 1, sizeof(*fits));

	if (!fits)
		return error_memory(err, judge->bundle->name);
	for (size_t i = 0; i < judge->n_quotes; i++) {
		const struct judged_quote *quote = &judge->quotes[i];

		if (!quote->is_verified || !quote->has_values)
			continue;
		for (size_t b = 0; b < replay->n_banks; b++) {
			const struct pcr_bank *bank = &replay->banks[b];
			int status;

			if (!(quote_selection_pcrs(&quote->quote.selection, bank->alg) & 1))
				continue;
			status = userspace_fits(judge, bank, 0, quote->pcrs->value[bank->alg][0],
						fits, err);
			if (status <= 0)
				return status;
		}
	}
	return 1;
}

int judge_restart(struct judge *judge, size_t i, struct eventlog_replay *out, struct error *err)
{
	static const uint8_t localities[] = { 0, 3, 4 };

	for (size_t l = 0; l < ARRAY_SIZE(localities); l++) {
		if (localities[l] == judge->boot_replay.locality.used || i-- > 0)
			continue;
		return replay_again(judge, judge->boot_replay.algs, localities[l], out, err) < 0
			       ? -1
			       : 1;
	}
	return 0;
}

void judge_restarted(struct judge *judge, const struct eventlog_replay *replay)
{
	const struct eventlog_locality stated = judge->boot_replay.locality;
	bool is_stated = stated.stated || stated.hcrtm || stated.late;
	unsigned locality = (unsigned)replay->forced_locality;
	struct finding *finding;

	judge->locality = replay->forced_locality;
	judge->boot_replay = *replay;
	memset(judge->extra, 0, sizeof(judge->extra));
	finding = report_finding(
		judge->report, FINDING_LOG_LOCALITY, is_stated ? FINDING_AS_LISTED : FINDING_MILDER,
		bytes_of_string("PCR 0"),
		is_stated ? "the TPM was started from locality %u, but the log states %u"
			  : "the TPM was started from locality %u, which the log does not state",
		locality, (unsigned)stated.value);
	finding_at(judge->report, finding, judge->boot_file->path,
		   is_stated ? stated.index : REPORT_NOWHERE,
		   is_stated ? stated.offset : REPORT_NOWHERE);
}

int judge_locality(struct judge *judge, struct error *err)
{
	struct eventlog_replay again;
	int status = judge->has_boot ? fits_quotes(judge, &judge->boot_replay, err) : 1;

	for (size_t i = 0; status == 0; i++) {
		int more = judge_restart(judge, i, &again, err);

		if (more <= 0)
			return more;
		status = fits_quotes(judge, &again, err);
		if (status > 0)
			judge_restarted(judge, &again);
	}
	return status < 0 ? -1 : 0;
}
