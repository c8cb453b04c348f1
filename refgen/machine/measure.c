/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as they are made. */
#include "refgen/machine/internal.h"

#include "core/array.h"

/* A new event without digests, its strings copied. NULL and *err on failure. */
static struct profile_event *event_add(struct machine *machine, const struct measurement *what,
				       enum event_origin origin, struct error *err)
{
	struct machine_private *private = machine->private;
	struct profile_event *event;

	if (private->n_events >= MACHINE_EVENTS_MAX) {
		error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET, "a boot of more than %d events",
			  MACHINE_EVENTS_MAX);
		return NULL;
	}
	if (array_room(&private->events, private->n_events, &private->events_capacity,
		       sizeof(*event), NULL, err) < 0)
		return NULL;
	event = &private->events[private->n_events];
	*event = (struct profile_event){
		.pcr = what->pcr,
		.type = what->type,
		.origin = origin,
		.component = machine_text(machine, "%s", what->component ? what->component : ""),
		.source = machine_text(machine, "%s", what->source ? what->source : ""),
		.over = machine_text(machine, "%s", what->over ? what->over : ""),
		.assumption = machine_text(machine, "%s", what->assumption ? what->assumption : ""),
	};
	if (private->arena.failed) {
		error_memory(err, NULL);
		return NULL;
	}
	private->n_events++;
	return event;
}

static enum event_origin origin_of(const struct measurement *what)
{
	return what->assumption ? ORIGIN_ASSUMED : ORIGIN_COMPUTED;
}

int machine_measure_digests(struct machine *machine, const struct measurement *what,
			    const struct digest digests[ALG_BANKS], struct error *err)
{
	struct profile_event *event = event_add(machine, what, origin_of(what), err);

	if (!event)
		return -1;
	event->algs = machine->banks;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (machine->banks & 1u << alg)
			event->digests[alg] = digests[alg];
	return 0;
}

/* What a variable holds is kept: an audit compares lists entry by entry. */
static int keep_variable(struct machine *machine, struct bytes over, struct error *err)
{
	struct machine_private *private = machine->private;
	struct profile_event *event = &private->events[private->n_events - 1];

	if ((event->type != EV_EFI_VARIABLE_DRIVER_CONFIG &&
	     event->type != EV_EFI_VARIABLE_AUTHORITY) ||
	    over.size > PROFILE_TEXT_MAX)
		return 0;
	event->encoding = TEXT_VARIABLE;
	return machine_copy(machine, over, &event->text, err);
}

int machine_measure(struct machine *machine, const struct measurement *what, struct bytes over,
		    struct error *err)
{
	struct digest digests[ALG_BANKS];

	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (machine->banks & 1u << alg &&
		    hasher_digest_bytes(machine->hasher, alg, over, &digests[alg], err) < 0)
			return -1;
	return machine_measure_digests(machine, what, digests, err) < 0
		       ? -1
		       : keep_variable(machine, over, err);
}

int machine_measure_unknown(struct machine *machine, const struct measurement *what,
			    struct error *err)
{
	return event_add(machine, what, ORIGIN_UNKNOWN, err) ? 0 : -1;
}

/* The name of a hole: that of its value, if it was seen before in this run. */
static int name_hole(struct machine *machine, struct bytes text, struct profile_hole *hole,
		     struct error *err)
{
	struct machine_private *private = machine->private;
	struct bytes value = bytes_of(text.data + hole->offset, hole->size);
	size_t n_same = 0;

	for (size_t i = 0; i < private->n_hole_values; i++) {
		if (bytes_equal(private->hole_values[i].value, value)) {
			hole->name = private->hole_values[i].name;
			return 0;
		}
		n_same +=
			strncmp(private->hole_values[i].name, hole->name, strlen(hole->name)) == 0;
	}
	if (array_room(&private->hole_values, private->n_hole_values,
		       &private->hole_values_capacity, sizeof(*private->hole_values), NULL,
		       err) < 0)
		return -1;
	if (n_same)
		hole->name = machine_text(machine, "%s-%zu", hole->name, n_same + 1);
	private->hole_values[private->n_hole_values++] =
		(struct hole_value){ .value = value, .name = hole->name };
	return 0;
}

int machine_measure_text(struct machine *machine, const struct measurement *what, struct bytes text,
			 struct error *err)
{
	struct profile_hole holes[MACHINE_HOLES_MAX];
	struct profile_event *event = event_add(machine, what, origin_of(what), err);
	size_t n_holes;

	if (!event || machine_copy(machine, text, &event->text, err) < 0)
		return -1;
	event->encoding = what->encoding == TEXT_NONE ? TEXT_BYTES : what->encoding;
	event->with_nul = what->with_nul;
	event->algs = machine->banks;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (machine->banks & 1u << alg &&
		    profile_text_digest(event, event->text, alg, machine->hasher,
					&event->digests[alg], err) < 0)
			return -1;
	n_holes = machine_holes(event->text, holes, MACHINE_HOLES_MAX);
	for (size_t i = 0; i < n_holes; i++)
		if (name_hole(machine, event->text, &holes[i], err) < 0)
			return -1;
	if (n_holes && !(event->holes = machine_take(machine, n_holes * sizeof(*holes), err)))
		return -1;
	for (size_t i = 0; i < n_holes; i++)
		event->holes[i] = holes[i];
	event->n_holes = n_holes;
	return 0;
}

int machine_exit_boot_services(struct machine *machine, struct error *err)
{
	static const char *const actions[] = { "Exit Boot Services Invocation",
					       "Exit Boot Services Returned with Success" };

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		const struct measurement what = {
			.pcr = 5,
			.type = EV_EFI_ACTION,
			.component = "firmware",
			.source = "the firmware, as the kernel takes over",
			.over = machine_text(machine, "the text \"%s\"", actions[i]),
		};

		if (machine_measure(machine, &what, bytes_of_string(actions[i]), err) < 0)
			return -1;
	}
	machine->has_left = true;
	return 0;
}
