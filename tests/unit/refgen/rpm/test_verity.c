/* SPDX-License-Identifier: BSD-2-Clause */
/* Digests and signatures are fsverity's (fsverity digest, fsverity sign), of "the contents" with a line feed. */
#include "refgen/rpm/verity.h"

#include "core/own.h"
#include "tests/unit/test.h"

#define VECTORS "tests/vectors/"
#define SHA256  "4cad3171ee8d8868c536071a492b09955f6568cd654894c45dffe60b9718ed96"
#define OTHER   "daf3a448b577371e42304cdd8c20d6e8203d49a8987152afdce8cf0b66c6aecd"
#define SHA512                                                                                     \
	"8831f086568048d436eef730d2b6e036ec9693f0742798da114f1e3ac83f7c291407c815aaddd8e42be15614" \
	"c33aa463d502860cb011159bd395bc43b5e372d5"

static const struct verity_case {
	const char *name, *signature;
	enum alg alg;
	const char *digest, *certificate;
	enum verity_answer answer;
} verity_cases[] = {
	{"SHA-256",			       "sha256",      ALG_VERITY_SHA256, SHA256, "verity/key.der",    VERITY_HOLDS },
	{ "SHA-512",			      "sha512",      ALG_VERITY_SHA512, SHA512, "verity/key.der",    VERITY_HOLDS },
	{ "with its certificate",                 "certificate", ALG_VERITY_SHA256, SHA256, "verity/key.der",
         VERITY_HOLDS													 },
	{ "another algorithm",                    "sha256",      ALG_VERITY_SHA512, SHA512, "verity/key.der",
         VERITY_WRONG													 },
	{ "another digest",                       "sha256",      ALG_VERITY_SHA256, OTHER,  "verity/key.der",    VERITY_WRONG },
	{ "another key",			  "sha256",      ALG_VERITY_SHA256, SHA256, "keys/ima-cert.der", VERITY_NO_KEY},
	{ "no key",			       "sha256",      ALG_VERITY_SHA256, SHA256, NULL,                VERITY_NO_KEY},
	{ "with its certificate, another key",    "certificate", ALG_VERITY_SHA256, SHA256,
         "keys/ima-cert.der",										    VERITY_NO_KEY},
	{ "with its certificate, another digest", "certificate", ALG_VERITY_SHA256, OTHER,  NULL,
         VERITY_WRONG													 },
	{ "signed attributes",                    "attributes",  ALG_VERITY_SHA256, SHA256, "verity/key.der",
         VERITY_UNCHECKED												     },
};

static void make_ring(const char *certificate, const char *release, enum keyring keyring,
		      struct verity_ring **out)
{
	char path[128];
	struct golden_key key = { .release = "r",
				  .keyring = keyring,
				  .form = KEY_FORM_CERTIFICATE };
	struct golden_key_list list = { .keys = &key, .n_keys = certificate != NULL };
	struct error err;

	if (certificate) {
		snprintf(path, sizeof(path), VECTORS "%s", certificate);
		key.der = test_file(path);
	}
	assert_int_equal(verity_ring_new(&list, release, out, &err), 0);
	if (certificate)
		test_drop(key.der);
}

static enum verity_answer check(const struct verity_ring *ring, struct bytes signature,
				enum alg alg, const char *hex)
{
	struct digest digest = { .alg = alg, .size = (uint8_t)alg_size(alg) };
	struct bytes value = test_hex(hex);
	enum verity_answer answer;
	struct hasher *hasher;
	struct error err;

	assert_int_equal(value.size, digest.size);
	memcpy(digest.value, value.data, value.size);
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(verity_signature_check(ring, hasher, signature, &digest, &answer, &err),
			 0);
	hasher_free(hasher);
	test_drop(value);
	return answer;
}

static struct bytes signature_of(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), VECTORS "verity/%s.sig", name);
	return test_file(path);
}

static void signatures(void **state)
{
	const struct verity_case *row = *state;
	struct bytes signature = signature_of(row->signature);
	AUTO(verity_ring_freep) struct verity_ring *ring = NULL;

	make_ring(row->certificate, "r", KEYRING_VERITY, &ring);
	assert_int_equal(check(ring, signature, row->alg, row->digest), row->answer);
	test_drop(signature);
}

static void rings(void **state)
{
	AUTO(verity_ring_freep) struct verity_ring *other_release = NULL;
	AUTO(verity_ring_freep) struct verity_ring *other_keyring = NULL;

	(void)state;
	make_ring("verity/key.der", "s", KEYRING_VERITY, &other_release);
	make_ring("verity/key.der", "r", KEYRING_IMA, &other_keyring);
	assert_int_equal(verity_ring_size(other_release), 0);
	assert_int_equal(verity_ring_size(other_keyring), 0);
	assert_int_equal(verity_alg_of_number(1), ALG_VERITY_SHA256);
	assert_int_equal(verity_alg_of_number(2), ALG_VERITY_SHA512);
	assert_int_equal(verity_alg_of_number(0), ALG_NONE);
	assert_int_equal(verity_alg_of_number(UINT64_MAX), ALG_NONE);
}

static void cut_and_flipped(void **state)
{
	struct bytes signature = signature_of("sha256");
	AUTO(verity_ring_freep) struct verity_ring *ring = NULL;
	size_t n_holding = 0;

	(void)state;
	make_ring("verity/key.der", "r", KEYRING_VERITY, &ring);
	for (size_t size = 0; size < signature.size; size++) {
		struct bytes cut = test_copy(bytes_of(signature.data, size));

		assert_int_equal(check(ring, cut, ALG_VERITY_SHA256, SHA256), VERITY_WRONG);
		test_drop(cut);
	}
	for (size_t at = 0; at < signature.size; at++) {
		struct bytes copy = test_copy(signature);

		((uint8_t *)(uintptr_t)copy.data)[at] ^= 0x04;
		n_holding += check(ring, copy, ALG_VERITY_SHA256, SHA256) == VERITY_HOLDS;
		test_drop(copy);
	}
	/* Versions, and what is said of algorithms twice. */
	assert_true(n_holding < 40);
	test_drop(signature);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, signatures, verity_cases);
	TEST(&tests, rings);
	TEST(&tests, cut_and_flipped);
	return test_run(&tests, "refgen/rpm/verity");
}
