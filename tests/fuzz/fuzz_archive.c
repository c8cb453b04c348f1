/* SPDX-License-Identifier: BSD-2-Clause */
/* A tar or zip as evidence comes, and the same bytes as a compressed stream. */
#include "core/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUTPUT_MAX (4u << 20)

static void walk(struct bytes in)
{
	struct archive_walk_options options = { .source = "fuzz",
						.member_max = OUTPUT_MAX / 2,
						.total_max = OUTPUT_MAX };
	AUTO(archive_walk_freep) struct archive_walk *archive = NULL;
	const struct archive_member *member;
	struct bytes block;
	struct error err;

	if (archive_walk_open(&options, in, &archive, &err) < 0)
		return;
	while (archive_walk_next(archive, &member, &err) > 0)
		if (member->index % 3)
			while (archive_walk_data(archive, &block, &err) > 0)
				;
}

static void unpack(struct bytes in, bool first)
{
	struct decompressor_options options = { .compression = compression_detect(in),
						.source = "fuzz",
						.output_max = OUTPUT_MAX,
						.first_stream_only = first };
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
	struct bytes block;
	struct error err;
	int got;

	if (decompressor_open_bytes(&options, in, &decompressor, &err) < 0)
		return;
	while ((got = decompressor_next(decompressor, &block, &err)) > 0)
		if (block.size == 0)
			abort();
	if (decompressor_consumed(decompressor) > in.size)
		abort();
	if (got == 0 && !first && decompressor_consumed(decompressor) != in.size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	walk(bytes_of(data, size));
	unpack(bytes_of(data, size), false);
	unpack(bytes_of(data, size), true);
	return 0;
}
