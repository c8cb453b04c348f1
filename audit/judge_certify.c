/* SPDX-License-Identifier: BSD-2-Clause */
/* verdicts.md, "Keys": attestations that one key signed about another. */
#include "audit/judge_binding.h"

#include "core/own.h"
#include "replay/keys/keys.h"

/* A key that may have signed: an AK of the bundle or the operator's, or an IAK. */
struct signer {
	const struct quote_key *key;
	const char *path;          /* of its file */
	struct judged_key *judged; /* NULL: an IAK */
	const char *bound_by;      /* an IAK's: what certifies it; NULL: nothing */
};

struct statement {
	const struct bundle_file *file;
	struct certify certify;
	struct quote_signature signature;
	struct judged_key *subject;
	bool is_settled;
};

static const char *bound_by(const struct signer *signer)
{
	if (!signer->judged)
		return signer->bound_by;
	return signer->judged->anchor ? signer->judged->anchor->by : signer->judged->bound_by;
}

static bool is_itself(const struct signer *signer, const struct statement *statement)
{
	return quote_key_equal(signer->key, statement->subject->key);
}

/* 1 if the statement can be checked, 0 if that is said already, -1. */
static int read_statement(struct binder *binder, const struct bundle_file *file,
			  struct statement *out, struct error *err)
{
	struct judge *judge = binder->judge;
	struct report *report = judge->report;
	const struct bundle_file *signature =
		bundle_find(judge->bundle, ROLE_AK_CERTIFY_SIG, file->name);
	struct error problem = { 0 };

	*out = (struct statement){ .file = file, .subject = binding_key(judge, file->name) };
	if (certify_parse(file->contents, file->path, &out->certify, &problem) < 0)
		return binding_malformed(binder, file, &problem, err);
	if (out->certify.kind == CERTIFY_NOT_GENERATED || out->certify.kind == CERTIFY_OTHER) {
		binding_wrong(binder, "key.certify", file, "%s",
			      out->certify.kind == CERTIFY_OTHER
				      ? "an attestation, but not about a key"
				      : "magic is not TPM_GENERATED: no TPM attests this");
		return 0;
	}
	if (!out->subject || !out->subject->key->name_size) {
		report_check(report, "key.certify", CHECK_SKIP, file_subject(file), "%s",
			     out->subject ? "this form of its key hides the name that is attested"
					  : "there is no key beside it");
		return 0;
	}
	if (!bytes_equal(out->certify.name,
			 bytes_of(out->subject->key->name, out->subject->key->name_size))) {
		binding_wrong(binder, "key.certify", file, "is about another key than %s",
			      report_text(report, bytes_of_string(out->subject->shown)));
		return 0;
	}
	if (!signature) {
		report_check(report, "key.certify", CHECK_SKIP, file_subject(file),
			     "there is no signature beside it");
		return 0;
	}
	if (quote_signature_parse(signature->contents, signature->path, &out->signature, &problem) <
	    0)
		return binding_malformed(binder, signature, &problem, err);
	return 1;
}

/* The signature holds, and somebody vouches for the key: it binds, unless that key signs anything. */
static void accept(struct binder *binder, struct statement *statement, const struct signer *signer,
		   enum certify_answer answer, const char *detail)
{
	struct judge *judge = binder->judge;
	struct report *report = judge->report;
	const char *path = report_text(report, bytes_of_string(signer->path));
	char faults[128];

	statement->is_settled = true;
	if (signer->key->faults) {
		binding_wrong(binder, "key.certify", statement->file,
			      "is signed by %s, which is no attestation key: %s", path,
			      quote_key_faults_text(signer->key->faults, faults, sizeof(faults)));
	} else if (answer == CERTIFY_WEAK) {
		binding_wrong(binder, "key.certify", statement->file, "is signed by %s, but %s",
			      path, detail);
	} else if (!signer->key->has_attributes && !(signer->judged && signer->judged->anchor)) {
		report_check(report, "key.certify", CHECK_SKIP, file_subject(statement->file),
			     "signed by %s, whose form hides whether it signs anything it is given",
			     path);
	} else {
		report_check(report, "key.certify", CHECK_PASS, file_subject(statement->file),
			     "%s, signed by %s (%s)",
			     statement->certify.kind == CERTIFY_CREATED
				     ? "the TPM of the signing key made this key"
				     : "this key is in the TPM of the signing key",
			     path, bound_by(signer));
		bind_name(judge, statement->certify.name, statement->subject->key->public_key,
			  arena_printf(&report->arena,
				       "%s, which is bound (%s), certified it in its TPM", path,
				       bound_by(signer)));
	}
}

/* Tries the keys that somebody vouches for. */
static int try_bound(struct binder *binder, struct statement *statement,
		     const struct signer *signers, size_t n, struct error *err)
{
	for (size_t i = 0; i < n && !statement->is_settled; i++) {
		enum certify_answer answer;
		char detail[160];

		if (!bound_by(&signers[i]) || is_itself(&signers[i], statement))
			continue;
		if (certify_check(binder->judge->hasher, &statement->certify, &statement->signature,
				  signers[i].key, &answer, detail, err) < 0)
			return -1;
		if (answer == CERTIFY_HOLDS || answer == CERTIFY_WEAK)
			accept(binder, statement, &signers[i], answer, detail);
	}
	return 0;
}

/* None of them signed it. Who did, if anybody? */
static int explain(struct binder *binder, struct statement *statement, const struct signer *signers,
		   size_t n, struct error *err)
{
	struct report *report = binder->judge->report;
	struct bytes subject = file_subject(statement->file);
	bool could = false, is_unknown = false;

	for (size_t i = 0; i < n; i++) {
		const char *path = report_text(report, bytes_of_string(signers[i].path));
		enum certify_answer answer;
		char detail[160], faults[128];

		if (certify_check(binder->judge->hasher, &statement->certify, &statement->signature,
				  signers[i].key, &answer, detail, err) < 0)
			return -1;
		could = could || !is_itself(&signers[i], statement);
		is_unknown = is_unknown || answer == CERTIFY_UNKNOWN;
		if (answer == CERTIFY_FORGED || answer == CERTIFY_UNKNOWN)
			continue;
		if (is_itself(&signers[i], statement))
			report_check(report, "key.certify", CHECK_SKIP, subject,
				     "signed by the key that it is about: this proves nothing");
		else if (signers[i].key->faults)
			binding_wrong(binder, "key.certify", statement->file,
				      "is signed by %s, which is no attestation key: %s", path,
				      quote_key_faults_text(signers[i].key->faults, faults,
							    sizeof(faults)));
		else
			report_check(report, "key.certify", CHECK_SKIP, subject,
				     "signed by %s, which nothing binds itself", path);
		return 0;
	}
	if (is_unknown)
		report_check(report, "key.certify", CHECK_SKIP, subject,
			     "signed in a scheme that Assay does not verify with every key there");
	else if (could)
		binding_wrong(binder, "key.certify", statement->file,
			      "is signed by no key of the bundle, and by none of the operator's");
	else
		report_check(report, "key.certify", CHECK_SKIP, subject,
			     "the key that should have signed it is not there");
	return 0;
}

static size_t collect_signers(struct binder *binder, struct signer *out)
{
	struct judge *judge = binder->judge;
	struct report *report = judge->report;
	size_t n = 0;

	for (size_t i = 0; i < binder->n_iaks; i++) {
		const struct device_key *iak = &binder->iaks[i];

		if (iak->pub)
			out[n++] = (struct signer){
				.key = iak->pub,
				.path = iak->pub_file->path,
				.bound_by =
					!iak->is_certified
						? NULL
						: arena_printf(&report->arena,
							       "its certificate %s chains to %s",
							       report_text(report,
									   file_subject(
										   iak->crt_file)),
							       iak->anchor)
			};
	}
	for (size_t i = 0; i < judge->n_keys; i++)
		out[n++] = (struct signer){ .key = judge->keys[i].key,
					    .path = judge->keys[i].shown,
					    .judged = &judge->keys[i] };
	return n;
}

static int settle(struct binder *binder, struct statement *statements, size_t n,
		  const struct signer *signers, size_t n_signers, struct error *err)
{
	/* Each round settles one statement at least, or is the last. */
	for (bool progress = true; progress;) {
		progress = false;
		for (size_t i = 0; i < n; i++) {
			if (statements[i].is_settled)
				continue;
			if (try_bound(binder, &statements[i], signers, n_signers, err) < 0)
				return -1;
			progress = progress || statements[i].is_settled;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (!statements[i].is_settled &&
		    explain(binder, &statements[i], signers, n_signers, err) < 0)
			return -1;
	return 0;
}

int judge_certified(struct binder *binder, struct error *err)
{
	const struct bundle *bundle = binder->judge->bundle;
	AUTO(own_free) struct statement *statements = NULL;
	AUTO(own_free) struct signer *signers = NULL;
	size_t n = 0;

	for (size_t i = 0; i < bundle->n_files; i++)
		n += bundle->files[i].role == ROLE_AK_CERTIFY_MSG;
	if (n == 0)
		return 0;
	statements = calloc(n, sizeof(*statements));
	signers = calloc(binder->n_iaks + binder->judge->n_keys + 1, sizeof(*signers));
	if (!statements || !signers)
		return error_memory(err, bundle->name);
	n = 0;
	for (size_t i = 0; i < bundle->n_files; i++) {
		int status;

		if (bundle->files[i].role != ROLE_AK_CERTIFY_MSG)
			continue;
		status = read_statement(binder, &bundle->files[i], &statements[n], err);
		if (status < 0)
			return -1;
		n += (size_t)status;
	}
	return settle(binder, statements, n, signers, collect_signers(binder, signers), err);
}
