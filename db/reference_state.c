/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/reference_state.h"

#include <inttypes.h>

#include "core/own.h"
#include "core/regex.h"

const char *state_list_name(enum state_list list)
{
	static const char *const names[STATE_LIST_COUNT] = { "PK", "KEK", "db", "dbx" };

	return names[list];
}

int reference_state_command_line(const struct state_kernel *kernel, const char *source,
				 struct regex **out, struct error *err)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	buf_append_string(&text, STATE_COMMAND_LINE_PREFIX);
	buf_append(&text, kernel->command_line);
	if (buf_finish(&text, err) < 0)
		return -1;
	return regex_compile(buf_bytes(&text), source, out, err);
}

/* --- writing ------------------------------------------------------------------------------------ */

static void append_digest(struct buf *out, const struct state_digest *digest)
{
	buf_append_le16(out, (uint16_t)digest->algs);
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (digest->algs & 1u << alg)
			buf_append(out, digest_bytes(&digest->digests[alg]));
}

static int append_count(struct buf *out, size_t n, struct error *err)
{
	if (n > STATE_ITEMS_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "a reference state with a list of %zu items, at most %d", n,
				 STATE_ITEMS_MAX);
	buf_append_le32(out, (uint32_t)n);
	return 0;
}

static int append_text(struct buf *out, struct bytes text, struct error *err)
{
	if (text.size > STATE_TEXT_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "a reference state with a text of more than %" PRIu32 " bytes",
				 STATE_TEXT_MAX);
	buf_append_le32(out, (uint32_t)text.size);
	buf_append(out, text);
	return 0;
}

static int append_digests(struct buf *out, const struct state_digests *digests, struct error *err)
{
	if (append_count(out, digests->n, err) < 0)
		return -1;
	for (size_t i = 0; i < digests->n; i++)
		append_digest(out, &digests->items[i]);
	return 0;
}

static int append_keys(struct buf *out, const struct state_keys *keys, struct error *err)
{
	if (append_count(out, keys->n, err) < 0)
		return -1;
	for (size_t i = 0; i < keys->n; i++) {
		buf_append(out, bytes_of(keys->items[i].owner, sizeof(keys->items[i].owner)));
		if (append_text(out, keys->items[i].data, err) < 0)
			return -1;
	}
	return 0;
}

static int append_kernel(struct buf *out, const struct state_kernel *kernel, struct error *err)
{
	buf_append(out, digest_bytes(&kernel->shim));
	buf_append(out, digest_bytes(&kernel->grub));
	buf_append(out, digest_bytes(&kernel->kernel));
	buf_append(out, digest_bytes(&kernel->initrd));
	return append_text(out, kernel->command_line, err);
}

static int append_state(struct buf *out, const struct reference_state *state, struct error *err)
{
	buf_append_u8(out, state->secure_boot);
	if (append_count(out, state->n_firmware, err) < 0)
		return -1;
	for (size_t i = 0; i < state->n_firmware; i++) {
		append_digest(out, &state->firmware[i].crtm);
		if (append_digests(out, &state->firmware[i].blobs, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < STATE_LIST_COUNT; i++)
		if (append_keys(out, &state->lists[i], err) < 0)
			return -1;
	if (append_digests(out, &state->mok, err) < 0 ||
	    append_digests(out, &state->mokx, err) < 0 ||
	    append_count(out, state->n_kernels, err) < 0)
		return -1;
	for (size_t i = 0; i < state->n_kernels; i++)
		if (append_kernel(out, &state->kernels[i], err) < 0)
			return -1;
	return 0;
}

int reference_states_append(struct buf *out, const struct reference_state *states, size_t n,
			    struct error *err)
{
	if (n > STATES_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "%zu reference states, at most %d", n, STATES_MAX);
	buf_append_le32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		if (append_state(out, &states[i], err) < 0)
			return -1;
	return 0;
}

/* --- reading ------------------------------------------------------------------------------------ */

static int damaged(const struct reader *in, struct error *err, const char *what)
{
	return error_set(err, ERROR_MALFORMED, in->source, reader_offset(in),
			 "the database is damaged: reference states: %s", what);
}

/* A count, and room for as many items, each of which takes at least some bytes of the input. */
static void *read_items(struct reader *in, struct arena *arena, size_t item_size, size_t at_least,
			size_t *n, struct error *err)
{
	uint32_t count = reader_le32(in);
	void *items = NULL;

	if (count > STATE_ITEMS_MAX || count > reader_left(in) / at_least)
		damaged(in, err, "a count larger than what is there");
	else if (!(items = arena_take(arena, count * item_size + 1)))
		error_memory(err, in->source);
	*n = count;
	return items;
}

static int read_digest(struct reader *in, struct state_digest *out, struct error *err)
{
	out->algs = reader_le16(in);
	if (!out->algs || out->algs >> ALG_BANKS)
		return reader_check(in, err) < 0
			       ? -1
			       : damaged(in, err, "a digest of an unknown algorithm");
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (out->algs & 1u << alg)
			digest_init(&out->digests[alg], alg, reader_bytes(in, alg_size(alg)));
	return 0;
}

static int read_digests(struct reader *in, struct arena *arena, struct state_digests *out,
			struct error *err)
{
	out->items = read_items(in, arena, sizeof(*out->items), 2 + 20, &out->n, err);
	if (!out->items)
		return -1;
	for (size_t i = 0; i < out->n; i++)
		if (read_digest(in, &out->items[i], err) < 0)
			return -1;
	return 0;
}

static struct bytes read_text(struct reader *in, struct arena *arena)
{
	uint32_t size = reader_le32(in);

	return arena_copy(arena, reader_bytes(in, size));
}

static int read_keys(struct reader *in, struct arena *arena, struct state_keys *out,
		     struct error *err)
{
	out->items = read_items(in, arena, sizeof(*out->items), 20, &out->n, err);
	if (!out->items)
		return -1;
	for (size_t i = 0; i < out->n; i++) {
		struct bytes owner = reader_bytes(in, sizeof(out->items[i].owner));

		if (owner.size)
			memcpy(out->items[i].owner, owner.data, owner.size);
		out->items[i].data = read_text(in, arena);
	}
	return 0;
}

static void read_sha256(struct reader *in, struct digest *out)
{
	digest_init(out, ALG_SHA256, reader_bytes(in, alg_size(ALG_SHA256)));
}

static int read_state(struct reader *in, struct arena *arena, struct reference_state *out,
		      struct error *err)
{
	uint8_t secure_boot = reader_u8(in);

	if (secure_boot > 1)
		return damaged(in, err, "a state that is neither on nor off");
	out->release = out->artifact = "";
	out->secure_boot = secure_boot;
	out->firmware =
		read_items(in, arena, sizeof(*out->firmware), 2 + 20 + 4, &out->n_firmware, err);
	if (!out->firmware)
		return -1;
	for (size_t i = 0; i < out->n_firmware; i++)
		if (read_digest(in, &out->firmware[i].crtm, err) < 0 ||
		    read_digests(in, arena, &out->firmware[i].blobs, err) < 0)
			return -1;
	for (size_t i = 0; i < STATE_LIST_COUNT; i++)
		if (read_keys(in, arena, &out->lists[i], err) < 0)
			return -1;
	if (read_digests(in, arena, &out->mok, err) < 0 ||
	    read_digests(in, arena, &out->mokx, err) < 0)
		return -1;
	out->kernels =
		read_items(in, arena, sizeof(*out->kernels), 4 * 32 + 4, &out->n_kernels, err);
	if (!out->kernels)
		return -1;
	for (size_t i = 0; i < out->n_kernels; i++) {
		read_sha256(in, &out->kernels[i].shim);
		read_sha256(in, &out->kernels[i].grub);
		read_sha256(in, &out->kernels[i].kernel);
		read_sha256(in, &out->kernels[i].initrd);
		out->kernels[i].command_line = read_text(in, arena);
	}
	return 0;
}

int reference_states_read(struct reader *in, struct arena *arena, struct reference_state **out,
			  size_t *n, struct error *err)
{
	struct reference_state *states;
	size_t count;

	states = read_items(in, arena, sizeof(*states), 41, &count, err);
	if (!states)
		return -1;
	if (count > STATES_MAX)
		return damaged(in, err, "more states than there may be");
	for (size_t i = 0; i < count; i++)
		if (read_state(in, arena, &states[i], err) < 0)
			return -1;
	if (arena->failed)
		return error_memory(err, in->source);
	*out = states;
	*n = count;
	return 0;
}
