/* SPDX-License-Identifier: BSD-2-Clause */
/* Files in forms of agents, whichever they look like, and plain evidence by its content. */
#include "replay/forms/forms.h"

#include "core/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_clear) struct arena arena = { 0 };
	AUTO(form_result_clear) struct form_result result = { .arena = &arena };
	struct bytes in = bytes_of(data, size);
	enum bundle_role role;
	struct error err;
	int status;

	(void)form_guess(bytes_of(data, size < FORM_START_SIZE ? size : FORM_START_SIZE), &role);
	status = form_read(in, "input", &result, &err);
	for (size_t i = 0; i < result.n_pieces; i++) {
		const struct form_piece *piece = &result.pieces[i];

		/* Base64, hex and compression cannot blow a quote up to more than this. */
		if (!piece->where || piece->group > result.n_groups ||
		    piece->contents.size > size * 1100 + 4096)
			abort();
	}
	if (status == 1 && !result.form)
		abort();
	return 0;
}
