/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole packages, made value by value, read from memory files. */
#define _GNU_SOURCE /* memfd_create */
#include "refgen/rpm/rpm.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "refgen/rpm/tags.h"
#include "tests/unit/refgen/rpm/build.h"
#include "tests/unit/test.h"

static struct hasher *hasher;

/* What makes one package different from the sound one. */
struct recipe {
	const char *name;
	uint32_t without;       /* a tag that is left away */
	bool v3;                /* whole paths, no regions */
	bool stripped;          /* 07070X payload */
	bool links_each;        /* every hard link comes with the contents */
	uint32_t digest_alg;    /* OpenPGP id; 0: SHA-256 */
	const char *compressor; /* tag; NULL: none */
	const char *format;
	const char *first_path; /* instead of /etc/ */
	const char *link_data;  /* of the symbolic link in the payload */
	const char *tool_data;  /* of /usr/bin/tool in the payload */
	const char *extra;      /* an entry more in the payload */
	bool tool_twice, no_tool, second_archive, no_trailer;
	const char *ima;    /* IMA signature of tool, hex */
	uint32_t tool_size; /* in the header, instead of the right one */
	bool bad_payload_digest, plain_payload;
	const char *payload_after; /* bytes after the archive, of the payload */
};

#define CONTENTS "#!/bin/sh\necho tool\n"
#define LINKED   "linked contents"
#define CONFIG   "a=1\n"

/* The files: config, ghost, tool (a script), three hard links, a symbolic link, a directory. */
enum { CONF, GHOST, DIRECTORY, LINK_1, LINK_2, LINK_3, SYMLINK, TOOL, N_FILES };
static const char *const bases[N_FILES] = { "conf",  "ghost", "lib", "link1",
					    "link2", "link3", "sym", "tool" };
static const char *const dirs[] = { "/etc/", "/usr/", "/usr/bin/" };
static const uint32_t dir_indexes[N_FILES] = { 0, 0, 1, 2, 2, 2, 2, 2 };
static const uint16_t modes[N_FILES] = { 0100644, 0100644, 040755,  0100755,
					 0100755, 0100755, 0120777, 0104755 };
static const uint32_t inodes[N_FILES] = { 1, 2, 3, 4, 4, 4, 5, 6 };
static const uint32_t flags[N_FILES] = {
	RPMFILE_CONFIG, RPMFILE_GHOST, 0, 0, 0, 0, 0, RPMFILE_DOC
};
static const char *const data[N_FILES] = {
	CONFIG, "", "", LINKED, LINKED, LINKED, "tool", CONTENTS
};

static void path_of(const struct recipe *recipe, int file, char *out, size_t out_size)
{
	const char *dir =
		file == CONF && recipe->first_path ? recipe->first_path : dirs[dir_indexes[file]];

	snprintf(out, out_size, "%s%s", dir, bases[file]);
}

static void build_payload(const struct recipe *recipe, struct buf *out)
{
	for (int round = 0; round < (recipe->second_archive ? 2 : 1); round++) {
		for (int i = 0; i < N_FILES; i++) {
			const char *contents = data[i];
			char name[64] = ".";

			path_of(recipe, i, name + 1, sizeof(name) - 1);
			if (i == GHOST || (i == TOOL && recipe->no_tool))
				continue;
			if ((i == LINK_1 || i == LINK_2) && !recipe->links_each)
				contents = "";
			if (i == TOOL && recipe->tool_data)
				contents = recipe->tool_data;
			if (i == SYMLINK && recipe->link_data)
				contents = recipe->link_data;
			for (int n = 0; n < (i == TOOL && recipe->tool_twice ? 2 : 1); n++) {
				if (recipe->stripped)
					build_stripped(out, (uint32_t)i, bytes_of_string(contents));
				else
					build_cpio(out, name, inodes[i], modes[i],
						   i >= LINK_1 && i <= LINK_3 ? 3 : 1,
						   bytes_of_string(contents));
			}
		}
		if (recipe->extra)
			build_cpio(out, recipe->extra, 9, 0100644, 1, bytes_of_string("extra"));
		if (!recipe->no_trailer)
			build_trailer(out);
	}
	if (recipe->payload_after)
		buf_append_string(out, recipe->payload_after);
}

static enum alg recipe_alg(const struct recipe *recipe)
{
	return recipe->digest_alg ? alg_of_openpgp_id(recipe->digest_alg) : ALG_SHA256;
}

static void hex_of(enum alg alg, struct bytes bytes, char *out)
{
	struct digest digest;

	assert_int_equal(hasher_digest_bytes(hasher, alg, bytes, &digest, NULL), 0);
	digest_hex(&digest, out);
}

static void build_main(const struct recipe *recipe, struct bytes payload, struct buf *out)
{
	struct build_header header = { 0 };
	char digests[N_FILES][DIGEST_HEX_SIZE] = { "" }, payload_hex[DIGEST_HEX_SIZE];
	char paths[N_FILES][64];
	const char *digest_list[N_FILES], *links[N_FILES], *path_list[N_FILES], *ima[N_FILES],
		*payload_list[1] = { payload_hex };
	const char *dir_list[3] = { recipe->first_path ? recipe->first_path : dirs[0], dirs[1],
				    dirs[2] };
	uint32_t sizes[N_FILES], devices[N_FILES];

	for (int i = 0; i < N_FILES; i++) {
		path_of(recipe, i, paths[i], sizeof(paths[i]));
		path_list[i] = paths[i];
		digest_list[i] = digests[i];
		sizes[i] = (uint32_t)strlen(data[i]);
		devices[i] = 1;
		links[i] = i == SYMLINK ? data[i] : "";
		ima[i] = i == TOOL && recipe->ima ? recipe->ima : "";
		if (S_ISREG(modes[i]) && i != GHOST)
			hex_of(recipe_alg(recipe), bytes_of_string(data[i]), digests[i]);
	}
	if (recipe->tool_size)
		sizes[TOOL] = recipe->tool_size;
	hex_of(ALG_SHA256, payload, payload_hex);
	if (recipe->bad_payload_digest || recipe->plain_payload)
		payload_hex[0] = payload_hex[0] == '0' ? '1' : '0';

#define WITH(tag) if (recipe->without != (tag))
	WITH(RPMTAG_NAME) build_string(&header, RPMTAG_NAME, "made");
	build_string(&header, RPMTAG_VERSION, "1.0");
	build_string(&header, RPMTAG_RELEASE, "2");
	build_int32(&header, RPMTAG_EPOCH, 3);
	build_i18n(&header, 1004, "summary");
	build_int32(&header, RPMTAG_BUILDTIME, 1700000000);
	build_string(&header, RPMTAG_BUILDHOST, "build.example.org");
	build_string(&header, RPMTAG_VENDOR, "Vendor");
	build_string(&header, RPMTAG_ARCH, "noarch");
	if (recipe->v3)
		build_strings(&header, RPMTAG_OLDFILENAMES, path_list, N_FILES);
	WITH(RPMTAG_FILESIZES) build_int32s(&header, RPMTAG_FILESIZES, sizes, N_FILES);
	WITH(RPMTAG_FILEMODES) build_int16s(&header, RPMTAG_FILEMODES, modes, N_FILES);
	build_strings(&header, RPMTAG_FILEDIGESTS, digest_list, N_FILES);
	build_strings(&header, RPMTAG_FILELINKTOS, links, N_FILES);
	build_int32s(&header, RPMTAG_FILEFLAGS, flags, N_FILES);
	WITH(RPMTAG_SOURCERPM) build_string(&header, RPMTAG_SOURCERPM, "made-1.0-2.src.rpm");
	build_int32s(&header, RPMTAG_FILEDEVICES, devices, N_FILES);
	build_int32s(&header, RPMTAG_FILEINODES, inodes, N_FILES);
	if (!recipe->v3) {
		build_int32s(&header, RPMTAG_DIRINDEXES, dir_indexes, N_FILES);
		build_strings(&header, RPMTAG_BASENAMES, bases, N_FILES);
		WITH(RPMTAG_DIRNAMES) build_strings(&header, RPMTAG_DIRNAMES, dir_list, 3);
	}
	if (recipe->format)
		build_string(&header, RPMTAG_PAYLOADFORMAT, recipe->format);
	if (recipe->compressor)
		build_string(&header, RPMTAG_PAYLOADCOMPRESSOR, recipe->compressor);
	if (!recipe->digest_alg || recipe->digest_alg > 1)
		build_int32(&header, RPMTAG_FILEDIGESTALGO,
			    recipe->digest_alg ? recipe->digest_alg : 8);
	if (recipe->ima)
		build_strings(&header, RPMTAG_FILESIGNATURES, ima, N_FILES);
	if (!recipe->v3) {
		build_strings(&header, RPMTAG_PAYLOADSHA256, payload_list, 1);
		build_int32(&header, RPMTAG_PAYLOADSHA256ALGO, 8);
	}
	if (recipe->plain_payload) {
		char right[DIGEST_HEX_SIZE];

		hex_of(ALG_SHA256, payload, right);
		payload_list[0] = right;
		build_strings(&header, RPMTAG_PAYLOADSHA256ALT, payload_list, 1);
	}
	build_finish(&header, recipe->v3 ? 0 : RPMTAG_HEADERIMMUTABLE, out);
}

/* A whole package of a recipe. */
static void build(const struct recipe *recipe, struct buf *out)
{
	AUTO(buf_clear) struct buf payload = BUF_INIT;
	AUTO(buf_clear) struct buf main = BUF_INIT;

	build_payload(recipe, &payload);
	build_main(recipe, buf_bytes(&payload), &main);
	build_package(out, "made-1.0-2", buf_bytes(&main), buf_bytes(&payload), hasher);
	assert_int_equal(buf_finish(out, NULL), 0);
}

struct memory_file {
	int fd;
	char path[32];
};

static struct memory_file memory_file(struct bytes contents)
{
	struct memory_file file = { .fd = memfd_create("package", MFD_CLOEXEC) };

	assert_true(file.fd >= 0);
	assert_int_equal(write(file.fd, contents.data, contents.size), contents.size);
	snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
	return file;
}

static int read_with(const struct rpm_options *options, struct bytes contents,
		     struct rpm_package *out, struct error *err)
{
	AUTO(rpm_reader_freep) struct rpm_reader *reader = NULL;
	struct memory_file file = memory_file(contents);
	int status;

	if (rpm_reader_new(options, &reader, err) < 0) {
		close(file.fd);
		return -1;
	}
	status = rpm_read(reader, file.path, out, err);
	close(file.fd);
	return status;
}

static const struct golden_file *find(const struct rpm_package *package, const char *path)
{
	for (size_t i = 0; i < package->set->n_files; i++)
		if (bytes_equal_string(package->set->files[i].path, path))
			return &package->set->files[i];
	fail_msg("no %s", path);
	return NULL;
}

static void has_contents(const struct rpm_package *package, const char *path, enum alg alg,
			 const char *contents)
{
	const struct golden_file *file = find(package, path);
	char expected[DIGEST_HEX_SIZE], is[DIGEST_HEX_SIZE];

	hex_of(alg, bytes_of_string(contents), expected);
	for (size_t i = 0; i < file->n_digests; i++)
		if (file->digests[i].alg == alg) {
			assert_string_equal(digest_hex(&file->digests[i], is), expected);
			assert_int_equal(file->size, strlen(contents));
			return;
		}
	fail_msg("%s has no %s", path, alg_name(alg));
}

static const struct recipe good_recipes[] = {
	{.name = "v4"            },
	{  .name = "v3",              .v3 = true },
	{ .name = "stripped",        .stripped = true },
	{ .name = "hard links with contents each",      .links_each = true },
	{ .name = "MD5 file digests",         .digest_alg = 1 },
	{ .name = "SHA-512 file digests",        .digest_alg = 10 },
	{ .name = "payload format said",        .format = "cpio" },
	{ .name = "stored plain, tag says xz",      .compressor = "xz" },
	{ .name = "stored plain, only its digest fits",   .plain_payload = true },
	{ .name = "zeros after the archive",     .payload_after = "" },
	{ .name = "with an IMA signature", .ima = "030204aabbccdd" },
};

static void good(void **state)
{
	const struct recipe *recipe = *state;
	const struct rpm_options options = { .algs = 1u << ALG_SHA256 | 1u << ALG_SHA1 };
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_package_clear) struct rpm_package package = { 0 };
	const struct artifact *artifact;
	struct digest whole;
	struct error err = { 0 };

	build(recipe, &built);
	if (read_with(&options, buf_bytes(&built), &package, &err) < 0)
		fail_msg("offset 0x%lx: %s", (unsigned long)err.offset, err.message);
	assert_int_equal(package.outcome, RPM_READ);
	artifact = &package.set->artifact;
	assert_int_equal(artifact->kind, ARTIFACT_RPM);
	assert_true(bytes_equal_string(artifact->name, "made-1.0-2.noarch"));
	assert_true(bytes_equal_string(artifact->package, "made"));
	assert_true(bytes_equal_string(artifact->evr, "3:1.0-2"));
	assert_true(bytes_equal_string(artifact->arch, "noarch"));
	assert_true(bytes_equal_string(artifact->vendor, "Vendor"));
	assert_true(bytes_equal_string(artifact->build_host, "build.example.org"));
	assert_true(bytes_equal_string(artifact->source_rpm, "made-1.0-2.src.rpm"));
	assert_int_equal(artifact->build_time, 1700000000);
	assert_int_equal(artifact->signature, SIGNATURE_NONE);
	assert_int_equal(artifact->size, built.size);
	assert_false(artifact->header_only);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, buf_bytes(&built), &whole, NULL),
			 0);
	assert_true(digest_equal(&artifact->digest, &whole));

	assert_int_equal(package.set->n_files, 6);
	assert_int_equal(package.set->n_links, 1);
	assert_true(bytes_equal_string(package.set->links[0].path, "/usr/bin/sym"));
	assert_true(bytes_equal_string(package.set->links[0].target, "tool"));
	for (enum alg alg = ALG_SHA1; alg <= ALG_SHA256; alg++) {
		has_contents(&package, "/etc/conf", alg, CONFIG);
		has_contents(&package, "/usr/bin/tool", alg, CONTENTS);
		has_contents(&package, "/usr/bin/link1", alg, LINKED);
		has_contents(&package, "/usr/bin/link2", alg, LINKED);
		has_contents(&package, "/usr/bin/link3", alg, LINKED);
	}
	has_contents(&package, "/etc/conf", recipe_alg(recipe), CONFIG);
	assert_int_equal(find(&package, "/etc/ghost")->n_digests, 0);
	assert_int_equal(find(&package, "/etc/ghost")->flags, FILE_GHOST);
	assert_int_equal(find(&package, "/etc/conf")->flags, FILE_CONFIG);
	assert_int_equal(find(&package, "/usr/bin/tool")->flags, FILE_DOC);
	assert_int_equal(find(&package, "/usr/bin/tool")->mode, 0104755);
	assert_int_equal(find(&package, "/usr/bin/tool")->kind, KIND_SCRIPT);
	assert_true(find(&package, "/usr/bin/tool")->executable);
	test_bytes_hex(find(&package, "/usr/bin/tool")->ima_signature,
		       recipe->ima ? recipe->ima : "");
}

static const struct bad_recipe {
	const char *name;
	struct recipe recipe;
	enum error_code code;
	const char *message; /* has this in it */
} bad_recipes[] = {
	{"contents changed",
         { .tool_data = "#!/bin/sh\necho fool\n" },
         ERROR_MISMATCH,									 "'/usr/bin/tool' has sha256 "                               },
	{ "contents cut",
         { .tool_data = "#!/bin/sh\n" },
         ERROR_MISMATCH,									 "'/usr/bin/tool' has 10 bytes, the header says 20"          },
	{ "stripped contents changed",
         { .stripped = true, .tool_data = "#!/bin/sh\necho fool\n" },
         ERROR_MISMATCH,									 "'/usr/bin/tool' has sha256 "                               },
	{ "symbolic link changed",
         { .link_data = "fool" },
         ERROR_MISMATCH,									 "'/usr/bin/sym' links to something else"                    },
	{ "symbolic link cut",
         { .link_data = "too" },
         ERROR_MISMATCH,									 "'/usr/bin/sym' links to something else"                    },
	{ "file not in the header",
         { .extra = "./usr/bin/extra" },
         ERROR_MISMATCH,									 "'./usr/bin/extra' is in the payload, but not in the header"},
	{ "file not in the payload",
         { .no_tool = true },
         ERROR_MISMATCH,									 "'/usr/bin/tool' is in the header, but not in the payload"  },
	{ "file twice",
         { .tool_twice = true },
         ERROR_MALFORMED,									"'/usr/bin/tool' is in the payload twice"                   },
	{ "second archive",                  { .second_archive = true },      ERROR_MALFORMED,   "second archive"                                            },
	{ "no trailer",                      { .no_trailer = true },          ERROR_TRUNCATED,   ""                                                          },
	{ "bytes after the archive",         { .payload_after = "more" },     ERROR_MALFORMED,   ""                                                          },
	{ "payload digest",
         { .bad_payload_digest = true },
         ERROR_MISMATCH,									 "sha256 of the payload is "                                 },
	{ "delta package",                   { .format = "drpm" },            ERROR_UNSUPPORTED, "'drpm'"                                                    },
	{ "no NAME",			 { .without = RPMTAG_NAME },      ERROR_MALFORMED,   "without NAME"                                              },
	{ "no FILEMODES",                    { .without = RPMTAG_FILEMODES }, ERROR_MALFORMED,   "without FILEMODES"                                         },
	{ "no FILESIZES",                    { .without = RPMTAG_FILESIZES }, ERROR_MALFORMED,   "without FILESIZES"                                         },
	{ "no DIRNAMES",                     { .without = RPMTAG_DIRNAMES },  ERROR_MALFORMED,   "without DIRNAMES"                                          },
	{ "relative path",                   { .first_path = "etc/" },        ERROR_MALFORMED,   "'etc/conf'"                                                },
	{ "IMA signature of three digits",
         { .ima = "030" },
         ERROR_MALFORMED,									"signature of 'tool'"				       },
	{ "IMA signature no hex",            { .ima = "03zz" },               ERROR_MALFORMED,   "signature of 'tool'"                                       },
	{ "size over 4 GiB of a small file",
         { .tool_size = 0xffffffff },
         ERROR_MISMATCH,									 "'/usr/bin/tool' has 20 bytes"                              },
};

static void refused(void **state)
{
	const struct bad_recipe *row = *state;
	const struct rpm_options options = { .algs = 1u << ALG_SHA256 };
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_package_clear) struct rpm_package package = { 0 };
	struct error err = { 0 };

	build(&row->recipe, &built);
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, &err), -1);
	if (err.code != row->code || !strstr(err.message, row->message))
		fail_msg("got code %d: %s", err.code, err.message);
	assert_null(package.set);
}

/* The packages' own digests and sizes, each changed in its place. */
static void damage(void **state)
{
	const struct rpm_options options = { .algs = 1u << ALG_SHA256 };
	const struct recipe recipe = { .name = "" };
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_package_clear) struct rpm_package package = { 0 };
	struct error err = { 0 };
	uint8_t *at;

	(void)state;
	build(&recipe, &built);
	at = memmem(built.data, built.size, "Vendor", 6);
	assert_non_null(at);
	*at ^= 1;
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, &err), -1);
	assert_int_equal(err.code, ERROR_MISMATCH);
	assert_non_null(strstr(err.message, "sha1 of the header is "));
	*at ^= 1;
	at = memmem(built.data, built.size, "echo tool", 9);
	*at ^= 1;
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, &err), -1);
	assert_int_equal(err.code, ERROR_MISMATCH);
	assert_non_null(strstr(err.message, "sha256 of the payload is "));
	*at ^= 1;

	buf_append_u8(&built, 0);
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, &err), -1);
	test_error(&err, ERROR_MALFORMED, built.size - 1);
	built.size -= 2;
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, &err), -1);
	test_error(&err, ERROR_TRUNCATED, built.size);
	built.size++;
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, &err), 0);
}

static void same_files(const struct rpm_package *a, const struct rpm_package *b)
{
	assert_int_equal(a->set->n_files, b->set->n_files);
	for (size_t i = 0; i < a->set->n_files; i++) {
		const struct golden_file *left = &a->set->files[i], *right = &b->set->files[i];

		test_bytes(left->path, right->path);
		assert_int_equal(left->n_digests, right->n_digests);
		for (size_t k = 0; k < left->n_digests; k++)
			assert_true(digest_equal(&left->digests[k], &right->digests[k]));
	}
}

/* Cut anywhere, it is refused; with any bit changed it is refused, or its files are what they were. */
static void cut_and_flipped(void **state)
{
	const struct rpm_options options = { .algs = 1u << ALG_SHA256 };
	const struct recipe recipe = { .name = "", .stripped = true, .ima = "0302" };
	AUTO(rpm_reader_freep) struct rpm_reader *reader = NULL;
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_package_clear) struct rpm_package whole = { 0 };

	(void)state;
	build(&recipe, &built);
	assert_int_equal(read_with(&options, buf_bytes(&built), &whole, NULL), 0);
	assert_int_equal(rpm_reader_new(&options, &reader, NULL), 0);
	for (size_t size = 0; size < built.size; size++) {
		struct memory_file file = memory_file(bytes_of(built.data, size));
		struct rpm_package package = { 0 };
		struct error err = { 0 };

		assert_int_equal(rpm_read(reader, file.path, &package, &err), -1);
		close(file.fd);
	}
	for (size_t at = 0; at < built.size; at++) {
		AUTO(rpm_package_clear) struct rpm_package package = { 0 };
		struct memory_file file;
		struct error err = { 0 };

		built.data[at] ^= (uint8_t)(1u << at % 8);
		file = memory_file(buf_bytes(&built));
		if (rpm_read(reader, file.path, &package, &err) == 0) {
			assert_int_equal(package.outcome, RPM_READ);
			same_files(&whole, &package);
		}
		close(file.fd);
		built.data[at] ^= (uint8_t)(1u << at % 8);
	}
}

static void header_only(void **state)
{
	struct rpm_options options = { .algs = 1u << ALG_SHA256, .header_only = true };
	const struct recipe sha256 = { .name = "", .tool_data = "never looked at" };
	const struct recipe md5 = { .name = "", .digest_alg = 1 };
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_package_clear) struct rpm_package package = { 0 };

	(void)state;
	build(&sha256, &built);
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, NULL), 0);
	assert_true(package.set->artifact.header_only);
	assert_int_equal(package.lacking, 0);
	assert_int_equal(package.set->algs, 1u << ALG_SHA256);
	has_contents(&package, "/usr/bin/tool", ALG_SHA256, CONTENTS);
	has_contents(&package, "/usr/bin/link1", ALG_SHA256, LINKED);
	rpm_package_clear(&package);

	options.algs |= 1u << ALG_SHA512; /* of which the header knows nothing */
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, NULL), 0);
	assert_int_equal(package.lacking, 1u << ALG_SHA512);
	assert_int_equal(package.set->algs, 1u << ALG_SHA256);
	rpm_package_clear(&package);

	built.size = 0;
	options.algs = 1u << ALG_SHA256;
	build(&md5, &built);
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, NULL), 0);
	assert_int_equal(package.lacking, 1u << ALG_SHA256);
	assert_int_equal(package.set->algs, 0);
	assert_int_equal(find(&package, "/usr/bin/tool")->n_digests, 1);
	has_contents(&package, "/usr/bin/tool", ALG_MD5, CONTENTS); /* as what it is */
}

static void source_packages_are_told(void **state)
{
	const struct rpm_options options = { .algs = 1u << ALG_SHA256 };
	const struct recipe recipe = { .name = "", .without = RPMTAG_SOURCERPM };
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_package_clear) struct rpm_package package = { 0 };
	struct error err = { 0 };

	(void)state;
	build(&recipe, &built);
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, &err), -1);
	assert_int_equal(err.code, ERROR_MALFORMED); /* the lead says binary */
	built.data[7] = 1;
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, NULL), 0);
	assert_int_equal(package.outcome, RPM_SOURCE);
	assert_null(package.set);
}

static void unsigned_is_refused_if_asked(void **state)
{
	const struct rpm_options options = { .algs = 1u << ALG_SHA256, .require_signed = true };
	const struct recipe recipe = { .name = "" };
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_package_clear) struct rpm_package package = { 0 };
	struct error err = { 0 };

	(void)state;
	build(&recipe, &built);
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, &err), -1);
	assert_int_equal(err.code, ERROR_MISMATCH);
	assert_non_null(strstr(err.message, "it is not signed"));
}

static bool say_known(void *ctx, const struct digest *artifact)
{
	*(struct digest *)ctx = *artifact;
	return true;
}

static void known_packages_are_not_unpacked(void **state)
{
	struct digest asked = { 0 };
	const struct rpm_options options = { .algs = 1u << ALG_SHA256,
					     .known = say_known,
					     .known_ctx = &asked };
	const struct recipe recipe = { .name = "", .tool_data = "would be refused" };
	AUTO(buf_clear) struct buf built = BUF_INIT;
	AUTO(rpm_package_clear) struct rpm_package package = { 0 };

	(void)state;
	build(&recipe, &built);
	assert_int_equal(read_with(&options, buf_bytes(&built), &package, NULL), 0);
	assert_int_equal(package.outcome, RPM_KNOWN);
	assert_true(digest_equal(&asked, &package.set->artifact.digest));
	assert_int_equal(package.set->n_files, 0);
}

#define SEVERAL 60

/* Packages in a queue, and what came of each. */
struct several {
	struct memory_file files[SEVERAL];
	struct digest artifacts[SEVERAL];
	size_t n_taken, n_given;
	bool given[SEVERAL], failed[SEVERAL];
	struct error why[SEVERAL];
};

static const char *several_take(void *ctx, bool wait, size_t *item)
{
	struct several *several = ctx;

	assert_int_equal(wait, several->n_taken == several->n_given);
	if (several->n_taken == SEVERAL || (!wait && several->n_taken % 11 == 5))
		return NULL; /* now and then there is none for a while */
	*item = several->n_taken++;
	return several->files[*item].path;
}

static void several_give(void *ctx, size_t item, const struct rpm_package *package,
			 const struct error *why)
{
	struct several *several = ctx;

	assert_true(item < several->n_taken && !several->given[item]);
	several->given[item] = true;
	several->n_given++;
	several->failed[item] = !package;
	if (package) {
		struct rpm_package copy = *package;

		several->artifacts[item] = package->set->artifact.digest;
		assert_int_equal(package->set->n_files, 6);
		rpm_package_clear(&copy);
	} else {
		several->why[item] = *why;
	}
}

/* Sound and damaged ones of all sizes, side by side, come to the same as each by itself. */
static void several_at_a_time(void **state)
{
	const struct rpm_options options = { .algs = 1u << ALG_SHA256, .header_only = true };
	AUTO(rpm_reader_freep) struct rpm_reader *reader = NULL;
	struct several several = { .n_taken = 0 };
	const struct rpm_queue queue = { &several, several_take, several_give };
	size_t n_failed = 0;

	(void)state;
	assert_int_equal(rpm_reader_new(&options, &reader, NULL), 0);
	for (size_t i = 0; i < SEVERAL; i++) {
		AUTO(buf_clear) struct buf built = BUF_INIT;
		AUTO(own_free) char *more = calloc(1, 400001);
		const size_t size = i * i * i * 7919 % 400000;
		struct recipe recipe = good_recipes[i % ARRAY_SIZE(good_recipes)];

		assert_non_null(more);
		memset(more, 'a' + (int)(i % 26), size);
		recipe.payload_after = more;
		build(&recipe, &built);
		if (i % 5 == 3)
			built.data[built.size - 1 - size / 2] ^= 1;
		several.files[i] =
			memory_file(bytes_of(built.data, built.size - (i % 7 == 4 ? 1 : 0)));
		assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, buf_bytes(&built),
						     &several.artifacts[i], NULL),
				 0);
	}
	for (int round = 0; round < 2; round++) {
		struct digest expected[SEVERAL];

		memcpy(expected, several.artifacts, sizeof(expected));
		several.n_taken = several.n_given = 0;
		memset(several.given, 0, sizeof(several.given));
		rpm_read_all(reader, &queue);
		assert_int_equal(several.n_given, SEVERAL);
		for (size_t i = 0; i < SEVERAL; i++) {
			AUTO(rpm_package_clear) struct rpm_package alone = { 0 };
			struct error err = { 0 };
			bool failed = rpm_read(reader, several.files[i].path, &alone, &err) < 0;

			assert_int_equal(failed, several.failed[i]);
			assert_int_equal(failed, i % 5 == 3 || i % 7 == 4);
			if (failed) {
				assert_string_equal(err.message, several.why[i].message);
				assert_int_equal(err.offset, several.why[i].offset);
				n_failed++;
			} else {
				assert_true(digest_equal(&several.artifacts[i], &expected[i]));
			}
		}
	}
	assert_true(n_failed > 10);
	for (size_t i = 0; i < SEVERAL; i++)
		close(several.files[i].fd);
}

static void what_is_no_file(void **state)
{
	const struct rpm_options options = { .algs = 1u << ALG_SHA256 };
	AUTO(rpm_reader_freep) struct rpm_reader *reader = NULL;
	struct rpm_package package = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(rpm_reader_new(&options, &reader, NULL), 0);
	assert_int_equal(rpm_read(reader, "/nowhere/at-all.rpm", &package, &err), -1);
	assert_int_equal(err.code, ERROR_INPUT);
	assert_int_equal(rpm_read(reader, "/dev/null", &package, &err), -1);
	assert_int_equal(err.code, ERROR_INPUT);
	assert_int_equal(rpm_read(reader, "/", &package, &err), -1);
	assert_int_equal(err.code, ERROR_INPUT);
}

static void out_of_memory(void **state)
{
	const struct rpm_options options = { .algs = 1u << ALG_SHA256 };
	const struct recipe recipe = { .name = "", .ima = "0302" };
	AUTO(buf_clear) struct buf built = BUF_INIT;
	struct memory_file file;

	(void)state;
	build(&recipe, &built);
	file = memory_file(buf_bytes(&built));
	for (unsigned n = 1;; n++) {
		AUTO(rpm_reader_freep) struct rpm_reader *reader = NULL;
		AUTO(rpm_package_clear) struct rpm_package package = { 0 };
		struct error err = { 0 };
		int status;

		test_alloc_fail(n);
		status = rpm_reader_new(&options, &reader, &err);
		if (status == 0)
			status = rpm_read(reader, file.path, &package, &err);
		test_alloc_fail(0);
		if (status == 0)
			break;
		assert_int_equal(err.code, ERROR_SYSTEM);
		assert_true(n < 1000);
	}
	close(file.fd);
}

int main(void)
{
	struct test_list tests = { 0 };
	int failed;

	if (hasher_new(&hasher, NULL) < 0)
		return 1;
	TEST_ROWS(&tests, good, good_recipes);
	TEST_ROWS(&tests, refused, bad_recipes);
	TEST(&tests, damage);
	TEST(&tests, cut_and_flipped);
	TEST(&tests, header_only);
	TEST(&tests, source_packages_are_told);
	TEST(&tests, unsigned_is_refused_if_asked);
	TEST(&tests, known_packages_are_not_unpacked);
	TEST(&tests, several_at_a_time);
	TEST(&tests, what_is_no_file);
	TEST(&tests, out_of_memory);
	failed = test_run(&tests, "refgen/rpm/package");
	hasher_free(hasher);
	return failed;
}
