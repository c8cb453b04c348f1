/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * systemd: what systemd-boot, systemd-stub and the kernel's own EFI stub do on the machine once they
 * are started: what they read, load and measure (PCR 4, 5, 9, 11, 12, 13), by their version.
 *
 * Not predicted, since it is in no file: what SMBIOS strings add to a command line, a line typed in
 * the menu's editor, entries that systemd-boot makes for other systems it finds.
 *
 * Sources: systemd 252 and 257 as booted; systemd's src/boot (boot.c, stub.c, cpio.c, linux.c, util.c),
 *          src/fundamental/uki.c and docs/TPM2_PCR_MEASUREMENTS.md; the UAPI group's boot loader and
 *          UKI specifications; Linux drivers/firmware/efi/libstub/efi-stub-helper.c.
 * Threads: those of the machine.
 */
#ifndef REFGEN_SYSTEMD_SYSTEMD_H
#define REFGEN_SYSTEMD_SYSTEMD_H

#include "refgen/machine/machine.h"

/* --- the initrd a loader hands to the kernel --------------------------------------------------- */

/* A part of it: bytes, or a file of a volume where that is not NULL. */
struct linux_initrd_part {
	struct bytes bytes;
	const struct machine_volume *volume;
	const char *path;
};

/* How parts are put behind each other: as they are; each but the last filled up to a multiple of 4
 * with zeros; or the last one, too. A single part stays as it is but for PAD_ALL. */
enum linux_initrd_padding { INITRD_PAD_NONE, INITRD_PAD_BETWEEN, INITRD_PAD_ALL };

struct linux_initrd {
	const struct linux_initrd_part *parts;
	size_t n_parts;
	enum linux_initrd_padding padding;
	const char *source;     /* for people: where it is from */
	const char *assumption; /* see measurement.assumption; NULL: none */
	const char *unknown;    /* not NULL: why its bytes are not known; parts do not count */
};

/* --- images that run --------------------------------------------------------------------------- */

/*
 * All: the image was loaded and is started with these load options (raw bytes). They return 0 when
 * boot services were ended, the boot was halted or the image returned to its caller (machine.has_left
 * says), -1 and *err.
 */

/* The boot menu: each entry is a way of its own (machine_choose, "systemd-boot entry"). */
int systemd_boot_run(struct machine *machine, struct machine_image *image,
		     struct bytes load_options, struct error *err);

/* A UKI. previous: an initrd that a loader before it registered, or NULL. */
int systemd_stub_run(struct machine *machine, struct machine_image *image,
		     struct bytes load_options, const struct linux_initrd *previous,
		     struct error *err);

/* A kernel started by its PE entry point. initrd: what LoadFile2 gives, or NULL for none; then files of
 * initrd= are looked for on the image's volume. */
int linux_stub_run(struct machine *machine, struct machine_image *image, struct bytes load_options,
		   const struct linux_initrd *initrd, struct error *err);

/* --- what user space extends afterwards -------------------------------------------------------- */

/*
 * What systemd's services measure after the firmware's log has ended, as its own log
 * (/run/log/systemd/tpm2-measure.log) has it:
 *
 *     enter-initrd leave-initrd sysinit ready shutdown final    PCR 11
 *     machine-id[:ID]  file-system:...                          PCR 15; without ID any machine's
 *     nvpcr-init:...  nvpcr-separator                           PCR 9
 *     os-separator                                              PCR 0-7, 9, 12-14
 *
 * False if the word is none of these.
 */
bool systemd_knows_word(struct bytes word);

/* Measures one of them, into each of its PCRs. */
int systemd_measure_later(struct machine *machine, const char *word, struct error *err);

#endif
