/* SPDX-License-Identifier: BSD-2-Clause */
/* The members of archives that other programs made. */
#include "core/archive.h"

#include "tests/unit/test.h"

/* ca/, ca/r.pem, ca/link -> ../nonce, nonce: zip -r -X -y */
static const char zip_hex[] =
	"504b03040a0000000000659d775d0000000000000000000000000300000063612f504b03040a0000"
	"000000659d775d4533398003000000030000000800000063612f722e70656d70656d504b03040a00"
	"00000000659d775dcf3fa09408000000080000000700000063612f6c696e6b2e2e2f6e6f6e636550"
	"4b03040a0000000000659d775dfd9224b20500000005000000050000006e6f6e63656e6f6e636550"
	"4b01021e030a0000000000659d775d000000000000000000000000030000000000000000001000ed"
	"410000000063612f504b01021e030a0000000000659d775d45333980030000000300000008000000"
	"0000000001000000a4812100000063612f722e70656d504b01021e030a0000000000659d775dcf3f"
	"a0940800000008000000070000000000000000000000ffa14a00000063612f6c696e6b504b01021e"
	"030a0000000000659d775dfd9224b20500000005000000050000000000000001000000a481770000"
	"006e6f6e6365504b05060000000004000400cf0000009f0000000000";
/* the same: tar --format=ustar --sort=name | xz -0 */
static const char ustar_xz_hex[] =
	"fd377a585a000004e6d6b446020021010c0000008f98419ce027ff00b05d00170bbc1c7d0195c01d"
	"3f82a28ac49ea322cad6e193b493cbbceaad344fdadf806a174147a22a564beb8f979434bdc40f81"
	"5bb8febd32a760d78b280a6904549b239e37f6410555fc26d915bb486899ec32e48c352a08c8e579"
	"39ce85121adc59b7f42508eb742d2cf42da1fed494282e5c6aad2d1717e4657ba1576bbc24fa35d0"
	"7961aef4614e3a77e0bbc25feaa3f2a959f517921d49f81231f9f2603e488adb668012ed348ba6f5"
	"4a648b03e9559000a6a0da59cc0592750001cc018050000029bbfa19b1c467fb020000000004595a";
/* tar --format=pax | zstd -19 */
static const char pax_zstd_hex[] =
	"28b52ffd0468ad0800428b2018806d0e60d7080ad88512c964b74f1229b2379f6e8438980c8d5d53"
	"9644e6ca4d7f754964541309655196522de5b2d6eebe73efbdcbec500c0412ddbc20c15edf41e259"
	"9686532e6bec67eee752c97d225d01fd6a37754cfdbde6965fb32026c603d335ff6ce0e34019a564"
	"4ecf78d9adf673fb7feebaa75a4e130b1885080e4b0538a0a121b46c6161a9583b102b8982b46dfd"
	"05fee1bf1a80f032ea234749e34744fa00a898477d230517421ea008d949b072a59a6003a4da4056"
	"b70dd034480f601e902a96d4fca71d8dfa34074cf1435a3915f3aada77a90dccb9acba07eaca5458"
	"525f50ca803d2a8154ac468c0d6662920eba0cd07ec0aec9c0283fd75188d479a8049ee42f05a075"
	"684092c9a90135dd1488";

static const struct archive_case {
	const char *name, *hex, *prefix;
	bool whole_only; /* every beginning of it is an error */
} archives[] = {
	{"zip",          zip_hex,      "",   false},
	{ "ustar in xz", ustar_xz_hex, "./", true },
	{ "pax in zstd", pax_zstd_hex, "./", true },
};

/* What a walk finds, one line each. */
static int walk(struct bytes in, const struct archive_walk_options *options, struct buf *out,
		struct error *err)
{
	static const char types[] = { 'f', 'd', 'l', 'h', 'o' };
	AUTO(archive_walk_freep) struct archive_walk *archive = NULL;
	const struct archive_member *member;
	int got;

	if (archive_walk_open(options, in, &archive, err) < 0)
		return -1;
	while ((got = archive_walk_next(archive, &member, err)) > 0) {
		buf_printf(out, "%zu %c ", member->index, types[member->type]);
		buf_append(out, member->path);
		if (member->type == MEMBER_REGULAR) {
			buf_append_string(out, " = ");
			if (archive_walk_read(archive, out, err) < 0)
				return -1;
		}
		if (member->target.size) {
			buf_append_string(out, " -> ");
			buf_append(out, member->target);
		}
		buf_append_string(out, "\n");
	}
	return got;
}

static bool holds(const struct buf *text, const char *part)
{
	return text->data && strstr((const char *)text->data, part);
}

static void members(void **state)
{
	const struct archive_case *row = *state;
	struct archive_walk_options options = { .source = "in" };
	struct bytes in = test_hex(row->hex);
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };
	char line[64];

	assert_true(archive_walk_detect(in));
	assert_int_equal(walk(in, &options, &out, &err), 0);
	snprintf(line, sizeof(line), " d %sca/\n", row->prefix);
	assert_true(holds(&out, line));
	snprintf(line, sizeof(line), " f %sca/r.pem = pem\n", row->prefix);
	assert_true(holds(&out, line));
	snprintf(line, sizeof(line), " l %sca/link -> ../nonce\n", row->prefix);
	assert_true(holds(&out, line));
	snprintf(line, sizeof(line), " f %snonce = nonce\n", row->prefix);
	assert_true(holds(&out, line));
	test_drop(in);
}

static void archive_cut(void **state)
{
	const struct archive_case *row = *state;
	struct archive_walk_options options = { .source = "in" };
	struct bytes in = test_hex(row->hex);

	for (size_t size = 0; size < in.size; size++) {
		struct bytes part = test_copy(bytes_of(in.data, size));
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct error err = { 0 };
		int got = walk(part, &options, &out, &err);

		if (got == 0 && row->whole_only)
			fail_msg("cut to %zu bytes: taken", size);
		/* A zip without its directory is read from its front, when all members are there. */
		if (got == 0)
			assert_true(holds(&out, " f nonce = nonce\n"));
		test_drop(part);
	}
	test_drop(in);
}

static void archive_flipped(void **state)
{
	const struct archive_case *row = *state;
	struct archive_walk_options options = { .source = "in",
						.member_max = 1 << 20,
						.total_max = 1 << 20 };
	struct bytes in = test_hex(row->hex);

	for (size_t i = 0; i < in.size; i++) {
		struct bytes bad = test_copy(in);
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct error err = { 0 };

		((uint8_t *)(uintptr_t)bad.data)[i] ^= 0x55;
		(void)walk(bad, &options, &out, &err);
		test_drop(bad);
	}
	test_drop(in);
}

/* One member of an old tar: as much of the format as the cases need. */
static void tar_add(struct buf *tar, const char *path, char type, const char *target,
		    const char *data, size_t stated_size)
{
	uint8_t header[512] = { 0 };
	unsigned sum = 0;
	size_t size = strlen(data);

	strncpy((char *)header, path, 100);
	memcpy(header + 100,
	       "0000644\0"
	       "0000000\0"
	       "0000000\0",
	       24);
	snprintf((char *)header + 124, 12, "%011zo", stated_size);
	memcpy(header + 136, "00000000000", 12);
	memset(header + 148, ' ', 8);
	header[156] = (uint8_t)type;
	strncpy((char *)header + 157, target, 100);
	memcpy(header + 257,
	       "ustar\0"
	       "00",
	       8);
	for (size_t i = 0; i < sizeof(header); i++)
		sum += header[i];
	snprintf((char *)header + 148, 8, "%06o", sum);
	buf_append(tar, bytes_of(header, sizeof(header)));
	buf_append(tar, bytes_of(data, size));
	while (tar->size % 512)
		buf_append_u8(tar, 0);
}

static void tar_end(struct buf *tar)
{
	for (int i = 0; i < 1024; i++)
		buf_append_u8(tar, 0);
}

/* Names are handed on as they are; judging them is the caller's. */
static void hostile_names(void **state)
{
	AUTO(buf_clear) struct buf tar = BUF_INIT, out = BUF_INIT;
	struct archive_walk_options options = { .source = "in" };
	struct error err = { 0 };

	(void)state;
	tar_add(&tar, "/etc/passwd", '0', "", "abs", 3);
	tar_add(&tar, "../up", '0', "", "up", 2);
	tar_add(&tar, "bad\xff\x1b[2J", '0', "", "x", 1);
	tar_add(&tar, "twice", '0', "", "1", 1);
	tar_add(&tar, "twice", '0', "", "2", 1);
	tar_add(&tar, "hard", '1', "twice", "", 0);
	tar_add(&tar, "soft", '2', "/etc/shadow", "", 0);
	tar_add(&tar, "null", '3', "", "", 0);
	tar_add(&tar, "pipe", '6', "", "", 0);
	tar_end(&tar);
	assert_int_equal(walk(buf_bytes(&tar), &options, &out, &err), 0);
	assert_string_equal((char *)out.data, "0 f /etc/passwd = abs\n"
					      "1 f ../up = up\n"
					      "2 f bad\xff\x1b[2J = x\n"
					      "3 f twice = 1\n"
					      "4 f twice = 2\n"
					      "5 h hard -> twice\n"
					      "6 l soft -> /etc/shadow\n"
					      "7 o null\n"
					      "8 o pipe\n");
}

static const struct limit_case {
	const char *name;
	uint64_t member_max, total_max;
	bool read; /* else members are passed over */
	int got;
} limits[] = {
	{"none",			0,   0,   true,  0 },
	{ "just enough",                300, 500, true,  0 },
	{ "just enough, passed over",   300, 500, false, 0 },
	{ "a member too large",         299, 0,   true,  -1},
	{ "all too large",              0,   499, true,  -1},
	{ "all too large, passed over", 0,   499, false, -1},
};

static void limit(void **state)
{
	const struct limit_case *row = *state;
	struct archive_walk_options options = { .source = "in",
						.member_max = row->member_max,
						.total_max = row->total_max };
	AUTO(buf_clear) struct buf tar = BUF_INIT, out = BUF_INIT;
	AUTO(archive_walk_freep) struct archive_walk *archive = NULL;
	const struct archive_member *member;
	struct error err = { 0 };
	char data[301];
	int got;

	memset(data, 'x', sizeof(data));
	data[200] = 0;
	tar_add(&tar, "a", '0', "", data, 200);
	data[200] = 'x';
	data[300] = 0;
	tar_add(&tar, "b", '0', "", data, 300);
	tar_end(&tar);
	assert_int_equal(archive_walk_open(&options, buf_bytes(&tar), &archive, &err), 0);
	while ((got = archive_walk_next(archive, &member, &err)) > 0)
		if (row->read && archive_walk_read(archive, &out, &err) < 0)
			break;
	if (row->got < 0) {
		assert_int_equal(err.code, ERROR_LIMIT);
		assert_int_equal(archive_walk_next(archive, &member, &err), -1);
	} else {
		assert_int_equal(got, 0);
	}
}

static void a_member_cut_short(void **state)
{
	AUTO(buf_clear) struct buf tar = BUF_INIT, out = BUF_INIT;
	struct archive_walk_options options = { .source = "in" };
	struct error err = { 0 };

	(void)state;
	tar_add(&tar, "a", '0', "", "only this", 100000);
	assert_int_equal(walk(buf_bytes(&tar), &options, &out, &err), -1);
	test_error(&err, ERROR_TRUNCATED, tar.size);
}

/* RFC 1952, 8, bit by bit. */
static uint32_t crc_of(struct bytes bytes)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < bytes.size; i++) {
		crc ^= bytes.data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* One gzip member with one stored block (RFC 1951, 3.2.4). */
static void gzip_stored(struct buf *out, struct bytes in)
{
	assert_true(in.size <= 0xffff);
	buf_append(out, bytes_of("\x1f\x8b\x08\0\0\0\0\0\0\3\1", 11));
	buf_append_u8(out, (uint8_t)in.size);
	buf_append_u8(out, (uint8_t)(in.size >> 8));
	buf_append_u8(out, (uint8_t)~in.size);
	buf_append_u8(out, (uint8_t)(~in.size >> 8));
	buf_append(out, in);
	for (int i = 0; i < 4; i++)
		buf_append_u8(out, (uint8_t)(crc_of(in) >> 8 * i));
	for (int i = 0; i < 4; i++)
		buf_append_u8(out, (uint8_t)(in.size >> 8 * i));
}

/* gzip's checksum and size stand behind the archive: they are compared at its end. */
static void gzip_trailer(void **state)
{
	AUTO(buf_clear) struct buf tar = BUF_INIT, gz = BUF_INIT, again = BUF_INIT;
	struct archive_walk_options options = { .source = "in" };
	struct error err = { 0 };

	(void)state;
	tar_add(&tar, "a", '0', "", "only this", 9);
	tar_end(&tar);
	gzip_stored(&gz, buf_bytes(&tar));
	assert_int_equal(walk(buf_bytes(&gz), &options, &again, &err), 0);
	for (size_t i = 0; i < 8 * 8; i++) {
		AUTO(buf_clear) struct buf out = BUF_INIT;

		gz.data[gz.size - 1 - i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(walk(buf_bytes(&gz), &options, &out, &err), -1);
		assert_int_equal(err.code, ERROR_MALFORMED);
		assert_non_null(strstr(err.message, i < 32 ? "length check" : "data check"));
		gz.data[gz.size - 1 - i / 8] ^= (uint8_t)(1u << i % 8);
	}
	/* Several members are one stream; what is no member is not. */
	gzip_stored(&gz, bytes_of("", 0));
	buf_clear(&again);
	again = (struct buf)BUF_INIT;
	assert_int_equal(walk(buf_bytes(&gz), &options, &again, &err), 0);
	buf_append_u8(&gz, 'x');
	buf_clear(&again);
	again = (struct buf)BUF_INIT;
	assert_int_equal(walk(buf_bytes(&gz), &options, &again, &err), -1);
	test_error(&err, ERROR_MALFORMED, gz.size - 1);
}

static const struct not_archive_case {
	const char *name, *hex;
} not_archives[] = {
	{"nothing",            ""						  },
	{ "a text",            "6e6f742061206172636869766521"                      },
	{ "a log in gzip",     "1f8b08000000000000034bcc4a2c4e040049d7bd5206000000"},
	{ "half a zip header", "504b0304"					  },
};

static void not_an_archive(void **state)
{
	const struct not_archive_case *row = *state;
	struct archive_walk_options options = { .source = "in" };
	struct bytes in = test_hex(row->hex);
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };

	assert_int_equal(walk(in, &options, &out, &err), -1);
	assert_true(err.code == ERROR_UNSUPPORTED || err.code == ERROR_TRUNCATED ||
		    err.code == ERROR_MALFORMED);
	test_drop(in);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, members, archives);
	TEST_ROWS(&tests, archive_cut, archives);
	TEST_ROWS(&tests, archive_flipped, archives);
	TEST(&tests, hostile_names);
	TEST_ROWS(&tests, limit, limits);
	TEST(&tests, a_member_cut_short);
	TEST(&tests, gzip_trailer);
	TEST_ROWS(&tests, not_an_archive, not_archives);
	return test_run(&tests, "core/archive_walk");
}
