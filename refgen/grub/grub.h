/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grub: what GRUB does between being started and starting a kernel: the files it reads (PCR 9), the
 * commands it runs (PCR 8) and the kernel it loads, in order, text by text.
 *
 * grub.cfg is run, not searched: an interpreter of GRUB's script language whose commands act on a
 * host, which knows the machine's volumes and records what is measured. What GRUB release it is, which
 * modules are built in and which script starts it all comes from the image itself. What the host
 * cannot know (a key held down, a SMBIOS string) becomes an unknown, which spreads into the texts that
 * contain it and into nothing else; a branch that hangs on it is reported as an assumption.
 *
 * A menu is the host's choice. The host runs the image again for each other choice.
 *
 * Sources: GRUB 2.06 and 2.12 as Debian ships them, booted and compared event by event; the sources of
 *          GNU GRUB and of rhboot/grub2: grub-core/script, kern/{main,parser,rescue_parser,
 *          verifiers}.c, normal/{main,menu}.c, commands/{tpm,test,loadenv,search,blscfg}.c,
 *          lib/cmdline.c. docs/grub.md says what was seen and what was only read.
 * Threads: distinct runs may be used from distinct threads.
 */
#ifndef REFGEN_GRUB_GRUB_H
#define REFGEN_GRUB_GRUB_H

#include "core/bytes.h"

/* A disk, partition or RAM disk by the name GRUB has for it, without parentheses. */
struct grub_device {
	const char *name;  /* "hd0", "hd0,gpt1", "memdisk" */
	const char *uuid;  /* of its file system, as GRUB spells it; "" for none */
	const char *label; /* "" for none */
	const char *fs;    /* GRUB's name of the file system: "fat", "ext2"; "" for none */
	void *volume;      /* the host's own; NULL where there is no file system */
};

enum grub_file_type { GRUB_FILE, GRUB_DIRECTORY };

struct grub_stat {
	enum grub_file_type type;
	uint64_t size;
};

enum grub_event_kind {
	GRUB_EVENT_COMMAND,        /* PCR 8, "grub_cmd: " */
	GRUB_EVENT_KERNEL_CMDLINE, /* PCR 8, "kernel_cmdline: " */
	GRUB_EVENT_MODULE_CMDLINE, /* PCR 8, "module_cmdline: " */
	GRUB_EVENT_FILE,           /* PCR 9, over the file */
};

/* Something that is measured. Texts live until the run ends. */
struct grub_event {
	enum grub_event_kind kind;
	/* Of a file: the name it was opened by. Else: the digest is over this, without prefix or NUL. */
	const char *text;
	const struct grub_device *device; /* of a file */
	const char *path;                 /* of a file: on its device */
	const char *unknown; /* not NULL: why text (of a file: its contents) is not known */
	const char *source;  /* the script that caused it; "" for GRUB itself */
	size_t line;         /* of the source, from 1; 0 for none */
};

struct grub_file {
	const struct grub_device *device;
	const char *path; /* on the device */
	const char *name; /* as given to GRUB */
};

/* What is left in memory when GRUB starts the kernel. */
struct grub_start {
	struct grub_file kernel;
	const char *cmdline; /* "BOOT_IMAGE=..."; what the kernel gets, without NUL */
	const char *unknown; /* not NULL: why cmdline is not known */
	bool efi_stub;       /* through the kernel's EFI entry, else by handover or GRUB alone */
	bool firmware_loads; /* the firmware's (or shim's) LoadImage loads it, and measures it */
	bool chainloaded;    /* an EFI program, not a kernel: cmdline are its load options */
	const struct grub_file *initrds;
	size_t n_initrds;
	bool initrds_composed; /* "newc:" names: the initrd is more than the files one after the other */
};

/*
 * What GRUB runs on. Paths start with '/'. Functions return 0, or 1 where they find something, or -1
 * and *err, which ends the run with that error.
 */
struct grub_host {
	void *ctx;
	const struct grub_device *devices; /* in the order in which GRUB goes through them */
	size_t n_devices;
	const char *device; /* the one GRUB's own image came from: "hd0,gpt1" */
	const char *path;   /* and its file: "/EFI/BOOT/grubx64.efi" */
	bool secure_boot;   /* enforced, and shim's protocol is there */
	bool has_graphics;  /* a GOP that GRUB can draw on */

	int (*stat)(void *ctx, const struct grub_device *device, const char *path,
		    struct grub_stat *out, struct error *err);
	/* All of a file of at most max bytes, which live until the run ends; ERROR_LIMIT for more. */
	int (*read)(void *ctx, const struct grub_device *device, const char *path, size_t max,
		    struct bytes *out, struct error *err);
	/* The names in a directory, in the order in which GRUB's driver gives them. */
	int (*list)(void *ctx, const struct grub_device *device, const char *path,
		    int (*name)(void *walk, struct bytes name, enum grub_file_type type,
				struct error *err),
		    void *walk, struct error *err);

	int (*measure)(void *ctx, const struct grub_event *event, struct error *err);
	/* shim's verification of a kernel, with what it measures: 1 allowed, 0 refused. */
	int (*verify)(void *ctx, const struct grub_file *kernel, struct error *err);
	int (*start)(void *ctx, const struct grub_start *start, struct error *err);
	/* Which of n menu entries is taken; GRUB by itself would take preferred. */
	size_t (*choose)(void *ctx, const char *const *titles, size_t n, size_t preferred);
	/* Something was taken for granted. */
	void (*assume)(void *ctx, const char *what);
	/* GRUB ends without having started anything. */
	void (*halt)(void *ctx, const char *why);
};

/* Limits of one run, each far beyond what a real configuration needs. */
#define GRUB_CONFIG_MAX  (4u << 20)  /* bytes of one script: grub.cfg with 500 kernels has one */
#define GRUB_STEPS_MAX   100000u     /* commands run */
#define GRUB_DEPTH_MAX   200u        /* scripts, functions and blocks inside each other */
#define GRUB_MEMORY_MAX  (32u << 20) /* bytes of scripts, texts and variables */
#define GRUB_TEXT_MAX    (1u << 20)  /* bytes of one variable or command */
#define GRUB_FILE_MAX    (16u << 20) /* bytes of a file that is read, not only measured */
#define GRUB_MODULES_MAX 1024u       /* objects in an image; Debian's has 128 */

/* --- the image ---------------------------------------------------------------------------- */

struct grub_module {
	const char *name;  /* "ext2" */
	struct bytes text; /* its read-only data: the words it knows */
};

/* What a GRUB EFI program carries. Borrows from the image's bytes, but for the names. */
struct grub_image {
	struct grub_module *modules; /* those built in, in the order in which they are loaded */
	size_t n_modules;
	struct bytes config;  /* embedded script, run first; empty: none */
	struct bytes memdisk; /* RAM disk; empty: none */
	const char *prefix;   /* "/EFI/debian"; "" for none */
	char vendor[32];      /* SBAT's component of the distributor: "debian", "rh"; "" for none */
	char version[64];     /* "2.06-13+deb12u2"; "" for none */
	struct buf names;     /* owned */
};

/* image is a PE file with a section "mods"; it must outlive *out. ERROR_UNSUPPORTED: it has none. */
int grub_image_parse(struct bytes image, const char *source, struct grub_image *out,
		     struct error *err);
void grub_image_clear(struct grub_image *image);

/* --- the run ------------------------------------------------------------------------------ */

/* Runs the image from its start until it starts something or stops. 0, or -1 and *err: a script that
 * GRUB would not understand (with its offset), a limit, or an error of the host's. */
int grub_image_run(const struct grub_image *image, const struct grub_host *host, struct error *err);

/* The environment block of load_env: name and value of each variable, values unescaped. For tests,
 * fuzzers and those who show it. -1 when it is none. */
int grub_envblk_parse(struct bytes block, const char *source,
		      int (*variable)(void *ctx, struct bytes name, struct bytes value), void *ctx,
		      struct error *err);

#endif
