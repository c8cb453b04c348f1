/* SPDX-License-Identifier: BSD-2-Clause */
/* An image: everything it says of itself must lie within it, and its digests must have an answer. */
#include "refgen/pe/pe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool within(struct bytes part, struct bytes whole)
{
	return part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
				  part.data + part.size <= whole.data + whole.size);
}

static void look_at(const struct pe *pe, struct hasher *hasher)
{
	struct digest out[ALG_COUNT];
	struct bytes file = pe_file(pe);

	for (size_t i = 0; i < pe_n_sections(pe); i++) {
		const struct pe_section *section = pe_section(pe, i);

		if (!within(section->name, file) || !within(pe_section_bytes(pe, section), file))
			abort();
		if (pe_section_size(section) < 1u << 20)
			(void)pe_section_digests(pe, section, hasher, 1u << ALG_SHA256, out, NULL);
	}
	for (size_t i = 0; i < pe_n_signatures(pe); i++)
		if (pe_signature(pe, i).size == 0 || !within(pe_signature(pe, i), file))
			abort();
	for (size_t i = 0; i < pe_n_sbat(pe); i++)
		if (!within(pe_sbat(pe, i)->component, file) || !within(pe_sbat(pe, i)->url, file))
			abort();
	for (size_t i = 0; i < pe_n_profiles(pe); i++)
		if (!pe_find_in(pe, i, ".profile"))
			abort();
	if (!within(pe_version(pe), file) || pe_kind(pe) >= PE_KIND_COUNT)
		abort();
	(void)pe_authenticode(pe, hasher, 1u << ALG_SHA256, out, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hasher *hasher;
	struct pe *pe = NULL;
	struct error err = { 0 };

	if (!hasher && hasher_new(&hasher, NULL) < 0)
		abort();
	(void)pe_detect(bytes_of(data, size));
	if (pe_open(bytes_of(data, size), "image", &pe, &err) < 0) {
		if (err.code == ERROR_NONE)
			abort();
		return 0;
	}
	look_at(pe, hasher);
	pe_free(pe);
	return 0;
}
