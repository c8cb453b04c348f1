/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/ima.h"

#include "tests/unit/replay/ima/fixture.h"

/* --- made lists --------------------------------------------------------------------------------- */

/*
 * The PCR values were computed by Python's hashlib. Where text is true, list is text, else hex.
 * The 32-byte list digests are sha256 in one, sm3_256 in the other: the hash of the entry tells.
 */
#define ENTRY_DATA                                                                                 \
	"3d000000 28000000 7368613235363a000001020304050607 08090a0b0c0d0e0f1011121314151617"      \
	"18191a1b1c1d1e1f 0d000000 2f7573722f62696e2f63617400"
#define IMA_NG "06000000 696d612d6e67"
#define TEXT_DATA                                                                                  \
	" ima-ng sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "         \
	"/usr/bin/cat\n"
#define SHA1_PCR "7a6147e1da5654dc6a815e4e96eee155f7bb2505"

/* clang-format off */
static const struct list_case {
	const char *name;
	bool text;
	const char *list;
	enum ima_form form;
	enum alg alg; /* of the list's digests */
	uint64_t violations;
	enum alg bank;                   /* beside sha1 */
	const char *sha1, *own, *padded; /* PCR 10 */
} list_cases[] = {
	{ "per-bank sha256", false,
	  "0a000000 b6f7719619cd9bb8dd5d4a27952e1aac068cf261771e41f52dbb71998fbe4833" IMA_NG
	  ENTRY_DATA, IMA_FORM_BINARY_LE, ALG_SHA256, 0, ALG_SHA256, SHA1_PCR,
	  "0ea5b24edb5ff367de52d618c4966cdb8ff9f90a2a13736cc7846acb2293c05e",
	  "4fe0a625c9304cf30949549877306a77604e72abcb5a36795864a5031120c9d3" },
	{ "per-bank sha384", false,
	  "0a000000 ff63e57c28d1f5603409626424ff9b9015ce7d36829509a7f46832c9591805cb"
	  "2d691fa328e59b529d55e7594efaab8b" IMA_NG ENTRY_DATA, IMA_FORM_BINARY_LE, ALG_SHA384,
	  0, ALG_SHA384, SHA1_PCR,
	  "68cd393fbdea2214ca1fe3fcdbfc59c23280eb184538ffbbefe9d4048f33c7c7"
	  "abccf59c2a02098591db1530c96e60e6",
	  "93fb7988a37405327cd828ecb48131bdf72fe38f261b983e1a3be9a9f1548760"
	  "286f0b707b0aebb4eca5f49598939902" },
	{ "per-bank sha512", false,
	  "0a000000 3e6bbc366ea81568868917f1ad71f74ad893a27511a9ad5c1b46c887a037edf9"
	  "eb2c6b49f02ea7e3b6afe3b5ee5a927be65b68d12e6e35cae23672b5c2bb76e1" IMA_NG ENTRY_DATA,
	  IMA_FORM_BINARY_LE, ALG_SHA512, 0, ALG_SHA512, SHA1_PCR,
	  "04c86223a8968a14c537526018e3cbca299eee573a4bea0376b68b4d8600fb05"
	  "be33478c9e127449a378733659d21c5a459f20c583fe7bd74f0677b1d7707bec",
	  "c945de0f59d1b7f7d3cfab5840b506f227c423fb8ac958de303ffd8d0a3e190a"
	  "b7312f166d8af522ffeec570c3308059c2de974579168725498fe361247e553d" },
	{ "per-bank sm3_256", false,
	  "0a000000 99180f871697493b4a34e4c4aafdd9de41f6127f4742a7934ed11cfc1bee3a70" IMA_NG
	  ENTRY_DATA, IMA_FORM_BINARY_LE, ALG_SM3_256, 0, ALG_SM3_256, SHA1_PCR,
	  "84cd4795bf7834c2ebe490132a073e7e9676010b004a41ddb5372a6847a160fd",
	  "7dac54aca5c4ec9654d456537f690293ecb81a3ec93e4d7adfb5092645e6d2f4" },
	{ "sm3_256 as text", true,
	  "10 99180f871697493b4a34e4c4aafdd9de41f6127f4742a7934ed11cfc1bee3a70" TEXT_DATA,
	  IMA_FORM_TEXT, ALG_SM3_256, 0, ALG_SM3_256, SHA1_PCR,
	  "84cd4795bf7834c2ebe490132a073e7e9676010b004a41ddb5372a6847a160fd",
	  "7dac54aca5c4ec9654d456537f690293ecb81a3ec93e4d7adfb5092645e6d2f4" },
	{ "violation first", false, "0a000000 0000000000000000000000000000000000000000" IMA_NG
	  "2d000000 1c000000 7368613235363a00 0000000000000000000000000000000000000000"
	  "09000000 2f7661722f6c6f6700" "0a000000 eac5a56333782a80f412dce585ea17a288361699"
	  IMA_NG ENTRY_DATA, IMA_FORM_BINARY_LE, ALG_SHA1, 1, ALG_SHA256,
	  "5a2886eabaed25417bb485cf364c97ee503ff63d",
	  "df469134ee3ff1ba1ecb642ffa44387251593da35c4ec8d8423a5a78ecc08b0c",
	  "bdbb9e1c95e270fc2ebdb6e98e31468e067df74859b9b73a3874551cf1da7ca5" },
	{ "violation first, as text", true,
	  "10 0000000000000000000000000000000000000000 ima-ng "
	  "sha256:0000000000000000000000000000000000000000 /var/log\n"
	  "10 eac5a56333782a80f412dce585ea17a288361699" TEXT_DATA, IMA_FORM_TEXT, ALG_SHA1, 1,
	  ALG_SHA256, "5a2886eabaed25417bb485cf364c97ee503ff63d",
	  "df469134ee3ff1ba1ecb642ffa44387251593da35c4ec8d8423a5a78ecc08b0c",
	  "bdbb9e1c95e270fc2ebdb6e98e31468e067df74859b9b73a3874551cf1da7ca5" },
	{ "big endian", false,
	  "0000000a 8829bd904b0f46d313becf9769719625519fc017 00000006 696d612d6e67 00000031"
	  "0000001a 736861313a00000102030405060708090a0b0c0d0e0f10111213"
	  "0000000f 626f6f745f61676772656761746500"
	  "0000000a 8b35e803e1abec0c967c956fe7a4213e884bd7e8 00000003 696d61"
	  "000102030405060708090a0b0c0d0e0f10111213 0000000c 2f7573722f62696e2f636174"
	  "0000000a e5b0e691f41e04cad128aaddab180c75eac74c2c 00000007 65766d2d736967 00000063"
	  "00000028 7368613235363a00000102030405060708090a0b0c0d0e0f101112131415161718191a1b"
	  "1c1d1e1f 0000000d 2f7573722f62696e2f63617400 00000000 00000000 00000000 00000000"
	  "00000004 00000001 00000004 000003e8 00000002 81ed", IMA_FORM_BINARY_BE, ALG_SHA1, 0,
	  ALG_SHA256, "3675951485279e104ad1d021a976e4496744fc25",
	  "0c2817fcd9f59240378a6b520196fb8c78914c3e772cd682c6c69a2db74692c5", NULL },
	{ "written by a big endian machine, as text", true,
	  "10 8829bd904b0f46d313becf9769719625519fc017 ima-ng "
	  "sha1:000102030405060708090a0b0c0d0e0f10111213 boot_aggregate\n"
	  "10 8b35e803e1abec0c967c956fe7a4213e884bd7e8 ima "
	  "000102030405060708090a0b0c0d0e0f10111213 /usr/bin/cat\n"
	  "10 e5b0e691f41e04cad128aaddab180c75eac74c2c evm-sig "
	  "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
	  "/usr/bin/cat     1 1000 33261\n", IMA_FORM_TEXT, ALG_SHA1, 0, ALG_SHA256,
	  "3675951485279e104ad1d021a976e4496744fc25",
	  "0c2817fcd9f59240378a6b520196fb8c78914c3e772cd682c6c69a2db74692c5", NULL },
};
/* clang-format on */

static struct bytes list_bytes(bool text, const char *list)
{
	return text ? test_copy(bytes_of_string(list)) : test_hex(list);
}

static void list(void **state)
{
	const struct list_case *row = *state;
	struct bytes bytes = list_bytes(row->text, row->list);
	struct ima_counts counts;
	struct error err;
	struct run run;

	begin(&run, bytes, 1u << ALG_SHA1 | 1u << row->bank);
	assert_int_equal(ima_list_form(run.list), row->form);
	assert_int_equal(ima_list_alg(run.list), row->alg);
	assert_int_equal(run_all(&run, &err), 0);
	counts = ima_replay_counts(run.replay);
	assert_int_equal(counts.n_violations, row->violations);
	assert_int_equal(counts.n_mismatches, 0);
	assert_int_equal(counts.n_unknown, 0);
	assert_int_equal(ima_replay_extended(run.replay), 1u << IMA_PCR);
	test_bytes_hex(ima_replay_value(run.replay, ALG_SHA1, IMA_OWN, IMA_PCR), row->sha1);
	test_bytes_hex(ima_replay_value(run.replay, ALG_SHA1, IMA_PADDED, IMA_PCR), row->sha1);
	test_bytes_hex(ima_replay_value(run.replay, row->bank, IMA_OWN, IMA_PCR), row->own);
	if (row->padded)
		test_bytes_hex(ima_replay_value(run.replay, row->bank, IMA_PADDED, IMA_PCR),
			       row->padded);
	assert_int_equal(ima_replay_value(run.replay, ALG_SHA384, IMA_OWN, IMA_PCR).size,
			 row->bank == ALG_SHA384 ? 48 : 0);
	assert_int_equal(ima_replay_value(run.replay, row->bank, IMA_OWN, PCR_COUNT).size, 0);
	run_clear(&run);
	test_drop(bytes);
}

/* --- mismatches --------------------------------------------------------------------------------- */

/* Two entries, of which the second was changed: a bank's value stays known where the list has it. */
/* clang-format off */
static const struct mismatch_case {
	const char *name;
	const char *list;
	enum ima_check check;
	bool sha256_known, padded_known;
} mismatch_cases[] = {
	{ "path", "10 eac5a56333782a80f412dce585ea17a288361699" TEXT_DATA
	  "10 eac5a56333782a80f412dce585ea17a288361699 ima-ng sha256:00 /usr/bin/cat\n",
	  IMA_CHECK_MISMATCH, false, true },
	{ "not hex", "10 eac5a56333782a80f412dce585ea17a288361699" TEXT_DATA
	  "10 eac5a56333782a80f412dce585ea17a288361699 ima-ng sha256:0z /usr/bin/cat\n",
	  IMA_CHECK_MISMATCH, false, true },
	{ "unknown template", "10 eac5a56333782a80f412dce585ea17a288361699" TEXT_DATA
	  "10 eac5a56333782a80f412dce585ea17a288361699 new sha256:00 /usr/bin/cat\n",
	  IMA_CHECK_UNKNOWN, false, true },
	{ "sha256 list", "10 b6f7719619cd9bb8dd5d4a27952e1aac068cf261771e41f52dbb71998fbe4833"
	  TEXT_DATA
	  "10 b6f7719619cd9bb8dd5d4a27952e1aac068cf261771e41f52dbb71998fbe4833 ima-ng sha256:00 "
	  "/usr/bin/cat\n", IMA_CHECK_MISMATCH, true, false },
};
/* clang-format on */

static void mismatch(void **state)
{
	const struct mismatch_case *row = *state;
	struct bytes bytes = list_bytes(true, row->list);
	const struct ima_step *step;
	struct error err;
	struct run run;

	begin(&run, bytes, 1u << ALG_SHA1 | 1u << ALG_SHA256);
	assert_int_equal(ima_replay_next(run.replay, &step, &err), 1);
	assert_int_equal(step->check, IMA_CHECK_MATCH);
	assert_int_equal(ima_replay_value(run.replay, ALG_SHA256, IMA_OWN, IMA_PCR).size, 32);
	assert_int_equal(ima_replay_next(run.replay, &step, &err), 1);
	assert_int_equal(step->check, row->check);
	assert_int_equal(ima_replay_value(run.replay, ALG_SHA256, IMA_OWN, IMA_PCR).size,
			 row->sha256_known ? 32 : 0);
	assert_int_equal(ima_replay_value(run.replay, ALG_SHA256, IMA_PADDED, IMA_PCR).size,
			 row->padded_known ? 32 : 0);
	assert_int_equal(ima_replay_value(run.replay, ALG_SHA1, IMA_OWN, IMA_PCR).size,
			 row->padded_known ? 20 : 0);
	assert_int_equal(ima_replay_value(run.replay, ALG_SHA256, IMA_OWN, 11).size, 32);
	assert_int_equal(ima_replay_next(run.replay, &step, &err), 0);
	run_clear(&run);
	test_drop(bytes);
}

/* --- what is no list, or breaks ------------------------------------------------------------------ */

#define GOOD           "0a000000 eac5a56333782a80f412dce585ea17a288361699" IMA_NG ENTRY_DATA
#define GOOD_SIZE      99
#define GOOD_TEXT      "10 eac5a56333782a80f412dce585ea17a288361699" TEXT_DATA
#define GOOD_TEXT_SIZE 136

/* clang-format off */
static const struct bad_case {
	const char *name;
	bool text;
	const char *list;
	enum error_code code;
	uint64_t offset;
	uint64_t n_entries; /* before the break */
} bad_cases[] = {
	{ "not a list", true, "this is not a list\n", ERROR_MALFORMED, 0, 0 },
	{ "PCR that no TPM has", false, "18000000 00000018", ERROR_MALFORMED, 0, 0 },
	{ "one byte", false, "0a", ERROR_TRUNCATED, 0, 0 },
	{ "digest cut short", false, "0a000000 00", ERROR_TRUNCATED, 4, 0 },
	{ "length of the name cut short", false,
	  "0a000000 eac5a56333782a80f412dce585ea17a288361699 0600", ERROR_TRUNCATED, 24, 0 },
	{ "name cut short", false,
	  "0a000000 eac5a56333782a80f412dce585ea17a288361699 06000000 69", ERROR_TRUNCATED, 28,
	  0 },
	{ "length of the data missing", false,
	  "0a000000 eac5a56333782a80f412dce585ea17a288361699" IMA_NG, ERROR_TRUNCATED, 34, 0 },
	{ "data cut short", false,
	  "0a000000 eac5a56333782a80f412dce585ea17a288361699" IMA_NG "00000001 00",
	  ERROR_TRUNCATED, 38, 0 },
	{ "data over the limit", false,
	  "0a000000 eac5a56333782a80f412dce585ea17a288361699" IMA_NG "01000001 00", ERROR_LIMIT,
	  38, 0 },
	{ "ima without its name", false,
	  "0a000000 eac5a56333782a80f412dce585ea17a288361699 03000000 696d61"
	  "000102030405060708090a0b0c0d0e0f10111213", ERROR_TRUNCATED, 31, 0 },
	{ "second PCR", false, GOOD "0a010000" "eac5a56333782a80f412dce585ea17a288361699"
	  IMA_NG, ERROR_MALFORMED, GOOD_SIZE, 1 },
	{ "second name empty", false, GOOD
	  "0a000000 eac5a56333782a80f412dce585ea17a288361699 00000000", ERROR_LIMIT, GOOD_SIZE
	  + 24, 1 },
	{ "second name too long", false, GOOD
	  "0a000000 eac5a56333782a80f412dce585ea17a288361699 00010000", ERROR_LIMIT, GOOD_SIZE
	  + 24, 1 },
	{ "second name with a blank", false, GOOD
	  "0a000000 eac5a56333782a80f412dce585ea17a288361699 02000000 2061", ERROR_MALFORMED,
	  GOOD_SIZE + 28, 1 },
	{ "second name with a control character", false, GOOD
	  "0a000000 eac5a56333782a80f412dce585ea17a288361699 02000000 611b", ERROR_MALFORMED,
	  GOOD_SIZE + 28, 1 },
	{ "text: digest of another size", true, GOOD_TEXT
	  "10 b6f7719619cd9bb8dd5d4a27952e1aac068cf261771e41f52dbb71998fbe4833" TEXT_DATA,
	  ERROR_MALFORMED, GOOD_TEXT_SIZE, 1 },
	{ "text: first digest of no known size", true, "10 00 ima-ng sha1:00 /a\n",
	  ERROR_MALFORMED, 0, 0 },
	{ "text: rest of a name after a line break", true, GOOD_TEXT "rest\n" GOOD_TEXT,
	  ERROR_MALFORMED, GOOD_TEXT_SIZE, 1 },
	{ "text: PCR that no TPM has", true, GOOD_TEXT
	  "24 eac5a56333782a80f412dce585ea17a288361699" TEXT_DATA, ERROR_MALFORMED,
	  GOOD_TEXT_SIZE, 1 },
	{ "text: cut in the digest", true, GOOD_TEXT "10 eac5a56333", ERROR_MALFORMED,
	  GOOD_TEXT_SIZE, 1 },
	{ "text: digest not hex", true, GOOD_TEXT
	  "10 gac5a56333782a80f412dce585ea17a288361699" TEXT_DATA, ERROR_MALFORMED,
	  GOOD_TEXT_SIZE, 1 },
	{ "text: no template", true, GOOD_TEXT "10 eac5a56333782a80f412dce585ea17a288361699\n",
	  ERROR_MALFORMED, GOOD_TEXT_SIZE, 1 },
};
/* clang-format on */

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes bytes = list_bytes(row->text, row->list);
	const struct ima_step *step;
	struct error err;
	struct run run;

	if (run_begin(&run, bytes, FOUR_BANKS, &err) == 0) {
		assert_int_equal(run_all(&run, &err), -1);
		assert_int_equal(ima_replay_counts(run.replay).n_entries, row->n_entries);
		/* What came before stays, and the break is said again. */
		if (row->n_entries)
			test_bytes_hex(ima_replay_value(run.replay, ALG_SHA1, IMA_OWN, IMA_PCR),
				       SHA1_PCR);
		assert_int_equal(ima_replay_next(run.replay, &step, &err), -1);
	}
	test_error(&err, row->code, row->offset);
	assert_string_equal(err.source, "list");
	run_clear(&run);
	test_drop(bytes);
}

static void empty(void **state)
{
	struct bytes bytes = { NULL, 0 };
	const struct ima_step *step;
	struct error err;
	struct run run;

	(void)state;
	begin(&run, bytes, FOUR_BANKS);
	assert_int_equal(ima_replay_next(run.replay, &step, &err), 0);
	assert_int_equal(ima_replay_next(run.replay, &step, &err), 0);
	assert_int_equal(ima_replay_extended(run.replay), 0);
	run_clear(&run);
}

/* Blank lines are no entries; the last line may lack its line break, a copied one its first blank. */
static void text_lines(void **state)
{
	static const char two[] = "\n\n" GOOD_TEXT "\n 9 eac5a56333782a80f412dce585ea17a288361699 "
				  "ima-ng sha256:000102030405060708090a0b0c0d0e0f1011121314151617"
				  "18191a1b1c1d1e1f /usr/bin/cat";
	struct bytes bytes = test_copy(bytes_of_string(two));
	struct error err;
	struct run run;

	(void)state;
	begin(&run, bytes, 1u << ALG_SHA1);
	assert_int_equal(run_all(&run, &err), 0);
	assert_int_equal(ima_replay_counts(run.replay).n_entries, 2);
	assert_int_equal(ima_replay_counts(run.replay).n_mismatches, 0);
	assert_int_equal(ima_replay_extended(run.replay), 1u << IMA_PCR | 1u << 9);
	test_bytes_hex(ima_replay_value(run.replay, ALG_SHA1, IMA_OWN, 9), SHA1_PCR);
	run_clear(&run);
	test_drop(bytes);
}

/* Lines longer than the room for a batch, and more lines than a batch, come out whole. */
static void long_lines(void **state)
{
	enum { LINES = 300, LONG_EVERY = 50, LONG = 200 * 1024 };
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct ima_counts counts;
	struct error err;
	struct run run;

	(void)state;
	need_hasher();
	for (int i = 0; i < LINES; i++) {
		size_t size = i % LONG_EVERY ? (size_t)i * 20 : LONG;
		AUTO(buf_clear) struct buf data = BUF_INIT;
		struct digest digest;
		uint8_t *at;

		buf_append_le32(&data, 6);
		buf_append(&data, bytes_of("sha1:", 6));
		buf_append_le32(&data, 2);
		buf_append(&data, bytes_of("b", 2));
		buf_append_le32(&data, (uint32_t)size);
		at = buf_extend(&data, size);
		assert_non_null(at);
		memset(at, i, size);
		assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA1, buf_bytes(&data), &digest,
						     &err),
				 0);
		buf_append_string(&text, "10 ");
		buf_append_hex(&text, digest_bytes(&digest));
		buf_append_string(&text, " ima-buf sha1: b ");
		buf_append_hex(&text, bytes_of(data.data + data.size - size, size));
		buf_append_string(&text, "\n");
	}
	begin(&run, buf_bytes(&text), 1u << ALG_SHA256);
	assert_int_equal(run_all(&run, &err), 0);
	counts = ima_replay_counts(run.replay);
	assert_int_equal(counts.n_entries, LINES);
	assert_int_equal(counts.n_mismatches, 0);
	run_clear(&run);
}

/* --- captures: what a TPM held ------------------------------------------------------------------- */

/* clang-format off */
static const struct capture_case {
	const char *name;
	const char *folder;
	const char *list;
	uint64_t n_entries, n_violations;
} capture_cases[] = {
	{ "efistub binary", "efistub", "binary", 59, 0 },
	{ "efistub text", "efistub", "ascii", 59, 0 },
	{ "sb-grub binary", "sb-grub", "binary", 59, 0 },
	{ "sb-grub text", "sb-grub", "ascii", 59, 0 },
	{ "sb-grub-ima-attack binary", "sb-grub-ima-attack", "binary", 68, 2 },
	{ "sb-grub-ima-attack text", "sb-grub-ima-attack", "ascii", 68, 2 },
	{ "uki-sdboot binary", "uki-sdboot", "binary", 46, 0 },
	{ "uki-sdboot text", "uki-sdboot", "ascii", 46, 0 },
};
/* clang-format on */

/* What tpm2_pcrread said of PCR 10: "  sha1:", and below it "    10: 0x...". */
static struct digest pcr_read(const char *folder, enum alg bank)
{
	char path[256], heading[32];
	struct digest out = { 0 };
	uint8_t value[DIGEST_SIZE_MAX];
	struct bytes file;
	const char *at;
	AUTO(own_free) char *yaml = NULL;

	snprintf(path, sizeof(path), CAPTURES "%s/pcrs.yaml", folder);
	snprintf(heading, sizeof(heading), "%s:", alg_name(bank));
	file = test_file(path);
	yaml = calloc(file.size + 1, 1);
	assert_non_null(yaml);
	memcpy(yaml, file.data, file.size);
	at = strstr(yaml, heading);
	assert_non_null(at);
	at = strstr(at, "10: 0x");
	assert_non_null(at);
	assert_int_equal(hex_parse(bytes_of(at + 6, 2 * alg_size(bank)), value, sizeof(value)),
			 alg_size(bank));
	assert_true(digest_init(&out, bank, bytes_of(value, alg_size(bank))));
	test_drop(file);
	return out;
}

/* These kernels extend their own hash into sha1 and sha256, the padded one into sha384 and sha512. */
static void capture(void **state)
{
	const struct capture_case *row = *state;
	struct bytes bytes = capture_list(row->folder, row->list);
	struct ima_prefix prefixes[4];
	const struct ima_step *step;
	struct ima_counts counts;
	struct error err;
	struct run run;
	int status;

	begin(&run, bytes, FOUR_BANKS);
	for (enum alg bank = 0; bank < 4; bank++)
		prefixes[bank] = (struct ima_prefix){ .pcr = IMA_PCR,
						      .wanted = pcr_read(row->folder, bank) };
	while ((status = ima_replay_next(run.replay, &step, &err)) == 1) {
		for (enum alg bank = 0; bank < 4; bank++)
			ima_prefix_step(&prefixes[bank], run.replay);
		assert_int_not_equal(step->check, IMA_CHECK_MISMATCH);
	}
	assert_int_equal(status, 0);
	counts = ima_replay_counts(run.replay);
	assert_int_equal(counts.n_entries, row->n_entries);
	assert_int_equal(counts.n_violations, row->n_violations);
	assert_int_equal(counts.n_unknown, 0);
	for (enum alg bank = 0; bank < 4; bank++) {
		enum ima_way way = bank <= ALG_SHA256 ? IMA_OWN : IMA_PADDED;

		test_bytes(ima_replay_value(run.replay, bank, way, IMA_PCR),
			   digest_bytes(&prefixes[bank].wanted));
		assert_true(prefixes[bank].found[way]);
		assert_int_equal(prefixes[bank].n_entries[way], row->n_entries);
		assert_int_equal(prefixes[bank].found[!way], bank == ALG_SHA1);
	}
	run_clear(&run);
	test_drop(bytes);
}

/* The value after each entry is found as the prefix of so many; of none there is none. */
static void prefix(void **state)
{
	struct bytes bytes = capture_list("efistub", "binary");
	uint8_t values[59][32];
	const struct ima_step *step;
	struct error err;
	struct run run;

	(void)state;
	begin(&run, bytes, 1u << ALG_SHA256);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		assert_int_equal(ima_replay_next(run.replay, &step, &err), 1);
		memcpy(values[i],
		       ima_replay_value(run.replay, ALG_SHA256, IMA_PADDED, IMA_PCR).data, 32);
	}
	run_clear(&run);
	for (size_t i = 0; i <= ARRAY_SIZE(values); i++) {
		static const uint8_t zeros[32];
		struct ima_prefix found = { .pcr = IMA_PCR };

		assert_true(digest_init(&found.wanted, ALG_SHA256,
					bytes_of(i ? values[i - 1] : zeros, 32)));
		begin(&run, bytes, 1u << ALG_SHA256);
		while (ima_replay_next(run.replay, &step, &err) == 1)
			ima_prefix_step(&found, run.replay);
		assert_int_equal(found.found[IMA_PADDED], i > 0);
		assert_int_equal(found.n_entries[IMA_PADDED], i);
		assert_false(found.found[IMA_OWN]);
		run_clear(&run);
	}
	test_drop(bytes);
}

/* Entries of a capture: enough to have seen all, few enough to do all to each of their bytes. */
/* clang-format off */
static const struct part_case {
	const char *name;
	const char *folder;
	const char *list;
	uint64_t first, n;
} part_cases[] = {
	{ "ima-ng", "efistub", "binary", 0, 6 },
	{ "ima-ng text", "efistub", "ascii", 0, 6 },
	{ "ima-sig", "sb-grub", "binary", 13, 4 },
	{ "ima-sig text", "sb-grub", "ascii", 13, 4 },
	{ "ima-buf", "uki-sdboot", "binary", 0, 3 },
	{ "ima-buf text", "uki-sdboot", "ascii", 0, 3 },
	{ "violations", "sb-grub-ima-attack", "binary", 47, 4 },
	{ "violations text", "sb-grub-ima-attack", "ascii", 47, 4 },
};
/* clang-format on */

static struct bytes part_list(const struct part_case *row)
{
	struct bytes whole = capture_list(row->folder, row->list), part;
	uint64_t from = 0, to = whole.size;
	struct record record;
	struct error err;
	struct run run;

	begin(&run, whole, 1u << ALG_SHA1);
	while (ima_list_next(run.list, &record, &err) == 1) {
		if (record.index == row->first)
			from = record.offset;
		if (record.index == row->first + row->n)
			to = record.offset;
	}
	run_clear(&run);
	part = test_copy(bytes_of(whole.data + from, to - from));
	test_drop(whole);
	return part;
}

/* Cut anywhere, in a buffer of its exact size: the whole entries, then the end or a break. */
static void cut(void **state)
{
	const struct part_case *row = *state;
	struct bytes bytes = part_list(row);
	uint64_t n_before = 0;

	for (size_t size = 0; size <= bytes.size; size++) {
		struct bytes part = test_copy(bytes_of(bytes.data, size));
		struct error err;
		struct run run;

		if (run_begin(&run, part, 1u << ALG_SHA1, &err) == 0) {
			int status = run_all(&run, &err);
			uint64_t n = ima_replay_counts(run.replay).n_entries;

			assert_in_range(n, n_before, n_before + 1);
			if (status < 0)
				assert_true(err.offset <= size);
			n_before = n;
		} else {
			assert_int_equal(n_before, 0);
		}
		run_clear(&run);
		test_drop(part);
	}
	assert_int_equal(n_before, row->n);
	test_drop(bytes);
}

/* What nothing covers: the template's name, and all of a violation but its zeros and its PCR. */
static bool is_covered(const struct ima_step *steps, size_t n, const uint8_t *start, size_t offset)
{
	for (size_t i = 0; i < n; i++) {
		const struct record *record = &steps[i].record;
		size_t name = (size_t)(record->name.data - start);

		if (offset >= name && offset < name + record->name.size)
			return false;
		if (steps[i].check == IMA_CHECK_VIOLATION && offset >= name &&
		    (i + 1 == n || offset < steps[i + 1].record.offset))
			return false;
	}
	return true;
}

/* Any byte changed shows: in a break, a template hash, or other PCR values. */
static void flip(void **state)
{
	const struct part_case *row = *state;
	struct bytes copy = part_list(row);
	uint8_t *data = (uint8_t *)(uintptr_t)copy.data, good[20];
	struct ima_step steps[8];
	const struct ima_step *step;
	struct error err;
	struct run run;
	size_t n = 0;

	begin(&run, copy, 1u << ALG_SHA1);
	while (ima_replay_next(run.replay, &step, &err) == 1)
		steps[n++] = *step;
	assert_int_equal(n, row->n);
	memcpy(good, ima_replay_value(run.replay, ALG_SHA1, IMA_OWN, IMA_PCR).data, sizeof(good));
	run_clear(&run);
	for (size_t i = 0; i < copy.size; i++) {
		for (unsigned bit = 1; bit < 256; bit <<= 3) { /* not 0x20: hex of the other case */
			bool same = false;

			data[i] ^= (uint8_t)bit;
			if (run_begin(&run, copy, 1u << ALG_SHA1, &err) == 0 &&
			    run_all(&run, &err) == 0) {
				struct ima_counts counts = ima_replay_counts(run.replay);
				struct bytes value =
					ima_replay_value(run.replay, ALG_SHA1, IMA_OWN, IMA_PCR);

				same = counts.n_mismatches == 0 && counts.n_unknown == 0 &&
				       bytes_equal(value, bytes_of(good, sizeof(good)));
			}
			run_clear(&run);
			data[i] ^= (uint8_t)bit;
			if (same && is_covered(steps, n, copy.data, i))
				fail_msg("bit 0x%02x of byte %zu does not show", bit, i);
		}
	}
	test_drop(copy);
}

static void allocation_failing(void **state)
{
	const struct capture_case *row = *state;
	struct bytes bytes = capture_list(row->folder, row->list);

	need_hasher();
	for (unsigned n = 1;; n++) {
		struct error err = { 0 };
		struct run run;
		int status;

		test_alloc_fail(n);
		status = run_begin(&run, bytes, FOUR_BANKS, &err);
		if (status == 0)
			status = run_all(&run, &err);
		test_alloc_fail(0);
		run_clear(&run);
		if (status == 0)
			break;
		assert_int_equal(err.code, ERROR_SYSTEM);
	}
	test_drop(bytes);
}

/* When it is there: not where the list's word, zeros or another bank's hash would be in its place. */
static const struct sha256_case {
	const char *name, *list;
	alg_set banks;
	enum ima_check check;
	bool is_there;
} sha256_cases[] = {
	{"of the list and computed",
         "0a000000 b6f7719619cd9bb8dd5d4a27952e1aac068cf261771e41f52dbb71998fbe4833" IMA_NG
		  ENTRY_DATA,				   1u << ALG_SHA1,   IMA_CHECK_MATCH,     true },
	{ "of the list, which lies",
         "0a000000 c6f7719619cd9bb8dd5d4a27952e1aac068cf261771e41f52dbb71998fbe4833" IMA_NG
		  ENTRY_DATA,				   1u << ALG_SHA256, IMA_CHECK_MISMATCH,  false},
	{ "of a violation",
         "0a000000 0000000000000000000000000000000000000000000000000000000000000000" IMA_NG
		  ENTRY_DATA,				   1u << ALG_SHA256, IMA_CHECK_VIOLATION, false},
	{ "of a list of SHA-384, without the bank",
         "0a000000 ff63e57c28d1f5603409626424ff9b9015ce7d36829509a7f46832c9591805cb"
	  "2d691fa328e59b529d55e7594efaab8b" IMA_NG ENTRY_DATA,
         1u << ALG_SHA1,							  IMA_CHECK_MATCH,     false},
	{ "of a list of SHA-384, with the bank",
         "0a000000 ff63e57c28d1f5603409626424ff9b9015ce7d36829509a7f46832c9591805cb"
	  "2d691fa328e59b529d55e7594efaab8b" IMA_NG ENTRY_DATA,
         1u << ALG_SHA256,							IMA_CHECK_MATCH,     true },
};

static void sha256(void **state)
{
	const struct sha256_case *row = *state;
	struct bytes list = test_hex(row->list);
	const struct ima_step *step;
	struct run run;

	begin(&run, list, row->banks);
	assert_int_equal(ima_replay_next(run.replay, &step, NULL), 1);
	assert_int_equal(step->check, row->check);
	assert_int_equal(step->sha256 != NULL, row->is_there);
	check_sha256(step);
	run_clear(&run);
	test_drop(list);
}

int main(void)
{
	struct test_list tests = { 0 };

	int n_failed;

	TEST_ROWS(&tests, sha256, sha256_cases);
	TEST_ROWS(&tests, list, list_cases);
	TEST_ROWS(&tests, mismatch, mismatch_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, empty);
	TEST(&tests, text_lines);
	TEST(&tests, long_lines);
	TEST_ROWS(&tests, capture, capture_cases);
	TEST(&tests, prefix);
	TEST_ROWS(&tests, cut, part_cases);
	TEST_ROWS(&tests, flip, part_cases);
	TEST_ROWS(&tests, allocation_failing, capture_cases);
	n_failed = test_run(&tests, "replay/ima/replay");
	hasher_free(hasher);
	return n_failed;
}
