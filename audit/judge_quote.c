/* SPDX-License-Identifier: BSD-2-Clause */
/* verdicts.md, "Quote". */
#include "audit/judge.h"

#include <inttypes.h>

#include "core/own.h"

/* The nonce that a quote must answer, and on whose word. */
struct challenge {
	struct bytes nonce;
	const char *by; /* whose word it is; NULL: none was given, or the bundle's own claim */
	bool is_claim;  /* the bundle's own, which proves nothing */
	uint8_t decoded[1024];
};

static const struct bundle_file *nonce_file(const struct judge *judge)
{
	return bundle_find(judge->bundle, ROLE_NONCE, bytes_of("", 0));
}

/* -1: the bundle's nonce is not hex. Nonces of challengers are at most 64 bytes (TPM2B_DATA). */
static int challenge_of_bundle(const struct bundle_file *file, struct challenge *out)
{
	struct bytes text = file->contents;
	long size;

	while (text.size && text.data[text.size - 1] <= ' ')
		text.size--;
	size = hex_parse(text, out->decoded, sizeof(out->decoded));
	if (size < 0 || text.size == 0)
		return -1;
	out->nonce = bytes_of(out->decoded, (size_t)size);
	return 0;
}

static void find_challenge(struct judge *judge, struct challenge *out)
{
	const struct audit_setup *setup = judge->setup;
	const struct bundle_file *file = nonce_file(judge);

	memset(out, 0, sizeof(*out));
	if (setup->nonce.size) {
		out->nonce = setup->nonce;
		out->by = "the operator's";
		return;
	}
	if (!file)
		return;
	if (challenge_of_bundle(file, out) < 0) {
		report_finding(judge->report, FINDING_QUOTE_MALFORMED, FINDING_AS_LISTED,
			       file_subject(file), "a nonce is written in hex");
		return;
	}
	if (judge->policy->own_records.value)
		out->by = "the challenger's own record";
	else
		out->is_claim = true;
}

static void judge_nonce(struct judge *judge, const struct judged_quote *quote,
			const struct challenge *challenge)
{
	struct report *report = judge->report;
	struct bytes subject = file_subject(quote->message);
	bool equal = bytes_equal(quote->quote.nonce, challenge->nonce);

	if (!challenge->by && !challenge->is_claim) {
		if (judge->policy->require_nonce.value)
			report_missing(report, "quote.nonce", subject,
				       "freshness is not checked: no nonce was given, and the "
				       "policy requires one");
		else
			report_check(report, "quote.nonce", CHECK_SKIP, subject,
				     "freshness is not checked: no nonce was given (--nonce)");
		return;
	}
	if (!equal) {
		report_check(report, "quote.nonce", CHECK_FAIL, subject, "another nonce");
		report_finding(report, FINDING_QUOTE_NONCE,
			       challenge->is_claim ? FINDING_MILDER : FINDING_AS_LISTED, subject,
			       "answers another challenge than %s",
			       challenge->is_claim ? "the bundle's own nonce says" : challenge->by);
		return;
	}
	if (!challenge->is_claim)
		report_check(report, "quote.nonce", CHECK_PASS, subject, "answers %s nonce",
			     challenge->by);
	else if (judge->policy->require_nonce.value)
		report_missing(report, "quote.nonce", subject,
			       "freshness is not checked: only the bundle's own nonce is there, "
			       "and the policy requires the challenger's");
	else
		report_check(report, "quote.nonce", CHECK_SKIP, subject,
			     "freshness is not checked: the bundle's own nonce fits, which proves "
			     "nothing (--nonce)");
}

/* A file of a quote that breaks off or is not of its form. */
static int malformed(struct judge *judge, const struct bundle_file *file,
		     const struct error *problem, struct error *err)
{
	struct finding *finding;

	if (problem->code == ERROR_SYSTEM) {
		if (err)
			*err = *problem;
		return -1;
	}
	finding = report_finding(judge->report, FINDING_QUOTE_MALFORMED, FINDING_AS_LISTED,
				 file_subject(file), "%s", problem->message);
	finding_at(judge->report, finding, file->path, REPORT_NOWHERE,
		   problem->offset == ERROR_NO_OFFSET ? REPORT_NOWHERE : problem->offset);
	return 0;
}

/* Reads message and signature: 1 if there is something to check, 0 if not, -1. */
static int read_quote(struct judge *judge, struct judged_quote *quote, struct error *err)
{
	struct report *report = judge->report;
	struct bytes subject = file_subject(quote->message);
	struct error problem = { 0 };

	if (quote_parse(quote->message->contents, quote->message->path, &quote->quote, &problem) <
	    0) {
		if (malformed(judge, quote->message, &problem, err) < 0)
			return -1;
		report_missing(report, "quote.signature", subject, "the quote cannot be read");
		return 0;
	}
	if (!quote->signature_file) {
		report_missing(report, "quote.signature", subject,
			       "there is no signature beside this quote");
		return 0;
	}
	if (quote_signature_parse(quote->signature_file->contents, quote->signature_file->path,
				  &quote->signature, &problem) < 0) {
		if (malformed(judge, quote->signature_file, &problem, err) < 0)
			return -1;
		report_missing(report, "quote.signature", subject, "the signature cannot be read");
		return 0;
	}
	return 1;
}

/* Reads the PCR values beside a quote, if the quote says what they are values of. */
static int read_pcrs(struct judge *judge, struct judged_quote *quote, struct error *err)
{
	struct error problem = { 0 };
	enum quote_pcrs_form form;

	if (!quote->pcrs_file || (quote->quote.structure != QUOTE_IS_QUOTE &&
				  quote->quote.structure != QUOTE_BYTES_AFTER))
		return 0;
	quote->pcrs = arena_take(&judge->report->arena, sizeof(*quote->pcrs));
	if (!quote->pcrs)
		return error_memory(err, judge->bundle->name);
	if (quote_pcrs_parse(quote->pcrs_file->contents, quote->pcrs_file->path,
			     &quote->quote.selection, quote->pcrs, &form, &problem) == 0)
		return 0;
	quote->pcrs = NULL;
	/* Values of a bank whose digests nobody here knows the size of: nothing is wrong with them. */
	if (problem.code == ERROR_UNSUPPORTED) {
		report_check(judge->report, "quote.pcrs", CHECK_SKIP,
			     file_subject(quote->pcrs_file), "%s", problem.message);
		return 0;
	}
	return malformed(judge, quote->pcrs_file, &problem, err);
}

/* Checks the quote with one key: 1 when the signature holds. */
static int try_key(struct judge *judge, struct judged_quote *quote, struct judged_key *key,
		   struct error *err)
{
	struct quote_result result;

	if (quote_check(judge->hasher, &quote->quote, &quote->signature, key->key, NULL,
			quote->pcrs, &result, err) < 0)
		return -1;
	/* What the first key, or the one that fits, leads to is what will be reported. */
	if (!quote->key || result.checks[QUOTE_CHECK_SIGNATURE].answer == QUOTE_PASS) {
		quote->key = key;
		quote->result = result;
	}
	return result.checks[QUOTE_CHECK_SIGNATURE].answer == QUOTE_PASS;
}

/*
 * ak-NAME.pub (or ak-NAME.pem) if it is there, else any key of the bundle, else the operator's.
 * 1 when some key was tried.
 */
static int find_signer(struct judge *judge, struct judged_quote *quote, struct error *err)
{
	static const enum bundle_role roles[] = { ROLE_AK_PUB, ROLE_AK_PEM };
	bool by_name = false;
	int status;

	for (size_t r = 0; r < ARRAY_SIZE(roles) && !by_name; r++) {
		/* A key of this name that could not be read is no reason to take another. */
		by_name = bundle_find(judge->bundle, roles[r], quote->message->name) != NULL;
		for (size_t i = 0; i < judge->n_keys; i++) {
			struct judged_key *key = &judge->keys[i];

			if (key->file && key->file->role == roles[r] &&
			    bytes_equal(key->file->name, quote->message->name))
				return try_key(judge, quote, key, err) < 0 ? -1 : 1;
		}
	}
	for (size_t i = 0; i < judge->n_keys && !by_name; i++) {
		status = try_key(judge, quote, &judge->keys[i], err);
		if (status != 0)
			return status;
	}
	return quote->key != NULL;
}

static void judge_signature(struct judge *judge, struct judged_quote *quote)
{
	const struct quote_check *checks = quote->result.checks;
	const struct quote_check *signature = &checks[QUOTE_CHECK_SIGNATURE];
	const struct quote_check *scheme = &checks[QUOTE_CHECK_SCHEME];
	struct report *report = judge->report;
	struct bytes subject = file_subject(quote->message);
	const char *key = report_text(report, bytes_of_string(quote->key->shown));

	switch (signature->answer) {
	case QUOTE_PASS:
		if (scheme->answer != QUOTE_FAIL) {
			report_check(report, "quote.signature", CHECK_PASS, subject, "%s, %s",
				     signature->detail, key);
			break;
		}
		report_check(report, "quote.signature", CHECK_FAIL, subject, "%s", scheme->detail);
		report_finding(report, FINDING_QUOTE_SIGNATURE, FINDING_AS_LISTED, subject,
			       "signed in another way than the key allows (%s): %s", key,
			       scheme->detail);
		break;
	case QUOTE_FAIL:
		report_check(report, "quote.signature", CHECK_FAIL, subject, "%s: %s", key,
			     signature->detail);
		report_finding(report, FINDING_QUOTE_SIGNATURE, FINDING_AS_LISTED, subject,
			       "%s: %s", key, signature->detail);
		break;
	case QUOTE_SKIP:
		report_missing(report, "quote.signature", subject, "%s: %s", key,
			       signature->detail);
		break;
	}
	if (checks[QUOTE_CHECK_HASH].answer == QUOTE_FAIL)
		report_finding(report, FINDING_QUOTE_WEAK_HASH, FINDING_AS_LISTED, subject,
			       "signed over %s", checks[QUOTE_CHECK_HASH].detail);
}

static void judge_structure(struct judge *judge, const struct judged_quote *quote)
{
	struct bytes subject = file_subject(quote->message);

	if (quote->quote.structure == QUOTE_IS_QUOTE) {
		report_check(judge->report, "quote.structure", CHECK_PASS, subject,
			     "a quote made by a TPM");
		return;
	}
	report_check(judge->report, "quote.structure", CHECK_FAIL, subject, "%s",
		     quote_structure_text(quote->quote.structure));
	report_finding(judge->report, FINDING_QUOTE_STRUCTURE, FINDING_AS_LISTED, subject, "%s",
		       quote_structure_text(quote->quote.structure));
}

static void judge_selection(struct judge *judge, const struct judged_quote *quote)
{
	const struct quote_check *check = &quote->result.checks[QUOTE_CHECK_SELECTION];
	struct bytes subject = file_subject(quote->message);

	if (check->answer == QUOTE_FAIL)
		report_finding(judge->report, FINDING_QUOTE_SELECTION, FINDING_AS_LISTED, subject,
			       "%s", check->detail);
	if (check->answer == QUOTE_PASS && quote_selection_beyond(&quote->quote.selection))
		report_finding(judge->report, FINDING_QUOTE_SELECTION, FINDING_MILDER, subject,
			       "%s", check->detail);
}

static void judge_pcr_digest(struct judge *judge, struct judged_quote *quote)
{
	const struct quote_check *check = &quote->result.checks[QUOTE_CHECK_PCR_DIGEST];
	struct bytes subject = file_subject(quote->message);

	switch (check->answer) {
	case QUOTE_PASS:
		quote->has_values = true;
		report_check(judge->report, "quote.pcr-digest", CHECK_PASS, subject, "%s",
			     check->detail);
		break;
	case QUOTE_FAIL:
		report_check(judge->report, "quote.pcr-digest", CHECK_FAIL, subject, "%s",
			     check->detail);
		report_finding(judge->report, FINDING_QUOTE_PCR_DIGEST, FINDING_AS_LISTED,
			       file_subject(quote->pcrs_file), "%s", check->detail);
		break;
	case QUOTE_SKIP:
		report_check(judge->report, "quote.pcr-digest", CHECK_SKIP, subject, "%s",
			     quote->pcrs ? check->detail
					 : "no PCR values beside the quote: the replayed ones are "
					   "compared with its digest");
		break;
	}
}

static int judge_quote(struct judge *judge, struct judged_quote *quote,
		       const struct challenge *challenge, struct error *err)
{
	int status = read_quote(judge, quote, err);

	if (status <= 0)
		return status;
	if (read_pcrs(judge, quote, err) < 0)
		return -1;
	status = find_signer(judge, quote, err);
	if (status < 0)
		return -1;
	judge_structure(judge, quote);
	if (status == 0) {
		report_missing(
			judge->report, "quote.signature", file_subject(quote->message),
			"no attestation key to verify it with (ak.pub in the bundle, or --ak)");
		return 0;
	}
	judge_signature(judge, quote);
	quote->key->is_used = true;
	quote->is_verified = quote->quote.structure == QUOTE_IS_QUOTE &&
			     quote->result.checks[QUOTE_CHECK_SIGNATURE].answer == QUOTE_PASS;
	if (quote->quote.structure != QUOTE_IS_QUOTE)
		return 0;
	judge_nonce(judge, quote, challenge);
	judge_selection(judge, quote);
	judge_pcr_digest(judge, quote);
	if (quote->is_verified && !quote->quote.safe)
		report_finding(judge->report, FINDING_QUOTE_UNSAFE, FINDING_AS_LISTED,
			       file_subject(quote->message),
			       "the TPM was not shut down orderly: its clock may have been higher");
	return 0;
}

/*
 * Between two quotes by one key, the clock tells which came first; the counters must agree. A TPM
 * adds a secret constant to what it shows to one key (part 1, 36.7), the same for both.
 */
static void judge_rollback(struct judge *judge)
{
	for (size_t i = 0; i < judge->n_quotes; i++)
		for (size_t j = 0; j < judge->n_quotes; j++) {
			const struct judged_quote *a = &judge->quotes[i], *b = &judge->quotes[j];
			const struct quote *first = &a->quote, *then = &b->quote;
			const char *what = NULL;

			if (i == j || !a->is_verified || !b->is_verified ||
			    !quote_key_equal(a->key->key, b->key->key) ||
			    first->clock >= then->clock)
				continue;
			if (then->reset_count < first->reset_count)
				what = "resetCount";
			else if (then->reset_count == first->reset_count &&
				 then->restart_count < first->restart_count)
				what = "restartCount";
			if (what)
				report_finding(judge->report, FINDING_QUOTE_ROLLBACK,
					       FINDING_AS_LISTED, file_subject(b->message),
					       "its clock is after that of %s, but its %s before",
					       report_text(judge->report, file_subject(a->message)),
					       what);
		}
}

/* True of a quote that was held against its own boot's logs. */
static bool judged_before(const struct judge *judge, const struct judged_quote *quote)
{
	const struct bundle *series = judge->series;

	for (size_t i = 0; series && i < series->n_earlier; i++)
		for (size_t j = 0; j < series->earlier[i].n_files; j++) {
			const struct bundle_file *file = &series->earlier[i].files[j];

			if (file->role == ROLE_QUOTE_MSG &&
			    bytes_equal(file->contents, quote->message->contents))
				return true;
		}
	return false;
}

/*
 * Counters rise: a quote with a lower resetCount, and an earlier clock, than another one by its key is of
 * an earlier boot. The logs are those of the latest, and say nothing of what was measured before.
 */
static void set_aside(struct judge *judge)
{
	for (size_t i = 0; i < judge->n_quotes; i++) {
		struct judged_quote *quote = &judge->quotes[i];

		for (size_t j = 0; j < judge->n_quotes && !quote->is_earlier; j++) {
			const struct judged_quote *other = &judge->quotes[j];

			quote->is_earlier = quote->is_verified &&
					    (other->is_verified || other->is_earlier) &&
					    quote_key_equal(quote->key->key, other->key->key) &&
					    quote->quote.reset_count < other->quote.reset_count &&
					    quote->quote.clock < other->quote.clock;
		}
		if (!quote->is_earlier)
			continue;
		quote->is_verified = false;
		if (judged_before(judge, quote)) {
			report_check(judge->report, "quote.boot", CHECK_PASS,
				     file_subject(quote->message),
				     "of an earlier boot (resetCount %" PRIu32
				     "), and held against the logs of that boot",
				     quote->quote.reset_count);
			continue;
		}
		report_missing(
			judge->report, "quote.boot", file_subject(quote->message),
			"of an earlier boot (resetCount %" PRIu32
			") than the latest quote of this TPM: the logs cannot be held against "
			"it",
			quote->quote.reset_count);
	}
}

bool quote_speaks(const struct judge *judge, const struct judged_quote *quote)
{
	if (!quote->is_verified || quote->key->anchor || quote->key->bound_by)
		return quote->is_verified;
	for (size_t i = 0; i < judge->n_quotes; i++)
		if (judge->quotes[i].is_verified &&
		    (judge->quotes[i].key->anchor || judge->quotes[i].key->bound_by))
			return false;
	return true;
}

alg_set verified_banks(const struct judge *judge)
{
	alg_set banks = 0;

	for (size_t i = 0; i < judge->n_quotes; i++)
		if (judge->quotes[i].is_verified)
			banks |= quote_selection_algs(&judge->quotes[i].quote.selection);
	return banks;
}

alg_set quoted_banks(const struct judge *judge)
{
	alg_set banks = 0;

	for (size_t i = 0; i < judge->n_quotes; i++)
		if (quote_speaks(judge, &judge->quotes[i]))
			banks |= quote_selection_algs(&judge->quotes[i].quote.selection);
	return banks;
}

pcr_set quoted_pcrs(const struct judge *judge, enum alg alg)
{
	pcr_set pcrs = 0;

	for (size_t i = 0; i < judge->n_quotes; i++)
		if (quote_speaks(judge, &judge->quotes[i]))
			pcrs |= quote_selection_pcrs(&judge->quotes[i].quote.selection, alg);
	return pcrs;
}

static void judge_banks(struct judge *judge)
{
	struct report *report = judge->report;
	alg_set banks = quoted_banks(judge);

	report->coverage.quoted_banks = banks;
	for (unsigned alg = 0; alg < ALG_BANKS; alg++)
		if (banks >> alg & 1)
			report->coverage.quoted_pcrs |= quoted_pcrs(judge, (enum alg)alg);
	if (banks == (alg_set)1 << ALG_SHA1)
		report_finding(report, FINDING_QUOTE_WEAK_BANK, FINDING_AS_LISTED,
			       bytes_of_string("sha1"), "only the SHA-1 bank is quoted");
}

static bool has_tdx(const struct judge *judge)
{
	for (size_t i = 0; i < judge->bundle->n_files; i++)
		if (judge->bundle->files[i].role == ROLE_TDX_QUOTE)
			return true;
	return false;
}

int judge_quotes(struct judge *judge, struct error *err)
{
	const struct bundle *bundle = judge->bundle;
	struct challenge challenge;
	size_t n = 0;

	for (size_t i = 0; i < bundle->n_files; i++)
		n += bundle->files[i].role == ROLE_QUOTE_MSG;
	judge->quotes = calloc(n + 1, sizeof(*judge->quotes));
	if (!judge->quotes)
		return error_memory(err, bundle->name);
	find_challenge(judge, &challenge);
	for (size_t i = 0; i < bundle->n_files; i++) {
		const struct bundle_file *file = &bundle->files[i];
		struct judged_quote *quote = &judge->quotes[judge->n_quotes];

		if (file->role == ROLE_QUOTE_SIG &&
		    !bundle_find(bundle, ROLE_QUOTE_MSG, file->name))
			report_missing(judge->report, "quote.signature", file_subject(file),
				       "a signature without the quote it is of");
		if (file->role != ROLE_QUOTE_MSG)
			continue;
		quote->message = file;
		quote->signature_file = bundle_find(bundle, ROLE_QUOTE_SIG, file->name);
		quote->pcrs_file = bundle_find(bundle, ROLE_QUOTE_PCRS, file->name);
		judge->n_quotes++;
		if (judge_quote(judge, quote, &challenge, err) < 0)
			return -1;
	}
	if (judge->n_quotes == 0)
		report_missing(judge->report, "quote.signature", bytes_of("", 0),
			       has_tdx(judge)
				       ? "no quote of a TPM in the bundle: nothing but "
					 "registers is attested"
				       : "no quote in the bundle: nothing in it is attested");
	judge_rollback(judge);
	set_aside(judge);
	judge_banks(judge);
	return 0;
}
