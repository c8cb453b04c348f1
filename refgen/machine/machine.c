/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/machine/machine.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/array.h"
#include "refgen/machine/internal.h"

int machine_new(alg_set banks, struct hasher *hasher, struct machine **out, struct error *err)
{
	AUTO(machine_freep) struct machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		return error_memory(err, NULL);
	machine->private = calloc(1, sizeof(*machine->private));
	if (!machine->private)
		return error_memory(err, NULL);
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (banks & 1u << alg && !hasher_has(hasher, alg))
			return error_set(err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
					 "libcrypto lacks %s, of which a bank is asked for",
					 alg_name(alg));
	machine->banks = banks;
	machine->hasher = hasher;
	machine->keys_assumption = NULL;
	machine->ending = machine->refusal = "";
	*out = TAKE(machine);
	return 0;
}

static void free_run(struct machine *machine)
{
	struct machine_private *private = machine->private;

	free(private->events);
	free(private->assumptions);
	free(private->hole_values);
	free(private->authorities);
	free(machine->variables);
	private->events = NULL;
	private->assumptions = NULL;
	private->hole_values = NULL;
	private->authorities = NULL;
	private->n_authorities = private->authorities_capacity = 0;
	private->n_started = 0;
	machine->variables = NULL;
	private->n_events = private->events_capacity = 0;
	private->n_assumptions = private->assumptions_capacity = 0;
	private->n_hole_values = private->hole_values_capacity = 0;
	machine->n_variables = private->variables_capacity = 0;
}

void machine_free(struct machine *machine)
{
	if (!machine)
		return;
	if (machine->private) {
		free_run(machine);
		machine_files_clear(machine);
		arena_clear(&machine->private->arena);
		free(machine->private);
	}
	free(machine);
}

void machine_freep(struct machine **machine)
{
	machine_free(*machine);
}

/* --- runs --------------------------------------------------------------------------------------- */

void machine_begin(struct machine *machine, const size_t *ways, size_t n_ways)
{
	struct machine_private *private = machine->private;

	free_run(machine);
	private->n_choices = 0;
	private->too_many = false;
	private->ways = ways;
	private->n_ways = n_ways;
	machine->secure_boot = machine->gpt_measured = machine->has_left = false;
	machine->ending = machine->refusal = "";
	machine->shim_verify = NULL;
	machine->load_image = NULL;
	machine->shim = NULL;
}

/* A copy of n items in the arena. */
static const void *keep(struct machine *machine, const void *items, size_t size)
{
	void *copy = arena_take(&machine->private->arena, size ? size : 1);

	if (copy && size)
		memcpy(copy, items, size);
	return copy;
}

size_t machine_n_events(const struct machine *machine)
{
	return machine->private->n_events;
}

int machine_end(struct machine *machine, struct machine_run *out, struct error *err)
{
	struct machine_private *private = machine->private;
	struct machine_run run = {
		.profile = {.release = "",
                            .artifact = "",
                            .name = "",
                            .ending = machine->ending,
                            .banks = machine->banks,
                            .n_events = private->n_events},
		.n_choices = private->n_choices,
		.n_assumptions = private->n_assumptions,
	};
	struct profile_event *events;

	if (private->too_many)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "a boot with more than %d choices", MACHINE_CHOICES_MAX);
	events = arena_take(&private->arena, private->n_events * sizeof(*events) + 1);
	run.choices = keep(machine, private->choices, private->n_choices * sizeof(*run.choices));
	run.assumptions = keep(machine, private->assumptions,
			       private->n_assumptions * sizeof(*run.assumptions));
	if (private->arena.failed || !events)
		return error_memory(err, NULL);
	if (private->n_events)
		memcpy(events, private->events, private->n_events * sizeof(*events));
	run.profile.events = events;
	*out = run;
	return 0;
}

size_t machine_choose(struct machine *machine, const char *what, const char *const *names, size_t n,
		      size_t preferred)
{
	struct machine_private *private = machine->private;
	size_t taken = preferred < n ? preferred : 0;
	const char **copies;

	if (private->n_choices < private->n_ways && private->ways[private->n_choices] < n)
		taken = private->ways[private->n_choices];
	if (private->n_choices == MACHINE_CHOICES_MAX) {
		private->too_many = true;
		return taken;
	}
	copies = arena_take(&private->arena, n * sizeof(*copies) + 1);
	for (size_t i = 0; copies && i < n; i++)
		copies[i] = machine_text(machine, "%s", names[i]);
	private->choices[private->n_choices++] = (struct machine_choice){
		.what = machine_text(machine, "%s", what),
		.names = copies,
		.n = copies ? n : 0,
		.taken = taken,
		.preferred = preferred < n ? preferred : 0,
	};
	return taken;
}

const char *machine_assume(struct machine *machine, const char *fact, const char *format, ...)
{
	struct machine_private *private = machine->private;
	const char *value, *text;
	va_list args;

	va_start(args, format);
	value = arena_vprintf(&private->arena, format, args);
	va_end(args);
	text = machine_text(machine, "%s = %s", fact, value);
	for (size_t i = 0; i < private->n_assumptions; i++)
		if (strcmp(private->assumptions[i], text) == 0)
			return text;
	if (array_room(&private->assumptions, private->n_assumptions,
		       &private->assumptions_capacity, sizeof(*private->assumptions), NULL,
		       NULL) < 0) {
		private->arena.failed = true;
		return text;
	}
	private->assumptions[private->n_assumptions++] = text;
	return text;
}

void machine_halt(struct machine *machine, const char *format, ...)
{
	va_list args;

	if (machine->has_left)
		return;
	va_start(args, format);
	machine->ending = arena_vprintf(&machine->private->arena, format, args);
	va_end(args);
	machine->has_left = true;
}

/* --- memory ------------------------------------------------------------------------------------- */

void *machine_take(struct machine *machine, size_t size, struct error *err)
{
	void *at = arena_take(&machine->private->arena, size);

	if (!at)
		error_memory(err, NULL);
	return at;
}

int machine_copy(struct machine *machine, struct bytes bytes, struct bytes *out, struct error *err)
{
	*out = arena_copy(&machine->private->arena, bytes);
	return machine->private->arena.failed ? error_memory(err, NULL) : 0;
}

const char *machine_text(struct machine *machine, const char *format, ...)
{
	const char *text;
	va_list args;

	va_start(args, format);
	text = arena_vprintf(&machine->private->arena, format, args);
	va_end(args);
	return text;
}

/* --- variables ---------------------------------------------------------------------------------- */

static struct machine_variable *find(const struct machine *machine, const struct guid *guid,
				     const char *name)
{
	for (size_t i = 0; i < machine->n_variables; i++)
		if (guid_equal(&machine->variables[i].guid, guid) &&
		    bytes_equal_string(machine->variables[i].name, name))
			return &machine->variables[i];
	return NULL;
}

const struct machine_variable *machine_variable(const struct machine *machine,
						const struct guid *guid, const char *name)
{
	return find(machine, guid, name);
}

int machine_variable_set(struct machine *machine, const struct guid *guid, const char *name,
			 uint32_t attributes, struct bytes data, struct error *err)
{
	struct machine_variable *variable = find(machine, guid, name);
	struct machine_variable made = { .guid = *guid, .attributes = attributes };

	if (data.size == 0) {
		if (variable)
			*variable = machine->variables[--machine->n_variables];
		return 0;
	}
	if (machine_copy(machine, data, &made.data, err) < 0 ||
	    machine_copy(machine, bytes_of_string(name), &made.name, err) < 0)
		return -1;
	if (!variable) {
		if (array_room(&machine->variables, machine->n_variables,
			       &machine->private->variables_capacity, sizeof(made), NULL, err) < 0)
			return -1;
		variable = &machine->variables[machine->n_variables++];
	}
	*variable = made;
	return 0;
}
