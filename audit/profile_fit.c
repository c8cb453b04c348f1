/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/profile_fit.h"

#include "core/own.h"
#include "core/text.h"

/*
 * What an alignment costs: a replacement is likelier than a loss and an addition, and also than a loss
 * of which something unknown takes the rest. What the unknown takes is no difference, though.
 */
enum { COST_ABSORB = 2, COST_GAP = 4, COST_OTHER = 5, COST_OTHER_TYPE = 7 };

struct fitter {
	const struct profile *profile;
	const struct fit_event *events;
	size_t n_events;
	enum alg alg;
	struct hasher *hasher;
	struct arena *arena;
	struct fit *fit;
	/* For each event of the profile: its digest, with this log's values in its holes. */
	struct digest *expected;
	bool *is_filled; /* likewise: the holes have other values than the profile's */
};

/* --- texts ---------------------------------------------------------------------------------------- */

static bool digest_is(struct bytes over, const struct digest *wanted, struct hasher *hasher)
{
	struct digest digest;
	struct error err;

	return hasher_digest_bytes(hasher, wanted->alg, over, &digest, &err) == 0 &&
	       digest_equal(&digest, wanted);
}

static struct bytes without_nul(struct bytes data, size_t nul_size)
{
	while (data.size >= nul_size &&
	       bytes_all(bytes_of(data.data + data.size - nul_size, nul_size), 0))
		data.size -= nul_size;
	return data;
}

/* Text in UTF-16LE, if the digest is over these bytes. */
static bool text_of_utf16(struct bytes data, const struct digest *digest, struct hasher *hasher,
			  struct arena *arena, struct bytes *out)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	bool found = false;

	if (data.size < 2 || data.size % 2 || data.data[1] != 0 || !digest_is(data, digest, hasher))
		return false;
	text_append_utf16le(&text, without_nul(data, 2));
	if (!text.failed) {
		*out = arena_copy(arena, buf_bytes(&text));
		found = !arena->failed;
	}
	return found;
}

static bool find_text(const struct fit_event *event, struct hasher *hasher, struct arena *arena,
		      struct bytes *out)
{
	static const char *const prefixes[] = { "", "grub_cmd: ", "kernel_cmdline: ",
						"module_cmdline: " };
	const struct digest *digest = &event->digest;

	if (!event->has_digest)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		struct bytes prefix = bytes_of_string(prefixes[i]), text;

		if (!bytes_start_with(event->data, prefix))
			continue;
		text = bytes_of(event->data.data + prefix.size, event->data.size - prefix.size);
		if (digest_is(without_nul(text, 1), digest, hasher)) {
			*out = without_nul(text, 1);
			return true;
		}
		if (digest_is(text, digest, hasher)) {
			if (text_of_utf16(text, digest, hasher, arena, out))
				return true;
			*out = without_nul(text, 1);
			return true;
		}
	}
	return text_of_utf16(event->data, digest, hasher, arena, out);
}

void fit_event_text(struct fit_event *event, struct hasher *hasher, struct arena *arena)
{
	event->has_text = find_text(event, hasher, arena, &event->text);
}

/* --- holes ---------------------------------------------------------------------------------------- */

static const struct bytes *value_of(const struct fit_value *values, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(values[i].name, name) == 0)
			return &values[i].value;
	return NULL;
}

/*
 * The holes' values in text, if it is the event's text but for them: as long a value as there may be,
 * and one value for each name. Appended to values, of which there is room for all holes.
 */
static bool match_text(const struct profile_event *event, struct bytes text,
		       struct fit_value *values, size_t *n_values)
{
	size_t at = 0, from = 0, n = *n_values;

	for (size_t i = 0; i < event->n_holes; i++) {
		const struct profile_hole *hole = &event->holes[i];
		size_t before = hole->offset - from, start;
		const struct bytes *known;
		struct bytes value;

		if (before > text.size - at ||
		    memcmp(text.data + at, event->text.data + from, before) != 0)
			return false;
		start = at += before;
		while (at < text.size && hole_takes(hole->kind, text.data[at]))
			at++;
		value = bytes_of(text.data + start, at - start);
		known = value_of(values, n, hole->name);
		if (!hole_fits(hole->kind, value) || (known && !bytes_equal(*known, value)))
			return false;
		if (!known)
			values[n++] = (struct fit_value){ hole->name, value };
		from = hole->offset + hole->size;
	}
	if (!bytes_equal(bytes_of(text.data + at, text.size - at),
			 bytes_of(event->text.data + from, event->text.size - from)))
		return false;
	*n_values = n;
	return true;
}

/* Finds the values of all holes: from the first logged text that fits an event with them. */
static int find_values(struct fitter *f, struct error *err)
{
	const struct profile *profile = f->profile;
	struct fit_value *values;
	size_t n_holes = 0, n = 0;

	for (size_t i = 0; i < profile->n_events; i++)
		n_holes += profile->events[i].n_holes;
	values = arena_take(f->arena, n_holes * sizeof(*values) + 1);
	if (!values)
		return error_memory(err, NULL);
	for (size_t i = 0; i < profile->n_events; i++) {
		const struct profile_event *event = &profile->events[i];
		bool found = event->n_holes == 0;

		for (size_t k = 0; k < f->n_events && !found; k++)
			found = f->events[k].pcr == event->pcr && f->events[k].has_text &&
				f->events[k].type == event->type &&
				match_text(event, f->events[k].text, values, &n);
	}
	f->fit->values = values;
	f->fit->n_values = n;
	return 0;
}

/* The event's text with this log's values in its holes. False if it is the profile's own. */
static bool fill_text(const struct fitter *f, const struct profile_event *event, struct buf *out)
{
	size_t from = 0;
	bool differs = false;

	for (size_t i = 0; i < event->n_holes; i++) {
		const struct profile_hole *hole = &event->holes[i];
		struct bytes own = bytes_of(event->text.data + hole->offset, hole->size);
		const struct bytes *value = value_of(f->fit->values, f->fit->n_values, hole->name);

		buf_append(out, bytes_of(event->text.data + from, hole->offset - from));
		buf_append(out, value ? *value : own);
		differs |= value && !bytes_equal(*value, own);
		from = hole->offset + hole->size;
	}
	buf_append(out, bytes_of(event->text.data + from, event->text.size - from));
	return differs;
}

static int fill_holes(struct fitter *f, struct error *err)
{
	for (size_t i = 0; i < f->profile->n_events; i++) {
		const struct profile_event *event = &f->profile->events[i];
		AUTO(buf_clear) struct buf text = BUF_INIT;

		f->expected[i] = event->digests[f->alg];
		if (!event->n_holes || !fill_text(f, event, &text))
			continue;
		if (buf_finish(&text, err) < 0 ||
		    profile_text_digest(event, buf_bytes(&text), f->alg, f->hasher, &f->expected[i],
					err) < 0)
			return -1;
		f->is_filled[i] = true;
	}
	return 0;
}

/* Values that are the profile's own say nothing. */
static void drop_own_values(struct fitter *f)
{
	struct fit *fit = f->fit;
	size_t kept = 0;

	for (size_t i = 0; i < fit->n_values; i++) {
		bool own = false;

		for (size_t k = 0; k < f->profile->n_events; k++) {
			const struct profile_event *event = &f->profile->events[k];

			for (size_t h = 0; h < event->n_holes; h++)
				own |= strcmp(event->holes[h].name, fit->values[i].name) == 0 &&
				       bytes_equal(fit->values[i].value,
						   bytes_of(event->text.data +
								    event->holes[h].offset,
							    event->holes[h].size));
		}
		if (!own)
			fit->values[kept++] = fit->values[i];
	}
	fit->n_values = kept;
}

/* --- alignment ------------------------------------------------------------------------------------ */

/* The events of one PCR: numbers in the profile and in the log. */
struct column {
	size_t *expected, *found; /* owned */
	size_t n_expected, n_found;
};

static void column_clear(struct column *column)
{
	free(column->expected);
	free(column->found);
}

static int column_make(const struct fitter *f, uint32_t pcr, struct column *out, struct error *err)
{
	out->expected = malloc((f->profile->n_events + 1) * sizeof(*out->expected));
	out->found = malloc((f->n_events + 1) * sizeof(*out->found));
	if (!out->expected || !out->found)
		return error_memory(err, NULL);
	for (size_t i = 0; i < f->profile->n_events; i++)
		if (f->profile->events[i].pcr == pcr && f->profile->events[i].type != EV_NO_ACTION)
			out->expected[out->n_expected++] = i;
	for (size_t i = 0; i < f->n_events; i++)
		if (f->events[i].pcr == pcr)
			out->found[out->n_found++] = i;
	return 0;
}

static bool is_known(const struct fitter *f, size_t i)
{
	return f->profile->events[i].algs & 1u << f->alg;
}

static bool is_same(const struct fitter *f, size_t expected, size_t found)
{
	return is_known(f, expected) && f->events[found].has_digest &&
	       digest_equal(&f->expected[expected], &f->events[found].digest);
}

/* How the best alignment of what is left goes on. */
enum move { MOVE_BOTH, MOVE_EXPECTED, MOVE_FOUND, MOVE_UNKNOWN, MOVE_ABSORB };

static unsigned cost_both(const struct fitter *f, size_t expected, size_t found)
{
	if (is_same(f, expected, found))
		return 0;
	return f->profile->events[expected].type == f->events[found].type ? COST_OTHER
									  : COST_OTHER_TYPE;
}

/* moves[i * (n_found + 1) + j]: the best way on when i expected and j found events are behind. */
static void align(const struct fitter *f, const struct column *c, uint8_t *moves, unsigned *costs)
{
	size_t width = c->n_found + 1;

	for (size_t i = c->n_expected + 1; i-- > 0;) {
		for (size_t j = width; j-- > 0;) {
			size_t at = i * width + j;
			unsigned best = UINT32_MAX, cost;
			enum move move = MOVE_BOTH;
			bool more = i < c->n_expected, left = j < c->n_found;
			bool known = more && is_known(f, c->expected[i]);

			if (!more && !left) {
				costs[at] = 0;
				continue;
			}
			if (known && left) {
				best = costs[at + width + 1] +
				       cost_both(f, c->expected[i], c->found[j]);
			}
			if (more && !known && costs[at + width] < best) {
				best = costs[at + width];
				move = MOVE_UNKNOWN;
			}
			if (more && !known && left && (cost = costs[at + 1] + COST_ABSORB) < best) {
				best = cost;
				move = MOVE_ABSORB;
			}
			if (known && (cost = costs[at + width] + COST_GAP) < best) {
				best = cost;
				move = MOVE_EXPECTED;
			}
			if (left && (cost = costs[at + 1] + COST_GAP) < best) {
				best = cost;
				move = MOVE_FOUND;
			}
			costs[at] = best;
			moves[at] = (uint8_t)move;
		}
	}
}

static void add_step(struct fitter *f, enum fit_kind kind, const struct profile_event *expected,
		     const struct fit_event *found)
{
	if (kind == FIT_MISSING || kind == FIT_EXTRA)
		f->fit->cost += COST_GAP;
	if (kind == FIT_OTHER)
		f->fit->cost += expected->type == found->type ? COST_OTHER : COST_OTHER_TYPE;
	f->fit->steps[f->fit->n_steps++] =
		(struct fit_step){ .kind = kind, .expected = expected, .found = found };
}

static void add_same(struct fitter *f, size_t expected, size_t found)
{
	add_step(f, f->is_filled[expected] ? FIT_HOLES : FIT_SAME, &f->profile->events[expected],
		 &f->events[found]);
}

static void read_moves(struct fitter *f, const struct column *c, const uint8_t *moves)
{
	size_t i = 0, j = 0;

	while (i < c->n_expected || j < c->n_found) {
		const struct profile_event *expected =
			i < c->n_expected ? &f->profile->events[c->expected[i]] : NULL;
		const struct fit_event *found = j < c->n_found ? &f->events[c->found[j]] : NULL;

		switch ((enum move)moves[i * (c->n_found + 1) + j]) {
		case MOVE_BOTH:
			if (is_same(f, c->expected[i], c->found[j]))
				add_same(f, c->expected[i], c->found[j]);
			else
				add_step(f, FIT_OTHER, expected, found);
			i++, j++;
			break;
		case MOVE_EXPECTED:
			add_step(f, FIT_MISSING, expected, NULL);
			i++;
			break;
		case MOVE_FOUND:
			add_step(f, FIT_EXTRA, NULL, found);
			j++;
			break;
		case MOVE_UNKNOWN:
			i++;
			break;
		case MOVE_ABSORB:
			add_step(f, FIT_UNPREDICTED, expected, found);
			j++;
			break;
		}
	}
}

/* An event that is missing here and extra there. */
static void mark_moved(struct fitter *f, size_t first)
{
	struct fit *fit = f->fit;

	for (size_t i = first; i < fit->n_steps; i++) {
		if (fit->steps[i].kind != FIT_MISSING || fit->steps[i].is_moved)
			continue;
		for (size_t k = first; k < fit->n_steps; k++) {
			size_t number = (size_t)(fit->steps[i].expected - f->profile->events);

			if (fit->steps[k].kind == FIT_EXTRA && !fit->steps[k].is_moved &&
			    is_same(f, number, (size_t)(fit->steps[k].found - f->events))) {
				fit->steps[i].is_moved = fit->steps[k].is_moved = true;
				break;
			}
		}
	}
}

/* Aligns what is left of a column: where both ends differ. */
static int fit_column(struct fitter *f, uint32_t pcr, const struct column *column,
		      struct error *err)
{
	AUTO(own_free) uint8_t *moves = NULL;
	AUTO(own_free) unsigned *costs = NULL;
	size_t n;

	if (!size_mul(column->n_expected + 1, column->n_found + 1, &n) || n > FIT_PAIRS_MAX) {
		f->fit->cut |= (pcr_set)1 << pcr;
		f->fit->cost += COST_GAP * (column->n_expected > column->n_found
						    ? column->n_expected - column->n_found
						    : column->n_found - column->n_expected) +
				1;
		return 0;
	}
	moves = malloc(n);
	costs = malloc(n * sizeof(*costs));
	if (!moves || !costs)
		return error_memory(err, NULL);
	align(f, column, moves, costs);
	read_moves(f, column, moves);
	return 0;
}

/* Most of a log is as expected: only what lies between the first and the last difference costs time. */
static int fit_pcr(struct fitter *f, uint32_t pcr, struct error *err)
{
	AUTO(column_clear) struct column column = { 0 };
	struct column rest;
	size_t first = f->fit->n_steps, head = 0, tail = 0;

	if (column_make(f, pcr, &column, err) < 0)
		return -1;
	while (head < column.n_expected && head < column.n_found &&
	       is_same(f, column.expected[head], column.found[head])) {
		add_same(f, column.expected[head], column.found[head]);
		head++;
	}
	rest = (struct column){ column.expected + head, column.found + head,
				column.n_expected - head, column.n_found - head };
	while (rest.n_expected && rest.n_found &&
	       is_same(f, rest.expected[rest.n_expected - 1], rest.found[rest.n_found - 1])) {
		rest.n_expected--;
		rest.n_found--;
		tail++;
	}
	if ((rest.n_expected || rest.n_found) && fit_column(f, pcr, &rest, err) < 0)
		return -1;
	for (size_t i = 0; i < tail; i++)
		add_same(f, rest.expected[rest.n_expected + i], rest.found[rest.n_found + i]);
	mark_moved(f, first);
	return 0;
}

int profile_fit(const struct profile *profile, const struct fit_event *events, size_t n_events,
		enum alg alg, size_t cost_max, struct hasher *hasher, struct arena *arena,
		struct fit *out, struct error *err)
{
	struct fit fit = { .profile = profile };
	struct fitter f = { .profile = profile,
			    .events = events,
			    .n_events = n_events,
			    .alg = alg,
			    .hasher = hasher,
			    .arena = arena,
			    .fit = &fit };

	f.expected = arena_take(arena, profile->n_events * sizeof(*f.expected) + 1);
	f.is_filled = arena_take(arena, profile->n_events + 1);
	fit.steps = arena_take(arena, (profile->n_events + n_events) * sizeof(*fit.steps) + 1);
	if (!f.expected || !f.is_filled || !fit.steps)
		return error_memory(err, NULL);
	if (find_values(&f, err) < 0 || fill_holes(&f, err) < 0)
		return -1;
	for (uint32_t pcr = 0; pcr < PCR_COUNT && fit.cost <= cost_max; pcr++)
		if (fit_pcr(&f, pcr, err) < 0)
			return -1;
	drop_own_values(&f);
	*out = fit;
	return 0;
}
