/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cel: read a TCG Canonical Event Log in any of its encodings: TLV, JSON, CBOR. What its records
 * hold is what other logs hold: events of the firmware, IMA entries, what systemd measured.
 * Judges nothing.
 *
 * Encodings
 *     TLV    u8 type, be32 size, value: recnum (0), pcr (1) or nv_index (2), digests (3: a TLV each,
 *            whose type is the TPM_ALG_ID), then the content by its type. Google's writers have a
 *            register of a confidential machine (108) in the place of the PCR.
 *     JSON   an array of records, or one after the other: behind 0x1e (RFC 7464), or a line each
 *     CBOR   an array of records, or a sequence of them (RFC 8742); records are maps with the keys
 *            0 recnum, 1 pcr, 2 nv_index, 3 digests, 9 content_type, 10 content
 *
 * Sources: TCG Canonical Event Log Format 1.0 r0.41, 4 (records), 5.1 (TLV), 5.2 (CBOR and JSON);
 *          tpm2-tss src/tss2-fapi/ifapi_json_serialize.c, ifapi_eventlog.c (JSON, before 4.0 with other
 *          names of its members); go-eventlog cel/canonical_eventlog.go (registers), systemd
 *          src/shared/tpm2-util.c (rtmr).
 * Threads: distinct logs may be used from distinct threads.
 */
#ifndef REPLAY_CEL_CEL_H
#define REPLAY_CEL_CEL_H

#include "core/arena.h"
#include "core/json_read.h"
#include "core/reader.h"
#include "replay/record.h"

enum cel_encoding { CEL_TLV, CEL_JSON, CEL_CBOR };

/* "cel-tlv", "cel-json", "cel-cbor": the formats of reports. */
const char *cel_encoding_name(enum cel_encoding encoding);

/* Contents by their numbers; other numbers are kept as they are. */
enum cel_content {
	CEL_CONTENT_CEL = 4,          /* of the log itself: its version, a time, a state */
	CEL_CONTENT_PCCLIENT_STD = 5, /* an event of a firmware log */
	CEL_CONTENT_IMA_TEMPLATE = 7, /* an IMA entry, as its template has it */
	CEL_CONTENT_IMA_TLV = 8,
	CEL_CONTENT_SYSTEMD = 9, /* what systemd measured; in JSON only */
	CEL_CONTENT_OTHER = 256, /* a name in JSON that is none of these */
};

/* "pcclient_std"; NULL for a number nobody defined. */
const char *cel_content_name(uint32_t content);

/* What a record of CEL_CONTENT_CEL says (4.3). */
enum cel_management {
	CEL_VERSION = 1,
	CEL_FIRMWARE_END = 2,
	CEL_TIMESTAMP = 0x80,
	CEL_STATE_TRANS = 0x81,
};

/* Digests of one record; TPMs have at most 16 banks. */
#define CEL_DIGESTS_MAX 16

/* Bytes of one record's data: an event of a firmware log may be a whole variable. */
#define CEL_DATA_MAX ((size_t)16 << 20)

struct cel_record {
	/*
	 * content is RECORD_TCG_EVENT with type and data; RECORD_IMA_TEMPLATE with the template's
	 * name and data; RECORD_SYSTEMD with the string as data; else RECORD_CEL, whose data are the
	 * content's bytes as encoded (none in JSON). Views are valid until the next cel_next.
	 */
	struct record record;
	uint32_t content; /* enum cel_content, or the number in the log */
	bool has_recnum;  /* what only follows the form may leave it out ... */
	uint64_t recnum;  /* ... and this is then record.index */
	bool is_nv;       /* extends an NV index: record.pcr is UINT32_MAX */
	uint32_t nv_index;
	bool is_register; /* of a confidential machine: record.pcr is as in CCEL logs, 1 to 4 for RTMR0 to 3 */
	uint32_t management;           /* of CEL_CONTENT_CEL: enum cel_management; else 0 */
	bool has_version;              /* of CEL_VERSION: it says which */
	uint32_t major, minor;         /* if has_version */
	struct bytes encoded;          /* TLV: the content with its type and length; else empty */
	const struct json_value *json; /* JSON: the record; else NULL */
};

/* An open log; fields are private. */
struct cel_log {
	const char *source; /* borrowed */
	enum cel_encoding encoding;
	struct reader in;               /* TLV and CBOR; of JSON what comes after this record */
	struct json_value *document;    /* owned: the array, or the record given last; else NULL */
	const struct json_value *array; /* borrowed, or the document */
	size_t n_items, item;           /* of an array */
	uint64_t n_given;
	bool is_array, is_broken;
	struct arena arena; /* of the record given last */
};

/* True if a file that begins so may be a Canonical Event Log, and which encoding it has. */
bool cel_guess(struct bytes start, enum cel_encoding *out);

/* True if it can be nothing else in TLV or CBOR: its first record is whole up to its digests, and has one. */
bool cel_is_binary(struct bytes start);

/* ERROR_MALFORMED for bytes that are none. */
int cel_open(struct cel_log *out, struct bytes bytes, const char *source, struct error *err);
/* The same for an array in a JSON document, which is borrowed. */
int cel_open_array(struct cel_log *out, const struct json_value *array, const char *source,
		   struct error *err);
void cel_close(struct cel_log *log);

/*
 * The next record in log order: 1 and *out, 0 at the end, -1 and *err where the log breaks: ERROR_TRUNCATED,
 * ERROR_MALFORMED, ERROR_LIMIT, with the offset (of an array in JSON: which record). After -1 it gives -1
 * again.
 */
int cel_next(struct cel_log *log, struct cel_record *out, struct error *err);

#endif
