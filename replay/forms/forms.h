/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forms: the forms in which agents hand evidence out, each read by one reader, and
 * what is plain evidence told by its content. A reader takes the bytes of one file
 * and gives pieces: what each is evidence of, its bytes as the kernel or tpm2-tools
 * would have written them, and where in the file they were.
 *
 * Believes nothing and judges nothing: what cannot be read is a note, and reading
 * goes on. Knows of no folders, archives or other files: replay/evidence does.
 *
 * Sources: Keylime's REST API 2.5 and 3.0; go-tpm-tools' attest.proto; tpm2-tss's FAPI
 *          (ifapi_json_serialize); what each reader names.
 * Threads: distinct sinks may be used from distinct threads.
 */
#ifndef REPLAY_FORMS_FORMS_H
#define REPLAY_FORMS_FORMS_H

#include "core/arena.h"
#include "replay/evidence/bundle.h"

/* As much of a file's beginning as form_guess wants to see, if the file has it. */
#define FORM_START_SIZE 4096

/* The largest file in a form: replies with an IMA list of some 100,000 entries each. */
#define FORM_SIZE_MAX ((size_t)128 << 20)

/* Pieces of one file: a thousand replies of an agent, and what is beside their quotes. */
#define FORM_PIECES_MAX 8192

/* What a file looks like by its beginning. */
enum form_guess {
	FORM_GUESS_NONE,
	FORM_GUESS_PLAIN,   /* one piece of evidence: role says which */
	FORM_GUESS_WRAPPED, /* a form with pieces in it; whether it is one, reading tells */
};

/* role is set for FORM_GUESS_PLAIN. start: the whole file, or its first FORM_START_SIZE bytes. */
enum form_guess form_guess(struct bytes start, enum bundle_role *role);

/* Where an IMA list does not say with which entry it begins. */
#define FORM_ENTRY_UNKNOWN UINT64_MAX

struct form_piece {
	enum bundle_role role;
	unsigned group;    /* pieces of one quote, or of one key, have the same */
	struct bytes name; /* what the form calls the group ("sha256"); empty: nothing */
	struct bytes contents;
	const char *where;    /* in the file: "results.quote[0]" */
	bool is_part;         /* an IMA list that may go on where another ends ... */
	uint64_t first_entry; /* ... and begins with this entry, from 0; FORM_ENTRY_UNKNOWN */
};

/* Something that was not read. */
struct form_note {
	const char *where, *message; /* safe to show */
	bool is_fault; /* not as the form has it; else only nothing that Assay reads */
};

struct form_result {
	struct arena *arena; /* borrowed: pieces and notes live there */
	const char *form;    /* "Keylime quote reply"; static; of the first document that fits */
	struct form_piece *pieces; /* owned */
	size_t n_pieces, pieces_capacity;
	struct form_note *notes; /* owned */
	size_t n_notes, notes_capacity;
	unsigned n_groups;
};

void form_result_clear(struct form_result *result);

/*
 * Reads a file that form_guess takes for wrapped. 1; 0 and *err when it is in no form of ours, or
 * broken before the form is known (err->code says which: ERROR_UNSUPPORTED for the former); -1 and *err
 * when the machine failed us. Contents of pieces are the arena's.
 */
int form_read(struct bytes input, const char *source, struct form_result *out, struct error *err);

#endif
