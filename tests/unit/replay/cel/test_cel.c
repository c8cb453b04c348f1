/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cel/cel.h"

#include "core/event_type.h"
#include "core/own.h"

#include "tests/unit/test.h"

/* A SHA-1 digest of twenty bytes 0xaa, in the encodings. */
#define AA20      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TLV_HEAD  "00 00000001 05  01 00000001 0e  03 00000019 04 00000014" AA20
#define TLV_EVENT "05 00000010 00 00000004 0000000d 01 00000002 6869"
#define JSON_HEAD                                                                                  \
	"{\"recnum\":5,\"pcr\":14,\"digests\":[{\"hashAlg\":\"sha1\",\"digest\":\"" AA20 "\"}],"
#define JSON_EVENT                                                                                 \
	"\"content_type\":\"pcclient_std\",\"content\":{\"event_type\":\"EV_IPL\",\"event_data\":" \
	"\"6869\"}}"
#define CBOR_HEAD  "a5 00 05 01 0e 03 81 a2 00 04 01 54" AA20
#define CBOR_EVENT "09 05 0a a2 00 0d 01 42 6869"

/* hex: of a binary log; text: of JSON. */
static struct bytes input_of(const char *hex, const char *text)
{
	return hex ? test_hex(hex) : test_copy(bytes_of_string(text));
}

static const struct good_case {
	const char *name, *hex, *text;
	enum cel_encoding encoding;
	uint64_t offset;
} good_cases[] = {
	{"TLV",			  TLV_HEAD TLV_EVENT,                                    NULL,                             CEL_TLV,  0              },
	{ "JSON, an array",              NULL,						  "[" JSON_HEAD JSON_EVENT "]",     CEL_JSON, ERROR_NO_OFFSET},
	{ "JSON, lines",                 NULL,						  " " JSON_HEAD JSON_EVENT "\n",    CEL_JSON, 1              },
	{ "JSON, a sequence",            NULL,						  "\x1e" JSON_HEAD JSON_EVENT "\n", CEL_JSON, 1              },
	{ "JSON, a number for the type", NULL,
         "[" JSON_HEAD
	  "\"content_type\":5,\"content\":{\"event_type\":13,\"event_data\":\"6869\"}}]",					 CEL_JSON, ERROR_NO_OFFSET},
	{ "JSON, base64",                NULL,
         "[{\"recnum\":5,\"pcr\":14,\"digests\":[{\"hashAlg\":\"sha1\",\"digest\":"
	  "\"qqqqqqqqqqqqqqqqqqqqqqqqqqo=\"}],"
	  "\"content_type\":\"pcclient_std\",\"content\":{\"event_type\":\"0x0000000d\",\"event_"
	  "data\":\"aGk=\"}}]",												   CEL_JSON, ERROR_NO_OFFSET},
	{ "CBOR, an array",              "81" CBOR_HEAD CBOR_EVENT,                             NULL,                             CEL_CBOR, 1              },
	{ "CBOR, a sequence",            CBOR_HEAD CBOR_EVENT,                                  NULL,                             CEL_CBOR, 0              },
	{ "CBOR, a name for the type",   CBOR_HEAD "09 05 0a a2 00 66 45565f49504c 01 42 6869", NULL,
         CEL_CBOR,															  0              },
};

static void good(void **state)
{
	const struct good_case *row = *state;
	struct bytes input = input_of(row->hex, row->text);
	struct cel_record record;
	struct cel_log log;

	assert_int_equal(cel_open(&log, input, "log", NULL), 0);
	assert_int_equal(log.encoding, row->encoding);
	assert_int_equal(cel_next(&log, &record, NULL), 1);
	assert_int_equal(record.content, CEL_CONTENT_PCCLIENT_STD);
	assert_int_equal(record.recnum, 5);
	assert_false(record.is_nv);
	assert_int_equal(record.record.content, RECORD_TCG_EVENT);
	assert_int_equal(record.record.offset, row->offset);
	assert_int_equal(record.record.pcr, 14);
	assert_int_equal(record.record.type, EV_IPL);
	assert_int_equal(record.record.n_digests, 1);
	assert_int_equal(record.record.digests[0].alg, ALG_SHA1);
	assert_true(bytes_all(digest_bytes(&record.record.digests[0]), 0xaa));
	test_bytes(record.record.data, bytes_of_string("hi"));
	assert_int_equal(cel_next(&log, &record, NULL), 0);
	cel_close(&log);
	test_drop(input);
}

static const struct content_case {
	const char *name, *hex, *text;
	uint32_t content;
	enum record_content kind;
	uint32_t management;
	const char *template, *data; /* NULL: not looked at */
} content_cases[] = {
	{"TLV, IMA",              TLV_HEAD "07 0000000f 00 00000003 696d61 01 00000002 6869",    NULL,
         CEL_CONTENT_IMA_TEMPLATE,																   RECORD_IMA_TEMPLATE, 0,                "ima",   "hi"   },
	{ "TLV, a version",       TLV_HEAD "04 00000010 01 0000000b 01 00000000 00 00000001 02", NULL,
         CEL_CONTENT_CEL,																	    RECORD_CEL,          CEL_VERSION,      NULL,    NULL   },
	{ "TLV, firmware's end",  TLV_HEAD "04 00000005 02 00000000",                            NULL,                                     CEL_CONTENT_CEL,
         RECORD_CEL,																				      CEL_FIRMWARE_END, NULL,    NULL   },
	{ "TLV, of nobody",       TLV_HEAD "50 00000002 6869",                                   NULL,                                     0x50,                     RECORD_CEL,          0,                NULL,    "hi"   },
	{ "CBOR, IMA",            CBOR_HEAD "09 07 0a a2 00 63 696d61 01 42 6869",               NULL,
         CEL_CONTENT_IMA_TEMPLATE,																   RECORD_IMA_TEMPLATE, 0,                "ima",   "hi"   },
	{ "CBOR, a version",      CBOR_HEAD "09 04 0a a2 00 01 01 a2 00 01 01 00",               NULL,                                     CEL_CONTENT_CEL,
         RECORD_CEL,																				      CEL_VERSION,      NULL,    NULL   },
	{ "CBOR, firmware's end", CBOR_HEAD "09 04 0a a1 00 02",                                 NULL,                                     CEL_CONTENT_CEL,          RECORD_CEL,
         CEL_FIRMWARE_END,																						  NULL,    NULL   },
	{ "CBOR, of nobody",      CBOR_HEAD "09 18 63 0a 83 01 f6 fb 3ff0000000000000",          NULL,                                     0x63,
         RECORD_CEL,																				      0,                NULL,    NULL   },
	{ "JSON, IMA",            NULL,
         "[" JSON_HEAD "\"content_type\":\"ima_template\",\"content\":{\"template_name\":\"ima\","
	  "\"template_data\":\"6869\"}}]",												 CEL_CONTENT_IMA_TEMPLATE, RECORD_IMA_TEMPLATE, 0,                "ima",   "hi"   },
	{ "JSON, systemd's",      NULL,
         "[" JSON_HEAD "\"content_type\":\"systemd\",\"content\":{\"string\":\"ready\","
	  "\"eventType\":\"phase\"}}]",												    CEL_CONTENT_SYSTEMD,      RECORD_SYSTEMD,      0,                "phase", "ready"},
	{ "JSON, firmware's end", NULL,
         "[" JSON_HEAD "\"content_type\":\"cel\",\"content\":{\"type\":\"firmware_end\"}}]",
         CEL_CONTENT_CEL,																	    RECORD_CEL,          CEL_FIRMWARE_END, NULL,    NULL   },
	{ "JSON, of nobody",      NULL,							  "[" JSON_HEAD "\"content_type\":\"x\"}]", CEL_CONTENT_OTHER,
         RECORD_CEL,																				      0,                NULL,    NULL   },
};

static void content(void **state)
{
	const struct content_case *row = *state;
	struct bytes input = input_of(row->hex, row->text);
	struct cel_record record;
	struct cel_log log;

	assert_int_equal(cel_open(&log, input, "log", NULL), 0);
	assert_int_equal(cel_next(&log, &record, NULL), 1);
	assert_int_equal(record.content, row->content);
	assert_int_equal(record.record.content, row->kind);
	assert_int_equal(record.management, row->management);
	if (row->template)
		test_bytes(record.record.name, bytes_of_string(row->template));
	if (row->data)
		test_bytes(record.record.data, bytes_of_string(row->data));
	assert_int_equal(cel_next(&log, &record, NULL), 0);
	cel_close(&log);
	test_drop(input);
}

static const struct bad_case {
	const char *name, *hex, *text;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",			    "",							NULL,			       ERROR_TRUNCATED, 0              },
	{ "none of them",                    "ff",						      NULL,                               ERROR_MALFORMED, 0              },
	{ "only blanks",                     NULL,						      " \n",                              ERROR_MALFORMED, 0              },
 /* TLV: the record's head is 42 bytes. */
	{ "TLV, no content",                 TLV_HEAD,						  NULL,                               ERROR_TRUNCATED, 42             },
	{ "TLV, a value cut",                TLV_HEAD "05 00000010 00",                                 NULL,                               ERROR_TRUNCATED, 47             },
	{ "TLV, a number twice",             "00 00000001 05 00 00000001 05 01 00000001 0e" TLV_EVENT,  NULL,
         ERROR_MALFORMED,																    0              },
	{ "TLV, a number of nine bytes",     "00 00000001 05 01 00000009 000000000000000000" TLV_EVENT,
         NULL,															      ERROR_MALFORMED, 6              },
	{ "TLV, a PCR too large",            "00 00000001 05 01 00000005 0100000000" TLV_EVENT,         NULL,
         ERROR_MALFORMED,																    6              },
	{ "TLV, neither PCR nor NV",         "00 00000001 05 02 00000001 00 02 00000001 00" TLV_EVENT,  NULL,
         ERROR_MALFORMED,																    12             },
	{ "TLV, both PCR and NV",
         "00 00000001 05 01 00000001 00 02 00000001 00 03 00000000" TLV_EVENT,                          NULL,
         ERROR_MALFORMED,																    0              },
	{ "TLV, no digests",                 "00 00000001 05 01 00000001 00" TLV_EVENT,                 NULL,                               ERROR_MALFORMED, 0              },
	{ "TLV, a digest too short",
         "00 00000001 05 01 00000001 00 03 00000007 04 00000002 aaaa" TLV_EVENT,                        NULL,
         ERROR_MALFORMED,																    17             },
	{ "TLV, an event without data",      TLV_HEAD "05 00000009 00 00000004 0000000d",               NULL,
         ERROR_MALFORMED,																    42             },
	{ "TLV, a byte behind the data",
         TLV_HEAD "05 00000011 00 00000004 0000000d 01 00000002 6869 ff",                               NULL,                               ERROR_TRUNCATED,
         64																				 },
	{ "TLV, a field of nobody",          TLV_HEAD "05 00000005 02 00000000",                        NULL,                               ERROR_MALFORMED, 47             },
	{ "TLV, no management",              TLV_HEAD "04 00000000",                                    NULL,                               ERROR_MALFORMED, 42             },
	{ "TLV, too much management",        TLV_HEAD "04 0000000a 02 00000000 02 00000000",            NULL,
         ERROR_MALFORMED,																    42             },
	{ "TLV, a version of nobody",        TLV_HEAD "04 0000000b 01 00000006 ff 00000001 02",         NULL,
         ERROR_MALFORMED,																    52             },
	{ "JSON, broken",                    NULL,						      "[{]",                              ERROR_MALFORMED, 3              },
	{ "JSON, broken in the second line", NULL,						      JSON_HEAD JSON_EVENT "\n{]\n",      ERROR_MALFORMED,
         191																				},
	{ "JSON, no object",                 NULL,						      "[1]",                              ERROR_MALFORMED, ERROR_NO_OFFSET},
	{ "JSON, no PCR",                    NULL,						      "[{\"digests\":[]}]",               ERROR_MALFORMED, ERROR_NO_OFFSET},
	{ "JSON, no digests",                NULL,						      "[{\"pcr\":1,\"content_type\":4}]", ERROR_MALFORMED,
         ERROR_NO_OFFSET																		    },
	{ "JSON, no type",                   NULL,						      "[{\"pcr\":1,\"digests\":[]}]",     ERROR_MALFORMED, ERROR_NO_OFFSET},
	{ "JSON, a digest that is not hex",  NULL,
         "[{\"pcr\":1,\"digests\":[{\"hashAlg\":\"sha1\",\"digest\":"
	  "\"xxaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}],\"content_type\":4}]",							    ERROR_MALFORMED, ERROR_NO_OFFSET},
	{ "JSON, an event of nobody",        NULL,
         "[" JSON_HEAD
	  "\"content_type\":5,\"content\":{\"event_type\":\"EV_X\",\"event_data\":\"\"}}]",						 ERROR_MALFORMED, ERROR_NO_OFFSET},
	{ "CBOR, bytes behind it",           "81" CBOR_HEAD CBOR_EVENT "00",                            NULL,                               ERROR_MALFORMED, 43             },
	{ "CBOR, fewer than said",           "82" CBOR_HEAD CBOR_EVENT,                                 NULL,                               ERROR_TRUNCATED, 43             },
	{ "CBOR, of indefinite length",      "9f" CBOR_HEAD CBOR_EVENT "ff",                            NULL,                               ERROR_MALFORMED, 0              },
	{ "CBOR, four members",              "81 a4 00 05",                                             NULL,                               ERROR_MALFORMED, 1              },
	{ "CBOR, a member twice",            "81 a5 00 05 00 05",                                       NULL,                               ERROR_MALFORMED, 4              },
	{ "CBOR, a member of nobody",        "81 a5 00 05 04 05",                                       NULL,                               ERROR_MALFORMED, 4              },
	{ "CBOR, content before its type",   "a5 00 05 0a a0",                                          NULL,                               ERROR_MALFORMED, 3              },
	{ "CBOR, a digest that is text",     "a5 00 05 03 81 a2 00 04 01 61 61",                        NULL,                               ERROR_MALFORMED,
         9																				  },
	{ "CBOR, too many digests",          "a5 00 05 03 98 64",                                       NULL,                               ERROR_LIMIT,     4              },
	{ "CBOR, content without end",       CBOR_HEAD "09 18 63 0a 9b ffffffffffffffff",               NULL,
         ERROR_LIMIT,																	36             },
};

/* The log breaks at its first record, or at the second of those that have a good one before. */
static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes input = input_of(row->hex, row->text);
	struct error err = { 0 };
	struct cel_record record;
	struct cel_log log;
	int status = cel_open(&log, input, "log", &err);

	if (status == 0) {
		while ((status = cel_next(&log, &record, &err)) > 0)
			assert_int_equal(record.record.index, 0);
		assert_int_equal(cel_next(&log, &record, NULL), -1);
		cel_close(&log);
	}
	assert_int_equal(status, -1);
	assert_int_equal(err.code, row->code);
	assert_int_equal(err.offset, row->offset);
	assert_string_equal(err.source, "log");
	test_drop(input);
}

static const char *const whole[] = { TLV_HEAD TLV_EVENT, "81" CBOR_HEAD CBOR_EVENT };

/* Cut at any length: never a record, always a reason. */
static void cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		struct bytes all = test_hex(whole[i]);

		for (size_t size = 1; size < all.size; size++) {
			struct bytes part = test_copy(bytes_of(all.data, size));
			struct error err = { 0 };
			struct cel_record record;
			struct cel_log log;

			if (cel_open(&log, part, "log", &err) == 0) {
				assert_int_equal(cel_next(&log, &record, &err), -1);
				cel_close(&log);
			}
			assert_true(err.message[0]);
			assert_true(err.offset <= size);
			test_drop(part);
		}
		test_drop(all);
	}
}

/* Changed in any byte, it is read or refused; the sanitizers watch. */
static void flipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		struct bytes all = test_hex(whole[i]);

		for (size_t at = 0; at < all.size; at++) {
			uint8_t *copy = malloc(all.size);
			struct cel_record record;
			struct cel_log log;

			assert_non_null(copy);
			memcpy(copy, all.data, all.size);
			copy[at] ^= 0xff;
			if (cel_open(&log, bytes_of(copy, all.size), "log", NULL) == 0) {
				while (cel_next(&log, &record, NULL) > 0)
					assert_true(record.record.n_digests <= ALG_BANKS);
				cel_close(&log);
			}
			free(copy);
		}
		test_drop(all);
	}
}

static void event_types_by_name(void **state)
{
	uint32_t type = 0;

	(void)state;
	assert_true(event_type_of_name(bytes_of_string("EV_EFI_ACTION"), &type));
	assert_int_equal(type, EV_EFI_ACTION);
	assert_true(event_type_of_name(bytes_of_string("ev_ipl"), &type));
	assert_int_equal(type, EV_IPL);
	assert_true(event_type_of_name(bytes_of_string("0x80000123"), &type));
	assert_int_equal(type, 0x80000123);
	assert_false(event_type_of_name(bytes_of_string("0x123"), &type));
	assert_false(event_type_of_name(bytes_of_string("EV_"), &type));
	assert_false(event_type_of_name(bytes_of_string(""), &type));
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, good, good_cases);
	TEST_ROWS(&tests, content, content_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut);
	TEST(&tests, flipped);
	TEST(&tests, event_types_by_name);
	return test_run(&tests, "replay/cel");
}
