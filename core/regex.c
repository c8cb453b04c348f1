/* SPDX-License-Identifier: BSD-2-Clause */
/* Compiles to the steps of a nondeterministic automaton, and runs all its states side by side. */
#include "core/regex.h"

#include "core/array.h"
#include "core/text.h"

enum step_kind {
	STEP_CHAR, /* the character a */
	STEP_ANY,  /* any but a newline */
	STEP_SET,  /* one that is in ranges a .. a + b - 1, or with STEP_NOT_SET in none of them */
	STEP_NOT_SET,
	STEP_SPLIT, /* go on at both a and b */
	STEP_JUMP,  /* go on at a */
	STEP_BEGIN, /* only at the beginning of the text */
	STEP_END,   /* only at its end, or before a newline that ends it */
	STEP_VERY_END,
	STEP_MATCH,
};

/* a and b of splits and jumps are relative to the step: code can be moved and copied. */
struct step {
	uint8_t kind;
	int32_t a, b;
};

struct range {
	uint32_t first, last;
};

struct regex {
	struct step *steps; /* owned */
	size_t n_steps, steps_capacity;
	struct range *ranges; /* owned */
	size_t n_ranges, ranges_capacity;
};

/* --- compiling ------------------------------------------------------------------------------------ */

struct compiler {
	struct bytes text;
	size_t at;
	const char *source;
	struct regex *regex;
	struct error *err;
};

static int refuse(struct compiler *c, enum error_code code, size_t at, const char *what)
{
	return error_set(c->err, code, c->source, at, "%s", what);
}

static int peek(const struct compiler *c)
{
	return c->at < c->text.size ? c->text.data[c->at] : -1;
}

static bool take(struct compiler *c, int byte)
{
	if (peek(c) != byte)
		return false;
	c->at++;
	return true;
}

/* The next character of a text; a byte that begins no UTF-8 is one by itself, apart from all others. */
static uint32_t next_char(struct bytes text, size_t *at)
{
	uint32_t code;
	size_t n = utf8_next(text.data + *at, text.size - *at, &code);

	if (n) {
		*at += n;
		return code;
	}
	return 0x110000 + text.data[(*at)++];
}

/* Room for n more steps at place, what is there moves behind them. */
static int make_room(struct compiler *c, size_t place, size_t n)
{
	struct regex *regex = c->regex;

	if (n > REGEX_STEPS_MAX - regex->n_steps)
		return refuse(c, ERROR_LIMIT, c->at, "an expression of too many steps");
	if (regex->n_steps + n > regex->steps_capacity) {
		size_t capacity = 2 * (regex->n_steps + n) + 16;
		struct step *larger = realloc(regex->steps, capacity * sizeof(*larger));

		if (!larger)
			return error_memory(c->err, c->source);
		regex->steps = larger;
		regex->steps_capacity = capacity;
	}
	memmove(regex->steps + place + n, regex->steps + place,
		(regex->n_steps - place) * sizeof(*regex->steps));
	regex->n_steps += n;
	return 0;
}

static int insert(struct compiler *c, size_t place, enum step_kind kind, size_t a, size_t b)
{
	if (make_room(c, place, 1) < 0)
		return -1;
	c->regex->steps[place] = (struct step){ (uint8_t)kind, (int32_t)a, (int32_t)b };
	return 0;
}

static int append(struct compiler *c, enum step_kind kind, size_t a, size_t b)
{
	return insert(c, c->regex->n_steps, kind, a, b);
}

static int add_range(struct compiler *c, uint32_t first, uint32_t last)
{
	struct regex *regex = c->regex;

	if (array_room(&regex->ranges, regex->n_ranges, &regex->ranges_capacity,
		       sizeof(*regex->ranges), c->source, c->err) < 0)
		return -1;
	regex->ranges[regex->n_ranges++] = (struct range){ first, last };
	return 0;
}

/* The ranges of a class; 0 for a letter that names none. */
static int add_class(struct compiler *c, int letter)
{
	static const struct {
		char letter;
		struct range ranges[5];
	} classes[] = {
		{'d',  { { '0', '9' } }					  },
		{ 'D', { { 1, '0' - 1 }, { '9' + 1, 0x7f } }                     },
		{ 'w', { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } }},
		{ 'W',
                 { { 1, '0' - 1 },
		    { '9' + 1, 'A' - 1 },
		    { 'Z' + 1, '_' - 1 },
		    { '`', '`' },
		    { 'z' + 1, 0x7f } }					  },
		{ 's', { { '\t', '\r' }, { 0x1c, 0x20 } }                        },
		{ 'S', { { 1, '\t' - 1 }, { '\r' + 1, 0x1b }, { 0x21, 0x7f } }   },
	};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (classes[i].letter != letter)
			continue;
		for (size_t k = 0; k < 5 && classes[i].ranges[k].first; k++)
			if (add_range(c, classes[i].ranges[k].first, classes[i].ranges[k].last) < 0)
				return -1;
		return 1;
	}
	return 0;
}

/* The character that a backslash and a letter are; 0 for one that is something else. */
static uint32_t escaped_control(int letter)
{
	switch (letter) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'f':
		return '\f';
	case 'v':
		return '\v';
	case 'a':
		return '\a';
	default:
		return 0;
	}
}

static bool is_alnum(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A character behind its backslash. */
static int escaped_char(struct compiler *c, uint32_t *out)
{
	int letter = peek(c);

	if (letter < 0)
		return refuse(c, ERROR_MALFORMED, c->at, "a backslash at the end of an expression");
	*out = escaped_control(letter);
	if (*out) {
		c->at++;
		return 0;
	}
	if (is_alnum(letter))
		return refuse(c, ERROR_UNSUPPORTED, c->at - 1,
			      "an escape of an expression that is not read: a reference, a "
			      "boundary or a number");
	*out = next_char(c->text, &c->at);
	return 0;
}

/* One character of a set, or a whole class: 1 for that. */
static int set_item(struct compiler *c, uint32_t *out)
{
	int status;

	if (!take(c, '\\')) {
		*out = next_char(c->text, &c->at);
		return 0;
	}
	status = add_class(c, peek(c));
	if (status != 0) {
		c->at++;
		return status;
	}
	return escaped_char(c, out);
}

/* "[...]" behind its bracket. */
static int parse_set(struct compiler *c)
{
	size_t begin = c->at - 1, first = c->regex->n_ranges, from;
	bool is_not = take(c, '^'), has_class = false;

	for (from = c->at; peek(c) >= 0 && (peek(c) != ']' || c->at == from);) {
		uint32_t low, high;
		int status = set_item(c, &low);

		if (status < 0)
			return -1;
		has_class |= status > 0;
		if (status > 0)
			continue;
		high = low;
		if (peek(c) == '-' && c->at + 1 < c->text.size && c->text.data[c->at + 1] != ']') {
			size_t at = c->at++;

			status = set_item(c, &high);
			if (status < 0)
				return -1;
			if (status > 0 || high < low)
				return refuse(c, ERROR_MALFORMED, at,
					      "a range of a set that ends before it begins");
		}
		if (add_range(c, low, high) < 0)
			return -1;
	}
	if (!take(c, ']'))
		return refuse(c, ERROR_MALFORMED, begin, "a set that does not end");
	/* What a class holds beyond ASCII is not known: the opposite of it must not hold it either. */
	if (is_not && has_class && add_range(c, 0x80, UINT32_MAX) < 0)
		return -1;
	return append(c, is_not ? STEP_NOT_SET : STEP_SET, first, c->regex->n_ranges - first);
}

static int parse_escape(struct compiler *c)
{
	size_t first = c->regex->n_ranges;
	uint32_t code;
	int status;

	if (take(c, 'A'))
		return append(c, STEP_BEGIN, 0, 0);
	if (take(c, 'Z'))
		return append(c, STEP_VERY_END, 0, 0);
	status = add_class(c, peek(c));
	if (status < 0)
		return -1;
	if (status > 0) {
		c->at++;
		return append(c, STEP_SET, first, c->regex->n_ranges - first);
	}
	if (escaped_char(c, &code) < 0)
		return -1;
	return append(c, STEP_CHAR, code, 0);
}

#define UNLIMITED UINT32_MAX

/* Digits; false where there are none. */
static bool parse_count(struct compiler *c, uint32_t *out)
{
	size_t from = c->at;
	uint32_t value = 0;

	for (; peek(c) >= '0' && peek(c) <= '9'; c->at++)
		if (value < REGEX_STEPS_MAX)
			value = 10 * value + (uint32_t)(peek(c) - '0');
	*out = value;
	return c->at > from;
}

/* "{m,n}" behind its brace; false, and nothing read, where Python takes the brace for itself. */
static bool parse_counts(struct compiler *c, uint32_t *least, uint32_t *most)
{
	size_t from = c->at;
	bool has_least = parse_count(c, least), has_most = false;

	*most = *least;
	if (take(c, ',')) {
		has_most = parse_count(c, most);
		if (!has_most)
			*most = UNLIMITED;
		has_least |= has_most || peek(c) == '}';
	}
	if (has_least && take(c, '}'))
		return true;
	c->at = from;
	return false;
}

static int parse_alternatives(struct compiler *c, unsigned depth);

/* "(?P<name>" behind its "?". */
static int pass_group_name(struct compiler *c, size_t begin)
{
	size_t from;

	if (take(c, ':'))
		return 0;
	if (!take(c, 'P') || !take(c, '<'))
		return refuse(c, ERROR_UNSUPPORTED, begin,
			      "a group of a kind that is not read: only plain and named ones are");
	from = c->at;
	while (is_alnum(peek(c)) || peek(c) == '_')
		c->at++;
	if (c->at == from || !take(c, '>'))
		return refuse(c, ERROR_MALFORMED, begin, "a group without a name");
	return 0;
}

static int parse_group(struct compiler *c, unsigned depth)
{
	size_t begin = c->at - 1;

	if (depth == REGEX_DEPTH_MAX)
		return refuse(c, ERROR_LIMIT, begin, "an expression of too many nested groups");
	if (take(c, '?') && pass_group_name(c, begin) < 0)
		return -1;
	if (parse_alternatives(c, depth + 1) < 0)
		return -1;
	return take(c, ')') ? 0 : refuse(c, ERROR_MALFORMED, begin, "a group that does not end");
}

static int parse_atom(struct compiler *c, unsigned depth)
{
	uint32_t least, most;

	if (peek(c) == '*' || peek(c) == '+' || peek(c) == '?')
		return refuse(c, ERROR_MALFORMED, c->at, "a repeat of nothing");
	if (peek(c) == '{') {
		size_t at = c->at++;

		if (parse_counts(c, &least, &most))
			return refuse(c, ERROR_MALFORMED, at, "a repeat of nothing");
		c->at = at;
	}
	if (take(c, '.'))
		return append(c, STEP_ANY, 0, 0);
	if (take(c, '^'))
		return append(c, STEP_BEGIN, 0, 0);
	if (take(c, '$'))
		return append(c, STEP_END, 0, 0);
	if (take(c, '['))
		return parse_set(c);
	if (take(c, '('))
		return parse_group(c, depth);
	if (take(c, '\\'))
		return parse_escape(c);
	return append(c, STEP_CHAR, next_char(c->text, &c->at), 0);
}

/* Copies the fragment of size steps at place to the end. */
static int copy_fragment(struct compiler *c, size_t place, size_t size)
{
	size_t to = c->regex->n_steps;

	if (make_room(c, to, size) < 0)
		return -1;
	memcpy(c->regex->steps + to, c->regex->steps + place, size * sizeof(*c->regex->steps));
	return 0;
}

/* What was compiled from place on, least to most times. */
static int repeat(struct compiler *c, size_t place, uint32_t least, uint32_t most)
{
	size_t size = c->regex->n_steps - place;

	for (uint32_t i = 1; i < least; i++)
		if (copy_fragment(c, place, size) < 0)
			return -1;
	if (most == UNLIMITED) {
		if (least == 0) {
			if (insert(c, place, STEP_SPLIT, 1, size + 2) < 0)
				return -1;
			return append(c, STEP_JUMP, -(size + 1), 0);
		}
		return append(c, STEP_SPLIT, -size, 1);
	}
	if (most == 0) {
		c->regex->n_steps = place;
		return 0;
	}
	if (least == 0) {
		if (insert(c, place, STEP_SPLIT, 1, size + 1) < 0)
			return -1;
		place++;
		least = 1;
	}
	for (uint32_t i = least; i < most; i++) {
		if (append(c, STEP_SPLIT, 1, size + 1) < 0 || copy_fragment(c, place, size) < 0)
			return -1;
	}
	return 0;
}

static int parse_repeat(struct compiler *c, size_t place)
{
	size_t at = c->at;
	uint32_t least, most;

	if (take(c, '*'))
		least = 0, most = UNLIMITED;
	else if (take(c, '+'))
		least = 1, most = UNLIMITED;
	else if (take(c, '?'))
		least = 0, most = 1;
	else if (take(c, '{')) {
		if (!parse_counts(c, &least, &most)) {
			c->at = at;
			return 0;
		}
	} else
		return 0;
	if (most < least)
		return refuse(c, ERROR_MALFORMED, at, "a repeat of more than its most");
	if (take(c, '?')) /* as few as will do: whether it matches is the same */
		;
	else if (peek(c) == '+')
		return refuse(c, ERROR_UNSUPPORTED, c->at, "a possessive repeat is not read");
	if (peek(c) == '*' || peek(c) == '+' || peek(c) == '?')
		return refuse(c, ERROR_MALFORMED, c->at, "a repeat of a repeat");
	return repeat(c, place, least, most);
}

static int parse_sequence(struct compiler *c, unsigned depth)
{
	while (peek(c) >= 0 && peek(c) != '|' && peek(c) != ')') {
		size_t place = c->regex->n_steps;

		if (parse_atom(c, depth) < 0 || parse_repeat(c, place) < 0)
			return -1;
	}
	return 0;
}

static int parse_alternatives(struct compiler *c, unsigned depth)
{
	size_t place = c->regex->n_steps;

	if (parse_sequence(c, depth) < 0)
		return -1;
	while (take(c, '|')) {
		size_t size = c->regex->n_steps - place, jump, before;

		/* split, what came before, jump behind what follows, that. */
		if (insert(c, place, STEP_SPLIT, 1, size + 2) < 0)
			return -1;
		jump = c->regex->n_steps;
		if (append(c, STEP_JUMP, 0, 0) < 0)
			return -1;
		before = c->regex->n_steps;
		if (parse_sequence(c, depth) < 0)
			return -1;
		c->regex->steps[jump].a = (int32_t)(c->regex->n_steps - before + 1);
	}
	return 0;
}

int regex_compile(struct bytes expression, const char *source, struct regex **out,
		  struct error *err)
{
	AUTO(regex_freep) struct regex *regex = calloc(1, sizeof(*regex));
	struct compiler c = { .text = expression, .source = source, .regex = regex, .err = err };

	if (!regex)
		return error_memory(err, source);
	if (expression.size > REGEX_SIZE_MAX)
		return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
				 "an expression of more than %d bytes", REGEX_SIZE_MAX);
	if (parse_alternatives(&c, 0) < 0)
		return -1;
	if (c.at < expression.size)
		return refuse(&c, ERROR_MALFORMED, c.at, "a group ends that did not begin");
	if (append(&c, STEP_MATCH, 0, 0) < 0)
		return -1;
	*out = TAKE(regex);
	return 0;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	free(regex->steps);
	free(regex->ranges);
	free(regex);
}

void regex_freep(struct regex **regex)
{
	regex_free(*regex);
}

/* --- matching ------------------------------------------------------------------------------------- */

/* Steps that are waited at: each once. */
struct states {
	uint32_t *items;
	size_t n;
	uint64_t *seen; /* for each step: the round that it was added in, counted from 1 */
};

struct matcher {
	const struct regex *regex;
	struct bytes text;
	uint32_t *stack;
};

static bool holds(const struct matcher *m, enum step_kind kind, size_t at)
{
	size_t left = m->text.size - at;

	if (kind == STEP_BEGIN)
		return at == 0;
	return left == 0 || (kind == STEP_END && left == 1 && m->text.data[at] == '\n');
}

/* Adds a step and all that are reached from it without a character. */
static void add_state(const struct matcher *m, struct states *states, uint64_t round, size_t at,
		      size_t first)
{
	size_t n = 0;

	m->stack[n++] = (uint32_t)first;
	while (n) {
		size_t i = m->stack[--n];
		const struct step *step = &m->regex->steps[i];

		if (states->seen[i] == round)
			continue;
		states->seen[i] = round;
		switch ((enum step_kind)step->kind) {
		case STEP_SPLIT:
			m->stack[n++] = (uint32_t)((int64_t)i + step->b);
			m->stack[n++] = (uint32_t)((int64_t)i + step->a);
			break;
		case STEP_JUMP:
			m->stack[n++] = (uint32_t)((int64_t)i + step->a);
			break;
		case STEP_BEGIN:
		case STEP_END:
		case STEP_VERY_END:
			if (holds(m, (enum step_kind)step->kind, at))
				m->stack[n++] = (uint32_t)(i + 1);
			break;
		case STEP_CHAR:
		case STEP_ANY:
		case STEP_SET:
		case STEP_NOT_SET:
		case STEP_MATCH:
			states->items[states->n++] = (uint32_t)i;
			break;
		}
	}
}

static bool in_ranges(const struct regex *regex, const struct step *step, uint32_t c)
{
	for (int32_t i = 0; i < step->b; i++) {
		const struct range *range = &regex->ranges[step->a + i];

		if (c >= range->first && c <= range->last)
			return true;
	}
	return false;
}

static bool takes(const struct regex *regex, const struct step *step, uint32_t c)
{
	switch ((enum step_kind)step->kind) {
	case STEP_CHAR:
		return c == (uint32_t)step->a;
	case STEP_ANY:
		return c != '\n';
	case STEP_SET:
		return in_ranges(regex, step, c);
	case STEP_NOT_SET:
		return !in_ranges(regex, step, c);
	case STEP_SPLIT:
	case STEP_JUMP:
	case STEP_BEGIN:
	case STEP_END:
	case STEP_VERY_END:
	case STEP_MATCH:
		return false;
	}
	return false;
}

int regex_match(const struct regex *regex, struct bytes text, struct error *err)
{
	size_t n = regex->n_steps, at = 0;
	AUTO(own_free) uint32_t *items = calloc(2 * n, sizeof(*items));
	AUTO(own_free) uint64_t *seen = calloc(n, sizeof(*seen));
	/* Each step is taken off the stack once a round with an effect, and puts two on it. */
	AUTO(own_free) uint32_t *stack = calloc(2 * n + 1, sizeof(*stack));
	struct states now = { .items = items, .seen = seen }, next = { .seen = seen };
	struct matcher m = { .regex = regex, .text = text, .stack = stack };
	uint64_t round = 1;

	if (!items || !seen || !stack)
		return error_memory(err, NULL);
	next.items = items + n;
	add_state(&m, &now, round, 0, 0);
	while (at < text.size && now.n) {
		uint32_t c = next_char(text, &at);
		struct states swap;

		round++;
		next.n = 0;
		for (size_t i = 0; i < now.n; i++)
			if (takes(regex, &regex->steps[now.items[i]], c))
				add_state(&m, &next, round, at, now.items[i] + 1);
		swap = now;
		now = next;
		next = swap;
	}
	for (size_t i = 0; i < now.n; i++)
		if (regex->steps[now.items[i]].kind == STEP_MATCH && at == text.size)
			return 1;
	return 0;
}

void regex_escape(struct buf *out, struct bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];

		if (c && strchr("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", c))
			buf_append_u8(out, '\\');
		buf_append_u8(out, c);
	}
}
