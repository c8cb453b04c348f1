/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts, versions, patterns and archives as systemd has them, and boots of small made images in a
 * directory laid out as an ESP. Whole boots are compared with real ones where refgen boot is tested.
 */
#include "refgen/systemd/internal.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/own.h"
#include "core/disk/disk.h"
#include "refgen/pe/pe.h"
#include "tests/unit/refgen/pe/build.h"
#include "tests/unit/test.h"

#define VECTORS "tests/vectors/boot/uki-sdboot/"

/* --- versions: the examples of UAPI.10, "Version Format Specification" ------------------------- */

static const struct version_case {
	const char *name, *a, *b;
	int order;
} version_cases[] = {
	{"numbers",		      "11",          "11",          0 },
	{ "words",		       "systemd-123", "systemd-123", 0 },
	{ "other words",                 "bar-123",     "foo-123",     -1},
	{ "a letter behind",             "123a",        "123",         1 },
	{ "a point and a letter behind", "123.a",       "123",         1 },
	{ "letters behind points",       "123.a",       "123.b",       -1},
	{ "a letter and a point",        "123a",        "123.a",       1 },
	{ "what is not ASCII",           "11\xce\xb1",  "11\xce\xb2",  0 },
	{ "capitals",                    "B",           "a",           -1},
	{ "nothing and zero",            "",            "0",           -1},
	{ "a point behind",              "0.",          "0",           1 },
	{ "more zeros",                  "0.0",         "0",           1 },
	{ "zero and tilde",              "0",           "~",           1 },
	{ "nothing and tilde",           "",            "~",           1 },
 /* and of the comment in systemd's string-util-fundamental.c, from old to new */
	{ "pre-release",                 "122.1",       "123~rc1-1",   -1},
	{ "a release after it",          "123~rc1-1",   "123",         -1},
	{ "with a revision",             "123-a",       "123-a.1",     -1},
	{ "a patched one",               "123-1.1",     "123^post1",   -1},
	{ "a point release",             "123^post1",   "123.a-1",     -1},
	{ "numbers after letters",       "123.a-1",     "123.1-1",     -1},
	{ "letters without a point",     "123.1-1",     "123a-1",      -1},
	{ "the next",                    "123a-1",      "124-1",       -1},
	{ "leading zeros",               "1.007",       "1.7",         0 },
};

static void version(void **state)
{
	const struct version_case *row = *state;

	assert_int_equal(version_compare(row->a, row->b), row->order);
	assert_int_equal(version_compare(row->b, row->a), -row->order);
	assert_int_equal(version_compare(row->a, row->a), 0);
}

/* --- patterns ---------------------------------------------------------------------------------- */

static const struct pattern_case {
	const char *name, *pattern, *text;
	bool matches;
} pattern_cases[] = {
	{"itself",		     "arch.conf",                 "arch.conf",          true },
	{ "a prefix",                  "arch",                      "arch.conf",          false},
	{ "star",		      "arch*",                     "arch.conf",          true },
	{ "star for nothing",          "arch*",                     "arch",               true },
	{ "star in between",           "a*f",                       "arch.conf",          true },
	{ "stars",		     "*-6.*-*.conf",              "x-5-6.1-amd64.conf", true },
	{ "star, then not",            "a*g",                       "arch.conf",          false},
	{ "question mark",             "arc?",                      "arch",               true },
	{ "question mark for nothing", "arch?",                     "arch",               false},
	{ "class",		     "arc[gh]",                   "arch",               true },
	{ "range",		     "arc[a-h]",                  "arch",               true },
	{ "not in the class",          "arc[ab]",                   "arch",               false},
	{ "no end of the class",       "arc[gh",                    "arch",               false},
	{ "escaped",                   "arc\\*",                    "arc*",               true },
	{ "escaped, no star",          "arc\\*",                    "arch",               false},
	{ "nothing",                   "",			  "",                   true },
	{ "all",		       "*",			 "",                   true },
 /* would take forever if each star tried all places of all others */
	{ "many stars",                "a*a*a*a*a*a*a*a*a*a*a*a*b",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",    false},
};

static void pattern(void **state)
{
	const struct pattern_case *row = *state;

	assert_int_equal(pattern_matches(row->pattern, row->text), row->matches);
}

/* --- configuration ----------------------------------------------------------------------------- */

static void config(void **state)
{
	static const char text[] =
		"# comment\n\n  timeout\t 0 \r\ndefault  \"arch one.conf\"\nlonely\n"
		"options a=b  c\nX=Y\nend last";
	static const char *const expected[][2] = {
		{"timeout",  "0"            },
		{ "default", "arch one.conf"},
		{ "options", "a=b  c"       },
		{ "end",     "last"         }
	};
	struct bytes key, value;
	size_t at = 0, n = 0;

	(void)state;
	while (config_next(bytes_of(text, sizeof(text)), ' ', &at, &key, &value)) {
		assert_true(n < ARRAY_SIZE(expected));
		assert_true(bytes_equal_string(key, expected[n][0]));
		assert_true(bytes_equal_string(value, expected[n][1]));
		n++;
	}
	assert_int_equal(n, ARRAY_SIZE(expected));
}

/* --- archives: what a real stub measured (PCR 12 and 13 of the capture) --------------------------- */

static const struct cpio_case {
	const char *name, *file, *path, *dir;
	uint32_t dir_mode, file_mode;
	const char *sha256;
} cpio_cases[] = {
	{"credentials",       "mbtest.cred", VECTORS "mbtest.cred", ".extra/credentials", 0500, 0400,
         "a8aa74b9f49ba382acc2663015e0f992c0a90e283afd6c8c0732d2fa94c52027"},
	{ "system extension", "mbtest.raw",  VECTORS "mbtest.raw",  ".extra/sysext",      0555, 0444,
         "8a581ba188a2de8a6820a63cfd1f7fdf6005d6cdae0f8db73b073a7e82424883"},
};

static void cpio(void **state)
{
	const struct cpio_case *row = *state;
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct cpio_file file = { row->file, test_file(row->path) };
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;
	struct error err;

	cpio_pack(&out, row->dir, row->dir_mode, row->file_mode, &file, 1);
	assert_int_equal(buf_finish(&out, &err), 0);
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, buf_bytes(&out), &digest, &err),
			 0);
	assert_string_equal(digest_hex(&digest, hex), row->sha256);
	test_drop(file.contents);
}

/* --- boots ------------------------------------------------------------------------------------- */

struct boot {
	char dir[TEST_FOLDER_SIZE];
	struct hasher *hasher;
	struct machine *machine;
	struct machine_volume volume;
	struct machine_run run;
	char started[1024]; /* image and load options of what was started last */
};

static struct boot *current; /* machine.start has no context */

static int start(struct machine *machine, struct machine_image *image, struct bytes load_options,
		 struct error *err)
{
	const char *text = "";
	bool with_nul, exact;

	if (load_options.size && utf8_of(machine, load_options, &text, &with_nul, &exact, err) < 0)
		return -1;
	snprintf(current->started, sizeof(current->started), "%s %s", image->path, text);
	return machine_exit_boot_services(machine, err);
}

static void add_file(struct boot *boot, const char *path, struct bytes contents)
{
	char whole[512];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", boot->dir, path);
	for (char *slash = whole + strlen(boot->dir) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	file = fopen(whole, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(contents.data, 1, contents.size, file), contents.size);
	assert_int_equal(fclose(file), 0);
}

static void add_text(struct boot *boot, const char *path, const char *text)
{
	add_file(boot, path, bytes_of_string(text));
}

static void add_pe(struct boot *boot, const char *path, const struct build *build)
{
	AUTO(buf_clear) struct buf pe = BUF_INIT;

	build_pe(build, &pe);
	add_file(boot, path, buf_bytes(&pe));
}

static struct boot *boot_new(const char *loader_version)
{
	struct boot *boot = calloc(1, sizeof(*boot));
	char magic[128];
	struct build build = {
		.sections = {{ ".text", bytes_of_string("code"), 0 }, { ".sdmagic", { 0 }, 0 }}
	};
	const struct build other = { .sections = { { ".text", bytes_of_string("other"), 0 } } };

	assert_non_null(boot);
	test_folder_make(boot->dir);
	snprintf(magic, sizeof(magic), "#### LoaderInfo: systemd-boot %s ####", loader_version);
	build.sections[1].data = bytes_of_string(magic);
	add_pe(boot, "/EFI/BOOT/BOOTX64.EFI", &build);
	add_pe(boot, "/EFI/other.efi", &other);
	return boot;
}

/* Runs an image of the directory once, the first choice as given (SIZE_MAX: the preferred one). */
static const struct profile *boot_run(struct boot *boot, const char *path, const char *options,
				      size_t way)
{
	struct bytes load_options = { 0 };
	struct machine_image *image;
	struct error err;
	int status;

	current = boot;
	assert_int_equal(hasher_new(&boot->hasher, &err), 0);
	assert_int_equal(machine_new(1u << ALG_SHA256, boot->hasher, &boot->machine, &err), 0);
	assert_int_equal(volume_of_directory(boot->dir, &boot->volume.volume, &err), 0);
	boot->volume.disk_index = SIZE_MAX;
	boot->volume.name = "the ESP";
	boot->machine->volumes = &boot->volume;
	boot->machine->n_volumes = 1;
	boot->machine->start = start;
	machine_begin(boot->machine, &way, way == SIZE_MAX ? 0 : 1);
	assert_int_equal(machine_image(boot->machine, &boot->volume, path, &image, &err), 1);
	if (options)
		assert_int_equal(utf16_of(boot->machine, options, &load_options, &err), 0);
	status = pe_kind(image->pe) == PE_UKI
			 ? systemd_stub_run(boot->machine, image, load_options, NULL, &err)
			 : systemd_boot_run(boot->machine, image, load_options, &err);
	if (status < 0)
		fail_msg("%s", err.message);
	assert_int_equal(machine_end(boot->machine, &boot->run, &err), 0);
	return &boot->run.profile;
}

static void boot_drop(struct boot *boot)
{
	machine_free(boot->machine);
	volume_free(boot->volume.volume);
	hasher_free(boot->hasher);
	test_folder_drop(boot->dir);
	free(boot);
}

/* "PCR component text", line by line. */
static void assert_events(const struct profile *profile, const char *expected)
{
	AUTO(buf_clear) struct buf lines = BUF_INIT;
	struct error err;

	for (size_t i = 0; i < profile->n_events; i++) {
		const struct profile_event *event = &profile->events[i];

		if (strcmp(event->component, "firmware") == 0 ||
		    strcmp(event->component, "partition table") == 0)
			continue;
		buf_printf(&lines, "%u %s", event->pcr, event->component);
		if (event->text.size)
			buf_printf(&lines, " \"%.*s\"", (int)event->text.size,
				   (const char *)event->text.data);
		buf_append_string(&lines, "\n");
	}
	assert_int_equal(buf_finish(&lines, &err), 0);
	assert_string_equal((const char *)lines.data, expected);
}

static void assert_choices(const struct boot *boot, const char *expected)
{
	AUTO(buf_clear) struct buf names = BUF_INIT;
	struct error err;

	assert_int_equal(boot->run.n_choices, 1);
	for (size_t i = 0; i < boot->run.choices[0].n; i++)
		buf_printf(&names, "%s%s ", boot->run.choices[0].names[i],
			   i == boot->run.choices[0].preferred ? "*" : "");
	assert_int_equal(buf_finish(&names, &err), 0);
	assert_string_equal((const char *)names.data, expected);
}

static const struct menu_case {
	const char *name, *version, *loader_conf;
	const char *choices;
} menu_cases[] = {
	{"no default",                   "252.39", "timeout 0\n",
         "k-6.10.conf* k-6.9.conf old.conf zz.conf used.conf "},
	{ "a default",                   "252.39", "default K-6.9*\n",
         "k-6.10.conf k-6.9.conf* old.conf zz.conf used.conf "},
	{ "a default that is not there", "257.9",  "default gone\n",
         "k-6.10.conf* k-6.9.conf old.conf zz.conf used.conf "},
	{ "nothing saved",               "257.9",  "default @saved\n",
         "k-6.10.conf* k-6.9.conf old.conf zz.conf used.conf "},
};

static void menu(void **state)
{
	const struct menu_case *row = *state;
	struct boot *boot = boot_new(row->version);

	add_text(boot, "/loader/loader.conf", row->loader_conf);
	/* sort keys come first, newest version of each on top */
	add_text(boot, "/loader/entries/K-6.9.conf",
		 "title K\nsort-key k\nversion 6.9\nefi /EFI/other.efi\n");
	add_text(boot, "/loader/entries/k-6.10+3-1.conf",
		 "title K\nsort-key k\nversion 6.10\nefi \\EFI\\other.efi\noptions a\noptions b\n");
	add_text(boot, "/loader/entries/used+0-3.conf", "sort-key a\nefi /EFI/other.efi\n");
	/* then by name alone, the last first */
	add_text(boot, "/loader/entries/zz.conf", "efi /EFI/other.efi\n");
	add_text(boot, "/loader/entries/old.conf", "sort-key z\nefi /EFI//other.efi\n");
	/* and these have no place in it */
	add_text(boot, "/loader/entries/.dot.conf", "efi /EFI/other.efi\n");
	add_text(boot, "/loader/entries/auto-x.conf", "efi /EFI/other.efi\n");
	add_text(boot, "/loader/entries/missing.conf", "linux /gone\n");
	add_text(boot, "/loader/entries/itself.conf", "efi /EFI/BOOT/BOOTX64.EFI\n");
	add_text(boot, "/loader/entries/both.conf", "linux /EFI/other.efi\nefi /EFI/other.efi\n");
	add_text(boot, "/loader/entries/arm.conf", "architecture aa64\nefi /EFI/other.efi\n");
	add_text(boot, "/loader/entries/no-loader.conf", "title x\n");
	boot_run(boot, "/EFI/BOOT/BOOTX64.EFI", NULL, SIZE_MAX);
	assert_choices(boot, row->choices);
	boot_drop(boot);
}

static const struct entry_case {
	const char *name, *version, *entry;
	const char *events, *started;
} entry_cases[] = {
	{"options since 255",            "257.9",  "efi /EFI/other.efi\noptions quiet  splash\n",
         "5 loader.conf\n4 other\n12 command line \"quiet  splash\"\n",											"/EFI/other.efi quiet  splash"},
	{ "no loader.conf before",       "252.39", "efi /EFI/other.efi\noptions a\noptions b\n",
         "4 other\n12 command line \"a b\"\n",														 "/EFI/other.efi a b"          },
	{ "no options",                  "252.39", "efi /EFI/other.efi\n",                        "4 other\n",                                                 "/EFI/other.efi "             },
	{ "initrds",		     "252.39",
         "linux /EFI/other.efi\ninitrd /a/b\ninitrd /empty\ninitrd //c\noptions x\n",	     "4 other\n12 command line \"initrd=\\a\\b initrd=\\c x\"\n",
         "/EFI/other.efi initrd=\\a\\b initrd=\\c x"																	 },
	{ "an initrd is missing",        "252.39", "linux /EFI/other.efi\ninitrd /gone\n",        "",                                                          ""                            },
	{ "an initrd is missing, later", "257.9",  "linux /EFI/other.efi\ninitrd /gone\n",
         "5 loader.conf\n4 other\n",															   ""                            },
};

static void entry(void **state)
{
	const struct entry_case *row = *state;
	struct boot *boot = boot_new(row->version);

	add_text(boot, "/loader/loader.conf", "timeout 3\n");
	add_text(boot, "/loader/entries/x.conf", row->entry);
	add_text(boot, "/a/b", "initrd 1");
	add_text(boot, "/c", "initrd 2");
	add_text(boot, "/empty", "");
	boot_run(boot, "/EFI/BOOT/BOOTX64.EFI", NULL, SIZE_MAX);
	assert_events(&boot->run.profile, row->events);
	assert_string_equal(boot->started, row->started);
	boot_drop(boot);
}

/* --- a UKI ------------------------------------------------------------------------------------- */

/* Names and texts a stub of 257 has in its code, as far as they count. */
static struct bytes stub_code(bool newer)
{
	static uint8_t code[2048];
	static const char *const sections[] = { ".linux", ".osrel", ".cmdline", ".initrd",
						".pcrpkey" };
	static const char *const more[] = { ".uname", ".sbat", ".ucode", ".profile" };
	static const char *const texts[] = { "Global credentials initrd",
					     "tpm2-pcr-public-key.pem" };
	static const char *const more_texts[] = { "\\loader\\addons", "StubProfile", "os-release",
						  "Configuration extension initrd",
						  ".confext.raw" };
	size_t size = 0;

	memset(code, 0, sizeof(code));
	for (size_t i = 0; i < ARRAY_SIZE(sections) + (newer ? ARRAY_SIZE(more) : 0); i++) {
		const char *name =
			i < ARRAY_SIZE(sections) ? sections[i] : more[i - ARRAY_SIZE(sections)];

		memcpy(code + size, name, strlen(name) + 1);
		size += strlen(name) + 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts) + (newer ? ARRAY_SIZE(more_texts) : 0); i++) {
		const char *text =
			i < ARRAY_SIZE(texts) ? texts[i] : more_texts[i - ARRAY_SIZE(texts)];

		for (; *text; text++, size += 2)
			code[size] = (uint8_t)*text;
		size += 2;
	}
	return bytes_of(code, size);
}

static void add_uki(struct boot *boot, const char *path, const char *version, bool newer)
{
	const struct build kernel = { .sections = { { ".text", bytes_of_string("kernel"), 0 } } };
	AUTO(buf_clear) struct buf linux_pe = BUF_INIT;
	char magic[128];
	struct build build = { .sections = {
				       { ".text", stub_code(newer), 0 },
				       { ".sdmagic", { 0 }, 0 },
				       { ".sbat", bytes_of_string("sbat,1\n"), 0 },
				       { ".osrel", bytes_of_string("NAME=Test\nID=test\n"), 0 },
				       { ".cmdline", bytes_of_string(" built in\n"), 0 },
				       { ".uname", bytes_of_string("6.1"), 0 },
				       { ".initrd", bytes_of_string("initrd"), 0 },
				       { ".linux", { 0 }, 0 },
			       } };

	snprintf(magic, sizeof(magic), "#### LoaderInfo: systemd-stub %s ####", version);
	build_pe(&kernel, &linux_pe);
	build.sections[1].data = bytes_of_string(magic);
	build.sections[7].data = buf_bytes(&linux_pe);
	add_pe(boot, path, &build);
}

static const struct uki_case {
	const char *name, *version;
	bool newer, beside; /* files beside it */
	const char *options;
	const char *events;
} uki_cases[] = {
	{"252, its own line",         "252.39", false, false, NULL,
         "11 UKI\n11 UKI .linux\n11 UKI\n11 UKI .osrel\n11 UKI\n11 UKI .cmdline\n11 UKI\n11 UKI "
	  ".initrd\n"
	  "4 other\n9 command line \" built in\"\n9 initrd\n"                   },
	{ "252, a line passed",       "252.39", false, false, "a\nb ",
         "11 UKI\n11 UKI .linux\n11 UKI\n11 UKI .osrel\n11 UKI\n11 UKI .cmdline\n11 UKI\n11 UKI "
	  ".initrd\n"
	  "12 command line \"a b\"\n4 other\n9 command line \"a b\"\n9 initrd\n"},
	{ "257, its own line",        "257.9",  true,  false, NULL,
         "11 UKI\n11 UKI .linux\n11 UKI\n11 UKI .osrel\n11 UKI\n11 UKI .cmdline\n11 UKI\n11 UKI "
	  ".initrd\n"
	  "11 UKI\n11 UKI .uname\n11 UKI\n11 UKI .sbat\n4 other\n9 command line \"built in\"\n9 "
	  "initrd\n"							    },
	{ "257, garbage for options", "257.9",  true,  false, "ab\x01",
         "11 UKI\n11 UKI .linux\n11 UKI\n11 UKI .osrel\n11 UKI\n11 UKI .cmdline\n11 UKI\n11 UKI "
	  ".initrd\n"
	  "11 UKI\n11 UKI .uname\n11 UKI\n11 UKI .sbat\n4 other\n9 command line \"built in\"\n9 "
	  "initrd\n"							    },
	{ "257, files beside it",     "257.9",  true,  true,  NULL,
         "11 UKI\n11 UKI .linux\n11 UKI\n11 UKI .osrel\n11 UKI\n11 UKI .cmdline\n11 UKI\n11 UKI "
	  ".initrd\n"
	  "11 UKI\n11 UKI .uname\n11 UKI\n11 UKI .sbat\n4 addon\n4 addon\n12 command line \"add "
	  "on\"\n"
	  "12 Credentials initrd\n12 Global credentials initrd\n13 System extension initrd\n"
	  "12 Configuration extension initrd\n4 other\n9 command line \"built in add on\"\n9 "
	  "initrd\n"							    },
	{ "252, files beside it",     "252.39", false, true,  NULL,
         "11 UKI\n11 UKI .linux\n11 UKI\n11 UKI .osrel\n11 UKI\n11 UKI .cmdline\n11 UKI\n11 UKI "
	  ".initrd\n"
	  "12 Credentials initrd\n12 Global credentials initrd\n13 System extension initrd\n"
	  "4 other\n9 command line \" built in\"\n9 initrd\n"                   },
};

static void add_beside(struct boot *boot)
{
	static const char magic[] = "#### LoaderInfo: systemd-addon 257.9 ####";
	const struct build addon = {
		.sections = {{ ".sdmagic", bytes_of_string(magic), 0 },
                             { ".cmdline", bytes_of_string("add on\n"), 0 }}
	};
	const struct build wrong = {
		.sections = {{ ".sdmagic", bytes_of_string(magic), 0 },
                             { ".cmdline", bytes_of_string("not this"), 0 },
                             { ".uname", bytes_of_string("5.10"), 0 }}
	};

	add_pe(boot, "/EFI/Linux/u.efi.extra.d/a.addon.efi", &addon);
	add_pe(boot, "/EFI/Linux/u.efi.extra.d/b.addon.EFI", &wrong);
	add_text(boot, "/EFI/Linux/u.efi.extra.d/no.addon.efi.txt", "x");
	add_text(boot, "/EFI/Linux/u.efi.extra.d/c.cred", "x");
	add_text(boot, "/EFI/Linux/u.efi.extra.d/.hidden.cred", "x");
	add_text(boot, "/EFI/Linux/u.efi.extra.d/e.raw", "x");
	add_text(boot, "/EFI/Linux/u.efi.extra.d/e.confext.raw", "x");
	add_text(boot, "/loader/credentials/g.cred", "x");
}

static void uki(void **state)
{
	const struct uki_case *row = *state;
	struct boot *boot = boot_new("257");

	add_uki(boot, "/EFI/Linux/u.efi", row->version, row->newer);
	if (row->beside)
		add_beside(boot);
	boot_run(boot, "/EFI/Linux/u.efi", row->options, SIZE_MAX);
	assert_events(&boot->run.profile, row->events);
	boot_drop(boot);
}

/* An older systemd-boot passes a UKI its own line, which so is measured twice; later ones do not. */
static void uki_from_menu(void **state)
{
	struct boot *boot = boot_new("252.39");

	(void)state;
	add_uki(boot, "/EFI/Linux/u+2.efi", "252.39", false);
	boot_run(boot, "/EFI/BOOT/BOOTX64.EFI", NULL, SIZE_MAX);
	assert_choices(boot, "u.efi* ");
	assert_events(
		&boot->run.profile,
		"4 uki\n12 command line \" built in\"\n"
		"11 UKI\n11 UKI .linux\n11 UKI\n11 UKI .osrel\n11 UKI\n11 UKI .cmdline\n11 UKI\n"
		"11 UKI .initrd\n12 command line \" built in\"\n4 other\n9 command line \" built "
		"in\"\n"
		"9 initrd\n");
	boot_drop(boot);
	boot = boot_new("257.9");
	add_uki(boot, "/EFI/Linux/u.efi", "257.9", true);
	boot_run(boot, "/EFI/BOOT/BOOTX64.EFI", NULL, SIZE_MAX);
	assert_events(&boot->run.profile,
		      "4 uki\n11 UKI\n11 UKI .linux\n11 UKI\n11 UKI .osrel\n11 UKI\n11 UKI "
		      ".cmdline\n11 UKI\n"
		      "11 UKI .initrd\n11 UKI\n11 UKI .uname\n11 UKI\n11 UKI .sbat\n4 other\n"
		      "9 command line \"built in\"\n9 initrd\n");
	boot_drop(boot);
}

static void nothing_to_boot(void **state)
{
	struct boot *boot = boot_new("257.9");

	(void)state;
	boot_run(boot, "/EFI/BOOT/BOOTX64.EFI", NULL, SIZE_MAX);
	assert_string_equal(boot->run.profile.ending, "systemd-boot finds no entries on the ESP");
	boot_drop(boot);
}

/* --- user space: TEXT_BYTES without NUL; the values are sha256sum's ------------------------------- */

static void later(void **state)
{
	struct boot *boot = boot_new("257.9");
	char hex[DIGEST_HEX_SIZE];
	struct error err;

	(void)state;
	boot_run(boot, "/EFI/BOOT/BOOTX64.EFI", NULL, SIZE_MAX);
	machine_begin(boot->machine, NULL, 0);
	assert_int_equal(systemd_measure_later(boot->machine, "enter-initrd", &err), 0);
	assert_int_equal(systemd_measure_later(boot->machine, "machine-id", &err), 0);
	assert_int_equal(systemd_measure_later(boot->machine, "os-separator", &err), 0);
	assert_int_equal(machine_n_events(boot->machine), 14);
	assert_int_equal(machine_end(boot->machine, &boot->run, &err), 0);
	assert_events(&boot->run.profile,
		      "11 boot phase \"enter-initrd\"\n"
		      "15 machine id \"machine-id:00000000000000000000000000000000\"\n"
		      "0 separator \"os-separator\"\n1 separator \"os-separator\"\n"
		      "2 separator \"os-separator\"\n3 separator \"os-separator\"\n"
		      "4 separator \"os-separator\"\n5 separator \"os-separator\"\n"
		      "6 separator \"os-separator\"\n7 separator \"os-separator\"\n"
		      "9 separator \"os-separator\"\n12 separator \"os-separator\"\n"
		      "13 separator \"os-separator\"\n14 separator \"os-separator\"\n");
	assert_string_equal(digest_hex(&boot->run.profile.events[0].digests[ALG_SHA256], hex),
			    "51e6b92f405d1f98d96e3de343d61d420ad6923b25de21d766f9298192f14fed");
	assert_string_equal(digest_hex(&boot->run.profile.events[2].digests[ALG_SHA256], hex),
			    "ff5b9d73dad709633ae76adf444012b57e913a12ed7403c3931145862f35f841");
	assert_int_equal(boot->run.profile.events[1].n_holes, 1);
	assert_int_equal(boot->run.profile.events[1].holes[0].kind, HOLE_MACHINE_ID);
	boot_drop(boot);
}

static const struct {
	const char *word;
	bool known;
} word_cases[] = {
	{"enter-initrd",						true },
	{ "final",						      true },
	{ "machine-id",						 true },
	{ "machine-id:0123456789abcdef0123456789abcdef",                true },
	{ "file-system:/:ext4::0f0f0f0f-0000-4000-8000-000000000000::", true },
	{ "nvpcr-separator",					    true },
	{ "machine-id:",						false},
	{ "ready ",						     false},
	{ "Ready",						      false},
	{ "",							   false},
	{ "product-id:1",					       false},
};

static void word(void **state)
{
	struct error err = { 0 };
	struct boot *boot = boot_new("257.9");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(word_cases); i++)
		assert_int_equal(systemd_knows_word(bytes_of_string(word_cases[i].word)),
				 word_cases[i].known);
	boot_run(boot, "/EFI/BOOT/BOOTX64.EFI", NULL, SIZE_MAX);
	assert_int_equal(systemd_measure_later(boot->machine, "Ready", &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	boot_drop(boot);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, version, version_cases);
	TEST_ROWS(&tests, pattern, pattern_cases);
	TEST(&tests, config);
	TEST_ROWS(&tests, cpio, cpio_cases);
	TEST_ROWS(&tests, menu, menu_cases);
	TEST_ROWS(&tests, entry, entry_cases);
	TEST_ROWS(&tests, uki, uki_cases);
	TEST(&tests, uki_from_menu);
	TEST(&tests, nothing_to_boot);
	TEST(&tests, later);
	TEST(&tests, word);
	return test_run(&tests, "refgen/systemd");
}
