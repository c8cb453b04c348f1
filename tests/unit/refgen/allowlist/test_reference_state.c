/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/allowlist/allowlist.h"

#include "core/own.h"

#include "tests/unit/test.h"

#define D(c)   "\"0x" c c c c c c c c c c c c c c c c "\"" /* c: four digits */
#define SHA(c) "{\"sha256\": " D(c) "}"
#define FIRMWARE                                                                                   \
	"\"scrtm_and_bios\": [{\"scrtm\": " SHA("0101") ", \"platform_firmware\": [" SHA(          \
		"0202") ", {\"sha1\": \"0x0123456789012345678901234567890123456789\"}]}]"
#define KEY(data)                                                                                  \
	"{\"SignatureOwner\": \"77fa9abd-0359-4d32-bd60-28f4e78f784b\", "                          \
	"\"SignatureData\": \"" data "\"}"
#define KEYS                                                                                       \
	"\"pk\": [" KEY("0x30") "], \"kek\": [], \"db\": [" KEY("0x31") ", " KEY(                  \
		"0x32") "], \"dbx\": [" KEY("0x3334") "]"
#define MOK          "\"mokdig\": [" SHA("0303") "], \"mokxdig\": []"
#define KERNEL(more) KERNEL_OF("kernel_authcode_sha256", D("0606"), more)
#define KERNEL_OF(name, digest, more)                                                              \
	"{\"shim_authcode_sha256\": " D("0404") ", \"grub_authcode_sha256\": " D(                  \
		"0505") ", \"" name "\": " digest ", \"initrd_plain_sha256\": " D("0707") more "}"
#define LINE           ", \"kernel_cmdline\": \"/boot/v.* ro\""
#define STATE(kernels) "{" FIRMWARE ", " KEYS ", " MOK ", \"kernels\": [" kernels "]}"

static int read_text(struct bytes text, struct allowlist *list, struct error *err)
{
	static const struct allowlist_options options = { 0 };

	return allowlist_read(text, "state", &options, list, err);
}

static void assert_as_written(const struct reference_state *state)
{
	assert_true(state->secure_boot);
	assert_int_equal(state->n_firmware, 1);
	assert_int_equal(state->firmware[0].crtm.algs, 1u << ALG_SHA256);
	assert_int_equal(state->firmware[0].crtm.digests[ALG_SHA256].value[31], 1);
	assert_int_equal(state->firmware[0].blobs.n, 2);
	assert_int_equal(state->firmware[0].blobs.items[0].digests[ALG_SHA256].value[0], 2);
	assert_int_equal(state->firmware[0].blobs.items[1].algs, 1u << ALG_SHA1);
	assert_int_equal(state->firmware[0].blobs.items[1].digests[ALG_SHA1].value[19], 0x89);
	assert_int_equal(state->lists[STATE_PK].n, 1);
	assert_int_equal(state->lists[STATE_KEK].n, 0);
	assert_int_equal(state->lists[STATE_DB].n, 2);
	test_bytes_hex(bytes_of(state->lists[STATE_DB].items[1].owner, 16),
		       "bd9afa775903324dbd6028f4e78f784b");
	test_bytes_hex(state->lists[STATE_DB].items[1].data, "32");
	test_bytes_hex(state->lists[STATE_DBX].items[0].data, "3334");
	assert_int_equal(state->mok.n, 1);
	assert_int_equal(state->mok.items[0].digests[ALG_SHA256].value[0], 3);
	assert_int_equal(state->mokx.n, 0);
	assert_int_equal(state->n_kernels, 1);
	assert_int_equal(state->kernels[0].shim.value[0], 4);
	assert_int_equal(state->kernels[0].grub.value[0], 5);
	assert_int_equal(state->kernels[0].kernel.value[0], 6);
	assert_int_equal(state->kernels[0].initrd.value[0], 7);
	assert_true(bytes_equal_string(state->kernels[0].command_line, "/boot/v.* ro"));
}

static void good(void **state)
{
	AUTO(allowlist_clear) struct allowlist list = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(read_text(bytes_of_string(STATE(KERNEL(LINE))), &list, &err), 0);
	assert_non_null(list.state);
	assert_int_equal(list.n_digests, 0);
	assert_as_written(list.state);
}

static void without_secure_boot(void **state)
{
	AUTO(allowlist_clear) struct allowlist list = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(
		read_text(bytes_of_string("{\"has_secureboot\": false, \"vendor_db\": [], " FIRMWARE
					  ", " KEYS ", " MOK
					  ", \"kernels\": [" KERNEL_OF("vmlinuz_plain_sha256",
								       D("0808"), LINE) "]}"),
			  &list, &err),
		0);
	assert_false(list.state->secure_boot);
	assert_int_equal(list.state->kernels[0].kernel.value[0], 8);
	assert_int_equal(list.n_unused, 1);
}

static const struct bad_case {
	const char *name, *text, *says;
	enum error_code code;
} bad_cases[] = {
	{"nothing but kernels",                     "{\"kernels\": []}",                                  "scrtm_and_bios: is missing",
         ERROR_MALFORMED																																		},
	{ "kernels that are none",                  "{" FIRMWARE ", " KEYS ", " MOK ", \"kernels\": {}}",
         "kernels: is no array",																      ERROR_MALFORMED														   },
	{ "a kernel without a command line",        STATE(KERNEL("")),
         "kernels[0].kernel_cmdline: is missing",														     ERROR_MALFORMED														   },
	{ "of the other state of Secure Boot",
         STATE(KERNEL_OF("vmlinuz_plain_sha256",							  D("0808"),                                                  LINE)),
         "kernels[0].kernel_authcode_sha256: is missing", ERROR_MALFORMED },
	{ "a digest cut short",                          STATE(KERNEL_OF("kernel_authcode_sha256",									     "\"0x0606\"",														   LINE)),
         "kernels[0].kernel_authcode_sha256: is no SHA-256", ERROR_MALFORMED },
	{ "a digest without 0x",				   STATE(KERNEL_OF("kernel_authcode_sha256",                                              "\"0606\"",											 LINE)),
         "is not 0x", ERROR_MALFORMED },
	{ "an odd digit",STATE(KERNEL_OF("kernel_authcode_sha256","\"0x060\"",LINE)),
         "is not 0x", ERROR_MALFORMED },
	{ "upper case",					STATE(KERNEL_OF("kernel_authcode_sha256",									      "\"0xAB\"",																  LINE)),																																			      "upper-case",
         ERROR_MALFORMED },
	{ "a number",			       STATE(KERNEL_OF("kernel_authcode_sha256",								    "7",															     LINE)),																														   "is no string",
         ERROR_MALFORMED },
	{ "an expression that is open",                               STATE(KERNEL(", \"kernel_cmdline\": \"(a\"")),
         "kernels[0].kernel_cmdline: a group",ERROR_MALFORMED																																		},
	{ "an expression that is not read",                               STATE(KERNEL(", \"kernel_cmdline\": \"a(?!b)\"")),
         "kernels[0].kernel_cmdline: a group of a kind", ERROR_UNSUPPORTED},
	{ "Secure Boot that is text",
         "{\"has_secureboot\": \"yes\", " FIRMWARE ", " KEYS ", " MOK ", \"kernels\": []}",
         "has_secureboot: is neither",													    ERROR_MALFORMED																				  },
	{ "an algorithm of nobody",
         "{\"scrtm_and_bios\": [{\"scrtm\": {\"sha0\": \"0x00\"}}], \"kernels\": []}",									     "scrtm_and_bios[0].scrtm: a digest of an algorithm",																							   ERROR_MALFORMED},
	{ "a digest of another length",
         "{\"scrtm_and_bios\": [{\"scrtm\": {\"sha1\": \"0x00\"}}], \"kernels\": []}",									   "scrtm_and_bios[0].scrtm: a digest of another",													   ERROR_MALFORMED																									      },
	{ "no digest at all",                          "{\"scrtm_and_bios\": [{\"scrtm\": {}}], \"kernels\": []}",
         "scrtm_and_bios[0].scrtm: has no digest",    ERROR_MALFORMED																										   },
	{ "no firmware",			  "{\"scrtm_and_bios\": [{\"scrtm\": " SHA("0101") "}], \"kernels\": []}",
         "scrtm_and_bios[0].platform_firmware: is missing",ERROR_MALFORMED																										   },
	{ "a key of nobody",
         "{" FIRMWARE ", \"pk\": [{\"SignatureData\": \"0x30\"}], \"kernels\": []}",
         "pk[0].SignatureOwner: is no GUID",           ERROR_MALFORMED},
	{ "a key without data",                          "{" FIRMWARE ", \"pk\": [" KEY("0x") "], \"kernels\": []}",
         "pk[0].SignatureData: is not 0x",														       ERROR_MALFORMED},
	{ "no dbx",			  "{" FIRMWARE ", \"pk\": [], \"kek\": [], \"db\": [], \"kernels\": []}",
         "dbx: is missing",																								      ERROR_MALFORMED																										     },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	AUTO(allowlist_clear) struct allowlist list = { 0 };
	struct error err = { 0 };

	assert_int_equal(read_text(bytes_of_string(row->text), &list, &err), -1);
	assert_int_equal(err.code, row->code);
	if (!strstr(err.message, row->says))
		fail_msg("says '%s', not '%s'", err.message, row->says);
	assert_null(list.state);
}

/* --- in a database ---------------------------------------------------------------------------------- */

static struct buf encoded(void)
{
	AUTO(allowlist_clear) struct allowlist list = { 0 };
	struct buf out = BUF_INIT;

	assert_int_equal(read_text(bytes_of_string(STATE(KERNEL(LINE))), &list, NULL), 0);
	assert_int_equal(reference_states_encode(list.state, 1, &out, NULL), 0);
	return out;
}

static void round_trip(void **state)
{
	AUTO(profile_list_clear) struct profile_list list = { 0 };
	AUTO(buf_clear) struct buf blob = encoded();

	(void)state;
	assert_int_equal(profiles_decode(buf_bytes(&blob), "db", &list, NULL), 0);
	assert_int_equal(profiles_decode(buf_bytes(&blob), "db", &list, NULL), 0);
	assert_int_equal(list.n_profiles, 0);
	assert_int_equal(list.n_states, 2);
	assert_as_written(&list.states[0]);
	assert_as_written(&list.states[1]);
}

static void cut(void **state)
{
	AUTO(buf_clear) struct buf blob = encoded();

	(void)state;
	for (size_t size = 0; size < blob.size; size++) {
		struct bytes copy = test_copy(bytes_of(blob.data, size));
		struct profile_list list = { 0 };
		struct error err = { 0 };

		assert_int_equal(profiles_decode(copy, "db", &list, &err), -1);
		assert_true(err.message[0]);
		profile_list_clear(&list);
		test_drop(copy);
	}
}

static void flipped(void **state)
{
	AUTO(buf_clear) struct buf blob = encoded();

	(void)state;
	for (size_t at = 0; at < blob.size; at++) {
		struct profile_list list = { 0 };
		struct error err = { 0 };
		struct bytes copy;

		blob.data[at] ^= 0xff;
		copy = test_copy(buf_bytes(&blob));
		if (profiles_decode(copy, "db", &list, &err) < 0)
			assert_true(err.message[0]);
		profile_list_clear(&list);
		test_drop(copy);
		blob.data[at] ^= 0xff;
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, good);
	TEST(&tests, without_secure_boot);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, round_trip);
	TEST(&tests, cut);
	TEST(&tests, flipped);
	return test_run(&tests, "refgen/allowlist/reference_state");
}
