/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make_rpms: many packages as a distribution has them, fast: whole headers (dependencies, change
 * log, file classes), all digests right. rpm -K and createrepo_c take them. The files are tiny and
 * stored plain, so that reading headers is what is measured.
 *
 * usage: make_rpms DIR N_PACKAGES N_FILES      N_FILES: of all packages together
 */
#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/refgen/rpm/build.h"

#define FILES_MAX 4096u /* of one package */

/* Numbers that are the same everywhere. */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

static void *or_die(void *p)
{
	if (!p) {
		fputs("make_rpms: out of memory\n", stderr);
		exit(4);
	}
	return p;
}

/* The files of one package: a program, libraries, data and documents in a few directories. */
struct files {
	uint32_t n;
	char (*names)[48];
	char (*digests)[DIGEST_HEX_SIZE];
	const char **name_list, **digest_list, **link_list, **user_list, **lang_list;
	uint32_t *sizes, *dirs, *flags, *inodes, *devices, *times, *classes, *colors, *verify;
	uint16_t *modes, *rdevs;
};

/* The same for each array of the files. */
#define EACH_ARRAY(X)                                                                              \
	X(names)                                                                                   \
	X(digests)                                                                                 \
	X(name_list)                                                                               \
	X(digest_list)                                                                             \
	X(link_list)                                                                               \
	X(user_list)                                                                               \
	X(lang_list)                                                                               \
	X(sizes)                                                                                   \
	X(dirs)                                                                                    \
	X(flags)                                                                                   \
	X(inodes)                                                                                  \
	X(devices)                                                                                 \
	X(times)                                                                                   \
	X(classes)                                                                                 \
	X(colors)                                                                                  \
	X(verify)                                                                                  \
	X(modes)                                                                                   \
	X(rdevs)

static void files_new(struct files *files)
{
#define NEW(a) files->a = or_die(calloc(FILES_MAX, sizeof(*files->a)));
	EACH_ARRAY(NEW)
#undef NEW
}

static void files_clear(struct files *files)
{
#define FREE(a) free(files->a);
	EACH_ARRAY(FREE)
#undef FREE
}

#define N_DIRS 6
static const char *const dir_formats[N_DIRS] = {
	"/usr/bin/",          "/usr/lib64/%s/",        "/usr/share/%s/",
	"/usr/share/doc/%s/", "/usr/share/locale/%s/", "/usr/share/man/%s/",
};
static const char *const class_list[] = {
	"ELF 64-bit LSB pie executable, x86-64, version 1 (SYSV), dynamically linked",
	"ELF 64-bit LSB shared object, x86-64, version 1 (SYSV), dynamically linked",
	"ASCII text",
	"UTF-8 Unicode text",
};

/* File index of a package, with its contents appended to the payload. */
static void make_file(struct files *files, uint32_t index, const char *package, uint64_t *random,
		      struct hasher *hasher, struct buf *payload)
{
	uint8_t contents[80];
	char path[256], dir[128];
	size_t size = 16 + next_random(random) % (sizeof(contents) - 16);
	uint32_t which = index * N_DIRS / files->n; /* sorted by directory, as rpm does */
	struct digest digest;

	for (size_t i = 0; i < size; i += 4) {
		uint32_t word = next_random(random);

		memcpy(contents + i, &word, size - i < 4 ? size - i : 4);
	}
	snprintf(files->names[index], sizeof(files->names[index]), "%s-%05u", package, index);
	if (hasher_digest_bytes(hasher, ALG_SHA256, bytes_of(contents, size), &digest, NULL) < 0)
		exit(4);
	digest_hex(&digest, files->digests[index]);
	files->name_list[index] = files->names[index];
	files->digest_list[index] = files->digests[index];
	files->link_list[index] = "";
	files->user_list[index] = "root";
	files->lang_list[index] = "";
	files->sizes[index] = (uint32_t)size;
	files->dirs[index] = which;
	files->flags[index] = which == 3 ? 2 : 0;
	files->inodes[index] = index + 1;
	files->devices[index] = 1;
	files->times[index] = 1700000000;
	files->classes[index] = which == 0 ? 0 : which == 1 ? 1 : 2 + index % 2;
	files->colors[index] = which < 2 ? 2 : 0;
	files->verify[index] = 0xffffffff;
	files->modes[index] = which == 0 ? 0100755 : 0100644;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(dir, sizeof(dir), dir_formats[which], package);
#pragma GCC diagnostic pop
	snprintf(path, sizeof(path), ".%s%s", dir, files->names[index]);
	build_cpio(payload, path, index + 1, files->modes[index], 1, bytes_of(contents, size));
}

static void build_dependencies(struct build_header *header, const uint32_t tags[3],
			       const char *const *names, const uint32_t *flags,
			       const char *const *versions, uint32_t n)
{
	for (int i = 0; i < 3; i++)
		if (i == 0)
			build_int32s(header, tags[0], flags, n);
		else
			build_strings(header, tags[i], i == 1 ? names : versions, n);
}

static void build_main(struct build_header *header, const char *name, const struct files *files,
		       struct bytes payload, struct hasher *hasher)
{
	static const char *const requires[] = { "/bin/sh",
						"libc.so.6()(64bit)",
						"libc.so.6(GLIBC_2.34)(64bit)",
						"libm.so.6()(64bit)",
						"libz.so.1()(64bit)",
						"rpmlib(CompressedFileNames)",
						"rpmlib(FileDigests)",
						"rpmlib(PayloadFilesHavePrefix)" };
	static const char *const require_versions[] = { "", "",        "",        "",
							"", "3.0.4-1", "4.6.0-1", "4.0-1" };
	static const uint32_t require_flags[] = { 1280,  16384,     16384,     16384,
						  16384, 0x100000a, 0x100000a, 0x100000a };
	static const char *const log_names[] = { "Packager <packager@example.org> - 1.2-3",
						 "Packager <packager@example.org> - 1.2-2",
						 "Packager <packager@example.org> - 1.2-1" };
	static const char *const log_texts[] = { "- rebuilt for the new release, which needs it",
						 "- a fix of a fault that nobody saw",
						 "- first package" };
	static const uint32_t log_times[] = { 1700000000, 1690000000, 1680000000 };
	static const char *const languages[] = { "C" };
	const uint32_t n = files->n;
	char dirs[N_DIRS][128], provide[160], size_text[DIGEST_HEX_SIZE];
	const char *dir_list[N_DIRS], *provides[] = { name, provide },
				      *versions[] = { "1.2-3", "1.2-3" };
	const uint32_t provide_flags[] = { 8, 8 };
	const char *payload_list[] = { size_text };
	struct digest digest;
	uint32_t total = 0;

	snprintf(provide, sizeof(provide), "%s(x86-64)", name);
	for (int i = 0; i < N_DIRS; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(dirs[i], sizeof(dirs[i]), dir_formats[i], name);
#pragma GCC diagnostic pop
		dir_list[i] = dirs[i];
	}
	for (uint32_t i = 0; i < n; i++)
		total += files->sizes[i];
	if (hasher_digest_bytes(hasher, ALG_SHA256, payload, &digest, NULL) < 0)
		exit(4);
	digest_hex(&digest, size_text);

	build_strings(header, 100, languages, 1);
	build_string(header, 1000, name);
	build_string(header, 1001, "1.2");
	build_string(header, 1002, "3");
	build_i18n(header, 1004, "A package that is like many others");
	build_i18n(header, 1005,
		   "This package has programs, libraries, data and documents, as most "
		   "have.\nNobody needs it.");
	build_int32(header, 1006, 1700000000);
	build_string(header, 1007, "build.example.org");
	build_int32(header, 1009, total);
	build_string(header, 1011, "Example Vendor");
	build_string(header, 1014, "BSD-2-Clause");
	build_string(header, 1015, "Example Packager <packager@example.org>");
	build_i18n(header, 1016, "Unspecified");
	build_string(header, 1020, "https://example.org/");
	build_string(header, 1021, "linux");
	build_string(header, 1022, "x86_64");
	build_int32s(header, 1028, files->sizes, n);
	build_int16s(header, 1030, files->modes, n);
	build_int16s(header, 1033, files->rdevs, n);
	build_int32s(header, 1034, files->times, n);
	build_strings(header, 1035, files->digest_list, n);
	build_strings(header, 1036, files->link_list, n);
	build_int32s(header, 1037, files->flags, n);
	build_strings(header, 1039, files->user_list, n);
	build_strings(header, 1040, files->user_list, n);
	build_string(header, 1044, "example-1.2-3.src.rpm");
	build_int32s(header, 1045, files->verify, n);
	build_strings(header, 1047, provides, 2);
	build_dependencies(header, (const uint32_t[]){ 1048, 1049, 1050 }, requires, require_flags,
			   require_versions, 8);
	build_string(header, 1064, "4.18.0");
	build_int32s(header, 1080, log_times, 3);
	build_strings(header, 1081, log_names, 3);
	build_strings(header, 1082, log_texts, 3);
	build_int32s(header, 1095, files->devices, n);
	build_int32s(header, 1096, files->inodes, n);
	build_strings(header, 1097, files->lang_list, n);
	build_int32s(header, 1112, provide_flags, 2);
	build_strings(header, 1113, versions, 2);
	build_int32s(header, 1116, files->dirs, n);
	build_strings(header, 1117, files->name_list, n);
	build_strings(header, 1118, dir_list, N_DIRS);
	build_string(header, 1124, "cpio");
	build_int32s(header, 1140, files->colors, n);
	build_int32s(header, 1141, files->classes, n);
	build_strings(header, 1142, class_list, 4);
	build_int32(header, 5011, 8);
	build_strings(header, 5092, payload_list, 1);
	build_int32(header, 5093, 8);
	build_strings(header, 5097, payload_list, 1);
}

static void write_package(const char *path, const struct buf *package)
{
	FILE *out = fopen(path, "wb");

	if (package->failed || !out ||
	    fwrite(package->data, 1, package->size, out) != package->size || fclose(out) != 0) {
		perror(path);
		exit(4);
	}
}

int main(int argc, char **argv)
{
	struct files files = { 0 };
	struct hasher *hasher = NULL;
	uint64_t random = 1;
	unsigned long n_packages, n_files;

	if (argc != 4 || !(n_packages = strtoul(argv[2], NULL, 10)) ||
	    !(n_files = strtoul(argv[3], NULL, 10)) || n_files / n_packages >= FILES_MAX) {
		fputs("usage: make_rpms DIR N_PACKAGES N_FILES\n", stderr);
		return 2;
	}
	if (mkdir(argv[1], 0777) < 0 && errno != EEXIST) {
		perror(argv[1]);
		return 4;
	}
	if (hasher_new(&hasher, NULL) < 0)
		return 4;
	files_new(&files);
	for (unsigned long i = 0; i < n_packages; i++) {
		struct buf payload = BUF_INIT, main_bytes = BUF_INIT, package = BUF_INIT;
		struct build_header header = { 0 };
		char name[32], path[4096];

		snprintf(name, sizeof(name), "package%05lu", i);
		files.n = (uint32_t)((i + 1) * n_files / n_packages - i * n_files / n_packages);
		for (uint32_t k = 0; k < files.n; k++)
			make_file(&files, k, name, &random, hasher, &payload);
		build_trailer(&payload);
		build_main(&header, name, &files, buf_bytes(&payload), hasher);
		build_finish(&header, 63, &main_bytes);
		build_package(&package, name, buf_bytes(&main_bytes), buf_bytes(&payload), hasher);
		snprintf(path, sizeof(path), "%s/%s-1.2-3.x86_64.rpm", argv[1], name);
		write_package(path, &package);
		buf_clear(&payload);
		buf_clear(&main_bytes);
		buf_clear(&package);
	}
	files_clear(&files);
	hasher_free(hasher);
	return 0;
}
