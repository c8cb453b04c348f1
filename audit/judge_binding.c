/* SPDX-License-Identifier: BSD-2-Clause */
/* verdicts.md, "Keys": certificates, and what they bind. */
#include "audit/judge_binding.h"

#include "core/own.h"

struct judged_key *binding_key(const struct judge *judge, struct bytes name)
{
	static const enum bundle_role roles[] = { ROLE_AK_PUB, ROLE_AK_PEM };

	for (size_t r = 0; r < ARRAY_SIZE(roles); r++)
		for (size_t i = 0; i < judge->n_keys; i++)
			if (judge->keys[i].file && judge->keys[i].file->role == roles[r] &&
			    bytes_equal(judge->keys[i].file->name, name))
				return &judge->keys[i];
	return NULL;
}

void binding_wrong(struct binder *binder, const char *check, const struct bundle_file *file,
		   const char *format, ...)
{
	struct report *report = binder->judge->report;
	const char *text;
	va_list args;

	va_start(args, format);
	text = arena_vprintf(&report->arena, format, args);
	va_end(args);
	report_check(report, check, CHECK_FAIL, file_subject(file), "%s", text);
	report_finding(report, FINDING_KEY_BINDING, FINDING_AS_LISTED, file_subject(file), "%s",
		       text);
}

void bind_name(struct judge *judge, struct bytes name, const struct public_key *numbers,
	       const char *by)
{
	for (size_t i = 0; i < judge->n_keys; i++) {
		struct judged_key *key = &judge->keys[i];
		struct bytes own = bytes_of(key->key->name, key->key->name_size);
		bool same = own.size && name.size
				    ? bytes_equal(own, name)
				    : numbers && key->key->public_key &&
					      public_key_equal(numbers, key->key->public_key);

		if (same && !key->bound_by)
			key->bound_by = by;
	}
}

int binding_malformed(struct binder *binder, const struct bundle_file *file,
		      const struct error *problem, struct error *err)
{
	struct report *report = binder->judge->report;
	struct finding *finding;

	if (problem->code == ERROR_SYSTEM) {
		if (err)
			*err = *problem;
		return -1;
	}
	if (problem->code == ERROR_LIMIT) {
		report_finding(report, FINDING_BUNDLE_LIMIT, FINDING_AS_LISTED, file_subject(file),
			       "%s", problem->message);
		return 0;
	}
	finding = report_finding(report, FINDING_KEY_MALFORMED, FINDING_AS_LISTED,
				 file_subject(file), "%s", problem->message);
	finding_at(report, finding, file->path, REPORT_NOWHERE,
		   problem->offset == ERROR_NO_OFFSET ? REPORT_NOWHERE : problem->offset);
	return 0;
}

/* --- what there is ----------------------------------------------------------------------------------- */

/* The certificates of a file: the first is *first, the others may stand between; all may if first is NULL. */
static int read_certificates(struct binder *binder, const struct bundle_file *file,
			     const struct certificate **first, struct error *err)
{
	struct certificate_list list;
	struct error problem = { 0 };

	if (certificates_parse(file->contents, file->path,
			       BINDING_CERTIFICATES_MAX - binder->n_certificates, &list,
			       &problem) < 0)
		return binding_malformed(binder, file, &problem, err);
	binder->lists[binder->n_lists++] = list;
	binder->n_certificates += list.n;
	if (list.n_lists)
		report_check(binder->judge->report, "key.revocation", CHECK_SKIP,
			     file_subject(file),
			     "revocation lists are the operator's to give (--ca): not used");
	for (size_t i = first ? 1 : 0; i < list.n; i++)
		binder->between[binder->n_between++] = list.items[i];
	if (first)
		*first = list.items[0];
	return 0;
}

static struct device_key *find_device_key(struct device_key *keys, size_t n, struct bytes name)
{
	for (size_t i = 0; i < n; i++)
		if (bytes_equal(keys[i].name, name))
			return &keys[i];
	return NULL;
}

/* Public keys and certificates of one kind, by their NAME. */
static int read_device_keys(struct binder *binder, enum bundle_role pub, enum bundle_role crt,
			    struct device_key **out, size_t *n, struct error *err)
{
	const struct judge *judge = binder->judge;
	const struct bundle *bundle = judge->bundle;
	struct device_key *keys = calloc(bundle->n_files + 1, sizeof(*keys));

	if (!keys)
		return error_memory(err, bundle->name);
	*out = keys;
	for (size_t i = 0; i < bundle->n_files; i++) {
		const struct bundle_file *file = &bundle->files[i];
		struct error problem = { 0 };
		struct device_key *key;

		if (file->role != pub && file->role != crt)
			continue;
		key = find_device_key(keys, *n, file->name);
		if (!key) {
			key = &keys[(*n)++];
			key->name = file->name;
		}
		if (file->role == crt) {
			key->crt_file = file;
			if (read_certificates(binder, file, &key->crt, err) < 0)
				return -1;
			continue;
		}
		key->pub_file = file;
		if (quote_key_parse(file->contents, file->path, judge->hasher, &key->pub,
				    &problem) < 0 &&
		    binding_malformed(binder, file, &problem, err) < 0)
			return -1;
	}
	return 0;
}

static int read_all(struct binder *binder, struct error *err)
{
	const struct bundle *bundle = binder->judge->bundle;

	binder->lists = calloc(bundle->n_files + 1, sizeof(*binder->lists));
	if (!binder->lists)
		return error_memory(err, bundle->name);
	/* ROLE_NONE: an AK's public key has been read with those of quotes. */
	if (read_device_keys(binder, ROLE_EK_PUB, ROLE_EK_CRT, &binder->eks, &binder->n_eks, err) <
		    0 ||
	    read_device_keys(binder, ROLE_IAK_PUB, ROLE_IAK_CRT, &binder->iaks, &binder->n_iaks,
			     err) < 0 ||
	    read_device_keys(binder, ROLE_NONE, ROLE_AK_CRT, &binder->aks, &binder->n_aks, err) < 0)
		return -1;
	for (size_t i = 0; i < bundle->n_files; i++)
		if (bundle->files[i].role == ROLE_CA_CRT &&
		    read_certificates(binder, &bundle->files[i], NULL, err) < 0)
			return -1;
	return 0;
}

/* --- certificates ------------------------------------------------------------------------------------ */

/* Is the certificate that of this key? */
static void judge_own(struct binder *binder, struct device_key *device, const struct quote_key *pub,
		      const char *pub_path)
{
	struct report *report = binder->judge->report;
	struct bytes subject = file_subject(device->crt_file);
	const struct public_key *key = certificate_key(device->crt);
	const char *shown = report_text(report, bytes_of_string(pub_path));

	if (!key || !pub->public_key) {
		device->is_other = true;
		report_check(report, "key.certificate-key", CHECK_SKIP, subject,
			     "of a kind of key with which Assay does not verify");
	} else if (public_key_equal(key, pub->public_key)) {
		report_check(report, "key.certificate-key", CHECK_PASS, subject,
			     "is for the key in %s (%s)", shown, public_key_name(key));
	} else {
		device->is_other = true;
		binding_wrong(binder, "key.certificate-key", device->crt_file,
			      "is the certificate of another key than %s", shown);
	}
}

/* Does it chain to what the operator trusts? */
static int judge_chain(struct binder *binder, struct device_key *device, enum certificate_use use,
		       struct error *err)
{
	const struct audit_setup *setup = binder->judge->setup;
	struct report *report = binder->judge->report;
	struct bytes subject = file_subject(device->crt_file);
	char at[TIME_TEXT_SIZE];
	struct chain chain;

	if (!setup->trust) {
		report_check(report, "key.certificate", CHECK_SKIP, subject,
			     "whom it chains to is not judged: no authority was given (--ca)");
		return 0;
	}
	if (trust_verify(setup->trust, device->crt, binder->between, binder->n_between, use,
			 setup->at, &chain, err) < 0)
		return -1;
	time_text(setup->at, at);
	if (chain.holds) {
		device->is_certified = !device->is_other;
		device->anchor = arena_printf(&report->arena, "%s", chain.anchor);
		report_check(report, "key.certificate", CHECK_PASS, subject,
			     "chains to %s, %zu between, at %s", chain.anchor, chain.n_between, at);
		return 0;
	}
	report_check(report, "key.certificate", CHECK_FAIL, subject, "%s: %s", chain.name,
		     chain.reason);
	report_finding(report, FINDING_KEY_CERTIFICATE, FINDING_AS_LISTED, subject,
		       "does not chain to what the operator trusts: %s: %s (valid %s, judged at "
		       "%s)",
		       chain.name, chain.reason, chain.dates, at);
	return 0;
}

static int judge_certificates(struct binder *binder, struct error *err)
{
	struct {
		struct device_key *keys;
		size_t n;
		enum certificate_use use;
	} kinds[] = {
		{binder->eks,   binder->n_eks,  CERTIFICATE_OF_EK},
		{ binder->iaks, binder->n_iaks, CERTIFICATE_OF_AK},
	};

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < kinds[k].n; i++) {
			struct device_key *device = &kinds[k].keys[i];

			if (!device->crt)
				continue;
			if (device->pub)
				judge_own(binder, device, device->pub, device->pub_file->path);
			if (judge_chain(binder, device, kinds[k].use, err) < 0)
				return -1;
		}
	return 0;
}

/* An AK's own certificate. */
static int judge_ak_certificate(struct binder *binder, struct device_key *device, struct error *err)
{
	struct judge *judge = binder->judge;
	const struct judged_key *key = binding_key(judge, device->name);

	if (!device->crt)
		return 0;
	if (!key) {
		report_check(judge->report, "key.certificate-key", CHECK_SKIP,
			     file_subject(device->crt_file), "there is no key beside it");
		device->is_other = true;
	} else {
		judge_own(binder, device, key->key, key->shown);
	}
	if (judge_chain(binder, device, CERTIFICATE_OF_AK, err) < 0)
		return -1;
	if (device->is_certified)
		bind_name(judge, bytes_of(NULL, 0), key->key->public_key,
			  arena_printf(&judge->report->arena, "its certificate %s chains to %s",
				       report_text(judge->report, file_subject(device->crt_file)),
				       device->anchor));
	return 0;
}

/* --- all of it --------------------------------------------------------------------------------------- */

static void device_keys_free(struct device_key *keys, size_t n)
{
	for (size_t i = 0; keys && i < n; i++)
		quote_key_free(keys[i].pub);
	free(keys);
}

static void binder_clear(struct binder *binder)
{
	device_keys_free(binder->eks, binder->n_eks);
	device_keys_free(binder->iaks, binder->n_iaks);
	device_keys_free(binder->aks, binder->n_aks);
	for (size_t i = 0; i < binder->n_lists; i++)
		certificate_list_clear(&binder->lists[i]);
	free(binder->lists);
}

int judge_bonds(struct judge *judge, struct error *err)
{
	AUTO(binder_clear) struct binder binder = { .judge = judge };

	if (read_all(&binder, err) < 0 || judge_certificates(&binder, err) < 0)
		return -1;
	for (size_t i = 0; i < binder.n_aks; i++)
		if (judge_ak_certificate(&binder, &binder.aks[i], err) < 0)
			return -1;
	return judge_credentials(&binder, err) < 0 || judge_certified(&binder, err) < 0 ? -1 : 0;
}
