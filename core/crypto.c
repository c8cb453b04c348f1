/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto.h"

#include <assert.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/crypto_sha.h"
#include "core/crypto_verity.h"

/* libcrypto's names, in the order of enum alg. */
static const char *const fetch_names[ALG_COUNT] = {
	[ALG_SHA1] = "SHA1",       [ALG_SHA256] = "SHA2-256",   [ALG_SHA384] = "SHA2-384",
	[ALG_SHA512] = "SHA2-512", [ALG_SM3_256] = "SM3",       [ALG_MD5] = "MD5",
	[ALG_SHA224] = "SHA2-224", [ALG_SHA3_256] = "SHA3-256", [ALG_SHA3_512] = "SHA3-512",
};

struct hasher {
	EVP_MD *md[ALG_COUNT];            /* NULL where libcrypto lacks it */
	EVP_MD_CTX *one_shot[ALG_COUNT];  /* made at first use; changing its algorithm is slow */
	EVP_MD_CTX *stream[ALG_COUNT];    /* made at first use */
	struct verity *verity[ALG_COUNT]; /* likewise, of ALG_VERITY_* */
	alg_set streaming;
	enum sha_kernels kernels; /* what the processor has for core/crypto_sha, and may be used */
};

int hasher_new(struct hasher **out, struct error *err)
{
	AUTO(hasher_freep) struct hasher *hasher = calloc(1, sizeof(*hasher));

	if (!hasher)
		return error_memory(err, NULL);
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (fetch_names[alg])
			hasher->md[alg] = EVP_MD_fetch(NULL, fetch_names[alg], NULL);
	ERR_clear_error();
	hasher->kernels = sha_kernels_available();
	*out = TAKE(hasher);
	return 0;
}

void hasher_use_kernels(struct hasher *hasher, int level)
{
	const enum sha_kernels may[] = { SHA_KERNELS_NONE, SHA_KERNELS_NI, SHA_KERNELS_WIDE };

	assert(level >= 0 && (size_t)level < ARRAY_SIZE(may));
	hasher->kernels = sha_kernels_available();
	if (hasher->kernels > may[level])
		hasher->kernels = may[level];
}

void hasher_free(struct hasher *hasher)
{
	if (!hasher)
		return;
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		EVP_MD_CTX_free(hasher->one_shot[alg]);
		EVP_MD_CTX_free(hasher->stream[alg]);
		verity_free(hasher->verity[alg]);
		EVP_MD_free(hasher->md[alg]);
	}
	free(hasher);
}

void hasher_freep(struct hasher **hasher)
{
	hasher_free(*hasher);
}

bool hasher_has(const struct hasher *hasher, enum alg alg)
{
	if (alg_verity_base(alg) != ALG_NONE)
		alg = alg_verity_base(alg);
	return alg < ALG_COUNT && hasher->md[alg];
}

static bool is_verity(enum alg alg)
{
	return alg_verity_base(alg) != ALG_NONE;
}

/* Whether core/crypto_sha hashes this. */
static bool has_kernel(const struct hasher *hasher, enum alg alg)
{
	return hasher->kernels != SHA_KERNELS_NONE && sha_kernels_have(alg);
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

static int begin_verity(struct hasher *hasher, enum alg alg, struct error *err)
{
	if (!hasher->verity[alg] && verity_new(alg, &hasher->verity[alg], err) < 0)
		return -1;
	verity_begin(hasher->verity[alg]);
	return 0;
}

/* Of a file whose parts are all at hand; another may be streamed meanwhile. */
static int digest_verity(struct hasher *hasher, enum alg alg, const struct bytes *parts,
			 size_t n_parts, struct digest *out, struct error *err)
{
	struct verity *verity;
	int status = verity_new(alg, &verity, err);

	if (status < 0)
		return -1;
	for (size_t i = 0; i < n_parts && status == 0; i++)
		status = verity_update(verity, hasher, parts[i], err);
	if (status == 0)
		status = verity_finish(verity, hasher, out, err);
	verity_free(verity);
	return status;
}

int hasher_digest(struct hasher *hasher, enum alg alg, const struct bytes *parts, size_t n_parts,
		  struct digest *out, struct error *err)
{
	EVP_MD_CTX *ctx;

	if (!hasher_has(hasher, alg))
		return unsupported(err, alg);
	if (is_verity(alg))
		return digest_verity(hasher, alg, parts, n_parts, out, err);
	out->alg = alg;
	out->size = (uint8_t)alg_size(alg);
	if (has_kernel(hasher, alg)) {
		sha_digest(alg, parts, n_parts, out->value);
		return 0;
	}
	if (!hasher->one_shot[alg])
		hasher->one_shot[alg] = EVP_MD_CTX_new();
	ctx = hasher->one_shot[alg];
	if (!ctx)
		return error_memory(err, NULL);
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

/* All but the values, which kernels write. */
static void digests_init(struct digest *digests, size_t n, enum alg alg)
{
	uint8_t size = (uint8_t)alg_size(alg);

	for (size_t i = 0; i < n; i++) {
		digests[i].alg = alg;
		digests[i].size = size;
	}
}

/* Without kernels, or without one of this algorithm. */
static int digest_each(struct hasher *hasher, enum alg alg, const struct bytes *messages, size_t n,
		       struct digest *out, struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (hasher_digest(hasher, alg, &messages[i], 1, &out[i], err) < 0)
			return -1;
	return 0;
}

int hasher_digest_batch(struct hasher *hasher, alg_set algs, const struct bytes *messages, size_t n,
			struct digest *const out[], struct error *err)
{
	bool is_wide = hasher->kernels == SHA_KERNELS_WIDE && n >= SHA_WIDE_WORTH;
	alg_set wide = 0;

	for (enum alg alg = 0; algs >> alg; alg++) {
		if (!(algs & 1u << alg))
			continue;
		if (!hasher_has(hasher, alg))
			return unsupported(err, alg);
		if (!has_kernel(hasher, alg)) {
			if (digest_each(hasher, alg, messages, n, out[alg], err) < 0)
				return -1;
			continue;
		}
		digests_init(out[alg], n, alg);
		if (is_wide)
			wide |= 1u << alg;
		else
			sha_digest_pairs(alg, messages, n, out[alg]);
	}
	if (wide)
		sha_digest_wide(wide, messages, n, out);
	return 0;
}

static int extend_one(struct hasher *hasher, const struct extension *extension, struct error *err)
{
	size_t size = alg_size(extension->alg);
	const struct bytes parts[] = { bytes_of(extension->value, size),
				       bytes_of(extension->digest, size) };
	struct digest value;

	if (hasher_digest(hasher, extension->alg, parts, ARRAY_SIZE(parts), &value, err) < 0)
		return -1;
	memcpy(extension->value, value.value, size);
	return 0;
}

int hasher_extend(struct hasher *hasher, const struct extension *extensions, size_t n,
		  struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (!hasher_has(hasher, extensions[i].alg))
			return unsupported(err, extensions[i].alg);
	if (hasher->kernels != SHA_KERNELS_NONE)
		sha_extend(extensions, n);
	for (size_t i = 0; i < n; i++)
		if (!has_kernel(hasher, extensions[i].alg) &&
		    extend_one(hasher, &extensions[i], err) < 0)
			return -1;
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
		if (is_verity(alg)) {
			if (begin_verity(hasher, alg, err) < 0)
				return -1;
			continue;
		}
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
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		if (!(hasher->streaming & 1u << alg))
			continue;
		if (is_verity(alg)) {
			if (verity_update(hasher->verity[alg], hasher, bytes, err) < 0)
				return -1;
		} else if (EVP_DigestUpdate(hasher->stream[alg], bytes.data, bytes.size) != 1) {
			return crypto_error(err, alg);
		}
	}
	return 0;
}

int hasher_finish(struct hasher *hasher, struct digest out[ALG_COUNT], struct error *err)
{
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		if (!(hasher->streaming & 1u << alg))
			continue;
		if (is_verity(alg)) {
			if (verity_finish(hasher->verity[alg], hasher, &out[alg], err) < 0)
				return -1;
			continue;
		}
		if (EVP_DigestFinal_ex(hasher->stream[alg], out[alg].value, NULL) != 1)
			return crypto_error(err, alg);
		out[alg].alg = alg;
		out[alg].size = (uint8_t)alg_size(alg);
	}
	hasher->streaming = 0;
	return 0;
}
