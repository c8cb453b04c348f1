/* SPDX-License-Identifier: BSD-2-Clause */
/* A header of an RPM, as a main and as a signature header, its values and the files it names. */
#include "refgen/rpm/filelist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_all(const struct rpm_header *header)
{
	for (size_t i = 0; i < header->n_entries; i++) {
		uint32_t tag = header->entries[i].tag;
		struct rpm_numbers numbers;
		struct rpm_strings strings;
		struct bytes text;
		uint64_t number;

		(void)rpm_header_string(header, tag, &text, NULL);
		(void)rpm_header_number(header, tag, &number, NULL);
		(void)rpm_header_binary(header, tag, &text, NULL);
		if (rpm_header_numbers(header, tag, &numbers, NULL) > 0)
			(void)rpm_number(&numbers, numbers.count - 1);
		if (rpm_header_strings(header, tag, &strings, NULL) > 0)
			while (strings.left)
				(void)rpm_strings_next(&strings);
	}
}

static void list_all(const struct rpm_header *header)
{
	struct rpm_filelist list;
	struct error err;

	if (rpm_filelist_parse(header, header, &list, &err) < 0)
		return;
	for (uint32_t i = 0; i < list.n_files; i++) {
		char path[RPM_PATH_MAX];
		struct digest digest;
		uint32_t hint = list.n_files - i, index;

		(void)rpm_filelist_find(&list, rpm_file_path(&list.files[i], path), &hint, &index,
					&err);
		(void)rpm_filelist_digest(&list, i, &digest, &err);
		(void)rpm_filelist_has_content(&list, i);
	}
	rpm_filelist_clear(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpm_lead lead;
	struct error err;

	(void)rpm_lead_parse(bytes_of(data, size < RPM_LEAD_SIZE ? size : RPM_LEAD_SIZE), "fuzz",
			     &lead, &err);
	for (enum rpm_header_kind kind = RPM_HEADER_SIGNATURE; kind <= RPM_HEADER_MAIN; kind++) {
		struct rpm_header header;

		if (rpm_header_parse(bytes_of(data, size), kind, 0, "fuzz", &header, &err) < 0)
			continue;
		take_all(&header);
		list_all(&header);
		rpm_header_clear(&header);
	}
	return 0;
}
