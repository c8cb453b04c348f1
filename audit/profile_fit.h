/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * profile_fit: how a captured boot log differs from a boot profile, event by event: the same, the
 * same but for what only the installation knows, replaced, missing, extra. Decides nothing.
 *
 * The events of each PCR are aligned by themselves, since only order within a PCR is attested.
 *
 * Threads: no shared state.
 */
#ifndef AUDIT_PROFILE_FIT_H
#define AUDIT_PROFILE_FIT_H

#include "core/arena.h"
#include "db/profile.h"

/* An event of the log that extends a PCR. */
struct fit_event {
	uint32_t pcr, type;
	uint64_t index, offset; /* in the log */
	bool has_digest;        /* in the bank that is compared */
	struct digest digest;
	struct bytes data; /* of the log */
	bool has_text;     /* fit_event_text found it */
	struct bytes text;
};

enum fit_kind {
	FIT_SAME,
	FIT_HOLES,       /* the digest is right once the holes have the installation's values */
	FIT_UNPREDICTED, /* the profile knows that something is measured, not what */
	FIT_OTHER,       /* another digest in the place of the expected one */
	FIT_MISSING,     /* found is NULL */
	FIT_EXTRA,       /* expected is NULL */
};

struct fit_step {
	enum fit_kind kind;
	const struct profile_event *expected;
	const struct fit_event *found;
	bool is_moved; /* FIT_MISSING or FIT_EXTRA: the same event is in another place */
};

/* A hole's value in this log. */
struct fit_value {
	const char *name;
	struct bytes value;
};

struct fit {
	const struct profile *profile;
	struct fit_step *steps; /* by PCR, then in the order of the events */
	size_t n_steps;
	struct fit_value *values; /* of holes whose value is not the profile's own */
	size_t n_values;
	size_t cost; /* 0: everything the profile knows is as it says */
	pcr_set cut; /* PCRs with too many events to compare one by one: no steps */
};

/* Events of one PCR that are compared with each other, at most: logged times expected, without those
 * at the beginning and the end that are the same. */
#define FIT_PAIRS_MAX ((size_t)1 << 20)

/*
 * In one bank, which profile and log have. What *out points to lives in the arena. Beyond a cost of
 * cost_max it is given up: then out->cost is more, and the rest says nothing.
 */
int profile_fit(const struct profile *profile, const struct fit_event *events, size_t n_events,
		enum alg alg, size_t cost_max, struct hasher *hasher, struct arena *arena,
		struct fit *out, struct error *err);

/*
 * Sets the text that an event's digest is over, if its data holds it (with a prefix such as
 * "grub_cmd: ", a NUL, or in UTF-16: then the text is in the arena).
 */
void fit_event_text(struct fit_event *event, struct hasher *hasher, struct arena *arena);

#endif
