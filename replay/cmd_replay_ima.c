/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/replay.h"

enum exit_status cmd_replay_ima(const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return command_usage(self, "is not built yet");
}
