/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/reader.h"

int reader_check(const struct reader *in, struct error *err)
{
	if (!in->ran_out)
		return 0;
	return error_set(err, ERROR_TRUNCATED, in->source, in->ran_out_at,
			 "cut short: %zu bytes wanted, %zu left", in->ran_out_wanted,
			 in->size - in->pos);
}

int reader_finish(const struct reader *in, struct error *err)
{
	if (reader_check(in, err) < 0)
		return -1;
	if (in->pos != in->size)
		return error_set(err, ERROR_MALFORMED, in->source, reader_offset(in),
				 "%zu bytes left over", in->size - in->pos);
	return 0;
}
