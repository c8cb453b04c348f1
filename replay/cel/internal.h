/* SPDX-License-Identifier: BSD-2-Clause */
/* What the encodings share. */
#ifndef REPLAY_CEL_INTERNAL_H
#define REPLAY_CEL_INTERNAL_H

#include "core/event_type.h"
#include "core/own.h"
#include "replay/cel/cel.h"

/* A record on its way: what has been read of it. */
struct cel_parse {
	struct cel_log *log;
	struct cel_record *out;
	uint64_t at; /* of the record, for errors */
};

/* ERROR_MALFORMED at that offset of the log. */
int cel_malformed(const struct cel_parse *parse, uint64_t at, struct error *err, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

/* Adds a digest: one of no bank of ours, or a second one of an algorithm, is an oddity. */
int cel_add_digest(struct cel_parse *parse, enum alg alg, struct bytes value, uint64_t at,
		   struct error *err);

/* Each reads one record at the log's position: 1, 0 at the end, -1. */
int cel_tlv_next(struct cel_parse *parse, struct error *err);
int cel_json_next(struct cel_parse *parse, struct error *err);
int cel_cbor_next(struct cel_parse *parse, struct error *err);

/* Reads what comes before the first record. */
int cel_json_open(struct cel_log *log, struct error *err);
int cel_cbor_open(struct cel_log *log, struct error *err);

#endif
