/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware volumes and code images, made small (PI 1.7 volume 3); real ones are in test_pei.c. */
#include "refgen/firmware/internal.h"

#include "tests/unit/test.h"

/* --- making volumes --------------------------------------------------------------------------- */

static void put(uint8_t *at, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void append_zeros(struct buf *out, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++)
		buf_append_u8(out, value);
}

static void align(struct buf *out, size_t begin, size_t to, uint8_t value)
{
	while ((out->size - begin) % to != 0)
		buf_append_u8(out, value);
}

static void append_section(struct buf *out, uint8_t type, struct bytes data)
{
	align(out, 0, 4, 0);
	buf_append_le32(out, (uint32_t)(data.size + 4) | (uint32_t)type << 24);
	buf_append(out, data);
}

/* A file with the given first byte of its name, of sections. */
static void append_file(struct buf *volume, const struct guid *name, uint8_t type,
			struct bytes data, uint8_t state)
{
	uint8_t header[24] = { 0 };
	uint8_t sum = 0;

	align(volume, 0, 8, 0xff);
	memcpy(header, name->bytes, 16);
	header[18] = type;
	put(header + 20, 3, data.size + sizeof(header));
	for (size_t i = 0; i < sizeof(header); i++)
		sum = (uint8_t)(sum + header[i]);
	header[16] = (uint8_t)-sum;
	header[17] = 0xaa;
	header[23] = state;
	buf_append(volume, bytes_of(header, sizeof(header)));
	buf_append(volume, data);
}

/* Room for the header and the extended header. */
static void begin_volume(struct buf *volume)
{
	append_zeros(volume, 0x60, 0);
	buf_append(volume, bytes_of("the volume's name", 16));
	buf_append_le32(volume, 20);
	align(volume, 0, 8, 0xff);
}

static void end_volume(struct buf *volume, size_t size)
{
	static const uint8_t ffs2[] = { 0x78, 0xe5, 0x8c, 0x8c, 0x3d, 0x8a, 0x1c, 0x4f,
					0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3 };
	uint16_t sum = 0;
	uint8_t *at;

	append_zeros(volume, size - volume->size, 0xff);
	at = volume->data;
	memcpy(at + 16, ffs2, 16);
	put(at + 32, 8, size);
	memcpy(at + 40, "_FVH", 4);
	put(at + 44, 4, 0x4feff);
	put(at + 48, 2, 0x48);
	put(at + 52, 2, 0x60);
	at[55] = 2;
	for (size_t i = 0; i < 0x48; i += 2)
		sum = (uint16_t)(sum + (at[i] | at[i + 1] << 8));
	put(at + 50, 2, (uint16_t)-sum);
}

/* A PE32+ header with an image base. */
static void append_pe(struct buf *out, uint64_t base, const char *text16)
{
	uint8_t pe[0x100] = { 0 };

	memcpy(pe, "MZ", 2);
	put(pe + 60, 4, 0x80);
	memcpy(pe + 0x80, "PE", 2);
	put(pe + 0x98, 2, 0x20b);
	put(pe + 0xb0, 8, base);
	for (size_t i = 0; text16[i]; i++)
		pe[0xc0 + 2 * i] = (uint8_t)text16[i];
	buf_append(out, bytes_of(pe, sizeof(pe)));
}

static const struct guid tcg2_pei =
	GUID(0xa0c98b77, 0xcba5, 0x4bb8, 0x99, 0x3b, 0x4a, 0xf6, 0xce, 0x33, 0xec, 0xe4);
static const struct guid ui_app =
	GUID(0x462caa21, 0x7614, 0x4503, 0x83, 0x6e, 0x8a, 0xb6, 0xf4, 0x66, 0x23, 0x31);
static const struct guid some = GUID(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);

#define STATE_GOOD    0xf8
#define STATE_DELETED 0xe8

static void add_module(struct buf *volume, const struct guid *name, uint8_t type, uint64_t base,
		       const char *text16)
{
	AUTO(buf_clear) struct buf pe = BUF_INIT, sections = BUF_INIT;

	append_pe(&pe, base, text16);
	append_section(&sections, SECTION_PE32, buf_bytes(&pe));
	append_section(&sections, SECTION_USER_INTERFACE, bytes_of("N\0a\0m\0e\0\0", 10));
	append_file(volume, name, type, buf_bytes(&sections), STATE_GOOD);
}

/* A code image: a volume with a file of two volumes. */
static void make_image(struct buf *image, uint64_t base, const char *version)
{
	AUTO(buf_clear) struct buf pei = BUF_INIT, dxe = BUF_INIT, sections = BUF_INIT;

	begin_volume(&pei);
	/* the core's PE lies behind the volume's header, its own and that of its section */
	add_module(&pei, &some, FFS_PEI_CORE, base + pei.size + 24 + 4, "");
	add_module(&pei, &tcg2_pei, 6, 0, version);
	end_volume(&pei, 0x1000);
	begin_volume(&dxe);
	add_module(&dxe, &some, FFS_DXE_CORE, 0, "");
	append_file(&dxe, &tcg2_pei, FFS_SMM_CORE, bytes_of("1234", 4), STATE_DELETED);
	add_module(&dxe, &ui_app, 9, 0, "");
	end_volume(&dxe, 0x1000);
	append_section(&sections, SECTION_FIRMWARE_VOLUME_IMAGE, buf_bytes(&pei));
	append_section(&sections, SECTION_FIRMWARE_VOLUME_IMAGE, buf_bytes(&dxe));
	begin_volume(image);
	append_file(image, &some, FFS_FIRMWARE_VOLUME_IMAGE, buf_bytes(&sections), STATE_GOOD);
	end_volume(image, 0x4000);
}

/* --- images ----------------------------------------------------------------------------------- */

static const struct version_case {
	const char *name, *version;
	size_t size; /* SIZE_MAX: not known */
} version_cases[] = {
	{"no version",         "",           0       },
	{ "a version",         "2025.02",    14      },
	{ "too short for one", "1.0",        0       },
	{ "two texts",         "2025\1abcd", SIZE_MAX},
};

static void opens(void **state)
{
	const struct version_case *row = *state;
	AUTO(firmware_clear) struct firmware firmware = { 0 };
	AUTO(buf_clear) struct buf image = BUF_INIT;
	struct error err = { 0 };

	make_image(&image, 0x820000, row->version);
	/* "\1" stands for the end of one text and another */
	for (size_t i = 0; i + 1 < image.size; i++)
		if (image.data[i] == 1 && image.data[i + 1] == 0 && row->size == SIZE_MAX &&
		    image.data[i - 2] == '5')
			image.data[i] = 0;
	if (firmware_open(buf_bytes(&image), "code", &firmware, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(firmware.pei.base, 0x820000);
	assert_int_equal(firmware.dxe.base, 0x821000);
	assert_int_equal(firmware.pei.bytes.size, 0x1000);
	assert_true(firmware.dxe.has_name);
	assert_memory_equal(firmware.dxe.name.bytes, "the volume's name", 16);
	assert_int_equal(firmware.version_known, row->size != SIZE_MAX);
	if (firmware.version_known)
		assert_int_equal(firmware.version.size, row->size);
	assert_false(firmware.smm); /* its file is deleted */
	assert_true(firmware.ui.present);
	assert_int_equal(firmware.ui.name.size, 8);
	assert_false(firmware.shell.present);
}

static void assert_refused(struct bytes image, enum error_code code, uint64_t offset)
{
	struct bytes copy = test_copy(image);
	struct firmware firmware = { 0 };
	struct error err = { 0 };

	assert_int_equal(firmware_open(copy, "code", &firmware, &err), -1);
	test_error(&err, code, offset);
	test_drop(copy);
}

static void refuses(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT, low = BUF_INIT;

	(void)state;
	assert_refused(bytes_of(NULL, 0), ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	make_image(&image, 0x820000, "");
	assert_refused(bytes_of(image.data, 0x3fff), ERROR_TRUNCATED, 32);
	image.data[50] ^= 1;
	assert_refused(buf_bytes(&image), ERROR_MALFORMED, 50);
	image.data[50] ^= 1;
	image.data[0x78 + 18] ^= 1; /* the type of the file */
	assert_refused(buf_bytes(&image), ERROR_MALFORMED, 0x78 + 16);
	image.data[0x78 + 18] ^= 1;
	image.data[0x90 + 2] = 0x7f; /* the first section's size */
	assert_refused(buf_bytes(&image), ERROR_MALFORMED, 0x90);
	make_image(&low, 0, "");
	low.data[0x90 + 4 + 0x78 + 24 + 4 + 0xb0] = 1; /* the core's base: before its volume */
	low.data[0x90 + 4 + 0x78 + 24 + 4 + 0xb1] = 0;
	assert_refused(buf_bytes(&low), ERROR_MALFORMED, 0x90 + 4 + 0x78 + 24 + 4);
}

/* Volumes in volumes, deeper than any firmware has them. */
static void nests(void **state)
{
	AUTO(buf_clear) struct buf volume = BUF_INIT;

	(void)state;
	make_image(&volume, 0x820000, "");
	for (size_t i = 0; i < FIRMWARE_DEPTH_MAX + 1; i++) {
		AUTO(buf_clear) struct buf outer = BUF_INIT, sections = BUF_INIT;

		append_section(&sections, SECTION_FIRMWARE_VOLUME_IMAGE, buf_bytes(&volume));
		begin_volume(&outer);
		append_file(&outer, &some, FFS_FIRMWARE_VOLUME_IMAGE, buf_bytes(&sections),
			    STATE_GOOD);
		end_volume(&outer, volume.size + 0x1000);
		buf_clear(&volume);
		volume = outer;
		outer = (struct buf)BUF_INIT;
	}
	assert_refused(buf_bytes(&volume), ERROR_LIMIT,
		       (FIRMWARE_DEPTH_MAX + 1) * (uint64_t)(0x78 + 24 + 4));
}

/* Cut at every length, flipped at every byte. */
static void hostile(void **state)
{
	AUTO(buf_clear) struct buf image = BUF_INIT;
	struct firmware firmware;
	struct error err;

	(void)state;
	make_image(&image, 0x820000, "2025.02");
	for (size_t size = 0; size < image.size; size += size < 0x400 ? 1 : 61) {
		struct bytes cut = test_copy(bytes_of(image.data, size));

		assert_int_equal(firmware_open(cut, "code", &firmware, &err), -1);
		test_drop(cut);
	}
	for (size_t i = 0; i < image.size; i++) {
		uint8_t kept = image.data[i];

		image.data[i] ^= (uint8_t)(1u << i % 8);
		if (firmware_open(buf_bytes(&image), "code", &firmware, &err) == 0)
			firmware_clear(&firmware);
		image.data[i] = 0xff;
		if (firmware_open(buf_bytes(&image), "code", &firmware, &err) == 0)
			firmware_clear(&firmware);
		image.data[i] = kept;
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, opens, version_cases);
	TEST(&tests, refuses);
	TEST(&tests, nests);
	TEST(&tests, hostile);
	return test_run(&tests, "refgen/firmware/code");
}
