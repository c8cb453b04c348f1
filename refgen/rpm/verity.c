/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/rpm/verity.h"

#include "core/crypto_chain.h"
#include "core/crypto_x509.h"
#include "core/own.h"

struct verity_key {
	struct bytes der; /* of its certificate; owned */
	struct public_key *key;
};

struct verity_ring {
	struct verity_key *keys; /* owned */
	size_t n_keys;
};

void verity_ring_free(struct verity_ring *ring)
{
	if (!ring)
		return;
	for (size_t i = 0; i < ring->n_keys; i++) {
		free((uint8_t *)(uintptr_t)ring->keys[i].der.data);
		public_key_free(ring->keys[i].key);
	}
	free(ring->keys);
	free(ring);
}

void verity_ring_freep(struct verity_ring **ring)
{
	verity_ring_free(*ring);
}

int verity_ring_new(const struct golden_key_list *keys, const char *release,
		    struct verity_ring **out, struct error *err)
{
	AUTO(verity_ring_freep) struct verity_ring *ring = calloc(1, sizeof(*ring));

	if (!ring || !(ring->keys = calloc(keys->n_keys + 1, sizeof(*ring->keys))))
		return error_memory(err, NULL);
	for (size_t i = 0; i < keys->n_keys; i++) {
		const struct golden_key *key = &keys->keys[i];
		uint8_t *copy;

		/* A signature names a certificate; a bare key is named by none. */
		if (key->keyring != KEYRING_VERITY || key->form != KEY_FORM_CERTIFICATE ||
		    strcmp(key->release, release) != 0)
			continue;
		copy = malloc(key->der.size);
		if (!copy)
			return error_memory(err, NULL);
		memcpy(copy, key->der.data, key->der.size);
		ring->keys[ring->n_keys++].der = bytes_of(copy, key->der.size);
		if (public_key_parse_der(key->der, NULL, &ring->keys[ring->n_keys - 1].key, err) <
		    0)
			return -1;
	}
	*out = TAKE(ring);
	return 0;
}

size_t verity_ring_size(const struct verity_ring *ring)
{
	return ring->n_keys;
}

enum alg verity_alg_of_number(uint64_t number)
{
	return number == 1 ? ALG_VERITY_SHA256 : number == 2 ? ALG_VERITY_SHA512 : ALG_NONE;
}

/* What is signed: struct fsverity_formatted_digest. */
static int formatted_digest(struct hasher *hasher, const struct digest *digest, enum alg alg,
			    struct digest *out, struct error *err)
{
	const uint8_t number = digest->alg == ALG_VERITY_SHA256 ? 1 : 2;
	const uint8_t head[] = {
		'F', 'S', 'V', 'e', 'r', 'i', 't', 'y', number, 0, digest->size, 0
	};
	const struct bytes parts[] = {
		{head, sizeof(head)},
                digest_bytes(digest)
	};

	return hasher_digest(hasher, alg, parts, ARRAY_SIZE(parts), out, err);
}

/* Whether the signature names this certificate. */
static bool names(const struct signed_data *data, struct bytes der)
{
	struct bytes id = signed_data_key_id(data);
	AUTO(buf_clear) struct buf own = BUF_INIT;

	if (id.size)
		return x509_key_id_append(&own, der) && bytes_equal(buf_bytes(&own), id);
	return x509_is_numbered(der, signed_data_issuer(data), signed_data_serial(data));
}

/* The keys of the ring: those the chain leads to, then those that the signature names. */
static int try_keys(const struct verity_ring *ring, const struct signed_data *data,
		    const struct signed_chain *chain, const struct digest *digest,
		    enum verity_answer *out, struct error *err)
{
	*out = VERITY_NO_KEY;
	for (size_t i = 0; i <= chain->n + 1 && *out != VERITY_HOLDS; i++)
		for (size_t k = 0; k < ring->n_keys && *out != VERITY_HOLDS; k++) {
			const struct verity_key *key = &ring->keys[k];
			struct error problem = { 0 };
			bool direct = i == chain->n + 1;
			int holds;

			if (!(direct         ? names(data, key->der)
			      : i < chain->n ? signed_chain_is(chain, i, key->der)
					     : signed_chain_issues(chain, key->der)))
				continue;
			holds = signed_chain_verify(chain, data, direct ? 0 : i, key->key, digest,
						    &problem);
			if (holds < 0 && problem.code == ERROR_SYSTEM) {
				*err = problem;
				return -1;
			}
			*out = holds > 0   ? VERITY_HOLDS
			       : holds < 0 ? VERITY_UNCHECKED
					   : VERITY_WRONG;
		}
	return 0;
}

int verity_signature_check(const struct verity_ring *ring, struct hasher *hasher,
			   struct bytes signature, const struct digest *digest,
			   enum verity_answer *out, struct error *err)
{
	AUTO(signed_data_freep) struct signed_data *data = NULL;
	AUTO(signed_chain_clear) struct signed_chain chain = { .state = CHAIN_NONE };
	struct error problem = { 0 };
	struct digest over;
	int status = signed_data_parse(signature, NULL, 0, &data, &problem);

	*out = VERITY_UNCHECKED;
	/* The kernel takes signed attributes here; libfsverity and rpm make none. */
	if (status == 0 &&
	    (signed_data_alg(data) == ALG_NONE || !hasher_has(hasher, signed_data_alg(data)) ||
	     signed_data_attributes(data).size))
		return 0;
	if (status == 0 &&
	    (formatted_digest(hasher, digest, signed_data_alg(data), &over, err) < 0))
		return -1;
	if (status == 0)
		status = signed_chain_read(data, &over, &chain, &problem);
	if (status < 0 && problem.code == ERROR_SYSTEM) {
		*err = problem;
		return -1;
	}
	if (status < 0) {
		if (problem.code == ERROR_MALFORMED)
			*out = VERITY_WRONG;
		return 0;
	}
	*out = chain.state == CHAIN_BROKEN ? VERITY_WRONG : VERITY_NO_KEY;
	if (!ring || chain.state == CHAIN_BROKEN)
		return 0;
	return try_keys(ring, data, &chain, &over, out, err);
}
