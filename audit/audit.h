/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * audit: evidence x golden values x policy -> findings -> verdict -> a rendered report.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "core/command.h"

enum exit_status cmd_audit(const struct command *self, int argc, char **argv);

#endif
