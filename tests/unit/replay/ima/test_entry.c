/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/ima.h"

#include "core/own.h"
#include "tests/unit/test.h"

/* Digests of 16, 20, 32 and 64 bytes; fields with their lengths; a signature. */
#define D16 "000102030405060708090a0b0c0d0e0f"
#define D20 D16 "10111213"
#define D32 D16 "101112131415161718191a1b1c1d1e1f"
#define D64 D32 "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define SHA256                                                                                     \
	"28000000"                                                                                 \
	"7368613235363a00" D32
#define CAT                                                                                        \
	"0d000000"                                                                                 \
	"2f7573722f62696e2f63617400"
#define SIG "030204aabbccdd000401020304"

/*
 * One entry of each template. data are the bytes of a binary list of a little endian machine, text
 * what the kernel shows of them (NULL: it cannot be read back), sha1 the template hash, by
 * Python's struct and hashlib. says is what the entry says, shortened: digest, path, sizes of the
 * other fields.
 */
/* clang-format off */
static const struct entry_case {
	const char *name, *template, *data, *text, *sha1, *says;
} entry_cases[] = {
	{ "ima", "ima",
	  D20 "0c0000002f7573722f62696e2f636174",
	  D20 " /usr/bin/cat",
	  "8b35e803e1abec0c967c956fe7a4213e884bd7e8", "sha1:000102 /usr/bin/cat" },
	{ "ima with MD5", "ima",
	  D16 "0c0000002f7573722f62696e2f636174",
	  D16 " /usr/bin/cat",
	  "72a52d0ee4246d42a7252da2d2d5801c16775e7a", "md5:000102 /usr/bin/cat" },
	{ "ima, blank in the name", "ima",
	  D20 "0b0000002f746d702f612062202063",
	  D20 " /tmp/a b  c",
	  "e5825fceba5e25740911c45d00d62272992fa944", "sha1:000102 /tmp/a b  c" },
	{ "ima-ng", "ima-ng",
	  SHA256 CAT,
	  "sha256:" D32 " /usr/bin/cat",
	  "eac5a56333782a80f412dce585ea17a288361699", "sha256:000102 /usr/bin/cat" },
	{ "ima-ng sha512", "ima-ng",
	  "480000007368613531323a00" D64 CAT,
	  "sha512:" D64 " /usr/bin/cat",
	  "2f10424d93f33847728c3027217c20afce430c73", "sha512:000102 /usr/bin/cat" },
	{ "ima-ng sm3", "ima-ng",
	  "29000000736d332d3235363a00" D32 CAT,
	  "sm3-256:" D32 " /usr/bin/cat",
	  "9879b41c3c4b8e4b5537e9fba9a35f8f2d0e88f9", "sm3_256:000102 /usr/bin/cat" },
	{ "ima-ng unknown algorithm", "ima-ng",
	  "2d0000007374726565626f673235363a00" D32 CAT,
	  "streebog256:" D32 " /usr/bin/cat",
	  "0182e19252d43dbc42d4c49dd645a5e627906cff", "(streebog256):000102 /usr/bin/cat" },
	{ "ima-ng naming no algorithm", "ima-ng",
	  "160000003a00" D20 CAT,
	  D20 " /usr/bin/cat",
	  "be5870d919421bcc143e147c0ae5dddb9636683f", "sha1:000102 /usr/bin/cat" },
	{ "ima-ngv2", "ima-ngv2",
	  "2c000000696d613a7368613235363a00" D32 CAT,
	  "ima:sha256:" D32 " /usr/bin/cat",
	  "e177c07c9984b37a3b64703f9f129600bf07a5c5", "ima:sha256:000102 /usr/bin/cat" },
	{ "ima-ngv2 verity", "ima-ngv2",
	  "2f0000007665726974793a7368613235363a00" D32 CAT,
	  "verity:sha256:" D32 " /usr/bin/cat",
	  "f93b49bf30143d6c4bd19a45d80f2efcdfddaa1b", "verity!sha256:000102 /usr/bin/cat" },
	{ "ima-ngv2 of another type", "ima-ngv2",
	  "2c0000006e65773a7368613235363a00" D32 CAT,
	  "new:sha256:" D32 " /usr/bin/cat",
	  "b7e3c420844912f41f7b7b6d891113523f695903", "new?sha256:000102 /usr/bin/cat" },
	{ "ima-sig", "ima-sig",
	  SHA256 CAT "0d000000" SIG,
	  "sha256:" D32 " /usr/bin/cat " SIG,
	  "8e2ea92cee6135c58a4bac1e8c2ff5f6c09bc347", "sha256:000102 /usr/bin/cat sig=13" },
	{ "ima-sig unsigned", "ima-sig",
	  SHA256 CAT "00000000",
	  "sha256:" D32 " /usr/bin/cat ",
	  "a37c1d258f1a3831bc94544d0adadc73e73b3112", "sha256:000102 /usr/bin/cat" },
	{ "ima-sig unsigned, blank lost", "ima-sig",
	  SHA256 CAT "00000000",
	  "sha256:" D32 " /usr/bin/cat",
	  "a37c1d258f1a3831bc94544d0adadc73e73b3112", "sha256:000102 /usr/bin/cat" },
	{ "ima-sigv2", "ima-sigv2",
	  "2f0000007665726974793a7368613235363a00" D32 CAT "0d000000060204aabbccdd000401020304",
	  "verity:sha256:" D32 " /usr/bin/cat 060204aabbccdd000401020304",
	  "ae97883e0a0ab2ac0068771cca65d08354e60fa6", "verity!sha256:000102 /usr/bin/cat sig=13" },
	{ "ima-buf", "ima-buf",
	  SHA256 "0e0000006b657865632d636d646c696e65000e000000726f6f743d2f6465762f73646131",
	  "sha256:" D32 " kexec-cmdline 726f6f743d2f6465762f73646131",
	  "74616da54f9fc8a6cd774df5428720889d56df04", "sha256:000102 kexec-cmdline buf=14" },
	{ "ima-modsig", "ima-modsig",
	  SHA256 "060000002f6d2e6b6f0000000000480000007368613531323a00" D64 "0400000030020500",
	  "sha256:" D32 " /m.ko  sha512:" D64 " 30020500",
	  "7e9955f0d1b5e9e7689dd93a17026f63a0ac1dd9", "sha256:000102 /m.ko modsig=4 of sha512:000102" },
	{ "ima-modsig without one", "ima-modsig",
	  SHA256 "060000002f6d2e6b6f000d000000" SIG "0000000000000000",
	  "sha256:" D32 " /m.ko " SIG "  ",
	  "a48edbf23e5c0294fb9de65404711a7e82a7c97b", "sha256:000102 /m.ko sig=13" },
	{ "evm-sig", "evm-sig",
	  SHA256 CAT
	  "0d000000050204aabbccdd0004010203041e00000073656375726974792e73656c696e75787c73656375"
	  "726974792e696d610008000000030000000200000005000000753a720001040000000000000004000000"
	  "e803000002000000ed81",
	  "sha256:" D32
	  " /usr/bin/cat 050204aabbccdd000401020304 security.selinux|security.ima 0300000002000"
	  "000 753a720001 0 1000 33261",
	  "871af2bcd3f46db872b183764eff11927fc2b78a", "sha256:000102 /usr/bin/cat evmsig=13 xattrnames=30 xattrlengths=8 xattrvalues=5 iuid=4 igid=4 imode=2" },
	{ "evm-sig without attributes", "evm-sig",
	  SHA256 CAT "00000000000000000000000000000000000000000000000000000000",
	  "sha256:" D32 " /usr/bin/cat       ",
	  "3232b9957ea7379489e8fa5f7404cdfb69128fb9", "sha256:000102 /usr/bin/cat" },
	{ "format d-ng|n-ng|sig", "d-ng|n-ng|sig",
	  SHA256 CAT "0d000000" SIG,
	  "sha256:" D32 " /usr/bin/cat " SIG,
	  "8e2ea92cee6135c58a4bac1e8c2ff5f6c09bc347", "sha256:000102 /usr/bin/cat sig=13" },
	{ "format n-ng|d-ng", "n-ng|d-ng",
	  CAT SHA256,
	  "/usr/bin/cat sha256:" D32,
	  "d9f3f9d9edd5a483f49886978b312a161e34ba3d", "sha256:000102 /usr/bin/cat" },
	{ "format d|n", "d|n",
	  "14000000" D20 CAT,
	  D20 " /usr/bin/cat",
	  "c16fa94937c2bd293360322c3eeffa69a5db60f3", "sha1:000102 /usr/bin/cat" },
	{ "format n", "n",
	  CAT,
	  "/usr/bin/cat",
	  "2dbc0b969afc1f4688c18e268f4d037d0a18a3aa", "/usr/bin/cat" },
	{ "format sig", "sig",
	  "0d000000" SIG,
	  SIG,
	  "8367f0c5a508d99e595a52f69648f1cc317057b5", "sig=13" },
	{ "format imode|iuid", "imode|iuid",
	  "02000000ffff04000000ffffffff",
	  "65535 4294967295",
	  "448a795e421ba831012d3d1dc25f25268683d0ce", "imode=2 iuid=4" },
	{ "unknown template", "new-template",
	  "20000000" D32 "0100000078",
	  NULL,
	  "82aa78f697628930b7e88942b69443f3baa1de26", "unknown" },
	{ "unknown field", "d-ng|new",
	  SHA256 "0100000078",
	  NULL,
	  "adc7ec3f454f114275669bdc110c0d20e4783fac", "unknown" },
};
/* clang-format on */

static void describe_digest(struct buf *out, const struct ima_digest *digest)
{
	static const char marks[] = {
		[IMA_DIGEST_FILE] = ':', [IMA_DIGEST_VERITY] = '!', [IMA_DIGEST_OTHER] = '?'
	};

	buf_append(out, digest->type_name);
	if (digest->type_name.size)
		buf_append_u8(out, (uint8_t)marks[digest->type]);
	if (digest->alg != ALG_NONE)
		buf_append_string(out, alg_name(digest->alg));
	else
		buf_printf(out, "(%.*s)", (int)digest->alg_name.size,
			   (const char *)digest->alg_name.data);
	buf_append_u8(out, ':');
	buf_append_hex(out, bytes_of(digest->value.data, digest->value.size < 3 ? 0 : 3));
}

static void describe_size(struct buf *out, const char *name, struct bytes value)
{
	if (value.size)
		buf_printf(out, " %s=%zu", name, value.size);
}

static void describe(struct buf *out, const struct ima_entry *entry)
{
	if (!entry->is_known)
		buf_append_string(out, " unknown");
	else if (!entry->is_whole)
		buf_append_string(out, " malformed");
	if (entry->digest.value.data) {
		buf_append_u8(out, ' ');
		describe_digest(out, &entry->digest);
	}
	if (entry->path.data)
		buf_printf(out, " %.*s", (int)entry->path.size, (const char *)entry->path.data);
	describe_size(out, "sig", entry->sig);
	describe_size(out, "buf", entry->buf);
	describe_size(out, "modsig", entry->modsig);
	if (entry->modsig_digest.value.data) {
		buf_append_string(out, " of ");
		describe_digest(out, &entry->modsig_digest);
	}
	describe_size(out, "evmsig", entry->evmsig);
	for (size_t i = 0; i < entry->n_fields; i++)
		if (entry->fields[i].id >= IMA_FIELD_IUID)
			describe_size(out, ima_field_name(entry->fields[i].id),
				      entry->fields[i].value);
	buf_finish(out, NULL);
}

/* Opens a list of one record and gives that; the list and the bytes are the caller's to free. */
static struct ima_list *open_one(struct bytes bytes, struct record *record)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	struct ima_list *list = NULL;
	struct record after;
	struct error err = { 0 };

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	if (ima_list_open(bytes, "list", hasher, &list, &err) < 0)
		fail_msg("%s", err.message);
	if (ima_list_next(list, record, &err) != 1)
		fail_msg("%s", err.message);
	assert_int_equal(record->content, RECORD_IMA_TEMPLATE);
	assert_int_equal(record->index, 0);
	assert_int_equal(record->offset, 0);
	assert_int_equal(record->pcr, IMA_PCR);
	assert_int_equal(record->n_digests, 1);
	if (ima_list_form(list) != IMA_FORM_TEXT) /* text data would change */
		assert_int_equal(ima_list_next(list, &after, &err), 0);
	return list;
}

static struct bytes binary_record(const struct entry_case *row, struct bytes data)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct bytes sha1 = test_hex(row->sha1);

	buf_append_le32(&out, IMA_PCR);
	buf_append(&out, sha1);
	buf_append_le32(&out, (uint32_t)strlen(row->template));
	buf_append_string(&out, row->template);
	if (strcmp(row->template, "ima") != 0)
		buf_append_le32(&out, (uint32_t)data.size);
	buf_append(&out, data);
	test_drop(sha1);
	return test_copy(buf_bytes(&out));
}

static struct bytes text_record(const struct entry_case *row)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;

	buf_printf(&out, "10 %s %s %s\n", row->sha1, row->template, row->text ? row->text : "x");
	return test_copy(buf_bytes(&out));
}

/* What both forms must say of an entry. */
static void expect(const struct entry_case *row, struct ima_list *list, const struct record *record)
{
	AUTO(buf_clear) struct buf said = BUF_INIT;
	struct ima_entry entry;

	test_bytes(record->name, bytes_of_string(row->template));
	assert_int_equal(record->digests[0].alg, ALG_SHA1);
	test_bytes_hex(digest_bytes(&record->digests[0]), row->sha1);
	ima_entry_parse(list, record, &entry);
	assert_false(entry.is_violation);
	describe(&said, &entry);
	assert_string_equal((const char *)said.data + 1, row->says);
}

static void binary(void **state)
{
	const struct entry_case *row = *state;
	struct bytes data = test_hex(row->data), bytes = binary_record(row, data);
	struct record record;
	struct ima_list *list = open_one(bytes, &record);

	assert_int_equal(ima_list_form(list), IMA_FORM_BINARY_LE);
	test_bytes(record.data, data);
	assert_int_equal(record.data_offset, bytes.size - data.size);
	expect(row, list, &record);
	ima_list_free(list);
	test_drop(bytes);
	test_drop(data);
}

static void text(void **state)
{
	const struct entry_case *row = *state;
	struct bytes data = test_hex(row->data), bytes = text_record(row);
	struct record record;
	struct ima_list *list = open_one(bytes, &record);

	assert_int_equal(ima_list_form(list), IMA_FORM_TEXT);
	assert_int_equal(record.data_offset, ERROR_NO_OFFSET);
	if (row->text)
		test_bytes(record.data, data);
	else
		assert_null(record.data.data);
	expect(row, list, &record);
	ima_list_free(list);
	test_drop(bytes);
	test_drop(data);
}

/* The template hash is the one that was computed elsewhere, in both forms. */
static void template_hash(void **state)
{
	const struct entry_case *row = *state;
	struct bytes data = test_hex(row->data);
	struct bytes forms[] = { binary_record(row, data), text_record(row) };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		AUTO(hasher_freep) struct hasher *hasher = NULL;
		AUTO(ima_list_freep) struct ima_list *list = NULL;
		AUTO(ima_replay_freep) struct ima_replay *replay = NULL;
		const struct ima_step *step;
		struct error err;

		assert_int_equal(hasher_new(&hasher, &err), 0);
		assert_int_equal(ima_list_open(forms[i], "list", hasher, &list, &err), 0);
		assert_int_equal(ima_replay_new(list, 1u << ALG_SHA1, hasher, &replay, &err), 0);
		assert_int_equal(ima_replay_next(replay, &step, &err), 1);
		assert_int_equal(step->check,
				 i == 0 || row->text ? IMA_CHECK_MATCH : IMA_CHECK_UNKNOWN);
	}
	test_drop(forms[0]);
	test_drop(forms[1]);
	test_drop(data);
}

/* Fields that are not of their template's form: said by is_whole, and no more taken than is there. */
/* clang-format off */
static const struct odd_case {
	const char *name, *template, *data, *says;
} odd_cases[] = {
	{ "no data", "ima-ng", "", "malformed" },
	{ "length cut short", "ima-ng", "000000", "malformed" },
	{ "length over the end", "ima-ng", "05000000 61", "malformed" },
	{ "second field missing", "ima-ng", "09000000 736861313a00010203", "malformed sha1:010203" },
	{ "bytes left over", "ima-ng", "09000000 736861313a00010203 02000000 6100 ff",
	  "malformed sha1:010203 a" },
	{ "no colon", "ima-ng", "08000000 7368613100010203 02000000 6100", "malformed a" },
	{ "no NUL", "ima-ng", "05000000 736861313a 02000000 6100", "malformed a" },
	{ "empty digest field", "ima-ng", "00000000 02000000 6100", "malformed a" },
	{ "name without NUL", "ima-ng", "09000000 736861313a00010203 02000000 6162",
	  "malformed sha1:010203 ab" },
	{ "name with two NULs", "ima-ng", "09000000 736861313a00010203 04000000 61006200",
	  "malformed sha1:010203 a" },
	{ "name of NUL alone", "ima-ng", "09000000 736861313a00010203 01000000 00", "sha1:010203 " },
	{ "ima whose name is too long", "ima", "000102030405060708090a0b0c0d0e0f10111213 02000000 61",
	  NULL },
	{ "two digests, the first counts", "d-ng|d-ng|n-ng",
	  "09000000 736861313a00010203 09000000 736861313a00040506 02000000 6100", "sha1:010203 a" },
	{ "two names, the first counts", "n-ng|n-ng", "02000000 6100 02000000 6200", "a" },
};
/* clang-format on */

static void odd(void **state)
{
	const struct odd_case *row = *state;
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(ima_list_freep) struct ima_list *list = NULL;
	AUTO(buf_clear) struct buf out = BUF_INIT, said = BUF_INIT;
	struct bytes data = test_hex(row->data), bytes;
	static const uint8_t sha1[20] = { 1 };
	struct record record;
	struct ima_entry entry;
	struct error err;

	buf_append_le32(&out, IMA_PCR);
	buf_append(&out, bytes_of(sha1, sizeof(sha1)));
	buf_append_le32(&out, (uint32_t)strlen(row->template));
	buf_append_string(&out, row->template);
	if (strcmp(row->template, "ima") != 0)
		buf_append_le32(&out, (uint32_t)data.size);
	buf_append(&out, data);
	bytes = test_copy(buf_bytes(&out));
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(ima_list_open(bytes, "list", hasher, &list, &err), 0);
	if (row->says) {
		assert_int_equal(ima_list_next(list, &record, &err), 1);
		ima_entry_parse(list, &record, &entry);
		describe(&said, &entry);
		assert_string_equal((const char *)said.data + 1, row->says);
	} else {
		assert_int_equal(ima_list_next(list, &record, &err), -1);
		test_error(&err, ERROR_TRUNCATED, bytes.size - data.size);
	}
	test_drop(bytes);
	test_drop(data);
}

/* Text that is a line of a list, but not of its template's form: no data, and so no match. */
/* clang-format off */
static const struct odd_text_case {
	const char *name, *template, *text;
} odd_text_cases[] = {
	{ "digest not hex", "ima-ng", "sha1:zz /a" },
	{ "half a byte", "ima-ng", "sha1:000 /a" },
	{ "signature not hex", "ima-sig", "sha1:00 /a zz" },
	{ "digest missing", "ima", "" },
	{ "uid not a number", "iuid", "1x" },
	{ "uid too large", "iuid", "4294967296" },
	{ "uid far too large", "iuid", "99999999999" },
	{ "mode too large", "imode", "65536" },
	{ "too many fields", "d-ng|sig", "sha1:00 00 00" },
};
/* clang-format on */

static void odd_text(void **state)
{
	const struct odd_text_case *row = *state;
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct ima_list *list;
	struct ima_entry entry;
	struct record record;
	struct bytes bytes;

	buf_printf(&out, "10 0100000000000000000000000000000000000000 %s %s\n", row->template,
		   row->text);
	bytes = test_copy(buf_bytes(&out));
	list = open_one(bytes, &record);
	assert_null(record.data.data);
	ima_entry_parse(list, &record, &entry);
	assert_true(entry.is_known);
	assert_false(entry.is_whole);
	ima_list_free(list);
	test_drop(bytes);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, binary, entry_cases);
	TEST_ROWS(&tests, text, entry_cases);
	TEST_ROWS(&tests, template_hash, entry_cases);
	TEST_ROWS(&tests, odd, odd_cases);
	TEST_ROWS(&tests, odd_text, odd_text_cases);
	return test_run(&tests, "replay/ima/entry");
}
