/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of policies share. */
#ifndef REFGEN_ALLOWLIST_INTERNAL_H
#define REFGEN_ALLOWLIST_INTERNAL_H

#include "core/json_read.h"
#include "core/own.h"
#include "refgen/allowlist/allowlist.h"

/* What is read, and by which options. */
struct allowlist_reading {
	const char *source;
	const struct allowlist_options *options;
	struct allowlist *list;
};

/*
 * Adds a digest as policies write it: hex, perhaps with "alg:" before it. at is its offset for
 * errors, or ERROR_NO_OFFSET. A name that is no absolute path is counted, not added.
 */
int allowlist_add(struct allowlist_reading *reading, struct bytes path, struct bytes digest,
		  uint64_t at, struct error *err);

/* The same of a buffer's digest, by any name. */
int allowlist_add_buffer(struct allowlist_reading *reading, struct bytes name, struct bytes digest,
			 struct error *err);

int keylime_read(struct allowlist_reading *reading, const struct json_value *document,
		 struct error *err);

/* A reference state of boots: whether a document is one, and what is in it. */
bool reference_state_is_one(const struct json_value *document);
int reference_state_read(struct allowlist_reading *reading, const struct json_value *document,
			 struct error *err);

/*
 * Opens a DSSE envelope: payload (in the list's arena), the list's signature and signer.
 */
int dsse_open(struct allowlist_reading *reading, const struct json_value *envelope,
	      struct bytes *payload, struct error *err);

#endif
