/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real images: those of the corpus, with digests that pesign and osslsigncode agree on, and what the
 * machine has installed. Where there are none, the tests say that they are skipped.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/json_read.h"
#include "refgen/pe/pe.h"
#include "tests/unit/test.h"

static struct hasher *hasher;

/* Corpus images that firmware would not load: what is said of them. */
static const struct refused {
	const char *name;
	enum error_code code;
} refused[] = {
	{"u-root-u-root__Image", ERROR_TRUNCATED}, /* the first 68015 bytes of a kernel */
};

static enum error_code refusal_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (strcmp(name, refused[i].name) == 0)
			return refused[i].code;
	return ERROR_NONE;
}

static void assert_digest(const struct digest *digest, const struct json_value *expected)
{
	char hex[DIGEST_HEX_SIZE];
	struct bytes text;

	assert_true(json_value_text(expected, &text));
	digest_hex(digest, hex);
	test_bytes(bytes_of_string(hex), text);
}

/* The n-th value of a key in the text of a document; json_read gives no arrays. */
static bool nth_text(struct bytes document, const char *key, size_t n, struct bytes *out)
{
	const char *at = (const char *)document.data, *end;

	do {
		at = strstr(at, key);
		if (!at)
			return false;
		at += strlen(key);
	} while (n--);
	end = strchr(at, '"');
	assert_non_null(end);
	*out = bytes_of(at, (size_t)(end - at));
	return true;
}

static void assert_sections(const struct pe *pe, struct bytes document)
{
	struct bytes expected;
	size_t n = 0;

	for (; nth_text(document, "\"sha256_of_vsize_bytes\": \"", n, &expected); n++) {
		const struct pe_section *section = pe_section(pe, n);
		struct digest out[ALG_COUNT];
		char hex[DIGEST_HEX_SIZE];
		struct error err = { 0 };

		assert_non_null(section);
		/* What is stored, where memory has more: the corpus has no digest with the zeros. */
		if (section->virtual_size > section->raw_size)
			assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256,
							     pe_section_bytes(pe, section),
							     &out[ALG_SHA256], NULL),
					 0);
		else if (pe_section_digests(pe, section, hasher, 1u << ALG_SHA256, out, &err) < 0)
			fail_msg("%s", err.message);
		digest_hex(&out[ALG_SHA256], hex);
		test_bytes(bytes_of_string(hex), expected);
	}
	assert_int_equal(n, pe_n_sections(pe));
}

static void check_image(const char *name, struct bytes file, struct bytes document)
{
	static const enum alg algs[] = { ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512 };
	AUTO(json_value_freep) struct json_value *expected = NULL;
	AUTO(pe_freep) struct pe *pe = NULL;
	struct digest out[ALG_COUNT];
	const struct json_value *authenticode;
	struct error err = { 0 };
	struct bytes ignored;
	size_t n = 0;

	print_message("%s\n", name);
	assert_int_equal(json_read(document, name, &expected, NULL), 0);
	if (refusal_of(name) != ERROR_NONE) {
		assert_int_equal(pe_open(file, name, &pe, &err), -1);
		assert_int_equal(err.code, refusal_of(name));
		return;
	}
	if (pe_open(file, name, &pe, &err) < 0)
		fail_msg("%s: %s", name, err.message);
	if (pe_authenticode(pe, hasher, 0xf, out, &err) < 0)
		fail_msg("%s: %s", name, err.message);
	authenticode = json_value_member(expected, "authenticode");
	assert_non_null(authenticode);
	for (size_t i = 0; i < ARRAY_SIZE(algs); i++)
		assert_digest(&out[algs[i]], json_value_member(authenticode, alg_name(algs[i])));
	assert_sections(pe, document);
	while (nth_text(document, "\"revision\": \"", n, &ignored))
		n++;
	assert_int_equal(pe_n_signatures(pe), n);
	if (json_value_text(json_value_member(expected, "sbat"), &ignored))
		assert_int_equal(pe_n_sbat(pe) >= 2, true);
	else
		assert_int_equal(pe_n_sbat(pe), 0);
}

static void corpus(void **state)
{
	const char *folder = test_corpus();
	char path[4096];
	DIR *images;
	struct dirent *entry;
	size_t n = 0;

	(void)state;
	if (!folder)
		skip();
	snprintf(path, sizeof(path), "%s/pe", folder);
	images = opendir(path);
	if (!images)
		skip();
	while ((entry = readdir(images))) {
		struct bytes file, document, text;

		snprintf(path, sizeof(path), "%s/expected/pe/%s.pe.json", folder, entry->d_name);
		if (access(path, R_OK) != 0)
			continue;
		document = test_file(path);
		snprintf(path, sizeof(path), "%s/pe/%s", folder, entry->d_name);
		file = test_file(path);
		/* strstr wants its NUL. */
		text = bytes_of(strndup((const char *)document.data, document.size), document.size);
		check_image(entry->d_name, file, text);
		test_drop(text);
		test_drop(document);
		test_drop(file);
		n++;
	}
	closedir(images);
	assert_true(n > 20);
}

/* Images of Debian packages and of the corpus: a version is what it begins with. */
static const struct known_case {
	const char *name; /* a path; one that is relative is in the corpus */
	enum pe_kind kind;
	const char *version;
	size_t n_signatures;
} known_cases[] = {
	{"/usr/lib/shim/shimx64.efi.signed",                       PE_SHIM,         "1",   2},
	{ "/usr/lib/shim/shimx64.efi",                             PE_SHIM,         "1",   0},
	{ "/usr/lib/shim/mmx64.efi.signed",                        PE_MOK_MANAGER,  "1",   1},
	{ "/usr/lib/shim/fbx64.efi.signed",                        PE_FALLBACK,     "1",   1},
	{ "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",    PE_GRUB,         "2.",  1},
	{ "/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",     PE_GRUB,         "2.",  1},
	{ "/usr/lib/systemd/boot/efi/systemd-bootx64.efi",         PE_SYSTEMD_BOOT, "25",  0},
	{ "/usr/lib/systemd/boot/efi/linuxx64.efi.stub",           PE_SYSTEMD_STUB, "25",  0},
	{ "pe/Foxboron-go-uefi__linuxx64.efi.stub",                PE_SYSTEMD_STUB, "249", 0},
	{ "pe/pulp-pulp-fixtures__BOOTX64.EFI",                    PE_SHIM,         "15",  1},
	{ "pe/pulp-pulp-fixtures__mmx64.efi",                      PE_MOK_MANAGER,  "",    1},
	{ "pe/pulp-pulp-fixtures__grubx64.efi",                    PE_GRUB,         "",    1},
	{ "pe/u-root-u-root__bzimage-64kurandominitramfs",         PE_KERNEL,       "4.",  0},
	{ "pe/canonical-secboot__mockshim.efi.signed.1.2.1+1.1.1", PE_SHIM,         "15",  2},
};

static void known(void **state)
{
	const struct known_case *row = *state;
	char path[4096];
	struct bytes file;
	struct pe *pe = NULL;
	struct error err = { 0 };

	if (row->name[0] == '/')
		snprintf(path, sizeof(path), "%s", row->name);
	else if (test_corpus())
		snprintf(path, sizeof(path), "%s/%s", test_corpus(), row->name);
	else
		skip();
	if (access(path, R_OK) != 0)
		skip();
	file = test_file(path);
	if (pe_open(file, row->name, &pe, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(pe_kind_name(pe_kind(pe)), pe_kind_name(row->kind));
	if (!bytes_start_with(pe_version(pe), bytes_of_string(row->version)))
		fail_msg("version %.*s", (int)pe_version(pe).size,
			 (const char *)pe_version(pe).data);
	assert_int_equal(pe_n_signatures(pe), row->n_signatures);
	assert_true(pe_certificates_sound(pe));
	assert_true(pe_sbat_well_formed(pe));
	pe_free(pe);
	test_drop(file);
}

int main(void)
{
	struct test_list tests = { 0 };
	int failed;

	if (hasher_new(&hasher, NULL) < 0)
		return 1;
	TEST(&tests, corpus);
	TEST_ROWS(&tests, known, known_cases);
	failed = test_run(&tests, "refgen/pe corpus");
	hasher_free(hasher);
	return failed;
}
