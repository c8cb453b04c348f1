/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state: what audits of machines verified before, kept in a file of the operator's (--state): each
 * machine's clock and counters, and how far its logs were attested. The next audit holds the evidence
 * against it, and joins an IMA list that holds new entries only to those that were attested.
 *
 *     FILE               JSON, below; appears whole or not at all
 *     FILE.lists/HEX     the attested part of an IMA list, named by its SHA-256
 *
 *     {"version": 1, "machines": {"KEY": {"reset_count": 2, "restart_count": 0, "clock": 27270,
 *       "boot_log": {"size": 1, "digest": "HEX"}, "userspace": {"boot_id": "...", "size": 1, "digest": "HEX"},
 *       "ima": {"entries": 12, "size": 1, "digest": "HEX"}}}}
 *
 * KEY is the TPM name of the attestation key in hex.
 *
 * Threads: reading is for all threads; state_put and state_write for one.
 */
#ifndef AUDIT_STATE_H
#define AUDIT_STATE_H

#include "core/crypto.h"
#include "core/file.h"

/* nameAlg and digest in hex. */
#define STATE_KEY_MAX 132

/* Machines that one file holds; a fleet's largest. */
#define STATE_MACHINES_MAX ((size_t)1 << 20)

#define STATE_DIGEST 32

/* The first so many bytes of a log, and their SHA-256. */
struct state_log {
	uint64_t size; /* 0: nothing was attested */
	uint8_t digest[STATE_DIGEST];
};

struct machine_state {
	char key[STATE_KEY_MAX + 1];
	/* Of the latest quote that was verified. */
	uint64_t clock; /* milliseconds */
	uint32_t reset_count, restart_count;
	struct state_log boot; /* the whole log */
	struct state_log userspace;
	char boot_id[64]; /* that the records of userspace name; "": none */
	struct state_log ima;
	uint64_t n_entries; /* of the IMA list, in ima */
};

struct state;

/* A file that does not exist is a state of no machines. -1 when it cannot be read, or is none. */
int state_read(const char *path, struct state **out, struct error *err);
void state_free(struct state *state);
void state_freep(struct state **state);

size_t state_n_machines(const struct state *state);

/* The machine of a key; NULL if it was never seen. Valid until the next state_put. */
const struct machine_state *state_find(const struct state *state, const char *key);

/* Keeps what an audit verified, unless the state has later of this machine. */
int state_put(struct state *state, const struct machine_state *machine, struct error *err);

/* Keeps the attested part of an IMA list: from any thread, before the state that names it is written. */
int state_keep_list(const struct state *state, struct bytes list, const uint8_t *digest,
		    struct error *err);

/* The list of a machine; ERROR_INPUT if it is not there, or not what was kept. */
int state_open_list(const struct state *state, const struct machine_state *machine,
		    struct hasher *hasher, struct file **out, struct error *err);

/* Writes the file if anything was put, and drops lists that nothing names any more. */
int state_write(struct state *state, struct error *err);

#endif
