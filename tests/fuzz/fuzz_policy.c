/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy file; with a NUL in it, a glob and a path, and a list of PCRs. */
#include "audit/policy/policy.h"

#include "core/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	struct error err = { 0 };
	pcr_set pcrs;

	if (policy_parse(bytes_of(data, size), "fuzz", &policy, &err) < 0 && !err.message[0])
		abort();
	if (policy)
		for (size_t i = 0; i < FINDING_COUNT; i++)
			/* What evidence is not believed without is never made milder. */
			if (finding_kind((enum finding_code)i)->fixed &&
			    policy->severities[i].line &&
			    policy->severities[i].severity <
				    finding_kind((enum finding_code)i)->severity)
				abort();
	if (nul) {
		struct bytes pattern = bytes_of(data, (size_t)(nul - data));

		glob_match(pattern, bytes_of(nul + 1, size - pattern.size - 1));
		if (pcr_set_parse(pattern, &pcrs) && pcrs >> PCR_COUNT)
			abort();
	}
	return 0;
}
