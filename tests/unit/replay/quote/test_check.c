/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>

#include "tests/unit/replay/quote/load.h"

#define NONCE    "a55a0123456789abcdef"
#define CAPTURES "tests/vectors/captures"

/* Answers in the order structure, signature, scheme, signature-hash, key, nonce, selection, pcr-digest. */
static const struct vector_case {
	const char *name, *base;
	const char *signature, *key, *pcrs; /* suffix or file; NULL: none */
	const char *nonce;
	const char *answers;
	bool valid;
	const char *scheme;
} vector_cases[] = {
	{"RSASSA",		     "good-rsassa-sha256",     ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "rsassa-sha256"																					      },
	{ "RSASSA, TPMT key",          "good-rsassa-sha256",     ".sig",               ".tpmt",                      ".pcrs",               NONCE,                  "PPPPPPPP",
         true,																					 "rsassa-sha256"},
	{ "RSASSA, PEM key",           "good-rsassa-sha256",     ".sig",               ".pem",                       ".pcrs",               NONCE,                  "PPSPSPPP", true,
         "rsassa-sha256"																					      },
	{ "RSASSA, PKCS 1 key",        "good-rsassa-sha256",     ".sig",               ".pkcs1.pem",                 ".pcrs",               NONCE,
         "PPSPSPPP",																			    true,  "rsassa-sha256"},
	{ "RSASSA, DER key",           "good-rsassa-sha256",     ".sig",               ".der",                       ".pcrs",               NONCE,                  "PPSPSPPP", true,
         "rsassa-sha256"																					      },
	{ "RSASSA, plain",             "good-rsassa-sha256",     ".plain",             ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "rsassa-sha256"																					      },
	{ "RSASSA, plain, PEM key",    "good-rsassa-sha256",     ".plain",             ".pem",                       ".pcrs",               NONCE,
         "PSSSSPPS",																			    false, "none"         },
	{ "RSAPSS",		    "good-rsapss-sha256",     ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "rsapss-sha256"																					      },
	{ "RSAPSS, plain",             "good-rsapss-sha256",     ".plain",             ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "rsapss-sha256"																					      },
	{ "RSAPSS, largest salt",      "good-rsapss-max-salt",   ".sig",               ".pem",                       NULL,                  NONCE,                  "PPSPSPPS",
         true,																					 "rsapss-sha256"},
	{ "RSAPSS, certificate",       "good-rsapss-max-salt",   ".sig",               ".crt",                       NULL,                  NONCE,                  "PPSPSPPS",
         true,																					 "rsapss-sha256"},
	{ "P-256",		     "good-ecdsa-p256-sha256", ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "ecdsa-sha256"																					       },
	{ "P-256, PEM key",            "good-ecdsa-p256-sha256", ".sig",               ".pem",                       ".pcrs",               NONCE,                  "PPSPSPPP",
         true,																					 "ecdsa-sha256" },
	{ "P-256, r and s",            "good-ecdsa-p256-sha256", ".rs",                ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP",
         true,																					 "ecdsa-sha256" },
	{ "P-256, DER",                "good-ecdsa-der",         ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "ecdsa-sha256"																					       },
	{ "P-384",		     "good-ecdsa-p384-sha384", ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "ecdsa-sha384"																					       },
	{ "P-384, r and s",            "good-ecdsa-p384-sha384", ".rs",                ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP",
         true,																					 "ecdsa-sha384" },
	{ "P-521",		     "good-ecdsa-p521-sha512", ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "ecdsa-sha512"																					       },
	{ "P-521, r and s",            "good-ecdsa-p521-sha512", ".rs",                ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP",
         true,																					 "ecdsa-sha512" },
	{ "all banks",                 "good-all-banks",         ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "rsassa-sha256"																					      },
	{ "all banks, values",         "good-all-banks",         ".sig",               ".pub",                       ".values",             NONCE,                  "PPPPPPPP", true,
         "rsassa-sha256"																					      },
	{ "all banks, marshaled",      "good-all-banks",         ".sig",               ".pub",                       ".marshaled",          NONCE,                  "PPPPPPPP",
         true,																					 "rsassa-sha256"},
	{ "a bank twice",              "good-bank-twice",        ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "rsassa-sha256"																					      },
	{ "SHA-1 bank",                "good-sha1-bank",         ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPPPPP", true,
         "rsassa-sha256"																					      },
	{ "no nonce given",            "good-rsassa-sha256",     ".sig",               ".pub",                       ".pcrs",               NULL,                   "PPPPPSPP", true,
         "rsassa-sha256"																					      },
	{ "no values given",           "good-rsassa-sha256",     ".sig",               ".pub",                       NULL,                  NONCE,                  "PPPPPPPS", true,
         "rsassa-sha256"																					      },
	{ "another nonce",             "good-rsassa-sha256",     ".sig",               ".pub",                       ".pcrs",               "a55a0123456789abcdee",
         "PPPPPFPP",																			    false, "rsassa-sha256"},
	{ "nonce cut",                 "good-rsassa-sha256",     ".sig",               ".pub",                       ".pcrs",               "a55a0123456789abcd",
         "PPPPPFPP",																			    false, "rsassa-sha256"},
	{ "empty nonce",               "good-rsassa-sha256",     ".sig",               ".pub",                       ".pcrs",               "",                     "PPPPPFPP", false,
         "rsassa-sha256"																					      },
	{ "another quote's signature", "good-rsassa-sha256",     "good-all-banks.sig", ".pub",                       ".pcrs",
         NONCE,																		     "PFPPPPPP", false, "rsassa-sha256"},
	{ "another key of its kind",   "good-rsassa-sha256",     ".sig",               "bad-unrestricted.pub",       ".pcrs",
         NONCE,																		     "PFPPFPPP", false, "rsassa-sha256"},
	{ "key of another scheme",     "good-rsassa-sha256",     ".sig",               "good-rsapss-sha256.pub",     ".pcrs",
         NONCE,																		     "PFFPPPPP", false, "rsassa-sha256"},
	{ "key of another type",       "good-rsassa-sha256",     ".sig",               "good-ecdsa-p256-sha256.pub",
         ".pcrs",															   NONCE,                  "PFFPPPPP", false, "rsassa-sha256"},
	{ "key of another curve",      "good-ecdsa-p256-sha256", ".sig",               "good-ecdsa-p384-sha384.pub",
         ".pcrs",															   NONCE,                  "PFFPPPPP", false, "ecdsa-sha256" },
	{ "values of another quote",   "good-rsassa-sha256",     ".sig",               ".pub",                       "bad-movable.pcrs",
         NONCE,																		     "PPPPPPPF", false, "rsassa-sha256"},
	{ "more values than quoted",   "good-rsassa-sha256",     ".sig",               ".pub",                       "good-all-banks.pcrs",
         NONCE,																		     "PPPPPPPP", true,  "rsassa-sha256"},
	{ "certify",                   "bad-certify",            ".sig",               ".pub",                       NULL,                  NONCE,                  "FPPPPSSS", false,
         "rsassa-sha256"																					      },
	{ "unrestricted key",          "bad-unrestricted",       ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPFPPP", false,
         "rsassa-sha256"																					      },
	{ "movable key",               "bad-movable",            ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPFPPP", false,
         "ecdsa-sha256"																					       },
	{ "key without scheme",        "bad-open-scheme",        ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPFPPP",
         false,																					"rsassa-sha256"},
	{ "key without scheme, plain", "bad-open-scheme",        ".plain",             ".pub",                       ".pcrs",               NONCE,
         "PSSSFPPS",																			    false, "none"         },
	{ "EK",			"good-rsassa-sha256",     ".sig",               "bad-ek.pub",                 ".pcrs",               NONCE,                  "PFPPFPPP", false,
         "rsassa-sha256"																					      },
	{ "RSA 1024",                  "bad-rsa1024",            ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPPFPPP", false,
         "rsassa-sha256"																					      },
	{ "SHA-1 signature",           "bad-sha1-signature",     ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PPPFPPPP",
         false,																					"rsassa-sha1"  },
	{ "nothing selected",          "bad-empty-selection",    ".sig",               "good-rsassa-sha256.pub",     NULL,                  NONCE,
         "PPPPPPFS",																			    false, "rsassa-sha256"},
	{ "P-224",		     "unsupported-p224",       ".sig",               ".pub",                       ".pcrs",               NONCE,                  "PSPPFPPP", false,
         "ecdsa-sha256"																					       },
};

static const char *file_of(char out[128], const char *base, const char *suffix)
{
	if (!suffix)
		return NULL;
	snprintf(out, 128, "%s%s", suffix[0] == '.' ? base : "", suffix);
	return out;
}

static void vector(void **state)
{
	const struct vector_case *row = *state;
	char message[128], signature[128], key[128], pcrs[128], scheme[QUOTE_SCHEME_SIZE];
	struct loaded l =
		load_quote(VECTORS, file_of(message, row->base, ".msg"),
			   file_of(signature, row->base, row->signature),
			   file_of(key, row->base, row->key), file_of(pcrs, row->base, row->pcrs));
	struct quote_result result = load_check(&l, row->nonce);

	assert_answers(&result, row->answers);
	assert_int_equal(result.valid, row->valid);
	assert_string_equal(quote_scheme_text(result.scheme, result.hash, scheme), row->scheme);
	for (size_t i = 0; i < QUOTE_CHECK_COUNT; i++)
		assert_true(result.checks[i].detail[0] != 0);
	load_drop(&l);
}

/* --- changed evidence ------------------------------------------------------------------------- */

static const struct base_case {
	const char *name;
} bases[] = {
	{ "good-rsassa-sha256" },
	{ "good-rsapss-sha256" },
	{ "good-ecdsa-p256-sha256" },
};

static struct loaded load_base(const char *base)
{
	char message[128], signature[128], key[128], pcrs[128];

	return load_quote(VECTORS, file_of(message, base, ".msg"), file_of(signature, base, ".sig"),
			  file_of(key, base, ".pub"), file_of(pcrs, base, ".pcrs"));
}

static uint8_t *writable(struct bytes bytes)
{
	return (uint8_t *)(uintptr_t)bytes.data;
}

static void flipped_message(void **state)
{
	const struct base_case *row = *state;
	struct loaded l = load_base(row->name);

	for (size_t at = 0; at < l.message_bytes.size; at++) {
		struct quote_result result;

		writable(l.message_bytes)[at] ^= 0x80;
		if (quote_parse(l.message_bytes, "flipped", &l.quote, NULL) == 0) {
			result = load_check(&l, NULL);
			assert_int_equal(result.checks[QUOTE_CHECK_SIGNATURE].answer, QUOTE_FAIL);
			assert_false(result.valid);
		}
		writable(l.message_bytes)[at] ^= 0x80;
	}
	load_drop(&l);
}

static void flipped_signature(void **state)
{
	const struct base_case *row = *state;
	struct loaded l = load_base(row->name);

	for (size_t at = 0; at < l.signature_bytes.size; at++) {
		writable(l.signature_bytes)[at] ^= 0x01;
		if (quote_signature_parse(l.signature_bytes, "flipped", &l.signature, NULL) == 0)
			assert_false(load_check(&l, NULL).valid);
		writable(l.signature_bytes)[at] ^= 0x01;
	}
	load_drop(&l);
}

static void cut_signature(void **state)
{
	const struct base_case *row = *state;
	struct loaded l = load_base(row->name);

	for (size_t size = 0; size < l.signature_bytes.size; size++) {
		struct bytes cut = test_copy(bytes_of(l.signature_bytes.data, size));

		if (quote_signature_parse(cut, "cut", &l.signature, NULL) == 0)
			assert_false(load_check(&l, NULL).valid);
		test_drop(cut);
	}
	load_drop(&l);
}

/* With each byte of the key changed: no key, another key, or other attributes of the same key. */
static void flipped_key(void **state)
{
	const struct base_case *row = *state;
	struct loaded l = load_base(row->name);
	struct quote_key *original = l.key;

	for (size_t at = 0; at < l.key_bytes.size; at++) {
		struct quote_key *key = NULL;

		writable(l.key_bytes)[at] ^= 0x01;
		if (quote_key_parse(l.key_bytes, "flipped", l.hasher, &key, NULL) == 0) {
			l.key = key;
			if (!quote_key_equal(key, original))
				assert_false(load_check(&l, NULL).valid);
			assert_false(bytes_equal(bytes_of(key->name, key->name_size),
						 bytes_of(original->name, original->name_size)));
			quote_key_free(key);
		}
		writable(l.key_bytes)[at] ^= 0x01;
	}
	l.key = original;
	load_drop(&l);
}

/* A changed value never matches; bytes that hold no value may change as they like. */
static void flipped_values(void **state)
{
	static const char *const files[] = { "good-bank-twice.pcrs", "good-all-banks.marshaled",
					     "good-all-banks.values" };
	static const char *const messages[] = { "good-bank-twice", "good-all-banks",
						"good-all-banks" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char message[128], signature[128], key[128];
		struct loaded l = load_quote(VECTORS, file_of(message, messages[i], ".msg"),
					     file_of(signature, messages[i], ".sig"),
					     file_of(key, messages[i], ".pub"), files[i]);
		struct quote_pcrs original = l.pcrs;
		struct digest digest;

		for (size_t at = 0; at < l.pcrs_bytes.size; at++) {
			writable(l.pcrs_bytes)[at] ^= 0x40;
			if (quote_pcrs_parse(l.pcrs_bytes, "flipped", &l.quote.selection, &l.pcrs,
					     NULL, NULL) == 0 &&
			    quote_pcr_digest(l.hasher, ALG_SHA256, &l.quote.selection, &l.pcrs,
					     &digest, NULL, NULL) == 1 &&
			    bytes_equal(digest_bytes(&digest), l.quote.pcr_digest))
				for (size_t bank = 0; bank < l.quote.selection.n_banks; bank++) {
					enum alg alg = l.quote.selection.banks[bank].alg;

					assert_memory_equal(l.pcrs.value[alg], original.value[alg],
							    sizeof(original.value[alg]));
				}
			writable(l.pcrs_bytes)[at] ^= 0x40;
		}
		load_drop(&l);
	}
}

static const struct changed_case {
	const char *name, *file;
	struct change change;
	const char *answers;
} changed_messages[] = {
	{"forged magic",          "good-rsassa-sha256.msg", { 0, "00544347", 0 }, "FFPPPSSS"},
	{ "bytes after",          "good-rsassa-sha256.msg", { 0, NULL, 124 },     "FFPPPPPP"},
	{ "another PCR",          "good-rsassa-sha256.msg", { 86, "df", 0 },      "PFPPPPPF"},
	{ "PCR 31, too",          "good-rsassa-sha256.msg", { 86, "9f4680", 0 },  "PFPPPPPF"},
	{ "a bank nobody knows",  "good-rsassa-sha256.msg", { 83, "4444", 0 },    "PFPPPPPS"},
	{ "digest cut by a byte", "good-rsassa-sha256.msg", { 89, "001f", 122 },  "PFPPPPPF"},
};

static void changed_message(void **state)
{
	const struct changed_case *row = *state;
	struct loaded l = load_base("good-rsassa-sha256");
	struct bytes changed = load_changed(row->file, row->change);
	struct quote_result result;

	assert_int_equal(quote_parse(changed, row->file, &l.quote, NULL), 0);
	result = load_check(&l, NONCE);
	assert_answers(&result, row->answers);
	assert_false(result.valid);
	load_drop(&l);
	test_drop(changed);
}

static const struct changed_signature_case {
	const char *name, *base;
	struct change change;
	const char *answers;
} changed_signatures[] = {
	{"not signed",               "good-rsassa-sha256",     { 0, "0010", 2 },								      "PFFSPPPS"},
	{ "HMAC",
         "good-rsassa-sha256",				 { 0, "0005000b0000000000000000000000000000000000000000000000000000000000000000", 36 },
         "PSFPPPPP"																	     },
	{ "said to be PSS",          "good-rsassa-sha256",     { 0, "0016", 0 },								      "PFFPPPPP"},
	{ "PSS said to be SSA",      "good-rsapss-sha256",     { 0, "0014", 0 },                                                                      "PFFPPPPP"},
	{ "said to be SHA-384",      "good-rsassa-sha256",     { 2, "000c", 0 },                                                                      "PFFPPPPF"},
	{ "said to be SHA-1",        "good-rsassa-sha256",     { 2, "0004", 0 },								      "PFFFPPPF"},
	{ "said to be SM3",          "good-rsassa-sha256",     { 2, "0012", 0 },								      "PSFPPPPF"},
	{ "hash of none",            "good-rsassa-sha256",     { 2, "7777", 0 },								      "PSFSPPPS"},
	{ "zeros",
         "good-ecdsa-p256-sha256",			     { 0,
	    "0018000b0020"
	    "0000000000000000000000000000000000000000000000000000000000000000"
	    "0020"
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    0 },
         "PFPPPPPP"																	     },
	{ "r, s empty",              "good-ecdsa-p256-sha256", { 0, "0018000b00000000", 8 },                                                          "PFPPPPPP"},
	{ "r longer than the curve",
         "good-ecdsa-p256-sha256",			     { 0,
	    "0018000b002111111111111111111111111111111111111111111111111111111111111111111100"
	    "0101",
	    42 },
         "PFPPPPPP"																	     },
	{ "RSA signature empty",     "good-rsassa-sha256",     { 0, "0014000b0000", 6 },                                                              "PFPPPPPP"},
	{ "plain of a wrong size",   "good-rsassa-sha256",     { 0, "ffff", 100 },                                                                    "PFPPPPPP"},
};

static void changed_signature(void **state)
{
	const struct changed_signature_case *row = *state;
	struct loaded l = load_base(row->base);
	char file[128];
	struct bytes changed = load_changed(file_of(file, row->base, ".sig"), row->change);
	struct quote_result result;
	struct error err = { 0 };

	if (quote_signature_parse(changed, file, &l.signature, &err) < 0)
		fail_msg("%s", err.message);
	result = load_check(&l, NONCE);
	assert_answers(&result, row->answers);
	assert_false(result.valid);
	load_drop(&l);
	test_drop(changed);
}

/* --- our own captures --------------------------------------------------------------------------- */

static void capture(const char *folder, const char *message)
{
	char stem[64], signature[80], key[80], pcrs[80];
	struct bytes nonce = load_file(folder, "nonce");
	char nonce_hex[256];
	struct quote_result result;
	struct loaded l;

	snprintf(stem, sizeof(stem), "%.*s", (int)(strlen(message) - 4 - 5), message + 5);
	snprintf(signature, sizeof(signature), "quote%s.sig", stem);
	snprintf(key, sizeof(key), "ak%s.pub", stem);
	snprintf(pcrs, sizeof(pcrs), "quote%s.pcrs", stem);
	snprintf(nonce_hex, sizeof(nonce_hex), "%.*s", (int)strcspn((const char *)nonce.data, "\n"),
		 (const char *)nonce.data);
	l = load_quote(folder, message, signature, key, pcrs);
	result = load_check(&l, nonce_hex);
	assert_answers(&result, "PPPPPPPP");
	assert_true(result.valid);
	load_drop(&l);
	test_drop(nonce);
}

/* Every quote-*.msg of every capture, with its signature, key, values and nonce. */
static void captures(void **state)
{
	struct dirent *scenario;
	DIR *all = opendir(CAPTURES);
	unsigned n = 0;

	(void)state;
	if (!all)
		skip();
	while ((scenario = readdir(all))) {
		char folder[512];
		struct dirent *entry;
		DIR *one;

		if (scenario->d_name[0] == '.')
			continue;
		snprintf(folder, sizeof(folder), CAPTURES "/%s", scenario->d_name);
		one = opendir(folder);
		while (one && (entry = readdir(one))) {
			size_t size = strlen(entry->d_name);

			if (strncmp(entry->d_name, "quote", 5) == 0 && size >= 9 && size < 60 &&
			    strcmp(entry->d_name + size - 4, ".msg") == 0)
				capture(folder, entry->d_name), n++;
		}
		if (one)
			closedir(one);
	}
	closedir(all);
	assert_true(n > 0);
	print_message("%u quotes of captures\n", n);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(quote_check_name(QUOTE_CHECK_STRUCTURE), "structure");
	assert_string_equal(quote_check_name(QUOTE_CHECK_PCR_DIGEST), "pcr-digest");
	assert_string_equal(quote_answer_name(QUOTE_PASS), "pass");
	assert_string_equal(quote_answer_name(QUOTE_FAIL), "fail");
	assert_string_equal(quote_answer_name(QUOTE_SKIP), "skip");
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, vector, vector_cases);
	TEST_ROWS(&tests, flipped_message, bases);
	TEST_ROWS(&tests, flipped_signature, bases);
	TEST_ROWS(&tests, cut_signature, bases);
	TEST_ROWS(&tests, flipped_key, bases);
	TEST(&tests, flipped_values);
	TEST_ROWS(&tests, changed_message, changed_messages);
	TEST_ROWS(&tests, changed_signature, changed_signatures);
	TEST(&tests, captures);
	TEST(&tests, names);
	return test_run(&tests, "replay/quote/check");
}
