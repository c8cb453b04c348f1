/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of replay/ima share. */
#ifndef REPLAY_IMA_INTERNAL_H
#define REPLAY_IMA_INTERNAL_H

#include "core/reader.h"
#include "replay/ima/ima.h"

/* --- template.c: names, formats, fields ------------------------------------------------------- */

/* How a field's bytes are made, and so how text shows them (enum data_formats). */
enum ima_field_kind {
	IMA_KIND_DIGEST,     /* hex */
	IMA_KIND_ALG_DIGEST, /* text up to its last ':', then hex; the bytes have a NUL between */
	IMA_KIND_NAME,       /* text; the bytes end in a NUL; absorbs what blanks there are */
	IMA_KIND_STRING,     /* the same without blanks; no bytes at all when empty */
	IMA_KIND_HEX,
	IMA_KIND_U32,
	IMA_KIND_U16,
};

enum ima_field_kind ima_field_kind(enum ima_field_id id);

/* The fields of a template; n_fields is 0 for one that Assay does not know. */
struct ima_template {
	/* The template "ima" has no length before its digest, and hashes its name padded to 256. */
	bool is_ima;
	size_t n_fields;
	enum ima_field_id fields[IMA_FIELDS_MAX];
};

/* The template that a name or a format string stands for: *scratch, or one that is always there. */
const struct ima_template *ima_template_lookup(struct bytes name, struct ima_template *scratch);

/* --- list.c --------------------------------------------------------------------------------- */

struct ima_list {
	struct reader in;      /* over the whole list, or the window of it that is at hand */
	struct pieces *pieces; /* borrowed; where the next window comes from, or NULL */
	enum ima_form form;
	bool big_endian;    /* integers of the list, or of the bytes a text list was written from */
	enum alg alg;       /* of the template digests */
	uint64_t n_entries; /* read so far */
	uint8_t *text;      /* owned: data of the last record of a text list */
	size_t text_size;   /* allocated */
	bool broken;
	struct error broken_error; /* said again by every call after the break */
};

/* Memory for the data of records of a text list; it never moves while records point into it. */
struct ima_room {
	uint8_t *data; /* borrowed */
	size_t size;
	size_t used;
	size_t needed; /* in all, after IMA_READ_ROOM */
};

/* What keeps a record from being read: nothing was consumed. */
enum ima_read {
	IMA_READ_ROOM = 2, /* the room has not room->needed bytes left */
	IMA_READ_WINDOW =
		3, /* it is not whole in the window: ima_list_move, if nobody borrows from it */
};

/* As ima_list_next, with the data of text lists in room; or one of enum ima_read. */
int ima_list_read(struct ima_list *list, struct ima_room *room, struct record *out,
		  struct error *err);

/* Moves the window on; records read before are no longer there. */
int ima_list_move(struct ima_list *list, struct error *err);

/* Does what the error says and remembers it: the list is read no further. */
int ima_list_break(struct ima_list *list, const struct error *at, struct error *err);

/* --- text.c --------------------------------------------------------------------------------- */

/* Bytes that a line's fields may take beyond the line's own size: lengths, NULs, integers. */
#define IMA_TEXT_EXTRA 160

/*
 * Writes the template data that the fields of a line stand for (the text after the template's
 * name) to out, which has room for fields.size + IMA_TEXT_EXTRA. False when the text is not of the
 * template's form.
 */
bool ima_text_encode(const struct ima_template *template, struct bytes fields, bool big_endian,
		     uint8_t *out, size_t *out_size);

/* --- entry.c ------------------------------------------------------------------------------- */

/* Bytes of the digest that the data of the template "ima" begin with: 20, or 16 of MD5; 0 if the
 * name's length after it fits neither. */
size_t ima_digest_size(struct bytes data, bool big_endian);

/* --- replay.c ------------------------------------------------------------------------------- */

/* "ima" hashes its name padded to this (IMA_EVENT_NAME_LEN_MAX + 1). */
#define IMA_NAME_PADDED 256

/*
 * What is hashed to give the template hash of a record with data: n parts. That is the data, but
 * for the template "ima" its digest and its name padded with zeros.
 */
#define IMA_HASHED_PARTS 3
size_t ima_hashed(const struct ima_list *list, const struct record *record,
		  struct bytes parts[IMA_HASHED_PARTS]);

/* The u32 of the list's byte order. */
static inline uint32_t ima_u32(bool big_endian, struct reader *in)
{
	return big_endian ? reader_be32(in) : reader_le32(in);
}

#endif
