/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images beside shim that hold no program: shim_certificate*.efi, whose .db sections are further keys,
 * and revocations_sbat.efi and revocations_sku.efi (16.x), a newer SBAT level and Windows' revocations.
 * shim verifies and measures each before it believes it.
 */
#include <strings.h>

#include "core/disk/disk.h"
#include "refgen/shim/internal.h"

#define CERTIFICATE      "shim_certificate"
#define REVOCATIONS_SBAT "revocations_sbat.efi"
#define REVOCATIONS_SKU  "revocations_sku.efi"
#define SBAT_ATTRIBUTES  0x3u
/* Names in shim's folder that are looked at; real ones are one or two. */
#define NAMES_MAX        32

struct names {
	struct machine *machine;
	const char *names[NAMES_MAX]; /* in the folder's order */
	size_t n;
};

static int add_name(void *ctx, const struct volume_entry *entry, struct error *err)
{
	struct names *names = ctx;
	const char *name = machine_text(names->machine, "%.*s", (int)entry->name.size,
					(const char *)entry->name.data);

	if (entry->type != VOLUME_ENTRY_FILE ||
	    (strncasecmp(name, CERTIFICATE, strlen(CERTIFICATE)) != 0 &&
	     strcasecmp(name, REVOCATIONS_SBAT) != 0 && strcasecmp(name, REVOCATIONS_SKU) != 0))
		return 0;
	if (names->n == NAMES_MAX)
		return error_set(err, ERROR_LIMIT, name, ERROR_NO_OFFSET,
				 "shim: more than %d files of certificates and revocations",
				 NAMES_MAX);
	names->names[names->n++] = name;
	return 0;
}

/* The image, verified and measured: 1 and *out, 0 shim passes it over, -1. */
static int trusted_image(struct machine *machine, struct shim *shim, const char *name,
			 struct machine_image **out, struct error *err)
{
	struct error problem = { 0 };
	int result = machine_image(machine, shim->self->volume, shim_beside(machine, shim, name),
				   out, &problem);

	if (result < 0 && (problem.code == ERROR_MALFORMED || problem.code == ERROR_TRUNCATED ||
			   problem.code == ERROR_UNSUPPORTED))
		return 0;
	if (result < 0 && err)
		*err = problem;
	if (result > 0)
		result = shim_check(machine, shim, *out, false, err);
	if (result > 0 && shim_measure_image(machine, shim, *out, err) < 0)
		return -1;
	return result;
}

/* The .db sections' signature lists, behind those there are. */
static int add_certificates(struct machine *machine, struct shim *shim,
			    const struct machine_image *image, struct error *err)
{
	AUTO(buf_clear) struct buf all = BUF_INIT;

	buf_append(&all, shim->user_certificates);
	for (size_t i = 0; i < pe_n_sections(image->pe); i++) {
		const struct pe_section *section = pe_section(image->pe, i);

		if (bytes_equal_string(section->name, ".db"))
			buf_append(&all, pe_section_bytes(image->pe, section));
	}
	if (buf_finish(&all, err) < 0)
		return -1;
	return machine_copy(machine, buf_bytes(&all), &shim->user_certificates, err);
}

static struct bytes section_text(const struct machine_image *image, const char *name)
{
	const struct pe_section *section = pe_find(image->pe, name);
	struct bytes text = section ? pe_section_bytes(image->pe, section) : bytes_of(NULL, 0);
	const uint8_t *nul = text.size ? memchr(text.data, 0, text.size) : NULL;

	return nul ? bytes_of(text.data, (size_t)(nul - text.data)) : text;
}

/* Sections .sbata and .sbatl: the level is decided again, with these for candidates. */
static int add_sbat_level(struct machine *machine, struct shim *shim,
			  const struct machine_image *image, struct error *err)
{
	const struct shim_sbat_candidates candidates = {
		.automatic = section_text(image, ".sbata"),
		.latest = section_text(image, ".sbatl"),
	};
	struct shim_sbat_level level;

	if (candidates.automatic.size == 0 || candidates.latest.size == 0)
		return 0;
	shim_sbat_decide(shim->self->pe, &candidates, machine->secure_boot,
			 machine_variable(machine, &guid_shim, "SbatLevel"), NULL, &level);
	if (!level.written)
		return 0;
	if (machine_copy(machine, level.text, &shim->sbat_level, err) < 0)
		return -1;
	return machine_variable_set(machine, &guid_shim, "SbatLevel", SBAT_ATTRIBUTES,
				    shim->sbat_level, err);
}

/* Revocations of SBAT first, so that they hold for the certificates. */
static int load_files(struct machine *machine, struct shim *shim, const struct names *names,
		      bool revocations, struct error *err)
{
	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->names[i];
		bool sbat = strcasecmp(name, REVOCATIONS_SBAT) == 0;
		bool sku = strcasecmp(name, REVOCATIONS_SKU) == 0;
		struct machine_image *image;
		int result;

		if (sbat != revocations || ((sbat || sku) && !shim_since(shim, "16.0")))
			continue;
		result = trusted_image(machine, shim, name, &image, err);
		if (result > 0 && sbat)
			result = add_sbat_level(machine, shim, image, err);
		else if (result > 0 && !sku)
			result = add_certificates(machine, shim, image, err);
		if (result < 0)
			return -1;
	}
	return 0;
}

int shim_load_trust(struct machine *machine, struct shim *shim, struct error *err)
{
	const struct machine_volume *volume = shim->self->volume;
	struct names names = { .machine = machine };

	if (!volume || !shim_since(shim, "15.6"))
		return 0;
	if (volume_list(volume->volume, shim_beside(machine, shim, ""), add_name, &names, err) < 0)
		return -1;
	if (names.n > 1 && !volume_info(volume->volume)->ordered)
		shim->assumption = machine_assume(machine, "order of files beside shim", "by name");
	if (load_files(machine, shim, &names, true, err) < 0)
		return -1;
	return load_files(machine, shim, &names, false, err);
}
