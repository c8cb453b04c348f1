/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * db: the golden database, one SQLite file: which (release, artifact, path) has
 * this digest, which digests may this path have, who signed what they came from.
 *
 * The only door to SQLite; all SQL is in this folder. Refgen writes, everything
 * else opens read-only, immutable and defensive. A transaction holds whole
 * artifacts, so a run that is killed leaves whole artifacts only.
 *
 * Rows are checked as they are read: each artifact carries a seal, the SHA-256
 * of its own row and of those of its files, so a damaged page is an error
 * (ERROR_MALFORMED, naming the artifact), never a missing or a wrong value.
 *
 * Threads: a struct db is used by one thread at a time, but for db_has_artifact;
 * a struct golden is shared.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "core/command.h"
#include "core/digest.h"

struct db;
struct hasher;

enum db_mode {
	DB_READ, /* must exist; checked to be ours, of our schema version, with nothing foreign in it */
	DB_IMPORT,  /* made if absent; what an interrupted import left is brought in order */
	DB_RECOVER, /* the same, but must exist */
};

/*
 * ERROR_INPUT or ERROR_MALFORMED (exit 3) when it is absent, damaged, another application's, of
 * another schema version, holds tables, views or triggers that are not ours, or (DB_READ) an import
 * into it is under way or was interrupted. ERROR_SYSTEM when another process keeps an import from
 * beginning for longer than some seconds.
 */
int db_open(const char *path, enum db_mode mode, struct db **out, struct error *err);

/* After an import call db_import_finish before: closing alone cannot report an error. */
void db_close(struct db *db);
void db_closep(struct db **db);

/* --- what refgen writes ------------------------------------------------------------------ */

enum artifact_kind {
	ARTIFACT_RPM,
	ARTIFACT_TREE,
	ARTIFACT_INITRD,
	ARTIFACT_BOOT, /* what refgen boot was given: boot files, and the profiles predicted from them */
	ARTIFACT_ALLOWLIST, /* another verifier's list of good files */
	ARTIFACT_KEYS,      /* keys of one of the kernel's keyrings (keyring.h); no files */
	ARTIFACT_KIND_COUNT
};

/* Whether somebody vouches for an artifact. Bad signatures are refused, never stored. */
enum signature_state {
	SIGNATURE_NONE,         /* unsigned */
	SIGNATURE_VERIFIED,     /* by a key of the operator's keyring */
	SIGNATURE_NO_KEY,       /* signed, but by no key of the keyring (or none was given) */
	SIGNATURE_UNVERIFIABLE, /* signed in a way that cannot be checked here */
};

/* Strings are UTF-8 or raw bytes as the artifact has them; empty where it says nothing. Borrowed. */
struct artifact {
	enum artifact_kind kind;
	struct digest
		digest; /* SHA-256 of the artifact's bytes; of a tree's sorted listing; of profiles or
			 * keys as they are stored */
	uint64_t size;        /* bytes */
	struct bytes name;    /* "bash-5.2-1.x86_64" for an RPM, else the file's or folder's name */
	struct bytes package; /* RPM NAME */
	struct bytes evr;     /* [epoch:]version-release */
	struct bytes arch;
	struct bytes vendor;
	struct bytes build_host;
	struct bytes source_rpm;
	int64_t build_time; /* Unix seconds; 0: not said */
	enum signature_state signature;
	struct bytes signer; /* fingerprint or key id in hex, then " user id" where known */
	bool header_only;    /* file digests are the header's, not computed from the payload */
};

enum file_kind {
	KIND_OTHER,         /* plain data */
	KIND_EXECUTABLE,    /* ELF ET_EXEC; ET_DYN with DF_1_PIE, or PT_INTERP and no DT_SONAME */
	KIND_SHARED_OBJECT, /* ELF ET_DYN otherwise */
	KIND_KERNEL_MODULE, /* ELF ET_REL with .modinfo, compressed or not */
	KIND_FIRMWARE,      /* under a firmware directory */
	KIND_SCRIPT,        /* begins with #! */
	KIND_OBJECT,        /* any other ELF */
	KIND_COUNT
};

/* File flags of an RPM (RPMFILE_*), as far as Assay tells them apart. */
enum { FILE_CONFIG = 1 << 0, FILE_DOC = 1 << 1, FILE_GHOST = 1 << 2 };

/* One regular file of an artifact. Everything is borrowed. */
struct golden_file {
	struct bytes path; /* absolute, as the artifact states it */
	uint32_t mode;     /* st_mode */
	uint32_t flags;    /* FILE_* */
	uint64_t size;     /* bytes */
	enum file_kind kind;
	bool executable;               /* any execute bit, or an ELF executable, or a script */
	bool module_signed;            /* a kernel module with an appended signature */
	struct bytes build_id;         /* raw bytes of the GNU build-id note */
	struct bytes capabilities;     /* text, as RPM's FILECAPS */
	struct bytes ima_signature;    /* security.ima bytes as shipped; empty: none */
	struct bytes verity_signature; /* fs-verity signature as shipped; empty: none */
	const struct digest *digests;  /* of the contents; MD5 may be among them */
	size_t n_digests;
};

/* A symbolic link of an artifact: needed to follow usr-merge and alternative names. */
struct golden_link {
	struct bytes path;
	struct bytes target; /* as stored, relative or absolute */
};

/*
 * Begins an artifact. 1: go on with its files and links, then db_import_commit;
 * 0: the release has it now (it had it, or another release did and it was only linked) with at
 * least the digests of algs, no transaction is open; -1: *err.
 *
 * An artifact that is there with other algorithms is read again, and keeps those it had. One that
 * is there with a lesser signature state takes the better one.
 */
int db_import_begin(struct db *db, const char *release, const struct artifact *artifact,
		    alg_set algs, struct error *err);

/* Whether the artifact that db_import_begin gave 0 for is new to its release, linked to it just now. */
bool db_import_linked(const struct db *db);

/* -1 on an error; the transaction is then to be aborted. ERROR_MALFORMED for a path that no file
 * can have (relative, empty, with a NUL). */
int db_import_file(struct db *db, const struct golden_file *file, struct error *err);
int db_import_link(struct db *db, const struct golden_link *link, struct error *err);
/* The profiles of an ARTIFACT_BOOT, as profiles_encode made them; borrowed until commit or abort. */
int db_import_profiles(struct db *db, struct bytes profiles, struct error *err);
/* The keys of an ARTIFACT_KEYS, as keyring_encode made them; likewise. */
int db_import_keys(struct db *db, struct bytes keys, struct error *err);
/* Committed together with some others: a run that is killed may do them again. */
int db_import_commit(struct db *db, struct error *err);
/* Takes back what db_import_begin began; nothing if no transaction is open. */
void db_import_abort(struct db *db);

/*
 * Ends an import: makes the indices, synchronises, leaves one plain file. Nothing committed is lost
 * when it fails (full disk) or is never called (kill): the next import goes on from there.
 */
int db_import_finish(struct db *db, struct error *err);

/* Whether an artifact of this kind and SHA-256 is in the database, under any release, with at least
 * the digests of algs: then db_import_begin will return 0 and its files need not be read. May be
 * called from any thread while another imports. */
bool db_has_artifact(struct db *db, enum artifact_kind kind, const struct digest *digest,
		     alg_set algs);

/* The name of a kind, as reports and the database have it: "executable", "shared-object", ... */
const char *file_kind_name(enum file_kind kind);

/* "rpm", "tree", "initrd", "boot", "allowlist", "keys". */
const char *artifact_kind_name(enum artifact_kind kind);

/* "unsigned", "verified", "no-key", "unverifiable". */
const char *signature_state_name(enum signature_state state);

/*
 * The canonical form of a path, which path look-ups compare: usr-merge applied (/bin, /sbin, /lib,
 * /lib32, /lib64, /libx32, /libo32, /libn32 become /usr/...; /usr/sbin stays /usr/sbin). Into out
 * with a NUL. False for a path that never equals a reference path: not absolute, "." or ".." or
 * nothing between two slashes or at the end, control characters, " (deleted)" at the end, or too
 * long for out (GOLDEN_PATH_MAX holds every path there is).
 */
#define GOLDEN_PATH_MAX 4101 /* PATH_MAX, "/usr" and a NUL */
bool golden_path(struct bytes path, char *out, size_t out_size);

/* --- what everybody reads ---------------------------------------------------------------- */

/* One place a digest or a path was found. Borrowed; valid during the call. */
struct golden_match {
	const char *release;
	const char *artifact; /* name */
	const char *package;  /* empty unless an RPM */
	const char *evr;
	struct bytes path; /* as the artifact states it */
	struct digest
		digest; /* the one asked for; by path its SHA-256, else its first; ALG_NONE: none */
	const struct digest *digests; /* all that the file has, in the order of enum alg */
	size_t n_digests;
	uint64_t size; /* bytes */
	enum file_kind kind;
	bool executable;
	uint32_t flags; /* FILE_* */
	enum signature_state signature;
	const char *signer;
};

/* Return 0 to go on, -1 (with *err) to stop. Matches come sorted by release, artifact, path. */
typedef int golden_match_fn(void *ctx, const struct golden_match *match, struct error *err);

/* 0 also when nothing was found: then fn was not called. */
int db_lookup_digest(struct db *db, const struct digest *digest, golden_match_fn *fn, void *ctx,
		     struct error *err);
/* Of the path's canonical form: /bin/sh finds what was shipped as /usr/bin/sh and as /bin/sh. */
int db_lookup_path(struct db *db, struct bytes path, golden_match_fn *fn, void *ctx,
		   struct error *err);

/* Calls fn with each release name, sorted. */
int db_releases(struct db *db, int (*fn)(void *ctx, const char *release, struct error *err),
		void *ctx, struct error *err);

/*
 * golden: the digests and paths of chosen releases in memory, for many look-ups
 * from any thread. MD5 digests stay out: they are no IMA values.
 */
struct golden;

/* releases: NULL and 0 for all. ERROR_USAGE names a release the database lacks. db is golden's until
 * it is freed: kept open, and used for nothing else. */
int golden_load(struct db *db, const char *const *releases, size_t n_releases, struct golden **out,
		struct error *err);
void golden_free(struct golden *golden);
void golden_freep(struct golden **golden);

/* Files of the chosen releases, one of several artifacts counted for each. */
size_t golden_n_files(const struct golden *golden);

/* Judged in this order; only chosen releases make GOLDEN_KNOWN and GOLDEN_OTHER_PATH. */
enum golden_answer {
	GOLDEN_KNOWN,         /* this digest for this path in the chosen releases */
	GOLDEN_OTHER_RELEASE, /* this digest for this path, but only in releases not chosen */
	GOLDEN_OTHER_BYTES, /* the path is known with digests of this algorithm, this is none of them */
	GOLDEN_OTHER_PATH, /* the digest is known, under other paths only */
	GOLDEN_UNKNOWN,    /* neither is known */
};

struct golden_result {
	enum golden_answer answer;
	bool path_known;       /* in the chosen releases */
	bool path_elsewhere;   /* in releases not chosen */
	bool digest_known;     /* in the chosen releases, under whatever path */
	bool digest_elsewhere; /* in releases not chosen, under whatever path; not said when KNOWN */
	bool no_digest_of_alg; /* the path is known, but with no digest of this algorithm (%ghost, or the
				* algorithm was not asked for at import): other bytes can't be told */
	bool executable;       /* the known file (by digest, else by path) is executable */
	bool path_executable; /* some file known for this path is executable */
	uint32_t flags;       /* FILE_* of the files known for this path, in the chosen releases */
};

/*
 * Which files golden_lookup would call GOLDEN_KNOWN, many times as fast: to be asked first, and as many
 * together as are at hand.
 *
 * By what an entry of the template "ima-ng" was hashed to: sha256 is over its template data, in little
 * endian, and was computed, not only read from somewhere. Known then are data that are a whole d-ng and a
 * whole n-ng, of a path and a digest that belong together. The path has to be canonical: about one that
 * usr-merge moved golden_known is to be asked. golden_expect asks for the memory of many at once, which
 * takes its time: golden_has then has the answers.
 */
struct golden_fingerprint {
	uint64_t words[2];
};

void golden_expect(const struct golden *golden, const uint8_t *const *sha256, size_t n,
		   struct golden_fingerprint *out);
bool golden_has(const struct golden *golden, const struct golden_fingerprint *fingerprint);

/* path as logged; one that golden_path refuses is not known. */
struct golden_query {
	struct bytes path;
	struct digest digest;
};

/* By path and digest. -1 only when the machine failed us. */
int golden_known(const struct golden *golden, struct hasher *hasher,
		 const struct golden_query *queries, size_t n, bool *known, struct error *err);

/* All about one of them. The first call reads the database again, which can fail. */
int golden_lookup(struct golden *golden, struct bytes path, const struct digest *digest,
		  struct golden_result *out, struct error *err);

/* The commands of this folder. */
enum exit_status cmd_db_info(const struct command *self, int argc, char **argv);
enum exit_status cmd_db_list(const struct command *self, int argc, char **argv);
enum exit_status cmd_db_lookup(const struct command *self, int argc, char **argv);
enum exit_status cmd_db_pcrs(const struct command *self, int argc, char **argv);
enum exit_status cmd_db_export(const struct command *self, int argc, char **argv);
enum exit_status cmd_db_diff(const struct command *self, int argc, char **argv);

#endif
