/* SPDX-License-Identifier: BSD-2-Clause */
/* A signature, judged with a key of each kind over an empty message: none may hold. */
#include <assert.h>
#include <stdlib.h>

#include "replay/quote/quote.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* TPMT_PUBLIC on P-256, ECDSA with SHA-256; the point is that of RFC 6979, A.2.5. */
static const char ecc_area[] =
	"0023000b0005007200000010"
	"0018000b00030010"
	"002060fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
	"00207903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

/* TPMT_PUBLIC of RSA 2048, RSAPSS with SHA-256; a modulus of ones, which nobody has a key for. */
static const char rsa_head[] = "0001000b0005007200000010"
			       "0016000b0800000000000100";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return setenv("TSS2_LOG", "all+none", 1);
}

static void judge(struct hasher *hasher, struct bytes area, const struct quote_signature *signature)
{
	struct quote quote = { .structure = QUOTE_IS_QUOTE };
	struct quote_key *key = NULL;
	struct quote_result result;
	struct error err = { 0 };

	if (quote_key_parse(area, "key", hasher, &key, &err) < 0 ||
	    quote_check(hasher, &quote, signature, key, NULL, NULL, &result, &err) < 0)
		abort();
	assert(result.checks[QUOTE_CHECK_SIGNATURE].answer != QUOTE_PASS && !result.valid);
	quote_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t ecc[sizeof(ecc_area) / 2], rsa[sizeof(rsa_head) / 2 + 256];
	struct hasher *hasher = NULL;
	struct quote_signature signature;
	struct error err = { 0 };

	if (hasher_new(&hasher, &err) < 0)
		abort();
	if (quote_signature_parse(bytes_of(data, size), "signature", &signature, &err) == 0) {
		memset(rsa, 0xff, sizeof(rsa));
		if (hex_parse(bytes_of_string(ecc_area), ecc, sizeof(ecc)) < 0 ||
		    hex_parse(bytes_of_string(rsa_head), rsa, sizeof(rsa)) < 0)
			abort();
		judge(hasher, bytes_of(ecc, sizeof(ecc)), &signature);
		judge(hasher, bytes_of(rsa, sizeof(rsa)), &signature);
	} else {
		assert(err.message[0] && err.offset <= size);
	}
	hasher_free(hasher);
	return 0;
}
