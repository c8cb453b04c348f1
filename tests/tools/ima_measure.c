/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ima_measure: what a kernel would log and extend for a file it measures: writes the records of an
 * IMA binary list (little endian) to standard output, and what to extend into PCR 10 to file
 * descriptor 3, one line an entry: "sha1=HEX,sha256=HEX,sha384=HEX,sha512=HEX".
 *
 * usage: ima_measure [-s] [[-S HEX] -n LOGGED=FILE | -a ALG:HEX | -v PATH]...
 *   -s              template ima-sig (default: ima-ng), for what follows
 *   -S HEX          the signature in the next entry, security.ima as it is (default: empty)
 *   -n LOGGED=FILE  FILE measured under the name LOGGED
 *   -a ALG:HEX      boot_aggregate with this digest
 *   -v PATH         a violation: zeros in the list, ones in the PCR
 *
 * Source: Linux security/integrity/ima/ima_template_lib.c, ima_fs.c. Written apart from replay/ima,
 * which is tested with it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "core/file.h"

static const enum alg banks[] = { ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512 };

static void append_field(struct buf *data, struct bytes field)
{
	buf_append_le32(data, (uint32_t)field.size);
	buf_append(data, field);
}

/* What is measured how. */
struct options {
	bool with_signature;  /* template ima-sig */
	struct buf signature; /* for the next entry only */
};

static void append_template_data(struct buf *data, const struct options *options, const char *alg,
				 struct bytes digest, const char *path)
{
	AUTO(buf_clear) struct buf field = BUF_INIT;

	buf_append_string(&field, alg);
	buf_append(&field, bytes_of(":", 2)); /* the colon and a NUL */
	buf_append(&field, digest);
	append_field(data, buf_bytes(&field));
	append_field(data, bytes_of(path, strlen(path) + 1));
	if (options->with_signature)
		append_field(data, buf_bytes(&options->signature));
}

static int emit(struct hasher *hasher, struct options *options, bool violation, const char *alg,
		struct bytes digest, const char *path, struct error *err)
{
	const char *name = options->with_signature ? "ima-sig" : "ima-ng";
	AUTO(buf_clear) struct buf data = BUF_INIT;
	AUTO(buf_clear) struct buf record = BUF_INIT;
	struct digest hashes[ARRAY_SIZE(banks)];

	append_template_data(&data, options, alg, digest, path);
	if (buf_finish(&data, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(banks); i++) {
		if (hasher_digest_bytes(hasher, banks[i], buf_bytes(&data), &hashes[i], err) < 0)
			return -1;
		if (violation)
			memset(hashes[i].value, 0xff, hashes[i].size);
	}
	buf_append_le32(&record, 10);
	if (violation)
		memset(buf_extend(&record, 20), 0, 20);
	else
		buf_append(&record, digest_bytes(&hashes[0]));
	append_field(&record, bytes_of_string(name));
	append_field(&record, buf_bytes(&data));
	if (buf_finish(&record, err) < 0)
		return -1;
	if (fwrite(record.data, 1, record.size, stdout) != record.size)
		return error_set(err, ERROR_SYSTEM, "<stdout>", ERROR_NO_OFFSET, "cannot write");
	for (size_t i = 0; i < ARRAY_SIZE(banks); i++) {
		char hex[DIGEST_HEX_SIZE];

		dprintf(3, "%s%s=%s", i ? "," : "", alg_name(banks[i]),
			digest_hex(&hashes[i], hex));
	}
	dprintf(3, "\n");
	buf_clear(&options->signature);
	return 0;
}

static int measure_file(struct hasher *hasher, struct options *options, char *argument,
			struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;
	char *path = strchr(argument, '=');
	struct digest digest;

	if (!path)
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET, "-n takes LOGGED=FILE");
	*path++ = 0;
	if (file_open(path, &file, err) < 0 ||
	    hasher_digest_bytes(hasher, ALG_SHA256, file_bytes(file), &digest, err) < 0)
		return -1;
	return emit(hasher, options, false, "sha256", digest_bytes(&digest), argument, err);
}

static int measure_aggregate(struct hasher *hasher, struct options *options, char *argument,
			     struct error *err)
{
	char *hex = strchr(argument, ':');
	uint8_t value[DIGEST_SIZE_MAX];
	long size;

	if (!hex)
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET, "-a takes ALG:HEX");
	*hex++ = 0;
	size = hex_parse(bytes_of_string(hex), value, sizeof(value));
	if (size < 0)
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET, "not hex: %s", hex);
	return emit(hasher, options, false, argument, bytes_of(value, (size_t)size),
		    "boot_aggregate", err);
}

static int parse_signature(struct options *options, const char *hex, struct error *err)
{
	uint8_t value[2048]; /* an RSA 8192 signature and its header fit */
	long size = hex_parse(bytes_of_string(hex), value, sizeof(value));

	if (size < 0)
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET, "not hex: %s", hex);
	buf_clear(&options->signature);
	buf_append(&options->signature, bytes_of(value, (size_t)size));
	return buf_finish(&options->signature, err);
}

static void options_clear(struct options *options)
{
	buf_clear(&options->signature);
}

int main(int argc, char **argv)
{
	static const uint8_t zeros[32];
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(options_clear) struct options options = { 0 };
	struct error err = { 0 };
	int option, status = hasher_new(&hasher, &err);

	while (status == 0 && (option = getopt(argc, argv, "sS:n:a:v:")) != -1) {
		switch (option) {
		case 's':
			options.with_signature = true;
			break;
		case 'S':
			status = parse_signature(&options, optarg, &err);
			break;
		case 'n':
			status = measure_file(hasher, &options, optarg, &err);
			break;
		case 'a':
			status = measure_aggregate(hasher, &options, optarg, &err);
			break;
		case 'v':
			status = emit(hasher, &options, true, "sha256",
				      bytes_of(zeros, sizeof(zeros)), optarg, &err);
			break;
		default:
			return 2;
		}
	}
	if (status < 0 || fflush(stdout) != 0) {
		fprintf(stderr, "ima_measure: %s %s\n", err.source, err.message);
		return 4;
	}
	return 0;
}
