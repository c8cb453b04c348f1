/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay: what was captured on a machine, read and replayed: event logs, IMA
 * logs, quotes and the keys behind them. Says what happened; whether that was
 * expected is for audit/ to say. Never sees a golden value.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "core/command.h"

enum exit_status cmd_replay_tcg(const struct command *self, int argc, char **argv);
enum exit_status cmd_replay_ima(const struct command *self, int argc, char **argv);
enum exit_status cmd_replay_evidence(const struct command *self, int argc, char **argv);
enum exit_status cmd_replay_cel(const struct command *self, int argc, char **argv);
enum exit_status cmd_replay_quote(const struct command *self, int argc, char **argv);

#endif
