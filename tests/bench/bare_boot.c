/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bare_boot: the bare cost of a boot's measurements: each file read once, and hashed as often as there
 * are measurements of it, with the four algorithms of a TPM's banks. libcrypto in a loop, nothing else.
 * usage: bare_boot N:FILE...
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

static uint8_t *read_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	uint8_t *data;
	size_t done = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	*size = (size_t)st.st_size;
	data = malloc(*size + 1);
	while (data && done < *size) {
		ssize_t got = read(fd, data + done, *size - done);

		if (got <= 0) {
			free(data);
			data = NULL;
		} else {
			done += (size_t)got;
		}
	}
	close(fd);
	return data;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "SHA1", "SHA256", "SHA384", "SHA512" };
	EVP_MD *algs[4];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (argc < 2 || !ctx) {
		fputs("usage: bare_boot N:FILE...\n", stderr);
		return 2;
	}
	for (int k = 0; k < 4; k++)
		if (!(algs[k] = EVP_MD_fetch(NULL, names[k], NULL)))
			return 4;
	for (int i = 1; i < argc; i++) {
		char *colon = strchr(argv[i], ':');
		unsigned long n = strtoul(argv[i], NULL, 10);
		uint8_t *data;
		size_t size;

		if (!colon || !(data = read_file(colon + 1, &size))) {
			fprintf(stderr, "bare_boot: %s\n", argv[i]);
			return 2;
		}
		for (unsigned long j = 0; j < n; j++)
			for (int k = 0; k < 4; k++)
				if (EVP_DigestInit_ex2(ctx, algs[k], NULL) != 1 ||
				    EVP_DigestUpdate(ctx, data, size) != 1 ||
				    EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
					return 4;
		free(data);
	}
	for (int k = 0; k < 4; k++)
		EVP_MD_free(algs[k]);
	EVP_MD_CTX_free(ctx);
	return 0;
}
