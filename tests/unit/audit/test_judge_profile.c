/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A captured log against a profile made of its own events, with a change of each kind: all are told, and
 * whichever allocation fails on the way, nothing crashes and no report is made of half the findings.
 * What the messages say is tested in tests/e2e/audit-boot-changes.sh.
 */
#include "tests/unit/audit/fixture.h"

#define BOOT "binary_bios_measurements"

#define EVENTS_MAX 128

struct profiled {
	struct fixture fixture;
	struct profile_event events[EVENTS_MAX];
	size_t n_events;
	struct profile profile;
	struct profile_list list;
	struct revocations revocations;
};

static void read_profile(struct profiled *p)
{
	struct error err = { 0 };
	struct eventlog log;
	struct record record;

	assert_int_equal(eventlog_open(&log, fixture_file(&p->fixture, BOOT)->contents, BOOT, &err),
			 0);
	while (eventlog_next(&log, &record, &err) > 0) {
		struct profile_event *event = &p->events[p->n_events];

		if (!event_extends(&record))
			continue;
		assert_true(p->n_events < EVENTS_MAX);
		*event = (struct profile_event){ .pcr = record.pcr,
						 .type = record.type,
						 .component = "component",
						 .source = "source",
						 .over = "over",
						 .assumption = "" };
		for (size_t i = 0; i < record.n_digests; i++) {
			event->algs |= 1u << record.digests[i].alg;
			event->digests[record.digests[i].alg] = record.digests[i];
		}
		if (record.type == EV_EFI_VARIABLE_DRIVER_CONFIG ||
		    record.type == EV_EFI_VARIABLE_AUTHORITY) {
			event->encoding = TEXT_VARIABLE;
			event->text = record.data;
		}
		p->n_events++;
	}
	p->profile = (struct profile){ .release = "r",
				       .artifact = "a",
				       .name = "default",
				       .ending = "",
				       .banks = p->events[0].algs,
				       .events = p->events,
				       .n_events = p->n_events };
	p->list.profiles = &p->profile;
	p->list.n_profiles = 1;
}

/* The n-th event of a PCR and type. */
static struct profile_event *event_of(struct profiled *p, uint32_t pcr, uint32_t type, size_t n)
{
	for (size_t i = 0; i < p->n_events; i++)
		if (p->events[i].pcr == pcr && p->events[i].type == type && n-- == 0)
			return &p->events[i];
	fail_msg("no such event");
	return NULL;
}

static void change(struct profile_event *event)
{
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		event->digests[alg].value[0] ^= 1;
}

static void init(struct profiled *p)
{
	memset(p, 0, sizeof(*p));
	fixture_init(&p->fixture, "sb-grub", "");
	fixture_anchor(&p->fixture, "sb-grub", "ak.pub");
	read_profile(p);
	p->fixture.setup.profiles = p->fixture.setup.all_profiles = &p->list;
}

static void clear(struct profiled *p)
{
	fixture_clear(&p->fixture);
	revocations_clear(&p->revocations);
}

static void has_code(const struct report *report, enum finding_code code, bool wanted)
{
	if ((report->n_by_code[code] > 0) != wanted)
		fail_msg("%s: %d", finding_kind(code)->code, (int)report->n_by_code[code]);
}

static void its_own(void **state)
{
	struct profiled p;
	struct report *report;

	(void)state;
	init(&p);
	report = fixture_audit(&p.fixture);
	for (int code = FINDING_BOOT_SEPARATOR; code <= FINDING_BOOT_TEMPLATE; code++)
		has_code(report, (enum finding_code)code, false);
	report_free(report);
	clear(&p);
}

/* Another firmware, a GRUB that nobody knows, another db and dbx, a separator that is elsewhere, a command
 * line with other words, an unknown event, one that the log lacks; and an image that is revoked. */
static void change_all(struct profiled *p)
{
	static const uint8_t level[] = "sbat,1,2099010100\nshim,99\n";
	struct profile_event *line = NULL, *variable;
	struct error err = { 0 };

	change(event_of(p, 0, EV_EFI_PLATFORM_FIRMWARE_BLOB, 0));
	variable = event_of(p, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, 3);
	change(variable);
	variable->text.size -= 200; /* of db: its last certificate does not end, so it is no list */
	variable = event_of(p, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, 1);
	change(variable); /* PK: the same entries */
	variable = event_of(p, 7, EV_EFI_VARIABLE_AUTHORITY, 0);
	change(variable);
	event_of(p, 4, EV_SEPARATOR, 0)->pcr = 12;
	for (size_t i = 0; i < p->n_events; i++)
		if (p->events[i].pcr == 8)
			line = &p->events[i];
	assert_non_null(line);
	line->text = bytes_of_string("linux other words");
	line->encoding = TEXT_BYTES;
	line->component = "command line";
	change(line);
	event_of(p, 5, EV_EFI_GPT_EVENT, 0)->algs = 0;
	event_of(p, 5, EV_EFI_GPT_EVENT, 0)->origin = ORIGIN_UNKNOWN;
	assert_int_equal(revocations_parse(bytes_of(level, sizeof(level) - 1), "level",
					   &p->revocations, &err),
			 0);
	p->fixture.setup.revocations = &p->revocations;
}

static void all_told(void **state)
{
	static const enum finding_code codes[] = {
		FINDING_BOOT_KEYS,         FINDING_BOOT_AUTHORITY, FINDING_BOOT_COMPONENT,
		FINDING_BOOT_COMMAND_LINE, FINDING_BOOT_MISSING,   FINDING_BOOT_EXTRA
	};
	struct profiled p;
	struct report *report;

	(void)state;
	init(&p);
	change_all(&p);
	report = fixture_audit(&p.fixture);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		has_code(report, codes[i], true);
	report_free(report);
	clear(&p);
}

static void without_memory(void **state)
{
	struct error err = { 0 };
	struct worker *worker;
	struct profiled p;

	(void)state;
	init(&p);
	change_all(&p);
	assert_int_equal(worker_new(&p.fixture.setup, &worker, &err), 0);
	for (unsigned n = 1;; n++) {
		struct report *report = NULL;
		bool failed;
		int status;

		memset(&err, 0, sizeof(err));
		test_alloc_fail(n);
		status = audit_bundle(worker, &p.fixture.bundle, &report, &err);
		failed = test_alloc_failed();
		test_alloc_fail(0);
		if (status < 0)
			assert_int_equal(err.code, ERROR_SYSTEM);
		else
			report_free(report); /* a name of a certificate that was done without */
		if (!failed)
			break;
	}
	worker_free(worker);
	clear(&p);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, its_own);
	TEST(&tests, all_told);
	TEST(&tests, without_memory);
	return test_run(&tests, "audit/judge_profile");
}
