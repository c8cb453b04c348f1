/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signature lists, good and bad; and who authorises real images: the databases are those that a
 * captured boot measured, the expected authority is the one its firmware logged. Images that are not
 * installed here are skipped.
 */
#include "refgen/secureboot/secureboot.h"

#include <unistd.h>

#include "replay/eventlog/eventlog.h"
#include "tests/unit/test.h"

#define LOG         "tests/vectors/captures/sb-grub/binary_bios_measurements"
#define SHIM        "/usr/lib/shim/shimx64.efi.signed"
#define OWNER       "00112233445566778899aabbccddeeff"
#define SHA256_TYPE "2616c4c14c509240aca941f936934328"
#define X509_TYPE   "a159c0a5e494a74a87b5ab155c2bf072"

static struct hasher *hasher;

/* --- lists --------------------------------------------------------------------------------------- */

static void reads_entries(void **state)
{
	/* Two lists: of two entries of 18 bytes, and of one of 20 with a header of 3. */
	struct bytes database =
		test_hex(SHA256_TYPE "40000000"
				     "00000000"
				     "12000000" OWNER "aabb" OWNER "ccdd" X509_TYPE "33000000"
				     "03000000"
				     "14000000"
				     "ffffff" OWNER "01020304");
	struct signature_reader reader = signature_reader_of(database, "db");
	struct signature_entry entry;

	(void)state;
	assert_int_equal(signature_next(&reader, &entry, NULL), 1);
	assert_true(guid_equal(&entry.type, &guid_cert_sha256));
	assert_int_equal(entry.list, 0);
	assert_int_equal(entry.index, 0);
	assert_int_equal(entry.offset, 28);
	test_bytes_hex(entry.owner, OWNER);
	test_bytes_hex(entry.data, "aabb");
	test_bytes_hex(entry.whole, OWNER "aabb");
	assert_int_equal(signature_next(&reader, &entry, NULL), 1);
	assert_int_equal(entry.index, 1);
	test_bytes_hex(entry.data, "ccdd");
	assert_int_equal(signature_next(&reader, &entry, NULL), 1);
	assert_true(guid_equal(&entry.type, &guid_cert_x509));
	assert_int_equal(entry.list, 1);
	assert_int_equal(entry.index, 0);
	test_bytes_hex(entry.data, "01020304");
	assert_int_equal(signature_next(&reader, &entry, NULL), 0);
	assert_int_equal(signature_next(&reader, &entry, NULL), 0);
	test_drop(database);
}

static const struct bad_case {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"header cut short",                  SHA256_TYPE "2c000000", ERROR_TRUNCATED, 20},
	{ "list beyond the end",
         SHA256_TYPE "2d000000"
		      "00000000"
		      "10000000" OWNER,
         ERROR_MALFORMED,							      16},
	{ "list smaller than its header",
         SHA256_TYPE "1b000000"
		      "00000000"
		      "10000000",				     ERROR_MALFORMED, 16},
	{ "signature header beyond the list",
         SHA256_TYPE "2c000000"
		      "11000000"
		      "10000000" OWNER,
         ERROR_MALFORMED,							      20},
	{ "signatures of no size",
         SHA256_TYPE "2c000000"
		      "00000000"
		      "00000000" OWNER,
         ERROR_MALFORMED,							      24},
	{ "signatures without an owner",
         SHA256_TYPE "2c000000"
		      "00000000"
		      "08000000" OWNER,
         ERROR_MALFORMED,							      24},
	{ "signatures that do not fill",
         SHA256_TYPE "2d000000"
		      "00000000"
		      "10000000" OWNER "00",
         ERROR_MALFORMED,							      24},
	{ "a byte too many",
         SHA256_TYPE "2c000000"
		      "00000000"
		      "10000000" OWNER "00",
         ERROR_TRUNCATED,							      44},
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes database = test_hex(row->hex);
	struct signature_reader reader = signature_reader_of(database, "db");
	struct signature_entry entry;
	struct error err = { 0 };
	int result;

	while ((result = signature_next(&reader, &entry, &err)) > 0)
		;
	assert_int_equal(result, -1);
	test_error(&err, row->code, row->offset);
	test_drop(database);
}

static void appends_a_list(void **state)
{
	AUTO(buf_clear) struct buf list = BUF_INIT;

	(void)state;
	signature_list_append(&list, &guid_cert_sha256, &guid_shim, bytes_of_string("abc"));
	test_bytes_hex(buf_bytes(&list), SHA256_TYPE "2f000000"
						     "00000000"
						     "13000000"
						     "50ab5d6046e00043abb63dd810dd8b23"
						     "616263");
}

/* Databases of the corpus: each is read, or refused with a reason. */
static void corpus_lists(void **state)
{
	static const struct {
		const char *name;
		size_t n; /* entries; 0: refused */
	} files[] = {
		{"rhboot-shim__db-d719b2cb-3d3a-4596-a3bc-dad00e67656f",                11},
		{ "rhboot-shim__dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f",              77},
		{ "canonical-go-efilib__1.siglist",                                     1 },
		{ "canonical-go-efilib__inconsistent-sizes1.siglist",                   0 },
		{ "canonical-go-efilib__inconsistent-sizes2.siglist",                   0 },
		{ "canonical-go-efilib__invalid-sigheader-size.siglist",                0 },
		{ "canonical-go-efilib__invalid-signature-size.siglist",                0 },
		{ "canonical-go-efilib__invalid-signature-size-divide-by-zero.siglist", 0 },
	};

	(void)state;
	if (!test_corpus())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[4096];
		struct bytes file;
		struct signature_reader reader;
		struct signature_entry entry;
		size_t n = 0, attributes = strstr(files[i].name, "siglist") ? 0 : 4;
		int result;

		snprintf(path, sizeof(path), "%s/efivars/%s", test_corpus(), files[i].name);
		file = test_file(path);
		reader = signature_reader_of(bytes_of(file.data + attributes,
						      file.size - attributes),
					     "db");
		while ((result = signature_next(&reader, &entry, NULL)) > 0)
			n++;
		print_message("%s: %zu entries\n", files[i].name, n);
		if (files[i].n) {
			assert_int_equal(result, 0);
			assert_int_equal(n, files[i].n);
		} else {
			assert_int_equal(result, -1);
		}
		test_drop(file);
	}
}

/* --- authorisation ------------------------------------------------------------------------------- */

/* Data of the log's event of a type whose variable has a name, the n-th such. */
static struct bytes logged(struct bytes log_bytes, uint32_t type, const char *name, size_t n,
			   bool whole)
{
	struct eventlog log;
	struct record record;
	size_t name_size = strlen(name);

	assert_int_equal(eventlog_open(&log, log_bytes, LOG, NULL), 0);
	while (eventlog_next(&log, &record, NULL) > 0) {
		struct bytes data = record.data;
		bool same = record.type == type && data.size >= 32 + 2 * name_size &&
			    data.data[16] == name_size;

		for (size_t i = 0; same && i < name_size; i++)
			same = data.data[32 + 2 * i] == (uint8_t)name[i];
		if (!same || n--)
			continue;
		if (whole)
			return data;
		return bytes_of(data.data + 32 + 2 * name_size, data.size - 32 - 2 * name_size);
	}
	fail_msg("no event for %s", name);
	return bytes_of(NULL, 0);
}

/* An image that is installed, whose digest the log has in PCR 4; skips otherwise. */
static struct pe *installed(const char *path, struct bytes log_bytes, struct bytes *file)
{
	struct eventlog log;
	struct record record;
	struct pe *pe = NULL;
	struct digest digests[ALG_COUNT];

	if (access(path, R_OK) != 0)
		skip();
	*file = test_file(path);
	assert_int_equal(pe_open(*file, path, &pe, NULL), 0);
	assert_int_equal(pe_authenticode(pe, hasher, 1u << ALG_SHA256, digests, NULL), 0);
	assert_int_equal(eventlog_open(&log, log_bytes, LOG, NULL), 0);
	while (eventlog_next(&log, &record, NULL) > 0)
		for (size_t i = 0; i < record.n_digests; i++)
			if (digest_equal(&record.digests[i], &digests[ALG_SHA256]))
				return pe;
	pe_free(pe);
	test_drop(*file);
	test_drop(log_bytes);
	skip(); /* another version than the captured one */
	return NULL;
}

static void logged_authority(void **state)
{
	struct bytes log = test_file(LOG), file;
	AUTO(pe_freep) struct pe *pe = installed(SHIM, log, &file);
	struct bytes db = logged(log, EV_EFI_VARIABLE_DRIVER_CONFIG, "db", 0, false);
	struct bytes dbx = logged(log, EV_EFI_VARIABLE_DRIVER_CONFIG, "dbx", 0, false);
	struct secureboot_verdict verdict;
	AUTO(buf_clear) struct buf event = BUF_INIT;

	(void)state;
	assert_int_equal(secureboot_authorize(pe, db, dbx, hasher, &verdict, NULL), 0);
	assert_true(verdict.allowed);
	assert_int_equal(verdict.n_authorities, 1);
	secureboot_authority_append(&event, &verdict.authorities[0]);
	test_bytes(buf_bytes(&event), logged(log, EV_EFI_VARIABLE_AUTHORITY, "db", 0, true));
	test_drop(file);
	test_drop(log);
}

/* The same image before databases that were changed. */
static void other_databases(void **state)
{
	struct bytes log = test_file(LOG), file, db;
	AUTO(pe_freep) struct pe *pe = installed(SHIM, log, &file);
	AUTO(buf_clear) struct buf digest_db = BUF_INIT;
	struct secureboot_verdict verdict;
	struct digest digests[ALG_COUNT];

	(void)state;
	db = logged(log, EV_EFI_VARIABLE_DRIVER_CONFIG, "db", 0, false);
	assert_int_equal(pe_authenticode(pe, hasher, 1u << ALG_SHA256, digests, NULL), 0);
	signature_list_append(&digest_db, &guid_cert_sha256, &guid_shim,
			      digest_bytes(&digests[ALG_SHA256]));

	/* nothing in db */
	assert_int_equal(secureboot_authorize(pe, bytes_of(NULL, 0), bytes_of(NULL, 0), hasher,
					      &verdict, NULL),
			 0);
	assert_false(verdict.allowed);
	assert_int_equal(verdict.n_authorities, 0);
	assert_string_equal(verdict.reason, "no entry of db authorises a signature");

	/* its digest in db */
	assert_int_equal(secureboot_authorize(pe, buf_bytes(&digest_db), bytes_of(NULL, 0), hasher,
					      &verdict, NULL),
			 0);
	assert_true(verdict.allowed);
	assert_int_equal(verdict.n_authorities, 1);
	test_bytes(verdict.authorities[0].data, digest_bytes(&digests[ALG_SHA256]));

	/* its digest in dbx: db's certificate was measured before */
	assert_int_equal(secureboot_authorize(pe, db, buf_bytes(&digest_db), hasher, &verdict,
					      NULL),
			 0);
	assert_false(verdict.allowed);
	assert_int_equal(verdict.n_authorities, 2);
	assert_string_equal(verdict.authorities[0].database, "db");
	assert_string_equal(verdict.authorities[1].database, "dbx");

	/* db's certificates in dbx */
	assert_int_equal(secureboot_authorize(pe, db, db, hasher, &verdict, NULL), 0);
	assert_false(verdict.allowed);
	assert_string_equal(verdict.reason, "dbx has a certificate of the signer's chain");
	assert_int_equal(verdict.n_authorities, 1);
	assert_string_equal(verdict.authorities[0].database, "dbx");
	test_drop(file);
	test_drop(log);
}

/* A changed byte: no certificate helps, whoever signed. */
static void changed_image(void **state)
{
	struct bytes log = test_file(LOG), file, changed;
	AUTO(pe_freep) struct pe *whole = installed(SHIM, log, &file);
	AUTO(pe_freep) struct pe *other = NULL;
	struct bytes db = logged(log, EV_EFI_VARIABLE_DRIVER_CONFIG, "db", 0, false);
	struct secureboot_verdict verdict;

	(void)state;
	changed = test_copy(pe_file(whole));
	((uint8_t *)(uintptr_t)changed.data)[0x6000] ^= 1;
	assert_int_equal(pe_open(changed, SHIM, &other, NULL), 0);
	assert_int_equal(secureboot_authorize(other, db, bytes_of(NULL, 0), hasher, &verdict, NULL),
			 0);
	assert_false(verdict.allowed);
	assert_int_equal(verdict.n_authorities, 0);
	test_drop(changed);
	test_drop(file);
	test_drop(log);
}

/* Unsigned images go by their SHA-256 digest alone. */
static void unsigned_image(void **state)
{
	struct bytes log = test_file(LOG), file = { NULL, 0 };
	const char *path = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";
	AUTO(pe_freep) struct pe *pe = NULL;
	AUTO(buf_clear) struct buf digest_db = BUF_INIT;
	struct secureboot_verdict verdict;
	struct digest digests[ALG_COUNT];

	(void)state;
	if (access(path, R_OK) != 0) {
		test_drop(log);
		skip();
	}
	file = test_file(path);
	assert_int_equal(pe_open(file, path, &pe, NULL), 0);
	assert_int_equal(pe_authenticode(pe, hasher, 1u << ALG_SHA256, digests, NULL), 0);
	signature_list_append(&digest_db, &guid_cert_sha256, &guid_shim,
			      digest_bytes(&digests[ALG_SHA256]));
	assert_int_equal(
		secureboot_authorize(pe, logged(log, EV_EFI_VARIABLE_DRIVER_CONFIG, "db", 0, false),
				     bytes_of(NULL, 0), hasher, &verdict, NULL),
		0);
	assert_false(verdict.allowed);
	assert_int_equal(secureboot_authorize(pe, buf_bytes(&digest_db), bytes_of(NULL, 0), hasher,
					      &verdict, NULL),
			 0);
	assert_true(verdict.allowed);
	assert_int_equal(secureboot_authorize(pe, buf_bytes(&digest_db), buf_bytes(&digest_db),
					      hasher, &verdict, NULL),
			 0);
	assert_false(verdict.allowed);
	test_drop(file);
	test_drop(log);
}

int main(void)
{
	struct test_list tests = { 0 };
	int failed;

	if (hasher_new(&hasher, NULL) < 0)
		return 1;
	TEST(&tests, reads_entries);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, appends_a_list);
	TEST(&tests, corpus_lists);
	TEST(&tests, logged_authority);
	TEST(&tests, other_databases);
	TEST(&tests, changed_image);
	TEST(&tests, unsigned_image);
	failed = test_run(&tests, "refgen/secureboot");
	hasher_free(hasher);
	return failed;
}
