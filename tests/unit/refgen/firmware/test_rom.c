/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Option ROMs and EFI compression. Small streams are made bit by bit from UEFI 2.10, 19; iPXE's ROM, where
 * it is installed, must give the image whose Authenticode digest the event log of tests/vectors has.
 */
#include "refgen/firmware/internal.h"

#include <unistd.h>

#include "core/crypto.h"
#include "refgen/pe/pe.h"
#include "tests/unit/test.h"

/* --- compression ------------------------------------------------------------------------------ */

/*
 * Streams by hand: block of n symbols (16 bits), code of lengths (5 bits 0, 5 bits: the one symbol), code of
 * characters (9 bits 0, 9 bits: the one symbol), code of positions (4 bits 0, 4 bits: the one). A code
 * with one symbol takes no bits.
 */
static const struct unpack_case {
	const char *name, *hex, *out;
} unpack_cases[] = {
	{"four times A", "07000000 04000000 0004 0000041000",       "41414141"  },
 /* characters: A is 0, a match of 4 is 1; distance 1 */
	{ "a match",     "0a000000 05000000 0002 20043020b655c010", "4141414141"},
	{ "nothing",     "00000000 00000000",                       ""          },
};

static void unpacks(void **state)
{
	const struct unpack_case *row = *state;
	struct bytes in = test_hex(row->hex);
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };

	if (efi_decompress(in, 0, "in", &out, &err) < 0)
		fail_msg("%s", err.message);
	test_bytes_hex(buf_bytes(&out), row->out);
	test_drop(in);
}

static const struct bad_case {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",			 "",				    ERROR_TRUNCATED, 0 },
	{ "no sizes",                     "07000000 0400",                       ERROR_TRUNCATED, 4 },
	{ "more than there is",           "09000000 04000000 0004 0000041000",   ERROR_TRUNCATED, 8 },
	{ "too much to unpack",           "07000000 01000001 0004 0000041000",   ERROR_LIMIT,     4 },
	{ "cut in its codes",             "04000000 04000000 0004 0000",         ERROR_TRUNCATED, 12},
	{ "twenty lengths",               "04000000 01000000 0001 a000",         ERROR_MALFORMED, 11},
	{ "more codes than fit",          "06000000 01000000 0001 19280000",     ERROR_MALFORMED, 12},
	{ "fewer codes than fit",         "06000000 01000000 0001 1a480000",     ERROR_MALFORMED, 12},
	{ "a length of more than 16",     "08000000 01000000 0001 1ffffff00000", ERROR_MALFORMED, 13},
	{ "the character 511",            "07000000 01000000 0001 00001ff000",   ERROR_MALFORMED, 14},
	{ "a match before the beginning", "07000000 04000000 0004 0000100000",   ERROR_MALFORMED,
         15											 },
};

static void refuses(void **state)
{
	const struct bad_case *row = *state;
	struct bytes in = test_hex(row->hex);
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };

	assert_int_equal(efi_decompress(in, 0, "in", &out, &err), -1);
	test_error(&err, row->code, row->offset);
	assert_int_equal(out.size, 0);
	test_drop(in);
}

/* --- ROMs ------------------------------------------------------------------------------------- */

#define IPXE "/usr/lib/ipxe/qemu/"

/* A header for an image of one unit, or more, at the start of buf. */
static void put_header(uint8_t *at, uint8_t units, uint8_t code_type, uint8_t indicator)
{
	static const uint8_t start[] = {
		0x55, 0xaa, 0, 0, 0xf1, 0x0e, 0, 0, 11, 0, 0x64, 0x86, 0, 0
	};

	memcpy(at, start, sizeof(start));
	at[2] = units;
	at[22] = 0x60; /* the image */
	at[24] = 0x1c; /* PCIR */
	memcpy(at + 0x1c, "PCIR", 4);
	at[0x1c + 16] = units;
	at[0x1c + 20] = code_type;
	at[0x1c + 21] = indicator;
}

static void walk(void **state)
{
	uint8_t rom[2560] = { 0 };
	struct rom_image image;
	struct error err = { 0 };
	size_t at = 0;

	(void)state;
	put_header(rom, 1, 0, 0);        /* legacy code */
	put_header(rom + 512, 2, 3, 0);  /* EFI */
	put_header(rom + 1536, 1, 3, 0); /* EFI, but for another processor */
	rom[1536 + 10] = 0xaa;
	put_header(rom + 2048, 1, 3, 0x80); /* EFI, a runtime driver */
	rom[2048 + 8] = 12;
	assert_int_equal(rom_next(bytes_of(rom, sizeof(rom)), "rom", &at, &image, &err), 1);
	assert_int_equal(image.offset, 512 + 0x60);
	assert_int_equal(image.bytes.size, 1024 - 0x60);
	assert_int_equal(image.subsystem, 11);
	assert_int_equal(rom_next(bytes_of(rom, sizeof(rom)), "rom", &at, &image, &err), 1);
	assert_int_equal(image.offset, 2048 + 0x60);
	assert_int_equal(image.subsystem, 12);
	assert_int_equal(rom_next(bytes_of(rom, sizeof(rom)), "rom", &at, &image, &err), 0);

	at = 0;
	rom[512 + 2] = 200;
	assert_int_equal(rom_next(bytes_of(rom, sizeof(rom)), "rom", &at, &image, &err), -1);
	test_error(&err, ERROR_TRUNCATED, 514);
	at = 0;
	rom[512 + 2] = 2;
	rom[512 + 22] = 0;
	assert_int_equal(rom_next(bytes_of(rom, sizeof(rom)), "rom", &at, &image, &err), -1);
	test_error(&err, ERROR_MALFORMED, 512 + 22);
	at = 0;
	rom[512 + 22] = 0x60;
	rom[512 + 12] = 2;
	assert_int_equal(rom_next(bytes_of(rom, sizeof(rom)), "rom", &at, &image, &err), -1);
	test_error(&err, ERROR_UNSUPPORTED, 512 + 12);
}

/* A ROM with any byte changed, or cut anywhere: no crash, and it ends. */
static void hostile(void **state)
{
	uint8_t rom[1024] = { 0 };
	struct rom_image image;
	struct error err;

	(void)state;
	put_header(rom, 2, 3, 0x80);
	for (size_t size = 0; size <= 0x60; size++) {
		struct bytes cut = test_copy(bytes_of(rom, size));
		size_t at = 0;

		while (rom_next(cut, "rom", &at, &image, &err) > 0)
			;
		test_drop(cut);
	}
	for (size_t i = 0; i < 0x60 * 8; i++) {
		size_t at = 0;

		rom[i / 8] ^= (uint8_t)(1u << i % 8);
		while (rom_next(bytes_of(rom, sizeof(rom)), "rom", &at, &image, &err) > 0)
			assert_true(image.offset + image.bytes.size <= sizeof(rom));
		rom[i / 8] ^= (uint8_t)(1u << i % 8);
	}
}

/*
 * iPXE's ROM of a virtio network card, with the Authenticode digests that OVMF logged when it loaded the
 * driver: Debian 12's in captures/uki-sdboot (event 10); Debian 13's, which is compressed, in a boot of
 * OVMF 2022.11 with romfile=. $IPXE_ROM may name another file than the package's.
 */
static const struct ipxe_case {
	const char *name, *rom_sha256;
	bool compressed;
	const char *sha1, *sha256;
} ipxe_cases[] = {
	{"Debian 12",  "f4413b7e780ee458643af59c92c98854a4232107a04abc2e8c10f3e661ba22da", false,
         "689cbd217d1bbde7180060f7c84013ba243ab113", "b6b9cf6db3efeaba1d6c5bba1359b69fd6e3b2032a9b179ff620a33b570e3997"},
	{ "Debian 13", "682b2c6b6f5460c137a5253ec215e6f8e146b9a6ce153a971c3fe2d77592153a", true,
         "9a6bcb545f1756410c23126e27e68e1134040784", "6a8b5dc74b56843bfb686add900eca4ef4aefa601525b9e6c144534494a0cb2c"},
};

static struct bytes ipxe_rom(void)
{
	const char *named = getenv("IPXE_ROM");
	const char *path = named && *named ? named : IPXE "efi-virtio.rom";

	return access(path, R_OK) < 0 ? bytes_of(NULL, 0) : test_file(path);
}

static bool has_sha256(struct hasher *hasher, struct bytes bytes, const char *expected)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;
	struct error err;

	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, bytes, &digest, &err), 0);
	return strcmp(digest_hex(&digest, hex), expected) == 0;
}

static void ipxe(void **state)
{
	const struct ipxe_case *row = *state;
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(buf_clear) struct buf unpacked = BUF_INIT;
	AUTO(pe_freep) struct pe *pe = NULL;
	struct digest digests[ALG_COUNT];
	struct bytes rom = ipxe_rom(), driver;
	char hex[DIGEST_HEX_SIZE];
	struct rom_image image;
	struct error err = { 0 };
	size_t at = 0;

	assert_int_equal(hasher_new(&hasher, &err), 0);
	if (!has_sha256(hasher, rom, row->rom_sha256)) {
		hasher_free(TAKE(hasher));
		test_drop(rom);
		skip();
	}
	assert_int_equal(rom_next(rom, "rom", &at, &image, &err), 1);
	assert_int_equal(image.compressed, row->compressed);
	driver = image.bytes;
	if (row->compressed) {
		if (efi_decompress(image.bytes, image.offset, "rom", &unpacked, &err) < 0)
			fail_msg("%s", err.message);
		driver = buf_bytes(&unpacked);
	}
	assert_int_equal(rom_next(rom, "rom", &at, &image, &err), 0);
	assert_int_equal(pe_open(driver, "rom", &pe, &err), 0);
	assert_int_equal(pe_subsystem(pe), PE_SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER);
	assert_int_equal(pe_authenticode(pe, hasher, 1u << ALG_SHA1 | 1u << ALG_SHA256, digests,
					 &err),
			 0);
	assert_string_equal(digest_hex(&digests[ALG_SHA1], hex), row->sha1);
	assert_string_equal(digest_hex(&digests[ALG_SHA256], hex), row->sha256);
	test_drop(rom);
}

/* A compressed driver cut short or with bits flipped: an error, or other bytes. */
static void ipxe_hostile(void **state)
{
	struct bytes rom = ipxe_rom();
	struct rom_image image;
	struct error err;
	uint8_t *bytes;
	size_t at = 0;

	(void)state;
	if (rom_next(rom, "rom", &at, &image, &err) <= 0 || !image.compressed) {
		test_drop(rom);
		skip();
	}
	bytes = (uint8_t *)(uintptr_t)image.bytes.data;
	for (size_t i = 8; i < 4096; i += 61) {
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct bytes cut = test_copy(bytes_of(image.bytes.data, i));

		assert_int_equal(efi_decompress(cut, 0, "rom", &out, &err), -1);
		test_drop(cut);
		bytes[i] ^= 0x10;
		(void)efi_decompress(image.bytes, 0, "rom", &out, &err);
		bytes[i] ^= 0x10;
	}
	test_drop(rom);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, unpacks, unpack_cases);
	TEST_ROWS(&tests, refuses, bad_cases);
	TEST(&tests, walk);
	TEST(&tests, hostile);
	TEST_ROWS(&tests, ipxe, ipxe_cases);
	TEST(&tests, ipxe_hostile);
	return test_run(&tests, "refgen/firmware/rom");
}
