/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdicts.md, "Keys": credentials. What a credential was made for cannot be read from it without the
 * EK's private key, nor recomputed from the secret (TPM 2.0 part 1, 24: the seed is encrypted to the EK
 * and kept by nobody). So whose word the secret is, is his word for the EK and the name, too, and the
 * report says so.
 */
#include "audit/judge_binding.h"

#include "core/own.h"
#include "replay/keys/keys.h"

/* A shorter secret may be guessed, and no challenger uses one. */
#define SECRET_MIN 8

/* What is known of one credential. */
struct challenge {
	const struct bundle_file *blob, *recovered;
	struct credential credential;
	const struct judged_key *key;
	const struct device_key *ek;
	struct bytes secret; /* empty: not known */
	const char *by;      /* whose word it is; NULL: the bundle's own claim */
};

static void not_proved(struct binder *binder, const struct challenge *challenge, const char *why)
{
	report_check(binder->judge->report, "key.credential", CHECK_SKIP,
		     file_subject(challenge->blob), "%s", why);
}

static void find_secret(struct binder *binder, struct challenge *challenge)
{
	const struct judge *judge = binder->judge;
	const struct audit_setup *setup = judge->setup;
	struct bytes name = challenge->blob->name;
	const struct bundle_file *file = bundle_find(judge->bundle, ROLE_CREDENTIAL_SECRET, name);

	for (size_t i = 0; i < setup->n_secrets; i++)
		if (bytes_equal(setup->secrets[i].name, name)) {
			challenge->secret = setup->secrets[i].value;
			challenge->by = setup->secrets[i].by;
			return;
		}
	if (!file)
		return;
	challenge->secret = file->contents;
	if (judge->policy->own_records.value)
		challenge->by = "the challenger's own records";
}

/* ek-NAME of the same NAME, else the plain one. */
static const struct device_key *find_ek(const struct binder *binder, struct bytes name)
{
	const struct device_key *plain = NULL;

	for (size_t i = 0; i < binder->n_eks; i++) {
		if (bytes_equal(binder->eks[i].name, name))
			return &binder->eks[i];
		if (binder->eks[i].name.size == 0)
			plain = &binder->eks[i];
	}
	return plain;
}

/* What contradicts: true, and reported, if something does. */
static bool contradicts(struct binder *binder, const struct challenge *challenge)
{
	const struct device_key *ek = challenge->ek;
	const struct public_key *numbers = !ek       ? NULL
					   : ek->pub ? ek->pub->public_key
					   : ek->crt ? certificate_key(ek->crt)
						     : NULL;
	const char *misfit = numbers ? credential_misfit(&challenge->credential, numbers,
							 ek->pub ? ek->pub->name_alg : ALG_NONE)
				     : NULL;

	if (misfit) {
		binding_wrong(binder, "key.credential", challenge->blob,
			      "was not made for the EK of the bundle: %s", misfit);
		return true;
	}
	if (challenge->secret.size &&
	    challenge->secret.size != credential_secret_size(&challenge->credential)) {
		binding_wrong(binder, "key.credential", challenge->blob,
			      "holds a secret of %zu bytes; the one that is known has %zu",
			      credential_secret_size(&challenge->credential),
			      challenge->secret.size);
		return true;
	}
	if (challenge->secret.size && challenge->recovered &&
	    !bytes_equal(challenge->secret, challenge->recovered->contents)) {
		binding_wrong(binder, "key.credential", challenge->recovered,
			      "is not the secret that the credential was made with");
		return true;
	}
	return false;
}

/* Why it proves nothing yet; NULL: it does. */
static const char *missing(const struct challenge *challenge)
{
	if (!challenge->key)
		return "there is no key of this name in the bundle";
	if (!challenge->key->key->name_size)
		return "this form of its key hides the name that a credential is made for";
	if (!challenge->recovered)
		return "nothing was recovered from it";
	if (!challenge->secret.size)
		return "its secret is not known (--credential-secret, or own-records of the "
		       "policy)";
	if (!challenge->by)
		return "recovered, but the secret is only the bundle's own word "
		       "(--credential-secret, or own-records of the policy)";
	if (challenge->secret.size < SECRET_MIN)
		return "its secret is so short that it may have been guessed";
	if (!challenge->ek || !challenge->ek->crt)
		return "recovered, but nothing says whose EK it was made for: no EK certificate";
	if (!challenge->ek->is_certified)
		return "recovered, but the certificate of its EK is not one that the operator "
		       "trusts";
	return NULL;
}

static int judge_credential(struct binder *binder, const struct bundle_file *blob,
			    struct error *err)
{
	struct judge *judge = binder->judge;
	struct report *report = judge->report;
	struct challenge challenge = { .blob = blob };
	struct error problem = { 0 };
	const char *why;

	if (credential_parse(blob->contents, blob->path, &challenge.credential, &problem) < 0)
		return binding_malformed(binder, blob, &problem, err);
	challenge.recovered = bundle_find(judge->bundle, ROLE_CREDENTIAL_RECOVERED, blob->name);
	challenge.key = binding_key(judge, blob->name);
	challenge.ek = find_ek(binder, blob->name);
	find_secret(binder, &challenge);
	if (contradicts(binder, &challenge))
		return 0;
	why = missing(&challenge);
	if (why) {
		not_proved(binder, &challenge, why);
		return 0;
	}
	report_check(report, "key.credential", CHECK_PASS, file_subject(blob),
		     "its secret was recovered; that it was made for this EK and the name of %s "
		     "is the word of %s",
		     report_text(report, bytes_of_string(challenge.key->shown)), challenge.by);
	bind_name(judge, bytes_of(challenge.key->key->name, challenge.key->key->name_size),
		  challenge.key->key->public_key,
		  arena_printf(&report->arena,
			       "a credential for it was recovered (on the word of %s) by the TPM "
			       "whose EK certificate chains to %s",
			       challenge.by, challenge.ek->anchor));
	return 0;
}

int judge_credentials(struct binder *binder, struct error *err)
{
	const struct bundle *bundle = binder->judge->bundle;

	for (size_t i = 0; i < bundle->n_files; i++) {
		const struct bundle_file *file = &bundle->files[i];

		if (file->role == ROLE_CREDENTIAL_BLOB && judge_credential(binder, file, err) < 0)
			return -1;
		if (file->role == ROLE_CREDENTIAL_RECOVERED &&
		    !bundle_find(bundle, ROLE_CREDENTIAL_BLOB, file->name))
			report_check(binder->judge->report, "key.credential", CHECK_SKIP,
				     file_subject(file), "the credential itself is not there");
	}
	return 0;
}
