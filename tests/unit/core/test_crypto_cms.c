/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A real signature: of shim's fallback by Debian (2022), with Debian's CA certificate; the digest is
 * osslsigncode's. Chains of other kinds are made and checked by tests/e2e/pe-signatures.sh.
 */
#include "core/crypto_cms.h"

#include "core/crypto_x509.h"
#include "tests/unit/test.h"

#define VECTOR "tests/fuzz/corpus/authenticode/good-debian"
#define DIGEST "f08e1ed5914bd0f4d1dd8731e53c8bc54ad0ce7daf49bfbea01d760b249b136f"

/* The vector: two bytes of size, the signature, a signature list of one certificate. */
static struct bytes vector, der, ca;
static struct digest image;

static struct authenticode *parsed(struct bytes bytes)
{
	struct authenticode *signature = NULL;
	struct error err = { 0 };

	if (authenticode_parse(bytes, "signature", 0, &signature, &err) < 0)
		fail_msg("%s", err.message);
	return signature;
}

static void reads(void **state)
{
	AUTO(authenticode_freep) struct authenticode *signature = parsed(der);
	AUTO(buf_clear) struct buf name = BUF_INIT;

	(void)state;
	assert_true(digest_equal(authenticode_digest(signature), &image));
	assert_true(authenticode_covers(signature, &image));
	assert_int_equal(authenticode_n_certificates(signature), 1);
	assert_int_equal(authenticode_certificate(signature, 1).size, 0);
	assert_int_equal(authenticode_n_signers(signature), 1);
	assert_true(x509_common_name_append(&name, authenticode_signer(signature, 0)));
	test_bytes(buf_bytes(&name), bytes_of_string("Debian Secure Boot Signer 2022 - shim"));
	test_bytes(authenticode_certificate(signature, 0), authenticode_signer(signature, 0));
}

static void anchors(void **state)
{
	AUTO(authenticode_freep) struct authenticode *signature = parsed(der);
	struct digest other = image;

	(void)state;
	assert_int_equal(authenticode_verify(signature, NULL), 1);
	assert_int_equal(authenticode_anchored(signature, ca, NULL), 1);
	assert_int_equal(authenticode_anchored(signature, authenticode_signer(signature, 0), NULL),
			 1);
	assert_int_equal(authenticode_anchored(signature, bytes_of_string("no certificate"), NULL),
			 0);
	assert_int_equal(authenticode_anchored(signature, bytes_of(NULL, 0), NULL), 0);
	other.value[31] ^= 1;
	assert_false(authenticode_covers(signature, &other));
	other.size = 0;
	assert_false(authenticode_covers(signature, &other));
}

static const struct bad_case {
	const char *name, *hex;
} bad_cases[] = {
	{"empty",			   ""									},
	{ "no DER",			 "ffffffff"								},
	{ "a sequence of nothing",          "3000"								    },
 /* ContentInfo of type data */
	{ "not signed data",                "300f06092a864886f70d010701a0020400"                                      },
 /* SignedData over content of type data, without certificates and signers */
	{ "signed data of another content", "302306092a864886f70d010702a016301402010131003"
					    "00b06092a864886f70d0107013100"},
 /* the same, over SpcIndirectDataContent that is missing */
	{ "no content",                     "302406092a864886f70d010702a017301502010131003"
			"00c060a2b0601040182370201043100"                                      },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes bytes = test_hex(row->hex);
	struct authenticode *signature = NULL;
	struct error err = { 0 };

	assert_int_equal(authenticode_parse(bytes, "signature", 0x40, &signature, &err), -1);
	assert_null(signature);
	test_error(&err, ERROR_MALFORMED, 0x40);
	test_drop(bytes);
}

static void cut(void **state)
{
	(void)state;
	for (size_t n = 0; n < der.size; n += n < 64 || n + 64 > der.size ? 1 : 7) {
		struct bytes part = test_copy(bytes_of(der.data, n));
		struct authenticode *signature = NULL;

		/* What follows the DER's end is padding, which may be cut. */
		if (authenticode_parse(part, "signature", 0, &signature, NULL) == 0)
			assert_true(n + 8 > der.size);
		authenticode_free(signature);
		test_drop(part);
	}
}

/* What still has an anchor after a flip states the same digest: the content is what is signed. */
static void flipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < der.size; i++) {
		struct bytes other = test_copy(der);
		struct authenticode *signature = NULL;

		((uint8_t *)(uintptr_t)other.data)[i] ^= 0x5a;
		if (authenticode_parse(other, "signature", 0, &signature, NULL) == 0 &&
		    authenticode_anchored(signature, ca, NULL) > 0)
			assert_true(authenticode_covers(signature, &image));
		authenticode_free(signature);
		test_drop(other);
	}
}

static void certificates(void **state)
{
	AUTO(buf_clear) struct buf tbs = BUF_INIT;

	(void)state;
	/* Certificate: SEQUENCE { TBSCertificate, ... }: the second sequence, whole. */
	assert_true(x509_tbs_append(&tbs, ca));
	assert_memory_equal(tbs.data, ca.data + 4, tbs.size);
	assert_int_equal(tbs.size, 4 + (size_t)(ca.data[6] << 8 | ca.data[7]));
	assert_false(x509_tbs_append(&tbs, bytes_of_string("no certificate")));
	assert_false(x509_has_key_usage(ca, "1.3.6.1.4.1.2312.16.1.2"));
	assert_false(x509_has_key_usage(bytes_of_string("no certificate"), "1.2.3"));
}

int main(void)
{
	struct test_list tests = { 0 };
	size_t n;
	int failed;

	vector = test_file(VECTOR);
	n = (size_t)(vector.data[0] | vector.data[1] << 8);
	der = bytes_of(vector.data + 2, n);
	ca = bytes_of(vector.data + 2 + n + 44, vector.size - 2 - n - 44);
	image = (struct digest){ .alg = ALG_SHA256, .size = 32 };
	if (hex_parse(bytes_of_string(DIGEST), image.value, 32) != 32)
		return 1;
	TEST(&tests, reads);
	TEST(&tests, anchors);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut);
	TEST(&tests, flipped);
	TEST(&tests, certificates);
	failed = test_run(&tests, "core/crypto_cms");
	test_drop(vector);
	return failed;
}
