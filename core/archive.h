/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * archive: the only door to libarchive: compressed streams unpacked block by
 * block, and the members of a tar or zip in their order. Nothing is written to
 * disk and no helper program is ever started.
 *
 * Sources: RFC 1952 (gzip), the .xz file format 1.1.0, the .lzma description of
 *          LZMA Utils, RFC 8878 (Zstandard), the LZ4 frame format 1.6.3 and its
 *          legacy form, as far as finding the end of a stream needs them.
 * Threads: distinct decompressors and walks may be used from distinct threads.
 */
#ifndef CORE_ARCHIVE_H
#define CORE_ARCHIVE_H

#include "core/bytes.h"

/* Bytes that come block by block. */
struct byte_source {
	/* 1 and *block, valid until the next call and never empty; 0 at the end; -1 and *err. After
	 * 0 or -1 it says the same again. */
	int (*next)(void *ctx, struct bytes *block, struct error *err);
	void *ctx; /* borrowed */
};

/* A source of bytes in memory, handed out in blocks of at most BYTES_SOURCE_BLOCK. */
struct bytes_source {
	struct bytes bytes;
	size_t pos; /* of the next block */
};
#define BYTES_SOURCE_BLOCK (256u << 10)
/* state is the caller's and must outlive the source. */
struct byte_source byte_source_of(struct bytes_source *state, struct bytes bytes);

/* --- decompressor ------------------------------------------------------------------------ */

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_BZIP2,
	COMPRESSION_XZ,
	COMPRESSION_LZMA, /* the .lzma ("alone") form */
	COMPRESSION_ZSTD,
	COMPRESSION_LZ4, /* frames, and the legacy form the kernel uses */
	COMPRESSION_COUNT,
	COMPRESSION_UNKNOWN = COMPRESSION_COUNT,
};

/* "none", "gzip", "bzip2", ...; "unknown". */
const char *compression_name(enum compression compression);

/* The name as RPM's PAYLOADCOMPRESSOR and people have it; COMPRESSION_UNKNOWN when nothing fits. */
enum compression compression_of_name(struct bytes name);

/* By the magic bytes at the start (16 suffice); COMPRESSION_NONE when there is none. Bytes that
 * merely look like .lzma, which has no magic, are taken for it only when all of its header fits. */
enum compression compression_detect(struct bytes start);

struct decompressor;

struct decompressor_options {
	enum compression compression;
	const char *source;  /* what errors call the input; borrowed, may be NULL */
	uint64_t base;       /* offset of the first input byte in the source, for errors */
	uint64_t output_max; /* more output than this is ERROR_LIMIT; 0: no limit */
	/* false: bytes after the compressed stream (or streams, where the format may be concatenated)
	 * are ERROR_MALFORMED at their offset. true: unpacking ends with the first stream, and
	 * decompressor_consumed says where; needs decompressor_open_bytes. Without compression there
	 * is no end but the input's. */
	bool first_stream_only;
};

/* Unpacks what the source gives. The source and its ctx must outlive the decompressor. */
int decompressor_open(const struct decompressor_options *options, struct byte_source input,
		      struct decompressor **out, struct error *err);

/* Unpacks bytes in memory, which must outlive the decompressor. */
int decompressor_open_bytes(const struct decompressor_options *options, struct bytes input,
			    struct decompressor **out, struct error *err);

/*
 * The next block of output: 1 and *block, borrowed until the next call, never empty; 0 at the end,
 * when the whole stream was sound; -1 and *err with the offset in the input reached.
 * ERROR_TRUNCATED: the input ends early. ERROR_UNSUPPORTED: libarchive was built without this
 * compression. An error of the source is handed on as it is.
 */
int decompressor_next(struct decompressor *decompressor, struct bytes *block, struct error *err);

/* The decompressor as a source of its output. */
struct byte_source decompressor_source(struct decompressor *decompressor);

/* Input bytes the compressed stream took; exact once decompressor_next gave 0. */
uint64_t decompressor_consumed(const struct decompressor *decompressor);

/* Output bytes handed out so far. */
uint64_t decompressor_produced(const struct decompressor *decompressor);

void decompressor_free(struct decompressor *decompressor);
void decompressor_freep(struct decompressor **decompressor);

/* --- archive_walk ------------------------------------------------------------------------ */

#define ARCHIVE_PATH_MAX    4096    /* bytes of a member's path or link target: PATH_MAX */
#define ARCHIVE_MEMBERS_MAX 1000000 /* members of one archive */

enum member_type {
	MEMBER_REGULAR,
	MEMBER_DIRECTORY,
	MEMBER_SYMLINK,
	MEMBER_HARDLINK,
	MEMBER_OTHER, /* device, FIFO, socket */
};

/* One member. Everything is borrowed and valid until the next archive_walk_next. */
struct archive_member {
	struct bytes path; /* as stored: may be absolute, hold "..", "./", control characters */
	enum member_type type;
	struct bytes target;  /* of a symbolic or hard link, as stored */
	bool size_known;      /* false for some streamed zips: then only reading tells */
	uint64_t size;        /* bytes, as stated */
	int64_t mtime;        /* Unix seconds; 0: not said */
	size_t index;         /* 0 for the first member */
	uint64_t offset;      /* input consumed when the member's header had been read */
	struct bytes warning; /* what libarchive found odd in the header; empty: nothing */
};

struct archive_walk_options {
	const char *source;  /* what errors call the archive; borrowed */
	uint64_t member_max; /* bytes of one member; 0: no limit */
	uint64_t total_max;  /* bytes of all members together, skipped ones too; 0: no limit */
};

struct archive_walk;

/* input (a tar, also compressed, or a zip) must outlive the walk. ERROR_UNSUPPORTED when it is neither. */
int archive_walk_open(const struct archive_walk_options *options, struct bytes input,
		      struct archive_walk **out, struct error *err);

/* True if the bytes begin like a tar, zip or anything a tar may be compressed with. */
bool archive_walk_detect(struct bytes start);

/* The next member in stored order: 1 and *member, 0 at the end, -1 and *err. Data of the member
 * before that was not read is passed over, and counts towards total_max. */
int archive_walk_next(struct archive_walk *walk, const struct archive_member **member,
		      struct error *err);

/* The member's next block of data: 1 and *block, borrowed until the next call; 0 at its end; -1 and
 * *err, ERROR_LIMIT when it or the archive unpacks to more than the limit. */
int archive_walk_data(struct archive_walk *walk, struct bytes *block, struct error *err);

/* All of the member's data, appended to out. */
int archive_walk_read(struct archive_walk *walk, struct buf *out, struct error *err);

void archive_walk_free(struct archive_walk *walk);
void archive_walk_freep(struct archive_walk **walk);

#endif
