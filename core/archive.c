/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* memmem */
#include "core/archive.h"

#include <errno.h>
#include <inttypes.h>

#include "core/archive_library.h"
#include "core/gunzip.h"
#include "core/reader.h"

static int bytes_source_next(void *ctx, struct bytes *block, struct error *err)
{
	struct bytes_source *state = ctx;
	size_t left = state->bytes.size - state->pos;
	size_t size = left < BYTES_SOURCE_BLOCK ? left : BYTES_SOURCE_BLOCK;

	(void)err;
	if (size == 0)
		return 0;
	*block = bytes_of(state->bytes.data + state->pos, size);
	state->pos += size;
	return 1;
}

struct byte_source byte_source_of(struct bytes_source *state, struct bytes bytes)
{
	*state = (struct bytes_source){ .bytes = bytes };
	return (struct byte_source){ bytes_source_next, state };
}

/* --- which compression ---------------------------------------------------------------------- */

static const struct compression_row {
	const char *name;
	const char *alias;
	int filter;                        /* libarchive's code */
	int (**support)(struct archive *); /* NULL: none needed */
	bool append; /* whether archive_read_append_filter knows it (libarchive 3.6) */
} compressions[COMPRESSION_COUNT] = {
	[COMPRESSION_NONE] = {"none",   "identity", ARCHIVE_FILTER_NONE,  NULL,                                false},
	[COMPRESSION_GZIP] = { "gzip",  "gz",       ARCHIVE_FILTER_NONE,  NULL,                                true },
	[COMPRESSION_BZIP2] = { "bzip2", "bz2",      ARCHIVE_FILTER_BZIP2,
                              &la.archive_read_support_filter_bzip2,                                           true },
	[COMPRESSION_XZ] = { "xz",    NULL,       ARCHIVE_FILTER_XZ,    &la.archive_read_support_filter_xz,
			      true										  },
	[COMPRESSION_LZMA] = { "lzma",  NULL,       ARCHIVE_FILTER_LZMA,
                              &la.archive_read_support_filter_lzma,                                            true },
	[COMPRESSION_ZSTD] = { "zstd",  "zst",      ARCHIVE_FILTER_ZSTD,
                              &la.archive_read_support_filter_zstd,                                            false},
	[COMPRESSION_LZ4] = { "lz4",   NULL,       ARCHIVE_FILTER_LZ4,   &la.archive_read_support_filter_lz4,
			      false										 },
};

const char *compression_name(enum compression compression)
{
	return compression < COMPRESSION_COUNT ? compressions[compression].name : "unknown";
}

enum compression compression_of_name(struct bytes name)
{
	for (enum compression i = 0; i < COMPRESSION_COUNT; i++)
		if (bytes_equal_string(name, compressions[i].name) ||
		    (compressions[i].alias && bytes_equal_string(name, compressions[i].alias)))
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

/* The size of the first compressed stream; false where only the decoder can tell. */
static bool stream_extent(enum compression compression, struct bytes in, size_t *size)
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

/* Whether anything but streams of this compression, one after the other, is in the input: *size is
 * where it begins. False where only the decoder can tell. */
static bool streams_extent(enum compression compression, struct bytes in, size_t *size)
{
	struct bytes rest = in;

	do {
		size_t extent;

		if (!stream_extent(compression, rest, &extent))
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

static int dictionary_check(enum compression compression, struct bytes start, const char *source,
			    uint64_t base, struct error *err)
{
	uint64_t wanted = dictionary_wanted(compression, start);

	if (wanted <= DICTIONARY_MAX)
		return 0;
	return error_set(err, ERROR_LIMIT, source, base,
			 "%s: a dictionary of %" PRIu64 " bytes, at most %u",
			 compression_name(compression), wanted, DICTIONARY_MAX);
}

/* --- decompressor ----------------------------------------------------------------------------- */

struct decompressor {
	struct decompressor_options options;
	struct byte_source input;
	struct bytes_source memory; /* what input reads where the input is in memory */
	struct archive *archive;    /* NULL without compression, and for gzip */
	struct gunzip *gunzip;      /* NULL for all but gzip */
	struct bytes rest;          /* gzip: input not taken yet */
	bool between;               /* gzip: after a member */
	uint64_t supplied;          /* input bytes handed to libarchive */
	uint64_t consumed;
	uint64_t produced;
	bool input_ended;
	bool input_failed;
	struct error input_error;
	bool begun; /* the entry that the raw format makes of the stream is open */
	bool ended;
	bool failed; /* and stays so */
	struct error failure;
	bool leave_rest;   /* bytes after the stream are the caller's */
	bool rest_follows; /* bytes that are no stream stand after the input, held back */
};

void decompressor_free(struct decompressor *decompressor)
{
	if (!decompressor)
		return;
	if (decompressor->archive)
		la.archive_read_free(decompressor->archive);
	gunzip_free(decompressor->gunzip);
	free(decompressor);
}

void decompressor_freep(struct decompressor **decompressor)
{
	decompressor_free(*decompressor);
}

uint64_t decompressor_consumed(const struct decompressor *decompressor)
{
	return decompressor->consumed;
}

uint64_t decompressor_produced(const struct decompressor *decompressor)
{
	return decompressor->produced;
}

static la_ssize_t decompressor_read(struct archive *archive, void *ctx, const void **buffer)
{
	struct decompressor *d = ctx;
	struct bytes block;
	int got = d->input.next(d->input.ctx, &block, &d->input_error);

	if (got < 0) {
		d->input_failed = true;
		la.archive_set_error(archive, EIO, "cannot read");
		return -1;
	}
	if (got == 0) {
		d->input_ended = true;
		*buffer = NULL;
		return 0;
	}
	if (d->supplied == 0 && dictionary_check(d->options.compression, block, d->options.source,
						 d->options.base, &d->input_error) < 0) {
		d->input_failed = true;
		la.archive_set_error(archive, EIO, "dictionary");
		return -1;
	}
	d->supplied += block.size;
	*buffer = block.data;
	return (la_ssize_t)block.size;
}

/*
 * Registers one filter, unless this libarchive would start a program for it: false then. The
 * probe is an archive of its own, since what is registered stays.
 */
static bool filter_support(struct archive *archive, int (*support)(struct archive *))
{
	struct archive *probe = la.archive_read_new();
	int status = probe ? support(probe) : ARCHIVE_FATAL;

	la.archive_read_free(probe);
	return status == ARCHIVE_OK && support(archive) == ARCHIVE_OK;
}

static int decompressor_begin(struct decompressor *d, struct error *err)
{
	const struct compression_row *row = &compressions[d->options.compression];
	const char *source = d->options.source;

	if (libarchive_load(err) < 0)
		return -1;
	d->archive = la.archive_read_new();
	if (!d->archive || la.archive_read_support_format_raw(d->archive) != ARCHIVE_OK ||
	    la.archive_read_support_format_empty(d->archive) != ARCHIVE_OK)
		return error_memory(err, source);
	if (!filter_support(d->archive, *row->support))
		return error_set(err, ERROR_UNSUPPORTED, source, d->options.base,
				 "%s: this libarchive cannot unpack it", row->name);
	if (row->append && la.archive_read_append_filter(d->archive, row->filter) != ARCHIVE_OK)
		return error_memory(err, source);
	return 0;
}

int decompressor_open(const struct decompressor_options *options, struct byte_source input,
		      struct decompressor **out, struct error *err)
{
	AUTO(decompressor_freep) struct decompressor *d = NULL;

	if (options->compression >= COMPRESSION_COUNT)
		return error_set(err, ERROR_UNSUPPORTED, options->source, options->base,
				 "a compression that Assay does not know");
	d = calloc(1, sizeof(*d));
	if (!d)
		return error_memory(err, options->source);
	d->options = *options;
	d->input = input;
	if (options->compression == COMPRESSION_GZIP
		    ? gunzip_new(&d->gunzip, err) < 0
		    : options->compression != COMPRESSION_NONE && decompressor_begin(d, err) < 0)
		return -1;
	*out = TAKE(d);
	return 0;
}

int decompressor_open_bytes(const struct decompressor_options *options, struct bytes input,
			    struct decompressor **out, struct error *err)
{
	struct bytes_source none;
	struct byte_source memory = byte_source_of(&none, input);
	size_t extent = input.size;
	bool first = options->first_stream_only;
	bool cut = first ? stream_extent(options->compression, input, &extent)
			 : streams_extent(options->compression, input, &extent);

	if (dictionary_check(options->compression, bytes_of(input.data, extent), options->source,
			     options->base, err) < 0 ||
	    decompressor_open(options, memory, out, err) < 0)
		return -1;
	(*out)->input = byte_source_of(&(*out)->memory, bytes_of(input.data, extent));
	(*out)->leave_rest = first && !cut;
	(*out)->rest_follows = !first && extent < input.size;
	return 0;
}

static int decompressor_fail(struct decompressor *d, struct error *err)
{
	const char *reason = la.archive_error_string(d->archive);

	d->failed = true;
	if (d->input_failed)
		d->failure = d->input_error;
	else if (la.archive_errno(d->archive) == ENOMEM)
		error_memory(&d->failure, d->options.source);
	else if (d->input_ended)
		error_set(&d->failure, ERROR_TRUNCATED, d->options.source,
			  d->options.base + d->supplied, "%s: the input ends inside the stream",
			  compression_name(d->options.compression));
	else
		error_set(&d->failure, ERROR_MALFORMED, d->options.source,
			  d->options.base + d->consumed, "%s: %s",
			  compression_name(d->options.compression),
			  reason ? reason : "damaged stream");
	if (err)
		*err = d->failure;
	return -1;
}

static void decompressor_count(struct decompressor *d)
{
	la_int64_t consumed = la.archive_filter_bytes(d->archive, -1);

	if (consumed >= 0)
		d->consumed = (uint64_t)consumed < d->supplied ? (uint64_t)consumed : d->supplied;
}

/* At the end of the output: what is left of the input? */
static int decompressor_end(struct decompressor *d, struct error *err)
{
	struct bytes more;

	/* A filter that cannot make sense of the first bytes says that there is no stream. */
	if (d->consumed == 0)
		return decompressor_fail(d, err);
	if (!d->leave_rest && d->consumed == d->supplied && !d->input_ended &&
	    d->input.next(d->input.ctx, &more, &d->input_error) > 0)
		d->supplied += more.size;
	if (d->rest_follows || (!d->leave_rest && d->consumed < d->supplied)) {
		d->failed = true;
		error_set(&d->failure, ERROR_MALFORMED, d->options.source,
			  d->options.base + d->consumed,
			  "%s: bytes that belong to no stream follow it",
			  compression_name(d->options.compression));
		if (err)
			*err = d->failure;
		return -1;
	}
	d->ended = true;
	return 0;
}

/* Opens the stream: 1, or 0 when it unpacks to nothing. */
static int decompressor_start(struct decompressor *d, struct error *err)
{
	struct archive_entry *entry;
	int status = la.archive_read_open(d->archive, d, NULL, decompressor_read, NULL);

	d->begun = true;
	/* A stream that breaks before its first output looks empty to the format behind it; what
	 * the filter had to say is gone with the next call. */
	if (status == ARCHIVE_OK && la.archive_error_string(d->archive)) {
		decompressor_count(d);
		return decompressor_fail(d, err);
	}
	if (status == ARCHIVE_OK &&
	    la.archive_filter_code(d->archive, 0) != compressions[d->options.compression].filter) {
		la.archive_set_error(d->archive, EILSEQ, "not a stream of this format");
		return decompressor_fail(d, err);
	}
	/* Found by their magic, two filters may have been stacked. */
	if (status == ARCHIVE_OK && la.archive_filter_count(d->archive) != 2) {
		la.archive_set_error(d->archive, EILSEQ, "compressed twice");
		return decompressor_fail(d, err);
	}
	if (status == ARCHIVE_OK)
		status = la.archive_read_next_header(d->archive, &entry);
	decompressor_count(d);
	if (status == ARCHIVE_EOF && la.archive_errno(d->archive) == 0)
		return decompressor_end(d, err);
	if (status != ARCHIVE_OK)
		return decompressor_fail(d, err);
	return 1;
}

/* --- gzip ----------------------------------------------------------------------------------------- */

static int gzip_fail(struct decompressor *d, enum error_code code, uint64_t at, const char *reason,
		     struct error *err)
{
	d->failed = true;
	if (d->input_failed)
		d->failure = d->input_error;
	else if (code == ERROR_SYSTEM)
		error_memory(&d->failure, d->options.source);
	else
		error_set(&d->failure, code, d->options.source, d->options.base + at, "gzip: %s",
			  reason);
	if (err)
		*err = d->failure;
	return -1;
}

/* Makes d->rest not empty, unless the input is at its end. */
static int gzip_fill(struct decompressor *d, struct error *err)
{
	int got;

	if (d->rest.size || d->input_ended)
		return 0;
	got = d->input.next(d->input.ctx, &d->rest, &d->input_error);
	if (got < 0) {
		d->input_failed = true;
		return gzip_fail(d, ERROR_INPUT, 0, "", err);
	}
	if (got == 0) {
		d->rest = bytes_of("", 0);
		d->input_ended = true;
	}
	d->supplied += d->rest.size;
	return 0;
}

static int gunzip_next(struct decompressor *d, struct bytes *block, struct error *err)
{
	for (;;) {
		enum gunzip_result result;
		uint64_t at = d->consumed;

		if (gzip_fill(d, err) < 0)
			return -1;
		if (d->between && (d->options.first_stream_only || d->rest.size == 0)) {
			d->ended = true;
			return 0;
		}
		if (d->between && d->rest.data[0] != 0x1f)
			return gzip_fail(d, ERROR_MALFORMED, at,
					 "bytes that belong to no stream follow it", err);
		if (d->rest.size == 0)
			return gzip_fail(d, ERROR_TRUNCATED, d->supplied,
					 "the input ends inside the stream", err);
		result = gunzip_step(d->gunzip, &d->rest, block);
		d->consumed = d->supplied - d->rest.size;
		d->between = result == GUNZIP_END;
		switch (result) {
		case GUNZIP_OUTPUT:
			return 1;
		case GUNZIP_END:
			if (block->size)
				return 1;
			break;
		case GUNZIP_INPUT:
			break;
		case GUNZIP_MEMORY:
			return gzip_fail(d, ERROR_SYSTEM, 0, "", err);
		case GUNZIP_BAD:
			return gzip_fail(d, ERROR_MALFORMED, d->consumed, gunzip_reason(d->gunzip),
					 err);
		}
	}
}

static int pass_through(struct decompressor *d, struct bytes *block, struct error *err)
{
	int got = d->input.next(d->input.ctx, block, err);

	if (got > 0) {
		d->supplied += block->size;
		d->consumed = d->supplied;
	}
	return got;
}

static int unpack(struct decompressor *d, struct bytes *block, struct error *err)
{
	const void *data;
	size_t size;
	la_int64_t offset;
	int status;

	if (!d->begun && (status = decompressor_start(d, err)) <= 0)
		return status;
	do
		status = la.archive_read_data_block(d->archive, &data, &size, &offset);
	while (status == ARCHIVE_OK && size == 0);
	decompressor_count(d);
	if (status == ARCHIVE_EOF)
		return decompressor_end(d, err);
	if (status != ARCHIVE_OK)
		return decompressor_fail(d, err);
	*block = bytes_of(data, size);
	return 1;
}

int decompressor_next(struct decompressor *d, struct bytes *block, struct error *err)
{
	int got;

	if (d->failed) {
		if (err)
			*err = d->failure;
		return -1;
	}
	if (d->ended)
		return 0;
	got = d->gunzip    ? gunzip_next(d, block, err)
	      : d->archive ? unpack(d, block, err)
			   : pass_through(d, block, err);
	if (got <= 0)
		return got;
	d->produced += block->size;
	if (d->options.output_max && d->produced > d->options.output_max) {
		d->failed = true;
		error_set(&d->failure, ERROR_LIMIT, d->options.source,
			  d->options.base + d->consumed,
			  "%s: unpacks to more than %" PRIu64 " bytes",
			  compression_name(d->options.compression), d->options.output_max);
		if (err)
			*err = d->failure;
		return -1;
	}
	return 1;
}

static int decompressor_source_next(void *ctx, struct bytes *block, struct error *err)
{
	return decompressor_next(ctx, block, err);
}

struct byte_source decompressor_source(struct decompressor *decompressor)
{
	return (struct byte_source){ decompressor_source_next, decompressor };
}

/* --- archive_walk ------------------------------------------------------------------------------ */

struct archive_walk {
	struct archive_walk_options options;
	struct archive *archive;
	struct decompressor
		*gunzip; /* of an archive in gzip, which libarchive would not verify; else NULL */
	struct archive_member member;
	bool in_member;
	uint64_t position;    /* in the member's data, as handed out */
	uint64_t hole;        /* zero bytes to hand out before pending */
	struct bytes pending; /* data that follows a hole */
	uint64_t total;       /* bytes of all members so far */
	uint64_t size;        /* of the input */
	size_t n_members;
	bool failed;
	struct error failure;
};

void archive_walk_free(struct archive_walk *walk)
{
	if (!walk)
		return;
	if (walk->archive)
		la.archive_read_free(walk->archive);
	decompressor_free(walk->gunzip);
	free(walk);
}

void archive_walk_freep(struct archive_walk **walk)
{
	archive_walk_free(*walk);
}

/* An old tar has no magic, but a sum over its header (POSIX.1-1988 ustar's chksum). */
static bool tar_header_fits(struct bytes start)
{
	uint64_t sum = 0, stated = 0;
	size_t i = 148;

	if (start.size < 512)
		return false;
	while (i < 156 && start.data[i] == ' ')
		i++;
	for (; i < 156 && start.data[i] >= '0' && start.data[i] <= '7'; i++)
		stated = 8 * stated + (uint64_t)(start.data[i] - '0');
	for (i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : start.data[i];
	return sum == stated;
}

bool archive_walk_detect(struct bytes start)
{
	if (compression_detect(start) != COMPRESSION_NONE)
		return true;
	return bytes_start_with(start, bytes_of_string("PK\x03\x04")) ||
	       bytes_start_with(start, bytes_of_string("PK\x05\x06")) ||
	       bytes_start_with(start, bytes_of_string("LZIP")) ||
	       bytes_start_with(start, bytes_of_string("\x1f\x9d")) || tar_header_fits(start);
}

static uint64_t walk_offset(const struct archive_walk *walk)
{
	la_int64_t bytes = la.archive_filter_bytes(walk->archive, -1);

	if (walk->gunzip)
		return decompressor_consumed(walk->gunzip);
	return bytes > 0 ? (uint64_t)bytes : 0;
}

static int walk_fail(struct archive_walk *walk, enum error_code code, struct error *err)
{
	const char *reason = la.archive_error_string(walk->archive);

	walk->failed = true;
	if (walk->gunzip && walk->gunzip->failed)
		walk->failure = walk->gunzip->failure;
	else if (la.archive_errno(walk->archive) == ENOMEM)
		error_memory(&walk->failure, walk->options.source);
	else if (code == ERROR_UNSUPPORTED)
		error_set(&walk->failure, code, walk->options.source, 0,
			  "archive: neither a tar nor a zip, or damaged at its start");
	else if (walk_offset(walk) >= walk->size)
		error_set(&walk->failure, ERROR_TRUNCATED, walk->options.source, walk->size,
			  "archive: the input ends inside a member or stream");
	else
		error_set(&walk->failure, code, walk->options.source, walk_offset(walk),
			  "archive: %s", reason ? reason : "damaged");
	if (err)
		*err = walk->failure;
	return -1;
}

/* Nothing was read yet: perhaps it is no archive at all. */
static int walk_fail_first(struct archive_walk *walk, struct error *err)
{
	return walk_fail(walk,
			 la.archive_errno(walk->archive) == EILSEQ ? ERROR_UNSUPPORTED
								   : ERROR_MALFORMED,
			 err);
}

static int walk_limit(struct archive_walk *walk, struct error *err, const char *what,
		      uint64_t limit)
{
	walk->failed = true;
	error_set(&walk->failure, ERROR_LIMIT, walk->options.source, walk_offset(walk),
		  "archive: %s, at most %" PRIu64, what, limit);
	if (err)
		*err = walk->failure;
	return -1;
}

static int (**const walk_filters[])(struct archive *) = {
	&la.archive_read_support_filter_bzip2,    &la.archive_read_support_filter_xz,
	&la.archive_read_support_filter_lzma,     &la.archive_read_support_filter_lzip,
	&la.archive_read_support_filter_zstd,     &la.archive_read_support_filter_lz4,
	&la.archive_read_support_filter_compress,
};

static la_ssize_t walk_read(struct archive *archive, void *ctx, const void **buffer)
{
	struct archive_walk *walk = ctx;
	struct bytes block;
	int got = decompressor_next(walk->gunzip, &block, NULL);

	if (got < 0)
		la.archive_set_error(archive, EIO, "gzip");
	*buffer = got > 0 ? block.data : NULL;
	return got > 0 ? (la_ssize_t)block.size : got;
}

/* Behind the last member: the rest of the gzip stream, so that its checksum is compared. */
static int walk_drain(struct archive_walk *walk, struct error *err)
{
	struct bytes block;
	int got = 0;

	while (walk->gunzip && (got = decompressor_next(walk->gunzip, &block, err)) > 0) {
		walk->total += block.size;
		if (walk->options.total_max && walk->total > walk->options.total_max)
			return walk_limit(walk, err, "unpacks to more bytes than wanted",
					  walk->options.total_max);
	}
	return got < 0 ? walk_fail(walk, ERROR_MALFORMED, err) : 0;
}

static int walk_open_gzip(struct archive_walk *walk, struct bytes input, struct error *err)
{
	const struct decompressor_options options = { .compression = COMPRESSION_GZIP,
						      .source = walk->options.source };

	if (decompressor_open_bytes(&options, input, &walk->gunzip, err) < 0)
		return -1;
	if (la.archive_read_open(walk->archive, walk, NULL, walk_read, NULL) != ARCHIVE_OK)
		return walk_fail_first(walk, err);
	return 0;
}

int archive_walk_open(const struct archive_walk_options *options, struct bytes input,
		      struct archive_walk **out, struct error *err)
{
	AUTO(archive_walk_freep) struct archive_walk *walk = calloc(1, sizeof(*walk));

	if (!walk)
		return error_memory(err, options->source);
	if (dictionary_check(compression_detect(input), input, options->source, 0, err) < 0)
		return -1;
	if (libarchive_load(err) < 0)
		return -1;
	walk->options = *options;
	walk->size = input.size;
	walk->archive = la.archive_read_new();
	if (!walk->archive || la.archive_read_support_format_tar(walk->archive) != ARCHIVE_OK ||
	    la.archive_read_support_format_zip(walk->archive) < ARCHIVE_WARN)
		return error_memory(err, options->source);
	if (compression_detect(input) == COMPRESSION_GZIP) {
		if (walk_open_gzip(walk, input, err) < 0)
			return -1;
		*out = TAKE(walk);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(walk_filters); i++)
		filter_support(walk->archive, *walk_filters[i]);
	if (la.archive_read_open_memory(walk->archive, input.data, input.size) != ARCHIVE_OK)
		return walk_fail_first(walk, err);
	*out = TAKE(walk);
	return 0;
}

static enum member_type member_type_of(struct archive_entry *entry)
{
	if (la.archive_entry_hardlink(entry))
		return MEMBER_HARDLINK;
	switch (la.archive_entry_filetype(entry)) {
	case AE_IFREG:
		return MEMBER_REGULAR;
	case AE_IFDIR:
		return MEMBER_DIRECTORY;
	case AE_IFLNK:
		return MEMBER_SYMLINK;
	default:
		return MEMBER_OTHER;
	}
}

static struct bytes bytes_of_text(const char *text)
{
	return text ? bytes_of_string(text) : (struct bytes){ NULL, 0 };
}

/* Passes over what is left of the member, counting it. */
static int walk_skip(struct archive_walk *walk, struct error *err)
{
	struct bytes block;
	int got;

	do
		got = archive_walk_data(walk, &block, err);
	while (got > 0);
	return got;
}

/* Evidence is zipped by zip, which stores and deflates. The other methods (LZMA, PPMd ...) would let a
 * member say how much memory to take. libarchive tells the method only in words. */
static bool zip_method_known(struct archive *archive)
{
	const char *name = la.archive_format_name(archive);

	if ((la.archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_ZIP)
		return true;
	return name && (strstr(name, "(deflation)") || strstr(name, "(uncompressed)"));
}

int archive_walk_next(struct archive_walk *walk, const struct archive_member **member,
		      struct error *err)
{
	struct archive_entry *entry;
	struct archive_member found = { .index = walk->n_members };
	const char *target, *warning;
	int status;

	if (walk->failed) {
		if (err)
			*err = walk->failure;
		return -1;
	}
	if (walk->in_member && walk_skip(walk, err) < 0)
		return -1;
	status = la.archive_read_next_header(walk->archive, &entry);
	if (status == ARCHIVE_EOF)
		return walk_drain(walk, err);
	if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
		return walk->n_members ? walk_fail(walk, ERROR_MALFORMED, err)
				       : walk_fail_first(walk, err);
	if (!zip_method_known(walk->archive)) {
		la.archive_set_error(walk->archive, EINVAL,
				     "zip: a method other than stored and deflated");
		return walk_fail(walk, ERROR_MALFORMED, err);
	}
	if (walk->n_members >= ARCHIVE_MEMBERS_MAX)
		return walk_limit(walk, err, "more members than wanted", ARCHIVE_MEMBERS_MAX);
	walk->n_members++;
	found.path = bytes_of_text(la.archive_entry_pathname(entry));
	found.type = member_type_of(entry);
	target = found.type == MEMBER_HARDLINK ? la.archive_entry_hardlink(entry)
					       : la.archive_entry_symlink(entry);
	found.target = bytes_of_text(target);
	if (found.path.size > ARCHIVE_PATH_MAX || found.target.size > ARCHIVE_PATH_MAX)
		return walk_limit(walk, err, "a path too long", ARCHIVE_PATH_MAX);
	found.size_known = la.archive_entry_size_is_set(entry);
	if (found.size_known && la.archive_entry_size(entry) > 0)
		found.size = (uint64_t)la.archive_entry_size(entry);
	if (la.archive_entry_mtime_is_set(entry))
		found.mtime = la.archive_entry_mtime(entry);
	found.offset = walk_offset(walk);
	/* Names are handed on as they are stored, so what libarchive makes of them is no matter. */
	warning = status == ARCHIVE_WARN ? la.archive_error_string(walk->archive) : NULL;
	if (warning && !strstr(warning, "current locale"))
		found.warning = bytes_of_string(warning);
	walk->member = found;
	walk->position = 0;
	walk->hole = 0;
	walk->pending = (struct bytes){ NULL, 0 };
	walk->in_member = true;
	*member = &walk->member;
	return 1;
}

/* What a sparse member's holes read as. */
static const uint8_t zeros[4096];

static int walk_hand_out(struct archive_walk *walk, struct bytes data, struct bytes *block,
			 struct error *err)
{
	walk->position += data.size;
	walk->total += data.size;
	if (walk->options.member_max && walk->position > walk->options.member_max)
		return walk_limit(walk, err, "bytes in one member", walk->options.member_max);
	if (walk->options.total_max && walk->total > walk->options.total_max)
		return walk_limit(walk, err, "bytes in all members", walk->options.total_max);
	*block = data;
	return 1;
}

int archive_walk_data(struct archive_walk *walk, struct bytes *block, struct error *err)
{
	if (walk->failed) {
		if (err)
			*err = walk->failure;
		return -1;
	}
	while (walk->in_member) {
		const void *data = NULL;
		size_t size = 0;
		la_int64_t offset = 0;
		int status;

		if (walk->hole) {
			size_t n = walk->hole < sizeof(zeros) ? (size_t)walk->hole : sizeof(zeros);

			walk->hole -= n;
			return walk_hand_out(walk, bytes_of(zeros, n), block, err);
		}
		if (walk->pending.size) {
			struct bytes pending = walk->pending;

			walk->pending.size = 0;
			return walk_hand_out(walk, pending, block, err);
		}
		status = la.archive_read_data_block(walk->archive, &data, &size, &offset);
		if (status != ARCHIVE_OK && status != ARCHIVE_EOF)
			return walk_fail(walk, ERROR_MALFORMED, err);
		if (offset < 0 || (uint64_t)offset < walk->position) {
			if (size == 0 && status == ARCHIVE_EOF) {
				walk->in_member = false;
				break;
			}
			la.archive_set_error(walk->archive, EILSEQ, "sparse blocks out of order");
			return walk_fail(walk, ERROR_MALFORMED, err);
		}
		walk->hole = (uint64_t)offset - walk->position;
		if (status == ARCHIVE_EOF)
			walk->in_member = walk->hole > 0;
		walk->pending = bytes_of(data, status == ARCHIVE_EOF ? 0 : size);
	}
	return 0;
}

int archive_walk_read(struct archive_walk *walk, struct buf *out, struct error *err)
{
	struct bytes block;
	int got;

	while ((got = archive_walk_data(walk, &block, err)) > 0)
		buf_append(out, block);
	return got < 0 ? -1 : buf_finish(out, err);
}
