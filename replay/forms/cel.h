/* SPDX-License-Identifier: BSD-2-Clause */
/* Canonical Event Logs, in a file of their own or inside another form: part of the forms module. */
#ifndef REPLAY_FORMS_CEL_H
#define REPLAY_FORMS_CEL_H

#include "replay/cel/cel.h"
#include "replay/forms/internal.h"

/* An array of records as FAPI writes it, at that place of the file. */
int cel_form_read_array(struct sink *sink, const struct json_value *records, const char *where,
			struct error *err);

/* A log in any encoding, at that place of the file: 1; 0 and *err when it is none; -1. */
int cel_form_read(struct sink *sink, struct bytes input, const char *source, const char *where,
		  struct error *err);

/* True for a file that begins as a log in JSON: an array, or records one after the other. */
bool cel_form_is_json(struct bytes start);

/* 1 for records in JSON one after the other, 0, -1. */
int cel_form_is_sequence(struct bytes input, struct error *err);

/* True for a JSON value that is a record of such a log. */
bool cel_form_is_record(const struct json_value *value);

#endif
