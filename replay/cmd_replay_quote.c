/* SPDX-License-Identifier: BSD-2-Clause */
/* assay replay quote: one quote, checked and shown. */
#include "replay/cmd_replay_quote.h"

#include <inttypes.h>

#include "core/crypto_key.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "replay/quote/quote.h"
#include "replay/replay.h"
#include "replay/tdx/tdx.h"

struct inputs {
	const char *message, *signature, *key, *nonce, *pcrs;
	bool json;
};

/* Everything about one quote; the files own what the structs borrow. */
struct view {
	struct file *message_file, *signature_file, *key_file, *pcrs_file;
	struct hasher *hasher;
	struct quote quote;
	struct quote_signature signature;
	struct quote_key *key;
	uint8_t nonce_bytes[QUOTE_NONCE_MAX];
	struct bytes nonce;
	struct quote_pcrs pcrs;
	enum quote_pcrs_form pcrs_form;
	struct quote_result result;
};

static void view_clear(struct view *view)
{
	quote_key_free(view->key);
	hasher_free(view->hasher);
	file_free(view->message_file);
	file_free(view->signature_file);
	file_free(view->key_file);
	file_free(view->pcrs_file);
}

static int open_parse(const struct inputs *inputs, struct view *view, struct error *err)
{
	if (hasher_new(&view->hasher, err) < 0 ||
	    file_open(inputs->message, &view->message_file, err) < 0 ||
	    file_open(inputs->signature, &view->signature_file, err) < 0 ||
	    file_open(inputs->key, &view->key_file, err) < 0 ||
	    quote_parse(file_bytes(view->message_file), file_name(view->message_file), &view->quote,
			err) < 0 ||
	    quote_signature_parse(file_bytes(view->signature_file), file_name(view->signature_file),
				  &view->signature, err) < 0 ||
	    quote_key_parse(file_bytes(view->key_file), file_name(view->key_file), view->hasher,
			    &view->key, err) < 0)
		return -1;
	if (!inputs->pcrs)
		return 0;
	if (file_open(inputs->pcrs, &view->pcrs_file, err) < 0)
		return -1;
	return quote_pcrs_parse(file_bytes(view->pcrs_file), file_name(view->pcrs_file),
				&view->quote.selection, &view->pcrs, &view->pcrs_form, err);
}

static bool has_common(const struct quote *quote)
{
	return quote->structure != QUOTE_NOT_GENERATED && quote->structure != QUOTE_BYTES_BEFORE;
}

static bool has_selection(const struct quote *quote)
{
	return has_common(quote) && quote->structure != QUOTE_NOT_A_QUOTE;
}

/* The bank's name, or its number where Assay knows no name. */
static const char *bank_name(const struct quote_bank *bank, char number[8])
{
	if (bank->alg != ALG_NONE)
		return alg_name(bank->alg);
	snprintf(number, 8, "0x%04x", bank->alg_id);
	return number;
}

/* All PCRs of the i-th bank, of its repetitions too; false if it is such a repetition. */
static bool merged_bank(const struct quote_selection *selection, size_t i, struct quote_bank *out)
{
	*out = selection->banks[i];
	for (size_t j = 0; j < selection->n_banks; j++) {
		if (selection->banks[j].alg_id != out->alg_id)
			continue;
		if (j < i)
			return false;
		out->pcrs |= selection->banks[j].pcrs;
	}
	return true;
}

static pcr_set shown_values(const struct view *view, const struct quote_bank *bank)
{
	return bank->alg < ALG_BANKS ? bank->pcrs & view->pcrs.present[bank->alg] : 0;
}

/* --- JSON --------------------------------------------------------------------------------------- */

static void json_selection(struct json *json, const struct quote_selection *selection)
{
	struct quote_bank bank;
	char number[8];

	json_object_begin(json, "selection");
	for (size_t i = 0; i < selection->n_banks; i++) {
		if (!merged_bank(selection, i, &bank))
			continue;
		json_array_begin_compact(json, bank_name(&bank, number));
		for (unsigned pcr = 0; pcr < QUOTE_PCRS_MAX; pcr++)
			if (bank.pcrs >> pcr & 1)
				json_uint(json, NULL, pcr);
		json_array_end(json);
	}
	json_object_end(json);
}

static void json_pcrs(struct json *json, const struct view *view)
{
	struct quote_bank bank;

	json_object_begin(json, "pcrs");
	for (size_t i = 0; i < view->quote.selection.n_banks; i++) {
		if (!merged_bank(&view->quote.selection, i, &bank) || !shown_values(view, &bank))
			continue;
		json_object_begin(json, alg_name(bank.alg));
		for (unsigned pcr = 0; pcr < QUOTE_PCRS_MAX; pcr++) {
			char index[4];

			if (!(shown_values(view, &bank) >> pcr & 1))
				continue;
			snprintf(index, sizeof(index), "%u", pcr);
			json_hex(json, index,
				 bytes_of(view->pcrs.value[bank.alg][pcr], alg_size(bank.alg)));
		}
		json_object_end(json);
	}
	json_object_end(json);
}

static const char *const form_names[] = {
	[QUOTE_KEY_TPM2B_PUBLIC] = "TPM2B_PUBLIC",
	[QUOTE_KEY_TPMT_PUBLIC] = "TPMT_PUBLIC",
	[QUOTE_KEY_PEM] = "PEM",
	[QUOTE_KEY_DER] = "DER",
};

static void json_key(struct json *json, const struct quote_key *key)
{
	char scheme[QUOTE_SCHEME_SIZE];

	json_object_begin(json, "key");
	json_string(json, "form", form_names[key->form]);
	json_string(json, "type", key->description);
	if (key->has_attributes) {
		json_string(json, "scheme", quote_scheme_text(key->scheme, key->hash, scheme));
		json_uint(json, "attributes", key->attributes);
		json_hex(json, "name", bytes_of(key->name, key->name_size));
	}
	json_array_begin(json, "faults");
	for (enum quote_key_fault fault = 0; fault < QUOTE_KEY_FAULT_COUNT; fault++)
		if (key->faults >> fault & 1)
			json_string(json, NULL, quote_key_fault_text(fault));
	json_array_end(json);
	json_object_end(json);
}

static void json_checks(struct json *json, const struct quote_result *result)
{
	json_array_begin(json, "checks");
	for (enum quote_check_id id = 0; id < QUOTE_CHECK_COUNT; id++) {
		json_object_begin_compact(json, NULL);
		json_string(json, "check", quote_check_name(id));
		json_string(json, "result", quote_answer_name(result->checks[id].answer));
		json_string(json, "detail", result->checks[id].detail);
		json_object_end(json);
	}
	json_array_end(json);
}

static int print_json(const struct view *view, struct error *err)
{
	struct json json = json_to_stream(stdout);
	const struct quote *quote = &view->quote;
	char text[QUOTE_SCHEME_SIZE];

	json_object_begin(&json, NULL);
	json_bool(&json, "valid", view->result.valid);
	json_checks(&json, &view->result);
	if (has_common(quote))
		json_hex(&json, "nonce", quote->nonce);
	json_string(&json, "signature_scheme",
		    quote_scheme_text(view->result.scheme, view->result.hash, text));
	if (has_common(quote)) {
		json_uint(&json, "clock", quote->clock);
		json_uint(&json, "reset_count", quote->reset_count);
		json_uint(&json, "restart_count", quote->restart_count);
		json_bool(&json, "safe", quote->safe);
		snprintf(text, sizeof(text), "0x%016" PRIx64, quote->firmware_version);
		json_string(&json, "firmware_version", text);
		json_hex(&json, "signer", quote->signer);
	}
	if (has_selection(quote)) {
		json_selection(&json, &quote->selection);
		json_hex(&json, "pcr_digest", quote->pcr_digest);
	}
	if (view->pcrs_file)
		json_pcrs(&json, view);
	json_key(&json, view->key);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- text --------------------------------------------------------------------------------------- */

static void print_hex(struct bytes bytes)
{
	char hex[2 * 128 + 1];

	if (bytes.size > 128)
		bytes.size = 128;
	hex_write(hex, bytes);
	puts(bytes.size ? hex : "(none)");
}

static void print_label(const char *label)
{
	printf("  %-14s  ", label);
}

/* The names of the checks with this answer, after lead; how many they are. */
static unsigned print_names(const struct quote_result *result, enum quote_answer answer,
			    const char *lead)
{
	unsigned n = 0;

	for (enum quote_check_id id = 0; id < QUOTE_CHECK_COUNT; id++)
		if (result->checks[id].answer == answer)
			printf("%s%s", n++ ? ", " : lead, quote_check_name(id));
	return n;
}

static void print_verdict(const struct view *view)
{
	text_write(stdout, bytes_of_string(file_name(view->message_file)));
	if (view->result.valid) {
		printf(": valid quote");
		print_names(&view->result, QUOTE_SKIP, "; not checked: ");
	} else {
		printf(": NOT VALID");
		if (print_names(&view->result, QUOTE_FAIL, ": ") == 0)
			printf(": the signature could not be judged");
	}
	putchar('\n');
}

static void print_checks(const struct quote_result *result)
{
	static const char *const words[] = {
		[QUOTE_PASS] = "pass",
		[QUOTE_FAIL] = "FAIL",
		[QUOTE_SKIP] = "skip",
	};

	puts("\nChecks");
	for (enum quote_check_id id = 0; id < QUOTE_CHECK_COUNT; id++)
		printf("  %-14s  %s  %s\n", quote_check_name(id), words[result->checks[id].answer],
		       result->checks[id].detail);
}

static void print_clock(uint64_t milliseconds)
{
	uint64_t seconds = milliseconds / 1000;

	print_label("clock");
	printf("%" PRIu64 " ms (", milliseconds);
	if (seconds >= 86400)
		printf("%" PRIu64 " d ", seconds / 86400);
	printf("%02u:%02u:%02u powered on)\n", (unsigned)(seconds / 3600 % 24),
	       (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
}

static void print_common(const struct quote *quote)
{
	puts(quote->structure == QUOTE_NOT_A_QUOTE ? "\nAttestation" : "\nQuote");
	print_label("nonce");
	print_hex(quote->nonce);
	print_clock(quote->clock);
	print_label("reset count");
	printf("%" PRIu32 "\n", quote->reset_count);
	print_label("restart count");
	printf("%" PRIu32 "\n", quote->restart_count);
	print_label("clock safe");
	puts(quote->safe ? "yes" : "no: a higher value may have been reported before");
	print_label("firmware");
	printf("0x%016" PRIx64 "\n", quote->firmware_version);
	print_label("signer");
	print_hex(quote->signer);
}

static void print_key(const struct quote_key *key)
{
	char scheme[QUOTE_SCHEME_SIZE];

	puts("\nKey");
	print_label("type");
	printf("%s, as %s\n", key->description, form_names[key->form]);
	if (!key->has_attributes)
		return;
	print_label("scheme");
	puts(quote_scheme_text(key->scheme, key->hash, scheme));
	print_label("name");
	print_hex(bytes_of(key->name, key->name_size));
}

/* "0-7, 10, 14" */
static void print_set(pcr_set pcrs)
{
	const char *separator = "";

	for (unsigned pcr = 0; pcr < QUOTE_PCRS_MAX; pcr++) {
		unsigned last = pcr;

		if (!(pcrs >> pcr & 1))
			continue;
		while (last + 1 < QUOTE_PCRS_MAX && pcrs >> (last + 1) & 1)
			last++;
		printf("%s%u", separator, pcr);
		if (last > pcr)
			printf("%s%u", last > pcr + 1 ? "-" : ", ", last);
		separator = ", ";
		pcr = last;
	}
	puts(pcrs ? "" : "none");
}

static void print_selection(const struct quote *quote)
{
	struct quote_bank bank;
	char number[8];

	puts("\nSelection");
	for (size_t i = 0; i < quote->selection.n_banks; i++) {
		if (!merged_bank(&quote->selection, i, &bank))
			continue;
		print_label(bank_name(&bank, number));
		print_set(bank.pcrs);
	}
	print_label("PCR digest");
	print_hex(quote->pcr_digest);
}

static void print_pcrs(const struct view *view)
{
	struct quote_bank bank;

	printf("\nPCR values (%s)%s\n", quote_pcrs_form_text(view->pcrs_form),
	       view->result.valid &&
			       view->result.checks[QUOTE_CHECK_PCR_DIGEST].answer == QUOTE_PASS
		       ? ""
		       : ": only what the file says, no valid quote covers them");
	for (size_t i = 0; i < view->quote.selection.n_banks; i++) {
		if (!merged_bank(&view->quote.selection, i, &bank))
			continue;
		for (unsigned pcr = 0; pcr < QUOTE_PCRS_MAX; pcr++) {
			if (!(shown_values(view, &bank) >> pcr & 1))
				continue;
			printf("  %-7s %2u  ", alg_name(bank.alg), pcr);
			print_hex(bytes_of(view->pcrs.value[bank.alg][pcr], alg_size(bank.alg)));
		}
	}
}

static void print_text(const struct view *view)
{
	print_verdict(view);
	print_checks(&view->result);
	if (has_common(&view->quote))
		print_common(&view->quote);
	print_key(view->key);
	if (has_selection(&view->quote))
		print_selection(&view->quote);
	if (view->pcrs_file)
		print_pcrs(view);
}

static enum exit_status run(const struct inputs *inputs, struct view *view)
{
	struct error err = { 0 };

	if (open_parse(inputs, view, &err) < 0 ||
	    quote_check(view->hasher, &view->quote, &view->signature, view->key,
			inputs->nonce ? &view->nonce : NULL, view->pcrs_file ? &view->pcrs : NULL,
			&view->result, &err) < 0)
		return command_fail(&err);
	if (!inputs->json)
		print_text(view);
	else if (print_json(view, &err) < 0)
		return command_fail(&err);
	return command_finish(view->result.valid ? EXIT_DONE : EXIT_NO);
}

/* A message that brings its signature and key along. */
static enum exit_status run_tdx(const struct command *self, const struct inputs *inputs,
				struct view *view)
{
	struct error err = { 0 };

	if (file_open(inputs->message, &view->message_file, &err) < 0)
		return command_fail(&err);
	if (!tdx_is_quote(file_bytes(view->message_file)))
		return command_usage(self, "--signature and --key are needed: not a TDX quote");
	return replay_quote_tdx(file_bytes(view->message_file), file_name(view->message_file),
				inputs->nonce ? &view->nonce : NULL, inputs->json);
}

static unsigned count_stdin(const struct inputs *inputs)
{
	const char *const paths[] = { inputs->message, inputs->signature, inputs->key,
				      inputs->pcrs };
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		n += paths[i] && strcmp(paths[i], "-") == 0;
	return n;
}

enum exit_status cmd_replay_quote(const struct command *self, int argc, char **argv)
{
	struct inputs inputs = { 0 };
	const struct command_option options[] = {
		{"message",    'm', OPTION_STRING, &inputs.message,   "FILE",
                 "what the TPM signed: TPMS_ATTEST (tpm2_quote -m); or a TDX quote"},
		{ "signature", 's', OPTION_STRING, &inputs.signature, "FILE",
                 "TPMT_SIGNATURE, or a plain signature (tpm2_quote -s)"            },
		{ "key",       'k', OPTION_STRING, &inputs.key,       "FILE",
                 "attestation key: TPM2B_PUBLIC, TPMT_PUBLIC, PEM or DER"          },
		{ "nonce",     'n', OPTION_STRING, &inputs.nonce,     "HEX",
                 "what the quote's qualifying data must be"                        },
		{ "pcrs",      'p', OPTION_STRING, &inputs.pcrs,      "FILE",
                 "PCR values (tpm2_quote -o): serialized, values or marshaled"     },
		OPTION_JSON(&inputs.json),
	};
	AUTO(view_clear) struct view view = { 0 };
	struct command_args args;
	enum exit_status status;
	long nonce_size;

	if (!command_parse(self, options, ARRAY_SIZE(options), argc, argv, &args, &status))
		return status;
	if (args.n_items > 0)
		return command_usage(self, "unexpected argument '%s'", args.items[0]);
	if (!inputs.message)
		return command_usage(self, "--message, --signature and --key are needed");
	if (count_stdin(&inputs) > 1)
		return command_usage(self, "only one file can be standard input");
	if (inputs.nonce) {
		nonce_size = hex_parse(bytes_of_string(inputs.nonce), view.nonce_bytes,
				       sizeof(view.nonce_bytes));
		if (nonce_size < 0)
			return command_usage(self, "--nonce takes hex of at most %d bytes",
					     QUOTE_NONCE_MAX);
		view.nonce = bytes_of(view.nonce_bytes, (size_t)nonce_size);
	}
	if (!inputs.signature && !inputs.key && !inputs.pcrs)
		return run_tdx(self, &inputs, &view);
	if (!inputs.signature || !inputs.key)
		return command_usage(self, "--message, --signature and --key are needed");
	return run(&inputs, &view);
}
