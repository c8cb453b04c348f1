/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/forms/forms.h"

#include "core/own.h"
#include "tests/unit/test.h"

/* --- what a file looks like -------------------------------------------------------------------- */

/* clang-format off */
static const struct guess_case {
	const char *name, *hex;
	enum form_guess guess;
	enum bundle_role role;
} guess_cases[] = {
	{"nothing",			 "",								 FORM_GUESS_NONE,  ROLE_NONE     },
	{ "TPMS_ATTEST of a quote",         "ff544347 8018 0022 000b",                                          FORM_GUESS_PLAIN, ROLE_QUOTE_MSG},
	{ "TPMS_ATTEST of a certification", "ff544347 8017 0022 000b",                                          FORM_GUESS_NONE,  ROLE_NONE     },
	{ "four bytes of one",              "ff544347",							 FORM_GUESS_NONE,  ROLE_NONE     },
	{ "Spec ID event",
         "00000000 03000000 0000000000000000000000000000000000000000 25000000"
	  "53706563204944204576656e74303300",								   FORM_GUESS_PLAIN, ROLE_BOOT_LOG },
	{ "the same with a digest",
         "00000000 03000000 0000000000000000000000000000000000000001 25000000"
	  "53706563204944204576656e74303300",								   FORM_GUESS_NONE,  ROLE_NONE     },
	{ "Spec ID event of a register",
         "01000000 03000000 0000000000000000000000000000000000000000 25000000"
	  "53706563204944204576656e74303300",								   FORM_GUESS_PLAIN, ROLE_CC_LOG   },
	{ "a TDX quote",
         "0400 0200 81000000 00000000 939a7233f79c4ca9940a0db3957f0607",						  FORM_GUESS_PLAIN, ROLE_TDX_QUOTE },
	{ "an SGX quote",
         "0300 0200 00000000 00000000 939a7233f79c4ca9940a0db3957f0607",						  FORM_GUESS_NONE,  ROLE_NONE      },
	{ "IMA list, SHA-1, ima-ng",
         "0a000000 0102030405060708090a0b0c0d0e0f1011121314 06000000 696d612d6e67 00",			  FORM_GUESS_PLAIN, ROLE_IMA_LOG  },
	{ "IMA list, big-endian",
         "0000000a 0102030405060708090a0b0c0d0e0f1011121314 00000006 696d612d6e67 00",			  FORM_GUESS_PLAIN, ROLE_IMA_LOG  },
	{ "IMA list, SHA-256, a format",
         "0a000000 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20 09000000"
	  "642d6e677c6e2d6e67 00",									      FORM_GUESS_PLAIN, ROLE_IMA_LOG  },
	{ "IMA list as text",
         "313020 33363761313131623638323535336461353334306639373730303136383964623833363630353661"
	  "20 696d612d6e67 20 736861",									  FORM_GUESS_PLAIN, ROLE_IMA_LOG  },
	{ "a digest and a name",
         "33363761313131623638323535336461353334306639373730303136383964623833363630353661"
	  "2020 696d612d6e67 0a",									       FORM_GUESS_NONE,  ROLE_NONE     },
	{ "zeros",			  "0000000000000000000000000000000000000000000000000000000000000000",
         FORM_GUESS_NONE,													 ROLE_NONE     },
};
/* clang-format on */

static void guess(void **state)
{
	const struct guess_case *row = *state;
	struct bytes start = test_hex(row->hex);
	enum bundle_role role;

	assert_int_equal(form_guess(start, &role), row->guess);
	assert_int_equal(role, row->role);
	test_drop(start);
}

/* --- reading ------------------------------------------------------------------------------------ */

static void append_result(struct buf *text, const struct form_result *result)
{
	for (size_t i = 0; i < result->n_pieces; i++) {
		const struct form_piece *piece = &result->pieces[i];

		buf_printf(text, "%d:%u:%.*s:%s=", piece->role, piece->group, (int)piece->name.size,
			   (const char *)piece->name.data, piece->where);
		if (piece->contents.size && *piece->contents.data >= ' ' &&
		    *piece->contents.data < 0x7f)
			buf_append(text, piece->contents);
		else
			buf_append_hex(text, piece->contents);
		if (piece->is_part)
			buf_printf(text, " from %lld", (long long)piece->first_entry);
		buf_append_string(text, "\n");
	}
	for (size_t i = 0; i < result->n_notes; i++)
		buf_printf(text, "%c%s: %s\n", result->notes[i].is_fault ? '!' : '?',
			   result->notes[i].where, result->notes[i].message);
	buf_append_u8(text, 0);
}

/* Roles in the expected text by their numbers. */
#define BOOT "0"
#define IMA  "1"
#define MSG  "2"
#define SIG  "3"
#define PCRS "4"

/* 93 bytes in base64, so that a string begins like a quote of Keylime's. */
#define LONG64                                                                                     \
	"/1RDR4AYAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"                         \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define LONGHEX                                                                                    \
	"ff54434780180000000000000000000000000000000000000000000000000000"                         \
	"0000000000000000000000000000000000000000000000000000000000000000"                         \
	"0000000000000000000000000000000000000000000000000000000000"

/* clang-format off */
static const struct read_case {
	const char *name, *text, *form, *expected;
} read_cases[] = {
	{"a quote string",			    "r" LONG64 ":AgM=:BA==\n",                                              "Keylime quote string",
         MSG ":1::part[0]=" LONGHEX "\n" SIG ":1::part[1]=0203\n" PCRS ":1::part[2]=04\n"															 },
	{ "a quote string of two parts",              "r" LONG64 ":AgM=",                                                     "Keylime quote string",
         MSG ":1::part[0]=" LONGHEX "\n!: ends after 2 of its 3 parts\n"																	  },
	{ "a quote string of four parts",             "r" LONG64 ":AgM=:BA==:BA==",                                           "Keylime quote string",
         MSG ":1::part[0]=" LONGHEX "\n" SIG ":1::part[1]=0203\n!: has more than 3 parts\n"														       },
	{ "a reply",
         "{\"code\":200,\"status\":\"Success\",\"results\":{\"quote\":\"rAQ==:AgM=:BA==\","
	  "\"hash_alg\":\"sha256\",\"ima_measurement_list\":\"10 ab ima-ng\\n\","
	  "\"ima_measurement_list_entry\":3,\"mb_measurement_list\":\"BQY=\"}}",					      "Keylime quote reply",
         MSG ":1::results.quote[0]=01\n" SIG ":1::results.quote[1]=0203\n" PCRS
	      ":1::results.quote[2]=04\n" IMA
	      ":0::results.ima_measurement_list=10 ab ima-ng\n from 3\n" BOOT
	      ":0::results.mb_measurement_list=0506\n"																			    },
	{ "a reply without its wrapping, with nulls",
         "{\"quote\":\"rAQ==:AgM=:BA==\",\"ima_measurement_list\":null,\"mb_measurement_list\":"
	  "null,"
	  "\"ima_measurement_list_entry\":null,\"pubkey\":null}",							     "Keylime quote reply",
         MSG ":1::quote[0]=01\n" SIG ":1::quote[1]=0203\n" PCRS ":1::quote[2]=04\n"															       },
	{ "parts that were compressed",
         "{\"quote\":\"reJwrLM0vSQUABqgCLw==:eJwrzkwHAAKVAUQ=:eJwrSC4qBgAERAG5\"}",					   "Keylime quote reply",
         MSG ":1::quote[0]=quote\n" SIG ":1::quote[1]=sig\n" PCRS ":1::quote[2]=pcrs\n"															   },
	{ "a compressed part cut short",              "{\"quote\":\"reJwrLM0vSQUABqgC:AgM=:BA==\"}",
         "Keylime quote reply",															     SIG ":1::quote[1]=0203\n" PCRS
	      ":1::quote[2]=04\n!quote[0]: begins like a compressed part and is none\n"											    },
	{ "parts that are no base64",                 "{\"quote\":\"rA:A===:AB==\"}",                                         "Keylime quote reply",
         "!quote[0]: not base64, at its character 1\n!quote[1]: not base64, at its character 0\n"
	  "!quote[2]: not base64, at its character 0\n"																			   },
	{ "a deep quote of older agents",             "{\"quote\":\"dAQ==:AgM=:BA==\"}",                                      "Keylime quote reply",
         "!quote: a quote string begins with 'r'; this one is of another TPM or form\n"															   },
	{ "an entry that is no number",
         "{\"quote\":\"rAQ==:AgM=:BA==\",\"ima_measurement_list\":\"10 ab ima-ng\\n\","
	  "\"ima_measurement_list_entry\":-1}",									       "Keylime quote reply",
         MSG ":1::quote[0]=01\n" SIG ":1::quote[1]=0203\n" PCRS
	      ":1::quote[2]=04\n!ima_measurement_list: not used: the number of its first entry is "
	      "no number\n"																						       },
	{ "two replies in an array",
         "[{\"quote\":\"rAQ==:AgM=:BA==\"},{\"quote\":\"rBQ==:AgM=:BA==\"},{\"enc_alg\":1}]",				 "Keylime quote reply",
         MSG ":1::[0].quote[0]=01\n" SIG ":1::[0].quote[1]=0203\n" PCRS ":1::[0].quote[2]=04\n" MSG
	      ":2::[1].quote[0]=05\n" SIG ":2::[1].quote[1]=0203\n" PCRS
	      ":2::[1].quote[2]=04\n?[2].: in no form that Assay reads\n"																	 },
	{ "a reply a line",                           "{\"quote\":\"rAQ==:AgM=:BA==\"}\n\n{\"quote\":\"rBQ==:AgM=:BA==\"}\n",
         "Keylime quote reply",															     MSG ":1::line 1: quote[0]=01\n" SIG ":1::line 1: quote[1]=0203\n" PCRS
	      ":1::line 1: quote[2]=04\n" MSG ":2::line 3: quote[0]=05\n" SIG
	      ":2::line 3: quote[1]=0203\n" PCRS ":2::line 3: quote[2]=04\n"												       },
	{ "what an agent pushes",
         "{\"data\":{\"type\":\"attestation\",\"attributes\":{\"evidence_collected\":["
	  "{\"evidence_class\":\"certification\",\"evidence_type\":\"tpm_quote\",\"data\":"
	  "{\"subject_data\":\"BA==\",\"message\":\"AQ==\",\"signature\":\"AgM=\"}},"
	  "{\"evidence_class\":\"log\",\"evidence_type\":\"uefi_log\",\"data\":{\"entries\":\"BQY="
	  "\"}},"
	  "{\"evidence_class\":\"log\",\"evidence_type\":\"ima_log\",\"data\":{\"entries\":\"10 "
	  "ab\","
	  "\"entry_count\":1}},{\"evidence_type\":\"other\"}]}}}",							    "Keylime push attestation",
         MSG
	  ":1::data.attributes.evidence_collected[0].data.message=01\n" SIG
	  ":1::data.attributes.evidence_collected[0].data.signature=0203\n" PCRS
	  ":1::data.attributes.evidence_collected[0].data.subject_data=04\n" BOOT
	  ":0::data.attributes.evidence_collected[1].data.entries=0506\n" IMA
	  ":0::data.attributes.evidence_collected[2].data.entries=10 ab from -1\n"
	  "?data.attributes.evidence_collected[3].data.: evidence of a type that Assay does not "
	  "read\n"																								},
	{ "a TDX machine's", "{\"cc_eventlog\":\"BQY=\",\"quote\":\"BAAC\",\"aa_eventlog\":null}", "Confidential Containers' TDX evidence",
	 "23:0::quote=040002\n24:0::cc_eventlog=0506\n" },
	{ "what the registrar knows",
         "{\"code\":200,\"status\":\"Success\",\"results\":{\"aik_tpm\":\"AQ==\",\"ek_tpm\":\"AgM="
	  "\","
	  "\"ekcert\":\"emulator\",\"mtls_cert\":\"x\",\"ip\":\"127.0.0.1\",\"port\":9002,"
	  "\"iak_tpm\":\"\",\"regcount\":1}}",										"Keylime registrar's record", "5:1::results.aik_tpm=01\n14:1::results.ek_tpm=0203\n"},
};
/* clang-format on */

static void read_one(void **state)
{
	const struct read_case *row = *state;
	AUTO(arena_clear) struct arena arena = { 0 };
	AUTO(form_result_clear) struct form_result result = { .arena = &arena };
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct bytes input = test_copy(bytes_of_string(row->text));
	struct error err = { 0 };
	enum bundle_role role;

	if (form_read(input, "t", &result, &err) != 1)
		fail_msg("%s", err.message);
	assert_int_equal(form_guess(input, &role), FORM_GUESS_WRAPPED);
	assert_string_equal(result.form, row->form);
	append_result(&text, &result);
	assert_string_equal((const char *)text.data, row->expected);
	test_drop(input);
}

/* clang-format off */
static const struct bad_case {
	const char *name, *text;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"other JSON",               "{\"quote\": 1}",                                ERROR_UNSUPPORTED, 0 },
	{ "no JSON",                 "{\"quote\": ",                                  ERROR_MALFORMED,   10},
	{ "no JSON behind a space",  "\n {\"quote\" 1}",                              ERROR_MALFORMED,   12},
	{ "a member twice",          "{\"quote\":\"r\",\"quote\":\"r\"}",             ERROR_MALFORMED,   20},
	{ "one bad line",            "{\"quote\":\"rAQ==:AgM=:BA==\"}\n{\"quote\"\n", ERROR_MALFORMED,   8 },
	{ "lines of something else", "{\"quote\":1}\n{\"quote\":2}\n",                ERROR_UNSUPPORTED,
         ERROR_NO_OFFSET										   },
	{ "nested too deep",
         "{\"quote\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
	  "[[[",								      ERROR_LIMIT,       72},
};
/* clang-format on */

static void bad(void **state)
{
	const struct bad_case *row = *state;
	AUTO(arena_clear) struct arena arena = { 0 };
	AUTO(form_result_clear) struct form_result result = { .arena = &arena };
	struct bytes input = test_copy(bytes_of_string(row->text));
	struct error err = { 0 };

	assert_int_equal(form_read(input, "t", &result, &err), 0);
	test_error(&err, row->code, row->offset);
	test_drop(input);
}

/* Cut at every length and flipped at every byte: read or refused, never worse. */
static void broken(void **state)
{
	const struct read_case *row = *state;
	size_t size = strlen(row->text);

	for (size_t i = 0; i < 2 * size; i++) {
		AUTO(arena_clear) struct arena arena = { 0 };
		AUTO(form_result_clear) struct form_result result = { .arena = &arena };
		struct bytes input = test_copy(bytes_of(row->text, i < size ? i : size));
		struct error err = { 0 };
		enum bundle_role role;

		if (i >= size)
			((uint8_t *)(uintptr_t)input.data)[i - size] ^= 0x20;
		(void)form_guess(input, &role);
		assert_true(form_read(input, "t", &result, &err) >= 0);
		test_drop(input);
	}
}

/* Each allocation fails once: said, or all is as it was. */
static void out_of_memory(void **state)
{
	const struct read_case *row = *state;

	for (unsigned n = 1;; n++) {
		AUTO(arena_clear) struct arena arena = { 0 };
		AUTO(form_result_clear) struct form_result result = { .arena = &arena };
		struct error err = { 0 };
		int status;

		test_alloc_fail(n);
		status = form_read(bytes_of_string(row->text), "t", &result, &err);
		if (!test_alloc_failed()) {
			test_alloc_fail(0);
			assert_int_equal(status, 1);
			return;
		}
		test_alloc_fail(0);
		if (status < 0)
			assert_int_equal(err.code, ERROR_SYSTEM);
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, guess, guess_cases);
	TEST_ROWS(&tests, read_one, read_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST_ROWS(&tests, broken, read_cases);
	TEST_ROWS(&tests, out_of_memory, read_cases);
	return test_run(&tests, "replay/forms");
}
