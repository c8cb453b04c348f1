/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * key_set: keys of one of the kernel's keyrings as an artifact.
 *
 * Threads: a set belongs to one thread.
 */
#ifndef REFGEN_FILES_KEY_SET_H
#define REFGEN_FILES_KEY_SET_H

#include "db/keyring.h"
#include "refgen/files/files.h"

struct key_set {
	enum keyring keyring;
	struct hasher *hasher; /* borrowed */
	struct arena arena;
	struct golden_key *keys; /* owned */
	size_t n_keys, capacity;
};

void key_set_clear(struct key_set *set);

/* Adds the keys of a file, or of one DER. Errors are key_file_read's. */
int key_set_read(struct key_set *set, struct bytes file, const char *source, struct error *err);

/* The artifact, without its files: *out borrows the keys. Its digest is that of the keys. */
int key_set_artifact(struct key_set *set, struct bytes name, struct file_set **out,
		     struct error *err);

#endif
