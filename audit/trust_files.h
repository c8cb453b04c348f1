/* SPDX-License-Identifier: BSD-2-Clause */
/* trust_files: what the operator names beside attestation keys: authorities, a time, secrets. */
#ifndef AUDIT_TRUST_FILES_H
#define AUDIT_TRUST_FILES_H

#include "core/bytes.h"

struct trust;

/*
 * Adds the certificates and revocation lists of a file, or of a folder's *.pem, *.crt, *.cer, *.der and
 * *.crl; a folder without any is ERROR_INPUT.
 */
int trust_read(struct trust *trust, const char *path, struct error *err);

/* RFC 3339 (2026-11-27T21:00:00Z, with an offset, or only the date: its midnight UTC) or seconds since
 * 1970. False for anything else. */
bool time_parse(const char *text, int64_t *out);

/* 2026-11-27T21:00:00Z. Returns out. */
#define TIME_TEXT_SIZE 40
char *time_text(int64_t time, char out[TIME_TEXT_SIZE]);

/* What a challenger put into a credential. */
struct secret {
	struct bytes
		name; /* of credential-NAME; empty for the plain one. Borrowed from the option */
	struct bytes value; /* owned */
	const char *by;     /* whose word it is; owned by the setup's arena */
};

/* [NAME=]FILE. */
int secret_read(const char *option, struct secret *out, struct error *err);

/* The FILE of [NAME=]FILE: a name has no '/'. */
const char *secret_path(const char *option);

void secret_clear(struct secret *secret);

#endif
