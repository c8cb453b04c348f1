/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_replay_quote: what its two files share. */
#ifndef REPLAY_CMD_REPLAY_QUOTE_H
#define REPLAY_CMD_REPLAY_QUOTE_H

#include "core/command.h"
#include "core/bytes.h"

/* The command on a TDX machine's quote. nonce may be NULL. */
enum exit_status replay_quote_tdx(struct bytes input, const char *source, const struct bytes *nonce,
				  bool json);

#endif
