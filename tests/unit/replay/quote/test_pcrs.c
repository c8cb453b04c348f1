/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/replay/quote/load.h"

#define SERIALIZED "good-all-banks.pcrs"
#define VALUES     "good-all-banks.values"
#define MARSHALED  "good-all-banks.marshaled"

static struct quote_selection selection_of(const char *name, struct bytes *message)
{
	struct error err = { 0 };
	struct quote quote;

	*message = load_file(VECTORS, name);
	if (quote_parse(*message, name, &quote, &err) < 0)
		fail_msg("%s", err.message);
	return quote.selection;
}

/* "  sha256:" and "    10: 0xABCD...": what tpm2_pcrread said of the same TPM. */
static void compare_with_yaml(const struct quote_pcrs *pcrs)
{
	FILE *in = fopen(VECTORS "/pcrs.yaml", "r");
	enum alg alg = ALG_NONE;
	unsigned n = 0;
	char line[256];

	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		char name[16], hex[2 * DIGEST_SIZE_MAX + 1];
		unsigned pcr;

		if (sscanf(line, " %u : 0x%128[0-9A-F]", &pcr, hex) == 2) {
			assert_true(alg < ALG_BANKS && pcr < PCR_COUNT);
			assert_true(pcrs->present[alg] >> pcr & 1);
			test_bytes_hex(bytes_of(pcrs->value[alg][pcr], alg_size(alg)), hex);
			n++;
		} else if (sscanf(line, " %15[a-z0-9]:", name) == 1) {
			alg = alg_of_name(bytes_of_string(name));
		}
	}
	fclose(in);
	assert_int_equal(n, 4 * PCR_COUNT);
}

static const struct form_case {
	const char *name, *file;
	enum quote_pcrs_form form;
} form_cases[] = {
	{"serialized", SERIALIZED, QUOTE_PCRS_SERIALIZED},
	{ "values",    VALUES,     QUOTE_PCRS_VALUES    },
	{ "marshaled", MARSHALED,  QUOTE_PCRS_MARSHALED },
};

static void form(void **state)
{
	const struct form_case *row = *state;
	struct bytes message, input = load_file(VECTORS, row->file);
	struct quote_selection selection = selection_of("good-all-banks.msg", &message);
	enum quote_pcrs_form found;
	struct quote_pcrs pcrs;
	struct error err = { 0 };

	if (quote_pcrs_parse(input, row->file, &selection, &pcrs, &found, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(quote_pcrs_form_text(found), row->name);
	compare_with_yaml(&pcrs);
	test_drop(input);
	test_drop(message);
}

/* One bank named twice: values come in the order of the entries, not of the PCRs. */
static void bank_twice(void **state)
{
	struct bytes message, input = load_file(VECTORS, "good-bank-twice.pcrs");
	struct bytes all = load_file(VECTORS, VALUES), all_message;
	struct quote_selection selection = selection_of("good-bank-twice.msg", &message);
	struct quote_selection all_selection = selection_of("good-all-banks.msg", &all_message);
	struct quote_pcrs pcrs, expected;

	(void)state;
	assert_int_equal(quote_pcrs_parse(input, "twice", &selection, &pcrs, NULL, NULL), 0);
	assert_int_equal(quote_pcrs_parse(all, "all", &all_selection, &expected, NULL, NULL), 0);
	assert_int_equal(pcrs.present[ALG_SHA256], 1u << 9 | 1u << 0 | 1u << 7);
	assert_int_equal(pcrs.present[ALG_SHA1], 1u << 3);
	assert_memory_equal(pcrs.value[ALG_SHA256][9], expected.value[ALG_SHA256][9], 32);
	assert_memory_equal(pcrs.value[ALG_SHA256][0], expected.value[ALG_SHA256][0], 32);
	assert_memory_equal(pcrs.value[ALG_SHA256][7], expected.value[ALG_SHA256][7], 32);
	assert_memory_equal(pcrs.value[ALG_SHA1][3], expected.value[ALG_SHA1][3], 20);
	test_drop(input);
	test_drop(all);
	test_drop(message);
	test_drop(all_message);
}

/*
 * Places in SERIALIZED: count 0, banks at 4, 12, 20, 28 (hash, sizeofSelect, pcrSelect, padding), n at
 * 132, lists at 136 + 532 i (count, then 66 bytes a digest). In MARSHALED: count 0, banks 4 10 16 22,
 * n at 28, lists from 32, the first 4 + 8 * 22 bytes. In VALUES: 24 values of 20, 32, 48, 64 bytes.
 */
static const struct bad_case {
	const char *name, *file;
	struct change change;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"serialized, cut in the selection",    SERIALIZED, { 0, NULL, 131 },          ERROR_TRUNCATED, 131 },
	{ "serialized, cut in a list",          SERIALIZED, { 0, NULL, 700 },          ERROR_TRUNCATED, 668 },
	{ "serialized, a byte more",            SERIALIZED, { 0, NULL, 6521 },         ERROR_MALFORMED, 6520},
	{ "serialized, bitmap of 5 bytes",      SERIALIZED, { 14, "05", 0 },           ERROR_MALFORMED, 14  },
	{ "serialized, 33 lists",               SERIALIZED, { 132, "21000000", 0 },    ERROR_LIMIT,     132 },
	{ "serialized, 4 billion lists",        SERIALIZED, { 132, "ffffffff", 0 },    ERROR_LIMIT,     132 },
	{ "serialized, a list fewer",
         SERIALIZED,					{ 132, "0b000000", 5988 },
         ERROR_TRUNCATED,									       5988},
	{ "serialized, 9 in a list",            SERIALIZED, { 136, "09000000", 0 },    ERROR_LIMIT,     136 },
	{ "serialized, 7 in a list",            SERIALIZED, { 136, "07000000", 0 },    ERROR_MALFORMED, 1736},
	{ "serialized, digest too long",        SERIALIZED, { 140, "4100", 0 },        ERROR_MALFORMED, 140 },
	{ "serialized, digest of another bank",
         SERIALIZED,					{ 140, "2000", 0 },
         ERROR_MALFORMED,									       140 },
	{ "serialized, a PCR less selected",    SERIALIZED, { 33, "7f", 0 },           ERROR_MALFORMED, 6454},
	{ "marshaled, cut in the selection",    MARSHALED,  { 0, NULL, 20 },           ERROR_TRUNCATED, 16  },
	{ "marshaled, cut before the lists",    MARSHALED,  { 0, NULL, 30 },           ERROR_TRUNCATED, 28  },
	{ "marshaled, cut in a list",           MARSHALED,  { 0, NULL, 60 },           ERROR_TRUNCATED, 58  },
	{ "marshaled, a byte more",             MARSHALED,  { 0, NULL, 4209 },         ERROR_MALFORMED, 4208},
	{ "marshaled, 17 banks",                MARSHALED,  { 0, "00000011", 0 },      ERROR_MALFORMED, 3936},
	{ "marshaled, 33 lists",                MARSHALED,  { 28, "00000021", 0 },     ERROR_LIMIT,     28  },
	{ "marshaled, 9 in a list",             MARSHALED,  { 32, "00000009", 0 },     ERROR_LIMIT,     32  },
	{ "marshaled, digest too long",         MARSHALED,  { 36, "0041", 0 },         ERROR_MALFORMED, 36  },
	{ "values, cut",                        VALUES,     { 0, NULL, 3935 },         ERROR_TRUNCATED, 3935},
	{ "values, a byte more",                VALUES,     { 0, NULL, 3937 },         ERROR_MALFORMED, 3936},
	{ "empty",			      VALUES,     { 0, NULL, CHANGE_EMPTY }, ERROR_TRUNCATED, 0   },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes message, input = load_changed(row->file, row->change);
	struct quote_selection selection = selection_of("good-all-banks.msg", &message);
	struct quote_pcrs pcrs;
	struct error err = { 0 };

	assert_int_equal(quote_pcrs_parse(input, row->file, &selection, &pcrs, NULL, &err), -1);
	test_error(&err, row->code, row->offset);
	test_drop(input);
	test_drop(message);
}

static void cut_everywhere(void **state)
{
	static const char *const files[] = { SERIALIZED, VALUES, MARSHALED };
	struct bytes message;
	struct quote_selection selection = selection_of("good-all-banks.msg", &message);
	struct quote_pcrs pcrs;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct bytes whole = load_file(VECTORS, files[i]);

		for (size_t size = 0; size < whole.size; size++) {
			struct bytes input = test_copy(bytes_of(whole.data, size));
			struct error err = { 0 };

			assert_int_equal(quote_pcrs_parse(input, "cut", &selection, &pcrs, NULL,
							  &err),
					 -1);
			assert_true(err.offset <= size);
			test_drop(input);
		}
		test_drop(whole);
	}
	test_drop(message);
}

static void unknown_bank(void **state)
{
	struct quote_selection selection = { 1, { { ALG_NONE, 0x27, 1 } } };
	struct bytes input = test_hex("00000000000000000000000000000000");
	struct quote_pcrs pcrs;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(quote_pcrs_parse(input, "input", &selection, &pcrs, NULL, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, 0);
	test_drop(input);
}

/* Serialized values of a bank unknown to us are passed over, those of the others are read. */
static void unknown_bank_beside(void **state)
{
	struct bytes message, input = load_changed(SERIALIZED, (struct change){ 4, "2700", 0 });
	struct quote_selection selection = selection_of("good-all-banks.msg", &message);
	struct quote_pcrs pcrs;

	(void)state;
	assert_int_equal(quote_pcrs_parse(input, "input", &selection, &pcrs, NULL, NULL), 0);
	assert_int_equal(pcrs.present[ALG_SHA1], 0);
	assert_int_equal(pcrs.present[ALG_SHA256], 0xffffff);
	test_drop(input);
	test_drop(message);
}

/* A TPM that lacks PCR 31 gives it no value, in no form, and it is not hashed. */
static void beyond_the_last_pcr(void **state)
{
	struct quote_selection selection = { 1, { { ALG_SHA1, 4, UINT32_C(0x80000001) } } };
	struct bytes one = test_hex("0102030405060708090a0b0c0d0e0f1011121314");
	struct bytes two = test_hex("0102030405060708090a0b0c0d0e0f1011121314"
				    "1112131415161718191a1b1c1d1e1f2021222324");
	struct hasher *hasher = NULL;
	struct digest digest, expected;
	struct quote_pcrs pcrs;

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(quote_pcrs_parse(one, "one", &selection, &pcrs, NULL, NULL), 0);
	assert_int_equal(pcrs.present[ALG_SHA1], 1);
	assert_int_equal(quote_pcr_digest(hasher, ALG_SHA256, &selection, &pcrs, &digest, NULL,
					  NULL),
			 1);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, one, &expected, NULL), 0);
	assert_true(digest_equal(&digest, &expected));

	assert_int_equal(quote_pcrs_parse(two, "two", &selection, &pcrs, NULL, NULL), 0);
	assert_true(pcrs.present[ALG_SHA1] == UINT32_C(0x80000001));
	assert_int_equal(quote_pcr_digest(hasher, ALG_SHA256, &selection, &pcrs, &digest, NULL,
					  NULL),
			 1);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, two, &expected, NULL), 0);
	assert_true(digest_equal(&digest, &expected));
	hasher_free(hasher);
	test_drop(one);
	test_drop(two);
}

/* A bank's selection in a PCR file names PCR 24, and the file has no value of it. */
static void beyond_in_a_structure(void **state)
{
	const struct change changes[] = {
		{30,  "04ffffff01", 0},
                { 14, "04ffffff80", 0}
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct bytes message, input = load_changed(SERIALIZED, changes[i]);
		struct quote_selection selection = selection_of("good-all-banks.msg", &message);
		struct quote_pcrs pcrs;
		struct error err = { 0 };

		assert_int_equal(quote_pcrs_parse(input, SERIALIZED, &selection, &pcrs, NULL, &err),
				 0);
		assert_int_equal(pcrs.present[ALG_SHA1], 0xffffff);
		assert_int_equal(pcrs.present[ALG_SHA512], 0xffffff);
		test_drop(input);
		test_drop(message);
	}
}

static const struct digest_case {
	const char *name, *message, *pcrs;
	enum alg alg;
} digest_cases[] = {
	{"one bank",              "good-rsassa-sha256.msg",     "good-rsassa-sha256.pcrs",     ALG_SHA256},
	{ "SHA-384 over SHA-256", "good-ecdsa-p384-sha384.msg", "good-ecdsa-p384-sha384.pcrs",
         ALG_SHA384										      },
	{ "SHA-512 over SHA-256", "good-ecdsa-p521-sha512.msg", "good-ecdsa-p521-sha512.pcrs",
         ALG_SHA512										      },
	{ "all banks",            "good-all-banks.msg",         SERIALIZED,                    ALG_SHA256},
	{ "a bank twice",         "good-bank-twice.msg",        "good-bank-twice.pcrs",        ALG_SHA256},
	{ "SHA-1",                "bad-sha1-signature.msg",     "bad-sha1-signature.pcrs",     ALG_SHA1  },
};

/* The digest is the one the TPM signed. */
static void pcr_digest(void **state)
{
	const struct digest_case *row = *state;
	struct bytes message = load_file(VECTORS, row->message);
	struct bytes input = load_file(VECTORS, row->pcrs);
	struct hasher *hasher = NULL;
	struct digest digest;
	struct quote_pcrs pcrs;
	struct quote quote;

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(quote_parse(message, row->message, &quote, NULL), 0);
	assert_int_equal(quote_pcrs_parse(input, row->pcrs, &quote.selection, &pcrs, NULL, NULL),
			 0);
	assert_int_equal(quote_pcr_digest(hasher, row->alg, &quote.selection, &pcrs, &digest, NULL,
					  NULL),
			 1);
	test_bytes(digest_bytes(&digest), quote.pcr_digest);
	hasher_free(hasher);
	test_drop(message);
	test_drop(input);
}

static void missing_value(void **state)
{
	struct quote_selection selection = {
		2, {{ ALG_SHA1, 4, 1 }, { ALG_SHA256, 11, 0x28 }}
	};
	struct quote_pcrs pcrs = {
		.present = {[ALG_SHA1] = 1, [ALG_SHA256] = 0x08}
	};
	struct quote_bank missing;
	struct hasher *hasher = NULL;
	struct digest digest;

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(quote_pcr_digest(hasher, ALG_SHA256, &selection, &pcrs, &digest, &missing,
					  NULL),
			 0);
	assert_int_equal(missing.alg, ALG_SHA256);
	assert_int_equal(missing.pcrs, 0x20);
	selection.banks[1] = (struct quote_bank){ ALG_NONE, 0x27, 2 };
	assert_int_equal(quote_pcr_digest(hasher, ALG_SHA256, &selection, &pcrs, &digest, &missing,
					  NULL),
			 0);
	assert_int_equal(missing.alg_id, 0x27);
	hasher_free(hasher);
}

/* What a replay arrived at hashes to the signed digest, too. */
static void from_replayed_bank(void **state)
{
	struct bytes message = load_file(VECTORS, "good-rsassa-sha256.msg");
	struct pcr_bank bank;
	struct quote_pcrs pcrs = { 0 };
	struct hasher *hasher = NULL;
	struct digest digest;
	struct quote quote;

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(quote_parse(message, "message", &quote, NULL), 0);
	pcr_bank_init(&bank, ALG_SHA256);
	for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
		for (unsigned i = 1; quote.selection.banks[0].pcrs >> pcr & 1 && i <= 2; i++) {
			char text[40];

			snprintf(text, sizeof(text), "event %u of PCR %u", i, pcr);
			assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256,
							     bytes_of_string(text), &digest, NULL),
					 0);
			assert_int_equal(pcr_bank_extend(&bank, hasher, pcr, &digest, NULL), 0);
		}
	}
	quote_pcrs_set_bank(&pcrs, &bank, bank.extended);
	assert_int_equal(quote_pcr_digest(hasher, ALG_SHA256, &quote.selection, &pcrs, &digest,
					  NULL, NULL),
			 1);
	test_bytes(digest_bytes(&digest), quote.pcr_digest);
	hasher_free(hasher);
	test_drop(message);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, form, form_cases);
	TEST(&tests, bank_twice);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_everywhere);
	TEST(&tests, unknown_bank);
	TEST(&tests, unknown_bank_beside);
	TEST(&tests, beyond_the_last_pcr);
	TEST(&tests, beyond_in_a_structure);
	TEST_ROWS(&tests, pcr_digest, digest_cases);
	TEST(&tests, missing_value);
	TEST(&tests, from_replayed_bank);
	return test_run(&tests, "replay/quote/pcrs");
}
