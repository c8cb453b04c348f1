/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bundle: find the evidence of one machine in a folder, a tar or a zip, by the
 * names that the kernel and tpm2-tools give the files, as evidence.json says, or
 * by content; what replay/forms reads is taken apart into such files.
 *
 * Believes nothing: what is odd about the container is listed as problems, for
 * audit to judge. Links are not followed, devices not opened, nothing is
 * unpacked to disk, and a name never leads out of the bundle.
 *
 * Source:  design.md "Evidence bundles", verdicts.md "Bundle".
 * Threads: distinct containers may be used from distinct threads; the bundles of
 *          one may be opened from several threads at once.
 */
#ifndef REPLAY_EVIDENCE_BUNDLE_H
#define REPLAY_EVIDENCE_BUNDLE_H

#include "core/bytes.h"

/* What a file is evidence of. Roles with a NAME may come several times: quote-NAME.msg. */
enum bundle_role {
	ROLE_BOOT_LOG,       /* binary_bios_measurements */
	ROLE_IMA_LOG,        /* binary_runtime_measurements and its other forms: the one to read */
	ROLE_QUOTE_MSG,      /* quote.msg: TPMS_ATTEST */
	ROLE_QUOTE_SIG,      /* quote.sig */
	ROLE_QUOTE_PCRS,     /* quote.pcrs */
	ROLE_AK_PUB,         /* ak.pub: TPM2B_PUBLIC */
	ROLE_AK_PEM,         /* ak.pem */
	ROLE_AK_NAME,        /* ak.name: the key's TPM name */
	ROLE_NONCE,          /* nonce, in hex: the bundle's own claim */
	ROLE_CMDLINE,        /* cmdline: the bundle's own claim */
	ROLE_MAPPING,        /* evidence.json; never among a bundle's files */
	ROLE_AK_CRT,         /* ak.crt: its certificate, DER or PEM */
	ROLE_AK_CERTIFY_MSG, /* ak.certify.msg: TPMS_ATTEST of TPM2_Certify(Creation) over the AK */
	ROLE_AK_CERTIFY_SIG, /* ak.certify.sig: its TPMT_SIGNATURE */
	ROLE_EK_PUB,         /* ek.pub: TPM2B_PUBLIC */
	ROLE_EK_CRT,         /* ek.crt: DER or PEM, as read from NV perhaps with padding */
	ROLE_IAK_PUB,        /* iak.pub: TPM2B_PUBLIC */
	ROLE_IAK_CRT,        /* iak.crt: DER or PEM */
	ROLE_CREDENTIAL_BLOB,      /* credential.blob: of tpm2_makecredential */
	ROLE_CREDENTIAL_SECRET,    /* credential.secret: what the challenger put into it */
	ROLE_CREDENTIAL_RECOVERED, /* credential.recovered: of tpm2_activatecredential */
	ROLE_CA_CRT,               /* ca/NAME: intermediate certificates; may come several times */
	ROLE_USERSPACE_LOG,        /* tpm2-measure.log, cc-measure.log: systemd's */
	ROLE_TDX_QUOTE,            /* quote.tdx: of a TDX machine */
	ROLE_CC_LOG,               /* CCEL: its firmware's log */
	ROLE_CANONICAL_LOG, /* canonical_event_log: taken apart; never among a bundle's files */
	ROLE_NONE,          /* no name we know */
	ROLE_COUNT
};

/* One file of evidence. Valid as long as its bundle. */
struct bundle_file {
	enum bundle_role role;
	struct bytes name; /* the NAME of quote-NAME.msg; empty for quote.msg */
	const char *path;  /* in the bundle; what the report calls it. Raw bytes: to be escaped */
	struct bytes contents;
	const char *
		form; /* what it was found in ("Keylime quote reply"), path then has "#" and where in it;
			   * "content": told by its content; NULL: by its name or evidence.json */
	bool is_large; /* a file of a folder that costs less to read once than to touch ... */
	int fd;        /* ... from here; else without meaning */
};

enum bundle_problem_kind {
	BUNDLE_MEMBER,    /* a link, device, FIFO or socket: passed over */
	BUNDLE_PATH,      /* an absolute name, or one with "..": not used */
	BUNDLE_DUPLICATE, /* two members of one name: neither is used */
	BUNDLE_MAPPING,   /* evidence.json is wrong */
	BUNDLE_MISSING,   /* evidence.json names a file that is not there */
	BUNDLE_LIMIT,     /* evidence larger than its kind ever is: not read */
	BUNDLE_UNREAD,    /* a file that cannot be read */
	BUNDLE_FORM,      /* evidence in a form that it does not keep to */
	BUNDLE_AMBIGUOUS, /* several candidates for one role that differ: none is used */
	BUNDLE_NOTE,      /* no fault: something in a form of ours that is not read, and why */
};

struct bundle_problem {
	enum bundle_problem_kind kind;
	struct bytes path;   /* in the bundle */
	const char *message; /* one clause, safe to show */
};

struct bundle {
	const char *name;          /* as the operator named it, or "archive/folder" */
	struct bundle_file *files; /* by role, NAME, path */
	size_t n_files;
	struct bundle_problem *problems; /* by path, kind */
	size_t n_problems;
	/* Files of no role, and forms of evidence that another form of made superfluous: paths, sorted. */
	struct bytes *unused;
	const char **unused_why; /* of each: static text */
	size_t n_unused;
	/*
	 * Earlier boots that an agent's series has logs of, the oldest first: each with its own logs and quotes,
	 * and the keys. Their quotes are among this bundle's, too, their logs are not. No problems of their own.
	 */
	struct bundle *earlier;
	size_t n_earlier;
};

/* The file of a role and NAME (empty for the plain one); NULL if there is none. */
const struct bundle_file *bundle_find(const struct bundle *bundle, enum bundle_role role,
				      struct bytes name);

/* The plain name of the files of a role, as evidence.json has it: "quote.msg". */
const char *bundle_role_name(enum bundle_role role);

/* "member", "path", ... */
const char *bundle_problem_name(enum bundle_problem_kind kind);

/* The role that a file has by its path in the bundle; name becomes its NAME. */
enum bundle_role bundle_role_of(struct bytes path, struct bytes *name);

void bundle_free(struct bundle *bundle);
void bundle_freep(struct bundle **bundle);

/* A folder or archive, holding one bundle or one in each of its folders. */
struct container;

/*
 * path is a folder, a tar (also compressed), a zip, a single file of evidence in any form that
 * replay/forms reads, or "-" for one of these but a folder on standard input. A folder or archive in
 * which nothing has a name of evidence is searched to its depth, by name and by content. -1 when it cannot be read, or has no evidence in it: bundle.unreadable.
 */
int container_open(const char *path, struct container **out, struct error *err);
void container_free(struct container *container);
void container_freep(struct container **container);

size_t container_n_bundles(const struct container *container);

/* The bundle of the i-th folder, by name. The container must outlive it. */
int container_bundle(const struct container *container, size_t i, struct bundle **out,
		     struct error *err);

#endif
