/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of refgen/files share among themselves. */
#ifndef REFGEN_FILES_INTERNAL_H
#define REFGEN_FILES_INTERNAL_H

#include "core/reader.h"
#include "refgen/files/files.h"

/* --- elf: what an ELF file is, from parts of it ---------------------------------------------- */

#define ELF_START_SIZE   64     /* holds the ELF header of either class */
#define ELF_HEAD_SIZE    4096   /* usually holds the program headers and notes */
#define ELF_RANGE_MAX    65536  /* bytes of a note or dynamic segment looked at */
#define ELF_RANGES_MAX   8      /* such segments of one file */
#define ELF_BUILD_ID_MAX 64     /* bytes; linkers write 8, 16 or 20 */
#define ELF_SEGMENTS_MAX 4096   /* program headers of one file; linkers write a dozen */
#define ELF_SECTIONS_MAX 0xff00 /* SHN_LORESERVE: more need a form no kernel module has */

enum elf_need {
	ELF_NOTHING, /* the start says all there is to say */
	ELF_HEAD,    /* the first ELF_HEAD_SIZE bytes, then what elf_head asks for */
	ELF_WHOLE,   /* every byte */
};

/* A part of the file that elf_head asks for. */
struct elf_range {
	uint64_t offset;
	size_t size;
	size_t align;   /* of the notes in it: 4 or 8 */
	bool is_notes;  /* else the dynamic section */
	bool has_bytes; /* data is filled in */
	uint8_t *data;  /* of size bytes; whoever reads the file provides it */
};

/* What was found so far. */
struct elf_facts {
	enum file_kind kind;
	bool big_endian, is_64;
	bool is_dyn, is_pie, has_interpreter, has_soname; /* what tells programs from libraries */
	uint8_t build_id[ELF_BUILD_ID_MAX];
	size_t build_id_size; /* 0: none */
	struct elf_range ranges[ELF_RANGES_MAX];
	size_t n_ranges;
};

/* True if a file that begins so is an ELF file. */
bool elf_magic(struct bytes start);

/* From the first ELF_START_SIZE bytes, or all of a shorter file. */
enum elf_need elf_start(struct bytes start, struct elf_facts *facts);

/* From the first bytes of an executable or shared object: fills facts->ranges with what is still needed. */
void elf_head(struct bytes head, struct elf_facts *facts);

/* From the ranges that have bytes, once the file has been seen. */
void elf_ranges(struct elf_facts *facts);

/* From a whole file, in place of elf_head and elf_ranges. */
void elf_whole(struct bytes file, struct elf_facts *facts);

/* The marker that sign-file leaves at the end of a signed module. */
bool module_is_signed(struct bytes file);

/* --- the rest -------------------------------------------------------------------------------- */

/* Drops the digests of all other algorithms from every file of the set. */
void file_set_only(struct file_set *set, alg_set algs);

/* File capabilities (security.capability, struct vfs_cap_data) as text, "cap_net_raw=ep", appended
 * to out; nothing when they are not well-formed. */
void capabilities_append(struct buf *out, struct bytes xattr);

#endif
