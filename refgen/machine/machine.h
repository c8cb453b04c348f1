/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine: the simulated machine that a boot is predicted on.
 *
 * The components of a boot (firmware, shim, GRUB, systemd-boot, systemd-stub, the kernel's EFI stub)
 * run on it one after the other, as the real ones do: they read files and variables, load and start
 * images, and measure. What they measure becomes the events of a boot profile.
 *
 *     firmware_run   measures itself, then starts the boot option's image
 *     shim_run, grub_run, systemd_boot_run, systemd_stub_run, linux_stub_run
 *                    what an image does once it is started; the last ends boot services
 *
 * Where a boot may go several ways (a menu's entries), the component asks machine_choose; the boot
 * is run again for each way. A component keeps no state but in the machine, and what it does depends
 * on the machine alone, so that runs repeat.
 *
 * What depends on something nobody gave is computed with the likeliest value and recorded as an
 * assumption (machine_assume, measurement.assumption); what cannot be computed is an unknown event
 * (machine_measure_unknown). Nothing is guessed silently.
 *
 * Threads: one machine belongs to one thread.
 */
#ifndef REFGEN_MACHINE_MACHINE_H
#define REFGEN_MACHINE_MACHINE_H

#include "core/event_type.h"
#include "db/profile.h"
#include "refgen/machine/guid.h"

struct disk;   /* core/disk/disk.h */
struct volume; /* likewise */
struct pe;     /* refgen/pe/pe.h */

/* --- what is known of the machine ------------------------------------------------------------- */

/* A device in the VMM's boot order. */
struct facts_device {
	uint8_t pci_device, pci_function; /* on the root bridge */
	struct bytes path;                /* device path nodes behind the PCI address, or empty */
	const char *description;          /* as firmware calls it: "UEFI Misc Device" */
};

struct facts_rom {
	const char *file; /* the option ROM image, relative names resolved */
	uint8_t pci_device, pci_function;
};

/* Machine facts (design.md): each is optional. What is used without being given is an assumption,
 * which the users of a field record by machine_assume. */
struct machine_facts {
	const char *machine; /* "q35", "i440fx"; NULL: not given */
	bool has_cpus, has_max_cpus, has_memory_mib, has_s3, has_tseg_mib, has_boot_order,
		has_acpi_blobs;
	uint32_t cpus, max_cpus;
	uint64_t memory_mib;
	bool s3;
	uint32_t tseg_mib;
	alg_set banks; /* active in the TPM; 0: not given */
	const struct facts_device *boot_order;
	size_t n_boot_order;
	const struct facts_rom *option_roms;
	size_t n_option_roms;
	const char *const *acpi_blobs; /* files, in the order they are measured */
	size_t n_acpi_blobs;
	const char *grub_disk;        /* "hd0"; NULL: not given */
	const char *const *userspace; /* words that systemd measures, see systemd_measure_later */
	size_t n_userspace;
};

/* A file system of the machine. */
struct machine_volume {
	struct volume *volume;
	struct disk *disk;  /* that it is on; NULL: a directory */
	size_t disk_index;  /* among the machine's disks; SIZE_MAX: on none */
	uint32_t partition; /* number from 1; 0: the whole disk, or a directory */
	const char *name;   /* for people: "disk.img, partition 1" */
};

/* An EFI variable, as it stands at this moment of the boot. */
struct machine_variable {
	struct guid guid;
	struct bytes name; /* UTF-8 */
	uint32_t attributes;
	struct bytes data;
};

/* An image that firmware or a boot loader loads; one for each file, however often it is loaded. */
struct machine_image {
	const char *path;                    /* on its volume, or what it is: ".linux of ..." */
	const char *name;                    /* for people, with its volume */
	const struct machine_volume *volume; /* NULL: made in memory */
	struct bytes contents;
	const struct pe *pe;
	struct digest authenticode[ALG_BANKS]; /* of the machine's banks */
	struct digest digests[ALG_BANKS];      /* of the whole file, likewise */
};

struct machine;
struct measurement;

/* Everything is owned by the machine and lives as long as it does, unless it says otherwise. */
struct machine {
	alg_set banks;
	struct hasher *hasher;
	struct machine_facts facts;

	struct bytes firmware; /* the code image; empty: not given */
	const char *firmware_name;
	struct bytes varstore; /* empty: not given */
	const char *varstore_name;

	struct machine_volume *volumes; /* of all disks, in the order of disks and partitions */
	size_t n_volumes;

	/* --- state of the boot that is being run: machine_begin starts anew --- */

	struct machine_variable *variables;
	size_t n_variables;

	bool secure_boot; /* enforced; set by firmware_run */
	/* Not NULL: no variable store was given, so what is in db, dbx, MokList and the like is not
	 * known; names what is taken for granted of them. Set by refgen/boot. */
	const char *keys_assumption;
	bool gpt_measured;  /* firmware does so once, for the first image's disk */
	bool has_left;      /* ExitBootServices was called, or the boot ended otherwise */
	const char *ending; /* "" or why no operating system was started */

	const char *refusal; /* why the last machine_load gave 0; "" */

	/* Set by shim_run, for those who ask shim to verify (GRUB, through its shim_lock protocol):
	 * measures what shim measures. 1: allowed, 0: refused, -1. NULL: no shim. */
	int (*shim_verify)(struct machine *machine, struct machine_image *image, struct error *err);
	/* Set by shim_run where it replaces LoadImage (16.x): as machine_load, called by it. */
	int (*load_image)(struct machine *machine, struct machine_image *image, struct error *err);
	void *shim; /* state of shim_run, in the machine's memory */
	/* Of firmware_run: what it read of its inputs, in the machine's memory; kept between runs. */
	void *firmware_state;

	/* What an image does when it is started: set by whoever makes the machine (refgen/boot). */
	int (*start)(struct machine *machine, struct machine_image *image,
		     struct bytes load_options, struct error *err);

	struct machine_private *private;
};

/* --- life of a machine, for whoever runs boots on it (refgen/boot) -------------------------------- */

/* A machine without firmware, variables and volumes; the caller sets what it has of its open fields
 * before the first run. hasher is borrowed; it must have all algorithms of banks. */
int machine_new(alg_set banks, struct hasher *hasher, struct machine **out, struct error *err);
void machine_free(struct machine *machine);
void machine_freep(struct machine **machine);

/* One way that was open at a point of the boot. */
struct machine_choice {
	const char *what;         /* "grub entry" */
	const char *const *names; /* of the ways */
	size_t n, taken;
	size_t preferred;
};

/*
 * Begins a run: no events, no variables, no assumptions. Its first n_ways choices are those of ways;
 * after them it takes what is preferred. ways is borrowed until the run's profile was taken.
 */
void machine_begin(struct machine *machine, const size_t *ways, size_t n_ways);

/* What a run came to. Everything lives as long as the machine. */
struct machine_run {
	struct profile profile; /* its name is "" */
	const struct machine_choice *choices;
	size_t n_choices;
	const char *const *assumptions; /* "cpus = 1", in the order they were made */
	size_t n_assumptions;
};

/* How many events the run has so far. */
size_t machine_n_events(const struct machine *machine);

/* Ends the run. -1 also when memory ran out anywhere on the way. */
int machine_end(struct machine *machine, struct machine_run *out, struct error *err);

/* Finds the holes of a text that is measured: parts that follow words such as root=UUID=. Into out,
 * at most max of them; returns how many. Names are static. For machine_measure_text, and tests. */
size_t machine_holes(struct bytes text, struct profile_hole *out, size_t max);
#define MACHINE_HOLES_MAX 1024 /* of one text: a menu of some hundred entries */

/* --- memory ----------------------------------------------------------------------------------- */

/* Zeroed memory that lives as long as the machine; NULL and *err when there is none. */
void *machine_take(struct machine *machine, size_t size, struct error *err);
/* A copy with a NUL behind it; -1 when out of memory. */
int machine_copy(struct machine *machine, struct bytes bytes, struct bytes *out, struct error *err);
/* Text as printf makes it; "" when out of memory, which the next machine_measure reports. */
const char *machine_text(struct machine *machine, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* --- measuring -------------------------------------------------------------------------------- */

/* What an event is, beside its digests. Strings and bytes are copied. */
struct measurement {
	uint32_t pcr, type;
	const char *component; /* see profile_event */
	const char *source;
	const char *over;
	const char *assumption; /* not NULL: the event is ORIGIN_ASSUMED */
	/* Not TEXT_NONE: the digest is over text in this encoding, exactly, and holes in it are found
	 * (machine_holes). machine_measure_text only. */
	enum text_encoding encoding;
	bool with_nul; /* a NUL (of the encoding's size) follows the text in what is hashed */
};

/* An event whose digests are over these bytes. */
int machine_measure(struct machine *machine, const struct measurement *what, struct bytes over,
		    struct error *err);

/* An event whose digests are over text: UTF-8 or raw bytes, encoded as what->encoding says. The text
 * is kept, with its holes, so that it can be matched against a captured one. */
int machine_measure_text(struct machine *machine, const struct measurement *what, struct bytes text,
			 struct error *err);

/* An event with given digests, one for each of the machine's banks (by enum alg). */
int machine_measure_digests(struct machine *machine, const struct measurement *what,
			    const struct digest digests[ALG_BANKS], struct error *err);

/* Something is measured here, and what->over says why nobody knows its digests. */
int machine_measure_unknown(struct machine *machine, const struct measurement *what,
			    struct error *err);

/* Records what was taken for granted, once: "cpus" was not given, so 1 was used. Returns text for
 * measurement.assumption: "cpus = 1". */
const char *machine_assume(struct machine *machine, const char *fact, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The boot ends here, without an operating system. Events so far stay. */
void machine_halt(struct machine *machine, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Measures the two actions of a successful ExitBootServices (PCR 5), and ends the firmware's part. */
int machine_exit_boot_services(struct machine *machine, struct error *err);

/* --- choices ---------------------------------------------------------------------------------- */

/*
 * The boot may go on in n ways, which have names: returns the one that this run takes. The first
 * run takes preferred; each other way becomes a profile of its own. what is a word: "grub entry".
 */
size_t machine_choose(struct machine *machine, const char *what, const char *const *names, size_t n,
		      size_t preferred);

/* --- variables -------------------------------------------------------------------------------- */

/* NULL: there is none. Valid until the next machine_variable_set. */
const struct machine_variable *machine_variable(const struct machine *machine,
						const struct guid *guid, const char *name);
/* Adds or replaces; no data removes it. */
int machine_variable_set(struct machine *machine, const struct guid *guid, const char *name,
			 uint32_t attributes, struct bytes data, struct error *err);

/* --- files ------------------------------------------------------------------------------------ */

/* Paths have slashes, on every volume. Read once and kept: 1 found, 0 there is no such file (or
 * volume is NULL), -1. */
int machine_read(struct machine *machine, const struct machine_volume *volume, const char *path,
		 struct bytes *out, struct error *err);
#define MACHINE_READ_MAX ((uint64_t)512 << 20) /* more than any UKI; larger is ERROR_LIMIT */

/* The digests of a whole file in all banks, by enum alg, without keeping it; computed once. */
int machine_file_digests(struct machine *machine, const struct machine_volume *volume,
			 const char *path, struct digest out[ALG_BANKS], uint64_t *size,
			 struct error *err);

/* --- images ----------------------------------------------------------------------------------- */

/* A PE file; opened and hashed once. 1 found, 0 there is no such file, -1 (also: no PE file). */
int machine_image(struct machine *machine, const struct machine_volume *volume, const char *path,
		  struct machine_image **out, struct error *err);
/* The same of bytes that are in memory, and stay there. Made once for each such bytes. */
int machine_image_of_bytes(struct machine *machine, const char *path, struct bytes contents,
			   struct machine_image **out, struct error *err);

/* The event of an image that is loaded: its Authenticode digest, in PCR 4 (2 for drivers). What
 * machine_load does last. */
int machine_measure_image(struct machine *machine, const struct machine_image *image,
			  struct error *err);

/*
 * The firmware's LoadImage: with Secure Boot on the entry of db that authorises the image (PCR 7,
 * each entry once); for the first image of a disk its GPT (PCR 5); the image (PCR 4). Where shim
 * replaced LoadImage, its own. 1: loaded, 0: refused and nothing measured for it, -1.
 */
int machine_load(struct machine *machine, struct machine_image *image, struct error *err);

/* Runs what was loaded, by what kind of image it is. Returns when it ends boot services, when it
 * returns to its caller, or when the boot halts: see has_left. */
int machine_start(struct machine *machine, struct machine_image *image, struct bytes load_options,
		  struct error *err);

/* --- what was used ------------------------------------------------------------------------------ */

/* A file that some run read or hashed. */
struct machine_seen {
	const struct machine_volume *volume; /* NULL: part of another file, in memory */
	const char *path;
	uint64_t size;
	const struct digest
		*digests; /* by enum alg, of the machine's banks; NULL: read, not hashed */
	const struct machine_image *image; /* NULL: not used as an image */
};

/* Calls fn with each, in the order of first use; the first result that is not 0 ends it. */
int machine_each_file(const struct machine *machine,
		      int (*fn)(void *ctx, const struct machine_seen *seen, struct error *err),
		      void *ctx, struct error *err);

#endif
