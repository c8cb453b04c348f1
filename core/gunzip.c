/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/gunzip.h"

#include <limits.h>
#include <zlib.h>

/* zlib's window for any stream, and its word for "gzip only". */
#define WINDOW_BITS (16 + 15)

struct gunzip {
	z_stream stream;
	bool ended; /* the member did; the next step begins another */
	uint8_t block[256u << 10];
};

int gunzip_new(struct gunzip **out, struct error *err)
{
	struct gunzip *gunzip = calloc(1, sizeof(*gunzip));

	if (!gunzip || inflateInit2(&gunzip->stream, WINDOW_BITS) != Z_OK) {
		free(gunzip);
		return error_memory(err, NULL);
	}
	*out = gunzip;
	return 0;
}

void gunzip_free(struct gunzip *gunzip)
{
	if (!gunzip)
		return;
	inflateEnd(&gunzip->stream);
	free(gunzip);
}

enum gunzip_result gunzip_step(struct gunzip *gunzip, struct bytes *in, struct bytes *block)
{
	z_stream *stream = &gunzip->stream;
	uInt given = in->size < UINT_MAX ? (uInt)in->size : UINT_MAX;
	int status;

	if (gunzip->ended && inflateReset(stream) != Z_OK)
		return GUNZIP_BAD;
	gunzip->ended = false;
	/* zlib does not write to its input; z_const is not always const. */
	stream->next_in = (Bytef *)(uintptr_t)in->data;
	stream->avail_in = given;
	stream->next_out = gunzip->block;
	stream->avail_out = sizeof(gunzip->block);
	status = inflate(stream, Z_NO_FLUSH);
	*in = bytes_of(in->data + (given - stream->avail_in),
		       in->size - (given - stream->avail_in));
	*block = bytes_of(gunzip->block, sizeof(gunzip->block) - stream->avail_out);
	switch (status) {
	case Z_STREAM_END:
		gunzip->ended = true;
		return GUNZIP_END;
	case Z_OK:
	case Z_BUF_ERROR: /* nothing to do without more input */
		return block->size ? GUNZIP_OUTPUT : GUNZIP_INPUT;
	case Z_MEM_ERROR:
		return GUNZIP_MEMORY;
	default:
		return GUNZIP_BAD;
	}
}

const char *gunzip_reason(const struct gunzip *gunzip)
{
	return gunzip->stream.msg ? gunzip->stream.msg : "damaged stream";
}

/* A whole stream: 1 when it ended, with *left bytes of input behind it; 0; -1 out of memory. */
static int unpack_whole(struct bytes in, int window_bits, size_t size_max, struct buf *out,
			size_t *left)
{
	z_stream stream = { 0 };
	size_t before = out->size;
	uint8_t block[4096];
	int status;

	if (in.size > UINT_MAX)
		return 0;
	if (inflateInit2(&stream, window_bits) != Z_OK)
		return -1;
	stream.next_in = (Bytef *)(uintptr_t)in.data;
	stream.avail_in = (uInt)in.size;
	do {
		stream.next_out = block;
		stream.avail_out = sizeof(block);
		status = inflate(&stream, Z_NO_FLUSH);
		buf_append(out, bytes_of(block, sizeof(block) - stream.avail_out));
	} while (status == Z_OK && out->size - before <= size_max && !out->failed);
	*left = stream.avail_in;
	inflateEnd(&stream);
	if (out->failed || status == Z_MEM_ERROR)
		return -1;
	return status == Z_STREAM_END && out->size - before <= size_max;
}

int zlib_unpack(struct bytes in, size_t size_max, struct buf *out)
{
	size_t left = 0;
	int status = unpack_whole(in, MAX_WBITS, size_max, out, &left);

	return status > 0 ? left == 0 : status;
}

int deflate_unpack(struct bytes in, int window_bits, size_t size_max, struct buf *out)
{
	size_t left;

	/* Negative: zlib's word for "no header". */
	return unpack_whole(in, -window_bits, size_max, out, &left);
}
