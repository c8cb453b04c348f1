/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ima_keys: keys that the operator names, for the signatures in IMA logs.
 *
 * Threads: no shared state.
 */
#ifndef AUDIT_IMA_KEYS_H
#define AUDIT_IMA_KEYS_H

#include "replay/ima/keyring.h"

/*
 * Adds the keys of a file (PEM or DER, public keys or certificates), or of each file of a folder, in the
 * order of their names; what is in it and is no regular file is passed over, one whose name begins with a
 * dot too. A folder without keys is an error.
 */
int ima_keys_read(const char *path, struct ima_keyring *keyring, struct error *err);

#endif
