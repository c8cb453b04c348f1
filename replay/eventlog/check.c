/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether an event's digest is the hash over its data. What a digest is over differs by type, and
 * for texts of boot loaders by who logged them (PFP 10.4.1; EDK II, Tcg2Dxe.c; GRUB,
 * commands/tpm.c; systemd, src/boot/measure.c).
 */
#include "replay/eventlog/internal.h"

const char *data_check_name(enum data_check check)
{
	switch (check) {
	case DATA_MATCH:
		return "match";
	case DATA_MISMATCH:
		return "mismatch";
	case DATA_UNCHECKED:
		return "unchecked";
	}
	return "unchecked";
}

/* Bytes a digest may be over, and what a report calls them. */
struct candidate {
	struct bytes bytes;
	const char *over;
};

#define CANDIDATES_MAX 4

struct rule {
	bool required; /* the digest must be over one of them; else something that is not logged may be
			* measured under the same type */
	size_t n_candidates;
	struct candidate candidates[CANDIDATES_MAX]; /* the likeliest first */
};

static void rule_add(struct rule *rule, struct bytes bytes, const char *over)
{
	rule->candidates[rule->n_candidates++] = (struct candidate){ bytes, over };
}

/*
 * Texts after a prefix: GRUB hashes them without prefix and NUL, patched GRUBs with the NUL (the
 * CCEL logs that decode.c names).
 */
static void rule_of_prefixed(const struct record *record, const struct event_text *text,
			     struct rule *rule)
{
	size_t before = text->prefix.size;

	rule->required = true;
	rule_add(rule, text->text, "text after its prefix");
	if (before + text->text.size < record->data.size)
		rule_add(rule, bytes_of(text->text.data, text->text.size + 1),
			 "text after its prefix, with its NUL");
}

/*
 * shim before 15.5 or so logs one byte more than it hashes, behind a structure that is already
 * longer than its variable (sb_cert_eventlog of google/go-attestation, sm1.log of kgoldman/ibmtss).
 */
static void rule_of_authority(const struct record *record, const struct event *event,
			      struct rule *rule)
{
	const struct event_variable *variable = &event->variable;
	size_t used;

	rule->required = true;
	rule_add(rule, record->data, "event data");
	if (event->kind != EVENT_VARIABLE)
		return;
	used = (size_t)(variable->data_offset - record->data_offset) + variable->data.size;
	if (used < record->data.size)
		rule_add(rule, bytes_of(record->data.data, record->data.size - 1),
			 "event data but its last byte");
}

static void rule_of_text(const struct record *record, const struct event_text *text,
			 struct rule *rule)
{
	rule_add(rule, record->data, "event data");
	/* systemd's documentation leaves the NUL out, its code does not. */
	if (text->text.size < record->data.size)
		rule_add(rule, text->text, "text without its end");
}

/* EV_IPL is what every boot loader uses for what it likes. */
static void rule_of_ipl(const struct record *record, const struct event *event, struct rule *rule)
{
	if (event->kind != EVENT_TEXT) {
		rule_add(rule, record->data, "event data");
		return;
	}
	switch (event->text.use) {
	case TEXT_GRUB_COMMAND:
	case TEXT_MODULE_CMDLINE:
		rule_of_prefixed(record, &event->text, rule);
		return;
	case TEXT_KERNEL_CMDLINE:
		if (event->text.prefix.size)
			rule_of_prefixed(record, &event->text, rule);
		else
			rule_of_text(record, &event->text, rule);
		return;
	case TEXT_PLAIN:
	case TEXT_FILE:
	case TEXT_MOK_VARIABLE:
	case TEXT_UKI_SECTION:
	case TEXT_INITRD_ARCHIVE:
	case TEXT_COMPONENT:
		rule_of_text(record, &event->text, rule);
		return;
	}
}

static void rule_of(const struct record *record, const struct event *event, struct rule *rule)
{
	static const uint8_t error_value[] = { 1, 0, 0, 0 };

	*rule = (struct rule){ 0 };
	switch (record->type) {
	case EV_SEPARATOR:
		rule->required = true;
		rule_add(rule, record->data, "event data");
		/* PFP 10.4.1: an error separator is over 00000001; its data says what went wrong. */
		if (!bytes_equal(record->data, bytes_of(error_value, sizeof(error_value))))
			rule_add(rule, bytes_of(error_value, sizeof(error_value)),
				 "the error value 00000001");
		break;
	case EV_S_CRTM_VERSION:
	case EV_ACTION:
	case EV_EFI_ACTION:
	case EV_OMIT_BOOT_DEVICE_EVENTS:
	case EV_EFI_GPT_EVENT:
	case EV_EFI_GPT_EVENT2:
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
	case EV_EFI_VARIABLE_BOOT2:
	case EV_EFI_SPDM_DEVICE_POLICY:
	case EV_EFI_SPDM_DEVICE_AUTHORITY:
		rule->required = true;
		rule_add(rule, record->data, "event data");
		break;
	case EV_EFI_VARIABLE_AUTHORITY:
		rule_of_authority(record, event, rule);
		break;
	case EV_EFI_VARIABLE_BOOT:
		rule->required = true;
		if (event->kind == EVENT_VARIABLE)
			rule_add(rule, event->variable.data, "variable data");
		rule_add(rule, record->data, "event data");
		break;
	case EV_IPL:
		rule_of_ipl(record, event, rule);
		break;
	case EV_EVENT_TAG:
		rule->required = event->kind == EVENT_TAGGED && event->tagged.covered;
		rule_add(rule, record->data, "event data");
		break;
	case EV_PLATFORM_CONFIG_FLAGS:
	case EV_TABLE_OF_DEVICES:
	case EV_COMPACT_HASH:
	case EV_IPL_PARTITION_DATA:
	case EV_NONHOST_CONFIG:
	case EV_NONHOST_INFO:
	case EV_S_CRTM_CONTENTS:
	case EV_EFI_HANDOFF_TABLES:
	case EV_EFI_HANDOFF_TABLES2:
	case EV_EFI_HCRTM_EVENT:
		rule_add(rule, record->data, "event data");
		break;
	default:
		break;
	}
}

/*
 * Types whose firmware is known to log other data than it measures: a difference in every bank says
 * less there.
 */
static const struct known {
	uint32_t type;
	const char *text;
} known[] = {
  /* gdc-host.bin of google/go-tpm-tools: "2.3.5" in UTF-16, and a digest over neither that nor
	 * any part or usual form of it. */
	{EV_S_CRTM_VERSION, "some firmware measures something else than the version it logs"},
};

/* The banks in which the digest is the hash over bytes. */
static int banks_match(const struct record *record, struct bytes bytes, struct hasher *hasher,
		       alg_set *matched, alg_set *tried, struct error *err)
{
	*matched = 0;
	*tried = 0;
	for (size_t i = 0; i < record->n_digests; i++) {
		const struct digest *logged = &record->digests[i];
		struct digest digest;

		if (!hasher_has(hasher, logged->alg))
			continue;
		if (hasher_digest_bytes(hasher, logged->alg, bytes, &digest, err) < 0)
			return -1;
		*tried |= 1u << logged->alg;
		if (digest_equal(&digest, logged))
			*matched |= 1u << logged->alg;
	}
	return 0;
}

int event_check(const struct record *record, const struct event *event, struct hasher *hasher,
		struct event_check *out, struct error *err)
{
	struct event_check check = { .result = DATA_UNCHECKED };
	alg_set best = 0, tried = 0;
	struct rule rule;

	rule_of(record, event, &rule);
	for (size_t i = 0; i < rule.n_candidates; i++) {
		const struct candidate *candidate = &rule.candidates[i];
		alg_set matched;

		if (banks_match(record, candidate->bytes, hasher, &matched, &tried, err) < 0)
			return -1;
		if (__builtin_popcount(matched) <= __builtin_popcount(best))
			continue;
		best = matched;
		check.over = candidate->over;
		if (matched == tried)
			break;
	}
	if (best && best == tried) {
		check.result = DATA_MATCH;
	} else if (tried && (best || rule.required)) {
		check.result = DATA_MISMATCH;
		check.mismatched = tried & ~best;
		if (!check.over)
			check.over = rule.candidates[0].over;
		for (size_t i = 0; !best && i < ARRAY_SIZE(known); i++)
			if (known[i].type == record->type)
				check.known = known[i].text;
	}
	*out = check;
	return 0;
}
