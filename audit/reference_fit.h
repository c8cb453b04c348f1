/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reference_fit: how a captured boot log differs from a reference state, event by event, by the rules
 * that Keylime's policy "example" has: some events must measure what the state says, some pass by
 * their type or name, and all others must not be there. Decides nothing.
 *
 * What an event says of itself counts only where its digest is over that; a name of what a digest is
 * over is taken for a name, as by Keylime. docs/keylime.md lists where the rules differ.
 *
 * Source:  Keylime keylime/mba/elchecking/example.py and tests.py.
 * Threads: no shared state.
 */
#ifndef AUDIT_REFERENCE_FIT_H
#define AUDIT_REFERENCE_FIT_H

#include "audit/profile_fit.h"
#include "db/reference_state.h"

enum reference_kind {
	REFERENCE_SAME,    /* it measures what the state says */
	REFERENCE_UNSEEN,  /* it passes by its type or its name: the state says nothing of it */
	REFERENCE_OTHER,   /* it does not measure what the state says */
	REFERENCE_EXTRA,   /* the state has no place for it */
	REFERENCE_MISSING, /* found is NULL */
};

/* What an event is about. */
enum reference_subject {
	REFERENCE_COMPONENT,    /* firmware, an image, a file */
	REFERENCE_SECURE_BOOT,  /* whether it is on */
	REFERENCE_KEYS,         /* PK, KEK, db, MokList */
	REFERENCE_REVOKED,      /* dbx, MokListX */
	REFERENCE_COMMAND_LINE, /* of the kernel */
	REFERENCE_EVENT,        /* anything else */
};

struct reference_step {
	enum reference_kind kind;
	enum reference_subject subject;
	uint32_t pcr;
	const char *component;         /* "shim", "PK", an event's type; in the arena or static */
	const char *why;               /* what is wrong, or what it passes by; likewise */
	const struct digest *expected; /* NULL: none, or several */
	const struct fit_event *found; /* NULL: REFERENCE_MISSING */
};

struct reference_fit {
	const struct reference_state *state;
	struct reference_step *steps; /* in the order of the log, but for what is missing and the
	                               * events of kernels and firmware, which come last */
	size_t n_steps;
	size_t n_same, n_unseen;
	size_t cost; /* the others: 0 when the state accepts the boot */
};

/* events have SHA-256 digests, or none. What *out points to lives in the arena. */
int reference_fit(const struct reference_state *state, const struct fit_event *events,
		  size_t n_events, struct hasher *hasher, struct arena *arena,
		  struct reference_fit *out, struct error *err);

#endif
