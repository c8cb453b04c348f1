/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/policy/policy.h"

#include "core/own.h"
#include "tests/unit/test.h"

static const char whole[] = "; a comment\n"
			    "[trust]\n"
			    "ak = keys/a.pub\n"
			    "ak = /keys/b.pub\n"
			    "nonce = 00FFab\n"
			    "[evidence]\n"
			    "own-records = yes\n"
			    "require-ima-log = no\n"
			    "\n"
			    "[releases]\n"
			    "allow = R1\n"
			    "        R2\n"
			    "[pcrs]\n"
			    "required = 0-2, 7,4\n"
			    "banks = sha256,sha384\n"
			    "[boot]\n"
			    "separators = none\n"
			    "predicted = 4,8\n"
			    "secure-boot = yes\n"
			    "[ima]\n"
			    "exclude = /var/**\n"
			    "exclude = /tmp/*.log ; why\n"
			    "hash = sha512\n"
			    "[database]\n"
			    "require-signature = yes\n"
			    "[severity]\n"
			    "ima.violation = low\n"
			    "quote.signature = critical\n";

static void everything(void **state)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	struct bytes text = test_copy(bytes_of_string(whole));
	struct error err = { 0 };

	(void)state;
	if (policy_parse(text, "dir/p.ini", &policy, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(policy->aks.n_items, 2);
	assert_string_equal(policy->aks.items[0].text, "dir/keys/a.pub");
	assert_string_equal(policy->aks.items[1].text, "/keys/b.pub");
	assert_int_equal(policy->aks.items[1].line, 4);
	test_bytes_hex(policy->nonce, "00ffab");
	assert_true(policy->own_records.value);
	assert_int_equal(policy->own_records.line, 7);
	assert_true(policy->require_boot_log.value);
	assert_int_equal(policy->require_boot_log.line, 0);
	assert_false(policy->require_ima_log.value);
	assert_int_equal(policy->releases.n_items, 2);
	assert_string_equal(policy->releases.items[1].text, "R2");
	assert_int_equal(policy->releases.items[1].line, 12);
	assert_int_equal(policy->required.value, 0x97);
	assert_int_equal(policy->banks.value, 1 << ALG_SHA256 | 1 << ALG_SHA384);
	assert_int_equal(policy->separators.value, 0);
	assert_int_equal(policy->separators.line, 17);
	assert_int_equal(policy->predicted.value, 0x110);
	assert_int_equal(policy->predicted.line, 18);
	assert_true(policy->secure_boot.value);
	assert_int_equal(policy->secure_boot.line, 19);
	assert_int_equal(policy->excludes.n_items, 2);
	assert_string_equal(policy->excludes.items[1].text, "/tmp/*.log");
	assert_int_equal(policy->ima_hash, ALG_SHA512);
	assert_true(policy->require_signature.value);
	assert_int_equal(policy->severities[FINDING_IMA_VIOLATION].severity, SEVERITY_LOW);
	assert_int_equal(policy->severities[FINDING_IMA_VIOLATION].line, 27);
	assert_int_equal(policy->severities[FINDING_IMA_KEXEC].line, 0);
	test_drop(text);
}

static void defaults(void **state)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(policy_parse(bytes_of("", 0), "p", &policy, &err), 0);
	assert_int_equal(policy->required.value, 0xbf); /* 0-5, 7 */
	assert_int_equal(policy->separators.value, 0xff);
	assert_int_equal(policy->ima_hash, ALG_SHA256);
	assert_false(policy->own_records.value);
	assert_false(policy->require_nonce.value);
	assert_true(policy->require_boot_log.value);
	assert_true(policy->require_ima_log.value);
	assert_false(policy->require_signature.value);
	assert_int_equal(policy->banks.value, 0);
}

static void signatures(void **state)
{
	static const char text[] = "[trust]\n"
				   "ima-key = keys/a.der\n"
				   "ima-key = /b\n"
				   "[ima]\n"
				   "require-signed = /usr/**\n"
				   "accept-signed = yes\n"
				   "learn-keys = yes\n";
	struct policy *policy;
	struct error err;

	(void)state;
	assert_int_equal(policy_parse(bytes_of_string(text), "etc/policy.ini", &policy, &err), 0);
	assert_int_equal(policy->ima_keys.n_items, 2);
	assert_string_equal(policy->ima_keys.items[0].text, "etc/keys/a.der");
	assert_string_equal(policy->ima_keys.items[1].text, "/b");
	assert_int_equal(policy->require_signed.items[0].line, 5);
	assert_true(policy->accept_signed.value && policy->learn_keys.value);
	policy_free(policy);
	assert_int_equal(policy_new(&policy, &err), 0);
	assert_false(policy->accept_signed.value || policy->learn_keys.value);
	policy_free(policy);
}

#define LINE_50 "01234567890123456789012345678901234567890123456789"

static const struct bad_case {
	const char *name, *text;
	uint64_t offset; /* of the line */
	const char *says;
} bad_cases[] = {
	{"unknown section",          "[trust]\nak = x\n[keys]\n",                               15, "line 3: no such section"         },
	{ "unknown empty section",   "[x]\n",						   0,  "line 1: no such section"         },
	{ "unknown key",             "[ima]\nexclud = /x\n",                                    6,  "line 2: no key 'exclud' in [ima]"},
	{ "key of another section",  "[ima]\nbanks = sha1\n",                                   6,  "line 2: no key 'banks'"          },
	{ "before any section",      "ak = x\n",						0,  "line 1: 'ak' stands before any"  },
	{ "neither key nor section", "[ima]\nexclude\n",                                        6,  "line 2: neither"                 },
	{ "section not closed",      "[ima\n",						  0,  "line 1"                          },
	{ "no value",                "[ima]\nexclude =\n",                                      6,  "line 2: a path to exclude"       },
	{ "no release",              "[releases]\nallow =\n",                                   11, "line 2: no value"                },
	{ "flag",		    "[evidence]\nown-records = true\n",                        11, "line 2: neither yes nor no"      },
	{ "flag twice",              "[evidence]\nown-records = no\nown-records = no\n",        28,
         "line 3: given in line 2"												    },
	{ "flag goes on",            "[evidence]\nown-records = no\n  yes\n",                   28, "line 3: given in line 2"         },
	{ "nonce",		   "[trust]\nnonce = 0x12\n",                                 8,  "line 2: a nonce is given in hex" },
	{ "nonce twice",             "[trust]\nnonce = 12\nnonce = 12\n",                       19, "line 3: given in line 2"         },
	{ "PCR",		     "[pcrs]\nrequired = 24\n",                                 7,  "line 2: no list of PCRs"         },
	{ "PCR range",               "[pcrs]\nrequired = 5-2\n",                                7,  "line 2: no list of PCRs"         },
	{ "PCR list",                "[pcrs]\nrequired = 1,,2\n",                               7,  "line 2: no list of PCRs"         },
	{ "PCR list ends",           "[pcrs]\nrequired = 1,\n",                                 7,  "line 2: no list of PCRs"         },
	{ "PCR large",               "[pcrs]\nrequired = 99999999999\n",                        7,  "line 2: no list of PCRs"         },
	{ "bank",		    "[pcrs]\nbanks = md5\n",                                   7,  "line 2: no list of banks"        },
	{ "hash",		    "[ima]\nhash = crc32\n",                                   6,  "line 2: no hash algorithm"       },
	{ "signed path",             "[ima]\nrequire-signed = usr\n",                           6,  "line 2: a path that has to"      },
	{ "signed flag",             "[ima]\naccept-signed = 1\n",                              6,  "line 2: neither yes nor no"      },
	{ "learned twice",           "[ima]\nlearn-keys = no\nlearn-keys = no\n",               22,
         "line 3: given in line 2"												    },
	{ "no IMA key",              "[trust]\nima-key =\n",                                    8,  "line 2: no value"                },
	{ "exclusion",               "[ima]\nexclude = var/*\n",                                6,  "line 2: a path to exclude"       },
	{ "code",		    "[severity]\nima.nothing = low\n",                         11, "line 2: no finding has the code" },
	{ "severity",                "[severity]\nima.violation = bad\n",                       11, "line 2: a severity is"           },
	{ "severity twice",          "[severity]\nima.kexec = low\nima.kexec = info\n",         27,
         "line 3: given in line 2"												    },
	{ "severity that is fixed",  "[severity]\npcr.mismatch = high\n",                       11,
         "line 2: pcr.mismatch cannot be lowered"										     },
	{ "line too long",           "[ima]\nexclude = /" LINE_50 LINE_50 LINE_50 LINE_50 "\n", 6,
         "line 2: 211 bytes long"												     },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes text = test_copy(bytes_of_string(row->text));
	struct policy *policy = NULL;
	struct error err = { 0 };

	assert_int_equal(policy_parse(text, "p", &policy, &err), -1);
	assert_null(policy);
	test_error(&err, ERROR_MALFORMED, row->offset);
	if (!strstr(err.message, row->says))
		fail_msg("'%s' does not say '%s'", err.message, row->says);
	test_drop(text);
}

static void nul(void **state)
{
	struct policy *policy = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(policy_parse(bytes_of("[ima]\0\n", 7), "p", &policy, &err), -1);
	test_error(&err, ERROR_MALFORMED, 0);
}

/* Cut at every byte: never a crash, and never a key that was not finished taken for another. */
static void cut(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(whole) - 1; size++) {
		struct bytes text = test_copy(bytes_of(whole, size));
		struct policy *policy = NULL;
		struct error err = { 0 };

		if (policy_parse(text, "p", &policy, &err) == 0)
			policy_free(policy);
		else
			assert_int_equal(err.code, ERROR_MALFORMED);
		test_drop(text);
	}
}

static void allocations_fail(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct policy *policy = NULL;
		struct error err = { 0 };
		int status;

		test_alloc_fail(n);
		status = policy_parse(bytes_of_string(whole), "dir/p.ini", &policy, &err);
		if (!test_alloc_failed()) {
			test_alloc_fail(0);
			assert_int_equal(status, 0);
			policy_free(policy);
			break;
		}
		test_alloc_fail(0);
		assert_int_equal(status, -1);
		assert_int_equal(err.code, ERROR_SYSTEM);
	}
}

static const struct glob_case {
	const char *name, *pattern, *path;
	bool fits;
} glob_cases[] = {
	{"same",			    "/a/b",                "/a/b",         true },
	{ "not whole",                      "/a",                  "/a/b",         false},
	{ "not whole at the front",         "/b",                  "/a/b",         false},
	{ "star",			   "/a/*.log",            "/a/x.log",     true },
	{ "star takes nothing",             "/a/*.log",            "/a/.log",      true },
	{ "star and slash",                 "/a/*.log",            "/a/b/x.log",   false},
	{ "star twice in a part",           "/a/*x*y",             "/a/1x2x3y",    true },
	{ "two stars",                      "/a/**",               "/a/b/c",       true },
	{ "two stars take nothing",         "/a/**",               "/a/",          true },
	{ "two stars within",               "/a/**/z",             "/a/b/c/z",     true },
	{ "two stars, then one",            "/**/x*/z",            "/a/x1/b/x2/z", true },
	{ "two stars, then one that fails", "/**/x*z",             "/a/x1/b/x2/z", false},
	{ "question mark",                  "/a?c",                "/abc",         true },
	{ "question mark and slash",        "/a?c",                "/a/c",         false},
	{ "set",			    "/[a-c]x",             "/bx",          true },
	{ "set that lacks it",              "/[a-c]x",             "/dx",          false},
	{ "set not",			"/[!a-c]x",            "/dx",          true },
	{ "set not, slash",                 "/a[!b]c",             "/a/c",         false},
	{ "set with a bracket",             "/[]]x",               "/]x",          true },
	{ "set not closed",                 "/[ab",                "/[ab",         true },
	{ "set not closed is no set",       "/[ab",                "/a",           false},
	{ "backslash",                      "/a\\*",               "/a*",          true },
	{ "backslash is no star",           "/a\\*",               "/ab",          false},
	{ "backslash at the end",           "/a\\",                "/a\\",         true },
	{ "empty pattern",                  "",                    "/a",           false},
	{ "both empty",                     "",                    "",             true },
	{ "many stars end",                 "/*a*a*a*a*a*a*a*a*b",
         "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",     false},
};

static void glob(void **state)
{
	const struct glob_case *row = *state;
	struct bytes pattern = test_copy(bytes_of_string(row->pattern));
	struct bytes path = test_copy(bytes_of_string(row->path));

	assert_int_equal(glob_match(pattern, path), row->fits);
	test_drop(pattern);
	test_drop(path);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, everything);
	TEST(&tests, defaults);
	TEST(&tests, signatures);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, nul);
	TEST(&tests, cut);
	TEST(&tests, allocations_fail);
	TEST_ROWS(&tests, glob, glob_cases);
	return test_run(&tests, "audit/policy");
}
