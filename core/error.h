/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error: what failed, where in which input, and which rule says so.
 *
 * Plain data on the caller's stack; never allocates. A function that can fail
 * returns 0, or -1 with *err filled by the innermost function that knows.
 * Printed, an error reads
 *
 *     events.bin: offset 0x38: PFP 10.4.5.1: 4096 digest algorithms, at most 16
 */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#include <stdint.h>
#include <stdio.h>

enum error_code {
	ERROR_NONE = 0,
	ERROR_USAGE,       /* the command line is wrong */
	ERROR_TRUNCATED,   /* the input ends inside a structure */
	ERROR_MALFORMED,   /* a value its format does not allow, or bytes left over */
	ERROR_LIMIT,       /* a count or depth over a limit of ours, named in the message */
	ERROR_UNSUPPORTED, /* well-formed, but a form Assay does not read */
	ERROR_INPUT,       /* an input cannot be opened or read */
	ERROR_MISMATCH,    /* a signature, digest or comparison does not hold */
	ERROR_SYSTEM,      /* memory, disk, database, threads */
};

#define ERROR_NO_OFFSET UINT64_MAX

struct error {
	enum error_code code;
	uint64_t offset;   /* bytes from the start of the source, or ERROR_NO_OFFSET */
	char source[256];  /* as the user named it; the tail of a name too long */
	char message[384]; /* one sentence, no newline */
};

/* Fills *err and returns -1. source may be NULL; err may be NULL. */
int error_set(struct error *err, enum error_code code, const char *source, uint64_t offset,
	      const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same for a failed system call: the text of errno_value follows the message. */
int error_errno(struct error *err, enum error_code code, const char *source, int errno_value,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Out of memory, as an error like any other. */
int error_memory(struct error *err, const char *source);

/* One line without its newline, control characters escaped. Returns its length as snprintf does. */
int error_format(const struct error *err, char *out, size_t out_size);

/* Exit statuses of the program (design.md, "The command line"). */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_NO = 1,         /* the answer is no: failed bundle, signature or comparison */
	EXIT_USAGE = 2,      /* the command line is wrong */
	EXIT_INPUT = 3,      /* an input is malformed or unreadable */
	EXIT_SYSTEM = 4,     /* memory, disk, database */
	EXIT_INCOMPLETE = 5, /* audit: nothing failed but evidence was missing */
};

enum exit_status error_exit_status(const struct error *err);

#endif
