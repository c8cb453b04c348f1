/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto_streams.h"

#include <assert.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/crypto_sha_internal.h"

/* From so many streams on all lanes of the wide registers, busy or not, are faster than two streams at a
 * time on SHA instructions. */
#define WIDE_WORTH 9

struct stream {
	bool begun;
	uint32_t h[SHA_WORDS];
	uint64_t size; /* bytes so far */
	uint8_t tail[2 *
		     SHA_BLOCK]; /* what no block could be made of yet, in the end the padding */
	size_t tail_size;
	EVP_MD_CTX *libcrypto; /* instead of all these, without kernels; made at first use */
};

struct streams {
	enum sha_kernels kernels;
	EVP_MD *sha256; /* fetched at first use */
	size_t n;
	struct stream streams[STREAMS_MAX];
};

int streams_new(size_t n, struct streams **out, struct error *err)
{
	struct streams *streams = calloc(1, sizeof(*streams));

	assert(n <= STREAMS_MAX);
	if (!streams)
		return error_memory(err, NULL);
	streams->n = n;
	streams->kernels = sha_kernels_available();
	*out = streams;
	return 0;
}

void streams_free(struct streams *streams)
{
	if (!streams)
		return;
	for (size_t i = 0; i < streams->n; i++)
		EVP_MD_CTX_free(streams->streams[i].libcrypto);
	EVP_MD_free(streams->sha256);
	free(streams);
}

void streams_freep(struct streams **streams)
{
	streams_free(*streams);
}

void streams_use_kernels(struct streams *streams, int level)
{
	const enum sha_kernels may[] = { SHA_KERNELS_NONE, SHA_KERNELS_NI, SHA_KERNELS_WIDE };

	assert(level >= 0 && (size_t)level < ARRAY_SIZE(may));
	streams->kernels = sha_kernels_available();
	if (streams->kernels > may[level])
		streams->kernels = may[level];
}

static int libcrypto_error(struct error *err)
{
	char reason[160];

	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	ERR_clear_error();
	return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET, "libcrypto: sha256: %s", reason);
}

static int libcrypto_begin(struct streams *streams, struct stream *stream, struct error *err)
{
	if (!streams->sha256)
		streams->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	if (!streams->sha256)
		return libcrypto_error(err);
	if (!stream->libcrypto)
		stream->libcrypto = EVP_MD_CTX_new();
	if (!stream->libcrypto)
		return error_memory(err, NULL);
	if (EVP_DigestInit_ex2(stream->libcrypto, streams->sha256, NULL) != 1)
		return libcrypto_error(err);
	return 0;
}

int streams_begin(struct streams *streams, size_t i, struct error *err)
{
	struct stream *stream = &streams->streams[i];

	assert(i < streams->n);
	if (streams->kernels == SHA_KERNELS_NONE && libcrypto_begin(streams, stream, err) < 0)
		return -1;
	memcpy(stream->h, sha_initial[ALG_SHA256], sizeof(stream->h));
	stream->size = 0;
	stream->tail_size = 0;
	stream->begun = true;
	return 0;
}

/* Completes a block that was begun before; what is left of the bytes. */
static struct bytes complete(struct stream *stream, struct bytes bytes)
{
	size_t n = SHA_BLOCK - stream->tail_size;

	stream->size += bytes.size;
	if (stream->tail_size == 0 || bytes.size == 0)
		return bytes;
	if (n > bytes.size)
		n = bytes.size;
	memcpy(stream->tail + stream->tail_size, bytes.data, n);
	stream->tail_size += n;
	if (stream->tail_size == SHA_BLOCK) {
		sha_ni_one(ALG_SHA256, stream->h, stream->tail, 1);
		stream->tail_size = 0;
	}
	return bytes_of(bytes.data + n, bytes.size - n);
}

/* Hashes the whole blocks of all, as long as there are any: what is left of each is less than a block. */
static void hash_blocks(struct streams *streams, struct bytes left[STREAMS_MAX])
{
	for (;;) {
		uint32_t *h[STREAMS_MAX];
		const uint8_t *at[STREAMS_MAX];
		size_t of[STREAMS_MAX], n = 0, n_blocks = SIZE_MAX;

		for (size_t i = 0; i < streams->n; i++)
			if (left[i].size >= SHA_BLOCK)
				of[n++] = i;
		if (n == 0)
			return;
		if (n > 2 && (streams->kernels < SHA_KERNELS_WIDE || n < WIDE_WORTH))
			n = 2;
		for (size_t i = 0; i < n; i++) {
			h[i] = streams->streams[of[i]].h;
			at[i] = left[of[i]].data;
			if (n_blocks > left[of[i]].size / SHA_BLOCK)
				n_blocks = left[of[i]].size / SHA_BLOCK;
		}
		if (n == 1)
			sha_ni_one(ALG_SHA256, h[0], at[0], n_blocks);
		else if (n == 2)
			sha_ni_two(ALG_SHA256, h, at, n_blocks);
		else
			sha256_wide_blocks(h, at, n, n_blocks);
		for (size_t i = 0; i < n; i++)
			left[of[i]] = bytes_of(left[of[i]].data + n_blocks * SHA_BLOCK,
					       left[of[i]].size - n_blocks * SHA_BLOCK);
	}
}

int streams_update(struct streams *streams, const struct bytes next[], struct error *err)
{
	struct bytes left[STREAMS_MAX];

	for (size_t i = 0; i < streams->n; i++) {
		struct stream *stream = &streams->streams[i];

		assert(stream->begun || next[i].size == 0);
		if (streams->kernels != SHA_KERNELS_NONE)
			left[i] = complete(stream, next[i]);
		else if (next[i].size &&
			 EVP_DigestUpdate(stream->libcrypto, next[i].data, next[i].size) != 1)
			return libcrypto_error(err);
	}
	if (streams->kernels == SHA_KERNELS_NONE)
		return 0;
	hash_blocks(streams, left);
	for (size_t i = 0; i < streams->n; i++) {
		struct stream *stream = &streams->streams[i];

		if (!left[i].size)
			continue;
		/* Something is left only where the tail became empty. */
		memcpy(stream->tail, left[i].data, left[i].size);
		stream->tail_size = left[i].size;
	}
	return 0;
}

static void put_be32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

/* One bit, zeros, the length in bits (FIPS 180-4, 5.1.1). */
static void pad_and_hash(struct stream *stream)
{
	size_t n_blocks = sha_n_blocks(stream->tail_size);
	uint8_t *end = stream->tail + n_blocks * SHA_BLOCK;

	memset(stream->tail + stream->tail_size, 0, n_blocks * SHA_BLOCK - stream->tail_size);
	stream->tail[stream->tail_size] = 0x80;
	put_be32(end - 8, (uint32_t)(stream->size >> 29));
	put_be32(end - 4, (uint32_t)(stream->size << 3));
	sha_ni_one(ALG_SHA256, stream->h, stream->tail, n_blocks);
}

int streams_finish(struct streams *streams, size_t i, struct digest *out, struct error *err)
{
	struct stream *stream = &streams->streams[i];

	assert(i < streams->n && stream->begun);
	stream->begun = false;
	if (streams->kernels != SHA_KERNELS_NONE) {
		pad_and_hash(stream);
		for (size_t j = 0; j < SHA_WORDS; j++)
			put_be32(out->value + 4 * j, stream->h[j]);
	} else if (EVP_DigestFinal_ex(stream->libcrypto, out->value, NULL) != 1) {
		return libcrypto_error(err);
	}
	out->alg = ALG_SHA256;
	out->size = (uint8_t)alg_size(ALG_SHA256);
	return 0;
}
