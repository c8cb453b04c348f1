/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/keyring.h"

#include "core/own.h"
#include "tests/unit/db/fixture.h"

#define EC_PUBLIC                                                                                  \
	"3059301306072a8648ce3d020106082a8648ce3d0301070342000460e0621224402404098b9238704a4befbe" \
	"c99018d27c633745c2092814280c6a6560aebfedd4d9a567240c25a069f91b7700374c1d28407e76922f45a8" \
	"b17de7"

/* The certificate's and the key's SHA-256, as sha256sum has them. */
#define CERTIFICATE_PRINT "daf3a448b577371e42304cdd8c20d6e8203d49a8987152afdce8cf0b66c6aecd"
#define EC_PRINT          "95b60b24a6b0f61d9e4ae12e0f36621d4b333472055d12ea6eba9c40946983ec"

/* --- names ------------------------------------------------------------------------------------- */

static const struct name_case {
	const char *name;
	bool known, kernel;
	enum keyring keyring;
} name_cases[] = {
	{".ima",		   true,  true,  KEYRING_IMA          },
	{ "ima",		   true,  false, KEYRING_IMA          },
	{ "_ima",		  true,  false, KEYRING_IMA          },
	{ "_evm",		  true,  false, KEYRING_EVM          },
	{ ".builtin_trusted_keys", true,  true,  KEYRING_BUILTIN      },
	{ "machine",               true,  false, KEYRING_MACHINE      },
	{ ".fs-verity",            true,  true,  KEYRING_VERITY       },
	{ ".ima_blacklist",        true,  true,  KEYRING_IMA_BLACKLIST},
	{ ".imaa",                 false, false, KEYRING_IMA          },
	{ "..ima",                 false, false, KEYRING_IMA          },
	{ "_machine",              false, false, KEYRING_IMA          },
	{ "",		      false, false, KEYRING_IMA          },
	{ ".",		     false, false, KEYRING_IMA          },
};

static void names(void **state)
{
	const struct name_case *row = *state;
	enum keyring keyring = KEYRING_COUNT;

	assert_int_equal(keyring_of_name(bytes_of_string(row->name), &keyring), row->known);
	if (row->known)
		assert_int_equal(keyring, row->keyring);
	assert_int_equal(keyring_of_kernel_name(bytes_of_string(row->name), &keyring), row->kernel);
	if (row->kernel)
		assert_string_equal(keyring_name(keyring), row->name);
}

/* --- in a database ------------------------------------------------------------------------------ */

/* A blob of the certificate, the key, and the certificate again. */
static void make_blob(enum keyring keyring, struct bytes certificate, struct bytes key,
		      struct buf *out)
{
	struct golden_key keys[] = {
		{.form = KEY_FORM_CERTIFICATE,  .der = certificate},
		{ .form = KEY_FORM_PUBLIC,      .der = key        },
		{ .form = KEY_FORM_CERTIFICATE, .der = certificate},
	};
	size_t n = certificate.size ? 3 : 2;
	struct error err = { 0 };

	assert_int_equal(keyring_encode(keyring, certificate.size ? keys : keys + 1,
					certificate.size ? &n : &(size_t){ 1 }, out, &err),
			 0);
	assert_int_equal(n, 2);
}

static int import(struct db *db, const char *release, unsigned number, const struct buf *blob,
		  struct error *err)
{
	struct artifact artifact = { .kind = ARTIFACT_KEYS,
				     .name = bytes_of_string("ima.der"),
				     .digest = digest_of(ALG_SHA256, number),
				     .size = blob->size };
	int status = db_import_begin(db, release, &artifact, 0, err);

	if (status <= 0)
		return status;
	assert_int_equal(db_import_keys(db, buf_bytes(blob), err), 0);
	assert_int_equal(db_import_commit(db, err), 0);
	return 1;
}

static void check(const struct golden_key *key, const char *release, enum keyring keyring,
		  enum key_form form, const char *fingerprint)
{
	assert_string_equal(key->release, release);
	assert_string_equal(key->artifact, "ima.der");
	assert_int_equal(key->keyring, keyring);
	assert_int_equal(key->form, form);
	test_bytes_hex(digest_bytes(&key->facts.fingerprint), fingerprint);
}

static void kept(void **state)
{
	struct bytes certificate = test_file("tests/vectors/keys/ima-cert.der");
	struct bytes key = test_hex(EC_PUBLIC);
	AUTO(golden_key_list_clear) struct golden_key_list keys = { 0 };
	AUTO(buf_clear) struct buf both = BUF_INIT;
	AUTO(buf_clear) struct buf one = BUF_INIT;
	static const char *const only[] = { "b" }, *const wrong[] = { "c" };
	char *path = scratch_path();
	struct error err = { 0 };
	struct db *db;

	(void)state;
	make_blob(KEYRING_IMA, certificate, key, &both);
	make_blob(KEYRING_EVM, (struct bytes){ 0 }, key, &one);
	assert_int_equal(db_open(path, DB_IMPORT, &db, &err), 0);
	assert_int_equal(import(db, "b", 1, &both, &err), 1);
	assert_int_equal(import(db, "a", 2, &one, &err), 1);
	assert_int_equal(import(db, "b", 1, &both, &err), 0);
	assert_int_equal(import(db, "a", 1, &both, &err), 0); /* linked */
	assert_int_equal(db_import_finish(db, &err), 0);
	db_close(db);

	assert_int_equal(db_open(path, DB_READ, &db, &err), 0);
	assert_int_equal(db_keys_read(db, NULL, 0, &keys, &err), 0);
	assert_int_equal(keys.n_keys, 5);
	check(&keys.keys[0], "a", KEYRING_IMA, KEY_FORM_PUBLIC, EC_PRINT);
	check(&keys.keys[1], "a", KEYRING_IMA, KEY_FORM_CERTIFICATE, CERTIFICATE_PRINT);
	check(&keys.keys[2], "a", KEYRING_EVM, KEY_FORM_PUBLIC, EC_PRINT);
	check(&keys.keys[3], "b", KEYRING_IMA, KEY_FORM_PUBLIC, EC_PRINT);
	test_bytes(keys.keys[4].der, certificate);
	golden_key_list_clear(&keys);
	assert_int_equal(db_keys_read(db, only, 1, &keys, &err), 0);
	assert_int_equal(keys.n_keys, 2);
	assert_int_equal(db_keys_read(db, wrong, 1, &keys, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	db_close(db);
	remove_scratch(path);
	test_drop(key);
	test_drop(certificate);
}

static void other_kinds_have_none(void **state)
{
	struct artifact artifact = { .kind = ARTIFACT_TREE,
				     .name = bytes_of_string("tree"),
				     .digest = digest_of(ALG_SHA256, 1) };
	char *path = scratch_path();
	struct error err = { 0 };
	struct db *db;

	(void)state;
	assert_int_equal(db_open(path, DB_IMPORT, &db, &err), 0);
	assert_int_equal(db_import_begin(db, "a", &artifact, 0, &err), 1);
	assert_int_equal(db_import_keys(db, bytes_of_string("x"), &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	db_close(db);
	remove_scratch(path);
}

/* --- hostile blobs ------------------------------------------------------------------------------ */

static const struct bad_case {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",		     "", ERROR_TRUNCATED, 0  },
	{ "version",
         "0200"
	  "01000000"
	  "01"
	  "5b000000" EC_PUBLIC,
         ERROR_MALFORMED,				  0  },
	{ "keyring",
         "0109"
	  "01000000"
	  "01"
	  "5b000000" EC_PUBLIC,
         ERROR_MALFORMED,				  0  },
	{ "no key",
         "0100"
	  "00000000",		     ERROR_MALFORMED, 0  },
	{ "too many keys",
         "0100"
	  "01100000",		     ERROR_MALFORMED, 0  },
	{ "key cut short",
         "0100"
	  "01000000"
	  "01"
	  "5c000000" EC_PUBLIC,
         ERROR_TRUNCATED,				  11 },
	{ "more keys than there are",
         "0100"
	  "02000000"
	  "01"
	  "5b000000" EC_PUBLIC,
         ERROR_TRUNCATED,				  102},
	{ "of another form",
         "0100"
	  "01000000"
	  "00"
	  "5b000000" EC_PUBLIC,
         ERROR_MALFORMED,				  6  },
	{ "no key in it",
         "0100"
	  "01000000"
	  "01"
	  "02000000"
	  "3000",			 ERROR_MALFORMED, 0  },
	{ "bytes behind",
         "0100"
	  "01000000"
	  "01"
	  "5b000000" EC_PUBLIC "00",
         ERROR_MALFORMED,				  102},
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	AUTO(golden_key_list_clear) struct golden_key_list list = { 0 };
	struct bytes blob = test_hex(row->hex);
	struct error err = { 0 };
	struct hasher *hasher;

	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(keyring_decode(blob, "golden.db", hasher, &list, &err), -1);
	test_error(&err, row->code, row->offset);
	assert_int_equal(list.n_keys, 0);
	hasher_free(hasher);
	test_drop(blob);
}

static void cut_and_flipped(void **state)
{
	struct bytes certificate = test_file("tests/vectors/keys/ima-cert.der");
	struct bytes key = test_hex(EC_PUBLIC);
	AUTO(golden_key_list_clear) struct golden_key_list list = { 0 };
	AUTO(buf_clear) struct buf blob = BUF_INIT;
	struct error err = { 0 };
	struct hasher *hasher;

	(void)state;
	make_blob(KEYRING_IMA, certificate, key, &blob);
	assert_int_equal(hasher_new(&hasher, &err), 0);
	for (size_t size = 0; size < blob.size; size++) {
		struct bytes cut = test_copy(bytes_of(blob.data, size));

		assert_int_equal(keyring_decode(cut, "cut", hasher, &list, &err), -1);
		test_drop(cut);
	}
	for (size_t at = 6; at < blob.size; at++) {
		blob.data[at] ^= 0x20;
		golden_key_list_clear(&list);
		if (keyring_decode(buf_bytes(&blob), "flipped", hasher, &list, &err) == 0)
			assert_false(bytes_equal(list.keys[0].der, key) &&
				     bytes_equal(list.keys[1].der, certificate));
		blob.data[at] ^= 0x20;
	}
	hasher_free(hasher);
	test_drop(key);
	test_drop(certificate);
}

/* Every allocation fails once; then the keys are there. */
static void out_of_memory(void **state)
{
	struct bytes certificate = test_file("tests/vectors/keys/ima-cert.der");
	struct bytes key = test_hex(EC_PUBLIC);
	AUTO(buf_clear) struct buf blob = BUF_INIT;
	struct error err = { 0 };
	struct hasher *hasher;
	unsigned n = 0;
	int status;

	(void)state;
	make_blob(KEYRING_IMA, certificate, key, &blob);
	assert_int_equal(hasher_new(&hasher, &err), 0);
	do {
		struct golden_key_list list = { 0 };

		test_alloc_fail(++n);
		status = keyring_decode(buf_bytes(&blob), "keys", hasher, &list, &err);
		test_alloc_fail(0);
		if (status == 0)
			assert_int_equal(list.n_keys, 2);
		else
			assert_int_equal(err.code, ERROR_SYSTEM);
		golden_key_list_clear(&list);
	} while (status < 0 && n < 1000);
	assert_int_equal(status, 0);
	hasher_free(hasher);
	test_drop(key);
	test_drop(certificate);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, names, name_cases);
	TEST(&tests, kept);
	TEST(&tests, other_kinds_have_none);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_and_flipped);
	TEST(&tests, out_of_memory);
	return test_run(&tests, "db/keyring");
}
