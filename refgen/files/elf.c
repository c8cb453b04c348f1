/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libelf translates headers of either class and byte order; where they are and
 * whether that is inside the file is checked here. libelf is never given a
 * file to find its way in: a section table may make it allocate, and a
 * compressed string table unpack, whatever the file says.
 */
#include "refgen/files/internal.h"

#include <elf.h>
#include <libelf.h>

bool elf_magic(struct bytes start)
{
	return bytes_start_with(start, bytes_of(ELFMAG, SELFMAG));
}

/* Translates one header of type; in has the size that type has in a file of this class. */
static bool translate(const struct elf_facts *facts, Elf_Type type, struct bytes in, void *out,
		      size_t out_size)
{
	uint64_t aligned[64 / sizeof(uint64_t)]; /* no header is larger */
	Elf_Data from = { .d_buf = aligned, .d_type = type, .d_size = in.size };
	Elf_Data to = { .d_buf = out, .d_type = type, .d_size = out_size };
	unsigned encoding = facts->big_endian ? ELFDATA2MSB : ELFDATA2LSB;

	from.d_version = to.d_version = EV_CURRENT;
	if (in.size > sizeof(aligned))
		return false;
	memcpy(aligned, in.data, in.size);
	return facts->is_64 ? elf64_xlatetom(&to, &from, encoding) != NULL
			    : elf32_xlatetom(&to, &from, encoding) != NULL;
}

static bool read_ehdr(const struct elf_facts *facts, struct bytes file, Elf64_Ehdr *out)
{
	Elf32_Ehdr small;

	if (file.size < (facts->is_64 ? sizeof(*out) : sizeof(small)))
		return false;
	if (facts->is_64)
		return translate(facts, ELF_T_EHDR, bytes_of(file.data, sizeof(*out)), out,
				 sizeof(*out));
	if (!translate(facts, ELF_T_EHDR, bytes_of(file.data, sizeof(small)), &small,
		       sizeof(small)))
		return false;
	*out = (Elf64_Ehdr){
		.e_type = small.e_type,
		.e_phoff = small.e_phoff,
		.e_shoff = small.e_shoff,
		.e_phentsize = small.e_phentsize,
		.e_phnum = small.e_phnum,
		.e_shentsize = small.e_shentsize,
		.e_shnum = small.e_shnum,
		.e_shstrndx = small.e_shstrndx,
	};
	return true;
}

/* The bytes of entry i of a table in the file; no data when they are not all there. */
static struct bytes table_entry(struct bytes file, uint64_t offset, size_t entry_size, size_t i)
{
	const uint64_t skip = (uint64_t)i * entry_size; /* i has 16 bits, as has entry_size */

	if (offset > file.size || skip > file.size - offset ||
	    entry_size > file.size - offset - skip)
		return (struct bytes){ NULL, 0 };
	return bytes_of(file.data + offset + skip, entry_size);
}

static size_t phdr_size(const struct elf_facts *facts)
{
	return facts->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
}

static bool read_phdr(const struct elf_facts *facts, struct bytes in, Elf64_Phdr *out)
{
	Elf32_Phdr small;

	if (!in.data)
		return false;
	if (facts->is_64)
		return translate(facts, ELF_T_PHDR, in, out, sizeof(*out));
	if (!translate(facts, ELF_T_PHDR, in, &small, sizeof(small)))
		return false;
	*out = (Elf64_Phdr){
		.p_type = small.p_type,
		.p_offset = small.p_offset,
		.p_filesz = small.p_filesz,
		.p_align = small.p_align,
	};
	return true;
}

static size_t shdr_size(const struct elf_facts *facts)
{
	return facts->is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

static bool read_shdr(const struct elf_facts *facts, struct bytes in, Elf64_Shdr *out)
{
	Elf32_Shdr small;

	if (!in.data)
		return false;
	if (facts->is_64)
		return translate(facts, ELF_T_SHDR, in, out, sizeof(*out));
	if (!translate(facts, ELF_T_SHDR, in, &small, sizeof(small)))
		return false;
	*out = (Elf64_Shdr){
		.sh_name = small.sh_name,
		.sh_type = small.sh_type,
		.sh_flags = small.sh_flags,
		.sh_offset = small.sh_offset,
		.sh_size = small.sh_size,
		.sh_addralign = small.sh_addralign,
	};
	return true;
}

enum elf_need elf_start(struct bytes start, struct elf_facts *facts)
{
	Elf64_Ehdr ehdr;
	uint64_t table_size;

	*facts = (struct elf_facts){ .kind = KIND_OBJECT };
	if (start.size < EI_NIDENT)
		return ELF_NOTHING;
	facts->is_64 = start.data[EI_CLASS] == ELFCLASS64;
	facts->big_endian = start.data[EI_DATA] == ELFDATA2MSB;
	if ((!facts->is_64 && start.data[EI_CLASS] != ELFCLASS32) ||
	    (!facts->big_endian && start.data[EI_DATA] != ELFDATA2LSB) ||
	    !read_ehdr(facts, start, &ehdr))
		return ELF_NOTHING;
	switch (ehdr.e_type) {
	case ET_REL:
		return ELF_WHOLE; /* section headers stand at the end */
	case ET_EXEC:
		facts->kind = KIND_EXECUTABLE;
		break;
	case ET_DYN:
		facts->kind = KIND_SHARED_OBJECT;
		facts->is_dyn = true;
		break;
	default:
		return ELF_NOTHING;
	}
	if (ehdr.e_phentsize != phdr_size(facts) || ehdr.e_phnum > ELF_SEGMENTS_MAX)
		return ELF_NOTHING;
	table_size = (uint64_t)ehdr.e_phnum * ehdr.e_phentsize;
	/* Tools that add a segment move the program headers to the end of the file. */
	return ehdr.e_phoff > ELF_HEAD_SIZE || table_size > ELF_HEAD_SIZE - ehdr.e_phoff ? ELF_WHOLE
											 : ELF_HEAD;
}

/* A GNU build-id among notes (System V ABI, "Note Section"), their names and descriptions aligned. */
static void notes_look(struct bytes notes, size_t align, struct elf_facts *facts)
{
	struct reader in = reader_of(notes, 0, NULL);

	while (facts->build_id_size == 0 && reader_left(&in) >= 12) {
		uint32_t name_size = facts->big_endian ? reader_be32(&in) : reader_le32(&in);
		uint32_t size = facts->big_endian ? reader_be32(&in) : reader_le32(&in);
		uint32_t type = facts->big_endian ? reader_be32(&in) : reader_le32(&in);
		struct bytes name = reader_bytes(&in, name_size);
		struct bytes description;

		reader_skip(&in, (size_t)(-in.pos & (align - 1)));
		description = reader_bytes(&in, size);
		if (in.ran_out)
			return;
		if (type == NT_GNU_BUILD_ID && bytes_equal(name, bytes_of("GNU", 4)) && size &&
		    size <= ELF_BUILD_ID_MAX) {
			memcpy(facts->build_id, description.data, size);
			facts->build_id_size = size;
		}
		reader_skip(&in, (size_t)(-in.pos & (align - 1)));
	}
}

/*
 * Position-independent executables without an interpreter say DF_1_PIE. A library may name an
 * interpreter, to be run for its version as glibc's libc.so.6 is, but only a library has a name of
 * its own that others ask for.
 */
static void dynamic_look(struct bytes section, struct elf_facts *facts)
{
	const size_t entry_size = facts->is_64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);

	for (size_t i = 0; i < ELF_RANGE_MAX / entry_size; i++) {
		struct bytes in = table_entry(section, 0, entry_size, i);
		Elf64_Dyn dyn = { 0 };
		Elf32_Dyn small = { 0 };

		if (!in.data)
			return;
		if (facts->is_64) {
			if (!translate(facts, ELF_T_DYN, in, &dyn, sizeof(dyn)))
				return;
		} else {
			if (!translate(facts, ELF_T_DYN, in, &small, sizeof(small)))
				return;
			dyn.d_tag = small.d_tag;
			dyn.d_un.d_val = small.d_un.d_val;
		}
		if (dyn.d_tag == DT_NULL)
			return;
		facts->is_pie |= dyn.d_tag == DT_FLAGS_1 && dyn.d_un.d_val & DF_1_PIE;
		facts->has_soname |= dyn.d_tag == DT_SONAME;
	}
}

/* One note or dynamic segment: looked at when its bytes are in head, else asked for. */
static void segment_look(struct bytes head, const Elf64_Phdr *phdr, struct elf_facts *facts)
{
	const bool is_notes = phdr->p_type == PT_NOTE;
	const size_t align = phdr->p_align == 8 ? 8 : 4;
	struct bytes bytes;

	if (phdr->p_filesz == 0 || phdr->p_filesz > ELF_RANGE_MAX)
		return;
	bytes = table_entry(head, phdr->p_offset, (size_t)phdr->p_filesz, 0);
	if (!bytes.data) {
		if (facts->n_ranges < ELF_RANGES_MAX)
			facts->ranges[facts->n_ranges++] = (struct elf_range){
				.offset = phdr->p_offset,
				.size = (size_t)phdr->p_filesz,
				.align = align,
				.is_notes = is_notes,
			};
	} else if (is_notes) {
		notes_look(bytes, align, facts);
	} else {
		dynamic_look(bytes, facts);
	}
}

static void decide_kind(struct elf_facts *facts)
{
	if (facts->is_dyn)
		facts->kind = facts->is_pie || (facts->has_interpreter && !facts->has_soname)
				      ? KIND_EXECUTABLE
				      : KIND_SHARED_OBJECT;
}

void elf_head(struct bytes head, struct elf_facts *facts)
{
	Elf64_Ehdr ehdr;

	if (!read_ehdr(facts, head, &ehdr))
		return;
	for (size_t i = 0; i < ehdr.e_phnum; i++) {
		Elf64_Phdr phdr;

		if (!read_phdr(facts, table_entry(head, ehdr.e_phoff, phdr_size(facts), i), &phdr))
			break;
		if (phdr.p_type == PT_INTERP)
			facts->has_interpreter = true;
		else if (phdr.p_type == PT_NOTE || phdr.p_type == PT_DYNAMIC)
			segment_look(head, &phdr, facts);
	}
	decide_kind(facts);
}

void elf_ranges(struct elf_facts *facts)
{
	for (size_t i = 0; i < facts->n_ranges; i++) {
		struct elf_range *range = &facts->ranges[i];

		if (!range->has_bytes)
			continue;
		if (range->is_notes)
			notes_look(bytes_of(range->data, range->size), range->align, facts);
		else
			dynamic_look(bytes_of(range->data, range->size), facts);
	}
	decide_kind(facts);
}

static struct bytes section_bytes(struct bytes file, const Elf64_Shdr *shdr)
{
	if (shdr->sh_type == SHT_NOBITS || shdr->sh_flags & SHF_COMPRESSED ||
	    shdr->sh_offset > file.size || shdr->sh_size > file.size - shdr->sh_offset)
		return (struct bytes){ NULL, 0 };
	return bytes_of(file.data + shdr->sh_offset, (size_t)shdr->sh_size);
}

static bool name_is(struct bytes names, uint64_t at, const char *name)
{
	size_t size = strlen(name) + 1;

	return at <= names.size && size <= names.size - at &&
	       memcmp(names.data + at, name, size) == 0;
}

/* A relocatable object: a kernel module when it has .modinfo. */
static void sections_look(struct bytes file, const Elf64_Ehdr *ehdr, struct elf_facts *facts)
{
	const size_t size = shdr_size(facts);
	struct bytes names;
	Elf64_Shdr shdr;

	if (ehdr->e_shentsize != size || ehdr->e_shnum > ELF_SECTIONS_MAX ||
	    ehdr->e_shstrndx >= ehdr->e_shnum ||
	    !read_shdr(facts, table_entry(file, ehdr->e_shoff, size, ehdr->e_shstrndx), &shdr))
		return;
	names = section_bytes(file, &shdr);
	if (!names.data)
		return;
	for (size_t i = 1; i < ehdr->e_shnum; i++) {
		if (!read_shdr(facts, table_entry(file, ehdr->e_shoff, size, i), &shdr))
			return;
		if (shdr.sh_type == SHT_PROGBITS && name_is(names, shdr.sh_name, ".modinfo"))
			facts->kind = KIND_KERNEL_MODULE;
		else if (shdr.sh_type == SHT_NOTE && shdr.sh_size <= ELF_RANGE_MAX)
			notes_look(section_bytes(file, &shdr), shdr.sh_addralign == 8 ? 8 : 4,
				   facts);
	}
}

void elf_whole(struct bytes file, struct elf_facts *facts)
{
	Elf64_Ehdr ehdr;

	if (!read_ehdr(facts, file, &ehdr))
		return;
	if (ehdr.e_type == ET_REL) {
		sections_look(file, &ehdr, facts);
		return;
	}
	elf_head(file, facts);
	facts->n_ranges = 0; /* what is not in the file is nowhere */
}

bool module_is_signed(struct bytes file)
{
	static const char marker[] = "~Module signature appended~\n";
	const size_t size = sizeof(marker) - 1;

	return file.size >= size && memcmp(file.data + file.size - size, marker, size) == 0;
}
