/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of reference_fit share: reference_fit.c, reference_variable.c. */
#ifndef AUDIT_REFERENCE_INTERNAL_H
#define AUDIT_REFERENCE_INTERNAL_H

#include "audit/reference_fit.h"
#include "replay/eventlog/eventlog.h"

/* Events whose place among their like is told at the end. */
struct collected {
	const struct fit_event **items; /* in the arena: room for all events */
	size_t n;
};

struct reference_fitter {
	const struct reference_state *state;
	struct hasher *hasher;
	struct arena *arena;
	struct reference_fit *fit;
	struct collected images, initrds, kernels, command_lines, crtms, blobs;
	unsigned once[16]; /* how often each rule that holds so many times was used */
};

/* Rules that hold a number of times, by their place in fitter.once. */
enum once {
	ONCE_TYPES, /* of the table below: one each */
	ONCE_PK = 6,
	ONCE_KEK,
	ONCE_DB,
	ONCE_DBX,
	ONCE_AUTHORITY_DB,
	ONCE_SBAT_LEVEL,
	ONCE_SHIM,
	ONCE_MOK_TRUSTED,
	ONCE_MOK_RT,
	ONCE_MOK_TRUSTED_14,
};

void reference_add(struct reference_fitter *f, enum reference_kind kind,
		   enum reference_subject subject, const char *component, const char *why,
		   const struct digest *expected, const struct fit_event *found);
void reference_add_extra(struct reference_fitter *f, const struct fit_event *found,
			 const char *why);
void reference_add_unseen(struct reference_fitter *f, const struct fit_event *found,
			  const char *by);

/* Whether the rule may be used once more. */
bool reference_once(struct reference_fitter *f, unsigned rule, unsigned most);

/* One that passes unseen, but only once. */
void reference_add_once(struct reference_fitter *f, unsigned rule, const struct fit_event *found,
			const char *by);

/* The event with its one digest, as the decoder takes it. */
struct record reference_record(const struct fit_event *found);

/* reference_variable.c: a variable of PCR 7, whose digest must be over what the event has. */
int reference_fit_variable(struct reference_fitter *f, const struct fit_event *found,
			   struct error *err);
/* One of PCR 1. */
void reference_fit_boot_variable(struct reference_fitter *f, const struct fit_event *found);

#endif
