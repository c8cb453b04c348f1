/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that the kernel measured when they were put into a keyring (KEY_CHECK): are they the release's, are
 * they to be learned, or revoked? The kernel lets nobody put a key into its own keyrings that no trusted key
 * has signed; which keys it did let in is what a release engineer can say.
 *
 * Source: Linux security/integrity/ima/ima_asymmetric_keys.c; verdicts.md, "IMA".
 */
#include "audit/judge_ima.h"

#include <inttypes.h>

#include "core/own.h"
#include "core/text.h"

/* Something that the kernel refuses by its hash was to be loaded. */
static void judge_blacklisted(struct ima_walk *walk, const struct ima_step *step,
			      const struct ima_entry *entry)
{
	AUTO(buf_clear) struct buf hex = BUF_INIT;
	struct report *report = walk->judge->report;
	struct finding *finding;

	buf_append_hex(&hex, entry->buf);
	finding = report_finding(report, FINDING_IMA_BLACKLISTED, FINDING_AS_LISTED, entry->path,
				 "something that hashes to %.128s was to be loaded",
				 hex.data ? (const char *)hex.data : "nothing");
	finding_at(report, finding, walk->file->path, step->record.index, step->record.offset);
}

/* "certificate 876ee4f2 (Assay test IMA key)"; what is no key is said to be none. */
static const char *loaded_text(struct judge *judge, struct bytes der, struct error *err)
{
	AUTO(public_key_freep) struct public_key *key = NULL;
	struct key_item item = { .der = der };
	struct error problem = { 0 };
	struct key_facts facts;

	if (key_parse(der, NULL, &item.form, &key, &problem) < 0) {
		if (problem.code != ERROR_SYSTEM)
			return "what is neither a certificate nor a public key";
		if (err)
			*err = problem;
		return NULL;
	}
	item.key = key;
	if (key_describe(&item, judge->hasher, &facts, err) < 0)
		return NULL;
	return arena_printf(&judge->report->arena, "the %s %08" PRIx32 " (%s)",
			    key_form_name(item.form), facts.short_ids[0], facts.name);
}

/* Where else the database has the key: "" if nowhere. */
static const char *elsewhere_text(struct judge *judge, struct bytes der)
{
	const struct release_keys *keys = judge->setup->release_keys;
	const struct golden_key_list *lists[] = { &keys->list, &keys->all };

	for (size_t which = 0; which < ARRAY_SIZE(lists); which++)
		for (size_t i = 0; i < lists[which]->n_keys; i++) {
			const struct golden_key *key = &lists[which]->keys[i];

			if (bytes_equal(key->der, der))
				return arena_printf(&judge->report->arena,
						    "; it is in %s of release %s",
						    keyring_name(key->keyring),
						    report_text(judge->report,
								bytes_of_string(key->release)));
		}
	return "";
}

/* Whether releases that count have keys of this keyring: only then one can be missing. */
static bool has_keyring(const struct release_keys *keys, enum keyring keyring)
{
	for (size_t i = 0; keys && i < keys->list.n_keys; i++)
		if (keys->list.keys[i].keyring == keyring)
			return true;
	return false;
}

static int judge_loaded(struct ima_walk *walk, const struct ima_step *step,
			const struct ima_entry *entry, enum keyring keyring, struct error *err)
{
	struct judge *judge = walk->judge;
	const struct release_keys *keys = judge->setup->release_keys;
	struct finding *finding;
	const char *what;

	if (!has_keyring(keys, keyring)) {
		walk->keyrings.n_unknown++;
		return 0;
	}
	if (golden_key_find(&keys->list, keyring, entry->buf)) {
		walk->keyrings.n_known++;
		return 0;
	}
	walk->keyrings.n_foreign++;
	if (!report_keeps(judge->report, FINDING_IMA_KEYRING)) {
		report_finding(judge->report, FINDING_IMA_KEYRING, FINDING_AS_LISTED, entry->path,
			       " ");
		return 0;
	}
	what = loaded_text(judge, entry->buf, err);
	if (!what)
		return -1;
	finding = report_finding(judge->report, FINDING_IMA_KEYRING, FINDING_AS_LISTED, entry->path,
				 "%s was put into this keyring, and is none of the release's%s",
				 what, elsewhere_text(judge, entry->buf));
	finding_at(judge->report, finding, walk->file->path, step->record.index,
		   step->record.offset);
	return 0;
}

int judge_keyring_entry(struct ima_walk *walk, const struct ima_step *step,
			const struct ima_entry *entry, struct error *err)
{
	struct judge *judge = walk->judge;
	struct error problem = { 0 };
	enum keyring keyring;
	bool revokes;
	char from[80];

	if (bytes_equal_string(entry->path, "blacklisted-hash"))
		judge_blacklisted(walk, step, entry);
	if (!keyring_of_kernel_name(entry->path, &keyring))
		return 0;
	revokes = keyring_revokes(keyring);
	if (!revokes && judge_loaded(walk, step, entry, keyring, err) < 0)
		return -1;
	if (!revokes && (!judge->policy->learn_keys.value || !keyring_uses(keyring)))
		return 0;
	snprintf(from, sizeof(from), "%s, entry %" PRIu64 " of the log", keyring_name(keyring),
		 step->record.index);
	if (ima_keyring_add(revokes ? &judge->revoked_keys : &judge->learned_keys, entry->buf,
			    walk->file->path, from, revokes ? IMA_KEY_ALL : keyring_uses(keyring),
			    step->record.index, &problem) < 0)
		walk->signatures.n_unread_keys++;
	return 0;
}

void report_keyrings(const struct ima_walk *walk)
{
	const struct keyring_walk *keyrings = &walk->keyrings;
	struct report *report = walk->judge->report;
	struct bytes subject = file_subject(walk->file);

	if (keyrings->n_known || keyrings->n_foreign)
		report_check(report, "ima.keyrings", keyrings->n_foreign ? CHECK_FAIL : CHECK_PASS,
			     subject,
			     "of the keys put into the kernel's keyrings %" PRIu64
			     " are the release's, %" PRIu64 " are not",
			     keyrings->n_known, keyrings->n_foreign);
	if (keyrings->n_unknown)
		report_check(report, "ima.keyrings", CHECK_SKIP, subject,
			     "keys put into keyrings that the database has no keys of: %" PRIu64,
			     keyrings->n_unknown);
}
