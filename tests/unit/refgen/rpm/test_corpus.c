/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every package of the corpus: its file list, digests, payload, signatures and IMA signatures as
 * other programs read them.
 */
#include <dirent.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/text.h"
#include "refgen/rpm/internal.h"
#include "refgen/rpm/rpm.h"
#include "tests/unit/test.h"

static struct rpm_keyring *keyring;
static struct rpm_reader *readers[2]; /* of whole packages, of headers only */

/* What must be said of packages that are not what they should be, or that rpm 4.18 cannot judge. */
static const struct special {
	const char *name; /* the file's name has this in it */
	enum error_code code;
	uint64_t offset;
	enum signature_state signature; /* when code is ERROR_NONE */
} specials[] = {
	{"own__damaged-header-store-bit",      ERROR_MALFORMED,   0x262d, 0                     },
	{ "own__damaged-index-count-overflow", ERROR_LIMIT,       0x11a0, 0                     },
	{ "own__damaged-lead-only",            ERROR_TRUNCATED,   0x60,   0                     },
	{ "own__damaged-payload-bit",          ERROR_MISMATCH,    0x263d, 0                     },
	{ "own__damaged-store-size-overflow",  ERROR_LIMIT,       0x11a4, 0                     },
	{ "own__damaged-trailing-garbage",     ERROR_MALFORMED,   0x2d45, 0                     },
	{ "own__damaged-truncated-header",     ERROR_TRUNCATED,   0x11c0, 0                     },
	{ "own__damaged-truncated-payload",    ERROR_TRUNCATED,   0x29c1, 0                     },
	{ "tour-4-5_4-6.noarch.drpm",          ERROR_UNSUPPORTED, 0,      0                     },
 /* rpm 4.18 has no ECDSA; the source project says the signature is good */
	{ "with-ecdsa",			ERROR_NONE,        0,      SIGNATURE_VERIFIED    },
 /* rpm 4.18 does not look at OPENPGP; librnp reads no version 6 */
	{ "basic-multiple-signatures",         ERROR_NONE,        0,      SIGNATURE_UNVERIFIABLE},
	{ "with-mldsa65-ed25519",              ERROR_NONE,        0,      SIGNATURE_UNVERIFIABLE},
	{ "with-rsa4k",			ERROR_NONE,        0,      SIGNATURE_UNVERIFIABLE},
	{ "signed_rpm-basic-with-ed25519",     ERROR_NONE,        0,      SIGNATURE_UNVERIFIABLE},
};

static const struct special *special_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(specials); i++)
		if (strstr(name, specials[i].name))
			return &specials[i];
	return NULL;
}

/* A path below the corpus. */
static char *join(const char *folder, const char *name, const char *what)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	buf_printf(&text, "%s/%s%s%s", test_corpus(), folder, name, what);
	assert_int_equal(buf_finish(&text, NULL), 0);
	return strdup((const char *)text.data);
}

/* The lines of expected/rpm/NAME.WHAT without comments; false if there is no such file. */
static bool expected_open(const char *name, const char *what, struct bytes *out)
{
	AUTO(own_free) char *path = join("expected/rpm/", name, what);
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	*out = test_file(path);
	return true;
}

static bool next_line(struct bytes *text, struct bytes *line)
{
	do {
		const uint8_t *end = text->size ? memchr(text->data, '\n', text->size) : NULL;

		if (!end)
			return false;
		*line = bytes_of(text->data, (size_t)(end - text->data));
		*text = bytes_of(end + 1, text->size - line->size - 1);
	} while (line->size && line->data[0] == '#');
	return true;
}

static struct bytes next_column(struct bytes *line)
{
	const uint8_t *tab = line->size ? memchr(line->data, '\t', line->size) : NULL;
	struct bytes column = bytes_of(line->data, tab ? (size_t)(tab - line->data) : line->size);
	size_t taken = column.size + (tab ? 1 : 0);

	*line = bytes_of(line->data + taken, line->size - taken);
	return column;
}

static uint64_t number_of(struct bytes text, int base)
{
	char digits[32] = "";

	assert_true(text.size < sizeof(digits));
	memcpy(digits, text.data, text.size);
	return strtoull(digits, NULL, base);
}

/* The file list as the parsers give it, whether or not the package is sound. */
static void file_list(void **state)
{
	const char *name = *state;
	AUTO(own_free) char *path = join("rpm/", name, "");
	AUTO(rpm_opened_clear) struct rpm_opened opened = RPM_OPENED_INIT;
	AUTO(rpm_filelist_clear) struct rpm_filelist list = { 0 };
	struct bytes expected, left, line;
	struct error err = { 0 };
	uint32_t n = 0;

	assert_true(expected_open(name, ".files.tsv", &expected));
	if (rpm_open(path, &opened, &err) < 0 ||
	    rpm_filelist_parse(&opened.signature, &opened.main, &list, &err) < 0)
		fail_msg("offset 0x%" PRIx64 ": %s", err.offset, err.message);
	left = expected;
	for (; next_line(&left, &line); n++) {
		char full[RPM_PATH_MAX];
		const struct rpm_file *file;

		assert_true(n < list.n_files);
		file = &list.files[n];
		test_bytes(rpm_file_path(file, full), next_column(&line));
		test_bytes(file->digest, next_column(&line));
		assert_int_equal(file->mode, number_of(next_column(&line), 8));
		assert_int_equal(file->size, number_of(next_column(&line), 10));
		assert_int_equal(file->flags, number_of(next_column(&line), 10));
		next_column(&line); /* user */
		next_column(&line); /* group */
		test_bytes(file->link, next_column(&line));
	}
	assert_int_equal(n, list.n_files);
	test_drop(expected);
}

static int read_package(const char *name, bool header_only, struct rpm_package *out,
			struct error *err)
{
	AUTO(own_free) char *path = join("rpm/", name, "");

	return rpm_read(readers[header_only], path, out, err);
}

static const struct golden_file *find_file(const struct file_set *set, struct bytes path)
{
	for (size_t i = 0; i < set->n_files; i++)
		if (bytes_equal(set->files[i].path, path))
			return &set->files[i];
	return NULL;
}

static const struct digest *find_digest(const struct golden_file *file, enum alg alg)
{
	for (size_t i = 0; i < file->n_digests; i++)
		if (file->digests[i].alg == alg)
			return &file->digests[i];
	return NULL;
}

/* Each payload entry's SHA-256, as another cpio reader found it. */
static void check_payload(const char *name, const struct file_set *set)
{
	struct bytes expected, left, line;

	if (!expected_open(name, ".payload.tsv", &expected))
		return;
	left = expected;
	while (next_line(&left, &line)) {
		struct bytes hex = next_column(&line);
		uint64_t mode = number_of(next_column(&line), 8);
		uint64_t size = number_of(next_column(&line), 10);
		struct bytes path = next_column(&line);
		const struct golden_file *file;
		uint8_t value[32];

		if (!S_ISREG(mode))
			continue;
		if (path.data[0] == '.')
			path = bytes_of(path.data + 1, path.size - 1);
		file = find_file(set, path);
		if (!file)
			fail_msg("no file %.*s", (int)path.size, (const char *)path.data);
		if (size == 0 && file->size > 0)
			continue; /* a hard link whose contents come with another */
		assert_int_equal(hex_parse(hex, value, sizeof(value)), 32);
		assert_non_null(find_digest(file, ALG_SHA256));
		test_bytes(digest_bytes(find_digest(file, ALG_SHA256)), bytes_of(value, 32));
		assert_int_equal(file->size, size);
	}
	test_drop(expected);
}

static void check_ima(const char *name, const struct file_set *set)
{
	struct bytes expected, left, line;

	if (!expected_open(name, ".imasig.tsv", &expected))
		return;
	left = expected;
	while (next_line(&left, &line)) {
		struct bytes hex = next_column(&line);
		const struct golden_file *file = find_file(set, next_column(&line));
		char is[4096];

		if (!file) {
			assert_int_equal(hex.size, 0); /* no regular file */
			continue;
		}
		assert_true(file->ima_signature.size < sizeof(is) / 2);
		hex_write(is, file->ima_signature);
		test_bytes(bytes_of_string(is), hex);
	}
	test_drop(expected);
}

static bool text_has(struct bytes text, const char *word)
{
	size_t size = strlen(word);

	for (size_t i = 0; i + size <= text.size; i++)
		if (memcmp(text.data + i, word, size) == 0)
			return true;
	return false;
}

/* What rpm -Kv says of the signatures. */
static void check_signature(const char *name, const struct file_set *set)
{
	const struct special *special = special_of(name);
	enum signature_state expected = SIGNATURE_NONE;
	struct bytes text, left, line;

	assert_true(expected_open(name, ".sig.txt", &text));
	left = text;
	while (next_line(&left, &line)) {
		if (!text_has(line, "ignature, key ID "))
			continue;
		if (text_has(line, ": OK")) {
			uint8_t key_id[4];
			char tail[9] = "";
			struct bytes signer = set->artifact.signer;

			for (size_t i = 0; i + 18 < line.size; i++)
				if (memcmp(line.data + i, ", key ID ", 9) == 0)
					memcpy(tail, line.data + i + 9, 8);
			assert_int_equal(hex_parse(bytes_of_string(tail), key_id, 4), 4);
			expected = SIGNATURE_VERIFIED;
			/* the last four bytes of the fingerprint */
			assert_true(signer.size > 41 && signer.data[40] == ' ');
			test_bytes(bytes_of(signer.data + 32, 8), bytes_of_string(tail));
		} else if (text_has(line, ": NOKEY") && expected == SIGNATURE_NONE) {
			expected = SIGNATURE_NO_KEY;
		}
	}
	if (special)
		expected = special->signature;
	assert_int_equal(set->artifact.signature, expected);
	test_drop(text);
}

static void package(void **state)
{
	const char *name = *state;
	const struct special *special = special_of(name);
	AUTO(rpm_package_clear) struct rpm_package package = { 0 };
	struct error err = { 0 };
	int status = read_package(name, false, &package, &err);

	if (special && special->code != ERROR_NONE) {
		assert_int_equal(status, -1);
		if (special->offset)
			test_error(&err, special->code, special->offset);
		assert_int_equal(err.code, special->code);
		return;
	}
	if (status < 0)
		fail_msg("offset 0x%" PRIx64 ": %s", err.offset, err.message);
	if (strstr(name, ".src.rpm")) {
		assert_int_equal(package.outcome, RPM_SOURCE);
		return;
	}
	assert_int_equal(package.outcome, RPM_READ);
	check_payload(name, package.set);
	check_ima(name, package.set);
	check_signature(name, package.set);
	for (size_t i = 0; i < package.set->n_files; i++) {
		const struct golden_file *file = &package.set->files[i];

		assert_true((file->flags & FILE_GHOST) || find_digest(file, ALG_SHA256));
	}
}

/* What --header-only says must be what the contents say. */
static void header_only(void **state)
{
	const char *name = *state;
	AUTO(rpm_package_clear) struct rpm_package whole = { 0 };
	AUTO(rpm_package_clear) struct rpm_package header = { 0 };
	struct error err = { 0 };

	assert_int_equal(read_package(name, false, &whole, &err), 0);
	assert_int_equal(read_package(name, true, &header, &err), 0);
	if (header.outcome == RPM_SOURCE)
		return;
	assert_int_equal(header.set->n_files, whole.set->n_files);
	assert_int_equal(header.set->n_links, whole.set->n_links);
	assert_true(header.set->artifact.header_only);
	for (size_t i = 0; i < whole.set->n_files; i++) {
		const struct golden_file *a = &whole.set->files[i], *b = &header.set->files[i];

		test_bytes(b->path, a->path);
		test_bytes(b->ima_signature, a->ima_signature);
		assert_int_equal(a->mode, b->mode);
		assert_true(a->size == b->size);
		for (size_t k = 0; k < b->n_digests; k++) {
			const struct digest *same = find_digest(a, b->digests[k].alg);

			if (same) /* SHA-224 is asked for by nobody, but stored */
				assert_true(digest_equal(same, &b->digests[k]));
		}
		if (!header.lacking)
			assert_true((b->flags & FILE_GHOST) || find_digest(b, ALG_SHA256));
	}
}

static void load_keys(void)
{
	AUTO(own_free) char *folder = join("rpm/keys", "", "");
	DIR *dir = opendir(folder);
	struct dirent *entry;

	assert_non_null(dir);
	assert_int_equal(rpm_keyring_new(&keyring, NULL), 0);
	while ((entry = readdir(dir))) {
		AUTO(own_free) char *path = join("rpm/keys/", entry->d_name, "");
		struct bytes key;
		size_t n_unusable = 0;
		struct error err = { 0 };

		if (entry->d_name[0] == '.' || strstr(entry->d_name, "ima-") ||
		    strstr(entry->d_name, "ima_"))
			continue;
		key = test_file(path);
		if (rpm_keyring_add(keyring, key, entry->d_name, &n_unusable, &err) < 0) {
			assert_non_null(strstr(entry->d_name, "-v6-"));
			assert_int_equal(err.code, ERROR_UNSUPPORTED);
		}
		test_drop(key);
	}
	closedir(dir);
}

static bool has_file_list(const char *name)
{
	AUTO(own_free) char *path = join("expected/rpm/", name, ".files.tsv");
	struct stat st;

	return stat(path, &st) == 0;
}

static void no_corpus(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
	struct test_list tests = { 0 };
	AUTO(own_free) char *folder = NULL;
	struct dirent **entries = NULL;
	int n, failed;

	if (!test_corpus()) {
		TEST(&tests, no_corpus);
		return test_run(&tests, "refgen/rpm/corpus");
	}
	folder = join("rpm", "", "");
	n = scandir(folder, &entries, NULL, alphasort);
	if (n < 0)
		return 1;
	load_keys();
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		size_t size = strlen(name);

		if (size < 4 || strcmp(name + size - 3, "rpm") != 0)
			continue;
		if (has_file_list(name))
			test_add(&tests, "file_list", name, file_list, name);
		test_add(&tests, "package", name, package, name);
		if (!special_of(name) || special_of(name)->code == ERROR_NONE)
			test_add(&tests, "header_only", name, header_only, name);
	}
	for (int i = 0; i < 2; i++) {
		const struct rpm_options options = { .algs = 1u << ALG_SHA256,
						     .header_only = i,
						     .keyring = keyring };

		if (rpm_reader_new(&options, &readers[i], NULL) < 0)
			return 1;
	}
	failed = test_run(&tests, "refgen/rpm/corpus");
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	rpm_reader_free(readers[0]);
	rpm_reader_free(readers[1]);
	rpm_keyring_free(keyring);
	return failed;
}
