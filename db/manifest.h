/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * manifest: the files and links of one artifact as one blob of the database.
 *
 * A million rows would take SQLite seconds to insert and to read; the same
 * files in some thousand blobs take a tenth. A blob is named by its SHA-256
 * (table content), so what is read is whole and is stored once.
 *
 * One set of files has one encoding. Integers are little endian.
 *
 *     manifest   u8 version (1), u8 zero, u32 n_files, n_files files in the order of their paths,
 *                u32 n_links, n_links links in the order of theirs
 *     file       u16 shared, u16 size, bytes[size]: the first shared bytes of the path before, as
 *                many as there are, then these; no path comes twice
 *                u8 kind, u8 flags (FILE_* | MANIFEST_*), u16 mode, u64 size,
 *                u16 alg_set, the digests of that set in the order of enum alg
 *     link       u16 shared, u16 size, bytes[size], u16 size, target[size]
 *
 *     extras     u8 version (1), u8 zero, u32 n_extras, n_extras extras in the order of number
 *     extra      u32 number of the file in the manifest, then capabilities, build-id, IMA signature,
 *                fs-verity signature, each u32 size, bytes[size]; not all four empty
 */
#ifndef DB_MANIFEST_H
#define DB_MANIFEST_H

#include "core/reader.h"
#include "db/db.h"

/* A path is shorter than Linux's PATH_MAX, which counts the NUL. */
#define PATH_SIZE_MAX 4096

/* Flags of a file beside FILE_*. */
enum {
	MANIFEST_EXECUTABLE = 1 << 3,
	MANIFEST_MODULE_SIGNED = 1 << 4,
	MANIFEST_FLAGS = (1 << 5) - 1
};

/* One file as it is read. Borrowed from the manifest until the next call. */
struct manifest_file {
	struct bytes path; /* as the artifact states it */
	size_t shared;     /* bytes that it has in common with the path before */
	enum file_kind kind;
	uint32_t mode, flags;
	uint64_t size;
	alg_set algs;
	const uint8_t *digests[ALG_COUNT]; /* alg_size bytes for each of algs; others are not set */
};

struct manifest_link {
	struct bytes path, target;
};

/* Reads a manifest. Plain data; large, since it has room for a path. */
struct manifest {
	struct reader in;
	uint32_t n_files, n_links; /* still to come */
	bool links_begun;
	size_t path_size;
	uint8_t path[PATH_SIZE_MAX];
};

/* blob is borrowed while the manifest is read; source and base are what errors call it. */
int manifest_open(struct manifest *manifest, struct bytes blob, const char *source,
		  struct error *err);
/* 1 and *out, 0 after the last file, -1 and *err. */
int manifest_next(struct manifest *manifest, struct manifest_file *out, struct error *err);
/* The same for links; called after the last file. */
int manifest_next_link(struct manifest *manifest, struct manifest_link *out, struct error *err);

struct manifest_extra {
	uint32_t number; /* of the file, from 0 */
	struct bytes capabilities, build_id, ima_signature, verity_signature;
};

struct extras {
	struct reader in;
	uint32_t n_left;
	int64_t last; /* number of the one before, -1 at first */
};

int extras_open(struct extras *extras, struct bytes blob, const char *source, struct error *err);
int extras_next(struct extras *extras, struct manifest_extra *out, struct error *err);

/*
 * Makes a manifest. Files and links come in any order; of two with one path the later one counts,
 * as when an initrd's archives are unpacked one over the other.
 */
struct manifest_writer;

int manifest_writer_new(struct manifest_writer **out, struct error *err);
void manifest_writer_free(struct manifest_writer *writer);
/* Forgets all files and links. */
void manifest_writer_clear(struct manifest_writer *writer);
/* Everything is copied. ERROR_MALFORMED for a path no file can have, or values no file has. */
int manifest_writer_file(struct manifest_writer *writer, const struct golden_file *file,
			 struct error *err);
int manifest_writer_link(struct manifest_writer *writer, const struct golden_link *link,
			 struct error *err);

/* What is made. Valid until the writer is cleared or freed. */
struct manifest_blobs {
	struct bytes manifest;
	struct bytes extras; /* empty if no file has any */
	size_t n_files, n_links;
	alg_set algs; /* every file that has digests has these; all if none has any */
};

/*
 * Writes what was added. before: the manifest that the artifact has had, or empty: digests of
 * algorithms that a file has there and lacks here are kept.
 */
int manifest_writer_finish(struct manifest_writer *writer, struct bytes before, const char *source,
			   struct manifest_blobs *out, struct error *err);

#endif
