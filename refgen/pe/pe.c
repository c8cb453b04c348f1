/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/pe/pe.h"

#include <inttypes.h>

#include "refgen/pe/internal.h"

#define DOS_HEADER_SIZE     64
#define FILE_HEADER_SIZE    20
#define SECTION_HEADER_SIZE 40
#define DIRECTORY_SIZE      8
#define DIRECTORIES_MAX     16
#define DIRECTORY_SECURITY  4
#define SYMBOL_SIZE         18
/* The part of the headers that EDK II reads at once: signature, file header, PE32+ header. */
#define NT_HEADERS_SIZE     (4 + FILE_HEADER_SIZE + 112 + DIRECTORIES_MAX * DIRECTORY_SIZE)
/* Zeros that a section may have after what is stored: more than any measured section needs. */
#define ZEROS_MAX           (256u << 20)

bool pe_detect(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	uint32_t at;

	if (reader_le16(&in) != 0x5a4d) /* MZ */
		return false;
	reader_skip(&in, 58);
	at = reader_le32(&in);
	if (in.ran_out)
		return false;
	if (at > start.size || start.size - at < 4)
		return at >= 4;
	return memcmp(start.data + at, "PE\0\0", 4) == 0;
}

static int malformed(const struct pe *pe, uint64_t offset, const char *what, struct error *err)
{
	return error_set(err, ERROR_MALFORMED, pe->source, offset, "PE: %s", what);
}

/* A reader of the file from an offset that the file itself gave. */
static struct reader reader_at(const struct pe *pe, uint64_t offset)
{
	struct reader in = reader_of(pe->file, 0, pe->source);

	if (offset > pe->file.size) {
		in.ran_out = true;
		in.ran_out_at = offset;
		in.pos = in.size;
		return in;
	}
	in.pos = (size_t)offset;
	return in;
}

/* What the section table needs to be found and believed. */
struct table {
	size_t offset; /* in the file */
	uint16_t n_sections;
	uint32_t strings; /* file offset of the COFF string table; 0: none */
};

/* The COFF string table stands behind the symbols; firmware never looks at it, nor do we insist. */
static uint32_t strings_offset(uint32_t symbols, uint32_t n_symbols)
{
	uint64_t at = symbols + (uint64_t)n_symbols * SYMBOL_SIZE;

	return symbols && at <= UINT32_MAX ? (uint32_t)at : 0;
}

/* Optional header (PE, "Optional Header"): its fields, then the checks EDK II makes of them. */
static int read_optional_header(struct pe *pe, struct reader *in, size_t size, struct table *table,
				struct error *err)
{
	size_t start = in->pos, n_directories_at, fixed;
	uint16_t magic = reader_le16(in);
	uint32_t n_directories;

	/* EDK II takes the IA-64 ELILO's wrong magic for PE32+; so does the digest. */
	if (pe->machine == 0x200 && magic == 0x10b)
		magic = 0x20b;
	if (magic != 0x10b && magic != 0x20b)
		return error_set(err, ERROR_UNSUPPORTED, pe->source, start,
				 "PE: optional header magic 0x%" PRIx16
				 ", neither PE32 (0x10b) nor PE32+ (0x20b)",
				 magic);
	fixed = magic == 0x10b ? 96 : 112;
	in->pos = start + 56;
	pe->image_size = reader_le32(in);
	pe->layout.header_size = reader_le32(in);
	pe->layout.checksum = in->pos;
	reader_skip(in, 4);
	pe->subsystem = reader_le16(in);
	n_directories_at = in->pos = start + fixed - 4;
	n_directories = reader_le32(in);
	if (n_directories > DIRECTORIES_MAX)
		return error_set(err, ERROR_LIMIT, pe->source, n_directories_at,
				 "PE: %" PRIu32 " data directories, at most %d", n_directories,
				 DIRECTORIES_MAX);
	if (size != fixed + n_directories * DIRECTORY_SIZE)
		return error_set(err, ERROR_MALFORMED, pe->source, start,
				 "PE: optional header of %zu bytes with %" PRIu32
				 " data directories, which take %zu",
				 size, n_directories, fixed + n_directories * DIRECTORY_SIZE);
	if (n_directories > DIRECTORY_SECURITY) {
		in->pos = pe->layout.security = start + fixed + DIRECTORY_SECURITY * DIRECTORY_SIZE;
		pe->layout.certificates_offset = reader_le32(in);
		pe->layout.certificates_size = reader_le32(in);
	}
	table->offset = start + size;
	return 0;
}

/* What EDK II checks of the sizes before it looks at sections. */
static int check_sizes(const struct pe *pe, const struct table *table, struct error *err)
{
	const struct pe_layout *layout = &pe->layout;
	uint64_t end;

	if (layout->header_size > pe->file.size)
		return error_set(err, ERROR_TRUNCATED, pe->source, layout->checksum - 4,
				 "PE: headers of %" PRIu32 " bytes in a file of %zu",
				 layout->header_size, pe->file.size);
	if (table->offset > layout->header_size ||
	    (layout->header_size - table->offset) / SECTION_HEADER_SIZE < table->n_sections)
		return error_set(err, ERROR_MALFORMED, pe->source, layout->checksum - 4,
				 "PE: headers of %" PRIu32
				 " bytes do not hold %u section headers at 0x%zx",
				 layout->header_size, table->n_sections, table->offset);
	if (layout->header_size >= pe->image_size)
		return error_set(err, ERROR_MALFORMED, pe->source, layout->checksum - 8,
				 "PE: an image of %" PRIu32 " bytes with headers of %" PRIu32,
				 pe->image_size, layout->header_size);
	end = (uint64_t)layout->certificates_offset + layout->certificates_size;
	if (layout->certificates_size && end > pe->file.size)
		return error_set(err, ERROR_TRUNCATED, pe->source, layout->security,
				 "PE: certificate table ends at 0x%" PRIx64
				 " in a file of 0x%zx bytes",
				 end, pe->file.size);
	return 0;
}

/* Headers, up to the section table. */
static int read_headers(struct pe *pe, struct table *table, struct error *err)
{
	struct reader in = reader_of(pe->file, 0, pe->source);
	uint32_t at = 0, symbols, n_symbols;
	size_t optional_size;

	if (reader_le16(&in) == 0x5a4d) {
		reader_skip(&in, DOS_HEADER_SIZE - 6);
		at = reader_le32(&in);
	}
	if (reader_check(&in, err) < 0)
		return -1;
	in = reader_at(pe, at);
	reader_skip(&in, NT_HEADERS_SIZE);
	if (reader_check(&in, err) < 0)
		return -1;
	in.pos = at;
	if (reader_le32(&in) != 0x4550)
		return malformed(pe, at, "no PE signature where the DOS header says", err);
	pe->machine = reader_le16(&in);
	table->n_sections = reader_le16(&in);
	reader_skip(&in, 4); /* TimeDateStamp */
	symbols = reader_le32(&in);
	n_symbols = reader_le32(&in);
	optional_size = reader_le16(&in);
	reader_skip(&in, 2); /* Characteristics */
	table->strings = strings_offset(symbols, n_symbols);
	if (read_optional_header(pe, &in, optional_size, table, err) < 0)
		return -1;
	return check_sizes(pe, table, err);
}

struct bytes pe_text(struct bytes text)
{
	const uint8_t *nul = text.size ? memchr(text.data, 0, text.size) : NULL;

	return nul ? bytes_of(text.data, (size_t)(nul - text.data)) : text;
}

/* A name of 8 bytes, or the text that "/N" names in the COFF string table, where there is such. */
static struct bytes section_name(const struct pe *pe, const struct table *table, struct bytes name)
{
	struct reader in;
	struct bytes long_name;
	size_t n = 0;
	uint32_t size;

	name = pe_text(name);
	if (name.size < 2 || name.data[0] != '/' || !table->strings)
		return name;
	for (size_t i = 1; i < name.size; i++) {
		if (name.data[i] < '0' || name.data[i] > '9')
			return name;
		n = n * 10 + (size_t)(name.data[i] - '0');
	}
	in = reader_at(pe, table->strings);
	size = reader_le32(&in);
	if (n < 4 || n >= size)
		return name;
	reader_skip(&in, n - 4);
	long_name = reader_bytes(&in, reader_left(&in) < size - n ? reader_left(&in) : size - n);
	long_name = pe_text(long_name);
	return long_name.size ? long_name : name;
}

static int read_sections(struct pe *pe, const struct table *table, struct error *err)
{
	struct reader in = reader_at(pe, table->offset);

	/* check_sizes saw that the file holds the table. */
	pe->sections = calloc(table->n_sections ? table->n_sections : 1, sizeof(*pe->sections));
	if (!pe->sections)
		return error_memory(err, pe->source);
	for (; pe->n_sections < table->n_sections; pe->n_sections++) {
		struct pe_section *section = &pe->sections[pe->n_sections];
		uint64_t at = reader_offset(&in);

		section->name = section_name(pe, table, reader_bytes(&in, 8));
		section->virtual_size = reader_le32(&in);
		section->virtual_address = reader_le32(&in);
		section->raw_size = reader_le32(&in);
		section->raw_offset = reader_le32(&in);
		reader_skip(&in, 12);
		section->characteristics = reader_le32(&in);
		if (section->raw_size &&
		    (uint64_t)section->raw_offset + section->raw_size > pe->file.size)
			return error_set(err, ERROR_TRUNCATED, pe->source, at,
					 "PE: section %zu: %" PRIu32 " bytes at 0x%" PRIx32
					 " in a file of 0x%zx bytes",
					 pe->n_sections, section->raw_size, section->raw_offset,
					 pe->file.size);
	}
	return reader_check(&in, err);
}

int pe_open(struct bytes file, const char *source, struct pe **out, struct error *err)
{
	AUTO(pe_freep) struct pe *pe = calloc(1, sizeof(*pe));
	struct table table = { 0 };

	if (!pe)
		return error_memory(err, source);
	pe->file = file;
	pe->source = source;
	if (read_headers(pe, &table, err) < 0 || read_sections(pe, &table, err) < 0 ||
	    pe_read_certificates(pe, err) < 0 || pe_read_sbat(pe, err) < 0)
		return -1;
	pe_recognize(pe);
	*out = TAKE(pe);
	return 0;
}

void pe_free(struct pe *pe)
{
	if (!pe)
		return;
	free(pe->sections);
	free(pe->signatures);
	free(pe->sbat);
	free(pe);
}

void pe_freep(struct pe **pe)
{
	pe_free(*pe);
}

struct bytes pe_file(const struct pe *pe)
{
	return pe->file;
}

const char *pe_source(const struct pe *pe)
{
	return pe->source;
}

uint16_t pe_machine(const struct pe *pe)
{
	return pe->machine;
}

uint16_t pe_subsystem(const struct pe *pe)
{
	return pe->subsystem;
}

uint32_t pe_image_size(const struct pe *pe)
{
	return pe->image_size;
}

size_t pe_n_sections(const struct pe *pe)
{
	return pe->n_sections;
}

const struct pe_section *pe_section(const struct pe *pe, size_t i)
{
	return i < pe->n_sections ? &pe->sections[i] : NULL;
}

/* The first of the name among sections [begin, end). */
static const struct pe_section *find(const struct pe *pe, size_t begin, size_t end,
				     const char *name)
{
	for (size_t i = begin; i < end; i++)
		if (bytes_equal_string(pe->sections[i].name, name))
			return &pe->sections[i];
	return NULL;
}

const struct pe_section *pe_find(const struct pe *pe, const char *name)
{
	return find(pe, 0, pe->n_sections, name);
}

size_t pe_n_profiles(const struct pe *pe)
{
	size_t n = 0;

	for (size_t i = 0; i < pe->n_sections; i++)
		n += bytes_equal_string(pe->sections[i].name, ".profile");
	return n;
}

/* Index of the n-th .profile section, or the end of the table. */
static size_t profile_begin(const struct pe *pe, size_t n)
{
	for (size_t i = 0; i < pe->n_sections; i++)
		if (bytes_equal_string(pe->sections[i].name, ".profile") && n-- == 0)
			return i;
	return pe->n_sections;
}

const struct pe_section *pe_find_in(const struct pe *pe, size_t profile, const char *name)
{
	if (profile == PE_PROFILE_BASE)
		return find(pe, 0, profile_begin(pe, 0), name);
	return find(pe, profile_begin(pe, profile), profile_begin(pe, profile + 1), name);
}

size_t pe_section_size(const struct pe_section *section)
{
	return section->virtual_size ? section->virtual_size : section->raw_size;
}

struct bytes pe_section_bytes(const struct pe *pe, const struct pe_section *section)
{
	size_t size = pe_section_size(section);

	if (size > section->raw_size)
		size = section->raw_size;
	return size ? bytes_of(pe->file.data + section->raw_offset, size) : bytes_of(NULL, 0);
}

/* Loaders copy sections in table order: a later one that overlaps leaves its own bytes. */
static bool overwritten(const struct pe *pe, const struct pe_section *section)
{
	uint64_t begin = section->virtual_address, end = begin + pe_section_size(section);

	for (const struct pe_section *later = section + 1; later < pe->sections + pe->n_sections;
	     later++) {
		uint64_t from = later->virtual_address, to = from + pe_section_size(later);

		if (from < end && begin < to && from < to)
			return true;
	}
	return false;
}

int pe_section_digests(const struct pe *pe, const struct pe_section *section, struct hasher *hasher,
		       alg_set algs, struct digest out[ALG_COUNT], struct error *err)
{
	static const uint8_t zeros[4096];
	struct bytes stored = pe_section_bytes(pe, section);
	size_t left = pe_section_size(section) - stored.size;

	if (left > ZEROS_MAX)
		return error_set(err, ERROR_LIMIT, pe->source, section->raw_offset,
				 "PE: section with %zu bytes not stored, at most %u", left,
				 ZEROS_MAX);
	if (overwritten(pe, section))
		return error_set(err, ERROR_UNSUPPORTED, pe->source, section->raw_offset,
				 "PE: a later section overlaps this one in memory");
	if (hasher_begin(hasher, algs, err) < 0 || hasher_update(hasher, stored, err) < 0)
		return -1;
	for (size_t n; left; left -= n) {
		n = left < sizeof(zeros) ? left : sizeof(zeros);
		if (hasher_update(hasher, bytes_of(zeros, n), err) < 0)
			return -1;
	}
	return hasher_finish(hasher, out, err);
}
