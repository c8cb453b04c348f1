/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refgen: artifacts (packages, trees, initrds, what machines boot) into reference values.
 */
#ifndef REFGEN_REFGEN_H
#define REFGEN_REFGEN_H

#include "core/command.h"

enum exit_status cmd_refgen_rpm(const struct command *self, int argc, char **argv);
enum exit_status cmd_refgen_tree(const struct command *self, int argc, char **argv);
enum exit_status cmd_refgen_initrd(const struct command *self, int argc, char **argv);
enum exit_status cmd_refgen_keys(const struct command *self, int argc, char **argv);
enum exit_status cmd_refgen_allowlist(const struct command *self, int argc, char **argv);
enum exit_status cmd_refgen_boot(const struct command *self, int argc, char **argv);

#endif
