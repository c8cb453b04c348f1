/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Appended signatures that bring certificates, against keys that are trusted or revoked. What is expected is what
 * Linux makes of them, read off crypto/asymmetric_keys/pkcs7_verify.c and pkcs7_trust.c; the vectors are openssl's
 * (tests/tools/make_chains.py).
 */
#include "replay/ima/signature.h"

#include "core/own.h"
#include "tests/unit/test.h"

#define VECTORS "tests/vectors/ima/chain/"

static const struct chain_case {
	const char *name, *cms;
	const char *trusted[3], *revoked;
	enum ima_signed state;
	const char *key; /* that it holds with, or is revoked or refused by */
} chain_cases[] = {
	{"the signer's own",               "leaf",             { "leaf" },           NULL,    IMA_SIGNED_GOOD,    "leaf"  },
	{ "whose authority is trusted",    "leaf",             { "middle" },         NULL,    IMA_SIGNED_GOOD,    "middle"},
	{ "whose authority is missing",    "leaf",             { "root" },           NULL,    IMA_SIGNED_NO_KEY,  NULL    },
	{ "bare",			  "leaf-bare",        { "leaf" },           NULL,    IMA_SIGNED_GOOD,    "leaf"  },
	{ "bare, by its authority",        "leaf-bare",        { "middle" },         NULL,    IMA_SIGNED_NO_KEY,  NULL    },
	{ "two, by the root",              "leaf-middle",      { "root" },           NULL,    IMA_SIGNED_GOOD,    "root"  },
	{ "two, by the second",            "leaf-middle",      { "middle" },         NULL,    IMA_SIGNED_GOOD,    "middle"},
	{ "two, the nearer counts first",
         "leaf-middle",					{ "root", "leaf" },
         NULL,										IMA_SIGNED_GOOD,
         "leaf"													   },
	{ "two, by neither",               "leaf-middle",      { "other" },          NULL,    IMA_SIGNED_NO_KEY,  NULL    },
	{ "two, no key at all",            "leaf-middle",      { NULL },             NULL,    IMA_SIGNED_NO_KEY,  NULL    },
	{ "three, by the root",            "leaf-middle-root", { "root" },           NULL,    IMA_SIGNED_GOOD,    "root"  },
	{ "three, the root is nobody's",
         "leaf-middle-root",				   { "other" },
         NULL,										IMA_SIGNED_NO_KEY,
         NULL													     },
	{ "a root of another key",
         "leaf-middle-root",				   { "false-root" },
         NULL,										IMA_SIGNED_WRONG,
         "root"													   },
	{ "an authority of another key",
         "leaf-middle",					{ "false-root" },
         NULL,										IMA_SIGNED_WRONG,
         "root"													   },
	{ "a middle of another key comes",
         "leaf-false-middle",				  { "root", "leaf" },
         NULL,										IMA_SIGNED_WRONG,
         NULL													     },
	{ "a middle of another key",
         "leaf-middle",					{ "false-middle" },
         NULL,										IMA_SIGNED_WRONG,
         "middle"													 },
	{ "one beside the chain",          "leaf-other",       { "other" },          NULL,    IMA_SIGNED_NO_KEY,  NULL    },
	{ "named by its key",              "leaf-by-key",      { "leaf" },           NULL,    IMA_SIGNED_GOOD,    "leaf"  },
	{ "named by its key, no chain",
         "leaf-by-key",					{ "root", "middle" },
         NULL,										IMA_SIGNED_NO_KEY,
         NULL													     },
	{ "signed by itself, unknown",     "other",            { "root" },           NULL,    IMA_SIGNED_NO_KEY,  NULL    },
	{ "signed by itself, known",       "other",            { "other" },          NULL,    IMA_SIGNED_GOOD,    "other" },
	{ "not upwards",                   "middle",           { "leaf" },           NULL,    IMA_SIGNED_NO_KEY,  NULL    },
	{ "the signer is revoked",         "leaf-middle",      { "root" },           "leaf",  IMA_SIGNED_REVOKED, "leaf"  },
	{ "an authority is revoked",
         "leaf-middle",					{ "root", "leaf" },
         "middle",									    IMA_SIGNED_REVOKED,
         "middle"													 },
	{ "the root is revoked",           "leaf-middle",      { "root" },           "root",  IMA_SIGNED_REVOKED, "root"  },
	{ "another is revoked",            "leaf-middle",      { "root" },           "other", IMA_SIGNED_GOOD,    "root"  },
};

static void add(struct ima_keyring *ring, const char *name)
{
	struct bytes der;
	struct error err;
	char path[128];

	if (!name)
		return;
	snprintf(path, sizeof(path), VECTORS "%s.der", name);
	der = test_file(path);
	assert_int_equal(ima_keyring_add(ring, der, path, name, IMA_KEY_MODULES, UINT64_MAX, &err),
			 0);
	test_drop(der);
}

static struct bytes cms_of(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), VECTORS "%s.cms", name);
	return test_file(path);
}

/* Verifies bytes as appended to "a module\n". */
static void verify(struct bytes cms, const struct ima_keys *keys, const char *contents,
		   struct ima_signed_result *result)
{
	struct ima_entry entry = { .modsig = cms };
	struct hasher *hasher;
	struct digest digest;
	struct error err;

	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, bytes_of_string(contents), &digest,
					     &err),
			 0);
	entry.modsig_digest.alg = ALG_SHA256;
	entry.modsig_digest.value = digest_bytes(&digest);
	assert_int_equal(ima_appended_verify(&entry, keys, hasher, result, &err), 0);
	hasher_free(hasher);
}

static void chains(void **state)
{
	const struct chain_case *row = *state;
	struct ima_keyring trusted = { 0 }, revoked = { 0 };
	struct ima_keys keys = {
		.rings = {NULL,  &trusted},
                  .revoked = { NULL, &revoked}
	};
	struct bytes cms = cms_of(row->cms);
	struct ima_signed_result result;

	for (size_t i = 0; i < ARRAY_SIZE(row->trusted); i++)
		add(&trusted, row->trusted[i]);
	add(&revoked, row->revoked);
	verify(cms, &keys, "a module\n", &result);
	assert_int_equal(result.state, row->state);
	if (row->key)
		assert_string_equal(result.key->name, row->key);
	verify(cms, &keys, "another module\n", &result);
	assert_int_not_equal(result.state, IMA_SIGNED_GOOD);
	ima_keyring_clear(&trusted);
	ima_keyring_clear(&revoked);
	test_drop(cms);
}

/* A key for other uses than modules makes no chain good. */
static void other_uses(void **state)
{
	struct bytes cms = cms_of("leaf-middle"), der = test_file(VECTORS "root.der");
	struct ima_keyring trusted = { 0 };
	struct ima_keys keys = { .rings = { &trusted } };
	struct ima_signed_result result;
	struct error err;

	(void)state;
	assert_int_equal(ima_keyring_add(&trusted, der, "root", "root",
					 IMA_KEY_FILES | IMA_KEY_METADATA, UINT64_MAX, &err),
			 0);
	verify(cms, &keys, "a module\n", &result);
	assert_int_equal(result.state, IMA_SIGNED_NO_KEY);
	ima_keyring_clear(&trusted);
	test_drop(der);
	test_drop(cms);
}

/* Cut anywhere it is not good; flipped, only where a change means nothing to the signature. */
static void cut_and_flipped(void **state)
{
	struct bytes cms = cms_of("leaf-middle");
	struct ima_keyring trusted = { 0 };
	struct ima_keys keys = { .rings = { &trusted } };
	struct ima_signed_result result;
	size_t n_good = 0;

	(void)state;
	add(&trusted, "root");
	for (size_t size = 0; size < cms.size; size++) {
		struct bytes cut = test_copy(bytes_of(cms.data, size));

		verify(cut, &keys, "a module\n", &result);
		assert_int_not_equal(result.state, IMA_SIGNED_GOOD);
		test_drop(cut);
	}
	for (size_t at = 0; at < cms.size; at++) {
		struct bytes copy = test_copy(cms);

		((uint8_t *)(uintptr_t)copy.data)[at] ^= 0x04;
		verify(copy, &keys, "a module\n", &result);
		n_good += result.state == IMA_SIGNED_GOOD;
		test_drop(copy);
	}
	/* Versions, and the outer algorithms that are said twice. */
	assert_true(n_good < 64);
	ima_keyring_clear(&trusted);
	test_drop(cms);
}

/* Every allocation fails once: an error, or the answer, never another answer that is good. */
static void out_of_memory(void **state)
{
	struct bytes cms = cms_of("leaf-middle");
	struct ima_keyring trusted = { 0 };
	struct ima_keys keys = { .rings = { &trusted } };
	struct ima_entry entry = { .modsig = cms };
	struct ima_signed_result result;
	struct error err = { 0 };
	struct hasher *hasher;
	struct digest digest;
	unsigned n = 0;
	int status;

	(void)state;
	add(&trusted, "root");
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, bytes_of_string("a module\n"),
					     &digest, &err),
			 0);
	entry.modsig_digest.alg = ALG_SHA256;
	entry.modsig_digest.value = digest_bytes(&digest);
	do {
		bool failed;

		test_alloc_fail(++n);
		status = ima_appended_verify(&entry, &keys, hasher, &result, &err);
		failed = test_alloc_failed();
		test_alloc_fail(0);
		if (status < 0)
			assert_int_equal(err.code, ERROR_SYSTEM);
		if (!failed)
			break;
	} while (n < 1000);
	assert_int_equal(status, 0);
	assert_int_equal(result.state, IMA_SIGNED_GOOD);
	hasher_free(hasher);
	ima_keyring_clear(&trusted);
	test_drop(cms);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, chains, chain_cases);
	TEST(&tests, other_uses);
	TEST(&tests, cut_and_flipped);
	TEST(&tests, out_of_memory);
	return test_run(&tests, "replay/ima/chain");
}
