/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/archive.h"

#include <errno.h>
#include <inttypes.h>

#include "core/archive_internal.h"
#include "core/gunzip.h"

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

/* --- decompressor ----------------------------------------------------------------------------- */

/* What libarchive calls them. */
static const struct compression_row {
	int filter;                        /* its code */
	int (**support)(struct archive *); /* NULL: none needed */
	bool append; /* whether archive_read_append_filter knows it (libarchive 3.6) */
} compressions[COMPRESSION_COUNT] = {
	[COMPRESSION_NONE] = {ARCHIVE_FILTER_NONE,   NULL,                                  false},
	[COMPRESSION_GZIP] = { ARCHIVE_FILTER_NONE,  NULL,                                  true },
	[COMPRESSION_BZIP2] = { ARCHIVE_FILTER_BZIP2, &la.archive_read_support_filter_bzip2, true },
	[COMPRESSION_XZ] = { ARCHIVE_FILTER_XZ,    &la.archive_read_support_filter_xz,    true },
	[COMPRESSION_LZMA] = { ARCHIVE_FILTER_LZMA,  &la.archive_read_support_filter_lzma,  true },
	[COMPRESSION_ZSTD] = { ARCHIVE_FILTER_ZSTD,  &la.archive_read_support_filter_zstd,  false},
	[COMPRESSION_LZ4] = { ARCHIVE_FILTER_LZ4,   &la.archive_read_support_filter_lz4,   false},
};

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

const struct error *decompressor_failure(const struct decompressor *decompressor)
{
	return decompressor->failed ? &decompressor->failure : NULL;
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
	if (d->supplied == 0 &&
	    compression_dictionary_check(d->options.compression, block, d->options.source,
					 d->options.base, &d->input_error) < 0) {
		d->input_failed = true;
		la.archive_set_error(archive, EIO, "dictionary");
		return -1;
	}
	d->supplied += block.size;
	*buffer = block.data;
	return (la_ssize_t)block.size;
}

/* The probe is an archive of its own, since what is registered stays. */
bool archive_filter_support(struct archive *archive, int (*support)(struct archive *))
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
	if (!archive_filter_support(d->archive, *row->support))
		return error_set(err, ERROR_UNSUPPORTED, source, d->options.base,
				 "%s: this libarchive cannot unpack it",
				 compression_name(d->options.compression));
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
	bool cut = first ? compression_stream_extent(options->compression, input, &extent)
			 : compression_streams_extent(options->compression, input, &extent);

	if (compression_dictionary_check(options->compression, bytes_of(input.data, extent),
					 options->source, options->base, err) < 0 ||
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
