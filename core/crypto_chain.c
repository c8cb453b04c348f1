/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_chain.h"

#include "core/crypto_x509.h"
#include "core/own.h"

/* What certificates are named by, as far as they say it. */
struct names {
	struct buf issuer, serial; /* its own number */
	struct buf key_id;         /* of its key */
	struct x509_authority authority;
};

static void names_clear(struct names *names)
{
	buf_clear(&names->issuer);
	buf_clear(&names->serial);
	buf_clear(&names->key_id);
	x509_authority_clear(&names->authority);
}

static int names_read(struct bytes der, struct names *out, struct error *err)
{
	if (!x509_number_append(&out->issuer, &out->serial, der) ||
	    !x509_authority_read(der, &out->authority))
		return error_memory(err, NULL); /* it was read as a certificate */
	(void)x509_key_id_append(&out->key_id, der);
	return out->issuer.failed || out->serial.failed || out->key_id.failed
		       ? error_memory(err, NULL)
		       : 0;
}

static bool has_key_id(struct bytes der, struct bytes id)
{
	AUTO(buf_clear) struct buf own = BUF_INIT;

	return x509_key_id_append(&own, der) && bytes_equal(buf_bytes(&own), id);
}

/* Whether der is what an authority says. With a number and a key identifier it has to have both. */
static bool is_authority(struct bytes der, const struct x509_authority *authority)
{
	struct bytes key_id = buf_bytes(&authority->key_id);

	if (authority->serial.size)
		return x509_is_numbered(der, buf_bytes(&authority->issuer),
					buf_bytes(&authority->serial)) &&
		       (!key_id.size || has_key_id(der, key_id));
	return key_id.size && has_key_id(der, key_id);
}

void signed_chain_clear(struct signed_chain *chain)
{
	for (size_t i = 0; i < CHAIN_MAX; i++)
		buf_clear(&chain->items[i]);
	*chain = (struct signed_chain){ .state = CHAIN_NONE };
}

static int broken(struct signed_chain *chain, const char *why)
{
	chain->state = CHAIN_BROKEN;
	chain->why = why;
	return 0;
}

/* All that came, in a list of the caller's; the chain takes its own out of it. */
struct supply {
	struct buf items[CHAIN_MAX];
	bool is_used[CHAIN_MAX];
	size_t n;
};

static void supply_clear(struct supply *supply)
{
	for (size_t i = 0; i < CHAIN_MAX; i++)
		buf_clear(&supply->items[i]);
}

static int supply_read(const struct signed_data *data, struct supply *out, struct error *err)
{
	size_t n = signed_data_n_certificates(data);

	if (n > CHAIN_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "RFC 5652, 5.1: %zu certificates beside a signature, at most %d",
				 n, CHAIN_MAX);
	for (; out->n < n; out->n++)
		if (signed_data_certificate(data, out->n, &out->items[out->n], err) < 0)
			return -1;
	return 0;
}

static int take(struct signed_chain *chain, struct supply *supply, size_t i, struct error *err)
{
	supply->is_used[i] = true;
	buf_append(&chain->items[chain->n], buf_bytes(&supply->items[i]));
	if (chain->items[chain->n].failed)
		return error_memory(err, NULL);
	chain->n++;
	return 0;
}

/* 1 if the key in a certificate made the signature below the i-th; 0; -1. */
static int verify_by(const struct signed_chain *chain, const struct signed_data *data, size_t i,
		     struct bytes der, const struct digest *digest, struct error *err)
{
	AUTO(public_key_freep) struct public_key *key = NULL;
	struct error problem = { 0 };
	int holds = public_key_parse_der(der, NULL, &key, &problem);

	if (holds == 0)
		holds = signed_chain_verify(chain, data, i, key, digest, &problem);
	if (holds < 0 && problem.code == ERROR_SYSTEM) {
		*err = problem;
		return -1;
	}
	return holds > 0;
}

/* Goes on from the last: 1, 0 at the end of the chain (or where it is broken), -1. */
static int climb(struct signed_chain *chain, const struct signed_data *data, struct supply *supply,
		 const struct digest *digest, struct error *err)
{
	AUTO(names_clear) struct names names = { 0 };
	struct bytes last = buf_bytes(&chain->items[chain->n - 1]);
	size_t found = supply->n;
	int holds;

	if (names_read(last, &names, err) < 0)
		return -1;
	if (x509_is_self_issued(last) &&
	    (names.authority.serial.size + names.authority.key_id.size == 0 ||
	     is_authority(last, &names.authority))) {
		holds = verify_by(chain, data, chain->n, last, digest, err);
		chain->is_rooted = holds > 0;
		return holds < 0 ? -1
		       : holds   ? 0
				 : broken(chain,
					  "a certificate that should be signed by itself is not");
	}
	for (size_t i = 0; i < supply->n && found == supply->n; i++) {
		struct bytes one = buf_bytes(&supply->items[i]);

		if (names.authority.serial.size
			    ? x509_is_numbered(one, buf_bytes(&names.authority.issuer),
					       buf_bytes(&names.authority.serial))
			    : names.authority.key_id.size &&
				      has_key_id(one, buf_bytes(&names.authority.key_id)))
			found = i;
	}
	if (found == supply->n)
		return 0;
	if (!is_authority(buf_bytes(&supply->items[found]), &names.authority))
		return broken(chain, "a certificate names an authority of another key");
	if (supply->is_used[found])
		return 0; /* a loop ends there */
	holds = verify_by(chain, data, chain->n, buf_bytes(&supply->items[found]), digest, err);
	if (holds <= 0)
		return holds < 0 ? -1
				 : broken(chain, "a certificate is not signed by its authority's");
	return take(chain, supply, found, err) < 0 ? -1 : 1;
}

int signed_chain_read(const struct signed_data *data, const struct digest *digest,
		      struct signed_chain *out, struct error *err)
{
	AUTO(signed_chain_clear) struct signed_chain chain = { .state = CHAIN_NONE };
	AUTO(supply_clear) struct supply supply = { .n = 0 };
	size_t signer = 0;
	int more;

	if (signed_data_key_id(data).size == 0) {
		if (supply_read(data, &supply, err) < 0)
			return -1;
		while (signer < supply.n &&
		       !x509_is_numbered(buf_bytes(&supply.items[signer]), signed_data_issuer(data),
					 signed_data_serial(data)))
			signer++;
	}
	if (signer < supply.n) {
		int holds =
			verify_by(&chain, data, 0, buf_bytes(&supply.items[signer]), digest, err);

		if (holds < 0 || take(&chain, &supply, signer, err) < 0)
			return -1;
		chain.state = CHAIN_INTACT;
		if (!holds)
			broken(&chain, "it is not the signature of the certificate that comes with "
				       "it");
		while (chain.state == CHAIN_INTACT &&
		       (more = climb(&chain, data, &supply, digest, err)) != 0)
			if (more < 0)
				return -1;
	}
	*out = chain;
	chain = (struct signed_chain){ .state = CHAIN_NONE };
	return 0;
}

bool signed_chain_is(const struct signed_chain *chain, size_t i, struct bytes certificate)
{
	AUTO(names_clear) struct names names = { 0 };

	return names_read(buf_bytes(&chain->items[i]), &names, NULL) == 0 &&
	       x509_is_numbered(certificate, buf_bytes(&names.issuer), buf_bytes(&names.serial)) &&
	       (!names.key_id.size || has_key_id(certificate, buf_bytes(&names.key_id)));
}

bool signed_chain_issues(const struct signed_chain *chain, struct bytes certificate)
{
	AUTO(x509_authority_clear) struct x509_authority authority = { 0 };

	return chain->n && !chain->is_rooted &&
	       x509_authority_read(buf_bytes(&chain->items[chain->n - 1]), &authority) &&
	       is_authority(certificate, &authority);
}

int signed_chain_verify(const struct signed_chain *chain, const struct signed_data *data, size_t i,
			const struct public_key *key, const struct digest *digest,
			struct error *err)
{
	if (i == 0)
		return signed_data_verify(data, key, digest, err);
	return x509_is_signed_by(buf_bytes(&chain->items[i - 1]), key, err);
}
