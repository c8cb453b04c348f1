/* SPDX-License-Identifier: BSD-2-Clause */
/* A log of user space's measurements: each record read, and its digest compared with its string. */
#include <assert.h>
#include <stdlib.h>

#include "replay/userspace/userspace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A buffer of the exact size, so that a sanitizer sees a read of one byte too far. */
	uint8_t *copy = malloc(size ? size : 1);
	struct userspace_record record;
	struct userspace_log log;
	struct error err = { 0 };
	struct event_check check;
	struct hasher *hasher;
	uint64_t n = 0;
	int more = -1;

	if (!copy || hasher_new(&hasher, &err) < 0)
		abort();
	if (size)
		memcpy(copy, data, size);
	if (userspace_open(&log, bytes_of(copy, size), "input", &err) == 0) {
		while ((more = userspace_next(&log, &record, &err)) > 0) {
			assert(record.record.index == n++ && record.record.offset < size);
			assert((record.target == USERSPACE_NV_INDEX) ==
			       (record.record.pcr == UINT32_MAX));
			if (userspace_check(&record, hasher, &check, &err) < 0)
				abort();
		}
		userspace_close(&log);
	}
	assert(more == 0 || (err.message[0] && err.offset <= size));
	hasher_free(hasher);
	free(copy);
	return 0;
}
