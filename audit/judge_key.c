/* SPDX-License-Identifier: BSD-2-Clause */
/* verdicts.md, "Keys": which attestation keys there are, what they may do, what binds them. */
#include "audit/judge.h"

#include "core/own.h"

static const struct anchor *anchor_of(const struct audit_setup *setup, const struct quote_key *key)
{
	for (size_t i = 0; i < setup->n_anchors; i++)
		if (quote_key_equal(setup->anchors[i].key, key))
			return &setup->anchors[i];
	return NULL;
}

static struct judged_key *find_key(struct judge *judge, enum bundle_role role, struct bytes name)
{
	for (size_t i = 0; i < judge->n_keys; i++)
		if (judge->keys[i].file && judge->keys[i].file->role == role &&
		    bytes_equal(judge->keys[i].file->name, name))
			return &judge->keys[i];
	return NULL;
}

/* A key of the bundle. A malformed one is a finding, and no key. */
static int read_key(struct judge *judge, const struct bundle_file *file, struct error *err)
{
	struct judged_key *key = &judge->keys[judge->n_keys];
	struct error problem = { 0 };
	struct finding *finding;

	if (quote_key_parse(file->contents, file->path, judge->hasher, &key->owned, &problem) < 0) {
		if (problem.code == ERROR_SYSTEM) {
			if (err)
				*err = problem;
			return -1;
		}
		finding = report_finding(judge->report, FINDING_KEY_MALFORMED, FINDING_AS_LISTED,
					 file_subject(file), "%s", problem.message);
		finding_at(judge->report, finding, file->path, REPORT_NOWHERE,
			   problem.offset == ERROR_NO_OFFSET ? REPORT_NOWHERE : problem.offset);
		return 0;
	}
	key->file = file;
	key->shown = file->path;
	key->key = key->owned;
	key->anchor = anchor_of(judge->setup, key->key);
	judge->n_keys++;
	return 0;
}

/* ak.pem beside ak.pub must be the same key. */
static void judge_twins(struct judge *judge)
{
	for (size_t i = 0; i < judge->n_keys; i++) {
		const struct judged_key *pem = &judge->keys[i], *pub;

		if (!pem->file || pem->file->role != ROLE_AK_PEM)
			continue;
		pub = find_key(judge, ROLE_AK_PUB, pem->file->name);
		if (pub && !quote_key_equal(pub->key, pem->key))
			report_finding(judge->report, FINDING_KEY_CONFLICT, FINDING_AS_LISTED,
				       file_subject(pem->file), "is another key than %s",
				       report_text(judge->report, file_subject(pub->file)));
	}
}

/* ak.name holds the name of ak.pub: as tpm2_createak writes it, or in hex. */
static void judge_name(struct judge *judge, const struct bundle_file *file)
{
	const struct judged_key *key = find_key(judge, ROLE_AK_PUB, file->name);
	uint8_t decoded[2 + DIGEST_SIZE_MAX];
	struct bytes name = file->contents;
	long size;

	if (!key || key->key->name_size == 0) {
		report_check(judge->report, "key.name", CHECK_SKIP, file_subject(file),
			     "no key of this name in the bundle that has a TPM name");
		return;
	}
	while (name.size && (name.data[name.size - 1] == '\n' || name.data[name.size - 1] == '\r'))
		name.size--;
	size = hex_parse(name, decoded, sizeof(decoded));
	name = size > 0 ? bytes_of(decoded, (size_t)size) : file->contents;
	if (bytes_equal(name, bytes_of(key->key->name, key->key->name_size))) {
		report_check(judge->report, "key.name", CHECK_PASS, file_subject(file),
			     "is the name of %s",
			     report_text(judge->report, file_subject(key->file)));
		return;
	}
	report_check(judge->report, "key.name", CHECK_FAIL, file_subject(file),
		     "is not the name of %s", report_text(judge->report, file_subject(key->file)));
	report_finding(judge->report, FINDING_KEY_CONFLICT, FINDING_AS_LISTED, file_subject(file),
		       "is not the TPM name of %s",
		       report_text(judge->report, file_subject(key->file)));
}

int judge_keys(struct judge *judge, struct error *err)
{
	const struct bundle *bundle = judge->bundle;
	const struct audit_setup *setup = judge->setup;
	size_t n = setup->n_anchors;

	for (size_t i = 0; i < bundle->n_files; i++)
		n += bundle->files[i].role == ROLE_AK_PUB || bundle->files[i].role == ROLE_AK_PEM;
	judge->keys = calloc(n + 1, sizeof(*judge->keys));
	if (!judge->keys)
		return error_memory(err, bundle->name);
	for (size_t i = 0; i < bundle->n_files; i++)
		if ((bundle->files[i].role == ROLE_AK_PUB ||
		     bundle->files[i].role == ROLE_AK_PEM) &&
		    read_key(judge, &bundle->files[i], err) < 0)
			return -1;
	judge_twins(judge);
	for (size_t i = 0; i < bundle->n_files; i++)
		if (bundle->files[i].role == ROLE_AK_NAME)
			judge_name(judge, &bundle->files[i]);
	for (size_t i = 0; i < setup->n_anchors; i++) {
		const struct anchor *anchor = &setup->anchors[i];

		judge->keys[judge->n_keys++] = (struct judged_key){ .shown = anchor->path,
								    .key = anchor->key,
								    .anchor = anchor };
	}
	return 0;
}

/* Faults of a key are judged once, however many quotes it signed. */
static void judge_attributes(struct judge *judge, const struct judged_key *key)
{
	struct report *report = judge->report;
	struct bytes subject = bytes_of_string(key->shown);
	uint32_t weak = key->key->faults & QUOTE_KEY_FAULTS_WEAK;
	uint32_t wrong = key->key->faults & ~QUOTE_KEY_FAULTS_WEAK;
	char text[512];

	if (wrong)
		report_finding(report, FINDING_KEY_ATTRIBUTES, FINDING_AS_LISTED, subject,
			       "no attestation key: %s",
			       quote_key_faults_text(wrong, text, sizeof(text)));
	if (weak)
		report_finding(report, FINDING_KEY_WEAK, FINDING_AS_LISTED, subject, "%s: %s",
			       key->key->description,
			       quote_key_faults_text(weak, text, sizeof(text)));
	if (key->key->faults)
		report_check(report, "key.attributes", CHECK_FAIL, subject, "%s",
			     quote_key_faults_text(key->key->faults, text, sizeof(text)));
	else if (key->key->has_attributes)
		report_check(report, "key.attributes", CHECK_PASS, subject,
			     "%s, restricted to signing, fixed to its TPM", key->key->description);
	else if (key->anchor)
		report_check(report, "key.attributes", CHECK_SKIP, subject,
			     "%s; this form hides the attributes, the operator vouches for the key",
			     key->key->description);
	else
		report_missing(report, "key.attributes", subject,
			       "%s; this form of a key hides its attributes, and no --ak names it",
			       key->key->description);
}

int judge_bindings(struct judge *judge, struct error *err)
{
	struct report *report = judge->report;

	(void)err;
	for (size_t i = 0; i < judge->n_keys; i++) {
		const struct judged_key *key = &judge->keys[i];
		struct bytes subject = bytes_of_string(key->shown);

		if (!key->is_used)
			continue;
		judge_attributes(judge, key);
		/* The operator's own copy may show attributes that the bundle's hides or denies. */
		if (key->anchor && key->anchor->key != key->key && key->anchor->key->faults &&
		    key->anchor->key->faults != key->key->faults) {
			struct judged_key own = { .shown = key->anchor->path,
						  .key = key->anchor->key,
						  .anchor = key->anchor };

			judge_attributes(judge, &own);
		}
		if (key->anchor) {
			report_check(report, "key.binding", CHECK_PASS, subject,
				     "named by the operator (%s)", key->anchor->by);
			continue;
		}
		if (key->bound_by) {
			report_check(report, "key.binding", CHECK_PASS, subject, "%s",
				     key->bound_by);
			continue;
		}
		report_missing(report, "key.binding", subject, "nothing binds this key");
		if (report->n_checks)
			report->checks[report->n_checks - 1].has_finding = true;
		report_finding(report, FINDING_KEY_UNBOUND, FINDING_AS_LISTED, subject,
			       "nothing that the operator trusts says whose key this is: anybody "
			       "could have signed with it; name it with --ak if it is known to be "
			       "good, or the "
			       "authority of its TPM with --ca");
	}
	return 0;
}
