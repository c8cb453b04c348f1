/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The .sbat section: lines of comma-separated text that name a program's components and their
 * security generations (rhboot/shim SBAT.md, csv.c, sbat.c).
 */
#include "refgen/pe/internal.h"

#define N_FIELDS    6
/* Real sections have two to four. */
#define ENTRIES_MAX 256

/* The next line without its end; blank ones are passed over. False at the end. */
static bool next_line(struct bytes *text, struct bytes *line)
{
	while (text->size) {
		size_t n = 0, end;

		while (n < text->size && text->data[n] != '\n' && text->data[n] != '\r')
			n++;
		end = n < text->size ? n + 1 : n;
		*line = bytes_of(text->data, n);
		*text = bytes_of(text->data + end, text->size - end);
		if (n)
			return true;
	}
	return false;
}

/* The fields of a line; false if one is missing or empty. Further ones are passed over. */
static bool split(struct bytes line, struct bytes fields[N_FIELDS])
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		size_t n = 0;

		while (n < line.size && line.data[n] != ',')
			n++;
		fields[i] = bytes_of(line.data, n);
		if (n == 0)
			return false;
		if (n == line.size)
			return i == N_FIELDS - 1;
		line = bytes_of(line.data + n + 1, line.size - n - 1);
	}
	return true;
}

static uint16_t generation_of(struct bytes text)
{
	uint32_t value = 0;

	for (size_t i = 0; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++)
		value = value * 10 + (uint32_t)(text.data[i] - '0');
	return (uint16_t)value;
}

/* Entries of text to out, at most max; false if a line isn't one. *n counts those before it. */
static bool parse(struct bytes text, struct pe_sbat_entry *out, size_t max, size_t *n)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };
	struct bytes line, fields[N_FIELDS];

	text = pe_text(text);
	if (bytes_start_with(text, bytes_of(mark, sizeof(mark))))
		text = bytes_of(text.data + sizeof(mark), text.size - sizeof(mark));
	while (next_line(&text, &line)) {
		if (*n == max || !split(line, fields))
			return false;
		out[(*n)++] = (struct pe_sbat_entry){
			.component = fields[0],
			.generation_text = fields[1],
			.generation = generation_of(fields[1]),
			.vendor = fields[2],
			.package = fields[3],
			.version = fields[4],
			.url = fields[5],
		};
	}
	return true;
}

int pe_read_sbat(struct pe *pe, struct error *err)
{
	const struct pe_section *section = pe_find(pe, ".sbat");
	struct pe_sbat_entry *shrunk;

	pe->sbat_well_formed = true;
	if (!section)
		return 0;
	pe->sbat = malloc(ENTRIES_MAX * sizeof(*pe->sbat));
	if (!pe->sbat)
		return error_memory(err, pe->source);
	pe->sbat_well_formed =
		parse(pe_section_bytes(pe, section), pe->sbat, ENTRIES_MAX, &pe->n_sbat);
	shrunk = realloc(pe->sbat, (pe->n_sbat ? pe->n_sbat : 1) * sizeof(*pe->sbat));
	if (shrunk)
		pe->sbat = shrunk;
	return 0;
}

size_t pe_n_sbat(const struct pe *pe)
{
	return pe->n_sbat;
}

const struct pe_sbat_entry *pe_sbat(const struct pe *pe, size_t i)
{
	return i < pe->n_sbat ? &pe->sbat[i] : NULL;
}

const struct pe_sbat_entry *pe_sbat_find(const struct pe *pe, const char *component)
{
	for (size_t i = 0; i < pe->n_sbat; i++)
		if (bytes_equal_string(pe->sbat[i].component, component))
			return &pe->sbat[i];
	return NULL;
}

bool pe_sbat_well_formed(const struct pe *pe)
{
	return pe->sbat_well_formed;
}
