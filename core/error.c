/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "core/text.h"

static void source_set(struct error *err, const char *source)
{
	size_t size = source ? strlen(source) : 0;
	const size_t room = sizeof(err->source) - 1;

	if (size > room)
		snprintf(err->source, sizeof(err->source), "...%s", source + (size - (room - 3)));
	else
		snprintf(err->source, sizeof(err->source), "%s", source ? source : "");
}

int error_set(struct error *err, enum error_code code, const char *source, uint64_t offset,
	      const char *format, ...)
{
	va_list args;

	if (!err)
		return -1;
	err->code = code;
	err->offset = offset;
	source_set(err, source);
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return -1;
}

int error_errno(struct error *err, enum error_code code, const char *source, int errno_value,
		const char *format, ...)
{
	char reason[96] = "";
	va_list args;
	int size;

	if (!err)
		return -1;
	err->code = code;
	err->offset = ERROR_NO_OFFSET;
	source_set(err, source);
	va_start(args, format);
	size = vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	if (size < 0)
		size = 0;
	if ((size_t)size >= sizeof(err->message))
		return -1;
	if (strerror_r(errno_value, reason, sizeof(reason)) != 0)
		snprintf(reason, sizeof(reason), "error %d", errno_value);
	snprintf(err->message + size, sizeof(err->message) - (size_t)size, ": %s", reason);
	return -1;
}

int error_memory(struct error *err, const char *source)
{
	return error_set(err, ERROR_SYSTEM, source, ERROR_NO_OFFSET, "out of memory");
}

int error_format(const struct error *err, char *out, size_t out_size)
{
	char source[4 * sizeof(err->source)], message[4 * sizeof(err->message)];
	char at[40] = "";

	text_escape(source, sizeof(source), bytes_of_string(err->source));
	text_escape(message, sizeof(message), bytes_of_string(err->message));
	if (err->offset != ERROR_NO_OFFSET)
		snprintf(at, sizeof(at), "offset 0x%" PRIx64 ": ", err->offset);
	return snprintf(out, out_size, "%s%s%s%s", source, source[0] ? ": " : "", at, message);
}

enum exit_status error_exit_status(const struct error *err)
{
	switch (err->code) {
	case ERROR_NONE:
		return EXIT_DONE;
	case ERROR_USAGE:
		return EXIT_USAGE;
	case ERROR_TRUNCATED:
	case ERROR_MALFORMED:
	case ERROR_LIMIT:
	case ERROR_UNSUPPORTED:
	case ERROR_INPUT:
		return EXIT_INPUT;
	case ERROR_MISMATCH:
		return EXIT_NO;
	case ERROR_SYSTEM:
		return EXIT_SYSTEM;
	}
	return EXIT_SYSTEM;
}
