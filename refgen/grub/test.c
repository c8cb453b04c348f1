/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands test and [. Source: grub-core/commands/test.c. */
#include "refgen/grub/internal.h"

struct test {
	struct grub *grub;
	const struct value *words;
	size_t n, at;
	unsigned depth;
	int failed; /* RUN_ERROR or RUN_ENDED */
};

struct verdict {
	bool and, or, invert;
};

static void verdict_add(struct verdict *verdict, bool value)
{
	verdict->and = verdict->and &&(verdict->invert ? !value : value);
	verdict->invert = false;
}

bool number_parse(const char *text, const char **end, int base, unsigned long *out)
{
	unsigned long value = 0;
	bool found = false, fits = true;

	while (is_space(*text))
		text++;
	if ((base == 0 || base == 16) && text[0] == '0' && text[1] == 'x') {
		base = 16;
		text += 2;
	} else if (base == 0 && text[0] == '0' && text[1] >= '0' && text[1] <= '7') {
		base = 8;
	}
	if (base == 0)
		base = 10;
	for (; *text; text++) {
		char lower = (char)(*text | 0x20);
		unsigned long digit;

		if (is_digit(*text))
			digit = (unsigned long)(*text - '0');
		else if (base == 16 && lower >= 'a' && lower <= 'f')
			digit = (unsigned long)(lower - 'a') + 10;
		else
			break;
		if (digit >= (unsigned long)base)
			break;
		found = true;
		if (__builtin_mul_overflow(value, (unsigned long)base, &value) ||
		    __builtin_add_overflow(value, digit, &value)) {
			fits = false;
			value = ~0ul;
		}
	}
	if (end)
		*end = text;
	*out = value;
	return found && fits;
}

static long number_of(const char *text)
{
	unsigned long value;
	bool negative = text[0] == '-';

	(void)number_parse(negative ? text + 1 : text, NULL, 0, &value);
	return (int)(negative ? 0 - value : value); /* an int to GRUB */
}

static unsigned long version_of(const char *text)
{
	unsigned long value;

	(void)number_parse(text, NULL, 0, &value);
	return value;
}

/* Numbers behind what two texts begin with alike: vmlinuz-2 is before vmlinuz-11. */
static bool prefix_compare(const char *a, const char *b, bool greater)
{
	ptrdiff_t i = 0;

	while (a[i] == b[i] && a[i])
		i++;
	i--;
	while (i > 0 && is_digit(a[i]))
		i--;
	i++;
	return greater ? version_of(a + i) > version_of(b + i)
		       : version_of(a + i) < version_of(b + i);
}

/* A test of two operands: 1 and *value, 0 when op is none. */
static int compare(const char *a, const char *op, const char *b, bool *value)
{
	static const struct {
		const char *op;
		enum { TEXT, NUMBER } type;
		bool less, equal, greater;
	} operators[] = {
		{"=",    TEXT,   false, true,  false},
                { "==",  TEXT,   false, true,  false},
		{ "!=",  TEXT,   true,  false, true },
                { "<",   TEXT,   true,  false, false},
		{ "<=",  TEXT,   true,  true,  false},
                { ">",   TEXT,   false, false, true },
		{ ">=",  TEXT,   false, true,  true },
                { "-eq", NUMBER, false, true,  false},
		{ "-ge", NUMBER, false, true,  true },
                { "-gt", NUMBER, false, false, true },
		{ "-le", NUMBER, true,  true,  false},
                { "-lt", NUMBER, true,  false, false},
		{ "-ne", NUMBER, true,  false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		long order;

		if (strcmp(op, operators[i].op) != 0)
			continue;
		order = operators[i].type == TEXT
				? strcmp(a, b)
				: (number_of(a) > number_of(b)) - (number_of(a) < number_of(b));
		*value = order < 0   ? operators[i].less
			 : order > 0 ? operators[i].greater
				     : operators[i].equal;
		return 1;
	}
	if (strcmp(op, "-pgt") == 0 || strcmp(op, "-plt") == 0) {
		*value = prefix_compare(a, b, op[2] == 'g');
		return 1;
	}
	return 0;
}

static bool file_test(struct test *test, char op, const char *name)
{
	struct grub_file file = file_of_name(test->grub, name);
	struct grub_stat stat = { 0 };
	int r;

	if (!file.name) {
		test->failed = RUN_ERROR;
		return false;
	}
	if (op == 's') {
		r = file_open_measured(test->grub, name, NULL, &file);
		if (r > 0)
			r = file_stat(test->grub, &file, &stat);
		if (r < 0)
			test->failed = r;
		return r > 0 && stat.size != 0;
	}
	r = file_stat(test->grub, &file, &stat);
	if (r < 0)
		test->failed = r;
	if (r <= 0)
		return false;
	return op == 'e' || (op == 'd') == (stat.type == GRUB_DIRECTORY);
}

static bool test_parse(struct test *test);

static void test_step(struct test *test, struct verdict *verdict)
{
	const struct value *words = test->words + test->at;
	size_t left = test->n - test->at;
	const char *word = words[0].text;
	bool value;

	if (left > 2 && compare(word, words[1].text, words[2].text, &value)) {
		verdict_add(verdict, value);
		test->at += 3;
		return;
	}
	if (left > 2 &&
	    (strncmp(words[1].text, "-nt", 3) == 0 || strncmp(words[1].text, "-ot", 3) == 0)) {
		test->grub->doubt = "which of two files is newer is not known";
		verdict_add(verdict, false);
		test->at += 3;
		return;
	}
	if (left > 1 && word[0] == '-' && word[1] && !word[2] && strchr("defsnz", word[1])) {
		const char *operand = words[1].text;

		if (word[1] == 'n' || word[1] == 'z')
			value = (*operand != '\0') == (word[1] == 'n');
		else
			value = file_test(test, word[1], operand);
		verdict_add(verdict, value);
		test->at += 2;
		return;
	}
	test->at++;
	if (strcmp(word, "(") == 0) {
		verdict_add(verdict, test_parse(test));
	} else if (strcmp(word, "!") == 0) {
		verdict->invert = !verdict->invert;
	} else if (strcmp(word, "-o") == 0) {
		verdict->or = verdict->or || verdict->and;
		verdict->and = true;
	} else if (strcmp(word, "-a") != 0) {
		verdict_add(verdict, *word != '\0');
	}
}

/* Up to the closing parenthesis, or the end. */
static bool test_parse(struct test *test)
{
	struct verdict verdict = { .and = true };

	if (++test->depth > GRUB_DEPTH_MAX)
		test->failed = grub_fail(test->grub, ERROR_LIMIT, "more than %u parentheses",
					 GRUB_DEPTH_MAX);
	while (test->at < test->n && !test->failed) {
		/* A parenthesis may still be an operand: "( = x". */
		if (strcmp(test->words[test->at].text, ")") == 0) {
			bool value;

			if (test->n - test->at <= 2 ||
			    !compare(")", test->words[test->at + 1].text,
				     test->words[test->at + 2].text, &value)) {
				test->at++;
				break;
			}
		}
		test_step(test, &verdict);
	}
	test->depth--;
	return verdict.or || verdict.and;
}

int run_test(struct grub *grub, struct arguments *arguments)
{
	struct test test = { .grub = grub, .words = arguments->values + 1, .n = arguments->n - 1 };
	bool value;

	if (test.n && strcmp(test.words[test.n - 1].text, "]") == 0)
		test.n--;
	for (size_t i = 0; i < test.n; i++)
		if (test.words[i].unknown)
			grub->doubt = test.words[i].unknown;
	value = test_parse(&test);
	if (test.failed)
		return test.failed;
	return value ? STATUS_NONE : STATUS_TEST_FAILURE;
}
