/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration lines, versions, patterns and command lines, as systemd-boot reads them. */
#include <strings.h>

#include "core/text.h"
#include "refgen/systemd/internal.h"

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct bytes cut(struct bytes text)
{
	while (text.size > 0 && blank(text.data[0]))
		text = bytes_of(text.data + 1, text.size - 1);
	while (text.size > 0 && blank(text.data[text.size - 1]))
		text.size--;
	return text;
}

static bool separates(uint8_t c, char separator)
{
	return separator == ' ' ? blank(c) : c == (uint8_t)separator;
}

/* Key and value of a line that has both. */
static bool split(struct bytes line, char separator, struct bytes *key, struct bytes *value)
{
	size_t size = 0;

	line = cut(line);
	if (line.size == 0 || line.data[0] == '#')
		return false;
	while (size < line.size && !separates(line.data[size], separator))
		size++;
	if (size == line.size)
		return false; /* no value */
	*key = bytes_of(line.data, size);
	while (size < line.size && separates(line.data[size], separator))
		size++;
	*value = bytes_of(line.data + size, line.size - size);
	if (value->size >= 2 && (value->data[0] == '"' || value->data[0] == '\'') &&
	    value->data[value->size - 1] == value->data[0])
		*value = bytes_of(value->data + 1, value->size - 2);
	return true;
}

int config_next(struct bytes text, char separator, size_t *at, struct bytes *key,
		struct bytes *value)
{
	const uint8_t *nul = text.size ? memchr(text.data, 0, text.size) : NULL;
	size_t size = nul ? (size_t)(nul - text.data) : text.size; /* read as a C string */

	while (*at < size) {
		size_t start = *at;

		while (*at < size && text.data[*at] != '\n' && text.data[*at] != '\r')
			(*at)++;
		if (split(bytes_of(text.data + start, *at - start), separator, key, value)) {
			*at += *at < size;
			return 1;
		}
		*at += *at < size;
	}
	return 0;
}

/* --- versions (UAPI.10) ------------------------------------------------------------------------- */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool version_char(char c)
{
	return digit(c) || letter(c) || (c != '\0' && strchr("~-^.", c) != NULL);
}

static int order(long a, long b)
{
	return a < b ? -1 : a > b;
}

/* The numbers, or words, that both begin with. */
static int segment_compare(const char **a, const char **b)
{
	bool numbers = digit(**a) || digit(**b);
	const char *a_end = *a, *b_end = *b;
	size_t a_size, b_size;
	int r;

	while (numbers ? digit(*a_end) : letter(*a_end))
		a_end++;
	while (numbers ? digit(*b_end) : letter(*b_end))
		b_end++;
	if (numbers && (r = order(*a != a_end, *b != b_end)) != 0)
		return r; /* a number is newer than none */
	while (numbers && **a == '0')
		(*a)++;
	while (numbers && **b == '0')
		(*b)++;
	a_size = (size_t)(a_end - *a);
	b_size = (size_t)(b_end - *b);
	if (numbers && a_size != b_size)
		return order((long)a_size, (long)b_size);
	r = memcmp(*a, *b, a_size < b_size ? a_size : b_size);
	if (r == 0)
		r = order((long)a_size, (long)b_size);
	*a = a_end;
	*b = b_end;
	return order(r, 0);
}

int version_compare(const char *a, const char *b)
{
	static const char marks[] = "~-^.";

	a = a ? a : "";
	b = b ? b : "";
	for (;;) {
		int r;

		while (*a && !version_char(*a))
			a++;
		while (*b && !version_char(*b))
			b++;
		for (const char *mark = marks; *mark; mark++) {
			if (*mark == '-' && (*a == '\0' || *b == '\0')) /* after '~' alone */
				return order(*a != '\0', *b != '\0');
			if (*a != *mark && *b != *mark)
				continue;
			r = order(*a != *mark, *b != *mark);
			if (r != 0)
				return r;
			a++;
			b++;
		}
		r = segment_compare(&a, &b);
		if (r != 0)
			return r;
	}
}

/* --- patterns ------------------------------------------------------------------------------------ */

/* One of the characters in [...]: 1 or 0, and where the pattern goes on; -1: no closing bracket. */
static int class_matches(const char **pattern, char c)
{
	const char *p = *pattern + 1;
	bool found = false, first = true;

	for (; *p && (first || *p != ']'); p++, first = false) {
		if (p[1] == '-' && p[2] && p[2] != ']') {
			found = found || (c >= p[0] && c <= p[2]);
			p += 2;
		} else {
			found = found || c == *p;
		}
	}
	if (*p != ']')
		return -1;
	*pattern = p + 1;
	return found;
}

bool pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *back = NULL;

	/* A star takes one character more each time what follows does not fit: no recursion. */
	for (;;) {
		const char *next = pattern;
		bool fits = false;

		if (*pattern == '*') {
			star = ++pattern;
			back = text;
			continue;
		}
		if (*text == '\0') {
			if (*pattern == '\0')
				return true;
		} else if (*pattern == '?') {
			fits = true;
			next++;
		} else if (*pattern == '[') {
			fits = class_matches(&next, *text) == 1;
		} else {
			next += *pattern == '\\' && pattern[1];
			fits = *next != '\0' && *next == *text;
			next++;
		}
		if (fits) {
			pattern = next;
			text++;
		} else if (star && *back) {
			pattern = star;
			text = ++back;
		} else {
			return false;
		}
	}
}

/* --- command lines ------------------------------------------------------------------------------- */

const char *cmdline_clean(struct machine *machine, struct bytes text, bool trims_start,
			  struct error *err)
{
	const uint8_t *nul = text.size ? memchr(text.data, 0, text.size) : NULL;
	size_t size = nul ? (size_t)(nul - text.data) : text.size, start = 0;
	char *out = machine_take(machine, size + 1, err);

	if (!out)
		return NULL;
	for (size_t i = 0; i < size; i++)
		out[i] = text.data[i] < 0x20 || (trims_start && text.data[i] == 0x7f)
				 ? ' '
				 : (char)text.data[i];
	while (size > 0 && out[size - 1] == ' ')
		size--;
	out[size] = '\0';
	while (trims_start && out[start] == ' ')
		start++;
	return out + start;
}

int utf16_of(struct machine *machine, const char *text, struct bytes *out, struct error *err)
{
	AUTO(buf_clear) struct buf utf16 = BUF_INIT;
	const uint8_t *at = (const uint8_t *)text;
	size_t left = strlen(text);

	while (left > 0) {
		uint32_t code = 0;
		size_t size = utf8_next(at, left, &code);

		if (size == 0) { /* systemd passes such bytes over */
			at++;
			left--;
			continue;
		}
		if (code > 0xffff) {
			buf_append_le16(&utf16, (uint16_t)(0xd800 + ((code - 0x10000) >> 10)));
			buf_append_le16(&utf16, (uint16_t)(0xdc00 + ((code - 0x10000) & 0x3ff)));
		} else {
			buf_append_le16(&utf16, (uint16_t)code);
		}
		at += size;
		left -= size;
	}
	buf_append_le16(&utf16, 0);
	if (buf_finish(&utf16, err) < 0)
		return -1;
	return machine_copy(machine, buf_bytes(&utf16), out, err);
}

int utf8_of(struct machine *machine, struct bytes utf16, const char **out, bool *with_nul,
	    bool *exact, struct error *err)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct bytes copy, again;
	size_t size = 0;

	while (size + 1 < utf16.size && (utf16.data[size] || utf16.data[size + 1]))
		size += 2;
	text_append_utf16le(&text, bytes_of(utf16.data, size));
	if (buf_finish(&text, err) < 0 || machine_copy(machine, buf_bytes(&text), &copy, err) < 0)
		return -1;
	*out = (const char *)copy.data;
	*with_nul = size + 2 == utf16.size;
	if (utf16_of(machine, *out, &again, err) < 0)
		return -1;
	again.size -= *with_nul ? 0 : 2;
	*exact = bytes_equal(again, utf16);
	return 0;
}

bool ends_with(const char *text, const char *suffix)
{
	size_t size = strlen(text), suffix_size = strlen(suffix);

	return size >= suffix_size && strcasecmp(text + size - suffix_size, suffix) == 0;
}

const char *lower_case(struct machine *machine, const char *text)
{
	size_t size = strlen(text);
	char *out = machine_take(machine, size + 1, NULL);

	if (!out)
		return ""; /* which the next measurement reports */
	for (size_t i = 0; i < size; i++)
		out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
	return out;
}

unsigned release_of(struct bytes version)
{
	unsigned release = 0;

	for (size_t i = 0; i < version.size && version.data[i] >= '0' && version.data[i] <= '9';
	     i++)
		release = release > 99999 ? release : release * 10 + (version.data[i] - '0');
	return release;
}
