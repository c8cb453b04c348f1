/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/eventlog/eventlog.h"

#include "tests/unit/replay/eventlog/make_log.h"

#define Z4  "00000000"
#define Z20 Z4 Z4 Z4 Z4 Z4
#define Z32 Z4 Z4 Z4 Z4 Z4 Z4 Z4 Z4
#define F4  "ffffffff"

#define SIGNATURE "53706563204944204576656e74303300" /* "Spec ID Event03" */
#define VERSION   "00000000 00020002"
#define SHA1_ID   "0400"
#define SHA256_ID "0b00"

/* A Spec ID event of 69 bytes that announces sha1 and sha256, without vendor data. */
#define SPEC                                                                                       \
	Z4 "03000000" Z20 "25000000" SIGNATURE VERSION "02000000" SHA1_ID "1400" SHA256_ID "2000"  \
	   "00"
#define SPEC_SIZE 69

/* An event in PCR 1 with both digests, of 78 bytes. */
#define EVENT                                                                                      \
	"01000000 05000000 02000000" SHA1_ID F4 F4 F4 F4 F4 SHA256_ID F4 F4 F4 F4 F4 F4 F4 F4      \
	"04000000 61626364"
#define EVENT_SIZE (12 + 22 + 34 + 8)

/* --- logs that break ------------------------------------------------------------------------------ */

static const struct bad_case {
	const char *name, *hex;
	size_t n_before; /* events that are given before it breaks */
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",			       "",								   0, ERROR_TRUNCATED, 0                          },
	{ "less than a header",                 Z4 "08000000" Z20 "000000",                                           0, ERROR_TRUNCATED, 0                          },
	{ "first event overruns",               Z4 "08000000" Z20 "05000000 61626364",                                0, ERROR_TRUNCATED, 32                         },
	{ "all zeros",			  Z32 Z32,							      0, ERROR_MALFORMED, 0                          },
	{ "all ones",			   F4 F4 F4 F4 F4 F4 F4 F4 F4 F4,                                        0, ERROR_MALFORMED, 0                          },
	{ "text",
         "62 6f 67 75 73 0a 62 6f 67 75 73 0a 62 6f 67 75 73 0a 62 6f 67 75 73 0a 62 6f 67"
	  "75 73 0a 62 6f 67 75",										     0, ERROR_TRUNCATED, 32                         },
	{ "spec id: no algorithms",             Z4 "03000000" Z20 "1d000000" SIGNATURE VERSION Z4 "00",               0,
         ERROR_MALFORMED,														 56                         },
	{ "spec id: too many algorithms",       Z4 "03000000" Z20 "1c000000" SIGNATURE VERSION "11000000",
         0,													      ERROR_LIMIT,     56                         },
	{ "spec id: table cut short",
         Z4 "03000000" Z20 "1f000000" SIGNATURE VERSION "02000000 040014",                                            0, ERROR_TRUNCATED,
         62																			  },
	{ "spec id: version cut short",         Z4 "03000000" Z20 "12000000" SIGNATURE "0000",                        0,
         ERROR_TRUNCATED,														 48                         },
	{ "header cut short",                   SPEC EVENT "01000000 05000000 020000",                                1, ERROR_TRUNCATED,
         SPEC_SIZE + EVENT_SIZE																      },
	{ "too many digests",                   SPEC EVENT "01000000 05000000 11000000" Z32,                          1, ERROR_LIMIT,
         SPEC_SIZE + EVENT_SIZE + 8																  },
	{ "digest of no known size",            SPEC "01000000 05000000 01000000 3412" Z32 Z4 Z4,                     0,
         ERROR_UNSUPPORTED,													       SPEC_SIZE + 12             },
	{ "algorithm cut short",                SPEC "01000000 05000000 01000000 04",                                 0, ERROR_TRUNCATED,
         SPEC_SIZE + 12																	      },
	{ "digest cut short",                   SPEC "01000000 05000000 01000000 0400 0102",                          0, ERROR_TRUNCATED,
         SPEC_SIZE + 14																	      },
	{ "data size cut short",                SPEC "01000000 05000000 01000000 0400" Z20 "0102",                    0,
         ERROR_TRUNCATED,														 SPEC_SIZE + 34             },
	{ "data cut short",                     SPEC EVENT "01000000 05000000 01000000 0400" Z20 "05000000 61626364", 1,
         ERROR_TRUNCATED,														 SPEC_SIZE + EVENT_SIZE + 38},
	{ "data of four gigabytes",             SPEC "01000000 05000000 01000000 0400" Z20 "ffffffff 61",             0,
         ERROR_TRUNCATED,														 SPEC_SIZE + 38             },
	{ "padding, then something",            SPEC EVENT Z32 Z32 "01",                                              5, ERROR_TRUNCATED,
         SPEC_SIZE + EVENT_SIZE + 64																 },
	{ "sha1 form: second header cut short",
         "01000000 05000000" Z20 "04000000 61626364"
	  "01000000 05000000" Z20 "04",
         1,													      ERROR_TRUNCATED, 36                         },
	{ "sha1 form: second event cut short",
         "01000000 05000000" Z20 "04000000 61626364"
	  "01000000 05000000" Z20 "04000000 616263",
         1,													      ERROR_TRUNCATED, 68                         },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes bytes = test_hex(row->hex);
	struct eventlog log;
	struct record record;
	struct error err = { 0 };
	size_t n = 0;
	int more;

	if (eventlog_open(&log, bytes, "log", &err) < 0) {
		assert_int_equal(row->n_before, 0);
	} else {
		while ((more = eventlog_next(&log, &record, &err)) > 0)
			n++;
		assert_int_equal(more, -1);
		assert_int_equal(n, row->n_before);
		assert_int_equal(eventlog_next(&log, &record, &err), -1); /* and stays broken */
	}
	test_error(&err, row->code, row->offset);
	assert_string_equal(err.source, "log");
	test_drop(bytes);
}

/* --- Spec ID events -------------------------------------------------------------------------------- */

static const struct spec_case {
	const char *name, *hex;
	uint32_t oddities;
	size_t n_algs, n_vendor;
	alg_set algs;
} spec_cases[] = {
	{"plain",			      SPEC EVENT,					 0,             2, 0, 1u << ALG_SHA1 | 1u << ALG_SHA256},
	{ "vendor data",
         Z4 "03000000" Z20 "24000000" SIGNATURE VERSION "01000000" SHA256_ID "2000"
	     "03 616263",									  0,	     1, 3, 1u << ALG_SHA256                 },
	{ "no vendor size",
         Z4 "03000000" Z20 "20000000" SIGNATURE VERSION "01000000" SHA256_ID "2000",
         SPEC_ID_NO_VENDOR,										       1, 0, 1u << ALG_SHA256                 },
	{ "vendor data outside the event",
         Z4 "03000000" Z20 "21000000" SIGNATURE VERSION "01000000" SHA256_ID "2000 04",
         SPEC_ID_VENDOR_CUT,										      1, 0, 1u << ALG_SHA256                 },
	{ "bytes after vendor data",
         Z4 "03000000" Z20 "23000000" SIGNATURE VERSION "01000000" SHA256_ID "2000 00 6162",
         SPEC_ID_LEFT_OVER,										       1, 0, 1u << ALG_SHA256                 },
	{ "another size than the algorithm's",
         Z4 "03000000" Z20 "21000000" SIGNATURE VERSION "01000000" SHA256_ID "1400 00",
         SPEC_ID_DIGEST_SIZE,										     1, 0, 1u << ALG_SHA256                 },
	{ "announced twice",
         Z4 "03000000" Z20 "25000000" SIGNATURE VERSION "02000000" SHA256_ID "2000" SHA256_ID
	     "2000 00",									    SPEC_ID_TWICE, 2, 0, 1u << ALG_SHA256                 },
	{ "a digest",
         Z4 "03000000" F4 F4 F4 F4 F4 "21000000" SIGNATURE VERSION "01000000" SHA256_ID "2000 00",
         SPEC_ID_DIGEST,											  1, 0, 1u << ALG_SHA256                 },
	{ "in PCR 9",
         "09000000 03000000" Z20 "21000000" SIGNATURE VERSION "01000000" SHA256_ID "2000 00",
         SPEC_ID_REGISTER,											1, 0, 1u << ALG_SHA256                 },
	{ "an algorithm that is not known",
         Z4 "03000000" Z20 "25000000" SIGNATURE VERSION "02000000" SHA256_ID "2000 3412 3000 00",
         0,												       2, 0, 1u << ALG_SHA256                 },
};

static void spec(void **state)
{
	const struct spec_case *row = *state;
	struct bytes bytes = test_hex(row->hex);
	struct eventlog log;
	struct error err = { 0 };

	assert_int_equal(eventlog_open(&log, bytes, "log", &err), 0);
	assert_int_equal(log.format, EVENTLOG_TCG2);
	assert_int_equal(log.spec_id.oddities, row->oddities);
	assert_int_equal(log.spec_id.n_algs, row->n_algs);
	assert_int_equal(log.spec_id.vendor_info.size, row->n_vendor);
	assert_int_equal(log.algs, row->algs);
	assert_int_equal(log.spec_id.major, 2);
	assert_int_equal(log.spec_id.uintn_size, 2);
	test_drop(bytes);
}

/* --- records --------------------------------------------------------------------------------------- */

static const struct record_case {
	const char *name, *hex; /* of one record after SPEC, or two: the last one is looked at */
	uint32_t oddities;
	size_t n_digests;
} record_cases[] = {
	{"plain",			EVENT,								    0,                     2},
	{ "digests in another order",
         "01000000 05000000 02000000" SHA256_ID Z32 SHA1_ID Z20 "00000000",                                        0,                     2},
	{ "a digest missing",            "01000000 05000000 01000000" SHA256_ID Z32 "00000000",
         RECORD_DIGEST_MISSING,													   1},
	{ "no digests",                  "01000000 05000000 00000000 00000000 0100000005000000000000000000000000",
         RECORD_DIGEST_MISSING,													   0},
	{ "sha1 twice",
         "01000000 05000000 03000000" SHA1_ID Z20 SHA256_ID Z32 SHA1_ID Z20 "00000000",
         RECORD_DIGEST_TWICE,													     2},
	{ "sha384 not announced",
         "01000000 05000000 03000000" SHA1_ID Z20 SHA256_ID Z32 "0c00" Z32 Z4 Z4 Z4 Z4 "00000000",
         RECORD_DIGEST_UNANNOUNCED,												       3},
	{ "sha384 not announced, twice",
         "01000000 05000000 04000000" SHA1_ID Z20 SHA256_ID Z32 "0c00" Z32 Z4 Z4 Z4 Z4
	  "0c00" Z32 Z4 Z4 Z4 Z4 "00000000",
         RECORD_DIGEST_UNANNOUNCED | RECORD_DIGEST_TWICE,										 3},
	{ "sha3-256 not announced",
         "01000000 05000000 03000000" SHA1_ID Z20 SHA256_ID Z32 "2700" Z32 "00000000",
         RECORD_DIGEST_UNANNOUNCED | RECORD_DIGEST_UNKNOWN,									       2},
	{ "a further spec id",
         "00000000 03000000 02000000" SHA1_ID Z20 SHA256_ID Z32 "10000000" SIGNATURE,
         RECORD_SPEC_ID_AGAIN,													    2},
	{ "extends PCR 24",              "18000000 05000000 02000000" SHA1_ID Z20 SHA256_ID Z32 "00000000",
         RECORD_PCR_RANGE,														2},
	{ "no action for PCR 24",        "18000000 03000000 02000000" SHA1_ID Z20 SHA256_ID Z32 "00000000",
         0,															       2},
	{ "no action with a digest",
         "00000000 03000000 02000000" SHA1_ID Z20 SHA256_ID F4 F4 F4 F4 F4 F4 F4 F4 "00000000",
         RECORD_NO_ACTION_DIGEST,													 2},
	{ "appended by the system",
         "ffffffff 03000000 02000000" SHA1_ID Z20 SHA256_ID F4 F4 F4 F4 F4 F4 F4 F4 "00000000",
         RECORD_APPENDED,														 2},
	{ "locality 3",
         "00000000 03000000 02000000" SHA1_ID Z20 SHA256_ID Z32
	  "11000000 537461727475704c6f63616c69747900 03",							  0,		     2},
	{ "locality 2",
         "00000000 03000000 02000000" SHA1_ID Z20 SHA256_ID Z32
	  "11000000 537461727475704c6f63616c69747900 02",							  RECORD_LOCALITY_VALUE, 2},
	{ "locality twice",
         "00000000 03000000 02000000" SHA1_ID Z20 SHA256_ID Z32
	  "11000000 537461727475704c6f63616c69747900 03"
	  "00000000 03000000 02000000" SHA1_ID Z20 SHA256_ID Z32
	  "11000000 537461727475704c6f63616c69747900 03",							  RECORD_LOCALITY_AGAIN, 2},
	{ "locality late",
         "00000000 08000000 02000000" SHA1_ID Z20 SHA256_ID Z32 "00000000"
	  "00000000 03000000 02000000" SHA1_ID Z20 SHA256_ID Z32
	  "11000000 537461727475704c6f63616c69747900 03",							  RECORD_LOCALITY_LATE,  2},
	{ "locality without its byte",
         "00000000 03000000 02000000" SHA1_ID Z20 SHA256_ID Z32
	  "10000000 537461727475704c6f63616c69747900",							     0,		     2},
};

static void one_record(void **state)
{
	const struct record_case *row = *state;
	AUTO(buf_clear) struct buf hex = BUF_INIT;
	struct bytes bytes;
	struct eventlog log;
	struct record record = { 0 };
	struct error err = { 0 };
	int more, n = 0;

	buf_printf(&hex, "%s %s", SPEC, row->hex);
	bytes = test_hex((char *)hex.data);
	assert_int_equal(eventlog_open(&log, bytes, "log", &err), 0);
	while ((more = eventlog_next(&log, &record, &err)) > 0)
		assert_int_equal(record.index, n++);
	if (more < 0)
		fail_msg("%s", err.message);
	assert_int_equal(record.oddities, row->oddities);
	assert_int_equal(record.n_digests, row->n_digests);
	for (uint32_t bit = 1; bit <= RECORD_ODDITY_LAST; bit <<= 1) {
		assert_string_not_equal(record_oddity_name(bit), "unknown");
		assert_string_not_equal(record_oddity_text(bit), "unknown");
	}
	test_drop(bytes);
}

/* A digest of an algorithm nobody knows is passed over when its size was announced. */
static void unknown_algorithm(void **state)
{
	struct bytes bytes =
		test_hex(Z4 "03000000" Z20 "25000000" SIGNATURE VERSION
			    "02000000 3412 0300" SHA256_ID "2000 00"
			    "01000000 05000000 02000000 3412 aabbcc" SHA256_ID Z32 "02000000 6869"
			    "01000000 05000000 02000000" SHA256_ID Z32 "3412 aabbcc 02000000 686a");
	struct eventlog log;
	struct record record;

	(void)state;
	assert_int_equal(eventlog_open(&log, bytes, "log", NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(eventlog_next(&log, &record, NULL), 1);
		assert_int_equal(record.oddities, RECORD_DIGEST_UNKNOWN);
		assert_int_equal(record.n_digests, 1);
		assert_int_equal(record.digests[0].alg, ALG_SHA256);
		assert_int_equal(record.data.data[1], 'i' + i);
	}
	assert_int_equal(eventlog_next(&log, &record, NULL), 0);
	test_drop(bytes);
}

static const struct padding_case {
	const char *name, *hex;
	uint64_t padding_offset;
} padding_cases[] = {
	{"none",        SPEC EVENT,				      SPEC_SIZE + EVENT_SIZE},
	{ "zeros",      SPEC EVENT Z32,                                  SPEC_SIZE + EVENT_SIZE},
	{ "one zero",   SPEC EVENT "00",                                 SPEC_SIZE + EVENT_SIZE},
	{ "ones",       SPEC EVENT F4 F4,                                SPEC_SIZE + EVENT_SIZE},
	{ "three ones", SPEC EVENT "ffffff",                             SPEC_SIZE + EVENT_SIZE},
	{ "sha1 form",  "01000000 05000000" Z20 "04000000 61626364" Z32, 36                    },
};

static void padding(void **state)
{
	const struct padding_case *row = *state;
	struct bytes bytes = test_hex(row->hex);
	struct eventlog log;
	struct record record;

	assert_int_equal(eventlog_open(&log, bytes, "log", NULL), 0);
	for (unsigned pass = 0; pass < 2; pass++) { /* and once more after a rewind */
		assert_int_equal(eventlog_next(&log, &record, NULL), 1);
		assert_int_equal(record.index, 0);
		assert_int_equal(eventlog_next(&log, &record, NULL), 0);
		assert_int_equal(eventlog_next(&log, &record, NULL), 0);
		assert_int_equal(log.padding_offset, row->padding_offset);
		eventlog_rewind(&log);
	}
	test_drop(bytes);
}

/* Runs of zeros that are no padding must not be looked at again for each record in them. */
static void long_runs(void **state)
{
	static const enum alg algs[] = { ALG_SHA256 };
	AUTO(buf_clear) struct buf made = BUF_INIT;
	const size_t n_events = 200000; /* of 16 zeros each */
	struct eventlog log;
	struct record record;
	size_t n = 0;
	int more;

	(void)state;
	make_spec_id(&made, 0, algs, 1);
	memset(buf_extend(&made, 16 * n_events), 0, 16 * n_events);
	make_event2(&made, 1, EV_ACTION, algs, 1, 0xff, bytes_of("x", 1));
	assert_int_equal(eventlog_open(&log, buf_bytes(&made), "log", NULL), 0);
	while ((more = eventlog_next(&log, &record, NULL)) > 0)
		n++;
	assert_int_equal(more, 0);
	assert_int_equal(n, n_events + 1);
}

/* --- formats --------------------------------------------------------------------------------------- */

static const enum alg both[] = { ALG_SHA1, ALG_SHA256 };
static const enum alg sha384[] = { ALG_SHA384 };

static void formats(void **state)
{
	AUTO(buf_clear) struct buf register_1 = BUF_INIT;
	AUTO(buf_clear) struct buf register_0 = BUF_INIT;
	AUTO(buf_clear) struct buf pcrs = BUF_INIT;
	AUTO(buf_clear) struct buf sha1 = BUF_INIT;
	struct bytes zeros = bytes_of("\0\0\0\0", 4);
	struct eventlog log;

	(void)state;
	make_spec_id(&register_1, 1, sha384, 1);
	assert_int_equal(eventlog_open(&log, buf_bytes(&register_1), "log", NULL), 0);
	assert_int_equal(log.format, EVENTLOG_CC);
	assert_int_equal(log.spec_id.oddities, 0);

	make_spec_id(&register_0, 0, sha384, 1);
	make_event2(&register_0, 0, EV_NO_ACTION, sha384, 1, 0, zeros);
	make_event2(&register_0, 1, EV_PLATFORM_CONFIG_FLAGS, sha384, 1, 1, zeros);
	assert_int_equal(eventlog_open(&log, buf_bytes(&register_0), "log", NULL), 0);
	assert_int_equal(log.format, EVENTLOG_TCG2); /* not yet: no separator */
	make_event2(&register_0, 2, EV_SEPARATOR, sha384, 1, 2, zeros);
	assert_int_equal(eventlog_open(&log, buf_bytes(&register_0), "log", NULL), 0);
	assert_int_equal(log.format, EVENTLOG_CC);

	make_spec_id(&pcrs, 0, sha384, 1);
	make_event2(&pcrs, 1, EV_SEPARATOR, sha384, 1, 1, zeros);
	make_event2(&pcrs, 7, EV_SEPARATOR, sha384, 1, 1, zeros);
	assert_int_equal(eventlog_open(&log, buf_bytes(&pcrs), "log", NULL), 0);
	assert_int_equal(log.format, EVENTLOG_TCG2);

	make_event1(&sha1, 0, EV_NO_ACTION, NULL, bytes_of("Spec ID Event02", 16));
	make_event1(&sha1, 0, EV_S_CRTM_VERSION, NULL, bytes_of("1", 1));
	assert_int_equal(eventlog_open(&log, buf_bytes(&sha1), "log", NULL), 0);
	assert_int_equal(log.format, EVENTLOG_TCG1);
	assert_int_equal(log.algs, 1u << ALG_SHA1);

	assert_string_equal(eventlog_format_name(EVENTLOG_TCG2), "tcg2");
	assert_string_equal(eventlog_format_name(EVENTLOG_TCG1), "tcg1");
	assert_string_equal(eventlog_format_name(EVENTLOG_CC), "cc");
}

static void type_names(void **state)
{
	char out[EVENT_TYPE_TEXT];

	(void)state;
	assert_string_equal(event_type_name(EV_SEPARATOR), "EV_SEPARATOR");
	assert_string_equal(event_type_name(EV_EFI_VARIABLE_AUTHORITY),
			    "EV_EFI_VARIABLE_AUTHORITY");
	assert_null(event_type_name(0x8000beef));
	assert_string_equal(event_type_text(0x8000beef, out), "0x8000beef");
}

/* --- replay ---------------------------------------------------------------------------------------- */

/* The PCR that digests of the byte fill, one after the other, give from a first value of zeros that
 * end in locality. */
static struct digest expected(struct hasher *hasher, enum alg alg, uint8_t locality,
			      const uint8_t *fills, size_t n_fills)
{
	uint8_t message[2 * DIGEST_SIZE_MAX] = { 0 };
	size_t size = alg_size(alg);
	struct digest value = { 0 };

	message[size - 1] = locality;
	for (size_t i = 0; i < n_fills; i++) {
		memset(message + size, fills[i], size);
		assert_int_equal(hasher_digest_bytes(hasher, alg, bytes_of(message, 2 * size),
						     &value, NULL),
				 0);
		memcpy(message, value.value, size);
	}
	return value;
}

static void replay_all(struct bytes bytes, struct hasher *hasher, int locality,
		       struct eventlog_replay *replay)
{
	struct eventlog log;
	struct record record;
	struct error err = { 0 };
	int more;

	assert_int_equal(eventlog_open(&log, bytes, "log", &err), 0);
	eventlog_replay_init(replay, &log, hasher, locality);
	while ((more = eventlog_next(&log, &record, &err)) > 0)
		assert_int_equal(eventlog_extend(replay, &record, &err), 0);
	assert_int_equal(more, 0);
}

static void assert_pcr(const struct eventlog_replay *replay, enum alg alg, uint32_t pcr,
		       uint8_t locality, const char *fills)
{
	const struct pcr_bank *bank = eventlog_bank(replay, alg);
	struct digest value, wanted;

	assert_non_null(bank);
	value = pcr_bank_value(bank, pcr);
	wanted = expected(replay->hasher, alg, locality, (const uint8_t *)fills, strlen(fills));
	test_bytes(digest_bytes(&value), digest_bytes(&wanted));
}

#define STARTUP_LOCALITY(n) bytes_of("StartupLocality\0" n, 17)

static void banks(void **state)
{
	static const enum alg swapped[] = { ALG_SHA256, ALG_SHA1 };
	AUTO(buf_clear) struct buf made = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct bytes data = bytes_of("x", 1);
	struct eventlog_replay replay;

	(void)state;
	make_spec_id(&made, 0, both, 2);
	make_event2(&made, 0, EV_S_CRTM_VERSION, both, 2, 'a', data);
	make_event2(&made, 0, EV_NO_ACTION, both, 2, 0, data);
	make_event2(&made, 0, EV_SEPARATOR, swapped, 2, 'b', data);
	make_event2(&made, 4, EV_EFI_ACTION, &both[1], 1, 'c', data); /* sha256 only */
	make_event2(&made, 99, EV_EFI_ACTION, both, 2, 'd', data);
	make_event2(&made, UINT32_MAX, EV_NO_ACTION, both, 2, 'e', data);
	replay_all(buf_bytes(&made), hasher, EVENTLOG_LOCALITY_STATED, &replay);
	assert_int_equal(replay.n_banks, 2);
	assert_pcr(&replay, ALG_SHA1, 0, 0, "ab");
	assert_pcr(&replay, ALG_SHA256, 0, 0, "ab");
	assert_pcr(&replay, ALG_SHA256, 4, 0, "c");
	assert_int_equal(eventlog_bank(&replay, ALG_SHA1)->extended, 1u << 0);
	assert_int_equal(eventlog_bank(&replay, ALG_SHA256)->extended, 1u << 0 | 1u << 4);
	assert_null(eventlog_bank(&replay, ALG_SHA384));
	assert_int_equal(replay.n_records, 6);
	assert_int_equal(replay.n_extends, 3);
	assert_int_equal(replay.n_appended, 1);
	assert_int_equal(replay.oddities,
			 RECORD_DIGEST_MISSING | RECORD_PCR_RANGE | RECORD_APPENDED);
	assert_false(replay.locality.stated);
}

static void locality_stated(void **state)
{
	AUTO(buf_clear) struct buf made = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct eventlog_replay replay;

	(void)state;
	make_spec_id(&made, 0, both, 2);
	make_event2(&made, 1, EV_ACTION, both, 2, 'x', bytes_of("x", 1));
	make_event2(&made, UINT32_MAX, EV_NO_ACTION, both, 2, 0, STARTUP_LOCALITY("\3"));
	make_event2(&made, 0, EV_S_CRTM_VERSION, both, 2, 'a', bytes_of("x", 1));
	replay_all(buf_bytes(&made), hasher, EVENTLOG_LOCALITY_STATED, &replay);
	assert_pcr(&replay, ALG_SHA1, 0, 3, "a");
	assert_pcr(&replay, ALG_SHA256, 0, 3, "a");
	assert_pcr(&replay, ALG_SHA256, 1, 0, "x");
	assert_true(replay.locality.stated);
	assert_false(replay.locality.late);
	assert_false(replay.locality.again);
	assert_int_equal(replay.locality.value, 3);
	assert_int_equal(replay.locality.index, 1);
	assert_int_equal(replay.locality.used, 3);
}

static void locality_forced(void **state)
{
	AUTO(buf_clear) struct buf made = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct eventlog_replay replay;

	(void)state;
	make_spec_id(&made, 0, both, 2);
	make_event2(&made, 0, EV_NO_ACTION, both, 2, 0, STARTUP_LOCALITY("\3"));
	make_event2(&made, 0, EV_EFI_HCRTM_EVENT, both, 2, 'a', bytes_of("HCRTM", 5));
	replay_all(buf_bytes(&made), hasher, 0, &replay);
	assert_pcr(&replay, ALG_SHA256, 0, 0, "a");
	assert_int_equal(replay.locality.used, 0);
	assert_int_equal(replay.locality.value, 3); /* what it states is told all the same */
	assert_true(replay.locality.hcrtm);
	replay_all(buf_bytes(&made), hasher, 4, &replay);
	assert_pcr(&replay, ALG_SHA256, 0, 4, "a");
}

static void locality_late(void **state)
{
	AUTO(buf_clear) struct buf made = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct eventlog_replay replay;

	(void)state;
	make_spec_id(&made, 0, both, 2);
	make_event2(&made, 0, EV_S_CRTM_VERSION, both, 2, 'a', bytes_of("x", 1));
	make_event2(&made, 0, EV_NO_ACTION, both, 2, 0, STARTUP_LOCALITY("\3"));
	make_event2(&made, 0, EV_SEPARATOR, both, 2, 'b', bytes_of("x", 1));
	replay_all(buf_bytes(&made), hasher, EVENTLOG_LOCALITY_STATED, &replay);
	assert_pcr(&replay, ALG_SHA256, 0, 0, "ab");
	assert_false(replay.locality.stated);
	assert_true(replay.locality.late);
	assert_int_equal(replay.locality.value, 3);
	assert_int_equal(replay.locality.used, 0);
}

static void locality_again(void **state)
{
	AUTO(buf_clear) struct buf made = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct eventlog_replay replay;

	(void)state;
	make_spec_id(&made, 0, both, 2);
	make_event2(&made, 0, EV_NO_ACTION, both, 2, 0, STARTUP_LOCALITY("\3"));
	make_event2(&made, 0, EV_NO_ACTION, both, 2, 0, STARTUP_LOCALITY("\0"));
	make_event2(&made, 0, EV_S_CRTM_VERSION, both, 2, 'a', bytes_of("x", 1));
	replay_all(buf_bytes(&made), hasher, EVENTLOG_LOCALITY_STATED, &replay);
	assert_pcr(&replay, ALG_SHA256, 0, 3, "a"); /* the first one counts */
	assert_true(replay.locality.stated);
	assert_true(replay.locality.again);
	assert_false(replay.locality.late);
	assert_int_equal(replay.locality.index, 0);
}

static void hcrtm(void **state)
{
	AUTO(buf_clear) struct buf made = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct eventlog_replay replay;

	(void)state;
	make_spec_id(&made, 0, both, 2);
	make_event2(&made, 0, EV_EFI_HCRTM_EVENT, both, 2, 'a', bytes_of("HCRTM", 5));
	make_event2(&made, 0, EV_S_CRTM_VERSION, both, 2, 'b', bytes_of("x", 1));
	replay_all(buf_bytes(&made), hasher, EVENTLOG_LOCALITY_STATED, &replay);
	assert_pcr(&replay, ALG_SHA1, 0, 4, "ab");
	assert_true(replay.locality.hcrtm);
	assert_int_equal(replay.locality.used, 4);
}

static void registers(void **state)
{
	AUTO(buf_clear) struct buf made = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct eventlog_replay replay;

	(void)state;
	make_spec_id(&made, 1, sha384, 1);
	make_event2(&made, 0, EV_NO_ACTION, sha384, 1, 0, STARTUP_LOCALITY("\3"));
	make_event2(&made, 1, EV_SEPARATOR, sha384, 1, 'a', bytes_of("x", 1));
	replay_all(buf_bytes(&made), hasher, EVENTLOG_LOCALITY_STATED, &replay);
	assert_pcr(&replay, ALG_SHA384, 1, 0, "a");
	assert_false(replay.locality.stated); /* means nothing for a register */
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, bad, bad_cases);
	TEST_ROWS(&tests, spec, spec_cases);
	TEST_ROWS(&tests, one_record, record_cases);
	TEST(&tests, unknown_algorithm);
	TEST_ROWS(&tests, padding, padding_cases);
	TEST(&tests, long_runs);
	TEST(&tests, formats);
	TEST(&tests, type_names);
	TEST(&tests, banks);
	TEST(&tests, locality_stated);
	TEST(&tests, locality_forced);
	TEST(&tests, locality_late);
	TEST(&tests, locality_again);
	TEST(&tests, hcrtm);
	TEST(&tests, registers);
	return test_run(&tests, "replay/eventlog");
}
