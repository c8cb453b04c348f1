/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text: bytes from evidence made safe to show.
 *
 * Well-formed UTF-8 that prints is kept. Control characters, bidirectional and
 * invisible formatting characters, and bytes that are not UTF-8 become \xNN, a
 * backslash becomes \\, so what is shown can be told apart and cannot drive a terminal.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stdio.h>

#include "core/bytes.h"

/* Length of the well-formed UTF-8 sequence at data[0], 0 if there is none; *code its code point. */
size_t utf8_next(const uint8_t *data, size_t size, uint32_t *code);

/* True if a code point may be shown as it is: no control, bidirectional or invisible character. */
bool text_printable(uint32_t code);

/* Escaped text into out with a NUL, cut (at a whole character) to out_size. Returns out. */
char *text_escape(char *out, size_t out_size, struct bytes text);

/* Escaped text appended to buf. */
void text_append(struct buf *buf, struct bytes text);

/* Escaped text written to a stream. */
void text_write(FILE *out, struct bytes text);

/* UTF-16LE as firmware writes it, unpaired surrogates replaced, appended as UTF-8 without escaping. */
void text_append_utf16le(struct buf *buf, struct bytes utf16);

/* UTF-8 appended as UTF-16LE, without a NUL; a byte that is no UTF-8 becomes the character of its number. */
void text_to_utf16le(struct buf *out, struct bytes utf8);

#endif
