/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/db.h"

enum exit_status cmd_db_info(const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return command_usage(self, "is not built yet");
}

enum exit_status cmd_db_list(const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return command_usage(self, "is not built yet");
}

enum exit_status cmd_db_lookup(const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return command_usage(self, "is not built yet");
}

enum exit_status cmd_db_pcrs(const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return command_usage(self, "is not built yet");
}

enum exit_status cmd_db_diff(const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return command_usage(self, "is not built yet");
}
