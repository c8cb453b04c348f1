/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keylime's measured-boot reference state, as its policy "example" has it
 * (keylime/mba/elchecking/example.py, keylime/policy/create_mb_policy.py).
 */
#include "refgen/allowlist/internal.h"

#include "core/regex.h"
#include "core/text.h"
#include "refgen/machine/guid.h"

_Static_assert(sizeof(((struct state_key *)NULL)->owner) == sizeof(struct guid), "GUIDs");

struct state_reading {
	const char *source;
	struct arena *arena;
	struct reference_state *state;
	struct buf where; /* "kernels[2].initrd_plain_sha256", for errors */
};

static void reading_clear(struct state_reading *r)
{
	buf_clear(&r->where);
}

static int malformed(struct state_reading *r, struct error *err, const char *what)
{
	char shown[160];

	return error_set(err, ERROR_MALFORMED, r->source, ERROR_NO_OFFSET,
			 "a reference state: %s: %s",
			 text_escape(shown, sizeof(shown), buf_bytes(&r->where)), what);
}

/* Names the member that is read, from a length of the name on. */
static size_t enter(struct state_reading *r, const char *name)
{
	size_t before = r->where.size;

	buf_printf(&r->where, "%s%s", before ? "." : "", name);
	return before;
}

static size_t enter_item(struct state_reading *r, size_t i)
{
	size_t before = r->where.size;

	buf_printf(&r->where, "[%zu]", i);
	return before;
}

static void leave(struct state_reading *r, size_t before)
{
	r->where.size = before;
}

/* Items of an array, and room for as many. */
static int begin_list(struct state_reading *r, const struct json_value *array, size_t item_size,
		      void *items, size_t *n, struct error *err)
{
	long count = json_value_count(array);
	void *room;

	if (!array)
		return malformed(r, err, "is missing");
	if (count < 0)
		return malformed(r, err, "is no array");
	if (count > STATE_ITEMS_MAX)
		return error_set(err, ERROR_LIMIT, r->source, ERROR_NO_OFFSET,
				 "a reference state: an array of %ld items, at most %d", count,
				 STATE_ITEMS_MAX);
	room = arena_take(r->arena, (size_t)count * item_size + 1);
	if (!room)
		return error_memory(err, r->source);
	memcpy(items, &room, sizeof(room));
	*n = (size_t)count;
	return 0;
}

/* --- values --------------------------------------------------------------------------------------- */

/* "0x" and lower-case digits, which are all that Keylime takes. */
static int read_hex(struct state_reading *r, const struct json_value *value, struct bytes *out,
		    struct error *err)
{
	struct bytes text;
	uint8_t *bytes;
	long size;

	if (!json_value_text(value, &text))
		return malformed(r, err, value ? "is no string" : "is missing");
	if (!bytes_start_with(text, bytes_of_string("0x")) || text.size == 2)
		return malformed(r, err, "is not 0x and hexadecimal digits");
	text = bytes_of(text.data + 2, text.size - 2);
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] >= 'A' && text.data[i] <= 'F')
			return malformed(r, err, "has upper-case digits, which Keylime refuses");
	if (text.size / 2 > STATE_TEXT_MAX)
		return malformed(r, err, "is longer than any key");
	bytes = arena_take(r->arena, text.size / 2 + 1);
	if (!bytes)
		return error_memory(err, r->source);
	size = hex_parse(text, bytes, text.size / 2);
	if (size < 0)
		return malformed(r, err, "is not 0x and hexadecimal digits");
	*out = bytes_of(bytes, (size_t)size);
	return 0;
}

static int read_sha256(struct state_reading *r, const struct json_value *object, const char *name,
		       struct digest *out, struct error *err)
{
	size_t before = enter(r, name);
	struct bytes value;

	if (read_hex(r, json_value_member(object, name), &value, err) < 0)
		return -1;
	if (!digest_init(out, ALG_SHA256, value))
		return malformed(r, err, "is no SHA-256 digest");
	leave(r, before);
	return 0;
}

struct digest_reading {
	struct state_reading *r;
	struct state_digest *out;
};

static int read_algorithm(void *ctx, struct bytes name, const struct json_value *value,
			  struct error *err)
{
	struct digest_reading *reading = ctx;
	struct state_digest *out = reading->out;
	enum alg alg = alg_of_name(name);
	struct bytes bytes;

	if (read_hex(reading->r, value, &bytes, err) < 0)
		return -1;
	if (alg >= ALG_BANKS)
		return malformed(reading->r, err, "a digest of an algorithm that no bank has");
	if (!digest_init(&out->digests[alg], alg, bytes))
		return malformed(reading->r, err,
				 "a digest of another length than its algorithm's");
	out->algs |= 1u << alg;
	return 0;
}

/* {"sha256": "0x...", ...} */
static int read_digest(struct state_reading *r, const struct json_value *value,
		       struct state_digest *out, struct error *err)
{
	struct digest_reading reading = { r, out };

	if (!json_value_is_object(value))
		return malformed(r, err,
				 value ? "is no object of digests by algorithm" : "is missing");
	if (json_value_each(value, read_algorithm, &reading, err) < 0)
		return -1;
	return out->algs ? 0 : malformed(r, err, "has no digest: no event could have it");
}

static int read_digests(struct state_reading *r, const struct json_value *object, const char *name,
			struct state_digests *out, struct error *err)
{
	const struct json_value *array = json_value_member(object, name);
	size_t before = enter(r, name);

	if (begin_list(r, array, sizeof(*out->items), &out->items, &out->n, err) < 0)
		return -1;
	for (size_t i = 0; i < out->n; i++) {
		size_t outside = enter_item(r, i);

		if (read_digest(r, json_value_item(array, i), &out->items[i], err) < 0)
			return -1;
		leave(r, outside);
	}
	leave(r, before);
	return 0;
}

/* --- parts ---------------------------------------------------------------------------------------- */

static int read_firmware(struct state_reading *r, const struct json_value *document,
			 struct error *err)
{
	struct reference_state *state = r->state;
	const struct json_value *array = json_value_member(document, "scrtm_and_bios");
	size_t before = enter(r, "scrtm_and_bios");

	if (begin_list(r, array, sizeof(*state->firmware), &state->firmware, &state->n_firmware,
		       err) < 0)
		return -1;
	for (size_t i = 0; i < state->n_firmware; i++) {
		const struct json_value *item = json_value_item(array, i);
		size_t outside = enter_item(r, i), inside = enter(r, "scrtm");

		if (read_digest(r, json_value_member(item, "scrtm"), &state->firmware[i].crtm,
				err) < 0)
			return -1;
		leave(r, inside);
		if (read_digests(r, item, "platform_firmware", &state->firmware[i].blobs, err) < 0)
			return -1;
		leave(r, outside);
	}
	leave(r, before);
	return 0;
}

static int read_key(struct state_reading *r, const struct json_value *item, struct state_key *out,
		    struct error *err)
{
	struct bytes owner;
	struct guid guid;
	size_t before = enter(r, "SignatureOwner");

	if (!json_value_text(json_value_member(item, "SignatureOwner"), &owner) ||
	    !guid_parse(owner, &guid))
		return malformed(r, err, "is no GUID");
	memcpy(out->owner, &guid, sizeof(out->owner));
	leave(r, before);
	enter(r, "SignatureData");
	if (read_hex(r, json_value_member(item, "SignatureData"), &out->data, err) < 0)
		return -1;
	leave(r, before);
	return 0;
}

static int read_keys(struct state_reading *r, const struct json_value *document, const char *name,
		     struct state_keys *out, struct error *err)
{
	const struct json_value *array = json_value_member(document, name);
	size_t before = enter(r, name);

	if (begin_list(r, array, sizeof(*out->items), &out->items, &out->n, err) < 0)
		return -1;
	for (size_t i = 0; i < out->n; i++) {
		size_t outside = enter_item(r, i);

		if (read_key(r, json_value_item(array, i), &out->items[i], err) < 0)
			return -1;
		leave(r, outside);
	}
	leave(r, before);
	return 0;
}

/* The expression of a command line, as Keylime puts it together, has to be one that is read. */
static int read_command_line(struct state_reading *r, const struct json_value *item,
			     struct state_kernel *out, struct error *err)
{
	AUTO(regex_freep) struct regex *regex = NULL;
	size_t before = enter(r, "kernel_cmdline");
	struct error why = { 0 };
	struct bytes text;

	if (!json_value_text(json_value_member(item, "kernel_cmdline"), &text))
		return malformed(r, err, "is missing, or no string");
	out->command_line = arena_copy(r->arena, text);
	if (r->arena->failed)
		return error_memory(err, r->source);
	if (reference_state_command_line(out, r->source, &regex, &why) < 0) {
		if (why.code == ERROR_SYSTEM) {
			*err = why;
			return -1;
		}
		malformed(r, err, why.message);
		err->code = why.code;
		return -1;
	}
	leave(r, before);
	return 0;
}

static int read_kernels(struct state_reading *r, const struct json_value *document,
			struct error *err)
{
	struct reference_state *state = r->state;
	const struct json_value *array = json_value_member(document, "kernels");
	size_t before = enter(r, "kernels");

	if (begin_list(r, array, sizeof(*state->kernels), &state->kernels, &state->n_kernels, err) <
	    0)
		return -1;
	for (size_t i = 0; i < state->n_kernels; i++) {
		const struct json_value *item = json_value_item(array, i);
		struct state_kernel *kernel = &state->kernels[i];
		size_t outside = enter_item(r, i);

		if (read_sha256(r, item, "shim_authcode_sha256", &kernel->shim, err) < 0 ||
		    read_sha256(r, item, "grub_authcode_sha256", &kernel->grub, err) < 0 ||
		    read_sha256(r, item,
				state->secure_boot ? "kernel_authcode_sha256"
						   : "vmlinuz_plain_sha256",
				&kernel->kernel, err) < 0 ||
		    read_sha256(r, item, "initrd_plain_sha256", &kernel->initrd, err) < 0 ||
		    read_command_line(r, item, kernel, err) < 0)
			return -1;
		leave(r, outside);
	}
	leave(r, before);
	return 0;
}

/* A member that Keylime's policy does not look at, either. */
static int count_unused(void *ctx, struct bytes key, const struct json_value *value,
			struct error *err)
{
	static const char *const used[] = {
		"has_secureboot", "scrtm_and_bios", "pk",     "kek", "db", "dbx",
		"mokdig",         "mokxdig",        "kernels"
	};

	(void)value;
	(void)err;
	for (size_t i = 0; i < ARRAY_SIZE(used); i++)
		if (bytes_equal_string(key, used[i]))
			return 0;
	++*(size_t *)ctx;
	return 0;
}

bool reference_state_is_one(const struct json_value *document)
{
	return json_value_member(document, "kernels") ||
	       json_value_member(document, "scrtm_and_bios");
}

int reference_state_read(struct allowlist_reading *reading, const struct json_value *document,
			 struct error *err)
{
	static const char *const lists[STATE_LIST_COUNT] = { "pk", "kek", "db", "dbx" };
	struct arena *arena = &reading->list->arena;
	struct reference_state *state = arena_take(arena, sizeof(*state));
	AUTO(reading_clear)
	struct state_reading r = { .source = reading->source, .arena = arena, .state = state };
	const struct json_value *on = json_value_member(document, "has_secureboot");

	if (!state)
		return error_memory(err, reading->source);
	state->release = state->artifact = "";
	state->secure_boot = true;
	if (on && !json_value_bool(on, &state->secure_boot)) {
		enter(&r, "has_secureboot");
		return malformed(&r, err, "is neither true nor false");
	}
	if (read_firmware(&r, document, err) < 0)
		return -1;
	for (size_t i = 0; i < STATE_LIST_COUNT; i++)
		if (read_keys(&r, document, lists[i], &state->lists[i], err) < 0)
			return -1;
	if (read_digests(&r, document, "mokdig", &state->mok, err) < 0 ||
	    read_digests(&r, document, "mokxdig", &state->mokx, err) < 0 ||
	    read_kernels(&r, document, err) < 0 ||
	    json_value_each(document, count_unused, &reading->list->n_unused, err) < 0)
		return -1;
	if (r.where.failed)
		return error_memory(err, reading->source);
	reading->list->format = "Keylime measured-boot reference state";
	reading->list->state = state;
	return 0;
}
