/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An honest bundle, and what is said of it after one change each. The evidence
 * is a captured boot; golden values are made from its own log.
 */
#include "tests/unit/audit/fixture.h"

/* --- changes ------------------------------------------------------------------------------------ */

static void cut(struct fixture *fixture, const char *path, size_t size)
{
	fixture_put(fixture, path, bytes_of(fixture_file(fixture, path)->contents.data, size));
}

static void append(struct fixture *fixture, const char *path, struct bytes more)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	buf_append(&text, fixture_file(fixture, path)->contents);
	buf_append(&text, more);
	fixture_put(fixture, path, buf_bytes(&text));
}

#define RECORDS_MAX 512

/* Where the records of a log begin, and after the last one its end. */
struct records {
	size_t at[RECORDS_MAX + 1];
	size_t n;
};

static struct records boot_records(struct fixture *fixture)
{
	struct records records = { .n = 0 };
	struct error err = { 0 };
	struct eventlog log;
	struct record record;
	struct bytes bytes = fixture_file(fixture, BOOT)->contents;

	assert_int_equal(eventlog_open(&log, bytes, BOOT, &err), 0);
	while (eventlog_next(&log, &record, &err) > 0)
		records.at[records.n++] = record.offset;
	records.at[records.n] = log.padding_offset;
	return records;
}

static struct records ima_records(struct fixture *fixture)
{
	struct records records = { .n = 0 };
	struct error err = { 0 };
	struct ima_list *list;
	struct record record;
	struct hasher *hasher;
	struct bytes bytes = fixture_file(fixture, IMA)->contents;

	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(ima_list_open(bytes, IMA, hasher, &list, &err), 0);
	while (ima_list_next(list, &record, &err) > 0)
		records.at[records.n++] = record.offset;
	records.at[records.n] = bytes.size;
	ima_list_free(list);
	hasher_free(hasher);
	return records;
}

/* Puts a log together from records of it, in the order given. */
static void reorder(struct fixture *fixture, const char *path, const struct records *records,
		    const size_t *order, size_t n)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct bytes log = fixture_file(fixture, path)->contents;

	buf_append(&text, bytes_of(log.data, records->at[0]));
	for (size_t i = 0; i < n; i++)
		buf_append(&text, bytes_of(log.data + records->at[order[i]],
					   records->at[order[i] + 1] - records->at[order[i]]));
	fixture_put(fixture, path, buf_bytes(&text));
}

enum edit { REMOVE, TWICE, SWAP_WITH_NEXT };

static void edit(struct fixture *fixture, const char *path, const struct records *records,
		 size_t which, enum edit how)
{
	size_t order[RECORDS_MAX + 1], n = 0;

	for (size_t i = 0; i < records->n; i++) {
		size_t at = i;

		if (how == SWAP_WITH_NEXT && i == which)
			at = which + 1;
		else if (how == SWAP_WITH_NEXT && i == which + 1)
			at = which;
		if (how == REMOVE && i == which)
			continue;
		order[n++] = at;
		if (how == TWICE && i == which)
			order[n++] = at;
	}
	reorder(fixture, path, records, order, n);
}

/* The n-th record of the boot log with this PCR and type. */
static size_t boot_find(struct fixture *fixture, uint32_t pcr, uint32_t type, size_t n)
{
	struct error err = { 0 };
	struct eventlog log;
	struct record record;

	assert_int_equal(eventlog_open(&log, fixture_file(fixture, BOOT)->contents, BOOT, &err), 0);
	while (eventlog_next(&log, &record, &err) > 0)
		if (record.pcr == pcr && record.type == type && n-- == 0)
			return (size_t)record.index;
	fail_msg("no such event");
	return 0;
}

/* Offset of the digest of one bank in an event (TCG_PCR_EVENT2). */
static long digest_offset(struct fixture *fixture, size_t event, enum alg alg)
{
	struct records records = boot_records(fixture);
	struct bytes log = fixture_file(fixture, BOOT)->contents;
	struct reader in = reader_of(log, 0, BOOT);
	uint32_t n;

	reader_skip(&in, records.at[event] + 8);
	n = reader_le32(&in);
	while (n-- > 0) {
		enum alg found = alg_of_tpm_id(reader_le16(&in));

		if (found == alg)
			return (long)reader_offset(&in);
		reader_skip(&in, alg_size(found));
	}
	fail_msg("no such bank");
	return 0;
}

/* Puts an entry of ima-ng together, its template hash right. */
static void ima_record(struct buf *out, const char *path, uint8_t fill, bool violation)
{
	AUTO(buf_clear) struct buf data = BUF_INIT;
	uint8_t value[32];
	struct error err = { 0 };
	struct hasher *hasher;
	struct digest digest;

	memset(value, violation ? 0 : fill, sizeof(value));
	buf_append_le32(&data, 8 + 32);
	buf_append(&data, bytes_of("sha256:\0", 8));
	buf_append(&data, bytes_of(value, 32));
	buf_append_le32(&data, (uint32_t)strlen(path) + 1);
	buf_append(&data, bytes_of(path, strlen(path) + 1));
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA1, buf_bytes(&data), &digest, &err), 0);
	hasher_free(hasher);
	if (violation)
		memset(digest.value, 0, sizeof(digest.value));
	buf_append_le32(out, 10);
	buf_append(out, digest_bytes(&digest));
	buf_append_le32(out, 6);
	buf_append_string(out, "ima-ng");
	buf_append_le32(out, (uint32_t)data.size);
	buf_append(out, buf_bytes(&data));
}

/* Index of the entry of a path. */
static size_t ima_find(struct fixture *fixture, const char *path, struct bytes *where)
{
	struct bytes log = fixture_file(fixture, IMA)->contents;
	struct error err = { 0 };
	struct hasher *hasher;
	struct ima_list *list;
	struct record record;
	struct ima_entry entry;
	size_t found = SIZE_MAX;

	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(ima_list_open(log, IMA, hasher, &list, &err), 0);
	while (found == SIZE_MAX && ima_list_next(list, &record, &err) > 0) {
		ima_entry_parse(list, &record, &entry);
		if (bytes_equal_string(entry.path, path)) {
			found = (size_t)record.index;
			*where = entry.path;
		}
	}
	ima_list_free(list);
	hasher_free(hasher);
	assert_true(found != SIZE_MAX);
	return found;
}

/* --- rows --------------------------------------------------------------------------------------- */

static void honest(struct fixture *f)
{
	(void)f;
}
static void signature_flipped(struct fixture *f)
{
	flip(f, "quote.sig", -1);
}
static void other_key(struct fixture *f)
{
	struct bytes key = test_file(CAPTURES "efistub/ak.pub");

	fixture_put(f, "ak.pub", key);
	test_drop(key);
}
static void clock_changed(struct fixture *f)
{
	flip(f, "quote.msg", 70);
}
static void magic_changed(struct fixture *f)
{
	flip(f, "quote.msg", 0);
}
static void message_longer(struct fixture *f)
{
	append(f, "quote.msg", bytes_of("\0", 1));
}
static void message_cut(struct fixture *f)
{
	cut(f, "quote.msg", 60);
}
static void signature_cut(struct fixture *f)
{
	cut(f, "quote.sig", 20);
}
static void signature_missing(struct fixture *f)
{
	fixture_remove(f, "quote.sig");
}
static void key_cut(struct fixture *f)
{
	cut(f, "ak.pub", 100);
}
static void key_missing(struct fixture *f)
{
	fixture_remove(f, "ak.pub");
	f->setup.n_anchors = 0;
}
static void key_of_operator(struct fixture *f)
{
	fixture_remove(f, "ak.pub");
}
static void values_changed(struct fixture *f)
{
	flip(f, "quote.pcrs", 700);
}
static void values_cut(struct fixture *f)
{
	cut(f, "quote.pcrs", 500);
}
static void values_missing(struct fixture *f)
{
	fixture_remove(f, "quote.pcrs");
}
static void values_missing_and_event_removed(struct fixture *f)
{
	struct records records = boot_records(f);

	fixture_remove(f, "quote.pcrs");
	edit(f, BOOT, &records, 20, REMOVE);
}
static void values_missing_and_entry_appended(struct fixture *f)
{
	AUTO(buf_clear) struct buf more = BUF_INIT;

	fixture_remove(f, "quote.pcrs");
	ima_record(&more, "/usr/local/bin/late", 7, false);
	append(f, IMA, buf_bytes(&more));
}
static void no_quote(struct fixture *f)
{
	fixture_remove(f, "quote.msg");
	fixture_remove(f, "quote.sig");
	fixture_remove(f, "quote.pcrs");
}
static void own_nonce_fits(struct fixture *f)
{
	struct bytes nonce = test_file(CAPTURES "sb-grub/nonce");

	fixture_put(f, "nonce", nonce);
	test_drop(nonce);
}
static void own_nonce_differs(struct fixture *f)
{
	fixture_put(f, "nonce", bytes_of_string("00112233\n"));
}
static void own_nonce_malformed(struct fixture *f)
{
	fixture_put(f, "nonce", bytes_of_string("not hex"));
}
static void own_records_differ(struct fixture *f)
{
	f->policy->own_records.value = true;
	own_nonce_differs(f);
}
static void nonce_required(struct fixture *f)
{
	f->policy->require_nonce.value = true;
}
static void nonce_wrong(struct fixture *f)
{
	f->setup.nonce = bytes_of("wrong", 5);
}
static void unbound(struct fixture *f)
{
	f->setup.n_anchors = 0;
}
static void name_conflict(struct fixture *f)
{
	fixture_add(f, "sb-grub", "ak.name");
	flip(f, "ak.name", 10);
}
static void name_fits(struct fixture *f)
{
	fixture_add(f, "sb-grub", "ak.name");
}
static void no_boot_log(struct fixture *f)
{
	fixture_remove(f, BOOT);
}
static void no_ima_log(struct fixture *f)
{
	fixture_remove(f, IMA);
}
static void no_database(struct fixture *f)
{
	f->setup.golden = NULL;
}
static void boot_removed(struct fixture *f)
{
	struct records records = boot_records(f);

	edit(f, BOOT, &records, boot_find(f, 8, EV_IPL, 3), REMOVE);
}
static void boot_separator_removed(struct fixture *f)
{
	struct records records = boot_records(f);

	edit(f, BOOT, &records, boot_find(f, 2, EV_SEPARATOR, 0), REMOVE);
}
static void boot_added(struct fixture *f)
{
	struct records records = boot_records(f);

	edit(f, BOOT, &records, boot_find(f, 8, EV_IPL, 3), TWICE);
}
static void boot_separator_doubled(struct fixture *f)
{
	struct records records = boot_records(f);

	edit(f, BOOT, &records, boot_find(f, 3, EV_SEPARATOR, 0), TWICE);
}
static void boot_reordered(struct fixture *f)
{
	struct records records = boot_records(f);

	edit(f, BOOT, &records, boot_find(f, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, 1), SWAP_WITH_NEXT);
}
static void boot_changed_in_one_bank(struct fixture *f)
{
	flip(f, BOOT,
	     digest_offset(f, boot_find(f, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, 1), ALG_SHA256));
}
static void boot_data_changed(struct fixture *f)
{
	struct records records = boot_records(f);
	size_t event = boot_find(f, 5, EV_EFI_ACTION, 0);

	flip(f, BOOT, (long)records.at[event + 1] - 1);
}
static void boot_cut(struct fixture *f)
{
	struct records records = boot_records(f);

	cut(f, BOOT, records.at[records.n - 1] + 9);
}
static void boot_of_another(struct fixture *f)
{
	fixture_add(f, "efistub", BOOT);
}
static void boot_no_log_at_all(struct fixture *f)
{
	fixture_put(f, BOOT, bytes_of_string("hello"));
}
static void claim_differs(struct fixture *f)
{
	fixture_put(f, "cmdline", bytes_of_string("BOOT_IMAGE=/vmlinuz quiet\n"));
}
static void ima_removed(struct fixture *f)
{
	struct records records = ima_records(f);

	edit(f, IMA, &records, 20, REMOVE);
}
static void ima_last_removed(struct fixture *f)
{
	struct records records = ima_records(f);

	edit(f, IMA, &records, records.n - 1, REMOVE);
}
static void ima_reordered(struct fixture *f)
{
	struct records records = ima_records(f);

	edit(f, IMA, &records, 20, SWAP_WITH_NEXT);
}
static void ima_first_removed(struct fixture *f)
{
	struct records records = ima_records(f);

	edit(f, IMA, &records, 0, REMOVE);
}
static void ima_template_hash_changed(struct fixture *f)
{
	struct records records = ima_records(f);

	flip(f, IMA, (long)records.at[20] + 4);
}
static void ima_digest_changed(struct fixture *f)
{
	struct bytes path;

	ima_find(f, FILE_PATH, &path);
	/* the digest stands before the length of the name */
	flip(f, IMA, (long)(path.data - fixture_file(f, IMA)->contents.data) - 5);
}
static void ima_path_changed(struct fixture *f)
{
	struct bytes path;

	ima_find(f, FILE_PATH, &path);
	flip(f, IMA, (long)(path.data - fixture_file(f, IMA)->contents.data) + (long)path.size - 1);
}
static void ima_appended_known(struct fixture *f)
{
	struct records records = ima_records(f);
	struct bytes log = fixture_file(f, IMA)->contents;
	struct bytes last = bytes_of(log.data + records.at[records.n - 1],
				     records.at[records.n] - records.at[records.n - 1]);
	struct bytes copy = test_copy(last);

	append(f, IMA, copy);
	test_drop(copy);
}
static void ima_appended_unknown(struct fixture *f)
{
	AUTO(buf_clear) struct buf more = BUF_INIT;

	ima_record(&more, "/usr/local/bin/late", 7, false);
	append(f, IMA, buf_bytes(&more));
}
static void ima_appended_violation(struct fixture *f)
{
	AUTO(buf_clear) struct buf more = BUF_INIT;

	ima_record(&more, "/usr/local/bin/late", 7, true);
	append(f, IMA, buf_bytes(&more));
}
static void ima_appended_path(struct fixture *f)
{
	AUTO(buf_clear) struct buf more = BUF_INIT;

	ima_record(&more, "/tmp/../usr/bin/x", 7, false);
	ima_record(&more, "memfd:x", 7, false);
	ima_record(&more, "/usr/bin/gone_(deleted)", 7, false);
	append(f, IMA, buf_bytes(&more));
}
static void ima_cut(struct fixture *f)
{
	cut(f, IMA, fixture_file(f, IMA)->contents.size - 3);
}
static void ima_of_another(struct fixture *f)
{
	fixture_add(f, "uki-sdboot", IMA);
}
static void ima_empty(struct fixture *f)
{
	cut(f, IMA, 0);
}
static void ima_weak(struct fixture *f)
{
	f->policy->ima_hash = ALG_SHA512;
}
static void bank_required(struct fixture *f)
{
	f->policy->banks.value = 1u << ALG_SHA512;
}
static void pcr_required(struct fixture *f)
{
	f->policy->required.value |= 1u << 15;
}
static void duplicate_in_bundle(struct fixture *f)
{
	static struct bundle_problem problem = { .kind = BUNDLE_DUPLICATE,
						 .message = "2 members have this name" };

	problem.path = bytes_of_string("quote.msg");
	f->bundle.problems = &problem;
	f->bundle.n_problems = 1;
}

static const struct judge_case {
	const char *name;
	void (*change)(struct fixture *fixture);
	enum verdict verdict;
	const char *codes; /* of all findings */
	const char *says;  /* a part of some finding's message, or NULL */
} judge_cases[] = {
	{"honest",				honest,			    VERDICT_PASS,       "",                                          NULL                  },
	{ "wrong nonce",			  nonce_wrong,                       VERDICT_FAIL,       "quote.nonce",                               "operator"            },
	{ "the bundle's own nonce fits",          own_nonce_fits,                    VERDICT_PASS,       "",                                          NULL                  },
	{ "the bundle's own nonce differs",       own_nonce_differs,                 VERDICT_FAIL,       "quote.nonce",
         "bundle's own"																		     },
	{ "the bundle's nonce is no hex",         own_nonce_malformed,               VERDICT_FAIL,       "quote.malformed",
         "hex"																			      },
	{ "the challenger's own records differ",  own_records_differ,                VERDICT_FAIL,       "quote.nonce",
         "challenger"																		       },
	{ "a nonce is required",                  nonce_required,                    VERDICT_INCOMPLETE, "",                                          NULL                  },
	{ "signature flipped",                    signature_flipped,                 VERDICT_FAIL,       "quote.signature",
         "does not hold"																		    },
	{ "quote by another key",                 other_key,                         VERDICT_FAIL,       "quote.signature key.unbound",               NULL                  },
	{ "clock changed",                        clock_changed,                     VERDICT_FAIL,       "quote.signature",                           NULL                  },
	{ "magic changed",                        magic_changed,                     VERDICT_FAIL,       "quote.signature quote.structure",
         "magic"																			    },
	{ "bytes after the quote",                message_longer,                    VERDICT_FAIL,       "quote.signature quote.structure",
         NULL																			       },
	{ "quote cut short",                      message_cut,                       VERDICT_FAIL,       "quote.malformed",                           NULL                  },
	{ "signature cut short",                  signature_cut,                     VERDICT_FAIL,       "quote.malformed",                           NULL                  },
	{ "signature missing",                    signature_missing,                 VERDICT_INCOMPLETE, "",                                          NULL                  },
	{ "key cut short",                        key_cut,                           VERDICT_FAIL,       "key.malformed",                             NULL                  },
	{ "key missing",			  key_missing,                       VERDICT_INCOMPLETE, "",                                          NULL                  },
	{ "key only with the operator",           key_of_operator,                   VERDICT_PASS,       "",                                          NULL                  },
	{ "key unbound",			  unbound,                           VERDICT_INCOMPLETE, "key.unbound",                               "--ak"                },
	{ "name of another key",                  name_conflict,                     VERDICT_FAIL,       "key.conflict",                              NULL                  },
	{ "name of the key",                      name_fits,                         VERDICT_PASS,       "",                                          NULL                  },
	{ "PCR values changed",                   values_changed,                    VERDICT_FAIL,       "quote.pcr-digest",                          NULL                  },
	{ "PCR values cut short",                 values_cut,                        VERDICT_FAIL,       "quote.malformed",                           NULL                  },
	{ "no PCR values",                        values_missing,                    VERDICT_PASS,       "",                                          NULL                  },
	{ "no PCR values, event removed",         values_missing_and_event_removed,  VERDICT_FAIL,
         "pcr.mismatch boot.separator ima.unattested ima.boot-aggregate",									     "without quote.pcrs"  },
	{ "no PCR values, entry after the quote", values_missing_and_entry_appended,
         VERDICT_INCOMPLETE,									     "ima.unknown-file",                          NULL                  },
	{ "no quote",			     no_quote,                          VERDICT_INCOMPLETE, "",                                          NULL                  },
	{ "no boot log",			  no_boot_log,                       VERDICT_INCOMPLETE, "",                                          NULL                  },
	{ "no IMA log",			   no_ima_log,                        VERDICT_INCOMPLETE, "",                                          NULL                  },
	{ "no database",			  no_database,                       VERDICT_INCOMPLETE, "",                                          NULL                  },
	{ "boot event removed",                   boot_removed,                      VERDICT_FAIL,       "pcr.mismatch",                              NULL                  },
	{ "separator removed",                    boot_separator_removed,            VERDICT_FAIL,       "pcr.mismatch boot.separator",
         "separator of zeros"																	       },
	{ "boot event added",                     boot_added,                        VERDICT_FAIL,       "pcr.mismatch",                              "too much"            },
	{ "separator doubled",                    boot_separator_doubled,            VERDICT_FAIL,       "pcr.mismatch boot.separator",
         "2 separators"																		     },
	{ "boot events reordered",                boot_reordered,                    VERDICT_FAIL,       "pcr.mismatch",                              "exchanged"           },
	{ "boot event changed in one bank",       boot_changed_in_one_bank,          VERDICT_FAIL,
         "pcr.mismatch log.data-mismatch",													    "hash of its own data"},
	{ "data of a boot event changed",         boot_data_changed,                 VERDICT_FAIL,       "log.data-mismatch",
         NULL																			       },
	{ "boot log cut short",                   boot_cut,                          VERDICT_FAIL,       "pcr.mismatch log.malformed",
         "breaks off"																		       },
	{ "boot log of another machine",          boot_of_another,                   VERDICT_FAIL,       "pcr.mismatch",                              NULL                  },
	{ "no boot log at all",                   boot_no_log_at_all,                VERDICT_FAIL,       "log.malformed",                             NULL                  },
	{ "command line differs",                 claim_differs,                     VERDICT_PASS,       "bundle.claim",                              "quiet"               },
	{ "entry removed",                        ima_removed,                       VERDICT_FAIL,       "pcr.mismatch ima.unattested",               NULL                  },
	{ "last entry removed",                   ima_last_removed,                  VERDICT_FAIL,       "pcr.mismatch ima.unattested",
         NULL																			       },
	{ "entries reordered",                    ima_reordered,                     VERDICT_FAIL,       "pcr.mismatch ima.unattested",               NULL                  },
	{ "first entry removed",                  ima_first_removed,                 VERDICT_FAIL,
         "pcr.mismatch ima.unattested ima.structure",												 "boot_aggregate"      },
	{ "template hash changed",                ima_template_hash_changed,         VERDICT_FAIL,       "ima.template-hash",
         NULL																			       },
	{ "digest changed",                       ima_digest_changed,                VERDICT_FAIL,
         "pcr.mismatch ima.digest-mismatch ima.unattested ima.template-hash",                                                                         NULL                  },
	{ "path changed",                         ima_path_changed,                  VERDICT_FAIL,
         "pcr.mismatch ima.unattested ima.template-hash ima.other-path",									      NULL                  },
	{ "known entry after the quote",          ima_appended_known,                VERDICT_PASS,       "",                                          NULL                  },
	{ "unknown entry after the quote",        ima_appended_unknown,              VERDICT_INCOMPLETE,
         "ima.unknown-file",															  NULL                  },
	{ "violation after the quote",            ima_appended_violation,            VERDICT_INCOMPLETE, "ima.violation",
         NULL																			       },
	{ "paths that are no file's",             ima_appended_path,                 VERDICT_INCOMPLETE,
         "ima.unknown-file ima.path",														 "no absolute path"    },
	{ "IMA log cut short",                    ima_cut,                           VERDICT_FAIL,       "pcr.mismatch log.malformed ima.unattested",
         NULL																			       },
	{ "IMA log of another machine",           ima_of_another,                    VERDICT_FAIL,
         "pcr.mismatch ima.unattested ima.boot-aggregate",											    NULL                  },
	{ "IMA log without entries",              ima_empty,                         VERDICT_FAIL,       "pcr.mismatch",                              NULL                  },
	{ "hash weaker than the policy's",        ima_weak,                          VERDICT_PASS,       "ima.weak-digest",                           "sha512"              },
	{ "bank required",                        bank_required,                     VERDICT_INCOMPLETE, "pcr.bank",                                  "required"            },
	{ "PCR required",                         pcr_required,                      VERDICT_INCOMPLETE, "pcr.unquoted",                              "required"            },
	{ "a name twice",                         duplicate_in_bundle,               VERDICT_FAIL,       "bundle.duplicate",                          NULL                  },
};

static void show(const struct report *report)
{
	for (size_t i = 0; i < report->n_findings; i++)
		print_message("# %s %s: %s\n", finding_kind(report->findings[i].code)->code,
			      (const char *)report->findings[i].subject.data,
			      report->findings[i].message);
	for (size_t i = 0; i < report->n_checks; i++)
		if (report->checks[i].result != CHECK_PASS)
			print_message("# %s %s: %s\n", check_result_name(report->checks[i].result),
				      report->checks[i].name, report->checks[i].detail);
}

static void expect(const struct report *report, enum verdict verdict, const char *codes,
		   const char *says)
{
	char actual[1024];
	bool said = !says;

	fixture_codes(report, actual, sizeof(actual));
	for (size_t i = 0; i < report->n_findings && !said; i++)
		said = strstr(report->findings[i].message, says) != NULL;
	if (report->verdict != verdict || strcmp(actual, codes) != 0 || !said)
		show(report);
	assert_string_equal(verdict_name(report->verdict), verdict_name(verdict));
	assert_string_equal(actual, codes);
	assert_true(said);
}

static void judge_row(void **state)
{
	const struct judge_case *row = *state;
	struct fixture fixture;
	struct report *report;

	fixture_init(&fixture, "sb-grub", "");
	fixture_anchor(&fixture, "sb-grub", "ak.pub");
	fixture_golden(&fixture, NULL, NULL, 0);
	row->change(&fixture);
	report = fixture_audit(&fixture);
	/* the first finding is the worst */
	expect(report, row->verdict, row->codes, row->says);
	report_free(report);
	fixture.setup.n_anchors = 1;
	fixture_clear(&fixture);
}

/* --- golden values ------------------------------------------------------------------------------ */

static const struct lookup_case {
	const char *name;
	struct golden_plan plan;
	const char *release; /* that counts; NULL: all */
	enum verdict verdict;
	const char *codes, *says;
} lookup_cases[] = {
	{"in no package",
         { .leave_out = FILE_PATH },
         NULL, VERDICT_FAIL,
         "ima.unknown-file",    "no package"     },
	{ "other bytes",
         { .other_bytes = FILE_PATH },
         NULL, VERDICT_FAIL,
         "ima.digest-mismatch", "pkg-1.x86_64"   },
	{ "older version, all releases count",
         { .older = FILE_PATH },
         NULL, VERDICT_PASS,
         "",		    NULL             },
	{ "older version",
         { .older = FILE_PATH },
         "R",  VERDICT_FAIL,
         "ima.other-release",   "pkg-0.x86_64"   },
	{ "program under another path",
         { .moved_from = FILE_PATH, .moved_to = "/usr/bin/x", .moved_is_program = true },
         NULL, VERDICT_FAIL,
         "ima.other-path",      "/usr/bin/x"     },
	{ "data that became a program",
         { .moved_from = FILE_PATH, .moved_to = "/usr/share/x" },
         NULL, VERDICT_FAIL,
         "ima.other-path",      "/usr/share/x"   },
	{ "data under another path",
         { .moved_from = "/init", .moved_to = "/usr/share/init" },
         NULL, VERDICT_PASS,
         "ima.other-path",      "/usr/share/init"},
	{ "digest of another algorithm only",
         { .sha512_only = FILE_PATH },
         NULL, VERDICT_INCOMPLETE,
         "ima.no-reference",    "algorithm"      },
};

static void lookup_row(void **state)
{
	const struct lookup_case *row = *state;
	struct fixture fixture;
	struct report *report;

	fixture_init(&fixture, "sb-grub", "");
	fixture_anchor(&fixture, "sb-grub", "ak.pub");
	fixture_golden(&fixture, &row->plan, &row->release, row->release ? 1 : 0);
	report = fixture_audit(&fixture);
	expect(report, row->verdict, row->codes, row->says);
	report_free(report);
	fixture_clear(&fixture);
}

static void exclusions_are_counted(void **state)
{
	static const struct golden_plan plan = { .leave_out = FILE_PATH };
	static const char text[] = "[ima]\nexclude = /usr/bin/w?\nexclude = /never/**\n";
	struct error err = { 0 };
	struct fixture fixture;
	struct report *report;

	(void)state;
	fixture_init(&fixture, "sb-grub", "");
	fixture_anchor(&fixture, "sb-grub", "ak.pub");
	fixture_golden(&fixture, &plan, NULL, 0);
	policy_free(fixture.policy);
	fixture.policy = NULL;
	assert_int_equal(policy_parse(bytes_of_string(text), "p", &fixture.policy, &err), 0);
	fixture.setup.policy = fixture.policy;
	report = fixture_audit(&fixture);
	expect(report, VERDICT_PASS, "", NULL);
	assert_int_equal(report->exclusions[0].n_silenced, 1);
	assert_int_equal(report->exclusions[1].n_silenced, 0);
	report_free(report);
	fixture_clear(&fixture);
}

/* --- several banks and quotes ------------------------------------------------------------------- */

static void several_banks(void **state)
{
	struct fixture fixture;
	struct report *report;

	(void)state;
	fixture_init(&fixture, "sb-grub", "-multi");
	fixture_anchor(&fixture, "sb-grub", "ak.pub");
	fixture_golden(&fixture, NULL, NULL, 0);
	report = fixture_audit(&fixture);
	expect(report, VERDICT_PASS, "", NULL);
	assert_int_equal(report->coverage.quoted_banks,
			 1 << ALG_SHA1 | 1 << ALG_SHA256 | 1 << ALG_SHA384);
	assert_int_equal(report->coverage.n_attested, report->coverage.n_entries);
	report_free(report);

	/* The same without values: each bank goes its own way, and all go together. */
	fixture_remove(&fixture, "quote-multi.pcrs");
	report = fixture_audit(&fixture);
	expect(report, VERDICT_PASS, "", NULL);
	report_free(report);
	fixture_clear(&fixture);
}

static void one_bank_differs(void **state)
{
	struct fixture fixture;
	struct report *report;

	(void)state;
	fixture_init(&fixture, "sb-grub", "-multi");
	fixture_anchor(&fixture, "sb-grub", "ak.pub");
	fixture_golden(&fixture, NULL, NULL, 0);
	flip(&fixture, BOOT,
	     digest_offset(&fixture, boot_find(&fixture, 4, EV_EFI_ACTION, 0), ALG_SHA1));
	report = fixture_audit(&fixture);
	expect(report, VERDICT_FAIL, "pcr.mismatch log.data-mismatch",
	       "in sha1, though they do in sha256, sha384: only digests of sha1 were changed");
	report_free(report);
	fixture_clear(&fixture);
}

static void several_quotes(void **state)
{
	struct fixture fixture;
	struct report *report;

	(void)state;
	fixture_init(&fixture, "sb-grub", "");
	fixture_anchor(&fixture, "sb-grub", "ak.pub");
	fixture_anchor(&fixture, "sb-grub", "ak-ecc.pub");
	fixture_golden(&fixture, NULL, NULL, 0);
	fixture_add(&fixture, "sb-grub", "quote-ecc.msg");
	fixture_add(&fixture, "sb-grub", "quote-ecc.sig");
	fixture_add(&fixture, "sb-grub", "quote-ecc.pcrs");
	/* Without ak-ecc.pub in the bundle the operator's own key verifies it. */
	report = fixture_audit(&fixture);
	expect(report, VERDICT_PASS, "", NULL);
	report_free(report);

	/* A quote of another machine beside it: its key is nobody's. */
	fixture_add(&fixture, "efistub", "quote-ecc.msg");
	fixture_add(&fixture, "efistub", "quote-ecc.sig");
	fixture_add(&fixture, "efistub", "quote-ecc.pcrs");
	fixture_add(&fixture, "efistub", "ak-ecc.pub");
	report = fixture_audit(&fixture);
	expect(report, VERDICT_FAIL, "pcr.mismatch key.unbound", NULL);
	report_free(report);
	fixture_clear(&fixture);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, judge_row, judge_cases);
	TEST_ROWS(&tests, lookup_row, lookup_cases);
	TEST(&tests, exclusions_are_counted);
	TEST(&tests, several_banks);
	TEST(&tests, one_bank_differs);
	TEST(&tests, several_quotes);
	return test_run(&tests, "audit/judge");
}
