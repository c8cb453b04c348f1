/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of FAPI's quotes and of its logs share: part of the forms module. */
#ifndef REPLAY_FORMS_FAPI_H
#define REPLAY_FORMS_FAPI_H

#include "replay/forms/internal.h"

/* "SHA256"; ALG_NONE for what is none of ours. */
enum alg fapi_alg(const struct json_value *value);

/* Hex as a TPM2B; false if it is none. */
bool fapi_append_2b(struct buf *out, const struct json_value *value);

/* An array of events: what the firmware logged as a boot log, what others extended as a log of user space. */
int fapi_read_log(struct sink *sink, const struct json_value *events, const char *where,
		  struct error *err);

#endif
