/* SPDX-License-Identifier: BSD-2-Clause */
/* Quotes of other people's machines (corpus/quotes), taken by hand out of the containers they are in. */
#include "core/crypto_key.h"
#include "core/reader.h"
#include "tests/unit/replay/quote/load.h"

static bool corpus_folder(char out[4096])
{
	const char *corpus = test_corpus();

	if (!corpus) {
		print_message("no corpus here\n");
		return false;
	}
	snprintf(out, 4096, "%s/quotes", corpus);
	return true;
}

/* Base64 of either alphabet into a new buffer; ends at the first other character. */
static struct bytes base64(const uint8_t *text, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	AUTO(buf_clear) struct buf out = BUF_INIT;
	uint32_t bits = 0;
	unsigned n_bits = 0;

	for (size_t i = 0; i < size; i++) {
		char c = text[i] == '-' ? '+' : text[i] == '_' ? '/' : (char)text[i];
		const char *digit = strchr(digits, c);

		if (!c || !digit)
			break;
		bits = bits << 6 | (uint32_t)(digit - digits);
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			buf_append_u8(&out, (uint8_t)(bits >> n_bits));
		}
	}
	return test_copy(buf_bytes(&out));
}

/* What follows the first occurrence of text; fails without one. */
static struct bytes after(struct bytes in, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i + n <= in.size; i++)
		if (memcmp(in.data + i, text, n) == 0)
			return bytes_of(in.data + i + n, in.size - i - n);
	fail_msg("no '%s' in it", text);
	return in;
}

/* The string value of the first such key of a JSON text, from hex or base64. */
static struct bytes json_decoded(struct bytes json, const char *key, bool is_hex)
{
	char quoted[64];
	struct bytes rest;
	size_t n = 0;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	rest = after(after(json, quoted), "\"");
	while (n < rest.size && rest.data[n] != '"')
		n++;
	if (is_hex) {
		AUTO(own_free) char *text = strndup((const char *)rest.data, n);

		return test_hex(text);
	}
	return base64(rest.data, n);
}

static void parse_all(struct loaded *l)
{
	struct error err = { 0 };

	if (hasher_new(&l->hasher, &err) < 0 ||
	    quote_parse(l->message_bytes, "message", &l->quote, &err) < 0 ||
	    quote_signature_parse(l->signature_bytes, "signature", &l->signature, &err) < 0 ||
	    quote_key_parse(l->key_bytes, "key", l->hasher, &l->key, &err) < 0)
		fail_msg("%s: %s", err.source, err.message);
	if (l->has_pcrs && quote_pcrs_parse(l->pcrs_bytes, "pcrs", &l->quote.selection, &l->pcrs,
					    &l->form, &err) < 0)
		fail_msg("%s: %s", err.source, err.message);
}

/* --- keylime ------------------------------------------------------------------------------------ */

static const struct keylime_case {
	const char *name, *key, *nonce, *answers;
} keylime_cases[] = {
	{"TPM2B_PUBLIC",   "keylime-keylime__ak.pub",    "db1db298db6d60e6385b7231743e9c3056a18003",
         "PPPPPPPP"											    },
	{ "PEM",           "keylime-keylime__akpub.pem", "db1db298db6d60e6385b7231743e9c3056a18003",
         "PPSPSPPP"											    },
	{ "another nonce", "keylime-keylime__ak.pub",    "db1db298db6d60e6385b7231743e9c3056a18004",
         "PPPPPFPP"											    },
	{ "EK",            "keylime-keylime__ek.pub",    NULL,                                       "PFPPFSPP"},
	{ "EK PEM",        "keylime-keylime__ekpub.pem", NULL,                                       "PFSPSSPP"},
};

static void keylime(void **state)
{
	const struct keylime_case *row = *state;
	struct bytes key_name;
	char folder[4096];
	struct loaded l;
	struct quote_result result;

	if (!corpus_folder(folder))
		skip();
	l = load_quote(folder, "keylime-keylime__quote.out", "keylime-keylime__quotesig.out",
		       row->key, "keylime-keylime__quotepcr.out");
	result = load_check(&l, row->nonce);
	assert_answers(&result, row->answers);
	assert_int_equal(l.form, QUOTE_PCRS_SERIALIZED);
	assert_true(l.quote.clock == 5994);
	assert_int_equal(l.quote.reset_count, 0);
	assert_true(l.quote.firmware_version == UINT64_C(0x2016051100162800));
	assert_int_equal(quote_selection_pcrs(&l.quote.selection, ALG_SHA256), 0x418000);
	test_bytes_hex(l.quote.signer,
		       "000b7ca54a622c87f30888b6da66f51e4a31ccb723cad8daa111a5006b44342dd623");
	if (strcmp(row->key, "keylime-keylime__ak.pub") == 0) {
		key_name = load_file(folder, "keylime-keylime__ak.name");
		test_bytes(bytes_of(l.key->name, l.key->name_size), key_name);
		test_drop(key_name);
	}
	load_drop(&l);
}

static const struct key_pair {
	const char *name, *a, *b;
} key_pairs[] = {
	{"AK",  "keylime-keylime__ak.pub", "keylime-keylime__akpub.pem"},
	{ "EK", "keylime-keylime__ek.pub", "keylime-keylime__ekpub.pem"},
};

static void same_key(void **state)
{
	const struct key_pair *row = *state;
	char folder[4096];
	struct loaded a, b;

	if (!corpus_folder(folder))
		skip();
	a = load_quote(folder, "keylime-keylime__quote.out", "keylime-keylime__quotesig.out",
		       row->a, NULL);
	b = load_quote(folder, "keylime-keylime__quote.out", "keylime-keylime__quotesig.out",
		       row->b, NULL);
	assert_true(quote_key_equal(a.key, b.key));
	load_drop(&a);
	load_drop(&b);
}

/* r<message>:<signature>:<pcrs>; no key is stored with it. */
static void keylime_agent(void **state)
{
	char folder[4096];
	struct bytes text, message, signature_bytes, pcrs_bytes, rest;
	struct quote_signature signature;
	struct hasher *hasher = NULL;
	struct quote_pcrs pcrs;
	struct digest digest;
	struct quote quote;
	struct error err = { 0 };

	(void)state;
	if (!corpus_folder(folder))
		skip();
	text = load_file(folder, "keylime-rust-keylime__test-quote.txt");
	rest = bytes_of(text.data + 1, text.size - 1);
	message = base64(rest.data, rest.size);
	rest = after(rest, ":");
	signature_bytes = base64(rest.data, rest.size);
	rest = after(rest, ":");
	pcrs_bytes = base64(rest.data, rest.size);

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(quote_parse(message, "message", &quote, &err), 0);
	assert_int_equal(quote.structure, QUOTE_IS_QUOTE);
	test_bytes_hex(quote.nonce, "54455354");
	assert_true(quote.clock == 3294160);
	assert_int_equal(quote_selection_pcrs(&quote.selection, ALG_SHA1), 1u << 16);
	assert_int_equal(quote_signature_parse(signature_bytes, "sig", &signature, &err), 0);
	assert_int_equal(signature.scheme, QUOTE_SCHEME_RSASSA);
	assert_int_equal(signature.hash, ALG_SHA1);
	assert_int_equal(quote_pcrs_parse(pcrs_bytes, "pcrs", &quote.selection, &pcrs, NULL, &err),
			 0);
	assert_int_equal(quote_pcr_digest(hasher, ALG_SHA1, &quote.selection, &pcrs, &digest, NULL,
					  &err),
			 1);
	test_bytes(digest_bytes(&digest), quote.pcr_digest);
	test_bytes_hex(quote.pcr_digest, "2924e189a14040a0591f8c9c7a93f737ed73727c");
	hasher_free(hasher);
	test_drop(text);
	test_drop(message);
	test_drop(signature_bytes);
	test_drop(pcrs_bytes);
}

/* --- trustee: JSON with hex, plain RSASSA-SHA-256, keys in a report beside it ---------------------- */

static const struct azure_case {
	const char *name, *file;
	bool has_key;
	const char *nonce, *pcr_digest;
	uint64_t clock;
	uint32_t reset_count;
} azure_cases[] = {
	{"TDX evidence",    "confidential-containers-trustee__az-tdx-vtpm_evidence-v1.json",  true,
         "6368616c6c656e6765", "6c0e21d918212d57872a752bcf358355d508d1d5b8cb632259b898b15f9f658d",
         354772869,											   1},
	{ "TDX quote",      "confidential-containers-trustee__az-tdx-vtpm_tpm-quote-v1.json", false,
         "6368616c6c656e6765", "6c0e21d918212d57872a752bcf358355d508d1d5b8cb632259b898b15f9f658d",
         354772869,											   1},
	{ "SNP evidence 1", "confidential-containers-trustee__evidence-v1.json",              true,
         "6368616c6c656e6765", "cfa3a9112493e8c8741c1d895ced6d05a9ea19a24a02a44a8b02eaf22a1b143f",
         3513262,											     2},
	{ "SNP evidence 2", "confidential-containers-trustee__evidence-v2.json",              true,
         "982f5c6e45df0ed3f10b6f60b02f0c8390e281300f3805e2279c16168cd6ae9aa398f647caa2338748cd0fd9"
	  "f5f819ef",	  "2304510eb15046d5c940e957b6ac93bc805e3ffcadb38e0a1b95442e552cb004", 332074726, 2},
	{ "SNP quote",      "confidential-containers-trustee__tpm-quote-v1.json",             false,
         "6368616c6c656e6765", "0daff74c2fca14910b1e9b54a384707434c3365db9f163cc73a39a9f7500833f",
         2167057,											     3},
};

/* The values of a JSON list of hex strings, one after the other. */
static struct bytes hex_list(struct bytes json, const char *key)
{
	AUTO(buf_clear) struct buf digits = BUF_INIT;
	struct bytes rest = after(json, key);
	struct bytes out;

	rest = after(rest, "[");
	for (size_t i = 0; i < rest.size && rest.data[i] != ']'; i++)
		if (strchr("0123456789abcdef", rest.data[i]))
			buf_append_u8(&digits, rest.data[i]);
	buf_append_u8(&digits, 0);
	out = test_hex((const char *)digits.data);
	return out;
}

/* The HCL report's runtime claims hold the attestation key as a JWK. */
static void verify_by_report(struct bytes json, const struct digest *digest, struct bytes signature)
{
	struct bytes report = json_decoded(json, "hcl_report", false);
	struct bytes claims = after(report, "HCLAkPub");
	struct bytes modulus = json_decoded(claims, "n", false);
	struct public_key *key = NULL;

	assert_int_equal(public_key_new_rsa(modulus, 65537, &key, NULL), 0);
	assert_int_equal(public_key_verify(key, SIGNATURE_RSASSA, digest, signature, NULL), 1);
	assert_int_equal(public_key_verify(key, SIGNATURE_RSAPSS, digest, signature, NULL), 0);
	public_key_free(key);
	test_drop(report);
	test_drop(modulus);
}

static void azure(void **state)
{
	const struct azure_case *row = *state;
	char folder[4096];
	struct bytes json, message, signature_bytes, pcrs_bytes;
	struct quote_signature signature;
	struct hasher *hasher = NULL;
	enum quote_pcrs_form form;
	struct quote_pcrs pcrs;
	struct digest digest;
	struct quote quote;

	if (!corpus_folder(folder))
		skip();
	json = load_file(folder, row->file);
	message = json_decoded(json, "message", true);
	signature_bytes = json_decoded(json, "signature", true);
	pcrs_bytes = hex_list(json, "\"pcrs\"");
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(quote_parse(message, "message", &quote, NULL), 0);
	assert_int_equal(quote.structure, QUOTE_IS_QUOTE);
	test_bytes_hex(quote.nonce, row->nonce);
	test_bytes_hex(quote.pcr_digest, row->pcr_digest);
	assert_true(quote.clock == row->clock);
	assert_int_equal(quote.reset_count, row->reset_count);
	assert_int_equal(quote_selection_pcrs(&quote.selection, ALG_SHA256), 0xffffff);
	assert_int_equal(quote_signature_parse(signature_bytes, "signature", &signature, NULL), 0);
	assert_true(signature.plain);
	assert_int_equal(quote_pcrs_parse(pcrs_bytes, "pcrs", &quote.selection, &pcrs, &form, NULL),
			 0);
	assert_int_equal(form, QUOTE_PCRS_VALUES);
	assert_int_equal(quote_pcr_digest(hasher, ALG_SHA256, &quote.selection, &pcrs, &digest,
					  NULL, NULL),
			 1);
	test_bytes(digest_bytes(&digest), quote.pcr_digest);
	if (row->has_key) {
		assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, message, &digest, NULL),
				 0);
		verify_by_report(json, &digest, signature_bytes);
	}
	hasher_free(hasher);
	test_drop(json);
	test_drop(message);
	test_drop(signature_bytes);
	test_drop(pcrs_bytes);
}

/* Base64 of a SubjectPublicKeyInfo and a TPMT_SIGNATURE. */
static void trustee_tpm(void **state)
{
	struct loaded l = { .has_pcrs = true };
	struct quote_result result;
	char folder[4096];
	struct bytes json;

	(void)state;
	if (!corpus_folder(folder))
		skip();
	json = load_file(folder, "confidential-containers-trustee__tpm_evidence.json");
	l.message_bytes = json_decoded(json, "message", false);
	l.signature_bytes = json_decoded(json, "signature", false);
	l.key_bytes = json_decoded(json, "ak_public", false);
	l.pcrs_bytes = hex_list(json, "\"pcrs\"");
	parse_all(&l);
	result = load_check(&l,
			    "a04182b506878d4f29b91ee606a71a0d3361ccf1b22db20c98adcaa537bea393ef0e4"
			    "1a18b3569ab678f1497fbc5c12000000000000000000000000000000000");
	assert_answers(&result, "PPSPSPPP");
	assert_int_equal(l.key->form, QUOTE_KEY_DER);
	load_drop(&l);
	test_drop(json);
}

/* --- go-attestation: base64 in JSON --------------------------------------------------------------- */

static void windows(void **state)
{
	char folder[4096];
	struct bytes json, quote_object, pcrs_list;
	struct loaded l = { 0 };
	struct quote_result result;

	(void)state;
	if (!corpus_folder(folder))
		skip();
	json = load_file(folder, "google-go-attestation__windows_gcp_shielded_vm.json");
	l.key_bytes = json_decoded(json, "Public", false);
	quote_object = after(json, "\"Nonce\"");
	l.message_bytes = json_decoded(quote_object, "Quote", false);
	l.signature_bytes = json_decoded(quote_object, "Signature", false);
	parse_all(&l);
	l.has_pcrs = true;
	l.pcrs_bytes = test_hex("");
	for (pcrs_list = after(json, "\"PCRs\""); l.pcrs.present[ALG_SHA1] != 0xffffff;) {
		struct bytes index = after(after(pcrs_list, "\"Index\""), ":");
		struct bytes value = json_decoded(pcrs_list, "Digest", false);
		unsigned long pcr = strtoul((const char *)index.data, NULL, 10);

		assert_true(pcr < PCR_COUNT && value.size == 20);
		memcpy(l.pcrs.value[ALG_SHA1][pcr], value.data, 20);
		l.pcrs.present[ALG_SHA1] |= 1u << pcr;
		pcrs_list = after(pcrs_list, "\"Digest\"");
		test_drop(value);
	}
	result = load_check(&l, "");
	assert_answers(&result, "PPPFPPPP"); /* RSASSA-SHA-1 */
	assert_int_equal(l.quote.reset_count, 1045281252);
	assert_int_equal(l.quote.restart_count, 822490842);
	load_drop(&l);
	test_drop(json);
}

/* --- go-tpm-tools: attest.Attestation (protobuf) -------------------------------------------------- */

static uint64_t varint(struct reader *in)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = reader_u8(in);

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return value;
}

/* The next field: its number, its bytes (length-delimited) or its value. 0 at the end. */
static unsigned field_next(struct reader *in, struct bytes *bytes, uint64_t *value)
{
	uint64_t tag;

	if (reader_left(in) == 0)
		return 0;
	tag = varint(in);
	if ((tag & 7) == 2)
		*bytes = reader_bytes(in, (size_t)varint(in));
	else
		*value = varint(in);
	assert_int_equal(reader_check(in, NULL), 0);
	return (unsigned)(tag >> 3);
}

static void protobuf_pcrs(struct bytes message, struct quote_pcrs *out)
{
	struct reader in = reader_of(message, 0, "pcrs");
	struct bytes entry = { NULL, 0 };
	uint64_t alg_id = 0;
	unsigned number;
	enum alg alg;

	number = field_next(&in, &entry, &alg_id);
	assert_int_equal(number, 1);
	alg = alg_of_tpm_id((uint16_t)alg_id);
	while ((number = field_next(&in, &entry, &alg_id))) {
		struct reader pair = reader_of(entry, 0, "pcr");
		struct bytes value = { NULL, 0 };
		uint64_t pcr = 0;

		while (field_next(&pair, &value, &pcr))
			;
		assert_true(pcr < PCR_COUNT && value.size == alg_size(alg));
		memcpy(out->value[alg][pcr], value.data, value.size);
		out->present[alg] |= 1u << pcr;
	}
}

static void protobuf_quote(struct bytes key, struct bytes message, const char *nonce)
{
	struct reader in = reader_of(message, 0, "quote");
	struct loaded l = { .key_bytes = test_copy(key) };
	struct bytes field = { NULL, 0 };
	struct quote_result result;
	uint64_t value;
	unsigned number;

	while ((number = field_next(&in, &field, &value))) {
		if (number == 1)
			l.message_bytes = test_copy(field);
		else if (number == 2)
			l.signature_bytes = test_copy(field);
		else if (number == 3)
			protobuf_pcrs(field, &l.pcrs);
	}
	parse_all(&l);
	l.has_pcrs = true;
	l.pcrs_bytes = test_hex("");
	result = load_check(&l, nonce);
	assert_answers(&result, "PPPPPPPP");
	load_drop(&l);
}

static const struct protobuf_case {
	const char *name, *file, *nonce;
} protobuf_cases[] = {
	{"no nonce",    "google-go-tpm-tools__gce-cos-85-no-nonce.pb",  ""    },
	{ "nonce 9009", "google-go-tpm-tools__gce-cos-85-nonce9009.pb", "9009"},
};

static void protobuf(void **state)
{
	const struct protobuf_case *row = *state;
	char folder[4096];
	struct bytes input, field = { NULL, 0 }, key = { NULL, 0 };
	unsigned number, n_quotes = 0;
	uint64_t value;
	struct reader in;

	if (!corpus_folder(folder))
		skip();
	input = load_file(folder, row->file);
	in = reader_of(input, 0, row->file);
	while ((number = field_next(&in, &field, &value))) {
		if (number == 1)
			key = field;
		else if (number == 2)
			protobuf_quote(key, field, row->nonce), n_quotes++;
	}
	assert_int_equal(n_quotes, 3);
	test_drop(input);
}

/* --- veraison: hex in CBOR diagnostics ------------------------------------------------------------ */

static struct bytes diagnostic(struct bytes text, const char *key)
{
	struct bytes rest = after(after(text, key), "h'");
	size_t n = 0;
	AUTO(own_free) char *hex = NULL;

	while (n < rest.size && rest.data[n] != '\'')
		n++;
	hex = strndup((const char *)rest.data, n);
	return test_hex(hex);
}

/* The key of a CoMID beside the quotes, its line breaks undone. */
static struct bytes comid_key(const char *name)
{
	AUTO(buf_clear) struct buf pem = BUF_INIT;
	AUTO(buf_clear) struct buf folder = BUF_INIT;
	struct bytes text, rest;

	buf_printf(&folder, "%s/pcr-refs", test_corpus());
	text = load_file((const char *)folder.data, name);
	rest = after(text, "-----BEGIN");
	buf_append_string(&pem, "-----BEGIN");
	for (size_t i = 0; i < rest.size && rest.data[i] != '"'; i++) {
		if (rest.data[i] == '\\' && i + 1 < rest.size && rest.data[i + 1] == 'n')
			buf_append_u8(&pem, '\n'), i++;
		else
			buf_append_u8(&pem, rest.data[i]);
	}
	test_drop(text);
	return test_copy(buf_bytes(&pem));
}

/* Parsec's key and platform attestations: a certify and a quote, by the key of a trust anchor. */
static void parsec(void **state)
{
	static const struct {
		const char *token, *message, *answers;
	} tokens[] = {
		{"\"kat\"",  "certInfo",   "FPSPSSSS"},
		{ "\"pat\"", "attestInfo", "PPSPSPPS"},
	};
	char folder[4096];
	struct bytes text;

	(void)state;
	if (!corpus_folder(folder))
		skip();
	text = load_file(folder, "veraison-services__evidence.diag");
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		struct bytes token = after(text, tokens[i].token);
		struct loaded l = { 0 };
		struct quote_result result;

		l.message_bytes = diagnostic(token, tokens[i].message);
		l.signature_bytes = diagnostic(token, "\"sig\"");
		l.key_bytes = comid_key("veraison-services__comid-parsec-tpm-ta.json");
		parse_all(&l);
		result = load_check(&l, "deadbeefdeadbeef");
		assert_answers(&result, tokens[i].answers);
		load_drop(&l);
	}
	test_drop(text);
}

/* EnactTrust: node id, size, TPMS_ATTEST, TPMT_SIGNATURE. */
static void enacttrust(void **state)
{
	char folder[4096];
	struct loaded l = { 0 };
	struct quote_result result;
	struct bytes token;
	struct reader in;

	(void)state;
	if (!corpus_folder(folder))
		skip();
	token = load_file(folder, "veraison-services__basic.token");
	in = reader_of(token, 0, "token");
	reader_skip(&in, 16);
	l.message_bytes = test_copy(reader_bytes(&in, reader_be16(&in)));
	l.signature_bytes = test_copy(reader_bytes(&in, reader_left(&in)));
	l.key_bytes = comid_key("veraison-services__comid-enacttrust-ta.json");
	parse_all(&l);
	result = load_check(&l, "");
	assert_int_equal(l.quote.signer.size, 0);
	assert_int_equal(quote_selection_pcrs(&l.quote.selection, ALG_SHA256), 0x1e);
	assert_answers(&result, "PPSPSPPS");
	load_drop(&l);
	test_drop(token);
}

/* --- what is no TPM quote ------------------------------------------------------------------------- */

static const struct other_case {
	const char *name, *file;
} other_cases[] = {
	{"TDX quote 4",  "confidential-containers-trustee__tdx_quote_4.dat"},
	{ "TDX quote 5", "confidential-containers-trustee__tdx_quote_5.dat"},
	{ "HCL report",  "confidential-containers-trustee__hcl-report.bin" },
	{ "public key",  "keylime-keylime__ak.pub"                         },
	{ "PCR file",    "keylime-keylime__quotepcr.out"                   },
	{ "JSON",        "veraison-services__basic.json"                   },
	{ "CBOR",        "veraison-services__evidence.cbor"                },
};

static void other(void **state)
{
	const struct other_case *row = *state;
	char folder[4096];
	struct bytes input;
	struct quote quote;

	if (!corpus_folder(folder))
		skip();
	input = load_file(folder, row->file);
	assert_int_equal(quote_parse(input, row->file, &quote, NULL), 0);
	assert_int_equal(quote.structure, QUOTE_NOT_GENERATED);
	test_drop(input);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, keylime, keylime_cases);
	TEST_ROWS(&tests, same_key, key_pairs);
	TEST(&tests, keylime_agent);
	TEST_ROWS(&tests, azure, azure_cases);
	TEST(&tests, trustee_tpm);
	TEST(&tests, windows);
	TEST_ROWS(&tests, protobuf, protobuf_cases);
	TEST(&tests, parsec);
	TEST(&tests, enacttrust);
	TEST_ROWS(&tests, other, other_cases);
	return test_run(&tests, "replay/quote/corpus");
}
