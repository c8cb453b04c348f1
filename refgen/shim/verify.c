/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may run (shim's verify.c, check_denylist and check_allowlist): digests and certificates of its
 * own, of the firmware and of the MOK lists, in shim's order. What decides is measured, what forbids
 * too. Of a list of certificates shim looks at the first only.
 */
#include "core/crypto_x509.h"
#include "refgen/shim/internal.h"

#define OID_MODULE_SIGNING "1.3.6.1.4.1.2312.16.1.2"

/* The image that is asked about. */
struct check {
	struct machine *machine;
	struct shim *shim;
	const struct machine_image *image;
	struct digest sha256, sha1;
};

/* A database in shim's eyes. */
struct database {
	const char *name; /* as measured */
	const struct guid *guid;
	struct bytes data;
};

static struct database variable_database(const struct machine *machine, const struct guid *guid,
					 const char *name)
{
	const struct machine_variable *variable = machine_variable(machine, guid, name);

	return (struct database){ name, guid, variable ? variable->data : bytes_of(NULL, 0) };
}

static int measure(struct check *check, const struct database *database,
		   const struct signature_entry *entry, struct error *err)
{
	const char *why = machine_text(check->machine, "%s, which decides on %s", database->name,
				       check->image->name);

	return shim_measure_variable(check->machine, check->shim, database->name, database->guid,
				     entry->whole, why, err);
}

/* 1 if the database has the digest; its entry is measured then. */
static int has_digest(struct check *check, const struct database *database,
		      const struct digest *digest, struct error *err)
{
	struct signature_entry entry;
	int result = secureboot_find_digest(database->data, database->name, digest, &entry, err);

	if (result > 0 && measure(check, database, &entry, err) < 0)
		return -1;
	return result;
}

/* What shim takes for a certificate: DER with a length of two bytes that fits, and not one that is
 * for signing modules. */
static bool usable(struct bytes certificate)
{
	return certificate.size >= 4 && certificate.data[0] == 0x30 &&
	       certificate.data[1] == 0x82 &&
	       (size_t)(certificate.data[2] << 8 | certificate.data[3]) == certificate.size - 4 &&
	       !x509_has_key_usage(certificate, OID_MODULE_SIGNING);
}

static int anchors(struct check *check, struct authenticode *signature, struct bytes certificate,
		   struct error *err)
{
	if (!authenticode_covers(signature, &check->sha256))
		return 0;
	return authenticode_anchored(signature, certificate, err);
}

/* 1 if a certificate of the database is an anchor; its entry is measured then. */
static int has_anchor(struct check *check, const struct database *database,
		      struct authenticode *signature, struct error *err)
{
	struct signature_reader reader = signature_reader_of(database->data, database->name);
	struct signature_entry entry;
	int result;

	if (!signature)
		return 0;
	while ((result = signature_next(&reader, &entry, err)) > 0) {
		if (entry.index || !guid_equal(&entry.type, &guid_cert_x509) || !usable(entry.data))
			continue;
		result = anchors(check, signature, entry.data, err);
		if (result > 0 && measure(check, database, &entry, err) < 0)
			return -1;
		if (result != 0)
			return result;
	}
	return result;
}

static int refuse(struct check *check, const char *reason)
{
	check->shim->refusal =
		machine_text(check->machine, "shim refuses %s: %s", check->image->name, reason);
	return 1;
}

/* 1 the image, or this signature of it, is forbidden, 0, -1. */
static int forbidden(struct check *check, struct authenticode *signature, struct error *err)
{
	const struct machine *machine = check->machine;
	const struct {
		struct database database;
		bool sha1;
		const char *reason;
	} lists[] = {
		{{ "dbx", &guid_image_security, check->shim->vendor_dbx },
                 true,                "the vendor's dbx revokes it"},
		{  variable_database(machine, &guid_image_security,       "dbx"),              true, "dbx revokes it" },
		{ variable_database(machine, &guid_shim, "MokListX"),                              false,
                 "MokListX revokes it" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		int result = has_digest(check, &lists[i].database, &check->sha256, err);

		if (result == 0 && lists[i].sha1)
			result = has_digest(check, &lists[i].database, &check->sha1, err);
		if (result == 0)
			result = has_anchor(check, &lists[i].database, signature, err);
		if (result != 0)
			return result < 0 ? -1 : refuse(check, lists[i].reason);
	}
	return 0;
}

/* 1 if a database allows the image by its digest, or by this signature. */
static int allowed(struct check *check, struct authenticode *signature, struct error *err)
{
	const struct machine *machine = check->machine;
	const struct shim *shim = check->shim;
	struct database db = variable_database(machine, &guid_image_security, "db");
	struct database vendor = { "vendor_db", &guid_image_security, shim->vendor_db };
	/* 15.7: MokListRT, in which the vendor's certificate is; before, MokList. */
	struct database mok = variable_database(machine, &guid_shim, "MokList");
	int result = 0;

	if (shim_since(shim, "15.7"))
		mok = (struct database){ "MokListRT", &guid_shim, shim->mok_list };
	if (!shim->ignore_db) {
		result = has_digest(check, &db, &check->sha256, err);
		if (result == 0)
			result = has_digest(check, &db, &check->sha1, err);
		if (result == 0)
			result = has_anchor(check, &db, signature, err);
	}
	if (result == 0)
		result = has_digest(check, &vendor, &check->sha256, err);
	if (result == 0)
		result = has_anchor(check, &vendor, signature, err);
	if (result == 0)
		result = has_digest(check, &mok, &check->sha256, err);
	if (result == 0)
		result = has_anchor(check, &mok, signature, err);
	return result;
}

/* The vendor's certificate by itself, which has no owner. */
static int vendor_allows(struct check *check, struct authenticode *signature, struct error *err)
{
	struct bytes certificate = check->shim->vendor_certificate;
	int result;

	if (certificate.size == 0)
		return 0;
	result = anchors(check, signature, certificate, err);
	if (result <= 0)
		return result;
	return shim_measure_variable(check->machine, check->shim, "Shim", &guid_shim, certificate,
				     "the vendor's certificate in shim", err) < 0
		       ? -1
		       : 1;
}

/* 1 if a signature lets the image run. */
static int check_signature(struct check *check, size_t i, struct error *err)
{
	AUTO(authenticode_freep) struct authenticode *signature = NULL;
	const struct pe *pe = check->image->pe;
	struct bytes der = pe_signature(pe, i);
	struct error problem = { 0 };
	int result;

	if (authenticode_parse(der, pe_source(pe), (uint64_t)(der.data - pe_file(pe).data),
			       &signature, &problem) < 0) {
		if (problem.code != ERROR_SYSTEM)
			return 0; /* it verifies with no certificate */
		if (err)
			*err = problem;
		return -1;
	}
	result = forbidden(check, signature, err);
	if (result != 0)
		return result < 0 ? -1 : 0;
	result = allowed(check, signature, err);
	if (result == 0)
		result = vendor_allows(check, signature, err);
	return result;
}

/* All signatures are looked at, also after one that is right: each may be measured. */
static int check_signatures(struct check *check, struct error *err)
{
	const struct pe *pe = check->image->pe;
	bool any = false;

	if (!pe_has_certificates(pe)) {
		refuse(check, "it is not signed, and no list has its digest");
		return 0;
	}
	refuse(check, "no certificate authorises a signature");
	for (size_t i = 0; i < pe_n_signatures(pe); i++) {
		int result = check_signature(check, i, err);

		if (result < 0)
			return -1;
		any = any || result > 0;
	}
	if (!pe_certificates_sound(pe)) {
		refuse(check, "its certificate table's sizes do not fit");
		return 0;
	}
	return any;
}

/* SBAT: since 15.3, in shim_lock since 15.6. */
static bool check_sbat(struct check *check, bool in_protocol)
{
	const struct shim *shim = check->shim;
	const struct pe *pe = check->image->pe;
	struct bytes component;

	if (shim->sbat_level.size == 0 || (in_protocol && !shim_since(shim, "15.6")))
		return true;
	if (pe_n_sbat(pe) == 0 && pe_sbat_well_formed(pe)) {
		if (!in_protocol)
			refuse(check, "it has no SBAT section");
		return in_protocol;
	}
	if (shim_sbat_meets(pe, shim->sbat_level, &component))
		return true;
	refuse(check, component.size
			      ? machine_text(check->machine,
					     "the SBAT generation of \"%.*s\" is below SbatLevel",
					     (int)component.size, (const char *)component.data)
			      : "its SBAT section is malformed");
	return false;
}

/* SHA-256 and SHA-1 Authenticode digests, whatever banks there are. */
static int image_digests(struct check *check, struct error *err)
{
	const struct machine_image *image = check->image;
	alg_set wanted = 1u << ALG_SHA256 | 1u << ALG_SHA1;
	struct digest digests[ALG_COUNT];

	if ((check->machine->banks & wanted) == wanted) {
		check->sha256 = image->authenticode[ALG_SHA256];
		check->sha1 = image->authenticode[ALG_SHA1];
		return 0;
	}
	if (pe_authenticode(image->pe, check->machine->hasher, wanted, digests, err) < 0)
		return -1;
	check->sha256 = digests[ALG_SHA256];
	check->sha1 = digests[ALG_SHA1];
	return 0;
}

/* No certificate in shim is the image's: one of db or MokList may be, which nobody gave. */
static int allowed_by_unknown(struct check *check, struct error *err)
{
	const struct measurement what = {
		.pcr = 7,
		.type = EV_EFI_VARIABLE_AUTHORITY,
		.component = "secure boot authority",
		.source = "the firmware, whose variable store was not given",
		.over = machine_text(check->machine,
				     "the entry of db or MokList that authorises %s",
				     check->image->name),
	};

	return machine_measure_unknown(check->machine, &what, err) < 0 ? -1 : 1;
}

int shim_check(struct machine *machine, struct shim *shim, const struct machine_image *image,
	       bool in_protocol, struct error *err)
{
	struct check check = { .machine = machine, .shim = shim, .image = image };
	int result;

	shim->refusal = "";
	if (!check_sbat(&check, in_protocol))
		return 0;
	if (image_digests(&check, err) < 0)
		return -1;
	result = forbidden(&check, NULL, err);
	if (result != 0)
		return result < 0 ? -1 : 0;
	result = allowed(&check, NULL, err);
	if (result == 0)
		result = check_signatures(&check, err);
	if (result == 0 && machine->keys_assumption && pe_n_signatures(image->pe) &&
	    pe_certificates_sound(image->pe))
		result = allowed_by_unknown(&check, err);
	return result;
}
