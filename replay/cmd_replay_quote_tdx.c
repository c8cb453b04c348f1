/* SPDX-License-Identifier: BSD-2-Clause */
/* assay replay quote, of a TDX machine: what its quote says, and what of it holds. */
#include "replay/cmd_replay_quote.h"

#include <inttypes.h>

#include "core/json.h"
#include "replay/tdx/tdx.h"

/* What is shown of a report, in its order. */
static const struct shown {
	const char *key, *label;
	size_t offset; /* of a struct bytes in struct tdx_quote */
} shown[] = {
	{"mr_td",            "MRTD",          offsetof(struct tdx_quote, mr_td)          },
	{ "mr_config_id",    "MRCONFIGID",    offsetof(struct tdx_quote, mr_config_id)   },
	{ "mr_owner",        "MROWNER",       offsetof(struct tdx_quote, mr_owner)       },
	{ "mr_owner_config", "MROWNERCONFIG", offsetof(struct tdx_quote, mr_owner_config)},
	{ "mr_seam",         "MRSEAM",        offsetof(struct tdx_quote, mr_seam)        },
	{ "mr_signer_seam",  "MRSIGNERSEAM",  offsetof(struct tdx_quote, mr_signer_seam) },
	{ "tcb_svn",         "TEE_TCB_SVN",   offsetof(struct tdx_quote, tcb_svn)        },
	{ "report_data",     "REPORTDATA",    offsetof(struct tdx_quote, report_data)    },
};

static struct bytes part(const struct tdx_quote *quote, size_t i)
{
	struct bytes bytes;

	memcpy(&bytes, (const char *)quote + shown[i].offset, sizeof(bytes));
	return bytes;
}

static void json_number(struct json *json, const char *key, uint64_t value)
{
	char text[20];

	snprintf(text, sizeof(text), "0x%016" PRIx64, value);
	json_string(json, key, text);
}

static int print_json(const struct tdx_quote *quote, const struct tdx_result *result,
		      struct error *err)
{
	struct json json = json_to_stream(stdout);

	json_object_begin(&json, NULL);
	json_string(&json, "format", "tdx");
	json_bool(&json, "valid", result->valid);
	json_array_begin(&json, "checks");
	for (unsigned i = 0; i < TDX_CHECK_COUNT; i++) {
		json_object_begin_compact(&json, NULL);
		json_string(&json, "check", tdx_check_name(i));
		json_string(&json, "result", tdx_answer_name(result->checks[i].answer));
		json_string(&json, "detail", result->checks[i].detail);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_uint(&json, "version", quote->version);
	json_uint(&json, "body_type", quote->body_type);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		json_hex(&json, shown[i].key, part(quote, i));
	json_number(&json, "seam_attributes", quote->seam_attributes);
	json_number(&json, "attributes", quote->attributes);
	json_number(&json, "xfam", quote->xfam);
	json_object_begin(&json, "rtmrs");
	for (unsigned i = 0; i < TDX_REGISTERS; i++) {
		const char key[2] = { (char)('0' + i), 0 };

		json_hex(&json, key, quote->rtmr[i]);
	}
	json_object_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

static void print_hex(const char *label, struct bytes bytes)
{
	printf("%-14s  ", label);
	for (size_t i = 0; i < bytes.size; i++)
		printf("%02x", bytes.data[i]);
	putchar('\n');
}

static void print_text(const struct tdx_quote *quote, const struct tdx_result *result)
{
	printf("%s: a quote of a TDX machine, version %u, body type %u\n\n",
	       result->valid ? "VALID as far as it was checked" : "NOT VALID", quote->version,
	       quote->body_type);
	for (unsigned i = 0; i < TDX_CHECK_COUNT; i++)
		printf("  %-4s  %-12s  %s\n", tdx_answer_name(result->checks[i].answer),
		       tdx_check_name(i), result->checks[i].detail);
	putchar('\n');
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		print_hex(shown[i].label, part(quote, i));
	printf("%-14s  0x%016" PRIx64 "%s\n", "TDATTRIBUTES", quote->attributes,
	       quote->attributes & TDX_ATTRIBUTE_DEBUG ? "  DEBUG" : "");
	printf("%-14s  0x%016" PRIx64 "\n", "XFAM", quote->xfam);
	for (unsigned i = 0; i < TDX_REGISTERS; i++) {
		const char label[6] = { 'R', 'T', 'M', 'R', (char)('0' + i), 0 };

		print_hex(label, quote->rtmr[i]);
	}
}

enum exit_status replay_quote_tdx(struct bytes input, const char *source, const struct bytes *nonce,
				  bool json)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	struct tdx_result result;
	struct tdx_quote quote;
	struct error err = { 0 };

	if (hasher_new(&hasher, &err) < 0 || tdx_parse(input, source, &quote, &err) < 0 ||
	    tdx_check(&quote, hasher, NULL, 0, nonce, &result, &err) < 0)
		return command_fail(&err);
	if (!json)
		print_text(&quote, &result);
	else if (print_json(&quote, &result, &err) < 0)
		return command_fail(&err);
	return command_finish(result.valid ? EXIT_DONE : EXIT_NO);
}
