/* SPDX-License-Identifier: BSD-2-Clause */
/* The SBAT level: which this image carries, which stays in force, and who meets it (shim's sbat.c). */
#include "core/reader.h"
#include "refgen/shim/internal.h"

#define ORIGINAL  "sbat,1,2021030218\n"
#define SIGNATURE "sbat,"
#define DATE_SIZE 10
#define TEXT_MAX  4096

enum policy { POLICY_LATEST = 1, POLICY_AUTOMATIC = 2, POLICY_RESET = 3 };

/* Text at an offset up to its NUL; empty if it isn't there. */
static struct bytes text_at(struct bytes section, uint64_t at)
{
	const uint8_t *nul;

	if (at >= section.size)
		return bytes_of(NULL, 0);
	section = bytes_of(section.data + at, section.size - (size_t)at);
	nul = memchr(section.data, 0, section.size);
	return nul ? bytes_of(section.data, (size_t)(nul - section.data)) : bytes_of(NULL, 0);
}

/* The n-th field: where it begins, to the end of the text. */
static struct bytes field_from(struct bytes text, size_t n)
{
	for (size_t i = 0; i < text.size; i++) {
		if (n == 0)
			return bytes_of(text.data + i, text.size - i);
		n -= text.data[i] == ',';
	}
	return bytes_of(NULL, 0);
}

static int compare_dates(struct bytes a, struct bytes b)
{
	a = field_from(a, 2);
	b = field_from(b, 2);
	if (a.size > DATE_SIZE)
		a.size = DATE_SIZE;
	if (b.size > DATE_SIZE)
		b.size = DATE_SIZE;
	return bytes_compare(a, b);
}

/*
 * Images before 15.8 have no .sbatlevel section, but the texts are there: the newest is "latest", the
 * one before "automatic" (then called "previous").
 */
static void search_levels(const struct pe *pe, struct shim_sbat_candidates *out)
{
	struct bytes left = pe_file(pe);

	while (left.size > sizeof(ORIGINAL)) {
		const uint8_t *at = memchr(left.data, 's', left.size - sizeof(ORIGINAL));
		struct bytes text;

		if (!at)
			return;
		left = bytes_of(at + 1, left.size - (size_t)(at + 1 - left.data));
		if (memcmp(at, "sbat,1,20", 9) != 0)
			continue;
		text = text_at(bytes_of(at, left.size + 1 < TEXT_MAX ? left.size + 1 : TEXT_MAX),
			       0);
		if (text.size < sizeof(ORIGINAL) - 1 || text.data[text.size - 1] != '\n' ||
		    text.data[sizeof(ORIGINAL) - 2] != '\n')
			continue;
		if (compare_dates(text, out->latest) > 0) {
			out->automatic = out->latest;
			out->latest = text;
		} else if (compare_dates(text, out->latest) < 0 &&
			   compare_dates(text, out->automatic) > 0) {
			out->automatic = text;
		}
	}
}

void shim_sbat_candidates(const struct pe *pe, struct shim_sbat_candidates *out)
{
	const struct pe_section *section = pe_find(pe, ".sbatlevel");
	struct bytes contents = section ? pe_section_bytes(pe, section) : bytes_of(NULL, 0);
	struct reader in = reader_of(contents, 0, NULL);

	*out = (struct shim_sbat_candidates){ .automatic = bytes_of_string(ORIGINAL),
					      .latest = bytes_of_string(ORIGINAL) };
	if (contents.size) {
		struct bytes automatic, latest;

		reader_skip(&in, 4); /* version */
		automatic = text_at(contents, 4 + (uint64_t)reader_le32(&in));
		latest = text_at(contents, 4 + (uint64_t)reader_le32(&in));
		if (automatic.size && latest.size) {
			out->automatic = automatic;
			out->latest = latest;
			return;
		}
	}
	out->guessed = true;
	search_levels(pe, out);
}

/* What is stored stays if it is whole and not older than the candidate. */
static bool keeps(const struct machine_variable *stored, struct bytes candidate)
{
	struct bytes text = stored->data, version, other, date = field_from(text, 2),
		     other_date = field_from(candidate, 2);
	size_t size, other_size;

	/* Non-volatile, boot services; with a time-based authentication or without. */
	if (stored->attributes != 0x3 && stored->attributes != 0x23)
		return false;
	if (text.size < sizeof(ORIGINAL) - 1 || !bytes_start_with(text, bytes_of_string(SIGNATURE)))
		return false;
	version = field_from(text, 1);
	other = field_from(candidate, 1);
	size = version.size - date.size;
	other_size = other.size - other_date.size;
	if (size > other_size || (size == other_size && memcmp(version.data, other.data, size) > 0))
		return true;
	return compare_dates(text, candidate) >= 0;
}

/* The level an unset or invalid policy leads to. */
static struct bytes default_level(const struct shim_sbat_candidates *candidates, bool resets,
				  bool *reset)
{
	*reset = resets;
	return resets ? bytes_of_string(ORIGINAL) : candidates->automatic;
}

void shim_sbat_decide(const struct pe *pe, const struct shim_sbat_candidates *candidates,
		      bool secure, const struct machine_variable *stored,
		      const struct machine_variable *policy, struct shim_sbat_level *out)
{
	struct bytes version = pe_version(pe), candidate, component;
	bool reset = false, known = version.size != 0;
	/* 15.8: with Secure Boot off the level is reset, and a policy is always removed. */
	bool since_15_8 = !known || pe_version_compare(version, "15.8") >= 0;
	bool has_policies = !known || pe_version_compare(version, "15.6") >= 0;

	*out = (struct shim_sbat_level){ .failure = "" };
	if (known && pe_version_compare(version, "15.3") < 0)
		return;
	if (!has_policies) {
		candidate = bytes_of_string(ORIGINAL);
	} else if (!policy || policy->data.size == 0) {
		candidate = default_level(candidates, since_15_8 && !secure, &reset);
	} else {
		switch (policy->data.data[0]) {
		case POLICY_LATEST:
			candidate = candidates->latest;
			break;
		case POLICY_AUTOMATIC:
			candidate = candidates->automatic;
			break;
		case POLICY_RESET:
			candidate = default_level(candidates, !secure, &reset);
			break;
		default:
			candidate = default_level(candidates, since_15_8 && !secure, &reset);
		}
		out->policy_removed = since_15_8 || policy->data.data[0] != POLICY_AUTOMATIC;
	}
	if (stored && !reset && keeps(stored, candidate)) {
		out->text = stored->data;
		return;
	}
	/* A level that would revoke this shim itself is not put in the place of another. */
	if (stored && since_15_8 && !shim_sbat_meets(pe, candidate, &component)) {
		out->text = stored->data;
		out->failure = "the new SBAT level would revoke this shim itself";
		return;
	}
	out->text = candidate;
	out->written = true;
}

/* One line of a level: component and generation. False if it lacks them. */
static bool read_level(struct bytes line, struct bytes *component, uint16_t *generation)
{
	const uint8_t *comma = line.size ? memchr(line.data, ',', line.size) : NULL;
	uint32_t value = 0;

	if (!comma || comma == line.data)
		return false;
	*component = bytes_of(line.data, (size_t)(comma - line.data));
	for (const uint8_t *at = comma + 1; at < line.data + line.size && *at >= '0' && *at <= '9';
	     at++)
		value = value * 10 + (uint32_t)(*at - '0');
	*generation = (uint16_t)value;
	return true;
}

/* The generation a level asks of a component; 0: it names none. */
static uint16_t level_of(struct bytes level, struct bytes component)
{
	while (level.size) {
		struct bytes line = level, name;
		const uint8_t *end = memchr(level.data, '\n', level.size);
		uint16_t generation;

		if (end)
			line.size = (size_t)(end - level.data);
		level = bytes_of(level.data + line.size + (end != NULL),
				 level.size - line.size - (end != NULL));
		if (read_level(line, &name, &generation) && bytes_equal(name, component))
			return generation;
	}
	return 0;
}

bool shim_sbat_meets(const struct pe *pe, struct bytes level, struct bytes *component)
{
	*component = bytes_of(NULL, 0);
	if (!pe_sbat_well_formed(pe))
		return false;
	for (size_t i = 0; i < pe_n_sbat(pe); i++) {
		const struct pe_sbat_entry *entry = pe_sbat(pe, i);

		if (entry->generation < level_of(level, entry->component)) {
			*component = entry->component;
			return false;
		}
	}
	return true;
}
