/* SPDX-License-Identifier: BSD-2-Clause */
/* A prediction for people and, as design.md has it, for programs. */
#include "refgen/boot/print.h"

#include <inttypes.h>

#include "core/crypto_cms.h"
#include "core/crypto_x509.h"
#include "core/text.h"
#include "refgen/boot/internal.h"
#include "core/disk/disk.h"

/* --- artifacts, as JSON --------------------------------------------------------------------------- */

static void digests_json(struct json *json, const char *key, const struct machine *machine,
			 const struct digest *digests)
{
	json_object_begin(json, key);
	for (enum alg alg = 0; digests && alg < ALG_BANKS; alg++)
		if (machine->banks & 1u << alg)
			json_digest(json, alg_name(alg), &digests[alg]);
	json_object_end(json);
}

static int sections_json(struct json *json, const struct machine *machine, const struct pe *pe,
			 struct error *err)
{
	json_array_begin(json, "sections");
	for (size_t i = 0; i < pe_n_sections(pe); i++) {
		const struct pe_section *section = pe_section(pe, i);
		struct digest digests[ALG_COUNT];
		struct error why = { 0 };

		json_object_begin(json, NULL);
		json_bytes(json, "name", section->name);
		json_uint(json, "virtual_size", section->virtual_size);
		if (pe_section_digests(pe, section, machine->hasher, machine->banks, digests,
				       &why) == 0)
			digests_json(json, "digests", machine, digests);
		else if (why.code != ERROR_UNSUPPORTED) {
			*err = why;
			return -1;
		}
		json_object_end(json);
	}
	json_array_end(json);
	return 0;
}

/* Whose certificates the signatures carry as their signers': claims, nothing is verified here. */
static int signers_json(struct json *json, const struct pe *pe, struct error *err)
{
	json_array_begin(json, "signers");
	for (size_t i = 0; i < pe_n_signatures(pe); i++) {
		AUTO(authenticode_freep) struct authenticode *signature = NULL;
		struct error why = { 0 };

		if (authenticode_parse(pe_signature(pe, i), pe_source(pe), ERROR_NO_OFFSET,
				       &signature, &why) < 0) {
			if (why.code == ERROR_SYSTEM) {
				*err = why;
				return -1;
			}
			continue;
		}
		for (size_t k = 0; k < authenticode_n_signers(signature); k++) {
			AUTO(buf_clear) struct buf subject = BUF_INIT;

			if (x509_subject_append(&subject, authenticode_signer(signature, k)))
				json_bytes(json, NULL, buf_bytes(&subject));
		}
	}
	json_array_end(json);
	return 0;
}

static void sbat_json(struct json *json, const struct pe *pe)
{
	json_array_begin(json, "sbat");
	for (size_t i = 0; i < pe_n_sbat(pe); i++) {
		const struct pe_sbat_entry *entry = pe_sbat(pe, i);

		json_object_begin_compact(json, NULL);
		json_bytes(json, "component", entry->component);
		json_uint(json, "generation", entry->generation);
		json_bytes(json, "version", entry->version);
		json_object_end(json);
	}
	json_array_end(json);
}

struct artifact_printer {
	const struct machine *machine;
	struct json *json;
};

static int artifact_json(void *ctx, const struct machine_seen *seen, struct error *err)
{
	const struct artifact_printer *printer = ctx;
	struct json *json = printer->json;
	const struct pe *pe = seen->image ? seen->image->pe : NULL;

	json_object_begin(json, NULL);
	json_string(json, "path", seen->path);
	if (seen->volume)
		json_string(json, "volume", seen->volume->name);
	json_string(json, "kind", pe ? pe_kind_name(pe_kind(pe)) : "file");
	if (pe && pe_version(pe).size)
		json_bytes(json, "version", pe_version(pe));
	json_uint(json, "size", seen->size);
	digests_json(json, "digests", printer->machine, seen->digests);
	if (pe) {
		digests_json(json, "authenticode", printer->machine, seen->image->authenticode);
		if (sections_json(json, printer->machine, pe, err) < 0 ||
		    signers_json(json, pe, err) < 0)
			return -1;
		sbat_json(json, pe);
	}
	json_object_end(json);
	return 0;
}

/* --- profiles, as JSON ---------------------------------------------------------------------------- */

static void event_json(struct json *json, const struct profile_event *event)
{
	char type[EVENT_TYPE_TEXT];

	json_object_begin(json, NULL);
	json_uint(json, "pcr", event->pcr);
	json_string(json, "type", event_type_text(event->type, type));
	json_object_begin(json, "digests");
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (event->algs & 1u << alg)
			json_digest(json, alg_name(alg), &event->digests[alg]);
	json_object_end(json);
	json_string(json, "origin", event_origin_name(event->origin));
	json_string(json, "component", event->component);
	json_string(json, "source", event->source);
	json_string(json, "over", event->over);
	if (*event->assumption)
		json_string(json, "assumption", event->assumption);
	if (event->encoding != TEXT_NONE && event->encoding != TEXT_VARIABLE)
		json_bytes(json, "text", event->text);
	if (event->n_holes) {
		json_array_begin(json, "holes");
		for (size_t i = 0; i < event->n_holes; i++) {
			const struct profile_hole *hole = &event->holes[i];

			json_object_begin_compact(json, NULL);
			json_string(json, "name", hole->name);
			json_string(json, "kind", hole_kind_name(hole->kind));
			json_bytes(json, "value",
				   bytes_of(event->text.data + hole->offset, hole->size));
			json_object_end(json);
		}
		json_array_end(json);
	}
	json_object_end(json);
}

static int replay_all(const struct profile *profile, struct hasher *hasher,
		      struct pcr_bank banks[ALG_BANKS], struct error *err)
{
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (profile->banks & 1u << alg &&
		    profile_replay(profile, alg, hasher, &banks[alg], err) < 0)
			return -1;
	return 0;
}

static int aggregates_json(struct json *json, const struct profile *profile, struct hasher *hasher,
			   struct error *err)
{
	json_object_begin(json, "boot_aggregate");
	for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
		struct digest digest;
		int known = profile_boot_aggregate(profile, alg, hasher, &digest, err);

		if (known < 0)
			return -1;
		if (known)
			json_digest(json, alg_name(alg), &digest);
	}
	json_object_end(json);
	return 0;
}

static int profile_json(struct json *json, const struct boot_profile *of,
			const struct machine *machine, struct error *err)
{
	struct pcr_bank banks[ALG_BANKS] = { 0 };
	const struct profile *profile = &of->profile;

	if (replay_all(profile, machine->hasher, banks, err) < 0)
		return -1;
	json_object_begin(json, NULL);
	json_string(json, "profile", profile->name);
	if (*profile->ending)
		json_string(json, "ending", profile->ending);
	json_array_begin(json, "assumptions");
	for (size_t i = 0; i < of->n_assumptions; i++)
		json_string(json, NULL, of->assumptions[i]);
	json_array_end(json);
	json_array_begin(json, "events");
	for (size_t i = 0; i < profile->n_events; i++)
		event_json(json, &profile->events[i]);
	json_array_end(json);
	profile_write_banks(json, profile, banks);
	if (profile_write_later(json, profile, banks, machine->hasher, err) < 0 ||
	    aggregates_json(json, profile, machine->hasher, err) < 0)
		return -1;
	json_object_end(json);
	return 0;
}

int boot_print_json(const struct boot *boot, FILE *out, struct error *err)
{
	struct json json = json_to_stream(out);
	struct artifact_printer printer = { boot->machine, &json };
	size_t n;
	const struct boot_profile *profiles = boot_profiles(boot, &n);

	json_object_begin(&json, NULL);
	json_array_begin(&json, "artifacts");
	if (machine_each_file(boot->machine, artifact_json, &printer, err) < 0)
		return -1;
	json_array_end(&json);
	json_array_begin(&json, "profiles");
	for (size_t i = 0; i < n; i++)
		if (profile_json(&json, &profiles[i], boot->machine, err) < 0)
			return -1;
	json_array_end(&json);
	json_array_begin(&json, "notes");
	for (size_t i = 0; i < boot->n_notes; i++)
		json_string(&json, NULL, boot->notes[i]);
	json_array_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* Bytes of a text that are shown to people: a whole menu is too much. */
#define TEXT_SHOWN 500

/* --- for people ----------------------------------------------------------------------------------- */

/* The strongest bank that was predicted. */
static enum alg shown_bank(const struct profile *profile)
{
	if (profile->banks & 1u << ALG_SHA256)
		return ALG_SHA256;
	for (enum alg alg = ALG_BANKS; alg-- > 0;)
		if (profile->banks & 1u << alg)
			return alg;
	return ALG_SHA256;
}

static void say(FILE *out, const char *label, const char *text)
{
	if (!*text)
		return;
	fprintf(out, "      %-9s ", label);
	text_write(out, bytes_of_string(text));
	putc('\n', out);
}

static void explain_event(FILE *out, size_t i, const struct profile_event *event, enum alg alg)
{
	char type[EVENT_TYPE_TEXT], hex[DIGEST_HEX_SIZE];

	fprintf(out, "  %3zu PCR %-2" PRIu32 " %-8s %s\n", i, event->pcr,
		event_origin_name(event->origin), event_type_text(event->type, type));
	say(out, "what", event->component);
	say(out, "over", event->over);
	say(out, "from", event->source);
	say(out, "assumes", event->assumption);
	if (event->encoding != TEXT_NONE && event->encoding != TEXT_VARIABLE) {
		size_t shown = event->text.size > TEXT_SHOWN ? TEXT_SHOWN : event->text.size;

		fprintf(out, "      %-9s ", "text");
		text_write(out, bytes_of(event->text.data, shown));
		if (shown < event->text.size)
			fprintf(out, "... (%zu bytes)", event->text.size);
		putc('\n', out);
	}
	for (size_t k = 0; k < event->n_holes; k++) {
		fprintf(out, "      %-9s %s: ", "hole", event->holes[k].name);
		text_write(out, bytes_of(event->text.data + event->holes[k].offset,
					 event->holes[k].size));
		putc('\n', out);
	}
	if (event->algs & 1u << alg)
		say(out, alg_name(alg), digest_hex(&event->digests[alg], hex));
}

static void values_text(FILE *out, const struct profile *profile, const struct pcr_bank *bank)
{
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		enum coverage_kind coverage = profile_coverage(profile, pcr);
		struct digest value = pcr_bank_value(bank, pcr);
		char hex[DIGEST_HEX_SIZE];

		if (coverage == COVERAGE_NONE)
			continue;
		fprintf(out, "  PCR %-2" PRIu32 " %-9s %s\n", pcr, coverage_name(coverage),
			profile_has_value(profile, bank->alg, pcr) ? digest_hex(&value, hex)
								   : "not known as a whole");
	}
}

/* What user space extends, and the PCR after it. */
static int later_text(FILE *out, const struct profile *profile, const struct pcr_bank *bank,
		      struct hasher *hasher, struct error *err)
{
	for (size_t i = 0; i < profile->n_later; i++) {
		const struct profile_event *event = &profile->later[i];
		struct pcr_bank later = *bank;
		char hex[DIGEST_HEX_SIZE];
		struct digest value;

		if (profile_replay_later(profile, i + 1, hasher, &later, err) < 0)
			return -1;
		value = pcr_bank_value(&later, event->pcr);
		fprintf(out, "  PCR %-2" PRIu32 " %s after ", event->pcr,
			profile_coverage(profile, event->pcr) == COVERAGE_PARTIAL
				? "not known as a whole"
				: digest_hex(&value, hex));
		text_write(out, event->text);
		putc('\n', out);
	}
	return 0;
}

static int profile_text(FILE *out, const struct boot_profile *of, struct hasher *hasher,
			bool explain, struct error *err)
{
	const struct profile *profile = &of->profile;
	enum alg alg = shown_bank(profile);
	struct pcr_bank bank;
	struct digest aggregate;
	char hex[DIGEST_HEX_SIZE];
	int known;

	if (profile_replay(profile, alg, hasher, &bank, err) < 0)
		return -1;
	known = profile_boot_aggregate(profile, alg, hasher, &aggregate, err);
	if (known < 0)
		return -1;
	text_write(out, bytes_of_string(profile->name));
	fprintf(out, "\n");
	if (*profile->ending) {
		fprintf(out, "  starts no operating system: ");
		text_write(out, bytes_of_string(profile->ending));
		putc('\n', out);
	}
	for (size_t i = 0; explain && i < profile->n_events; i++)
		explain_event(out, i, &profile->events[i], alg);
	fprintf(out, "  %zu events; PCRs of the %s bank:\n", profile->n_events, alg_name(alg));
	values_text(out, profile, &bank);
	if (later_text(out, profile, &bank, hasher, err) < 0)
		return -1;
	if (known)
		fprintf(out, "  boot_aggregate   %s:%s\n", alg_name(alg),
			digest_hex(&aggregate, hex));
	for (size_t i = 0; i < of->n_assumptions; i++) {
		fprintf(out, "  %s ", i ? "        " : "assumed:");
		text_write(out, bytes_of_string(of->assumptions[i]));
		putc('\n', out);
	}
	if (of->n_unlike)
		fprintf(out, "  %zu events are otherwise in the baseline\n", of->n_unlike);
	putc('\n', out);
	return 0;
}

int boot_print_text(const struct boot *boot, bool explain, FILE *out, struct error *err)
{
	size_t n;
	const struct boot_profile *profiles = boot_profiles(boot, &n);

	for (size_t i = 0; i < n; i++)
		if (profile_text(out, &profiles[i], boot->machine->hasher, explain, err) < 0)
			return -1;
	return 0;
}
