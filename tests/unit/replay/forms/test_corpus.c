/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quotes of other people's machines (corpus/quotes), in the forms in which their agents handed them out,
 * against what independent tools made of them (corpus/expected/quotes).
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto_key.h"
#include "core/file.h"
#include "core/json_read.h"
#include "core/own.h"
#include "replay/evidence/bundle.h"
#include "replay/quote/quote.h"
#include "tests/unit/test.h"

struct expected {
	struct file *file;
	struct json_value *document;
};

static void expected_clear(struct expected *expected)
{
	json_value_free(expected->document);
	file_free(expected->file);
}

static void load_expected(const char *name, struct expected *out)
{
	char path[4096];
	struct error err = { 0 };

	snprintf(path, sizeof(path), "%s/expected/quotes/%s.quote.json", test_corpus(), name);
	if (file_open(path, &out->file, &err) < 0 ||
	    json_read(file_bytes(out->file), path, &out->document, &err) < 0)
		fail_msg("%s", err.message);
}

static struct bytes text_of(const struct json_value *object, const char *key)
{
	struct bytes text = { 0 };

	if (!json_value_text(json_value_member(object, key), &text))
		fail_msg("no text '%s'", key);
	return text;
}

static uint64_t uint_of(const struct json_value *object, const char *key)
{
	uint64_t number = 0;

	if (!json_value_uint(json_value_member(object, key), &number))
		fail_msg("no number '%s'", key);
	return number;
}

static void same_hex(struct bytes actual, struct bytes hex)
{
	char text[2 * 512 + 1];

	assert_true(actual.size <= 512);
	hex_write(text, actual);
	assert_int_equal(hex.size, 2 * actual.size);
	assert_memory_equal(text, hex.data, hex.size);
}

static void same_attest(const struct quote *quote, const struct json_value *expected)
{
	const struct json_value *attest = json_value_member(expected, "attest");
	char firmware[32];

	same_hex(quote->nonce, text_of(attest, "extraData"));
	same_hex(quote->signer, text_of(attest, "signer"));
	same_hex(quote->pcr_digest, text_of(attest, "pcrDigest"));
	assert_int_equal(quote->clock, uint_of(attest, "clock"));
	assert_int_equal(quote->reset_count, uint_of(attest, "resetCount"));
	assert_int_equal(quote->restart_count, uint_of(attest, "restartCount"));
	assert_int_equal(quote->safe, uint_of(attest, "safe"));
	snprintf(firmware, sizeof(firmware), "0x%" PRIx64, quote->firmware_version);
	assert_true(bytes_equal_string(text_of(attest, "firmware"), firmware));
}

static int same_bank(void *ctx, struct bytes key, const struct json_value *pcrs, struct error *err)
{
	const struct quote *quote = ctx;
	pcr_set wanted = 0;

	(void)err;
	for (long i = 0; i < json_value_count(pcrs); i++) {
		uint64_t pcr = 0;

		assert_true(json_value_uint(json_value_item(pcrs, (size_t)i), &pcr));
		wanted |= (pcr_set)1 << pcr;
	}
	assert_int_equal(quote_selection_pcrs(&quote->selection, alg_of_name(key)), wanted);
	return 0;
}

/* "RSASSA/sha256" */
static void same_scheme(const struct quote_result *result, struct bytes scheme)
{
	char ours[QUOTE_SCHEME_SIZE];

	quote_scheme_text(result->scheme, result->hash, ours);
	for (char *c = ours; *c && *c != '-'; c++)
		*c = (char)(*c - 32);
	*strchr(ours, '-') = '/';
	assert_true(bytes_equal_string(scheme, ours));
}

static const struct bundle_file *some_key(const struct bundle *bundle)
{
	const struct bundle_file *key = bundle_find(bundle, ROLE_AK_PUB, bytes_of("", 0));

	return key ? key : bundle_find(bundle, ROLE_AK_PEM, bytes_of("", 0));
}

/* The bundle's quote of that NAME, all of it, against what is expected. */
static void same_quote(const struct bundle *bundle, const char *name,
		       const struct json_value *expected)
{
	struct bytes given = bytes_of_string(name);
	const struct bundle_file *message = bundle_find(bundle, ROLE_QUOTE_MSG, given);
	const struct bundle_file *signature_file = bundle_find(bundle, ROLE_QUOTE_SIG, given);
	const struct bundle_file *pcrs_file = bundle_find(bundle, ROLE_QUOTE_PCRS, given);
	const struct bundle_file *key_file = some_key(bundle);
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(quote_key_freep) struct quote_key *key = NULL;
	struct quote_signature signature;
	static struct quote_pcrs pcrs;
	enum quote_pcrs_form form;
	struct quote_result result;
	struct digest digest;
	struct error err = { 0 };
	struct quote quote;
	bool valid = false;

	assert_non_null(message);
	assert_non_null(signature_file);
	assert_non_null(pcrs_file);
	memset(&pcrs, 0, sizeof(pcrs));
	if (hasher_new(&hasher, &err) < 0 ||
	    quote_parse(message->contents, message->path, &quote, &err) < 0 ||
	    quote_signature_parse(signature_file->contents, signature_file->path, &signature,
				  &err) < 0 ||
	    quote_pcrs_parse(pcrs_file->contents, pcrs_file->path, &quote.selection, &pcrs, &form,
			     &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(quote.structure, QUOTE_IS_QUOTE);
	same_attest(&quote, expected);
	json_value_each(json_value_member(expected, "selection"), same_bank, &quote, &err);
	assert_int_equal(quote_pcr_digest(hasher, signature.hash, &quote.selection, &pcrs, &digest,
					  NULL, &err),
			 1);
	assert_true(json_value_bool(json_value_member(expected, "pcr_digest_matches_listed_pcrs"),
				    &valid));
	assert_int_equal(bytes_equal(digest_bytes(&digest), quote.pcr_digest), valid);
	if (!json_value_bool(json_value_member(expected, "signature_valid"), &valid)) {
		assert_null(key_file); /* no key was there to verify it with */
		return;
	}
	assert_non_null(key_file);
	if (quote_key_parse(key_file->contents, key_file->path, hasher, &key, &err) < 0 ||
	    quote_check(hasher, &quote, &signature, key, NULL, &pcrs, &result, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(result.checks[QUOTE_CHECK_SIGNATURE].answer == QUOTE_PASS, valid);
	same_scheme(&result, text_of(expected, "scheme"));
}

static void open_bundle(const char *path, struct container **container, struct bundle **bundle)
{
	struct error err = { 0 };

	if (container_open(path, container, &err) < 0 ||
	    container_bundle(*container, 0, bundle, &err) < 0)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < (*bundle)->n_problems; i++)
		if ((*bundle)->problems[i].kind != BUNDLE_NOTE)
			fail_msg("%s", (*bundle)->problems[i].message);
}

static const struct corpus_case {
	const char *name, *expected, *quote, *form;
} corpus_cases[] = {
	{"keylime-rust-keylime__test-quote.txt",                            NULL, "",       "Keylime quote string"    },
	{ "google-go-attestation__windows_gcp_shielded_vm.json",            NULL, "",       "go-attestation dump"     },
	{ "google-go-tpm-tools__gce-cos-85-no-nonce.pb",                    ".1", "sha1",   "go-tpm-tools attestation"},
	{ "google-go-tpm-tools__gce-cos-85-no-nonce.pb",                    ".2", "sha256",
         "go-tpm-tools attestation"										   },
	{ "google-go-tpm-tools__gce-cos-85-no-nonce.pb",                    ".3", "sha384",
         "go-tpm-tools attestation"										   },
	{ "google-go-tpm-tools__gce-cos-85-nonce9009.pb",                   ".1", "sha1",
         "go-tpm-tools attestation"										   },
	{ "google-go-tpm-tools__gce-cos-85-nonce9009.pb",                   ".2", "sha256",
         "go-tpm-tools attestation"										   },
	{ "google-go-tpm-tools__gce-cos-85-nonce9009.pb",                   ".3", "sha384",
         "go-tpm-tools attestation"										   },
	{ "confidential-containers-trustee__az-tdx-vtpm_evidence-v1.json",  NULL, "",
         "Confidential Containers' TPM evidence"								      },
	{ "confidential-containers-trustee__az-tdx-vtpm_tpm-quote-v1.json", NULL, "",
         "Confidential Containers' TPM evidence"								      },
	{ "confidential-containers-trustee__evidence-v1.json",              NULL, "",
         "Confidential Containers' TPM evidence"								      },
	{ "confidential-containers-trustee__evidence-v2.json",              NULL, "",
         "Confidential Containers' TPM evidence"								      },
	{ "confidential-containers-trustee__tpm-quote-v1.json",             NULL, "",
         "Confidential Containers' TPM evidence"								      },
	{ "confidential-containers-trustee__tpm_evidence.json",             NULL, "",
         "Confidential Containers' TPM evidence"								      },
};

static void corpus(void **state)
{
	const struct corpus_case *row = *state;
	AUTO(container_freep) struct container *container = NULL;
	AUTO(bundle_freep) struct bundle *bundle = NULL;
	AUTO(expected_clear) struct expected expected = { 0 };
	char path[4096], name[256];

	if (!test_corpus()) {
		print_message("no corpus here\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/quotes/%s", test_corpus(), row->name);
	snprintf(name, sizeof(name), "%s%s", row->name, row->expected ? row->expected : "");
	load_expected(name, &expected);
	open_bundle(path, &container, &bundle);
	assert_string_equal(bundle->files[0].form, row->form);
	same_quote(bundle, row->quote, expected.document);
}

/* tpm2-tools' files under the names that one gave them. */
static void by_content(void **state)
{
	static const char *const files[] = { "quote.out", "quotesig.out", "quotepcr.out",
					     "ak.pub" };
	AUTO(container_freep) struct container *container = NULL;
	AUTO(bundle_freep) struct bundle *bundle = NULL;
	AUTO(expected_clear) struct expected expected = { 0 };
	char folder[TEST_FOLDER_SIZE], path[4096];

	(void)state;
	if (!test_corpus()) {
		print_message("no corpus here\n");
		skip();
	}
	test_folder_make(folder);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct bytes contents;
		struct error err = { 0 };

		snprintf(path, sizeof(path), "%s/quotes/keylime-keylime__%s", test_corpus(),
			 files[i]);
		contents = test_file(path);
		snprintf(path, sizeof(path), "%s/%zu-%s.x", folder, i, files[i]);
		assert_int_equal(file_write(path, contents, &err), 0);
		test_drop(contents);
	}
	open_bundle(folder, &container, &bundle);
	load_expected("keylime-keylime__quote.out", &expected);
	same_quote(bundle, "", expected.document);
	for (size_t i = 0; i < bundle->n_files; i++)
		assert_string_equal(bundle->files[i].form, "content");
	test_folder_drop(folder);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, corpus, corpus_cases);
	TEST(&tests, by_content);
	return test_run(&tests, "replay/forms corpus");
}
