/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/archive_internal.h"

#include <errno.h>
#include <inttypes.h>

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
	const struct error *gunzip_failure =
		walk->gunzip ? decompressor_failure(walk->gunzip) : NULL;

	walk->failed = true;
	if (gunzip_failure)
		walk->failure = *gunzip_failure;
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
	if (compression_dictionary_check(compression_detect(input), input, options->source, 0,
					 err) < 0)
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
		archive_filter_support(walk->archive, *walk_filters[i]);
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
