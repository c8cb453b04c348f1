/* SPDX-License-Identifier: BSD-2-Clause */
/* pe_info FILE...: for each image its SHA-256 Authenticode digest, kind, version and number of
 * signatures; what the end-to-end tests hold against other programs. */
#include "core/file.h"
#include "refgen/pe/pe.h"

static int show(const char *path, struct hasher *hasher, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;
	AUTO(pe_freep) struct pe *pe = NULL;
	struct digest out[ALG_COUNT];
	char hex[DIGEST_HEX_SIZE];

	if (file_open(path, &file, err) < 0 || pe_open(file_bytes(file), path, &pe, err) < 0 ||
	    pe_authenticode(pe, hasher, 1u << ALG_SHA256, out, err) < 0)
		return -1;
	printf("%s %s %.*s %zu %s\n", digest_hex(&out[ALG_SHA256], hex), pe_kind_name(pe_kind(pe)),
	       pe_version(pe).size ? (int)pe_version(pe).size : 1,
	       pe_version(pe).size ? (const char *)pe_version(pe).data : "-", pe_n_signatures(pe),
	       path);
	return 0;
}

int main(int argc, char **argv)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	struct error err = { 0 };
	char text[1024];
	int status = EXIT_DONE;

	if (hasher_new(&hasher, &err) < 0)
		return EXIT_SYSTEM;
	for (int i = 1; i < argc; i++) {
		if (show(argv[i], hasher, &err) == 0)
			continue;
		error_format(&err, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
		status = EXIT_INPUT;
	}
	return status;
}
