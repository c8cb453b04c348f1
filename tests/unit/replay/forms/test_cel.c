/* SPDX-License-Identifier: BSD-2-Clause */
/* Canonical Event Logs, taken apart: the logs that come out, byte by byte, and what is said of the others. */
#include "replay/forms/forms.h"

#include "core/own.h"
#include "tests/unit/test.h"

/* Digests of "hi", and of a container event, by sha1sum and sha256sum. */
#define HI1     "c22b5f9178342609428d6f51b2c5af4c0bde6a42"
#define HI256   "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
#define COS1    "36f036c13355277435e148b5b0d55b6b433c85c4"
#define ONES1   "ffffffffffffffffffffffffffffffffffffffff"
#define ZEROS1  "0000000000000000000000000000000000000000"
#define ZEROS12 "000000000000000000000000"
#define SOME1   "9395adff4c11d14ebd422eba50eb8e4264f1ef0e"

/* A Spec ID event for SHA-1, as the form makes it. */
#define SPEC_ID(pcr)                                                                               \
	pcr "03000000" ZEROS1 "21000000"                                                           \
	    "53706563204944204576656e74303300"                                                     \
	    "00000000"                                                                             \
	    "000200"                                                                               \
	    "02"                                                                                   \
	    "01000000"                                                                             \
	    "0400"                                                                                 \
	    "1400"                                                                                 \
	    "00"
/* An event of PCR 4, EV_IPL, with one SHA-1 digest over "hi". */
#define EVENT                                                                                      \
	"04000000"                                                                                 \
	"0d000000"                                                                                 \
	"01000000"                                                                                 \
	"0400" HI1 "02000000"                                                                      \
	"6869"

#define DIGEST(alg, hex) "{\"hashAlg\":\"" alg "\",\"digest\":\"" hex "\"}"
#define RECORD(number, target, digests, rest)                                                      \
	"{\"recnum\":" #number "," target ",\"digests\":[" digests "]," rest "}\n"
#define IPL                                                                                        \
	"\"content_type\":\"pcclient_std\",\"content\":{\"event_type\":\"EV_IPL\",\"event_data\":" \
	"\"6869\"}"
#define NG                                                                                         \
	"\"content_type\":\"ima_template\",\"content\":{\"template_name\":\"ima-ng\",\"template_"  \
	"data\":\"6869\"}"
#define OTHER   "\"content_type\":\"new\",\"content\":{}"
#define NOTHING "\"content_type\":\"cel\",\"content\":{\"type\":\"firmware_end\"}"
#define NULLS   DIGEST("sha1", ZEROS1)
#define PCR(n)  "\"pcr\":" #n

/* Roles by their numbers. */
#define BOOT "0:(pcclient_std)="
#define IMA  "1:(ima_template)="
#define USER "22:="
#define NG_ENTRY(digest)                                                                           \
	"0a000000" digest "06000000"                                                               \
	"696d612d6e67"                                                                             \
	"02000000"                                                                                 \
	"6869"
#define USER_RECORD(target, digest, type, content)                                                 \
	"\x1e{" target ", \"digests\": [{\"hashAlg\": \"sha1\", \"digest\": \"" digest             \
	"\"}], \"content_type\": \"" type "\", \"content\": {" content "}}\n"
#define MISSING(at, number)                                                                        \
	"!: record " #at " has the number " #number                                                \
	", which is next neither in the log nor in its PCR: records are missing\n"

#define TLV_HEAD(number, digest)                                                                   \
	"00 00000001 " number " 01 00000001 04 03 00000019 04 00000014" digest

static const struct log_case {
	const char *name, *hex, *text, *form, *expected;
} log_cases[] = {
	{"an event in TLV",
         TLV_HEAD("00",																	 HI1) "05 00000010 00 00000004 0000000d 01 00000002 6869",             NULL,
         "Canonical Event Log, TLV",BOOT SPEC_ID("00000000") EVENT "\n"												      },
	{ "in CBOR",							       "81 a5 00 00 01 04 03 81 a2 00 04 01 54" HI1 "09 05 0a a2 00 0d 01 42 6869",
         NULL,																											"Canonical Event Log, CBOR",   BOOT SPEC_ID("00000000") EVENT "\n"},
	{ "in CBOR, a sequence",
         "a5 00 00 01 04 03 81 a2 00 04 01 54" HI1 "09 05 0a a2 00 0d 01 42 6869",                                                                        NULL,
         "Canonical Event Log, CBOR",																							   BOOT SPEC_ID("00000000") EVENT "\n"},
	{ "of a register",
         "00 00000001 00 6c 00000001 02 03 00000019 04 00000014" HI1
	  "05 00000010 00 00000004 0000000d 01 00000002 6869",														     NULL,																							      "Canonical Event Log, TLV",
         BOOT SPEC_ID("01000000") "02000000"
				   "0d000000"
				   "01000000"
				   "0400" HI1 "02000000"
				   "6869"
				   "\n"},
	{ "in JSON, a line",								  NULL,																RECORD(0,																								PCR(4),                          DIGEST("sha1",HI1),																	  IPL),
         "Canonical Event Log, JSON", BOOT SPEC_ID("00000000") EVENT "\n" },
	{ "in JSON, a sequence",						   NULL,									"\x1e" RECORD(0,                                                      PCR(4),                        DIGEST("SHA1",HI1),															    IPL),
         "Canonical Event Log, JSON", BOOT SPEC_ID("00000000") EVENT "\n" },
	{ "in JSON, an array",					      NULL,										      "[" RECORD(0,																			 PCR(4),																				   DIGEST("sha1",HI1),                                                                      IPL) "]",
         "Canonical Event Log, JSON", BOOT SPEC_ID("00000000") EVENT "\n" },
	{ "as tpm2-tss had it",							   NULL,
         "[" RECORD(1,																							      PCR(4),																												DIGEST("SHA1",HI1),
         "\"type\":\"pcclient_std\",\"sub_event\":{\"event_type\":13,\"event_data\":"
		     "\"6869\"}") "," RECORD(1, PCR(10), DIGEST("SHA1", HI1),
         "\"type\":\"LINUX_IMA\",\"sub_event\":{\"eventname\":"
					     "\"x\"}") "," RECORD(2, PCR(16), DIGEST("SHA1", HI1),
         "\"type\":\"tss2\",\"sub_event\":"
								  "{\"data\":\"6869\"}") "]",
         "Canonical Event Log, JSON", BOOT SPEC_ID("00000000") EVENT
	  "\n" USER USER_RECORD("\"pcr\": 16", HI1, "tss2", "\"string\": \"hi\"") "\n" MISSING(
		  2, 2) "?: IMA's events are not read: their "
			"template is not named\n" },

	{ "an IMA entry",          NULL,
         RECORD(0,           PCR(10),DIGEST("sha256",HI256) "," DIGEST("sha1",																      HI1), NG),
         "Canonical Event Log, JSON", IMA NG_ENTRY(HI1) "\n" },
	{ "with no SHA-1",							   NULL,																  RECORD(0,																				  PCR(10),																							DIGEST("sha256",HI256),NG),
         "Canonical Event Log, JSON", IMA NG_ENTRY(HI256) "\n" },
	{ "padded",					      NULL,
         RECORD(0,																	      PCR(10),																				     DIGEST("sha1",HI1) "," DIGEST("sha256",HI1 ZEROS12), NG),
         "Canonical Event Log, JSON", IMA NG_ENTRY(HI1) "\n" },
	{ "of another digest in one bank",							  NULL,
         RECORD(0,																										    PCR(10),
         DIGEST("sha1", HI1) "," DIGEST("sha256",HI1 "000000000000000000000001"), NG),
         "Canonical Event Log, JSON", IMA NG_ENTRY(HI1) "\n!: record 0: its sha256 digest is not over its template data\n" },
	{ "a violation, as it was extended",								     NULL,
         RECORD(0,																					 PCR(10),
         DIGEST("sha1",ONES1) "," DIGEST("sha256",ONES1 "ffffffffffffffffffffffff"), NG),
         "Canonical Event Log, JSON", IMA NG_ENTRY(ZEROS1) "\n" },
	{ "a violation, as it is logged",								 NULL,															     RECORD(0,                          PCR(10),DIGEST("sha1",ZEROS1),NG),
         "Canonical Event Log, JSON", IMA NG_ENTRY(ZEROS1) "\n" },
	{ "the template without its size",								NULL,
         RECORD(0,																										    PCR(10),											     DIGEST("sha1",SOME1),
         "\"content_type\":\"ima_template\",\"content\":{\"template_name\":\"ima\","
		 "\"template_data\":\"" HI1 "0200000041\"}"),
         "Canonical Event Log, JSON", IMA "0a000000" SOME1 "03000000"
	      "696d61" HI1 "0200000041"
	      "\n" },
	{ "of another bank than before",								     NULL,
         RECORD(0,																					 PCR(10),																								     DIGEST("sha1",HI1),NG)
		  RECORD(1, PCR(10), DIGEST("sha256", HI256), NG),
         "Canonical Event Log, JSON", IMA NG_ENTRY(HI1) "\n!: offset 0xc3: record 1: an IMA entry of no bank that the entries "
			    "before it have; the log is read up to it\n" },

	{ "systemd's",								 NULL,
         RECORD(0,																						     PCR(11),																						   DIGEST("sha1",HI1),
         "\"content_type\":\"systemd\",\"content\":{\"string\":\"hi\",\"bootId\":\"ab\","
		 "\"timestamp\":7,\"eventType\":\"phase\",\"more\":1}"),
         "Canonical Event Log, JSON", USER USER_RECORD("\"pcr\": 11", HI1, "systemd",
         "\"string\": \"hi\", \"bootId\": \"ab\", \"timestamp\": 7, "
			   "\"eventType\": \"phase\"") "\n" },
	{ "of an NV index, and of a register",								       NULL,
         RECORD(0,													     "\"nv_index\":16777216",																														   DIGEST("sha1",HI1),OTHER)
		  RECORD(1, "\"rtmr\":3", DIGEST("sha1", HI1), OTHER),
         "Canonical Event Log, JSON", USER USER_RECORD("\"nv_index\": 16777216", HI1, "new", "")
		  USER_RECORD("\"rtmr\": 3", HI1, "new", "") "\n" },
	{ "a container's",				       TLV_HEAD("00",													       COS1) "5000000006000000000161",																								 NULL,
         "Canonical Event Log, TLV",USER USER_RECORD("\"pcr\": 4",COS1, "cos",
         "\"eventType\": \"image-reference\", \"string\": \"a\"") "\n" },
	{ "a container's, changed",								TLV_HEAD("00",        COS1) "5000000006000000000162",                                      NULL,
         "Canonical Event Log, TLV",USER USER_RECORD(
		  "\"pcr\": 4",COS1, "cos",
         "\"eventType\": \"image-reference\", \"string\": \"b\"") "\n!: record 0: a "
									   "container event whose "
									   "sha1 digest is not "
									   "over it\n" },
	{ "of nobody knows whom",								       TLV_HEAD("00",														   HI1) "63 00000002 ff01",														    NULL,
         "Canonical Event Log, TLV",USER USER_RECORD("\"pcr\": 4",HI1, "99", "\"string\": \"ff01\"") "\n" },
	{ "of a PCR that no TPM has",                      NULL,															   RECORD(0,																					      PCR(24),																									  DIGEST("sha1",HI1),OTHER),
         "Canonical Event Log, JSON", "!: offset 0x0: record 0: it extends a PCR that no TPM has; the log is read up to it\n" },
	{ "of no bank",								 NULL,															       RECORD(0,                       PCR(4),DIGEST("sha9","00"),OTHER),
         "Canonical Event Log, JSON", "!: offset 0x0: record 0: it has no digest of a bank that Assay knows; the log is read "
	  "up to it\n" },
	{ "two digests of one bank",								     NULL,
         RECORD(0,															PCR(4),																		    DIGEST("sha1",HI1) "," DIGEST("sha1",COS1), OTHER),
         "Canonical Event Log, JSON", USER USER_RECORD(
		  "\"pcr\": 4", HI1, "new",
         "") "\n!: record 0: two digests of one algorithm: the first one counts\n" },
	{ "the firmware's behind others",								 NULL,
         RECORD(0,           PCR(4),																							     DIGEST("sha1",HI1),OTHER) RECORD(1, PCR(4), DIGEST("sha1", HI1), IPL),
         "Canonical Event Log, JSON", BOOT SPEC_ID("00000000") EVENT
	  "\n" USER USER_RECORD("\"pcr\": 4", HI1, "new",
         "") "\n"
				    "!: the firmware extends a PCR behind others: such an order is "
				    "not replayed\n" },

	{ "the log's own matters",							       NULL,
         RECORD(0,																				       PCR(0),																				 DIGEST("sha1",ZEROS1),
         "\"content_type\":\"cel\",\"content\":{\"type\":\"cel_version\",\"data\":{"
		 "\"major\":1,\"minor\":0}}") RECORD(1, PCR(0), NULLS, NOTHING)
		  RECORD(2, PCR(9), DIGEST("sha1", HI1), NOTHING),
         "Canonical Event Log, JSON", USER USER_RECORD("\"pcr\": 9", HI1, "cel", "") "\n" },
	{ "another version, JSON",							   NULL,
         RECORD(0,																					     PCR(0),DIGEST("sha1",ZEROS1),
         "\"content_type\":\"cel\",\"content\":{\"type\":\"cel_version\",\"data\":{"
		 "\"major\":2,\"minor\":1}}"),
         "Canonical Event Log, JSON", "!: record 0: a log of version 2.1, Assay knows 1.0\n" },
	{ "another version, TLV",
         TLV_HEAD("00",										ZEROS1) "04 00000011 01 0000000c 00 00000001 02 01 00000001 01",																		 NULL,
         "Canonical Event Log, TLV","!: record 0: a log of version 2.1, Assay knows 1.0\n"},
	{ "another version, CBOR",
         "a5 00 00 01 04 03 81 a2 00 04 01 54" ZEROS1 "09 04 0a a2 00 01 01 a2 00 02 01 01",																	  NULL,
         "Canonical Event Log, CBOR",																					 "!: record 0: a log of version 2.1, Assay knows 1.0\n"},

	{ "numbers through the log",					   NULL,
         RECORD(1,																						 PCR(4),																							      NULLS,NOTHING) RECORD(2,PCR(5), NULLS, NOTHING)
		  RECORD(3, PCR(4), NULLS, NOTHING),
         "Canonical Event Log, JSON", "" },
	{ "numbers through each PCR",					  NULL,
         RECORD(0,																								  PCR(4),																								  NULLS,NOTHING) RECORD(0, PCR(5), NULLS, NOTHING)
		  RECORD(1, PCR(4), NULLS, NOTHING),
         "Canonical Event Log, JSON", "" },
	{ "a gap",								       NULL,
         RECORD(0,													     PCR(4), NULLS,NOTHING) RECORD(1,PCR(4), NULLS, NOTHING)
		  RECORD(3, PCR(4), NULLS, NOTHING) RECORD(5, PCR(4), NULLS, NOTHING),
         "Canonical Event Log, JSON", MISSING(2, 3) },
	{ "a number twice",								     NULL,
         RECORD(0,																						    PCR(4),																										NULLS,NOTHING) RECORD(0,PCR(4), NULLS, NOTHING),
         "Canonical Event Log, JSON", MISSING(1, 0) },
	{ "a log that lacks its front",								 NULL,															       RECORD(2,                  PCR(4),NULLS,NOTHING),
         "Canonical Event Log, JSON", MISSING(0, 2) },

	{ "broken behind a record",
         TLV_HEAD("00",								   HI1) "05 00000010 00 00000004 0000000d 01 00000002 6869"
			      "00 00000001 01 ff", NULL,  "Canonical Event Log, TLV",
         BOOT SPEC_ID("00000000") EVENT
	  "\n!: offset 0x46: CEL 5.1: a field of 4 bytes, 0 are left; the log is read up to it\n"},
};

static struct bytes input_of(const struct log_case *row)
{
	return row->hex ? test_hex(row->hex) : test_copy(bytes_of_string(row->text));
}

static void append_result(struct buf *text, const struct form_result *result)
{
	for (size_t i = 0; i < result->n_pieces; i++) {
		const struct form_piece *piece = &result->pieces[i];

		buf_printf(text, "%d:%s=", piece->role, piece->where);
		if (piece->role == ROLE_USERSPACE_LOG)
			buf_append(text, piece->contents);
		else
			buf_append_hex(text, piece->contents);
		buf_append_string(text, "\n");
	}
	for (size_t i = 0; i < result->n_notes; i++)
		buf_printf(text, "%c%s: %s\n", result->notes[i].is_fault ? '!' : '?',
			   result->notes[i].where, result->notes[i].message);
	buf_append_u8(text, 0);
}

static void taken_apart(void **state)
{
	const struct log_case *row = *state;
	AUTO(arena_clear) struct arena arena = { 0 };
	AUTO(form_result_clear) struct form_result result = { .arena = &arena };
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct bytes input = input_of(row);
	struct error err = { 0 };
	enum bundle_role role;

	assert_int_equal(form_guess(input, &role), FORM_GUESS_WRAPPED);
	if (form_read(input, "t", &result, &err) != 1)
		fail_msg("%s", err.message);
	assert_string_equal(result.form, row->form);
	append_result(&text, &result);
	assert_string_equal((const char *)text.data, row->expected);
	test_drop(input);
}

/* What looks like such a log by a byte or two, and is none. */
static const struct other_case {
	const char *name, *hex;
} other_cases[] = {
	{"zeros",				  "0000000000000000000000000000000000000000000000000000000000000000"},
	{ "a record without digests",              "00 00000001 00 01 00000001 04 03 00000000 05 00000000"           },
	{ "a digest of an algorithm nobody knows",
         "00 00000001 00 01 00000001 04 03 00000006 63 00000001 00"                                                  },
	{ "a digest of another size",              "00 00000001 00 01 00000001 04 03 00000018 04 00000013"
				      "00000000000000000000000000000000000000"  },
	{ "a CBOR array of numbers",               "83 01 02 03"						     },
	{ "text that begins as a CBOR array",      "9f 61 62 63"                                                     },
	{ "pcrlock's JSON",                        "7b227265636f726473223a5b7b22706372223a342c2264696765737473223a5b7b2268"
			    "617368416c67223a2273686131227d5d7d5d7d"                      },
};

static void another(void **state)
{
	const struct other_case *row = *state;
	struct bytes input = test_hex(row->hex);
	enum bundle_role role;

	assert_int_equal(form_guess(input, &role), FORM_GUESS_NONE);
	test_drop(input);
}

/* Cut at every length and flipped at every byte: read or refused, never worse. */
static void broken(void **state)
{
	const struct log_case *row = *state;
	struct bytes whole = input_of(row);

	for (size_t i = 0; i < 2 * whole.size; i++) {
		AUTO(arena_clear) struct arena arena = { 0 };
		AUTO(form_result_clear) struct form_result result = { .arena = &arena };
		struct bytes input =
			test_copy(bytes_of(whole.data, i < whole.size ? i : whole.size));
		struct error err = { 0 };
		enum bundle_role role;

		if (i >= whole.size)
			((uint8_t *)(uintptr_t)input.data)[i - whole.size] ^= 0x20;
		(void)form_guess(input, &role);
		assert_true(form_read(input, "t", &result, &err) >= 0);
		test_drop(input);
	}
	test_drop(whole);
}

static void out_of_memory(void **state)
{
	const struct log_case *row = *state;
	struct bytes input = input_of(row);

	for (unsigned n = 1;; n++) {
		AUTO(arena_clear) struct arena arena = { 0 };
		AUTO(form_result_clear) struct form_result result = { .arena = &arena };
		struct error err = { 0 };
		int status;

		test_alloc_fail(n);
		status = form_read(input, "t", &result, &err);
		if (!test_alloc_failed()) {
			test_alloc_fail(0);
			assert_int_equal(status, 1);
			break;
		}
		test_alloc_fail(0);
		assert_int_equal(status, -1);
		assert_int_equal(err.code, ERROR_SYSTEM);
	}
	test_drop(input);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, taken_apart, log_cases);
	TEST_ROWS(&tests, another, other_cases);
	TEST_ROWS(&tests, broken, log_cases);
	TEST_ROWS(&tests, out_of_memory, log_cases);
	return test_run(&tests, "replay/forms/cel");
}
