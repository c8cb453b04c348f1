/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/tdx/tdx.h"

#include <unistd.h>

#include "core/own.h"
#include "tests/unit/test.h"

#define VECTORS "tests/vectors/tdx/"
#define NOW     INT64_C(1795000000)

/* A vector with bytes overwritten, and cut or grown (0: as it is). */
struct change {
	const char *file;
	size_t at;
	const char *hex;
	size_t size;
};

static struct bytes load(const struct change *change)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	struct bytes file, patch, copy;
	size_t size;
	uint8_t *data;

	buf_printf(&path, VECTORS "%s", change->file);
	assert_int_equal(buf_finish(&path, NULL), 0);
	file = test_file((const char *)path.data);
	size = change->size ? change->size : file.size;
	data = calloc(1, size + file.size);
	assert_non_null(data);
	memcpy(data, file.data, file.size);
	if (change->hex) {
		patch = test_hex(change->hex);
		memcpy(data + change->at, patch.data, patch.size);
		test_drop(patch);
	}
	copy = test_copy(bytes_of(data, size));
	free(data);
	test_drop(file);
	return copy;
}

/* Where things are in the version 4 vector: report, signature data, the enclave's report. */
#define BODY 48
#define DATA 636
#define QE   (DATA + 134)

/* clang-format off */
static const struct bad_case {
	const char *name;
	struct change change;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{ "cut in the header", { "v4.quote", 0, NULL, 20 }, ERROR_TRUNCATED, 8 },
	{ "version 3", { "v4.quote", 0, "03", 0 }, ERROR_UNSUPPORTED, 0 },
	{ "a key on P-384", { "v4.quote", 2, "03", 0 }, ERROR_UNSUPPORTED, 2 },
	{ "of an SGX enclave", { "v4.quote", 4, "00", 0 }, ERROR_UNSUPPORTED, 4 },
	{ "cut in the report", { "v4.quote", 0, NULL, 600 }, ERROR_TRUNCATED, 48 },
	{ "cut before the signature", { "v4.quote", 0, NULL, 632 }, ERROR_TRUNCATED, 632 },
	{ "signature data larger than the file", { "v4.quote", 632, "ffffffff", 0 }, ERROR_TRUNCATED, 636 },
	{ "signature data that end too early", { "v4.quote", 632, "00010000", 0 }, ERROR_TRUNCATED, QE },
	{ "another certification", { "v4.quote", DATA + 128, "0500", 0 }, ERROR_UNSUPPORTED, DATA + 128 },
	{ "certification data too small", { "v4.quote", DATA + 130, "00020000", 0 }, ERROR_MALFORMED, DATA + 130 },
	{ "authentication data that go on", { "v4.quote", QE + 448, "ffff", 0 }, ERROR_TRUNCATED, QE + 450 },
	{ "certificates too small", { "v4.quote", QE + 484, "10000000", 0 }, ERROR_MALFORMED, QE + 484 },
	{ "a body of SGX", { "v5-1.5.quote", 48, "0100", 0 }, ERROR_UNSUPPORTED, 48 },
	{ "a body of another size", { "v5-1.5.quote", 50, "48020000", 0 }, ERROR_MALFORMED, 50 },
};
/* clang-format on */

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes input = load(&row->change);
	struct tdx_quote quote;
	struct error err = { 0 };

	assert_int_equal(tdx_parse(input, "q", &quote, &err), -1);
	test_error(&err, row->code, row->offset);
	test_drop(input);
}

static void bytes_behind(void **state)
{
	const struct change vector = { "v5-1.0.quote", 0, NULL, 0 };
	struct bytes file = load(&vector), input;
	struct change change = vector;
	struct tdx_quote quote;
	struct error err = { 0 };

	(void)state;
	change.size = file.size + 7;
	input = load(&change);
	assert_int_equal(tdx_parse(input, "q", &quote, &err), 0);
	((uint8_t *)(uintptr_t)input.data)[file.size + 6] = 1;
	assert_int_equal(tdx_parse(input, "q", &quote, &err), -1);
	test_error(&err, ERROR_MALFORMED, file.size);
	test_drop(input);
	test_drop(file);
}

/* --- checks ---------------------------------------------------------------------------------------- */

static const char letters[] = "PFS";

/* signature, key, qe-signature, qe, chain, module, debug, nonce */
/* clang-format off */
static const struct check_case {
	const char *name;
	struct change change;
	const char *root;  /* "": the vector's; NULL: none */
	const char *nonce; /* NULL: none */
	const char *answers;
	bool valid;
} check_cases[] = {
	{ "version 4", { "v4.quote", 0, NULL, 0 }, "", "00112233445566778899aabbccddeeff", "PPPPPPPP", true },
	{ "version 5, TDX 1.0", { "v5-1.0.quote", 0, NULL, 0 }, "", "00112233445566778899aabbccddeeff", "PPPPPPPP", true },
	{ "version 5, TDX 1.5", { "v5-1.5.quote", 0, NULL, 0 }, "", "00112233445566778899aabbccddeeff", "PPPPPPPP", true },
	{ "nothing given", { "v4.quote", 0, NULL, 0 }, NULL, NULL, "PPPPSPPS", true },
	{ "another nonce", { "v4.quote", 0, NULL, 0 }, "", "00112233445566778899aabbccddeefe", "PPPPPPPF", false },
	{ "half of the nonce", { "v4.quote", 0, NULL, 0 }, "", "0011223344556677", "PPPPPPPF", false },
	{ "an authority of somebody else", { "v4.quote", 0, NULL, 0 }, "tests/vectors/certificates/root.pem", NULL, "PPPPFPPS", false },
	{ "the header changed", { "v4.quote", 8, "01", 0 }, "", NULL, "FPPPPPPS", false },
	{ "RTMR2 changed", { "v4.quote", BODY + 424, "00", 0 }, "", NULL, "FPPPPPPS", false },
	{ "a machine that can be debugged", { "v4.quote", BODY + 120, "01", 0 }, "", NULL, "FPPPPPFS", false },
	{ "another signer of the module", { "v4.quote", BODY + 64, "01", 0 }, "", NULL, "FPPPPFPS", false },
	{ "another key", { "v4.quote", DATA + 64, "00", 0 }, "", NULL, "FFPPPPPS", false },
	{ "r is zero", { "v4.quote", DATA, "0000000000000000000000000000000000000000000000000000000000000000", 0 }, "", NULL, "FPPPPPPS", false },
	{ "the enclave's version changed", { "v4.quote", QE + 258, "09", 0 }, "", NULL, "PPFPPPPS", false },
	{ "an enclave in debug mode", { "v4.quote", QE + 48, "17", 0 }, "", NULL, "PPFFPPPS", false },
	{ "an enclave of another signer", { "v4.quote", QE + 128, "00", 0 }, "", NULL, "PPFFPPPS", false },
	{ "another product of Intel's", { "v4.quote", QE + 256, "01", 0 }, "", NULL, "PPFFPPPS", false },
	{ "bytes behind the key's hash", { "v4.quote", QE + 383, "01", 0 }, "", NULL, "PFFPPPPS", false },
	{ "authentication data changed", { "v4.quote", QE + 450, "ff", 0 }, "", NULL, "PFPPPPPS", false },
	{ "certificates of another kind", { "v4.quote", QE + 482, "0300", 0 }, "", NULL, "PPSPSPPS", false },
	{ "certificates that are none", { "v4.quote", QE + 488, "00000000", 0 }, "", NULL, "PPFPFPPS", false },
};
/* clang-format on */

static void checked(void **state)
{
	const struct check_case *row = *state;
	struct bytes input = load(&row->change), nonce = { 0 }, root = { 0 };
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(trust_freep) struct trust *trust = NULL;
	struct tdx_result result;
	struct tdx_quote quote;
	char answers[TDX_CHECK_COUNT + 1] = "";

	assert_true(tdx_is_quote(input));
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	if (row->root) {
		root = test_file(*row->root ? row->root : VECTORS "root.pem");
		assert_int_equal(trust_new(&trust, NULL), 0);
		assert_int_equal(trust_add(trust, root, "root", NULL), 0);
		assert_int_equal(trust_finish(trust, NULL), 0);
	}
	if (row->nonce)
		nonce = test_hex(row->nonce);
	assert_int_equal(tdx_parse(input, "q", &quote, NULL), 0);
	assert_int_equal(tdx_check(&quote, hasher, trust, NOW, row->nonce ? &nonce : NULL, &result,
				   NULL),
			 0);
	for (unsigned i = 0; i < TDX_CHECK_COUNT; i++)
		answers[i] = letters[result.checks[i].answer];
	assert_string_equal(answers, row->answers);
	assert_int_equal(result.valid, row->valid);
	if (row->nonce)
		test_drop(nonce);
	if (row->root)
		test_drop(root);
	test_drop(input);
}

static void fields(void **state)
{
	const struct change change = { "v5-1.5.quote", 0, NULL, 0 };
	struct bytes input = load(&change);
	struct tdx_quote quote;

	(void)state;
	assert_int_equal(tdx_parse(input, "q", &quote, NULL), 0);
	assert_int_equal(quote.version, 5);
	assert_int_equal(quote.body_type, 3);
	assert_int_equal(quote.attributes, 1 << 28);
	assert_int_equal(quote.xfam, 0x61ae7);
	assert_true(bytes_all(quote.mr_td, 0x22) && quote.mr_td.size == 48);
	assert_true(bytes_all(quote.mr_config_id, 0x33));
	assert_true(bytes_all(quote.mr_owner, 0x44));
	assert_true(bytes_all(quote.mr_owner_config, 0x55));
	assert_true(bytes_all(quote.mr_seam, 0x11));
	/* As tests/tools/tdx.py replayed its log. */
	test_bytes_hex(quote.rtmr[0], "9af86a78a6aaea802690481488d35796943a66d47daf1e7ff5d00e4e5fb1"
				      "7f4e54e33ddbb76e8270f51dd4c8c47bf309");
	assert_true(bytes_all(quote.rtmr[3], 0));
	test_drop(input);
}

/* Cut at every length; flipped at every byte, what is signed never holds. */
static void broken(void **state)
{
	const struct change vector = { "v4.quote", 0, NULL, 0 };
	struct bytes whole = load(&vector);
	AUTO(hasher_freep) struct hasher *hasher = NULL;

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	for (size_t i = 0; i < whole.size; i++) {
		struct bytes cut = test_copy(bytes_of(whole.data, i)), flipped = test_copy(whole);
		struct tdx_result result;
		struct tdx_quote quote;
		struct error err = { 0 };

		/* The last bytes are zeros behind the quote. */
		assert_int_equal(tdx_parse(cut, "q", &quote, &err), i < whole.size - 30 ? -1 : 0);
		((uint8_t *)(uintptr_t)flipped.data)[i] ^= 0x01;
		if (tdx_parse(flipped, "q", &quote, &err) == 0) {
			assert_int_equal(tdx_check(&quote, hasher, NULL, 0, NULL, &result, &err),
					 0);
			if (i < QE + 482)
				assert_false(result.valid);
		}
		test_drop(cut);
		test_drop(flipped);
	}
	test_drop(whole);
}

/* --- the corpus: quotes of real machines, to the root that is in them ---------------------------------- */

/* clang-format off */
static const struct real_case {
	const char *name, *file;
	uint16_t version;
	const char *answers, *rtmr0;
} real_cases[] = {
	{ "trustee, version 4", "quotes/confidential-containers-trustee__tdx_quote_4.dat", 4, "PPPPPPFS",
	  "e940da7c2712d2790e2961e00484f4fa8e6f9eed71361655ae22699476b14f9e63867eb41edd4b480fef0c59f496b288" },
	{ "trustee, version 5", "quotes/confidential-containers-trustee__tdx_quote_5.dat", 5, "PPPPPPPS",
	  "9b529f3689e2e8ebb899e9abbbc3dab394d6545e8cdb28a2abb9cc2f377b83a65c01ba56b824cd3ee885df20051f5128" },
	{ "cc-trusted-api", "ccel/cc-api-cc-trusted-api__quote.bin", 4, "PPPPPPPS",
	  "c15727cac1f57d0e91106da180b3eaba72116661e17ba0553773843a9b072ecfa38cc803dfb55e0f87ec236780adb3a6" },
};
/* clang-format on */

static void real(void **state)
{
	const struct real_case *row = *state;
	const char *corpus = getenv("ASSAY_CORPUS");
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(trust_freep) struct trust *trust = NULL;
	char answers[TDX_CHECK_COUNT + 1] = "";
	struct tdx_result result;
	struct tdx_quote quote;
	struct bytes input, chain;

	buf_printf(&path, "%s/%s", corpus ? corpus : "../shared/corpus", row->file);
	assert_int_equal(buf_finish(&path, NULL), 0);
	if (access((const char *)path.data, R_OK) != 0)
		skip();
	input = test_file((const char *)path.data);
	assert_true(tdx_is_quote(input));
	assert_int_equal(tdx_parse(input, "q", &quote, NULL), 0);
	assert_int_equal(quote.version, row->version);
	test_bytes_hex(quote.rtmr[0], row->rtmr0);
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	chain = bytes_of(quote.chain.data, quote.chain.size - 1);
	assert_int_equal(trust_new(&trust, NULL), 0);
	assert_int_equal(trust_add(trust, chain, "chain", NULL), 0);
	assert_int_equal(trust_finish(trust, NULL), 0);
	assert_int_equal(tdx_check(&quote, hasher, trust, NOW, NULL, &result, NULL), 0);
	for (unsigned i = 0; i < TDX_CHECK_COUNT; i++)
		answers[i] = letters[result.checks[i].answer];
	assert_string_equal(answers, row->answers);
	test_drop(input);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, bytes_behind);
	TEST_ROWS(&tests, checked, check_cases);
	TEST(&tests, fields);
	TEST(&tests, broken);
	TEST_ROWS(&tests, real, real_cases);
	return test_run(&tests, "replay/tdx");
}
