/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot loader entries and os-release: their lines, versions, patterns and command lines. */
#include "refgen/systemd/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUES_MAX 16

static void use(struct machine *machine, const char *const *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct bytes utf16;
		const char *again;
		bool with_nul, exact;
		struct error err;

		if (utf16_of(machine, values[i], &utf16, &err) == 0)
			utf8_of(machine, utf16, &again, &with_nul, &exact, &err);
		cmdline_clean(machine, bytes_of_string(values[i]), i % 2, &err);
		for (size_t j = 0; j < n; j++) {
			int order = version_compare(values[i], values[j]);

			if (order != -version_compare(values[j], values[i]))
				__builtin_trap();
			pattern_matches(values[i], values[j]);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(machine_freep) struct machine *machine = NULL;
	const char *values[VALUES_MAX];
	struct error err;

	if (size > 4096 || hasher_new(&hasher, &err) < 0 ||
	    machine_new(1u << ALG_SHA256, hasher, &machine, &err) < 0)
		return 0;
	for (int i = 0; i < 2; i++) {
		struct bytes key, value, copy;
		size_t at = 0, n = 0;

		while (config_next(bytes_of(data, size), i ? '=' : ' ', &at, &key, &value))
			if (n < VALUES_MAX && machine_copy(machine, value, &copy, &err) == 0)
				values[n++] = (const char *)copy.data;
		use(machine, values, n);
	}
	return 0;
}
