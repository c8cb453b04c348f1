/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buffer: what the buffers say that IMA logs with the template ima-buf: command lines of kernels to come, keys
 * put into keyrings, the state of SELinux, tables of the device mapper and other critical data.
 *
 * Sources: Linux security/integrity/ima/{ima_main.c,ima_asymmetric_keys.c,ima_kexec.c}, security/selinux/ima.c,
 *          drivers/md/dm-ima.c; Documentation/admin-guide/device-mapper/dm-ima.rst.
 * Threads: no shared state.
 */
#ifndef REPLAY_IMA_BUFFER_H
#define REPLAY_IMA_BUFFER_H

#include "core/bytes.h"

enum ima_buffer_kind {
	IMA_BUFFER_COMMAND_LINE, /* kexec-cmdline: text */
	IMA_BUFFER_KEY,          /* put into a keyring, .ima and such: a certificate, DER */
	IMA_BUFFER_DIGEST,       /* selinux-policy-hash, blacklisted-hash: raw bytes */
	IMA_BUFFER_FIELDS, /* key=value, in groups: selinux-state, dm_table_load, kexec_load, ... */
	IMA_BUFFER_TEXT,   /* any other text: kernel_version */
	IMA_BUFFER_BYTES,  /* what nobody here knows */
};

/* "command-line", "key", ... */
const char *ima_buffer_kind_name(enum ima_buffer_kind kind);

/* By the entry's name, and where that says nothing, by what the bytes look like. */
enum ima_buffer_kind ima_buffer_kind(struct bytes name, struct bytes buffer);

/* True for a keyring of the kernel's own, whose keys KEY_CHECK measures. */
bool ima_is_keyring(struct bytes name);

/*
 * One field of IMA_BUFFER_FIELDS. Groups end with ';', fields in them with ',', a backslash takes away a
 * character's meaning and stays in key and value; zeros between groups, which some kernels leave, are
 * passed over.
 */
struct ima_buffer_field {
	struct bytes key;   /* empty where the field has no '=' */
	struct bytes value; /* may hold '=' */
	bool begins_group;
};

/* Takes the next field off *rest: false at the end. *rest begins as the whole buffer. */
bool ima_buffer_field_next(struct bytes buffer, struct bytes *rest, struct ima_buffer_field *out);

/*
 * One line about a buffer, not escaped, appended: text as it is, the subject of a certificate, a digest in
 * hex; of bytes that nobody knows, how many.
 */
void ima_buffer_describe(struct bytes name, struct bytes buffer, struct buf *out);

#endif
