/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/signature.h"

#include "core/file.h"
#include "core/own.h"
#include "tests/unit/test.h"

/* evmctl's and openssl's signatures: tests/tools/make_ima_signatures.py. */
#define VECTORS "tests/vectors/ima/"

/* --- the header -------------------------------------------------------------------------------- */

/* clang-format off */
static const struct good_case {
	const char *name, *hex;
	enum ima_xattr type;
	unsigned version;
	enum alg alg;
	uint32_t key_id;
	size_t size;
} good_cases[] = {
	{"contents",         "030204aabbccdd000401020304", IMA_XATTR_CONTENTS, 2, ALG_SHA256, 0xaabbccdd,
         4												 },
	{ "metadata",        "05020600000001000101",       IMA_XATTR_METADATA, 2, ALG_SHA512, 1,          1},
	{ "fs-verity",       "06030412345678000101",       IMA_XATTR_VERITY,   3, ALG_SHA256, 0x12345678, 1},
	{ "an unknown hash", "0302ff12345678000101",       IMA_XATTR_CONTENTS, 2, ALG_NONE,   0x12345678,
         1												 },
};
/* clang-format on */

static void good(void **state)
{
	const struct good_case *row = *state;
	struct bytes bytes = test_hex(row->hex);
	struct ima_signature signature;
	struct error err;

	assert_int_equal(ima_signature_parse(bytes, "x", 0, &signature, &err), 0);
	assert_int_equal(signature.type, row->type);
	assert_int_equal(signature.version, row->version);
	assert_int_equal(signature.alg, row->alg);
	assert_int_equal(signature.key_id, row->key_id);
	assert_int_equal(signature.value.size, row->size);
	for (size_t size = 0; size < bytes.size; size++) {
		struct bytes cut = test_copy(bytes_of(bytes.data, size));

		assert_int_equal(ima_signature_parse(cut, "x", 7, &signature, &err), -1);
		test_error(&err, ERROR_TRUNCATED,
			   size < 3   ? 7 + size
			   : size < 7 ? 10
			   : size < 9 ? 14
				      : 16);
		test_drop(cut);
	}
	test_drop(bytes);
}

/* clang-format off */
static const struct bad_case {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"a digest",               "0404aabbccdd000401020304",     ERROR_MALFORMED,   0 },
	{ "an HMAC",               "020204aabbccdd000401020304",   ERROR_MALFORMED,   0 },
	{ "version 1",             "030104aabbccdd000401020304",   ERROR_UNSUPPORTED, 1 },
	{ "version 4",             "030404aabbccdd000401020304",   ERROR_UNSUPPORTED, 1 },
	{ "bytes left over",       "030204aabbccdd00040102030405", ERROR_MALFORMED,   13},
	{ "size beyond the end",   "030204aabbccddffff01020304",   ERROR_TRUNCATED,   9 },
	{ "no bytes of signature", "030204aabbccdd0000",           ERROR_MALFORMED,   7 },
};
/* clang-format on */

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes bytes = test_hex(row->hex);
	struct ima_signature signature = { .key_id = 5 };
	struct error err;

	assert_int_equal(ima_signature_parse(bytes, "x", 0, &signature, &err), -1);
	test_error(&err, row->code, row->offset);
	assert_int_equal(signature.key_id, 5);
	test_drop(bytes);
}

/* Numbers of include/uapi/linux/hash_info.h. */
static void algorithms(void **state)
{
	uint8_t id;

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		enum alg alg = ima_alg_of_id((uint8_t)i);

		if (alg == ALG_NONE)
			continue;
		assert_true(ima_alg_id(alg, &id));
		assert_int_equal(id, i);
	}
	assert_int_equal(ima_alg_of_id(2), ALG_SHA1);
	assert_int_equal(ima_alg_of_id(4), ALG_SHA256);
	assert_int_equal(ima_alg_of_id(17), ALG_SM3_256);
	assert_int_equal(ima_alg_of_id(18), ALG_NONE); /* Streebog */
	assert_false(ima_alg_id(ALG_NONE, &id));
}

/* --- signatures ---------------------------------------------------------------------------------- */

struct setup {
	struct hasher *hasher;
	struct ima_keyring known, revoked;
	struct ima_keys keys;
	struct bytes bytes;
	struct ima_list *list;
};

static void add_keys(struct ima_keyring *ring, const char *name)
{
	char path[128];
	struct bytes der;
	struct error err;

	snprintf(path, sizeof(path), VECTORS "%s.der", name);
	der = test_file(path);
	assert_int_equal(ima_keyring_add(ring, der, path, name, IMA_KEY_ALL, UINT64_MAX, &err), 0);
	test_drop(der);
}

static void setup_make(struct setup *setup)
{
	static const char *const names[] = { "rsa", "p256", "p384", "rsa-other", "skid" };
	struct error err;

	memset(setup, 0, sizeof(*setup));
	assert_int_equal(hasher_new(&setup->hasher, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add_keys(&setup->known, names[i]);
	add_keys(&setup->revoked, "revoked");
	setup->keys =
		(struct ima_keys){ .rings = { &setup->known }, .revoked = { &setup->revoked } };
	setup->bytes = test_file(VECTORS "list");
	assert_int_equal(ima_list_open(setup->bytes, "list", setup->hasher, &setup->list, &err), 0);
}

static void setup_clear(struct setup *setup)
{
	ima_list_free(setup->list);
	ima_keyring_clear(&setup->known);
	ima_keyring_clear(&setup->revoked);
	hasher_free(setup->hasher);
	test_drop(setup->bytes);
}

static const char *const state_names[] = {
	[IMA_SIGNED_NONE] = "none",     [IMA_SIGNED_GOOD] = "good",
	[IMA_SIGNED_WRONG] = "wrong",   [IMA_SIGNED_REVOKED] = "revoked",
	[IMA_SIGNED_NO_KEY] = "no-key", [IMA_SIGNED_UNSUPPORTED] = "unsupported",
};

static int verify(const struct setup *setup, const char *which, const struct ima_entry *entry,
		  struct ima_signed_result *result, struct error *err)
{
	if (strcmp(which, "contents") == 0)
		return ima_contents_verify(entry, &setup->keys, setup->hasher, result, err);
	if (strcmp(which, "metadata") == 0)
		return ima_metadata_verify(entry, false, &setup->keys, setup->hasher, result, err);
	return ima_appended_verify(entry, &setup->keys, setup->hasher, result, err);
}

/* The fields of an entry that the signature covers: no byte of them may be another. */
static bool covers(const char *which, enum ima_field_id id)
{
	switch (id) {
	case IMA_FIELD_SIG:
		return strcmp(which, "contents") == 0;
	case IMA_FIELD_EVMSIG:
	case IMA_FIELD_IUID:
	case IMA_FIELD_IGID:
	case IMA_FIELD_IMODE:
	case IMA_FIELD_XATTRLENGTHS:
	case IMA_FIELD_XATTRVALUES:
		return strcmp(which, "metadata") == 0;
	case IMA_FIELD_D_MODSIG:
		return strcmp(which, "appended") == 0;
	case IMA_FIELD_D:
	case IMA_FIELD_D_NG:
	case IMA_FIELD_D_NGV2:
		return strcmp(which, "appended") != 0;
	default:
		return false;
	}
}

/* Each byte of the record flipped: nothing that is covered may be good then. */
static void flip(const struct setup *setup, const char *which, const struct record *record,
		 const struct ima_entry *whole)
{
	uint8_t *copy = malloc(record->data.size);
	struct ima_signed_result result;
	struct record changed = *record;
	struct error err;

	assert_non_null(copy);
	memcpy(copy, record->data.data, record->data.size);
	changed.data = bytes_of(copy, record->data.size);
	for (size_t i = 0; i < whole->n_fields; i++) {
		const struct ima_field *field = &whole->fields[i];
		size_t at = (size_t)(field->value.data - record->data.data);

		for (size_t j = 0; j < field->value.size; j++) {
			struct ima_entry entry;

			copy[at + j] ^= 0x10;
			ima_entry_parse(setup->list, &changed, &entry);
			assert_int_equal(verify(setup, which, &entry, &result, &err), 0);
			if (covers(which, field->id) && entry.is_whole)
				assert_int_not_equal(result.state, IMA_SIGNED_GOOD);
			copy[at + j] ^= 0x10;
		}
	}
	free(copy);
}

static void signatures(void **state)
{
	struct bytes expected = test_file(VECTORS "expected");
	char *text = strndup((const char *)expected.data, expected.size), *rest = text;
	struct setup setup;
	struct record record;
	struct error err;
	unsigned n = 0, n_good = 0;

	(void)state;
	assert_non_null(text);
	setup_make(&setup);
	while (ima_list_next(setup.list, &record, &err) > 0) {
		struct ima_signed_result result;
		struct ima_entry entry;
		char which[16], what[16], key[16];
		unsigned index;
		int used;

		assert_int_equal(sscanf(rest, "%u %15s %15s %15s\n%n", &index, which, what, key,
					&used),
				 4);
		rest += used;
		assert_int_equal(index, n++);
		ima_entry_parse(setup.list, &record, &entry);
		assert_true(entry.is_whole);
		assert_int_equal(verify(&setup, which, &entry, &result, &err), 0);
		if (strcmp(state_names[result.state], what) != 0)
			fail_msg("entry %u, %s: %s (%s), not %s", index, which,
				 state_names[result.state], result.why, what);
		assert_string_equal(result.key ? result.key->from : "-", key);
		if (result.state == IMA_SIGNED_WRONG || result.state == IMA_SIGNED_UNSUPPORTED)
			assert_true(strlen(result.why) > 0);
		assert_int_equal(ima_entry_is_signed(&entry), result.state != IMA_SIGNED_NONE);
		if (result.state == IMA_SIGNED_GOOD) {
			n_good++;
			flip(&setup, which, &record, &entry);
		}
	}
	assert_int_equal(*rest, '\0');
	assert_true(n_good >= 20);
	setup_clear(&setup);
	free(text);
	test_drop(expected);
}

/* Without keys, and with keys that are good for something else. */
static void uses(void **state)
{
	struct setup setup;
	struct record record;
	struct error err;
	struct ima_keys none = { 0 };

	(void)state;
	setup_make(&setup);
	for (size_t i = 0; i < setup.known.n_keys; i++)
		setup.known.keys[i].uses = IMA_KEY_METADATA;
	while (ima_list_next(setup.list, &record, &err) > 0) {
		struct ima_signed_result result;
		struct ima_entry entry;

		ima_entry_parse(setup.list, &record, &entry);
		assert_int_equal(ima_contents_verify(&entry, &none, setup.hasher, &result, &err),
				 0);
		assert_int_not_equal(result.state, IMA_SIGNED_GOOD);
		assert_int_equal(ima_contents_verify(&entry, &setup.keys, setup.hasher, &result,
						     &err),
				 0);
		assert_int_not_equal(result.state, IMA_SIGNED_GOOD);
		assert_int_equal(ima_appended_verify(&entry, &setup.keys, setup.hasher, &result,
						     &err),
				 0);
		assert_int_not_equal(result.state, IMA_SIGNED_GOOD);
	}
	setup_clear(&setup);
}

/* The captures' logs hold the signatures of their packages: rpm-ima-signatures.py, evmctl. */
static const struct capture_case {
	const char *name;
	unsigned n_signed; /* by grep -c in the text form: a third field that begins with 0302 */
} capture_cases[] = {
	{"efistub",     0 },
        { "sb-grub",    23},
        { "uki-sdboot", 23}
};

static void captures(void **state)
{
	const struct capture_case *row = *state;
	struct ima_keyring ring = { 0 };
	struct ima_keys keys = { .rings = { &ring } };
	struct bytes der = test_file("tests/vectors/keys/ima-cert.der"), bytes;
	struct hasher *hasher;
	struct ima_list *list;
	struct record record;
	unsigned n_good = 0;
	struct error err;
	char path[128];

	snprintf(path, sizeof(path), "tests/vectors/captures/%s/binary_runtime_measurements",
		 row->name);
	bytes = test_file(path);
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(ima_keyring_add(&ring, der, "key", "key", IMA_KEY_FILES, UINT64_MAX, &err),
			 0);
	assert_int_equal(ima_list_open(bytes, path, hasher, &list, &err), 0);
	while (ima_list_next(list, &record, &err) > 0) {
		struct ima_signed_result result;
		struct ima_entry entry;

		ima_entry_parse(list, &record, &entry);
		assert_int_equal(ima_contents_verify(&entry, &keys, hasher, &result, &err), 0);
		assert_int_equal(result.state, entry.sig.size ? IMA_SIGNED_GOOD : IMA_SIGNED_NONE);
		n_good += result.state == IMA_SIGNED_GOOD;
	}
	assert_int_equal(n_good, row->n_signed);
	ima_list_free(list);
	hasher_free(hasher);
	ima_keyring_clear(&ring);
	test_drop(bytes);
	test_drop(der);
}

/* --- keyrings ------------------------------------------------------------------------------------- */

static void keyrings(void **state)
{
	struct ima_keyring ring = { 0 };
	struct bytes der = test_file(VECTORS "rsa.der"), skid = test_file(VECTORS "skid.der");
	struct error err;
	size_t at = 0;

	(void)state;
	assert_int_equal(ima_keyring_add(&ring, der, "a", "a", IMA_KEY_FILES, 3, &err), 0);
	assert_int_equal(ima_keyring_add(&ring, skid, "b", "b", IMA_KEY_ALL, UINT64_MAX, &err), 0);
	assert_int_equal(ring.n_keys, 2);
	assert_int_equal(ring.keys[0].n_ids, 1); /* the certificate's is the key's hash */
	assert_int_equal(ring.keys[1].n_ids, 2);
	assert_int_equal(ring.keys[1].ids[0], 0x05060708);
	assert_string_equal(ring.keys[0].name, "ima test rsa");
	assert_ptr_equal(ima_keyring_find(&ring, 0x05060708, IMA_KEY_METADATA, &at), &ring.keys[1]);
	assert_null(ima_keyring_find(&ring, 0x05060708, IMA_KEY_METADATA, &at));
	at = 0;
	assert_null(ima_keyring_find(&ring, ring.keys[0].ids[0], IMA_KEY_MODULES, &at));
	for (size_t size = 0; size < der.size; size += 7) {
		struct bytes cut = test_copy(bytes_of(der.data, size));

		assert_int_equal(ima_keyring_add(&ring, cut, "c", "c", IMA_KEY_ALL, 0, &err), -1);
		test_error(&err, ERROR_MALFORMED, 0);
		test_drop(cut);
	}
	assert_int_equal(ring.n_keys, 2);
	ima_keyring_clear(&ring);
	test_drop(der);
	test_drop(skid);
}

/* Two blocks, text between them; a bad third takes all back. */
static void pem(void **state)
{
	static const char block[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
		"6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
		"-----END PUBLIC KEY-----\n";
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct ima_keyring ring = { 0 };
	struct error err;

	(void)state;
	buf_append_string(&text, "a key\n");
	buf_append_string(&text, block);
	buf_append_string(&text, "another\n");
	buf_append_string(&text, block);
	assert_int_equal(ima_keyring_add(&ring, buf_bytes(&text), "f", "f", IMA_KEY_ALL, 0, &err),
			 0);
	assert_int_equal(ring.n_keys, 2);
	assert_string_equal(ring.keys[0].name, "ECC P-256");
	assert_int_equal(ring.keys[0].der.size, 0);
	buf_append_string(&text, "-----BEGIN PUBLIC KEY-----\nMFkwEwYH\n");
	assert_int_equal(ima_keyring_add(&ring, buf_bytes(&text), "f", "f", IMA_KEY_ALL, 0, &err),
			 -1);
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_int_equal(ring.n_keys, 2);
	assert_int_equal(ima_keyring_add(&ring, bytes_of_string("nothing"), "f", "f", IMA_KEY_ALL,
					 0, &err),
			 -1);
	test_error(&err, ERROR_MALFORMED, 0);
	assert_int_equal(ima_keyring_add(&ring, bytes_of("", 0), "f", "f", IMA_KEY_ALL, 0, &err),
			 -1);
	test_error(&err, ERROR_MALFORMED, 0);
	ima_keyring_clear(&ring);
}

static void allocations(void **state)
{
	struct bytes der = test_file(VECTORS "rsa.der");
	struct ima_keyring ring = { 0 };
	struct error err;
	unsigned n = 0;
	int status;

	(void)state;
	do {
		test_alloc_fail(++n);
		status = ima_keyring_add(&ring, der, "a", "a", IMA_KEY_ALL, 0, &err);
		test_alloc_fail(0);
		if (status < 0)
			assert_int_equal(ring.n_keys, 0);
	} while (status < 0);
	assert_true(n > 3);
	assert_int_equal(ring.n_keys, 1);
	ima_keyring_clear(&ring);
	test_drop(der);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, good, good_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, algorithms);
	TEST(&tests, signatures);
	TEST(&tests, uses);
	TEST_ROWS(&tests, captures, capture_cases);
	TEST(&tests, keyrings);
	TEST(&tests, pem);
	TEST(&tests, allocations);
	return test_run(&tests, "replay/ima/signature");
}
