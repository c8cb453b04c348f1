/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files: what every reader of artifacts shares: cpio archives, what a file is
 * and which digests it has, the files of one artifact in memory, and the sink
 * they all end in.
 *
 * Sources: Linux Documentation/driver-api/early-userspace/buffer-format.rst and
 *          init/initramfs.c (cpio newc and crc), RPM lib/cpio.c (the stripped
 *          07070X form), System V ABI (ELF), Linux scripts/sign-file.c.
 * Threads: a struct belongs to one thread at a time; a sink to the writer's.
 */
#ifndef REFGEN_FILES_FILES_H
#define REFGEN_FILES_FILES_H

#include "core/archive.h"
#include "core/command.h"
#include "core/crypto.h"
#include "core/progress.h"
#include "db/db.h"

/* --- cpio -------------------------------------------------------------------------------- */

#define CPIO_NAME_MAX 4096 /* bytes of a name with its NUL: PATH_MAX, as in the kernel */

enum cpio_format {
	CPIO_NEWC,     /* 070701 */
	CPIO_CRC,      /* 070702: with a sum over the data, checked here */
	CPIO_STRIPPED, /* 07070X: an index instead of all metadata (RPM, for files over 4 GiB) */
};

/* The header of one entry; valid until the next cpio_next. Only format, offset, index and size are
 * said for a stripped one. */
struct cpio_entry {
	enum cpio_format format;
	uint64_t offset; /* of the header in the unpacked stream, plus the base given */
	struct bytes
		name;   /* as stored, without its NUL: "./usr/bin/x", "/usr/bin/x", "usr/bin/x" */
	uint32_t index; /* stripped: of the file in the package's header */
	uint32_t ino, mode, uid, gid, nlink, mtime;
	uint32_t dev_major, dev_minor, rdev_major, rdev_minor;
	uint64_t size; /* bytes of data that follow */
};

struct cpio;

struct cpio_options {
	const char *source; /* what errors call the stream; borrowed */
	uint64_t base;      /* added to every offset reported */
	/* The data size of a stripped entry, from the package's header; -1 and *err refuses the
	 * index. NULL: stripped entries are ERROR_UNSUPPORTED. */
	int (*stripped_size)(void *ctx, uint32_t index, uint64_t *size, struct error *err);
	void *ctx;            /* borrowed */
	uint64_t entries_max; /* more entries are ERROR_LIMIT; 0: no limit */
};

int cpio_open(const struct cpio_options *options, struct byte_source input, struct cpio **out,
	      struct error *err);

/* The next entry: 1 and *entry; 0 at the trailer, which must be there; -1 and *err. Data of the
 * entry before that was not read is passed over (and its sum checked all the same). */
int cpio_next(struct cpio *cpio, const struct cpio_entry **entry, struct error *err);

/* The entry's next block of data, borrowed from the input without a copy, until the next call: 1
 * and *block; 0 at its end, the sum of a crc entry having been right; -1 and *err. */
int cpio_data(struct cpio *cpio, struct bytes *block, struct error *err);

/*
 * After the trailer: passes zero bytes over and says whether another archive begins (1, cpio_next
 * goes on with it) or the input ends (0); anything else is ERROR_MALFORMED.
 */
int cpio_again(struct cpio *cpio, struct error *err);

/* Bytes of the stream read so far, up to the end of the header, data or trailer last given. */
uint64_t cpio_consumed(const struct cpio *cpio);

void cpio_free(struct cpio *cpio);
void cpio_freep(struct cpio **cpio);

/* --- content: one file's bytes → digests, kind, build-id ----------------------------------- */

#define CONTENT_HELD_MAX (64u << 20) /* bytes of one file held in memory at most, to look into it */

struct content;

int content_new(struct content **out, struct error *err);
void content_free(struct content *content);
void content_freep(struct content **content);

/* True if digests of all these algorithms can be computed here; else *err names the one missing. */
bool content_has(const struct content *content, alg_set algs, struct error *err);

/*
 * Begins one file. path (absolute, as golden_file has it) is read here only and decides about
 * firmware and about looking inside compressed modules; mode is its st_mode.
 */
int content_begin(struct content *content, struct bytes path, uint32_t mode, alg_set algs,
		  struct error *err);

/* Its next bytes; the block is not kept. */
int content_feed(struct content *content, struct bytes block, struct error *err);

/*
 * Ends it: fills size, kind, executable, module_signed, build_id, digests (sorted by algorithm) and
 * n_digests of *out and leaves the rest of it alone. What out borrows lives until the next
 * content_begin. A file that is a damaged ELF is no error: it is classified by what can be read.
 */
int content_finish(struct content *content, struct golden_file *out, struct error *err);

/* The digests alone, for a caller that knows all else (after content_finish). */
const struct digest *content_digest(const struct content *content, enum alg alg);

/* --- file_set: one artifact in memory ------------------------------------------------------ */

struct golden_key; /* db/keyring.h */
struct golden_key_list;

/* Files and links of one artifact, in an arena of its own: filled by a worker, drained by the
 * writer. What is added is copied; what is read lives as long as the set. */
struct file_set {
	struct artifact artifact;
	alg_set algs; /* that every file of it has a digest of */
	struct golden_file *files;
	size_t n_files;
	struct golden_link *links;
	size_t n_links;
	struct bytes profiles; /* of ARTIFACT_BOOT: encoded (db/profile.h); borrowed, or none */
	const struct golden_key *keys; /* of ARTIFACT_KEYS: borrowed; else none */
	size_t n_keys;
	struct bytes keys_blob;                /* the same, as the database keeps them */
	struct set_arena *arena;               /* private */
	size_t files_capacity, links_capacity; /* private */
};

/* What an artifact is called that is one file: the last part of its name. Borrowed from source. */
struct bytes artifact_name_of(const char *source);

int file_set_new(alg_set algs, struct file_set **out, struct error *err);
void file_set_free(struct file_set *set);
void file_set_freep(struct file_set **set);

/* ERROR_SYSTEM when out of memory, ERROR_LIMIT above FILE_SET_FILES_MAX files or links. */
#define FILE_SET_FILES_MAX 20000000
int file_set_artifact(struct file_set *set, const struct artifact *artifact, struct error *err);
/* There will be about so many more files: room for them, at once. */
int file_set_expect(struct file_set *set, size_t n_files, struct error *err);
int file_set_add(struct file_set *set, const struct golden_file *file, struct error *err);
int file_set_add_link(struct file_set *set, struct bytes path, struct bytes target,
		      struct error *err);

/* Replaces what content_finish fills of files[index], as for a hard link whose data comes later. */
int file_set_content(struct file_set *set, size_t index, const struct golden_file *content,
		     struct error *err);

/* A copy of bytes that lives as long as the set; NULL data when out of memory (and size > 0). */
struct bytes file_set_copy(struct file_set *set, struct bytes bytes);

/* Moves all files and links of from to the end of set; from is emptied, its memory lives on in set. */
int file_set_join(struct file_set *set, struct file_set *from, struct error *err);

/* Files and links by path, byte order. */
void file_set_sort(struct file_set *set);

/* --- sink: where artifacts go --------------------------------------------------------------- */

/* What refgen's commands share on the command line; OPTIONS_REFGEN lists the rows. */
struct refgen_options {
	const char *release, *db, *algorithms;
	unsigned n_jobs;
	bool json, quiet, verbose, dry_run;
	alg_set algs; /* of algorithms: set by refgen_options_check */
};
#define OPTIONS_REFGEN(o)                                                                          \
	{ "algorithms",    'a',    OPTION_STRING,                                                  \
	  &(o).algorithms, "LIST", "digests to compute, with commas between (default: sha256)" },  \
		OPTIONS_REFGEN_COMMON(o)
/* The rest of them, for a command that computes no digests. */
#define OPTIONS_REFGEN_COMMON(o)                                                                   \
	{ "release", 'r', OPTION_STRING, &(o).release, "NAME", "release the values belong to" },   \
		OPTION_DB(&(o).db),                                                                \
		{ "dry-run",    'n',  OPTION_FLAG,                                                 \
		  &(o).dry_run, NULL, "print what would be added, touch no database" },            \
		OPTION_JOBS(&(o).n_jobs), OPTION_JSON(&(o).json), OPTION_QUIET(&(o).quiet),        \
		OPTION_VERBOSE(&(o).verbose)

/* --release is needed unless --dry-run; sets algs. EXIT_DONE, or the status of the message it printed. */
enum exit_status refgen_options_check(const struct command *self, struct refgen_options *options);

/*
 * Takes whole artifacts, prints the report of the run. The database sink writes each artifact in
 * one transaction; with dry_run a table (or JSON) of all files is printed instead and no database
 * is opened. Used on the thread that opened it.
 */
struct sink;

int sink_open(const struct refgen_options *options, struct sink **out, struct error *err);

/* An artifact that was read whole. source: its file or folder as the user named it. 1: added;
 * 0: this release has it already, or the database refused it (sink_refuse was called); -1: the sink
 * failed (database, disk) and the run must end. What came before stays. */
int sink_artifact(struct sink *sink, const char *source, const struct file_set *set,
		  struct error *err);

/* Whether sink_artifact would find the artifact (its SHA-256) in the database under some release,
 * with digests of all of algs, and so needs none of its files: a set with just the artifact will do.
 * From any thread. */
bool sink_has(struct sink *sink, enum artifact_kind kind, const struct digest *digest,
	      alg_set algs);

/* The keys that the database has, of all releases; none in a dry run. */
int sink_keys(struct sink *sink, struct golden_key_list *out, struct error *err);

/* An artifact that is refused: says so and counts. Call it for each input that failed. */
void sink_refuse(struct sink *sink, const char *source, const struct error *why);

/* An input that is passed over, and why: counted, named in verbose runs and in JSON. */
void sink_skip(struct sink *sink, const char *source, const char *why);

/* Something worth knowing about an input that is taken all the same, such as a note that a
 * signature could not be verified: printed with the artifact in verbose runs and in JSON. */
void sink_note(struct sink *sink, const char *source, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A progress line of the run; step it as inputs are done. Messages of the sink hide it. */
struct progress *sink_progress(struct sink *sink, const char *label, uint64_t n_total);

/* Ends the report; failed: the error that ended the run, or NULL. The exit status of the command:
 * 4 before 1 (a digest or signature did not hold) before 3 (unreadable or malformed) before 0. */
enum exit_status sink_finish(struct sink *sink, const struct error *failed);

void sink_free(struct sink *sink);
void sink_freep(struct sink **sink);

/* --- readers -------------------------------------------------------------------------------- */

struct tree_options {
	const char *name; /* of the artifact; NULL: the folder's base name */
	alg_set algs;
	unsigned n_jobs;
	bool one_file_system;
	const char *const *excludes; /* glob patterns */
	size_t n_excludes;
	struct progress *progress; /* may be NULL */
};

/* Hashes every regular file below dir. */
int tree_read(const char *dir, const struct tree_options *options, struct file_set **out,
	      struct error *err);

/* A set with just the artifact that an initrd in memory is: named after source, its digest computed. */
int initrd_artifact(struct bytes image, const char *source, alg_set algs, struct file_set **out,
		    struct error *err);

/* Adds the files of the initrd's archives to its set, with digests of the set's algs; sorted. On an
 * error the set is only good for file_set_free. */
int initrd_read(struct bytes image, const char *source, struct content *content,
		struct file_set *set, struct error *err);

#endif
