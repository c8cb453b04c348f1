/* SPDX-License-Identifier: BSD-2-Clause */
/* A credential, and an attestation about a key: what the challenger's files hold. */
#include <assert.h>
#include <stdlib.h>

#include "core/crypto_key.h"
#include "replay/keys/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void certify(struct bytes input)
{
	struct certify parsed;
	struct error err = { 0 };

	if (certify_parse(input, "attestation", &parsed, &err) < 0)
		assert(err.message[0]);
	else
		assert(parsed.kind != CERTIFY_LOADED || parsed.name.size <= 2 + DIGEST_SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t modulus[256] = { [0] = 0x80, [255] = 1 };
	struct bytes input = bytes_of(data, size);
	struct public_key *keys[2] = { NULL, NULL };
	struct credential credential;
	struct error err = { 0 };

	certify(input);
	if (credential_parse(input, "credential", &credential, &err) < 0) {
		assert(err.message[0]);
		return 0;
	}
	assert(credential_secret_size(&credential) <= DIGEST_SIZE_MAX);
	if (public_key_new_rsa(bytes_of(modulus, sizeof(modulus)), 65537, &keys[0], NULL) == 0)
		(void)credential_misfit(&credential, keys[0], ALG_SHA256);
	/* The seed's point, if it is one, is a key of its own. */
	if (credential.x.size &&
	    public_key_new_ec(CURVE_P256, credential.x, credential.y, &keys[1], NULL) == 0)
		assert(!credential_misfit(&credential, keys[1], ALG_NONE));
	public_key_free(keys[0]);
	public_key_free(keys[1]);
	return 0;
}
