/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of judge_binding share. */
#ifndef AUDIT_JUDGE_BINDING_H
#define AUDIT_JUDGE_BINDING_H

#include "audit/judge.h"
#include "core/crypto_certificate.h"
#include "core/crypto_key.h"

/* Certificates of one bundle: every real chain has fewer than ten, and there may be one for each key. */
#define BINDING_CERTIFICATES_MAX 128

/* A key of the device that binds others: an EK or IAK; or an AK's certificate. */
struct device_key {
	struct bytes name;                             /* the NAME of ek-NAME.crt */
	const struct bundle_file *pub_file, *crt_file; /* one of them may be NULL */
	struct quote_key *pub;                         /* owned; NULL: none that can be read */
	const struct certificate *crt;                 /* NULL: none that can be read */
	bool is_other;                                 /* pub and crt are of different keys */
	bool is_certified;  /* the chain holds, and the certificate is pub's where there is one */
	const char *anchor; /* it ends in */
};

struct binder {
	struct judge *judge;
	struct certificate_list *lists; /* owned */
	size_t n_lists, n_certificates;
	const struct certificate *between[BINDING_CERTIFICATES_MAX];
	size_t n_between;
	struct device_key *eks, *iaks, *aks; /* owned */
	size_t n_eks, n_iaks, n_aks;
};

/* The AK of that NAME in a form that shows its TPM name, else in another; NULL: there is none. */
struct judged_key *binding_key(const struct judge *judge, struct bytes name);

/* What is wrong with a binding: a failed check and key.binding. */
void binding_wrong(struct binder *binder, const char *check, const struct bundle_file *file,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Binds every key of this TPM name, or of these numbers where the form hides the name. */
void bind_name(struct judge *judge, struct bytes name, const struct public_key *numbers,
	       const char *by);

/* A file that breaks off or is not of its form: key.malformed. -1 if memory ran out. */
int binding_malformed(struct binder *binder, const struct bundle_file *file,
		      const struct error *problem, struct error *err);

/* judge_credential.c, judge_certify.c */
int judge_credentials(struct binder *binder, struct error *err);
int judge_certified(struct binder *binder, struct error *err);

static inline bool key_is_bound(const struct judged_key *key)
{
	return key->anchor || key->bound_by;
}

#endif
