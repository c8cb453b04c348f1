/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdicts.md, "IMA", as far as signatures go: does what is signed hold, whose is it, and does the policy
 * want it? An entry without a signature costs a glance, unless the policy requires one.
 */
#include "audit/judge_ima.h"

#include <inttypes.h>

#include "core/own.h"
#include "replay/ima/signature.h"

static const char *const what_is_signed[] = { "contents", "metadata", "appended" };
enum signed_part { PART_CONTENTS, PART_METADATA, PART_APPENDED, PART_COUNT };
static const unsigned part_uses[] = { IMA_KEY_FILES, IMA_KEY_METADATA, IMA_KEY_MODULES };

static struct finding *signature_finding(struct ima_walk *walk, const struct ima_step *step,
					 const struct ima_entry *entry, enum finding_code code,
					 const char *message)
{
	struct finding *finding = report_finding(walk->judge->report, code, FINDING_AS_LISTED,
						 entry->path, "%s", message);

	finding_at(walk->judge->report, finding, walk->file->path, step->record.index,
		   step->record.offset);
	return finding;
}

static const char *key_text(struct report *report, const struct ima_key *key)
{
	return arena_printf(&report->arena, "%s (%s)", key->name,
			    report_text(report, bytes_of_string(key->from)));
}

/* What is wrong with a signature that is there; NULL if nothing that is a finding of its own. */
static const char *fault_text(struct ima_walk *walk, enum signed_part part,
			      const struct ima_signed_result *result)
{
	struct report *report = walk->judge->report;
	const char *why = report_text(report, bytes_of_string(result->why));

	if (result->state == IMA_SIGNED_REVOKED)
		return arena_printf(&report->arena,
				    "the %s signature is by a key that is revoked: %s",
				    what_is_signed[part], key_text(report, result->key));
	if (result->state != IMA_SIGNED_WRONG)
		return NULL;
	return arena_printf(&report->arena, "the %s signature does not hold%s%s: %s",
			    what_is_signed[part], result->key ? ", checked with " : "",
			    result->key ? key_text(report, result->key) : "", why);
}

/* One more signature that this key made; nobody has more keys than this that are told one by one. */
#define SIGNERS_MAX 64
static void count_signer(struct ima_walk *walk, const struct ima_key *key, const char *shown)
{
	struct signature_walk *signatures = &walk->signatures;
	struct signer_count *signer = signatures->signers;

	while (signer && signer->key != key->key)
		signer = signer->next;
	if (!signer && signatures->n_signers < SIGNERS_MAX) {
		signer = arena_take(&walk->judge->report->arena, sizeof(*signer));
		if (!signer)
			return; /* the arena remembers */
		*signer = (struct signer_count){ .key = key->key, .shown = shown };
		if (!signatures->signers)
			signatures->last_signer = &signatures->signers;
		*signatures->last_signer = signer;
		signatures->last_signer = &signer->next;
		signatures->n_signers++;
	}
	if (signer)
		signer->n++;
}

/* Notes one signature that is there. True if it is good. */
static bool note_result(struct ima_walk *walk, const struct ima_step *step,
			const struct ima_entry *entry, enum signed_part part,
			const struct ima_signed_result *result)
{
	struct signature_walk *signatures = &walk->signatures;
	struct report *report = walk->judge->report;
	const char *fault;

	signatures->n_signed++;
	switch (result->state) {
	case IMA_SIGNED_NONE:
		return false;
	case IMA_SIGNED_GOOD:
		signatures->n_good++;
		if (result->key->index != UINT64_MAX &&
		    result->key->index >= walk->judge->learned_use)
			walk->judge->learned_use = result->key->index + 1;
		signatures->signer = key_text(report, result->key);
		count_signer(walk, result->key, signatures->signer);
		return true;
	case IMA_SIGNED_NO_KEY:
		signatures->n_no_key++;
		return false;
	case IMA_SIGNED_UNSUPPORTED:
		signatures->n_unsupported++;
		return false;
	case IMA_SIGNED_WRONG:
	case IMA_SIGNED_REVOKED:
		signatures->n_wrong++;
		if (!report_keeps(report, FINDING_IMA_SIGNATURE)) {
			signature_finding(walk, step, entry, FINDING_IMA_SIGNATURE, " ");
			return false;
		}
		fault = fault_text(walk, part, result);
		signature_finding(walk, step, entry, FINDING_IMA_SIGNATURE, fault ? fault : "");
		return false;
	}
	return false;
}

static unsigned uses_of(const struct ima_keyring *ring)
{
	unsigned uses = 0;

	for (size_t i = 0; ring && i < ring->n_keys; i++)
		uses |= ring->keys[i].uses;
	return uses;
}

static const struct ima_keyring *release_ring(const struct judge *judge)
{
	return judge->setup->release_keys ? &judge->setup->release_keys->counted : NULL;
}

/* What some key that is known may have signed. */
static unsigned known_uses(const struct judge *judge)
{
	return uses_of(judge->setup->ima_keys) | uses_of(release_ring(judge)) |
	       uses_of(&judge->learned_keys);
}

/* The first line of the policy that wants this path signed; 0: none. */
static unsigned required_by(const struct judge *judge, struct bytes path)
{
	const struct policy_texts *patterns = &judge->policy->require_signed;
	char canonical[GOLDEN_PATH_MAX];
	bool has_canonical = patterns->n_items && golden_path(path, canonical, sizeof(canonical));

	for (size_t i = 0; i < patterns->n_items; i++) {
		struct bytes pattern = bytes_of_string(patterns->items[i].text);

		if (glob_match(pattern, path) ||
		    (has_canonical && glob_match(pattern, bytes_of_string(canonical))))
			return patterns->items[i].line;
	}
	return 0;
}

/* No signature of the entry is good, and none is a finding already. */
static void judge_lacking(struct ima_walk *walk, const struct ima_step *step,
			  const struct ima_entry *entry,
			  const struct ima_signed_result results[PART_COUNT])
{
	struct report *report = walk->judge->report;
	unsigned line = required_by(walk->judge, entry->path);
	const struct ima_signed_result *best = NULL;
	const char *message;

	for (size_t i = 0; i < PART_COUNT; i++)
		if (results[i].state != IMA_SIGNED_NONE &&
		    (!best || results[i].state == IMA_SIGNED_NO_KEY))
			best = &results[i];
	if (!line && (!best || best->state != IMA_SIGNED_NO_KEY ||
		      !(known_uses(walk->judge) & part_uses[best - results])))
		return;
	if (!best)
		message = "not signed";
	else if (best->state == IMA_SIGNED_NO_KEY)
		message = arena_printf(&report->arena, "signed by %s, a key that is not known",
				       best->key_id);
	else
		message = arena_printf(&report->arena, "its signature cannot be checked: %s",
				       report_text(report, bytes_of_string(best->why)));
	if (line)
		message = arena_printf(&report->arena, "%s; line %u of the policy wants it signed",
				       message, line);
	signature_finding(walk, step, entry,
			  line ? FINDING_IMA_UNSIGNED : FINDING_IMA_SIGNATURE_KEY, message);
}

/* What packages ship; *out stays NULL where there is no database. */
static int shipped_get(struct judge *judge, const struct shipped **out, struct error *err)
{
	struct shipped_once *once = judge->setup->shipped;
	struct worker *worker = judge->worker;
	int status = 0;

	*out = NULL;
	if (!once || !judge->setup->golden)
		return 0;
	pthread_mutex_lock(&once->lock);
	if (!once->shipped) {
		if (!worker->db)
			status = db_open(judge->setup->db_path, DB_READ, &worker->db, err);
		if (status == 0)
			status = shipped_read(worker->db, judge->setup->releases,
					      judge->setup->n_releases, &once->shipped, err);
	}
	*out = once->shipped;
	pthread_mutex_unlock(&once->lock);
	return status;
}

/* security.ima as it is, against what the package shipped for these bytes. */
static int compare_shipped(struct ima_walk *walk, const struct ima_step *step,
			   const struct ima_entry *entry, struct error *err)
{
	struct judge *judge = walk->judge;
	const struct shipped *shipped;
	enum shipped_answer answer;
	struct finding *finding;
	struct digest digest;
	bool holds = walk->signatures.signer != NULL;

	if (entry->sig.size == 0 || entry->sig.data[0] == IMA_XATTR_METADATA ||
	    entry->digest.type != IMA_DIGEST_FILE || entry->digest.alg == ALG_NONE ||
	    !digest_init(&digest, entry->digest.alg, entry->digest.value))
		return 0;
	if (shipped_get(judge, &shipped, err) < 0)
		return -1;
	if (!shipped)
		return 0;
	if (shipped_compare(shipped, judge->hasher, entry->path, &digest, entry->sig, &answer,
			    err) < 0)
		return -1;
	walk->signatures.n_as_shipped += answer == SHIPPED_SAME;
	if (answer != SHIPPED_OTHER)
		return 0;
	finding = report_finding(judge->report, FINDING_IMA_SIGNATURE_DIFFERS,
				 holds ? FINDING_MILDER : FINDING_AS_LISTED, entry->path,
				 "not the signature that its package ships for these bytes%s%s",
				 holds ? "; signed by " : "", holds ? walk->signatures.signer : "");
	finding_at(judge->report, finding, walk->file->path, step->record.index,
		   step->record.offset);
	return 0;
}

static int verify_parts(struct judge *judge, const struct ima_entry *entry,
			const struct ima_keys *keys, struct ima_signed_result results[PART_COUNT],
			struct error *err)
{
	bool big_endian = ima_list_form(judge->ima_list) == IMA_FORM_BINARY_BE;

	return ima_contents_verify(entry, keys, judge->hasher, &results[PART_CONTENTS], err) < 0 ||
			       ima_metadata_verify(entry, big_endian, keys, judge->hasher,
						   &results[PART_METADATA], err) < 0 ||
			       ima_appended_verify(entry, keys, judge->hasher,
						   &results[PART_APPENDED], err) < 0
		       ? -1
		       : 0;
}

/*
 * Signatures by keys that nobody here knows: another release may have one of them, which makes nothing
 * good, and says more. True: *said, a finding of its own was made.
 */
static int judge_other_release(struct ima_walk *walk, const struct ima_step *step,
			       const struct ima_entry *entry,
			       const struct ima_signed_result results[PART_COUNT], bool *said,
			       struct error *err)
{
	struct judge *judge = walk->judge;
	const struct release_keys *release = judge->setup->release_keys;
	struct ima_keys keys = { .rings = { release ? &release->others : NULL } };
	struct ima_signed_result others[PART_COUNT];
	unsigned line = required_by(judge, entry->path);
	const char *message;

	*said = false;
	if (!release || release->others.n_keys == 0)
		return 0;
	if (verify_parts(judge, entry, &keys, others, err) < 0)
		return -1;
	for (unsigned part = 0; part < PART_COUNT; part++) {
		if (results[part].state != IMA_SIGNED_NO_KEY ||
		    others[part].state != IMA_SIGNED_GOOD || *said)
			continue;
		walk->signatures.n_other_release++;
		message = arena_printf(&judge->report->arena,
				       "the %s signature is by a key of another release: %s",
				       what_is_signed[part],
				       key_text(judge->report, others[part].key));
		if (line)
			message = arena_printf(&judge->report->arena,
					       "%s; line %u of the policy wants it signed", message,
					       line);
		signature_finding(walk, step, entry,
				  line ? FINDING_IMA_UNSIGNED : FINDING_IMA_SIGNATURE_RELEASE,
				  message);
		*said = true;
	}
	return 0;
}

static int check_signatures(struct ima_walk *walk, const struct ima_step *step,
			    const struct ima_entry *entry, struct error *err)
{
	struct judge *judge = walk->judge;
	struct signature_walk *signatures = &walk->signatures;
	const struct release_keys *release = judge->setup->release_keys;
	struct ima_keys keys = {
		.rings = {judge->setup->ima_keys, release_ring(judge), &judge->learned_keys },
		.revoked = { &judge->revoked_keys,                     release ? &release->revoked : NULL                   }
	};
	struct ima_signed_result results[PART_COUNT];
	bool is_good = false, is_wrong = false, said;

	if (known_uses(judge) == 0 && judge->policy->require_signed.n_items == 0 &&
	    !(release && release->others.n_keys))
		return 0; /* said for the log */
	if (verify_parts(judge, entry, &keys, results, err) < 0)
		return -1;
	for (unsigned part = 0; part < PART_COUNT; part++) {
		if (results[part].state == IMA_SIGNED_NONE)
			continue;
		is_good |= note_result(walk, step, entry, (enum signed_part)part, &results[part]);
		is_wrong |= results[part].state == IMA_SIGNED_WRONG ||
			    results[part].state == IMA_SIGNED_REVOKED;
	}
	if (is_wrong)
		signatures->signer = NULL;
	if (is_wrong || is_good)
		return 0;
	if (judge_other_release(walk, step, entry, results, &said, err) < 0)
		return -1;
	if (!said)
		judge_lacking(walk, step, entry, results);
	return 0;
}

int judge_signatures(struct ima_walk *walk, const struct ima_step *step,
		     const struct ima_entry *entry, struct error *err)
{
	walk->signatures.signer = NULL;
	if (!ima_entry_is_signed(entry) && walk->judge->policy->require_signed.n_items == 0)
		return 0;
	walk->signatures.n_entries += ima_entry_is_signed(entry);
	if (check_signatures(walk, step, entry, err) < 0)
		return -1;
	return compare_shipped(walk, step, entry, err);
}

void report_signatures(const struct ima_walk *walk)
{
	const struct signature_walk *signatures = &walk->signatures;
	struct judge *judge = walk->judge;
	struct report *report = judge->report;
	struct bytes subject = file_subject(walk->file);

	if (signatures->n_unread_keys)
		report_check(report, "ima.keys", CHECK_SKIP, subject,
			     "keys in the log that cannot be read: %" PRIu64,
			     signatures->n_unread_keys);
	if (signatures->n_entries == 0)
		return;
	if (signatures->n_as_shipped)
		report_check(report, "ima.shipped", CHECK_PASS, subject,
			     "%" PRIu64 " signatures are those that the packages ship",
			     signatures->n_as_shipped);
	if (known_uses(judge) == 0 && signatures->n_other_release == 0) {
		report_check(report, "ima.signatures", CHECK_SKIP, subject,
			     "%" PRIu64 " entries are signed, and no key to check them with was "
			     "given (--ima-key, refgen keys)",
			     signatures->n_entries);
		return;
	}
	report_check(report, "ima.signatures", signatures->n_wrong ? CHECK_FAIL : CHECK_PASS,
		     subject,
		     "of %" PRIu64 " signatures %" PRIu64 " hold, %" PRIu64 " are wrong, %" PRIu64
		     " are by keys that are not known%s, %" PRIu64 " cannot be checked",
		     signatures->n_signed, signatures->n_good, signatures->n_wrong,
		     signatures->n_no_key,
		     signatures->n_other_release
			     ? arena_printf(&report->arena,
					    " (%" PRIu64 " of them by keys of other releases)",
					    signatures->n_other_release)
			     : "",
		     signatures->n_unsupported);
	for (const struct signer_count *signer = signatures->signers; signer; signer = signer->next)
		report_check(report, "ima.signer", CHECK_PASS, subject,
			     "%" PRIu64 " signatures hold with %s", signer->n, signer->shown);
	if (signatures->n_accepted)
		report_check(report, "ima.accepted", CHECK_PASS, subject,
			     "%" PRIu64 " files that the database does not have are accepted for "
			     "their signatures (line %u of the policy)",
			     signatures->n_accepted, judge->policy->accept_signed.line);
}

/* What a signature rests on that only an entry after the quote brought is nobody's word. */
int judge_learned_keys(struct judge *judge, struct error *err)
{
	struct report *report = judge->report;
	struct finding *finding;

	(void)err;
	if (judge->learned_use == 0 || judge->learned_use <= report->coverage.n_attested)
		return 0;
	finding = report_finding(
		report, FINDING_IMA_LEARNED_KEY, FINDING_AS_LISTED, file_subject(judge->ima_file),
		"a signature was checked with a key learned from the log, in a part of it that no "
		"quote attests");
	finding_at(report, finding, judge->ima_file->path, judge->learned_use - 1, REPORT_NOWHERE);
	return 0;
}
