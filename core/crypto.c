/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto.h"

#include <assert.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/crypto_sha.h"

/* Messages whose order a batch keeps at a time. */
#define BATCH_MAX 64

/* libcrypto's names, in the order of enum alg. */
static const char *const fetch_names[ALG_COUNT] = {
	[ALG_SHA1] = "SHA1",       [ALG_SHA256] = "SHA2-256",   [ALG_SHA384] = "SHA2-384",
	[ALG_SHA512] = "SHA2-512", [ALG_SM3_256] = "SM3",       [ALG_MD5] = "MD5",
	[ALG_SHA224] = "SHA2-224", [ALG_SHA3_256] = "SHA3-256", [ALG_SHA3_512] = "SHA3-512",
};

struct hasher {
	EVP_MD *md[ALG_COUNT]; /* NULL where libcrypto lacks it */
	EVP_MD_CTX *one_shot;
	EVP_MD_CTX *stream[ALG_COUNT]; /* made at first use */
	alg_set streaming;
	bool kernels; /* the processor has what core/crypto_sha needs, and it may be used */
};

int hasher_new(struct hasher **out, struct error *err)
{
	AUTO(hasher_freep) struct hasher *hasher = calloc(1, sizeof(*hasher));

	if (!hasher)
		return error_memory(err, NULL);
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		hasher->md[alg] = EVP_MD_fetch(NULL, fetch_names[alg], NULL);
	ERR_clear_error();
	hasher->one_shot = EVP_MD_CTX_new();
	if (!hasher->one_shot)
		return error_memory(err, NULL);
	hasher->kernels = sha_kernels_available();
	*out = TAKE(hasher);
	return 0;
}

void hasher_use_kernels(struct hasher *hasher, bool use)
{
	hasher->kernels = use && sha_kernels_available();
}

void hasher_free(struct hasher *hasher)
{
	if (!hasher)
		return;
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		EVP_MD_CTX_free(hasher->stream[alg]);
		EVP_MD_free(hasher->md[alg]);
	}
	EVP_MD_CTX_free(hasher->one_shot);
	free(hasher);
}

void hasher_freep(struct hasher **hasher)
{
	hasher_free(*hasher);
}

bool hasher_has(const struct hasher *hasher, enum alg alg)
{
	return alg < ALG_COUNT && hasher->md[alg];
}

static int crypto_error(struct error *err, enum alg alg)
{
	char reason[160];

	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	ERR_clear_error();
	return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET, "libcrypto: %s: %s",
			 alg_name(alg), reason);
}

static int unsupported(struct error *err, enum alg alg)
{
	return error_set(err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
			 "libcrypto offers no %s here", alg_name(alg));
}

int hasher_digest(struct hasher *hasher, enum alg alg, const struct bytes *parts, size_t n_parts,
		  struct digest *out, struct error *err)
{
	EVP_MD_CTX *ctx = hasher->one_shot;

	if (!hasher_has(hasher, alg))
		return unsupported(err, alg);
	out->alg = alg;
	out->size = (uint8_t)alg_size(alg);
	if (hasher->kernels && sha_kernels_have(alg)) {
		sha_digest(alg, parts, n_parts, out->value);
		return 0;
	}
	if (EVP_DigestInit_ex2(ctx, hasher->md[alg], NULL) != 1)
		return crypto_error(err, alg);
	for (size_t i = 0; i < n_parts; i++)
		if (EVP_DigestUpdate(ctx, parts[i].data, parts[i].size) != 1)
			return crypto_error(err, alg);
	if (EVP_DigestFinal_ex(ctx, out->value, NULL) != 1)
		return crypto_error(err, alg);
	return 0;
}

int hasher_digest_bytes(struct hasher *hasher, enum alg alg, struct bytes bytes, struct digest *out,
			struct error *err)
{
	return hasher_digest(hasher, alg, &bytes, 1, out, err);
}

/* Pairs messages of the same number of blocks, hashes each pair side by side. */
static void digest_pairs(enum alg alg, const struct bytes *messages, size_t n, struct digest *out)
{
	size_t waiting
		[BATCH_MAX]; /* messages without a partner yet, of distinct numbers of blocks */
	size_t n_waiting = 0;

	for (size_t i = 0; i < n; i++) {
		size_t n_blocks = sha_n_blocks(messages[i].size), j = 0;

		out[i].alg = alg;
		out[i].size = (uint8_t)alg_size(alg);
		while (j < n_waiting && sha_n_blocks(messages[waiting[j]].size) != n_blocks)
			j++;
		if (j == n_waiting) {
			waiting[n_waiting++] = i;
			continue;
		}
		sha_digest_pair(alg, messages[waiting[j]], messages[i], out[waiting[j]].value,
				out[i].value);
		waiting[j] = waiting[--n_waiting];
	}
	for (size_t j = 0; j < n_waiting; j++)
		sha_digest(alg, &messages[waiting[j]], 1, out[waiting[j]].value);
}

int hasher_digest_batch(struct hasher *hasher, enum alg alg, const struct bytes *messages, size_t n,
			struct digest *out, struct error *err)
{
	if (!hasher_has(hasher, alg))
		return unsupported(err, alg);
	if (!hasher->kernels || !sha_kernels_have(alg)) {
		for (size_t i = 0; i < n; i++)
			if (hasher_digest(hasher, alg, &messages[i], 1, &out[i], err) < 0)
				return -1;
		return 0;
	}
	for (size_t i = 0; i < n; i += BATCH_MAX)
		digest_pairs(alg, messages + i, n - i < BATCH_MAX ? n - i : BATCH_MAX, out + i);
	return 0;
}

int hasher_extend(struct hasher *hasher, enum alg alg, size_t n, uint8_t *const values[],
		  const uint8_t *const digests[], struct error *err)
{
	struct digest extended[2];
	size_t size = alg_size(alg);

	assert(n == 1 || n == 2);
	if (!hasher_has(hasher, alg))
		return unsupported(err, alg);
	if (hasher->kernels && sha_kernels_have(alg)) {
		sha_extend(alg, n, values, digests);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		const struct bytes parts[] = { bytes_of(values[i], size),
					       bytes_of(digests[i], size) };

		if (hasher_digest(hasher, alg, parts, 2, &extended[i], err) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		memcpy(values[i], extended[i].value, size);
	return 0;
}

int hasher_begin(struct hasher *hasher, alg_set algs, struct error *err)
{
	hasher->streaming = 0;
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		if (!(algs & 1u << alg))
			continue;
		if (!hasher_has(hasher, alg))
			return unsupported(err, alg);
		if (!hasher->stream[alg])
			hasher->stream[alg] = EVP_MD_CTX_new();
		if (!hasher->stream[alg])
			return error_memory(err, NULL);
		if (EVP_DigestInit_ex2(hasher->stream[alg], hasher->md[alg], NULL) != 1)
			return crypto_error(err, alg);
	}
	hasher->streaming = algs;
	return 0;
}

int hasher_update(struct hasher *hasher, struct bytes bytes, struct error *err)
{
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (hasher->streaming & 1u << alg &&
		    EVP_DigestUpdate(hasher->stream[alg], bytes.data, bytes.size) != 1)
			return crypto_error(err, alg);
	return 0;
}

int hasher_finish(struct hasher *hasher, struct digest out[ALG_COUNT], struct error *err)
{
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		if (!(hasher->streaming & 1u << alg))
			continue;
		if (EVP_DigestFinal_ex(hasher->stream[alg], out[alg].value, NULL) != 1)
			return crypto_error(err, alg);
		out[alg].alg = alg;
		out[alg].size = (uint8_t)alg_size(alg);
	}
	hasher->streaming = 0;
	return 0;
}
