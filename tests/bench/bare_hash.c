/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bare_hash: the bare cost of a load's hashes, in a loop and nothing else: libcrypto, one fetch per
 * algorithm, one context.
 * usage: bare_hash N ALG:SIZE...     hashes N times SIZE bytes with each ALG; prints nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include <string.h>

#include <openssl/evp.h>

struct load {
	EVP_MD *md;
	size_t size;
};

int main(int argc, char **argv)
{
	static uint8_t data[1 << 16];
	struct load loads[16];
	size_t n_loads = 0;
	unsigned long n = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (n == 0 || !ctx || argc - 2 > 16) {
		fputs("usage: bare_hash N ALG:SIZE...\n", stderr);
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		char *colon = strchr(argv[i], ':');

		if (!colon)
			return 2;
		*colon = 0;
		loads[n_loads].size = strtoul(colon + 1, NULL, 10);
		loads[n_loads].md = EVP_MD_fetch(NULL, argv[i], NULL);
		if (!loads[n_loads].md || loads[n_loads].size > sizeof(data))
			return 2;
		n_loads++;
	}
	for (unsigned long i = 0; i < n; i++)
		for (size_t j = 0; j < n_loads; j++)
			if (EVP_DigestInit_ex2(ctx, loads[j].md, NULL) != 1 ||
			    EVP_DigestUpdate(ctx, data, loads[j].size) != 1 ||
			    EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
				return 4;
	for (size_t j = 0; j < n_loads; j++)
		EVP_MD_free(loads[j].md);
	EVP_MD_CTX_free(ctx);
	return 0;
}
