/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base64: read and write RFC 4648 base64, as JSON evidence carries bytes.
 *
 * Strict: the standard alphabet, padded, unused bits zero, nothing before,
 * between or after (section 3.5, 12). One text is one value and the other way round.
 */
#ifndef CORE_BASE64_H
#define CORE_BASE64_H

#include "core/bytes.h"

/* Bytes that a text of this many characters decodes to at most. */
#define BASE64_DECODED_MAX(size) ((size) / 4 * 3)

/*
 * Decodes text into out, which has room for BASE64_DECODED_MAX(text.size). The number of bytes, or
 * -1; *bad (unless NULL) is then the offset in text of what is wrong, text.size if it ends too early.
 */
long base64_decode(struct bytes text, uint8_t *out, size_t *bad);

/* Appends the text of data. */
void base64_append(struct buf *out, struct bytes data);

#endif
