/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * header: the lead of an RPM package and its two headers: tables of typed, numbered values.
 * Knows no value's meaning (filelist.h, package.h).
 *
 * Source:  rpm docs/manual/format_header.md, format_v3.md, format_v4.md, format_v6.md; the limits
 *          are those of rpm's lib/header.c.
 * Threads: a parsed header is not changed; it may be read by any.
 */
#ifndef REFGEN_RPM_HEADER_H
#define REFGEN_RPM_HEADER_H

#include "core/reader.h"
#include "refgen/rpm/tags.h"

#define RPM_LEAD_SIZE         96
#define RPM_HEADER_INTRO_SIZE 16 /* magic, number of entries, size of the data */

/* rpm refuses more of either, so no package has them. */
#define RPM_HEADER_ENTRIES_MAX    0xffffu
#define RPM_HEADER_DATA_MAX       0x0fffffffu
#define RPM_SIGNATURE_ENTRIES_MAX 32u
#define RPM_SIGNATURE_DATA_MAX    (64u << 20) /* room for the signatures of many files */

struct rpm_lead {
	uint8_t major; /* 3 or 4; a v6 package says 4 */
	bool source;   /* a source package */
};

/* The first RPM_LEAD_SIZE bytes of a package. ERROR_MALFORMED when they are not a lead. */
int rpm_lead_parse(struct bytes bytes, const char *source, struct rpm_lead *out, struct error *err);

enum rpm_header_kind { RPM_HEADER_SIGNATURE, RPM_HEADER_MAIN };

/* One value of a header, in the header's bytes; checked to lie within them. */
struct rpm_entry {
	uint32_t tag;
	uint32_t type;  /* enum rpm_type, RPM_CHAR to RPM_I18NSTRING */
	uint32_t count; /* at least 1 */
	uint32_t place; /* offset of its data in the header's data */
	size_t size;    /* bytes of its data: strings with their NULs */
};

struct rpm_header {
	enum rpm_header_kind kind;
	const char *source;        /* name of the package; borrowed */
	uint64_t offset;           /* of the header in the package */
	struct bytes bytes;        /* all of it from its magic on; borrowed */
	struct bytes data;         /* the part that entries point into; borrowed */
	bool region;               /* has an immutable region; v3 packages have none */
	struct rpm_entry *entries; /* sorted by tag, no tag twice; owned */
	size_t n_entries;
};

/*
 * How many bytes a header has, from its first RPM_HEADER_INTRO_SIZE. offset is the header's in
 * the package. ERROR_MALFORMED without the magic, ERROR_LIMIT over a limit.
 */
int rpm_header_size(struct bytes intro, enum rpm_header_kind kind, uint64_t offset,
		    const char *source, size_t *size, struct error *err);

/*
 * Checks everything a header says of itself: region and its trailer, tags, types, alignment,
 * counts, that data neither leaves the header nor overlaps. bytes are exactly the header's and
 * stay the caller's.
 */
int rpm_header_parse(struct bytes bytes, enum rpm_header_kind kind, uint64_t offset,
		     const char *source, struct rpm_header *out, struct error *err);
void rpm_header_clear(struct rpm_header *header);

/* NULL when the header does not have it. */
const struct rpm_entry *rpm_header_find(const struct rpm_header *header, uint32_t tag);

/* Offset of an entry's data in the package, for errors. */
uint64_t rpm_entry_offset(const struct rpm_header *header, const struct rpm_entry *entry);

/*
 * The values of a tag. Each returns 1 and the value, 0 when the header does not have the tag, or
 * -1 with ERROR_MALFORMED when its type or count is another.
 */

/* A STRING, or the first of an I18NSTRING, without its NUL. */
int rpm_header_string(const struct rpm_header *header, uint32_t tag, struct bytes *out,
		      struct error *err);
/* The only value of an INT8, INT16, INT32 or INT64. */
int rpm_header_number(const struct rpm_header *header, uint32_t tag, uint64_t *out,
		      struct error *err);
int rpm_header_binary(const struct rpm_header *header, uint32_t tag, struct bytes *out,
		      struct error *err);

/* An array of integers; count is how many there are. */
struct rpm_numbers {
	const uint8_t *data;
	unsigned width; /* bytes of each: 1, 2, 4 or 8 */
	uint32_t count;
};

int rpm_header_numbers(const struct rpm_header *header, uint32_t tag, struct rpm_numbers *out,
		       struct error *err);
uint64_t rpm_number(const struct rpm_numbers *numbers, uint32_t index);

/* An array of strings, taken in order. */
struct rpm_strings {
	const uint8_t *at;
	const uint8_t *end;
	uint32_t count; /* of all */
	uint32_t left;  /* not yet taken */
};

/* A STRING counts as an array of one. */
int rpm_header_strings(const struct rpm_header *header, uint32_t tag, struct rpm_strings *out,
		       struct error *err);
/* The next string, without its NUL; empty once none is left. */
struct bytes rpm_strings_next(struct rpm_strings *strings);

#endif
