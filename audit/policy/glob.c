/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/policy/policy.h"

/* A bracket that is not closed stands for itself. */
static bool set_closed(struct bytes pattern, size_t at)
{
	at += at + 1 < pattern.size && pattern.data[at + 1] == '!' ? 3 : 2;
	return at < pattern.size && memchr(pattern.data + at, ']', pattern.size - at);
}

/* One bracket expression at pattern[*at] == '[': true if byte is in it. *at moves behind it. */
static bool set_match(struct bytes pattern, size_t *at, uint8_t byte)
{
	size_t i = *at + 1;
	bool negated = i < pattern.size && pattern.data[i] == '!', found = false;

	if (negated)
		i++;
	for (size_t first = i; i < pattern.size && (pattern.data[i] != ']' || i == first); i++) {
		uint8_t low = pattern.data[i], high = low;

		if (i + 2 < pattern.size && pattern.data[i + 1] == '-' &&
		    pattern.data[i + 2] != ']') {
			high = pattern.data[i + 2];
			i += 2;
		}
		found |= byte >= low && byte <= high;
	}
	*at = i + 1;
	return byte != '/' && found != negated;
}

/* Matches what is not a star at pattern[*p] against one byte; *p moves behind it. */
static bool one_match(struct bytes pattern, size_t *p, uint8_t byte)
{
	uint8_t c = pattern.data[*p];

	if (c == '[' && set_closed(pattern, *p))
		return set_match(pattern, p, byte);
	if (c == '\\' && *p + 1 < pattern.size)
		c = pattern.data[++*p];
	else if (c == '?') {
		++*p;
		return byte != '/';
	}
	++*p;
	return c == byte;
}

/*
 * Where to go on when what follows a star does not fit: the star takes one byte more. The last
 * single star is tried first; when it would have to take a '/', the last double one.
 */
struct star {
	size_t pattern; /* behind the star */
	size_t path;    /* where what follows was tried last */
	bool set;
};

bool glob_match(struct bytes pattern, struct bytes path)
{
	struct star single = { 0 }, twice = { 0 };
	size_t p = 0, i = 0;

	for (;;) {
		if (p < pattern.size && pattern.data[p] == '*') {
			size_t stars = p;

			while (p < pattern.size && pattern.data[p] == '*')
				p++;
			if (p - stars > 1) {
				twice = (struct star){ p, i, true };
				single.set = false;
			} else {
				single = (struct star){ p, i, true };
			}
			continue;
		}
		if (p < pattern.size && i < path.size && one_match(pattern, &p, path.data[i])) {
			i++;
			continue;
		}
		if (p == pattern.size && i == path.size)
			return true;
		if (single.set && single.path < path.size && path.data[single.path] != '/') {
			i = ++single.path;
			p = single.pattern;
		} else if (twice.set && twice.path < path.size) {
			single.set = false;
			i = ++twice.path;
			p = twice.pattern;
		} else {
			return false;
		}
	}
}
