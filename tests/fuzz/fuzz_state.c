/* SPDX-License-Identifier: BSD-2-Clause */
/* A state of machines: read, and what was read is written and read again. */
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/state.h"
#include "tests/fuzz/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = scratch_write("state", bytes_of(data, size));
	struct machine_state machine = { .key = "00",
					 .clock = UINT64_MAX / 2,
					 .reset_count = UINT32_MAX };
	struct state *state = NULL, *again = NULL;
	struct error err = { 0 };

	if (state_read(path, &state, &err) < 0) {
		assert(err.message[0]);
		scratch_remove(path);
		return 0;
	}
	if (state_put(state, &machine, &err) == 0 && state_write(state, &err) == 0) {
		if (state_read(path, &again, &err) < 0)
			abort();
		assert(state_n_machines(again) == state_n_machines(state));
		state_free(again);
	}
	state_free(state);
	scratch_remove(path);
	return 0;
}
