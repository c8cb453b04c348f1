/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/pcr.h"

#include "tests/unit/test.h"

/*
 * Values from an swtpm 0.7 (libtpms 0.9): tpm2_startup -c, then
 * tpm2_pcrextend 0:BANK=<that bank's hash of "assay">.
 */
static const struct extend_case {
	const char *name;
	enum alg alg;
	const char *after;
} extend_cases[] = {
	{"sha1",    ALG_SHA1,   "bf6b84f14a1ef2f9d122d247a40c81eaeca650c9" },
	{ "sha256", ALG_SHA256,
         "3f8f3c325f637ebaf4fa9699846c031d506fe3fe7d82846bab838bb99136b5cb"},
	{ "sha384", ALG_SHA384,
         "b19aba7be70e2c9c9df22b8c7162b93a828aca32e4a97f3f53518f895af4a0d61cd337c63bed7f6250ed1003"
	  "245dc7b4"						       },
	{ "sha512", ALG_SHA512,
         "471827325824e17d67eb152f4ad201b87be26ef570a7adeb383dcd666aa798ee855993361f8902e90a671208"
	  "e93d7541391abb134c1ba8d6cbd029b60ac4c65f"                       },
};

static void extend(void **state)
{
	const struct extend_case *row = *state;
	struct hasher *hasher = NULL;
	struct pcr_bank bank;
	struct digest digest, value;

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	pcr_bank_init(&bank, row->alg);
	assert_int_equal(hasher_digest_bytes(hasher, row->alg, bytes_of_string("assay"), &digest,
					     NULL),
			 0);
	assert_int_equal(pcr_bank_extend(&bank, hasher, 0, &digest, NULL), 0);
	value = pcr_bank_value(&bank, 0);
	test_bytes_hex(digest_bytes(&value), row->after);
	assert_int_equal(bank.extended, 1);
	hasher_free(hasher);
}

static void reset_values(void **state)
{
	struct pcr_bank bank;

	(void)state;
	pcr_bank_init(&bank, ALG_SHA1);
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		struct digest value = pcr_bank_value(&bank, pcr);

		assert_true(bytes_all(digest_bytes(&value), pcr >= 17 && pcr <= 22 ? 0xff : 0));
	}
	pcr_bank_set_locality(&bank, 3);
	test_bytes_hex(bytes_of(bank.value[0], 20), "0000000000000000000000000000000000000003");
}

static void refuses_what_no_bank_has(void **state)
{
	struct hasher *hasher = NULL;
	struct pcr_bank bank;
	struct digest digest = { 0 };
	struct error err = { 0 };
	uint8_t value[32] = { 0 };

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	pcr_bank_init(&bank, ALG_SHA1);
	assert_true(digest_init(&digest, ALG_SHA1, bytes_of(value, 20)));
	assert_int_equal(pcr_bank_extend(&bank, hasher, PCR_COUNT, &digest, &err), -1);
	test_error(&err, ERROR_MALFORMED, ERROR_NO_OFFSET);
	assert_true(digest_init(&digest, ALG_SHA256, bytes_of(value, 32)));
	assert_int_equal(pcr_bank_extend(&bank, hasher, 0, &digest, &err), -1);
	assert_int_equal(bank.extended, 0);
	hasher_free(hasher);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, extend, extend_cases);
	TEST(&tests, reset_values);
	TEST(&tests, refuses_what_no_bank_has);
	return test_run(&tests, "core/pcr");
}
