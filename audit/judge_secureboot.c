/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure Boot as a log attests it, against what a boot profile has: whether it is on, whose keys there
 * are, what is revoked, which certificates authorised images.
 *
 * A variable's contents are believed where the event's digest is over them, and only there.
 *
 * Source:  UEFI 2.10, 32.3 (modes), 32.4.1 (signature lists); PFP 1.05, 3.3.4.8 (PCR 7).
 */
#include <inttypes.h>

#include "audit/profile_judge.h"
#include "core/array.h"
#include "core/crypto_x509.h"
#include "core/own.h"
#include "core/text.h"

/* Entries of a list that are compared: a dbx has some hundred. */
#define ENTRIES_MAX 65536
/* Entries that are named. */
#define NAMED_MAX   6

/* A variable as an event has it. */
struct variable {
	struct buf name; /* UTF-8; owned */
	struct bytes data;
	enum variable_content content;
};

static void variable_clear(struct variable *variable)
{
	buf_clear(&variable->name);
}

static bool is_named(const struct variable *variable, const char *name)
{
	return bytes_equal_string(buf_bytes(&variable->name), name);
}

static const char *name_of(const struct profile_judge *p, const struct variable *variable)
{
	return report_text(p->report, buf_bytes(&variable->name));
}

/* 1 and *out if the record is a variable whose data its digest is over, 0, -1. */
static int read_variable(const struct profile_judge *p, const struct record *record,
			 struct variable *out, struct error *err)
{
	struct event_check check;
	struct event event;

	if (record->type != EV_EFI_VARIABLE_DRIVER_CONFIG &&
	    record->type != EV_EFI_VARIABLE_AUTHORITY)
		return 0;
	event_decode(record, &event);
	if (event.kind != EVENT_VARIABLE)
		return 0;
	if (record->n_digests) {
		if (event_check(record, &event, p->judge->hasher, &check, err) < 0)
			return -1;
		if (check.result != DATA_MATCH)
			return 0;
	}
	text_append_utf16le(&out->name, event.variable.name);
	if (out->name.failed)
		return error_memory(err, NULL);
	out->data = event.variable.data;
	out->content = event.variable.content;
	return 1;
}

static int read_found(const struct profile_judge *p, const struct fit_event *found,
		      struct variable *out, struct error *err)
{
	struct record record = { .type = found->type, .pcr = found->pcr, .data = found->data };

	if (!found->has_digest)
		return 0;
	record.digests[0] = found->digest;
	record.n_digests = 1;
	return read_variable(p, &record, out, err);
}

static int read_expected(const struct profile_judge *p, const struct profile_event *expected,
			 struct variable *out, struct error *err)
{
	const struct record record = { .type = expected->type,
				       .pcr = expected->pcr,
				       .data = expected->text };

	return expected->encoding == TEXT_VARIABLE ? read_variable(p, &record, out, err) : 0;
}

/* --- entries ---------------------------------------------------------------------------------------- */

/* A certificate by its common name, a digest by its beginning. */
static void append_entry(struct buf *out, struct bytes data, const char *type)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;

	if (x509_common_name_append(&name, data)) {
		buf_append_string(out, "'");
		text_append(out, buf_bytes(&name));
		buf_append_string(out, "'");
		return;
	}
	buf_printf(out, "%s:", type ? type : "unknown");
	for (size_t i = 0; i < data.size && i < 8; i++)
		buf_printf(out, "%02x", data.data[i]);
	if (data.size > 8)
		buf_append_string(out, "...");
}

struct entries {
	struct efi_signature *items; /* owned */
	size_t n, capacity;
};

static void entries_clear(struct entries *entries)
{
	free(entries->items);
}

/* 1, 0 where the lists break or are too long, -1. */
static int read_entries(const struct variable *variable, struct entries *out, struct error *err)
{
	struct efi_signature_cursor cursor = efi_signatures(variable->data, 0, "");
	struct efi_signature entry;
	struct error problem;
	int more;

	while ((more = efi_signature_next(&cursor, &entry, &problem)) > 0) {
		if (out->n == ENTRIES_MAX)
			return 0;
		if (array_room(&out->items, out->n, &out->capacity, sizeof(*out->items), NULL,
			       err) < 0)
			return -1;
		out->items[out->n++] = entry;
	}
	return more == 0;
}

static int by_content(const void *one, const void *other)
{
	const struct efi_signature *a = one, *b = other;
	int order = memcmp(a->type.bytes, b->type.bytes, sizeof(a->type.bytes));

	return order ? order : bytes_compare(a->data, b->data);
}

/* Names the entries of a that b, sorted, lacks; returns how many there are. */
static size_t beyond(const struct entries *a, const struct entries *b, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (b->n && bsearch(&a->items[i], b->items, b->n, sizeof(*b->items), by_content))
			continue;
		if (n++ >= NAMED_MAX)
			continue;
		buf_append_string(out, n > 1 ? ", " : "");
		append_entry(out, a->items[i].data, efi_guid_name(&a->items[i].type));
	}
	if (n > NAMED_MAX)
		buf_printf(out, " and %zu more", n - NAMED_MAX);
	return n;
}

/* --- what is said ----------------------------------------------------------------------------------- */

static void add(const struct profile_judge *p, const struct profile *profile,
		const struct fit_step *step, struct finding *finding)
{
	profile_place(p, finding, step->found);
	if (step->expected)
		profile_reference(p, finding, profile, step->expected);
}

static enum finding_weight milder(const struct profile_judge *p, uint32_t pcr)
{
	enum finding_weight weight = profile_weight(p, pcr);

	return weight == FINDING_AS_LISTED ? FINDING_MILDER : weight;
}

/* What a profile says of Secure Boot in the place of an event. */
enum knowledge { KNOWS_OTHER, KNOWS_SAME, KNOWS_NOTHING };

static enum knowledge knowledge_of(const struct fit_step *step)
{
	if (step->kind == FIT_OTHER)
		return KNOWS_OTHER;
	/* A state that was assumed is nobody's word. */
	if ((step->kind == FIT_SAME || step->kind == FIT_HOLES) &&
	    step->expected->origin != ORIGIN_ASSUMED)
		return KNOWS_SAME;
	return KNOWS_NOTHING;
}

/* SecureBoot: on or off. */
static enum secureboot_told tell_state(struct profile_judge *p, const struct profile *profile,
				       const struct fit_step *step, const struct variable *found)
{
	const struct policy_flag *required = &p->judge->policy->secure_boot;
	bool is_on = found->data.size == 1 && found->data.data[0] == 1;
	enum knowledge knowledge = knowledge_of(step);
	const char *why;

	if (is_on ? knowledge != KNOWS_OTHER : knowledge == KNOWS_SAME && !required->value)
		return SECUREBOOT_NOT_TOLD;
	why = is_on                      ? "Secure Boot is on, the release expects it off"
	      : knowledge == KNOWS_OTHER ? "Secure Boot is off, the release expects it on"
	      : required->value
		      ? "Secure Boot is off, which the policy does not allow"
		      : "Secure Boot is off, and the release does not say how it should be";
	add(p, profile, step,
	    report_finding(p->report, FINDING_BOOT_SECURE_BOOT,
			   knowledge == KNOWS_NOTHING && !required->value
				   ? milder(p, step->found->pcr)
				   : profile_weight(p, step->found->pcr),
			   profile_subject(p, step->found->pcr, "SecureBoot"), "%s", why));
	return SECUREBOOT_TOLD;
}

/* SetupMode, AuditMode, DeployedMode: in the first two anybody's keys, or any image, will do. */
static enum secureboot_told tell_mode(struct profile_judge *p, const struct profile *profile,
				      const struct fit_step *step, const struct variable *found)
{
	bool is_on = found->data.size == 1 && found->data.data[0] == 1;
	bool is_deployed = is_named(found, "DeployedMode");
	enum knowledge knowledge = knowledge_of(step);

	if (knowledge == KNOWS_SAME || (knowledge == KNOWS_NOTHING && (is_deployed || !is_on)))
		return SECUREBOOT_NOT_TOLD;
	add(p, profile, step,
	    report_finding(p->report, FINDING_BOOT_SECURE_BOOT,
			   knowledge == KNOWS_NOTHING && step->kind != FIT_EXTRA
				   ? milder(p, step->found->pcr)
				   : profile_weight(p, step->found->pcr),
			   profile_subject(p, step->found->pcr, name_of(p, found)), "%s is %s%s",
			   name_of(p, found), is_on ? "on" : "off",
			   is_deployed ? ""
			   : is_on && is_named(found, "AuditMode")
				   ? ": images run whoever signed them"
			   : is_on ? ": keys can be enrolled without a signature"
				   : ""));
	return SECUREBOOT_TOLD;
}

/* Without a platform key the firmware is in setup mode. */
static enum secureboot_told tell_no_pk(struct profile_judge *p, const struct profile *profile,
				       const struct fit_step *step)
{
	enum knowledge knowledge = knowledge_of(step);

	if (knowledge == KNOWS_SAME)
		return SECUREBOOT_NOT_TOLD;
	add(p, profile, step,
	    report_finding(p->report, FINDING_BOOT_SECURE_BOOT,
			   knowledge == KNOWS_NOTHING ? milder(p, step->found->pcr)
						      : profile_weight(p, step->found->pcr),
			   profile_subject(p, step->found->pcr, "PK"),
			   "PK is empty: the firmware is in setup mode, keys can be enrolled "
			   "without a signature"));
	return SECUREBOOT_TOLD;
}

/* PK, KEK, db, dbx and their like, entry by entry. */
static int tell_list(struct profile_judge *p, const struct profile *profile,
		     const struct fit_step *step, const struct variable *found,
		     const struct variable *expected, enum secureboot_told *told, struct error *err)
{
	AUTO(entries_clear) struct entries have = { 0 };
	AUTO(entries_clear) struct entries want = { 0 };
	AUTO(buf_clear) struct buf more = BUF_INIT;
	AUTO(buf_clear) struct buf less = BUF_INIT;
	bool is_dbx = is_named(found, "dbx") || is_named(found, "MokListX");
	int status = read_entries(found, &have, err);
	size_t n_more, n_less;
	const char *name = name_of(p, found);

	if (status > 0)
		status = read_entries(expected, &want, err);
	if (status <= 0)
		return status;
	if (have.n)
		qsort(have.items, have.n, sizeof(*have.items), by_content);
	if (want.n)
		qsort(want.items, want.n, sizeof(*want.items), by_content);
	n_more = beyond(&have, &want, &more);
	n_less = beyond(&want, &have, &less);
	if (buf_finish(&more, err) < 0 || buf_finish(&less, err) < 0)
		return -1;
	buf_append_u8(&more, 0);
	buf_append_u8(&less, 0);
	if (more.failed || less.failed)
		return error_memory(err, NULL);
	*told = is_dbx && !n_less && n_more ? SECUREBOOT_HARMLESS : SECUREBOOT_TOLD;
	add(p, profile, step,
	    is_dbx && n_less
		    ? report_finding(
			      p->report, FINDING_BOOT_DBX, profile_weight(p, step->found->pcr),
			      profile_subject(p, step->found->pcr, name),
			      "%s is older than the release's: %zu entries are missing (%s)%s",
			      name, n_less, (const char *)less.data,
			      n_more ? ", others are there instead" : "")
	    : is_dbx && n_more
		    ? report_finding(p->report, FINDING_BOOT_DBX, milder(p, step->found->pcr),
				     profile_subject(p, step->found->pcr, name),
				     "%s is newer than the release's: it has %zu entries more (%s)",
				     name, n_more, (const char *)more.data)
		    : report_finding(p->report, FINDING_BOOT_KEYS,
				     profile_weight(p, step->found->pcr),
				     profile_subject(p, step->found->pcr, name),
				     "%s is not the release's: %s%s%s%s%s", name,
				     n_more ? "it has " : "", (const char *)more.data,
				     n_more && n_less ? ", and lacks " : "",
				     n_less && !n_more ? "it lacks " : "",
				     n_more || n_less ? (const char *)less.data
						      : "the same entries in another order, or of "
							"other owners"));
	return 0;
}

/* --- authorities ------------------------------------------------------------------------------------ */

/* The date of a level: "sbat,1,DATE"; empty if it has none. */
static struct bytes level_date(struct bytes level)
{
	size_t commas = 0, start = 0;

	for (size_t i = 0; i < level.size; i++) {
		if (commas == 2 && (level.data[i] < '0' || level.data[i] > '9'))
			return bytes_of(level.data + start, i - start);
		if (level.data[i] == ',' && ++commas == 2)
			start = i + 1;
	}
	return bytes_of(level.data, 0);
}

static enum secureboot_told tell_level(struct profile_judge *p, const struct profile *profile,
				       const struct fit_step *step, const struct variable *found,
				       const struct variable *expected)
{
	struct bytes have = level_date(found->data), want = level_date(expected->data);
	bool is_newer = have.size == want.size && bytes_compare(have, want) > 0;

	add(p, profile, step,
	    report_finding(p->report, FINDING_BOOT_DBX,
			   is_newer ? milder(p, step->found->pcr)
				    : profile_weight(p, step->found->pcr),
			   profile_subject(p, step->found->pcr, "SbatLevel"),
			   "the SBAT level is %s than the release's: %s instead of %s",
			   is_newer                  ? "newer"
			   : bytes_equal(have, want) ? "other"
						     : "older",
			   report_text(p->report, found->data),
			   report_text(p->report, expected->data)));
	return is_newer ? SECUREBOOT_HARMLESS : SECUREBOOT_TOLD;
}

/* What an entry that authorised an image is, without its owner. */
static const char *authority_text(const struct profile_judge *p, const struct variable *variable)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct bytes data = variable->data;
	size_t owner = sizeof(struct efi_guid);

	if (variable->content == VARIABLE_SIGNATURE && data.size > owner)
		data = bytes_of(data.data + owner, data.size - owner);
	append_entry(&text, data, data.size == 32 ? "sha256" : "an entry");
	buf_append_string(&text, " of ");
	text_append(&text, buf_bytes(&variable->name));
	return text.failed ? ""
			   : (const char *)arena_copy(&p->report->arena, buf_bytes(&text)).data;
}

static enum secureboot_told tell_authority(struct profile_judge *p, const struct profile *profile,
					   const struct fit_step *step,
					   const struct variable *found,
					   const struct variable *expected)
{
	const char *subject = name_of(p, found);

	if (found->content != VARIABLE_SIGNATURE && found->content != VARIABLE_CERTIFICATE)
		return SECUREBOOT_NOT_TOLD;
	add(p, profile, step,
	    expected ? report_finding(p->report, FINDING_BOOT_AUTHORITY,
				      profile_weight(p, step->found->pcr),
				      profile_subject(p, step->found->pcr, subject),
				      "an image was authorised by %s, the release's by %s",
				      authority_text(p, found), authority_text(p, expected))
		     : report_finding(p->report, FINDING_BOOT_AUTHORITY,
				      profile_weight(p, step->found->pcr),
				      profile_subject(p, step->found->pcr, subject),
				      "an image was authorised by %s, which authorises none of the "
				      "release's",
				      authority_text(p, found)));
	return SECUREBOOT_TOLD;
}

/* --- one step --------------------------------------------------------------------------------------- */

static bool is_mode(const struct variable *variable)
{
	return is_named(variable, "SetupMode") || is_named(variable, "AuditMode") ||
	       is_named(variable, "DeployedMode");
}

static bool is_list(const struct variable *variable)
{
	return variable->content == VARIABLE_SIGNATURES || variable->content == VARIABLE_EMPTY;
}

/* Both sides are the same variable. */
static int tell_changed(struct profile_judge *p, const struct profile *profile,
			const struct fit_step *step, const struct variable *found,
			const struct variable *expected, enum secureboot_told *told,
			struct error *err)
{
	bool is_authority = step->found->type == EV_EFI_VARIABLE_AUTHORITY &&
			    step->expected->type == EV_EFI_VARIABLE_AUTHORITY;

	if (is_named(found, "SbatLevel") && is_named(expected, "SbatLevel"))
		*told = tell_level(p, profile, step, found, expected);
	else if (is_authority && found->content == expected->content)
		*told = tell_authority(p, profile, step, found, expected);
	else if (bytes_equal(buf_bytes(&found->name), buf_bytes(&expected->name)) &&
		 is_list(found) && is_list(expected))
		return tell_list(p, profile, step, found, expected, told, err);
	return 0;
}

int secureboot_tell(struct profile_judge *p, const struct profile *profile,
		    const struct fit_step *step, enum secureboot_told *told, struct error *err)
{
	AUTO(variable_clear) struct variable found = { .name = BUF_INIT };
	AUTO(variable_clear) struct variable expected = { .name = BUF_INIT };
	int status = step->found ? read_found(p, step->found, &found, err) : 0;

	*told = SECUREBOOT_NOT_TOLD;
	if (status <= 0)
		return status;
	if (is_named(&found, "SecureBoot"))
		*told = tell_state(p, profile, step, &found);
	else if (is_mode(&found))
		*told = tell_mode(p, profile, step, &found);
	else if (is_named(&found, "PK") && found.data.size == 0)
		*told = tell_no_pk(p, profile, step);
	if (*told != SECUREBOOT_NOT_TOLD)
		return 0;
	if (step->kind == FIT_EXTRA && step->found->type == EV_EFI_VARIABLE_AUTHORITY)
		*told = tell_authority(p, profile, step, &found, NULL);
	if (step->kind != FIT_OTHER)
		return 0;
	status = read_expected(p, step->expected, &expected, err);
	return status <= 0 ? status : tell_changed(p, profile, step, &found, &expected, told, err);
}
