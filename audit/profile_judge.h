/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that judge a captured boot against profiles share: judge_profile, judge_secureboot. */
#ifndef AUDIT_PROFILE_JUDGE_H
#define AUDIT_PROFILE_JUDGE_H

#include "audit/judge.h"
#include "audit/profile_fit.h"

struct profile_judge {
	struct judge *judge;
	struct report *report;
	struct fit_event *events; /* owned */
	size_t n_events, capacity;
	enum alg alg;
	size_t n_told, n_differ, n_texts, n_unpredicted;
};

/* The events of the log, as far as it could be read: where it breaks, judge_boot has said so. */
int profile_read_events(struct profile_judge *p, struct error *err);

/* Events of a PCR whose quoted value the log does not give prove nothing. */
enum finding_weight profile_weight(const struct profile_judge *p, uint32_t pcr);

/* "PCR 7, db", in the report's arena. */
struct bytes profile_subject(const struct profile_judge *p, uint32_t pcr, const char *component);

/* Where in the log, and what digest is there. */
void profile_place(const struct profile_judge *p, struct finding *finding,
		   const struct fit_event *found);

/* What the profile has in its place. */
void profile_reference(const struct profile_judge *p, struct finding *finding,
		       const struct profile *profile, const struct profile_event *expected);

/* What reference states are looked at for. */
enum reference_use {
	REFERENCE_ALONE,  /* there are no profiles: what differs is a finding each */
	REFERENCE_BESIDE, /* no profile fits: whether a state accepts the boot */
};

/* judge_reference.c: the boot log against the reference states of the releases that count. */
int judge_reference(struct judge *judge, enum reference_use use, bool *accepted, struct error *err);

/* How a step was dealt with. */
enum secureboot_told {
	SECUREBOOT_NOT_TOLD, /* nothing of Secure Boot, or nothing can be said by name */
	SECUREBOOT_TOLD,     /* and it is a difference */
	SECUREBOOT_HARMLESS, /* told, but a difference that is as good as none: a newer dbx */
};

/* Secure Boot's state, its keys, and who authorised images, by name. */
int secureboot_tell(struct profile_judge *p, const struct profile *profile,
		    const struct fit_step *step, enum secureboot_told *told, struct error *err);

#endif
