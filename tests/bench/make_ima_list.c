/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make_ima_list: an IMA binary list of N entries on standard output, with right template hashes.
 * usage: make_ima_list N ima-ng|ima-sig [FILES_EACH]
 *
 * After boot_aggregate the entries are the files that make_golden adds, FILES_EACH (80) of each
 * artifact, with paths and digests as there. Signatures are of 265 bytes, as of RSA 2048.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto.h"

/* Bytes gathered before they are written. */
#define WRITE_SIZE (1 << 20)

/* spread, path_of and seed_of of make_golden.c, version 0. */
static uint64_t spread(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static void append_spread(struct buf *out, uint64_t seed, size_t size)
{
	for (uint64_t i = 0; size; i++) {
		uint64_t bits = spread(seed * 4 + i);
		size_t n = size < sizeof(bits) ? size : sizeof(bits);

		buf_append(out, bytes_of(&bits, n));
		size -= n;
	}
}

static void append_path(struct buf *out, uint64_t artifact, uint64_t file)
{
	static const char *const folders[] = { "bin",
					       "lib64",
					       "share/doc/packages",
					       "libexec",
					       "lib/modules/6.4.0-150600.23.47-default/kernel",
					       "lib/python3.11/site-packages",
					       "share/locale/de",
					       "include" };

	buf_printf(out, "/usr/%s/package%04" PRIu64 "/file%03" PRIu64 ".so.1",
		   folders[file % ARRAY_SIZE(folders)], artifact, file);
}

static void append_entry(struct buf *data, uint64_t i, uint64_t files_each, bool with_signature)
{
	static const uint8_t header[] = { 3, 2, 4, 1, 2, 3, 4, 1, 0 };
	uint64_t artifact = (i - 1) / files_each, file = (i - 1) % files_each;
	AUTO(buf_clear) struct buf path = BUF_INIT;

	buf_append_le32(data, 40);
	buf_append(data, bytes_of("sha256:", 8));
	append_spread(data, i ? artifact << 24 | file << 4 : UINT64_MAX / 8, 32);
	if (i)
		append_path(&path, artifact, file);
	else
		buf_append_string(&path, "boot_aggregate");
	buf_append_u8(&path, 0);
	buf_append_le32(data, (uint32_t)path.size);
	buf_append(data, buf_bytes(&path));
	if (!with_signature)
		return;
	buf_append_le32(data, i ? 265 : 0);
	if (i) {
		buf_append(data, bytes_of(header, sizeof(header)));
		append_spread(data, i, 256);
	}
}

static int write_out(struct buf *out, struct error *err)
{
	if (buf_finish(out, err) < 0)
		return -1;
	if (fwrite(out->data, 1, out->size, stdout) != out->size)
		return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET, "cannot write");
	out->size = 0;
	return 0;
}

static int run(uint64_t n, const char *template, uint64_t files_each, struct error *err)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(buf_clear) struct buf out = BUF_INIT;
	AUTO(buf_clear) struct buf data = BUF_INIT;

	if (hasher_new(&hasher, err) < 0)
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		struct digest digest;

		data.size = 0;
		append_entry(&data, i, files_each, strcmp(template, "ima-sig") == 0);
		if (buf_finish(&data, err) < 0 ||
		    hasher_digest_bytes(hasher, ALG_SHA1, buf_bytes(&data), &digest, err) < 0)
			return -1;
		buf_append_le32(&out, 10);
		buf_append(&out, digest_bytes(&digest));
		buf_append_le32(&out, (uint32_t)strlen(template));
		buf_append_string(&out, template);
		buf_append_le32(&out, (uint32_t)data.size);
		buf_append(&out, buf_bytes(&data));
		if (out.size >= WRITE_SIZE && write_out(&out, err) < 0)
			return -1;
	}
	return write_out(&out, err);
}

int main(int argc, char **argv)
{
	uint64_t n, files_each;
	struct error err = { 0 };

	if (argc < 3 || argc > 4 ||
	    (strcmp(argv[2], "ima-ng") != 0 && strcmp(argv[2], "ima-sig") != 0)) {
		fputs("usage: make_ima_list N ima-ng|ima-sig [FILES_EACH]\n", stderr);
		return 2;
	}
	n = strtoull(argv[1], NULL, 10);
	files_each = argc > 3 ? strtoull(argv[3], NULL, 10) : 80;
	if (files_each == 0 || run(n, argv[2], files_each, &err) < 0 || fflush(stdout) != 0) {
		fprintf(stderr, "make_ima_list: %s\n", err.message);
		return 1;
	}
	return 0;
}
