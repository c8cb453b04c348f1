/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/finding.h"

#include "core/own.h"

static const char *const severity_names[SEVERITY_COUNT] = { "info", "low", "medium", "high",
							    "critical" };

#define ALWAYS(severity)      SEVERITY_##severity, SEVERITY_##severity
#define WORST(severity, mild) SEVERITY_##severity, SEVERITY_##mild
enum { COMPLETE = false, INCOMPLETE = true, OPEN = false, FIXED = true };

#define KIND(finding, ...) [finding] = { __VA_ARGS__ }

static const struct finding_kind kinds[FINDING_COUNT] = {
	KIND(FINDING_BUNDLE_UNREADABLE, "bundle.unreadable", ALWAYS(MEDIUM), INCOMPLETE, FIXED,
	     "bundles that cannot be read",
	     "It is no bundle of evidence, or its container is broken."),
	KIND(FINDING_BUNDLE_MEMBER, "bundle.member", ALWAYS(MEDIUM), COMPLETE, OPEN,
	     "links, devices or other members that are no files",
	     "A link, device, FIFO or socket, which is neither followed nor opened."),
	KIND(FINDING_BUNDLE_PATH, "bundle.path", ALWAYS(HIGH), COMPLETE, OPEN,
	     "names that lead out of the bundle",
	     "A member's name, or a path in evidence.json, is absolute or has "
	     "\"..\"; it is not used."),
	KIND(FINDING_BUNDLE_DUPLICATE, "bundle.duplicate", ALWAYS(HIGH), COMPLETE, OPEN,
	     "names that several members have",
	     "Two members have one name, so nobody can say which is meant; neither "
	     "is used."),
	KIND(FINDING_BUNDLE_MAPPING, "bundle.mapping", ALWAYS(HIGH), COMPLETE, OPEN,
	     "faults of evidence.json",
	     "evidence.json is no JSON of its form, or names a role that does not "
	     "exist."),
	KIND(FINDING_BUNDLE_MISSING, "bundle.missing", ALWAYS(MEDIUM), INCOMPLETE, OPEN,
	     "files that are not there or cannot be read",
	     "evidence.json names a file that the bundle lacks, or a file of "
	     "evidence cannot be read."),
	KIND(FINDING_BUNDLE_LIMIT, "bundle.limit", ALWAYS(MEDIUM), INCOMPLETE, OPEN,
	     "files larger than such evidence ever is",
	     "A file is larger, or there are more, than evidence of its kind ever "
	     "is; it is not read."),
	KIND(FINDING_BUNDLE_FORM, "bundle.form", ALWAYS(HIGH), COMPLETE, OPEN,
	     "evidence not as its form has it",
	     "A file in the form of an agent (Keylime, FAPI, go-tpm-tools and others) breaks off, "
	     "or a part of it is not as that form has it; the part is not used."),
	KIND(FINDING_BUNDLE_AMBIGUOUS, "bundle.ambiguous", ALWAYS(MEDIUM), INCOMPLETE, OPEN,
	     "several candidates for one purpose",
	     "Files found by content, deep in a tree or inside a form of an agent serve one "
	     "purpose "
	     "and differ; none is used, unless one has the purpose by its name."),
	KIND(FINDING_BUNDLE_CLAIM, "bundle.claim", ALWAYS(MEDIUM), COMPLETE, OPEN,
	     "claims that the attested logs contradict",
	     "An unattested file says something else than the attested log, which is "
	     "believed."),

	KIND(FINDING_QUOTE_SIGNATURE, "quote.signature", ALWAYS(CRITICAL), COMPLETE, FIXED,
	     "quotes whose signature does not hold",
	     "The signature is not this attestation key's over this quote."),
	KIND(FINDING_QUOTE_STRUCTURE, "quote.structure", ALWAYS(CRITICAL), COMPLETE, FIXED,
	     "quotes that are no quote of a TPM",
	     "Wrong magic, another type of attestation, or bytes before or after it."),
	KIND(FINDING_QUOTE_NONCE, "quote.nonce", WORST(CRITICAL, HIGH), COMPLETE, FIXED,
	     "quotes with another nonce",
	     "The quote answers another challenge than the operator's (critical), or "
	     "than the bundle's own nonce (high)."),
	KIND(FINDING_QUOTE_PCR_DIGEST, "quote.pcr-digest", ALWAYS(CRITICAL), COMPLETE, FIXED,
	     "quotes whose PCR values are not the signed ones",
	     "The PCR values beside the quote do not hash to the digest that was "
	     "signed."),
	KIND(FINDING_QUOTE_MALFORMED, "quote.malformed", ALWAYS(HIGH), COMPLETE, OPEN,
	     "quotes that cannot be read",
	     "A quote, its signature or its PCR file breaks off or is not of its form."),
	KIND(FINDING_QUOTE_WEAK_HASH, "quote.weak-hash", ALWAYS(HIGH), COMPLETE, OPEN,
	     "quotes signed over SHA-1",
	     "The signature hashes the quote with SHA-1, which no longer resists "
	     "collisions."),
	KIND(FINDING_QUOTE_SELECTION, "quote.selection", WORST(HIGH, MEDIUM), COMPLETE, OPEN,
	     "quotes with an odd selection of PCRs",
	     "The quote covers no PCR at all (high), or names PCRs that TPMs lack "
	     "(medium)."),
	KIND(FINDING_QUOTE_WEAK_BANK, "quote.weak-bank", ALWAYS(HIGH), COMPLETE, OPEN,
	     "machines quoted in SHA-1 only",
	     "Only the SHA-1 bank is quoted, and SHA-1 digests can be made to collide."),
	KIND(FINDING_QUOTE_ROLLBACK, "quote.rollback", ALWAYS(HIGH), COMPLETE, OPEN,
	     "counters that went backwards",
	     "Between quotes of one TPM its clock, resetCount or restartCount went "
	     "backwards."),
	KIND(FINDING_QUOTE_UNSAFE, "quote.unsafe", ALWAYS(LOW), COMPLETE, OPEN,
	     "quotes with an unsafe clock",
	     "The TPM says that its clock may have been higher before: it was not "
	     "shut down orderly."),
	KIND(FINDING_QUOTE_UNPROTECTED, "quote.unprotected", ALWAYS(CRITICAL), COMPLETE, FIXED,
	     "machines that their hosts can look into",
	     "A TDX machine that its host can debug, or whose TDX module is not Intel's: nothing "
	     "in "
	     "it is protected, nothing it says is its own."),

	KIND(FINDING_KEY_ATTRIBUTES, "key.attributes", ALWAYS(CRITICAL), COMPLETE, FIXED,
	     "keys that may sign anything",
	     "The key has not the attributes of an attestation key: others could "
	     "make it sign a forged quote."),
	KIND(FINDING_KEY_WEAK, "key.weak", ALWAYS(HIGH), COMPLETE, OPEN, "keys that are too short",
	     "The attestation key is too small to resist being found."),
	KIND(FINDING_KEY_MALFORMED, "key.malformed", ALWAYS(HIGH), COMPLETE, OPEN,
	     "keys that cannot be read",
	     "A key breaks off, goes on after its end, or is not of its form."),
	KIND(FINDING_KEY_CONFLICT, "key.conflict", ALWAYS(HIGH), COMPLETE, OPEN,
	     "keys that contradict each other",
	     "Two files that should hold one attestation key, or its name, do not."),
	KIND(FINDING_KEY_BINDING, "key.binding", ALWAYS(CRITICAL), COMPLETE, FIXED,
	     "bindings of keys that are wrong",
	     "A certificate, credential or attestation that should bind a key is of another "
	     "key, of another secret, or is not signed as it says."),
	KIND(FINDING_KEY_CERTIFICATE, "key.certificate", ALWAYS(HIGH), COMPLETE, OPEN,
	     "certificates that do not chain",
	     "The certificate of a key does not chain to what the operator trusts at the time "
	     "it is judged at, or is not fit for such a key."),
	KIND(FINDING_KEY_UNBOUND, "key.unbound", ALWAYS(MEDIUM), INCOMPLETE, FIXED,
	     "keys that nothing binds",
	     "Nothing the operator trusts says that this attestation key is of a "
	     "TPM, or of this machine."),

	KIND(FINDING_PCR_MISMATCH, "pcr.mismatch", ALWAYS(CRITICAL), COMPLETE, FIXED,
	     "PCRs that the logs do not explain",
	     "Replaying the logs does not give the value that the TPM signed: "
	     "something was measured that they do not show, or they show what was "
	     "not measured."),
	KIND(FINDING_PCR_UNQUOTED, "pcr.unquoted", ALWAYS(MEDIUM), INCOMPLETE, OPEN,
	     "PCRs that no quote covers",
	     "A PCR that a log extends, or that the policy requires, is in no quote; "
	     "its events are unattested."),
	KIND(FINDING_PCR_BANK, "pcr.bank", ALWAYS(MEDIUM), INCOMPLETE, OPEN,
	     "banks that cannot be compared",
	     "A bank is quoted that the boot log has no digests for, or required and "
	     "not quoted."),

	KIND(FINDING_LOG_MALFORMED, "log.malformed", ALWAYS(HIGH), COMPLETE, OPEN,
	     "logs that break off",
	     "A log cannot be read to its end; what came before the break is judged."),
	KIND(FINDING_LOG_LOCALITY, "log.locality", WORST(HIGH, LOW), COMPLETE, OPEN,
	     "logs with a startup locality that does not fit",
	     "The locality of TPM2_Startup is stated wrongly, late or twice (high), "
	     "or not stated though it was not 0 (low)."),
	KIND(FINDING_LOG_DATA_MISMATCH, "log.data-mismatch", WORST(HIGH, MEDIUM), COMPLETE, OPEN,
	     "events whose data is not what was measured",
	     "The digest is not the hash that the specification defines over the "
	     "event's data (medium where firmware is known for it)."),
	KIND(FINDING_LOG_STRUCTURE, "log.structure", ALWAYS(HIGH), COMPLETE, OPEN,
	     "records that no log should have",
	     "A second Spec ID event, digests twice, missing or of unannounced "
	     "algorithms, PCRs no TPM has, or user space's records of two boots."),
	KIND(FINDING_LOG_NO_ACTION, "log.no-action", ALWAYS(MEDIUM), COMPLETE, OPEN,
	     "EV_NO_ACTION events with a digest",
	     "EV_NO_ACTION never extends, so its digest should be zeros."),
	KIND(FINDING_LOG_HISTORY, "log.history", ALWAYS(HIGH), COMPLETE, OPEN,
	     "logs that are not what was attested before",
	     "A log is not the one, or no continuation of the one, that an earlier "
	     "audit of this boot attested (--state)."),

	KIND(FINDING_BOOT_SEPARATOR, "boot.separator", WORST(HIGH, MEDIUM), COMPLETE, OPEN,
	     "PCRs whose separator is wrong",
	     "Firmware ends its measurements with exactly one separator in each of "
	     "PCR 0 to 7: one is missing, doubled, an error, or firmware went on "
	     "after it (medium where it is known to measure none but that of PCR 7)."),

	KIND(FINDING_BOOT_SECURE_BOOT, "boot.secure-boot", WORST(HIGH, MEDIUM), COMPLETE, OPEN,
	     "Secure Boot otherwise than the release expects it",
	     "Secure Boot is off, or in setup or audit mode, where the nearest boot profile or "
	     "the policy has it on, or the other way round (high), or where the profile does not "
	     "know (medium)."),
	KIND(FINDING_BOOT_KEYS, "boot.keys", ALWAYS(HIGH), COMPLETE, OPEN,
	     "Secure Boot keys that are not the release's",
	     "PK, KEK or db has entries that the nearest boot profile has not, or lacks some."),
	KIND(FINDING_BOOT_DBX, "boot.dbx", WORST(HIGH, INFO), COMPLETE, OPEN,
	     "revocations that are not the release's",
	     "dbx, or the SBAT level, is older than that of the nearest boot profile (high), or "
	     "newer (info)."),
	KIND(FINDING_BOOT_AUTHORITY, "boot.authority", ALWAYS(HIGH), COMPLETE, OPEN,
	     "images authorised by others than the release's",
	     "A certificate or digest authorised an image that authorises none in the nearest "
	     "boot profile."),
	KIND(FINDING_BOOT_REVOKED, "boot.revoked", ALWAYS(CRITICAL), COMPLETE, OPEN,
	     "images that are revoked",
	     "An image was started that a revocation list of the operator forbids: by its "
	     "digest, a certificate of its signature, or its SBAT generation."),
	KIND(FINDING_BOOT_COMPONENT, "boot.component", ALWAYS(HIGH), COMPLETE, OPEN,
	     "boot components that are not the release's",
	     "In the place of an event of the nearest boot profile something else was "
	     "measured."),
	KIND(FINDING_BOOT_OTHER_RELEASE, "boot.other-release", ALWAYS(HIGH), COMPLETE, OPEN,
	     "boot components of releases that do not count",
	     "In the place of an event of the nearest boot profile that of another "
	     "release was measured."),
	KIND(FINDING_BOOT_COMMAND_LINE, "boot.command-line", ALWAYS(HIGH), COMPLETE, OPEN,
	     "command lines and commands that are not the release's",
	     "A text that was measured (a kernel's command line, a boot loader's "
	     "command) is not that of the nearest boot profile."),
	KIND(FINDING_BOOT_MISSING, "boot.missing", ALWAYS(HIGH), COMPLETE, OPEN,
	     "boot events that are missing",
	     "An event of the nearest boot profile was not measured."),
	KIND(FINDING_BOOT_EXTRA, "boot.extra", ALWAYS(HIGH), COMPLETE, OPEN,
	     "boot events that no profile has",
	     "Something was measured that the nearest boot profile does not have."),
	KIND(FINDING_BOOT_ORDER, "boot.order", ALWAYS(HIGH), COMPLETE, OPEN,
	     "boot events out of order",
	     "An event was measured in another place than the nearest boot profile has it."),
	KIND(FINDING_BOOT_PCR, "boot.pcr", ALWAYS(HIGH), COMPLETE, OPEN,
	     "PCRs that no boot profile ends in",
	     "There is no boot log, and a quoted PCR is not what the nearest boot profile "
	     "ends in."),
	KIND(FINDING_BOOT_TEMPLATE, "boot.template", ALWAYS(INFO), COMPLETE, OPEN,
	     "boots that fit with the installation's own values",
	     "The boot is a profile's but for what only the installation knows, such as the "
	     "UUID of its root."),

	KIND(FINDING_IMA_UNATTESTED, "ima.unattested", ALWAYS(HIGH), COMPLETE, FIXED,
	     "IMA logs that no quote confirms",
	     "No part of the IMA log, from its first entry on, gives the quoted PCR: "
	     "entries were changed, removed, added or reordered."),
	KIND(FINDING_IMA_TEMPLATE_HASH, "ima.template-hash", ALWAYS(HIGH), COMPLETE, OPEN,
	     "entries whose template hash is wrong",
	     "The template hash of an entry is not the hash of its fields: one of "
	     "them was changed."),
	KIND(FINDING_IMA_BOOT_AGGREGATE, "ima.boot-aggregate", ALWAYS(HIGH), COMPLETE, OPEN,
	     "boot_aggregate entries that do not fit the boot",
	     "boot_aggregate is not the hash of the PCRs that the boot log replays to."),
	KIND(FINDING_IMA_STRUCTURE, "ima.structure", ALWAYS(HIGH), COMPLETE, OPEN,
	     "entries that no kernel writes so",
	     "The list does not begin with boot_aggregate, or an entry is not as its "
	     "template says."),
	KIND(FINDING_IMA_DIGEST_MISMATCH, "ima.digest-mismatch", ALWAYS(CRITICAL), COMPLETE, OPEN,
	     "files whose bytes are not their package's",
	     "The path is known, but not with these bytes: the file was changed."),
	KIND(FINDING_IMA_BUFFER, "ima.buffer", ALWAYS(CRITICAL), COMPLETE, OPEN,
	     "buffers that are not what was measured",
	     "The digest of a buffer entry is not the hash of the buffer in it."),
	KIND(FINDING_IMA_UNKNOWN_FILE, "ima.unknown-file", ALWAYS(HIGH), COMPLETE, OPEN,
	     "files that no package has", "Neither the path nor the bytes are known."),
	KIND(FINDING_IMA_OTHER_RELEASE, "ima.other-release", ALWAYS(HIGH), COMPLETE, OPEN,
	     "files of another release",
	     "These bytes belong to this path, but in a release that does not count "
	     "here."),
	KIND(FINDING_IMA_OTHER_PATH, "ima.other-path", WORST(HIGH, LOW), COMPLETE, OPEN,
	     "known files under another path",
	     "The bytes are known under another path only: high if they became a "
	     "program, low for data and moved libraries."),
	KIND(FINDING_IMA_VIOLATION, "ima.violation", ALWAYS(HIGH), COMPLETE, OPEN,
	     "violations: files changed while they were measured",
	     "A file was open for reading and writing at once, so what was read is "
	     "not what was measured."),
	KIND(FINDING_IMA_NO_REFERENCE, "ima.no-reference", ALWAYS(MEDIUM), INCOMPLETE, OPEN,
	     "files whose digests are of another algorithm than the database's",
	     "The path is known, but the database has no digest of the algorithm "
	     "that IMA used, or of fs-verity."),
	KIND(FINDING_IMA_WEAK_DIGEST, "ima.weak-digest", ALWAYS(MEDIUM), COMPLETE, OPEN,
	     "weak hash algorithms", "IMA hashed files with a weaker algorithm than the policy's."),
	KIND(FINDING_IMA_UNKNOWN_TEMPLATE, "ima.unknown-template", ALWAYS(MEDIUM), INCOMPLETE, OPEN,
	     "entries of an unknown template",
	     "The fields of these entries cannot be told apart, so they cannot be "
	     "looked up."),
	KIND(FINDING_IMA_PATH, "ima.path", ALWAYS(MEDIUM), COMPLETE, OPEN,
	     "paths that are no file's",
	     "A path with \"..\", doubled slashes or control characters, or of a "
	     "file without a name; it never equals a reference path."),
	KIND(FINDING_IMA_KEXEC, "ima.kexec", WORST(MEDIUM, INFO), COMPLETE, OPEN,
	     "further kernels started by kexec",
	     "A further boot_aggregate: another kernel was started without the "
	     "firmware, measured (info) or not (medium)."),
	KIND(FINDING_IMA_LOST, "ima.lost-entries", WORST(HIGH, MEDIUM), COMPLETE, OPEN,
	     "kernels that counted more entries than there are",
	     "A kernel that went into kexec counted more entries than the list has "
	     "(high), or had less memory for them than they take (medium): entries "
	     "were lost, or removed."),

	KIND(FINDING_IMA_SIGNATURE, "ima.signature", ALWAYS(HIGH), COMPLETE, OPEN,
	     "signatures that do not hold",
	     "A signature of the file, of its metadata or appended to it is not over what the "
	     "entry "
	     "says, or by a key that is revoked."),
	KIND(FINDING_IMA_UNSIGNED, "ima.unsigned", ALWAYS(HIGH), COMPLETE, OPEN,
	     "files that should be signed",
	     "The policy wants this path signed, and there is no signature by a known key that "
	     "holds."),
	KIND(FINDING_IMA_SIGNATURE_KEY, "ima.signature-key", ALWAYS(MEDIUM), COMPLETE, OPEN,
	     "files signed by keys that are not known",
	     "The file is signed by a key that is none of those to check with."),
	KIND(FINDING_IMA_SIGNATURE_RELEASE, "ima.signature-release", ALWAYS(MEDIUM), COMPLETE, OPEN,
	     "files signed by keys of other releases",
	     "The signature holds, with a key that the database has in a keyring of another "
	     "release only: the kernels of this one would not take it."),
	KIND(FINDING_IMA_KEYRING, "ima.keyring", ALWAYS(MEDIUM), COMPLETE, OPEN,
	     "keys in the kernel's keyrings that are not the release's",
	     "A key was put into a keyring that the release has keys of, and is none of them: "
	     "what it signs, the kernel takes."),
	KIND(FINDING_IMA_LEARNED_KEY, "ima.learned-key", ALWAYS(MEDIUM), INCOMPLETE, OPEN,
	     "keys learned from where no quote reaches",
	     "A signature was checked with a key that the log brings, after the last entry that a "
	     "quote attests."),
	KIND(FINDING_IMA_SIGNATURE_DIFFERS, "ima.signature-differs", WORST(MEDIUM, LOW), COMPLETE,
	     OPEN, "files with another signature than their package's",
	     "The package ships these bytes with another signature: low if the one that is there "
	     "holds, with a known key."),
	KIND(FINDING_IMA_BLACKLISTED, "ima.blacklisted", ALWAYS(HIGH), COMPLETE, OPEN,
	     "modules or kernels that are on the kernel's blacklist",
	     "The kernel found something that was to be loaded on its blacklist of hashes, and "
	     "refused it."),
	KIND(FINDING_IMA_UNKNOWN_BUFFER, "ima.unknown-buffer", ALWAYS(HIGH), COMPLETE, OPEN,
	     "buffers that the policy does not list",
	     "The kernel measured a buffer (a key, a kexec'd kernel's command line, critical data) "
	     "that is none of those that the policy lists."),

	KIND(FINDING_DB_INVALID, "db.invalid", ALWAYS(HIGH), COMPLETE, FIXED,
	     "databases that cannot be used",
	     "The database is damaged, not Assay's, of another schema version, or "
	     "holds tables, views or triggers that are not ours."),
};

const char *severity_name(enum severity severity)
{
	return severity_names[severity];
}

bool severity_of_name(struct bytes name, enum severity *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(severity_names); i++)
		if (bytes_equal_string(name, severity_names[i])) {
			*out = (enum severity)i;
			return true;
		}
	return false;
}

const struct finding_kind *finding_kind(enum finding_code code)
{
	return &kinds[code];
}

enum finding_code finding_of_name(struct bytes name)
{
	for (size_t i = 0; i < FINDING_COUNT; i++)
		if (bytes_equal_string(name, kinds[i].code))
			return (enum finding_code)i;
	return FINDING_COUNT;
}
