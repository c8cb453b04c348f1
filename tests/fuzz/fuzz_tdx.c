/* SPDX-License-Identifier: BSD-2-Clause */
/* A TDX quote: read, and every link of it checked. */
#include "replay/tdx/tdx.h"

#include <stdlib.h>

#include "core/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	struct tdx_result result;
	struct tdx_quote quote;
	struct error err = { 0 };

	(void)tdx_is_quote(bytes_of(data, size));
	if (tdx_parse(bytes_of(data, size), "input", &quote, &err) < 0)
		return err.message[0] ? 0 : (abort(), 0);
	if (quote.report_data.size != TDX_REPORT_DATA_SIZE || hasher_new(&hasher, &err) < 0 ||
	    tdx_check(&quote, hasher, NULL, 0, NULL, &result, &err) < 0)
		abort();
	return 0;
}
