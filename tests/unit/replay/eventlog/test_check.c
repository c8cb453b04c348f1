/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/eventlog/eventlog.h"

#include "tests/unit/replay/eventlog/make_log.h"

/* A variable x of two bytes, beef, with EFI_GLOBAL_VARIABLE's GUID; what comes before its data. */
#define X_HEAD "61dfe48bca93d211aa0d00e098032b8c 0100000000000000 0200000000000000 7800"
#define X      X_HEAD "beef"

static const struct check_case {
	const char *name;
	uint32_t type, pcr;
	const char *data; /* of the event, in hex */
	const char *over; /* what its digests are over, in hex */
	enum data_check result;
	const char *said; /* what event_check says they are over; NULL when unchecked */
} check_cases[] = {
	{"action",				EV_EFI_ACTION,                    5,  "45786974",                               "45786974",          DATA_MATCH,     "event data"                         },
	{ "action, other bytes",                  EV_EFI_ACTION,                    5,  "45786974",                               "45786975",          DATA_MISMATCH,
         "event data"																						       },
	{ "action without its NUL",               EV_ACTION,                        5,  "4500",                                   "45",                DATA_MISMATCH,  "event data"                         },
	{ "no data",			      EV_EFI_ACTION,                    5,  "",                                       "",                  DATA_MATCH,     "event data"                         },
	{ "separator",			    EV_SEPARATOR,                     5,  "00000000",                               "00000000",          DATA_MATCH,     "event data"                         },
	{ "separator, other bytes",               EV_SEPARATOR,                     5,  "00000000",                               "ffffffff",          DATA_MISMATCH,
         "event data"																						       },
	{ "error separator",                      EV_SEPARATOR,                     5,  "01000000",                               "01000000",          DATA_MATCH,     "event data"                         },
	{ "error separator with text",            EV_SEPARATOR,                     5,  "62616400",                               "01000000",          DATA_MATCH,
         "the error value 00000001"																					 },
	{ "version",			      EV_S_CRTM_VERSION,                0,  "31000000",                               "31000000",          DATA_MATCH,     "event data"                         },
	{ "variable",			     EV_EFI_VARIABLE_DRIVER_CONFIG,    7,  X,                                        X,                   DATA_MATCH,     "event data"                         },
	{ "variable, its data only",              EV_EFI_VARIABLE_DRIVER_CONFIG,    7,  X,                                        "beef",              DATA_MISMATCH,
         "event data"																						       },
	{ "boot variable",                        EV_EFI_VARIABLE_BOOT,             1,  X,                                        "beef",              DATA_MATCH,     "variable data"                      },
	{ "boot variable, the whole",             EV_EFI_VARIABLE_BOOT,             1,  X,                                        X,                   DATA_MATCH,     "event data"                         },
	{ "boot variable, other bytes",           EV_EFI_VARIABLE_BOOT,             1,  X,                                        "bee0",              DATA_MISMATCH,
         "variable data"																						    },
	{ "boot variable that is broken",         EV_EFI_VARIABLE_BOOT,             1,  "beef",                                   "beef",              DATA_MATCH,
         "event data"																						       },
	{ "boot variable 2",                      EV_EFI_VARIABLE_BOOT2,            1,  X,                                        "beef",              DATA_MISMATCH,  "event data"                         },
	{ "authority",			    EV_EFI_VARIABLE_AUTHORITY,        7,  X,                                        X,                   DATA_MATCH,     "event data"                         },
	{ "authority with a byte more",           EV_EFI_VARIABLE_AUTHORITY,        7,  X "0000aa",                               X "0000",
         DATA_MATCH,																		   "event data but its last byte"       },
	{ "authority with a byte less",           EV_EFI_VARIABLE_AUTHORITY,        7,  X,                                        X_HEAD "be",         DATA_MISMATCH,
         "event data"																						       },
	{ "gpt",				  EV_EFI_GPT_EVENT,                 5,  "00",                                     "00",                DATA_MATCH,     "event data"                         },
	{ "image",				EV_EFI_BOOT_SERVICES_APPLICATION, 4,  "00",                                     "00",                DATA_UNCHECKED, NULL                                 },
	{ "blob",				 EV_EFI_PLATFORM_FIRMWARE_BLOB,    0,  "00",                                     "01",                DATA_UNCHECKED, NULL                                 },
	{ "flags",				EV_PLATFORM_CONFIG_FLAGS,         1,  "41",                                     "41",                DATA_MATCH,     "event data"                         },
	{ "flags, over something else",           EV_PLATFORM_CONFIG_FLAGS,         1,  "41",                                     "42",                DATA_UNCHECKED,
         NULL																							       },
	{ "compact hash",                         EV_COMPACT_HASH,                  6,  "41",                                     "41",                DATA_MATCH,     "event data"                         },
	{ "no action",			    EV_NO_ACTION,                     0,  "41",                                     "41",                DATA_UNCHECKED, NULL                                 },
	{ "unknown type",                         0x8000beef,                       0,  "41",                                     "41",                DATA_UNCHECKED, NULL                                 },
	{ "grub command",                         EV_IPL,                           8,  "677275625f636d643a206c7300",             "6c73",              DATA_MATCH,
         "text after its prefix"																					    },
	{ "grub command, with its NUL",           EV_IPL,                           8,  "677275625f636d64206c730060",             "6c7300",
         DATA_MATCH,																		   "text after its prefix, with its NUL"},
	{ "grub command, other bytes",            EV_IPL,                           8,  "677275625f636d643a206c7300",             "6c74",
         DATA_MISMATCH,																		"text after its prefix"              },
	{ "grub command, with its prefix",        EV_IPL,                           8,  "677275625f636d643a206c7300",
         "677275625f636d643a206c7300",														 DATA_MISMATCH,  "text after its prefix"              },
	{ "kernel command line",                  EV_IPL,                           8,  "6b65726e656c5f636d646c696e653a20726f00", "726f",
         DATA_MATCH,																		   "text after its prefix"              },
	{ "systemd command line",                 EV_IPL,                           12, "720077000000",                           "720077000000",      DATA_MATCH,
         "event data"																						       },
	{ "systemd command line without its NUL", EV_IPL,                           12, "720077000000",                           "72007700",
         DATA_MATCH,																		   "text without its end"               },
	{ "systemd command line, other bytes",    EV_IPL,                           12, "720077000000",                           "00",                DATA_UNCHECKED,
         NULL																							       },
	{ "grub file",			    EV_IPL,                           9,  "2f7600",                                 "00",                DATA_UNCHECKED, NULL                                 },
	{ "MokList",			      EV_IPL,                           14, "4d6f6b4c69737400",                       "00",                DATA_UNCHECKED, NULL                                 },
	{ "bytes of a boot loader",               EV_IPL,                           4,  "ff",                                     "ff",                DATA_MATCH,     "event data"                         },
	{ "Linux initrd",                         EV_EVENT_TAG,                     9,  "ec223b8f 00000000",                      "00",                DATA_UNCHECKED, NULL                                 },
	{ "unknown tag",			  EV_EVENT_TAG,                     9,  "01000000 00000000",                      "01000000 00000000", DATA_MATCH,
         "event data"																						       },
	{ "Windows",			      EV_EVENT_TAG,                     12, "01000140 00000000",                      "00",                DATA_MISMATCH,  "event data"                         },
};

static const enum alg algs[] = { ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512 };

static struct record record_over(const struct check_case *row, struct hasher *hasher,
				 struct bytes data, struct bytes over)
{
	struct record record = { .type = row->type, .pcr = row->pcr, .data = data };

	for (size_t i = 0; i < ARRAY_SIZE(algs); i++)
		assert_int_equal(hasher_digest_bytes(hasher, algs[i], over,
						     &record.digests[record.n_digests++], NULL),
				 0);
	return record;
}

static void check(void **state)
{
	const struct check_case *row = *state;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct bytes data = test_hex(row->data), over = test_hex(row->over);
	struct record record = record_over(row, hasher, data, over);
	struct event_check result;
	struct event event;

	event_decode(&record, &event);
	assert_int_equal(event_check(&record, &event, hasher, &result, NULL), 0);
	assert_string_equal(data_check_name(result.result), data_check_name(row->result));
	if (row->said)
		assert_string_equal(result.over, row->said);
	else
		assert_null(result.over);
	assert_int_equal(result.mismatched, row->result == DATA_MISMATCH ? 15 : 0);
	test_drop(data);
	test_drop(over);
}

/* A digest that is wrong in one bank only is told, and in which; of types that need not be over their
 * data, too. */
static void one_bank(void **state)
{
	const struct check_case *row = *state;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct bytes data = test_hex(row->data), over = test_hex(row->over);

	for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
		struct record record = record_over(row, hasher, data, over);
		struct event_check result;
		struct event event;

		record.digests[i].value[0] ^= 1;
		event_decode(&record, &event);
		assert_int_equal(event_check(&record, &event, hasher, &result, NULL), 0);
		assert_int_equal(result.result, DATA_MISMATCH);
		assert_int_equal(result.mismatched, 1u << algs[i]);
		assert_null(result.known);
	}
	test_drop(data);
	test_drop(over);
}

static void known_firmware(void **state)
{
	static const struct check_case row = { .type = EV_S_CRTM_VERSION };
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct record record =
		record_over(&row, hasher, bytes_of("2.3.5", 5), bytes_of("other", 5));
	struct event_check result;
	struct event event;

	(void)state;
	event_decode(&record, &event);
	assert_int_equal(event_check(&record, &event, hasher, &result, NULL), 0);
	assert_int_equal(result.result, DATA_MISMATCH);
	assert_non_null(result.known);
}

static void no_digests(void **state)
{
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct record record = { .type = EV_EFI_ACTION, .data = bytes_of("x", 1) };
	struct event_check result;
	struct event event;

	(void)state;
	event_decode(&record, &event);
	assert_int_equal(event_check(&record, &event, hasher, &result, NULL), 0);
	assert_int_equal(result.result, DATA_UNCHECKED);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, check, check_cases);
	for (size_t i = 0; i < ARRAY_SIZE(check_cases); i++)
		if (check_cases[i].result == DATA_MATCH)
			test_add(&tests, "one_bank", check_cases[i].name, one_bank,
				 &check_cases[i]);
	TEST(&tests, known_firmware);
	TEST(&tests, no_digests);
	return test_run(&tests, "replay/eventlog/check");
}
