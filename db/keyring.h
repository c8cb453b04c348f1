/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keyring: the keys that a release's machines verify signatures with, by the kernel's keyring they are
 * in. Plain data: refgen imports them, the database keeps them, audit checks signatures with them.
 *
 * Threads: a list is made by one, then read by any.
 */
#ifndef DB_KEYRING_H
#define DB_KEYRING_H

#include "core/arena.h"
#include "core/key_file.h"
#include "db/db.h"

/* The kernel's keyrings that decide what is trusted. Numbers are in databases: it grows at its end. */
enum keyring {
	KEYRING_IMA,           /* ".ima": contents, and what is appended to them */
	KEYRING_EVM,           /* ".evm": metadata */
	KEYRING_BUILTIN,       /* ".builtin_trusted_keys": compiled into the kernel */
	KEYRING_SECONDARY,     /* ".secondary_trusted_keys" */
	KEYRING_MACHINE,       /* ".machine": the machine's owner's (MOK) */
	KEYRING_PLATFORM,      /* ".platform": the firmware's (db) */
	KEYRING_VERITY,        /* ".fs-verity": signatures that fs-verity files carry */
	KEYRING_BLACKLIST,     /* ".blacklist": revoked */
	KEYRING_IMA_BLACKLIST, /* ".ima_blacklist": revoked */
	KEYRING_COUNT
};

/* As the kernel names it. */
const char *keyring_name(enum keyring keyring);

/* True for such a name, also without its dot; "_ima" and "_evm", as kernels without trusted keyrings name
 * them, too. */
bool keyring_of_name(struct bytes name, enum keyring *out);

/* Only the kernel's name itself, as a log has it. */
bool keyring_of_kernel_name(struct bytes name, enum keyring *out);

/* All names, with commas between: for messages. */
#define KEYRING_NAMES                                                                              \
	".ima, .evm, .builtin_trusted_keys, .secondary_trusted_keys, .machine, .platform, "        \
	".fs-verity, .blacklist, .ima_blacklist"

/* A key of a release. */
struct golden_key {
	const char *release,
		*artifact; /* set when read from a database; artifact may be any bytes */
	enum keyring keyring;
	enum key_form form;
	struct bytes der;
	struct key_facts facts; /* set when read from a database */
};

/*
 * The keys of one artifact as one blob; keys becomes what is in it: sorted by their DER, each once.
 * Integers are little endian.
 *
 *     keys  u8 version (1), u8 keyring, u32 n_keys, keys
 *     key   u8 form, u32 size, bytes
 */
int keyring_encode(enum keyring keyring, struct golden_key *keys, size_t *n_keys, struct buf *out,
		   struct error *err);

struct golden_key_list {
	struct golden_key *keys; /* owned, with all they point to: in the arena */
	size_t n_keys, capacity;
	struct arena arena;
};

/* Appends the keys of a blob, each parsed anew. source is what errors call it. */
int keyring_decode(struct bytes blob, const char *source, struct hasher *hasher,
		   struct golden_key_list *list, struct error *err);

/*
 * All keys of these releases (NULL and 0: of all), by release, keyring, fingerprint and artifact.
 * ERROR_USAGE names a release the database lacks.
 */
int db_keys_read(struct db *db, const char *const *releases, size_t n_releases,
		 struct golden_key_list *out, struct error *err);
void golden_key_list_clear(struct golden_key_list *list);

#endif
