/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filelist: the files a package's headers name: one record each, out of the parallel arrays that
 * the headers have. Reads no payload (payload.h).
 *
 * Source:  rpm docs/manual/tags.md "Per-file information"; lib/rpmfi.c for hard links.
 * Threads: a list is not changed once made.
 */
#ifndef REFGEN_RPM_FILELIST_H
#define REFGEN_RPM_FILELIST_H

#include "core/digest.h"
#include "refgen/rpm/header.h"

/* Several times the largest package known; a header of 256 MiB could name 30 million. */
#define RPM_FILES_MAX 1000000u
/* Bytes of one path: the kernel's PATH_MAX. */
#define RPM_PATH_MAX  4096u
/* Bytes of all paths together: directories are stored once, so they could be far more than a header. */
#define RPM_PATHS_MAX (256u << 20)

/* One entry of the file list. Everything is borrowed from the headers. */
struct rpm_file {
	struct bytes dir; /* "/usr/bin/"; empty in packages that store whole paths */
	struct bytes base;
	struct bytes link;             /* target of a symbolic link, as stored */
	struct bytes digest;           /* hex; empty: the header has none */
	struct bytes capabilities;     /* text; empty: none */
	struct bytes ima_signature;    /* security.ima in hex; empty: none */
	struct bytes verity_signature; /* base64; empty: none */
	uint32_t class_index;          /* into rpm_filelist.classes */
	uint64_t size;                 /* bytes */
	uint32_t mode;                 /* st_mode */
	uint32_t flags;                /* RPMFILE_* */
	uint32_t device, inode;        /* equal in hard links of each other */
	uint32_t group_size; /* hard links of this file, itself included; 0: it has none */
	uint32_t group_at;   /* the first of them in rpm_filelist.groups */
};

struct rpm_filelist {
	const char *source;     /* borrowed */
	uint64_t offset;        /* of the main header in the package, for errors */
	struct rpm_file *files; /* in the header's order; owned */
	uint32_t n_files;
	enum alg digest_alg;    /* of all digests; ALG_NONE: one that Assay does not know */
	uint32_t digest_alg_id; /* the same as the header has it: an OpenPGP hash id */
	struct bytes *classes; /* what libmagic said of files, or MIME types; the last is empty, for
				 * files of which nothing was said; owned */
	uint32_t n_classes;    /* the last included */
	uint32_t *groups; /* indexes of files, hard links beside each other; owned, may be NULL */
	const struct rpm_file *
		*by_path; /* sorted; owned, made with the first look-up that needs it */
};

/* Both headers stay the caller's and must outlive the list. */
int rpm_filelist_parse(const struct rpm_header *signature, const struct rpm_header *main,
		       struct rpm_filelist *out, struct error *err);
void rpm_filelist_clear(struct rpm_filelist *list);

/* The whole path into out, which has room for RPM_PATH_MAX bytes. */
struct bytes rpm_file_path(const struct rpm_file *file, char *out);

/*
 * The file a payload calls name: "./usr/bin/x", "/usr/bin/x" or "usr/bin/x". *hint is where to look
 * first: payloads mostly follow the header's order; it is moved on. 1 and *index, 0: no such file,
 * -1: out of memory.
 */
int rpm_filelist_find(struct rpm_filelist *list, struct bytes name, uint32_t *hint, uint32_t *index,
		      struct error *err);

/* True when a payload holds the file's contents with this entry: of hard links, the last has them. */
bool rpm_filelist_has_content(const struct rpm_filelist *list, uint32_t index);

/* The header's digest of a file: 1 and *out; 0 when it has none, or of an algorithm not known; -1
 * and ERROR_MALFORMED when it is no digest. */
int rpm_filelist_digest(const struct rpm_filelist *list, uint32_t index, struct digest *out,
			struct error *err);

#endif
