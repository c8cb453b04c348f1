/* SPDX-License-Identifier: BSD-2-Clause */
/* pe_anchor IMAGE CERTIFICATE...: for each signature of an image: whether it is over the image's
 * digest, and which of the certificates (DER) are anchors of its signer, by their number from 1. */
#include "core/crypto_cms.h"
#include "core/file.h"
#include "refgen/pe/pe.h"

static int show(const struct pe *pe, size_t i, char **certificates, int n,
		const struct digest digests[ALG_COUNT], struct error *err)
{
	AUTO(authenticode_freep) struct authenticode *signature = NULL;
	const struct digest *stated;

	if (authenticode_parse(pe_signature(pe, i), pe_source(pe), 0, &signature, err) < 0)
		return -1;
	stated = authenticode_digest(signature);
	printf("%s %s", alg_name(stated->alg),
	       stated->alg != ALG_NONE && authenticode_covers(signature, &digests[stated->alg])
		       ? "covers"
		       : "differs");
	for (int c = 0; c < n; c++) {
		AUTO(file_freep) struct file *file = NULL;
		int result;

		if (file_open(certificates[c], &file, err) < 0)
			return -1;
		result = authenticode_anchored(signature, file_bytes(file), err);
		if (result < 0)
			return -1;
		if (result > 0)
			printf(" %d", c + 1);
	}
	printf("\n");
	return 0;
}

int main(int argc, char **argv)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(file_freep) struct file *file = NULL;
	AUTO(pe_freep) struct pe *pe = NULL;
	struct digest digests[ALG_COUNT];
	struct error err = { 0 };
	char text[1024];
	bool failed;

	if (argc < 2)
		return EXIT_USAGE;
	failed = hasher_new(&hasher, &err) < 0 || file_open(argv[1], &file, &err) < 0 ||
		 pe_open(file_bytes(file), argv[1], &pe, &err) < 0 ||
		 pe_authenticode(pe, hasher, 0xf, digests, &err) < 0;
	for (size_t i = 0; !failed && i < pe_n_signatures(pe); i++)
		failed = show(pe, i, argv + 2, argc - 2, digests, &err) < 0;
	if (!failed)
		return EXIT_DONE;
	error_format(&err, text, sizeof(text));
	fprintf(stderr, "%s\n", text);
	return EXIT_INPUT;
}
