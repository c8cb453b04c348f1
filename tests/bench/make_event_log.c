/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make_event_log: a crypto-agile event log of N events in four banks, each digest the hash of the
 * event's data, on standard output. usage: make_event_log N
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto.h"

static const enum alg banks[] = { ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512 };

/* The header event: TCG_PCR_EVENT with a Spec ID Event03 (PFP 1.05, 10.4.5.1). */
static void append_spec_id(struct buf *log)
{
	static const uint8_t zeros[20];
	AUTO(buf_clear) struct buf data = BUF_INIT;

	buf_append(&data, bytes_of("Spec ID Event03", 16));
	buf_append_le32(&data, 0);                  /* platformClass: client */
	buf_append(&data, bytes_of("\0\2\0\2", 4)); /* version 2.0, errata 0, uintnSize 2 */
	buf_append_le32(&data, ARRAY_SIZE(banks));
	for (size_t i = 0; i < ARRAY_SIZE(banks); i++) {
		buf_append_le16(&data, alg_tpm_id(banks[i]));
		buf_append_le16(&data, (uint16_t)alg_size(banks[i]));
	}
	buf_append_u8(&data, 0); /* vendorInfoSize */
	buf_append_le32(log, 0);
	buf_append_le32(log, 3); /* EV_NO_ACTION */
	buf_append(log, bytes_of(zeros, sizeof(zeros)));
	buf_append_le32(log, (uint32_t)data.size);
	buf_append(log, buf_bytes(&data));
}

static int append_event(struct buf *log, struct hasher *hasher, unsigned long i, struct error *err)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "grub_cmd: command number %lu", i);

	buf_append_le32(log, 8);
	buf_append_le32(log, 0xd); /* EV_IPL */
	buf_append_le32(log, ARRAY_SIZE(banks));
	for (size_t b = 0; b < ARRAY_SIZE(banks); b++) {
		struct digest digest;

		if (hasher_digest_bytes(hasher, banks[b], bytes_of(text + 10, (size_t)size - 10),
					&digest, err) < 0)
			return -1;
		buf_append_le16(log, alg_tpm_id(banks[b]));
		buf_append(log, digest_bytes(&digest));
	}
	buf_append_le32(log, (uint32_t)size + 1);
	buf_append(log, bytes_of(text, (size_t)size + 1));
	return 0;
}

int main(int argc, char **argv)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(buf_clear) struct buf log = BUF_INIT;
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	struct error err = { 0 };

	if (n == 0) {
		fputs("usage: make_event_log N\n", stderr);
		return 2;
	}
	if (hasher_new(&hasher, &err) < 0)
		goto failed;
	append_spec_id(&log);
	for (unsigned long i = 0; i < n; i++)
		if (append_event(&log, hasher, i, &err) < 0)
			goto failed;
	if (buf_finish(&log, &err) < 0)
		goto failed;
	if (fwrite(log.data, 1, log.size, stdout) != log.size || fflush(stdout) != 0) {
		perror("make_event_log");
		return 4;
	}
	return 0;
failed:
	fprintf(stderr, "make_event_log: %s\n", err.message);
	return 4;
}
