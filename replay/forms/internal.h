/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of forms share. */
#ifndef REPLAY_FORMS_INTERNAL_H
#define REPLAY_FORMS_INTERNAL_H

#include "core/crypto.h"
#include "core/json_read.h"
#include "replay/forms/forms.h"

/* Notes of one file: more tell nobody anything. */
#define FORM_NOTES_MAX 64

/* What a reader gives its pieces to. */
struct sink {
	struct form_result *result;
	struct hasher *hasher; /* made when first needed: form_hasher */
	const char *prefix;    /* of every where: "[3]." of an array's fourth document; "" */
};

/* A number for the pieces of one more quote or key. */
unsigned form_group(struct sink *sink);

/* piece.contents must be the arena's, or empty; where is printed behind the prefix. */
int form_add(struct sink *sink, struct form_piece piece, struct error *err, const char *where, ...)
	__attribute__((format(printf, 4, 5)));

/* NULL and *err out of memory. */
struct hasher *form_hasher(struct sink *sink, struct error *err);

int form_remark(struct sink *sink, bool is_fault, const char *where, struct error *err,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

/* True if the word is in the text. */
bool form_has_word(struct bytes text, const char *word);

/* --- decode.c --------------------------------------------------------------------------------- */

/*
 * core/base64, white space passed over; is_url: the alphabet of RFC 4648, 5, whose padding may be left
 * out. 1 and *out in the arena; 0 and *at, the offset of what does not fit, white space not counted;
 * -1 out of memory.
 */
int form_base64(struct arena *arena, bool is_url, struct bytes text, struct bytes *out, size_t *at);

/*
 * The value of a JSON string or a text in base64 as a piece: 1 if it was added, 0 if it was not (with a note
 * if it is there and wrong), -1.
 */
int form_add_base64(struct sink *sink, struct form_piece piece, const struct json_value *value,
		    struct error *err, const char *where);
int form_add_base64_text(struct sink *sink, struct form_piece piece, struct bytes text,
			 struct error *err, const char *where);
/* The same for hex. */
int form_add_hex(struct sink *sink, struct form_piece piece, const struct json_value *value,
		 struct error *err, const char *where);

/* Hex into the arena: 1, 0 if it is none, -1. */
int hex_decode(struct arena *arena, struct bytes text, struct bytes *out);

/* A text of a JSON member; false if it is not there or no text. */
bool member_text(const struct json_value *object, const char *key, struct bytes *out);

/* --- values.c: PCR values as a form lists them, made into a PCR file (marshaled) ---------------- */

struct pcr_values {
	uint32_t present[ALG_BANKS]; /* bit per PCR, 0..31 */
	uint8_t value[ALG_BANKS][32][DIGEST_SIZE_MAX];
};

/* False when the PCR is over 31, value is of another size, or the PCR has another value already. */
bool pcr_values_set(struct pcr_values *values, enum alg alg, uint64_t pcr, struct bytes value);
/* The PCR file; nothing for no values. */
int pcr_values_write(struct arena *arena, const struct pcr_values *values, struct bytes *out,
		     struct error *err);

/* --- the forms: each reads one document ---------------------------------------------------------- */

/* A form of JSON documents. */
struct json_form {
	const char *name;
	bool (*fits)(const struct json_value *document);
	int (*read)(struct sink *sink, const struct json_value *document, struct error *err);
};

extern const struct json_form keylime_reply_form, keylime_push_form, keylime_registrar_form;
extern const struct json_form go_attestation_form, trustee_form, trustee_tdx_form;
extern const struct json_form fapi_quote_form, fapi_info_form, fapi_key_form, cel_array_form;

/* go-tpm-tools' attest.Attestation: protobuf. */
bool attestation_fits(struct bytes start);
int attestation_read(struct sink *sink, struct bytes input, struct error *err);

/* "r" + base64 ":" base64 ":" base64, alone in a file. */
bool keylime_string_fits(struct bytes start);
int keylime_string_read(struct sink *sink, struct bytes text, struct error *err, const char *where);

#endif
