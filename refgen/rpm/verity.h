/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verity: the fs-verity signatures that packages ship for their files, checked with keys that a release has in
 * the kernel's keyring .fs-verity: PKCS #7 over the file's fs-verity digest and what it is called.
 *
 * Sources: Linux Documentation/filesystems/fsverity.rst (built-in signature verification),
 *          fs/verity/signature.c; rpm sign/rpmsignverity.c.
 * Threads: a ring is read by any number of threads once it is made.
 */
#ifndef REFGEN_RPM_VERITY_H
#define REFGEN_RPM_VERITY_H

#include "core/crypto.h"
#include "db/keyring.h"

struct verity_ring;

/* Those of a list that are in .fs-verity, of this release alone. */
int verity_ring_new(const struct golden_key_list *keys, const char *release,
		    struct verity_ring **out, struct error *err);
void verity_ring_free(struct verity_ring *ring);
void verity_ring_freep(struct verity_ring **ring);

size_t verity_ring_size(const struct verity_ring *ring);

enum verity_answer {
	VERITY_HOLDS,
	VERITY_WRONG, /* by a key of the ring, and not over this digest; or of no form that the kernel takes */
	VERITY_NO_KEY,    /* by no key of the ring */
	VERITY_UNCHECKED, /* in a way that is not checked here */
};

/* digest is of ALG_VERITY_*. ring may be NULL. */
int verity_signature_check(const struct verity_ring *ring, struct hasher *hasher,
			   struct bytes signature, const struct digest *digest,
			   enum verity_answer *out, struct error *err);

/* The digest's algorithm as rpm and the kernel number it (1, 2); ALG_NONE: none of them. */
enum alg verity_alg_of_number(uint64_t number);

#endif
