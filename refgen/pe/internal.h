/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of refgen/pe/ share. */
#ifndef REFGEN_PE_INTERNAL_H
#define REFGEN_PE_INTERNAL_H

#include "core/reader.h"
#include "refgen/pe/pe.h"

/* Offsets in the file of what the Authenticode digest leaves out, and of what it runs to. */
struct pe_layout {
	size_t checksum;      /* of CheckSum, 4 bytes */
	size_t security;      /* of the certificate directory entry, 8 bytes; 0: there is none */
	uint32_t header_size; /* SizeOfHeaders */
	uint32_t certificates_offset;
	uint32_t certificates_size;
};

struct pe {
	struct bytes file;
	const char *source;
	uint16_t machine, subsystem;
	uint32_t image_size;
	struct pe_layout layout;
	struct pe_section *sections; /* owned */
	size_t n_sections;
	struct bytes *signatures; /* owned */
	size_t n_signatures;
	bool certificates_sound;
	struct pe_sbat_entry *sbat; /* owned */
	size_t n_sbat;
	bool sbat_well_formed;
	enum pe_kind kind;
	struct bytes version;
};

/* Certificate table and .sbat of an image whose headers are read. */
int pe_read_certificates(struct pe *pe, struct error *err);
int pe_read_sbat(struct pe *pe, struct error *err);
/* Kind and version, once all else is read. */
void pe_recognize(struct pe *pe);

/* text up to the first NUL or its end. */
struct bytes pe_text(struct bytes text);
/* Offset of what in bytes, or SIZE_MAX. */
size_t pe_search(struct bytes bytes, struct bytes what);

#endif
