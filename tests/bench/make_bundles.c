/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make_bundles: a fleet of machines that booted alike and ran files of one release.
 *
 * usage: make_bundles CAPTURE OUT N_BUNDLES N_ENTRIES N_FILES
 *
 * Takes the boot log and the PCR values of a real capture (its binary_bios_measurements and
 * pcrs.yaml), and writes OUT/golden.db (one release of N_FILES files, 80 to a package), OUT/ak.pub and
 * OUT/fleet/machine-NNNN/ with quote.msg, quote.sig, quote.pcrs (serialized), nonce, ak.pub, the boot
 * log and an IMA list (ima-ng) of boot_aggregate and N_ENTRIES - 1 files, in another order on each
 * machine. The quotes (sha256, PCRs 0 to 14) are signed here by a key in software; to a verifier
 * they are as good as a TPM's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "core/file.h"
#include "core/pcr.h"
#include "db/db.h"

#define QUOTED_PCRS 15

struct fleet {
	struct hasher *hasher;
	EVP_PKEY *key;
	struct buf ak; /* TPM2B_PUBLIC */
	struct bytes boot_log;
	struct pcr_bank booted; /* sha256, PCR 10 still reset */
	size_t n_files, n_entries;
	struct digest *contents; /* sha256 of each file */
	const char *out;
};

static void path_of(size_t file, char out[64])
{
	snprintf(out, 64, "/usr/lib/fleet/%02zu/file-%06zu.so", file % 97, file);
}

/* The sha256 values of a tpm2_pcrread listing. */
static int read_values(const char *path, struct pcr_bank *bank, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;
	AUTO(buf_clear) struct buf text = BUF_INIT;
	char *at;

	pcr_bank_init(bank, ALG_SHA256);
	if (file_open(path, &file, err) < 0)
		return -1;
	buf_append(&text, file_bytes(file));
	if (buf_finish(&text, err) < 0)
		return -1;
	at = strstr((char *)text.data, "sha256:");
	for (unsigned pcr = 0; at && pcr < QUOTED_PCRS; pcr++) {
		at = strstr(at, "0x");
		if (!at || hex_parse(bytes_of(at + 2, 64), bank->value[pcr], 32) != 32)
			at = NULL;
		else
			at += 2;
	}
	if (!at)
		return error_set(err, ERROR_MALFORMED, path, ERROR_NO_OFFSET,
				 "no sha256 values of PCRs 0 to 14");
	memset(bank->value[10], 0, 32);
	return 0;
}

/* TPM2B_PUBLIC of a restricted RSASSA-SHA-256 signing key (TPM 2.0 part 2, 12.2.4). */
static int make_key(struct fleet *fleet, struct error *err)
{
	AUTO(buf_clear) struct buf area = BUF_INIT;
	BIGNUM *modulus = NULL;
	uint8_t n[256];

	fleet->key = EVP_RSA_gen(2048);
	if (!fleet->key || !EVP_PKEY_get_bn_param(fleet->key, OSSL_PKEY_PARAM_RSA_N, &modulus) ||
	    BN_bn2binpad(modulus, n, sizeof(n)) != (int)sizeof(n)) {
		BN_free(modulus);
		return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET, "cannot make a key");
	}
	BN_free(modulus);
	buf_append_be16(&area, 0x0001);     /* TPM_ALG_RSA */
	buf_append_be16(&area, 0x000b);     /* nameAlg */
	buf_append_be32(&area, 0x00050072); /* fixedTPM .. restricted, sign */
	buf_append_be16(&area, 0);          /* authPolicy */
	buf_append_be16(&area, 0x0010);     /* symmetric: none */
	buf_append_be16(&area, 0x0014);     /* RSASSA */
	buf_append_be16(&area, 0x000b);     /* with SHA-256 */
	buf_append_be16(&area, 2048);
	buf_append_be32(&area, 0); /* exponent 65537 */
	buf_append_be16(&area, sizeof(n));
	buf_append(&area, bytes_of(n, sizeof(n)));
	buf_append_be16(&fleet->ak, (uint16_t)area.size);
	buf_append(&fleet->ak, buf_bytes(&area));
	return buf_finish(&area, err) < 0 ? -1 : buf_finish(&fleet->ak, err);
}

static int write_in(const char *folder, const char *name, struct bytes contents, struct error *err)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "wb");
	if (!out || fwrite(contents.data, 1, contents.size, out) != contents.size ||
	    fclose(out) != 0)
		return error_errno(err, ERROR_SYSTEM, path, errno, "cannot write");
	return 0;
}

static int append_entry(struct fleet *fleet, struct buf *list, struct pcr_bank *bank,
			const struct digest *digest, const char *path, struct error *err)
{
	AUTO(buf_clear) struct buf data = BUF_INIT;
	struct digest sha1, sha256;

	buf_append_le32(&data, 8 + 32);
	buf_append(&data, bytes_of("sha256:", 8));
	buf_append(&data, digest_bytes(digest));
	buf_append_le32(&data, (uint32_t)strlen(path) + 1);
	buf_append(&data, bytes_of(path, strlen(path) + 1));
	if (buf_finish(&data, err) < 0 ||
	    hasher_digest_bytes(fleet->hasher, ALG_SHA1, buf_bytes(&data), &sha1, err) < 0 ||
	    hasher_digest_bytes(fleet->hasher, ALG_SHA256, buf_bytes(&data), &sha256, err) < 0 ||
	    pcr_bank_extend(bank, fleet->hasher, 10, &sha256, err) < 0)
		return -1;
	buf_append_le32(list, 10);
	buf_append(list, digest_bytes(&sha1));
	buf_append_le32(list, 6);
	buf_append_string(list, "ima-ng");
	buf_append_le32(list, (uint32_t)data.size);
	buf_append(list, buf_bytes(&data));
	return 0;
}

static int append_list(struct fleet *fleet, size_t machine, struct buf *list, struct pcr_bank *bank,
		       struct error *err)
{
	/* A large prime as step visits every file once, whatever n_files is (unless its multiple). */
	const size_t step = 15485863;
	size_t at = machine * 7919 % fleet->n_files;
	struct bytes values[10];
	struct digest aggregate;

	for (size_t pcr = 0; pcr < ARRAY_SIZE(values); pcr++)
		values[pcr] = bytes_of(bank->value[pcr], 32);
	if (hasher_digest(fleet->hasher, ALG_SHA256, values, ARRAY_SIZE(values), &aggregate, err) <
		    0 ||
	    append_entry(fleet, list, bank, &aggregate, "boot_aggregate", err) < 0)
		return -1;
	for (size_t i = 1; i < fleet->n_entries; i++) {
		char path[64];

		path_of(at, path);
		if (append_entry(fleet, list, bank, &fleet->contents[at], path, err) < 0)
			return -1;
		at = (at + step) % fleet->n_files;
	}
	return buf_finish(list, err);
}

/* The PCR file of tpm2_quote: its structs in memory, little endian (tpm2-tools 5.4, lib/pcr.c). */
static int append_pcr_file(const struct pcr_bank *bank, struct buf *out, struct error *err)
{
	static const uint8_t zeros[64];

	buf_append_le32(out, 1); /* one bank ... */
	buf_append_le16(out, 0x000b);
	buf_append(out, bytes_of("\3\xff\x7f\0\0\0", 6));
	for (size_t unused = 1; unused < 16; unused++) /* ... of sixteen */
		buf_append(out, bytes_of(zeros, 8));
	buf_append_le32(out, 2); /* lists of eight digests each */
	for (size_t list = 0; list < 2; list++) {
		size_t n = list == 0 ? 8 : QUOTED_PCRS - 8;

		buf_append_le32(out, (uint32_t)n);
		for (size_t i = 0; i < 8; i++) {
			buf_append_le16(out, i < n ? 32 : 0);
			buf_append(out, i < n ? bytes_of(bank->value[8 * list + i], 64)
					      : bytes_of(zeros, 64));
		}
	}
	return buf_finish(out, err);
}

/* TPMS_ATTEST of a quote over sha256, PCRs 0 to 14 (TPM 2.0 part 2, 10.12.12). */
static int append_quote(struct fleet *fleet, const struct pcr_bank *bank, struct bytes nonce,
			struct buf *message, struct error *err)
{
	struct bytes values[QUOTED_PCRS];
	struct digest digest;

	for (size_t pcr = 0; pcr < QUOTED_PCRS; pcr++)
		values[pcr] = bytes_of(bank->value[pcr], 32);
	if (hasher_digest(fleet->hasher, ALG_SHA256, values, QUOTED_PCRS, &digest, err) < 0)
		return -1;
	buf_append_be32(message, 0xff544347);
	buf_append_be16(message, 0x8018);
	buf_append_be16(message, 34);
	buf_append_be16(message, 0x000b);
	buf_append(message, digest_bytes(&digest)); /* stands for the key's qualified name */
	buf_append_be16(message, (uint16_t)nonce.size);
	buf_append(message, nonce);
	buf_append_be32(message, 0); /* clock: 120,000 ms */
	buf_append_be32(message, 120000);
	buf_append_be32(message, 3); /* resetCount */
	buf_append_be32(message, 0); /* restartCount */
	buf_append_u8(message, 1);   /* safe */
	buf_append_be32(message, 0x20191023);
	buf_append_be32(message, 0x00163636);
	buf_append_be32(message, 1);
	buf_append_be16(message, 0x000b);
	buf_append(message, bytes_of("\3\xff\x7f\0", 4));
	buf_append_be16(message, 32);
	buf_append(message, digest_bytes(&digest));
	return buf_finish(message, err);
}

/* TPMT_SIGNATURE, RSASSA with SHA-256. */
static int append_signature(struct fleet *fleet, struct bytes message, struct buf *out,
			    struct error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[256];
	size_t size = sizeof(signature);
	int good = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, fleet->key) == 1 &&
		   EVP_DigestSign(ctx, signature, &size, message.data, message.size) == 1;

	EVP_MD_CTX_free(ctx);
	if (!good)
		return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET, "cannot sign");
	buf_append_be16(out, 0x0014);
	buf_append_be16(out, 0x000b);
	buf_append_be16(out, (uint16_t)size);
	buf_append(out, bytes_of(signature, size));
	return buf_finish(out, err);
}

/* OUT/pcrs/machine-NNNN: the PCRs as evmctl reads them. */
static int write_pcr_lines(struct fleet *fleet, size_t machine, const struct pcr_bank *bank,
			   struct error *err)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	char name[32];

	for (size_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		buf_printf(&text, "PCR-%02zu: ", pcr);
		buf_append_hex(&text, bytes_of(bank->value[pcr], 32));
		buf_append_u8(&text, '\n');
	}
	snprintf(name, sizeof(name), "pcrs/machine-%04zu", machine);
	return buf_finish(&text, err) < 0 ? -1 : write_in(fleet->out, name, buf_bytes(&text), err);
}

static int make_bundle(struct fleet *fleet, size_t machine, struct error *err)
{
	AUTO(buf_clear) struct buf list = BUF_INIT, message = BUF_INIT, pcrs = BUF_INIT;
	AUTO(buf_clear) struct buf signature = BUF_INIT, nonce = BUF_INIT;
	struct pcr_bank bank = fleet->booted;
	struct digest fresh;
	char folder[4096], name[32];

	snprintf(name, sizeof(name), "machine %zu", machine);
	snprintf(folder, sizeof(folder), "%s/fleet/machine-%04zu", fleet->out, machine);
	if (mkdir(folder, 0777) < 0)
		return error_errno(err, ERROR_SYSTEM, folder, errno, "cannot create");
	if (hasher_digest_bytes(fleet->hasher, ALG_SHA256, bytes_of_string(name), &fresh, err) < 0)
		return -1;
	buf_append_hex(&nonce, bytes_of(fresh.value, 20));
	if (append_list(fleet, machine, &list, &bank, err) < 0 ||
	    append_quote(fleet, &bank, bytes_of(fresh.value, 20), &message, err) < 0 ||
	    append_pcr_file(&bank, &pcrs, err) < 0 ||
	    append_signature(fleet, buf_bytes(&message), &signature, err) < 0 ||
	    write_pcr_lines(fleet, machine, &bank, err) < 0)
		return -1;
	if (write_in(folder, "binary_runtime_measurements", buf_bytes(&list), err) < 0 ||
	    write_in(folder, "binary_bios_measurements", fleet->boot_log, err) < 0 ||
	    write_in(folder, "quote.msg", buf_bytes(&message), err) < 0 ||
	    write_in(folder, "quote.sig", buf_bytes(&signature), err) < 0 ||
	    write_in(folder, "quote.pcrs", buf_bytes(&pcrs), err) < 0 ||
	    write_in(folder, "ak.pub", buf_bytes(&fleet->ak), err) < 0)
		return -1;
	return write_in(folder, "nonce", buf_bytes(&nonce), err);
}

static int add_file(struct fleet *fleet, struct db *db, size_t i, struct error *err)
{
	struct golden_file file = { .mode = 0100755,
				    .kind = KIND_SHARED_OBJECT,
				    .size = i + 1,
				    .digests = &fleet->contents[i],
				    .n_digests = 1 };
	char name[64];

	path_of(i, name);
	file.path = bytes_of_string(name);
	if (hasher_digest_bytes(fleet->hasher, ALG_SHA256, file.path, &fleet->contents[i], err) < 0)
		return -1;
	return db_import_file(db, &file, err);
}

/* The files in packages of so many. */
#define PACKAGE_FILES 80

static int make_golden(struct fleet *fleet, struct error *err)
{
	AUTO(db_closep) struct db *db = NULL;
	char path[4096];

	snprintf(path, sizeof(path), "%s/golden.db", fleet->out);
	fleet->contents = calloc(fleet->n_files, sizeof(*fleet->contents));
	if (!fleet->contents)
		return error_memory(err, NULL);
	if (db_open(path, DB_IMPORT, &db, err) < 0)
		return -1;
	for (size_t first = 0; first < fleet->n_files; first += PACKAGE_FILES) {
		struct artifact artifact = { .kind = ARTIFACT_TREE };
		char name[32];

		snprintf(name, sizeof(name), "fleet-%06zu", first);
		artifact.name = bytes_of_string(name);
		if (hasher_digest_bytes(fleet->hasher, ALG_SHA256, artifact.name, &artifact.digest,
					err) < 0 ||
		    db_import_begin(db, "fleet-1", &artifact, 1u << ALG_SHA256, err) < 0)
			return -1;
		for (size_t i = first; i < first + PACKAGE_FILES && i < fleet->n_files; i++)
			if (add_file(fleet, db, i, err) < 0)
				return -1;
		if (db_import_commit(db, err) < 0)
			return -1;
	}
	return db_import_finish(db, err);
}

int main(int argc, char **argv)
{
	struct fleet fleet = { 0 };
	AUTO(file_freep) struct file *boot_log = NULL;
	struct error err = { 0 };
	size_t n_bundles;
	char path[4096];

	if (argc != 6) {
		fputs("usage: make_bundles CAPTURE OUT N_BUNDLES N_ENTRIES N_FILES\n", stderr);
		return 2;
	}
	fleet.out = argv[2];
	n_bundles = strtoul(argv[3], NULL, 10);
	fleet.n_entries = strtoul(argv[4], NULL, 10);
	fleet.n_files = strtoul(argv[5], NULL, 10);
	if (fleet.n_files == 0)
		return 2;
	if (mkdir(fleet.out, 0777) < 0 && errno != EEXIST) {
		perror(fleet.out);
		return 4;
	}
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", fleet.out, i ? "pcrs" : "fleet");
		if (mkdir(path, 0777) < 0) {
			perror(path);
			return 4;
		}
	}
	snprintf(path, sizeof(path), "%s/binary_bios_measurements", argv[1]);
	if (hasher_new(&fleet.hasher, &err) < 0 || file_open(path, &boot_log, &err) < 0)
		goto failed;
	fleet.boot_log = file_bytes(boot_log);
	snprintf(path, sizeof(path), "%s/pcrs.yaml", argv[1]);
	if (read_values(path, &fleet.booted, &err) < 0 || make_key(&fleet, &err) < 0 ||
	    make_golden(&fleet, &err) < 0 ||
	    write_in(fleet.out, "ak.pub", buf_bytes(&fleet.ak), &err) < 0)
		goto failed;
	for (size_t i = 0; i < n_bundles; i++)
		if (make_bundle(&fleet, i, &err) < 0)
			goto failed;
	hasher_free(fleet.hasher);
	EVP_PKEY_free(fleet.key);
	buf_clear(&fleet.ak);
	free(fleet.contents);
	return 0;
failed:
	fprintf(stderr, "make_bundles: %s: %s\n", err.source, err.message);
	return 4;
}
