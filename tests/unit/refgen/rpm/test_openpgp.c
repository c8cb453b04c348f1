/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signature packets, armour and base64, and librnp's judgement of signatures. The key and the
 * signature were made by GnuPG 2.2.40 (--quick-gen-key ed25519, --detach-sign).
 */
#include "refgen/rpm/openpgp.h"

#include "refgen/rpm/keyring.h"
#include "tests/unit/test.h"

#define KEY                                                                                        \
	"9833046592008016092b06010401da470f010107402f7a41021febbad0cb26ecc3646ce981bb3e451faf9c"   \
	"b863a5979bf2da7cd9bcb41c556e69742054657374203c756e6974406578616d706c652e6f72673e889004"   \
	"13160800381621047244d342d9ce472b9bd01424974c95adffb14a0b050265920080021b03050b09080702"   \
	"06150a09080b020416020301021e01021780000a0910974c95adffb14a0b3e840100b8397107a3b925974d"   \
	"f62b8890ffef5b351bae404734ebfe66b80e1b3cb5b6fb0100de3f19ed3688b7b57e1dd02102b4c3f57cb2"   \
	"0f472433f1151cc55381ec9b050f"

#define SIGNATURE                                                                                  \
	"887504001608001d1621047244d342d9ce472b9bd01424974c95adffb14a0b050265935200000a0910974c"   \
	"95adffb14a0b15b90100c30987995efe15a69ee878627fcd4c2bf0d1980170977c5f7690e6cf1a4f1ff800"   \
	"fd1229aa068741df33813d8a06c4c2db8eaa9aa32a544b61eff91019ed8b19630a"

#define FINGERPRINT "7244d342d9ce472b9bd01424974c95adffb14a0b"

static const struct packet_case {
	const char *name, *hex;
	uint8_t version, key_alg, hash_alg;
	int64_t created_time;
	const char *issuer, *left;
} packet_cases[] = {
	{"v4 EdDSA",			      SIGNATURE, 4, 22, 8,  1704153600, FINGERPRINT,                                                        "15b9"},
	{ "v3 RSA",
         "8818"
	  "03050050000000"
	  "0102030405060708"
	  "0108"
	  "abcd"
	  "000101"
	  "0000",					    3, 1,  8,  0x50000000, "0102030405060708",                                                 "abcd"},
	{ "v4 with a key id only",
         "c214"
	  "040001080000"
	  "000a"
	  "09100102030405060708"
	  "abcd",					    4, 1,  8,  0,          "0102030405060708",						 "abcd"},
	{ "v6 Ed25519",
         "c236"
	  "06001b0a"
	  "00000023"
	  "2221"
	  "06"
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "00000000"
	  "abcd"
	  "0000000000",				      6, 27, 10, 0,          "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
         "abcd"																	       },
	{ "version 5, of which nothing is known",
         "8802"
	  "0500",					    5, 0,  0,  0,          "",								 "0000"},
};

static void packet(void **state)
{
	const struct packet_case *row = *state;
	struct bytes bytes = test_hex(row->hex);
	struct openpgp_signature out = { 0 };
	struct error err = { 0 };

	if (openpgp_signature_parse(bytes, 0, "x", &out, &err) < 0)
		fail_msg("offset %d: %s", (int)err.offset, err.message);
	assert_int_equal(out.version, row->version);
	assert_int_equal(out.type, 0);
	assert_int_equal(out.key_alg, row->key_alg);
	assert_int_equal(out.hash_alg, row->hash_alg);
	assert_int_equal(out.created_time, row->created_time);
	test_bytes_hex(bytes_of(out.issuer, out.issuer_size), row->issuer);
	test_bytes_hex(bytes_of(out.left, 2), row->left);
	test_drop(bytes);
}

static const struct bad_packet {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_packets[] = {
	{"empty",		    "",       ERROR_TRUNCATED, 0x10},
	{ "no packet",               "0475",   ERROR_MALFORMED, 0x10},
	{ "a key",
         "990001"
	  "04",				ERROR_MALFORMED, 0x10},
	{ "indeterminate length",    "8b0400", ERROR_MALFORMED, 0x10},
	{ "partial length",
         "c2e0"
	  "04",				ERROR_MALFORMED, 0x11},
	{ "longer than it is",
         "8805"
	  "0400",			      ERROR_TRUNCATED, 0x12},
	{ "bytes after it",
         "8802"
	  "0500"
	  "00",				ERROR_MALFORMED, 0x14},
	{ "ends in its fields",
         "8803"
	  "040016",			    ERROR_TRUNCATED, 0x15},
	{ "hashed area too long",
         "8806"
	  "040016080010",		      ERROR_TRUNCATED, 0x18},
	{ "subpacket past its area",
         "880a"
	  "0400160800020910"
	  "0000",			      ERROR_TRUNCATED, 0x19},
};

static void bad_packet(void **state)
{
	const struct bad_packet *row = *state;
	struct bytes bytes = test_hex(row->hex);
	struct openpgp_signature out;
	struct error err = { 0 };

	assert_int_equal(openpgp_signature_parse(bytes, 0x10, "x", &out, &err), -1);
	test_error(&err, row->code, row->offset);
	test_drop(bytes);
}

static const struct base64_case {
	const char *name, *text, *hex; /* NULL: not base64 */
} base64_cases[] = {
	{"empty",		     "",         ""      },
	{ "one byte",                 "Zg==",     "66"    },
	{ "two bytes",                "Zm8=",     "666f"  },
	{ "three bytes",              "Zm9v",     "666f6f"},
	{ "without padding",          "Zg",       "66"    },
	{ "over two lines",           "Zm\n9v\n", "666f6f"},
	{ "all digits",               "+/+/",     "fbffbf"},
	{ "one digit",                "Z",        NULL    },
	{ "padding in between",       "Zg==Zg==", NULL    },
	{ "one pad where two belong", "Zg=",      NULL    },
	{ "a pad where none belongs", "Zm9v=",    NULL    },
	{ "a blank",                  "Zm 9v",    NULL    },
	{ "another character",        "Zm9*",     NULL    },
};

static void base64(void **state)
{
	const struct base64_case *row = *state;
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct bytes text = test_copy(bytes_of_string(row->text));

	assert_int_equal(base64_parse(text, &out), row->hex != NULL);
	if (row->hex)
		test_bytes_hex(buf_bytes(&out), row->hex);
	test_drop(text);
}

/* The key, armoured, with words around it and an empty line at the end. */
static void armored(struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct bytes key = test_hex(KEY);

	buf_append_string(out,
			  "The key of the unit tests.\n-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n"
			  "Comment: none\n\n");
	for (size_t i = 0; i < key.size; i += 3) {
		uint32_t bits = (uint32_t)key.data[i] << 16;
		size_t left = key.size - i;

		bits |= (uint32_t)(left > 1 ? key.data[i + 1] : 0) << 8;
		bits |= left > 2 ? key.data[i + 2] : 0;
		buf_append_u8(out, (uint8_t)digits[bits >> 18]);
		buf_append_u8(out, (uint8_t)digits[bits >> 12 & 63]);
		buf_append_u8(out, left > 1 ? (uint8_t)digits[bits >> 6 & 63] : '=');
		buf_append_u8(out, left > 2 ? (uint8_t)digits[bits & 63] : '=');
		if (i % 48 == 45)
			buf_append_string(out, "\n");
	}
	buf_append_string(out, "\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n\n");
	test_drop(key);
}

static void armor(void **state)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(buf_clear) struct buf out = BUF_INIT;

	(void)state;
	armored(&text);
	armored(&text); /* two blocks in one file */
	assert_true(openpgp_is_armored(buf_bytes(&text)));
	assert_int_equal(openpgp_dearmor(buf_bytes(&text), "x", &out, NULL), 0);
	test_bytes_hex(buf_bytes(&out), KEY KEY);
}

static void bad_armor(void **state)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };

	(void)state;
	assert_false(openpgp_is_armored(bytes_of_string("no armour")));
	assert_int_equal(openpgp_dearmor(bytes_of_string("-----BEGIN PGP SIGNATURE-----\n\nZg==\n"
							 "-----END PGP SIGNATURE-----\n"),
					 "x", &out, &err),
			 -1);
	test_error(&err, ERROR_MALFORMED, 0);
	assert_int_equal(openpgp_dearmor(bytes_of_string("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"
							 "Zg==\n"),
					 "x", &out, &err),
			 -1);
	test_error(&err, ERROR_TRUNCATED, 0);
	assert_int_equal(openpgp_dearmor(bytes_of_string(
						 "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"
						 "Zg*=\n-----END PGP PUBLIC KEY BLOCK-----"),
					 "x", &out, &err),
			 -1);
	test_error(&err, ERROR_MALFORMED, 38);
}

/* --- judgement ------------------------------------------------------------------------------- */

struct judge {
	struct rpm_keyring *keyring;
	struct rpm_verifier *verifier;
	struct hasher *hasher;
};

static struct judge judge_with(const char *key_hex)
{
	struct judge judge = { 0 };
	size_t n_unusable;

	if (key_hex) {
		struct bytes key = test_hex(key_hex);

		assert_int_equal(rpm_keyring_new(&judge.keyring, NULL), 0);
		assert_int_equal(rpm_keyring_add(judge.keyring, key, "key", &n_unusable, NULL), 0);
		assert_int_equal(rpm_keyring_n_keys(judge.keyring), 1);
		test_drop(key);
	}
	assert_int_equal(rpm_verifier_new(judge.keyring, &judge.verifier, NULL), 0);
	assert_int_equal(hasher_new(&judge.hasher, NULL), 0);
	return judge;
}

static void judge_end(struct judge *judge)
{
	rpm_verifier_free(judge->verifier);
	rpm_keyring_free(judge->keyring);
	hasher_free(judge->hasher);
}

static struct rpm_verdict verdict_on(struct judge *judge, struct bytes packet, const char *document)
{
	const struct rpm_signed over = { .memory = bytes_of_string(document) };
	struct rpm_verdict verdict = { 0 };
	struct error err = { 0 };

	if (rpm_verifier_judge(judge->verifier, judge->hasher, packet, 0, "x", &over, &verdict,
			       &err) < 0)
		fail_msg("%s", err.message);
	return verdict;
}

static void good_signature(void **state)
{
	struct bytes packet = test_hex(SIGNATURE);
	struct judge judge = judge_with(KEY);
	struct rpm_verdict verdict = verdict_on(&judge, packet, "the document");

	(void)state;
	assert_false(verdict.bad);
	assert_int_equal(verdict.state, SIGNATURE_VERIFIED);
	assert_string_equal(verdict.signer, FINGERPRINT " Unit Test <unit@example.org>");
	judge_end(&judge);
	test_drop(packet);
}

static void signature_of_other_bytes(void **state)
{
	struct bytes packet = test_hex(SIGNATURE);
	struct judge judge = judge_with(KEY);
	struct rpm_verdict verdict = verdict_on(&judge, packet, "the documenT");

	(void)state;
	assert_true(verdict.bad);
	judge_end(&judge);
	test_drop(packet);
}

static void no_keyring(void **state)
{
	struct bytes packet = test_hex(SIGNATURE);
	struct judge judge = judge_with(NULL);
	struct rpm_verdict verdict = verdict_on(&judge, packet, "the document");

	(void)state;
	assert_false(verdict.bad);
	assert_int_equal(verdict.state, SIGNATURE_NO_KEY);
	assert_string_equal(verdict.signer, FINGERPRINT);
	judge_end(&judge);
	test_drop(packet);
}

static void version_6_is_unverifiable(void **state)
{
	struct bytes packet = test_hex(packet_cases[3].hex);
	struct judge judge = judge_with(KEY);
	struct rpm_verdict verdict = verdict_on(&judge, packet, "the document");

	(void)state;
	assert_false(verdict.bad);
	assert_int_equal(verdict.state, SIGNATURE_UNVERIFIABLE);
	assert_non_null(strstr(verdict.detail, "version 6, Ed25519"));
	judge_end(&judge);
	test_drop(packet);
}

/* No change of any bit makes another signature that holds, but in two places: the unhashed area,
 * a hint at the key that the hashed area names too, and the bit counts of the two integers. */
static void flipped_signature_never_holds(void **state)
{
	const size_t unhashed = 2 + 6 + 0x1d, left = unhashed + 2 + 10, r = left + 2,
		     s = r + 2 + 32;
	struct bytes packet = test_hex(SIGNATURE);
	struct judge judge = judge_with(KEY);
	const struct rpm_signed over = { .memory = bytes_of_string("the document") };

	(void)state;
	for (size_t at = 0; at < packet.size; at++) {
		bool harmless = (at >= unhashed && at < left) || at - r < 2 || at - s < 2;
		struct bytes flipped = test_copy(packet);
		struct rpm_verdict verdict = { 0 };

		((uint8_t *)(uintptr_t)flipped.data)[at] ^= 1;
		if (rpm_verifier_judge(judge.verifier, judge.hasher, flipped, 0, "x", &over,
				       &verdict, NULL) == 0 &&
		    !harmless)
			assert_true(verdict.bad || verdict.state != SIGNATURE_VERIFIED);
		test_drop(flipped);
	}
	judge_end(&judge);
	test_drop(packet);
}

static const struct bad_key {
	const char *name, *hex;
	enum error_code code;
} bad_keys[] = {
	{"empty",               "",                 ERROR_MALFORMED  },
	{ "text",               "6e6f206b6579",     ERROR_MALFORMED  },
	{ "a signature",        SIGNATURE,          ERROR_MALFORMED  },
	{ "a secret key",
         "9403"
	  "040000",				 ERROR_MALFORMED  },
	{ "cut short",          "9833046592008016", ERROR_TRUNCATED  },
	{ "version 6 only",
         "c606"
	  "060000000000",			   ERROR_UNSUPPORTED},
	{ "damaged in the key",
         "9804"
	  "04000000",			       ERROR_UNSUPPORTED},
};

static void bad_key(void **state)
{
	const struct bad_key *row = *state;
	struct bytes key = test_hex(row->hex);
	AUTO(rpm_keyring_freep) struct rpm_keyring *keyring = NULL;
	struct error err = { 0 };
	size_t n_unusable;

	assert_int_equal(rpm_keyring_new(&keyring, NULL), 0);
	assert_int_equal(rpm_keyring_add(keyring, key, "key", &n_unusable, &err), -1);
	assert_int_equal(err.code, row->code);
	assert_int_equal(rpm_keyring_n_keys(keyring), 0);
	test_drop(key);
}

static void unusable_keys_are_counted(void **state)
{
	struct bytes keys = test_hex("c606"
				     "060000000000" KEY);
	AUTO(rpm_keyring_freep) struct rpm_keyring *keyring = NULL;
	size_t n_unusable = 0;

	(void)state;
	assert_int_equal(rpm_keyring_new(&keyring, NULL), 0);
	assert_int_equal(rpm_keyring_add(keyring, keys, "keys", &n_unusable, NULL), 0);
	assert_int_equal(n_unusable, 1);
	assert_int_equal(rpm_keyring_n_keys(keyring), 1);
	test_drop(keys);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, packet, packet_cases);
	TEST_ROWS(&tests, bad_packet, bad_packets);
	TEST_ROWS(&tests, base64, base64_cases);
	TEST(&tests, armor);
	TEST(&tests, bad_armor);
	TEST(&tests, good_signature);
	TEST(&tests, signature_of_other_bytes);
	TEST(&tests, no_keyring);
	TEST(&tests, version_6_is_unverifiable);
	TEST(&tests, flipped_signature_never_holds);
	TEST_ROWS(&tests, bad_key, bad_keys);
	TEST(&tests, unusable_keys_are_counted);
	return test_run(&tests, "refgen/rpm/openpgp");
}
