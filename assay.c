/* SPDX-License-Identifier: BSD-2-Clause */
/* assay: the command table: names, one-line helps, nothing else. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "core/command.h"
#include "core/own.h"
#include "db/db.h"
#include "refgen/refgen.h"
#include "replay/replay.h"

static const struct command commands[] = {
	{"refgen rpm",        "add the files of RPM packages to the database",
         "--release NAME [OPTIONS] FILE|DIR...",								   cmd_refgen_rpm      },
	{ "refgen tree",      "add the files below a directory to the database",
         "--release NAME [OPTIONS] DIR...",									cmd_refgen_tree     },
	{ "refgen initrd",    "add the files inside an initrd image to the database",
         "--release NAME [OPTIONS] FILE...",								       cmd_refgen_initrd   },
	{ "refgen allowlist", "add the files that other verifiers' policies list",
         "--release NAME [OPTIONS] FILE...",								       cmd_refgen_allowlist},
	{ "refgen keys",      "add the keys that a release verifies signatures with",
         "--release NAME --keyring KEYRING [OPTIONS] FILE...",                                                     cmd_refgen_keys     },
	{ "refgen boot",      "predict the PCR values of booting images",
         "--release NAME [OPTIONS] [FILE|DIR...]",								 cmd_refgen_boot     },
	{ "replay tcg",       "decode and replay a firmware event log",               "[OPTIONS] LOG",             cmd_replay_tcg      },
	{ "replay ima",       "decode and replay an IMA measurement list",            "[OPTIONS] LOG",
         cmd_replay_ima														},
	{ "replay cel",       "decode and replay a Canonical Event Log",              "[OPTIONS] LOG",
         cmd_replay_cel														},
	{ "replay quote",     "verify a TPM quote",
         "--message FILE --signature FILE --key FILE [OPTIONS]",                                                   cmd_replay_quote    },
	{ "replay evidence",  "say what is recognised as evidence",                   "[OPTIONS] PATH",
         cmd_replay_evidence													   },
	{ "audit",            "judge evidence against the database",                  "[OPTIONS] BUNDLE...",       cmd_audit           },
	{ "db info",          "say what a database is and how much it holds",         "[OPTIONS]",                 cmd_db_info         },
	{ "db list",          "list releases, artifacts or files",                    "[OPTIONS]",                 cmd_db_list         },
	{ "db lookup",        "say where a digest or a path is known",                "[OPTIONS] DIGEST|PATH...",
         cmd_db_lookup														 },
	{ "db pcrs",          "list the boot profiles and their PCR values",          "[OPTIONS]",                 cmd_db_pcrs         },
	{ "db export",        "write releases as lists for other verifiers",          "[OPTIONS]",                 cmd_db_export       },
	{ "db diff",          "list the files that differ between two releases",      "[OPTIONS] RELEASE RELEASE",
         cmd_db_diff														   },
};

static void print_commands(FILE *out)
{
	fputs("Usage: assay COMMAND [SUBCOMMAND] [OPTIONS] ARGUMENTS\n\n"
	      "Reference values and forensics of measured boot and IMA, offline.\n\nCommands:\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-15s %s\n", commands[i].name, commands[i].help);
	fputs("\n'assay COMMAND --help' says more about one; 'man assay' about all.\n", out);
}

/* How many of the words in argv name the command: 1 or 2, or 0 if they do not. */
static int words_match(const struct command *command, int argc, char **argv)
{
	size_t first = strcspn(command->name, " ");

	if (strncmp(argv[1], command->name, first) != 0 || argv[1][first])
		return 0;
	if (!command->name[first])
		return 1;
	return argc > 2 && strcmp(argv[2], command->name + first + 1) == 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
	bool family = false;

	/* libtss2 writes to standard error of its own accord; what is wrong with a quote we say ourselves. */
	(void)setenv("TSS2_LOG", "all+none", 0);
	/* A limit on the size of files is like a full disk: the write fails, and we say which. */
	signal(SIGXFSZ, SIG_IGN);
#ifdef __GLIBC__
	/* What is freed is soon needed again: giving it back means to fault every page in anew. */
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_MMAP_THRESHOLD, 8 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
#endif
	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_commands(stdout);
		return (int)command_finish(EXIT_DONE);
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("assay %s\n", ASSAY_VERSION);
		return (int)command_finish(EXIT_DONE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int n = words_match(&commands[i], argc, argv);
		size_t first = strcspn(commands[i].name, " ");

		if (n)
			return (int)commands[i].run(&commands[i], argc - n, argv + n);
		if (strncmp(argv[1], commands[i].name, first) == 0 && !argv[1][first])
			family = true;
	}
	if (family && argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
		print_commands(stdout);
		return (int)command_finish(EXIT_DONE);
	}
	if (family && argc > 2)
		fprintf(stderr, "assay: unknown subcommand '%s %s'\n", argv[1], argv[2]);
	else if (family)
		fprintf(stderr, "assay: '%s' needs a subcommand\n", argv[1]);
	else
		fprintf(stderr, "assay: unknown command '%s'\n", argv[1]);
	fputs("Try 'assay --help'.\n", stderr);
	return EXIT_USAGE;
}
