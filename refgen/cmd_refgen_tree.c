/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/refgen.h"

enum exit_status cmd_refgen_tree(const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return command_usage(self, "is not built yet");
}

enum exit_status cmd_refgen_initrd(const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return command_usage(self, "is not built yet");
}
