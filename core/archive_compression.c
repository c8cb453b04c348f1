/* SPDX-License-Identifier: BSD-2-Clause */
/* What compressed streams say of themselves: which compression, how long, how much memory. */
#define _GNU_SOURCE /* memmem */
#include "core/archive_internal.h"

#include <inttypes.h>

#include "core/reader.h"

/* --- which compression ---------------------------------------------------------------------- */

static const struct {
	const char *name, *alias;
} names[COMPRESSION_COUNT] = {
	[COMPRESSION_NONE] = {"none",   "identity"},
          [COMPRESSION_GZIP] = { "gzip",  "gz"      },
	[COMPRESSION_BZIP2] = { "bzip2", "bz2"     },
          [COMPRESSION_XZ] = { "xz",    NULL      },
	[COMPRESSION_LZMA] = { "lzma",  NULL      },
          [COMPRESSION_ZSTD] = { "zstd",  "zst"     },
	[COMPRESSION_LZ4] = { "lz4",   NULL      },
};

const char *compression_name(enum compression compression)
{
	return compression < COMPRESSION_COUNT ? names[compression].name : "unknown";
}

enum compression compression_of_name(struct bytes name)
{
	for (enum compression i = 0; i < COMPRESSION_COUNT; i++)
		if (bytes_equal_string(name, names[i].name) ||
		    (names[i].alias && bytes_equal_string(name, names[i].alias)))
			return i;
	return COMPRESSION_UNKNOWN;
}

static const uint8_t xz_magic[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };
#define ZSTD_MAGIC       0xfd2fb528u
#define LZ4_MAGIC        0x184d2204u
#define LZ4_LEGACY_MAGIC 0x184c2102u

/* The header of a .lzma file: properties (the default ones, all that the kernel takes too), a
 * dictionary of 2^n or 2^n + 2^(n-1) bytes, and the size: unknown or below 256 GiB. */
static bool lzma_header_fits(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	uint8_t properties = reader_u8(&in);
	uint32_t dictionary = reader_le32(&in);
	uint64_t size = reader_le64(&in);
	uint32_t low;

	if (in.ran_out || properties != 0x5d || dictionary < 4096)
		return false;
	if (size != UINT64_MAX && size >> 38)
		return false;
	if (dictionary == UINT32_MAX)
		return true;
	low = dictionary & (~dictionary + 1); /* lowest bit set */
	return dictionary == low || dictionary == low + 2 * low;
}

enum compression compression_detect(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	uint32_t magic = reader_le32(&in);

	if (bytes_start_with(start, bytes_of(xz_magic, sizeof(xz_magic))))
		return COMPRESSION_XZ;
	if (!in.ran_out && magic == ZSTD_MAGIC)
		return COMPRESSION_ZSTD;
	if (!in.ran_out && (magic == LZ4_MAGIC || magic == LZ4_LEGACY_MAGIC))
		return COMPRESSION_LZ4;
	if (bytes_start_with(start, bytes_of_string("\x1f\x8b")))
		return COMPRESSION_GZIP;
	if (bytes_start_with(start, bytes_of_string("BZh")) && start.size > 3 &&
	    start.data[3] >= '1' && start.data[3] <= '9')
		return COMPRESSION_BZIP2;
	return lzma_header_fits(start) ? COMPRESSION_LZMA : COMPRESSION_NONE;
}

/* --- where the first stream ends ------------------------------------------------------------- */

/*
 * libarchive reads concatenated xz, zstd and lz4 streams to the end of its input and gives up at
 * the first byte that belongs to none. To unpack one of several things that stand one after the
 * other, its end is found first, from the structure alone; the decoder then sees just that part
 * and judges it. A hostile stream can make us cut at the wrong place, but not make the decoder
 * accept what we cut.
 */

/* A multibyte integer of an xz index (.xz format 1.2): false when it is none. */
static bool xz_integer(struct reader *in, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 9; i++) {
		uint8_t byte = reader_u8(in);

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*out = value;
			return !in->ran_out && (byte || i == 0);
		}
	}
	return false;
}

/* True if an index (.xz format 4) accounts for blocks of exactly blocks_size bytes. */
static bool xz_index_fits(struct bytes index, uint64_t blocks_size)
{
	struct reader in = reader_of(index, 0, NULL);
	uint64_t n, sum = 0;

	if (reader_u8(&in) != 0 || !xz_integer(&in, &n))
		return false;
	for (; n; n--) {
		uint64_t unpadded, unpacked;

		if (!xz_integer(&in, &unpadded) || !xz_integer(&in, &unpacked))
			return false;
		if (unpadded > blocks_size || sum > blocks_size)
			return false;
		sum += (unpadded + 3) & ~(uint64_t)3;
	}
	return !in.ran_out && sum == blocks_size;
}

#define XZ_HEADER 12 /* stream header and stream footer have this size */

/*
 * Whether a stream footer ends at end whose index accounts for all bytes from
 * the stream header to it. budget: bytes of would-be indexes still to be
 * looked at, so that a hostile stream cannot make looking slow.
 */
static bool xz_footer_fits(struct bytes in, size_t end, size_t *budget)
{
	const uint8_t *footer = in.data + end - XZ_HEADER;
	struct reader backward = reader_of(bytes_of(footer + 4, 4), 0, NULL);
	size_t index_size = ((size_t)reader_le32(&backward) + 1) * 4;

	if (end % 4 != 0 || end < 2 * XZ_HEADER || memcmp(footer + 10, "YZ", 2) != 0 ||
	    memcmp(footer + 8, in.data + 6, 2) != 0 || index_size > end - 2 * XZ_HEADER ||
	    index_size > *budget)
		return false;
	*budget -= index_size;
	return xz_index_fits(bytes_of(footer - index_size, index_size),
			     end - 2 * XZ_HEADER - index_size);
}

/* The first stream. Mostly it is the only one, and ends where the input does. */
static bool xz_extent(struct bytes in, size_t *size)
{
	size_t budget, end = in.size;

	if (in.size < 2 * XZ_HEADER || !size_mul(in.size, 4, &budget))
		return false;
	while (end > 2 * XZ_HEADER && in.data[end - 1] == 0)
		end--;
	if (!xz_footer_fits(in, end, &budget)) {
		const uint8_t *found = in.data + 2 * XZ_HEADER - 2;

		do {
			found = memmem(found, in.size - (size_t)(found - in.data), "YZ", 2);
			if (!found || budget == 0)
				return false;
			found++;
			end = (size_t)(found - in.data) + 1;
		} while (!xz_footer_fits(in, end, &budget));
	}
	*size = end;
	return true;
}

/* One frame (RFC 8878 3.1.1). */
static bool zstd_extent(struct bytes bytes, size_t *size)
{
	static const uint8_t dictionary_sizes[] = { 0, 1, 2, 4 };
	static const uint8_t content_sizes[] = { 0, 2, 4, 8 };
	struct reader in = reader_of(bytes, 0, NULL);
	uint8_t descriptor;
	bool single, last;

	reader_skip(&in, 4); /* magic */
	descriptor = reader_u8(&in);
	single = descriptor & 0x20;
	reader_skip(&in, !single); /* window descriptor */
	reader_skip(&in, dictionary_sizes[descriptor & 3]);
	reader_skip(&in, descriptor >> 6 ? content_sizes[descriptor >> 6] : single);
	do {
		uint32_t block = reader_le16(&in);

		block |= (uint32_t)reader_u8(&in) << 16;
		last = block & 1;
		if ((block >> 1 & 3) == 3)
			return false;
		reader_skip(&in, (block >> 1 & 3) == 1 ? 1 : block >> 3);
	} while (!last && !in.ran_out);
	reader_skip(&in, descriptor & 4 ? 4 : 0); /* checksum of the content */
	*size = in.pos;
	return !in.ran_out;
}

/* A compressed chunk of the legacy form is at most this: the bound of 8 MiB. */
#define LZ4_LEGACY_CHUNK_MAX (8388608u + 8388608u / 255 + 16)

/* One frame (LZ4 frame format), or one legacy stream, which ends where no chunk can begin. */
static bool lz4_extent(struct bytes bytes, size_t *size)
{
	struct reader in = reader_of(bytes, 0, NULL);
	uint8_t flags;
	uint32_t chunk;

	if (reader_le32(&in) == LZ4_LEGACY_MAGIC) {
		for (;;) {
			struct reader ahead = in;

			*size = in.pos;
			chunk = reader_le32(&ahead);
			if (ahead.ran_out || chunk == 0 || chunk > LZ4_LEGACY_CHUNK_MAX)
				return true;
			reader_skip(&ahead, chunk);
			if (ahead.ran_out)
				return false;
			in = ahead;
		}
	}
	flags = reader_u8(&in);
	reader_skip(&in, 1);                 /* block sizes */
	reader_skip(&in, flags & 8 ? 8 : 0); /* content size */
	reader_skip(&in, flags & 1 ? 4 : 0); /* dictionary */
	reader_skip(&in, 1);                 /* checksum of the header */
	while ((chunk = reader_le32(&in)) != 0) {
		reader_skip(&in, chunk & 0x7fffffff);
		reader_skip(&in, flags & 0x10 ? 4 : 0);
	}
	reader_skip(&in, flags & 4 ? 4 : 0);
	*size = in.pos;
	return !in.ran_out;
}

bool compression_stream_extent(enum compression compression, struct bytes in, size_t *size)
{
	switch (compression) {
	case COMPRESSION_XZ:
		return xz_extent(in, size);
	case COMPRESSION_ZSTD:
		return zstd_extent(in, size);
	case COMPRESSION_LZ4:
		return lz4_extent(in, size);
	case COMPRESSION_NONE:
	case COMPRESSION_GZIP: /* zlib says where */
	case COMPRESSION_BZIP2:
	case COMPRESSION_LZMA:
	case COMPRESSION_UNKNOWN:
		return false;
	}
	return false;
}

bool compression_streams_extent(enum compression compression, struct bytes in, size_t *size)
{
	struct bytes rest = in;

	do {
		size_t extent;

		if (!compression_stream_extent(compression, rest, &extent))
			return false;
		rest = bytes_of(rest.data + extent, rest.size - extent);
		/* Stream padding (.xz format 2.2). */
		while (compression == COMPRESSION_XZ && rest.size >= 4 &&
		       bytes_all(bytes_of(rest.data, 4), 0))
			rest = bytes_of(rest.data + 4, rest.size - 4);
	} while (compression_detect(rest) == compression);
	*size = in.size - rest.size;
	return true;
}

/* --- how much memory unpacking takes ------------------------------------------------------------ */

/*
 * A stream says how large a dictionary its decoder must keep; libarchive lets
 * xz and lzma ask for 4 GiB. (It holds zstd to 128 MiB itself, the others have
 * small fixed ones.) xz -9 and the kernel's own tools use up to 128 MiB.
 */
#define DICTIONARY_MAX (256u << 20)

/* The LZMA2 dictionary of the block whose header (.xz format 3.1) begins in: 0 when it names none. */
static uint64_t xz_block_dictionary(struct bytes bytes)
{
	struct reader in = reader_of(bytes, 0, NULL);
	size_t header_size = ((size_t)reader_u8(&in) + 1) * 4;
	uint8_t flags = reader_u8(&in);
	uint64_t id, size, skipped;

	if (header_size > bytes.size)
		return 0;
	if (flags & 0x40)
		xz_integer(&in, &skipped); /* compressed size */
	if (flags & 0x80)
		xz_integer(&in, &skipped); /* uncompressed size */
	for (unsigned n = (flags & 3u) + 1; n; n--) {
		if (!xz_integer(&in, &id) || !xz_integer(&in, &size) || size > header_size)
			return 0;
		if (id == 0x21 && size == 1) { /* LZMA2 (5.3.1) */
			uint8_t bits = reader_u8(&in);

			return bits >= 40 ? UINT32_MAX
					  : (uint64_t)(2 | (bits & 1)) << (bits / 2 + 11);
		}
		reader_skip(&in, (size_t)size);
	}
	return 0;
}

/* The largest dictionary of a stream that xz_extent found whole. */
static uint64_t xz_dictionary(struct bytes stream)
{
	struct reader footer =
		reader_of(bytes_of(stream.data + stream.size - XZ_HEADER + 4, 4), 0, NULL);
	size_t index_size = ((size_t)reader_le32(&footer) + 1) * 4;
	struct reader index =
		reader_of(bytes_of(stream.data + stream.size - XZ_HEADER - index_size, index_size),
			  0, NULL);
	size_t at = XZ_HEADER;
	uint64_t n, largest = 0;

	reader_skip(&index, 1);
	if (!xz_integer(&index, &n))
		return 0;
	for (; n; n--) {
		uint64_t unpadded, unpacked, dictionary;

		if (!xz_integer(&index, &unpadded) || !xz_integer(&index, &unpacked) ||
		    unpadded > stream.size - at)
			break;
		dictionary = xz_block_dictionary(bytes_of(stream.data + at, (size_t)unpadded));
		largest = dictionary > largest ? dictionary : largest;
		at += (size_t)((unpadded + 3) & ~(uint64_t)3);
	}
	return largest;
}

/* The dictionary that input asks for, as far as can be told from these bytes of it. */
static uint64_t dictionary_wanted(enum compression compression, struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	uint64_t largest = 0;
	size_t extent;

	if (compression == COMPRESSION_LZMA) {
		reader_skip(&in, 1);
		return reader_le32(&in);
	}
	if (compression != COMPRESSION_XZ || start.size <= XZ_HEADER)
		return 0;
	largest = xz_block_dictionary(bytes_of(start.data + XZ_HEADER, start.size - XZ_HEADER));
	while (xz_extent(start, &extent)) {
		uint64_t dictionary = xz_dictionary(bytes_of(start.data, extent));

		largest = dictionary > largest ? dictionary : largest;
		start = bytes_of(start.data + extent, start.size - extent);
	}
	return largest;
}

int compression_dictionary_check(enum compression compression, struct bytes start,
				 const char *source, uint64_t base, struct error *err)
{
	uint64_t wanted = dictionary_wanted(compression, start);

	if (wanted <= DICTIONARY_MAX)
		return 0;
	return error_set(err, ERROR_LIMIT, source, base,
			 "%s: a dictionary of %" PRIu64 " bytes, at most %u",
			 compression_name(compression), wanted, DICTIONARY_MAX);
}
