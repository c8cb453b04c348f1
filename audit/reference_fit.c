/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/reference_fit.h"

#include <limits.h>

#include "audit/reference_internal.h"
#include "core/own.h"
#include "core/regex.h"

/* Longer ones are no command line that a kernel takes. */
#define COMMAND_LINE_MAX 65536

void reference_add(struct reference_fitter *f, enum reference_kind kind,
		   enum reference_subject subject, const char *component, const char *why,
		   const struct digest *expected, const struct fit_event *found)
{
	f->fit->steps[f->fit->n_steps++] = (struct reference_step){
		.kind = kind,
		.subject = subject,
		.pcr = found ? found->pcr : 0,
		.component = component,
		.why = why,
		.expected = expected,
		.found = found,
	};
	f->fit->n_same += kind == REFERENCE_SAME;
	f->fit->n_unseen += kind == REFERENCE_UNSEEN;
	f->fit->cost += kind != REFERENCE_SAME && kind != REFERENCE_UNSEEN;
}

void reference_add_extra(struct reference_fitter *f, const struct fit_event *found, const char *why)
{
	const char *name = event_type_name(found->type);

	reference_add(f, REFERENCE_EXTRA, REFERENCE_EVENT, name ? name : "an event", why, NULL,
		      found);
}

void reference_add_unseen(struct reference_fitter *f, const struct fit_event *found, const char *by)
{
	const char *name = event_type_name(found->type);

	reference_add(f, REFERENCE_UNSEEN, REFERENCE_EVENT, name ? name : "an event", by, NULL,
		      found);
}

bool reference_once(struct reference_fitter *f, unsigned rule, unsigned most)
{
	return f->once[rule]++ < most;
}

void reference_add_once(struct reference_fitter *f, unsigned rule, const struct fit_event *found,
			const char *by)
{
	if (reference_once(f, rule, 1))
		reference_add_unseen(f, found, by);
	else
		reference_add_extra(f, found, "there is a second one");
}

static void collect(struct collected *list, const struct fit_event *found)
{
	list->items[list->n++] = found;
}

/* --- digests -------------------------------------------------------------------------------------- */

static bool digest_is(const struct fit_event *found, const struct digest *wanted)
{
	return found->has_digest && digest_equal(&found->digest, wanted);
}

static const struct digest *sha256_of(const struct state_digest *digest)
{
	return digest->algs & 1u << ALG_SHA256 ? &digest->digests[ALG_SHA256] : NULL;
}

/* Whether the event's digest is over these bytes: 1, 0, -1. */
static int is_over(const struct reference_fitter *f, const struct fit_event *found,
		   struct bytes bytes, struct error *err)
{
	struct digest digest;

	if (!found->has_digest)
		return 0;
	if (hasher_digest_bytes(f->hasher, ALG_SHA256, bytes, &digest, err) < 0)
		return -1;
	return digest_equal(&digest, &found->digest);
}

struct record reference_record(const struct fit_event *found)
{
	struct record record = { .type = found->type,
				 .pcr = found->pcr,
				 .index = found->index,
				 .offset = found->offset,
				 .data = found->data };

	if (found->has_digest) {
		record.digests[0] = found->digest;
		record.n_digests = 1;
	}
	return record;
}

/* --- PCR 0 to 6 ----------------------------------------------------------------------------------- */

static const struct once_type {
	uint32_t pcr, type;
	unsigned most;
} once_types[] = {
	{1,  EV_CPU_MICROCODE,            1       },
	{ 1, EV_EFI_HANDOFF_TABLES,       1       },
	{ 1, EV_EFI_HANDOFF_TABLES2,      1       },
	{ 1, EV_PLATFORM_CONFIG_FLAGS,    4       },
	{ 2, EV_EFI_BOOT_SERVICES_DRIVER, UINT_MAX},
	{ 5, EV_EFI_GPT_EVENT,            1       },
};
_Static_assert(ARRAY_SIZE(once_types) == ONCE_PK, "places in fitter.once");

static bool fit_once_type(struct reference_fitter *f, const struct fit_event *found)
{
	for (unsigned i = 0; i < ARRAY_SIZE(once_types); i++) {
		if (once_types[i].pcr != found->pcr || once_types[i].type != found->type)
			continue;
		if (reference_once(f, ONCE_TYPES + i, once_types[i].most))
			reference_add_unseen(f, found, "its type");
		else
			reference_add_extra(f, found, "there are more of them than there may be");
		return true;
	}
	return false;
}

static int fit_separator(struct reference_fitter *f, const struct fit_event *found,
			 struct error *err)
{
	int over = 0;

	if (found->data.size == 4 && (bytes_all(found->data, 0) || bytes_all(found->data, 0xff)))
		over = is_over(f, found, found->data, err);
	if (over < 0)
		return -1;
	if (over)
		reference_add(f, REFERENCE_SAME, REFERENCE_EVENT, "separator", "", NULL, found);
	else
		reference_add_extra(f, found, "a separator of neither zeros nor ones");
	return 0;
}

static int fit_action(struct reference_fitter *f, const struct fit_event *found, struct error *err)
{
	static const struct {
		uint32_t pcr;
		const char *text;
	} actions[] = {
		{4,  "Calling EFI Application from Boot Option"       },
		{ 4, "Returning from EFI Application from Boot Option"},
		{ 5, "Exit Boot Services Invocation"                  },
		{ 5, "Exit Boot Services Returned with Failure"       },
		{ 5, "Exit Boot Services Returned with Success"       },
	};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		int over;

		if (actions[i].pcr != found->pcr)
			continue;
		over = is_over(f, found, bytes_of_string(actions[i].text), err);
		if (over < 0)
			return -1;
		if (!over)
			continue;
		reference_add(f, REFERENCE_SAME, REFERENCE_EVENT, "action", "", NULL, found);
		return 0;
	}
	reference_add_extra(f, found, "an action that is none of this PCR's");
	return 0;
}

/* --- EV_IPL --------------------------------------------------------------------------------------- */

static struct bytes string_of(const struct fit_event *found)
{
	struct bytes data = found->data;

	if (data.size && data.data[data.size - 1] == 0)
		data.size--;
	return data;
}

static bool holds(struct bytes text, const char *word)
{
	size_t size = strlen(word);

	for (size_t i = 0; i + size <= text.size; i++)
		if (memcmp(text.data + i, word, size) == 0)
			return true;
	return false;
}

static bool is_one_line(struct bytes text)
{
	return text.size == 0 || !memchr(text.data, '\n', text.size);
}

static void fit_command(struct reference_fitter *f, const struct fit_event *found)
{
	struct bytes text = string_of(found);

	if (bytes_start_with(text, bytes_of_string("grub_cmd: ")))
		reference_add_unseen(f, found, "being a command of GRUB's");
	else if (bytes_start_with(text, bytes_of_string(STATE_COMMAND_LINE_PREFIX)) &&
		 is_one_line(text))
		collect(&f->command_lines, found);
	else
		reference_add_extra(f, found, "neither a command of GRUB's nor a command line");
}

static void fit_file(struct reference_fitter *f, const struct fit_event *found)
{
	struct bytes text = string_of(found);

	if (!is_one_line(text))
		reference_add_extra(f, found, "a file that the rules do not know");
	else if (holds(text, "/loader/entries"))
		reference_add_unseen(f, found, "its name /loader/entries");
	else if (holds(text, "/grub"))
		reference_add_unseen(f, found, "its name /grub");
	else if (holds(text, "/vmlinuz"))
		collect(&f->kernels, found);
	else if (holds(text, "/initrd") || holds(text, "/initramfs"))
		collect(&f->initrds, found);
	else
		reference_add_extra(f, found, "a file that the rules do not know");
}

static void fit_mok_list(struct reference_fitter *f, const struct fit_event *found,
			 enum reference_subject subject, const char *name,
			 const struct state_digests *allowed)
{
	for (size_t i = 0; i < allowed->n; i++) {
		const struct digest *digest = sha256_of(&allowed->items[i]);

		if (digest && digest_is(found, digest)) {
			reference_add(f, REFERENCE_SAME, subject, name, "", NULL, found);
			return;
		}
	}
	reference_add(f, REFERENCE_OTHER, subject, name, "it is none of the state's",
		      allowed->n == 1 ? sha256_of(&allowed->items[0]) : NULL, found);
}

static void fit_mok(struct reference_fitter *f, const struct fit_event *found)
{
	struct bytes text = string_of(found);

	if (bytes_equal_string(text, "MokList"))
		fit_mok_list(f, found, REFERENCE_KEYS, "MokList", &f->state->mok);
	else if (bytes_equal_string(text, "MokListX"))
		fit_mok_list(f, found, REFERENCE_REVOKED, "MokListX", &f->state->mokx);
	else if (bytes_equal_string(text, "MokListTrusted"))
		reference_add_once(f, ONCE_MOK_TRUSTED_14, found, "its name");
	else
		reference_add_extra(f, found, "a variable that the rules do not know");
}

/* --- one event ------------------------------------------------------------------------------------ */

static int fit_event(struct reference_fitter *f, const struct fit_event *found, struct error *err)
{
	uint32_t pcr = found->pcr, type = found->type;

	if (fit_once_type(f, found))
		return 0;
	if (type == EV_SEPARATOR && pcr < 8)
		return fit_separator(f, found, err);
	if (type == EV_EFI_ACTION && (pcr == 4 || pcr == 5))
		return fit_action(f, found, err);
	if (pcr == 7 &&
	    (type == EV_EFI_VARIABLE_DRIVER_CONFIG || type == EV_EFI_VARIABLE_AUTHORITY))
		return reference_fit_variable(f, found, err);
	if (pcr == 0 && type == EV_S_CRTM_VERSION)
		collect(&f->crtms, found);
	else if (pcr == 0 &&
		 (type == EV_EFI_PLATFORM_FIRMWARE_BLOB || type == EV_EFI_PLATFORM_FIRMWARE_BLOB2))
		collect(&f->blobs, found);
	else if (pcr == 1 && type == EV_EFI_VARIABLE_BOOT)
		reference_fit_boot_variable(f, found);
	else if (pcr == 4 && type == EV_EFI_BOOT_SERVICES_APPLICATION)
		collect(&f->images, found);
	else if (pcr == 8 && type == EV_IPL)
		fit_command(f, found);
	else if (pcr == 9 && type == EV_IPL)
		fit_file(f, found);
	else if (pcr == 14 && type == EV_IPL)
		fit_mok(f, found);
	else
		reference_add_extra(f, found, "the rules have no place for its type in this PCR");
	return 0;
}

/* --- firmware and kernels ------------------------------------------------------------------------- */

/* An event that should be there. */
struct wanted {
	const char *component;
	const struct digest *digest; /* NULL: none that could be compared */
	bool any;                    /* any digest will do */
};

/* How many of a tuple are wrong; told: as steps. */
static size_t fit_tuple(struct reference_fitter *f, const struct collected *found,
			const struct wanted *wanted, size_t n, uint32_t pcr, bool told)
{
	size_t cost = 0;

	for (size_t i = 0; i < found->n || i < n; i++) {
		enum reference_kind kind = REFERENCE_OTHER;

		if (i >= n)
			kind = REFERENCE_EXTRA;
		else if (i >= found->n)
			kind = REFERENCE_MISSING;
		else if (wanted[i].any)
			kind = REFERENCE_UNSEEN;
		else if (wanted[i].digest && digest_is(found->items[i], wanted[i].digest))
			kind = REFERENCE_SAME;
		cost += kind != REFERENCE_SAME && kind != REFERENCE_UNSEEN;
		if (!told)
			continue;
		reference_add(f, kind, REFERENCE_COMPONENT,
			      i < n ? wanted[i].component : "an event",
			      kind == REFERENCE_OTHER     ? "it is not the state's"
			      : kind == REFERENCE_EXTRA   ? "the state has no more of its kind"
			      : kind == REFERENCE_MISSING ? "it was not measured"
			      : kind == REFERENCE_UNSEEN  ? "its name /vmlinuz"
							  : "",
			      i < n ? wanted[i].digest : NULL,
			      i < found->n ? found->items[i] : NULL);
		f->fit->steps[f->fit->n_steps - 1].pcr = pcr;
	}
	return cost;
}

static size_t fit_firmware(struct reference_fitter *f, const struct state_firmware *firmware,
			   struct wanted *blobs, bool told)
{
	struct wanted crtm = { "firmware version", sha256_of(&firmware->crtm), false };

	for (size_t i = 0; i < firmware->blobs.n; i++)
		blobs[i] =
			(struct wanted){ "firmware", sha256_of(&firmware->blobs.items[i]), false };
	return fit_tuple(f, &f->crtms, &crtm, 1, 0, told) +
	       fit_tuple(f, &f->blobs, blobs, firmware->blobs.n, 0, told);
}

/* Whether a command line, which its digest has to be over, is the kernel's: 1, 0, -1. */
static int is_command_line(const struct state_kernel *kernel, const struct fit_event *found,
			   struct error *err)
{
	AUTO(regex_freep) struct regex *regex = NULL;
	struct bytes text = string_of(found);

	if (!found->has_text || text.size > COMMAND_LINE_MAX)
		return 0;
	if (reference_state_command_line(kernel, "database", &regex, err) < 0)
		return -1;
	return regex_match(regex, text, err);
}

static int fit_command_lines(struct reference_fitter *f, const struct state_kernel *kernel,
			     bool told, size_t *cost, struct error *err)
{
	for (size_t i = 0; i < f->command_lines.n || i < 1; i++) {
		const struct fit_event *found =
			i < f->command_lines.n ? f->command_lines.items[i] : NULL;
		enum reference_kind kind = REFERENCE_EXTRA;

		if (!found)
			kind = REFERENCE_MISSING;
		else if (i == 0) {
			int same = is_command_line(kernel, found, err);

			if (same < 0)
				return -1;
			kind = same ? REFERENCE_SAME : REFERENCE_OTHER;
		}
		*cost += kind != REFERENCE_SAME;
		if (!told)
			continue;
		reference_add(f, kind, REFERENCE_COMMAND_LINE, "command line",
			      kind == REFERENCE_SAME      ? ""
			      : kind == REFERENCE_MISSING ? "it was not measured"
			      : kind == REFERENCE_EXTRA   ? "there is a second one"
			      : found->has_text ? "it does not match the state's expression"
						: "its digest is not over the text",
			      NULL, found);
		f->fit->steps[f->fit->n_steps - 1].pcr = 8;
	}
	return 0;
}

static int fit_kernel(struct reference_fitter *f, const struct state_kernel *kernel, bool told,
		      size_t *cost, struct error *err)
{
	bool on = f->state->secure_boot;
	const struct wanted images[] = {
		{"shim",    &kernel->shim,   false},
		{ "GRUB",   &kernel->grub,   false},
		{ "kernel", &kernel->kernel, false},
		{ "kernel", &kernel->kernel, false}
	};
	const struct wanted file = { "kernel", on ? NULL : &kernel->kernel, on };
	const struct wanted initrd = { "initrd", &kernel->initrd, false };

	/* GRUB has the kernel verified by shim, which measures it, and so may start it once more. */
	*cost = fit_tuple(f, &f->images, images,
			  !on               ? 2
			  : f->images.n > 3 ? 4
					    : 3,
			  4, told) +
		fit_tuple(f, &f->kernels, &file, 1, 9, told) +
		fit_tuple(f, &f->initrds, &initrd, 1, 9, told);
	return fit_command_lines(f, kernel, told, cost, err);
}

static size_t most_blobs(const struct reference_state *state)
{
	size_t most = 0;

	for (size_t i = 0; i < state->n_firmware; i++)
		if (state->firmware[i].blobs.n > most)
			most = state->firmware[i].blobs.n;
	return most;
}

/* Tells the firmware that differs least. */
static int fit_nearest_firmware(struct reference_fitter *f, struct error *err)
{
	const struct reference_state *state = f->state;
	struct wanted *blobs = arena_take(f->arena, most_blobs(state) * sizeof(*blobs) + 1);
	size_t best = 0, least = SIZE_MAX;

	if (!blobs)
		return error_memory(err, NULL);
	for (size_t i = 0; i < state->n_firmware; i++) {
		size_t cost = fit_firmware(f, &state->firmware[i], blobs, false);

		if (cost < least) {
			least = cost;
			best = i;
		}
	}
	if (state->n_firmware)
		fit_firmware(f, &state->firmware[best], blobs, true);
	else
		reference_add(f, REFERENCE_MISSING, REFERENCE_COMPONENT, "firmware",
			      "the state names none", NULL, NULL);
	return 0;
}

static int fit_nearest_kernel(struct reference_fitter *f, struct error *err)
{
	const struct reference_state *state = f->state;
	size_t best = 0, least = SIZE_MAX, cost;

	for (size_t i = 0; i < state->n_kernels && least; i++) {
		if (fit_kernel(f, &state->kernels[i], false, &cost, err) < 0)
			return -1;
		if (cost < least) {
			least = cost;
			best = i;
		}
	}
	if (state->n_kernels)
		return fit_kernel(f, &state->kernels[best], true, &cost, err);
	reference_add(f, REFERENCE_MISSING, REFERENCE_COMPONENT, "kernel", "the state names none",
		      NULL, NULL);
	return 0;
}

int reference_fit(const struct reference_state *state, const struct fit_event *events,
		  size_t n_events, struct hasher *hasher, struct arena *arena,
		  struct reference_fit *out, struct error *err)
{
	struct reference_fit fit = { .state = state };
	struct reference_fitter f = {
		.state = state, .hasher = hasher, .arena = arena, .fit = &fit
	};
	struct collected *const lists[] = { &f.images,        &f.initrds, &f.kernels,
					    &f.command_lines, &f.crtms,   &f.blobs };

	/* Each event is one step; what is missing: an image of four, a file, an initrd, a command line,
	 * a version, each volume. */
	fit.steps = arena_take(arena, (n_events + most_blobs(state) + 16) * sizeof(*fit.steps));
	if (!fit.steps)
		return error_memory(err, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		lists[i]->items = arena_take(arena, n_events * sizeof(*lists[i]->items) + 1);
		if (!lists[i]->items)
			return error_memory(err, NULL);
	}
	for (size_t i = 0; i < n_events; i++)
		if (fit_event(&f, &events[i], err) < 0)
			return -1;
	if (fit_nearest_kernel(&f, err) < 0 || fit_nearest_firmware(&f, err) < 0)
		return -1;
	*out = fit;
	return 0;
}
