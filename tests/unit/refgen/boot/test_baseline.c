/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a real boot's log takes the place of unknown events. */
#include "core/own.h"
#include "refgen/boot/boot.h"
#include "replay/eventlog/eventlog.h"
#include "tests/unit/test.h"

#define LOG_PATH "tests/vectors/captures/efistub/binary_bios_measurements"
#define BANKS    (1u << ALG_SHA1 | 1u << ALG_SHA256)

struct setup {
	struct hasher *hasher;
	struct machine *machine;
	struct baseline *baseline;
	struct bytes bytes;
	struct record records[64]; /* that extend */
	size_t n_records;
};

static void open_setup(struct setup *s)
{
	struct eventlog log;
	struct record record;
	struct error err;

	memset(s, 0, sizeof(*s));
	assert_int_equal(hasher_new(&s->hasher, &err), 0);
	assert_int_equal(machine_new(BANKS, s->hasher, &s->machine, &err), 0);
	assert_int_equal(baseline_open(LOG_PATH, s->machine, &s->baseline, &err), 0);
	s->bytes = test_file(LOG_PATH);
	assert_int_equal(eventlog_open(&log, s->bytes, LOG_PATH, &err), 0);
	while (eventlog_next(&log, &record, &err) > 0)
		if (event_extends(&record)) {
			assert_true(s->n_records < ARRAY_SIZE(s->records));
			s->records[s->n_records++] = record;
		}
	machine_begin(s->machine, NULL, 0);
}

static void close_setup(struct setup *s)
{
	baseline_free(s->baseline);
	machine_free(s->machine);
	hasher_free(s->hasher);
	test_drop(s->bytes);
}

/* Measures what the log has at i, or, with unknown, something nobody knows; changed: something else. */
enum as { AS_LOGGED, AS_UNKNOWN, AS_CHANGED };

static void measure(struct setup *s, size_t i, enum as as)
{
	const struct record *record = &s->records[i];
	const struct measurement what = { .pcr = record->pcr, .type = record->type, .over = "it" };
	struct digest digests[ALG_BANKS];
	struct error err;

	for (size_t k = 0; k < record->n_digests; k++)
		digests[record->digests[k].alg] = record->digests[k];
	if (as == AS_CHANGED) {
		digests[ALG_SHA1].value[0] ^= 1;
		digests[ALG_SHA256].value[0] ^= 1;
	}
	if (as == AS_UNKNOWN)
		assert_int_equal(machine_measure_unknown(s->machine, &what, &err), 0);
	else
		assert_int_equal(machine_measure_digests(s->machine, &what, digests, &err), 0);
}

/* PCR 0 of the log: version, PEI volume, DXE volume, separator. */
static const struct fill_case {
	const char *name;
	enum as as[4];
	size_t n_baseline, n_unknown, n_unlike;
} fill_cases[] = {
	{"nothing unknown",                  { AS_LOGGED, AS_LOGGED, AS_LOGGED, AS_LOGGED },     0, 0, 0},
	{ "one unknown",                     { AS_LOGGED, AS_UNKNOWN, AS_LOGGED, AS_LOGGED },    1, 0, 0},
	{ "two in a row",                    { AS_LOGGED, AS_UNKNOWN, AS_UNKNOWN, AS_LOGGED },   2, 0, 0},
	{ "the first",		       { AS_UNKNOWN, AS_LOGGED, AS_LOGGED, AS_LOGGED },    1, 0, 0},
	{ "the last",			{ AS_LOGGED, AS_LOGGED, AS_LOGGED, AS_UNKNOWN },    1, 0, 0},
	{ "all",			     { AS_UNKNOWN, AS_UNKNOWN, AS_UNKNOWN, AS_UNKNOWN }, 4, 0, 0},
	{ "before a component that changed",
         { AS_LOGGED, AS_UNKNOWN, AS_CHANGED, AS_LOGGED },
         0,											 1,
         1											      },
	{ "behind a component that changed",
         { AS_CHANGED, AS_UNKNOWN, AS_LOGGED, AS_LOGGED },
         0,											 1,
         1											      },
};

static void fill(void **state)
{
	const struct fill_case *row = *state;
	size_t n_by_origin[ORIGIN_COUNT] = { 0 }, n = 0, n_unlike;
	struct machine_run run;
	struct setup s;
	struct error err;

	open_setup(&s);
	for (size_t i = 0; i < s.n_records && n < 4; i++)
		if (s.records[i].pcr == 0)
			measure(&s, i, row->as[n++]);
	assert_int_equal(n, 4);
	assert_int_equal(machine_end(s.machine, &run, &err), 0);
	assert_int_equal(baseline_fill(s.baseline, s.machine, &run.profile, &n_unlike, &err), 0);
	for (size_t i = 0; i < run.profile.n_events; i++)
		n_by_origin[run.profile.events[i].origin]++;
	assert_int_equal(n_by_origin[ORIGIN_BASELINE], row->n_baseline);
	assert_int_equal(n_by_origin[ORIGIN_UNKNOWN], row->n_unknown);
	assert_int_equal(n_unlike, row->n_unlike);
	/* Filled, it is what the TPM held. */
	if (!row->n_unknown && !row->n_unlike) {
		struct pcr_bank bank;
		struct digest value;
		char hex[DIGEST_HEX_SIZE];

		assert_int_equal(run.profile.n_events, 4);
		assert_true(profile_has_value(&run.profile, ALG_SHA256, 0));
		assert_int_equal(profile_replay(&run.profile, ALG_SHA256, s.hasher, &bank, &err),
				 0);
		value = pcr_bank_value(&bank, 0);
		/* tests/vectors/captures/efistub/pcrs.yaml */
		assert_string_equal(
			digest_hex(&value, hex),
			"942e5bce596a5c08c84206c10a1598b8103e6b90695d83a8c0cd2d9e5a170252");
	}
	close_setup(&s);
}

static void refused(void **state)
{
	struct hasher *hasher;
	struct machine *machine;
	struct baseline *baseline = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(machine_new(BANKS, hasher, &machine, &err), 0);
	assert_int_equal(baseline_open("tests/vectors/captures/efistub/nonce", machine, &baseline,
				       &err),
			 -1);
	assert_true(err.code == ERROR_MALFORMED || err.code == ERROR_TRUNCATED ||
		    err.code == ERROR_UNSUPPORTED);
	assert_int_equal(baseline_open("tests/vectors/no-such-log", machine, &baseline, &err), -1);
	assert_int_equal(err.code, ERROR_INPUT);
	machine_free(machine);
	hasher_free(hasher);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, fill, fill_cases);
	TEST(&tests, refused);
	return test_run(&tests, "refgen/boot/baseline");
}
