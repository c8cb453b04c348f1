/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json: write one JSON document (RFC 8259) to a stream or a buffer, indented.
 *
 * Strings from evidence may hold any bytes: what is not well-formed UTF-8 is
 * written as the text \xNN, control and invisible characters as \uNNNN. A
 * failed write is remembered; json_finish tells.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <stdio.h>

#include "core/digest.h"

#define JSON_DEPTH_MAX 32

struct json {
	FILE *out;       /* borrowed; or NULL, and then */
	struct buf *buf; /* borrowed */
	bool failed;     /* a value was lost for want of memory: set by whoever lost it */
	unsigned depth;
	bool in_array[JSON_DEPTH_MAX];
	bool any[JSON_DEPTH_MAX]; /* a member was written at this depth */
	bool compact[JSON_DEPTH_MAX];
	size_t n_pending;   /* bytes of pending not yet given to out */
	char pending[4096]; /* a stream's locks cost more than most of what is written */
};

/* Hidden: a JSON library may export functions of these names for its own use, and must not find ours. */
#pragma GCC visibility push(hidden)

static inline struct json json_to_stream(FILE *out)
{
	return (struct json){ .out = out };
}

static inline struct json json_to_buf(struct buf *buf)
{
	return (struct json){ .buf = buf };
}

/* key is NULL inside an array and at the top. */
void json_object_begin(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array_begin(struct json *json, const char *key);
/* An array or object on one line. */
void json_array_begin_compact(struct json *json, const char *key);
void json_object_begin_compact(struct json *json, const char *key);
void json_array_end(struct json *json);
void json_string(struct json *json, const char *key, const char *value);
void json_bytes(struct json *json, const char *key, struct bytes text);
void json_hex(struct json *json, const char *key, struct bytes value);
void json_digest(struct json *json, const char *key, const struct digest *digest);
void json_uint(struct json *json, const char *key, uint64_t value);
void json_int(struct json *json, const char *key, int64_t value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

/* Ends the document with a newline; -1 with ERROR_SYSTEM if anything could not be written. */
int json_finish(struct json *json, struct error *err);

#pragma GCC visibility pop

#endif
