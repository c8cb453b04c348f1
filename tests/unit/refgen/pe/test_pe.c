/* SPDX-License-Identifier: BSD-2-Clause */
/* Made images: what pe_open reads and refuses, digests of sections and of the whole, SBAT, kinds. */
#include "refgen/pe/pe.h"

#include "tests/unit/refgen/pe/build.h"
#include "tests/unit/test.h"

#define TEXT(s)                                                                                    \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

static struct hasher *hasher;

static const struct build plain = {
	.sections = {{ ".text", TEXT("code of the image"), 0 },
                     { ".data", TEXT("data"), 0x300 },
                     { ".vendor_cert", TEXT("certificate"), 0 } },
	.signatures = { TEXT("first signature"),                                        TEXT("second")     },
	.trailing = TEXT("trailing!"),
};

/* A copy of its exact size, so that sanitizers see a read past it. Freed by test_drop. */
static struct bytes made(const struct build *build)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;

	build_pe(build, &out);
	assert_false(out.failed);
	return test_copy(buf_bytes(&out));
}

static uint8_t *writable(struct bytes bytes)
{
	union {
		const uint8_t *given;
		uint8_t *ours;
	} both = { bytes.data };

	return both.ours;
}

static void put(struct bytes file, size_t at, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		writable(file)[at + i] = (uint8_t)(value >> 8 * i);
}

static struct pe *opened(struct bytes file)
{
	struct pe *pe = NULL;
	struct error err = { 0 };

	if (pe_open(file, "image", &pe, &err) < 0)
		fail_msg("%s at 0x%llx", err.message, (unsigned long long)err.offset);
	return pe;
}

static void reads_headers_and_sections(void **state)
{
	struct bytes file = made(&plain);
	AUTO(pe_freep) struct pe *pe = opened(file);
	const struct pe_section *section;

	(void)state;
	assert_true(pe_detect(file));
	assert_int_equal(pe_machine(pe), PE_MACHINE_X86_64);
	assert_int_equal(pe_subsystem(pe), PE_SUBSYSTEM_EFI_APPLICATION);
	assert_int_equal(pe_n_sections(pe), 3);
	assert_null(pe_section(pe, 3));
	section = pe_find(pe, ".text");
	assert_ptr_equal(section, pe_section(pe, 0));
	assert_int_equal(section->virtual_address, 0x1000);
	assert_int_equal(section->virtual_size, 17);
	assert_int_equal(section->raw_offset, 0x400);
	assert_int_equal(section->raw_size, 0x200);
	test_bytes(pe_section_bytes(pe, section), bytes_of_string("code of the image"));
	section = pe_find(pe, ".data");
	assert_int_equal(pe_section_bytes(pe, section).size, 0x200);
	assert_int_equal(pe_section_size(section), 0x300);
	section = pe_find(pe, ".vendor_cert");
	assert_non_null(section);
	test_bytes(pe_section_bytes(pe, section), bytes_of_string("certificate"));
	assert_null(pe_find(pe, ".none"));
	assert_int_equal(pe_n_signatures(pe), 2);
	assert_true(pe_certificates_sound(pe));
	test_bytes(pe_signature(pe, 0), bytes_of_string("first signature"));
	test_bytes(pe_signature(pe, 1), bytes_of_string("second"));
	assert_int_equal(pe_signature(pe, 2).size, 0);
	test_drop(file);
}

static void reads_pe32(void **state)
{
	struct build build = plain;
	struct bytes file;
	AUTO(pe_freep) struct pe *pe = NULL;

	(void)state;
	build.pe32 = true;
	build.machine = PE_MACHINE_I386;
	file = made(&build);
	pe = opened(file);
	assert_int_equal(pe_machine(pe), PE_MACHINE_I386);
	assert_int_equal(pe_n_sections(pe), 3);
	assert_int_equal(pe_n_signatures(pe), 2);
	test_drop(file);
}

/* One field of the plain image changed, and what is said of it. */
static const struct bad_case {
	const char *name;
	size_t at;
	uint64_t value;
	size_t n;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"no signature",                     BUILD_PE_AT,                 0,                       4, ERROR_MALFORMED,   BUILD_PE_AT         },
	{ "DOS header points past the file", 60,                          0x7fffffff,              4, ERROR_TRUNCATED,   0x7fffffff          },
	{ "DOS header points at the end",    60,                          0xa00,                   4, ERROR_TRUNCATED,   0xa00               },
	{ "magic of a ROM image",            BUILD_OPTIONAL_AT,           0x107,                   2, ERROR_UNSUPPORTED,
         BUILD_OPTIONAL_AT														   },
	{ "too many directories",            BUILD_N_DIRECTORIES_AT,      17,                      4, ERROR_LIMIT,
         BUILD_N_DIRECTORIES_AT													      },
	{ "directories beyond the header",   BUILD_PE_AT + 20,            200,                     2, ERROR_MALFORMED,
         BUILD_OPTIONAL_AT														   },
	{ "headers beyond the file",         BUILD_HEADER_SIZE_AT,        0xffffffff,              4, ERROR_TRUNCATED,
         BUILD_HEADER_SIZE_AT														},
	{ "headers without the sections",    BUILD_HEADER_SIZE_AT,        BUILD_SECTIONS_AT + 119, 4,
         ERROR_MALFORMED,												BUILD_HEADER_SIZE_AT},
	{ "no headers",                      BUILD_HEADER_SIZE_AT,        0,                       4, ERROR_MALFORMED,   BUILD_HEADER_SIZE_AT},
	{ "sections beyond the headers",     BUILD_PE_AT + 6,             0xffff,                  2, ERROR_MALFORMED,
         BUILD_HEADER_SIZE_AT														},
	{ "image smaller than headers",      BUILD_IMAGE_SIZE_AT,         0x400,                   4, ERROR_MALFORMED,
         BUILD_IMAGE_SIZE_AT														 },
	{ "certificates beyond the file",    BUILD_SECURITY_AT + 4,       0x10000,                 4, ERROR_TRUNCATED,
         BUILD_SECURITY_AT														   },
	{ "certificates that wrap",          BUILD_SECURITY_AT,           0xfffffff0,              4, ERROR_TRUNCATED,
         BUILD_SECURITY_AT														   },
	{ "section beyond the file",         BUILD_SECTIONS_AT + 40 + 20, 0x10000,                 4, ERROR_TRUNCATED,
         BUILD_SECTIONS_AT + 40													      },
	{ "section that wraps",              BUILD_SECTIONS_AT + 20,      0xffffff00,              4, ERROR_TRUNCATED,
         BUILD_SECTIONS_AT														   },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes file = made(&plain);
	struct pe *pe = NULL;
	struct error err = { 0 };

	put(file, row->at, row->value, row->n);
	assert_int_equal(pe_open(file, "image", &pe, &err), -1);
	assert_null(pe);
	test_error(&err, row->code, row->offset);
	test_drop(file);
}

/* What may be odd without hindering firmware. */
static const struct odd_case {
	const char *name;
	size_t at;
	uint64_t value;
	size_t n;
	const char *section; /* the third section's name */
} odd_cases[] = {
	{"string table beyond the file", BUILD_PE_AT + 12,       0x7fffffff, 4, "/4"          },
	{ "symbols that wrap",           BUILD_PE_AT + 16,       0xffffffff, 4, "/4"          },
	{ "no string table",             BUILD_PE_AT + 12,       0,          4, "/4"          },
	{ "name before the strings",     BUILD_SECTIONS_AT + 81, '3',        1, "/3"          },
	{ "name beyond the strings",     BUILD_SECTIONS_AT + 81, 0x3939,     2, "/99"         },
	{ "name that is no number",      BUILD_SECTIONS_AT + 81, 'x',        1, "/x"          },
	{ "name inside another",         BUILD_SECTIONS_AT + 81, '5',        1, "vendor_cert" },
	{ "checksum",                    BUILD_CHECKSUM_AT,      0,          4, ".vendor_cert"},
};

static void odd(void **state)
{
	const struct odd_case *row = *state;
	struct bytes file = made(&plain);
	AUTO(pe_freep) struct pe *pe = NULL;

	put(file, row->at, row->value, row->n);
	pe = opened(file);
	test_bytes(pe_section(pe, 2)->name, bytes_of_string(row->section));
	test_drop(file);
}

/* The first certificate's header, 0 for a field left as it was, and what remains of the table. */
static const struct certificates_case {
	const char *name;
	uint32_t size;
	uint16_t type;
	size_t n_signatures;
	bool sound;
} certificates_cases[] = {
	{"as built",		      0,          0,      2, true },
	{ "size beyond the table",        0x1000,     0,      0, false},
	{ "size of the largest number",   0xffffffff, 0,      0, false},
	{ "size less than the header",    7,          0,      0, false},
	{ "nothing but a header",         8,          0,      0, false},
	{ "another type, nothing in it",  8,          1,      0, false},
	{ "the second taken in",          40,         0,      1, true },
	{ "end cuts the second's header", 33,         0,      1, true },
	{ "of an unknown type",           0,          0x5555, 1, true },
	{ "a GUID entry too short",       0,          0x0ef1, 0, false},
};

static void certificates(void **state)
{
	const struct certificates_case *row = *state;
	struct bytes file = made(&plain);
	AUTO(pe_freep) struct pe *pe = NULL;
	size_t at = file.size - 40;

	if (row->size)
		put(file, at, row->size, 4);
	if (row->type)
		put(file, at + 6, row->type, 2);
	pe = opened(file);
	assert_int_equal(pe_n_signatures(pe), row->n_signatures);
	assert_int_equal(pe_certificates_sound(pe), row->sound);
	test_drop(file);
}

static void guid_certificate(void **state)
{
	static const uint8_t data[] = { 0x9d, 0xd2, 0xaf, 0x4a, 0xdf, 0x68, 0xee, 0x49, 0x8a, 0xa9,
					0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7, 'p',  'k',  'c',  's' };
	struct build build = { .sections = { { ".text", TEXT("x"), 0 } } };
	struct bytes file;
	AUTO(pe_freep) struct pe *pe = NULL;

	(void)state;
	build.signatures[0] = bytes_of(data, sizeof(data));
	file = made(&build);
	put(file, file.size - 32 + 6, 0x0ef1, 2);
	pe = opened(file);
	assert_int_equal(pe_n_signatures(pe), 1);
	test_bytes(pe_signature(pe, 0), bytes_of_string("pkcs"));
	test_drop(file);
}

/* The digest of ranges of the file: begin and end, in pairs. */
static struct digest digest_of(struct bytes file, const size_t *ranges, size_t n)
{
	struct bytes parts[16];
	struct digest digest;

	for (size_t i = 0; i < n; i++)
		parts[i] = bytes_of(file.data + ranges[2 * i], ranges[2 * i + 1] - ranges[2 * i]);
	assert_int_equal(hasher_digest(hasher, ALG_SHA256, parts, n, &digest, NULL), 0);
	return digest;
}

static void assert_authenticode(struct bytes file, const size_t *ranges, size_t n)
{
	AUTO(pe_freep) struct pe *pe = opened(file);
	struct digest expected = digest_of(file, ranges, n), out[ALG_COUNT];
	struct error err = { 0 };

	if (pe_authenticode(pe, hasher, 1u << ALG_SHA256, out, &err) < 0)
		fail_msg("%s", err.message);
	test_bytes(digest_bytes(&out[ALG_SHA256]), digest_bytes(&expected));
}

static void authenticode_of_plain(void **state)
{
	struct bytes file = made(&plain);
	/* The strings of 4 + 13 bytes and the trailing 9 begin at 0xa00; then padding, certificates. */
	const size_t ranges[] = { 0,
				  BUILD_CHECKSUM_AT,
				  BUILD_CHECKSUM_AT + 4,
				  BUILD_SECURITY_AT,
				  BUILD_SECURITY_AT + 8,
				  file.size - 40 };

	(void)state;
	assert_int_equal(file.size, 0xa00 + 32 + 40);
	assert_authenticode(file, ranges, 3);
	test_drop(file);
}

static void authenticode_without_security_directory(void **state)
{
	struct build build = { .n_directories = 4, .sections = { { ".text", TEXT("x"), 0 } } };
	struct bytes file = made(&build);
	const size_t ranges[] = { 0, BUILD_CHECKSUM_AT, BUILD_CHECKSUM_AT + 4, 0x600 };

	(void)state;
	assert_authenticode(file, ranges, 2);
	test_drop(file);
}

static void authenticode_sorts_sections(void **state)
{
	struct bytes file = made(&plain);
	const size_t ranges[] = { 0,
				  BUILD_CHECKSUM_AT,
				  BUILD_CHECKSUM_AT + 4,
				  BUILD_SECURITY_AT,
				  BUILD_SECURITY_AT + 8,
				  0x400,
				  0x400,
				  0x600,
				  0x600,
				  0x800,
				  0x800,
				  file.size - 40 };

	(void)state;
	put(file, BUILD_SECTIONS_AT + 20, 0x800, 4);
	put(file, BUILD_SECTIONS_AT + 80 + 20, 0x400, 4);
	assert_authenticode(file, ranges, 6);
	test_drop(file);
}

/* A gap is not hashed, and what follows begins by the sum of sizes, not at the last section's end. */
static void authenticode_with_gap(void **state)
{
	struct bytes file = made(&plain);
	const size_t ranges[] = { 0,
				  BUILD_CHECKSUM_AT,
				  BUILD_CHECKSUM_AT + 4,
				  BUILD_SECURITY_AT,
				  BUILD_SECURITY_AT + 8,
				  0x500,
				  0x600,
				  0xa00,
				  0x900,
				  file.size - 40 };

	(void)state;
	put(file, BUILD_SECTIONS_AT + 16, 0x100, 4);
	assert_authenticode(file, ranges, 5);
	test_drop(file);
}

/* Certificates in the middle of the file: only their size counts. */
static void authenticode_with_certificates_elsewhere(void **state)
{
	struct bytes file = made(&plain);
	const size_t ranges[] = { 0,
				  BUILD_CHECKSUM_AT,
				  BUILD_CHECKSUM_AT + 4,
				  BUILD_SECURITY_AT,
				  BUILD_SECURITY_AT + 8,
				  file.size - 16 };

	(void)state;
	put(file, BUILD_SECURITY_AT, 0x400, 4);
	put(file, BUILD_SECURITY_AT + 4, 16, 4);
	assert_authenticode(file, ranges, 3);
	test_drop(file);
}

static void authenticode_with_more_certificates_than_room(void **state)
{
	struct bytes file = made(&plain);
	AUTO(pe_freep) struct pe *pe = NULL;
	struct digest out[ALG_COUNT];
	struct error err = { 0 };

	(void)state;
	put(file, BUILD_SECURITY_AT, 0x400, 4);
	put(file, BUILD_SECURITY_AT + 4, 0x200, 4);
	pe = opened(file);
	assert_int_equal(pe_authenticode(pe, hasher, 1u << ALG_SHA256, out, &err), -1);
	test_error(&err, ERROR_MALFORMED, BUILD_SECURITY_AT);
	test_drop(file);
}

static void authenticode_of_endless_overlap(void **state)
{
	struct build build = { .n_directories = 16 };
	struct bytes file;
	AUTO(pe_freep) struct pe *pe = NULL;
	struct digest out[ALG_COUNT];
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < 15; i++)
		build.sections[i].name = ".same";
	build.trailing = plain.trailing;
	file = made(&build);
	for (size_t i = 0; i < 15; i++) {
		put(file, BUILD_SECTIONS_AT + i * 40 + 16, file.size, 4);
		put(file, BUILD_SECTIONS_AT + i * 40 + 20, 0, 4);
	}
	pe = opened(file);
	assert_int_equal(pe_authenticode(pe, hasher, 1u << ALG_SHA256, out, &err), -1);
	test_error(&err, ERROR_LIMIT, BUILD_HEADER_SIZE);
	test_drop(file);
}

static void section_digests(void **state)
{
	struct bytes file = made(&plain);
	AUTO(pe_freep) struct pe *pe = opened(file);
	struct digest out[ALG_COUNT], expected;
	uint8_t loaded[0x300] = "data";

	(void)state;
	assert_int_equal(pe_section_digests(pe, pe_find(pe, ".data"), hasher,
					    1u << ALG_SHA256 | 1u << ALG_SHA1, out, NULL),
			 0);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, bytes_of(loaded, sizeof(loaded)),
					     &expected, NULL),
			 0);
	assert_true(digest_equal(&out[ALG_SHA256], &expected));
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA1, bytes_of(loaded, sizeof(loaded)),
					     &expected, NULL),
			 0);
	assert_true(digest_equal(&out[ALG_SHA1], &expected));
	test_drop(file);
}

static void section_digests_refused(void **state)
{
	struct bytes file = made(&plain);
	AUTO(pe_freep) struct pe *pe = NULL;
	struct digest out[ALG_COUNT];
	struct error err = { 0 };

	(void)state;
	put(file, BUILD_SECTIONS_AT + 8, 0x1001, 4); /* .text runs into .data */
	put(file, BUILD_SECTIONS_AT + 80 + 8, 0xffffffff, 4);
	pe = opened(file);
	assert_int_equal(pe_section_digests(pe, pe_section(pe, 0), hasher, 1u << ALG_SHA256, out,
					    &err),
			 -1);
	test_error(&err, ERROR_UNSUPPORTED, 0x400);
	assert_int_equal(pe_section_digests(pe, pe_section(pe, 2), hasher, 1u << ALG_SHA256, out,
					    &err),
			 -1);
	test_error(&err, ERROR_LIMIT, 0x800);
	test_drop(file);
}

static void profiles(void **state)
{
	static const struct build uki = {
		.sections = {{ ".linux", TEXT("kernel"), 0 },
                             { ".cmdline", TEXT("base"), 0 },
                             { ".profile", TEXT("ID=main"), 0 },
                             { ".profile", TEXT("ID=reset"), 0 },
                             { ".cmdline", TEXT("reset"), 0 }},
	};
	struct bytes file = made(&uki);
	AUTO(pe_freep) struct pe *pe = opened(file);

	(void)state;
	assert_int_equal(pe_n_profiles(pe), 2);
	assert_ptr_equal(pe_find_in(pe, PE_PROFILE_BASE, ".cmdline"), pe_section(pe, 1));
	assert_null(pe_find_in(pe, PE_PROFILE_BASE, ".profile"));
	assert_null(pe_find_in(pe, 0, ".cmdline"));
	assert_ptr_equal(pe_find_in(pe, 0, ".profile"), pe_section(pe, 2));
	assert_ptr_equal(pe_find_in(pe, 1, ".cmdline"), pe_section(pe, 4));
	assert_null(pe_find_in(pe, 2, ".cmdline"));
	assert_int_equal(pe_kind(pe), PE_UKI);
	test_drop(file);
}

static const struct sbat_case {
	const char *name, *text;
	size_t n;
	bool well_formed;
	const char *last_component;
	uint16_t last_generation;
} sbat_cases[] = {
	{"two lines",                  "sbat,1,SBAT Version,sbat,1,url\ngrub,5,FSF,grub,2.06,url2\n", 2, true,
         "grub",												      5 },
	{ "mark, returns and blanks",
         "\xef\xbb\xbf\r\n\n"
	  "a,7,b,c,d,e\r\n\r\n",								      1, true,  "a",  7 },
	{ "no newline at the end",     "a,12,b,c,d,e",                                                1, true,  "a",  12},
	{ "more fields",               "a,1,b,c,d,e,f,g\n",                                           1, true,  "a",  1 },
	{ "a field missing",           "a,1,b,c,d,e\nb,1,c,d,e\n",                                    1, false, "a",  1 },
	{ "an empty field",            "a,1,b,,d,e\n",						0, false, NULL, 0 },
	{ "generation not a number",   "a,x,b,c,d,e\n",                                               1, true,  "a",  0 },
	{ "generation runs into text", "a,3x,b,c,d,e\n",                                              1, true,  "a",  3 },
	{ "nothing",                   "",							    0, true,  NULL, 0 },
};

static void sbat(void **state)
{
	const struct sbat_case *row = *state;
	struct build build = { 0 };
	struct bytes file;
	AUTO(pe_freep) struct pe *pe = NULL;

	build.sections[0] = (struct build_section){ ".sbat", bytes_of_string(row->text), 512 };
	file = made(&build);
	pe = opened(file);
	assert_int_equal(pe_n_sbat(pe), row->n);
	assert_int_equal(pe_sbat_well_formed(pe), row->well_formed);
	if (row->n) {
		const struct pe_sbat_entry *last = pe_sbat(pe, row->n - 1);

		test_bytes(last->component, bytes_of_string(row->last_component));
		assert_int_equal(last->generation, row->last_generation);
		assert_non_null(pe_sbat_find(pe, row->last_component));
	}
	assert_null(pe_sbat(pe, row->n));
	assert_null(pe_sbat_find(pe, "none"));
	test_drop(file);
}

static const struct kind_case {
	const char *name;
	struct build_section sections[3];
	enum pe_kind kind;
	const char *version;
} kind_cases[] = {
	{"nothing known",                 { { ".text", TEXT("x"), 0 } },                          PE_OTHER, ""                },
	{ "shim",
         { { ".data.ident", TEXT("UEFI SHIM\n$Version: 16.1 $\n"), 0 },
	    { ".vendor_cert", TEXT("x"), 0 } },
         PE_SHIM,											   "16.1"            },
	{ "shim without a version",       { { ".vendor_cert", TEXT("x"), 0 } },                   PE_SHIM,  ""                },
	{ "fallback",
         { { ".data", TEXT("F\0A\0L\0L\0B\0A\0C\0K\0_\0V\0E\0R\0B\0O\0S\0E\0"), 0 },
	    { ".sbat", TEXT("shim,4,u,shim,1,l\nshim.debian,1,d,shim,16.1,l\n"), 0 } },
         PE_FALLBACK,										       "16.1"            },
	{ "grub by SBAT",                 { { ".sbat", TEXT("grub,5,FSF,grub,2.06,url\n"), 0 } }, PE_GRUB,  "2.06"            },
	{ "grub by its modules",          { { "mods", TEXT("x"), 0 } },                           PE_GRUB,  ""                },
	{ "systemd-boot",
         { { ".sdmagic", TEXT("#### LoaderInfo: systemd-boot 252.39-1~deb12u1 ####"), 0 } },
         PE_SYSTEMD_BOOT,										   "252.39-1~deb12u1"},
	{ "systemd-boot before .sdmagic",
         { { ".data", TEXT("xx\0#### LoaderInfo: systemd-boot 245 ####"), 0 } },
         PE_SYSTEMD_BOOT,										   "245"             },
	{ "stub",
         { { ".sdmagic", TEXT("#### LoaderInfo: systemd-stub 257 ####"), 0 } },
         PE_SYSTEMD_STUB,										   "257"             },
	{ "UKI",
         { { ".sdmagic", TEXT("#### LoaderInfo: systemd-stub 257.9 ####"), 0 },
	    { ".linux", TEXT("x"), 0 } },
         PE_UKI,											    "257.9"           },
	{ "UKI of another's stub",        { { ".linux", TEXT("x"), 0 } },                         PE_UKI,   ""                },
	{ "addon",
         { { ".sdmagic", TEXT("#### LoaderInfo: systemd-addon 257 ####"), 0 } },
         PE_ADDON,											  "257"             },
	{ "magic cut short",
         { { ".sdmagic", TEXT("#### LoaderInfo: systemd-boot"), 0 } },
         PE_SYSTEMD_BOOT,										   ""		},
};

static void kinds(void **state)
{
	const struct kind_case *row = *state;
	struct build build = { 0 };
	struct bytes file;
	AUTO(pe_freep) struct pe *pe = NULL;

	memcpy(build.sections, row->sections, sizeof(row->sections));
	file = made(&build);
	pe = opened(file);
	assert_string_equal(pe_kind_name(pe_kind(pe)), pe_kind_name(row->kind));
	test_bytes(pe_version(pe), bytes_of_string(row->version));
	test_drop(file);
}

static const struct version_case {
	const char *name, *a, *b;
	int expected;
} version_cases[] = {
	{"same",              "15.7",           "15.7",  0 },
        { "fewer digits",     "15.7",           "15.10", -1},
	{ "more parts",       "15.8.1",         "15.8",  1 },
        { "package revision", "16.1-2~deb12u1", "16.1",  0 },
	{ "first part",       "9",              "15.8",  -1},
        { "nothing",          "",               "0",     0 },
	{ "pre-release",      "257~rc1",        "257",   0 },
        { "zeros",            "255.0",          "255",   0 },
};

static void versions(void **state)
{
	const struct version_case *row = *state;

	assert_int_equal(pe_version_compare(bytes_of_string(row->a), row->b), row->expected);
}

/* Cut at every length: an error or an image, never a read past the end. */
static void cut(void **state)
{
	struct bytes file = made(&plain);

	(void)state;
	for (size_t n = 0; n < file.size; n++) {
		struct bytes part = test_copy(bytes_of(file.data, n));
		struct pe *pe = NULL;
		struct error err = { 0 };

		assert_int_equal(pe_open(part, "image", &pe, &err), -1);
		assert_int_not_equal(err.code, ERROR_NONE);
		test_drop(part);
	}
	test_drop(file);
}

/* A flipped byte is an error, another digest, or in what the digest leaves out. */
static void flipped(void **state)
{
	struct bytes file = made(&plain);
	AUTO(pe_freep) struct pe *good = opened(file);
	struct digest expected[ALG_COUNT];

	(void)state;
	assert_int_equal(pe_authenticode(good, hasher, 1u << ALG_SHA256, expected, NULL), 0);
	for (size_t i = 0; i < file.size; i++) {
		struct bytes other = test_copy(file);
		struct pe *pe = NULL;
		struct digest out[ALG_COUNT];
		bool excluded = (i >= BUILD_CHECKSUM_AT && i < BUILD_CHECKSUM_AT + 4) ||
				(i >= BUILD_SECURITY_AT && i < BUILD_SECURITY_AT + 8) ||
				i >= file.size - 40;

		writable(other)[i] ^= 0xff;
		if (pe_open(other, "image", &pe, NULL) == 0 &&
		    pe_authenticode(pe, hasher, 1u << ALG_SHA256, out, NULL) == 0 && !excluded)
			assert_false(digest_equal(&out[ALG_SHA256], &expected[ALG_SHA256]));
		for (size_t s = 0; pe && s < pe_n_sections(pe); s++)
			(void)pe_section_digests(pe, pe_section(pe, s), hasher, 1u << ALG_SHA1, out,
						 NULL);
		pe_free(pe);
		test_drop(other);
	}
	test_drop(file);
}

static void detects(void **state)
{
	struct bytes file = made(&plain);

	(void)state;
	assert_true(pe_detect(bytes_of(file.data, 512)));
	assert_true(pe_detect(bytes_of(file.data, 64)));
	assert_false(pe_detect(bytes_of(file.data, 63)));
	assert_false(pe_detect(bytes_of_string("#!/bin/sh")));
	put(file, BUILD_PE_AT, 0, 1);
	assert_false(pe_detect(file));
	test_drop(file);
}

static void out_of_memory(void **state)
{
	struct bytes file = made(&plain);
	struct pe *pe = NULL;
	struct error err = { 0 };
	unsigned n = 1;
	int result;

	(void)state;
	do {
		test_alloc_fail(n++);
		result = pe_open(file, "image", &pe, &err);
		test_alloc_fail(0);
		if (result < 0)
			assert_int_equal(err.code, ERROR_SYSTEM);
	} while (result < 0);
	assert_true(n > 3);
	pe_free(pe);
	test_drop(file);
}

int main(void)
{
	struct test_list tests = { 0 };
	int failed;

	if (hasher_new(&hasher, NULL) < 0)
		return 1;
	TEST(&tests, reads_headers_and_sections);
	TEST(&tests, reads_pe32);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST_ROWS(&tests, odd, odd_cases);
	TEST_ROWS(&tests, certificates, certificates_cases);
	TEST(&tests, guid_certificate);
	TEST(&tests, authenticode_of_plain);
	TEST(&tests, authenticode_without_security_directory);
	TEST(&tests, authenticode_sorts_sections);
	TEST(&tests, authenticode_with_gap);
	TEST(&tests, authenticode_with_certificates_elsewhere);
	TEST(&tests, authenticode_with_more_certificates_than_room);
	TEST(&tests, authenticode_of_endless_overlap);
	TEST(&tests, section_digests);
	TEST(&tests, section_digests_refused);
	TEST(&tests, profiles);
	TEST_ROWS(&tests, sbat, sbat_cases);
	TEST_ROWS(&tests, kinds, kind_cases);
	TEST_ROWS(&tests, versions, version_cases);
	TEST(&tests, cut);
	TEST(&tests, flipped);
	TEST(&tests, detects);
	TEST(&tests, out_of_memory);
	failed = test_run(&tests, "refgen/pe");
	hasher_free(hasher);
	return failed;
}
