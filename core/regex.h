/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * regex: regular expressions as Python's re module writes them, as far as policies of other verifiers
 * use them. A match takes time in proportion to the expression times the text, whatever either is.
 *
 * Read: literals, ".", sets, classes (\d \w \s and their opposites), escapes, groups, "|", "*", "+",
 * "?", "{m,n}" (lazy ones too), "^", "$", \A, \Z. Refused, by name: groups of other kinds than "(?:"
 * and "(?P<", references, \b, possessive repeats. Text is UTF-8; a byte that is none is a character.
 * Classes hold ASCII only: where Python's hold more, less matches here.
 *
 * Source:  Python library reference, "re".
 * Threads: a compiled expression is read-only.
 */
#ifndef CORE_REGEX_H
#define CORE_REGEX_H

#include "core/bytes.h"

#define REGEX_SIZE_MAX  16384 /* bytes of an expression: command lines are at most some thousand */
#define REGEX_STEPS_MAX 16384 /* steps that it compiles to: what "{1000}" multiplies */
#define REGEX_DEPTH_MAX 64    /* groups in groups: the compiler recurses once for each */

struct regex;

/* ERROR_MALFORMED or ERROR_UNSUPPORTED with the offset in the expression, ERROR_LIMIT, ERROR_SYSTEM. */
int regex_compile(struct bytes expression, const char *source, struct regex **out,
		  struct error *err);
void regex_free(struct regex *regex);
void regex_freep(struct regex **regex);

/* Whether the whole text is matched (fullmatch): 1, 0, -1 when out of memory. */
int regex_match(const struct regex *regex, struct bytes text, struct error *err);

/* Appends an expression that matches just this text. */
void regex_escape(struct buf *out, struct bytes text);

#endif
