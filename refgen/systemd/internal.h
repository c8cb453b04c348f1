/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of refgen/systemd share. */
#ifndef REFGEN_SYSTEMD_INTERNAL_H
#define REFGEN_SYSTEMD_INTERNAL_H

#include "refgen/systemd/systemd.h"

#define CONFIG_SIZE_MAX  (1u << 20) /* bytes of loader.conf or an entry: far more than any has */
#define SIDECAR_SIZE_MAX ((uint64_t)1 << 30) /* bytes of a credential or extension image */
#define ENTRIES_MAX      1024                /* menu entries; each becomes a profile */

/* --- text -------------------------------------------------------------------------------------- */

/*
 * A file of lines "key value" (boot loader specification) or "key=value" (os-release), as systemd-boot
 * reads them: 1 and key and value without blanks around and quotes, 0 at the end. at begins as 0.
 */
int config_next(struct bytes text, char separator, size_t *at, struct bytes *key,
		struct bytes *value);

/* Order of versions (UAPI.10): below, equal or above 0. */
int version_compare(const char *a, const char *b);

/* Shell patterns with * ? and [ ], as systemd-boot's efi_fnmatch has them. */
bool pattern_matches(const char *pattern, const char *text);

/* A command line with its control characters made blanks; the ends cut as the release does. NULL
 * and *err when out of memory. */
const char *cmdline_clean(struct machine *machine, struct bytes text, bool trims_start,
			  struct error *err);

/* UTF-8 as UTF-16LE with a NUL: what load options are. */
int utf16_of(struct machine *machine, const char *text, struct bytes *out, struct error *err);

/* The other way, up to a NUL; *exact is false if the bytes are no text that comes back the same. */
int utf8_of(struct machine *machine, struct bytes utf16, const char **out, bool *with_nul,
	    bool *exact, struct error *err);

bool bytes_contain(struct bytes bytes, struct bytes wanted);
bool ends_with(const char *text, const char *suffix); /* whatever the case of ASCII letters */
const char *lower_case(struct machine *machine, const char *text);

/* --- cpio archives made by the stub ------------------------------------------------------------ */

struct cpio_file {
	const char *name;
	struct bytes contents;
};

/* A whole archive, appended: the directories of dir, dir itself with its mode, the files, a trailer. */
void cpio_pack(struct buf *out, const char *dir, uint32_t dir_mode, uint32_t file_mode,
	       const struct cpio_file *files, size_t n_files);

/* --- releases ---------------------------------------------------------------------------------- */

/* The first number of a version: 252 of "252.39-1"; 0 for none. */
unsigned release_of(struct bytes version);

/* --- directories ------------------------------------------------------------------------------- */

/* Names of a directory's files that end so (and not so), without dot files, directories and names
 * that are not ASCII; sorted. Of the machine's memory. A directory that is not there has none. */
struct names {
	const char **names;
	size_t n;
};
int names_of(struct machine *machine, const struct machine_volume *volume, const char *dir,
	     const char *suffix, const char *without, bool sorted, struct names *out,
	     struct error *err);

/* --- entries of the menu ------------------------------------------------------------------------ */

enum entry_type { ENTRY_LINUX, ENTRY_EFI, ENTRY_UKI };

struct entry {
	enum entry_type type;
	const struct machine_volume *volume;
	const char *id, *title;
	const char *sort_key, *machine_id, *version; /* NULL: not given */
	const char *loader;                          /* path, with slashes */
	const char *options;                         /* NULL: none */
	bool options_implied;                        /* the ones in the UKI itself */
	const char **initrds;                        /* paths, with slashes */
	size_t n_initrds;
	bool has_devicetree;
	unsigned profile; /* of a UKI */
	const char *id_without_profile;
	int tries_left, tries_done; /* -1: not counted */
};

struct entry_list {
	struct entry *entries;
	size_t n, capacity;
};

/* Adds what a file of /loader/entries says, unless systemd-boot would pass it over. self: its own path. */
int entry_add_type1(struct machine *machine, const struct machine_volume *volume, const char *file,
		    struct bytes text, const char *self, struct entry_list *list,
		    struct error *err);

/* Adds an entry for each profile of a UKI of /EFI/Linux. release is systemd-boot's. */
int entry_add_type2(struct machine *machine, const struct machine_volume *volume, const char *file,
		    unsigned release, struct entry_list *list, struct error *err);

/* Below, at or above 0: a before, with, or after b in the menu. */
int entry_compare(const struct entry *a, const struct entry *b);

/* --- images ------------------------------------------------------------------------------------ */

/* As systemd loads images: with Secure Boot on and an older shim there, shim is asked first. */
int load_image(struct machine *machine, struct machine_image *image, struct error *err);

/* The digests of an initrd; *size is 0 for none. */
int initrd_digests(struct machine *machine, const struct linux_initrd *initrd,
		   struct digest out[ALG_BANKS], uint64_t *size, struct error *err);

/* A tagged event (EV_EVENT_TAG): what it is over, and for people. */
int measure_tag(struct machine *machine, uint32_t pcr, const char *component, const char *source,
		const char *over, struct bytes bytes, struct error *err);

/* A command line in PCR 12. */
int measure_cmdline(struct machine *machine, const char *text, const char *source,
		    struct error *err);

#endif
