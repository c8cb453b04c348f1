/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * finding: the codes of what an audit has to say, what each means and how bad it
 * is by default. docs/findings.md is the same table for people.
 *
 * A code, once published, keeps its meaning.
 *
 * Source: verdicts.md.
 */
#ifndef AUDIT_FINDING_H
#define AUDIT_FINDING_H

#include "core/bytes.h"

enum severity {
	SEVERITY_INFO,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,     /* fails the bundle */
	SEVERITY_CRITICAL, /* fails the bundle */
	SEVERITY_COUNT
};

/* "critical", "high", ...: the names of reports and policies. */
const char *severity_name(enum severity severity);
/* False for a text that names none. */
bool severity_of_name(struct bytes name, enum severity *out);

/* In the order of the sections of verdicts.md; reports sort by severity, then by this. */
enum finding_code {
	FINDING_BUNDLE_UNREADABLE,
	FINDING_BUNDLE_MEMBER,
	FINDING_BUNDLE_PATH,
	FINDING_BUNDLE_DUPLICATE,
	FINDING_BUNDLE_MAPPING,
	FINDING_BUNDLE_MISSING,
	FINDING_BUNDLE_LIMIT,
	FINDING_BUNDLE_FORM,
	FINDING_BUNDLE_AMBIGUOUS,
	FINDING_BUNDLE_CLAIM,

	FINDING_QUOTE_SIGNATURE,
	FINDING_QUOTE_STRUCTURE,
	FINDING_QUOTE_NONCE,
	FINDING_QUOTE_PCR_DIGEST,
	FINDING_QUOTE_MALFORMED,
	FINDING_QUOTE_WEAK_HASH,
	FINDING_QUOTE_SELECTION,
	FINDING_QUOTE_WEAK_BANK,
	FINDING_QUOTE_ROLLBACK,
	FINDING_QUOTE_UNSAFE,
	FINDING_QUOTE_UNPROTECTED,

	FINDING_KEY_ATTRIBUTES,
	FINDING_KEY_WEAK,
	FINDING_KEY_MALFORMED,
	FINDING_KEY_CONFLICT,
	FINDING_KEY_BINDING,
	FINDING_KEY_CERTIFICATE,
	FINDING_KEY_UNBOUND,

	FINDING_PCR_MISMATCH,
	FINDING_PCR_UNQUOTED,
	FINDING_PCR_BANK,

	FINDING_LOG_MALFORMED,
	FINDING_LOG_LOCALITY,
	FINDING_LOG_DATA_MISMATCH,
	FINDING_LOG_STRUCTURE,
	FINDING_LOG_NO_ACTION,
	FINDING_LOG_HISTORY,

	FINDING_BOOT_SEPARATOR,
	FINDING_BOOT_SECURE_BOOT,
	FINDING_BOOT_KEYS,
	FINDING_BOOT_DBX,
	FINDING_BOOT_AUTHORITY,
	FINDING_BOOT_REVOKED,
	FINDING_BOOT_COMPONENT,
	FINDING_BOOT_OTHER_RELEASE,
	FINDING_BOOT_COMMAND_LINE,
	FINDING_BOOT_MISSING,
	FINDING_BOOT_EXTRA,
	FINDING_BOOT_ORDER,
	FINDING_BOOT_PCR,
	FINDING_BOOT_TEMPLATE,

	FINDING_IMA_UNATTESTED,
	FINDING_IMA_TEMPLATE_HASH,
	FINDING_IMA_BOOT_AGGREGATE,
	FINDING_IMA_STRUCTURE,
	FINDING_IMA_DIGEST_MISMATCH,
	FINDING_IMA_BUFFER,
	FINDING_IMA_UNKNOWN_FILE,
	FINDING_IMA_OTHER_RELEASE,
	FINDING_IMA_OTHER_PATH,
	FINDING_IMA_VIOLATION,
	FINDING_IMA_NO_REFERENCE,
	FINDING_IMA_WEAK_DIGEST,
	FINDING_IMA_UNKNOWN_TEMPLATE,
	FINDING_IMA_PATH,
	FINDING_IMA_KEXEC,
	FINDING_IMA_LOST,
	FINDING_IMA_SIGNATURE,
	FINDING_IMA_UNSIGNED,
	FINDING_IMA_SIGNATURE_KEY,
	FINDING_IMA_SIGNATURE_RELEASE,
	FINDING_IMA_KEYRING,
	FINDING_IMA_LEARNED_KEY,
	FINDING_IMA_SIGNATURE_DIFFERS,
	FINDING_IMA_BLACKLISTED,
	FINDING_IMA_UNKNOWN_BUFFER,

	FINDING_DB_INVALID,
	FINDING_COUNT
};

struct finding_kind {
	const char *code;       /* "ima.unknown-file" */
	enum severity severity; /* by default, and the worst where cases differ */
	enum severity milder;   /* where verdicts.md tells cases apart; else the same */
	bool incomplete;        /* a bundle with it cannot pass */
	bool fixed;             /* evidence is not believed without it: a policy may not lower it */
	const char *title;   /* a heading over several, after their number: "files of no package" */
	const char *meaning; /* one sentence */
};

const struct finding_kind *finding_kind(enum finding_code code);

/* FINDING_COUNT for a text that is no code. */
enum finding_code finding_of_name(struct bytes name);

#endif
