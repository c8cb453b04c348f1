/* SPDX-License-Identifier: BSD-2-Clause */
/* A Canonical Event Log in any encoding. */
#include "replay/cel/cel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	struct cel_record record;
	struct cel_log log;
	int more;

	if (cel_open(&log, bytes_of(data, size), "fuzz", &err) < 0)
		return err.message[0] ? 0 : (abort(), 0);
	for (uint64_t n = 0; (more = cel_next(&log, &record, &err)) > 0; n++) {
		if (record.record.index != n || record.record.n_digests > ALG_BANKS)
			abort();
		for (size_t i = 0; i < record.record.n_digests; i++)
			if (record.record.digests[i].size != alg_size(record.record.digests[i].alg))
				abort();
	}
	if (more < 0 && !err.message[0])
		abort();
	cel_close(&log);
	return 0;
}
