/* SPDX-License-Identifier: BSD-2-Clause */
/* An expression, a newline, a text. What is escaped matches itself. */
#include <stdlib.h>

#include "core/own.h"
#include "core/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
	size_t before = newline ? (size_t)(newline - data) : size;
	struct bytes text = newline ? bytes_of(newline + 1, size - before - 1) : bytes_of("", 0);
	AUTO(regex_freep) struct regex *regex = NULL, *escaped = NULL;
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };

	if (size > 1024)
		return 0;
	if (regex_compile(bytes_of(data, before), "fuzz", &regex, &err) < 0) {
		if (!err.message[0])
			abort();
	} else if (regex_match(regex, text, &err) < 0) {
		abort();
	}
	regex_escape(&out, text);
	if (regex_compile(buf_bytes(&out), "fuzz", &escaped, &err) < 0 ||
	    regex_match(escaped, text, &err) != 1)
		abort();
	return 0;
}
