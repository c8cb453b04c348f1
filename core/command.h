/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command: what all commands share: options from one table that also writes
 * --help, messages on standard error, exit statuses.
 */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

/* A command of the program, as the table in assay.c lists it. */
struct command {
	const char *name;     /* "refgen rpm" */
	const char *help;     /* one line for the list of commands */
	const char *synopsis; /* what follows the name: "[OPTIONS] BUNDLE..." */
	enum exit_status (*run)(const struct command *self, int argc,
				char **argv); /* argv[0] is its name */
};

enum option_kind {
	OPTION_FLAG,   /* value: bool, set to true */
	OPTION_STRING, /* value: const char *, the last one given; borrowed from argv */
	OPTION_LIST,   /* value: struct option_list, every one given in order */
	OPTION_UINT,   /* value: unsigned, decimal */
};

struct option_list {
	const char **items; /* owned array of strings borrowed from argv */
	size_t n_items;
};

struct command_option {
	const char *name; /* long name without dashes */
	char letter;      /* short name, or 0 */
	enum option_kind kind;
	void *value;
	const char *argument; /* what --help calls the argument; NULL for a flag */
	const char *help;     /* one line or more, for --help */
};

/* Options that many commands take; a command includes the rows it honours. */
#define OPTION_DB(var)                                                                             \
	{                                                                                          \
		"db", 0, OPTION_STRING, (var), "FILE",                                             \
			"golden database (default: $ASSAY_DB, else ./golden.db)"                   \
	}
#define OPTION_JOBS(var)                                                                           \
	{                                                                                          \
		"jobs", 'j', OPTION_UINT, (var), "N", "threads (default: one per processor)"       \
	}
#define OPTION_JSON(var)                                                                           \
	{                                                                                          \
		"json", 0, OPTION_FLAG, (var), NULL, "print one JSON document"                     \
	}
#define OPTION_QUIET(var)                                                                          \
	{                                                                                          \
		"quiet", 'q', OPTION_FLAG, (var), NULL, "no progress and no summary"               \
	}
#define OPTION_VERBOSE(var)                                                                        \
	{                                                                                          \
		"verbose", 'v', OPTION_FLAG, (var), NULL, "say more about what is done"            \
	}

struct command_args {
	char **items; /* the arguments that are no options; borrowed from argv */
	size_t n_items;
};

/*
 * Reads the options. Returns true when the command should go on; false when it
 * should return *status: after --help, --version, or a message about a wrong
 * command line. "--" ends the options.
 */
bool command_parse(const struct command *self, const struct command_option *options,
		   size_t n_options, int argc, char **argv, struct command_args *args,
		   enum exit_status *status);

/* The database's name: --db, else $ASSAY_DB, else golden.db; *given says whether anybody named it. */
const char *command_db(const char *option, bool *given);

/* Prints "assay: <error>" and returns its exit status. */
enum exit_status command_fail(const struct error *err);

/* Prints a message and "Try 'assay NAME --help'."; returns EXIT_USAGE. */
enum exit_status command_usage(const struct command *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Flushes standard output: status, or EXIT_SYSTEM with a message if what was printed was lost. */
enum exit_status command_finish(enum exit_status status);

void option_list_clear(struct option_list *list);

#endif
