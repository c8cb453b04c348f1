/* SPDX-License-Identifier: BSD-2-Clause */
/* An OpenPGP signature packet, an armoured text, base64. librnp is not fuzzed. */
#include "refgen/rpm/openpgp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_clear) struct buf binary = BUF_INIT;
	AUTO(buf_clear) struct buf trailer = BUF_INIT;
	struct reader in = reader_of(bytes_of(data, size), 0, "fuzz");
	struct openpgp_signature signature;
	struct bytes body, whole;
	struct error err;
	unsigned type;

	if (openpgp_signature_parse(bytes_of(data, size), 0, "fuzz", &signature, &err) == 0)
		openpgp_signature_trailer(&signature, &trailer);
	while (reader_left(&in) && openpgp_packet_next(&in, &type, &body, &whole, &err) == 0)
		(void)openpgp_key_alg_name(body.size ? body.data[0] : 0);
	(void)base64_parse(bytes_of(data, size), &binary);
	if (openpgp_is_armored(bytes_of(data, size)))
		(void)openpgp_dearmor(bytes_of(data, size), "fuzz", &binary, &err);
	return 0;
}
