/* SPDX-License-Identifier: BSD-2-Clause */
/* Expected identifiers and fingerprints are openssl's (x509 -ext subjectKeyIdentifier, sha256sum, sha1sum
 * of the key's bits). */
#include "core/key_file.h"

#include "core/own.h"
#include "tests/unit/test.h"

#define VECTORS "tests/vectors/"

#define EC_PUBLIC                                                                                  \
	"3059301306072a8648ce3d020106082a8648ce3d0301070342000460e0621224402404098b9238704a4befbe" \
	"c99018d27c633745c2092814280c6a6560aebfedd4d9a567240c25a069f91b7700374c1d28407e76922f45a8" \
	"b17de7"
#define EC_PUBLIC_PEM                                                                              \
	"-----BEGIN PUBLIC KEY-----\n"                                                             \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYOBiEiRAJAQJi5I4cEpL777JkBjS\n"                       \
	"fGM3RcIJKBQoDGplYK6/7dTZpWckDCWgafkbdwA3TB0oQH52ki9FqLF95w==\n"                           \
	"-----END PUBLIC KEY-----\n"

#define RSA_PUBLIC_PEM                                                                             \
	"-----BEGIN RSA PUBLIC KEY-----\n"                                                         \
	"MIIBCgKCAQEA3XsJ/CVARWGgEd+c2+VOHJVjobjVDfWjeZg8agNdJhQb1I8NfAEi\n"                       \
	"QZpDOWZiahOOH2IW7URHk2Lg4cIrGKJIHvj2n6wtMiuinOX+vHIkuKHN7qftJddd\n"                       \
	"6vxxjbkOV5geBdF3tPNtFlim18wsljTOmMbt4pLEbuO/gtOYlWqElc3bBskeUHfc\n"                       \
	"91DyiQ7fOsi37H3HO9zGEVCDd6v1bBJ4iNznv3uVN3vswY5tUBICsWSPBLyOPCqI\n"                       \
	"tfqd4lQRR6GR8rPG9PJUu7xZ2d8A4fx7qJh106bMnbe54cBdl+H/0YC84j1ifnt8\n"                       \
	"SpHswXhmCcwcrYviq29GvFEitRNpy/hpnQIDAQAB\n"                                               \
	"-----END RSA PUBLIC KEY-----\n"

/* What a file gave, in order. */
struct seen {
	struct hasher *hasher;
	struct key_facts facts[8];
	enum key_form forms[8];
	size_t n, stop_at;
};

static int see(void *ctx, const struct key_item *item, struct error *err)
{
	struct seen *seen = ctx;

	if (seen->stop_at && seen->n + 1 == seen->stop_at)
		return error_set(err, ERROR_MISMATCH, NULL, 7, "enough");
	if (seen->n == 8)
		return 0;
	assert_int_equal(key_describe(item, seen->hasher, &seen->facts[seen->n], err), 0);
	seen->forms[seen->n++] = item->form;
	return 0;
}

static void check_key(const struct seen *seen, size_t i, enum key_form form, const char *name,
		      const char *fingerprint, const char *id, uint32_t short_id)
{
	const struct key_facts *facts = &seen->facts[i];

	assert_int_equal(seen->forms[i], form);
	assert_string_equal(facts->name, name);
	test_bytes_hex(digest_bytes(&facts->fingerprint), fingerprint);
	test_bytes_hex(bytes_of(facts->id, facts->id_size), id);
	assert_int_equal(facts->n_short_ids, 1);
	assert_int_equal(facts->short_ids[0], short_id);
}

static void check_ec(const struct seen *seen, size_t i)
{
	check_key(seen, i, KEY_FORM_PUBLIC, "ECC P-256",
		  "95b60b24a6b0f61d9e4ae12e0f36621d4b333472055d12ea6eba9c40946983ec",
		  "5c40f9fd58a277df071253f638d83e769161c3c7", 0x9161c3c7);
}

static void check_certificate(const struct seen *seen, size_t i)
{
	check_key(seen, i, KEY_FORM_CERTIFICATE, "Assay test IMA key",
		  "daf3a448b577371e42304cdd8c20d6e8203d49a8987152afdce8cf0b66c6aecd",
		  "70903c3ba1d5d14405ba98b72182ef29876ee4f2", 0x876ee4f2);
}

static int read_keys(struct bytes file, struct seen *seen, struct error *err)
{
	int status;

	assert_int_equal(hasher_new(&seen->hasher, err), 0);
	status = key_file_read(file, "keys", see, seen, err);
	hasher_free(seen->hasher);
	return status;
}

static void certificate_and_key(void **state)
{
	struct bytes der = test_file(VECTORS "keys/ima-cert.der"), key = test_hex(EC_PUBLIC);
	AUTO(buf_clear) struct buf both = BUF_INIT;
	struct error err = { 0 };
	struct seen seen = { 0 };
	struct bytes whole;

	(void)state;
	buf_append(&both, der);
	buf_append(&both, key);
	buf_append(&both, der);
	whole = test_copy(buf_bytes(&both));
	assert_int_equal(read_keys(whole, &seen, &err), 0);
	assert_int_equal(seen.n, 3);
	check_certificate(&seen, 0);
	check_ec(&seen, 1);
	check_certificate(&seen, 2);
	/* One that stops is asked no more. */
	seen = (struct seen){ .stop_at = 2 };
	assert_int_equal(read_keys(whole, &seen, &err), -1);
	test_error(&err, ERROR_MISMATCH, 7);
	assert_int_equal(seen.n, 1);
	test_drop(whole);
	test_drop(key);
	test_drop(der);
}

static void blocks(void **state)
{
	static const char text[] = "What this is for.\n" EC_PUBLIC_PEM "and\n" RSA_PUBLIC_PEM;
	struct bytes whole = test_copy(bytes_of(text, sizeof(text) - 1));
	struct error err = { 0 };
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(read_keys(whole, &seen, &err), 0);
	assert_int_equal(seen.n, 2);
	check_ec(&seen, 0);
	check_key(&seen, 1, KEY_FORM_PUBLIC, "RSA 2048",
		  "4d492d4335c6209cfd7a161ba0d8fc0d13b928526d0e92609ba5edbe0bde5022",
		  "a9429d220767df3cc532ed57e1c73b6538740d2e", 0x38740d2e);
	test_drop(whole);
}

/* --- refused ---------------------------------------------------------------------------------- */

static const struct bad_case {
	const char *name;
	const char *hex, *text; /* one of them */
	enum error_code code;
	uint64_t offset;
	const char *says;
} bad_cases[] = {
	{"empty",		     "",				       NULL,				  ERROR_MALFORMED, 0,                         "neither PEM nor DER"           },
	{ "text without a block",     NULL,                                     "keys",                                ERROR_MALFORMED, 0,                         "neither PEM nor DER"           },
	{ "block cut short",          NULL,				     "x\n-----BEGIN PUBLIC KEY-----\nMFkw", ERROR_MALFORMED, 2,
         "not whole"																					       },
	{ "block of another kind",    NULL,
         "x\n-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n",                                                ERROR_MALFORMED, 2,
         "X509 CRL"																						},
	{ "PEM of a private key",     NULL,
         EC_PUBLIC_PEM "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n",
         ERROR_MALFORMED,													       sizeof(EC_PUBLIC_PEM) - 1, "EC PRIVATE KEY"                },
	{ "PEM of an OpenSSH key",    NULL,
         "-----BEGIN OPENSSH PRIVATE KEY-----\nMAA=\n-----END OPENSSH PRIVATE KEY-----\n",			     ERROR_MALFORMED, 0,                         "OPENSSH PRIVATE KEY"           },
	{ "DER of a private key",
         "307702010104208839f53721dc1a753fa0364a3be0972b05450dfdea1a244d180ddca79d19409ba00a06082a"
	  "8648ce3d030107a1440342000460e0621224402404098b9238704a4befbec99018d27c633745c2092814280c"
	  "6a6560aebfedd4d9a567240c25a069f91b7700374c1d28407e76922f45a8b17de7", NULL,				  ERROR_MALFORMED, 0,                         "a private key (elliptic curve)"},
	{ "behind a public key",
         EC_PUBLIC "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b02010104208839f5"
		    "3721dc1a753fa0364a3be0972b05450dfdea1a244d180ddca79d19409ba1440342000460e06212"
		    "24402404098b9238704a4befbec99018d27c633745c2092814280c6a6560aebfedd4d9a567240c"
		    "25a069f91b7700374c1d28407e76922f45a8b17de7",	       NULL,				  ERROR_MALFORMED, 91,                        "a private key (PKCS #8)"       },
	{ "encrypted private key",
         "3081eb305606092a864886f70d01050d3049302806092a864886f70d01050c301b0408dfa88ef82af7460502"
	  "0101300c06082a864886f70d02090500301d060960864801650304012a04100cdfbd099ed81de8634093db7b"
	  "91ff08048190207265d2478d35ea8bed57888e5b653cf0e797e0d3941b99584a510c4cb513ade68bb07f2228"
	  "519887a972ac9dc2870d54198241c77b5003bcd98fda3f58e3aa0a4d12b271dabd2d229177c4596ef9fac26a"
	  "383e2bf526e31238a71e4fb0f2079ad93ad1b6d6d88afdf09f876021bc76dc0575aa2f2baa6131ac1e6efce4"
	  "145369ebb254ac7abfd3398bcea89a3ea8db",			       NULL,				  ERROR_MALFORMED, 0,                         "an encrypted private key"      },
	{ "RSA private key",
         "3006"
	  "020100"
	  "020103",							     NULL,				  ERROR_MALFORMED, 0,                         "a private key (RSA or DSA)"    },
	{ "PKCS #12",
         "3005"
	  "020103"
	  "3000",							       NULL,				  ERROR_MALFORMED, 0,                         "PKCS #12"                      },
	{ "another SEQUENCE",
         "3003"
	  "020105",							     NULL,				  ERROR_MALFORMED, 0,                         "neither the DER"               },
	{ "bytes behind",             EC_PUBLIC "00",                           NULL,                                  ERROR_MALFORMED, 91,                        "no whole SEQUENCE"             },
	{ "length that is not there", "3082",                                   NULL,                                  ERROR_MALFORMED, 0,                         "no whole SEQUENCE"             },
	{ "length of five bytes",     "30850000000000",                         NULL,                                  ERROR_MALFORMED, 0,                         "no whole SEQUENCE"             },
	{ "length without an end",    "3080",                                   NULL,                                  ERROR_MALFORMED, 0,                         "no whole SEQUENCE"             },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes file = row->hex ? test_hex(row->hex) : test_copy(bytes_of_string(row->text));
	struct error err = { 0 };
	struct seen seen = { 0 };

	assert_int_equal(read_keys(file, &seen, &err), -1);
	test_error(&err, row->code, row->offset);
	assert_string_equal(err.source, "keys");
	assert_non_null(strstr(err.message, row->says));
	test_drop(file);
}

static int count(void *ctx, const struct key_item *item, struct error *err)
{
	(void)item;
	(void)err;
	++*(size_t *)ctx;
	return 0;
}

static void too_many(void **state)
{
	struct bytes key = test_hex(EC_PUBLIC);
	AUTO(buf_clear) struct buf all = BUF_INIT;
	struct error err = { 0 };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i <= KEY_FILE_KEYS_MAX; i++)
		buf_append(&all, key);
	assert_int_equal(key_file_read(buf_bytes(&all), "keys", count, &n, &err), -1);
	test_error(&err, ERROR_LIMIT, 91 * KEY_FILE_KEYS_MAX);
	assert_int_equal(n, KEY_FILE_KEYS_MAX);
	test_drop(key);
}

/* Cut at every length it is refused; with any byte changed it is refused, or another key, or the same
 * certificate but for its signature, never the same fingerprint. */
static void cut_and_flipped(void **state)
{
	struct bytes der = test_file(VECTORS "keys/ima-cert.der");
	static const uint8_t fingerprint[8] = { 0xda, 0xf3, 0xa4, 0x48, 0xb5, 0x77, 0x37, 0x1e };
	AUTO(own_free) uint8_t *copy = malloc(der.size);
	struct error err;

	(void)state;
	assert_non_null(copy);
	for (size_t size = 0; size < der.size; size++) {
		struct bytes cut = test_copy(bytes_of(der.data, size));
		struct seen seen = { 0 };

		assert_int_equal(read_keys(cut, &seen, &err), -1);
		assert_int_equal(err.code, ERROR_MALFORMED);
		test_drop(cut);
	}
	for (size_t at = 0; at < der.size; at++) {
		struct seen seen = { 0 };

		memcpy(copy, der.data, der.size);
		copy[at] ^= 0x10;
		if (read_keys(bytes_of(copy, der.size), &seen, &err) == 0)
			assert_memory_not_equal(seen.facts[0].fingerprint.value, fingerprint, 8);
	}
	test_drop(der);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, certificate_and_key);
	TEST(&tests, blocks);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, too_many);
	TEST(&tests, cut_and_flipped);
	return test_run(&tests, "core/key_file");
}
