/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of FAPI's quotes and of its logs share: part of the forms module. */
#ifndef REPLAY_FORMS_FAPI_H
#define REPLAY_FORMS_FAPI_H

#include "replay/forms/internal.h"

/* "SHA256"; ALG_NONE for what is none of ours. */
enum alg fapi_alg(const struct json_value *value);

/* Hex as a TPM2B; false if it is none. */
bool fapi_append_2b(struct buf *out, const struct json_value *value);

#endif
