/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of eventlog share among themselves. */
#ifndef REPLAY_EVENTLOG_INTERNAL_H
#define REPLAY_EVENTLOG_INTERNAL_H

#include "replay/eventlog/eventlog.h"

/* Signatures of EV_NO_ACTION events: 16 bytes, with a NUL where one fits (PFP 10.4.5). */
#define SIGNATURE_SIZE 16

/* True if data begins with a signature of EV_NO_ACTION. */
bool signature_is(struct bytes data, const char *signature);

/* The locality a StartupLocality event states; false if the record is none. */
bool startup_locality(const struct record *record, uint8_t *value);

/* UTF-16LE text equals ASCII text. */
bool utf16_equal(struct bytes utf16, const char *ascii);

/* UTF-16LE without the NULs at its end, and without half a unit. */
struct bytes utf16_trim(struct bytes utf16);

/* UTF-16LE up to its first NUL; the whole if there is none. */
struct bytes utf16_until_nul(struct bytes utf16);

/* Bytes without the NULs at their end. */
struct bytes nul_trim(struct bytes bytes);

struct efi_guid efi_guid_read(struct reader *in);

#endif
