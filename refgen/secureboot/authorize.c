/* SPDX-License-Identifier: BSD-2-Clause */
/* The handler of EDK II's DxeImageVerificationLib for an image from a disk, Secure Boot on. */
#include "core/crypto_x509.h"
#include "refgen/secureboot/secureboot.h"

#define IMAGE_ALGS (1u << ALG_SHA1 | 1u << ALG_SHA256 | 1u << ALG_SHA384 | 1u << ALG_SHA512)
#define TIME_SIZE  16

/* One image before the databases. */
struct check {
	struct bytes db, dbx;
	struct hasher *hasher;
	struct secureboot_verdict verdict;
};

static void add_authority(struct check *check, const char *database,
			  const struct signature_entry *entry)
{
	struct secureboot_verdict *verdict = &check->verdict;

	/* Firmware measures each entry once. */
	for (size_t i = 0; i < verdict->n_authorities; i++)
		if (bytes_equal(verdict->authorities[i].entry, entry->whole) &&
		    strcmp(verdict->authorities[i].database, database) == 0)
			return;
	if (verdict->n_authorities < SECUREBOOT_AUTHORITIES_MAX)
		verdict->authorities[verdict->n_authorities++] =
			(struct secureboot_authority){ database, entry->whole, entry->data };
}

/*
 * The algorithm firmware hashes the image with for a signature: it compares the OID at byte 32,
 * where it stands when both outer lengths take two bytes. ALG_NONE: it passes the signature over.
 */
static enum alg hashed_with(struct bytes signature)
{
	static const struct {
		enum alg alg;
		const char *oid;
	} table[] = {
		{ALG_SHA1,    "\x2b\x0e\x03\x02\x1a"                },
		{ ALG_SHA256, "\x60\x86\x48\x01\x65\x03\x04\x02\x01"},
		{ ALG_SHA384, "\x60\x86\x48\x01\x65\x03\x04\x02\x02"},
		{ ALG_SHA512, "\x60\x86\x48\x01\x65\x03\x04\x02\x03"},
	};

	if (signature.size < 2 || (signature.data[1] & 0x82) != 0x82)
		return ALG_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		size_t size = strlen(table[i].oid);

		if (signature.size < 32 + size)
			return ALG_NONE;
		if (memcmp(signature.data + 32, table[i].oid, size) == 0)
			return table[i].alg;
	}
	return ALG_NONE;
}

/* The first certificate of a database, in its order, that is an anchor: 1 and *out, 0, -1. */
static int find_anchor(struct authenticode *signature, struct bytes database, const char *name,
		       struct signature_entry *out, struct error *err)
{
	struct signature_reader reader = signature_reader_of(database, name);
	int result;

	while ((result = signature_next(&reader, out, err)) > 0) {
		if (!guid_equal(&out->type, &guid_cert_x509))
			continue;
		result = authenticode_anchored(signature, out->data, err);
		if (result != 0)
			return result;
	}
	return result;
}

/* The algorithm of a list of certificate digests, or ALG_NONE. */
static enum alg certificate_digest_alg(const struct guid *type)
{
	if (guid_equal(type, &guid_cert_x509_sha256))
		return ALG_SHA256;
	if (guid_equal(type, &guid_cert_x509_sha384))
		return ALG_SHA384;
	return guid_equal(type, &guid_cert_x509_sha512) ? ALG_SHA512 : ALG_NONE;
}

/* Whether dbx has the digest of a certificate: 1, 0, -1. */
static int certificate_revoked(struct check *check, struct bytes certificate, struct error *err)
{
	struct signature_reader reader = signature_reader_of(check->dbx, "dbx");
	AUTO(buf_clear) struct buf tbs = BUF_INIT;
	struct signature_entry entry;
	int result;

	if (!x509_tbs_append(&tbs, certificate))
		return buf_finish(&tbs, err);
	while ((result = signature_next(&reader, &entry, err)) > 0) {
		enum alg alg = certificate_digest_alg(&entry.type);
		struct digest digest;

		if (alg == ALG_NONE || entry.data.size != alg_size(alg) + TIME_SIZE)
			continue;
		if (hasher_digest_bytes(check->hasher, alg, buf_bytes(&tbs), &digest, err) < 0)
			return -1;
		if (memcmp(entry.data.data, digest.value, digest.size) != 0)
			continue;
		/* A time of zeros revokes for ever; another asks dbt for timestamps, which we do not. */
		check->verdict.reason =
			bytes_all(bytes_of(entry.data.data + digest.size, TIME_SIZE), 0)
				? "dbx has the digest of a certificate"
				: "dbx revokes a certificate from a time on; no timestamp was "
				  "verified";
		return 1;
	}
	return result;
}

/* Whether dbx forbids a signature: its anchor, or a signer's certificate by digest. 1, 0, -1. */
static int forbidden(struct check *check, struct authenticode *signature, bool covers,
		     struct error *err)
{
	struct signature_entry entry;
	int result;

	if (covers) {
		result = find_anchor(signature, check->dbx, "dbx", &entry, err);
		if (result < 0)
			return -1;
		if (result > 0) {
			add_authority(check, "dbx", &entry);
			check->verdict.reason = "dbx has a certificate of the signer's chain";
			return 1;
		}
	}
	if (check->dbx.size == 0)
		return 0;
	if (authenticode_n_signers(signature) == 0) {
		check->verdict.reason = "a signature has no signer";
		return 1;
	}
	for (size_t i = 0; i < authenticode_n_signers(signature); i++) {
		if (authenticode_signer(signature, i).size == 0) {
			check->verdict.reason = "a signature lacks its signer's certificate";
			return 1;
		}
		result = certificate_revoked(check, authenticode_signer(signature, i), err);
		if (result != 0)
			return result;
	}
	return 0;
}

/* Whether db allows a signature: 1, 0, -1. */
static int allowed(struct check *check, struct authenticode *signature, struct error *err)
{
	struct signature_entry entry;
	int result = find_anchor(signature, check->db, "db", &entry, err);

	if (result <= 0)
		return result;
	result = certificate_revoked(check, entry.data, err);
	if (result != 0)
		return result < 0 ? -1 : 0;
	add_authority(check, "db", &entry);
	check->verdict.reason = "db has a certificate of the signer's chain";
	return 1;
}

/* Digest in a database: 1 (and its entry is an authority), 0, -1. */
static int has_digest(struct check *check, const char *name, const struct digest *image,
		      struct error *err)
{
	struct signature_entry entry;
	int result =
		secureboot_find_digest(name[2] ? check->dbx : check->db, name, image, &entry, err);

	if (result > 0)
		add_authority(check, name, &entry);
	return result;
}

/*
 * One signature: dbx, then db, then the digest in dbx, then in db. 1: go on, 0: the image is
 * forbidden, -1.
 */
static int check_signature(struct check *check, struct bytes der, const struct pe *pe,
			   const struct digest digests[ALG_COUNT], struct error *err)
{
	AUTO(authenticode_freep) struct authenticode *signature = NULL;
	struct error problem = { 0 };
	enum alg alg = hashed_with(der);
	const struct digest *image;
	int result;

	if (alg == ALG_NONE)
		return 1;
	image = &digests[alg];
	if (authenticode_parse(der, pe_source(pe), (uint64_t)(der.data - pe_file(pe).data),
			       &signature, &problem) < 0) {
		if (problem.code == ERROR_SYSTEM) {
			if (err)
				*err = problem;
			return -1;
		}
		/* EDK II gets no signers out of it, and refuses where there is a dbx to ask. */
		if (check->dbx.size) {
			check->verdict.reason = "a signature cannot be read";
			return 0;
		}
	}
	if (signature) {
		bool covers = authenticode_covers(signature, image);

		result = forbidden(check, signature, covers, err);
		if (result != 0)
			return result < 0 ? -1 : 0;
		if (!check->verdict.allowed && covers) {
			result = allowed(check, signature, err);
			if (result < 0)
				return -1;
			check->verdict.allowed = result > 0;
		}
	}
	result = has_digest(check, "dbx", image, err);
	if (result != 0) {
		check->verdict.reason = "dbx has the image's digest";
		return result < 0 ? -1 : 0;
	}
	if (!check->verdict.allowed) {
		result = has_digest(check, "db", image, err);
		if (result < 0)
			return -1;
		if (result > 0)
			check->verdict.reason = "db has the image's digest";
		check->verdict.allowed = result > 0;
	}
	return 1;
}

/* An image without signatures: its SHA-256 digest alone. */
static int check_unsigned(struct check *check, const struct digest *image, struct error *err)
{
	int result = has_digest(check, "dbx", image, err);

	if (result > 0)
		check->verdict.reason = "dbx has the image's digest";
	if (result != 0)
		return result < 0 ? -1 : 0;
	result = has_digest(check, "db", image, err);
	check->verdict.allowed = result > 0;
	check->verdict.reason = result > 0 ? "db has the image's digest"
					   : "the image is not signed, and db lacks its digest";
	return result < 0 ? -1 : 0;
}

static int check_signed(struct check *check, const struct pe *pe,
			const struct digest digests[ALG_COUNT], struct error *err)
{
	int result = 1;

	for (size_t i = 0; i < pe_n_signatures(pe) && result > 0; i++)
		result = check_signature(check, pe_signature(pe, i), pe, digests, err);
	if (result < 0)
		return -1;
	if (result == 0)
		check->verdict.allowed = false;
	else if (!pe_certificates_sound(pe)) {
		check->verdict.allowed = false;
		check->verdict.reason = "the certificate table's sizes do not fit";
	} else if (!check->verdict.allowed && check->verdict.reason[0] == 0)
		check->verdict.reason = "no entry of db authorises a signature";
	return 0;
}

int secureboot_authorize(const struct pe *pe, struct bytes db, struct bytes dbx,
			 struct hasher *hasher, struct secureboot_verdict *out, struct error *err)
{
	struct check check = { .db = db, .dbx = dbx, .hasher = hasher };
	struct digest digests[ALG_COUNT];
	struct error problem = { 0 };
	int result;

	check.verdict.reason = "";
	if (pe_authenticode(pe, hasher, IMAGE_ALGS, digests, &problem) < 0) {
		if (problem.code == ERROR_SYSTEM || problem.code == ERROR_UNSUPPORTED) {
			if (err)
				*err = problem;
			return -1;
		}
		check.verdict.reason = "the image has no Authenticode digest";
		*out = check.verdict;
		return 0;
	}
	result = pe_has_certificates(pe) ? check_signed(&check, pe, digests, err)
					 : check_unsigned(&check, &digests[ALG_SHA256], err);
	if (result < 0)
		return -1;
	*out = check.verdict;
	return 0;
}

void secureboot_authority_append(struct buf *out, const struct secureboot_authority *authority)
{
	guid_append_variable_data(out, &guid_image_security, authority->database, authority->entry);
}
