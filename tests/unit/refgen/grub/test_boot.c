/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real boots again: configurations as grub-mkconfig of Debian 12 and 13 writes them, with a custom.cfg
 * full of what the language can do, booted under QEMU; the events are those of the machines' logs
 * (tests/vectors/grub/README.md).
 */
#include "core/crypto.h"
#include "core/pcr.h"

#include "tests/unit/test.h"
#include "tests/unit/refgen/grub/fixture.h"

#define VECTORS "tests/vectors/grub/"
#define FEATURES                                                                                   \
	"|feature_chainloader_bpb|feature_ntldr|feature_platform_search_hint"                      \
	"|feature_default_font_path|feature_all_video_module|feature_menuentry_id"                 \
	"|feature_menuentry_options|feature_200_final|feature_nativedisk_cmd"                      \
	"|feature_timeout_style|feature_net_search_cfg"

#define FILES_MAX   48
#define MODULES_MAX 160

/* Words of modules that say how a release behaves, as the signed images have them. */
static const struct fake_module words_12[] = {
	{"normal",    FEATURES				},
	{ "font",     "(memdisk)"                             },
	{ "linux",    "Secure Boot enabled: trying linuxefi"  },
	{ "linuxefi", "Asking shim to verify kernel signature"},
};
static const struct fake_module words_13[] = {
	{"font",    "(memdisk)"                       },
	{ "normal", FEATURES "|fw_path"               },
	{ "linux",  "LoadFile2 initrd loading %sabled"},
};

static const struct release {
	const char *modules, *memdisk_config, *sbat;
	const struct fake_module *words;
	size_t n_words;
} debian_12 = { VECTORS "debian-12.modules", VECTORS "debian-12.memdisk.cfg",
		"sbat,1,SBAT Version,sbat,1,https://x\ngrub,5,Free Software "
		"Foundation,grub,2.06,https://x\n"
		"grub.debian,5,Debian,grub2,2.06-13+deb12u2,https://x\n",
		words_12, ARRAY_SIZE(words_12) },
  debian_13 = { VECTORS "debian-13.modules", NULL,
		"sbat,1,SBAT Version,sbat,1,https://x\ngrub,7,Free Software "
		"Foundation,grub,2.12,https://x\n"
		"grub.debian,5,Debian,grub2,2.12-9+deb13u4,https://x\n",
		words_13, ARRAY_SIZE(words_13) };

static const struct boot_case {
	const char *name;
	const struct release *release;
	const char *config, *custom; /* grub.cfg, custom.cfg; NULL: none */
	const char *events;          /* of the machine's log; NULL: it kept none */
	bool secure_boot;
	const char *start;
	const char *assume; /* words in what is taken for granted, beside the SMBIOS */
	const char *pcr8;   /* SHA-256 bank of the TPM */
} boot_cases[] = {
	{"Debian 12, the capture sb-grub", &debian_12, "tests/vectors/boot/sb-grub/grub.cfg", NULL,
         VECTORS "sb-grub.events",        true,
         "start BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-amd64 root=/dev/vda2 rw console=ttyS0,115200 "
	  "panic=5 "
	  "ima_hash=sha256 ima_policy=tcb [hd0,gpt2 /boot/initrd.img-6.1.0-56-amd64]\n",	  "", "4ec599c988065afda246f6d5d5e9126aee71fdd14644e538ae8bfc8a393f0027"},
	{ "Debian 12",                     &debian_12, VECTORS "debian-12.cfg",               VECTORS "custom.cfg",
         VECTORS "debian-12.events",      true,
         "start BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-amd64 root=/dev/vda2 \"dyndbg=file a\" "
	  "back\\\\\\\\slash quo\\\\\"te \"sin gle\" ro quiet panic=5 [hd0,gpt2 "
	  "/boot/initrd.img-6.1.0-56-amd64] [hd0,gpt2 /boot/grub/extra.img]\n",		   "", NULL							      },
	{ "Debian 13",                     &debian_13, VECTORS "debian-13.cfg",               VECTORS "custom.cfg",
         VECTORS "debian-13.events",      true,  "start BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-amd64",
         "firmware can be asked to show its setup",                                                   NULL							      },
	{ "Debian 13, Secure Boot off",    &debian_13, VECTORS "debian-13.cfg",               VECTORS "custom.cfg",
         VECTORS "debian-13-open.events", false, "start BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-amd64",
         "firmware can be asked to show its setup",                                                   NULL							      },
	{ "Debian 12, Secure Boot off",    &debian_12, VECTORS "debian-12.cfg",               VECTORS "custom.cfg",
         NULL,			    false, "start BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-amd64", "",
         "456b61c0d3baa405fd494c832a9fdcac5a7e251957789305effa4ad8d9ece2db"											     },
};

struct machine_files {
	struct fake_file files[FILES_MAX];
	size_t n;
	struct bytes owned[FILES_MAX];
	size_t n_owned;
	struct buf module;
};

static void add(struct machine_files *files, const char *device, const char *path,
		struct bytes contents)
{
	assert_true(files->n < FILES_MAX);
	files->files[files->n++] = (struct fake_file){ device, path, contents };
}

static void add_file(struct machine_files *files, const char *device, const char *path,
		     const char *vector)
{
	struct bytes contents = test_file(vector);

	files->owned[files->n_owned++] = contents;
	add(files, device, path, contents);
}

static void add_text(struct machine_files *files, const char *path, const char *text)
{
	add(files, "hd0,gpt2", path, bytes_of_string(text));
}

static void machine_files_make(struct machine_files *files, const struct boot_case *row)
{
	fake_elf(&files->module, "hello", "hello", "extcmd");
	add_file(files, "hd0,gpt1", "/EFI/debian/grub.cfg", VECTORS "esp-grub.cfg");
	if (row->release->memdisk_config)
		add_file(files, "memdisk", "/grub.cfg", row->release->memdisk_config);
	add(files, "memdisk", "/fonts/unicode.pf2", bytes_of_string("a font"));
	if (row->custom) {
		add_file(files, "hd0,gpt2", "/boot/grub/custom.cfg", row->custom);
		add_file(files, "hd0,gpt2", "/boot/grub/grubenv", VECTORS "grubenv");
		add_file(files, "hd0,gpt2", "/boot/grub/otherenv", VECTORS "otherenv");
		add_file(files, "hd0,gpt2", "/boot/grub/x86_64-efi/command.lst",
			 VECTORS "command.lst");
		add_text(files, "/boot/grub/x86_64-efi/fs.lst", "ext2\n");
		add_text(files, "/boot/grub/x86_64-efi/crypto.lst", "AES: gcry_rijndael\n");
		add_text(files, "/boot/grub/x86_64-efi/terminal.lst", "iserial: serial\n");
		add(files, "hd0,gpt2", "/boot/grub/x86_64-efi/hello.mod",
		    buf_bytes(&files->module));
		add_text(files, "/boot/grub/fonts/unicode.pf2", "a font");
		add_text(files, "/boot/grub/extra.img", "extra\n");
	}
	add_file(files, "hd0,gpt2", "/boot/grub/grub.cfg", row->config);
	add_text(files, "/boot/vmlinuz-6.1.0-56-amd64", "a kernel");
	add_text(files, "/boot/initrd.img-6.1.0-56-amd64", "an initrd");
}

/* The release's image, from the names of its modules; words is what they point into. */
static void image_make(const struct release *release, struct buf *out)
{
	struct bytes names = test_file(release->modules);
	struct fake_module modules[MODULES_MAX];
	struct buf text = BUF_INIT;
	size_t n = 0;

	buf_append(&text, names);
	assert_int_equal(buf_finish(&text, NULL), 0);
	for (char *name = strtok((char *)text.data, "\n"); name; name = strtok(NULL, "\n")) {
		assert_true(n < MODULES_MAX);
		modules[n] = (struct fake_module){ name, NULL };
		for (size_t i = 0; i < release->n_words; i++)
			if (strcmp(release->words[i].name, name) == 0)
				modules[n].words = release->words[i].words;
		n++;
	}
	fake_image_make(&(struct fake_image){ modules, n,
					      release->memdisk_config
						      ? "normal (memdisk)/grub.cfg\n"
						      : NULL,
					      "/EFI/debian", release->sbat },
			out);
	buf_clear(&text);
	test_drop(names);
}

/* PCR 8 of a TPM that saw the commands of a log of ours. */
static void pcr8_check(const char *log, const char *expected)
{
	struct hasher *hasher = NULL;
	struct pcr_bank bank;
	struct digest value;
	char hex[DIGEST_HEX_SIZE];

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	pcr_bank_init(&bank, ALG_SHA256);
	while (*log) {
		const char *end = strchr(log, '\n'), *at = strchr(log, ' ');
		struct buf text = BUF_INIT;
		struct digest digest;

		if (strncmp(log, "command ", 8) == 0 || strncmp(log, "kernel ", 7) == 0) {
			for (at++; at < end; at++) {
				if (*at == '\\') {
					at++;
					buf_append_u8(&text, *at == 'n'   ? '\n'
							     : *at == 't' ? '\t'
									  : '\\');
				} else {
					buf_append_u8(&text, (uint8_t)*at);
				}
			}
			assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, buf_bytes(&text),
							     &digest, NULL),
					 0);
			assert_int_equal(pcr_bank_extend(&bank, hasher, 8, &digest, NULL), 0);
			buf_clear(&text);
		}
		log = end + 1;
	}
	value = pcr_bank_value(&bank, 8);
	assert_string_equal(digest_hex(&value, hex), expected);
	hasher_free(hasher);
}

/* The lines of a log that a TPM would see, the value that SMBIOS has put in. */
static void measured(const char *log, struct buf *out)
{
	static const char smbios[] = "command echo  ?";

	while (*log) {
		const char *end = strchr(log, '\n');
		size_t n = (size_t)(end - log);

		if (n == strlen(smbios) && strncmp(log, smbios, n) == 0)
			buf_append_string(out, "command echo QEMU\n");
		else if (strncmp(log, "command", 7) == 0 || strncmp(log, "kernel", 6) == 0 ||
			 strncmp(log, "file", 4) == 0)
			buf_append(out, bytes_of(log, n + 1));
		log = end + 1;
	}
	assert_int_equal(buf_finish(out, NULL), 0);
}

/* Line by line, so that a difference can be read. */
static void lines_check(const char *seen, const char *expected, size_t size)
{
	const char *limit = expected + size;

	for (size_t line = 1; *seen || expected < limit; line++) {
		const char *a = strchr(seen, '\n'),
			   *b = expected < limit
					? memchr(expected, '\n', (size_t)(limit - expected))
					: NULL;

		if (!a || !b || a - seen != b - expected ||
		    memcmp(seen, expected, (size_t)(a - seen)) != 0)
			fail_msg("line %zu:\n  %.*s\nexpected\n  %.*s", line,
				 a ? (int)(a - seen) : 0, seen, b ? (int)(b - expected) : 0,
				 expected);
		seen = a + 1;
		expected = b + 1;
	}
}

static void boot(void **state)
{
	const struct boot_case *row = *state;
	struct machine_files *files = calloc(1, sizeof(*files));
	struct buf bytes = BUF_INIT, seen = BUF_INIT;
	struct grub_image image = { 0 };
	struct fake_host fake;
	struct error err = { 0 };
	const char *log;

	machine_files_make(files, row);
	image_make(row->release, &bytes);
	fake_host_init(&fake, files->files, files->n);
	fake.host.secure_boot = row->secure_boot;
	assert_int_equal(grub_image_parse(buf_bytes(&bytes), "grubx64.efi", &image, &err), 0);
	if (grub_image_run(&image, &fake.host, &err) < 0)
		fail_msg("%s: %s", err.source, err.message);
	assert_int_equal(buf_finish(&fake.log, NULL), 0);
	log = (const char *)fake.log.data;
	measured(log, &seen);
	if (row->events) {
		struct bytes events = test_file(row->events);

		lines_check((const char *)seen.data, (const char *)events.data, events.size);
		test_drop(events);
	}
	if (row->pcr8)
		pcr8_check((const char *)seen.data, row->pcr8);
	assert_non_null(strstr(log, row->start));
	assert_non_null(strstr(log, row->assume));
	grub_image_clear(&image);
	buf_clear(&bytes);
	buf_clear(&seen);
	buf_clear(&fake.log);
	buf_clear(&files->module);
	for (size_t i = 0; i < files->n_owned; i++)
		test_drop(files->owned[i]);
	free(files);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, boot, boot_cases);
	return test_run(&tests, "refgen/grub/boot");
}
