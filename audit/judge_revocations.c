/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Booted images against revocations that are newer than what the machine had: by digest, by a certificate
 * of the signature's chain, by SBAT generation.
 *
 * A log has digests, and the entries of db, MokList and shim's own list that authorised images. Who
 * signed an image, and its SBAT data, is known of those that some release in the database has, found by
 * their Authenticode digest.
 */
#include <inttypes.h>

#include "audit/judge.h"
#include "core/crypto_cms.h"
#include "core/crypto_x509.h"
#include "core/own.h"
#include "core/text.h"

/* Each is looked for among the images of all releases; a boot starts a handful. */
#define STARTED_MAX 4096

struct walk {
	struct judge *judge;
	struct report *report;
	const struct revocations *revocations;
	const struct boot_image *images; /* of all releases */
	size_t n_images;
	bool *was_judged; /* owned; of images: signatures and SBAT are judged once */
	uint64_t n_started, n_revoked;
	uint64_t n_unsigned_for; /* started images whose signatures nobody knows */
	uint64_t n_applications, n_below;
	uint64_t n_without_sbat; /* programs that are known to carry none */
	uint64_t n_no_sbat_data; /* programs of which nobody knows it */
	uint64_t n_authorities, n_revoked_authorities;
	const char *machines_level; /* the machine's own SBAT level; "" */
};

/* --- what is said ----------------------------------------------------------------------------------- */

static enum finding_weight weight_of(const struct walk *walk, const struct record *record)
{
	return walk->report->coverage.matched_pcrs >> record->pcr & 1 ? FINDING_AS_LISTED
								      : FINDING_UNATTESTED;
}

/* The image's device path, as the log claims it. */
static void append_path(const struct walk *walk, const struct record *record, struct buf *out)
{
	struct event event;

	event_decode(record, &event);
	if (event.kind == EVENT_IMAGE)
		device_path_append(out, event.image.device_path);
	if (!out->size)
		buf_append_string(out, walk->judge->boot_file->path);
}

static const char *entry_text(struct report *report, const char *path, uint64_t offset)
{
	return arena_printf(&report->arena, "%s, offset 0x%" PRIx64,
			    report_text(report, bytes_of_string(path)), offset);
}

static const char *common_name(struct report *report, struct bytes der)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;

	return x509_common_name_append(&name, der) ? report_text(report, buf_bytes(&name)) : "?";
}

static void set_elsewhere(struct walk *walk, struct finding *finding,
			  const struct boot_image *image)
{
	struct reference *reference = arena_take(&walk->report->arena, sizeof(*reference));

	if (!reference)
		return;
	*reference = (struct reference){ .release = image->release,
					 .artifact = image->artifact,
					 .path = bytes_of_string(image->source),
					 .digest = "" };
	finding->elsewhere = reference;
	finding->n_elsewhere = 1;
}

/* One finding about a started image. image: where the database has it, or NULL. */
static void tell_image(struct walk *walk, const struct record *record, const struct digest *digest,
		       const struct boot_image *image, const char *why)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	struct finding *finding;

	append_path(walk, record, &path);
	finding =
		report_finding(walk->report, FINDING_BOOT_REVOKED, weight_of(walk, record),
			       buf_bytes(&path), "this image was started (PCR %" PRIu32 "), and %s",
			       record->pcr, why);
	finding_at(walk->report, finding, walk->judge->boot_file->path, record->index,
		   record->offset);
	finding->found = report_digest(walk->report, digest);
	if (image)
		set_elsewhere(walk, finding, image);
}

/* What is said of a revoked certificate, after who revokes it. */
static const char *certificate_why(struct walk *walk, const struct revocation *entry)
{
	return arena_printf(&walk->report->arena, "%s%s%s%s",
			    entry_text(walk->report, entry->path, entry->offset),
			    entry->has_time ? ": from " : "", entry->has_time ? entry->time : "",
			    entry->has_time ? " on, and timestamps of signatures are not verified"
					    : "");
}

/* --- signatures ------------------------------------------------------------------------------------- */

/*
 * The entry that revokes a signature: a whole certificate that is an anchor of its signers, or the
 * digest of a certificate of their chain. 1, *entry and *by (the certificate's name), 0, -1.
 */
static int find_revoked(struct walk *walk, struct authenticode *signature,
			const struct revocation **entry, const char **by, struct error *err)
{
	const struct revocations *list = walk->revocations;

	for (size_t i = 0; i < list->n_certificates; i++) {
		struct bytes certificate = list->certificates[i].certificate;
		int anchored =
			certificate.size ? authenticode_anchored(signature, certificate, err) : 0;

		if (anchored < 0)
			return -1;
		if (anchored) {
			*entry = &list->certificates[i];
			*by = common_name(walk->report, certificate);
			return 1;
		}
	}
	for (size_t i = 0; i < authenticode_n_certificates(signature); i++) {
		struct bytes certificate = authenticode_certificate(signature, i);
		int anchored;

		if (revocations_find_certificate(list, certificate, walk->judge->hasher, entry,
						 err) < 0)
			return -1;
		anchored = *entry ? authenticode_anchored(signature, certificate, err) : 0;
		if (anchored < 0)
			return -1;
		if (anchored) {
			*by = common_name(walk->report, certificate);
			return 1;
		}
	}
	return 0;
}

static bool covers_image(const struct authenticode *signature, const struct boot_image *image)
{
	const struct digest *stated = authenticode_digest(signature);

	return stated->alg < ALG_BANKS && image->algs >> stated->alg & 1 &&
	       authenticode_covers(signature, &image->authenticode[stated->alg]);
}

/* 1 and said, when a signature is revoked; 0; -1. Signatures over something else say nothing. */
static int judge_signatures(struct walk *walk, const struct record *record,
			    const struct digest *digest, const struct boot_image *image,
			    struct error *err)
{
	for (size_t i = 0; i < image->n_signatures; i++) {
		AUTO(authenticode_freep) struct authenticode *signature = NULL;
		const struct revocation *entry = NULL;
		struct error problem = { 0 };
		const char *by = "";
		int found;

		if (authenticode_parse(image->signatures[i], image->source, 0, &signature,
				       &problem) < 0) {
			if (problem.code != ERROR_SYSTEM)
				continue;
			*err = problem;
			return -1;
		}
		if (!covers_image(signature, image))
			continue;
		found = find_revoked(walk, signature, &entry, &by, err);
		if (found < 0)
			return -1;
		if (!found)
			continue;
		tell_image(walk, record, digest, image,
			   arena_printf(&walk->report->arena,
					"its signature's certificate '%s' is revoked (%s)", by,
					certificate_why(walk, entry)));
		return 1;
	}
	return 0;
}

/* --- SBAT ------------------------------------------------------------------------------------------- */

static void judge_sbat(struct walk *walk, const struct record *record, const struct digest *digest,
		       const struct boot_image *image)
{
	struct arena *arena = &walk->report->arena;

	walk->n_without_sbat += image->sbat_state == SBAT_NONE;
	if (image->sbat_state == SBAT_MALFORMED) {
		walk->n_below++;
		tell_image(walk, record, digest, image,
			   "its SBAT section is malformed, which shim refuses");
		return;
	}
	for (size_t i = 0; i < image->n_sbat; i++) {
		const struct boot_sbat *entry = &image->sbat[i];
		const struct sbat_minimum *minimum =
			revocations_minimum(walk->revocations, entry->component);

		if (!minimum || entry->generation >= minimum->generation)
			continue;
		walk->n_below++;
		tell_image(walk, record, digest, image,
			   arena_printf(arena,
					"its SBAT component %s has generation %u: below %u it is "
					"revoked (%s)",
					report_text(walk->report, entry->component),
					entry->generation, minimum->generation,
					entry_text(walk->report, minimum->path, minimum->offset)));
		return;
	}
}

/* --- events ----------------------------------------------------------------------------------------- */

static bool is_image(const struct record *record)
{
	return record->pcr < PCR_COUNT && (record->type == EV_EFI_BOOT_SERVICES_APPLICATION ||
					   record->type == EV_EFI_BOOT_SERVICES_DRIVER ||
					   record->type == EV_EFI_RUNTIME_SERVICES_DRIVER);
}

/* The image of the database that a record starts; *digest is one it is known by, or the first. */
static const struct boot_image *find_image(const struct walk *walk, const struct record *record,
					   const struct digest **digest)
{
	*digest = &record->digests[0];
	for (size_t i = 0; i < walk->n_images; i++)
		for (size_t k = 0; k < record->n_digests; k++) {
			const struct digest *logged = &record->digests[k];

			/* SHA-1 digests can be made to collide. */
			if (logged->alg < ALG_BANKS && logged->alg != ALG_SHA1 &&
			    walk->images[i].algs >> logged->alg & 1 &&
			    digest_equal(&walk->images[i].authenticode[logged->alg], logged)) {
				*digest = logged;
				return &walk->images[i];
			}
		}
	return NULL;
}

/* By its digest: true and said. */
static bool judge_digest(struct walk *walk, const struct record *record,
			 const struct boot_image *image)
{
	for (size_t i = 0; i < record->n_digests; i++) {
		const struct revocation *entry =
			revocations_find(walk->revocations, &record->digests[i]);

		if (!entry)
			continue;
		tell_image(walk, record, &record->digests[i], image,
			   arena_printf(&walk->report->arena, "its digest is revoked (%s)",
					entry_text(walk->report, entry->path, entry->offset)));
		return true;
	}
	return false;
}

static int judge_image(struct walk *walk, const struct record *record, struct error *err)
{
	bool is_application = record->type == EV_EFI_BOOT_SERVICES_APPLICATION;
	const struct revocations *list = walk->revocations;
	const struct digest *digest;
	const struct boot_image *image;
	bool again;
	int revoked;

	if (record->n_digests == 0 || walk->n_started++ >= STARTED_MAX)
		return 0;
	image = find_image(walk, record, &digest);
	walk->n_applications += is_application;
	walk->n_unsigned_for += !image;
	walk->n_no_sbat_data += !image && is_application;
	again = image && walk->was_judged[image - walk->images];
	if (image)
		walk->was_judged[image - walk->images] = true;
	revoked = judge_digest(walk, record, image);
	if (!revoked && image && !again && list->n_certificates)
		revoked = judge_signatures(walk, record, digest, image, err);
	if (revoked < 0)
		return -1;
	walk->n_revoked += (uint64_t)revoked;
	/* shim compares the levels of what it starts; firmware's drivers have none. */
	if (image && !again && is_application && list->n_minimums)
		judge_sbat(walk, record, digest, image);
	return 0;
}

/* The date of the machine's own SBAT level: "sbat,1,DATE". */
static const char *date_of(struct report *report, struct bytes level)
{
	size_t commas = 0, start = 0;

	for (size_t i = 0; i < level.size; i++) {
		if (commas == 2 && (level.data[i] == '\n' || level.data[i] == ','))
			return report_text(report, bytes_of(level.data + start, i - start));
		if (level.data[i] == ',' && ++commas == 2)
			start = i + 1;
	}
	return report_text(report, level);
}

/* An entry of db, MokList or shim's own list that authorised an image, as the log attests it. */
static int judge_authority(struct walk *walk, const struct record *record, struct error *err)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;
	const struct revocation *entry = NULL;
	struct event_check check;
	struct finding *finding;
	struct bytes data;
	struct event event;

	event_decode(record, &event);
	if (event.kind != EVENT_VARIABLE)
		return 0;
	if (event_check(record, &event, walk->judge->hasher, &check, err) < 0)
		return -1;
	if (check.result != DATA_MATCH)
		return 0; /* whose data says nothing: log.data-mismatch */
	if (event.variable.content == VARIABLE_TEXT) {
		walk->machines_level = date_of(walk->report, event.variable.data);
		return 0;
	}
	data = event.variable.data;
	if (event.variable.content == VARIABLE_SIGNATURE)
		data = bytes_of(data.data + sizeof(struct efi_guid),
				data.size - sizeof(struct efi_guid));
	else if (event.variable.content != VARIABLE_CERTIFICATE)
		return 0;
	walk->n_authorities++;
	if (revocations_find_certificate(walk->revocations, data, walk->judge->hasher, &entry,
					 err) < 0)
		return -1;
	if (!entry)
		return 0;
	walk->n_revoked_authorities++;
	text_append_utf16le(&name, event.variable.name);
	finding = report_finding(
		walk->report, FINDING_BOOT_REVOKED, weight_of(walk, record),
		bytes_of_string(arena_printf(&walk->report->arena, "PCR %" PRIu32 ", %s",
					     record->pcr,
					     report_text(walk->report, buf_bytes(&name)))),
		"an image was authorised by the certificate '%s', which is revoked (%s)",
		common_name(walk->report, data), certificate_why(walk, entry));
	finding_at(walk->report, finding, walk->judge->boot_file->path, record->index,
		   record->offset);
	return 0;
}

/* --- the checks ------------------------------------------------------------------------------------- */

static void check_list(const struct walk *walk)
{
	const struct revocations *list = walk->revocations;
	struct bytes subject = file_subject(walk->judge->boot_file);

	if (!list->n_digests && !list->n_certificates && !list->n_others)
		return;
	report_check(walk->report, "boot.revocations",
		     walk->n_revoked || walk->n_revoked_authorities ? CHECK_FAIL : CHECK_PASS,
		     subject,
		     "%" PRIu64 " of %" PRIu64 " images that were started are revoked, and %" PRIu64
		     " of %" PRIu64 " entries that authorised them",
		     walk->n_revoked, walk->n_started, walk->n_revoked_authorities,
		     walk->n_authorities);
	if (list->n_certificates && walk->n_unsigned_for)
		report_missing(
			walk->report, "boot.signers", subject,
			"%" PRIu64 " of %" PRIu64 " images that were started are in no release "
			"of the database: whether a revoked certificate signed them is known "
			"only where that is the one that authorised them",
			walk->n_unsigned_for, walk->n_started);
	if (list->n_others)
		report_check(walk->report, "boot.revocations", CHECK_SKIP, subject,
			     "%zu entries of the revocation list are of types that are not known",
			     list->n_others);
}

static void check_sbat(const struct walk *walk)
{
	const struct revocations *list = walk->revocations;
	struct bytes subject = file_subject(walk->judge->boot_file);

	if (!list->n_minimums)
		return;
	report_check(walk->report, "boot.sbat", walk->n_below ? CHECK_FAIL : CHECK_PASS, subject,
		     "%" PRIu64 " of %" PRIu64
		     " programs that were started are below SBAT level %s, %" PRIu64
		     " carry no SBAT data%s%s",
		     walk->n_below, walk->n_applications,
		     list->sbat_date.size ? report_text(walk->report, list->sbat_date) : "given",
		     walk->n_without_sbat, *walk->machines_level ? "; the machine's own is " : "",
		     walk->machines_level);
	if (walk->n_no_sbat_data)
		report_missing(
			walk->report, "boot.sbat", subject,
			"%" PRIu64 " of %" PRIu64 " programs that were started are in no "
			"release of the database (or in one without SBAT data): not compared "
			"with the SBAT level",
			walk->n_no_sbat_data, walk->n_applications);
}

static int walk_log(struct walk *walk, struct error *err)
{
	struct judge *judge = walk->judge;
	struct error problem;
	struct record record;

	eventlog_rewind(&judge->boot);
	while (eventlog_next(&judge->boot, &record, &problem) > 0) {
		int status = 0;

		if (is_image(&record))
			status = judge_image(walk, &record, err);
		else if (record.type == EV_EFI_VARIABLE_AUTHORITY && record.pcr < PCR_COUNT)
			status = judge_authority(walk, &record, err);
		if (status < 0)
			return -1;
	}
	if (walk->n_started > STARTED_MAX)
		report_missing(walk->report, "boot.revocations", file_subject(judge->boot_file),
			       "%" PRIu64 " images were started: only the first %d are looked up",
			       walk->n_started, STARTED_MAX);
	check_list(walk);
	check_sbat(walk);
	return 0;
}

int judge_revocations(struct judge *judge, struct error *err)
{
	const struct profile_list *all = judge->setup->all_profiles;
	struct walk walk = { .judge = judge,
			     .report = judge->report,
			     .revocations = judge->setup->revocations,
			     .images = all ? all->images : NULL,
			     .n_images = all ? all->n_images : 0,
			     .machines_level = "" };
	int status;

	if (!walk.revocations) {
		if (judge->has_boot)
			report_check(judge->report, "boot.revocations", CHECK_SKIP,
				     file_subject(judge->boot_file),
				     "no list of revocations was given (--dbx)");
		return 0;
	}
	if (!judge->has_boot) {
		report_missing(judge->report, "boot.revocations", bytes_of("", 0),
			       "no boot log to hold against the revocation list");
		return 0;
	}
	walk.was_judged = calloc(walk.n_images + 1, sizeof(*walk.was_judged));
	if (!walk.was_judged)
		return error_memory(err, NULL);
	status = walk_log(&walk, err);
	free(walk.was_judged);
	return status;
}
