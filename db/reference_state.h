/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reference_state: what a boot may have measured, as sets: another verifier's reference values for
 * some of its events (Keylime's measured-boot reference state). A profile says which events must
 * come and in which order; a state says which digests those of a few kinds may have.
 *
 * Plain data: refgen reads states, the database keeps them, audit holds captured logs against them.
 *
 * Source: Keylime keylime/mba/elchecking/example.py and keylime/policy/create_mb_policy.py.
 */
#ifndef DB_REFERENCE_STATE_H
#define DB_REFERENCE_STATE_H

#include "core/arena.h"
#include "core/digest.h"
#include "core/reader.h"

/* One value, in each algorithm that is said. */
struct state_digest {
	alg_set algs;
	struct digest digests[ALG_BANKS]; /* by enum alg */
};

struct regex;

struct state_digests {
	struct state_digest *items;
	size_t n;
};

/* Firmware: both of one machine's, or neither. */
struct state_firmware {
	struct state_digest crtm;   /* EV_S_CRTM_VERSION */
	struct state_digests blobs; /* EV_EFI_PLATFORM_FIRMWARE_BLOB and _BLOB2, in this order */
};

/* An EFI_SIGNATURE_DATA. */
struct state_key {
	uint8_t owner[16]; /* GUID, as on the wire */
	struct bytes data; /* certificate or digest */
};

enum state_list { STATE_PK, STATE_KEK, STATE_DB, STATE_DBX, STATE_LIST_COUNT };

/* "PK", "KEK", "db", "dbx": the names of the variables. */
const char *state_list_name(enum state_list list);

struct state_keys {
	struct state_key *items;
	size_t n;
};

/* What is started: all of one kernel, or nothing. SHA-256. */
struct state_kernel {
	struct digest shim, grub; /* Authenticode */
	struct digest kernel;     /* Authenticode, without Secure Boot of the file */
	struct digest initrd;     /* of the file */
	struct bytes
		command_line; /* an expression (core/regex), see reference_state_command_line */
};

struct reference_state {
	const char *release;  /* set when read from a database */
	const char *artifact; /* the same */
	bool secure_boot;     /* is on: else off */
	struct state_firmware *firmware;
	size_t n_firmware;
	struct state_keys lists[STATE_LIST_COUNT]; /* dbx: that must be there; else that may be */
	struct state_digests mok, mokx;            /* MokList, MokListX: that may be */
	struct state_kernel *kernels;
	size_t n_kernels;
};

/* What stands before a command line that GRUB measures. */
#define STATE_COMMAND_LINE_PREFIX "kernel_cmdline: "

/*
 * What a kernel's command line, with that before it, has to match: the expression with the same
 * before it. So does Keylime put it together, and so the prefix is part of the first alternative only.
 */
int reference_state_command_line(const struct state_kernel *kernel, const char *source,
				 struct regex **out, struct error *err);

#define STATES_MAX      4096                /* of one artifact */
#define STATE_ITEMS_MAX 65536               /* of one list: a dbx has some hundred entries */
#define STATE_TEXT_MAX  ((uint32_t)1 << 20) /* bytes of a key or an expression */

/*
 * In the database: the end of a blob of profiles (db/profile.h).
 *
 *     states  u32 n, states
 *     state   u8 secure_boot, u32 n_firmware, firmware, 4 lists of keys, 2 lists of digests,
 *             u32 n_kernels, kernels
 *     firmware  digest, digests
 *     digest  u16 algs, the digests in the order of enum alg;  digests  u32 n, digests
 *     keys    u32 n, keys: 16 bytes owner, u32 size, bytes
 *     kernel  4 times 32 bytes, u32 size, bytes
 */
int reference_states_append(struct buf *out, const struct reference_state *states, size_t n,
			    struct error *err);
int reference_states_read(struct reader *in, struct arena *arena, struct reference_state **out,
			  size_t *n, struct error *err);

#endif
