/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * profile: one way of booting a release: the ordered events it must produce, and the PCR values they
 * end in. Plain data: refgen predicts profiles, the database keeps them, audit holds captured logs
 * against them.
 *
 * Everything in a profile is owned by whoever made it (an arena), and read-only to all others.
 */
#ifndef DB_PROFILE_H
#define DB_PROFILE_H

#include "core/arena.h"
#include "core/event_type.h"
#include "core/json.h"
#include "core/pcr.h"
#include "db/reference_state.h"

struct db;

/* How the digests of an event are known. */
enum event_origin {
	ORIGIN_COMPUTED, /* from the inputs */
	ORIGIN_BASELINE, /* carried over from an earlier boot's log */
	ORIGIN_ASSUMED, /* computed, but something it depends on was assumed: profile_event.assumption */
	ORIGIN_UNKNOWN, /* no digests: something will be measured here, nobody knows what */
	ORIGIN_COUNT
};

/* "computed", "baseline", "assumed", "unknown". */
const char *event_origin_name(enum event_origin origin);

/* What the digest of an event with text is over. */
enum text_encoding {
	TEXT_NONE,     /* no text: bytes of a file, a table, an image */
	TEXT_BYTES,    /* text as it is */
	TEXT_UTF16LE,  /* text as UTF-16LE */
	TEXT_VARIABLE, /* no text, but the UEFI_VARIABLE_DATA of a variable as it is (PFP 10.2) */
};

/* What may stand in a hole. */
enum hole_kind {
	HOLE_UUID,       /* hex digits and dashes: 8-4-4-4-12, or XXXX-XXXX of a FAT volume */
	HOLE_MACHINE_ID, /* 32 lower-case hex digits */
	HOLE_NUMBER,     /* decimal digits */
	HOLE_HEX,        /* lower-case hex digits */
	HOLE_NAME,       /* letters, digits and . _ - + : but no blank, slash or quote */
	HOLE_DEVICE,     /* the same, with a slash: /dev/mapper/cr_root */
	HOLE_KIND_COUNT
};

/* "uuid", "machine-id", "number", "hex", "name", "device". */
const char *hole_kind_name(enum hole_kind kind);

/* Whether a byte may be part of a hole's value, and whether bytes are a whole value. */
bool hole_takes(enum hole_kind kind, uint8_t byte);
bool hole_fits(enum hole_kind kind, struct bytes value);

/* A part of an event's text that only an installation knows. Holes of one name have one value in
 * all events of a profile. */
struct profile_hole {
	size_t offset, size; /* bytes of the text it covers; holes are in order and apart */
	enum hole_kind kind;
	const char *name; /* "root-uuid", "machine-id", "snapshot", ... */
};

struct profile_event {
	uint32_t pcr;
	uint32_t type; /* EV_* (PFP 10.4.1) */
	enum event_origin origin;
	alg_set algs;                     /* of the digests that are known; 0: none */
	struct digest digests[ALG_BANKS]; /* by enum alg */
	const char *
		component; /* what the event is about, the same in all releases: "firmware", "shim",
				 * "grub.cfg", "kernel", "initrd", "command line"; diffs are by it */
	const char *source; /* where the bytes come from: "/EFI/BOOT/BOOTX64.EFI of ESP.img" */
	const char
		*over; /* what the digest is over: "Authenticode of the image", "the whole file" */
	const char *assumption; /* of ORIGIN_ASSUMED; else "" */
	enum text_encoding encoding;
	bool with_nul;     /* a NUL of the encoding's size follows the text in what is hashed */
	struct bytes text; /* what the digest is over, before encoding; empty: TEXT_NONE */
	struct profile_hole *holes; /* in text */
	size_t n_holes;
};

/* How much of a PCR a profile knows. */
enum coverage_kind {
	COVERAGE_NONE,      /* no event of the profile extends it */
	COVERAGE_PREDICTED, /* all events computed, or assumed */
	COVERAGE_BASELINE,  /* all known, some carried over from a baseline */
	COVERAGE_PARTIAL,   /* some event is unknown: no value, but the others can be compared */
	COVERAGE_COUNT
};

/* "none", "predicted", "baseline", "partial". */
const char *coverage_name(enum coverage_kind coverage);

struct profile {
	const char *release;  /* set when read from a database */
	const char *artifact; /* the same: what it was predicted from */
	const char *name;
	const char *ending; /* "" when an operating system is started; else why not */
	alg_set banks;      /* that digests were made for */
	struct profile_event *events;
	size_t n_events;
	/* What user space extends afterwards, in order: a machine may be at any point of it. No log of the
	 * firmware has these events; nothing but profile_replay_later and profile_write_later sees them. */
	struct profile_event *later;
	size_t n_later;
};

/* --- images ------------------------------------------------------------------------------------ */

/* Whether an image carries SBAT data: shim compares it with the level in force. */
enum sbat_state {
	SBAT_NONE,      /* no section */
	SBAT_READ,      /* the entries are all there are */
	SBAT_MALFORMED, /* shim refuses the image; the entries are those before the break */
	SBAT_STATE_COUNT
};

struct boot_sbat {
	struct bytes component;
	uint16_t generation; /* as shim reads it */
	struct bytes version;
};

/* A PE image that the boots load: what a revocation may be about. */
struct boot_image {
	const char *release;  /* set when read from a database */
	const char *artifact; /* the same */
	const char *source;   /* "/EFI/BOOT/BOOTX64.EFI of ESP.img" */
	const char *kind;     /* "shim", "kernel", ... */
	const char *version;  /* its own; "" */
	alg_set algs;
	struct digest authenticode[ALG_BANKS]; /* by enum alg; what firmware measures */
	enum sbat_state sbat_state;
	struct boot_sbat *sbat;
	size_t n_sbat;
	struct bytes *signatures; /* PKCS #7, as in its certificate table; not verified */
	size_t n_signatures;
};

/* The digest that an event with this text has. */
int profile_text_digest(const struct profile_event *event, struct bytes text, enum alg alg,
			struct hasher *hasher, struct digest *out, struct error *err);

/* By the events' origins. */
enum coverage_kind profile_coverage(const struct profile *profile, uint32_t pcr);

/* Whether the profile says what the PCR of a bank ends in: some event extends it, and all that do are
 * known in the bank. */
bool profile_has_value(const struct profile *profile, enum alg alg, uint32_t pcr);

/* Extends the events of one bank from the reset values. The value of a PCR that is
 * extended, but of which profile_has_value says no, means nothing. */
int profile_replay(const struct profile *profile, enum alg alg, struct hasher *hasher,
		   struct pcr_bank *out, struct error *err);

/* Extends the first n later events on top of what profile_replay gave. */
int profile_replay_later(const struct profile *profile, size_t n, struct hasher *hasher,
			 struct pcr_bank *bank, struct error *err);

/* What IMA's first entry must hold: the digest over PCRs 0-9 of the bank (0-7 of sha1). 1 and *out,
 * 0 when one of them is not known, -1. */
int profile_boot_aggregate(const struct profile *profile, enum alg alg, struct hasher *hasher,
			   struct digest *out, struct error *err);

/* Members "banks" and "coverage" of a profile (design.md). banks[alg]: what profile_replay gave. */
void profile_write_banks(struct json *json, const struct profile *profile,
			 const struct pcr_bank banks[ALG_BANKS]);

/* Member "userspace": each later event, and what its PCR is after it. Not written if there is none. */
int profile_write_later(struct json *json, const struct profile *profile,
			const struct pcr_bank banks[ALG_BANKS], struct hasher *hasher,
			struct error *err);

/* --- in the database --------------------------------------------------------------------------- */

/*
 * Profiles of one artifact as one blob, each event once however many profiles have it. Integers are
 * little endian; a text is u32 size, bytes[size].
 *
 *     profiles  u8 version (3; 4 with states), u8 zero, u32 n_events, events, u32 n_profiles,
 *               profiles, u32 n_images, images; version 4: reference states (db/reference_state.h);
 *               versions 1 and 2, which are read too, end before n_images
 *     event     u8 origin, u8 encoding, u8 with_nul, u8 zero, u32 pcr, u32 type, u16 algs, their
 *               digests in the order of enum alg, texts: component, source, over, assumption, text;
 *               u32 n_holes, holes: u32 offset, u32 size, u8 kind, text name
 *     profile   texts: name, ending; u32 banks, u32 n_events, u32 number of each; not in version 1:
 *               u32 n_later, u32 number of each
 *     image     u8 sbat state, u8 zero, u16 algs, their digests, texts: source, kind, version; u32
 *               n_sbat, entries: text component, u16 generation, text version; u32 n_signatures, a
 *               text each
 */
int profiles_encode(const struct profile *profiles, size_t n_profiles,
		    const struct boot_image *images, size_t n_images, struct buf *out,
		    struct error *err);

/* The same of reference states alone. */
int reference_states_encode(const struct reference_state *states, size_t n, struct buf *out,
			    struct error *err);

#define PROFILES_MAX       4096                /* of one artifact */
#define PROFILE_EVENTS_MAX 1000000             /* of one blob, and of one profile */
#define PROFILE_IMAGES_MAX 65536               /* of one blob */
#define PROFILE_TEXT_MAX   ((uint32_t)1 << 20) /* bytes: a menu, a command line, a list of keys */

struct profile_list {
	struct profile *profiles; /* in the arena, with all they point to */
	size_t n_profiles;
	struct boot_image *images; /* likewise */
	size_t n_images;
	struct reference_state *states; /* likewise */
	size_t n_states;
	struct arena arena;
};

/* Appends the profiles, images and states of a blob. source is what errors call it. */
int profiles_decode(struct bytes blob, const char *source, struct profile_list *list,
		    struct error *err);

/* All profiles and images of these releases (NULL and 0: of all), profiles by release, artifact and name. ERROR_USAGE
 * names a release the database lacks. */
int db_profiles_read(struct db *db, const char *const *releases, size_t n_releases,
		     struct profile_list *out, struct error *err);
void profile_list_clear(struct profile_list *list);

#endif
