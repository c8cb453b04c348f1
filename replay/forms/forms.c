/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/forms/forms.h"

#include "core/array.h"
#include "replay/forms/cel.h"
#include "replay/forms/internal.h"
#include "replay/forms/plain.h"

/* One more form of JSON is one more row; the first that fits reads. */
static const struct json_form *const json_forms[] = {
	&trustee_tdx_form,    &keylime_reply_form, &keylime_push_form, &keylime_registrar_form,
	&go_attestation_form, &trustee_form,       &fapi_quote_form,   &fapi_info_form,
	&fapi_key_form,       &cel_array_form,
};

/* Members that stand near the beginning of documents in a form of ours: other JSON is not even read. */
static const char *const json_words[] = {
	"\"quote\"",
	"\"evidence_collected\"",
	"\"ima_measurement_list\"",
	"\"enc_alg\"",
	"\"mb_measurement_list\"",
	"\"aik_tpm\"",
	"\"ak_tpm\"",
	"\"AK\"",
	"\"tpm_quote\"",
	"\"ff5443478018",
	"\"/1RDR4AY",
	"\"quoteInfo\"",
	"\"sig_scheme\"",
	"\"pem_ext_public\"",
	"\"recnum\"",
};

/* --- sinks -------------------------------------------------------------------------------------- */

void form_result_clear(struct form_result *result)
{
	free(result->pieces);
	free(result->notes);
	result->pieces = NULL;
	result->notes = NULL;
}

unsigned form_group(struct sink *sink)
{
	return ++sink->result->n_groups;
}

struct hasher *form_hasher(struct sink *sink, struct error *err)
{
	if (!sink->hasher && hasher_new(&sink->hasher, err) < 0)
		return NULL;
	return sink->hasher;
}

int form_add(struct sink *sink, struct form_piece piece, struct error *err, const char *where, ...)
{
	struct form_result *result = sink->result;
	va_list args;

	va_start(args, where);
	piece.where = arena_vprintf(result->arena, where, args);
	va_end(args);
	if (*sink->prefix)
		piece.where = arena_printf(result->arena, "%s%s", sink->prefix, piece.where);
	if (result->arena->failed)
		return error_memory(err, NULL);
	if (result->n_pieces >= FORM_PIECES_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "more than %d pieces of evidence in one file", FORM_PIECES_MAX);
	if (array_room(&result->pieces, result->n_pieces, &result->pieces_capacity, sizeof(piece),
		       NULL, err) < 0)
		return -1;
	if (!piece.name.data)
		piece.name = bytes_of("", 0);
	result->pieces[result->n_pieces++] = piece;
	return 0;
}

int form_remark(struct sink *sink, bool is_fault, const char *where, struct error *err,
		const char *format, ...)
{
	struct form_result *result = sink->result;
	struct form_note note = { .is_fault = is_fault };
	va_list args;

	if (result->n_notes >= FORM_NOTES_MAX)
		return 0;
	note.where = arena_printf(result->arena, "%s%s", sink->prefix, where);
	va_start(args, format);
	note.message = arena_vprintf(result->arena, format, args);
	va_end(args);
	if (result->arena->failed)
		return error_memory(err, NULL);
	if (array_room(&result->notes, result->n_notes, &result->notes_capacity, sizeof(note), NULL,
		       err) < 0)
		return -1;
	result->notes[result->n_notes++] = note;
	return 0;
}

/* --- what a file looks like ------------------------------------------------------------------------ */

static struct bytes without_space(struct bytes text)
{
	if (bytes_start_with(text, bytes_of_string("\xef\xbb\xbf")))
		text = bytes_of(text.data + 3, text.size - 3);
	while (text.size && (*text.data == ' ' || *text.data == '\n' || *text.data == '\r' ||
			     *text.data == '\t'))
		text = bytes_of(text.data + 1, text.size - 1);
	return text;
}

bool form_has_word(struct bytes text, const char *word)
{
	struct bytes wanted = bytes_of_string(word);

	while (text.size >= wanted.size) {
		const uint8_t *at = memchr(text.data, *wanted.data, text.size);

		if (!at)
			return false;
		text = bytes_of(at, text.size - (size_t)(at - text.data));
		if (bytes_start_with(text, wanted))
			return true;
		text = bytes_of(text.data + 1, text.size - 1);
	}
	return false;
}

static bool is_json(struct bytes start)
{
	struct bytes text = without_space(start);

	if (text.size == 0 || (*text.data != '{' && *text.data != '['))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(json_words); i++)
		if (form_has_word(text, json_words[i]))
			return true;
	return false;
}

enum form_guess form_guess(struct bytes start, enum bundle_role *role)
{
	*role = ROLE_NONE;
	if (start.size == 0)
		return FORM_GUESS_NONE;
	if (is_json(start) || keylime_string_fits(start) || attestation_fits(start))
		return FORM_GUESS_WRAPPED;
	*role = plain_role(start);
	if (*role != ROLE_NONE)
		return FORM_GUESS_PLAIN;
	return cel_is_binary(start) || cel_form_is_json(start) ? FORM_GUESS_WRAPPED
							       : FORM_GUESS_NONE;
}

/* --- reading ----------------------------------------------------------------------------------------- */

/* A document by the first form that fits: 1, 0 if none does, -1. */
static int read_document(struct sink *sink, const struct json_value *document, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(json_forms); i++) {
		if (!json_forms[i]->fits(document))
			continue;
		if (!sink->result->form)
			sink->result->form = json_forms[i]->name;
		return json_forms[i]->read(sink, document, err) < 0 ? -1 : 1;
	}
	return 0;
}

/* A document, or an array of documents: how many had a form; -1. */
static long read_documents(struct sink *sink, const struct json_value *document, struct error *err)
{
	const char *before = sink->prefix;
	long n = json_value_count(document), n_read = 0;
	int status;

	status = read_document(sink, document, err);
	if (n < 0 || status != 0)
		return status;
	for (long i = 0; i < n; i++) {
		sink->prefix = arena_printf(sink->result->arena, "%s[%ld].", before, i);
		status = read_document(sink, json_value_item(document, (size_t)i), err);
		if (status < 0)
			return -1;
		if (status == 0 &&
		    form_remark(sink, false, "", err, "in no form that Assay reads") < 0)
			return -1;
		n_read += status;
	}
	sink->prefix = before;
	return n_read;
}

/* A document a line. 1; 0 with *err that says which is none; -1. */
static int read_lines(struct sink *sink, struct bytes text, const char *source, struct error *err)
{
	long n_read = 0;

	for (size_t line = 1; text.size; line++) {
		const uint8_t *end = memchr(text.data, '\n', text.size);
		size_t size = end ? (size_t)(end - text.data) : text.size;
		struct bytes one = without_space(bytes_of(text.data, size));
		AUTO(json_value_freep) struct json_value *document = NULL;
		struct error problem = { 0 };
		long n;

		text = bytes_of(text.data + size + (end ? 1 : 0), text.size - size - (end ? 1 : 0));
		if (one.size == 0)
			continue;
		if (json_read(one, source, &document, &problem) < 0) {
			if (err)
				*err = problem;
			return problem.code == ERROR_SYSTEM ? -1 : 0;
		}
		sink->prefix = arena_printf(sink->result->arena, "line %zu: ", line);
		n = read_documents(sink, document, err);
		if (n < 0)
			return -1;
		n_read += n;
	}
	if (n_read > 0)
		return 1;
	error_set(err, ERROR_UNSUPPORTED, source, ERROR_NO_OFFSET,
		  "JSON of no form that Assay reads");
	return 0;
}

/* What a file of several documents, one behind the other, has behind the first. */
static bool has_lines(struct bytes text)
{
	const uint8_t *end = text.size ? memchr(text.data, '\n', text.size) : NULL;
	const uint8_t *last = end;

	while (last && last > text.data && last[-1] <= ' ')
		last--;
	return last && last > text.data && *text.data == '{' && last[-1] == '}' &&
	       without_space(bytes_of(end, text.size - (size_t)(end - text.data))).size > 0;
}

static int read_json(struct sink *sink, struct bytes input, const char *source, struct error *err)
{
	AUTO(json_value_freep) struct json_value *document = NULL;
	struct bytes text = without_space(input);
	struct error problem = { 0 };
	long n;

	if (has_lines(text))
		return read_lines(sink, text, source, err);
	if (json_read(text, source, &document, &problem) < 0) {
		if (problem.offset != ERROR_NO_OFFSET)
			problem.offset += input.size - text.size;
		if (err)
			*err = problem;
		return problem.code == ERROR_SYSTEM ? -1 : 0;
	}
	n = read_documents(sink, document, err);
	if (n != 0)
		return n < 0 ? -1 : 1;
	error_set(err, ERROR_UNSUPPORTED, source, 0, "JSON of no form that Assay reads");
	return 0;
}

int form_read(struct bytes input, const char *source, struct form_result *out, struct error *err)
{
	struct sink sink = { .result = out, .prefix = "" };
	int status;

	if (keylime_string_fits(input)) {
		out->form = "Keylime quote string";
		status = keylime_string_read(&sink, input, err, "") < 0 ? -1 : 1;
	} else if (attestation_fits(input)) {
		out->form = "go-tpm-tools attestation";
		status = attestation_read(&sink, input, err) < 0 ? -1 : 1;
	} else {
		status = cel_is_binary(input) ? 1 : cel_form_is_sequence(input, err);
		if (status > 0)
			status = cel_form_read(&sink, input, source, "", err);
		else if (status == 0)
			status = read_json(&sink, input, source, err);
	}
	hasher_free(sink.hasher);
	/* More pieces than any file has are the file's fault, not the machine's. */
	if (status < 0 && err && err->code != ERROR_SYSTEM)
		return 0;
	return status < 0 ? -1 : status;
}
