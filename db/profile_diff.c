/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/profile_diff.h"

/* The next event from *at on of the PCR (and of the component, unless that is NULL); NULL: none. */
static const struct profile_event *next_event(const struct profile *profile, uint32_t pcr,
					      const char *component, size_t *at)
{
	while (*at < profile->n_events) {
		const struct profile_event *event = &profile->events[(*at)++];

		if (event->pcr == pcr && event->type != EV_NO_ACTION &&
		    (!component || strcmp(event->component, component) == 0))
			return event;
	}
	return NULL;
}

static enum change compare(const struct profile_event *from, const struct profile_event *to,
			   bool *same)
{
	alg_set both = from->algs & to->algs;

	*same = false;
	if (!both)
		return CHANGE_UNKNOWN;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (both & 1u << alg && !digest_equal(&from->digests[alg], &to->digests[alg]))
			return CHANGE_CONTENT;
	*same = true;
	return CHANGE_CONTENT;
}

/* All events of one component in one PCR, one after the other. False if nothing differs. */
static bool diff_component(const struct profile *from, const struct profile *to, uint32_t pcr,
			   const char *component, enum change *change)
{
	size_t from_at = 0, to_at = 0, n_from = 0, n_to = 0;
	bool differs = false, unknown = false;

	for (;;) {
		const struct profile_event *a = next_event(from, pcr, component, &from_at);
		const struct profile_event *b = next_event(to, pcr, component, &to_at);
		bool same;

		n_from += a != NULL;
		n_to += b != NULL;
		if (!a && !b)
			break;
		if (!a || !b) {
			differs = true;
			continue;
		}
		if (compare(a, b, &same) == CHANGE_UNKNOWN && !(a->algs == 0 && b->algs == 0))
			unknown = true;
		else if (!same && a->algs && b->algs)
			differs = true;
	}
	*change = !n_from   ? CHANGE_ADDED
		  : !n_to   ? CHANGE_REMOVED
		  : differs ? CHANGE_CONTENT
			    : CHANGE_UNKNOWN;
	return differs || unknown;
}

/* Whether an event of the component comes before the one at, in this PCR. */
static bool is_seen(const struct profile *profile, uint32_t pcr, const char *component, size_t at)
{
	size_t i = 0;

	return next_event(profile, pcr, component, &i) && i < at;
}

static int diff_pcr(const struct profile *from, const struct profile *to, uint32_t pcr,
		    int (*fn)(void *ctx, const struct profile_change *change, struct error *err),
		    void *ctx, struct error *err)
{
	const struct profile *sides[] = { to, from };

	for (size_t side = 0; side < ARRAY_SIZE(sides); side++) {
		const struct profile_event *event;
		size_t at = 0;

		while ((event = next_event(sides[side], pcr, NULL, &at))) {
			struct profile_change change = { .pcr = pcr,
							 .component = event->component };
			int status;

			if (is_seen(sides[side], pcr, event->component, at) ||
			    (side && is_seen(to, pcr, event->component, SIZE_MAX)) ||
			    !diff_component(from, to, pcr, event->component, &change.change))
				continue;
			status = fn(ctx, &change, err);
			if (status)
				return status;
		}
	}
	return 0;
}

int profile_diff(const struct profile *from, const struct profile *to,
		 int (*fn)(void *ctx, const struct profile_change *change, struct error *err),
		 void *ctx, struct error *err)
{
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		int status = diff_pcr(from, to, pcr, fn, ctx, err);

		if (status)
			return status;
	}
	return 0;
}

static const struct profile *named(const struct profile_list *list, const char *name)
{
	for (size_t i = 0; i < list->n_profiles; i++)
		if (strcmp(list->profiles[i].name, name) == 0)
			return &list->profiles[i];
	return NULL;
}

/* The next profile from *at on whose name the other list has not; NULL: none is left. */
static const struct profile *next_left(const struct profile_list *list,
				       const struct profile_list *other, size_t *at)
{
	while (*at < list->n_profiles) {
		const struct profile *profile = &list->profiles[(*at)++];

		if (!named(other, profile->name))
			return profile;
	}
	return NULL;
}

int profile_pairs(const struct profile_list *from, const struct profile_list *to,
		  int (*fn)(void *ctx, const struct profile *from, const struct profile *to,
			    struct error *err),
		  void *ctx, struct error *err)
{
	size_t from_at = 0, to_at = 0;
	int status = 0;

	for (size_t i = 0; i < to->n_profiles && !status; i++) {
		const struct profile *same = named(from, to->profiles[i].name);

		if (same)
			status = fn(ctx, same, &to->profiles[i], err);
	}
	while (!status) {
		const struct profile *a = next_left(from, to, &from_at);
		const struct profile *b = next_left(to, from, &to_at);

		if (!a && !b)
			break;
		status = fn(ctx, a, b, err);
	}
	return status;
}
